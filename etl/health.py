"""How it stands: what ``hma status --json`` and ``/metrics`` say, from the ledger, the diary and the clock.

The ages are worked out when somebody asks, so a scheduler that died does not keep a source calm.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final, Literal

import duckdb
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from etl import sql
from etl.config import Config
from etl.diary import Diary
from etl.due import Contact, Level, Rhythm, contact, level, next_due, rhythms
from etl.guard import NOT_FETCHED
from etl.registers import every_source
from etl.settings import Folders
from etl.sources import SourceSpec
from etl.store import Lease
from etl.tables import FACT_TABLES

COUNTED: Final = (*FACT_TABLES, "rejects", "issues", "holds")


class Held(BaseModel):
    """Why a source's newest vintage is not in use, or its publisher could not be reached."""

    model_config = ConfigDict(extra="forbid")

    rule: str = Field(description="the check that stopped it; `stale` and `dark`: not fetched")
    reason: str = Field(description="what is wrong and what to do about it")
    since_refresh: int = Field(description="the refresh that recorded it")
    accept: str | None = Field(description="the digits for `hma accept`; null if nobody can accept")


class AskedHealth(BaseModel):
    """One thing that this installation asks for again and again."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="the source, or the source and `pages` for its watched pages")
    last_contact: AwareDatetime | None = Field(
        description="when its publisher last answered; midnight where only the day is known"
    )
    age_days: int | None = Field(description="whole days since then")
    every_days: int = Field(description="its rhythm in days")
    cron: str | None = Field(description="its rhythm as a cron expression, which goes before days")
    is_due: bool = Field(description="`hma refresh --due` would ask now")
    next_due: AwareDatetime | None = Field(description="from when on it will ask; null: at once")
    level: Level = Field(description="`calm`; `amber`: overdue or stale; `red`: dark")
    words: str = Field(description="the same in words; empty when calm")
    failures: int = Field(description="attempts that failed since the last answer")


class SourceHealth(BaseModel):
    """One source."""

    model_config = ConfigDict(extra="forbid")

    source_id: str = Field(description="the source")
    status: str = Field(description="`transcribed`, `live`, `frozen`, `dark` or `local`")
    rejects: int = Field(description="rows of its vintage that broke the schema")
    hold: Held | None = Field(description="what stands against its newest vintage")
    asked: list[AskedHealth] = Field(
        description="what its publisher is asked for: figures, watched pages, both or nothing"
    )


class RunHealth(BaseModel):
    """One run that asked publishers."""

    model_config = ConfigDict(extra="forbid")

    run: str = Field(description="its id, as in the log")
    by: str = Field(description="`due` or `hand`")
    began_at: AwareDatetime = Field(description="when it began")
    ended_at: AwareDatetime | None = Field(description="when it ended; null while under way")
    seconds: float | None = Field(description="how long it took")
    end: str | None = Field(
        description="`published`, `nothing new`, `failed` or `interrupted`; null while under way"
    )
    reason: str | None = Field(description="why it failed")


class Health(BaseModel):
    """The whole; times are UTC, ISO 8601."""

    model_config = ConfigDict(extra="forbid")

    format: Literal[1] = Field(
        default=1, description="goes up when a field changes its meaning or goes"
    )
    asked_at: AwareDatetime = Field(description="when this was worked out")
    ledger: str = Field(description="the ledger in use")
    refresh: int = Field(description="the refresh that published it")
    finished_at: AwareDatetime = Field(description="when that ended")
    code_version: str = Field(description="the code that made it")
    rows: dict[str, int] = Field(description="rows by table, with rejects, issues and holds")
    sources: list[SourceHealth] = Field(description="every source")
    last_run: RunHealth | None = Field(description="the last run that asked publishers")


def health(lease: Lease, folders: Folders, settings: Config, now: datetime) -> Health:
    """How it stands with the ledger of a lease and with every source."""
    row = lease.con.execute(sql.text("last_refresh")).fetchone()
    if row is None:
        raise ValueError(f"{lease.ledger} holds no refresh")
    number, finished, version = row
    diary = Diary.of(folders.state)
    return Health(
        asked_at=now,
        ledger=lease.ledger,
        refresh=number,
        finished_at=datetime.fromtimestamp(finished, UTC),
        code_version=version,
        rows={name: lease.con.table(name).count("*").fetchall()[0][0] for name in COUNTED},
        sources=list(_sources(lease.con, folders, settings, diary, now)),
        last_run=_last_run(diary),
    )


def _sources(
    con: duckdb.DuckDBPyConnection,
    folders: Folders,
    settings: Config,
    diary: Diary,
    now: datetime,
) -> Iterable[SourceHealth]:
    holds: dict[str, list[Held]] = {}
    for source_id, rule, reason, _, files, can_be_accepted, since in con.execute(
        sql.text("held")
    ).fetchall():
        digits = str(files).split()[1][:12] if can_be_accepted else None
        held = Held(rule=rule, reason=reason, since_refresh=since, accept=digits)
        holds.setdefault(source_id, []).append(held)
    rejects = dict(con.execute(sql.text("rejects_by_source")).fetchall())
    for spec in every_source(folders).values():
        yield _source(spec, folders, settings, diary, now, holds.get(spec.source_id, []), rejects)


def _source(
    spec: SourceSpec,
    folders: Folders,
    settings: Config,
    diary: Diary,
    now: datetime,
    holds: list[Held],
    rejects: dict[Any, int],
) -> SourceHealth:
    said = next((held.rule for held in holds if held.rule in NOT_FETCHED), None)
    return SourceHealth(
        source_id=spec.source_id,
        status=spec.status,
        rejects=rejects.get(spec.source_id, 0),
        hold=holds[0] if holds else None,
        asked=[
            _asked(
                rhythm, contact(rhythm, diary, folders.archive), now,
                said if rhythm.name == spec.source_id else None,
            )
            for rhythm in rhythms(spec, settings)
        ],
    )  # fmt: skip


def _asked(rhythm: Rhythm, known: Contact, now: datetime, said: str | None) -> AskedHealth:
    when = next_due(rhythm, known)
    day = known.had.date() if known.had else None
    colour, words = level(day, rhythm.every_days, rhythm.dark_after_days, now.date(), said)
    return AskedHealth(
        name=rhythm.name,
        last_contact=known.had,
        age_days=(now.date() - day).days if day else None,
        every_days=rhythm.every_days,
        cron=rhythm.cron,
        is_due=when is None or when <= now,
        next_due=when,
        level=colour,
        words=words,
        failures=known.failures,
    )


def _last_run(diary: Diary) -> RunHealth | None:
    if not diary.runs:
        return None
    run = diary.runs[-1]
    seconds = (run.ended_at - run.began_at).total_seconds() if run.ended_at else None
    return RunHealth(
        run=run.run, by=run.by, began_at=run.began_at, ended_at=run.ended_at, seconds=seconds,
        end=run.end, reason=run.reason,
    )  # fmt: skip
