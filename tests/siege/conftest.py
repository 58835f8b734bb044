"""What the tests of the siege share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dashboard.current import ledgers, limits


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
