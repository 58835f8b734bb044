"""Rebuilding: a ledger made again from an export alone, the same in every table.

Nothing of the export is believed: its files are compared with ``SHA256SUMS``, its manifests must be
one chain, and every table, now and as of each refresh, must have the hash that its manifest names.
Views, findings and reference tables are put back as they were published, not worked out anew.

The ledger goes by the manifest of the refresh that was exported, so a later refresh goes on from
there. The file is not the one that was published, and an export holds no archived bytes: a record
beside the manifests says both, and ``hma verify`` repeats it (see :class:`etl.manifest.Rebuilt`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from etl import asof, homes, manifest, record, sql
from etl.archive import Archive, ArchiveError, file_sha256, write_safely
from etl.asof import TABLES
from etl.export import HISTORY, MANIFESTS, SUMS
from etl.lake import require_files
from etl.manifest import BATCH_ROWS, Manifest, Rebuilt
from etl.publish import building, publish, writer
from etl.record import ENTRIES, KEPT
from etl.report import Report
from etl.settings import Folders
from etl.store import CURRENT
from etl.tables import ALL_TABLES, FACT_TABLES, polars_schema
from etl.verify import check_tables, follow

SUM: Final = re.compile(r"([0-9a-f]{64})  ([\w.-]+(?:/[\w.-]+)*)")
MANIFEST: Final = re.compile(rf"{MANIFESTS}/(\d{{6,}})-([0-9a-f]{{64}})\.json")

Progress = Callable[[str], None]


class DamagedError(Exception):
    """The export is not what was exported; the message names what differs."""


class InUseError(Exception):
    """There is a ledger already."""


def rebuild(folders: Folders, export: Path, progress: Progress = lambda _: None) -> Path:
    """Make the ledger of ``export`` the ledger in use, and return its path.

    Raises:
        InUseError: there is a ledger already.
        BusyError: another process is writing.
        DamagedError: the export is incomplete or altered.
        StoreError: the data folder's ledger is in a lake.
    """
    if folders.lake is not None:
        raise InUseError(
            "a lake is not rebuilt in place: rebuild into files, without HMA_STORE, then hma migrate"
        )
    require_files(folders)
    with writer(folders.ledger):
        _require_none(folders.ledger)
        progress("checksums")
        files = _files(export)
        chain = _chain(export, files)
        sha256, head = chain[0]
        with building(folders.ledger) as (built, _, con):
            con.execute("BEGIN")
            record.create_tables(con)
            for name in _tables(head, files):
                progress(name)
                path = export / HISTORY / f"{name}.parquet"
                try:
                    _load(con, name, path)
                except (duckdb.Error, pa.ArrowException) as error:
                    raise DamagedError(f"{path} cannot be loaded: {error}") from error
            progress("order")
            record.lay_out(con, set(FACT_TABLES))
            _put_back(con, head.refresh)
            con.execute("COMMIT")
            _check(con, [link for _, link in chain], progress)
            archive, keep = homes.opened(folders), homes.link_keeper(folders)
            for digest, link in chain:
                name = manifest.file_name(link.refresh, digest)
                content = (export / MANIFESTS / name).read_bytes()
                if keep:
                    keep(name, content)
                write_safely(manifest.folder(folders.archive) / name, content)
            absent = _absent(archive, [link for _, link in chain])

            def describe(ledger_sha256: str, _: int | None) -> Manifest:
                rebuilt = Rebuilt(head.refresh, sha256, ledger_sha256, absent)
                manifest.write_rebuilt(folders.archive, rebuilt, keep)
                return head

            return publish(folders, built, con, describe, lambda _, step: progress(step))


def _require_none(ledger: Path) -> None:
    found = sorted(path.name for path in ledger.glob("ledger-*.duckdb"))
    if found or (ledger / CURRENT).exists():
        what = found[-1] if found else CURRENT
        raise InUseError(
            f"{ledger} holds a ledger already ({what}); move that folder away, or set HMA_DATA to "
            "another data folder"
        )


def _files(export: Path) -> set[str]:
    """The files that the export lists; each is there and has its SHA-256."""
    try:
        lines = (export / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedError(f"{export / SUMS} cannot be read: {error}") from error
    files = set()
    for line in lines:
        match = SUM.fullmatch(line)
        if not match or ".." in match[2].split("/"):
            raise DamagedError(f"{export / SUMS} has a line that is no checksum: {line[:80]!r}")
        try:
            if file_sha256(export / match[2]) != match[1]:
                raise DamagedError(f"{export / match[2]} does not have the SHA-256 in {SUMS}")
        except OSError as error:
            raise DamagedError(f"{export / match[2]} cannot be read: {error.strerror}") from error
        files.add(match[2])
    return files


def _chain(export: Path, files: set[str]) -> list[tuple[str, Manifest]]:
    """The manifests of the export with their SHA-256, newest first."""
    found = sorted((match for match in map(MANIFEST.fullmatch, files) if match), key=lambda m: m[1])
    if not found:
        raise DamagedError(f"{export / SUMS} lists no manifest")
    refresh, sha256 = found[-1].groups()
    report = Report()
    try:
        head = manifest.load(export / MANIFESTS, int(refresh), sha256)
        links = follow(export / MANIFESTS, head, report)
    except (ArchiveError, ValueError, KeyError, TypeError) as error:
        raise DamagedError(f"manifest of refresh {refresh}: {error}") from error
    _require_sound(report)
    return list(zip([sha256, *(str(link.parent) for link in links)], links, strict=False))


def _tables(head: Manifest, files: set[str]) -> list[str]:
    """The tables that the export must hold: those of its manifest."""
    unknown = set(head.tables) - set(TABLES)
    if unknown:
        raise DamagedError(
            f"the export holds {', '.join(sorted(unknown))}, which this version does not know; "
            f"rebuild with the one that exported it ({head.code_version})"
        )
    names = [name for name in TABLES if name in head.tables]
    missing = [name for name in names if f"{HISTORY}/{name}.parquet" not in files]
    if missing:
        raise DamagedError(f"{SUMS} does not list {HISTORY}/{missing[0]}.parquet")
    return names


def _load(con: duckdb.DuckDBPyConnection, name: str, path: Path) -> None:
    """Take one table of the export in, batch by batch."""
    table = sql.identifier(name)
    if name in ENTRIES:
        in_use = "ended_in IS NULL"
        if name in FACT_TABLES:
            in_use += " AND change <> 'withdrawn'"
        statements = [
            sql.text("load_entries").format(schema=schema, table=table, condition=condition)
            for schema, condition in (("present", in_use), ("past", f"NOT ({in_use})"))
        ]
    else:
        statements = [sql.text("load_history").format(table=table)]
    for statement in statements:
        # not DuckDB's own reader, which takes brackets and stars in a path for a pattern
        with pq.ParquetFile(path) as file:
            rows = pa.RecordBatchReader.from_batches(
                file.schema_arrow, file.iter_batches(BATCH_ROWS)
            )
            con.register("exported", rows)
            try:
                con.execute(statement)
            finally:
                con.unregister("exported")


def _put_back(con: duckdb.DuckDBPyConnection, refresh: int) -> None:
    """What readers see of the tables without named rows is what was published last."""
    con.execute("SET VARIABLE as_of = $refresh", {"refresh": refresh})
    for name in KEPT:
        con.execute(sql.create_table("main", name, polars_schema(ALL_TABLES[name]), replace=True))
        query = sql.text("load_published")
        con.execute(query.format(table=sql.identifier(name), rows=asof.rows(name)))


def _check(con: duckdb.DuckDBPyConnection, chain: list[Manifest], progress: Progress) -> None:
    report = Report()
    check_tables(con, chain, report, progress)
    _require_sound(report)


def _require_sound(report: Report) -> None:
    if report.differences:
        more = len(report.differences) - 1
        also = f" (and {more} more)" if more else ""
        raise DamagedError(f"the export differs from its manifests: {report.differences[0]}{also}")


def _absent(archive: Archive, chain: list[Manifest]) -> list[str]:
    """The vintages that the manifests name and the archive lacks."""
    named = {vintage["vintage_sha256"] for link in chain for vintage in link.vintages}
    return sorted(sha256 for sha256 in named if not archive.has(sha256))
