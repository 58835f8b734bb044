"""The Sources page: what is overdue, dark, watched, and what rests on each source."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from dashboard import contacts
from etl.memory import Memory
from etl.settings import Folders
from tests.dashboard.test_pages import Open, cells, words
from tests.dashboard.test_pages import visit as visit  # noqa: PLC0414 - a fixture

TODAY = date(2026, 11, 26)


@pytest.fixture
def built(built_folders: Folders, monkeypatch: pytest.MonkeyPatch) -> Folders:
    monkeypatch.setenv("HMA_DATA", str(built_folders.data))
    return built_folders


@pytest.mark.parametrize(
    ("days", "said", "level", "told"),
    [
        (0, None, "calm", ""),
        (30, None, "calm", ""),
        (31, None, "amber", "overdue: no contact for 31 days, due every 30"),
        (3, "stale", "amber", "stale"),
        (31, "stale", "amber", "overdue: no contact for 31 days, due every 30"),
        (121, None, "red", "dark: no contact for 121 days"),
        (3, "dark", "red", "dark: no contact for 3 days"),
        (None, None, "calm", ""),
        (None, "dark", "red", "dark"),
    ],
)
def test_nothing_has_to_run_for_a_source_to_turn_overdue(
    days: int | None, said: str | None, level: str, told: str
) -> None:
    last = None if days is None else TODAY - timedelta(days=days)
    found = contacts.judged(last, 30, 120, said, TODAY)
    assert (found.level, found.words) == (level, told)


def test_where_nobody_is_asked_nothing_is_overdue() -> None:
    assert contacts.judged(date(2014, 1, 1), None, None, None, TODAY).level == "calm"


def test_the_last_contact_is_what_is_remembered_and_no_copy_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HMA_DATA", str(tmp_path))
    files = [
        {"retrieved": "2026-03-01 10:00", "origin": "https://data.example/x.csv"},
        {"retrieved": "2026-05-01 10:00", "origin": "given by hand on 2026-05-01: x.csv"},
    ]
    assert contacts.last_of("x", files) == date(2026, 3, 1)
    memory = Memory.of(Folders(tmp_path).archive, "x")
    memory.had(date(2026, 4, 1))
    assert contacts.last_of("x", files) == date(2026, 4, 1)
    assert contacts.last_of("y", []) is None


def test_each_source_names_its_last_good_vintage_and_the_pages_that_rest_on_it(
    built: Folders, visit: Open
) -> None:
    app = visit("sources")
    rows = {
        row["Source"].split("]")[0].lstrip("["): row for row in cells(app, "Sources with status")
    }
    treaties = next(
        row for title, row in rows.items() if title.startswith("Status of the Mine Ban")
    )
    assert treaties["Status"].startswith("[transcribed](/rows?of=sources&source_id=treaties")
    assert "70c731ca](/rows?of=vintages&source_id=treaties" in treaties["Last good vintage"]
    assert "[Country](/country" in treaties["Used on"]
    assert "[Funding]" not in treaties["Used on"]
    tweis = rows["To Walk the Earth in Safety"]
    assert "[Reconciliation](/reconciliation" in tweis["Used on"]
    assert "measures: State’s report" in words(app) or "measures: State's report" in words(app)


def test_watched_pages_are_listed_before_anybody_looked(built: Folders, visit: Open) -> None:
    rows = cells(visit("sources"), "Watched pages")
    assert {row["State"] for row in rows} == {"not seen yet"}
    assert len(rows) == 5
    assert {row["To read"] for row in rows} == {"–"}
