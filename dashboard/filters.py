"""One grammar of filters for the API and the pages' download links.

``column=value`` keeps rows with that value; the same column twice keeps rows with either. Codes and
names of areas, series, sources and entries, words from a list and numbers may also be joined by
commas; other texts may hold commas themselves. ``column.gte``, ``.lte``, ``.gt``, ``.lt`` compare numbers and texts,
``column.ne`` excludes (rows without a value stay), ``column.contains`` searches a text without regard to case, and
``column.null=yes`` or ``no`` asks whether there is a value. An area may be given by any spelling, which stands for
its code (:mod:`dashboard.names`); an agency or organisation by any spelling, in upper or lower case, and
``column.exact`` keeps to the letters. ``q=words`` keeps the rows in whose texts all the words occur, without
regard to case and accents. Columns come from :mod:`etl.tables`; everything a reader types is bound as a parameter.

The grammar has a version. A link that is to last carries it as ``grammar=1``, and a server that does not know the
version says so instead of reading the link in another way. It is raised when an address would mean something else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final, cast
from urllib.parse import quote_plus, urlencode

import dataframely as dy
import polars as pl

from dashboard.names import Names
from etl import sql
from etl.tables import ALL_TABLES

COMPARISONS: Final = {"gte": ">=", "lte": "<=", "gt": ">", "lt": "<"}
OPERATORS: Final = ("ne", *COMPARISONS, "contains", "exact", "null")
GRAMMAR: Final = 1  # the version that this server reads and writes
GRAMMAR_KEY: Final = "grammar"
WORDS_KEY: Final = "q"
SHORT: Final = 100  # letters of a word that is kept in its quoted form
YES: Final = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
AREA_COLUMNS: Final = frozenset({"area", "donor_area", "region_area"})
# Columns of names that have no commas; those of CODES are looked up in the ledger.
CODES: Final = {"series": "series", "source_id": "source"}
NAMES: Final = frozenset({"entry_id", *CODES})
AS_TYPED: Final = frozenset({"contains", "exact", "null"})  # take no spelling for another
# Columns of names that sources spell in many ways.
SPELLED: Final = frozenset({"agency", "implementer"})
SPACED: Final = (
    r"trim(regexp_replace(lower({}), '[\s\p{{Z}}]+', ' ', 'g'))"  # as the view partners folds names
)
PLAIN: Final = "lower(strip_accents({}))"
MAX_VALUES: Final = 300
MAX_LENGTH: Final = 500
MAX_WORDS: Final = 10
MOST_COMMAS: Final = 2  # in one name of an area


class FilterError(ValueError):
    """A filter that cannot be answered; the message says what is allowed."""


@dataclass(frozen=True)
class Condition:
    """One filter: a declared column, an operator (``eq`` or one of OPERATORS) and its values.

    Of words to search for the column is ``q``, and ``columns`` are those that are searched.
    """

    column: str
    operator: str
    values: tuple[Any, ...]
    columns: tuple[str, ...] = ()


def parse(
    table: str,
    pairs: Iterable[tuple[str, str]],
    names: Names | None = None,
    codes: Mapping[str, Sequence[str]] | None = None,
) -> list[Condition]:
    """The conditions that ``pairs`` of an address express on ``table``.

    ``names`` are the areas and organisations of the ledger, ``codes`` its series and sources by column; with
    them a name or code that does not exist is refused.

    Raises:
        FilterError: a column, operator or value is not allowed.
    """
    columns = ALL_TABLES[table].columns()
    merged: dict[tuple[str, str], list[Any]] = {}
    searches: list[str] = []
    for key, text in pairs:
        if key == WORDS_KEY:
            searches.append(text)
            continue
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
        values = _values(name, columns[name], operator or "eq", text, names or Names())
        if operator in {"", "ne"} and codes and name in codes:
            _look_up(name, values, codes[name])
        so_far = merged.setdefault((name, operator or "eq"), [])
        so_far += [one for one in values if name not in SPELLED or one not in so_far]
    conditions = [
        Condition(name, operator, tuple(values)) for (name, operator), values in merged.items()
    ]
    for condition in conditions:
        if len(condition.values) > MAX_VALUES:
            raise FilterError(f"{condition.column}: at most {MAX_VALUES} values are allowed.")
    return [*conditions, *_search(table, searches)]


def require_grammar(given: str | None) -> None:
    """Refuse a version of the grammar that this server does not know; none means the current one.

    Raises:
        FilterError: it is another version, or no number.
    """
    if given is not None and given != str(GRAMMAR):
        raise FilterError(
            f"{GRAMMAR_KEY}={given[:20]} is a version of these filters that this server does not know; it knows "
            f"{GRAMMAR_KEY}={GRAMMAR}. Ask the server that the link is from, or leave {GRAMMAR_KEY} out to have the "
            f"filters read as they are meant here."
        )


def searched(table: str) -> tuple[str, ...]:
    """The columns of a table that ``q`` searches: its free texts.

    Codes, words from a list, dates, hashes, addresses and the pipeline's own names have filters of their own, and
    a word found in one of them by chance would be no answer.
    """
    return tuple(
        name
        for name, column in ALL_TABLES[table].columns().items()
        if isinstance(column, dy.String)
        and not _is_coded(name, column)
        and column.regex is None
        and name not in {"locator", "edition_order"}
        and not name.endswith(
            ("sha256", "url", "entry_id", "entry_ids", "source_id", "_series", "_area")
        )
    )


def words(text: str) -> list[str]:
    """The words of a search, each once; marks alone are none.

    Raises:
        FilterError: there is none, or one is no word, or they are too many or too long.
    """
    if len(text) > MAX_LENGTH:
        raise FilterError(f"{WORDS_KEY}: at most {MAX_LENGTH} characters are allowed.")
    found = list(dict.fromkeys(text.split()))
    for word in found:
        if not any(letter.isalnum() for letter in word):
            raise FilterError(f"{WORDS_KEY} takes words, and {word!r} holds no letter or digit.")
    if not found:
        raise FilterError(f"{WORDS_KEY} takes words to search for; leave it out to have all rows.")
    if len(found) > MAX_WORDS:
        raise FilterError(f"{WORDS_KEY}: at most {MAX_WORDS} words are allowed.")
    return found


def _search(table: str, texts: Sequence[str]) -> list[Condition]:
    """The condition that all words of all ``texts`` occur."""
    if not texts:
        return []
    if not searched(table):
        raise FilterError(f"{table} has no texts to search; leave {WORDS_KEY} out.")
    for text in texts:
        words(text)
    return [holding(words(" ".join(texts)), searched(table))]


def holding(found: Sequence[str], columns: Sequence[str]) -> Condition:
    """The condition that each word occurs in one of the columns."""
    return Condition(WORDS_KEY, "words", tuple(found), tuple(columns))


def _values(name: str, column: dy.Column, operator: str, text: str, names: Names) -> list[Any]:
    if len(text) > MAX_LENGTH:
        raise FilterError(f"{name}: a value may have at most {MAX_LENGTH} characters.")
    if operator == "null":
        if text.lower() not in YES:
            raise FilterError(f"{name}.null takes yes or no, not {text!r}.")
        return [YES[text.lower()]]
    if operator in AS_TYPED:
        if column.dtype != pl.String:
            raise FilterError(f"{name} is not a text; {name}.{operator} does not apply.")
        return [text]
    if name in AREA_COLUMNS and names.areas:
        return _areas(text, names)
    if name in SPELLED and operator in {"eq", "ne"}:
        return list(names.organisation(text)) if name == "implementer" else [text]
    is_listed = column.dtype != pl.String or _is_coded(name, column)
    parts = text.split(",") if is_listed and operator not in COMPARISONS else [text]
    return [_value(name, column, part.strip()) for part in parts]


def coded(pairs: Iterable[tuple[str, str]], names: Names) -> list[tuple[str, str]]:
    """The same parameters with the codes of areas instead of their names, which may get other spellings.

    Raises:
        FilterError: a name is none.
    """
    return [
        (key, ",".join(_areas(text, names)))
        if names.areas
        and key.partition(".")[0] in AREA_COLUMNS
        and key.partition(".")[2] not in AS_TYPED
        else (key, text)
        for key, text in pairs
    ]


def _areas(text: str, names: Names) -> list[str]:
    """The codes of areas joined by commas; a name with commas is one, and the longest such name is taken."""
    parts, codes = text.split(","), list[str]()
    while parts:
        for many in range(min(len(parts), MOST_COMMAS + 1), 0, -1):
            code = names.area(",".join(parts[:many]).strip())
            if code is not None:
                codes.append(code)
                parts = parts[many:]
                break
        else:
            unknown = parts[0].strip()
            offered = [one for one in (names.did_you_mean(unknown),) if one]
            raise FilterError(
                " ".join(
                    [
                        f"{unknown[:80]!r} is no code or name of an area.",
                        *offered,
                        "Codes are ISO 3166-1 alpha-3, such as KHM or VNM, and the project's own for other areas, "
                        "such as XKX; /api/v1/areas.csv lists them all with their spellings.",
                    ]
                )
            )
    return codes


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


def _value(name: str, column: dy.Column, text: str) -> Any:  # noqa: ANN401
    allowed = (column.metadata or {}).get("allowed")
    if allowed and text not in allowed:
        raise FilterError(f"{text!r} is no {name}. Allowed: {', '.join(allowed)}.")
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
        if condition.operator == "words":
            searched_in = [PLAIN.format(sql.identifier(name)) for name in condition.columns]
            for word in condition.values:
                found = " OR ".join(
                    f"contains({text}, {PLAIN.format('?')})" for text in searched_in
                )
                parts.append(f"({found})")
                parameters += [word] * len(searched_in)
            continue
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
            mark = "?"
            if condition.column in SPELLED and condition.operator != "exact":
                column, mark = SPACED.format(column), SPACED.format(mark)
            marks = ", ".join(mark for _ in condition.values)
            parts.append(
                f"({column} IS NULL OR {column} NOT IN ({marks}))"
                if condition.operator == "ne"
                else f"{column} IN ({marks})"
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
    query = encoded(pairs_of(filters))
    return f"/api/v1/{table}.{ending}" + (f"?{query}" if query else "")


def encoded(pairs: Sequence[tuple[str, str]]) -> str:
    """Keys and values as an address has them."""
    return urlencode(pairs, quote_via=cast(Any, _quoted))


def _quoted(text: str, *how: Any) -> str:
    return _few_words(text, *how) if len(text) <= SHORT else quote_plus(text, *how)


@lru_cache(8192)
def _few_words(text: str, *how: Any) -> str:
    """A page of links says the same few words again and again; what a reader types may be long, and isn't kept."""
    return quote_plus(text, *how)
