"""Socrata's interface (SODA 2): a whole dataset, page by page in a stable order, as one CSV file.

Rows may come and go while pages are asked for. One row that is entered before a page and one that is
taken away behind it leave the count as it was, and yet one row comes twice or not at all. So three
things are looked at, and a copy that fails any of them is asked for anew: the number of rows and the
time of the newest change are the same before and after; no two rows bear the same ``:id``; and as
many rows came as are counted. If the dataset never holds still, nothing is kept.

Pages are asked for as CSV, because a file copy of the same dataset is CSV as well: a source has one
file and one reader for both. The file is the pages one after the other with the heading of the first.
Names of columns differ between the two: the interface writes ``ubicaci_n`` where a file copy has
``Ubicación``, which :func:`etl.pages.field_name` undoes.

``fetch.options`` of the source's ``source.yml``: ``dataset``, ``page_size``, ``attempts``, ``select``
(must give ``:id``), ``order``, and ``state``, the question for the count and the newest change, which
must call them ``row_count`` and ``newest_change``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Final, NamedTuple

from etl.fetch import FetchError
from etl.reading import SourceError, decode
from etl.session import Session

ID: Final = ":id"
SHOWN: Final = 200


class MovedError(Exception):
    """The dataset changed while its pages were asked for; the message says how it shows."""


class State(NamedTuple):
    """What a dataset says of itself: how many rows, and when one was last changed."""

    rows: int
    newest_change: str


def bring(session: Session, file: str) -> None:
    """Bring the dataset that ``fetch.options`` name into the archive as ``file``.

    Raises:
        FetchError: it cannot be had, or did not hold still in any of the attempts.
    """
    attempts = int(session.options["attempts"])
    moved = None
    for _ in range(attempts):
        before = _state(session)
        origin = f"{_address(session, 'csv')}, newest change {before.newest_change}"
        try:
            with session.collect(file, origin, form=bytes) as add:
                _copy(session, before, add)
        except MovedError as error:
            moved = error
        else:
            return
    raise FetchError(
        f"{file}: the dataset did not hold still in {attempts} attempts: {moved}. Nothing of them is kept; "
        "fetch again later",
        "changed meanwhile",
    )


def _address(session: Session, form: str) -> str:
    return f"resource/{session.options['dataset']}.{form}"


def _state(session: Session) -> State:
    """How many rows there are and when the newest change was."""
    address = _address(session, "json")
    answer = session.ask("GET", address, params={"$select": str(session.options["state"])})
    try:
        [row] = answer
        return State(int(row["row_count"]), str(row["newest_change"]))
    except (ValueError, KeyError, TypeError) as error:
        raise FetchError(
            f"{address} does not say row_count and newest_change: {str(answer)[:SHOWN]}; see "
            "fetch.options.state in source.yml",
            "wrong content",
        ) from error


def _copy(session: Session, before: State, add: Callable[[bytes], None]) -> None:
    """Hand over every page, and look whether the dataset held still.

    Raises:
        MovedError: it did not.
    """
    size = int(session.options["page_size"])
    known: set[str] = set()
    heading = ""
    for offset in range(0, before.rows + size, size):
        page = _page(session, offset)
        if heading and page.heading != heading:
            raise MovedError(f"its columns were {heading}, and then {page.heading}")
        if len(page.ids) > size:
            raise FetchError(
                f"{len(page.ids):,} rows came where {size:,} were asked for", "wrong content"
            )
        twice = known.intersection(page.ids)
        if twice or len(set(page.ids)) < len(page.ids):
            raise MovedError(f"a row came twice ({min(twice, default='within a page')})")
        add(page.rows if heading else page.whole)
        heading = page.heading
        known.update(page.ids)
        if len(page.ids) < size:
            break
    after = _state(session)
    if after != before:
        raise MovedError(
            f"before there were {before.rows:,} rows, newest change {before.newest_change}; after "
            f"{after.rows:,}, {after.newest_change}"
        )
    if len(known) != before.rows:
        raise MovedError(
            f"{len(known):,} rows came and {before.rows:,} are counted (if this stays so, page_size in "
            "source.yml is more than the portal gives)"
        )


class _Page(NamedTuple):
    heading: str
    rows: bytes  # without the heading
    ids: list[str]

    @property
    def whole(self) -> bytes:
        return self.heading.encode() + b"\n" + self.rows


def _page(session: Session, offset: int) -> _Page:
    """One page; the last line ends with a line break."""
    options = session.options
    content = session.ask_bytes(
        "GET", _address(session, "csv"),
        params={
            "$select": str(options["select"]), "$order": str(options["order"]),
            "$limit": str(options["page_size"]), "$offset": str(offset),
        },
        headers={"Accept": "text/csv"},
    )  # fmt: skip
    where = f"{_address(session, 'csv')} from row {offset}"
    try:
        text = decode(where, content)
        heading, _, body = text.partition("\n")
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (SourceError, csv.Error) as error:
        raise FetchError(f"{where}: {error}", "wrong content") from error
    if ID not in rows[0]:
        raise FetchError(
            f"{where} gives no {ID}, without which a row that comes twice is not noticed; it has "
            f"{', '.join(rows[0])[:SHOWN]}. See fetch.options.select in source.yml",
            "wrong content",
        )
    index = rows[0].index(ID)
    ragged = next((row for row in rows if row and len(row) != len(rows[0])), None)
    if ragged:
        raise FetchError(
            f"{where} holds a row with {len(ragged)} cells where the heading has {len(rows[0])}: "
            f"{','.join(ragged)[:SHOWN]}",
            "wrong content",
        )
    ending = "" if not body or body.endswith("\n") else "\n"
    return _Page(
        heading.rstrip("\r"), (body + ending).encode(), [row[index] for row in rows[1:] if row]
    )
