"""When a source is to be asked again, and whether it has been silent for too long.

One rule for ``hma refresh --due``, for ``hma status`` and for the pages. A source is due on the day on
which ``every_days`` have passed since its last contact, or at the first time of its ``cron`` expression
after it; on the day after, it is overdue. A contact is an answer of the publisher, changed or not. A run
that did not end counts for nothing, whatever it had fetched: it is made up for, once, however many times
were missed. After a failure the source is asked again in an hour, then in two, four, and so on up to a
day, so that nobody who is down is hammered.

All times are UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal

from apscheduler.triggers.cron import CronTrigger

from etl.config import Config
from etl.diary import Diary
from etl.guard import NOT_FETCHED
from etl.session import Memory
from etl.settings import Folders
from etl.sources import SourceSpec

FIRST_PAUSE: Final = timedelta(hours=1)
LONGEST_PAUSE: Final = timedelta(days=1)
MOST_DOUBLINGS: Final = 8
Level = Literal["calm", "amber", "red"]


@dataclass(frozen=True)
class Contact:
    """The last contact with a source's publisher, and what has failed since."""

    had: datetime | None  # midnight where only the day is known
    tried: datetime | None = None
    failures: int = 0


def is_expected(spec: SourceSpec, settings: Config) -> bool:
    """Whether anything new is expected of a source's publisher by this installation."""
    if spec.fetch is None or not settings.is_on(spec):
        return False
    mirror = settings.sources.get(spec.source_id)
    return spec.status == "live" or bool(mirror and mirror.base_url)


def contact(spec: SourceSpec, diary: Diary, memory: Memory) -> Contact:
    """What is known of the contact: by the diary of runs, or else by what the fetching remembers."""
    known = diary.sources.get(spec.source_id)
    if known is not None:
        return Contact(known.had_at, known.tried_at, known.failures)
    day = memory.last_good
    return Contact(_midnight(date.fromisoformat(day)) if day else None)


def next_due(spec: SourceSpec, known: Contact) -> datetime | None:
    """From when on a source is to be asked; None stands for at once."""
    if spec.fetch is None:
        raise ValueError(f"{spec.source_id} declares no fetch in its source.yml")
    if known.failures and known.tried:
        return known.tried + pause(known.failures)
    if known.had is None:
        return None
    if spec.fetch.cron:
        return fires_after(spec.fetch.cron, known.had)
    return _midnight(known.had.date() + timedelta(days=spec.fetch.every_days))


def pause(failures: int) -> timedelta:
    """How long a publisher is left alone after so many failures in a row."""
    doublings = min(max(failures - 1, 0), MOST_DOUBLINGS)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


def fires_after(cron: str, moment: datetime) -> datetime:
    """The first time of a cron expression after a moment.

    Raises:
        ValueError: it is none, or there is no such time.
    """
    found: datetime | None = CronTrigger.from_crontab(cron, UTC).get_next_fire_time(moment, moment)
    if found is None:
        raise ValueError(f"there is no time {cron!r}")
    return found


def due(
    folders: Folders, chosen: Iterable[SourceSpec], settings: Config, now: datetime
) -> list[SourceSpec]:
    """Those of the sources that are to be asked now."""
    diary = Diary.of(folders.state)
    found = []
    for spec in chosen:
        if is_expected(spec, settings):
            known = contact(spec, diary, Memory.of(folders.archive, spec.source_id))
            when = next_due(spec, known)
            if when is None or when <= now:
                found.append(spec)
    return found


def level(
    last: date | None,
    every_days: int | None,
    dark_after_days: int | None,
    today: date,
    said: str | None = None,
) -> tuple[Level, str]:
    """How it stands with a source, and in words; ``said`` is ``stale`` or ``dark`` if the ledger says so.

    Where nothing is expected, or nothing was ever had, nothing is overdue.
    """
    days = (today - last).days if last else None
    if said == "dark" or (days is not None and dark_after_days and days > dark_after_days):
        return "red", "dark" if days is None else f"dark: no contact for {days} days"
    if days is not None and every_days and days > every_days:
        return "amber", f"overdue: no contact for {days} days, due every {every_days}"
    if said in NOT_FETCHED:
        return "amber", "stale"
    return "calm", ""


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
