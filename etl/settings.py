"""Where things lie.

``HMA_DATA`` names the data folder; without it, the ``data`` folder beside the package is used (a
clone of the project), else ``data`` in the current folder. ``HMA_ARCHIVE`` may name another home of
the archive, in object storage (:mod:`etl.homes`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PACKAGE: Path = Path(__file__).parent


@dataclass(frozen=True)
class Folders:
    """The folders of one installation."""

    data: Path
    archive_home: str | None = None  # as HMA_ARCHIVE says it; see etl.homes

    @property
    def transcribed(self) -> Path:
        """Figures transcribed from published reports: the embedded data."""
        return self.data / "transcribed"

    @property
    def registers(self) -> Path:
        """Registers that the user of this installation added, each with its mapping."""
        return self.data / "registers"

    @property
    def reference(self) -> Path:
        """Areas and the world map."""
        return self.data / "reference"

    @property
    def archive(self) -> Path:
        """Every vintage, by SHA-256; of an archive that lies elsewhere what this machine needs of it."""
        return self.data / "archive"

    @property
    def ledger(self) -> Path:
        """Published ledgers and CURRENT."""
        return self.data / "ledger"

    @property
    def state(self) -> Path:
        """What this machine remembers of its own runs and of what it told whom."""
        return self.data / "state"


def folders() -> Folders:
    """The folders of this installation (see the module docstring)."""
    named, home = os.environ.get("HMA_DATA"), os.environ.get("HMA_ARCHIVE") or None
    if named:
        return Folders(Path(named).resolve(), home)
    beside = PACKAGE.parent / "data"
    return Folders(beside if beside.is_dir() else Path.cwd() / "data", home)
