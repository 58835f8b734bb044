"""What a source's status means for fetching: live is asked, frozen until it is here, dark not at all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from etl.config import Config
from etl.limits import Limits
from etl.refresh import Outcome, refresh
from etl.retrieve import Given, is_asked
from etl.settings import Folders
from etl.sources import FetchSpec, SourceSpec, all_sources
from tests.helpers import ask
from tests.pipeline.test_fetching import FILE, FIRST, SECOND, SOURCE, spec_of
from tests.replay import File, Replay, Status, serving

OFFLINE = Config.model_validate({})
MIRROR = Config.model_validate({"sources": {SOURCE: {"base_url": "https://mirror.example/"}}})


@pytest.fixture
def replay() -> Iterator[Replay]:
    with serving() as served:
        yield served


def spec(status: str, replay: Replay) -> SourceSpec:
    """The source at the replay itself, not at a mirror: a mirror is asked whatever the status."""
    fetch = spec_of(attempts=1).fetch
    assert fetch
    at_replay = fetch.model_copy(update={"base_url": replay.url("/"), "hosts": ("127.0.0.1",)})
    return spec_of().model_copy(update={"status": status, "fetch": at_replay})


def fetch(folders: Folders, status: str, replay: Replay, **given: Given) -> Outcome:
    config = Config.model_validate({"fetch": {"allow_loopback": True}})
    copies = {SOURCE: list(given.values())} if given else None
    return refresh(folders, [spec(status, replay)], settings=config, given=copies)


@pytest.mark.parametrize(
    ("status", "settings", "has_files", "asked"),
    [
        ("live", OFFLINE, True, True),
        ("frozen", OFFLINE, False, True),
        ("frozen", OFFLINE, True, False),
        ("dark", OFFLINE, False, False),
        ("dark", MIRROR, True, True),
        ("frozen", MIRROR, True, True),
    ],
)
def test_who_is_asked(status: str, settings: Config, *, has_files: bool, asked: bool) -> None:
    declared = spec_of().model_copy(update={"status": status})
    assert is_asked(declared, settings, has_files=has_files) is asked


def test_a_frozen_source_is_fetched_once_and_then_left_alone(
    workspace: Folders, replay: Replay
) -> None:
    replay.on("/rows.csv", File(FIRST))
    fetch(workspace, "frozen", replay)
    assert fetch(workspace, "frozen", replay).published is None
    assert replay.count("/rows.csv") == 1
    assert ask(workspace, "SELECT count(*) FROM casualty_events") == [(1,)]


def test_a_source_that_went_dark_keeps_its_figures_is_not_asked_and_takes_a_copy(
    workspace: Folders, replay: Replay
) -> None:
    replay.on("/rows.csv", File(FIRST))
    fetch(workspace, "live", replay)
    replay.on("/rows.csv", Status(404))
    fetch(workspace, "live", replay)
    assert ask(workspace, "SELECT rule FROM holds") == [("stale",)]
    asked = replay.count("/rows.csv")
    fetch(workspace, "dark", replay)  # declared so by a person: its silence is no news any more
    assert ask(workspace, "SELECT rule FROM holds") == []
    copy = workspace.data / FILE
    copy.write_bytes(SECOND)
    fetch(workspace, "dark", replay, copy=Given(str(copy)))
    assert ask(workspace, "SELECT count(*) FROM casualty_events") == [(2,)]
    assert replay.count("/rows.csv") == asked


def test_a_source_on_hold_that_cannot_be_reached_shows_both(
    workspace: Folders, replay: Replay
) -> None:
    replay.on("/rows.csv", File(FIRST))
    fetch(workspace, "live", replay)
    replay.on("/rows.csv", File(SECOND.replace(b"2007", b"20x7"), etag='"2"'))
    fetch(workspace, "live", replay)
    replay.on("/rows.csv", Status(404))
    fetch(workspace, "live", replay)
    rules = ask(workspace, "SELECT rule, can_be_accepted FROM holds ORDER BY rule")
    assert rules == [("rejects", True), ("stale", False)]
    replay.on("/rows.csv", File(SECOND, etag='"3"'))
    fetch(workspace, "live", replay)
    assert ask(workspace, "SELECT rule FROM holds") == []


def test_a_request_has_one_set_of_defaults_and_every_limit_of_source_yml() -> None:
    bare = FetchSpec(base_url="https://data.example/", hosts=("data.example",))
    assert bare.limits() == Limits()
    assert bare.model_copy(update={"idle_seconds": 5}).limits() == Limits(idle_seconds=5)


@pytest.mark.parametrize("name", [name for name, one in all_sources().items() if one.fetch])
def test_a_source_that_is_expected_says_when_it_is_overdue_and_dark(name: str) -> None:
    declared = all_sources()[name]
    assert declared.fetch
    assert 0 < declared.fetch.every_days < declared.fetch.dark_after_days
