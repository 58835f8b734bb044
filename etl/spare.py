"""The process that reads a source's files: how it is started, asked and ended.

It is a fresh Python, and half a second goes by before it has imported what it needs. So it is started as
soon as it is known that something will have to be read, and waits until :mod:`etl.confined` says what. This
module is imported before all others, and so needs none that takes time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

CHILD: Final = "from etl.confined import child; child()"
# All that the child gets of the environment; the rest may hold secrets.
KEPT: Final = (
    "PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONPYCACHEPREFIX", "LANG", "LC_ALL", "TZ", "TMPDIR",
    "LD_LIBRARY_PATH", "SYSTEMROOT",
)  # fmt: skip
THREADS: Final = str(min(4, os.cpu_count() or 1))
FEW_THREADS: Final = {"POLARS_MAX_THREADS": THREADS, "MALLOC_ARENA_MAX": "4"}
TOO_LONG: Final = 1000  # no exit code of a process: it was ended after the wall time


class Child:
    """One process that waits for what to read."""

    def __init__(self, folder: Path) -> None:
        """Start it; what it writes goes into files without a name in ``folder``, of which nothing is left."""
        folder.mkdir(parents=True, exist_ok=True)
        self.answer = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by end()
        self.complaints = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        self._process = subprocess.Popen(  # noqa: S603 - this very Python, and a text of ours
            [sys.executable, "-c", CHILD], cwd=Path(__file__).parents[1], stdin=subprocess.PIPE,
            stdout=self.answer, stderr=self.complaints, env={**environment, **FEW_THREADS},
        )  # fmt: skip

    def ask(self, request: Mapping[str, Any], seconds: float) -> int:
        """Have it read, to its end; its exit code, or that it took too long."""
        with suppress(BrokenPipeError):
            if self._process.stdin:
                self._process.stdin.write(json.dumps(request).encode() + b"\n")
                self._process.stdin.flush()
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return TOO_LONG

    def end(self) -> None:
        """End it, if it has not ended."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        self.answer.close()
        self.complaints.close()


_early: Final[list[Child]] = []


def start_early(folder: Path) -> None:
    """Start one before anything else is imported; where that fails, the command itself will say why."""
    with suppress(OSError):
        _early.append(Child(folder))


def take(folder: Path) -> Child:
    """The one that was started early, or a new one; whoever takes it ends it."""
    return _early.pop() if _early else Child(folder)


def dismiss() -> None:
    """End the one that was started early, if nothing was to be read after all."""
    while _early:
        _early.pop().end()
