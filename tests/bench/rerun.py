"""How long the server works when a reader touches a page, beside what DuckDB alone needs for its questions.

    python -m tests.bench.rerun [ENTRIES] [--data FOLDER] [--json FILE]

Makes a ledger of so many entries (:mod:`tests.bench.million`), serves it, and asks for every page as a
browser does, over its WebSocket, from the request to the message that the run is over. The first visit
fills the caches; what follows are warm reruns, as after a click that changes no question. Beside the
time by the clock stands the processor time of the server's process, which other work on the machine does
not lengthen. The questions of a page are recorded from a run in this process, and asked again of a bare
connection. A page whose median processor time is over :data:`LIMIT_MS` ends the script with 1.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any, Final
from unittest import mock
from urllib.parse import parse_qsl

import duckdb
import streamlit as st
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.testing.v1 import AppTest
from websockets.sync.client import ClientConnection, connect

from dashboard.current import ledgers
from etl import sql
from etl.settings import Folders
from etl.store import Lease, current_path, open_read_only
from tests.bench import million
from tests.dashboard.serving import REPOSITORY, serving
from tests.tools import readme

ENTRIES: Final = 1_000_000
LIMIT_MS: Final = 150  # processor time of a warm rerun, median
ROUNDS: Final = 11
BARE_ROUNDS: Final = 3
SECONDS: Final = 120
TICKS: Final = os.sysconf("SC_CLK_TCK")

# Script, address and what is chosen there; labels, since a code in an address is rewritten once.
PAGES: Final = {
    "What it covered": ("coverage", "", ""),
    "What it covered, casualties": ("coverage", "", "map=Casualties"),
    "Country, Colombia": ("country", "country", "area=Colombia"),
    "Country, Vietnam": ("country", "country", "area=Vietnam"),
    "Timeline": ("timeline", "timeline", ""),
    "Casualties": ("casualties", "casualties", ""),
    "Clearance": ("clearance", "clearance", ""),
    "Funding": ("funding", "funding", ""),
    "Funding, one country": ("funding", "funding", "areas=Vietnam"),
    "Compare": ("compare", "compare", ""),
    "Who else pays": ("who_else_pays", "who_else_pays", ""),
    "Partners": ("partners", "partners", ""),
    "Reconciliation": ("reconciliation", "reconciliation", ""),
    "Changes": ("changes", "changes", ""),
    "Sources": ("sources", "sources", ""),
    "Rejects and issues": ("findings", "findings", ""),
    "About": ("about", "about", ""),
}


@dataclass(frozen=True)
class Figures:
    """What one page took, in milliseconds; and how many questions it asks and bytes it sends."""

    first_ms: float
    p50_ms: float
    p95_ms: float
    cpu_p50_ms: float
    cpu_p95_ms: float
    bare_ms: float
    questions: int
    sent_bytes: int


# The server's side


def processor_seconds(pid: int) -> float:
    """What a process has used of the processor, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rerun(socket: ClientConnection, name: str, query: str) -> tuple[float, int]:
    """Ask for a page and wait until its run is over: seconds, and bytes sent."""
    asked = BackMsg()
    asked.rerun_script.query_string = query
    asked.rerun_script.page_name = name
    started, size = perf_counter(), 0
    socket.send(asked.SerializeToString())
    while True:
        raw = socket.recv(timeout=SECONDS)
        said = ForwardMsg()
        said.ParseFromString(raw if isinstance(raw, bytes) else raw.encode())
        size += len(raw)
        if (
            said.WhichOneof("type") == "script_finished"
            and said.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
        ):
            return perf_counter() - started, size


def warm(address: str, pid: int) -> dict[str, tuple[float, list[float], list[float], int]]:
    """By page: seconds of the first visit, of each warm rerun, of the processor, and bytes sent."""
    found = {}
    for title, (_, name, query) in PAGES.items():
        url = f"{address.replace('http', 'ws', 1)}/_stcore/stream"
        with connect(url, subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[list-item]
            first, _ = rerun(socket, name, query)
            times, used = [], []
            size = 0
            for _ in range(ROUNDS):
                before = processor_seconds(pid)
                seconds, size = rerun(socket, name, query)
                times.append(seconds)
                used.append(processor_seconds(pid) - before)
            found[title] = (first, times, used, size)
    return found


# DuckDB's side


class _Recording:
    """A connection that writes down what it is asked."""

    def __init__(self, con: duckdb.DuckDBPyConnection, asked: list[tuple[str, Any]]) -> None:
        self._con = con
        self._asked = asked

    def execute(self, query: str, parameters: object = None) -> duckdb.DuckDBPyConnection:
        self._asked.append((query, parameters))
        return self._con.execute(query, parameters)

    def sql(self, query: str, *, params: object = None) -> duckdb.DuckDBPyRelation:
        self._asked.append((query, params))
        return self._con.sql(query, params=params)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._con, name)


class _Pool:
    """The ledgers of this process, with leases that write down their questions."""

    def __init__(self, asked: list[tuple[str, Any]]) -> None:
        self._asked = asked

    @contextmanager
    def lease(self, as_of: str | None = None) -> Iterator[Lease]:
        with ledgers().lease(as_of) as lease:
            yield replace(lease, con=_Recording(lease.con, self._asked))  # type: ignore[arg-type]


def questions_of(script: str, query: str) -> list[tuple[str, Any]]:
    """What a page asks the ledger when nothing is cached."""
    asked: list[tuple[str, Any]] = []
    st.cache_data.clear()
    st.cache_resource.clear()
    with mock.patch("dashboard.queries.ledgers", return_value=_Pool(asked)):
        app = AppTest.from_file(REPOSITORY / "dashboard/streamlit_app.py", default_timeout=SECONDS)
        for key, value in parse_qsl(query):
            app.query_params[key] = value
        app.switch_page(f"app_pages/{script}.py").run()
        if app.exception:
            raise RuntimeError(f"{script}: {app.exception[0].message}")
    return asked


def bare(con: duckdb.DuckDBPyConnection, asked: list[tuple[str, Any]]) -> float:
    """Seconds that DuckDB needs for all questions of a page: the median of a few rounds."""
    rounds = []
    for _ in range(BARE_ROUNDS):
        started = perf_counter()
        for query, parameters in asked:
            con.execute(query, parameters).to_arrow_table()
        rounds.append(perf_counter() - started)
    return statistics.median(rounds)


# Together


def percentile(values: list[float], share: float) -> float:
    """The value below which so large a share lies; of few values the next higher one."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def measure(folders: Folders) -> dict[str, Figures]:
    """All pages of a ledger."""
    with serving(folders) as (address, process):
        served = warm(address, process.pid)
    os.environ["HMA_DATA"] = str(folders.data)
    ledgers.cache_clear()
    con = open_read_only(current_path(folders.ledger))
    con.execute(sql.text("macros"))
    found = {}
    for title, (script, _, query) in PAGES.items():
        asked = questions_of(script, query)
        first, times, used, size = served[title]
        found[title] = Figures(
            first_ms=round(first * 1000, 1),
            p50_ms=round(statistics.median(times) * 1000, 1),
            p95_ms=round(percentile(times, 0.95) * 1000, 1),
            cpu_p50_ms=round(statistics.median(used) * 1000, 1),
            cpu_p95_ms=round(percentile(used, 0.95) * 1000, 1),
            bare_ms=round(bare(con, asked) * 1000, 1),
            questions=len(asked),
            sent_bytes=size,
        )
    con.close()
    ledgers().close()
    return found


def as_table(entries: int, found: dict[str, Figures]) -> str:
    """The README's table."""
    lines = [
        f"| {entries:,} entries | warm rerun, ms | 95 % below, ms | of it processor, ms | first visit, ms | "
        "its questions to bare DuckDB, ms |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for title, one in found.items():
        lines.append(
            f"| {title} | {one.p50_ms:.0f} | {one.p95_ms:.0f} | {one.cpu_p50_ms:.0f} | {one.first_ms:,.0f} | "
            f"{one.bare_ms:.0f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and write the README's table."""
    logging.disable(logging.WARNING)  # Streamlit warns of pages that are run without a server
    parser = argparse.ArgumentParser(description="Time warm reruns of every page.")
    parser.add_argument("entries", type=int, nargs="?", default=ENTRIES)
    parser.add_argument("--data", type=Path, help="a data folder made before, instead of a new one")
    parser.add_argument("--json", type=Path, help="write the figures there, and leave the README")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folders = (
            Folders(said.data) if said.data else million.make(Path(name) / "data", said.entries)
        )
        entries = million.count(folders)
        found = measure(folders)
    text = as_table(entries, found)
    sys.stdout.write(text)
    if said.json:
        results = {title: asdict(one) for title, one in found.items()}
        said.json.write_text(
            json.dumps({"entries": entries, "limit_ms": LIMIT_MS, "pages": results}, indent=1),
            encoding="utf-8",
        )
    else:
        readme.put("rerun", text)
    slow = [title for title, one in found.items() if one.cpu_p50_ms > LIMIT_MS]
    if slow:
        sys.stdout.write(f"Over {LIMIT_MS} ms of processor time: {', '.join(slow)}\n")
        raise SystemExit(1)


if __name__ == "__main__":
    main()
