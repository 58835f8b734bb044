"""What a publisher's server may do, each as one class.

A route is anything with ``answer(call)``. A test puts one route or several in a row on a path; each
request takes the next, and the last stays: ``Status(500), Status(500), File(b"...")`` fails twice
and then gives the file.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import socket
import threading
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Seen:
    """One request as it came; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))

    @property
    def is_conditional(self) -> bool:
        return not {"if-none-match", "if-modified-since"}.isdisjoint(self.headers)


@dataclass
class Call:
    """A request that waits for its answer."""

    seen: Seen
    connection: socket.socket
    wire: BinaryIO
    closing: threading.Event  # set when the server stops: nobody waits any longer
    is_last: bool = False  # the connection is closed after this answer

    def head(self, status: int, headers: Mapping[str, object]) -> None:
        lines = [f"HTTP/1.1 {status} Replayed", *(f"{name}: {headers[name]}" for name in headers)]
        self.wire.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        self.wire.flush()

    def send(self, content: bytes) -> None:
        if self.seen.method != "HEAD":
            self.wire.write(content)
            self.wire.flush()


class Route(Protocol):
    """Answers one request."""

    def answer(self, call: Call) -> None: ...


@dataclass
class Status:
    """This status with this body, and no more to it."""

    code: int
    body: bytes = b""
    headers: Mapping[str, object] = field(default_factory=dict)

    def answer(self, call: Call) -> None:
        length = {} if self.code in {204, 304} else {"Content-Length": len(self.body)}
        call.head(self.code, length | dict(self.headers))
        call.send(self.body)


def rate_limited(retry_after: object | None = None) -> Status:
    """Too many requests; ``retry_after`` is a number of seconds or an HTTP date."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Status(429, b'{"detail": "slow down"}', headers)


def html(text: str = "<!DOCTYPE html><title>Sign in</title>") -> Status:
    """A page for people where data was expected."""
    return Status(200, text.encode(), {"Content-Type": "text/html; charset=utf-8"})


def redirect(to: str, code: int = 302) -> Status:
    """Sends the client elsewhere."""
    return Status(code, headers={"Location": to})


def answer_json(value: object, code: int = 200) -> Status:
    """One answer of an interface for programs."""
    return Status(code, json.dumps(value).encode(), {"Content-Type": "application/json"})


def gzipped(content: bytes) -> bytes:
    """The bytes of a .gz file."""
    return gzip.compress(content, mtime=0)


def zipped(members: Mapping[str, bytes]) -> bytes:
    """The bytes of a .zip file."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return whole.getvalue()


@dataclass
class File:
    """A file with validators, as a good server gives it: 304, ranges, If-Range.

    ``content`` may be a path; its bytes then go from the disk to the socket without passing Python.
    ``cut`` closes the connection after so many bytes of the body. Of a part that is asked for,
    ``most`` bytes are given. ``lies`` are headers that replace
    the true ones.
    """

    content: bytes | Path
    etag: str | None = '"1"'
    last_modified: str | None = None
    has_ranges: bool = True
    cut: int | None = None
    most: int | None = None
    lies: Mapping[str, object] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return self.content.stat().st_size if isinstance(self.content, Path) else len(self.content)

    def answer(self, call: Call) -> None:
        asked = call.seen.headers
        headers: dict[str, object] = {"Content-Type": "application/octet-stream"}
        headers |= {"ETag": self.etag} if self.etag else {}
        headers |= {"Last-Modified": self.last_modified} if self.last_modified else {}
        headers |= {"Accept-Ranges": "bytes"} if self.has_ranges else {}
        if self._is_known(asked):
            call.head(304, headers)
            return
        start = self._start(asked)
        if start is not None and start >= self.size:
            call.head(416, {"Content-Range": f"bytes */{self.size}", "Content-Length": 0})
            return
        end = self.size
        if start is not None:
            end = min(self.size, start + (self.most or self.size))
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{self.size}"
        headers["Content-Length"] = end - (start or 0)
        call.head(200 if start is None else 206, headers | dict(self.lies))
        self._send(call, start or 0, end)

    def _is_known(self, asked: Mapping[str, str]) -> bool:
        if "if-none-match" in asked:
            return asked["if-none-match"] == self.etag
        since = asked.get("if-modified-since")
        return since is not None and since == self.last_modified

    def _start(self, asked: Mapping[str, str]) -> int | None:
        """The first byte that is asked for, if the client may have a part."""
        if not self.has_ranges or "range" not in asked:
            return None
        if asked.get("if-range", self.etag) not in {self.etag, self.last_modified}:
            return None
        return int(asked["range"].removeprefix("bytes=").removesuffix("-"))

    def _send(self, call: Call, start: int, end: int) -> None:
        end = end if self.cut is None else min(end, start + self.cut)
        if isinstance(self.content, bytes):
            call.send(self.content[start:end])
        else:
            with self.content.open("rb") as file:
                while start < end:
                    start += os.sendfile(
                        call.connection.fileno(), file.fileno(), start, end - start
                    )
        call.is_last = self.cut is not None


@dataclass
class Chunked:
    """A body of unknown length, in chunks; ``is_cut`` leaves the last one out."""

    chunks: Sequence[bytes]
    is_cut: bool = False
    headers: Mapping[str, object] = field(default_factory=dict)

    def answer(self, call: Call) -> None:
        call.head(200, {"Transfer-Encoding": "chunked", **self.headers})
        for chunk in self.chunks:
            call.send(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        if not self.is_cut:
            call.send(b"0\r\n\r\n")
        call.is_last = self.is_cut


@dataclass
class Dripping:
    """A byte at a time and never the last: in the body, or already in the headers."""

    where: str = "body"
    pause_seconds: float = 0.001

    def answer(self, call: Call) -> None:
        if self.where == "body":
            call.head(200, {"Content-Length": 1 << 20})
        else:
            call.wire.write(b"HTTP/1.1 200 Replayed\r\nX-Long: ")
        call.is_last = True
        while not call.closing.wait(self.pause_seconds):
            call.send(b"x")


@dataclass
class Silent:
    """Takes the request and says nothing, or nothing after the ``first`` of ``size`` bytes."""

    first: bytes | None = None
    size: int = 1 << 20

    def answer(self, call: Call) -> None:
        if self.first is not None:
            call.head(200, {"Content-Length": self.size, "ETag": '"1"', "Accept-Ranges": "bytes"})
            call.send(self.first)
        call.is_last = True
        call.closing.wait()


@dataclass
class Paged:
    """Answers in pages: page 1, 2, ... as the query or the JSON body asks, 404 after the last."""

    pages: Sequence[object]

    def answer(self, call: Call) -> None:
        body = json.loads(call.seen.body) if call.seen.body else {}
        page = int(call.seen.query.get("page", body.get("page", 1)))
        if 1 <= page <= len(self.pages):
            answer_json(self.pages[page - 1]).answer(call)
        else:
            answer_json({"detail": "no such page"}, 404).answer(call)


@dataclass
class Computed:
    """Whatever a function makes of the request."""

    function: Callable[[Seen], Route]

    def answer(self, call: Call) -> None:
        self.function(call.seen).answer(call)
