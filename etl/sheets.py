"""Tables as people keep them: CSV, Excel workbooks and Parquet files, read as text.

Every cell comes as text, so that one set of checks serves all three, and nothing is guessed from how
a column looks. A row is found again by its locator:

    cases.csv line 7              a line of text
    cases.xlsx sheet 2021 row 7   the row as the spreadsheet numbers it
    cases.parquet row 7           as of a CSV file: the heading counts as row 1

In a worksheet the first row that is not empty holds the names of the columns.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

import fastexcel
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from etl import magic

CSV: Final = ".csv"
EXCEL: Final = ".xlsx"
UNPACKED_BYTES: Final = 1 << 28  # of a workbook, which is a zip
MOST_CELLS: Final = 5_000_000  # of a sheet, empty ones with them
CHUNK_BYTES: Final = 1 << 20
SHOWN_DAMAGE: Final = 120
_PLACE: Final = re.compile(rb"""\sr\s{0,9}=\s{0,9}["']([A-Z]{0,3})([0-9]{1,7})["']""")
_BARE: Final = re.compile(
    rb"<(?:\w{1,20}:)?c(?=[\s>/])(?![^<>]*\sr\s*=)"
)  # a cell that names no place
# Of other methods Python unpacks a whole piece into memory, and a megabyte of theirs may hold gigabytes.
_BOUNDED: Final = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
# Lengths and offsets in a damaged zip lead nowhere, and come as any of these.
_DAMAGE: Final = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError,
    OverflowError, LookupError,
)  # fmt: skip
# A panic of polars (a day that no calendar has) is none of Python's own errors.
_NO_PARQUET: Final = (
    pa.ArrowException, pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError, MemoryError,
)  # fmt: skip


class Grid(NamedTuple):
    """Cells of a table as text, with the number of each row; rows without any value are left out."""

    names: list[str]
    rows: list[list[str | None]]
    numbers: list[int]
    errors: dict[int, str]  # row number → what its formula came to


class SheetError(ValueError):
    """A workbook or Parquet file cannot be read; the message says why and what to do."""


def row_of(file: str, sheet: str | None, number: int) -> str:
    """The locator of a row of a workbook or Parquet file."""
    return f"{file} sheet {sheet} row {number}" if sheet else f"{file} row {number}"


def row_text(file: str, content: bytes, sheet: str | None, number: int) -> str:
    """The row of that number of a worksheet, one ``name: value`` a line.

    Raises:
        SheetError: the file cannot be read.
        LookupError: it holds no such row.
    """
    grid, _ = workbook(file, content, sheet)
    if number not in grid.numbers:
        raise LookupError("there is no such row, or it is empty")
    row = grid.rows[grid.numbers.index(number)]
    return "\n".join(f"{name}: {value or ''}" for name, value in zip(grid.names, row, strict=True))


def workbook(file: str, content: bytes, sheet: str | None) -> tuple[Grid, str]:
    """One sheet of a workbook, and its name.

    Raises:
        SheetError: it is none, has no such sheet, or several and none is named.
    """
    _refuse_bomb(file, content)
    try:
        book = fastexcel.read_excel(content)
        if not book.sheet_names:
            raise SheetError(f"{file} has no sheet; save it again as .xlsx")
        if sheet is None and len(book.sheet_names) > 1:
            raise SheetError(
                f"{file} has the sheets {', '.join(book.sheet_names)}; name one with 'sheet'"
            )
        name = sheet or book.sheet_names[0]
        if name not in book.sheet_names:
            raise SheetError(f"{file} has no sheet {name}; it has {', '.join(book.sheet_names)}")
        # rows from the very first, so that their numbers are those of the spreadsheet
        loaded = book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
        batch, errors = loaded.to_arrow_with_errors()
    except fastexcel.FastExcelError as error:
        raise SheetError(f"{file}: {str(error).splitlines()[0]}") from error
    cells = [
        [value.strip() or None if value else None for value in column.to_pylist()]
        for column in batch.columns
    ]
    rows = [list(row) for row in zip(*cells, strict=True)]
    filled = [number for number, row in enumerate(rows, 1) if any(row)]
    if not filled:
        raise SheetError(f"{file}: the sheet {name} is empty")
    head = rows[filled[0] - 1]
    used = [
        index for index, heading in enumerate(head)
        if heading or any(rows[number - 1][index] for number in filled)
    ]  # fmt: skip
    found = {position[0] + 1: detail for position, detail in _errors(errors)}
    numbers = [number for number in range(filled[0] + 1, len(rows) + 1)
               if number in found or any(rows[number - 1])]  # fmt: skip
    return Grid(
        [head[index] or "" for index in used],
        [[rows[number - 1][index] for index in used] for number in numbers],
        numbers,
        found,
    ), name


def _errors(errors: fastexcel.CellErrors | None) -> list[tuple[tuple[int, int], str]]:
    return [] if errors is None else [(one.position, one.detail) for one in errors.errors]


def _refuse_bomb(file: str, content: bytes) -> None:
    """A workbook is a zip: refuse one that unpacks to more than fits in memory.

    What the zip says of its sizes is not believed: each part is unpacked once. A lone cell far out makes
    a sheet large, too, because all cells up to it are held.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            parts = book.infolist()
            _refuse_size(file, sum(part.file_size for part in parts))
            for part in parts:
                _refuse_far_cell(file, book, part)
    except SheetError:
        raise
    except _DAMAGE as error:
        said = magic.legible(str(error) or type(error).__name__, SHOWN_DAMAGE)
        raise SheetError(f"{file} is no Excel workbook ({said}); save it again as .xlsx") from error


def _refuse_size(file: str, size: int) -> None:
    if size > UNPACKED_BYTES:
        raise SheetError(
            f"{file} unpacks to {size:,} bytes, at most {UNPACKED_BYTES:,} are read; save it as CSV"
        )


def _refuse_far_cell(file: str, book: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """Read a part to its end, which checks its sum; of a sheet, count the cells that it spans.

    A row without cells spans none (LibreOffice writes the very last one). Cells may leave out their
    place, and then their row's counts.
    """
    if part.compress_type not in _BOUNDED:
        raise zipfile.BadZipFile(f"packed by method {part.compress_type}")
    width, height, last_row, is_bare = 1, 0, 0, False
    before = b""
    for chunk in _chunks(book, part):
        if not part.filename.endswith(".xml"):
            continue
        tags, end, before = (before + chunk).rpartition(b">")
        before = before[-CHUNK_BYTES:]
        for column, row in _PLACE.findall(tags + end):
            width = max(width, _number_of(column))
            last_row = max(last_row, int(row))
            height = max(height, int(row) if column else 0)
        is_bare = is_bare or _BARE.search(tags + end) is not None
        cells = width * max(height, last_row if is_bare else 0)
        if cells > MOST_CELLS:
            raise SheetError(
                f"{file}: a sheet spans {cells:,} cells, {width:,} of them in a row; at most {MOST_CELLS:,} are "
                "read. Remove what stands far out, or save it as CSV"
            )


def _chunks(book: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    with book.open(part) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


def _number_of(column: bytes) -> int:
    """A column's letters as its number; 0 for none."""
    number = 0
    for letter in column:
        number = number * 26 + letter - ord("A") + 1
    return number


def parquet(file: str, content: bytes) -> Grid:
    """A Parquet file.

    Arrow unpacks it, and looks at every value: polars' own reader ends the whole process over some files in
    which a single bit is wrong.

    Raises:
        SheetError: it is none, or holds columns of lists, structures or bytes.
    """
    try:
        with pq.ParquetFile(io.BytesIO(content)) as whole:
            table = whole.read(use_threads=False)
        table.validate(full=True)
        frame = pl.DataFrame(table)
        _refuse_nested(file, frame)
        text = frame.select(_as_text(name, dtype) for name, dtype in frame.schema.items())
    except SheetError:
        raise
    except _NO_PARQUET as error:
        said = magic.legible(str(error) or type(error).__name__, SHOWN_DAMAGE)
        raise SheetError(f"{file} is no Parquet file that can be read: {said}") from error
    rows = [[(value or "").strip() or None for value in row] for row in text.iter_rows()]
    numbers = [number for number, row in enumerate(rows, 2) if any(row)]
    return Grid(frame.columns, [rows[number - 2] for number in numbers], numbers, {})


def _refuse_nested(file: str, frame: pl.DataFrame) -> None:
    nested = [
        name for name, dtype in frame.schema.items() if dtype.is_nested() or dtype == pl.Binary
    ]
    if nested:
        raise SheetError(f"{file}: the column {nested[0]} holds no plain values; leave it out")


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column as text; a whole number kept as a float is written as a whole number."""
    column = pl.col(name)
    if not dtype.is_float():
        return column.cast(pl.String)
    whole = column.is_finite() & (column == column.round(0)) & (column.abs() < 1 << 53)
    return (
        pl.when(whole)
        .then(column.cast(pl.Int64, strict=False).cast(pl.String))
        .otherwise(column.cast(pl.String))
        .alias(name)
    )
