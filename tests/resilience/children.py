"""What runs in a process of its own, so that it may be killed or starved."""

from __future__ import annotations

import contextlib
import io
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from etl.publish import prune
from etl.refresh import refresh
from etl.settings import Folders
from etl.sources import all_sources
from tests.resilience.traps import Aim, Traps

SOURCES = ("program_events", "dod_hma")


def refresh_trapped(pipe: Connection, data: Path, aim: Aim | None) -> None:
    """A refresh under traps, and old files pruned; sends the calls it made, unless it is killed before."""
    traps = Traps(data, aim)
    traps.set()
    specs = all_sources()
    traps.progress("", "start")
    refresh(Folders(data), [specs[name] for name in SOURCES], traps.progress)
    traps.progress("", "prune")
    prune(Folders(data).ledger, 1)
    pipe.send(traps.calls)


class Spot(NamedTuple):
    """A moment by what is done then: in which step, the call (``execute COMMIT``), and when about it."""

    step: str
    call: str
    when: str


class Spotted(Traps):
    """Traps that spring once, at a spot."""

    def __init__(self, folder: Path, spot: Spot | None) -> None:
        """Kill at ``spot``; never without one."""
        super().__init__(folder)
        self._spot = spot

    def _spring(
        self,
        name: str,
        subject: str,
        whole: Callable[[], Any],
        half: Callable[[], object] = lambda: None,
    ) -> Any:  # noqa: ANN401 - what is trapped gives anything
        spot = self._spot
        if spot and self.step == spot.step and f"{name} {subject}".startswith(spot.call):
            self.aim, self._spot = Aim(len(self.calls), spot.when, seconds=0.02), None
        return super()._spring(name, subject, whole, half)


def refresh_of(
    pipe: Connection, folders: Folders, sources: Sequence[str], spot: Spot | None
) -> None:
    """A refresh of some sources in whatever home, killed at ``spot``; sends what it published."""
    traps = Spotted(folders.data, spot)
    traps.set()
    specs = all_sources()
    outcome = refresh(folders, [specs[name] for name in sources], traps.progress)
    pipe.send(outcome.published.stem if outcome.published else None)


def command_trapped(pipe: Connection, data: Path, aim: Aim | None, most_bytes: int | None) -> None:
    """``hma refresh`` under traps, or with files no longer than ``most_bytes``.

    Sends the exit code, all that was printed, and the calls.
    """
    traps = Traps(data, aim)
    if aim is not None:
        traps.set()
    if most_bytes is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    os.environ |= {"HMA_DATA": str(data), "COLUMNS": "300"}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = _exit_code(["hma", "refresh", *SOURCES])
    pipe.send((code, printed.getvalue(), traps.calls))


def _exit_code(command: list[str]) -> int:
    from etl.cli import main

    sys.argv = command
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0
