"""What a page offers for download is what it shows: the same rows in the same order, in every format."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import streamlit as st
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from dashboard import show
from dashboard.api import api
from dashboard.current import limits
from etl.settings import Folders
from etl.tables import FACT_TABLES
from tests.dashboard.serving import REPOSITORY

Open = Callable[..., AppTest]
LINK = re.compile(r"\[([^\]]+)\]\(/api/v1(/[\w./]+[^)]*)\)")
OFFER = re.compile(r"\[[^\]]*, ([\d,]+) rows?: CSV, about [\d.]+ (?:bytes|KB|MB)\]\(")
ENTRY = re.compile(r"/entry\?entry=([\w-]+)")
PAGES = {
    "coverage": {},
    "country": {"area": "COL"},
    "funding": {"areas": "VNM"},
    "reconciliation": {},
    "changes": {},
    "sources": {"source": "state_tweis"},
    "findings": {},
    "about": {},
    "entry": {"entry": "state_tweis-d60fc92beeb9b42a"},
}


@pytest.fixture
def visit(pool: None, built_folders: Folders, monkeypatch: pytest.MonkeyPatch) -> Open:
    monkeypatch.setenv("HMA_DATA", str(built_folders.data))

    def opened(name: str, **address: str) -> AppTest:
        app = AppTest.from_file(REPOSITORY / "dashboard/streamlit_app.py", default_timeout=60)
        for key, value in address.items():
            app.query_params[key] = value
        app = app.switch_page(f"app_pages/{name}.py").run()
        assert not app.exception, [error.message for error in app.exception]
        return app

    return opened


def offers(app: AppTest) -> list[tuple[int, dict[str, str]]]:
    """Every download of a page: how many rows it says, and its addresses by format."""
    texts = [str(box.value) for box in app.markdown]
    return [
        (
            int(found[1].replace(",", "")),
            {re.sub(r".*\.(\w+)(?:\?.*)?$", r"\1", path): path for _, path in LINK.findall(text)},
        )
        for text in texts
        if (found := OFFER.match(text))
    ]


@pytest.mark.parametrize("name", PAGES)
def test_every_download_of_a_page_has_as_many_rows_as_the_page_says_in_every_format(
    visit: Open, name: str
) -> None:
    found = offers(visit(name, **PAGES[name]))
    assert found
    with TestClient(api) as client:
        for rows, addresses in found:
            assert set(addresses) == set(show.FILES)
            for path in addresses.values():
                assert client.head(path).headers["X-HMA-Rows"] == str(rows)


@pytest.mark.parametrize(
    ("name", "address", "alt", "table"),
    [
        ("funding", {"areas": "VNM"}, "Funding rows that pass the filters", "funding"),
        ("country", {"area": "KHM"}, "Casualties in Cambodia", "casualties_by_area_year"),
        ("country", {"area": "KHM"}, "Land released and items destroyed in Cambodia", "clearance"),
        ("country", {"area": "KHM"}, "contamination in Cambodia", "contamination"),
        ("about", {}, "Events of the U.S. program", "program_events"),
    ],
)
def test_a_download_has_the_rows_of_the_table_in_its_order(
    visit: Open, name: str, address: dict[str, str], alt: str, table: str
) -> None:
    app = visit(name, **address)
    shown = next(one for one in app.table if alt.lower() in one.proto.alt.lower())
    entries = [
        ENTRY.search(" ".join(str(cell) for cell in row)) for row in shown.value.values.tolist()
    ]
    (path,) = {one["json"] for _, one in offers(app) if f"/{table}.json" in one["json"]}
    with TestClient(api) as client:
        rows = client.get(path).json()["rows"]
    linked = [found[1] for found in entries if found]
    assert len(linked) > 2
    assert [row["entry_id"] for row in rows][: len(linked)] == linked
    assert len(rows) == len(linked) or name == "funding"  # which shows a page of fifty
    assert table not in FACT_TABLES or all(row["source_url"] for row in rows)


def test_a_format_that_cannot_hold_the_rows_is_not_offered(
    visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HMA_API__MAX_ROWS_XLSX", "20")
    limits.cache_clear()
    st.cache_data.clear()  # what a page before this one was told
    (offer,) = offers(visit("funding", areas="VNM"))
    assert set(offer[1]) == set(show.FILES) - {"xlsx"}
    assert offer[0] > 20
    st.cache_data.clear()
