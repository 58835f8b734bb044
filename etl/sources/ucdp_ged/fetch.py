"""UCDP's versions: files where they are published as such, or page by page from its interface.

The interface says on each page how many events there are and where the next page is. A version is kept
whole or not at all: as many events as announced, each of them once.
"""

from __future__ import annotations

from typing import Any, Final

from etl.asking import address_of, collecting, member, records_of, wrong
from etl.fetch import FetchError
from etl.session import Session, parsed

TOKEN: Final = "token"
HEADER: Final = "x-ucdp-access-token"
MOST_PAGES: Final = 5000


def fetch(session: Session) -> None:
    """Bring every version that ``source.yml`` lists up to date.

    Raises:
        FetchError: one cannot be had, is not complete, or the interface does not take the token.
    """
    for file, address in session.options["downloads"].items():
        session.download(file, address)
    for version in session.options["interface_versions"]:
        _version(session, str(version))


def _version(session: Session, version: str) -> None:
    for attempt in range(1, session.options["attempts"] + 1):
        try:
            _pages(session, version)
        except _MovedError:
            if attempt == session.options["attempts"]:
                raise
        else:
            return


class _MovedError(FetchError):
    """The events changed while they were asked for."""


def _pages(session: Session, version: str) -> None:
    headers = {HEADER: session.secret(TOKEN)}
    first = f"{session.options['interface']}{version}"
    address: str | None = f"{first}?pagesize={session.options['page_size']}&page=1"
    seen: set[str] = set()
    asked: set[str] = set()
    total: int | None = None
    with collecting(session, f"gedevents-{version}.json", first) as add:
        while address:
            if address in asked or len(asked) == MOST_PAGES:
                raise FetchError(f"{first} never comes to its last page", "wrong content")
            asked.add(address)
            content = session.ask_bytes("GET", address, headers=headers)
            page = parsed(content, first)
            count = member(page, "TotalCount", int, first)
            total = count if total is None else total
            ids = [str(record.get("id")) for record in records_of(page, "Result", first)]
            if count != total or seen & set(ids) or len(set(ids)) < len(ids):
                raise _MovedError(
                    f"{first} changed while its pages were asked for; try later", "cut short"
                )
            seen.update(ids)
            add(content)
            session.progress(len(seen), total)
            address = _next(session, page, first)
    if len(seen) != total:
        raise _MovedError(
            f"{first} announced {total} events and gave {len(seen)}; try later", "cut short"
        )


def _next(session: Session, page: Any, first: str) -> str | None:  # noqa: ANN401 - JSON
    """The address of the next page; None on the last one."""
    if "NextPageUrl" not in page:
        raise wrong(first, "without NextPageUrl", list(page))
    following = page["NextPageUrl"]
    return address_of(session, following, first) if following else None
