"""Downloads read back as the values that the ledger holds, whatever their format."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import fastexcel
import polars as pl
import pyarrow.parquet as pq

from etl.tables import ALL_TABLES, polars_schema

Rows = list[dict[str, Any]]


def _value(dtype: pl.DataType, given: object) -> object:
    """A cell of any format as the ledger's own value."""
    if given is None or given == "":
        return None
    if isinstance(dtype, pl.Boolean):
        return given if isinstance(given, bool) else {"true": True, "false": False}[str(given)]
    if isinstance(dtype, pl.Datetime):
        return given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
    if isinstance(dtype, pl.Decimal):
        return Decimal(str(given)).quantize(Decimal("0.01"))
    if dtype.is_integer():
        return int(given)  # type: ignore[call-overload]
    return float(str(given)) if dtype.is_numeric() else given


def _rows(table: str, found: Rows) -> Rows:
    schema = polars_schema(ALL_TABLES[table])
    assert all(list(row) == list(schema) for row in found)
    return [{name: _value(dtype, row[name]) for name, dtype in schema.items()} for row in found]


def from_csv(table: str, content: bytes) -> Rows:
    return _rows(table, list(csv.DictReader(io.StringIO(content.decode(), newline=""))))


def from_json(table: str, content: bytes) -> Rows:
    found = json.loads(content, parse_float=Decimal)
    assert found["row_count"] == len(found["rows"])
    return _rows(table, found["rows"])


def from_ndjson(table: str, content: bytes) -> Rows:
    lines = content.decode().split("\n")
    assert lines.pop() == ""
    return _rows(table, [json.loads(line, parse_float=Decimal) for line in lines])


def from_parquet(table: str, content: bytes) -> Rows:
    found = pq.read_table(io.BytesIO(content))
    assert pl.DataFrame(found).schema == pl.Schema(polars_schema(ALL_TABLES[table]))
    return found.to_pylist()  # type: ignore[no-any-return]


def from_xlsx(table: str, content: bytes) -> Rows:
    """Excel's numbers are doubles and its times have no zone and milliseconds."""
    schema = polars_schema(ALL_TABLES[table])
    kinds: dict[str | int, Any] = {name: _excel(dtype) for name, dtype in schema.items()}
    sheet = fastexcel.read_excel(content).load_sheet("rows", dtypes=kinds, whitespace_as_null=False)
    found = pl.DataFrame(sheet).to_dicts()
    times = {name for name, dtype in schema.items() if isinstance(dtype, pl.Datetime)}
    for row in found:
        for name in times:
            row[name] = row[name] and row[name].replace(tzinfo=UTC)
    return _rows(table, found)


def _excel(dtype: pl.DataType) -> Literal["boolean", "datetime", "float", "string"]:
    if isinstance(dtype, pl.Boolean):
        return "boolean"
    if isinstance(dtype, pl.Datetime):
        return "datetime"
    return "float" if dtype.is_numeric() else "string"


def from_zip(table: str, content: bytes) -> Rows:
    with zipfile.ZipFile(io.BytesIO(content)) as files:
        assert files.testzip() is None
        rows = from_parquet(table, files.read("data.parquet"))
        assert from_csv(table, files.read("data.csv")) == rows
    return rows


READ: dict[str, Callable[[str, bytes], Rows]] = {
    "csv": from_csv,
    "json": from_json,
    "ndjson": from_ndjson,
    "parquet": from_parquet,
    "xlsx": from_xlsx,
    "zip": from_zip,
}


def to_the_millisecond(rows: Rows) -> Rows:
    """The rows as Excel can hold them: times to the millisecond."""

    def cell(value: object) -> object:
        if not isinstance(value, datetime):
            return value
        rest = value.microsecond % 1000
        return value - timedelta(microseconds=rest) + timedelta(milliseconds=rest >= 500)

    return [{name: cell(value) for name, value in row.items()} for row in rows]
