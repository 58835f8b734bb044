"""What a file is, by its first bytes: a page for people, an archive, or some other binary."""

from __future__ import annotations

from typing import Final

_MARKUP: Final = (b"<!doctype", b"<html", b"<head", b"<body")
_ARCHIVES: Final = {
    b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"PK\x07\x08": "zip",
    b"\x28\xb5\x2f\xfd": "Zstandard", b"BZh": "bzip2", b"\xfd7zXZ": "xz",
    b"7z\xbc\xaf\x27\x1c": "7-Zip", b"Rar!\x1a\x07": "RAR",
}  # fmt: skip
_OTHER: Final = {
    b"%PDF": "PDF", b"PAR1": "Parquet", b"\x89PNG": "PNG", b"\xd0\xcf\x11\xe0": "an old Office file",
}  # fmt: skip
PARQUET: Final = ".parquet"  # what the name of a file ends with that is read as one
START_BYTES: Final = 4096  # what the answers need to see


def text_start(content: bytes) -> bytes:
    """The first bytes without byte order mark and leading white space."""
    return content[:START_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()


def is_page(content: bytes) -> bool:
    """Whether ``content`` begins as an HTML page does."""
    return text_start(content).lower().startswith(_MARKUP)


def archive_kind(content: bytes) -> str | None:
    """The name of the packing that ``content`` begins with; None if it is none that is known."""
    if content[257:262] == b"ustar":
        return "tar"
    return next((name for magic, name in _ARCHIVES.items() if content.startswith(magic)), None)


def binary_kind(content: bytes) -> str | None:
    """The name of the packing or of the format that is no text; None if it is none that is known."""
    others = (name for magic, name in _OTHER.items() if content.startswith(magic))
    return archive_kind(content) or next(others, None)
