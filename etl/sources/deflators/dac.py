"""Deflators of donors, as the OECD's Development Assistance Committee publishes them.

They are read from a compilation for the Global Humanitarian Assistance report. It mixes three things:
rows of the OECD, the IMF's, which it takes for every other country and for years to come, and copies
of one donor's rows under the names of countries that have none. Only the first is a deflator of the
donor that it names; the others are left and counted.
"""

from __future__ import annotations

import csv
import io
from typing import Final

import polars as pl

from etl.areas import Resolver
from etl.reading import Finding, Reading, Shape, decode, mapped, read_csv, shaped
from etl.sources.deflators.averages import OPTIONS

COLUMNS: Final = ("ISO", "year", "currency", "source", "ver", "gdp_defl")
BASE: Final = "base_year"
YEAR: Final = Shape(r"^[12][0-9]{3}$", "not a year", "the file prints four digits")
INDEX: Final = Shape(
    r"^[0-9]{1,6}(\.[0-9]{1,20})?$",
    "not an index",
    "the file prints digits with a point for decimals",
)
SOURCES: Final[dict[str | None, str | None]] = {"OECD": "OECD", "WEO": "IMF", "WEO_est": "IMF"}
# Under these names the compilation repeats another donor's rows.
COPIES: Final = (
    "CUB", "PRK", "SYR", "LBN", "ERI", "AFG", "LKA",  # all DAC donors together
    "AIA", "MSR", "SHN",  # the United Kingdom
    "COK", "NIU", "TKL",  # New Zealand
    "WLF",  # France
)  # fmt: skip
ALL_DONORS: Final = "DAC"
AREAS: Final = {ALL_DONORS: None, "EUI": "XEU"}
WITHIN: Final = 1e-6  # of 1, in the base year


def deflators(reading: Reading, file: str, content: bytes, resolver: Resolver) -> pl.DataFrame:
    """One row a donor and calendar year; the base year is the file's, or else the one in source.yml.

    Raises:
        SourceError: the file lacks a column.
    """
    rows = _rows(reading, file, content)
    rows = mapped(reading, rows, "currency", {"USD": "USD"}, "in_currency")
    rows = mapped(reading, rows, "source", SOURCES, "publisher")
    is_other = (pl.col("publisher") != "OECD") | pl.col("ISO").is_in(COPIES)
    reading.leave(file, rows.filter(is_other.fill_null(value=False)).height)
    rows = rows.filter(~is_other.fill_null(value=False))
    rows = shaped(reading, rows, {"year": YEAR, BASE: YEAR, "gdp_defl": INDEX})
    rows = _without_gaps(reading, rows)
    rows = rows.with_columns(value=pl.col("gdp_defl").cast(pl.Float64))
    none_yet = rows.filter(pl.col("value") == 0)
    reading.leave(file, none_yet.height)
    rows = rows.filter(pl.col("value") > 0)
    _look_at_base(reading, rows)
    rows = rows.with_columns(known=pl.col("ISO").replace(AREAS))
    rows = resolver.resolve(reading, rows, "known", "area")
    return rows.select(
        "file", "locator", "area", "value", "publisher",
        area_as_printed="ISO",
        series=pl.lit("dac_deflators"),
        report=pl.lit("Deflators for resource flows from DAC donors"),
        edition="ver",
        source_url=pl.lit(
            "https://github.com/ALNAP-Comms/gha_2025/blob/main/datasets/Deflators/deflators_2023usd.csv"
        ),
        year=pl.col("year").cast(pl.Int64),
        year_basis=pl.lit("calendar"),
        price_index=pl.concat_str(pl.lit("dac_deflator_usd_"), "ISO"),
        unit=pl.concat_str(pl.lit("index in U.S. dollars, "), BASE, pl.lit(" = 1")),
        base_period=BASE,
        base_value=1.0,
        periods_averaged=pl.lit(1, dtype=pl.Int64),
    )  # fmt: skip


def _rows(reading: Reading, file: str, content: bytes) -> pl.DataFrame:
    header = next(csv.reader(io.StringIO(decode(file, content), newline="")), [])
    if BASE in (name.strip() for name in header):
        return read_csv(reading, file, content, (*COLUMNS, BASE))
    declared = pl.lit(str(OPTIONS["dac_base_year"])).alias(BASE)
    return read_csv(reading, file, content, COLUMNS).with_columns(declared)


def _without_gaps(reading: Reading, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with a value in every column that is used; the others are rejects."""
    empty = pl.any_horizontal(pl.col("ISO", "year", BASE, "gdp_defl", "ver").is_null())
    for (place,) in rows.filter(empty).select("locator").iter_rows():
        reading.reject(Finding(place, None, "a value is missing", None, "look at the file"))
    return rows.filter(~empty)


def _look_at_base(reading: Reading, rows: pl.DataFrame) -> None:
    """Doubt a base year that is new, and an index that is not 1 in the base year it names."""
    expected = str(OPTIONS["dac_base_year"])
    other = rows.filter(pl.col(BASE) != expected)
    for place, printed in other.head(1).select("locator", BASE).iter_rows():
        reading.doubt(
            Finding(
                place, BASE, f"a base year that is not {expected}", printed,
                "if the file was re-based, change dac_base_year in source.yml, or accept the vintage",
            )
        )  # fmt: skip
    off = rows.filter(pl.col("year") == pl.col(BASE), (pl.col("value") - 1).abs() > WITHIN)
    for place, printed in off.head(1).select("locator", "gdp_defl").iter_rows():
        reading.doubt(
            Finding(place, "gdp_defl", "not 1 in its base year", printed, "is the base another?")
        )
