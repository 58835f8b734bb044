"""Dated events: how far a date is known, and what may not be said of the memo."""

from __future__ import annotations

import duckdb

from tests.helpers import Row, only, read_source, select

FILE = "us_funding/program_events.csv"
EVENT: Row = {
    "date": "1988", "date_precision": "year", "event": "First involvement", "body": "U.S. Government",
    "summary": "A team went to Afghanistan.", "source_title": "Timeline",
    "source_url": "https://example.org",
}  # fmt: skip


def test_a_date_known_to_the_year_stays_a_year() -> None:
    _, tables = read_source("program_events", {FILE: [EVENT]})
    only(tables["program_events"], date="1988", date_precision="year", year=1988, report="Timeline")


def test_a_date_that_is_not_one_is_a_reject() -> None:
    reading, _ = read_source("program_events", {FILE: [EVENT | {"date": "Dec 2025"}]})
    assert [(r.locator, r.column) for r in reading.rejects] == [(f"{FILE} line 2", "date")]


def test_every_date_is_as_long_as_its_precision_says(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con, "SELECT DISTINCT date_precision, length(date) FROM program_events ORDER BY 2"
    )
    assert rows == [("year", 4), ("month", 7), ("day", 10)]


def test_the_stop_of_states_money_the_memo_and_the_new_appropriation_are_all_there(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    dates = {row[0] for row in select(ledger_con, "SELECT date FROM program_events")}
    assert {"2025-12-02", "2026-02-03"} <= dates
    assert any(date.startswith("2025-01") for date in dates)
