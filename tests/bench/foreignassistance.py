"""A file in the exact shape of ForeignAssistance.gov's complete file, of any size, and what a bare scan costs.

    python -m tests.bench.foreignassistance FILE [ROWS]

Writes ROWS rows (3,350,000: about 3.75 GB) and prints, as JSON, how long bare DuckDB scans of it take
and how much memory they need at most, each in a process of its own: all columns, and only those that
the reader takes, both with the reader's own selection.

Every figure in the file is made up. Cells are as long as in the real rows; one row in four hundred is
about mine action, and texts hold commas, doubled quotes and, once in a while, a line break.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any, Final, NamedTuple

import duckdb

ROWS: Final = 3_350_000
MINE_ACTION_EVERY: Final = 400
COPY: Final = Path(__file__).with_name("foreignassistance.sql")
MEMORY: Final = "600MB"


class Scan(NamedTuple):
    """What a scan found and what it cost."""

    rows: int
    seconds: float
    peak_bytes: int


def make(path: Path, rows: int = ROWS, every: int = MINE_ACTION_EVERY) -> None:
    """Write ``rows`` rows to ``path``, one in ``every`` of them about mine action."""
    with duckdb.connect(config={"preserve_insertion_order": False}) as con:
        con.execute(
            COPY.read_text(encoding="utf-8"), {"path": str(path), "rows": rows, "every": every}
        )


def bare_scan(path: Path, columns: tuple[str, ...] = ()) -> Scan:
    """A bare scan of ``path`` with the reader's filter, in a fresh process; no ``columns`` mean all."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.bench.foreignassistance", "--scan", path, *columns],
        check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    return Scan(**json.loads(run.stdout))
