"""The archive: every vintage, under the SHA-256 of its bytes, kept for ever.

Bytes come in before anything is parsed, and are never changed afterwards: an object is written
beside its place, flushed to disk and renamed, so it is either whole or absent. ``manifest.jsonl``
says which source each vintage belongs to, when it came and from where; a line is added only after
its object is safe, and a torn last line (a crash while writing) is cut off at the next write.

    archive/sha256/ab/ab12…   the bytes
    archive/manifest.jsonl    one JSON object a vintage: source_id, file, sha256, …
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path


class ArchiveError(Exception):
    """An archived object is missing or its bytes have changed."""


@dataclass(frozen=True)
class Vintage:
    """One file of one source at one retrieval."""

    source_id: str
    file: str
    sha256: str
    size_bytes: int
    retrieved_at: str
    origin: str


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, without holding it in memory."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def fsync_folder(folder: Path) -> None:
    """Make renames within ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_safely(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` so that readers see the old file or the new one, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    fsync_folder(path.parent)


class Archive:
    """The vintages below one folder."""

    def __init__(self, root: Path) -> None:
        """Use ``root``; it is made on the first write."""
        self.root = root
        self.manifest = root / "manifest.jsonl"

    def path(self, sha256: str) -> Path:
        """Where the bytes with this hash lie."""
        return self.root / "sha256" / sha256[:2] / sha256

    def put(self, source_id: str, file: str, content: bytes, origin: str) -> Vintage:
        """Keep ``content`` and return its vintage; bytes that are already here are not rewritten."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.path(sha256)
        if not path.exists() or path.stat().st_size != len(content):
            write_safely(path, content)
        for known in self.vintages():
            if (known.source_id, known.file, known.sha256) == (source_id, file, sha256):
                return known
        now = datetime.now(UTC).isoformat(timespec="seconds")
        vintage = Vintage(source_id, file, sha256, len(content), now, origin)
        self._append(vintage)
        return vintage

    def get(self, sha256: str) -> bytes:
        """The bytes with this hash.

        Raises:
            ArchiveError: they are missing, or no longer have this hash.
        """
        path = self.path(sha256)
        if not path.is_file():
            raise ArchiveError(f"{path} is missing; restore the archive from a backup")
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ArchiveError(f"{path} no longer has its SHA-256; restore it from a backup")
        return content

    def line(self, sha256: str, locator: str) -> tuple[str, str]:
        """The first line of an archived text and the one that ``locator`` names.

        Lines are counted as :mod:`etl.reading` counts them: only line feeds and carriage returns end
        one.

        Raises:
            ArchiveError: the bytes are missing or altered.
        """
        lines = io.StringIO(self.get(sha256).decode("utf-8-sig"), newline=None).read().split("\n")
        return lines[0], lines[int(locator.rpartition(" line ")[2]) - 1]

    def vintages(self) -> Iterator[Vintage]:
        """Every vintage in the order of retrieval."""
        if not self.manifest.exists():
            return
        with self.manifest.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if not line.endswith("\n"):  # torn by a crash; the next write cuts it off
                    continue
                try:
                    yield Vintage(**json.loads(line))
                except (ValueError, TypeError) as error:
                    raise ArchiveError(
                        f"{self.manifest} line {number} is not what was written ({error}); restore the "
                        "file from a backup"
                    ) from error

    def sweep(self) -> None:
        """Remove the half-written files that a killed run left; no object and no manifest is one."""
        for left in self.root.rglob(".*.part"):
            left.unlink()

    def _append(self, vintage: Vintage) -> None:
        with self.manifest.open("ab+") as file:
            self._cut_torn_line(file.fileno())
            file.write(json.dumps(asdict(vintage), ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        fsync_folder(self.root)

    @staticmethod
    def _cut_torn_line(descriptor: int) -> None:
        size = os.fstat(descriptor).st_size
        tail = os.pread(descriptor, min(size, 1 << 16), max(0, size - (1 << 16)))
        if tail and not tail.endswith(b"\n"):
            os.ftruncate(descriptor, size - (len(tail) - tail.rfind(b"\n") - 1))
