"""What a file is, by its first bytes: a page for people, an archive, or some other binary.

And how the words of a stranger are shown: nobody knows what they do to a terminal or a log.
"""

from __future__ import annotations

import re
from typing import Final

# What may stand before the markup stays matched (the + after * and ++): no text makes this slow.
_MARKUP: Final = re.compile(
    rb"""(?: \s++ | (?> <!-- .*? --> ) )*+
    (?: < (?: !doctype | html | head | body )
      | <\?xml \b [^>]*+ > (?: \s++ | (?> <!-- .*? --> ) )*+ < (?: !doctype \s++ html | html ) \b )""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_UTF8: Final = b"\xef\xbb\xbf"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_ARCHIVES: Final = {
    b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"PK\x07\x08": "zip",
    b"\x28\xb5\x2f\xfd": "Zstandard", b"BZh": "bzip2", b"\xfd7zXZ": "xz",
    b"7z\xbc\xaf\x27\x1c": "7-Zip", b"Rar!\x1a\x07": "RAR",
}  # fmt: skip
_OTHER: Final = {
    b"%PDF": "PDF", b"PAR1": "Parquet", b"\x89PNG": "PNG", b"\xd0\xcf\x11\xe0": "an old Office file",
}  # fmt: skip
_LEFT_OUT: Final = " [...] "
PARQUET: Final = ".parquet"  # what the name of a file ends with that is read as one
START_BYTES: Final = 4096  # what the answers need to see


def text_start(content: bytes) -> bytes:
    """The first bytes without byte order mark and leading white space; those of UTF-16 as UTF-8."""
    start = content[:START_BYTES]
    if start.startswith(_UTF16):
        start = start.decode("utf-16", "ignore").encode()
    return start.removeprefix(_UTF8).lstrip()


def is_page(content: bytes) -> bool:
    """Whether ``content`` begins as an HTML page does, also behind comments; other XML is none."""
    return _MARKUP.match(text_start(content)) is not None


def archive_kind(content: bytes) -> str | None:
    """The name of the packing that ``content`` begins with; None if it is none that is known."""
    if content[257:262] == b"ustar":
        return "tar"
    return next((name for magic, name in _ARCHIVES.items() if content.startswith(magic)), None)


def binary_kind(content: bytes) -> str | None:
    """The name of the packing or of the format that is no text; None if it is none that is known."""
    others = (name for magic, name in _OTHER.items() if content.startswith(magic))
    return archive_kind(content) or next(others, None)


def legible(text: str, most: int) -> str:
    """``text`` in at most ``most`` characters, of which none commands a terminal or breaks a line.

    Of one that is too long the middle is left out: messages name the thing first and the way out last.
    """
    if len(text) > 2 * most:  # a server may send megabytes
        text = text[:most] + text[-most:]
    escaped = "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii")
        for sign in text
    )
    if len(escaped) <= most:
        return escaped
    kept = most - len(_LEFT_OUT)
    return f"{escaped[: kept - kept // 2]}{_LEFT_OUT}{escaped[len(escaped) - kept // 2 :]}"
