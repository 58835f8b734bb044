"""A disk that fails or is full: a sentence, an exit code, and everything as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl.settings import Folders
from tests.resilience import disk


def test_a_call_that_fails_ends_the_command_with_a_sentence(
    pristine: Folders, scratch: Path
) -> None:
    result = disk.run_calls(pristine, scratch, 5)
    assert result.failures == []
    assert result.tried == 5


def test_files_that_cannot_grow_end_the_command_with_a_sentence(
    pristine: Folders, scratch: Path
) -> None:
    assert disk.run_limits(pristine, scratch, 4).failures == []


def test_system_calls_that_fail_or_are_the_last_lose_nothing(
    pristine: Folders, scratch: Path
) -> None:
    reason = disk.why_no_strace(scratch)
    if reason:
        pytest.skip(reason)
    assert disk.run_strace(pristine, scratch, 4).failures == []
