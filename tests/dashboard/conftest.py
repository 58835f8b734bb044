"""What the tests of the pages share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from dashboard.current import ledgers, limits
from etl.settings import Folders
from tests import ends
from tests.helpers import DATA


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
