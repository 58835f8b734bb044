"""Five million rows as CSV from the API, beside DuckDB's own COPY into a file, Datasette and a download button.

The file comes from ``/api/v1/funding.csv`` over loopback, not packed, and is written to a disk, as COPY writes its.
Both are read back and must hold the same entries and amounts. Datasette streams the same table (``_stream=on``)
out of SQLite, and a page of Streamlit makes the file with pandas and offers it as ``st.download_button``; both get
fewer rows, because they would take half an hour and most of the memory for all: what is compared is megabytes
a second. ``first byte`` is from the request to the first byte of the header; memory is what the server's process
grew by while it answered, after a first answer with all rows: in that the database reads the ledger's file
into its own cache, which has a limit for the whole process, and what that came to is said, too.
"""

from __future__ import annotations

import http.client
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final
from urllib.parse import urlsplit

import duckdb

from etl.store import MEMORY_LIMIT, current_path
from tests.bench import million, peers
from tests.bench.measuring import Cost, Ratio, Result, apart, clock, environment, memory, same
from tests.dashboard.serving import free_port, serving

FULL: Final[dict[str, Any]] = {
    "rows": 5_000_000,
    "peer_rows": 250_000,
    "rounds": 3,
    "with_peers": True,
}
SMALL: Final[dict[str, Any]] = {
    "rows": 14_000,
    "peer_rows": 2_000,
    "rounds": 1,
    "with_peers": False,
}
PIECE: Final = 1 << 20
STARTS_WITHIN: Final = 60  # seconds
DATASETTE: Final = "Datasette, _stream=on"
CACHE: Final = "limit of the database's cache (`MEMORY_LIMIT`)"
CACHE_MB: Final = 1000 * float(MEMORY_LIMIT.removesuffix("GB"))
BUTTON: Final = "st.download_button with pandas"
DIGEST: Final = "count(*), sum(hash(entry_id, amount_usd))::VARCHAR"
PAGE: Final = """import duckdb
import streamlit as st

rows = duckdb.connect({ledger!r}, read_only=True).execute("FROM present.funding LIMIT {rows}").df()
st.download_button("All rows", rows.to_csv(index=False).encode(), "funding.csv", "text/csv")
"""


@dataclass
class Taken:
    """One download: bytes, seconds until the first and the last of them, and by how much the server grew."""

    size: int
    first: float
    seconds: float
    grown: int = 0

    @property
    def rate(self) -> float:
        """Megabytes a second."""
        return self.size / self.seconds / 1e6


def measure(folder: Path, rows: int, peer_rows: int, rounds: int, *, with_peers: bool) -> Result:
    """The ratios, the best of some rounds of each, taken in turn."""
    folders = million.make(folder / "data", round(rows / million.SHARE_OF_MONEY))
    ledger = current_path(folders.ledger)
    ours: list[Taken] = []
    copies: list[Cost] = []
    first: list[float] = []
    with serving(folders) as (site, process):
        take(f"{site}/api/v1/funding.csv?limit=20000", folder / "ours.csv")
        filling = take(f"{site}/api/v1/funding.csv", folder / "ours.csv", process.pid)
        for _ in range(rounds):
            copies.append(apart("tests.bench.streaming:copy", ledger, folder / "copy.csv"))
            got = take(f"{site}/api/v1/funding.csv", folder / "ours.csv", process.pid)
            ours.append(got)
            first.append(got.first)
            same(
                "rows and amounts",
                api=_digest(folder / "ours.csv"),
                copy=_digest(folder / "copy.csv"),
            )
    sizes = (folder / "copy.csv").stat().st_size, (folder / "ours.csv").stat().st_size
    for name in ("ours.csv", "copy.csv"):
        (folder / name).unlink()
    limit = max(sizes[0] / cost.seconds / 1e6 for cost in copies)
    best = max(ours, key=lambda one: one.rate)
    grown = max(one.grown for one in ours) / 1e6
    work = f"CSV of {rows:,} rows from the API"
    ratios = [
        Ratio(work, "MB/s", best.rate, "limit: COPY to a file", limit, is_rate=True, least=0.5),
        Ratio(f"{work}, first byte", "ms", min(first) * 1000, "aim", 100, most=1),
        Ratio(f"{work}, memory grown by", "MB", grown, "aim", 100, most=1),
        Ratio(
            f"{work}, by the first answer, with the file",
            "MB",
            filling.grown / 1e6,
            CACHE,
            CACHE_MB,
        ),
    ]
    found: Result = {
        "rows": rows, "bytes": sizes[1], "bytes_of_copy": sizes[0],
        "filling": vars(filling), "ours": [vars(one) for one in ours], "copies": [vars(one) for one in copies],
    }  # fmt: skip
    if with_peers:
        taken = _peers(folder, ledger, peer_rows)
        found |= {"peer_rows": peer_rows, "peers": {name: vars(one) for name, one in taken.items()}}
        datasette, button = (f"peer: {name} ({peer_rows:,} rows)" for name in taken)
        ratios += [
            Ratio(
                work, "MB/s", best.rate, datasette, taken[DATASETTE].rate, is_rate=True, least=15
            ),
            Ratio(work, "MB/s", best.rate, button, taken[BUTTON].rate, is_rate=True),
            Ratio(f"{work}, memory grown by", "MB", grown, button, taken[BUTTON].grown / 1e6),
        ]
    return {**found, "ratios": [ratio.as_json() for ratio in ratios]}


def _peers(folder: Path, ledger: Path, rows: int) -> dict[str, Taken]:
    """What both peers took; they must have given all rows."""
    sqlite = folder / "rows.sqlite"
    to_sqlite(ledger, sqlite, rows)
    taken = {
        DATASETTE: with_datasette(folder, sqlite),
        BUTTON: with_button(folder, ledger, rows),
    }
    same("rows of the peers", expected=rows, datasette=_lines(folder / "datasette.csv"),
         button=_lines(folder / "button.csv"))  # fmt: skip
    return taken


def copy(ledger: str, path: str) -> Cost:
    """DuckDB's own CSV of the same rows, with as many threads as it likes."""
    with duckdb.connect(ledger, read_only=True) as con, clock() as cost:
        con.execute("COPY (FROM funding) TO $path (FORMAT csv, HEADER)", {"path": path})
    return cost


def take(url: str, path: Path, pid: int | None = None) -> Taken:
    """Download a file to a disk, and watch the memory of the process that sends it."""
    parts = urlsplit(url)
    before = 0
    if pid is not None:
        before = memory(pid)
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")  # forget the peak
    connection = http.client.HTTPConnection(parts.netloc, timeout=600)
    size, first = 0, 0.0
    # opened before the clock runs: emptying a file of gigabytes takes half a second
    with path.open("wb") as file:
        started = perf_counter()
        connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path)
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{url} answered {answer.status}: {answer.read()[:500]!r}")
        while piece := answer.read1(PIECE):
            first = first or perf_counter() - started
            size += file.write(piece)
    taken = Taken(size, first, perf_counter() - started)
    connection.close()
    taken.grown = memory(pid, "VmHWM") - before if pid is not None else 0
    return taken


def to_sqlite(ledger: Path, path: Path, rows: int) -> None:
    """The same rows in SQLite, which Datasette serves."""
    with duckdb.connect(ledger, read_only=True) as source, sqlite3.connect(path) as target:
        found = source.execute(
            "SELECT * REPLACE (amount::DOUBLE AS amount, amount_usd::DOUBLE AS amount_usd) "
            "FROM present.funding LIMIT $rows", {"rows": rows},
        )  # fmt: skip
        names = [column[0] for column in found.description or ()]
        target.execute(f"CREATE TABLE funding ({', '.join(names)})")
        marks = ", ".join("?" for _ in names)
        while some := found.fetchmany(20_000):
            target.executemany(f"INSERT INTO funding VALUES ({marks})", some)
    target.close()


def with_datasette(folder: Path, sqlite: Path) -> Taken:
    """The stream of a Datasette whose limits are lifted as its documentation says."""
    port = free_port()
    settings = ("--setting", "max_csv_mb", "0", "--setting", "sql_time_limit_ms", "600000")
    command = [
        peers.python().with_name("datasette"),
        "serve",
        sqlite,
        "--port",
        str(port),
        *settings,
    ]
    with _running(command, port) as process:
        take(f"http://127.0.0.1:{port}/rows/funding.csv?_size=10", folder / "datasette.csv")
        url = f"http://127.0.0.1:{port}/rows/funding.csv?_stream=on"
        return take(url, folder / "datasette.csv", process.pid)


def with_button(folder: Path, ledger: Path, rows: int) -> Taken:
    """From opening a page that makes the file with pandas until it is downloaded."""
    script = folder / "button.py"
    script.write_text(PAGE.format(ledger=str(ledger), rows=rows), encoding="utf-8")
    port = free_port()
    options = (
        "--server.headless",
        "true",
        "--server.port",
        str(port),
        "--browser.gatherUsageStats",
        "false",
    )
    command = [sys.executable, "-m", "streamlit", "run", script, *options]
    with _running(command, port) as process:
        before = memory(process.pid)
        started = perf_counter()
        where = _offered(port)
        first = perf_counter() - started
        got = take(f"http://127.0.0.1:{port}{where}", folder / "button.csv")
        return Taken(
            got.size, first + got.first, first + got.seconds, memory(process.pid, "VmHWM") - before
        )


def _offered(port: int) -> str:
    """The address of the file that the page's button offers."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from websockets.sync.client import connect

    asked = BackMsg()
    asked.rerun_script.query_string = ""
    protocols: Any = ["streamlit"]
    with connect(
        f"ws://127.0.0.1:{port}/_stcore/stream", subprotocols=protocols, max_size=None
    ) as socket:
        socket.send(asked.SerializeToString())
        while True:
            raw = socket.recv(timeout=600)
            said = ForwardMsg()
            said.ParseFromString(raw if isinstance(raw, bytes) else raw.encode())
            if url := said.delta.new_element.download_button.url:
                return str(url)
            if said.WhichOneof("type") == "script_finished":
                raise RuntimeError("the page ended without a button")


@contextmanager
def _running(command: list[Any], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A server that answers, until the block ends."""
    process = subprocess.Popen(
        [str(one) for one in command], env=environment(PYTHONPATH=""), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until = time.monotonic() + STARTS_WITHIN
        while not answers(port):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{command[:3]} did not start")
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    """Whether a server on this machine answers a request, whatever it says."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except OSError:
        return False
    finally:
        connection.close()
    return True


def _digest(path: Path) -> list[object]:
    """How many rows a CSV has, and which entries and amounts."""
    row = duckdb.connect().execute(
        f"SELECT {DIGEST} FROM (SELECT entry_id, amount_usd::DECIMAL(18, 2) AS amount_usd "
        "FROM read_csv($path, all_varchar = true, header = true))", {"path": str(path)},
    ).fetchone()  # fmt: skip
    return list(row or ())


def _lines(path: Path) -> int:
    """How many rows a CSV has."""
    row = duckdb.connect().execute(
        "SELECT count(*) FROM read_csv($path, all_varchar = true, header = true)", {"path": str(path)}
    ).fetchone()  # fmt: skip
    return int(row[0]) if row else 0
