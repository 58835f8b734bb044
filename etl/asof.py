"""As of: the ledger as it stood right after an earlier refresh, answered from the one in use.

:func:`look_back` gives one connection temporary views under the names of the tables, so every
question that can be asked about now can be asked about then, in the same words. Entries come from
``history`` (see :mod:`etl.record`); views, findings and reference tables give the very rows that
were published then, not what today's definitions would make of the figures.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Final

import duckdb

from etl import sql
from etl.record import APPENDED, ENTRIES, KEPT
from etl.tables import ALL_TABLES, reading_order

TABLES: Final = (*ENTRIES, *APPENDED, *KEPT)


class AsOfError(ValueError):
    """There is no such refresh; the message says which there are."""


def find(con: duckdb.DuckDBPyConnection, text: str) -> int:
    """The number of the refresh that ``text`` names: a number, a day or a time (ISO 8601, UTC).

    A day or time means the last refresh that had finished then; a day lasts to its end.

    Raises:
        AsOfError: it is none of these, or there was no refresh yet.
    """
    finished = dict(con.execute(sql.text("refresh_times")).pl().iter_rows())
    if text.isascii() and text.isdigit():
        if len(text) <= len(str(max(finished))) and int(text) in finished:
            return int(text)
        raise AsOfError(f"There is no refresh {text[:20]}; this ledger knows 1 to {max(finished)}.")
    until = _moment(text)
    known = [number for number, end in finished.items() if end <= until]
    if not known:
        first = min(finished.values())
        raise AsOfError(
            f"Nothing was published by {text}; the first refresh finished at "
            f"{first.isoformat(timespec='seconds')}."
        )
    return int(max(known))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise AsOfError(
            f"Name a refresh by its number, a day (2026-11-22) or a time, not {text[:40]!r}."
        ) from error
    if len(text) <= len("2026-11-22"):
        moment = datetime.combine(moment.date(), time.max)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def look_back(con: duckdb.DuckDBPyConnection, refresh: int) -> None:
    """Let ``con`` see every table as it stood right after ``refresh``, until it is closed."""
    con.execute("SET VARIABLE as_of = $refresh", {"refresh": refresh})
    for name in TABLES:
        con.execute(f"CREATE OR REPLACE TEMP VIEW {sql.identifier(name)} AS {rows(name)}")


def rows(name: str) -> str:
    """The SQL of a table's rows right after the refresh in the variable ``as_of``."""
    table = sql.identifier(name)
    if name in ENTRIES:
        return sql.text("entries_as_of").format(
            table=table, condition="" if name == "splits" else "AND change <> 'withdrawn'"
        )
    if name in APPENDED:
        number = "refresh" if name == "refreshes" else "recorded_in"
        return sql.text("appended_as_of").format(table=table, number=sql.identifier(number))
    return sql.text("rows_as_of").format(
        table=table,
        columns=", ".join(sql.identifier(column) for column in ALL_TABLES[name].columns()),
        order=", ".join(sql.identifier(column) for column in reading_order(name)),
    )
