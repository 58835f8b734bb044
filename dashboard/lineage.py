"""What lies behind a row of a view: the rows of which it is made, down to the entries that were read.

A figure that was read leads to its entry. One that was computed leads to its row in a view, and from there
on: :data:`BEHIND` says for every view which rows of which tables its row is made of, in the API's own filters,
so that a reader can ask for them, and a test can add them up again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import polars as pl

from dashboard import casualties, side_by_side
from etl.depends import view_reads
from etl.dictionary import docstring
from etl.settings import PACKAGE
from etl.tables import ALL_TABLES, reading_order

Row = Mapping[str, Any]
Filters = Mapping[str, object]

# Figures of one year that may be added: no requests or estimates, no sums over years, no printed totals.
SINGLE: Final[Filters] = {"status": "actual", "is_cumulative": "no", "is_printed_total": "no"}
# Too long for a cell beside others, or the same words in every row.
LONG: Final = frozenset(
    {
        "vintage_sha256",
        "content_sha256",
        "locator",
        "source_url",
        "note",
        "why",
        "cannot_show",
        "place",
    }
)

# What tells rows apart where the order of a table does not name it.
NAMES: Final = (
    "area_as_printed", "donor", "account", "implementer", "year", "calendar_year", "date", "hazard", "measure",
    "edition",
)  # fmt: skip
MOST_NAMES: Final = 6
MOST_FIGURES: Final = 5
# Names that lead elsewhere, and orders that only sort.
HIDDEN: Final = frozenset(
    {"edition_order", "choice_order", "entry_id", "only_entry_id", "us_entry_id", "revision"}
)
NO_FIGURES: Final = frozenset({None, "", "year", "ordinal", "rank", "refresh number"})


@dataclass(frozen=True)
class Behind:
    """Rows of which a row is made: what they are to it, their table, and filters that give them."""

    what: str
    table: str
    filters: Filters


def place(row: Row, name: str = "area_name") -> Filters:
    """Filters for the row's area; where its name has no code, for the name as it stands in the column ``name``."""
    if row["area"]:
        return {"area": row["area"]}
    return {"area.null": "yes", name: row["area_name"]}


def _coverage(row: Row) -> list[Behind]:
    year = {**place(row), "fiscal_year": row["fiscal_year"]}
    return [Behind("the accounts that are added to accounts_sum_usd", "coverage", year)]


def _donors(row: Row) -> list[Behind]:
    printed = {"source_url": row["source_url"]} if row["sum_check"] else {}
    wanted = {
        "series": row["series"], "flow": row["flow"], **place(row, "area_as_printed"),
        "year": row["calendar_year"], "donor": row["donor"], "edition": row["edition"], **printed, **SINGLE,
    }  # fmt: skip
    return [Behind("the figures that are added to amount_usd", "funding", wanted)]


def _dependency(row: Row) -> list[Behind]:
    printed = {"source_url": row["source_url"]} if row["sum_check"] else {}
    wanted = {
        "basis": row["basis"], **place(row), "calendar_year": row["calendar_year"],
        "edition": row["edition"], **printed,
    }  # fmt: skip
    return [Behind("what each donor gave; all of them are all_donors_usd", "donors", wanted)]


def _dependency_summary(row: Row) -> list[Behind]:
    wanted = {"basis": row["basis"], **place(row), "is_newest_edition": "yes"}
    return [Behind("the U.S. share of every year read", "dependency", wanted)]


def _orphaned(row: Row) -> list[Behind]:
    area = {"area": row["area"]}
    found = [Behind("what State’s report prints for it", "coverage", area)]
    if row["known_years_count"] is not None:
        wanted = {"basis": row["basis"], **area}
        found.append(Behind("its U.S. share and donors", "dependency_summary", wanted))
    return found


def _area_profile(row: Row) -> list[Behind]:
    area = {"area": row["area"]}
    found = []
    if row["all_fy2015_2017_usd"] is not None:
        years = {**area, "fiscal_year.gte": 2015, "fiscal_year.lte": 2017}
        found.append(Behind("the money of fiscal years 2015 to 2017", "coverage", years))
    if row["mine_ban_treaty"] or row["cluster_convention"]:
        found.append(Behind("the treaties", "treaty_status", area))
    if row["dependency_year"] is not None:
        year = {"basis": "monitor", **area, "calendar_year": row["dependency_year"], "is_newest_edition": "yes"}  # fmt: skip
        found.append(Behind("the U.S. share", "dependency", year))
    return found


def _partners(row: Row) -> list[Behind]:
    spellings = row["spellings_seen"].split(" ; ") if row["spellings_seen"] else []
    wanted = {
        "series": row["series"], "flow": row["flow"], **place(row, "area_as_printed"), "year": row["year"],
        **({"implementer": spellings} if spellings else {"implementer.null": "yes"}),
        **({"agency": row["agency"]} if row["agency"] else {"agency.null": "yes"}),
        "account": row["account"], **SINGLE,
    }  # fmt: skip
    return [Behind("the figures that are added to amount_usd", "funding", wanted)]


def _reconciliation(row: Row) -> list[Behind]:
    found = []
    if not row["entries_count"]:
        year = {**place(row), "calendar_year": row["year"], "basis": "monitor"}
        found = [Behind("the table that lists no U.S. money", "donors", year)]
    elif row["only_entry_id"] is None:
        found = [Behind("the figures that are added to amount_usd", *side_by_side.rows_behind(row))]
    if row["measure"] != side_by_side.REFERENCE and row["reference_usd"] is not None:
        reference = {"measure": side_by_side.REFERENCE, **place(row), "year": row["year"]}
        found.append(
            Behind("State’s report, which it is held against", "reconciliation", reference)
        )
    return found


def _counted(row: Row) -> list[Behind]:
    """Of a count of casualties: the rows that were counted, where no entry prints it."""
    if row["entry_id"] or not row["entries_count"]:
        return []
    return [
        Behind(
            "the rows that were counted", "casualty_events", casualties.rows_behind(row, "total")
        )
    ]


def _casualties_by_area_year(row: Row) -> list[Behind]:
    every = {**place(row), "calendar_year": row["calendar_year"]}
    return [
        *_counted(row),
        Behind(
            "every count of the year, of which this is chosen", "casualties_side_by_side", every
        ),
    ]


def _casualties_world(row: Row) -> list[Behind]:
    countries = {
        "measure": "monitor", "calendar_year": row["calendar_year"], "total.null": "no",
        "is_partial_year": "no",
    }  # fmt: skip
    found = []
    if row["areas_sum"] is not None:
        found = [
            Behind(
                "the countries that are added to areas_sum", "casualties_side_by_side", countries
            )
        ]
    if row["edition"]:
        printed = {"series": "monitor_world_casualties", "year": row["calendar_year"], "edition": row["edition"]}  # fmt: skip
        found.insert(0, Behind("what the edition prints of the year", "casualties", printed))
    return found


def _casualty_rates(row: Row) -> list[Behind]:
    chosen = {**place(row), "calendar_year": row["calendar_year"]}
    return [Behind("the casualties of the year", "casualties_by_area_year", chosen)]


def _casualty_checks(row: Row) -> list[Behind]:
    if row["series"] == row["reference_series"] == "monitor_world_casualties":
        world = {"calendar_year": row["calendar_year"], "edition": row["edition"]}
        return [Behind("the edition’s numbers of the world", "casualties_world", world)]
    if row["check"] == "countries and world":
        wanted: Filters = {"measure": "monitor", "total.null": "no", "is_partial_year": "no"}
    else:
        wanted = {**place(row), "series": [row["series"], row["reference_series"]]}
    wanted = {**wanted, "calendar_year": row["calendar_year"]}
    return [Behind("what is held against each other", "casualties_side_by_side", wanted)]


def _funding_per_capita(row: Row) -> list[Behind]:
    wanted = {
        "series": row["series"], "flow": row["flow"], "area": row["area"], "year": row["year"], **SINGLE,
    }  # fmt: skip
    return [Behind("figures of the series, flow, area and year", "funding", wanted)]


def _nothing_more(_: Row) -> list[Behind]:
    """Of a view whose rows name every entry that they are made of."""
    return []


BEHIND: Final[Mapping[str, Callable[[Row], list[Behind]]]] = MappingProxyType(
    {
        "coverage": _coverage,
        "casualties_side_by_side": _counted,
        "casualties_by_area_year": _casualties_by_area_year,
        "donors": _donors,
        "casualties_world": _casualties_world,
        "casualty_rates": _casualty_rates,
        "casualty_checks": _casualty_checks,
        "dependency": _dependency,
        "dependency_summary": _dependency_summary,
        "orphaned": _orphaned,
        "area_profile": _area_profile,
        "iati_usd": _nothing_more,
        "partners": _partners,
        "reconciliation": _reconciliation,
        "funding_constant": _nothing_more,
        "funding_per_capita": _funding_per_capita,
    }
)


def entries(table: str, row: Row) -> dict[str, str]:
    """The entries that a row names, by what its column says of them."""
    columns = ALL_TABLES[table].columns()
    return {
        columns[name].description or name: row[name]
        for name in columns
        if name.endswith("entry_id") and row.get(name)
    }


def itself(table: str, row: Row) -> Filters:
    """Filters that give this row and, of a table whose order names it, no other."""
    found: dict[str, object] = {}
    for name in reading_order(table):
        value = row.get(name)
        found |= {f"{name}.null": "yes"} if value in (None, "") else {name: value}
    return found


@cache
def sql_of(view: str) -> tuple[str, str]:
    """What a view answers, in the words at its head, and the SQL below them."""
    lines = (PACKAGE / "views" / f"{view}.sql").read_text(encoding="utf-8").splitlines()
    head = next(number for number, line in enumerate(lines) if not line.startswith("--"))
    words = " ".join(line.removeprefix("--").strip() for line in lines[:head])
    return words, "\n".join(lines[head:])


def meaning(table: str) -> str:
    """What one row of a table is."""
    return docstring(ALL_TABLES[table])


def made_from(view: str) -> list[str]:
    """The tables and views that a view is computed from."""
    return sorted(view_reads()[view].tables & ALL_TABLES.keys())


def telling(table: str, frame: pl.DataFrame) -> list[str]:
    """The columns that tell the rows of a frame apart, and their figures: few enough for a page."""
    columns = {
        name: column
        for name, column in ALL_TABLES[table].columns().items()
        if name in frame.columns
    }
    keys = [
        name
        for name in dict.fromkeys((*reading_order(table), *NAMES))
        if name in columns and name not in LONG | HIDDEN and frame[name].n_unique() > 1
    ]
    figures = [
        name
        for name, column in columns.items()
        if (column.metadata or {}).get("unit") not in NO_FIGURES
        and frame[name].count()
        and name not in HIDDEN.union(keys)
        and not name.endswith("_count")
    ]
    return [*keys[:MOST_NAMES], *figures[:MOST_FIGURES]]
