"""A fetched file without its packing: gzip, or a zip with one file in it, or one that is meant.

Nothing is trusted of what an archive says about itself. The name of a member is never used, its
size is counted while it unpacks, and an archive in an archive is refused: whoever publishes data
that way is to be looked at by a person. A workbook (.xlsx) is a zip of many files and must not be
handed to this.
"""

from __future__ import annotations

import fnmatch
import gzip
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, Protocol

from etl import magic

CHUNK_BYTES: Final = 1 << 20
MAX_RATIO: Final = 200.0  # tables pack to a tenth or a thirtieth; deflate's utmost is a 1032nd
HARMLESS_BYTES: Final = 1 << 22  # so little may have any ratio
_ENCRYPTED: Final = 0x1


class UnpackError(Exception):
    """A packed file must not or cannot be unpacked; the message says which and what to do.

    ``rule`` names what stopped it: 'cut archive', 'damaged archive', 'archive too large', 'bomb',
    'nested archive', 'encrypted', 'several members', 'no member' or 'unknown packing'.
    """

    def __init__(self, message: str, rule: str) -> None:
        super().__init__(message)
        self.rule = rule


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def unpacked(
    path: Path,
    into: Path,
    *,
    max_bytes: int,
    max_ratio: float = MAX_RATIO,
    member: str | None = None,
) -> Path:
    """The file at ``path`` unpacked into the folder ``into``; ``path`` itself if it is not packed.

    At most ``max_bytes`` come out, and at most ``max_ratio`` times what went in. Of a zip with several
    files the one whose name matches ``member`` is meant (``*Transactions*.csv``). Nothing stays in
    ``into`` when it fails, and ``path`` is never changed.

    Raises:
        UnpackError: it is damaged, a bomb, nested, encrypted, packed otherwise, or holds not one file.
    """
    kind = magic.archive_kind(_start(path))
    if kind is None:
        return path
    if kind not in _OPENERS:
        raise UnpackError(
            f"{path.name} is {kind}, which is not unpacked here; ask for gzip, zip or the plain file",
            "unknown packing",
        )
    out = into / f"{path.name}.unpacked"
    try:
        with _readable(path, kind), _OPENERS[kind](path, max_bytes, member) as packed:
            _copy(packed, out, path, max_bytes, max_ratio)
        _refuse_nested(path, kind, magic.archive_kind(_start(out)))
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    return out


@contextmanager
def unpacking(
    path: Path, max_bytes: int, *, member: str | None = None, into: Path | None = None
) -> Iterator[Path]:
    """As :func:`unpacked`, until the block ends; ``into`` is the file's own folder if not given.

    Raises:
        UnpackError: it cannot be unpacked.
    """
    plain = unpacked(path, into or path.parent, max_bytes=max_bytes, member=member)
    try:
        yield plain
    finally:
        if plain != path:
            plain.unlink(missing_ok=True)


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(magic.START_BYTES)


def _copy(member: _Readable, out: Path, path: Path, max_bytes: int, max_ratio: float) -> None:
    most = min(max_bytes, max(HARMLESS_BYTES, int(path.stat().st_size * max_ratio)))
    done = 0
    with out.open("wb") as file:
        while chunk := member.read(CHUNK_BYTES):
            done += len(chunk)
            if done > max_bytes:
                raise _too_large(path, max_bytes)
            if done > most:
                raise UnpackError(
                    f"{path.name} grows to more than {max_ratio:g} times its {path.stat().st_size:,} "
                    "bytes, as no table does; look at it by hand before raising the limit",
                    "bomb",
                )
            file.write(chunk)


def _refuse_nested(path: Path, kind: str, inner: str | None) -> None:
    if inner:
        raise UnpackError(
            f"{path.name} is {kind} with {inner} inside; an archive in an archive is not opened. "
            "Look at it by hand",
            "nested archive",
        )


def _too_large(path: Path, max_bytes: int) -> UnpackError:
    return UnpackError(
        f"{path.name} unpacks to more than {max_bytes:,} bytes; if that is right, raise max_bytes",
        "archive too large",
    )


@contextmanager
def _readable(path: Path, kind: str) -> Iterator[None]:
    """Turn what the libraries say about damage into one kind of error."""
    try:
        yield
    except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, NotImplementedError) as error:
        raise UnpackError(
            f"{path.name} is {kind} that cannot be read ({error}): cut short, altered on the way, or "
            "packed in an unusual manner. Fetch it again",
            "damaged archive",
        ) from error
    except EOFError as error:
        raise UnpackError(
            f"{path.name} is {kind} that ends too early; fetch it again", "cut archive"
        ) from error


@contextmanager
def _gzip(
    path: Path, *_: object
) -> Iterator[_Readable]:  # gzip can't say a size, and holds one file
    with gzip.open(path) as member:
        yield member


@contextmanager
def _zip(path: Path, max_bytes: int, wanted: str | None) -> Iterator[_Readable]:
    with zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if not info.is_dir()]
        if len(members) > 1 and wanted:
            members = [info for info in members if fnmatch.fnmatchcase(info.filename, wanted)]
        if not members:
            named = f" whose name matches {wanted}" if wanted else ""
            raise UnpackError(f"{path.name} is a zip without a file in it{named}", "no member")
        if len(members) > 1:
            raise UnpackError(
                f"{path.name} holds {len(members)} files, where one is expected; ask the publisher "
                "for one file, or teach the source which it wants",
                "several members",
            )
        if members[0].flag_bits & _ENCRYPTED:
            raise UnpackError(
                f"{path.name} is encrypted; nothing that is public needs a password", "encrypted"
            )
        if members[0].file_size > max_bytes:
            raise _too_large(path, max_bytes)
        with archive.open(members[0]) as member:
            yield member


_Opener = Callable[[Path, int, str | None], AbstractContextManager[_Readable]]
_OPENERS: Final[Mapping[str, _Opener]] = {"gzip": _gzip, "zip": _zip}
