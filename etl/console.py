"""What the commands of ``hma`` share: where they write, how they fail, how a refresh is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import duckdb
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from etl.archive import ArchiveError
from etl.config import Config, ConfigError, config
from etl.diary import AtWorkError
from etl.log import Decision, SourceOutcome
from etl.logs import blotted
from etl.publish import BusyError
from etl.reading import SourceError
from etl.refresh import Outcome
from etl.refresh import refresh as run_refresh
from etl.registers import every_source
from etl.retrieve import Given
from etl.settings import Folders, StoreError, folders
from etl.sources import SourceSpec
from etl.store import NoLedgerError
from etl.unattended import BY_HAND, carry_out

EXIT_USAGE: Final = 2
EXIT_SOURCE_FAILED: Final = 3
EXIT_BUSY: Final = 4
EXIT_NO_LEDGER: Final = 5
EXIT_DIFFERS: Final = 6
EXIT_OFF: Final = 7
SCREENFUL: Final = 20
STEPS: Final = ("fetch", "archive", "read", "check", "record", "watch")
LAST_STEPS: Final = ("views", "checkpoint", "manifest", "rename", "CURRENT")
AsJson = Annotated[bool, typer.Option("--json", help="for programs: JSON on standard output")]

# no emoji codes and no colours read into what the sources say
out = Console(emoji=False, highlight=False)
err = Console(stderr=True, emoji=False, highlight=False)


def fail(message: str, code: int) -> typer.Exit:
    """Say what is wrong; raise what it returns."""
    err.print(f"[bold]hma:[/bold] {escape(blotted(message))}", soft_wrap=True)
    return typer.Exit(code)


def was_said(error: Exception) -> bool:
    """Say in a sentence what any command may end with; False for what nobody foresees."""
    if not isinstance(error, OSError | duckdb.Error | ArchiveError | SourceError | StoreError):
        return False
    err.print(f"[bold]hma:[/bold] {escape(blotted(str(error)))}", soft_wrap=True)
    return True


def exit_code_of(error: Exception) -> int:
    """With which code a command ends after :func:`was_said`: a setting that is none is wrong usage."""
    return EXIT_USAGE if isinstance(error, StoreError) else 1


def chosen_sources(names: list[str] | None, *, embedded: bool) -> list[SourceSpec]:
    """The sources that were named, or all; an unknown name ends the command."""
    sources = every_source(folders())
    unknown = sorted(set(names or ()) - set(sources))
    if unknown:
        raise fail(
            f"no source is called {', '.join(unknown)}; the sources are {', '.join(sources)}",
            EXIT_USAGE,
        )
    chosen = [spec for name, spec in sources.items() if not names or name in names]
    return [spec for spec in chosen if not embedded or spec.status == "transcribed"]


def configured() -> Config:
    """The settings of this installation; what is no setting ends the command."""
    try:
        return config()
    except ConfigError as error:
        raise fail(str(error), EXIT_USAGE) from error


def refuse_if_off(named: list[SourceSpec], settings: Config) -> None:
    """End the command if a source that was asked for by name is not turned on here."""
    off = [spec for spec in named if spec.fetch and not settings.is_on(spec)]
    for spec in off[1:]:
        err.print(f"[bold]hma:[/bold] {escape(how_to_turn_on(spec))}", soft_wrap=True)
    if off:
        raise fail(how_to_turn_on(off[0]), EXIT_OFF)


def how_to_turn_on(spec: SourceSpec) -> str:
    """One line: that a source is off here, and how to turn it on."""
    how = spec.enable or f"Turned off in this installation: remove enabled for {spec.source_id}."
    return f"{spec.source_id} is not fetched. {how}"


def _run(
    where: Folders,
    chosen: list[SourceSpec],
    settings: Config | None,
    given: Mapping[str, Sequence[Given]] | None,
    decision: Decision | None,
) -> Outcome:
    """Refresh with a progress bar for each source."""
    from_outside = any(spec.status != "transcribed" for spec in chosen)
    reading = (settings or configured()).reading if from_outside else None
    columns = (
        TextColumn("{task.fields[name]:<24}"), BarColumn(), TextColumn("{task.fields[step]:<24}"),
        TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=err, transient=True) as bars:
        tasks = {
            spec.source_id: bars.add_task("", total=len(STEPS), name=spec.source_id, step="waits")
            for spec in chosen
        }
        last = bars.add_task("", total=len(LAST_STEPS), name="ledger", step="waits")

        def progress(source_id: str, step: str) -> None:
            if source_id:
                bars.update(tasks[source_id], completed=STEPS.index(step) + 1, step=step)
            else:
                bars.update(last, completed=LAST_STEPS.index(step) + 1, step=step)

        def fetching(source_id: str, said: str) -> None:
            bars.update(tasks[source_id], step=f"fetch {said}")

        return run_refresh(
            where, chosen, progress, settings=settings, reading=reading, given=given,
            decision=decision, fetching=fetching,
        )  # fmt: skip


def refreshed(
    where: Folders,
    chosen: list[SourceSpec],
    *,
    settings: Config | None = None,
    given: Mapping[str, Sequence[Given]] | None = None,
    decision: Decision | None = None,
    by: str = BY_HAND,
) -> Outcome:
    """Run the pipeline; what stops it as a whole ends the command with its exit code.

    The network is used only with ``settings``; such a refresh, unless of ``given`` copies, has its place in
    the diary, started ``by`` hand or by a timer.
    """

    def run() -> Outcome:
        return _run(where, chosen, settings, given, decision)

    try:
        if settings and not given:
            return carry_out(where, chosen, settings, by, run)
        return run()
    except (BusyError, AtWorkError) as error:
        raise fail(str(error), EXIT_BUSY) from error
    except SourceError as error:
        raise fail(str(error), EXIT_SOURCE_FAILED) from error
    except NoLedgerError as error:
        raise fail(str(error), EXIT_NO_LEDGER) from error


def report(outcome: Outcome) -> None:
    """Show what a refresh did; ends the command with its exit code if a source kept its figures."""
    out.print(outcome_table(outcome.sources))
    explain(outcome)
    if outcome.published:
        out.print(f"Published {outcome.published.name}.")
    else:
        out.print("Nothing changed; the published ledger stays in use.")
    if outcome.failed:
        raise typer.Exit(EXIT_SOURCE_FAILED)


def outcome_table(outcomes: list[SourceOutcome]) -> Table:
    """One line a source."""
    table = Table(box=None, padding=(0, 1), pad_edge=False, collapse_padding=True)
    table.add_column("source", no_wrap=True)
    for heading in ("rows", "added", "revised", "withdrawn", "rejects", "seconds"):
        table.add_column(heading, justify="right")
    table.add_column("state", no_wrap=True)
    for outcome in outcomes:
        counts = (outcome.changes[kind] for kind in ("added", "revised", "withdrawn"))
        table.add_row(
            outcome.source_id,
            f"{outcome.rows_read:,}",
            *(f"{count:,}" for count in counts),
            f"{len(outcome.rejects):,}",
            f"{outcome.seconds:.2f}",
            _state(outcome),
        )
    return table


def _state(outcome: SourceOutcome) -> str:
    """What became of a source, in a word."""
    if outcome.hold and not outcome.is_rejected:
        return "[bold]held[/bold]"
    if outcome.stale:
        return f"[bold]{outcome.stale.rule}[/bold]"
    if outcome.is_unread:
        return "unchanged"
    return outcome.status.replace("accepted", "ok")


def explain(outcome: Outcome) -> None:
    """Say what is wrong with which row, and what that means for the ledger."""
    for source in outcome.sources:
        for word, findings in (
            ("issue  ", source.issues),
            ("reject ", source.rejects),
            ("page   ", source.unread),
        ):
            for finding in findings[:SCREENFUL]:
                err.print(f"{word} {escape(str(finding))}", soft_wrap=True)
            if len(findings) > SCREENFUL:
                err.print(f"        … and {len(findings) - SCREENFUL} more")
        for sight in source.sights:
            if sight.reason:
                err.print(
                    f"[bold]{source.source_id}[/bold] page {sight.page} ({sight.state}): {escape(sight.reason)}",
                    soft_wrap=True,
                )
        for hold in filter(None, (source.hold, source.stale)):
            err.print(
                f"[bold]{source.source_id}[/bold] kept its last good figures ({hold.rule}): "
                f"{escape(hold.message)}", soft_wrap=True,
            )  # fmt: skip
        if source.failure and source.hold and source.hold.is_readable:
            err.print(
                f"        to use it all the same: hma accept {source.source_id} "
                f'{source.vintages[0].sha256[:12]} --because "…"; or drop it with hma reject',
                soft_wrap=True,
            )
