"""What the ledger remembers of its own making: refreshes, vintages, rejects, issues, reference rows.

Vintages and refreshes are only ever added. Rejects and issues are those of each source's latest
vintage.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import duckdb
import polars as pl

from etl import sql
from etl.archive import Vintage
from etl.reading import Finding
from etl.sources import all_sources
from etl.tables import LOG_TABLES, polars_schema


@contextmanager
def _rows(
    con: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, object]]
) -> Iterator[None]:
    """Offer ``rows`` to SQL as ``new_rows``, with the declared columns of ``table``."""
    con.register("new_rows", pl.DataFrame(rows, schema=polars_schema(LOG_TABLES[table])))
    try:
        yield
    finally:
        con.unregister("new_rows")


def last_refresh(con: duckdb.DuckDBPyConnection) -> tuple[int, str | None]:
    """Number and code version of the last refresh; (0, None) for an empty ledger."""
    row = con.execute(sql.text("status")).fetchone()
    return (row[0], row[2]) if row else (0, None)


def refresh(
    con: duckdb.DuckDBPyConnection,
    number: int,
    started: datetime,
    code_version: str,
    changes: Counter[str],
) -> None:
    """Write down a refresh and what it changed."""
    row = {
        "refresh": number,
        "started_at": started,
        "finished_at": datetime.now(UTC),
        "code_version": code_version,
        **{kind: changes[kind] for kind in ("added", "revised", "withdrawn", "restored")},
    }
    with _rows(con, "refreshes", [row]):
        con.execute(sql.text("insert").format(table=sql.identifier("refreshes")))


def source(
    con: duckdb.DuckDBPyConnection,
    number: int,
    source_id: str,
    vintages: Iterable[Vintage],
    failure: str | None,
    rejects: Iterable[Finding],
    issues: Iterable[Finding],
) -> bool:
    """Write down the vintages, rejects and issues of one source; True if any of it is news."""
    rows: list[dict[str, object]] = [
        {
            "source_id": source_id,
            "file": vintage.file,
            "vintage_sha256": vintage.sha256,
            "size_bytes": vintage.size_bytes,
            "retrieved_at": datetime.fromisoformat(vintage.retrieved_at),
            "origin": vintage.origin,
            "status": "held" if failure else "accepted",
            "reason": failure,
            "recorded_in": number,
        }
        for vintage in vintages
    ]
    hashes = {str(row["file"]): str(row["vintage_sha256"]) for row in rows}
    with _rows(con, "vintages", rows):
        inserted = con.execute(sql.text("log_vintages")).fetchone()
    news = bool(inserted and inserted[0])
    if not rows:  # a file is missing: what was found in its last vintage still stands
        return news
    for table, findings in (("rejects", rejects), ("issues", issues)):
        news |= _findings(con, number, source_id, table, findings, hashes)
    return news


def _findings(
    con: duckdb.DuckDBPyConnection,
    number: int,
    source_id: str,
    table: str,
    findings: Iterable[Finding],
    hashes: dict[str, str],
) -> bool:
    """Replace the findings of one source if they differ from those on the record."""
    rows: list[dict[str, object]] = [
        {
            "source_id": source_id,
            "vintage_sha256": hashes[finding.locator.rpartition(" line ")[0]],
            "locator": finding.locator,
            "column": finding.column,
            "rule": finding.rule,
            "raw_value": finding.raw_value,
            "fix": finding.fix,
            "recorded_in": number,
        }
        for finding in findings
    ]
    name = {"table": sql.identifier(table)}
    with _rows(con, table, rows):
        differing = con.execute(
            sql.text("count_new_findings").format(**name), {"source_id": source_id}
        ).fetchone()
        if not (differing and differing[0]):
            return False
        con.execute(sql.text("delete_findings").format(**name), {"source_id": source_id})
        con.execute(sql.text("insert").format(**name))
    return True


def replace_reference(con: duckdb.DuckDBPyConnection, areas: pl.DataFrame) -> None:
    """Bring areas, sources and series in the ledger up to their files."""
    specs = all_sources().values()
    tables = {
        "areas": areas.rows(named=True),
        "sources": [
            spec.model_dump(include=set(LOG_TABLES["sources"].column_names())) for spec in specs
        ],
        "series": [
            {"series": name, "source_id": spec.source_id, **series.model_dump()}
            for spec in specs
            for name, series in spec.series.items()
        ],
    }
    for table, rows in tables.items():
        with _rows(con, table, rows):
            con.execute(sql.text("truncate").format(table=sql.identifier(table)))
            con.execute(sql.text("insert").format(table=sql.identifier(table)))
