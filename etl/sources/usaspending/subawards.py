"""Sub-awards: what the recipients of the listing's awards report to have passed on."""

from __future__ import annotations

from typing import Final

import polars as pl

from etl.archive import Contents
from etl.areas import Resolver
from etl.reading import DATE, MONEY, Reading, shaped
from etl.sources.usaspending.answers import read_fields
from etl.sources.usaspending.figures import (
    AGENCY,
    FUNDING,
    PLACE_NOTE,
    add_areas,
    award_page,
    constants,
    fiscal_year,
    required,
)
from etl.transcribed import dollars

_SUBAWARD_FIELDS: Final = {
    "Sub-Award ID": "number", "Sub-Awardee Name": "implementer", "Sub-Award Date": "date",
    "Sub-Award Amount": "passed_on", "Sub-Award Description": "title",
    "Awarding Agency": "agency", "Awarding Sub Agency": "bureau", "Prime Award ID": "prime",
    "Prime Recipient Name": "prime_name", "prime_award_generated_internal_id": "prime_key",
}  # fmt: skip


def read_subawards(files: Contents, reading: Reading, resolver: Resolver) -> None:
    """One row a report of a sub-award; the place is that of the sub-award, where one is named."""
    file = "subawards.json"
    fields = {
        **_SUBAWARD_FIELDS,
        "Sub-Award Primary Place of Performance": "performed",
        "Assistance Listing": "listings",
    }
    frame = read_fields(reading, files, file, fields)
    frame = shaped(reading, frame, {"passed_on": MONEY, "date": DATE})
    frame = required(reading, frame, ("number", "prime", "passed_on", "date"))
    frame = frame.with_columns(
        area_code=pl.col("performed").str.split("; ").list.first(),
        area_name=pl.col("performed").str.split("; ").list.get(1, null_on_oob=True),
    )
    frame = add_areas(reading, resolver, frame)
    # the same report twice is two rows; a number tells them apart, whatever their order
    key = ("prime", "number", "date")
    frame = (
        frame.with_row_index("_row")
        .sort("passed_on", "implementer", "title", "_row", nulls_last=True)
        .with_columns(_nth=(pl.int_range(pl.len()) + 1).over(key))
        .sort("_row")
    )
    rows = frame.with_columns(
        **constants("usaspending_subawards", "obligation"),
        place=pl.concat_str(
            pl.coalesce("prime_key", "prime"), "number", "date", pl.col("_nth").cast(pl.String),
            separator="; ",
        ),
        source_url=award_page("prime_key"),
        note=pl.concat_str(
            pl.lit("passed on by "), pl.col("prime_name").fill_null("the recipient"),
            pl.lit(f"; {PLACE_NOTE}"),
        ),
        account=pl.when(pl.col("agency") == AGENCY)
        .then(pl.lit("State"))
        .otherwise(pl.lit("Not stated")),
        account_as_printed=pl.lit(None, dtype=pl.String),
        award_id=pl.col("prime"),
        selection_rule=pl.lit("sub-award of an award under the listing"),
        purpose_code=pl.col("listings"),
        year=fiscal_year("date"),
        amount=dollars("passed_on"),
        amount_usd=dollars("passed_on"),
        amount_as_printed=pl.col("passed_on"),
    )  # fmt: skip
    reading.add("funding", rows.select(FUNDING))
