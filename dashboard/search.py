"""What the ledger knows under the words that a reader types: areas, organisations, series, sources, figures.

Each kind is asked for apart and bounded: a reader who types one word of a million figures gets the first few, in
reading order, and the address of all of them. Words are found as ``q`` finds them (:mod:`dashboard.filters`). A
name of an area that is spelled out counts before areas that only hold it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl
import streamlit as st

from dashboard import filters, names, queries
from dashboard.answer import Answer, Question
from dashboard.answer import text as query
from dashboard.current import LEASE
from dashboard.site import PAGES
from etl import sql
from etl.store import Lease
from etl.tables import FACT_TABLES

FIRST: Final = 8  # of each kind that are shown
AROUND: Final = 40  # letters shown before and after a word
LEAST: Final = 2  # letters and digits; fewer would find nearly everything
ENTRY_ID: Final = re.compile(r"[a-z0-9_]+-[0-9a-f]{16}")
# What a search for areas, organisations, series and sources looks at.
LOOKS_AT: Final = {
    "areas": ("area", "name", "spellings"),
    "organisations": ("implementer", "spellings"),
    "series": ("series", "title", "caution"),
    "sources": ("source_id", "title", "publisher", "coverage", "caveats"),
}


@dataclass(frozen=True)
class Figures:
    """The first figures of one table in whose texts the words stand."""

    table: str
    rows: pl.DataFrame
    is_all: bool


def words_of(text: str) -> list[str]:
    """The words to search for.

    Raises:
        FilterError: they are none, too short, too long or too many.
    """
    found = filters.words(text)
    if sum(letter.isalnum() for word in found for letter in word) < LEAST:
        raise filters.FilterError(f"Type at least {LEAST} letters or digits.")
    return found


def kind(name: str, words: list[str]) -> tuple[pl.DataFrame, bool]:
    """The first rows of one kind (a key of LOOKS_AT), and whether these are all."""
    condition = filters.holding(words, LOOKS_AT[name])
    found = queries.ask_filtered(f"search_{name}", [condition], FIRST + 1)
    return found.head(FIRST), found.height <= FIRST


def areas(text: str, words: list[str]) -> tuple[pl.DataFrame, bool]:
    """Areas by name: the one whose name or code was typed, then those that hold the words."""
    meant = names.of(LEASE.get()).area(text)
    found, is_all = kind("areas", words)
    if meant is None:
        return found, is_all
    exact = queries.ask_filtered("search_areas", [filters.Condition("area", "eq", (meant,))], 1)
    return pl.concat([exact, found.filter(pl.col("area") != meant)]).head(FIRST), is_all


@st.cache_data(max_entries=64, show_spinner=False)
def _of_area(key: queries.Key, area: str, _lease: Lease) -> dict[str, int]:
    del key
    union = "\nUNION ALL\n".join(
        query("entries_of_area").format(name=table, table=sql.identifier(table))
        for table in FACT_TABLES
        if "area" in FACT_TABLES[table].columns()
    )
    with _lease.limited():
        rows = _lease.con.execute(union, {"area": area}).fetchall()
    counted = dict(rows)
    return {table: counted[table] for table in FACT_TABLES if counted.get(table)}


def of_area(text: str) -> tuple[str, dict[str, int]]:
    """The area whose name or code was typed, and how many figures of each table are about it, however it is printed.

    The texts of a figure hold only the name that its source prints: Lao PDR in one, Laos in another.

    Raises:
        TooLongError: the ledger took too long.
    """
    lease: Lease = LEASE.get()
    meant = names.of(lease).area(text)
    return (meant, _of_area((lease.ledger, lease.as_of), meant, lease)) if meant else ("", {})


def pages(words: list[str]) -> list[tuple[str, str]]:
    """Addresses and titles of pages whose words are all these."""
    wanted = [names.folded(word) for word in words]
    return [
        (path, page.title)
        for path, page in PAGES.items()
        if page.is_listed
        and all(word in names.folded(f"{path} {page.title} {page.about}") for word in wanted)
    ]


@st.cache_data(max_entries=64, show_spinner=False)
def _figures(key: queries.Key, words: tuple[str, ...], _lease: Lease) -> list[Figures]:
    del key
    found = []
    for table in FACT_TABLES:
        asked = Question(table, (filters.holding(words, filters.searched(table)),), limit=FIRST + 1)
        batches = [pl.DataFrame(batch) for batch in Answer(asked, _lease).batches(["t.*"])]
        rows = pl.concat(batches) if batches else pl.DataFrame()
        if not rows.is_empty():
            found.append(Figures(table, rows.head(FIRST), rows.height <= FIRST))
    return found


def figures(words: list[str]) -> list[Figures]:
    """The first figures of each table whose texts hold the words, in reading order.

    Raises:
        TooLongError: the ledger took too long.
    """
    lease: Lease = LEASE.get()
    return _figures((lease.ledger, lease.as_of), tuple(words), lease)


def stands(figure: Mapping[str, Any], table: str, words: list[str]) -> list[tuple[str, str]]:
    """Where in a figure's texts the words stand: each column with the part of its text around a word."""
    found: dict[str, str] = {}
    for word in words:
        for column in filters.searched(table):
            said = str(figure[column] or "")
            place = _plain(said).find(_plain(word))
            if place >= 0:
                found.setdefault(column, _around(said, place, len(word)))
                break
    return list(found.items())


def _plain(text: str) -> str:
    """``text`` in small letters without accents, about as the ledger compares it."""
    letters = unicodedata.normalize("NFD", text)
    return "".join(one for one in letters if not unicodedata.combining(one)).lower()


def _around(text: str, place: int, length: int) -> str:
    """A part of ``text``; its letters with accents are one, so that the place may be off by a few."""
    start, end = max(place - AROUND, 0), place + length + AROUND
    return f"{'…' if start else ''}{text[start:end].strip()}{'…' if end < len(text) else ''}"


@st.cache_data(max_entries=16, show_spinner=False)
def _tables(key: queries.Key, _lease: Lease) -> dict[str, tuple[str, int]]:
    del key
    union = "\nUNION ALL\n".join(
        query("entries_by_series").format(name=table, table=sql.identifier(table))
        for table in FACT_TABLES
    )
    with _lease.limited():
        rows = _lease.con.execute(f"{union}\nORDER BY entries, fact_table").fetchall()
    return {series: (table, entries) for table, series, entries in rows}


def tables_of_series() -> dict[str, tuple[str, int]]:
    """By series: the table in which most of its figures in use stand, and how many."""
    lease: Lease = LEASE.get()
    return _tables((lease.ledger, lease.as_of), lease)
