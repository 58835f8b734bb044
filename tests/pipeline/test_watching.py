"""Watched pages through a refresh: what a person is told, what stays, and what is left alone.

The treaties' page stands for a table, the Monitor's for an edition. The server is a replay on this
machine; nothing else is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from typer.testing import CliRunner

from etl.archive import Archive
from etl.cli import app
from etl.config import Config
from etl.fetch import Fetcher, Outside
from etl.memory import Memory
from etl.refresh import Outcome, refresh
from etl.settings import Folders
from etl.sources import SourceSpec, all_sources
from etl.verify import verify
from tests.helpers import ask
from tests.replay import Chunked, File, Replay, Route, Silent, Status, html, redirect, serving

SOURCE, PAGE = "treaties", "mine_ban"
ADDRESS = "/pages/ViewDetails.aspx"
ROWS = {"Albania": "29 Feb 2000", "Poland": "27 Dec 2012"}
PAGES = "SELECT file, status FROM vintages WHERE status = 'watched' ORDER BY recorded_in, file"


@pytest.fixture
def replay() -> Iterator[Replay]:
    with serving() as served:
        yield served


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow one another at once, and every source has one page."""
    at_once = partial(Fetcher, outside=Outside(sleep=lambda _: None))
    monkeypatch.setattr("etl.retrieve.Fetcher", at_once)
    monkeypatch.setattr("etl.console.every_source", lambda _: {SOURCE: watched()})  # for hma accept


def status_page(rows: Mapping[str, str] = ROWS, session: str = "1") -> bytes:
    body = "".join(
        f"<tr><td>{name}</td><td></td><td>{date}</td></tr>" for name, date in rows.items()
    )
    return (
        f"<!DOCTYPE html><title>Anti-Personnel Mines</title><p>Status as at {session}</p><table>"
        f"<tr><td>Participant<td>Signature<td>Accession(a)</tr>{body}</table>"
    ).encode()


def editions_page(*years: int) -> bytes:
    return "".join(f"<p>Landmine Monitor {year}</p>" for year in years).encode()


def watched(source: str = SOURCE, **rules: object) -> SourceSpec:
    """A source with the first of its pages alone, and the limits of a test."""
    spec = all_sources()[source]
    assert spec.watch
    name, page = next(iter(spec.watch.pages.items()))
    rules = {"min_interval_seconds": 0, "pages": {name: page}, **rules}
    return spec.model_copy(update={"watch": spec.watch.model_copy(update=rules)})


def settings(replay: Replay, source: str = SOURCE, *, watch: bool = True) -> Config:
    return Config.model_validate(
        {
            "fetch": {"allow_loopback": True, "watch": watch},
            "sources": {source: {"watch_base_url": replay.url("/")}},
        }
    )


def look(folders: Folders, replay: Replay, source: str = SOURCE, **rules: object) -> Outcome:
    return refresh(folders, [watched(source, **rules)], settings=settings(replay, source))


def issues(folders: Folders) -> list[tuple[str, str, str]]:
    return ask(
        folders,
        "SELECT rule, raw_value, fix FROM issues WHERE rule LIKE '%page%' OR rule LIKE 'new%'",
    )


def states(folders: Folders) -> list[tuple[str, str | None]]:
    return ask(folders, "SELECT state, reason FROM watches")


def read(folders: Folders, because: str = "read it", *, exit_code: int = 0) -> str:
    """What a person says after reading the page that the one issue is about."""
    [(fix,)] = ask(folders, "SELECT fix FROM issues WHERE locator LIKE 'watch/%'")
    digits = str(fix).split("hma accept ")[1].split()[1]
    result = CliRunner().invoke(
        app, ["accept", SOURCE, digits, "--because", because, "--who", "me"]
    )
    assert result.exit_code == exit_code, result.output
    return digits


def test_at_first_sight_a_page_is_archived_and_a_person_told_to_compare_it(
    workspace: Folders, replay: Replay
) -> None:
    replay.on(ADDRESS, File(status_page()))
    outcome = look(workspace, replay)
    assert (outcome.failed, states(workspace)) == ([], [("seen", None)])
    [(rule, said, fix)] = issues(workspace)
    assert rule == "page to be compared"
    assert "Mine Ban Convention, status (https://treaties.un.org/pages/" in said
    assert "treaty_status.csv" in fix
    assert "hma accept treaties" in fix
    [(sha256, locator)] = ask(
        workspace, "SELECT vintage_sha256, locator FROM issues WHERE rule LIKE 'page%'"
    )
    assert locator == "watch/mine_ban.html line 1"
    assert Archive(workspace.archive).get(sha256) == status_page()
    assert ask(workspace, "SELECT count(*) FROM treaty_status") == [(391,)]
    assert verify(workspace).differences == []


@pytest.mark.parametrize(
    ("again", "asked"),
    [
        (File(status_page()), 1),
        (File(status_page(session="2"), etag='"2"'), 1),
        (File(status_page(dict(reversed(ROWS.items()))), etag=None), 1),
    ],
    ids=["304", "200 with another time of day", "200 with the rows in another order"],
)  # fmt: skip
def test_an_unchanged_page_costs_one_conditional_request_and_records_nothing(
    workspace: Folders, replay: Replay, again: Route, asked: int
) -> None:
    replay.on(ADDRESS, File(status_page()))
    look(workspace, replay)
    before, listed = len(replay.seen), (workspace.archive / "manifest.jsonl").read_bytes()
    replay.on(ADDRESS, again)
    outcome = look(workspace, replay)
    assert (len(replay.seen) - before, replay.conditional(ADDRESS)) == (asked, 1)
    assert outcome.published is None
    assert (workspace.archive / "manifest.jsonl").read_bytes() == listed
    assert list((workspace.archive / "incoming").iterdir()) == []


def test_a_changed_table_is_told_row_by_row_until_a_person_says_that_it_was_read(
    workspace: Folders, replay: Replay
) -> None:
    replay.on(ADDRESS, File(status_page()))
    look(workspace, replay)
    read(workspace, "compared with the transcription: the same")
    assert issues(workspace) == []
    assert look(workspace, replay).published is None
    changed = {
        "Albania": "29 Feb 2000",
        "Poland <sup>2</sup>": "27 Dec 2012",
        "Tonga": "3 Mar 2025 a",
    }
    replay.on(ADDRESS, File(status_page(changed), etag='"2"'))
    look(workspace, replay)
    [(rule, said, _)] = issues(workspace)
    assert rule == "changed page"
    assert (
        "Poland |  | 27 Dec 2012 → Poland * |  | 27 Dec 2012; new: Tonga |  | 3 Mar 2025 a" in said
    )
    for settled in (None, settings(replay)):  # the issue stays, with the network and without
        assert refresh(workspace, [watched()], settings=settled).published is None
    assert [rule for rule, *_ in issues(workspace)] == ["changed page"]
    read(workspace)
    assert issues(workspace) == []
    decisions = ask(workspace, "SELECT verdict, who, because FROM decisions ORDER BY recorded_in")
    assert decisions == [
        ("read", "me", "compared with the transcription: the same"), ("read", "me", "read it"),
    ]  # fmt: skip
    assert ask(workspace, PAGES) == [("watch/mine_ban.html", "watched")] * 2
    assert verify(workspace).differences == []


def test_a_new_edition_is_told_until_it_is_read_or_source_yml_says_so(
    workspace: Folders, replay: Replay
) -> None:
    source = "landmine_monitor"
    replay.on("/", File(editions_page(2023, 2022)))
    look(workspace, replay, source)
    assert issues(workspace) == []
    replay.on("/", File(editions_page(2022, 2026, 2023), etag='"2"'))
    look(workspace, replay, source)
    [(rule, said, fix)] = issues(workspace)
    assert (rule, "edition 2023 → 2026" in said) == ("new edition", True)
    assert "monitor_global_year.csv" in fix
    spec = watched(source)
    assert spec.watch
    page = spec.watch.pages["home"].model_copy(update={"edition_read": "2026"})
    as_read = watched(source, pages={"home": page})
    refresh(workspace, [as_read])
    assert issues(workspace) == []
    refresh(workspace, [spec])
    assert [rule for rule, *_ in issues(workspace)] == ["new edition"]


LASTING: dict[str, tuple[list[Route], str]] = {
    "an error page": ([html("<h1>We are sorry</h1>")], "does not contain"),
    "a sign-in page": ([redirect("/login")], "does not contain"),
    "another host": ([redirect("https://login.example.org/")], "none of the hosts"),
    "404": ([Status(404)], "answered 404"),
    "500": ([Status(500)], "answered 500"),
    "an empty body": ([Status(200)], "empty body"),
    "the table without rows": ([File(status_page({}), etag='"2"')], "no table with rows"),
    "a cut body": ([Chunked([status_page()[:50]], is_cut=True)], "ended too early"),
    "silence": ([Silent()], "did not answer"),
}


def test_a_page_that_cannot_be_had_makes_its_watch_stale_and_never_the_figures(
    workspace: Folders, replay: Replay
) -> None:
    replay.on(ADDRESS, File(status_page()))
    look(workspace, replay)
    told = issues(workspace)
    replay.on("/login", html())
    for fault, (routes, why) in LASTING.items():
        replay.on(ADDRESS, *routes)
        outcome = look(workspace, replay, idle_seconds=0.2)
        [(state, reason)] = states(workspace)
        assert (state, why in str(reason)) == ("stale", True), (fault, reason)
        assert (outcome.failed, issues(workspace)) == ([], told), fault
    assert look(workspace, replay, idle_seconds=0.2).published is None  # said once
    assert ask(workspace, PAGES) == [("watch/mine_ban.html", "watched")]
    assert ask(workspace, "SELECT count(*) FROM holds") == [(0,)]
    assert ask(workspace, "SELECT count(*) FROM treaty_status") == [(391,)]
    replay.on(ADDRESS, File(status_page(), etag='"3"'))
    look(workspace, replay)
    assert states(workspace) == [("seen", None)]


def test_a_page_that_stays_away_goes_dark_and_its_bytes_are_kept(
    workspace: Folders, replay: Replay
) -> None:
    replay.on(ADDRESS, File(status_page()))
    look(workspace, replay)
    [(sha256,)] = ask(workspace, "SELECT vintage_sha256 FROM watches")
    memory = Memory.of(workspace.archive, f"{SOURCE}.{PAGE}")
    memory.last_good = (datetime.now(UTC).date() - timedelta(days=91)).isoformat()
    memory.keep()
    replay.on(ADDRESS, Status(404))
    outcome = look(workspace, replay)
    [(state, reason)] = states(workspace)
    assert (state, outcome.failed) == ("dark", [])
    assert f"last fetched {memory.last_good}" in str(reason)
    assert Archive(workspace.archive).get(sha256) == status_page()


def test_a_lost_memory_costs_the_page_once_more_and_nothing_else(
    workspace: Folders, replay: Replay
) -> None:
    replay.on(ADDRESS, File(status_page()))
    look(workspace, replay)
    Memory.of(workspace.archive, f"{SOURCE}.{PAGE}").path.unlink()
    assert look(workspace, replay).published is None
    assert replay.conditional(ADDRESS) == 0
    look(workspace, replay)
    assert replay.conditional(ADDRESS) == 1


@pytest.mark.parametrize("has_network", [True, False], ids=["switched off", "no network"])
def test_nobody_is_asked_without_the_network_or_where_watching_is_off(
    workspace: Folders, replay: Replay, *, has_network: bool
) -> None:
    given = settings(replay, watch=False) if has_network else None
    outcome = refresh(workspace, [watched()], settings=given)
    assert (len(replay.seen), outcome.failed) == (0, [])
    assert states(workspace) == [("not seen yet", None)]
    assert issues(workspace) == []


def test_an_archived_page_that_is_lost_is_said_and_looked_at_anew(
    workspace: Folders, replay: Replay
) -> None:
    replay.on(ADDRESS, File(status_page()))
    look(workspace, replay)
    [(sha256,)] = ask(workspace, "SELECT vintage_sha256 FROM watches")
    Archive(workspace.archive).path(sha256).unlink()
    refresh(workspace, [watched()])
    [(rule, said, _)] = issues(workspace)
    assert (rule, "restore the archive" in said) == ("watched page unreadable", True)
    look(workspace, replay)
    assert [rule for rule, *_ in issues(workspace)] == ["page to be compared"]
    assert Archive(workspace.archive).get(sha256) == status_page()


def test_a_held_transcription_keeps_its_hold_and_its_page_is_looked_at_all_the_same(
    workspace: Folders, replay: Replay
) -> None:
    replay.on(ADDRESS, File(status_page()))
    look(workspace, replay)
    path = workspace.transcribed / "world/treaty_status.csv"
    path.write_text(
        "\n".join(path.read_text(encoding="utf-8").splitlines()[:100]) + "\n", encoding="utf-8"
    )
    outcome = look(workspace, replay)
    assert [source.source_id for source in outcome.failed] == [SOURCE]
    read(workspace, exit_code=3)  # the transcription is still on hold
    assert issues(workspace) == []
    assert ask(workspace, "SELECT count(*) FROM holds") == [(1,)]


def test_what_is_no_page_that_waits_cannot_be_accepted(workspace: Folders, replay: Replay) -> None:
    replay.on(ADDRESS, File(status_page()))
    look(workspace, replay)
    digits = read(workspace)
    again = CliRunner().invoke(app, ["accept", SOURCE, digits, "--because", "twice"])
    assert again.exit_code == 5
