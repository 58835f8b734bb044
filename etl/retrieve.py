"""Retrieving: which bytes of a source a refresh reads, and how they came into the archive.

A source's files come with the project, from its publisher, or from a person who has a copy; without
any of these the refresh reads what is in the archive. Whatever happens here, the last good vintage
stays: a publisher that cannot be reached makes its source stale, and dark after a while, and
nothing else.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from etl.archive import Archive, UnreachableError, Vintage, file_sha256
from etl.config import Config
from etl.fetch import Fetcher, FetchError, shown
from etl.guard import Hold
from etl.limits import Limits
from etl.memory import Memory, silence
from etl.packing import Along
from etl.reading import SourceError, unforeseen
from etl.session import Session
from etl.settings import Folders
from etl.sources import SourceSpec
from etl.unpack import UnpackError, unpacking

INCOMING: Final = "incoming"
PACKED: Final = (".gz", ".zip")
NAMED: Final = (FetchError, UnpackError, SourceError)  # their messages say what to do
GIVEN_BYTES: Final = 1 << 33  # of a copy, for a source that declares no limit of its own
Progress = Callable[[str], None]  # how far it is, in words


@dataclass(frozen=True)
class Given:
    """A copy that a person hands over: a path, or an address; and what they say of its origin."""

    where: str
    origin: str | None = None


@dataclass(frozen=True)
class Known:
    """What is known of a source's files before it is fetched."""

    newest: list[Vintage]  # of each file, whatever became of it: what the publisher is asked about
    undecided: list[Vintage]  # the same, but what a person rejected gives way to what is in use
    in_use: list[Vintage]


def at_hand(spec: SourceSpec, folders: Folders, archive: Archive) -> list[Vintage]:
    """Put the files of a source that lie in the data folder into the archive.

    Raises:
        SourceError: one is missing, or a link; or the source cannot be read at all.
    """
    spec.refuse_if_broken()
    vintages = []
    folder = folders.transcribed if spec.status == "transcribed" else folders.registers
    for file in spec.files:
        path = folder / file
        if path.is_symlink():
            raise SourceError(
                f"{file} is a link; put the file itself into {folder}", "missing file"
            )
        if not path.is_file():
            raise SourceError(f"{file} is missing from {folder}; restore the file", "missing file")
        origin = f"{folder.name}/{file}"
        if spec.status == "transcribed":
            vintages.append(archive.put(spec.source_id, file, path.read_bytes(), origin))
        else:
            vintages.append(archive.take(spec.source_id, file, path, origin))
    return vintages


def fetcher(archive: Archive, settings: Config, progress: Progress = lambda *_: None) -> Fetcher:
    """What speaks to publishers, with this installation's settings."""
    return Fetcher(
        archive.root / INCOMING,
        contact=settings.fetch.contact,
        allow_loopback=settings.fetch.allow_loopback,
        progress=lambda done, total: progress(_megabytes(done, total)),
    )


def _megabytes(done: int, total: int | None) -> str:
    return f"{done / 1e6:,.1f}{f' of {total / 1e6:,.1f}' if total else ''} MB"


def is_asked(spec: SourceSpec, settings: Config | None, *, has_files: bool) -> bool:
    """Whether a refresh with the network asks the publisher of a source.

    A live source is always asked. One whose publisher no longer updates it (frozen) is asked until its
    files are here; one that its publisher took away (dark) is not. A mirror in ``hma.toml`` is always
    asked, and a copy can be handed over whatever the status. Where nobody is asked, silence is no fault.
    A source that is not turned on is never asked.
    """
    if spec.fetch is None or (settings is not None and not settings.is_on(spec)):
        return False
    mirror = settings.sources.get(spec.source_id) if settings else None
    if mirror and mirror.base_url:
        return True
    return spec.status == "live" or (spec.status == "frozen" and not has_files)


def fetched(
    spec: SourceSpec,
    archive: Archive,
    settings: Config,
    known: Known,
    progress: Progress = lambda *_: None,
) -> tuple[list[Vintage], Hold | None]:
    """Fetch a source: its files, and why it is stale if it could not be fetched.

    Files that were not asked for stay as they are in use. One that is on hold stays on hold only as
    long as nothing newer comes: what came by a mistake must not hold up what comes after it.
    """
    mirror = settings.sources.get(spec.source_id)
    with fetcher(archive, settings, progress) as speaking:
        session = Session(
            spec, archive, speaking, known.newest, base_url=mirror.base_url if mirror else None,
            secrets=lambda name: settings.secret(spec.source_id, name),
            progress=lambda done, total: progress(f"{done:,} of {total:,}" if total else f"{done:,}"),
        )  # fmt: skip
        memory = session.memory
        try:
            _fetch(spec, session)
        except UnreachableError:  # not the publisher's silence but the archive's
            raise
        except Exception as error:  # whatever a publisher answers, the last good vintage stays
            why = str(error) if isinstance(error, NAMED) else unforeseen(error)
            memory.failed(session.today)
            return known.undecided, _stale(spec, memory, why, known.newest, session.today)
    memory.had(session.today)
    is_news = not set(session.fetched.values()) <= set(known.newest)
    stay = known.in_use if is_news else known.undecided
    kept = {vintage.file: vintage for vintage in stay} | session.fetched
    return [kept[file] for file in sorted(kept)], None


def _fetch(spec: SourceSpec, session: Session) -> None:
    """File by file where ``source.yml`` lists them, or else by the source's own ``fetch.py``."""
    for file, address in session.urls.items():
        session.download(file, address)
    if not session.urls:
        importlib.import_module(f"etl.sources.{spec.source_id}.fetch").fetch(session)


def _stale(spec: SourceSpec, memory: Memory, why: str, newest: list[Vintage], today: date) -> Hold:
    """What is said of a source that could not be fetched; the same words until something changes."""
    if spec.fetch is None:
        raise ValueError(f"{spec.source_id} declares no fetch in its source.yml")
    good = memory.last_good or max((vintage.retrieved_at[:10] for vintage in newest), default=None)
    since = memory.failing_since or today.isoformat()
    rule, how_long = silence(good, since, today, spec.fetch.dark_after_days)
    return Hold(
        rule,
        f"{how_long}: {why}. If the publisher's site is gone, give a rescued copy: hma refresh "
        f"{spec.source_id} --from FILE",
        is_readable=False,
    )


def given(
    spec: SourceSpec,
    copies: Sequence[Given],
    archive: Archive,
    settings: Config | None,
    in_use: list[Vintage],
    progress: Progress = lambda *_: None,
) -> list[Vintage]:
    """Put copies that a person hands over into the archive, unpacked, under the source's file names.

    The source's other files stay as they are in use.

    Without ``settings`` no network is touched, and a copy has to be a file.

    Raises:
        SourceError: a copy is missing, cannot be had or unpacked, or is none of the source's files.
    """
    if spec.status == "local":
        raise SourceError(
            f"{spec.source_id} is a register of this installation: put the new file into the folder registers "
            f"of the data folder, as {spec.files[-1]}, and refresh without --from"
        )
    kept = {vintage.file: vintage for vintage in in_use}
    taken: set[str] = set()
    for copy in copies:
        vintage = _given(spec, copy, archive, settings, progress)
        if vintage.file in taken:
            raise SourceError(f"two copies are both {vintage.file}; give each file once")
        taken.add(vintage.file)
        kept[vintage.file] = vintage
    return [kept[file] for file in sorted(kept)]


def _given(
    spec: SourceSpec, copy: Given, archive: Archive, settings: Config | None, progress: Progress
) -> Vintage:
    max_bytes = spec.fetch.max_bytes if spec.fetch else GIVEN_BYTES
    try:
        with _copied(spec, copy, archive, settings, progress) as path:
            is_fetched = is_address(copy.where)
            name = Path(_path_and_host(copy.where)[0]).name if is_fetched else path.name
            file = _file_name(spec, name)
            into = archive.root / INCOMING
            with (
                archive.along() as along,
                _plain(spec, file, path, name, max_bytes, into, along) as plain,
            ):
                return archive.take(spec.source_id, file, plain, _origin(copy, path, plain), along)
    except (FetchError, UnpackError) as error:
        raise SourceError(f"{_said(copy)}: {error}", "unreadable") from error


@contextmanager
def _plain(
    spec: SourceSpec, file: str, path: Path, name: str, max_bytes: int, into: Path, along: Along
) -> Iterator[Path]:
    """The copy without its packing; a workbook is a zip, too, and stays whole where the source declares it."""
    if any(fnmatchcase(file, form) for form in spec.binaries):
        if path.stat().st_size > max_bytes:
            raise UnpackError(
                f"{name} has more than the {max_bytes:,} bytes allowed; if that is right, raise max_bytes",
                "too large",
            )
        yield path
        return
    with unpacking(path, max_bytes, into=into, name=name, along=along) as plain:
        yield plain


def is_address(where: str) -> bool:
    """``where`` is a web address and not a path."""
    return re.match(r"(?i)https?://", where) is not None


def _said(copy: Given) -> str:
    """Where a copy lies, as the record may show it: without passwords and signatures."""
    if not is_address(copy.where):
        return copy.where
    try:
        return shown(copy.where)
    except httpx.InvalidURL as error:
        raise SourceError(f"--from was given no address that can be asked: {error}") from error


def _path_and_host(url: str) -> tuple[str, str]:
    """The path and the host of an address; raises SourceError if it has none."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError as error:
        raise SourceError(f"--from was given no address that can be asked: {error}") from error
    if not host:
        raise SourceError("--from was given an address without a host")
    return parts.path, host


@contextmanager
def _copied(
    spec: SourceSpec, copy: Given, archive: Archive, settings: Config | None, progress: Progress
) -> Iterator[Path]:
    """Where the copy lies; one that had to be fetched is removed when the block ends."""
    (archive.root / INCOMING).mkdir(parents=True, exist_ok=True)
    if not is_address(copy.where):
        path = Path(copy.where)
        if not path.is_file():
            raise SourceError(f"{path} is no file; name the file to read", "missing file")
        yield path
        return
    if settings is None:
        raise SourceError(
            f"{_said(copy)} is an address, and this refresh touches no network; hand over the file"
        )
    limits = spec.fetch.limits() if spec.fetch else Limits(max_bytes=GIVEN_BYTES)
    with fetcher(archive, settings, progress) as speaking:
        _, host = _path_and_host(copy.where)
        download = speaking.download(copy.where, hosts={host}, limits=limits)
        if download is None:
            raise SourceError(
                f"{_said(copy)} says that nothing has changed, though nothing was asked"
            )
        path = download.moved()
        archive.leave(path)
        yield path


def _origin(copy: Given, path: Path, plain: Path) -> str:
    """Where the bytes came from, as the ledger tells it: a person's word, and the packed file's hash."""
    name = _said(copy) if is_address(copy.where) else path.name
    packed = f", packed with SHA-256 {file_sha256(path)}" if plain != path else ""
    said = f"; said to be {copy.origin}" if copy.origin else ""
    return f"given by hand on {datetime.now(UTC).date()}: {name}{packed}{said}"


def _file_name(spec: SourceSpec, given_name: str) -> str:
    """Which of the source's files a copy is.

    Raises:
        SourceError: none of them.
    """
    name = given_name
    for ending in PACKED:
        name = name.removesuffix(ending)
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip(".")
    if name in spec.files:
        return name
    if spec.accepts and fnmatchcase(name, spec.accepts):
        return name
    if len(spec.files) == 1 and not spec.accepts:
        return spec.files[0]
    wanted = ", ".join([*spec.files, *([spec.accepts] if spec.accepts else [])])
    raise SourceError(
        f"{given_name} is none of the files of {spec.source_id}: {wanted}. Rename the copy to the one it is"
    )
