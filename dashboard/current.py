"""The published ledgers of this process: one pool for pages and API."""

from __future__ import annotations

from functools import cache

from etl.settings import folders
from etl.store import Ledgers


@cache
def ledgers() -> Ledgers:
    """The pool that follows ``CURRENT``."""
    return Ledgers(folders().ledger)
