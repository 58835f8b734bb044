"""An S3 server on this machine (moto) that can be told to fail, to refuse and to wait.

What it was asked stands in ``asked``. Buckets are of one test each, so that tests share the server.
"""

from __future__ import annotations

import io
import logging
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

KEY: Final = "AKIDLEDGERTEST"
SECRET: Final = "s3cret-of-the-test"
NO: Final = {
    403: ("Forbidden", "SignatureDoesNotMatch"), 409: ("Conflict", "ConditionalRequestConflict"), 500: ("Internal Server Error", "InternalError"),
    503: ("Service Unavailable", "SlowDown"),
}  # fmt: skip


@dataclass
class Fault:
    """Answer what matches with an error, so many times; None: for ever."""

    what: re.Pattern[str]  # "PUT /bucket/key"
    status: int
    times: int | None = None
    cut: bool = False  # answer well, and break off in the middle
    came: threading.Event | None = None  # answer nothing; it has come


class Server:
    """The server; ``url`` is its endpoint."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.asked: list[str] = []
        self.faults: list[Fault] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def fail(self, what: str, status: int, times: int | None = None, *, cut: bool = False) -> None:
        self.faults.append(Fault(re.compile(what), status, times, cut))

    def hold(self, what: str) -> threading.Event:
        """Answer nothing to what matches, until the server stops; gives what tells that it came."""
        came = threading.Event()
        self.faults.append(Fault(re.compile(what), 0, None, came=came))
        return came

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        asked = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        with self._lock:
            self.asked.append(asked)
            fault = next(
                (one for one in self.faults if one.times != 0 and one.what.match(asked)), None
            )
            if fault and fault.times is not None:
                fault.times -= 1
        if fault and fault.came:
            fault.came.set()
            self._over.wait()
            return []
        if fault is None or fault.cut:
            answer: Iterable[bytes] = self._app(environ, start)
            if fault:
                whole = b"".join(answer)
                return [whole[: len(whole) // 2]]
            return answer
        length = int(environ.get("CONTENT_LENGTH") or 0)
        environ["wsgi.input"].read(length)
        said, code = NO[fault.status]
        start(f"{fault.status} {said}", [("Content-Type", "application/xml")])
        signed = f"AWS4-HMAC-SHA256 {SECRET}"
        return [
            f"<Error><Code>{code}</Code><AWSAccessKeyId>{KEY}</AWSAccessKeyId>"
            f"<StringToSign>{signed}</StringToSign></Error>".encode()
        ]

    def client(self) -> Any:  # noqa: ANN401 - boto3 has no types
        """Another library's client, to look and to tamper."""
        import boto3

        return boto3.client(
            "s3", endpoint_url=self.url, aws_access_key_id=KEY, aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )  # fmt: skip

    def address(self) -> str:
        """The address of a prefix in a new bucket."""
        bucket = f"hma-{secrets.token_hex(6)}"
        self.client().create_bucket(Bucket=bucket)
        return f"s3://{bucket}/ledger/archive"


def split(address: str, key: str = "") -> dict[str, str]:
    """What boto3 calls a place."""
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    return {"Bucket": bucket, "Key": f"{prefix}/{key}"}


def keys(server: Server, address: str) -> list[str]:
    """Everything below an address, as another library sees it."""
    place = split(address)
    found = server.client().list_objects_v2(Bucket=place["Bucket"], Prefix=place["Key"])
    return [each["Key"].removeprefix(place["Key"]) for each in found.get("Contents", ())]


def read(server: Server, address: str, key: str) -> bytes:
    body: io.BytesIO = server.client().get_object(**split(address, key))["Body"]
    return body.read()


def write(server: Server, address: str, key: str, content: bytes) -> None:
    server.client().put_object(**split(address, key), Body=content)


@contextmanager
def served() -> Iterator[Server]:
    server = Server()
    try:
        yield server
    finally:
        server.stop()


def variables(server: Server) -> dict[str, str]:
    """What the environment says of it."""
    return {
        "AWS_ENDPOINT_URL": server.url, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
    }  # fmt: skip


def set_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables(server).items():
        monkeypatch.setenv(name, value)
