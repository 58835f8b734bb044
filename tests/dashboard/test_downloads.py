"""Which formats a page offers for download, each with its rows and size.

That a download holds what the page shows is tests/dashboard/test_cells.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard import show
from dashboard.current import limits
from etl.settings import Folders
from tests.dashboard.serving import REPOSITORY

Open = Callable[..., AppTest]
LINK = re.compile(r"\[([^\]]+)\]\(/api/v1(/[\w./]+[^)]*)\)")
OFFER = re.compile(r"\[[^\]]*, ([\d,]+) rows?: CSV, about [\d.]+ (?:bytes|KB|MB)\]\(")


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


def test_a_format_that_cannot_hold_the_rows_is_not_offered(
    visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HMA_API__MAX_ROWS_XLSX", "20")
    limits.cache_clear()
    st.cache_data.clear()  # what a page before this one was told
    (offer,) = offers(visit("funding", areas="VNM"))
    assert set(offers(visit("country", area="TCD"))[0][1]) == set(show.FILES), "a few rows"
    assert set(offer[1]) == set(show.FILES) - {"xlsx"}
    assert offer[0] > 20
    st.cache_data.clear()
