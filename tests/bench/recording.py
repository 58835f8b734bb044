"""Recording a source of five million entries into a ledger of ten million, beside a join and beside dlt.

The ledger holds two sources of equal size. The vintage of one of them revises a tenth of its entries, drops a
twentieth and brings a twentieth that is new. What is timed is :func:`etl.record.compare` and
:func:`etl.record.record`, with the commit, until all is in the file: keys and contents hashed, changes found,
what ended moved to the past. The limits are DuckDB's full outer join of the two frames with hashes at hand: of
whole rows, written as a table (what a merge must do at least), and of names and hashes alone (what finding
the changes must do at least). The peer is dlt's merge with the strategy ``scd2``, whose ``merge_key`` is the source.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

import duckdb

from etl import record, sql
from etl.tables import FACT_TABLES, RECORDED_COLUMNS
from tests.bench import peers
from tests.bench.entries import DIGEST, TABLE, checked, frame
from tests.bench.measuring import Cost, Ratio, Result, apart, clock, same

FULL: Final[dict[str, Any]] = {
    "entries": 5_000_000,
    "with_peers": True,
}  # of the source; the ledger holds twice as many
SMALL: Final[dict[str, Any]] = {"entries": 2_000, "with_peers": False}
SOURCE: Final = "bench_a"
OTHER: Final = "bench_b"
REVISED: Final = 100  # in 1,000
MOVED: Final = 20  # one entry in so many is dropped, and as many are new
MERGED: Final = f"SELECT {DIGEST} FROM {{}}"


def measure(folder: Path, entries: int, *, with_peers: bool) -> Result:
    """The ratios, and what each piece of work took and came to."""
    base = folder / "base.duckdb"
    apart("tests.bench.recording:make", base, entries)
    ours = apart("tests.bench.recording:ours", base, folder / "ours.duckdb", entries)
    whole, names = (
        apart("tests.bench.recording:join", folder / "ours.duckdb", folder / f"{kind}.duckdb", kind)
        for kind in ("rows", "names")
    )
    (folder / "ours.duckdb").unlink()
    (folder / "base.duckdb").unlink()
    same("rows in use afterwards", ours=ours.found["now"], join=whole.found["now"])
    same("changes", ours=ours.found["changes"], join=names.found["changes"])
    costs = {"ours": ours, "rows": whole, "names": names}
    work = f"record {entries:,} entries into a ledger of {2 * entries:,}"
    ratios = [
        Ratio(work, "s", ours.seconds, "limit: full outer join of whole rows, written", whole.seconds, most=3),
        Ratio(work, "s", ours.seconds, "full outer join of names and hashes alone", names.seconds),
    ]  # fmt: skip
    if with_peers:
        costs["dlt"] = dlt = _dlt(folder, entries)
        same("rows in use afterwards", ours=ours.found["now"], dlt=dlt.found["now"])
        peer = "peer: dlt, merge (scd2), from Arrow"
        ratios.append(Ratio(work, "s", ours.seconds, peer, dlt.seconds, is_faster=True, least=5))
    return {
        "entries": entries,
        "changes": ours.found["changes"],
        "costs": {name: vars(cost) for name, cost in costs.items()},
        "ratios": [ratio.as_json() for ratio in ratios],
    }


def make(path: str, entries: int) -> Cost:
    """A ledger with both sources, laid out as a refresh lays it out."""
    with clock() as cost, duckdb.connect(path) as con:
        con.execute("SET TimeZone = 'UTC'")
        record.create_tables(con)
        for number, source in enumerate((SOURCE, OTHER), start=1):
            changes = record.compare(con, source, checked(frame(source, 0, entries)))
            record.record(con, number, changes)
        record.lay_out(con, {TABLE})
    return cost


def ours(base: str, path: str, entries: int) -> Cost:
    """Record the vintage, from the frame that the checks hand over to the closed file."""
    shutil.copyfile(base, path)
    offered = checked(frame(SOURCE, *_range(entries), edition=2, changed=REVISED))
    con = duckdb.connect(path)
    con.execute("SET TimeZone = 'UTC'")
    with clock() as cost:
        con.execute("BEGIN")
        changes = record.compare(con, SOURCE, offered)
        counted = record.record(con, 3, changes)
        con.execute("COMMIT")
        con.execute("CHECKPOINT")
    # the frame under its names, for the joins; not a part of what is timed
    con.execute(f"CREATE SCHEMA offered; CREATE TABLE offered.{TABLE} AS FROM incoming_{TABLE}")
    cost.found = {
        "changes": dict(sorted(counted.items())),
        "now": _row(con, MERGED.format(f"present.{TABLE}")),
    }
    con.close()
    return cost


def join(recorded: str, path: str, kind: str) -> Cost:
    """The bare join of the ledger as it stood before and the vintage, both with their names and hashes."""
    con = duckdb.connect(path)
    con.execute(f"ATTACH '{recorded}' AS recorded (READ_ONLY)")
    con.execute(
        f"CREATE TABLE held AS SELECT * FROM recorded.present.{TABLE} WHERE recorded_in < 3 "
        f"UNION ALL BY NAME SELECT * FROM recorded.past.{TABLE} WHERE recorded_in < 3"
    )
    con.execute(f"CREATE TABLE offered AS FROM recorded.offered.{TABLE}")
    con.execute("CHECKPOINT")
    taken = [
        name for name in FACT_TABLES[TABLE].column_names() if name not in {"change", "entry_id"}
    ]
    pairs = ", ".join(
        f"coalesce(offered.{name}, held.{name}) AS {name}" for name in map(sql.identifier, taken)
    )
    columns = (
        pairs
        if kind == "rows"
        else "offered.content_sha256 AS after, held.content_sha256 AS before"
    )
    with clock() as cost:
        con.execute(
            "CREATE TABLE merged AS SELECT coalesce(offered.entry_id, held.entry_id) AS entry_id, "
            f"CASE WHEN held.entry_id IS NULL THEN 'added' WHEN offered.entry_id IS NULL AND held.source_id = '{SOURCE}' "
            "THEN 'withdrawn' WHEN offered.content_sha256 <> held.content_sha256 THEN 'revised' END AS change, "
            f"{columns} FROM offered FULL JOIN held ON held.entry_id = offered.entry_id"
        )
        con.execute("CHECKPOINT")
    changes = con.execute(
        "SELECT change, count(*) FROM merged WHERE change IS NOT NULL GROUP BY change ORDER BY change"
    )
    cost.found = {"changes": dict(changes.fetchall())}
    if kind == "rows":
        cost.found["now"] = _row(
            con, MERGED.format("merged WHERE change IS DISTINCT FROM 'withdrawn'")
        )
    con.close()
    Path(path).unlink()
    return cost


def _dlt(folder: Path, entries: int) -> Cost:
    """dlt with the same rows; the first two loads fill its table and are not timed."""
    recorded = [name for name in RECORDED_COLUMNS if name not in {"source_id", "vintage_sha256"}]
    for name, rows in {
        "before": (0, entries, 1, 0), "after": (*_range(entries), 2, REVISED),
    }.items():  # fmt: skip
        for source in (SOURCE, OTHER) if name == "before" else (SOURCE,):
            frame(source, *rows).drop(recorded).write_parquet(folder / f"{name}-{source}.parquet")
    return apart("tests.bench.peer_dlt:scd2", folder, SOURCE, OTHER, python=peers.python())


def _range(entries: int) -> tuple[int, int]:
    """Which rows the vintage holds: a twentieth is gone, and a twentieth is new."""
    return entries // MOVED, entries + entries // MOVED


def _row(con: duckdb.DuckDBPyConnection, query: str) -> list[object]:
    row = con.execute(query).fetchone()
    return list(row) if row else []
