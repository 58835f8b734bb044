"""How the records of a large CSV are told apart: one way, by which they are scanned and found again.

:mod:`etl.scan` numbers records as DuckDB tells them apart, and :mod:`etl.locate` finds a number again.
Two programs never quite agree on that (an empty line, a stray quotation mark, a space before one), and
a figure would be shown with another's row. So both read with the words of ``sql/scan_csv.sql``.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

from etl import sql
from etl.packing import PACKED

MEMORY_LIMIT: Final = "600MB"
THREADS: Final = min(4, os.cpu_count() or 1)  # each holds buffers of its own
LONGEST_HEADER: Final = 1 << 20  # bytes; a longer first line is no header
LONGEST_LINE: Final = 2_000_000  # bytes, of a record with the line breaks in its cells
# Bytes of a text that a thread reads at a time. Where a piece begins within a cell with line breaks, DuckDB
# may take these for the ends of records. It notices, for the pieces do not join, and refuses the file; with
# the other length it begins elsewhere.
BUFFERS: Final = (16 * LONGEST_LINE, 11 * LONGEST_LINE)
MOST_COLUMNS: Final = 2_000
NO_TEXT: Final = "\x01"  # the cell that DuckDB is told to take for null


class HeaderError(ValueError):
    """The first record of a text names no columns; the message says what is wrong with it."""


def names(start: bytes, separator: str) -> list[str]:
    """The column names in the first record of a text that begins with ``start``.

    Raises:
        HeaderError: there are none, or too many, or the text is not divided into lines as it must be.
    """
    text = start.decode("utf-8-sig", errors="replace")  # what is not UTF-8 is found with its line
    lines: list[str] = []

    def read() -> Iterator[str]:
        for line in io.StringIO(text, newline=""):
            lines.append(line)
            yield line

    try:
        found = next(csv.reader(read(), delimiter=separator), [])
    except csv.Error as error:
        raise HeaderError(f"is no CSV header ({error})") from error
    if not found:
        raise HeaderError("is empty and no CSV header")
    if len(found) > MOST_COLUMNS:
        raise HeaderError(
            f"has {len(found):,} columns, and more than {MOST_COLUMNS:,} are no header"
        )
    if len(lines) > 1:  # DuckDB overlooks the quotation mark behind a byte order mark
        raise HeaderError("is no CSV header: the name of a column holds a line break")
    if lines[0].endswith("\r"):
        raise HeaderError("ends with a carriage return alone; lines must end with a line feed")
    return [name.strip() for name in found]


def source(width: int, separator: str, buffer: int) -> str:
    """A text of ``width`` columns in a query, cells named by their position, ``buffer`` bytes at a time."""
    cells = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(width))
    return sql.text("scan_csv").format(
        cells=f"{{{cells}}}", separator=separator, longest=LONGEST_LINE, buffer=buffer
    )


@contextmanager
def connection(path: Path, threads: int = 1) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that may read one file and nothing else."""
    con = duckdb.connect(config={"memory_limit": MEMORY_LIMIT, "threads": threads})
    try:
        allowed = str(path).replace("'", "''")
        con.execute(f"SET allowed_paths = ['{allowed}']")
        con.execute("SET enable_external_access = false")
        con.execute("SET enable_progress_bar = false")
        con.execute("SET lock_configuration = true")
        yield con
    finally:
        con.close()


def cells(path: Path, width: int, separator: str, number: int) -> list[str]:
    """The cells of the record with this number; the header is 1, as in a scan.

    Raises:
        LookupError: there is no such record.
        duckdb.Error: the text is not valid down to there.
    """
    if number < 2:  # noqa: PLR2004 - the header is 1
        raise LookupError("it has no record of that number")
    compression = "zstd" if path.suffix == PACKED else "none"
    values: dict[str, object] = {
        "path": str(path),
        "compression": compression,
        "before": number - 2,
    }
    try:
        found = _record(path, source(width, separator, BUFFERS[0]), values)
    except duckdb.Error:
        found = _record(path, source(width, separator, BUFFERS[1]), values)
    if found is None:
        raise LookupError("it has no record of that number")
    return [NO_TEXT if cell is None else cell for cell in found]


def parquet(path: Path, number: int) -> list[tuple[str, str]]:
    """Names and values of the record with this number of a Parquet file; the first is 2, as in a scan.

    Raises:
        LookupError: there is no such record.
        duckdb.Error: the file cannot be read down to there.
    """
    with connection(path) as con:
        con.execute(sql.text("parquet_record"), {"path": str(path), "before": number - 2})
        names = [str(column[0]) for column in con.description or ()]
        found = con.fetchone()
    if found is None:
        raise LookupError("it has no record of that number")
    return [
        (name, "" if value is None else str(value))
        for name, value in zip(names, found, strict=True)
    ]


def _record(path: Path, file: str, values: dict[str, object]) -> tuple[str | None, ...] | None:
    with connection(path) as con:
        return con.execute(sql.text("scan_record").format(file=file), values).fetchone()
