"""A fetched file without its packing: gzip, or a zip with one file in it, or one that is meant.

Nothing is trusted of what an archive says about itself. The name of a member is never used, its
size is counted while it unpacks, and an archive in an archive is refused: whoever publishes data
that way is to be looked at by a person. A workbook (.xlsx) is a zip of many files and must not be
handed to this.
"""

from __future__ import annotations

import errno
import fnmatch
import gzip
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from etl import magic
from etl.packing import Along

CHUNK_BYTES: Final = 1 << 20
MAX_RATIO: Final = 200.0  # tables pack to a tenth or a thirtieth; deflate's utmost is a 1032nd
HARMLESS_BYTES: Final = 1 << 22  # so little may have any ratio
SHOWN_DAMAGE: Final = 120  # the libraries quote names that a stranger chose
_ENCRYPTED: Final = 0x1
# Python unpacks these piece by piece. Of the others (bzip2, LZMA) it unpacks a whole piece into memory,
# and a megabyte of theirs may hold gigabytes.
_BOUNDED: Final = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
# Offsets and lengths that lead nowhere come as any of these, or as an OSError of seeking.
_DAMAGE: Final = (
    zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, struct.error, NotImplementedError, ValueError,
    OverflowError, LookupError,
)  # fmt: skip
_SEEKING_ASTRAY: Final = {None, errno.EINVAL}


class UnpackError(Exception):
    """A packed file must not or cannot be unpacked; the message says which and what to do.

    ``rule`` names what stopped it: 'too large', 'cut archive', 'damaged archive', 'archive too large',
    'bomb', 'nested archive', 'encrypted', 'several members', 'no member' or 'unknown packing'.
    """

    def __init__(self, message: str, rule: str) -> None:
        super().__init__(message)
        self.rule = rule


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Packed(NamedTuple):
    """A packed file, and what messages call it."""

    path: Path
    name: str
    kind: str
    max_bytes: int


def unpacked(
    path: Path,
    into: Path,
    *,
    max_bytes: int,
    max_ratio: float = MAX_RATIO,
    member: str | None = None,
    name: str | None = None,
    along: Along | None = None,
) -> Path:
    """The file at ``path`` unpacked into the folder ``into``; ``path`` itself if it is not packed.

    At most ``max_bytes`` come out, packed or not, and at most ``max_ratio`` times what went in. Of a zip
    with several files the one whose name matches ``member`` is meant (``*Transactions*.csv``). Messages
    call the file ``name``, if that is not how it lies there. ``along`` packs what comes out for the
    archive meanwhile. Nothing stays in ``into`` when it fails, and ``path`` is never changed.

    Raises:
        UnpackError: it is too large, damaged, a bomb, nested, encrypted, packed otherwise, or holds not
            one file.
    """
    called = name or path.name
    kind = magic.archive_kind(_start(path))
    if kind is None:
        size = path.stat().st_size
        if size > max_bytes:
            raise UnpackError(
                f"{called} has {size:,} bytes, more than the {max_bytes:,} allowed; if that is right, "
                "raise max_bytes",
                "too large",
            )
        return path
    if kind not in _OPENERS:
        raise UnpackError(
            f"{called} is {kind}, which is not unpacked here; ask for gzip, zip or the plain file",
            "unknown packing",
        )
    file = _Packed(path, called, kind, max_bytes)
    out = into / f"{path.name}.unpacked"
    try:
        with _readable(file), _OPENERS[kind](file, member) as content:
            _copy(content, out, file, max_ratio, along)
        _refuse_nested(file, magic.archive_kind(_start(out)))
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    return out


@contextmanager
def unpacking(
    path: Path,
    max_bytes: int,
    *,
    member: str | None = None,
    into: Path | None = None,
    name: str | None = None,
    along: Along | None = None,
) -> Iterator[Path]:
    """As :func:`unpacked`, until the block ends; ``into`` is the file's own folder if not given.

    Raises:
        UnpackError: it cannot be unpacked.
    """
    plain = unpacked(
        path, into or path.parent, max_bytes=max_bytes, member=member, name=name, along=along
    )
    try:
        yield plain
    finally:
        if plain != path:
            plain.unlink(missing_ok=True)


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(magic.START_BYTES)


def _copy(
    content: _Readable, out: Path, file: _Packed, max_ratio: float, along: Along | None
) -> None:
    size = file.path.stat().st_size
    most = min(file.max_bytes, max(HARMLESS_BYTES, int(size * max_ratio)))
    done = 0
    with out.open("wb") as plain:
        if along:
            along.begin(out)
        while chunk := content.read(CHUNK_BYTES):
            done += len(chunk)
            if done > file.max_bytes:
                raise _too_large(file)
            if done > most:
                raise UnpackError(
                    f"{file.name} grows to more than {max_ratio:g} times its {size:,} bytes, as no table "
                    "does; look at it by hand before raising the limit",
                    "bomb",
                )
            plain.write(chunk)
            plain.flush()
            if along:
                along.grown(done)


def _refuse_nested(file: _Packed, inner: str | None) -> None:
    if inner:
        raise UnpackError(
            f"{file.name} is {file.kind} with {inner} inside; an archive in an archive is not opened. "
            "Look at it by hand",
            "nested archive",
        )


def _too_large(file: _Packed) -> UnpackError:
    return UnpackError(
        f"{file.name} unpacks to more than {file.max_bytes:,} bytes; if that is right, raise max_bytes",
        "archive too large",
    )


@contextmanager
def _readable(file: _Packed) -> Iterator[None]:
    """Turn what the libraries say about damage into one kind of error."""
    try:
        yield
    except EOFError as error:
        raise UnpackError(
            f"{file.name} is {file.kind} that ends too early; fetch it again", "cut archive"
        ) from error
    except (*_DAMAGE, OSError) as error:
        if not isinstance(error, _DAMAGE) and error.errno not in _SEEKING_ASTRAY:
            raise  # the disk's fault
        said = magic.legible(str(error) or type(error).__name__, SHOWN_DAMAGE)
        raise UnpackError(
            f"{file.name} is {file.kind} that cannot be read ({said}): cut short, altered on the way, or "
            "packed in an unusual manner. Fetch it again",
            "damaged archive",
        ) from error


@contextmanager
def _gzip(
    file: _Packed, _: object
) -> Iterator[_Readable]:  # gzip can't say a size, and holds one file
    with gzip.open(file.path) as content:
        yield content


@contextmanager
def _zip(file: _Packed, wanted: str | None) -> Iterator[_Readable]:
    with zipfile.ZipFile(file.path) as archive:
        members = [info for info in archive.infolist() if not info.is_dir()]
        if len(members) > 1 and wanted:
            members = [info for info in members if fnmatch.fnmatchcase(info.filename, wanted)]
        if not members:
            named = f" whose name matches {wanted}" if wanted else ""
            raise UnpackError(f"{file.name} is a zip without a file in it{named}", "no member")
        if len(members) > 1:
            raise UnpackError(
                f"{file.name} holds {len(members)} files, where one is expected; ask the publisher "
                "for one file, or teach the source which it wants",
                "several members",
            )
        if members[0].flag_bits & _ENCRYPTED:
            raise UnpackError(
                f"{file.name} is encrypted; nothing that is public needs a password", "encrypted"
            )
        if members[0].compress_type not in _BOUNDED:
            raise UnpackError(
                f"{file.name} is a zip packed in an unusual manner (method {members[0].compress_type}), "
                "which is not unpacked here; ask for deflate, gzip or the plain file",
                "unknown packing",
            )
        if members[0].file_size > file.max_bytes:
            raise _too_large(file)
        with archive.open(members[0]) as content:
            yield content


_Opener = Callable[[_Packed, str | None], AbstractContextManager[_Readable]]
_OPENERS: Final[Mapping[str, _Opener]] = {"gzip": _gzip, "zip": _zip}
