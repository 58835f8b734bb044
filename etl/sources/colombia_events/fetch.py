"""Colombia's register of mine events, from the portal's interface; see :mod:`etl.soda`."""

from __future__ import annotations

from etl.session import Session
from etl.soda import bring
from etl.sources.colombia_events.read import FILE


def fetch(session: Session) -> None:
    """Bring the register up to date.

    Raises:
        FetchError: it cannot be had, or changed while it was asked for.
    """
    bring(session, FILE)
