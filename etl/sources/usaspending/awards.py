"""Awards: what was obligated and what was paid over the life of each, without a year."""

from __future__ import annotations

from typing import Final

import polars as pl

from etl.archive import Contents
from etl.areas import Resolver
from etl.reading import DATE, MONEY, Reading, mapped, shaped
from etl.sources.usaspending.answers import read_fields
from etl.sources.usaspending.figures import (
    AGENCY,
    AGENCY_CODE,
    FUNDING,
    LISTINGS,
    PLACE_NOTE,
    TIMESTAMP,
    TYPE_NAMES,
    add_areas,
    add_type,
    award_page,
    constants,
    count_again,
    fiscal_year,
    leave,
    look_at_replaced,
    required,
    rule,
)
from etl.transcribed import dollars

_AWARD_FIELDS: Final = {
    "generated_internal_id": "key", "Award ID": "award_id_fain", "Recipient Name": "implementer",
    "Base Obligation Date": "first", "Start Date": "start", "End Date": "end",
    "Award Amount": "obligated",
    "Total Outlays": "outlays", "Award Type": "award_type",
    "Awarding Agency": "agency", "Awarding Agency Code": "awarding_agency_code",
    "Awarding Sub Agency": "bureau", "Description": "title", "Last Modified Date": "changed",
    "Place of Performance Country Code": "area_code",
}  # fmt: skip


def read_awards(files: Contents, reading: Reading, resolver: Resolver) -> None:
    """Two figures an award: what was obligated and what was paid over its life."""
    file = "awards.json"
    frame = read_fields(reading, files, file, {**_AWARD_FIELDS, "Assistance Listings": "listings"})
    frame = _once(reading, frame)
    # an agency that is named and not coded, as in flattened copies
    frame = frame.with_columns(
        awarding_agency_code=pl.coalesce(
            "awarding_agency_code",
            pl.when(pl.col("agency") == AGENCY).then(pl.lit(AGENCY_CODE)),
        )
    )
    first = (
        pl.col("listings").str.split("; ").list.filter(pl.element().is_in(LISTINGS)).list.first()
    )
    taken = frame.with_columns(rule(first))
    leave(reading, taken.filter(pl.col("selection_rule").is_null()))
    frame = taken.filter(pl.col("selection_rule").is_not_null())
    frame = shaped(
        reading, frame,
        {"obligated": MONEY, "outlays": MONEY, "first": DATE, "changed": TIMESTAMP},
    )  # fmt: skip
    frame = required(reading, frame, ("key", "award_id_fain", "obligated"))
    frame = mapped(reading, add_type(frame, "award_type"), "_type", TYPE_NAMES, "kind")
    frame = frame.with_columns(area_name=pl.lit(None, dtype=pl.String))
    frame = add_areas(reading, resolver, frame)
    look_at_replaced(reading, frame, "title")
    frame = frame.with_columns(
        account=pl.when(pl.col("awarding_agency_code") == AGENCY_CODE)
        .then(pl.lit("State"))
        .otherwise(pl.lit("Not stated")),
        account_as_printed=pl.lit(None, dtype=pl.String),
        purpose_code=pl.col("listings"),
        place=pl.col("key"),
        source_url=award_page("key"),
        award_id=pl.col("award_id_fain"),
        year=pl.lit(None, dtype=pl.Int64),
        date=pl.lit(None, dtype=pl.String),
    )
    obligated = _lifetime(frame, "usaspending_awards", "obligation", "obligated")
    reading.add("funding", obligated.select(FUNDING))
    paid = _lifetime(
        frame.filter(pl.col("outlays").is_not_null()),
        "usaspending_award_outlays", "disbursement", "outlays",
    )  # fmt: skip
    nothing = pl.col("outlays").cast(pl.Decimal(18, 2)) == 0
    paid = paid.with_columns(
        locator=pl.concat_str(pl.col("locator"), pl.lit("/Total Outlays")),
        amount=pl.when(~nothing).then("amount"),
        amount_usd=pl.when(~nothing).then("amount_usd"),
        precision=pl.when(~nothing).then("precision"),
        note=pl.when(nothing)
        .then(pl.concat_str(pl.col("note"), pl.lit("; outlays of 0 are taken as not reported")))
        .otherwise("note"),
    )
    count_again(reading, paid)
    reading.add("funding", paid.select(FUNDING))


def _lifetime(frame: pl.DataFrame, series: str, flow: str, column: str) -> pl.DataFrame:
    """One figure an award, from the fiscal year of its first action and open at the end.

    The dates of performance say when work is done and not when money is obligated. They stand in
    the note, for an award is extended again and again, and stays the same figure.
    """
    return frame.with_columns(
        **{
            **constants(series, flow),
            "note": pl.concat_str(
                pl.col("kind"),
                pl.lit(PLACE_NOTE),
                pl.concat_str(pl.lit("performed from "), "start"),
                pl.concat_str(pl.lit("performed until "), "end"),
                separator="; ",
                ignore_nulls=True,
            ),
            "period_start": fiscal_year("first"),
            "is_cumulative": pl.lit(value=True),
            "amount": dollars(column),
            "amount_usd": dollars(column),
            "amount_as_printed": pl.col(column),
        }
    )


def _once(reading: Reading, frame: pl.DataFrame) -> pl.DataFrame:
    """Each award once: both questions can find it, and so can the searches of two periods."""
    ranked = frame.with_row_index("_row").sort(
        pl.col("changed").fill_null(""), "_row", descending=True
    )
    kept = pl.col("key").is_null() | pl.col("key").is_first_distinct()
    ranked = ranked.with_columns(_kept=kept).sort("_row")
    leave(reading, ranked.filter(~pl.col("_kept")))
    return ranked.filter("_kept").drop("_row", "_kept")
