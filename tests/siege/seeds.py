"""What the fuzzing starts from: for every reader, files in the shape of its tests' fixtures.

The rows are those of ``tests/sources``, and for transcribed figures the first rows of the embedded
files, so that a new column of a source is fuzzed as soon as its fixture has it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, NamedTuple

from etl.registers import Mapped, RegisterSpec
from etl.sources import SeriesSpec, SourceSpec, all_sources
from etl.sources.colombia_events import read as colombia_events
from etl.sources.usaspending import copies
from tests.helpers import EMBEDDED, NO_LIMITS, TRANSCRIBED, csv_text, rows_of
from tests.sources import (
    acled_api,
    fts_api,
    test_acled,
    test_colombia_events,
    test_colombia_victims,
    test_deflators,
    test_exchange_rates,
    test_foreignassistance_gov,
    test_hdx,
    test_iati,
    test_ocha_fts,
    test_oecd_crs,
    test_tabular,
    test_ucdp_ged,
    test_usaspending,
    test_worldbank,
)
from tests.sources.usaspending_api import table, transaction

Files = Mapping[str, bytes]
MOST_ROWS: Final = 12  # of an embedded file: more rows give no other shapes, and take longer


class Seed(NamedTuple):
    """A source, and files that it reads without complaint."""

    spec: SourceSpec
    files: Files


def _embedded(source_id: str) -> list[Files]:
    files = {}
    for name in all_sources()[source_id].files:
        header, rows = rows_of(TRANSCRIBED / name)
        step = max(1, len(rows) // MOST_ROWS)
        files[name] = csv_text(header, rows[::step][:MOST_ROWS]).encode()
    return [files]


def _acled() -> list[Files]:
    events = (acled_api.MINE, test_acled.CAR_BOMB, test_acled.IED)
    return [{"acled.json": test_acled.page(*events) + test_acled.page(events[0])}]


def _colombia_events() -> list[Files]:
    rows = [test_colombia_events.ACCIDENT, test_colombia_events.CLEARANCE]
    return [{test_colombia_events.FILE: csv_text(colombia_events.COLUMNS, rows).encode()}]


def _colombia_victims() -> list[Files]:
    rows = [test_colombia_victims.FARMER, test_colombia_victims.SOLDIER]
    rows.append(rows[0] | test_colombia_victims.EXCHANGED)
    return [{test_colombia_victims.FILE: csv_text(test_colombia_victims.HEADER, rows).encode()}]


def _deflators() -> list[Files]:
    of = test_deflators
    months = [f"2018-{month:02}-01,{240 + month}.1,0.2" for month in range(1, 13)]
    return [
        {
            of.GDP: of.quarters(*of.YEAR_2018),
            of.CPI: "\n".join(("Date,Index,Inflation", *months, "")).encode(),
            of.DAC: of.donors("USA,2024,2023,USD,OECD,Apr2025,1.02", "DAC,2024,2023,USD,OECD,Apr2025,1.02"),
        },
        {of.OMB: of.book(of.TABLE)},
    ]  # fmt: skip


def _exchange_rates() -> list[Files]:
    of = test_exchange_rates
    imf = of.imf(
        "2013-04-30,0.6535,GBP,M,IMF,GB,United Kingdom", "2014-01-31,45.1,AFN,M,IMF,AF,Afghanistan"
    )
    return [
        {of.MONTHLY: of.fed("2013-04-01,United Kingdom,0.6535", "2013-05-01,Japan,101.2"),
         of.ANNUAL: of.fed("2013-01-01,Euro,0.75"),
         of.IMF_MONTHLY: imf, of.IMF_ANNUAL: imf.replace(b",M,", b",A,")}
    ]  # fmt: skip


def _foreignassistance() -> list[Files]:
    of = test_foreignassistance_gov
    rows = [of.DEMINING, of.DEMINING | of.DISBURSED, of.DEMINING | of.CWD,
            of.DEMINING | of.DEFENSE, of.DEMINING | of.OTHER]  # fmt: skip
    return [
        {of.COMPLETE: of.text_of(of.HEADER, rows).encode()},
        {of.BUDGET_FILE: of.text_of(of.BUDGET_HEADER, [of.REQUEST]).encode()},
    ]


def _hdx() -> list[Files]:
    of = test_hdx
    package = json.dumps({"success": True, "result": {"license_title": of.LICENCE}}).encode()
    rows = [{"id": "1"}, {"id": "2", "status": "paid"}, {"id": "3", "destLocations": "AFG,IRQ"}]
    return [{of.INCOMING: of.flows(*rows), of.PLANS: of.plans({}), "package.json": package + b"\n"}]


def _iati() -> list[Files]:
    of = test_iati
    split = ('<sector code="15250" percentage="60"/><sector code="12110" percentage="40"/>'
             '<recipient-country code="AF" percentage="50"/><recipient-region code="298" percentage="50"/>')  # fmt: skip
    activities = (
        of.activity(of.PAID),
        of.activity(of.SECTOR, of.COUNTRY, of.transaction(), of.transaction("5", "2"), identifier="B"),
        of.activity(split, of.transaction("70.5", "1", ref="x"), identifier="C"),
    )  # fmt: skip
    return [{of.FILE: of.document(*activities)}]


def _ocha_fts() -> list[Files]:
    of, flow = test_ocha_fts, fts_api.flow
    shared = flow(id="2", destinationObjects=fts_api.to(fts_api.CLUSTER_15, fts_api.HEALTH))
    where = flow(
        id="3", destinationObjects=fts_api.to(*fts_api.places("Iraq", "Chad")), keywords=None
    )
    return [
        {of.F2020: fts_api.line(flow(), shared, where), of.ALL2020: fts_api.line(flow(id="9"))},
        {of.FLAT: of.flat(flow(), shared)},
    ]  # fmt: skip


def _oecd_crs() -> list[Files]:
    of = test_oecd_crs
    return [
        {of.YEARLY: of.yearly(of.PROJECT, of.PROJECT | {"CrsID": "2", "USD_Commitment": ""})},
        {of.ACTIVITIES: of.answer(of.ANSWER, of.ANSWER | {"FLOW_TYPE": "C"}), of.TOTALS: of.answer(of.TOTAL)},
        {of.PARQUET: of.parquet(of.PROJECT)},
    ]  # fmt: skip


def _ucdp_ged() -> list[Files]:
    of = test_ucdp_ged
    rows = csv_text(of.HEADER, [of.LANDMINE, of.BOMB, of.BATTLE]).encode()
    return [{of.FINAL: rows}]


def _usaspending() -> list[Files]:
    of = test_usaspending
    rows = [transaction("1"), transaction("2")]
    file_a = {
        "reporting_fy": "2025", "reporting_period": "12", "treasury_account_symbol": "011-2025/2026-1075-000",
        "total_budgetary_resources_amount": "796482146.00", "obligations_incurred_total": "271891032.30",
        "gross_outlay_amount": "1.5",
    }  # fmt: skip
    activity = {"code": "0001", "name": "NADR", "obligations": 44112.0, "type": "PROGRAM_ACTIVITY"}
    return [
        {copies.FILES[0]: table(list(copies.COLUMNS), rows).encode("utf-8-sig")},
        {"awards.json": of.page(of.award(), of.award(**{"Award ID": "X"})), "subawards.json": of.page(of.subaward())},
        {"account_balances_011-1075_2025.csv": of.balances([file_a]),
         "program_activities_011-1075_2025.json": of.page(activity)},
    ]  # fmt: skip


def _worldbank() -> list[Files]:
    of = test_worldbank
    people = of.page(
        of.record(), of.record("IRQ", "2023", 45074049, "Iraq"), of.record("AFE", "2023", None)
    )
    copy = "Country Name,Country Code,Year,Value\nAfghanistan,AFG,2020,39068979\nAruba,ABW,2020,106585\n"
    return [
        {of.FILE: json.dumps(people).encode() + b"\n", of.GDP: json.dumps(of.page(of.output())).encode() + b"\n"},
        {of.COPY: copy.encode()},
    ]  # fmt: skip


LIVE: Final[Mapping[str, Callable[[], list[Files]]]] = {
    "acled": _acled, "colombia_events": _colombia_events, "colombia_victims": _colombia_victims,
    "deflators": _deflators, "exchange_rates": _exchange_rates,
    "foreignassistance_gov": _foreignassistance, "hdx": _hdx, "iati": _iati, "ocha_fts": _ocha_fts,
    "oecd_crs": _oecd_crs, "ucdp_ged": _ucdp_ged, "usaspending": _usaspending, "worldbank": _worldbank,
}  # fmt: skip


def _lenient(source_id: str) -> SourceSpec:
    return all_sources()[source_id].model_copy(update={"min_entries": 0, "guard": NO_LIMITS})


def _tabular() -> list[Seed]:
    """A user's register: a mapping and its table, once in each of the three forms of a table."""
    of = test_tabular
    mapped = Mapped("x.yml", of.MAPPING.encode()).register
    spec = RegisterSpec(
        source_id=of.SOURCE, title="t", publisher="p", url="u", licence="l", citation="c", cadence="c",
        status="local", coverage="c", caveats="c", files=(), min_entries=0,
        series={of.SOURCE: SeriesSpec(title=mapped.title, caution=mapped.caution)},
        binaries={"*.xlsx": "zip"},
    )  # fmt: skip
    tables = {"xlsx": of.workbook({"Cases": of.ROWS}), "csv": of.as_csv(of.ROWS)}
    return [
        Seed(spec, {f"{of.NAME}.yml": of.changed(file=f"{of.NAME}.{form}").encode(), f"{of.NAME}.{form}": content})
        for form, content in tables.items()
    ]  # fmt: skip


@cache
def seeds() -> tuple[Seed, ...]:
    """A few seeds of every reader.

    Raises:
        LookupError: a source has none.
    """
    missing = all_sources().keys() - LIVE.keys() - set(EMBEDDED)
    if missing:
        raise LookupError(f"the fuzzing has no files in the shape of {', '.join(sorted(missing))}")
    made = [Seed(_lenient(name), files) for name in EMBEDDED for files in _embedded(name)]
    made += [Seed(_lenient(name), files) for name, build in LIVE.items() for files in build()]
    return (*made, *_tabular())
