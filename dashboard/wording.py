"""How figures are written: with units, separators and the bounds that a source gives them.

A missing figure is an en dash, never a zero. Nothing here needs Streamlit, so that answers outside the
pages (the head of a shared link, its card) write a figure as the pages do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

MISSING: Final = "–"
BOUNDS: Final = {
    "floor": "at least ",
    "ceiling": "nearly ",
    "approximate": "about ",
    "rounded": "",
    "exact": "",
}


def signed_usd(amount: float) -> str:
    """A difference in dollars, with its sign: '+$1,000', '−$1,000', '$0'; never broken after it."""
    if amount == 0:
        return usd(amount)
    return f"{'+' if amount > 0 else '−'}\u2060{usd(abs(amount))}"


def no_sum(count: int, *, may_add: bool) -> str:
    """What stands where figures have no sum: none of them has an amount, or they may not be added."""
    figures = f"{count:,} figure{'' if count == 1 else 's'}"
    return f"{figures} without an amount" if may_add or count == 1 else f"{figures}, not added"


def usd(amount: float | None, precision: str | None = None) -> str:
    """Dollars with separators and the bound the source gives: 'at least $398,000,000'."""
    if amount is None:
        return MISSING
    digits = f"{amount:,.2f}".removesuffix(".00")
    sign, digits = ("−", digits[1:]) if digits.startswith("-") else ("", digits)
    return f"{BOUNDS.get(precision or 'exact', '')}{sign}${digits}"


def capital(text: str) -> str:
    """``text`` with a capital first letter; the rest as it is."""
    return text[:1].upper() + text[1:]


def number(value: float | None, *, floor: bool | None = False, decimals: int = 6) -> str:
    """A count or area with separators; ``floor`` writes 'at least'."""
    if value is None:
        return MISSING
    text = (
        f"{value:,}" if isinstance(value, int) else f"{value:,.{decimals}f}".rstrip("0").rstrip(".")
    )
    return f"at least {text}" if floor else text


def percent(value: float | None) -> str:
    """A share with one decimal, as the views round it."""
    return MISSING if value is None else f"{value:.1f} %"


def share(row: Mapping[str, Any]) -> str:
    """The U.S. share of a row of ``dependency`` or ``area_profile``, as sure as it is.

    A table read whole that does not list the United States is not a printed zero.
    """
    if not row["is_us_listed"]:
        return "U.S. not listed"
    about = row.get("is_approximate", row.get("is_share_approximate"))
    return f"{'about ' if about else ''}{percent(row['us_share_percent'])}"


def edition_of(row: Mapping[str, Any]) -> str:
    """Report and edition in one; an edition that names its report stands alone."""
    report, edition = str(row["report"]), str(row["edition"])
    return edition if report in edition else f"{report}, {edition}"


def year_of(year: int | None, basis: str) -> str | None:
    """A year with its basis: 'FY2016', '2016', or '2016 (basis not stated)'."""
    if year is None:
        return None
    return {"fiscal": f"FY{year}", "calendar": str(year)}.get(basis, f"{year} (basis not stated)")


def years_of(years: Iterable[int], basis: str) -> str:
    """The years that there are, gaps left out: 'FY2002, FY2005 to FY2009'."""
    spans: list[list[int]] = []
    for year in sorted(set(years)):
        if spans and spans[-1][-1] == year - 1:
            spans[-1][1:] = [year]
        else:
            spans.append([year])
    return ", ".join(" to ".join(str(year_of(year, basis)) for year in span) for span in spans)
