"""What runs in a process of its own, so that it may be killed or starved."""

from __future__ import annotations

import contextlib
import io
import os
import resource
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path

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
