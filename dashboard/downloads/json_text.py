"""JSON: one object with the rows and where they are from; and NDJSON, one row a line.

DuckDB writes the rows, because it writes decimals with all their digits; times are ISO 8601 in UTC. A
missing value is null, never left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Final

import polars as pl

from dashboard.answer import Answer
from dashboard.downloads.format import Pieces
from etl import sql

BATCH_ROWS: Final = 5_000  # a row is three times as long as in CSV
TIME: Final = "%Y-%m-%dT%H:%M:%S.%fZ"


def lines(answer: Answer) -> Pieces:
    """One object a row, each on its line."""
    for texts in _rows(answer):
        yield ("\n".join(texts) + "\n").encode()


def document(answer: Answer) -> Pieces:
    """One object: where the rows are from, how to cite them, and ``rows``."""
    head = json.dumps(answer.provenance("json"), ensure_ascii=False)
    rows = _rows(answer)
    first = next(rows, None)
    yield f'{head[:-1]}, "rows": ['.encode()
    if first is not None:
        yield ("\n" + ",\n".join(first)).encode()
    for texts in rows:
        yield (",\n" + ",\n".join(texts)).encode()
    yield b"\n]}\n"


def _rows(answer: Answer) -> Iterator[list[str]]:
    values = ", ".join(
        f"{sql.identifier(name)} := {_value(name, dtype)}" for name, dtype in answer.schema.items()
    )
    line = f"to_json(struct_pack({values}))::VARCHAR AS line"
    with closing(answer.batches([line], BATCH_ROWS)) as batches:
        for batch in batches:
            yield batch.column(0).to_pylist()


def _value(name: str, dtype: pl.DataType) -> str:
    column = f"t.{sql.identifier(name)}"
    if isinstance(dtype, pl.Datetime):
        return f"strftime({column} AT TIME ZONE 'UTC', '{TIME}')"
    return column
