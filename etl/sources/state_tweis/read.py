"""State's annual report: country tables, sums named in the text, totals, and shares of a region."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from etl.areas import Resolver
from etl.monitor_files import read_donor_recipient
from etl.reading import MONEY, REAL, WHOLE, Reading, read_csv, shaped
from etl.transcribed import dollars, integer, with_edition_order
from etl.us_files import COUNTRY_FILE, TOTALS_FILE, read_country_file, read_totals_file

SHARE_FILE = "us_funding/us_cwd_country_share.csv"
RECIPIENT_FILE = "world/donor_recipient_year.csv"
SHARE_COLUMNS = (
    "region", "country", "share_percent_as_printed", "region_total_as_printed",
    "region_total_usd_floor", "period_start", "period_end", "derived_amount_usd", "source_title",
    "source_edition", "source_url", "locator", "note",
)  # fmt: skip


def read(files: Mapping[str, bytes], reading: Reading, resolver: Resolver) -> None:
    """Hand over every row that State's report or a release about it printed."""
    read_country_file(
        reading, files[COUNTRY_FILE], resolver, {"tweis_country_table", "tweis_country_narrative"}
    )
    read_totals_file(reading, files[TOTALS_FILE], resolver, {"tweis_totals"})
    read_donor_recipient(reading, files[RECIPIENT_FILE], resolver, {"tweis_funding_box"})
    _read_shares(reading, files[SHARE_FILE], resolver)


def _read_shares(reading: Reading, content: bytes, resolver: Resolver) -> None:
    frame = read_csv(reading, SHARE_FILE, content, SHARE_COLUMNS)
    frame = shaped(
        reading, frame,
        {
            "share_percent_as_printed": REAL, "region_total_usd_floor": MONEY,
            "period_start": WHOLE, "period_end": WHOLE, "derived_amount_usd": MONEY,
        },
    )  # fmt: skip
    frame = resolver.resolve(reading, frame, "country", "area")
    frame = resolver.resolve(reading, frame, "region", "region_area")
    frame = with_edition_order(frame.with_columns(edition="source_edition"))
    reading.add(
        "funding_shares",
        frame.select(
            "file", "locator", "edition", "edition_order", "place", "source_url", "note",
            "area", "region_area", "region_total_as_printed",
            series=pl.lit("tweis_region_share"),
            report="source_title",
            area_as_printed="country",
            region_as_printed="region",
            share_percent=pl.col("share_percent_as_printed").cast(pl.Float64),
            share_as_printed="share_percent_as_printed",
            region_total_usd_floor=dollars("region_total_usd_floor"),
            period_start=integer("period_start"),
            period_end=integer("period_end"),
            derived_amount_usd=dollars("derived_amount_usd"),
        ),
    )  # fmt: skip
