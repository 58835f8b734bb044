"""The two homes of the ledger, and what a refresh needs of either: files in a folder, or a lake.

Who writes takes the sources it works on, works on a copy of the ledger in use, and publishes it: as a new
file (:mod:`etl.publish`) or as a snapshot (:mod:`etl.lake_writer`). With files there is one writer at a
time, whatever it works on. How readers find the ledger in use is :func:`etl.store.home`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

import duckdb

from etl import lake_writer, publish
from etl.lake import require_files
from etl.manifest import Manifest
from etl.settings import Folders

Built = tuple[Path, Path | None, duckdb.DuckDBPyConnection]


class Writer(Protocol):
    """One refresh, from what is current to what it publishes."""

    def alone(self) -> AbstractContextManager[bool]:
        """Whether nobody else is at work until the block ends: then what killed runs left may be swept."""
        ...

    def building(self) -> AbstractContextManager[Built]:
        """A copy of the ledger in use, what it was made from (None for the first), and a connection."""
        ...

    def claim(self) -> None:
        """Be the next to publish; raises MovedOnError if another ledger is in use by now."""
        ...

    def publish(
        self,
        built: Path,
        con: duckdb.DuckDBPyConnection,
        describe: Callable[[str, int | None], Manifest],
        progress: Callable[[str, str], None] = lambda *_: None,
    ) -> Path:
        """Make what was built the ledger in use; returns the file in which it is read here."""
        ...


class FileWriter:
    """The only writer of the files in a folder."""

    def __init__(self, folders: Folders) -> None:
        """Write below ``folders``; the lock is held by who calls."""
        self._folders = folders

    def alone(self) -> AbstractContextManager[bool]:
        """There is never another."""
        return nullcontext(enter_result=True)

    def building(self) -> AbstractContextManager[Built]:
        """A copy of the file in use."""
        return publish.building(self._folders.ledger)

    def claim(self) -> None:
        """Nobody else can publish."""

    def publish(
        self,
        built: Path,
        con: duckdb.DuckDBPyConnection,
        describe: Callable[[str, int | None], Manifest],
        progress: Callable[[str, str], None] = lambda *_: None,
    ) -> Path:
        """Name the file by its manifest, and CURRENT by it."""
        return publish.publish(self._folders, built, con, describe, progress)


@contextmanager
def writer(folders: Folders, sources: Iterable[str]) -> Iterator[Writer]:
    """Be the one who writes these sources.

    Raises:
        BusyError: another process does.
        NoLedgerError: the home cannot be reached.
        StoreError: the ledger is in a lake, and none is set.
    """
    require_files(folders)
    if folders.lake is None:
        with publish.writer(folders.ledger):
            yield FileWriter(folders)
        return
    with lake_writer.writer(folders, folders.lake, sources) as lake:
        yield lake
        lake.remember()


@contextmanager
def still(folders: Folders) -> Iterator[None]:
    """Let nobody write to the ledger, on any machine, until the block ends.

    Raises:
        BusyError: somebody does.
        NoLedgerError: the home cannot be reached.
    """
    with writer(folders, ()) as own, own.alone() as is_alone:
        if not is_alone:
            raise publish.BusyError("another refresh is running")
        yield


def prune(folders: Folders, keep: int) -> list[str]:
    """Remove all but the newest ``keep`` ledgers, of which the one in use holds every revision; says which.

    Raises:
        BusyError: another process is writing.
        NoLedgerError: it is not known which ledger is in use.
    """
    if folders.lake is None:
        with publish.writer(folders.ledger):
            return [path.name for path in publish.prune(folders.ledger, keep)]
    return lake_writer.prune(folders, folders.lake, keep)
