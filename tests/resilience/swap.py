"""Ledgers are swapped while many read: no error, no mixed read, no handle or memory left behind.

Refresh N writes "change N" into one entry. So within one lease these say the same number, or two
ledgers were mixed: the lease's name, the last refresh, the newest entry, and its text.
"""

from __future__ import annotations

import os
import threading
import time
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Final, NamedTuple

from etl.settings import Folders
from etl.store import Ledgers
from tests.resilience import lab

THREADS: Final = 8
READERS: Final = 3
PAUSE: Final = 0.03  # seconds; the publisher needs the processor, too
QUERIES: Final = (
    "SELECT max(refresh) FROM refreshes",
    "SELECT max(recorded_in) FROM program_events",
    "SELECT max(regexp_extract(summary, '^change ([0-9]+)$', 1)::INT) FROM program_events"
    " WHERE summary LIKE 'change %'",
)


class Use(NamedTuple):
    """Open file handles and memory of a process at one moment."""

    handles: int
    megabytes: float


def use() -> Use:
    """What this process uses now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    handles = len(list(Path("/proc/self/fd").iterdir()))
    return Use(handles, pages * os.sysconf("SC_PAGE_SIZE") / 2**20)


def read_on(pipe: Connection, data: Path, threads: int, stop: Event) -> None:
    """Read with ``threads`` until told to stop; sends reads, errors, and use over time."""
    ledgers = Ledgers(Folders(data).ledger)
    reads = [0] * threads
    ledgers_seen: set[str] = set()
    errors: list[str] = []

    def reader(number: int) -> None:
        while not stop.is_set():
            try:
                with ledgers.lease() as lease:
                    answers = [int(lease.ledger.split("-")[1])]
                    for query in QUERIES:
                        answers += lease.con.execute(query).fetchall()[0]
                        time.sleep(PAUSE)  # room for a swap between two queries
                    ledgers_seen.add(lease.ledger)
                if len(set(answers)) != 1:
                    errors.append(f"mixed read: {lease.ledger} gave {answers}")
            except Exception as error:  # whatever a reader meets is a finding
                errors.append(f"{type(error).__name__}: {error}")
            reads[number] += 1

    running = [threading.Thread(target=reader, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    uses = []
    while not stop.wait(0.25):
        uses.append(use())
    for thread in running:
        thread.join()
    pipe.send((sum(reads), errors, uses, len(ledgers_seen)))


def publish_on(pipe: Connection, data: Path, first: int, count: int) -> None:
    """Publish ``count`` refreshes one after the other; sends errors and use over time."""
    folders, uses, errors = Folders(data), [], []
    for number in range(first, first + count):
        try:
            lab.change(folders, f"change {number}")
            if not lab.refresh_small(folders).published:
                errors.append(f"refresh {number} published nothing")
        except Exception as error:  # whatever it is, it is a finding
            errors.append(f"refresh {number}: {type(error).__name__}: {error}")
        uses.append(use())
    pipe.send((errors, uses))


def growth(uses: list[Use]) -> dict[str, Any]:
    """Use after a fifth of the time and at the end: the median of a tenth of the samples each."""
    tenth = max(1, len(uses) // 10)
    fifth = len(uses) // 5

    def median(some: list[Use], of: int) -> float:
        return sorted(each[of] for each in some)[len(some) // 2]

    early, late = uses[fifth : fifth + tenth], uses[-tenth:]
    return {
        "handles": [int(median(early, 0)), int(median(late, 0))],
        "megabytes": [round(median(early, 1)), round(median(late, 1))],
    }


def run(folder: Path, refreshes: int, threads: int = THREADS, readers: int = READERS) -> lab.Result:
    """Publish ``refreshes`` times under the load of one process with threads and some without."""
    result = lab.Result()
    folders = lab.small_data(folder)
    lab.change(folders, "change 1")
    lab.refresh_small(folders)
    stop = lab.processes.Event()
    running = []
    for count in (threads, *[1] * readers):
        ours, theirs = lab.processes.Pipe(duplex=False)
        process = lab.processes.Process(target=read_on, args=(theirs, folder, count, stop))
        process.start()
        theirs.close()
        running.append((ours, process))
    code, sent = lab.in_child(publish_on, folder, 2, refreshes)
    stop.set()
    answers = []
    for ours, process in running:
        answers.append(ours.recv())
        process.join()
    errors, uses = sent if sent else ([f"the publisher died with {code}"], [Use(0, 0)])
    for reads, errors_read, _, _ in answers:
        result.tried += reads
        errors += errors_read
    result.failures += sorted(set(errors))
    result.figures = {
        "refreshes": refreshes,
        "reads": result.tried,
        "ledgers seen by the threads": answers[0][3],
        "publisher, at a fifth and at the end": growth(uses),
        "reader with threads, at a fifth and at the end": growth(answers[0][2]),
    }
    for who in ("publisher", "reader with threads"):
        early, late = result.figures[f"{who}, at a fifth and at the end"]["handles"]
        if late > early + 2:
            result.failures.append(f"the {who} holds {late} handles at the end, {early} at a fifth")
    return result
