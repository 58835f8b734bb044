"""The Landmine and Cluster Munition Monitor: casualties, support, clearance, contamination."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import polars as pl

from etl import monitor_files as world
from etl.areas import Resolver
from etl.reading import MONEY, WHOLE, Reading, mapped, read_csv, shaped
from etl.transcribed import dollars, funding_defaults, integer, splits_of, with_edition_order
from etl.us_files import (
    COUNTRY_FILE,
    NADR_FILE,
    TOTALS_FILE,
    read_country_file,
    read_nadr_file,
    read_totals_file,
)

CASUALTY_FILE: Final = "casualties/monitor_country_year.csv"
WORLD_FILE: Final = "casualties/monitor_global_year.csv"
DONOR_FILE: Final = "world/donor_year.csv"
RECIPIENT_FILE: Final = "world/recipient_year.csv"
REPORT: Final = pl.lit("Landmine Monitor")

WORLD_SPLITS: Final = {
    "countries_count": ("coverage", "countries with casualties", "countries"),
    "other_areas_count": ("coverage", "other areas with casualties", "areas"),
    "antipersonnel_mine": ("device", "antipersonnel mine", "people"),
    "improvised_mine": ("device", "improvised mine", "people"),
    "antivehicle_mine": ("device", "antivehicle mine", "people"),
    "cluster_munition_remnant": ("device", "cluster munition remnant", "people"),
    "erw": ("device", "other explosive remnant of war", "people"),
    "unspecified_mine": ("device", "unspecified mine", "people"),
    "undifferentiated": ("device", "mine or remnant, not told apart", "people"),
    "civilian_pct": ("civilian status", "civilian", "percent where status was known"),
    "children_pct": ("age", "children", "percent; of civilians where the note says so"),
    "men_boys": ("sex", "men and boys", "people"),
    "women_girls": ("sex", "women and girls", "people"),
}
# measure of recipient_year.csv → series
MEASURES: Final[dict[str | None, str | None]] = {
    "international": "monitor_recipient_totals",
    "national (the state's own contribution)": "monitor_national_contributions",
}
# notes of recipient_year.csv → how the figure bounds the truth
RECIPIENT_PRECISION: Final[dict[str | None, str | None]] = {
    "rounded to the million figure printed in the text": "rounded",
    "rounded figure in the text": "rounded",
    None: "exact",
}


def read(files: Mapping[str, bytes], reading: Reading, resolver: Resolver) -> None:
    """Hand over every row that the Monitor printed."""
    world.read_casualties(
        reading, CASUALTY_FILE, files[CASUALTY_FILE], resolver, "monitor_casualties", REPORT
    )
    _read_world_casualties(reading, files[WORLD_FILE], resolver)
    world.read_donor_recipient(
        reading, files[world.RECIPIENT_DONOR_FILE], resolver,
        {"monitor_recipient_tables", "monitor_donor_tables"},
    )  # fmt: skip
    _read_recipients(reading, files[RECIPIENT_FILE], resolver)
    _read_donors(reading, files[DONOR_FILE], resolver)
    bounds = pl.read_csv(Path(__file__).with_name("clearance_bounds.csv"), infer_schema=False)
    world.read_clearance(
        reading, files[world.CLEARANCE_FILE], resolver, "monitor_clearance", bounds, monitor=True
    )
    world.read_contamination(
        reading, files[world.CONTAMINATION_FILE], resolver, "monitor_contamination", monitor=True
    )
    us_statements = {"monitor_us_statements"}
    read_country_file(reading, files[COUNTRY_FILE], resolver, us_statements)
    read_totals_file(reading, files[TOTALS_FILE], resolver, us_statements)
    read_nadr_file(reading, files[NADR_FILE], resolver, us_statements)


def _read_world_casualties(reading: Reading, content: bytes, resolver: Resolver) -> None:
    whole = (*world.CASUALTY_NUMBERS, *WORLD_SPLITS)
    printed = [name for name in whole if name != "women"]
    columns = ("year", *printed, "edition", "source_url", "locator", "note")
    frame = read_csv(reading, WORLD_FILE, content, columns)
    frame = shaped(reading, frame, dict.fromkeys(("year", *printed), WHOLE))
    frame = frame.with_columns(
        pl.lit("World").alias("area_as_printed"), pl.lit(None, dtype=pl.String).alias("women")
    )
    frame = resolver.resolve(reading, frame, "area_as_printed", "area")
    splits = splits_of(frame, WORLD_SPLITS)
    world.add_casualties(reading, frame, "monitor_world_casualties", REPORT, splits)


def _read_recipients(reading: Reading, content: bytes, resolver: Resolver) -> None:
    columns = (
        "recipient_iso3", "recipient", "year", "measure", "amount_usd", "note", "edition",
        "source_url", "locator",
    )  # fmt: skip
    frame = read_csv(reading, RECIPIENT_FILE, content, columns)
    frame = mapped(reading, frame, "measure", MEASURES, "series")
    frame = mapped(reading, frame, "note", RECIPIENT_PRECISION, "precision")
    frame = shaped(reading, frame, {"year": WHOLE, "amount_usd": MONEY})
    frame = resolver.resolve(reading, frame, "recipient", "area")
    is_national = pl.col("series") == "monitor_national_contributions"
    _add_totals(
        reading, frame,
        donor=pl.when(is_national).then(pl.col("recipient")).otherwise(pl.lit("All donors")),
        donor_area=pl.when(is_national).then(pl.col("area")),
        area=pl.col("area"),
        area_as_printed=pl.col("recipient"),
        amount_as_printed=pl.lit(None, dtype=pl.String),
    )  # fmt: skip


def _read_donors(reading: Reading, content: bytes, resolver: Resolver) -> None:
    columns = (
        "donor", "year", "amount_usd", "amount_as_printed", "measure", "edition", "source_url",
        "locator", "note",
    )  # fmt: skip
    frame = read_csv(reading, DONOR_FILE, content, columns)
    frame = mapped(
        reading, frame, "measure",
        {
            "international contributions, all donors": "monitor_world_totals",
            "international mine action, all recipients": "monitor_donor_totals",
        },
        "series",
    )  # fmt: skip
    frame = shaped(reading, frame, {"year": WHOLE, "amount_usd": MONEY})
    frame = resolver.resolve(reading, frame, "donor", "donor_area", quiet=True)
    note, printed = pl.col("note").fill_null(""), pl.col("amount_as_printed").fill_null("")
    # in a note only words within quotation marks qualify the amount; "more than 24 donors" does not
    frame = frame.with_columns(
        precision=pl.when(
            note.str.contains('"more than $', literal=True) | printed.str.starts_with("more than ")
        )
        .then(pl.lit("floor"))
        .when(note.str.contains('"almost $', literal=True) | printed.str.starts_with("almost "))
        .then(pl.lit("ceiling"))
        .when(note.str.contains("rounded", literal=True))
        .then(pl.lit("rounded"))
        .otherwise(pl.lit("exact"))
    )
    _add_totals(
        reading, frame,
        donor=pl.col("donor"),
        donor_area=pl.col("donor_area"),
        area=pl.lit("XWD"),
        area_as_printed=pl.lit("World"),
        amount_as_printed=pl.col("amount_as_printed"),
    )  # fmt: skip


def _add_totals(reading: Reading, frame: pl.DataFrame, **columns: pl.Expr) -> None:
    """Hand over printed totals; none of them is added to the tables it sums up."""
    shared = {
        **funding_defaults(),
        "currency": pl.lit(None, dtype=pl.String),
        "report": REPORT,
        "account": pl.lit("Not stated"),
        "flow": pl.lit("contribution"),
        "year": integer("year"),
        "year_basis": pl.lit("calendar"),
        "is_printed_total": pl.lit(value=True),
        "amount_usd": dollars("amount_usd"),
    }
    reading.add(
        "funding",
        with_edition_order(frame).select(
            "file", "locator", "series", "edition", "edition_order", "place", "source_url", "note",
            "precision", **(shared | columns),
        ),
    )  # fmt: skip
