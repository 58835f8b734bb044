"""Locators: how an entry names its row in archived bytes, and how the row is found again.

These forms are in use, each behind the name of the file:

    dod_hma.csv line 3              a line of text, counted from 1
    complete.csv row 41             a record of a CSV file; the header is row 1, also in Parquet
    balances.csv row 5 /outlays     the same record, for the figure that stands in that column
    cases.xlsx sheet 2021 row 41    a row of a worksheet, as the spreadsheet numbers it
    awards.json line 2 /results/7   a value within the JSON page on a line (RFC 6901)
    a.xml element grant 7 /part/2   within the seventh XML element of that name, its second "part"

A row is the line of the same number unless a quoted cell holds a line break or a line is empty:
records are told apart as :mod:`etl.records` does it for the scan that numbered them.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice, zip_longest
from pathlib import Path, PurePath
from typing import Any, Final

import duckdb
from lxml import etree

from etl import elements, magic, records, sheets
from etl.archive import Archive, ArchiveError, half
from etl.packing import CHUNK_BYTES

_FORM: Final = re.compile(
    r"(?P<file>.+?)(?: sheet (?P<sheet>.+))? "
    r"(?P<kind>line|row|element (?P<name>[\w.-]+)) (?P<number>[1-9][0-9]*)"
    r"(?: (?P<pointer>/.*))?",
    re.DOTALL,
)

# What says that a row cannot be found: there is none, or the bytes are not what the locator says.
_FAILURES: Final = (
    LookupError, ValueError, TypeError, csv.Error, duckdb.Error,
)  # fmt: skip


def line_of(file: str, number: int) -> str:
    """The locator of a line of ``file``."""
    return f"{file} line {number}"


def element_of(file: str, name: str, number: int) -> str:
    """The locator of an XML element of ``file``."""
    return f"{file} element {name} {number}"


def file_of(locator: str) -> str:
    """The file that a locator names; raises ValueError if it is none."""
    return _parts(locator)["file"]


def _parts(locator: str) -> dict[str, str]:
    found = _FORM.fullmatch(locator)
    if not found:
        raise ValueError(
            f"{locator!r} is no locator: a file, then line, row or element, and a number"
        )
    return found.groupdict()


def find(archive: Archive, sha256: str, locator: str) -> tuple[str, str]:
    """What ``locator`` names in the archived bytes, and what says how to read it.

    The first text is the heading: the header line of a file, or nothing where the row bears its
    own names. The second is the row: the line, one ``name: value`` a line for a record, JSON, or XML.

    Raises:
        ArchiveError: the bytes are missing or altered, or hold no such row.
    """
    parts = _parts(locator)
    archive.prove(sha256)
    number = int(parts["number"])
    try:
        if parts["kind"] == "row":
            return "", _row(archive, sha256, parts)
        if parts["name"]:
            return "", _element(archive, sha256, parts["name"], number, parts["pointer"] or "")
        header, line = _lines(archive, sha256, number)
        if parts["pointer"]:
            value = _value(json.loads(line), parts["pointer"])
            return "", json.dumps(value, ensure_ascii=False, indent=1)
    except _FAILURES as error:
        raise ArchiveError(f"the archived bytes hold no {locator}: {error}") from error
    return header, line


def _lines(archive: Archive, sha256: str, number: int) -> tuple[str, str]:
    """The first line and the one of that number, as :mod:`etl.reading` counts them."""
    with archive.open(sha256) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline=None)
        header = text.readline()
        line = header if number == 1 else next(islice(text, number - 2, None), None)
    if line is None:
        raise LookupError("the file ends before it")
    return header.removesuffix("\n"), line.removesuffix("\n")


def _row(archive: Archive, sha256: str, parts: dict[str, str]) -> str:
    """A row of a worksheet, or a record of a CSV or Parquet file."""
    file, number = parts["file"], int(parts["number"])
    if PurePath(file).suffix == sheets.EXCEL:
        return sheets.row_text(file, archive.get(sha256), parts["sheet"], number)
    return _record(archive, sha256, file, number)


def _record(archive: Archive, sha256: str, file: str, number: int) -> str:
    """The record of that number, each value behind its name in the header."""
    if number == 1:
        raise LookupError("row 1 is the header")
    if file.endswith(magic.PARQUET):
        with archive.plain(sha256) as path:
            return "\n".join(f"{name}: {value}" for name, value in records.parquet(path, number))
    with archive.open(sha256) as stream:
        start = stream.read(records.LONGEST_HEADER)
    separator = separator_of(start.partition(b"\n")[0])
    names = records.names(start, separator)
    cells = _cells(archive, sha256, len(names), separator, number)
    pairs = zip_longest(names, cells, fillvalue="")
    return "\n".join(f"{name}: {value}" for name, value in pairs)


def _cells(archive: Archive, sha256: str, width: int, separator: str, number: int) -> list[str]:
    """The cells of the record of that number, as the scan counts."""
    try:
        return records.cells(archive.path(sha256), width, separator, number)
    except duckdb.Error:
        pass  # most likely a letter that is not UTF-8, in a column that the scan did not read
    try:
        with _readable(archive, sha256) as path:
            return records.cells(path, width, separator, number)
    except duckdb.InvalidInputException:
        # A scan refuses such a file. Readers that take rescued copies row by row go through them thus.
        with archive.open(sha256) as stream:
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
            rows = filter(None, csv.reader(text, delimiter=separator))
            found = next(islice(rows, number - 1, None), None)
    if found is None:
        raise LookupError("it has no record of that number")
    return found


@contextmanager
def _readable(archive: Archive, sha256: str) -> Iterator[Path]:
    """A copy of archived text in which a sign stands in for every letter that is not UTF-8."""
    copy = archive.root / half(f"{sha256}.readable")  # swept up if this run is killed
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    try:
        with archive.open(sha256) as stream, copy.open("wb") as file:
            while chunk := stream.read(CHUNK_BYTES):
                file.write(decode(chunk).encode())
            file.write(decode(b"", final=True).encode())
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def separator_of(header: bytes) -> str:
    """What stands between the cells of a file with this first line: a comma or a vertical bar."""
    return "|" if header.count(b"|") > header.count(b",") else ","


def _element(archive: Archive, sha256: str, name: str, number: int, pointer: str) -> str:
    """The XML element of that number among those called ``name``, or what lies within it."""
    with archive.open(sha256) as stream:
        for found, element in elements.elements("the file", stream, name):
            if found == number:
                part = elements.within(element, pointer)
                return str(etree.tostring(part, encoding="unicode", with_tail=False))
    raise LookupError(f"it has fewer elements called {name}")


def _value(document: Any, pointer: str) -> Any:  # noqa: ANN401 - JSON
    """The value in a JSON document to which a JSON Pointer points."""
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document
