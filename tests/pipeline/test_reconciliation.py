"""Sources side by side: each sum is its own source's, and nothing is added across."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
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
from etl.tables import Funding, polars_schema
from tests.helpers import DATA, ask, select
from tests.live import ADDITIVE, GRANTS, USUAL, VIETNAM, add_live


@pytest.fixture
def live(published: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """The embedded ledger and a few rows as a live source gives them."""
    add_live(published, GRANTS, tmp_path, monkeypatch)
    return published


def test_the_embedded_ledger_sets_states_report_beside_the_monitor(built_folders: Folders) -> None:
    found = ask(
        built_folders,
        """SELECT measure, count(*), count(amount_usd), count(difference_usd) FROM reconciliation
        GROUP BY measure ORDER BY measure""",
    )
    assert found == [("monitor", 90, 78, 28), ("state_report", 113, 113, 0)]


def test_states_report_is_what_coverage_adds(built_folders: Folders) -> None:
    astray = ask(
        built_folders,
        """SELECT count(*) FROM (SELECT area, fiscal_year, sum(amount_usd) AS amount_usd
            FROM coverage GROUP BY ALL) AS coverage
        FULL JOIN (FROM reconciliation WHERE measure = 'state_report') AS said
            ON said.area = coverage.area AND said.year = coverage.fiscal_year
        WHERE said.amount_usd IS DISTINCT FROM coverage.amount_usd""",
    )
    assert astray == [(0,)]


def test_a_total_that_the_accounts_do_not_reach_is_said_and_not_mended(
    built_folders: Folders,
) -> None:
    assert ask(
        built_folders,
        """SELECT area, year, amount_usd, remark FROM reconciliation
        WHERE measure = 'state_report' AND remark IS NOT NULL""",
    ) == [
        (
            "TCD", 2016, Decimal(800000),
            "The page prints a total of $50,000; its accounts add to the sum shown.",
        )
    ]  # fmt: skip


def test_the_monitor_is_the_united_states_line_of_the_newest_page(built_folders: Folders) -> None:
    astray = ask(
        built_folders,
        """SELECT count(*) FROM dependency
        JOIN reconciliation AS said ON said.measure = 'monitor' AND said.area = dependency.area
            AND said.year = dependency.calendar_year
        WHERE is_newest_edition AND (
            said.amount_usd IS DISTINCT FROM CASE WHEN is_us_listed THEN us_usd END
            OR said.only_entry_id IS DISTINCT FROM us_entry_id
            OR said.is_same_year_basis)""",
    )
    assert astray == [(0,)]


def test_a_table_that_lists_no_us_contribution_is_no_zero(built_folders: Folders) -> None:
    rows = ask(
        built_folders,
        """SELECT amount_usd, ratio, entries_count FROM reconciliation
        WHERE area = 'AZE' AND year = 2012 AND measure = 'monitor'""",
    )
    assert rows == [(None, None, 0)]


def test_sources_stand_side_by_side_and_are_never_added(live: Folders) -> None:
    rows = ask(
        live,
        """SELECT measure, amount_usd, difference_usd, ratio, entries_count, sources_count
        FROM reconciliation WHERE area = 'VNM' AND year = 2016 ORDER BY measure""",
    )
    # four measures, but of two sources
    state = Decimal(11431000)
    assert rows == [
        ("fa_disbursements", Decimal(3000000), 3000000 - state, 0.2624, 1, 2),
        ("fa_obligations", Decimal("5321000.50"), Decimal("5321000.50") - state, 0.4655, 5, 2),
        ("state_report", state, None, None, 4, 2),
        ("usaspending_obligations", Decimal(5250000), 5250000 - state, 0.4593, 1, 2),
    ]


def test_a_sum_that_lacks_an_amount_says_so_and_a_negative_one_is_kept(live: Folders) -> None:
    rows = ask(
        live,
        """SELECT year, amount_usd, is_incomplete, reference_usd, difference_usd, ratio
        FROM reconciliation
        WHERE area = 'VNM' AND year < 2016 AND measure = 'fa_obligations' ORDER BY year""",
    )
    assert rows == [
        (2014, Decimal(-5), False, None, None, None),
        (2015, Decimal(900000), True, Decimal(12888000), Decimal(-11988000), 0.0698),
    ]


def test_lifetime_totals_of_awards_are_in_no_measure(live: Folders) -> None:
    assert ask(live, "SELECT count(*) FROM reconciliation WHERE series = 'usaspending_awards'") == [
        (0,)
    ]


def test_rows_of_another_flow_are_never_added_to_a_measure(
    published: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = VIETNAM | {"amount_usd": "10"}
    add_live(published, [one, one | {"flow": "disbursement"}], tmp_path, monkeypatch)
    assert ask(
        published, "SELECT flow, amount_usd FROM reconciliation WHERE series = 'fa_obligations'"
    ) == [("disbursement", Decimal(10)), ("obligation", Decimal(10))]


MEASURES = {
    series.measure.name: (name, series.measure)
    for spec in all_sources().values()
    for name, series in spec.series.items()
    if series.measure
}


def test_every_measure_has_its_series_to_itself_and_says_why_it_may_differ() -> None:
    declared = [
        one for spec in all_sources().values() for one in spec.series.values() if one.measure
    ]
    assert len(declared) == len(MEASURES)
    measures = [measure for _, measure in MEASURES.values()]
    assert len({measure.place for measure in measures}) == len(measures)
    assert min(measures, key=lambda measure: measure.place).name == "state_report"
    assert all(len(one.why) > 40 and one.why.endswith(".") for one in measures)


# Whatever the rows

LIVE = {name: series for name, (series, _) in MEASURES.items() if series.startswith(("fa_", "us"))}
ROW = st.fixed_dictionaries(
    {
        "series": st.sampled_from([*sorted(LIVE.values()), "usaspending_awards"]),
        "area": st.sampled_from(["VNM", "LAO"]),
        "year": st.sampled_from([2015, 2016]),
        "flow": st.sampled_from(["obligation", "disbursement"]),
        "status": st.sampled_from(["actual", "actual", "request"]),
        "is_printed_total": st.sampled_from([False, False, True]),
        "is_cumulative": st.sampled_from([False, False, True]),
        "amount_usd": st.none()
        | st.decimals(min_value=-(10**9), max_value=10**9, places=2, allow_nan=False),
    }
)


def _ledger(rows: list[dict[str, Any]]) -> duckdb.DuckDBPyConnection:
    """A ledger in memory that holds these rows of ``funding`` and no others."""
    con = duckdb.connect()
    record.create_tables(con)
    reference = DATA / "reference"
    replace_reference(con, load_areas(reference), load_implementers(reference), all_sources())
    specs = all_sources()
    known = {name for spec in specs.values() for name in spec.series}
    owner = {name: spec.source_id for spec in specs.values() for name in spec.series}
    for name in {row["series"] for row in rows} - known:
        con.execute(
            "INSERT INTO series BY NAME SELECT ? AS series, 'made_by_hand' AS source_id, "
            "? AS is_additive, 'area' AS page_of",
            [name, ADDITIVE.get(name, True)],
        )
    con.execute(
        "UPDATE series SET is_additive = true WHERE series IN (SELECT series FROM measures)"
    )
    full = [
        {
            **{name: value for name, value in USUAL.items() if name not in row},
            **row,
            "entry_id": f"e{number}",
            "source_id": owner.get(row["series"], "made_by_hand"),
            "area_as_printed": row["area"],
            "donor": "United States",
        }
        for number, row in enumerate(rows)
    ]
    frame = pl.DataFrame(
        full, schema_overrides={"amount_usd": pl.Decimal(18, 2)}, infer_schema_length=None
    )
    columns = polars_schema(Funding)
    frame = frame.select(pl.col(name).cast(columns[name]) for name in frame.columns)
    con.register("given", frame)
    con.execute("INSERT INTO present.funding BY NAME FROM given")
    build_views(con)
    return con


@given(st.lists(ROW, min_size=1, max_size=25))
@settings(max_examples=25)
def test_whatever_the_rows_each_sum_is_that_of_its_own_figures_and_no_figure_counts_twice(
    rows: list[dict[str, Any]],
) -> None:
    counted = Counter[tuple[Any, ...]]()
    sums: dict[tuple[Any, ...], Decimal | None] = {}
    of_series = {series: name for name, series in LIVE.items()}
    for row in rows:
        if row["series"] not in of_series or row["status"] != "actual":
            continue
        if row["is_printed_total"] or row["is_cumulative"]:
            continue
        key = (of_series[row["series"]], row["area"], row["year"], row["flow"])
        counted[key] += 1
        sums.setdefault(key, None)
        if row["amount_usd"] is not None:
            sums[key] = (sums[key] or Decimal(0)) + row["amount_usd"]
    with _ledger(rows) as con:
        said = select(
            con,
            "SELECT measure, area, year, flow, amount_usd, entries_count FROM reconciliation",
        )
        assert {row[:4]: row[4] for row in said} == sums
        assert {row[:4]: row[5] for row in said} == counted
        assert len(said) == len(sums)
        assert sum(row[5] for row in said) <= len(rows), "no figure counts twice"
