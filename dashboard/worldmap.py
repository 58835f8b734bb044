"""The world map: one measure of one year or span at a time, each area leading to its own page.

Measures never meet: dollars are of State's report, casualties the chosen figure of each area and year,
shares and cleared land the Monitor's. What has no figure is left empty, a zero is coloured, and a bound
has an outline of its own. What is chosen stands in the address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl
import streamlit as st

from dashboard import address, charts, queries, show

KEY: Final = "map"
NOT_LISTED: Final = "U.S. not listed"
FEW: Final = 3  # areas that the alt text names
CAUTION: Final = (
    "Empty with a dashed outline: no figure was read, never a zero. Heavy outline: at least, about, or only a part, "
    "as the table says. A dot stands for a small area. Outlines: Natural Earth (public domain); boundaries and names imply no opinion on the legal "
    "status of any area."
)


@dataclass(frozen=True)
class Measure:
    """What the map can show: its name on the button, the words of a legend, and its classes."""

    label: str
    unit: str
    ink: str
    steps: tuple[float, ...]  # upper ends of all classes but the last; the first is zero
    classes: tuple[str, ...]
    note: str


MEASURES: Final[Mapping[str, Measure]] = {
    "dollars": Measure(
        "Dollars", "nominal dollars", "money", charts.MONEY_STEPS, charts.MONEY_CLASSES,
        "The newest edition for each fiscal year; conventional weapons destruction is broader than mine action.",
    ),
    "casualties": Measure(
        "Casualties", "people killed or injured", "people", (0, 10, 50, 200),
        ("zero", "1 to 10", "11 to 50", "51 to 200", "over 200"),
        "Of each area one figure, chosen by a declared order: the Monitor’s newest edition, else a national "
        "register. Under-recording is the rule: a higher number can be the better count.",
    ),
    "dependency": Measure(
        "U.S. share", "per cent of international money", "money", (0, 25, 50, 75),
        ("none from the U.S.", "under 25 %", "25 to 50 %", "50 to 75 %", "over 75 %"),
        "The U.S. share of what donors report for mine action in the area, both from one table of the Landmine "
        "Monitor. Where a table does not list the United States, that is no printed zero.",
    ),
    "clearance": Measure(
        "Cleared land", "km² cleared of mines", "land", (0, 1, 5, 20),
        ("zero", "under 1 km²", "1 to 5 km²", "5 to 20 km²", "over 20 km²"),
        "Land cleared of mines alone, as the Landmine Monitor’s country profiles print it; other kinds of hazard "
        "overlap and are not added. Who paid for it is not known.",
    ),
}  # fmt: skip


def of_class(measure: Measure) -> pl.Expr:
    """The class of ``value``: an upper end belongs to the class below it."""
    found = pl.lit(measure.classes[-1])
    for name, upper in reversed(list(zip(measure.classes, measure.steps, strict=False))):
        found = pl.when(pl.col("value") <= upper).then(pl.lit(name)).otherwise(found)
    return found


def section(scope: str, who: str, years: Sequence[int], tables: int) -> None:
    """The map with its switches.

    ``scope`` and ``who`` say which program, ``years`` are those of its money, and ``tables`` is in how many
    countries they were read.
    """
    show.unknown("measure", address.accept_code(KEY, LABELS))
    # a value instead of a default: a default is left out of the address, and a link would change with it
    if st.session_state.get(KEY) not in LABELS and st.query_params.get(KEY) not in LABELS.values():
        st.session_state[KEY] = "dollars"
    name = str(st.segmented_control(
        "Show on the map", list(LABELS), required=True, key=KEY, format_func=LABELS.__getitem__,
        bind="query-params",
    ))  # fmt: skip
    if name == "dollars":
        _dollars(scope, who, years, tables)
    else:
        _of_year(name)


LABELS: Final = {name: measure.label for name, measure in MEASURES.items()}


def _chosen(label: str, key: str, labels: Mapping[str, str], otherwise: str) -> str:
    """A choice among years that stands in the address also where nobody made it."""
    given = str(st.query_params.get(key, otherwise))
    if given not in labels:
        show.unknown("year", [given])
        given = otherwise
    st.query_params[key] = given
    return address.choose(label, labels, given, key=key)


def _dollars(scope: str, who: str, years: Sequence[int], tables: int) -> None:
    first, last = min(years), max(years)
    labels = {f"{first}-{last}": f"FY{first} to FY{last}, added"} if last > first else {}
    labels |= {str(year): f"FY{year}" for year in sorted(years, reverse=True)}
    span = _chosen("Fiscal years", "dollars_years", labels, next(iter(labels)))
    begin, _, end = span.partition("-")
    rows = queries.ask("map_dollars", first=int(begin), last=int(end or begin), scope=scope)
    paid = rows.filter(pl.col("value") > 0).height
    when = f"fiscal years {begin} to {end}" if end else f"fiscal year {begin}"
    title = (
        f"{who}, {when}: {show.usd(queries.total(rows, 'value'))} in {paid} of the {tables} countries "
        "with a table"
    )
    wanted = {"account": "DoD" if scope == "dod" else "", "fiscal_year.gte": begin,
              "fiscal_year.lte": end or begin}  # fmt: skip
    _map("dollars", rows, title, when, ("coverage", wanted))
    wanted["area.null"] = "no"
    show.download(address.rows("coverage", wanted), label="Download the figures that are added")


def _of_year(name: str) -> None:
    rows = _ask(name)
    measure = MEASURES[name]
    if rows.is_empty():
        st.info(f"No figure of this ledger says how many {measure.unit} an area had in a year.")
        return
    counts = rows.group_by("year").agg(pl.len()).sort("year", descending=True)
    labels = {
        str(year): f"{year}: {many} area{'' if many == 1 else 's'}"
        for year, many in counts.iter_rows()
    }
    year = _chosen("Calendar year", f"{name}_year", labels, str(_telling(counts)))
    rows = rows.filter(year=int(year))
    most = rows.sort("value", "area", descending=[True, False]).row(0, named=True)
    title = (
        f"{measure.label}, {year}: {rows.height} area{'' if rows.height == 1 else 's'} with a figure, the highest "
        f"{most['area_name']} with {in_words(name, most)}{'' if name == 'dependency' else ' ' + measure.unit}"
    )
    _map(name, rows, title, year, _rows_of(name, year, rows))
    show.download(
        address.rows(*_rows_of(name, year, rows)), rows.height, label="Download these figures"
    )


def _ask(name: str) -> pl.DataFrame:
    """The rows of all years; each question by its own name, so that it is known what the page rests on."""
    if name == "casualties":
        return queries.ask("map_casualties")
    if name == "dependency":
        return queries.ask("map_dependency")
    return queries.ask("map_clearance")


def _telling(counts: pl.DataFrame) -> int:
    """The latest year of which at least half as many areas were read as of the year with most."""
    enough = counts.filter(pl.col("len") * 2 >= pl.col("len").max())
    return int(enough["year"].to_list()[0])


def _rows_of(name: str, year: str, rows: pl.DataFrame) -> tuple[str, dict[str, object]]:
    common = {"area": rows["area"].to_list(), "sort": "area_name,area"}
    if name == "casualties":
        return "casualties_by_area_year", {**common, "calendar_year": year}
    if name == "dependency":
        return "dependency", {
            **common, "basis": "monitor", "calendar_year": year, "is_newest_edition": "yes",
        }  # fmt: skip
    return "clearance", {"entry_id": rows["entry_id"].to_list()}


def in_words(name: str, row: Mapping[str, Any]) -> str:
    """A value with its bound: 'at least 198', 'about 44.2 %', 'U.S. not listed'."""
    bound, value = row["bound"], row["value"]
    if bound == NOT_LISTED:
        return NOT_LISTED
    if name == "dollars":
        text = show.usd(value)
    else:
        text = show.percent(value) if name == "dependency" else show.number(value)
    if bound in {"at least", "nearly", "about"}:
        return f"{bound} {text}"
    return f"{text} ({bound})" if bound else text


def _map(
    name: str,
    rows: pl.DataFrame,
    title: str,
    when: str,
    behind: tuple[str, Mapping[str, object]],
) -> None:
    """The map, the table of all that it shows, and the way to an area that was clicked.

    ``behind`` are the table and the filters of the rows that are added where a value is no single figure.
    """
    measure = MEASURES[name]
    shown = rows.with_columns(
        shade=of_class(measure),
        is_open=pl.col("bound").is_not_null(),
        words=pl.Series(
            [in_words(name, row) for row in rows.iter_rows(named=True)], dtype=pl.String
        ),
    )
    top = shown.sort("value", "area", descending=[True, False]).head(FEW)
    leaders = ", ".join(f"{row['area_name']} {row['words']}" for row in top.iter_rows(named=True))
    picked = show.chart(
        charts.world_map(
            shown.select("area", "area_name", "shade", "is_open", "words"),
            f"{measure.unit}, {when}",
            measure.classes,
            measure.ink,
        ),
        title=title,
        alt_text=f"World map by area, {when}: {measure.unit}. Highest: {leaders}. {shown.height} areas have a "
        "figure; all others are empty, which is no zero.",
        source_line=f"{show.sources(rows)} {measure.note} {CAUTION}",
        rows=shown.select("area", "area_name", "value", "bound", "edition"),
        key=f"map_of_{name}",
    )
    for area in picked:
        st.switch_page("app_pages/country.py", query_params=_country(area))
    with st.expander(f"The figures on this map: {rows.height}"):
        show.table(
            shown,
            {
                "Area": lambda row: (
                    f"[{show.plain(row['area_name'])}]({address.page('/country', area=row['area'])})"
                ),
                show.capital(measure.unit): lambda row: (
                    show.entry_link(row["words"], row["entry_id"])
                    if row["entry_id"]
                    else show.rows_link(
                        row["words"], address.rows(behind[0], {**behind[1], "area": row["area"]})
                    )
                ),
                "Class": show.text_of("shade"),
                "Edition": lambda row: show.link(row["edition"], row["source_url"]),
            },
            alt=f"{show.capital(measure.unit)} by area, {when}",
        )


def _country(area: str) -> dict[str, str]:
    """What the address of an area's page says, as of the same refresh."""
    as_of = queries.as_of()
    return {"area": area} | ({"as_of": str(as_of)} if as_of is not None else {})
