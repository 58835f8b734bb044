"""No page shuts a reader out: axe-core finds no serious violation, light, dark and with a menu open."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.dashboard.test_browser import PAGES, Reader, windows

pytestmark = pytest.mark.browser

GRAVE = ("serious", "critical")
# All rules on paper; of the dark look, which differs by its colours alone, those about colours.
RULES: dict[str, dict[str, Any]] = {
    "light": {"resultTypes": ["violations"]},
    "dark": {"resultTypes": ["violations"], "runOnly": ["color-contrast", "link-in-text-block"]},
}
BRIEFS = ("/brief", "/brief?area=VNM", "/brief?area=nowhere")
# What axe finds in Streamlit's own elements, as rule and selector, with the reason why it stays. None now.
STREAMLITS: frozenset[tuple[str, str]] = frozenset()


def grave(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The serious violations of a page: rule, element, and what is wrong."""
    return [
        (violation["id"], str(node["target"][-1]), node["html"][:120])
        for violation in found["violations"]
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
        if (violation["id"], str(node["target"][-1])) not in STREAMLITS
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation_on_any_page(
    chromium: Browser,
    site: str,
    scheme: str,
) -> None:
    wrong = {}
    with windows(chromium, site) as window:
        reader: Reader = window(scheme=scheme)
        for path in PAGES:
            page = reader.open(path)
            wrong[path] = grave(Axe().run(page, options=RULES[scheme]).response)
        for path in BRIEFS:
            reader.page.goto(site + path)
            wrong[path] = grave(Axe().run(reader.page).response)
    assert {path: found for path, found in wrong.items() if found} == {}


def test_an_open_citation_shuts_no_one_out_either(
    chromium: Browser,
    site: str,
) -> None:
    with windows(chromium, site) as window:
        page = window().open("/clearance?area=BIH")
        page.get_by_role("button", name="Cite").first.click()
        page.get_by_text("CSL-JSON").wait_for()
        assert grave(Axe().run(page).response) == []


def test_axe_would_find_a_picture_without_words(
    chromium: Browser,
) -> None:
    page = chromium.new_page()
    page.set_content("<html lang=en><title>t</title><main><h1>h</h1><img src='x'></main></html>")
    assert [rule for rule, _, _ in grave(Axe().run(page).response)] == ["image-alt"]
    page.close()
