"""What a reader sees and can do, in a real browser: figures, links, narrow windows, keys, hostile texts."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from etl.settings import Folders
from tests.dashboard.serving import serving
from tests.dashboard.waiting import until
from tests.helpers import TRANSCRIBED, Row, ask, rewrite, rows_of, run

pytestmark = pytest.mark.browser

VIETNAM = "/country?area=VNM"
PAGES = (
    "/",
    "/country",
    VIETNAM,
    "/country?area=AZE",
    "/casualties",
    "/clearance",
    "/clearance?area=BIH",
    "/timeline",
    "/funding",
    "/compare",
    "/who_else_pays",
    "/partners",
    "/reconciliation",
    "/changes",
    "/changes?a=0&b=1",
    "/sources",
    "/findings",
    "/about",
    "/about?as_of=1",
    "/country?as_of=99",
    "/entry",
    "/entry?entry=x",
    "/search",
    "/search?q=Laos",
    "/about?grammar=99",
    "/rows?of=dependency&basis=monitor&area=LAO&calendar_year=2023&is_newest_edition=yes",
)
SECONDS = 1000
expect.set_options(timeout=30 * SECONDS)  # the machine may be busy with other tests


class Reader:
    """One browser window, and all that it asked for and complained of."""

    def __init__(self, page: Page, site: str) -> None:
        self.page = page
        self.site = site
        self.asked: list[str] = []
        self.failed: list[str] = []
        self.complaints: list[str] = []
        self.dialogs: list[str] = []
        page.set_default_timeout(30 * SECONDS)
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("response", lambda answer: self._answered(answer.status, answer.url))
        page.on("console", lambda line: self._said(line.type, line.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", self._dialog)

    def _answered(self, status: int, url: str) -> None:
        if status >= 400:
            self.failed.append(urlsplit(url).path)

    def _said(self, kind: str, text: str) -> None:
        if kind == "error" and "status of 404" not in text:
            self.complaints.append(text)

    def _dialog(self, dialog: Any) -> None:  # noqa: ANN401
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def open(self, path: str) -> Page:
        """Open a path and wait until the page is whole."""
        self.page.goto(self.site + path)
        return self.whole()

    def whole(self) -> Page:
        """Wait until nothing of the page is still to come."""
        self.page.wait_for_selector("h1")
        self.page.wait_for_selector("[data-test-script-state=notRunning]", state="attached")
        until(self.page, "!document.querySelector('[data-testid=stSkeleton], [data-stale=true]')")
        return self.page

    def rows(self, alt: str) -> list[dict[str, str]]:
        """The rows of the table whose alt text contains ``alt``."""
        table = self.page.locator(f"table[aria-label*='{alt}']")
        lines: list[list[str]] = table.evaluate(
            "table => [...table.rows].map(row => [...row.cells].map(cell => cell.innerText.trim()))"
        )
        return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


Window = Callable[..., Reader]


@contextmanager
def windows(chromium: Browser, site: str) -> Iterator[Window]:
    contexts = []

    def opened(width: int = 1280, scheme: Any = "light") -> Reader:  # noqa: ANN401
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        contexts.append(context)
        return Reader(context.new_page(), site)

    try:
        yield opened
    finally:
        for context in contexts:
            context.close()


@pytest.fixture
def window(chromium: Browser, site: str) -> Iterator[Window]:
    """Opens a browser window on the embedded ledger."""
    with windows(chromium, site) as opened:
        yield opened


# The printed figures


def printed_amounts(folders: Folders) -> dict[str, dict[tuple[str, str], str]]:
    """By area: what the newest edition prints for each fiscal year from 2015 to 2017 and account."""
    codes = dict(ask(folders, "SELECT DISTINCT area_as_printed, area FROM funding"))
    _, rows = rows_of(TRANSCRIBED / "us_funding/us_cwd_country_fy.csv")
    names = {"State NADR": "State NADR-CWD"}
    amounts: dict[str, dict[tuple[str, str], str]] = {}
    for row in rows:
        if (
            row["source_family"] == "TWEIS country table"
            and row["latest_edition"] == "yes"
            and row["is_total"] == "no"
            and row["fiscal_year"] in ("2015", "2016", "2017")
        ):
            account = names.get(row["account_group"], row["account_group"])
            of_area = amounts.setdefault(codes[row["country"]], {})
            key = (row["fiscal_year"], account)
            assert key not in of_area, (row["country"], key)
            of_area[key] = f"${int(row['amount_usd']):,}"
    return amounts


def test_every_area_of_the_17th_edition_shows_every_printed_amount(
    built_folders: Folders, window: Window
) -> None:
    expected = printed_amounts(built_folders)
    assert len(expected) == 34
    reader = window()
    wrong = {}
    for area, amounts in expected.items():
        reader.page.goto(f"{reader.site}/country?area={area}", wait_until="commit")
        reader.page.wait_for_selector("table[aria-label*='by fiscal year and account']")
        rows = {
            row["Fiscal year"].removeprefix("FY"): row
            for row in reader.rows("by fiscal year and account")
        }
        shown = {
            (year, account): rows.get(year, {}).get(account, "no cell") for year, account in amounts
        }
        if shown != amounts:
            wrong[area] = {key: (amounts[key], shown[key]) for key in amounts}
    assert not wrong


def test_a_figure_opens_the_archived_line_it_was_read_from(window: Window) -> None:
    reader = window()
    page = reader.open(VIETNAM)
    link = page.locator("table[aria-label*='by fiscal year and account'] a", has_text="$12,548,000")
    if link.get_attribute("target") == "_blank":
        with page.context.expect_page() as opened:
            link.click()
        reader.page = opened.value
    else:
        link.click()
    page = reader.page
    expect(page.get_by_role("heading", name="Source row", level=1)).to_be_visible()
    expect(page.get_by_test_id("stCode")).to_contain_text('"12,548"')
    expect(page.get_by_test_id("stCode")).to_contain_text("2015,,,Vietnam")


def test_a_download_holds_the_rows_of_the_table_above_it(window: Window) -> None:
    reader = window()
    page = reader.open(VIETNAM)
    (address,) = {
        str(link.get_attribute("href"))
        for link in page.get_by_role("link", name="Download this table").all()
        if "/coverage.csv" in str(link.get_attribute("href"))
    }
    answer = httpx.get(reader.site + address, trust_env=False)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    downloaded = {
        (row["fiscal_year"], row["account"]): f"${int(row['amount_usd']):,}"
        for row in csv.DictReader(io.StringIO(answer.text))
    }
    shown = {
        (row["Fiscal year"].removeprefix("FY"), account): cell
        for row in reader.rows("by fiscal year and account")
        for account, cell in row.items()
        if account in {name for _, name in downloaded}
    }
    assert downloaded == shown
    assert len(shown) == 12


def test_a_copied_address_shows_the_same_figures_to_the_next_reader(window: Window) -> None:
    first = window()
    page = first.open("/")
    page.get_by_test_id("stMarkdownContainer").get_by_text("Whole U.S. effort", exact=True).click()
    finding = page.get_by_text("Whole U.S. effort, fiscal years 2015 to 2017: $")
    expect(finding).to_be_visible()
    first.whole()
    assert "scope=" in page.url
    second = window()
    second.open(page.url.removeprefix(first.site))
    assert second.page.get_by_text(
        "Whole U.S. effort, fiscal years 2015 to 2017: $"
    ).inner_text() == (finding.inner_text())
    alt = "Money by fiscal year and account"
    assert second.rows(alt) == first.rows(alt)


def test_a_filtered_address_shows_the_same_total_and_rows_to_the_next_reader(
    window: Window,
) -> None:
    readers = [window(), window()]
    path = "/funding?series=tweis_country_table&areas=VNM&years=2015&years=2017"
    readers[0].open(path)
    readers[1].open(readers[0].page.url.removeprefix(readers[0].site))
    totals = [reader.page.get_by_test_id("stMetricValue").inner_text() for reader in readers]
    assert totals == ["$37,987,000"] * 2
    first, second = (reader.rows("Funding rows that pass the filters") for reader in readers)
    assert first == second
    assert {row["Recipient"] for row in first} == {"Vietnam"}


# A tour of all pages in a narrow window, once in each appearance


# Every visible text whose colour stands out too little from what is behind it.
FAINT = Path(__file__).with_name("faint_texts.js").read_text(encoding="utf-8")
SIDEWAYS = """
    [document.scrollingElement, document.querySelector('[data-testid=stMain]')]
        .map(box => box.scrollWidth - box.clientWidth)
"""


@dataclass
class Tour:
    """What was seen on the pages, by path."""

    reader: Reader
    checked: int = 0
    faint: dict[str, list[Any]] = field(default_factory=dict)
    sideways: dict[str, list[int]] = field(default_factory=dict)
    unseen_titles: list[str] = field(default_factory=list)

    def look(self, path: str) -> Page:
        page = self.reader.open(path)
        found = page.evaluate(FAINT)
        self.checked += found["checked"]
        if found["faint"]:
            self.faint[path] = found["faint"]
        return page


@pytest.fixture(scope="module", params=["light", "dark"])
def tour(chromium: Browser, site: str, request: pytest.FixtureRequest) -> Iterator[Tour]:
    with windows(chromium, site) as opened:
        wide = Tour(opened(scheme=request.param))
        wide.look("/about")  # with the sidebar, which a narrow window folds away
        tour = Tour(opened(width=390, scheme=request.param), wide.checked, wide.faint)
        for path in PAGES if request.param == "light" else ("/", VIETNAM, "/funding"):
            page = tour.look(path)
            if any(sideways := page.evaluate(SIDEWAYS)):
                tour.sideways[path] = sideways
            box = page.locator("h1").first.bounding_box()
            if not box or box["x"] < 0 or box["x"] + box["width"] > 390 or box["y"] > 900:
                tour.unseen_titles.append(path)
        yield tour


def test_nothing_scrolls_sideways_in_a_narrow_window_and_the_title_is_seen(tour: Tour) -> None:
    assert tour.sideways == {}
    assert tour.unseen_titles == []


def test_every_text_stands_out_from_what_is_behind_it(tour: Tour) -> None:
    assert tour.faint == {}
    assert tour.checked > 500


def test_no_page_asks_another_machine_or_complains(tour: Tour) -> None:
    asked = [url for url in tour.reader.asked if not url.startswith(("data:", "blob:"))]
    assert {urlsplit(url).hostname for url in asked} == {"127.0.0.1"}
    # on a page below the root Streamlit first looks for its server there
    probes = re.compile(
        r"/(country|casualties|clearance|timeline|funding|compare|who_else_pays|partners|reconciliation|changes|sources"
        r"|findings|about|entry|rows|search)"
        r"/_stcore/(health|host-config)"
    )
    assert [path for path in tour.reader.failed if not probes.fullmatch(path)] == []
    assert tour.reader.complaints == []


@pytest.mark.parametrize("path", ["/", VIETNAM])
def test_the_charts_are_drawn_and_say_in_words_what_they_show(window: Window, path: str) -> None:
    charts = window().open(path).get_by_test_id("stVegaLiteChart")
    expect(charts).to_have_count(3)
    for number in range(3):
        expect(charts.nth(number).locator("svg path, canvas").first).to_be_attached()
        assert len(charts.nth(number).get_attribute("aria-label") or "") > 40
    if path == "/":
        countries = charts.first.locator("svg .mark-shape path, canvas")
        expect(countries.first).to_be_attached()
        inks = {path.get_attribute("fill") for path in countries.all()}
        # the grey of countries that were not read, and a step of blue for each class of money
        assert len(inks - {"transparent", None}) >= 4


def test_a_click_on_the_map_opens_the_country_as_of_the_same_refresh(window: Window) -> None:
    page = window().open("/?map=casualties&casualties_year=2016&as_of=1")
    page.locator(".mark-shape path[aria-label*='Angola']").first.click()
    expect(page.get_by_role("heading", name="Angola", level=1)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/country\?.*as_of=1"))


# Appearance and keys


def test_the_page_follows_the_readers_appearance(window: Window) -> None:
    def paper(scheme: str) -> str:
        page = window(scheme=scheme).open("/about")
        return str(
            page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
        )

    assert paper("light") == "rgb(253, 252, 248)"
    assert paper("dark") == "rgb(20, 23, 27)"


def test_keys_alone_reach_the_pages_the_picker_the_sources_and_the_download(
    window: Window,
) -> None:
    page = window().open(VIETNAM)
    reached: set[str] = set()
    wanted = {"/about", "/funding", "picker", "/api/v1/coverage.csv", "/entry"}
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "(() => { const at = document.activeElement;"
                " return at.closest('[data-testid=stSelectbox]') ? 'picker'"
                " : at.href ? new URL(at.href).pathname : at.tagName })()"
            )
        )
        if wanted <= reached:
            break
    assert wanted - reached == set()


def test_a_country_can_be_chosen_by_keys_alone(window: Window) -> None:
    reader = window()
    page = reader.open("/country")
    page.get_by_role("combobox", name="Country or area").focus()
    page.keyboard.type("Camb")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Cambodia", level=1)).to_be_visible()
    expect(page).to_have_url(re.compile("area="))


# Looking back


def test_a_chosen_refresh_stays_in_the_address_from_page_to_page_and_back(window: Window) -> None:
    reader = window()
    page = reader.open(VIETNAM)
    side = page.get_by_test_id("stSidebar")
    choice = page.get_by_role("option", name="refresh 1,", exact=False).filter(has_not_text="now")
    for _ in range(30):  # a list that opens while charts are still being laid out closes again
        side.get_by_role("combobox").click()
        page.wait_for_timeout(500)
        if choice.is_visible():
            break
    choice.click()
    looking_back = page.get_by_text("You see the ledger as of refresh 1")
    expect(looking_back).to_be_visible()
    expect(page).to_have_url(re.compile(r"area=Vietnam&as_of=1$"))
    side.get_by_role("link", name="Funding").click()
    expect(page.get_by_role("heading", name="Funding", level=1)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/funding\?as_of=1$"))
    expect(looking_back).to_be_visible()
    page.go_back()
    expect(page).to_have_url(re.compile("/country"))
    expect(looking_back).to_be_visible()


def test_what_was_chosen_on_one_page_is_no_choice_on_the_next(window: Window) -> None:
    """Country has one area, Funding several, under one name in the address."""
    reader = window()
    page = reader.open(VIETNAM)
    side = page.get_by_test_id("stSidebar")
    for name in ("Timeline", "Country", "Funding", "Clearance and contamination", "Funding"):
        side.get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
        reader.whole()
        assert page.get_by_test_id("stException").count() == 0
        assert urlsplit(page.url).query == ""


# Under the Content-Security-Policy

EVAL = """() => new Promise(done => setTimeout(() => {
    try { done(String(window.eval('1'))) } catch (error) { done(String(error)); setTimeout(() => { throw error }) }
}))"""


def test_pictures_and_links_can_be_taken_along_and_nothing_is_refused(window: Window) -> None:
    reader = window()
    page = reader.open("/")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Download chart").first.click()
    for name, start in (("Picture (SVG)", b"<svg"), ("Picture (PNG)", b"\x89PNG")):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).first.click()
        assert download.value.path().read_bytes().startswith(start)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Copy link").first.click()
    link = page.get_by_test_id("stCode").filter(has_text="as_of=").first
    link.hover()
    link.get_by_role("button", name="Copy to clipboard").click()
    assert page.evaluate("navigator.clipboard.readText()") == link.locator("code").inner_text()
    policy = httpx.get(reader.site, trust_env=False).headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert reader.complaints == []
    assert "EvalError" in page.evaluate(EVAL), (
        "and this would have been said of a page that needs it"
    )
    page.wait_for_timeout(200)
    assert "Content Security Policy" in " ".join(reader.complaints)


# Hostile texts

HOSTILE = (
    "<script>window.ran = 1; alert(1)</script><img src=x onerror='window.ran = 1'> "
    "[x](javascript:alert(1)) ![i](http://elsewhere.invalid/i.png) :red[red] $x^2$ "
    '=HYPERLINK("http://elsewhere.invalid") \u202egpj.exe'
)


@pytest.fixture
def hostile(published: Folders) -> Folders:
    """The embedded data with hostile texts in an event and in a recipient's name."""

    def with_texts(rows: list[Row]) -> list[Row]:
        texts = {name: f"{name} {HOSTILE}" for name in ("event", "summary", "note", "source_title")}
        return [*rows[:-1], {**rows[-1], **texts}]

    def with_name(rows: list[Row]) -> list[Row]:
        return [{**rows[0], "country": HOSTILE, "note": HOSTILE}, *rows[1:]]

    rewrite(published, "us_funding/program_events.csv", with_texts)
    rewrite(published, "us_funding/us_cwd_country_fy.csv", with_name)
    outcome = run(published, "program_events", "state_tweis", least=1)
    assert not outcome.failed, [source.failure for source in outcome.failed]
    return published


def test_hostile_texts_are_shown_as_texts_and_do_nothing(
    chromium: Browser, hostile: Folders
) -> None:
    (entry_id,) = ask(hostile, "SELECT entry_id FROM program_events WHERE note LIKE '%script%'")[0]
    with serving(hostile) as (site, _), windows(chromium, site) as window:
        reader = window()
        seen = 0
        for path in (
            "/about",
            "/timeline",
            f"/entry?entry={entry_id}",
            "/funding?source=state_tweis",
            "/changes",
        ):
            page = reader.open(path)
            page.wait_for_load_state("networkidle")
            seen += "<script>window.ran" in page.locator("body").inner_text()
            assert page.evaluate("window.ran") is None, path
            links = page.evaluate(
                "[...document.querySelectorAll('a[href]')].map(link => new URL(link.href).protocol)"
            )
            assert set(links) <= {"http:", "https:"}, path
            assert page.locator(".katex").count() == 0, path
            assert page.locator("[data-testid=stMain] img").count() == 0, path
        assert seen >= 4
        assert reader.dialogs == []
        assert not [url for url in reader.asked if "elsewhere.invalid" in url]


# Search


def test_a_word_typed_beside_any_page_leads_by_keyboard_to_an_area_and_stays_in_the_address(
    window: Window,
) -> None:
    reader = window()
    page = reader.open("/about?as_of=1")
    field = page.get_by_test_id("stSidebar").get_by_role("searchbox", name="Search")
    field.focus()
    page.keyboard.type("lao pdr")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/search\?(?=.*q=lao)(?=.*as_of=1)"))
    expect(page.get_by_role("heading", name="Countries and areas")).to_be_visible()
    link = page.get_by_test_id("stMain").get_by_role("link", name="Laos", exact=True)
    expect(link).to_have_attribute("href", "/country?area=LAO&as_of=1")
    expect(page.get_by_test_id("stMain").get_by_role("searchbox")).to_have_value("lao pdr")
    assert reader.complaints == []
