"""What the program covered: how much, where, when, through which accounts, and how it ended."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import charts, filters, queries, show
from dashboard.address import accept_code

SCOPES = {"dod": "Defense program alone", "all": "Whole U.S. effort"}

years = queries.ask("coverage_years")
profiles = queries.ask("areas_table")
since = queries.ask("since_start")
events = queries.ask("program_events")
yearly, cumulative = queries.ask("latest_world_totals").iter_rows(named=True)
edition = queries.ask("coverage_source").row(0, named=True)
_, last = queries.years(years, "fiscal_year")
_, areas_count = queries.years(years, "areas_count")
dod_last = years.filter(fiscal_year=last, account="DoD").row(0, named=True)
all_last = queries.total(years.filter(fiscal_year=last), "amount_usd")
dod_since = since.filter(account="DoD")
printed_in = (
    f"Source: {show.link(edition['report'] + ', ' + edition['edition'], edition['source_url'])}"
)

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
    "Congress funded State’s line again with 265 million dollars. See *About* for how sure each of "
    "these is.",
    title="What ended, and what did not",
)

first, second = st.columns(2)
third, fourth = st.columns(2)
with first:
    show.headline(
        f"Defense program, FY{last}",
        show.plain(show.usd(dod_last["amount_usd"])),
        f"In {dod_last['paid_areas_count']} of the {areas_count} countries with a table.",
        f"{printed_in}; accounts DoD of {areas_count} country pages added. "
        f"[Rows]({filters.address('coverage', {'account': 'DoD', 'fiscal_year': last})})",
    )
with second:
    show.headline(
        f"Whole U.S. effort, FY{last}",
        show.plain(show.usd(all_last)),
        f"All accounts of the same {areas_count} countries; conventional weapons destruction, which is "
        "broader than mine action.",
        f"{printed_in}; accounts of {areas_count} country pages added. "
        f"[Rows]({filters.address('coverage', {'fiscal_year': last})})",
    )
with third:
    show.headline(
        f"Whole U.S. effort, FY{yearly['year']}",
        show.plain(show.capital(yearly["amount_as_printed"])),
        f"In {yearly['countries_count']:.0f} countries and areas: the last yearly figure read; a lower "
        "bound.",
        show.source(yearly),
    )
with fourth:
    show.headline(
        f"Since {cumulative['period_start']}, to {cumulative['period_end']}",
        show.plain(show.capital(cumulative["amount_as_printed"])),
        "Whole U.S. effort; a printed sum over the years and a lower bound, in over "
        f"{cumulative['countries_count']:.0f} countries and areas.",
        show.source(cumulative),
    )

accept_code("scope", SCOPES)
scope = st.segmented_control(
    "Which program", list(SCOPES), default="dod", required=True, key="scope",
    format_func=SCOPES.__getitem__, bind="query-params",
)  # fmt: skip
is_dod = scope == "dod"
amount = "dod_fy2015_2017_usd" if is_dod else "all_fy2015_2017_usd"
who = SCOPES["dod" if is_dod else "all"]

st.header("Where")
covered = profiles.filter(pl.col(amount).is_not_null()).with_columns(
    words=pl.col(amount).map_elements(show.usd, return_dtype=pl.String),
    amount_class=charts.money_class(amount),
)
paid = covered.filter(pl.col(amount) > 0).sort(amount, descending=True)
top = paid.head(3)
leaders = ", ".join(f"{row['area_name']} {row['words']}" for row in top.iter_rows(named=True))
show.chart(
    charts.world_map(
        covered.select("area", "area_name", "amount_class", "words"), "dollars, FY2015–17"
    ),
    title=f"{who}, fiscal years 2015 to 2017: {show.usd(queries.total(paid, amount))} in "
    f"{paid.height} of the {areas_count} countries with a table",
    alt_text=f"World map of {who.lower()} money by country, fiscal years 2015 to 2017. Most went to "
             f"{leaders}. Countries without a table are grey: not read, not zero.",
    source_line=f"{printed_in}; newest edition for each fiscal year, three years added. Grey: no table "
    "of that country was read, which is not zero. Boundaries and names imply no opinion on the legal "
    "status of any area; outlines: Natural Earth (public domain).",
)  # fmt: skip

st.header("When and through which accounts")
shown = years.filter(pl.col("account") == "DoD") if is_dod else years
sums = shown.group_by("fiscal_year").agg(pl.col("amount_usd").sum()).sort("fiscal_year")
said = "; ".join(f"FY{year}: {show.usd(money)}" for year, money in sums.iter_rows())
show.chart(
    charts.funding_by_account(shown, events),
    title=f"{who}, {areas_count} countries: {said}",
    alt_text=f"Stacked bars of {who.lower()} money by account. {said}.",
    source_line=f"{printed_in}. Fiscal years 2013 and 2014 were read for few countries and are left out "
    "here; they stand on the country pages. ▾ marks a year with an event of the timeline below.",
)
show.table(
    shown.sort("fiscal_year", "account"),
    {
        "Fiscal year": show.text_of("fiscal_year"),
        "Account": show.text_of("account"),
        "Nominal dollars": show.usd_of("amount_usd"),
        "Countries above zero": show.number_of("paid_areas_count"),
        "Countries with a table": show.number_of("areas_count"),
    },
    alt="Money by fiscal year and account over the countries with a table",
)
show.download(
    filters.address("coverage", {"account": "DoD" if is_dod else "", "fiscal_year.gte": 2015}),
    label="Download the rows behind the chart (CSV)",
)

st.header("The longer view")
world = queries.ask("world_totals").with_columns(pl.col("year").cast(pl.Float64))
marked = {
    "1993-10": "program set up",
    "2025-01-25": "State grants stopped",
    "2025-12-02": "Defense memo",
    "2026-02-03": "State funded again",
}
rules = (
    events.filter(pl.col("date").is_in(list(marked)))
    .unique(subset="date", maintain_order=True)
    .with_columns(
        when=pl.col("year")
        + (pl.col("date").str.slice(5, 2).cast(pl.Float64, strict=False) - 1) / 12,
        label=pl.col("date").replace_strict(marked, return_dtype=pl.String),
    )
    .with_row_index("row")
    # one line of text below the other, so that the labels of 2025 and 2026 do not overlap
    .with_columns(at=4.35e8 - 2.6e7 * pl.col("row").cast(pl.Float64))
    .select("when", "at", "label", "date", "event")
)
show.chart(
    charts.world_totals(world, rules),
    title="Printed yearly totals for the whole world, 1993 to 2023: "
          "$10,191,000 in FY1993, more than $398,000,000 in FY2023",
    alt_text="Points of printed yearly U.S. totals, four series side by side, from 10 million dollars in "
             "fiscal year 1993 to more than 398 million in fiscal year 2023.",
    source_line=f"{show.sources(world)} Each mark is one printed figure. The series count different "
    "things and are never added or joined into one line.",
)  # fmt: skip
with st.expander("The figures in this chart"):
    show.table(
        world.with_columns(pl.col("year").cast(pl.Int64)),
        {
            "Year": show.text_of("year"),
            "Year basis": show.text_of("year_basis"),
            "As printed": lambda row: show.entry_link(
                row["amount_as_printed"] or show.usd(row["amount_usd"]), row["entry_id"]
            ),
            "Series": show.text_of("series_title"),
            "Source": lambda row: show.link(
                f"{row['report']}, {row['edition']}", row["source_url"]
            ),
        },
        alt="Printed yearly totals of U.S. money for the whole world",
    )

st.header("Areas")
everything = st.toggle(
    "Also areas without a table in State’s report", key="all_areas", bind="query-params",
    help="They have casualties, contributions or contamination in the ledger, but no table was read.",
)  # fmt: skip
listed = profiles if everything else profiles.filter(pl.col("all_fy2015_2017_usd").is_not_null())
show.table(
    listed,
    {
        "Area": lambda row: f"[{show.plain(row['area_name'])}](/country?area={row['area']})",
        "DoD, FY2015–17": show.usd_of("dod_fy2015_2017_usd"),
        "All accounts, FY2015–17": show.usd_of("all_fy2015_2017_usd"),
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
            f"{show.percent(row['us_share_percent'])} ({row['dependency_year']})"
            if row["dependency_year"]
            else show.MISSING
        ),
        "Mine Ban Treaty": show.text_of("mine_ban_treaty"),
    },
    alt="Areas with U.S. money, casualties, dependency and treaty status",
)
show.small(
    f"{printed_in}; casualties and shares: Landmine Monitor, the newest edition read for the year in "
    "brackets. An en dash means that no figure was read, never zero. Casualties stand beside money; "
    "nothing here shows that one caused the other."
)
show.download(
    filters.address("area_profile", {}), profiles.height, label="Download all areas (CSV)"
)
