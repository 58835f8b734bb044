"""Records of the service's JSON answers as text columns, as a CSV would hold them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import polars as pl

from etl.archive import Contents
from etl.pages import records
from etl.reading import Reading, SourceError

# What is read of a listing or a place that is printed as an object.
_CODES: Final = ("cfda_number", "location_country_code", "country_name")


def read_fields(
    reading: Reading, files: Contents, file: str, fields: Mapping[str, str]
) -> pl.DataFrame:
    """The records of a paged answer as text columns; raises SourceError if one lacks a field."""
    rows = []
    for place, record in records(reading, files, file):
        missing = [name for name in fields if name not in record]
        if missing:
            raise SourceError(
                f"{place} lacks the field {', '.join(missing)}; it has {', '.join(record)}"
            )
        cells = {into: _cell(record[name]) for name, into in fields.items()}
        rows.append({"file": file, "locator": place, **cells})
    schema = dict.fromkeys(("file", "locator", *fields.values()), pl.String)
    return pl.DataFrame(rows, schema=schema)


def _cell(value: Any) -> str | None:  # noqa: ANN401 - JSON
    """A JSON value as the text that a CSV would hold; lists and objects as their first values.

    >>> _cell(1704275.0), _cell("1500000"), _cell([{"cfda_number": "19.800", "title": "x"}])
    ('1704275.00', '1500000', '19.800')
    """
    if isinstance(value, bool) or value is None:
        return None if value is None else str(value).lower()
    if isinstance(value, int | float):
        return _decimal(value)
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, dict):
        codes = [text for name in _CODES if (text := _cell(value.get(name)))]
        return "; ".join(codes) or None
    return "; ".join(text for item in value if (text := _cell(item))) or None


def _decimal(value: float) -> str:
    """A JSON number as exact decimal text, as it stands in the answer."""
    try:
        exact = Decimal(repr(value))
    except InvalidOperation:  # NaN and infinity are no JSON, but Python reads them
        return repr(value)
    if not exact.is_finite():
        return repr(value)
    cents = exact.quantize(Decimal("0.01"))
    return f"{cents if cents == exact else exact.normalize():f}"
