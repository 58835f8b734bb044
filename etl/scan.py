"""A large CSV or Parquet file of which a source wants few rows: found in one pass, in bounded memory.

The archived file is read where it lies, plain or compressed, and never as a whole: DuckDB goes
through it once and keeps only the records that the source's own ``SELECT`` takes. Columns go by the
names in the header; inside the query the cells bear their position, so no name out of a file ever
stands in SQL. A record is found again by its number: the header is row 1. That is its line, unless a
quoted cell above it holds a line break or an empty line stands between.

Reading is strict. A record with too many or too few cells, a quotation mark that is not closed and
text that is not UTF-8 in a column that is read stop the source with the file and the line; nothing
is skipped and nothing is padded. (Superfluous cells that are empty are overlooked: they shift nothing.)
Only what is taken is then trimmed, and an empty cell or one that says NULL becomes null.

Parquet (a file whose name ends so) goes the same way, its values as text; the first record is row 2
there too. It is unpacked for the pass, since its parts are found from its end.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import polars as pl

from etl import magic, sql
from etl.archive import Contents
from etl.locate import line_of
from etl.reading import Finding, Reading, SourceError

MEMORY_LIMIT: Final = "600MB"
THREADS: Final = 1  # the file's order allows no more, and a second one doubles the processor time
MISSING: Final = ("", "NULL")
LONGEST_HEADER: Final = 1 << 20  # bytes; a longer first line is no header

SEPARATORS: Final = frozenset({",", "|"})

# What a file may cause. Any other error of DuckDB's is one of ours.
_FAILURES: Final = (duckdb.InvalidInputException, duckdb.IOException, duckdb.OutOfMemoryException)
# What DuckDB says about a record, and what that means.
_LINE: Final = re.compile(r"CSV Error on Line: (\d+)")
_CELLS: Final = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")
_NOT_UTF8: Final = "Invalid unicode"
_QUOTE: Final = "unterminated quote"


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
    text = start.decode("utf-8-sig", errors="replace")  # what is not UTF-8 is found with its line
    if not text.strip():
        raise SourceError(f"{file} is empty; fetch it again", "empty body")
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=form.separator)
        return [name.strip() for name in next(lines)]
    except csv.Error as error:
        raise SourceError(f"{file} line 1 is no CSV header ({error}); fetch it again") from error


def _parquet_header(file: str, path: Path) -> list[str]:
    try:
        return list(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, OSError) as error:
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

    ``selection`` is SQL: a ``SELECT`` from ``records`` that keeps all its columns (``row`` and those
    of ``columns``, all text as it stands in the file) and adds ``selection_rule``, null where no rule takes the record. The
    frame has ``file``, ``locator``, ``row``, the columns and ``selection_rule``, in the order of the
    file. A header with a column that is neither read nor ``ignored`` is an issue; a file that does
    not end with a line break is a doubt.

    Raises:
        SourceError: a required column is missing or stands twice, or a record is not valid.
    """
    names = header(files, file, form)
    places = _places(reading, file, names, columns, ignored, form)
    if file.endswith(magic.PARQUET):
        with files.plain(file) as path:
            source = sql.text("scan_parquet").format(cells=_numbered(len(names)))
            query = _query(source, '"number" + 2', places, selection)
            rows_read, rows = _scan(file, path, len(names), places, query, {})
    else:
        query = _query(_csv_source(len(names), form), "row_number() OVER () + 1", places, selection)
        packing = {"compression": files.compression(file)}
        try:
            rows_read, rows = _scan(file, files.path(file), len(names), places, query, packing)
        except duckdb.InternalException as error:
            raise _not_utf8(files, file, str(error)) from error
        if files.last_byte(file) not in {b"\n", b"\r"}:
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
            f"{', '.join(names)}. If the publisher renamed it, add the new name to read.py"
        )
    for column in columns:
        if len(found[column.name]) > 1:
            raise SourceError(
                f"{place} has the column {column.spellings[0]} more than once: "
                f"{', '.join(names[index] for index in found[column.name])}; keep one"
            )
    known = compared(spelling for column in columns for spelling in column.spellings)
    known |= compared(ignored)
    for name in dict.fromkeys(names):
        if not compared([name]) <= known:
            fix = "look at what it holds, and name it in read.py"
            reading.issue(Finding(place, name, "unknown column", name, fix))
    return {name: indices[0] if indices else None for name, indices in found.items()}


def _numbered(width: int) -> str:
    return ", ".join(f"c{index}" for index in range(width))


def _csv_source(width: int, form: Form) -> str:
    cells = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(width))
    return sql.text("scan_csv").format(cells=f"{{{cells}}}", separator=form.separator)


def _query(source: str, number: str, places: dict[str, int | None], selection: str) -> str:
    columns = ", ".join(
        f"{'NULL' if index is None else f'c{index}'}::VARCHAR AS {_quoted(name)}"
        for name, index in places.items()
    )
    return sql.text("scan").format(number=number, columns=columns, file=source, selection=selection)


def _scan(
    file: str,
    path: Path,
    width: int,
    places: dict[str, int | None],
    query: str,
    packing: Mapping[str, str],
) -> tuple[int, pl.DataFrame]:
    """How many records the file has, and those that are taken."""
    with _connection(path) as con:
        try:
            found = con.execute(query, {"path": str(path), **packing}).pl()
        except _FAILURES as error:
            raise _explained(file, width, str(error)) from error
    rows_read, taken = found.row(0)
    schema = {"row": pl.Int64, **dict.fromkeys((*places, "selection_rule"), pl.String)}
    if taken is None:
        return rows_read, pl.DataFrame(schema=schema)
    rows = found.get_column("taken").explode().struct.unnest().select(list(schema)).sort("row")
    _refuse_nul(file, rows)
    return rows_read, rows.with_columns(
        pl.col(pl.String).str.strip_chars().replace(dict.fromkeys(MISSING))
    )


def _quoted(name: str) -> str:
    if not name.isidentifier():
        raise ValueError(f"{name!r} cannot be the name of a column in a query")
    return f'"{name}"'


@contextmanager
def _connection(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that may read one file and nothing else."""
    con = duckdb.connect(config={"memory_limit": MEMORY_LIMIT, "threads": THREADS})
    try:
        allowed = str(path).replace("'", "''")
        con.execute(f"SET allowed_paths = ['{allowed}']")
        con.execute("SET enable_external_access = false")
        con.execute("SET enable_progress_bar = false")
        con.execute("SET lock_configuration = true")
        yield con
    finally:
        con.close()


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
        what, rule = "has a quotation mark that is not closed or not doubled", "not valid CSV"
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


def _not_utf8(files: Contents, file: str, message: str) -> SourceError:
    """What an error within DuckDB means, if it is about text that is not UTF-8.

    DuckDB (1.5.5) fails within itself instead of naming the line, where such text stands in a column
    whose number is higher than that of the columns that are read.
    """
    with files.open(file) as lines:
        for number, line in enumerate(lines, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return _explained(file, 0, f"CSV Error on Line: {number} {_NOT_UTF8}")
    return _explained(file, 0, message)


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
