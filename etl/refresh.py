"""The pipeline: fetch → archive → read → check → guard → record → views → publish.

One direction, no way back. A source that cannot be fetched or read, or that the guard holds, keeps
its last good figures in the ledger and does not stop the others. A fetched source whose bytes have
not changed is not read again. A refresh that changes nothing publishes nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Final

import duckdb
import polars as pl

from etl import (
    __version__,
    confined,
    guard,
    homes,
    log,
    manifest,
    partial,
    record,
    retrieve,
    withheld,
    writers,
)
from etl import watch as watching
from etl.archive import Archive, ArchiveError, UnreachableError, Vintage
from etl.areas import Resolver, load_areas
from etl.check import Checked, check
from etl.config import Config, ReadingConfig
from etl.confined import Children
from etl.guard import Hold
from etl.implementers import load_implementers
from etl.log import ANY_STATUS, Decision, SourceOutcome
from etl.manifest import Manifest
from etl.publish import BusyError, MovedOnError, build_views, keep_histories
from etl.reading import Reading, SourceError, unforeseen
from etl.registers import every_source
from etl.retrieve import INCOMING, Given, Known
from etl.settings import PACKAGE, Folders
from etl.sources import SourceSpec, WatchSpec
from etl.store import require_format
from etl.watch import Sight
from etl.writers import Writer

Progress = Callable[[str, str], None]
Fetching = Callable[[str, str], None]

ATTEMPTS: Final = 5  # of a refresh that others overtake


@dataclass
class Outcome:
    """The result of a refresh; ``published`` is None when nothing changed."""

    sources: list[SourceOutcome]
    published: Path | None

    @property
    def failed(self) -> list[SourceOutcome]:
        """The sources that kept their last good figures and that a person must look at."""
        return [source for source in self.sources if source.failure]


@dataclass
class _Had:
    """What came of asking for one source, kept for an attempt after another ledger came in between."""

    vintages: list[Vintage]
    stale: Hold | None
    may_be_stale: bool
    is_asked: bool
    error: Exception | None = None
    sights: list[Sight] | None = None

    def forget_frames(self) -> None:
        """Let go of the frames that the error rose through, and with them of what was fetched."""
        error: BaseException | None = self.error
        while error:
            error.__traceback__ = None
            error = error.__cause__ or error.__context__


@dataclass(frozen=True)
class _Order:
    """What whoever calls wants, and what was had of it so far."""

    folders: Folders
    chosen: list[SourceSpec]
    areas: pl.DataFrame
    implementers: pl.DataFrame
    settings: Config | None
    reading: ReadingConfig | None
    given: Mapping[str, Sequence[Given]]
    decision: Decision | None
    progress: Progress
    fetching: Fetching
    had: dict[str, _Had] = field(default_factory=dict)


@dataclass(frozen=True)
class _Run:
    """What every step of one refresh shares."""

    con: duckdb.DuckDBPyConnection
    number: int
    folders: Folders
    archive: Archive
    resolver: Resolver
    code_version: str
    given: Mapping[str, Sequence[Given]]
    settings: Config | None
    apart: Children | None
    decision: Decision | None
    progress: Progress
    fetching: Fetching
    had: dict[str, _Had]


def refresh(  # noqa: PLR0913 - each of them is a matter of its own, and named by whoever calls
    folders: Folders,
    chosen: Iterable[SourceSpec],
    progress: Progress = lambda *_: None,
    *,
    settings: Config | None = None,
    reading: ReadingConfig | None = None,
    given: Mapping[str, Sequence[Given]] | None = None,
    decision: Decision | None = None,
    fetching: Fetching = lambda *_: None,
) -> Outcome:
    """Run the pipeline for the ``chosen`` sources.

    With ``settings``, sources are fetched; without them, no network is touched. With ``reading``, files
    that do not come with the project are read in a process of their own within these limits, as the
    command does it (:mod:`etl.confined`); without it, in this one. ``given`` names copies to read instead of fetching, by source. ``decision`` is what a person has decided about the vintage
    of the one chosen source that is on hold; it is read from the archive. ``progress`` is told of each
    source and step, ``fetching`` of each source with the bytes had and to be had.

    Raises:
        BusyError: another process is writing, or others published time and again.
        SourceError: the names of areas or implementers are unusable.
        ArchiveError: the archive has another home than is set.
        UnreachableError: the archive's home does not answer; nothing was published.
    """
    started = datetime.now(UTC)
    order = _Order(
        folders, list(chosen), load_areas(folders.reference), load_implementers(folders.reference),
        settings, reading, given or {}, decision, progress, fetching,
    )  # fmt: skip
    with writers.writer(folders, [spec.source_id for spec in order.chosen]) as writer:
        for _ in range(ATTEMPTS):
            try:
                return _attempt(order, writer, started)
            except MovedOnError:
                continue  # on what others have published meanwhile, with the bytes that were fetched
    raise BusyError(f"other ledgers were published in between {ATTEMPTS} times; run it again")


def _attempt(order: _Order, writer: Writer, started: datetime) -> Outcome:
    """One run of the pipeline on the ledger in use; raises MovedOnError if another one is by its end."""
    folders = order.folders
    with (
        writer.building() as (built, base, con),
        confined.children(folders, order.reading) as apart,
    ):
        archive = homes.opened(folders)
        homes.catch_up(folders)
        with writer.alone() as is_alone:
            if is_alone:
                archive.sweep()
                partial.sweep(folders.archive / INCOMING)
        if base:
            require_format(con, base)
        parent = manifest.of_ledger(folders.archive, base) if base else None
        record.create_tables(con)
        run = _Run(
            con, log.last_refresh(con) + 1, folders, archive, Resolver(order.areas), code_version(folders),
            order.given, order.settings, apart, order.decision, order.progress, order.fetching, order.had,
        )  # fmt: skip
        con.execute("BEGIN")
        if run.decision:
            log.decide(con, run.number, run.decision)
        outcomes = [_one_source(run, spec) for spec in order.chosen if _has_vintage(run, spec)]
        refused = run.decision and run.decision.verdict == "accepted" and outcomes[0].hold
        if refused or not (run.decision or any(outcome.is_news for outcome in outcomes)):
            con.execute("ROLLBACK")
            return Outcome(outcomes, None)
        writer.claim()
        run.progress("", "views")
        log.replace_reference(con, order.areas, order.implementers, every_source(folders))
        changed = {table for outcome in outcomes for table in outcome.changed_tables}
        if changed:
            record.lay_out(con, changed)
        build_views(con)
        keep_histories(con, run.number)
        changes = sum((outcome.changes for outcome in outcomes), Counter[str]())
        finished = log.refresh(
            con, run.number, started, run.code_version, parent[0] if parent else None, changes
        )
        con.execute("COMMIT")
        described = _describe(run, parent, changed, changes, (started, finished))
        return Outcome(
            outcomes,
            writer.publish(
                built, con,
                lambda sha256, size: replace(
                    described, ledger_sha256=sha256, ledger_size_bytes=size
                ),
                run.progress,
            ),
        )  # fmt: skip


def _describe(
    run: _Run,
    parent: tuple[str, Manifest] | None,
    changed: set[str],
    changes: Counter[str],
    times: tuple[datetime, datetime],
) -> Manifest:
    """The manifest of this refresh, but for the finished file's hash."""
    apart = withheld.in_ledger(run.con)
    unchanged = set(record.ENTRIES) - changed - ({"splits"} if changed else set())
    known = (
        {name: parent[1].tables[name] for name in unchanged if name in parent[1].tables}
        if parent and set(parent[1].withheld) == set(apart)
        else {}
    )
    return Manifest(
        refresh=run.number,
        started_at=times[0].isoformat(),
        finished_at=times[1].isoformat(),
        code_version=run.code_version,
        changes=dict(sorted(changes.items())),
        vintages=log.recorded_vintages(run.con, run.number),
        tables=manifest.hash_tables(run.con, run.number, known, apart),
        withheld=manifest.hash_apart(run.con, run.number, apart),
        parent=parent[0] if parent else None,
        parent_content_sha256=parent[1].content_sha256 if parent else None,
        ledger_sha256="",
        ledger_size_bytes=0,
    )


def _has_vintage(run: _Run, spec: SourceSpec) -> bool:
    """Whether there is anything to read: without the network, not before it was fetched or given once."""
    if spec.is_at_hand or spec.source_id in run.given:
        return True
    return _has_files(run, spec) or _is_fetched(run, spec) is not None


def _has_files(run: _Run, spec: SourceSpec) -> bool:
    return bool(log.latest(run.con, spec.source_id, *ANY_STATUS))


def _is_fetched(run: _Run, spec: SourceSpec) -> Config | None:
    """The settings by which this refresh fetches a source; None where it does not."""
    is_asked = retrieve.is_asked(spec, run.settings, has_files=_has_files(run, spec))
    return run.settings if is_asked else None


def _one_source(run: _Run, spec: SourceSpec) -> SourceOutcome:
    """Take one source from its files to the record; a failure is returned, not raised."""
    outcome = SourceOutcome(spec.source_id)
    clock = perf_counter()
    try:
        run.progress(spec.source_id, "fetch" if _is_fetched(run, spec) else "archive")
        outcome.vintages, outcome.stale = _had_once(run, spec, outcome)
        if outcome.vintages and not _is_read(run, spec, outcome.vintages):
            outcome.hold = _read_and_record(run, spec, outcome)
        else:
            outcome.is_unread = True
    except _RecordingError as error:
        raise error.__cause__ or error from None
    except UnreachableError:  # no fault of the source's: nothing can be archived now
        raise
    except SourceError as error:
        outcome.hold = Hold(error.rule, str(error), is_readable=False)
    except (ArchiveError, OSError, pl.exceptions.PolarsError) as error:
        outcome.hold = Hold("unreadable", str(error), is_readable=False)
    # Whatever a publisher sends ends its own source, not the refresh. A panic of polars is no Exception.
    except (Exception, pl.exceptions.PanicException) as error:
        outcome.hold = Hold("unreadable", unforeseen(error), is_readable=False)
    finally:
        run.archive.let_go()
    if had := run.had.get(spec.source_id):
        had.forget_frames()
    if spec.watch:
        _watch(run, spec, spec.watch, outcome)
    outcome.is_news = bool(outcome.changes) | log.source(
        run.con, run.number, run.code_version, spec, outcome
    )
    outcome.seconds = perf_counter() - clock
    return outcome


def _watch(run: _Run, spec: SourceSpec, watch: WatchSpec, outcome: SourceOutcome) -> None:
    """Look at the watched pages of a source, and tell what of them a person has to read."""
    seen = log.seen_pages(run.con, spec.source_id)
    if run.settings and watching.is_looked_at(spec, run.settings) and run.decision is None:
        run.progress(spec.source_id, "watch")
        had = run.had.get(spec.source_id)
        if had and had.sights is not None:
            outcome.sights = had.sights
        else:
            with retrieve.fetcher(run.archive, run.settings) as speaking:
                outcome.sights = watching.look(
                    spec, watch, run.archive, speaking, run.settings, seen,
                    lambda said: run.fetching(spec.source_id, said),
                )  # fmt: skip
        if had:
            had.sights = outcome.sights
    newest = seen | {one.vintage.file: one.vintage for one in outcome.sights if one.vintage}
    read = log.read_pages(run.con, spec.source_id)
    outcome.unread = watching.findings(spec, watch, run.archive, newest, read)


def _apart(run: _Run, spec: SourceSpec) -> Children | None:
    """What reads a source in a process of its own; None for figures that come with the project."""
    return None if spec.status == "transcribed" else run.apart


def _is_about_figures(run: _Run) -> bool:
    """A person has decided about a vintage on hold, which is read from the archive."""
    return run.decision is not None and run.decision.is_about_figures


def _is_read(run: _Run, spec: SourceSpec, vintages: Iterable[Vintage]) -> bool:
    """A fetched source's bytes are those in use, and the same code has read them."""
    return (
        spec.status != "transcribed"
        and not _is_about_figures(run)
        and not _is_new(run, spec, vintages)
        and log.read_by(run.con, spec.source_id, vintages) == {("accepted", run.code_version)}
    )


def _read_and_record(run: _Run, spec: SourceSpec, outcome: SourceOutcome) -> Hold | None:
    """Read the archived bytes and record what they change; why not, if something stands against it."""
    decided = log.decided(run.con, spec.source_id, outcome.vintages)
    if decided and decided[0] == "rejected":
        outcome.is_rejected = True
        return Hold("rejected", f"{decided[1]} rejected this vintage: {decided[2]}")
    is_new = _is_new(run, spec, outcome.vintages)
    # a decision stands for the vintage it was made on; brought back over a newer one, it is looked at again
    accepted = decided is not None and (_is_about_figures(run) or not is_new)
    run.progress(spec.source_id, "read")
    apart = _apart(run, spec)
    if apart:
        reading = apart.read(run.archive, spec, outcome.vintages)
    else:
        reading = confined.read_here(run.archive, run.resolver, spec, outcome.vintages)
    run.progress(spec.source_id, "check")
    checked = checked_with_vintages(spec, reading, outcome.vintages)
    outcome.rows_read = reading.rows_taken()
    outcome.rejects, outcome.issues = reading.rejects, reading.issues
    reasons = [] if accepted else list(guard.before_comparing(spec, reading, checked))
    with _recording():
        changes = record.compare(run.con, spec.source_id, checked)
        if not accepted and is_new:
            today = max(vintage.retrieved_at for vintage in outcome.vintages)[:10]
            reasons += guard.compared(run.con, spec, changes, today)
        hold = guard.together(reasons)
        if hold:
            return hold
        run.progress(spec.source_id, "record")
        outcome.changes = record.record(run.con, run.number, changes)
        outcome.changed_tables = {table for table, counts in changes.items() if counts}
    return None


class _RecordingError(Exception):
    """The ledger under construction failed; its transaction is over, and with it the refresh."""


@contextmanager
def _recording() -> Iterator[None]:
    """Let no error of the ledger's own pass for a fault of a source."""
    try:
        yield
    except Exception as error:
        raise _RecordingError from error


def _is_new(run: _Run, spec: SourceSpec, vintages: Iterable[Vintage]) -> bool:
    """These bytes are not the ones whose figures are in use."""
    in_use = log.latest(run.con, spec.source_id, "accepted")
    return log.vintages_sha256(vintages) != log.vintages_sha256(in_use)


def read_vintages(
    archive: Archive, resolver: Resolver, spec: SourceSpec, vintages: Sequence[Vintage]
) -> tuple[Reading, Checked]:
    """What a source's reader and the checks make of archived bytes that were read before, in this process.

    Raises:
        SourceError: the bytes cannot be read as what they should be.
        ArchiveError: they are missing or altered.
    """
    reading = confined.read_here(archive, resolver, spec, vintages)
    return reading, checked_with_vintages(spec, reading, vintages)


def checked_with_vintages(
    spec: SourceSpec, reading: Reading, vintages: Iterable[Vintage]
) -> Checked:
    """The rows that pass the checks, each with the vintage that it was read from."""
    return _with_vintages(check(spec, reading), vintages)


def _had_once(
    run: _Run, spec: SourceSpec, outcome: SourceOutcome
) -> tuple[list[Vintage], Hold | None]:
    """As :func:`_vintages`; what was fetched by an earlier attempt of this refresh is not fetched again."""
    had = run.had.get(spec.source_id)
    if had is None:
        vintages: list[Vintage] = []
        stale: Hold | None = None
        why: Exception | None = None
        try:
            vintages, stale = _vintages(run, spec, outcome)
        except Exception as error:  # raised below, now and at the next attempt
            is_told = isinstance(
                error, SourceError | ArchiveError | OSError | pl.exceptions.PolarsError
            )
            why = error if is_told else SourceError(unforeseen(error))
        had = run.had[spec.source_id] = _Had(
            vintages, stale, outcome.may_be_stale, outcome.is_asked, why
        )
    outcome.may_be_stale, outcome.is_asked = had.may_be_stale, had.is_asked
    if had.error:
        raise had.error
    return had.vintages, had.stale


def _vintages(
    run: _Run, spec: SourceSpec, outcome: SourceOutcome
) -> tuple[list[Vintage], Hold | None]:
    """The files to read: given, embedded, fetched, or already in the archive; and why none was fetched."""
    known = log.latest(run.con, spec.source_id, *ANY_STATUS)
    if _is_about_figures(run):
        return known, None
    if spec.is_at_hand and not (spec.status == "local" and spec.source_id in run.given):
        return retrieve.at_hand(spec, run.folders, run.archive), None

    apart = _apart(run, spec)

    def progress(said: str) -> None:
        if apart:
            apart.prepare()  # something comes, and will be read
        run.fetching(spec.source_id, said)

    if spec.source_id in run.given:
        if apart:
            apart.prepare()
        copies = run.given[spec.source_id]
        in_use = log.latest(run.con, spec.source_id, "accepted")
        return retrieve.given(spec, copies, run.archive, run.settings, in_use, progress), None
    outcome.may_be_stale = retrieve.is_asked(spec, run.settings, has_files=bool(known))
    if settings := _is_fetched(run, spec):
        outcome.is_asked = True
        files = Known(
            newest=known,
            undecided=log.undecided_or_in_use(run.con, spec.source_id),
            in_use=log.latest(run.con, spec.source_id, "accepted"),
        )
        return retrieve.fetched(spec, run.archive, settings, files, progress)
    return known, None


def _with_vintages(checked: Checked, vintages: Iterable[Vintage]) -> Checked:
    """Write into each row which vintage it was read from."""
    hashes = {vintage.file: vintage.sha256 for vintage in vintages}
    tables = {
        name: frame.with_columns(
            pl.col("file").replace_strict(hashes, return_dtype=pl.String).alias("vintage_sha256")
        )
        for name, frame in checked.tables.items()
    }
    return Checked(tables, checked.splits, checked.entries)


def code_version(folders: Folders) -> str:
    """Version of the package and a hash of everything that decides what the ledger says."""
    digest = hashlib.sha256()
    paths = [
        path for ending in ("*.py", "*.sql", "*.yml", "*.csv") for path in PACKAGE.rglob(ending)
    ]
    for path in sorted(paths, key=lambda path: path.relative_to(PACKAGE).as_posix()):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + path.read_bytes())
    for file in ("areas.csv", "implementers.csv"):
        digest.update((folders.reference / file).read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"
