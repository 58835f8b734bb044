"""The Defense program's own lines: budget, research, ceiling, and what little is said of missions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from etl.areas import Resolver
from etl.reading import MONEY, REAL, WHOLE, Reading, Shape, mapped, read_csv, shaped
from etl.transcribed import dollars, funding_defaults, with_edition_order

FILE: Final = "us_funding/dod_hma.csv"
COLUMNS: Final = (
    "fiscal_year", "program", "measure", "value", "value_as_printed", "unit_as_printed",
    "amount_usd", "status", "country", "source_title", "source_edition", "source_url", "locator",
    "note",
)  # fmt: skip
SERIES: Final[dict[str | None, str | None]] = {
    "OHDACA Humanitarian Mine Action": "dod_hma_line",
    "DoD humanitarian demining (OHDACA)": "dod_demining_1999_2001",
    "OHDACA Humanitarian Assistance (context)": "dod_context",
    "OHDACA total (context)": "dod_context",
    "DoD humanitarian demining research and development": "dod_research",
    "DoD Humanitarian Demining Research and Development": "dod_research",
    "Army Humanitarian Demining Research and Development": "dod_research",
    "Army Strategies for Low-Intensity Conflict Demining "
    "(formerly Army Humanitarian Demining R&D)": "dod_research",
    "DoD Humanitarian Demining Program": "dod_country",
    "10 U.S.C. 407 humanitarian mine action": "dod_ceiling",
    "DoD humanitarian mine action training": "dod_activities",
}
STATUS: Final[dict[str | None, str | None]] = {
    "actual": "actual",
    "estimate": "estimate",
    "request": "request",
    "appropriated": "enacted",
    "legal ceiling": "limit",
}
YEARS: Final = Shape(
    r"^(any|[0-9]{4}(-[0-9]{4})?)$",
    "not a fiscal year",
    "write one year, two years joined by a hyphen, or 'any' for a limit without a year",
)
IS_PROGRAM: Final = ("dod_hma_line", "dod_demining_1999_2001", "dod_country", "dod_ceiling")


def read(files: Mapping[str, bytes], reading: Reading, resolver: Resolver) -> None:
    """Hand over money as funding and counts of missions or people as program activities."""
    frame = read_csv(reading, FILE, files[FILE], COLUMNS)
    frame = mapped(reading, frame, "program", SERIES, "series")
    frame = mapped(reading, frame, "status", STATUS, "status")
    frame = shaped(
        reading, frame,
        {"fiscal_year": YEARS, "value": REAL, "amount_usd": MONEY},
    )  # fmt: skip
    frame = frame.with_columns(area_as_printed=pl.col("country").fill_null("World"))
    frame = resolver.resolve(reading, frame, "area_as_printed", "area")
    years = pl.col("fiscal_year").str.extract_all(r"\d{4}")
    frame = with_edition_order(
        frame.with_columns(
            report="source_title",
            edition="source_edition",
            first_year=years.list.first().cast(pl.Int64),
            last_year=years.list.last().cast(pl.Int64),
            is_one_year=pl.col("fiscal_year").str.contains(r"^\d{4}$"),
        )
    )
    activity = pl.col("series") == "dod_activities"
    _add_funding(reading, frame.filter(~activity))
    _add_activities(reading, shaped(reading, frame.filter(activity), {"value": WHOLE}))


def _add_funding(reading: Reading, frame: pl.DataFrame) -> None:
    is_limit = pl.col("status") == "limit"
    columns = {
        **funding_defaults(),
        "donor": pl.lit("United States"),
        "donor_area": pl.lit("USA"),
        "agency": pl.lit("Department of Defense"),
        "account": pl.when(pl.col("series").is_in(IS_PROGRAM))
        .then(pl.lit("DoD"))
        .otherwise(pl.lit("DoD other")),
        "account_as_printed": pl.concat_str("program", "measure", separator=", "),
        "status": pl.col("status"),
        "flow": pl.when(is_limit)
        .then(pl.lit("limit"))
        .when(pl.col("measure").is_in(["budget line", "appropriation total", "appropriation"]))
        .then(pl.lit("appropriation"))
        .otherwise(pl.lit("unspecified")),
        "year": pl.when("is_one_year").then("first_year"),
        "year_basis": pl.lit("fiscal"),
        "period_start": pl.when(~pl.col("is_one_year")).then("first_year"),
        "period_end": pl.when(~pl.col("is_one_year")).then("last_year"),
        "is_printed_total": pl.col("measure") == "appropriation total",
        "is_cumulative": pl.col("measure") == "cumulative",
        "amount": dollars("amount_usd"),
        "amount_usd": dollars("amount_usd"),
        "amount_as_printed": pl.col("value_as_printed"),
        "precision": pl.lit("exact"),
    }
    reading.add(
        "funding",
        frame.select(
            "file", "locator", "series", "report", "edition", "edition_order", "place",
            "source_url", "note", "area", "area_as_printed", "unit_as_printed", **columns,
        ),
    )  # fmt: skip


def _add_activities(reading: Reading, frame: pl.DataFrame) -> None:
    reading.add(
        "program_activities",
        frame.select(
            "file", "locator", "series", "report", "edition", "edition_order", "place",
            "source_url", "note", "area", "area_as_printed", "measure", "value_as_printed",
            year="first_year",
            year_basis=pl.lit("fiscal"),
            value=pl.col("value").cast(pl.Int64),
            unit="unit_as_printed",
        ),
    )  # fmt: skip
