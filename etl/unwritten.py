"""A file whose bytes were hashed, and the certainty that nobody has written to it since.

In our own folder the file's times tell. Elsewhere they do not: what is written through a mapping in memory
may leave them as they were. There Linux can be asked for a lease (fcntl(2), F_SETLEASE), which it grants only
while nobody has the file open or mapped for writing, and breaks when somebody wants to. Where it grants none
(another system, a network's disk, another user's file), the file is not used. Whoever wants to write has to
wait until it is let go, so a lease is asked for only where unpacking would take a while.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Final

if sys.platform == "linux":
    import fcntl

WORTH_BYTES: Final = 1 << 26  # a smaller file is unpacked in no time


class Unwritten:
    """A file that is held open to be read again, and whether it is still what it was."""

    def __init__(self, path: Path, *, is_ours: bool) -> None:
        """Begin to watch the file at ``path``, before its bytes are hashed."""
        self._path = path
        self._is_ours = is_ours
        self._descriptor = os.open(path, os.O_RDONLY)
        self._identity = self._now()
        is_worth_it = os.fstat(self._descriptor).st_size >= WORTH_BYTES
        self._is_leased = not is_ours and is_worth_it and _lease(self._descriptor)

    @property
    def path(self) -> Path:
        """Where to read it: of others' files the very one that is held, whatever the name leads to by then."""
        return self._path if self._is_ours else Path(f"/proc/self/fd/{self._descriptor}")

    @property
    def path_for_others(self) -> Path:
        """The same, for another process of this user."""
        if self._is_ours:
            return self._path
        return Path(f"/proc/{os.getpid()}/fd/{self._descriptor}")

    def holds(self) -> bool:
        """Nobody has written to it."""
        if not self._is_ours and not (self._is_leased and _has_lease(self._descriptor)):
            return False
        try:
            return self._now() == self._identity
        except OSError:
            return False

    def close(self) -> None:
        """Let it go; a writer who waited for the lease goes on."""
        os.close(self._descriptor)

    def _now(self) -> tuple[int, ...]:
        found = self._path.stat() if self._is_ours else os.fstat(self._descriptor)
        return (
            found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns,
        )  # fmt: skip


def _lease(descriptor: int) -> bool:
    """Ask for the lease; the signal of a writer to come is one that does nothing by itself."""
    if sys.platform != "linux":
        return False
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError:
        return False
    return True


def _has_lease(descriptor: int) -> bool:
    return sys.platform == "linux" and fcntl.fcntl(descriptor, fcntl.F_GETLEASE) == fcntl.F_RDLCK
