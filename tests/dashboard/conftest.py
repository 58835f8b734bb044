"""What the tests of the pages share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from dashboard.current import ledgers, limits
from etl.settings import Folders
from tests.dashboard.serving import serving

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


@pytest.fixture
def pool() -> Iterator[None]:
    """Pages find their ledgers anew, and let go of them afterwards."""
    ledgers.cache_clear()
    limits.cache_clear()
    yield
    limits.cache_clear()
    if ledgers.cache_info().currsize:
        ledgers().close()
    ledgers.cache_clear()
