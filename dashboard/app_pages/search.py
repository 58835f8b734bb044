"""Search: areas, organisations, series, sources and figures that hold the words a reader types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import streamlit as st

from dashboard import address, filters, names, queries, revisions, search, show
from dashboard.current import LEASE

EXAMPLES: Final = ("Laos", "HALO", "OHDACA", "19.800", "Mine Ban Treaty", "12,548")
# What a table's figures are, and the page that shows them; the others are lists for programs.
TABLES: Final = {
    "funding": ("Money", "/funding"),
    "funding_shares": ("Shares of a region's money", ""),
    "program_activities": ("What the Defense program did", ""),
    "casualties": ("Casualties", "/casualties"),
    "casualty_events": ("People hurt, and accidents", "/casualties"),
    "clearance": ("Land released", "/clearance"),
    "contamination": ("Land still contaminated", "/clearance"),
    "treaty_status": ("Treaties", "/timeline"),
    "program_events": ("Events", "/timeline"),
    "deflators": ("Price indexes", ""),
    "exchange_rates": ("Exchange rates", ""),
    "population": ("Population", ""),
    "gdp": ("Gross domestic product", ""),
}

st.title("Search")
typed = st.text_input(
    "Words to search for", key="q", bind="query-params", type="search", max_chars=filters.MAX_LENGTH,
    placeholder="Laos, HALO, 19.800",
    help="All words must occur, in upper or lower case and with or without accents. A country or area is "
    "found by any of its names.",
)  # fmt: skip


def again(words: str) -> str:
    """A link that searches for something else."""
    return f"[{show.plain(words)}]({address.page('/search', q=words)})"


def listed(title: str, lines: Iterable[str], *, more: str = "") -> None:
    """A heading and a list; nothing where there is nothing to list."""
    items = [f"- {line}" for line in lines]
    if not items:
        return
    st.header(title)
    st.markdown("\n".join(items))
    if more:
        show.small(more)


def area_line(row: dict[str, Any]) -> str:
    """An area, leading to its page if it has one."""
    if not row["has_figures"]:
        return f"{show.plain(row['name'])} ({show.plain(row['area'])}): no page, for no figure is about it alone"
    where = address.page("/country", area=row["area"])
    return f"[{show.plain(row['name'])}]({where}) ({show.plain(row['area'])})"


def under_any_name(text: str) -> None:
    """All figures of the area that was typed, for their texts hold only the name that each source prints."""
    area, counts = search.of_area(text)
    links = [
        f"[{TABLES[table][0]}, {count:,}]({address.behind(table, {'area': area})})"
        for table, count in counts.items()
    ]
    if links:
        name = show.plain(names.of(LEASE.get()).areas[area])
        st.markdown(
            f"All figures of {name}, whatever name a source prints for it: {' · '.join(links)}."
        )


def organisation_line(row: dict[str, Any]) -> str:
    """An organisation, leading to the figures of money that name it."""
    count = row["entries_count"]
    if not count:
        return f"{show.plain(row['implementer'])}: in the table of names; no figure of money names it as the one that was paid"
    where = address.page("/funding", implementer=row["implementer"])
    figures = f"{count:,} figure{'' if count == 1 else 's'} of money"
    return f"[{show.plain(row['implementer'])}]({where}), {figures}"


def series_line(row: dict[str, Any]) -> str:
    """A series, leading to the page of its figures and to all of them."""
    table, count = search.tables_of_series().get(row["series"], ("", 0))
    words = f"{show.plain(row['title'])} ({show.plain(row['source_title'])})"
    if not count:
        return f"{words}: no figure in use"
    path = TABLES[table][1]
    asked = {"series": row["series"]} if table == "funding" else {}
    linked = f"[{show.plain(row['title'])}]({address.page(path, **asked)}) ({show.plain(row['source_title'])})"
    rows = show.rows_link(f"{count:,} rows", address.rows(table, {"series": row["series"]}))
    return f"{linked if path else words}: {rows}"


def source_line(row: dict[str, Any]) -> str:
    """A source, leading to what the Sources page says of it."""
    where = address.page("/sources", source=row["source_id"])
    return f"[{show.plain(row['title'])}]({where}), {show.plain(row['publisher'])}"


def figures_of(found: search.Figures, words: list[str]) -> None:
    """The first figures of one table, each with where the words stand."""
    title, path = TABLES[found.table]

    def place(row: dict[str, Any]) -> str:
        parts = search.stands(row, found.table, words)
        return show.plain("; ".join(f"{column}: {text}" for column, text in parts))

    st.subheader(title)
    show.table(
        found.rows,
        {
            "Figure": lambda row: show.entry_link(
                revisions.name(found.table, row), row["entry_id"]
            ),
            "What it says": lambda row: show.plain(revisions.headline(found.table, row)[1]),
            "Where the words stand": place,
            "Source": lambda row: show.link(show.edition_of(row), row["source_url"]),
        },
        alt=f"{title}: figures whose texts hold the words",
    )
    asked = {"q": " ".join(words)}
    links = [f"[all of them as CSV]({address.rows(found.table, asked)})"]
    if found.table == "funding":
        links.insert(0, f"[filter them on the Funding page]({address.page(path, **asked)})")
    few = f"These are the first {found.rows.height}; there are more"
    few = "These are all" if found.is_all else few
    show.small(f"{few}: {', or '.join(links)}.")


def nothing(text: str) -> None:
    """Why nothing was found, and what to try."""
    st.info(
        "Nothing in this ledger holds all of these words. A gap means that no such text was read. Take a word "
        "away, or write it as a source would print it."
    )
    near = names.of(LEASE.get()).near(text)
    if near:
        named = names.of(LEASE.get()).areas
        links = [
            f"[{show.plain(named[code])}]({address.page('/search', q=named[code])})"
            for code in near
        ]
        st.markdown(f"Did you mean {' or '.join(links)}?")
    suggest()


def suggest() -> None:
    """Searches that show what can be found."""
    st.markdown(f"For example: {', '.join(map(again, EXAMPLES))}.")


def results(text: str, words: list[str]) -> bool:
    """Everything that was found, figures last; False for nothing."""
    count = 0
    for name, (title, line) in KINDS.items():
        found, is_all = search.areas(text, words) if name == "areas" else search.kind(name, words)
        more = "" if is_all else "There are more; add a word to find fewer."
        listed(title, map(line, found.iter_rows(named=True)), more=more)
        if name == "areas":
            under_any_name(text)
        count += found.height
    pages = [
        f"[{show.plain(title)}]({address.page(f'/{path}')})" for path, title in search.pages(words)
    ]
    listed("Pages", pages)
    figures = search.figures(words)
    if figures:
        st.header("Figures")
    for one in figures:
        figures_of(one, words)
    return bool(count + len(pages) + len(figures))


# The kinds of search.LOOKS_AT: a heading, and how one of it is shown.
KINDS: Final = {
    "areas": ("Countries and areas", area_line),
    "organisations": ("Organisations", organisation_line),
    "series": ("Series", series_line),
    "sources": ("Sources", source_line),
}
text = (typed or "").strip()
if search.ENTRY_ID.fullmatch(text) and queries.entry(text):
    st.markdown(f"This is the name of one figure: {show.entry_link(text, text)}.")
elif not text:
    st.markdown(
        "Finds countries and areas by any of their names, organisations, series, sources, and figures by the texts "
        "that the sources print: titles, notes, amounts in words."
    )
    suggest()
else:
    try:
        asked = search.words_of(text)
    except filters.FilterError as error:
        st.warning(show.plain(error))
        suggest()
    else:
        show.tab("Search", text[:80])
        if not results(text, asked):
            nothing(text)
