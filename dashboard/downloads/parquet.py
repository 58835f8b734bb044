"""Parquet: the rows with their types, one row group at a time.

What the columns mean stands in their metadata, and where the rows are from in the file's.
"""

from __future__ import annotations

import json
from contextlib import closing
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from dashboard.answer import Answer
from dashboard.downloads.format import Pieces, Sink
from etl import sql
from etl.tables import ALL_TABLES

GROUP_ROWS: Final = 50_000


def pieces(answer: Answer) -> Pieces:
    """The file, a row group at a time."""
    schema = arrow_schema(answer)
    select = [f"t.{sql.identifier(name)}" for name in answer.schema]
    sink = Sink()
    with (
        closing(answer.batches(select, GROUP_ROWS)) as groups,
        pq.ParquetWriter(sink, schema, compression="zstd") as writer,
    ):
        first = next(groups, None)
        if first is not None:
            writer.write_table(pa.Table.from_batches([first]).cast(schema))
        yield sink.take()
        for batch in groups:
            writer.write_table(pa.Table.from_batches([batch]).cast(schema))
            yield sink.take()
    yield sink.take()


def arrow_schema(answer: Answer) -> pa.Schema:
    """The declared columns with their meaning and unit."""
    fields = []
    for name, column in ALL_TABLES[answer.table].columns().items():
        about = {"description": column.description or ""}
        unit = (column.metadata or {}).get("unit")
        if unit:
            about["unit"] = unit
        fields.append(pa.field(name, _type(column.dtype), metadata=about))
    return pa.schema(
        fields,
        metadata={"hma_ledger": json.dumps(answer.provenance("parquet"), ensure_ascii=False)},
    )


def _type(dtype: pl.DataType) -> pa.DataType:
    if isinstance(dtype, pl.Decimal):
        return pa.decimal128(dtype.precision, dtype.scale)
    types = {
        pl.String: pa.string(),
        pl.Int64: pa.int64(),
        pl.Float64: pa.float64(),
        pl.Boolean: pa.bool_(),
        pl.Datetime: pa.timestamp("us", tz="UTC"),
    }
    return types[type(dtype)]
