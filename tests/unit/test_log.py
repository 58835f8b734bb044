"""What the ledger remembers of its own making is written the same way, however much there is of it."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from etl import log, record
from etl.log import Decision

WHEN = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    made.execute("SET TimeZone = 'UTC'")
    record.create_tables(made)
    return made


def write_refreshes(con: duckdb.DuckDBPyConnection) -> None:
    log.refresh(con, 1, WHEN, "code", None, Counter(added=3))
    log.refresh(con, 2, WHEN, "code", "ab" * 32, Counter(revised=1, withdrawn=2))


def write_decision(con: duckdb.DuckDBPyConnection) -> None:
    log.decide(
        con, 3, Decision("treaties", "cd", "a.csv cd", "accepted", "Ana", "read “it”\n\t;--")
    )


def write_findings(con: duckdb.DuckDBPyConnection) -> None:
    finding: dict[str, object] = {
        "source_id": "treaties", "vintage_sha256": "ef" * 32, "locator": "a.csv line 2", "column": None,
        "rule": "not a number", "raw_value": "Ãngel, \"12\"; 'x'", "fix": "mend it", "recorded_in": 4,
    }  # fmt: skip
    assert log._replace(con, "treaties", "issues", [finding, {**finding, "column": "year"}])
    assert not log._replace(con, "treaties", "issues", [{**finding, "column": "year"}, finding])
    assert log._replace(con, "treaties", "issues", [finding])
    assert log._replace(con, "treaties", "rejects", []) is False


WRITTEN = {
    "refreshes": write_refreshes,
    "decisions": write_decision,
    "issues": write_findings,
}


@pytest.mark.parametrize("table", WRITTEN)
def test_a_few_rows_and_many_are_written_alike(
    con: duckdb.DuckDBPyConnection, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write: Callable[[duckdb.DuckDBPyConnection], None] = WRITTEN[table]
    ends = {"refreshes": "finished_at", "decisions": "decided_at"}
    left_out = f"EXCLUDE {ends[table]}" if table in ends else ""  # now, which goes on
    shown = f"SELECT * {left_out} FROM {table} ORDER BY ALL"
    con.execute("BEGIN")
    write(con)
    few = con.execute(shown).pl()
    con.execute("ROLLBACK")
    monkeypatch.setattr(log, "FEW_ROWS", 0)
    write(con)
    assert con.execute(shown).pl().equals(few)
    assert few.height > 0
    assert con.execute("SELECT count(*) FROM duckdb_tables WHERE temporary").fetchone() == (0,)


def test_a_few_rows_are_written_without_what_reads_a_frame() -> None:
    code = """
import sys
import duckdb
from tests.unit.test_log import record, write_findings
con = duckdb.connect()
record.create_tables(con)
write_findings(con)
assert "pyarrow.dataset" not in sys.modules
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert ran.returncode == 0, ran.stderr
