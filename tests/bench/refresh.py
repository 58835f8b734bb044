"""What a refresh of ForeignAssistance.gov's whole file costs, beside a bare scan of the same file.

    python -m tests.bench.refresh [ROWS]

Makes a file of so many rows (3,350,000: 3.75 GB) in the exact shape, and runs `hma refresh
foreignassistance_gov` in a process of its own: archive, read, check, record, publish, once with the
file at hand (--from) and once fetched from a server on loopback. Beside it, also each in a process of
its own: DuckDB's bare scan of the file with the same filter, all columns and the reader's, and the
refresh that follows when nothing has changed. Each is run in turn, ROUNDS times; the medians and
ratios go into the README.
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Final, NamedTuple

from etl.sources.foreignassistance_gov.read import TRANSACTIONS
from tests.bench.foreignassistance import ROWS, bare_scan, make
from tests.bench.measuring import environment
from tests.helpers import DATA
from tests.replay import File, serving
from tests.tools import readme

ROUNDS: Final = 5
SOURCE: Final = "foreignassistance_gov"
FILE: Final = "us_foreign_aid_complete.csv"
BUDGET: Final = "us_foreign_budget_complete.csv"
BUDGET_HEADER: Final = ",".join(
    (
        "Transaction Type ID", "Transaction Type Name", "Country ID", "Country Code", "Country Name",
        "Region ID", "Region Name", "Income Group ID", "Income Group Name", "Income Group Acronym",
        "Managing Sub-agency or Bureau ID", "Managing Sub-agency or Bureau Acronym",
        "Managing Sub-agency or Bureau Name", "Operating Unit", "Funding Agency ID",
        "Funding Agency Name", "Funding Agency Acronym", "Funding Account ID",
        "Funding Account Name", "International Category ID", "International Category Name",
        "International Sector Code", "International Sector Name", "International Purpose Code",
        "International Purpose Name", "US Category ID", "US Category Name", "US Sector ID",
        "US Sector Name", "OCO Flag", "Activity ID", "Activity Name", "Activity Description",
        "Fiscal Year", "current_amount", "constant_amount",
    )
)  # fmt: skip
RUN: Final = (
    "import resource, sys\n"
    "from etl.start import main\n"
    "try:\n    main()\n"
    "except SystemExit as end:\n"
    "    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)  # the reader is a child\n"
    "    peak = sum(resource.getrusage(one).ru_maxrss for one in both)\n"
    "    sys.stderr.write(f'peak {peak}\\n')\n"
    "    raise\n"
)


class Cost(NamedTuple):
    """Wall time and the most memory that a process held, and beside it the largest of its children."""

    seconds: float
    peak_bytes: int


def refresh(data: Path, base_url: str, *options: str) -> Cost:
    """`hma refresh` of the source in a fresh process, its modules compiled as they are once installed."""
    said = {f"HMA_SOURCES__{SOURCE.upper()}__BASE_URL": base_url}
    found = environment(
        HMA_DATA=str(data), HMA_CONFIG=str(data / "none.toml"), HMA_FETCH__ALLOW_LOOPBACK="true", **said
    )  # fmt: skip
    clock = perf_counter()
    ran = subprocess.run(
        [sys.executable, "-c", RUN, "refresh", SOURCE, *options], env=found, check=False,
        capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    seconds = perf_counter() - clock
    if ran.returncode:
        raise RuntimeError(f"hma refresh ended with {ran.returncode}: {ran.stdout}{ran.stderr}")
    peak = re.findall(r"^peak (\d+)$", ran.stderr, re.MULTILINE)[-1]
    return Cost(seconds, int(peak) * 1024)  # Linux counts kilobytes


def empty(folder: Path) -> Path:
    """A data folder without a ledger."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DATA / "reference", folder / "reference")
    return folder


def measure(rows: int, folder: Path) -> tuple[int, dict[str, list[Cost]]]:
    """The file's size, and what each piece of work cost in each round."""
    source = folder / FILE
    make(source, rows)
    same = [column.spellings[0] for column in TRANSACTIONS]
    costs: dict[str, list[Cost]] = {}

    def note(what: str, cost: Cost) -> None:
        costs.setdefault(what, []).append(cost)
        sys.stdout.write(f"{what}: {cost.seconds:.2f} s, {cost.peak_bytes / 1e6:,.0f} MB\n")
        sys.stdout.flush()

    with serving() as replay:
        replay.on(f"/{FILE}", File(source, last_modified="Wed, 02 Sep 2026 10:00:00 GMT"))
        replay.on(f"/{BUDGET}", File(f"{BUDGET_HEADER}\n".encode()))
        refresh(empty(folder / "data"), replay.url("/"))  # compiles the modules; not measured
        for _ in range(ROUNDS):
            for what, columns in (("all columns", []), ("the columns that are read", same)):
                scan = bare_scan(source, columns)
                note(f"bare scan, {what}", Cost(scan.seconds, scan.peak_bytes))
            data = empty(folder / "data")
            note("refresh of the file at hand", refresh(data, "", "--from", str(source)))
            data = empty(folder / "data")
            note("refresh, from the server to the published ledger", refresh(data, replay.url("/")))
            note("refresh, nothing changed", refresh(data, replay.url("/")))
    return source.stat().st_size, costs


def as_table(size_bytes: int, rows: int, costs: Mapping[str, list[Cost]]) -> str:
    """The README's table."""
    limit = statistics.median(cost.seconds for cost in costs["bare scan, all columns"])
    lines = [
        f"| {size_bytes / 1e9:.2f} GB, {rows:,} rows | seconds | peak memory, MB | to the bare scan |",
        "|---|---:|---:|---:|",
    ]
    for what, each in costs.items():
        seconds = statistics.median(cost.seconds for cost in each)
        peak = max(cost.peak_bytes for cost in each) / 1e6
        lines.append(f"| {what} | {seconds:.1f} | {peak:,.0f} | {seconds / limit:.2f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and write the README's table."""
    rows = int(sys.argv[1]) if sys.argv[1:] else ROWS
    with tempfile.TemporaryDirectory() as folder:
        size_bytes, costs = measure(rows, Path(folder))
    text = as_table(size_bytes, rows, costs)
    sys.stdout.write(text)
    readme.put("refresh", text)


if __name__ == "__main__":
    main()
