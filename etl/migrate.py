"""Moving a ledger from one home to the other, with nothing lost.

Every table is hashed where it is, row by row and with all its columns, and again where it came to, read
anew from there. If any differs, moving fails and names it: the new home holds a ledger by then, which is not
to be used. The archive and its manifests stay where they are: the chain of refreshes goes on. The old home
stays as it is, too; nobody removes it. The data folder remembers the new one (:func:`etl.lake.settle`).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from etl import fingerprint, homes, lake_writer, manifest, writers
from etl.fingerprint import Fingerprint
from etl.lake import settle
from etl.manifest import Manifest
from etl.proof import kept, write_moved
from etl.publish import MovedOnError, copied, publish
from etl.publish import writer as file_writer
from etl.settings import Folders, Lake
from etl.store import CURRENT, require_format

Progress = Callable[[str], None]


class MigrateError(Exception):
    """The ledger cannot be moved there, or did not arrive whole; the message says why."""


@dataclass(frozen=True)
class Moved:
    """A ledger that was moved: its name, and the hash of each table in both homes."""

    ledger: str
    tables: Fingerprint

    @property
    def sha256(self) -> str:
        """The hash of them all."""
        return fingerprint.sha256(self.tables)


def migrate(here: Folders, to: Lake | None, progress: Progress = lambda _: None) -> Moved:
    """Move the ledger of ``here`` into the lake ``to``, or into files in the same folders.

    Raises:
        MigrateError: it is there already, or there is one there, or it did not arrive whole.
        NoLedgerError: there is no ledger, or a lake cannot be reached.
        BusyError: somebody is writing to either home.
        StoreError: a lake's place for its rows is another one's.
        ArchiveError: its manifest is missing or altered.
        StoreError: ``here`` names files, and the data folder's ledger is in a lake.
    """
    if here.lake == to:
        raise MigrateError("the ledger is there already")
    there = replace(here, lake=to)
    homes.catch_up(here)
    with writers.still(here), kept(here) as path:
        _, link = manifest.of_ledger(here.archive, path)
        progress("hashes")
        before = fingerprint.of_file(path)
        with duckdb.connect(path, read_only=True) as con:
            require_format(con, path)
        if to is None:
            _to_files(there, path, link, progress)
        else:
            _to_lake(there, to, path, link, progress)
        progress("hashes again")
        with kept(there) as arrived:
            after = fingerprint.of_file(arrived)
    differing = sorted(
        table for table in before.keys() | after.keys() if before.get(table) != after.get(table)
    )
    settle(here.ledger, here.lake if differing else to)
    if differing:
        raise MigrateError(f"did not arrive as they were: {', '.join(differing)}")
    return Moved(path.stem, before)


def _to_files(there: Folders, path: Path, link: Manifest, progress: Progress) -> None:
    if (there.ledger / CURRENT).exists() or list(there.ledger.glob("ledger-*.duckdb")):
        raise MigrateError(
            f"{there.ledger} holds a ledger already; move its files away, then migrate again"
        )
    with file_writer(there.ledger), copied(there.ledger, path) as (built, con):
        _mark(there, path, link)
        publish(there, built, con, lambda _sha256, _size: link, lambda _, step: progress(step))


def _to_lake(there: Folders, to: Lake, path: Path, link: Manifest, progress: Progress) -> None:
    with lake_writer.writer(there, to, ()) as writer, writer.building() as (built, base, con):
        if base is not None:
            raise MigrateError("the lake holds a ledger already; name an empty database")
        con.close()
        shutil.copyfile(path, built)
        _mark(there, path, link)
        try:
            with duckdb.connect(built) as copy:
                writer.publish(
                    built, copy, lambda _sha256, _size: link, lambda _, step: progress(step)
                )
        except MovedOnError as error:
            raise MigrateError(
                "a ledger was published in the lake meanwhile; name an empty database"
            ) from error


def _mark(there: Folders, path: Path, link: Manifest) -> None:
    """Say beside the manifests by which fingerprint the ledger goes in its new home."""
    mark = fingerprint.sha256(fingerprint.of_file(path))
    if link.ledger_size_bytes is not None or mark != link.ledger_sha256:
        write_moved(there.archive, link, mark, homes.link_keeper(there))
