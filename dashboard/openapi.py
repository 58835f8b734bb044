"""What the API says of itself (OpenAPI 3.1), written from the declarations in :mod:`etl.tables`.

Each table is a path with its columns as typed parameters and its rows as a schema, so the document
cannot say anything else than the checks do. The comparisons (``year.gte=2015``) are one object
parameter whose names are patterns: a parameter of its own for each column and comparison would be
thousands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import dataframely as dy
import polars as pl

from dashboard import filters
from dashboard.downloads import FORMATS
from etl.dictionary import docstring
from etl.tables import ALL_TABLES

MOST: Final = 10**16 - 1  # what a number of the ledger may come to
ERROR: Final = {
    "type": "object",
    "properties": {
        "error": {"type": "string", "description": "what cannot be answered, and what is allowed"}
    },
    "required": ["error"],
}
# Numbers of the type that a parameter and a cell take; a decimal has two digits after the point.
TYPES: Final[Mapping[type[pl.DataType], dict[str, Any]]] = {
    pl.String: {"type": "string"},
    pl.Int64: {"type": "integer", "format": "int64"},
    pl.Float64: {"type": "number", "format": "double"},
    pl.Decimal: {"type": "number"},
    pl.Boolean: {"type": "boolean"},
    pl.Datetime: {"type": "string", "format": "date-time"},
}
# What a name may be given as, beside its letters.
SPELLINGS: Final = {
    **dict.fromkeys(filters.AREA_COLUMNS, "A name or other spelling of the area stands for its code. "),
    "agency": "In upper or lower case. ",
    "implementer": "In upper or lower case; any spelling of the table implementers stands for them all. ",
}  # fmt: skip
REFUSALS: Final = {
    "400": "The question cannot be answered: an unknown column, comparison, value, order, format or version of the grammar.",
    "404": "There is nothing by this name.",
    "413": "The answer does not fit into the format; the text says which format it fits into.",
    "503": "No ledger has been published, the answer took too long, or too many are under way.",
}


def refusals(*statuses: str) -> dict[int | str, dict[str, Any]]:
    """The answers with these statuses, each an object with ``error``."""
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {status: {"description": REFUSALS[status], "content": content} for status in statuses}


def schemas() -> dict[str, Any]:
    """The schemas of all tables' rows and of refusals, by name."""
    return {"Error": ERROR, **{name: row(name) for name in ALL_TABLES}}


def row(table: str) -> dict[str, Any]:
    """The schema of one row as JSON has it; every column is there, and a missing value is null."""
    columns = ALL_TABLES[table].columns()
    return {
        "type": "object",
        "description": docstring(ALL_TABLES[table]),
        "properties": {name: _cell(column) for name, column in columns.items()},
        "required": list(columns),
        "additionalProperties": False,
    }


def _cell(column: dy.Column) -> dict[str, Any]:
    kind = dict(TYPES[type(column.dtype)])
    # what the pipeline fills is declared required and may be null in a ledger of older code
    kind["type"] = [kind["type"], "null"] if column.nullable else kind["type"]
    return kind | _about(column)


def _about(column: dy.Column) -> dict[str, Any]:
    unit = (column.metadata or {}).get("unit")
    meaning = column.description or ""
    return {"description": f"{meaning} ({unit})" if unit and unit not in meaning else meaning}


def parameters(table: str) -> list[dict[str, Any]]:
    """What can be asked of a table: a value of each column, comparisons, order, number of rows, as of."""
    columns = ALL_TABLES[table].columns()
    return [
        *(_equals(name, column) for name, column in columns.items()),
        {
            "name": "comparisons",
            "in": "query",
            "style": "form",
            "explode": True,
            "description": "A column and a comparison: gte, lte, gt, lt (at least, at most, above, below), ne "
            "(not; repeat for several), contains (a text, in upper or lower case), exact (that very text), null (yes or no).",
            "schema": {
                "type": "object",
                "patternProperties": _patterns(columns),
                "additionalProperties": False,
            },
        },
        *_words(table),
        *COMMON,
        {
            "name": "sort", "in": "query",
            "description": "Columns to sort by, a minus in front of one for the largest first; otherwise the order "
            "in which the ledger keeps the table.",
            "schema": {"type": "array", "uniqueItems": True, "minItems": 1,
                       "items": {"enum": [sign + name for name in columns for sign in ("", "-")]}},
            "style": "form", "explode": False,
        },
    ]  # fmt: skip


AS_OF: Final[dict[str, Any]] = {
    "name": "as_of", "in": "query",
    "description": "As the ledger stood after an earlier refresh: its number, a day or a time (ISO 8601, UTC).",
    "schema": {"type": "string", "minLength": 1},
}  # fmt: skip
GRAMMAR: Final[dict[str, Any]] = {
    "name": filters.GRAMMAR_KEY, "in": "query",
    "description": "The version of these parameters that the address was written in. Links that are to last carry it; "
    "a server that does not know it refuses to answer. Without it, the current one is meant.",
    "schema": {"enum": [str(filters.GRAMMAR)]},
}  # fmt: skip
COMMON: Final[list[dict[str, Any]]] = [
    AS_OF,
    GRAMMAR,
    {
        "name": "limit", "in": "query", "description": "At most so many rows.",
        "schema": {"type": "integer", "minimum": 0, "maximum": 10**11},
    },
    {
        "name": "raw", "in": "query",
        "description": "In CSV, texts as they are; otherwise one that a spreadsheet would run as a formula starts "
        "with an apostrophe.",
        "schema": {"enum": ["0", "1"]},
    },
]  # fmt: skip


def _words(table: str) -> list[dict[str, Any]]:
    """The parameter that searches a table's texts; none where it has no texts."""
    columns = filters.searched(table)
    described = {
        "name": filters.WORDS_KEY, "in": "query",
        "description": f"Words that must all occur, in upper or lower case and with or without accents, in: "
        f"{', '.join(columns)}. At most {filters.MAX_WORDS} words.",
        "schema": {"type": "string", "minLength": 1, "maxLength": filters.MAX_LENGTH},
    }  # fmt: skip
    return [described] if columns else []


def _equals(name: str, column: dy.Column) -> dict[str, Any]:
    also = SPELLINGS.get(name, "")
    return {
        "name": name,
        "in": "query",
        "description": f"{_about(column)['description']}. {also}Repeat it to keep rows with any of several values.",
        "style": "form",
        "explode": True,
        "schema": {
            "type": "array",
            "items": _value(column),
            "minItems": 1,
            "maxItems": filters.MAX_VALUES,
        },
    }


def _value(column: dy.Column) -> dict[str, Any]:
    """One value of a column, as it stands in an address."""
    allowed = (column.metadata or {}).get("allowed")
    if allowed:
        return {"type": "string", "enum": list(allowed)}
    kind = dict(TYPES[type(column.dtype)])
    if kind["type"] == "string":
        return kind | {"maxLength": filters.MAX_LENGTH}
    if kind["type"] in {"integer", "number"}:
        return kind | {"minimum": -MOST, "maximum": MOST}
    return kind


def _patterns(columns: Mapping[str, dy.Column]) -> dict[str, Any]:
    """The names of comparisons by what they take: a number, a text, a time, a word, yes or no."""
    names: dict[str, list[str]] = {}
    for name, column in columns.items():
        kind = TYPES[type(column.dtype)]["type"]
        names.setdefault("times" if column.dtype == pl.Datetime else kind, []).append(name)
    takes = {
        "string": ("ne|gte|lte|gt|lt|contains|exact", {"type": "string", "maxLength": filters.MAX_LENGTH}),
        "integer": ("ne|gte|lte|gt|lt", {"type": "integer", "minimum": -MOST, "maximum": MOST}),
        "number": ("ne|gte|lte|gt|lt", {"type": "number", "minimum": -MOST, "maximum": MOST}),
        "times": ("ne|gte|lte|gt|lt", {"type": "string", "format": "date-time"}),
        "boolean": ("ne", {"type": "boolean"}),
    }  # fmt: skip
    patterns = {
        rf"^({'|'.join(of_kind)})\.({takes[kind][0]})$": takes[kind][1]
        for kind, of_kind in names.items()
    }
    return {**patterns, rf"^({'|'.join(columns)})\.null$": {"enum": ["yes", "no"]}}


def responses(table: str) -> dict[int | str, dict[str, Any]]:
    """The rows in every format, or why there are none."""
    files = {
        one.media: {"schema": {"type": "string", "contentMediaType": one.media}}
        for one in FORMATS.values()
    }
    files["application/json"] = {"schema": _document(table)}
    return {
        "200": {
            "description": "The rows, with their provenance.",
            "content": files,
            "headers": {
                "X-HMA-Ledger": _header("the ledger that answered"),
                "X-HMA-As-Of": _header("the earlier refresh that was asked for", required=False),
                "X-HMA-Rows": _header("how many rows there are"),
                "ETag": _header("names this content; send it back in If-None-Match"),
            },
        },
        "304": {"description": "What If-None-Match names is still what there is."},
        **refusals("400", "413", "503"),
    }


def _header(meaning: str, *, required: bool = True) -> dict[str, Any]:
    return {"description": meaning, "required": required, "schema": {"type": "string"}}


def _document(table: str) -> dict[str, Any]:
    """The object that has the rows in JSON."""
    text, maybe = {"type": "string"}, {"type": ["string", "null"]}
    source = {
        "type": "object",
        "properties": dict.fromkeys(
            ("source_id", "publisher", "title", "url", "licence", "citation"), text
        ),
    }
    properties = {
        "title": text, "table": {"const": table}, "ledger": text, "manifest_sha256": maybe,
        "as_of": {"type": ["integer", "null"]}, "query": text,
        "row_count": {"type": "integer", "minimum": 0}, "citation": text,
        "sources": {"type": "array", "items": source},
        "rows": {"type": "array", "items": {"$ref": f"#/components/schemas/{table}"}},
    }  # fmt: skip
    return {"type": "object", "properties": properties, "required": list(properties)}
