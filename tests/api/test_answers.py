"""What surrounds the rows: tags, packing, heads, limits, counts, and the small answers in JSON."""

from __future__ import annotations

import asyncio
import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from dashboard import api as api_module
from dashboard import slots
from dashboard.card import card
from dashboard.current import ledgers, limits
from dashboard.door import Door
from dashboard.downloads import FORMATS
from etl.settings import Folders
from etl.store import current_path
from etl.tables import ALL_TABLES
from tests.api.test_rows import drive
from tests.pasts import NEWEST

VIETNAM = "/coverage.{}?area=VNM&fiscal_year=2016"
ENTRY = "state_tweis-d60fc92beeb9b42a"  # Vietnam, DoD, FY2016: $722,000


@pytest.fixture
def few_streams(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("HMA_API__STREAMS", "1")
    limits.cache_clear()
    yield
    assert slots.rows.taken == 0


# Tags


@pytest.mark.parametrize("ending", FORMATS)
def test_a_reader_who_has_the_answer_is_told_so(client: TestClient, ending: str) -> None:
    path = VIETNAM.format(ending)
    tag = client.get(path).headers["ETag"]
    assert client.head(path).headers["ETag"] == tag
    for given in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = client.get(path, headers={"If-None-Match": given})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == tag
        assert again.headers["X-HMA-Ledger"]
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_another_question_format_or_time_has_another_tag(past: Folders, reader: TestClient) -> None:
    paths = [
        *(VIETNAM.format(ending) for ending in FORMATS),
        f"{VIETNAM.format('csv')}&as_of=1",
        f"{VIETNAM.format('csv')}&as_of={NEWEST}",
        f"{VIETNAM.format('csv')}&raw=1",
        f"{VIETNAM.format('csv')}&account=DoD",
        "/dependency.csv",
    ]
    tags = [reader.head(path).headers["ETag"] for path in paths]
    assert len(set(tags)) == len(paths)
    turned = reader.head("/coverage.csv?fiscal_year=2016&area=VNM").headers["ETag"]
    assert turned == tags[0]


def test_a_head_has_what_the_answer_has_and_no_rows(client: TestClient) -> None:
    path = VIETNAM.format("csv")
    head, answer = client.head(path), client.get(path)
    assert head.content == b""
    assert "Content-Length" not in head.headers
    for name in ("ETag", "X-HMA-Rows", "X-HMA-Ledger", "Content-Type", "Content-Disposition"):
        assert head.headers[name] == answer.headers[name]
    assert head.headers["X-HMA-Rows"] == str(answer.text.count("\n") - 1) == "4"
    assert client.head("/coverage.xls").status_code == 400


# Packing


@pytest.mark.parametrize("ending", ["csv", "json", "ndjson"])
def test_texts_are_packed_for_who_accepts_that(client: TestClient, ending: str) -> None:
    path = f"/funding.{ending}?area=VNM"
    with client.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
        packed = b"".join(answer.iter_raw())
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Vary"] == "Accept-Encoding"
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed) == plain.content
    assert len(packed) < len(plain.content) / 3
    assert answer.headers["ETag"] == plain.headers["ETag"]  # a weak tag names the content


@pytest.mark.parametrize("ending", ["xlsx", "parquet", "zip"])
def test_what_is_packed_already_is_not_packed_again(client: TestClient, ending: str) -> None:
    answer = client.get(f"/funding.{ending}?area=VNM", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers


# Limits


def test_more_answers_than_may_be_under_way_are_put_off(
    client: TestClient, few_streams: None
) -> None:
    assert slots.rows.take(1)
    try:
        refused = client.get(VIETNAM.format("csv"))
        assert refused.status_code == 503
        assert refused.headers["Retry-After"] == "10"
        assert "1 answers are under way" in refused.json()["error"]
        assert client.get("/changes.json?a=0&b=1").status_code == 503
        assert client.head(VIETNAM.format("csv")).status_code == 200
        assert client.get("/coverage/count").status_code == 200
    finally:
        slots.rows.give_back()
    assert client.get(VIETNAM.format("csv")).status_code == 200


def test_more_small_questions_than_may_be_answered_are_put_off_and_rows_are_not(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HMA_API__QUESTIONS", "1")
    limits.cache_clear()
    assert slots.questions.take(1)
    try:
        for refused in (
            client.get("/coverage/count"), client.get("/datasets"), client.get(f"/entries/{ENTRY}"),
            client.head(VIETNAM.format("csv")), TestClient(Starlette(routes=[Route("/", card)])).get("/"),
        ):  # fmt: skip
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
        assert client.get(VIETNAM.format("csv")).status_code == 200
    finally:
        slots.questions.give_back()
    assert client.head(VIETNAM.format("csv")).status_code == 200
    assert slots.questions.taken == 0


def test_workbooks_have_places_of_their_own_and_leave_them_when_they_are_written(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HMA_API__WORKBOOKS", "1")
    limits.cache_clear()
    assert slots.workbooks.take(1)
    try:
        refused = client.get(VIETNAM.format("xlsx"))
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
        assert "1 workbooks are being written" in refused.json()["error"]
        assert client.get(VIETNAM.format("csv")).status_code == 200
        assert slots.rows.taken == 0
    finally:
        slots.workbooks.give_back()
    while_sent: list[int] = []

    def take(_: bytes) -> bool:
        while_sent.append(slots.workbooks.taken)
        return True

    asyncio.run(drive("/coverage.xlsx", "area=VNM", take))
    assert while_sent
    assert set(while_sent) == {0}


def test_a_refused_answer_gives_its_place_back(client: TestClient, few_streams: None) -> None:
    for path in ("/coverage.csv?area=nowhere", "/nothing.csv", "/changes.json?a=9&b=1"):
        assert client.get(path).status_code in {400, 404}
        assert slots.rows.taken == 0
    assert sum(held.leases for held in ledgers()._open.values()) == 0


def test_an_answer_that_takes_too_long_to_send_breaks_off(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HMA_API__STREAM_SECONDS", "0.000001")
    limits.cache_clear()
    with pytest.raises(TimeoutError):
        client.get("/funding.csv")
    assert sum(held.leases for held in ledgers()._open.values()) == 0
    assert slots.rows.taken == 0


def test_an_answer_that_is_found_when_nobody_waits_any_more_gives_its_place_back(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HMA_API__STREAM_SECONDS", "0.2")
    limits.cache_clear()
    take, is_taken, go_on = api_module._slot, threading.Event(), threading.Event()

    def slow(stack: ExitStack) -> None:
        take(stack)
        is_taken.set()
        assert go_on.wait(60)

    monkeypatch.setattr(api_module, "_slot", slow)
    site = Door(Starlette(routes=[Mount("/api/v1", app=api_module.api)]))
    with TestClient(site, base_url="http://localhost") as reader:
        assert reader.get("/api/v1/refreshes.csv").status_code == 503
        assert is_taken.wait(60)  # the thread is still at it
        assert slots.rows.taken == 1
        go_on.set()
        deadline = time.monotonic() + 60
        while slots.rows.taken and time.monotonic() < deadline:
            time.sleep(0.05)
    assert slots.rows.taken == 0
    assert sum(held.leases for held in ledgers()._open.values()) == 0


# Counts


def test_a_count_says_how_many_rows_and_about_how_many_bytes(client: TestClient) -> None:
    counted = client.get("/funding/count?area=VNM,KHM&year.gte=2010").json()
    for ending in FORMATS:
        answer = client.get(f"/funding.{ending}?area=VNM,KHM&year.gte=2010")
        assert answer.headers["X-HMA-Rows"] == str(counted["row_count"])
        size = len(answer.content)
        assert size / 3 < counted["approximate_bytes"][ending] < size * 3
    assert client.get("/funding/count?countri=VNM").status_code == 400
    assert client.get("/fundings/count").status_code == 404


# What there is


def test_datasets_name_every_table_column_and_format(client: TestClient) -> None:
    found = client.get("/datasets").json()
    datasets = {one["name"]: one for one in found["datasets"]}
    assert set(datasets) == set(ALL_TABLES)
    funding = datasets["funding"]
    assert [one["name"] for one in funding["columns"]] == ALL_TABLES["funding"].column_names()
    assert funding["row_count"] == client.get("/funding/count").json()["row_count"] > 2000
    assert set(funding["formats"]) == set(FORMATS)
    answer = client.get(funding["formats"]["parquet"].removeprefix("/api/v1"))
    assert answer.headers["X-HMA-Rows"] == str(funding["row_count"])


def test_sources_and_refreshes_are_lists_in_json_too(past: Folders, reader: TestClient) -> None:
    sources = {one["source_id"] for one in reader.get("/sources").json()["sources"]}
    assert {"state_tweis", "landmine_monitor"} < sources
    refreshes = reader.get("/refreshes").json()["refreshes"]
    assert [one["refresh"] for one in refreshes] == list(range(1, NEWEST + 1))
    then = reader.get("/refreshes?as_of=2").json()
    assert (then["as_of"], len(then["refreshes"])) == (2, 2)
    assert reader.get("/sources?area=VNM").status_code == 400
    assert reader.get("/sources?as_of=99").status_code == 400


def test_an_entry_tells_its_value_its_source_and_its_citation(
    client: TestClient, built_folders: Folders
) -> None:
    found = client.get(f"/entries/{ENTRY}").json()
    assert (found["table"], found["entry"]["amount_usd"]) == ("funding", 722000)
    assert found["source"]["source_id"] == "state_tweis"
    assert [one["revision"] for one in found["revisions"]] == [1]
    ledger = current_path(built_folders.ledger).stem
    assert found["citation"] == (
        "U.S. Department of State, Bureau of Political-Military Affairs (PM/WRA), To Walk the Earth in Safety "
        "2018 (calendar year 2017), 17th edition, funding table at top of the country page, "
        "https://www.state.gov/t/pm/rls/rpt/walkearth/2018/287829.htm. Through: HMA Ledger, "
        f"{ledger}, entry {ENTRY}, revision 1."
    )
    assert client.get("/entries/nothing").status_code == 404


def test_an_entry_keeps_its_history_and_is_shown_as_of_then(
    past: Folders, reader: TestClient
) -> None:
    changed = reader.get("/changes.json?a=1&b=3&source=state_tweis").json()["entries"]
    entry_id = changed[0]["entry_id"]
    now, then = (reader.get(f"/entries/{entry_id}?as_of={at}").json() for at in (3, 1))
    assert now["entry"]["amount_usd"] == changed[0]["after"]["amount_usd"]
    assert then["entry"]["amount_usd"] == changed[0]["before"]["amount_usd"]
    assert len(now["revisions"]) == len(then["revisions"]) > 1
