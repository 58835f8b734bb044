"""State's report: the country tables, their totals, shares and sums, against the printed pages."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pytest

from tests.helpers import TRANSCRIBED, Row, notes_table, only, read_source, rows_of, select

COUNTRY = "us_funding/us_cwd_country_fy.csv"
TOTALS = "us_funding/us_cwd_totals.csv"
SHARES = "us_funding/us_cwd_country_share.csv"
TABLES = "world/donor_recipient_year.csv"
MILLION = Decimal(1_000_000)

PAGE: Row = {
    "fiscal_year": "2015", "country": "Vietnam", "account": "DoD", "account_group": "DoD",
    "amount_usd": "12000", "amount_as_printed": "12", "unit_as_printed": "Dollars in thousands",
    "source_title": "To Walk the Earth in Safety 2018", "source_edition": "17th edition",
    "source_url": "https://example.org/vietnam", "locator": "table", "is_total": "no",
    "precision": "exact to $1,000", "source_family": "TWEIS country table", "latest_edition": "yes",
}  # fmt: skip


def test_a_cell_of_a_country_table_is_one_account_of_one_fiscal_year() -> None:
    _, tables = read_source("state_tweis", {COUNTRY: [PAGE]})
    only(
        tables["funding"], series="tweis_country_table", area="VNM", account="DoD",
        account_as_printed="DoD", agency="Department of Defense", donor_area="USA", year=2015,
        year_basis="fiscal", amount_usd=Decimal("12000.00"), amount_as_printed="12",
        precision="exact", edition="17th edition", edition_order="017", place="table",
        locator=f"{COUNTRY} line 2", is_printed_total=False, is_cumulative=False,
    )  # fmt: skip


def test_a_sum_since_the_start_has_a_period_and_no_year() -> None:
    row = PAGE | {"fiscal_year": "", "period_start": "1993", "period_end": "2017"}
    _, tables = read_source("state_tweis", {COUNTRY: [row]})
    only(tables["funding"], year=None, period_start=1993, period_end=2017, is_cumulative=True)


def test_the_country_total_is_marked_so_that_it_is_not_added_to_its_accounts() -> None:
    row = PAGE | {"account": "COUNTRY TOTAL", "account_group": "All accounts", "is_total": "yes"}
    _, tables = read_source("state_tweis", {COUNTRY: [row]})
    only(tables["funding"], account="All accounts", is_printed_total=True, agency=None)


@pytest.mark.parametrize(
    ("word", "precision"),
    [("floor", "floor"), ("ceiling", "ceiling"), ("approximate", "approximate")],
)
def test_a_sum_named_in_the_text_keeps_its_bound(word: str, precision: str) -> None:
    row = PAGE | {"source_family": "TWEIS country narrative", "precision": word}
    _, tables = read_source("state_tweis", {COUNTRY: [row]})
    only(tables["funding"], series="tweis_country_narrative", precision=precision)


def test_rows_of_other_publications_are_left_to_their_own_source() -> None:
    row = PAGE | {"source_family": "Landmine Monitor"}
    reading, tables = read_source("state_tweis", {COUNTRY: [PAGE, row]})
    assert tables["funding"].height == 1
    assert reading.deselected[COUNTRY] == 1


def test_a_world_total_carries_the_number_of_countries_as_a_split() -> None:
    row: Row = {
        "scope": "global", "fiscal_year": "2020", "account_or_agency": "U.S. Government CWD",
        "amount_usd": "259000000", "amount_as_printed": "more than $259 million",
        "precision": "floor", "countries_count": "49", "source_edition": "5 April 2021",
        "source_title": "To Walk the Earth in Safety", "source_url": "https://example.org",
    }  # fmt: skip
    reading, tables = read_source("state_tweis", {TOTALS: [row]})
    only(
        tables["funding"], series="tweis_totals", area="XWD", account="All accounts", year=2020,
        precision="floor", is_printed_total=True, is_cumulative=False,
    )  # fmt: skip
    (splits,) = reading.splits["funding"]
    assert splits.select("category", "value").rows() == [("countries assisted", 49.0)]


def test_a_share_of_a_region_is_a_percentage_and_no_amount_of_money() -> None:
    row: Row = {
        "region": "East Asia and Pacific", "country": "Burma", "share_percent_as_printed": "1.59",
        "region_total_as_printed": "more than $473.6 million", "derived_amount_usd": "7530240",
        "region_total_usd_floor": "473600000", "period_start": "1993", "period_end": "2017",
        "source_title": "2018 To Walk the Earth in Safety", "source_edition": "17th edition",
        "source_url": "https://example.org",
    }  # fmt: skip
    _, tables = read_source("state_tweis", {SHARES: [row]})
    only(
        tables["funding_shares"], area="MMR", region_area="QSE", share_percent=1.59,
        region_total_usd_floor=Decimal("473600000.00"), derived_amount_usd=Decimal("7530240.00"),
    )  # fmt: skip


def test_the_funding_box_of_south_sudan_is_states_money_and_not_the_monitors() -> None:
    row: Row = {
        "donor": "United States: Defense", "recipient": "South Sudan", "year": "2013",
        "amount_as_printed": "459", "amount_usd": "459000",
        "table_kind": "U.S. fiscal-year funding box", "source_url": "https://example.org",
        "edition": "US State Department, To Walk the Earth in Safety 2016: South Sudan",
    }  # fmt: skip
    _, tables = read_source("state_tweis", {TABLES: [row]})
    only(tables["funding"], series="tweis_funding_box", account="DoD", year_basis="fiscal",
         flow="unspecified", area="SSD")  # fmt: skip


def test_vietnam_is_what_the_17th_edition_prints(ledger_con: duckdb.DuckDBPyConnection) -> None:
    rows = select(
        ledger_con,
        """SELECT fiscal_year, account, amount_usd::BIGINT, edition, locator, source_url
        FROM coverage WHERE area = 'VNM' AND account = 'State NADR-CWD' ORDER BY ALL""",
    )
    assert [(year, usd) for year, _, usd, *_ in rows] == [
        (2015, 12_548_000), (2016, 10_709_000), (2017, 12_500_000),
    ]  # fmt: skip
    for *_, edition, locator, url in rows:
        assert edition == "17th edition"
        assert locator.startswith(f"{COUNTRY} line ")
        assert url == "https://www.state.gov/t/pm/rls/rpt/walkearth/2018/287829.htm"


def _latest_cells() -> list[tuple[int, str, str, int, str]]:
    """The cells that the compiler marked as the newest print, with the line they stand on."""
    _, rows = rows_of(TRANSCRIBED / COUNTRY)
    return sorted(
        (int(row["fiscal_year"]), row["country"], row["account"], int(row["amount_usd"]),
         f"{COUNTRY} line {line}")
        for line, row in enumerate(rows, 2)
        if row["source_family"] == "TWEIS country table"
        and row["latest_edition"] == "yes"
        and row["is_total"] == "no"
        and row["fiscal_year"]
    )  # fmt: skip


def test_the_coverage_view_is_exactly_the_newest_print_of_every_account(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        """SELECT fiscal_year, funding.area_as_printed, funding.account_as_printed,
            coverage.amount_usd::BIGINT, coverage.locator
        FROM coverage JOIN funding USING (entry_id) ORDER BY ALL""",
    )
    assert rows == _latest_cells()


def test_every_year_since_2015_has_the_34_countries_of_the_17th_edition(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        """SELECT fiscal_year, count(DISTINCT area) FROM coverage
        WHERE fiscal_year >= 2015 GROUP BY ALL ORDER BY ALL""",
    )
    assert rows == [(2015, 34), (2016, 34), (2017, 34)]


def test_the_defense_column_is_7_0_then_7_3_then_9_7_million_in_17_22_and_23_countries(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        """SELECT fiscal_year, sum(amount_usd)::BIGINT,
            count(DISTINCT area) FILTER (WHERE amount_usd > 0)
        FROM coverage WHERE program_scope = 'Defense program' AND fiscal_year BETWEEN 2015 AND 2017
        GROUP BY ALL ORDER BY ALL""",
    )
    assert rows == [(2015, 7_043_000, 17), (2016, 7_310_000, 22), (2017, 9_661_000, 23)]


def test_sums_since_the_start_add_to_the_compilers_check(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        "SELECT sum(dod_since_start_usd), sum(all_since_start_usd), count(all_since_start_usd) "
        "FROM area_profile",
    )
    assert rows == [(Decimal("229674000.00"), Decimal("2293755000.00"), 34)]


def test_the_accounts_since_the_start_add_up_as_noted(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        """SELECT account, round(sum(amount_usd) / 1000000, 1)::DOUBLE FROM (
            SELECT * FROM funding WHERE series = 'tweis_country_table' AND is_cumulative
            QUALIFY edition_order = max(edition_order) OVER (PARTITION BY area)
        ) GROUP BY account""",
    )
    assert dict(rows) == {
        "State NADR-CWD": 1775.5, "State other": 59.6, "USAID": 217.8, "DoD": 229.7, "CDC": 11.2,
        "All accounts": 2293.8,
    }  # fmt: skip


def test_country_sums_by_region_are_those_of_the_notes(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        """SELECT state_region, count(*), round(sum(all_since_start_usd) / 1000000, 1)
        FROM area_profile WHERE all_since_start_usd IS NOT NULL GROUP BY ALL""",
    )
    noted = {
        row["region"]: (int(row["countries read"]), Decimal(row["sum read"].replace(",", "")))
        for row in notes_table("us_funding", "| region | countries read")
        if row["region"] != "all six"
    }
    assert {region: (count, Decimal(str(usd))) for region, count, usd in rows} == noted


def test_only_chads_total_for_2016_does_not_add_up(ledger_con: duckdb.DuckDBPyConnection) -> None:
    rows = select(
        ledger_con,
        """SELECT DISTINCT area_name, fiscal_year, printed_total_usd::BIGINT, accounts_sum_usd::BIGINT
        FROM coverage WHERE is_total_confirmed IS DISTINCT FROM true""",
    )
    assert rows == [("Chad", 2016, 50_000, 800_000)]


def test_three_figures_were_restated_and_the_newest_is_shown_with_the_range(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        """SELECT coverage.area_name, fiscal_year, coverage.account, coverage.amount_usd::BIGINT,
            list_sort(list(funding.amount_usd::BIGINT))
        FROM coverage
        JOIN funding ON funding.series = 'tweis_country_table' AND funding.area = coverage.area
            AND funding.year = fiscal_year AND funding.account = coverage.account
        WHERE is_restated GROUP BY ALL ORDER BY ALL""",
    )
    assert rows == [
        ("Colombia", 2015, "State NADR-CWD", 7_039_000, [3_500_000, 7_039_000]),
        ("Iraq", 2016, "State NADR-CWD", 30_945_000, [15_000_000, 30_945_000]),
        ("South Sudan", 2016, "State NADR-CWD", 300_000, [300_000, 2_000_000]),
    ]


def test_fifty_figures_stand_in_more_than_one_edition_and_six_of_them_differ(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        """SELECT count(*), count(*) FILTER (WHERE lowest <> highest) FROM (
            SELECT min(amount_usd) AS lowest, max(amount_usd) AS highest FROM funding
            WHERE series = 'tweis_country_table' AND NOT is_cumulative
            GROUP BY area, year, account HAVING count(DISTINCT edition) > 1
        )""",
    )
    assert rows == [(50, 6)]


def test_no_view_shows_a_bound_of_the_text_as_a_yearly_figure(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        """SELECT DISTINCT funding.series, funding.precision, funding.is_printed_total
        FROM coverage JOIN funding USING (entry_id)""",
    )
    assert rows == [("tweis_country_table", "exact", False)]


def test_the_worlds_total_of_2023_is_a_lower_bound(ledger_con: duckdb.DuckDBPyConnection) -> None:
    rows = select(
        ledger_con,
        """SELECT amount_usd / ?, precision, is_cumulative FROM funding
        WHERE area = 'XWD' AND series = 'tweis_totals'
            AND (year = 2023 OR period_end = 2023) ORDER BY ALL""",
        MILLION,
    )
    assert [(float(usd), precision, cumulative) for usd, precision, cumulative in rows] == [
        (398.0, "floor", False), (5090.0, "floor", True),
    ]  # fmt: skip


def test_the_sums_on_the_map_are_those_of_three_fiscal_years(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    expected: dict[str, Decimal] = {}
    for row in rows_of(TRANSCRIBED / COUNTRY)[1]:
        in_table = row["source_family"] == "TWEIS country table" and row["latest_edition"] == "yes"
        if (
            in_table
            and row["account_group"] == "DoD"
            and row["fiscal_year"] in {"2015", "2016", "2017"}
        ):
            paid = expected.get(row["country"], Decimal(0))
            expected[row["country"]] = paid + Decimal(row["amount_usd"])
    held = ledger_con.execute(
        "SELECT DISTINCT area_as_printed, dod_fy2015_2017_usd FROM area_profile"
        " JOIN funding USING (area) WHERE series = 'tweis_country_table'"
        " AND dod_fy2015_2017_usd IS NOT NULL"
    ).fetchall()
    assert dict(held) == expected


def test_a_row_marked_as_a_total_stays_one_whatever_its_account() -> None:
    row = PAGE | {"account_group": "State PM/WRA (narrative)", "is_total": "yes"}
    _, tables = read_source("state_tweis", {COUNTRY: [row]})
    only(tables["funding"], account="State", is_printed_total=True)
