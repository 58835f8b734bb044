"""Price indexes: yearly averages, fiscal and calendar years apart."""

from __future__ import annotations

import duckdb

from tests.helpers import Row, only, read_source, select

FILE = "context/us_price_indexes.csv"
AVERAGE: Row = {
    "year": "2017", "year_basis": "fiscal", "series": "us_cpi_u", "value": "244.7",
    "unit": "index, 1982-84 = 100", "periods_averaged": "12", "publisher": "Bureau of Labor Statistics",
    "source_title": "CPI-U", "source_url": "https://example.org", "vintage": "2026-07",
}  # fmt: skip


def test_an_average_keeps_its_index_its_year_basis_and_its_vintage() -> None:
    _, tables = read_source("us_price_indexes", {FILE: [AVERAGE]})
    only(tables["deflators"], price_index="us_cpi_u", year=2017, year_basis="fiscal", value=244.7,
         edition="2026-07", periods_averaged=12, series="us_price_indexes", area="USA",
         base_period="1982-84", base_value=100.0)  # fmt: skip


def test_an_index_on_an_unknown_base_is_a_reject() -> None:
    reading, tables = read_source("us_price_indexes", {FILE: [AVERAGE | {"unit": "2012 = 100"}]})
    assert tables["deflators"].is_empty()
    assert [reject.rule for reject in reading.rejects] == ["unknown category"]


def test_the_same_year_may_stand_once_as_fiscal_and_once_as_calendar() -> None:
    reading, tables = read_source(
        "us_price_indexes", {FILE: [AVERAGE, AVERAGE | {"year_basis": "calendar"}]}
    )
    assert tables["deflators"].height == 2
    assert not reading.rejects


def test_an_average_is_of_all_quarters_or_all_months(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(ledger_con, "SELECT DISTINCT periods_averaged FROM deflators ORDER BY ALL")
    assert rows == [(4,), (12,)]


def test_the_deflator_ends_with_fiscal_2024_and_no_year_is_missing_between(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        """SELECT max(year), max(year) - min(year) + 1 = count(*) FROM deflators
        WHERE price_index LIKE '%deflator%' AND year_basis = 'fiscal'""",
    )
    assert rows == [(2024, True)]
