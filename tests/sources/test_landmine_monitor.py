"""The Landmine Monitor: casualties, support and clearance, against the tables of the notes."""

from __future__ import annotations

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal

import duckdb
import polars as pl
import pytest

from etl.settings import PACKAGE
from tests.helpers import Row, notes_table, number, only, read_source, select

CASUALTIES = "casualties/monitor_country_year.csv"
WORLD = "casualties/monitor_global_year.csv"
TABLES = "world/donor_recipient_year.csv"
TOTALS = "world/recipient_year.csv"
DONORS = "world/donor_year.csv"
CLEARANCE = "world/clearance_year.csv"
CONTAMINATION = "world/contamination.csv"

YEAR: Row = {
    "year": "2016", "country": "Ukraine", "killed": "10", "injured": "0", "total": "10",
    "edition": "Monitor country profile 2017-10-11", "source_url": "https://example.org",
}  # fmt: skip
GRANT: Row = {
    "donor": "United States", "recipient": "Lao PDR", "year": "2017", "sector": "clearance",
    "amount_as_printed": "$5", "amount_usd": "5", "table_kind": "recipient table",
    "sum_check": "rows sum to the printed total", "source_url": "https://example.org",
    "edition": "Monitor country profile updated 16 November 2018",
}  # fmt: skip


def test_a_blank_is_unknown_and_a_printed_zero_is_zero() -> None:
    _, tables = read_source("landmine_monitor", {CASUALTIES: [YEAR]})
    only(tables["casualties"], area="UKR", killed=10, injured=0, unknown=None, children=None,
         lower_bound=False, is_secondary=False, edition_order="2017-10-11")  # fmt: skip


@pytest.mark.parametrize(
    "note", ["printed as at least 10", "device: 13 ERW; 2 unknown mine. Printed as at least 15"]
)
def test_at_least_is_a_lower_bound_wherever_the_note_says_so(note: str) -> None:
    _, tables = read_source("landmine_monitor", {CASUALTIES: [YEAR | {"note": note}]})
    only(tables["casualties"], lower_bound=True)


def test_at_least_ten_children_does_not_make_the_total_a_lower_bound() -> None:
    row = YEAR | {"note": "device: 14 ERW; 1 unknown. Children at least 10"}
    _, tables = read_source("landmine_monitor", {CASUALTIES: [row]})
    only(tables["casualties"], lower_bound=False)


@pytest.mark.parametrize(
    ("note", "flag"),
    [
        ("secondary source", "is_secondary"),
        ("prior-year figure in brackets", "is_prior_year"),
        ("excludes Somaliland; prior-year figure named beside the 2017 total", "is_prior_year"),
        ("partial year: January to June", "is_partial_year"),
    ],
)
def test_what_the_note_says_of_a_figure_becomes_a_flag(note: str, flag: str) -> None:
    _, tables = read_source("landmine_monitor", {CASUALTIES: [YEAR | {"note": note}]})
    only(tables["casualties"], **{flag: True})


def test_the_worlds_casualties_carry_their_splits() -> None:
    row: Row = {"year": "2016", "total": "8605", "improvised_mine": "1805", "civilian_pct": "78",
                "edition": "Landmine Monitor 2017", "source_url": "https://example.org"}  # fmt: skip
    reading, tables = read_source("landmine_monitor", {WORLD: [row]})
    only(tables["casualties"], area="XWD", total=8605, series="monitor_world_casualties")
    (splits,) = reading.splits["casualties"]
    assert splits.select("dimension", "category", "value", "unit").rows() == [
        ("device", "improvised mine", 1805.0, "people"),
        ("civilian status", "civilian", 78.0, "percent where status was known"),
    ]


def test_a_grant_is_a_contribution_of_a_calendar_year() -> None:
    _, tables = read_source("landmine_monitor", {TABLES: [GRANT]})
    only(tables["funding"], series="monitor_recipient_tables", area="LAO", donor_area="USA",
         flow="contribution", year_basis="calendar", sector="clearance", is_printed_total=False)  # fmt: skip


@pytest.mark.parametrize(
    ("printed", "sector"),
    [("", "unspecified"), ("victim assistance", "victim assistance"), ("various", "several"),
     ("clearance; risk education", "several")],
)  # fmt: skip
def test_a_grant_for_several_sectors_is_not_split(printed: str, sector: str) -> None:
    _, tables = read_source("landmine_monitor", {TABLES: [GRANT | {"sector": printed}]})
    only(tables["funding"], sector=sector, sector_as_printed=printed or None)


def test_the_two_ends_of_one_grant_are_two_series() -> None:
    other = GRANT | {"table_kind": "donor table"}
    _, tables = read_source("landmine_monitor", {TABLES: [GRANT, other]})
    assert set(tables["funding"]["series"]) == {"monitor_recipient_tables", "monitor_donor_tables"}


def test_a_states_own_money_is_apart_from_what_it_received() -> None:
    row: Row = {"recipient": "Croatia", "year": "2016", "amount_usd": "7", "edition": "Landmine Monitor 2017",
                "source_url": "https://example.org"}  # fmt: skip
    own = row | {"measure": "national (the state's own contribution)"}
    _, tables = read_source("landmine_monitor", {TOTALS: [row | {"measure": "international"}, own]})
    rows = tables["funding"].sort("series").select("series", "donor", "is_printed_total").rows()
    assert rows == [
        ("monitor_national_contributions", "Croatia", True),
        ("monitor_recipient_totals", "All donors", True),
    ]


@pytest.mark.parametrize(
    ("printed", "note", "precision"),
    [
        ("US$475 million", '"more than $475 million", 26 countries', "floor"),
        ("US$446 million", '"almost $446 million"; rounded', "ceiling"),
        ("more than ¥5.9 billion", "rounded to the million figure printed in the text", "floor"),
        ("almost £20 million", "rounded to the million figure printed in the text", "ceiling"),
        ("US$339 million", "more than 24 donors; rounded to the million", "rounded"),
        ("CHF14,417,895", "", "exact"),
    ],
)
def test_more_than_qualifies_an_amount_but_not_a_number_of_donors(
    printed: str, note: str, precision: str
) -> None:
    row: Row = {"donor": "Japan", "year": "2022", "amount_usd": "45300000", "note": note,
                "measure": "international mine action, all recipients",
                "amount_as_printed": printed, "edition": "Landmine Monitor 2023",
                "source_url": "https://example.org"}  # fmt: skip
    _, tables = read_source("landmine_monitor", {DONORS: [row]})
    only(tables["funding"], series="monitor_donor_totals", precision=precision)


def test_clearance_and_contamination_printed_by_others_are_left_to_them() -> None:
    cleared: Row = {"country": "Angola", "year": "2023", "area_cleared_km2": "1.5", "hazard": "mines",
                    "edition": "Mine Action Review", "source_url": "https://example.org"}  # fmt: skip
    ours = cleared | {"edition": "Landmine Monitor 2024"}
    reading, tables = read_source("landmine_monitor", {CLEARANCE: [cleared, ours]})
    only(tables["clearance"], area="AGO", area_cleared_km2=1.5, area_cleared_precision="exact",
         area_reduced_precision=None)  # fmt: skip
    assert reading.deselected[CLEARANCE] == 1


def test_a_date_of_contamination_that_is_not_one_is_a_reject() -> None:
    row: Row = {"country": "Angola", "as_of": "about 2016", "contamination_as_printed": "129 km2",
                "hazard": "mines", "edition": "Landmine Monitor 2017",
                "source_url": "https://example.org"}  # fmt: skip
    reading, _ = read_source("landmine_monitor", {CONTAMINATION: [row]})
    assert [(r.column, r.rule) for r in reading.rejects] == [("as_of", "not a date")]


@pytest.mark.parametrize("source", ["landmine_monitor", "national_registers"])
def test_every_stated_bound_of_clearance_finds_its_figure(
    ledger_con: duckdb.DuckDBPyConnection, source: str
) -> None:
    bounds = pl.read_csv(PACKAGE / "sources" / source / "clearance_bounds.csv", infer_schema=False)
    columns = [name for name in bounds.columns if name.endswith("_precision")]
    cleared = ledger_con.execute("FROM clearance WHERE source_id = ?", [source]).pl()
    for bound in bounds.iter_rows(named=True):
        figure = cleared.filter(
            area_as_printed=bound["country"], year=int(bound["year"]), hazard=bound["hazard"],
            edition=bound["edition"],
        )  # fmt: skip
        stated = {name: bound[name] for name in columns if bound[name]}
        only(figure, **stated)


def test_the_compilers_table_of_casualties_by_year_comes_out_of_the_view(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    found = {
        year: (count, total)
        for year, count, total in select(
            ledger_con,
            """SELECT calendar_year, count(total), sum(total)::BIGINT
            FROM casualties_by_area_year WHERE measure = 'monitor' GROUP BY ALL""",
        )
    }
    noted: dict[int, tuple[int, int | None]] = {}
    for row in notes_table("casualties", "| year | rows | countries with total"):
        latest = row["sum, latest print"]
        noted[int(row["year"])] = (
            int(row["countries with total"]), None if latest == "none" else number(latest),
        )  # fmt: skip
    # Nigeria 2019 is quoted with 238 and 239; the view takes the first and says is_disputed
    assert noted[2019] == (9, 4351)
    noted[2019] = (9, 4350)
    assert found == noted
    assert select(
        ledger_con,
        """SELECT area, total, lowest_total, highest_total FROM casualties_by_area_year
        WHERE is_disputed AND calendar_year = 2019""",
    ) == [("NGA", 238, 238, 239)]


def test_no_country_sum_exceeds_the_newest_world_total(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        """WITH world AS (
            SELECT year, max(total) AS total FROM casualties
            WHERE series = 'monitor_world_casualties' GROUP BY year
        )
        SELECT calendar_year FROM casualties_by_area_year JOIN world ON year = calendar_year
        WHERE measure = 'monitor' GROUP BY ALL HAVING sum(casualties_by_area_year.total) > any_value(world.total)""",
    )
    assert rows == []


def test_the_35_revisions_of_the_notes_are_the_years_with_more_than_one_total(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    totals: dict[tuple[int, str], set[int]] = defaultdict(set)
    for year, country, total in select(
        ledger_con,
        """SELECT year, area_as_printed, total FROM casualties
        WHERE series = 'monitor_casualties' AND total IS NOT NULL""",
    ):
        totals[year, country].add(total)
    noted = {
        (int(row["year"]), row["country"]): {number(part) for part in row["totals"].split(" -> ")}
        for row in notes_table("casualties", "| year | country | totals")
    }
    assert len(noted) == 35
    revised = {key: values for key, values in totals.items() if len(values) > 1}
    assert revised.pop((2019, "Nigeria")) == {238, 239}, "one edition, quoted twice"
    assert revised == noted


def test_the_view_shows_the_last_total_of_every_noted_revision(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    shown = {
        (year, country): total
        for year, country, total in select(
            ledger_con,
            """SELECT calendar_year, area_as_printed, view.total
            FROM casualties_by_area_year AS view JOIN casualties USING (entry_id)
            WHERE measure = 'monitor'""",
        )
    }
    wrong = {}
    for row in notes_table("casualties", "| year | country | totals"):
        key, last = (int(row["year"]), row["country"]), number(row["totals"].split(" -> ")[-1])
        if shown[key] != last:
            wrong[key] = (shown[key], last)
    assert wrong == {}


def test_the_devices_of_2016_add_to_the_worlds_total(ledger_con: duckdb.DuckDBPyConnection) -> None:
    rows = select(
        ledger_con,
        """SELECT total, (SELECT sum(value) FROM splits
            WHERE splits.entry_id = casualties.entry_id AND dimension = 'device')
        FROM casualties WHERE series = 'monitor_world_casualties' AND year = 2016
            AND edition = 'Landmine Monitor 2017'""",
    )
    assert (8605, 8605.0) in rows


def test_the_united_states_share_is_the_one_of_the_notes_for_every_country_and_year(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    table = notes_table("world", "| country | year | United States | all donors | share")
    assert len(table) == 29
    for row in table:
        found = select(
            ledger_con,
            """SELECT us_usd, all_donors_usd, round(us_share_percent::DECIMAL(9, 1), 1)
            FROM dependency JOIN areas USING (area)
            WHERE is_newest_edition AND calendar_year = ?
                AND (areas.name = ? OR list_contains(string_split(spellings, ' ; '), ?))""",
            int(row["year"]), row["country"], row["country"],
        )  # fmt: skip
        assert len(found) == 1, row
        us, everyone, percent = found[0]
        assert (int(us), int(everyone)) == (number(row["United States"]), number(row["all donors"]))
        share = (100 * us / everyone).quantize(Decimal(1), ROUND_HALF_UP)
        assert f"{share}%" == row["share"]
        assert abs(percent - 100 * us / everyone) <= Decimal("0.05")


def test_every_area_and_year_has_one_newest_share(ledger_con: duckdb.DuckDBPyConnection) -> None:
    rows = select(
        ledger_con,
        """SELECT area, calendar_year FROM dependency GROUP BY ALL
        HAVING count(*) FILTER (WHERE is_newest_edition) <> 1""",
    )
    assert rows == []


def test_a_share_is_never_above_the_whole_and_never_guessed(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        """SELECT area, calendar_year FROM dependency
        WHERE us_usd > all_donors_usd OR (NOT is_us_listed AND denominator NOT LIKE 'sum%')""",
    )
    assert rows == []


def test_tables_read_whole_add_to_the_printed_total_within_three_dollars(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    rows = select(
        ledger_con,
        """SELECT area, calendar_year, all_donors_usd - printed_total_usd FROM dependency
        WHERE sum_check = 'rows sum to the printed total' AND printed_total_precision = 'exact'
            AND abs(all_donors_usd - printed_total_usd) > 3""",
    )
    assert rows == []
