"""What an answer must hold before anything is done with it, and how much of it is taken.

The publishers' programming interfaces are described by their documents, and answer differently when
they change, break down or are somebody else's. So no field of an answer is used before it was looked
at here: a fault is always a FetchError of the rule ``wrong content`` that names address and field.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx

from etl.fetch import FetchError
from etl.session import Session

MAX_QUESTION_BYTES: Final = 500_000_000
MAX_ADDRESS: Final = 2000
SHOWN: Final = 200
_NAMES: Final[dict[type, str]] = {
    bool: "true or false under", dict: "an object under", list: "a list under",
    int: "a whole number under", str: "a text under",
}  # fmt: skip
_Kind = TypeVar("_Kind")


def shown(value: object) -> str:
    """Anything that came, as a short printable text for a message.

    >>> shown("a" * 1000)[:4], len(shown("a" * 1000)), len(shown([{"a": "b" * 1000}])) <= 200
    ("'aaa", 200, True)
    """
    text = repr(value[:SHOWN]) if isinstance(value, str | bytes) else reprlib.repr(value)
    return text.encode("ascii", "backslashreplace").decode()[:SHOWN]


def wrong(address: str, what: str, came: object) -> FetchError:
    """The error for an answer that is not as it should be."""
    return FetchError(
        f"{address} answers {what}: {shown(came)}; the interface may have changed", "wrong content"
    )


def member(answer: object, key: str, kind: type[_Kind], address: str) -> _Kind:
    """What stands under ``key`` of an answer; whole numbers are not negative, texts not empty.

    Raises:
        FetchError: the answer is no object, or holds nothing of this kind there.
    """
    value: Any = answer.get(key) if isinstance(answer, dict) else None
    # the very type: Python takes true for a number
    if type(value) is not kind or value == "" or (isinstance(value, int) and value < 0):
        raise wrong(address, f"without {_NAMES[kind]} {key[:SHOWN]!a}", answer)
    return value


def records_of(answer: object, key: str, address: str) -> list[dict[str, Any]]:
    """The list of objects under ``key``; raises FetchError if it is none."""
    found = member(answer, key, list, address)
    for each in found:
        if not isinstance(each, dict):
            raise wrong(address, f"with something that is no record under {key!r}", each)
    return found


def address_of(session: Session, address: object, what: str) -> str:
    """An address that an answer names, if it can be asked at all; ``what`` says where it stood.

    Raises:
        FetchError: it is none.
    """
    try:
        if not isinstance(address, str) or not address.isprintable():
            raise ValueError("it is no printable text")  # noqa: TRY301 - one message for all
        if not 0 < len(address) <= MAX_ADDRESS:
            raise ValueError("it is empty, or too long")  # noqa: TRY301
        whole = urljoin(session.base_url, address)
        parts = urlsplit(whole)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
            raise ValueError("it names no host")  # noqa: TRY301
        _ = httpx.URL(whole).host
    except (ValueError, httpx.InvalidURL) as error:
        raise wrong(what, f"with an address that is none ({shown(str(error))})", address) from error
    return address


@contextmanager
def collecting(session: Session, file: str, origin: str) -> Iterator[Callable[[bytes], None]]:
    """``session.collect`` with an end: a question whose pages are too many bytes is refused."""
    room = session.options.get("max_question_bytes", MAX_QUESTION_BYTES)
    taken = 0
    with session.collect(file, origin) as add:

        def take(page: bytes) -> None:
            nonlocal taken
            taken += len(page)
            if taken > room:
                raise FetchError(
                    f"{file}: the answers from {origin} are more than {room:,} bytes; raise "
                    "max_question_bytes in source.yml if that can be",
                    "too large",
                )
            add(page)

        yield take
