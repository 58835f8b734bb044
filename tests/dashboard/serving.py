"""``hma serve`` in a process of its own, for tests that need a real server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from etl.settings import Folders

REPOSITORY = Path(__file__).resolve().parents[2]
SERVE = "from etl.start import main; main()"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(folders: Folders) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """``hma serve`` in a process of its own; gives its address once it answers."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environment = os.environ | {"HMA_DATA": str(folders.data), "PYTHONPATH": str(REPOSITORY)}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, "serve", "--port", str(port)],
        cwd=REPOSITORY, env=environment, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        wait_for(address, process)
        yield address, process
    finally:
        process.kill()
        process.communicate()


def wait_for(address: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{address}/healthz", timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    process.kill()
    raise AssertionError(f"the server did not start: {process.communicate()[0]}")
