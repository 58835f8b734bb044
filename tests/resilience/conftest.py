"""Folders to break, made once for all tests of a process; each test breaks a copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl.settings import Folders
from tests.resilience import kills, lab
from tests.resilience.traps import Call


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """Some refreshes, and a change that waits for the next one."""
    return lab.pristine(tmp_path_factory.mktemp("pristine") / "data")


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """Where a copy goes; other files of a test may lie beside it."""
    return tmp_path / "data"


@pytest.fixture(scope="session")
def calls(pristine: Folders, tmp_path_factory: pytest.TempPathFactory) -> list[Call]:
    """The calls of an undisturbed refresh of ``pristine``."""
    return kills.calls_of(pristine, tmp_path_factory.mktemp("undisturbed") / "data")
