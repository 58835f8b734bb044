"""Deriving again: what the readers make of the archived bytes today, against what was published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import duckdb

from etl import homes, locate, record, sql
from etl.archive import ArchiveError, UnreachableError, Vintage
from etl.areas import Resolver, load_areas
from etl.reading import SourceError
from etl.refresh import code_version, read_vintages
from etl.registers import every_source
from etl.report import Report
from etl.settings import Folders
from etl.store import NoLedgerError
from etl.tables import FACT_TABLES

Progress = Callable[[str], None]


def check_entries(
    con: duckdb.DuckDBPyConnection,
    folders: Folders,
    absent: set[str],
    report: Report,
    progress: Progress,
) -> None:
    """What the readers make of each accepted vintage is what the ledger held right after it."""
    archive = homes.archive_of(folders)
    version = code_version(folders)
    resolver = Resolver(load_areas(folders.reference))
    other_code: Counter[str] = Counter()
    without_bytes = 0
    sources = every_source(folders)
    for source_id, refresh, code, vintages in states(con):
        if any(vintage.sha256 in absent for vintage in vintages):
            without_bytes += 1
            continue
        spec = sources.get(source_id)
        if code != version or spec is None:
            other_code[code] += 1
            continue
        progress(f"{source_id} as of refresh {refresh}")
        try:
            _, checked = read_vintages(archive, resolver, spec, vintages)
        except UnreachableError:
            raise
        except (ArchiveError, SourceError) as error:
            report.differs(f"{source_id} as of refresh {refresh}", str(error))
            continue
        finally:
            archive.let_go()
        for table in FACT_TABLES:
            if table not in checked.tables and not _has_entries(con, source_id, table):
                continue
            record.offer(con, table, checked)
            names = record.names_of(table)
            con.execute("SET VARIABLE as_of = $refresh", {"refresh": refresh})
            query = sql.text("verify_entries").format(**names)
            for entry_id, what in con.execute(query, {"source_id": source_id}).fetchall():
                report.differs(f"{table}, entry {entry_id}", f"{what} as of refresh {refresh}")
            report.checked["entries derived again"] += (
                checked.tables[table].height if table in checked.tables else 0
            )
    if without_bytes:
        report.notes.append(
            f"{without_bytes} states of sources were not read again, because their archived files "
            "are not there. Their rows and hashes were checked all the same"
        )
    for code, count in sorted(other_code.items()):
        report.notes.append(
            f"{count} states of sources were read by code {code}; this is {version}. Check them with "
            "that version. Their rows and hashes were checked all the same"
        )


def _has_entries(con: duckdb.DuckDBPyConnection, source_id: str, table: str) -> bool:
    """The source has, or once had, an entry in the table."""
    query = sql.text("count_revisions").format(table=sql.identifier(table))
    return con.execute(query, {"source_id": source_id}).fetchone() != (0,)


def states(
    con: duckdb.DuckDBPyConnection,
) -> Iterator[tuple[str, int, str, list[Vintage]]]:
    """Each source at each refresh that accepted a vintage of it: code and the files in use then."""
    rows = con.execute(sql.text("accepted_vintages")).pl()
    in_use: dict[str, dict[str, Vintage]] = {}
    for (source_id, refresh), group in rows.group_by(
        "source_id", "recorded_in", maintain_order=True
    ):
        files = in_use.setdefault(str(source_id), {})
        for row in group.iter_rows(named=True):
            files[row["file"]] = _vintage(row)
        codes = group["code_version"].unique().to_list()
        yield str(source_id), int(str(refresh)), codes[0], list(files.values())


def vintages_by_source(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, list[Vintage]]]:
    """All vintages in the ledger, by source."""
    for (source_id,), rows in con.execute("FROM vintages").pl().group_by("source_id"):
        yield str(source_id), [_vintage(row) for row in rows.iter_rows(named=True)]


def _vintage(row: dict[str, Any]) -> Vintage:
    return Vintage(
        row["source_id"], row["file"], row["vintage_sha256"], row["size_bytes"],
        row["retrieved_at"].isoformat(), row["origin"],
    )  # fmt: skip


def newest_revision(con: duckdb.DuckDBPyConnection, entry_id: str) -> tuple[str, dict[str, Any]]:
    """The table of an entry and its last revision.

    Raises:
        NoLedgerError: the ledger does not hold it.
    """
    for table in FACT_TABLES:
        query = sql.text("entry").format(table=sql.identifier(table))
        rows = con.execute(query, {"entry_id": entry_id}).pl()
        if not rows.is_empty():
            # a withdrawal repeats the last values; they were read where the revision before says
            return table, rows.row(-1, named=True)
    raise NoLedgerError(f"the ledger holds no entry {entry_id}")


def derive_one(
    con: duckdb.DuckDBPyConnection,
    folders: Folders,
    table: str,
    row: dict[str, Any],
    absent: set[str],
    report: Report,
) -> None:
    """Read the vintage that a revision names, and compare what it says now."""
    archive, entry_id = homes.archive_of(folders), row["entry_id"]
    # the state in which this vintage's file was last in use
    found_in = [
        state for state in states(con)
        if state[0] == row["source_id"]
        and any(vintage.sha256 == row["vintage_sha256"] for vintage in state[3])
    ]  # fmt: skip
    source_id, _, code, vintages = found_in[-1]
    gone = [vintage.file for vintage in vintages if vintage.sha256 in absent]
    if gone:
        raise NoLedgerError(
            f"{entry_id} cannot be derived again: the ledger was rebuilt from an export, and the "
            f"archive lacks {', '.join(gone)}; restore the archive from a backup"
        )
    report.path.append(f"archive: {archive.where(row['vintage_sha256'])}")
    report.path.append(f"row: {row['locator']}")
    try:
        heading, found = locate.find(archive, row["vintage_sha256"], row["locator"])
        report.path += [f"  {line}" for line in (*heading.splitlines(), *found.splitlines())]
        _, checked = read_vintages(
            archive,
            Resolver(load_areas(folders.reference)),
            every_source(folders)[source_id],
            vintages,
        )
    except UnreachableError:
        raise
    except (ArchiveError, SourceError) as error:
        report.differs(f"{table}, entry {entry_id}", str(error))
        return
    record.offer(con, table, checked)
    query = sql.text("derived_entry").format(**record.names_of(table))
    derived = con.execute(query, {"entry_id": entry_id}).fetchone()
    report.path.append(f"reader: etl/sources/{source_id}/read.py, code {code_version(folders)}")
    report.path.append(
        f"entry: {entry_id}, table {table}, revision {row['revision']} ({row['change']})"
    )
    report.path.append(f"values: SHA-256 {row['content_sha256']}")
    report.path.append(f"recorded: refresh {row['recorded_in']}, read by code {code}")
    report.checked["entry"] = 1
    if derived is None or derived[0] != row["content_sha256"]:
        found = "not there" if derived is None else f"other values, SHA-256 {derived[0]}"
        if code == code_version(folders):
            report.differs(f"{table}, entry {entry_id}", f"derived again: {found}")
        else:
            report.notes.append(f"derived again by other code than read it: {found}")
