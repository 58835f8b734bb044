"""The world files, whose rows come from the Landmine Monitor and from others.

As with the U.S. files, each source takes its rows and leaves the rest. Who printed a row is read
from its ``edition``; a Monitor edition starts with one of the names below.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from etl.areas import Resolver
from etl.locate import line_of
from etl.reading import (
    DATE,
    MONEY,
    REAL,
    WHOLE,
    Finding,
    Reading,
    mapped,
    read_csv,
    shaped,
)
from etl.transcribed import dollars, funding_defaults, integer, with_edition_order

RECIPIENT_DONOR_FILE: Final = "world/donor_recipient_year.csv"
CLEARANCE_FILE: Final = "world/clearance_year.csv"
CONTAMINATION_FILE: Final = "world/contamination.csv"
MONITOR_EDITION: Final = r"^(Landmine Monitor|Cluster Munition Monitor|Monitor )"

TABLE_SERIES: Final[dict[str | None, str | None]] = {
    "recipient table": "monitor_recipient_tables",
    "donor table": "monitor_donor_tables",
    "U.S. fiscal-year funding box": "tweis_funding_box",
}
BOX_ACCOUNTS: Final[dict[str | None, str | None]] = {
    "United States: State NADR-CWD": "State NADR-CWD",
    "United States: Defense": "DoD",
}
_SECTOR_WORDS: Final = {
    "clearance": "clearance",
    "risk education": "risk education",
    "victim assistance": "victim assistance",
    "capacity-building": "capacity",
    "stockpile destruction": "stockpile",
    "advocacy": "advocacy",
    "various": "several",
    "conventional weapons destruction (not only mine action)": "several",
}
_DONOR_COLUMNS: Final = (
    "donor", "recipient_iso3", "recipient", "year", "sector", "amount_as_printed", "amount_usd",
    "table_kind", "sum_check", "edition", "source_url", "locator", "note",
)  # fmt: skip


def with_sector(reading: Reading, frame: pl.DataFrame) -> pl.DataFrame:
    """Add ``sector_word``: the one sector of a printed list, ``several`` or ``unspecified``.

    A list with a word that is not known makes the row a reject.
    """
    for word in frame["sector"].drop_nulls().str.split("; ").explode().unique():
        if word not in _SECTOR_WORDS:
            here = pl.col("sector").fill_null("").str.split("; ").list.contains(word)
            for row in frame.filter(here).select("locator", "sector").iter_rows():
                reading.reject(
                    Finding(
                        row[0], "sector", "unknown category", row[1],
                        f"{word!r} is no known sector; mend it or add it to _SECTOR_WORDS",
                    )
                )  # fmt: skip
            frame = frame.filter(~here)
    words = pl.col("sector").str.split("; ")
    return frame.with_columns(
        sector_word=pl.when(words.is_null())
        .then(pl.lit("unspecified"))
        .when(words.list.len() > 1)
        .then(pl.lit("several"))
        .otherwise(words.list.first().replace_strict(_SECTOR_WORDS, default=None))
    )


def read_donor_recipient(
    reading: Reading, content: bytes, resolver: Resolver, series: set[str]
) -> None:
    """Hand over the rows of donor_recipient_year.csv that belong to ``series``."""
    file = RECIPIENT_DONOR_FILE
    frame = read_csv(reading, file, content, _DONOR_COLUMNS)
    frame = mapped(reading, frame, "table_kind", TABLE_SERIES, "series")
    taken = frame.filter(pl.col("series").is_in(series))
    reading.leave(file, frame.height - taken.height)
    frame = shaped(reading, taken, {"year": WHOLE, "amount_usd": MONEY})
    frame = resolver.resolve(reading, frame, "recipient", "area")
    frame = resolver.resolve(reading, frame, "donor", "donor_area", quiet=True)
    frame = with_sector(reading, frame)
    is_box = pl.col("series") == "tweis_funding_box"
    frame = pl.concat(
        [
            mapped(reading, frame.filter(is_box), "donor", BOX_ACCOUNTS, "account"),
            frame.filter(~is_box).with_columns(account=pl.lit("Not stated")),
        ]
    )
    columns = {
        **funding_defaults(),
        "report": pl.when(is_box)
        .then(pl.lit("To Walk the Earth in Safety"))
        .otherwise(pl.lit("Landmine Monitor")),
        "account": pl.col("account"),
        "account_as_printed": pl.when(is_box).then(pl.col("donor")),
        "area_as_printed": pl.col("recipient"),
        "sector": pl.col("sector_word"),
        "sector_as_printed": pl.col("sector"),
        "flow": pl.when(is_box).then(pl.lit("unspecified")).otherwise(pl.lit("contribution")),
        "year": integer("year"),
        "year_basis": pl.when(is_box).then(pl.lit("fiscal")).otherwise(pl.lit("calendar")),
        "currency": pl.lit(None, dtype=pl.String),
        "amount_usd": dollars("amount_usd"),
        "precision": pl.lit("exact"),
    }
    reading.add(
        "funding",
        with_edition_order(frame).select(
            "file", "locator", "series", "edition", "edition_order", "place", "source_url", "note",
            "donor", "donor_area", "area", "amount_as_printed", "sum_check", **columns,
        ),
    )  # fmt: skip


_CLEARANCE_NUMBERS: Final = {
    "area_cleared_km2": REAL,
    "area_reduced_km2": REAL,
    "area_cancelled_km2": REAL,
    "ap_mines_destroyed": WHOLE,
    "av_mines_destroyed": WHOLE,
    "erw_destroyed": WHOLE,
}
_CLEARANCE_COLUMNS: Final = (
    "iso3", "country", "year", *_CLEARANCE_NUMBERS, "hazard", "edition", "source_url", "locator",
    "note",
)  # fmt: skip


def _of_monitor(
    reading: Reading, file: str, content: bytes, columns: tuple[str, ...], *, monitor: bool
) -> pl.DataFrame:
    """The rows printed by the Monitor, or those printed by anyone else."""
    frame = read_csv(reading, file, content, columns)
    taken = frame.filter(
        pl.col("edition").fill_null("").str.contains(MONITOR_EDITION) == pl.lit(monitor)
    )
    reading.leave(file, frame.height - taken.height)
    return taken


def _report(*, monitor: bool) -> pl.Expr:
    return pl.lit("Landmine Monitor") if monitor else pl.col("edition")


def read_clearance(
    reading: Reading,
    content: bytes,
    resolver: Resolver,
    series: str,
    bounds: pl.DataFrame,
    *,
    monitor: bool,
) -> None:
    """Hand over clearance_year.csv; ``bounds`` says which numbers are floors or ceilings.

    ``bounds`` is the table in clearance_bounds.csv of the source's folder: area, year, hazard and
    edition of a row, and a precision for each number that the source qualifies in words.
    """
    frame = _of_monitor(reading, CLEARANCE_FILE, content, _CLEARANCE_COLUMNS, monitor=monitor)
    frame = shaped(reading, frame, {"year": WHOLE, **_CLEARANCE_NUMBERS})
    frame = resolver.resolve(reading, frame, "country", "area")
    key = ["country", "year", "hazard", "edition"]
    for row in bounds.join(frame, on=key, how="anti").select(key).iter_rows():
        reading.issue(
            Finding(
                line_of(CLEARANCE_FILE, 1), None, "a bound has no row", ", ".join(map(str, row)),
                "mend the row or its line in clearance_bounds.csv of the source's folder",
            )
        )  # fmt: skip
    frame = frame.join(bounds, on=key, how="left", maintain_order="left")
    columns: dict[str, pl.Expr] = {
        "series": pl.lit(series),
        "report": _report(monitor=monitor),
        "area_as_printed": pl.col("country"),
        "year": integer("year"),
    }
    for name, shape in _CLEARANCE_NUMBERS.items():
        columns[name] = pl.col(name).cast(pl.Int64 if shape is WHOLE else pl.Float64)
    for name, of in PRECISION_COLUMNS.items():
        columns[name] = pl.when(pl.col(of).is_not_null()).then(pl.col(name).fill_null("exact"))
    reading.add(
        "clearance",
        with_edition_order(frame).select(
            "file", "locator", "edition", "edition_order", "place", "source_url", "note", "area",
            "hazard", **columns,
        ),
    )  # fmt: skip


PRECISION_COLUMNS: Final = {
    "area_cleared_precision": "area_cleared_km2",
    "area_reduced_precision": "area_reduced_km2",
    "ap_mines_precision": "ap_mines_destroyed",
    "av_mines_precision": "av_mines_destroyed",
    "erw_precision": "erw_destroyed",
}
_CONTAMINATION_COLUMNS: Final = (
    "iso3", "country", "as_of", "contamination_class", "contamination_as_printed",
    "contamination_km2", "confirmed_km2", "suspected_km2", "hazard", "edition", "source_url",
    "locator",
)  # fmt: skip


def read_contamination(
    reading: Reading, content: bytes, resolver: Resolver, series: str, *, monitor: bool
) -> None:
    """Hand over contamination.csv."""
    frame = _of_monitor(
        reading, CONTAMINATION_FILE, content, _CONTAMINATION_COLUMNS, monitor=monitor
    )
    areas = ("contamination_km2", "confirmed_km2", "suspected_km2")
    frame = shaped(reading, frame, {"as_of": DATE, **dict.fromkeys(areas, REAL)})
    frame = resolver.resolve(reading, frame, "country", "area")
    reading.add(
        "contamination",
        with_edition_order(frame).select(
            "file", "locator", "edition", "edition_order", "place", "source_url", "area",
            "hazard", "contamination_class", "contamination_as_printed",
            series=pl.lit(series),
            report=_report(monitor=monitor),
            area_as_printed="country",
            estimate_date="as_of",
            estimate_year=pl.col("as_of").str.slice(0, 4).cast(pl.Int64),
            **{name: pl.col(name).cast(pl.Float64) for name in areas},
        ),
    )  # fmt: skip


CASUALTY_NUMBERS: Final = (
    "killed", "injured", "unknown", "total", "civilian", "military", "deminer", "children",
    "women",
)  # fmt: skip
_CASUALTY_COLUMNS: Final = (
    "year", "country", *CASUALTY_NUMBERS, "edition", "source_url", "locator", "note",
)  # fmt: skip


def add_casualties(
    reading: Reading,
    frame: pl.DataFrame,
    series: str,
    report: pl.Expr,
    splits: pl.DataFrame | None = None,
) -> None:
    """Hand over casualty rows that have been shaped and resolved; flags are read from the note."""
    note = pl.col("note").fill_null("")
    reading.add(
        "casualties",
        with_edition_order(frame).select(
            "file", "locator", "edition", "edition_order", "place", "source_url", "note", "area",
            "area_as_printed",
            series=pl.lit(series),
            report=report,
            year=integer("year"),
            lower_bound=note.str.contains("(?i)printed as at least"),
            is_partial_year=note.str.contains("partial year|last year of the copy is partial"),
            is_prior_year=note.str.contains("prior-year", literal=True),
            is_secondary=note.str.contains("secondary source", literal=True),
            **{name: integer(name) for name in CASUALTY_NUMBERS},
        ),
        splits,
    )  # fmt: skip


def read_casualties(
    reading: Reading, file: str, content: bytes, resolver: Resolver, series: str, report: pl.Expr
) -> None:
    """Hand over a table of casualties by country and year."""
    frame = read_csv(reading, file, content, _CASUALTY_COLUMNS)
    frame = shaped(reading, frame, dict.fromkeys(("year", *CASUALTY_NUMBERS), WHOLE))
    frame = resolver.resolve(
        reading, frame.rename({"country": "area_as_printed"}), "area_as_printed", "area"
    )
    add_casualties(reading, frame, series, report)
