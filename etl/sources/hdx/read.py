"""The FTS files on HDX: the same flows as FTS's own interface gives, by a second door.

The files of flows are made country by country, and the global one joins them: a flow to several
countries stands in it once for each, and one that names no country not at all. Each flow is read
once. Where it leaves one country for another it stands in the file of outgoing flows, too, and is
outgoing here, for it was counted when it came into the first. The boundary is that of a country's
question; what a flow is a part of is not told.

The file of requirements has a row for each response plan and sector; the one of the sector mine
action gives two printed sums: what was asked for, and what came.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import polars as pl

from etl.archive import Contents
from etl.areas import Resolver
from etl.asking import shown
from etl.fts_flows import (
    CLUSTER,
    CLUSTER_NAMES,
    REPORT,
    SITE,
    Flow,
    Taken,
    Thing,
    add,
    one_each,
    plain,
    rule_of,
)
from etl.json_text import json_of
from etl.reading import MONEY, Finding, Reading, Shape, SourceError, read_csv, shaped
from etl.transcribed import dollars, funding_defaults, integer

PREFIX: Final = "hdx_"
EDITION: Final = "FTS files on HDX"
PACKAGE: Final = "package.json"
FLOWS_FILE: Final = re.compile(
    r"fts_(?P<boundary>incoming|internal|outgoing)_funding_(?P<area>[a-z]+)(_(?P<year>[0-9]{4}))?\.csv"
)
PLANS_FILE: Final = re.compile(r"fts_requirements_funding_globalcluster_[a-z]+\.csv")
QUESTION: Final = "one country and year"
ALL_DONORS: Final = "All donors (printed total)"
TAG: Final = "#"  # some files have a row of tags under the header
MOST_CERTAIN: Final = ("internal", "incoming", "outgoing")  # the last wins

COLUMNS: Final = (
    "date", "budgetYear", "description", "amountUSD", "srcOrganization", "srcOrganizationTypes",
    "srcLocations", "srcUsageYearStart", "srcUsageYearEnd", "destPlan", "destPlanCode", "destPlanId",
    "destOrganization", "destOrganizationTypes", "destGlobalClusters", "destLocations", "destProject",
    "destProjectCode", "destEmergency", "destUsageYearStart", "destUsageYearEnd", "contributionType",
    "flowType", "method", "boundary", "onBoundary", "status", "firstReportedDate", "decisionDate",
    "keywords", "originalAmount", "originalCurrency", "exchangeRate", "id", "refCode", "createdAt",
    "updatedAt",
)  # fmt: skip
PLAN_COLUMNS: Final = (
    "countryCode", "id", "name", "code", "startDate", "endDate", "year", "clusterCode", "cluster",
    "requirements", "funding", "percentFunded",
)  # fmt: skip
YEAR: Final = Shape(
    r"^(19|20)[0-9]{2}$", "not a year", "look at the row: a column may have slipped"
)

Row = dict[str, str | None]


def read(files: Contents, reading: Reading, resolver: Resolver) -> None:
    """Hand over one row a flow, and two a plan."""
    licence = _licence(files)
    taken: list[Taken] = []
    for file in sorted(files):
        if FLOWS_FILE.fullmatch(file):
            taken += _flows(reading, file, files[file])
        elif PLANS_FILE.fullmatch(file):
            _plans(reading, resolver, file, files[file], licence)
        elif file != PACKAGE:
            raise SourceError(
                f"{file} is none of this source's files; name it as HDX does, such as "
                "fts_incoming_funding_global_2026.csv, fts_incoming_funding_afg.csv or "
                "fts_requirements_funding_globalcluster_global.csv"
            )
    kept, repeated = one_each(reading, taken, _rank)
    for each in repeated:
        reading.leave(each.flow.file, 1)
    add(reading, resolver, kept, PREFIX, EDITION, licence)


def _licence(files: Contents) -> str:
    """The licence that the catalogue states, for the note of each row."""
    if PACKAGE not in files:
        return "licence not seen"
    answer = json_of(files[PACKAGE], PACKAGE)
    result = answer.get("result") if isinstance(answer, dict) else None
    if not isinstance(result, dict):
        raise SourceError(f"{PACKAGE} is no answer of the catalogue: {shown(answer)}")
    licence = result.get("license_title") or result.get("license_id")
    if licence and not isinstance(licence, str):
        raise SourceError(f"{PACKAGE} states no licence in words: {shown(licence)}")
    return f"licence as HDX states it: {licence}" if licence else "HDX states no licence"


def _rank(flow: Flow) -> tuple[str, int]:
    """The newest record of a flow; of equals the one that left a country."""
    known = flow.boundary in MOST_CERTAIN
    return flow.updated, MOST_CERTAIN.index(flow.boundary) if known else -1


def _rows(reading: Reading, file: str, content: bytes, columns: Iterable[str]) -> pl.DataFrame:
    """The rows of a file; one of tags is left."""
    frame = read_csv(reading, file, content, tuple(columns))
    if frame.height and (frame.item(0, 0) or "").startswith(TAG):
        reading.leave(file, 1)
        return frame.slice(1)
    return frame


# Flows


def _flows(reading: Reading, file: str, content: bytes) -> list[Taken]:
    """The flows of a file that are about mine action; the others are left."""
    taken, years = [], set()
    frame = _rows(reading, file, content, COLUMNS)
    for row in frame.iter_rows(named=True):
        flow = _flow(row)
        years |= set(flow.years())
        rule = rule_of(flow)
        if rule:
            taken.append(Taken(flow, rule))
    reading.leave(file, frame.height - len(taken))
    named = FLOWS_FILE.fullmatch(file)
    # what goes out is for another year, if it goes out of the year
    year = named["year"] if named and named["boundary"] == "incoming" else None
    if year and years and year not in years:
        reading.doubt(
            Finding(
                f"{file} line 1", "destUsageYearEnd", f"no flow is for {year}, the year in the name",
                ", ".join(sorted(years)[:5]), "see for which year the file is, and rename it",
            )
        )  # fmt: skip
    return taken


def _flow(row: Row) -> Flow:
    keywords = row["keywords"]
    return Flow(
        row["file"] or "", row["locator"] or "", row["id"] or "", row["boundary"] or "",
        row["onBoundary"] or "", row["status"] or "", row["flowType"] or "", plain(row["amountUSD"]),
        question=QUESTION, updated=row["updatedAt"] or "",
        amount=plain(row["originalAmount"]), currency=row["originalCurrency"],
        rate=plain(row["exchangeRate"]), contribution=row["contributionType"], date=row["date"],
        description=row["description"], ref_code=row["refCode"],
        keywords=tuple(keywords.split(",")) if keywords else (), tells_parents=False,
        source=(
            *_one("Organization", row["srcOrganization"], row["srcOrganizationTypes"]),
            *_several("Location", row["srcLocations"]),
        ),
        destination=(
            *_one("Organization", row["destOrganization"], row["destOrganizationTypes"]),
            *_several("Location", row["destLocations"]), *_clusters(row["destGlobalClusters"]),
            *_one("UsageYear", row["destUsageYearStart"]),
            *_one("UsageYear", row["destUsageYearEnd"]),
            *_one("Plan", row["destPlan"]), *_one("Project", row["destProject"]),
        ),
    )  # fmt: skip


def _one(kind: str, name: str | None, types: str | None = None) -> tuple[Thing, ...]:
    of = tuple(types.split(",")) if types else ()
    return (Thing(kind, "", name, types=of),) if name else ()


def _several(kind: str, names: str | None) -> tuple[Thing, ...]:
    """The objects in a cell whose names hold no comma."""
    parts = names.split(",") if names else []
    behavior = "single" if len(parts) == 1 else "shared"
    return tuple(Thing(kind, "", part.strip(), behavior) for part in parts)


def _clusters(names: str | None) -> tuple[Thing, ...]:
    """Mine action under its number, and all the other sectors as one: their names hold commas, too."""
    parts = [part.strip() for part in names.split(",")] if names else []
    ours = [part for part in parts if part in CLUSTER_NAMES]
    others = ",".join(part for part in parts if part not in CLUSTER_NAMES)
    behavior = "single" if len(parts) == 1 else "shared"
    return (
        *(Thing("GlobalCluster", CLUSTER, part, behavior) for part in ours[:1]),
        *((Thing("GlobalCluster", "", others, behavior),) if others else ()),
    )


# Plans


def _plans(reading: Reading, resolver: Resolver, file: str, content: bytes, licence: str) -> None:
    """What each response plan asked for mine action, and what came: two printed sums a row."""
    frame = _rows(reading, file, content, PLAN_COLUMNS)
    ours = frame.filter(pl.col("clusterCode") == CLUSTER)
    reading.leave(file, frame.height - ours.height)
    good = shaped(reading, ours, {"requirements": MONEY, "funding": MONEY, "year": YEAR})
    for column in ("id", "year", "countryCode"):
        for (place,) in good.filter(pl.col(column).is_null()).select("locator").iter_rows():
            reading.reject(Finding(place, column, "a value is missing", None, "the row needs it"))
        good = good.filter(pl.col(column).is_not_null())
    good = resolver.resolve(reading, good, "countryCode", "area")
    figures = 0
    for column, series, status in (
        ("requirements", "requirements", "request"),
        ("funding", "plan_funding", "actual"),
    ):
        rows = good.filter(pl.col(column).is_not_null())
        figures += rows.height
        reading.add("funding", _plan_rows(rows, column, f"{PREFIX}{series}", status, licence))
    empty = good.filter(pl.col("requirements").is_null() & pl.col("funding").is_null()).height
    reading.leave(file, empty)
    # a row that gives a second figure is counted again, so that rows and figures still agree
    reading.rows_read[file] = reading.rows_read.get(file, 0) + figures - (good.height - empty)


def _plan_rows(
    rows: pl.DataFrame, column: str, series: str, status: str, licence: str
) -> pl.DataFrame:
    nothing = pl.lit(None, dtype=pl.Int64)
    return rows.select(
        "file", "area", pl.concat_str("locator", pl.lit(f" /{column}")).alias("locator"),
        **{
            **funding_defaults(),
            "series": pl.lit(series),
            "report": pl.lit(REPORT),
            "edition": pl.lit(EDITION),
            "place": pl.concat_str(pl.lit("plan "), "id", pl.lit(f" global cluster {CLUSTER}")),
            "source_url": pl.concat_str(pl.lit(f"{SITE}/plans/"), "id", pl.lit("/summary")),
            "note": pl.concat_str(
                pl.concat_str(pl.lit("plan "), "name"),
                pl.concat_str("startDate", pl.lit(" to "), "endDate"),
                pl.lit(licence), separator="; ", ignore_nulls=True,
            ),
            "donor": pl.lit(ALL_DONORS),
            "account": pl.lit("Not stated"),
            "area_as_printed": pl.col("countryCode"),
            "title": pl.col("name"),
            "award_id": pl.col("code"),
            "selection_rule": pl.lit(f"global cluster {CLUSTER}"),
            "sector_as_printed": pl.col("cluster"),
            "flow": pl.lit("unspecified"),
            "status": pl.lit(status),
            "year": integer("year"),
            "year_basis": pl.lit("calendar"),
            "period_start": nothing,
            "period_end": nothing,
            "is_printed_total": pl.lit(value=True),
            "amount": dollars(column),
            "amount_usd": dollars(column),
            "amount_as_printed": pl.col(column),
            "unit_as_printed": pl.lit("US$"),
            "precision": pl.lit("exact"),
        },
    )  # fmt: skip
