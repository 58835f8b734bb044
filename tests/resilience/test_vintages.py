"""Every kind of broken vintage is stopped by the check that is meant for it."""

from __future__ import annotations

import pytest

from etl.settings import Folders
from tests.resilience import lab, vintages

EVERY = vintages.KINDS | vintages.CUTS
SAMPLE = lab.sample(list(EVERY), 24)


@pytest.mark.parametrize("name", SAMPLE)
def test_a_broken_vintage_is_stopped_and_changes_no_figure(published: Folders, name: str) -> None:
    assert vintages.try_kind(published, name, EVERY[name]) == []
