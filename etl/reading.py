"""What a reader hands over, and the strict reading of transcribed CSV files.

A reader turns archived bytes into canonical frames (one per fact table) and never drops a row
silently: each row becomes an entry, a named reject, or is left to another source by a declared
rule. :class:`Reading` keeps count, so that ``rows read = entries + rejects + deselected`` can be
checked for every file.

Transcribed files are edited by hand, so their reading is strict: UTF-8, a known header, the same
number of cells in each row, numbers that are numbers. Python's own csv module finds the line and
the ragged row; polars does everything after that.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl

from etl.locate import line_of
from etl.logs import blotted


class Shape(NamedTuple):
    """What a cell must look like, what it breaks otherwise, and how to mend it."""

    pattern: str
    rule: str
    fix: str
    is_date: bool = False  # a whole date must be a day of the calendar


WHOLE: Final = Shape(
    r"^-?[0-9]{1,18}$", "not a whole number", "write digits only, or leave the cell empty"
)
REAL: Final = Shape(
    r"^-?[0-9]{1,15}(\.[0-9]{1,12})?$",
    "not a number",
    "write digits with a point for decimals and no thousands separator, or leave the cell empty",
)
MONEY: Final = Shape(
    r"^-?[0-9]{1,16}(\.[0-9]{1,2})?$",
    "not an amount of money",
    "write dollars as digits with at most two decimals, or leave the cell empty",
)
DATE: Final = Shape(
    r"^[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$",
    "not a date",
    "write YYYY-MM-DD, YYYY-MM or YYYY",
    is_date=True,
)


class SourceError(Exception):
    """A source could not be read; the message names the file, the place and the fix.

    ``rule`` names the check that stopped it.
    """

    def __init__(self, message: str, rule: str = "unreadable") -> None:
        super().__init__(message)
        self.rule = rule


LONGEST: Final = 2000  # characters of a text from outside that a message or finding repeats
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def tame(text: str) -> str:
    """A text that holds what came from outside, fit for the record and for a terminal.

    Control characters and halves of characters are written as escapes, secrets that a publisher sends
    back are blotted out, and what is longer than anybody reads is cut.
    """
    text = blotted(text)
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]} … ({len(text):,} characters)"
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def unforeseen(error: Exception) -> str:
    """What to say of an error that no reader names: what it is, and where it rose."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"{type(error).__name__}: {blotted(str(error))[:200]} ({Path(frame.filename).name} line {frame.lineno}). "
        "The publisher sends what this version does not foresee, or it has a fault: report it with this line"
    )


@dataclass(frozen=True)
class Finding:
    """One reject or issue: where, what rule, what stood there, what to do."""

    locator: str
    column: str | None
    rule: str
    raw_value: str | None
    fix: str

    def __post_init__(self) -> None:
        """Tame what may have come from outside."""
        for name in ("column", "rule", "raw_value", "fix"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, tame(value))

    def __str__(self) -> str:
        """The finding as a sentence for people."""
        column = f", column {self.column}" if self.column else ""
        value = f": {self.raw_value[:120]!r}" if self.raw_value else ""
        return f"{self.locator}{column}: {self.rule}{value}; {self.fix}"


@dataclass
class Reading:
    """Everything one source gave in one refresh."""

    tables: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    splits: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    rejects: list[Finding] = field(default_factory=list)
    issues: list[Finding] = field(default_factory=list)
    doubts: list[Finding] = field(default_factory=list)
    rows_read: dict[str, int] = field(default_factory=dict)
    deselected: dict[str, int] = field(default_factory=dict)

    def add(self, table: str, frame: pl.DataFrame, splits: pl.DataFrame | None = None) -> None:
        """Hand over canonical rows of ``table`` (columns as in :mod:`etl.tables`).

        ``splits`` has the columns locator, dimension, category, value and unit; its rows belong to
        the row of ``frame`` with the same locator.
        """
        self.tables.setdefault(table, []).append(frame)
        if splits is not None:
            self.splits.setdefault(table, []).append(splits)

    def leave(self, file: str, rows: int) -> None:
        """Say that ``rows`` rows of ``file`` belong to another source."""
        self.deselected[file] = self.deselected.get(file, 0) + rows

    def rows_taken(self) -> int:
        """How many rows the source read for itself."""
        return sum(self.rows_read.values()) - sum(self.deselected.values())

    def reject(self, finding: Finding) -> None:
        """Keep a row out of the ledger, with the reason."""
        self.rejects.append(finding)

    def issue(self, finding: Finding) -> None:
        """Record something odd in a row that is kept."""
        self.issues.append(finding)

    def doubt(self, finding: Finding) -> None:
        """Say why a person must look at the vintage before it is used: it is held until it is accepted by name."""
        self.doubts.append(finding)


def decode(file: str, content: bytes) -> str:
    """The text of ``content``; raises SourceError for an empty file or one that is not UTF-8."""
    if not content.removeprefix(codecs.BOM_UTF8).strip():
        raise SourceError(f"{file} is empty; restore it from version control", "empty body")
    try:
        decoded = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SourceError(
            f"{file} line {line} is not UTF-8 (byte {error.start}, 0x{content[error.start]:02x}); "
            "save the file as UTF-8"
        ) from error
    if "\x00" in decoded:
        line = decoded.count("\n", 0, decoded.index("\x00")) + 1
        raise SourceError(f"{file} line {line} holds a NUL character; remove it")
    return decoded


def read_csv(
    reading: Reading,
    file: str,
    content: bytes,
    columns: Sequence[str],
    *,
    named: Callable[[str], str] = str.strip,
    separator: str = ",",
) -> pl.DataFrame:
    """The rows of a transcribed CSV as text columns, with ``file`` and ``locator`` beside them.

    Cells are stripped and empty cells are null. A row with too many or too few cells becomes a
    reject, an unknown column an issue. ``locator`` is the line in the archived file; a column of
    that name in the file itself says where the figure stands in its publication, and comes as
    ``place``. ``named`` brings the headings of several forms of a file to the one of ``columns``.

    Raises:
        SourceError: the file is empty, not UTF-8, lacks one of ``columns`` or repeats one.
    """
    text = decode(file, content)
    if not text.endswith(("\n", "\r")):
        raise SourceError(
            f"{file} line {text.count(chr(10)) + 1} does not end with a line break, as if the file were "
            "cut short; restore the file, or end its last line"
        )
    lines = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    records: list[list[str | None]] = []
    places: list[str] = []
    try:
        header = [named(name.strip()) for name in next(lines)]
        _check_header(reading, file, header, columns)
        start = lines.line_num + 1
        for cells in lines:
            if len(cells) != len(header) and cells:
                _reject_ragged(reading, file, start, cells, header)
            elif cells:
                records.append([cell.strip() or None for cell in cells])
                places.append(line_of(file, start))
            reading.rows_read[file] = reading.rows_read.get(file, 0) + bool(cells)
            start = lines.line_num + 1
    except csv.Error as error:
        raise SourceError(
            f"{file} line {lines.line_num} is not valid CSV ({error}); check its quotation marks"
        ) from error
    frame = pl.DataFrame(records, schema=dict.fromkeys(header, pl.String), orient="row")
    chosen = [pl.col(name).alias("place" if name == "locator" else name) for name in columns]
    return frame.select(chosen).with_columns(
        pl.lit(file).alias("file"), pl.Series("locator", places, dtype=pl.String)
    )


def _check_header(
    reading: Reading, file: str, header: Sequence[str], columns: Sequence[str]
) -> None:
    missing = [name for name in columns if name not in header]
    if missing:
        raise SourceError(
            f"{file} line 1 lacks the column {', '.join(missing)}; "
            f"it has {', '.join(header)}. Restore the column or its name"
        )
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise SourceError(f"{file} line 1 repeats the column {', '.join(repeated)}; keep one")
    for name in header:
        if name not in columns:
            reading.issue(
                Finding(
                    line_of(file, 1),
                    name,
                    "unknown column",
                    name,
                    "name it in read.py or remove it",
                )
            )


def _reject_ragged(
    reading: Reading, file: str, line: int, cells: Sequence[str], header: Sequence[str]
) -> None:
    reading.reject(
        Finding(
            line_of(file, line),
            None,
            "wrong number of cells",
            ",".join(cells)[:500],
            f"{len(cells)} cells where the header has {len(header)}; check commas and quotes",
        )
    )


def shaped(reading: Reading, frame: pl.DataFrame, shapes: Mapping[str, Shape]) -> pl.DataFrame:
    """Keep the rows whose cells have their shape; each cell that has not becomes a reject.

    The cells stay text: the caller casts them, which cannot fail any more. Empty cells pass.
    """
    kept = pl.lit(value=True)
    for column, shape in shapes.items():
        good = pl.col(column).is_null() | pl.col(column).str.contains(shape.pattern)
        if shape.is_date:
            day = pl.col(column).str.to_date("%Y-%m-%d", strict=False)
            good = good & (day.is_not_null() | (pl.col(column).str.len_chars() < len("2008-02-29")))
            good = good.fill_null(value=True)
        kept = kept & good
        for place, raw in frame.filter(~good).select("locator", column).iter_rows():
            reading.reject(Finding(place, column, shape.rule, raw, shape.fix))
    return frame.filter(kept)


def complete(
    reading: Reading, frame: pl.DataFrame, required: Sequence[str], rule: str, what: str
) -> pl.DataFrame:
    """Keep the rows that have a value in each of ``required``; one that has not becomes a reject.

    ``rule`` says what is wrong with it, ``what`` is what a row is: "the event".
    """
    is_whole = pl.all_horizontal(pl.col(name).is_not_null() for name in required)
    for (place,) in frame.filter(~is_whole).select("locator").iter_rows():
        fix = f"{what} needs all of {', '.join(required)}"
        reading.reject(Finding(place, None, rule, None, fix))
    return frame.filter(is_whole)


def mapped(
    reading: Reading,
    frame: pl.DataFrame,
    column: str,
    mapping: Mapping[str | None, str | None],
    into: str,
) -> pl.DataFrame:
    """Add ``into``: the value of ``column`` looked up in a complete table, never defaulted.

    A value that the table does not hold makes the row a reject.
    """
    known = [value for value in mapping if value is not None]
    good = pl.col(column).is_in(known)
    good = good.fill_null(value=None in mapping)
    for row in frame.filter(~good).select("locator", column).iter_rows():
        reading.reject(
            Finding(
                row[0], column, "unknown category", row[1],
                f"use one of the known values or add it to the table for {into} in read.py",
            )
        )  # fmt: skip
    return frame.filter(good).with_columns(
        pl.col(column).replace_strict(dict(mapping), return_dtype=pl.String).alias(into)
    )


def numbered(frame: pl.DataFrame, key: Sequence[str], order: Sequence[str]) -> pl.DataFrame:
    """Add ``occurrence``: 1, 2, ... among the rows of one key, whatever their order in the file.

    ``order`` are columns that sort the rows of one key; the frame has a column ``row`` to come back by.
    """
    return (
        frame.sort(*order, nulls_last=True)
        .with_columns((pl.int_range(pl.len(), dtype=pl.Int64) + 1).over(*key).alias("occurrence"))
        .sort("row")
    )
