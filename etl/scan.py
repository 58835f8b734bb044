"""A large CSV or Parquet file of which a source wants few rows: found in one pass, in bounded memory.

The archived file is read where it lies, plain or compressed, and never as a whole: DuckDB goes
through it once and keeps only the records that the source's own ``SELECT`` takes. Columns go by the
names in the header; inside the query the cells bear their position, so no name out of a file ever
stands in SQL. A record is found again by its number: the header is row 1. That is its line, unless a
quoted cell above it holds a line break or an empty line, which has no number, stands between.

Reading is strict. A record with too many or too few cells, a quotation mark that is not closed, a line
that is too long and text that is not UTF-8 in a column that is read stop the source with the file and
the line, and so do lines that end with a carriage return alone; nothing is skipped and nothing is
padded. (Superfluous cells that are empty are overlooked: they shift nothing.)
Only what is taken is then trimmed, and an empty cell or one that says NULL becomes null.

Parquet (a file whose name ends so) goes the same way, its values as text; the first record is row 2
there too. It is unpacked for the pass, since its parts are found from its end.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from etl import magic, records, sql
from etl.archive import Contents
from etl.locate import line_of
from etl.reading import Finding, Reading, SourceError

MISSING: Final = ("", "NULL")
LONGEST_HEADER: Final = records.LONGEST_HEADER
MOST_ISSUES: Final = 50  # columns that are named one by one where nobody knows them

SEPARATORS: Final = frozenset({",", "|"})

# What is wrong with a selection, and so one of our errors. Any other error of DuckDB's a file may cause.
_OURS: Final = (
    duckdb.ParserException, duckdb.SyntaxException, duckdb.BinderException, duckdb.CatalogException,
    duckdb.PermissionException,
)  # fmt: skip
# What DuckDB says about a record, and what that means.
_LINE: Final = re.compile(r"CSV Error on Line: (\d+)")
_CELLS: Final = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")
_NOT_UTF8: Final = "Invalid unicode"
_QUOTE: Final = "unterminated quote"
_TOO_LONG: Final = "Maximum line size"


@dataclass(frozen=True)
class Column:
    """A column that is read: its name in the query, and the spellings a header may have.

    One that is not ``required`` is null throughout where the file lacks it.
    """

    name: str
    spellings: tuple[str, ...]
    required: bool = True


@dataclass(frozen=True)
class Form:
    """How a text separates its cells, and whether its column names are compared in any case."""

    separator: str = ","
    any_case: bool = False

    def __post_init__(self) -> None:
        if self.separator not in SEPARATORS:
            raise ValueError(
                f"{self.separator!r} cannot separate cells: a comma or a vertical bar can"
            )


CSV: Final = Form()


def header(files: Contents, file: str, form: Form = CSV) -> list[str]:
    """The column names in the first record of ``file``.

    Raises:
        SourceError: the file is empty, its first line is no CSV header, or it is no whole Parquet.
    """
    if file.endswith(magic.PARQUET):
        with files.plain(file) as path:
            return _parquet_header(file, path)
    with files.open(file) as stream:
        start = stream.read(LONGEST_HEADER)
    if not start.removeprefix(b"\xef\xbb\xbf").strip():
        raise SourceError(f"{file} is empty; fetch it again", "empty body")
    try:
        return records.names(start, form.separator)
    except records.HeaderError as error:
        raise SourceError(
            f"{line_of(file, 1)} {error}; fetch it again, and look at what the publisher changed"
        ) from error


def _parquet_header(file: str, path: Path) -> list[str]:
    try:
        return [str(name) for name in pq.read_schema(path).names]
    except (pa.ArrowException, OSError) as error:
        raise _explained(file, 0, str(error)) from error


def select(
    reading: Reading,
    files: Contents,
    file: str,
    columns: Sequence[Column],
    ignored: Collection[str],
    selection: str,
    form: Form = CSV,
) -> pl.DataFrame:
    """The records of ``file`` that ``selection`` takes; the others are counted as left.

    ``selection`` is SQL: a ``SELECT`` from ``records`` that keeps all its columns (those of ``columns``,
    all text as it stands in the file) and adds ``selection_rule``, null where no rule
    takes the record. The frame has ``file``, ``locator``, ``row``, the columns and ``selection_rule``,
    in the order of the file. A header with a column that is neither read nor ``ignored`` is an issue; a
    file that does not end with a line break is a doubt.

    Raises:
        SourceError: a required column is missing or stands twice, or a record is not valid.
    """
    names = header(files, file, form)
    places = _places(reading, file, names, columns, ignored, form)
    try:
        rows_read, rows = _scan(files, file, len(names), places, selection, form)
    except _OURS:
        raise
    except duckdb.Error as error:
        message = _with_line(files, file, error)
        raise _explained(file, len(names), message) from error
    if not file.endswith(magic.PARQUET) and files.last_byte(file) not in {b"\n", b"\r"}:
        _doubt_ending(reading, file, rows_read + 1)
    reading.rows_read[file] = reading.rows_read.get(file, 0) + rows_read
    reading.leave(file, rows_read - rows.height)
    return rows.with_columns(
        file=pl.lit(file), locator=pl.concat_str(pl.lit(f"{file} row "), pl.col("row"))
    )


def _places(
    reading: Reading,
    file: str,
    names: Sequence[str],
    columns: Sequence[Column],
    ignored: Collection[str],
    form: Form,
) -> dict[str, int | None]:
    """Where each of ``columns`` stands among ``names``, counted from 0; None where it is absent."""
    place = line_of(file, 1)

    def compared(spellings: Iterable[str]) -> set[str]:
        return {name.casefold() if form.any_case else name for name in spellings}

    found = {
        column.name: [
            index for index, name in enumerate(names)
            if compared([name]) <= compared(column.spellings)
        ]
        for column in columns
    }  # fmt: skip
    missing = [column for column in columns if column.required and not found[column.name]]
    if missing:
        raise SourceError(
            f"{place} lacks the column {', '.join(column.spellings[0] for column in missing)}; it has "
            f"{_listed(names)}. If the publisher renamed it, add the new name to read.py"
        )
    for column in columns:
        if len(found[column.name]) > 1:
            raise SourceError(
                f"{place} has the column {column.spellings[0]} more than once: "
                f"{', '.join(names[index] for index in found[column.name])}; keep one"
            )
    known = compared(spelling for column in columns for spelling in column.spellings)
    known |= compared(ignored)
    unknown = [name for name in dict.fromkeys(names) if not compared([name]) <= known]
    fix = "look at what it holds, and name it in read.py"
    for name in unknown[:MOST_ISSUES]:
        reading.issue(Finding(place, name, "unknown column", name, fix))
    if rest := unknown[MOST_ISSUES:]:
        many = f"{len(rest)} more"
        reading.issue(
            Finding(
                place,
                None,
                "unknown column",
                many,
                fix.replace("it holds", "they hold").replace("name it", "name them"),
            )
        )
    return {name: indices[0] if indices else None for name, indices in found.items()}


def _listed(names: Sequence[str]) -> str:
    more = len(names) - 2 * MOST_ISSUES
    return ", ".join(names[: 2 * MOST_ISSUES]) + (f" and {more} more" if more > 0 else "")


def _numbered(width: int) -> str:
    return ", ".join(f"c{index}" for index in range(width))


def _query(source: str, places: dict[str, int | None], selection: str) -> str:
    columns = ", ".join(
        f"{'NULL' if index is None else f'c{index}'}::VARCHAR AS {_quoted(name)}"
        for name, index in places.items()
    )
    kept = ", ".join(_quoted(name) for name in (*places, "selection_rule"))
    return sql.text("scan").format(columns=columns, file=source, selection=selection, kept=kept)


def _scan(
    files: Contents,
    file: str,
    width: int,
    places: dict[str, int | None],
    selection: str,
    form: Form,
) -> tuple[int, pl.DataFrame]:
    """How many records the file has, and those that are taken."""
    if file.endswith(magic.PARQUET):
        source = sql.text("scan_parquet").format(cells=_numbered(width))
        query = _query(source, places, selection)
        with files.plain(file) as path:
            rows_read, found = _taken(path, query, {"path": str(path)}, records.THREADS)
    else:
        wide, narrow = (
            _query(records.source(width, form.separator, buffer), places, selection)
            for buffer in records.BUFFERS
        )
        with files.scannable(file) as (path, compression):
            values = {"path": str(path), "compression": compression}
            try:
                rows_read, found = _taken(path, wide, values, records.THREADS)
            except _OURS:
                raise
            except duckdb.Error:  # the threads may have stumbled; one alone names the broken line
                rows_read, found = _taken(path, narrow, values, 1)
    names = (*places, "selection_rule")
    rows = found.select(
        pl.col("row").cast(pl.Int64),
        *(pl.col("taken").list.get(index).alias(name) for index, name in enumerate(names)),
    )
    _refuse_nul(file, rows)
    return rows_read, rows.with_columns(
        pl.col(pl.String).str.strip_chars().replace(dict.fromkeys(MISSING))
    )


def _taken(
    path: Path, query: str, values: dict[str, str], threads: int
) -> tuple[int, pl.DataFrame]:
    """How many records a query goes through, and those that are taken, with their numbers."""
    with records.connection(path, threads) as con:
        con.execute(query, values)
        (rows_read,) = con.execute(sql.text("scan_count")).fetchall()[0]
        return rows_read, con.execute(sql.text("scan_taken")).pl()


def _quoted(name: str) -> str:
    if not name.isidentifier():
        raise ValueError(f"{name!r} cannot be the name of a column in a query")
    return f'"{name}"'


def _explained(file: str, width: int, message: str) -> SourceError:
    """DuckDB's complaint about a file, as file, line, what is wrong and what to do."""
    line = _LINE.search(message)
    place = line_of(file, int(line[1])) if line else file
    cells = _CELLS.search(message)
    if cells:
        more = int(cells[2]) > width  # DuckDB stops counting at the first one too many
        what = f"has {'more' if more else cells[2]} cells where the header has {width}"
        rule = "wrong number of cells"
    elif _QUOTE in message:
        what = (
            "has a quotation mark that is not doubled, or not closed within the "
            f"{records.LONGEST_LINE:,} bytes that a record may have"
        )
        rule = "not valid CSV"
    elif _TOO_LONG in message:
        what = f"is longer than {records.LONGEST_LINE:,} bytes, the most that is read as one record"
        rule = "line too long"
    elif _NOT_UTF8 in message:
        what, rule = "is not UTF-8", "not UTF-8"
    elif line or "CSV" in message:
        what = f"is not valid CSV ({_first_line(message)}); line ends may differ within the file"
        rule = "not valid CSV"
    else:
        what, rule = f"cannot be read ({_first_line(message)})", "unreadable"
    return SourceError(
        f"{place} {what}; the file may be cut short or damaged: fetch it again, and compare its size "
        "with the publisher's",
        rule,
    )


def _with_line(files: Contents, file: str, error: duckdb.Error) -> str:
    """What DuckDB says, with the line where it names none but what it cannot read can be found.

    DuckDB (1.5.5) fails within itself where text that is not UTF-8 stands in a column whose number is
    higher than that of the columns that are read, and says that it lacks a feature where a line is
    longer than its buffer.
    """
    lost = isinstance(error, duckdb.InternalException | duckdb.NotSupportedError)
    if file.endswith(magic.PARQUET) or not lost:
        return str(error)
    with files.open(file) as stream:
        number = 0
        while line := stream.readline(records.LONGEST_LINE + 1):
            number += 1
            if len(line) > records.LONGEST_LINE:
                return f"CSV Error on Line: {number} {_TOO_LONG}"
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return f"CSV Error on Line: {number} {_NOT_UTF8}"
    if isinstance(error, duckdb.NotSupportedError):  # a cell with many line breaks
        return f"CSV Error {_TOO_LONG}"
    return str(error)


def _first_line(message: str) -> str:
    return message.strip().splitlines()[0][:200]


def _refuse_nul(file: str, rows: pl.DataFrame) -> None:
    texts = pl.any_horizontal(pl.col(pl.String).str.contains("\x00", literal=True))
    for (row,) in rows.filter(texts).select("row").head(1).iter_rows():
        raise SourceError(f"{file} row {row} holds a NUL character; the file may be damaged")


def _doubt_ending(reading: Reading, file: str, row: int) -> None:
    reading.doubt(
        Finding(
            f"{file} row {row}", None, "no line break at the end of the file", None,
            "the copy may be cut short in its last cell: compare its size with the publisher's, and accept "
            "the vintage only if it is whole",
        )
    )  # fmt: skip
