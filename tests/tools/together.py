"""Two dashboards and two refresh workers on one lake, on this machine, each with a data folder of its own.

    python -m tests.tools.together [--data FOLDER]

What a compose file would start: PostgreSQL with the lake's catalog, two ``hma serve``, and two workers that
refresh a source each, again and again. The machines share what machines of a lake share, by links where
they would have mounts: the archive, the files of the sources, and the folder of the lake's rows. Everything
starts at once, on an empty lake. It runs until Ctrl-C; edit a file in ``shared/transcribed`` and see both dashboards follow.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import IO, Final

import httpx

from etl.settings import LAKE, Folders, Lake
from tests import lakes
from tests.dashboard.serving import REPOSITORY, SERVE, free_port, wait_for
from tests.helpers import DATA

WORKERS: Final = MappingProxyType({"worker-1": "program_events", "worker-2": "dod_hma"})
DASHBOARDS: Final = ("dashboard-1", "dashboard-2")
SHARED: Final = ("transcribed", "reference", "archive")
READY_SECONDS: Final = 120
# A refresh that finds another at work says so by 4 and comes back; anything else ends the worker, and is seen.
WORKER: Final = (
    'while :; do "$@"; code=$?; case $code in 0|4) ;; *) exit $code;; esac; sleep 1.5; done'
)


@dataclass
class Service:
    """One process of the group: what it runs, with which data folder, and where its words go."""

    name: str
    command: list[str]
    data: Path
    environment: Mapping[str, str]
    address: str = ""
    process: subprocess.Popen[str] | None = field(default=None, repr=False)
    _log: IO[str] | None = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        """What it has said."""
        return self.data.with_name("log")

    def start(self) -> None:
        """Start it, with a process group of its own, so that a worker goes with its refresh."""
        self._log = self.log.open("a", encoding="utf-8")
        self.process = subprocess.Popen(
            self.command, env=dict(self.environment), cwd=REPOSITORY, text=True, stdout=self._log,
            stderr=subprocess.STDOUT, process_group=0,
        )  # fmt: skip

    def wait(self) -> None:
        """Wait until it serves a ledger.

        Raises:
            AssertionError: it ended, or never served one.
        """
        assert self.process
        wait_for(self.address, self.process)
        until = time.monotonic() + READY_SECONDS
        while httpx.get(f"{self.address}/readyz", timeout=30, trust_env=False).status_code != 200:
            assert time.monotonic() < until, self.log.read_text(encoding="utf-8")
            time.sleep(0.2)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self.process and self._log:
            if self.process.poll() is None:
                os.killpg(self.process.pid, 9)
            self.process.wait()
            self._log.close()

    @property
    def is_running(self) -> bool:
        """It was started and has not ended."""
        return self.process is not None and self.process.poll() is None


@contextmanager
def up(folder: Path, server: lakes.Server) -> Iterator[dict[str, Service]]:
    """Start them all at once below ``folder``; they are killed when the block ends."""
    lake = server.lake(folder / "shared" / "rows")
    services: dict[str, Service] = {}
    for name in ("transcribed", "reference"):
        shutil.copytree(DATA / name, folder / "shared" / name)
    (folder / "shared" / "archive").mkdir()
    for name in DASHBOARDS:
        port = free_port()
        service = _service(folder, name, lake, "serve", "--port", str(port))
        service.address = f"http://127.0.0.1:{port}"
        services[name] = service
    for name, source_id in WORKERS.items():
        service = _service(folder, name, lake, "refresh", source_id)
        service.command = ["sh", "-c", WORKER, name, *service.command]
        services[name] = service
    with ExitStack() as stack:
        for service in services.values():
            service.start()
            stack.callback(service.kill)
        for name in DASHBOARDS:
            services[name].wait()
        yield services


def shared(folder: Path) -> Folders:
    """The files of the sources, which all machines read."""
    return Folders(folder / "shared")


def _service(folder: Path, name: str, lake: Lake, *words: str) -> Service:
    data = folder / name / "data"
    data.mkdir(parents=True)
    for one in SHARED:
        (data / one).symlink_to(folder / "shared" / one)
    environment = os.environ | {
        "HMA_DATA": str(data), "HMA_STORE": f"{LAKE}{lake.catalog}", "HMA_STORE_DATA": lake.data,
        "HMA_CONFIG": str(data / "none.toml"), "HMA_FETCH__WATCH": "false", "PYTHONPATH": str(REPOSITORY),
    }  # fmt: skip
    return Service(name, [sys.executable, "-c", SERVE, *words], data, environment)


def main() -> None:
    """Start them, say where they are, and wait."""
    parser = argparse.ArgumentParser(description="Two dashboards and two workers on one lake.")
    parser.add_argument("--data", type=Path, help="an empty folder; otherwise one for the time")
    asked = parser.parse_args()
    if why := lakes.why_not():
        sys.exit(why)
    with ExitStack() as stack:
        folder = asked.data or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="hma-together-"))
        )
        services = stack.enter_context(up(folder.resolve(), stack.enter_context(lakes.serving())))
        for service in services.values():
            sys.stdout.write(f"{service.name}: {service.address or WORKERS[service.name]}\n")
        sys.stdout.write(
            f"Files of the sources: {folder / 'shared' / 'transcribed'}. Ctrl-C stops it.\n"
        )
        sys.stdout.flush()
        try:
            while all(service.is_running for service in services.values()):
                time.sleep(1)
        except KeyboardInterrupt:
            return
        ended = [service for service in services.values() if not service.is_running]
        sys.exit(
            "".join(
                f"{one.name} ended: {one.log.read_text(encoding='utf-8')[-2000:]}\n"
                for one in ended
            )
        )


if __name__ == "__main__":
    main()
