"""What starts ``hma refresh --due`` every hour where a scheduler is at hand: units of systemd, or a cron line.

They are written to a folder that the user names, or shown; putting them in place is left to whoever may.
"""

from __future__ import annotations

import re
import shutil
import string
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from etl.archive import write_safely
from etl.settings import PACKAGE

DEPLOY: Final = PACKAGE / "deploy"
UNITS: Final = ("hma-refresh.service", "hma-refresh.timer")
# What neither systemd nor cron nor a shell reads anything into.
_PLAIN: Final = re.compile(r"/[A-Za-z0-9/._+@-]*")
_NAME: Final = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_HOMES: Final = ("/home", "/root", "/run/user")


class TimerError(Exception):
    """It cannot be written so; the message says why."""


@dataclass(frozen=True)
class Installation:
    """Where things lie, and who runs them."""

    hma: Path
    data: Path
    config: Path
    user: str

    def values(self) -> dict[str, str]:
        """What is put into the templates.

        Raises:
            TimerError: a path or a name holds what systemd or cron would read something into.
        """
        paths = {"hma": self.hma, "data": self.data, "config": self.config}
        for what, path in paths.items():
            if not _PLAIN.fullmatch(str(path)):
                raise TimerError(
                    f"{what} is {path}: systemd and cron need a whole path of letters, digits and /._+@- only"
                )
        if not _NAME.fullmatch(self.user):
            raise TimerError(f"{self.user!r} is no name of a user")
        if self.user == "root":
            raise TimerError("not as root: name a user of its own by --user")
        in_a_home = any(path.is_relative_to(home) for path in paths.values() for home in _HOMES)
        values = {what: str(path) for what, path in paths.items()}
        return {**values, "user": self.user, "home": "read-only" if in_a_home else "yes"}


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
    return (
        f"7 * * * * HMA_DATA={values['data']} HMA_CONFIG={values['config']} HMA_LOG=json "
        f"{values['hma']} refresh --due"
    )
