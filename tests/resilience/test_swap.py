"""Ledgers are swapped under readers: no error, no mixed read, nothing held on to."""

from __future__ import annotations

from pathlib import Path

from tests.resilience import swap


def test_readers_never_meet_an_error_or_two_ledgers_at_once(tmp_path: Path) -> None:
    result = swap.run(tmp_path, refreshes=8)
    assert result.failures == []
    assert result.figures["ledgers seen by the threads"] > 3
