"""The country brief: two printed pages of one area, with its figures, caveats and citation."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from dashboard.brief import brief
from etl.settings import Folders
from tests.dashboard.serving import serving
from tests.helpers import Row, ask, rewrite, run

LONGEST = ("AFG", "KHM", "COL", "LAO")


@pytest.fixture
def site(pool: None) -> TestClient:
    return TestClient(Starlette(routes=[Route("/brief", brief)]))


@pytest.fixture
def whole(built_folders: Folders, monkeypatch: pytest.MonkeyPatch) -> Folders:
    monkeypatch.setenv("HMA_DATA", str(built_folders.data))
    return built_folders


def test_it_prints_states_amounts_and_opens_their_rows(whole: Folders, site: TestClient) -> None:
    text = site.get("/brief", params={"area": "VNM"}).text
    query = """SELECT entry_id FROM coverage
        WHERE area = 'VNM' AND fiscal_year = 2015 AND account = 'State NADR-CWD'"""
    ((entry_id,),) = ask(whole, query)
    assert f'<a href="/entry?entry={entry_id}">$12,548,000</a>' in text
    assert "U.S. money was 90.7 % of international support in 2017" in text
    assert "The memo itself was not read" in text


def test_its_citation_carries_the_refresh_and_the_area_as_a_code(
    whole: Folders, site: TestClient
) -> None:
    text = site.get("/brief", params={"area": "vietnam"}).text
    assert "/brief?area=VNM&amp;as_of=1&amp;grammar=1</p>" in text


def test_a_past_brief_shows_the_figures_of_then_and_links_stay_there(
    past: Folders, site: TestClient
) -> None:
    text = site.get("/brief", params={"area": "VNM", "as_of": "1"}).text
    assert "as of refresh 1 of" in text
    links = re.findall(r'href="(/[^"]*)"', text)
    assert links
    assert [link for link in links if "as_of=1" not in link] == []


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ({}, 200, "One area on two pages"),
        ({"area": "<b>Atlantis"}, 404, "There is no area &lt;b&gt;Atlantis in this ledger"),
        ({"area": "VNM", "as_of": "99"}, 404, "99"),
    ],
)
def test_an_address_that_means_nothing_says_what_there_is(
    whole: Folders, site: TestClient, address: dict[str, str], status: int, said: str
) -> None:
    answer = site.get("/brief", params=address)
    assert answer.status_code == status
    assert said in answer.text


def test_without_a_ledger_it_says_so(workspace: Folders, site: TestClient) -> None:
    assert site.get("/brief", params={"area": "VNM"}).status_code == 503


def test_an_area_without_most_figures_says_that_gaps_are_no_zeros(
    whole: Folders, site: TestClient
) -> None:
    text = site.get("/brief", params={"area": "FIN"}).text
    assert "a gap of this ledger, not a zero" in text
    assert "withdrawal takes effect 2026-01-10" in text


def test_hostile_texts_stay_texts(published: Folders, site: TestClient) -> None:
    def with_texts(rows: list[Row]) -> list[Row]:
        return [*rows[:-1], {**rows[-1], "summary": "<script>alert(1)</script> Vietnam"}]

    rewrite(published, "us_funding/program_events.csv", with_texts)
    assert not run(published, "program_events", least=1).failed
    answer = site.get("/brief", params={"area": "VNM"})
    assert "&lt;script&gt;alert(1)&lt;/script&gt; Vietnam" in answer.text
    assert "<script" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.browser
def test_the_longest_briefs_print_on_two_pages_of_a4_and_letter(
    built_folders: Folders,
    chromium: Browser,
) -> None:
    with serving(built_folders) as (address, _):
        page = chromium.new_page()
        pages = {}
        for area in LONGEST:
            page.goto(f"{address}/brief?area={area}")
            for paper in ("A4", "Letter"):
                printed = page.pdf(format=paper)
                pages[area, paper] = len(re.findall(rb"/Type\s*/Page[^s]", printed))
        page.close()
    assert {key: count for key, count in pages.items() if not 1 <= count <= 2} == {}
