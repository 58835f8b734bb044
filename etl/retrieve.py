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
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from etl.archive import Archive, Vintage, file_sha256
from etl.config import Config
from etl.fetch import Fetcher, FetchError
from etl.guard import Hold
from etl.reading import SourceError
from etl.session import Memory, Session, matches, unpacking
from etl.settings import Folders
from etl.sources import SourceSpec
from etl.unpack import UnpackError

INCOMING: Final = "incoming"
PACKED: Final = (".gz", ".zip")
GIVEN_BYTES: Final = 1 << 33  # of a copy, for a source that declares no limit of its own
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Given:
    """A copy that a person hands over: a path, or an address; and what they say of its origin."""

    where: str
    origin: str | None = None


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
        progress=progress,
    )


def fetched(
    spec: SourceSpec,
    archive: Archive,
    settings: Config,
    in_use: list[Vintage],
    progress: Progress = lambda *_: None,
) -> tuple[list[Vintage], Hold | None]:
    """Fetch a source: its newest files, and why it is stale if it could not be fetched.

    Files that are in use and were not asked for stay.
    """
    mirror = settings.sources.get(spec.source_id)
    memory_of = (archive.root, spec.source_id)
    with fetcher(archive, settings, progress) as speaking:
        session = Session(
            spec, archive, speaking, in_use,
            base_url=mirror.base_url if mirror else None, progress=progress,
        )  # fmt: skip
        try:
            _fetch(spec, session)
        except (FetchError, UnpackError) as error:
            memory = Memory.of(*memory_of)
            memory.failing_since = memory.failing_since or session.today.isoformat()
            memory.keep()
            return in_use, _stale(spec, memory, str(error), in_use, session.today)
    memory = Memory.of(*memory_of)
    memory.failing_since, memory.last_good = None, session.today.isoformat()
    memory.keep()
    kept = {vintage.file: vintage for vintage in in_use} | session.fetched
    return [kept[file] for file in sorted(kept)], None


def _fetch(spec: SourceSpec, session: Session) -> None:
    """File by file where ``source.yml`` lists them, or else by the source's own ``fetch.py``."""
    for file, address in session.rules.urls.items():
        session.download(file, address)
    if not session.rules.urls:
        importlib.import_module(f"etl.sources.{spec.source_id}.fetch").fetch(session)


def _stale(spec: SourceSpec, memory: Memory, why: str, in_use: list[Vintage], today: date) -> Hold:
    """What is said of a source that could not be fetched; the same words until something changes."""
    since = memory.failing_since or today.isoformat()
    good = memory.last_good or max((vintage.retrieved_at[:10] for vintage in in_use), default=None)
    dark = False
    if spec.fetch and good:
        dark = (today - date.fromisoformat(good)).days > spec.fetch.dark_after_days
    last = f"last fetched {good}" if good else "never fetched yet"
    return Hold(
        "dark" if dark else "stale",
        f"not fetched since {since} ({last}): {why}. If the publisher's site is gone, give a rescued copy: "
        f"hma refresh {spec.source_id} --from FILE",
        is_readable=False,
    )


def given(
    spec: SourceSpec,
    copies: Sequence[Given],
    archive: Archive,
    settings: Config,
    in_use: list[Vintage],
    progress: Progress = lambda *_: None,
) -> list[Vintage]:
    """Put copies that a person hands over into the archive, unpacked, under the source's file names.

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
    spec: SourceSpec, copy: Given, archive: Archive, settings: Config, progress: Progress
) -> Vintage:
    max_bytes = spec.fetch.max_bytes if spec.fetch else GIVEN_BYTES
    try:
        with _copied(copy, archive, settings, progress) as path:
            name = Path(urlsplit(copy.where).path).name if is_address(copy.where) else path.name
            file = _file_name(spec, name)
            with unpacking(path, max_bytes, into=archive.root / INCOMING) as plain:
                return archive.take(spec.source_id, file, plain, _origin(copy, path, plain))
    except (FetchError, UnpackError) as error:
        raise SourceError(f"{copy.where}: {error}", "unreadable") from error


def is_address(where: str) -> bool:
    """``where`` is a web address and not a path."""
    return re.match(r"https?://", where) is not None


@contextmanager
def _copied(copy: Given, archive: Archive, settings: Config, progress: Progress) -> Iterator[Path]:
    """Where the copy lies; one that had to be fetched is removed when the block ends."""
    (archive.root / INCOMING).mkdir(parents=True, exist_ok=True)
    if not is_address(copy.where):
        path = Path(copy.where)
        if not path.is_file():
            raise SourceError(f"{path} is no file; name the file to read", "missing file")
        yield path
        return
    with fetcher(archive, settings, progress) as speaking:
        download = speaking.download(copy.where, hosts={str(urlsplit(copy.where).hostname)})
        if download is None:
            raise SourceError(
                f"{copy.where} says that nothing has changed, though nothing was asked"
            )
        try:
            yield download.path
        finally:
            download.path.unlink(missing_ok=True)


def _origin(copy: Given, path: Path, plain: Path) -> str:
    """Where the bytes came from, as the ledger tells it: a person's word, and the packed file's hash."""
    name = copy.where if is_address(copy.where) else path.name
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
    if spec.accepts and matches(name, spec.accepts):
        return name
    if len(spec.files) == 1 and not spec.accepts:
        return spec.files[0]
    wanted = ", ".join([*spec.files, *([spec.accepts] if spec.accepts else [])])
    raise SourceError(
        f"{given_name} is none of the files of {spec.source_id}: {wanted}. Rename the copy to the one it is"
    )
