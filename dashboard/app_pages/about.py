"""What the program was and was not, what is known of its ending, definitions, terms."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import address, queries, show
from etl.tables import ACCOUNTS, FLOWS, PRECISIONS, YEAR_BASES

st.title("About")
st.header("What the program was, and what it was not")
st.markdown(
    """
- **The Defense humanitarian mine action program** rests on 10 U.S.C. 407 and is paid from the account
  for Overseas Humanitarian, Disaster, and Civic Aid (OHDACA). U.S. forces train and equip other
  countries’ deminers; they may not clear mines themselves.
- **The whole U.S. effort** is what State’s annual report *To Walk the Earth in Safety* counts: State
  (NADR-CWD), Defense, USAID (Leahy War Victims Fund) and, in earlier years, CDC. Its title is
  *conventional weapons destruction*, which also takes in small arms, ammunition stockpiles and
  shoulder-fired missiles. It is broader than mine action.
- Research on demining by the Army is neither: it is shown apart.
"""
)
st.header("What the memo of 2 December 2025 is reported to say, and how sure that is")
st.markdown(
    """
- The memo itself **was not read**: only press reports of it were. They say that the Secretary of Defense signed
  it on 2 December 2025, that it reverses the 2022 limits on antipersonnel mines, and that it asks for a new
  policy within 90 days. It became public on 19 December 2025.
- That it also **drops the “U.S. Humanitarian Mine Action Program”** comes from summaries of the newspaper
  report. The name fits the Defense program. No text that was read says what its budget was or what happens
  to missions under way.
- **State’s grants are another matter.** They were stopped by an email on 25 January 2025. Congress **funded
  State’s line again on 3 February 2026**; how that is carried out is not known here. A page that says the memo ended the whole U.S. effort goes beyond what was reported.
- Nothing read shows a later step on the program.
"""
)
events = queries.ask("program_events")
st.header("Events")
if events.is_empty():
    st.info("No event is in this ledger; `hma refresh program_events` reads them.")
else:
    newest_first = events.sort("date", "event", "entry_id", descending=[True, False, False])
    show.table(
        newest_first,
        {
            "Date": show.text_of("date"),
            "Event": lambda row: show.entry_link(row["event"], row["entry_id"]),
            "What happened, and how sure": lambda row: (
                f"{show.plain(row['body'])}: {show.plain(row['summary'])}"
                + (f" *Note: {show.plain(row['note'])}*" if row["note"] else "")
            ),
            "Source": lambda row: show.link(row["report"], row["source_url"]),
        },
        alt="Events of the U.S. program and of U.S. mine policy, newest first",
    )
    show.download(address.rows("program_events", {"sort": "-date,event,entry_id"}), newest_first)

st.header("The Defense program’s own lines")
lines = queries.ask("dod_lines")
activities = queries.ask("program_activities")
if lines.is_empty() and activities.is_empty():
    st.info("No line of the Defense program is in this ledger; `hma refresh dod_hma` reads them.")
if not lines.is_empty():
    show.table(
        lines,
        {
            "Fiscal year": lambda row: show.plain(
                row["year"]
                or (
                    f"{row['period_start']} to {row['period_end']}" if row["period_start"] else None
                )
            ),
            "Line": show.text_of("account_as_printed"),
            "Country": show.text_of("area_as_printed"),
            "Dollars": show.usd_of("amount_usd", "precision", entry="entry_id"),
            "Status": show.text_of("status"),
            "What it is": show.text_of("series_title"),
            "Source": lambda row: show.link(row["report"], row["source_url"]),
        },
        alt="Budget lines of the Defense program and of lines shown beside them for scale",
    )
    show.download(
        address.rows(
            "funding",
            {
                "source_id": "dod_hma",
                "sort": "series,year,period_start,account_as_printed,entry_id",
            },
        ),
        lines,
    )
if not activities.is_empty():
    show.table(
        activities,
        {
            "Fiscal year": show.text_of("year"),
            "Country": show.text_of("area_as_printed"),
            "As printed": lambda row: show.entry_link(row["value_as_printed"], row["entry_id"]),
            "Note": show.text_of("note"),
            "Source": show.source_of(),
        },
        alt="Missions, events and people trained that the sources mention",
    )
    show.download(
        address.rows("program_activities", {"sort": "year,area_as_printed,entry_id"}), activities
    )
    show.small("No budget line after fiscal year 2005 and no yearly count of missions was found.")

st.header("How to read a figure")
st.markdown(
    "A missing figure is an en dash and means that it was not read; a zero is a printed zero. “More "
    "than”, “nearly” and “about” are kept: such a figure is a bound. A sum over years is never a year, "
    "a printed total is never added to its parts, and two sources are never added. Dollars are nominal. "
    "Casualties stand beside money and clearance; nothing here shows what caused what."
)
for title, words in (
    ("Accounts", ACCOUNTS), ("Flows", FLOWS), ("Years", YEAR_BASES), ("Bounds", PRECISIONS),
):  # fmt: skip
    with st.expander(title):
        show.table(
            pl.DataFrame(list(words.items()), schema=["word", "meaning"], orient="row"),
            {"Word": show.text_of("word"), "Meaning": show.text_of("meaning")},
            alt=f"{title}: words and their meaning",
        )

st.header("Sources and changes")
sources = queries.ask("sources")
st.markdown(
    f"The figures come from {sources.height} sources. [Sources]({address.page('/sources')}) gives each "
    "one’s publisher, caveats, terms and files, and what may not be added. "
    f"[Rejects and issues]({address.page('/findings')}) lists what could not be used as it stands. "
    f"[Changes]({address.page('/changes')}) says what each refresh added, revised or withdrew; the "
    "[feed](/feed.atom) brings it to a feed reader."
)
st.header("Terms")
st.markdown(
    "Code and transcription: Apache-2.0. Figures belong to the public record of their publishers, named "
    "with each. Outlines of the map: Natural Earth, public domain, through world-atlas (ISC). Boundaries "
    "and names imply no opinion on the legal status of any area. Every table can be downloaded; "
    "[the API lists them](/api/v1/)."
)
