"""Fetching from publishers: polite, patient, and trusting nothing of what comes back.

Knows HTTP only, no source and no ledger. Two things can be asked of it: a file, which streams into
the folder ``incoming``, and one answer of an interface for programs, which is small and stays in
memory. Whatever is not plainly that is a :class:`FetchError` that says what came and what to do.

A file that was cut short is taken up again where it ended, by the next attempt or the next run, if
the server still has the very same file (``Range`` with ``If-Range`` and a strong validator). A small
file beside it keeps the validators; if that is missing or unreadable, the file starts over.

Redirects are followed here: each hop must be https, to a host that the source names, at a public
address (:mod:`etl.addresses`). httpx gives the words of HTTP and the connections, but not its client,
which has a mind of its own about redirects, cookies and what the environment says. Proxies and
certificates that the environment names are not used (``trust_env=False``): a proxy would connect
where we cannot check.
"""

from __future__ import annotations

import hashlib
import re
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import FileIO
from pathlib import Path
from typing import Final, Literal, NamedTuple, Self, TypeVar

import httpcore
import httpx
import tenacity

from etl import __version__, addresses, magic
from etl.limits import Limits
from etl.packing import Along
from etl.partial import TAKEN, Held, Part, Validators, http_date, length

__all__ = ["Download", "FetchError", "Fetcher", "Limits", "Outside", "Validators", "shown"]

T = TypeVar("T")

DEFAULTS: Final = Limits()
REPORT_BYTES: Final = 1 << 20  # progress is told this often
ANSWER_BYTES: Final = 1 << 27  # an answer is held in memory, so it may not be as large as a file
LAST_PORT: Final = 65535
SHOWN_BYTES: Final = 80
# A server's words in a message: an address and one other thing, no more than 300 characters.
SHOWN_ADDRESS: Final = 170
SHOWN_WORDS: Final = 120
SHOWN_MESSAGE: Final = 700  # whatever else a source puts into its own
_SECRET: Final = re.compile(
    r"(^|[-_.])(api|access)?_?key(id)?$|token|secret|passw|signature|credential|^sig$|^auth",
    re.IGNORECASE,
)
_REDIRECTS: Final = {301, 302, 303, 307, 308}
_KEEPS_METHOD: Final = {307, 308}
_PAGES: Final = ("text/html", "application/xhtml")
# What lies in the .part file is of no use after these.
_SPOILT: Final = {"HTML page", "empty body", "too large", "wrong content"}


class FetchError(Exception):
    """The publisher didn't give what was asked for; the message says what came and what to do.

    The message is one line that does nothing to a terminal, and its middle is left out if it is long,
    whatever a server put into it.

    ``rule`` names the check that stopped it. ``is_passing``: asking again may help. ``wait_seconds``:
    how long the server wants to be left alone, if it said so.
    """

    def __init__(
        self,
        message: str,
        rule: str,
        *,
        is_passing: bool = False,
        wait_seconds: float | None = None,
    ) -> None:
        super().__init__(magic.legible(message, SHOWN_MESSAGE))
        self.rule = rule
        self.is_passing = is_passing
        self.wait_seconds = wait_seconds


@dataclass(frozen=True)
class Download:
    """A file that has come whole; it lies in ``incoming`` until the caller has archived it.

    ``url`` is where it was found after redirects, without the secrets in its query.
    """

    path: Path
    size_bytes: int
    validators: Validators
    url: str

    def moved(self) -> Path:
        """Where the file lies from now on: as no part that a later run might go on with."""
        return self.path.rename(self.path.with_suffix(TAKEN))


@dataclass(frozen=True)
class Outside:
    """What a fetcher asks of its machine; tests put their own in its place."""

    resolve: addresses.Resolve = addresses.resolve
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    tls: Callable[[], ssl.SSLContext] = lambda: httpx.create_ssl_context(trust_env=False)


class _Ask(NamedTuple):
    """One thing that is asked for, whatever redirects and attempts it takes."""

    method: str
    url: httpx.URL
    hosts: frozenset[str]
    limits: Limits
    headers: Mapping[str, str]
    own: Mapping[str, str] = {}  # headers the caller set; another host doesn't get them
    json: object = None
    form: Mapping[str, str] | None = None
    is_page: bool = False  # a page for people is what is asked for

    @property
    def is_private(self) -> bool:
        """It holds a secret, so no message repeats what the server says: that may hold it too."""
        return self.form is not None or any(_SECRET.search(name) for name in self.own)


def shown(url: httpx.URL | str) -> str:
    """The address as messages may show it: no password, no value of a query that looks secret."""
    url = httpx.URL(url) if isinstance(url, str) else url
    place = str(url.copy_with(userinfo=b"", query=None, fragment=None))
    if not url.query:
        return place
    parts = url.query.decode("ascii", "replace").split("&")
    return f"{place}?{'&'.join(_without_secret(part) for part in parts)}"


def _at(url: httpx.URL) -> str:
    return magic.legible(shown(url), SHOWN_ADDRESS)


def _words(said: object) -> str:
    """What a server sent, as a message quotes it: an error's text as it is, else between quotes."""
    text = str(said) or type(said).__name__ if isinstance(said, Exception) else repr(said)
    return magic.legible(text, SHOWN_WORDS)


def _without_secret(parameter: str) -> str:
    name, equals, _ = parameter.partition("=")
    return f"{name}{equals}***" if _SECRET.search(name) else parameter


def _silent(done: int, total: int | None) -> None:
    """Tell nobody how far it is."""


class Fetcher:
    """Asks publishers' servers. One for a refresh: it remembers when it last asked which host."""

    def __init__(
        self,
        incoming: Path,
        *,
        contact: str,
        allow_loopback: bool = False,
        limits: Limits = DEFAULTS,
        progress: Callable[[int, int | None], None] = _silent,
        outside: Outside = Outside(),
    ) -> None:
        """Let files come into ``incoming``; ``contact`` tells the publisher whom to write to.

        ``allow_loopback`` permits this machine's own addresses, also over http if the address is
        written as one (http://127.0.0.1:8000/, not http://localhost:8000/). ``progress`` is told
        bytes done and the total, if the server named it.
        """
        self.incoming = incoming
        self.limits = limits
        self._allow_loopback = allow_loopback
        self._progress = progress
        self._outside = outside
        self._deadline = addresses.Deadline(outside.clock)
        backend = addresses.CheckedBackend(
            self._deadline, allow_loopback=allow_loopback, resolve=outside.resolve
        )
        self._transport = addresses.CheckedTransport(backend, outside.tls())
        self._agent = f"hma-ledger/{__version__} (+{contact})"
        self._asked_at: dict[bytes, float] = {}
        self._parts: list[Part] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections, and forget what was known of files that have been taken away."""
        self._transport.close()
        for part in self._parts:
            part.tidy()

    def download(
        self,
        url: str,
        *,
        hosts: Collection[str],
        known: Validators | None = None,
        limits: Limits | None = None,
        is_page: bool = False,
        along: Along | None = None,
    ) -> Download | None:
        """Fetch a file into ``incoming``; None if the server says it is still the one ``known``.

        Archive the file, then remove it: a run that dies before that takes up what is there. A server
        that doesn't heed ``known`` sends the file again. ``is_page`` says that a page for people is
        wanted, which is refused otherwise; whether it is the right page is for the caller to see.
        ``along`` may read the file while it comes.

        Raises:
            FetchError: it didn't come, not whole, or isn't data.
            OSError: it cannot be written.
        """
        self.incoming.mkdir(parents=True, exist_ok=True)
        limits = limits or self.limits
        part = Part(self.incoming / hashlib.sha256(url.encode()).hexdigest())
        self._parts.append(part)
        ask = _Ask(
            "GET", self._address(url), _names(hosts), limits, {"Accept-Encoding": "identity"},
            is_page=is_page,
        )  # fmt: skip
        try:
            return self._patiently(limits, lambda: self._download(ask, part, known, along))
        except FetchError as error:
            if error.rule in _SPOILT:
                part.discard()
            raise

    def ask(  # noqa: PLR0913 - a question has so many parts
        self,
        method: Literal["GET", "POST"],
        url: str,
        *,
        hosts: Collection[str],
        params: Mapping[str, str] | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> bytes:
        """One answer of an interface for programs, not empty and no page for people.

        What ``form`` holds is a secret, and a header that is named like one (a token, an authorization)
        too: no other host gets it, and no message repeats an answer to it.

        A POST must only ask: like a GET it is sent again when the answer didn't come.

        Raises:
            FetchError: no answer came, or something that is none.
        """
        limits = limits or self.limits
        address = self._address(url)
        address = address.copy_merge_params(params) if params else address
        always = {"Accept-Encoding": "identity", "Accept": "application/json"}
        ask = _Ask(method, address, _names(hosts), limits, always, headers or {}, json, form)
        return self._patiently(limits, lambda: self._ask(ask))

    # One attempt.

    def _download(
        self, ask: _Ask, part: Part, known: Validators | None, along: Along | None
    ) -> Download | None:
        held = part.held()
        conditions = held.conditions() if held else known.conditions() if known else {}
        ask = ask._replace(headers={**ask.headers, **conditions})
        with self._answer(ask) as response:
            if response.status_code == httpx.codes.NOT_MODIFIED and known and not held:
                return None
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and held:
                part.discard()
                raise _odd(response, "has no such part any more; starting over", is_passing=True)
            self._refuse(ask, response)
            if held and response.status_code == httpx.codes.PARTIAL_CONTENT:
                _refuse_other_part(response, held, part)
            elif response.status_code == httpx.codes.OK:
                held = part.begin(response)
            else:
                raise _odd(response, "is no answer to what was asked; look at it by hand")
            done = self._copy(ask.limits, response, part, held, along)
        if held.total is not None and done > held.total:
            part.discard()
            raise _odd(response, "sent more than it announced; starting over", is_passing=True)
        if held.total is not None and done < held.total:
            raise _cut(response.url, f"{done:,} of {held.total:,} bytes came")
        _refuse_content(response, part.start(), done, may_be_page=ask.is_page)
        return Download(part.path, done, held.validators, shown(response.url))

    def _ask(self, ask: _Ask) -> bytes:
        most = min(ask.limits.max_bytes, ANSWER_BYTES)
        content = bytearray()
        with self._answer(ask) as response:
            self._refuse(ask, response)
            if not response.is_success:
                raise _odd(response, "is no answer to what was asked; look at it by hand")
            _refuse_size(response, length(response), most)
            for chunk in response.iter_raw():
                content += chunk
                _refuse_size(response, len(content), most)
        if ask.is_private and magic.is_page(bytes(content)):
            raise _page(response, b"")
        _refuse_content(response, bytes(content), len(content))
        return bytes(content)

    def _copy(
        self,
        limits: Limits,
        response: httpx.Response,
        part: Part,
        held: Held,
        along: Along | None,
    ) -> int:
        """Write the body to the .part file; gives its size then."""
        done = told = held.size
        _refuse_size(response, held.total, limits.max_bytes)
        with part.path.open("r+b", buffering=0) as file:
            file.truncate(done)
            file.seek(done)
            if along:
                along.begin(part.path)
                along.grown(done)
            for chunk in response.iter_raw():  # not iter_raw(size): joining pieces trebles the cost
                done += len(chunk)
                if done > limits.max_bytes:
                    _refuse_size(response, done, limits.max_bytes)
                _write(file, chunk)
                if done - told >= REPORT_BYTES:
                    if along:
                        along.grown(done)
                    self._progress(done, held.total)
                    told = done
        if along:
            along.grown(done)
        self._progress(done, held.total)
        return done

    @contextmanager
    def _answer(self, ask: _Ask) -> Iterator[httpx.Response]:
        """The answer after all redirects, its body not yet read."""
        response: httpx.Response | None = None
        try:
            response = self._follow(ask)
            yield response
        except addresses.AddressError as error:
            raise FetchError(
                f"{_at(ask.url)} is not fetched: {_words(error)}. Check the address, and who answers for "
                "the name",
                "address refused",
            ) from error
        except httpcore.TimeoutException as error:
            raise self._late(ask) from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            if response is not None:
                raise _cut(response.url, _words(error)) from error
            certificate = "CERTIFICATE_VERIFY_FAILED" in str(error)
            raise FetchError(
                f"{_at(ask.url)} cannot be reached: {_words(error)}. "
                + (
                    "Its certificate is not trusted; do not go around that"
                    if certificate
                    else "Check the connection, and try later"
                ),
                "no connection",
                is_passing=not certificate,
            ) from error
        finally:
            if response is not None:
                response.close()

    def _follow(self, ask: _Ask) -> httpx.Response:
        url, first = ask.url, ask.url.raw_host
        for _ in range(ask.limits.max_redirects + 1):
            self._check(url, ask.hosts)
            self._wait_for_turn(url.raw_host, ask.limits.min_interval_seconds)
            is_first = url.raw_host == first
            if ask.form is not None and not is_first:
                raise FetchError(
                    f"{_at(ask.url)} sends a question that holds a secret on to {_at(url)}, which does not "
                    "get it; look whether the publisher moved",
                    "redirect refused",
                )
            own = ask.own if is_first else {}
            timeout = httpx.Timeout(ask.limits.idle_seconds, connect=ask.limits.connect_seconds)
            request = httpx.Request(
                ask.method, url, json=ask.json, data=ask.form,
                headers={"User-Agent": self._agent, **ask.headers, **own},
                extensions={"timeout": timeout.as_dict()},
            )  # fmt: skip
            response = self._transport.handle_request(request)
            if response.status_code not in _REDIRECTS:
                return response
            response.close()
            url = _next(ask, response)
        raise FetchError(
            f"{_at(ask.url)} redirects more than {ask.limits.max_redirects} times, last to "
            f"{_at(url)}; look for its new address",
            "redirect refused",
        )

    def _check(self, url: httpx.URL, hosts: frozenset[str]) -> None:
        """Refuse an address that is not https, or whose host the source doesn't name."""
        host = url.raw_host.decode("ascii", "replace").lower()
        plain = url.scheme == "http" and self._allow_loopback and addresses.is_loopback(host)
        if url.scheme != "https" and not plain:
            raise FetchError(
                f"{_at(url)} is not https; what comes over it could have been altered. Use the "
                "https address",
                "not https",
            )
        if host not in hosts:
            raise FetchError(
                f"{_at(url)} is at none of the hosts that the source names ({', '.join(sorted(hosts))}); "
                "if the publisher moved, add the host to the source's page",
                "host not allowed",
            )
        if url.port is not None and url.port > LAST_PORT:
            raise FetchError(
                f"{_at(url)} names a port that cannot be; correct it", "address refused"
            )
        if url.userinfo:
            raise FetchError(
                f"{_at(url)} comes with a user name; public data needs none", "address refused"
            )

    def _address(self, url: str) -> httpx.URL:
        try:
            return httpx.URL(url)
        except httpx.InvalidURL as error:
            raise FetchError(
                f"this is no address: {_words(error)}; correct it", "address refused"
            ) from error

    # Patience.

    def _patiently(self, limits: Limits, attempt: Callable[[], T]) -> T:
        """Try again while that may help, there are attempts left, and the time allows it."""
        self._deadline.start(limits.max_seconds)
        backoff = tenacity.wait_exponential_jitter(initial=1, max=60)

        def wait(state: tenacity.RetryCallState) -> float:
            asked = getattr(state.outcome and state.outcome.exception(), "wait_seconds", None)
            return float(backoff(state)) if asked is None else float(asked)

        retrying = tenacity.Retrying(
            stop=lambda state: (
                state.attempt_number >= limits.attempts
                or state.upcoming_sleep >= self._deadline.left()
            ),
            wait=wait,
            retry=tenacity.retry_if_exception(lambda error: getattr(error, "is_passing", False)),
            sleep=self._outside.sleep,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except FetchError as error:
            tries = retrying.statistics["attempt_number"]
            if tries > 1:
                error.args = (f"{error} (tried {tries} times)",)
            raise

    def _wait_for_turn(self, host: bytes, interval: float) -> None:
        before = self._asked_at.get(host)
        if before is not None:
            wait = before + interval - self._outside.clock()
            if wait > 0:
                self._outside.sleep(wait)
        self._asked_at[host] = self._outside.clock()

    def _late(self, ask: _Ask) -> FetchError:
        if self._deadline.left() <= 0:
            return FetchError(
                f"{_at(ask.url)} was not done within {ask.limits.max_seconds:g} seconds; try later, "
                "or raise max_seconds",
                "timeout",
            )
        return FetchError(
            f"{_at(ask.url)} did not answer, or stopped in between, for "
            f"{ask.limits.idle_seconds:g} seconds; try later",
            "timeout",
            is_passing=True,
        )

    # What came back.

    def _refuse(self, ask: _Ask, response: httpx.Response) -> None:
        """Refuse an answer whose status or headers say that it isn't what was asked for."""
        status = response.status_code
        if status >= httpx.codes.BAD_REQUEST:
            raise self._failure(ask, response)
        if not ask.is_page and response.headers.get("content-type", "").lower().startswith(_PAGES):
            raise _page(response, b"" if ask.is_private else _first_bytes(response))
        encoding = response.headers.get("content-encoding", "identity").lower()
        if encoding != "identity":
            raise _odd(
                response, f"came with content-encoding {_words(encoding)}, which was not asked for"
            )

    def _failure(self, ask: _Ask, response: httpx.Response) -> FetchError:
        status, asked = response.status_code, _retry_after(response, self._outside.now())
        if asked is not None and asked > ask.limits.max_wait_seconds:
            later = (self._outside.now() + timedelta(seconds=asked)).astimezone(UTC)
            return FetchError(
                f"{_at(response.url)} answered {status} and wants to be left alone; come back after "
                f"{later:%Y-%m-%d %H:%M} UTC",
                "rate limited",
                wait_seconds=asked,
            )
        rule, what, is_passing = _MEANINGS.get(status) or _MEANINGS.get(
            status // 100 * 100, _MEANINGS[500]
        )
        said = "" if ask.is_private else f": {_words(_first_bytes(response))}"
        return FetchError(
            f"{_at(response.url)} answered {status}{said}; {what}",
            rule,
            is_passing=is_passing,
            wait_seconds=asked,
        )


_MEANINGS: Final = {
    401: ("forbidden", "the publisher wants a key or an account; look at its terms", False),
    403: ("forbidden", "the publisher turns us away; ask it, and do not go around that", False),
    404: ("not found", "the file has moved or is gone; look for it on the publisher's page", False),
    408: ("timeout", "the server lost patience; try later", True),
    410: ("not found", "the publisher took the file away; the last copy stays in use", False),
    429: ("rate limited", "try later, or raise min_interval_seconds of the source", True),
    451: ("forbidden", "the publisher may not show this; the last copy stays in use", False),
    400: ("wrong content", "the server doesn't take the question; has its interface changed?", False),
    500: ("server error", "the fault is the server's; try later", True),
}  # fmt: skip


def _names(hosts: Collection[str]) -> frozenset[str]:
    """The hosts as they are looked up: in small letters, and in IDNA form if they have others."""
    return frozenset(_name(host) for host in hosts)


def _name(host: str) -> str:
    if host.isascii():
        return host.lower()
    try:
        return httpx.URL(scheme="https", host=host).raw_host.decode("ascii")
    except httpx.InvalidURL:
        return host  # no address is at such a host


def _next(ask: _Ask, response: httpx.Response) -> httpx.URL:
    """Where a redirect leads."""
    place = response.headers.get("location")
    if not place:
        raise _odd(response, "is a redirect that leads nowhere", rule="redirect refused")
    try:
        url = response.url.join(place)
    except (httpx.InvalidURL, ValueError) as error:
        raise _odd(
            response, f"redirects to no address ({_words(error)})", rule="redirect refused"
        ) from error
    if ask.method != "GET" and response.status_code not in _KEEPS_METHOD:
        to = magic.legible(shown(url), SHOWN_WORDS)
        raise _odd(
            response, f"sends a question on to {to} without it; use the new address",
            rule="redirect refused",
        )  # fmt: skip
    return url


def _first_bytes(response: httpx.Response) -> bytes:
    """Some of the body, for a message; nothing if it doesn't come."""
    try:
        return next(response.iter_raw(), b"")[:SHOWN_BYTES]
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
        return b""  # the status is the news


def _write(file: FileIO, content: bytes) -> None:
    """Write all of it: the system may take less at once."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def _odd(
    response: httpx.Response, what: str, *, rule: str = "wrong content", is_passing: bool = False
) -> FetchError:
    return FetchError(
        f"{_at(response.url)} answered {response.status_code} and {what}",
        rule,
        is_passing=is_passing,
    )


def _cut(url: httpx.URL, how: str) -> FetchError:
    return FetchError(
        f"{_at(url)} ended too early: {how}. What came is kept; the next attempt goes on from there "
        "if the server can",
        "cut short",
        is_passing=True,
    )


def _page(response: httpx.Response, start: bytes) -> FetchError:
    return FetchError(
        f"{_at(response.url)} is an HTML page, not data: {_words(start[:SHOWN_BYTES])}; the address may show "
        "an error or a sign-in page. Open it in a browser",
        "HTML page",
    )


def _refuse_content(
    response: httpx.Response, start: bytes, size: int, *, may_be_page: bool = False
) -> None:
    """Refuse a body that is empty, or a page for people where none was asked for."""
    if not size or (size <= magic.START_BYTES and not magic.text_start(start)):
        raise FetchError(
            f"{_at(response.url)} answered {response.status_code} with an empty body; try later, and "
            "look at it by hand if it stays so",
            "empty body",
        )
    if not may_be_page and magic.is_page(start):
        raise _page(response, magic.text_start(start))


def _refuse_size(response: httpx.Response, size: int | None, most: int) -> None:
    if size is not None and size > most:
        raise FetchError(
            f"{_at(response.url)} is larger than the {most:,} bytes allowed ({size:,} or more); if "
            "that is right, raise max_bytes of the source",
            "too large",
        )


def _retry_after(response: httpx.Response, now: datetime) -> float | None:
    """Seconds to wait, from a number or an HTTP date; None if the server names none that is one."""
    value = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        return float(value)
    date = http_date(value)
    return max(0.0, (date - now).total_seconds()) if date else None


def _refuse_other_part(response: httpx.Response, held: Held, part: Part) -> None:
    """Refuse a 206 that is not the rest of what is held."""
    match = re.fullmatch(
        r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19}|\*)",
        response.headers.get("content-range", "").strip(),
    )
    sent = Validators.of(response.headers).etag
    is_same = "etag" not in response.headers or sent == held.validators.etag
    is_rest = (
        match is not None
        and int(match[1]) == held.size
        and match[3] in {str(held.total), "*"}
        and is_same
    )
    if not is_rest:
        part.discard()
        raise _odd(response, "sent another part than was asked for; starting over", is_passing=True)
