"""The source row of one figure: its values, its revisions, and the archived row it was read from."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import polars as pl
import streamlit as st

from dashboard import address, casualties, cite, current, filters, queries, reuse, revisions, show
from etl import locate
from etl.archive import ArchiveError, UnreachableError
from etl.homes import HomeError, archive_of
from etl.logs import blotted, logger
from etl.settings import folders

# Hashes and addresses are too long for a cell and stand in full below.
UNSHOWN = "The archived bytes can not be shown"
LONG = ("vintage_sha256", "content_sha256", "source_url")

address.rename("entry_id", "entry")
entry_id = st.text_input(
    "Entry", key="entry", bind="query-params", placeholder="state_tweis-0123456789abcdef",
    help="The entry_id that stands in every table and download.",
)  # fmt: skip
found = queries.entry(entry_id.strip()) if entry_id else None
if not entry_id:
    st.title("Source row")
    for key in st.query_params:
        if key not in {"entry", "as_of", address.LEDGER_KEY, filters.GRAMMAR_KEY}:
            st.warning(f"This page takes no {show.plain(key[:80])}: name the entry by entry=.")
    st.info("Open this page from a figure, or paste an entry_id from a download.")
    st.stop()
if found is None:
    st.title("No such entry")
    st.warning(
        f"This ledger holds no entry {show.plain(entry_id)}. Check the spelling; entries are never "
        "removed, so it may belong to a newer ledger than the one served here."
    )
    st.stop()

table, everything = found
rows = everything.rows(named=True)
as_of = current.as_of()
known = [row for row in rows if as_of is None or row["recorded_in"] <= as_of]
used = known[-1] if known else None
newest = rows[-1]


def show_values(revision: dict[str, Any]) -> None:
    """Every value of a revision, and the archived row it was read from."""
    values = [
        {"column": name, "value": show.number(value) if isinstance(value, float) else str(value)}
        for name, value in revision.items()
        if value is not None
        and name not in LONG
        and not (name == "ended_in" and as_of is not None and value > as_of)
    ]
    show.table(
        pl.DataFrame(values),
        {"Column": show.text_of("column"), "Value": show.text_of("value")},
        alt=f"Values of the entry {entry_id}",
    )
    st.markdown(f"Address: {show.link(revision['source_url'], revision['source_url'])}")
    st.markdown(f"SHA-256 of the values: `{revision['content_sha256']}`")

    st.header("The archived row")
    st.markdown(
        f"{show.plain(revision['locator'])}, in the bytes with SHA-256 `{revision['vintage_sha256']}`."
    )
    bytes_of_it = queries.ask(
        "vintage", source_id=revision["source_id"], vintage=revision["vintage_sha256"]
    )
    for vintage in bytes_of_it.iter_rows(named=True):
        st.markdown(
            f"Origin of these bytes: {show.plain(vintage['origin'])}; archived {vintage['retrieved']} UTC."
        )
    try:
        archive = archive_of(folders())
        with st.spinner("Finding the row in the archived bytes …"), closing(archive):
            heading, row = locate.find(archive, revision["vintage_sha256"], revision["locator"])
    except (HomeError, UnreachableError) as error:  # names what only whoever runs this may see
        logger("hma.entry").warning("archive out of reach", why=blotted(str(error)))
        st.warning(
            "The archive is out of reach just now; the figure and its hash stand above.",
            title=UNSHOWN,
        )
    except ArchiveError as error:
        st.warning(show.plain(error), title=UNSHOWN)
    else:
        st.code(f"{heading}\n{row}".lstrip("\n"), language=None, wrap_lines=True)
        above = (
            "The header of the file, and the line itself"
            if heading
            else "The publisher's own names and values"
        )
        show.small(f"{above}; the hash was checked just now.")


def show_revisions() -> None:
    """What each revision says, and what it changed."""
    st.header("Revisions")
    what = {}
    for before, row in zip([None, *rows], rows, strict=False):
        columns = revisions.differing(before, row) if before else []
        what[row["revision"]] = ", ".join(columns) or None
    show.table(
        everything,
        {
            "Revision": lambda row: show.plain(
                f"{row['revision']}, shown above" if row["revision"] == shown else row["revision"]
            ),
            "Change": show.text_of("change"),
            "What it says": lambda row: show.plain(revisions.headline(table, row)[1]),
            "Columns that changed": lambda row: show.plain(what[row["revision"]]),
            "Recorded in refresh": show.text_of("recorded_in"),
            "Ended in refresh": show.text_of("ended_in"),
            "Content SHA-256": lambda row: show.plain(row["content_sha256"][:12]),
        },
        alt="Revisions of the entry",
    )


st.title("Source row")
shown = used["revision"] if used else None
if used is None:
    st.warning(
        f"This entry was not in the ledger as of refresh {as_of}: it was first recorded in refresh "
        f"{rows[0]['recorded_in']}. [The entry now]({address.other_refresh('/entry')})",
        title=show.plain(revisions.name(table, rows[0])),
    )
    show_revisions()
    st.stop()

st.markdown(
    f"One entry of the table **{table}**, revision {used['revision']} ({used['change']}), "
    f"recorded in refresh {used['recorded_in']}."
)
st.markdown(show.source({**used, "entry_id": None}))
show.tab("Source row", revisions.name(table, used))
column, value = revisions.headline(table, used)
reuse.beside(
    cite.entry(f"{revisions.name(table, used)}: {value} ({column})", used, show.edition_of(used))
)
if used["change"] == "withdrawn":
    st.warning(
        f"The source dropped this figure in refresh {used['recorded_in']}. Its last values are kept "
        "here."
    )
if used is not newest:
    st.info(
        f"Revision {used['revision']} was the last one as of refresh {as_of}; since then the entry was "
        f"{newest['change']} in refresh {newest['recorded_in']}. "
        f"[The entry now]({address.other_refresh('/entry')})"
    )
if used.get("unit") == "person":
    show.small(casualties.PRIVACY)
show_values(used)
if used["change"] != "withdrawn":
    show.download(
        address.rows(table, {"entry_id": used["entry_id"]}),
        # which refresh ended it can lie ahead of the one that is looked back to
        everything.filter(pl.col("revision") == used["revision"]).drop("ended_in"),
    )
if len(rows) > 1:
    show_revisions()
