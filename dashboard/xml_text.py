"""Texts without the signs that no XML may hold: control characters, halves of characters, non-characters.

A feed with one of them is no XML, and the library that draws pictures (vl-convert 1.9) ends the whole
process when it meets one, so texts from outside pass here first.
"""

from __future__ import annotations

import re
from typing import Any, Final

NO_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def legible(text: str) -> str:
    """The text with a space in place of each such sign."""
    return NO_XML.sub(" ", text)


def legible_throughout(value: Any) -> Any:  # noqa: ANN401 - JSON
    """A JSON value, all of whose texts and names are :func:`legible`."""
    if isinstance(value, str):
        return legible(value)
    if isinstance(value, list):
        return [legible_throughout(each) for each in value]
    if isinstance(value, dict):
        return {legible(name): legible_throughout(each) for name, each in value.items()}
    return value
