"""The diary of this machine's runs: when it asked whom, and what came of it.

The ledger records what a refresh changed; a refresh that changes nothing leaves no trace there. Here
every run that asks publishers has its line, with its beginning written down before anything is asked. A
beginning without an end is a run that was killed: the next run finds it, and what it was for is due
again. ``state/diary.json`` is rewritten as a whole, so it is the old one or the new one; it can be lost
without harm, and then the day of the last contact is what the fetching remembers.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from pydantic import AwareDatetime, BaseModel, ConfigDict, PrivateAttr, ValidationError

from etl.archive import write_safely

FILE: Final = "diary.json"
LOCK: Final = ".run.lock"
KEPT_RUNS: Final = 200
Now = Callable[[], datetime]


class AtWorkError(Exception):
    """Another run asks publishers just now."""


class SourceDiary(BaseModel):
    """The last word on one source: of its last run, and of the last that had an answer."""

    model_config = ConfigDict(extra="forbid")

    tried_at: AwareDatetime | None = None
    had_at: AwareDatetime | None = None
    failures: int = 0
    state: str = "never tried"  # good, hold, stale, dark, to be read, failed, interrupted
    reason: str | None = None
    rows: int = 0
    rejects: int = 0
    seconds: float = 0.0


class Run(BaseModel):
    """One run; without an end it is under way, or was killed."""

    model_config = ConfigDict(extra="forbid")

    run: str
    by: str
    process: int
    sources: list[str]
    began_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    end: str | None = None  # published, nothing new, failed, interrupted
    reason: str | None = None
    ledger: str | None = None


class Diary(BaseModel):
    """What is written down; times are UTC."""

    model_config = ConfigDict(extra="forbid")

    sources: dict[str, SourceDiary] = {}
    runs: list[Run] = []
    _path: Path = PrivateAttr()

    @classmethod
    def of(cls, state: Path) -> Diary:
        """The diary in that folder; an empty one if there is none that can be read."""
        path = state / FILE
        try:
            diary = cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            diary = cls()
        diary._path = path
        return diary

    def keep(self) -> None:
        """Write it down."""
        del self.runs[:-KEPT_RUNS]
        write_safely(self._path, self.model_dump_json(indent=1).encode())

    def _fail(self, source_id: str, at: datetime, state: str, reason: str) -> None:
        known = self.sources.setdefault(source_id, SourceDiary())
        known.tried_at, known.failures = at, known.failures + 1
        known.state, known.reason = state, reason

    def close_interrupted(self, now: datetime) -> list[Run]:
        """Give those runs an end that never wrote one, and their sources a failure at their beginning."""
        found = [run for run in self.runs if run.ended_at is None]
        for run in found:
            run.ended_at, run.end = now, "interrupted"
            run.reason = "it was killed, or the machine went off"
            for source_id in run.sources:
                self._fail(source_id, run.began_at, "interrupted", run.reason)
        return found


class Entry:
    """A run under way: what it has to tell when it ends."""

    def __init__(self, run: Run, interrupted: list[Run]) -> None:
        """``interrupted`` are the runs before it that did not end."""
        self.run = run
        self.interrupted = interrupted
        self.found: dict[str, SourceDiary] = {}

    def source(self, source_id: str, said: SourceDiary) -> None:
        """What came of one source; ``had_at`` set to any time says that its publisher answered."""
        self.found[source_id] = said


@contextmanager
def running(
    state: Path,
    sources: Iterable[str],
    by: str,
    now: Now = lambda: datetime.now(UTC),
    passing: tuple[type[Exception], ...] = (),
) -> Iterator[Entry]:
    """Write down the beginning of a run, and at the end of the block what it gives; one at a time.

    A run that ends by one of ``passing`` never was one.

    Raises:
        AtWorkError: another run is under way.
    """
    state.mkdir(parents=True, exist_ok=True)
    lock = FileLock(state / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise AtWorkError("another refresh is running; it asks publishers just now") from error
    try:
        began = now()
        for left in state.glob(f".{FILE}.*.part"):
            left.unlink()  # of a run that was killed while it wrote: nobody else holds the lock
        diary = Diary.of(state)
        interrupted = diary.close_interrupted(began)
        run = Run(
            run=f"{began:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}", by=by, process=os.getpid(),
            sources=list(sources), began_at=began,
        )  # fmt: skip
        diary.runs.append(run)
        diary.keep()
        entry = Entry(run, interrupted)
        try:
            yield entry
        except passing:
            diary.runs.remove(run)
            diary.keep()
            raise
        except Exception as error:
            for source_id in run.sources:
                diary._fail(source_id, began, "failed", type(error).__name__)
            run.end, run.reason = "failed", f"{type(error).__name__}: {error}"
            raise
        else:
            _learn(diary, entry, now())
        finally:
            if run.end:
                run.ended_at = now()
                diary.keep()
    finally:
        lock.release()


def _learn(diary: Diary, entry: Entry, now: datetime) -> None:
    """Take over what a run that ended has to tell."""
    entry.run.end = "published" if entry.run.ledger else "nothing new"
    for source_id, said in entry.found.items():
        before = diary.sources.get(source_id, SourceDiary())
        had = said.had_at is not None
        # the times are the beginning: what a publisher did during the run may be missing from it
        diary.sources[source_id] = said.model_copy(
            update={
                "tried_at": now,
                "had_at": entry.run.began_at if had else before.had_at,
                "failures": 0 if had else before.failures + 1,
            }
        )
