"""The hostile values on their way: source, ledger, and every surface on which a reader meets them.

One ledger holds all of them as texts of events, of funding, and in the title of a user's register; one
server serves it. On each surface a value must come out as the text it is. What is looked for besides: a
dialog, an element, a link or a type that a value made, a formula, and a request to another host.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from html.parser import HTMLParser
from typing import Final, Protocol
from urllib.parse import quote, urlencode, urlsplit
from xml.etree import ElementTree as ET

import httpx
import openpyxl
import yaml
from playwright.sync_api import Page

from etl.reading import SourceError
from etl.refresh import Outcome, refresh
from etl.registers import every_source
from etl.settings import Folders
from tests.helpers import NO_LIMITS, Row, ask, csv_text, read_source, rewrite
from tests.siege.values import SEEN, VALUES, Hostile

Get = Callable[[str], bytes]
KEPT: Final = tuple(value for value in VALUES if len(value.text) < 10_000)
EVENTS: Final = "us_funding/program_events.csv"
MONEY: Final = "us_funding/us_cwd_country_fy.csv"
REGISTER: Final = "hostile"
ALL: Final = "all of them"  # where many values are on one page
FORMULA_SIGNS: Final = frozenset("=+-@\t\r\uff1d\uff0b\uff0d\uff20")
GIVEN: Final = "text as given"
BEHIND: Final = "text as given, behind an apostrophe"
PICTURE: Final = "a picture"
NOTHING: Final = "nothing made"
GOOD: Final = frozenset({GIVEN, BEHIND, PICTURE, NOTHING})
# What a browser and show.plain make of white space, and of signs that turn the direction.
_UNSEEN: Final = re.compile(r"[\s\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


def put(folders: Folders) -> Outcome:
    """Put every value that a ledger can hold into sources of ``folders``, and refresh them."""

    def events(rows: list[Row]) -> list[Row]:
        texts = ("event", "body", "summary", "source_title", "note")
        said = {
            "date": "1990",
            "date_precision": "year",
            "source_url": "https://publisher.example/x",
        }
        return [*rows, *({**said, **dict.fromkeys(texts, value.text)} for value in KEPT)]

    def money(rows: list[Row]) -> list[Row]:
        texts = ("source_title", "source_edition", "locator", "note")
        base = rows[0] | {"latest_edition": "no"}
        return [*rows, *({**base, **dict.fromkeys(texts, value.text)} for value in KEPT)]

    rewrite(folders, EVENTS, events)
    rewrite(folders, MONEY, money)
    texts = [value.text for value in KEPT]
    mapping = {
        "title": " ¦ ".join(texts), "publisher": texts[0], "url": "https://publisher.example/x", "licence": texts[1],
        "coverage": texts[2], "citation": texts[3], "caveats": " ¦ ".join(texts), "file": f"{REGISTER}.csv",
        "unit": "event", "missing": ["n/a"],
        "columns": {"id": "No", "area": {"value": "Laos"}, "date": {"column": "Day", "format": "%Y-%m-%d"},
                    "admin1": "Place"},
    }  # fmt: skip
    folders.registers.mkdir(exist_ok=True)
    rows = [{"No": str(n), "Day": "2022-05-03", "Place": text} for n, text in enumerate(texts)]
    (folders.registers / f"{REGISTER}.csv").write_text(
        csv_text(("No", "Day", "Place"), rows), encoding="utf-8"
    )
    (folders.registers / f"{REGISTER}.yml").write_text(
        yaml.safe_dump(mapping, allow_unicode=True, sort_keys=False), encoding="utf-8"
    )
    names = ("program_events", "state_tweis", f"tabular_{REGISTER}")
    specs = every_source(folders)
    lenient = {"min_entries": 1, "guard": NO_LIMITS}
    return refresh(folders, [specs[name].model_copy(update=lenient) for name in names])


def refused(value: Hostile) -> str:
    """What becomes of a source with a value that no ledger holds: the rule that stops it."""
    row = {"date": "1991", "date_precision": "year", "event": value.text}
    try:
        read_source("program_events", {EVENTS: [row]})
    except SourceError as error:
        return f"source on hold ({error.rule})"
    return "IT CAME IN"


def as_addresses() -> dict[str, str]:
    """What becomes of a row whose source address is a value, by the value's name."""
    said = {
        "date": "1991",
        "date_precision": "year",
        "body": "b",
        "summary": "s",
        "source_title": "t",
    }
    rows = [{**said, "event": value.name, "source_url": value.text} for value in KEPT]
    _, tables = read_source("program_events", {EVENTS: rows})
    kept = set(tables["program_events"]["event"])
    return {
        value.name: "kept as an address" if value.name in kept else "row rejected" for value in KEPT
    }


def kept_text(value: Hostile) -> str:
    """How a value stands in the ledger: readers strip the ends of a cell."""
    return value.text.strip()


def seen(text: str) -> str:
    """A text as a page shows it: white space is one space, and no sign turns the direction."""
    return _UNSEEN.sub(" ", text).strip()


# ---- files

Verdicts = dict[str, str]  # by the names of values
ROWS: Final = "/api/v1/program_events.{}?date=1990"  # the values, and no other events


def in_csv(get: Get) -> Verdicts:
    """Cells that no spreadsheet runs; ``raw=1`` gives the texts."""
    cells, raw = (
        [
            row["event"]
            for row in csv.DictReader(
                io.StringIO(get(ROWS.format("csv") + more).decode(), newline="")
            )
        ]
        for more in ("", "&raw=1")
    )
    by_text = dict(zip(raw, cells, strict=True))
    return {value.name: _in_cell(by_text.get(kept_text(value)), kept_text(value)) for value in KEPT}


def _in_cell(cell: str | None, text: str) -> str:
    if cell is None:
        return "LOST"
    bare = "".join(
        sign for sign in cell if unicodedata.category(sign)[0] not in "ZC" or sign in "\t\r"
    )
    if bare[:1] in FORMULA_SIGNS:
        return f"FORMULA {cell[:40]!r}"
    return (
        GIVEN if cell == text else BEHIND if cell == f"'{text}" else f"CHANGED into {cell[:60]!r}"
    )


def in_json(get: Get) -> Verdicts:
    """Strings in valid JSON, the same in NDJSON."""
    whole = {row["event"] for row in json.loads(get(ROWS.format("json")))["rows"]}
    lines = {
        json.loads(line)["event"]
        for line in get(ROWS.format("ndjson")).decode().split("\n")
        if line
    }
    return {value.name: GIVEN if kept_text(value) in whole & lines else "CHANGED" for value in KEPT}


def in_workbook(get: Get) -> Verdicts:
    """Cells of text in a workbook that another program opens: no formula and no link."""
    book = openpyxl.load_workbook(io.BytesIO(get(ROWS.format("xlsx"))))
    cells = [
        cell
        for sheet in book
        for row in sheet.iter_rows()
        for cell in row
        if cell.value is not None
    ]
    live = [cell.coordinate for cell in cells if cell.data_type == "f" or cell.hyperlink]
    texts = {str(cell.value).replace("_x000D_", "\r").replace("\r\n", "\n") for cell in cells}
    return {
        value.name: f"FORMULA OR LINK in {live}" if live
        else GIVEN if kept_text(value).replace("\r\n", "\n") in texts else "CHANGED"
        for value in KEPT
    }  # fmt: skip


def in_feed(get: Get) -> Verdicts:
    """The titles of sources in the feed, which is well-formed and has no elements but Atom's."""
    root = ET.fromstring(get("/feed.atom"))  # noqa: S314 - our own feed
    atom = {
        "feed",
        "id",
        "title",
        "subtitle",
        "updated",
        "link",
        "author",
        "name",
        "entry",
        "summary",
    }
    strange = {element.tag.rpartition("}")[2] for element in root.iter()} - atom
    said = seen(" ".join(root.itertext()))
    return {
        value.name: f"ELEMENTS {strange}"
        if strange
        else GIVEN
        if seen(value.text) in said
        else "CHANGED"
        for value in KEPT
    }


class Elements(HTMLParser):
    """The elements of a document, with the names of their attributes, and its text."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.counted: Counter[str] = Counter()
        self.texts: list[str] = []
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Count an element by its name and those of its attributes."""
        self.counted[" ".join((tag, *sorted(name for name, _ in attrs)))] += 1

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        self.texts.append(data)


def in_brief(get: Get) -> Verdicts:
    """The brief that is asked for by a value: it says that there is no such area, in a page of its own elements."""
    plain = Elements(get("/brief?area=nowhere").decode())
    return {value.name: _in_brief(get, value, plain) for value in KEPT}


def _in_brief(get: Get, value: Hostile, plain: Elements) -> str:
    found = Elements(get("/brief?" + urlencode({"area": value.text})).decode())
    if found.counted != plain.counted:
        return f"ELEMENTS {found.counted - plain.counted}"
    shown = seen(" ".join(found.texts))
    return GIVEN if seen(value.text)[:60] in shown else "text left out"


def in_card(get: Get) -> Verdicts:
    """The picture of an address with a value in it: a picture of the size that is promised."""
    return {value.name: _in_card(get, value) for value in KEPT}


def _in_card(get: Get, value: Hostile) -> str:
    content = get(
        "/card.png?" + urlencode({"page": "country", "area": value.text, "series": value.text})
    )
    size = int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")
    return PICTURE if content.startswith(b"\x89PNG") and size == (1200, 630) else "NO PICTURE"


FILES: Final[Mapping[str, Callable[[Get], Verdicts]]] = {
    "CSV": in_csv, "Excel": in_workbook, "JSON": in_json, "feed": in_feed, "brief": in_brief, "card": in_card,
}  # fmt: skip


def getter(site: str) -> Get:
    """Asks a server."""
    return lambda address: httpx.get(site + address, trust_env=False, timeout=60).content


# ---- pages

# What no text may make on a page of ours, said as selectors.
MADE: Final = (
    "[data-testid=stMain] script, [data-testid=stMain] iframe:not([src^='/component']), base, meta[http-equiv=refresh i], "
    "[onload], [onerror], [onmouseover], [href^='javascript:' i], [href^='data:text' i], [src*='outside.example'], "
    "[data-testid=stMain] img, .katex, [data-testid=stMain] del, [data-testid=stMain] .stMarkdownColoredText, "
    "[data-testid=stMain] [style*='url(']"
)
LOUD: Final = "[...document.querySelectorAll('h1,h2,h3,strong,em,a,code')].filter(e => ['loud', '# loud', 'slanted', 'look'].includes(e.textContent.trim())).length"


# The pages that show many of the values at once, and the few of them that the tests look at.
LISTS: Final = (
    "/timeline", "/about", "/funding?areas=Vietnam&source=state_tweis", "/country?area=VNM", "/sources", "/findings",
    "/changes", "/casualties", "/brief?area=VNM",
)  # fmt: skip
FEW: Final = ("/timeline", "/brief?area=VNM")


def entries(folders: Folders) -> dict[str, str]:
    """The entry of the event that bears each value, by the value's name."""
    found = dict(ask(folders, "SELECT event, entry_id FROM program_events WHERE date = '1990'"))
    return {value.name: found[kept_text(value)] for value in KEPT}


def made_on(page: Page) -> list[str]:
    """What the values have made on the page that is open: nothing, if all is well."""
    made = [
        str(each)[:120]
        for each in page.locator(MADE).evaluate_all("found => found.map(e => e.outerHTML)")
    ]
    if page.evaluate(LOUD):
        made.append("type set by Markdown")
    links: list[str] = page.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.href)")
    # a source's own address may be a link: whoever follows it means to
    return [
        *made,
        *(href for href in links if urlsplit(href).scheme not in {"http", "https", "mailto"}),
    ]


def on_entry(page: Page, value: Hostile) -> str:
    """The page of an entry: its values, and the archived row, letter for letter."""
    text = page.locator("body").inner_text()
    if made := made_on(page):
        return f"MADE {made}"
    return GIVEN if seen(value.text) in seen(text) else "CHANGED"


def on_country(page: Page, value: Hostile) -> str:
    """A page that is asked for by the value says that there is no such thing."""
    if made := made_on(page):
        return f"MADE {made}"
    return (
        GIVEN
        if seen(value.text)[:60] in seen(page.locator("body").inner_text())
        else "text left out"
    )


class Browsing(Protocol):
    """A window of a browser, and what it asked for and complained of."""

    page: Page
    site: str
    asked: list[str]
    complaints: list[str]
    dialogs: list[str]

    def open(self, path: str) -> Page:
        """Open a path and wait until the page is whole."""
        ...


def walk(
    reader: Browsing, folders: Folders, names: list[str], paths: tuple[str, ...] = LISTS
) -> Iterator[tuple[str, str, str]]:
    """Look at the pages in a browser: value, surface, what came of it."""
    for path in paths:
        page = reader.open(path) if not path.startswith("/brief") else reader.page
        if path.startswith("/brief"):
            page.goto(reader.site + path)
        made = made_on(page)
        yield ALL, f"page {path.partition('?')[0]}", f"MADE {made}" if made else NOTHING
    of = entries(folders)
    for value in KEPT:
        if value.name in names:
            yield (
                value.name,
                "page Source row",
                on_entry(reader.open(f"/entry?entry={of[value.name]}"), value),
            )
            page = reader.open("/country?area=" + quote(value.text, safe=""))
            yield value.name, "page, by its address", on_country(page, value)


def trouble(reader: Browsing) -> list[str]:
    """What the browser did that it should not have: dialogs, questions to another host, errors of scripts."""
    asked = [url for url in reader.asked if urlsplit(url).scheme in {"http", "https", "ws", "wss"}]
    own = urlsplit(reader.site).netloc
    outside = [url for url in asked if urlsplit(url).netloc != own]
    ran = [line for line in reader.complaints if SEEN in line]
    return [
        *(f"dialog {each}" for each in reader.dialogs),
        *(f"asked {url}" for url in outside),
        *ran,
    ]
