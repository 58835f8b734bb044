"""The SQL of the pipeline: one file a step, and the only place where SQL text is put together.

Values are always bound as parameters. Names of tables and columns are filled in from the
declarations in :mod:`etl.tables`; anything else is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import polars as pl

from etl.tables import ALL_TABLES

HERE = Path(__file__).parent

TYPES: dict[type[pl.DataType], str] = {
    pl.String: "VARCHAR",
    pl.Int64: "BIGINT",
    pl.Float64: "DOUBLE",
    pl.Boolean: "BOOLEAN",
}


@cache
def _declared() -> frozenset[str]:
    """Every name that may stand in SQL: tables, columns, and the one column of histories alone."""
    columns = {column for table in ALL_TABLES.values() for column in table.columns()}
    return frozenset({*ALL_TABLES, *columns, "row_sha256"})


def identifier(name: str) -> str:
    """``name`` quoted, if it is a declared table or column; raises KeyError otherwise."""
    if name not in _declared():
        raise KeyError(name)
    return f'"{name}"'


def sql_type(dtype: pl.DataType) -> str:
    """The DuckDB type of a declared column."""
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL({dtype.precision}, {dtype.scale})"
    if isinstance(dtype, pl.Datetime):
        return "TIMESTAMPTZ"
    return TYPES[type(dtype)]


def create_table(
    schema: str, name: str, columns: Mapping[str, pl.DataType], *, replace: bool
) -> str:
    """The statement that makes a declared table; an existing one is replaced or left alone."""
    how = "OR REPLACE TABLE" if replace else "TABLE IF NOT EXISTS"
    return f"CREATE {how} {schema}.{identifier(name)} ({_typed(columns)})"


def create_offer(columns: Mapping[str, pl.DataType]) -> str:
    """The statement that makes the temporary table ``new_rows``, in which rows are offered."""
    return f"CREATE OR REPLACE TEMP TABLE new_rows ({_typed(columns)})"


def _typed(columns: Mapping[str, pl.DataType]) -> str:
    return ", ".join(f"{identifier(column)} {sql_type(dtype)}" for column, dtype in columns.items())


def temporary(prefix: str, name: str) -> str:
    """The name of a temporary table that belongs to a declared one."""
    if name not in ALL_TABLES:
        raise KeyError(name)
    return f'"{prefix}_{name}"'


def named_values(columns: Iterable[str], table: str = "") -> str:
    """The SQL list ``'name=' || value`` of columns, from which rows are hashed; nulls stay null."""
    where = f"{table}." if table else ""
    return ", ".join(f"'{column}=' || {where}{identifier(column)}::VARCHAR" for column in columns)


@cache
def text(name: str) -> str:
    """The contents of ``etl/sql/<name>.sql``."""
    return (HERE / f"{name}.sql").read_text(encoding="utf-8")
