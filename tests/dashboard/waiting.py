"""Waiting for a page, under its Content-Security-Policy.

Playwright's own ``wait_for_function`` evaluates its text within the page, later, which the pages refuse.
"""

from __future__ import annotations

import time

from playwright.sync_api import Page

SECONDS = 30


def until(page: Page, condition: str) -> None:
    """Wait until an expression of JavaScript is true in the page."""
    deadline = time.monotonic() + SECONDS
    while not page.evaluate(f"Boolean({condition})"):
        assert time.monotonic() < deadline, f"never came true: {condition}"
        page.wait_for_timeout(50)
