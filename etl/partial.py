"""A file of which a part has come, and what proves that the rest belongs to it.

The part lies in ``<hash of the address>.part``. The ``.json`` beside it keeps what the server knew
the file by and how large it is to become. If that is missing, unreadable, or no proof, the file
starts over.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

import httpx

from etl import magic
from etl.archive import write_safely

# RFC 9110, 8.8.2.2: a date that old tells two versions apart.
STRONG_AFTER: Final = timedelta(seconds=60)


@dataclass(frozen=True)
class Validators:
    """By what the server knows a version of a file again."""

    etag: str | None
    last_modified: str | None

    def conditions(self) -> dict[str, str]:
        """Headers that ask for the file only if it is another one."""
        headers = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in headers.items() if value}


def length(response: httpx.Response) -> int | None:
    """The Content-Length; h11 has already refused one that is no number."""
    value = response.headers.get("content-length")
    return int(value) if value is not None else None


@dataclass(frozen=True)
class Held:
    """What is known of a file of which a part has come."""

    size: int
    total: int | None
    validators: Validators
    strong: str | None  # the one validator that proves two parts to be of the same file

    def conditions(self) -> dict[str, str]:
        """Headers that ask for the rest, or for the whole if the file is another one now."""
        return {"Range": f"bytes={self.size}-", "If-Range": self.strong or ""}


@dataclass
class Part:
    """The .part file in ``incoming``, and the .json beside it that says what it is a part of."""

    base: Path
    path: Path = field(init=False)
    sidecar: Path = field(init=False)

    def __post_init__(self) -> None:
        self.path = self.base.with_name(f"{self.base.name}.part")
        self.sidecar = self.base.with_name(f"{self.base.name}.json")

    def held(self) -> Held | None:
        """What there is to go on from; None if it has to start over.

        Without a total nobody could tell whether the rest was all of it.
        """
        try:
            known = json.loads(self.sidecar.read_text(encoding="utf-8"))
            validators = Validators(**known["validators"])
            strong, total, boot = known["strong"], known["total"], known["boot"]
            size = self.path.stat().st_size
            if not isinstance(strong, str) or not isinstance(total, int) or boot != _boot():
                return None
        except (OSError, ValueError, TypeError, KeyError):
            return None
        size = min(size, total - 1)  # of a whole file, the last byte: is it still the same?
        return Held(size, total, validators, strong) if size > 0 else None

    def begin(self, response: httpx.Response) -> Held:
        """Start with an empty file that ``response`` will fill.

        The sidecar goes first and comes last, so that it never stands beside another file's bytes.
        """
        self.discard()
        self.path.touch()
        headers = response.headers
        validators = Validators(headers.get("etag"), headers.get("last-modified"))
        held = Held(0, length(response), validators, strong_validator(headers))
        known = {
            "total": held.total, "validators": asdict(validators), "strong": held.strong,
            "boot": _boot(),
        }  # fmt: skip
        write_safely(self.sidecar, json.dumps(known).encode())
        return held

    def start(self) -> bytes:
        """The first bytes."""
        with self.path.open("rb") as file:
            return file.read(magic.START_BYTES)

    def discard(self) -> None:
        """Remove both files."""
        self.sidecar.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove the sidecar of a file that the caller has taken."""
        if not self.path.exists():
            self.sidecar.unlink(missing_ok=True)


def _boot() -> str:
    """What Linux calls this start of the machine; elsewhere nothing.

    A killed process loses nothing that it wrote, but a machine that loses power may: a part from
    before the last start is not trusted.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def strong_validator(headers: httpx.Headers) -> str | None:
    """The validator for ``If-Range``, if the server gives parts and a validator that is strong."""
    if "bytes" not in headers.get("accept-ranges", "").lower():
        return None
    etag: str | None = headers.get("etag")
    if etag:
        return None if etag.startswith("W/") else etag
    modified: str | None = headers.get("last-modified")
    try:
        age = parsedate_to_datetime(headers["date"]) - parsedate_to_datetime(modified or "")
    except (KeyError, ValueError, TypeError):
        return None
    return modified if age >= STRONG_AFTER else None
