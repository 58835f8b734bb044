"""Statements and budget lines outside State's report: what each is, and what it is not."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pytest

from tests.helpers import Row, only, read_source, select

COUNTRY = "us_funding/us_cwd_country_fy.csv"
TOTALS = "us_funding/us_cwd_totals.csv"
NADR = "us_funding/us_nadr_country_fy.csv"

LINE: Row = {
    "fiscal_year": "2004", "country": "Angola", "region": "Africa", "account": "NADR-HD",
    "status": "estimate", "amount_usd": "5300000", "amount_as_printed": "5,300",
    "source_title": "Congressional Budget Justification", "source_edition": "FY 2005",
    "source_url": "https://example.org", "basis": "State NADR budget line", "year_type": "fiscal",
    "precision": "exact as printed",
}  # fmt: skip


def test_a_budget_line_is_an_appropriation_with_its_own_firmness() -> None:
    _, tables = read_source("us_official_statements", {NADR: [LINE]})
    only(
        tables["funding"], series="state_nadr_line", area="AGO", account="State NADR-CWD",
        flow="appropriation", status="estimate", year=2004, year_basis="fiscal", precision="exact",
        amount_usd=Decimal("5300000.00"),
    )  # fmt: skip


def test_an_announcement_for_a_year_of_unknown_kind_stays_one() -> None:
    row = LINE | {
        "basis": "statement by State, embassy, Congress or advocate", "status": "announced",
        "year_type": "not stated", "account": "U.S. Government, demining", "precision": "rounded",
    }  # fmt: skip
    _, tables = read_source("us_official_statements", {NADR: [row]})
    only(tables["funding"], status="announced", year_basis="not stated", account="Not stated",
         flow="unspecified", is_printed_total=False)  # fmt: skip


@pytest.mark.parametrize(
    ("printed", "precision"),
    [
        ("about $9 million per year", "approximate"),
        ("over $30 million in fiscal year 2022 alone", "floor"),
        ("no less than $5 million", "floor"),
        ("nearly $3 million", "ceiling"),
        ("$3.8 million", "rounded"),
    ],
)
def test_the_words_before_an_amount_decide_its_bound(printed: str, precision: str) -> None:
    row = LINE | {"amount_as_printed": printed, "precision": "rounded"}
    _, tables = read_source("us_official_statements", {NADR: [row]})
    only(tables["funding"], precision=precision)


def test_a_statement_about_a_region_has_the_region_as_its_area() -> None:
    row = LINE | {"country": "", "basis": "statement by State, region as a whole",
                  "account": "U.S. Government CWD", "status": "actual"}  # fmt: skip
    _, tables = read_source("us_official_statements", {NADR: [row]})
    only(tables["funding"], series="us_total_statements", area="QSA", area_as_printed="Africa")


def test_a_request_of_the_budget_year_is_not_an_actual() -> None:
    row: Row = {
        "scope": "global", "fiscal_year": "2001", "amount_usd": "25500000", "precision": "request",
        "account_or_agency": "DoD Humanitarian Demining Budget (OHDACA)", "source_edition": "2000",
        "source_title": "Human Rights Watch, United States landmine report 2000",
        "source_url": "https://example.org",
    }  # fmt: skip
    _, tables = read_source("us_official_statements", {TOTALS: [row]})
    only(tables["funding"], series="us_budget_1993_2001", account="DoD", status="request",
         precision="exact", year=2001)  # fmt: skip


def test_awards_are_obligations_and_appropriations_are_enacted(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        """SELECT DISTINCT series, flow, status, account FROM funding
        WHERE series IN ('assistance_listing_19_800', 'state_appropriation') ORDER BY ALL""",
    )
    assert rows == [
        ("assistance_listing_19_800", "obligation", "actual", "State"),
        ("state_appropriation", "appropriation", "enacted", "State NADR-CWD"),
    ]


@pytest.mark.parametrize(("year", "million"), [(2021, "233.85"), (2026, "265")])
def test_what_congress_provided(
    ledger_con: duckdb.DuckDBPyConnection, year: int, million: str
) -> None:
    rows = select(
        ledger_con,
        "SELECT amount_usd FROM funding WHERE series = 'state_appropriation' AND year = ?", year,
    )  # fmt: skip
    assert rows == [(Decimal(million) * 1_000_000,)]


def test_an_appropriation_of_which_only_the_change_is_printed_has_no_amount(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        """SELECT amount_usd, amount_as_printed FROM funding
        WHERE series = 'state_appropriation' AND year = 2020""",
    )
    assert rows == [(None, "(increase of $6.3 million to FY2021)")]


def test_the_yearly_figures_1993_to_1999_add_to_the_sum_that_is_printed_rounded(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        """SELECT sum(amount_usd) FILTER (WHERE NOT is_cumulative),
            sum(amount_usd) FILTER (WHERE is_cumulative), count(*)
        FROM funding WHERE series = 'us_budget_1993_2001'
            AND account_as_printed = 'U.S. Government humanitarian demining (all)'""",
    )
    assert rows == [(Decimal("288241000.00"), Decimal("288000000.00"), 8)]


def test_the_lines_of_1999_to_2001_add_to_their_printed_totals(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        """SELECT year, sum(amount_usd) FILTER (WHERE NOT is_printed_total)
            = any_value(amount_usd) FILTER (WHERE account_as_printed = 'Total (as printed)')
        FROM funding WHERE series = 'us_budget_1993_2001' AND year BETWEEN 1999 AND 2001
        GROUP BY year ORDER BY year""",
    )
    assert rows == [(1999, True), (2000, True), (2001, True)]


def test_only_five_rows_are_true_budget_lines_and_28_rows_are_shared_out(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        f"SELECT series, count(*) FROM funding WHERE locator ^@ '{NADR}' GROUP BY ALL ORDER BY ALL",
    )
    assert rows == [
        ("monitor_us_statements", 3), ("state_nadr_line", 5), ("us_country_statements", 17),
        ("us_total_statements", 3),
    ]  # fmt: skip
