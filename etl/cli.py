"""The ``hma`` command.

Exit codes: 0 done, also when nothing changed; 2 wrong usage; 3 a source kept its last good figures
(the others went on); 4 another refresh is running; 5 there is no ledger, or it lacks what was asked
for; 1 anything else.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Final

import duckdb
import typer
import uvicorn
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from etl import sql
from etl.archive import Archive, ArchiveError
from etl.dictionary import as_markdown
from etl.publish import BusyError
from etl.reading import SourceError
from etl.refresh import Outcome, SourceOutcome
from etl.refresh import code_version as definitions
from etl.refresh import refresh as run_refresh
from etl.settings import PACKAGE, Folders, folders
from etl.sources import SourceSpec, all_sources
from etl.store import Ledgers, NoLedgerError
from etl.tables import FACT_TABLES

EXIT_USAGE: Final = 2
EXIT_SOURCE_FAILED: Final = 3
EXIT_BUSY: Final = 4
EXIT_NO_LEDGER: Final = 5
SCREENFUL: Final = 20
GRACE_SECONDS: Final = 3  # for answers under way when Ctrl-C comes
STEPS: Final = ("archive", "read", "check", "record")

app = typer.Typer(
    help="HMA Ledger: what the U.S. Humanitarian Mine Action Program covered.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
# no emoji codes and no colours read into what the sources say
out = Console(emoji=False, highlight=False)
err = Console(stderr=True, emoji=False, highlight=False)


def _fail(message: str, code: int) -> typer.Exit:
    err.print(f"[bold]hma:[/bold] {escape(message)}")
    return typer.Exit(code)


def _chosen(names: list[str] | None, *, embedded: bool) -> list[SourceSpec]:
    sources = all_sources()
    unknown = sorted(set(names or ()) - set(sources))
    if unknown:
        raise _fail(
            f"no source is called {', '.join(unknown)}; the sources are {', '.join(sources)}",
            EXIT_USAGE,
        )
    chosen = [spec for name, spec in sources.items() if not names or name in names]
    return [spec for spec in chosen if not embedded or spec.status == "transcribed"]


def _run(where: Folders, chosen: list[SourceSpec]) -> Outcome:
    """Refresh with a progress bar for each source."""
    columns = (
        TextColumn("{task.fields[name]:<24}"), BarColumn(), TextColumn("{task.fields[step]:<8}"),
        TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=err, transient=True) as bars:
        tasks = {
            spec.source_id: bars.add_task("", total=len(STEPS), name=spec.source_id, step="waits")
            for spec in chosen
        }
        last = bars.add_task("", total=2, name="ledger", step="waits")

        def progress(source_id: str, step: str) -> None:
            if source_id:
                bars.update(tasks[source_id], completed=STEPS.index(step) + 1, step=step)
            else:
                bars.update(last, advance=1, step=step)

        return run_refresh(where, chosen, progress)


def _refresh(where: Folders, chosen: list[SourceSpec]) -> Outcome:
    """Run the pipeline; what stops it as a whole ends the command with its exit code."""
    try:
        return _run(where, chosen)
    except BusyError as error:
        raise _fail(str(error), EXIT_BUSY) from error
    except SourceError as error:
        raise _fail(str(error), EXIT_SOURCE_FAILED) from error
    except NoLedgerError as error:
        raise _fail(str(error), EXIT_NO_LEDGER) from error


def _outcome_table(outcomes: list[SourceOutcome]) -> Table:
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
            "[bold]kept[/bold]" if outcome.failure else "ok",
        )
    return table


def _explain(outcome: Outcome) -> None:
    """Say what is wrong with which row, and what that means for the ledger."""
    for source in outcome.sources:
        for word, findings in (("issue  ", source.issues), ("reject ", source.rejects)):
            for finding in findings[:SCREENFUL]:
                err.print(f"{word} {escape(str(finding))}", soft_wrap=True)
            if len(findings) > SCREENFUL:
                err.print(f"        … and {len(findings) - SCREENFUL} more")
        if source.failure:
            err.print(
                f"[bold]{source.source_id}[/bold] kept its last good figures: "
                f"{escape(source.failure)}", soft_wrap=True,
            )  # fmt: skip


@app.command()
def refresh(
    sources: Annotated[list[str] | None, typer.Argument(help="sources; all without any")] = None,
    *,
    embedded: Annotated[
        bool, typer.Option("--embedded", help="only the data that comes with the project")
    ] = False,
) -> None:
    """Read the sources and publish a new ledger if anything changed."""
    outcome = _refresh(folders(), _chosen(sources, embedded=embedded))
    out.print(_outcome_table(outcome.sources))
    _explain(outcome)
    if outcome.published:
        out.print(f"Published {outcome.published.name}.")
    else:
        out.print("Nothing changed; the published ledger stays in use.")
    if outcome.failed:
        raise typer.Exit(EXIT_SOURCE_FAILED)


@app.command()
def status() -> None:
    """Say which ledger is in use, how many entries it holds, and what is on hold."""
    try:
        with Ledgers(folders().ledger).lease() as lease:
            row = lease.con.execute(sql.text("status")).fetchone()
            held = lease.con.execute(sql.text("held")).fetchall()
            counts = [
                (table, lease.con.table(table).count("*").fetchall()[0][0])
                for table in (*FACT_TABLES, "rejects", "issues")
            ]
    except NoLedgerError as error:
        raise _fail(str(error), EXIT_NO_LEDGER) from error
    number, finished, version = row or (0, "", "")
    out.print(f"{lease.ledger}: refresh {number}, finished {finished} UTC, code {version}")
    table = Table("table", box=None)
    table.add_column("rows", justify="right")
    for name, count in counts:
        table.add_row(name, f"{count:,}")
    out.print(table)
    for source_id, file, reason in held:
        out.print(f"[bold]on hold[/bold] {source_id}, {file}: {escape(reason or '')}")


@app.command()
def sources() -> None:
    """List the sources: what they cover, what to know before using them, their terms of use."""
    for spec in all_sources().values():
        out.print(f"[bold]{spec.source_id}[/bold] ({spec.status}): {escape(spec.title)}")
        for word, said in (
            ("publisher", spec.publisher),
            ("covers", spec.coverage),
            ("caveats", spec.caveats),
            ("licence", spec.licence),
        ):
            out.print(f"  {word}: {escape(said)}", soft_wrap=True)


@app.command()
def entry(entry_id: Annotated[str, typer.Argument(help="an entry_id of the ledger")]) -> None:
    """Show one figure: its values, its revisions, and its row in the archived bytes."""
    where = folders()
    try:
        with Ledgers(where.ledger).lease() as lease:
            for name in FACT_TABLES:
                query = sql.text("entry").format(table=sql.identifier(name))
                frame = lease.con.execute(query, {"entry_id": entry_id}).pl()
                if not frame.is_empty():
                    break
            else:
                raise _fail(f"the ledger holds no entry {entry_id}", EXIT_NO_LEDGER)
    except NoLedgerError as error:
        raise _fail(str(error), EXIT_NO_LEDGER) from error
    for revision in frame.iter_rows(named=True):
        table = Table("column", "value", title=f"{name}, revision {revision['revision']}")
        for column, value in revision.items():
            if value is not None:
                table.add_row(column, escape(str(value)))
        out.print(table)
    last = frame.row(-1, named=True)
    out.print("[bold]Row in the archive[/bold]")
    out.print(escape(_archived_row(where, last["vintage_sha256"], last["locator"])))


def _archived_row(where: Folders, sha256: str, locator: str) -> str:
    """The line that ``locator`` names, from the archived bytes."""
    try:
        return "\n".join(Archive(where.archive).line(sha256, locator))
    except ArchiveError as error:
        raise _fail(str(error), EXIT_NO_LEDGER) from error


@app.command()
def dictionary() -> None:
    """Print the data dictionary: what each table and column means, as Markdown."""
    typer.echo(as_markdown(), nl=False)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to listen on", min=1, max=65535)] = 8501,
) -> None:
    """Serve the dashboard and the API; build the ledger first if there is none for this version."""
    where = folders()
    if _needs_building(where):
        out.print("Building the ledger from the embedded data …")
        _explain(_refresh(where, _chosen(None, embedded=True)))
    out.print(f"HMA Ledger is at http://{host}:{port} (Ctrl-C stops it)")
    os.environ["HMA_DATA"] = str(
        where.data.resolve()
    )  # the working folder changes on the next line
    os.chdir(PACKAGE.parent)  # Streamlit reads .streamlit/config.toml from the working folder
    uvicorn.run(
        "dashboard.app:app", host=host, port=port, log_level="warning", access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )  # fmt: skip


def _needs_building(where: Folders) -> bool:
    """There is no ledger, or it was built by other definitions than this version's."""
    try:
        with Ledgers(where.ledger).lease() as lease:
            row = lease.con.execute(sql.text("status")).fetchone()
    except NoLedgerError:
        return True
    return row is None or row[2] != definitions(where)


def main() -> None:
    """Entry point of the ``hma`` command; what no command foresees is said in a sentence."""
    try:
        app()
    except (OSError, duckdb.Error, ArchiveError, SourceError) as error:
        err.print(f"[bold]hma:[/bold] {escape(str(error))}", soft_wrap=True)
        sys.exit(1)
