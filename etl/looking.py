"""The commands that show what the ledger holds: its state, its sources, an entry, what the columns mean."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from etl import sql
from etl.archive import ArchiveError
from etl.console import EXIT_NO_LEDGER, AsJson, configured, fail, how_to_turn_on, out
from etl.dictionary import as_markdown
from etl.guard import NOT_FETCHED
from etl.health import health
from etl.homes import archive_of, home_of
from etl.locate import find
from etl.registers import every_source
from etl.settings import Folders, folders
from etl.store import Ledgers, NoLedgerError, home
from etl.tables import FACT_TABLES
from etl.withheld import KEPT_HERE

app = typer.Typer()


@app.command()
def status(*, as_json: AsJson = False) -> None:
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
    if bucket := home_of(folders()):
        out.print(f"[bold]archive[/bold] {escape(bucket)}", soft_wrap=True)
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
        return "\n".join(find(archive_of(where), sha256, locator)).lstrip("\n")
    except ArchiveError as error:
        raise fail(str(error), EXIT_NO_LEDGER) from error


@app.command()
def dictionary() -> None:
    """Print the data dictionary: what each table and column means, as Markdown."""
    typer.echo(as_markdown(), nl=False)
