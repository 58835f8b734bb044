"""Publishing: build beside, flush to disk, give a name of its own, then move CURRENT.

A crash at any point leaves the ledger in use as it was; what a killed run left over is swept at
the start of the next one. Only one writer works at a time.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb
from filelock import FileLock, Timeout

from etl import sql
from etl.archive import fsync_folder, write_safely
from etl.settings import PACKAGE
from etl.store import CURRENT, NoLedgerError, current_path
from etl.tables import ALL_TABLES, FACT_TABLES, VIEWS

# How rows lie in a published ledger, as far as a table has these columns.
READING_ORDER: Final = ("area", "year", "series", "entry_id", "dimension", "category")


class BusyError(Exception):
    """Another refresh is running."""


@contextmanager
def writer(ledger: Path) -> Iterator[None]:
    """Be the only writer, and start from a clean folder.

    Raises:
        BusyError: another process holds the lock.
    """
    ledger.mkdir(parents=True, exist_ok=True)
    lock = FileLock(ledger / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise BusyError(f"another refresh is running (it holds {lock.lock_file})") from error
    try:
        _sweep(ledger)
        yield
    finally:
        lock.release()


def _sweep(ledger: Path) -> None:
    """Remove half-built files that a killed run left; a ledger with a name is never removed."""
    for left in [*ledger.glob("building-*"), *ledger.glob(".*.part")]:
        left.unlink()


def _base(ledger: Path) -> Path:
    """The ledger to build on: the current one, or the only one if it was killed before CURRENT."""
    published = list(ledger.glob("ledger-*.duckdb"))
    if len(published) == 1 and not (ledger / CURRENT).exists():
        return published[0]
    return current_path(ledger)


@contextmanager
def building(ledger: Path) -> Iterator[tuple[Path, duckdb.DuckDBPyConnection]]:
    """A writable copy of the current ledger, or an empty one; removed unless it is published.

    Raises:
        NoLedgerError: there are ledgers, but CURRENT does not name one of them. Starting afresh would
            lose their revisions, so a person must say which is to be used.
    """
    path = ledger / f"building-{os.getpid()}.duckdb"
    try:
        shutil.copyfile(_base(ledger), path)
    except NoLedgerError as error:
        published = sorted(path.name for path in ledger.glob("ledger-*.duckdb"))
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
    try:
        with duckdb.connect(path) as con:
            con.execute("SET TimeZone = 'UTC'")
            con.execute("SET enable_progress_bar = false")
            yield path, con
    finally:
        for left in ledger.glob(f"{path.name}*"):
            left.unlink()


def build_views(con: duckdb.DuckDBPyConnection) -> None:
    """Store the current rows of every fact table and the answer of every ``etl/views/*.sql``.

    A published ledger never changes, so all this is computed once: the rows in the order in which
    they are read and downloaded, so that a stream need not sort; the views in the order in which
    :data:`etl.tables.VIEWS` declares them: a view may read those before it.
    """
    for name in (*FACT_TABLES, "splits"):
        order = [column for column in READING_ORDER if column in ALL_TABLES[name].column_names()]
        con.execute(sql.create_table("main", name, replace=True))
        con.execute(
            sql.text("current_splits" if name == "splits" else "current").format(
                table=sql.identifier(name),
                order=", ".join(sql.identifier(column) for column in order),
            )
        )
    for name in VIEWS:
        query = (PACKAGE / "views" / f"{name}.sql").read_text(encoding="utf-8")
        con.execute(sql.create_table("main", name, replace=True))
        con.execute(f"INSERT INTO main.{sql.identifier(name)} BY NAME {query}")


def publish(ledger: Path, built: Path, con: duckdb.DuckDBPyConnection, refresh: int) -> Path:
    """Make ``built`` the ledger in use and return its published path."""
    con.execute("CHECKPOINT")
    con.close()
    with built.open("rb") as file:
        os.fsync(file.fileno())
    published = ledger / f"ledger-{refresh:06d}-{secrets.token_hex(4)}.duckdb"
    built.rename(published)
    fsync_folder(ledger)
    write_safely(ledger / CURRENT, f"{published.name}\n".encode())
    return published
