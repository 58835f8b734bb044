"""The SQL of the pipeline: one file a step, and the only place where SQL text is put together.

Values are always bound as parameters. Names of tables and columns are filled in from the
declarations in :mod:`etl.tables`; anything else is refused.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polars as pl

from etl.tables import ALL_TABLES, polars_schema

HERE = Path(__file__).parent

TYPES: dict[type[pl.DataType], str] = {
    pl.String: "VARCHAR",
    pl.Int64: "BIGINT",
    pl.Float64: "DOUBLE",
    pl.Boolean: "BOOLEAN",
}


def identifier(name: str) -> str:
    """``name`` quoted, if it is a declared table or column; raises KeyError otherwise."""
    if name not in ALL_TABLES and not any(name in table.columns() for table in ALL_TABLES.values()):
        raise KeyError(name)
    return f'"{name}"'


def sql_type(dtype: pl.DataType) -> str:
    """The DuckDB type of a declared column."""
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL({dtype.precision}, {dtype.scale})"
    if isinstance(dtype, pl.Datetime):
        return "TIMESTAMPTZ"
    return TYPES[type(dtype)]


def create_table(schema: str, name: str, *, replace: bool) -> str:
    """The statement that makes a declared table; an existing one is replaced or left alone."""
    columns = ", ".join(
        f"{identifier(column)} {sql_type(dtype)}"
        for column, dtype in polars_schema(ALL_TABLES[name]).items()
    )
    how = "OR REPLACE TABLE" if replace else "TABLE IF NOT EXISTS"
    return f"CREATE {how} {schema}.{identifier(name)} ({columns})"


@cache
def text(name: str) -> str:
    """The contents of ``etl/sql/<name>.sql``."""
    return (HERE / f"{name}.sql").read_text(encoding="utf-8")
