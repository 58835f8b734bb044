"""Who else pays: the U.S. share by area, covered areas left behind, and the donors of one area."""

from __future__ import annotations

from typing import Any, Final

import polars as pl
import streamlit as st

from dashboard import address, casualties, charts, queries, show

SCOPES: Final = {"dod": "Defense program alone", "all": "Whole U.S. effort"}
STOPPED: Final = 2024  # the last whole year before State's grants were stopped, in January 2025
BARS: Final = 30
FEW: Final = 5  # shares of one year that are named; a year with fewer is not shown first

Row = dict[str, Any]

st.title("Who else pays")
st.markdown(
    "What share of the international money for an area’s mine action came from the United States, and who "
    "gave the rest. The same dollar stands in several sources and at several stages, so one of them is shown at "
    "a time and nothing is added across them."
)
bases = queries.ask("bases")
if bases.is_empty():
    st.info(
        "This refresh says nothing of who else pays: the shares on more than one basis were published only by "
        "later ones. [Show the newest](/who_else_pays)"
    )
    st.stop()
titles = dict(bases.select("basis", "title").iter_rows())


def chosen(key: str, labels: dict[str, str], otherwise: str) -> str:
    """The code that the address gives for ``key``; it is written there, so that a link keeps its meaning."""
    given = address.meant(key, str(st.query_params.get(key, otherwise)), labels)
    # what this page wrote there by itself on another basis is no choice of the reader's
    own = f"{key}_by_itself"
    if given not in labels and given == st.session_state.get(own):
        given = otherwise
    elif given not in labels:
        st.warning(
            f"There is no {key} {show.plain(given[:80])} here."
            + (" Its donors were not read on this basis." if key == "area" else "")
        )
        given = otherwise
    if given and st.query_params.get(key) != given:
        st.query_params[key] = given
        st.session_state[own] = given
    return given


filled = bases.filter(pl.col("areas_count") > 0)["basis"].to_list()
first = next((name for name in titles if name in filled), next(iter(titles)))
basis = address.choose(
    "Source and stage of spending", titles, chosen("basis", titles, first), key="basis",
    hint="One at a time: they report the same money.",
)  # fmt: skip
about = bases.filter(basis=basis).row(0, named=True)
source = show.link(about["source_title"], about["source_url"])
if not about["areas_count"]:
    command = f"hma refresh {about['source_id']}"
    others = "; ".join(show.plain(titles[name]) for name in titles if name in filled)
    st.info(
        f"This ledger holds no figure of {show.plain(about['source_title'])} on this basis. Its files do not come "
        f"with the project, or are on hold. On the machine that keeps the ledger, `{command}` reads them. Nothing "
        "follows from that: not read is not nothing paid."
        + (f" There are figures on: {others}." if others else "")
    )
    st.stop()
summary = queries.ask("dependency_rows", basis=basis)
orphaned = queries.ask("orphaned_rows", basis=basis)
show.small(
    f"Source: {source}. Held: {about['areas_count']:,} recipients, years between {about['first_year']} and "
    f"{about['last_year']}, with gaps. {show.plain(about['caution'])}"
)


# One figure and where it leads


def key_of(row: Row) -> str:
    """The area's code, or its name where it has none."""
    return str(row["area"] or row["area_name"])


def where(row: Row) -> dict[str, object]:
    """Filters that give the rows of a recipient in a view."""
    return (
        {"area": row["area"]}
        if row["area"]
        else {"area.null": "yes", "area_name": row["area_name"]}
    )


def area_link(row: Row) -> str:
    """The recipient, leading to its donors on this page."""
    return f"[{show.plain(row['area_name'])}]({address.page('/who_else_pays', basis=basis, area=key_of(row))})"


def percent(value: float, *, is_about: bool = False) -> str:
    """A share that is not broken before its sign."""
    return f"{'about ' if is_about else ''}{show.percent(value)}".replace(" ", "\u00a0")


def share_of(row: Row) -> str:
    """The U.S. share with its year, leading to its row; unknown is no zero."""
    if row["share_year"] is None:
        is_absent = row["is_us_listed_latest"] is False and row["us_years_count"] == 0
        words = f"U.S. not listed ({row['latest_year']})" if is_absent else "not known"
        # an area whose donors were not read has no row to lead to
        return (
            words if row["known_years_count"] is None else show.rows_link(words, summary_row(row))
        )
    words = (
        percent(row["us_share_percent"], is_about=row["is_approximate"])
        if row["is_us_listed"]
        else "U.S. not listed"
    )
    return f"{show.rows_link(words, share_rows(row))} ({row['share_year']})"


def share_rows(row: Row) -> str:
    """The address of the row that gives the share of a recipient's latest known year."""
    return address.rows(
        "dependency",
        {
            "basis": basis, **where(row), "calendar_year": row["share_year"], "is_newest_edition": "yes",
        },
    )  # fmt: skip


def summary_row(row: Row) -> str:
    """The address of all that is known of a recipient on this basis."""
    return address.rows("dependency_summary", {"basis": basis, **where(row)})


def us_amount(row: Row, year: int | None, amount: float | None) -> str:
    """What the United States gave in a year, leading to the source row or rows."""
    if amount is None or year is None:
        return show.MISSING
    if not row["is_us_listed"]:
        return "not listed"
    words = show.usd(amount)
    if row["us_entry_id"]:
        return show.entry_link(words, row["us_entry_id"])
    return show.rows_link(words, funding_rows(row, year, {"donor_area": "USA"}))


def funding_rows(row: Row, year: int, more: dict[str, object]) -> str:
    """The address of the figures that are added on this basis for one recipient and year."""
    place = (
        {"area": row["area"]}
        if row["area"]
        else {"area.null": "yes", "area_as_printed": row["area_name"]}
    )
    return address.rows(
        "funding",
        {
            "series": about["series"], "flow": about["flow"], **place, "year": year, "status": "actual",
            "is_cumulative": "no", "is_printed_total": "no", **more,
        },
    )  # fmt: skip


def all_donors(row: Row) -> str:
    """What all donors gave, leading to the donors."""
    if row["all_donors_usd"] is None:
        return show.MISSING
    words = show.usd(row["all_donors_usd"], "approximate" if row["is_approximate"] else "exact")
    rows = address.rows(
        "donors",
        {"basis": basis, **where(row), "calendar_year": row["share_year"], "is_newest_edition": "yes"},
    )  # fmt: skip
    return show.rows_link(words, rows)


def alone(row: Row) -> str:
    """In how many of the years read the United States was the only donor."""
    known = row["known_years_count"]
    if not known:
        return "not known"
    return f"{row['us_only_years_count'] or 0} of {known} known"


def span(row: Row) -> str:
    """First and last year read with U.S. money."""
    begin, end = row["first_us_year"], row["last_us_year"]
    if begin is None:
        return "none read"
    return str(begin) if begin == end else f"{begin}, {end}"


def change(row: Row) -> str:
    """What became of U.S. money after 2024, as far as the source can say."""
    latest = row["latest_year"]
    if latest is None or latest <= STOPPED:
        return f"no year after {STOPPED} read"
    if not row["is_us_listed_latest"]:
        return f"U.S. not listed in {latest}"
    if row["us_change_usd"] is None:
        return f"not known for {latest}"
    percent = (
        f", {row['us_change_percent']:+.1f} %".replace("-", "−")
        if row["us_change_percent"] is not None
        else ""
    )
    return show.plain(f"{show.signed_usd(row['us_change_usd'])}{percent} to {latest}")


def more_columns(frame: pl.DataFrame) -> dict[str, show.Cell]:
    """The columns of which at least one row can say something."""
    columns: dict[str, show.Cell] = {}
    if frame["us_only_years_count"].fill_null(0).sum():
        columns["Years as only donor"] = alone
    if (frame["latest_year"].fill_null(0) > STOPPED).any():
        columns[f"Change after {STOPPED}"] = change
    return columns


def not_said() -> str:
    """What the columns that are left out would say."""
    words = []
    if not summary["us_only_years_count"].fill_null(0).sum():
        words.append("In no year read is the United States known to be the only donor.")
    if not (summary["latest_year"].fill_null(0) > STOPPED).any():
        words.append(
            f"No year after {STOPPED} that had ended was read, so no change since then is known: it is not nought."
        )
    return " ".join(words)


def index(row: Row) -> str:
    """The Herfindahl index with two decimals."""
    value = row["herfindahl_index"]
    return show.MISSING if value is None else f"{value:.2f}"


# The sections


def ranking() -> None:
    """The U.S. share by recipient: chart and table."""
    st.header("How much came from the United States")
    known = summary.filter(pl.col("us_share_percent").is_not_null() & pl.col("is_us_listed"))
    not_listed = summary.filter(
        ~pl.coalesce(
            "is_us_listed", pl.when(pl.col("us_years_count") == 0).then("is_us_listed_latest")
        )
    ).height
    unknown = summary.height - known.height - not_listed
    without = orphaned.filter(pl.col("us_share_percent").is_null()).height
    counted = (
        f"Of the {orphaned.height} countries and areas whose table in State’s report was read, {without} have no "
        "known share on this basis, and State’s report covers more than were read. "
        if orphaned.height
        else ""
    )
    st.info(
        f"A country that is not shown here is not one that depends on nobody. {counted}A share is that of the year "
        "beside it, and the years differ.",
        title="What is missing",
    )
    if known.is_empty():
        st.markdown(
            "**No recipient has a year in which the U.S. share is known on this basis.** The table says what was read."
        )
    else:
        chart_of(known, not_listed, unknown)
    show.table(
        show.paged(summary),
        {
            "Country or area": area_link,
            f"U.S. share, latest known year to {STOPPED}": share_of,
            "United States": lambda row: us_amount(row, row["share_year"], row["us_usd"]),
            "All donors": all_donors,
            "Donors": show.number_of("donors_count"),
            "Herfindahl index": index,
            "First and last year with U.S. money": span,
            **more_columns(summary),
        },
        alt=f"U.S. share, donors and years by recipient, as {titles[basis]} counts them",
    )
    show.small(
        "Nominal dollars of the year in brackets; calendar years. The Herfindahl index adds the squared shares of all "
        "donors: 1 is a single donor, 0.25 is four equal ones. It and the number of donors are given only where all "
        "donors of the year stand here by name. Between the first and the last year with U.S. money others may lie that were not read. “Only donor” means that the source lists no other, at any stage of "
        f"spending; years are counted as far as they were read. {show.MISSING} means not known, never zero. A change "
        f"is that of U.S. money from {STOPPED} to the latest year that had ended when the source was read. {not_said()}"
    )
    show.download(
        address.rows(
            "dependency_summary", {"basis": basis, "sort": "-us_share_percent,area_name,area"}
        ),
        summary,
        label="Download the table",
    )  # fmt: skip
    show.download(
        address.rows("dependency", {"basis": basis, "is_newest_edition": "yes"}),
        label="Download every year’s share",
    )


def chart_of(known: pl.DataFrame, not_listed: int, unknown: int) -> None:
    """The bars of the most dependent recipients."""
    most = known.row(0, named=True)
    bars = known.head(BARS).with_columns(
        label=pl.format("{} {}", "share_year", "area_name"),
        href=pl.Series(
            [address.behind_of(share_rows(row)) for row in known.head(BARS).iter_rows(named=True)],
            dtype=pl.String,
        ),
        words=pl.struct("us_share_percent", "is_approximate").map_elements(
            lambda row: percent(row["us_share_percent"], is_about=row["is_approximate"]),
            return_dtype=pl.String,
        ),
    )
    half = known.filter(pl.col("us_share_percent") > 50).height
    first, last = queries.years(known, "share_year")
    of_years = f"of {first}" if first == last else f"of years from {first} to {last}"
    finding = (
        f"{most['area_name']}: {show.percent(most['us_share_percent'])} came from the United States in "
        f"{most['share_year']}, the highest of {known.height} known shares {of_years}; {half or 'none'} "
        f"{'is' if half < 2 else 'are'} above half"
    )
    without = [
        words
        for count, words in (
            (not_listed, f"{not_listed} recipients whose donors were read and whose list has no U.S. money"),
            (unknown, f"{unknown} whose share is not known"),
        )
        if count
    ]  # fmt: skip
    cut = f" The chart shows the {BARS} highest." if known.height > BARS else ""
    show.chart(
        charts.shares_by_area(bars.select("label", "us_share_percent", "words", "href")),
        title=finding,
        alt_text=f"Bars of the U.S. share by recipient, each of its latest known year up to {STOPPED}. {finding}.",
        source_line=f"Source: {source}.{cut} Each bar is of the year before the name: they are no ranking of one "
        f"year. Without a bar: {', '.join([*without, 'and all whose donors were not read'])}.",
    )


def one_year() -> None:
    """The shares of one and the same year, beside the casualties of that year."""
    st.header("One year, beside its casualties")
    shares = queries.ask("shares_of_basis", basis=basis)
    known = shares.drop_nulls("us_share_percent")
    if known.is_empty():
        st.info("No U.S. share of any year is known on this basis, so no year can be shown.")
        return
    # the newest year with something to compare; of another basis may be one share a year
    per_year = known.group_by("calendar_year").len().sort("calendar_year")
    several = per_year.filter(pl.col("len") >= FEW)
    newest = (per_year if several.is_empty() else several).row(-1)[0]
    years = {str(year): str(year) for year in known["calendar_year"].unique().sort(descending=True)}
    chosen_year = chosen("year", years, str(newest))
    year = int(address.choose("Year", years, chosen_year, key="year"))
    of_year = shares.filter(calendar_year=year)
    ranked = of_year.drop_nulls("us_share_percent")
    counted = {
        row["area"]: row
        for row in queries.ask("casualties_chosen").filter(calendar_year=year).iter_rows(named=True)
    }
    most = ranked.head(FEW).iter_rows(named=True)
    st.markdown(
        f"**{year}: of the {ranked.height} countries and areas whose U.S. share is known, the highest are "
        + show.plain(", ".join(f"{row['area_name']} ({show.share(row)})" for row in most))
        + ".**"
    )

    def people(row: Row, column: str) -> str:
        """Who was hurt there in that year, leading to who counted; not read is no zero."""
        count = counted.get(row["area"])
        if count is None:
            return "not read"
        return casualties.figure(count, column) if count[column] is not None else show.MISSING

    def counted_by(row: Row) -> str:
        count = counted.get(row["area"])
        return casualties.counted_by(count) if count else show.MISSING

    show.table(
        show.paged(of_year, "year_page"),
        {
            "Country or area": area_link,
            f"U.S. share in {year}": lambda row: show.rows_link(
                show.share(row) if row["us_share_percent"] is not None else "not known",
                year_rows(row),
            ),
            "United States": lambda row: us_amount(row, year, row["us_usd"]),
            "All donors": lambda row: all_donors({**row, "share_year": year}),
            f"Killed in {year}": lambda row: people(row, "killed"),
            f"Injured in {year}": lambda row: people(row, "injured"),
            f"Casualties in {year}": lambda row: people(row, "total"),
            "Counted by": counted_by,
        },
        alt=f"U.S. share and casualties of {year} by recipient, as {titles[basis]} counts the money",
    )
    show.small(
        f"Nominal dollars and casualties of the calendar year {year}. Money: {source}. Casualties: of each area one "
        "figure, the Monitor’s newest edition, else a national register; “not read” is no zero. They stand beside the "
        "share and are not its effect. A country that is not in the table was not read for this year."
    )
    show.download(
        address.rows("dependency", {"basis": basis, "calendar_year": year, "is_newest_edition": "yes",
                                    "sort": "-us_share_percent,area_name,source_url"}),
        of_year,
        label="Download the shares of the year",
    )  # fmt: skip


def year_rows(row: Row) -> str:
    """The address of the row that gives the share of a recipient in one year."""
    year = {"calendar_year": row["calendar_year"], "is_newest_edition": "yes"}
    return address.rows("dependency", {"basis": basis, **where(row), **year})


def left_behind() -> None:
    """Covered areas that still record casualties, by dependency."""
    st.header("Covered, still recording casualties, and dependent")
    scope = address.choose(
        "Which program", SCOPES, chosen("scope", SCOPES, "all"), key="scope",
        hint="The Defense program is what the memo of 2 December 2025 is reported to drop; the whole effort is what "
        "State’s report counts.",
    )  # fmt: skip
    rank = "rank_defense" if scope == "dod" else "rank_whole_effort"
    of_scope = orphaned.filter("is_defense_program" if scope == "dod" else "is_whole_effort")
    ranked = of_scope.filter(pl.col(rank).is_not_null()).sort(rank)
    unranked = of_scope.filter(pl.col(rank).is_null())
    if orphaned.is_empty():
        st.info(
            "State’s report is not in this ledger, so it is not known which areas the program covered. If it is on "
            "hold, the reason stands at the side; `hma refresh state_tweis` reads it again."
        )
        return
    st.markdown(
        f"**{ranked.height} of the {of_scope.height} areas with money of this kind in the tables read can be ranked: "
        "a U.S. share is known, and the latest yearly casualty total read is above zero.**"
        + (
            " The share is of all U.S. money; no source here gives it for the Defense program alone."
            if scope == "dod"
            else ""
        )
    )
    st.warning(show.plain(orphaned["cannot_show"][0]), title="What this ranking cannot show")
    if not ranked.is_empty():
        show.table(
            ranked,
            {
                "Rank": lambda row: show.rows_link(show.number(row[rank]), orphaned_row(row)),
                "Country or area": area_link,
                "U.S. share": share_of,
                "Casualties, latest year read": hurt,
                "Donors": show.number_of("donors_count"),
                "Herfindahl index": index,
                **more_columns(ranked),
            },
            alt=f"{SCOPES[scope]}: covered areas with casualties by their U.S. share, as {titles[basis]} counts it",
        )
    if not unranked.is_empty():
        st.markdown(
            f"**{unranked.height} are not ranked. That says nothing of how much they depend on U.S. money:**"
        )
        show.table(
            unranked,
            {
                "Country or area": lambda row: (
                    f"[{show.plain(row['area_name'])}]({address.page('/country', area=row['area'])})"
                ),
                "Why not": lambda row: show.rows_link(
                    show.capital(row["unranked_because"]), orphaned_row(row)
                ),
                "U.S. share": share_of,
                "Casualties, latest year read": hurt,
            },
            alt=f"{SCOPES[scope]}: covered areas without a rank, and what is missing",
        )
    line = "Defense line" if scope == "dod" else "line of any agency"
    paid_in = of_scope["last_defense_fiscal_year" if scope == "dod" else "last_fiscal_year"]
    until = f", the last of them FY{max(paid_in.drop_nulls().to_list())}"
    show.small(
        f"Covered: a table of State’s report with money above zero in the {line} of a fiscal year that was read"
        f"{until}; the report counts all conventional weapons destruction, which is broader than mine "
        "action. Casualties: the Landmine Monitor’s newest total of the year in brackets, beside the share and not "
        "its effect. The year of the share and that of the casualties can differ."
    )
    of_it = "is_defense_program" if scope == "dod" else "is_whole_effort"
    order = ",".join(dict.fromkeys([rank, "rank_whole_effort", "area_name", "area"]))
    show.download(
        address.rows("orphaned", {"basis": basis, of_it: "yes", "sort": order}),
        pl.concat([ranked, unranked]),
    )


def orphaned_row(row: Row) -> str:
    """The address of the row that ranks an area, or says why it has no rank."""
    return address.rows("orphaned", {"basis": basis, "area": row["area"]})


def hurt(row: Row) -> str:
    """The latest casualty total with its year, leading to its row."""
    if row["casualties_year"] is None:
        return "not read"
    words = show.number(row["casualties_total"], floor=row["is_casualties_lower_bound"])
    return f"{show.entry_link(words, row['casualties_entry_id'])} ({row['casualties_year']})"


def donors_of_one() -> None:
    """The donors of one recipient over the years."""
    st.header("The donors of one area")
    names = {key_of(row): row["area_name"] for row in summary.sort("area_name").iter_rows(named=True)}  # fmt: skip
    otherwise = key_of(
        summary.sort("us_years_count", "us_share_percent", "area_name", descending=[True, True, False], nulls_last=True)
        .row(0, named=True)
    )  # fmt: skip
    area = address.choose(
        "Country or area", names, chosen("area", names, otherwise), key="area",
        hint="Only recipients whose donors were read on this basis.",
    )  # fmt: skip
    rows = queries.ask("payers_of_area", basis=basis, area=area)
    shares = queries.ask("shares_of_area", basis=basis, area=area)
    stacked, named = stack(rows)
    years = sorted(rows["calendar_year"].unique().to_list())
    finding = finding_of(names[area], shares, years)
    running = shares.filter(~pl.col("is_year_over"))["calendar_year"].to_list()
    parts = rows.filter(~pl.col("is_read_whole"))["calendar_year"].unique().sort().to_list()
    notes = [
        f" Not over when the source was read: {', '.join(map(str, sorted(running)))}."
        if running
        else "",
        f" Not all donors were read for {', '.join(map(str, parts))}." if parts else "",
    ]
    show.chart(
        charts.payers(with_rows(stacked, named, rows.row(0, named=True)), named),
        title=finding,
        alt_text=f"Stacked bars of what each donor gave for {names[area]} by calendar year. {finding}.",
        source_line=f"Source: {source}; editions under the table. A year without a bar was not read, or nobody is listed "
        f"in it.{''.join(notes)}",
    )
    show.table(
        show.paged(rows, "donors_page"),
        {
            "Year": lambda row: show.link(row["calendar_year"], row["source_url"]),
            "Donor": show.text_of("donor"),
            "Nominal dollars": donor_amount,
            "Share": donor_share,
        },
        alt=f"Donors of {names[area]} by year, as {titles[basis]} counts them",
    )
    editions = (
        rows.group_by("edition")
        .agg(pl.col("calendar_year").unique().alias("years"))
        .sort(pl.col("years").list.max(), descending=True)
    )
    show.small(
        "A year leads to its page. Read in: "
        + "; ".join(
            f"{show.plain(edition)} ({show.plain(show.years_of(of, 'calendar'))})"
            for edition, of in editions.iter_rows()
        )
        + "."
    )
    missing = {
        row["calendar_year"]: row["why_no_share"]
        for row in shares.iter_rows(named=True)
        if row["why_no_share"]
    }
    if missing:
        show.small(
            "No U.S. share: "
            + "; ".join(f"{year}, {show.plain(why)}" for year, why in sorted(missing.items()))
            + "."
        )
    country = rows.row(0, named=True)["area"]
    more = f" [All that is known of {show.plain(names[area])}]({address.page('/country', area=country)})" if country else ""  # fmt: skip
    show.small(
        f"{show.capital(about['flow'])}s in nominal dollars, negative where more was taken back than given.{more}"
    )
    show.download(
        address.rows(
            "donors",
            {
                "basis": basis, **where(rows.row(0, named=True)), "is_newest_edition": "yes",
                "sort": "-calendar_year,-amount_usd,donor,only_entry_id",
            },
        ),
        rows,
    )  # fmt: skip


def donor_amount(row: Row) -> str:
    """What one donor gave in one year, leading to its figure or figures."""
    words = show.usd(row["amount_usd"], "approximate" if row["is_bound"] else "exact")
    if row["amount_usd"] is None:
        words = show.no_sum(row["entries_count"], may_add=True)
    elif row["is_incomplete"]:
        words += ", incomplete"
    if row["only_entry_id"]:
        return show.entry_link(words, row["only_entry_id"])
    rows = funding_rows(row, row["calendar_year"], {"donor": row["donor"]})
    return show.rows_link(words, rows)


def donor_share(row: Row) -> str:
    """The donor's share; what rounds to nought and is none says so."""
    if row["share_percent"] is None:
        return show.MISSING
    if row["amount_usd"] > 0 and row["share_percent"] == 0:
        return "under\u00a00.1\u00a0%"
    return percent(row["share_percent"])


def stack(rows: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """What the chart draws, and the donors that have a grey of their own: the largest over the years."""
    others = rows.filter(~pl.col("is_us"))
    largest = (
        others.group_by("donor")
        .agg(pl.col("amount_usd").sum())
        .sort("amount_usd", "donor", descending=[True, False])
    )
    named = largest["donor"].head(charts.NAMED_DONORS).to_list()
    payer = (
        pl.when("is_us").then(pl.lit("United States"))
        .when(pl.col("donor").is_in(named)).then("donor")
        .otherwise(pl.lit(charts.OTHERS))
    )  # fmt: skip
    drawn = (
        rows.filter(pl.col("amount_usd").is_not_null())
        .group_by("calendar_year", payer.alias("payer"))
        .agg(pl.col("amount_usd").sum())
    )
    rest = (
        rows.filter(~pl.col("is_read_whole") & pl.col("all_donors_usd").is_not_null())
        .group_by("calendar_year")
        .agg(amount_usd=pl.col("all_donors_usd").first() - pl.col("amount_usd").sum())
        .filter(pl.col("amount_usd") > 0)
        .select("calendar_year", pl.lit(charts.REST).alias("payer"), "amount_usd")
    )
    return pl.concat([drawn, rest]).sort("calendar_year", "payer"), named


def with_rows(stacked: pl.DataFrame, named: list[str], recipient: Row) -> pl.DataFrame:
    """What the chart draws with the address of the donors that each piece stands for."""

    def donors(year: int, payer: str) -> str:
        """A donor by its name, U.S. money by its mark, everyone of the year otherwise."""
        wanted: dict[str, object] = {
            "basis": basis, **where(recipient), "calendar_year": year, "is_newest_edition": "yes",
        }  # fmt: skip
        if payer == "United States":
            wanted["is_us"] = "yes"
        elif payer in named:
            wanted["donor"] = payer
        return address.behind("donors", wanted)

    pieces = stacked.select("calendar_year", "payer").iter_rows()
    return stacked.with_columns(
        href=pl.Series([donors(*piece) for piece in pieces], dtype=pl.String)
    )


def finding_of(name: str, shares: pl.DataFrame, years: list[int]) -> str:
    """The latest share in words, or that none is known."""
    known = shares.filter(pl.col("us_share_percent").is_not_null())
    if known.is_empty():
        return f"{name}: no U.S. share is known for {show.years_of(years, 'calendar')}"
    latest = known.row(0, named=True)
    year = latest["calendar_year"]
    also = "" if latest["is_year_over"] else ", which was not over yet"
    if not latest["is_us_listed"]:
        return f"{name}: the list of donors of {year} has no U.S. money{also}"
    last = "" if year == max(years) else f"; donors were read until {max(years)}"
    return f"{name}: U.S. money was {show.share(latest)} of what donors gave in {year}{also}{last}"


ranking()
one_year()
left_behind()
donors_of_one()
