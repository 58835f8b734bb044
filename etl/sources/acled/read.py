"""ACLED's events of which the note names a mine, an explosive remnant or an improvised device.

ACLED has a kind of event "Remote explosive/landmine/IED", which mixes mines with car bombs, so the note is
searched as well (:mod:`etl.mine_words`). It counts deaths alone. The note and the names of those involved
are not recorded. Nothing of this leaves the machine: see ``source.yml`` and :mod:`etl.withheld`.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from etl.archive import Contents
from etl.areas import Resolver
from etl.mine_words import devices, find
from etl.pages import records
from etl.reading import WHOLE, Finding, Reading, Shape, SourceError, complete, shaped

FILE: Final = "acled.json"
KIND: Final = "Remote explosive/landmine/IED"
FIELDS: Final = (
    "event_id_cnty", "event_date", "year", "time_precision", "sub_event_type", "country", "admin1",
    "admin2", "location", "latitude", "longitude", "geo_precision", "notes", "fatalities",
)  # fmt: skip
DEGREES: Final = Shape(
    r"^-?[0-9]{1,3}(\.[0-9]{1,20})?$", "not a coordinate", "write degrees with a decimal point"
)
PRECISION: Final = Shape(r"^[123]$", "no precision", "write 1 to 3")
SHAPES: Final = {
    "event_id_cnty": Shape(r"^[A-Z]{3}[0-9]{1,12}$", "no name of an event", "write ABC123"),
    "event_date": Shape(
        r"^[0-9]{4}-(0[1-9]|1[0-2])-[0-9]{2}$", "not a day", "write YYYY-MM-DD", is_date=True
    ),
    "year": Shape(r"^[0-9]{4}$", "not a year", "write four digits"),
    "time_precision": PRECISION,
    "geo_precision": PRECISION,
    "latitude": DEGREES,
    "longitude": DEGREES,
    "fatalities": WHOLE,
}
REQUIRED: Final = ("event_id_cnty", "event_date", "year", "time_precision", "country", "fatalities")


def read(files: Contents, reading: Reading, resolver: Resolver) -> None:
    """Hand over one row for each event of the kind whose note a rule takes.

    Raises:
        SourceError: a page is none, or lacks a field that is read.
    """
    found = find(_rows(reading, files), ("notes",))
    is_taken = pl.col("selection_rule").is_not_null() & (pl.col("sub_event_type") == KIND)
    taken = found.filter(is_taken.fill_null(value=False))
    reading.leave(FILE, found.height - taken.height)
    frame = shaped(reading, taken, SHAPES)
    rule = "an event without name, date, country or deaths"
    frame = complete(reading, frame, REQUIRED, rule, "the event")
    frame = resolver.resolve(
        reading,
        frame.with_columns(area_as_printed="country"),
        "area_as_printed",
        "area",
    )
    is_exact = pl.col("time_precision") == "1"
    reading.add(
        "casualty_events",
        frame.select(
            "file", "locator", "area", "area_as_printed", "selection_rule",
            unit=pl.lit("event"),
            series=pl.lit("acled_mine_events"),
            report=pl.lit("Armed Conflict Location & Event Data"),
            # The same in each copy: a copy's date is its vintage's, and what it changes is a revision.
            edition=pl.lit("acleddata.com"),
            source_url=pl.lit("https://acleddata.com/"),
            place="event_id_cnty",
            # the day stands for a week or a month where the precision says so
            date=pl.when(is_exact).then("event_date").otherwise(pl.col("event_date").str.head(7)),
            date_precision_as_printed="time_precision",
            year=pl.col("year").cast(pl.Int64),
            month=pl.col("event_date").str.slice(5, 2).cast(pl.Int64),
            admin1="admin1",
            admin2="admin2",
            place_as_printed="location",
            place_kind=pl.lit("unknown"),
            latitude=pl.col("latitude").cast(pl.Float64),
            longitude=pl.col("longitude").cast(pl.Float64),
            place_precision_as_printed="geo_precision",
            killed=pl.col("fatalities").cast(pl.Int64),
            device=pl.col("selection_rule").replace_strict(devices(), return_dtype=pl.String),
            device_as_printed="words_found",
            occurrence=pl.lit(1, dtype=pl.Int64),
        ),
    )  # fmt: skip


def _rows(reading: Reading, files: Contents) -> pl.DataFrame:
    """The events of all pages, every field as text."""
    rows = []
    unknown: dict[str, str] = {}
    for locator, event in records(reading, files, FILE, "data"):
        missing = [name for name in FIELDS if name not in event]
        if missing:
            raise SourceError(
                f"{locator} lacks {', '.join(missing)}; it has {', '.join(event)[:400]}. If ACLED renamed it, "
                "add the new name to read.py"
            )
        unknown.update((name, locator) for name in event if name not in {*FIELDS, *unknown})
        rows.append({"locator": locator, **{name: _text(event[name]) for name in FIELDS}})
    for name, locator in unknown.items():
        reading.issue(
            Finding(
                locator,
                name,
                "unknown column",
                name,
                "look at what it holds, and name it in read.py",
            )
        )
    schema = dict.fromkeys(("locator", *FIELDS), pl.String)
    return pl.DataFrame(rows, schema=schema).with_columns(file=pl.lit(FILE))


def _text(value: object) -> str | None:
    text = "" if value is None else str(value).strip()
    return text or None
