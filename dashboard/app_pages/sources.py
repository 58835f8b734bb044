"""Every source: publisher, rhythm, terms, the files in use, and whether any is on hold or rejected."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from dashboard import address, queries, show
from etl.guard import NOT_FETCHED

sources = queries.ask("sources")
series = queries.ask("series")
entries = queries.entries_by_source()
holds = {row["source_id"]: row for row in queries.held().iter_rows(named=True)}
files = queries.ask("latest_files")
decisions = queries.ask("decisions")
rejected = set(files.filter(status="rejected")["source_id"])


def read(row: dict[str, Any]) -> str:
    """How the source is read and when it last was; its last copy may have come by hand."""
    of_it = files.filter(source_id=row["source_id"]).sort("retrieved")
    if of_it.is_empty():
        return str(row["status"])
    last = of_it.row(-1, named=True)
    by_hand = str(last["origin"]).startswith("given by hand")
    return f"{'given by hand' if by_hand else row['status']} {last['retrieved'][:10]}"


def state(row: dict[str, Any]) -> str:
    """Whether the last vintage is in use, in a few words."""
    name = row["source_id"]
    hold = holds.get(name)
    if hold and hold["rule"] in NOT_FETCHED:
        return show.plain(f"{hold['rule']} since refresh {hold['recorded_in']}")
    if hold:
        return show.plain(f"on hold since refresh {hold['recorded_in']}: {hold['rule']}")
    if name in rejected:
        last = decisions.filter(source_id=name, verdict="rejected").row(0, named=True)
        return show.plain(f"last vintage rejected by {last['who']}: {last['because']}")
    return "in use" if name in files["source_id"] else "not read yet"


def settle(hold: dict[str, Any]) -> str:
    """How a person settles a hold that still stands; nothing when looking back, or if nobody can."""
    if queries.as_of() is not None or not hold["can_be_accepted"]:
        return ""
    digits = str(hold["files"]).split()[1][:12]
    accept = f'`hma accept {hold["source_id"]} {digits} --because "…"`'
    return f" {accept} takes it over all the same; `hma reject` with the same words drops it."


st.title("Sources")
st.markdown(
    f"{sources.height} public datasets and report series. The bytes of every file are kept under their "
    "SHA-256 and never changed; a file whose figures look wrong is put on hold until a person decides, "
    "and the last good figures stay in use."
)
show.table(
    sources,
    {
        "Source": lambda row: show.link(row["title"], row["url"]),
        "Publisher": show.text_of("publisher"),
        "Updated": show.text_of("cadence"),
        "Read": lambda row: show.plain(read(row)),
        "Figures in use": lambda row: show.number(entries.get(row["source_id"], 0)),
        "State": state,
    },
    alt="Sources with publisher, rhythm, number of figures, and whether they are in use",
)
show.download(address.rows("sources", {"sort": "title"}), sources.height)


for row in sources.filter(pl.col("source_id").is_in(list(holds))).iter_rows(named=True):
    name, hold = row["source_id"], holds[row["source_id"]]
    if hold["rule"] in NOT_FETCHED:
        st.warning(
            f"The publisher could not be asked: {show.plain(hold['reason'].rstrip('.'))}. The last good "
            "figures stay in use.",
            title=f"{hold['rule'].capitalize()}: {show.plain(row['title'])}",
        )
        continue
    st.warning(
        f"Since refresh {hold['recorded_in']}, by the rule “{show.plain(hold['rule'])}”: "
        f"{show.plain(hold['reason'].rstrip('.'))}. The last good figures stay in use.{settle(hold)}",
        title=f"On hold: {show.plain(row['title'])}",
    )


def describe(row: dict[str, Any]) -> None:
    """What a source covers, its terms, its files and series."""
    name = row["source_id"]
    st.markdown(
        f"**Covers.** {show.plain(row['coverage'])}\n\n**Caveats.** {show.plain(row['caveats'])}\n\n"
        f"**Licence.** {show.plain(row['licence'])}\n\n**Cite as.** {show.plain(row['citation'])}\n\n"
        f"**Name in downloads.** `{name}`"
    )
    of_it = files.filter(source_id=name)
    if not of_it.is_empty():
        show.table(
            of_it,
            {
                "File": show.text_of("file"),
                "Bytes": show.number_of("size_bytes"),
                "Origin": show.text_of("origin"),
                "Archived (UTC)": show.text_of("retrieved"),
                "Vintage": show.text_of("status"),
                "SHA-256": lambda file: f"`{file['vintage_sha256']}`",
            },
            alt=f"Files of {row['title']} with their hashes",
        )
        show.download(address.rows("vintages", {"source_id": name}), label="All vintages")
    show.table(
        series.filter(source_id=name),
        {
            "Series": show.text_of("title"),
            "May be added": lambda one: "yes" if one["is_additive"] else "no",
            "Caution": show.text_of("caution"),
        },
        alt=f"Series of {row['title']} and what may not be added",
    )


for row in sources.iter_rows(named=True):
    with st.expander(show.plain(row["title"])):
        describe(row)

st.header("Decisions")
if decisions.is_empty():
    st.markdown("No vintage on hold has been accepted or rejected by a person.")
else:
    titles = dict(sources.select("source_id", "title").iter_rows())
    show.table(
        decisions,
        {
            "Source": lambda one: show.plain(titles.get(one["source_id"], one["source_id"])),
            "Verdict": lambda one: show.plain(f"{one['verdict']} {one['decided']}"),
            "Who": show.text_of("who"),
            "Why": show.text_of("because"),
            "Why it was on hold": show.text_of("overruled"),
            "Refresh": show.text_of("recorded_in"),
            "Files": lambda one: show.plain(one["files"]),
        },
        alt="What people decided about vintages on hold, newest first",
    )
    show.download(address.rows("decisions", {}), decisions.height)
