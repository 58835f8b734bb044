"""How figures are written and shown: numbers with units, sources beside them, tables as text.

Texts from the sources are escaped wherever Streamlit would read Markdown, and only http addresses
become links. A missing figure is an en dash, never a zero.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote, urlsplit

import polars as pl
import pyarrow as pa
import streamlit as st

from dashboard import names, queries, reuse, sizes, wording
from dashboard.address import behind_of, meant, page
from dashboard.answer import asked_by
from dashboard.charts import Figure, specification
from dashboard.current import LEASE
from etl.store import TooLongError

# How figures are written, as pages know it: it stands apart for what runs without Streamlit.
MISSING: Final = wording.MISSING
BOUNDS: Final = wording.BOUNDS
signed_usd = wording.signed_usd
no_sum = wording.no_sum
usd = wording.usd
capital = wording.capital
number = wording.number
percent = wording.percent
share = wording.share
edition_of = wording.edition_of
year_of = wording.year_of
years_of = wording.years_of
PAGE_ROWS: Final = 50  # of a table that is shown page by page
# The formats that a page offers, as its links name them; the API has one more for programs.
FILES: Final = {
    "csv": "CSV",
    "xlsx": "Excel",
    "parquet": "Parquet",
    "json": "JSON",
    "zip": "zip with citation and licences",
}
_ESCAPED: Final = str.maketrans({sign: f"\\{sign}" for sign in r"\`*_{}[]()#+!|<>$~:&-"})
FEW_EDITIONS: Final = 6
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


def plain(text: object) -> str:
    """``text`` so that Markdown shows it letter for letter; control and direction marks go."""
    if text is None:
        return MISSING
    said = str(text)
    return (said if said.isprintable() else _UNSEEN.sub(" ", said)).translate(_ESCAPED)


def link(label: object, url: str | None) -> str:
    """A Markdown link, or just the label where ``url`` is not an http address."""
    safe = _outside((url or "").split(" ; ")[0].strip())
    return f"[{plain(label)}]({safe})" if safe else plain(label)


@lru_cache(4096)
def _outside(url: str) -> str | None:
    """An address on the web with nothing in it that ends a link; None if it is no such address."""
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets or letters that no host name has
        return None
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return None
    return quote(parts.geturl(), safe="/:?#@!$&+,;=%")


def entry_link(label: object, entry_id: str | None) -> str:
    """A link to the page of one entry."""
    if not entry_id or not re.fullmatch(r"[a-z0-9_]+-[0-9a-f]{16}", entry_id):
        return plain(label)
    return f"[{plain(label)}]({page('/entry', entry=entry_id)})"


def with_entries(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with the address of each row's entry in ``href``, for the marks of a chart."""
    return frame.with_columns(
        href=pl.Series([page("/entry", entry=one) for one in frame["entry_id"]], dtype=pl.String)
    )


def rows_link(label: object, address: str) -> str:
    """A link to the page of these rows: their meaning, how they are computed, the entries behind them.

    ``address`` is one made by :func:`dashboard.address.rows`.
    """
    return f"[{plain(label)}]({behind_of(address)})"


def source(row: Mapping[str, Any], *, also: str = "") -> str:
    """The line under a figure: report, edition, place, and the entry's own page."""
    parts = [f"Source: {link(edition_of(row), row['source_url'])}"]
    if row.get("place"):
        parts.append(plain(row["place"]))
    if row.get("entry_id"):
        parts.append(entry_link("source row", row["entry_id"]))
    if also:
        parts.append(also)
    return "; ".join(parts) + "."


def sources(frame: pl.DataFrame) -> str:
    """The line under a table or chart: every edition its rows were read in, newest first."""
    editions: dict[tuple[str, str], dict[str, Any]] = {}
    for row in frame.select("report", "edition", "source_url").rows(named=True):
        editions.setdefault((row["report"], row["edition"]), row)
    named = [
        link(edition_of(row), row["source_url"]) for row in [*editions.values()][:FEW_EDITIONS]
    ]
    more = len(editions) - len(named)
    tail = f"; and {more} more, named in the table" if more > 0 else ""
    return f"Source: {'; '.join(named)}{tail}."


Cell = Callable[[dict[str, Any]], str]


def table(frame: pl.DataFrame, columns: Mapping[str, Cell], *, alt: str) -> None:
    """A table of selectable text; each column is a heading and what to write for a row.

    Cells are Markdown: a column's function escapes what comes from a source.
    """
    rows = frame.rows(named=True)
    cells = [pa.array([cell(row) for row in rows], pa.string()) for cell in columns.values()]
    # in the form that Streamlit sends; it would take longer to turn a frame into it than to make it
    st.table(pa.table(cells, list(columns)), hide_index=True, alt=alt)


def text_of(column: str) -> Cell:
    """A cell that shows a column of the row, escaped."""
    return lambda row: plain(row[column])


def usd_of(column: str, precision: str | None = None, entry: str | None = None) -> Cell:
    """A cell that shows dollars, linked to the entry in the column ``entry``."""

    def cell(row: dict[str, Any]) -> str:
        words = usd(row[column], row[precision] if precision else None)
        return entry_link(words, row[entry]) if entry and row[column] is not None else plain(words)

    return cell


def number_of(column: str, floor: str | None = None, entry: str | None = None) -> Cell:
    """A cell that shows a count, linked to the entry in the column ``entry``."""

    def cell(row: dict[str, Any]) -> str:
        words = number(row[column], floor=bool(floor and row[floor]))
        return entry_link(words, row[entry]) if entry and row[column] is not None else plain(words)

    return cell


def bounded_of(column: str, bound: str, entry: str | None = None) -> Cell:
    """A cell that shows a number with the bound that the source gives it in words."""

    def cell(row: dict[str, Any]) -> str:
        if row[column] is None:
            return entry_link("source row", row[entry]) if entry else MISSING
        words = BOUNDS[row[bound] or "exact"] + number(row[column])
        return entry_link(words, row[entry]) if entry else plain(words)

    return cell


def as_printed(entry: str | None = None) -> Cell:
    """A cell that shows an amount in the words of its source, with the unit of its table."""

    def cell(row: dict[str, Any]) -> str:
        unit, printed = row["unit_as_printed"], row["amount_as_printed"]
        if printed is None:
            words = usd(row["amount_usd"])
        else:
            words = f"{printed} ({unit})" if unit and "prose" not in unit else printed
        return entry_link(words, row[entry]) if entry else plain(words)

    return cell


def source_of() -> Cell:
    """A cell that links the edition a row was read in, and what else it was read in by the names of the hosts."""

    def cell(row: dict[str, Any]) -> str:
        others = other_sources(row)
        return link(row["edition"], row["source_url"]) + (f"; also {others}" if others else "")

    return cell


def other_sources(row: Mapping[str, Any]) -> str:
    """Links to all addresses of a row but the first, by the names of their hosts; empty if there is one only.

    Of a treaty they report what is later than the depositary's table: a withdrawal, or a suspension.
    """
    addresses = (row["source_url"] or "").split(" ; ")[1:]
    return ", ".join(
        link((urlsplit(one).hostname or one).removeprefix("www."), one) for one in addresses
    )


def chart(
    figure: Figure,
    *,
    title: str,
    alt_text: str,
    source_line: str,
    rows: pl.DataFrame | None = None,
    key: str | None = None,
) -> list[str]:
    """A chart under its finding, with its source, and beside it what a reader may take along.

    ``rows`` are what it draws, where that isn't the largest table that the figure holds. With a ``key``, it
    gives the areas that the reader has clicked.
    """
    st.markdown(f"**{plain(title)}**")
    picked = drawn(figure, alt_text, key)
    small(source_line)
    reuse.beside_chart(figure, title, source_line, rows)
    return picked


def drawn(figure: Figure, alt_text: str, key: str | None = None) -> list[str]:
    """A chart alone, for a page that writes its own words around it; with a ``key``, the areas clicked."""
    if key is None:
        st.vega_lite_chart(spec=specification(figure), alt=alt_text)
        return []
    state = st.vega_lite_chart(
        spec=specification(figure),
        alt=alt_text,
        key=key,
        on_select="rerun",
        selection_mode="picked",
    )
    points = state["selection"].get("picked", [])
    return [point["area"] for point in points if isinstance(point.get("area"), str)]


def download(
    address: str,
    rows: pl.DataFrame | int | None = None,
    *,
    of: int | None = None,
    label: str = "Download",
) -> None:
    """Links that download what is shown, in each format, with rows and size before the click.

    ``address`` is that of the CSV. ``rows`` are the rows that the page shows, and the download has the same in
    the same order (tests/dashboard/test_cells.py holds each against the other); of a long table they are one
    page, and ``of`` is how many there are. A number says only how many rows the download has; without one they
    are counted. The API streams them: nothing passes through the page's memory.
    """
    table, pairs = asked_by(address)
    found: int | None
    said = of if of is not None else rows.height if isinstance(rows, pl.DataFrame) else rows
    try:
        found, bytes_of = queries.download(table, [pair for pair in pairs if pair[0] != "as_of"])
    except TooLongError:  # the links may still be followed
        found, bytes_of = said, {}
    count = said if said is not None else found
    many = f", {count:,} row{'' if count == 1 else 's'}" if count is not None else ""
    names = {
        ending: f"{name}, about {sizes.words(bytes_of[ending])}" if bytes_of else name
        for ending, name in FILES.items()
        if not bytes_of
        or ending in bytes_of  # one that is too large for a format has no size in it
    }
    names["csv"] = f"{label}{many}: {names['csv']}"
    st.markdown(
        " · ".join(
            f"[{name}]({address.replace('.csv', f'.{ending}', 1)})"
            for ending, name in names.items()
        )
    )


def paged(frame: pl.DataFrame, key: str = "page", rows: int = PAGE_ROWS) -> pl.DataFrame:
    """The page of a long table that the reader is on, who chooses it above the table; in the address as ``key``."""
    pages = -(-frame.height // rows)
    page = st.pagination(pages, key=key, bind="query-params") if pages > 1 else 1
    return frame.slice((page - 1) * rows, rows)


def tab(*parts: str) -> None:
    """Name the browser's tab by page and area: 'Vietnam – Country – HMA Ledger'."""
    st.set_page_config(page_title=" – ".join([*reversed(parts), "HMA Ledger"]))


def unknown(noun: str, texts: Sequence[str]) -> None:
    """Say that the address names what is not there; of an area, also why."""
    for text in texts[:5]:
        near = names.of(LEASE.get()).hint(text) if noun == "area" else ""
        st.warning(f"There is no {noun} {plain(text[:80])} here. {plain(near)}".strip())


def chosen(key: str, labels: Mapping[str, str], otherwise: str = "") -> str:
    """The code that the address gives for ``key``; ``otherwise``, and a word on it, if there is no such one."""
    given = meant(key, str(st.query_params.get(key, otherwise)), labels)
    if given in labels:
        return given
    st.warning(f"There is no {key} {plain(given[:80])} here.")
    return otherwise


def small(text: str) -> None:
    """A line of small print in full ink; a caption's grey is too faint for a source."""
    st.markdown(f":small[{text}]")


def headline(label: str, value: str, scope: str, source_line: str) -> None:
    """One figure that a reader may quote: what, how much, of what, from where."""
    with st.container(border=True, height="stretch"):
        st.markdown(plain(label))
        st.subheader(value, anchor=False)
        st.markdown(scope)
        small(source_line)
        reuse.beside_figure(f"{plain(label)}: {value}", source_line)
