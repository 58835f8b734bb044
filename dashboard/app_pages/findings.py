"""Rejects and issues: source rows that are no entries, and oddities in rows that are."""

from __future__ import annotations

import streamlit as st

from dashboard import address, queries, show

FIRST = 200

titles = dict(queries.ask("sources").select("source_id", "title").iter_rows())
given = st.query_params.get("source", "")
st.title("Rejects and issues")
st.markdown(
    "A row that breaks a rule is a **reject**: it is no entry, and too many of them put its source on "
    "hold. An oddity in a row that is used is an **issue**, such as a name of a country that is not "
    "known: the name is shown as printed, and its code stays empty. A publisher's page with something new "
    "to transcribe is an issue too, until somebody says that it was read."
)
source = address.choose(
    "Source", {"": "All sources", **titles}, given if given in titles else "", key="source"
)  # fmt: skip
if given and given not in titles:
    st.warning(f"There is no source {show.plain(given)}; all are shown.")

for table, title, none in (
    ("rejects", "Rejects", "No row was rejected."),
    ("issues", "Issues", "No oddity was found."),
):
    st.header(title)
    found = queries.ask(table)
    if source:
        found = found.filter(source_id=source)
    if found.is_empty():
        st.markdown(none)
        continue
    show.table(
        found.head(FIRST),
        {
            "Source": lambda row: show.plain(titles.get(row["source_id"], row["source_id"])),
            "Vintage": lambda row: show.rows_link(
                row["vintage_sha256"][:12],
                address.rows("vintages", {"vintage_sha256": row["vintage_sha256"]}),
            ),
            "Where": show.text_of("locator"),
            "Column": show.text_of("column"),
            "Rule": show.text_of("rule"),
            "What stands there": show.text_of("raw_value"),
            "What to do": show.text_of("fix"),
        },
        alt=f"{title} by source, with place, rule and what to do",
    )
    if found.height > FIRST:
        show.small(f"The first {FIRST} of {found.height:,}; the download has all.")
    show.download(
        address.rows(table, {"source_id": source or ""}), found.head(FIRST), of=found.height
    )
