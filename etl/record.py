"""Recording: what a vintage adds, revises, withdraws and restores, worked out set by set in DuckDB.

An entry's revision in use lies in ``present.<table>``, every earlier one and every withdrawal in
``past.<table>``; ``history.<table>`` is both together. The past is never changed but for
``ended_in``. As of refresh R means ``recorded_in <= R and (ended_in is null or ended_in > R)``, and
not withdrawn. The two parts are kept apart so that a question about now never reads the past, and
one about then reads it once.

Tables whose rows have no name of their own (views, findings, reference tables) keep whole rows in
``history.<table>`` under the same two columns: as of R they say what was published then, whatever
the definition of the view is today.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import duckdb
import polars as pl

from etl import sql
from etl.check import Checked
from etl.tables import (
    ALL_TABLES,
    FACT_TABLES,
    LOG_TABLES,
    NATURAL_KEYS,
    OWN_KEYS,
    RECORDED_COLUMNS,
    VIEWS,
    polars_schema,
    reading_order,
)

EMPTY_SPLITS = pl.DataFrame(
    schema={
        "locator": pl.String,
        "dimension": pl.String,
        "category": pl.String,
        "value": pl.Float64,
        "unit": pl.String,
        "value_as_printed": pl.String,
    }
)
ENTRIES = (*FACT_TABLES, "splits")
APPENDED = ("vintages", "refreshes", "decisions")  # only ever added to, so they are their history
KEPT = tuple(name for name in (*LOG_TABLES, *VIEWS) if name not in {*APPENDED, "splits"})
KEPT_COLUMNS = {"row_sha256": pl.String(), "recorded_in": pl.Int64(), "ended_in": pl.Int64()}


def create_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Make the tables; an older ledger gets the tables and columns it lacks."""
    for schema in ("present", "past", "history"):
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    there = _columns(con)
    for name in ENTRIES:
        for schema in ("present", "past"):
            _table(con, there, schema, name, polars_schema(ALL_TABLES[name]))
        _run(con, "history", {"table": sql.identifier(name)})
    for name in APPENDED:
        _table(con, there, "history", name, polars_schema(ALL_TABLES[name]))
        _run(con, "appended", {"table": sql.identifier(name)})
    for name in KEPT:
        columns = polars_schema(ALL_TABLES[name])
        if name not in VIEWS:
            _table(con, there, "main", name, columns)
        _table(con, there, "history", name, {**columns, **KEPT_COLUMNS})


def _columns(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], set[str]]:
    """The columns that each table has."""
    there: dict[tuple[str, str], set[str]] = {}
    for schema, table, column in con.execute(sql.text("columns")).fetchall():
        there.setdefault((schema, table), set()).add(column)
    return there


def _table(
    con: duckdb.DuckDBPyConnection,
    there: dict[tuple[str, str], set[str]],
    schema: str,
    name: str,
    columns: dict[str, pl.DataType],
) -> None:
    if (schema, name) not in there:
        con.execute(sql.create_table(schema, name, columns, replace=False))
        return
    for column in columns.keys() - there[schema, name]:
        con.execute(
            f"ALTER TABLE {schema}.{sql.identifier(name)} "
            f"ADD COLUMN {sql.identifier(column)} {sql.sql_type(columns[column])}"
        )


def _run(
    con: duckdb.DuckDBPyConnection,
    name: str,
    names: dict[str, str],
    parameters: dict[str, Any] | None = None,
) -> None:
    """Run each statement of ``etl/sql/<name>.sql`` with those parameters that it names."""
    for statement in con.extract_statements(sql.text(name).format(**names)):
        wanted = {key: (parameters or {})[key] for key in statement.named_parameters}
        con.execute(statement, wanted)


def compare(
    con: duckdb.DuckDBPyConnection, source_id: str, checked: Checked
) -> dict[str, Counter[str]]:
    """Work out what ``checked`` would change in each fact table that the source has to do with.

    Nothing is changed yet: the rows offered and the changes stay in temporary tables for
    :mod:`etl.guard` and :func:`record`.
    """
    counts = {}
    for table in FACT_TABLES:
        if table not in checked.tables and not held(con, source_id, table):
            continue
        offer(con, table, checked)
        names = names_of(table)
        _run(con, "diff", names, {"source_id": source_id})
        counts[table] = Counter(
            dict(con.execute(sql.text("count_diff").format(**names)).fetchall())
        )
    return counts


def held(con: duckdb.DuckDBPyConnection, source_id: str, table: str) -> int:
    """How many entries of a source are in use in a fact table."""
    query = sql.text("count_held").format(table=sql.identifier(table))
    row = con.execute(query, {"source_id": source_id}).fetchone()
    return int(row[0]) if row else 0


def offer(con: duckdb.DuckDBPyConnection, table: str, checked: Checked) -> None:
    """Put the rows of one fact table, with their names and hashes, where SQL can read them."""
    schema = FACT_TABLES[table]
    rows = checked.tables.get(table, schema.create_empty())
    con.register("checked", rows.select(schema.column_names()))
    con.register("checked_splits", checked.splits.get(table, EMPTY_SPLITS))
    try:
        _run(con, "incoming", {**names_of(table), **_hashed(table)})
    finally:
        con.unregister("checked")
        con.unregister("checked_splits")


def record(
    con: duckdb.DuckDBPyConnection, refresh: int, changes: dict[str, Counter[str]]
) -> Counter[str]:
    """Record what :func:`compare` found; returns how many entries per kind of change."""
    for table, counts in changes.items():
        if not counts:
            continue
        names = names_of(table)
        _run(con, "record", names, {"refresh": refresh})
    return sum(changes.values(), Counter[str]())


def filled(con: duckdb.DuckDBPyConnection, schema: str, tables: Iterable[str]) -> set[str]:
    """Those of ``tables`` that hold any row; most tables of a small ledger hold none."""
    each = (
        sql.text("filled").format(name=table, schema=schema, table=sql.identifier(table))
        for table in tables
    )
    return {name for (name,) in con.execute("UNION ALL ".join(each)).fetchall()}


def lay_out(con: duckdb.DuckDBPyConnection, tables: set[str]) -> None:
    """Put the rows of ``tables`` and the splits in reading order, so that no reader need sort."""
    for table in (*sorted(tables), "splits"):
        order = ", ".join(sql.identifier(column) for column in reading_order(table))
        for schema in ("present", "past"):
            _run(
                con, "sort", {"schema": schema, "table": sql.identifier(table), "order": order}
            )  # fmt: skip
        _run(con, "history", {"table": sql.identifier(table)})


def keep(con: duckdb.DuckDBPyConnection, refresh: int, table: str) -> None:
    """Write into the history of a table without named rows what came and what went."""
    columns = [name for name in ALL_TABLES[table].columns() if name not in KEPT_COLUMNS]
    names = {
        "table": sql.identifier(table),
        "columns": ", ".join(sql.identifier(name) for name in columns),
        "content": sql.named_values(columns),
    }
    _run(con, "keep", names, {"refresh": refresh})


def names_of(table: str) -> dict[str, str]:
    """The name of a fact table in SQL, and those of its temporary tables."""
    return {
        "table": sql.identifier(table),
        "incoming": sql.temporary("incoming", table),
        "incoming_splits": sql.temporary("incoming_splits", table),
        "diff": sql.temporary("diff", table),
    }


def _hashed(table: str) -> dict[str, str]:
    """What an entry of one fact table is named by, and what its revisions differ in."""
    recorded = {*RECORDED_COLUMNS, "locator"}
    content = [name for name in FACT_TABLES[table].column_names() if name not in recorded]
    return {
        "literal": f"'{table}'",
        "key": _key(table),
        "content": sql.named_values(content, "checked"),
    }


def _key(table: str) -> str:
    """The key of a row as SQL: its publisher's own where there is one, or else the natural key."""
    natural = _parts(NATURAL_KEYS[table])
    own = OWN_KEYS.get(table)
    if own is None:
        return natural
    return (
        f"CASE WHEN checked.{sql.identifier(own[-1])} IS NULL THEN concat_ws(chr(31), {natural}) "
        f"ELSE concat_ws(chr(31), {_parts(own)}) END"
    )


def _parts(columns: Sequence[str]) -> str:
    return ", ".join(
        f"coalesce(checked.{sql.identifier(name)}::VARCHAR, chr(30))" for name in columns
    )
