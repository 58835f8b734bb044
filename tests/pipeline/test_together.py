"""Two dashboards and two refresh workers on one lake: ``tests/tools/together.py``."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from etl.settings import Folders
from tests import lakes
from tests.helpers import Row, rewrite
from tests.resilience import workers
from tests.siege.session import session
from tests.tools.together import DASHBOARDS, WORKERS, Service, shared, up

FILES = {source_id: workers.WORKERS[source_id] for source_id in WORKERS.values()}
FOLLOWS_SECONDS = 60


def say(folders: Folders, number: int) -> None:
    """Let the next refresh of both sources revise one entry each."""
    for file, column, _ in FILES.values():
        said = {column: f"change {number}"}
        rewrite(folders, file, partial(revised, said))


def revised(said: Row, rows: list[Row]) -> list[Row]:
    """The rows, of which the first says something else."""
    return [rows[0] | said, *rows[1:]]


def seen(client: httpx.Client) -> dict[str, Any]:
    """What a dashboard shows: the refresh it serves, and the change that it shows of each source."""
    found: dict[str, Any] = {}
    for source_id, (_, column, table) in FILES.items():
        answer = client.get(
            f"/api/v1/{table}.json",
            params={"source_id": source_id, f"{column}.contains": "change "},
        )
        answer.raise_for_status()
        found[source_id] = max(
            (int(row[column].split()[1]) for row in answer.json()["rows"]), default=0
        )
    return found


def follow(dashboard: Service, number: int) -> None:
    """Wait until a dashboard shows a change of both sources."""
    until = time.monotonic() + FOLLOWS_SECONDS
    with httpx.Client(base_url=dashboard.address, trust_env=False, timeout=30) as client:
        while (found := seen(client)) != dict.fromkeys(FILES, number):
            assert time.monotonic() < until, f"{dashboard.name} shows {found}, not change {number}"
            time.sleep(0.2)


def watch(dashboard: Service, stop: threading.Event, wrong: list[str]) -> None:
    """Read on until told to stop; note what goes back, and every answer that is none."""
    before = dict.fromkeys(FILES, 0)
    with httpx.Client(base_url=dashboard.address, trust_env=False, timeout=30) as client:
        while not stop.is_set():
            try:
                found = seen(client)
            except httpx.HTTPError as error:
                wrong.append(f"{dashboard.name}: {error!r}")
                return
            wrong += [
                f"{dashboard.name}: {source_id} went back from {before[source_id]} to {number}"
                for source_id, number in found.items()
                if number < before[source_id]
            ]
            before = found
            time.sleep(0.3)


async def page(dashboard: Service) -> str:
    """What a reader's page says."""
    async with session(dashboard.address) as opened:
        return (await opened.open("sources")).texts


def test_two_dashboards_and_two_workers_share_a_lake(
    postgres: lakes.Server, tmp_path: Path
) -> None:
    with up(tmp_path, postgres) as services:
        first, second = (services[name] for name in DASHBOARDS)
        wrong: list[str] = []
        stop = threading.Event()
        watching = threading.Thread(target=watch, args=(first, stop, wrong))
        watching.start()
        try:
            say(shared(tmp_path), 1)
            for dashboard in (first, second):
                follow(dashboard, 1)
            second.kill()
            services["worker-1"].kill()
            say(shared(tmp_path), 2)
            for name in (second.name, "worker-1"):
                services[name].start()
            second.wait()
            for dashboard in (first, second):
                follow(dashboard, 2)
        finally:
            stop.set()
            watching.join()
        assert wrong == []
        for dashboard in (first, second):
            assert "Sources" in asyncio.run(page(dashboard))
        running = {name: service.is_running for name, service in services.items()}
        said = {name: one.log.read_text(encoding="utf-8")[-1500:] for name, one in services.items()}
        assert running == dict.fromkeys(services, True), said
