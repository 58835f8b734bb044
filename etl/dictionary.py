"""The data dictionary: what each table, view and column of the ledger means, as Markdown.

It is written from the declarations in :mod:`etl.tables`, so it cannot say anything else than the
checks do. ``hma dictionary`` prints it; the copy that is read on the web is ``data/DICTIONARY.md``,
and a test fails when the two differ.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import dataframely as dy

from etl import sql
from etl.tables import (
    ALL_TABLES,
    FACT_TABLES,
    LOG_TABLES,
    NATURAL_KEYS,
    OWN_KEYS,
    RECORDED_COLUMNS,
    VIEWS,
    Spine,
)

INTRODUCTION: Final = """\
# Data dictionary

What each table, view and column of the ledger means. `hma dictionary` writes this file from the
declarations in `etl/tables/`: don't edit it by hand.

- *Required* says whether every row has a value; *filled in* means that the pipeline gives it one, not
  the source. Elsewhere a missing value is null: not read, or not printed, and never zero.
- Types are those of DuckDB. In the API's CSV a null is an empty cell, and whole dollars have no
  decimals.
- *Natural key* names the columns that make two source rows the same figure. A hash of them is part
  of `entry_id`.
"""
HEADINGS: Final = ("column", "type", "unit", "required", "meaning", "allowed values")


def as_markdown() -> str:
    """The whole dictionary."""
    spine = Spine.columns()
    parts = [
        INTRODUCTION,
        _contents(),
        "## Columns of every fact table\n",
        docstring(Spine) + "\n",
        _columns(spine),
        "## Fact tables\n",
        "One row is one published figure, and starts with the columns above. These tables, and the API, "
        "hold the newest revision of each figure that its source still prints; `hma entry` shows the "
        "earlier ones and those that the source dropped.\n",
    ]
    for name, schema in FACT_TABLES.items():
        own = {column: kind for column, kind in schema.columns().items() if column not in spine}
        key = ", ".join(f"`{column}`" for column in NATURAL_KEYS[name])
        parts += [_head(name, schema), f"Natural key: {key}.\n", *_own_key(name), _columns(own)]
    parts += ["## Views\n", "What the pages read, worked out from the fact tables.\n"]
    parts += _sections(VIEWS)
    parts += ["## Tables beside the figures\n"]
    parts += _sections(LOG_TABLES)
    return "\n".join(parts)


def of_table(name: str) -> str:
    """What one table and its columns mean, for whoever gets nothing but its rows."""
    schema = ALL_TABLES[name]
    notes = "A missing value was not read, or is not printed. It is never zero.\n"
    return "\n".join([_head(name, schema), notes, _columns(schema.columns())])


def _own_key(name: str) -> list[str]:
    if name not in OWN_KEYS:
        return []
    key = ", ".join(f"`{column}`" for column in OWN_KEYS[name])
    return [f"A row to which its publisher gives a key, in `{OWN_KEYS[name][-1]}`, has: {key}.\n"]


def _contents() -> str:
    groups = {"Fact tables": FACT_TABLES, "Views": VIEWS, "Beside the figures": LOG_TABLES}
    lines = [
        f"- {title}: " + ", ".join(f"[{name}](#{name})" for name in tables)
        for title, tables in groups.items()
    ]
    return "\n".join(lines) + "\n"


def _sections(tables: Mapping[str, type[dy.Schema]]) -> Iterable[str]:
    for name, schema in tables.items():
        yield _head(name, schema)
        yield _columns(schema.columns())


def docstring(schema: type[dy.Schema]) -> str:
    """What a row of a table is, on one line."""
    return " ".join((inspect.getdoc(schema) or "").split())


def _head(name: str, schema: type[dy.Schema]) -> str:
    return f"### {name}\n\n{docstring(schema)}\n"


def _columns(columns: Mapping[str, dy.Column]) -> str:
    """The table of columns."""
    lines = [_line(HEADINGS), _line("---" for _ in HEADINGS)]
    for name, column in columns.items():
        cells = (
            f"`{name}`",
            sql.sql_type(column.dtype),
            str((column.metadata or {}).get("unit", "")),
            required(name, column),
            column.description or "",
            _allowed(column),
        )
        lines.append(_line(cell.replace("|", "\\|") for cell in cells))
    return "\n".join(lines) + "\n"


def _line(cells: Iterable[str] | Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def required(name: str, column: dy.Column) -> str:
    """Whether every row has a value in a column: yes, no, or filled in by the pipeline."""
    if not column.nullable:
        return "yes"
    is_filled = name in RECORDED_COLUMNS and not (column.metadata or {}).get("optional")
    return "filled in" if is_filled and name != "ended_in" else "no"


def _allowed(column: dy.Column) -> str:
    """The words that may stand in the column with their meaning, or the range of its numbers."""
    words: Mapping[str, str] = (column.metadata or {}).get("allowed", {})
    if words:
        return "<br>".join(f"`{word}`: {meaning}" for word, meaning in words.items())
    if isinstance(column, dy.String) and column.regex:
        return f"matches `{column.regex}`"
    low, high = getattr(column, "min", None), getattr(column, "max", None)
    if low is None:
        return ""
    return f"{low:g} or more" if high is None else f"{low:g} to {high:g}"
