"""A refresh that fetches: what changes, what costs one question, and what a publisher may do wrong.

The register of Colombia stands for any source that is one file; the server is a replay on this
machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from etl import log
from etl.archive import Archive
from etl.cli import app
from etl.config import Config, ConfigError, config
from etl.fetch import Fetcher, Outside
from etl.memory import Memory
from etl.refresh import Outcome, refresh
from etl.retrieve import Given
from etl.settings import Folders
from etl.sources import FetchSpec, SourceSpec, all_sources
from etl.sources.colombia_victims.read import COLUMNS
from etl.verify import verify
from tests.helpers import NO_LIMITS, ask, csv_text
from tests.replay import (
    Chunked,
    File,
    Replay,
    Route,
    Status,
    gzipped,
    html,
    rate_limited,
    redirect,
    serving,
    zipped,
)

SOURCE = "colombia_victims"
FILE = f"{SOURCE}.csv"
PERSON = dict(
    zip(
        COLUMNS,
        ("ANTIOQUIA", "5", "GRANADA", "5313", "Rural", "Vereda Minitas", "2006", "1",
         "Mayor de 18 años", "No", "Civil", "Herido", "Masculino", "6.143703", "-75.185183",
         "Accidente por MAP"),
        strict=True,
    )
)  # fmt: skip


def register(*years: str) -> bytes:
    """The register with one person a year."""
    return csv_text(COLUMNS, [{**PERSON, "ano": year} for year in years]).encode()


FIRST, SECOND = register("2006"), register("2006", "2007")


@pytest.fixture
def replay() -> Iterator[Replay]:
    with serving() as served:
        yield served


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow one another at once; that they wait is tested in tests/unit/test_fetch.py."""
    at_once = partial(Fetcher, outside=Outside(sleep=lambda _: None))
    monkeypatch.setattr("etl.retrieve.Fetcher", at_once)


def spec_of(**fetch: object) -> SourceSpec:
    rules = FetchSpec.model_validate(
        {
            "base_url": "https://data.example/", "hosts": ["data.example"], "urls": {FILE: "rows.csv"},
            "min_interval_seconds": 0, "attempts": 2, "max_bytes": 1 << 20, **fetch,
        }
    )  # fmt: skip
    update = {"fetch": rules, "min_entries": 0, "guard": NO_LIMITS}
    return all_sources()[SOURCE].model_copy(update=update)


def settings(replay: Replay) -> Config:
    return Config.model_validate(
        {
            "fetch": {"allow_loopback": True, "contact": "tests@example.org"},
            "sources": {SOURCE: {"base_url": replay.url("/")}},
        }
    )


def fetch(folders: Folders, replay: Replay, **rules: object) -> Outcome:
    return refresh(folders, [spec_of(**rules)], settings=settings(replay))


def years(folders: Folders) -> list[int]:
    return [row[0] for row in ask(folders, "SELECT year FROM casualty_events ORDER BY year")]


def holds(folders: Folders) -> list[tuple[str, str]]:
    return ask(folders, "SELECT rule, reason FROM holds")


def test_a_source_is_fetched_archived_packed_and_published(
    workspace: Folders, replay: Replay
) -> None:
    replay.on("/rows.csv", File(FIRST, last_modified="Wed, 02 Sep 2026 10:00:00 GMT"))
    outcome = fetch(workspace, replay)
    assert (outcome.failed, years(workspace)) == ([], [2006])
    [(sha256, origin)] = ask(workspace, "SELECT vintage_sha256, origin FROM vintages")
    assert origin == f"{replay.url('/rows.csv')}, last modified Wed, 02 Sep 2026 10:00:00 GMT"
    archive = Archive(workspace.archive)
    assert archive.path(sha256).suffix == ".zst"
    assert archive.get(sha256) == FIRST
    assert list((workspace.archive / "incoming").iterdir()) == []
    assert "tests@example.org" in replay.requests("/rows.csv")[0].headers["user-agent"]


def test_an_unchanged_source_costs_one_conditional_request_and_no_reading(
    workspace: Folders, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay.on("/rows.csv", File(FIRST))
    fetch(workspace, replay)

    def unread(*_: object) -> None:
        raise AssertionError("the unchanged source was read")

    monkeypatch.setattr("etl.confined.read_here", unread)
    before = len(replay.seen)
    outcome = fetch(workspace, replay)
    assert len(replay.seen) - before == replay.conditional("/rows.csv") == 1
    assert outcome.sources[0].is_unread
    assert outcome.published is None


def test_a_server_that_minds_no_condition_costs_a_download_and_still_no_reading(
    workspace: Folders, replay: Replay
) -> None:
    replay.on("/rows.csv", File(FIRST, etag=None))
    fetch(workspace, replay)
    outcome = fetch(workspace, replay)
    assert outcome.sources[0].is_unread
    assert outcome.published is None


def test_other_code_reads_the_unchanged_bytes_again(
    workspace: Folders, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay.on("/rows.csv", File(FIRST))
    fetch(workspace, replay)
    monkeypatch.setattr("etl.refresh.code_version", lambda _: "9.9.9+other")
    assert not fetch(workspace, replay).sources[0].is_unread


def test_a_new_vintage_is_fetched_and_its_changes_recorded(
    workspace: Folders, replay: Replay
) -> None:
    replay.on("/rows.csv", File(FIRST))
    fetch(workspace, replay)
    replay.on("/rows.csv", File(SECOND, etag='"2"'))
    assert fetch(workspace, replay).sources[0].changes == {"added": 1}
    assert years(workspace) == [2006, 2007]
    assert verify(workspace).differences == []


PASSING: dict[str, list[Route]] = {
    "500 twice, then the file": [Status(500), Status(500), File(SECOND, etag='"2"')],
    "429 with Retry-After, then the file": [rate_limited(0), File(SECOND, etag='"2"')],
    "a cut body, then the rest": [File(SECOND, etag='"2"', cut=40), File(SECOND, etag='"2"')],
    "a body without a length": [Chunked([SECOND[:50], SECOND[50:]])],
    "a redirect within the host": [redirect("/moved.csv")],
    "gzip": [File(gzipped(SECOND), etag='"2"')],
    "a zip with one file": [File(zipped({"../../etc/passwd": SECOND}), etag='"2"')],
}


@pytest.mark.parametrize("routes", PASSING.values(), ids=PASSING)
def test_what_a_publisher_does_wrong_for_a_moment_is_borne(
    workspace: Folders, replay: Replay, routes: list[Route]
) -> None:
    replay.on("/rows.csv", File(FIRST))
    fetch(workspace, replay)
    replay.on("/moved.csv", File(SECOND, etag='"2"'))
    replay.on("/rows.csv", *routes)
    assert fetch(workspace, replay, attempts=3).failed == []
    assert years(workspace) == [2006, 2007]
    assert not (workspace.data.parent / "etc").exists()


LASTING: dict[str, tuple[Route, str]] = {
    "404": (Status(404), "answered 404"),
    "403": (Status(403), "answered 403"),
    "500 always": (Status(500), "answered 500"),
    "a sign-in page": (html(), "is an HTML page, not data"),
    "a redirect to another host": (redirect("https://login.example/"), "at none of the hosts"),
    "an empty body": (Status(200), "empty body"),
    "always cut": (File(SECOND, etag='"2"', cut=0, has_ranges=False), "ended too early"),
    "too large": (File(b"x" * ((1 << 20) + 1), etag='"2"'), "larger than"),
    "two files in a zip": (
        File(zipped({"a": SECOND, "b": SECOND}), etag='"2"'),
        "holds 2 files",
    ),
    "a bomb": (File(gzipped(b"0" * (1 << 23)), etag='"2"'), "unpacks to more than"),
    "a cut gzip": (File(gzipped(SECOND)[:-9], etag='"2"'), "ends too early"),
}


@pytest.mark.parametrize(("route", "said"), LASTING.values(), ids=LASTING)
def test_what_cannot_be_fetched_makes_the_source_stale_and_its_figures_stay(
    workspace: Folders,
    replay: Replay,
    route: Route,
    said: str,
) -> None:
    replay.on("/rows.csv", File(FIRST))
    fetch(workspace, replay)
    replay.on("/rows.csv", route)
    outcome = fetch(workspace, replay)
    assert [source.source_id for source in outcome.failed] == [SOURCE]
    assert years(workspace) == [2006]
    [(rule, reason)] = holds(workspace)
    assert rule == "stale"
    assert said in reason
    assert f"hma refresh {SOURCE} --from FILE" in reason
    assert fetch(workspace, replay).published is None, "the same failure is no news"
    assert verify(workspace).differences == []
    replay.on("/rows.csv", File(SECOND, etag='"2"'))
    assert fetch(workspace, replay).failed == []
    assert (holds(workspace), years(workspace)) == ([], [2006, 2007])


@pytest.mark.parametrize(("days", "rule"), [(120, "stale"), (121, "dark")])
def test_a_source_is_dark_after_its_time_and_others_go_on(
    workspace: Folders, replay: Replay, days: int, rule: str
) -> None:
    replay.on("/rows.csv", File(FIRST))
    fetch(workspace, replay)
    memory = Memory.of(workspace.archive, SOURCE)
    memory.last_good = (datetime.now(UTC).date() - timedelta(days=days)).isoformat()
    memory.keep()
    replay.on("/rows.csv", Status(404))
    other = all_sources()["program_events"]
    outcome = refresh(workspace, [spec_of(), other], settings=settings(replay))
    assert [source.source_id for source in outcome.failed] == [SOURCE]
    assert [said for said, _ in holds(workspace)] == [rule]
    assert ask(workspace, "SELECT count(*) > 0 FROM program_events") == [(True,)]


def test_a_source_that_could_never_be_fetched_says_so(workspace: Folders, replay: Replay) -> None:
    outcome = fetch(workspace, replay)
    assert "never fetched yet" in str(outcome.sources[0].failure)
    assert [rule for rule, _ in holds(workspace)] == ["stale"]


def test_a_lost_memory_costs_a_download_and_nothing_else(
    workspace: Folders, replay: Replay
) -> None:
    replay.on("/rows.csv", File(FIRST))
    fetch(workspace, replay)
    Memory.of(workspace.archive, SOURCE).path.write_text("{")
    assert fetch(workspace, replay).sources[0].is_unread
    assert replay.conditional("/rows.csv") == 0


def test_without_settings_no_network_is_touched(workspace: Folders, replay: Replay) -> None:
    replay.on("/rows.csv", File(FIRST))
    fetch(workspace, replay)
    before = len(replay.seen)
    refresh(workspace, [spec_of()])
    assert len(replay.seen) == before


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz", "rows.zip"])
def test_a_rescued_copy_is_a_vintage_with_the_origin_that_the_user_states(
    workspace: Folders, tmp_path: Path, name: str
) -> None:
    packed = {"rows.csv": FIRST, "rows.csv.gz": gzipped(FIRST), "rows.zip": zipped({"x": FIRST})}
    (tmp_path / name).write_bytes(packed[name])
    given = {SOURCE: [Given(str(tmp_path / name), "the library of X, on disk")]}
    assert refresh(workspace, [spec_of()], given=given).failed == []
    [(file, origin)] = ask(workspace, "SELECT file, origin FROM vintages")
    assert file == FILE
    assert f": {name}" in origin
    assert origin.endswith("; said to be the library of X, on disk")
    assert ("packed with SHA-256" in origin) == (name != "rows.csv")
    assert (tmp_path / name).read_bytes() == packed[name], "the user's own copy stays"


def test_the_same_bytes_are_one_vintage_however_they_came(
    workspace: Folders, replay: Replay, tmp_path: Path
) -> None:
    replay.on("/rows.csv", File(FIRST))
    fetch(workspace, replay)
    (tmp_path / "rescued.csv.gz").write_bytes(gzipped(FIRST))
    given = {SOURCE: [Given(str(tmp_path / "rescued.csv.gz"))]}
    outcome = refresh(workspace, [spec_of()], given=given)
    assert outcome.sources[0].is_unread
    assert len(list(Archive(workspace.archive).vintages())) == 1


def test_what_the_publisher_said_of_other_bytes_is_not_asked_of_a_copy_given_since(
    workspace: Folders, replay: Replay, tmp_path: Path
) -> None:
    replay.on("/rows.csv", File(FIRST))
    fetch(workspace, replay)
    (tmp_path / FILE).write_bytes(SECOND)
    refresh(workspace, [spec_of()], given={SOURCE: [Given(str(tmp_path / FILE))]})
    assert years(workspace) == [2006, 2007]
    fetch(workspace, replay)
    assert years(workspace) == [2006], "a 304 would have passed the copy off as the publisher's"


def test_a_copy_can_be_given_by_its_address(workspace: Folders, replay: Replay) -> None:
    address = replay.on("/rescued/rows.csv.gz", File(gzipped(FIRST)))
    outcome = refresh(
        workspace, [spec_of()], settings=settings(replay), given={SOURCE: [Given(address)]}
    )
    assert (outcome.failed, years(workspace)) == ([], [2006])
    assert replay.count("/rows.csv") == 0


def test_a_copy_by_its_address_may_be_as_large_as_its_source_allows(
    workspace: Folders, replay: Replay
) -> None:
    address = replay.on("/rescued/rows.csv", File(FIRST))
    outcome = refresh(
        workspace, [spec_of(max_bytes=10)], settings=settings(replay),
        given={SOURCE: [Given(address)]},
    )  # fmt: skip
    assert "larger than the 10 bytes allowed" in str(outcome.sources[0].failure)


def test_without_the_network_a_copy_has_to_be_a_file(workspace: Folders, replay: Replay) -> None:
    address = replay.on("/rescued/rows.csv", File(FIRST))
    outcome = refresh(workspace, [spec_of()], given={SOURCE: [Given(address)]})
    assert "touches no network" in str(outcome.sources[0].failure)
    answer = CliRunner().invoke(app, ["refresh", SOURCE, "--offline", "--from", address])
    assert (answer.exit_code, replay.count("/rescued/rows.csv")) == (2, 0)
    assert "--offline touches no network" in answer.stderr


def test_a_copy_that_is_none_of_the_files_is_refused_with_their_names(
    workspace: Folders, tmp_path: Path
) -> None:
    (tmp_path / "other.csv").write_bytes(FIRST)
    spec = spec_of().model_copy(update={"files": (FILE, "points.csv")})
    outcome = refresh(workspace, [spec], given={SOURCE: [Given(str(tmp_path / "other.csv"))]})
    assert f"none of the files of {SOURCE}: {FILE}, points.csv" in str(outcome.sources[0].failure)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/rows.csv", "http://10.0.0.1/rows.csv"])
def test_an_address_that_points_inward_is_refused_on_the_command_line(
    workspace: Folders, address: str
) -> None:
    answer = CliRunner().invoke(app, ["refresh", SOURCE, "--from", address])
    assert answer.exit_code == 3
    assert "is not https" in answer.stderr


def test_a_setting_that_is_none_ends_the_command_with_its_name(
    workspace: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hma.toml").write_text("[fetch]\ncontat = 'a@example.org'\n")
    monkeypatch.setenv("HMA_CONFIG", str(tmp_path / "hma.toml"))
    answer = CliRunner().invoke(app, ["refresh", "program_events"])
    assert answer.exit_code == 2
    assert "contat" in answer.stderr
    assert "hma.toml" in answer.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("HMA_FETCH__CONTAT", "contat"),
        ("HMA_FETHC__CONTACT", "HMA_FETHC__CONTACT is no setting"),
        ("HMA_SOURCES__USASPENDIN__BASE_URL", "there is no source usaspendin"),
    ],
)
def test_a_misspelt_setting_in_the_environment_is_no_silence(
    monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    monkeypatch.setenv(name, "https://mirror.example/")
    with pytest.raises(ConfigError, match=said):
        config()


def test_the_environment_goes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hma.toml").write_text(
        "[fetch]\ncontact = 'file'\n[sources.usaspending]\nbase_url = 'https://a.example/b'\n"
    )
    monkeypatch.setenv("HMA_CONFIG", str(tmp_path / "hma.toml"))
    monkeypatch.setenv("HMA_FETCH__CONTACT", "environment")
    monkeypatch.setenv("HMA_SOURCES__FOREIGNASSISTANCE_GOV__BASE_URL", "https://mirror.example")
    found = Config()
    assert found.fetch.contact == "environment"
    assert found.sources["usaspending"].base_url == "https://a.example/b/"
    assert found.sources["foreignassistance_gov"].base_url == "https://mirror.example/"


def test_vintages_are_named_by_file_and_bytes_alone(workspace: Folders, replay: Replay) -> None:
    replay.on("/rows.csv", File(FIRST))
    fetch(workspace, replay)
    [vintage] = Archive(workspace.archive).vintages()
    assert log.listed([vintage]) == f"{FILE} {vintage.sha256}"


def test_an_error_that_nobody_foresaw_ends_its_own_source_and_says_where(
    workspace: Folders, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay.on("/rows.csv", File(FIRST))

    def read(*_: object) -> None:
        raise RecursionError("too deep\x1b[2J")

    monkeypatch.setattr("etl.sources.colombia_victims.read.read", read)
    chosen = [spec_of(), all_sources()["program_events"]]
    outcome = refresh(workspace, chosen, settings=settings(replay))
    assert [source.source_id for source in outcome.failed] == [SOURCE]
    [(rule, reason)] = holds(workspace)
    assert rule == "unreadable"
    assert "RecursionError: too deep\\x1b[2J (test_fetching.py line" in reason
    assert ask(workspace, "SELECT count(*) > 0 FROM program_events") == [(True,)]


def test_an_error_of_the_ledger_itself_ends_the_refresh_and_publishes_nothing(
    workspace: Folders, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay.on("/rows.csv", File(FIRST))

    def compare(*_: object) -> None:
        raise duckdb.InternalException("broken")

    monkeypatch.setattr("etl.record.compare", compare)
    with pytest.raises(duckdb.InternalException, match="broken"):
        fetch(workspace, replay)
    assert list(workspace.ledger.glob("ledger-*")) == []


def with_extra_copy(workspace: Folders, tmp_path: Path, content: bytes) -> SourceSpec:
    """The source with a second kind of file that is only handed over, and such a copy on hold."""
    spec = spec_of().model_copy(update={"accepts": "*.csv"})
    (tmp_path / "export.csv").write_bytes(content)
    refresh(workspace, [spec], given={SOURCE: [Given(str(tmp_path / "export.csv"))]})
    assert [rule for rule, _ in holds(workspace)] == ["HTML page"]
    return spec


def test_a_copy_on_hold_gives_way_to_what_comes_after_it(
    workspace: Folders, replay: Replay, tmp_path: Path
) -> None:
    replay.on("/rows.csv", File(FIRST))
    fetch(workspace, replay)
    spec = with_extra_copy(workspace, tmp_path, b"<html>oops</html>")
    outcome = refresh(workspace, [spec], settings=settings(replay))
    assert outcome.failed, "nothing newer has come, so it is still on hold"
    replay.on("/rows.csv", File(SECOND, etag='"2"'))
    assert refresh(workspace, [spec], settings=settings(replay)).failed == []
    assert (holds(workspace), years(workspace)) == ([], [2006, 2007])


def test_a_copy_that_was_rejected_holds_up_nothing(
    workspace: Folders, replay: Replay, tmp_path: Path
) -> None:
    replay.on("/rows.csv", File(FIRST))
    fetch(workspace, replay)
    spec = with_extra_copy(workspace, tmp_path, b"<html>oops</html>")
    [(names, files)] = ask(workspace, "SELECT vintages_sha256, files FROM holds")
    decision = log.Decision(SOURCE, names, files, "rejected", "a test", "not a register")
    refresh(workspace, [spec], decision=decision)
    assert refresh(workspace, [spec], settings=settings(replay)).failed == []
    assert refresh(workspace, [spec], settings=settings(replay)).sources[0].is_unread
    replay.on("/rows.csv", File(SECOND, etag='"2"'))
    assert refresh(workspace, [spec], settings=settings(replay)).failed == []
    assert (holds(workspace), years(workspace)) == ([], [2006, 2007])


def test_no_secret_of_an_address_is_published(workspace: Folders, replay: Replay) -> None:
    secret = "s3cr3t"
    replay.on("/rescued.csv", File(FIRST))
    for path in ("/rescued.csv", "/gone.csv"):
        copy = Given(replay.url(f"{path}?X-Amz-Signature={secret}&api_key={secret}"))
        refresh(workspace, [spec_of()], settings=settings(replay), given={SOURCE: [copy]})
    said = [
        *ask(workspace, "SELECT origin FROM vintages"),
        *ask(workspace, "SELECT reason FROM holds"),
    ]
    assert "rescued.csv?X-Amz-Signature=***" in str(said)
    assert "gone.csv" in str(said)
    for kept in (*workspace.archive.rglob("*.json*"), *workspace.ledger.glob("*.duckdb")):
        assert secret.encode() not in kept.read_bytes(), kept


def test_stale_stays_until_the_publisher_is_asked_again(workspace: Folders, replay: Replay) -> None:
    replay.on("/rows.csv", File(FIRST))
    fetch(workspace, replay)
    replay.on("/rows.csv", Status(404))
    fetch(workspace, replay)
    refresh(workspace, [spec_of()])
    assert [rule for rule, _ in holds(workspace)] == ["stale"]
    replay.on("/rows.csv", File(FIRST))
    fetch(workspace, replay)
    assert holds(workspace) == []


def test_a_half_that_came_is_not_fetched_again_while_the_other_is_away(
    workspace: Folders, replay: Replay
) -> None:
    urls = {FILE: "rows.csv", "points.csv": "points.csv"}
    replay.on("/rows.csv", File(FIRST))
    fetch(workspace, replay, urls=urls)
    fetch(workspace, replay, urls=urls)
    assert (replay.count("/rows.csv"), replay.conditional("/rows.csv")) == (2, 1)


@pytest.mark.parametrize(
    "memory",
    [
        "{", "[]", '{"files": {"x": "y"}, "failing_since": null, "last_good": null}',
        '{"files": {}, "failing_since": null, "last_good": "yesterday"}', "[" * 50_000,
    ],
)  # fmt: skip
def test_a_memory_that_is_none_costs_a_download_and_nothing_else_whatever_stands_there(
    workspace: Folders, replay: Replay, memory: str
) -> None:
    replay.on("/rows.csv", File(FIRST))
    path = Memory.of(workspace.archive, SOURCE).path
    path.parent.mkdir(parents=True)
    path.write_text(memory)
    assert fetch(workspace, replay).failed == []
