"""A warm rerun of every page at ten million entries (:mod:`tests.bench.rerun`), beside the bare questions of the page."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from tests.bench import million, rerun
from tests.bench.measuring import Ratio, Result

FULL: Final[dict[str, Any]] = {"entries": 10_000_000}
SMALL: Final[dict[str, Any]] = {"entries": 10_000}
LIMIT_MS: Final = 200  # by the clock, 95 % of the reruns of the slowest page


def measure(folder: Path, entries: int) -> Result:
    """The slowest page's ratios, and the figures of all."""
    logging.disable(logging.WARNING)  # Streamlit warns of pages that are run without a server
    folders = million.make(folder / "data", entries)
    held = million.count(folders)
    found = rerun.measure(folders)
    title, slowest = max(found.items(), key=lambda one: one[1].p95_ms)
    work = f"warm rerun at {entries:,} entries, the slowest page ({title})"
    ratios = [
        Ratio(f"{work}, 95 % below", "ms", slowest.p95_ms, "aim", LIMIT_MS, most=1),
        Ratio(f"{work}, 95 % below", "ms", slowest.p95_ms, "limit: its questions to bare DuckDB", slowest.bare_ms),
        Ratio(f"{work}, processor time, 95 % below", "ms", slowest.cpu_p95_ms, "aim", LIMIT_MS, most=1),
    ]  # fmt: skip
    return {
        "entries": held,
        "pages": {name: asdict(one) for name, one in found.items()},
        "ratios": [ratio.as_json() for ratio in ratios],
    }
