"""Cell for cell: a page's tables are its downloads in every format, whatever a reader chose on the page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from dashboard import depends
from dashboard.answer import asked_by
from dashboard.api import api
from dashboard.downloads import FORMATS
from etl.settings import Folders
from tests.api.reading import READ, to_the_millisecond
from tests.dashboard.pages import Address, Offer, holds, visit

AREAS = ["VNM", "KHM", "COL", "LAO", "AGO", "JOR", "BIH"]
FEW = 200  # rows, of a download that is read in every format


def some(values: list[str], most: int = 3) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), max_size=most, unique=True)


def asked(page: str, /, **parameters: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """An address of a page; what is drawn empty is left out."""
    return st.fixed_dictionaries(parameters).map(
        lambda drawn: (page, {key: value for key, value in drawn.items() if value})
    )


@pytest.fixture
def full(pool: None, full_folders: Folders, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """The ledger with something on every page, named by HMA_DATA."""
    monkeypatch.setenv("HMA_DATA", str(full_folders.data))
    return full_folders


one_area = st.sampled_from(AREAS)
bases = st.sampled_from(["monitor", "crs_disbursements", "crs_commitments", "fts_paid"])
CHOICES = {
    "coverage": asked("coverage", all_areas=st.sampled_from(["", "true"]), scope=st.sampled_from(["dod", "all"])),
    "country": asked("country", area=one_area, dollars=st.sampled_from(["", "constant"])),
    "timeline": asked("timeline", kinds=some(["program", "withdrawal", "signed", "in_force"]),
                      area=st.sampled_from(["", "VNM", "FIN"]), page=st.sampled_from(["", "2"])),
    "casualties": asked("casualties", areas=some(AREAS), count=st.sampled_from(["", "rate"])),
    "clearance": asked("clearance", area=one_area),
    "funding": asked(
        "funding", area=some(AREAS), account=some(["DoD", "State NADR-CWD"]), flow=some(["obligation", "contribution"]),
        years=st.sampled_from([[], ["2015", "2017"], ["2010", "2024"]]), page=st.sampled_from(["", "2"]),
    ),
    "who_else_pays": asked("who_else_pays", basis=bases, scope=st.sampled_from(["dod", "all"]), page=st.sampled_from(["", "2"])),
    "partners": asked("partners", series=st.sampled_from(["fa_obligations", "usaspending_awards", "crs_disbursements"]),
                      area=st.sampled_from(["", "VNM"]), partner=st.sampled_from(["", "HALO Trust"])),
    "reconciliation": asked("reconciliation", areas=some(AREAS), page=st.sampled_from(["", "2"])),
    "changes": asked("changes", b=st.sampled_from(["", "2", "3"])),
    "sources": asked("sources"),
    "findings": asked("findings", source=st.sampled_from(["", "state_tweis", "treaties"])),
    "about": asked("about"),
    "compare": asked("compare", compare=some(AREAS), series=st.sampled_from(["", "fa_obligations", "tweis_country_table"]),
                     dollars=st.sampled_from(["", "constant"])),
    "rows": asked("rows", of=st.sampled_from(["funding", "coverage", "donors", "casualties_latest"]), area=one_area),
    "search": asked("search", q=st.sampled_from(["Laos", "HALO", "12,548", "mines"])),
    "entry": asked("entry", entry=st.just("state_tweis-d60fc92beeb9b42a")),
}  # fmt: skip


@settings(
    max_examples=8,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    chosen=st.sampled_from(list(CHOICES)).flatmap(CHOICES.__getitem__),
    as_of=st.sampled_from(["", "", "3"]),
)
def test_what_a_page_shows_is_what_it_offers_whatever_is_chosen_on_it(
    full: Folders, monkeypatch: pytest.MonkeyPatch, chosen: tuple[str, Address], as_of: str
) -> None:
    page, address = chosen
    seen = visit(monkeypatch, page, {**address, **({"as_of": as_of} if as_of else {})})
    with TestClient(api) as client:
        for offer in seen.offers:
            holds(client, offer, is_paged=seen.is_paged)
        few = [offer for offer in seen.offers if _height(offer) <= FEW]
        for offer in few[:1]:
            in_every_format(client, offer)


def _height(offer: Offer) -> int:
    if offer.of is not None:
        return offer.of
    return offer.rows.height if isinstance(offer.rows, pl.DataFrame) else offer.rows or FEW + 1


def in_every_format(client: TestClient, offer: Offer) -> None:
    """Every file that can be had at the address holds the same cells in the same order."""
    table, pairs = asked_by(offer.address)
    query = urlencode([*pairs, ("raw", "1")])
    found = {}
    for ending, read in READ.items():
        answer = client.get(f"/{table}.{ending}?{query}")
        assert answer.status_code == 200, answer.text
        found[ending] = read(table, answer.content)
    assert found.keys() == FORMATS.keys()
    for ending, rows in found.items():
        assert rows == (to_the_millisecond(found["csv"]) if ending == "xlsx" else found["csv"])


def test_every_page_is_chosen_from() -> None:
    assert CHOICES.keys() == depends.titles().keys()
