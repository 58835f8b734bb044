"""The kinds of columns: each says what it means, its unit and what it may hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import dataframely as dy


def text(meaning: str, *, required: bool = False, **kwargs: Any) -> dy.String:
    """A text column; ``required`` forbids null and the empty string.

    ``optional`` says that a view may lack what the pipeline fills in everywhere else, such as ``entry_id``.
    """
    return dy.String(
        nullable=not required, min_length=1, description=meaning, metadata=kwargs or None
    )


def category(meaning: str, allowed: Mapping[str, str], *, required: bool = True) -> dy.String:
    """A text column whose values are the keys of ``allowed``."""
    values = list(allowed)
    return dy.String(
        nullable=not required,
        description=meaning,
        check={"allowed": lambda column: column.is_in(values)},
        metadata={"allowed": dict(allowed)},
    )


def whole(meaning: str, unit: str, *, required: bool = False, low: int = 0) -> dy.Int64:
    """A whole number of ``unit``, not below ``low``."""
    return dy.Int64(nullable=not required, min=low, description=meaning, metadata={"unit": unit})


def year_of(meaning: str, *, required: bool = False, past: bool = False) -> dy.Int64:
    """A year between 1900 and 2100; ``past`` says that it has begun when a source is retrieved."""
    return dy.Int64(
        nullable=not required,
        min=1900,
        max=2100,
        description=meaning,
        metadata={"unit": "year", "past": past},
    )


def date_of(meaning: str, *, required: bool = True, past: bool = False) -> dy.String:
    """A date as far as it is known: YYYY, YYYY-MM or YYYY-MM-DD."""
    return dy.String(
        nullable=not required,
        regex=r"^\d{4}(-\d{2}(-\d{2})?)?$",
        description=meaning,
        metadata={"past": past},
    )


def real(meaning: str, unit: str, *, required: bool = False, low: float | None = 0) -> dy.Float64:
    """A real number of ``unit``; no NaN, no infinity."""
    return dy.Float64(nullable=not required, min=low, description=meaning, metadata={"unit": unit})


def money(meaning: str, unit: str = "US dollars") -> dy.Decimal:
    """An amount with two decimals; exact, so that sums do not depend on their order."""
    return dy.Decimal(18, 2, nullable=True, description=meaning, metadata={"unit": unit})


def flag(meaning: str) -> dy.Bool:
    """A yes/no column, never null."""
    return dy.Bool(nullable=False, description=meaning)


AREA_CODE: Final = (
    "code of the area in data/reference/areas.csv: ISO 3166-1 alpha-3, or one of the project's "
    "own codes for other areas, regions and the world; null where the printed name is unknown"
)
