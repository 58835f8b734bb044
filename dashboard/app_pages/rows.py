"""The rows behind a computed figure: what they mean, how they are computed, and the entries behind them."""

from __future__ import annotations

from typing import Any, Final

import polars as pl
import streamlit as st

from dashboard import address, lineage, queries, reuse, show
from dashboard.answer import RESERVED
from dashboard.filters import FilterError, pairs_of
from etl.tables import ALL_TABLES, FACT_TABLES, VIEWS

FIRST: Final = 100  # rows that are listed; the download has all
FEW: Final = 12  # texts that a page shows of an address

Row = dict[str, Any]


def pairs_asked() -> list[tuple[str, str]]:
    """The filters that the address gives."""
    return [
        (key, value)
        for key in st.query_params
        if key not in {"of", "as_of"}
        for value in st.query_params.get_all(key)
    ]


def tables() -> None:
    """What may be asked for, where the address names nothing."""
    st.markdown("Open this page from a figure, or look at a whole table:")
    for title, names in (("Computed", VIEWS), ("Read from sources", FACT_TABLES)):
        st.markdown(
            f"**{title}**\n\n"
            + "\n".join(
                f"- [{name}]({address.behind(name, {})}): {show.plain(lineage.meaning(name))}"
                for name in names
            )
        )


def said(value: object) -> str:
    """A value as it stands in a cell."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return show.number(value)
    return show.MISSING if value is None else str(value)


def cell(name: str) -> show.Cell:
    """A cell for a column: years as they are, other numbers with separators."""
    unit = (ALL_TABLES[of].columns()[name].metadata or {}).get("unit")

    def written(row: Row) -> str:
        value = row[name]
        is_count = (
            isinstance(value, int)
            and not isinstance(value, bool)
            and unit not in lineage.NO_FIGURES
        )
        return show.plain(show.number(value) if is_count else said(value))  # fmt: skip

    return written


def opened(row: Row) -> str:
    """Where a row leads: to its entry, or to its own page where it was computed."""
    entry_id = row.get("entry_id") or row.get("only_entry_id")
    if entry_id:
        return show.entry_link("source row", entry_id)
    return f"[this row]({address.behind(of, lineage.itself(of, row))})"


def value_of(line: Row) -> str:
    """A value of the single row, leading to its entry or publication where it names one."""
    name, value = line["name"], line["value"]
    if name.endswith("entry_id") and value:
        return show.entry_link(value, value)
    if name.endswith("source_url") and value:
        return show.link(value, value)
    return cell(name)({name: value})


def one(row: Row) -> None:
    """A row by itself: every value, and what it means."""
    columns = ALL_TABLES[of].columns()
    lines = [
        {
            "name": name,
            "value": row[name],
            "unit": (columns[name].metadata or {}).get("unit"),
            "meaning": columns[name].description,
        }
        for name in columns
        if row.get(name) is not None
    ]
    show.table(
        pl.DataFrame(
            {key: [line[key] for line in lines] for key in ("name", "value", "unit", "meaning")},
            schema={"name": pl.String, "value": pl.Object, "unit": pl.String, "meaning": pl.String},
            strict=False,
        ),
        {
            "Column": show.text_of("name"),
            "Value": value_of,
            "Unit": show.text_of("unit"),
            "What it means": show.text_of("meaning"),
        },
        alt=f"Every value of the row of {of}, with what its column means",
    )
    missing = [name for name in columns if row.get(name) is None]
    if missing:
        show.small(f"Without a value: {show.plain(', '.join(missing))}. That is not zero.")


def several(frame: pl.DataFrame) -> None:
    """Rows beside each other, each leading to its entry or to its own page."""
    show.table(
        frame,
        {"Leads to": opened, **{name: cell(name) for name in lineage.telling(of, frame)}},
        alt=f"Rows of {of} behind the figure",
    )
    if frame.height < count:
        show.small(f"The first {frame.height:,} of {count:,} rows; the download has all.")


def behind(row: Row) -> None:
    """The entries that a row names, and the rows of which it is made."""
    st.header("What it is made of")
    lines = [
        f"- {show.plain(show.capital(what))}: {show.entry_link(entry_id, entry_id)}"
        for what, entry_id in lineage.entries(of, row).items()
    ]
    for part in lineage.BEHIND[of](row):
        _, found = queries.rows(part.table, pairs_of(part.filters), 1)
        label = f"{found:,} row{'' if found == 1 else 's'} of {part.table}"
        lines.append(
            f"- {show.plain(show.capital(part.what))}: "
            f"[{show.plain(label)}]({address.behind(part.table, part.filters)})"
        )
    st.markdown(
        "\n".join(lines) or "No figure of these columns was read, so nothing is behind them."
    )


def computed() -> None:
    """How a view is computed: in words, from what, and as SQL."""
    st.header("How it is computed")
    words, query = lineage.sql_of(of)
    st.markdown(show.plain(words))
    links = [f"[{name}]({address.behind(name, {})})" for name in lineage.made_from(of)]
    show.small(f"Computed from: {', '.join(links)}.")
    with st.expander("The SQL"):
        st.code(query, language="sql", wrap_lines=True)
    if queries.as_of() is not None:
        show.small(
            "The rows are those published then; the words and the SQL are those of the code that serves them now."
        )


def sources_of(frame: pl.DataFrame) -> str:
    """The publications of the rows, or their sources where they name no publication."""
    if {"report", "edition", "source_url"} <= set(frame.columns):
        return show.sources(frame)
    if "source_id" not in frame.columns:
        return "Source: the entries that the rows are made of."
    titles = {row["source_id"]: row for row in queries.ask("sources").iter_rows(named=True)}
    named = [titles[name] for name in frame["source_id"].unique().sort() if name in titles]
    return f"Source: {'; '.join(show.link(row['title'], row['url']) for row in named)}."


of = st.query_params.get("of", "")
st.title("Rows behind a figure")
if of not in ALL_TABLES:
    if of:
        st.warning(f"There is no table {show.plain(of[:80])} here.")
    tables()
    st.stop()
pairs = pairs_asked()
try:
    rows, count = queries.rows(of, pairs, FIRST)
except FilterError as error:
    st.warning(show.plain(error))
    show.small(f"[All rows of {show.plain(of)}]({address.behind(of, {})})")
    st.stop()
show.tab("Rows", of)
wanted = [f"{key} = {value}" for key, value in pairs if key not in RESERVED]
asked = ", ".join(wanted[:FEW]) or "no filter"
more = f", and {len(wanted) - FEW} more" if len(wanted) > FEW else ""
st.markdown(
    f"**{count:,} row{'' if count == 1 else 's'} of {show.plain(of)}**, "
    f"{'computed from figures that were read' if of in VIEWS else 'each as it was read'}: {show.plain(asked + more)}."
)
st.markdown(f"One row: {show.plain(lineage.meaning(of))}")
if rows.is_empty():
    st.info(
        "No row passes these filters in the ledger as it is shown. A gap means that no such figure was read, not "
        "that there is none."
    )
    st.stop()
source_line = sources_of(rows)
reuse.beside_figure(f"{count:,} row{'' if count == 1 else 's'} of {show.plain(of)}: {show.plain(asked + more)}", source_line)  # fmt: skip
first = rows.row(0, named=True)
if rows.height == 1:
    one(first)
else:
    several(rows)
show.small(source_line)
show.download(address.rows(of, address.filters_of(pairs)), rows, of=count)
if of in VIEWS:
    if rows.height == 1:
        behind(first)
    computed()
elif rows.height == 1 and first.get("entry_id"):
    st.markdown(show.entry_link("The source row: where it was read, its archived line and its revisions", first["entry_id"]))  # fmt: skip
