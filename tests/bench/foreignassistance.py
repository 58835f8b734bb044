"""A file in the exact shape of ForeignAssistance.gov's complete file, of any size, and what a bare scan costs.

    python -m tests.bench.foreignassistance FILE [ROWS]

Writes ROWS rows (3,350,000: about 3.75 GB) and prints, as JSON, how long bare DuckDB scans of it take
and how much memory they need at most, each in a process of its own: all columns, and only those that
the reader takes, both with the reader's selection as the filter. Beside them stands the reader's scan,
which also numbers and counts the rows and refuses what is broken.

Every figure in the file is made up. Cells are as long as in the real rows; one row in four hundred is
about mine action, and texts hold commas, doubled quotes and, once in a while, a line break.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import IO, Final, Literal, NamedTuple

import duckdb

from etl import scan
from etl.archive import Contents
from etl.reading import Reading
from etl.sources.foreignassistance_gov.read import IGNORED, SELECTION, TRANSACTIONS

ROWS: Final = 3_350_000
MINE_ACTION_EVERY: Final = 400
COPY: Final = Path(__file__).with_name("foreignassistance.sql")
HEADER: Final = tuple(re.findall(r' AS "([^"]+)"', COPY.read_text(encoding="utf-8")))


class Scan(NamedTuple):
    """What a scan found and what it cost."""

    rows: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int


def make(path: Path, rows: int = ROWS, every: int = MINE_ACTION_EVERY, changed: int = 0) -> None:
    """Write ``rows`` rows to ``path``, one in ``every`` of them about mine action.

    ``changed`` in 10,000 have another amount than in the file that is made without it.
    """
    with duckdb.connect(config={"preserve_insertion_order": False}) as con:
        con.execute(
            COPY.read_text(encoding="utf-8"),
            {"path": str(path), "rows": rows, "every": every, "changed": changed},
        )


def bare_scan(path: Path, columns: Sequence[str] = ()) -> Scan:
    """A bare scan of a file with the reader's filter, in a fresh process.

    Without ``columns``, which go by their names in the header, all are handed over.
    """
    return _measured("bare", path, columns)


def reader_scan(path: Path) -> Scan:
    """The reader's own scan of the same file, rows numbered and counted, in a fresh process."""
    return _measured("reader", path)


def _measured(what: str, path: Path, columns: Sequence[str] = ()) -> Scan:
    run = subprocess.run(
        [sys.executable, "-m", "tests.bench.foreignassistance", f"--{what}", path, *columns],
        check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    return Scan(**json.loads(run.stdout))


def _bare(path: Path, columns: Sequence[str]) -> int:
    """How many rows a bare scan takes: every column as text, and the reader's selection as its filter."""
    rule = SELECTION.partition("CASE")[2].rpartition("END AS selection_rule")[0]
    for column in TRANSACTIONS:
        rule = re.sub(rf"\b{column.name}\b", f'"{column.spellings[0]}"', rule)
    selected = ", ".join(f'"{name}"' for name in columns or HEADER)
    query = (
        f"SELECT {selected} FROM read_csv($path, all_varchar = true, nullstr = 'NULL') "
        f"WHERE (CASE {rule} END) IS NOT NULL"
    )
    with duckdb.connect() as con:  # as many threads and as much memory as it likes
        con.execute("SET preserve_insertion_order = false")
        return con.execute(query, {"path": str(path)}).pl().height


def _reader(path: Path) -> int:
    """How many rows the reader takes of the same file."""
    found = scan.select(Reading(), OneFile(path), path.name, TRANSACTIONS, IGNORED, SELECTION)
    return found.height


class OneFile(Contents):
    """A plain file that lies in no archive, as a reader gets one."""

    def __init__(self, path: Path) -> None:
        """The file at ``path``."""
        self._path = path

    @contextmanager
    def scannable(self, file: str) -> Iterator[tuple[Path, Literal["none", "zstd"]]]:
        """Where it lies; it is not packed."""
        yield self._path, "none"

    @contextmanager
    def open(self, file: str) -> Iterator[IO[bytes]]:
        """Its bytes as a stream."""
        with self._path.open("rb") as stream:
            yield stream

    def last_byte(self, file: str) -> bytes:
        """Its last byte."""
        with self._path.open("rb") as stream:
            stream.seek(-1, os.SEEK_END)
            return stream.read(1)


def main(arguments: Sequence[str]) -> None:
    """Make a file and measure, or be one measured scan: see the module's docstring."""
    if arguments[0].startswith("--"):
        clock = perf_counter()
        what, path = arguments[0], Path(arguments[1])
        rows = _bare(path, arguments[2:]) if what == "--bare" else _reader(path)
        used = resource.getrusage(resource.RUSAGE_SELF)
        peak = used.ru_maxrss * 1024  # Linux counts kilobytes
        cost = Scan(rows, perf_counter() - clock, used.ru_utime + used.ru_stime, peak)
        sys.stdout.write(json.dumps(cost._asdict()))
        return
    path = Path(arguments[0])
    make(path, int(arguments[1]) if arguments[1:] else ROWS)
    same = [column.spellings[0] for column in TRANSACTIONS]
    measured = {"all": bare_scan(path), "same": bare_scan(path, same), "reader": reader_scan(path)}
    sys.stdout.write(
        json.dumps({name: each._asdict() for name, each in measured.items()}, indent=1)
    )


if __name__ == "__main__":
    main(sys.argv[1:])
