"""Who got the money: organisations by year and country, from one series at a time."""

from __future__ import annotations

import re
from typing import Any, Final

import polars as pl
import streamlit as st

from dashboard import address, queries, show

ORDER: Final = "implementer,-year,area_name,agency,account,flow,year_basis"  # as partner_rows.sql
FEW_YEARS: Final = 5
FEW_FILES: Final = 5
FEW_AREAS: Final = 12
PACKED: Final = re.compile(", packed with SHA-256 [0-9a-f]+")  # stands in full on Sources
FEW_SPANS: Final = 3
LINE: Final = ("area", "area_name", "year", "agency", "account", "flow")  # of one organisation
UNNAMED: Final = "Not named by the source"

st.title("Partners")
st.markdown(
    "Organisations that got the money, as one series of one source says. The same grant stands in several "
    "sources, so two series never share a table."
)
series = queries.ask("partner_series")
if series.is_empty():
    commands = "; ".join(
        f"`hma refresh {row['source_id']}` ({show.plain(row['title'])})"
        for row in queries.ask("by_partner").iter_rows(named=True)
    )
    st.info(
        "No figure in this ledger names the organisation that got it: the reports that come with the project "
        "give sums by country and account. Sources that name them are read, on the machine that keeps the "
        f"ledger, by {commands or 'none that is declared here'}."
    )
    st.stop()
titles = {
    row["series"]: f"{row['title']} ({row['source_title']})" for row in series.iter_rows(named=True)
}


name = address.choose(
    "Source and series", titles, show.chosen("series", titles, next(iter(titles))), key="series",
    hint="One at a time: they report the same money.",
)  # fmt: skip
about = series.filter(series=name).row(0, named=True)
places = {"": "All countries and areas"} | dict(
    queries.ask("partner_areas", series=name).iter_rows()
)
area = address.choose("Country or area", places, show.chosen("area", places, ""), key="area")
asked = {"series": name, "area": area}
extent = queries.ask("partner_extent", **asked).row(0, named=True)
totals = queries.ask("partner_totals", **asked)
partners = {"": "All organisations"} | {
    partner: partner for partner in totals["implementer"].drop_nulls().unique().sort()
}
partner = address.choose(
    "Organisation", partners, show.chosen("partner", partners, ""), key="partner"
)
of_area = f" in {places[area]}" if area else ""


def by_line(some: pl.DataFrame) -> dict[tuple[Any, ...], dict[str, Any]]:
    """How the source spells an organisation's name, in the rows that share a line of its table."""
    found = some.group_by(LINE).agg(pl.col("spellings_seen").drop_nulls().unique())
    return {tuple(row[name] for name in LINE): row for row in found.iter_rows(named=True)}


def figures(found: dict[str, Any] | None, year: int | None) -> str:
    """A sum, linked to the figures of which it is made."""
    if found is None:
        return show.MISSING
    count = found["entries_count"]
    words = show.no_sum(count, may_add=about["is_additive"])
    if (about["is_additive"] or count == 1) and found["amounts_count"]:
        words = show.usd(found["amount_usd"])
        words += ", incomplete" if found["is_incomplete"] else ""
    return show.rows_link(words, address.rows("funding", _filters(found, year)))


def _filters(found: dict[str, Any], year: int | None) -> dict[str, object]:
    """What the figures behind a sum of one organisation have in common."""
    spellings = sorted({one for text in found["spellings_seen"] for one in text.split(" ; ")})
    return {
        "series": name,
        "area": area,
        **({"implementer.exact": spellings} if spellings else {"implementer.null": "yes"}),
        "year": year,
        "status": "actual",
        "is_cumulative": "no",
        "is_printed_total": "no",
    }


def partner_link(row: dict[str, Any]) -> str:
    """The organisation, leading to its own table."""
    if row["implementer"] is None:
        return UNNAMED
    where = address.page("/partners", series=name, area=area, partner=row["implementer"])
    return f"[{show.plain(row['implementer'])}]({where})"


def kind(row: dict[str, Any]) -> str:
    """What kind of organisation, or why that is not known."""
    if row["implementer"] is None:
        return show.MISSING
    return show.plain(row["implementer_kind"] if row["is_matched"] else "not in the table of names")


def all_of_them() -> None:
    """One row an organisation, its latest years as columns."""
    years = extent["years"][::-1]
    label = "FY" if about["year_basis"] == "fiscal" else ""
    shown = show.paged(totals)
    names = shown["implementer"]
    sums = queries.ask(
        "partner_sums", **asked, implementers=names.drop_nulls().to_list(), has_unnamed=names.has_nulls()
    )  # fmt: skip
    by_year = {(row["implementer"], row["year"]): row for row in sums.iter_rows(named=True)}

    def of_year(year: int | None) -> show.Cell:
        return lambda row: figures(by_year.get((row["implementer"], year)), year)

    named = totals["implementer"].count()
    st.header(f"{named:,} organisation{'' if named == 1 else 's'}{show.plain(of_area)}")
    spans = show.years_of(years, about["year_basis"])
    if spans.count(",") >= FEW_SPANS:
        spans = f"{len(years)} years with rows, {label}{years[-1]} to {label}{years[0]}"
    show.table(
        shown,
        {
            "Organisation": partner_link,
            "Kind": kind,
            **({spans: of_year(None)} if len(years) > 1 else {}),
            **{f"{label}{year}": of_year(year) for year in years[:FEW_YEARS]},
        },
        alt=f"Organisations{of_area} with what {titles[name]} says they got, latest years first",
    )
    show.download(
        address.rows("partners", {**asked, "sort": ORDER}), extent["rows_count"],
        label="Download what the table adds up, by year, country and agency",
    )  # fmt: skip


def one_of_them() -> None:
    """One organisation by year, country and the agency that paid."""
    its = queries.ask("partner_rows", **asked, implementer=partner)
    spellings = sorted({one for text in its["spellings_seen"] for one in text.split(" ; ")})
    st.header(show.plain(f"{partner}{of_area}"))
    notes = dict(queries.ask("implementer_notes").iter_rows())
    show.small(
        f"Printed as: {show.plain('; '.join(spellings))}. {show.plain(notes.get(partner) or '')}"
        if partner in notes
        else "Not in the reviewed table of names, so it is shown as printed; other spellings may stand apart."
    )
    shown = show.paged(its)
    of_line = by_line(its.join(shown.select(LINE), on=LINE, how="semi", nulls_equal=True))

    def amount(row: dict[str, Any]) -> str:
        found = of_line[tuple(row[column] for column in LINE)]
        filters = _filters(found, row["year"]) | {"account": row["account"]}
        for column, equals in (("area", "area"), ("agency", "agency.exact")):
            filters |= {equals: row[column]} if row[column] else {f"{column}.null": "yes"}
        words = show.usd(row["amount_usd"])
        if row["amount_usd"] is None:
            words = show.no_sum(row["entries_count"], may_add=row["is_additive"])
        elif row["is_incomplete"]:
            words += ", incomplete"
        return show.rows_link(words, address.rows("funding", filters))

    show.table(
        shown,
        {
            "Year": lambda row: show.plain(show.year_of(row["year"], row["year_basis"])),
            "Country or area": show.text_of("area_name"),
            "Nominal dollars": amount,
            "Agency": show.text_of("agency"),
            "Account": show.text_of("account"),
            "Figures": show.number_of("entries_count"),
        },
        alt=f"What {titles[name]} says {partner} got{of_area}, by year, country and agency",
    )
    show.download(
        address.rows(
            "partners",
            {
                "series": name,
                "area": area,
                "implementer.exact": partner,
                "sort": ORDER,
            },
        ),
        shown,
        of=its.height,
    )


def where_from() -> None:
    """The source, the files it was read from, and which countries and years have rows."""
    files = queries.ask("files_of_series", source_id=about["source_id"], series=name)
    read_from = "; ".join(
        f"{show.plain(file)} ({show.plain(PACKED.sub('', origin))}; archived {day})"
        for file, origin, day in files.head(FEW_FILES).iter_rows()
    )
    if files.height > FEW_FILES:
        more = f"{files.height - FEW_FILES:,} more files"
        read_from += f"; and [{more}]({address.page('/sources')})"
    named = extent["area_names"]
    where = f"{len(named):,} countries and areas" if len(named) > 1 else "one country or area"
    if len(named) <= FEW_AREAS:
        where += f" ({', '.join(named)})"
    years = show.years_of(extent["years"], about["year_basis"])
    show.small(
        f"Source: {show.link(about['source_title'], about['source_url'])}. Read from: {read_from}."
    )
    show.small(
        f"The rows cover {show.plain(where)} and the years {show.plain(years)}. A country or year without a row was "
        f"not read, or has no such row. {show.MISSING} means that this ledger holds no figure there, not that "
        "nothing was paid."
    )


if extent["rows_count"]:
    where_from()
if not extent["rows_count"]:
    st.info("No figure of this series is about that area. Choose another, or all of them.")
elif partner:
    one_of_them()
else:
    all_of_them()
show.small(
    f"{show.capital(about['flow'])}s in nominal dollars, from one series alone; negative where more was taken "
    f"back than given, incomplete where a figure has no amount. {show.plain(about['caution'])} “{UNNAMED}” "
    "holds rows without a name; a redacted name is shown as printed. Names are joined by a reviewed table (`data/reference/implementers.csv`); "
    f"[it says which and why]({address.rows('implementers', {})})."
)
