"""Nothing is lost between the files and the ledger: every row is taken once, by one source."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from etl.sources import all_sources
from etl.tables import FACT_TABLES
from tests.helpers import EMBEDDED, TRANSCRIBED, notes_table, number, select

FILES = sorted(path.relative_to(TRANSCRIBED).as_posix() for path in TRANSCRIBED.rglob("*.csv"))
SHARED = TRANSCRIBED.parents[2] / "shared" / "reference"


def _lines(file: str) -> list[int]:
    """The line on which each row of a file starts, counted by Python's own module."""
    with (TRANSCRIBED / file).open(encoding="utf-8", newline="") as text:
        reader = csv.reader(text)
        lines, before = [], 0
        for cells in reader:
            if cells:
                lines.append(before + 1)
            before = reader.line_num
    return lines[1:]


def _taken(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Every (locator, source) of the ledger, from entries and rejects."""
    parts = [f"SELECT locator, source_id FROM {table}" for table in (*FACT_TABLES, "rejects")]
    return select(con, " UNION ALL ".join(parts))


@pytest.mark.parametrize("file", FILES)
def test_every_row_of_a_file_is_one_entry_or_reject_of_one_source(
    ledger_con: duckdb.DuckDBPyConnection, file: str
) -> None:
    taken = Counter(
        locator for locator, _ in _taken(ledger_con) if locator.startswith(f"{file} line ")
    )
    assert taken == Counter(f"{file} line {line}" for line in _lines(file))


def test_no_entry_comes_from_a_file_that_is_not_there(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    assert {locator.rpartition(" line ")[0] for locator, _ in _taken(ledger_con)} == set(FILES)


def test_every_file_is_named_by_a_source() -> None:
    assert {file for name in EMBEDDED for file in all_sources()[name].files} == set(FILES)


def test_the_embedded_data_gives_no_reject(ledger_con: duckdb.DuckDBPyConnection) -> None:
    assert select(ledger_con, "SELECT locator, rule FROM rejects") == []


def test_the_one_name_that_could_not_be_read_is_an_issue_and_no_guess(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    assert select(ledger_con, "SELECT locator, rule FROM issues") == [
        ("world/donor_recipient_year.csv line 2", "unknown area")
    ]
    assert select(
        ledger_con,
        "SELECT area FROM funding WHERE locator = 'world/donor_recipient_year.csv line 2'",
    ) == [(None,)]


@pytest.mark.parametrize("folder", ["us_funding", "world"])
def test_files_have_as_many_rows_as_their_notes_say(folder: str) -> None:
    table = notes_table(folder, "| file | rows")
    assert table
    for row in table:
        file = f"{folder}/{row['file'].strip('`')}"
        assert len(_lines(file)) == number(row["rows"]), file


@pytest.mark.parametrize("file", FILES)
@pytest.mark.skipif(not SHARED.is_dir(), reason="the compilation lies outside the repository")
def test_the_embedded_files_are_the_compilation_byte_for_byte(file: str) -> None:
    assert (TRANSCRIBED / file).read_bytes() == (SHARED / file).read_bytes()


@pytest.mark.skipif(not SHARED.is_dir(), reason="the compilation lies outside the repository")
def test_no_file_of_the_compilation_is_missing() -> None:
    def files(folder: Path) -> set[str]:
        return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}

    assert files(TRANSCRIBED) == files(SHARED)
