"""Every page on every kind of ledger: none, one figure, everything, a publisher gone dark, and the past.

The pages are those that the navigation declares, so a new one is not forgotten: it needs a line in CASES.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import polars as pl
import pytest
from starlette.testclient import TestClient

from dashboard import depends, queries
from dashboard.api import api
from etl.settings import Folders
from etl.store import current_path
from tests.dashboard.pages import Address, Visit, holds, visit
from tests.ends import ONE
from tests.helpers import ask

STATE_2015 = """
    SELECT entry_id FROM history.funding
    WHERE area = 'VNM' AND year = 2015 AND account = 'State NADR-CWD'
        AND series = 'tweis_country_table' AND amount_as_printed = '12,548'
"""
DARK = "Dark: Reported humanitarian money for mine action, flow by flow."
NO_STATE = "State’s report is not in this ledger"
NO_EVENT = "No event is in this ledger; `hma refresh program_events` reads them."


@dataclass(frozen=True)
class Case:
    """What a page says on each ledger; ``then`` as of refresh 1 and ``now`` of the same ledger as it is.

    ``one`` and ``dark`` are a figure where the page shows the ledger's, else why there is none.
    """

    empty: str
    one: str
    dark: str
    then: str
    now: str
    address: Address = field(default_factory=dict)


def without(
    reason: str, then: str, now: str, *, dark: str = "", address: Address | None = None
) -> Case:
    """A page that has nothing to say of money of one country and year, and little of OCHA's."""
    return Case(reason, reason, dark or reason, then, now, address or {})


CASES = {
    "coverage": Case(
        NO_STATE, "FY2016: $722,000", NO_STATE, "2015 to 2017: $609,034,000",
        "2015 to 2017: $609,035,000", {"scope": "all"},
    ),
    "country": Case(
        "No source in this ledger has a figure of a country or area", "$722,000", "[600 (US$)]",
        "$12,548,000", "$12,549,000", {"area": "VNM"},
    ),
    "timeline": without(
        "`hma refresh program_events treaties` reads both", "41 events, newest first", "Found later",
    ),
    "casualties": without(
        "`hma refresh landmine_monitor` reads the Monitor’s", "There is no population in this ledger", "0.188",
        address={"areas": "COL", "count": "rate"},
    ),
    "clearance": without(
        "`hma refresh landmine_monitor national_registers` reads both sources", "[at least 152]", "[at least 152]",
    ),
    "funding": Case(
        "No source of money is in this ledger", "$722,000", "$600", "$12,548,000", "$12,549,000",
        {"area": "VNM", "year.gte": "2015", "year.lte": "2016"},
    ),
    "who_else_pays": without(
        "`hma refresh ocha_fts` reads them", "This ledger holds no figure of Reported humanitarian money",
        "[90.0 %]", dark="[90.0 %]", address={"basis": "fts_paid"},
    ),
    "partners": without(
        "No figure in this ledger names the organisation that got it",
        "No figure in this ledger names the organisation that got it", "[HALO Trust]", dark="Not named by the source",
    ),
    "reconciliation": Case(
        "No source in this ledger says what the United States gave", "$722,000",
        "No source in this ledger says what the United States gave", "$12,888,000", "$12,889,000",
        {"areas": "VNM"},
    ),
    "changes": Case(
        "No figure changed between refresh 0 and refresh 1", "1 figure added.", "Up to refresh 1",
        "Up to refresh 1", "From refresh 6 to refresh 7",
    ),
    "sources": Case(
        "not read yet", "in use", "not fetched since", "in use", "on hold since refresh 4",
    ),
    "findings": Case(
        "No oddity was found.", "No row was rejected.", "No row was rejected.", "No row was rejected.",
        "No row was rejected.",
    ),
    "about": without(NO_EVENT, "1993", "Found later"),
    "entry": Case(
        "This ledger holds no entry", "722,000", "This ledger holds no entry",
        "**funding**, revision 1 (added)", "**funding**, revision 2 (revised)",
    ),
    "compare": Case(
        "No series whose years may be added is in this ledger", "$722,000",
        "No series whose years may be added is in this ledger", "$12,548,000", "$12,549,000",
        {"compare": "VNM", "series": "tweis_country_table"},
    ),
    "rows": Case(
        "No row passes these filters in the ledger as it is shown", "722,000",
        "No row passes these filters in the ledger as it is shown", "12,548,000", "12,549,000",
        {"of": "coverage", "area": "VNM"},
    ),
    "search": without(
        "Nothing in this ledger holds all of these words", "Nothing in this ledger holds all of these words",
        "$12,549,000", address={"q": "12,549"},
    ),
}  # fmt: skip
PAGES = list(depends.titles())
Look = Callable[..., Visit]
LINK = re.compile(r"\]\((/[^)]*)\)")
NOT_OF_A_REFRESH = ("/feed.atom", "/api/v1/changes.json?a=0&b=1")  # which names both refreshes
# Where a command would change nothing.
WITHOUT_COMMAND = {"entry", "rows", "search", "changes", "sources", "findings"}


def test_every_page_of_the_navigation_has_its_cases() -> None:
    assert set(CASES) == set(PAGES)


@pytest.fixture
def client(pool: None) -> Iterator[TestClient]:
    """A reader of the API on the same ledger."""
    with TestClient(api) as reader:
        yield reader


@pytest.fixture
def look(pool: None, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Opens a page on a ledger, with the address of its case."""

    def looked(folders: Folders, name: str, **more: str) -> Visit:
        monkeypatch.setenv("HMA_DATA", str(folders.data))
        seen = visit(monkeypatch, name, {**CASES[name].address, **more})
        (title,) = seen.app.title
        assert title.value
        alts = [one.proto.alt for one in [*seen.app.table, *seen.app.get("vega_lite_chart")]]
        assert all(len(alt) > 20 for alt in alts), "every table and chart says what it shows"
        return seen

    return looked


def warned(seen: Visit) -> str:
    return "\n".join(box.value.replace("\\", "") for box in seen.app.main.warning)


@pytest.mark.parametrize("name", PAGES)
def test_without_a_figure_a_page_says_why_and_what_to_try(
    ends_of: dict[str, Folders], look: Look, name: str
) -> None:
    more = {"entry": ONE} if name == "entry" else {}
    said = look(ends_of["empty"], name, **more).words
    assert CASES[name].empty in said
    assert name in WITHOUT_COMMAND or "`hma refresh" in said


@pytest.mark.parametrize("name", PAGES)
def test_a_ledger_of_one_figure_shows_it_or_says_why_not(
    ends_of: dict[str, Folders], look: Look, name: str
) -> None:
    more = {"entry": ONE} if name == "entry" else {}
    seen = look(ends_of["one row"], name, **more)
    assert CASES[name].one in seen.words
    assert not warned(seen).startswith("Dark")


@pytest.mark.parametrize("name", PAGES)
def test_a_publisher_that_went_dark_is_named_where_its_last_figures_stand(
    ends_of: dict[str, Folders], look: Look, name: str
) -> None:
    more = {"entry": ONE} if name == "entry" else {}
    seen = look(ends_of["dark source"], name, **more)
    assert DARK in warned(seen)
    assert "the figures are those of the last good copy" in warned(seen)
    assert CASES[name].dark in "\n".join([seen.words, *(box.value for box in seen.app.main.error)])


def test_many_publishers_that_cannot_be_asked_take_a_line_and_not_the_first_screen(
    full_folders: Folders, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    never, behind = ("hdx", "iati", "ucdp_ged"), ("state_tweis", "landmine_monitor")
    held = pl.DataFrame({"source_id": [*never, *behind], "rule": ["stale"] * 5})
    monkeypatch.setattr(queries, "held", lambda: held)
    monkeypatch.setattr(queries, "entries_by_source", lambda: dict.fromkeys(behind, 1))
    last, none = (box.value for box in look(full_folders, "about").app.main.warning)
    assert "the figures are those of the last good copy" in last
    assert last.startswith("Stale: ")
    assert "; " in last
    # a source that was never read has no last good copy
    assert none.startswith(
        "Not read: 3 sources whose publishers could not be asked. No figure of them"
    )


@pytest.mark.parametrize("name", PAGES)
def test_everything_that_a_page_shows_is_what_it_offers(
    full_folders: Folders, look: Look, client: TestClient, name: str
) -> None:
    seen = look(full_folders, name, **entry_of(full_folders, name))
    assert CASES[name].now in seen.words
    assert current_path(full_folders.ledger).stem in seen.app.sidebar.markdown[-1].value.replace(
        "\\", ""
    )
    assert seen.offers or name == "search", "which leads to the pages that offer"
    for offer in seen.offers:
        holds(client, offer, is_paged=seen.is_paged)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_past_names_its_refresh_and_shows_and_offers_the_figures_of_then(
    full_folders: Folders, look: Look, client: TestClient, name: str
) -> None:
    seen = look(full_folders, name, as_of="1", **entry_of(full_folders, name))
    case, said = CASES[name], seen.words
    assert "You see the ledger as of refresh 1 (" in said
    assert case.then in said
    assert case.now == case.then or case.now not in said
    for offer in seen.offers:
        assert "as_of=1" in offer.address
        holds(client, offer, is_paged=seen.is_paged)
    links = LINK.findall(
        re.sub(r"\[(Show the newest|The entry now|the API lists them)\]\([^)]*\)", "", said)
    )
    assert [
        link for link in links if "as_of=1" not in link and not link.startswith(NOT_OF_A_REFRESH)
    ] == []


def entry_of(folders: Folders, name: str) -> dict[str, str]:
    """For the page of a source row: the entry that refresh 2 revised."""
    return {"entry": str(ask(folders, STATE_2015)[0][0])} if name == "entry" else {}
