"""DuckLake: tables as Parquet files, and in PostgreSQL a catalog that says which files are which table.

DuckDB speaks to both through extensions. They come as packages of the extra ``lake`` and are loaded from
there: nothing is fetched, and DuckDB checks their signatures. Who writes holds locks of PostgreSQL's, which
end with the process that holds them, however it ends.
"""

from __future__ import annotations

import importlib.util
import os
import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import duckdb

from etl import sql
from etl.logs import keep_secret, logger
from etl.settings import INSTALL, Lake
from etl.store import MEMORY_LIMIT, NoLedgerError, UnreachableHomeError

POSTGRES: Final = "postgres_scanner"
EXTENSIONS: Final = ("ducklake", POSTGRES)
NAME: Final = "lake"  # of the attached lake
S3: Final = "s3://"
ACCOUNT: Final = {
    "KEY_ID": "AWS_ACCESS_KEY_ID",
    "SECRET": "AWS_SECRET_ACCESS_KEY",
    "SESSION_TOKEN": "AWS_SESSION_TOKEN",
}
CATALOG: Final = "catalog"  # of the attached PostgreSQL
OWN_CATALOG: Final = f"__ducklake_metadata_{NAME}"  # of the attached lake, in its transaction
AUTHOR: Final = "hma"  # of the snapshots that are ledgers
PATIENCE: Final = {"connect_timeout": 5, "tcp_user_timeout": 5000}  # seconds, milliseconds
UNREACHABLE: Final = "the lake's catalog cannot be reached"
_LOG: Final = logger("hma.lake")
_OFFLINE: Final = (
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET allow_community_extensions = false",
    "SET GLOBAL TimeZone = 'UTC'",
    "SET enable_progress_bar = false",
    # the statistics of each column are a question to PostgreSQL, and nothing here gains from the answers
    "SET disabled_optimizers = 'statistics_propagation,compressed_materialization,join_order,build_side_probe_side'",
)


def load(con: duckdb.DuckDBPyConnection, extensions: Iterable[str]) -> None:
    """Load extensions from their packages, and let DuckDB load no other.

    Raises:
        NoLedgerError: the extra ``lake`` is not installed, or is for another DuckDB.
    """
    for statement in _OFFLINE:
        con.execute(statement)
    for name in extensions:
        con.execute(f"LOAD {literal(str(_extension(name)))}")
    keep_secret([os.environ.get("PGPASSWORD", "")])


def _extension(name: str) -> Path:
    found = importlib.util.find_spec(f"duckdb_extension_{name}")
    if not found or not found.origin:
        raise NoLedgerError(f"a lake needs duckdb-extension-{name}; {INSTALL}")
    path = Path(found.origin).parent / "extensions" / f"v{duckdb.__version__}"
    path /= f"{name}.duckdb_extension"
    if not path.is_file():
        raise NoLedgerError(
            f"duckdb-extension-{name} is not for DuckDB {duckdb.__version__}; {INSTALL}"
        )
    return path


def literal(text: str) -> str:
    """``text`` as a literal of SQL, for statements that take no parameters."""
    return f"'{text.replace(chr(39), chr(39) * 2)}'"


def connect(
    path: str | Path = ":memory:", extensions: Iterable[str] = EXTENSIONS
) -> duckdb.DuckDBPyConnection:
    """A connection of one's own that can attach a lake, or by ``POSTGRES`` alone its catalog."""
    con = duckdb.connect(path, config={"memory_limit": MEMORY_LIMIT})
    try:
        load(con, extensions)
    except BaseException:
        con.close()
        raise
    return con


def words(lake: Lake) -> str:
    """How the catalog is reached, within a time: nobody waits for a server that has gone as TCP would."""
    said = lake.catalog
    limits = [
        f"{name}={value}"
        for name, value in PATIENCE.items()
        if not re.search(rf"\b{name}\s*=", said)
        and not (name == "connect_timeout" and os.environ.get("PGCONNECT_TIMEOUT"))
    ]
    if not re.match(r"postgres(ql)?://", said):
        return " ".join([said, *limits])
    return f"{said}{'&' if '?' in said else '?'}{'&'.join(limits)}" if limits else said


def unreachable(error: duckdb.Error) -> UnreachableHomeError:
    """What readers are told where PostgreSQL cannot be reached; what DuckDB says, words and all, is logged."""
    _LOG.warning(UNREACHABLE, why=str(error))
    return UnreachableHomeError(UNREACHABLE)


def attach_catalog(con: duckdb.DuckDBPyConnection, lake: Lake, *, read_only: bool) -> None:
    """Attach the PostgreSQL database of the catalog."""
    mode = ", READ_ONLY" if read_only else ""
    con.execute(f"ATTACH {literal(words(lake))} AS {CATALOG} (TYPE postgres{mode})")


def reach_rows(con: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """Let ``con`` reach the rows of a lake in object storage; a folder needs nothing.

    The account comes from the environment, in the names that tools of Amazon's use: ``AWS_ACCESS_KEY_ID``,
    ``AWS_SECRET_ACCESS_KEY``, ``AWS_SESSION_TOKEN``, ``AWS_REGION``, ``AWS_ENDPOINT_URL``. It stays in memory.

    Raises:
        NoLedgerError: it is not set.
    """
    if not lake.data.startswith(S3):
        return
    account = {word: os.environ.get(name, "") for word, name in ACCOUNT.items()}
    keep_secret(account.values())
    if not (account["KEY_ID"] and account["SECRET"]):
        raise NoLedgerError(
            f"rows in {S3} need AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment"
        )
    account["REGION"] = os.environ.get("AWS_REGION", "us-east-1")
    options = [f"{word} {literal(value)}" for word, value in account.items() if value]
    endpoint = urlsplit(os.environ.get("AWS_ENDPOINT_URL", ""))
    if endpoint.netloc:
        options += [f"ENDPOINT {literal(endpoint.netloc)}", "URL_STYLE 'path'"]
        options.append(f"USE_SSL {str(endpoint.scheme == 'https').lower()}")
    con.execute(f"LOAD {literal(str(_extension('httpfs')))}")
    con.execute(
        f"CREATE OR REPLACE SECRET rows (TYPE s3, SCOPE {literal(lake.data)}, {', '.join(options)})"
    )


def attach(con: duckdb.DuckDBPyConnection, lake: Lake, snapshot: int) -> None:
    """Attach the lake as it was right after ``snapshot``, for reading."""
    reach_rows(con, lake)
    con.execute(
        f"ATTACH {literal(f'ducklake:postgres:{words(lake)}')} AS {NAME} "
        f"(READ_ONLY, SNAPSHOT_VERSION {snapshot:d})"
    )


def attach_to_write(con: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """Attach the lake for writing, and make it where there is none.

    A commit fails if anybody committed since its transaction began: it is not tried again over what the
    other wrote. No rows are kept in the catalog itself, whose backup needs no care for figures.
    """
    reach_rows(con, lake)
    con.execute("SET ducklake_max_retry_count = 0")
    con.execute(
        f"ATTACH {literal(f'ducklake:postgres:{words(lake)}')} AS {NAME} "
        f"(DATA_PATH {literal(lake.data)}, DATA_INLINING_ROW_LIMIT 0, OVERRIDE_DATA_PATH false)"
    )


def ask(
    con: duckdb.DuckDBPyConnection, query: str, through: str = CATALOG
) -> list[tuple[object, ...]]:
    """What PostgreSQL answers through an attached database of its, or through the attached lake."""
    asked = f"FROM postgres_query({literal(through)}, {literal(query)})"
    return con.execute(asked).fetchall()


def is_made(con: duckdb.DuckDBPyConnection, through: str = CATALOG) -> bool:
    """There is a lake in the attached catalog."""
    return ask(con, sql.text("lake_is_made"), through) == [(True,)]


class Locks:
    """Locks of this process in the catalog's database, by name."""

    def __init__(self, lake: Lake) -> None:
        """Connect to PostgreSQL; raises duckdb.Error if it cannot be reached."""
        self._con = connect(extensions=[POSTGRES])
        try:
            attach_catalog(self._con, lake, read_only=False)
            self._con.execute("BEGIN")  # one session for all that follows
        except BaseException:
            self._con.close()
            raise

    def take(self, name: str, *, shared: bool = False) -> bool:
        """Take a lock, alone or with others; False if another process stands against it."""
        kind = "pg_try_advisory_lock_shared" if shared else "pg_try_advisory_lock"
        return ask(self._con, f"SELECT {kind}({_key(name)})") == [(True,)]

    def let_go(self, name: str) -> None:
        """Let go of a lock that was taken alone."""
        ask(self._con, f"SELECT pg_advisory_unlock({_key(name)})")

    def close(self) -> None:
        """Let go of all: the session ends, and with it its locks."""
        self._con.close()


def _key(name: str) -> str:
    """Two numbers that PostgreSQL takes for the name of a lock."""
    one, other = (zlib.crc32(text.encode()) - 2**31 for text in ("hma-ledger", name))
    return f"{one}, {other}"


def tables(con: duckdb.DuckDBPyConnection, snapshot: int) -> dict[str, list[str]]:
    """The columns of each table of the attached lake right after ``snapshot``, by ``schema.table``."""
    query = sql.text("lake_tables").format(snapshot=snapshot)
    return _by_table(ask(con, query, OWN_CATALOG))


def file_tables(con: duckdb.DuckDBPyConnection, database: str) -> dict[str, list[str]]:
    """The same of an attached file."""
    return _by_table(con.execute(sql.text("file_columns"), {"database": database}).fetchall())


def _by_table(rows: Iterable[tuple[object, ...]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for table, column in rows:
        found.setdefault(str(table), []).append(str(column))
    return found


def named(database: str, table: str) -> str:
    """The name of ``schema.table`` in an attached database, quoted."""
    schema, _, name = table.partition(".")
    if schema not in {"present", "past", "history", "main"}:
        raise KeyError(table)
    return f"{database}.{schema}.{sql.identifier(name)}"


def columns(names: Iterable[str]) -> str:
    """A list of columns, quoted."""
    return ", ".join(sql.identifier(name) for name in names)
