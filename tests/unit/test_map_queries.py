"""The queries of the world map, each on a few rows: what is added, what is chosen, and which bound is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from etl import sql

SQL = Path(__file__).parents[2] / "dashboard" / "sql"
SOURCE = "'R' AS report, 'u' AS source_url"


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A ledger that knows one country and the world."""
    with duckdb.connect() as made:
        made.execute(sql.text("macros"))
        made.execute(
            "CREATE TABLE areas AS FROM (VALUES ('VNM', 'Vietnam', 'country'), ('XWD', 'World', 'world')) "
            "AS areas(area, name, kind)"
        )
        yield made


def shown(con: duckdb.DuckDBPyConnection, name: str, **asked: object) -> list[tuple[Any, ...]]:
    """Area, value, bound and entry of what the map shows."""
    query = (SQL / f"{name}.sql").read_text(encoding="utf-8")
    return con.sql(query, params=asked or None).select("area, value, bound, entry_id").fetchall()


COVERAGE = f"""
    CREATE TABLE coverage AS SELECT *, area AS area_name, 'E' || fiscal_year AS edition, {SOURCE}
    FROM (VALUES
        ('VNM', 'DoD', 2015, 1, 'a'), ('VNM', 'State', 2015, 10, 'b'), ('VNM', 'State', 2016, 100, 'c'),
        ('VNM', 'State', 2018, NULL, 'd'), ('XWD', 'State', 2015, 1000, 'e')
    ) AS coverage(area, account, fiscal_year, amount_usd, entry_id)
"""


@pytest.mark.parametrize(
    ("first", "last", "scope", "expected"),
    [
        (2015, 2015, "all", [("VNM", 11, None, None)]),
        (2015, 2016, "all", [("VNM", 111, None, None)]),
        (2015, 2016, "dod", [("VNM", 1, "part of the years", "a")]),
        (2015, 2017, "all", [("VNM", 111, "part of the years", None)]),
        (2016, 2018, "all", [("VNM", 100, "part of the years", None)]),
        (2017, 2018, "all", []),
    ],
)
def test_money_is_added_over_the_years_and_a_year_that_is_missing_is_told(
    con: duckdb.DuckDBPyConnection, first: int, last: int, scope: str, expected: list[Any]
) -> None:
    con.execute(COVERAGE)
    assert shown(con, "map_dollars", first=first, last=last, scope=scope) == expected


@pytest.mark.parametrize(
    ("total", "is_floor", "is_part", "is_other", "expected"),
    [
        (5, False, False, False, [("VNM", 5, None, "a")]),
        (0, False, False, False, [("VNM", 0, None, "a")]),
        (5, True, True, True, [("VNM", 5, "at least", "a")]),
        (5, False, True, True, [("VNM", 5, "part of the year", "a")]),
        (5, False, False, True, [("VNM", 5, "another scope", "a")]),
        (None, False, False, False, []),
    ],
)
def test_casualties_are_shown_with_what_they_are_not(
    con: duckdb.DuckDBPyConnection,
    total: int | None,
    is_floor: bool,
    is_part: bool,
    is_other: bool,
    expected: list[Any],
) -> None:
    con.execute(
        f"CREATE TABLE casualties_by_area_year AS SELECT area, name AS area_name, 2015 AS calendar_year, "
        f"$total::INTEGER AS total, $floor AS lower_bound, $part AS is_partial_year, $other AS is_other_scope, "
        f"'a' AS entry_id, 'E' AS edition, {SOURCE} FROM areas",
        {"total": total, "floor": is_floor, "part": is_part, "other": is_other},
    )  # fmt: skip
    assert shown(con, "map_casualties") == expected


@pytest.mark.parametrize(
    ("basis", "is_newest", "is_listed", "is_about", "expected"),
    [
        ("monitor", True, True, False, [("VNM", 40, None, "us")]),
        ("monitor", True, True, True, [("VNM", 40, "about", "us")]),
        ("monitor", True, False, True, [("VNM", 40, "U.S. not listed", "us")]),
        ("monitor", False, True, False, []),
        ("fts_paid", True, True, False, []),
    ],
)
def test_a_share_is_of_the_newest_edition_of_the_monitor_and_tells_its_bound(
    con: duckdb.DuckDBPyConnection,
    basis: str,
    is_newest: bool,
    is_listed: bool,
    is_about: bool,
    expected: list[Any],
) -> None:
    con.execute(
        f"CREATE TABLE dependency AS SELECT area, name AS area_name, 2015 AS calendar_year, 40 AS us_share_percent, "
        f"$basis AS basis, $newest AS is_newest_edition, $listed AS is_us_listed, $about AS is_approximate, "
        f"'us' AS us_entry_id, 'all' AS total_entry_id, 'E' AS edition, {SOURCE} FROM areas",
        {"basis": basis, "newest": is_newest, "listed": is_listed, "about": is_about},
    )  # fmt: skip
    assert shown(con, "map_dependency") == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("('VNM', 'mines', 1, 3, 'exact', 'a')", [("VNM", 3, None, "a")]),
        ("('VNM', 'mines', 1, 3, 'floor', 'a')", [("VNM", 3, "at least", "a")]),
        ("('VNM', 'mines', 1, 3, 'ceiling', 'a')", [("VNM", 3, "nearly", "a")]),
        ("('VNM', 'mines', 1, 3, 'approximate', 'a')", [("VNM", 3, "about", "a")]),
        # a newer edition replaces an older one, and other hazards are not added
        (
            "('VNM', 'mines', 1, 3, 'exact', 'a'), ('VNM', 'mines', 2, 4, 'exact', 'b'), "
            "('VNM', 'battle area', 2, 9, 'exact', 'c')",
            [("VNM", 4, None, "b")],
        ),
        # of two figures in one edition none is chosen
        ("('VNM', 'mines', 1, 3, 'exact', 'a'), ('VNM', 'mines', 1, 4, 'exact', 'b')", []),
        ("('XWD', 'mines', 1, 3, 'exact', 'a')", []),
    ],
)
def test_cleared_land_is_of_mines_alone_and_of_the_newest_edition(
    con: duckdb.DuckDBPyConnection, rows: str, expected: list[Any]
) -> None:
    con.execute(
        f"CREATE TABLE clearance AS SELECT *, area AS area_as_printed, 'monitor_clearance' AS series, 2015 AS year, "
        f"'E' AS edition, {SOURCE} FROM (VALUES {rows}) "
        "AS clearance(area, hazard, edition_order, area_cleared_km2, area_cleared_precision, entry_id)"
    )
    assert shown(con, "map_clearance") == expected
