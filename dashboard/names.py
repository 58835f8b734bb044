"""Names that readers type, and the codes or spellings that the ledger holds for them.

``area=Laos``, ``area=Lao PDR`` and ``area=lao`` all mean LAO: a name is compared with every spelling of the
ledger's table of areas, without regard to case, accents and punctuation. One that is not among them means
nothing; the nearest names are offered, and none is taken in its place. An organisation is meant by any of its
reviewed spellings.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from etl.spellings import SEPARATOR
from etl.store import Lease

NEAR: Final = 0.6  # how like a name must be, from 0 to 1, to be offered
CLOSE: Final = 0.15  # how much less like than the first one another may be
OFFERED: Final = 3
LEAST_PART: Final = 4  # letters of a text that is offered what holds it
PART: Final = 0.8  # how like a text is to what holds it, at least
MOST_KEPT: Final = 50  # ledgers and refreshes
LONGEST: Final = 80  # letters of a name; a longer text is no name and is compared with none
_SQL: Final = Path(__file__).parent / "sql"


def folded(text: str, keep: str = "") -> str:
    """``text`` as names of areas are compared: its letters and digits, small, without accents, and ``keep``."""
    plain = unicodedata.normalize("NFKD", text.replace("&", " and ").casefold()).casefold()
    return "".join(letter for letter in plain if letter.isalnum() or letter in keep)


def spaced(text: str) -> str:
    """``text`` as names of organisations are compared: small letters, single spaces."""
    return re.sub(r"\s+", " ", text.strip().lower())


@dataclass(frozen=True)
class Names:
    """The areas and organisations of one ledger under all their spellings."""

    areas: Mapping[str, str] = field(default_factory=dict)  # plain name by code
    codes: Mapping[str, str] = field(default_factory=dict)  # code by folded spelling
    spellings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # all, by any of them

    @classmethod
    def made(
        cls,
        areas: Iterable[tuple[str, str, str | None]],
        organisations: Iterable[tuple[str, str | None]] = (),
    ) -> Names:
        """From rows of ``areas`` (code, name, other spellings) and ``implementers`` (name, other spellings).

        A spelling that two areas share means neither.
        """
        plain: dict[str, str] = {}
        found: dict[str, set[str]] = {}
        for code, name, others in areas:
            plain[code] = name
            for spelling in (code, name, *(others or "").split(SEPARATOR)):
                for keep in ("", ","):
                    found.setdefault(folded(spelling, keep), set()).add(code)
        found.pop("", None)
        spelled: dict[str, tuple[str, ...]] = {}
        for name, others in organisations:
            every = tuple(
                dict.fromkeys(one for one in (name, *(others or "").split(SEPARATOR)) if one)
            )
            spelled |= dict.fromkeys(map(spaced, every), every)
        return cls(
            MappingProxyType(plain),
            MappingProxyType({key: min(codes) for key, codes in found.items() if len(codes) == 1}),
            MappingProxyType(spelled),
        )  # fmt: skip

    def area(self, text: str) -> str | None:
        """The code that a code or spelling means; None where it means none.

        Commas count, so that a list of two areas is not taken for one name.
        """
        return text if text in self.areas else self.codes.get(folded(text, ","))

    def near(self, text: str) -> list[str]:
        """Codes of the areas whose names are most like ``text``, the most like first; none may be."""
        key = folded(text)
        if not key or len(key) > LONGEST:
            return []
        matcher = SequenceMatcher(autojunk=False)
        matcher.set_seq2(key)
        best: dict[str, float] = {}
        for spelling, code in self.codes.items():
            is_part = len(key) >= LEAST_PART and key in spelling
            likeness = PART + (1 - PART) * len(key) / len(spelling) if is_part else 0.0
            matcher.set_seq1(spelling)
            if not likeness and matcher.real_quick_ratio() >= NEAR <= matcher.quick_ratio():
                likeness = matcher.ratio()
            if likeness >= NEAR:
                best[code] = max(likeness, best.get(code, 0.0))
        least = max(best.values(), default=0.0) - CLOSE
        close = [code for code in best if best[code] >= least]
        return sorted(close, key=lambda code: (-best[code], self.areas[code]))[:OFFERED]

    def did_you_mean(self, text: str) -> str:
        """'Did you mean Laos (LAO) or Lesotho (LSO)?'; empty where no name is like it."""
        near = [f"{self.areas[code]} ({code})" for code in self.near(text)]
        if not near:
            return ""
        listed = f"{', '.join(near[:-1])} or {near[-1]}" if len(near) > 1 else near[0]
        return f"Did you mean {listed}?"

    def hint(self, text: str) -> str:
        """Why ``text`` is no area that can be chosen, where that can be said: it has no figure, or is misspelled."""
        if self.area(text) is not None:
            return "The ledger knows it, but holds no such figure of it."
        return self.did_you_mean(text)

    def organisation(self, text: str) -> tuple[str, ...]:
        """Every spelling of the organisation that ``text`` is one of; ``text`` itself where it is none."""
        return self.spellings.get(spaced(text), (text,))


def of(lease: Lease) -> Names:
    """The names of a ledger, as of the refresh that the lease looks back to; kept, since they never change."""
    key = (lease.ledger, lease.as_of)
    found = _kept.get(key)
    if found is None:
        found = Names.made(_rows(lease, "area_spellings"), _rows(lease, "implementer_spellings"))
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        _kept[key] = found
    return found


def _rows(lease: Lease, query: str) -> list[tuple[Any, ...]]:
    return lease.con.execute((_SQL / f"{query}.sql").read_text(encoding="utf-8")).fetchall()


_kept: dict[tuple[str, int | None], Names] = {}
