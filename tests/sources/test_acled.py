"""ACLED: with an account of one's own, events that name mines, and no secret in any message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

import polars as pl
import pytest

from etl.areas import Resolver, load_areas
from etl.check import check
from etl.fetch import Fetcher, Outside
from etl.reading import Reading, SourceError
from etl.refresh import Outcome, refresh
from etl.settings import Folders
from etl.sources import all_sources
from etl.sources.acled.read import FIELDS, FILE
from etl.verify import verify
from tests.helpers import DATA, ask, contents, only
from tests.replay import (
    Replay,
    Route,
    Status,
    answer_json,
    html,
    rate_limited,
    redirect,
    serving,
)
from tests.sources.acled_api import (
    MARK,
    MINE,
    PASS,
    PASSWORD,
    SOURCE,
    USER,
    Acled,
    Event,
    everything_below,
    settings,
    spec,
)

AREAS = Resolver(load_areas(DATA / "reference"))
CAR_BOMB: Event = MINE | {
    "event_id_cnty": "IRQ102",
    "notes": "A suicide car bomb exploded; 9 killed.",
}
IED: Event = MINE | {"event_id_cnty": "IRQ103", "notes": "An IED went off.", "fatalities": 0}


def page(*events: Event) -> bytes:
    return json.dumps({"status": 200, "data": events}).encode() + b"\n"


def read(*pages: bytes) -> tuple[Reading, pl.DataFrame]:
    reading = Reading()
    spec().reader()(contents({FILE: b"".join(pages)}), reading, AREAS)
    return reading, check(spec(), reading).tables["casualty_events"]


def test_the_fields_asked_for_are_those_of_the_documented_shape() -> None:
    assert set(MINE) == set(FIELDS)
    assert not {"actor1", "actor2", "source"} & set(FIELDS), (
        "who was involved is not even asked for"
    )


def test_an_event_is_read_without_its_note_and_with_deaths_alone() -> None:
    reading, events = read(page(MINE))
    assert (reading.rejects, reading.issues) == ([], [])
    only(
        events, unit="event", area="IRQ", date="2024-03-01", year=2024, month=3, killed=3, killed_low=None,
        killed_high=None, injured=None, device="mine", device_as_printed="landmine",
        selection_rule="landmine", place="IRQ101", date_precision_as_printed="1",
        place_precision_as_printed="2", latitude=36.32090001, series="acled_mine_events", outcome=None,
        locator=f"{FILE} line 1 /data/0",
    )  # fmt: skip
    assert "exploded near" not in " ".join(str(value) for value in events.row(0))


def test_a_car_bomb_of_the_same_kind_is_left_and_an_improvised_device_says_its_rule() -> None:
    other = MINE | {
        "event_id_cnty": "IRQ104",
        "sub_event_type": "Shelling/artillery/missile attack",
    }
    reading, events = read(page(MINE, CAR_BOMB), page(IED, other))
    assert (reading.rows_read, reading.deselected) == ({FILE: 4}, {FILE: 2})
    assert sorted(events.select("place", "device", "killed").rows()) == [
        ("IRQ101", "mine", 3), ("IRQ103", "improvised device", 0),
    ]  # fmt: skip


@pytest.mark.parametrize(("precision", "date"), [(1, "2024-03-01"), (2, "2024-03"), (3, "2024-03")])
def test_a_day_that_stands_for_a_week_or_a_month_is_no_day(precision: int, date: str) -> None:
    only(read(page(MINE | {"time_precision": precision}))[1], date=date)


@pytest.mark.parametrize(
    ("field", "value"),
    [("event_date", "1 March 2024"), ("event_date", "2024-02-30"), ("fatalities", "many"),
     ("fatalities", None), ("time_precision", 7), ("event_id_cnty", "101"), ("latitude", "36,3")],
)  # fmt: skip
def test_a_field_of_another_form_is_a_reject(field: str, value: object) -> None:
    reading, events = read(page(MINE | {field: value}, IED))
    assert [one.locator for one in reading.rejects] == [f"{FILE} line 1 /data/0"]
    assert events.height == 1


def test_a_renamed_field_stops_the_source_and_a_new_one_is_an_issue() -> None:
    renamed = {("deaths" if name == "fatalities" else name): value for name, value in MINE.items()}
    with pytest.raises(SourceError, match="lacks fatalities; it has event_id_cnty"):
        read(page(renamed))
    reading, _ = read(page(MINE | {"timestamp": 1}, IED | {"timestamp": 2}))
    assert [(one.rule, one.column) for one in reading.issues] == [("unknown column", "timestamp")]


# Fetching


@pytest.fixture
def replay() -> Iterator[Replay]:
    with serving() as served:
        yield served


@pytest.fixture(autouse=True)
def _account(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = partial(Fetcher, outside=Outside(sleep=lambda _: None))
    monkeypatch.setattr("etl.retrieve.Fetcher", at_once)
    monkeypatch.setenv("HMA_SOURCES__ACLED__SECRETS__USERNAME", USER)
    monkeypatch.setenv("HMA_SOURCES__ACLED__SECRETS__PASSWORD", PASSWORD)


def fetch(folders: Folders, replay: Replay) -> Outcome:
    return refresh(folders, [spec()], settings=settings(replay))


def many(number: int, year: int = 2024) -> list[Event]:
    return [
        MINE | {"event_id_cnty": f"IRQ{year}{n}", "year": year, "event_date": f"{year}-03-01"}
        for n in range(number)
    ]


def test_all_pages_of_all_years_are_had_and_no_secret_is_written_anywhere(
    workspace: Folders, replay: Replay
) -> None:
    Acled([*many(5), *many(2, 2025), CAR_BOMB]).serve(replay)
    outcome = fetch(workspace, replay)
    assert outcome.failed == []
    assert (outcome.sources[0].changes, outcome.sources[0].rows_read) == ({"added": 7}, 7)
    assert replay.count("/oauth/token") == 1
    written = everything_below(workspace)
    assert not [secret for secret in (USER, PASSWORD, PASS) if secret.encode() in written]
    assert fetch(workspace, replay).published is None
    assert verify(workspace).differences == []


def test_two_vintages_revise_add_and_withdraw_and_shuffled_pages_do_nothing(
    workspace: Folders, replay: Replay
) -> None:
    served = Acled(many(4))
    served.serve(replay)
    assert fetch(workspace, replay).sources[0].changes == {"added": 4}
    served.events.reverse()
    assert fetch(workspace, replay).sources[0].changes == {}
    served.events = [served.events[0] | {"fatalities": 7}, *served.events[2:], IED]
    changes = fetch(workspace, replay).sources[0].changes
    assert changes == {"revised": 1, "withdrawn": 1, "added": 1}
    assert ask(workspace, "SELECT max(killed), count(*) FROM casualty_events") == [(7, 4)]


def test_an_event_that_moves_between_pages_makes_its_year_be_asked_anew(
    workspace: Folders, replay: Replay
) -> None:
    served = Acled(many(5))
    served.serve(replay)
    moved: list[int] = []

    def insert(number: int) -> None:
        if not moved and number == 1 and served.events:
            moved.append(number)
            served.events.insert(0, IED)

    served.between = insert
    outcome = fetch(workspace, replay)
    assert moved
    assert (outcome.failed, outcome.sources[0].changes) == ([], {"added": 6})


def test_a_wrong_password_is_said_and_not_shown(
    workspace: Folders, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    Acled(many(2)).serve(replay)
    monkeypatch.setenv("HMA_SOURCES__ACLED__SECRETS__PASSWORD", "wrong-9876")
    failure = str(fetch(workspace, replay).sources[0].failure)
    assert "ACLED does not take this user name and password. Check HMA_SOURCES__ACLED__" in failure
    assert b"wrong-9876" not in everything_below(workspace)
    assert not {"wrong-9876", USER} & set(failure.replace("'", " ").split())
    assert replay.count("/api/acled/read") == 0


def test_an_account_that_may_not_read_is_told_apart_and_the_pass_not_shown(
    workspace: Folders, replay: Replay
) -> None:
    Acled(many(2), may_read=False).serve(replay)
    failure = str(fetch(workspace, replay).sources[0].failure)
    assert "ACLED lets this account sign in and not read events" in failure
    assert PASS not in failure


@pytest.mark.parametrize("name", ["USERNAME", "PASSWORD"])
def test_without_an_account_nothing_is_asked(
    workspace: Folders, replay: Replay, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv(f"HMA_SOURCES__ACLED__SECRETS__{name}")
    failure = str(fetch(workspace, replay).sources[0].failure)
    assert f"set HMA_SOURCES__ACLED__SECRETS__{name}" in failure
    assert replay.seen == []


ODD = [
    (rate_limited(), "answered 429"),
    (html(), "is an HTML page"),
    (
        answer_json({"status": 401, "message": f"no {MARK}"}),
        "answers without events (status '401')",
    ),
    (Status(200, b"Access denied"), "answers without events (status 'no JSON')"),
    (answer_json({"status": 200, "data": {}}), "without a list under 'data'"),
    (
        answer_json({"status": 200, "data": [MINE, IED, CAR_BOMB]}),
        "gives 3 events on a page where 2",
    ),
]


@pytest.mark.parametrize(("route", "said"), ODD)
def test_an_answer_that_is_none_leaves_what_is_in_use(
    workspace: Folders, replay: Replay, route: Route, said: str
) -> None:
    served = Acled(many(3))
    served.serve(replay)
    assert fetch(workspace, replay).failed == []
    served.odd = [route, route]
    failure = str(fetch(workspace, replay).sources[0].failure)
    assert said in failure
    assert PASS not in failure
    assert ask(workspace, "SELECT count(*) FROM casualty_events") == [(3,)]


@pytest.mark.parametrize(
    "route",
    [
        Status(200, f"token={PASS}".encode()),
        answer_json({"access_token": 5, "password": PASSWORD}),
        html(f"<!DOCTYPE html><p>{PASSWORD}</p>"),
        Status(500, PASSWORD.encode()),
        rate_limited(),
    ],
)
def test_whatever_the_sign_in_answers_no_message_repeats_it(
    workspace: Folders, replay: Replay, route: Route
) -> None:
    Acled([]).serve(replay)
    replay.on("/oauth/token", route)
    failure = str(fetch(workspace, replay).sources[0].failure)
    assert failure
    assert not [secret for secret in (PASS, PASSWORD) if secret in failure]


def test_a_sign_in_that_leads_elsewhere_takes_no_password_with_it(
    workspace: Folders, replay: Replay
) -> None:
    Acled([]).serve(replay)
    with serving() as other:
        replay.on(
            "/oauth/token", redirect(other.url("/take").replace("127.0.0.1", "localhost"), 307)
        )
        failure = str(fetch(workspace, replay).sources[0].failure)
        assert other.seen == []
    assert "hold" in failure or "host" in failure


def test_it_is_never_exportable_and_never_additive() -> None:
    declared = all_sources()[SOURCE]
    assert not declared.is_exportable
    assert not declared.enabled
    assert not any(series.is_additive for series in declared.series.values())
