"""The archive: every vintage, under the SHA-256 of its bytes, kept for ever.

Bytes come in before anything is parsed, and are never changed afterwards: an object is written
beside its place, flushed to disk and renamed, so it is either whole or absent. ``manifest.jsonl``
says which source each vintage belongs to, when it came and from where; a line is added only after
its object is safe, and a torn last line (a crash while writing) is cut off at the next write.

    archive/sha256/ab/ab12…       the bytes of a file that comes with the project
    archive/sha256/ab/ab12….zst   the bytes of a file from outside, compressed (Zstandard)
    archive/manifest.jsonl        one JSON object a vintage: source_id, file, sha256, …

A compressed object is named by the hash of the bytes that it unpacks to, so a vintage has one name
whatever packed it. The hash of the packed form stands in the manifest: every byte on the disk is
vouched for.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final, Literal

import zstandard

from etl.packing import CHUNK_BYTES, PACKED, Along, pack
from etl.unwritten import Unwritten

if sys.platform != "win32":
    import fcntl

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
RESTORE: Final = "restore the archive from a backup"
# What may be held in memory at once; larger files are read piece by piece.
WHOLE_BYTES: Final = 1 << 28


class ArchiveError(Exception):
    """An archived object is missing or its bytes have changed."""


class UnreachableError(ArchiveError):
    """The archive's home does not answer, or refuses: of no source's bytes does this say anything."""


@dataclass(frozen=True)
class Vintage:
    """One file of one source at one retrieval."""

    source_id: str
    file: str
    sha256: str
    size_bytes: int
    retrieved_at: str
    origin: str
    packed_sha256: str | None = field(default=None, compare=False)  # differs between machines


@dataclass(frozen=True)
class Form:
    """In which form an object is kept: as it is, or compressed."""

    name: str  # its hash, and how it is packed
    size_bytes: int

    @property
    def is_packed(self) -> bool:
        """It is compressed."""
        return self.name.endswith(PACKED)


@dataclass(frozen=True)
class Examined:
    """An object that has its SHA-256 where it is kept."""

    packed_sha256: str | None  # the hash of its compressed form; None where it is kept as it is
    is_twice: bool = False  # it lies there in both forms


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


def half(name: str) -> str:
    """The name of a file that is half written, which no other process has; what is left of it is swept up.

    The number of a process does not tell two machines apart that share a folder.
    """
    return f".{name}.{os.getpid()}-{secrets.token_hex(4)}.part"


def write_safely(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` so that readers see the old file or the new one, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(half(path.name))
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    fsync_folder(path.parent)


@dataclass(frozen=True)
class Lent:
    """A file that another process watches, which answers for it."""

    path: Path

    def holds(self) -> bool:
        """It is the other's to say."""
        return True

    def close(self) -> None:
        """It is the other's to let go."""


class Archive:
    """The vintages below one folder."""

    def __init__(self, root: Path) -> None:
        """Use ``root``; it is made on the first write."""
        self.root = root
        self.manifest = root / "manifest.jsonl"
        self._proven: dict[str, bytes] = {}  # hashes checked, or made, here; with the last byte
        self._copies: dict[str, Unwritten | Lent] = {}
        self._left: list[Path] = []

    @classmethod
    def told(cls, root: Path, proven: Mapping[str, bytes], copies: Mapping[str, Path]) -> Archive:
        """The archive as another process knows it, which answers for what it tells: see :meth:`proven`."""
        archive = cls(root)
        archive._proven = dict(proven)
        archive._copies = {sha256: Lent(path) for sha256, path in copies.items()}
        return archive

    def proven(self) -> Mapping[str, bytes]:
        """The hashes that were checked, or made, here, with the last byte of what has them."""
        return self._proven

    def copies(self, wanted: Iterable[str]) -> dict[str, Unwritten]:
        """Of these hashes those whose bytes were taken from a file that nobody has written to since."""
        held = {sha256: self._copies.get(sha256) for sha256 in wanted}
        return {
            sha256: copy
            for sha256, copy in held.items()
            if isinstance(copy, Unwritten) and copy.holds()
        }

    def path(self, sha256: str) -> Path:
        """Where the bytes with this hash lie on this machine, or would lie: as they are, or compressed."""
        plain = self.root / "sha256" / sha256[:2] / sha256
        packed = plain.with_name(f"{sha256}{PACKED}")
        return packed if packed.is_file() and not plain.is_file() else plain

    def where(self, sha256: str) -> str:
        """The same, in words for a person: where they are kept."""
        return str(self.path(sha256))

    def form(self, sha256: str) -> Form | None:
        """In which form the bytes with this hash are kept; None if they are not there."""
        path = self.path(sha256)
        return Form(path.name, path.stat().st_size) if path.is_file() else None

    def has(self, sha256: str) -> bool:
        """The bytes with this hash are there."""
        return self.form(sha256) is not None

    def names(self) -> set[str]:
        """The hashes of all objects that are there, whether a vintage names them or not."""
        found = (path.name for path in self.root.glob("sha256/*/*"))
        # a hidden one is half written by a killed run; the next one sweeps it
        return {name.removesuffix(PACKED) for name in found if not name.startswith(".")}

    def lend(self, wanted: Iterable[str]) -> Path:
        """Where another process of this machine finds these hashes, without asking for anything."""
        del wanted
        return self.root

    def put(self, source_id: str, file: str, content: bytes, origin: str) -> Vintage:
        """Keep ``content`` and return its vintage; bytes that are already here are not rewritten."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.path(sha256)
        if path.suffix != PACKED and not (path.exists() and path.stat().st_size == len(content)):
            write_safely(path, content)
        return self._list(source_id, file, sha256, len(content), origin)

    def along(self) -> Along:
        """What packs a file for :meth:`take` while it still comes."""
        return Along(self.root / half(f"along{PACKED}"))

    def take(
        self, source_id: str, file: str, path: Path, origin: str, along: Along | None = None
    ) -> Vintage:
        """Keep a copy of the file at ``path``, compressed, and return its vintage.

        As :meth:`put`, for a file of any size: it is read once, piece by piece, unless it was packed
        ``along`` with its coming. Until :meth:`let_go` the file itself may be scanned in place of the
        packed object, if it is certain that nobody has written to it (:mod:`etl.unwritten`).
        """
        self.root.mkdir(parents=True, exist_ok=True)
        copy = Unwritten(path, is_ours=path.is_relative_to(self.root))
        try:
            vintage = self._take(source_id, file, path, origin, along)
        except BaseException:
            copy.close()
            raise
        if vintage.sha256 in self._copies or not copy.holds():
            copy.close()
        else:
            self._copies[vintage.sha256] = copy
        return vintage

    def _take(
        self, source_id: str, file: str, path: Path, origin: str, along: Along | None
    ) -> Vintage:
        beside = self.root / half(PACKED)
        found = along and along.packed(path)
        if not found:
            with path.open("rb") as plain:
                found = pack(plain, beside)
        sha256 = found.sha256
        packed_sha256: str | None = found.packed_sha256
        try:
            if self._is_whole(sha256):
                held = self.path(sha256)
                packed_sha256 = file_sha256(held) if held.suffix == PACKED else None
            else:
                plain_path = self.root / "sha256" / sha256[:2] / sha256
                held = plain_path.with_name(f"{sha256}{PACKED}")
                held.parent.mkdir(parents=True, exist_ok=True)
                found.path.replace(held)
                plain_path.unlink(missing_ok=True)  # damaged, or it would have been kept
                fsync_folder(held.parent)
        finally:
            found.path.unlink(missing_ok=True)
        self._proven[sha256] = found.last_byte
        return self._list(source_id, file, sha256, found.size_bytes, origin, packed_sha256)

    def leave(self, path: Path) -> None:
        """Have the file at ``path`` removed at :meth:`let_go`."""
        self._left.append(path)

    def let_go(self) -> None:
        """Forget the files that objects were taken from, and remove those that were left here."""
        while self._copies:
            self._copies.popitem()[1].close()
        while self._left:
            self._left.pop().unlink(missing_ok=True)

    def close(self) -> None:
        """Let go, when nothing more is read."""
        self.let_go()

    @contextmanager
    def scannable(self, sha256: str) -> Iterator[tuple[Path, Literal["none", "zstd"]]]:
        """Where bytes with this hash lie that can be scanned, and how they are packed.

        That is the file they were taken from, if it is certain to hold them still: it need not be unpacked.

        Raises:
            ArchiveError: they are missing or altered, or were altered while the block read them.
        """
        self.prove(sha256)
        copy = self._copies.get(sha256)
        if copy is None or not copy.holds():
            path = self.path(sha256)
            yield path, "zstd" if path.suffix == PACKED else "none"
            return
        yield copy.path, "none"
        if not copy.holds():
            raise ArchiveError(
                "the file was written to while it was read; refresh again when it stays as it is"
            )

    def _is_whole(self, sha256: str) -> bool:
        """The bytes with this hash are there, and have it; those that have not are replaced."""
        try:
            self.prove(sha256)
        except ArchiveError:
            return False
        return True

    def examine(self, sha256: str) -> Examined:
        """Check the hash of the bytes where they are kept, and say how they are kept.

        Raises:
            ArchiveError: they are missing, or no longer have this hash.
        """
        self.prove(sha256)
        path = self.path(sha256)
        if path.suffix == PACKED:
            return Examined(file_sha256(path))
        return Examined(None, is_twice=path.with_name(f"{sha256}{PACKED}").is_file())

    def _list(
        self,
        source_id: str,
        file: str,
        sha256: str,
        size_bytes: int,
        origin: str,
        packed_sha256: str | None = None,
    ) -> Vintage:
        """Add a vintage to the manifest, unless it is there."""
        for known in self._listed():
            if known.packed_sha256 not in {None, packed_sha256} and packed_sha256:
                continue  # its packed form was damaged and has been made anew
            if (known.source_id, known.file, known.sha256) == (source_id, file, sha256):
                return known
        now = datetime.now(UTC).isoformat(timespec="seconds")
        vintage = Vintage(source_id, file, sha256, size_bytes, now, origin, packed_sha256)
        self.enlist(vintage)
        return vintage

    def _listed(self) -> Iterator[Vintage]:
        """The vintages among which a new one is looked for."""
        return self.vintages()

    def get(self, sha256: str) -> bytes:
        """The bytes with this hash.

        Raises:
            ArchiveError: they are missing, or no longer have this hash, or are more than fit in memory.
        """
        with self.open(sha256) as stream:
            content = stream.read(WHOLE_BYTES + 1)
        if len(content) > WHOLE_BYTES:
            raise ArchiveError(
                f"{self.path(sha256)} holds more than {WHOLE_BYTES:,} bytes; read it piece by piece"
            )
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ArchiveError(
                f"{self.path(sha256)} no longer has its SHA-256; restore it from a backup"
            )
        return content

    @contextmanager
    def open(self, sha256: str) -> Iterator[IO[bytes]]:
        """The bytes with this hash as a stream, unpacked; the hash is not checked (see :meth:`prove`).

        Raises:
            ArchiveError: they are missing, or what lies there cannot be unpacked.
        """
        path = self.path(sha256)
        if not path.is_file():
            raise ArchiveError(f"{path} is missing; restore the archive from a backup")
        with path.open("rb") as file:
            if path.suffix != PACKED:
                yield file
                return
            try:
                with zstandard.ZstdDecompressor().stream_reader(file) as unpacked:
                    yield io.BufferedReader(unpacked, CHUNK_BYTES)
            except zstandard.ZstdError as error:
                raise ArchiveError(
                    f"{path} cannot be unpacked ({error}); restore it from a backup"
                ) from error

    @contextmanager
    def plain(self, sha256: str) -> Iterator[Path]:
        """Where the bytes with this hash lie unpacked, for what must jump about in them.

        A copy that had to be unpacked is removed when the block ends; the hash is not checked.

        Raises:
            ArchiveError: they are missing, or what lies there cannot be unpacked.
        """
        path = self.path(sha256)
        if path.is_file() and path.suffix != PACKED:
            yield path
            return
        copy = self.root / half(f"{sha256}.plain")  # swept up if this run is killed
        try:
            with self.open(sha256) as stream, copy.open("wb") as file:
                shutil.copyfileobj(stream, file, CHUNK_BYTES)
            yield copy
        finally:
            copy.unlink(missing_ok=True)

    def prove(self, sha256: str) -> bytes:
        """Check the hash of archived bytes of any size, once in the life of this object.

        Returns the last byte, which tells whether a text was cut in its last line.

        Raises:
            ArchiveError: they are missing, or no longer have this hash.
        """
        if sha256 not in self._proven:
            digest, last_byte = hashlib.sha256(), b""
            with self.open(sha256) as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    digest.update(chunk)
                    last_byte = chunk[-1:]
            if digest.hexdigest() != sha256:
                raise ArchiveError(
                    f"{self.path(sha256)} no longer has its SHA-256; restore it from a backup"
                )
            self._proven[sha256] = last_byte
        return self._proven[sha256]

    def vintages(self) -> Iterator[Vintage]:
        """Every vintage in the order of retrieval."""
        if not self.manifest.exists():
            return
        with self.manifest.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.endswith(b"\n"):  # torn by a crash; the next write cuts it off
                    continue
                try:
                    yield vintage_of(line)
                except (ValueError, TypeError, RecursionError) as error:
                    raise ArchiveError(
                        f"{self.manifest} line {number} is not what was written ({error}); restore the "
                        "file from a backup"
                    ) from error

    @property
    def list_name(self) -> str:
        """What the list of vintages is called."""
        return self.manifest.name

    def listing(self) -> bytes:
        """The list of vintages as it is written in a folder, a line each, without one that is being written."""
        try:
            content = self.manifest.read_bytes()
        except FileNotFoundError:
            return b""
        return content[: content.rfind(b"\n") + 1]

    def vouched(self) -> dict[str, set[str]]:
        """The hashes that the packed form of an object may have: all that the list gives it.

        It is packed anew where it was damaged, and two machines may pack it differently.
        """
        found: dict[str, set[str]] = {}
        for vintage in self.vintages():
            if vintage.packed_sha256:
                found.setdefault(vintage.sha256, set()).add(vintage.packed_sha256)
        return found

    def check_link(self, name: str, sha256: str) -> None:
        """Check that the manifest of a refresh is kept beside the objects; in a folder it is read there.

        Raises:
            ArchiveError: it is missing, or no longer has this hash.
        """

    def sweep(self) -> None:
        """Remove the half-written files that a killed run left; no object and no manifest is one."""
        for left in self.root.rglob(".*.part"):
            left.unlink()

    def adopt(self, sha256: str, name: str, path: Path) -> None:
        """Keep a copy of the file at ``path`` as the object ``name``, which has this hash, or is to have it."""
        place = self.root / "sha256" / sha256[:2] / name
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = place.with_name(half(name))
        try:
            with path.open("rb") as content, beside.open("wb") as file:
                shutil.copyfileobj(content, file, CHUNK_BYTES)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(place)
        finally:
            beside.unlink(missing_ok=True)
        fsync_folder(place.parent)
        self._proven.pop(sha256, None)

    def enlist(self, vintage: Vintage) -> None:
        """Add a vintage to the list; its object is safe by then."""
        self.root.mkdir(parents=True, exist_ok=True)
        with self.manifest.open("ab+") as file:
            if sys.platform != "win32":
                fcntl.flock(file, fcntl.LOCK_EX)  # workers on a lake share an archive
            self._cut_torn_line(file.fileno())
            file.write(line_of(vintage) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        fsync_folder(self.root)

    @staticmethod
    def _cut_torn_line(descriptor: int) -> None:
        size = os.fstat(descriptor).st_size
        tail = os.pread(descriptor, min(size, 1 << 16), max(0, size - (1 << 16)))
        if tail and not tail.endswith(b"\n"):
            os.ftruncate(descriptor, size - (len(tail) - tail.rfind(b"\n") - 1))


def line_of(vintage: Vintage) -> bytes:
    """What the list says of a vintage, without the line's end."""
    said = {name: value for name, value in asdict(vintage).items() if value is not None}
    return json.dumps(said, ensure_ascii=False).encode()


def vintage_of(line: bytes) -> Vintage:
    """A line of the manifest; raises ValueError or TypeError if it is none that was written here."""
    vintage = Vintage(**json.loads(line))
    if not isinstance(vintage.size_bytes, int):
        raise TypeError("the size is no number")
    texts = (vintage.source_id, vintage.file, vintage.retrieved_at, vintage.origin)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a text is none")
    for sha256 in (vintage.sha256, vintage.packed_sha256):
        if sha256 is not None and not _SHA256.fullmatch(sha256):
            raise ValueError("a hash is none")
    return vintage


class Contents(Mapping[str, bytes]):
    """The archived files that a reader gets, by name.

    As a mapping it gives whole files. What is too large for that is read through :meth:`scannable`
    or :meth:`open`, whose bytes have been checked against their SHA-256.
    """

    def __init__(self, archive: Archive, vintages: Iterable[Vintage]) -> None:
        """The files of ``vintages``."""
        self._archive = archive
        self._vintages = {vintage.file: vintage for vintage in vintages}

    def __getitem__(self, file: str) -> bytes:
        """The bytes of a file; raises ArchiveError if they are missing, altered or too many."""
        return self._archive.get(self._vintages[file].sha256)

    def __iter__(self) -> Iterator[str]:
        return iter(self._vintages)

    def __len__(self) -> int:
        return len(self._vintages)

    def retrieved(self, file: str) -> str:
        """When a file was retrieved, in ISO 8601."""
        return self._vintages[file].retrieved_at

    @contextmanager
    def scannable(self, file: str) -> Iterator[tuple[Path, Literal["none", "zstd"]]]:
        """Where a file can be scanned until the block ends, and how it is packed, in DuckDB's words."""
        with self._archive.scannable(self._vintages[file].sha256) as found:
            yield found

    @contextmanager
    def open(self, file: str) -> Iterator[IO[bytes]]:
        """The bytes of a file as a stream."""
        sha256 = self._vintages[file].sha256
        self._archive.prove(sha256)
        with self._archive.open(sha256) as stream:
            yield stream

    @contextmanager
    def plain(self, file: str) -> Iterator[Path]:
        """Where a file lies unpacked, until the block ends."""
        sha256 = self._vintages[file].sha256
        self._archive.prove(sha256)
        with self._archive.plain(sha256) as path:
            yield path

    def last_byte(self, file: str) -> bytes:
        """The last byte of a file, nothing for an empty one."""
        return self._archive.prove(self._vintages[file].sha256)

    def start(self, file: str, size_bytes: int) -> bytes:
        """The first bytes of a file."""
        with self._archive.open(self._vintages[file].sha256) as stream:
            return stream.read(size_bytes)
