"""Moving an archive to another home: from the data folder into a bucket, back, or to another bucket.

Every object is copied as it is, then the list of vintages with the times that it has, then the manifests of
the refreshes. An object is there when it is whole, and is not copied again; so a move that was killed goes on
when it is asked for again. When all is there, every object of the new home is read back and its hash taken,
and only then does the data folder learn where its archive is. The old home is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

from etl import homes, manifest, writers
from etl.archive import (
    RESTORE,
    Archive,
    ArchiveError,
    UnreachableError,
    Vintage,
)
from etl.homes import address
from etl.object_archive import ObjectArchive
from etl.settings import Folders

Progress = Callable[[str], None]


class MoveError(Exception):
    """It cannot be moved there; the message says why."""


@dataclass
class Moved:
    """What a move came to."""

    home: str | None
    objects: int = 0
    copied: int = 0
    copied_bytes: int = 0
    vintages: int = 0
    links: int = 0


def move(folders: Folders, to: str, progress: Progress = lambda _: None) -> Moved:
    """Copy the archive of a data folder to ``to``, an address or ``folder``, and use it from now on.

    No machine that writes to the same ledger can add to the old home meanwhile, and no other may; what it added
    until the list was read last is moved.

    Raises:
        MoveError: it is there already.
        BusyError: a refresh is running, here or on another machine that writes to the same lake.
        NoLedgerError: the lake cannot be reached.
        ArchiveError: an object is missing or altered, or a bucket cannot be used; the old home stays in use.
    """
    old = homes.home_of(folders)
    new = None if to == homes.FOLDER else address(to)
    if old == new:
        raise MoveError(f"the archive of {folders.data} is at {new or folders.archive} already")
    moved = Moved(new)
    with writers.still(folders):
        source, target = homes.archive_at(folders, old), homes.archive_at(folders, new)
        _move_links(folders, source, target, moved)
        there = _identities(target)
        while news := [one for one in source.vintages() if _identity(one) not in there]:
            _move_objects(source, target, source.names(), moved, progress)
            for vintage in news:
                target.enlist(vintage)
                there.add(_identity(vintage))
                moved.vintages += 1
        _move_objects(source, target, source.names(), moved, progress)
        _prove(source, target, moved, progress)
        homes.settle(folders, new)
    return moved


def _identity(vintage: Vintage) -> tuple[object, ...]:
    """All that the list says of a vintage."""
    return tuple(asdict(vintage).values())


def _identities(archive: Archive) -> set[tuple[object, ...]]:
    return {_identity(vintage) for vintage in archive.vintages()}


def _move_objects(
    source: Archive, target: Archive, names: set[str], moved: Moved, progress: Progress
) -> None:
    for number, sha256 in enumerate(sorted(names), 1):
        progress(f"{number:,} of {len(names):,} objects")
        form, there = source.form(sha256), target.form(sha256)
        if form is None or there == form:
            continue
        _copy(source, target, sha256, moved)


def _copy(source: Archive, target: Archive, sha256: str, moved: Moved) -> None:
    form = source.form(sha256)
    if form is None:
        raise ArchiveError(f"{source.where(sha256)} is missing; {RESTORE}")
    source.prove(sha256)
    target.adopt(sha256, form.name, source.path(sha256))
    source.let_go()
    moved.copied += 1
    moved.copied_bytes += form.size_bytes


def _prove(source: Archive, target: Archive, moved: Moved, progress: Progress) -> None:
    """Every object that the old home holds or lists is in the new one and has its hash there.

    Raises:
        ArchiveError: it is not.
    """
    vouched = target.vouched()
    wanted = sorted(source.names() | {vintage.sha256 for vintage in target.vintages()})
    for number, sha256 in enumerate(wanted, 1):
        progress(f"hash {number:,} of {len(wanted):,}")
        try:
            found = target.examine(sha256)
        except UnreachableError:
            raise
        except ArchiveError:  # damaged there, or by an earlier move
            _copy(source, target, sha256, moved)
            found = target.examine(sha256)
        allowed = vouched.get(sha256)
        if found.packed_sha256 and allowed and found.packed_sha256 not in allowed:
            raise ArchiveError(f"{target.where(sha256)} has another packed form; {RESTORE}")
        moved.objects += 1


def _move_links(folders: Folders, source: Archive, target: Archive, moved: Moved) -> None:
    """The manifests of refreshes: all into the data folder, and from there into a bucket."""
    own = manifest.folder(folders.archive)
    if isinstance(source, ObjectArchive):
        homes.bring_links(folders, source)
    for path in sorted(own.glob("*.json")):
        if not manifest.NAME.fullmatch(path.name):
            continue
        if isinstance(target, ObjectArchive):
            content = path.read_bytes()
            homes.require_link(path.name, content, str(path))
            target.keep_link(path.name, content)
            if target.link(path.name) != content:
                raise ArchiveError(
                    f"{target.bucket.where(path.name)} says something else than {path}"
                )
        moved.links += 1
