"""Traps on every call by which a refresh changes something: count them, then spring one.

A first run counts the calls; a second run of the same work is killed, or told that the disk
failed, at one of them.
"""

# ruff: noqa: ANN401 - what is trapped takes and gives anything

from __future__ import annotations

import builtins
import io
import os
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, Final, NamedTuple

import duckdb

OS_CALLS: Final = (
    "fsync", "fdatasync", "rename", "replace", "link", "unlink", "rmdir", "mkdir", "ftruncate",
    "truncate", "sendfile",
)  # fmt: skip
DIVISIBLE: Final = ("write", "sendfile", "execute")
STEP: Final = "step"  # the pipeline telling of its progress: not a call that can fail


class Call(NamedTuple):
    """One trapped call: in which stage, what, upon what, and how long it took."""

    stage: str
    name: str
    subject: str
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.stage}: {self.name} {self.subject}"


class Aim(NamedTuple):
    """Which call to spring, when (before, middle, after), and the error; None kills."""

    call: int
    when: str
    error: int | None = None
    seconds: float = 0.0  # how far into a statement of the engine its middle is


class Traps:
    """The traps of one process; they are never taken away again, so set them in a child."""

    def __init__(self, folder: Path, aim: Aim | None = None) -> None:
        """Trap calls below ``folder``; without an aim, only count them."""
        self.folder = folder.resolve()
        self.aim = aim or Aim(-1, "never")
        self.step = "start"
        self.calls: list[Call] = []

    def set(self) -> None:
        """Wrap the calls."""
        for name in OS_CALLS:
            setattr(os, name, self._of_os(name, getattr(os, name)))
        io.open = builtins.open = self._opening(io.open)
        duckdb.DuckDBPyConnection.execute = self._executing(  # type: ignore[method-assign]
            duckdb.DuckDBPyConnection.execute
        )

    def progress(self, source_id: str, step: str) -> None:
        """Stands where the pipeline tells of its progress."""
        self.step = step
        self._spring(STEP, source_id, lambda: None)

    def _spring(
        self,
        name: str,
        subject: str,
        whole: Callable[[], Any],
        half: Callable[[], object] = lambda: None,
    ) -> Any:
        """Do ``whole``, unless this call is aimed at."""
        index = len(self.calls)
        call = Call(stage(self.step, name, subject), name, subject)
        self.calls.append(call)
        aimed = self.aim.call == index
        if aimed and self.aim.error is not None:
            raise OSError(self.aim.error, os.strerror(self.aim.error), subject)
        if aimed and self.aim.when == "middle":
            half()
        if aimed and self.aim.when != "after":
            kill()
        started = perf_counter()
        try:
            return whole()
        finally:  # after a call that raises, too: removing what is not there does
            self.calls[index] = call._replace(seconds=perf_counter() - started)
            if aimed:
                kill()

    def _of_os(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def trapped(first: Any, *rest: Any, **options: Any) -> Any:
            if not self._is_ours(first) or (name == "mkdir" and Path(first).is_dir()):
                return call(first, *rest, **options)

            def half() -> None:  # of a copy
                source, offset, _ = rest
                call(first, source, offset, os.fstat(source).st_size // 2)

            return self._spring(
                name,
                self._subject(first),
                lambda: call(first, *rest, **options),
                half if name == "sendfile" else lambda: None,
            )

        return trapped

    def _opening(self, opened: Callable[..., Any]) -> Callable[..., Any]:
        def trapped(file: Any, mode: str = "r", *rest: Any, **options: Any) -> Any:
            if not set(mode) & set("wax+") or not self._is_ours(file):
                return opened(file, mode, *rest, **options)
            subject = self._subject(file)
            made = self._spring("open", subject, lambda: opened(file, mode, *rest, **options))
            write = made.write

            def half(content: Any) -> None:
                write(content[: len(content) // 2])
                made.flush()

            made.write = lambda content: self._spring(
                "write", subject, lambda: write(content), lambda: half(content)
            )
            return made

        return trapped

    def _executing(self, execute: Callable[..., Any]) -> Callable[..., Any]:
        def trapped(con: Any, query: Any, *rest: Any, **options: Any) -> Any:
            text = query if isinstance(query, str) else query.query
            words = re.sub(r"--.*", "", text).split()

            def half() -> None:
                threading.Timer(self.aim.seconds, kill).start()
                execute(con, query, *rest, **options)

            return self._spring(
                "execute",
                " ".join(words[:4]),
                lambda: execute(con, query, *rest, **options),
                half,
            )

        return trapped

    def _is_ours(self, file: Any) -> bool:
        return _path(file).startswith(str(self.folder))

    def _subject(self, file: Any) -> str:
        """The path below the folder, without what differs from run to run."""
        path = _path(file).removeprefix(f"{self.folder}/")
        path = re.sub(r"sha256/[0-9a-f]{2}\b", "sha256/..", re.sub(r"[0-9a-f]{64}", "…", path))
        return re.sub(r"-[0-9a-f]{8}\b", "-…", re.sub(r"(?<=[-.])\d+(?=\.)", "N", path))


def _path(file: Any) -> str:
    """The absolute path of a path or of an open file."""
    if isinstance(file, int):
        return str(Path(f"/proc/self/fd/{file}").readlink())
    return str(Path(file).absolute())


def kill() -> None:
    """As in the machine's last moment: nothing is closed, flushed or tidied up."""
    os.kill(os.getpid(), signal.SIGKILL)


def stage(step: str, name: str, subject: str) -> str:
    """The stage of a call: the pipeline's step, told apart further where one step does several."""
    if "CHECKPOINT" in subject:
        return "checkpoint"
    if "CURRENT" in subject:
        return "CURRENT"
    if name in {"rename", "replace", "link"} and subject.startswith("ledger/building"):
        return "rename"
    if name == "unlink" and subject.startswith("ledger/ledger-"):
        return "prune"
    if subject.startswith("archive/refreshes"):
        return "manifest"
    return step
