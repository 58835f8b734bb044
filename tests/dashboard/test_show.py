"""How figures are written: exact, with their bounds, and texts from sources that do nothing."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dashboard import show

# What Streamlit's Markdown acts on: emphasis, code, links, HTML, headings, tables, quotes, lists,
# formulas, directives (:red[…], :material/…:, :smile:) and entities.
ACTIVE = r"\`*_{}[]()#+!|<>$~:&-"
DIRECTIONS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
HOSTILE = (
    "**bold**", "_it_", "`code`", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>",
    ":red[x]", ":material/home:", ":smile:", "$x^2$", "$$y$$", "[x](javascript:alert(1))",
    "![x](http://example.org/i.png)", "# heading", "- list", "+ list", "1) list", "> quote",
    "a | b", "~~gone~~", "&lt;", "\\*", "---", "a\nb", "a\r\n\r\n# b", "\x00", "\u202etxt.exe",
)  # fmt: skip


def shown(text: str) -> str:
    """The letters that Markdown shows for a text in which every active sign is escaped."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)


@given(st.one_of(st.text(max_size=200), st.text(ACTIVE + "a1 \n", max_size=60)))
@example("\\")
@example("\\*")
@example("".join(HOSTILE))
def test_every_sign_that_markdown_acts_on_is_escaped(text: str) -> None:
    written = show.plain(text)
    for found in re.finditer(
        f"[{re.escape(ACTIVE)}]", re.sub(r"\\.", "", written, flags=re.DOTALL)
    ):
        raise AssertionError(f"{found.group()!r} is not escaped in {written!r}")


@given(st.text(max_size=200))
def test_a_text_is_shown_letter_for_letter_but_for_control_and_direction_marks(text: str) -> None:
    expected = re.sub(f"[\x00-\x1f\x7f{DIRECTIONS}]+", " ", text)
    assert shown(show.plain(text)) == expected


@pytest.mark.parametrize("mark", ["\x00", "\n", "\r", "\x1b", "\x7f", *DIRECTIONS])
def test_marks_that_cannot_be_seen_become_a_space(mark: str) -> None:
    assert show.plain(f"a{mark}b") == "a b"


def test_a_missing_text_is_an_en_dash() -> None:
    assert show.plain(None) == "–"
    assert show.text_of("note")({"note": None}) == "–"


# Links


@pytest.mark.parametrize(
    "url",
    [
        None, "", "javascript:alert(1)", "JavaScript://x/%0aalert(1)", " javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>", "vbscript:x", "file:///etc/passwd",
        "//example.org", "example.org", "/entry?entry=x", "http:", "http://", "mailto:a@b.org",
    ],
)  # fmt: skip
def test_what_is_no_web_address_becomes_no_link(url: str | None) -> None:
    assert show.link("label", url) == "label"


def test_a_label_in_a_link_is_as_inert_as_any_text() -> None:
    assert show.link("](http://evil.org) [x", "https://example.org/") == (
        r"[\]\(http\://evil.org\) \[x](https://example.org/)"
    )


@given(st.text(max_size=60), st.text(max_size=60))
@example("x", ") [click](javascript:alert(1)")
@example("x", "> <script>alert(1)</script>")
@example("x", "a b\tc\nd")
@example("x", "\\) [y](http://evil.org")
@example("x", '"title"')
def test_no_address_breaks_out_of_its_link(label: str, tail: str) -> None:
    written = show.link(label, f"https://example.org/{tail}")
    found = re.fullmatch(r"\[(.*)\]\(([^()\s<>\[\]\\\"'`|*]*)\)", written, flags=re.DOTALL)
    assert found, written
    assert urlsplit(found[2]).hostname == "example.org"
    assert urlsplit(found[2]).scheme == "https"


@pytest.mark.parametrize("url", ["http://[", "https://[::1", "http://exa\uff0fmple.org/"])
def test_an_address_that_cannot_be_read_becomes_no_link(url: str) -> None:
    assert show.link("label", url) == "label"


def test_of_two_addresses_the_first_is_linked() -> None:
    assert show.link("x", "https://a.org/1 ; https://b.org/2") == "[x](https://a.org/1)"


@pytest.mark.parametrize(
    "entry_id",
    [None, "", "x", "state_tweis-0123", "state_tweis-062d084f16ed1495)", "A-" + "0" * 16],
)
def test_what_is_no_entry_id_becomes_no_link(entry_id: str | None) -> None:
    assert show.entry_link("$1", entry_id) == r"\$1"


def test_a_figure_links_to_its_source_row() -> None:
    assert (
        show.entry_link("$1", "state_tweis-062d084f16ed1495")
        == r"[\$1](/entry?entry=state_tweis-062d084f16ed1495)"
    )


# Figures


@pytest.mark.parametrize(
    ("amount", "precision", "words"),
    [
        (12548000.0, None, "$12,548,000"),
        (0.0, "exact", "$0"),
        (0.5, None, "$0.50"),
        (1234.56, "rounded", "$1,234.56"),
        (-1500.0, None, "−$1,500"),
        (398e6, "floor", "at least $398,000,000"),
        (6.2e6, "ceiling", "nearly $6,200,000"),
        (142e6, "approximate", "about $142,000,000"),
        (None, None, "–"),
        (None, "floor", "–"),
    ],
)  # fmt: skip
def test_dollars_have_separators_and_the_bound_of_their_source(
    amount: float | None, precision: str | None, words: str
) -> None:
    assert show.usd(amount, precision) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(1234567, "1,234,567"), (0, "0"), (16.75, "16.75"), (2.0, "2"), (0.000001, "0.000001"), (None, "–")],
)  # fmt: skip
def test_a_count_has_separators_and_no_idle_decimals(value: float | None, words: str) -> None:
    assert show.number(value) == words


def test_a_floor_says_so_and_a_missing_floor_does_not() -> None:
    assert show.number(112, floor=True) == "at least 112"
    assert show.number(None, floor=True) == "–"


def test_a_share_has_one_decimal_and_a_missing_one_is_no_zero() -> None:
    assert show.percent(90.7) == "90.7 %"
    assert show.percent(0.0) == "0.0 %"
    assert show.percent(None) == "–"


ENTRY = "state_tweis-062d084f16ed1495"


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (show.usd_of("value"), "–"),
        (show.usd_of("value", "bound", entry="entry_id"), "–"),
        (show.number_of("value", floor="is_floor", entry="entry_id"), "–"),
        (show.bounded_of("value", "bound"), "–"),
        (
            show.bounded_of("value", "bound", entry="entry_id"),
            f"[source row](/entry?entry={ENTRY})",
        ),
    ],
)
def test_a_cell_without_a_figure_is_never_a_zero(cell: show.Cell, words: str) -> None:
    row = {"value": None, "bound": "floor", "is_floor": True, "entry_id": ENTRY}
    assert cell(row) == words


def test_a_cell_with_a_zero_says_zero() -> None:
    row = {"value": 0, "bound": None, "entry_id": ENTRY}
    assert show.usd_of("value")(row) == r"\$0"
    assert show.number_of("value", entry="entry_id")(row) == f"[0](/entry?entry={ENTRY})"
    assert show.bounded_of("value", "bound")(row) == "0"


@pytest.mark.parametrize(
    ("bound", "words"),
    [("floor", "at least 16.75"), ("approximate", "about 16.75"), ("ceiling", "nearly 16.75")],
)
def test_a_bounded_cell_keeps_its_bound(bound: str, words: str) -> None:
    assert show.bounded_of("value", "bound")({"value": 16.75, "bound": bound}) == words


# Editions and years


def test_an_edition_that_names_its_report_stands_alone() -> None:
    assert show.edition_of({"report": "Landmine Monitor", "edition": "17th"}) == (
        "Landmine Monitor, 17th"
    )
    assert show.edition_of({"report": "Monitor", "edition": "Monitor 2018"}) == "Monitor 2018"


@pytest.mark.parametrize(
    ("year", "basis", "words"),
    [
        (2016, "fiscal", "FY2016"),
        (2016, "calendar", "2016"),
        (2016, "not stated", "2016 (basis not stated)"),
        (None, "fiscal", None),
    ],
)
def test_a_year_says_what_it_means(year: int | None, basis: str, words: str | None) -> None:
    assert show.year_of(year, basis) == words
