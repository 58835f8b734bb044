"""Funding rows, filtered; totals only where adding is allowed."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from dashboard import address, constant, filters, queries, reuse, show
from dashboard import names as spelled
from dashboard.address import accept_code, accept_codes
from dashboard.current import LEASE
from etl.tables import ACCOUNTS, CONSTANT_YEAR, FLOWS

choices = queries.ask("funding_choices").row(0, named=True)
recipients = queries.ask("funding_areas")
series = queries.ask("series").filter(pl.col("series") != "")
names = dict(recipients.select("area", "area_name").iter_rows())
regions = recipients["state_region"].drop_nulls().unique().sort().to_list()
funded = queries.ask_filtered("funding_sums", [])
titles = dict(funded.select("series", "series_title").unique(maintain_order=True).iter_rows())
sources = dict(series.select("source_id", "source_title").iter_rows())
sources = {name: title for name, title in sources.items() if name in funded["source_id"]}

PAGE_ROWS = 50
# Names that the filters had before they took those of the API's columns.
EARLIER = {
    "areas": "area", "regions": "state_region", "source": "source_id", "accounts": "account", "flows": "flow",
}  # fmt: skip
# Columns that the rows in constant dollars lack.
NOMINAL_ONLY = ("agency", "implementer", "sector", filters.WORDS_KEY)


def few(noun: str, key: str, values: list[str], label: str, *, none: str = "All") -> list[str]:
    """A filter that keeps any of several values, chosen by the address, too; nothing where there is no choice."""
    show.unknown(noun, accept_codes(key, {value: value for value in values}))
    if not values:
        return []
    return st.multiselect(label, values, key=key, bind="query-params", placeholder=none)


st.title("Funding")
st.markdown(
    "Every printed sum of money, one row a figure. The same dollar stands in several sources, so a "
    "total is given only within one series whose rows may be added."
)
if funded.is_empty():
    st.info(
        "No source of money is in this ledger, so there is nothing to filter. If one is on hold, the "
        "reason stands at the side; `hma refresh` reads all of them."
    )
    st.stop()
for other, key in EARLIER.items():
    address.rename(other, key)
show.unknown("area", accept_codes("area", names))
show.unknown("series", accept_codes("series", titles))
show.unknown("source", accept_code("source_id", sources))
with st.container(border=True):
    words = st.text_input(
        "Words in the texts of a figure", key=filters.WORDS_KEY, bind="query-params", type="search",
        max_chars=filters.MAX_LENGTH, placeholder="Any",
        help="All must occur, in upper or lower case, with or without accents.",
    )  # fmt: skip
    first, second = st.columns(2)
    with first:
        areas = st.multiselect(
            "Recipients", list(names), format_func=names.__getitem__, key="area",
            bind="query-params", placeholder="All",
        )  # fmt: skip
        chosen_regions = few("region", "state_region", regions, "State Department regions")
        agencies = few("agency", "agency", choices["agencies"] or [], "Agencies of the donor")
        implementers = few(
            "organisation",
            "implementer",
            choices["implementers"] or [],
            "Organisations that do the work",
        )
        sectors = few("sector", "sector", choices["sectors"], "Sectors")
    with second:
        source = st.selectbox(
            "Source",
            list(sources),
            index=None,
            format_func=sources.__getitem__,
            key="source_id",
            bind="query-params",
            placeholder="All sources, side by side",
        )
        picked_series = st.multiselect(
            "Series", list(titles), format_func=lambda name: titles[name] or name, key="series",
            bind="query-params", placeholder="All of the source",
        )  # fmt: skip
        accounts = few(
            "account",
            "account",
            [name for name in ACCOUNTS if name in choices["accounts"]],
            "Accounts",
        )
        flows = few("flow", "flow", [name for name in FLOWS if name in choices["flows"]], "Flows")
        offered = choices["years"] or [0]  # rows that sum several years alone have none
        low, high, unknown = address.choose_span(
            "Years (rows that sum several years have none and stand outside)",
            offered[0], offered[-1], keys=("year.gte", "year.lte"), earlier="years",
        )  # fmt: skip
        show.unknown("year", unknown)

in_regions = recipients.filter(pl.col("state_region").is_in(chosen_regions))["area"].to_list()
wanted = sorted({*areas, *in_regions})
asked = {
    "area": wanted,
    "year.gte": low if low > offered[0] else "",
    "year.lte": high if high < offered[-1] else "",
    "source_id": source or "",
    "series": picked_series,
    "account": accounts,
    "flow": flows,
    "agency": agencies,
    "implementer": implementers,
    "sector": sectors,
    filters.WORDS_KEY: (words or "").strip(),
}
try:
    conditions = filters.parse("funding", filters.pairs_of(asked), spelled.of(LEASE.get()))
except filters.FilterError as error:  # of the words; every other choice is one that was offered
    st.warning(show.plain(error))
    st.stop()
sums = queries.ask_filtered("funding_sums", conditions)
if sums.is_empty():
    st.info(
        "No figure matches all of these filters. A gap means that no such figure was read, not that "
        "nothing was paid. Widen the years, or take a filter away."
    )
    st.stop()

total_rows = int(sums["rows_count"].sum())
st.header("Totals")
is_constant = constant.switch()


def of_kind(row: dict[str, Any]) -> dict[str, object]:
    """Filters that give the rows of one series, flow and kind of year among those asked for."""
    kind = {"source_id": row["source_id"], "series": row["series"], "flow": row["flow"]}
    return {**asked, **kind, "year_basis": row["year_basis"]}


def addable(row: dict[str, Any]) -> dict[str, object]:
    """The same without what is never added; earlier editions and tables read in part are still among them."""
    wanted: dict[str, object] = {
        **of_kind(row), "is_cumulative": "no", "is_printed_total": "no", "status": "actual",
        "amount_usd.null": "no", "precision": ["exact", "rounded"],
    }  # fmt: skip
    return wanted


kinds = sums.height
one = sums.row(0, named=True)
added = "deflated_count" if is_constant else "added_count"


def summed(row: dict[str, Any]) -> str:
    """The sum in the dollars that are shown; an en dash where no figure has an index."""
    return constant.usd(row["sum_2024_usd"]) if is_constant else show.usd(row["sum_usd"])


if kinds == 1 and one["is_additive"] and one[added]:
    left_out = one["rows_count"] - one[added]
    lacking = set(one["years_without_index"] or ()) if is_constant else set()
    years = [year for year in one["years"] if year not in lacking]
    st.metric(
        # what it is in comes first: a narrow window cuts the end
        (f"{show.capital(constant.unit(one['year_basis']))}: sum" if is_constant else "Sum")
        + f" of {one[added]:,} figures that were read, not of all that was paid: "
        f"{'FY' if one['year_basis'] == 'fiscal' else ''}{years[0]} to {years[-1]}",
        constant.usd(one["sum_2024_usd"]) if is_constant else show.usd(one["sum_usd"]),
    )
    reuse.beside_figure(
        f"{'Sum in ' + constant.unit(one['year_basis']) if is_constant else 'Sum'} of {one[added]:,} figures of "
        f"{show.plain(one['series_title'])}, {show.plain(show.years_of(years, one['year_basis']))}: "
        + show.plain(
            constant.usd(one["sum_2024_usd"]) if is_constant else show.usd(one["sum_usd"])
        ),
        f"Source: {show.plain(sources.get(one['source_id'], one['source_id']))}",
    )
    places = one["areas_count"]
    show.small(
        f"The figures added cover {places:,} countr{'y or area' if places == 1 else 'ies and areas'} and the years "
        f"{show.plain(show.years_of(years, one['year_basis']))}. A country or year without a row was not "
        "read, or has no such row."
    )
    show.small(
        f"{'Computed from nominal' if is_constant else 'Nominal'} dollars. {left_out:,} of {one['rows_count']:,} rows are left out of the sum: printed "
        "totals, sums over several years, earlier editions, bounds, tables read in part"
        f"{', years without an index' if is_constant else ''}. "
        f"{show.plain(one['caution'])} "
        + show.rows_link(
            "The figures, each with its source row", address.rows("funding", addable(one))
        )
    )
elif kinds == 1 and one["is_additive"] and one["added_count"]:
    st.info(
        "No total in constant dollars: no year of these figures has an index. In nominal dollars there is one."
    )
else:
    st.info(
        "No single total: the rows "
        + (
            f"belong to {kinds} series or flows, which partly report the same money."
            if kinds > 1
            else "of this series may not be added to one another."
        )
        + " Choose one series that may be added to get a total."
    )
show.table(
    sums,
    {
        "Series": show.text_of("series_title"),
        "Flow": show.text_of("flow"),
        "Years are": show.text_of("year_basis"),
        "Rows": lambda row: show.rows_link(
            show.number(row["rows_count"]), address.rows("funding", of_kind(row))
        ),
        "May be added": lambda row: "yes" if row["is_additive"] else "no",
        "Sum of what may be added"
        + (f", dollars of {CONSTANT_YEAR}" if is_constant else ""): lambda row: (
            show.rows_link(summed(row), address.rows("funding", addable(row)))
            if row["is_additive"] and row["added_count"]
            else show.MISSING
        ),
        "What may not be added": show.text_of("caution"),
    },
    alt="The filtered rows by series and flow, and whether they may be added",
)
if is_constant:
    for (basis,), part in sums.filter("is_additive").group_by("year_basis", maintain_order=True):
        lists = part["years_without_index"].drop_nulls().to_list()
        show.small(constant.note(str(basis), [year for years in lists for year in years]))

st.header("Rows")
# the order of funding_rows.sql
ordered = {"sort": "area_as_printed,year,series,account,-edition_order,entry_id"}
pages = -(-total_rows // PAGE_ROWS)
page = st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1
rows = queries.ask_filtered("funding_rows", conditions, PAGE_ROWS, (page - 1) * PAGE_ROWS)
show.download(address.rows("funding", {**asked, **ordered}), rows, of=total_rows)
if is_constant and any(asked[name] for name in NOMINAL_ONLY):
    show.small(
        "The list of figures in constant dollars names no agency, organisation, sector or text, so it cannot be kept "
        "to these filters; the table below shows each figure in both."
    )
elif is_constant:
    show.download(
        address.rows(
            "funding_constant", {key: asked[key] for key in asked if key not in NOMINAL_ONLY}
        ),
        label=f"Download the figures of single years in dollars of {CONSTANT_YEAR}",
    )
show.small(
    f"Rows {(page - 1) * PAGE_ROWS + 1:,} to {(page - 1) * PAGE_ROWS + rows.height:,} of {total_rows:,}."
)
show.table(
    rows,
    {
        "Recipient": show.text_of("area_as_printed"),
        "Period": lambda row: show.plain(
            show.year_of(row["year"], row["year_basis"])
            or (
                f"{row['period_start']} to {row['period_end'] or 'a date not stated'}, a sum"
                if row["period_start"]
                else "no year stated"
            )
        ),
        "Account": lambda row: show.plain(
            row["account"] if row["account"] != "Not stated" else row["account_as_printed"]
        ),
        "Donor": show.text_of("donor"),
        "Nominal dollars": show.usd_of("amount_usd", "precision", entry="entry_id"),
        **({f"Dollars of {CONSTANT_YEAR}": constant.cell} if is_constant else {}),
        "As printed": show.as_printed(),
        "Kind": lambda row: show.plain(
            ", ".join(
                word
                for word, holds in (
                    ("printed total", row["is_printed_total"]),
                    ("sum over years", row["is_cumulative"]),
                    (row["status"], row["status"] != "actual"),
                    (row["flow"], row["flow"] != "unspecified"),
                )
                if holds
            )
            or None
        ),
        "Source": lambda row: show.link(show.edition_of(row), row["source_url"]),
    },
    alt="Funding rows that pass the filters, with their sources",
)
