"""Casualties on the pages: the world, areas beside each other, counts side by side, and the checks."""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import polars as pl
import pytest
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from dashboard import casualties
from dashboard.api import api
from dashboard.show import MISSING
from etl.refresh import refresh
from etl.retrieve import Given
from etl.settings import Folders
from etl.sources import all_sources
from tests.dashboard.reading import rows_asked
from tests.dashboard.serving import REPOSITORY
from tests.helpers import DATA, NO_LIMITS, Row, ask, csv_text, run
from tests.sources.test_colombia_events import ACCIDENT
from tests.sources.test_colombia_victims import FARMER, HEADER, SOLDIER

Open = Callable[..., AppTest]
MONITOR = "Landmine Monitor, newest edition"
PRINTED = "Registers and others, as printed"
COUNTED = "Register of victims, its rows counted"
ACCIDENTS = "Register of accidents"


@pytest.fixture
def visit(pool: None) -> Open:
    """Opens a page with an address, as a reader does who follows a link."""

    def opened(name: str, **address: str) -> AppTest:
        app = AppTest.from_file(REPOSITORY / "dashboard/streamlit_app.py", default_timeout=60)
        for key, value in address.items():
            app.query_params[key] = value
        app = app.switch_page(f"app_pages/{name}.py").run()
        assert not app.exception, [error.message for error in app.exception]
        return app

    return opened


@pytest.fixture
def whole(built_folders: Folders, monkeypatch: pytest.MonkeyPatch) -> Folders:
    monkeypatch.setenv("HMA_DATA", str(built_folders.data))
    return built_folders


@pytest.fixture(scope="module")
def fed(built_folders: Folders, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """The embedded ledger with four people and two accidents of Colombia's registers: only read it."""
    folders = Folders(tmp_path_factory.mktemp("fed") / "data")
    shutil.copytree(built_folders.data, folders.data)
    people = [FARMER, SOLDIER, FARMER | {"sitio": "Otra"}, FARMER | {"ano": "2007"}]
    accidents = [ACCIDENT | {"ano": "2006"}, ACCIDENT | {"ano": "2008"}]
    feed(folders, "colombia_victims", list(HEADER), people, folders.data)
    feed(folders, "colombia_events", list(ACCIDENT), accidents, folders.data)
    return folders


@pytest.fixture
def registers(fed: Folders, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """The same, named by HMA_DATA."""
    monkeypatch.setenv("HMA_DATA", str(fed.data))
    return fed


def feed(folders: Folders, source: str, header: list[str], rows: list[Row], folder: Path) -> None:
    path = folder / f"{source}.csv"
    path.write_text(csv_text(header, rows), encoding="utf-8")
    spec = all_sources()[source].model_copy(update={"min_entries": 0, "guard": NO_LIMITS})
    assert refresh(folders, [spec], given={source: [Given(str(path), "a test")]}).published


def words(app: AppTest) -> str:
    boxes = [*app.markdown, *app.info, *app.warning, *app.subheader, *app.header]
    return "\n".join(str(box.value) for box in boxes).replace("\\", "")


def cells(app: AppTest, alt: str) -> list[dict[str, str]]:
    """The rows of the one table whose alt text holds ``alt``, as Markdown without escapes."""
    (table,) = [table for table in app.table if alt in table.proto.alt]
    return [
        {name: cell.replace("\\", "") for name, cell in row.items()}
        for row in table.value.to_dict("records")
    ]


def of_year(rows: list[dict[str, str]], year: int) -> dict[str, str]:
    (row,) = [row for row in rows if row["Year"] == str(year)]
    return row


def plain(cell: str) -> str:
    """What a reader sees of a cell."""
    return re.sub(r"\*\*|:small\[|\]\([^)]*\)|[\[\]]", "", cell)


def behind(cell: str) -> list[Row]:
    """The rows to which a figure leads, from the API."""
    with TestClient(api) as client:
        answer = client.get(rows_asked(cell))
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def signs(app: AppTest, alt: str) -> set[tuple[int, str]]:
    """Year and kind of the signs on the one chart whose alt text holds ``alt``."""
    (chart,) = [one for one in app.get("vega_lite_chart") if alt in one.proto.alt]
    found = set()
    for data in chart.proto.datasets:
        frame = pl.read_ipc_stream(data.data.data)
        if "sign" in frame.columns:
            found |= set(frame.select("calendar_year", "sign").iter_rows())
    return found


# The world


def test_the_world_stands_by_year_with_each_edition_and_every_figure_leads_to_its_entry(
    whole: Folders, visit: Open
) -> None:
    rows = cells(visit("casualties"), "Casualties in the world by year")
    assert len(rows) == 25
    row = of_year(rows, 2016)
    assert plain(row["Total"]) == "9,440"
    assert plain(row["Earlier editions"]) == (
        "8,605 Landmine Monitor 2017, 9,437 Landmine Monitor 2018, 9,439 Landmine Monitor 2019"
    )
    assert all("/entry?entry=landmine_monitor-" in row["Total"] for row in rows)
    assert of_year(rows, 2001)["Break"] == "a lower bound: the total is printed as at least"
    assert plain(of_year(rows, 2001)["Total"]) == "at least 7,987"
    assert "2000" not in {row["Year"] for row in rows}


def test_a_missing_year_a_zero_and_a_break_are_marked_each_in_its_way(
    whole: Folders, visit: Open
) -> None:
    app = visit("casualties", areas="JOR,LBY,ZWE")
    assert {(2000, "no figure"), (2001, "break"), (2002, "break")} == signs(
        app, "in the world by year"
    )
    libya = signs(app, "Libya")
    assert {(2015, "break"), (2016, "break"), (2017, "break"), (2018, "no figure")} <= libya
    zeros = ask(
        whole,
        """SELECT calendar_year FROM casualties_by_area_year
        WHERE area IN ('JOR', 'ZWE') AND total = 0""",
    )
    marked = {
        year for name in ("Jordan", "Zimbabwe") for year, sign in signs(app, name) if sign == "zero"
    }
    assert zeros
    assert marked == {year for (year,) in zeros}


def test_a_bar_is_as_high_as_the_printed_total() -> None:
    year = {"lower_bound": False, "is_partial_year": False, "is_other_scope": False, "edition": "1"}
    rows = pl.DataFrame(
        [
            year | {"calendar_year": 2022, "killed": 3, "injured": 4, "unknown": None, "total": 9},
            year | {"calendar_year": 2023, "killed": 3, "injured": 4, "unknown": 2, "total": 9},
            year
            | {"calendar_year": 2024, "killed": 3, "injured": None, "unknown": None, "total": 9},
        ]
    )
    drawn = casualties.bars(rows)
    assert drawn.filter(calendar_year=2022).select("outcome", "people").rows() == [
        ("killed", 3), ("injured", 4), ("not split", 2),
    ]  # fmt: skip
    sums = drawn.group_by("calendar_year").agg(pl.col("people").sum()).sort("calendar_year")
    assert sums.rows() == [(2022, 9), (2023, 9), (2024, 9)]


def test_a_year_of_another_scope_is_not_the_one_with_the_most(whole: Folders, visit: Open) -> None:
    said = words(visit("country", area="MLI"))
    assert ask(
        whole,
        "SELECT total, is_other_scope FROM casualties_by_area_year WHERE area = 'MLI' AND calendar_year = 2018",
    ) == [(593, True)]
    assert "the most in one whole year read were" in said
    assert "the most in one whole year read were 593" not in said


def test_the_splits_are_shown_as_printed_and_not_spread(whole: Folders, visit: Open) -> None:
    app = visit("casualties")
    devices = of_year(cells(app, "by device"), 2016)
    parts = [int(plain(cell).replace(",", "")) for name, cell in devices.items()
             if name not in {"Year", "Total", "Edition"}]  # fmt: skip
    assert sum(parts) == 8605
    row = of_year(cells(app, "civilian status"), 2022)
    assert plain(row["Women and girls"]) == "404"
    assert plain(row["Civilians"]) == "85.0 %"


def test_the_page_says_of_how_much_of_the_world_the_countries_were_read(
    whole: Folders, visit: Open
) -> None:
    app = visit("casualties")
    rows = cells(app, "Sum of the Monitor's country totals")
    row = of_year(rows, 2010)
    assert (plain(row["Areas read"]), plain(row["Share"])) == ("45", "96.2 %")
    figures = behind(row["Their newest totals added"])
    assert sum(int(one["total"]) for one in figures) == 4031
    assert len(figures) == 45
    assert "in 7 of 23 years: 2010 to 2016" in words(app)


def test_the_checks_name_what_does_not_fit_and_lead_to_all_of_them(
    whole: Folders, visit: Open
) -> None:
    app = visit("casualties")
    odd = cells(app, "do not come out")
    assert [(row["Year"], plain(row["Value"]), plain(row["Held against"])) for row in odd] == [
        ("2015", "6,756", "6,461"), ("2012", "4,065", "3,628"), ("2024", "6,270", "6,279"),
        ("2022", "4,676", "4,710"), ("2010", "4,003", "4,191"), ("2006", "5,663", "5,751"),
    ]  # fmt: skip
    counted = {row["Check"]: row for row in cells(app, "by how they came out")}
    below = counted["Killed, injured and unknown against the printed total"]["Below"]
    assert len(behind(below)) == int(plain(below)) == 4
    others = cells(app, "What others count")
    assert len(others) == len(
        behind(counted["Other counts against the Monitor’s newest"]["Above"])
    ) + len(behind(counted["Other counts against the Monitor’s newest"]["Below"])) + int(
        plain(counted["Other counts against the Monitor’s newest"]["Equal"]).replace(MISSING, "0")
    ) + int(
        plain(counted["Other counts against the Monitor’s newest"]["Not compared"]).replace(
            MISSING, "0"
        )
    )


# Areas beside each other


def test_up_to_six_areas_are_chosen_by_their_codes_and_others_are_said_to_be_too_many(
    whole: Folders, visit: Open
) -> None:
    app = visit("casualties", areas="COL,KHM,AFG,LBY,YEM,MMR,SYR")
    assert "The first 6 of 7 are shown" in words(app)
    charts = [one.proto.alt for one in app.get("vega_lite_chart")]
    assert sum(alt.startswith("Stacked bars of casualties by year") for alt in charts) == 6
    assert not any("Syria" in alt for alt in charts)
    assert "There is no area ZZZ here." in words(visit("casualties", areas="COL,ZZZ"))
    assert "There is no count much here." in words(visit("casualties", count="much"))


def test_without_a_population_the_page_says_how_to_get_one(whole: Folders, visit: Open) -> None:
    app = visit("casualties", areas="COL", count="rate")
    assert "`hma refresh` fetches the World Bank" in words(app)
    assert not [table for table in app.table if "per 100,000" in table.proto.alt]


def test_a_rate_stands_with_its_population_and_few_people_with_a_caution(
    published: Folders, tmp_path: Path, visit: Open
) -> None:
    path = tmp_path / "population_test.csv"
    path.write_text(
        "Country Name,Country Code,Year,Value\nColombia,COL,2016,47437512\nJordan,JOR,2011,7000000\n",
        encoding="utf-8",
    )
    spec = all_sources()["worldbank"].model_copy(update={"min_entries": 0})
    assert refresh(published, [spec], given={"worldbank": [Given(str(path))]}).published
    app = visit("casualties", areas="COL,JOR,ESH", count="rate", scale="same")
    rows = {row["Area"]: row for row in cells(app, "per 100,000")}
    assert rows["Colombia"]["Per 100,000"] == "0.188"
    assert "/entry?entry=worldbank-" in rows["Colombia"]["People living there"]
    assert rows["Jordan"]["Per 100,000"] == "0.086"
    assert rows["Jordan"]["Note"].startswith("fewer than 20 people")
    assert rows["Colombia"]["Note"] == MISSING
    assert "No rate: there is no population" in words(app)  # Western Sahara


# One country


def test_the_three_counts_of_colombia_stand_side_by_side_for_every_year_two_have(
    registers: Folders, visit: Open
) -> None:
    app = visit("country", area="COL")
    rows = cells(app, "as the Monitor, registers and others count them")
    assert list(rows[0]) == [
        "Year",
        MONITOR,
        PRINTED,
        COUNTED,
        ACCIDENTS,
        "Landmine Monitor, other editions",
    ]
    years = {
        str(year)
        for (year,) in ask(
            registers,
            """SELECT calendar_year FROM casualties_side_by_side
            WHERE area = 'COL' AND measure <> 'monitor_other' GROUP BY ALL HAVING count(DISTINCT measure) > 1""",
        )
    }
    assert {row["Year"] for row in rows} == years
    assert {"2005", "2006", "2017", "2020"} <= years
    row = of_year(rows, 2006)
    assert plain(row[MONITOR]) == "1,167 chosen"
    assert plain(row[PRINTED]) == "1,224 (+57; 1.05\u00a0×); earlier copies: 1,224, 1,232"
    assert plain(row[COUNTED]) == "3 (−1,164; 0.00\u00a0×)"
    assert plain(row[ACCIDENTS]) == "1 accident"
    assert len(behind(row[COUNTED])) == 3
    assert len(behind(row[ACCIDENTS])) == 1
    assert plain(of_year(rows, 2007)[COUNTED]) == "1, part of the year"


def test_the_note_says_in_the_sources_words_why_they_differ(
    registers: Folders, visit: Open
) -> None:
    said = words(visit("country", area="COL"))
    assert "People hit during an attack with cluster munitions are not in it" in said
    assert "The register is revised backwards" in said, "the register of victims"
    assert "Accidents may be counted, and are no people" in said, "the register of accidents"
    assert "all explosive devices, including remotely detonated" in said, "the ICRC's count"
    assert "Never added to the yearly counts of the same register" in said


def test_people_and_accidents_have_charts_of_their_own(registers: Folders, visit: Open) -> None:
    charts = [one.proto.alt for one in visit("country", area="COL").get("vega_lite_chart")]
    (people,) = [alt for alt in charts if alt.startswith("Points of people")]
    (accidents,) = [alt for alt in charts if alt.startswith("Bars of accidents")]
    assert "furthest apart in 2010, 679 against the Monitor’s 540" in people
    assert "it counts accidents, not people" in accidents


def test_with_the_embedded_figures_alone_the_register_stands_beside_the_monitor(
    whole: Folders, visit: Open
) -> None:
    app = visit("country", area="COL")
    row = of_year(cells(app, "as the Monitor, registers and others count them"), 2020)
    assert plain(row[PRINTED]) == "176 (+9; 1.05\u00a0×); 389, another scope; earlier copies: 173"
    assert plain(row[MONITOR]) == "167 chosen"
    assert COUNTED not in row
    chosen = of_year(cells(app, "Casualties in Colombia by year"), 2023)
    assert plain(chosen["Total"]) == "85, part of the year"
    assert chosen["Break"] == "only part of the year is counted"


def test_a_country_that_one_source_counts_says_that_nothing_stands_side_by_side(
    whole: Folders, visit: Open
) -> None:
    assert "nothing can be set side by side" in words(visit("country", area="HRV"))


def test_rows_about_people_stand_with_a_word_on_privacy(registers: Folders, visit: Open) -> None:
    assert "do not look for people" in words(visit("country", area="COL"))
    for unit, is_said in (("person", True), ("event", False)):
        (entry_id,) = ask(
            registers, "SELECT entry_id FROM casualty_events WHERE unit = ? LIMIT 1", unit
        )[0]
        assert ("do not look for people" in words(visit("entry", entry=entry_id))) is is_said


# Little, or long ago


def test_a_ledger_without_casualties_says_what_reads_them(
    tmp_path: Path, visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = Folders(tmp_path / "data")
    for name in ("transcribed", "reference"):
        shutil.copytree(DATA / name, folders.data / name)
    assert not run(folders, "program_events").failed
    monkeypatch.setenv("HMA_DATA", str(folders.data))
    app = visit("casualties")
    assert "`hma refresh landmine_monitor`" in words(app)
    assert not app.table
    assert not run(folders, "national_registers").failed
    app = visit("casualties", areas="COL")
    assert "No world total of the Monitor is in this ledger" in words(app)
    assert cells(app, "Casualties of the chosen areas")
    assert [one.proto.alt for one in app.get("vega_lite_chart")]


def test_an_earlier_refresh_shows_what_was_there_then(registers: Folders, visit: Open) -> None:
    now, then = (
        cells(
            visit("country", area="COL", **address),
            "as the Monitor, registers and others count them",
        )
        for address in ({}, {"as_of": "1"})
    )
    assert COUNTED in now[0]
    assert COUNTED not in then[0]
    app = visit("casualties", as_of="1", areas="COL")
    link = next(
        cell for row in cells(app, "country totals") for cell in row.values() if "/rows?" in cell
    )
    assert parse_qs(urlsplit(rows_asked(link)).query)["as_of"] == ["1"]
