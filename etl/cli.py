"""The ``hma`` command.

Exit codes: 0 done, also when nothing changed; 2 wrong usage; 3 a source kept its last good figures
(the others went on); 4 another refresh is running; 5 there is no ledger, or it lacks what was asked
for; 6 something is not as it was published; 7 a source that was named is not turned on; 1 anything
else. The commands that look into the
ledger's past and check it are in :mod:`etl.commands`, those that run it unattended in :mod:`etl.operate`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import duckdb
import typer
from rich.markup import escape
from rich.table import Table

from etl import commands, logs, operate, sql
from etl.archive import Archive, ArchiveError
from etl.config import config_file
from etl.console import (
    EXIT_NO_LEDGER,
    EXIT_USAGE,
    chosen_sources,
    configured,
    err,
    explain,
    fail,
    how_to_turn_on,
    out,
    refreshed,
    refuse_if_off,
    report,
)
from etl.dictionary import as_markdown
from etl.guard import NOT_FETCHED
from etl.health import health
from etl.locate import find
from etl.reading import SourceError
from etl.refresh import code_version as definitions
from etl.registers import every_source
from etl.retrieve import Given, is_address
from etl.settings import PACKAGE, Folders, StoreError, folders
from etl.store import Ledgers, NoLedgerError, home
from etl.tables import FACT_TABLES
from etl.withheld import KEPT_HERE

GRACE_SECONDS: Final = 3  # for answers under way when Ctrl-C comes
EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - addresses that are no names
LONGEST_HEAD_BYTES: Final = 32 << 10  # of a request; the door says from 16 kB on what is too long
LONGEST_MESSAGE_BYTES: Final = 1 << 20  # that a page may send; what its reader chose

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
app.add_typer(commands.app)
app.add_typer(operate.app)


@contextmanager
def without_pandas() -> Iterator[None]:
    """Keep DuckDB from importing pandas, if no one has yet.

    It does at the first bound parameter, to see whether the value is pandas' own kind of missing, and
    that takes half a second. Nothing in :mod:`etl` uses pandas; Streamlit does.
    """
    if "pandas" in sys.modules:
        yield
        return
    sys.modules["pandas"] = None  # type: ignore[assignment]  # so Python declares a module that isn't there
    try:
        yield
    finally:
        del sys.modules["pandas"]


@app.callback()
def hma(
    context: typer.Context,
    *,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="say in the log what is done")
    ] = False,
) -> None:
    """HMA Ledger: what the U.S. Humanitarian Mine Action Program covered."""
    logs.set_up(verbose=verbose)
    if context.invoked_subcommand != "serve":
        context.with_resource(without_pandas())


@app.command()
def refresh(
    sources: Annotated[list[str] | None, typer.Argument(help="sources; all without any")] = None,
    *,
    embedded: Annotated[
        bool, typer.Option("--embedded", help="only the data that comes with the project")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="touch no network; read what is in the archive")
    ] = False,
    due: Annotated[
        bool, typer.Option("--due", help="only the sources whose time has come; for timers")
    ] = False,
    copies: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="FILE_OR_URL",
            help="read this copy of the one source named, plain or packed (gzip, zip); may be repeated",
        ),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option(help="with --from: where the copy came from, in your words, for the record"),
    ] = None,
) -> None:
    """Fetch and read the sources, and publish a new ledger if anything changed."""
    chosen = chosen_sources(sources, embedded=embedded)
    if due:
        if embedded or offline or copies:
            raise fail("--due asks publishers; it goes with names of sources only", EXIT_USAGE)
        operate.refresh_due(folders(), chosen, configured())
        return
    if copies and len(chosen) != 1:
        raise fail("--from goes with the name of one source", EXIT_USAGE)
    if origin and not copies:
        raise fail("--origin goes with --from", EXIT_USAGE)
    for copy in copies or ():
        if not (is_address(copy) or Path(copy).is_file()):
            raise fail(f"--from: there is no file {copy}", EXIT_USAGE)
        if offline and is_address(copy):
            raise fail("--offline touches no network; give --from a file", EXIT_USAGE)
    given = {chosen[0].source_id: [Given(copy, origin) for copy in copies]} if copies else None
    settings = None if offline or embedded else configured()
    if settings and sources and not copies:
        refuse_if_off(chosen, settings)
    report(refreshed(folders(), chosen, settings=settings, given=given))


@app.command()
def status(*, as_json: commands.AsJson = False) -> None:
    """Say which ledger is in use, how many entries it holds, and what is on hold, not fetched, off or to be read."""
    settings = configured()
    try:
        with Ledgers(home(folders()), whole=True).lease() as lease:
            found = health(lease, folders(), settings, datetime.now(UTC))
            if as_json:
                typer.echo(found.model_dump_json(indent=1))
                return
            row = lease.con.execute(sql.text("status")).fetchone()
            held = lease.con.execute(sql.text("held")).fetchall()
            watched = lease.con.execute(sql.text("watched")).fetchall()
            counts = [
                (table, lease.con.table(table).count("*").fetchall()[0][0])
                for table in (*FACT_TABLES, "rejects", "issues")
            ]
    except NoLedgerError as error:
        raise fail(str(error), EXIT_NO_LEDGER) from error
    number, finished, version = row or (0, "", "")
    out.print(f"{lease.ledger}: refresh {number}, finished {finished} UTC, code {version}")
    table = Table("table", box=None)
    table.add_column("rows", justify="right")
    for name, count in counts:
        table.add_row(name, f"{count:,}")
    out.print(table)
    for source_id, rule, reason, _, files, can_be_accepted, since in held:
        out.print(
            f"[bold]{'not fetched' if rule in NOT_FETCHED else 'on hold'}[/bold] {source_id} since refresh "
            f"{since} ({rule}): {escape(reason)}",
            soft_wrap=True,
        )
        if can_be_accepted:
            digits = files.split()[1][:12]
            out.print(
                f'        hma accept {source_id} {digits} --because "…" uses it; hma reject drops it',
                soft_wrap=True,
            )
    for asked in (one for source in found.sources for one in source.asked):
        if asked.level != "calm":
            out.print(f"[bold]{asked.name}[/bold] {escape(asked.words)}", soft_wrap=True)
    for spec in every_source(folders()).values():
        if spec.fetch and not settings.is_on(spec):
            out.print(f"[bold]off[/bold] {escape(how_to_turn_on(spec))}", soft_wrap=True)
    for source_id, page, what, why in watched:
        out.print(
            f"[bold]page[/bold] {page} of {source_id} ({what}): {escape(why)}", soft_wrap=True
        )


@app.command()
def sources() -> None:
    """List the sources: what they cover, what to know before using them, their terms of use."""
    settings = configured()
    for spec in every_source(folders()).values():
        out.print(f"[bold]{spec.source_id}[/bold] ({spec.status}): {escape(spec.title)}")
        for word, said in (
            ("publisher", spec.publisher),
            ("covers", spec.coverage),
            ("caveats", spec.caveats),
            ("licence", spec.licence),
        ):
            out.print(f"  {word}: {escape(said)}", soft_wrap=True)
        if spec.fetch and not settings.is_on(spec):
            out.print(f"  [bold]off[/bold]: {escape(how_to_turn_on(spec))}", soft_wrap=True)
        if not spec.is_exportable:
            out.print(f"  [bold]kept here[/bold]: {escape(KEPT_HERE)}", soft_wrap=True)


@app.command()
def entry(entry_id: Annotated[str, typer.Argument(help="an entry_id of the ledger")]) -> None:
    """Show one figure: its values, its revisions, and its row in the archived bytes."""
    where = folders()
    try:
        with Ledgers(home(where), whole=True).lease() as lease:
            for name in FACT_TABLES:
                query = sql.text("entry").format(table=sql.identifier(name))
                frame = lease.con.execute(query, {"entry_id": entry_id}).pl()
                if not frame.is_empty():
                    break
            else:
                raise fail(f"the ledger holds no entry {entry_id}", EXIT_NO_LEDGER)
    except NoLedgerError as error:
        raise fail(str(error), EXIT_NO_LEDGER) from error
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
    """The row that ``locator`` names, from the archived bytes."""
    try:
        return "\n".join(find(Archive(where.archive), sha256, locator)).lstrip("\n")
    except ArchiveError as error:
        raise fail(str(error), EXIT_NO_LEDGER) from error


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
        explain(refreshed(where, chosen_sources(None, embedded=True)))
    settings = configured().api
    out.print(f"HMA Ledger is at http://{host}:{port} (Ctrl-C stops it)")
    hosts = settings.hosts
    if host not in EVERYWHERE:
        hosts = (*hosts, host)
    elif not (settings.public_url or hosts):
        err.print(
            "It answers to localhost and 127.0.0.1 only; HMA_API__PUBLIC_URL or HMA_API__HOSTS names "
            "it as other machines do.", soft_wrap=True,
        )  # fmt: skip
    os.environ["HMA_API__HOSTS"] = json.dumps(hosts)
    os.environ["HMA_DATA"] = str(where.data.resolve())  # the working folder changes below
    os.environ["HMA_CONFIG"] = str(config_file().resolve())
    os.chdir(PACKAGE.parent)  # Streamlit reads .streamlit/config.toml from the working folder
    import uvicorn

    uvicorn.run(
        "dashboard.app:app", host=host, port=port, log_level="warning", access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS, server_header=False,
        http="dashboard.patience:Patient", h11_max_incomplete_event_size=LONGEST_HEAD_BYTES,
        limit_concurrency=settings.connections, ws_max_size=LONGEST_MESSAGE_BYTES,
        ws_per_message_deflate=False,
    )  # fmt: skip


def _needs_building(where: Folders) -> bool:
    """There is no ledger, or an embedded file was last read by other code than this version's."""
    try:
        with Ledgers(home(where), whole=True).lease() as lease:
            rows = lease.con.execute(sql.text("last_code")).fetchall()
    except NoLedgerError:
        return True
    read_by = {(source_id, file): code for source_id, file, code in rows}
    version = definitions(where)
    return any(
        read_by.get((spec.source_id, file)) != version
        for spec in chosen_sources(None, embedded=True)
        for file in spec.files
    )


def main() -> None:
    """Entry point of the ``hma`` command; what no command foresees is said in a sentence."""
    try:
        app()
    except (OSError, duckdb.Error, ArchiveError, SourceError, StoreError) as error:
        err.print(f"[bold]hma:[/bold] {escape(logs.blotted(str(error)))}", soft_wrap=True)
        sys.exit(1)
