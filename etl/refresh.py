"""The pipeline: archive → read → check → record → views → publish.

One direction, no way back. A source that cannot be read, or that the guard holds, keeps its last
good figures in the ledger and does not stop the others. A refresh that changes nothing publishes
nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import duckdb
import polars as pl

from etl import __version__, log, record
from etl.archive import Archive, ArchiveError, Vintage
from etl.areas import Resolver, load_areas
from etl.check import Checked, check
from etl.publish import build_views, building, publish, writer
from etl.reading import Finding, Reading, SourceError
from etl.settings import PACKAGE, Folders
from etl.sources import SourceSpec, all_sources

Progress = Callable[[str, str], None]


@dataclass
class SourceOutcome:
    """What one source gave in one refresh; ``failure`` says why it kept its last good figures."""

    source_id: str
    rows_read: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    rejects: list[Finding] = field(default_factory=list)
    issues: list[Finding] = field(default_factory=list)
    seconds: float = 0.0
    failure: str | None = None
    is_news: bool = False


@dataclass
class Outcome:
    """The result of a refresh; ``published`` is None when nothing changed."""

    sources: list[SourceOutcome]
    published: Path | None

    @property
    def failed(self) -> list[SourceOutcome]:
        """The sources that kept their last good figures."""
        return [source for source in self.sources if source.failure]


def refresh(
    folders: Folders, chosen: Iterable[SourceSpec], progress: Progress = lambda *_: None
) -> Outcome:
    """Run the pipeline for the ``chosen`` sources.

    Raises:
        BusyError: another refresh is running.
        SourceError: the area names are unusable.
    """
    started = datetime.now(UTC)
    archive = Archive(folders.archive)
    areas = load_areas(folders.reference)
    resolver = Resolver(areas)
    version = code_version(folders)
    specs = list(chosen)
    with writer(folders.ledger), building(folders.ledger) as (built, con):
        record.create_tables(con)
        number, last_version = log.last_refresh(con)
        number += 1
        if len(specs) < len(all_sources()):
            # the other sources' entries were read by other code, and the ledger must go on saying so
            version = last_version or f"{version}, some sources"
        con.execute("BEGIN")
        outcomes = [
            _one_source(con, number, spec, folders, archive, resolver, progress) for spec in specs
        ]
        log.replace_reference(con, areas)
        changes = sum((outcome.changes for outcome in outcomes), Counter[str]())
        if version == last_version and not any(outcome.is_news for outcome in outcomes):
            con.execute("ROLLBACK")
            return Outcome(outcomes, None)
        log.refresh(con, number, started, version, changes)
        progress("", "views")
        build_views(con)
        con.execute("COMMIT")
        progress("", "publish")
        return Outcome(outcomes, publish(folders.ledger, built, con, number))


def _one_source(
    con: duckdb.DuckDBPyConnection,
    number: int,
    spec: SourceSpec,
    folders: Folders,
    archive: Archive,
    resolver: Resolver,
    progress: Progress,
) -> SourceOutcome:
    """Take one source from its files to the record; a failure is returned, not raised."""
    outcome = SourceOutcome(spec.source_id)
    clock = perf_counter()
    reading = Reading()
    vintages: list[Vintage] = []
    try:
        progress(spec.source_id, "archive")
        vintages = _archive_files(spec, folders, archive)
        progress(spec.source_id, "read")
        content = {vintage.file: archive.get(vintage.sha256) for vintage in vintages}
        spec.reader()(content, reading, resolver)
        progress(spec.source_id, "check")
        checked = _with_vintages(check(spec, reading), vintages)
        outcome.failure = checked.hold
    except (SourceError, ArchiveError, OSError, pl.exceptions.PolarsError) as error:
        outcome.failure = str(error)
    outcome.rows_read = reading.rows_taken()
    outcome.rejects, outcome.issues = reading.rejects, reading.issues
    if outcome.failure is None:
        progress(spec.source_id, "record")
        outcome.changes = record.record(con, number, spec.source_id, checked)
    outcome.is_news = bool(outcome.changes) | log.source(
        con, number, spec.source_id, vintages, outcome.failure, outcome.rejects, outcome.issues
    )
    outcome.seconds = perf_counter() - clock
    return outcome


def _archive_files(spec: SourceSpec, folders: Folders, archive: Archive) -> list[Vintage]:
    """Put the source's embedded files into the archive."""
    vintages = []
    for file in spec.files:
        path = folders.transcribed / file
        if path.is_symlink():
            raise SourceError(f"{file} is a link; put the file itself into {folders.transcribed}")
        if not path.is_file():
            raise SourceError(f"{file} is missing from {folders.transcribed}; restore the file")
        vintages.append(archive.put(spec.source_id, file, path.read_bytes(), f"transcribed/{file}"))
    return vintages


def _with_vintages(checked: Checked, vintages: list[Vintage]) -> Checked:
    """Write into each row which vintage it was read from."""
    hashes = {vintage.file: vintage.sha256 for vintage in vintages}
    tables = {
        name: frame.with_columns(
            pl.col("file").replace_strict(hashes, return_dtype=pl.String).alias("vintage_sha256")
        )
        for name, frame in checked.tables.items()
    }
    return Checked(tables, checked.splits, checked.entries, checked.hold)


def code_version(folders: Folders) -> str:
    """Version of the package and a hash of everything that decides what the ledger says."""
    digest = hashlib.sha256()
    paths = [
        path for ending in ("*.py", "*.sql", "*.yml", "*.csv") for path in PACKAGE.rglob(ending)
    ]
    for path in sorted(paths, key=lambda path: path.relative_to(PACKAGE).as_posix()):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + path.read_bytes())
    digest.update((folders.reference / "areas.csv").read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"
