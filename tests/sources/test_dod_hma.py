"""The Defense program's own lines: the program, research, context and a ceiling, never one heap."""

from __future__ import annotations

from decimal import Decimal

import duckdb

from tests.helpers import Row, only, read_source, select

FILE = "us_funding/dod_hma.csv"
LINE: Row = {
    "fiscal_year": "2002", "program": "OHDACA Humanitarian Mine Action", "measure": "budget line",
    "value": "6.708", "value_as_printed": "6.708", "unit_as_printed": "dollars in millions",
    "amount_usd": "6708000", "status": "actual", "source_title": "Budget Estimates",
    "source_edition": "February 2003", "source_url": "https://example.org",
}  # fmt: skip


def test_the_programs_budget_line_is_the_defense_account() -> None:
    _, tables = read_source("dod_hma", {FILE: [LINE]})
    only(
        tables["funding"], series="dod_hma_line", account="DoD", area="XWD", year=2002,
        year_basis="fiscal", flow="appropriation", status="actual",
        amount_usd=Decimal("6708000.00"),
    )  # fmt: skip


def test_research_is_not_the_program() -> None:
    row = LINE | {"program": "Army Humanitarian Demining Research and Development",
                  "status": "appropriated"}  # fmt: skip
    _, tables = read_source("dod_hma", {FILE: [row]})
    only(tables["funding"], series="dod_research", account="DoD other", status="enacted")


def test_a_sum_over_years_has_a_period_and_no_year() -> None:
    row = LINE | {"fiscal_year": "1993-1999", "measure": "cumulative"}
    _, tables = read_source("dod_hma", {FILE: [row]})
    only(tables["funding"], year=None, period_start=1993, period_end=1999, is_cumulative=True)


def test_the_legal_ceiling_is_a_limit_and_not_money_given() -> None:
    row = LINE | {"fiscal_year": "any", "program": "10 U.S.C. 407 humanitarian mine action",
                  "measure": "yearly ceiling", "status": "legal ceiling"}  # fmt: skip
    _, tables = read_source("dod_hma", {FILE: [row]})
    only(tables["funding"], flow="limit", status="limit", precision="exact", year=None,
         period_start=None, is_cumulative=False)  # fmt: skip


def test_missions_are_counted_and_are_not_money() -> None:
    row = LINE | {"program": "DoD humanitarian mine action training", "measure": "missions",
                  "value": "2", "amount_usd": "", "unit_as_printed": "missions", "country": "Chad"}  # fmt: skip
    _, tables = read_source("dod_hma", {FILE: [row]})
    assert tables["funding"].is_empty()
    only(tables["program_activities"], area="TCD", value=2, unit="missions", year=2002)


def test_half_a_mission_is_a_reject() -> None:
    row = LINE | {"program": "DoD humanitarian mine action training", "measure": "missions",
                  "value": "2.5", "amount_usd": ""}  # fmt: skip
    reading, _ = read_source("dod_hma", {FILE: [row]})
    assert [(r.column, r.rule) for r in reading.rejects] == [("value", "not a whole number")]


def test_the_line_of_the_program_is_6_7_then_10_million_of_which_only_2002_is_actual(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        """SELECT year, amount_usd::BIGINT, status FROM funding
        WHERE series = 'dod_hma_line' ORDER BY year""",
    )
    assert rows == [
        (2002, 6_708_000, "actual"), (2003, 10_000_000, "estimate"),
        (2004, 10_000_000, "estimate"), (2005, 10_000_000, "estimate"),
    ]  # fmt: skip


def test_the_programs_account_holds_no_research_and_no_other_line(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        "SELECT DISTINCT account, series FROM funding WHERE source_id = 'dod_hma' ORDER BY ALL",
    )
    assert rows == [
        ("DoD", "dod_ceiling"), ("DoD", "dod_country"), ("DoD", "dod_demining_1999_2001"),
        ("DoD", "dod_hma_line"), ("DoD other", "dod_context"), ("DoD other", "dod_research"),
    ]  # fmt: skip


def test_the_whole_account_of_2002_is_its_two_lines_rounded(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        """SELECT round(sum(amount_usd) FILTER (WHERE NOT is_printed_total) / 1000000, 1),
            round(sum(amount_usd) FILTER (WHERE is_printed_total) / 1000000, 1)
        FROM funding WHERE source_id = 'dod_hma' AND year = 2002""",
    )
    assert [tuple(map(float, row)) for row in rows] == [(49.4, 49.4)]
