"""The ``hma`` command.

Exit codes: 0 done, also when nothing changed; 2 wrong usage; 3 a source kept its last good figures
(the others went on); 4 another refresh is running; 5 there is no ledger, or it lacks what was asked
for; 6 something is not as it was published; 7 a source that was named is not turned on; 1 anything
else.

The names of the commands and what they are for stand here; the module of the one that is run is
imported then, so that ``hma --help`` doesn't wait for what it doesn't need. A test compares the two.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

# The commands of each module, with the first line of their help.
COMMANDS: Final[Mapping[str, Mapping[str, str]]] = {
    "etl.refreshing": {
        "refresh": "Fetch and read the sources, and publish a new ledger if anything changed.",
    },
    "etl.looking": {
        "status": (
            "Say which ledger is in use, how many entries it holds, and what is on hold, not "
            "fetched, off or to be read."
        ),
        "sources": "List the sources: what they cover, what to know before using them, their terms of use.",
        "entry": "Show one figure: its values, its revisions, and its row in the archived bytes.",
        "dictionary": "Print the data dictionary: what each table and column means, as Markdown.",
    },
    "etl.serving": {
        "serve": "Serve the dashboard and the API; build the ledger first if there is none for this version.",
    },
    "etl.commands": {
        "log": "List the refreshes: when, by which code, and what they changed.",
        "diff": "Show what changed between two refreshes: rows, dollars, casualties, and where most.",
        "accept": (
            "Use a vintage that is on hold, or say that a watched page was read; who and why "
            "is recorded."
        ),
        "reject": "Drop a vintage that is on hold for good; its bytes stay in the archive.",
        "verify": "Check that nothing published or archived was changed or lost.",
        "prune": (
            "Remove old serving files. Every revision is in the ledger in use; the archive "
            "is not touched."
        ),
        "export": (
            "Write the whole ledger into a folder: CSV, Parquet, what they mean, and how to "
            "check them."
        ),
        "migrate": "Move the ledger into another home and prove by hashes that all of it is there; the old one stays.",
        "rebuild": "Make a ledger from an export alone, after checking it; there must be none yet.",
    },
    "etl.operate": {
        "schedule": "Refresh what is due, again and again, until told to stop; for containers.",
        "install-timer": (
            "Write a service and a timer of systemd that refresh what is due, or print a "
            "line for crontab."
        ),
        "backup": (
            "Copy archive, ledger and data to a folder elsewhere, also while a refresh runs; "
            "only what is new."
        ),
        "restore": "Write a backup into an empty data folder and verify it; nothing is overwritten.",
        "migrate-archive": (
            "Copy the archive to object storage, or back, prove every hash there, and use it from "
            "now on."
        ),
        "config": "The settings of this installation.",
    },
}
_MODULES: Final = {name: module for module, names in COMMANDS.items() for name in names}


def command(name: str) -> Any:  # noqa: ANN401 - a command of Typer's own kind
    """The command of this name, its module imported."""
    return get_group(import_module(_MODULES[name]).app).commands[name]


class _Group(TyperGroup):
    """Knows its commands by name and help; the one that is asked for is imported."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        for names in COMMANDS.values():
            for name, text in names.items():
                self.add_command(TyperCommand(name, help=text))

    def resolve_command(
        self,
        ctx: Any,  # noqa: ANN401 - Typer's own
        args: list[str],
    ) -> tuple[str | None, Any, list[str]]:
        name, known, rest = super().resolve_command(ctx, args)
        return name, known and command(str(name)), rest


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


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
    from etl import logs

    logs.set_up(verbose=verbose)
    if context.invoked_subcommand != "serve":
        context.with_resource(without_pandas())


def main() -> None:
    """Entry point of the ``hma`` command; what no command foresees is said in a sentence."""
    try:
        app()
    except Exception as error:
        from etl.console import EXIT_USAGE, was_said
        from etl.settings import StoreError

        if not was_said(error):
            raise
        sys.exit(EXIT_USAGE if isinstance(error, StoreError) else 1)
