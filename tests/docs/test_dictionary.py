"""The data dictionary says what the declarations say, and all of it."""

from __future__ import annotations

import re

import duckdb
import pytest

from etl.dictionary import as_markdown
from etl.tables import ALL_TABLES, FACT_TABLES, NATURAL_KEYS, Spine
from tests.helpers import DATA, select

SPINE = "Columns of every fact table"


def sections(text: str) -> dict[str, str]:
    """The text below each heading, by its title."""
    parts = re.split(r"^##+ (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows(section: str) -> dict[str, list[str]]:
    """The cells of a section's table by column name; a pipe within a cell is written \\|."""
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    cells = [re.split(r"(?<!\\)\|", line.strip("|")) for line in lines]
    return {row[0].strip(" `"): [cell.strip() for cell in row[1:]] for row in cells}


def test_the_committed_dictionary_is_current() -> None:
    committed = (DATA / "DICTIONARY.md").read_text(encoding="utf-8")
    assert committed == as_markdown(), "run `hma dictionary > data/DICTIONARY.md`"


@pytest.mark.parametrize("table", ALL_TABLES)
def test_every_table_and_view_is_there_with_every_column_and_its_meaning(table: str) -> None:
    text = sections(as_markdown())
    described = rows(text[table])
    if table in FACT_TABLES:
        described = rows(text[SPINE]) | described
    columns = ALL_TABLES[table].columns()
    assert list(described) == list(columns)
    for name, cells in described.items():
        assert len(cells) == 5, name
        assert cells[3] == (columns[name].description or "").replace("|", "\\|")
        assert cells[1] == (columns[name].metadata or {}).get("unit", "")
    assert " ".join((ALL_TABLES[table].__doc__ or "").split()) in text[table]


@pytest.mark.parametrize("table", ALL_TABLES)
def test_every_allowed_value_is_there_with_its_meaning(table: str) -> None:
    text = sections(as_markdown())
    described = rows(text[SPINE]) | rows(text[table])
    for name, column in ALL_TABLES[table].columns().items():
        for word, meaning in (column.metadata or {}).get("allowed", {}).items():
            assert f"`{word}`: {meaning}" in described[name][4], name


@pytest.mark.parametrize("table", FACT_TABLES)
def test_the_natural_key_of_every_fact_table_is_named(table: str) -> None:
    line = re.search(r"^Natural key: (.+)\.$", sections(as_markdown())[table], re.MULTILINE)
    assert line
    assert tuple(re.findall(r"`(\w+)`", line[1])) == NATURAL_KEYS[table]


@pytest.mark.parametrize("table", FACT_TABLES)
def test_what_the_dictionary_calls_required_or_filled_in_is_never_missing(
    ledger_con: duckdb.DuckDBPyConnection, table: str
) -> None:
    text = sections(as_markdown())
    described = rows(text[SPINE]) | rows(text[table])
    always = [name for name, cells in described.items() if cells[2] in {"yes", "filled in"}]
    assert set(Spine.columns()) - set(always) == {"edition_order", "place", "note", "ended_in"}
    missing = " + ".join(f'count(*) FILTER (WHERE "{name}" IS NULL)' for name in always)
    assert select(ledger_con, f"SELECT {missing} FROM {table}") == [(0,)]
