"""ForeignAssistance.gov's whole file: first load, a tenth of a per cent changed, and nothing changed.

A made-up file of the exact shape is served on loopback; ``hma refresh`` fetches it into an empty data
folder, until the ledger is published. The limit is DuckDB's bare scan of the file with the same filter. The peers
fetch it too and keep the same rows: a script with pandas into Parquet, and dlt into DuckDB. Then the same file comes
with one row in a thousand changed: beside the refresh stand the bare scan and a full reload, and both
ledgers must hold the same figures. A refresh without news is one conditional request; Python's own start is taken
off it. Each process is fresh; rounds are taken in turn, and medians compared.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import duckdb

from etl.store import current_path
from tests.bench import peers
from tests.bench.foreignassistance import MINE_ACTION_EVERY, ROWS, bare_scan, make
from tests.bench.measuring import Cost, Ratio, Result, apart, environment, same
from tests.bench.refresh import BUDGET, BUDGET_HEADER, FILE, empty, refresh
from tests.replay import File, Replay, serving

FULL: Final[dict[str, Any]] = {"rows": ROWS, "rounds": 3, "peer_rounds": 1}
SMALL: Final[dict[str, Any]] = {"rows": 8_000, "rounds": 1, "peer_rounds": 0}
CHANGED: Final = 10  # rows in 10,000
FIRST, SECOND = "Wed, 02 Sep 2026 10:00:00 GMT", "Thu, 03 Sep 2026 10:00:00 GMT"
BELOW: Final = 0.5  # seconds beyond Python's own start, without news


def measure(folder: Path, rows: int, rounds: int, peer_rounds: int) -> Result:
    """The ratios, and what each piece of work took in each round."""
    # as many rows about mine action in a smaller file, so that some of them are among the changed
    every = max(1, MINE_ACTION_EVERY * rows // ROWS)
    old, new = folder / "old" / FILE, folder / "new" / FILE
    for path, changed in ((old, 0), (new, CHANGED)):
        path.parent.mkdir()
        make(path, rows, every, changed)
    costs: dict[str, list[Cost]] = {}
    with serving() as replay:
        replay.on(f"/{BUDGET}", File(f"{BUDGET_HEADER}\n".encode()))
        site = replay.url("/")
        _serve(replay, old, FIRST)
        if rounds > 1:
            refresh(empty(folder / "data"), site)  # compiles the modules; not measured
        for number in range(rounds):
            one = _round(replay, folder, old, new)
            if number < peer_rounds:
                _serve(replay, old, FIRST)
                one |= _peers(replay.url(f"/{FILE}"), folder)
                same("rows kept", first=one["first load"].found["rows"], scan=one["bare scan"].found["rows"],
                     pandas=one["pandas"].found["rows"], dlt=one["dlt"].found["rows"])  # fmt: skip
                same("amounts", first=one["first load"].found["amount"], pandas=one["pandas"].found["amount"],
                     dlt=one["dlt"].found["amount"])  # fmt: skip
            for name, cost in one.items():
                costs.setdefault(name, []).append(cost)
    middle = {
        name: statistics.median(cost.seconds for cost in each) for name, each in costs.items()
    }
    return {
        "rows": rows, "bytes": old.stat().st_size, "rounds": rounds,
        "costs": {name: [vars(cost) for cost in each] for name, each in costs.items()},
        "ratios": _ratios(old.stat().st_size, middle, costs),
    }  # fmt: skip


def _ratios(size: int, middle: dict[str, float], costs: dict[str, list[Cost]]) -> list[Result]:
    gigabytes = f"{size / 1e9:.2f} GB"
    first, changed = f"first load of {gigabytes}", f"refresh of {gigabytes}, 0.1 % of rows changed"
    scan = "limit: DuckDB's bare scan with the same filter"
    peak = max(cost.peak_bytes for cost in costs["first load"]) / 1e6
    beyond = middle["unchanged"] - middle["python"]
    ratios = [
        Ratio(first, "s", middle["first load"], scan, middle["bare scan"], most=1.6),
        Ratio(f"{first}, most memory", "MB", peak, "aim", 1000, most=1),
        Ratio(changed, "s", middle["changed"], scan, middle["bare scan"], most=1.3),
        Ratio(changed, "s", middle["changed"], "a full reload", middle["full reload"]),
        Ratio("refresh without news, beyond Python's own start", "s", beyond, "aim", BELOW, most=1),
    ]
    if "pandas" in middle:
        ours = middle["first load"]
        ratios += [
            Ratio(
                first,
                "s",
                ours,
                "peer: pandas, in chunks",
                middle["pandas"],
                is_faster=True,
                least=5,
            ),
            Ratio(first, "s", ours, "peer: dlt into DuckDB", middle["dlt"], is_faster=True),
        ]
    return [ratio.as_json() for ratio in ratios]


def _round(replay: Replay, folder: Path, old: Path, new: Path) -> dict[str, Cost]:
    """Everything once, in turn."""
    site, data = replay.url("/"), folder / "data"
    _serve(replay, old, FIRST)
    scan = bare_scan(old)
    found = {
        "bare scan": Cost(scan.seconds, scan.cpu_seconds, scan.peak_bytes, {"rows": scan.rows})
    }
    found["first load"] = _refresh(empty(data), site)
    before = replay.count(f"/{FILE}"), replay.conditional(f"/{FILE}")
    found["unchanged"] = _refresh(data, site)
    after = replay.count(f"/{FILE}"), replay.conditional(f"/{FILE}")
    same("requests without news", asked=[a - b for a, b in zip(after, before, strict=True)], one_304=[1, 1])  # fmt: skip
    same("ledger without news", before=found["first load"].found, after=found["unchanged"].found)
    started = perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True, env=environment())
    found["python"] = Cost(perf_counter() - started)
    _serve(replay, new, SECOND)
    found["changed"] = _refresh(data, site)
    found["full reload"] = _refresh(empty(data), site)
    same("figures after the change", refreshed=found["changed"].found, reloaded=found["full reload"].found)  # fmt: skip
    if found["changed"].found == found["first load"].found:
        raise AssertionError("nothing of what is kept was changed: the file is too small")
    return found


def _peers(url: str, folder: Path) -> dict[str, Cost]:
    python = peers.python()
    where = folder / "peers"
    where.mkdir()
    return {
        "pandas": apart("tests.bench.peer_pandas:load", url, where, python=python),
        "dlt": apart("tests.bench.peer_dlt:load", url, where, python=python),
    }


def _serve(replay: Replay, path: Path, modified: str) -> None:
    replay.on(f"/{FILE}", File(path, etag=f'"{path.parent.name}"', last_modified=modified))


def _refresh(data: Path, site: str) -> Cost:
    """One refresh, and what the ledger in use says afterwards."""
    took = refresh(data, site)
    with duckdb.connect(current_path(data / "ledger"), read_only=True) as con:
        row = con.execute(
            "SELECT count(*), sum(amount_usd)::BIGINT, sum(hash(entry_id, amount_usd))::VARCHAR FROM funding"
        ).fetchone() or (0, 0, "")
    return Cost(took.seconds, 0.0, took.peak_bytes, {"rows": row[0], "amount": row[1], "digest": row[2]})  # fmt: skip
