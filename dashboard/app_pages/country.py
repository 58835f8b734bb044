"""One country: U.S. money by account, casualties, who else pays, land, treaties, events."""

from __future__ import annotations

import json
from typing import Any, Final

import polars as pl
import streamlit as st

from dashboard import address, casualties, charts, constant, queries, revisions, show, side_by_side
from dashboard.address import accept_code

FEW: Final = 10  # withdrawn figures that are named

options = queries.ask("area_options")
names = dict(options.select("area", "area_name").iter_rows())
unknown = accept_code("area", names)
area = st.selectbox(
    "Country or area",
    list(names),
    index=None,
    format_func=names.__getitem__,
    key="area",
    bind="query-params",
    placeholder="Choose a country or area",
)
if area is None:
    st.title("Country")
    show.unknown("area", unknown)
    if options.is_empty():
        st.info(
            "No source in this ledger has a figure of a country or area. If one is on hold, the reason "
            "stands at the side; `hma refresh` reads all of them."
        )
        st.stop()
    st.markdown("Choose one of the countries and areas for which the ledger holds figures:")
    st.markdown(
        ", ".join(
            f"[{show.plain(label)}]({address.page('/country', area=code)})"
            for code, label in names.items()
        )
    )
    st.stop()
name = names[area]
chosen = options.filter(area=area).row(0, named=True)
st.title(show.plain(name))
show.tab("Country", name)
if chosen["state_region"]:
    show.small(f"Region of the State Department: {show.plain(chosen['state_region'])}.")
st.markdown(f"[Two pages to print]({address.page('/brief', area=area)})")

dropped = queries.withdrawn(area)
if dropped:
    gone = [
        f"{show.entry_link(revisions.name(table, json.loads(row)), entry_id)} (refresh {refresh})"
        for table, entry_id, row, refresh in dropped[:FEW]
    ]
    more = f", and {len(dropped) - FEW:,} more" if len(dropped) > FEW else ""
    st.warning(
        f"{len(dropped):,} figures of {show.plain(name)} were withdrawn: a source or this ledger no longer "
        f"gives them, and no sum on this page holds them. {'; '.join(gone)}{more}."
        if len(dropped) > 1
        else f"A figure of {show.plain(name)} was withdrawn: a source or this ledger no longer gives it, "
        f"and no sum on this page holds it. {gone[0]}."
    )

st.header("U.S. money by account")
coverage = queries.ask("area_coverage", area=area)
if coverage.is_empty():
    st.info(
        f"No table of State’s report was read for {show.plain(name)}. That is a gap of this ledger, not "
        "a zero: the report’s full appendix could not be read. Other printed figures follow below."
    )
else:
    is_constant = constant.switch()
    drawn, usd, dollars = coverage, show.usd, "nominal U.S. dollars"
    if is_constant:
        has_index = pl.col(constant.COLUMN).is_not_null()
        lacking = coverage.filter(~has_index).drop_nulls("amount_usd")["fiscal_year"]
        which = constant.note("fiscal", lacking)
        is_constant = coverage.select(has_index.any()).item()
        if is_constant:
            coverage = coverage.with_columns(amount_usd=constant.COLUMN)
            drawn, usd, dollars = coverage.filter(has_index), constant.usd, constant.unit("fiscal")
            show.small(which)
        else:
            st.info(f"{which} Nominal dollars are shown.")
    first, last = queries.years(drawn, "fiscal_year")
    every = queries.total(drawn, "amount_usd")
    dod_total = queries.total(drawn.filter(account="DoD"), "amount_usd")
    span = f"FY{first}–{last}"
    inferred = (
        "The copy read shows no year headings; the years follow from the pattern of the editions. "
        if coverage["note"].fill_null("").str.contains("column years not shown").any()
        else ""
    )
    finding = (
        f"{name}, {span}: {usd(every)} from all accounts, of which Defense {usd(dod_total)}"
        + (f", in {dollars}" if is_constant else "")
    )
    show.chart(
        charts.funding_by_account(
            show.with_entries(drawn),
            show.with_entries(queries.ask("program_events")),
            dollars=dollars,
        ),
        title=finding,
        alt_text=f"Stacked bars of U.S. money by account and fiscal year. {finding}.",
        source_line=f"{show.sources(coverage.sort('fiscal_year', descending=True))} {inferred}"
        f"{show.capital(dollars.replace('U.S. ', ''))}; all "
        "conventional weapons destruction, which is broader than mine action. ▾ marks a year with an "
        f"event of the U.S. program or its policy, told under [About]({address.page('/about')}).",
    )
    by_account = {(row["fiscal_year"], row["account"]): row for row in coverage.rows(named=True)}

    def account_cell(account: str) -> show.Cell:
        """The amount of one account in the row's fiscal year, linked to its entry."""

        def cell(row: dict[str, Any]) -> str:
            printed = by_account.get((row["fiscal_year"], account), {})
            return show.entry_link(usd(printed.get("amount_usd")), printed.get("entry_id"))

        return cell

    def year_rows(column: str) -> show.Cell:
        """A total of the row's fiscal year, leading to the accounts that it stands beside."""
        return lambda row: show.rows_link(
            show.usd(row[column]),
            address.rows("coverage", {"area": area, "fiscal_year": row["fiscal_year"]}),
        )

    there = {account for _, account in by_account}
    accounts = [name for name in charts.ACCOUNT_ORDER if name in there]
    yearly = coverage.unique(subset="fiscal_year").sort("fiscal_year")
    nominal, deflated = (", nominal", ", constant") if is_constant else ("", "")
    show.table(
        yearly,
        {
            "Fiscal year": show.text_of("fiscal_year"),
            **{f"{account}{deflated}": account_cell(account) for account in accounts},
            f"Printed total{nominal}": year_rows("printed_total_usd"),
            f"Accounts added{nominal}": year_rows("accounts_sum_usd"),
            "Edition": show.source_of(),
        },
        alt=f"U.S. money in {name} by fiscal year and account, "
        + (f"in {dollars}" if is_constant else "as State’s report prints it"),
    )
    for row in yearly.filter(~pl.col("is_total_confirmed")).iter_rows(named=True):
        st.warning(
            f"FY{row['fiscal_year']}: the page prints a total of {show.plain(show.usd(row['printed_total_usd']))}, "
            f"but its accounts add to {show.plain(show.usd(row['accounts_sum_usd']))}. The ledger adds "
            "the accounts and changes neither."
        )
    earlier = queries.ask("area_earlier", area=area)
    if not earlier.is_empty():
        st.subheader("Restated by a later edition")
        show.table(
            earlier,
            {
                "Fiscal year": show.text_of("fiscal_year"),
                "Account": show.text_of("account"),
                "Earlier edition": show.usd_of("amount_usd", entry="entry_id"),
                "Printed in": show.source_of(),
                "Newest edition": lambda row: show.rows_link(
                    show.usd(row["newest_usd"]),
                    address.rows(
                        "coverage",
                        {
                            "area": area,
                            "fiscal_year": row["fiscal_year"],
                            "account": row["account"],
                        },
                    ),
                ),
                "Newest": show.text_of("newest_edition"),
            },
            alt=f"Amounts for {name} that a later edition restated",
        )
    start = queries.ask("area_since_start", area=area)
    if not start.is_empty():
        st.subheader("Since the start, as printed")
        show.table(
            start,
            {
                "Account": lambda row: show.plain(
                    "Printed total" if row["is_printed_total"] else row["account"]
                ),
                "Sum over the years": show.usd_of("amount_usd", entry="entry_id"),
                "Years": lambda row: show.plain(f"{row['period_start']} to {row['period_end']}"),
                "Edition": show.source_of(),
            },
            alt=f"Sums of U.S. money in {name} since the start",
        )
    show.download(
        address.rows("coverage", {"area": area}),
        None if is_constant else coverage,
        label="Download this table" + (" in nominal dollars" if is_constant else ""),
    )
    if is_constant:
        show.download(
            address.rows("funding_constant", {"area": area, "series": "tweis_country_table"}),
            label="Download State’s figures in constant dollars, of every edition",
        )

other = queries.ask("area_other_us", area=area)
if not other.is_empty():
    with st.expander(f"Other printed figures of U.S. money: {other.height}, none to be added"):
        show.table(
            show.paged(other),
            {
                "Period": lambda row: show.plain(
                    row["year"]
                    or f"{row['period_start']} to {row['period_end'] or 'a date not stated'}"
                ),
                "Year basis": show.text_of("year_basis"),
                "As printed": show.as_printed(entry="entry_id"),
                "Status": show.text_of("status"),
                "What": show.text_of("account_as_printed"),
                "Series": show.text_of("series_title"),
                "Source": lambda row: show.link(row["report"], row["source_url"]),
            },
            alt=f"Other printed figures of U.S. money in {name}",
        )
        show.small(
            "They report the same U.S. money as State’s tables, rounded or at another stage."
        )

st.header("Sources side by side")
compared = queries.ask("area_reconciliation", area=area)
if compared.filter(pl.col("sources_count") > 1).is_empty():
    st.info(
        f"No two of the sources that count U.S. money by country and year have a figure of {show.plain(name)} for "
        "one year, so nothing can be set side by side"
        + ("." if compared.is_empty() else "; what there is stands below.")
    )
if not compared.is_empty():
    side_by_side.table(
        compared,
        alt=f"U.S. money in {name} by year, as each source counts it, beside State’s report",
    )
    show.download(
        address.rows("reconciliation", {"area": area, "sort": "-year,measure,flow"}), compared,
        label="Download the comparison",
    )  # fmt: skip
    side_by_side.reasons(compared)

st.header("Casualties")
hurt = queries.ask("area_casualties", area=area)
if hurt.is_empty():
    st.info(f"The ledger holds no casualty figure of {show.plain(name)} that counts people.")
else:
    bars = casualties.bars(hurt)
    with_total = hurt.drop_nulls("total")
    if with_total.is_empty() or bars.is_empty():
        st.info("No total is printed for any year that was read; the parts are in the table.")
    else:
        whole = with_total.filter(~pl.col("is_partial_year"), ~pl.col("is_other_scope"))
        # a year counted in part or by another scope is no measure for the others
        latest = (with_total if whole.is_empty() else whole).row(-1, named=True)
        finding = (
            f"{name}: {show.number(latest['total'], floor=latest['lower_bound'])} casualties in "
            f"{latest['calendar_year']}"
        )
        if whole.is_empty():
            finding += f"{casualties.bound(latest)}; no whole year of all casualties was read"
        else:
            worst = whole.sort("total", "calendar_year").row(-1, named=True)
            finding += (
                ", the latest whole year read; the most in one whole year read were "
                f"{show.number(worst['total'], floor=worst['lower_bound'])} in {worst['calendar_year']}"
            )
        breaks = int(hurt["is_break"].sum())
        show.chart(
            charts.casualties(bars, casualties.signs(hurt)),
            title=finding,
            alt_text=f"Stacked bars of people killed and injured by year, with {breaks} breaks in the series. "
            f"{finding}.",
            source_line=f"{show.sources(hurt.sort('calendar_year', descending=True))} {charts.SIGNS} Of each year "
            "one figure: the Monitor’s newest edition, else a national register; never a sum. People killed or "
            "injured by mines and explosive remnants; the true number is higher. The chart stands beside money "
            f"and does not show what caused what.{casualties.small_numbers(hurt)}",
        )
    newest_first = hurt.sort("calendar_year", descending=True)
    casualties.chosen_table(newest_first, alt=f"Casualties in {name} by year")
    casualties.notes(newest_first)
    show.download(
        address.rows("casualties_by_area_year", {"area": area, "sort": "-calendar_year"}), newest_first,
        label="Download this table",
    )  # fmt: skip
casualties.side_by_side(area, name)

registers = queries.ask("area_registers", area=area)
if not registers.is_empty():
    with st.expander(
        f"Counted by national programmes, UN bodies and others: {registers.height} rows"
    ):
        show.table(
            registers,
            {
                "Year": lambda row: show.plain(
                    f"{row['year']}{', part of the year' if row['is_partial_year'] else ''}"
                ),
                "Killed": show.number_of("killed"),
                "Injured": show.number_of("injured"),
                "Total": show.number_of("total", floor="lower_bound", entry="entry_id"),
                "Counted by": show.source_of(),
                "Note": show.text_of("note"),
            },
            alt=f"Casualties in {name} as counted by others than the Monitor",
        )
        show.small("Definitions differ from the Monitor’s. Part-year rows are not yearly figures.")
        monitor = ["monitor_casualties", "monitor_world_casualties"]
        show.download(
            address.rows(
                "casualties",
                {"area": area, "series.ne": monitor, "sort": "year,edition,entry_id"},
            ),
            registers,
        )


def show_register(rows: pl.DataFrame) -> None:
    """One register by calendar year: people by what happened to them, or accidents."""
    about = rows.row(0, named=True)
    first, last = queries.years(rows, "year")
    is_people = about["unit"] == "person"
    count = int(rows["rows_count"].sum())
    found = (
        f"{int(rows['killed'].sum()):,} killed and {int(rows['injured'].sum()):,} injured"
        if is_people
        else f"{count:,} accidents"
    )
    of_it = {"area": area, "series": about["series"], "unit": about["unit"]}

    def rows_of(column: str, outcome: str | None = None) -> show.Cell:
        """A count, linked to the rows of which it is made."""
        return lambda row: show.rows_link(
            show.number(row[column]),
            address.rows("casualty_events", {**of_it, "year": row["year"], "outcome": outcome}),
        )

    st.subheader(show.plain(about["title"] or about["report"]))
    st.markdown(
        f"**{found}, {first} to {last}.** Never added to the Monitor’s figures above, nor to another register: "
        "they count what happened in the same country."
    )
    with st.expander(f"By calendar year: {rows.height} rows"):
        show.table(
            rows,
            {
                "Year": lambda row: (
                    f"{row['year']}{', incomplete' if row['is_newest_year'] else ''}"
                ),
                **(
                    {
                        "Killed": rows_of("killed", "killed"),
                        "Injured": rows_of("injured", "injured"),
                        "All": rows_of("rows_count"),
                    }
                    if is_people
                    else {"Accidents": rows_of("rows_count")}
                ),
            },
            alt=f"{'People killed and injured' if is_people else 'Accidents'} in {name} by calendar year, as "
            "the register counts them",
        )
    show.small(
        f"{show.sources(rows)} {show.plain(about['caution'])} Calendar years of the accident. The newest year is "
        "taken for incomplete, as a register is copied while it runs. A year without a row has none in this copy."
    )
    if is_people:
        show.small(casualties.PRIVACY)
    show.download(
        address.rows("casualty_events", of_it),
        count,
        label=f"Download the {'people' if is_people else 'accidents'}",
    )


for _key, register in queries.ask("area_register_years", area=area).group_by(
    "unit", "source_id", "series", maintain_order=True
):
    show_register(register)

st.header("Who else pays")
shares = queries.ask("area_dependency", area=area)
if shares.is_empty():
    st.info(f"No table of donors could be read well enough for {show.plain(name)} to give a share.")
else:
    newest = shares.row(-1, named=True)
    year = newest["calendar_year"]
    finding = (
        f"{name}: U.S. money was {show.share(newest)} of all international support in {year}, the "
        "latest year read"
        if newest["is_us_listed"]
        else f"{name}: the Monitor’s table of {year}, the latest year read, lists no U.S. contribution"
    )

    def year_of_it(row: dict[str, Any]) -> dict[str, object]:
        """Filters that give one year of one edition, of its basis; rows published earlier name none."""
        return {
            "basis": row.get("basis"), "area": area, "calendar_year": row["calendar_year"],
            "is_newest_edition": "yes",
        }  # fmt: skip

    each = list(shares.iter_rows(named=True))
    shares = shares.with_columns(
        us_href=pl.Series([address.behind("dependency", year_of_it(row)) for row in each]),
        href=pl.Series([address.behind("donors", year_of_it(row)) for row in each]),
    )
    stacked = pl.concat(
        [
            shares.select(
                "calendar_year", "us_share_percent", amount_usd="us_usd", href="us_href"
            ).with_columns(payer=pl.lit("United States")),
            shares.select(
                "calendar_year", "us_share_percent",
                amount_usd=pl.col("all_donors_usd") - pl.col("us_usd"), href="href",
            ).with_columns(payer=pl.lit("other donors")),
        ]
    )  # fmt: skip
    show.chart(
        charts.dependency(stacked),
        title=finding,
        alt_text=f"Stacked bars of U.S. and other donors’ contributions by year. {finding}.",
        source_line="Source: "
        + show.link(f"Landmine Monitor, {newest['edition']}", newest["source_url"])
        + " and the editions in the table. Numerator and denominator come from the same page. Calendar "
        "years, mine action only: not State’s fiscal-year figures above, and never added to them.",
    )
    yearly = shares.sort("calendar_year", descending=True, maintain_order=True)
    show.table(
        yearly,
        {
            "Year": show.text_of("calendar_year"),
            "United States": lambda row: (
                show.entry_link(show.usd(row["us_usd"]), row["us_entry_id"])
                if row["is_us_listed"]
                else "not listed among the donors"
            ),
            "All donors": lambda row: show.rows_link(
                show.usd(
                    row["all_donors_usd"], "approximate" if row["is_approximate"] else "exact"
                ),
                address.rows("donors", year_of_it(row)),
            ),
            "U.S. share": lambda row: show.rows_link(
                show.share(row), address.rows("dependency", year_of_it(row))
            ),
            "Donors": show.number_of("donors_count"),
            "All donors is": show.text_of("denominator"),
            "Edition": show.source_of(),
        },
        alt=f"U.S. share of international support for {name} by year",
    )
    donors = queries.ask("area_donors", area=area)
    _, year = queries.years(donors, "year")
    with st.expander(f"Donors in {year}: {donors.height} rows"):
        show.table(
            donors,
            {
                "Donor": show.text_of("donor"),
                "Dollars": show.usd_of("amount_usd", entry="entry_id"),
                "As printed": show.text_of("amount_as_printed"),
                "Sector": show.text_of("sector_as_printed"),
                "Table": show.text_of("sum_check"),
                "Edition": show.source_of(),
            },
            alt=f"Donors of {name} in {year}",
        )
    # the basis shown and no other; rows published before there was another name none
    of_basis = {"basis": basis} if (basis := newest.get("basis")) else {}
    show.download(
        address.rows(
            "dependency", {**of_basis, "area": area, "is_newest_edition": "yes", "sort": "-calendar_year"}
        ),
        yearly, label="Download the shares",
    )  # fmt: skip
    show.small(
        f"[Each donor over the years, and what other sources say]({address.page('/who_else_pays', area=area)})"
    )

st.header("Clearance")
cleared = queries.ask("area_clearance", area=area)
if cleared.is_empty():
    st.info(f"No clearance figure was read for {show.plain(name)}.")
else:
    show.table(
        cleared,
        {
            "Year": show.text_of("year"),
            "Hazard": show.text_of("hazard"),
            "Cleared, km²": show.bounded_of(
                "area_cleared_km2", "area_cleared_precision", entry="entry_id"
            ),
            "Reduced, km²": show.bounded_of("area_reduced_km2", "area_reduced_precision"),
            "Cancelled, km²": show.number_of("area_cancelled_km2"),
            "Antipersonnel mines": show.bounded_of("ap_mines_destroyed", "ap_mines_precision"),
            "Antivehicle mines": show.bounded_of("av_mines_destroyed", "av_mines_precision"),
            "Other items": show.bounded_of("erw_destroyed", "erw_precision"),
            "Note": show.text_of("note"),
            "Edition": show.source_of(),
        },
        alt=f"Land released and items destroyed in {name}",
    )  # fmt: skip
    show.small(
        "Cleared, reduced and cancelled are different things, and kinds of hazard overlap: rows are not "
        "to be added. A year without a row was not read."
    )
    show.download(
        address.rows("clearance", {"area": area, "sort": "-year,hazard,-edition_order"}),
        cleared,
    )

st.header("Contamination")
left = queries.ask("area_contamination", area=area)
if left.is_empty():
    st.info(f"No estimate of contamination was read for {show.plain(name)}.")
else:
    show.table(
        left,
        {
            "Date of the estimate": show.text_of("estimate_date"),
            "Hazard": show.text_of("hazard"),
            "As printed": lambda row: show.entry_link(
                row["contamination_as_printed"], row["entry_id"]
            ),
            "Class": show.text_of("contamination_class"),
            "Confirmed, km²": show.number_of("confirmed_km2"),
            "Suspected, km²": show.number_of("suspected_km2"),
            "Edition": show.source_of(),
        },
        alt=f"Estimates of contamination in {name}",
    )
    show.small("Estimates differ in method; a survey can multiply or divide one.")
    show.download(
        address.rows("contamination", {"area": area, "sort": "-estimate_date,hazard,entry_id"}),
        left,
    )

st.header("Treaties")
treaties = queries.ask("area_treaties", area=area)
if treaties.is_empty():
    st.info(
        f"No row for {show.plain(name)}: it was not read as a party or signatory of the Mine Ban Treaty, "
        "the Convention on Cluster Munitions or amended Protocol II."
    )
else:
    show.table(
        treaties,
        {
            "Treaty": lambda row: show.entry_link(
                {
                    "MBT": "Mine Ban Treaty",
                    "CCM": "Convention on Cluster Munitions",
                    "CCW-AP2": "Amended Protocol II (CCW)",
                }[row["treaty"]],
                row["entry_id"],
            ),
            "Signed": show.text_of("signed"),
            "Bound": show.text_of("bound_date"),
            "By": show.text_of("bound_kind"),
            "In force": show.text_of("entry_into_force"),
            "Withdrawal in effect": show.text_of("withdrawal_effective"),
            "Note": show.text_of("note"),
            "Read in": show.source_of(),
        },
        alt=f"Status of {name} under three treaties",
    )
    show.download(
        address.rows("treaty_status", {"area": area, "sort": "treaty,entry_id"}), treaties
    )

st.header("Events of the U.S. program")
happened = queries.ask("program_events")
named = happened.filter(
    pl.concat_str(
        "event",
        "summary",
        "report",
        separator=" ",
    ).str.contains(name, literal=True)
)
key = happened.filter(
    pl.col("date").is_in(["2025-01-20", "2025-01-25", "2025-12-02", "2026-02-03"])
)
if happened.is_empty():
    st.info("No event is in this ledger; `hma refresh program_events` reads them.")
else:
    show.table(
        pl.concat([named, key]).unique(subset="entry_id").sort("date", "event", "entry_id"),
        {
            "Date": show.text_of("date"),
            "Event": lambda row: show.entry_link(row["event"], row["entry_id"]),
            "What happened": show.text_of("summary"),
            "Source": lambda row: show.link(row["report"], row["source_url"]),
        },
        alt=f"Events of the U.S. program that name {name}, and those of 2025 and 2026 for all countries",
    )
    show.small(
        "Those that name the country, and the stops and decisions of 2025 and 2026 for all countries."
    )
