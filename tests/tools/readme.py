"""Tables that a script writes into the README, between a pair of comments that name them."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def put(name: str, text: str, page: Path = README) -> None:
    """Replace what stands between ``<!-- name -->`` and ``<!-- /name -->`` of a page."""
    section = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", re.DOTALL)
    before = page.read_text(encoding="utf-8")
    after, found = section.subn(lambda _: text, before)
    if found != 1:
        raise ValueError(f"{page.name} has {found} places named {name}; one is needed")
    page.write_text(after, encoding="utf-8")
