"""Which state signed, joined or left which treaty, and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from etl.areas import Resolver
from etl.reading import DATE, Reading, read_csv, shaped
from etl.transcribed import with_edition_order

FILE: Final = "world/treaty_status.csv"
DATES: Final = (
    "signed", "bound_date", "entry_into_force", "withdrawal_notified", "withdrawal_effective",
)  # fmt: skip
COLUMNS: Final = (
    "iso3", "country", "treaty", "signed", "bound_date", "bound_kind", "entry_into_force",
    "entry_into_force_basis", "withdrawal_notified", "withdrawal_effective", "note", "source_url",
    "source_as_of",
)  # fmt: skip


def read(files: Mapping[str, bytes], reading: Reading, resolver: Resolver) -> None:
    """Hand over one row a state and treaty."""
    frame = read_csv(reading, FILE, files[FILE], COLUMNS)
    frame = shaped(reading, frame, dict.fromkeys(DATES, DATE))
    frame = resolver.resolve(reading, frame, "country", "area")
    frame = with_edition_order(frame.with_columns(edition="source_as_of"))
    reading.add(
        "treaty_status",
        frame.select(
            "file", "locator", "edition", "edition_order", "source_url", "note", "area", "treaty",
            "bound_kind", "entry_into_force_basis", *DATES,
            series=pl.lit("treaty_status"),
            report=pl.lit("Treaty status tables and announcements"),
            area_as_printed="country",
        ),
    )  # fmt: skip
