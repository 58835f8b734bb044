"""Where published ledgers live, and how readers open the one in use.

Each published ledger is one immutable DuckDB file with a name of its own; ``CURRENT`` holds the
name of the one in use. Names are never reused, because DuckDB caches an open database by its path
and would go on answering from the old file. A reader takes a lease for one page run or request, so
that all its queries see one ledger; when ``CURRENT`` moves on, the old file is closed after its
last lease.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

CURRENT = "CURRENT"
MEMORY_LIMIT = "2GB"


class NoLedgerError(Exception):
    """There is no published ledger yet."""


def current_path(ledger: Path) -> Path:
    """The published ledger in use.

    Raises:
        NoLedgerError: none has been published below ``ledger``.
    """
    pointer = ledger / CURRENT
    try:
        name = pointer.read_text(encoding="utf-8").strip()
    except FileNotFoundError as error:
        raise NoLedgerError("no ledger has been published yet; run: hma refresh") from error
    except (OSError, UnicodeDecodeError) as error:
        raise NoLedgerError(f"{pointer} cannot be read: {error}") from error
    path = ledger / name
    if Path(name).name != name or not path.is_file():
        raise NoLedgerError(f"{pointer} names {name!r}, which is not there")
    return path


def open_read_only(path: Path) -> duckdb.DuckDBPyConnection:
    """A locked connection: no writing, no files, no network, no settings, bounded memory."""
    con = duckdb.connect(path, read_only=True, config={"memory_limit": MEMORY_LIMIT})
    # connections to one file share one database and its settings: the first one sets and locks them
    if con.execute("SELECT NOT current_setting('lock_configuration')").fetchone() == (True,):
        con.execute("SET GLOBAL TimeZone = 'UTC'")
        con.execute("SET enable_external_access = false")
        con.execute("SET lock_configuration = true")
    return con


@dataclass
class _Open:
    path: Path
    con: duckdb.DuckDBPyConnection
    leases: int = 0


@dataclass(frozen=True)
class Lease:
    """One reader's hold on one ledger; ``con`` is its own cursor."""

    ledger: str
    con: duckdb.DuckDBPyConnection


class Ledgers:
    """The open ledgers of a process; follows ``CURRENT``."""

    def __init__(self, folder: Path) -> None:
        """Follow the CURRENT in ``folder``."""
        self.folder = folder
        self._lock = threading.Lock()
        self._open: dict[Path, _Open] = {}

    def current_id(self) -> str:
        """Name of the ledger in use; changes with each publication."""
        return current_path(self.folder).stem

    @contextmanager
    def lease(self) -> Iterator[Lease]:
        """Hold the current ledger until the block ends."""
        held = self._take()
        cursor = held.con.cursor()
        try:
            yield Lease(held.path.stem, cursor)
        finally:
            cursor.close()
            self._give_back(held)

    def _take(self) -> _Open:
        with self._lock:
            held = self._current()
            held.leases += 1
            return held

    def _current(self) -> _Open:
        """The ledger in use; the last one that could be opened, while a newer one cannot be."""
        try:
            path = current_path(self.folder)
            if path not in self._open:
                self._open[path] = _Open(path, open_read_only(path))
                self._close_unused(path)
            return self._open[path]
        except (NoLedgerError, duckdb.Error) as error:
            if not self._open:
                raise NoLedgerError(f"the ledger cannot be opened: {error}") from error
            return self._open[max(self._open, key=lambda path: path.name)]

    def _give_back(self, held: _Open) -> None:
        with self._lock:
            held.leases -= 1
            self._close_unused(max(self._open, key=lambda path: path.name))

    def _close_unused(self, keep: Path) -> None:
        for path, ledger in list(self._open.items()):
            if path != keep and ledger.leases == 0:
                ledger.con.close()
                del self._open[path]

    def close(self) -> None:
        """Close every ledger that is not leased."""
        with self._lock:
            self._close_unused(Path())
