"""What the tests of the pages share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from etl.settings import Folders
from tests import ends
from tests.dashboard.serving import serving
from tests.helpers import DATA

QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
)  # fmt: skip


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser; of a module, since while it lives its loop runs in the thread of all tests."""
    path = os.environ.get("HMA_CHROMIUM") or "/usr/bin/chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(built_folders: Folders) -> Iterator[str]:
    """The address at which the ledger built from the embedded data is served, once for all tests of a process."""
    with serving(built_folders) as (address, _):
        yield address


@pytest.fixture(scope="session")
def full_folders(past_folders: Folders, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """A ledger with a past and something on every page: only read it."""
    folder = tmp_path_factory.mktemp("full")
    shutil.copytree(past_folders.data, folder / "data")
    folders = Folders(folder / "data")
    with pytest.MonkeyPatch.context() as monkeypatch:
        ends.fill(folders, folder, monkeypatch)
    return folders


@pytest.fixture(scope="session")
def ends_of(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Folders]:
    """Small ledgers: without a figure, with one, and of a publisher that went dark; only read them."""
    made = {}
    for name, make in (
        ("empty", ends.nothing),
        ("one row", ends.one_row),
        ("dark source", ends.gone_dark),
    ):
        folders = Folders(tmp_path_factory.mktemp(name.split()[0]) / "data")
        for part in ("transcribed", "reference"):
            shutil.copytree(DATA / part, folders.data / part)
        make(folders)
        made[name] = folders
    return made
