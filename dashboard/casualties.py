"""Casualties as the pages show them: the chosen series with its breaks, and the counts behind it.

The Country page shows one area, the Casualties page several and the world. A bar is one printed or
counted figure, never a sum of sources; what is no whole figure is hollow, what is no figure is a sign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl
import streamlit as st

from dashboard import address, charts, queries, show
from etl.tables import CASUALTY_MEASURES

REFERENCE: Final = next(iter(CASUALTY_MEASURES))
OTHER: Final = "monitor_other"
PARTS: Final = (("killed", "killed"), ("injured", "injured"), ("unknown", "unknown outcome"))
FEW_PEOPLE: Final = 20
FEW_SOURCES: Final = 6
# Stands wherever rows of people are shown or offered.
PRIVACY: Final = (
    "A row about a person says no more than its publisher does, and has no name. Where few people were hurt in a "
    "place and month, those who know it may still know them: count rows, and do not look for people."
)

Counted = dict[tuple[int, str], list[dict[str, Any]]]


def bars(rows: pl.DataFrame) -> pl.DataFrame:
    """The bars of a chart: one for each outcome, or one that is not split where an outcome is missing.

    What a printed total holds beyond its printed outcomes is a piece that is not split, so that the bar is
    as high as the total.
    """
    split = pl.col("killed").is_not_null() & pl.col("injured").is_not_null()
    rest = pl.col("total") - pl.col("killed") - pl.col("injured") - pl.col("unknown").fill_null(0)
    parts: dict[str, pl.Expr] = {
        outcome: pl.when(split).then(pl.col(column)) for column, outcome in PARTS
    }
    parts["not split"] = pl.when(split).then(pl.when(rest > 0).then(rest)).otherwise("total")
    about = {
        "calendar_year": pl.col("calendar_year"), "edition": pl.col("edition"),
        "is_open": _is_open(rows), "counted_by": _counted_by(rows),
    }  # fmt: skip
    if "entry_id" in rows.columns:  # figures of the ledger, whose bars lead to them
        about["href"] = pl.lit(opens(rows))
    wide = rows.select(**about, **{name: part.cast(pl.Float64) for name, part in parts.items()})
    return (
        wide.unpivot(list(parts), index=list(about), variable_name="outcome", value_name="people")
        .drop_nulls("people")
        .select(*about, "people", "outcome")
    )


def opens(rows: pl.DataFrame) -> pl.Series:
    """Where the mark of each row leads: to its entry, or to the rows that were counted."""
    found = [
        address.page("/entry", entry=row["entry_id"])
        if row["entry_id"]
        else address.behind("casualty_events", rows_behind(row, "total"))
        for row in rows.iter_rows(named=True)
    ]
    return pl.Series(found, dtype=pl.String)


def signs(
    rows: pl.DataFrame, span: Sequence[int] = (), missing: str = "no total of this year was read"
) -> pl.DataFrame:
    """What is marked beside the bars: breaks, zeros, and years without a figure.

    ``span`` are the years of the axis, where it is wider than those of the rows; ``missing`` says why a
    year has no bar.
    """
    lines = rows.select("calendar_year", "total", "killed", "is_break", "break_reason").rows()
    years = [*(year for year, *_ in lines), *span]
    known = {year for year, *counts, _, _ in lines if counts != [None, None]}
    found = [
        (year, "no figure", f"{missing}; that is no zero")
        for year in range(min(years), max(years) + 1)
        if year not in known
    ]
    found += [(year, "zero", "the source says zero") for year, total, *_ in lines if total == 0]
    found += [(year, "break", reason) for year, *_, is_break, reason in lines if is_break]
    return pl.DataFrame(
        found,
        schema={"calendar_year": pl.Int64, "sign": pl.String, "words": pl.String},
        orient="row",
    )


def _is_open(rows: pl.DataFrame) -> pl.Expr:
    flags = [
        name
        for name in ("lower_bound", "is_partial_year", "is_other_scope")
        if name in rows.columns
    ]
    return pl.any_horizontal(pl.col(flags))


def _counted_by(rows: pl.DataFrame) -> pl.Expr:
    if "measure" not in rows.columns:
        return pl.lit(CASUALTY_MEASURES[REFERENCE][0])
    titles = {name: title for name, (title, _, _) in CASUALTY_MEASURES.items()}
    return pl.col("measure").replace_strict(titles, default=None, return_dtype=pl.String)


def bound(row: Mapping[str, Any]) -> str:
    """What qualifies a figure, in a few words; nothing where it is whole."""
    parts = []
    if row["is_partial_year"]:
        parts.append("part of the year")
    if row["is_other_scope"]:
        parts.append("another scope")
    return ", ".join(["", *parts])


def figure(row: Mapping[str, Any], column: str = "total") -> str:
    """A figure with its bound, leading to its entry or to the rows of which it is the count."""
    words = show.number(row[column], floor=row["lower_bound"]) + bound(row)
    if row[column] is None or row["entry_id"]:
        return show.entry_link(words, row["entry_id"])
    return show.rows_link(words, address.rows("casualty_events", rows_behind(row, column)))


def rows_behind(row: Mapping[str, Any], column: str) -> dict[str, object]:
    """Filters that give the rows of ``casualty_events`` which a count is made of."""
    outcome = {"killed": "killed", "injured": "injured", "unknown": "unknown"}.get(column)
    is_person = row["measure"] == "register_rows"
    return {
        "series": row["series"],
        "unit": "person" if is_person else "event",
        **({"area": row["area"]} if row["area"] else {"area.null": "yes"}),
        "year": row["calendar_year"],
        "outcome": outcome if is_person else None,
    }


def counted_by(row: Mapping[str, Any]) -> str:
    """Who counts, leading to where it was read: the Monitor's edition, or the body without who quotes it."""
    if row["measure"] == REFERENCE:
        return show.link(row["edition"], row["source_url"])
    return show.link(str(row["report"]).split(" (", maxsplit=1)[0], row["source_url"])


def chosen_table(rows: pl.DataFrame, *, alt: str, with_area: bool = False) -> None:
    """The chosen series as a table, newest year first, each figure with whose count it is."""
    where: dict[str, show.Cell] = {"Area": show.text_of("area_name")} if with_area else {}
    unknown = {"Unknown": show.number_of("unknown")} if rows["unknown"].count() else {}
    show.table(
        rows,
        {
            **where,
            "Year": show.text_of("calendar_year"),
            "Killed": show.number_of("killed"),
            "Injured": show.number_of("injured"),
            **unknown,
            "Total": figure,
            "Civilians": show.number_of("civilian"),
            "Children": show.number_of("children"),
            "Break": show.text_of("break_reason"),
            "Other totals": other_totals,
            "Adds up": lambda row: {True: "yes", False: "no", None: show.MISSING}[
                row["is_total_confirmed"]
            ],
            "Counted by": counted_by,
        },
        alt=alt,
    )


def notes(rows: pl.DataFrame, *, with_area: bool = False) -> None:
    """What the compiler noted, each note once with its years."""
    rows = rows.drop_nulls("note")
    if rows.is_empty():
        return
    by = ["area_name", "note"] if with_area else ["note"]
    grouped = rows.group_by(by, maintain_order=True).agg(pl.col("calendar_year"))
    with st.expander(f"Notes on the figures: {grouped.height}"):
        st.markdown(
            "\n".join(
                f"- {show.plain(one['area_name']) + ', ' if with_area else ''}"
                f"{show.plain(show.years_of(one['calendar_year'], 'calendar'))}: {show.plain(one['note'])}"
                for one in grouped.iter_rows(named=True)
            )
        )


def other_totals(row: Mapping[str, Any]) -> str:
    """The range of what all editions of the same body print for the whole year."""
    if row["lowest_total"] == row["highest_total"]:
        return show.MISSING
    return show.plain(
        f"{show.number(row['lowest_total'])} to {show.number(row['highest_total'])}, "
        f"{row['editions_count']} edition{'' if row['editions_count'] == 1 else 's'}"
    )


def small_numbers(rows: pl.DataFrame) -> str:
    """The caution that goes with years of few people; nothing where there are none."""
    few = rows.filter(pl.col("total") < FEW_PEOPLE).height
    if not few:
        return ""
    return (
        f" {few} of {rows.height} years count fewer than {FEW_PEOPLE} people: one accident more or less "
        "looks like a trend there, and is none."
    )


# What each measure says, side by side


def side_by_side(area: str, name: str) -> None:
    """Every year of an area for which two measures or more have a figure, and why they differ."""
    rows = queries.ask("area_side_by_side", area=area)
    by_year = rows.filter(pl.col("measure") != OTHER, pl.col("entries_count") > 0)
    several = (
        by_year.group_by("calendar_year")
        .agg(pl.col("measure").n_unique())
        .filter(pl.col("measure") > 1)["calendar_year"]
    )
    if several.is_empty():
        if not rows.is_empty():
            show.small(
                f"No two counts of {show.plain(name)} cover one year, so nothing can be set side by side."
            )
        return
    st.subheader("Counts side by side")
    shown = rows.filter(pl.col("calendar_year").is_in(several.to_list()))
    _people_chart(shown, name)
    _accidents_chart(shown, name)
    _table(shown, name)
    order = "-calendar_year,choice_order,-is_newest_edition,is_other_scope,-edition_order,series,edition,locator"
    show.download(
        address.rows("casualties_side_by_side", {"area": area, "sort": order}), rows,
        label="Download all counts of all years",
    )  # fmt: skip
    reasons(shown)


def _people_chart(rows: pl.DataFrame, name: str) -> None:
    people = rows.filter(
        pl.col("measure") != OTHER, pl.col("is_newest_edition"), pl.col("total").is_not_null()
    )
    if people["measure"].n_unique() < 2:  # noqa: PLR2004 - a comparison needs two
        return
    points = people.select(
        "calendar_year", "edition", _counted_by(people).alias("measure"), people="total",
        is_open=_is_open(people), words=pl.col("note"), href=opens(people),
    )  # fmt: skip
    finding = compared(rows, name)
    show.chart(
        charts.counts_side_by_side(points),
        title=finding,
        alt_text=f"Points of people killed or injured by year and by who counts. {finding}.",
        source_line="One point is one figure of one source; the sources count the same people, so points are "
        "never added. Hollow: at least so many, part of the year, or another scope. The sources stand in the "
        "table.",
    )


def compared(rows: pl.DataFrame, name: str) -> str:
    """How the counts of others compare with the Monitor's, in a sentence with figures."""
    whole = rows.filter(
        ~pl.col("is_partial_year"), ~pl.col("is_other_scope"), pl.col("is_newest_edition"),
        pl.col("total").is_not_null(),
    )  # fmt: skip
    monitor = whole.filter(measure=REFERENCE).select("calendar_year", reference="total")
    others = (
        whole.filter(pl.col("measure").is_in(["register_counts", "register_rows", "event_counts"]))
        .sort("choice_order", "series", "edition")
        .unique(subset="calendar_year", keep="first", maintain_order=True)
    )
    both = others.join(monitor, on="calendar_year").with_columns(
        away=pl.col("total") - pl.col("reference")
    )
    if both.is_empty():
        return f"{name}: the counts are of different years or scopes, so no two whole years compare"
    above, equal = both.filter(pl.col("away") > 0).height, both.filter(away=0).height
    most = both.sort(pl.col("away").abs(), "calendar_year").row(-1, named=True)
    parts = [f"above the Monitor’s newest in {above}"] if above else []
    parts += [f"equal in {equal}"] if equal else []
    parts += [f"below in {both.height - above - equal}"] if both.height > above + equal else []
    return (
        f"{name}: of the {both.height} whole year{'' if both.height == 1 else 's'} that the Monitor and a national "
        f"or other body both count, the other count is {', '.join(parts)}; they are furthest apart in "
        f"{most['calendar_year']}, {most['total']:,} against the Monitor’s {most['reference']:,}"
    )


def _accidents_chart(rows: pl.DataFrame, name: str) -> None:
    events = rows.drop_nulls("events_count")
    if events.is_empty():
        return
    by_year = (
        events.with_columns(href=opens(events))
        .group_by("calendar_year", "series", maintain_order=True)
        .agg(
            href=pl.col("href").first(),
            accidents=pl.col("events_count").max(),
            is_open=pl.col("is_partial_year").any(),
            words=pl.col("note").first(),
        )
    )
    first, last = queries.years(by_year, "calendar_year")
    most = by_year.sort("accidents", "calendar_year").row(-1, named=True)
    finding = (
        f"{name}: the register of accidents has most in {most['calendar_year']}, {most['accidents']:,}; it "
        f"counts accidents, not people"
    )
    for (series,), part in by_year.group_by("series", maintain_order=True):
        of_it = events.filter(series=series)
        show.chart(
            charts.accidents(part),
            title=finding if by_year["series"].n_unique() == 1 else f"{finding} ({series})",
            alt_text=f"Bars of accidents by year, {first} to {last}. {finding}.",
            source_line=f"{show.sources(of_it)} Accidents have their own scale and are never added to people. "
            "Hollow: part of the year.",
        )


def _table(rows: pl.DataFrame, name: str) -> None:
    said: Counted = {}
    for row in rows.iter_rows(named=True):
        said.setdefault((row["calendar_year"], row["measure"]), []).append(row)
    there = set(rows["measure"])
    measures = [measure for measure in CASUALTY_MEASURES if measure in there]

    def cell(measure: str) -> show.Cell:
        return lambda row: _cell(said, row["calendar_year"], measure)

    show.table(
        rows.unique(subset="calendar_year", maintain_order=True),
        {
            "Year": show.text_of("calendar_year"),
            **{CASUALTY_MEASURES[measure][0]: cell(measure) for measure in measures},
        },
        alt=f"Counts of casualties in {name} by year, as the Monitor, registers and others count them",
    )
    show.small(
        "Chosen: the figure that stands for the year above. In brackets: the difference to the Monitor’s newest "
        "edition, and the figure divided by it, where both count the whole year and alike. "
        f"{show.MISSING} means that this ledger holds no figure there, not that nobody was hurt. Nothing is "
        "added across columns."
    )


def _cell(said: Counted, year: int, measure: str) -> str:
    """What one measure says of a year: the newest figure of each body, then its earlier ones."""
    rows = said.get((year, measure), [])
    reference = next(iter(said.get((year, REFERENCE), [])), None)
    newest = [row for row in rows if row["is_newest_edition"] or measure == OTHER]
    earlier = [row for row in rows if row not in newest]
    parts = [_figure(row) + _difference(row, reference) for row in newest if row["entries_count"]]
    parts += [
        f"all {row['withdrawn_count']:,} rows dropped by the publisher"
        for row in newest
        if not row["entries_count"]
    ]
    if earlier:
        parts.append(":small[earlier copies: " + ", ".join(_figure(row) for row in earlier) + "]")
    return "; ".join(parts) or show.MISSING


def _figure(row: dict[str, Any]) -> str:
    """One figure; the people of accidents stand beside the number of accidents."""
    mark = " **chosen**" if row["is_chosen"] else ""
    if row["measure"] != "event_counts":
        dropped = (
            f" :small[({row['withdrawn_count']:,} dropped rows not counted)]"
            if row["withdrawn_count"]
            else ""
        )
        return figure(row) + dropped + mark
    plural = "" if row["events_count"] == 1 else "s"
    words = f"{row['events_count']:,} accident{plural}{bound(row)}"
    people = ""
    if row["total"] is not None:
        people = f", {row['total']:,} people"
    elif row["killed"] is not None:
        people = f", {row['killed']:,} killed"
    return (
        show.rows_link(words + people, address.rows("casualty_events", rows_behind(row, "total")))
        + mark
    )


def _difference(row: dict[str, Any], reference: dict[str, Any] | None) -> str:
    if (
        reference is None
        or row["measure"] in {REFERENCE, OTHER}
        or None in (row["total"], reference["total"])
        or any(one["is_partial_year"] or one["is_other_scope"] for one in (row, reference))
    ):
        return ""
    away = row["total"] - reference["total"]
    if away == 0:
        return " :small[(the same)]"
    sign = "+" if away > 0 else "−"
    ratio = f"; {row['total'] / reference['total']:,.2f}\u00a0×" if reference["total"] else ""
    return f" :small[({show.plain(f'{sign}{abs(away):,}{ratio}')})]"


def reasons(rows: pl.DataFrame) -> None:
    """Why the counts differ: what each measure is, and what its sources say of themselves."""
    why = {row["measure"]: row for row in queries.ask("casualty_measures").iter_rows(named=True)}
    counted: dict[str, list[dict[str, Any]]] = {}
    for row in rows.iter_rows(named=True):
        counted.setdefault(row["measure"], []).append(row)
    lines = []
    for measure in CASUALTY_MEASURES:
        of_it = counted.get(measure)
        if not of_it or measure not in why:
            continue
        lines.append(
            f"- **{show.plain(why[measure]['title'])}.** {show.plain(why[measure]['why'])}"
        )
        if measure == OTHER:
            continue
        said = dict.fromkeys((row["series_title"], row["caution"], row["caveats"]) for row in of_it)
        lines += [
            f"  - {show.plain(title)}: {show.plain(caution)} {show.plain(caveats)}"
            for title, caution, caveats in said
            if None not in (title, caution, caveats)
        ]
        editions: dict[tuple[str, str], dict[str, Any]] = {}
        for row in of_it:
            if row["is_newest_edition"]:
                editions.setdefault((row["report"], row["edition"]), row)
        noted = [row for row in editions.values() if row["note"] and row["is_other_scope"]]
        lines += [
            f"  - {show.link(row['edition'], row['source_url'])}, {row['calendar_year']}: {show.plain(row['note'])}"
            for row in noted[:FEW_SOURCES]
        ]
    with st.expander("Why they differ", expanded=True):
        st.markdown("\n".join(lines))
