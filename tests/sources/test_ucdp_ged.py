"""UCDP's events that name mines: one edition a version, deaths alone, and no version added to another."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from etl.areas import Resolver, load_areas
from etl.check import check
from etl.config import Config
from etl.diff import diff
from etl.fetch import Fetcher, Outside
from etl.reading import Reading, SourceError
from etl.refresh import Outcome, refresh
from etl.retrieve import Given
from etl.settings import Folders
from etl.sources import SourceSpec, all_sources
from etl.sources.ucdp_ged.read import IGNORED, READ, version_of
from etl.verify import verify
from tests.helpers import DATA, NO_LIMITS, Row, ask, contents, csv_text, ledger, only
from tests.replay import (
    Computed,
    File,
    Replay,
    Route,
    Seen,
    Status,
    answer_json,
    html,
    rate_limited,
    serving,
    zipped,
)

SOURCE = "ucdp_ged"
AREAS = Resolver(load_areas(DATA / "reference"))
# The 49 columns of a yearly version, in its order; HDX copies add iso3.
HEADER = (
    "id", "relid", "year", "active_year", "code_status", "type_of_violence", "conflict_dset_id",
    "conflict_new_id", "conflict_name", "dyad_dset_id", "dyad_new_id", "dyad_name", "side_a_dset_id",
    "side_a_new_id", "side_a", "side_b_dset_id", "side_b_new_id", "side_b", "number_of_sources",
    "source_article", "source_office", "source_date", "source_headline", "source_original", "where_prec",
    "where_coordinates", "where_description", "adm_1", "adm_2", "latitude", "longitude", "geom_wkt",
    "priogrid_gid", "country", "country_id", "region", "event_clarity", "date_prec", "date_start",
    "date_end", "deaths_a", "deaths_b", "deaths_civilians", "deaths_unknown", "best", "high", "low",
    "gwnoa", "gwnob",
)  # fmt: skip
FINAL, CANDIDATE = "GEDEvent_v26_1.csv", "GEDEvent_v26_0_8.csv"
LANDMINE: Row = {
    "id": "101", "year": "2024", "source_headline": "Landmine kills three near Sinjar",
    "source_article": "Agency, 2024-03-02", "where_prec": "2", "where_coordinates": "Sinjar town",
    "adm_1": "Ninawa", "adm_2": "Sinjar", "latitude": "36.3209", "longitude": "41.8656", "country": "Iraq",
    "event_clarity": "1", "date_prec": "1", "date_start": "2024-03-01", "date_end": "2024-03-01",
    "deaths_a": "0", "deaths_b": "0", "deaths_civilians": "3", "deaths_unknown": "0", "best": "3",
    "high": "4", "low": "2", "side_a": "IS", "side_b": "Civilians", "gwnoa": "645;652",
}  # fmt: skip
BOMB: Row = LANDMINE | {"id": "102", "source_headline": "Roadside bomb kills three"}
BATTLE: Row = LANDMINE | {
    "id": "103",
    "source_headline": "Clashes near the coal mine",
    "country": "Syria",
}


def spec(**options: object) -> SourceSpec:
    declared = all_sources()[SOURCE]
    assert declared.fetch
    rules = declared.fetch.model_copy(
        update={
            "min_interval_seconds": 0, "attempts": 2,
            "options": {**declared.fetch.options, "page_size": 2, **options},
        }
    )  # fmt: skip
    return declared.model_copy(update={"fetch": rules, "min_entries": 0, "guard": NO_LIMITS})


def read(files: dict[str, bytes]) -> tuple[Reading, pl.DataFrame]:
    reading = Reading()
    spec().reader()(contents(files), reading, AREAS)
    return reading, check(spec(), reading).tables["casualty_events"]


def read_rows(*rows: Row, file: str = FINAL) -> tuple[Reading, pl.DataFrame]:
    return read({file: csv_text(HEADER, rows).encode()})


def test_every_column_of_a_version_is_read_or_left_by_name() -> None:
    assert set(HEADER) == {*READ, *IGNORED} - {"iso3"}
    assert not set(READ) & set(IGNORED)


def test_an_event_is_read_with_its_three_numbers_of_deaths_and_nobody_is_said_to_be_unhurt() -> (
    None
):
    reading, events = read_rows(LANDMINE)
    assert (reading.rejects, reading.issues, reading.doubts) == ([], [], [])
    only(
        events, unit="event", area="IRQ", date="2024-03-01", date_end="2024-03-01", year=2024, month=3,
        admin1="Ninawa", admin2="Sinjar", place_as_printed="Sinjar town", latitude=36.3209,
        longitude=41.8656, place_precision_as_printed="2", date_precision_as_printed="1", killed=3,
        killed_low=2, killed_high=4, injured=None, device="mine", device_as_printed="landmine",
        selection_rule="landmine", series="ucdp_ged", edition="26.1", place="26.1, event 101", note=None,
        outcome=None, locator=f"{FINAL} row 2",
    )  # fmt: skip


def test_the_press_s_own_words_and_the_parties_stay_in_the_archive() -> None:
    _, events = read_rows(LANDMINE)
    said = " ".join(str(value) for value in events.row(0))
    assert not any(word in said for word in ("Landmine kills", "Agency", "Civilians", "645"))


def test_rows_read_are_entries_rejects_and_those_left() -> None:
    broken = LANDMINE | {"id": "104", "best": "three"}
    reading, events = read_rows(LANDMINE, BOMB, BATTLE, broken, LANDMINE | {"id": ""})
    assert (reading.rows_read, reading.deselected) == ({FINAL: 5}, {FINAL: 1})
    assert [one.locator for one in reading.rejects] == [f"{FINAL} row 5", f"{FINAL} row 6"]
    assert Counter(events["selection_rule"]) == {"landmine": 1, "improvised device": 1}
    assert Counter(events["device"]) == {"mine": 1, "improvised device": 1}


@pytest.mark.parametrize(
    ("start", "end", "precision", "date", "month"),
    [
        ("2024-03-01", "2024-03-01", "1", "2024-03-01", 3),
        ("2024-03-01", "2024-03-01", "2", "2024-03", 3),
        ("2024-03-01", "2024-03-06", "2", "2024-03", 3),
        ("2024-03-01", "2024-04-30", "5", "2024", None),
        ("2024-12-30", "2025-01-02", "2", "2024", None),
        ("2024-03-01 00:00:00.000", "2024-03-01T00:00:00", "1", "2024-03-01", 3),
    ],
)  # fmt: skip
def test_a_date_says_no_more_than_the_source_knows(
    start: str, end: str, precision: str, date: str, month: int | None
) -> None:
    reading, events = read_rows(
        LANDMINE | {"date_start": start, "date_end": end, "date_prec": precision}
    )
    assert reading.rejects == []
    only(events, date=date, month=month, date_end=end[:10], date_precision_as_printed=precision)


def test_a_missing_lowest_number_stays_missing_and_a_printed_0_stays_0() -> None:
    none = {"deaths_civilians": "0", "best": "0", "low": "0", "high": "5"}
    _, events = read_rows(LANDMINE | {"low": "", "high": ""}, BOMB | none)
    rows = events.sort("place").select("killed", "killed_low", "killed_high", "injured").rows()
    assert rows == [(3, None, None, None), (0, 0, 5, None)]


def test_deaths_that_do_not_go_together_are_named_and_not_mended() -> None:
    reading, events = read_rows(LANDMINE | {"best": "9"})
    assert [one.rule for one in reading.issues] == [
        "the parts of the deaths are not the best estimate",
        "the best estimate lies outside the lowest and highest",
    ]
    only(events, killed=9, killed_low=2, killed_high=4)


def test_a_row_that_sums_up_several_events_says_so() -> None:
    _, events = read_rows(LANDMINE | {"event_clarity": "2"})
    only(events, note="The source sums up several events in this row.")


def test_an_area_that_the_source_does_not_tell_apart_is_an_issue_and_left_open() -> None:
    reading, events = read_rows(LANDMINE | {"country": "Serbia (Yugoslavia)"})
    assert [one.rule for one in reading.issues] == ["unknown area"]
    only(events, area=None, area_as_printed="Serbia (Yugoslavia)")


@pytest.mark.parametrize(
    ("printed", "area"),
    [("DR Congo (Zaire)", "COD"), ("Yemen (North Yemen)", "YEM"), ("Cambodia (Kampuchea)", "KHM"),
     ("Myanmar (Burma)", "MMR"), ("Russia (Soviet Union)", "RUS"), ("Bosnia-Herzegovina", "BIH")],
)  # fmt: skip
def test_names_with_a_former_name_beside_them_are_known(printed: str, area: str) -> None:
    only(read_rows(LANDMINE | {"country": printed})[1], area=area)


@pytest.mark.parametrize(
    ("file", "version"),
    [("ged261-csv", "26.1"), ("GEDEvent_v26_1.csv", "26.1"), ("GEDEvent_v26_0_8.csv", "26.0.8"),
     ("GEDEvent_v26_01_26_06.csv", "26.01.26.06"), ("gedevents-25.1.json", "25.1")],
)  # fmt: skip
def test_a_file_s_name_tells_its_version(file: str, version: str) -> None:
    assert version_of(file) == version


def test_a_file_whose_name_tells_no_version_stops_the_source() -> None:
    with pytest.raises(
        SourceError, match="does not say which version it is; name the copy as UCDP"
    ):
        read_rows(LANDMINE, file="GED_extract.csv")


def test_a_candidate_version_is_a_series_and_an_edition_of_its_own() -> None:
    row = csv_text(HEADER, [LANDMINE]).encode()
    reading, events = read({FINAL: row, CANDIDATE: row})
    assert reading.rejects == []
    assert sorted(events.select("series", "edition", "place").rows()) == [
        ("ucdp_ged", "26.1", "26.1, event 101"),
        ("ucdp_ged_candidate", "26.0.8", "26.0.8, event 101"),
    ]
    assert not any(series.is_additive for series in all_sources()[SOURCE].series.values())


def test_a_version_under_two_names_is_read_once() -> None:
    reading, events = read(
        {
            FINAL: csv_text(HEADER, [LANDMINE]).encode(),
            "ged261-csv": csv_text(HEADER, [BOMB]).encode(),
        }
    )
    assert [one.rule for one in reading.issues] == ["a version under two names"]
    assert events.height == 1


def test_a_missing_column_stops_the_source_and_an_unknown_one_is_an_issue() -> None:
    lacking = [name for name in HEADER if name != "best"]
    text = csv_text(lacking, [{k: v for k, v in LANDMINE.items() if k != "best"}]).encode()
    with pytest.raises(SourceError, match="lacks the column best; it has id, relid"):
        read({FINAL: text})
    reading, events = read(
        {FINAL: csv_text([*HEADER, "weapon"], [LANDMINE | {"weapon": "x"}]).encode()}
    )
    assert [(one.rule, one.column) for one in reading.issues] == [("unknown column", "weapon")]
    assert events.height == 1


def take(folders: Folders, path: Path, *rows: Row) -> Counter[str]:
    path.write_text(csv_text(HEADER, rows), encoding="utf-8")
    outcome = refresh(folders, [spec()], given={SOURCE: [Given(str(path))]}).sources[0]
    assert outcome.failure is None
    return outcome.changes


def test_two_vintages_of_a_version_revise_add_withdraw_and_a_shuffled_one_does_nothing(
    workspace: Folders, tmp_path: Path
) -> None:
    copy, other = tmp_path / FINAL, LANDMINE | {"id": "105"}
    assert take(workspace, copy, LANDMINE, BOMB, BATTLE) == {"added": 2}
    assert take(workspace, copy, BATTLE, BOMB, LANDMINE) == {}
    recounted = LANDMINE | {"best": "4", "deaths_civilians": "4", "high": "6"}
    assert take(workspace, copy, other, recounted) == {"added": 1, "revised": 1, "withdrawn": 1}
    [(killed, revision)] = ask(
        workspace, "SELECT killed, revision FROM casualty_events WHERE place = '26.1, event 101'"
    )
    assert (killed, revision) == (4, 2)
    with ledger(workspace) as con:
        last = con.execute("SELECT max(refresh) FROM refreshes").fetchall()[0][0]
        assert diff(con, 1, last).editions.is_empty(), "events are never summed as people"
    assert verify(workspace).differences == []


def test_the_next_version_stands_beside_the_last_and_waits_for_somebody_to_accept_it(
    workspace: Folders, tmp_path: Path
) -> None:
    events = [LANDMINE | {"id": str(number)} for number in range(200, 220)]
    assert take(workspace, tmp_path / FINAL, *events) == {"added": 20}
    later = tmp_path / "ged271-csv"
    later.write_text(csv_text(HEADER, events), encoding="utf-8")
    declared = all_sources()[SOURCE].model_copy(update={"min_entries": 0})
    held = refresh(workspace, [declared], given={SOURCE: [Given(str(later))]}).sources[0]
    assert held.hold
    assert held.hold.rule == "added"
    assert take(workspace, later, *events) == {"added": 20}
    assert ask(
        workspace, "SELECT edition, count(*) FROM casualty_events GROUP BY edition ORDER BY edition"
    ) == [("26.1", 20), ("27.1", 20)]


# Fetching


@pytest.fixture
def replay() -> Iterator[Replay]:
    with serving() as served:
        yield served


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = partial(Fetcher, outside=Outside(sleep=lambda _: None))
    monkeypatch.setattr("etl.retrieve.Fetcher", at_once)


TOKEN = "hush-0123456789"


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HMA_SOURCES__UCDP_GED__SECRETS__TOKEN", TOKEN)


def fetch(folders: Folders, replay: Replay, **options: object) -> Outcome:
    settings = Config.model_validate(
        {
            "fetch": {"allow_loopback": True},
            "sources": {SOURCE: {"base_url": replay.url("/"), "enabled": True}},
        }
    )
    return refresh(folders, [spec(**options)], settings=settings)


def test_a_version_is_downloaded_as_it_is_published_and_only_when_it_is_turned_on(
    workspace: Folders, replay: Replay
) -> None:
    packed = zipped({"GEDEvent_v26_1.csv": csv_text(HEADER, [LANDMINE, BATTLE]).encode()})
    replay.on("/downloads/ged/ged261-csv.zip", File(packed))
    off = Config.model_validate({"fetch": {"allow_loopback": True}})
    assert refresh(workspace, [spec()], settings=off).sources == []
    assert replay.seen == []
    outcome = fetch(workspace, replay)
    assert outcome.failed == []
    assert (outcome.sources[0].changes, outcome.sources[0].rows_read) == ({"added": 1}, 1)


class Interface:
    """UCDP's interface: pages of events behind a token, the next page's address on each."""

    def __init__(self, replay: Replay, events: list[Row], first: int = 1) -> None:
        self.events, self.first, self.total = events, first, len(events)
        self.odd: dict[int, Route] = {}
        self.between: Callable[[int], None] = lambda _: None
        replay.on("/api/gedevents/26.1", Computed(self._page))

    def _page(self, seen: Seen) -> Route:
        if seen.headers.get("x-ucdp-access-token") != TOKEN:
            sent = seen.headers.get("x-ucdp-access-token")
            return Status(401, f"API token required, not {sent}".encode())
        number, size = int(seen.query.get("page", self.first)), int(seen.query["pagesize"])
        if number in self.odd:
            return self.odd.pop(number)
        start = (number - self.first) * size
        rows: list[Any] = [
            {name: row.get(name) or None for name in HEADER} | {"id": int(row["id"])}
            for row in self.events[start : start + size]
        ]
        more = start + size < len(self.events)
        following = f"http://api.example/api/gedevents/26.1?pagesize=100&page={number + 1}"
        answer = {
            "TotalCount": self.total, "TotalPages": 9, "PreviousPageUrl": "",
            "NextPageUrl": following if more else "", "Result": rows,
        }  # fmt: skip
        self.between(number)
        return answer_json(answer)


EVENTS = [LANDMINE | {"id": str(number)} for number in range(300, 305)]


def ask_interface(folders: Folders, replay: Replay) -> Outcome:
    return fetch(
        folders, replay, downloads={}, interface_versions=["26.1"],
        interface=replay.url("/api/gedevents/"),
    )  # fmt: skip


@pytest.mark.parametrize("first", [0, 1])
def test_the_interface_gives_the_same_events_page_by_page(
    workspace: Folders, replay: Replay, token: None, first: int
) -> None:
    Interface(replay, [*EVENTS, BATTLE], first)
    outcome = ask_interface(workspace, replay)
    assert outcome.failed == []
    assert (outcome.sources[0].changes, outcome.sources[0].rows_read) == ({"added": 5}, 5)
    assert replay.count("/api/gedevents/26.1") == 3
    [(locator, edition)] = ask(
        workspace,
        "SELECT locator, edition FROM casualty_events WHERE place = '26.1, event 302'",
    )
    assert (locator, edition) == ("gedevents-26.1.json line 2 /Result/0", "26.1")
    csv_rows = read_rows(EVENTS[2])[1].drop("file", "locator")
    pages = read({"gedevents-26.1.json": _page_of(EVENTS[2])})[1].drop("file", "locator")
    assert csv_rows.equals(pages), "a version says the same, however it came"


def _page_of(row: Row) -> bytes:
    return (json.dumps({"Result": [{name: row.get(name) for name in HEADER}]}) + "\n").encode()


def test_an_event_that_moves_between_two_pages_is_asked_for_again_and_never_twice_in_the_ledger(
    workspace: Folders, replay: Replay, token: None
) -> None:
    served = Interface(replay, list(EVENTS))
    moved: list[int] = []

    def insert(number: int) -> None:
        if number == 1 and not moved:
            moved.append(number)
            served.events.insert(0, LANDMINE | {"id": "299"})
            served.total += 1

    served.between = insert
    outcome = ask_interface(workspace, replay)
    assert (outcome.failed, outcome.sources[0].changes) == ([], {"added": 6})
    served.total += 1
    outcome = ask_interface(workspace, replay)
    assert "announced 7 events and gave 6" in str(outcome.sources[0].failure)
    assert ask(workspace, "SELECT count(*) FROM casualty_events") == [(6,)]


def test_without_a_token_or_with_a_wrong_one_it_says_so_and_not_the_token(
    workspace: Folders, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    Interface(replay, EVENTS)
    missing = str(ask_interface(workspace, replay).sources[0].failure)
    assert "set HMA_SOURCES__UCDP_GED__SECRETS__TOKEN" in missing
    monkeypatch.setenv("HMA_SOURCES__UCDP_GED__SECRETS__TOKEN", "wrong-9876")
    wrong = str(ask_interface(workspace, replay).sources[0].failure)
    assert "answered 401; the publisher wants a key or an account" in wrong
    assert "wrong-9876" not in wrong


@pytest.mark.parametrize(
    ("route", "said"),
    [
        (html(), "is an HTML page"),
        (rate_limited(), "answered 429"),
        (answer_json({"Result": []}), "without a whole number under 'TotalCount'"),
        (answer_json({"TotalCount": 5, "Result": [{"id": 1}]}), "without NextPageUrl"),
        (answer_json({"TotalCount": 5, "Result": [{"id": 1}], "NextPageUrl": "more"}), "has no number"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_leaves_what_is_in_use(
    workspace: Folders, replay: Replay, token: None, route: Route, said: str
) -> None:
    served = Interface(replay, EVENTS)
    assert ask_interface(workspace, replay).failed == []
    replay.on("/api/gedevents/26.1", route)
    failure = str(ask_interface(workspace, replay).sources[0].failure)
    assert said in failure
    assert TOKEN not in failure
    assert ask(workspace, "SELECT count(*) FROM casualty_events") == [(len(served.events),)]


def test_a_renamed_field_of_the_interface_stops_the_source_with_those_found() -> None:
    page = json.dumps({"Result": [{"id": 1, "best_estimate": 3}]}).encode() + b"\n"
    with pytest.raises(SourceError, match=r"/Result/0 lacks year, .*; it has id, best_estimate"):
        read({"gedevents-26.1.json": page})
