"""The manifest of a refresh: what it read, what it published, and the manifest before it.

``archive/refreshes/000007-<sha256>.json`` is named by its own SHA-256 and names its parent's, so the
manifests are a chain: nothing in it can be changed without changing every name after it. The
published ledger carries the first sixteen digits of its manifest's hash in its own name.

A ledger that was rebuilt from an export goes by the manifest of the refresh that was exported, but
is another file: ``rebuilt-000007-<sha256>.json``, named by the hash of that file, says so, and which
archived bytes were not there when it was rebuilt.

The hash of a table is taken over the hashes of its rows in ascending order. Times of day are left
out of it (see :data:`TIMES`), so the same bytes read by the same code give the same
``content_sha256`` on any machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from etl import asof, sql
from etl.archive import ArchiveError, write_safely
from etl.asof import TABLES
from etl.record import ENTRIES
from etl.tables import ALL_TABLES

FORMAT: Final = 1
SHORT: Final = 16
BATCH_ROWS: Final = 100_000
# Differ between machines that read the same bytes; the serving file's own hash covers them.
TIMES: Final = frozenset(
    {"started_at", "finished_at", "retrieved_at", "decided_at", "parent_manifest_sha256"}
)


@dataclass(frozen=True)
class TableHash:
    """How many rows a table holds, and the hash of them all; for an entry table, of all revisions."""

    rows: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """One link of the chain."""

    refresh: int
    started_at: str
    finished_at: str
    code_version: str
    changes: dict[str, int]
    vintages: list[dict[str, str]]
    tables: dict[str, TableHash]
    parent: str | None
    parent_content_sha256: str | None
    ledger_sha256: str
    ledger_size_bytes: int
    format: int = FORMAT

    @property
    def content_sha256(self) -> str:
        """The hash of everything that does not depend on the machine or the hour."""
        own = {"ledger_sha256", "ledger_size_bytes", "started_at", "finished_at", "parent"}
        content = {name: value for name, value in asdict(self).items() if name not in own}
        return hashlib.sha256(_canonical(content)).hexdigest()

    def as_bytes(self) -> bytes:
        """The file's content, always the same for the same manifest."""
        return _canonical({**asdict(self), "content_sha256": self.content_sha256})


def _canonical(content: Mapping[str, Any]) -> bytes:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1)
    return f"{text}\n".encode()


def folder(archive: Path) -> Path:
    """Where the manifests lie."""
    return archive / "refreshes"


def file_name(refresh: int, sha256: str) -> str:
    """The file name of the manifest with this hash."""
    return f"{refresh:06d}-{sha256}.json"


def write(archive: Path, manifest: Manifest) -> str:
    """Keep ``manifest`` and return its SHA-256."""
    content = manifest.as_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    write_safely(folder(archive) / file_name(manifest.refresh, sha256), content)
    return sha256


def ledger_name(refresh: int, sha256: str) -> str:
    """The file name of the ledger whose manifest has this hash."""
    return f"ledger-{refresh:06d}-{sha256[:SHORT]}.duckdb"


def of_ledger(archive: Path, ledger: Path) -> tuple[str, Manifest]:
    """The manifest of a published ledger and its SHA-256.

    Raises:
        ArchiveError: it is missing or altered.
    """
    _, number, short = ledger.stem.split("-")
    found = sorted(folder(archive).glob(f"{number}-{short}*.json"))
    if len(found) != 1:
        raise ArchiveError(
            f"the manifest {number}-{short}… of {ledger.name} is missing from {folder(archive)}; "
            "restore the archive from a backup"
        )
    sha256 = found[0].stem.partition("-")[2]
    return sha256, load(folder(archive), int(number), sha256)


def load(where: Path, refresh: int, sha256: str) -> Manifest:
    """The manifest of ``refresh`` with this hash, from the folder in which the manifests lie.

    Raises:
        ArchiveError: it is missing or altered, or of a form that this version does not know.
    """
    path = where / file_name(refresh, sha256)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArchiveError(
            f"{path} cannot be read ({error.strerror}); restore it from a backup"
        ) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ArchiveError(f"{path} no longer has its SHA-256; restore it from a backup")
    values = json.loads(content)
    if values.get("format") != FORMAT:
        raise ArchiveError(
            f"{path} has form {values.get('format')}, and this version knows {FORMAT}"
        )
    content_sha256 = values.pop("content_sha256")
    values["tables"] = {name: TableHash(**table) for name, table in values["tables"].items()}
    manifest = Manifest(**values)
    if manifest.content_sha256 != content_sha256:
        raise ArchiveError(f"{path} names another hash of its content than it has")
    return manifest


@dataclass(frozen=True)
class Rebuilt:
    """A ledger file that was rebuilt from an export of the refresh with that manifest."""

    refresh: int
    manifest_sha256: str
    ledger_sha256: str
    absent_vintages: list[str]


def write_rebuilt(archive: Path, rebuilt: Rebuilt) -> None:
    """Keep the record of a rebuilt ledger."""
    name = f"rebuilt-{rebuilt.refresh:06d}-{rebuilt.ledger_sha256}.json"
    write_safely(folder(archive) / name, _canonical(asdict(rebuilt)))


def rebuilt_ledgers(archive: Path) -> list[Rebuilt]:
    """Every record of a rebuilt ledger.

    Raises:
        ArchiveError: one of them cannot be read.
    """
    found = []
    for path in sorted(folder(archive).glob("rebuilt-*.json")):
        try:
            found.append(Rebuilt(**json.loads(path.read_bytes())))
        except (OSError, ValueError, TypeError) as error:
            raise ArchiveError(f"{path} cannot be read: {error}") from error
    return found


def hash_tables(
    con: duckdb.DuckDBPyConnection, refresh: int, known: Mapping[str, TableHash] | None = None
) -> dict[str, TableHash]:
    """The hashes of all tables as they stood right after ``refresh``.

    ``known`` holds those that need not be computed again.
    """
    hashes = dict(known or {})
    return {
        name: hashes[name] if name in hashes else hash_table(con, name, refresh) for name in TABLES
    }


def hash_table(con: duckdb.DuckDBPyConnection, name: str, refresh: int) -> TableHash:
    """The hash of one table as it stood right after ``refresh``; of a fact table, all its revisions."""
    con.execute("SET VARIABLE as_of = $refresh", {"refresh": refresh})
    if name in ENTRIES:
        return _hash(con, name, sql.text("revisions_as_of").format(table=sql.identifier(name)))
    return _hash(con, name, asof.rows(name))


def hash_published(con: duckdb.DuckDBPyConnection, name: str) -> TableHash:
    """The hash of one table as readers see it now; of a fact table, all its revisions."""
    schema = "history" if name in ENTRIES else "main"
    return _hash(con, name, f"FROM {schema}.{sql.identifier(name)}")


def _hash(con: duckdb.DuckDBPyConnection, name: str, rows: str) -> TableHash:
    # a column that this version declares and the ledger lacks is null everywhere, and nulls don't count
    there = {row[0] for row in con.execute(f"DESCRIBE {rows}").fetchall()}
    columns = [name for name in ALL_TABLES[name].columns() if name in there - TIMES]
    query = sql.text("hash_rows").format(content=sql.named_values(columns), rows=rows)
    digest, count = hashlib.sha256(), 0
    reader = con.execute(query).to_arrow_reader(BATCH_ROWS)
    for batch in reader:
        digest.update("".join(batch.column(0).to_pylist()).encode())
        count += batch.num_rows
    return TableHash(count, digest.hexdigest())
