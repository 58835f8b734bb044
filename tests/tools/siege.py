"""Lay siege in full to what the tests of ``tests/siege`` sample, and write it into the README.

    python -m tests.tools.siege [fuzzing] [values] [load]

``fuzzing`` takes half an hour of one processor, ``values`` five minutes and a browser, ``load`` seven
minutes of a machine that does nothing else. Those that are not named keep their last results. Crashes go
into ``results.json`` with their input; so do values that did not come out as given.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from shutil import copytree
from time import perf_counter
from typing import Any, Final

from etl.settings import Folders
from tests.helpers import DATA, run
from tests.pasts import add_past
from tests.siege import surfaces
from tests.siege.asking import Api
from tests.siege.fuzz import Packed, Pages, Parts, Readers, Tally, besiege, folder
from tests.siege.values import REFUSED, VALUES
from tests.tools import load, readme

RESULTS: Final = Path(__file__).resolve().parents[1] / "siege" / "results.json"
# How many inputs each target gets of a hundred thousand: readers take longest.
SHARES: Final[Mapping[str, tuple[Any, int]]] = {
    "readers": (Readers, 20_000), "forms of files": (Parts, 30_000), "packed files": (Packed, 12_000),
    "watched pages": (Pages, 12_000), "questions to the API": (Api, 26_000),
}  # fmt: skip
SAID_EVERY: Final = 1_000  # inputs
FIRST: Final = 1_000_000  # the first of the numbers that Hypothesis draws by
Result = dict[str, Any]


def fuzzing(_folders: Folders, asked: argparse.Namespace) -> Result:
    """Spoiled inputs to every target; what came of them, and every crash once."""
    found: Result = {}
    for name, (target, count) in SHARES.items():
        if asked.targets and name not in asked.targets:
            continue
        tally, began = Tally(), perf_counter()
        number = count * asked.inputs // 100_000
        with folder() as root:
            made = target(root, tally)
            besiege(target.strategy, told(made.one, name, tally, number), number, FIRST)
            made.close()
        found[name] = {
            "tried": tally.tried, "seconds": round(perf_counter() - began), "results": dict(tally.results),
            "crashes": {place: {"times": tally.times[place], "said": one.message, "given": one.given}
                        for place, one in tally.crashes.items()},
        }  # fmt: skip
        sys.stderr.write(f"{name}: {tally.tried:,} inputs, {sum(tally.times.values())} crashes\n")
    return found


def told(one: Callable[[Any], None], name: str, tally: Tally, number: int) -> Callable[[Any], None]:
    """The same, and it says now and then how far it is and where it crashed."""

    known: set[str] = set()

    def telling(drawn: Any) -> None:  # noqa: ANN401
        one(drawn)
        for place in tally.crashes.keys() - known:
            known.add(place)
            sys.stderr.write(f"{tally.crashes[place]}\n")
        if tally.tried % SAID_EVERY == 0:
            sys.stderr.write(f"{name}: {tally.tried:,} of {number:,}; {dict(tally.times)}\n")

    return telling


def values(folders: Folders, _asked: argparse.Namespace) -> Result:
    """Every hostile value on every surface, in files and in a browser."""
    from playwright.sync_api import sync_playwright

    from tests.dashboard.conftest import QUIET
    from tests.dashboard.serving import serving
    from tests.dashboard.test_browser import windows

    outcome = surfaces.put(folders)
    if outcome.failed:
        raise RuntimeError(str([source.failure for source in outcome.failed]))
    table: dict[str, dict[str, str]] = {value.name: {} for value in (*VALUES, *REFUSED)}
    for value in (*VALUES, *REFUSED):
        if value not in surfaces.KEPT:
            table[value.name]["source"] = surfaces.refused(value)
    everywhere: dict[str, str] = {}
    browser_path = os.environ.get("HMA_CHROMIUM") or "/usr/bin/chromium"
    with serving(folders) as (site, _), sync_playwright() as playwright:
        for name, verdict in surfaces.as_addresses().items():
            table[name]["source address"] = verdict
        for surface, look in surfaces.FILES.items():
            for name, verdict in look(surfaces.getter(site)).items():
                table[name][surface] = verdict
        browser = playwright.chromium.launch(executable_path=browser_path, args=list(QUIET))
        with windows(browser, site) as window:
            reader = window()
            for name, surface, verdict in surfaces.walk(
                reader, folders, [value.name for value in surfaces.KEPT]
            ):
                (everywhere if name == surfaces.ALL else table[name])[surface] = verdict
            trouble = surfaces.trouble(reader)
        browser.close()
    return {"values": table, "pages with all of them": everywhere, "browser": trouble}


def loaded(folders: Folders, _asked: argparse.Namespace) -> Result:
    """Fifty readers and twenty downloads for five minutes."""
    return load.as_json(load.measured(folders, 300, 50, 20))


PARTS: Final[Mapping[str, Callable[[Folders, argparse.Namespace], Result]]] = {
    "fuzzing": fuzzing, "values": values, "load": loaded,
}  # fmt: skip


def verdicts(found: Result) -> Counter[str]:
    """How often each came of a value on a surface."""
    return Counter(each for row in found["values"].values() for each in row.values())


def failures(found: Result) -> list[str]:
    """What a value did that it should not: our words for that are in capitals."""
    rows = [*found["values"].items(), (surfaces.ALL, found["pages with all of them"])]
    wrong = [f"{name}, {where}: {said}" for name, row in rows for where, said in row.items()
             if said.split()[0].isupper()]  # fmt: skip
    return [*wrong, *found["browser"]]


def as_table(results: Result) -> str:
    """The README's table."""
    lines = ["| what was done | times | what came of it |", "|---|---:|---|"]
    for name, one in results.get("fuzzing", {}).items():
        said = ", ".join(f"{count:,} {what}" for what, count in sorted(one["results"].items()))
        crashes = sum(crash["times"] for crash in one["crashes"].values())
        lines.append(f"| spoiled input: {name} | {one['tried']:,} | {crashes} crashes ({said}) |")
    if found := results.get("values"):
        said = ", ".join(f"{count} {what}" for what, count in verdicts(found).most_common())
        cells = sum(verdicts(found).values())
        lines.append(
            f"| {len(found['values'])} hostile values, each on every surface | {cells:,} | "
            f"{len(failures(found))} had an effect ({said}) |"
        )
    if one := results.get("load"):
        waits = sum(one["told_to_wait"].values())
        lines.append(
            f"| {one['sessions']} readers' sessions and {one['streams']} downloads for {one['seconds'] / 60:g} minutes | "
            f"{one['pages']:,} pages, {one['downloads']:,} files | {len(one['errors'])} errors; pages p95 "
            f"{one['page_p95']:.1f} s, first byte p95 {one['first_byte_p95']:.1f} s; told to wait {waits} times; memory "
            f"{one['memory_start']} MB before, {one['memory_most']} most, {one['memory_end']} after |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Do what is named, and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=list(PARTS))
    parser.add_argument("--inputs", type=int, default=100_000, help="inputs of the fuzzing in all")
    parser.add_argument(
        "--targets",
        nargs="*",
        choices=list(SHARES),
        help="of the fuzzing; all of them if not given",
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the results are kept")
    parser.add_argument("--no-readme", action="store_true", help="write the results only")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)  # what Streamlit says where there is no server
    os.environ["HMA_FETCH__WATCH"] = "false"
    results = (
        json.loads(asked.results.read_text(encoding="utf-8")) if asked.results.exists() else {}
    )
    with tempfile.TemporaryDirectory(prefix="hma-siege-") as made:
        whole = Folders(Path(made) / "whole" / "data")
        for name in ("transcribed", "reference"):
            copytree(DATA / name, whole.data / name)
        run(whole)
        add_past(whole)
        for name in asked.parts:
            own = Folders(Path(made) / name / "data")
            copytree(whole.data, own.data)
            os.environ["HMA_DATA"] = str(own.data)
            results[name] = (results.get(name) or {}) | PARTS[name](own, asked)
            text = json.dumps(results, indent=1, ensure_ascii=True, sort_keys=True) + "\n"
            asked.results.write_text(text, encoding="utf-8")
    if not asked.no_readme:
        readme.put("siege", as_table(results))
    crashes = [place for one in results.get("fuzzing", {}).values() for place in one["crashes"]]
    wrong = [*crashes, *(failures(results["values"]) if "values" in results else [])]
    wrong += results.get("load", {}).get("errors", [])
    sys.stderr.write("".join(f"{each}\n" for each in wrong))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
