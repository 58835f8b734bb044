"""SQL text is put together from declared names only; everything else is bound as a value."""

from __future__ import annotations

import pytest

from etl import sql
from etl.tables import ALL_TABLES, polars_schema


@pytest.mark.parametrize(
    "name", ["", "refreshes; DROP TABLE funding", 'funding"', "FUNDING", "information_schema", "1"]
)
def test_a_name_that_is_not_declared_is_refused(name: str) -> None:
    with pytest.raises(KeyError):
        sql.identifier(name)


def test_a_declared_table_or_column_is_quoted() -> None:
    assert sql.identifier("funding") == '"funding"'
    assert sql.identifier("amount_usd") == '"amount_usd"'


@pytest.mark.parametrize("table", ALL_TABLES)
def test_every_declared_table_can_be_made(table: str) -> None:
    statement = sql.create_table("main", table, polars_schema(ALL_TABLES[table]), replace=False)
    assert statement.startswith(f'CREATE TABLE IF NOT EXISTS main."{table}" (')


def test_every_step_of_the_pipeline_begins_with_what_it_does() -> None:
    steps = sorted(sql.HERE.glob("*.sql"))
    assert steps
    assert [path.name for path in steps if not sql.text(path.stem).startswith("-- ")] == []
