"""A refresh killed with -9 at any moment: readers, archive, verification and the next run hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl.settings import Folders
from tests.resilience import kills, lab
from tests.resilience.traps import Call

KILLS_EACH = 1  # `make resilience` makes hundreds


@pytest.mark.parametrize("stage", kills.STAGES)
def test_a_refresh_killed_in_any_stage_loses_nothing(
    pristine: Folders, calls: list[Call], scratch: Path, stage: str
) -> None:
    result = lab.Result()
    for point in kills.points(calls, KILLS_EACH, only=stage):
        result.add(str(point), kills.kill_at(lab.copy(pristine, scratch), point))
    assert result.failures == []
    assert result.tried == KILLS_EACH


def test_a_first_refresh_killed_around_publishing_is_made_good_by_the_next(tmp_path: Path) -> None:
    unborn = lab.unborn(tmp_path / "unborn")
    calls = kills.calls_of(unborn, tmp_path / "data")
    result = lab.Result()
    for stage in ("archive", "rename", "CURRENT"):
        for point in kills.points(calls, 2, only=stage):
            result.add(str(point), kills.kill_at(lab.copy(unborn, tmp_path / "data"), point))
    assert result.failures == []
