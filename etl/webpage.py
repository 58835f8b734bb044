"""What of a watched page counts: its edition, the rows of its table, or its visible text.

A page changes for many reasons that mean nothing: a session's number in an address, a style, the
time at which it was made. So two copies are compared by what a reader of the page would see, and
only by the part that ``source.yml`` names. A page that lacks what it must contain is an error page,
a sign-in page or a new design, and never a change.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree

from etl.sources import PageSpec

UNSEEN: Final = ("script", "style", "noscript", "template")
NOTE: Final = " *"  # stands for the number of a footnote: that there is one counts, not which
MOST_NESTED: Final = 20  # tables; layouts of old have a handful
SHOWN_CHANGES: Final = 6
SHOWN_CHARACTERS: Final = 160
_SENTENCE: Final = re.compile(r"(?<=[.;:!?])\s+")
_CLINGING: Final = re.compile(
    r"[\s,\d]+"
)  # one way to match: a hostile page must not make it look twice


class PageError(ValueError):
    """The page is not the one that is watched; the message says what it lacks."""


@dataclass(frozen=True)
class Essence:
    """What counts of one copy of a page, in lines that can be compared; the edition it names."""

    lines: tuple[str, ...]
    edition: tuple[int, ...] = ()

    @property
    def sha256(self) -> str:
        """A name for it; two copies with the same name say the same."""
        return hashlib.sha256("\n".join(self.lines).encode()).hexdigest()


def essence(page: PageSpec, content: bytes) -> Essence:
    """What counts of a copy of a page.

    Raises:
        PageError: it is not that page.
    """
    root = _parsed(content)
    seen = _text(root)
    if not re.search(page.must_contain, seen):
        raise PageError(
            f"the page does not contain {page.must_contain!r}: an error or sign-in page may stand in its "
            f"place, or it has a new design. It begins {seen[:SHOWN_CHARACTERS]!r}"
        )
    if page.edition:
        said, numbers = _newest(page.edition, seen)
        return Essence((f"edition {said}",), numbers)
    if page.looks_for == "table":
        rows = _rows(root, page.table) if page.table else []
        return Essence((*sorted(rows), *(_mark(form, seen) for form in page.marks)))
    for form in page.ignore:
        seen = re.sub(form, " ", seen)
    return Essence(tuple(_SENTENCE.split(_collapsed(seen))))


def numbers_of(edition: str) -> tuple[int, ...]:
    """An edition or a date written from the largest part down, so that the newer is the greater.

    >>> numbers_of("2018-03-14") > numbers_of("2017"), numbers_of("23rd edition")
    (True, (23,))
    """
    return tuple(int(number) for number in re.findall(r"[0-9]{1,9}", edition))


def changes(before: Essence, after: Essence) -> str:
    """What went and what came, in words; lines that begin alike are one that changed."""
    were, are = set(before.lines), set(after.lines)
    gone = {_key(line): line for line in before.lines if line not in are}
    come = {_key(line): line for line in after.lines if line not in were}
    said = [
        f"{_cut(gone[key])} → {_cut(come[key])}" if key in gone and key in come
        else f"gone: {_cut(gone[key])}" if key in gone
        else f"new: {_cut(come[key])}"
        for key in dict.fromkeys([*gone, *come])
    ]  # fmt: skip
    more = f" … and {len(said) - SHOWN_CHANGES:,} more" if len(said) > SHOWN_CHANGES else ""
    return "; ".join(said[:SHOWN_CHANGES]) + more


def _key(line: str) -> str:
    """The first cell of a row, without the mark of a footnote; other lines are their own."""
    first, bar, _ = line.partition(" | ")
    return first.removesuffix(NOTE) if bar else line


def _cut(line: str) -> str:
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[:SHOWN_CHARACTERS]}…"


def _parsed(content: bytes) -> etree._Element:
    """The page as a tree, without what nobody sees; read as UTF-8 if it is that."""
    try:
        content.decode("utf-8")
        encoding = "utf-8"
    except UnicodeDecodeError:
        encoding = None  # what the page says of itself
    parser = etree.HTMLParser(
        encoding=encoding, no_network=True, remove_comments=True, remove_pis=True, huge_tree=False
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise PageError(f"it cannot be read as HTML: {error}") from error
    if root is None:
        raise PageError("it is empty")
    etree.strip_elements(root, *UNSEEN, with_tail=False)
    return root


def _collapsed(text: str) -> str:
    return " ".join(text.split())


def _text(element: etree._Element) -> str:
    return _collapsed(" ".join(str(text) for text in element.itertext()))


def _newest(form: str, seen: str) -> tuple[str, tuple[int, ...]]:
    """The highest edition that the text names, as printed and in numbers."""
    found = {numbers_of(said): said for said in re.findall(form, seen) if numbers_of(said)}
    if not found:
        raise PageError(f"the page names no edition in the form {form!r}")
    newest = max(found)
    return found[newest], newest


def _mark(form: str, seen: str) -> str:
    found = re.search(form, seen)
    if not found:
        raise PageError(f"the page does not say {form!r} any more")
    return _collapsed(found[0])


def _rows(root: etree._Element, heading: Sequence[str]) -> list[str]:
    """The rows below the heading with these words, of the longest table that has one."""
    tables: dict[etree._Element, list[list[str]]] = {}
    for row in root.iter("tr"):
        around = list(row.iterancestors("table"))  # the row's own first
        if len(around) > MOST_NESTED:  # each would be read again with every one around it
            raise PageError(f"more than {MOST_NESTED} tables lie within one another")
        cells = [_cell(cell) for cell in row if cell.tag in {"td", "th"}]
        if around and any(cells):
            tables.setdefault(around[0], []).append(cells)
    longest = max((_below(rows, heading) for rows in tables.values()), key=len, default=[])
    if not longest:
        raise PageError(f"the page has no table with rows under the words {', '.join(heading)}")
    return longest


def _below(rows: Sequence[list[str]], heading: Sequence[str]) -> list[str]:
    words = [word.casefold() for word in heading]
    for place, cells in enumerate(rows):
        if all(word in " ".join(cells).casefold() for word in words):
            return [" | ".join([_noted(first), *rest]) for first, *rest in rows[place + 1 :]]
    return []


def _cell(cell: etree._Element) -> str:
    for note in cell.iter("sup"):
        for below in list(note):
            note.remove(below)
        note.text = NOTE
    return _text(cell)


def _noted(name: str) -> str:
    """A participant's name, whose clinging numbers are those of footnotes."""
    return _collapsed(_CLINGING.sub(_note_of, name))


def _note_of(found: re.Match[str]) -> str:
    return f"{NOTE} " if any(map(str.isdecimal, found[0])) else found[0]
