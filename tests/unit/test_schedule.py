"""Three simulated days of the scheduler, with faults; and what is due, by the rule of one source."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from etl import alerts
from etl.archive import UnreachableError
from etl.config import Config
from etl.diary import AtWorkError, Diary, SourceDiary, running
from etl.due import (
    Contact,
    Rhythm,
    contact,
    due,
    fires_after,
    level,
    next_due,
    pages_of,
    pause,
    rhythms,
)
from etl.guard import Hold
from etl.log import SourceOutcome
from etl.memory import Memory
from etl.refresh import Outcome
from etl.schedule import Clock, Stop, beats, keep_time, run_child
from etl.settings import Folders, StoreError
from etl.sources import FetchSpec, SourceSpec, all_sources
from etl.store import NoLedgerError
from etl.unattended import carry_out
from etl.watch import Sight

START = datetime(2026, 3, 2, tzinfo=UTC)
HOURLY, SIXTH, DAILY = "hdx", "ocha_fts", "worldbank"
HOUR = timedelta(hours=1)


def spec_of(source_id: str, **fetch: object) -> SourceSpec:
    rules = FetchSpec.model_validate(
        {"base_url": "https://data.example/", "hosts": ["data.example"], **fetch}
    )
    return all_sources()[source_id].model_copy(update={"fetch": rules})


def rhythm_of(spec: SourceSpec) -> Rhythm:
    (rhythm,) = rhythms(spec, Config())
    return rhythm


SPECS = (
    spec_of(HOURLY, cron="0 * * * *"),
    spec_of(SIXTH, cron="30 */6 * * *"),
    spec_of(DAILY, every_days=1),
)


class KilledError(BaseException):
    """Stands for kill -9: nothing in between may handle it."""


class OffError(BaseException):
    """The machine goes off."""


@dataclass
class World:
    """A machine with a clock of its own and publishers that fail when told to."""

    folders: Folders
    now: datetime = START
    end: datetime = START + timedelta(hours=72)
    offs: list[datetime] = field(default_factory=list)
    down: tuple[str, datetime, datetime] = ("", START, START)
    crash_after: datetime | None = None
    long_after: datetime | None = None
    contacts: list[tuple[str, datetime]] = field(default_factory=list)
    spans: list[tuple[datetime, datetime]] = field(default_factory=list)

    def wait(self, seconds: float) -> bool:
        self.now += timedelta(seconds=seconds)
        if self.offs and self.now >= self.offs[0]:
            raise OffError
        return self.now >= self.end

    def refresh(self, specs: list[SourceSpec]) -> Outcome:
        began = self.now
        self.now += timedelta(minutes=3)
        if self.crash_after and began >= self.crash_after:
            self.crash_after = None
            raise KilledError
        if self.long_after and began >= self.long_after:
            self.long_after = None
            self.now += 2.5 * HOUR
        found = []
        for spec in specs:
            name, since, until = self.down
            is_down = spec.source_id == name and since <= began < until
            stale = Hold("stale", "not fetched: 503", is_readable=False) if is_down else None
            found.append(SourceOutcome(spec.source_id, is_asked=True, stale=stale))
            if not is_down:
                self.contacts.append((spec.source_id, began))
        self.spans.append((began, self.now))
        return Outcome(found, None)

    def look(self, settings: Config) -> Callable[[], None]:
        def look() -> None:
            specs = due(self.folders, SPECS, settings, self.now)
            if specs:
                try:
                    carry_out(
                        self.folders, specs, settings, "due", lambda: self.refresh(specs),
                        lambda: self.now,
                    )  # fmt: skip
                except KilledError:  # the run is a process of its own
                    return

        return look

    def live(self, settings: Config) -> None:
        keep_time(
            Clock(lambda: self.now, self.wait), beats(settings, SPECS), self.look(settings),
            lambda: 41.0,
        )  # fmt: skip

    def of(self, source_id: str) -> list[datetime]:
        return [at for name, at in self.contacts if name == source_id]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(alerts, "_ways", lambda *_: {"test": lines.extend})
    return lines


def fires(cron: str, until: datetime) -> list[datetime]:
    found, at = list[datetime](), START
    while (at := fires_after(cron, at)) < until:
        found.append(at)
    return found


def test_72_hours_with_faults_every_due_run_happens_once_and_missed_ones_are_made_up_for_once(
    tmp_path: Path, told: list[str]
) -> None:
    settings = Config()
    world = World(Folders(tmp_path))
    off, on = START + 26 * HOUR, START + 35 * HOUR
    world.offs = [off]
    world.down = (SIXTH, START + 10 * HOUR, START + 15 * HOUR)
    world.long_after = START + 38.9 * HOUR
    world.crash_after = START + 52.9 * HOUR
    with pytest.raises(OffError):
        world.live(settings)
    world.offs, world.now = [], on
    world.live(settings)

    # never two at once, and every run that ended is in the diary once
    assert all(one[1] <= after[0] for one, after in pairwise(world.spans))
    runs = Diary.of(tmp_path / "state").runs
    assert Counter(run.end for run in runs) == {
        "nothing new": len(world.spans),
        "interrupted": 1,
    }

    # between two contacts there is a time at which the source was due: none was asked twice for one
    for source_id, cron in ((HOURLY, "0 * * * *"), (SIXTH, "30 */6 * * *"), (DAILY, "0 0 * * *")):
        times, asked = fires(cron, world.end), world.of(source_id)
        for one, after in pairwise(asked):
            assert any(one < at <= after for at in times), (source_id, one, after)
        # and after every such time it was asked, at the next beat, unless something stood against it
        for at in times[:-1]:
            first = min(one for one in asked if one >= at)
            late = first - at
            if off <= at < on:
                assert first - on < timedelta(minutes=5)
            elif source_id == SIXTH and world.down[1] <= at < world.down[2]:
                assert late < 5 * HOUR  # it failed at once, after 1 h and was asked again after 2 h
            elif START + 38.9 * HOUR < at < START + 42 * HOUR:
                assert late < 3 * HOUR  # the run before it took 2.5 hours
            elif START + 52.9 * HOUR < at < START + 54.2 * HOUR:
                assert late < 2.3 * HOUR  # the run was killed; an hour's pause
            else:
                assert late <= timedelta(minutes=8), (source_id, at, first)

    # 71 hours, of which 8 were slept through, 2 fell into the long run, and 1 into the pause after the kill
    assert len(world.of(HOURLY)) == 72 - 8 - 2 - 1
    assert len(world.of(SIXTH)) == 13  # with the first of all; none was lost
    assert len(world.of(DAILY)) == 3
    assert told == [
        f"{SIXTH}: stale: not fetched: 503",
        f"{SIXTH}: over (stale)",
        *[line for line in told if line.startswith("the refresh as a whole: interrupted: ")][:1],
        "the refresh as a whole: over (interrupted)",
    ]


def test_a_machine_that_slept_looks_once_when_it_wakes(tmp_path: Path) -> None:
    now, looked = START, list[datetime]()
    naps = iter([0.5, 9 * 3600.0])

    def wait(seconds: float) -> bool:
        nonlocal now
        now += timedelta(seconds=next(naps, seconds))
        return now > START + 10.5 * HOUR

    keep_time(Clock(lambda: now, wait), beats(Config(), ()), lambda: looked.append(now))
    # at the start, once for the nine beats slept through, and then at seven past as ever
    assert [f"{at:%H:%M}" for at in looked] == ["00:00", "09:00", "09:07", "10:07"]


# ---- the rule


DAYS = spec_of(DAILY, every_days=30)
CRON = spec_of(DAILY, cron="15 4 * * mon")


@pytest.mark.parametrize(
    ("spec", "known", "expected"),
    [
        (DAYS, Contact(None), None),
        (DAYS, Contact(START + 17 * HOUR), START + timedelta(days=30)),
        (DAYS, Contact(START, tried=START + HOUR, failures=1), START + 2 * HOUR),
        (DAYS, Contact(None, tried=START, failures=3), START + 4 * HOUR),
        (CRON, Contact(START), START + timedelta(hours=4, minutes=15)),  # 2 March 2026 is a Monday
        (CRON, Contact(START + 5 * HOUR), START + timedelta(days=7, hours=4, minutes=15)),
    ],
)
def test_a_source_is_due_a_rhythm_after_its_last_contact_and_a_pause_after_a_failure(
    spec: SourceSpec, known: Contact, expected: datetime | None
) -> None:
    assert next_due(rhythm_of(spec), known) == expected


def test_pauses_double_up_to_a_day() -> None:
    assert [pause(n) / HOUR for n in (1, 2, 3, 4, 5, 6, 999)] == [1, 2, 4, 8, 16, 24, 24]


def test_on_its_day_a_source_is_due_and_the_day_after_it_is_overdue() -> None:
    last = START.date()
    assert next_due(rhythm_of(DAYS), Contact(START)) == START + timedelta(days=30)
    assert level(last, 30, 120, date(2026, 4, 1)) == ("calm", "")
    assert level(last, 30, 120, date(2026, 4, 2))[0] == "amber"
    assert level(last, 30, 120, date(2026, 7, 1))[0] == "red"
    assert level(None, 30, 120, date(2026, 7, 1)) == ("calm", "")


def test_without_a_diary_the_day_that_fetching_remembers_counts(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    memory = Memory.of(folders.archive, DAILY)
    memory.last_good = "2026-03-02"
    memory.keep()
    assert due(folders, [DAYS], Config(), START + timedelta(days=29)) == []
    assert due(folders, [DAYS], Config(), START + timedelta(days=30)) == [DAYS]


def test_what_is_turned_off_or_expects_nothing_new_is_never_due(tmp_path: Path) -> None:
    off = Config.model_validate({"sources": {DAILY: {"enabled": False}}})
    frozen = DAYS.model_copy(update={"status": "frozen"})
    assert due(Folders(tmp_path), [DAYS], off, START) == []
    assert due(Folders(tmp_path), [frozen], Config(), START) == []


def test_the_watched_pages_of_a_transcribed_source_have_a_rhythm_of_their_own(
    tmp_path: Path, told: list[str]
) -> None:
    settings = Config.model_validate({"fetch": {"watch": True}})
    spec = all_sources()["state_tweis"]
    assert spec.watch
    folders, name = Folders(tmp_path), pages_of("state_tweis")
    assert due(folders, [spec], Config.model_validate({"fetch": {"watch": False}}), START) == []
    assert due(folders, [spec], settings, START) == [spec]

    def looked(state: str) -> Outcome:
        sight = Sight("editions", state, "503" if state == "stale" else None)
        return Outcome([SourceOutcome(spec.source_id, sights=[sight])], None)

    carry_out(folders, [spec], settings, "due", lambda: looked("stale"), lambda: START)
    assert due(folders, [spec], settings, START + 0.5 * HOUR) == []
    assert due(folders, [spec], settings, START + HOUR) == [spec]
    carry_out(folders, [spec], settings, "due", lambda: looked("seen"), lambda: START + HOUR)
    week = timedelta(days=spec.watch.every_days)
    assert due(folders, [spec], settings, START + week - HOUR) == []
    assert due(folders, [spec], settings, START + week) == [spec]
    assert told == [f"{name}: stale: editions: 503", f"{name}: over (stale)"]


def test_of_several_pages_the_one_that_was_had_longest_ago_counts(tmp_path: Path) -> None:
    for day in (2, 5):
        memory = Memory.of(tmp_path, f"page{day}")
        memory.last_good = f"2026-03-0{day}"
        memory.keep()
    both = Rhythm("pages", ("page5", "page2"), 7, 30)
    one_never = Rhythm("pages", ("page5", "page9"), 7, 30)
    assert contact(both, Diary(), tmp_path).had == START
    assert contact(one_never, Diary(), tmp_path).had is None


def test_weekdays_of_a_cron_expression_are_names() -> None:
    with pytest.raises(ValueError, match="cron"):
        spec_of(DAILY, cron="0 4 * * 1")


def test_what_a_killed_run_fetched_is_due_again_though_the_fetching_remembers_it(
    tmp_path: Path,
) -> None:
    folders = Folders(tmp_path)

    def killed() -> None:
        with running(folders.state, [DAILY], "due", lambda: START):
            memory = Memory.of(folders.archive, DAILY)
            memory.last_good = "2026-03-02"
            memory.keep()
            raise KilledError

    with pytest.raises(KilledError):
        killed()
    with running(folders.state, [], "due", lambda: START + HOUR) as entry:
        assert [run.sources for run in entry.interrupted] == [[DAILY]]
    assert due(folders, [DAYS], Config(), START + HOUR) == [DAYS]


def test_a_second_run_does_not_begin_while_one_is_under_way(tmp_path: Path) -> None:
    with running(tmp_path, [DAILY], "due"):
        script = (
            "import sys; from pathlib import Path; from etl.diary import running\n"
            f"with running(Path({str(tmp_path)!r}), [], 'due'): pass"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 1
    assert AtWorkError.__name__ in done.stderr.decode()


def test_a_run_that_fails_as_a_whole_is_told_and_its_sources_get_a_pause(
    tmp_path: Path, told: list[str]
) -> None:
    def full() -> Outcome:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        carry_out(Folders(tmp_path), [DAYS], Config(), "due", full, lambda: START)
    diary = Diary.of(tmp_path / "state")
    assert (diary.runs[0].end, diary.sources[DAILY].failures) == ("failed", 1)
    assert told == ["the refresh as a whole: failed: OSError: [Errno 28] No space left on device"]


@pytest.mark.parametrize("error", [UnreachableError, NoLedgerError, StoreError])
def test_a_home_out_of_reach_is_told_and_no_publisher_is_put_off_for_it(
    error: type[Exception], tmp_path: Path, told: list[str]
) -> None:
    def homeless() -> Outcome:
        raise error("it does not answer")

    folders = Folders(tmp_path)
    with pytest.raises(error):
        carry_out(folders, [DAYS], Config(), "due", homeless, lambda: START)
    assert due(folders, [DAYS], Config(), START) == [DAYS]
    assert Diary.of(folders.state).sources == {}
    assert told == [f"the refresh as a whole: failed: {error.__name__}: it does not answer"]


def test_a_diary_that_cannot_be_read_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "diary.json").write_text('{"sources": 1')
    assert Diary.of(tmp_path).runs == []
    with running(tmp_path, [DAILY], "due") as entry:
        entry.source(DAILY, SourceDiary(state="good", had_at=START))
    assert json.loads((tmp_path / "diary.json").read_text())["sources"][DAILY]["failures"] == 0


# ---- the process


def test_told_to_stop_a_run_may_end_by_itself_and_is_ended_after_its_grace(tmp_path: Path) -> None:
    stop = Stop()
    stop._event.set()
    short = [sys.executable, "-c", "import time; time.sleep(0.3)"]
    assert run_child(short, stop, 30) == 0
    assert run_child([sys.executable, "-c", "import time; time.sleep(60)"], stop, 0.2) == -15


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_hma_schedule_looks_and_ends_at_once_when_told(
    tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "hma.toml").write_text(
        "".join(f"[sources.{name}]\nenabled = false\n"
                for name, spec in all_sources().items() if spec.fetch)
    )  # fmt: skip
    environment = os.environ | {
        "HMA_DATA": str(tmp_path), "HMA_CONFIG": str(tmp_path / "hma.toml"), "HMA_LOG": "json",
    }  # fmt: skip
    events = []
    with subprocess.Popen(
        [sys.executable, "-c", "from etl.cli import main; main()", "schedule"],
        env=environment, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        for line in process.stderr or ():
            events.append(json.loads(line)["event"])
            if events[-1] == "looked":
                process.send_signal(number)
                began = time.monotonic()
        assert process.wait(10) == 0
    assert time.monotonic() - began < 5
    assert events == [
        "schedule begins",
        "nothing is due",
        "looked",
        "told to stop",
        "schedule ends",
    ]
