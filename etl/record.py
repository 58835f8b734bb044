"""Recording: what a vintage adds, revises, withdraws and restores, worked out set by set in DuckDB.

The history of a fact table keeps every revision of every entry. ``history.<table>`` is never
updated but for ``ended_in``; ``<table>`` holds what is current. As of refresh R means
``recorded_in <= R and (ended_in is null or ended_in > R)``.
"""

from __future__ import annotations

from collections import Counter

import duckdb
import polars as pl

from etl import sql
from etl.check import Checked
from etl.tables import (
    FACT_TABLES,
    LOG_TABLES,
    NATURAL_KEYS,
    RECORDED_COLUMNS,
    polars_schema,
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


def create_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Make the tables; an older ledger gets the tables and columns it lacks."""
    con.execute("CREATE SCHEMA IF NOT EXISTS history")
    for name, schema in {**FACT_TABLES, **LOG_TABLES}.items():
        where = "history" if name in FACT_TABLES or name == "splits" else "main"
        con.execute(sql.create_table(where, name, replace=False))
        for column, dtype in polars_schema(schema).items():
            con.execute(
                f"ALTER TABLE {where}.{sql.identifier(name)} "
                f"ADD COLUMN IF NOT EXISTS {sql.identifier(column)} {sql.sql_type(dtype)}"
            )


def record(
    con: duckdb.DuckDBPyConnection, refresh: int, source_id: str, checked: Checked
) -> Counter[str]:
    """Record what ``checked`` changes; returns how many entries per kind of change."""
    counts: Counter[str] = Counter()
    for table, schema in FACT_TABLES.items():
        rows = checked.tables.get(table)
        if rows is None:
            rows = schema.create_empty()
        con.register("checked", rows.select(schema.column_names()))
        con.register("checked_splits", checked.splits.get(table, EMPTY_SPLITS))
        names = _names(table)
        con.execute(sql.text("incoming").format(**names))
        con.execute(sql.text("diff").format(**names), {"source_id": source_id})
        changed = con.execute(sql.text("count_diff")).fetchall()
        if changed:
            counts.update(dict(changed))
            for statement in con.extract_statements(sql.text("record").format(**names)):
                con.execute(statement, {"refresh": refresh} if "$" in statement.query else {})
        con.unregister("checked")
        con.unregister("checked_splits")
    return counts


def _names(table: str) -> dict[str, str]:
    """The identifiers that the SQL of one fact table needs, all of them declared."""
    recorded = {*RECORDED_COLUMNS, "locator"}
    content = [name for name in FACT_TABLES[table].column_names() if name not in recorded]
    return {
        "table": sql.identifier(table),
        "literal": f"'{table}'",
        "key": ", ".join(
            f"coalesce(checked.{sql.identifier(name)}::VARCHAR, chr(30))"
            for name in NATURAL_KEYS[table]
        ),
        "content": ", ".join(
            f"'{name}=' || checked.{sql.identifier(name)}::VARCHAR" for name in content
        ),
    }
