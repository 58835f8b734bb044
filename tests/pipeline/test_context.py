"""Constant dollars and money a person: only in views, with their base, and nothing where nothing is known."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl import sql
from etl.refresh import refresh
from etl.retrieve import Given
from etl.settings import PACKAGE, Folders
from etl.sources import all_sources
from etl.tables import ALL_TABLES, CONSTANT_YEAR, FundingConstant, polars_schema
from tests.helpers import NO_LIMITS, ask, run
from tests.live import VIETNAM, add_live
from tests.sources.test_worldbank import output, page, record

VIEW: Final = (PACKAGE / "views" / "funding_constant.sql").read_text(encoding="utf-8")
FIGURE: Final = {
    "entry_id": "made-0000000000000001", "source_id": "made", "series": "made", "donor": "United States",
    "account": "DoD", "area": "VNM", "area_as_printed": "Vietnam", "flow": "obligation",
    "status": "actual", "is_printed_total": False, "year": 2016, "year_basis": "fiscal",
    "amount_usd": Decimal("1168000"), "precision": "exact", "report": "r", "edition": "e",
}  # fmt: skip


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """Empty tables that the view reads, and the sources of two indexes, an embedded and a live one."""
    with duckdb.connect() as made:
        for name in ("funding", "deflators", "areas", "sources"):
            made.execute(
                sql.create_table("main", name, polars_schema(ALL_TABLES[name]), replace=True)
            )
        put(
            made, "sources",
            {"source_id": "us_price_indexes", "status": "transcribed"},
            {"source_id": "us_gdp_deflator", "status": "live"},
        )  # fmt: skip
        yield made


def put(con: duckdb.DuckDBPyConnection, table: str, *rows: dict[str, Any]) -> None:
    """Replace the rows of a table."""
    con.execute(f"DELETE FROM {table}")
    for row in rows:
        marks = ", ".join("?" for _ in row)
        con.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", [*row.values()])


def index(
    year: int, value: float, basis: str = "fiscal", series: str = "us_price_indexes"
) -> dict[str, Any]:
    return {
        "entry_id": f"{series}-{basis}-{year}", "source_id": series, "series": series, "year": year,
        "year_basis": basis, "value": value, "price_index": "us_gdp_implicit_price_deflator",
        "unit": "ratio", "publisher": "BEA", "edition": "2025-06",
    }  # fmt: skip


def constant(con: duckdb.DuckDBPyConnection, **figure: object) -> dict[str, Any]:
    """What the view makes of one figure."""
    put(con, "funding", FIGURE | figure)
    return con.execute(VIEW).pl().row(0, named=True)


amounts = st.decimals(-(10**9), 10**9, places=2)
values = st.floats(0.05, 20)


@settings(max_examples=40, deadline=None)
@given(amounts, values)
def test_dollars_of_the_base_year_stay_what_they_are(
    con: duckdb.DuckDBPyConnection, amount: Decimal, value: float
) -> None:
    put(con, "deflators", index(CONSTANT_YEAR, value))
    assert constant(con, year=CONSTANT_YEAR, amount_usd=amount)["amount_2024_usd"] == amount


@settings(max_examples=40, deadline=None)
@given(amounts, values, values)
def test_constant_are_to_nominal_dollars_as_the_indexes_to_each_other(
    con: duckdb.DuckDBPyConnection, amount: Decimal, value: float, base: float
) -> None:
    put(con, "deflators", index(2016, value), index(CONSTANT_YEAR, base))
    row = constant(con, amount_usd=amount)
    assert float(row["amount_2024_usd"]) == pytest.approx(float(amount) * base / value, abs=0.01)
    assert (row["index_value"], row["base_index_value"]) == (value, base)
    assert (row["amount_usd"], row["deflation"]) == (amount, "deflated")


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1993, 2030),
    st.sets(st.integers(1993, 2030)),
    st.sampled_from(["fiscal", "calendar"]),
)
def test_a_year_without_an_index_has_no_constant_dollars_however_near_another_is(
    con: duckdb.DuckDBPyConnection, year: int, known: set[int], basis: str
) -> None:
    put(con, "deflators", *(index(one, 1.0, basis) for one in sorted(known)))
    row = constant(con, year=year, year_basis=basis)
    if year in known and CONSTANT_YEAR in known:
        assert row["amount_2024_usd"] == row["amount_usd"]
    else:
        assert (row["amount_2024_usd"], row["deflation"]) == (None, "no index")
        assert (row["index_value"], row["index_entry_id"], row["base_index_entry_id"]) == (
            None,
        ) * 3


def test_fiscal_money_takes_fiscal_averages_and_calendar_money_calendar_ones(
    con: duckdb.DuckDBPyConnection,
) -> None:
    put(
        con, "deflators", index(2016, 1.0), index(CONSTANT_YEAR, 1.5),
        index(2016, 1.0, "calendar"), index(CONSTANT_YEAR, 2.0, "calendar"),
    )  # fmt: skip
    assert constant(con)["amount_2024_usd"] == Decimal("1752000.00")
    assert constant(con, year_basis="calendar")["amount_2024_usd"] == Decimal("2336000.00")
    row = constant(con, year_basis="not stated")
    assert (row["amount_2024_usd"], row["deflation"]) == (None, "year basis not stated")


def test_constant_dollars_are_never_deflated_again(con: duckdb.DuckDBPyConnection) -> None:
    put(con, "deflators", index(2016, 1.0), index(CONSTANT_YEAR, 1.5))
    row = constant(con, unit_as_printed="thousands of Constant 2023 dollars")
    assert (row["amount_2024_usd"], row["deflation"]) == (None, "constant already")


def test_the_live_index_takes_over_where_it_reaches_the_base_and_two_are_never_mixed(
    con: duckdb.DuckDBPyConnection,
) -> None:
    embedded = [index(2016, 1.0), index(CONSTANT_YEAR, 1.5)]
    live = [
        index(2016, 1.0, series="us_gdp_deflator"),
        index(CONSTANT_YEAR, 1.4, series="us_gdp_deflator"),
    ]
    put(con, "deflators", *embedded, *live)
    row = constant(con)
    assert (row["index_series"], row["amount_2024_usd"]) == (
        "us_gdp_deflator",
        Decimal("1635200.00"),
    )
    put(con, "deflators", *embedded, live[0])
    row = constant(con)
    assert (row["index_series"], row["amount_2024_usd"]) == (
        "us_price_indexes",
        Decimal("1752000.00"),
    )
    put(con, "deflators", *embedded, live[1])
    assert constant(con)["deflation"] == "no index", "the live index lacks 2016"


def test_a_bound_stays_a_bound_and_no_figure_without_a_year_or_dollars_is_here(
    con: duckdb.DuckDBPyConnection,
) -> None:
    put(con, "deflators", index(2016, 1.0), index(CONSTANT_YEAR, 1.5))
    assert constant(con, precision="floor")["precision"] == "floor"
    put(con, "funding", FIGURE | {"year": None}, FIGURE | {"amount_usd": None})
    assert con.execute(VIEW).fetchall() == []


def test_the_base_year_stands_in_the_name_of_the_column() -> None:
    assert f"amount_{CONSTANT_YEAR}_usd" in FundingConstant.columns()
    assert f"WHERE year = {CONSTANT_YEAR}" in VIEW


# The embedded ledger


def test_vietnams_defense_money_of_fiscal_2016_in_dollars_of_2024(built_folders: Folders) -> None:
    rows = ask(
        built_folders,
        """SELECT amount_usd, amount_2024_usd, index_value, base_index_value, index_source_id, index_edition
        FROM funding_constant
        WHERE area = 'VNM' AND account = 'DoD' AND year = 2016 AND series = 'tweis_country_table'""",
    )
    # 722,000 x 1.244702 / 0.979112
    assert rows[0] == (
        Decimal(722000), Decimal("917846.83"), 0.979112, 1.244702, "us_price_indexes", "2025-06",
    )  # fmt: skip


def test_every_embedded_figure_of_a_year_is_there_once_and_later_years_have_no_index(
    built_folders: Folders,
) -> None:
    (counts,) = ask(
        built_folders,
        """SELECT count(*), count(DISTINCT entry_id),
            (SELECT count(*) FROM funding WHERE year IS NOT NULL AND amount_usd IS NOT NULL)
        FROM funding_constant""",
    )
    assert len(set(counts)) == 1
    assert ask(
        built_folders,
        """SELECT DISTINCT deflation, year > 2024 OR year < 1993 FROM funding_constant
        WHERE year_basis <> 'not stated' ORDER BY ALL""",
    ) == [("deflated", False), ("no index", True)]


def test_without_indexes_every_constant_amount_is_missing(workspace: Folders) -> None:
    assert run(workspace, "state_tweis").published
    assert ask(
        workspace, "SELECT count(*) > 500, count(amount_2024_usd) FROM funding_constant"
    ) == [(True, 0)]


# Money a person


@pytest.fixture(scope="module")
def peopled(built_folders: Folders, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """The embedded ledger with the population and GDP of Vietnam in 2016, made up: only read it."""
    tmp_path = tmp_path_factory.mktemp("peopled")
    folders = Folders(tmp_path / "data")
    shutil.copytree(built_folders.data, folders.data)
    spec = all_sources()["worldbank"].model_copy(update={"min_entries": 0, "guard": NO_LIMITS})
    files = {
        "population.json": page(record("VNM", "2016", 93_000_000, "Viet Nam")),
        "gdp.json": page(output("VNM", "2016", 250e9)),
    }
    copies = []
    for name, content in files.items():
        path = tmp_path / name
        path.write_text(json.dumps(content) + "\n", encoding="utf-8")
        copies.append(Given(str(path), "a test"))
    assert refresh(folders, [spec], given={spec.source_id: copies}).failed == []
    return folders


SHARES: Final = """SELECT {} FROM funding_per_capita
    WHERE area = 'VNM' AND year = 2016 AND series = 'tweis_country_table'"""


def test_one_series_money_stands_over_the_people_of_its_year(peopled: Folders) -> None:
    ((amount, people, rate, percent, same, entry, vintage),) = ask(
        peopled,
        SHARES.format(
            "amount_usd, people, usd_per_person, percent_of_gdp, is_same_year_basis, population_entry_id, "
            "population_vintage_sha256"
        ),
    )
    (expected,) = ask(
        peopled, "SELECT sum(amount_usd) FROM coverage WHERE area = 'VNM' AND fiscal_year = 2016"
    )[0]
    assert (amount, people, same) == (expected, 93_000_000, False)
    assert rate == pytest.approx(float(expected) / 93e6, abs=1e-6)
    assert percent == pytest.approx(float(expected) / 2.5e9, abs=1e-8)
    assert ask(peopled, "SELECT entry_id, vintage_sha256 FROM population") == [(entry, vintage)]


def test_of_several_editions_the_newest_alone_is_added(built_folders: Folders) -> None:
    pairs = ask(
        built_folders,
        """WITH newest AS (
            SELECT area, fiscal_year, sum(amount_usd) AS usd, max(editions_count) AS editions
            FROM coverage GROUP BY ALL)
        SELECT newest.area, fiscal_year, money.amount_usd, newest.usd
        FROM newest
        JOIN funding_per_capita AS money
            ON money.area = newest.area AND money.year = newest.fiscal_year
            AND money.series = 'tweis_country_table'
        WHERE newest.editions > 1""",
    )
    assert pairs
    assert [one for one in pairs if one[2] != one[3]] == []


def test_without_a_population_of_that_very_year_there_is_no_rate(peopled: Folders) -> None:
    rows = ask(
        peopled,
        """SELECT DISTINCT year = 2016 AND area = 'VNM', usd_per_person IS NULL, percent_of_gdp IS NULL
        FROM funding_per_capita ORDER BY ALL""",
    )
    assert rows == [(False, True, True), (True, False, False)]


def test_only_series_that_may_be_added_are_here_and_each_by_itself(peopled: Folders) -> None:
    rows = ask(
        peopled,
        """SELECT DISTINCT series, payer FROM funding_per_capita
        WHERE NOT (SELECT bool_or(is_additive) FROM series WHERE series.series = funding_per_capita.series)""",
    )
    assert rows == []
    payers = ask(
        peopled,
        "SELECT payer FROM funding_per_capita WHERE series = 'monitor_recipient_tables' AND area = 'KHM' GROUP BY 1",
    )
    assert {payer for (payer,) in payers} == {"United States", "other donors"}


def test_a_bound_is_left_out_of_a_rate_which_says_so(
    published: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    money = VIETNAM | {"amount_usd": "10"}
    others = [
        money | {"precision": "floor"},
        money | {"is_printed_total": "true"},
        money | {"year": "2015"},
    ]
    add_live(published, [money, *others], tmp_path, monkeypatch)
    rows = ask(
        published,
        """SELECT year, amount_usd, is_incomplete, entries_count FROM funding_per_capita
        WHERE series = 'fa_obligations' ORDER BY year""",
    )
    assert rows == [(2015, Decimal(10), False, 1), (2016, Decimal(10), True, 1)]
