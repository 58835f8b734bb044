"""Verification: anyone can check that no published figure was changed or lost.

Five things are checked, each from what lies on the disk and nothing else: the manifests are one
chain; the served file is the one its manifest describes (of a lake: what it holds is); every archived vintage still has its
SHA-256; every table of the ledger, now and as of each refresh, has the hash that was written down
then; and what the readers make of the archived bytes today is what the ledger says.

Where the ledger was rebuilt from an export, its file is another one than was published, and the
archived bytes may not be there. That is no difference but a reservation: it stands in the verdict,
and everything else is checked as ever.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb

from etl import homes, manifest, record, sql
from etl.archive import Archive, ArchiveError, UnreachableError, Vintage, file_sha256
from etl.derive import Progress, check_entries, derive_one, newest_revision, vintages_by_source
from etl.manifest import Manifest, Rebuilt
from etl.packing import PACKED
from etl.proof import is_moved, kept
from etl.report import Report
from etl.settings import Folders
from etl.store import require_format


def verify(folders: Folders, progress: Progress = lambda _: None) -> Report:
    """Check the ledger in use and the archive it rests on.

    Raises:
        NoLedgerError: there is no published ledger.
    """
    try:
        with kept(folders) as path:
            return _verify(folders, path, progress)
    except duckdb.Error as error:  # of a lake, all of which is read before anything is checked
        report = Report()
        what = "the lake" if folders.lake else "the file of the ledger"
        report.differs(what, f"cannot be read: {error}")
        return report


def _verify(folders: Folders, path: Path, progress: Progress) -> Report:
    report = Report()
    report.ledger = path.stem
    archive = homes.archive_of(folders)
    progress("manifests")
    homes.catch_up(folders)
    chain = _chain(folders, path, report)
    _links(archive, chain, report)
    _newer(path, folders.archive, report)
    rebuilt = _rebuilt(archive, chain, report)
    absent = _absent(archive, chain, rebuilt, report)
    progress("archive")
    listed = _list(archive, report)
    _objects(archive, listed, chain, absent, report)
    progress("ledger file")
    if not chain or not _is_the_file(folders, path, chain[0], rebuilt, report):
        return report
    try:
        with duckdb.connect(path, read_only=True) as con:
            con.execute("SET TimeZone = 'UTC'")
            require_format(con, path)
            if not rebuilt:  # what was rebuilt says when its bytes were first retrieved
                _compare_list(con, archive, listed, report)
            _views(con, report)
            check_tables(con, chain, report, progress)
            _withheld(con, chain, report, is_rebuilt=bool(rebuilt))
            check_entries(con, folders, absent, report, progress)
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


def _links(archive: Archive, chain: list[Manifest], report: Report) -> None:
    """Where the archive has another home than the data folder, the same manifests are kept there."""
    hashes = [report.manifest_sha256, *(link.parent for link in chain)]
    for link, sha256 in zip(chain, hashes, strict=False):
        try:
            archive.check_link(manifest.file_name(link.refresh, str(sha256)), str(sha256))
        except UnreachableError:
            raise
        except ArchiveError as error:
            report.differs(f"manifest of refresh {link.refresh}", str(error))


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
        if not archive.has(sha256)
    }
    if absent:
        report.reservations.append(f"{len(absent):,} archived files are not there")
    return absent


def _list(archive: Archive, report: Report) -> set[Vintage]:
    """The archive's own list of vintages."""
    try:
        return set(archive.vintages())
    except UnreachableError:
        raise
    except (ArchiveError, OSError, ValueError, TypeError) as error:
        report.differs(archive.list_name, f"is no longer what was written: {error}")
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
                    archive.list_name,
                    f"does not list {vintage['file']} of {vintage['source_id']}, "
                    f"SHA-256 {vintage['vintage_sha256']}, which refresh {link.refresh} read",
                )
                listed.add(vintage["vintage_sha256"])
    # an object that nothing names was left by a run killed in between; it must be whole all the same
    for stray in sorted(archive.names()):
        named.setdefault(stray, "an object that no vintage names")
    vouched = _vouched(archive)
    for sha256, file in named.items():
        report.checked["archived files"] += 1
        try:
            found = archive.examine(sha256)
            if found.packed_sha256 and sha256 in listed | vouched.keys():
                if found.packed_sha256 not in vouched.get(sha256, ()):
                    report.differs(
                        f"archive/{sha256}{PACKED}", f"the packed form of {file} has changed"
                    )
            elif found.is_twice:
                report.differs(f"archive/{sha256}{PACKED}", f"lies beside the plain form of {file}")
        except UnreachableError:
            raise
        except ArchiveError as error:
            report.differs(f"archive/{sha256}", f"the bytes of {file}: {error}")
        except OSError as error:
            report.differs(f"archive/{sha256}", f"{file} cannot be read: {error.strerror}")


def _vouched(archive: Archive) -> dict[str, set[str]]:
    """The hashes that the archive's list gives the packed form of each object."""
    try:
        return archive.vouched()
    except UnreachableError:
        raise
    except ArchiveError:  # said already: the list is no longer what was written
        return {}


def _compare_list(
    con: duckdb.DuckDBPyConnection, archive: Archive, listed: set[Vintage], report: Report
) -> None:
    """The archive's list says of each vintage in the ledger what the ledger says."""
    for source_id, vintages in vintages_by_source(con):
        for vintage in vintages:
            if vintage not in listed:
                report.differs(
                    archive.list_name,
                    f"says otherwise when {vintage.file} of {source_id}, SHA-256 {vintage.sha256}, was "
                    f"retrieved and from where; the ledger says {vintage.retrieved_at}, {vintage.origin}",
                )


def _newer(path: Path, archive: Path, report: Report) -> None:
    """A ledger or manifest of a later refresh than the one in use."""
    number = path.stem.split("-")[1]
    ledgers = {
        other.name: other.stem.split("-")[1] for other in path.parent.glob("ledger-*.duckdb")
    }
    links = {
        other.name: other.stem.split("-")[0]
        for other in manifest.folder(archive).glob("[0-9]*.json")
    }
    for name, other_number in sorted({**ledgers, **links}.items()):
        if other_number > number:
            report.notes.append(
                f"{name} is newer than the ledger in use: its publication was interrupted, or "
                "CURRENT was set back. The next refresh goes on from the one in use"
            )


def _is_the_file(
    folders: Folders, path: Path, link: Manifest, rebuilt: list[Rebuilt], report: Report
) -> bool:
    sha256 = file_sha256(path)
    if is_moved(folders.archive, path, link, report):
        return True
    if (folders.lake is None and sha256 == link.ledger_sha256) or any(
        (one.refresh, one.ledger_sha256) == (link.refresh, sha256) for one in rebuilt
    ):
        return True
    report.differs(path.name, "its bytes are not those that were published")
    return False


def _views(con: duckdb.DuckDBPyConnection, report: Report) -> None:
    """The views that readers ask are the ones that the code declares: none shows other rows."""
    with duckdb.connect() as fresh:
        record.create_tables(fresh)
        declared = dict(fresh.execute(sql.text("view_definitions")).fetchall())
    found = dict(con.execute(sql.text("view_definitions")).fetchall())
    for name in sorted(declared.keys() | found.keys()):
        if declared.get(name) != found.get(name):
            report.differs(f"view {name}", "is not defined as the code defines it")


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
        found = manifest.hash_published(con, name, tuple(chain[0].withheld))
        if found != expected:
            report.differs(
                f"table {name}", f"{found.rows} rows, {expected.rows} published, or values differ"
            )
    for link in reversed(chain):
        progress(f"tables as of refresh {link.refresh}")
        for name, expected in link.tables.items():
            found = manifest.hash_table(con, name, link.refresh, tuple(link.withheld))
            report.checked["tables"] += 1
            if found != expected:
                report.differs(
                    f"table {name} as of refresh {link.refresh}",
                    f"{found.rows} rows, {expected.rows} published, or values differ",
                )


def _withheld(
    con: duckdb.DuckDBPyConnection, chain: list[Manifest], report: Report, *, is_rebuilt: bool
) -> None:
    """What may not be passed on has its hashes too; a ledger rebuilt from an export lacks it."""
    for link in reversed(chain):
        found = manifest.hash_apart(con, link.refresh, tuple(link.withheld))
        for source_id, expected in link.withheld.items():
            report.checked["tables"] += len(expected)
            if found[source_id] == expected:
                continue
            what = f"{source_id} as of refresh {link.refresh}"
            if is_rebuilt:
                report.reservations.append(f"{what} is not whole: no export holds it")
            else:
                report.differs(
                    what, "the rows that may not be passed on differ from those recorded"
                )


def verify_entry(folders: Folders, entry_id: str) -> Report:
    """Derive one entry from the archived bytes again, and tell the way from bytes to ledger.

    Raises:
        NoLedgerError: there is no ledger, it does not hold the entry, or it was rebuilt without the
            archived bytes.
    """
    with kept(folders) as path:
        return _verify_entry(folders, path, entry_id)


def _verify_entry(folders: Folders, path: Path, entry_id: str) -> Report:
    report = Report()
    report.ledger = path.stem
    chain = _chain(folders, path, report)
    archive = homes.archive_of(folders)
    rebuilt = _rebuilt(archive, chain, report)
    absent = _absent(archive, chain, rebuilt, report)
    if not chain or not _is_the_file(folders, path, chain[0], rebuilt, report):
        return report
    with duckdb.connect(path, read_only=True) as con:
        con.execute("SET TimeZone = 'UTC'")
        require_format(con, path)
        table, row = newest_revision(con, entry_id)
        derive_one(con, folders, table, row, absent, report)
    return report
