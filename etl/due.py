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
from pathlib import Path
from typing import Final, Literal

from apscheduler.triggers.cron import CronTrigger

from etl.config import Config
from etl.diary import Diary
from etl.guard import NOT_FETCHED
from etl.memory import Memory
from etl.settings import Folders
from etl.sources import SourceSpec
from etl.watch import is_looked_at, memory_name

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


@dataclass(frozen=True)
class Rhythm:
    """How often one thing is asked for: a source's figures, or its watched pages."""

    name: str  # in the diary and in messages
    remembered: tuple[str, ...]  # under these names the fetching remembers it
    every_days: int
    dark_after_days: int
    cron: str | None = None


def pages_of(source_id: str) -> str:
    """What the watched pages of a source are called."""
    return f"{source_id} pages"


def rhythms(spec: SourceSpec, settings: Config) -> list[Rhythm]:
    """What this installation asks of a source's publisher again and again; often nothing."""
    found = []
    mirror = settings.sources.get(spec.source_id)
    is_live = spec.status == "live" or bool(mirror and mirror.base_url)
    if spec.fetch and is_live and settings.is_on(spec):
        found.append(
            Rhythm(
                spec.source_id, (spec.source_id,), spec.fetch.every_days, spec.fetch.dark_after_days,
                spec.fetch.cron,
            )
        )  # fmt: skip
    if spec.watch and is_looked_at(spec, settings):
        names = tuple(memory_name(spec.source_id, page) for page in spec.watch.pages)
        found.append(
            Rhythm(
                pages_of(spec.source_id), names, spec.watch.every_days, spec.watch.dark_after_days
            )
        )
    return found


def contact(rhythm: Rhythm, diary: Diary, archive: Path) -> Contact:
    """What is known of the contact: by the diary of runs, or else by what the fetching remembers.

    Of several pages the one that was had longest ago counts.
    """
    known = diary.sources.get(rhythm.name)
    if known is not None:
        return Contact(known.had_at, known.tried_at, known.failures)
    days = [Memory.of(archive, name).last_good for name in rhythm.remembered]
    had = [_midnight(date.fromisoformat(day)) for day in days if day]
    return Contact(min(had) if had and len(had) == len(days) else None)


def next_due(rhythm: Rhythm, known: Contact) -> datetime | None:
    """From when on it is to be asked for; None stands for at once."""
    if known.failures and known.tried:
        return known.tried + pause(known.failures)
    if known.had is None:
        return None
    if rhythm.cron:
        return fires_after(rhythm.cron, known.had)
    return _midnight(known.had.date() + timedelta(days=rhythm.every_days))


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

    def is_due(rhythm: Rhythm) -> bool:
        when = next_due(rhythm, contact(rhythm, diary, folders.archive))
        return when is None or when <= now

    return [spec for spec in chosen if any(map(is_due, rhythms(spec, settings)))]


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
