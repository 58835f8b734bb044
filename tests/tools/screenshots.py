"""Take pictures of every page, in a real browser, of a ledger built from the embedded data.

A change of the pages is looked at, not only tested: wide and narrow, light and dark. Three of the
pictures, cropped, stand in the README. Nothing of this machine's own ledger is shown: the script
builds one in a temporary folder and serves it on a free port.

    .venv/bin/python -m tests.tools.screenshots FOLDER
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.dashboard.waiting import until

ROOT: Final = Path(__file__).resolve().parents[2]
README_FOLDER: Final = ROOT / "data" / "reference" / "screenshots"
HMA: Final = (sys.executable, "-c", "from etl.cli import main; main()")
WIDTHS: Final = {"wide": 1280, "narrow": 390}
HEIGHT: Final = 1000
COLOURS: Final = 128  # enough for text, lines and the few hues of the charts
MAX_BYTES: Final = 250_000
SECONDS: Final = 60

PAGES: Final = {
    "coverage": "/",
    "coverage-all": "/?scope=all",
    "coverage-clearance": "/?map=clearance&clearance_year=2016",
    "country": "/country?area=VNM",
    "country-none": "/country",
    "casualties": "/casualties",
    "clearance": "/clearance",
    "clearance-area": "/clearance?area=BIH",
    "timeline": "/timeline",
    "funding": "/funding",
    "compare": "/compare?compare=COL,VNM,KHM,AGO",
    "who-else-pays": "/who_else_pays?basis=monitor&scope=all&area=LAO",
    "partners": "/partners",
    "reconciliation": "/reconciliation",
    "changes": "/changes?a=0&b=1",
    "sources": "/sources",
    "findings": "/findings",
    "about": "/about",
    "about-as-of": "/about?as_of=1",
    "entry": "/entry?entry={entry}",
}
# The README's pictures: which page, and how much of its top.
README: Final = {"coverage": 1065, "country": 905, "funding": 740}

DRAWN: Final = """() => {
    const all = (selector) => [...document.querySelectorAll(selector)];
    const charts = all('[data-testid="stVegaLiteChart"]');
    return all('[data-testid="stApp"][data-test-script-state="notRunning"]').length === 1
        && all('[data-testid="stSkeleton"], [data-stale="true"]').length === 0
        && all('h1').length > 0
        && charts.every((chart) => chart.querySelector('canvas, svg'))
        && document.fonts.status === 'loaded';
}"""
CONTENT_HEIGHT: Final = """() => Math.ceil(Math.max(
    ...['stMain', 'stSidebarContent']
        .map((name) => document.querySelector(`[data-testid="${name}"]`))
        .map((box) => box ? box.scrollHeight : 0)))"""


@contextmanager
def served(log: Path) -> Iterator[str]:
    """The address of a ledger built from the embedded data; the server writes to ``log``."""
    with tempfile.TemporaryDirectory() as folder, log.open("wb") as output:
        for name in ("transcribed", "reference"):
            shutil.copytree(ROOT / "data" / name, Path(folder) / name)
        environment = os.environ | {"HMA_DATA": folder}
        subprocess.run([*HMA, "refresh", "--embedded"], cwd=ROOT, env=environment, check=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        server = subprocess.Popen(
            [*HMA, "serve", "--port", port],
            cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_for(server, f"{address}/healthz", log)
            yield address
        finally:
            server.terminate()
            server.wait()


def _wait_for(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + SECONDS
    while server.poll() is None and time.monotonic() < end:
        try:
            urllib.request.urlopen(address, timeout=5).close()  # noqa: S310 (our own server)
        except OSError:
            time.sleep(0.2)
        else:
            return
    message = f"The server did not answer at {address}; {log} holds what it said."
    raise RuntimeError(message)


def _one_entry(address: str) -> str:
    """A figure whose source row is shown: the Defense line of Vietnam, fiscal year 2016."""
    query = "/api/v1/coverage.csv?area=VNM&fiscal_year=2016&account=DoD"
    with urllib.request.urlopen(address + query, timeout=30) as answer:  # noqa: S310 (our own)
        rows = list(csv.DictReader(io.TextIOWrapper(answer, encoding="utf-8")))
    return rows[0]["entry_id"]


def _show_whole(page: Page, address: str, width: int) -> None:
    """Open a page and make the window as high as its content, so that nothing needs scrolling."""
    page.set_viewport_size(ViewportSize(width=width, height=HEIGHT))
    page.goto(address)
    until(page, f"({DRAWN})()")
    for _ in range(3):  # a higher window may draw more, and so be too low once again
        height = max(HEIGHT, page.evaluate(CONTENT_HEIGHT))
        page.set_viewport_size(ViewportSize(width=width, height=height))
        page.wait_for_timeout(500)
        until(page, f"({DRAWN})()")
    if page.get_by_test_id("stException").count():
        message = f"{address} shows an error; server.log holds the traceback."
        raise RuntimeError(message)


def take(browser: Browser, address: str, folder: Path) -> None:
    """Write a picture of every page, width and appearance, and those of the README."""
    entry = _one_entry(address)
    looks: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for look in looks:
        context = browser.new_context(color_scheme=look, reduced_motion="reduce")
        page = context.new_page()
        page.set_default_timeout(SECONDS * 1000)
        for size, width in WIDTHS.items():
            for name, path in PAGES.items():
                _show_whole(page, address + path.format(entry=entry), width)
                picture = folder / f"{name}-{size}-{look}.png"
                page.screenshot(path=picture, animations="disabled")
                say(f"{picture}")
                if (size, look) == ("wide", "light") and name in README:
                    _for_readme(picture, README_FOLDER / f"{name}.png", README[name])
        context.close()


def _for_readme(picture: Path, to: Path, height: int) -> None:
    """The top of a picture, with few colours so that it stays small."""
    to.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(picture) as whole:
        top = whole.convert("RGB").crop((0, 0, whole.width, min(height, whole.height)))
    top.quantize(COLOURS, dither=Image.Dither.NONE).save(to, optimize=True)
    size = to.stat().st_size
    if size > MAX_BYTES:
        message = f"{to} has {size:,} bytes, more than {MAX_BYTES:,}; crop it further."
        raise RuntimeError(message)
    say(f"{to} ({size:,} bytes)")


def say(message: str) -> None:
    """One line on standard output, at once."""
    sys.stdout.write(f"{message}\n")
    sys.stdout.flush()


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description="Take pictures of every page.")
    parser.add_argument("folder", type=Path, help="where to put them")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    browser_path = os.environ.get("HMA_CHROMIUM") or "/usr/bin/chromium"
    with served(folder / "server.log") as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path)
        take(browser, address, folder)
        browser.close()


if __name__ == "__main__":
    main()
