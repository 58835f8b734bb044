"""A file of which a part has come, and what proves that the rest belongs to it.

The part lies in ``<hash of the address>.part``. The ``.json`` beside it keeps what the server knew
the file by and how large it is to become. If that is missing, unreadable, or no proof, the file
starts over. :func:`sweep` removes what nobody will go on with.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

import httpx

from etl import magic
from etl.archive import write_safely

# RFC 9110, 8.8.2.2: a date that old tells two versions apart.
STRONG_AFTER: Final = timedelta(seconds=60)
TAKEN: Final = ".taken"  # a whole file that a run has taken
LEFT_DAYS: Final = 7  # what a run left is gone on with so long
_SENDABLE: Final = re.compile(r"[\x20-\x7e]{1,1000}")
_PART_NAME: Final = re.compile(r"([0-9a-f]{64})\.(part|json)")


@dataclass(frozen=True)
class Validators:
    """By what the server knows a version of a file again.

    What cannot be sent back in a header is left out, whether a server said it or a remembered file.
    """

    etag: str | None
    last_modified: str | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "etag", _sendable(self.etag))
        object.__setattr__(self, "last_modified", _sendable(self.last_modified))

    @classmethod
    def of(cls, headers: httpx.Headers) -> Validators:
        """Those that a server sent."""
        return cls(headers.get("etag"), headers.get("last-modified"))

    def conditions(self) -> dict[str, str]:
        """Headers that ask for the file only if it is another one."""
        headers = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in headers.items() if value}


def _sendable(value: object) -> str | None:
    return value if isinstance(value, str) and _SENDABLE.fullmatch(value) else None


def http_date(value: str) -> datetime | None:
    """A date of HTTP in UTC; None if it is none, or one that no calendar here holds."""
    try:
        date = parsedate_to_datetime(value)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, LookupError):
        return None


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
            strong, total, boot = _sendable(known["strong"]), known["total"], known["boot"]
            size = self.path.stat().st_size
            if strong is None or not isinstance(total, int) or boot != _boot():
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
        validators = Validators.of(response.headers)
        held = Held(0, length(response), validators, strong_validator(response.headers))
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
    known = Validators.of(headers)
    if known.etag:
        return None if known.etag.startswith("W/") else known.etag
    sent, modified = http_date(headers.get("date", "")), http_date(known.last_modified or "")
    is_old = sent is not None and modified is not None and sent - modified >= STRONG_AFTER
    return known.last_modified if is_old else None


def sweep(incoming: Path) -> int:
    """Remove what earlier runs left in ``incoming`` and nobody can go on with; gives how many files.

    A part stays for a week if the next run can take it up. Nothing may be fetched meanwhile, and only
    files that are named as ours are touched.

    Raises:
        OSError: one cannot be removed.
    """
    old = time.time() - timedelta(days=LEFT_DAYS).total_seconds()
    left = {path for path in incoming.glob("*") if path.is_file() or path.is_symlink()}
    doomed = {path for path in left if path.suffix in {TAKEN, ".unpacked", ".pages"}}
    for path in left - doomed:
        name = _PART_NAME.fullmatch(path.name)
        part = Part(incoming / name[1]) if name else None
        if part and (part.held() is None or part.path.stat().st_mtime < old):
            doomed.add(path)
    for path in doomed:
        path.unlink(missing_ok=True)
    return len(doomed)
