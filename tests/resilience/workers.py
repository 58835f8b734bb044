"""Several workers record different sources in one lake at once, and some are killed.

Worker N changes an entry of its own source, refreshes, and says "<source> change M" in it. Whatever is
killed: what a worker was told is published stays; every ledger that a reader sees holds of each source one
whole state; at the end all that was published stands in the history once, and verification finds nothing.

``python -m tests.resilience.workers`` runs four workers with 25 refreshes each and 30 kills, and writes
what it found as JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from etl.settings import Folders, Lake
from etl.sources import all_sources
from etl.store import Ledgers, home
from etl.verify import verify
from tests import lakes
from tests.helpers import DATA, ask, rewrite, run
from tests.resilience import children, lab
from tests.resilience.lakes import orphans

# a source, its file, and a column of text that belongs to no key
WORKERS: Final = {
    "program_events": ("us_funding/program_events.csv", "summary", "program_events"),
    "dod_hma": ("us_funding/dod_hma.csv", "note", "funding"),
    "us_official_statements": ("us_funding/us_cwd_totals.csv", "note", "funding"),
    "treaties": ("world/treaty_status.csv", "note", "treaty_status"),
}


def text(source_id: str, number: int) -> str:
    """What the entry of a source says after its refresh ``number``."""
    return f"{source_id} change {number}"


def change(folders: Folders, source_id: str, number: int) -> None:
    """Let the next refresh of a source revise one entry."""
    file, column, _ = WORKERS[source_id]
    rewrite(folders, file, lambda rows: [rows[0] | {column: text(source_id, number)}, *rows[1:]])


def newest(folders: Folders, source_id: str) -> int:
    """The last change of a source that readers see; 0 without any."""
    _, column, table = WORKERS[source_id]
    query = (
        f"SELECT coalesce(max(TRY_CAST(regexp_extract({column}, ' change ([0-9]+)$', 1) AS INTEGER)), 0) "
        f"FROM {table} WHERE source_id = ? AND starts_with({column}, source_id || ' change ')"
    )
    return int(ask(folders, query, source_id)[0][0])


def prepare(to: Path, lake: Lake, sources: tuple[str, ...]) -> Folders:
    """The data of the workers' sources, and their first ledger."""
    folders = Folders(to, lake)
    shutil.copytree(DATA / "reference", to / "reference")
    for source_id in sources:
        for file in all_sources()[source_id].files:
            (to / "transcribed" / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(DATA / "transcribed" / file, to / "transcribed" / file)
    assert not run(folders, *sources).failed
    return folders


def watch(folders: Folders, sources: tuple[str, ...], stop: threading.Event) -> list[str]:
    """Read until told to stop; what was not as it should be, and ``reads``."""
    wrong: list[str] = []
    ledgers = Ledgers(home(folders))
    before: dict[str, int] = {}
    last = ""
    while not stop.is_set():
        with ledgers.lease() as lease:
            (number,) = lease.con.execute("SELECT max(refresh) FROM refreshes").fetchall()[0]
            if int(lease.ledger.split("-")[1]) != number:
                wrong.append(f"mixed: {lease.ledger} says {number}")
            if lease.ledger < last:
                wrong.append(f"went back from {last} to {lease.ledger}")
            last = lease.ledger
            for source_id in sources:
                _, column, table = WORKERS[source_id]
                found = lease.con.execute(
                    f"SELECT max(TRY_CAST(regexp_extract({column}, ' change ([0-9]+)$', 1) AS INTEGER)) FROM {table} "
                    f"WHERE source_id = ? AND starts_with({column}, source_id || ' change ')",
                    [source_id],
                ).fetchall()[0][0]
                if (found or 0) < before.get(source_id, 0):
                    wrong.append(f"{source_id} went back to {found}")
                before[source_id] = found or 0
        time.sleep(0.05)
    ledgers.close()
    return wrong


def work(
    folders: Folders,
    source_id: str,
    refreshes: int,
    kills: dict[int, float],
    result: dict[str, Any],
) -> None:
    """One worker: refresh after refresh in processes of their own, killed after so many seconds where said."""
    for number in range(1, refreshes + 1):
        change(folders, source_id, number)
        while True:
            ours, theirs = lab.processes.Pipe(duplex=False)
            child = lab.processes.Process(
                target=children.refresh_of, args=(theirs, folders, (source_id,), None)
            )
            child.start()
            theirs.close()
            if number in kills:
                child.join(kills.pop(number))
                if child.exitcode is None:
                    child.kill()
            child.join()
            code = child.exitcode
            ours.close()
            if code == 0:
                break
            if code != -signal.SIGKILL:
                result["errors"].append(f"{source_id} refresh {number} ended with {code}")
                return
            result["killed"] += 1
        if newest(folders, source_id) != number:
            result["errors"].append(f"{source_id}: change {number} was published and is not there")


def experiment(
    folder: Path, lake: Lake, sources: tuple[str, ...], refreshes: int, kills: int, seed: int = 1
) -> lab.Result:
    """Run the workers at once; a reader watches."""
    folders = prepare(folder, lake, sources)
    chance = random.Random(seed)  # noqa: S311 - a sample, not a secret
    outcome: dict[str, Any] = {"errors": [], "killed": 0}
    stop = threading.Event()
    watched: list[str] = []

    def look() -> None:
        try:
            watched.extend(watch(folders, sources, stop))
        except Exception as error:  # whatever a reader meets is a finding
            watched.append(f"reader: {type(error).__name__}: {error}")

    reader = threading.Thread(target=look)
    reader.start()
    started = perf_counter()
    threads = []
    for place, source_id in enumerate(sources):
        share = kills // len(sources) + (place < kills % len(sources))
        struck = chance.sample(range(1, refreshes + 1), min(share, refreshes))
        delays = {number: chance.uniform(0.2, 6.0) for number in struck}
        threads.append(
            threading.Thread(target=work, args=(folders, source_id, refreshes, delays, outcome))
        )
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = perf_counter() - started
    stop.set()
    reader.join()
    result = lab.Result(tried=len(sources) * refreshes, failures=[*outcome["errors"], *watched])
    result.failures += lost(folders, sources, refreshes)
    with_change = run(folders, *sources)  # a run alone sweeps
    assert not with_change.failed
    result.failures += [f"orphan: {name}" for name in orphans(folders.lake)] if folders.lake else []
    result.failures += [str(difference) for difference in verify(folders).differences]
    result.figures = {
        "workers": len(sources), "refreshes each": refreshes, "killed": outcome["killed"],
        "ledgers": ask(folders, "SELECT max(refresh) FROM refreshes")[0][0],
        "seconds": round(seconds, 1),
    }  # fmt: skip
    return result


def lost(folders: Folders, sources: tuple[str, ...], refreshes: int) -> list[str]:
    """Changes that the history does not hold exactly once."""
    wrong = []
    for source_id in sources:
        _, column, table = WORKERS[source_id]
        rows = ask(
            folders,
            f"SELECT TRY_CAST(regexp_extract({column}, ' change ([0-9]+)$', 1) AS INTEGER) FROM history.{table} "
            f"WHERE source_id = ? AND starts_with({column}, source_id || ' change ')",
            source_id,
        )
        counts = Counter(number for (number,) in rows)
        wrong += [
            f"{source_id} change {number} is there {counts[number]} times"
            for number in range(1, refreshes + 1)
            if counts[number] != 1
        ]
    return wrong


def main() -> None:
    """Run it in full and write the result; exit code 1 if anything did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--refreshes", type=int, default=25)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "lake_results.json")
    chosen = parser.parse_args()
    with lakes.serving() as server, tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        result = experiment(
            data, server.lake(data / "lake"), tuple(WORKERS), chosen.refreshes, chosen.kills
        )
    said = {"tried": result.tried, "failures": result.failures, "figures": result.figures}
    chosen.out.write_text(f"{json.dumps(said, indent=1)}\n", encoding="utf-8")
    sys.stdout.write(f"{json.dumps(said, indent=1)}\n")
    sys.exit(bool(result.failures))


if __name__ == "__main__":
    main()
