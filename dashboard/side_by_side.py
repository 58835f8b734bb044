"""Sources set side by side: one row an area and year, one column a measure, nothing added across.

The Country page shows one area, the Reconciliation page all of them. Each figure leads to its own
source row, or to the rows of which it is the sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import polars as pl
import streamlit as st

from dashboard import address, queries, show

REFERENCE: Final = "state_report"  # as in etl/views/reconciliation.sql
BASES: Final = {"fiscal": "fiscal year", "calendar": "calendar year", "not stated": "year"}

Place = tuple[str | None, str, int]
Said = dict[tuple[Place, str], list[dict[str, Any]]]


def declared() -> dict[str, dict[str, Any]]:
    """Every measure by name, in the order for readers."""
    return {row["measure"]: row for row in queries.ask("measures").iter_rows(named=True)}


def present(frame: pl.DataFrame) -> list[str]:
    """The measures that a frame of ``reconciliation`` holds, in the order for readers."""
    there = set(frame["measure"])
    return [name for name in declared() if name in there]


def table(
    frame: pl.DataFrame, *, alt: str, with_area: bool = False, of: pl.DataFrame | None = None
) -> None:
    """Years as rows, measures as columns; ``frame`` holds rows of ``reconciliation``, in order.

    ``of`` are all the rows of which ``frame`` is one page, so that every page has the same columns.
    """
    whole = frame if of is None else of
    said: Said = {}
    for row in frame.iter_rows(named=True):
        said.setdefault((_place(row), row["measure"]), []).append(row)
    bases = dict(whole.select("measure", "year_basis").iter_rows())
    titles = declared()

    def cell(measure: str) -> show.Cell:
        """What one measure says, and how far it is from State's report."""
        return lambda row: (
            " / ".join(_figure(one) for one in said.get((_place(row), measure), ())) or show.MISSING
        )

    area: dict[str, show.Cell] = {"Area": _area} if with_area else {}
    show.table(
        frame.unique(subset=["area", "area_name", "year"], maintain_order=True),
        {
            **area,
            "Year": show.text_of("year"),
            **{
                f"{titles[name]['title']} ({BASES[bases[name]]})": cell(name)
                for name in present(whole)
            },
        },
        alt=alt,
    )
    periods = (
        " \\* compares a fiscal year with a calendar year, which is another period."
        if not frame["is_same_year_basis"].all()
        else ""
    )
    gaps = (
        " Incomplete: a figure without an amount is missing from the sum."
        if frame["is_incomplete"].any()
        else ""
    )
    show.small(
        "In brackets: the difference to State’s report for the year of that number, and the figure divided by "
        f"it.{periods}{gaps} Nominal dollars. – means that this ledger holds no figure there: the source was "
        "not read for that year, or was read and holds none; not that nothing was paid. The columns report the "
        "same money, so they are never added."
    )


def reasons(frame: pl.DataFrame) -> None:
    """Why the measures of ``frame`` may differ, and which are not in this ledger."""
    why = declared()
    here = present(frame)
    with st.expander("Why they may differ", expanded=True):
        st.markdown(
            "\n".join(
                f"- **{show.plain(why[name]['title'])}.** {show.plain(why[name]['why'])}"
                for name in here
            )
        )
        for row in frame.drop_nulls("remark").filter(measure=REFERENCE).iter_rows(named=True):
            st.markdown(
                f"- {show.plain(row['area_name'])}, FY{row['year']}: {show.plain(row['remark'])}"
            )
    # sources whose files do not come with the project; of those here, some measure is among the rows
    read = {why[name]["source_id"] for name in here}
    missing = {
        row["source_id"]: row["source_title"]
        for row in why.values()
        if row["source_id"] not in read and row["source_status"] != "transcribed"
    }
    if missing:
        st.info(
            "Not among these rows: "
            + "; ".join(
                f"{show.plain(title)} (`hma refresh {name}` reads it)"
                for name, title in missing.items()
            )
            + ". Their files do not come with the project, or hold no such figure."
        )


def _place(row: dict[str, Any]) -> Place:
    return row["area"], row["area_name"], row["year"]


def _area(row: dict[str, Any]) -> str:
    name = show.plain(row["area_name"])
    return f"[{name}]({address.page('/country', area=row['area'])})" if row["area"] else name


def _figure(row: dict[str, Any]) -> str:
    """The amount with its bound, linked to what it is made of, and the difference."""
    if row["entries_count"] == 0:
        wanted = {
            "measure": row["measure"],
            "year": row["year"],
            "flow": row["flow"],
            **_area_of(row),
        }
        return show.rows_link("U.S. not listed", address.rows("reconciliation", wanted))
    words = show.usd(row["amount_usd"], row["precision"])
    if row["amount_usd"] is None:
        words = show.no_sum(row["entries_count"], may_add=row["is_incomplete"])
    elif row["is_incomplete"]:
        words += ", incomplete"
    linked = (
        show.entry_link(words, row["only_entry_id"])
        if row["only_entry_id"]
        else show.rows_link(words, address.rows(*rows_behind(row)))
    )
    return f"{linked}{_difference(row)}"


def _difference(row: dict[str, Any]) -> str:
    if row["difference_usd"] is None:
        return ""
    parts = [show.signed_usd(row["difference_usd"])]
    if row["ratio"] is not None:
        parts.append(f"{row['ratio']:,.2f}\u00a0×")
    other = "" if row["is_same_year_basis"] else "\u00a0\\*"
    return f" :small[({show.plain('; '.join(parts))}{other})]"


def _area_of(row: dict[str, Any]) -> dict[str, object]:
    if row["area"]:
        return {"area": row["area"]}
    return {"area.null": "yes", "area_name": row["area_name"]}


def rows_behind(row: Mapping[str, Any]) -> tuple[str, dict[str, object]]:
    """Table and filters that give the figures behind a sum."""
    if row["measure"] == REFERENCE and row["area"]:
        return "coverage", {"area": row["area"], "fiscal_year": row["year"]}
    where = (
        {"area": row["area"]}
        if row["area"]
        else {"area.null": "yes", "area_as_printed": row["area_name"]}
    )
    if row["measure"] == "monitor":  # of a recipient's table, the United States' lines
        where["donor"] = "United States"
    return "funding", {
        "series": row["series"], **where, "year": row["year"], "year_basis": row["year_basis"],
        "flow": row["flow"], "status": "actual", "is_cumulative": "no", "is_printed_total": "no",
    }  # fmt: skip
