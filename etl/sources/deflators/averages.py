"""Yearly averages of the U.S. GDP deflator (quarters) and of CPI-U (months).

Several rows of the file make one entry, so its locator is the last of them. A quarter and a month are
named by their first day. The averages are rounded as the embedded ones (``us_price_indexes``) are:
six decimals for the deflator, four for CPI-U, which is more than the published digits hold.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import polars as pl
import yaml

from etl.areas import Resolver
from etl.reading import Finding, Reading, Shape, SourceError, read_csv, shaped

OPTIONS: Final = yaml.safe_load(Path(__file__).with_name("source.yml").read_text(encoding="utf-8"))[
    "fetch"
]["options"]
MONTH: Final = Shape(
    r"^[12][0-9]{3}-(0[1-9]|1[0-2])-01$",
    "not the first day of a month",
    "the file prints YYYY-MM-01",
)
QUARTER: Final = Shape(
    r"^[12][0-9]{3}-(01|04|07|10)-01$",
    "not the first day of a quarter",
    "the file prints YYYY-MM-01",
)
NUMBER: Final = Shape(
    r"^[0-9]{1,10}(\.[0-9]{1,10})?$",
    "not a number",
    "the file prints digits with a point for decimals",
)
FISCAL_FROM: Final = 10  # October: the month in which the next fiscal year begins
EQUAL: Final = (
    0.0005  # so near are current and chained dollars of the base year, and of no other year
)


class Index(NamedTuple):
    """One index: how it is called, and how many periods make a year."""

    series: str
    price_index: str
    periods: int
    decimals: int
    report: str
    publisher: str
    edition: str
    source_url: str


GDP: Final = Index(
    "us_gdp_deflator", "us_gdp_implicit_price_deflator", 4, 6,
    "National income and product accounts, tables 1.1.5 and 1.1.6, quarterly",
    "U.S. Bureau of Economic Analysis", "github.com/datasets/gdp-us",
    "https://github.com/datasets/gdp-us/blob/HEAD/data/quarter.csv",
)  # fmt: skip
CPI: Final = Index(
    "us_cpi_u", "us_cpi_u_all_items", 12, 4,
    "Consumer price index, all urban consumers, not seasonally adjusted, CUUR0000SA0",
    "U.S. Bureau of Labor Statistics", "github.com/datasets/cpi-us",
    "https://github.com/datasets/cpi-us/blob/HEAD/data/cpiai.csv",
)  # fmt: skip


def gdp_deflator(reading: Reading, file: str, content: bytes, resolver: Resolver) -> pl.DataFrame:
    """Current over chained dollars, averaged over the four quarters of a year.

    Raises:
        SourceError: the file lacks a column, or no year shows which dollars it is chained to.
    """
    del resolver
    columns = ("date", "level-current", "level-chained", "change-current", "change-chained")
    rows = read_csv(reading, file, content, columns).rename({"date": "day"})
    rows = shaped(reading, rows, {"day": QUARTER, "level-current": NUMBER, "level-chained": NUMBER})
    rows = _complete(reading, rows, ("level-current", "level-chained"))
    base = _base_year(reading, file, rows)
    rows = rows.with_columns(value=pl.col("level-current") / pl.col("level-chained"))
    return _averaged(reading, file, rows, GDP).with_columns(
        unit=pl.lit(f"ratio of current to chained {base} dollars"),
        base_period=pl.lit(str(base)),
        base_value=1.0,
    )


def consumer_prices(
    reading: Reading, file: str, content: bytes, resolver: Resolver
) -> pl.DataFrame:
    """CPI-U, averaged over the twelve months of a year.

    Raises:
        SourceError: the file lacks a column.
    """
    del resolver
    rows = read_csv(reading, file, content, ("Date", "Index", "Inflation"))
    rows = rows.rename({"Date": "day", "Index": "value"})
    rows = shaped(reading, rows, {"day": MONTH, "value": NUMBER})
    rows = _complete(reading, rows, ("value",))
    return _averaged(reading, file, rows, CPI).with_columns(
        unit=pl.lit("index, 1982-84 = 100"), base_period=pl.lit("1982-84"), base_value=100.0
    )


def _complete(reading: Reading, rows: pl.DataFrame, values: tuple[str, ...]) -> pl.DataFrame:
    """The rows with a period of their own and numbers above zero; the others are rejects."""
    rows = rows.with_columns(pl.col(values).cast(pl.Float64))
    good = pl.all_horizontal(pl.col("day").is_not_null(), pl.col(values) > 0).fill_null(value=False)
    for (place,) in rows.filter(~good).select("locator").iter_rows():
        reading.reject(Finding(place, None, "a value is missing or zero", None, "look at the file"))
    rows = rows.filter(good)
    twice = rows.filter(pl.col("day").is_duplicated())
    for place, day in twice.select("locator", "day").iter_rows():
        reading.reject(Finding(place, None, "a period stands there twice", day, "keep one"))
    rows = rows.filter(~pl.col("day").is_duplicated())
    return rows.with_columns(
        calendar=pl.col("day").str.head(4).cast(pl.Int64),
        month=pl.col("day").str.slice(5, 2).cast(pl.Int64),
    ).with_columns(fiscal=pl.col("calendar") + (pl.col("month") >= FISCAL_FROM).cast(pl.Int64))


def _base_year(reading: Reading, file: str, rows: pl.DataFrame) -> int:
    """The year whose current and chained dollars are equal."""
    years = (
        rows.group_by("calendar")
        .agg(pl.len(), ratio=pl.col("level-current").sum() / pl.col("level-chained").sum())
        .filter(pl.col("len") == GDP.periods, (pl.col("ratio") - 1).abs() < EQUAL)
        .sort((pl.col("ratio") - 1).abs(), "calendar")
    )
    if years.is_empty():
        raise SourceError(
            f"{file}: in no whole year are current and chained dollars equal, so nothing says which year's "
            "dollars the file is chained to; was it cut, or are its columns others?"
        )
    base: int = years["calendar"][0]
    expected = OPTIONS["gdp_base_year"]
    if base != expected:
        where = rows.filter(pl.col("calendar") == base)["locator"][0]
        reading.doubt(
            Finding(
                where, "level-chained", f"chained to dollars of {base}, so far of {expected}", None,
                "if the publisher changed its base, change gdp_base_year in source.yml, or accept the vintage",
            )
        )  # fmt: skip
    return base


def _averaged(reading: Reading, file: str, rows: pl.DataFrame, index: Index) -> pl.DataFrame:
    """One row a whole year, fiscal and calendar; all of its columns but the base."""
    found = []
    for basis in ("fiscal", "calendar"):
        years = (
            rows.sort("day")
            .group_by(basis, maintain_order=True)
            .agg(pl.len(), pl.col("locator").last(), pl.col("value").mean().round(index.decimals))
            .rename({basis: "year"})
            .with_columns(year_basis=pl.lit(basis))
        )
        found.append(years.filter(pl.col("len") == index.periods))
        _name_gaps(reading, years, index)
    whole = pl.concat(found)
    # Each row of the file serves in a fiscal and a calendar year; what is over is no figure lost.
    reading.leave(file, rows.height - whole.height)
    return whole.select(
        "year", "year_basis", "locator", "value",
        file=pl.lit(file),
        series=pl.lit(index.series),
        report=pl.lit(index.report),
        edition=pl.lit(index.edition),
        source_url=pl.lit(index.source_url),
        area=pl.lit("USA"),
        price_index=pl.lit(index.price_index),
        periods_averaged=pl.lit(index.periods, dtype=pl.Int64),
        publisher=pl.lit(index.publisher),
        note=pl.lit(f"average of the {index.periods} periods of the year, of which the last is shown"),
    )  # fmt: skip


def _name_gaps(reading: Reading, years: pl.DataFrame, index: Index) -> None:
    """An issue for each year between the first and the last that lacks a period."""
    within = years.sort("year").slice(1, max(years.height - 2, 0))
    for row in within.filter(pl.col("len") != index.periods).iter_rows(named=True):
        reading.issue(
            Finding(
                row["locator"], None,
                f"{row['year_basis']} year {row['year']} has {row['len']} of {index.periods} periods", None,
                "the year is left out; nothing is put in the place of what was not published",
            )
        )  # fmt: skip
