"""Tables and columns are declared once; ledger, views and SQL files agree with the declaration."""

from __future__ import annotations

import duckdb
import polars as pl
import pytest

from etl import sql
from etl.settings import PACKAGE
from etl.tables import (
    ALL_TABLES,
    FACT_TABLES,
    NATURAL_KEYS,
    RECORDED_COLUMNS,
    VIEWS,
    Spine,
    polars_schema,
)
from tests.helpers import NOT_EMBEDDED, select


@pytest.mark.parametrize("table", ALL_TABLES)
def test_every_table_says_what_a_row_is(table: str) -> None:
    assert (ALL_TABLES[table].__doc__ or "").strip()


@pytest.mark.parametrize("table", ALL_TABLES)
def test_every_column_says_what_it_means(table: str) -> None:
    columns = ALL_TABLES[table].columns()
    assert [name for name, column in columns.items() if not column.description] == []


@pytest.mark.parametrize("table", ALL_TABLES)
def test_money_is_named_so_and_every_number_has_a_unit(table: str) -> None:
    for name, column in ALL_TABLES[table].columns().items():
        unit = (column.metadata or {}).get("unit")
        if isinstance(column.dtype, pl.Decimal):
            assert name.endswith(("_usd", "_usd_floor")) or name == "amount"
            assert unit == ("units of currency" if name == "amount" else "US dollars"), name
        elif column.dtype.is_numeric():
            assert unit, name
            assert not name.endswith("_usd"), "dollars are decimals, so that sums are exact"


def test_every_fact_table_starts_with_the_spine() -> None:
    spine = list(Spine.columns())
    for schema in FACT_TABLES.values():
        assert list(schema.columns())[: len(spine)] == spine


def test_natural_keys_are_declared_columns_that_a_reader_fills() -> None:
    assert set(NATURAL_KEYS) == set(FACT_TABLES)
    for table, key in NATURAL_KEYS.items():
        assert key[0] == "series"
        assert set(key) <= set(FACT_TABLES[table].columns()) - set(RECORDED_COLUMNS)
        assert not set(key) & {"amount", "amount_usd", "total", "value", "note", "locator"}


def test_every_view_has_a_file_that_begins_with_its_question_and_every_file_is_a_view() -> None:
    files = {path.stem: path for path in (PACKAGE / "views").glob("*.sql")}
    assert set(files) == set(VIEWS)
    for path in files.values():
        assert path.read_text(encoding="utf-8").startswith("-- ")


@pytest.mark.parametrize("table", ALL_TABLES)
def test_the_built_ledger_has_exactly_the_declared_columns_and_types(
    ledger_con: duckdb.DuckDBPyConnection, table: str
) -> None:
    declared = {
        name: sql.sql_type(dtype) for name, dtype in polars_schema(ALL_TABLES[table]).items()
    }
    names = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ", "DECIMAL(18,2)": "DECIMAL(18, 2)"}
    rows = select(ledger_con, f"DESCRIBE {sql.identifier(table)}")
    assert {row[0]: names.get(row[1], row[1]) for row in rows} == declared


def test_the_ledger_holds_no_table_that_is_not_declared(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(ledger_con, "SELECT DISTINCT table_name FROM information_schema.tables")
    assert {row[0] for row in rows} == set(ALL_TABLES)


@pytest.mark.parametrize("table", [*FACT_TABLES, *VIEWS, "splits", "areas", "sources", "series"])
def test_every_published_row_obeys_the_declared_constraints(
    ledger_con: duckdb.DuckDBPyConnection, table: str
) -> None:
    frame = ledger_con.table(table).pl()
    assert frame.height or table in NOT_EMBEDDED
    _, failure = ALL_TABLES[table].filter(frame, cast=True)
    assert failure.counts() == {}


@pytest.mark.parametrize("table", FACT_TABLES)
def test_every_entry_leads_to_its_bytes_its_source_and_its_series(
    ledger_con: duckdb.DuckDBPyConnection, table: str
) -> None:
    astray = select(
        ledger_con,
        f"""
        SELECT count(*) FROM {table}
        WHERE (source_id, vintage_sha256, split_part(locator, ' line ', 1)) NOT IN
                (SELECT (source_id, vintage_sha256, file) FROM vintages)
            OR (source_id, series) NOT IN (SELECT (source_id, series) FROM series)
        """,
    )
    assert astray == [(0,)]


def test_a_printed_total_over_accounts_is_always_marked_as_one(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        "SELECT locator FROM funding WHERE account = 'All accounts' AND NOT is_printed_total",
    )
    assert rows == []


def test_a_sum_over_years_never_has_a_year(ledger_con: duckdb.DuckDBPyConnection) -> None:
    rows = select(
        ledger_con,
        """SELECT locator FROM funding
        WHERE is_cumulative AND (year IS NOT NULL OR period_start IS NULL)
            OR NOT is_cumulative AND flow <> 'limit' AND (year IS NULL OR period_start IS NOT NULL)""",
    )
    assert rows == []


@pytest.mark.parametrize(
    ("word", "precision"),
    [("more than", "floor"), ("over", "floor"), ("nearly", "ceiling"), ("almost", "ceiling"),
     ("approximately", "approximate")],
)  # fmt: skip
def test_a_bound_in_the_printed_words_is_a_bound_in_the_ledger(
    ledger_con: duckdb.DuckDBPyConnection, word: str, precision: str
) -> None:
    rows = select(
        ledger_con,
        "SELECT precision, count(*) FROM funding WHERE amount_as_printed ^@ ? GROUP BY precision",
        f"{word} ",
    )
    assert [row[0] for row in rows] == [precision]
