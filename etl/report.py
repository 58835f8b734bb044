"""What a verification found: differences, reservations, notes, and how much was checked."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Difference:
    """Something that is not as it was written down."""

    where: str
    what: str

    def __str__(self) -> str:
        """The difference as a sentence."""
        return f"{self.where}: {self.what}"


@dataclass
class Report:
    """What was found; the ledger is sound when there are no differences.

    ``reservations`` are what the verdict cannot be given without: a rebuilt ledger, absent bytes.
    """

    ledger: str = ""
    manifest_sha256: str = ""
    content_sha256: str = ""
    differences: list[Difference] = field(default_factory=list)
    reservations: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)
    path: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        """The report for programs."""
        return {**asdict(self), "checked": dict(self.checked), "is_sound": not self.differences}

    def differs(self, where: str, what: str) -> None:
        """Write down a difference."""
        self.differences.append(Difference(where, what))
