"""Where the archive of a data folder is: in the folder itself, or in a bucket of object storage.

``HMA_ARCHIVE=s3://BUCKET/PREFIX`` names a bucket (:mod:`etl.bucket` says where its credentials come from).
The first refresh with it writes the address into ``archive/HOME``, and from then on the data folder knows
its archive's home: without ``HMA_ARCHIVE`` that one is used, and another one is refused. So no command, timer
or dashboard looks for a vintage in the wrong place, and no two archives grow for one ledger. ``hma
migrate-archive`` moves an archive and then this mark.

What lies beside the objects stays in the data folder: what publishers said last, downloads under way, and a
copy of each refresh's manifest, which is put into the bucket first. Machines of one lake find each other's there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Final

from etl import manifest
from etl.archive import RESTORE, Archive, ArchiveError, write_safely
from etl.object_archive import LINKS, ObjectArchive
from etl.settings import HOME, INSTALL, Folders

FOLDER: Final = "folder"  # how a person names the data folder itself
FORM: Final = "s3://BUCKET or s3://BUCKET/PREFIX, of letters, digits and . _ - only"
_URL: Final = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_][A-Za-z0-9._-]*)*/?")


class HomeError(ArchiveError):
    """What is set cannot be the archive's home, or is not the one that it has."""


def address(said: str) -> str:
    """The address of a bucket and a prefix in it, without a slash at its end.

    Raises:
        HomeError: it is none; the message does not repeat it, for a password may stand in it.
    """
    if not _URL.fullmatch(said):
        raise HomeError(
            f"HMA_ARCHIVE takes {FORM}, and hma migrate-archive the same or folder; credentials do not belong "
            "into an address"
        )
    return said.rstrip("/")


def home_of(folders: Folders) -> str | None:
    """The address of the bucket; None where the archive lies in the data folder.

    Raises:
        HomeError: what is set is no address, or this data folder's archive has another home.
    """
    said = address(folders.archive_home) if folders.archive_home else None
    marked = _marked(folders)
    if said is None or said == marked:
        return marked
    if marked:
        raise HomeError(
            f"HMA_ARCHIVE names {said}, and the archive of {folders.data} is at {marked}; take HMA_ARCHIVE away, "
            f"or move it: HMA_ARCHIVE={marked} hma migrate-archive {said}"
        )
    own = folders.archive / "manifest.jsonl"
    if own.is_file() and own.stat().st_size:
        raise HomeError(
            f"HMA_ARCHIVE names {said}, and {folders.archive} holds an archive; take HMA_ARCHIVE away and move "
            f"it: hma migrate-archive {said}"
        )
    return said


def _marked(folders: Folders) -> str | None:
    path = folders.archive / HOME
    try:
        return address(path.read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, ArchiveError) as error:
        raise HomeError(
            f"{path} should name where the archive is and does not; write its address into it"
        ) from error


def archive_at(folders: Folders, home: str | None) -> Archive:
    """The archive with that home."""
    if home is None:
        return Archive(folders.archive)
    try:
        from etl.bucket import Bucket  # noqa: PLC0415 - an extra, and not for an archive in a folder
    except ImportError as error:
        raise HomeError(
            f"the archive is at {home}, and what speaks to object storage is not installed; {INSTALL}"
        ) from error
    return ObjectArchive(folders.archive, Bucket(home))


def archive_of(folders: Folders) -> Archive:
    """The archive of a data folder, wherever it is.

    Raises:
        HomeError: as :func:`home_of`; or what speaks to a bucket is not installed.
    """
    return archive_at(folders, home_of(folders))


def opened(folders: Folders) -> Archive:
    """The archive of a data folder, to be added to: the folder remembers a bucket that could be asked.

    Raises:
        HomeError: as :func:`home_of`.
        UnreachableError: the bucket is not there, does not answer or refuses; nothing is remembered.
    """
    home = home_of(folders)
    archive = archive_at(folders, home)
    if home is not None:
        archive.listing()
        settle(folders, home)
    return archive


def settle(folders: Folders, home: str | None) -> None:
    """Write down where the archive is from now on."""
    path = folders.archive / HOME
    if home is None:
        path.unlink(missing_ok=True)
    elif _marked(folders) != home:
        write_safely(path, f"{home}\n".encode())


def catch_up(folders: Folders) -> None:
    """Copy what other machines of a lake have put beside the objects of a bucket: the manifests of their refreshes.

    Of a ledger in files there is nothing to copy: its machine has made them all.

    Raises:
        HomeError: as :func:`home_of`.
        ArchiveError: the bucket cannot be asked.
    """
    if folders.lake is None:
        return
    archive = archive_of(folders)
    if isinstance(archive, ObjectArchive):
        bring_links(folders, archive)


def bring_links(folders: Folders, archive: ObjectArchive) -> None:
    """Copy the manifests that are in a bucket, and not yet here, into the data folder.

    Raises:
        ArchiveError: one of them is altered, or the bucket cannot be asked.
    """
    own = manifest.folder(folders.archive)
    for name in archive.links():
        if manifest.NAME.fullmatch(name) and not (own / name).is_file():
            content = archive.link(name)
            require_link(name, content, archive.bucket.where(f"{LINKS}/{name}"))
            write_safely(own / name, content)


def require_link(name: str, content: bytes, where: str) -> None:
    """The manifest of a refresh has the hash in its name; the record of another ledger has that one's.

    Raises:
        ArchiveError: it has not; the message says ``where`` it is.
    """
    match = manifest.NAME.fullmatch(name)
    is_own = match and not match[1]
    if is_own and match and hashlib.sha256(content).hexdigest() != match[2]:
        raise ArchiveError(f"{where} no longer has its SHA-256; {RESTORE}")


def link_keeper(folders: Folders) -> Callable[[str, bytes], None] | None:
    """What keeps the manifest of a refresh beside the objects; None where both are in the data folder."""
    archive = archive_of(folders)
    return archive.keep_link if isinstance(archive, ObjectArchive) else None
