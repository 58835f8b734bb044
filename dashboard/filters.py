"""One grammar of filters for the API and the pages' download links.

``column=value`` keeps rows with that value; the same column twice keeps rows with either. Codes and
names of areas, series, sources and entries, words from a list and numbers may also be joined by
commas; other texts may hold commas themselves. ``column.gte``, ``.lte``, ``.gt``, ``.lt`` compare numbers and texts,
``column.ne`` excludes (rows without a value stay), ``column.contains`` searches a text without regard to case, and
``column.null=yes`` or ``no`` asks whether there is a value. Columns come from
:mod:`etl.tables`; everything a reader types is bound as a parameter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import urlencode

import dataframely as dy
import polars as pl

from etl import sql
from etl.tables import ALL_TABLES

COMPARISONS: Final = {"gte": ">=", "lte": "<=", "gt": ">", "lt": "<"}
OPERATORS: Final = ("ne", *COMPARISONS, "contains", "null")
YES: Final = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
AREA_COLUMNS: Final = frozenset({"area", "donor_area", "region_area"})
# Columns of names that have no commas; those of CODES are looked up in the ledger.
CODES: Final = {"series": "series", "source_id": "source"}
NAMES: Final = frozenset({"entry_id", *CODES})
MAX_VALUES: Final = 300
MAX_LENGTH: Final = 500


class FilterError(ValueError):
    """A filter that cannot be answered; the message says what is allowed."""


@dataclass(frozen=True)
class Condition:
    """One filter: a declared column, an operator (``eq`` or one of OPERATORS) and its values."""

    column: str
    operator: str
    values: tuple[Any, ...]


def parse(
    table: str,
    pairs: Iterable[tuple[str, str]],
    areas: Iterable[str] = (),
    codes: Mapping[str, Sequence[str]] | None = None,
) -> list[Condition]:
    """The conditions that ``pairs`` of an address express on ``table``.

    ``areas`` are the area codes of the ledger, ``codes`` its series and sources by column; with them a code
    that does not exist is refused.

    Raises:
        FilterError: a column, operator or value is not allowed.
    """
    columns = ALL_TABLES[table].columns()
    known_areas = frozenset(areas)
    merged: dict[tuple[str, str], list[Any]] = {}
    for key, text in pairs:
        name, _, operator = key.partition(".")
        if name not in columns:
            raise FilterError(
                f"{table} has no column {name[:80]!r}. Its columns are: {', '.join(columns)}."
            )
        if operator and operator not in OPERATORS:
            raise FilterError(
                f"{operator[:80]!r} is no comparison. Write {name}=value or {name}. followed by one "
                f"of: {', '.join(OPERATORS)}."
            )
        values = _values(name, columns[name], operator or "eq", text, known_areas)
        if operator in {"", "ne"} and codes and name in codes:
            _look_up(name, values, codes[name])
        merged.setdefault((name, operator or "eq"), []).extend(values)
    conditions = [
        Condition(name, operator, tuple(values)) for (name, operator), values in merged.items()
    ]
    for condition in conditions:
        if len(condition.values) > MAX_VALUES:
            raise FilterError(f"{condition.column}: at most {MAX_VALUES} values are allowed.")
    return conditions


def _values(
    name: str, column: dy.Column, operator: str, text: str, areas: frozenset[str]
) -> list[Any]:
    if len(text) > MAX_LENGTH:
        raise FilterError(f"{name}: a value may have at most {MAX_LENGTH} characters.")
    if operator == "null":
        if text.lower() not in YES:
            raise FilterError(f"{name}.null takes yes or no, not {text!r}.")
        return [YES[text.lower()]]
    if operator == "contains":
        if column.dtype != pl.String:
            raise FilterError(f"{name} is not a text; {name}.contains does not apply.")
        return [text]
    is_listed = column.dtype != pl.String or _is_coded(name, column)
    parts = text.split(",") if is_listed and operator not in COMPARISONS else [text]
    return [_value(name, column, part.strip(), areas) for part in parts]


def _look_up(name: str, values: Iterable[str], known: Sequence[str]) -> None:
    """Refuse a code of a series or source that the ledger does not know."""
    for value in values:
        if value not in known:
            raise FilterError(
                f"there is no {CODES[name]} {value[:80]!r}. Known: {', '.join(known)}."
            )


def _is_coded(name: str, column: dy.Column) -> bool:
    """Whether the column holds codes or words from a list, which have no commas."""
    return name in AREA_COLUMNS | NAMES or bool((column.metadata or {}).get("allowed"))


def _value(name: str, column: dy.Column, text: str, areas: frozenset[str]) -> Any:  # noqa: ANN401
    allowed = (column.metadata or {}).get("allowed")
    if allowed and text not in allowed:
        raise FilterError(f"{text!r} is no {name}. Allowed: {', '.join(allowed)}.")
    if name in AREA_COLUMNS and areas and text not in areas:
        raise FilterError(
            f"{text!r} is no area code. Codes are ISO 3166-1 alpha-3, such as KHM or VNM, and the "
            "project's own for other areas, such as XKX; /api/v1/areas.csv lists them all."
        )
    if isinstance(column.dtype, pl.Boolean):
        if text.lower() not in YES:
            raise FilterError(f"{name} is yes or no, not {text!r}.")
        return YES[text.lower()]
    if isinstance(column.dtype, pl.Datetime):
        try:
            return datetime.fromisoformat(text)
        except ValueError as error:
            raise FilterError(
                f"{name} is a time such as 2026-11-22T18:00, not {text!r}."
            ) from error
    if column.dtype.is_numeric():
        return _number(name, column.dtype, text)
    return text


def _number(name: str, dtype: pl.DataType, text: str) -> int | float | Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise FilterError(f"{name} is a number, not {text[:80]!r}.") from error
    # copy_abs, because abs() rounds and so overflows where the exponent is large
    if not number.is_finite() or number.copy_abs() >= Decimal(10) ** 16:
        raise FilterError(f"{name}: {text[:80]!r} is not a number the ledger can hold.")
    if dtype.is_integer():
        if number != number.to_integral_value():
            raise FilterError(f"{name} is a whole number, not {text[:80]!r}.")
        return int(number)
    if isinstance(dtype, pl.Decimal):
        # written out to the column's decimals: DuckDB takes Decimal("1E+6") for 1
        exact = number.quantize(Decimal(1).scaleb(-dtype.scale))
        if exact != number:
            raise FilterError(f"{name} has {dtype.scale} decimals; {text[:80]!r} has more.")
        return exact
    return float(number)


def order(table: str, text: str) -> list[tuple[str, bool]]:
    """The columns that ``text`` sorts by, each with whether it is from the largest to the smallest.

    ``area,-year`` is by area, then from the newest year. Rows without a value come last either way.

    Raises:
        FilterError: a column is not declared, or stands there twice.
    """
    columns = ALL_TABLES[table].columns()
    found: dict[str, bool] = {}
    for part in text.split(",") if text else []:
        name = part.strip().removeprefix("-")
        if name not in columns or name in found:
            raise FilterError(
                f"sort takes columns of {table}, each once, not {part[:80]!r}. A minus in front sorts from the "
                f"largest. Columns: {', '.join(columns)}."
            )
        found[name] = part.strip().startswith("-")
    return list(found.items())


def where(conditions: Sequence[Condition]) -> tuple[str, list[Any]]:
    """The SQL condition and its parameters; ``TRUE`` without any condition."""
    parts: list[str] = []
    parameters: list[Any] = []
    for condition in conditions:
        column = sql.identifier(condition.column)
        if condition.operator in COMPARISONS:
            for value in condition.values:
                parts.append(f"{column} {COMPARISONS[condition.operator]} ?")
                parameters.append(value)
        elif condition.operator == "contains":
            for value in condition.values:
                parts.append(f"contains(lower({column}), lower(?))")
                parameters.append(value)
        elif condition.operator == "null":
            parts.extend(f"{column} IS {'' if yes else 'NOT '}NULL" for yes in condition.values)
        else:
            marks = ", ".join("?" for _ in condition.values)
            parts.append(
                f"{column} IN ({marks})"
                if condition.operator == "eq"
                else f"({column} IS NULL OR {column} NOT IN ({marks}))"
            )
            parameters.extend(condition.values)
    return " AND ".join(parts) or "TRUE", parameters


def pairs_of(filters: Mapping[str, object]) -> list[tuple[str, str]]:
    """Filters as key and value, a list as repeated keys; empty ones are left out."""
    return [
        (key, str(part))
        for key, value in filters.items()
        if value not in (None, "", [], ())
        for part in (value if isinstance(value, list | tuple) else [value])
    ]


def address(table: str, filters: Mapping[str, object], ending: str = "csv") -> str:
    """The API address of a table with filters (see :func:`pairs_of`)."""
    query = urlencode(pairs_of(filters))
    return f"/api/v1/{table}.{ending}" + (f"?{query}" if query else "")
