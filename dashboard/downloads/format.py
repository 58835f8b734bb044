"""What the formats share: their declaration, and a sink whose bytes are given on as they come."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboard.answer import Answer

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


Pieces = Generator[bytes, None, None]


class TooLargeError(ValueError):
    """The answer does not fit into the format; the message says which one it fits into."""


@dataclass(frozen=True)
class Format:
    """One way to write an answer down."""

    ending: str
    title: str
    media_type: str
    pieces: Callable[[Answer], Pieces]

    @property
    def media(self) -> str:
        """The media type without its parameters."""
        return self.media_type.partition(";")[0]


class Sink(io.RawIOBase):
    """A file that a library writes into and that is read while it is written; it cannot go back."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        """It is there to be written into."""
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        """Hold ``data`` until it is taken."""
        held = bytes(data)
        self._held.append(held)
        self._written += len(held)
        return len(held)

    def tell(self) -> int:
        """How much was written so far."""
        return self._written

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = b"".join(self._held)
        self._held.clear()
        return taken
