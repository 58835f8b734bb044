"""The commands that run the ledger unattended: what is due, the scheduler, timers, backups, settings."""

from __future__ import annotations

import random
from typing import Final

import typer
from rich.markup import escape

from etl import alerts, logs, schedule
from etl.config import Config
from etl.console import (
    EXIT_SOURCE_FAILED,
    configured,
    out,
    refreshed,
    report,
)
from etl.diary import Diary
from etl.due import contact, due, is_expected, next_due
from etl.registers import every_source
from etl.session import Memory
from etl.settings import Folders, folders
from etl.sources import SourceSpec

app = typer.Typer()
_LOG: Final = logs.logger("hma.due")


def refresh_due(where: Folders, chosen: list[SourceSpec], settings: Config) -> None:
    """Refresh those of the sources whose time has come; says so where it is none's.

    Where the log is for programs, what was done stands there, and nothing else is printed.
    """
    logs.set_up(verbose=True)
    found = due(where, chosen, settings, schedule.now())
    if not found:
        alerts.tell(where, settings, {})  # what could not be sent before
        _say_next(where, chosen, settings)
        return
    outcome = refreshed(where, found, settings=settings, by="due")
    if not logs.is_json():
        report(outcome)
    elif outcome.failed:
        raise typer.Exit(EXIT_SOURCE_FAILED)


def _say_next(where: Folders, chosen: list[SourceSpec], settings: Config) -> None:
    diary = Diary.of(where.state)
    coming = sorted(
        (when, spec.source_id)
        for spec in chosen
        if is_expected(spec, settings)
        and (when := next_due(spec, contact(spec, diary, Memory.of(where.archive, spec.source_id))))
    )
    said = f"{coming[0][1]} at {coming[0][0]:%Y-%m-%d %H:%M} UTC" if coming else "nothing"
    if logs.is_json():
        _LOG.info("nothing is due", next=said)
    else:
        out.print(f"Nothing is due; next: {escape(said)}.")


@app.command("schedule")
def run_schedule() -> None:
    """Refresh what is due, again and again, until told to stop; for containers."""
    settings = configured()
    logs.set_up(verbose=True)
    stop = schedule.Stop()
    trigger = schedule.beats(settings, every_source(folders()).values())
    chance = random.SystemRandom()
    with stop.heard():
        logs.logger("hma.schedule").info("schedule begins", cron=settings.schedule.cron)
        schedule.keep_time(
            schedule.machine_clock(stop),
            trigger,
            schedule.looking(stop, settings.schedule.grace_seconds),
            lambda: chance.uniform(0, settings.schedule.jitter_seconds),
        )
        logs.logger("hma.schedule").info("schedule ends")
