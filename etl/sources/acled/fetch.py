"""Asking ACLED, with an account of the user's own: sign in, then read page by page, year by year.

User name and password come from the environment and go nowhere but to the sign-in; the pass that comes
back lasts a day and is not written down. Only the fields that are read are asked for, and only events of
the one kind. A page tells nothing of how many there are in all, so the last page is the first that is not
full; an event that comes twice says that the pages moved, and its year is asked for anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from etl.asking import collecting, records_of
from etl.fetch import FetchError
from etl.session import Session
from etl.sources.acled.read import FIELDS, FILE

OK: Final = 200
MOST_PAGES: Final = 1000
REFUSED: Final = frozenset({"forbidden", "wrong content"})  # a sign-in answers 400, 401 or 403


def fetch(session: Session) -> None:
    """Bring all events of the kind up to date.

    Raises:
        FetchError: the account is not taken, may not read, or the pages are not whole.
    """
    headers = {"Authorization": f"Bearer {_pass(session)}"}
    first, last = int(session.options["first_year"]), session.today.year
    with collecting(session, FILE, session.options["read"]) as add:
        for year in range(first, last + 1):
            for page in _year(session, headers, year):
                add(page)
            session.progress(year - first + 1, last - first + 1)


def _pass(session: Session) -> str:
    """Sign in. What the answer says is repeated nowhere, for it holds the pass."""
    form = {
        "username": session.secret("username"),
        "password": session.secret("password"),
        "grant_type": "password",
        "client_id": session.options["client_id"],
    }
    where = session.options["sign_in"]
    try:
        content = session.ask_bytes("POST", where, form=form)
    except FetchError as error:
        if error.rule not in REFUSED:
            raise
        raise FetchError(
            f"ACLED does not take this user name and password. Check HMA_SOURCES__ACLED__SECRETS__USERNAME and "
            f"HMA_SOURCES__ACLED__SECRETS__PASSWORD, and sign in at {session.base_url} once with them ({error})",
            "forbidden",
        ) from None
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    token = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(token, str) or not (token.isascii() and token.isprintable() and token):
        raise FetchError(
            f"{where} signs in without an access_token; the interface may have changed",
            "wrong content",
        )
    return token


class _MovedError(FetchError):
    """Events moved between the pages while they were asked for."""


def _year(session: Session, headers: Mapping[str, str], year: int) -> list[bytes]:
    for attempt in range(1, session.options["attempts"] + 1):
        try:
            return _pages(session, headers, year)
        except _MovedError:
            if attempt == session.options["attempts"]:
                raise
    raise ValueError("attempts must be 1 or more")


def _pages(session: Session, headers: Mapping[str, str], year: int) -> list[bytes]:
    """The pages of one year; the last is the one that is not full."""
    size, where = int(session.options["page_size"]), session.options["read"]
    params = {
        "_format": "json", "sub_event_type": session.options["sub_event_type"], "year": str(year),
        "fields": "|".join(FIELDS), "limit": str(size),
    }  # fmt: skip
    pages: list[bytes] = []
    seen: set[str] = set()
    while len(pages) < MOST_PAGES:
        number = str(len(pages) + 1)
        try:
            content = session.ask_bytes(
                "GET", where, params={**params, "page": number}, headers=headers
            )
        except FetchError as error:
            if error.rule != "forbidden":
                raise
            raise FetchError(
                f"ACLED lets this account sign in and not read events: look at what it may see, and at "
                f"{session.base_url} whether its terms are accepted ({error})",
                "forbidden",
            ) from None
        ids = [str(event.get("event_id_cnty")) for event in _events(content, where)]
        if seen & set(ids) or len(set(ids)) < len(ids):
            raise _MovedError(
                f"{where}: an event of {year} came twice, so the pages changed while they were asked for; try "
                "later",
                "cut short",
            )
        if len(ids) > size:
            raise FetchError(
                f"{where} gives {len(ids):,} events on a page where {size:,} were asked for; the interface may "
                "have changed",
                "wrong content",
            )
        seen.update(ids)
        pages.append(content)
        if len(ids) < size:
            return pages
    raise FetchError(f"{where} never comes to its last page for {year}", "wrong content")


def _events(content: bytes, where: str) -> list[Mapping[str, object]]:
    """The events of a page, if it says that it is one; an answer may say in words that it is none."""
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or answer.get("status", OK) != OK or "data" not in answer:
        status = answer.get("status") if isinstance(answer, dict) else "no JSON"
        raise FetchError(
            f"{where} answers without events (status {str(status)[:40]!a}); the account may lack access, or the "
            "interface has changed",
            "wrong content",
        )
    return list(records_of(answer, "data", where))
