"""A publisher's server on this machine, scripted by the test: what it does wrong is named.

    with serving() as replay:
        url = replay.on("/data.csv", Status(500), File(b"a,b\\n"))
        ...
        assert replay.count("/data.csv") == 2

It speaks HTTP/1.1 on 127.0.0.1, a thread a connection, and remembers every request.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

from tests.replay.routes import (
    Call,
    Chunked,
    Computed,
    Dripping,
    File,
    Paged,
    Route,
    Seen,
    Silent,
    Status,
    answer_json,
    gzipped,
    html,
    rate_limited,
    redirect,
    zipped,
)

__all__ = [
    "Call", "Chunked", "Computed", "Dripping", "File", "Paged", "Replay", "Route", "Seen", "Silent",
    "Status", "answer_json", "gzipped", "html", "rate_limited", "redirect", "serving", "zipped",
]  # fmt: skip


class Replay:
    """The routes of one server, and the requests that came to it."""

    def __init__(self) -> None:
        self.routes: dict[str, list[Route]] = {}
        self.seen: list[Seen] = []
        self.base_url = ""
        self.closing = threading.Event()
        self._lock = threading.Lock()

    @property
    def host(self) -> str:
        return "127.0.0.1"

    def url(self, path: str) -> str:
        return self.base_url + path

    def on(self, path: str, *routes: Route) -> str:
        """Answer ``path`` with these, one request each, the last one for ever; gives the address."""
        self.routes[path] = list(routes)
        return self.url(path)

    def job(self, path: str, *, running: int, result: Route, fails: bool = False) -> str:
        """A job that is started by POST, polled, and done after ``running`` looks."""
        state = {"status_url": self.url(f"{path}/status"), "file_url": self.url(f"{path}/file")}
        end = "failed" if fails else "finished"
        looks = count()
        self.on(
            f"{path}/status",
            Computed(
                lambda _: answer_json(
                    state | {"status": "running" if next(looks) < running else end}
                )
            ),
        )
        self.on(f"{path}/file", result)
        return self.on(path, answer_json(state | {"status": "ready"}))

    def requests(self, path: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.path == path]

    def count(self, path: str) -> int:
        return len(self.requests(path))

    def conditional(self, path: str) -> int:
        """How many requests asked only for what is new."""
        return sum(seen.is_conditional for seen in self.requests(path))

    def take(self, seen: Seen) -> Route:
        """The route whose turn it is."""
        with self._lock:
            self.seen.append(seen)
            routes = self.routes.get(seen.path, [Status(404, b"no such page")])
            return routes.pop(0) if len(routes) > 1 else routes[0]


def _handler(replay: Replay) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen = Seen(self.command, self.path, headers, body)
            call = Call(seen, self.connection, self.wfile, replay.closing)  # type: ignore[arg-type]
            try:
                replay.take(seen).answer(call)
            except OSError:  # the client has gone, which some tests are about
                call.is_last = True
            self.close_connection = self.close_connection or call.is_last

        do_POST = do_HEAD = do_GET  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing: the requests are in ``seen``."""

    return Handler


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up, or refuses our certificate, is what some tests are about."""


@contextmanager
def serving(replay: Replay | None = None, tls: ssl.SSLContext | None = None) -> Iterator[Replay]:
    """Serve ``replay``, over TLS if there is a context for it, until the block ends."""
    replay = replay or Replay()
    server = _Server((replay.host, 0), _handler(replay))
    if tls:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    replay.base_url = f"{'https' if tls else 'http'}://{replay.host}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield replay
    finally:
        replay.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
