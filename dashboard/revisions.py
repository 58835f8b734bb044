"""What one revision of an entry says in a few words, and what differs between two of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dashboard import wording
from etl.tables import NATURAL_KEYS, RECORDED_COLUMNS, measures

Values = Mapping[str, Any]

# The column that a reader looks for first; where it is empty, the first figure that is not.
HEADLINE: Final = {
    "funding": "amount_usd",
    "funding_shares": "share_percent",
    "program_activities": "value_as_printed",
    "casualties": "total",
    "casualty_events": "outcome",
    "clearance": "area_cleared_km2",
    "contamination": "contamination_as_printed",
    "treaty_status": "bound_date",
    "program_events": "summary",
    "deflators": "value",
    "exchange_rates": "rate",
    "population": "people",
    "gdp": "gdp_usd",
}
# What takes its place where it is empty because the row is of another kind.
_SECOND: Final = {"casualty_events": "device"}  # an accident has no outcome
# Say where and how a figure was read, not what it is a figure of.
_READ_IN: Final = frozenset(
    {"series", "report", "edition", "source_url", "place", "year", "year_basis", "status"}
)
_NOT_PRINTED: Final = frozenset({*RECORDED_COLUMNS, "locator", "edition_order"})


def name(table: str, values: Values) -> str:
    """What the entry is a figure of: 'Vietnam, DoD, FY2016'."""
    parts = [values[key] for key in NATURAL_KEYS[table] if key not in _READ_IN]
    if values.get("year") is not None and "date" not in NATURAL_KEYS[table]:
        parts.append(wording.year_of(values["year"], values.get("year_basis", "calendar")))
    return ", ".join(str(part) for part in parts if part is not None)


def headline(table: str, values: Values) -> tuple[str, str]:
    """The column that a revision is known by, and what stands there."""
    column = HEADLINE[table]
    if values[column] is None:
        column = _SECOND.get(table, column)
    if values[column] is None:
        column = next((one for one in measures(table) if values[one] is not None), column)
    return column, said(table, column, values)


def said(table: str, column: str, values: Values) -> str:
    """One value with its unit, and the bound that the source gives it."""
    value = values[column]
    unit = measures(table).get(column, "")
    if value is None or isinstance(value, bool):
        return {True: "yes", False: "no", None: wording.MISSING}[value]
    if isinstance(value, str):
        return value
    if unit == "US dollars":
        return wording.usd(value, values.get("precision"))
    floor = column == "total" and values.get("lower_bound")
    unit = {"km2": "km²", "as in unit": values.get("unit") or ""}.get(unit, unit)
    return f"{wording.number(value, floor=floor)} {unit}".strip()


def differing(before: Values, after: Values) -> list[str]:
    """The columns of the source that say something else."""
    return [one for one in after if one not in _NOT_PRINTED and before[one] != after[one]]


def change(table: str, before: Values | None, after: Values | None) -> tuple[str, str, list[str]]:
    """What an entry said before and after, and the other columns that changed.

    The headline where it changed; otherwise the first column that did, by its name.
    """
    if before is None or after is None:
        return (
            headline(table, before)[1] if before else wording.MISSING,
            headline(table, after)[1] if after else wording.MISSING,
            [],
        )
    columns = differing(before, after)
    column, _ = headline(table, before)
    if column in columns or not columns:
        label = ""
    else:
        column = columns[0]
        label = f"{column}: "
    return (
        label + said(table, column, before),
        label + said(table, column, after),
        [one for one in columns if one != column],
    )
