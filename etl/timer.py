"""What starts ``hma refresh --due`` every hour where a scheduler is at hand: units of systemd, or a cron line.

They are written to a folder that the user names, or shown; putting them in place is left to whoever may.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import string
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from etl.archive import write_safely
from etl.homes import HomeError, address
from etl.settings import PACKAGE, StoreError, lake_of

DEPLOY: Final = PACKAGE / "deploy"
UNITS: Final = ("hma-refresh.service", "hma-refresh.timer")
# What neither systemd nor cron nor a shell reads anything into.
_PLAIN: Final = re.compile(r"/[A-Za-z0-9/._+@-]*")
_WORDS: Final = re.compile(r"[A-Za-z0-9 /._+@:=,?&~-]+")  # the same between quotation marks
_NAME: Final = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_HOMES: Final = ("/home", "/root", "/run/user")
_ROWS: Final = "HMA_STORE_DATA"
CARRIED: Final = (
    "HMA_STORE",
    _ROWS,
    "HMA_ARCHIVE",
)  # where ledger and archive are; no secret among them


class TimerError(Exception):
    """It cannot be written so; the message says why."""


@dataclass(frozen=True)
class Installation:
    """Where things lie, and who runs them."""

    hma: Path
    data: Path
    config: Path
    user: str
    homes: Mapping[str, str] = field(default_factory=dict)  # those of CARRIED that are set

    def values(self) -> dict[str, str]:
        """What is put into the templates.

        Raises:
            TimerError: a path or a name holds what systemd or cron would read something into, or a setting that
                names a home names none.
        """
        rows = self.homes.get(_ROWS)
        in_folder = {_ROWS: Path(rows)} if rows and not rows.startswith("s3://") else {}
        paths = {"hma": self.hma, "data": self.data, "config": self.config, **in_folder}
        for what, path in paths.items():
            if not _PLAIN.fullmatch(str(path)):
                raise TimerError(
                    f"{what} is {path}: systemd and cron need a whole path of letters, digits and /._+@- only"
                )
        self._require_homes()
        if not _NAME.fullmatch(self.user):
            raise TimerError(f"{self.user!r} is no name of a user")
        if self.user == "root":
            raise TimerError("not as root: name a user of its own by --user")
        said = [*map(str, paths.values()), *re.split(r"[ =]", " ".join(self.homes.values()))]
        in_a_home = any(Path(each).is_relative_to(home) for each in said for home in _HOMES)
        outside = [path for path in in_folder.values() if not path.is_relative_to(self.data)]
        return {
            **{what: str(paths[what]) for what in ("hma", "data", "config")},
            "user": self.user,
            "home": "read-only" if in_a_home else "yes",
            "homes": "".join(f'\nEnvironment="{name}={said}"' for name, said in self.homes.items()),
            "writable": " ".join(map(str, [self.data, *outside])),
        }

    def _require_homes(self) -> None:
        """Raise TimerError for a setting that names no home, or that cannot be written down; it isn't repeated."""
        try:
            lake_of(self.homes.get("HMA_STORE", "file"), self.data)
            address(self.homes.get("HMA_ARCHIVE", "s3://bucket"))
        except (StoreError, HomeError) as error:
            raise TimerError(str(error)) from error
        for name, said in self.homes.items():
            if not _WORDS.fullmatch(said):
                raise TimerError(
                    f"{name} holds other signs than letters, digits, spaces and /._+@:=,?&~-, into which systemd "
                    "or cron would read something; write it without them"
                )


def homes_set() -> dict[str, str]:
    """What the environment says of where ledger and archive are."""
    return {name: os.environ[name] for name in CARRIED if os.environ.get(name)}


def own_command() -> Path:
    """The ``hma`` of the Python that runs this, or else of the path."""
    beside = Path(sys.executable).with_name("hma")
    found = beside if beside.is_file() else shutil.which("hma")
    return Path(found) if found else beside


def unit(name: str, installation: Installation) -> str:
    """The text of one unit."""
    template = string.Template((DEPLOY / name).read_text(encoding="utf-8"))
    return template.substitute(installation.values())


def write_units(folder: Path, installation: Installation) -> list[Path]:
    """Write the units into ``folder``; those that are there and say something else are left.

    Raises:
        TimerError: one is there and says something else, or a value is none that may be written.
    """
    texts = {folder / name: unit(name, installation) for name in UNITS}
    for path, text in texts.items():
        if path.is_symlink() or (path.exists() and path.read_bytes() != text.encode()):
            raise TimerError(f"{path} is there and says something else; nothing was written")
    for path, text in texts.items():
        write_safely(path, text.encode())
    return list(texts)


def cron_line(installation: Installation) -> str:
    """A line for ``crontab -e`` of the user who runs it."""
    values = installation.values()
    homes = "".join(f"{name}={shlex.quote(said)} " for name, said in installation.homes.items())
    return (
        f"7 * * * * HMA_DATA={values['data']} HMA_CONFIG={values['config']} {homes}HMA_LOG=json "
        f"{values['hma']} refresh --due"
    )
