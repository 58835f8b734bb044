"""Measure in full what the tests of ``tests/resilience`` sample, and write it into the README.

Takes a quarter of an hour and more. Names of experiments run only those; the others keep their
last results.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from etl.settings import Folders
from tests.helpers import DATA, run
from tests.resilience import disk, kills, lab, swap, tampering, vintages
from tests.tools import readme

ROOT: Final = DATA.parent
RESULTS: Final = ROOT / "tests" / "resilience" / "results.json"
EVERY: Final = vintages.KINDS | vintages.CUTS


def _full(folder: Path) -> Folders:
    folders = lab.full_data(folder / "full")
    run(folders)
    return folders


def _strace(pristine: Folders, scratch: Path) -> lab.Result:
    reason = disk.why_no_strace(scratch)
    return (
        lab.Result(figures={"skipped": reason})
        if reason
        else disk.run_strace(pristine, scratch, 60)
    )


def experiments(folder: Path) -> dict[str, Callable[[], lab.Result]]:
    """What is measured, each in a folder of its own below ``folder``."""
    scratch = folder / "scratch"
    pristine = lab.pristine(folder / "pristine")
    return {
        "kills": lambda: kills.run(pristine, scratch, 240),
        "kills of the first refresh": lambda: kills.run(lab.unborn(folder / "unborn"), scratch, 40),
        "failing calls": lambda: disk.run_calls(pristine, scratch),
        "files that cannot grow": lambda: disk.run_limits(pristine, scratch, 40),
        "failing system calls": lambda: _strace(pristine, scratch),
        "swaps under load": lambda: swap.run(folder / "swap", 100),
        "swaps in one process": lambda: swap.run(folder / "long", 200, threads=1, readers=0),
        "broken vintages": lambda: vintages.experiment(_full(folder), list(EVERY), EVERY),
        "tampering": lambda: tampering.run(lab.copy(pristine, scratch), 300),
    }


SAID: Final = {
    "kills": "kill -9 before, in the middle of and after calls of every stage",
    "kills of the first refresh": "the same, before there is any ledger",
    "failing calls": "each write, flush and rename fails once: I/O error, disk full",
    "files that cannot grow": "files limited to ever more bytes",
    "failing system calls": "writes of the database engine fail, or are its last (strace)",
    "swaps under load": "reads by 11 readers while 100 refreshes publish",
    "swaps in one process": "reads while one process publishes 200 times",
    "broken vintages": "kinds of broken files, each stopped by the check meant for it",
    "tampering": "bits flipped, cells altered, files removed, cut or exchanged: each found",
}


def as_table(results: dict[str, Any]) -> str:
    """The README's table."""
    lines = ["| what was done | times | did not hold |", "|---|---:|---:|"]
    for name, said in SAID.items():
        if name in results:
            result = results[name]
            lines.append(f"| {said} | {result['tried']:,} | {len(result['failures']):,} |")
    return "\n".join(lines) + "\n"


def say(message: str) -> None:
    """One line on standard output, at once."""
    sys.stdout.write(f"{message}\n")
    sys.stdout.flush()


def main() -> None:
    """Run the experiments, write the results; exit code 1 if anything did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*SAID, []], help="only these")
    names = parser.parse_args().names or list(SAID)
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        every = experiments(Path(folder))
        for name in names:
            started = perf_counter()
            result = every[name]()
            results[name] = {
                "tried": result.tried,
                "failures": [each.replace(folder, "…") for each in result.failures],
                "figures": result.figures,
                "seconds": round(perf_counter() - started),
            }
            say(f"{name}: {result.tried} tried, {len(result.failures)} did not hold")
            for failure in result.failures:
                say(f"  {failure}")
            ordered = {name: results[name] for name in SAID if name in results}
            text = json.dumps(ordered, indent=1, ensure_ascii=False)
            RESULTS.write_text(f"{text}\n", encoding="utf-8")
    readme.put("resilience", as_table(results))
    sys.exit(any(results[name]["failures"] for name in names))


if __name__ == "__main__":
    main()
