"""The archive in object storage: the same objects under the same names, for several machines at once.

    s3://BUCKET/PREFIX/sha256/ab/ab12…            the bytes of a file that comes with the project
    s3://BUCKET/PREFIX/sha256/ab/ab12….zst        the bytes of a file from outside, compressed
    s3://BUCKET/PREFIX/vintages/20261126T104500Z-<sha256>.json    one vintage: a line of a folder's manifest.jsonl
    s3://BUCKET/PREFIX/refreshes/000007-<sha256>.json             the manifest of a refresh (etl.manifest)

Nobody can add a line to an object, so the list of vintages is one small object for each. It is named by its
time and the hash of what it says, and put only where there is none: two machines that add at once each add
their own, and the order of the names is the order of retrieval. Both may then list one vintage, as each
retrieved it; within one second the order is that of the hashes. A large object is put again by whoever found
none; the bytes that it unpacks to are the same, whoever was last.

What is read is copied to this machine first (:mod:`etl.borrowed`) and has its hash there before anybody sees
it: a reader, and the process that it may run in, find the layout of a folder and need no bucket. Only
:meth:`ObjectArchive.examine`, by which an archive is verified, believes no copy and reads what is kept.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import zstandard

from etl.archive import (
    RESTORE,
    Archive,
    ArchiveError,
    Examined,
    Form,
    UnreachableError,
    Vintage,
    file_sha256,
    line_of,
    vintage_of,
    write_safely,
)
from etl.borrowed import MOST_BYTES, Borrowed
from etl.packing import CHUNK_BYTES, PACKED, Along, pack

if TYPE_CHECKING:
    from etl.bucket import Bucket

BORROWED: Final = "borrowed"
VINTAGES: Final = "vintages"
LINKS: Final = "refreshes"
AT_ONCE: Final = 8  # records asked for at a time
_RECORD: Final = re.compile(r"vintages/\d{8}T\d{6}Z-([0-9a-f]{64})\.json")
_OBJECT: Final = re.compile(r"sha256/([0-9a-f]{2})/(\1[0-9a-f]{62})(\.zst)?")


class ObjectArchive(Archive):
    """The vintages in a bucket; ``root`` is the folder of this machine for what it borrows and fetches."""

    def __init__(self, root: Path, bucket: Bucket, most_bytes: int = MOST_BYTES) -> None:
        """Use ``bucket``; nothing is asked yet."""
        super().__init__(root)
        self.bucket = bucket
        self._borrowed = Borrowed(root / BORROWED, most_bytes)
        self._records: dict[str, Vintage] | None = None

    # ---- where bytes are

    def where(self, sha256: str) -> str:
        """An object's address, for a person."""
        form = self.form(sha256)
        return self.bucket.where(_key(form.name if form else sha256))

    def form(self, sha256: str) -> Form | None:
        """In which form the bytes with this hash are kept; None if they are not there."""
        for name in (sha256, f"{sha256}{PACKED}"):
            size = self.bucket.size(_key(name))
            if size is not None:
                return Form(name, size)
        return None

    def names(self) -> set[str]:
        """The hashes of all objects that are there, whether a vintage names them or not."""
        found = map(_OBJECT.fullmatch, self.bucket.names("sha256"))
        return {match[2] for match in found if match}

    def path(self, sha256: str) -> Path:
        """A copy on this machine, whose hash was checked; it stays until :meth:`let_go`.

        Raises:
            ArchiveError: the bytes are missing or altered.
        """
        copy = self._borrowed.find(sha256)
        if copy is not None:
            if sha256 in self._proven:
                return copy
            with suppress(ArchiveError):
                self._proven[sha256] = _last_byte(copy, sha256)
                return copy
            self._borrowed.drop(copy)  # a copy is no evidence; what is kept is
        return self._fetch(sha256)

    def _fetch(self, sha256: str) -> Path:
        form = self.form(sha256)
        if form is None:
            raise ArchiveError(f"{self.bucket.where(_key(sha256))} is missing; {RESTORE}")
        where = self.bucket.where(_key(form.name))
        with self._borrowed.coming() as coming:
            try:
                with coming.open("wb") as file:
                    for piece in self.bucket.stream(_key(form.name)):
                        file.write(piece)
            except OSError as error:
                raise ArchiveError(
                    f"{where} cannot be copied to {self._borrowed.root} ({error.strerror}); make room there"
                ) from error
            self._proven[sha256] = _last_byte(coming, sha256, where, is_packed=form.is_packed)
            return self._borrowed.keep(coming, sha256, form.name)

    def prove(self, sha256: str) -> bytes:
        """Check the hash of archived bytes, once in the life of this object; see :meth:`Archive.prove`."""
        if sha256 not in self._proven:
            self.path(sha256)
        return self._proven[sha256]

    def examine(self, sha256: str) -> Examined:
        """Check the hash of the bytes in the bucket, and say how they are kept.

        Raises:
            ArchiveError: they are missing, or no longer have this hash.
        """
        sizes = [self.bucket.size(_key(name)) for name in (sha256, f"{sha256}{PACKED}")]
        if sizes == [None, None]:
            raise ArchiveError(f"{self.bucket.where(_key(sha256))} is missing; {RESTORE}")
        is_packed = sizes[0] is None
        key = _key(f"{sha256}{PACKED}" if is_packed else sha256)
        pieces = _Pieces(self.bucket.stream(key))
        with io.BufferedReader(pieces, CHUNK_BYTES) as stream:
            _require(stream, sha256, self.bucket.where(key), is_packed=is_packed)
            while stream.read(CHUNK_BYTES):  # what lies behind the packed bytes
                pass
        if is_packed:
            return Examined(pieces.digest.hexdigest())
        return Examined(None, is_twice=sizes[1] is not None)

    def lend(self, wanted: Iterable[str]) -> Path:
        """Copies of these hashes in the layout of a folder, which stay until :meth:`let_go`.

        Raises:
            ArchiveError: the bytes are missing or altered.
        """
        for sha256 in wanted:
            self.path(sha256)
        return self._borrowed.root

    def let_go(self) -> None:
        """Forget the files that objects were taken from, and hold no copies any more."""
        super().let_go()
        self._borrowed.release()
        self._borrowed.make_room()

    def sweep(self) -> None:
        """Remove what a killed run left on this machine; in the bucket nothing is ever half there."""
        super().sweep()
        self._borrowed.make_room()

    # ---- putting

    def put(self, source_id: str, file: str, content: bytes, origin: str) -> Vintage:
        """Keep ``content`` and return its vintage; bytes that are already there are not put again."""
        sha256 = hashlib.sha256(content).hexdigest()
        form = self.form(sha256)
        if form is None:
            self.bucket.create(_key(sha256), content)
        elif not form.is_packed and form.size_bytes != len(content):
            self.bucket.put(_key(sha256), content)
        if self._borrowed.find(sha256) is None:
            with self._borrowed.coming() as coming:
                coming.write_bytes(content)
                self._borrowed.keep(coming, sha256, sha256)
        return self._list(source_id, file, sha256, len(content), origin)

    def _take(
        self, source_id: str, file: str, path: Path, origin: str, along: Along | None
    ) -> Vintage:
        with self._borrowed.coming() as coming:
            if found := along and along.packed(path):
                shutil.copyfile(found.path, coming)  # into the very file that is locked
            else:
                with path.open("rb") as plain:
                    found = pack(plain, coming)
            sha256 = found.sha256
            try:
                packed_sha256 = self.examine(sha256).packed_sha256
            except UnreachableError:
                raise
            except ArchiveError:  # missing or damaged
                packed_sha256 = self._put_file(sha256, path, coming)
            if packed_sha256 == found.packed_sha256:
                self._borrowed.keep(coming, sha256, f"{sha256}{PACKED}")
                self._proven[sha256] = found.last_byte
        return self._list(source_id, file, sha256, found.size_bytes, origin, packed_sha256)

    def _put_file(self, sha256: str, plain: Path, packed: Path) -> str | None:
        """Put an object that is missing or damaged; the hash of its packed form."""
        form = self.form(sha256)
        if form and not form.is_packed:  # nothing is deleted: it is mended in the form that it has
            self.bucket.put(_key(sha256), plain)
            return None
        self.bucket.put(_key(f"{sha256}{PACKED}"), packed)
        return file_sha256(packed)

    def adopt(self, sha256: str, name: str, path: Path) -> None:
        """Put the file at ``path`` as the object ``name``, which has this hash, or is to have it."""
        self._proven.pop(sha256, None)
        self.bucket.put(_key(name), path)

    # ---- the list

    @property
    def list_name(self) -> str:
        """What the list of vintages is called."""
        return VINTAGES

    def vintages(self) -> Iterator[Vintage]:
        """Every vintage in the order of retrieval, by whichever machine."""
        known = self._remembered() if self._records is None else self._records
        keys = self.bucket.names(VINTAGES)
        for key in keys:
            if not _RECORD.fullmatch(key):
                raise ArchiveError(f"{self.bucket.where(key)} is no record of a vintage; {RESTORE}")
        new = [key for key in keys if key not in known]
        with ThreadPoolExecutor(AT_ONCE) as threads:
            known |= zip(new, threads.map(self._record, new), strict=True)
        self._records = {key: known[key] for key in keys}
        if new:
            with suppress(OSError):  # they are asked for again, where one may only read
                write_safely(self._memory, self.listing_of(self._records.values()))
        yield from list(self._records.values())

    def _listed(self) -> Iterator[Vintage]:
        """The vintages known here; what another machine adds meanwhile, it adds for itself."""
        return self.vintages() if self._records is None else iter(list(self._records.values()))

    def listing(self) -> bytes:
        """The list of vintages as a folder has it, a line each."""
        return self.listing_of(self.vintages())

    @staticmethod
    def listing_of(vintages: Iterable[Vintage]) -> bytes:
        """Vintages as lines of a folder's list."""
        return b"".join(line_of(vintage) + b"\n" for vintage in vintages)

    def enlist(self, vintage: Vintage) -> None:
        """Add a vintage to the list; its object is safe by then."""
        key = _record_key(vintage)
        self.bucket.create(key, line_of(vintage))
        if self._records is not None:
            self._records[key] = vintage
            self._records = dict(sorted(self._records.items()))

    def _record(self, key: str) -> Vintage:
        """A record as it is kept; raises ArchiveError unless it says what its name says."""
        content = self.bucket.read(key)
        try:
            vintage = vintage_of(content)
            is_it = _record_key(vintage) == key and line_of(vintage) == content
        except (ValueError, TypeError, RecursionError):
            is_it = False
        if not is_it:
            raise ArchiveError(f"{self.bucket.where(key)} no longer has its SHA-256; {RESTORE}")
        return vintage

    @property
    def _memory(self) -> Path:
        return self._borrowed.root / "vintages.jsonl"

    def _remembered(self) -> dict[str, Vintage]:
        """The records that were read before, each under the name that its own hash gives it."""
        try:
            lines = self._memory.read_bytes().splitlines()
        except OSError:
            return {}
        found = {}
        for line in lines:
            try:
                vintage = vintage_of(line)
                found[_record_key(vintage)] = vintage
            except (ValueError, TypeError, RecursionError):
                continue  # it is asked for again
        return found

    # ---- the manifests of refreshes

    def keep_link(self, name: str, content: bytes) -> None:
        """Keep the manifest of a refresh beside the objects, before this machine writes its own copy."""
        self.bucket.create(f"{LINKS}/{name}", content)

    def links(self) -> list[str]:
        """The names of the manifests that are kept."""
        return [key.removeprefix(f"{LINKS}/") for key in self.bucket.names(LINKS)]

    def link(self, name: str) -> bytes:
        """One of them."""
        return b"".join(self.bucket.stream(f"{LINKS}/{name}"))

    def check_link(self, name: str, sha256: str) -> None:
        """Check that the manifest of a refresh is kept beside the objects.

        Raises:
            ArchiveError: it is missing, or no longer has this hash.
        """
        if hashlib.sha256(self.link(name)).hexdigest() != sha256:
            raise ArchiveError(
                f"{self.bucket.where(f'{LINKS}/{name}')} no longer has its SHA-256; {RESTORE}"
            )


def _key(name: str) -> str:
    return f"sha256/{name[:2]}/{name}"


def _record_key(vintage: Vintage) -> str:
    """The name of a vintage's record; raises ValueError if its time is none."""
    when = datetime.fromisoformat(vintage.retrieved_at).astimezone(UTC)
    return f"{VINTAGES}/{when:%Y%m%dT%H%M%SZ}-{hashlib.sha256(line_of(vintage)).hexdigest()}.json"


def _last_byte(
    path: Path, sha256: str, where: str | None = None, *, is_packed: bool | None = None
) -> bytes:
    """The last byte of what a copy unpacks to; raises ArchiveError unless that has its hash."""
    packed = path.suffix == PACKED if is_packed is None else is_packed
    with path.open("rb") as file:
        return _require(file, sha256, where or str(path), is_packed=packed)


def _require(file: IO[bytes], sha256: str, where: str, *, is_packed: bool) -> bytes:
    """Read bytes to their end; raises ArchiveError unless they, unpacked, have their hash."""
    digest, last_byte = hashlib.sha256(), b""
    try:
        stream: IO[bytes] = (
            zstandard.ZstdDecompressor().stream_reader(file, closefd=False) if is_packed else file
        )
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            last_byte = chunk[-1:]
    except zstandard.ZstdError as error:
        raise ArchiveError(f"{where} cannot be unpacked ({error}); {RESTORE}") from error
    if digest.hexdigest() != sha256:
        raise ArchiveError(f"{where} no longer has its SHA-256; {RESTORE}")
    return last_byte


class _Pieces(io.RawIOBase):
    """Pieces of bytes as a stream, which are hashed as they come."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.digest = hashlib.sha256()
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, into: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill ``into`` as far as one piece goes; 0 at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self.digest.update(piece)
            self._rest = memoryview(piece)
        size = min(len(into), len(self._rest))
        into[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
