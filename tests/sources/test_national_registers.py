"""National registers and others: beside the Monitor, never mixed with it."""

from __future__ import annotations

import duckdb

from tests.helpers import TRANSCRIBED, Row, only, read_source, rows_of, select

CASUALTIES = "casualties/national_country_year.csv"
CLEARANCE = "world/clearance_year.csv"

YEAR: Row = {
    "year": "2022", "country": "Colombia", "killed": "4", "injured": "90", "total": "94",
    "edition": "Victim register, copy of 2022", "source_url": "https://example.org",
    "note": "last year of the copy is partial",
}  # fmt: skip


def test_the_last_year_of_a_copy_is_marked_partial() -> None:
    _, tables = read_source("national_registers", {CASUALTIES: [YEAR]})
    only(tables["casualties"], area="COL", is_partial_year=True, series="national_casualties",
         report="Victim register, copy of 2022")  # fmt: skip


def test_a_full_year_is_not_partial() -> None:
    _, tables = read_source("national_registers", {CASUALTIES: [YEAR | {"note": ""}]})
    only(tables["casualties"], is_partial_year=False)


def test_what_the_monitor_printed_is_left_to_it() -> None:
    row: Row = {"country": "Angola", "year": "2016", "hazard": "mines", "edition": "Landmine Monitor 2017",
                "source_url": "https://example.org"}  # fmt: skip
    other = row | {"edition": "Mine Action Review, Clearing the Mines 2020"}
    reading, tables = read_source("national_registers", {CLEARANCE: [row, other]})
    only(tables["clearance"], series="other_clearance", report=other["edition"])
    assert reading.deselected[CLEARANCE] == 1


def test_every_partial_year_of_the_notes_is_marked(ledger_con: duckdb.DuckDBPyConnection) -> None:
    _, rows = rows_of(TRANSCRIBED / CASUALTIES)
    partial = {
        f"{CASUALTIES} line {line}" for line, row in enumerate(rows, 2) if "partial" in row["note"]
    }
    assert sum("partial year" in row["note"] for row in rows) == 10
    marked = select(
        ledger_con,
        "SELECT locator FROM casualties WHERE source_id = 'national_registers' AND is_partial_year",
    )
    assert {row[0] for row in marked} == partial


def test_three_copies_of_colombias_register_are_three_editions_of_94_rows(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        """SELECT count(*), count(DISTINCT edition) FROM casualties
        WHERE source_id = 'national_registers' AND area = 'COL' AND contains(edition, 'datos.gov.co')""",
    )
    assert rows == [(94, 3)]


def test_a_national_count_stands_for_a_year_only_where_the_monitor_has_none(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        "SELECT measure, source_id, series, count(*) FROM casualties_by_area_year GROUP BY ALL ORDER BY ALL",
    )
    assert rows == [
        ("monitor", "landmine_monitor", "monitor_casualties", 476),
        ("register_counts", "national_registers", "national_casualties", 52),
    ]
