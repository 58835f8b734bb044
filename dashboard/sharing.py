"""What a shared link says before it is opened: a title, a finding with its figures, and where it is read.

The address of a page decides. The same words stand in the page's head (:mod:`dashboard.front`) and on its
card (:mod:`dashboard.card`), and every figure is that of the ledger in use, or of the refresh that the
address asks for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from dashboard import catalogue, filters, names, revisions, wording
from dashboard.answer import text
from dashboard.current import ledgers
from dashboard.site import PAGES
from etl.asof import AsOfError
from etl.store import Lease, NoLedgerError, TooLongError

KEYS: Final = ("area", "entry", "as_of")  # of an address, what decides on the words
MOST: Final = 100  # letters of each
ENTRY_ID: Final = re.compile(r"[a-z0-9_]+-[0-9a-f]{16}")
SECONDS: Final = 2.0  # a head that takes longer goes without figures


@dataclass(frozen=True)
class Shared:
    """The words for one address."""

    page: str
    asked: tuple[tuple[str, str], ...]
    title: str
    finding: str
    ledger: str | None = None
    as_of: int | None = None

    @property
    def card(self) -> str:
        """The address of its card, without the server's."""
        return f"card.png?{urlencode([('page', self.page), *self.asked])}"


def shared(page: str, query: Mapping[str, str]) -> Shared:
    """The words for a page of :data:`dashboard.site.PAGES`; the general ones where there are no figures."""
    asked = tuple((key, query[key][:MOST]) for key in KEYS if query.get(key))
    general = Shared(page, asked, PAGES[page].title, PAGES[page].about)
    try:
        filters.require_grammar(query.get(filters.GRAMMAR_KEY))
        with ledgers().lease(query.get("as_of")) as lease, lease.limited(SECONDS):
            title, finding = _found(lease, page, dict(asked)) or (general.title, general.finding)
            return Shared(page, asked, title, finding, lease.ledger, lease.as_of)
    except (NoLedgerError, AsOfError, TooLongError, filters.FilterError):
        return general


def _found(lease: Lease, page: str, asked: Mapping[str, str]) -> tuple[str, str] | None:
    """Title and finding with the figures of an address; None where there are none."""
    if page == "":
        return _coverage(lease)
    if page == "country" and "area" in asked:
        return _country(lease, names.of(lease).area(asked["area"]) or asked["area"])
    if page == "entry" and ENTRY_ID.fullmatch(asked.get("entry", "")):
        return _entry(lease, asked["entry"])
    return None


def _rows(lease: Lease, name: str, **parameters: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lease.con.execute(text(name), parameters).pl().to_dicts()
    return found


def _coverage(lease: Lease) -> tuple[str, str] | None:
    defense = [row for row in _rows(lease, "coverage_years") if row["account"] == "DoD"]
    edition = _rows(lease, "coverage_source")
    if not defense or not edition:
        return None
    last = defense[-1]
    return (
        PAGES[""].title,
        f"Defense lines of State’s report, FY{last['fiscal_year']}: {wording.usd(last['amount_usd'])} in "
        f"{last['paid_areas_count']} of the {last['areas_count']} countries whose table was read "
        f"({edition[0]['edition']}).",
    )


def _country(lease: Lease, area: str) -> tuple[str, str] | None:
    found = _rows(lease, "shared_area", area=area)
    if not found:
        return None
    row = found[0]
    parts = []
    if row["all_fy2015_2017_usd"] is not None:
        defense = row["dod_fy2015_2017_usd"]
        of_it = "" if defense is None else f", of it Defense {wording.usd(defense)}"
        parts.append(
            f"U.S. money for weapons destruction, which is broader than mine action, FY2015 to FY2017: "
            f"{wording.usd(row['all_fy2015_2017_usd'])}{of_it} (State’s report)."
        )
    if row["casualties_total"] is not None:
        hurt = wording.number(row["casualties_total"], floor=row["is_casualties_lower_bound"])
        parts.append(
            f"Casualties in {row['casualties_year']}: {hurt} ({row['casualties_edition']})."
        )
    if row["us_share_percent"] is not None:
        parts.append(
            f"U.S. share of international support in {row['dependency_year']}: {wording.share(row)}."
        )
    title = f"{row['area_name']}: U.S. mine action money, casualties, who else pays"
    return title, " ".join(parts) or PAGES["country"].about


def _entry(lease: Lease, entry_id: str) -> tuple[str, str] | None:
    found = catalogue.entry(lease, entry_id)
    if found is None or found["entry"] is None:
        return None
    table, values = found["table"], found["entry"]
    _, words = revisions.headline(table, values)
    dropped = " (withdrawn by its source)" if values["change"] == "withdrawn" else ""
    where = ", ".join(part for part in (wording.edition_of(values), values["place"]) if part)
    return revisions.name(table, values), f"{words}{dropped}. Source: {where}."
