"""Watching: a person is told when a page changes that figures were transcribed from.

Nothing is scraped. A watched page is fetched as politely as data, its bytes are archived when what
counts of it has changed (:mod:`etl.webpage`), and an issue says what a person has to read. The issue
stays until that person says that it was read: ``hma accept`` with the first digits of the page's
SHA-256, or for an edition also ``edition_read`` in ``source.yml``. A page that cannot be had makes its
watch stale, and dark after a while; the figures have nothing to do with that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Final
from urllib.parse import urljoin, urlsplit

from etl.archive import Archive, ArchiveError, UnreachableError, Vintage
from etl.config import Config
from etl.fetch import Download, Fetcher, FetchError, Validators, shown
from etl.locate import line_of
from etl.memory import Memory, Remembered, silence
from etl.reading import Finding, tame, unforeseen
from etl.sources import PageSpec, SourceSpec, WatchSpec
from etl.webpage import Essence, PageError, changes, essence, numbers_of

FOLDER: Final = "watch/"  # in the names of pages, which no reader's files share
RULES: Final = ("new edition", "changed page", "page to be compared", "watched page unreadable")
DIGITS: Final = 12
NAMED: Final = (FetchError, PageError, ArchiveError)


@dataclass(frozen=True)
class Sight:
    """What came of looking at one page: a new vintage if what counts has changed; or why it failed."""

    page: str
    state: str
    reason: str | None = None
    vintage: Vintage | None = None


def file_of(page: str) -> str:
    """The name under which a page is archived."""
    return f"{FOLDER}{page}.html"


def address_of(watch: WatchSpec, page: str) -> str:
    """The publisher's address of a page."""
    return urljoin(watch.base_url, watch.pages[page].address)


def is_looked_at(spec: SourceSpec, settings: Config) -> bool:
    """The pages of a source are looked at: not where it went dark, unless a mirror of them is named."""
    mirror = settings.sources.get(spec.source_id)
    is_mirrored = mirror is not None and mirror.watch_base_url is not None
    return settings.fetch.watch and (spec.status != "dark" or is_mirrored)


def look(
    spec: SourceSpec,
    watch: WatchSpec,
    archive: Archive,
    speaking: Fetcher,
    settings: Config,
    seen: Mapping[str, Vintage],
    progress: Callable[[str], None],
) -> list[Sight]:
    """Look at every watched page of a source; ``seen`` are the vintages of them had last, by file."""
    mirror = settings.sources.get(spec.source_id)
    base_url = (mirror and mirror.watch_base_url) or watch.base_url
    hosts = {*watch.hosts, str(urlsplit(base_url).hostname)}
    today = datetime.now(UTC).date()
    sights = []
    for name, page in watch.pages.items():
        progress(f"page {name}")
        one = _Look(
            spec.source_id, name, page, urljoin(base_url, page.address), archive,
            Memory.of(archive.root, memory_name(spec.source_id, name)), seen.get(file_of(name)),
        )  # fmt: skip
        try:
            vintage = one.at(speaking, hosts, watch, today)
            sights.append(Sight(name, "seen", vintage=vintage))
        except UnreachableError:
            raise
        except (
            Exception
        ) as error:  # whatever stands there, it ends the look at this page and nothing else
            why = str(error) if isinstance(error, NAMED) else unforeseen(error)
            sights.append(Sight(name, *one.missed(why, watch, today)))
    return sights


def memory_name(source_id: str, page: str) -> str:
    """Under which name the looking at a page is remembered."""
    return f"{source_id}.{page}"


@dataclass(frozen=True)
class _Look:
    """One page, where it is looked at, and what is known of it."""

    source_id: str
    name: str
    page: PageSpec
    url: str
    archive: Archive
    memory: Memory
    seen: Vintage | None

    def at(
        self, speaking: Fetcher, hosts: set[str], watch: WatchSpec, today: date
    ) -> Vintage | None:
        """Archive the page if what counts of it has changed; None if it has not."""
        download = speaking.download(
            self.url, hosts=hosts, known=self._known(), limits=watch.limits(), is_page=True
        )
        vintage = None
        if download is not None:
            try:
                vintage = self._news(download)
            finally:
                download.path.unlink(missing_ok=True)
            is_of = vintage or self.seen
            if is_of is not None:
                self.memory.files[self.name] = Remembered(
                    url=shown(self.url), sha256=is_of.sha256, **asdict(download.validators)
                )
        self.memory.had(today)
        return vintage

    def _known(self) -> Validators | None:
        """What the publisher said of the page when it said last what the archived copy says."""
        said = self.memory.files.get(self.name)
        if said is None or self.seen is None or said.url != shown(self.url):
            return None
        if said.sha256 != self.seen.sha256 or not self.archive.has(self.seen.sha256):
            return None
        return Validators(etag=said.etag, last_modified=said.last_modified)

    def _news(self, download: Download) -> Vintage | None:
        now = essence(self.page, download.path.read_bytes())
        if self.seen is not None and self._essence_seen() == now:
            return None
        release = download.validators.last_modified
        origin = f"{download.url}, last modified {release}" if release else download.url
        return self.archive.take(self.source_id, file_of(self.name), download.path, origin)

    def _essence_seen(self) -> Essence | None:
        """What counts of the copy had last; None if that is lost, or is read otherwise today."""
        if self.seen is None:
            return None
        try:
            return essence(self.page, self.archive.get(self.seen.sha256))
        except UnreachableError:
            raise
        except (ArchiveError, PageError):  # archived anew, and the issue says what became of it
            return None

    def missed(self, why: str, watch: WatchSpec, today: date) -> tuple[str, str]:
        """The state of a page that could not be had, and why; the same words until that changes."""
        since = self.memory.failed(today)
        good = self.memory.last_good or (self.seen.retrieved_at[:10] if self.seen else None)
        state, how_long = silence(good, since, today, watch.dark_after_days)
        return state, tame(
            f"{how_long}: {why}. The figures stay in use; look at the page by hand, and correct its address "
            "or what is looked for in source.yml if it has moved"
        )


def findings(
    spec: SourceSpec,
    watch: WatchSpec,
    archive: Archive,
    seen: Mapping[str, Vintage],
    read: Sequence[Vintage],
) -> list[Finding]:
    """What a person has to read and has not: one issue a page.

    ``seen`` are the newest vintages of the pages by file, ``read`` those that a person has said to have
    read, in that order.
    """
    found = []
    for name, page in watch.pages.items():
        newest = seen.get(file_of(name))
        if newest is None:
            continue
        was_read = next((one for one in reversed(read) if one.file == newest.file), None)
        place = f"{page.title} ({address_of(watch, name)})"
        try:
            what = _unread(page, archive, newest, was_read)
        except UnreachableError:
            raise
        except NAMED as error:
            what = (RULES[3], f"what was archived on {newest.retrieved_at[:10]}: {error}")
        if what:
            rule, said = what
            found.append(
                Finding(
                    line_of(newest.file, 1),
                    None,
                    rule,
                    f"{place}: {said}",
                    _fix(spec, page, newest),
                )
            )
    return found


def _fix(spec: SourceSpec, page: PageSpec, newest: Vintage) -> str:
    also = ", or set edition_read in source.yml" if page.edition else ""
    return (
        f"{page.instruction.strip().rstrip('.')}. Then say so: hma accept {spec.source_id} "
        f'{newest.sha256[:DIGITS]} --because "…"{also}'
    )


def _unread(
    page: PageSpec, archive: Archive, newest: Vintage, was_read: Vintage | None
) -> tuple[str, str] | None:
    """Which rule the newest copy of a page breaks, and how; None if there is nothing to read."""
    now = essence(page, archive.get(newest.sha256))
    before = essence(page, archive.get(was_read.sha256)) if was_read else None
    dated = f"seen {newest.retrieved_at[:10]}, SHA-256 {newest.sha256}"
    if page.edition:
        known = max(numbers_of(page.edition_read or ""), before.edition if before else ())
        if now.edition <= known:
            return None
        said = ".".join(map(str, known))
        return RULES[0], f"edition {said} → {now.lines[0].removeprefix('edition ')} ({dated})"
    if before is None or was_read is None:
        return RULES[2], f"nobody has compared it with what is transcribed ({dated})"
    if before == now:
        return None
    return RULES[1], (
        f"what counts {before.sha256[:DIGITS]} → {now.sha256[:DIGITS]} (read as of "
        f"{was_read.retrieved_at[:10]}; {dated}): {changes(before, now)}"
    )
