"""Which state signed, joined and left which treaty."""

from __future__ import annotations

import duckdb

from tests.helpers import Row, only, read_source, select

FILE = "world/treaty_status.csv"
STATE: Row = {
    "country": "Finland", "treaty": "MBT", "bound_date": "2012-01-09", "bound_kind": "accession",
    "withdrawal_notified": "2025-07-10", "withdrawal_effective": "2026-01-10",
    "source_url": "https://example.org", "source_as_of": "Convention's news 2025",
}  # fmt: skip


def test_a_withdrawal_stands_beside_the_date_of_joining() -> None:
    _, tables = read_source("treaties", {FILE: [STATE]})
    only(tables["treaty_status"], area="FIN", treaty="MBT", bound_date="2012-01-09",
         withdrawal_effective="2026-01-10", signed=None)  # fmt: skip


def test_a_date_known_to_the_month_is_kept_as_printed_and_a_bad_one_is_a_reject() -> None:
    month, bad = (
        STATE | {"bound_date": "2018-03"},
        STATE | {"country": "Malta", "signed": "4 May 2001"},
    )
    reading, tables = read_source("treaties", {FILE: [month, bad]})
    only(tables["treaty_status"], bound_date="2018-03")
    assert [(r.column, r.raw_value) for r in reading.rejects] == [("signed", "4 May 2001")]


def test_an_unknown_treaty_is_a_reject() -> None:
    reading, tables = read_source("treaties", {FILE: [STATE | {"treaty": "NPT"}]})
    assert tables["treaty_status"].is_empty()
    assert [(r.column, r.raw_value) for r in reading.rejects] == [("treaty", "NPT")]


def test_parties_and_signatories_are_as_many_as_the_notes_say(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        """SELECT treaty, count(bound_date), count(*) FILTER (WHERE bound_date IS NULL)
        FROM treaty_status GROUP BY treaty ORDER BY treaty""",
    )
    assert rows == [("CCM", 112, 12), ("CCW-AP2", 101, 0), ("MBT", 166, 0)]


def test_five_states_left_the_mine_ban_treaty_and_ukraine_is_a_party(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        """SELECT area, withdrawal_effective FROM treaty_status
        WHERE treaty = 'MBT' AND withdrawal_effective IS NOT NULL ORDER BY area""",
    )
    assert rows == [
        ("EST", "2025-12-27"), ("FIN", "2026-01-10"), ("LTU", "2025-12-27"),
        ("LVA", "2025-12-27"), ("POL", "2026-02-20"),
    ]  # fmt: skip
    assert select(ledger_con, "SELECT mine_ban_treaty FROM area_profile WHERE area = 'UKR'") == [
        ("party",)
    ]
