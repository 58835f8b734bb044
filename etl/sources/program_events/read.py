"""Dated events of the U.S. program and of U.S. mine policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from etl.areas import Resolver
from etl.reading import DATE, Reading, read_csv, shaped

FILE: Final = "us_funding/program_events.csv"
COLUMNS: Final = (
    "date", "date_precision", "event", "body", "summary", "source_title", "source_url", "note",
)  # fmt: skip


def read(files: Mapping[str, bytes], reading: Reading, resolver: Resolver) -> None:
    """Hand over one row an event; events name no area, so ``resolver`` is not used."""
    del resolver
    frame = read_csv(reading, FILE, files[FILE], COLUMNS)
    frame = shaped(reading, frame, {"date": DATE})
    reading.add(
        "program_events",
        frame.select(
            "file", "locator", "source_url", "note", "date", "date_precision", "event", "body",
            "summary",
            series=pl.lit("program_events"),
            report="source_title",
            edition=pl.lit("as read by the compiler"),
            year=pl.col("date").str.slice(0, 4).cast(pl.Int64),
        ),
    )  # fmt: skip
