"""How much may be asked of a publisher's server: the one set of limits, with its defaults.

What a source's ``source.yml`` sets otherwise stands there (:class:`etl.sources.AskSpec`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How much, how long and how often; times in seconds."""

    max_bytes: int = 1 << 30
    max_seconds: float = 2 * 3600  # one call with all its attempts and waits
    connect_seconds: float = 20
    idle_seconds: float = 60  # the server may be silent so long
    attempts: int = 5
    min_interval_seconds: float = 1  # between two requests to one host
    max_redirects: int = 5
    max_wait_seconds: float = 120  # a longer Retry-After ends the call
