"""Texts from outside stay texts: in heads of pages, feeds and pictures; and nothing in the code turns HTML on."""

from __future__ import annotations

import ast
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import altair as alt
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree
from starlette.requests import Request

from dashboard import feed
from dashboard.front import with_head
from dashboard.pictures import Picture, bare_svg
from dashboard.sharing import Shared
from dashboard.xml_text import legible
from tests.dashboard.serving import REPOSITORY

HOSTILE = (
    "<script>alert(1)</script>", "</title><script>alert(1)</script>", "\" onload=\"alert(1)",
    "' onerror='alert(1)' x='", "]]><script>alert(1)</script>", "<!--", "&lt;script&gt;", "{{7*7}}",
    "<svg onload=alert(1)>", "javascript:alert(1)", "<foreignObject>", "\x00\x0b\ud800", "\\", "${1}",
    "\u202e</head>",
)  # fmt: skip
texts = st.one_of(st.text(max_size=60), st.text("<>\"'&/ =a\\\n{}\x00", max_size=40))
DASHBOARD = sorted((REPOSITORY / "dashboard").rglob("*.py"))
TEMPLATES = sorted((REPOSITORY / "dashboard" / "templates").glob("*.html"))


@pytest.mark.parametrize("path", DASHBOARD, ids=lambda path: path.stem)
def test_no_page_lets_html_or_a_foreign_frame_in(path: Path) -> None:
    forbidden = {
        "unsafe_allow_html",
        "unsafe_allow_javascript",
        "html",
        "iframe",
        "declare_component",
        "components",
    }
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            found |= {one.arg for one in node.keywords if one.arg}
            if isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "st":
                found.add(node.func.attr)
            # markup is a fixed text, filled by its own format, which escapes
            if ast.unparse(node.func) == "Markup":
                assert all(isinstance(one, ast.Constant) for one in node.args)
            if ast.unparse(node.func) == "Environment":
                assert "autoescape=True" in ast.unparse(node)
    assert found & forbidden == set()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_takes_a_text_for_safe(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "safe" not in text
    assert "<script" not in text
    assert "autoescape" not in text


class Seen(HTMLParser):
    """The tags of a document, with the names of their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))


DOCUMENT = "<html><head>\n    <title>Streamlit</title>\n  </head><body></body></html>"


def head_of(title: str, finding: str, query: str) -> str:
    shared = Shared("country", (), title, finding)
    scope = {
        "type": "http", "method": "GET", "path": "/", "headers": [], "scheme": "http",
        "query_string": query.encode("utf-8", "surrogatepass"), "server": ("localhost", 80),
    }  # fmt: skip
    return with_head(DOCUMENT, shared, "http://localhost/", Request(scope))


@given(texts, texts, texts)
@example(HOSTILE[1], HOSTILE[2], HOSTILE[0])
@example(HOSTILE[14], HOSTILE[13], HOSTILE[12])
@settings(max_examples=60)
def test_a_head_holds_the_same_tags_whatever_the_words(title: str, said: str, query: str) -> None:
    plain = Seen(head_of("Title", "Finding", "")).tags
    assert Seen(head_of(title, said, query.encode("ascii", "ignore").decode())).tags == plain


@given(texts)
@example("".join(HOSTILE))
@settings(max_examples=60)
def test_a_feed_is_xml_whatever_the_title_of_a_source(text: str) -> None:
    root = ET.Element("feed")
    feed._text(root, "title", text)
    written = ET.tostring(root, encoding="utf-8")
    (title,) = etree.fromstring(written)
    assert len(title) == 0
    read = "".join(legible(text).split())
    assert "".join((title.text or "").split()) == read


def test_a_picture_holds_texts_and_no_script_whatever_it_shows() -> None:
    rows = pl.DataFrame(
        {"area": [text.replace("\ud800", "") for text in HOSTILE], "usd": range(15)}
    )
    chart = alt.Chart(rows).mark_bar().encode(
        x="usd:Q", y=alt.Y("area:N", title="<script>alert(1)</script>"), color="area:N",
        tooltip=["area:N"],
    )  # fmt: skip
    drawn = Picture(chart, " ".join(HOSTILE), f"Source: {HOSTILE[0]}", "light")
    assert drawn.png().startswith(b"\x89PNG")
    assert bare_svg(chart, 100, 100).startswith("<svg")
    picture = drawn.svg()
    root = etree.fromstring(picture.encode())
    names = {etree.QName(one).localname for one in root.iter("*")}
    assert names & {"script", "foreignObject", "a", "iframe", "image", "use", "style"} == set()
    attributes = {str(name) for one in root.iter("*") for name in one.attrib}
    assert not [name for name in attributes if name.startswith("on") or "href" in name]
    assert "<script" not in picture
    assert "&lt;script&gt;" in picture
