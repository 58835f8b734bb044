"""How long starting takes: the command's help beside Python itself, and the first chart beside an empty page.

``hma --help`` and ``import etl.cli`` are timed beside ``python -c pass``, each in turn. For the first chart
the server is started anew each time and Chromium, already running, opens the first page in a fresh context, until
a chart is drawn; beside it ``streamlit run`` of a page with one heading, until that stands there.
"""

from __future__ import annotations

import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from etl.settings import Folders
from tests.bench.measuring import REPOSITORY, Ratio, Result, environment
from tests.bench.streaming import answers
from tests.dashboard.serving import SERVE, free_port
from tests.find_browser import find
from tests.helpers import DATA, run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FULL: Final[dict[str, Any]] = {"rounds": 15, "cold_rounds": 5}
SMALL: Final[dict[str, Any]] = {"rounds": 2, "cold_rounds": 0}
COMMANDS: Final = {
    "pass": ("-c", "pass"),
    "import": ("-c", "import etl.cli"),
    "help": ("-c", "from etl.start import main; main()", "--help"),
}
CHART: Final = "[data-testid=stVegaLiteChart] svg, [data-testid=stVegaLiteChart] canvas"
EMPTY: Final = 'import streamlit as st\n\nst.title("An empty page")\n'
# what a browser needs for a chart at all takes its time, whatever is drawn
ONE_BAR: Final = (
    'import streamlit as st\n\nst.vega_lite_chart({"values": [{"a": 1}]}, {"mark": "bar"})\n'
)
STARTS_WITHIN_MS: Final = 120_000
BELOW: Final = 0.4  # seconds beyond Python's own start


def measure(folder: Path, rounds: int, cold_rounds: int) -> Result:
    """The ratios; medians of some rounds."""
    times, used = commands(folder, rounds)
    middle = {name: statistics.median(each) for name, each in times.items()}
    ratios = [
        Ratio(f"{what}, beyond Python's own start", "s", middle[name] - middle["pass"], "aim", BELOW, most=1).as_json()
        for name, what in (("import", "`import etl.cli`"), ("help", "`hma --help`"))
    ]  # fmt: skip
    busy = {name: statistics.median(each) for name, each in used.items()}
    ratios.append(
        Ratio("the same, processor time", "s", busy["help"] - busy["pass"], "aim", BELOW, most=1).as_json()
    )  # fmt: skip
    cold = cold_starts(folder, cold_rounds) if cold_rounds else {}
    if cold:
        chart, empty, bar = (statistics.median(cold[name]) for name in ("chart", "empty", "bar"))
        what = "cold start to the first chart in Chromium"
        ratios += [
            Ratio(what, "s", chart, "limit: an empty Streamlit page", empty, most=1.5).as_json(),
            Ratio(what, "s", chart, "a Streamlit page with one bar", bar).as_json(),
        ]
    return {
        "rounds": rounds,
        "cold_rounds": cold_rounds,
        "times": times,
        "processor": used,
        "cold": cold,
        "ratios": ratios,
    }


def commands(folder: Path, rounds: int) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds of each command in each round, by the clock and of a processor; once before, which compiles the modules."""
    found: dict[str, list[float]] = {name: [] for name in COMMANDS}
    used: dict[str, list[float]] = {name: [] for name in COMMANDS}
    said = environment(HMA_DATA=str(folder / "none"))
    for number in range(rounds + 1):
        for name, arguments in COMMANDS.items():
            started, before = perf_counter(), _processor()
            ran = subprocess.run(
                [sys.executable, *arguments], env=said, cwd=REPOSITORY, capture_output=True, text=True, check=True
            )  # fmt: skip
            if number:
                found[name].append(perf_counter() - started)
                used[name].append(_processor() - before)
            if (name == "help") != ("Usage:" in ran.stdout):
                raise RuntimeError(f"{arguments} said {ran.stdout[:200]!r}")
    return found, used


def _processor() -> float:
    """Processor seconds of all processes that were started here and have ended; other work doesn't lengthen them."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def cold_starts(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds from starting a server to what is waited for in a browser that runs already."""
    from playwright.sync_api import sync_playwright

    from tests.dashboard.conftest import QUIET

    folders = Folders(folder / "data")
    for name in ("transcribed", "reference"):
        shutil.copytree(DATA / name, folders.data / name)
    run(folders)
    quiet = ("--server.headless", "true", "--browser.gatherUsageStats", "false")

    def alone(name: str, text: str) -> Callable[[int], list[str]]:
        page = folder / f"{name}.py"
        page.write_text(text, encoding="utf-8")
        return lambda port: [
            "-m",
            "streamlit",
            "run",
            str(page),
            "--server.port",
            str(port),
            *quiet,
        ]

    served: dict[str, tuple[Callable[[int], list[str]], str]] = {
        "empty": (alone("empty", EMPTY), "h1"),
        "bar": (alone("bar", ONE_BAR), CHART),
        "chart": (lambda port: ["-c", SERVE, "serve", "--port", str(port)], CHART),
    }  # fmt: skip
    said = environment(HMA_DATA=str(folders.data))
    found: dict[str, list[float]] = {name: [] for name in served}
    chromium = find()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
        for number in range(rounds + 1):  # the first compiles the modules
            for name, (command, awaited) in served.items():
                seconds = cold(browser, command, awaited, said)
                if number:
                    found[name].append(seconds)
        browser.close()
    return found


def cold(
    browser: Browser, command: Callable[[int], list[str]], awaited: str, said: dict[str, str]
) -> float:
    """Start a server, open its first page in a fresh context, and wait for what is to be seen."""
    port = free_port()
    started = perf_counter()
    with _process([sys.executable, *command(port)], said) as process:
        while not answers(port):
            if process.poll() is not None:
                raise RuntimeError(f"{command(port)} did not start")
            time.sleep(0.02)
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for_selector(awaited, timeout=STARTS_WITHIN_MS)
        seconds = perf_counter() - started
        context.close()
    return seconds


@contextmanager
def _process(command: list[str], said: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process: subprocess.Popen[bytes] = subprocess.Popen(
        command, env=said, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()
