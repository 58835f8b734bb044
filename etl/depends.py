"""What depends on a source: worked out from the SQL of the views, never typed in.

DuckDB's own parser says which tables a query reads and which words stand in it. A query that names
series or sources of a table reads those, one that names none reads every source of it; to name is not
to exclude, so a word after ``<>`` or ``NOT`` counts for nothing. Where the rows of a view say which
source they are of, that narrows it: a table from which a view takes rows counts only for the sources
whose rows it has. So a source may be named too often, and none is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import duckdb

from etl import sql
from etl.settings import PACKAGE
from etl.tables import FACT_TABLES, VIEWS

_PLACEHOLDER: Final = re.compile(r"\{\w+\}")
_EXCLUDES: Final = frozenset(
    {"COMPARE_NOTEQUAL", "COMPARE_NOT_IN", "COMPARE_DISTINCT_FROM", "OPERATOR_NOT"}
)


@dataclass(frozen=True)
class Reads:
    """The tables and views that a query reads, and the words that it names and does not exclude."""

    tables: frozenset[str]
    words: frozenset[str]


@dataclass(frozen=True)
class Held:
    """What a ledger holds: the sources of each series by fact table, of each measure, and of each view."""

    series: Mapping[str, Mapping[str, str]]
    measures: frozenset[str]
    rows_of: Mapping[str, frozenset[str]]


def reads(query: str) -> Reads:
    """What a query reads; placeholders of conditions count for nothing.

    Raises:
        ValueError: DuckDB cannot parse it.
    """
    with duckdb.connect() as con:
        row = con.execute(
            "SELECT json_serialize_sql(?)", [_PLACEHOLDER.sub("true", query)]
        ).fetchone()
    tree = json.loads(row[0]) if row else {}
    if tree.get("error"):
        raise ValueError(f"{tree.get('error_message')}: {query[:80]!r}")
    tables = {node["table_name"] for node in _nodes(tree) if node.get("type") == "BASE_TABLE"}
    words = {
        node["value"]["value"]
        for node in _nodes(tree, below_none_of=_EXCLUDES)
        if node.get("class") == "CONSTANT"
        and not node["value"]["is_null"]
        and node["value"]["type"]["id"] == "VARCHAR"
    }
    return Reads(frozenset(tables), frozenset(words))


def _nodes(
    tree: Any,  # noqa: ANN401 - JSON
    below_none_of: frozenset[str] = frozenset(),
) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict) and str(tree.get("type")) not in below_none_of:
        yield tree
        for below in tree.values():
            yield from _nodes(below, below_none_of)
    elif isinstance(tree, list):
        for below in tree:
            yield from _nodes(below, below_none_of)


@cache
def view_reads() -> Mapping[str, Reads]:
    """What each view of ``etl/views`` reads."""
    return {
        name: reads((PACKAGE / "views" / f"{name}.sql").read_text(encoding="utf-8"))
        for name in VIEWS
    }


def held(con: duckdb.DuckDBPyConnection) -> Held:
    """What the ledger of ``con`` holds."""
    series: dict[str, dict[str, str]] = {name: {} for name in FACT_TABLES}
    query = "\nUNION ALL\n".join(
        sql.text("series_held").format(table=sql.identifier(name), name=name)
        for name in FACT_TABLES
    )
    for table, one, source_id in con.execute(query).fetchall():
        series[table][one] = source_id
    measures = con.execute(sql.text("measured_sources")).fetchall()
    named = [name for name, view in VIEWS.items() if "source_id" in view.columns()]
    query = "\nUNION ALL\n".join(
        sql.text("rows_of").format(table=sql.identifier(name), name=name) for name in named
    )
    rows_of: dict[str, set[str]] = {name: set() for name in named}
    for view, source_id in con.execute(query).fetchall():
        rows_of[view].add(source_id)
    return Held(
        series,
        frozenset(source_id for (source_id,) in measures),
        {name: frozenset(sources) for name, sources in rows_of.items()},
    )


def views_of(there: Held) -> dict[str, frozenset[str]]:
    """The sources that each view rests on."""
    found: dict[str, frozenset[str]] = {}
    for name, query in view_reads().items():  # a view reads those declared before it
        rows_of = there.rows_of.get(name)
        is_empty = rows_of is not None and not rows_of
        found[name] = frozenset() if is_empty else sources_of(query, there, found, rows_of)
    return found


def sources_of(
    query: Reads,
    there: Held,
    views: Mapping[str, frozenset[str]],
    rows_of: frozenset[str] | None = None,
) -> frozenset[str]:
    """The sources that a query rests on; ``rows_of`` are those of its rows, where they say so."""
    found: set[str] = set()
    for table in query.tables:
        if table in views:
            found |= views[table]
        elif (
            table == "measures" and rows_of is not None
        ):  # elsewhere it says why, and gives no figure
            found |= there.measures & rows_of
        elif table in there.series:
            found |= _of_table(query, there.series[table], rows_of)
    return frozenset(found)


def _of_table(query: Reads, series: Mapping[str, str], rows_of: frozenset[str] | None) -> set[str]:
    named = {series[word] for word in query.words if word in series}
    named |= query.words & set(series.values())
    every = set(series.values())
    has_rows = every & rows_of if rows_of is not None else set()
    return named | has_rows or every
