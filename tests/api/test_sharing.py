"""What a shared link and a search engine see: the head of a page, its card, the sitemap."""

from __future__ import annotations

import ast
import io
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from dashboard import card
from dashboard.current import limits
from dashboard.front import Head
from dashboard.sharing import shared
from dashboard.site import PAGES
from dashboard.sitemap import NAMES, sitemap
from etl.settings import Folders

ROOT = Path(__file__).resolve().parents[2]
ENTRY = "state_tweis-d60fc92beeb9b42a"  # Vietnam, DoD, FY2016: $722,000
DOCUMENT = (
    '<html><head>\n    <title>Streamlit</title>\n  </head><body><div id="root"></div></body></html>'
)


def pages(request: Request) -> Response:
    """Stands for Streamlit: one document for every page, and other files."""
    if request.url.path.endswith(".js"):
        return PlainTextResponse("let x = '</head>'", media_type="text/javascript")
    return HTMLResponse(DOCUMENT, headers={"ETag": '"one for all"', "Last-Modified": "long ago"})


@pytest.fixture
def site(
    pool: None, built_folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    monkeypatch.setenv("HMA_DATA", str(built_folders.data))
    plain = Starlette(routes=[Route("/{path:path}", pages)])
    routes = [
        Route("/sitemap.xml", sitemap),
        Route("/card.png", card.card),
        Mount("/", app=Head(plain)),
    ]
    with TestClient(Starlette(routes=routes)) as client:
        yield client


class Seen(HTMLParser):
    """Title, named contents and elements of a document, as a browser reads them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.meta: dict[str, str] = {}
        self.elements: list[str] = []
        self.title = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        given = dict(attrs)
        name = given.get("property") or given.get("name")
        if tag == "meta" and name:
            self.meta[name] = given.get("content") or ""

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1] == "title" and not self.title:
            self.title = data


def test_every_page_of_the_navigation_has_its_words_and_no_other() -> None:
    tree = ast.parse((ROOT / "dashboard/streamlit_app.py").read_text(encoding="utf-8"))
    declared = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "st.Page":
            given = {word.arg: ast.literal_eval(word.value) for word in node.keywords}
            path = "" if given.get("default") else given["url_path"]
            declared[path] = given.get("visibility") != "hidden"
    assert {path: page.is_listed for path, page in PAGES.items()} == declared


def test_the_head_of_a_country_says_its_figures_and_where_its_card_is(site: TestClient) -> None:
    answer = site.get("/country?area=VNM")
    seen = Seen(answer.text)
    assert seen.title == "Vietnam: U.S. mine action money, casualties, who else pays · HMA Ledger"
    assert seen.meta["og:title"] == seen.title
    said = seen.meta["og:description"]
    # 12,548,000 + 10,709,000 + 12,500,000 of State, 340,000 + 722,000 + 1,168,000 of Defense
    assert (
        "broader than mine action, FY2015 to FY2017: $37,987,000, of it Defense $2,230,000" in said
    )
    assert seen.meta["og:url"] == "http://testserver/country?area=VNM"
    assert seen.meta["og:image"] == "http://testserver/card.png?page=country&area=VNM"
    assert said in seen.meta["og:image:alt"]
    assert "ETag" not in answer.headers  # Streamlit's names one document for all addresses
    assert site.head("/country?area=VNM").headers["Content-Length"] == str(len(answer.content))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/", "FY2017: $9,661,000 in 23 of the 34 countries whose table was read"),
        (f"/entry?entry={ENTRY}", "$722,000. Source: To Walk the Earth in Safety 2018"),
        ("/country", PAGES["country"].about),
        ("/country?area=Atlantis", PAGES["country"].about),
        ("/entry?entry=nothing", PAGES["entry"].about),
        ("/funding?areas=Vietnam", PAGES["funding"].about),
        ("/country?area=VNM&as_of=1", "As of refresh 1."),
        ("/country?area=VNM&as_of=99", PAGES["country"].about),
        ("/country?area=VNM&grammar=99", PAGES["country"].about),
    ],
)
def test_a_page_says_what_it_has_a_figure_for_and_what_it_is_about_else(
    site: TestClient, path: str, words: str
) -> None:
    assert words in Seen(site.get(path).text).meta["og:description"]


def test_nothing_in_an_address_becomes_an_element(site: TestClient) -> None:
    hostile = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E"
    plain = Seen(site.get("/country?area=VNM").text).elements
    for path in (
        f"/country?area={hostile}", f"/country?area=VNM&as_of={hostile}", f"/entry?entry={hostile}",
        f"/funding?x={hostile}", f"/?{hostile}",
    ):  # fmt: skip
        text = site.get(path).text
        assert Seen(text).elements == plain
        assert "<script>alert" not in text


def test_what_is_no_page_passes_as_it_is(site: TestClient) -> None:
    assert site.get("/static/x.js").text == "let x = '</head>'"
    assert site.get("/nothing").text == DOCUMENT
    assert site.get("/nothing").headers["ETag"] == '"one for all"'


def test_without_a_ledger_a_page_says_what_it_is_about(pool: None, workspace: Folders) -> None:
    words = shared("country", {"area": "VNM"})
    assert (words.finding, words.ledger) == (PAGES["country"].about, None)
    assert Image.open(io.BytesIO(card.draw(words))).size == (1200, 630)


def test_the_address_that_readers_know_goes_before_that_of_the_request(
    site: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HMA_API__PUBLIC_URL", "https://ledger.example/mines")
    limits.cache_clear()
    seen = Seen(site.get("/country?area=VNM").text)
    assert seen.meta["og:url"] == "https://ledger.example/mines/country?area=VNM"
    assert seen.meta["og:image"].startswith("https://ledger.example/mines/card.png?")
    assert (
        "<loc>https://ledger.example/mines/country?area=VNM</loc>" in site.get("/sitemap.xml").text
    )


# Cards


def test_a_card_is_a_picture_of_the_size_that_the_head_names(site: TestClient) -> None:
    answer = site.get("/card.png?page=country&area=VNM")
    picture = Image.open(io.BytesIO(answer.content))
    assert (picture.format, picture.size) == ("PNG", (1200, 630))
    seen = Seen(site.get("/country?area=VNM").text)
    assert (seen.meta["og:image:width"], seen.meta["og:image:height"]) == ("1200", "630")
    assert site.get("/card.png?page=country&area=KHM").content != answer.content
    tag = answer.headers["ETag"]
    again = site.get("/card.png?page=country&area=VNM", headers={"If-None-Match": tag})
    assert again.status_code == 304
    assert site.get("/card.png?page=nothing").status_code == 404


def test_addresses_that_say_the_same_are_drawn_once(site: TestClient) -> None:
    before = card._drawn.cache_info().misses
    pictures = {site.get(f"/card.png?page=about&area=none{n}").content for n in range(3)}
    assert len(pictures) == 1
    assert card._drawn.cache_info().misses <= before + 1


@pytest.mark.parametrize("page", PAGES)
def test_no_word_of_a_card_runs_over_its_edge(
    pool: None, built_folders: Folders, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    monkeypatch.setenv("HMA_DATA", str(built_folders.data))
    words = shared(page, {"area": "COL", "entry": ENTRY})
    picture = Image.open(io.BytesIO(card.draw(words))).convert("L")
    edges = [
        picture.crop((0, card.BAR + 1, card.MARGIN // 2, card.HEIGHT)),
        picture.crop((card.WIDTH - card.MARGIN // 2, card.BAR + 1, card.WIDTH, card.HEIGHT)),
        picture.crop((0, card.HEIGHT - 20, card.WIDTH, card.HEIGHT)),
    ]
    for edge in edges:
        low, high = edge.getextrema()
        assert low == high
    shades = picture.histogram()
    assert sum(shades[:100]) > 1000
    assert sum(shades[200:]) > 100_000


def test_a_card_is_drawn_with_another_type_where_streamlit_has_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("streamlit.__file__", str(tmp_path / "__init__.py"))
    card._font.cache_clear()
    try:
        assert card._font(40, 400).getlength("Côte d’Ivoire") > 100
    finally:
        card._font.cache_clear()


# The sitemap


def test_the_sitemap_lists_the_pages_and_every_area(site: TestClient) -> None:
    root = ET.fromstring(site.get("/sitemap.xml").content)  # noqa: S314 (our own)
    listed = [str(one.text) for one in root.iter(f"{{{NAMES}}}loc")]
    assert {"http://testserver/", "http://testserver/funding"} < set(listed)
    assert "http://testserver/country?area=VNM" in listed
    assert "http://testserver/entry" not in listed
    assert len(listed) == len(set(listed)) > 60
    for address in listed[:3]:
        assert site.get(address).status_code == 200
