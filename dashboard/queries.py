"""Questions that the pages ask the ledger; the SQL is in ``dashboard/sql``.

A page run is pinned to one ledger (:func:`pinned`), so that all figures on a page belong together
even while a new ledger is published. Answers are kept by ledger, refresh looked back to, and
parameters: a published ledger never changes, so an answer cannot be stale. Frames are kept as they are
and shared (``cache_resource``), for nobody changes a frame in place; a copy of a large one takes longer than
the page that shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import polars as pl
import polars.selectors as cs
import streamlit as st

from dashboard import filters, refreshes, sizes
from dashboard.answer import Answer, question
from dashboard.current import LEASE, ledgers
from dashboard.depends import page_reads
from etl import asof, depends, sql
from etl.diff import Diff, diff, entries
from etl.store import Lease
from etl.tables import FACT_TABLES

SQL: Final = Path(__file__).parent / "sql"
Key = tuple[str, int | None]  # the ledger, and the refresh that is looked back to


@contextmanager
def pinned(as_of: str | None = None) -> Iterator[Lease]:
    """Hold one ledger for a page run, as it stood ``as_of`` an earlier refresh.

    Raises:
        NoLedgerError: none has been published yet.
        AsOfError: ``as_of`` names no refresh of it.
    """
    with ledgers().lease(as_of) as lease:
        token = LEASE.set(lease)
        try:
            yield lease
        finally:
            LEASE.reset(token)


def _key(lease: Lease) -> Key:
    return lease.ledger, lease.as_of


@cache
def _text(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


def _run(lease: Lease, query: str, parameters: dict[str, Any] | list[Any]) -> pl.DataFrame:
    """The answer, with money as floats: exact for whole dollars, and what charts understand.

    Raises:
        TooLongError: it took too long.
    """
    with lease.limited():
        answer: pl.DataFrame = lease.con.execute(query, parameters).pl()
    return answer.with_columns(cs.decimal().cast(pl.Float64))


@st.cache_resource(max_entries=512, show_spinner=False)
def _answer(key: Key, name: str, parameters: dict[str, Any], _lease: Lease) -> pl.DataFrame:
    del key  # part of the cache's own
    return _run(_lease, _text(name), parameters)


def ask(name: str, **parameters: Any) -> pl.DataFrame:
    """The answer to ``dashboard/sql/<name>.sql``."""
    lease = LEASE.get()
    return _answer(_key(lease), name, parameters, lease)


@st.cache_resource(max_entries=128, show_spinner=False)
def _filtered(
    key: Key,
    name: str,
    conditions: tuple[filters.Condition, ...],
    more: tuple[int, ...],
    _lease: Lease,
) -> pl.DataFrame:
    del key
    condition, parameters = filters.where(conditions)
    return _run(_lease, _text(name).format(condition=condition), [*parameters, *more])


def ask_filtered(name: str, conditions: Sequence[filters.Condition], *more: int) -> pl.DataFrame:
    """The answer to ``dashboard/sql/<name>.sql``, whose ``{condition}`` the conditions fill.

    ``more`` are parameters that follow those of the conditions.
    """
    lease = LEASE.get()
    return _filtered(_key(lease), name, tuple(conditions), more, lease)


@st.cache_resource(max_entries=512, show_spinner=False)
def _download(
    key: Key, table: str, pairs: list[tuple[str, str]], _lease: Lease
) -> tuple[int, dict[str, int]]:
    del key
    answer = Answer(question(table, pairs, _lease), _lease)
    return answer.rows, sizes.estimates(answer)


def download(table: str, pairs: list[tuple[str, str]]) -> tuple[int, dict[str, int]]:
    """How many rows a question to the API gives, and about how many bytes they take in each format."""
    lease = LEASE.get()
    return _download(_key(lease), table, pairs, lease)


@st.cache_data(max_entries=128, show_spinner=False)
def _rows(
    key: Key, table: str, pairs: list[tuple[str, str]], first: int, _lease: Lease
) -> tuple[pl.DataFrame, int]:
    del key
    answer = Answer(question(table, pairs, _lease), _lease)
    asked = replace(answer.question, limit=min(first, answer.question.limit or first))
    batches = list(Answer(asked, _lease).batches(["t.*"]))
    empty = pl.DataFrame(schema=answer.schema)
    found = (
        pl.concat([pl.DataFrame(pl.from_arrow(batch)) for batch in batches]) if batches else empty
    )
    return found.with_columns(cs.decimal().cast(pl.Float64)), answer.rows


def rows(table: str, pairs: list[tuple[str, str]], first: int) -> tuple[pl.DataFrame, int]:
    """The ``first`` rows that a question to the API gives, and how many there are in all.

    Raises:
        FilterError: a column, comparison or value is not allowed.
        TooLongError: it took too long.
    """
    lease = LEASE.get()
    return _rows(_key(lease), table, pairs, first, lease)


@st.cache_resource(max_entries=16, show_spinner=False)
def _held(key: Key, _lease: Lease) -> pl.DataFrame:
    del key
    return _run(_lease, sql.text("held"), [])


def held() -> pl.DataFrame:
    """Sources on hold with the check that stopped them, as ``hma status`` lists them."""
    lease = LEASE.get()
    return _held(_key(lease), lease)


@st.cache_data(max_entries=512, show_spinner=False)
def _entry(key: Key, entry_id: str, _lease: Lease) -> tuple[str, pl.DataFrame] | None:
    del key
    for table in FACT_TABLES:
        query = sql.text("entry").format(table=sql.identifier(table))
        answer = _run(_lease, query, {"entry_id": entry_id})
        if not answer.is_empty():
            return table, answer
    return None


def entry(entry_id: str) -> tuple[str, pl.DataFrame] | None:
    """Table and all revisions of an entry, oldest first; None if the ledger does not hold it.

    Revisions later than the refresh looked back to are among them.
    """
    lease = LEASE.get()
    return _entry(_key(lease), entry_id, lease)


@st.cache_data(max_entries=16, show_spinner=False)
def _entries_by_source(key: Key, _lease: Lease) -> dict[str, int]:
    del key
    query = "\nUNION ALL\n".join(
        _text("entries_by_source").format(table=sql.identifier(table)) for table in FACT_TABLES
    )
    counted = _run(_lease, query, []).group_by("source_id").agg(pl.col("entries").sum())
    return dict(counted.iter_rows())


def entries_by_source() -> dict[str, int]:
    """How many figures of each source are in use."""
    lease = LEASE.get()
    return _entries_by_source(_key(lease), lease)


def withheld() -> Mapping[str, int]:
    """How many entries in use may not be shown, by source: their terms forbid passing them on."""
    lease: Lease = LEASE.get()
    return lease.withheld


@st.cache_data(max_entries=16, show_spinner=False)
def _resting(key: Key, _lease: Lease) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    del key
    with _lease.limited():
        there = depends.held(_lease.con)
    views = depends.views_of(there)
    pages = {
        script: frozenset().union(*(depends.sources_of(one, there, views) for one in questions))
        for script, questions in page_reads().items()
    }
    return _by_source(views), _by_source(pages)


def _by_source(users: Mapping[str, frozenset[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for user, resting_on in users.items():
        for source_id in resting_on:
            found.setdefault(source_id, []).append(user)
    return found


def resting() -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The views, and the pages by the names of their scripts, that rest on each source."""
    lease = LEASE.get()
    return _resting(_key(lease), lease)


def refresh_number(text: str) -> int:
    """The refresh that a number, day or time in an address means; 0 is the empty ledger.

    Raises:
        AsOfError: there is none; the message says which there are.
    """
    return 0 if text == "0" else asof.find(LEASE.get().con, text)


@st.cache_data(max_entries=32, show_spinner=False)
def _changes(
    key: Key, a: int, b: int, first: int, _lease: Lease
) -> tuple[Diff, list[dict[str, Any]]]:
    del key
    with _lease.limited():
        found = diff(_lease.con, a, b)
        return found, list(entries(_lease.con, first)) if first else []


def changes(a: int, b: int, first: int) -> tuple[Diff, list[dict[str, Any]]]:
    """What changed from refresh ``a`` to ``b``, and the ``first`` so many entries that did."""
    lease = LEASE.get()
    return _changes(_key(lease), a, b, first, lease)


@st.cache_resource(max_entries=16, show_spinner=False)
def _counts(key: Key, _lease: Lease) -> pl.DataFrame:
    del key
    with _lease.limited():
        return refreshes.counts(_lease.con)


def counts() -> pl.DataFrame:
    """What every refresh changed, by source; also those later than the one looked back to."""
    lease = LEASE.get()
    return _counts(_key(lease), lease)


def as_of() -> int | None:
    """The refresh that the page looks back to; None for now."""
    lease: Lease = LEASE.get()
    return lease.as_of


@st.cache_data(max_entries=256, show_spinner=False)
def _withdrawn(
    ledger: str, as_of: int | None, area: str, _lease: Lease
) -> list[tuple[str, str, str, int]]:
    del ledger, as_of
    tables = [name for name in FACT_TABLES if "area" in FACT_TABLES[name].columns()]
    query = "\nUNION ALL ".join(
        _text("withdrawn").format(table=sql.identifier(name), name=name) for name in tables
    )
    with _lease.limited():
        rows: list[tuple[str, str, str, int]] = _lease.con.execute(
            f"{query}\nORDER BY ALL", {"area": area}
        ).fetchall()
    return rows


def withdrawn(area: str) -> list[tuple[str, str, str, int]]:
    """What the sources of an area have dropped: table, entry, last values as JSON, and since when."""
    lease = LEASE.get()
    return _withdrawn(lease.ledger, lease.as_of, area, lease)


def total(frame: pl.DataFrame, column: str) -> float:
    """The sum of a column of money or counts; 0 for no rows."""
    return float(sum(value for value in frame[column].to_list() if value is not None))


def years(frame: pl.DataFrame, column: str) -> tuple[int, int]:
    """First and last year of a column that has some."""
    present = [year for year in frame[column].to_list() if year is not None]
    return min(present), max(present)
