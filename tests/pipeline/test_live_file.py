"""A large file of a live source, all the way: fetched, selected from, published, verified, changed.

The file is made up in the exact shape of ForeignAssistance.gov's, and served on this machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from etl.cli import app
from etl.settings import Folders
from etl.verify import verify
from tests.bench.foreignassistance import make
from tests.bench.refresh import BUDGET, BUDGET_HEADER, FILE, SOURCE
from tests.helpers import ask
from tests.replay import File, Replay, serving


@pytest.fixture
def replay(monkeypatch: pytest.MonkeyPatch) -> Iterator[Replay]:
    with serving() as served:
        served.on(f"/{BUDGET}", File(f"{BUDGET_HEADER}\n".encode()))
        monkeypatch.setenv("HMA_FETCH__ALLOW_LOOPBACK", "true")
        monkeypatch.setenv(f"HMA_SOURCES__{SOURCE.upper()}__BASE_URL", served.url("/"))
        yield served


@pytest.fixture
def release(tmp_path: Path) -> bytes:
    """A release of 400 rows, one in ten about mine action."""
    make(tmp_path / "release.csv", rows=400, every=10)
    return (tmp_path / "release.csv").read_bytes()


def hma(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_a_large_file_is_published_and_each_figure_leads_back_to_its_row(
    workspace: Folders, replay: Replay, release: bytes
) -> None:
    replay.on(f"/{FILE}", File(release, last_modified="Wed, 02 Sep 2026 10:00:00 GMT"))
    answer = hma("refresh", SOURCE)
    assert answer.exit_code == 0, answer.stderr
    rows = ask(
        workspace,
        "SELECT entry_id, locator, amount_as_printed, area_as_printed FROM funding "
        "WHERE locator LIKE '%row%' ORDER BY locator",
    )
    assert len(rows) > 30
    entry_id, locator, amount, area = rows[0]
    found = hma("entry", entry_id).stdout
    assert f"Current Dollar Amount: {amount}" in found
    assert f"Country Name: {area}" in found
    derived = hma("verify", "--entry", entry_id)
    assert derived.exit_code == 0, derived.stdout
    assert f"row: {locator}" in derived.stdout
    assert verify(workspace).differences == []
    assert hma("refresh", SOURCE).exit_code == 0
    assert (replay.count(f"/{FILE}"), replay.conditional(f"/{FILE}")) == (2, 1)


def test_a_changed_header_is_held_with_its_columns_and_the_last_release_stays(
    workspace: Folders, replay: Replay, release: bytes
) -> None:
    replay.on(f"/{FILE}", File(release))
    hma("refresh", SOURCE)
    before = ask(workspace, "SELECT count(*), sum(amount_usd) FROM funding")
    renamed = release.replace(b"International Purpose Code", b"Purpose", 1)
    replay.on(f"/{FILE}", File(renamed, etag='"2"'))
    answer = hma("refresh", SOURCE)
    assert answer.exit_code == 3
    assert f"{FILE} line 1 lacks the column International Purpose Code; it has" in answer.stderr
    assert ask(workspace, "SELECT count(*), sum(amount_usd) FROM funding") == before
    assert hma("refresh", SOURCE).exit_code == 3, "held until the publisher mends it"
    replay.on(f"/{FILE}", File(release, etag='"3"'))
    assert hma("refresh", SOURCE).exit_code == 0
    assert verify(workspace).differences == []


def test_a_release_that_lost_its_rows_is_held_and_can_be_rejected(
    workspace: Folders, replay: Replay, release: bytes, tmp_path: Path
) -> None:
    replay.on(f"/{FILE}", File(release))
    hma("refresh", SOURCE)
    before = ask(workspace, "SELECT sum(amount_usd) FROM funding")
    make(tmp_path / "fewer.csv", rows=400, every=100)
    replay.on(f"/{FILE}", File((tmp_path / "fewer.csv").read_bytes(), etag='"2"'))
    answer = hma("refresh", SOURCE)
    assert answer.exit_code == 3
    assert "withdrawn" in answer.stderr
    assert ask(workspace, "SELECT sum(amount_usd) FROM funding") == before
    [(files,)] = ask(workspace, "SELECT files FROM holds")
    digits = next(part.split()[1] for part in files.split("; ") if part.startswith(FILE))[:12]
    assert hma("reject", SOURCE, digits, "--because", "the release lost its rows").exit_code == 0
    assert ask(workspace, "SELECT count(*) FROM holds") == [(0,)]
    assert hma("refresh", SOURCE).exit_code == 0, "rejected is settled"
    assert ask(workspace, "SELECT sum(amount_usd) FROM funding") == before
