"""A refresh that asks publishers, with all that belongs to it when nobody watches: diary, log, alerts.

``hma refresh`` goes through here whether a person, a timer or the scheduler started it, so that each of
them knows what the others did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

import structlog

from etl import alerts
from etl.alerts import RUN, State
from etl.archive import UnreachableError
from etl.config import Config
from etl.diary import Diary, Entry, Now, SourceDiary, running
from etl.due import pages_of, rhythms
from etl.guard import NOT_FETCHED
from etl.log import SourceOutcome
from etl.logs import logger
from etl.publish import BusyError
from etl.refresh import Outcome
from etl.settings import Folders, StoreError
from etl.sources import SourceSpec
from etl.store import NoLedgerError

BY_HAND: Final = "hand"
# Of a home that is not to be had, no publisher is at fault: none is put off for it.
HOMELESS: Final = (UnreachableError, NoLedgerError, StoreError)
_LOG: Final = logger("hma.refresh")


def carry_out(
    folders: Folders,
    chosen: Iterable[SourceSpec],
    settings: Config,
    by: str,
    refresh: Callable[[], Outcome],
    now: Now = lambda: datetime.now(UTC),
) -> Outcome:
    """Run ``refresh`` for the ``chosen`` sources, write down what came of it, and tell whom it concerns.

    Raises:
        AtWorkError: another run is under way.
        Exception: what ``refresh`` raises; it was told then, and is in the diary unless the home of ledger or
            archive was not to be had.
    """
    try:
        return _carry_out(folders, list(chosen), settings, by, refresh, now)
    finally:
        structlog.contextvars.unbind_contextvars("refresh")


def _carry_out(
    folders: Folders,
    chosen: list[SourceSpec],
    settings: Config,
    by: str,
    refresh: Callable[[], Outcome],
    now: Now,
) -> Outcome:
    asked = [rhythm.name for spec in chosen for rhythm in rhythms(spec, settings)]
    with running(folders.state, asked, by, now, passing=(BusyError, *HOMELESS)) as entry:
        structlog.contextvars.bind_contextvars(refresh=entry.run.run)
        _LOG.info("refresh begins", by=by, sources=asked)
        if entry.interrupted:
            _tell_of_interrupted(folders, settings, entry)
        try:
            outcome = refresh()
        except BusyError:
            raise
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            if by == BY_HAND:  # who started it is told by the command
                _LOG.info("refresh failed", why=why)
            else:
                _LOG.exception("refresh failed")
            alerts.tell(folders, settings, {RUN: State("failed", why)})
            raise
        _write_down(entry, outcome)
    states = alerts.states_of(Diary.of(folders.state).sources)
    alerts.tell(folders, settings, {**states, RUN: State()})
    _LOG.info("refresh ended", end=entry.run.end, ledger=entry.run.ledger)
    return outcome


def _tell_of_interrupted(folders: Folders, settings: Config, entry: Entry) -> None:
    last = entry.interrupted[-1]
    why = f"the run that began at {last.began_at:%Y-%m-%d %H:%M} UTC did not end; it is made up for now"
    _LOG.warning("a run was interrupted", run=last.run, began_at=last.began_at.isoformat())
    alerts.tell(folders, settings, {RUN: State("interrupted", why)})


def _write_down(entry: Entry, outcome: Outcome) -> None:
    entry.run.ledger = outcome.published.stem if outcome.published else None
    for source in outcome.sources:
        said = said_of(source, entry.run.began_at)
        if source.is_asked:
            entry.source(source.source_id, said)
        if source.sights:
            entry.source(pages_of(source.source_id), said_of_pages(source, entry.run.began_at))
        tell = _LOG.warning if source.failure and entry.run.by != BY_HAND else _LOG.info
        tell(
            "source", source=source.source_id, state=said.state, reason=said.reason, rows=said.rows,
            rejects=said.rejects, seconds=said.seconds, changes=dict(source.changes),
        )  # fmt: skip


def said_of(source: SourceOutcome, at: datetime) -> SourceDiary:
    """What the diary says of a source after a run; it had its publisher's answer unless it is stale."""
    held = source.hold if source.hold and not source.is_rejected else None
    state = source.stale.rule if source.stale else "hold" if held else "good"
    return SourceDiary(
        had_at=None if source.stale else at,
        state=state,
        reason=source.failure,
        rows=source.rows_read,
        rejects=len(source.rejects),
        seconds=round(source.seconds, 3),
    )


def said_of_pages(source: SourceOutcome, at: datetime) -> SourceDiary:
    """The same of its watched pages: all were had, or the first that was not; and what is to be read."""
    lost = next((sight for sight in source.sights if sight.state in NOT_FETCHED), None)
    if lost:
        return SourceDiary(state=lost.state, reason=f"{lost.page}: {lost.reason}")
    if source.unread:
        return SourceDiary(had_at=at, state="to be read", reason=str(source.unread[0]))
    return SourceDiary(had_at=at, state="good")
