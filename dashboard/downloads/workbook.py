"""Excel: a sheet with the rows, one with the meaning of the columns, one with where they are from.

The workbook is written row by row into a file of its own and then sent, so it takes no more memory
when it has more rows. Texts are texts, whatever sign they start with. Times have no zone in Excel: they
are UTC, to the millisecond. A number with more digits than Excel keeps is written as a text.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any, Final

import polars as pl
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from dashboard.answer import Answer
from dashboard.current import limits
from dashboard.downloads.format import Pieces, TooLargeError
from etl import sql
from etl.tables import ALL_TABLES

MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_LETTERS: Final = 32_767  # of one cell
MOST_DIGITS: Final = 10**15  # Excel keeps fifteen
PIECE_BYTES: Final = 1 << 18
BATCH_ROWS: Final = 2_000
TEXT_ONLY: Final = {
    "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
}  # fmt: skip
CREATED: Final = datetime(1980, 1, 1)  # noqa: DTZ001 (the same answer gives the same bytes)
Write = Callable[[int, int, Any], None]


class _Exact(float):
    """A number that the library writes with all digits that tell it from its neighbours."""

    def __format__(self, _spec: str) -> str:
        return repr(float(self))


def pieces(answer: Answer) -> Pieces:
    """The file.

    Raises:
        TooLargeError: it would have too many rows, or a text is longer than a cell.
    """
    most = limits().max_rows_xlsx
    if answer.rows > most:
        raise TooLargeError(
            f"An Excel workbook has at most {most:,} rows here and this answer {answer.rows:,}. Ask for csv or "
            "parquet, or for fewer rows."
        )
    with tempfile.TemporaryDirectory(prefix="hma-") as folder:
        path = Path(folder) / "rows.xlsx"
        _write(answer, path, folder)
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                yield piece


def _write(answer: Answer, path: Path, folder: str) -> None:
    options = {"constant_memory": True, "tmpdir": folder, "use_zip64": True, **TEXT_ONLY}
    with xlsxwriter.Workbook(path, options) as book:
        book.set_properties({"title": answer.name, "created": CREATED})
        bold = book.add_format({"bold": True})
        _rows_sheet(book, bold, answer)
        about = answer.provenance("xlsx")
        sources = about.pop("sources")
        _sheet(book, bold, "columns", _columns(answer))
        _sheet(
            book,
            bold,
            "about",
            [
                ("what", "value"),
                *((name, "" if value is None else value) for name, value in about.items()),
                *(
                    (f"source {source['source_id']}: {name}", value)
                    for source in sources
                    for name, value in source.items()
                    if name != "source_id"
                ),
            ],
        )


def _columns(answer: Answer) -> Sequence[tuple[str, ...]]:
    return [("column", "type", "unit", "meaning")] + [
        (
            name,
            sql.sql_type(column.dtype),
            str((column.metadata or {}).get("unit", "")),
            column.description or "",
        )
        for name, column in ALL_TABLES[answer.table].columns().items()
    ]


def _sheet(
    book: xlsxwriter.Workbook, bold: object, name: str, rows: Sequence[Sequence[object]]
) -> None:
    sheet = book.add_worksheet(name)
    sheet.set_column(0, 0, 28)
    sheet.set_column(1, max(len(row) for row in rows) - 1, 60)
    for line, row in enumerate(rows):
        for place, value in enumerate(row):
            # long texts here are lists of sources: what is cut off stands in the lines below
            sheet.write_string(line, place, str(value)[:MOST_LETTERS], bold if not line else None)


def _rows_sheet(book: xlsxwriter.Workbook, bold: object, answer: Answer) -> None:
    sheet = book.add_worksheet("rows")
    sheet.freeze_panes(1, 0)
    for place, name in enumerate(answer.schema):
        sheet.set_column(place, place, max(12, min(len(name) + 2, 40)))
        sheet.write_string(0, place, name, bold)
    writers = [_writer(book, sheet, name, dtype) for name, dtype in answer.schema.items()]
    select = [f"t.{sql.identifier(name)}" for name in answer.schema]
    with closing(answer.batches(select, BATCH_ROWS)) as batches:
        rows = chain.from_iterable(pl.DataFrame(batch).iter_rows() for batch in batches)
        for line, row in enumerate(rows, start=1):
            for place, value in enumerate(row):
                if value is not None:
                    writers[place](line, place, value)


def _writer(
    book: xlsxwriter.Workbook,
    sheet: Worksheet,
    name: str,
    dtype: pl.DataType,
) -> Write:
    """How the cells of a column are written."""
    if isinstance(dtype, pl.Boolean):
        write: Write = sheet.write_boolean
        return write
    if isinstance(dtype, pl.Datetime):
        as_time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        return lambda line, place, value: sheet.write_datetime(
            line, place, value.astimezone(UTC).replace(tzinfo=None), as_time
        )
    if dtype.is_numeric():
        shape = "#,##0.00" if isinstance(dtype, pl.Decimal) else "General"
        return _number_writer(sheet, book.add_format({"num_format": shape}))

    def write_text(line: int, place: int, value: str) -> None:
        if len(value) > MOST_LETTERS:
            raise TooLargeError(
                f"A text of the column {name} is longer than the {MOST_LETTERS:,} letters of an Excel cell. Ask "
                "for csv, json or parquet."
            )
        sheet.write_string(line, place, value)

    return write_text


def _number_writer(sheet: Worksheet, shape: object) -> Write:
    def write(line: int, place: int, value: float | Decimal) -> None:
        if not isinstance(value, float) and _digits(value) >= MOST_DIGITS:
            sheet.write_string(line, place, str(value))
        else:
            sheet.write_number(line, place, _Exact(value), shape)

    return write


def _digits(value: int | Decimal) -> int:
    """The number without its point."""
    return abs(int(value.scaleb(2)) if isinstance(value, Decimal) else value)
