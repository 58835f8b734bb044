"""What the API answered then it answers still, asked as of then; changes and the feed say what came."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from xml.etree import ElementTree as ET

import polars as pl
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from dashboard import answer
from dashboard.current import ledgers
from dashboard.feed import feed
from etl import store
from etl.settings import Folders
from etl.store import current_path
from etl.tables import ALL_TABLES
from tests.helpers import ask, rewrite, run
from tests.pasts import FUNDING, NEWEST, correct

ATOM = "{http://www.w3.org/2005/Atom}"
QUESTIONS = (
    *(f"/{table}.csv" for table in ALL_TABLES),
    "/coverage.csv?area=VNM&fiscal_year.gte=2015",
    "/funding.csv?raw=1&area=VNM,KHM&amount_usd.gt=0",
    "/casualties.csv?note.contains=month&year.gte=2010",
)


def at(path: str, as_of: object) -> str:
    return f"{path}{'&' if '?' in path else '?'}as_of={as_of}"


@pytest.fixture
def server(pool: None) -> Iterator[TestClient]:
    """A reader of the feed."""
    with TestClient(Starlette(routes=[Route("/feed.atom", feed)])) as client:
        yield client


# As of


def test_as_of_a_refresh_the_answer_is_what_it_was_then_byte_for_byte(
    built_folders: Folders,
    past_folders: Folders,
    reader: TestClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HMA_DATA", str(built_folders.data))
    before = {path: reader.get(path).content for path in QUESTIONS}
    ledgers().close()
    ledgers.cache_clear()
    monkeypatch.setenv("HMA_DATA", str(past_folders.data))
    differs = [path for path in QUESTIONS if reader.get(path).content != before[path]]
    assert {"/funding.csv", "/program_events.csv", "/coverage.csv", "/holds.csv"} <= set(differs)
    assert [path for path in QUESTIONS if reader.get(at(path, 1)).content != before[path]] == []


def test_as_of_the_newest_refresh_the_answer_is_that_of_now(
    past: Folders, reader: TestClient
) -> None:
    assert [
        path
        for path in QUESTIONS
        if reader.get(path).content != reader.get(at(path, NEWEST)).content
    ] == []


def test_an_answer_of_then_says_so_in_its_header_and_its_name(
    past: Folders, reader: TestClient
) -> None:
    ledger = current_path(past.ledger).stem
    then = reader.get("/coverage.csv?as_of=2").headers
    assert then["X-HMA-As-Of"] == "2"
    assert then["X-HMA-Ledger"] == ledger
    assert then["Content-Disposition"].endswith(f'"coverage-{ledger}-as-of-2.csv"')
    assert "X-HMA-As-Of" not in reader.get("/coverage.csv").headers


def test_as_of_takes_a_day_or_a_time_too(past: Folders, reader: TestClient) -> None:
    times = dict(
        ask(past, "SELECT refresh, strftime(finished_at, '%Y-%m-%dT%H:%M:%S.%f') FROM refreshes")
    )
    for number, finished in times.items():
        assert reader.get(at("/areas.csv", finished)).headers["X-HMA-As-Of"] == str(number)
    day = times[NEWEST][:10]
    assert int(reader.get(at("/areas.csv", day)).headers["X-HMA-As-Of"]) >= 1


@pytest.mark.parametrize(
    ("as_of", "words"),
    [
        ("99", "There is no refresh 99; this ledger knows 1 to 1."),
        ("0", "There is no refresh 0"),
        ("soon", "refresh"),
        ("", "refresh"),
        ("2001-01-01", "Nothing was published by 2001-01-01"),
        ("9" * 400, "There is no refresh 999"),
    ],
)
def test_a_refresh_that_there_is_not_is_refused(client: TestClient, as_of: str, words: str) -> None:
    answer = client.get(at("/coverage.csv", as_of))
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert sum(held.leases for held in ledgers()._open.values()) == 0


# Changes


def test_changes_are_those_of_the_command(past: Folders, reader: TestClient) -> None:
    answer = reader.get("/changes.json?a=1&b=3")
    assert answer.headers["Content-Type"] == "application/json"
    found: dict[str, Any] = answer.json()
    assert (found["a"], found["b"]) == (1, 3)
    counted = {
        row["source_id"]: (row["added"], row["revised"], row["withdrawn"]) for row in found["rows"]
    }
    assert counted == {"program_events": (1, 0, 2), "state_tweis": (0, 1, 0)}
    (revised,) = [entry for entry in found["entries"] if entry["change"] == "revised"]
    assert revised["before"]["amount_usd"] == 12548000
    assert revised["after"]["amount_usd"] == 12549000
    one = reader.get("/changes.json?a=1&b=3&source=state_tweis").json()
    assert one["entries"] == [revised]
    assert len(reader.get("/changes.json?a=0&b=1").json()["entries"]) == 4569


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "takes a and b"),
        ("a=1", "takes a and b"),
        ("a=1&b=99", "There is no refresh 99"),
        ("a=soon&b=1", "Name a refresh by its number"),
        (
            "a=0&b=1&source=nobody",
            "there is no source 'nobody'. Sources: acled, colombia_events, colombia_victims",
        ),
        ("a=0&b=1&area=VNM", "not 'area'"),
    ],
)
def test_changes_that_cannot_be_told_are_refused(
    client: TestClient, query: str, words: str
) -> None:
    answer = client.get(f"/changes.json?{query}")
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert sum(held.leases for held in ledgers()._open.values()) == 0


# What takes too long


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No statement may take longer than a moment, and each takes long."""
    whole = store.Lease.limited
    monkeypatch.setattr(store.Lease, "limited", lambda lease, *_: whole(lease, 0.2))
    slow = "SELECT {columns} FROM {table} AS t, range(1_000_000_000) AS s(i) WHERE {condition} AND md5(i::VARCHAR) = '' "
    text = answer.text
    monkeypatch.setattr(
        "dashboard.answer.text", lambda name: slow if name == "rows" else text(name)
    )


def test_a_question_that_takes_too_long_is_refused_before_the_first_byte(
    client: TestClient, hurried: None
) -> None:
    answer = client.get("/funding.csv")
    assert answer.status_code == 503
    assert answer.json()["error"] == "the answer took longer than 0.2 seconds; ask for less."
    assert sum(held.leases for held in ledgers()._open.values()) == 0


def test_a_stream_that_takes_too_long_breaks_off_and_is_not_taken_for_whole(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def batches(*_: object) -> Iterator[Any]:
        yield pl.DataFrame({"area": ["VNM"]})
        raise store.TooLongError("too long")

    monkeypatch.setattr("dashboard.answer.Answer.batches", batches)
    with pytest.raises(store.TooLongError):
        client.get("/areas.csv")
    assert "the rows of areas were broken off: too long" in caplog.text


# The feed


def entries(content: bytes) -> list[ET.Element]:
    return ET.fromstring(content).findall(f"{ATOM}entry")  # noqa: S314 (our own)


def said(element: ET.Element, name: str) -> str:
    found = element.findtext(ATOM + name)
    assert found, name
    return found


def test_the_feed_is_valid_and_says_in_words_what_each_refresh_changed(
    past: Folders, server: TestClient
) -> None:
    answer = server.get("/feed.atom")
    assert answer.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    feed = ET.fromstring(answer.content)  # noqa: S314 (our own)
    assert feed.tag == f"{ATOM}feed"
    for required in ("id", "title", "updated"):
        assert said(feed, required)
    assert feed.findtext(f"{ATOM}author/{ATOM}name")
    listed = entries(answer.content)
    assert [said(entry, "title") for entry in listed] == [
        "Refresh 3: 1 figure added, 2 withdrawn",
        "Refresh 2: 1 figure revised",
        "Refresh 1: the ledger begins, 4,569 figures added",
    ]
    assert said(listed[1], "summary") == "To Walk the Earth in Safety: 1 figure revised."
    (link,) = listed[0].findall(f"{ATOM}link")
    assert link.get("href") == "http://testserver/changes?a=2&b=3"
    assert len({said(entry, "id") for entry in listed}) == len(listed)
    times = [datetime.fromisoformat(said(entry, "updated")) for entry in listed]
    assert times == sorted(times, reverse=True)
    assert all(time.tzinfo for time in times)
    assert said(feed, "updated") == said(listed[0], "updated")


def test_a_name_in_the_feed_stays_for_ever(published: Folders, server: TestClient) -> None:
    first = entries(server.get("/feed.atom").content)
    correct(published)
    second = entries(server.get("/feed.atom").content)
    rewrite(published, FUNDING, lambda rows: rows[:3])
    assert run(published, "state_tweis").published  # a hold: no figure changed
    third = entries(server.get("/feed.atom").content)
    names = [[said(entry, "id") for entry in part] for part in (first, second, third)]
    assert names[1][1:] == names[0]
    assert names[2] == names[1]
    assert [ET.tostring(entry) for entry in third] == [ET.tostring(entry) for entry in second]


def test_a_reader_who_has_the_feed_is_not_sent_it_again(
    published: Folders, server: TestClient
) -> None:
    fresh = server.get("/feed.atom").headers
    asked = (
        {"If-None-Match": fresh["ETag"]},
        {"If-None-Match": f'"other", W/{fresh["ETag"]}'},
        {"If-Modified-Since": fresh["Last-Modified"]},
    )
    for headers in asked:
        answer = server.get("/feed.atom", headers=headers)
        assert (answer.status_code, answer.content) == (304, b"")
    for headers in (
        {"If-None-Match": '"other"', "If-Modified-Since": fresh["Last-Modified"]},
        {"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"If-Modified-Since": "yesterday"},
        {"If-Modified-Since": "Mon, 01 Jan 9999999999 00:00:00 GMT"},
        {"If-Modified-Since": "Mon, 01 Jan 2020 00:00:00 +99999999999999"},
    ):
        assert server.get("/feed.atom", headers=headers).status_code == 200
    correct(published)
    assert server.get("/feed.atom", headers=asked[0]).status_code == 200


def test_without_a_ledger_the_feed_says_what_to_run(workspace: Folders, server: TestClient) -> None:
    answer = server.get("/feed.atom")
    assert answer.status_code == 503
    assert "hma refresh" in answer.text


def test_the_rows_as_of_then_are_in_reading_order(past: Folders, reader: TestClient) -> None:
    then = reader.get("/funding.csv?as_of=1&area=VNM&raw=1").text
    years = [int(row["year"]) for row in csv.DictReader(io.StringIO(then)) if row["year"]]
    assert years == sorted(years)
