"""Yearly averages of the GDP deflator and the consumer price index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from etl.areas import Resolver
from etl.reading import REAL, WHOLE, Reading, mapped, read_csv, shaped
from etl.transcribed import integer, with_edition_order

FILE: Final = "context/us_price_indexes.csv"
COLUMNS: Final = (
    "year", "year_basis", "series", "value", "unit", "periods_averaged", "publisher",
    "source_title", "source_url", "vintage", "note",
)  # fmt: skip
# The units of the file name the period that the index is measured against.
BASES: Final[dict[str | None, str | None]] = {
    "ratio of current to chained 2017 dollars": "2017",
    "index, 1982-84 = 100": "1982-84",
}
BASE_VALUES: Final = {"2017": 1.0, "1982-84": 100.0}


def read(files: Mapping[str, bytes], reading: Reading, resolver: Resolver) -> None:
    """Hand over one row an index and year; an index has no area, so ``resolver`` is not used."""
    del resolver
    frame = read_csv(reading, FILE, files[FILE], COLUMNS)
    frame = shaped(reading, frame, {"year": WHOLE, "value": REAL, "periods_averaged": WHOLE})
    frame = mapped(reading, frame, "unit", BASES, "base_period")
    frame = with_edition_order(frame.with_columns(edition="vintage"))
    reading.add(
        "deflators",
        frame.select(
            "file", "locator", "edition", "edition_order", "source_url", "note", "year_basis",
            "unit", "publisher", "base_period",
            area=pl.lit("USA"),
            base_value=pl.col("base_period").replace_strict(BASE_VALUES, return_dtype=pl.Float64),
            series=pl.lit("us_price_indexes"),
            report="source_title",
            price_index="series",
            year=integer("year"),
            value=pl.col("value").cast(pl.Float64),
            periods_averaged=integer("periods_averaged"),
        ),
    )  # fmt: skip
