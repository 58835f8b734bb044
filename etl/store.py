"""Where published ledgers live, and how readers open the one in use.

Each published ledger is one immutable DuckDB file with a name of its own; ``CURRENT`` holds the
name of the one in use. Names are never reused, because DuckDB caches an open database by its path
and would go on answering from the old file. A reader takes a lease for one page run or request, so
that all its queries see one ledger; when ``CURRENT`` moves on, the old file is closed after its
last lease.

Rows that may not be passed on are in no lease, unless it is taken for whoever runs ``hma`` on this
machine (:mod:`etl.withheld`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import duckdb

from etl import asof, sql, withheld
from etl.settings import Folders

CURRENT: Final = "CURRENT"
MEMORY_LIMIT: Final = "2GB"
_LOCKING: Final = threading.Lock()  # of a file that two threads open at once
STATEMENT_SECONDS: Final = 30.0


class NoLedgerError(Exception):
    """There is no published ledger yet."""


class UnreachableHomeError(NoLedgerError):
    """Which ledger is in use, or what it holds, cannot be asked now."""


class TooLongError(Exception):
    """A question took longer than it may."""


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


class Home(Protocol):
    """Where readers find the ledger in use, as a file on this machine."""

    def current(self, *, wait: bool = True) -> Path:
        """The file of the ledger in use; the one before it, where its file has yet to come and ``wait`` is off.

        Raises:
            NoLedgerError: none has been published yet.
        """
        ...

    def at_hand(self) -> Path | None:
        """A file that readers may have while it is not known which ledger is in use."""
        ...


@dataclass(frozen=True)
class Files:
    """The DuckDB files in a folder, of which CURRENT names the one in use."""

    folder: Path

    def current(self, *, wait: bool = True) -> Path:
        """The published ledger in use."""
        del wait
        return current_path(self.folder)

    def at_hand(self) -> Path | None:
        """None: CURRENT lies beside the files."""
        return None


def home(folders: Folders) -> Home:
    """The home that this installation has chosen (see :mod:`etl.settings`)."""
    if folders.lake is None:
        return Files(folders.ledger)
    from etl.lake import Replicas  # noqa: PLC0415 - builds upon this module

    return Replicas(folders.ledger, folders.lake)


def require_format(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Refuse a ledger whose tables lie otherwise than this version lays them.

    Raises:
        NoLedgerError: it was made before revisions were kept apart (unreleased, 0.1.0).
    """
    found = con.execute(
        "SELECT count(*) FROM duckdb_schemas() WHERE schema_name = 'present' AND NOT internal"
    ).fetchone()
    if found == (0,):
        raise NoLedgerError(
            f"{path.name} was made by an earlier, unreleased version; move {path.parent} away and run "
            "hma refresh again. The archive stays and is used"
        )


def open_read_only(path: Path) -> duckdb.DuckDBPyConnection:
    """A locked connection: no writing, no files, no network, no settings, bounded memory."""
    con = duckdb.connect(path, read_only=True, config={"memory_limit": MEMORY_LIMIT})
    # connections to one file share one database and its settings: the first one sets and locks them
    with _LOCKING:
        if con.execute("SELECT NOT current_setting('lock_configuration')").fetchone() == (True,):
            con.execute("SET GLOBAL TimeZone = 'UTC'")
            con.execute("SET enable_external_access = false")
            con.execute("SET lock_configuration = true")
    try:
        require_format(con, path)
    except NoLedgerError:
        con.close()
        raise
    return con


def open_for_others(path: Path) -> tuple[duckdb.DuckDBPyConnection, Mapping[str, int]]:
    """The same, without the rows that may not be passed on; and how many entries that are, by source."""
    whole = open_read_only(path)
    sources = withheld.in_ledger(whole)
    if not sources:
        return whole, {}
    counts = withheld.counts(whole, sources)
    whole.close()
    con = duckdb.connect(config={"memory_limit": MEMORY_LIMIT, "temp_directory": ""})
    try:
        con.execute("SET GLOBAL TimeZone = 'UTC'")
        withheld.attach(con, path, sources)
        con.execute("SET enable_external_access = false")
        con.execute("SET lock_configuration = true")
    except duckdb.Error:
        con.close()
        raise
    return con, counts


@dataclass
class _Open:
    path: Path
    con: duckdb.DuckDBPyConnection
    withheld: Mapping[str, int]
    leases: int = 0


@dataclass(frozen=True)
class Lease:
    """One reader's hold on one ledger; ``con`` is its own cursor.

    ``as_of`` is the refresh whose state ``con`` answers from, None for the ledger as it is. ``withheld``
    says how many entries in use are not in it because they may not be passed on, by source.
    """

    ledger: str
    con: duckdb.DuckDBPyConnection
    as_of: int | None = None
    withheld: Mapping[str, int] = field(default_factory=dict)

    @contextmanager
    def limited(self, seconds: float = STATEMENT_SECONDS) -> Iterator[None]:
        """Stop what ``con`` does within the block after so many seconds.

        Raises:
            TooLongError: it was stopped.
        """
        stopped = threading.Event()

        def stop() -> None:
            stopped.set()
            self.con.interrupt()

        timer = threading.Timer(seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            yield
        except (duckdb.Error, OSError) as error:  # Arrow passes an interrupt on as an OSError
            if not stopped.is_set():
                raise
            raise TooLongError(
                f"the answer took longer than {seconds:g} seconds; ask for less"
            ) from error
        finally:
            timer.cancel()


class Ledgers:
    """The open ledgers of a process; follows ``CURRENT``, or the lake."""

    def __init__(self, where: Path | Home, *, whole: bool = False) -> None:
        """Follow the CURRENT in a folder, or whatever ``where`` says is in use.

        ``whole`` is for whoever runs ``hma`` on this machine: it shows what may not be passed on, too.
        """
        self._home = Files(where) if isinstance(where, Path) else where
        self._whole = whole
        self._lock = threading.Lock()
        self._open: dict[Path, _Open] = {}

    @contextmanager
    def lease(self, as_of: str | None = None) -> Iterator[Lease]:
        """Hold the current ledger until the block ends, as it stood ``as_of`` an earlier refresh.

        Raises:
            NoLedgerError: none has been published yet.
            AsOfError: ``as_of`` names no refresh of it.
        """
        held = self._take()
        cursor = held.con.cursor()
        try:
            cursor.execute(sql.text("macros"))
            refresh = asof.find(cursor, as_of) if as_of else None
            if refresh is not None:
                asof.look_back(cursor, refresh)
            yield Lease(held.path.stem, cursor, refresh, held.withheld)
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
            return self._opened(self._home.current(wait=not self._open))
        except (NoLedgerError, duckdb.Error) as error:
            if self._open:
                return self._open[max(self._open, key=lambda path: path.name)]
            at_hand = self._home.at_hand() if isinstance(error, UnreachableHomeError) else None
            try:
                if at_hand:
                    return self._opened(at_hand)
            except (NoLedgerError, duckdb.Error):
                pass  # what is said is why there is no better one
            raise NoLedgerError(f"the ledger cannot be opened: {error}") from error

    def _opened(self, path: Path) -> _Open:
        if path not in self._open:
            con, left_out = (open_read_only(path), {}) if self._whole else open_for_others(path)
            self._open[path] = _Open(path, con, left_out)
            self._close_unused(path)
        return self._open[path]

    def _give_back(self, held: _Open) -> None:
        with self._lock:
            held.leases -= 1
            self._close_unused(max(self._open, key=lambda path: path.name))

    def _close_unused(self, keep: Path) -> None:
        for path, ledger in list(self._open.items()):
            if path != keep and ledger.leases == 0:
                ledger.con.close()
                del self._open[path]

    @property
    def open_count(self) -> int:
        """How many ledger files are held open."""
        with self._lock:
            return len(self._open)

    def close(self) -> None:
        """Close every ledger that is not leased."""
        with self._lock:
            self._close_unused(Path())
