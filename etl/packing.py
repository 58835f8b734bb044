"""Packing for the archive: a file is hashed and compressed in one pass, also while it still comes.

Hashing and Zstandard each keep a processor busy and let Python go on meanwhile, so the hash has a thread
of its own, which is done sooner than with a thread of Zstandard's. A file that is being written, by a download or
by unpacking, is packed meanwhile (:class:`Along`): a thread reads what has been written, waits for more, and
is done soon after the last byte. What it made is used only if the file is whole and still the very one that
was read along; whatever else happens, nothing of it stays.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, Self

import zstandard

from etl import magic

PACKED: Final = ".zst"
LEVEL: Final = 1  # three times as fast as the default, for a tenth more disk
CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class Packed:
    """What a file became: ``path`` holds it compressed, flushed to disk; the hash and size are its own."""

    path: Path
    sha256: str
    size_bytes: int
    last_byte: bytes
    packed_sha256: str


class Readable(Protocol):
    """What is packed: a stream that gives nothing at its end."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes."""


def pack(plain: Readable, into: Path) -> Packed:
    """Compress a stream into a new file, and hash what goes in and what comes out.

    Raises:
        OSError: it cannot be read or written; nothing is left of ``into``.
    """
    digest, packed_digest, size_bytes, last_byte = hashlib.sha256(), hashlib.sha256(), 0, b""
    packer = zstandard.ZstdCompressor(LEVEL, write_checksum=True).compressobj()
    try:
        with ThreadPoolExecutor(1) as beside, into.open("wb") as file:

            def put(piece: bytes) -> None:
                packed_digest.update(piece)
                file.write(piece)

            while chunk := plain.read(CHUNK_BYTES):
                hashed = beside.submit(digest.update, chunk)
                size_bytes += len(chunk)
                last_byte = chunk[-1:]
                put(packer.compress(chunk))
                hashed.result()
            put(packer.flush())
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        into.unlink(missing_ok=True)
        raise
    return Packed(into, digest.hexdigest(), size_bytes, last_byte, packed_digest.hexdigest())


class _DroppedError(Exception):
    """Nobody wants the rest."""


class _Growing:
    """A file that is being written, as a stream that waits for what is to come."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self._news = threading.Condition()
        self._written, self._read = 0, 0
        self._is_whole = self._is_dropped = False
        self.identity: tuple[int, ...] = ()

    def grown(self, size_bytes: int) -> None:
        """So many bytes are written and stay; whoever writes calls this last when it writes no more."""
        with self._news:
            self._written = size_bytes
            self.identity = _identity(os.fstat(self._file.fileno()))
            self._news.notify()

    def whole(self) -> None:
        with self._news:
            self._is_whole = True
            self._news.notify()

    def drop(self) -> None:
        with self._news:
            self._is_dropped = True
            self._news.notify()

    def close(self) -> None:
        self._file.close()

    def read(self, size: int, /) -> bytes:
        """The next bytes, as soon as so many are there or no more will come; nothing at the end."""
        with self._news:
            self._news.wait_for(
                lambda: self._is_dropped or self._is_whole or self._written - self._read >= size
            )
            if self._is_dropped:
                raise _DroppedError
            most = min(size, self._written - self._read)
        chunk = self._file.read(most)
        if len(chunk) < most:
            raise _DroppedError  # somebody else cut it; the archive reads what is there
        if self._read == 0 and magic.archive_kind(chunk[: magic.START_BYTES]):
            raise _DroppedError  # it has to be unpacked, and that is kept
        self._read += len(chunk)
        return chunk


class Along:
    """Packs one file while it is written, attempt by attempt."""

    def __init__(self, into: Path) -> None:
        """Pack into the file ``into``, which is removed unless it is taken from there."""
        self._into = into
        self._growing: _Growing | None = None
        self._thread: threading.Thread | None = None
        self._packed: Future[Packed] = Future()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()

    def begin(self, path: Path) -> None:
        """An attempt writes to ``path``, or goes on with what lies there; what was packed before is void."""
        self._drop()
        self._into.parent.mkdir(parents=True, exist_ok=True)
        self._growing, self._packed = _Growing(path), Future()
        self._thread = threading.Thread(
            target=_carry_out,
            args=(self._packed, lambda stream=self._growing: pack(stream, self._into)),
            daemon=True,
        )
        self._thread.start()

    def grown(self, size_bytes: int) -> None:
        """The first ``size_bytes`` of the file are written, and stay."""
        if self._growing:
            self._growing.grown(size_bytes)

    def packed(self, path: Path) -> Packed | None:
        """What the file at ``path`` became; None if that is not the file that was read along, to its end.

        Raises:
            OSError: it could not be read or written.
        """
        if not self._growing or self._growing.identity != _identity(path.stat()):
            return None
        self._growing.whole()
        try:
            found = self._packed.result()
        except _DroppedError:
            return None
        return found if found.size_bytes == path.stat().st_size else None

    def _drop(self) -> None:
        if self._growing and self._thread:
            self._growing.drop()
            self._thread.join()
            self._growing.close()
        self._growing = self._thread = None
        self._into.unlink(missing_ok=True)


def _carry_out(into: Future[Packed], work: Callable[[], Packed]) -> None:
    try:
        into.set_result(work())
    except BaseException as error:
        into.set_exception(error)


def _identity(found: os.stat_result) -> tuple[int, ...]:
    """What changes when another file is put in its place, or somebody writes to it."""
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
