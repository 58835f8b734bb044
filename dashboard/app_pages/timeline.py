"""Timeline: what happened to the U.S. program, its policy and three treaties, beside one series of money."""

from __future__ import annotations

from typing import Any, Final

import polars as pl
import streamlit as st

from dashboard import address, charts, queries, show
from dashboard.address import accept_code, accept_codes

PAGE_ROWS: Final = 60
MOST_RULES: Final = 60  # more could not be told apart
KINDS: Final = {
    "program": "U.S. program and policy",
    "withdrawal_notified": "Withdrawal notified",
    "withdrawal": "Withdrawal in effect",
    "signed": "Treaty signed",
    "joined": "Treaty ratified or joined",
    "in_force": "Treaty in force",
}
FIRST: Final = ("program", "withdrawal_notified", "withdrawal")
TREATIES: Final = {
    "MBT": "Mine Ban Treaty",
    "CCM": "Convention on Cluster Munitions",
    "CCW-AP2": "Amended Protocol II (CCW)",
}
SERIES: Final = {
    "none": "No series",
    # in the order of their colours on the first page
    "demining": "Whole effort: demining (fiscal years)",
    "monitor": "As the Monitor counts (calendar years)",
    "state": "State alone: all CWD (fiscal years)",
    "whole": "Whole effort: all CWD (fiscal years)",
}
MARKED: Final = {
    "1993-10": "program set up",
    "2025-01-25": "State grants stopped",
    "2025-12-02": "Defense memo",
    "2026-02-03": "State funded again",
}

st.title("Timeline")
st.markdown(
    "What happened to the U.S. program and its policy, and which states joined or left three treaties. Every event "
    "opens the row that it was read from."
)
st.info(
    "The memo of 2 December 2025 is known from press reports alone, and they name the Defense program. State’s "
    "grants were stopped on 25 January 2025; Congress funded State’s line again on 3 February 2026. "
    f"[About]({address.page('/about')}) says how sure each of these is.",
    title="What ended, and what did not",
)
everything = queries.ask("timeline_events")
if everything.is_empty():
    st.info(
        "No source of events or treaties is in this ledger. If one is on hold, the reason stands at the side; "
        "`hma refresh program_events treaties` reads both."
    )
    st.stop()


def first_value(key: str, value: Any) -> None:  # noqa: ANN401 (whatever the widget holds)
    """Begin with a value instead of a default, which would be left out of the address."""
    if key not in st.session_state and key not in st.query_params:
        st.session_state[key] = value


names = dict(
    everything.drop_nulls("area_name").select("area", "area_name").unique().sort("area_name").iter_rows()
)  # fmt: skip
show.unknown("kind", accept_codes("kinds", KINDS))
show.unknown("area", accept_code("area", names))
kinds = st.pills(
    "Kinds of events (none chosen: the program and withdrawals)", list(KINDS), format_func=KINDS.__getitem__, key="kinds", bind="query-params",
    selection_mode="multi", wrap=True,
)  # fmt: skip
area = st.selectbox(
    "Country or area", list(names), index=None, format_func=names.__getitem__, key="area",
    bind="query-params", placeholder="All",
)  # fmt: skip
shown = everything.filter(pl.col("kind").is_in(kinds or FIRST))
if area:
    is_named = pl.concat_str("event", "summary", "report", separator=" ", ignore_nulls=True).str.contains(
        names[area], literal=True
    )  # fmt: skip
    shown = shown.filter((pl.col("area") == area) | (pl.col("kind").eq("program") & is_named))
if shown.is_empty():
    st.info("No event that was read matches both. Take a kind or the country away.")
    st.stop()


def rules_of(events: pl.DataFrame, height: float) -> pl.DataFrame:
    """The events where they stand on an axis of years; the few that have a label have it in steps."""
    labelled = pl.col("date").replace_strict(MARKED, default=None, return_dtype=pl.String)
    steps = {date: place for place, date in enumerate(MARKED)}
    return (
        events.with_columns(
            month=pl.col("date").str.slice(5, 2).cast(pl.Float64, strict=False).fill_null(1),
            label=pl.when(pl.col("kind") == "program").then(labelled),
            step=pl.col("date").replace_strict(steps, default=0, return_dtype=pl.Int64),
        )
        .with_columns(
            when=pl.col("year") + (pl.col("month") - 1) / 12,
            at=height * (1.42 - 0.09 * pl.col("step")),
            # two events of one day share the label of the first
            label=pl.when(pl.int_range(pl.len()).over("date") == 0).then("label").fill_null(""),
        )
        .select("when", "at", "label", "date", "event", "href")
    )


world = queries.ask("world_totals").with_columns(pl.col("year").cast(pl.Float64))
present = world["series_title"].unique().to_list()
offered = {code: title for code, title in SERIES.items() if code == "none" or title in present}
show.unknown("series", accept_code("series", offered))
first_value("series", "monitor" if "monitor" in offered else "none")
series = st.selectbox(
    "Money beside the events: one series", list(offered), format_func=offered.__getitem__,
    key="series", bind="query-params",
)  # fmt: skip
if series != "none":
    money = world.filter(series_title=SERIES[series])
    drawn = shown.filter(pl.col("year") >= 1992)
    if drawn.height > MOST_RULES:
        st.info(
            f"{drawn.height:,} events would hide the series, so the chart marks only the {len(MARKED)} that it names. "
            "Choose fewer kinds, or a country."
        )
        drawn = everything.filter(pl.col("date").is_in(list(MARKED)) & pl.col("kind").eq("program"))
    first, last = money.row(0, named=True), money.row(-1, named=True)
    said = " to ".join(
        f"{show.usd(row['amount_usd'], row['precision'])} in {show.year_of(int(row['year']), row['year_basis'])}"
        for row in (first, last)
    )
    show.chart(
        charts.world_totals(
            show.with_entries(money), rules_of(show.with_entries(drawn), max(money["amount_usd"].to_list())), order=list(SERIES.values())[1:]
        ),
        title=f"U.S. money a year, “{SERIES[series]}”: {said}, beside {drawn.height} events",
        alt_text=f"Points of one printed series of yearly U.S. money for the whole world, {said}, with a dashed "
                 f"rule at each of {drawn.height} events.",
        source_line=f"{show.sources(money)} Nominal dollars as printed; CWD is conventional weapons destruction, "
        "broader than mine action. A dashed rule is an event in the table. A year without a mark was not read. An "
        "event beside a figure does not show that one caused the other.",
        rows=money,
    )  # fmt: skip


def source(row: dict[str, Any]) -> str:
    """What an event stands in: of a withdrawal, the reports that came after the depositary's table, if there are any."""
    reports = show.other_sources(row) if row["kind"].startswith("withdrawal") else ""
    return reports or show.link(
        row["report"] if row["kind"] == "program" else row["edition"], row["source_url"]
    )


st.header("Events")
ordered = shown.sort("date", "kind", "body", "entry_id", descending=[True, False, False, False])
show.table(
    show.paged(ordered, rows=PAGE_ROWS),
    {
        "Date": show.text_of("date"),
        "Kind": lambda row: show.plain(KINDS[row["kind"]]),
        "Event": lambda row: show.entry_link(
            row["event"] if row["kind"] == "program"
            else f"{row['body']}: {TREATIES[row['treaty']]}, {row['event']}",
            row["entry_id"],
        ),
        "What happened, and how sure": lambda row: (
            (f"{show.plain(row['body'])}: " if row["kind"] == "program" else "")
            + (show.plain(row["summary"]) if row["summary"] or not row["note"] else "")
            + (f" *Note: {show.plain(row['note'])}*" if row["note"] else "")
        ),
        "Source": source,
    },
    alt="Events of the U.S. program and of three treaties, newest first",
)  # fmt: skip
show.small(
    f"{shown.height:,} events, newest first. A date is as exact as the source: a year, a month or a day. The "
    "events of the program have no country of their own; with a country chosen, those that name it stay."
)
of_program, of_treaties = (
    ordered.filter(pl.col("kind").eq("program") == is_it) for is_it in (True, False)
)
if not of_program.is_empty():
    entries = of_program["entry_id"].to_list() if area else []
    show.download(
        address.rows("program_events", {"entry_id": entries, "sort": "-date,body,entry_id"}),
        of_program, label="Download the events of the program",
    )  # fmt: skip
if not of_treaties.is_empty():
    # one row of a treaty holds all its dates
    entries = of_treaties["entry_id"].unique(maintain_order=True).to_list()
    is_few = len(entries) <= PAGE_ROWS
    show.download(
        address.rows("treaty_status", {"entry_id": entries if is_few else []}),
        label="Download the treaty rows"
        if is_few
        else "Download all treaty rows, also of other kinds",
    )

leavers = queries.ask("treaty_leavers")
if not leavers.is_empty():
    today = queries.ask("refreshes").filter(
        refresh=queries.as_of() or queries.ask("refreshes")["refresh"].to_list()[0]
    )["day"].to_list()[0]  # fmt: skip

    def status(row: dict[str, Any]) -> str:
        """What the row's own dates say of the withdrawal; nothing is inferred from the treaty's rule."""
        effective, notified = row["withdrawal_effective"], row["withdrawal_notified"]
        if effective is None:
            return "withdrawal notified" if notified else "no withdrawal: see the note"
        return f"{'reported in effect' if effective <= today else 'reported, takes effect'} {effective}"

    st.header("Leaving a treaty, or suspending it")
    show.table(
        leavers,
        {
            "State": show.text_of("area_name"),
            "Treaty": lambda row: show.plain(TREATIES[row["treaty"]]),
            "Notified": show.text_of("withdrawal_notified"),
            "Status": lambda row: show.entry_link(status(row), row["entry_id"]),
            "What the row says": show.text_of("note"),
            "Read in": show.source_of(),
        },
        alt="States that leave a treaty or suspend it, with what was reported and since when",
    )
    show.small(
        "Dates of notification and effect come from announcements and press reports, which each row links; the "
        "depositary’s own notices were not read. An en dash means that no date was printed."
    )
