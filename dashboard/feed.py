"""``/feed.atom``: one entry for each refresh that changed a figure, newest first (RFC 4287).

An entry is named by its refresh and the hash of that refresh's manifest. The hash stands in the name
of the ledger while the refresh is the newest, and in the next refresh's record ever after, so the
name never changes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import polars as pl
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from dashboard.current import ledgers
from dashboard.refreshes import counts, words
from dashboard.site import base
from dashboard.xml_text import legible
from etl.manifest import SHORT
from etl.store import Lease, NoLedgerError, TooLongError

ATOM: Final = "http://www.w3.org/2005/Atom"
MEDIA_TYPE: Final = "application/atom+xml; charset=utf-8"
MOST: Final = 50
_REFRESHES: Final = Path(__file__).parent / "sql" / "feed.sql"


def feed(request: Request) -> Response:
    """The feed, or 304 where the reader has it already."""
    try:
        with ledgers().lease() as lease:
            content, updated = _content(lease, base(request))
    except (NoLedgerError, TooLongError) as error:
        return PlainTextResponse(f"{error}.\n", 503)
    headers = {
        "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        "Last-Modified": format_datetime(updated, usegmt=True),
        "Cache-Control": "no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    if _has_it(request, headers["ETag"], updated):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=MEDIA_TYPE)


def _has_it(request: Request, etag: str, updated: datetime) -> bool:
    """Whether the reader's copy is this one; a tag says it better than a time (RFC 9110)."""
    tags = request.headers.get("If-None-Match")
    if tags is not None:
        given = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return bool(given & {etag, "*"})
    try:
        since = parsedate_to_datetime(request.headers.get("If-Modified-Since", ""))
    except (ValueError, OverflowError):  # no day, or one of a year that no calendar has
        return False
    return updated <= (since if since.tzinfo else since.replace(tzinfo=UTC))


@dataclass(frozen=True)
class _Refresh:
    """One entry of the feed."""

    number: int
    updated: datetime
    manifest: str
    changes: str
    by_source: str


_read: dict[str, tuple[str, list[_Refresh]]] = {}  # of the last ledger that was asked for


def _refreshes(lease: Lease) -> tuple[str, list[_Refresh]]:
    """The first manifest of all, and the refreshes that changed a figure, newest first."""
    if lease.ledger not in _read:
        with lease.limited():
            found = _ask(lease)
        _read.clear()
        _read[lease.ledger] = found
        return found
    return _read.get(lease.ledger) or _ask(lease)


def _ask(lease: Lease) -> tuple[str, list[_Refresh]]:
    titles = dict(lease.con.execute("SELECT source_id, title FROM sources").fetchall())
    changed = counts(lease.con)
    refreshes: pl.DataFrame = lease.con.execute(
        _REFRESHES.read_text(encoding="utf-8"),
        {"digits": SHORT, "newest": lease.ledger.rpartition("-")[2]},
    ).pl()
    found: list[_Refresh] = []
    for number, finished, manifest in refreshes.iter_rows():
        of_it = changed.filter(refresh=number)
        if of_it.is_empty() or len(found) == MOST:
            continue
        sums = of_it.group_by("change").agg(pl.col("entries").sum())
        by_source = [
            f"{titles.get(source, source)}: {words(part.select('change', 'entries').iter_rows())}."
            for (source,), part in of_it.group_by("source_id", maintain_order=True)
        ]
        found.append(
            _Refresh(
                number, finished.astimezone(UTC).replace(microsecond=0), manifest, words(sums.iter_rows()),
                " ".join(by_source),
            )
        )  # fmt: skip
    return str(refreshes["manifest"][-1]), found


def _content(lease: Lease, base: str) -> tuple[bytes, datetime]:
    """The document for one address of the server, and when it last changed."""
    first_manifest, refreshes = _refreshes(lease)
    updated = max((one.updated for one in refreshes), default=datetime.fromtimestamp(0, UTC))
    root = ET.Element("feed", xmlns=ATOM)
    _text(root, "id", f"urn:hma-ledger:{first_manifest}")
    _text(root, "title", "HMA Ledger: changes of published figures")
    _text(root, "subtitle", "One entry for each refresh that added, revised or dropped a figure")
    _text(root, "updated", updated.isoformat())
    ET.SubElement(root, "link", rel="self", type="application/atom+xml", href=f"{base}feed.atom")
    ET.SubElement(root, "link", rel="alternate", type="text/html", href=f"{base}changes")
    _text(ET.SubElement(root, "author"), "name", "HMA Ledger")
    for one in refreshes:
        entry = ET.SubElement(root, "entry")
        _text(entry, "id", f"urn:hma-ledger:refresh:{one.number}:{one.manifest}")
        begins = "the ledger begins, " if one.number == 1 else ""
        _text(entry, "title", f"Refresh {one.number}: {begins}{one.changes}")
        _text(entry, "updated", one.updated.isoformat())
        address = f"{base}changes?a={one.number - 1}&b={one.number}"
        ET.SubElement(entry, "link", rel="alternate", type="text/html", href=address)
        _text(entry, "summary", one.by_source)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True), updated


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = legible(text)
