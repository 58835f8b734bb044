"""Hostile values in one ledger: on every surface they are the texts that they are. In full: ``tests/tools/siege.py``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import sync_playwright
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from dashboard.api import api
from dashboard.brief import brief
from dashboard.card import card
from dashboard.feed import feed
from etl.settings import Folders
from tests.dashboard.conftest import QUIET
from tests.dashboard.serving import serving
from tests.dashboard.test_browser import windows
from tests.siege import surfaces
from tests.siege.values import REFUSED, VALUES, Hostile

BROWSED = ("picture in Markdown", "line breaks")  # the full run looks at every one


@pytest.fixture(scope="module")
def hostile(built_folders: Folders, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """A ledger in which every value stands as a text of events, of money and of a register."""
    folders = Folders(tmp_path_factory.mktemp("hostile") / "data")
    shutil.copytree(built_folders.data, folders.data)
    outcome = surfaces.put(folders)
    assert not outcome.failed, [source.failure for source in outcome.failed]
    return folders


@pytest.fixture
def get(hostile: Folders, pool: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[surfaces.Get]:
    monkeypatch.setenv("HMA_DATA", str(hostile.data))
    routes = [
        Mount("/api/v1", app=api),
        Route("/brief", brief),
        Route("/feed.atom", feed),
        Route("/card.png", card),
    ]
    with TestClient(Starlette(routes=routes)) as client:
        yield lambda address: client.get(address).content


def test_there_are_fifty_values_and_their_names_tell_them_apart() -> None:
    values = [*VALUES, *REFUSED]
    assert (
        len(values)
        == len({value.name for value in values})
        == len({value.text for value in values})
        == 50
    )
    assert max(len(value.text) for value in values) > 10_000_000


@pytest.mark.parametrize("surface", surfaces.FILES)
def test_in_a_file_every_value_is_a_text_and_nothing_else(get: surfaces.Get, surface: str) -> None:
    found = surfaces.FILES[surface](get)
    assert len(found) == len(surfaces.KEPT)
    assert set(found.values()) <= surfaces.GOOD, found


def test_no_value_is_the_address_of_a_source_unless_it_is_one() -> None:
    found = surfaces.as_addresses()
    assert [name for name, said in found.items() if said != "row rejected"] == ["bare address"]


@pytest.mark.parametrize("value", [*REFUSED, VALUES[-1]], ids=lambda value: value.name)
def test_what_no_ledger_holds_puts_its_source_on_hold(value: Hostile) -> None:
    assert value not in surfaces.KEPT
    assert surfaces.refused(value) == "source on hold (unreadable)"


@pytest.mark.browser
def test_in_a_browser_no_value_makes_anything_asks_anything_or_runs(hostile: Folders) -> None:
    path = os.environ.get("HMA_CHROMIUM") or "/usr/bin/chromium"
    with serving(hostile) as (site, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        with windows(browser, site) as window:
            reader = window()
            found = list(surfaces.walk(reader, hostile, list(BROWSED), surfaces.FEW))
            assert surfaces.trouble(reader) == []
        browser.close()
    assert {verdict for _, _, verdict in found} == {surfaces.NOTHING, surfaces.GIVEN}, found
    assert len(found) == len(surfaces.FEW) + 2 * len(BROWSED)
