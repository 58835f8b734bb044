"""Clearance and contamination: land released, items destroyed, and what was estimated to be left, by area."""

from __future__ import annotations

from typing import Any, Final

import polars as pl
import streamlit as st

from dashboard import address, charts, queries, show
from dashboard.address import accept_code

# By code: what the button says, the column, that of its bound, and the unit of the axis.
MEASURES: Final[dict[str, tuple[str, str, str | None, str]]] = {
    "cleared": ("Cleared", "area_cleared_km2", "area_cleared_precision", "km² cleared"),
    "reduced": (
        "Reduced", "area_reduced_km2", "area_reduced_precision", "km² released by technical survey",
    ),
    "cancelled": (
        "Cancelled", "area_cancelled_km2", None, "km² released by non-technical survey",
    ),
    "ap_mines": (
        "Antipersonnel mines", "ap_mines_destroyed", "ap_mines_precision", "antipersonnel mines destroyed",
    ),
    "av_mines": (
        "Antivehicle mines", "av_mines_destroyed", "av_mines_precision", "antivehicle mines destroyed",
    ),
    "erw": ("Other items", "erw_destroyed", "erw_precision", "explosive remnants destroyed"),
}  # fmt: skip
ESTIMATES: Final = {
    "printed": ("One figure", "contamination_km2", "km² contaminated, as printed"),
    "confirmed": ("Confirmed", "confirmed_km2", "km² of confirmed hazardous area"),
    "suspected": ("Suspected", "suspected_km2", "km² of suspected hazardous area"),
}
BOUND: Final = {"floor": "at least", "ceiling": "nearly or about", "approximate": "nearly or about"}
# How a printed estimate begins; a bound further on may be that of a part of it.
BEGINS: Final = r"(?i)^(?:massive,? |heavy,? |medium,? |light,? )?(?:estimated )?"
WORLD: Final = "XWD"

st.title("Clearance and contamination")
st.markdown(
    "Land released and mines destroyed by year, and what was estimated to be left in the ground, as each edition "
    "prints it. Every figure stands for itself: kinds of hazard overlap, a world total is printed and not added "
    "from countries, and editions stand side by side."
)
st.info(
    "Which part of this the United States paid for is not known: no source in this ledger prints clearance by donor "
    f"and year. U.S. money stands on the page of each [country]({address.page('/country')}), and nothing here shows "
    "that money caused clearance."
)
places = queries.ask("clearance_areas")
if places.is_empty():
    st.info(
        "No figure of clearance or contamination is in this ledger. If a source is on hold, the reason stands at "
        "the side; `hma refresh landmine_monitor national_registers` reads both sources."
    )
    st.stop()
names = dict(places.select("area", "area_name").iter_rows())
show.unknown("area", accept_code("area", names))
# a value instead of a default: a default is left out of the address, and a link would change with it
if "area" not in st.session_state and "area" not in st.query_params:
    st.session_state["area"] = next(iter(names))
area = st.selectbox(
    "World, country or area", list(names), format_func=names.__getitem__, key="area",
    bind="query-params",
)  # fmt: skip
name = names[area]
show.tab("Clearance and contamination", name)


def buttons(label: str, key: str, titles: dict[str, str]) -> str:
    """A choice among what this area has figures of; the first stands in the address like any other."""
    show.unknown("measure", accept_code(key, titles))
    if st.session_state.get(key) not in titles and st.query_params.get(key) not in titles.values():
        st.session_state[key] = next(iter(titles))
    return str(
        st.segmented_control(
            label, list(titles), required=True, key=key, format_func=titles.__getitem__, bind="query-params"
        )
    )  # fmt: skip


def said(row: dict[str, Any]) -> str:
    """A printed figure with its bound: 'at least 198'."""
    return show.BOUNDS[row["precision"]] + show.number(row["value"])


def figure(column: str, bound: str | None = None) -> show.Cell:
    """A cell with a printed number and its bound, linked to its row; an en dash where none is printed."""

    def cell(row: dict[str, Any]) -> str:
        if row[column] is None:
            return show.MISSING
        prefix = show.BOUNDS[row[bound] or "exact"] if bound else ""
        return show.entry_link(prefix + show.number(row[column]), row["entry_id"])

    return cell


def worded(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with each value in words, and with what the chart tells by its fill."""
    return frame.with_columns(
        words=pl.struct("precision", "value").map_elements(said, return_dtype=pl.String),
        bound=pl.col("precision").replace_strict(BOUND, default="a number"),
    )


st.header("Land released and items destroyed")
rows = queries.ask("clearance_rows", area=area)
has = {
    code: measure for code, measure in MEASURES.items() if rows[measure[1]].drop_nulls().len() > 0
}
if not has:
    st.info(
        f"No clearance figure was read for {show.plain(name)}. That is a gap of this ledger, not a zero."
    )
else:
    chosen = buttons("Measure", "measure", {code: measure[0] for code, measure in has.items()})
    title, column, precision, unit = MEASURES[chosen]
    drawn = worded(
        rows.filter(pl.col(column).is_not_null())
        .with_columns(
            value=pl.col(column).cast(pl.Float64),
            precision=pl.col(precision).fill_null("exact") if precision else pl.lit("exact"),
        )
        .sort("year", "edition_order", "entry_id")
        .select("year", "value", "hazard", "precision", "edition", "entry_id", "report", "source_url", "edition_order")
    )  # fmt: skip
    newest = drawn.filter(pl.col("year") == pl.col("year").max()).row(-1, named=True)
    finding = (
        f"{name}: {said(newest)} {unit} in {newest['year']} ({newest['hazard']}), the latest year read; "
        f"{drawn['year'].n_unique()} of the {newest['year'] - min(drawn['year'].to_list()) + 1} years from "
        f"{min(drawn['year'].to_list())} have a figure"
    )
    show.chart(
        charts.land(show.with_entries(drawn), unit),
        title=finding,
        alt_text=f"Marks of {unit} by calendar year, one for each printed figure. {finding}.",
        source_line=f"{show.sources(drawn.sort('year', 'edition_order', descending=True))} Hollow: at least so much, "
        "a lower bound. Half filled: nearly or about. Two marks in one year are two kinds of hazard or two editions; "
        "never add them. Grey years were not read, or print no such figure; neither is a zero.",
        rows=drawn.drop("words", "bound"),
    )
    cells = {
        "Cleared, km²": ("area_cleared_km2", "area_cleared_precision"),
        "Reduced, km²": ("area_reduced_km2", "area_reduced_precision"),
        "Cancelled, km²": ("area_cancelled_km2", None),
        "Antipersonnel mines": ("ap_mines_destroyed", "ap_mines_precision"),
        "Antivehicle mines": ("av_mines_destroyed", "av_mines_precision"),
        "Other items": ("erw_destroyed", "erw_precision"),
    }
    show.table(
        rows,
        {
            "Year": lambda row: show.entry_link(row["year"], row["entry_id"]),
            "Hazard": show.text_of("hazard"),
            **{
                heading: figure(column, bound)
                for heading, (column, bound) in cells.items()
                if rows[column].drop_nulls().len() > 0
            },
            "Note": show.text_of("note"),
            "Edition": show.source_of(),
        },
        alt=f"Land released and items destroyed in {name}, every edition",
    )
    show.small(
        "Cleared, reduced by technical survey and cancelled by non-technical survey are different things, and old "
        "reports mix them. A year without a row was not read; an en dash means that the row prints no such figure."
    )
    show.download(
        address.rows(
            "clearance", {"area": area, "sort": "-year,hazard,-edition_order,entry_id"}
        ),
        rows, label="Download these rows",
    )  # fmt: skip

st.header("What was estimated to be left")
left = queries.ask("contamination_rows", area=area)
if left.is_empty():
    reason = (
        "No total of the world’s contamination is printed: estimates are not comparable between countries, and "
        "this ledger adds none."
        if area == WORLD
        else f"No estimate of contamination was read for {show.plain(name)}. That is a gap, not a zero."
    )
    st.info(reason)
else:
    offered = {
        code: titles for code, titles in ESTIMATES.items() if left[titles[1]].drop_nulls().len() > 0
    }
    if offered:
        estimate = buttons(
            "Estimate", "estimate", {code: each[0] for code, each in offered.items()}
        )
        _, column, unit = ESTIMATES[estimate]
        begins = pl.col("contamination_as_printed")
        printed_as = (
            pl.when(begins.str.contains(BEGINS + r"(?:at least|more than|over)\b"))
            .then(pl.lit("floor"))
            .when(begins.str.contains(BEGINS + r"(?:almost|nearly)\b"))
            .then(pl.lit("ceiling"))
            .when(begins.str.contains(BEGINS + r"(?:about|some|approximately)\b"))
            .then(pl.lit("approximate"))
            .otherwise(pl.lit("exact"))
        )
        dots = worded(
            left.filter(pl.col(column).is_not_null())
            .with_columns(
                year="estimate_year", value=column,
                # the words in front are those of the one figure; parts have none of their own
                precision=printed_as if estimate == "printed" else pl.lit("exact"),
            )
            .sort("estimate_date", "edition_order", "entry_id")
            .select(
                "year", "estimate_date", "value", "hazard", "precision", "edition", "entry_id", "report", "source_url",
                "edition_order",
            )
        )  # fmt: skip
        last = dots.row(-1, named=True)
        finding = (
            f"{name}: {said(last)} {unit} ({last['hazard']}) as of {last['estimate_date']}, the latest of "
            f"{dots.height} estimates read"
        )
        show.chart(
            charts.land(show.with_entries(dots), unit),
            title=finding,
            alt_text=f"Marks of {unit} by the year of the estimate. {finding}.",
            source_line=f"{show.sources(dots.sort('year', 'edition_order', descending=True))} Each mark is one printed "
            "estimate. A survey can multiply or divide one: a fall is not by itself land cleared. Hollow: printed as "
            "at least so much.",
            rows=dots.drop("words", "bound"),
        )
    show.table(
        left,
        {
            "Date of the estimate": show.text_of("estimate_date"),
            "Hazard": show.text_of("hazard"),
            "As printed": lambda row: show.entry_link(
                row["contamination_as_printed"], row["entry_id"]
            ),
            **{f"{words}, km²": figure(column) for words, column, _ in offered.values()},
            "Note": show.text_of("note"),
            "Edition": show.source_of(),
        },
        alt=f"Estimates of contamination in {name}, every edition",
    )
    show.download(
        address.rows(
            "contamination", {"area": area, "sort": "-estimate_date,hazard,-edition_order,entry_id"}
        ),
        left,
        label="Download these estimates",
    )  # fmt: skip

st.header("The latest estimate of each area")
latest = queries.ask("contamination_latest")
if latest.is_empty():
    st.info("No estimate of contamination is in this ledger.")
    st.stop()
show.table(
    latest,
    {
        "Area": lambda row: (
            f"[{show.plain(row['area_name'])}]({address.page('/clearance', area=row['area'])})"
        ),
        "Hazard": show.text_of("hazard"),
        "Date of the estimate": show.text_of("estimate_date"),
        "As printed": lambda row: show.entry_link(row["contamination_as_printed"], row["entry_id"]),
        "Edition": show.source_of(),
    },
    alt="The latest estimate of contamination read for each area and kind of hazard",
)
show.small(
    "Not comparable between areas and not to be added: methods differ, and kinds of hazard overlap. The date says "
    "how old each is; an area without a row was not read."
)
show.download(
    address.rows("contamination", {}), label="Download all estimates of all areas"
)  # fmt: skip
