"""FTS's files on HDX: how they are found, and that they give the flows of FTS itself by another door."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from etl.archive import Archive
from etl.areas import Resolver, load_areas
from etl.check import Checked, check
from etl.config import Config
from etl.fetch import FetchError
from etl.locate import find
from etl.pages import as_line
from etl.reading import Reading, SourceError
from etl.refresh import Outcome, refresh
from etl.settings import Folders
from etl.sources import all_sources
from etl.sources.hdx import read as reader
from etl.sources.hdx.fetch import fetch
from etl.sources.hdx.read import COLUMNS, PLAN_COLUMNS
from etl.sources.ocha_fts import read as by_interface
from etl.tables import NATURAL_KEYS
from etl.verify import verify
from tests.helpers import DATA, SCRATCH, TRANSCRIBED, Row, ask, contents, csv_text, only
from tests.replay import (
    File,
    Replay,
    Route,
    Status,
    answer_json,
    html,
    rate_limited,
    redirect,
    serving,
)
from tests.sources.fts_api import session_to, spec_of

SOURCE = "hdx"
SAMPLES = TRANSCRIBED.parents[2] / "shared" / "samples" / "fts"
AREAS = Resolver(load_areas(DATA / "reference"))
KEY = list(NATURAL_KEYS["funding"])
INCOMING = "fts_incoming_funding_global_2020.csv"
INTERNAL = "fts_internal_funding_global_2020.csv"
OUTGOING = "fts_outgoing_funding_global_2020.csv"
PLANS = "fts_requirements_funding_globalcluster_global.csv"
LICENCE = "Creative Commons Attribution for Intergovernmental Organisations"

# Flow 194878 as HDX lists it, and the row of Afghanistan's plan of 2020.
FLOW: Row = {
    "date": "2019-07-02", "budgetYear": "2020", "description": "Support Capacity Building",
    "amountUSD": "106420", "srcOrganization": "Germany, Government of",
    "srcOrganizationTypes": "Government", "srcUsageYearStart": "2020", "srcUsageYearEnd": "2020",
    "destOrganization": "Geneva International Centre for Humanitarian Demining",
    "destOrganizationTypes": "NGO", "destGlobalClusters": "Mine Action", "destLocations": "AFG",
    "destUsageYearStart": "2020", "destUsageYearEnd": "2020", "contributionType": "financial",
    "flowType": "Standard", "method": "Traditional aid", "boundary": "incoming",
    "onBoundary": "single", "status": "commitment", "keywords": "Mine action,Multiyear",
    "originalAmount": "95672", "originalCurrency": "EUR", "exchangeRate": "0.899", "id": "194878",
    "refCode": "AA-S09 440.70 ALL 01/19", "createdAt": "2019-07-15", "updatedAt": "2019-07-15",
}  # fmt: skip
PLAN: Row = {
    "countryCode": "AFG", "id": "929", "name": "Afghanistan 2020", "code": "HAFG20",
    "startDate": "2020-01-01", "endDate": "2020-12-31", "year": "2020", "clusterCode": "15",
    "cluster": "Mine Action", "requirements": "7000000", "funding": "5280408", "percentFunded": "75",
}  # fmt: skip


def flows(*rows: Row) -> bytes:
    return csv_text(COLUMNS, [FLOW | row for row in rows]).encode()


def plans(*rows: Row) -> bytes:
    return csv_text(PLAN_COLUMNS, [PLAN | row for row in rows]).encode()


def read_files(files: Mapping[str, bytes]) -> tuple[Reading, Checked]:
    reading = Reading()
    reader.read(contents(files), reading, AREAS)
    checked = check(all_sources()[SOURCE], reading) if reading.tables else Checked({}, {}, 0)
    rejected = len({reject.locator for reject in reading.rejects})
    left = sum(reading.deselected.values())
    assert sum(reading.rows_read.values()) == checked.entries + rejected + left
    return reading, checked


def funding(files: Mapping[str, bytes]) -> tuple[Reading, pl.DataFrame]:
    reading, checked = read_files(files)
    return reading, checked.tables["funding"]


def series_of(frame: pl.DataFrame) -> dict[str, str]:
    return {
        place.removeprefix("flow "): series.removeprefix("hdx_")
        for place, series in frame.select("place", "series").iter_rows()
    }


def rules(findings: list[Any]) -> list[str]:
    return [finding.rule for finding in findings]


# Flows


def test_a_flow_is_one_entry_with_the_licence_that_the_catalogue_states() -> None:
    package = json.dumps({"success": True, "result": {"license_title": LICENCE}}).encode()
    reading, frame = funding({INCOMING: flows({}), "package.json": package + b"\n"})
    assert (reading.issues, reading.doubts, reading.rejects) == ([], [], [])
    only(
        frame, series="hdx_incoming", flow="commitment", year=2020, year_basis="calendar",
        donor="Germany, Government of", donor_area="DEU", area="AFG", area_as_printed="AFG",
        amount=Decimal("95672.00"), currency="EUR", amount_usd=Decimal("106420.00"),
        place="flow 194878", selection_rule="destination global cluster 15",
        note="incoming for one country and year; 0.899 EUR a dollar; licence as HDX states it: "
        f"{LICENCE}",
        source_url="https://fts.unocha.org/flows/194878", locator=f"{INCOMING} line 2",
    )  # fmt: skip


def test_without_the_catalogues_answer_the_licence_is_not_seen() -> None:
    assert funding({INCOMING: flows({})})[1]["note"][0].endswith("; licence not seen")


def test_the_series_are_apart_from_those_of_the_interface_and_say_that_the_flows_are_the_same() -> (
    None
):
    sources = all_sources()
    mine, its = sources[SOURCE].series, sources["ocha_fts"].series
    assert not mine.keys() & its.keys()
    assert "never count both" in sources[SOURCE].caveats
    for kind in ("incoming", "projects", "named"):
        assert f"The same flows as fts_{kind}" in mine[f"hdx_{kind}"].caution
    additive = {name for name, spec in mine.items() if spec.is_additive}
    assert additive == {"hdx_incoming", "hdx_projects", "hdx_named"}


KINDS: dict[str, tuple[Row, str]] = {
    "paid": ({"status": "paid"}, "incoming"),
    "a pledge": ({"status": "pledge"}, "pledges"),
    "of last year": ({"flowType": "Carryover"}, "carryover"),
    "set aside": ({"flowType": "Parked"}, "parked"),
    "passed through, of what is not told": ({"flowType": "Pass through"}, "children"),
    "beyond the question": ({"onBoundary": "shared"}, "shared"),
    "two sectors": ({"destGlobalClusters": "Mine Action,Protection"}, "shared"),
    "the later name": ({"destGlobalClusters": "Protection - Mine Action"}, "incoming"),
    "two years": ({"destUsageYearEnd": "2021"}, "shared"),
    "a project": ({"destGlobalClusters": "Protection", "destProject": "Mine clearance"}, "projects"),
    "a keyword": ({"destGlobalClusters": "Housing, Land and Property"}, "named"),
}  # fmt: skip


@pytest.mark.parametrize(("cells", "kind"), KINDS.values(), ids=KINDS)
def test_each_kind_of_flow_has_a_series_of_its_own(cells: Row, kind: str) -> None:
    assert series_of(funding({INCOMING: flows(cells)})[1]) == {"194878": kind}


def test_the_sectors_that_are_not_split_are_named_though_their_names_hold_commas() -> None:
    _, frame = funding(
        {INCOMING: flows({"destGlobalClusters": "Housing, Land and Property,Mine Action"})}
    )
    assert "global clusters not split: Housing,Land and Property, Mine Action" in frame["note"][0]


def test_a_flow_to_several_countries_comes_once_for_each_and_is_read_once() -> None:
    row = {"destLocations": "IRQ,JOR"}
    reading, frame = funding({INCOMING: flows(row, row)})
    only(frame, area="QRG", area_as_printed="IRQ; JOR", amount_usd=Decimal(106420))
    assert (reading.deselected, reading.issues) == ({INCOMING: 1}, [])


def test_a_flow_that_leaves_a_country_for_another_was_counted_in_the_first() -> None:
    _, frame = funding({INCOMING: flows({}), OUTGOING: flows({"boundary": "outgoing"})})
    assert series_of(frame) == {"194878": "outgoing"}


def test_the_newest_record_of_a_flow_counts_whatever_file_it_stands_in() -> None:
    older = {"amountUSD": "5", "destUsageYearStart": "2019"}
    newer = {"amountUSD": "7", "updatedAt": "2020-03-01", "destUsageYearStart": "2019"}
    _, frame = funding(
        {"fts_incoming_funding_global_2019.csv": flows(older), INCOMING: flows(newer)}
    )
    only(frame, amount_usd=Decimal(7))


def test_a_row_of_tags_under_the_header_is_left() -> None:
    tags = dict.fromkeys(COLUMNS, "#meta+tag")
    reading, frame = funding({INCOMING: flows(tags, {})})
    assert (frame.height, reading.deselected, reading.rejects) == (1, {INCOMING: 1}, [])


def test_a_file_whose_flows_are_for_another_year_than_its_name_is_held() -> None:
    reading, _ = funding({"fts_incoming_funding_global_2031.csv": flows({})})
    assert rules(reading.doubts) == ["no flow is for 2031, the year in the name"]


@pytest.mark.parametrize(
    ("cells", "column"),
    [({"status": "promised"}, "status"), ({"amountUSD": "1,000"}, "amountUSD"), ({"id": ""}, "id")],
)
def test_a_flow_that_cannot_be_read_is_a_reject_with_its_column(cells: Row, column: str) -> None:
    reading, _ = read_files({INCOMING: flows(cells)})
    assert [(reject.locator, reject.column) for reject in reading.rejects] == [
        (f"{INCOMING} line 2", column)
    ]


def test_a_column_that_is_gone_stops_the_source_and_a_strange_file_too() -> None:
    with pytest.raises(SourceError, match="lacks the column onBoundary"):
        read_files({INCOMING: flows({}).replace(b"onBoundary", b"on_boundary", 1)})
    with pytest.raises(SourceError, match="name it as HDX does"):
        read_files({"fts_requirements_funding_global.csv": b"a,b\n"})


# Plans


def test_a_plan_gives_what_was_asked_and_what_came_as_two_printed_totals() -> None:
    reading, frame = funding({PLANS: plans({}, {"clusterCode": "7", "cluster": "Health"})})
    assert (reading.rows_read, reading.deselected) == ({PLANS: 3}, {PLANS: 1})
    expected: dict[str, object] = {
        "donor": "All donors (printed total)", "area": "AFG", "year": 2020, "title": "Afghanistan 2020",
        "is_printed_total": True, "flow": "unspecified", "place": "plan 929 global cluster 15",
    }  # fmt: skip
    asked = frame.filter(pl.col("series") == "hdx_requirements")
    only(asked, amount_usd=Decimal(7_000_000), status="request", locator=f"{PLANS} line 2 /requirements", **expected)  # fmt: skip
    came = frame.filter(pl.col("series") == "hdx_plan_funding")
    only(came, amount_usd=Decimal(5_280_408), status="actual", **expected)


def test_a_plan_that_asked_for_nothing_printed_is_missing_and_not_nought() -> None:
    reading, frame = funding({PLANS: plans({"requirements": ""}, {"id": "1", "requirements": "", "funding": ""})})  # fmt: skip
    only(frame, series="hdx_plan_funding")
    assert reading.deselected == {PLANS: 1}


def test_a_plan_with_a_broken_amount_is_a_reject() -> None:
    reading, checked = read_files({PLANS: plans({"funding": "much"}, {"year": ""})})
    assert rules(reading.rejects) == ["not an amount of money", "a value is missing"]
    assert checked.entries == 0


# The real samples


def sample(name: str) -> bytes:
    path = SAMPLES / "hdx_csv" / name
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    return path.read_bytes()


REAL = {
    INCOMING: ("fts_incoming_funding_global.csv", 1_106),
    INTERNAL: ("fts_internal_funding_global.csv", 279),
    OUTGOING: ("fts_outgoing_funding_global.csv", 1),
    PLANS: (PLANS, 37),
}


def test_the_real_files_give_their_flows_and_the_sums_that_are_printed_for_the_plans() -> None:
    reading, frame = funding({file: sample(name) for file, (name, _) in REAL.items()})
    assert (reading.issues, reading.rejects, reading.doubts) == ([], [], [])
    assert reading.rows_read == {file: rows for file, (_, rows) in REAL.items()}
    by_cluster = frame.filter(pl.col("selection_rule") == "destination global cluster 15")
    assert by_cluster.height == 14  # 16 rows say mine action; in two it is only a keyword
    found = {
        (series, area): int(amount)
        for series, area, amount in frame.group_by("series", "area")
        .agg(pl.col("amount_usd").sum())
        .iter_rows()
    }
    assert found == {
        ("hdx_incoming", "AFG"): 19_803_405, ("hdx_incoming", "PSE"): 104_188,
        ("hdx_shared", "AFG"): 6_654_813, ("hdx_shared", "PSE"): 172_679,
        ("hdx_projects", "PSE"): 163_636, ("hdx_named", "AFG"): 2_640_893,
        ("hdx_named", "PSE"): 408_070, ("hdx_parked", "AFG"): 0, ("hdx_internal", "AFG"): 599_997,
        ("hdx_plan_funding", "AFG"): 5_280_408, ("hdx_plan_funding", "PSE"): 104_188,
    }  # fmt: skip
    # what the service prints for a plan is the sum of the flows to it that may be added
    incoming = frame.filter(pl.col("series") == "hdx_incoming")
    for area, plan in (("AFG", "plan Afghanistan 2020"), ("PSE", "plan occupied Palestinian")):
        flows_to_plan = incoming.filter(pl.col("note").str.contains(plan, literal=True))
        assert flows_to_plan["amount_usd"].sum() == found["hdx_plan_funding", area]


def test_both_doors_give_the_same_flows_of_afghanistan_2020() -> None:
    pages = sorted(
        SAMPLES.glob("custom-search-locationid-1-*.json"), key=lambda path: (len(path.name), path.name)
    )  # fmt: skip
    if not pages:
        pytest.skip(f"{SAMPLES} is not here")
    asked = Reading()
    answer = b"".join(as_line(path.read_bytes()) for path in pages)
    by_interface.read(contents({"flows_all_2020.json": answer}), asked, AREAS)
    [theirs] = asked.tables["funding"]
    _, ours = funding(
        {"fts_incoming_funding_afg.csv": sample("fts_incoming_funding_afg.csv"),
         INTERNAL: sample("fts_internal_funding_global.csv")}
    )  # fmt: skip
    same = (
        "place", "area", "donor", "donor_area", "implementer", "flow", "year", "period_start",
        "period_end", "amount", "currency", "amount_usd", "date", "title", "award_id",
        "selection_rule",
    )  # fmt: skip
    kind = pl.col("series").str.replace("^(fts|hdx)_", "").alias("kind")
    first, second = (frame.select(*same, kind).sort("place") for frame in (theirs, ours))
    assert first.height == 16
    assert first.equals(second)


def test_each_real_row_is_found_again_by_its_locator() -> None:
    content = sample("fts_incoming_funding_global.csv")
    _, frame = funding({INCOMING: content})
    archive = Archive(SCRATCH / "hdx-sample")
    sha256 = archive.put(SOURCE, INCOMING, content, "").sha256
    for amount, where in frame.select("amount_as_printed", "locator").iter_rows():
        _, row = find(archive, sha256, where)
        assert amount in row.split(","), where


# Two vintages


def test_a_changed_amount_is_a_revision_and_the_order_of_rows_is_nothing() -> None:
    def keyed(*rows: Row) -> dict[tuple[Any, ...], dict[str, Any]]:
        _, frame = funding({INCOMING: flows(*rows), PLANS: plans({})})
        listed = frame.drop("locator", "file").iter_rows(named=True)
        return {tuple(row[name] for name in KEY): row for row in listed}

    first = keyed({"id": "1"}, {"id": "2"})
    assert keyed({"id": "2"}, {"id": "1"}) == first
    revised = keyed({"id": "1", "amountUSD": "1", "status": "paid"}, {"id": "2"})
    assert revised.keys() == first.keys()
    assert [key for key in first if first[key] != revised[key]] == [
        key for key in first if "flow 1" in key
    ]
    assert len(keyed({"id": "1"})) == len(first) - 1
    assert keyed({"id": "1"}).keys() < first.keys() < keyed(*({"id": n} for n in "123")).keys()


# Finding and fetching

ACTION = "/api/3/action/package_show"


@pytest.fixture
def replay() -> Iterator[Replay]:
    with serving() as served:
        yield served


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


def resources(replay: Replay, year: int = 2020) -> list[dict[str, Any]]:
    return [
        {
            "name": f"fts_{kind}.csv", "format": "CSV",
            "url": replay.url(f"/dataset/1/resource/2/download/fts_{kind}.csv"),
            "description": f"FTS {kind.split('_')[0].capitalize()} Funding Data globally for {year}",
        }
        for kind in ("incoming_funding_global", "outgoing_funding_global",
                     "requirements_funding_globalcluster_global", "requirements_funding_global")
    ]  # fmt: skip


def package(replay: Replay, listed: list[dict[str, Any]] | None = None, **fields: Any) -> None:
    result = {
        "license_id": "cc-by-igo", "license_title": LICENCE, "last_modified": "2020-06-01",
        "resources": listed or resources(replay), **fields,
    }  # fmt: skip
    replay.on(ACTION, answer_json({"success": True, "result": result}))


def files(replay: Replay, incoming: bytes, etag: str = '"1"') -> None:
    def at(kind: str) -> str:
        return f"/dataset/1/resource/2/download/fts_{kind}.csv"

    replay.on("/s3/incoming", File(incoming, etag=etag))
    replay.on(at("incoming_funding_global"), redirect("/s3/incoming"))
    replay.on(at("outgoing_funding_global"), File(flows({"id": "9", "boundary": "outgoing"})))
    replay.on(at("requirements_funding_globalcluster_global"), File(plans({})))


def test_the_files_are_found_through_the_catalogue_and_kept_by_their_year(
    replay: Replay, archive: Archive
) -> None:
    package(replay)
    files(replay, flows({}))
    with session_to(replay, archive, spec_of(SOURCE)) as session:
        fetch(session)
        found = {file: archive.get(each.sha256) for file, each in session.fetched.items()}
    assert found.keys() == {INCOMING, OUTGOING, PLANS, "package.json"}
    assert [seen.query for seen in replay.requests(ACTION)] == [
        {"id": "global-requirements-and-funding-data"}
    ]
    _, frame = funding(found)
    assert frame.height == 4
    assert frame["note"].str.contains(LICENCE).all()


def test_the_catalogues_answer_is_kept_anew_only_when_the_licence_or_the_files_change(
    replay: Replay, archive: Archive
) -> None:
    files(replay, flows({}))
    package(replay)
    with session_to(replay, archive, spec_of(SOURCE)) as session:
        fetch(session)
        held = list(session.fetched.values())
    for name, value, is_kept in (
        ("last_modified", "2020-06-02", False), ("license_title", "another", True),
    ):  # fmt: skip
        package(replay, None, **{name: value})
        with session_to(replay, archive, spec_of(SOURCE), held) as session:
            fetch(session)
            assert ("package.json" in session.fetched) == is_kept


def test_last_years_flows_stay_when_the_file_becomes_that_of_a_new_year(
    workspace: Folders, replay: Replay
) -> None:
    package(replay)
    files(replay, flows({"id": "1"}))
    assert run(workspace, replay).failed == []
    package(replay, resources(replay, 2021))
    later = {"destUsageYearStart": "2021", "destUsageYearEnd": "2021"}
    files(replay, flows({"id": "2", **later}), etag='"2"')
    outcome = run(workspace, replay)
    assert outcome.failed == []
    assert outcome.sources[0].changes == {"added": 1}
    query = "SELECT place, year FROM funding WHERE series = 'hdx_incoming' ORDER BY place"
    assert ask(workspace, query) == [("flow 1", 2020), ("flow 2", 2021)]


@pytest.mark.parametrize(
    ("route", "said"),
    [
        (answer_json({"success": False, "error": {"message": "Not found"}}), "without a list of files"),
        (answer_json({"success": True, "result": {"resources": [{"name": "x"}]}}), "without a list"),
        (answer_json({"success": True, "result": {"resources": []}}), "lacks fts_incoming_funding_global"),
        (answer_json({"success": True, "result": {"resources": [{"name": ["x"], "url": 1}]}}), "without a list"),
        (answer_json({"success": True, "result": "none"}), "without a list"),
        (answer_json([1]), "without a list"),
        (html(), "HTML page"),
        (Status(403), "403"),
    ],
)  # fmt: skip
def test_a_catalogue_that_does_not_list_the_files_is_refused(
    replay: Replay, archive: Archive, route: Route, said: str
) -> None:
    replay.on(ACTION, route)
    with (
        session_to(replay, archive, spec_of(SOURCE)) as session,
        pytest.raises(FetchError, match=said),
    ):
        fetch(session)
    assert list(archive.vintages()) == []


@pytest.mark.parametrize("url", ["//[", "http://a:99999/", "/a\nb", "file:///etc/passwd"])
def test_an_address_in_the_catalogue_that_is_none_is_refused(
    replay: Replay, archive: Archive, url: str
) -> None:
    package(replay, [each | {"url": url} for each in resources(replay)])
    with (
        session_to(replay, archive, spec_of(SOURCE)) as session,
        pytest.raises(FetchError, match="with an address that is none") as refused,
    ):
        fetch(session)
    assert refused.value.rule == "wrong content"


@pytest.mark.parametrize(
    "answer", [b"{}", b"[]", b'{"result": "x"}', b"x", b'{"result": {"license_title": ["a"]}}']
)
def test_an_answer_of_the_catalogue_that_is_none_stops_the_source(answer: bytes) -> None:
    with pytest.raises(SourceError, match=r"package\.json"):
        read_files({"package.json": answer, INCOMING: flows({})})


def test_a_description_without_a_year_is_refused_with_its_words(
    replay: Replay, archive: Archive
) -> None:
    listed = [each | {"description": "All years"} for each in resources(replay)]
    package(replay, listed)
    files(replay, flows({}))
    with (
        session_to(replay, archive, spec_of(SOURCE)) as session,
        pytest.raises(FetchError, match="the description names no year: 'All years'"),
    ):
        fetch(session)


def run(folders: Folders, replay: Replay, attempts: int = 2) -> Outcome:
    found = Config.model_validate(
        {
            "fetch": {"allow_loopback": True, "contact": "tests@example.org"},
            "sources": {SOURCE: {"base_url": replay.url("/")}},
        }
    )
    spec = spec_of(SOURCE)
    assert spec.fetch
    rules_ = spec.fetch.model_copy(update={"attempts": attempts})
    return refresh(folders, [spec.model_copy(update={"fetch": rules_})], settings=found)


def test_a_refresh_fetches_leaves_unread_what_is_unchanged_and_bears_what_passes(
    workspace: Folders, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    address = "/dataset/1/resource/2/download/fts_incoming_funding_global.csv"
    query = "SELECT amount_usd FROM funding WHERE series = 'hdx_incoming'"
    package(replay)
    files(replay, flows({}))
    assert run(workspace, replay).failed == []
    package(replay, last_modified="2020-06-02")
    unchanged = run(workspace, replay)
    assert (unchanged.sources[0].is_unread, unchanged.published) == (True, None)
    assert replay.conditional("/s3/incoming") == 1
    again = flows({"amountUSD": "7", "updatedAt": "2020-07-01"})
    short = File(again, etag='"2"', cut=40)
    replay.on(address, Status(500), rate_limited(0), short, File(again, etag='"2"'))
    assert run(workspace, replay, attempts=5).failed == []
    assert ask(workspace, query) == [(Decimal(7),)]
    gone: dict[str, Route] = {
        "HTML page": html(),
        "lacks the column amountUSD": File(again.replace(b"amountUSD", b"usd", 1), etag='"4"'),
    }  # fmt: skip
    for said, route in gone.items():
        replay.on(address, route)
        assert said in str(run(workspace, replay).sources[0].failure)
        assert ask(workspace, query) == [(Decimal(7),)]
    replay.on(address, File(again, etag='"2"'))
    assert run(workspace, replay).failed == []
    assert verify(workspace).differences == []
