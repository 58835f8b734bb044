"""Asking the World Bank for its indicators, one after the other, page by page.

An error comes as an answer like any other, so each page is looked at before the next is asked for.
The pages of one indicator count only if they are of one edition and hold as many records as the first
one says. Two indicators are updated on different days, so nothing is compared between them.
"""

from __future__ import annotations

from typing import Any, Final

from etl.asking import collecting, shown
from etl.fetch import FetchError
from etl.session import Session, parsed

MAX_PAGES: Final = 500


def fetch(session: Session) -> None:
    """Bring the whole history of each indicator up to date, each in its own file.

    Raises:
        FetchError: an answer is an error, or the pages do not fit together.
    """
    for file, indicator in session.options["indicators"].items():
        _fetch(session, file, indicator)


def _fetch(session: Session, file: str, indicator: str) -> None:
    options = session.options
    address = f"v2/country/all/indicator/{indicator}"
    last = options.get("max_pages", MAX_PAGES)
    with collecting(session, file, address) as add:
        number, pages, found = 0, 1, 0
        first: dict[str, Any] = {}
        while number < pages:
            number += 1
            params = {
                "format": "json", "date": f"{options['first_year']}:{session.today.year}",
                "per_page": str(options["page_size"]), "page": str(number),
            }  # fmt: skip
            page = session.ask_bytes("GET", address, params=params)
            about, records = _parts(page, number, address)
            first = first or about
            for name in ("pages", "total", "lastupdated"):
                if about.get(name) != first.get(name):
                    raise FetchError(
                        f"page {number} says {name} {_said(about, name)}, page 1 said {_said(first, name)}: the "
                        "data changed in between. Fetch again",
                        "cut short",
                    )
            if about["pages"] > last:
                raise FetchError(
                    f"{address} has {about['pages']:,} pages, more than {last:,}; raise page_size or max_pages "
                    "in source.yml",
                    "too large",
                )
            pages, found = about["pages"], found + len(records)
            session.progress(number, pages)
            add(page)
        if found != first["total"]:
            raise FetchError(
                f"{found:,} records came, {first['total']:,} are counted; fetch again", "cut short"
            )


def _said(about: dict[str, Any], name: str) -> str:
    return str(about.get(name))[:80]


def _parts(page: bytes, number: int, address: str) -> tuple[dict[str, Any], list[Any]]:
    answer = parsed(page, address)
    good = (
        isinstance(answer, list)
        and len(answer) == 2  # noqa: PLR2004 - what it is about, and the records
        and isinstance(answer[0], dict)
        and isinstance(answer[1], list)
        and all(isinstance(record, dict) for record in answer[1])
        and all(
            type(answer[0].get(name)) is int and answer[0][name] >= 0
            for name in ("page", "pages", "total")
        )
    )
    if not good:
        raise FetchError(
            f"page {number} of {address} is no page of records: {shown(answer)}", "wrong content"
        )
    if answer[0]["page"] != number:
        raise FetchError(f"page {answer[0]['page']} came for page {number}", "wrong content")
    return answer[0], answer[1]
