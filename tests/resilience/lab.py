"""A small data folder to break things in, and what must hold after every break.

Two small sources are enough to pass through every stage of the pipeline in about a second. Each
break gets its own copy of the same pristine folder, so that the same run makes the same calls.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from etl import diary
from etl.archive import Archive
from etl.log import SourceOutcome
from etl.refresh import Outcome
from etl.settings import Folders
from etl.store import CURRENT, NoLedgerError
from etl.verify import verify
from tests.helpers import DATA, ask, figures, rewrite, run

SOURCES: Final = ("program_events", "dod_hma")
EVENTS: Final = "us_funding/program_events.csv"
FILES: Final = (EVENTS, "us_funding/dod_hma.csv")
LAST_CHANGE: Final = "the last change"
REFRESHES: Final = 2  # of a pristine folder: enough that there is an old ledger to prune

# Children start from a server that has imported all this and used none of it: a fork of a process
# in which polars or DuckDB has run would inherit locks without the threads that hold them.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.resilience.children", "etl.refreshing", "etl.commands"])


# --- Adapters: the only places that know how the pipeline words its verdicts. ---


def differences(folders: Folders) -> list[str]:
    """What verification finds wrong; empty when all is well."""
    try:
        return [str(difference) for difference in verify(folders).differences]
    except NoLedgerError as error:
        return [str(error)]


def remarks(folders: Folders) -> list[str]:
    """All that verification remarks upon, differences and notes; nothing of an untouched folder."""
    return [*differences(folders), *verify(folders).notes]


def rule_of(outcome: SourceOutcome) -> str | None:
    """Which rule held a source, or None if nothing did."""
    return outcome.hold.rule if outcome.hold else None


# --- The folder ---


def small_data(to: Path) -> Folders:
    """The two sources and the tables of names, without a ledger."""
    names = ("reference/areas.csv", "reference/implementers.csv")
    for file in (*(f"transcribed/{name}" for name in FILES), *names):
        (to / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(DATA / file, to / file)
    return Folders(to)


def full_data(to: Path) -> Folders:
    """All embedded sources, without a ledger."""
    for name in ("transcribed", "reference"):
        shutil.copytree(DATA / name, to / name)
    return Folders(to)


def change(folders: Folders, text: str) -> None:
    """Make the next refresh publish: one entry says ``text``."""
    rewrite(folders, EVENTS, lambda rows: [rows[0] | {"summary": text}, *rows[1:]])


def is_published(folders: Folders) -> bool:
    """Whether readers see the last change."""
    try:
        query = "SELECT count(*) FROM program_events WHERE summary = ?"
        return ask(folders, query, LAST_CHANGE) == [(1,)]
    except NoLedgerError:
        return False


def refresh_small(folders: Folders) -> Outcome:
    """One refresh of the two sources; none of them may be held."""
    outcome = run(folders, *SOURCES)
    assert not outcome.failed, [(source.source_id, source.failure) for source in outcome.failed]
    return outcome


def unborn(to: Path) -> Folders:
    """A folder whose first refresh is still to come."""
    folders = small_data(to)
    change(folders, LAST_CHANGE)
    return folders


def pristine(to: Path) -> Folders:
    """A folder with some refreshes behind it, and a change waiting for the next one."""
    folders = small_data(to)
    for number in range(REFRESHES):
        change(folders, f"change {number}")
        refresh_small(folders)
    change(folders, LAST_CHANGE)
    return folders


def copy(folders: Folders, to: Path) -> Folders:
    """A copy to break, in place of the one before."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folders.data, to)
    return Folders(to)


# --- What came of it ---


@dataclass
class Result:
    """How many breaks were tried, what did not hold after which, and what was measured."""

    tried: int = 0
    failures: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def add(self, what: str, wrong: list[str]) -> None:
        """Count one break."""
        self.tried += 1
        self.failures += [f"{what}: {each}" for each in wrong]


# --- What must hold ---


class State(NamedTuple):
    """What a reader sees, and what the archive holds."""

    pointer: str | None
    figures: dict[str, str] | None
    objects: dict[str, str]
    vintages: frozenset[str]


def state(folders: Folders) -> State:
    """Look as a reader would: through CURRENT, read-only."""
    pointer = folders.ledger / CURRENT
    try:
        seen = figures(folders)
    except NoLedgerError:
        seen = None
    objects = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folders.archive.glob("sha256/*/*")
        if not path.name.startswith(".")
    }
    vintages = frozenset(str(vintage) for vintage in Archive(folders.archive).vintages())
    return State(pointer.read_text() if pointer.exists() else None, seen, objects, vintages)


def leftovers(folders: Folders) -> list[str]:
    """Half-made files that a run should have swept."""
    return sorted(
        path.relative_to(folders.data).as_posix()
        for path in folders.data.rglob("*")
        if path.name.startswith("building-") or path.suffix in {".part", ".wal", ".tmp"}
    )


def broken_promises(folders: Folders, before: State) -> list[str]:
    """What does not hold after a break: readers, the next refresh, verification, the archive."""
    wrong = []
    after = state(folders)
    if after.pointer == before.pointer and after.figures != before.figures:
        wrong.append("readers see other figures, though nothing was published")
    try:
        with diary.running(folders.state, [], "a test"):  # as the command does
            refresh_small(folders)
    except Exception as error:  # whatever it is, it is a finding
        return [*wrong, f"the next refresh fails: {_first_line(error)}"]
    mended = state(folders)
    if after.pointer != before.pointer and after.figures not in (before.figures, mended.figures):
        wrong.append("readers saw a ledger that was not complete")
    if not is_published(folders):
        wrong.append("the next refresh succeeds, but readers do not see the change")
    if not before.vintages <= mended.vintages:
        wrong.append("the archive forgot a vintage")
    if not before.objects.items() <= mended.objects.items():
        wrong.append("the archive lost or changed an object")
    if any(name != digest for name, digest in mended.objects.items()):
        wrong.append("the archive holds an object that is not what its name says")
    wrong += [f"left over: {name}" for name in leftovers(folders)]
    return wrong + [f"verification: {difference}" for difference in differences(folders)]


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


Item = TypeVar("Item")


def sample(items: Sequence[Item], count: int | None) -> list[Item]:
    """``count`` items, evenly spread; all without a count."""
    if count is None or count >= len(items):
        return list(items)
    return [items[i * len(items) // count] for i in range(count)]


def in_child(target: Callable[..., None], *arguments: object) -> tuple[int | None, Any]:
    """Run ``target(pipe, *arguments)`` in a process of its own: its exit code, and what it sent."""
    ours, theirs = processes.Pipe(duplex=False)
    child = processes.Process(target=target, args=(theirs, *arguments))
    child.start()
    theirs.close()
    try:
        sent = ours.recv()
    except EOFError:
        sent = None
    child.join()
    code = child.exitcode
    child.close()
    ours.close()
    return code, sent
