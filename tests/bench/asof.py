"""How long a question about an earlier refresh takes, against the same question about now.

    python -m tests.bench.asof [ENTRIES] [REFRESHES]

Makes a ledger of so many entries of ``funding`` in a temporary folder, revised one per cent a refresh,
and asks both questions in turn, several times, of two leases of one ledger. Writes the medians and
their ratio into the README; at most 2 is what is aimed at.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import duckdb

from etl import record
from etl.store import CURRENT, Lease, Ledgers
from tests.tools import readme

QUESTIONS = {
    "all rows, one sum": "SELECT year, sum(amount_usd), count(*) FROM funding GROUP BY year",
    "one area": "SELECT year, sum(amount_usd) FROM funding WHERE area = 'A17' GROUP BY year",
    "one area and year, rows": "SELECT * FROM funding WHERE area = 'A101' AND year = 2010",
    "one entry": "SELECT * FROM funding WHERE entry_id = 'bench-0000000000001234'",
}
ROUNDS = 9

_ROWS = """
INSERT INTO {schema}.funding BY NAME
SELECT
    'bench-' || lpad(i::VARCHAR, 16, '0') AS entry_id, {revision} AS revision,
    {change} AS change, 'bench' AS source_id, 'bench' AS series, 'R' AS report, 'E' AS edition,
    repeat('0', 64) AS vintage_sha256, sha256(i::VARCHAR) AS content_sha256,
    'bench.csv line ' || i AS locator, 'https://example.org' AS source_url,
    {begin} AS recorded_in, {finish} AS ended_in, 'United States' AS donor, 'Not stated' AS account,
    'A' || (i % 200) AS area, 'A' || (i % 200) AS area_as_printed, 'unspecified' AS sector,
    'obligation' AS flow, 'actual' AS status, 1990 + (i // 200) % 35 AS year, 'fiscal' AS year_basis,
    FALSE AS is_printed_total, FALSE AS is_cumulative, FALSE AS is_secondary,
    (i % 1000000)::DECIMAL(18, 2) AS amount_usd
FROM range({start}, {stop}) AS t(i)
"""


def make(folder: Path, entries: int, refreshes: int) -> None:
    """A ledger in which the k-th hundredth of the entries was revised in refresh k."""
    path = folder / "ledger-000001-bench.duckdb"
    with duckdb.connect(path) as con:
        con.execute("SET preserve_insertion_order = false")
        record.create_tables(con)
        # a revision k is present from refresh k on; before it, the first value was
        share = entries // 100
        for number in range(2, refreshes + 1):
            part = {"start": (number - 2) * share, "stop": (number - 1) * share}
            past = {
                "schema": "past",
                "revision": 1,
                "change": "'added'",
                "begin": 1,
                "finish": number,
            }
            now = {
                "schema": "present",
                "revision": 2,
                "change": "'revised'",
                "begin": number,
                "finish": "NULL",
            }
            con.execute(_ROWS.format(**part, **past))
            con.execute(_ROWS.format(**part, **now))
        rest = {
            "schema": "present",
            "revision": 1,
            "change": "'added'",
            "begin": 1,
            "finish": "NULL",
        }
        con.execute(_ROWS.format(**rest, start=(refreshes - 1) * share, stop=entries))
        con.execute(
            "INSERT INTO history.refreshes BY NAME SELECT i AS refresh, now() AS finished_at "
            "FROM range(1, $1) AS t(i)", [refreshes + 1],
        )  # fmt: skip
        record.lay_out(con, {"funding"})
    (folder / CURRENT).write_text(path.name)


def seconds(lease: Lease, question: str) -> float:
    """How long one answer takes, whole."""
    started = perf_counter()
    lease.con.execute(question).fetchall()
    return perf_counter() - started


def main() -> None:
    """Measure and print, as JSON."""
    entries, refreshes = (int(text) for text in (*sys.argv[1:], "10000000", "50")[:2])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, entries, refreshes)
        ledgers = Ledgers(folder)
        answers = {}
        with ledgers.lease() as now, ledgers.lease(str(refreshes // 2)) as then:
            for title, question in QUESTIONS.items():
                times = [(seconds(now, question), seconds(then, question)) for _ in range(ROUNDS)]
                current, earlier = (
                    statistics.median(column) for column in zip(*times, strict=True)
                )
                answers[title] = {
                    "current_ms": round(current * 1000, 1),
                    "as_of_ms": round(earlier * 1000, 1),
                    "ratio": round(earlier / current, 2),
                }
        ledgers.close()
    text = as_table(entries, refreshes, answers)
    sys.stdout.write(text)
    readme.put("asof", text)


def as_table(entries: int, refreshes: int, answers: dict[str, dict[str, float]]) -> str:
    """The README's table."""
    lines = [
        f"| {entries:,} entries, {refreshes} refreshes | now, ms | as of refresh "
        f"{refreshes // 2}, ms | ratio |",
        "|---|---:|---:|---:|",
    ]
    for title, figures in answers.items():
        lines.append(
            f"| {title} | {figures['current_ms']} | {figures['as_of_ms']} | {figures['ratio']} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
