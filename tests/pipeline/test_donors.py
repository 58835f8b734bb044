"""Who else pays: donors, the U.S. share and the areas that depend on it, on one basis at a time."""

from __future__ import annotations

import shutil
from collections import defaultdict
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl import record
from etl.areas import load_areas
from etl.implementers import load_implementers
from etl.log import replace_reference
from etl.publish import build_views
from etl.settings import Folders
from etl.sources import all_sources
from etl.store import Ledgers
from etl.tables import FLOWS, VIEWS, Funding, polars_schema
from tests.helpers import DATA, ask, select
from tests.payers import ACTIVITIES, activity, add_crs, add_fts

Rows = list[tuple[Any, ...]]
MILLION = Decimal(1_000_000)
SERIES = {
    name: (spec, series) for spec in all_sources().values() for name, series in spec.series.items()
}
BASES = {basis.basis: basis for _, series in SERIES.values() for basis in series.bases}
SERIES_OF = {basis.basis: name for name, (_, series) in SERIES.items() for basis in series.bases}


@pytest.fixture(scope="module")
def paid(built_folders: Folders, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """The embedded ledger with a few rows of the CRS and of FTS, through their readers: only read it."""
    folder = tmp_path_factory.mktemp("paid")
    shutil.copytree(built_folders.data, folder / "data")
    folders = Folders(folder / "data")
    add_crs(folders, folder)
    add_fts(folders, folder, 2024, 2026)
    return folders


def dependency(folders: Folders, basis: str, area: str, columns: str) -> Rows:
    return ask(
        folders,
        f"SELECT calendar_year, {columns} FROM dependency WHERE basis = ? AND area = ? ORDER BY 1",
        basis, area,
    )  # fmt: skip


# The bases


def test_each_basis_is_one_additive_series_of_one_source_and_one_flow() -> None:
    assert sorted(BASES) == [
        "crs_commitments", "crs_disbursements", "fts_committed", "fts_paid", "monitor",
    ]  # fmt: skip
    assert len({(SERIES_OF[name], basis.flow) for name, basis in BASES.items()}) == len(BASES)
    assert len({basis.place for basis in BASES.values()}) == len(BASES)
    for name, basis in BASES.items():
        spec, series = SERIES[SERIES_OF[name]]
        assert series.is_additive
        assert basis.flow in FLOWS
        assert basis.totals_series is None or basis.totals_series in spec.series
        assert len(basis.cannot_show) > 100
        assert basis.cannot_show.endswith(".")


def test_the_embedded_ledger_holds_the_monitor_alone(built_folders: Folders) -> None:
    for view in ("donors", "dependency", "dependency_summary", "orphaned"):
        assert ask(built_folders, f"SELECT DISTINCT basis FROM {view}") == [("monitor",)]


def test_every_donor_of_the_monitors_tables_stands_once(built_folders: Folders) -> None:
    [(rows, entries, dollars)] = ask(
        built_folders, "SELECT count(*), sum(entries_count), sum(amount_usd) FROM donors"
    )
    assert (rows, entries, dollars) == ask(
        built_folders,
        """SELECT count(*), count(*), sum(amount_usd) FROM funding
        WHERE series = 'monitor_recipient_tables'""",
    )[0]


@pytest.mark.parametrize(
    ("area", "year", "donors", "index", "share"),
    [  # added by hand from data/transcribed/world/donor_recipient_year.csv
        ("VNM", 2017, 5, 0.8259, 90.7),
        ("COD", 2020, 2, 0.7897, 88.1),
        ("SEN", 2022, 1, 1.0, 0.0),
        ("IRQ", 2019, None, None, 39.2),  # read in part
    ],
)
def test_how_many_donors_and_how_uneven(
    built_folders: Folders, area: str, year: int, donors: int | None, index: float | None, share: float
) -> None:  # fmt: skip
    rows = dependency(
        built_folders, "monitor", area, "donors_count, herfindahl_index, us_share_percent"
    )
    assert (year, donors, index, share) in rows


def test_a_single_donor_that_is_not_the_united_states_is_not_them(built_folders: Folders) -> None:
    rows = dependency(built_folders, "monitor", "SEN", "is_us_listed, is_us_only_donor")
    assert rows == [(2022, False, False)]


# The OECD


def test_activities_of_a_donor_are_added_and_groups_of_donors_are_not(
    paid: Folders, tmp_path: Path
) -> None:
    rows = ask(
        paid,
        """SELECT donor, amount_usd, share_percent, entries_count, only_entry_id IS NULL FROM donors
        WHERE basis = 'crs_disbursements' AND area = 'LAO' AND calendar_year = 2024 ORDER BY 2 DESC""",
    )
    assert rows == [
        ("United States", 8 * MILLION, 80.0, 2, True),
        ("Germany", Decimal(1_500_000), 15.0, 1, False),
        ("Norway", Decimal(500_000), 5.0, 1, False),
    ]
    assert dependency(
        paid, "crs_disbursements", "LAO",
        "us_usd, all_donors_usd, us_share_percent, donors_count, herfindahl_index, is_us_only_donor",
    )[1] == (2024, 8 * MILLION, 10 * MILLION, 80.0, 3, 0.665, False)  # fmt: skip


def test_a_group_of_donors_is_left_out(workspace: Folders, tmp_path: Path) -> None:
    group = activity("DAC", "LAO", 2024, "100")
    add_crs(workspace, tmp_path, [*ACTIVITIES, group])
    assert ask(
        workspace,
        """SELECT sum(amount_usd) FROM donors
        WHERE basis = 'crs_disbursements' AND area = 'LAO' AND calendar_year = 2024""",
    ) == [(10 * MILLION,)]


def test_commitments_and_disbursements_are_two_bases(paid: Folders) -> None:
    rows = dependency(paid, "crs_commitments", "LAO", "us_usd, all_donors_usd")
    assert rows == [(2024, 9 * MILLION, 9 * MILLION)]


def test_no_us_money_in_the_oecds_lists_is_not_nought(paid: Folders) -> None:
    last = dependency(
        paid, "crs_disbursements", "LAO",
        "us_usd, is_us_listed, us_share_percent, why_no_share, all_donors_usd, donors_count",
    )[-1]  # fmt: skip
    assert last == (2025, None, False, None, "the source lists no U.S. money", MILLION, 1)


def test_the_united_states_are_the_only_donor_where_no_basis_of_the_source_has_another(
    paid: Folders,
) -> None:
    assert dependency(paid, "crs_disbursements", "VNM", "is_us_only_donor, herfindahl_index") == [
        (2023, None, None), (2024, True, 1.0), (2025, True, 1.0),
    ]  # fmt: skip
    # Germany has committed money to Angola
    assert dependency(paid, "crs_disbursements", "AGO", "is_us_only_donor, us_share_percent") == [
        (2024, False, 100.0)
    ]


def test_a_copy_of_one_donor_gives_no_share(paid: Folders) -> None:
    rows = dependency(paid, "crs_disbursements", "LAO", "us_share_percent, why_no_share, us_usd")
    assert rows[0] == (
        2022, None,
        "only one donor stands in the whole year, so a copy of that donor alone may have been read",
        5 * MILLION,
    )  # fmt: skip


def test_where_a_donor_took_back_more_than_it_gave_there_is_no_share(paid: Folders) -> None:
    columns = (
        "us_usd, all_donors_usd, us_share_percent, why_no_share, herfindahl_index, donors_count"
    )
    assert dependency(paid, "crs_disbursements", "COL", columns) == [
        (2024, 3 * MILLION, 2 * MILLION, None, "a donor took back more than it gave", None, None)
    ]


def test_a_region_is_a_line_of_its_own(paid: Folders) -> None:
    rows = dependency(paid, "crs_disbursements", "QOC", "area_name, us_usd, us_share_percent")
    assert [row[2:] for row in rows] == [(7 * MILLION, 50.0)]
    assert ask(paid, "SELECT count(*) FROM orphaned WHERE area = 'QOC'") == [(0,)]


# OCHA


def test_paid_and_committed_money_are_two_bases_and_the_rest_is_on_none(paid: Folders) -> None:
    rows = ask(
        paid,
        """SELECT basis, area, donor, amount_usd FROM donors
        WHERE basis LIKE 'fts%' AND calendar_year = 2024 ORDER BY ALL""",
    )
    assert rows == [
        ("fts_committed", "VNM", "Germany, Government of", Decimal(400)),
        ("fts_paid", "LAO", "Norway, Government of", Decimal(100)),
        ("fts_paid", "LAO", "United States, Government of", Decimal(900)),
        ("fts_paid", "VNM", "United States, Government of", Decimal(600)),
    ]


def test_a_promise_of_another_donor_keeps_the_united_states_from_being_alone(paid: Folders) -> None:
    columns = "us_share_percent, is_us_only_donor, is_us_listed"
    assert dependency(paid, "fts_paid", "VNM", columns) == [(2024, 100.0, False, True)]


def test_a_running_year_is_no_change_after_2024(paid: Folders) -> None:
    assert dependency(paid, "fts_paid", "LAO", "us_share_percent, is_year_over") == [
        (2024, 90.0, True), (2026, 10.0, False),
    ]  # fmt: skip
    [(latest, change, last)] = ask(
        paid,
        """SELECT latest_year, us_change_usd, last_year FROM dependency_summary
        WHERE basis = 'fts_paid' AND area = 'LAO'""",
    )
    assert (latest, change, last) == (2024, None, 2026)


def test_a_copy_taken_while_a_year_ran_is_no_fall_however_late_it_is_given(
    workspace: Folders, tmp_path: Path
) -> None:
    add_fts(workspace, tmp_path, 2024, 2025)  # no flow of 2025 is dated after it
    assert dependency(workspace, "fts_paid", "LAO", "us_usd, is_year_over") == [
        (2024, Decimal(900), True), (2025, Decimal(10), False),
    ]  # fmt: skip
    assert ask(
        workspace,
        """SELECT latest_year, us_change_usd FROM dependency_summary
        WHERE basis = 'fts_paid' AND area = 'LAO'""",
    ) == [(2024, None)]


# The summary


def test_first_and_last_year_years_alone_and_the_change_after_2024(paid: Folders) -> None:
    rows = ask(
        paid,
        """SELECT area, first_us_year, last_us_year, us_years_count, us_only_years, known_years_count,
            share_year, us_share_percent, latest_year, latest_us_usd, is_us_listed_latest,
            us_change_usd, us_change_percent
        FROM dependency_summary WHERE basis = 'crs_disbursements' AND area IN ('LAO', 'VNM') ORDER BY area""",
    )
    assert rows == [
        # no U.S. money is listed in 2025: not a change to nought
        ("LAO", 2022, 2024, 2, None, 2, 2024, 80.0, 2025, None, False, None, None),
        ("VNM", 2023, 2025, 3, "2024, 2025", 2, 2024, 100.0, 2025, MILLION, True, -3 * MILLION, -75.0),
    ]  # fmt: skip


def test_a_source_that_ends_before_2025_has_no_change(built_folders: Folders) -> None:
    assert ask(
        built_folders,
        """SELECT count(*), count(us_change_usd), count(us_change_percent), max(latest_year) < 2025
        FROM dependency_summary""",
    ) == [(30, 0, 0, True)]


# Orphaned


def test_the_monitors_ranks_by_the_last_known_share(built_folders: Folders) -> None:
    rows = ask(
        built_folders,
        """SELECT rank_whole_effort, rank_defense, area, us_share_percent, casualties_total FROM orphaned
        WHERE rank_whole_effort <= 5 OR area IN ('SYR', 'SSD') ORDER BY 1""",
    )
    assert rows == [
        (1, 1, "VNM", 90.7, 14), (2, 2, "COD", 88.1, 37), (3, 3, "LAO", 73.1, 41),
        (4, 4, "AGO", 72.1, 43), (5, 5, "COL", 69.5, 167),
        (12, None, "SYR", 20.8, 1015), (13, 12, "SSD", 20.6, 58),  # Syria had no Defense money
    ]  # fmt: skip


def test_every_covered_area_stands_on_every_basis_ranked_or_with_the_reason(paid: Folders) -> None:
    assert ask(
        paid,
        """SELECT count(*) FROM (SELECT DISTINCT area FROM coverage WHERE area IS NOT NULL)
            CROSS JOIN (SELECT DISTINCT basis FROM donors)
        ANTI JOIN orphaned USING (area, basis)""",
    ) == [(0,)]
    assert ask(
        paid,
        """SELECT count(*) FROM orphaned
        WHERE (rank_whole_effort IS NULL) <> (unranked_because IS NOT NULL)
            OR rank_defense IS NOT NULL AND (rank_whole_effort IS NULL OR NOT is_defense_program)""",
    ) == [(0,)]
    reasons = dict(ask(paid, "SELECT area, unranked_because FROM orphaned WHERE basis = 'monitor'"))
    assert reasons["MLI"] == "donors not read from this source"
    assert reasons["MMR"] == "no U.S. money listed in 2022, the latest year with a known share"
    assert reasons["SLB"] == "no casualty total read"
    assert reasons["ALB"] == (
        "donors not read from this source; no casualties in 2016, the latest year read"
    )


def test_ranks_on_another_basis_are_its_own_and_money_lost_in_2025_does_not_lower_them(
    paid: Folders,
) -> None:
    rows = ask(
        paid,
        """SELECT rank_whole_effort, area, us_share_percent, latest_year, is_us_listed_latest FROM orphaned
        WHERE basis = 'crs_disbursements' AND rank_whole_effort IS NOT NULL ORDER BY 1""",
    )
    # of two with a share of 100 per cent, the one with more casualties comes first
    assert rows == [
        (1, "AGO", 100.0, 2024, True), (2, "VNM", 100.0, 2025, True), (3, "LAO", 80.0, 2025, False),
    ]  # fmt: skip


def test_the_pages_of_the_past_answer_from_the_rows_that_were_published_then(paid: Folders) -> None:
    ledgers = Ledgers(paid.ledger)
    try:
        with ledgers.lease("1") as lease:
            assert select(lease.con, "SELECT DISTINCT basis FROM orphaned") == [("monitor",)]
        with ledgers.lease("2") as lease:
            assert select(lease.con, "SELECT count(DISTINCT basis) FROM donors") == [(3,)]
    finally:
        ledgers.close()


# The rule of the newest edition


def test_an_edition_replaces_the_page_of_its_own_recipient_and_year_alone() -> None:
    rows = [
        {"area": "LAO", "year": 2020, "donor": "United States", "amount_usd": Decimal(1), "edition_order": "1"},
        {"area": "LAO", "year": 2020, "donor": "Norway", "amount_usd": Decimal(3), "edition_order": "1"},
        {"area": "LAO", "year": 2020, "donor": "United States", "amount_usd": Decimal(2), "edition_order": "2"},
        {"area": "LAO", "year": 2021, "donor": "Norway", "amount_usd": Decimal(5), "edition_order": "1"},
    ]  # fmt: skip
    with _ledger([{"basis": "monitor", **row} for row in rows]) as con:
        assert select(
            con,
            """SELECT calendar_year, edition, donor, is_newest_edition FROM donors
            ORDER BY calendar_year, edition, donor""",
        ) == [
            (2020, "1", "Norway", False), (2020, "1", "United States", False),
            (2020, "2", "United States", True), (2021, "1", "Norway", True),
        ]  # fmt: skip
        assert select(con, "SELECT years_count, us_only_years FROM dependency_summary") == [
            (2, "2020")
        ]


# Whatever the rows


ROW = st.fixed_dictionaries(
    {
        "basis": st.sampled_from([*BASES]),
        "area": st.sampled_from(["VNM", "LAO"]),
        "year": st.sampled_from([2023, 2024]),
        "donor": st.sampled_from(["United States", "Norway", "Not stated", "Norway; Germany"]),
        "status": st.sampled_from(["actual", "actual", "actual", "request"]),
        "is_printed_total": st.sampled_from([False, False, False, True]),
        "amount_usd": st.none()
        | st.decimals(min_value=-10, max_value=10**9, places=2, allow_nan=False),
    }
)
AREAS = {"United States": "USA", "Norway": "NOR"}


def _ledger(rows: list[dict[str, Any]]) -> duckdb.DuckDBPyConnection:
    """A ledger in memory that holds these rows of ``funding`` and no others; tables are read whole."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    record.create_tables(con)
    reference = DATA / "reference"
    replace_reference(con, load_areas(reference), load_implementers(reference), all_sources())
    owner = {name: spec.source_id for spec in all_sources().values() for name in spec.series}
    full = []
    for number, row in enumerate(rows):
        basis = BASES[row["basis"]]
        order = row.get("edition_order", "1")
        full.append(
            {
                "status": "actual", "is_printed_total": False, **row, "series": SERIES_OF[row["basis"]],
                "flow": basis.flow, "source_id": owner[SERIES_OF[row["basis"]]], "entry_id": f"e{number}",
                "area_as_printed": row["area"], "donor_area": AREAS.get(row["donor"]), "report": "A report",
                "edition": order, "edition_order": order, "locator": f"line {number}",
                "source_url": "https://example.org/", "is_cumulative": False, "precision": "exact",
                "year_basis": "calendar", "sum_check": "rows sum to the printed total",
            }
        )  # fmt: skip
    columns = polars_schema(Funding)
    frame = pl.DataFrame(
        [{name: value for name, value in row.items() if name in columns} for row in full],
        schema_overrides={name: columns[name] for name in ("amount_usd", "donor_area")},
        infer_schema_length=None,
    )
    con.register("given", frame)
    con.execute("INSERT INTO present.funding BY NAME FROM given")
    con.execute(
        """INSERT INTO history.vintages BY NAME
        SELECT source_id, 'accepted' AS status, $now AS retrieved_at FROM sources""",
        {"now": datetime(2024, 6, 1, tzinfo=UTC)},
    )
    build_views(con)
    return con


def _percent(part: Decimal, whole: Decimal) -> float:
    return float((100 * part / whole).quantize(Decimal("0.1"), ROUND_HALF_UP))


@given(st.lists(ROW, min_size=1, max_size=30))
@settings(max_examples=8, deadline=None)
def test_whatever_the_rows_a_share_is_of_a_whole_of_its_own_basis(
    rows: list[dict[str, Any]],
) -> None:
    sums: dict[tuple[str, str, int], dict[str, list[Decimal | None]]] = defaultdict(
        lambda: defaultdict(list)
    )
    donors_in = defaultdict(set)
    for row in rows:
        if row["status"] == "actual" and not row["is_printed_total"]:
            sums[row["basis"], row["area"], row["year"]][row["donor"]].append(row["amount_usd"])
            donors_in[row["basis"], row["year"]].add(row["donor"])
    with _ledger(rows) as con:
        said = {
            row[:4]: row[4:]
            for row in select(
                con,
                "SELECT basis, area, calendar_year, donor, amount_usd, entries_count FROM donors",
            )
        }
        assert said == {
            (*key, donor): (sum(known) if (known := [x for x in each if x is not None]) else None, len(each))
            for key, of in sums.items()
            for donor, each in of.items()
        }  # fmt: skip
        shares = {
            row[:3]: row[3:]
            for row in select(
                con,
                """SELECT basis, area, calendar_year, us_share_percent, herfindahl_index, is_us_only_donor,
                    is_year_over
                FROM dependency""",
            )
        }
        for key, of in sums.items():
            basis, _, year = key
            amounts = [amount for each in of.values() for amount in each]
            totals = {
                donor: sum((x or Decimal(0) for x in each), Decimal(0))
                for donor, each in of.items()
            }
            whole = sum(totals.values(), Decimal(0))
            is_whole = (
                None not in amounts
                and min(totals.values()) >= 0
                and whole > 0
                and set(of) <= set(AREAS)
                and (BASES[basis].is_printed_table or len(donors_in[basis, year]) > 1)
            )
            if key not in shares:  # of a table that says nothing of U.S. money
                assert BASES[basis].is_printed_table
                assert not is_whole
                continue
            share, index, alone, is_over = shares[key]
            assert is_over == (year == 2023)
            if not is_whole:
                assert (share, index) == (None, None)
                assert alone is not True
                continue
            listed = "United States" in of
            us = totals.get("United States", Decimal(0))
            assert share == (
                _percent(us, whole) if listed or BASES[basis].is_printed_table else None
            )
            assert index == pytest.approx(
                sum(float(total / whole) ** 2 for total in totals.values()), abs=1e-4
            )
            if alone:
                assert listed
                assert totals.get("Norway", 0) == 0
        for view in ("donors", "dependency", "dependency_summary"):
            frame = con.table(view).pl()
            _, failure = VIEWS[view].filter(frame, cast=True)
            assert failure.counts() == {}, view
