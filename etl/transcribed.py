"""Small tools that the readers of transcribed files share: money, years, bounds, edition order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import polars as pl

AGENCIES: Final = {
    "DoD": "Department of Defense",
    "DoD other": "Department of Defense",
    "State NADR-CWD": "Department of State",
    "State other": "Department of State",
    "State": "Department of State",
    "USAID": "U.S. Agency for International Development",
    "CDC": "Centers for Disease Control and Prevention",
}

# Words in the `precision` columns of the U.S. files: how firm, and how the figure bounds the truth.
FIRMNESS: Final[dict[str | None, tuple[str, str | None]]] = {
    "exact to $1,000": ("actual", "exact"),
    "exact as printed": ("actual", "exact"),
    "as printed": ("actual", "exact"),
    "actual": ("actual", "exact"),
    "estimate": ("estimate", "exact"),
    "request": ("request", "exact"),
    "rounded": ("actual", "rounded"),
    "approximate": ("actual", "approximate"),
    "floor": ("actual", "floor"),
    "ceiling": ("actual", "ceiling"),
    "planned": ("planned", "ceiling"),
    "planned floor": ("planned", "floor"),
    None: ("actual", None),
}
STATUS: Final = {word: pair[0] for word, pair in FIRMNESS.items()}
PRECISION: Final = {word: pair[1] for word, pair in FIRMNESS.items()}

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_LONG_DATE = re.compile(r"\d{1,2} [A-Z][a-z]+ \d{4}")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d{2}(?!\d)")
_EDITION = re.compile(r"^(\d+)(?:st|nd|rd|th) edition$")


def edition_order(edition: str) -> str | None:
    """A text that sorts the editions of one source.

    A numbered edition gives its number (three digits), a printed date the date, a bare year the
    end of that year; the year in "(2009 data)" is the year of the data and does not count.

    >>> edition_order("17th edition"), edition_order("Monitor country profile 2018-10-11")
    ('017', '2018-10-11')
    >>> edition_order("Monitor country profile updated 31 August 2011")
    '2011-08-31'
    >>> edition_order("Landmine Monitor 2018"), edition_order("Monitor country profile 2013 (2012 data)")
    ('2018-12-31', '2013-12-31')
    """
    numbered = _EDITION.match(edition)
    if numbered:
        return numbered[1].zfill(3)
    plain = re.sub(r"\(\d{4} data\)", "", edition)
    if iso := _ISO_DATE.search(plain):
        return iso[0]
    if long := _LONG_DATE.search(plain):
        try:
            return datetime.strptime(long[0], "%d %B %Y").date().isoformat()  # noqa: DTZ007 (a date)
        except ValueError:  # not a date after all, such as "31 February 2011": the year is left
            plain = long[0]
    years: list[str] = _YEAR.findall(plain)
    return f"{years[-1]}-12-31" if years else None


# Words before a printed amount that make it a bound.
BOUND_WORDS: Final = {
    "floor": r"^(more than|over|at least|no less than)\b",
    "ceiling": r"^(nearly|almost)\b",
    "approximate": r"^(some|about|approximately)\b",
}


def precision_as_printed(compiled: str, printed: str) -> pl.Expr:
    """The bound that the source's own words give, else the compiler's reading in ``compiled``."""
    words = pl.col(printed).str.to_lowercase()
    by_words = pl.coalesce(
        pl.when(words.str.contains(pattern)).then(pl.lit(bound))
        for bound, pattern in BOUND_WORDS.items()
    )
    noted = pl.when(pl.col("note").str.contains("rounded in the source", literal=True)).then(
        pl.lit("rounded")
    )
    return pl.coalesce(by_words, noted, pl.col(compiled))


def with_edition_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Add ``edition_order`` to a frame that has ``edition``."""
    return frame.with_columns(
        pl.col("edition")
        .map_elements(edition_order, return_dtype=pl.String, skip_nulls=True)
        .alias("edition_order")
    )


def dollars(column: str) -> pl.Expr:
    """A checked text column as exact money; see :data:`etl.reading.MONEY`."""
    return pl.col(column).cast(pl.Decimal(18, 2))


def integer(column: str) -> pl.Expr:
    """A checked text column as a whole number."""
    return pl.col(column).cast(pl.Int64)


def funding_defaults() -> dict[str, pl.Expr]:
    """Columns of ``funding`` that are the same in most transcribed rows."""
    return {
        "sector": pl.lit("unspecified"),
        "status": pl.lit("actual"),
        "currency": pl.lit("USD"),
        "is_printed_total": pl.lit(value=False),
        "is_cumulative": pl.lit(value=False),
        "is_secondary": pl.lit(value=False),
    }


def splits_of(
    frame: pl.DataFrame,
    columns: Mapping[str, tuple[str, str, str]],
    printed: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """The splits printed in ``columns``: column → (dimension, category, unit).

    ``printed`` names the column that holds the source's own words for a column of numbers.
    """
    words = printed or {}
    parts = [
        frame.filter(pl.col(column).is_not_null()).select(
            "locator",
            pl.lit(dimension).alias("dimension"),
            pl.lit(category).alias("category"),
            pl.col(column).cast(pl.Float64).alias("value"),
            pl.lit(unit).alias("unit"),
            (pl.col(words[column]) if column in words else pl.lit(None, dtype=pl.String)).alias(
                "value_as_printed"
            ),
        )
        for column, (dimension, category, unit) in columns.items()
    ]
    return pl.concat(parts)
