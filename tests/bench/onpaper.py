"""Growth on paper: where the measured lines lead, written into ``GROWTH.md`` between its comments."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.bench.growth import as_tables
from tests.bench.measuring import Result, number
from tests.tools import readme

PAGE: Final = Path(__file__).with_name("GROWTH.md")
READERS: Final = 1_000
SECONDS_A_PAGE: Final = 10  # how often a reader opens another page
MEMORY_GB: Final = (8, 16, 64, 256)
DISK_GB: Final = (100, 1_000)
FILES: Final = 3  # the ledger in use, the one being built, and one that is kept
HOUR: Final = 3_600


def write(results: Mapping[str, Result], page: Path = PAGE) -> None:
    """Fill the tables for which there are results."""
    if found := results.get("growth"):
        readme.put("growth", f"{as_tables(found)}\n{taken(found)}\n", page)
        readme.put("stops", stops(found), page)
    if found := results.get("paging"):
        readme.put("readers", readers(found), page)


def taken(found: Result) -> str:
    """When, on what and how busy a machine it was."""
    counts = ", ".join(f"{one['refreshes']}" for one in found["sizes"])
    return (
        f"Taken {found['measured_at'][:10]} on {found['machine']['processors']} processors and "
        f"{found['machine']['memory_gb']:g} GB of memory, with a load of {found['load_before']:g} before and "
        f"{found['load_after']:g} after; refreshes of each size: {counts}."
    )


def stops(found: Result) -> str:
    """How many entries the file home holds before something runs out."""
    slopes = found["slopes"]
    reached = [
        *((f"first refresh takes {gb} GB of memory", entries(slopes["first_peak_mb"], gb * 1e3)) for gb in MEMORY_GB),
        *((f"refresh of a tenth takes {gb} GB of memory", entries(slopes["refresh_peak_mb"], gb * 1e3)) for gb in MEMORY_GB),
        ("refresh of a tenth takes an hour", entries(slopes["refresh_seconds"], HOUR)),
        ("sum over all rows takes a second", entries(slopes["one sum, now_ms"], 1e3)),
        ("the same as of an earlier refresh", entries(slopes["one sum, as of refresh 1_ms"], 1e3)),
        *((f"{FILES} files of the ledger fill {gb:,} GB of disk", entries(slopes["ledger_mb"], gb * 1e3 / FILES)) for gb in DISK_GB),
    ]  # fmt: skip
    lines = ["| what happens | at about so many entries |", "|---|---:|"]
    lines += [f"| {what} | {many} |" for what, many in reached]
    return "\n".join(lines) + "\n"


def entries(slope: Mapping[str, float], most: float) -> str:
    """Where a line reaches ``most``, to two digits; a dash where it does not rise or starts above it."""
    left = most - slope["without_any"]
    if slope["per_million"] <= 0 or left <= 0:
        return "–"
    millions = left / slope["per_million"]
    return f"{float(f'{millions:.2g}') * 1e6:,.0f}"


def readers(found: Result) -> str:
    """What a thousand readers ask of processors, by the processor time of a warm rerun."""
    pages: list[dict[str, Any]] = list(found["pages"].values())
    middle = statistics.median(page["cpu_p50_ms"] for page in pages)
    slowest = max(page["cpu_p50_ms"] for page in pages)
    a_second = READERS / SECONDS_A_PAGE
    lines = [
        f"| {found['entries']:,} entries | processor time of a rerun, ms | processors for {READERS:,} readers |",
        "|---|---:|---:|",
    ]
    for what, cost in (
        ("the middle one of the pages", middle),
        ("the slowest of the pages", slowest),
    ):
        lines.append(f"| {what} | {number(cost)} | {number(a_second * cost / 1e3)} |")
    return "\n".join(lines) + "\n"
