"""Exchange rates of the Federal Reserve and the IMF, from the compilations that publish them as CSV.

Everything is units of a currency for one U.S. dollar. The Federal Reserve's own tables quote five
currencies the other way round, and its files are turned by whoever compiles them; so each currency
is compared with what one month is known to have been, and the two sources with each other. A rate
that stands on its head is a doubt: a person must look before anything is converted with it.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl
import yaml

from etl.archive import Contents
from etl.areas import Resolver
from etl.reading import Finding, Reading, Shape, SourceError, decode, mapped, read_csv, shaped

FIRST_YEAR: Final = int(
    yaml.safe_load(Path(__file__).with_name("source.yml").read_text(encoding="utf-8"))["fetch"][
        "options"
    ]["first_year"]
)
RATE: Final = Shape(
    r"^[0-9]{1,15}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?$",
    "not a rate",
    "the files print digits with a point for decimals",
)
DAY: Final = Shape(
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "not a date", "the files print YYYY-MM-DD", is_date=True
)
CURRENCY: Final = Shape(
    r"^[A-Z]{3}$", "not a currency", "the file prints three letters of ISO 4217"
)

# Countries of the Federal Reserve's files and the currency that each series is in. None: left out.
COUNTRIES: Final[dict[str | None, str | None]] = {
    "Australia": "AUD", "Austria": "ATS", "Belgium": "BEF", "Brazil": "BRL", "Canada": "CAD",
    "China": "CNY", "Denmark": "DKK", "Euro": "EUR", "Finland": "FIM", "France": "FRF",
    "Germany": "DEM", "Greece": "GRD", "Hong Kong": "HKD", "India": "INR", "Ireland": "IEP",
    "Italy": "ITL", "Japan": "JPY", "Malaysia": "MYR", "Mexico": "MXN", "Netherlands": "NLG",
    "New Zealand": "NZD", "Norway": "NOK", "Portugal": "PTE", "Singapore": "SGD",
    "South Africa": "ZAR", "South Korea": "KRW", "Spain": "ESP", "Sri Lanka": "LKR",
    "Sweden": "SEK", "Switzerland": "CHF", "Taiwan": "TWD", "Thailand": "THB",
    "United Kingdom": "GBP", "Venezuela": None,
}  # fmt: skip
# What a dollar cost in one month, as the copy of July 2026 prints it; each was looked at.
KNOWN_MONTH: Final = "2000-01"
KNOWN: Final = {
    "AUD": 1.5244, "ATS": 13.582, "BEF": 39.82, "BRL": 1.8057, "CAD": 1.4486, "CNY": 8.2792,
    "DKK": 7.3492, "EUR": 0.9871, "FIM": 5.8688, "FRF": 6.4748, "DEM": 1.9305, "GRD": 326.86,
    "HKD": 7.7791, "INR": 43.5895, "IEP": 0.7774, "ITL": 1911.23, "JPY": 105.296, "MYR": 3.8,
    "MXN": 9.4935, "NLG": 2.1752, "NZD": 1.9505, "NOK": 8.0241, "PTE": 197.89, "SGD": 1.6757,
    "ZAR": 6.1309, "KRW": 1130.99, "ESP": 164.23, "LKR": 73.14, "SEK": 8.4918, "CHF": 1.5903,
    "TWD": 30.8895, "THB": 37.38, "GBP": 0.6096,
}  # fmt: skip
KNOWN_WITHIN: Final = 1.1  # times

LEAP: Final = 3  # times from one period to the next: perhaps another currency
APART: Final = 2  # times between two sources, or between a year and its months: one is on its head


class Layout(NamedTuple):
    """What one file holds."""

    series: str
    period: str
    basis: str
    report: str
    source_url: str


FED: Final = "Federal Reserve, foreign exchange rates"
IMF: Final = "International Financial Statistics"
LAYOUTS: Final = {
    "federal_reserve_monthly.csv": Layout(
        "fed_monthly", "month", "average", FED,
        "https://github.com/datasets/exchange-rates/blob/main/data/monthly.csv",
    ),
    "federal_reserve_annual.csv": Layout(
        "fed_annual", "year", "average", FED,
        "https://github.com/datasets/exchange-rates/blob/main/data/annual.csv",
    ),
    "imf_monthly.csv": Layout(
        "imf_monthly", "month", "end", IMF, "https://codeforiati.org/imf-exchangerates/imf_exchangerates.csv"
    ),
    "imf_annual.csv": Layout(
        "imf_annual", "year", "average", IMF,
        "https://codeforiati.org/imf-exchangerates/imf_exchangerates_A_ENDA_USD.csv",
    ),
}  # fmt: skip
EDITIONS: Final = {FED: "FRED", IMF: "codeforIATI/imf-exchangerates"}
VALUES: Final = ("Exchange rate", "Value")  # the same column in copies of different years
FREQUENCIES: Final[dict[str | None, str | None]] = {"M": "month", "A": "year"}


def read(files: Contents, reading: Reading, resolver: Resolver) -> None:
    """Hand over one row a currency, country and period; a rate belongs to no area."""
    del resolver
    rates = [
        _read(reading, file, layout, files[file])
        for file, layout in LAYOUTS.items()
        if file in files
    ]
    if not rates:
        raise SourceError(f"none of the files is there: {', '.join(LAYOUTS)}", "missing file")
    every = pl.concat(rates)
    for file, rows in every.group_by("file").agg(pl.col("year") < FIRST_YEAR).iter_rows():
        reading.leave(file, sum(rows))
    kept = every.filter(pl.col("year") >= FIRST_YEAR)
    _look_at_known(reading, kept)
    _look_at_leaps(reading, kept)
    _compare(reading, kept)
    reading.add("exchange_rates", kept)


def _read(reading: Reading, file: str, layout: Layout, content: bytes) -> pl.DataFrame:
    rows = _imf(reading, file, content) if layout.report == IMF else _fed(reading, file, content)
    empty = rows.filter(pl.col("printed").is_null() | pl.col("currency").is_null())
    reading.leave(file, empty.height)
    rows = rows.join(empty.select("locator"), on="locator", how="anti", maintain_order="left")
    rows = shaped(reading, rows, {"printed": RATE, "day": DAY, "currency": CURRENCY})
    rows = rows.filter(_has(reading, rows, "day"))
    return rows.select(
        "file",
        "locator",
        "currency",
        series=pl.lit(layout.series),
        report=pl.lit(layout.report),
        edition=pl.lit(EDITIONS[layout.report]),
        source_url=pl.lit(layout.source_url),
        country_as_printed="country",
        date=pl.col("day").str.head(7 if layout.period == "month" else 4),
        year=pl.col("day").str.head(4).cast(pl.Int64),
        period=pl.lit(layout.period),
        basis=pl.lit(layout.basis),
        rate=pl.col("printed").cast(pl.Float64),
        rate_as_printed="printed",
    )


def _has(reading: Reading, rows: pl.DataFrame, column: str) -> pl.Series:
    """Which rows have a value in ``column``; the others are rejects."""
    for (place,) in rows.filter(pl.col(column).is_null()).select("locator").iter_rows():
        reading.reject(Finding(place, column, "a value is missing", None, "look at the file"))
    return rows[column].is_not_null()


def _fed(reading: Reading, file: str, content: bytes) -> pl.DataFrame:
    header = next(csv.reader(io.StringIO(decode(file, content), newline="")), [])
    value = next((name for name in VALUES if name in header), VALUES[0])
    rows = read_csv(reading, file, content, ("Date", "Country", value))
    rows = mapped(reading, rows, "Country", COUNTRIES, "currency")
    return rows.select("file", "locator", "currency", country="Country", day="Date", printed=value)


def _imf(reading: Reading, file: str, content: bytes) -> pl.DataFrame:
    """The rows of an IMF file; its country names change, so a country goes by its code."""
    columns = ("Date", "Rate", "Currency", "Frequency", "Source", "Country code", "Country")
    rows = read_csv(reading, file, content, columns)
    rows = mapped(reading, rows, "Frequency", FREQUENCIES, "period")
    rows = mapped(reading, rows, "Source", {"IMF": IMF}, "report")
    other = rows.filter(pl.col("period") != LAYOUTS[file].period)
    for place, printed in other.head(1).select("locator", "Frequency").iter_rows():
        raise SourceError(
            f"{place} has the frequency {printed}, the file should hold one rate a "
            f"{LAYOUTS[file].period}; were two files exchanged?"
        )
    unnamed = rows.filter(pl.col("Currency").is_null())
    for place, code in unnamed.unique("Country code", keep="first", maintain_order=True).select(
        "locator", "Country code"
    ).iter_rows():  # fmt: skip
        reading.issue(
            Finding(
                place, "Currency", "a country without a currency", code,
                "its rates are left: nothing says what they are in",
            )
        )  # fmt: skip
    return rows.select(
        "file", "locator", currency="Currency", country="Country code", day="Date", printed="Rate"
    )


def _look_at_known(reading: Reading, rates: pl.DataFrame) -> None:
    """Compare the Federal Reserve's rates of one month with what they are known to have been."""
    then = rates.filter(pl.col("series") == "fed_monthly", pl.col("date") == KNOWN_MONTH)
    for place, currency, rate in then.select("locator", "currency", "rate").iter_rows():
        known = KNOWN[currency]
        if not known / KNOWN_WITHIN < rate < known * KNOWN_WITHIN:
            reading.doubt(
                Finding(
                    place, "rate", f"a dollar cost {known:g} {currency} in {KNOWN_MONTH}", f"{rate:g}",
                    "is it quoted the other way round, or in another currency?",
                )
            )  # fmt: skip


def _look_at_leaps(reading: Reading, rates: pl.DataFrame) -> None:
    """Name the rates that change so much from one period to the next that the currency may be another."""
    ordered = rates.sort("series", "currency", "country_as_printed", "date")
    before = pl.col("rate").shift().over("series", "currency", "country_as_printed")
    leaps = ordered.with_columns(before=before).filter(
        (pl.col("rate") > LEAP * pl.col("before")) | (pl.col("rate") * LEAP < pl.col("before"))
    )
    for place, printed, earlier in leaps.select("locator", "rate_as_printed", "before").iter_rows():
        reading.issue(
            Finding(
                place, "rate", f"changes more than {LEAP}-fold, from {earlier:.6g}", printed,
                "the currency may have been exchanged for another; look before converting with it",
            )
        )  # fmt: skip


def _compare(reading: Reading, rates: pl.DataFrame) -> None:
    """Doubt a source in which a currency is far from the other, or a year far from its months."""
    fed = rates.filter(pl.col("series") == "fed_monthly")
    imf = rates.filter(pl.col("series") == "imf_monthly")
    annual = rates.filter(pl.col("series") == "fed_annual")
    months = (
        fed.group_by("currency", pl.col("date").str.head(4))
        .agg(pl.col("rate").mean(), pl.len())
        .filter(pl.col("len") == 12)  # noqa: PLR2004 - a whole year
    )
    for one, other, name in (
        (fed, imf, "the IMF's rate"),
        (annual, months, "the mean of its months"),
    ):
        beside = one.join(other.select("currency", "date", theirs="rate"), on=("currency", "date"))
        apart = beside.filter(
            (pl.col("rate") > APART * pl.col("theirs"))
            | (pl.col("rate") * APART < pl.col("theirs"))
        )
        for place, printed, theirs in (
            apart.unique("currency", keep="first", maintain_order=True)
            .select("locator", "rate_as_printed", "theirs").iter_rows()
        ):  # fmt: skip
            reading.doubt(
                Finding(
                    place, "rate", f"more than {APART} times or less than half of {name}, {theirs:.6g}",
                    printed, "is one of them quoted the other way round, or in another currency?",
                )
            )  # fmt: skip
