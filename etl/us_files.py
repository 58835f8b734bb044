"""The U.S. funding files that several sources share.

The compiled files put figures of State's report, other official statements and the Landmine
Monitor side by side. Each of those is a source of its own, so each reader takes its rows by the
rules below and leaves the others; together they take every row once (a test counts).
"""

from __future__ import annotations

from typing import Final

import polars as pl

from etl.areas import Resolver
from etl.reading import MONEY, WHOLE, Reading, mapped, read_csv, shaped
from etl.transcribed import (
    AGENCIES,
    PRECISION,
    STATUS,
    dollars,
    funding_defaults,
    integer,
    precision_as_printed,
    splits_of,
    with_edition_order,
)

COUNTRY_FILE: Final = "us_funding/us_cwd_country_fy.csv"
TOTALS_FILE: Final = "us_funding/us_cwd_totals.csv"
NADR_FILE: Final = "us_funding/us_nadr_country_fy.csv"

# source_family of the country file → the series it belongs to
COUNTRY_SERIES: Final[dict[str | None, str | None]] = {
    "TWEIS country table": "tweis_country_table",
    "TWEIS country narrative": "tweis_country_narrative",
    "Human Rights Watch 2000": "us_country_statements",
    "State Department release": "us_country_statements",
    "State Department country page or statement": "us_country_statements",
    "Landmine Monitor": "monitor_us_statements",
}
COUNTRY_ACCOUNTS: Final[dict[str | None, str | None]] = {
    "State NADR": "State NADR-CWD",
    "State other": "State other",
    "State PM/WRA (narrative)": "State",
    "DoD": "DoD",
    "USAID": "USAID",
    "CDC": "CDC",
    "All accounts": "All accounts",
    "Landmine Monitor (calendar year)": "All accounts",
}
# account_or_agency of the totals file → account
TOTAL_ACCOUNTS: Final[dict[str | None, str | None]] = {
    "U.S. Government CWD": "All accounts",
    "U.S. Government CWD, all agencies": "All accounts",
    "U.S. Government CWD, all sources": "All accounts",
    "U.S. Government CWD (State, Defense, USAID, CDC)": "All accounts",
    "U.S. Government CWD and humanitarian mine action": "All accounts",
    "U.S. Government humanitarian demining (all)": "All accounts",
    "U.S. Government humanitarian mine action": "All accounts",
    "U.S. Government mine action incl. research and development": "All accounts",
    "U.S. mine action contribution (Landmine Monitor)": "All accounts",
    "U.S. mine action (Landmine Monitor)": "All accounts",
    "Total (as printed)": "All accounts",
    "Department of State CWD": "State",
    "PM/WRA (Department of State)": "State",
    "DoS Humanitarian Demining Budget (NADR)": "State NADR-CWD",
    "Appropriation: NADR-CWD": "State NADR-CWD",
    "Appropriation: NADR-CWD (State)": "State NADR-CWD",
    "Appropriation: humanitarian demining and weapons security (State)": "State NADR-CWD",
    "DoD Humanitarian Demining Budget (OHDACA)": "DoD",
    "DoD Humanitarian Demining R&D Budget": "DoD other",
    "International Trust Fund for Demining and Mine Victim Assistance": "Other",
    "PM/WRA assistance awards (Assistance Listing 19.800)": "State",
    "PM/WRA assistance awards (Assistance Listing 19.800), agency-reported actual": "State",
    "PM/WRA assistance awards (Assistance Listing 19.800), USAspending obligations": "State",
}
NADR_SERIES: Final[dict[str | None, str | None]] = {
    "State NADR budget line": "state_nadr_line",
    "statement by State, embassy, Congress or advocate": "us_country_statements",
    "statement by State, region as a whole": "us_total_statements",
    "Landmine Monitor, calendar year, mine action only": "monitor_us_statements",
}
# account of the NADR file → account
NADR_ACCOUNTS: Final[dict[str | None, str | None]] = {
    "NADR-HD": "State NADR-CWD",
    "NADR-SALW": "State NADR-CWD",
    "NADR-CWD (printed: Conventional Weapons Destruction, under Nonproliferation, "
    "Anti-Terrorism, Demining and Related Programs)": "State NADR-CWD",
    "NADR, UXO clearance (congressional directive)": "State NADR-CWD",
    "NADR, UXO clearance (directive plus $100,000 of the global fund)": "State NADR-CWD",
    "Department of State, de-mining": "State",
    "Department of State, humanitarian demining": "State",
    "UXO sector assistance (State)": "State",
    "UXO sector (congressional directive)": "Not stated",
    "U.S. Government, humanitarian demining": "Not stated",
    "U.S. Government, weapons stockpile management": "Not stated",
    "U.S. Government, demining": "Not stated",
    "U.S. Government CWD": "All accounts",
    "U.S. contribution to mine action as reported to Landmine Monitor": "All accounts",
}
NADR_YEAR_BASIS: Final[dict[str | None, str | None]] = {
    "fiscal": "fiscal",
    "calendar": "calendar",
    "not stated": "not stated",
}

_COUNTRY_COLUMNS: Final = (
    "fiscal_year", "period_start", "period_end", "country", "region", "account", "account_group",
    "amount_usd", "amount_as_printed", "unit_as_printed", "source_title", "source_edition",
    "source_url", "locator", "is_total", "precision", "source_family", "latest_edition", "note",
)  # fmt: skip
_TOTALS_COLUMNS: Final = (
    "scope", "region", "fiscal_year", "calendar_year", "period_start", "period_end",
    "account_or_agency", "amount_usd", "amount_as_printed", "unit_as_printed", "precision",
    "countries_count", "countries_as_printed", "source_title", "source_edition", "source_url",
    "locator", "note",
)  # fmt: skip
_NADR_COLUMNS: Final = (
    "fiscal_year", "country", "region", "account", "status", "amount_usd", "amount_as_printed",
    "unit_as_printed", "source_title", "source_edition", "source_url", "locator", "note", "basis",
    "year_type", "precision",
)  # fmt: skip


def _take(reading: Reading, frame: pl.DataFrame, file: str, series: set[str]) -> pl.DataFrame:
    """The rows of ``series``; the others are left to their own source."""
    taken = frame.filter(pl.col("series").is_in(series))
    reading.leave(file, frame.height - taken.height)
    return taken


def _provenance(frame: pl.DataFrame) -> pl.DataFrame:
    return with_edition_order(
        frame.with_columns(
            pl.col("source_title").alias("report"),
            pl.col("source_edition").fill_null("not stated").alias("edition"),
            pl.lit("United States").alias("donor"),
            pl.lit("USA").alias("donor_area"),
            precision_as_printed("precision", "amount_as_printed").alias("precision"),
            pl.col("account").replace_strict(AGENCIES, default=None).alias("agency"),
        )
    )


_FUNDING: Final = (
    "file", "locator", "series", "report", "edition", "edition_order", "place", "source_url",
    "note", "donor", "donor_area", "agency", "account", "account_as_printed", "area",
    "area_as_printed", "sector", "flow", "status", "year", "year_basis", "period_start",
    "period_end", "is_printed_total", "is_cumulative", "is_secondary", "amount", "currency",
    "amount_usd", "amount_as_printed", "unit_as_printed", "precision",
)  # fmt: skip


def read_country_file(
    reading: Reading, content: bytes, resolver: Resolver, series: set[str]
) -> None:
    """Hand over the rows of us_cwd_country_fy.csv that belong to ``series``."""
    frame = read_csv(reading, COUNTRY_FILE, content, _COUNTRY_COLUMNS)
    frame = mapped(reading, frame, "source_family", COUNTRY_SERIES, "series")
    frame = _take(reading, frame, COUNTRY_FILE, series)
    frame = frame.rename({"account": "account_as_printed", "country": "area_as_printed"})
    frame = mapped(reading, frame, "account_group", COUNTRY_ACCOUNTS, "account")
    frame = mapped(reading, frame, "precision", STATUS, "status")
    frame = mapped(reading, frame, "precision", PRECISION, "precision")
    frame = mapped(reading, frame, "is_total", {"yes": "yes", "no": "no"}, "is_total")
    frame = shaped(
        reading, frame,
        {"fiscal_year": WHOLE, "period_start": WHOLE, "period_end": WHOLE, "amount_usd": MONEY},
    )  # fmt: skip
    frame = resolver.resolve(reading, frame, "area_as_printed", "area")
    is_monitor = pl.col("series") == "monitor_us_statements"
    # the Monitor's figures are for one calendar year, written as a period of that one year
    one_year = is_monitor & (pl.col("period_start") == pl.col("period_end"))
    frame = (
        _provenance(frame)
        .with_columns(
            **{
                **funding_defaults(),
                "status": pl.col("status"),
                "flow": pl.when(is_monitor)
                .then(pl.lit("contribution"))
                .otherwise(pl.lit("unspecified")),
                "year": pl.when(one_year)
                .then(integer("period_start"))
                .otherwise(integer("fiscal_year")),
                "year_basis": pl.when(is_monitor)
                .then(pl.lit("calendar"))
                .otherwise(pl.lit("fiscal")),
                "period_start": pl.when(~one_year.fill_null(value=False)).then(
                    integer("period_start")
                ),
                "period_end": pl.when(~one_year.fill_null(value=False)).then(integer("period_end")),
                # the Monitor's rows are totals too, though its text doesn't call them so
                "is_printed_total": (pl.col("is_total") == "yes")
                | (pl.col("account") == "All accounts"),
                "amount": dollars("amount_usd"),
                "amount_usd": dollars("amount_usd"),
            }
        )
        .with_columns(is_cumulative=pl.col("year").is_null())
    )
    reading.add("funding", frame.select(_FUNDING))


def _totals_series() -> pl.Expr:
    """The series of a row of the totals file: by who says it and what is counted."""
    title, what = pl.col("source_title"), pl.col("account_or_agency")
    return (
        pl.when(title.str.starts_with("Landmine Monitor"))
        .then(pl.lit("monitor_us_statements"))
        .when(title.str.contains("Walk the Earth in Safety", literal=True))
        .then(pl.lit("tweis_totals"))
        .when(what.str.contains("Assistance Listing 19.800", literal=True))
        .then(pl.lit("assistance_listing_19_800"))
        .when(what.str.starts_with("Appropriation:"))
        .then(pl.lit("state_appropriation"))
        .when(title.str.starts_with("Human Rights Watch"))
        .then(pl.lit("us_budget_1993_2001"))
        .otherwise(pl.lit("us_total_statements"))
        .alias("series")
    )


_FLOW_OF_SERIES: Final = {
    "monitor_us_statements": "contribution",
    "assistance_listing_19_800": "obligation",
    "state_appropriation": "appropriation",
}


def read_totals_file(
    reading: Reading, content: bytes, resolver: Resolver, series: set[str]
) -> None:
    """Hand over the rows of us_cwd_totals.csv that belong to ``series``."""
    frame = read_csv(reading, TOTALS_FILE, content, _TOTALS_COLUMNS)
    frame = _take(reading, frame.with_columns(_totals_series()), TOTALS_FILE, series)
    frame = frame.rename({"account_or_agency": "account_as_printed"})
    frame = mapped(reading, frame, "account_as_printed", TOTAL_ACCOUNTS, "account")
    frame = mapped(reading, frame, "precision", STATUS, "status")
    frame = mapped(reading, frame, "precision", PRECISION, "precision")
    frame = mapped(reading, frame, "scope", {"global": "global", "region": "region"}, "scope")
    frame = shaped(
        reading, frame,
        {
            "fiscal_year": WHOLE, "calendar_year": WHOLE, "period_start": WHOLE,
            "period_end": WHOLE, "amount_usd": MONEY, "countries_count": WHOLE,
        },
    )  # fmt: skip
    frame = frame.with_columns(
        area_as_printed=pl.when(pl.col("scope") == "global")
        .then(pl.lit("World"))
        .otherwise(pl.col("region"))
    )
    frame = resolver.resolve(reading, frame, "area_as_printed", "area")
    frame = _provenance(frame).with_columns(
        **{
            **funding_defaults(),
            "status": pl.when(pl.col("series") == "state_appropriation")
            .then(pl.lit("enacted"))
            .otherwise(pl.col("status")),
            "flow": pl.col("series").replace_strict(_FLOW_OF_SERIES, default="unspecified"),
            "year": pl.coalesce(integer("fiscal_year"), integer("calendar_year")),
            "year_basis": pl.when(pl.col("calendar_year").is_not_null())
            .then(pl.lit("calendar"))
            .otherwise(pl.lit("fiscal")),
            "period_start": integer("period_start"),
            "period_end": integer("period_end"),
            "is_printed_total": pl.col("account") == "All accounts",
            "is_cumulative": pl.col("period_start").is_not_null(),
            "amount": dollars("amount_usd"),
            "amount_usd": dollars("amount_usd"),
        }
    )
    counted = splits_of(
        frame,
        {"countries_count": ("coverage", "countries assisted", "countries")},
        {"countries_count": "countries_as_printed"},
    )
    reading.add("funding", frame.select(_FUNDING), counted)


def read_nadr_file(reading: Reading, content: bytes, resolver: Resolver, series: set[str]) -> None:
    """Hand over the rows of us_nadr_country_fy.csv that belong to ``series``."""
    frame = read_csv(reading, NADR_FILE, content, _NADR_COLUMNS)
    frame = mapped(reading, frame, "basis", NADR_SERIES, "series")
    frame = _take(reading, frame, NADR_FILE, series)
    frame = frame.rename({"account": "account_as_printed"})
    frame = mapped(reading, frame, "precision", PRECISION, "precision")
    frame = mapped(reading, frame, "year_type", NADR_YEAR_BASIS, "year_basis")
    frame = shaped(reading, frame, {"fiscal_year": WHOLE, "amount_usd": MONEY})
    frame = frame.with_columns(area_as_printed=pl.coalesce("country", "region"))
    frame = resolver.resolve(reading, frame, "area_as_printed", "area")
    frame = mapped(reading, frame, "account_as_printed", NADR_ACCOUNTS, "account")
    is_line = pl.col("series") == "state_nadr_line"
    frame = _provenance(frame).with_columns(
        **{
            **funding_defaults(),
            "status": pl.col("status"),
            "flow": pl.when(pl.col("series") == "monitor_us_statements")
            .then(pl.lit("contribution"))
            .when(is_line | (pl.col("status") == "enacted"))
            .then(pl.lit("appropriation"))
            .otherwise(pl.lit("unspecified")),
            "year": integer("fiscal_year"),
            "period_start": pl.lit(None, dtype=pl.Int64),
            "period_end": pl.lit(None, dtype=pl.Int64),
            "is_printed_total": pl.col("account") == "All accounts",
            "amount": dollars("amount_usd"),
            "amount_usd": dollars("amount_usd"),
        }
    )
    reading.add("funding", frame.select(_FUNDING))
