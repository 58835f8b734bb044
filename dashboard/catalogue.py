"""What the API tells beside rows: datasets, sources, refreshes, and single entries with their history.

Each is small and sent whole as JSON. The schemas beside the functions are those of the OpenAPI document.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from dashboard.answer import Answer, Question, text
from dashboard.downloads import FORMATS
from dashboard.openapi import GRAMMAR, row
from etl import sql
from etl.dictionary import docstring, required
from etl.store import Lease
from etl.tables import ALL_TABLES, FACT_TABLES, VIEWS

TEXT: Final = {"type": "string"}
NUMBER: Final = {"type": "integer", "minimum": 0}
AS_OF: Final = {"type": ["integer", "null"], "description": "the earlier refresh asked for"}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def listed(table: str) -> dict[str, Any]:
    """The schema of all rows of a small table."""
    return _object(ledger=TEXT, as_of=AS_OF, **{table: {"type": "array", "items": row(table)}})


COUNT: Final = _object(
    table=TEXT,
    ledger=TEXT,
    as_of=AS_OF,
    row_count=NUMBER,
    approximate_bytes={"type": "object", "additionalProperties": NUMBER},
)
COLUMN: Final = _object(name=TEXT, type=TEXT, unit=TEXT, required=TEXT, meaning=TEXT)
DATASETS: Final = _object(
    ledger=TEXT,
    as_of=AS_OF,
    datasets={
        "type": "array",
        "items": _object(
            name=TEXT,
            kind={"enum": ["facts", "view", "beside the figures"]},
            description=TEXT,
            row_count=NUMBER,
            columns={"type": "array", "items": COLUMN},
            formats={"type": "object", "additionalProperties": TEXT},
        ),
    },
)
ENTRY: Final = _object(
    ledger=TEXT,
    as_of=AS_OF,
    entry_id=TEXT,
    table={"enum": list(FACT_TABLES)},
    address=TEXT,
    entry={"type": ["object", "null"], "description": "its values then; null where it came later"},
    revisions={"type": "array", "items": {"type": "object"}, "minItems": 1},
    source={"type": ["object", "null"]},
    citation=TEXT,
)
CHANGES: Final = {"type": "object"}
CHANGES_ASKED: Final = [
    {
        "name": name, "in": "query", "required": name != "source", "description": meaning,
        "schema": {"type": "string", "minLength": 1},
    }
    for name, meaning in (
        ("a", "The earlier refresh: its number, a day or a time; 0 for the empty ledger."),
        ("b", "The later one."),
        ("source", "Only what this source changed."),
    )
] + [GRAMMAR]  # fmt: skip


def _about(lease: Lease) -> dict[str, Any]:
    return {"ledger": lease.ledger, "as_of": lease.as_of}


def _rows(lease: Lease, table: str) -> list[dict[str, Any]]:
    """All rows of a small table, as the downloads in JSON have them."""
    lines = b"".join(FORMATS["ndjson"].pieces(Answer(Question(table), lease))).splitlines()
    return [json.loads(line) for line in lines]


def sources(lease: Lease) -> dict[str, Any]:
    """Every source."""
    return {**_about(lease), "sources": _rows(lease, "sources")}


def refreshes(lease: Lease) -> dict[str, Any]:
    """Every refresh up to the one looked back to."""
    return {**_about(lease), "refreshes": _rows(lease, "refreshes")}


def datasets(lease: Lease) -> dict[str, Any]:
    """Every table with its columns and where to get it."""
    return {**_about(lease), "datasets": list(_datasets(lease))}


def _datasets(lease: Lease) -> Iterator[dict[str, Any]]:
    for name, schema in ALL_TABLES.items():
        kind = "facts" if name in FACT_TABLES else "view" if name in VIEWS else "beside the figures"
        asked = Question(name)
        yield {
            "name": name,
            "kind": kind,
            "description": docstring(schema),
            "row_count": Answer(asked, lease).rows,
            "columns": [
                {
                    "name": column,
                    "type": sql.sql_type(declared.dtype),
                    "unit": str((declared.metadata or {}).get("unit", "")),
                    "required": required(column, declared),
                    "meaning": declared.description or "",
                }
                for column, declared in schema.columns().items()
            ],
            "formats": {ending: asked.address(ending, lease.as_of) for ending in FORMATS},
        }


def entry(lease: Lease, entry_id: str) -> dict[str, Any] | None:
    """One figure with every revision, oldest first; None where the ledger does not hold it."""
    for table in FACT_TABLES:
        revisions = _revisions(lease, table, entry_id)
        if revisions:
            return _entry(lease, table, revisions)
    return None


def _revisions(lease: Lease, table: str, entry_id: str) -> list[dict[str, Any]]:
    query = sql.text("entry").format(table=sql.identifier(table)).strip().rstrip(";")
    found = lease.con.execute(text("as_json").format(rows=query), {"entry_id": entry_id}).fetchall()
    return [json.loads(line) for (line,) in found]


def _entry(lease: Lease, table: str, revisions: list[dict[str, Any]]) -> dict[str, Any]:
    known = [one for one in revisions if lease.as_of is None or one["recorded_in"] <= lease.as_of]
    shown = known[-1] if known else None
    named = shown or revisions[0]
    sources = (
        lease.con.execute(text("sources_of"), {"sources": [named["source_id"]]}).pl().to_dicts()
    )
    source = sources[0] if sources else None
    entry_id = named["entry_id"]
    return {
        **_about(lease),
        "entry_id": entry_id,
        "table": table,
        "address": f"/entry?entry={entry_id}",
        "entry": shown,
        "revisions": revisions,
        "source": source,
        "citation": _citation(lease, named, source),
    }


def _citation(lease: Lease, values: Mapping[str, Any], source: Mapping[str, str] | None) -> str:
    """The publication that the figure was read in, then the ledger and the entry."""
    report, edition = values["report"], values["edition"]
    parts = [
        source["publisher"] if source else values["source_id"],
        edition if report in edition else f"{report}, {edition}",
        values["place"],
        values["source_url"],
    ]
    read_in = ", ".join(part for part in parts if part)
    return (
        f"{read_in}. Through: HMA Ledger, {lease.ledger}, entry {values['entry_id']}, revision "
        f"{values['revision']}."
    )
