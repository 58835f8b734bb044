"""Asking FTS: year by year what goes to mine action, and now and then whole years.

The service gives pages, and each page prints the count and the totals of the whole question. A
question is kept only if all its pages print the same ones, and as many different flows came as are
counted: otherwise the data changed meanwhile, a flow came twice or not at all, and the question is
asked again from its first page.

Whole years are asked for because a flow can name mine action without bearing the mark of the
sector, and the interface is not known to search for words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from etl.asking import collecting, shown, wrong
from etl.fetch import FetchError
from etl.fts_flows import CLUSTER
from etl.session import Session, parsed

NOT_FOUND: Final = "not found"
_SHOWN: Final = 300


def fetch(session: Session) -> None:
    """Bring everything up to date.

    Raises:
        FetchError: an answer is missing, is none, or its pages do not fit one another.
    """
    options, this_year = session.options, session.today.year
    last = this_year + options["years_ahead"]
    for year in range(options["first_year"], last + 1):
        file = f"flows_cluster_{year}.json"
        is_settled = year <= this_year - options["settled_years"]
        if not is_settled or _is_due(session, file, options["settled_every_days"]):
            _year(session, file, year, {options["cluster_parameter"]: CLUSTER})
        session.progress(year - options["first_year"] + 1, last - options["first_year"] + 1)
    for year in range(this_year - options["whole_years"] + 1, this_year + 1):
        file = f"flows_all_{year}.json"
        if _is_due(session, file, options["whole_every_days"]):
            _year(session, file, year, {})


def _is_due(session: Session, file: str, days: int) -> bool:
    made = session.retrieved(file)
    return made is None or (session.today - made).days >= days


def _year(session: Session, file: str, year: int, more: Mapping[str, str]) -> None:
    """One year's flows; a year to come of which the service knows nothing yet is left out."""
    question = {"year": str(year), **more}
    try:
        _settled(session, file, question)
    except FetchError as error:
        is_to_come = year > session.today.year and file not in session.files()
        if error.rule != NOT_FOUND or not is_to_come:
            raise


class _MovedError(FetchError):
    """Flows moved between the pages while they were asked for."""


class Page(NamedTuple):
    """What a page says of the whole question, and which flows it holds."""

    totals: str
    counted: int
    flows: tuple[str, ...]


def _settled(session: Session, file: str, question: Mapping[str, str]) -> None:
    """Keep the pages of a question if nothing moved while they were asked for."""
    asked = "&".join(f"{name}={value}" for name, value in question.items())
    origin = f"{session.base_url}{session.options['address']}?{asked}"
    for left in reversed(range(session.options["attempts"])):
        try:
            with collecting(session, file, origin) as add:
                _once(session, file, question, add)
        except _MovedError:
            if not left:
                raise
        else:
            return


def _once(
    session: Session, file: str, question: Mapping[str, str], add: Callable[[bytes], None]
) -> None:
    """Hand over each page; raises _MovedError if they are not of one moment."""
    pages: list[Page] = []
    for content, page in _pages(session, question):
        add(content)
        pages.append(page)
        if page.totals != pages[0].totals:
            break
    fault = _fault(pages)
    if fault:
        raise _MovedError(
            f"{file}: {fault}; asked {session.options['attempts']} times. The data changed meanwhile: fetch "
            "again later",
            "cut short",
        )


def _fault(pages: Sequence[Page]) -> str:
    """Why the pages are not of one moment; nothing if they are."""
    first, last = pages[0], pages[-1]
    if first.totals != last.totals:
        return (
            f"page 1 prints the count and totals {first.totals[:_SHOWN]}, page {len(pages)} "
            f"{last.totals[:_SHOWN]}"
        )
    flows = [flow for page in pages for flow in page.flows]
    if not len(flows) == len(set(flows)) == first.counted:
        return (
            f"{len(flows):,} flows came, {len(set(flows)):,} of them different, {first.counted:,} are "
            "counted"
        )
    return ""


def _pages(session: Session, question: Mapping[str, str]) -> Iterator[tuple[bytes, Page]]:
    """Each page of a question, as it came and what it says."""
    options = session.options
    params = {**question, "limit": str(options["page_size"]), "page": "1"}
    asked = set()
    for _page in range(options["max_pages"]):
        content = session.ask_bytes("GET", options["address"], params=params)
        page, link = _page_of(content, options["address"])
        yield content, page
        if not link:
            return
        asked.add(tuple(sorted(params.items())))
        params = _next(link, question)
        if tuple(sorted(params.items())) in asked:
            raise FetchError(
                f"{shown(link)} leads back to a page that was asked for", "wrong content"
            )
    raise FetchError(
        f"the answer about {dict(question)} does not end with page {options['max_pages']}; raise max_pages in "
        "source.yml",
        "too large",
    )


def _next(link: str, question: Mapping[str, str]) -> dict[str, str]:
    """What is to be asked for the next page.

    The address in the link is not followed, or a mirror would lead back to the service itself; its
    parameters are asked for at the same address as before.
    """
    try:
        params = dict(parse_qsl(urlsplit(link).query))
    except ValueError as error:
        raise wrong("the link to the next page", "with no address", link) from error
    lower = {name.casefold(): value for name, value in params.items()}
    if any(lower.get(name.casefold()) != value for name, value in question.items()):
        raise FetchError(
            f"the link to the next page asks another question: {shown(link)}. Expected {dict(question)}",
            "wrong content",
        )
    return params


def _page_of(content: bytes, address: str) -> tuple[Page, str | None]:
    """A page, and the link to the next; raises FetchError if it is no page of flows."""
    answer = parsed(content, address)
    status = answer.get("status") if isinstance(answer, dict) else None
    if status != "ok":
        raise wrong(address, f"with status {shown(status)}", content)
    data, meta = answer.get("data"), answer.get("meta")
    flows = data.get("flows") if isinstance(data, dict) else None
    if not isinstance(flows, list) or not all(
        isinstance(flow, dict) and type(flow.get("id")) in {int, str} for flow in flows
    ):
        raise wrong(address, "without flows, each with its id", content)
    count = meta.get("count") if isinstance(meta, dict) else None
    if type(count) is not int or count < 0:
        raise wrong(address, "without a count", content[-200:])
    link = meta.get("nextLink")
    if link is not None and not isinstance(link, str):
        raise wrong(address, "with a nextLink that is no text", link)
    parts = {part: data.get(part) for part in ("incoming", "internal", "outgoing")}
    totals = json.dumps({"count": count, **parts}, sort_keys=True)
    return Page(totals, count, tuple(str(flow["id"]) for flow in flows)), link
