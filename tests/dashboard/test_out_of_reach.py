"""A page whose archive is in object storage that does not answer."""

from __future__ import annotations

import pytest

from etl.archive import Archive, UnreachableError
from etl.settings import Folders
from tests.dashboard import pages
from tests.helpers import ask


@pytest.mark.usefixtures("pool")
def test_an_archive_out_of_reach_is_said_without_its_address(
    built_folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_reach(_: Folders) -> Archive:
        raise UnreachableError("s3://a-bucket/ledger does not answer; set AWS_ACCESS_KEY_ID")

    monkeypatch.setenv("HMA_DATA", str(built_folders.data))
    monkeypatch.setattr("etl.homes.archive_of", out_of_reach)
    ((entry_id,),) = ask(built_folders, "SELECT min(entry_id) FROM funding")
    page = pages.visit(monkeypatch, "entry", {"entry": entry_id})
    said = "\n".join(str(box.value) for box in page.app.warning)
    assert "out of reach" in said
    assert "a-bucket" not in said + page.words
    assert "AWS" not in said + page.words
