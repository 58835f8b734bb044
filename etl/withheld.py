"""Sources whose terms forbid passing their rows on: what they gave stays on this machine.

A source says so with ``is_exportable: false``. Its rows are recorded like any others, and whoever runs
``hma`` on the machine sees them; but no page, answer, download, feed or export holds one, and no view is
worked out from them. That is done in one place and not query by query: who reads for others gets a
database in which every table is a view of the ledger's, under the same name, without those rows. What a
question can name, in whatever schema, is such a view. How many entries were left out is said.

The rows have hashes of their own in the manifests (:mod:`etl.manifest`), so that an export without them
is checked and rebuilt like any other. The ledger's file and the archive hold them: neither is to be
handed out while they do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

from etl import sql
from etl.sources import all_sources
from etl.tables import ALL_TABLES, FACT_TABLES, LOG_TABLES

KEPT_HERE: Final = (
    "its terms forbid passing rows on: they are recorded on this machine, and no page, answer of the API, "
    "download or export holds them"
)
DECLARATIONS: Final = frozenset(
    {"sources", "series"}
)  # what we say of a source is not the source's
SCHEMAS: Final = ("present", "past", "history", "main")
_ID: Final = re.compile(r"[a-z0-9_]+")


def declared() -> list[str]:
    """The sources whose rows may not be passed on."""
    return [name for name, spec in all_sources().items() if not spec.is_exportable]


def in_ledger(con: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Those of them of which the ledger holds anything."""
    if not declared() or not {("history", "vintages"), ("history", "holds")} <= _tables(con).keys():
        return ()
    found = con.execute(sql.text("withheld_sources"), {"sources": declared()}).fetchall()
    return tuple(source_id for (source_id,) in found)


def counts(con: duckdb.DuckDBPyConnection, sources: Sequence[str]) -> dict[str, int]:
    """How many entries in use each of ``sources`` has."""
    there = _tables(con)
    query = sql.text("count_held")
    return {
        source_id: sum(
            con.execute(
                query.format(table=sql.identifier(table)), {"source_id": source_id}
            ).fetchall()[0][0]
            for table in FACT_TABLES
            if ("present", table) in there
        )
        for source_id in sources
    }


def condition(table: str, sources: Sequence[str], *, of_them: bool = False) -> str:
    """Which rows of a table are not of ``sources``, or are ``of_them``, as SQL."""
    if table in DECLARATIONS or not sources:
        return str(not of_them)
    for source_id in sources:
        if not _ID.fullmatch(source_id):
            raise ValueError(f"{source_id!r} is no name of a source")
    columns = ALL_TABLES[table].columns()
    if "source_id" in columns:
        listed = ", ".join(f"'{source_id}'" for source_id in sources)
        is_of_them = f"coalesce(source_id IN ({listed}), FALSE)"
    elif "entry_id" in columns:  # an entry's name begins with its source
        is_of_them = " OR ".join(
            f"coalesce(starts_with(entry_id, '{source_id}-'), FALSE)" for source_id in sources
        )
    else:
        return str(not of_them)
    return f"({is_of_them})" if of_them else f"NOT ({is_of_them})"


def attach(con: duckdb.DuckDBPyConnection, path: Path, sources: Sequence[str]) -> None:
    """Give an empty database the tables of the ledger at ``path``, without the rows of ``sources``."""
    con.execute(sql.text("attach").format(path=str(path).replace("'", "''")))
    for schema, table in _tables(con, "ledger"):
        con.execute(
            sql.text("screen").format(
                temporary="",
                name=f"{schema}.{sql.identifier(table)}",
                rows=f"ledger.{schema}.{sql.identifier(table)}",
                condition=condition(table, sources),
            )
        )


@contextmanager
def hidden(con: duckdb.DuckDBPyConnection, sources: Sequence[str]) -> Iterator[None]:
    """Let no query that names a table alone see rows of ``sources``, until the block ends."""
    tables = [name for name in (*FACT_TABLES, *LOG_TABLES) if sources and name not in DECLARATIONS]
    # "main" alone would be the schema of the temporary views themselves
    (own,) = con.execute("SELECT current_database()").fetchall()[0]
    for name in tables:
        con.execute(
            sql.text("screen").format(
                temporary="TEMP",
                name=sql.identifier(name),
                rows=f'"{own}".main.{sql.identifier(name)}',
                condition=condition(name, sources),
            )
        )
    try:
        yield
    finally:
        for name in tables:
            con.execute(f"DROP VIEW temp.{sql.identifier(name)}")


def _tables(
    con: duckdb.DuckDBPyConnection, database: str | None = None
) -> dict[tuple[str, str], None]:
    """Schema and name of each declared table in the connection's own database, or in another."""
    found = con.execute(sql.text("declared_tables"), {"database": database}).fetchall()
    return {
        (schema, table): None
        for schema, table in found
        if schema in SCHEMAS and table in ALL_TABLES
    }
