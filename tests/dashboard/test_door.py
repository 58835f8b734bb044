"""The door before the site: names, origins, sizes, methods and numbers, and what each answer takes along."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboard import door, patience
from dashboard.current import limits
from dashboard.door import Door, host_of, page_policy
from tests.dashboard.serving import REPOSITORY, free_port

STREAM = "/_stcore/stream"
HERE = {"Host": "localhost"}


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("open")
    await socket.receive_text()


async def answer(request: Request) -> PlainTextResponse:
    await asyncio.sleep(float(request.query_params.get("sleep", 0)))
    return PlainTextResponse("let in")


site = Door(
    Starlette(routes=[WebSocketRoute(STREAM, echo), Route("/{path:path}", answer, methods=["GET"])])
)


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("HMA_API__HOSTS", '["ledger.lan"]')
    monkeypatch.setenv("HMA_API__PUBLIC_URL", "https://ledger.example/")
    monkeypatch.setenv("HMA_API__SESSIONS", "2")
    monkeypatch.setenv("HMA_API__STREAMS", "1")
    monkeypatch.setenv("HMA_API__STREAM_SECONDS", "1")
    monkeypatch.setenv("HMA_CONFIG", os.devnull)
    for cached in (limits, door.names):
        cached.cache_clear()
    yield TestClient(site, base_url="http://localhost")
    for cached in (limits, door.names):
        cached.cache_clear()


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1:8501", "[::1]:8501", "LEDGER.example", "ledger.example.", "ledger.lan:80"],
)  # fmt: skip
def test_the_server_answers_to_its_own_names(reader: TestClient, host: str) -> None:
    assert reader.get("/", headers={"Host": host}).text == "let in"


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "localhost.evil.example", "evil.example#localhost", "localhost@evil.example",
     "x@localhost", "localhost#x", "localhost?x", "localhost/x", "127.0.0.1.evil.example", "[::1", "localhost:x", "127.0.0.2", "ledger.example:99999"],
)  # fmt: skip
def test_whoever_calls_it_by_another_name_gets_nothing(reader: TestClient, host: str) -> None:
    refused = reader.get("/", headers={"Host": host})
    assert (refused.status_code, "HMA_API__HOSTS" in refused.text) == (400, True)
    with (
        pytest.raises(WebSocketDisconnect),
        reader.websocket_connect(STREAM, headers={"Host": host}),
    ):
        pass


def test_whoever_calls_it_by_two_names_gets_nothing(reader: TestClient) -> None:
    for names in (("localhost", "evil.example"), ("evil.example", "localhost")):
        assert reader.get("/", headers=[("Host", name) for name in names]).status_code == 400


@given(st.text(max_size=60))
@settings(max_examples=50)
def test_a_name_is_a_name_or_none(text: str) -> None:
    found = host_of(text)
    assert found is None or not set(found) & set("/?#@[]")


@pytest.mark.parametrize(
    ("ask", "status"),
    [
        ({"method": "GET", "url": "/?" + "a" * 9000}, 414),
        ({"method": "GET", "url": "/", "headers": {"X-Long": "a" * 17_000}}, 431),
        ({"method": "GET", "url": "/", "content": b"a body"}, 413),
        ({"method": "GET", "url": "/", "headers": {"Transfer-Encoding": "chunked"}}, 413),
        *(
            ({"method": method, "url": "/"}, 405)
            for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
        ),
        *(
            ({"method": "GET", "url": url}, 404)
            for url in (
                "/_stcore/agent/openapi.json", "/_stcore/agent/interact", "/_stcore/metrics",
                "/_stcore/upload_file/a/b", "/%5fstcore/agent/mcp",
            )
        ),
    ],
    ids=lambda each: str(each)[:60],
)  # fmt: skip
def test_what_no_reader_needs_is_refused(
    reader: TestClient, ask: dict[str, Any], status: int
) -> None:
    refused = reader.request(**ask)
    assert refused.status_code == status
    assert "let in" not in refused.text
    assert refused.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("host", "origin", "is_let_in"),
    [
        ("localhost:8501", "http://localhost:8501", True),
        ("localhost:8501", "https://ledger.example", True),
        ("ledger.example", "https://ledger.example", True),
        ("localhost:8501", None, True),
        ("localhost:8501", "http://localhost:3000", False),
        ("localhost:8501", "https://evil.example", False),
        ("localhost:8501", "null", False),
        ("localhost:8501", "", False),
    ],
)
def test_a_page_of_another_server_may_not_listen_in(
    reader: TestClient, host: str, origin: str | None, *, is_let_in: bool
) -> None:
    headers = {"Host": host} | ({} if origin is None else {"Origin": origin})
    if is_let_in:
        with reader.websocket_connect(STREAM, headers=headers) as socket:
            assert socket.receive_text() == "open"
            socket.send_text("bye")
        return
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        reader.websocket_connect(STREAM, headers=headers),
    ):
        pass
    assert refused.value.code == door.POLICY_VIOLATION


@pytest.mark.parametrize("origin", ["null", "file://", "localhost", "http://", "http://[::1"])
def test_a_page_that_is_of_no_server_may_not_listen_in(
    reader: TestClient, monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    monkeypatch.delenv("HMA_API__PUBLIC_URL")  # as it is installed
    limits.cache_clear()
    door.names.cache_clear()
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        reader.websocket_connect(STREAM, headers={"Host": "localhost", "Origin": origin}),
    ):
        pass
    assert refused.value.code == door.POLICY_VIOLATION


def test_only_so_many_pages_are_open_at_once(reader: TestClient) -> None:
    with ExitStack() as stack:
        for _ in range(2):
            socket = stack.enter_context(reader.websocket_connect(STREAM, headers=HERE))
            assert socket.receive_text() == "open"
            stack.callback(socket.send_text, "bye")
        with (
            pytest.raises(WebSocketDisconnect) as refused,
            reader.websocket_connect(STREAM, headers=HERE),
        ):
            pass
        assert refused.value.code == door.TRY_AGAIN_LATER
    assert door.sessions.taken == 0


def test_only_so_many_drawings_are_under_way_at_once(reader: TestClient) -> None:
    assert door.drawn.take(1)
    try:
        busy = reader.get("/card.png")
        assert (busy.status_code, busy.headers["retry-after"]) == (503, "10")
        assert reader.get("/country").status_code == 200
    finally:
        door.drawn.give_back()
    assert reader.get("/card.png").status_code == 200
    assert door.drawn.taken == 0


def test_an_answer_that_takes_too_long_is_given_up(reader: TestClient) -> None:
    assert reader.get("/?sleep=20").status_code == 503


def test_an_answer_that_has_begun_and_takes_too_long_breaks_off_and_is_no_whole_one(
    reader: TestClient,
) -> None:
    sent: list[str] = []

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        await asyncio.sleep(20)

    async def send(message: Message) -> None:
        sent.append(message["type"])

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }
    with pytest.raises(TimeoutError):
        asyncio.run(Door(slow)(scope, Request(scope).receive, send))
    assert sent == ["http.response.start", "http.response.body"]


def test_every_answer_says_what_a_browser_may_do_with_it(reader: TestClient) -> None:
    for path in ("/", "/static/js/a.js", "/api/v1/coverage.csv", "/card.png", "/?" + "a" * 9000):
        headers = reader.get(path).headers
        assert {name: headers.get(name) for name in door.FIXED} == dict(door.FIXED)
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
    assert reader.get("/api/v1/coverage.csv").headers["content-security-policy"] == door.NOTHING


def test_a_page_may_run_nothing_that_is_not_streamlits() -> None:
    assert "unsafe" not in page_policy()
    assert "http" not in page_policy()
    assert page_policy().count("'sha256-") == 1 + len(door.STYLES)


# ---- Streamlit's settings

HOSTILE = """
[server]
enableXsrfProtection = false
enableCORS = false
enableStaticServing = true
enableAgentApi = true
corsAllowedOrigins = ["https://evil.example"]
maxUploadSize = 2000
[client]
showErrorDetails = "full"
toolbarMode = "developer"
[browser]
gatherUsageStats = true
"""
ASK = """
import json, dashboard.app
from dashboard.locked import LOCKED
from streamlit import config
print(json.dumps({name: config.get_option(name) for name in LOCKED}))
"""


def test_no_file_and_no_variable_weakens_streamlit(tmp_path: Path) -> None:
    folder = tmp_path / ".streamlit"
    folder.mkdir()
    (folder / "config.toml").write_text(HOSTILE)
    hostile = {
        "HOME": str(tmp_path), "STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION": "false",
        "STREAMLIT_CLIENT_SHOW_ERROR_DETAILS": "full", "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "true",
    }  # fmt: skip
    said = subprocess.run(
        [sys.executable, "-c", ASK], cwd=tmp_path, check=True, capture_output=True, text=True,
        env=os.environ | hostile | {"PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    found = json.loads(said.stdout.splitlines()[-1])
    assert found["server.enableXsrfProtection"] is True
    assert found["server.enableAgentApi"] is found["browser.gatherUsageStats"] is False
    assert found["client.showErrorDetails"] == "none"
    from dashboard.locked import LOCKED

    assert found == dict(LOCKED)


# ---- slow requests


@pytest.fixture
def slow_site(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a server that waits half a second for a request."""
    monkeypatch.setattr(patience, "HEAD_SECONDS", 0.5)
    routes = [WebSocketRoute(STREAM, echo), Route("/", answer)]
    config = uvicorn.Config(
        Starlette(routes=routes), port=free_port(), http="dashboard.patience:Patient",
        log_level="critical", ws="websockets-sansio",
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield config.port
    server.should_exit = True
    thread.join()


def until_closed(connection: socket.socket) -> tuple[bytes, float]:
    """What the server says until it hangs up, and after how many seconds."""
    connection.settimeout(10)
    began, said = time.monotonic(), b""
    while piece := connection.recv(1 << 16):
        said += piece
    return said, time.monotonic() - began


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "])
def test_a_request_that_never_ends_is_not_waited_for(slow_site: int, start: bytes) -> None:
    with socket.create_connection(("127.0.0.1", slow_site)) as connection:
        connection.sendall(start)
        said, seconds = until_closed(connection)
    assert said == b""
    assert seconds < 5


def test_a_second_request_that_never_ends_is_not_waited_for_either(slow_site: int) -> None:
    with socket.create_connection(("127.0.0.1", slow_site)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        _, seconds = until_closed(connection)
    assert seconds < 4, "uvicorn's own patience is five seconds, and only for silence"


def test_an_answer_may_take_longer_than_a_request(slow_site: int) -> None:
    with socket.create_connection(("127.0.0.1", slow_site)) as connection:
        connection.sendall(b"GET /?sleep=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        said, _ = until_closed(connection)
    assert said.endswith(b"let in")


def test_an_open_page_is_not_hung_up_on(slow_site: int) -> None:
    upgrade = (
        f"GET {STREAM} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", slow_site)) as connection:
        connection.sendall(upgrade.encode())
        time.sleep(0.3)
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 101")
        connection.settimeout(1)
        try:
            rest = connection.recv(1 << 16)
        except TimeoutError:
            rest = b"nothing"
        assert rest, "the server hung up"
