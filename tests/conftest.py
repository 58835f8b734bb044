"""Fixtures that all tests share: a data folder of one's own, and ledgers built from the real data.

No test works in the repository's data folder: each gets copies, and ``HMA_DATA`` names them.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from hypothesis import settings

from dashboard.current import ledgers, limits
from etl.refresh import refresh
from etl.settings import Folders
from etl.sources import all_sources
from tests import lakes
from tests.helpers import DATA, ledger
from tests.live import GRANTS, add_live
from tests.pasts import add_past

if TYPE_CHECKING:
    from tests.s3 import Server

settings.register_profile("any machine", deadline=None)  # a busy one is no fault of the code
settings.load_profile("any machine")
# A plain ``hma refresh`` would look at publishers' pages; what does is tests/pipeline/test_watching.py.
os.environ["HMA_FETCH__WATCH"] = "false"
# Hundreds of child processes would each compile every module anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(autouse=True)
def _main_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest leaves a page as ``__main__``, which multiprocessing would run in every later child."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


def _copy_sources(to: Path) -> Folders:
    for name in ("transcribed", "reference"):
        shutil.copytree(DATA / name, to / name)
    return Folders(to)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """A copy of the embedded data, without a ledger."""
    folders = _copy_sources(tmp_path / "data")
    monkeypatch.setenv("HMA_DATA", str(folders.data))
    return folders


@pytest.fixture(scope="session")
def built_folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """The ledger built from the embedded data, once for all tests of this process: only read it."""
    folders = _copy_sources(tmp_path_factory.mktemp("built") / "data")
    outcome = refresh(folders, all_sources().values())
    assert not outcome.failed, [(source.source_id, source.failure) for source in outcome.failed]
    assert outcome.published
    return folders


@pytest.fixture(scope="session")
def past_folders(built_folders: Folders, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """The built ledger with five refreshes after the first (:mod:`tests.pasts`): only read it."""
    folders = Folders(tmp_path_factory.mktemp("past") / "data")
    shutil.copytree(built_folders.data, folders.data)
    add_past(folders)
    return folders


@pytest.fixture(scope="session")
def granted_folders(built_folders: Folders, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """The built ledger with grants to organisations (:data:`tests.live.GRANTS`): only read it."""
    folders = Folders(tmp_path_factory.mktemp("granted") / "data")
    shutil.copytree(built_folders.data, folders.data)
    with pytest.MonkeyPatch.context() as patch:
        add_live(folders, GRANTS, folders.data.parent, patch)
    return folders


@pytest.fixture
def past(past_folders: Folders, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """The same, named by HMA_DATA."""
    monkeypatch.setenv("HMA_DATA", str(past_folders.data))
    return past_folders


@pytest.fixture
def ledger_con(built_folders: Folders) -> Iterator[duckdb.DuckDBPyConnection]:
    """The built ledger, open for reading."""
    with ledger(built_folders) as con:
        yield con


@pytest.fixture
def published(built_folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """A copy of the built ledger with its archive and data, to change at will."""
    shutil.copytree(built_folders.data, tmp_path / "data")
    folders = Folders(tmp_path / "data")
    monkeypatch.setenv("HMA_DATA", str(folders.data))
    return folders


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Server]:
    """An S3 server for all tests of this process; take :func:`s3`."""
    from tests.s3 import served  # a second to import

    with served() as server:
        yield server


@pytest.fixture
def s3(s3_server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The server, named by the environment and well again."""
    from tests.s3 import set_up

    set_up(s3_server, monkeypatch)
    s3_server.faults.clear()
    s3_server.asked.clear()
    yield s3_server
    s3_server.faults.clear()


@pytest.fixture(scope="session")
def postgres() -> Iterator[lakes.Server]:
    """A PostgreSQL server, once for all tests of this process."""
    lakes.require()
    with lakes.serving() as server:
        yield server


@pytest.fixture
def pool() -> Iterator[None]:
    """Whoever asks finds the ledger anew, and lets go of it afterwards."""
    ledgers.cache_clear()
    limits.cache_clear()
    yield
    limits.cache_clear()
    if ledgers.cache_info().currsize:
        ledgers().close()
    ledgers.cache_clear()
