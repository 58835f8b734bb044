"""Fifty readers at once and twenty downloads, for five minutes: errors, waiting times, memory.

    python -m tests.tools.load [--seconds 300] [--sessions 50] [--streams 20]

A reader is a session of Streamlit's own websocket (:mod:`tests.siege.session`), which sends what a
browser sends: it opens a page, reads for a few seconds, opens the next, and leaves after some. A download
takes a whole table as CSV and counts its rows. The server may say that too much is under way (429, 503
with Retry-After): a client that waits and asks again makes no error of that, but it is counted.

Memory is what the server's process holds: before, when every page was opened once; most; and after, when
the readers have left and Streamlit has let go of their sessions.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import io
import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic, perf_counter, sleep
from typing import Any, Final

import httpx
from websockets.exceptions import WebSocketException

from etl.settings import Folders
from tests.dashboard.serving import serving
from tests.helpers import DATA, run
from tests.siege.session import PageError, session

PAGES: Final = (
    ("", ""), ("country", "area=VNM"), ("country", "area=KHM"), ("country", "area=COL"), ("casualties", ""),
    ("clearance", ""), ("timeline", ""), ("funding", ""), ("funding", "areas=Vietnam"), ("who_else_pays", ""),
    ("reconciliation", ""), ("changes", ""), ("sources", ""), ("findings", ""), ("about", ""), ("entry", ""),
)  # fmt: skip
TABLES: Final = (
    "funding",
    "casualties",
    "coverage",
    "dependency",
    "reconciliation",
    "clearance",
    "splits",
)
READS_SECONDS: Final = (5.0, 20.0)
PAGES_A_VISIT: Final = 8
KEPT_SESSION_SECONDS: Final = (
    130  # Streamlit keeps the session of a reader who has left for two minutes
)
STEP_SECONDS: Final = 5.0
MAY_GROW: Final = 1.2


@dataclass
class Load:
    """What was asked, and what came of it."""

    pages: list[float] = field(default_factory=list)
    first_bytes: list[float] = field(default_factory=list)
    rows: int = 0
    downloads: int = 0
    told_to_wait: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    def error(self, what: str, error: BaseException) -> None:
        """Count an error."""
        self.errors.append(f"{what}: {type(error).__name__}: {str(error)[:200]}")


@dataclass(frozen=True)
class Result:
    """The figures of a run; seconds, and megabytes of memory."""

    seconds: float
    sessions: int
    streams: int
    pages: int
    page_p50: float
    page_p95: float
    downloads: int
    rows: int
    first_byte_p95: float
    told_to_wait: Mapping[str, int]
    errors: list[str]
    memory_start: int
    memory_most: int
    memory_end: int

    @property
    def memory_ratio(self) -> float:
        """Memory at the end as a part of that at the start."""
        return self.memory_end / self.memory_start


def resident(pid: int) -> int:
    """The memory that a process holds, in megabytes."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) // 1024
    raise ProcessLookupError(f"process {pid} has ended")


def part(times: list[float], share: float) -> float:
    """The time that so large a part of all took no longer than."""
    return sorted(times)[min(len(times) - 1, int(len(times) * share))] if times else 0.0


async def reader(site: str, load: Load, until: float, dice: random.Random) -> None:
    """Visit after visit, until the time is up."""
    await asyncio.sleep(dice.uniform(0, READS_SECONDS[1]))  # people don't arrive at once
    while monotonic() < until:
        try:
            async with session(site) as opened:
                for _ in range(PAGES_A_VISIT):
                    if monotonic() >= until:
                        break
                    seen = await opened.open(*dice.choice(PAGES))
                    load.pages.append(seen.seconds)
                    await asyncio.sleep(dice.uniform(*READS_SECONDS))
        except (PageError, WebSocketException, OSError, TimeoutError) as error:
            load.error("page", error)
            await asyncio.sleep(1)


async def download(
    client: httpx.AsyncClient, load: Load, until: float, dice: random.Random
) -> None:
    """Table after table, until the time is up."""
    while monotonic() < until:
        table = dice.choice(TABLES)
        began = perf_counter()
        try:
            async with client.stream("GET", f"/api/v1/{table}.csv") as answer:
                if answer.status_code in {429, 503} and "Retry-After" in answer.headers:
                    load.told_to_wait[str(answer.status_code)] += 1
                    await asyncio.sleep(
                        float(answer.headers["Retry-After"]) * dice.uniform(0.5, 1.5)
                    )
                    continue
                answer.raise_for_status()
                pieces = [piece async for piece in answer.aiter_text()]
            load.first_bytes.append(perf_counter() - began)
            rows = sum(1 for _ in csv.reader(io.StringIO("".join(pieces), newline=""))) - 1
            if rows != int(promised := answer.headers["X-HMA-Rows"]):
                load.errors.append(
                    f"download: {table}.csv has {rows} rows, {promised} were promised"
                )
            load.rows += rows
            load.downloads += 1
        except httpx.HTTPError as error:
            load.error("download", error)
            await asyncio.sleep(1)


async def watch(pid: int, load: Load, until: float) -> None:
    """Note the server's memory now and then."""
    while monotonic() < until:
        load.memory.append(resident(pid))
        await asyncio.sleep(STEP_SECONDS / 5)


async def warm_up(site: str, client: httpx.AsyncClient) -> None:
    """Open every page and take every table once: code, caches and pools are there afterwards."""
    async with session(site) as opened:
        for page, query in PAGES:
            await opened.open(page, query)
    for table in TABLES:
        (await client.get(f"/api/v1/{table}.csv")).raise_for_status()


def settled(pid: int, start: int, longest: float) -> int:
    """The memory when it has come back, or when that has taken too long."""
    until = monotonic() + longest
    while monotonic() < until and resident(pid) > start * MAY_GROW:
        sleep(STEP_SECONDS)
    return resident(pid)


async def besiege(site: str, pid: int, seconds: float, sessions: int, streams: int) -> Result:
    """Load the server at ``site``, and let it rest afterwards."""
    load = Load()
    limits = httpx.Limits(max_connections=streams + 5, max_keepalive_connections=streams)
    async with httpx.AsyncClient(
        base_url=site, timeout=120, trust_env=False, limits=limits
    ) as client:
        await warm_up(site, client)
        start = resident(pid)
        until = monotonic() + seconds
        async with asyncio.TaskGroup() as tasks:
            for number in range(sessions):
                tasks.create_task(reader(site, load, until, random.Random(number)))  # noqa: S311
            for number in range(streams):
                tasks.create_task(download(client, load, until, random.Random(-1 - number)))  # noqa: S311
            tasks.create_task(watch(pid, load, until))
    end = settled(pid, start, KEPT_SESSION_SECONDS)
    return Result(
        seconds, sessions, streams, len(load.pages), part(load.pages, 0.5), part(load.pages, 0.95),
        load.downloads, load.rows, part(load.first_bytes, 0.95), dict(load.told_to_wait), load.errors,
        start, max(load.memory, default=start), end,
    )  # fmt: skip


def measured(folders: Folders, seconds: float, sessions: int, streams: int) -> Result:
    """Serve a ledger in a process of its own, and load it."""
    with serving(folders) as (site, process):
        return asyncio.run(besiege(site, process.pid, seconds, sessions, streams))


def as_json(result: Result) -> dict[str, Any]:
    """The figures, rounded."""
    said = asdict(result) | {"memory_ratio": round(result.memory_ratio, 3)}
    return {
        name: round(value, 3) if isinstance(value, float) else value for name, value in said.items()
    }


def main() -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--streams", type=int, default=20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hma-load-") as folder:
        folders = Folders(Path(folder) / "data")
        for name in ("transcribed", "reference"):
            shutil.copytree(DATA / name, folders.data / name)
        run(folders)
        result = measured(folders, asked.seconds, asked.sessions, asked.streams)
    sys.stdout.write(json.dumps(as_json(result), indent=1) + "\n")
    sys.exit(bool(result.errors) or result.memory_ratio > MAY_GROW)


if __name__ == "__main__":
    main()
