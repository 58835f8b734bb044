"""Casualties: the world by year, areas beside each other, what was read of them, and the checks."""

from __future__ import annotations

from typing import Any, Final

import polars as pl
import streamlit as st

from dashboard import address, casualties, charts, queries, show
from dashboard.address import accept_codes
from etl.tables import CASUALTY_CHECKS

MOST: Final = 6  # areas that are compared
COLUMNS: Final = 2
NEWEST_FIRST: Final = "area_name,-calendar_year"
NO_RATE: Final = "no total, no population, or only part of the year"
COUNTS: Final = {"": "People", "rate": "Per 100,000 people"}
SCALES: Final = {"": "Each chart has its own scale", "same": "All charts have the same scale"}
DEVICES: Final = {
    "antipersonnel_mine": "Antipersonnel mines", "improvised_mine": "Improvised mines",
    "antivehicle_mine": "Antivehicle mines", "unspecified_mine": "Mines, kind not stated",
    "cluster_munition_remnant": "Cluster munition remnants", "other_erw": "Other remnants of war",
    "not_told_apart": "Not told apart",
}  # fmt: skip
PEOPLE: Final = {
    "children": "Children, people", "men_and_boys": "Men and boys", "women_and_girls": "Women and girls",
}  # fmt: skip
SHARES: Final = {
    "civilian_percent": "civilians",
    "children_percent": "children",
}
CHECK_TITLES: Final = {
    "parts and total": "Killed, injured and unknown against the printed total",
    "countries and world": "Countries against the printed world total",
    "register and Monitor": "Other counts against the Monitor’s newest",
    "accidents and people": "Accidents against people of one country’s registers",
}


def entry_of(column: str, entry: str = "entry_id") -> show.Cell:
    """A number of people, leading to the entry that prints it."""
    return lambda row: show.entry_link(
        show.number(row[column], floor=column == "total" and row["lower_bound"]),
        row[entry] if row[column] is not None else None,
    )


def share_of(column: str) -> show.Cell:
    """A printed share, leading to the entry that prints it."""
    return lambda row: show.entry_link(
        show.percent(row[column]), row["split_entry_id"] if row[column] is not None else None
    )


def world_by_year(world: pl.DataFrame) -> None:
    """Printed world totals, newest edition of each year, with the breaks among them."""
    newest = world.filter(pl.col("is_newest_edition")).sort("calendar_year")
    if newest.is_empty():
        st.info(
            "No world total of the Monitor is in this ledger; `hma refresh landmine_monitor` reads them."
        )
        return
    latest = newest.row(-1, named=True)
    least = newest.sort("total", "calendar_year").row(0, named=True)
    finding = (
        f"World: {show.number(latest['total'], floor=latest['lower_bound'])} people killed or injured in "
        f"{latest['calendar_year']}, the latest year read; the fewest in one year read were "
        f"{show.number(least['total'], floor=least['lower_bound'])} in {least['calendar_year']}"
    )
    show.chart(
        charts.casualties(casualties.bars(newest), casualties.signs(newest)),
        title=finding,
        alt_text=f"Stacked bars of people killed and injured in the world by year. {finding}.",
        source_line=f"{show.sources(newest.sort('calendar_year', descending=True))} {charts.SIGNS} The newest "
        "edition that prints a total of the year; later editions often print the total alone, so the bar is not "
        "split. The true number is higher. Improvised mines entered the definition step by step.",
    )
    editions: dict[int, list[dict[str, Any]]] = {}
    for row in world.sort("edition_order").rows(named=True):
        if row["total"] is not None and not row["is_newest_edition"]:
            editions.setdefault(row["calendar_year"], []).append(row)

    def earlier(row: dict[str, Any]) -> str:
        return ", ".join(
            f"{show.entry_link(show.number(one['total']), one['entry_id'])} "
            f":small[{show.link(one['edition'], one['source_url'])}]"
            for one in editions.get(row["calendar_year"], ())
        ) or show.MISSING  # fmt: skip

    show.table(
        newest.sort("calendar_year", descending=True),
        {
            "Year": show.text_of("calendar_year"),
            "Total": entry_of("total"),
            "Killed": show.number_of("killed"),
            "Injured": show.number_of("injured"),
            "Unknown": show.number_of("unknown"),
            "Parts add up": lambda row: {True: "yes", False: "no", None: show.MISSING}[
                row["is_total_confirmed"]
            ],
            "Earlier editions": earlier,
            "Break": show.text_of("break_reason"),
            "Edition": show.source_of(),
        },
        alt="Casualties in the world by year, the newest edition of each year and what earlier ones print",
    )
    show.download(
        address.rows("casualties_world", {"sort": "-calendar_year,-edition_order,edition"}), world,
        label="Download all editions",
    )  # fmt: skip


def splits(world: pl.DataFrame) -> None:
    """Who they were and what hurt them, where an edition prints it."""
    st.header("Device, status, age and sex")
    shares = [
        world.drop_nulls(column)
        .sort("edition_order", descending=True)
        .unique(subset="calendar_year", keep="first", maintain_order=True)
        .select("calendar_year", "edition", entry_id="split_entry_id", percent=column)
        .with_columns(what=pl.lit(words))
        for column, words in SHARES.items()
    ]
    found = pl.concat(shares)
    if found.is_empty():
        st.info("No edition that was read prints a split of a world total.")
        return
    civilian = shares[0].sort("calendar_year")
    finding = "World: who was hurt, as far as the Monitor prints it"
    if not civilian.is_empty():
        latest = civilian.row(-1, named=True)
        low, high = civilian["percent"].to_list(), civilian.height
        finding = (
            f"World: {latest['percent']:.0f} % of those whose status was known were civilians in "
            f"{latest['calendar_year']}; {min(low):.0f} to {max(low):.0f} % in the {high} years that were read"
        )
    show.chart(
        charts.printed_shares(show.with_entries(found)),
        rows=found.drop("entry_id"),
        title=finding,
        alt_text=f"Points of printed shares of civilians and of children by year. {finding}.",
        source_line="Source: Landmine Monitor, the newest edition that prints the share; editions stand in the "
        "table. Civilians: of those whose status was known. Children: in most years of civilians whose age was known; "
        "the notes say which. So no share is turned into people.",
    )
    _people_table(world)
    _device_table(world)


def _people_table(world: pl.DataFrame) -> None:
    rows = world.filter(pl.any_horizontal(pl.col([*PEOPLE, *SHARES]).is_not_null()))
    show.table(
        rows,
        {
            "Year": show.text_of("calendar_year"),
            "Total": entry_of("total"),
            "Civilians": share_of("civilian_percent"),
            "Children": share_of("children_percent"),
            **{words: entry_of(name, "split_entry_id") for name, words in PEOPLE.items()},
            "Edition": show.source_of(),
        },
        alt="Casualties in the world by civilian status, age and sex, as each edition prints them",
    )
    casualties.notes(rows)


def _device_table(world: pl.DataFrame) -> None:
    rows = world.filter(pl.any_horizontal(pl.col(list(DEVICES)).is_not_null()))
    if rows.is_empty():
        st.info("No edition that was read splits a world total by device.")
        return
    show.table(
        rows,
        {
            "Year": show.text_of("calendar_year"),
            "Total": entry_of("total"),
            **{words: entry_of(name, "split_entry_id") for name, words in DEVICES.items()},
            "Edition": show.source_of(),
        },
        alt="Casualties in the world by device, as each edition prints them",
    )
    show.small(
        "Where the devices do not add up to the total, some of them alone were printed where it was read. "
        f"{show.MISSING}: not printed there, not zero."
    )


def coverage(world: pl.DataFrame) -> None:
    """How much of each printed world total the countries that were read make up."""
    st.header("How much of the world was read by country")
    rows = world.filter(pl.col("is_newest_edition") | pl.col("edition").is_null())
    good = rows.filter(pl.col("coverage_percent") >= 90).sort("calendar_year")
    st.markdown(
        f"**The countries and areas that were read make up 90 % or more of the newest world total in "
        f"{good.height} of {rows['coverage_percent'].count()} years"
        + (f": {show.years_of(good['calendar_year'], 'calendar')}" if good.height else "")
        + ".** In the other years countries are missing, so their sum says nothing of the world."
    )
    show.table(
        rows,
        {
            "Year": show.text_of("calendar_year"),
            "World total": entry_of("total"),
            "Areas read": show.number_of("areas_read_count"),
            "Their newest totals added": lambda row: (
                show.rows_link(
                    show.number(row["areas_sum"]),
                    address.rows(
                        "casualties_side_by_side",
                        {
                            "measure": "monitor", "calendar_year": row["calendar_year"],
                            "total.null": "no",
                        },
                    ),
                )
                if row["areas_sum"] is not None
                else show.MISSING
            ),
            "Share": lambda row: show.plain(show.percent(row["coverage_percent"])),
            "Not read by country": show.number_of("difference"),
            "As first printed, added": show.number_of("areas_first_sum"),
            "World total printed in": show.source_of(),
        },
        alt="Sum of the Monitor's country totals by year beside the printed world total",
    )  # fmt: skip
    show.small(
        "The sum is a check of what was read and not a figure of the Monitor. It takes each area's newest edition, "
        "which may be later than the world total’s."
    )


def one_area(
    rows: pl.DataFrame, name: str, count: str, years: list[int], top: float | None
) -> None:
    """One of the small charts."""
    unit = "people"
    if count:
        rows = rows.with_columns(killed=pl.lit(None), injured=pl.lit(None), total=pl.col("rate"))
        unit = "per 100,000 people"
    bars = casualties.bars(rows)
    st.markdown(f"**[{show.plain(name)}]({address.page('/country', area=rows['area'][0])})**")
    if bars.is_empty():
        st.info(
            "No rate: there is no population of these years here."
            if count
            else "No total was read."
        )
        return
    last = rows.drop_nulls("total").row(-1, named=True)
    figure = show.number(last["total"], floor=last["lower_bound"], decimals=3)
    finding = f"{name}: {figure} {unit} in {last['calendar_year']}, the last year with a figure"
    show.drawn(
        charts.casualties(
            bars,
            casualties.signs(rows, years, NO_RATE if count else "no total of this year was read"),
            unit=unit,
            years=years,
            top=top,
            height=270 if unit == "people" else 220,
        ),
        f"Stacked bars of casualties by year. {finding}.",
    )


def compare(everything: pl.DataFrame) -> None:
    """Up to six areas beside each other, as people or as rates."""
    st.header("Areas beside each other")
    names = dict(everything.select("area", "area_name").unique().sort("area_name").iter_rows())
    show.unknown("area", accept_codes("areas", names))
    wanted = st.multiselect(
        "Countries and areas, up to six", list(names), format_func=names.__getitem__, key="areas",
        bind="query-params", placeholder="The six with the most casualties in one year",
    )  # fmt: skip
    left, right = st.columns(COLUMNS)
    with left:
        count = address.choose("Count", COUNTS, show.chosen("count", COUNTS), key="count")
    with right:
        scale = address.choose("Scale", SCALES, show.chosen("scale", SCALES), key="scale")
    if len(wanted) > MOST:
        st.warning(
            f"The first {MOST} of {len(wanted)} are shown; take some away to see the others."
        )
    worst = (
        everything.drop_nulls("total").sort("total", "area", descending=[True, False])
        .unique(subset="area", keep="first", maintain_order=True)
    )  # fmt: skip
    areas = wanted[:MOST] or worst["area"].head(MOST).to_list()
    rows = everything.filter(pl.col("area").is_in(areas))
    if count and rows["rate"].count() == 0:
        st.info(
            "There is no population in this ledger, or none of these areas and years, so there is no rate. "
            "`hma refresh` fetches the World Bank’s."
        )
        count = ""
    years = list(queries.years(rows, "calendar_year"))
    value = "rate" if count else "total"
    top = max(rows[value].drop_nulls().to_list(), default=None) if scale else None
    for number, area in enumerate(areas):
        if number % COLUMNS == 0:  # a row of its own, so that a narrow window keeps the order
            places = st.columns(COLUMNS)
        with places[number % COLUMNS]:
            one_area(rows.filter(area=area), names[area], count, years, top)
    people = (
        f" Population: {_population(rows)}. Rates of part of a year are left out." if count else ""
    )
    show.small(
        f"{charts.SIGNS} Of each area and year one figure, chosen by a declared order: the Monitor’s newest edition, "
        "else a national register as printed, else a register whose rows were counted. Under-recording is the "
        "rule, and differs between areas: a higher bar can be a better count."
        f"{casualties.small_numbers(rows.drop_nulls('total'))}{people}"
    )
    listed = rows.sort("area_name", "calendar_year", descending=[False, True])
    with st.expander(f"The figures: {rows.height} rows"):
        casualties.chosen_table(
            listed,
            alt="Casualties of the chosen areas by year, with whose count it is and the breaks",
            with_area=True,
        )
    casualties.notes(listed, with_area=True)
    show.download(
        address.rows("casualties_by_area_year", {"area": areas, "sort": NEWEST_FIRST}), listed,
        label="Download these figures",
    )  # fmt: skip
    if count:
        _rates(rows)
    for area in areas if len(areas) == 1 else ():
        casualties.side_by_side(area, names[area])


def _population(rows: pl.DataFrame) -> str:
    """The publications of the populations behind the rates."""
    named = rows.drop_nulls("people").select("population_report", "population_source_url").unique()
    return "; ".join(
        show.link(report, url) for report, url in named.sort(named.columns).iter_rows()
    )


def _rates(rows: pl.DataFrame) -> None:
    with_rate = rows.drop_nulls("rate").sort("area_name", "calendar_year", descending=[False, True])
    with st.expander(f"The rates: {with_rate.height} rows"):
        show.table(
            with_rate,
            {
                "Area": show.text_of("area_name"),
                "Year": show.text_of("calendar_year"),
                "Casualties": casualties.figure,
                "People living there": lambda row: show.entry_link(
                    show.number(row["people"]), row["population_entry_id"]
                ),
                "Per 100,000": lambda row: show.plain(
                    show.number(row["rate"], floor=row["lower_bound"], decimals=3)
                ),
                "Note": show.text_of("small_number_note"),
            },
            alt="Casualties per 100,000 people by area and year, with the population behind each rate",
        )
    show.download(
        address.rows(
            "casualty_rates",
            {"area": rows["area"].unique().sort().to_list(), "rate.null": "no", "sort": NEWEST_FIRST},
        ),
        with_rate, label="Download the rates",
    )  # fmt: skip


def checks() -> None:
    """What was checked, and what does not fit."""
    st.header("Checks")
    counts = queries.ask("casualty_check_counts")
    if counts.is_empty():
        st.info("No two figures in this ledger can be held against each other.")
        return
    outcomes = {
        (row["check"], row["outcome"]): row["checks_count"] for row in counts.iter_rows(named=True)
    }

    def counted(outcome: str) -> show.Cell:
        def cell(row: dict[str, Any]) -> str:
            found = outcomes.get((row["check"], outcome))
            if not found:
                return show.MISSING
            return show.rows_link(
                show.number(found),
                address.rows("casualty_checks", {"check": row["check"], "outcome": outcome}),
            )

        return cell

    show.table(
        counts.unique(subset="check", maintain_order=True),
        {
            "Check": lambda row: show.plain(CHECK_TITLES[row["check"]]),
            "What is held against what": lambda row: show.plain(CASUALTY_CHECKS[row["check"]]),
            "Equal": counted("equal"),
            "Above": counted("above"),
            "Below": counted("below"),
            "Not compared": counted("not compared"),
        },
        alt="Checks of casualty figures by how they came out",
    )
    show.small(
        "A check mends nothing: what does not fit is shown. Countries are below the world total wherever some were "
        "not read; people are never fewer than accidents, since each hurts at least one."
    )
    rows = queries.ask("casualty_checks")
    odd = rows.filter(pl.col("check") != "register and Monitor")
    if not odd.is_empty():
        st.markdown("**What does not fit**")
        _check_table(odd, "Checks of casualty figures that do not come out")
    others = rows.filter(check="register and Monitor")
    if not others.is_empty():
        with st.expander(f"{CHECK_TITLES['register and Monitor']}: {others.height} rows"):
            _check_table(
                others, "What others count beside the Monitor's newest edition, by area and year"
            )
    order = "check,area_name,-calendar_year,series,edition,reference_edition"
    show.download(
        address.rows("casualty_checks", {"sort": order}), int(counts["checks_count"].sum()),
        label="Download all checks",
    )  # fmt: skip


def _checked(row: dict[str, Any]) -> str:
    """The value of a check, leading to the entry or the rows of which it is made."""
    words = show.number(row["value"])
    if row["entry_id"]:
        return show.entry_link(words, row["entry_id"])
    year = {"calendar_year": row["calendar_year"]}
    if row["check"] == "countries and world":
        wanted = {"measure": "monitor", **year, "total.null": "no"}
        return show.rows_link(words, address.rows("casualties_side_by_side", wanted))
    wanted = {"series": row["series"], **year, "area": row["area"]}
    return show.rows_link(words, address.rows("casualties_side_by_side", wanted))


def _check_table(rows: pl.DataFrame, alt: str) -> None:
    show.table(
        rows,
        {
            "Area": show.text_of("area_name"),
            "Year": show.text_of("calendar_year"),
            "Value": _checked,
            "Held against": entry_of("reference", "reference_entry_id"),
            "Difference": lambda row: show.plain(
                show.MISSING
                if row["difference"] is None
                else f"{row['difference']:+,}".replace("-", "−")
            ),
            "Ratio": lambda row: show.plain(show.number(row["ratio"], decimals=2)),
            "Outcome": show.text_of("words"),
            "Value from": lambda row: (
                show.link(row["edition"], row["source_url"])
                if row["edition"]
                else "the newest totals of the countries read, added"
            ),
            "Held against what stands in": show.text_of("reference_edition"),
        },
        alt=alt,
    )


st.title("Casualties")
st.markdown(
    "People killed or injured by mines and explosive remnants of war, by calendar year. Sources count "
    "differently and are never added: of each area and year one figure is chosen by a declared order, and the "
    "others stand beside it on the area’s page. The true numbers are higher, for many countries record few of "
    "those hurt."
)
world = queries.ask("casualties_world")
everything = queries.ask("casualties_chosen")
if world.is_empty() and everything.is_empty():
    st.info(
        "No source of casualties is in this ledger. If one is on hold, the reason stands at the side; "
        "`hma refresh landmine_monitor` reads the Monitor’s."
    )
    st.stop()
st.header("The world by year")
world_by_year(world)
if not everything.is_empty():
    compare(everything)
if not world.is_empty():
    splits(world)
    coverage(world)
checks()
