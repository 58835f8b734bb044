"""Casualties side by side: one figure stands for a year, chosen and never added; breaks, rates, checks."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl import record
from etl.areas import Resolver, load_areas
from etl.check import check
from etl.implementers import load_implementers
from etl.log import replace_reference
from etl.publish import build_views
from etl.reading import Reading
from etl.refresh import refresh
from etl.retrieve import Given
from etl.settings import Folders
from etl.sources import all_sources
from etl.tables import (
    CASUALTY_MEASURES,
    FACT_TABLES,
    NEVER_CHOSEN,
    CasualtyEvents,
    Spine,
    polars_schema,
)
from tests.helpers import DATA, NO_LIMITS, ask, contents, csv_text, notes_table, number, select
from tests.sources.test_colombia_events import ACCIDENT
from tests.sources.test_colombia_victims import FARMER, HEADER, SOLDIER

SAMPLES = DATA.parents[1] / "shared" / "samples" / "casualty_events"


def feed(
    folders: Folders, source: str, header: list[str], rows: list[dict[str, str]], path: Path
) -> None:
    """Read a copy of a register that holds these rows."""
    path.write_text(csv_text(header, rows), encoding="utf-8")
    spec = all_sources()[source].model_copy(update={"min_entries": 0, "guard": NO_LIMITS})
    outcome = refresh(folders, [spec], given={source: [Given(str(path), "a test")]})
    assert outcome.published, [one.failure for one in outcome.sources]


# The embedded ledger


def test_each_area_and_year_with_a_count_of_people_has_one_chosen_figure(
    built_folders: Folders,
) -> None:
    assert ask(
        built_folders,
        """SELECT area_name, calendar_year FROM casualties_side_by_side GROUP BY ALL
        HAVING count(*) FILTER (WHERE is_chosen) <> 1""",
    ) == []  # fmt: skip
    assert ask(
        built_folders,
        "SELECT count(*), count(DISTINCT (area_name, calendar_year)) FROM casualties_by_area_year",
    ) == [(528, 528)]


def test_every_printed_figure_of_a_country_stands_side_by_side_once(built_folders: Folders) -> None:
    missing = ask(
        built_folders,
        """SELECT entry_id FROM casualties WHERE series <> 'monitor_world_casualties'
        EXCEPT ALL SELECT entry_id FROM casualties_side_by_side""",
    )
    assert missing == []
    assert ask(
        built_folders,
        "SELECT measure, count(*), count(total) FROM casualties_side_by_side GROUP BY ALL ORDER BY ALL",
    ) == [("monitor", 476, 473), ("monitor_other", 202, 202), ("register_counts", 172, 170)]


def test_colombias_copies_stand_beside_the_monitors_newest_edition(built_folders: Folders) -> None:
    rows = ask(
        built_folders,
        """SELECT measure, total, is_newest_edition, is_other_scope, is_chosen
        FROM casualties_side_by_side WHERE area = 'COL' AND calendar_year = 2020
        ORDER BY choice_order, total""",
    )
    assert rows == [
        ("monitor", 167, True, False, True),
        ("register_counts", 173, False, False, False),  # the copy of 2022
        ("register_counts", 176, True, False, False),  # the copy of 2025
        ("register_counts", 389, True, True, False),  # ICRC: devices that the Monitor leaves out
    ]


def test_where_the_monitor_is_silent_the_newest_copy_of_the_register_stands_for_the_year(
    built_folders: Folders,
) -> None:
    rows = ask(
        built_folders,
        """SELECT calendar_year, measure, total, is_partial_year, break_reason
        FROM casualties_by_area_year WHERE area = 'COL' AND calendar_year >= 2017 ORDER BY 2, 1""",
    )
    register = "Colombia, Situación Víctimas Minas Antipersonal"
    assert sorted(rows) == [
        (2017, "monitor", 56, False, None),
        (2018, "register_counts", 179, False, "another source than in 2017 (Landmine Monitor)"),
        (2019, "register_counts", 117, False, None),
        (2020, "monitor", 167, False, f"another source than in 2019 ({register})"),
        (2021, "register_counts", 157, False, "another source than in 2020 (Landmine Monitor)"),
        (2022, "register_counts", 139, False, None),
        (2023, "register_counts", 85, True, "only part of the year is counted"),
    ]


def test_the_range_of_totals_is_that_of_one_body_and_of_whole_years(built_folders: Folders) -> None:
    rows = ask(
        built_folders,
        """SELECT calendar_year, total, lowest_total, highest_total, editions_count
        FROM casualties_by_area_year WHERE area = 'COL' AND calendar_year IN (2006, 2019, 2021) ORDER BY 1""",
    )
    assert rows == [
        (2006, 1167, 1106, 1167, 2),
        (2019, 117, 114, 117, 2),
        (2021, 157, 157, 157, 2),  # not the 73 of half a year, nor the 378 of the ICRC
    ]


def test_jumps_that_the_notes_lay_to_another_source_are_breaks(built_folders: Folders) -> None:
    rows = ask(
        built_folders,
        """SELECT area, calendar_year, total, break_reason FROM casualties_by_area_year
        WHERE area IN ('LBY', 'YEM') AND calendar_year BETWEEN 2014 AND 2017 AND is_break ORDER BY ALL""",
    )
    assert rows == [
        ("LBY", 2015, 1004, "data of two hospitals came in"),
        ("LBY", 2016, 1610, "hospital admissions of the ICRC came in"),
        ("LBY", 2017, 184, "the hospital admissions were not supplied"),
        ("YEM", 2016, 2104, "nearly all of it are hospital admissions"),
        ("YEM", 2017, 160, "without the hospital admissions"),
    ]


def test_a_lower_bound_breaks_the_series_where_it_begins_and_where_it_ends(
    built_folders: Folders,
) -> None:
    rows = ask(
        built_folders,
        """SELECT calendar_year, lower_bound, break_reason FROM casualties_by_area_year
        WHERE area = 'TCD' AND calendar_year BETWEEN 2011 AND 2013 ORDER BY 1""",
    )
    assert rows == [
        (2011, False, None),
        (2012, True, "a lower bound: the total is printed as at least"),
        (2013, False, "2012 is a lower bound, this is not"),
    ]


@pytest.mark.parametrize(
    ("area", "year", "total", "is_other_scope"),
    [
        ("SOM", 2017, 96, True),  # not part of the Monitor's 55
        ("TUR", 2011, 106, True),  # mines only
        ("LKA", 2012, 33, True),  # civilians
        ("MLI", 2019, 459, True),  # not only devices set off by the victim
        ("TUR", 2014, 26, False),
        ("THA", 2011, 24, False),
    ],
)
def test_a_note_that_narrows_or_widens_the_count_is_heeded(
    built_folders: Folders, area: str, year: int, total: int, is_other_scope: bool
) -> None:
    rows = ask(
        built_folders,
        """SELECT is_other_scope FROM casualties_side_by_side
        WHERE measure = 'register_counts' AND area = ? AND calendar_year = ? AND total = ?""",
        area, year, total,
    )  # fmt: skip
    assert rows == [(is_other_scope,)]


# Words that may narrow or widen a count, and how a note holds one that does not: of a part of the total, of an area
# that has a row of its own, or of what is printed. A new note with such a word has to be read and put into one of
# the two: the view's words for another scope, or these.
MAY_NARROW = re.compile(
    r"(?i)\bonly\b|not limited|wider|exclud|\bcivilians?\b|provinces|deaths|explosive devices"
)
OF_A_PART = re.compile(
    r"(?i)civilian status|civilian column|printed split|printed only up to|media reports only|"
    r"the text calls the list deaths|civilian antivehicle mine casualties in South Ossetia|"
    r"excludes (somaliland|nagorno-karabakh|south sudan|the occupied golan heights)|"
    r"children counted among civilians of known age|kurdistan region only|"
    r"excludes 96 victim-activated IED casualties that UNMAS reported"  # which have a row of their own
)


def test_every_note_that_may_narrow_or_widen_a_count_was_read_by_a_person(
    built_folders: Folders,
) -> None:
    held = ask(
        built_folders,
        """SELECT DISTINCT note, is_other_scope FROM casualties_side_by_side
        WHERE note IS NOT NULL AND entry_id IS NOT NULL""",
    )
    suspect = {
        note for note, is_other_scope in held if MAY_NARROW.search(note) and not is_other_scope
    }
    assert suspect
    assert {note for note in suspect if not OF_A_PART.search(note)} == set()
    assert sum(is_other_scope for _, is_other_scope in held) == 26


def test_the_years_without_a_figure_are_counted_and_not_filled(built_folders: Folders) -> None:
    rows = ask(
        built_folders,
        """SELECT calendar_year, years_missing FROM casualties_by_area_year
        WHERE area = 'YEM' AND calendar_year >= 2017 ORDER BY 1""",
    )
    assert rows == [(2017, 0), (2019, 1), (2020, 0), (2022, 1), (2023, 0)]


def test_the_profile_of_an_area_stays_with_the_monitor(built_folders: Folders) -> None:
    (row,) = ask(
        built_folders,
        "SELECT casualties_year, casualties_total FROM area_profile WHERE area = 'COL'",
    )
    assert row == (2020, 167), "not the register's 2023"


def _printed(year: int, total: int | None, **more: object) -> dict[str, Any]:
    """A total of the Monitor for Cambodia."""
    return {
        "series": "monitor_casualties", "area": "KHM", "year": year, "report": "Landmine Monitor", "edition": "2020",
        "total": total, "is_partial_year": False, "lower_bound": False, "note": None, **more,
    }  # fmt: skip


def test_the_latest_casualties_are_of_a_whole_year_and_of_all_who_were_hurt() -> None:
    printed = [
        _printed(2014, 30),
        _printed(2015, 10, edition="2016"),
        _printed(2015, 11, edition="2017"),
        _printed(2016, 5, is_partial_year=True),
        _printed(2017, 7, note="civilians only"),
        _printed(2018, None),
        _printed(2019, 9, series="national_casualties", report="A body"),
    ]
    with _ledger(printed, []) as con:
        for query in (
            "SELECT calendar_year, total, entry_id FROM casualties_latest",
            "SELECT casualties_year, casualties_total, casualties_entry_id FROM area_profile",
        ):
            assert select(con, query) == [(2015, 11, f"x-{2:016x}")]


def test_a_newer_edition_that_counts_part_of_a_year_does_not_replace_the_whole_one() -> None:
    printed = [
        _printed(2015, 10, edition="2016"),
        _printed(2015, 4, edition="2017", is_partial_year=True),
    ]
    with _ledger(printed, []) as con:
        for view in ("casualties_by_area_year", "casualties_latest"):
            assert select(con, f"SELECT calendar_year, total FROM {view}") == [(2015, 10)]
        assert select(
            con, "SELECT total, measure FROM casualties_side_by_side ORDER BY total DESC"
        ) == [(10, "monitor"), (4, "monitor_other")]


def test_a_figure_of_all_who_were_hurt_goes_before_one_of_civilians_only() -> None:
    printed = [
        _printed(2015, 7, note="civilians only"),
        _printed(2015, 9, series="national_casualties", report="A body"),
    ]
    with _ledger(printed, []) as con:
        chosen = select(con, "SELECT total, measure FROM casualties_by_area_year")
    assert chosen == [(9, "register_counts")]


def test_the_profile_and_the_ranking_take_one_figure_for_the_latest_casualties(
    built_folders: Folders,
) -> None:
    latest, profile, ranking = (
        set(ask(built_folders, query))
        for query in (
            "SELECT area, calendar_year, total, lower_bound, entry_id FROM casualties_latest",
            """SELECT area, casualties_year, casualties_total, is_casualties_lower_bound, casualties_entry_id
            FROM area_profile WHERE casualties_year IS NOT NULL""",
            """SELECT area, casualties_year, casualties_total, is_casualties_lower_bound, casualties_entry_id
            FROM orphaned WHERE casualties_year IS NOT NULL""",
        )
    )
    assert profile <= latest
    assert ranking <= profile
    assert len(ranking) > 20
    whole = ask(
        built_folders,
        """SELECT area, max(year) FROM casualties
        WHERE series = 'monitor_casualties' AND total IS NOT NULL AND NOT is_partial_year GROUP BY area""",
    )
    assert {(row[0], row[1]) for row in latest} <= set(whole)


# The world


def test_the_compilers_27_years_of_sums_and_shares_come_out_of_the_view(
    built_folders: Folders,
) -> None:
    table = notes_table("casualties", "| year | rows | countries with total")
    found = {
        row[0]: row[1:]
        for row in ask(
            built_folders,
            """SELECT calendar_year, areas_read_count, areas_first_sum, areas_sum,
                round(100 * areas_sum / total)::BIGINT
            FROM casualties_world WHERE is_newest_edition OR edition IS NULL""",
        )
    }
    assert found.pop(2004) == (0, None, None, None), "no country of 2004 was read"
    assert sorted(found) == [int(row["year"]) for row in table]
    for row in table:
        sums = [None if row[name] == "none" else number(row[name])
                for name in ("sum, first print", "sum, latest print")]  # fmt: skip
        share = row["share"].removesuffix("%")
        noted = (
            int(row["countries with total"]), *sums, int(share) if share.isdigit() else None,
        )  # fmt: skip
        if row["year"] == "2019":  # Nigeria is quoted with 238 and 239; the view takes the first
            noted = (9, 4350, 4350, 74)
        assert found[int(row["year"])] == noted, row


def test_every_printed_world_total_stands_with_its_edition(built_folders: Folders) -> None:
    printed: defaultdict[int, set[tuple[int, str]]] = defaultdict(set)
    for row in notes_table("casualties", "| year | rows | countries with total"):
        for part in row["world total printed (edition)"].split("; "):
            if part != "none read":
                total, edition = part.rstrip(")").split(" (LM ")
                printed[int(row["year"])].add((number(total), edition))
    found: defaultdict[int, set[tuple[int, str]]] = defaultdict(set)
    for year, total, edition in ask(
        built_folders,
        "SELECT calendar_year, total, right(edition, 4) FROM casualties_world WHERE total IS NOT NULL",
    ):
        found[year].add((total, edition))
    for year, totals in printed.items():
        assert totals <= found[year], year
        assert {total for total, _ in found[year]} == {total for total, _ in totals}, year


def test_the_splits_of_the_world_are_those_of_their_edition(built_folders: Folders) -> None:
    (devices,) = ask(
        built_folders,
        """SELECT total, antipersonnel_mine + improvised_mine + antivehicle_mine + unspecified_mine
            + cluster_munition_remnant + other_erw + not_told_apart, civilian_percent
        FROM casualties_world WHERE calendar_year = 2016 AND edition = 'Landmine Monitor 2017'""",
    )
    assert devices == (8605, 8605, 78.0)
    (sexes,) = ask(
        built_folders,
        """SELECT men_and_boys, women_and_girls, children, civilian_percent FROM casualties_world
        WHERE calendar_year = 2022 AND edition = 'Landmine Monitor 2023'""",
    )
    assert sexes == (2095, 404, 1171, 85.0)


def test_an_outcome_that_is_not_printed_is_not_nought(built_folders: Folders) -> None:
    rows = ask(
        built_folders,
        """SELECT calendar_year, total - killed - injured, unknown, is_total_confirmed FROM casualties_world
        WHERE calendar_year IN (2010, 2018, 2024) AND killed IS NOT NULL ORDER BY 1""",
    )
    assert rows == [(2010, 188, None, None), (2018, 1, 1, True), (2024, 9, None, None)]


@pytest.mark.parametrize(
    ("unknown", "total", "adds_up"),
    [(None, 9, None), (None, 7, True), (None, 6, False), (1, 9, False), (2, 9, True)],
)
def test_whether_parts_add_up_is_not_known_while_one_is_missing(
    *, unknown: int | None, total: int, adds_up: bool | None
) -> None:
    one = {
        "series": "monitor_casualties", "report": "R", "area": "VNM", "year": 2010, "edition": "1",
        "killed": 3, "injured": 4, "unknown": unknown, "total": total, "lower_bound": False,
        "is_partial_year": False,
    }  # fmt: skip
    with _ledger([one], []) as con:
        assert select(con, "SELECT is_total_confirmed FROM casualties_side_by_side") == [(adds_up,)]


def test_no_edition_prints_a_world_figure_in_two_ways(built_folders: Folders) -> None:
    measures = ("killed", "injured", "unknown", "total", "children")
    several = " OR ".join(f"count(DISTINCT {name}) > 1" for name in measures)
    assert ask(
        built_folders,
        f"""SELECT year, edition FROM casualties WHERE series = 'monitor_world_casualties'
        GROUP BY ALL HAVING {several}""",
    ) == []  # fmt: skip
    assert ask(
        built_folders,
        """SELECT casualties.year, edition, dimension, category FROM splits
        JOIN casualties USING (entry_id) WHERE series = 'monitor_world_casualties'
        GROUP BY ALL HAVING count(DISTINCT value) > 1""",
    ) == []  # fmt: skip


# Checks and rates


def test_the_checks_find_what_the_notes_find(built_folders: Folders) -> None:
    odd = ask(
        built_folders,
        """SELECT "check", calendar_year, value, reference, difference FROM casualty_checks
        WHERE area = 'XWD' AND ("check" = 'parts and total' AND outcome <> 'equal'
            OR "check" = 'countries and world' AND outcome = 'above') ORDER BY ALL""",
    )
    assert odd == [
        (
            "countries and world",
            2012,
            4065,
            3628,
            437,
        ),  # Afghanistan was raised after the report closed
        ("countries and world", 2015, 6756, 6461, 295),
        ("parts and total", 2006, 5663, 5751, -88),
        ("parts and total", 2010, 4003, 4191, -188),
        ("parts and total", 2022, 4676, 4710, -34),
        ("parts and total", 2024, 6270, 6279, -9),
    ]
    assert ask(
        built_folders,
        """SELECT count(*) FROM casualty_checks
        WHERE "check" = 'parts and total' AND area <> 'XWD' AND outcome <> 'equal'""",
    ) == [(0,)]


def test_the_register_is_held_against_the_monitor_year_by_year(built_folders: Folders) -> None:
    rows = ask(
        built_folders,
        """SELECT calendar_year, value, reference, difference, ratio, outcome FROM casualty_checks
        WHERE area = 'COL' AND "check" = 'register and Monitor' AND contains(edition, 'copy of 2025-10')
            AND calendar_year IN (2006, 2010, 2017, 2020) ORDER BY 1""",
    )
    assert rows == [
        (2006, 1224, 1167, 57, 1.0488, "above"),
        (2010, 679, 540, 139, 1.2574, "above"),
        (2017, 59, 56, 3, 1.0536, "above"),
        (2020, 176, 167, 9, 1.0539, "above"),
    ]


def test_without_a_population_there_is_no_rate_and_with_one_it_is_named(
    published: Folders, tmp_path: Path
) -> None:
    assert ask(
        published, "SELECT count(*) > 400, count(rate), count(people) FROM casualty_rates"
    ) == [(True, 0, 0)]
    path = tmp_path / "population_test.csv"
    path.write_text(
        "Country Name,Country Code,Year,Value\nColombia,COL,2016,47437512\nColombia,COL,2023,52321152\n"
        "Jordan,JOR,2011,7000000\n", encoding="utf-8",
    )  # fmt: skip
    spec = all_sources()["worldbank"].model_copy(update={"min_entries": 0})
    assert refresh(published, [spec], given={"worldbank": [Given(str(path))]}).published
    rows = ask(
        published,
        """SELECT area, calendar_year, total, people, rate, small_number_note IS NOT NULL,
            population_source_id
        FROM casualty_rates WHERE people IS NOT NULL ORDER BY ALL""",
    )
    assert rows == [
        ("COL", 2016, 89, 47437512, 0.188, False, "worldbank"),
        ("COL", 2023, 85, 52321152, None, False, "worldbank"),  # part of the year
        ("JOR", 2011, 6, 7000000, 0.086, True, "worldbank"),
    ]


# Registers whose rows are counted


def test_people_and_accidents_are_counted_apart_and_the_newest_year_is_never_whole(
    published: Folders, tmp_path: Path
) -> None:
    people = [FARMER, SOLDIER, FARMER | {"sitio": "Otra"}, FARMER | {"ano": "2024", "mes": "2"}]
    feed(published, "colombia_victims", list(HEADER), people, tmp_path / "colombia_victims.csv")
    accidents = [ACCIDENT | {"ano": "2006"}, ACCIDENT | {"ano": "2024"}]
    feed(published, "colombia_events", list(ACCIDENT), accidents, tmp_path / "colombia_events.csv")
    rows = ask(
        published,
        """SELECT calendar_year, measure, unit, killed, injured, total, events_count, is_partial_year,
            is_chosen, entries_count
        FROM casualties_side_by_side
        WHERE measure IN ('register_rows', 'event_counts') ORDER BY 1, choice_order""",
    )
    assert rows == [
        (2006, "register_rows", "person", 1, 2, 3, None, False, False, 3),
        (2006, "event_counts", "event", None, None, None, 1, False, False, 1),
        (2024, "register_rows", "person", 0, 1, 1, None, True, True, 1),
        (2024, "event_counts", "event", None, None, None, 1, True, False, 1),
    ]
    (chosen,) = ask(
        published,
        """SELECT entry_id, total, is_partial_year, last_date, break_reason FROM casualties_by_area_year
        WHERE area = 'COL' AND calendar_year = 2024""",
    )
    assert chosen[:4] == (None, 1, True, "2024-02")
    assert "only part of the year is counted" in chosen[4]
    assert ask(
        published,
        """SELECT calendar_year, outcome, value, reference, difference FROM casualty_checks
        WHERE "check" = 'accidents and people' ORDER BY 1""",
    ) == [(2006, "above", 3, 1, None), (2024, "not compared", 1, 1, None)]


def test_rows_that_the_publisher_dropped_are_named_and_not_counted(
    published: Folders, tmp_path: Path
) -> None:
    path = tmp_path / "colombia_victims.csv"
    people = [FARMER, SOLDIER, FARMER | {"ano": "2007"}, FARMER | {"ano": "2009"}]
    feed(published, "colombia_victims", list(HEADER), people, path)
    feed(published, "colombia_victims", list(HEADER), [people[0], people[3]], path)
    rows = ask(
        published,
        """SELECT calendar_year, total, entries_count, withdrawn_count, is_chosen, note
        FROM casualties_side_by_side WHERE measure = 'register_rows' ORDER BY 1""",
    )
    assert [row[:5] for row in rows] == [
        (2006, 1, 1, 1, False), (2007, None, 0, 1, False), (2009, 1, 1, 0, False),
    ]  # fmt: skip
    assert rows[0][5] == "1 rows that the publisher dropped are not counted"


def test_the_rows_of_the_copy_of_2017_give_the_yearly_counts_transcribed_from_it(
    published: Folders,
) -> None:
    copy = SAMPLES / "colombia_victims_2017-10.csv"
    if not copy.exists():
        pytest.skip("the sample of Colombia's register is not on this machine")
    spec = all_sources()["colombia_victims"]
    assert refresh(published, [spec], given={spec.source_id: [Given(str(copy))]}).published
    columns = "calendar_year, killed, injured, total, civilian, military, children"
    query = f"SELECT {columns} FROM casualties_side_by_side WHERE area = 'COL' AND "
    counted = ask(published, f"{query} measure = 'register_rows' ORDER BY 1")
    noted = ask(
        published,
        f"{query} measure = 'register_counts' AND contains(edition, '2017-10') ORDER BY 1",
    )
    assert len(counted) == 28
    assert counted == noted


# Privacy


@pytest.mark.parametrize(
    ("source", "row"),
    [("colombia_victims", FARMER), ("colombia_victims", SOLDIER), ("colombia_events", ACCIDENT)],
)
def test_a_row_says_no_more_of_a_person_or_place_than_the_publishers_row(
    source: str, row: dict[str, str]
) -> None:
    spec = all_sources()[source]
    reading = Reading()
    header = list(HEADER) if source == "colombia_victims" else list(row)
    content = csv_text(header, [row]).encode()
    spec.reader()(
        contents({spec.files[0]: content}), reading, Resolver(load_areas(DATA / "reference"))
    )
    (values,) = check(spec, reading).tables["casualty_events"].to_dicts()
    told = {value.casefold() for value in row.values()}
    digits = {re.sub(r"[^0-9]", "", value).lstrip("0") for value in row.values()}
    points = {float(text) for text in row.values() if re.fullmatch(r"-?\d+\.\d+", text)}
    # set words stand for the publisher's own; the number tells rows apart; the country is the register's
    words = {"unit", "area", "area_as_printed", "occurrence", "outcome", "condition", "age_group", "sex",
             "device", "place_kind"}  # fmt: skip
    numbers = {"year", "month", "date", "admin1_code", "admin2_code"}
    for name in CasualtyEvents.columns():
        value = values.get(name)
        if value is None or name in words or name in Spine.columns():
            continue
        if name in numbers:
            assert all(part.lstrip("0") in digits for part in str(value).split("-")), (name, value)
        elif isinstance(value, float):
            assert value in points, (name, value)
        else:
            assert str(value).casefold() in told, (name, value)


# Whatever the rows

YEARS = st.sampled_from([2015, 2016])
COUNT = st.none() | st.integers(0, 40)
PRINTED = st.fixed_dictionaries(
    {
        "series": st.sampled_from(["monitor_casualties", "national_casualties", "tabular_x"]),
        "area": st.sampled_from(["KHM", "COL"]),
        "year": YEARS,
        "report": st.sampled_from(["A body (quoted by B)", "A body (quoted by C)", "Another body"]),
        "edition": st.sampled_from(["2016", "2017"]),
        "killed": COUNT,
        "injured": COUNT,
        "total": COUNT,
        "is_partial_year": st.booleans(),
        "lower_bound": st.booleans(),
        "note": st.sampled_from([None, "civilians only", "device: 3 ERW"]),
    }
)
ROW = st.fixed_dictionaries(
    {
        "unit": st.sampled_from(["person", "event"]),
        "area": st.sampled_from(["KHM", "COL"]),
        "year": YEARS,
        "outcome": st.sampled_from(["killed", "injured", "unknown"]),
        "killed": COUNT,
        "injured": COUNT,
    }
)


def _ledger(printed: list[dict[str, Any]], rows: list[dict[str, Any]]) -> duckdb.DuckDBPyConnection:
    """A ledger in memory that holds these casualties and nothing else."""
    con = duckdb.connect()
    record.create_tables(con)
    reference = DATA / "reference"
    replace_reference(con, load_areas(reference), load_implementers(reference), all_sources())
    shared = {"source_id": "x", "source_url": "https://example.org/"}
    casualties = [
        {**shared, "is_prior_year": False, "is_secondary": False, "edition_order": row["edition"],
         "area_as_printed": row["area"], "locator": f"line {place}", "entry_id": f"x-{place:016x}", **row}
        for place, row in enumerate(printed)
    ]  # fmt: skip
    events = [
        {
            **shared, **row, "series": f"{row['unit']}s", "report": "R", "edition": "E",
            "area_as_printed": row["area"], "date": str(row["year"]), "entry_id": f"y-{place:016x}",
            "outcome": row["outcome"] if row["unit"] == "person" else None,
            "killed": row["killed"] if row["unit"] == "event" else None,
            "injured": row["injured"] if row["unit"] == "event" else None,
        }
        for place, row in enumerate(rows)
    ]  # fmt: skip
    for table, made in (("casualties", casualties), ("casualty_events", events)):
        if made:
            types = polars_schema(FACT_TABLES[table])
            frame = pl.DataFrame(made, infer_schema_length=None)
            con.register(
                "made", frame.select(pl.col(name).cast(types[name]) for name in frame.columns)
            )
            con.execute(f"INSERT INTO present.{table} BY NAME FROM made")
    build_views(con)
    return con


@given(st.lists(PRINTED, max_size=14), st.lists(ROW, max_size=14))
@settings(max_examples=12, deadline=None)
def test_whatever_is_counted_one_figure_stands_for_a_year_and_it_is_no_sum(
    printed: list[dict[str, Any]], rows: list[dict[str, Any]]
) -> None:
    with _ledger(printed, rows) as con:
        said = select(
            con,
            """SELECT area, calendar_year, measure, total, is_partial_year, entry_id, entries_count,
                events_count, is_chosen FROM casualties_side_by_side""",
        )
        chosen = select(
            con, "SELECT area, calendar_year, total, entry_id FROM casualties_by_area_year"
        )
    assert len([row for row in said if row[5]]) == len(printed), "each printed figure stands once"
    by_year: defaultdict[tuple[str, int], list[tuple[Any, ...]]] = defaultdict(list)
    for row in said:
        by_year[row[0], row[1]].append(row)
    for place, measures in by_year.items():
        able = [
            row for row in measures
            if row[2] not in NEVER_CHOSEN and (row[2] != "event_counts" or row[3] is not None)
        ]  # fmt: skip
        picked = [row for row in measures if row[8]]
        assert len(picked) == min(len(able), 1)
        if picked:
            assert picked[0] in able
            assert not picked[0][4] or all(row[4] for row in able), (
                "part of a year over a whole one"
            )
            assert [(row[2], row[3]) for row in chosen if row[:2] == place] == [
                (picked[0][3], picked[0][5])
            ]
    # no sum: a printed total is that of its entry, a count that of one register's rows
    totals = {f"x-{place:016x}": row["total"] for place, row in enumerate(printed)}
    assert all(row[3] == totals[row[5]] for row in said if row[5])
    for row in said:
        if row[2] == "register_rows":
            alike = [one for one in rows if one["unit"] == "person"
                     and (one["area"], one["year"]) == row[:2]]  # fmt: skip
            assert (row[3], row[6], row[7]) == (len(alike), len(alike), None)
        if row[2] == "event_counts":
            alike = [one for one in rows if one["unit"] == "event"
                     and (one["area"], one["year"]) == row[:2]]  # fmt: skip
            assert (row[6], row[7]) == (len(alike), len(alike))


def test_the_order_of_choice_is_declared_once_and_explains_itself(built_folders: Folders) -> None:
    rows = ask(
        built_folders,
        "SELECT measure, choice_order, can_be_chosen, why FROM casualty_measures ORDER BY choice_order",
    )
    assert [row[0] for row in rows] == list(CASUALTY_MEASURES)
    assert [row[1] for row in rows] == list(range(1, len(rows) + 1))
    assert {row[0] for row in rows if not row[2]} == set(NEVER_CHOSEN)
    assert all(len(row[3]) > 40 and row[3].endswith(".") for row in rows)


def test_an_empty_ledger_has_empty_views(tmp_path: Path) -> None:
    with _ledger([], []) as con:
        for view in ("casualties_side_by_side", "casualties_by_area_year", "casualties_latest", "casualties_world",
                     "casualty_rates", "casualty_checks"):  # fmt: skip
            assert select(con, f"SELECT count(*) FROM {view}") == [(0,)]
