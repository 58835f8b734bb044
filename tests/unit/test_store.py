"""Readers follow CURRENT, keep the ledger they started with, and can do nothing but read."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from etl.store import (
    CURRENT,
    Ledgers,
    NoLedgerError,
    TooLongError,
    current_path,
    open_read_only,
)


def publish(folder: Path, number: int, word: str) -> Path:
    """A ledger file whose one table holds ``word``, named by CURRENT."""
    path = folder / f"ledger-{number:06d}-abcd.duckdb"
    with duckdb.connect(path) as con:
        con.execute("CREATE SCHEMA present")
        con.execute("CREATE TABLE said AS SELECT ? AS word", [word])
    (folder / CURRENT).write_text(f"{path.name}\n")
    return path


def said(con: duckdb.DuckDBPyConnection) -> str:
    row = con.execute("SELECT word FROM said").fetchone()
    assert row
    return str(row[0])


def test_a_new_lease_sees_the_new_ledger_and_an_old_lease_the_old_one(tmp_path: Path) -> None:
    publish(tmp_path, 1, "first")
    ledgers = Ledgers(tmp_path)
    with ledgers.lease() as earlier:
        publish(tmp_path, 2, "second")
        with ledgers.lease() as later:
            assert (said(earlier.con), said(later.con)) == ("first", "second")
            assert (earlier.ledger, later.ledger) == ("ledger-000001-abcd", "ledger-000002-abcd")
        assert said(earlier.con) == "first"
    ledgers.close()


def test_the_old_ledger_is_closed_after_its_last_lease(tmp_path: Path) -> None:
    old = publish(tmp_path, 1, "first")
    ledgers = Ledgers(tmp_path)
    with ledgers.lease(), ledgers.lease():
        new = publish(tmp_path, 2, "second")
        with ledgers.lease():
            assert set(ledgers._open) == {old, new}
    assert set(ledgers._open) == {new}
    ledgers.close()
    assert not ledgers._open


def test_two_followers_in_one_process_can_read_one_ledger(tmp_path: Path) -> None:
    publish(tmp_path, 1, "first")
    one, other = Ledgers(tmp_path), Ledgers(tmp_path)
    with one.lease() as first, other.lease() as second:
        assert said(first.con) == said(second.con) == "first"
        zones = [
            lease.con.execute("SELECT current_setting('TimeZone')").fetchone()
            for lease in (first, second)
        ]
        assert zones == [("UTC",), ("UTC",)]
    one.close()
    other.close()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM '/etc/passwd'",
        "COPY said TO '/tmp/said.csv'",
        "ATTACH '/tmp/other.duckdb'",
        "INSTALL httpfs",
        "SET memory_limit = '64GB'",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "CREATE SECRET s (TYPE s3)",
        "DELETE FROM said",
        "CREATE TABLE mine AS SELECT 1",
    ],
)
def test_a_reader_cannot_write_open_files_or_change_settings(
    tmp_path: Path, statement: str
) -> None:
    con = open_read_only(publish(tmp_path, 1, "first"))
    with pytest.raises(duckdb.Error, match=r"(?i)disabled|locked|read-only|cannot|does not exist"):
        con.execute(statement)
    assert said(con) == "first"
    con.close()


def test_a_ledger_of_an_earlier_form_is_refused_and_the_message_says_what_to_do(
    tmp_path: Path,
) -> None:
    path = publish(tmp_path, 1, "first")
    with duckdb.connect(path) as con:
        con.execute("DROP SCHEMA present")
    with pytest.raises(NoLedgerError, match=r"earlier, unreleased version; move .* away"):
        open_read_only(path)


def test_a_question_that_takes_too_long_is_stopped_and_the_lease_goes_on(tmp_path: Path) -> None:
    publish(tmp_path, 1, "first")
    ledgers = Ledgers(tmp_path)
    with ledgers.lease() as lease:
        endless = "SELECT count(*) FROM range(10_000_000_000) AS a, range(1000) AS b"
        with pytest.raises(TooLongError, match=r"longer than 0\.2 seconds"), lease.limited(0.2):
            lease.con.execute(endless)
        with lease.limited():
            assert said(lease.con) == "first"
    ledgers.close()


def test_without_a_ledger_the_message_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NoLedgerError, match="run: hma refresh"):
        current_path(tmp_path)


@pytest.mark.parametrize("name", ["../outside.duckdb", "{absolute}", "gone.duckdb", "", "..", "."])
def test_a_current_that_points_outside_or_nowhere_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "ledger"
    folder.mkdir()
    outside = tmp_path / "outside.duckdb"
    duckdb.connect(outside).close()
    (folder / CURRENT).write_text(name.format(absolute=outside))
    with pytest.raises(NoLedgerError, match="which is not there"):
        current_path(folder)
