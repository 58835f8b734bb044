"""Up to six countries beside each other: one series' money by year, with dated events."""

from __future__ import annotations

from typing import Any, Final

import polars as pl
import streamlit as st

from dashboard import address, charts, cite, constant, lineage, queries, reuse, show
from dashboard.address import accept_codes
from dashboard.pictures import csv_of

MOST: Final = 6
COLUMNS: Final = 2
SCALES: Final = {"": "Each chart has its own scale", "same": "All charts have the same scale"}
HEIGHT: Final = 310
# As compare_rows.sql tells payers apart, and what it adds.
NO_ACCOUNT: Final = ["Not stated", "All accounts"]
SURE: Final = ["exact", "rounded"]
PART: Final = "table read in part only"


st.title("Compare countries")
st.markdown(
    "The same series of money in up to six countries or areas, by year. The same dollar stands in several sources, "
    "so one series is shown at a time, and nothing is added across charts."
)
offered = queries.ask("compare_series")
if offered.is_empty():
    st.info(
        "No series whose years may be added is in this ledger, so there is nothing to compare. If a source is on "
        "hold, the reason stands at the side; `hma refresh` reads all of them."
    )
    st.stop()
titles = {
    row["series"]: f"{row['title']} ({row['source_title']})"
    for row in offered.iter_rows(named=True)
}
series = address.choose(
    "Series", titles, show.chosen("series", titles, next(iter(titles))), key="series",
    hint="One at a time: series report the same money.",
)  # fmt: skip
st.query_params["series"] = (
    series  # also where nobody chose it: a link would change with what comes first
)
about = offered.filter(series=series).row(0, named=True)
places = queries.ask("compare_areas", series=series)
names = dict(places.select("area", "area_name").sort("area_name", "area").iter_rows())
show.unknown("area", accept_codes("compare", names))
if any(area not in names for area in st.session_state.get("compare", [])):  # of the series before
    st.session_state["compare"] = [area for area in st.session_state["compare"] if area in names]
wanted = st.multiselect(
    "Countries and areas, up to six", list(names), format_func=names.__getitem__, key="compare",
    bind="query-params", placeholder="The six with the most money in this series",
)  # fmt: skip
left, right = st.columns(COLUMNS)
with left:
    is_constant = constant.switch()
with right:
    scale = address.choose("Scale", SCALES, show.chosen("scale", SCALES, ""), key="scale")
if len(wanted) > MOST:
    st.warning(f"The first {MOST} of {len(wanted)} are shown; take some away to see the others.")
areas = wanted[:MOST] or places["area"].head(MOST).to_list()
column = constant.COLUMN if is_constant else "amount_usd"
unit = constant.unit(about["year_basis"]) if is_constant else "nominal U.S. dollars"
rows = queries.ask("compare_rows", series=series, areas=areas).with_columns(amount=pl.col(column))
payers = pl.Enum([name for name in charts.PAYERS if name in rows["payer"]])
if rows.is_empty():
    st.info("No figure of this series may be added, so there is nothing to draw.")
    st.stop()
first, last = queries.years(rows, "year")
marked = queries.ask("timeline_events").filter(
    pl.col("year").is_between(first, last),
    (pl.col("kind") == "program") | pl.col("area").is_in(areas),
)
by_year = rows.group_by("area", "year").agg(
    pl.col("amount").sum(), pl.col("amount").count().alias("read")
)
top = max(by_year["amount"].to_list()) if scale else None


def when(year: int) -> str:
    """A year of this series with its basis."""
    return str(show.year_of(year, about["year_basis"]))


def finding(area: str) -> str:
    """What a chart says: the first and the last year with an amount."""
    known = by_year.filter(pl.col("area") == area, pl.col("read") > 0).sort("year")
    if known.is_empty():
        return f"{names[area]}: no amount in {unit}"
    said = [f"{usd(row['amount'])} in {when(row['year'])}" for row in known.iter_rows(named=True)]
    return f"{names[area]}: {said[0]}" + (f", {said[-1]}" if len(said) > 1 else "")


def usd(amount: float | None) -> str:
    """An amount as the switch asks for it: computed ones in whole dollars."""
    return constant.usd(amount) if is_constant else show.usd(amount)


def events_of(area: str) -> pl.DataFrame:
    """The program's events, and what the area did under the treaties, one rule a year."""
    its = marked.filter((pl.col("kind") == "program") | (pl.col("area") == area))
    return its.group_by("year", maintain_order=True).agg(
        pl.concat_str("date", pl.lit(": "), "event").str.join("; ").alias("words")
    )


def rows_of(row: dict[str, Any]) -> dict[str, object]:
    """Filters for the figures that a row adds, as compare_rows.sql takes them; for those left out, if it adds none."""
    payer: dict[str, object] = {"account": row["payer"]}
    if row["payer"] in {"United States", "other donors"}:
        is_us = row["payer"] == "United States"
        payer = {"account": NO_ACCOUNT, "donor_area" if is_us else "donor_area.ne": "USA"}
    added = (
        {"amount_usd.null": "no", "precision": SURE, "sum_check.ne": PART}
        if row["added_count"]
        else {}
    )
    return {
        "series": series, "area": row["area"], "year": row["year"], "edition": row["editions"], **lineage.SINGLE,
        **payer, **added,
    }  # fmt: skip


def opens(row: dict[str, Any]) -> str:
    """Where a bar leads: to its one figure, or to all of them."""
    if row["entry_id"]:
        return address.page("/entry", entry=row["entry_id"])
    return address.behind("funding", rows_of(row))


def one_area(area: str) -> None:
    """One of the small charts."""
    its = rows.filter(area=area)
    st.markdown(f"**[{show.plain(names[area])}]({address.page('/country', area=area)})**")
    if not its["amount"].count():
        st.info(f"No amount in {unit}.")
        return
    its_bars = its.drop_nulls("amount")
    figure = charts.money_by_year(
        its_bars.select(
            "year", pl.col("payer").cast(payers), "amount", "edition",
            href=pl.Series([opens(row) for row in its_bars.iter_rows(named=True)]),
        ),
        events_of(area), [first, last], unit=unit, basis=about["year_basis"], top=top, height=HEIGHT,
    )  # fmt: skip
    show.drawn(figure, f"Stacked bars of money by year, in {unit}. {finding(area)}.")
    reuse.picture(figure, show.plain(f"{finding(area)}, {unit}"), show.sources(its))


for number, area in enumerate(areas):
    if number % COLUMNS == 0:  # a row of its own, so that a narrow window keeps the order
        columns = st.columns(COLUMNS)
    with columns[number % COLUMNS]:
        one_area(area)
source_line = show.sources(rows)
show.small(
    f"{source_line} {show.capital(unit)}; {SCALES[scale][:1].lower()}{SCALES[scale][1:]}. × no figure that may be "
    "added was read; 0 the figures add to zero. A dashed rule is a year with events of the program, or of the area "
    "under a treaty. An event beside a figure does not show that one caused the other. "
    f"{show.plain(about['caution'])}"
)
if is_constant:
    lacking = rows.filter(pl.col(constant.COLUMN).is_null(), pl.col("amount_usd").is_not_null())
    show.small(constant.note(about["year_basis"], lacking["year"].to_list()))
if not marked.is_empty():
    with st.expander(f"The events at the rules: {marked.height}"):
        show.table(
            marked,
            {
                "Date": show.text_of("date"),
                "Who": show.text_of("body"),
                "Event": lambda row: show.entry_link(row["event"], row["entry_id"]),
                "Source": lambda row: show.link(show.edition_of(row), row["source_url"]),
            },
            alt="Events of the U.S. program and of the compared areas under treaties, oldest first",
        )
summary = "; ".join(finding(area) for area in areas)
reuse.beside_figure(
    f"{show.plain(titles[series])}, {show.plain(unit)}. {show.plain(summary)}", source_line
)
st.header("The figures")


def amount_cell(row: dict[str, Any]) -> str:
    """The sum of a row, leading to its one figure or to all of them."""
    words = usd(row["amount"])
    if row["entry_id"]:
        return show.entry_link(words, row["entry_id"])
    return show.rows_link(words, address.rows("funding", rows_of(row)))


show.table(
    rows,
    {
        "Area": show.text_of("area_name"),
        "Year": lambda row: show.plain(when(row["year"])),
        "Paid by": show.text_of("payer"),
        show.capital(unit): amount_cell,
        "Figures added": show.number_of("added_count"),
        "Left out": show.number_of("left_out_count"),
        "Edition": lambda row: show.link(row["edition"], row["source_url"]),
    },
    alt=f"Money by area, year and payer in {unit}, one series: {titles[series]}",
)
show.small(
    "Left out: bounds, tables read in part, and figures without an amount in dollars. A year without a row was not "
    "read, or has no such row; it is no zero."
)
edition = cite.edition()
st.download_button(
    f"Download this table (CSV, {rows.height:,} rows)",
    lambda: csv_of(rows.drop("amount", "editions"), edition.ledger, edition.refresh),
    file_name=f"compare-{series}-{'-'.join(areas)}.csv", mime="text/csv", on_click="ignore",
)  # fmt: skip
show.download(
    address.rows(
        "funding", {"series": series, "area": areas, "year.null": "no", "is_cumulative": "no"}
    ),
    label="Download the figures behind it, all editions and printed totals",
)
