"""A reader of the API: the application without a server, on a ledger of the test's own choosing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from dashboard.api import api
from etl.settings import Folders


@pytest.fixture
def reader(pool: None) -> Iterator[TestClient]:
    """A reader of the ledger that HMA_DATA names when the first question comes."""
    with TestClient(api) as client:
        yield client


@pytest.fixture
def client(
    built_folders: Folders, reader: TestClient, monkeypatch: pytest.MonkeyPatch
) -> TestClient:
    """A reader of the ledger built from the embedded data."""
    monkeypatch.setenv("HMA_DATA", str(built_folders.data))
    return reader
