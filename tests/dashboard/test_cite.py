"""How figures are cited and taken along: words, BibTeX, CSL-JSON, links that last, pictures, rows."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from dashboard import charts, cite, show
from dashboard.cite import Citation, Edition
from dashboard.pictures import Picture, csv_of, drawn_rows
from etl.settings import Folders
from etl.store import current_path
from tests.dashboard.serving import REPOSITORY
from tests.helpers import ask
from tests.pasts import NEWEST

Open = Callable[..., AppTest]
EDITION = Edition(3, "2026-11-26", "ab" * 32, "ledger-000003-abababababababab")


def citation(title: str = "Vietnam, FY2016: $742,000", *notes: str) -> Citation:
    return Citation(
        title, ["Report, 17th edition"], EDITION, "http://h/country?area=VNM&as_of=3", notes
    )


@pytest.fixture
def visit(pool: None) -> Open:
    def opened(name: str, **address: str) -> AppTest:
        app = AppTest.from_file(REPOSITORY / "dashboard/streamlit_app.py", default_timeout=60)
        for key, value in address.items():
            app.query_params[key] = value
        return app.switch_page(f"app_pages/{name}.py").run()

    return opened


# The citation itself


def test_a_citation_names_publication_ledger_refresh_hash_and_address() -> None:
    text = citation().text
    for part in (
        "Vietnam, FY2016: $742,000", "Source: Report, 17th edition", "as of refresh 3 of 2026-11-26",
        EDITION.ledger, EDITION.manifest,
    ):  # fmt: skip
        assert part in text
    assert text.endswith("http://h/country?area=VNM&as_of=3")


def test_csl_json_is_a_dataset_with_the_day_of_the_refresh() -> None:
    (item,) = json.loads(citation().csl)
    assert (item["type"], item["id"]) == ("dataset", citation().key)
    assert item["issued"] == {"date-parts": [[2026, 11, 26]]}
    assert item["version"] == EDITION.ledger
    assert EDITION.manifest in item["note"]
    assert item["URL"] == "http://h/country?area=VNM&as_of=3"


@given(st.text("\\{}&%$#_~^ aé–\"'", max_size=40))
@settings(max_examples=60)
def test_bibtex_has_balanced_braces_and_no_live_sign_whatever_the_title(title: str) -> None:
    text = citation(title).bibtex
    assert text.startswith(f"@misc{{{citation(title).key},\n")
    field = re.search(r"^  title = \{\{(.*)\}\},$", text, re.MULTILINE)
    assert field
    bare = re.sub(r"\\text(backslash|asciitilde|asciicircum)\{\}|\\[{}&%$#_]", "", field[1])
    assert not set(bare) & set("\\{}&%$#_~^")


def test_two_figures_of_one_page_have_keys_of_their_own() -> None:
    assert citation("a").key != citation("b").key
    assert citation("a").key == citation("a").key


@given(st.text(max_size=80))
@settings(max_examples=80)
def test_a_label_comes_back_from_markdown_as_it_went_in(text: str) -> None:
    seen = re.sub(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]+", " ", text)
    assert cite.unmarked(show.plain(text)).replace("**", "") == seen.replace("**", "")


def test_publications_are_the_links_of_a_source_line_without_the_row_and_the_words_after() -> None:
    line = (
        "Source: [Report \\(2018\\), 17th](https://example.org/a); [B](http://example.org/b); "
        "[source row](/entry?entry=x). Nominal dollars; see [About](/about)."
    )
    assert cite.publications(line) == ["Report (2018), 17th", "B"]
    assert cite.publications("Source: a page without an address.") == ["a page without an address."]


def test_a_figure_of_states_report_says_away_from_its_page_that_it_is_broader_than_mine_action() -> (
    None
):
    line = "Source: [To Walk the Earth in Safety 2018, 17th edition](https://example.org/a)."
    said = citation("Vietnam, FY2016: $742,000")
    told = dataclasses.replace(said, notes=cite.cautions(line))
    for text in (told.text, told.bibtex, told.csl):
        assert "all conventional weapons destruction, which is broader than mine action" in text
    assert cite.cautions("Source: [Landmine Monitor 2025](https://example.org/b).") == []


# Beside the charts


def code_blocks(app: AppTest) -> list[str]:
    assert not app.exception, [error.message for error in app.exception]
    return [block.value for block in app.code]


def test_each_chart_and_headline_has_a_citation_with_the_ledger_and_a_link_with_the_refresh(
    built_folders: Folders, monkeypatch: pytest.MonkeyPatch, visit: Open
) -> None:
    monkeypatch.setenv("HMA_DATA", str(built_folders.data))
    app = visit("coverage")
    blocks = code_blocks(app)
    ledger = current_path(built_folders.ledger).stem
    count = len(app.get("vega_lite_chart")) + 4  # the four headline figures
    assert len([text for text in blocks if text.startswith("@misc{")]) == count
    assert all(ledger in text for text in blocks if text.startswith(("@misc{", "[")))
    links = [text for text in blocks if text.startswith(("/", "http")) and "\n" not in text]
    assert len(links) == count
    assert all(parse_qs(urlsplit(link).query)["as_of"] == ["1"] for link in links)


def test_a_copied_link_says_what_is_chosen_in_codes_also_where_it_is_the_default(
    built_folders: Folders, monkeypatch: pytest.MonkeyPatch, visit: Open
) -> None:
    monkeypatch.setenv("HMA_DATA", str(built_folders.data))
    app = visit("clearance", area="Bosnia and Herzegovina")
    links = [text for text in code_blocks(app) if text.startswith("/") and "as_of=" in text]
    asked = parse_qs(urlsplit(links[-1]).query)
    assert current_path(built_folders.ledger).stem.endswith(asked.pop("ledger")[0])
    assert asked == {
        "area": ["BIH"],
        "measure": ["cleared"],
        "estimate": ["printed"],
        "as_of": ["1"],
        "grammar": ["1"],
    }


def test_a_past_page_is_cited_with_its_own_refresh_and_that_refreshs_full_hash(
    past: Folders, visit: Open
) -> None:
    app = visit("country", area="VNM", as_of="1")
    (item,) = json.loads(next(text for text in code_blocks(app) if text.startswith("[")))
    (row,) = ask(past, "SELECT parent_manifest_sha256 FROM refreshes WHERE refresh = 2")
    assert f"refresh 1 of {item['issued']['date-parts'][0][0]}" in item["note"]
    assert row[0] in item["note"]
    asked = {"area": ["VNM"], "dollars": ["nominal"], "as_of": ["1"], "grammar": ["1"]}
    assert parse_qs(urlsplit(item["URL"]).query) == {**asked, "ledger": [row[0][:16]]}
    newest = json.loads(next(t for t in code_blocks(visit("country", area="VNM")) if t[0] == "["))
    assert newest[0]["URL"].endswith(
        f"as_of={NEWEST}&ledger={current_path(past.ledger).stem.rpartition('-')[2]}&grammar=1"
    )


def test_an_entry_is_cited_with_its_id_and_the_hashes_of_values_and_bytes(
    built_folders: Folders, monkeypatch: pytest.MonkeyPatch, visit: Open
) -> None:
    monkeypatch.setenv("HMA_DATA", str(built_folders.data))
    query = "SELECT entry_id, content_sha256, vintage_sha256 FROM clearance ORDER BY ALL LIMIT 1"
    (row,) = ask(built_folders, query)
    text = code_blocks(visit("entry", entry=row[0]))[0]
    assert all(part in text for part in row)
    assert f"entry={row[0]}&as_of=1" in text


# Files


def bars() -> tuple[pl.DataFrame, charts.Figure]:
    frame = pl.DataFrame(
        {"fiscal_year": [2015, 2016], "account": ["DoD", "USAID"], "amount_usd": [1e6, 5e5]}
    )
    with charts.looking("light"):
        return frame, charts.funding_by_account(frame)


def test_a_picture_carries_title_and_source_and_is_drawn_without_a_network() -> None:
    _, figure = bars()
    picture = Picture(figure, "Vietnam <b>: $1", "Source: Report & more. HMA Ledger", mode="light")
    root = ET.fromstring(picture.svg())  # noqa: S314 (our own picture)
    texts = [element.text for element in root.iter() if element.text]
    assert any("Vietnam <b>: $1" in text for text in texts)
    assert any("Report & more" in text for text in texts)
    assert picture.png().startswith(b"\x89PNG")


def test_the_rows_drawn_say_of_which_ledger_they_are_and_run_no_formula() -> None:
    frame, figure = bars()
    assert drawn_rows(figure).height == frame.height
    rows = frame.with_columns(edition=pl.lit('=HYPERLINK("x")'))
    read = list(csv.DictReader(io.StringIO(csv_of(rows, EDITION.ledger, 3))))
    assert [float(row["amount_usd"]) for row in read] == [1e6, 5e5]
    assert {(row["ledger"], row["as_of_refresh"]) for row in read} == {(EDITION.ledger, "3")}
    assert {row["edition"] for row in read} == {'\'=HYPERLINK("x")'}
