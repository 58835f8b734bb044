"""The door: what each request has to pass before anything looks at it, and what each answer takes along.

The site only gives. A request that brings a body, asks by another method than GET or HEAD, calls the
server by a name that is not its own (as a page does that has a stranger's name lead here), or whose
address or headers are longer than any of ours is answered here. Pages speak through a WebSocket; it is
opened only for pages of this very server, and only so many at once. What of Streamlit nobody needs (its
interface for programs, its measurements, uploads) is not there.

Every answer says what a browser may do with it. Pages run Streamlit's own scripts and nothing else:
no ``eval``, no inline script but the one in Streamlit's document, whose hash is read from it, and no
inline style but two that its libraries write. A later Streamlit that writes others shows in the console,
where a test of every page looks for it.
"""

from __future__ import annotations

import re
from asyncio import timeout
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.file_util import get_static_dir

from dashboard.current import limits
from dashboard.slots import Slots

LONGEST_ADDRESS: Final = 8 << 10  # bytes
LONGEST_HEADERS: Final = 16 << 10
RETRY_SECONDS: Final = 10
METHODS: Final = ("GET", "HEAD")
THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
# What this project answers itself; all else is Streamlit's.
OURS: Final = frozenset(
    {"api", "brief", "feed.atom", "sitemap.xml", "card.png", "healthz", "readyz", "metrics"}
)
DRAWN: Final = frozenset({"brief", "feed.atom", "sitemap.xml", "card.png", "metrics"})
CLOSED: Final = ("/_stcore/agent", "/_stcore/metrics", "/_stcore/upload_file")
TRY_AGAIN_LATER: Final = 1013  # a close code of RFC 6455's registry
POLICY_VIOLATION: Final = 1008

NOTHING: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
FIXED: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), "
    "gyroscope=(), hid=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()",
}
_SCRIPT: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)


class Refusal(NamedTuple):
    """Why a request is not let in."""

    status: int
    message: str
    headers: Mapping[str, str] = MappingProxyType({})


sessions = Slots()
drawn = Slots()


# The styles that Streamlit's libraries write into a page: an empty one, filled by script, and this.
STYLES: Final = (
    "",
    "@layer {\n  [data-react-aria-pressable] {\n    touch-action: pan-x pan-y pinch-zoom;\n  }\n}",
)


@cache
def page_policy() -> str:
    """What a page may do: run and show what this server sends, ask this server, and nothing else."""
    document = Path(get_static_dir(), "index.html").read_text(encoding="utf-8")
    scripts = " ".join(map(_hashed, _SCRIPT.findall(document)))
    styles = " ".join(map(_hashed, STYLES))
    return (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self' {styles}; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; manifest-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )


def _hashed(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def host_of(netloc: str) -> str | None:
    """The name in a ``Host`` header, in small letters; None where it is none."""
    try:
        parts = urlsplit(f"//{netloc}")
        name, _ = parts.hostname, parts.port
    except ValueError:
        return None
    is_more = parts.path or parts.query or parts.fragment or "@" in netloc
    return None if is_more or not name else name.rstrip(".")


@cache
def names() -> frozenset[str]:
    """The names by which this server may be asked for."""
    public = limits().public_url
    own = {urlsplit(public).hostname} if public else set()
    return THIS_MACHINE | {name.lower() for name in limits().hosts} | {one for one in own if one}


def refusal(scope: Scope) -> Refusal | None:
    """What stands against a request; None where nothing does."""
    host = _only(scope["headers"], b"host") or ""
    found = _too_long(scope)
    if found is None and host_of(host) not in names():
        return Refusal(
            400, "This server is not known by that name; whoever runs it can set HMA_API__HOSTS."
        )
    if found is None and scope["path"].startswith(CLOSED):
        return Refusal(404, "There is nothing here.")
    is_socket = scope["type"] == "websocket"
    return found or (_of_socket(scope["headers"], host) if is_socket else _of_request(scope))


def _too_long(scope: Scope) -> Refusal | None:
    address = scope.get("raw_path") or scope["path"].encode()
    if len(address) + len(scope["query_string"]) > LONGEST_ADDRESS:
        return Refusal(414, f"An address here has at most {LONGEST_ADDRESS:,} bytes.")
    if sum(len(name) + len(value) for name, value in scope["headers"]) > LONGEST_HEADERS:
        return Refusal(431, f"The headers of a request have at most {LONGEST_HEADERS:,} bytes.")
    return None


def _of_request(scope: Scope) -> Refusal | None:
    headers = scope["headers"]
    if scope["method"] not in METHODS:
        return Refusal(405, "This server only gives.", {"Allow": ", ".join(METHODS)})
    has_length = _has(headers, b"content-length") and _only(headers, b"content-length") != "0"
    if has_length or _has(headers, b"transfer-encoding"):
        return Refusal(413, "No request brings a body here.")
    return None


def _of_socket(headers: list[tuple[bytes, bytes]], host: str) -> Refusal | None:
    """A page of another server may not listen in on what ours would be told."""
    origin = _only(headers, b"origin")
    if origin is None and not _has(headers, b"origin"):
        return None  # no browser, and so nobody's page
    public = limits().public_url
    own = {host.lower(), *([urlsplit(public).netloc.lower()] if public else [])}
    if origin is None or _server_of(origin) not in own:
        return Refusal(403, "Only pages of this server may connect.")
    return None


def _server_of(origin: str) -> str | None:
    """Name and port of the server in an ``Origin`` header, in small letters; None where it names none.

    A page in a sandboxed frame, or read from a file, is of origin ``null``, and so of no server.
    """
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc.lower() if parts.scheme in {"http", "https"} and parts.netloc else None


def _only(headers: list[tuple[bytes, bytes]], name: bytes) -> str | None:
    found = [value for key, value in headers if key == name]
    return found[0].decode("latin-1") if len(found) == 1 else None


def _has(headers: list[tuple[bytes, bytes]], name: bytes) -> bool:
    return any(key == name for key, _ in headers)


class Door:
    """Lets in what :func:`refusal` has nothing against, within time and number."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or have it answered."""
        if scope["type"] == "http":
            await self._answer(scope, receive, _Dressed(scope, send))
        elif scope["type"] == "websocket":
            await self._connect(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: _Dressed) -> None:
        found = refusal(scope)
        if found:
            await _refuse(found, scope, receive, send)
            return
        is_drawn = _first(scope) in DRAWN
        if is_drawn and not drawn.take(limits().streams):
            await _refuse(_busy(), scope, receive, send)
            return
        try:
            async with timeout(limits().stream_seconds):
                await self.app(scope, receive, send)
        except TimeoutError:
            if send.has_begun:  # what breaks off is not taken for a whole answer
                raise
            await _refuse(_busy(), scope, receive, send)
        finally:
            if is_drawn:
                drawn.give_back()

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        if refusal(scope):
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        if not sessions.take(limits().sessions):
            await send({"type": "websocket.close", "code": TRY_AGAIN_LATER})
            return
        try:
            await self.app(scope, receive, send)
        finally:
            sessions.give_back()


def _first(scope: Scope) -> str:
    return str(scope["path"]).lstrip("/").partition("/")[0]


def _busy() -> Refusal:
    return Refusal(
        503, "As much is under way as may be. Try again soon.", {"Retry-After": str(RETRY_SECONDS)}
    )


async def _refuse(found: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    headers = {"Cache-Control": "no-store", "Connection": "close", **found.headers}
    answer = PlainTextResponse(f"{found.message}\n", found.status, headers)
    await answer(scope, receive, send)


class _Dressed:
    """Sends on, and gives each answer the headers that it lacks."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._send = send
        self._policy = NOTHING if _first(scope) in OURS else page_policy()
        self.has_begun = False

    async def __call__(self, message: Message) -> None:
        """Send a message of an answer."""
        if message["type"] == "http.response.start":
            self.has_begun = True
            headers = MutableHeaders(raw=list(message["headers"]))
            for name, value in {**FIXED, "Content-Security-Policy": self._policy}.items():
                headers.setdefault(name, value)
            message = {**message, "headers": headers.raw}
        await self._send(message)
