"""The commands that run the ledger unattended: what is due, the scheduler, timers, backups, settings."""

from __future__ import annotations

import getpass
import random
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape
from rich.table import Table

from etl import alerts, configcheck, logs, schedule, timer
from etl.archive import ArchiveError, UnreachableError
from etl.backup import BackupError, DamagedBackupError
from etl.backup import backup as run_backup
from etl.backup import restore as run_restore
from etl.commands import show_report
from etl.config import Config, config_file
from etl.console import (
    EXIT_BUSY,
    EXIT_DIFFERS,
    EXIT_NO_LEDGER,
    EXIT_SOURCE_FAILED,
    EXIT_USAGE,
    configured,
    err,
    fail,
    out,
    refreshed,
    report,
)
from etl.diary import Diary
from etl.due import contact, due, next_due, rhythms
from etl.homes import HomeError
from etl.move import MoveError, move
from etl.publish import BusyError
from etl.registers import every_source
from etl.settings import Folders, folders
from etl.sources import SourceSpec
from etl.store import NoLedgerError

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
        (when, rhythm.name)
        for spec in chosen
        for rhythm in rhythms(spec, settings)
        if (when := next_due(rhythm, contact(rhythm, diary, where.archive)))
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


@app.command("install-timer")
def install_timer(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="where to write the units of systemd")
    ] = None,
    *,
    cron: Annotated[
        bool, typer.Option("--cron", help="print a line for crontab instead, and write nothing")
    ] = False,
    user: Annotated[str | None, typer.Option(help="who runs it; you without this")] = None,
    hma: Annotated[Path | None, typer.Option(help="the hma to run; this one without this")] = None,
) -> None:
    """Write a service and a timer of systemd that refresh what is due, or print a line for crontab."""
    where = timer.Installation(
        hma=hma or timer.own_command(), data=folders().data.absolute(),
        config=config_file().absolute(), user=user or getpass.getuser(), homes=timer.homes_set(),
    )  # fmt: skip
    try:
        if cron:
            typer.echo(timer.cron_line(where))
            return
        if folder is None:
            raise fail("name a folder to write to, or give --cron", EXIT_USAGE)
        for path in timer.write_units(folder, where):
            out.print(f"Wrote {escape(str(path))}.", soft_wrap=True)
    except timer.TimerError as error:
        raise fail(str(error), EXIT_USAGE) from error
    out.print(
        "As root: copy both to /etc/systemd/system, then systemctl daemon-reload and systemctl enable --now "
        "hma-refresh.timer",
        soft_wrap=True,
    )


@app.command()
def backup(
    dest: Annotated[
        Path, typer.Argument(metavar="DEST", help="a folder elsewhere, for backups only")
    ],
) -> None:
    """Copy archive, ledger and data to a folder elsewhere, also while a refresh runs; only what is new."""
    try:
        with err.status("Copying …") as status:
            made = run_backup(
                folders(), dest, lambda step: status.update(f"Copying {escape(step)} …")
            )
    except NoLedgerError as error:
        raise fail(str(error), EXIT_NO_LEDGER) from error
    except UnreachableError:
        raise
    except (DamagedBackupError, ArchiveError) as error:
        raise fail(str(error), EXIT_DIFFERS) from error
    except BackupError as error:
        raise fail(str(error), EXIT_USAGE) from error
    out.print(
        f"{made.name}: {made.ledger} and what it rests on, {made.files:,} files; {made.copied:,} new, "
        f"{made.copied_bytes / 1e6:,.1f} MB.",
        soft_wrap=True,
    )


@app.command()
def restore(
    src: Annotated[
        Path,
        typer.Argument(metavar="SRC", help="a folder of backups", exists=True, file_okay=False),
    ],
    *,
    name: Annotated[str | None, typer.Option(help="which backup; the newest without this")] = None,
) -> None:
    """Write a backup into an empty data folder and verify it; nothing is overwritten."""
    try:
        with err.status("Restoring …") as status:
            restored, found = run_restore(
                folders(), src, name, lambda step: status.update(f"Restoring {escape(step)} …")
            )
    except DamagedBackupError as error:
        raise fail(str(error), EXIT_DIFFERS) from error
    except BackupError as error:
        raise fail(str(error), EXIT_USAGE) from error
    out.print(f"Restored {restored}.")
    show_report(found)
    if found.differences:
        raise typer.Exit(EXIT_DIFFERS)


@app.command("migrate-archive")
def migrate_archive(
    to: Annotated[
        str, typer.Argument(metavar="TO", help="s3://BUCKET/PREFIX; or folder: the data folder")
    ],
) -> None:
    """Copy the archive to object storage, or back, prove every hash there, and use it from now on."""
    where = folders()
    try:
        with err.status("Moving …") as status:
            moved = move(where, to, lambda step: status.update(f"Moving {escape(step)} …"))
    except BusyError as error:
        raise fail(str(error), EXIT_BUSY) from error
    except (MoveError, HomeError) as error:
        raise fail(str(error), EXIT_USAGE) from error
    except NoLedgerError as error:
        raise fail(str(error), EXIT_NO_LEDGER) from error
    except UnreachableError:
        raise
    except ArchiveError as error:
        raise fail(f"{error}. The archive stays where it was", EXIT_DIFFERS) from error
    out.print(
        f"{moved.objects:,} objects are at {escape(moved.home or str(where.archive))} and have their SHA-256; "
        f"{moved.copied:,} copied now, {moved.copied_bytes / 1e6:,.1f} MB, {moved.vintages:,} vintages listed, "
        f"{moved.links:,} manifests.",
        soft_wrap=True,
    )
    out.print(
        "The data folder uses it from now on. The old home is as it was: remove it when hma verify has found "
        "nothing, and let HMA_ARCHIVE name it no longer.",
        soft_wrap=True,
    )


settings_app = typer.Typer(help="The settings of this installation.", no_args_is_help=True)
app.add_typer(settings_app, name="config")


@settings_app.command("check")
def check_settings() -> None:
    """Say every setting, where it comes from, and what is wrong; secrets are shown as ***."""
    found = configcheck.check()
    longest = max((len(one.name) for one in found.settings), default=0)
    table = Table(box=None)
    table.add_column("setting", no_wrap=True, min_width=longest)  # a name is never cut
    table.add_column("value", overflow="fold")
    table.add_column("from", overflow="fold")
    for one in found.settings:
        table.add_row(escape(one.name), escape(one.value), escape(one.comes_from))
    if found.settings:
        out.print(table)
    for problem in found.problems:
        err.print(f"[bold]wrong[/bold] {escape(problem)}", soft_wrap=True)
    if found.problems:
        raise typer.Exit(EXIT_USAGE)
    out.print("Nothing is wrong.")


@settings_app.command("reference")
def settings_reference() -> None:
    """Print what can be set, and what hma status --json says, as Markdown."""
    typer.echo(configcheck.reference(), nl=False)
