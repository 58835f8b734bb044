"""Ten readers with a question: from the front page to the figure and where it is printed, in four clicks at most.

A click is a click, a choice in a menu, or what is typed into one field. Expected figures are read from the
transcribed files by Python's own reader; where one was worked out by hand, the comment says from what. Each reader
ends at a source: edition, place, the hash of the archived bytes, and the words to cite.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from etl.settings import Folders
from tests.api.reading import from_json, from_xlsx
from tests.dashboard.serving import serving
from tests.dashboard.test_browser import Reader
from tests.dashboard.waiting import until
from tests.helpers import TRANSCRIBED, Row, rows_of
from tests.pasts import correct

pytestmark = pytest.mark.browser

MOST_CLICKS = 4
MONEY = "us_funding/us_cwd_country_fy.csv"
DONORS = "world/donor_recipient_year.csv"
EVENTS = "us_funding/program_events.csv"
COUNTS = "casualties/national_country_year.csv"


class Asking(Reader):
    """A reader who starts at the front page, and whose clicks are counted."""

    def __init__(self, page: Page, site: str) -> None:
        super().__init__(page, site)
        self.clicks = 0
        self.open("/")

    def click(self, link: Locator) -> None:
        """Click, and follow to a new tab if the link opens one."""
        self.clicks += 1
        if link.get_attribute("target") == "_blank":
            with self.page.context.expect_page() as opened:
                link.click()
            self.page = opened.value
        else:
            link.click()

    def go(self, link: Locator, title: str) -> None:
        """Click, and wait for the page with that title."""
        self.click(link)
        expect(self.page.locator("h1").first).to_have_text(title)
        self.whole()

    def side(self, name: str) -> None:
        """Go to a page by the list at the side."""
        self.go(
            self.page.get_by_test_id("stSidebar").get_by_role("link", name=name, exact=True), name
        )

    def country(self, name: str) -> None:
        """Go to a country that the front page lists."""
        self.go(
            self.table("Areas with U.S. money").get_by_role("link", name=name, exact=True), name
        )

    def choose(self, label: str, *, typed: str) -> None:
        """Type the beginning of a choice into a menu, and take it."""
        self.clicks += 1
        self.page.get_by_role("combobox", name=label).first.focus()
        self.page.keyboard.type(typed)
        self.page.keyboard.press("Enter")
        self.page.keyboard.press("Escape")
        until(self.page, "document.querySelector('[data-test-script-state=notRunning]') !== null")

    def table(self, alt: str) -> Locator:
        return self.page.locator(f"table[aria-label*='{alt}']")

    def row(self, alt: str, *cells: str) -> Locator:
        """The first row of a table with these cells."""
        found = self.table(alt).locator("tr")
        for words in cells:
            found = found.filter(has=self.page.get_by_text(words, exact=True))
        return found.first

    def cited(self) -> str:
        """The words of the first citation on the page."""
        self.click(self.page.get_by_role("button", name="Cite").first)
        words = (
            self.page.get_by_test_id("stCode").filter(has_text="HMA Ledger, as of refresh").first
        )
        expect(words).to_be_visible()
        return words.inner_text()

    def text(self) -> str:
        return self.page.get_by_test_id("stMain").inner_text()


@pytest.fixture(scope="module")
def past_site(built_folders: Folders, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A ledger in which a second refresh revised one figure, served."""
    folders = Folders(tmp_path_factory.mktemp("revised") / "data")
    shutil.copytree(built_folders.data, folders.data)
    correct(folders)
    with serving(folders) as (address, _):
        yield address


@pytest.fixture(scope="module")
def browser(chromium: Browser) -> Iterator[BrowserContext]:
    """One browser for all readers: what it holds of the pages' code is loaded once."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    yield context
    context.close()


def asking(browser: BrowserContext, site: str) -> Iterator[Asking]:
    reader = Asking(browser.new_page(), site)
    yield reader
    for page in browser.pages:
        page.close()
    assert 0 < reader.clicks <= MOST_CLICKS
    assert reader.complaints == []


@pytest.fixture
def reader(browser: BrowserContext, site: str) -> Iterator[Asking]:
    yield from asking(browser, site)


@pytest.fixture
def later(browser: BrowserContext, past_site: str) -> Iterator[Asking]:
    """A reader of the ledger with a revised figure."""
    yield from asking(browser, past_site)


def printed(file: str, **wanted: str) -> Row:
    """The one transcribed row with these cells."""
    _, rows = rows_of(TRANSCRIBED / file)
    (row,) = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    return row


def digest(file: str) -> str:
    return hashlib.sha256((TRANSCRIBED / file).read_bytes()).hexdigest()


def dollars(row: Row) -> str:
    return f"${int(row['amount_usd']):,}"


def opens_its_source(reader: Asking, file: str, row: Row, *told: str) -> None:
    """The page is the source row: the archived line, its bytes, the publication, and what is told besides."""
    expect(reader.page.get_by_role("heading", name="Source row", level=1)).to_be_visible()
    expect(reader.page.get_by_text("The header of the file, and the line itself")).to_be_visible()
    text = reader.text()
    assert digest(file) in text
    assert row["source_url"] in text
    for words in told:
        assert words in text, words


# The questions


def test_how_much_did_dod_spend_in_vietnam_in_fy2016_and_where_is_it_printed(
    reader: Asking,
) -> None:
    row = printed(MONEY, fiscal_year="2016", country="Vietnam", account="DoD", latest_edition="yes")
    reader.country("Vietnam")
    money = reader.row("by fiscal year and account", "2016").get_by_role("link", name=dollars(row))
    reader.go(money, "Source row")
    opens_its_source(reader, MONEY, row, row["source_title"], row["source_edition"], row["locator"])
    words = reader.cited()
    assert words.startswith("United States, Vietnam, DoD, FY2016: $722,000")
    assert digest(MONEY) in words
    assert row["source_edition"] in words


def test_which_five_countries_depended_most_on_us_money_in_2022_and_what_were_their_casualties(
    reader: Asking,
) -> None:
    reader.side("Who else pays")
    reader.choose("Year", typed="2022")
    shares = "U.S. share and casualties of 2022"
    expect(reader.table(shares)).to_be_visible()
    reader.whole()
    rows = reader.rows(shares)[:5]
    # U.S. lines over the tables' sums of world/donor_recipient_year.csv, by hand: 45,004,000 of 51,421,114;
    # 8,645,000 of 11,994,333; 24,587,000 of 35,401,900; 8,525,000 of 17,512,199; 9,515,000 of 37,696,065
    assert [(row["Country or area"], row["U.S. share in 2022"]) for row in rows] == [
        ("Laos", "87.5 %"), ("Angola", "72.1 %"), ("Colombia", "69.5 %"), ("Sri Lanka", "48.7 %"),
        ("Cambodia", "25.2 %"),
    ]  # fmt: skip
    # casualties/national_country_year.csv has 2022 for two of them; what was not read is no zero
    assert [row["Casualties in 2022"] for row in rows] == [
        "not read", "not read", "139", "not read", "41",
    ]  # fmt: skip
    reader.go(reader.row(shares, "Laos").get_by_role("link", name="87.5 %"), "Rows behind a figure")
    text = reader.text()
    assert "Numerator and denominator come from the same basis" in text
    assert "6 rows of donors" in text
    assert "Monitor country profile updated 20 December 2023" in text
    assert "87.5" in text


def test_what_changed_since_the_last_refresh(later: Asking) -> None:
    # tests/pasts.py: refresh 2 made $12,549,000 of the $12,548,000 that State's report prints for FY2015
    later.side("Changes")
    changes = "Entries that changed from refresh 1 to 2"
    (row,) = later.rows(changes)
    assert (row["Change"], row["Before"], row["After"]) == ("revised", "$12,548,000", "$12,549,000")
    later.go(later.table(changes).get_by_role("link").first, "Source row")
    text = later.text()
    assert "recorded in refresh 2" in text
    assert "Vietnam" in text
    words = later.cited()
    assert "$12,549,000" in words
    assert "as of refresh 2 of" in words


def test_download_all_angola_funding_since_2010_as_an_excel_file(reader: Asking, site: str) -> None:
    reader.side("Funding")
    reader.choose("Recipients", typed="Angola")
    expect(reader.page).to_have_url(re.compile("areas?=Angola"))
    first = reader.page.get_by_role("slider").first
    reader.clicks += 1  # one field: the first year
    first.focus()
    year = reader.page.get_by_test_id("stSliderThumbValue").first
    for _ in range(60):
        if year.inner_text() == "2010":
            break
        reader.page.keyboard.press("ArrowRight")
    expect(reader.page).to_have_url(re.compile(r"years?(\.gte)?=2010"))
    reader.whole()
    link = reader.page.get_by_role("link", name="Excel").first
    expect(link).to_have_attribute("href", re.compile(r"area=AGO&year\.gte=2010"))
    address = str(link.get_attribute("href"))
    with reader.page.expect_download() as started:
        link.evaluate(
            "link => link.removeAttribute('target')"
        )  # headless tabs close before the file is there
        reader.click(link)
    cells = from_xlsx("funding", Path(started.value.path()).read_bytes())
    answer = httpx.get(site + address.replace(".xlsx", ".json"), trust_env=False)
    assert cells == from_json("funding", answer.content)
    assert len(cells) > 10
    assert {row["area"] for row in cells} == {"AGO"}
    assert min(row["year"] for row in cells) >= 2010
    assert all(row["source_url"] and row["vintage_sha256"] and row["edition"] for row in cells)


def test_how_many_were_hurt_in_colombia_in_2016_by_whose_count_and_how_does_the_register_differ(
    reader: Asking,
) -> None:
    _, rows = rows_of(TRANSCRIBED / COUNTS)
    row = [one for one in rows if one["country"] == "Colombia" and one["year"] == "2016"][-1]
    assert (row["total"], row["edition"][-15:]) == ("90", "data to 2023-10")
    reader.country("Colombia")
    counts = reader.row("as the Monitor, registers and others count them", "2016")
    # 89 in the Monitor's edition of November 2018, 84 in that of June 2017 (README)
    assert "89" in counts.inner_text()
    assert "(+1; 1.01\u00a0×)" in counts.inner_text()
    register = counts.get_by_role("link", name="90", exact=True).first
    reader.go(register, "Source row")
    opens_its_source(reader, COUNTS, row, row["edition"])
    assert "90 people" in reader.cited()


def test_who_else_paid_in_laos_in_2023(reader: Asking) -> None:
    _, rows = rows_of(TRANSCRIBED / DONORS)
    donors = {
        row["donor"]: f"${int(row['amount_usd']):,}"
        for row in rows
        if row["recipient_iso3"] == "LAO" and row["year"] == "2023" and row["table_kind"] == "recipient table"
    }  # fmt: skip
    reader.country("Laos")
    share = reader.row("U.S. share of international support", "2023")
    assert "73.1 %" in share.inner_text()
    reader.click(reader.page.get_by_text("Donors in 2023"))
    expect(reader.table("Donors of Laos in 2023")).to_be_visible()
    shown = {row["Donor"]: row["Dollars"] for row in reader.rows("Donors of Laos in 2023")}
    assert shown == donors
    japan = printed(
        DONORS, donor="Japan", recipient_iso3="LAO", year="2023", table_kind="recipient table"
    )
    money = reader.row("Donors of Laos in 2023", "Japan").get_by_role("link", name=donors["Japan"])
    reader.go(money, "Source row")
    opens_its_source(reader, DONORS, japan, japan["edition"], japan["locator"])
    assert "Landmine Monitor" in reader.cited()


def test_why_do_state_and_the_monitor_differ_for_colombia_in_2016(reader: Asking) -> None:
    monitor = printed(
        DONORS, donor="United States", recipient_iso3="COL", year="2016", table_kind="recipient table"
    )  # fmt: skip
    reader.country("Colombia")
    row = reader.row("as each source counts it, beside State", "2016")
    # State's accounts of the year: 8,500 + 742 + 3,085 thousand (us_cwd_country_fy.csv, lines 139 to 151)
    assert "$12,327,000" in row.inner_text()
    assert "−\u2060$3,827,000" in row.inner_text()
    reasons = reader.text()
    assert "Why they may differ" in reasons
    assert "broader than mine action" in reasons
    reader.go(row.get_by_role("link", name=dollars(monitor)), "Source row")
    opens_its_source(reader, DONORS, monitor, monitor["edition"])
    assert "$8,500,000" in reader.cited()


def test_what_happened_on_2_december_2025_and_where_is_it_written(reader: Asking) -> None:
    signed = printed(EVENTS, event="Defense memo signed")
    reader.side("Timeline")
    events = [
        row for row in reader.rows("Events of the U.S. program") if row["Date"] == "2025-12-02"
    ]
    assert {row["Event"] for row in events} == {
        "Defense memo signed", "Humanitarian Mine Action Program rescinded in the memo",
    }  # fmt: skip
    reader.go(reader.page.get_by_role("link", name="Defense memo signed", exact=True), "Source row")
    opens_its_source(reader, EVENTS, signed, signed["summary"], signed["source_title"])
    assert "reprinting The Washington Post" in reader.cited()


def test_print_the_brief_of_ukraine(reader: Asking) -> None:
    _, rows = rows_of(TRANSCRIBED / "casualties/monitor_country_year.csv")
    newest = [row for row in rows if row["country"] == "Ukraine" and row["year"] == "2024"][-1]
    reader.country("Ukraine")
    reader.click(reader.page.get_by_role("link", name="Two pages to print"))
    reader.page.wait_for_selector("h1")
    text = reader.page.locator("body").inner_text()
    assert "Ukraine" in reader.page.locator("h1").inner_text()
    assert newest["total"] in text
    assert newest["edition"] in text
    assert "manifest SHA-256" in text
    printed_pages = len(re.findall(rb"/Type\s*/Page[^s]", reader.page.pdf(format="A4")))
    assert 1 <= printed_pages <= 2


def test_what_did_the_ledger_say_at_an_earlier_refresh(later: Asking) -> None:
    # tests/pasts.py: refresh 2 made $12,549,000 of the $12,548,000 that State's report prints for FY2015
    row = printed(
        MONEY,
        fiscal_year="2015",
        country="Vietnam",
        account_group="State NADR",
        latest_edition="yes",
    )
    assert dollars(row) == "$12,548,000"
    later.country("Vietnam")
    assert later.rows("by fiscal year and account")[0]["State NADR-CWD"] == "$12,549,000"
    later.choose("Ledger as of", typed="refresh 1,")
    expect(later.page.get_by_text("You see the ledger as of refresh 1 ")).to_be_visible()
    expect(later.table("by fiscal year and account")).to_contain_text(dollars(row))
    later.whole()
    money = later.row("by fiscal year and account", "2015").get_by_role("link", name=dollars(row))
    later.go(money, "Source row")
    opens_its_source(later, MONEY, row, "since then the entry was revised in refresh 2")
    assert "as of refresh 1 of" in later.cited()


def test_a_bar_of_a_chart_opens_the_figure_that_it_draws(reader: Asking) -> None:
    row = printed(MONEY, fiscal_year="2017", country="Vietnam", account="DoD", latest_edition="yes")
    reader.country("Vietnam")
    bar = reader.page.locator(".mark-rect path[aria-label*='2017'][aria-label*='Account: DoD']")
    reader.go(bar.first, "Source row")
    opens_its_source(reader, MONEY, row, "1,168,000")
    assert "$1,168,000" in reader.cited()
