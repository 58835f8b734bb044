"""Writing to a lake: several refreshes at once, of different sources, each one snapshot or nothing.

A worker takes the sources that it refreshes; who wants one of them is told that it is taken. It fetches and
reads beside the others, on a copy of the ledger in use. Before it publishes it takes the one lock of those
who publish. If another ledger has been published since it began, it begins again on that one, with what it
has fetched; nobody can get in between then.

What is committed is compared with what was built, table by table and row by row by their hashes, and the
names of entries are checked, before the commit: a lake has no constraints. Even without the locks a commit
over another one's fails, because PostgreSQL takes the number of a snapshot once.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

from etl import ducklake, fingerprint, homes, lake_place, manifest, sql
from etl.ducklake import NAME, OWN_CATALOG, Locks, named
from etl.fingerprint import FILE, Fingerprint
from etl.lake import FORMAT, Replicas, Snapshot, chain, known, settle
from etl.logs import logger
from etl.manifest import Manifest
from etl.publish import BusyError, MovedOnError, copied
from etl.record import APPENDED, ENTRIES
from etl.settings import Folders, Lake, StoreError
from etl.store import NoLedgerError
from etl.tables import FACT_TABLES

WORKING: Final = "working"  # shared by all who work, so that who has it alone may sweep
PUBLISHING: Final = "publishing"
POLL_SECONDS: Final = 0.05
PATIENCE_SECONDS: Final = 3600.0
_LOG: Final = logger("hma.lake")


def prune(folders: Folders, lake: Lake, keep: int) -> list[str]:
    """Forget all but the newest ``keep`` ledgers of a lake and remove what only they needed; says which.

    Raises:
        BusyError: others are at work, who may need them.
        NoLedgerError: there is no ledger, or PostgreSQL cannot be reached.
        StoreError: it is not certain that the rows are this lake's alone.
    """
    with writer(folders, lake, ()) as own, own.alone() as is_alone:
        if not is_alone:
            raise BusyError("another refresh is running")
        found = Replicas(folders.ledger, lake).chain()
        if not found:
            raise NoLedgerError("no ledger has been published yet; run: hma refresh")
        gone = found[:-keep]
        if gone:
            with ducklake.connect() as con:
                ducklake.attach_to_write(con, lake)
                why_not = lake_place.why_not(con, lake, OWN_CATALOG)
                if why_not:
                    raise StoreError(why_not)
                first = sql.text("lake_snapshots").format(snapshot=found[-keep].number)
                versions = [int(str(number)) for (number,) in ducklake.ask(con, first, OWN_CATALOG)]
                con.execute(sql.text("lake_expire").format(versions=versions))
        return [snapshot.name for snapshot in gone]


class DamagedLakeError(duckdb.Error):
    """The lake does not hold what was to be committed; nothing was."""


@contextmanager
def writer(folders: Folders, lake: Lake, sources: Iterable[str]) -> Iterator[LakeWriter]:
    """Be the only one who writes these sources.

    Raises:
        BusyError: another process writes one of them.
        NoLedgerError: PostgreSQL cannot be reached.
    """
    try:
        locks = Locks(lake)
    except duckdb.Error as error:
        raise ducklake.unreachable(error) from None
    try:
        for source_id in sorted(sources):
            if not locks.take(f"source {source_id}"):
                raise BusyError(f"another refresh is at work on {source_id}")
        yield LakeWriter(folders, lake, locks)
    finally:
        locks.close()


def _changed(path: Path) -> float:
    """When a file, or the newest file in a folder, was last written; now where it is just going."""
    try:
        return max(each.stat().st_mtime for each in (path, *path.glob("*")))
    except FileNotFoundError:
        return time.time()


class LakeWriter:
    """One refresh of some sources of a lake."""

    def __init__(self, folders: Folders, lake: Lake, locks: Locks) -> None:
        """Work beside others; ``locks`` are those of the sources."""
        self._folders = folders
        self._lake = lake
        self._locks = locks
        self._replicas = Replicas(folders.ledger, lake)
        self._base: Snapshot | None = None
        self._publishes = False
        _wait(lambda: locks.take(WORKING, shared=True))

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether nobody else is at work, nor can begin, until the block ends; then the lake is swept."""
        is_alone = not self._publishes and self._locks.take(WORKING)
        try:
            if is_alone:
                self._sweep()
            yield is_alone
        finally:
            if is_alone:
                self._locks.let_go(WORKING)

    def _sweep(self) -> None:
        """Remove what killed runs left: half-made files here, and files of the lake that no snapshot names."""
        for left in self._replicas.folder.glob("building-*"):
            if not left.name.startswith(f"building-{os.getpid()}."):
                left.unlink(missing_ok=True)
        long_ago = time.time() - PATIENCE_SECONDS
        for pattern in (".ledger-*.part*", ".whole-*"):
            for left in self._replicas.folder.glob(pattern):
                if _changed(left) > long_ago:  # some reader's, perhaps
                    continue
                if left.is_dir():
                    shutil.rmtree(left, ignore_errors=True)
                else:
                    left.unlink(missing_ok=True)
        if not self._replicas.chain():
            return
        with ducklake.connect() as con:
            ducklake.attach_to_write(con, self._lake)
            why_not = lake_place.why_not(con, self._lake, OWN_CATALOG)
            if why_not:
                _LOG.warning("the lake is not swept", why=why_not)
            else:
                con.execute(sql.text("lake_sweep"))

    @contextmanager
    def building(self) -> Iterator[tuple[Path, Path | None, duckdb.DuckDBPyConnection]]:
        """A copy of the ledger in use to work on, the replica it was made from, and a connection."""
        found = self._replicas.chain()
        self._base = found[-1] if found else None
        lake_place.require_own(self._lake, is_made=bool(found))
        base = self._replicas.current() if found else None
        self._replicas.folder.mkdir(parents=True, exist_ok=True)
        with copied(self._replicas.folder, base) as (path, con):
            yield path, base, con

    def remember(self) -> None:
        """Let the data folder know that its ledger is in this lake, once that was built on."""
        if self._base is not None:
            settle(self._folders.ledger, self._lake)

    def claim(self) -> None:
        """Publish after all that others have published.

        Raises:
            MovedOnError: that is more than was built on; nobody else publishes until this writer ends.
        """
        if not self._publishes:
            _wait(lambda: self._locks.take(PUBLISHING))
            self._publishes = True
        found = self._replicas.chain()
        if (found[-1] if found else None) != self._base:
            raise MovedOnError

    def publish(
        self,
        built: Path,
        con: duckdb.DuckDBPyConnection,
        describe: Callable[[str, int | None], Manifest],
        progress: Callable[[str, str], None] = lambda *_: None,
    ) -> Path:
        """Make ``built`` the ledger in use, as one snapshot, and return its replica.

        Raises:
            MovedOnError: another ledger was published in between.
            DamagedLakeError: the lake would not hold what was built.
        """
        self.claim()
        progress("", "checkpoint")
        con.execute("CHECKPOINT")
        con.close()
        new = fingerprint.of_file(built)
        progress("", "manifest")
        described = describe(fingerprint.sha256(new), None)
        is_new = not manifest.is_kept(self._folders.archive, described)
        sha256 = manifest.write(self._folders.archive, described, homes.link_keeper(self._folders))
        name = Path(manifest.ledger_name(described.refresh, sha256)).stem
        try:
            self._commit(built, name, described.refresh, new, progress)
        except BaseException:
            if is_new:
                self._forget(described.refresh, sha256, name)
            raise
        settle(self._folders.ledger, self._lake)
        progress("", "CURRENT")
        replica = self._replicas.folder / f"{name}.duckdb"
        built.rename(replica)
        self._replicas.tidy(self._replicas.chain())
        return replica

    def _forget(self, refresh: int, sha256: str, name: str) -> None:
        """Remove the manifest of a ledger that was not published, if it is certain that it was not."""
        try:
            if any(snapshot.name == name for snapshot in self._replicas.chain()):
                return
        except NoLedgerError:
            return
        where = manifest.folder(self._folders.archive) / manifest.file_name(refresh, sha256)
        where.unlink(missing_ok=True)

    def _commit(
        self,
        built: Path,
        name: str,
        refresh: int,
        new: Fingerprint,
        progress: Callable[[str, str], None],
    ) -> None:
        progress("", "rename")
        with ducklake.connect() as con:
            con.execute(sql.text("attach_file").format(path=str(built).replace("'", "''")))
            _require_keys(con)
            if self._base is None:
                lake_place.claim(self._lake)
            ducklake.attach_to_write(con, self._lake)
            con.execute("BEGIN")
            found = chain(con, OWN_CATALOG)
            if (found[-1] if found else None) != self._base:
                raise MovedOnError
            self._require_ours(con)
            old = known(con, self._base) if self._base else {}
            there = ducklake.tables(con, self._base.number) if self._base else {}
            changed = put(con, refresh, new, old, there)
            tables = {table: (each.rows, each.sha256) for table, each in new.items()}
            extra = json.dumps({"format": FORMAT, "changed": changed, "tables": tables})
            con.execute(sql.text("lake_message"), {"name": name, "extra": extra})
            try:
                con.execute("COMMIT")
            except duckdb.Error as error:
                con.execute(
                    f"DETACH {NAME}"
                )  # or DuckDB holds on to the file beyond this connection
                if self._is_overtaken():
                    raise MovedOnError from error
                raise

    def _is_overtaken(self) -> bool:
        """The ledger that was built on is no longer the one in use."""
        try:
            found = self._replicas.chain()
        except NoLedgerError:
            return False
        return (found[-1] if found else None) != self._base

    def _require_ours(self, con: duckdb.DuckDBPyConnection) -> None:
        """Nothing else has written to the lake since the ledger in use; raises DamagedLakeError."""
        ((newest,),) = ducklake.ask(con, sql.text("lake_head"), OWN_CATALOG)
        if self._base and newest != self._base.number:
            raise DamagedLakeError(
                f"something else than hma has written to the lake since {self._base.name}; readers don't see it. "
                "To go on from that ledger: hma migrate file, then hma migrate into a new lake"
            )


def put(
    con: duckdb.DuckDBPyConnection,
    refresh: int,
    new: Fingerprint,
    old: Fingerprint,
    there: Mapping[str, Sequence[str]],
) -> list[str]:
    """Bring the tables of the attached lake from ``old`` to those of the attached file; returns which changed.

    ``there`` are the tables of the lake with their columns.

    Raises:
        DamagedLakeError: a table is another one afterwards.
    """
    con.execute("SET TimeZone = 'UTC'")
    for schema in ("present", "past", "history"):
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {NAME}.{schema}")
    wanted = ducklake.file_tables(con, FILE)
    changed = []
    for table, found in new.items():
        if old.get(table) == found and set(there[table]) == set(wanted[table]):
            continue
        changed.append(table)
        if set(there.get(table, ())) == set(wanted[table]):
            _change(con, table, refresh)
            if fingerprint.of(con, NAME, {table: wanted[table]})[table] == found:
                continue
        _run(con, "lake_replace", table, refresh)
        if fingerprint.of(con, NAME, {table: wanted[table]})[table] != found:
            raise DamagedLakeError(f"{table} of the lake would not be what was built")
    gone = sorted(there.keys() - new.keys())
    if gone:
        raise DamagedLakeError(
            f"the lake holds {', '.join(gone)}, which this version does not know"
        )
    return changed


def _change(con: duckdb.DuckDBPyConnection, table: str, refresh: int) -> None:
    """Write into one table what this refresh changed in it; a view is written anew."""
    schema, _, name = table.partition(".")
    if name in APPENDED:
        _run(con, "lake_appended", table, refresh)
    elif schema != "main":
        _run(con, f"lake_{schema}", table, refresh)


def _run(con: duckdb.DuckDBPyConnection, step: str, table: str, refresh: int) -> None:
    name = table.partition(".")[2]
    text = sql.text(step).format(
        table=named(NAME, table),
        built=named(FILE, table),
        past=named(FILE, f"past.{name}"),
        number=sql.identifier("refresh" if name == "refreshes" else "recorded_in"),
    )
    for statement in con.extract_statements(text):
        values = {"refresh": refresh} if statement.named_parameters else None
        con.execute(statement, values)


def _require_keys(con: duckdb.DuckDBPyConnection) -> None:
    """No entry is in use twice, no revision is there twice, and no refresh.

    Raises:
        DamagedLakeError: one is; the message says which.
    """
    keys = [(f"FROM {named(FILE, f'present.{name}')}", ["entry_id"]) for name in FACT_TABLES]
    keys += [
        (
            f"FROM {named(FILE, f'present.{name}')} "
            f"UNION ALL BY NAME FROM {named(FILE, f'past.{name}')}",
            ["entry_id", "revision", "dimension", "category"]
            if name == "splits"
            else ["entry_id", "revision"],
        )
        for name in ENTRIES
    ]
    keys.append((f"FROM {named(FILE, 'history.refreshes')}", ["refresh"]))
    for table, key in keys:
        query = sql.text("lake_keys").format(table=f"({table})", key=ducklake.columns(key))
        twice = con.execute(query).fetchall()
        if twice:
            raise DamagedLakeError(f"{twice[0][0]} would be there {twice[0][-1]} times ({table})")


def _wait(is_had: Callable[[], bool]) -> None:
    """Wait for a lock that others hold for a while.

    Raises:
        BusyError: it was not to be had within an hour.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_had():
        if time.monotonic() > until:
            raise BusyError("other refreshes keep the lake")
        time.sleep(POLL_SECONDS)
