"""The published ledgers of this process: one pool for pages, API and feed; and its settings."""

from __future__ import annotations

from contextvars import ContextVar
from functools import cache
from typing import Final

from etl.config import ApiConfig, config
from etl.settings import folders
from etl.store import Lease, Ledgers, home

# The ledger that a page run is pinned to.
LEASE: Final[ContextVar[Lease]] = ContextVar("lease")


@cache
def ledgers() -> Ledgers:
    """The pool that follows ``CURRENT``, or the lake."""
    return Ledgers(home(folders()))


@cache
def limits() -> ApiConfig:
    """The limits of the API, read once.

    Raises:
        ConfigError: as :func:`etl.config.config`.
    """
    return config().api


def as_of() -> int | None:
    """The refresh that the page looks back to; None for the ledger as it is."""
    lease = LEASE.get(None)
    return lease.as_of if lease else None
