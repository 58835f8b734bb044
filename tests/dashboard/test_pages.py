"""Pages as script runs: what each says of the whole ledger, of none, and of one that lacks most sources.

That every page opens on every kind of ledger is tests/dashboard/test_every_page.py.
"""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from dashboard.api import api
from dashboard.show import MISSING
from etl.refresh import refresh
from etl.retrieve import Given
from etl.settings import Folders
from etl.sources import all_sources
from etl.tables import FACT_TABLES
from tests.dashboard.reading import archived, rows_asked
from tests.dashboard.serving import REPOSITORY
from tests.helpers import DATA, ask, csv_text, rewrite, run
from tests.live import GRANTS, VIETNAM, add_live
from tests.sources.test_colombia_events import ACCIDENT
from tests.sources.test_colombia_victims import FARMER, HEADER, SOLDIER

PAGES = {
    "coverage": "What the U.S. Humanitarian Mine Action Program covered",
    "country": "Country",
    "casualties": "Casualties",
    "clearance": "Clearance and contamination",
    "timeline": "Timeline",
    "funding": "Funding",
    "compare": "Compare countries",
    "who_else_pays": "Who else pays",
    "partners": "Partners",
    "reconciliation": "Reconciliation",
    "changes": "Changes",
    "sources": "Sources",
    "findings": "Rejects and issues",
    "about": "About",
    "entry": "Source row",
    "rows": "Rows behind a figure",
    "search": "Search",
}
Open = Callable[..., AppTest]


@pytest.fixture
def visit(pool: None) -> Open:
    """Opens a page with an address, as a reader does who follows a link."""

    def opened(name: str, **address: str | list[str]) -> AppTest:
        app = AppTest.from_file(REPOSITORY / "dashboard/streamlit_app.py", default_timeout=60)
        for key, value in address.items():
            app.query_params[key] = value
        return app.switch_page(f"app_pages/{name}.py").run()

    return opened


@pytest.fixture
def whole(built_folders: Folders, monkeypatch: pytest.MonkeyPatch) -> Folders:
    monkeypatch.setenv("HMA_DATA", str(built_folders.data))
    return built_folders


def titles(app: AppTest) -> list[str]:
    assert not app.exception, [error.message for error in app.exception]
    return [title.value for title in app.title]


def words(app: AppTest) -> str:
    """Every text of the page."""
    boxes = [*app.markdown, *app.info, *app.warning, *app.subheader, *app.header]
    return "\n".join(str(box.value) for box in boxes)


def described(app: AppTest) -> list[str]:
    """The alt text of every table and chart."""
    found = [table.proto.alt for table in app.table]
    return [*found, *(chart.proto.alt for chart in app.get("vega_lite_chart"))]


# The whole ledger


@pytest.mark.parametrize(
    ("name", "address", "charts"),
    [
        ("coverage", {}, 3),
        ("country", {"area": "COL"}, 4),
        ("casualties", {}, 8),
        ("funding", {}, 0),
        ("about", {}, 0),
    ],
)
def test_every_table_and_chart_says_in_words_what_it_shows(
    whole: Folders, visit: Open, name: str, address: dict[str, str], charts: int
) -> None:
    app = visit(name, **address)
    found = described(app)
    assert len(app.get("vega_lite_chart")) == charts
    assert len(found) > charts
    for alt in found:
        assert len(alt) > 20, alt


def test_the_first_screen_keeps_the_memo_and_the_states_money_apart(
    whole: Folders, visit: Open
) -> None:
    said = words(visit("coverage"))
    assert "The memo itself was not read" in said
    assert "did not end the whole U.S. effort" in said
    assert "on 3 February 2026 Congress funded State’s line again" in said


def test_the_scope_is_chosen_by_the_address_and_changes_the_sum(
    whole: Folders, visit: Open
) -> None:
    def finding(scope: str) -> str:
        found = [
            box for box in visit("coverage", scope=scope).markdown if "2015 to 2017" in box.value
        ]
        return str(found[0].value).replace("\\", "")

    dod, everything = (
        ask(whole, f"SELECT sum(amount_usd) FROM coverage WHERE fiscal_year >= 2015 AND {account}")
        for account in ("account = 'DoD'", "TRUE")
    )
    assert f"Defense program alone, fiscal years 2015 to 2017: ${dod[0][0]:,.0f} " in finding("dod")
    assert f"Whole U.S. effort, fiscal years 2015 to 2017: ${everything[0][0]:,.0f} " in (
        finding("all")
    )


@pytest.mark.parametrize("area", ["COL", "Colombia"])
def test_a_country_is_chosen_by_its_code_or_its_name(
    whole: Folders, visit: Open, area: str
) -> None:
    assert titles(visit("country", area=area)) == ["Colombia"]


def test_an_address_with_codes_goes_on_saying_what_the_page_shows(
    whole: Folders, visit: Open
) -> None:
    assert visit("country", area="COL").query_params == {"area": "Colombia"}
    assert visit("coverage", scope="all").query_params == {
        "scope": "Whole U.S. effort", "dollars_years": "2015-2017",
    }  # fmt: skip
    app = visit("funding", areas="VNM,KHM", years=["2015", "2017"])
    assert app.query_params == {
        "area": ["Vietnam", "Cambodia"], "year.gte": "2015", "year.lte": "2017",
    }  # fmt: skip


def test_going_back_to_an_address_with_a_code_shows_no_error(whole: Folders, visit: Open) -> None:
    app = visit("country", area="COL")
    app.query_params["area"] = "VNM"
    assert titles(app.run()) in (["Vietnam"], ["Colombia"], ["Country"])


def test_an_area_that_no_one_knows_leaves_the_choice_to_the_reader(
    whole: Folders, visit: Open
) -> None:
    app = visit("country", area="Atlantis")
    assert titles(app) == ["Country"]
    assert app.main.warning[0].value.startswith("There is no area Atlantis here.")
    assert "Choose one of the countries and areas" in words(app)


def test_a_country_without_a_table_says_that_this_is_a_gap_and_no_zero(
    whole: Folders, visit: Open
) -> None:
    app = visit("country", area="AZE")
    assert titles(app) == ["Azerbaijan"]
    assert "No table of State’s report was read" in app.info[0].value
    assert "not a zero" in app.info[0].value
    assert not any("by fiscal year and account" in alt for alt in described(app))


def test_chads_printed_total_of_2016_is_shown_beside_what_its_accounts_add_to(
    whole: Folders, visit: Open
) -> None:
    (warning,) = visit("country", area="TCD").warning
    assert warning.value.replace("\\", "").startswith(
        "FY2016: the page prints a total of $50,000, but its accounts add to $800,000."
    )


def test_a_restated_figure_is_shown_with_both_editions(whole: Folders, visit: Open) -> None:
    (table,) = [
        table for table in visit("country", area="COL").table if "restated" in table.proto.alt
    ]
    (row,) = table.value.to_dict("records")
    cells = {heading: re.sub(r"\\|\]\(.*|\[", "", cell) for heading, cell in row.items()}
    assert cells["Earlier edition"] == "$3,500,000"
    assert cells["Newest edition"] == "$7,039,000"


@pytest.mark.parametrize(("name", "key"), [("funding", "area"), ("reconciliation", "areas")])
def test_an_unknown_area_beside_a_known_one_is_warned_of_and_the_known_one_kept(
    whole: Folders, visit: Open, name: str, key: str
) -> None:
    app = visit(name, areas="VNM,ZZZ")
    assert app.main.warning[0].value == "There is no area ZZZ here."
    assert app.query_params[key] in ("Vietnam", ["Vietnam"])


def test_every_area_with_a_figure_has_a_page_also_one_with_live_figures_alone(
    published: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visit: Open
) -> None:
    kazakhstan = VIETNAM | {"area_as_printed": "Kazakhstan", "amount_usd": "1"}
    add_live(published, [kazakhstan], tmp_path, monkeypatch)
    tables = [name for name, table in FACT_TABLES.items() if "area" in table.columns()]
    figures = " UNION ".join(f"SELECT area FROM {name}" for name in tables)
    without = f"""SELECT area FROM ({figures}) AS figures JOIN areas USING (area)
        WHERE kind IN ('country', 'other area', 'historic')
            AND area NOT IN (SELECT area FROM area_profile)"""
    assert ask(published, without) == []
    assert titles(visit("country", area="KAZ")) == ["Kazakhstan"]


@pytest.mark.parametrize("area", ["XKX", "ESH", "PSE", "SRB", "SLB", "UKR", "SYR", "SSD"])
def test_other_areas_and_thin_ones_open_too(whole: Folders, visit: Open, area: str) -> None:
    (name,) = ask(whole, "SELECT name FROM areas WHERE area = ?", area)[0]
    assert [title.replace("\\", "") for title in titles(visit("country", area=area))] == [name]


# Totals on the funding page


def metric(app: AppTest) -> str | None:
    titles(app)
    return app.metric[0].value if app.metric else None


def test_one_additive_series_has_a_total_that_equals_the_coverage_view(
    whole: Folders, visit: Open
) -> None:
    app = visit(
        "funding", source="state_tweis", series="tweis_country_table", years=["2015", "2017"]
    )
    (expected,) = ask(
        whole, "SELECT sum(amount_usd) FROM coverage WHERE fiscal_year BETWEEN 2015 AND 2017"
    )[0]
    assert metric(app) == f"${expected:,.0f}"
    assert "FY2015 to 2017" in app.metric[0].label


def test_one_account_of_one_country_adds_up_to_its_printed_years(
    whole: Folders, visit: Open
) -> None:
    app = visit(
        "funding", series="tweis_country_table", areas="VNM", accounts="DoD", years=["2015", "2017"]
    )
    assert metric(app) == f"${340_000 + 722_000 + 1_168_000:,}"


@pytest.mark.parametrize(
    "address",
    [
        {},
        {"source": "landmine_monitor"},
        {"series": "tweis_country_narrative"},
        {"series": "tweis_totals"},
        {"series": ["tweis_country_table", "tweis_totals"]},
        {"series": ["tweis_country_table", "tweis_country_narrative"], "areas": "IRQ"},
    ],
)
def test_there_is_no_total_across_series_or_of_one_that_may_not_be_added(
    whole: Folders, visit: Open, address: dict[str, Any]
) -> None:
    app = visit("funding", **address)
    assert metric(app) is None
    assert app.info[0].value.startswith("No single total")


TABLE_2015_2017 = {"series": "tweis_country_table", "years": ["2015", "2017"]}


@pytest.mark.parametrize("dollars", ["constant", "Constant 2024"])
def test_a_total_in_constant_dollars_is_the_sum_of_the_view_and_names_its_index(
    whole: Folders, visit: Open, dollars: str
) -> None:
    app = visit("funding", **TABLE_2015_2017, dollars=dollars)
    (expected,) = ask(
        whole,
        """SELECT sum(amount_2024_usd) FROM funding_constant
        JOIN coverage USING (entry_id) WHERE fiscal_year BETWEEN 2015 AND 2017""",
    )[0]
    assert metric(app) == f"${expected:,.0f}"
    assert app.metric[0].label.startswith("Constant U.S. dollars of FY2024: sum of ")
    assert app.metric[0].label.endswith("FY2015 to 2017")
    assert app.query_params["dollars"] == "Constant 2024"
    said = words(app).replace("\\", "")
    assert "implicit GDP deflator of FY2024 ([1.244702](/entry?entry=us_price_indexes-" in said
    assert "U.S. Bureau of Economic Analysis" in said
    assert "edition 2025-06" in said
    links = re.findall(r"\]\(/api/v1(/funding_constant[^)]+)\)", said)
    with TestClient(api) as client:
        rows = csv.DictReader(io.StringIO(client.get(links[0]).text))
        assert "amount_2024_usd" in next(rows)
    row = cells(app, "Funding rows")[0]
    assert {"Nominal dollars", "Dollars of 2024"} <= row.keys()


def test_years_that_the_index_lacks_are_left_out_of_a_constant_total_and_named(
    published: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visit: Open
) -> None:
    money = VIETNAM | {"amount_usd": "100"}
    add_live(published, [money | {"year": "2024"}, money | {"year": "2025"}], tmp_path, monkeypatch)
    app = visit("funding", series="fa_obligations", dollars="constant")
    assert metric(app) == "$100"
    assert "1 figures that were read" in app.metric[0].label
    said = words(app).replace("\\", "")
    assert "It has no value for FY2025: these figures are left out, not estimated." in said
    alone = visit("funding", series="fa_obligations", years=["2025", "2025"], dollars="constant")
    assert metric(alone) is None
    assert "no year of these figures has an index" in alone.info[0].value
    assert metric(visit("funding", series="fa_obligations")) == "$200"


def test_without_a_choice_dollars_are_nominal_and_the_address_stays_as_it_was(
    whole: Folders, visit: Open
) -> None:
    app = visit("funding", **TABLE_2015_2017)
    assert "dollars" not in app.query_params
    assert "Dollars of 2024" not in cells(app, "Funding rows")[0]
    app = visit("funding", **TABLE_2015_2017, dollars="golden")
    assert any("no kind of dollars golden" in box.value for box in app.warning)


def test_a_countrys_money_by_account_can_be_drawn_in_constant_dollars(
    whole: Folders, visit: Open
) -> None:
    app = visit("country", area="VNM", dollars="constant")
    chart = app.get("vega_lite_chart")[0]
    assert "in constant U.S. dollars of FY2024" in chart.proto.alt
    assert '"title": "constant U.S. dollars of FY2024"' in chart.proto.spec
    rows = cells(app, "by fiscal year and account")
    (defense,) = [row["DoD, constant"] for row in rows if row["Fiscal year"] == "2016"]
    assert defense.replace("\\", "").startswith("[$917,847](/entry?entry=state_tweis-")
    assert "Printed total, nominal" in rows[0]
    nominal = visit("country", area="VNM")
    assert '"title": "nominal U.S. dollars"' in nominal.get("vega_lite_chart")[0].proto.spec


def test_without_an_index_the_switch_says_so_and_nominal_dollars_are_shown(
    workspace: Folders, visit: Open
) -> None:
    assert run(workspace, "state_tweis").published
    app = visit("country", area="VNM", dollars="constant")
    assert any("the ledger holds no index" in box.value for box in app.info)
    assert '"title": "nominal U.S. dollars"' in app.get("vega_lite_chart")[0].proto.spec
    app = visit("funding", **TABLE_2015_2017, dollars="constant")
    assert metric(app) is None
    assert "No total in constant dollars" in app.info[0].value


def test_constant_dollars_of_an_earlier_refresh_are_those_that_it_showed(
    past: Folders, visit: Open
) -> None:
    vietnam = {**TABLE_2015_2017, "areas": "VNM", "dollars": "constant"}
    assert metric(visit("funding", **vietnam, as_of="1")) is not None
    before, after = (
        metric(visit("funding", **vietnam, as_of="1")),
        metric(visit("funding", **vietnam)),
    )
    assert before != after, "a figure was revised in refresh 2"


def test_no_filter_match_says_that_a_gap_is_not_a_zero(whole: Folders, visit: Open) -> None:
    app = visit("funding", series="tweis_country_table", years=["1994", "1995"])
    assert metric(app) is None
    assert "not that nothing was paid" in app.info[0].value


def test_a_region_stands_for_its_countries(whole: Folders, visit: Open) -> None:
    app = visit("funding", series="tweis_country_table", regions="East Asia and Pacific")
    (expected,) = ask(
        whole, "SELECT sum(amount_usd) FROM coverage WHERE state_region = 'East Asia and Pacific'"
    )[0]
    assert metric(app) == f"${expected:,.0f}"


@pytest.mark.parametrize(
    "address",
    [
        {"areas": "' OR 1=1 --"}, {"series": "nothing"}, {"source": "nobody"}, {"years": "x"},
        {"page": "9999"}, {"page": "-1"}, {"accounts": "<script>"},
    ],
)  # fmt: skip
def test_an_address_that_means_nothing_still_opens_the_page(
    whole: Folders, visit: Open, address: dict[str, Any]
) -> None:
    app = visit("funding", **address)
    assert titles(app) == ["Funding"]
    assert len(app.table) == 2


# Sources side by side, and who got the money


def cells(app: AppTest, alt: str) -> list[dict[str, str]]:
    """The rows of the one table whose alt text holds ``alt``, as Markdown."""
    (table,) = [table for table in app.table if alt in table.proto.alt]
    rows: list[dict[str, str]] = table.value.to_dict("records")
    return rows


def figures_behind(cell: str) -> list[Decimal | None]:
    """The amounts of the rows to which a figure leads, from the API."""
    with TestClient(api) as client:
        answer = client.get(rows_asked(cell))
    assert answer.status_code == 200, answer.text
    rows = csv.DictReader(io.StringIO(answer.text))
    return [Decimal(row["amount_usd"]) if row["amount_usd"] else None for row in rows]


@pytest.fixture
def live(published: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    add_live(published, GRANTS, tmp_path, monkeypatch)
    return published


def test_the_country_page_sets_state_beside_the_monitor(whole: Folders, visit: Open) -> None:
    (row,) = [row for row in cells(visit("country", area="VNM"), "beside") if row["Year"] == "2017"]
    monitor = row["Landmine Monitor, U.S. contribution (calendar year)"]
    assert "13,668,000" in row["State's report (fiscal year)"]
    assert "12,500,000" in monitor
    assert "1,168,000; 0.91" in monitor
    assert monitor.endswith("*)]"), "a calendar year is another period"
    assert "/entry?entry=landmine" in monitor


def test_a_country_without_two_sources_for_a_year_says_so(whole: Folders, visit: Open) -> None:
    app = visit("country", area="AZE")
    assert any("nothing can be set side by side" in box.value for box in app.info)


def test_reconciliation_shows_first_what_two_sources_count_and_names_what_is_not_read(
    whole: Folders, visit: Open
) -> None:
    app = visit("reconciliation")
    rows = cells(app, "by area and year")
    both = [MISSING not in row.values() for row in rows]
    assert both == sorted(both, reverse=True)
    assert both.count(True) == 28
    assert "In 28 of 175 pairs" in words(app)
    assert "`hma refresh usaspending`" in words(app)
    assert "broader than mine action" in words(app)


def test_reconciliation_of_one_area_is_chosen_by_its_code(whole: Folders, visit: Open) -> None:
    app = visit("reconciliation", areas="TCD")
    assert {row["Area"].split("]")[0] for row in cells(app, "by area and year")} == {"[Chad"}
    assert "prints a total of $50,000" in words(app).replace("\\", "")
    not_listed = {
        cell
        for row in cells(app, "by area and year")
        for cell in row.values()
        if "U.S. not listed" in cell
    }
    assert not_listed
    assert all("/reconciliation.csv?measure=monitor" in rows_asked(cell) for cell in not_listed)


def test_every_figure_side_by_side_leads_to_the_rows_it_is_the_sum_of(
    live: Folders, visit: Open
) -> None:
    rows = {row["Year"]: row for row in cells(visit("country", area="VNM"), "beside")}
    assert len(rows["2016"]) == 6
    obligated = rows["2016"]["ForeignAssistance.gov, obligations (fiscal year)"]
    assert "5,321,000.50" in obligated
    assert sum(figure or 0 for figure in figures_behind(obligated)) == Decimal("5321000.50")
    state = figures_behind(rows["2016"]["State's report (fiscal year)"])
    assert sum(figure or 0 for figure in state) == 11431000
    incomplete = rows["2015"]["ForeignAssistance.gov, obligations (fiscal year)"]
    assert "incomplete" in incomplete
    assert sorted(figures_behind(incomplete), key=str) == [Decimal(900000), None]
    paid = rows["2016"]["ForeignAssistance.gov, disbursements (fiscal year)"]
    assert "/entry?entry=made" in paid


def test_every_page_of_reconciliation_has_the_same_columns(live: Folders, visit: Open) -> None:
    first, second = (
        list(cells(visit("reconciliation", page=page), "by area and year")[0])
        for page in ("1", "3")
    )
    assert first == second
    assert "USAspending, obligations (fiscal year)" in first
    assert "holds no figure there" in words(visit("reconciliation"))


def test_figures_that_stand_summed_are_not_listed_again_one_by_one(
    live: Folders, visit: Open
) -> None:
    app = visit("country", area="COL")
    (other,) = [table for table in app.table if table.proto.alt.startswith("Other printed figures")]
    assert not any("fa_obligations" in cell for cell in other.value["Series"])
    assert any("2,500,000" in str(row) for row in cells(app, "beside"))


def test_figures_of_one_source_alone_stand_there_too(
    published: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visit: Open
) -> None:
    kazakhstan = VIETNAM | {"area_as_printed": "Kazakhstan", "amount_usd": "7"}
    add_live(published, [kazakhstan], tmp_path, monkeypatch)
    app = visit("country", area="KAZ")
    assert any("what there is stands below" in box.value for box in app.info)
    assert "$7" in str(cells(app, "beside"))


def test_one_live_series_is_summed_with_the_countries_and_years_it_covers(
    live: Folders, visit: Open
) -> None:
    app = visit("funding", series="fa_obligations")
    assert metric(app) == "$8,720,995.50"
    said = words(app).replace("\\", "")
    assert "cover 2 countries and areas and the years FY2014 to FY2017." in said
    assert "A country or year without a row was not read" in said


def test_the_register_of_victims_stands_on_its_countrys_page(
    published: Folders, tmp_path: Path, visit: Open
) -> None:
    people = [FARMER, FARMER | {"sitio": "Otra"}, SOLDIER, FARMER | {"ano": "2007"}]
    path = tmp_path / "colombia_victims.csv"
    path.write_text(csv_text(HEADER, people), encoding="utf-8")
    spec = all_sources()["colombia_victims"].model_copy(update={"min_entries": 0})
    copy = Given(str(path), "a test")
    assert refresh(published, [spec], given={spec.source_id: [copy]}).published
    app = visit("country", area="COL")
    rows = cells(app, "as the register counts them")
    assert [row["Year"] for row in rows] == ["2007, incomplete", "2006"]
    assert [row["Killed"].split("]")[0] for row in rows] == ["[0", "[1"]
    with TestClient(api) as client:
        assert client.get(rows_asked(rows[1]["Injured"])).text.count("\n") == 1 + 2
    said = words(app).replace("\\", "")
    assert "1 killed and 3 injured, 2006 to 2007" in said
    assert "Never added to the Monitor’s figures" in said
    assert "datos.gov.co" in said
    (entry_id,) = ask(published, "SELECT entry_id FROM casualty_events LIMIT 1")[0]
    origin = "said to be a test; archived"
    assert origin in words(visit("entry", entry_id=entry_id)).replace("\\", "")
    sources = visit("sources")
    (row,) = [row for row in cells(sources, "last good vintage") if spec.url in row["Source"]]
    assert row["Last good vintage"].startswith("given by hand, [20")
    (file,) = cells(sources, f"Files of {spec.title}")
    assert "said to be a test" in file["Origin"].replace("\\", "")


def test_accidents_are_counted_apart_from_people(
    published: Folders, tmp_path: Path, visit: Open
) -> None:
    for source, header, rows in (
        ("colombia_victims", HEADER, [FARMER, SOLDIER]),
        ("colombia_events", ACCIDENT, [ACCIDENT, ACCIDENT | {"ano": "1991"}, ACCIDENT]),
    ):
        path = tmp_path / f"{source}.csv"
        path.write_text(csv_text(list(header), rows), encoding="utf-8")
        spec = all_sources()[source].model_copy(update={"min_entries": 0})
        given = {source: [Given(str(path), "a test")]}
        assert refresh(published, [spec], given=given).published
    app = visit("country", area="COL")
    (people,) = cells(app, "People killed and injured in Colombia by calendar year")
    assert people["All"].startswith("[2]")
    accidents = cells(app, "Accidents in Colombia by calendar year")
    assert [list(row) for row in accidents] == [["Year", "Accidents"]] * 2
    assert [row["Accidents"].split("]")[0] for row in accidents] == ["[1", "[2"]
    said = words(app).replace("\\", "")
    assert "1 killed and 1 injured, 2006 to 2006" in said
    assert "3 accidents, 1990 to 1991" in said


def test_the_page_of_partners_says_what_fills_it(whole: Folders, visit: Open) -> None:
    app = visit("partners")
    assert not app.table
    assert "`hma refresh foreignassistance_gov`" in app.info[0].value
    assert "`hma refresh usaspending`" in app.info[0].value


def test_partners_are_listed_with_one_series_amounts_by_year(live: Folders, visit: Open) -> None:
    app = visit("partners")
    rows = cells(app, "fa_obligations")
    halo, named = rows[0], [row["Organisation"] for row in rows]
    assert halo["Organisation"].startswith("[HALO Trust](/partners?")
    assert named[-1] == "Not named by the source"
    assert list(halo) == [
        "Organisation", "Kind", "FY2014 to FY2017", "FY2017", "FY2016", "FY2015", "FY2014",
    ]  # fmt: skip
    for heading, total in {"FY2014 to FY2017": "8150000.50", "FY2016": "5250000.50"}.items():
        assert f"{Decimal(total):,}" in halo[heading]
        assert sum(figure or 0 for figure in figures_behind(halo[heading])) == Decimal(total)
    said = words(app).replace("\\", "")
    assert "Read from: made_by_hand.csv (given by hand on 20" in said
    assert "The rows cover 2 countries and areas (Colombia, Vietnam)" in said
    assert "the years FY2014 to FY2017. A country or year without a row was not read" in said
    assert "– means that this ledger holds no figure there" in said
    assert figures_behind(rows[-1]["FY2016"]) == [70000]
    (npa,) = [row for row in rows if "Norwegian" in row["Organisation"]]
    assert npa["FY2015"].startswith("[1 figure without an amount]")
    assert "500,000, incomplete]" in npa["FY2014 to FY2017"]
    assert {row["Kind"] for row in rows} >= {"NGO", "not in the table of names"}


def test_in_one_area_every_sum_of_a_partner_is_that_of_the_figures_it_leads_to(
    live: Folders, visit: Open
) -> None:
    everywhere = cells(visit("partners"), "fa_obligations")
    sums = 0
    for area in ("VNM", "COL"):
        for row in cells(visit("partners", area=area), "fa_obligations"):
            for heading, cell in row.items():
                printed = re.match(r"\[\\?\$([0-9,.]+)", cell)
                if heading[:2] == "FY" and printed:
                    behind = sum(figure or 0 for figure in figures_behind(cell))
                    assert behind == Decimal(printed[1].replace(",", "")), (area, row, heading)
                    sums += 1
    assert sums > len(everywhere), "no sum was compared"


def test_a_long_table_is_shown_fifty_rows_at_a_time_and_the_last_page_has_the_rest() -> None:
    script = """
import polars as pl
import streamlit as st
from dashboard import show
shown = show.paged(pl.DataFrame({"n": range(120)}))
st.write(f"{shown['n'][0]} to {shown['n'][-1]}")
"""
    for page, rows in (("", "0 to 49"), ("2", "50 to 99"), ("3", "100 to 119")):
        app = AppTest.from_string(script)
        if page:
            app.query_params["page"] = page
        assert app.run().markdown[0].value == rows


def test_the_amounts_of_awards_over_their_life_are_not_added(live: Folders, visit: Open) -> None:
    (halo,) = cells(visit("partners", series="usaspending_awards"), "usaspending_awards")
    assert halo["FY2016"].startswith("[2 figures, not added]")
    assert len(figures_behind(halo["FY2016"])) == 2


def test_one_partner_stands_by_year_and_country_with_the_names_as_printed(
    live: Folders, visit: Open
) -> None:
    app = visit("partners", series="fa_obligations", partner="HALO Trust")
    rows = cells(app, "HALO Trust")
    assert [(row["Year"], row["Country or area"]) for row in rows] == [
        ("FY2017", "Colombia"), ("FY2016", "Vietnam"), ("FY2015", "Vietnam"),
    ]  # fmt: skip
    assert sum(figure or 0 for figure in figures_behind(rows[1]["Nominal dollars"])) == Decimal(
        "5250000.50"
    )
    assert "THE HALO TRUST  USA, INC" in words(app).replace("\\", "")
    unknown = visit("partners", series="fa_obligations", partner="A Charity Nobody Knows")
    assert "Not in the reviewed table of names" in words(unknown)


@pytest.mark.parametrize("address", [{"series": "x"}, {"area": "ZZZ"}, {"partner": "*x*"}])
def test_an_address_of_no_partner_or_series_is_said_to_mean_nothing(
    live: Folders, visit: Open, address: dict[str, str]
) -> None:
    app = visit("partners", **address)
    assert titles(app) == ["Partners"]
    assert app.main.warning[0].value.startswith("There is no ")
    assert len(app.table) == 1


# Source rows


def test_a_source_row_shows_the_archived_line_with_the_printed_amount(
    whole: Folders, visit: Open
) -> None:
    (entry_id,) = ask(
        whole,
        "SELECT entry_id FROM coverage WHERE area = 'VNM' AND fiscal_year = 2015 AND account = ?",
        "State NADR-CWD",
    )[0]
    app = visit("entry", entry=entry_id)
    assert titles(app) == ["Source row"]
    (row,) = archived(app)
    header, line = row.splitlines()
    assert header.startswith("fiscal_year,")
    assert '"12,548"' in line


def test_every_kind_of_entry_has_its_source_row(whole: Folders, visit: Open) -> None:
    for table in ("casualties", "clearance", "contamination", "treaty_status", "deflators"):
        (entry_id, locator) = ask(
            whole, f"SELECT entry_id, locator FROM {table} ORDER BY entry_id LIMIT 1"
        )[0]
        app = visit("entry", entry=entry_id)
        assert titles(app) == ["Source row"]
        file, _, number = locator.rpartition(" line ")
        lines = (DATA / "transcribed" / file).read_text(encoding="utf-8-sig").splitlines()
        assert archived(app)[0].splitlines()[1] == lines[int(number) - 1]


@pytest.mark.parametrize(
    "entry", ["nope", "state_tweis-0000000000000000", "'; DROP TABLE x", "*x*"]
)
def test_an_entry_that_is_not_there_is_said_to_be_not_there(
    whole: Folders, visit: Open, entry: str
) -> None:
    app = visit("entry", entry=entry)
    assert titles(app) == ["No such entry"]
    assert entry in app.warning[0].value.replace("\\", "")


def test_an_entry_is_found_by_the_name_of_its_column_and_another_name_is_refused(
    whole: Folders, visit: Open
) -> None:
    (entry_id,) = ask(whole, "SELECT entry_id FROM deflators LIMIT 1")[0]
    app = visit("entry", entry_id=entry_id)
    assert archived(app)
    assert app.query_params == {"entry": entry_id}
    wrong = visit("entry", id=entry_id)
    assert "This page takes no id" in wrong.main.warning[0].value


def test_lost_bytes_are_said_to_be_lost(published: Folders, visit: Open) -> None:
    (entry_id, sha256) = ask(published, "SELECT entry_id, vintage_sha256 FROM deflators LIMIT 1")[0]
    (bytes_of_it,) = [path for path in published.archive.rglob(f"*{sha256[4:]}*") if path.is_file()]
    bytes_of_it.unlink()
    app = visit("entry", entry=entry_id)
    assert titles(app) == ["Source row"]
    assert app.warning
    assert not archived(app)


# Little or nothing in the ledger


@pytest.mark.parametrize("name", ["coverage", "entry"])  # before the page itself is run
def test_without_a_ledger_a_page_says_what_to_run(
    workspace: Folders, visit: Open, name: str
) -> None:
    app = visit(name)
    assert titles(app) == ["No ledger yet"]
    assert "`hma refresh --embedded`" in app.info[0].value


@pytest.fixture(scope="module")
def thin(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Folders]:
    """Ledgers that each hold one source only."""
    ledgers_of = {}
    for source in ("us_official_statements", "landmine_monitor"):
        folders = Folders(tmp_path_factory.mktemp(source) / "data")
        shutil.copytree(DATA / "transcribed", folders.transcribed)
        shutil.copytree(DATA / "reference", folders.reference)
        assert not run(folders, source).failed
        ledgers_of[source] = folders
    return ledgers_of


@pytest.mark.parametrize(
    ("source", "name", "reason"),
    [
        ("landmine_monitor", "who_else_pays", "State’s report is not in this ledger"),
        ("us_official_statements", "coverage", "State’s report is not in this ledger"),
        ("us_official_statements", "funding", "No single total"),
        ("landmine_monitor", "coverage", "State’s report is not in this ledger"),
        ("landmine_monitor", "funding", "No single total"),
        ("landmine_monitor", "reconciliation", "`hma refresh foreignassistance_gov` reads it"),
    ],
)
def test_a_page_whose_source_is_missing_says_so(
    thin: dict[str, Folders], visit: Open, monkeypatch: pytest.MonkeyPatch, source: str, name: str,
    reason: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("HMA_DATA", str(thin[source].data))
    app = visit(name)
    assert titles(app) == [PAGES[name]]
    assert any(reason in box.value for box in app.info)


def test_a_country_opens_on_the_monitor_alone(
    thin: dict[str, Folders], visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HMA_DATA", str(thin["landmine_monitor"].data))
    assert titles(visit("country", area="VNM")) == ["Vietnam"]


# What is on hold


@pytest.fixture
def held(published: Folders) -> Folders:
    rewrite(published, "us_funding/us_cwd_country_fy.csv", lambda rows: rows[:3])
    assert run(published, "state_tweis").published
    return published


def test_a_source_on_hold_is_named_on_every_page_and_explained_on_that_of_the_sources(
    held: Folders, visit: Open
) -> None:
    app = visit("country", area="VNM")
    assert titles(app) == ["Vietnam"]
    said = [box.value.replace("\\", "") for box in app.main.warning]
    assert any(text.startswith("On hold: To Walk the Earth in Safety.") for text in said)
    why = [box.value.replace("\\", "") for box in visit("sources").main.warning]
    assert any("136 entries, at least 881 expected" in text for text in why)
    assert any("hma accept state_tweis" in text for text in why)
    (table,) = [table for table in app.table if "by fiscal year and account" in table.proto.alt]
    assert len(table.value) == 3
