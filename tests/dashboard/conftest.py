"""What the tests of the pages share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dashboard.current import ledgers, limits


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
