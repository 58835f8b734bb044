"""Measure everything, or the parts that are named, and write results and tables.

    python -m tests.bench [PARTS…] [--small] [--results FILE] [--no-readme]

Each part is a module of this folder that says what it does; its results go into ``results.json`` with the load of
the machine beside them, its ratios into the README's table ``bench``, and what grows into ``GROWTH.md``. Parts
that are not named keep their last results. ``asof``, ``rerun`` and ``refresh`` write tables of their own. In full it takes hours and 40 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.bench import growth, loading, onpaper, paging, recording, starting, streaming
from tests.bench.measuring import REPOSITORY, Result, as_table, load, machine
from tests.tools import readme

RESULTS: Final = Path(__file__).with_name("results.json")
Part = tuple[Callable[..., Result], Mapping[str, Any], Mapping[str, Any]]
PARTS: Final[Mapping[str, Part]] = {
    name: (module.measure, module.FULL, module.SMALL)
    for name, module in (
        ("starting", starting), ("loading", loading), ("recording", recording), ("streaming", streaming),
        ("paging", paging), ("growth", growth),
    )
}  # fmt: skip
OWN_TABLES: Final = ("asof", "rerun", "refresh")


def measured(name: str, *, small: bool = False, changed: Mapping[str, Any] | None = None) -> Result:
    """One part in full, or small, with when and on what."""
    measure, full, least = PARTS[name]
    sizes = {**(least if small else full), **(changed or {})}
    before = load()
    with tempfile.TemporaryDirectory(prefix="hma-bench-") as folder:
        found = measure(Path(folder), **sizes)
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(),
        "load_before": before, "load_after": load(), "sizes_asked": sizes, **found,
    }  # fmt: skip


def main() -> None:
    """Do what is named, and write the results after each part."""
    parser = argparse.ArgumentParser(
        description="Measure the ledger beside its limits and its peers."
    )
    every = [*OWN_TABLES, *PARTS]
    parser.add_argument("parts", nargs="*", choices=[*every, []], default=every)
    parser.add_argument(
        "--small", action="store_true", help="with small numbers, to see that it works"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=JSON", help="another size"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the results are kept")
    parser.add_argument("--no-readme", action="store_true", help="write the results, no page")
    asked = parser.parse_args()
    changed = {
        name: json.loads(value) for name, _, value in (one.partition("=") for one in asked.set)
    }
    results = (
        json.loads(asked.results.read_text(encoding="utf-8")) if asked.results.exists() else {}
    )
    for name in asked.parts:
        if name in OWN_TABLES:
            subprocess.run(
                [sys.executable, "-m", f"tests.bench.{name}"], check=True, cwd=REPOSITORY
            )
            continue
        results[name] = measured(name, small=asked.small, changed=changed)
        text = json.dumps(results, indent=1, sort_keys=True) + "\n"
        asked.results.write_text(text, encoding="utf-8")
        sys.stdout.write(as_table({name: results[name]}))
        sys.stdout.flush()
    if results and not asked.no_readme:
        readme.put("bench", as_table(results))
        onpaper.write(results)


if __name__ == "__main__":
    main()
