"""What a ledger costs by its size: time, memory and disk of a refresh at several sizes, and the slopes.

A ledger of so many entries, in ten sources of equal size, is recorded by a first refresh. Each refresh that
follows reads one source again, in which one entry in a hundred has another amount: what a scheduled run does. Every
refresh is a process of its own and takes the steps of :func:`etl.refresh.refresh` from the copy of the ledger in
use to the new CURRENT, each timed; reading a publisher's file is not among them (``tests/bench/loading.py`` has
that). Then two questions are asked of the ledger, as it is and as of the first refresh.

The slopes are those of the straight line through the smallest and the largest size: what a million entries more
cost, and what there is without any.
"""

from __future__ import annotations

import shutil
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import duckdb

from etl import log, manifest, record
from etl.areas import load_areas
from etl.implementers import load_implementers
from etl.manifest import Manifest
from etl.publish import build_views, building, keep_histories, prune, publish, writer
from etl.registers import every_source
from etl.settings import Folders
from etl.store import Ledgers, current_path
from tests.bench.entries import TABLE, checked, frame
from tests.bench.measuring import Cost, Result, apart, clock, number, same
from tests.helpers import DATA

# 20 refreshes each: the first, and revisions. 100 million entries need about 100 GB of disk and a day: by hand.
FULL: Final[dict[str, Any]] = {"sizes": [1_000_000, 10_000_000], "revisions": 19}
SMALL: Final[dict[str, Any]] = {"sizes": [2_000, 6_000], "revisions": 1}
SOURCES: Final = 10
REVISED: Final = 10  # in 1,000; where a source comes a second time, its first changes go back, too
ROUNDS: Final = 5
BILLION: Final = 1_000_000_000
TITLES: Final = {
    "ledger_mb": "ledger, MB",
    "first_seconds": "first refresh, s",
    "first_peak_mb": "its most memory, MB",
    "refresh_seconds": "refresh of one source in ten, s",
    "refresh_cpu_seconds": "of it processor time, s",
    "refresh_peak_mb": "its most memory, MB",
    "copy_seconds": "its steps: copy the ledger, s",
    "record_seconds": "compare and record, s",
    "lay_out_seconds": "lay out in reading order, s",
    "views_seconds": "views and their histories, s",
    "commit_seconds": "commit, s",
    "hash_seconds": "hash the tables for the manifest, s",
    "publish_seconds": "write, hash the file, name it, s",
    "one sum, now_ms": "one sum over all rows, ms",
    "one sum, as of refresh 1_ms": "the same as of the first refresh, ms",
    "one area, now_ms": "one area's sums, ms",
    "one area, as of refresh 1_ms": "the same as of the first refresh, ms",
}
QUESTIONS: Final = {
    "one sum": "SELECT year, sum(amount_usd), count(*) FROM funding GROUP BY year",
    "one area": "SELECT year, sum(amount_usd) FROM funding WHERE area = 'KHM' GROUP BY year",
}


def measure(folder: Path, sizes: list[int], revisions: int) -> Result:
    """Each size's costs, and the slopes between the smallest and the largest."""
    found = [_one_size(folder / str(entries), entries, revisions) for entries in sizes]
    small, large = found[0], found[-1]
    return {
        "sizes": found,
        "slopes": {
            what: line(small["entries"], small[what], large["entries"], large[what])
            for what in small
            if what != "entries" and isinstance(small[what], float)
        },
        "ratios": [],
    }


def as_tables(found: Result) -> str:
    """What was measured, by size, and where the straight lines lead, a dash where one does not rise: Markdown."""
    sizes, slopes = found["sizes"], found["slopes"]
    heads = [f"{one['entries']:,} entries" for one in sizes]
    lines = [
        f"| what | {' | '.join(heads)} | a million more | on the line, {BILLION:,} |",
        f"|---|{'---:|' * (len(sizes) + 2)}",
    ]
    for what, title in TITLES.items():
        cells = [number(one[what]) for one in sizes]
        slope = slopes[what]["per_million"]
        on_line = slopes[what]["without_any"] + slope * BILLION / 1e6
        cells += [number(slope), number(on_line)] if slope > 0 else ["–", "–"]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def line(first: int, cost: float, second: int, other: float) -> dict[str, float]:
    """What a million entries more cost, and what there is without any."""
    slope = (other - cost) / (second - first) * 1e6
    return {"per_million": slope, "without_any": cost - slope * first / 1e6}


def _one_size(where: Path, entries: int, revisions: int) -> Result:
    data = where / "data"
    for name in ("transcribed", "reference"):
        shutil.copytree(DATA / name, data / name)
    each = [
        apart("tests.bench.growth:refresh", data, number, entries) for number in range(1, revisions + 2)
    ]  # fmt: skip
    later = each[1:]
    asked = apart("tests.bench.growth:ask", data)
    revised = sum(cost.found["changes"].get("revised", 0) for cost in later)
    same("entries in use", asked=asked.found["rows"], made=entries)
    same("revisions kept", asked=asked.found["revisions"], made=entries + revised)
    if not revised:
        raise AssertionError("no refresh revised anything: there are too few entries")
    ledger = current_path(data / "ledger").stat().st_size
    steps = {
        step: statistics.median(cost.found["steps"][step] for cost in later)
        for step in later[0].found["steps"]
    }
    shutil.rmtree(where)
    return {
        "entries": entries,
        "refreshes": len(each),
        "revised": revised,
        "ledger_mb": ledger / 1e6,
        "first_seconds": each[0].seconds,
        "first_cpu_seconds": each[0].cpu_seconds,
        "first_peak_mb": each[0].peak_bytes / 1e6,
        "refresh_seconds": statistics.median(cost.seconds for cost in later),
        "refresh_cpu_seconds": statistics.median(cost.cpu_seconds for cost in later),
        "refresh_peak_mb": max(cost.peak_bytes for cost in later) / 1e6,
        **{f"{step}_seconds": seconds for step, seconds in steps.items()},
        **{
            f"{name}_ms": milliseconds for name, milliseconds in asked.found["milliseconds"].items()
        },
        "ask_peak_mb": asked.peak_bytes / 1e6,
        "of_revised_bytes": ledger / (entries + revised),
    }


class _Steps:
    """How long each step took."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = perf_counter()
        yield
        self.seconds[name] += perf_counter() - started


def refresh(where: str, number: int, entries: int) -> Cost:
    """One refresh: of all sources if it is the first, or else of the next one, revised."""
    folders = Folders(Path(where))
    each = entries // SOURCES
    sources = range(SOURCES) if number == 1 else [number % SOURCES]
    edition = (number, REVISED) if number > 1 else (1, 0)
    # of a first load, one source at a time, since no run holds ten vintages at once
    ready = None if number == 1 else checked(frame(_name(sources[0]), 0, each, *edition))
    steps, started = _Steps(), perf_counter()
    with clock() as cost, writer(folders.ledger), building(folders.ledger) as (built, _, con):
        steps.seconds["copy"] = perf_counter() - started
        record.create_tables(con)
        con.execute("BEGIN")
        changes: Counter[str] = Counter()
        for source in sources:
            offered = ready or checked(frame(_name(source), 0, each))
            with steps.step("record"):
                changes += record.record(con, number, record.compare(con, _name(source), offered))
        _finish(con, folders, built, number, changes, steps)
    prune(folders.ledger, 1)
    cost.found = {"changes": dict(changes), "steps": dict(steps.seconds)}
    return cost


def _finish(
    con: duckdb.DuckDBPyConnection,
    folders: Folders,
    built: Path,
    number: int,
    changes: Counter[str],
    steps: _Steps,
) -> None:
    """From what is recorded to the new CURRENT, as a refresh does it."""
    began = datetime.now(UTC)
    with steps.step("lay_out"):
        log.replace_reference(
            con, load_areas(folders.reference), load_implementers(folders.reference), every_source(folders)
        )  # fmt: skip
        record.lay_out(con, {TABLE})
    with steps.step("views"):
        build_views(con)
        keep_histories(con, number)
        log.refresh(con, number, began, "bench", None, changes)
    with steps.step("commit"):
        con.execute("COMMIT")
    with steps.step("hash"):
        tables = manifest.hash_tables(con, number)

    def describe(sha256: str, size: int | None) -> Manifest:
        return Manifest(
            refresh=number, started_at=began.isoformat(), finished_at=began.isoformat(), code_version="bench",
            changes=dict(changes), vintages=[], tables=tables, parent=None, parent_content_sha256=None,
            ledger_sha256=sha256, ledger_size_bytes=size,
        )  # fmt: skip

    with steps.step("publish"):
        publish(folders, built, con, describe)


def ask(where: str) -> Cost:
    """What is in the ledger, and how long questions about now and about the first refresh take."""
    ledgers = Ledgers(Path(where) / "ledger")
    milliseconds = {}
    with clock() as cost, ledgers.lease() as now, ledgers.lease("1") as then:
        for name, question in QUESTIONS.items():
            for when, lease in (("now", now), ("as of refresh 1", then)):
                times = []
                for _ in range(ROUNDS):
                    started = perf_counter()
                    lease.con.execute(question).fetchall()
                    times.append(perf_counter() - started)
                milliseconds[f"{name}, {when}"] = statistics.median(times) * 1000
        rows = now.con.execute(f"SELECT count(*) FROM {TABLE}").fetchone()
        revisions = now.con.execute(f"SELECT count(*) FROM history.{TABLE}").fetchone()
    ledgers.close()
    cost.found = {
        "rows": (rows or (0,))[0], "revisions": (revisions or (0,))[0], "milliseconds": milliseconds,
    }  # fmt: skip
    return cost


def _name(source: int) -> str:
    return f"bench_{source}"
