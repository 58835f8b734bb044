"""UCDP's versions: files where they are published as such, or page by page from its interface.

The interface says on each page how many events there are and where the next page is. A version is kept
whole or not at all: as many events as announced, each of them once.
"""

from __future__ import annotations

import re
from typing import Any, Final

from etl.asking import collecting, member, records_of, wrong
from etl.fetch import FetchError
from etl.session import Session, parsed

HEADER: Final = "x-ucdp-access-token"


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
    where = f"{session.options['interface']}{version}"
    headers = {HEADER: session.secret("token")}
    params = {"pagesize": str(session.options["page_size"])}
    seen: set[str] = set()
    total: int | None = None
    with collecting(session, f"gedevents-{version}.json", where) as add:
        page: str | None = ""
        while page is not None:
            asked = {**params, **({"page": page} if page else {})}
            content = session.ask_bytes("GET", where, params=asked, headers=headers)
            answer = parsed(content, where)
            count = member(answer, "TotalCount", int, where)
            total = count if total is None else total
            ids = [str(record.get("id")) for record in records_of(answer, "Result", where)]
            if count != total or seen & set(ids) or len(set(ids)) < len(ids):
                raise _MovedError(
                    f"{where} changed while its pages were asked for; try later", "cut short"
                )
            seen.update(ids)
            add(content)
            session.progress(len(seen), total)
            page = _next(answer, where) if ids else None
    if len(seen) != total:
        raise _MovedError(
            f"{where} announced {total:,} events and gave {len(seen):,}; try later", "cut short"
        )


def _next(answer: Any, where: str) -> str | None:  # noqa: ANN401 - JSON
    """The number of the next page, as the answer names it; None on the last one.

    Its address is not followed: whether pages count from 0 or 1 is all that it is needed for. A page that
    comes again repeats events, and one without events is the last.
    """
    if "NextPageUrl" not in answer:
        raise wrong(where, "without NextPageUrl", list(answer))
    if not answer["NextPageUrl"]:
        return None
    number = re.search(r"[?&]page=([0-9]{1,6})(&|$)", str(answer["NextPageUrl"]), re.IGNORECASE)
    if not number:
        raise wrong(where, "with a next page that has no number", answer["NextPageUrl"])
    return number[1]
