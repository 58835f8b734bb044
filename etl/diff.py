"""What changed between two refreshes: entry by entry, and summed up in rows, dollars and casualties.

Sums are taken within one series and one edition, because the same dollar and the same victim stand
in several; they are never added further.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import polars as pl

from etl import sql
from etl.tables import FACT_TABLES

# What is summed, in which unit, and which rows of the table may be added within an edition.
SUMMED: Final = {
    "funding": (
        "{row}.amount_usd",
        "US dollars",
        "NOT {row}.is_printed_total AND NOT {row}.is_cumulative AND {row}.status = 'actual' "
        "AND coalesce({row}.precision, 'exact') IN ('exact', 'rounded')",
    ),
    "casualties": (
        "{row}.total",
        "people",
        "NOT {row}.is_partial_year AND NOT {row}.is_prior_year AND NOT {row}.lower_bound",
    ),
    # a row is a person unless it says that it is an event; rows older than that column are people
    "casualty_events": (
        "1",
        "people",
        "{row}.entry_id IS NOT NULL AND coalesce({row}.unit, 'person') = 'person'",
    ),
}
COUNTS: Final = ("added", "revised", "withdrawn", "restored")


@dataclass(frozen=True)
class Diff:
    """The changes between two refreshes: by source and table, by edition, and by area."""

    a: int
    b: int
    rows: pl.DataFrame
    editions: pl.DataFrame
    areas: pl.DataFrame

    def total(self, change: str) -> int:
        """How many entries were added, revised or withdrawn in all."""
        return int(self.rows[change].sum())


def changed(con: duckdb.DuckDBPyConnection, a: int, b: int, source_id: str | None = None) -> None:
    """Put the entries that differ between refreshes ``a`` and ``b`` into the table ``changed``."""
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE changed AS {_union()}",
        {"a": a, "b": b, "source_id": source_id},
    )


def _union() -> str:
    return "\nUNION ALL ".join(f"({_one(table)})" for table in FACT_TABLES)


def _one(table: str) -> str:
    columns = FACT_TABLES[table].columns()
    figure, unit, counts = SUMMED.get(table, ("NULL", "", "FALSE"))
    summed = f"CASE WHEN {counts} THEN {figure} END"
    return sql.text("changed_entries").format(
        table=sql.identifier(table),
        name=table,
        area=sql.identifier("area" if "area" in columns else "source_id"),
        unit=unit,
        before=summed.format(row="before"),
        after=summed.format(row="after"),
    )


def diff(con: duckdb.DuckDBPyConnection, a: int, b: int, source_id: str | None = None) -> Diff:
    """The changes from refresh ``a`` to refresh ``b``; ``a`` 0 is the empty ledger."""
    changed(con, a, b, source_id)
    sums = sql.text("changed_sums")
    return Diff(
        a,
        b,
        con.execute(sql.text("changed_rows")).pl(),
        con.execute(sums.format(area="")).pl(),
        con.execute(sums.format(area='"area",')).pl(),
    )


def entries(con: duckdb.DuckDBPyConnection, limit: int | None = None) -> Iterator[dict[str, Any]]:
    """The entries of the last :func:`diff`, with all their columns before and after."""
    answer = con.execute(sql.text("changed_list"), {"limit": limit})
    while rows := answer.fetchmany(1000):
        for table, source_id, entry_id, change, before, after in rows:
            yield {
                "table": table,
                "source_id": source_id,
                "entry_id": entry_id,
                "change": change,
                "before": json.loads(before) if before else None,
                "after": json.loads(after) if after else None,
            }


def json_pieces(con: duckdb.DuckDBPyConnection, changes: Diff) -> Iterator[str]:
    """The last :func:`diff` whole, entry by entry, in pieces: it need not fit into memory."""
    frames = {"rows": changes.rows, "editions": changes.editions, "areas": changes.areas}
    summary = ", ".join(f'"{name}": {frame.write_json()}' for name, frame in frames.items())
    yield f'{{"a": {changes.a}, "b": {changes.b}, {summary}, "entries": ['
    for index, entry in enumerate(entries(con)):
        yield ("," if index else "") + "\n" + json.dumps(entry, ensure_ascii=False)
    yield "]}\n"
