"""Publishing: build beside, flush to disk, write the manifest, name the ledger by it, move CURRENT.

A crash at any point leaves the ledger in use as it was; what a killed run left over is swept at
the start of the next one. Only one writer works at a time.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb
from filelock import FileLock, Timeout

from etl import homes, manifest, record, sql, withheld
from etl.archive import file_sha256, fsync_folder, write_safely
from etl.manifest import Manifest
from etl.settings import PACKAGE, Folders
from etl.store import CURRENT, NoLedgerError, current_path
from etl.tables import ALL_TABLES, VIEWS, polars_schema, reading_order

LOCK: Final = ".lock"
HOLDER: Final = ".writer.json"  # beside the lock, which every attempt to take it empties


class BusyError(Exception):
    """Another process is writing."""


class MovedOnError(Exception):
    """Another ledger has been published since this one was begun; begin again on that one."""


@contextmanager
def writer(ledger: Path) -> Iterator[None]:
    """Be the only writer, and start from a clean folder.

    Raises:
        BusyError: another process holds the lock; the message says which and since when.
    """
    ledger.mkdir(parents=True, exist_ok=True)
    lock = FileLock(ledger / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise BusyError(f"another refresh is running ({_holder(ledger)})") from error
    try:
        _sweep(ledger)
        me = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        write_safely(ledger / HOLDER, json.dumps(me).encode())
        yield
    finally:
        (ledger / HOLDER).unlink(missing_ok=True)
        lock.release()


def _holder(ledger: Path) -> str:
    """Who holds the lock, as far as it has said so."""
    try:
        said = json.loads((ledger / HOLDER).read_bytes())
        return f"process {said['pid']} on {said['host']} since {said['since']}"
    except (OSError, ValueError, KeyError):
        return f"it holds {ledger / LOCK}"


def _sweep(ledger: Path) -> None:
    """Remove half-built files that a killed run left; a ledger with a name is never removed."""
    for left in [*ledger.glob("building-*"), *ledger.glob(".*.part")]:
        left.unlink()


def prune(ledger: Path, keep: int) -> list[Path]:
    """Remove the serving files of all but the newest ``keep`` ledgers; returns what was removed.

    The one in use always stays. Every revision and every published row is in it, and the archive is
    not touched: nothing is lost but the files themselves.

    Raises:
        NoLedgerError: CURRENT names no ledger, so it is not known what may go.
    """
    in_use = current_path(ledger)
    published = sorted(ledger.glob("ledger-*.duckdb"), reverse=True)
    others = [path for path in published if path != in_use]
    gone = others[max(keep - 1, 0) :]
    for path in gone:
        path.unlink()
    fsync_folder(ledger)
    return gone


def _find_base(ledger: Path) -> Path | None:
    """The ledger to build on; None where there has never been one.

    A first ledger whose run was killed before it was named in CURRENT is named now.

    Raises:
        NoLedgerError: there are ledgers, but CURRENT does not name one of them. Starting afresh would
            lose their revisions, so a person must say which is to be used.
    """
    published = sorted(path.name for path in ledger.glob("ledger-*.duckdb"))
    if len(published) == 1 and not (ledger / CURRENT).exists():
        write_safely(ledger / CURRENT, f"{published[0]}\n".encode())
    try:
        return current_path(ledger)
    except NoLedgerError as error:
        if published:
            raise NoLedgerError(
                f"{ledger / CURRENT} names no ledger, but there are {', '.join(published)}; "
                f"write the name of the one to use into CURRENT (the newest is {published[-1]})"
            ) from error
        if (ledger / CURRENT).exists():
            raise NoLedgerError(
                f"{ledger / CURRENT} names a ledger that is lost, and with it the revisions; restore it "
                "from a backup, or remove CURRENT to start a new history"
            ) from error
    return None


@contextmanager
def building(ledger: Path) -> Iterator[tuple[Path, Path | None, duckdb.DuckDBPyConnection]]:
    """A writable copy of the current ledger, or an empty one; removed unless it is published.

    Gives the copy, the ledger it was made from (None for the first), and a connection to the copy.

    Raises:
        NoLedgerError: as :func:`_find_base`.
    """
    base = _find_base(ledger)
    with copied(ledger, base) as (path, con):
        yield path, base, con


@contextmanager
def copied(folder: Path, base: Path | None) -> Iterator[tuple[Path, duckdb.DuckDBPyConnection]]:
    """A writable copy of the ledger ``base``, or an empty one, and a connection to it."""
    path = folder / f"building-{os.getpid()}.duckdb"
    try:
        if base:
            shutil.copyfile(base, path)
        with duckdb.connect(path) as con:
            con.execute("SET TimeZone = 'UTC'")
            con.execute("SET enable_progress_bar = false")
            yield path, con
    finally:
        for left in folder.glob(f"{path.name}*"):
            left.unlink()


def build_views(con: duckdb.DuckDBPyConnection) -> None:
    """Store the answer of every ``etl/views/*.sql``.

    A published ledger never changes, so this is computed once, in the order in which
    :data:`etl.tables.VIEWS` declares the views: a view may read those before it. What may not be passed
    on takes no part in any.
    """
    con.execute(sql.text("macros"))
    with withheld.hidden(con, withheld.in_ledger(con)):
        for name in VIEWS:
            query = (PACKAGE / "views" / f"{name}.sql").read_text(encoding="utf-8")
            order = ", ".join(sql.identifier(column) for column in reading_order(name))
            con.execute(
                sql.create_table("main", name, polars_schema(ALL_TABLES[name]), replace=True)
            )
            con.execute(
                f"INSERT INTO main.{sql.identifier(name)} BY NAME FROM ({query}) ORDER BY {order}"
            )


def keep_histories(con: duckdb.DuckDBPyConnection, refresh: int) -> None:
    """Remember what every table without named rows says after this refresh."""
    for name in sorted(
        record.filled(con, "main", record.KEPT) | record.filled(con, "history", record.KEPT)
    ):
        record.keep(con, refresh, name)


def publish(
    folders: Folders,
    built: Path,
    con: duckdb.DuckDBPyConnection,
    describe: Callable[[str, int | None], Manifest],
    progress: Callable[[str, str], None] = lambda *_: None,
) -> Path:
    """Make ``built`` the ledger in use and return its published path.

    ``describe`` gets the SHA-256 and the size of the finished file and returns its manifest.
    """
    progress("", "checkpoint")
    con.execute("CHECKPOINT")
    con.close()
    with built.open("rb") as file:
        os.fsync(file.fileno())
    sha256 = file_sha256(built)
    progress("", "manifest")
    described = describe(sha256, built.stat().st_size)
    sha256 = manifest.write(folders.archive, described, homes.link_keeper(folders))
    name = manifest.ledger_name(described.refresh, sha256)
    progress("", "rename")
    published = folders.ledger / name
    built.rename(published)
    fsync_folder(folders.ledger)
    progress("", "CURRENT")
    write_safely(folders.ledger / CURRENT, f"{published.name}\n".encode())
    return published
