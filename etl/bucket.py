"""A bucket of object storage that speaks S3: put, get, list, and errors that say where and what to do.

obstore does the speaking: the signing, the retries, the parts of a large upload. It takes the endpoint, the
region and the credentials from the environment (``AWS_ENDPOINT_URL``, ``AWS_REGION``, ``AWS_ACCESS_KEY_ID``,
``AWS_SECRET_ACCESS_KEY`` …) or from the files that this names (``AWS_WEB_IDENTITY_TOKEN_FILE`` …), so none of
them is a setting of ours. What a server answers may repeat a key or what was signed with it; so of an answer
nothing is shown but its code.

A put is whole or absent: an object is seen when its last byte has come, and :meth:`Bucket.create` never
replaces one (``If-None-Match``). Nothing is ever deleted. Of an upload in parts that is killed the parts stay,
unseen; a bucket's own rule removes them (AbortIncompleteMultipartUpload).

This module needs the extra ``lake``; only :mod:`etl.homes` imports it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from etl.archive import RESTORE, ArchiveError, UnreachableError
from etl.logs import keep_secret
from etl.packing import CHUNK_BYTES

RETRIES = 8
RETRY_SECONDS: Final = 90
PART_BYTES: Final = 8 << 20  # of an upload; a larger file goes up in parts of this size
PARTS_AT_ONCE: Final = 4
SMALL_BYTES: Final = 1 << 20  # what is read at once: a record, a manifest
SECRET: Final = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID")
_CODE: Final = re.compile(r"<Code>([A-Za-z0-9]{1,60})</Code>")
_STATUS: Final = re.compile(r"status code: ([1-5][0-9]{2})")
_METADATA: Final = re.compile(r"169\.254\.(169\.254|170\.2)")


class Bucket:
    """The objects below one address."""

    def __init__(self, url: str) -> None:
        """Use the bucket at ``url``, such as s3://bucket/prefix; nothing is asked yet.

        Raises:
            ArchiveError: what the environment says of endpoint, region or credentials cannot be used.
        """
        self.url = url
        keep_secret([value for name in SECRET if (value := os.environ.get(name))])
        self._store = _store(self.url)

    def where(self, key: str) -> str:
        """An object's address, for a person."""
        return f"{self.url}/{key}"

    def size(self, key: str) -> int | None:
        """The size of an object in bytes; None if it is not there."""
        with self._asking(key):
            try:
                return int(obstore.head(self._store, key)["size"])
            except FileNotFoundError:
                return None

    def stream(self, key: str) -> Iterator[bytes]:
        """The bytes of an object, piece by piece.

        Raises:
            ArchiveError: it is missing.
        """
        with self._asking(key):
            for piece in obstore.get(self._store, key).stream(CHUNK_BYTES):
                yield bytes(piece)

    def read(self, key: str) -> bytes:
        """A small object.

        Raises:
            ArchiveError: it is missing, or is larger than what is written here.
        """
        content = b""
        for piece in self.stream(key):
            content += piece
            if len(content) > SMALL_BYTES:
                raise ArchiveError(f"{self.where(key)} is not what was written; {RESTORE}")
        return content

    def create(self, key: str, content: bytes) -> bool:
        """Put an object unless there is one of that name; whether there was none.

        It is there afterwards. A server may also refuse one of two that are under way for the same name, and
        then the other has yet to end well.
        """
        with self._asking(key):
            try:
                obstore.put(self._store, key, content, mode="create")
            except AlreadyExistsError:
                if self.size(key) is not None:
                    return False
                obstore.put(self._store, key, content)
        return True

    def put(self, key: str, content: bytes | Path) -> None:
        """Put an object whatever is there; a file is not held in memory."""
        with self._asking(key):
            obstore.put(
                self._store, key, content, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
            )

    def names(self, folder: str) -> list[str]:
        """The keys below ``folder``, in order."""
        with self._asking(folder):
            return sorted(
                each["path"] for batch in obstore.list(self._store, folder) for each in batch
            )

    @contextmanager
    def _asking(self, key: str) -> Iterator[None]:
        """Say of what goes wrong where it was and what to do, and nothing that a server said."""
        try:
            yield
        except (BaseError, FileNotFoundError, TimeoutError, ConnectionError) as error:
            raise _named(self.where(key), error) from None


def _named(where: str, error: Exception) -> ArchiveError:
    said = str(error)
    code, status = _CODE.search(said), _STATUS.search(said)
    answer = " ".join(found[1] for found in (status, code) if found)
    if _METADATA.search(said):  # where credentials are looked for last
        return UnreachableError(
            f"{where} needs credentials, and none are set; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    if code and code[1] == "NoSuchBucket":
        return UnreachableError(f"{where}: there is no such bucket; make it, or mend HMA_ARCHIVE")
    if isinstance(error, FileNotFoundError):
        return ArchiveError(f"{where} is missing; {RESTORE}")
    if status and status[1] in {"401", "403"}:
        return UnreachableError(
            f"{where} is refused ({answer}); set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the role, of "
            "somebody who may get, put and list there"
        )
    return UnreachableError(
        f"{where} cannot be had: the server {f'answers {answer}' if answer else 'does not answer'}, again and "
        "again. Nothing is lost; try again later, and look at AWS_ENDPOINT_URL and AWS_REGION"
    )


def _store(url: str) -> S3Store:
    try:
        return S3Store.from_url(
            url,
            # the library's own limit of 30 s is for a whole answer, and an object may be large
            client_options={
                "connect_timeout": "10s", "read_timeout": "60s", "timeout": "2h",
                "allow_http": os.environ.get("AWS_ALLOW_HTTP", "").lower() in {"true", "1"},
            },
            retry_config={
                "max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_SECONDS),
            },
        )  # fmt: skip
    except (BaseError, ValueError) as error:
        raise ArchiveError(
            f"{url} cannot be used: one of the variables AWS_… is not as it must be"
        ) from error
