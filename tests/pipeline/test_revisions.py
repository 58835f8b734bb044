"""Whatever the vintages: the ledger shows the last, remembers each, and says what changed between.

Vintages are made up here, small and many; they go through the same comparing, recording and laying
out as real ones, without files.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import duckdb
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from etl import asof, diff, record
from etl.check import Checked
from etl.tables import FACT_TABLES, polars_schema

SOURCE = "made_up"
SHOWN = ("casualties", "splits")
# what a made-up source says: a value for each key, and a part that belongs to the value
KEYS = ("Angola", "Chad", "Iraq")
VINTAGE = st.dictionaries(
    st.sampled_from(KEYS), st.tuples(st.none() | st.integers(1, 3), st.sampled_from(["", "a", "b"]))
)
Vintage = dict[str, tuple[int | None, str]]


def checked(vintage: Vintage) -> Checked:
    """The vintage as rows of ``casualties``, its parts as splits."""
    schema = polars_schema(FACT_TABLES["casualties"])
    rows = [
        {
            "source_id": SOURCE, "series": "made_up", "report": "R", "edition": "E",
            "locator": f"made_up.csv line {line}", "vintage_sha256": "0", "area_as_printed": key,
            "area": key, "year": 2000, "total": total, "lower_bound": False,
            "is_partial_year": False, "is_prior_year": False, "is_secondary": False,
        }
        for line, (key, (total, _)) in enumerate(vintage.items(), 2)
    ]  # fmt: skip
    splits = [
        {"locator": f"made_up.csv line {line}", "dimension": "device", "category": part,
         "value": 1.0, "unit": "people", "value_as_printed": None}
        for line, (_, part) in enumerate(vintage.values(), 2)
        if part
    ]  # fmt: skip
    return Checked(
        {"casualties": pl.DataFrame(rows, schema=schema)},
        {"casualties": pl.DataFrame(splits, schema=record.EMPTY_SPLITS.schema)},
        len(rows),
    )


Rows = dict[str, list[tuple[object, ...]]]


def played(
    vintages: list[Vintage], right_after: dict[int, Rows] | None = None
) -> duckdb.DuckDBPyConnection:
    """A ledger to which the vintages came in this order, one a refresh.

    ``right_after`` takes what the entry tables showed right after each.
    """
    con = duckdb.connect()
    con.execute("SET threads = 1")
    record.create_tables(con)
    for number, vintage in enumerate(vintages, 1):
        changes = record.compare(con, SOURCE, checked(vintage))
        record.record(con, number, changes)
        record.lay_out(con, {"casualties"})
        if right_after is not None:
            right_after[number] = {table: rows(con, table) for table in SHOWN}
    return con


def shown(con: duckdb.DuckDBPyConnection) -> Vintage:
    """What a connection shows, in the words of a vintage."""
    rows = con.execute(
        """SELECT area, total, coalesce(category, '')
        FROM casualties LEFT JOIN splits USING (entry_id)"""
    ).fetchall()
    assert len(rows) == len({area for area, *_ in rows}), "no entry is shown twice"
    return {area: (total, part) for area, total, part in rows}


def rows(con: duckdb.DuckDBPyConnection, table: str) -> list[tuple[object, ...]]:
    return con.execute(f"FROM {table} ORDER BY ALL").fetchall()


VINTAGES = st.lists(VINTAGE, min_size=1, max_size=5)


@given(VINTAGES)
@settings(max_examples=20)
def test_the_ledger_shows_the_last_vintage_and_as_of_each_refresh_what_it_showed_then(
    vintages: list[Vintage],
) -> None:
    right_after: dict[int, Rows] = {}
    con = played(vintages, right_after)
    assert shown(con) == vintages[-1]
    for number in range(1, len(vintages) + 1):
        then = con.cursor()
        asof.look_back(then, number)
        assert {table: rows(then, table) for table in SHOWN} == right_after[number]


@given(VINTAGES)
@settings(max_examples=10)
def test_the_same_vintages_in_the_same_order_give_the_same_ledger_to_the_row(
    vintages: list[Vintage],
) -> None:
    one, other = played(vintages), played(vintages)
    for schema in ("present", "past"):
        for table in SHOWN:
            assert rows(one, f"{schema}.{table}") == rows(other, f"{schema}.{table}")


@given(VINTAGES, st.data())
@settings(max_examples=20)
def test_the_diff_applied_to_one_refresh_gives_the_other(
    vintages: list[Vintage], data: st.DataObject
) -> None:
    con = played(vintages)
    number = st.integers(0, len(vintages))
    a, b = data.draw(number), data.draw(number)
    state = {entry["entry_id"]: entry for entry in _state(con, a)}
    found = diff.diff(con, a, b)
    counts: Counter[str] = Counter()
    for entry in diff.entries(con):
        counts[entry["change"]] += 1
        before = state.pop(entry["entry_id"], None)
        assert (before is None) == (entry["before"] is None)
        if before:
            assert entry["before"]["total"] == before["total"]
        if entry["after"]:
            state[entry["entry_id"]] = entry["after"]
    after = {entry["entry_id"]: entry for entry in _state(con, b)}
    assert {key: row["total"] for key, row in state.items()} == {
        key: row["total"] for key, row in after.items()
    }
    assert {change: found.total(change) for change in diff.COUNTS} == {
        change: counts[change] for change in diff.COUNTS
    }


def _state(con: duckdb.DuckDBPyConnection, refresh: int) -> list[dict[str, object]]:
    then = con.cursor()
    asof.look_back(then, refresh)
    return then.execute("SELECT entry_id, total FROM casualties").pl().to_dicts()


@given(VINTAGES)
@settings(max_examples=10)
def test_every_revision_begins_when_the_one_before_it_ends(vintages: list[Vintage]) -> None:
    con = played(vintages)
    for entry_id, revisions in con.execute(
        """SELECT entry_id, list({'revision': revision, 'change': change, 'from': recorded_in,
            'to': ended_in} ORDER BY revision)
        FROM history.casualties GROUP BY entry_id"""
    ).fetchall():
        assert [row["revision"] for row in revisions] == list(range(1, len(revisions) + 1)), (
            entry_id
        )
        assert [row["to"] for row in revisions[:-1]] == [row["from"] for row in revisions[1:]]
        assert revisions[-1]["to"] is None
        assert revisions[0]["change"] == "added"
        for before, after in pairwise(revisions):
            assert (before["change"] == "withdrawn") == (after["change"] == "restored")


def test_a_view_says_as_of_an_earlier_refresh_what_was_published_then() -> None:
    con = duckdb.connect()
    record.create_tables(con)
    series = "INSERT INTO series VALUES ('s', 'x', $title, TRUE, 'area', 'none', FALSE)"
    for number, title in enumerate(["first words", "second words", "first words"], 1):
        con.execute("DELETE FROM main.series")
        con.execute(series, {"title": title})
        record.keep(con, number, "series")
    for number, title in enumerate(["first words", "second words", "first words"], 1):
        then = con.cursor()
        asof.look_back(then, number)
        assert then.execute("SELECT title FROM series").fetchall() == [(title,)]
