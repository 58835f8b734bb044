"""Verification: anyone can check that no published figure was changed or lost.

Five things are checked, each from what lies on the disk and nothing else: the manifests are one
chain; the served file is the one its manifest describes; every archived vintage still has its
SHA-256; every table of the ledger, now and as of each refresh, has the hash that was written down
then; and what the readers make of the archived bytes today is what the ledger says.

Where the ledger was rebuilt from an export, its file is another one than was published, and the
archived bytes may not be there. That is no difference but a reservation: it stands in the verdict,
and everything else is checked as ever.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from etl import manifest, record, sql
from etl.archive import Archive, ArchiveError, Vintage
from etl.areas import Resolver, load_areas
from etl.manifest import Manifest, Rebuilt
from etl.reading import SourceError
from etl.refresh import code_version, read_vintages
from etl.settings import Folders
from etl.sources import all_sources
from etl.store import NoLedgerError, current_path, require_format
from etl.tables import FACT_TABLES

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Difference:
    """Something that is not as it was written down."""

    where: str
    what: str

    def __str__(self) -> str:
        """The difference as a sentence."""
        return f"{self.where}: {self.what}"


@dataclass
class Report:
    """What was found; the ledger is sound when there are no differences.

    ``reservations`` are what the verdict cannot be given without: a rebuilt ledger, absent bytes.
    """

    ledger: str = ""
    manifest_sha256: str = ""
    content_sha256: str = ""
    differences: list[Difference] = field(default_factory=list)
    reservations: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)
    path: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        """The report for programs."""
        return {**asdict(self), "checked": dict(self.checked), "is_sound": not self.differences}

    def differs(self, where: str, what: str) -> None:
        """Write down a difference."""
        self.differences.append(Difference(where, what))


def verify(folders: Folders, progress: Progress = lambda _: None) -> Report:
    """Check the ledger in use and the archive it rests on.

    Raises:
        NoLedgerError: there is no published ledger.
    """
    report = Report()
    path = current_path(folders.ledger)
    report.ledger = path.stem
    archive = Archive(folders.archive)
    progress("manifests")
    chain = _chain(folders, path, report)
    _newer(path, report)
    rebuilt = _rebuilt(archive, chain, report)
    absent = _absent(archive, chain, rebuilt, report)
    progress("archive")
    listed = _list(archive, report)
    _objects(archive, listed, chain, absent, report)
    progress("ledger file")
    if not chain or not _is_the_file(path, chain[0], rebuilt, report):
        return report
    try:
        with duckdb.connect(path, read_only=True) as con:
            con.execute("SET TimeZone = 'UTC'")
            require_format(con, path)
            if not rebuilt:  # what was rebuilt says when its bytes were first retrieved
                _compare_list(con, archive, listed, report)
            check_tables(con, chain, report, progress)
            _derived(con, folders, absent, report, progress)
    except duckdb.Error as error:
        report.differs(path.name, f"cannot be read: {error}")
    return report


def _chain(folders: Folders, path: Path, report: Report) -> list[Manifest]:
    """The manifests from the ledger in use back to the first; as far as they are whole."""
    try:
        sha256, link = manifest.of_ledger(folders.archive, path)
    except (ArchiveError, ValueError, KeyError, TypeError) as error:
        report.differs("chain of manifests", str(error))
        report.checked["manifests"] = 0
        return []
    report.manifest_sha256, report.content_sha256 = sha256, link.content_sha256
    return follow(manifest.folder(folders.archive), link, report)


def follow(where: Path, link: Manifest, report: Report) -> list[Manifest]:
    """``link`` and the manifests before it, newest first; as far as they are whole."""
    chain = [link]
    try:
        while link.parent:
            child = link
            link = manifest.load(where, child.refresh - 1, link.parent)
            if link.content_sha256 != child.parent_content_sha256:
                report.differs(
                    f"manifest of refresh {child.refresh}", "names another content of its parent"
                )
            chain.append(link)
        if link.refresh != 1:
            report.differs(f"manifest of refresh {link.refresh}", "names no parent")
    except (ArchiveError, ValueError, KeyError, TypeError) as error:
        report.differs("chain of manifests", str(error))
    report.checked["manifests"] = len(chain)
    return chain


def _rebuilt(archive: Archive, chain: list[Manifest], report: Report) -> list[Rebuilt]:
    """The ledgers of this chain that were rebuilt from an export."""
    links = {report.manifest_sha256, *(link.parent for link in chain if link.parent)}
    try:
        records = manifest.rebuilt_ledgers(archive.root)
    except ArchiveError as error:
        report.differs("rebuilt ledgers", str(error))
        return []
    rebuilt = [one for one in records if one.manifest_sha256 in links]
    for refresh in sorted({one.refresh for one in rebuilt}):
        report.reservations.append(f"rebuilt from an export of refresh {refresh}")
    if rebuilt:
        report.notes.append(
            "a rebuilt ledger has the times of retrieval and of decisions that its export gave; "
            "no manifest names them"
        )
    return rebuilt


def _absent(
    archive: Archive, chain: list[Manifest], rebuilt: list[Rebuilt], report: Report
) -> set[str]:
    """The vintages that were not there when the ledger was rebuilt, and still are not."""
    named = {vintage["vintage_sha256"] for link in chain for vintage in link.vintages}
    absent = {
        sha256
        for one in rebuilt
        for sha256 in named & set(one.absent_vintages)
        if not archive.path(sha256).exists()
    }
    if absent:
        report.reservations.append(f"{len(absent):,} archived files are not there")
    return absent


def _list(archive: Archive, report: Report) -> set[Vintage]:
    """The archive's own list of vintages."""
    try:
        return set(archive.vintages())
    except (OSError, ValueError, TypeError) as error:
        report.differs(archive.manifest.name, f"is no longer what was written: {error}")
        return set()


def _objects(
    archive: Archive,
    vintages: set[Vintage],
    chain: list[Manifest],
    absent: set[str],
    report: Report,
) -> None:
    """Every archived vintage, and everything that the manifests name, has its SHA-256."""
    named = {vintage.sha256: vintage.file for vintage in vintages}
    listed = set(named)
    for link in reversed(chain):
        for vintage in link.vintages:
            if vintage["vintage_sha256"] in absent:
                continue
            named.setdefault(vintage["vintage_sha256"], vintage["file"])
            if vintage["vintage_sha256"] not in listed:
                report.differs(
                    archive.manifest.name,
                    f"does not list {vintage['file']} of {vintage['source_id']}, "
                    f"SHA-256 {vintage['vintage_sha256']}, which refresh {link.refresh} read",
                )
                listed.add(vintage["vintage_sha256"])
    # an object that nothing names was left by a run killed in between; it must be whole all the same
    for stray in sorted(archive.root.glob("sha256/*/*")):
        if not stray.name.startswith("."):  # half written by a killed run; the next one sweeps it
            named.setdefault(stray.name, "an object that no vintage names")
    for sha256, file in named.items():
        report.checked["archived files"] += 1
        try:
            if _sha256(archive.path(sha256)) != sha256:
                report.differs(f"archive/{sha256}", f"the bytes of {file} have changed")
        except OSError as error:
            report.differs(f"archive/{sha256}", f"{file} cannot be read: {error.strerror}")


def _compare_list(
    con: duckdb.DuckDBPyConnection, archive: Archive, listed: set[Vintage], report: Report
) -> None:
    """The archive's list says of each vintage in the ledger what the ledger says."""
    for source_id, vintages in _vintages(con):
        for vintage in vintages:
            if vintage not in listed:
                report.differs(
                    archive.manifest.name,
                    f"says otherwise when {vintage.file} of {source_id}, SHA-256 {vintage.sha256}, was "
                    f"retrieved and from where; the ledger says {vintage.retrieved_at}, {vintage.origin}",
                )


def _vintages(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, list[Vintage]]]:
    """All vintages in the ledger, by source."""
    for (source_id,), rows in con.execute("FROM vintages").pl().group_by("source_id"):
        yield str(source_id), [_vintage(row) for row in rows.iter_rows(named=True)]


def _vintage(row: dict[str, Any]) -> Vintage:
    return Vintage(
        row["source_id"], row["file"], row["vintage_sha256"], row["size_bytes"],
        row["retrieved_at"].isoformat(), row["origin"],
    )  # fmt: skip


def _newer(path: Path, report: Report) -> None:
    """A ledger that was published after the one in use, or was about to be."""
    number = path.stem.split("-")[1]
    for other in sorted(path.parent.glob("ledger-*.duckdb")):
        if other.stem.split("-")[1] > number:
            report.notes.append(
                f"{other.name} is newer than the ledger in use: its publication was interrupted, or "
                "CURRENT was set back. The next refresh goes on from the one in use"
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _is_the_file(path: Path, link: Manifest, rebuilt: list[Rebuilt], report: Report) -> bool:
    sha256 = _sha256(path)
    if sha256 == link.ledger_sha256 or any(
        (one.refresh, one.ledger_sha256) == (link.refresh, sha256) for one in rebuilt
    ):
        return True
    report.differs(path.name, "its bytes are not those that were published")
    return False


def check_tables(
    con: duckdb.DuckDBPyConnection, chain: list[Manifest], report: Report, progress: Progress
) -> None:
    """Every table has the hash that was written down, now and as of each refresh.

    The hashes leave times out, so those of the refreshes are compared with their manifests.
    """
    rows = con.execute(sql.text("refresh_links")).pl().iter_rows()
    times = {number: tuple(rest) for number, *rest in rows}
    for link in chain:
        started, finished = map(datetime.fromisoformat, (link.started_at, link.finished_at))
        if times.get(link.refresh) != (started, finished, link.parent):
            report.differs(
                f"refresh {link.refresh}", "its times or its parent are not those of its manifest"
            )
    for name, expected in chain[0].tables.items():
        found = manifest.hash_published(con, name)
        if found != expected:
            report.differs(
                f"table {name}", f"{found.rows} rows, {expected.rows} published, or values differ"
            )
    for link in reversed(chain):
        progress(f"tables as of refresh {link.refresh}")
        for name, expected in link.tables.items():
            found = manifest.hash_table(con, name, link.refresh)
            report.checked["tables"] += 1
            if found != expected:
                report.differs(
                    f"table {name} as of refresh {link.refresh}",
                    f"{found.rows} rows, {expected.rows} published, or values differ",
                )


def _derived(
    con: duckdb.DuckDBPyConnection,
    folders: Folders,
    absent: set[str],
    report: Report,
    progress: Progress,
) -> None:
    """What the readers make of each accepted vintage is what the ledger held right after it."""
    archive = Archive(folders.archive)
    version = code_version(folders)
    resolver = Resolver(load_areas(folders.reference))
    other_code: Counter[str] = Counter()
    without_bytes = 0
    for source_id, refresh, code, vintages in _states(con):
        if any(vintage.sha256 in absent for vintage in vintages):
            without_bytes += 1
            continue
        spec = all_sources().get(source_id)
        if code != version or spec is None:
            other_code[code] += 1
            continue
        progress(f"{source_id} as of refresh {refresh}")
        try:
            _, checked = read_vintages(archive, resolver, spec, vintages)
        except (ArchiveError, SourceError) as error:
            report.differs(f"{source_id} as of refresh {refresh}", str(error))
            continue
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


def _states(
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


def derive_entry(folders: Folders, entry_id: str) -> Report:
    """Derive one entry from the archived bytes again, and tell the way from bytes to ledger.

    Raises:
        NoLedgerError: there is no ledger, it does not hold the entry, or it was rebuilt without the
            archived bytes.
    """
    report = Report()
    path = current_path(folders.ledger)
    report.ledger = path.stem
    chain = _chain(folders, path, report)
    archive = Archive(folders.archive)
    rebuilt = _rebuilt(archive, chain, report)
    absent = _absent(archive, chain, rebuilt, report)
    if not chain or not _is_the_file(path, chain[0], rebuilt, report):
        return report
    with duckdb.connect(path, read_only=True) as con:
        con.execute("SET TimeZone = 'UTC'")
        table, row = _newest_revision(con, entry_id)
        _derive(con, folders, table, row, absent, report)
    return report


def _newest_revision(con: duckdb.DuckDBPyConnection, entry_id: str) -> tuple[str, dict[str, Any]]:
    for table in FACT_TABLES:
        query = sql.text("entry").format(table=sql.identifier(table))
        rows = con.execute(query, {"entry_id": entry_id}).pl()
        if not rows.is_empty():
            # a withdrawal repeats the last values; they were read where the revision before says
            return table, rows.row(-1, named=True)
    raise NoLedgerError(f"the ledger holds no entry {entry_id}")


def _derive(
    con: duckdb.DuckDBPyConnection,
    folders: Folders,
    table: str,
    row: dict[str, Any],
    absent: set[str],
    report: Report,
) -> None:
    """Read the vintage that a revision names, and compare what it says now."""
    archive, entry_id = Archive(folders.archive), row["entry_id"]
    # the state in which this vintage's file was last in use
    states = [
        state for state in _states(con)
        if state[0] == row["source_id"]
        and any(vintage.sha256 == row["vintage_sha256"] for vintage in state[3])
    ]  # fmt: skip
    source_id, _, code, vintages = states[-1]
    gone = [vintage.file for vintage in vintages if vintage.sha256 in absent]
    if gone:
        raise NoLedgerError(
            f"{entry_id} cannot be derived again: the ledger was rebuilt from an export, and the "
            f"archive lacks {', '.join(gone)}; restore the archive from a backup"
        )
    report.path.append(f"archive: {archive.path(row['vintage_sha256'])}")
    report.path.append(f"line: {row['locator']}")
    try:
        report.path += [f"  {line}" for line in archive.line(row["vintage_sha256"], row["locator"])]
        _, checked = read_vintages(
            archive, Resolver(load_areas(folders.reference)), all_sources()[source_id], vintages
        )
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
