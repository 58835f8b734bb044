"""When a publisher was last reached, and whether that is too long ago: asked anew at every page view.

A dead man's switch: nothing has to run for a source to turn overdue. The day of the last contact is
what the fetching remembers beside the archive, or that of the newest vintage where this is lost. A copy
that a person gave is no contact. What is too long is said in one place, :mod:`etl.due`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from etl.due import Level, level
from etl.memory import Memory
from etl.settings import folders

BY_HAND: Final = "given by hand"


@dataclass(frozen=True)
class Contact:
    """The last contact, and how it stands with it: amber when overdue or stale, red when dark."""

    last: date | None
    level: Level
    words: str  # nothing when calm


def last_of(name: str, vintages: Iterable[Mapping[str, Any]]) -> date | None:
    """The day on which what is remembered under ``name`` was last had; ``vintages`` are its files."""
    days = [
        date.fromisoformat(row["retrieved"][:10])
        for row in vintages
        if not str(row["origin"]).startswith(BY_HAND)
    ]
    remembered = Memory.of(folders().archive, name).last_good
    return max([*days, *([date.fromisoformat(remembered)] if remembered else [])], default=None)


def judged(
    last: date | None,
    every_days: int | None,
    dark_after_days: int | None,
    said: str | None = None,
    today: date | None = None,
) -> Contact:
    """How it stands; ``said`` is ``stale`` or ``dark`` where the ledger says so.

    Where nothing is expected, or nothing was ever had, nothing is overdue.
    """
    colour, words = level(
        last, every_days, dark_after_days, today or datetime.now(UTC).date(), said
    )
    return Contact(last, colour, words)


def badge(contact: Contact) -> str:
    """The words in the colour of the level, for a table; nothing when calm."""
    colours = {"amber": "orange", "red": "red"}
    return (
        f":{colours[contact.level]}-badge[{contact.words.replace(':', ',')}]"
        if contact.words
        else ""
    )
