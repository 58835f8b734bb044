"""What the program covered: how much, where, when, through which accounts, and how it ended."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from dashboard import address, charts, queries, show, worldmap
from dashboard.address import accept_code

SCOPES = {"dod": "Defense program alone", "all": "Whole U.S. effort"}

years = queries.ask("coverage_years")
profiles = queries.ask("areas_table")
events = queries.ask("program_events")
totals = queries.ask("latest_world_totals")
funded_again = queries.ask("appropriation")

st.title("What the U.S. Humanitarian Mine Action Program covered")
st.markdown(
    "“The program” has two readings. The **Defense humanitarian mine action program** (10 U.S.C. 407, "
    "paid from OHDACA) trains other countries’ deminers. The **whole U.S. effort** adds the State "
    "Department’s grants, USAID and CDC; State’s annual report prints all four side by side."
)
st.info(
    "A Defense memo of 2 December 2025 is reported to drop the Humanitarian Mine Action Program. The "
    "memo itself was not read, only press reports of it; the name fits the Defense program. It did not "
    "end the whole U.S. effort: State stopped its grants on 25 January 2025, and on 3 February 2026 "
    "Congress funded State’s line again"
    + "".join(
        f" with {show.entry_link(row['amount_as_printed'], row['entry_id'])} for fiscal year {row['year']}"
        for row in funded_again.iter_rows(named=True)
    )
    + f". [About]({address.page('/about')}) says how sure each of these is.",
    title="What ended, and what did not",
)
if years.is_empty():
    st.info(
        "State’s report is not in this ledger, so nothing can be said of how much and where. If it is on "
        "hold, the reason stands at the side; `hma refresh state_tweis` reads it again."
    )
    st.stop()

edition = queries.ask("coverage_source").row(0, named=True)
first_year, last_year = queries.years(years, "fiscal_year")
areas_count = int(years["areas_count"].to_list()[0])
dod_last = years.filter(fiscal_year=last_year, account="DoD")
dod_since = queries.ask("since_start").filter(account="DoD").sort("amount_usd", "area_as_printed")
printed_in = (
    f"Source: {show.link(edition['report'] + ', ' + edition['edition'], edition['source_url'])}"
)


def defense_of_year() -> None:
    """The Defense lines of the last year read."""
    if dod_last.is_empty():
        st.info(f"No Defense line of FY{last_year} was read; that is a gap, not a zero.")
        return
    row = dod_last.row(0, named=True)
    show.headline(
        f"Defense lines of State’s report, FY{last_year}",
        show.plain(show.usd(row["amount_usd"])),
        f"In {row['paid_areas_count']} of the {areas_count} countries whose table was read. The report "
        "prints “DoD”; it does not say that every dollar is the 10 U.S.C. 407 program’s.",
        f"{printed_in}; the DoD lines of the country pages added. "
        + show.rows_link(
            "Rows", address.rows("coverage", {"account": "DoD", "fiscal_year": last_year})
        ),
    )


def defense_since_start() -> None:
    """The printed sums since the start, added over the countries."""
    if dod_since.is_empty():
        st.info("No sum of the Defense lines since the start was read; that is a gap, not a zero.")
        return
    most = dod_since.row(-1, named=True)
    start_from, start_to = queries.years(dod_since, "period_start")
    _, until = queries.years(dod_since, "period_end")
    show.headline(
        f"Defense lines since the start, to {until}",
        show.plain(show.usd(queries.total(dod_since, "amount_usd"))),
        f"In {dod_since.filter(pl.col('amount_usd') > 0).height} countries, of which {show.plain(most['area_as_printed'])} "
        f"{show.entry_link(show.usd(most['amount_usd']), most['entry_id'])}; the sums start between "
        f"{start_from} and {start_to}.",
        f"{printed_in}; sums over the years, printed on {dod_since.height} country pages, added. "
        + show.rows_link(
            "Rows",
            address.rows(
                "funding",
                {
                    "series": "tweis_country_table",
                    "account": "DoD",
                    "is_cumulative": "yes",
                    "edition": dod_since["edition"].unique().sort().to_list(),
                    "area": dod_since["area"].to_list(),
                },
            ),
        ),
    )


first, second = st.columns(2)
with first:
    defense_of_year()
with second:
    defense_since_start()
show.small(
    "Most copies of the 17th edition’s pages lost their year headings; the years follow from the pattern "
    "of the editions, as each source row notes."
)
for column, row in zip(st.columns(2), totals.iter_rows(named=True), strict=False):
    span = f"{row['period_start']} to {row['period_end']}" if row["is_cumulative"] else None
    where = f"In {show.plain(row['countries_as_printed'])}. " if row["countries_as_printed"] else ""
    kind = "a sum over the years" if row["is_cumulative"] else "the last yearly figure read"
    with column:
        show.headline(
            f"Whole U.S. effort, {span or show.year_of(row['year'], row['year_basis'])}",
            show.plain(show.capital(row["amount_as_printed"])),
            f"{where}A lower bound for all conventional weapons destruction, which is broader than mine "
            f"action; {kind}.",
            show.source(row),
        )

show.unknown("program", accept_code("scope", SCOPES))
# a value instead of a default: a default is left out of the address, and a link would change with it
if (
    st.session_state.get("scope") not in SCOPES
    and st.query_params.get("scope") not in SCOPES.values()
):
    st.session_state["scope"] = "dod"
scope = st.segmented_control(
    "Which program",
    list(SCOPES),
    required=True,
    key="scope",
    format_func=SCOPES.__getitem__,
    bind="query-params",
)
is_dod = scope == "dod"
who = SCOPES["dod" if is_dod else "all"]

st.header("Where")
worldmap.section(str(scope), who, years["fiscal_year"].unique().to_list(), areas_count)

st.header("When and through which accounts")
shown = years.filter(pl.col("account") == "DoD") if is_dod else years


def rows_of(row: dict[str, Any]) -> dict[str, object]:
    """Filters that give the printed lines of one account and fiscal year."""
    return {"account": row["account"], "fiscal_year": row["fiscal_year"]}


shown = shown.with_columns(
    href=pl.Series(
        [address.behind("coverage", rows_of(row)) for row in shown.iter_rows(named=True)],
        dtype=pl.String,
    )
)
sums = shown.group_by("fiscal_year").agg(pl.col("amount_usd").sum()).sort("fiscal_year")
said = "; ".join(f"FY{year}: {show.usd(money)}" for year, money in sums.iter_rows())
show.chart(
    charts.funding_by_account(shown, show.with_entries(events)),
    title=f"{who}, {areas_count} countries: {said}",
    alt_text=f"Stacked bars of {who.lower()} money by account. {said}.",
    source_line=f"{printed_in}. Fiscal years 2013 and 2014 were read for few countries and are left out "
    "here; they stand on the country pages. ▾ marks a year with an event told under "
    f"[About]({address.page('/about')}).",
)
show.table(
    shown.sort("fiscal_year", "account"),
    {
        "Fiscal year": show.text_of("fiscal_year"),
        "Account": show.text_of("account"),
        "Nominal dollars": lambda row: show.rows_link(
            show.usd(row["amount_usd"]), address.rows("coverage", rows_of(row))
        ),
        "Countries above zero": show.number_of("paid_areas_count"),
        "Countries with a table": show.number_of("areas_count"),
    },
    alt="Money by fiscal year and account over the countries with a table",
)
show.download(
    address.rows(
        "coverage",
        {
            "account": "DoD" if is_dod else "",
            "fiscal_year.gte": first_year,
            "fiscal_year.lte": last_year,
        },
    ),
    label="Download the rows behind the chart",
)

st.header("The longer view")
world = queries.ask("world_totals").with_columns(pl.col("year").cast(pl.Float64))


def longer_view() -> None:
    """The printed yearly totals for the whole world, with the events beside them."""
    marked = {
        "1993-10": "program set up",
        "2025-01-25": "State grants stopped",
        "2025-12-02": "Defense memo",
        "2026-02-03": "State funded again",
    }
    rules = (
        show.with_entries(events)
        .filter(pl.col("date").is_in(list(marked)))
        .unique(subset="date", maintain_order=True)
        .with_columns(
            when=pl.col("year")
            + (pl.col("date").str.slice(5, 2).cast(pl.Float64, strict=False) - 1) / 12,
            label=pl.col("date").replace_strict(marked, return_dtype=pl.String),
        )
        .with_row_index("row")
        # one line of text below the other, above the points, so that the labels do not overlap
        .with_columns(at=max(world["amount_usd"].to_list()) * (1.42 - 0.09 * pl.col("row")))
        .select("when", "at", "label", "date", "event", "href")
    )
    said = "; ".join(
        f"{show.year_of(int(row['year']), row['year_basis'])}: {show.usd(row['amount_usd'], row['precision'])}"
        for row in (world.row(0, named=True), world.row(-1, named=True))
    )
    show.chart(
        charts.world_totals(show.with_entries(world), rules),
        title=f"Printed yearly totals for the whole world: {said}",
        alt_text=f"Points of printed yearly U.S. totals, {world['series_title'].n_unique()} series side by "
                 f"side: {said}.",
        source_line=f"{show.sources(world)} Each mark is one printed figure; CWD is conventional weapons "
        "destruction, broader than mine action. The points of 1993 to 1999 include Defense research. The series count different things and are never added or "
        "joined into one line.",
    )  # fmt: skip
    with st.expander("The figures in this chart"):
        show.table(
            world.with_columns(pl.col("year").cast(pl.Int64)),
            {
                "Year": show.text_of("year"),
                "Year basis": show.text_of("year_basis"),
                "As printed": show.as_printed(entry="entry_id"),
                "Series": show.text_of("series_title"),
                "Source": lambda row: show.link(
                    f"{row['report']}, {row['edition']}", row["source_url"]
                ),
            },
            alt="Printed yearly totals of U.S. money for the whole world",
        )


if world.is_empty():
    st.info(
        "No yearly total for the whole world is in this ledger; `hma refresh state_tweis "
        "us_official_statements landmine_monitor` reads those that are printed."
    )
else:
    longer_view()

st.header("Areas")
everything = st.toggle(
    "Also areas without a table in State’s report", key="all_areas", bind="query-params",
    help="They have other figures in the ledger, such as money, casualties or a treaty, but no table was read.",
)  # fmt: skip


def three_years(column: str, account: str = "") -> show.Cell:
    """A sum over three fiscal years, leading to the printed lines that are added."""

    def cell(row: dict[str, Any]) -> str:
        if row[column] is None:
            return show.MISSING
        wanted = {
            "area": row["area"], "account": account, "fiscal_year.gte": 2015, "fiscal_year.lte": 2017,
        }  # fmt: skip
        return show.rows_link(show.usd(row[column]), address.rows("coverage", wanted))

    return cell


def share_rows(row: dict[str, Any]) -> str:
    """The address of the row that gives the U.S. share of an area."""
    return address.rows(
        "dependency",
        {
            "basis": "monitor", "area": row["area"], "calendar_year": row["dependency_year"],
            "is_newest_edition": "yes",
        },
    )  # fmt: skip


listed = profiles if everything else profiles.filter(pl.col("all_fy2015_2017_usd").is_not_null())
show.table(
    listed,
    {
        "Area": lambda row: (
            f"[{show.plain(row['area_name'])}]({address.page('/country', area=row['area'])})"
        ),
        "DoD, FY2015–17": three_years("dod_fy2015_2017_usd", "DoD"),
        "All accounts, FY2015–17": three_years("all_fy2015_2017_usd"),
        "DoD since start": show.usd_of("dod_since_start_usd", entry="dod_since_start_entry_id"),
        "Since": lambda row: show.plain(
            f"{row['since_year']} to {row['until_year']}" if row["since_year"] else None
        ),
        "Casualties, latest year": lambda row: (
            show.entry_link(
                show.number(row["casualties_total"], floor=row["is_casualties_lower_bound"]),
                row["casualties_entry_id"],
            )
            + f" ({row['casualties_year']})"
            if row["casualties_year"]
            else show.MISSING
        ),
        "U.S. share of support": lambda row: (
            f"{show.rows_link(show.share(row), share_rows(row))} ({row['dependency_year']})"
            if row["dependency_year"]
            else show.MISSING
        ),
        "Mine Ban Treaty": lambda row: (
            show.rows_link(
                row["mine_ban_treaty"],
                address.rows("treaty_status", {"area": row["area"], "treaty": "MBT"}),
            )
            if row["mine_ban_treaty"]
            else show.MISSING
        ),
    },
    alt="Areas with U.S. money, casualties, dependency and treaty status",
)
show.small(
    f"{printed_in}; casualties and shares: Landmine Monitor, the newest edition read for the year in "
    "brackets. An en dash means that no figure was read, never zero. Casualties stand beside money; "
    "nothing here shows that one caused the other."
)
show.download(
    address.rows("area_profile", {} if everything else {"all_fy2015_2017_usd.null": "no"}), listed,
    label="Download these areas",
)  # fmt: skip
