"""One source's conversation with its publisher: what a source's ``fetch.py`` gets to work with.

Bytes come in through :mod:`etl.fetch`, are unpacked where they come packed, and go into the archive
before anybody parses them. What the publisher said of a file (ETag, Last-Modified) is remembered
beside the archive, so that a file which has not changed costs one question. That memory can be lost
without harm: the file is fetched once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urljoin, urlsplit

from pydantic import SecretStr

from etl.archive import Archive, Vintage
from etl.config import ConfigError, secret_variable
from etl.fetch import Download, Fetcher, FetchError, Validators, shown
from etl.json_text import json_of
from etl.memory import Memory, Remembered
from etl.packing import Along
from etl.pages import as_line
from etl.reading import SourceError
from etl.sources import SourceSpec
from etl.unpack import unpacking

SHOWN_BYTES: Final = 80


class Session:
    """What one source may do while it is fetched."""

    def __init__(
        self,
        spec: SourceSpec,
        archive: Archive,
        fetcher: Fetcher,
        newest: list[Vintage],
        *,
        base_url: str | None = None,
        secrets: Callable[[str], SecretStr | None] = lambda _: None,
        progress: Callable[[int, int | None], None] = lambda *_: None,
    ) -> None:
        """Fetch for ``spec``; ``newest`` are its newest files, ``base_url`` a mirror to fetch from.

        ``secrets`` gives what this installation sets under a name; it may raise ConfigError.

        ``progress`` is told of questions asked and to be asked, where a source counts them.
        """
        if spec.fetch is None:
            raise ValueError(f"{spec.source_id} declares no fetch in its source.yml")
        self.options: Mapping[str, Any] = spec.fetch.options
        self.urls: Mapping[str, str] = spec.fetch.urls
        self.base_url = base_url or spec.fetch.base_url
        self.progress = progress
        self.today: date = datetime.now(UTC).date()
        self.fetched: dict[str, Vintage] = {}
        self._hosts = {*spec.fetch.hosts, *([str(urlsplit(base_url).hostname)] if base_url else [])}
        self.memory = Memory.of(archive.root, spec.source_id)
        self._source_id, self._secrets = spec.source_id, secrets
        self._limits, self._max_bytes = spec.fetch.limits(), spec.fetch.max_bytes
        self._archive, self._fetcher = archive, fetcher
        self._newest = {vintage.file: vintage for vintage in newest}

    def secret(self, name: str) -> str:
        """What the user set as the source's ``name``: a token, a password. It belongs into no message.

        Raises:
            FetchError: nothing is set.
        """
        try:
            value = self._secrets(name)
        except ConfigError as error:
            raise FetchError(str(error), "no credentials") from error
        if value is None:
            variable = secret_variable(self._source_id, name)
            raise FetchError(
                f"{self._source_id} is asked with an account of your own, and its {name} is not set: set "
                f"{variable}, or let {variable.replace('SECRETS', 'SECRET_FILES')} name a file that holds it",
                "no credentials",
            )
        return value.get_secret_value()

    def files(self) -> list[str]:
        """The names of the files that were had last."""
        return list(self._newest)

    def latest(self, file: str) -> bytes | None:
        """The newest bytes of ``file``, whether in use or on hold; None if there are none."""
        vintage = self._newest.get(file)
        return self._archive.get(vintage.sha256) if vintage else None

    def retrieved(self, file: str) -> date | None:
        """The day on which the newest ``file`` was first archived."""
        vintage = self._newest.get(file)
        return datetime.fromisoformat(vintage.retrieved_at).date() if vintage else None

    def download(self, file: str, address: str, *, member: str | None = None) -> None:
        """Bring one file into the archive as ``file``; nothing is moved if it has not changed.

        ``address`` is relative to the base address, or whole. ``member`` names which file of a zip is
        meant where it holds several, as a pattern (``*Transactions*.csv``).

        Raises:
            FetchError: it cannot be had, or is not what it should be.
            UnpackError: it is packed and cannot be unpacked.
        """
        url = self._url(address)
        with self._archive.along() as along:
            download = self._fetcher.download(
                url, hosts=self._hosts, known=self._known(file, url), limits=self._limits,
                along=along,
            )  # fmt: skip
            if download is None:
                self.fetched[file] = self._remembered(file, url)[0]
                return
            path = download.moved()
            self._archive.leave(path)  # when it has been read
            self.fetched[file] = self._take(file, path, download, member, along)
        self.memory.files[file] = Remembered(
            url=shown(url), sha256=self.fetched[file].sha256, **asdict(download.validators)
        )
        self.memory.keep()

    def _url(self, address: str) -> str:
        return urljoin(self.base_url, address)

    def _known(self, file: str, url: str) -> Validators | None:
        """What the publisher said of the bytes that it gave last, if they are in the archive."""
        try:
            return self._remembered(file, url)[1]
        except LookupError:
            return None

    def _remembered(self, file: str, url: str) -> tuple[Vintage, Validators]:
        """The vintage that the publisher gave last, and what it said of it; LookupError if there is none."""
        said = self.memory.files[file]
        if said.url != shown(url):
            raise LookupError(file)
        for vintage in self._archive.vintages():
            is_it = (vintage.source_id, vintage.file) == (self._source_id, file)
            if is_it and vintage.sha256 == said.sha256 and self._archive.has(vintage.sha256):
                return vintage, Validators(etag=said.etag, last_modified=said.last_modified)
        raise LookupError(file)

    def _take(
        self, file: str, path: Path, download: Download, member: str | None, along: Along
    ) -> Vintage:
        release = download.validators.last_modified
        origin = f"{download.url}, last modified {release}" if release else download.url
        with unpacking(path, self._max_bytes, member=member, name=file, along=along) as plain:
            return self._archive.take(self._source_id, file, plain, origin, along)

    def ask_bytes(
        self,
        method: Literal["GET", "POST"],
        address: str,
        *,
        params: Mapping[str, str] | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """One answer of a programming interface, as it comes; it is not archived by itself.

        ``form`` is sent as a form is; what it holds is a secret.

        Raises:
            FetchError: there is none.
        """
        return self._fetcher.ask(
            method, self._url(address), hosts=self._hosts, params=params, json=json, form=form,
            headers=headers, limits=self._limits,
        )  # fmt: skip

    def ask(
        self,
        method: Literal["GET", "POST"],
        address: str,
        *,
        params: Mapping[str, str] | None = None,
        json: object = None,
    ) -> Any:  # noqa: ANN401 - JSON
        """The same, read as JSON.

        Raises:
            FetchError: there is none, or it is no JSON.
        """
        return parsed(self.ask_bytes(method, address, params=params, json=json), self._url(address))

    @contextmanager
    def collect(
        self, file: str, origin: str, form: Callable[[bytes], bytes] = as_line
    ) -> Iterator[Callable[[bytes], None]]:
        """Bring the pages of one question into the archive as ``file``, one page a line.

        Gives a function that takes a page; ``form`` says how a page is written, where it is no JSON.
        Nothing is archived if the block raises.
        """
        self._archive.root.mkdir(parents=True, exist_ok=True)
        aside = self._fetcher.incoming / f"{self._source_id}-{file}.pages"
        aside.parent.mkdir(parents=True, exist_ok=True)
        try:
            with aside.open("wb") as pages:

                def add(page: bytes) -> None:
                    pages.write(form(page))

                yield add
            self.fetched[file] = self._archive.take(self._source_id, file, aside, origin)
        finally:
            aside.unlink(missing_ok=True)


def parsed(content: bytes, url: str) -> Any:  # noqa: ANN401 - JSON
    """An answer read as JSON.

    Raises:
        FetchError: it is none.
    """
    try:
        return json_of(content, "it")
    except SourceError as error:
        raise FetchError(
            f"{url} answered what is no JSON ({error.__cause__}): {content[:SHOWN_BYTES]!r}; the interface may "
            "have changed",
            "wrong content",
        ) from error
