"""Copies of archived objects that lie on this machine for a while, because somebody reads them.

    archive/borrowed/sha256/ab/ab12….zst    in the layout of an archive, so that a reader needs to know no other

A copy is proved by whoever takes it up, and is held while it is read: by a lock of the operating system,
which ends with its holder. What nobody holds may go, the one that was not read for longest first, so that
all together stay below a limit. All of it can be removed at any time.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from etl.archive import ArchiveError
from etl.packing import PACKED

if sys.platform != "win32":
    import fcntl

MOST_BYTES: Final = 4 << 30
COMING: Final = ".coming"
YOUNG_SECONDS: Final = 60  # a file that somebody may be about to lock


class Borrowed:
    """The copies below one folder."""

    def __init__(self, root: Path, most_bytes: int = MOST_BYTES) -> None:
        """Use ``root``; it is made when something is borrowed."""
        self.root = root
        self._most_bytes = most_bytes
        self._held: dict[Path, int] = {}

    def find(self, sha256: str) -> Path | None:
        """The copy with this name, held from now on; None if there is none. Its hash is not checked."""
        for name in (sha256, f"{sha256}{PACKED}"):
            path = self.root / "sha256" / sha256[:2] / name
            if path in self._held or self._hold(path):
                return path
        return None

    @contextmanager
    def coming(self) -> Iterator[Path]:
        """A new file to write a copy into; removed unless it is kept.

        Raises:
            ArchiveError: it cannot be written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            path = self.root / f".{os.getpid()}-{secrets.token_hex(8)}{COMING}"
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        except OSError as error:
            raise ArchiveError(f"{self.root} cannot be written to ({error.strerror})") from error
        try:
            _lock(descriptor)
            yield path
        finally:
            path.unlink(missing_ok=True)
            os.close(descriptor)

    def keep(self, coming: Path, sha256: str, name: str) -> Path:
        """Name a copy that has come whole, hold it, and make room for it."""
        place = self.root / "sha256" / sha256[:2] / name
        place.parent.mkdir(parents=True, exist_ok=True)
        self.drop(place)
        coming.replace(place)
        self._hold(place)
        self.make_room()
        return place

    def drop(self, path: Path) -> None:
        """Remove a copy."""
        if path in self._held:
            os.close(self._held.pop(path))
        path.unlink(missing_ok=True)

    def release(self) -> None:
        """Hold nothing any more."""
        while self._held:
            os.close(self._held.popitem()[1])

    def make_room(self) -> None:
        """Remove what nobody holds until the rest is below the limit, and what a killed run left."""
        for left in self.root.glob(f".*{COMING}"):
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > YOUNG_SECONDS:
                    _remove_unheld(left)
        found = []
        for path in self.root.glob("sha256/*/*"):
            with suppress(OSError):  # another process made room
                about = path.stat()
                found.append((about.st_mtime, about.st_size, path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self._most_bytes:
                return
            if path not in self._held and _remove_unheld(path):
                total -= size

    def _hold(self, path: Path) -> bool:
        """Hold a file that is there; it cannot be removed by others from now on."""
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError:
            return False
        _lock(descriptor)
        try:
            is_there = os.path.samestat(os.fstat(descriptor), path.stat())
            with suppress(OSError):  # a copy of another user
                os.utime(path)
        except OSError:
            is_there = False
        if not is_there:  # removed in between
            os.close(descriptor)
            return False
        self._held[path] = descriptor
        return True


def _lock(descriptor: int) -> None:
    """Keep others from removing the file; Windows does it by itself."""
    if sys.platform != "win32":
        fcntl.flock(descriptor, fcntl.LOCK_SH)


def _remove_unheld(path: Path) -> bool:
    """Remove a file unless somebody holds it."""
    try:
        if sys.platform == "win32":
            path.unlink()
            return True
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
