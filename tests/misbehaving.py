"""Readers that misbehave, as a file made for the purpose could make one do, and how a child gets them.

``CHILD`` stands in for :data:`etl.spare.CHILD`: the child knows the sources of this module besides.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from typing import Final

from etl import confined
from etl.archive import Contents
from etl.areas import Resolver
from etl.reading import Finding, Reading, SourceError
from etl.settings import Folders
from etl.sources import Reader, SourceSpec, all_sources
from tests import live

CHILD: Final = "from tests.misbehaving import child; child()"


def eats(*_: object) -> None:
    held = []
    while True:
        held.append(bytearray(64 << 20))


def loops(*_: object) -> None:
    while True:
        pass


def sleeps(*_: object) -> None:
    time.sleep(600)


def tells(files: Contents, *_: object) -> None:
    """Writes down which process it is, beside the archive, and waits."""
    archive = files._archive
    (archive.root.parent / "pid").write_text(f"{os.getpid()}.")
    time.sleep(600)


def broods(files: Contents, *_: object) -> None:
    """The same, in code that lets no other thread run."""
    archive = files._archive
    (archive.root.parent / "pid").write_text(f"{os.getpid()}.")
    re.match("(a+)+$", "a" * 60 + "b")


def aborts(*_: object) -> None:
    os.abort()


def crashes(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def writes(*_: object) -> None:
    """More than it may into one file."""
    with open(os.dup(2), "wb") as out:  # noqa: PTH123 - a descriptor
        while True:
            out.write(bytes(16 << 20))


def lies(*_: object) -> None:
    """Ends well, and has not answered."""
    os._exit(0)


def babbles(files: Contents, reading: Reading, resolver: Resolver) -> None:
    """Prints, and reads all the same."""
    sys.stdout.write("not an answer\n" * 1000)
    sys.stdout.flush()
    live.read(files, reading, resolver)


def complains(*_: object) -> None:
    raise SourceError("the file is upside down", "upside down")


def stumbles(*_: object) -> None:
    raise KeyError("no such key")


def looks_about(_files: Contents, reading: Reading, _resolver: Resolver) -> None:
    """Says which variables it sees."""
    for name in sorted(os.environ):
        reading.issue(Finding("made_by_hand.csv line 1", None, "sees", name, "nothing"))


READERS: Final = {
    each.__name__: each
    for each in (
        eats, loops, sleeps, tells, broods, aborts, crashes, writes, lies, babbles, complains, stumbles, looks_about,
    )
} | {"reads": live.read}  # fmt: skip


class Misbehaving(SourceSpec):
    """A source with the reader of its name."""

    def reader(self) -> Reader:
        """The reader above."""
        return READERS[self.source_id]


def spec_of(name: str) -> SourceSpec:
    return Misbehaving.model_validate(live.SOURCE.model_dump() | {"source_id": name})


def every_source(_: Folders) -> dict[str, SourceSpec]:
    return {**all_sources(), **{name: spec_of(name) for name in READERS}}


def child() -> None:
    """As :func:`etl.confined.child`, with these sources."""
    vars(confined)["every_source"] = every_source
    confined.child()
