"""What every measurement here shares: a clock, a process of its own, ratios, and the table of them all.

Only what Python brings is imported, so that the peers, which have a virtual environment of their own,
measure themselves by the same clock.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final

REPOSITORY: Final = Path(__file__).resolve().parents[2]
Result = dict[str, Any]


@dataclass
class Cost:
    """What a piece of work took: wall and processor seconds, and the most memory held while it ran, in bytes."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    found: Result = field(default_factory=dict)  # what it came to, for whoever compares


class DifferentError(AssertionError):
    """Two that were to do the same work did not, so their times say nothing."""


@contextmanager
def clock() -> Iterator[Cost]:
    """Time the block; memory counts from its beginning, where Linux lets a process forget its peak."""
    cost = Cost()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    started, used = perf_counter(), process_time()
    yield cost
    cost.seconds, cost.cpu_seconds = perf_counter() - started, process_time() - used
    cost.peak_bytes = memory(os.getpid(), "VmHWM")


def memory(pid: int, what: str = "VmRSS") -> int:
    """The bytes of memory that a process holds, or with ``VmHWM`` the most that it has held."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(f"process {pid} has ended")


def environment(**more: str) -> dict[str, str]:
    """What a measured process finds: modules compiled once and kept, as where the command is installed."""
    said = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    compiled = Path(tempfile.gettempdir()) / "hma-bench-bytecode"
    return {**said, "PYTHONPATH": str(REPOSITORY), "PYTHONPYCACHEPREFIX": str(compiled), **more}


def apart(function: str, *arguments: object, python: str | Path = sys.executable) -> Cost:
    """Call ``module:function`` in a fresh process; it returns a :class:`Cost`.

    Raises:
        RuntimeError: it failed; with all that it said.
    """
    run = subprocess.run(
        [str(python), "-m", "tests.bench.measuring", function, json.dumps(arguments, default=str)],
        env=environment(), cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if run.returncode:
        raise RuntimeError(f"{function} ended with {run.returncode}: {run.stdout}{run.stderr}")
    return Cost(**json.loads(run.stdout.splitlines()[-1]))


def same(what: str, **each: object) -> None:
    """Refuse to compare those that came to different things.

    Raises:
        DifferentError: they did; the message says what each came to.
    """
    if len({json.dumps(value, sort_keys=True, default=str) for value in each.values()}) > 1:
        raise DifferentError(f"{what} differ: {each}")


# ---- ratios


@dataclass(frozen=True)
class Ratio:
    """One figure of ours against a limit (no better is possible) or a peer, from one run.

    ``ratio`` is ours to the other's, or with ``is_faster`` how many times the other's ours is better. ``most``
    and ``least`` are what is aimed at.
    """

    work: str
    unit: str
    ours: float
    against: str
    other: float
    is_faster: bool = False
    is_rate: bool = False  # more is better, as with MB/s
    most: float | None = None
    least: float | None = None

    @property
    def ratio(self) -> float:
        """See the class."""
        return (
            self.other / self.ours
            if self.is_faster and not self.is_rate
            else self.ours / self.other
        )

    @property
    def is_met(self) -> bool | None:
        """Whether it is as aimed at; None where nothing is."""
        if self.most is None and self.least is None:
            return None
        return (self.most is None or self.ratio <= self.most) and (
            self.least is None or self.ratio >= self.least
        )

    def as_json(self) -> Result:
        """Its fields and what follows from them."""
        return {**asdict(self), "ratio": self.ratio, "is_met": self.is_met}


def as_table(parts: Mapping[str, Result]) -> str:
    """All ratios as Markdown, one a line, with how busy the machine was."""
    lines = [
        "| work | measured | against | there | ratio | aimed at | load |",
        "|---|---:|---|---:|---:|---:|---:|",
    ]
    for part in parts.values():
        load = max(part["load_before"], part["load_after"])
        lines += [f"| {' | '.join(_cells(said))} | {load:.1f} |" for said in part["ratios"]]
    return "\n".join(lines) + "\n"


def _cells(said: Mapping[str, Any]) -> Iterable[str]:
    yield said["work"]
    yield f"{number(said['ours'])} {said['unit']}"
    yield said["against"]
    yield f"{number(said['other'])} {said['unit']}"
    yield f"{number(said['ratio'])} ×"
    aim = f"≤ {said['most']:g}" if said["most"] is not None else ""
    aim = f"≥ {said['least']:g}" if said["least"] is not None else aim
    yield aim if said["is_met"] is not False else f"{aim}, not met"


def number(value: float) -> str:
    """Three digits that count, and thousands separated."""
    if value == 0:
        return "0"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3
    return f"{value:,.{digits}f}"


# ---- where and when


def machine() -> Result:
    """What the figures were taken on."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processors": os.cpu_count(),
        "memory_gb": round(pages / 1e9, 1),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def load() -> float:
    """How many processes wanted the processor during the last minute."""
    return round(os.getloadavg()[0], 2)


def main(arguments: Sequence[str]) -> None:
    """Be a process of its own: call the function that is named and print its cost."""
    module, _, name = arguments[0].partition(":")
    cost = getattr(importlib.import_module(module), name)(*json.loads(arguments[1]))
    sys.stdout.write(f"{json.dumps(asdict(cost), default=str)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
