"""The pages by their addresses, with what each is about: for search engines and shared links.

The pages themselves are declared in ``streamlit_app.py``; a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from starlette.requests import Request

from dashboard.current import limits

NAME: Final = "HMA Ledger"


@dataclass(frozen=True)
class Page:
    """What a page is called, and what it answers."""

    title: str
    about: str
    is_listed: bool = True  # whether search engines are told of it


PAGES: Final = MappingProxyType(
    {
        "": Page(
            "What the U.S. Humanitarian Mine Action Program covered",
            "How much, where, when, through which accounts, how it ended, and how sure each of these is. Every "
            "figure opens the publication it was read in.",
        ),
        "country": Page(
            "One country: U.S. mine action money, casualties, who else pays",
            "U.S. money by account and year, people killed and injured, other donors, cleared land and treaties, "
            "each figure with its source.",
        ),
        "casualties": Page(
            "People killed and injured by mines and explosive remnants of war",
            "World totals by edition, areas beside each other, rates, breaks in the counts, and what does not add up.",
        ),
        "clearance": Page(
            "Land cleared of mines, and land still contaminated",
            "Released land, destroyed mines and estimates by edition; a missing year is no zero.",
        ),
        "timeline": Page(
            "Timeline: the program, the treaties, and what stopped in 2025",
            "Dated events with their sources, beside one series of U.S. money.",
        ),
        "funding": Page(
            "Every printed sum of money for mine action",
            "Filtered rows, one a figure. A total is given only where figures may be added.",
        ),
        "compare": Page(
            "Mine action money in up to six countries, beside each other",
            "One series by year, in nominal or constant dollars, with dated events; every sum leads to its figures.",
        ),
        "who_else_pays": Page(
            "Who else pays for mine action, and who is left",
            "The U.S. share of each area's money, the other donors, and the covered areas that depended on it most.",
        ),
        "partners": Page(
            "Who did the work, and what they got",
            "Organisations by series, country and year, with the names as they are printed.",
        ),
        "reconciliation": Page(
            "The same U.S. dollars, as each source counts them",
            "State's report beside ForeignAssistance.gov, USAspending and the Landmine Monitor, and why they differ.",
        ),
        "changes": Page(
            "What changed between two refreshes",
            "Every figure that was added, revised, withdrawn or restored, before and after.",
        ),
        "sources": Page(
            "Sources: publishers, terms, caveats, files",
            "Where every figure comes from, with the hash of each archived file.",
        ),
        "findings": Page(
            "Rejects and issues",
            "Rows that broke a rule and are not used, and oddities in rows that are.",
        ),
        "about": Page(
            "About the program, the memo of 2 December 2025, and this ledger",
            "What was read, what was not, and how to read a figure.",
        ),
        "search": Page(
            "Search the ledger",
            "Countries and areas by any name, organisations, series, sources, and figures by their texts.",
            is_listed=False,
        ),
        "entry": Page(
            "One figure and its source", "Its values, revisions and archived row.", is_listed=False
        ),
        "rows": Page(
            "The rows behind a figure",
            "What a computed figure means, how it is computed, and the entries it is made of.",
            is_listed=False,
        ),
    }
)


def base(request: Request) -> str:
    """The address of this server as readers know it, with a slash at its end."""
    return limits().public_url or str(request.base_url)
