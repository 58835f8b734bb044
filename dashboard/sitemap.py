"""``/sitemap.xml``: the addresses that search engines are told of: the pages, and a page for every area."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from dashboard.answer import text
from dashboard.current import ledgers
from dashboard.site import PAGES, base
from etl.store import Lease, NoLedgerError, TooLongError

NAMES: Final = "http://www.sitemaps.org/schemas/sitemap/0.9"


def sitemap(request: Request) -> Response:
    """The addresses, each with the day of the newest refresh."""
    try:
        with ledgers().lease() as lease, lease.limited():
            found = list(_addresses(lease, base(request)))
    except (NoLedgerError, TooLongError) as error:
        return PlainTextResponse(f"{error}.\n", 503)
    root = ET.Element("urlset", xmlns=NAMES)
    for address, day in found:
        url = ET.SubElement(root, "url")
        ET.SubElement(url, "loc").text = address
        ET.SubElement(url, "lastmod").text = day
    content = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return Response(content, media_type="application/xml", headers={"Cache-Control": "no-cache"})


def _addresses(lease: Lease, start: str) -> Iterator[tuple[str, str]]:
    areas = lease.con.execute(text("sitemap")).fetchall()
    (day,) = lease.con.execute(text("last_day")).fetchone() or ("",)
    for path, page in PAGES.items():
        if page.is_listed:
            yield f"{start}{path}", day
    for (area,) in areas:
        yield f"{start}country?{urlencode({'area': area})}", day
    yield f"{start}api/v1/docs", day
