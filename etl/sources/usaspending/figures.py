"""What the rows of USAspending share: which are taken, their fixed columns, their types and places.

A row is taken when its Assistance Listing is one of ``program_numbers``, or when its number begins
with the prefix of State's office for weapons removal, whatever the listing. Which rule it was
stands in ``selection_rule``; other rows, found because a description mentions the prefix, are left.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import polars as pl
import yaml

from etl.areas import Resolver
from etl.reading import Finding, Reading, Shape
from etl.spellings import fold
from etl.transcribed import funding_defaults

OPTIONS: Final = yaml.safe_load(Path(__file__).with_name("source.yml").read_text(encoding="utf-8"))[
    "fetch"
]["options"]
LISTINGS: Final = tuple(OPTIONS["program_numbers"])
PREFIX: Final = OPTIONS["award_number_prefix"]
AGENCY_CODE: Final = OPTIONS["awarding_agency_code"]
AGENCY: Final = OPTIONS["awarding_agency"]
BY_PREFIX: Final = f"award number {PREFIX} under another listing"

REPORT: Final = "USAspending.gov"
EDITION: Final = "api.usaspending.gov v2"
SITE: Final = "https://www.usaspending.gov"
PLACE_NOTE: Final = "place of performance, one country at best"

# Codes of assistance types and their printed names, folded. Complete as the service publishes them.
AWARD_TYPES: Final[dict[str | None, str | None]] = {
    "02": "block grant (a)",
    "03": "formula grant (a)",
    "04": "project grant (b)",
    "05": "cooperative agreement (b)",
    "06": "direct payment for specified use, as a subsidy or other non-reimbursable direct financial aid (c)",
    "07": "direct loan (e)",
    "08": "guaranteed/insured loan (f)",
    "09": "insurance (g)",
    "10": "direct payment with unrestricted use (retirement, pension, veterans benefits, etc.) (d)",
    "11": "other reimbursable, contingent, intangible, or indirect financial assistance",
    "-1": "not specified",
}
# The names that the service itself gives to the codes in its own lists.
SHORT_NAMES: Final[dict[str | None, str | None]] = {
    "block grant": AWARD_TYPES["02"],
    "formula grant": AWARD_TYPES["03"],
    "project grant": AWARD_TYPES["04"],
    "cooperative agreement": AWARD_TYPES["05"],
    "direct payment for specified use": AWARD_TYPES["06"],
    "direct loan": AWARD_TYPES["07"],
    "guaranteed/insured loan": AWARD_TYPES["08"],
    "insurance": AWARD_TYPES["09"],
    "direct payment with unrestricted use": AWARD_TYPES["10"],
    "other financial assistance": AWARD_TYPES["11"],
}
TYPE_NAMES: Final[dict[str | None, str | None]] = {
    **AWARD_TYPES,
    **{name: name for name in AWARD_TYPES.values()},
    **SHORT_NAMES,
}
# Money for which no country is named; not the code of world totals.
NOWHERE: Final = "QRG"
# Codes of places that are not those of ISO 3166: the U.S. Government's own, for Kosovo, the West
# Bank and Gaza. Not seen in the sample; a code that is not known is an issue and never a guess.
PLACE_CODES: Final = {"XKS": "XKX", "XWB": "PSE", "XGZ": "PSE"}
TIMESTAMP: Final = Shape(
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9:.]+([+-][0-9:]+|Z)?)?$",
    "not a time",
    "the service writes 2020-02-27 16:07:21+00",
)
REPLACES: Final = r"PREVIOUSLY ([A-Z0-9-]+) - SAMS ERROR"

FUNDING: Final = (
    "file", "locator", "series", "report", "edition", "place", "source_url", "note", "donor",
    "donor_area", "agency", "bureau", "account", "account_as_printed", "area", "area_as_printed",
    "implementer", "award_id", "title", "selection_rule", "purpose_code", "sector", "flow",
    "status", "date", "year", "year_basis", "period_start", "period_end", "is_printed_total",
    "is_cumulative", "is_secondary", "amount", "currency", "amount_usd", "amount_as_printed",
    "unit_as_printed", "precision",
)  # fmt: skip


def rule(listing: pl.Expr) -> pl.Expr:
    """Which rule takes the row; null if none does."""
    by_listing = listing.is_in(LISTINGS)
    by_prefix = pl.col("award_id_fain").str.starts_with(PREFIX) & (
        pl.col("awarding_agency_code") == AGENCY_CODE
    )
    return (
        pl.when(by_listing)
        .then(pl.concat_str(pl.lit("Assistance Listing "), listing))
        .when(by_prefix)
        .then(pl.lit(BY_PREFIX))
        .alias("selection_rule")
    )


def leave(reading: Reading, frame: pl.DataFrame) -> None:
    """Say of each file how many of its rows do not count, or belong to no rule."""
    for file, rows in frame.group_by("file").len().sort("file").iter_rows():
        reading.leave(file, rows)


def constants(series: str, flow: str) -> dict[str, pl.Expr]:
    """Columns that are the same in every row of a series."""
    nothing = pl.lit(None, dtype=pl.Int64)
    return {
        **funding_defaults(),
        "series": pl.lit(series),
        "report": pl.lit(REPORT),
        # the same at each retrieval: what changes between retrievals is a revision
        "edition": pl.lit(EDITION),
        "donor": pl.lit("United States"),
        "donor_area": pl.lit("USA"),
        "flow": pl.lit(flow),
        "year_basis": pl.lit("fiscal"),
        "period_start": nothing,
        "period_end": nothing,
        "unit_as_printed": pl.lit("US$"),
        "precision": pl.lit("exact"),
    }


def award_page(key: str) -> pl.Expr:
    """The award's own page, or the site where no key is printed."""
    good = pl.col(key).str.contains(r"^[A-Za-z0-9_.-]+$")
    page = pl.concat_str(pl.lit(f"{SITE}/award/"), pl.col(key))
    return pl.when(good).then(page).otherwise(pl.lit(SITE))


def fiscal_year(column: str) -> pl.Expr:
    """The fiscal year of a day written as YYYY-MM-DD."""
    day = pl.col(column).str.to_date("%Y-%m-%d", strict=False)
    return (day.dt.year() + (day.dt.month() >= 10)).cast(pl.Int64)  # noqa: PLR2004 - October


def add_type(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """Add the award type as it is looked up: a code, or a name folded; nothing is 'not specified'."""
    return frame.with_columns(_type=fold(pl.col(column)).fill_null("-1"))


def add_areas(reading: Reading, resolver: Resolver, frame: pl.DataFrame) -> pl.DataFrame:
    """Add ``area`` by code, else by name, and ``area_as_printed``; what is unknown is an issue."""
    frame = frame.with_columns(_code=pl.col("area_code").replace(PLACE_CODES))
    frame = resolver.resolve(reading, frame, "_code", "_by_code", quiet=True)
    frame = resolver.resolve(reading, frame, "area_name", "_by_name", quiet=True)
    frame = frame.with_columns(
        area=pl.coalesce(
            "_by_code", "_by_name",
            pl.when(pl.col("area_code").is_null() & pl.col("area_name").is_null()).then(
                pl.lit(NOWHERE)
            ),
        ),
        area_as_printed=pl.coalesce("area_name", "area_code", pl.lit("World")),
    )  # fmt: skip
    unknown = frame.filter(pl.col("area").is_null())
    for place, printed in unknown.select("locator", "area_as_printed").iter_rows():
        reading.issue(
            Finding(
                place, "place of performance", "unknown area", printed,
                "add the spelling to data/reference/areas.csv, or the code to PLACE_CODES in figures.py",
            )
        )  # fmt: skip
    return frame


def required(reading: Reading, frame: pl.DataFrame, columns: Iterable[str]) -> pl.DataFrame:
    """Keep the rows that have all of ``columns``; the others are rejects."""
    for column in columns:
        for (place,) in frame.filter(pl.col(column).is_null()).select("locator").iter_rows():
            reading.reject(
                Finding(place, column, "a value is missing", None, "fetch again; the row needs it")
            )
        frame = frame.filter(pl.col(column).is_not_null())
    return frame


def look_at_replaced(reading: Reading, frame: pl.DataFrame, column: str) -> None:
    """Awards that stand in for another: the money may stand under both numbers."""
    named = frame.with_columns(_earlier=pl.col(column).str.extract(REPLACES)).filter(
        pl.col("_earlier").is_not_null()
    )
    for place, number, earlier in named.select("locator", "award_id_fain", "_earlier").iter_rows():
        reading.issue(
            Finding(
                place, column, "an award entered again under a new number after an error",
                f"{number}, previously {earlier}",
                f"the money may stand twice: see whether {earlier} was de-obligated before adding both",
            )
        )  # fmt: skip


def count_again(reading: Reading, frame: pl.DataFrame) -> None:
    """A row that gives a second figure is counted again, so that rows and figures still agree."""
    for file, rows in frame.group_by("file").len().iter_rows():
        reading.rows_read[file] += rows
