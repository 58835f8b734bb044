"""What the sources say of the same money, side by side: every area and year."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import address, queries, show, side_by_side
from dashboard.address import accept_codes

st.title("Reconciliation")
st.markdown(
    "The same U.S. dollar stands in several sources, counted at another stage, over another year or for "
    "another scope. Here they stand beside State’s report, area by area and year by year. Nothing is added "
    "across them, and a difference is no error by itself."
)
rows = queries.ask("reconciliation_rows")
if rows.is_empty():
    st.info(
        "No source in this ledger says what the United States gave to one area in one year. If one is on "
        "hold, the reason stands at the side; `hma refresh` reads all of them."
    )
    st.stop()
names = dict(
    rows.drop_nulls("area").select("area", "area_name").unique().sort("area_name").iter_rows()
)
show.unknown("area", accept_codes("areas", names))
areas = st.multiselect(
    "Recipients", list(names), format_func=names.__getitem__, key="areas", bind="query-params",
    placeholder="All",
)  # fmt: skip
if areas:
    rows = rows.filter(pl.col("area").is_in(areas))
places = rows.select("area", "area_name", "year", "sources_count").unique(maintain_order=True)
several = places.filter(pl.col("sources_count") > 1).height
st.markdown(
    f"**In {several:,} of {places.height:,} pairs of area and year two sources or more give a figure; those "
    "with the most sources come first.**"
)
shown = show.paged(places.with_row_index("place", offset=1))
side_by_side.table(
    rows.join(
        shown, on=["area", "area_name", "year"], how="semi", nulls_equal=True, maintain_order="left"
    ),
    with_area=True,
    of=rows,
    alt="U.S. money by area and year, as each source counts it, beside State’s report",
)
if not shown.is_empty():
    show.small(f"Years {shown['place'][0]:,} to {shown['place'][-1]:,} of {places.height:,}.")
# the order of reconciliation_rows.sql
ordered = {"sort": "-sources_count,area_name,-year,measure,flow"}
show.download(address.rows("reconciliation", {"area": areas, **ordered}), rows)
side_by_side.reasons(rows)
