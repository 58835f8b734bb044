"""How a figure is cited: in words, as BibTeX and as CSL-JSON, with the ledger, its hash and the refresh.

A citation names the publications first, since the figure is theirs, then the ledger it was read through: the
refresh, the day it was published, and the SHA-256 of its manifest, by which anyone can check that nothing was
changed since. Its address carries the refresh and everything that was chosen on the page, so that it shows the
same figures later.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

import streamlit as st

from dashboard import address, current, queries

NAME: Final = "HMA Ledger"
MANY: Final = 6  # publications that a citation names; the page names all
REPORT: Final = "To Walk the Earth in Safety"
BROADER: Final = f"Figures of {REPORT} count all conventional weapons destruction, which is broader than mine action"
_LINK: Final = re.compile(r"\[((?:\\.|[^\]\\])*)\]\(([^)\s]*)\)")
_ESCAPED: Final = re.compile(r"\\([\\`*_{}\[\]()#+!|<>$~:&-])")
_TEX: Final = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#",
    "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip


@dataclass(frozen=True)
class Edition:
    """The ledger as a citation names it: one refresh of it."""

    refresh: int
    day: str  # on which the refresh was published, ISO 8601
    manifest: str  # SHA-256 of its manifest: in full, or the digits that the ledger's name gives
    ledger: str  # the file that it was read from

    @property
    def words(self) -> str:
        """'refresh 1 of 2026-11-26, ledger-000001-…, manifest SHA-256 1bbc…'."""
        return (
            f"as of refresh {self.refresh} of {self.day}, read from {self.ledger}, "
            f"manifest SHA-256 {self.manifest}"
        )


@dataclass(frozen=True)
class Citation:
    """One figure, table or chart with what a reader must name to quote it."""

    title: str  # the figure in words, with its number
    sources: Sequence[str]  # publications and editions
    edition: Edition
    url: str
    notes: Sequence[str] = field(
        default=()
    )  # its cautions; of an entry, its id, revision and hashes

    @property
    def key(self) -> str:
        """A name for lists of references; the same for the same figure of the same ledger."""
        digest = hashlib.sha256("\n".join((self.title, self.url, *self.notes)).encode()).hexdigest()
        return f"hma-ledger-{self.edition.refresh}-{digest[:10]}"

    @property
    def text(self) -> str:
        """The citation as a sentence or two."""
        parts = [
            self.title,
            *self._sources(),
            f"{NAME}, {self.edition.words}",
            *self.notes,
            self.url,
        ]
        return ". ".join(part.rstrip(". ") for part in parts if part)

    @property
    def bibtex(self) -> str:
        """A ``@misc`` entry for BibTeX and biblatex; the address is left as it is, for url fields."""
        note = ". ".join([*self._sources(), _capital(self.edition.words), *self.notes])
        fields = {
            "author": f"{{{NAME}}}",
            "title": f"{{{_tex(self.title)}}}",
            "year": self.edition.day[:4],
            "version": _tex(self.edition.ledger),
            "note": _tex(note),
            "url": self.url.replace("{", "%7B").replace("}", "%7D"),
        }
        lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
        return "\n".join([f"@misc{{{self.key},", *lines, "}"])

    @property
    def csl(self) -> str:
        """The citation as CSL-JSON, which Zotero and other reference managers read."""
        item: dict[str, Any] = {
            "id": self.key,
            "type": "dataset",
            "title": self.title,
            "author": [{"literal": NAME}],
            "issued": {"date-parts": [[int(part) for part in self.edition.day.split("-")]]},
            "version": self.edition.ledger,
            "source": "; ".join(self.sources),
            "note": ". ".join([_capital(self.edition.words), *self.notes]),
            "URL": self.url,
        }
        return json.dumps([item], ensure_ascii=False, indent=2)

    def _sources(self) -> list[str]:
        return [f"Source: {'; '.join(self.sources)}"] if self.sources else []


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _tex(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in text)


def unmarked(markdown: str) -> str:
    """What a reader sees of a line that :mod:`dashboard.show` wrote as Markdown: links are their labels."""
    text = _LINK.sub(lambda found: found[1], markdown).replace("**", "")
    return _ESCAPED.sub(r"\1", text)


def publications(line: str) -> list[str]:
    """The editions that a source line links to; the line itself where it links to none."""
    named = [unmarked(label) for label, url in _LINK.findall(line) if url.startswith("http")]
    if named:
        return list(dict.fromkeys(named))[:MANY]
    words = unmarked(line).removeprefix("Source: ").strip()
    return [words] if words else []


def edition() -> Edition:
    """The refresh that the page shows, also where its address says 'now'."""
    lease = current.LEASE.get()
    return _edition(lease.ledger, lease.as_of)


@lru_cache(maxsize=64)
def _edition(ledger: str, as_of: int | None) -> Edition:
    """The same by name; a published ledger never changes, so it is asked once. The lease in use is its."""
    refresh = queries.ask("refreshes")["refresh"].to_list()[0] if as_of is None else as_of
    found = queries.ask("cited_refresh", refresh=refresh, newest=ledger.rpartition("-")[2])
    row = found.row(0, named=True)
    return Edition(row["refresh"], row["day"], row["manifest"], ledger)


def page_url() -> str:
    """The address of this page with everything chosen on it and the refresh that it shows, host included."""
    here = urlsplit(st.context.url or "")
    path = here.path.rstrip("/") or "/"
    link = address.lasting(path, edition().refresh, edition().manifest)
    return f"{here.scheme}://{here.netloc}{link}" if here.netloc else link


def cautions(sources: str) -> list[str]:
    """What must be said of figures of these publications wherever they are quoted, away from their page."""
    return [BROADER] if REPORT in unmarked(sources) else []


def figure(title: str, source_line: str) -> Citation:
    """The citation of a chart or headline figure of this page, whose source line stands under it."""
    sources = publications(source_line)
    return Citation(unmarked(title), sources, edition(), page_url(), cautions(source_line))


def entry(title: str, row: dict[str, Any], source: str) -> Citation:
    """The citation of one entry: its source with the place in it, and the hashes of values and bytes."""
    place = f", {row['place']}" if row["place"] else ""
    notes = [
        *cautions(source),
        f"Entry {row['entry_id']}, revision {row['revision']}, values SHA-256 {row['content_sha256']}",
        f"Read at {row['locator']} of the bytes with SHA-256 {row['vintage_sha256']}",
    ]
    if row["source_url"]:
        notes.append(f"Published at {row['source_url']}")
    return Citation(title, [f"{source}{place}"], edition(), page_url(), notes)
