"""Questions that the pages ask the ledger; the SQL is in ``dashboard/sql``.

A page run is pinned to one ledger (:func:`pinned`), so that all figures on a page belong together
even while a new ledger is published. Answers are kept by ledger and parameters: a published ledger
never changes, so an answer cannot be stale.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any, Final

import polars as pl
import polars.selectors as cs
import streamlit as st

from dashboard import filters
from dashboard.current import ledgers
from etl import sql
from etl.store import Lease
from etl.tables import FACT_TABLES

SQL: Final = Path(__file__).parent / "sql"
_LEASE: ContextVar[Lease] = ContextVar("lease")


@contextmanager
def pinned() -> Iterator[str]:
    """Hold one ledger for a page run; gives its name.

    Raises:
        NoLedgerError: none has been published yet.
    """
    with ledgers().lease() as lease:
        token = _LEASE.set(lease)
        try:
            yield lease.ledger
        finally:
            _LEASE.reset(token)


@cache
def _text(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


def _run(lease: Lease, query: str, parameters: dict[str, Any] | list[Any]) -> pl.DataFrame:
    """The answer, with money as floats: exact for whole dollars, and what charts understand."""
    answer: pl.DataFrame = lease.con.execute(query, parameters).pl()
    return answer.with_columns(cs.decimal().cast(pl.Float64))


@st.cache_data(max_entries=512, show_spinner=False)
def _answer(ledger: str, name: str, parameters: dict[str, Any], _lease: Lease) -> pl.DataFrame:
    del ledger  # part of the cache's key
    return _run(_lease, _text(name), parameters)


def ask(name: str, **parameters: Any) -> pl.DataFrame:
    """The answer to ``dashboard/sql/<name>.sql``."""
    lease = _LEASE.get()
    return _answer(lease.ledger, name, parameters, lease)


@st.cache_data(max_entries=128, show_spinner=False)
def _filtered(
    ledger: str,
    name: str,
    conditions: tuple[filters.Condition, ...],
    more: tuple[int, ...],
    _lease: Lease,
) -> pl.DataFrame:
    del ledger
    condition, parameters = filters.where(conditions)
    return _run(_lease, _text(name).format(condition=condition), [*parameters, *more])


def ask_filtered(name: str, conditions: Sequence[filters.Condition], *more: int) -> pl.DataFrame:
    """The answer to ``dashboard/sql/<name>.sql``, whose ``{condition}`` the conditions fill.

    ``more`` are parameters that follow those of the conditions.
    """
    lease = _LEASE.get()
    return _filtered(lease.ledger, name, tuple(conditions), more, lease)


@st.cache_data(max_entries=16, show_spinner=False)
def _held(ledger: str, _lease: Lease) -> pl.DataFrame:
    del ledger
    return _run(_lease, sql.text("held"), [])


def held() -> pl.DataFrame:
    """Files on hold with the reason, as ``hma status`` lists them."""
    lease = _LEASE.get()
    return _held(lease.ledger, lease)


@st.cache_data(max_entries=512, show_spinner=False)
def _entry(ledger: str, entry_id: str, _lease: Lease) -> tuple[str, pl.DataFrame] | None:
    del ledger
    for table in FACT_TABLES:
        query = sql.text("entry").format(table=sql.identifier(table))
        answer = _run(_lease, query, {"entry_id": entry_id})
        if not answer.is_empty():
            return table, answer
    return None


def entry(entry_id: str) -> tuple[str, pl.DataFrame] | None:
    """Table and revisions of an entry, oldest first; None if the ledger does not hold it."""
    lease = _LEASE.get()
    return _entry(lease.ledger, entry_id, lease)


def total(frame: pl.DataFrame, column: str) -> float:
    """The sum of a column of money or counts; 0 for no rows."""
    return float(sum(frame[column].drop_nulls().to_list()))


def years(frame: pl.DataFrame, column: str) -> tuple[int, int]:
    """First and last year of a column that has some."""
    present: list[int] = frame[column].drop_nulls().to_list()
    return min(present), max(present)
