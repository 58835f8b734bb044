"""Backup and restore: what a machine holds and no publisher gives back, in a folder elsewhere.

    DEST/pool/ab/ab12…                    the content of a file, under its SHA-256, kept once for all backups
    DEST/backup-20261126T104500Z.json     one backup: which file has which content
    DEST/LATEST                           the name of the newest

A backup may be made while a refresh runs. Archived objects, manifests and published ledgers never
change, and the archive's list only grows; so what the ledger that ``CURRENT`` names rests on is copied:
its list up to the last whole line, every object on it, and the manifests up to its own. Content goes
into the pool first, each file written beside its place, flushed and renamed, and a backup is named only
when all of it is there: one that is killed leaves those before it whole, and the next goes on from what it
had copied. What is in the pool is not copied again.

A restore writes into a data folder without archive and ledger, overwrites nothing, names the ledger
last, and checks every hash on the way; ``hma verify``'s own code then checks the whole. Files that come
with the project may be there already, in another version, and stay. The settings file and secrets are
in no backup, and the diary of runs is not: what it knows is asked anew.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from etl import homes, manifest
from etl.archive import Archive, file_sha256, fsync_folder, write_safely
from etl.packing import CHUNK_BYTES
from etl.proof import is_another_file
from etl.report import Report
from etl.settings import HOME, Folders
from etl.store import CURRENT, current_path
from etl.verify import verify

FORMAT: Final = 1
LATEST: Final = "LATEST"
POOL: Final = "pool"
LOCK: Final = ".lock"
MARK: Final = ".restoring"  # in an archive: a restore began here and did not end
PROJECT: Final = ("transcribed", "reference")  # what comes with the code, in each version
FOLDERS: Final = (*PROJECT, "registers")  # beside archive and ledger
OURS: Final = ("archive", "ledger", "state")  # what a restore must not meet
ATTEMPTS: Final = 3  # a ledger may be published and an old one pruned meanwhile
_NAME: Final = re.compile(r"backup-\d{8}T\d{6}Z(-\d+)?\.json")
_SHA256: Final = r"^[0-9a-f]{64}$"
Progress = Callable[[str], None]


class BackupError(Exception):
    """It cannot be backed up to, or restored from, there; the message says why."""


class DamagedBackupError(BackupError):
    """What is to be copied no longer has its SHA-256."""


class Kept(BaseModel):
    """One file of a backup."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    path: str
    sha256: str = Field(pattern=_SHA256)
    size_bytes: int = Field(ge=0)


class Index(BaseModel):
    """One backup."""

    model_config = ConfigDict(extra="forbid", strict=True)

    format: int = FORMAT
    made_at: str
    ledger: str
    files: list[Kept]


@dataclass(frozen=True)
class Made:
    """What a backup came to."""

    name: str
    ledger: str
    files: int
    copied: int
    copied_bytes: int


def _require_files(folders: Folders) -> None:
    """Refuse a lake, which lies elsewhere; raises BackupError."""
    if folders.lake is not None:
        raise BackupError(
            "the ledger is in a lake, whose catalog and rows lie elsewhere: save them by pg_dump and a copy of "
            "HMA_STORE_DATA, in this order, and the archive with them; or hma migrate file first"
        )


# ---- backup


def backup(folders: Folders, dest: Path, progress: Progress = lambda _: None) -> Made:
    """Copy what the ledger in use rests on to ``dest``; what is there already is not copied again.

    Raises:
        NoLedgerError: there is no published ledger.
        BackupError: ``dest`` cannot be used, or another backup is being made there.
        DamagedBackupError: a file here no longer has its SHA-256.
    """
    _require_files(folders)
    for own in (folders.data, folders.archive, folders.ledger):
        if dest.resolve().is_relative_to(own.resolve()):
            raise BackupError(f"{dest} lies in {own}, which is what is to be saved; choose another")
    current_path(folders.ledger)
    dest.mkdir(parents=True, exist_ok=True)
    with _alone(dest):
        _sweep(dest)
        copier = _Copier(dest, progress)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                index = _copy_all(folders, copier)
                break
            except FileNotFoundError:
                if attempt == ATTEMPTS:
                    raise
        for shard in {kept.sha256[:2] for kept in index.files}:
            fsync_folder(dest / POOL / shard)
        fsync_folder(dest / POOL)
        name = _free_name(dest, index.made_at)
        write_safely(dest / name, index.model_dump_json(indent=1).encode())
        write_safely(dest / LATEST, f"{name}\n".encode())
    return Made(name, index.ledger, len(index.files), copier.copied, copier.copied_bytes)


@contextmanager
def _alone(dest: Path) -> Iterator[None]:
    lock = FileLock(dest / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise BackupError(f"another backup or restore works in {dest}") from error
    try:
        yield
    finally:
        lock.release()


def _sweep(dest: Path) -> None:
    """Remove the half-written files that a killed backup left."""
    for left in [*dest.glob(".*.part"), *(dest / POOL).glob("*/.*.part")]:
        left.unlink()


def _free_name(dest: Path, made_at: str) -> str:
    stem = f"backup-{datetime.fromisoformat(made_at):%Y%m%dT%H%M%SZ}"
    name, number = f"{stem}.json", 1
    while (dest / name).exists():
        number += 1
        name = f"{stem}-{number}.json"
    return name


class _Copier:
    """Puts files into the pool of one backup."""

    def __init__(self, dest: Path, progress: Progress) -> None:
        self.dest = dest
        self.progress = progress
        self.copied = self.copied_bytes = 0

    def file(self, path: Path, as_path: str, sha256: str | None = None) -> Kept:
        """A file that never changes; its hash is ``sha256`` if it is known."""
        self.progress(as_path)
        with path.open("rb") as content:
            size = os.fstat(content.fileno()).st_size
            if sha256 and _in_pool(self.dest, sha256, size):
                return Kept(path=as_path, sha256=sha256, size_bytes=size)
            return self.stream(content, as_path, sha256)

    def stream(self, content: BinaryIO, as_path: str, sha256: str | None = None) -> Kept:
        """What can be read, whatever becomes of the file it is read from."""
        (self.dest / POOL).mkdir(exist_ok=True)
        beside = self.dest / f".{os.getpid()}.part"
        digest, size = hashlib.sha256(), 0
        try:
            with beside.open("wb") as out:
                while chunk := content.read(CHUNK_BYTES):
                    digest.update(chunk)
                    size += len(chunk)
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
            found = digest.hexdigest()
            if sha256 and found != sha256:
                raise DamagedBackupError(
                    f"{as_path} no longer has its SHA-256; see hma verify. No backup was made, and those before "
                    "are as they were"
                )
            if not _in_pool(self.dest, found, size):
                place = pool_path(self.dest, found)
                place.parent.mkdir(exist_ok=True)
                beside.replace(place)
                self.copied += 1
                self.copied_bytes += size
        finally:
            beside.unlink(missing_ok=True)
        return Kept(path=as_path, sha256=found, size_bytes=size)


def pool_path(dest: Path, sha256: str) -> Path:
    """Where the content with this hash lies, or would lie."""
    return dest / POOL / sha256[:2] / sha256


def _in_pool(dest: Path, sha256: str, size: int) -> bool:
    try:
        return pool_path(dest, sha256).stat().st_size == size
    except OSError:
        return False


def _copy_all(folders: Folders, copier: _Copier) -> Index:
    """Copy what belongs to the ledger in use at this moment.

    Raises:
        FileNotFoundError: something was removed meanwhile, as an old ledger is by ``hma prune``.
    """
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    ledger = current_path(folders.ledger)
    # held open, it can be read to its end even if it is pruned
    with ledger.open("rb") as content:
        archive = homes.archive_of(folders)
        _, link = manifest.of_ledger(folders.archive, ledger)
        is_another = is_another_file(folders.archive, link)
        rebuilt = {one.ledger_sha256 for one in manifest.rebuilt_ledgers(folders.archive)}
        listed = archive.listing()
        files = [copier.stream(io.BytesIO(listed), "archive/manifest.jsonl")]
        files += _objects(archive, copier)
        files += _manifests(folders, link.refresh, copier)
        for folder in (*(folders.data / name for name in FOLDERS), folders.archive / "fetched"):
            files += [
                copier.file(path, path.relative_to(folders.data).as_posix())
                for path in sorted(folder.rglob("*"))
                if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
            ]
        named = None if rebuilt or is_another else link.ledger_sha256
        copier.progress(ledger.name)
        size = os.fstat(content.fileno()).st_size
        if named and _in_pool(copier.dest, named, size):
            files.append(Kept(path=f"ledger/{ledger.name}", sha256=named, size_bytes=size))
        else:
            files.append(copier.stream(content, f"ledger/{ledger.name}", named))
    return Index(made_at=made_at, ledger=ledger.name, files=files)


def _objects(archive: Archive, copier: _Copier) -> Iterator[Kept]:
    """Every object on the list, which may have grown meanwhile; what was rebuilt without its bytes has none."""
    vouched = archive.vouched()
    for sha256 in dict.fromkeys(vintage.sha256 for vintage in archive.vintages()):
        form = archive.form(sha256)
        if form is None:
            continue
        as_path = f"archive/sha256/{sha256[:2]}/{form.name}"
        hashes = vouched.get(sha256, set()) if form.is_packed else {sha256}
        there = [each for each in hashes if _in_pool(copier.dest, each, form.size_bytes)]
        if there:  # it need not be fetched from where it is kept
            copier.progress(as_path)
            yield Kept(path=as_path, sha256=there[0], size_bytes=form.size_bytes)
            continue
        path = archive.path(sha256)
        if len(hashes) > 1:  # machines packed it differently; it has to be one of theirs
            hashes = hashes & {file_sha256(path)} or hashes
        yield copier.file(path, as_path, next(iter(hashes), None))
        archive.let_go()


def _manifests(folders: Folders, refresh: int, copier: _Copier) -> Iterator[Kept]:
    """The manifests of the refreshes up to this one, and the records of ledgers that were rebuilt or moved."""
    for path in sorted(manifest.folder(folders.archive).glob("*.json")):
        first, _, rest = path.stem.partition("-")
        is_record = first in ("rebuilt", "moved")
        number, known = (rest.partition("-")[0], None) if is_record else (first, rest)
        if not path.name.startswith(".") and int(number) <= refresh:
            yield copier.file(path, path.relative_to(folders.data).as_posix(), known)


# ---- restore


def index_of(src: Path, name: str | None = None) -> tuple[str, Index]:
    """A backup of a folder, the newest without a name.

    Raises:
        BackupError: there is none of that name.
        DamagedBackupError: what is there is no backup that was written here.
    """
    try:
        name = name or (src / LATEST).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BackupError(f"{src} holds no backup: {LATEST} cannot be read") from error
    if not _NAME.fullmatch(name) or not (src / name).is_file():
        there = ", ".join(sorted(path.name for path in src.glob("backup-*.json"))) or "none"
        raise BackupError(f"{src} holds no backup {name!r}; it holds {there}")
    try:
        index = Index.model_validate_json((src / name).read_bytes())
    except (OSError, ValidationError) as error:
        raise DamagedBackupError(f"{src / name} is damaged; name an earlier one") from error
    if index.format != FORMAT:
        raise BackupError(f"{name} has form {index.format}, and this version knows {FORMAT}")
    if not re.fullmatch(r"ledger-\d{6,}-[0-9a-f]{16}\.duckdb", index.ledger):
        raise DamagedBackupError(f"{name} names a ledger that is none")
    for kept in index.files:
        parts = PurePosixPath(kept.path).parts
        if parts[:1] not in [(top,) for top in ("archive", "ledger", *FOLDERS)] or ".." in parts:
            raise DamagedBackupError(f"{name} names a file outside of the data folder")
        if "\\" in kept.path or "\0" in kept.path or len(parts) < 2:  # noqa: PLR2004
            raise DamagedBackupError(f"{name} names a file outside of the data folder")
    if f"ledger/{index.ledger}" not in {kept.path for kept in index.files}:
        raise DamagedBackupError(f"{name} names a ledger that it does not hold")
    return name, index


def restore(
    folders: Folders, src: Path, name: str | None = None, progress: Progress = lambda _: None
) -> tuple[str, Report]:
    """Write a backup into the data folder and verify the ledger; gives the backup's name and the findings.

    A restore that was killed goes on when it is asked for again.

    The archive is restored into the data folder, wherever it was; from there ``hma migrate-archive`` moves it.

    Raises:
        BackupError: there is no such backup, or there is something here already.
        DamagedBackupError: content of the backup no longer has its SHA-256.
    """
    _require_files(folders)
    if home := homes.home_of(folders):
        raise BackupError(
            f"a restore writes the archive into the data folder, and HMA_ARCHIVE, or {folders.archive / HOME}, "
            f"names {home}; take it away, and move what was restored: hma migrate-archive {home}"
        )
    name, index = index_of(src, name)
    mark = folders.archive / MARK
    _refuse_to_overwrite(folders, index, name)
    others = sum(
        (there := folders.data / kept.path).is_file() and file_sha256(there) != kept.sha256
        for kept in index.files
        if _comes_with_the_project(kept)
    )
    write_safely(mark, f"{name}\n".encode())
    with _alone(folders.archive):
        for kept in index.files:
            progress(kept.path)
            _write(src, kept, folders.data / kept.path)
        fsync_folder(folders.ledger)
        write_safely(folders.ledger / CURRENT, f"{index.ledger}\n".encode())
        mark.unlink()
    (folders.archive / LOCK).unlink(missing_ok=True)
    found = verify(folders, progress)
    if others:
        found.notes.append(
            f"{others:,} files of {' and '.join(PROJECT)} were here already, in another version, and stay"
        )
    return name, found


def _refuse_to_overwrite(folders: Folders, index: Index, name: str) -> None:
    mark = folders.archive / MARK
    goes_on = mark.is_file() and mark.read_text(encoding="utf-8").strip() == name
    if not goes_on:
        for own in OURS:
            if (folders.data / own).is_dir() and any((folders.data / own).iterdir()):
                raise BackupError(
                    f"{folders.data / own} is not empty; nothing was overwritten. Name an empty data "
                    "folder by HMA_DATA, or move that one away"
                )
    for kept in index.files:
        there = folders.data / kept.path
        if _comes_with_the_project(kept):
            continue
        if there.is_symlink() or (there.exists() and file_sha256(there) != kept.sha256):
            raise BackupError(
                f"{there} is here already and differs from the backup; nothing was overwritten. Name an empty "
                "data folder by HMA_DATA"
            )


def _comes_with_the_project(kept: Kept) -> bool:
    """It lies in a clone of any version; the one that is there stays."""
    return PurePosixPath(kept.path).parts[0] in PROJECT


def _write(src: Path, kept: Kept, place: Path) -> None:
    if place.exists():  # the same, as was checked, or the project's own
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        with pool_path(src, kept.sha256).open("rb") as content, beside.open("wb") as out:
            shutil.copyfileobj(content, out, CHUNK_BYTES)
            out.flush()
            os.fsync(out.fileno())
        if file_sha256(beside) != kept.sha256:
            raise DamagedBackupError(
                f"the backup's content of {kept.path} no longer has its SHA-256; name an earlier backup"
            )
        beside.replace(place)
    except FileNotFoundError as error:
        raise DamagedBackupError(f"the backup's content of {kept.path} is missing") from error
    finally:
        beside.unlink(missing_ok=True)
    fsync_folder(place.parent)
