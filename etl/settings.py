"""Where things lie.

``HMA_DATA`` names the data folder; without it, the ``data`` folder beside the package is used (a
clone of the project), else ``data`` in the current folder. ``HMA_ARCHIVE`` may name another home of
the archive, in object storage (:mod:`etl.homes`).

``HMA_STORE`` names the home of the ledger: ``file`` (also without it) is the DuckDB files in the data
folder, ``ducklake:postgres:…`` a lake (:mod:`etl.lake`), with the words by which PostgreSQL's own library
connects. A password has no place among them: it comes from ``PGPASSWORD`` or from the file that
``PGPASSFILE`` or ``passfile=`` names. ``HMA_STORE_DATA`` is where a new lake keeps its rows.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

PACKAGE: Path = Path(__file__).parent
FILE: Final = "file"
HOME: Final = "HOME"  # in an archive that lies elsewhere, says where (see etl.homes)
LAKE: Final = "ducklake:postgres:"
# What a lake and an archive in object storage need, where it is missing.
INSTALL: Final = "`make lake` adds it, or pip install --require-hashes -r etl/deploy/lake.lock"
_PASSWORD: Final = re.compile(r"(?is)\b(ssl)?password\s*=|://.*:.*@|\?.*password")
_PASSFILE: Final = re.compile(
    r"((?:[?&]|\b)passfile\s*=\s*)(?:(?<=[?&]passfile=)([^&\s]+)|'([^'\\]*)'|([^'\s\\]+))"
)


class StoreError(ValueError):
    """The name of a home is none, or holds what does not belong into it; no message repeats its words."""


@dataclass(frozen=True)
class Lake:
    """A lake: the words by which its catalog is reached, and where its rows lie once it is made."""

    catalog: str
    data: str


@dataclass(frozen=True)
class Folders:
    """The folders of one installation."""

    data: Path
    lake: Lake | None = None
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
    """The folders of this installation (see the module docstring).

    Raises:
        StoreError: ``HMA_STORE`` names no home.
    """
    named = os.environ.get("HMA_DATA")
    beside = PACKAGE.parent / "data"
    data = Path(named).resolve() if named else beside if beside.is_dir() else Path.cwd() / "data"
    return Folders(
        data,
        lake_of(os.environ.get("HMA_STORE") or FILE, data),
        os.environ.get("HMA_ARCHIVE") or None,
    )


def lake_of(store: str, data: Path) -> Lake | None:
    """The lake that ``store`` names; None where it names the files in the folder ``data``.

    Raises:
        StoreError: it names neither, or holds a password.
    """
    if store == FILE:
        return None
    if not store.startswith(LAKE) or not store.removeprefix(LAKE).strip():
        raise StoreError(
            f"HMA_STORE takes {FILE} or {LAKE}… with the words of a PostgreSQL connection"
        )
    if _PASSWORD.search(store):
        raise StoreError(
            "HMA_STORE holds a password, which does not belong into it; set PGPASSWORD in the environment, "
            "or let passfile= or PGPASSFILE name a file that holds it"
        )
    rows = os.environ.get("HMA_STORE_DATA") or str(data / "lake")
    if not rows.startswith("s3://"):
        rows = str(Path(rows).absolute())
    return Lake(_PASSFILE.sub(_absolute, store.removeprefix(LAKE).strip()), rows)


def _absolute(passfile: re.Match[str]) -> str:
    """``passfile=`` and a path that holds in every working folder; a command may change its own."""
    path = unquote(passfile[2]) if passfile[2] else passfile[3] or passfile[4]
    if not path or path.startswith("/"):
        return passfile[0]
    whole = str(Path(path).absolute())
    if passfile[2]:  # in an address
        return f"{passfile[1]}{quote(whole)}"
    if not re.search(r"[\s'\\]", whole):
        return f"{passfile[1]}{whole}"
    escaped = re.sub(r"(['\\])", r"\\\1", whole)
    return f"{passfile[1]}'{escaped}'"
