"""The ledger's second home: a lake, to which several machines write and from which several read.

The lake (:mod:`etl.ducklake`) holds the same tables as a ledger's file. A refresh is one snapshot of it,
which names the ledger as a file is named: by its refresh and the hash of its manifest. What is in use is the
newest such snapshot; PostgreSQL decides which, and a snapshot is whole or not there.

Nobody reads the lake but to make a *replica*: a DuckDB file on this machine, with the name and the rows of
one snapshot, that never changes. So a reader has what it has of the files at home: one ledger as long as
its lease lasts, the speed of a file, and a connection that can reach nothing outside it. A replica is made
from the one before it and the tables that changed since; those before the last two are removed. When the
catalog cannot be reached, readers go on with the replica they have, and who begins then takes the newest.

A data folder whose ledger is in a lake remembers it: ``ledger/HOME`` holds what ``HMA_STORE`` said, and while
it is there nobody begins or goes on with a history in files beside the lake's (:func:`require_files`).
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from etl import ducklake, sql
from etl.archive import fsync_folder, write_safely
from etl.fingerprint import Fingerprint
from etl.logs import logger
from etl.manifest import TableHash
from etl.record import APPENDED, ENTRIES
from etl.settings import LAKE, Folders, Lake, StoreError
from etl.store import NoLedgerError, UnreachableHomeError
from etl.tables import reading_order

FOLDER: Final = "lake"  # of the replicas, below that of the files
MARK: Final = "HOME"  # in the folder of the files
KEPT: Final = 2
PAUSE_SECONDS: Final = 10.0  # after the catalog could not be reached; readers wait for each attempt
FORMAT: Final = 1
_NAME: Final = re.compile(r"ledger-\d{6,}-[0-9a-f]{16}")
_LOG: Final = logger("hma.lake")


@dataclass(frozen=True)
class Snapshot:
    """A snapshot that is a ledger: its name, and the tables that it changed."""

    number: int
    name: str
    changed: tuple[str, ...]

    @property
    def file(self) -> str:
        """The name of its replica."""
        return f"{self.name}.duckdb"


def chain(con: duckdb.DuckDBPyConnection, through: str = ducklake.CATALOG) -> list[Snapshot]:
    """The ledgers of the attached catalog, oldest first.

    Raises:
        NoLedgerError: a snapshot says what no version of this project says.
    """
    if not ducklake.is_made(con, through):
        return []
    found = []
    for number, name, form, changed in ducklake.ask(con, sql.text("lake_chain"), through):
        if form != str(FORMAT) or not _NAME.fullmatch(str(name)):
            raise NoLedgerError(f"snapshot {number} of the lake is no ledger of this version")
        found.append(Snapshot(int(str(number)), str(name), tuple(json.loads(str(changed)))))
    return found


def known(con: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> Fingerprint:
    """The hash of each table of a ledger as its snapshot names it."""
    query = sql.text("lake_known").format(snapshot=snapshot.number)
    ((said,),) = ducklake.ask(con, query, ducklake.OWN_CATALOG)
    return {table: TableHash(*hashed) for table, hashed in json.loads(str(said)).items()}


def settle(ledger: Path, lake: Lake | None) -> None:
    """Write down which lake holds the ledger from now on; None for the files in the folder ``ledger``."""
    path = ledger / MARK
    if lake is None:
        path.unlink(missing_ok=True)
        return
    said = f"{LAKE}{lake.catalog}\n".encode()
    if not path.is_file() or path.read_bytes() != said:
        write_safely(path, said)


def require_files(folders: Folders) -> None:
    """Refuse to write files where the ledger is in a lake.

    Raises:
        StoreError: it is, and no lake is set.
    """
    path = folders.ledger / MARK
    if folders.lake is None and path.exists():
        raise StoreError(
            f"the ledger of {folders.data} is in a lake, and HMA_STORE names none: set it to what {path} says. To "
            "go on in files, set it and run: hma migrate file. If that lake is lost or given up, remove "
            f"{path}"
        )


class Replicas:
    """The ledger in use of a lake, as files on this machine."""

    def __init__(self, ledger: Path, lake: Lake) -> None:
        """Keep replicas of ``lake`` below the folder ``ledger``."""
        self.folder = ledger / FOLDER
        self._lake = lake
        self._lock = threading.Lock()
        self._con: duckdb.DuckDBPyConnection | None = None
        self._chain: tuple[int, list[Snapshot]] = (-1, [])
        self._coming: threading.Thread | None = None
        self._not_before = 0.0  # the catalog is asked again

    def current(self, *, wait: bool = True) -> Path:
        """The replica of the ledger in use; without ``wait``, the one before it until it has been made.

        Raises:
            NoLedgerError: there is none yet, or the lake cannot be reached and there is no replica.
        """
        found = self.chain()
        if not found:
            raise NoLedgerError("no ledger has been published yet; run: hma refresh")
        path = self.folder / found[-1].file
        if path.is_file():
            return path
        before = self._newest(found[:-1])
        if wait or not before:
            return self.fetch(found)
        self._fetch_beside(found)
        return self.folder / before.file

    def at_hand(self) -> Path | None:
        """The newest replica that is here, of the ledgers as far as they are known."""
        known_here = {snapshot.file for snapshot in self._chain[1]}
        found = [
            path
            for path in self.folder.glob("ledger-*.duckdb")
            if _NAME.fullmatch(path.stem) and (not known_here or path.name in known_here)
        ]
        return max(found, key=lambda path: path.name, default=None)

    def chain(self) -> list[Snapshot]:
        """The ledgers of the lake, oldest first; asked anew where there is a newer snapshot.

        Raises:
            NoLedgerError: the lake cannot be reached.
        """
        with self._lock:
            if time.monotonic() < self._not_before:
                raise UnreachableHomeError(ducklake.UNREACHABLE)
            was_connected = self._con is not None
            try:
                try:
                    return self._ask()
                except duckdb.Error:  # the connection may have died with the server
                    self.close()
                    if not was_connected:
                        raise
                return self._ask()
            except duckdb.Error as error:
                self.close()
                self._not_before = time.monotonic() + PAUSE_SECONDS
                raise ducklake.unreachable(error) from None

    def _ask(self) -> list[Snapshot]:
        if self._con is None:
            self._con = ducklake.connect(extensions=[ducklake.POSTGRES])
            ducklake.attach_catalog(self._con, self._lake, read_only=True)
        if not self._chain[1] and not ducklake.is_made(self._con):
            return []
        ((head,),) = ducklake.ask(self._con, sql.text("lake_head"))
        if int(str(head)) != self._chain[0]:
            self._chain = (int(str(head)), chain(self._con))
        return self._chain[1]

    def close(self) -> None:
        """Let go of the catalog; it is taken up again when it is asked."""
        if self._con is not None:
            self._con.close()
        self._con = None

    def _newest(self, found: Sequence[Snapshot]) -> Snapshot | None:
        there = [snapshot for snapshot in found if (self.folder / snapshot.file).is_file()]
        return there[-1] if there else None

    def _fetch_beside(self, found: Sequence[Snapshot]) -> None:
        """Make the newest replica while readers go on; one at a time."""

        def fetch() -> None:
            try:
                self.fetch(found)
            except (NoLedgerError, duckdb.Error, OSError) as error:  # the next reader tries again
                _LOG.warning("no replica could be made", why=str(error))

        with self._lock:
            if self._coming is None or not self._coming.is_alive():
                self._coming = threading.Thread(target=fetch, daemon=True)
                self._coming.start()

    def fetch(self, found: Sequence[Snapshot]) -> Path:
        """Make the replica of the last of these snapshots, from the newest one that is here.

        Raises:
            NoLedgerError: the lake cannot be read.
        """
        head, base = found[-1], self._newest(found[:-1])
        changed = None
        if base:
            since = [snapshot for snapshot in found if snapshot.number > base.number]
            changed = sorted({table for snapshot in since for table in snapshot.changed})
        path = self.folder / head.file
        try:
            try:
                self._make(path, head, self.folder / base.file if base else None, changed)
            except FileNotFoundError:  # another process removed the base just now
                self._make(path, head, None, None)
        except duckdb.Error as error:  # which says how the catalog is reached
            _LOG.warning("the lake cannot be read", why=str(error))
            raise UnreachableHomeError("the lake cannot be read; the log says why") from None
        self.tidy(found)
        return path

    def whole(self, to: Path, snapshot: Snapshot) -> None:
        """Make a file of everything that the lake holds, whatever replicas there are."""
        _fill(to, self._lake, snapshot, None)

    def _make(
        self, path: Path, head: Snapshot, base: Path | None, changed: list[str] | None
    ) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        # DuckDB keeps what it has open by its path, so no path is used twice
        part = self.folder / f".{head.name}.{os.getpid()}-{secrets.token_hex(4)}.part"
        try:
            if base:
                shutil.copyfile(base, part)
            _fill(part, self._lake, head, changed)
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            for left in self.folder.glob(f"{part.name}*"):
                left.unlink()
        fsync_folder(self.folder)

    def tidy(self, found: Sequence[Snapshot]) -> None:
        """Remove all replicas but the last ones; who reads an old one goes on, for its file is open."""
        kept = {snapshot.file for snapshot in found[-KEPT:]}
        for path in self.folder.glob("ledger-*.duckdb"):
            if path.name not in kept:
                path.unlink(missing_ok=True)


def _fill(path: Path, lake: Lake, head: Snapshot, changed: Sequence[str] | None) -> None:
    """Take tables of a snapshot into the file at ``path``: those that changed, or all."""
    with ducklake.connect(path) as con:
        ((own,),) = con.execute("SELECT current_database()").fetchall()
        ducklake.attach(con, lake, head.number)
        con.execute("BEGIN")
        for schema in ("present", "past", "history"):
            con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        there = ducklake.tables(con, head.number)
        for table in there if changed is None else changed:
            name = table.partition(".")[2]
            order = [column for column in reading_order(name) if column in there[table]]
            con.execute(
                sql.text("lake_replica").format(
                    to=ducklake.named(f'"{own}"', table),
                    table=ducklake.named(ducklake.NAME, table),
                    order=ducklake.columns(order) or "ALL",
                )
            )
        _show(con, there)
        con.execute("COMMIT")
        con.execute(f"DETACH {ducklake.NAME}")
        con.execute("CHECKPOINT")


def _show(con: duckdb.DuckDBPyConnection, there: dict[str, list[str]]) -> None:
    """The views under which readers find what lies in two tables, or in one."""
    for name in (*ENTRIES, *APPENDED):
        if f"present.{name}" in there or f"history.{name}" in there:
            views = sql.text("history" if name in ENTRIES else "appended")
            for statement in con.extract_statements(views.format(table=sql.identifier(name))):
                con.execute(statement)
