"""The head of a page: its title and what a shared link shows, written by the server.

Streamlit sends one and the same document for every page and fills it in the browser, so whoever only
reads the head (a messenger, a search engine) would see "Streamlit". The document is small; it is taken up
here, and the words of :mod:`dashboard.sharing` are put into its head, escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from markupsafe import Markup, escape
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.card import HEIGHT, WIDTH
from dashboard.sharing import Shared, shared
from dashboard.site import NAME, PAGES, base

TITLE: Final = re.compile(r"<title>[^<]*</title>")
# With these the document would come packed, in part, or not at all; it is made anew for each address.
LEFT_OUT: Final = frozenset({b"accept-encoding", b"range", b"if-none-match", b"if-modified-since"})


class Head:
    """Passes everything on to the pages, and writes the heads of their documents."""

    def __init__(self, pages: ASGIApp) -> None:
        self.pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the pages do, but for the head of a page."""
        if not _is_page(scope):
            await self.pages(scope, receive, send)
            return
        headers = [pair for pair in scope["headers"] if pair[0] not in LEFT_OUT]
        document = _Document(scope, send)
        await self.pages({**scope, "method": "GET", "headers": headers}, receive, document.take)


def _is_page(scope: Scope) -> bool:
    return (
        scope["type"] == "http"
        and scope["method"] in {"GET", "HEAD"}
        and scope["path"].strip("/") in PAGES
    )


class _Document:
    """The document on its way: held until it is whole, then sent with another head."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self.send = send
        self.start: Message = {}
        self.body = b""

    async def take(self, message: Message) -> None:
        """Hold what comes; send it when it is all there."""
        if message["type"] == "http.response.start":
            self.start = message
            return
        self.body += message.get("body", b"")
        if not message.get("more_body", False):
            await self._send_on()

    async def _send_on(self) -> None:
        headers = MutableHeaders(raw=list(self.start["headers"]))
        if self.start["status"] == 200 and headers.get("content-type", "").startswith("text/html"):  # noqa: PLR2004
            request = Request(self.scope)
            page = self.scope["path"].strip("/")
            words = await run_in_threadpool(shared, page, request.query_params)
            self.body = with_head(self.body.decode(), words, base(request), request).encode()
            for name in ("etag", "last-modified", "accept-ranges"):
                if name in headers:
                    del headers[name]
            headers["Cache-Control"] = "no-cache"
            headers["Content-Length"] = str(len(self.body))
        await self.send({**self.start, "headers": headers.raw})
        body = b"" if self.scope["method"] == "HEAD" else self.body
        await self.send({"type": "http.response.body", "body": body})


def with_head(document: str, words: Shared, address: str, request: Request) -> str:
    """The document with the words in its head."""
    title = f"{words.title} · {NAME}"
    query = f"?{request.url.query}" if request.url.query else ""
    tags = Markup("\n    ").join(_tags(words, title, address, f"{address}{words.page}{query}"))
    named = TITLE.sub(lambda _: f"<title>{escape(title)}</title>", document, count=1)
    return named.replace("</head>", f"  {tags}\n  </head>", 1)


def _tags(words: Shared, title: str, address: str, here: str) -> Iterable[Markup]:
    said = words.finding
    if words.as_of is not None:
        said = f"{said} As of refresh {words.as_of}."
    for name, content in (
        ("description", said),
        ("twitter:card", "summary_large_image"),
    ):
        yield Markup('<meta name="{}" content="{}" />').format(name, content)
    for name, content in (
        ("og:type", "website"),
        ("og:site_name", NAME),
        ("og:title", title),
        ("og:description", said),
        ("og:url", here),
        ("og:image", f"{address}{words.card}"),
        ("og:image:type", "image/png"),
        ("og:image:width", str(WIDTH)),
        ("og:image:height", str(HEIGHT)),
        ("og:image:alt", f"{words.title}. {said}"),
    ):
        yield Markup('<meta property="{}" content="{}" />').format(name, content)
    yield Markup(
        '<link rel="alternate" type="application/atom+xml" title="{}" href="{}feed.atom" />'
    ).format(f"{NAME}: changes", address)
