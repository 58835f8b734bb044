"""Whose rows lie in a place: what is removed there is removed for one lake only.

Sweeping removes every Parquet file below a place that the own catalog does not name, and pruning what only
older snapshots needed. Another lake's files, or those of the lake that a catalog was copied from, would be
gone with them. So a lake begins in an empty place and leaves a mark there, ``LAKE.json``: a random id, and
which database holds the catalog. The catalog keeps the same in its table ``hma_lake``. Both have to agree
with each other and with the database that is connected, before anything is removed.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import duckdb

from etl import ducklake, sql
from etl.archive import write_safely
from etl.ducklake import CATALOG, S3, literal
from etl.settings import Lake, StoreError

MARK: Final = "LAKE.json"


@dataclass(frozen=True)
class Mark:
    """A lake's random id, and the database that holds its catalog: its name, oid and server."""

    lake: str
    database: str


def claim(lake: Lake) -> None:
    """Mark the place of a lake that is about to be made; it may be done again after a kill.

    Raises:
        StoreError: there is something already that is not this lake's, or no mark can be kept.
    """
    with _asking(lake) as con:
        own, found = _require_free(con, lake)
        if own is None:
            own = Mark(secrets.token_hex(16), database(con) or "")
            statement = sql.text("lake_mark").format(
                lake=literal(own.lake), database=literal(own.database)
            )
            con.execute(f"CALL postgres_execute({literal(CATALOG)}, {literal(statement)})")
        if found is None:
            _write(con, lake, own)
            if _found(con, lake) != own:
                raise StoreError(_is_taken(lake))


def require_own(lake: Lake, *, is_made: bool) -> None:
    """Refuse to write where the rows are another lake's.

    Raises:
        StoreError: the catalog was copied from another database; or it is new, and the place is not empty.
    """
    with _asking(lake) as con:
        if not is_made:
            _require_free(con, lake)
            return
        own = _kept(con)
        if own and own.database != database(con):
            raise StoreError(why_not(con, lake))


def why_not(con: duckdb.DuckDBPyConnection, lake: Lake, through: str = CATALOG) -> str | None:
    """Why nothing may be removed from the place, and what to do; None if it may."""
    own, here, found = _kept(con, through), database(con, through), _found(con, lake)
    if own and here and own == found and own.database == here:
        return None
    said = f"whether the rows in {lake.data} are this lake's alone is not certain, so none is removed there: "
    if own is None:
        return f"{said}it was made before that was kept; hma migrate file, then into a new lake elsewhere"
    if here is None:
        return f"{said}the account may not call pg_control_system() of PostgreSQL; let it"
    now = Mark(own.lake, here)
    adopt = sql.text("lake_adopt").format(database=literal(here)).splitlines()[-1]
    return (
        f"{said}its catalog is in the database {here}, the catalog says {own.database}, and "
        f"{MARK} there {found.database if found else 'is missing'}. If no other database names these rows any more: "
        f"write {_said(now)} into {_at(lake)}, and in the catalog's database run {adopt}. Until then it can be read, not written"
    )


def database(con: duckdb.DuckDBPyConnection, through: str = CATALOG) -> str | None:
    """Which database is connected: no copy of it, in the same server or another, is called the same."""
    if ducklake.ask(con, sql.text("lake_may_identify"), through) != [(True,)]:
        return None
    ((said,),) = ducklake.ask(con, sql.text("lake_database"), through)
    return str(said)


def _asking(lake: Lake) -> duckdb.DuckDBPyConnection:
    con = ducklake.connect()
    try:
        ducklake.attach_catalog(con, lake, read_only=False)
        ducklake.reach_rows(con, lake)
    except BaseException:
        con.close()
        raise
    return con


def _require_free(con: duckdb.DuckDBPyConnection, lake: Lake) -> tuple[Mark | None, Mark | None]:
    """What the catalog keeps, and what the place says, if a lake may be made of them."""
    here = database(con)
    if here is None:
        raise StoreError("a lake needs an account that may call pg_control_system() of PostgreSQL")
    own, found = _kept(con), _found(con, lake)
    if own and own.database != here:
        raise StoreError(why_not(con, lake))
    if found != own if found else _is_used(con, lake):
        raise StoreError(_is_taken(lake))
    return own, found


def _is_taken(lake: Lake) -> str:
    return (
        f"a new lake needs an empty place for its rows, and {lake.data} holds something already, another lake's "
        "rows perhaps; name another one by HMA_STORE_DATA"
    )


def _kept(con: duckdb.DuckDBPyConnection, through: str = CATALOG) -> Mark | None:
    """What the catalog keeps."""
    if ducklake.ask(con, "SELECT to_regclass('hma_lake') IS NOT NULL", through) != [(True,)]:
        return None
    rows = ducklake.ask(con, "SELECT lake, database FROM hma_lake", through)
    return Mark(*map(str, rows[0])) if len(rows) == 1 else None


def _at(lake: Lake) -> str:
    return f"{lake.data.rstrip('/')}/{MARK}"


def _said(mark: Mark) -> str:
    return json.dumps(asdict(mark))


def _is_used(con: duckdb.DuckDBPyConnection, lake: Lake) -> bool:
    """Anything lies in the place."""
    if not lake.data.startswith(S3):
        return any(path.is_file() for path in Path(lake.data).rglob("*"))
    everything = literal(f"{lake.data.rstrip('/')}/**")
    return bool(con.execute(f"FROM glob({everything}) LIMIT 1").fetchall())


def _found(con: duckdb.DuckDBPyConnection, lake: Lake) -> Mark | None:
    """What the place says; a mark that cannot be read is nobody's."""
    try:
        if lake.data.startswith(S3):
            # as a pattern it is looked for; a name that is not there is an error
            pattern = literal(f"{_at(lake).removesuffix('n')}[n]")
            if not con.execute(f"FROM glob({pattern})").fetchall():
                return None
            read = sql.text("lake_read_mark")
            ((text,),) = con.execute(read.format(pattern=pattern)).fetchall()
        else:
            text = Path(_at(lake)).read_bytes()
        said = json.loads(text)
        return Mark(str(said["lake"]), str(said["database"]))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError):
        return Mark("", "")


def _write(con: duckdb.DuckDBPyConnection, lake: Lake, mark: Mark) -> None:
    if not lake.data.startswith(S3):
        write_safely(Path(_at(lake)), f"{_said(mark)}\n".encode())
        return
    con.execute(
        f"COPY (SELECT {literal(mark.lake)} AS lake, {literal(mark.database)} AS database) "
        f"TO {literal(_at(lake))} (FORMAT json)"
    )
