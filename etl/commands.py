"""The commands that look into the ledger's past, decide about holds, check, export and rebuild."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, Literal

import duckdb
import polars as pl
import typer
from rich.markup import escape
from rich.table import Table

from etl import asof, sql, writers
from etl.archive import ArchiveError, Vintage
from etl.asof import AsOfError
from etl.console import (
    EXIT_BUSY,
    EXIT_DIFFERS,
    EXIT_NO_LEDGER,
    EXIT_USAGE,
    SCREENFUL,
    AsJson,
    chosen_sources,
    err,
    fail,
    out,
    refreshed,
    report,
)
from etl.diff import COUNTS, Diff, json_pieces
from etl.diff import diff as compare
from etl.export import ExportError
from etl.export import export as run_export
from etl.log import (
    ANY_STATUS,
    Decision,
    latest,
    listed,
    seen_pages,
    undecided,
    vintages_sha256,
)
from etl.migrate import MigrateError
from etl.migrate import migrate as run_migrate
from etl.publish import BusyError
from etl.rebuild import DamagedError, InUseError
from etl.rebuild import rebuild as run_rebuild
from etl.report import Report
from etl.settings import StoreError, folders, lake_of
from etl.store import Lease, Ledgers, NoLedgerError, home
from etl.tables import CHANGES
from etl.verify import verify as run_verify
from etl.verify import verify_entry

app = typer.Typer()

MIN_DIGITS: Final = 6  # of a hash, so that no one names a vintage by chance


@app.command()
def log(*, as_json: AsJson = False) -> None:
    """List the refreshes: when, by which code, and what they changed."""
    with _lease() as lease:
        rows = lease.con.execute(sql.text("log")).pl()
    if as_json:
        typer.echo(rows.write_json())
        return
    table = Table("refresh", "finished (UTC)", box=None)
    for heading in CHANGES:
        table.add_column(heading, justify="right")
    table.add_column("code")
    for row in rows.iter_rows(named=True):
        table.add_row(
            str(row["refresh"]), row["finished"],
            *(f"{row[name]:,}" for name in CHANGES),
            row["code_version"],
        )  # fmt: skip
    out.print(table)


@app.command()
def diff(
    a: Annotated[str, typer.Argument(help="a refresh, a day or a time; 0 is the empty ledger")],
    b: Annotated[str, typer.Argument(help="the other, later or earlier")],
    *,
    source: Annotated[str | None, typer.Option(help="only this source")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what changed between two refreshes: rows, dollars, casualties, and where most."""
    if source:
        chosen_sources([source], embedded=False)
    with _lease() as lease:
        try:
            first, last = (0 if text == "0" else asof.find(lease.con, text) for text in (a, b))
        except AsOfError as error:
            raise fail(str(error), EXIT_USAGE) from error
        changes = compare(lease.con, first, last, source)
        if as_json:
            for piece in json_pieces(lease.con, changes):
                typer.echo(piece, nl=False)
        else:
            _show(changes)


def _show(changes: Diff) -> None:
    if changes.rows.is_empty():
        out.print(f"Nothing changed between refresh {changes.a} and refresh {changes.b}.")
        return
    out.print(f"From refresh {changes.a} to refresh {changes.b}")
    table = Table("source", "table", box=None)
    for heading in COUNTS:
        table.add_column(heading, justify="right")
    for row in changes.rows.iter_rows(named=True):
        table.add_row(row["source_id"], row["table"], *(f"{row[name]:,}" for name in COUNTS))
    out.print(table)
    if changes.a == 0:
        return  # everything is new then, and its sums would say nothing
    _show_sums("Largest changes by edition", changes.editions, ["series", "edition"])
    _show_sums("Largest changes by area", changes.areas, ["area", "series", "edition"])


def _show_sums(title: str, frame: pl.DataFrame, columns: list[str]) -> None:
    """The largest changes in each unit; figures of one edition only are added."""
    for (unit,), part in frame.group_by("unit", maintain_order=True):
        table = Table(*columns, box=None, title=f"{title}, {unit}", title_justify="left")
        for heading in ("before", "after", "difference"):
            table.add_column(heading, justify="right")
        for row in part.head(SCREENFUL // 2).iter_rows(named=True):
            before, after = (
                "–" if row[side] is None else f"{row[side]:,.0f}" for side in ("before", "after")
            )
            figures = (before, after, f"{row['difference']:+,.0f}")
            table.add_row(*(escape(str(row[name] or "–")) for name in columns), *figures)
        out.print(table)
        if part.height > SCREENFUL // 2:
            out.print(f"… and {part.height - SCREENFUL // 2:,} more; --json gives all")


Because = Annotated[str, typer.Option("--because", help="the reason, for the record")]
Who = Annotated[str | None, typer.Option("--who", help="who decides; your login name without it")]


@app.command()
def accept(
    source: Annotated[str, typer.Argument(help="a source on hold, or one with a changed page")],
    vintage: Annotated[
        str, typer.Argument(help="the first digits of a held file's SHA-256, or a page's")
    ],
    because: Because,
    who: Who = None,
) -> None:
    """Use a vintage that is on hold, or say that a watched page was read; who and why is recorded."""
    _decide(source, vintage, "accepted", because, who)


@app.command()
def reject(
    source: Annotated[str, typer.Argument(help="a source on hold")],
    vintage: Annotated[str, typer.Argument(help="the first digits of a held file's SHA-256")],
    because: Because,
    who: Who = None,
) -> None:
    """Drop a vintage that is on hold for good; its bytes stay in the archive."""
    _decide(source, vintage, "rejected", because, who)


def _decide(
    source: str,
    vintage: str,
    verdict: Literal["accepted", "rejected"],
    because: str,
    who: str | None,
) -> None:
    chosen = chosen_sources([source], embedded=False)
    if not because.strip():
        raise fail("--because needs a reason; it goes on the record", EXIT_USAGE)
    with _lease() as lease:
        hold = lease.con.execute(sql.text("hold_of"), {"source_id": source}).fetchone()
        files = latest(lease.con, source, *ANY_STATUS)
        # a vintage that was rejected by mistake can still be accepted
        is_open = undecided(lease.con, source) and (hold is not None or verdict == "accepted")
        page = _page(lease.con, source, vintage)
    if page and verdict == "accepted":
        seen, said = page
        decision = Decision(
            source, vintages_sha256([seen]), listed([seen]), "read", who or getpass.getuser(), because, said
        )  # fmt: skip
        report(refreshed(folders(), chosen, decision=decision))
        return
    if not is_open:
        raise fail(f"{source} has no vintage on hold; see hma status", EXIT_NO_LEDGER)
    digits = vintage.lower()
    if len(digits) < MIN_DIGITS or not any(file.sha256.startswith(digits) for file in files):
        named = ", ".join(f"{file.sha256[:12]} ({file.file})" for file in files)
        raise fail(
            f"{vintage!r} names none of the files of its newest vintage (at least {MIN_DIGITS} digits): "
            f"{named}",
            EXIT_NO_LEDGER,
        )
    decision = Decision(
        source, vintages_sha256(files), listed(files), verdict, who or getpass.getuser(), because,
        hold[0] if hold else None,
    )  # fmt: skip
    report(refreshed(folders(), chosen, decision=decision))


def _page(con: duckdb.DuckDBPyConnection, source: str, digits: str) -> tuple[Vintage, str] | None:
    """The watched page that digits name and that a person has to read, with what is said of it."""
    issues = con.execute(sql.text("unread_pages"), {"source_id": source}).fetchall()
    said = dict(issues)
    for seen in seen_pages(con, source).values():
        is_it = len(digits) >= MIN_DIGITS and seen.sha256.startswith(digits.lower())
        if is_it and seen.sha256 in said:
            return seen, said[seen.sha256]
    return None


@app.command()
def verify(
    *,
    entry: Annotated[
        str | None, typer.Option(help="derive this one entry from the archived bytes again")
    ] = None,
    rebuilt: Annotated[
        bool,
        typer.Option("--rebuilt", help="the ledger was rebuilt from an export, and you know it"),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check that nothing published or archived was changed or lost."""
    where = folders()
    try:
        if entry:
            found = verify_entry(where, entry)
        else:
            with err.status("Checking …") as status:
                found = run_verify(where, lambda step: status.update(f"Checking {escape(step)} …"))
    except NoLedgerError as error:
        raise fail(str(error), EXIT_NO_LEDGER) from error
    if as_json:
        typer.echo(json.dumps(found.as_dict(), ensure_ascii=False))
    else:
        show_report(found)
    if found.differences or (found.reservations and not rebuilt):
        raise typer.Exit(EXIT_DIFFERS)


def show_report(found: Report) -> None:
    """Print what was found by verification."""
    for step in found.path:
        out.print(escape(step), soft_wrap=True)
    for difference in found.differences[:SCREENFUL]:
        out.print(f"[bold]differs[/bold] {escape(str(difference))}", soft_wrap=True)
    if len(found.differences) > SCREENFUL:
        out.print(f"… and {len(found.differences) - SCREENFUL:,} more")
    for note in found.notes:
        out.print(f"note: {escape(note)}", soft_wrap=True)
    checked = ", ".join(f"{count:,} {what}" for what, count in found.checked.items())
    verdict = "NOT as published" if found.differences else "sound"
    verdict = "; ".join([verdict, *found.reservations])
    out.print(f"{found.ledger}: {verdict}. Checked: {checked}.", soft_wrap=True)
    out.print(f"manifest {found.manifest_sha256}\ncontent  {found.content_sha256}", soft_wrap=True)


@app.command()
def prune(
    keep: Annotated[int, typer.Option(help="how many ledgers to keep", min=1)] = 3,
) -> None:
    """Remove old serving files. Every revision is in the ledger in use; the archive is not touched."""
    try:
        gone = writers.prune(folders(), keep)
    except BusyError as error:
        raise fail(str(error), EXIT_BUSY) from error
    except NoLedgerError as error:
        raise fail(str(error), EXIT_NO_LEDGER) from error
    for name in gone:
        out.print(f"Removed {name}.")
    out.print(f"{len(gone)} removed; what they served is in the ledger in use, as of each refresh.")


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="a new or empty folder")],
    *,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="as it stood then: a refresh, a day or a time")
    ] = None,
) -> None:
    """Write the whole ledger into a folder: CSV, Parquet, what they mean, and how to check them."""
    if as_of is not None and not as_of.strip():
        raise fail("--as-of is empty; name a refresh, a day or a time", EXIT_USAGE)
    for own in (folders().archive, folders().ledger):
        if folder.resolve().is_relative_to(own.resolve()):
            raise fail(
                f"{folder} lies in {own}, which is the ledger's own; choose another", EXIT_USAGE
            )
    try:
        with err.status("Exporting …") as status:
            exported = run_export(
                folders(), folder, as_of, lambda step: status.update(f"Exporting {escape(step)} …")
            )
    except (ExportError, AsOfError) as error:
        raise fail(str(error), EXIT_USAGE) from error
    except NoLedgerError as error:
        raise fail(str(error), EXIT_NO_LEDGER) from error
    except ArchiveError as error:
        raise fail(str(error), EXIT_DIFFERS) from error
    out.print(f"Exported {exported.name} to {escape(str(folder))}.", soft_wrap=True)
    out.print(f"content  {exported.manifest.content_sha256}", soft_wrap=True)
    for source_id, count in exported.withheld.items():
        out.print(
            f"left out {count:,} revisions of {source_id}, whose terms forbid passing them on",
            soft_wrap=True,
        )


@app.command()
def rebuild(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="an export", exists=True, file_okay=False)
    ],
) -> None:
    """Make a ledger from an export alone, after checking it; there must be none yet."""
    try:
        with err.status("Rebuilding …") as status:
            published = run_rebuild(
                folders(), folder, lambda step: status.update(f"Rebuilding: {escape(step)} …")
            )
    except InUseError as error:
        raise fail(str(error), EXIT_USAGE) from error
    except BusyError as error:
        raise fail(str(error), EXIT_BUSY) from error
    except DamagedError as error:
        raise fail(str(error), EXIT_DIFFERS) from error
    out.print(f"Published {published.name}, rebuilt from {escape(str(folder))}.", soft_wrap=True)


@app.command()
def migrate(
    to: Annotated[
        str, typer.Argument(metavar="TO", help="file, or ducklake:postgres:… as in HMA_STORE")
    ],
) -> None:
    """Move the ledger into another home and prove by hashes that all of it is there; the old one stays."""
    here = folders()
    try:
        goal = lake_of(to, here.data)
        with err.status("Moving …") as status:
            moved = run_migrate(here, goal, lambda step: status.update(f"Moving: {escape(step)} …"))
    except (MigrateError, StoreError) as error:
        raise fail(str(error), EXIT_USAGE) from error
    except NoLedgerError as error:
        raise fail(str(error), EXIT_NO_LEDGER) from error
    except BusyError as error:
        raise fail(str(error), EXIT_BUSY) from error
    except ArchiveError as error:
        raise fail(str(error), EXIT_DIFFERS) from error
    table = Table("table", box=None)
    table.add_column("rows", justify="right")
    table.add_column("SHA-256, there as here")
    for name, found in moved.tables.items():
        if found.rows:
            table.add_row(name, f"{found.rows:,}", found.sha256[:16])
    out.print(table)
    out.print(f"Moved {moved.ledger}; all {len(moved.tables)} tables are there.", soft_wrap=True)
    out.print(f"content  {moved.sha256}", soft_wrap=True)
    out.print("Set HMA_STORE to use it. The old home stays as it was.", soft_wrap=True)


@contextmanager
def _lease() -> Iterator[Lease]:
    """The ledger in use, or the end of the command."""
    try:
        with Ledgers(home(folders()), whole=True).lease() as lease:
            yield lease
    except NoLedgerError as error:
        raise fail(str(error), EXIT_NO_LEDGER) from error
