"""Which code answers: part of every ETag, so that an answer which newer code writes otherwise is sent anew."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from etl import tables

DIGITS: Final = 16


@cache
def code() -> str:
    """The first digits of a hash over everything that shapes an answer."""
    here = Path(__file__).parent
    files = [*Path(str(tables.__file__)).parent.rglob("*.py")]
    for kind in ("*.py", "*.sql", "*.html"):
        files += here.rglob(kind)
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.name}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:DIGITS]


def etag(*parts: object) -> str:
    """A weak tag for what ``parts`` name: the same content, packed or not, by the same code."""
    named = "\0".join(str(part) for part in (code(), *parts))
    return f'W/"{hashlib.sha256(named.encode()).hexdigest()[:32]}"'


def has_it(if_none_match: str | None, tag: str) -> bool:
    """Whether a reader's tags name this content; weak ones compare by what they name (RFC 9110)."""
    if if_none_match is None:
        return False
    given = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    return bool(given & {tag.removeprefix("W/"), "*"})
