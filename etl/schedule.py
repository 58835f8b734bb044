"""The scheduler for places that have none, such as a container: it looks for what is due, and rests.

It decides nothing: at every beat it starts ``hma refresh --due``, as a timer of systemd or a line in a
crontab would, in a process of its own, so that no fault of a run is one of the scheduler. The beats come
from APScheduler's triggers. Its scheduler isn't used: it reads the machine's clock itself and runs jobs in
threads, where a loop that waits for its one run cannot overlap with itself. Beats that pass during a run or
while the machine sleeps are one beat, at once. What was missed is made up for by the rule of what is due
(:mod:`etl.due`), not by counting beats.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType
from typing import Final

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

from etl.config import Config
from etl.due import rhythms
from etl.logs import logger
from etl.sources import SourceSpec

REFRESH_DUE: Final = (
    sys.executable, "-c", "from etl.cli import main; main()", "refresh", "--due",
)  # fmt: skip
LONGEST_NAP: Final = (
    30.0  # the clock is looked at so often: a machine that slept wakes into a new hour
)
POLL_SECONDS: Final = 0.2

_LOG: Final = logger("hma.schedule")


@dataclass(frozen=True)
class Clock:
    """The time, and how to let it pass; tests put their own in its place."""

    now: Callable[[], datetime]
    wait: Callable[[float], bool]  # so many seconds, or until told to stop; whether it was told


def beats(settings: Config, sources: Iterable[SourceSpec]) -> BaseTrigger:
    """The times at which to look: the schedule's own, and those of the sources that name theirs."""
    crons = {settings.schedule.cron}
    crons |= {rhythm.cron for spec in sources for rhythm in rhythms(spec, settings) if rhythm.cron}
    # one expression is one trigger; jitter comes on top, and never brings a beat forward
    return OrTrigger([CronTrigger.from_crontab(cron, UTC) for cron in sorted(crons)])


def keep_time(
    clock: Clock,
    trigger: BaseTrigger,
    look: Callable[[], None],
    put_off: Callable[[], float] = lambda: 0.0,
) -> None:
    """Look at once, and then at every beat, until told to stop.

    ``put_off`` gives the seconds that a beat is late on purpose.
    """
    while True:
        look()
        now = clock.now()
        beat: datetime | None = trigger.get_next_fire_time(now, now)  # the first after now
        if beat is None:
            return
        at = beat.timestamp() + put_off()
        while (left := at - clock.now().timestamp()) > 0:
            if clock.wait(min(left, LONGEST_NAP)):
                return
        if clock.wait(0):
            return


class Stop:
    """The order to stop; set by SIGTERM or Ctrl-C. The process may be the first of a container."""

    def __init__(self) -> None:
        """Nobody has ordered it yet."""
        self._event = threading.Event()

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until it is ordered; whether it was."""
        return self._event.wait(seconds)

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Take the signals for an order until the block ends."""
        before = {
            number: signal.signal(number, self._hear) for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        _LOG.info("told to stop", signal=signal.Signals(number).name)
        self._event.set()


def run_child(command: Sequence[str], stop: Stop, grace_seconds: float) -> int:
    """Run a command to its end and give its exit code, less than 0 if a signal ended it.

    Once the order to stop has come it has so many seconds left. Ending it then loses nothing: the ledger
    stays the last one published, and what was fetched is not fetched again.
    """
    with subprocess.Popen(command, start_new_session=True) as child:  # noqa: S603 - our own command
        while child.poll() is None:
            if stop.wait(POLL_SECONDS):
                _end(child, grace_seconds)
        code = child.returncode
    _bury()
    return int(code)


def _end(child: subprocess.Popen[bytes], grace_seconds: float) -> None:
    try:
        child.wait(grace_seconds)
    except subprocess.TimeoutExpired:
        _LOG.warning("the run is ended", after_seconds=grace_seconds)
        child.terminate()
        try:
            child.wait(POLL_SECONDS * 50)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _bury() -> None:
    """Take leave of processes that lost their parent, if it is this one that inherits them."""
    if os.getpid() != 1:
        return
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def looking(
    stop: Stop, grace_seconds: float, command: Sequence[str] = REFRESH_DUE
) -> Callable[[], None]:
    """What is done at a beat: one run of the command, and a line in the log about its end."""

    def look() -> None:
        code = run_child(command, stop, grace_seconds)
        said = _LOG.info if code in {0, 3} else _LOG.warning
        said("looked", exit_code=code)

    return look


def now() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


def machine_clock(stop: Stop) -> Clock:
    """The clock of this machine."""
    return Clock(now, stop.wait)
