"""The process that reads a source's files, started ahead of the files.

It is a fresh Python, and half a second goes by before it has imported what it needs. So one is started as
soon as it is known that there will be something to read, and waits; :mod:`etl.confined` tells it what. This
module is imported before all others, and so needs none of them.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

CHILD: Final = "from etl.confined import child; child()"
# All that the child gets of the environment; the rest may hold secrets.
KEPT: Final = (
    "PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONPYCACHEPREFIX", "LANG", "LC_ALL", "TZ", "TMPDIR",
    "LD_LIBRARY_PATH", "SYSTEMROOT",
)  # fmt: skip
THREADS: Final = str(min(4, os.cpu_count() or 1))
FEW_THREADS: Final = {"POLARS_MAX_THREADS": THREADS, "MALLOC_ARENA_MAX": "4"}


class Child:
    """A process that waits to be asked, and the line to it; it ends when the line does."""

    def __init__(self) -> None:
        """Start it."""
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        self.line, its = socket.socketpair()
        with its:
            self.process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - this very Python, and a text of ours
                [sys.executable, "-c", CHILD], cwd=Path(__file__).parents[1], stdin=its.fileno(),
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env={**environment, **FEW_THREADS},
            )  # fmt: skip

    def ask(self, request: bytes, descriptors: list[int]) -> None:
        """Say what to read, and hand over open files; one that has ended hears nothing."""
        with suppress(BrokenPipeError, ConnectionResetError):
            socket.send_fds(self.line, [request[:1]], descriptors)
            self.line.sendall(request[1:])

    def end(self) -> None:
        """Whatever it does, it is over."""
        self.process.kill()
        self.process.wait()
        self.line.close()


_waiting: Final[list[Child]] = []


def prepare() -> None:
    """Have a child started and waiting, unless one is."""
    if not _waiting:
        _waiting.append(Child())


def take() -> Child:
    """The child that waits, or a new one; whoever takes it ends it."""
    child = _waiting.pop() if _waiting else Child()
    if child.process.poll() is None:
        return child
    child.end()
    return Child()


def dismiss() -> None:
    """End the child that waits, if there is one."""
    while _waiting:
        _waiting.pop().end()


@contextmanager
def ended() -> Iterator[None]:
    """Let no child wait for longer than this lasts."""
    try:
        yield
    finally:
        dismiss()
