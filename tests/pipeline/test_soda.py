"""Paging through a dataset that may change meanwhile: nothing is lost or doubled silently."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from etl.archive import Archive, Vintage
from etl.config import Config
from etl.guard import Hold
from etl.pages import field_name
from etl.refresh import Outcome, refresh
from etl.retrieve import Given, Known, fetched
from etl.settings import Folders
from etl.sources import SourceSpec, all_sources
from etl.sources.colombia_victims.read import COLUMNS
from etl.verify import verify
from tests.helpers import NO_LIMITS, ask, csv_text
from tests.replay import (
    File,
    Replay,
    Route,
    Status,
    answer_json,
    html,
    rate_limited,
    serving,
)
from tests.sources.soda_api import Dataset, Row

SOURCE = "colombia_victims"
FILE = f"{SOURCE}.csv"
ID = "yhxn-eqqw"
PERSON = dict(
    zip(
        COLUMNS,
        ("ANTIOQUIA", "5", "GRANADA", "5313", "Rural", "Vereda, la Minita", "2006", "1",
         "Mayor de 18 años", "No", "Civil", "Herido", "Masculino", "6.143703", "-75.185183",
         "Accidente por MAP"),
        strict=True,
    )
)  # fmt: skip
POINT = {"ubicaci_n": "(6.143703, -75.185183)", "actividad": "Agricultura"}


@pytest.fixture
def replay(monkeypatch: pytest.MonkeyPatch) -> Iterator[Replay]:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with serving() as served:
        yield served


def people(count: int) -> Dataset:
    """So many people, told apart by their hamlet; ids leave room before each."""
    rows: dict[str, Row] = {
        f"row-{number:08}": {**PERSON, **POINT, "sitio": f"Vereda {number}"}
        for number in range(10, 10 * count + 1, 10)
    }
    return Dataset((*COLUMNS, *POINT), rows)


def spec_of(**options: object) -> SourceSpec:
    spec = all_sources()[SOURCE]
    assert spec.fetch
    rules = spec.fetch.model_copy(
        update={
            "min_interval_seconds": 0, "attempts": 3, "options": {**spec.fetch.options, **options}
        }
    )  # fmt: skip
    return spec.model_copy(update={"fetch": rules, "min_entries": 0, "guard": NO_LIMITS})


def settings(replay: Replay) -> Config:
    return Config.model_validate(
        {"fetch": {"allow_loopback": True}, "sources": {SOURCE: {"base_url": replay.url("/")}}}
    )


def take(
    archive: Path, dataset: Dataset, replay: Replay, **options: object
) -> tuple[list[Vintage], Hold | None]:
    """Fetch without reading."""
    dataset.serve(replay, ID)
    return fetched(spec_of(**options), Archive(archive), settings(replay), Known([], [], []))


def ids(archive: Path, vintage: Vintage) -> list[str]:
    text = Archive(archive).get(vintage.sha256).decode()
    return [row[":id"] for row in csv.DictReader(io.StringIO(text, newline=""))]


def enter_before_and_take_away_behind(dataset: Dataset) -> None:
    dataset.enter("row-00000005", PERSON)
    del dataset.rows[max(dataset.rows)]


def take_away_before_and_enter_behind(dataset: Dataset) -> None:
    del dataset.rows[min(dataset.rows)]
    dataset.enter(f"row-9{dataset.pages:07}", PERSON)


# Between the first page and the second: the one doubles a row and the other loses one, if nobody looks.
MOVES = [enter_before_and_take_away_behind, take_away_before_and_enter_behind]


@pytest.mark.parametrize("move", MOVES)
def test_a_hundred_thousand_rows_come_whole_though_one_is_entered_and_one_taken_away(
    tmp_path: Path, replay: Replay, move: Callable[[Dataset], None]
) -> None:
    dataset = people(100_000)
    dataset.between = lambda page: move(dataset) if page == 1 else None
    [vintage], hold = take(tmp_path, dataset, replay)
    assert hold is None
    found = ids(tmp_path, vintage)
    assert len(found) == 100_000
    assert found == sorted(dataset.rows), "each row once, as they are after the change"
    assert vintage.origin.endswith(f"newest change {dataset.newest_change}")
    assert dataset.pages > 3, "the first attempt was given up"


@pytest.mark.parametrize("move", MOVES)
def test_a_dataset_that_never_holds_still_is_not_kept(
    tmp_path: Path, replay: Replay, move: Callable[[Dataset], None]
) -> None:
    dataset = people(9)
    dataset.between = lambda _: move(dataset)
    vintages, hold = take(tmp_path, dataset, replay, page_size=4)
    assert (vintages, list(Archive(tmp_path).vintages())) == ([], [])
    assert hold
    assert "did not hold still in 3 attempts" in hold.message
    assert "fetch again later" in hold.message


def test_a_row_that_comes_twice_is_noticed_though_the_portal_tells_of_no_change(
    tmp_path: Path, replay: Replay
) -> None:
    dataset = people(9)

    def move(_: int) -> None:
        dataset.rows[f"row-{dataset.pages:08}"] = PERSON
        del dataset.rows[max(dataset.rows)]

    dataset.between = move
    _, hold = take(tmp_path, dataset, replay, page_size=4)
    assert hold
    assert "a row came twice" in hold.message


@pytest.mark.parametrize("count", [0, 7, 8, 9])
def test_pages_end_where_the_rows_end(tmp_path: Path, replay: Replay, count: int) -> None:
    dataset = people(count)
    [vintage], hold = take(tmp_path, dataset, replay, page_size=4)
    assert hold is None
    assert ids(tmp_path, vintage) == sorted(dataset.rows)
    text = Archive(tmp_path).get(vintage.sha256).decode()
    assert text.count(":id,departamento") == 1, "one heading"


ODD: dict[str, tuple[dict[int, Route], dict[str, object], str]] = {
    "other columns on a page": (
        {2: Status(200, b":id,ano\nrow-1,2006\n")},
        {"attempts": 1},
        "its columns were :id,departamento,",
    ),
    "no ids": ({1: Status(200, b"ano\n2006\n")}, {}, "gives no :id"),
    "more rows than asked for": (
        {1: Status(200, b":id\n1\n2\n3\n4\n5\n")}, {}, "5 rows came where 4 were asked for"
    ),
    "fewer than it can": ({1: Status(200, b":id\n1\n")}, {"attempts": 1}, "1 rows came and 9 are"),
    "a cut row": ({1: Status(200, b":id,a\n1,2\n3")}, {}, "a row with 1 cells"),
    "an open quotation mark": ({1: Status(200, b':id,a\n1,"2\n')}, {}, "unexpected end of data"),
    "not UTF-8": ({1: Status(200, b":id,a\n1,\xff\n")}, {}, "is not UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize(("odd", "options", "said"), ODD.values(), ids=ODD)
def test_an_odd_page_is_refused_with_what_came(
    tmp_path: Path, replay: Replay, odd: dict[int, Route], options: dict[str, object], said: str
) -> None:
    dataset = people(9)
    dataset.odd = dict(odd)
    vintages, hold = take(tmp_path, dataset, replay, page_size=4, **options)
    assert vintages == []
    assert hold
    assert said in hold.message


@pytest.mark.parametrize("answer", [[], {"error": True}, [{"row_count": "many"}]])
def test_an_answer_without_a_count_is_refused(
    tmp_path: Path, replay: Replay, answer: object
) -> None:
    dataset = people(9)
    dataset.serve(replay, ID)
    replay.on(f"/resource/{ID}.json", answer_json(answer))
    _, hold = fetched(spec_of(), Archive(tmp_path), settings(replay), Known([], [], []))
    assert hold
    assert "does not say row_count and newest_change" in hold.message


# ---- through the pipeline


def run(folders: Folders, replay: Replay) -> Outcome:
    return refresh(folders, [spec_of(page_size=2)], settings=settings(replay))


def entries(folders: Folders) -> list[tuple[object, ...]]:
    """All that is said of people, but for where and when it was read."""
    return ask(
        folders,
        "SELECT entry_id, content_sha256, locator FROM casualty_events ORDER BY entry_id",
    )


def test_pages_and_a_file_copy_of_the_same_data_give_the_same_entries(
    workspace: Folders, replay: Replay, tmp_path: Path
) -> None:
    dataset = people(5)
    dataset.serve(replay, ID)
    first = run(workspace, replay)
    assert first.sources[0].changes == {"added": 5}
    assert first.sources[0].issues == []
    by_pages = entries(workspace)
    again = run(workspace, replay)
    assert again.sources[0].is_unread, "the same pages are not read again"
    heads = {"ubicaci_n": "Ubicación", "actividad": "Actividad"}
    assert {field_name(name) for name in heads.values()} == set(heads)
    rows = [
        {heads.get(name, name): cell for name, cell in row.items()} | {"ano": "2,006"}
        for row in dataset.rows.values()
    ]
    copy = tmp_path / "rows.csv"
    copy.write_text(csv_text([*COLUMNS, *heads.values()], rows), encoding="utf-8-sig")
    given = refresh(workspace, [spec_of()], given={SOURCE: [Given(str(copy))]})
    assert given.failed == []
    assert given.sources[0].changes == {}
    assert entries(workspace) == by_pages
    assert verify(workspace).differences == []


PASSING: dict[str, list[Route]] = {
    "429 with Retry-After": [rate_limited(0)],
    "500 twice": [Status(500), Status(500)],
    "a cut body": [File(b":id,departamento\nrow-1,A\n", cut=9, has_ranges=False)],
}
LASTING: dict[str, tuple[Route, str]] = {
    "a sign-in page": (html(), "is an HTML page, not data"),
    "a question that is refused": (Status(400, b'{"message": "No such column"}'), "answered 400"),
}


def test_what_the_portal_does_wrong_for_a_moment_is_borne_and_what_lasts_makes_it_stale(
    workspace: Folders, replay: Replay
) -> None:
    dataset = people(3)
    dataset.serve(replay, ID)
    assert run(workspace, replay).failed == []
    pages = f"/resource/{ID}.csv"
    for name, routes in PASSING.items():
        dataset.enter(f"row-9{len(dataset.rows):07}", {**PERSON, "sitio": name})
        dataset.serve(replay, ID)
        replay.routes[pages] = [*routes, *replay.routes[pages]]
        outcome = run(workspace, replay)
        assert outcome.failed == [], name
        assert outcome.sources[0].changes == {"added": 1}, name
    for name, (route, said) in LASTING.items():
        replay.on(pages, route)
        assert said in str(run(workspace, replay).sources[0].failure), name
        assert len(entries(workspace)) == 6, "the last good figures stay"
    dataset.serve(replay, ID)
    dataset.columns = [name for name in dataset.columns if name != "estado"]
    held = run(workspace, replay).sources[0]
    assert "lacks the column estado; it has :id, departamento" in str(held.failure)
    assert len(entries(workspace)) == 6
