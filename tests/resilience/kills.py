"""Kill a refresh before, in the middle of and after its calls: every stage, as many as asked for."""

from __future__ import annotations

import random
import signal
from collections import Counter, defaultdict
from pathlib import Path
from typing import Final, NamedTuple

from etl.settings import Folders
from tests.resilience import children, lab
from tests.resilience.traps import DIVISIBLE, Aim, Call

STAGES: Final = (
    "start", "archive", "read", "check", "record", "views", "checkpoint", "manifest", "rename",
    "CURRENT", "prune",
)  # fmt: skip


class Point(NamedTuple):
    """One moment to kill at."""

    call: Call
    aim: Aim

    def __str__(self) -> str:
        return f"{self.aim.when} {self.call} (call {self.aim.call})"


def points(calls: list[Call], count: int, only: str | None = None, seed: int = 1) -> list[Point]:
    """``count`` moments, from all stages in turn so that short ones are not left out, or of one."""
    stages = defaultdict(list)
    for index, call in enumerate(calls):
        if only not in {None, call.stage}:
            continue
        moments = ("before", "middle", "after") if call.name in DIVISIBLE else ("before", "after")
        for when in moments:
            aim = Aim(index, when, seconds=call.seconds / 2)
            stages[call.stage].append(Point(call, aim))
    for moments_of_stage in stages.values():
        random.Random(seed).shuffle(moments_of_stage)  # noqa: S311 - a sample, not a secret
    chosen: list[Point] = []
    while len(chosen) < count and any(stages.values()):
        chosen += [left.pop() for left in stages.values() if left]
    return sorted(chosen[:count], key=lambda point: point.aim.call)


def calls_of(folders: Folders, scratch: Path) -> list[Call]:
    """The calls of a refresh that nothing disturbs."""
    code, calls = lab.in_child(children.refresh_trapped, lab.copy(folders, scratch).data, None)
    assert code == 0, "the refresh fails even undisturbed"
    assert isinstance(calls, list)
    return calls


def kill_at(folders: Folders, point: Point) -> list[str]:
    """Kill the next refresh at one moment; what does not hold afterwards."""
    before = lab.state(folders)
    code, _ = lab.in_child(children.refresh_trapped, folders.data, point.aim)
    if code != -signal.SIGKILL:
        return [f"not killed: the refresh ended with {code}"]
    return lab.broken_promises(folders, before)


def run(folders: Folders, scratch: Path, count: int) -> lab.Result:
    """``count`` kills, each in a fresh copy of ``folders``."""
    result = lab.Result()
    by_stage: Counter[str] = Counter()
    for point in points(calls_of(folders, scratch), count):
        result.add(str(point), kill_at(lab.copy(folders, scratch), point))
        by_stage[point.call.stage] += 1
    result.figures["kills by stage"] = dict(by_stage)
    return result
