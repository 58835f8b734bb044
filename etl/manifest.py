"""The manifest of a refresh: what it read, what it published, and the manifest before it.

``archive/refreshes/000007-<sha256>.json`` is named by its own SHA-256 and names its parent's, so the
manifests are a chain: nothing in it can be changed without changing every name after it. The
published ledger carries the first sixteen digits of its manifest's hash in its own name.

A ledger that was rebuilt from an export goes by the manifest of the refresh that was exported, but
is another file: ``rebuilt-000007-<sha256>.json``, named by the hash of that file, says so, and which
archived bytes were not there when it was rebuilt.

The hash of a table is taken over the hashes of its rows in ascending order. Times of day are left
out of it (see :data:`TIMES`), so the same bytes read by the same code give the same
``content_sha256`` on any machine. Rows that may not be passed on (:mod:`etl.withheld`) are not in it:
their hashes stand apart, by source, so that an export without them can be checked like any other.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb

from etl import asof, sql, withheld
from etl.archive import ArchiveError, write_safely
from etl.asof import TABLES
from etl.record import ENTRIES, filled
from etl.tables import ALL_TABLES

FORMAT: Final = 1
SHORT: Final = 16
BATCH_ROWS: Final = 100_000
# A manifest, by its own hash; what says of a ledger that it was rebuilt or moved, by that of the ledger.
NAME: Final = re.compile(r"((?:rebuilt-|moved-)?)\d{6,}-([0-9a-f]{64})\.json")
Keep = Callable[[str, bytes], None]  # takes the name and the content of a file
# Differ between machines that read the same bytes; the serving file's own hash covers them.
TIMES: Final = frozenset(
    {"started_at", "finished_at", "retrieved_at", "decided_at", "parent_manifest_sha256"}
)


@dataclass(frozen=True)
class TableHash:
    """How many rows a table holds, and the hash of them all; for an entry table, of all revisions."""

    rows: int
    sha256: str


EMPTY: Final = TableHash(0, hashlib.sha256().hexdigest())


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
    ledger_size_bytes: int | None  # None in a lake, where ledger_sha256 is a fingerprint
    format: int = FORMAT
    withheld: dict[str, dict[str, TableHash]] = field(default_factory=dict)

    @property
    def content_sha256(self) -> str:
        """The hash of everything that does not depend on the machine or the hour."""
        own = {"ledger_sha256", "ledger_size_bytes", "started_at", "finished_at", "parent"}
        content = {name: value for name, value in self._values().items() if name not in own}
        return hashlib.sha256(_canonical(content)).hexdigest()

    def as_bytes(self) -> bytes:
        """The file's content, always the same for the same manifest."""
        return _canonical({**self._values(), "content_sha256": self.content_sha256})

    def _values(self) -> dict[str, Any]:
        """Its fields; ``withheld`` only where there is something to withhold, as before there was any."""
        values = asdict(self)
        return values if self.withheld else {k: v for k, v in values.items() if k != "withheld"}


def _canonical(content: Mapping[str, Any]) -> bytes:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1)
    return f"{text}\n".encode()


def folder(archive: Path) -> Path:
    """Where the manifests lie."""
    return archive / "refreshes"


def file_name(refresh: int, sha256: str) -> str:
    """The file name of the manifest with this hash."""
    return f"{refresh:06d}-{sha256}.json"


def sha256_of(manifest: Manifest) -> str:
    """The SHA-256 of a manifest, by which its file is named."""
    return hashlib.sha256(manifest.as_bytes()).hexdigest()


def write(archive: Path, manifest: Manifest, keep: Keep | None = None) -> str:
    """Keep ``manifest`` and return its SHA-256; ``keep`` gets it first where it has another home, too."""
    sha256 = sha256_of(manifest)
    name = file_name(manifest.refresh, sha256)
    if keep:
        keep(name, manifest.as_bytes())
    write_safely(folder(archive) / name, manifest.as_bytes())
    return sha256


def is_kept(archive: Path, manifest: Manifest) -> bool:
    """This very manifest lies there."""
    return (folder(archive) / file_name(manifest.refresh, sha256_of(manifest))).is_file()


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
    values["withheld"] = {
        source_id: {name: TableHash(**table) for name, table in tables.items()}
        for source_id, tables in values.get("withheld", {}).items()
    }
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


def write_rebuilt(archive: Path, rebuilt: Rebuilt, keep: Keep | None = None) -> None:
    """Keep the record of a rebuilt ledger; ``keep`` as for :func:`write`."""
    name = f"rebuilt-{rebuilt.refresh:06d}-{rebuilt.ledger_sha256}.json"
    content = _canonical(asdict(rebuilt))
    if keep:
        keep(name, content)
    write_safely(folder(archive) / name, content)


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
    con: duckdb.DuckDBPyConnection,
    refresh: int,
    known: Mapping[str, TableHash] | None = None,
    apart: Sequence[str] = (),
) -> dict[str, TableHash]:
    """The hashes of all tables as they stood right after ``refresh``, without the sources ``apart``.

    ``known`` holds those that need not be computed again.
    """
    hashes = dict(known or {})
    for name in filled(con, "history", TABLES) - hashes.keys():
        hashes[name] = hash_table(con, name, refresh, apart)
    return {name: hashes.get(name, EMPTY) for name in TABLES}


def hash_apart(
    con: duckdb.DuckDBPyConnection, refresh: int, apart: Sequence[str]
) -> dict[str, dict[str, TableHash]]:
    """The same of each source ``apart``, by source, where it has rows."""
    return {
        source_id: {
            name: found
            for name in TABLES
            if (found := hash_table(con, name, refresh, (source_id,), of_them=True)).rows
        }
        for source_id in apart
    }


def hash_table(
    con: duckdb.DuckDBPyConnection,
    name: str,
    refresh: int,
    apart: Sequence[str] = (),
    *,
    of_them: bool = False,
) -> TableHash:
    """The hash of one table as it stood right after ``refresh``; of a fact table, all its revisions.

    Rows of the sources ``apart`` are left out, or all that is taken.
    """
    con.execute("SET VARIABLE as_of = $refresh", {"refresh": refresh})
    if name in ENTRIES:
        rows = sql.text("revisions_as_of").format(table=sql.identifier(name))
    else:
        rows = asof.rows(name)
    return _hash(con, name, _screened(name, rows, apart, of_them=of_them))


def hash_published(
    con: duckdb.DuckDBPyConnection, name: str, apart: Sequence[str] = ()
) -> TableHash:
    """The hash of one table as readers see it now; of a fact table, all its revisions."""
    schema = "history" if name in ENTRIES else "main"
    return _hash(
        con, name, _screened(name, f"FROM {schema}.{sql.identifier(name)}", apart, of_them=False)
    )


def _screened(name: str, rows: str, apart: Sequence[str], *, of_them: bool) -> str:
    if not apart:
        return rows
    return sql.text("screened").format(
        rows=rows, condition=withheld.condition(name, apart, of_them=of_them)
    )


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
