"""What is remembered of asking publishers: a small file beside the archive for each thing asked for.

It can be lost without harm: what was fetched is fetched once more, and the day of the last contact is
then that of the newest vintage.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from etl.archive import write_safely

DAY: Final = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"


class Remembered(BaseModel):
    """A file as the publisher gave it last."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: str
    sha256: str
    etag: str | None
    last_modified: str | None


class Memory(BaseModel):
    """What is remembered of asking for one source, or for one page that is watched; days are ISO 8601."""

    model_config = ConfigDict(extra="forbid", strict=True)

    files: dict[str, Remembered] = {}
    failing_since: str | None = Field(default=None, pattern=DAY)
    last_good: str | None = Field(default=None, pattern=DAY)
    _path: Path = PrivateAttr()

    @classmethod
    def of(cls, archive: Path, name: str) -> Memory:
        """What was written down last under ``name``; nothing if there is nothing that can be read."""
        path = archive / "fetched" / f"{name}.json"
        try:
            memory = cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            memory = cls()
        memory._path = path
        return memory

    @property
    def path(self) -> Path:
        """Where it is written down."""
        return self._path

    def keep(self) -> None:
        """Write it down."""
        write_safely(self._path, self.model_dump_json(indent=1).encode())

    def failed(self, today: date) -> str:
        """Remember that it could not be had; gives the first day of that."""
        self.failing_since = self.failing_since or today.isoformat()
        self.keep()
        return self.failing_since

    def had(self, today: date) -> None:
        """Remember that it was had, changed or not."""
        self.failing_since, self.last_good = None, today.isoformat()
        self.keep()


def silence(
    last_good: str | None, since: str, today: date, dark_after_days: int
) -> tuple[str, str]:
    """``stale`` or ``dark``, and since when, of what could not be had today.

    ``last_good`` is the last day on which it was had, ``since`` the first on which it was not.
    """
    days = (today - date.fromisoformat(last_good)).days if last_good else 0
    last = f"last fetched {last_good}" if last_good else "never fetched yet"
    return "dark" if days > dark_after_days else "stale", f"not fetched since {since} ({last})"
