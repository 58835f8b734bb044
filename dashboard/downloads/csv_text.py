"""CSV: a header and the rows, with empty cells for nulls and whole dollars without decimals.

A spreadsheet runs a text that starts with certain signs as a formula. Such a text, and no other cell,
starts with an apostrophe, unless ``raw=1`` asks for the text as it is. The other formats have types, in
which a text is never a formula.
"""

from __future__ import annotations

import io
from contextlib import closing
from typing import Final

import polars as pl

from dashboard.answer import Answer
from dashboard.downloads.format import Pieces
from etl import sql

# Full-width signs count, and white space or signs without a shape in front do not hide one.
FORMULA: Final = "^[\\s\\p{Z}\\p{C}]*[=+\\-@\uff1d\uff0b\uff0d\uff20]"
# Nearly every text starts with a letter or digit of ASCII, or a sign between those, and cannot match; asking for
# that first costs a fifth of asking the pattern of every text.
HARMLESS: Final = "unicode({column}) BETWEEN 48 AND 57 OR unicode({column}) BETWEEN 65 AND 122"


def pieces(answer: Answer) -> Pieces:
    """The file, some rows at a time."""
    raw = answer.question.raw
    select = [_cell(name, dtype, raw=raw) for name, dtype in answer.schema.items()]
    with closing(answer.batches(select)) as batches:
        first = next(batches, None)
        yield _lines(pl.DataFrame(schema=dict.fromkeys(answer.schema, pl.String)), header=True)
        if first is not None:
            yield _lines(pl.DataFrame(first), header=False)
        for batch in batches:
            yield _lines(pl.DataFrame(batch), header=False)


def _lines(frame: pl.DataFrame, *, header: bool) -> bytes:
    buffer = io.BytesIO()
    frame.write_csv(buffer, include_header=header)
    return buffer.getvalue()


def _cell(name: str, dtype: pl.DataType, *, raw: bool) -> str:
    """The SQL of one cell: whole dollars without decimals, texts without live formulas."""
    column = f"t.{sql.identifier(name)}"
    text = f"CAST({column} AS VARCHAR)"
    if isinstance(dtype, pl.Decimal):
        text = f"regexp_replace({text}, '\\.00$', '')"
    elif isinstance(dtype, pl.String) and not raw:
        text = (
            f"CASE WHEN {HARMLESS.format(column=column)} THEN {column} "
            f"WHEN regexp_matches({column}, '{FORMULA}') "
            f"THEN chr(39) || {column} ELSE {column} END"
        )
    return f"{text} AS {sql.identifier(name)}"
