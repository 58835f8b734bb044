"""Population by area and year, from the World Bank's answers or from a copy of them as CSV.

Aggregates stand among the countries and are told apart by a list: what is in neither that list nor
among the areas is an issue. A year without a figure is not a figure of zero and is left.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl

from etl.archive import Contents
from etl.areas import Resolver
from etl.asking import shown
from etl.json_text import json_of
from etl.locate import line_of
from etl.reading import WHOLE, Finding, Reading, Shape, SourceError, read_csv, shaped
from etl.sources.worldbank.fetch import FILE

YEAR: Final = Shape(r"^[12][0-9]{3}$", "not a year", "the Bank prints four digits")
WORLD: Final = {"WLD": "XWD"}
AGGREGATES: Final = {
    row["code"]: row["name"]
    for row in csv.DictReader(
        Path(__file__).with_name("aggregates.csv").read_text(encoding="utf-8").splitlines()
    )
}
REPORT: Final = "World Development Indicators"
ADDRESS: Final = "https://data.worldbank.org/indicator/SP.POP.TOTL"
COPY: Final = ("Country Name", "Country Code", "Year", "Value")
_SCHEMA: Final = dict.fromkeys(("file", "locator", "name", "code", "year", "printed"), pl.String)


def read(files: Contents, reading: Reading, resolver: Resolver) -> None:
    """Hand over one row an area and year."""
    rows = pl.concat([_rows(files, reading, file) for file in sorted(files)])
    if FILE in files:
        copies = rows.filter(pl.col("file") != FILE)
        for file, count in copies.group_by("file").len().iter_rows():
            reading.leave(file, count)
        rows = rows.filter(pl.col("file") == FILE)
    aggregate = pl.col("code").is_in(list(AGGREGATES)) | pl.col("name").is_in(
        list(AGGREGATES.values())
    )
    left = rows.filter(aggregate.fill_null(value=False) | pl.col("printed").is_null())
    for file, count in left.group_by("file").len().iter_rows():
        reading.leave(file, count)
    rows = rows.join(left.select("locator"), on="locator", how="anti", maintain_order="left")
    rows = shaped(reading, rows, {"year": YEAR, "printed": WHOLE})
    rows = rows.with_columns(known=pl.col("code").replace(WORLD))
    rows = resolver.resolve(reading, rows, "known", "area")
    reading.add(
        "population",
        rows.select(
            "file",
            "locator",
            "area",
            series=pl.lit("wb_population"),
            report=pl.lit(REPORT),
            edition=pl.lit("the edition of the vintage"),
            source_url=pl.lit(ADDRESS),
            area_as_printed="name",
            code_as_printed="code",
            year=pl.col("year").cast(pl.Int64),
            people=pl.col("printed").cast(pl.Int64),
        ),
    )


def _rows(files: Contents, reading: Reading, file: str) -> pl.DataFrame:
    if file != FILE:
        copy = read_csv(reading, file, files[file], COPY)
        return copy.select(
            "file", "locator", name="Country Name", code="Country Code", year="Year", printed="Value"
        ).cast(pl.String)  # fmt: skip
    return pl.DataFrame(list(_records(files, reading)), schema=_SCHEMA, orient="row")


def _records(files: Contents, reading: Reading) -> Iterator[dict[str, Any]]:
    reading.rows_read.setdefault(FILE, 0)
    with files.open(FILE) as lines:
        for number, line in enumerate(lines, 1):
            place = line_of(FILE, number)
            for index, record in enumerate(_listed(place, line)):
                reading.rows_read[FILE] += 1
                value, country = record.get("value"), record["country"]
                at = f"{place} /1/{index}"
                code = _plain(at, record, "countryiso3code")
                if not code:
                    _look(reading, at, country)
                yield {
                    "file": FILE,
                    "locator": at,
                    "name": _plain(at, country, "value"),
                    "code": code or _plain(at, country, "id"),
                    "year": _plain(at, record, "date"),
                    "printed": None if value is None else f"{value:.0f}"
                    if isinstance(value, float) and value.is_integer()
                    else str(value),
                }  # fmt: skip


def _plain(place: str, held: dict[str, Any], name: str) -> str | None:
    """A text or number as text; raises SourceError for lists and objects."""
    value = held.get(name)
    if isinstance(value, dict | list):
        raise SourceError(
            f"{place} has no text as {name!r}: {shown(value)}; has the answer changed?"
        )
    return None if value is None else str(value)


def _look(reading: Reading, place: str, country: dict[str, Any]) -> None:
    """A record without a code of three letters should be an aggregate."""
    if country.get("value") not in AGGREGATES.values():
        reading.issue(
            Finding(
                place, "countryiso3code", "neither a country nor a known aggregate",
                str(country.get("value")), "add it to aggregates.csv, or its code to areas.csv",
            )
        )  # fmt: skip


def _listed(place: str, line: bytes) -> list[dict[str, Any]]:
    answer = json_of(line, place)
    parts = answer if isinstance(answer, list) else []
    records = parts[1] if len(parts) == 2 else None  # noqa: PLR2004 - what it is about, and the records
    good = isinstance(records, list) and all(
        isinstance(each, dict) and isinstance(each.get("country"), dict) for each in records
    )
    if not good:
        raise SourceError(
            f"{place} holds no list of records with a country; has the answer changed?"
        )
    return list(records or [])
