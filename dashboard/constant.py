"""Nominal or constant dollars: one switch for sums and charts that are of one series.

A figure is printed in dollars of its own year. The view ``funding_constant`` gives it in dollars of one
year, too, where the index has both years; what it lacks is left out of a sum, and the page says so.
Computed amounts are shown in whole dollars: their cents would only look exact.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import streamlit as st

from dashboard import queries, show
from dashboard.address import accept_code
from etl.tables import CONSTANT_YEAR

KEY: Final = "dollars"
CHOICES: Final = {"nominal": "Nominal", "constant": f"Constant {CONSTANT_YEAR}"}
COLUMN: Final = f"amount_{CONSTANT_YEAR}_usd"


def switch() -> bool:
    """Let the reader choose, also by the address; nominal unless they do. True for constant dollars."""
    show.unknown("kind of dollars", accept_code(KEY, CHOICES))
    chosen = st.segmented_control(
        "Dollars", list(CHOICES), default="nominal", required=True, key=KEY,
        format_func=CHOICES.__getitem__, bind="query-params",
    )  # fmt: skip
    return chosen == "constant"


def unit(basis: str) -> str:
    """What an axis of constant dollars is titled: 'constant U.S. dollars of FY2024'."""
    return f"constant U.S. dollars of {show.year_of(CONSTANT_YEAR, basis)}"


def usd(amount: float | None, precision: str | None = None) -> str:
    """A computed amount in whole dollars, with the bound of the figure that it comes from."""
    return show.usd(None if amount is None else round(amount), precision)


def cell(row: dict[str, Any]) -> str:
    """A cell of constant dollars, of a row with its precision."""
    return show.plain(usd(row[COLUMN], row["precision"]))


def note(basis: str, missing: Iterable[int]) -> str:
    """Which index was used for years of that kind, and which years it lacks."""
    if basis == "not stated":
        return "Where a source does not say what its years are, there are no constant dollars."
    lacking = sorted(set(missing))
    gap = (
        f" It has no value for {show.plain(show.years_of(lacking, basis))}: these figures are left out, not estimated."
        if lacking
        else ""
    )
    used = queries.ask("constant_index", year_basis=basis)
    if used.is_empty():
        return f"No figure in {unit(basis)}: the ledger holds no index that reaches that year.{gap}"
    row = used.row(0, named=True)
    value = show.entry_link(show.number(row["base_index_value"]), row["base_index_entry_id"])
    return (
        f"{show.capital(unit(basis))}: nominal dollars times the U.S. implicit GDP deflator of "
        f"{show.year_of(CONSTANT_YEAR, basis)} ({value}, {show.plain(row['index_unit'])}), divided by that of their own "
        f"year; {show.link(row['index_publisher'], row['index_source_url'])}, edition "
        f"{show.plain(row['index_edition'])}. It measures prices in the United States, not where the money was "
        f"spent.{gap}"
    )
