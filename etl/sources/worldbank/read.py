"""Population and gross domestic product by area and year, from the World Bank's answers.

The population may also come as a copy of the answers as CSV. Aggregates stand among the countries and
are told apart by a list: what is in neither that list nor among the areas is an issue. A year without
a figure is not a figure of zero and is left.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import polars as pl

from etl.archive import Contents
from etl.areas import Resolver
from etl.asking import shown
from etl.json_text import json_of
from etl.locate import line_of
from etl.reading import WHOLE, Finding, Reading, Shape, SourceError, read_csv, shaped

YEAR: Final = Shape(r"^[12][0-9]{3}$", "not a year", "the Bank prints four digits")
DOLLARS: Final = Shape(
    r"^[0-9]{1,15}(\.[0-9]{1,20})?$",
    "not an amount of dollars",
    "the Bank prints a number of dollars",
)
WORLD: Final = {"WLD": "XWD"}
AGGREGATES: Final = {
    row["code"]: row["name"]
    for row in csv.DictReader(
        Path(__file__).with_name("aggregates.csv").read_text(encoding="utf-8").splitlines()
    )
}
REPORT: Final = "World Development Indicators"
EDITION: Final = "the edition of the vintage"  # so that a new one revises only what it restates
ADDRESS: Final = "https://data.worldbank.org/indicator/"
POPULATION: Final = "population.json"
GDP: Final = "gdp.json"
INDICATORS: Final = {POPULATION: "SP.POP.TOTL", GDP: "NY.GDP.MKTP.CD"}
COPY: Final = ("Country Name", "Country Code", "Year", "Value")
CENT: Final = Decimal("0.01")
_SCHEMA: Final = dict.fromkeys(("file", "locator", "name", "code", "year", "printed"), pl.String)


def read(files: Contents, reading: Reading, resolver: Resolver) -> None:
    """Hand over one row an area and year of each indicator that is there."""
    _read_population(files, reading, resolver)
    if GDP in files:
        _read_gdp(files, reading, resolver)


def _read_population(files: Contents, reading: Reading, resolver: Resolver) -> None:
    answers = [file for file in sorted(files) if file != GDP]
    if not answers:
        return
    rows = pl.concat([_rows(files, reading, file) for file in answers])
    if POPULATION in files:
        copies = rows.filter(pl.col("file") != POPULATION)
        for file, count in copies.group_by("file").len().iter_rows():
            reading.leave(file, count)
        rows = rows.filter(pl.col("file") == POPULATION)
    rows = _of_areas(reading, resolver, rows, WHOLE)
    reading.add(
        "population",
        rows.select(*_spine("wb_population", POPULATION), people=pl.col("printed").cast(pl.Int64)),
    )


def _read_gdp(files: Contents, reading: Reading, resolver: Resolver) -> None:
    rows = _of_areas(reading, resolver, _rows(files, reading, GDP), DOLLARS)
    # through Python's decimals: floats of this size lose the cents
    cents = [Decimal(printed).quantize(CENT) for printed in rows["printed"]]
    dollars = pl.Series("gdp_usd", cents, dtype=pl.Decimal(18, 2))
    reading.add(
        "gdp",
        rows.with_columns(dollars).select(
            *_spine("wb_gdp", GDP), "gdp_usd", gdp_as_printed="printed"
        ),
    )


def _of_areas(
    reading: Reading, resolver: Resolver, rows: pl.DataFrame, shape: Shape
) -> pl.DataFrame:
    """The rows of areas that have a figure of that shape; the others are left and counted."""
    aggregate = pl.col("code").is_in(list(AGGREGATES)) | pl.col("name").is_in(
        list(AGGREGATES.values())
    )
    left = rows.filter(aggregate.fill_null(value=False) | pl.col("printed").is_null())
    for file, count in left.group_by("file").len().iter_rows():
        reading.leave(file, count)
    rows = rows.join(left.select("locator"), on="locator", how="anti", maintain_order="left")
    rows = shaped(reading, rows, {"year": YEAR, "printed": shape})
    rows = rows.with_columns(known=pl.col("code").replace(WORLD))
    return resolver.resolve(reading, rows, "known", "area")


def _spine(series: str, file: str) -> tuple[pl.Expr, ...]:
    """What both tables have."""
    return (
        pl.col("file", "locator", "area"),
        pl.lit(series).alias("series"),
        pl.lit(REPORT).alias("report"),
        pl.lit(EDITION).alias("edition"),
        pl.lit(ADDRESS + INDICATORS[file]).alias("source_url"),
        pl.col("name").alias("area_as_printed"),
        pl.col("code").alias("code_as_printed"),
        pl.col("year").cast(pl.Int64),
    )


def _rows(files: Contents, reading: Reading, file: str) -> pl.DataFrame:
    if file not in INDICATORS:
        copy = read_csv(reading, file, files[file], COPY)
        return copy.select(
            "file", "locator", name="Country Name", code="Country Code", year="Year", printed="Value"
        ).cast(pl.String)  # fmt: skip
    return pl.DataFrame(list(_records(files, reading, file)), schema=_SCHEMA, orient="row")


def _records(files: Contents, reading: Reading, file: str) -> Iterator[dict[str, Any]]:
    reading.rows_read.setdefault(file, 0)
    with files.open(file) as lines:
        for number, line in enumerate(lines, 1):
            place = line_of(file, number)
            for index, record in enumerate(_listed(place, line)):
                reading.rows_read[file] += 1
                _is_of(INDICATORS[file], place, record)
                value, country = record.get("value"), record["country"]
                at = f"{place} /1/{index}"
                code = _plain(at, record, "countryiso3code")
                if not code:
                    _look(reading, at, country)
                yield {
                    "file": file,
                    "locator": at,
                    "name": _plain(at, country, "value"),
                    "code": code or _plain(at, country, "id"),
                    "year": _plain(at, record, "date"),
                    "printed": None if value is None else f"{value:.0f}"
                    if isinstance(value, float) and value.is_integer()
                    else str(value),
                }  # fmt: skip


def _is_of(indicator: str, place: str, record: dict[str, Any]) -> None:
    """Refuse a record of another indicator: two files may have been exchanged."""
    about = record.get("indicator")
    found = about.get("id") if isinstance(about, dict) else about
    if found != indicator:
        raise SourceError(
            f"{place} is about the indicator {shown(found)}, not {indicator}; were two files exchanged?"
        )


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
