"""What an export says of itself to programs: ``datapackage.json`` and ``CITATION.cff``.

The Frictionless Data Package (version 1) is written from the declarations in :mod:`etl.tables`, so
it says of each column what the checks and the data dictionary say. Nothing in either file depends
on when or where the export was made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import dataframely as dy
import polars as pl
import yaml

from etl.dictionary import docstring, required
from etl.manifest import Manifest, ledger_name
from etl.tables import ALL_TABLES, FACT_TABLES

TITLE: Final = "HMA Ledger"
ABSTRACT: Final = (
    "What the U.S. Humanitarian Mine Action Program covered, who was hurt in those places, and who "
    "is left to pay: printed figures, each with the publication, edition and place it was read in. "
    "The same dollar stands in several sources, so figures of two sources or series are never added."
)
LICENCE: Final = {
    "name": "Apache-2.0",
    "title": "Apache License 2.0, for the transcription; each source names the terms of its figures",
    "path": "https://www.apache.org/licenses/LICENSE-2.0",
}
TYPES: Final[Mapping[type[pl.DataType], str]] = {
    pl.String: "string",
    pl.Int64: "integer",
    pl.Float64: "number",
    pl.Decimal: "number",
    pl.Boolean: "boolean",
    pl.Datetime: "datetime",
}
# The column that no two rows of a table share.
PRIMARY_KEYS: Final[Mapping[str, str]] = {
    **dict.fromkeys(FACT_TABLES, "entry_id"),
    "coverage": "entry_id",
    "area_profile": "area",
    "areas": "area",
    "implementers": "implementer",
    "measures": "measure",
    "bases": "basis",
    "casualty_measures": "measure",
    "sources": "source_id",
    "series": "series",
    "refreshes": "refresh",
}
FOREIGN_KEYS: Final[Mapping[str, str]] = {"area": "areas", "source_id": "sources"}


@dataclass(frozen=True)
class Exported:
    """The state of the ledger that an export holds: that right after a refresh, by its manifest."""

    sha256: str
    manifest: Manifest

    @property
    def name(self) -> str:
        """The name of the ledger that was published by that refresh."""
        return ledger_name(self.manifest.refresh, self.sha256).removesuffix(".duckdb")

    @property
    def withheld(self) -> dict[str, int]:
        """How many revisions of entries are left out because they may not be passed on, by source."""
        return {
            source_id: sum(found.rows for name, found in tables.items() if name in FACT_TABLES)
            for source_id, tables in self.manifest.withheld.items()
        }


def datapackage(
    exported: Exported,
    sources: Sequence[Mapping[str, Any]],
    files: Mapping[str, tuple[int, str]],
) -> bytes:
    """The ``datapackage.json`` of an export.

    ``sources`` are the rows of that table; ``files`` gives size and SHA-256 of each table's CSV.
    """
    link = exported.manifest
    content = {
        "profile": "tabular-data-package",
        "name": "hma-ledger",
        "title": TITLE,
        "description": ABSTRACT,
        "version": exported.name,
        "ledger": {
            "name": exported.name,
            "refresh": link.refresh,
            "finished_at": link.finished_at,
            "code_version": link.code_version,
            "manifest_sha256": exported.sha256,
            "content_sha256": link.content_sha256,
            **({"withheld_revisions": exported.withheld} if exported.withheld else {}),
        },
        "licenses": [LICENCE],
        "sources": [
            {
                "title": f"{source['publisher']}: {source['title']}",
                "path": source["url"],
                **{name: source[name] for name in ("source_id", "licence", "citation", "caveats")},
            }
            for source in sources
        ],
        "resources": [_resource(name, *files[name]) for name in ALL_TABLES],
    }
    return f"{json.dumps(content, ensure_ascii=False, indent=1)}\n".encode()


def _resource(name: str, size: int, sha256: str) -> dict[str, Any]:
    schema = ALL_TABLES[name]
    described: dict[str, Any] = {
        "fields": [_field(column, declared) for column, declared in schema.columns().items()],
        "missingValues": [""],
    }
    if name in PRIMARY_KEYS:
        described["primaryKey"] = [PRIMARY_KEYS[name]]
    keys = [
        {"fields": [column], "reference": {"resource": table, "fields": [column]}}
        for column, table in FOREIGN_KEYS.items()
        if column in schema.columns() and name != table
    ]
    if keys:
        described["foreignKeys"] = keys
    return {
        "profile": "tabular-data-resource",
        "name": name.replace("_", "-"),
        "path": f"data/{name}.csv",
        "description": docstring(schema),
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "dialect": {"delimiter": ",", "lineTerminator": "\n", "quoteChar": '"', "header": True},
        "bytes": size,
        "hash": f"sha256:{sha256}",
        "schema": described,
    }


def _field(name: str, column: dy.Column) -> dict[str, Any]:
    about = column.metadata or {}
    field: dict[str, Any] = {
        "name": name,
        "type": TYPES[type(column.dtype)],
        "description": column.description or "",
    }
    if about.get("unit"):
        field["unit"] = about["unit"]
    constraints = _constraints(name, column, about.get("allowed", {}))
    if constraints:
        field["constraints"] = constraints
    return field


def _constraints(name: str, column: dy.Column, words: Mapping[str, str]) -> dict[str, Any]:
    limits: dict[str, Any] = {"required": True} if required(name, column) != "no" else {}
    if words:
        limits["enum"] = list(words)
    for limit, attribute in (("minimum", "min"), ("maximum", "max")):
        value = getattr(column, attribute, None)
        if value is not None:
            limits[limit] = value
    pattern = getattr(column, "regex", None)
    if pattern:
        limits["pattern"] = _whole(pattern)
    return limits


def _whole(pattern: str) -> str:
    """The pattern as XML Schema and Frictionless have it: it matches the whole text by itself."""
    start = "" if pattern.startswith("^") else ".*"
    end = "" if pattern.endswith("$") else ".*"
    return f"{start}{pattern.removeprefix('^').removesuffix('$')}{end}"


def citation(exported: Exported) -> bytes:
    """The ``CITATION.cff`` of an export (Citation File Format 1.2.0)."""
    link = exported.manifest
    content = {
        "cff-version": "1.2.0",
        "message": "Cite the publication a figure was read in, then this ledger as below.",
        "type": "dataset",
        "title": TITLE,
        "abstract": ABSTRACT,
        "authors": [{"name": "HMA Ledger contributors"}],
        "version": exported.name,
        "date-released": link.finished_at[:10],
        "license": LICENCE["name"],
        "identifiers": [
            {
                "type": "other",
                "value": f"sha256:{link.content_sha256}",
                "description": "SHA-256 of the ledger's content, as hma verify prints it",
            }
        ],
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=88).encode()
