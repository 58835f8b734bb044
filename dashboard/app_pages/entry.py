"""The source row of one figure: its values, its revisions, and the archived line it was read from."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import filters, queries, show
from etl.archive import Archive, ArchiveError
from etl.settings import folders

entry_id = st.text_input(
    "Entry", key="entry", bind="query-params", placeholder="state_tweis-0123456789abcdef",
    help="The entry_id that stands in every table and download.",
)  # fmt: skip
found = queries.entry(entry_id.strip()) if entry_id else None
if not entry_id:
    st.title("Source row")
    st.info("Open this page from a figure, or paste an entry_id from a download.")
    st.stop()
if found is None:
    st.title("No such entry")
    st.warning(
        f"This ledger holds no entry {show.plain(entry_id)}. Check the spelling; entries are never "
        "removed, so it may belong to a newer ledger than the one served here."
    )
    st.stop()

table, revisions = found
newest = revisions.row(-1, named=True)
st.title("Source row")
st.markdown(
    f"One entry of the table **{table}**, revision {newest['revision']} ({newest['change']}), "
    f"recorded in refresh {newest['recorded_in']}."
)
st.markdown(show.source({**newest, "entry_id": None}))
if newest["change"] == "withdrawn":
    st.warning("The source has dropped this figure. Its last values are kept here.")

# Hashes and addresses are too long for a cell and stand in full below.
LONG = ("vintage_sha256", "content_sha256", "source_url")
values = [
    {"column": name, "value": show.number(value) if isinstance(value, float) else str(value)}
    for name, value in newest.items()
    if value is not None and name not in LONG
]
show.table(
    pl.DataFrame(values),
    {"Column": show.text_of("column"), "Value": show.text_of("value")},
    alt=f"Values of the entry {entry_id}",
)
st.markdown(f"Address: {show.link(newest['source_url'], newest['source_url'])}")
st.markdown(f"SHA-256 of the values: `{newest['content_sha256']}`")

st.header("The archived line")
st.markdown(
    f"{show.plain(newest['locator'])}, in the bytes with SHA-256 `{newest['vintage_sha256']}`."
)
try:
    header, line = Archive(folders().archive).line(newest["vintage_sha256"], newest["locator"])
except ArchiveError as error:
    st.warning(show.plain(error), title="The archived bytes can not be shown")
else:
    st.code(f"{header}\n{line}", language=None, wrap_lines=True)
    show.small("The header of the file and the line itself; the hash was checked just now.")

if revisions.height > 1:
    st.header("Revisions")
    show.table(
        revisions,
        {
            "Revision": show.text_of("revision"),
            "Change": show.text_of("change"),
            "Recorded in refresh": show.text_of("recorded_in"),
            "Ended in refresh": show.text_of("ended_in"),
            "Content SHA-256": show.text_of("content_sha256"),
        },
        alt="Revisions of the entry",
    )
if newest["change"] != "withdrawn":
    show.download(filters.address(table, {"entry_id": newest["entry_id"]}), 1)
