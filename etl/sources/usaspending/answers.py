"""Records of the service's JSON answers as text columns, as a CSV would hold them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import polars as pl

from etl.archive import Contents
from etl.asking import shown
from etl.pages import records
from etl.reading import Reading, SourceError

# A number is read as text up to this power of ten and this many decimals; beyond, it stays as it is
# printed, which is no amount.
_MAX_POWER: Final = 20
_MAX_DECIMALS: Final = 12
# What is printed as an object or a list of objects: listings and places. What is read of these.
_NESTED: Final = frozenset(
    {"Assistance Listings", "Assistance Listing", "Sub-Award Primary Place of Performance"}
)
_CODES: Final = ("cfda_number", "location_country_code", "country_name")


def read_fields(
    reading: Reading, files: Contents, file: str, fields: Mapping[str, str]
) -> pl.DataFrame:
    """The records of a paged answer as text columns.

    Raises:
        SourceError: a record lacks a field, or has a list or an object where a text or number belongs.
    """
    rows = []
    for place, record in records(reading, files, file):
        missing = [name for name in fields if name not in record]
        if missing:
            raise SourceError(
                f"{place} lacks the field {', '.join(missing)}; it has {shown(', '.join(record))}"
            )
        cells = {}
        for name, into in fields.items():
            is_nested = name in _NESTED
            if not is_nested and isinstance(record[name], dict | list):
                raise SourceError(
                    f"{place} has a list or an object as {name!r}: {shown(record[name])}; has the answer "
                    "changed?"
                )
            cells[into] = _codes(record[name]) if is_nested else _cell(record[name])
        rows.append({"file": file, "locator": place, **cells})
    schema = dict.fromkeys(("file", "locator", *fields.values()), pl.String)
    return pl.DataFrame(rows, schema=schema)


def _codes(value: Any) -> str | None:  # noqa: ANN401 - JSON
    """Lists and objects as the codes that they hold, or texts as they are.

    >>> _codes([{"cfda_number": "19.800", "title": "x"}, "19.019"]), _codes({"country_name": [1]})
    ('19.800; 19.019', None)
    """
    found = []
    for each in value if isinstance(value, list) else [value]:
        parts = [each.get(name) for name in _CODES] if isinstance(each, dict) else [each]
        found += [text for part in parts if (text := _cell(part))]
    return "; ".join(found) or None


def _cell(value: Any) -> str | None:  # noqa: ANN401 - JSON
    """A JSON value as the text that a CSV would hold; lists and objects are none.

    >>> _cell(1704275.0), _cell("1500000"), _cell(True), _cell(1e300)
    ('1704275.00', '1500000', 'true', '1e+300')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return _decimal(value)
    return value.strip() or None if isinstance(value, str) else None


def _decimal(value: float) -> str:
    """A JSON number as exact decimal text, as it stands in the answer."""
    exact = Decimal(repr(value))
    power = exact.as_tuple().exponent
    if exact.adjusted() > _MAX_POWER or not isinstance(power, int) or power < -_MAX_DECIMALS:
        return repr(value)
    cents = exact.quantize(Decimal("0.01"))
    return f"{cents if cents == exact else exact.normalize():f}"
