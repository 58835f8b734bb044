"""The command that serves the dashboard and the API."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Final

import typer

from etl import malloc, sql
from etl.config import config_file
from etl.console import EXIT_BUSY, chosen_sources, configured, err, explain, out, refreshed
from etl.refresh import code_version as definitions
from etl.settings import LAKE, PACKAGE, Folders, Lake, folders
from etl.store import Ledgers, NoLedgerError, home

GRACE_SECONDS: Final = 3  # for answers under way when Ctrl-C comes
EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - addresses that are no names
LONGEST_HEAD_BYTES: Final = 32 << 10  # of a request; the door says from 16 kB on what is too long
LONGEST_MESSAGE_BYTES: Final = 1 << 20  # that a page may send; what its reader chose

app = typer.Typer()


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to listen on", min=1, max=65535)] = 8501,
) -> None:
    """Serve the dashboard and the API; build the ledger first if there is none for this version."""
    where = folders()
    if _needs_building(where):
        out.print("Building the ledger from the embedded data …")
        _build(where)
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
    if where.lake:
        os.environ["HMA_STORE"] = f"{LAKE}{where.lake.catalog}"
        os.environ["HMA_STORE_DATA"] = where.lake.data
        if os.environ.get("PGPASSFILE"):
            os.environ["PGPASSFILE"] = str(Path(os.environ["PGPASSFILE"]).absolute())
    os.environ["HMA_CONFIG"] = str(config_file().resolve())
    os.chdir(PACKAGE.parent)  # Streamlit reads .streamlit/config.toml from the working folder
    malloc.give_back()
    import uvicorn

    uvicorn.run(
        "dashboard.app:app", host=host, port=port, log_level="warning", access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS, server_header=False,
        http="dashboard.patience:Patient", h11_max_incomplete_event_size=LONGEST_HEAD_BYTES,
        limit_concurrency=settings.connections, ws_max_size=LONGEST_MESSAGE_BYTES,
        ws_per_message_deflate=False,
    )  # fmt: skip


def _build(where: Folders) -> None:
    """Build the ledger, unless another refresh is at it: the pages show what that one publishes."""
    try:
        explain(refreshed(where, chosen_sources(None, embedded=True)))
    except typer.Exit as ended:
        if ended.exit_code != EXIT_BUSY:
            raise
        out.print("It is shown as soon as that refresh has published it.")


def _needs_building(where: Folders) -> bool:
    """There is no ledger, or an embedded file was last read by other code than this version's.

    To a lake others write, with versions of their own: who serves it begins it at most.
    """
    if where.lake:
        return _is_empty(where, where.lake)
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


def _is_empty(where: Folders, lake: Lake) -> bool:
    """It is certain that the lake holds no ledger yet."""
    from etl.lake import Replicas

    replicas = Replicas(where.ledger, lake)
    try:
        return not replicas.chain()
    except NoLedgerError:
        return False
    finally:
        replicas.close()
