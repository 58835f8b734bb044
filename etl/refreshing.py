"""The command that fetches and reads the sources."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from etl.console import (
    EXIT_USAGE,
    chosen_sources,
    configured,
    fail,
    refreshed,
    refuse_if_off,
    report,
)
from etl.retrieve import Given, is_address
from etl.settings import folders

app = typer.Typer()


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
        from etl.operate import refresh_due

        refresh_due(folders(), chosen, configured())
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
