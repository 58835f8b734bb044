"""UCDP's georeferenced events of which the headline or the article names a mine or a remnant.

The dataset is about deaths in organised violence. It has no column for the weapon and counts no injured,
so what is read here is a search result (:mod:`etl.mine_words`) and never a count of mine casualties. The
text that was searched is the press's and stays in the archive; the ledger keeps the words that were found.

A version of the dataset is one edition and lies in one file: a yearly version as a CSV, or as the pages of
the interface; candidate versions of the year under way the same. Two versions print the same event again,
under the same number, with the figures they have by then. They lie side by side and are never added.
"""

from __future__ import annotations

import re
from typing import Final

import polars as pl

from etl import scan
from etl.archive import Contents
from etl.areas import Resolver
from etl.locate import line_of
from etl.mine_words import devices, find, selection
from etl.pages import records
from etl.reading import WHOLE, Finding, Reading, Shape, SourceError, complete, shaped

SEARCHED: Final = ("source_headline", "source_article")
READ: Final = (
    "id", "year", *SEARCHED, "where_prec", "where_coordinates", "adm_1", "adm_2", "latitude", "longitude",
    "country", "event_clarity", "date_prec", "date_start", "date_end", "deaths_a", "deaths_b",
    "deaths_civilians", "deaths_unknown", "best", "high", "low",
)  # fmt: skip
# Who fought whom, codes of other datasets, and the source in words that are the press's own.
IGNORED: Final = (
    "relid", "active_year", "code_status", "type_of_violence", "conflict_dset_id", "conflict_new_id",
    "conflict_name", "dyad_dset_id", "dyad_new_id", "dyad_name", "side_a_dset_id", "side_a_new_id",
    "side_a", "side_b_dset_id", "side_b_new_id", "side_b", "number_of_sources", "source_office",
    "source_date", "source_original", "where_description", "geom_wkt", "priogrid_gid", "country_id",
    "region", "gwnoa", "gwnob", "iso3",
)  # fmt: skip
PARTS: Final = ("deaths_a", "deaths_b", "deaths_civilians", "deaths_unknown")

DAY: Final = Shape(
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T]00:00:00(\.0+)?)?$", "not a day", "write YYYY-MM-DD"
)
DEGREES: Final = Shape(
    r"^-?[0-9]{1,3}(\.[0-9]{1,20})?$", "not a coordinate", "write degrees with a decimal point"
)
SHAPES: Final = {
    "id": Shape(r"^[0-9]{1,18}$", "no number of an event", "write the event's number"),
    "year": Shape(r"^[0-9]{4}$", "not a year", "write four digits"),
    "where_prec": Shape(r"^[1-7]$", "no precision of a place", "write 1 to 7"),
    "event_clarity": Shape(r"^[12]$", "no clarity of an event", "write 1 or 2"),
    "date_prec": Shape(r"^[1-5]$", "no precision of a date", "write 1 to 5"),
    "date_start": DAY,
    "date_end": DAY,
    "latitude": DEGREES,
    "longitude": DEGREES,
    **dict.fromkeys((*PARTS, "best", "high", "low"), WHOLE),
}
REQUIRED: Final = ("id", "year", "country", "date_prec", "date_start", "date_end", "best")
SUMMARY: Final = "2"
NOTE: Final = "The source sums up several events in this row."

# Final versions have two numbers (26.1), candidate ones three (26.0.8) or four (26.01.26.06).
ANNUAL: Final = re.compile(r"ged([0-9]{2})([0-9])-csv(\.csv)?")
NUMBERED: Final = re.compile(
    r"(?:gedevent_v|gedevents-)([0-9]{2}(?:[._][0-9]{1,2}){1,3})\.(csv|json)"
)
FINAL_PARTS: Final = 2


def read(files: Contents, reading: Reading, resolver: Resolver) -> None:
    """Hand over one row for each event that a rule takes, version by version.

    Raises:
        SourceError: a file's name tells no version, or a file is not what it should be.
    """
    for version, file in _one_a_version(reading, files).items():
        frame = (
            _pages(reading, files, file) if file.endswith(".json") else _csv(reading, files, file)
        )
        _events(reading, resolver, frame, version)


def _one_a_version(reading: Reading, files: Contents) -> dict[str, str]:
    """The file of each version: the copy that came last, where there are several under other names."""
    versions: dict[str, str] = {}
    for file in sorted(files, key=lambda file: (files.retrieved(file), file)):
        version = version_of(file)
        if earlier := versions.get(version):
            reading.issue(
                Finding(
                    line_of(earlier, 1), None, "a version under two names", earlier,
                    f"nothing to do: {file} came later and is read in its stead",
                )
            )  # fmt: skip
        versions[version] = file
    return versions


def version_of(file: str) -> str:
    """The version of the dataset that a file holds, by its name.

    >>> version_of("ged261-csv"), version_of("GEDEvent_v26_0_8.csv"), version_of("gedevents-26.1.json")
    ('26.1', '26.0.8', '26.1')

    Raises:
        SourceError: the name does not say.
    """
    name = file.lower()
    if found := ANNUAL.fullmatch(name):
        return f"{found[1]}.{found[2]}"
    if found := NUMBERED.fullmatch(name):
        return found[1].replace("_", ".")
    raise SourceError(
        f"{file} does not say which version it is; name the copy as UCDP does, such as ged261-csv.zip or "
        "GEDEvent_v26_0_8.csv"
    )


def is_final(version: str) -> bool:
    """A yearly version, checked and complete to the end of the year before; not a candidate one."""
    return len(version.split(".")) == FINAL_PARTS


def _csv(reading: Reading, files: Contents, file: str) -> pl.DataFrame:
    columns = [scan.Column(name, (name,)) for name in READ]
    taken = scan.select(reading, files, file, columns, IGNORED, selection(SEARCHED))
    return find(taken.drop("selection_rule"), SEARCHED)


def _pages(reading: Reading, files: Contents, file: str) -> pl.DataFrame:
    """The events of the interface's pages; a field that holds no text or number makes a reject below."""
    rows = []
    for locator, record in records(reading, files, file, "Result"):
        missing = [name for name in READ if name not in record]
        if missing:
            raise SourceError(
                f"{locator} lacks {', '.join(missing)}; it has {', '.join(record)[:400]}. If the publisher "
                "renamed it, add the new name to read.py"
            )
        rows.append(
            {"file": file, "locator": locator, **{name: _text(record[name]) for name in READ}}
        )
    frame = pl.DataFrame(rows, schema=dict.fromkeys(("file", "locator", *READ), pl.String))
    found = find(frame, SEARCHED)
    taken = found.filter(pl.col("selection_rule").is_not_null())
    reading.leave(file, found.height - taken.height)
    return taken


def _text(value: object) -> str | None:
    """A field of the interface as the CSV prints it."""
    text = "" if value is None else str(value).strip()
    return text or None


def _events(reading: Reading, resolver: Resolver, frame: pl.DataFrame, version: str) -> None:
    frame = shaped(reading, frame, SHAPES)
    rule = "an event without number, date, country or deaths"
    frame = complete(reading, frame, REQUIRED, rule, "the event")
    frame = resolver.resolve(
        reading,
        frame.with_columns(area_as_printed="country"),
        "area_as_printed",
        "area",
    )
    deaths = {name: pl.col(name).cast(pl.Int64) for name in ("best", "low", "high", *PARTS)}
    _look_at_deaths(reading, frame, deaths)
    start, end = (pl.col(name).str.head(10) for name in ("date_start", "date_end"))
    reading.add(
        "casualty_events",
        frame.select(
            "file", "locator", "area", "area_as_printed", "selection_rule", "latitude", "longitude",
            unit=pl.lit("event"),
            series=pl.lit("ucdp_ged" if is_final(version) else "ucdp_ged_candidate"),
            report=pl.lit(
                "UCDP Georeferenced Event Dataset"
                if is_final(version)
                else "UCDP Candidate Events Dataset"
            ),
            edition=pl.lit(version),
            edition_order=pl.lit(".".join(part.zfill(2) for part in version.split("."))),
            source_url=pl.lit("https://ucdp.uu.se/downloads/"),
            place=pl.concat_str(pl.lit(f"{version}, event "), "id"),
            date=date_known(start, end, pl.col("date_prec") == "1"),
            date_end=end,
            date_precision_as_printed="date_prec",
            year=pl.col("year").cast(pl.Int64),
            month=pl.when(start.str.head(7) == end.str.head(7)).then(
                start.str.slice(5, 2).cast(pl.Int64)
            ),
            admin1="adm_1",
            admin2="adm_2",
            place_as_printed="where_coordinates",
            place_kind=pl.lit("unknown"),
            place_precision_as_printed="where_prec",
            killed=deaths["best"],
            killed_low=deaths["low"],
            killed_high=deaths["high"],
            device=pl.col("selection_rule").replace_strict(devices(), return_dtype=pl.String),
            device_as_printed="words_found",
            occurrence=pl.lit(1, dtype=pl.Int64),
            note=pl.when(pl.col("event_clarity") == SUMMARY).then(pl.lit(NOTE)),
        ).with_columns(pl.col("latitude", "longitude").cast(pl.Float64)),
    )  # fmt: skip


def date_known(start: pl.Expr, end: pl.Expr, is_exact: pl.Expr) -> pl.Expr:
    """The day of an event, or as much of its date as its first and last day have in common.

    An event of the turn of a year, whose days have nothing in common, is of the year in which it begins.
    """
    return (
        pl.when(is_exact & (start == end))
        .then(start)
        .when(start.str.head(7) == end.str.head(7))
        .then(start.str.head(7))
        .otherwise(start.str.head(4))
    )


def _look_at_deaths(reading: Reading, frame: pl.DataFrame, deaths: dict[str, pl.Expr]) -> None:
    """Name the rows whose deaths do not go together; they stay as printed."""
    parts = sum((deaths[name] for name in PARTS), start=pl.lit(0))
    order = (deaths["low"] <= deaths["best"]) & (deaths["best"] <= deaths["high"])
    for rule, good, fix in (
        ("the parts of the deaths are not the best estimate", parts == deaths["best"],
         "do not split the number of this event"),
        ("the best estimate lies outside the lowest and highest", order,
         "quote none of the three without the others"),
    ):  # fmt: skip
        for place, best in frame.filter(~good).select("locator", "best").iter_rows():
            reading.issue(Finding(place, "best", rule, best, fix))
