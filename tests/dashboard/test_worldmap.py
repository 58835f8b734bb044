"""The map and the charts side by side: each figure of one series, its bounds told, its gaps no zeros."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable

import polars as pl
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from dashboard import charts, draw, outlines, worldmap
from dashboard.api import api
from dashboard.pictures import Picture
from dashboard.worldmap import MEASURES, of_class
from etl.settings import Folders
from tests.dashboard.serving import REPOSITORY
from tests.helpers import ask

Open = Callable[..., AppTest]
VIETNAM_SHARE = """
    SELECT us_share_percent FROM dependency
    WHERE basis = 'monitor' AND is_newest_edition AND area = 'VNM' AND calendar_year = 2017
"""
CLEARED_2016 = """
    SELECT areas.name, clearance.area_cleared_km2, clearance.area_cleared_precision
    FROM clearance JOIN areas USING (area)
    WHERE series = 'monitor_clearance' AND hazard = 'mines' AND year = 2016
        AND area_cleared_km2 IS NOT NULL AND kind <> 'world'
"""


@pytest.fixture
def visit(pool: None, built_folders: Folders, monkeypatch: pytest.MonkeyPatch) -> Open:
    monkeypatch.setenv("HMA_DATA", str(built_folders.data))

    def opened(name: str, **address: str) -> AppTest:
        app = AppTest.from_file(REPOSITORY / "dashboard/streamlit_app.py", default_timeout=60)
        for key, value in address.items():
            app.query_params[key] = value
        app.switch_page(f"app_pages/{name}.py").run()
        assert not app.exception, [error.message for error in app.exception]
        return app

    return opened


def said(app: AppTest) -> str:
    return "\n".join(str(box.value) for box in app.markdown).replace("\\", "")


def cells(app: AppTest, alt: str) -> list[dict[str, str]]:
    """The rows of a table as a reader sees them but for links."""
    (table,) = [table for table in app.table if alt in table.proto.alt]
    return [
        {
            str(head): re.sub(r"\[(.*?)\]\(.*?\)", r"\1", str(cell).replace("\\", ""))
            for head, cell in row.items()
        }
        for row in table.value.to_dict("records")
    ]


def linked(app: AppTest, table: str) -> list[dict[str, str]]:
    """The rows that a download link of the page leads to."""
    links = re.findall(rf"/api/v1({re.escape(f'/{table}.csv')}[^)]*)", said(app))
    with TestClient(api) as client:
        return list(csv.DictReader(io.StringIO(client.get(links[0]).text)))


# The map


def test_the_map_of_money_shows_one_year_or_a_span_and_says_which(
    built_folders: Folders, visit: Open
) -> None:
    app = visit("coverage", scope="all", dollars_years="2016")
    ((total, paid),) = ask(
        built_folders,
        "SELECT sum(amount_usd), count(DISTINCT area) FROM coverage WHERE fiscal_year = 2016 AND amount_usd > 0",
    )
    assert f"Whole U.S. effort, fiscal year 2016: ${total:,.0f} in {paid} of the 34 countries" in said(app)  # fmt: skip
    assert app.query_params["dollars_years"] == "2016"
    assert visit("coverage").query_params["dollars_years"] == "2015-2017"


def test_the_map_of_shares_keeps_who_is_not_listed_apart_from_a_printed_zero(
    built_folders: Folders, visit: Open
) -> None:
    app = visit("coverage", map="dependency", dependency_year="2017")
    ((share,),) = ask(built_folders, VIETNAM_SHARE)
    rows = {row["Area"]: row for row in cells(app, "Per cent of international money by area, 2017")}
    assert rows["Vietnam"]["Per cent of international money"] == f"{share:.1f} %"
    assert [name for name, row in rows.items() if row["Class"] == "none from the U.S."] == [
        name for name, row in rows.items() if "not listed" in row["Per cent of international money"]
    ]
    assert sorted(rows) == sorted(row["area_name"] for row in linked(app, "dependency"))


def test_the_map_of_cleared_land_takes_one_kind_of_hazard_and_keeps_bounds(
    built_folders: Folders, visit: Open
) -> None:
    app = visit("coverage", map="clearance", clearance_year="2016")
    rows = cells(app, "Km² cleared of mines by area, 2016")
    printed = {name: (value, bound) for name, value, bound in ask(built_folders, CLEARED_2016)}
    assert {row["Area"] for row in rows} <= printed.keys()
    assert len(rows) > 10
    for row in rows:
        value, bound = printed[row["Area"]]
        figure = row["Km² cleared of mines"]
        assert float(figure.split()[-1].replace(",", "")) == value
        assert figure.startswith("at least ") == (bound == "floor")
    assert len(linked(app, "clearance")) == len(rows)


def test_a_map_that_the_address_cannot_mean_is_said_and_the_first_one_shown(visit: Open) -> None:
    app = visit("coverage", map="volcanoes", scope="all", dollars_years="1899")
    warned = [box.value for box in app.warning]
    assert warned == ["There is no measure volcanoes here.", "There is no year 1899 here."]
    assert "fiscal years 2015 to 2017" in said(app)


@pytest.mark.parametrize("name", MEASURES)
def test_zero_has_a_class_of_its_own_and_no_figure_has_none_of_them(name: str) -> None:
    measure = MEASURES[name]
    ends = [0.0, *measure.steps[1:], measure.steps[-1] * 2, None]
    found = pl.DataFrame({"value": ends}).select(of_class(measure).alias("shade"))["shade"]
    assert found.to_list() == [*measure.classes, None]
    just_above = pl.DataFrame({"value": [end + 0.01 for end in measure.steps]})
    assert just_above.select(of_class(measure)).to_series().to_list() == list(measure.classes[1:])
    assert charts.NO_FIGURE not in measure.classes


def test_the_map_begins_with_the_latest_year_that_tells_of_most_areas() -> None:
    counts = pl.DataFrame({"year": [2020, 2019, 2018, 2017], "len": [4, 5, 10, 9]})
    assert worldmap._telling(counts) == 2019
    assert worldmap._telling(counts.tail(1)) == 2017


def areas_on_map() -> pl.DataFrame:
    return pl.DataFrame(
        {"area": ["COL", "SLB"], "area_name": ["Colombia", "Solomon Islands"],
         "shade": ["zero", "over 200"], "is_open": [False, True], "words": ["0", "at least 300"]}
    )  # fmt: skip


def test_a_small_area_gets_a_dot_where_it_lies() -> None:
    with charts.looking("light"):
        figure = charts.world_map(
            areas_on_map(), "people, 2017", MEASURES["casualties"].classes, "people"
        )
        dots = draw.inline(figure)["layer"][-1]
        (drawn,) = draw.inline(figure)["datasets"][dots["data"]["name"]]
    assert drawn["area"] == "SLB"
    assert (155 < drawn["longitude"] < 163, -12 < drawn["latitude"] < -6) == (True, True)


def test_the_map_as_a_picture_holds_its_outlines_and_asks_for_nothing() -> None:
    with charts.looking("light"):
        figure = charts.world_map(
            areas_on_map(), "people, 2017", MEASURES["casualties"].classes, "people"
        )
        picture = Picture(figure, "A title", "A source")
        assert "url" not in json.dumps(picture.specification())
        # the dashed outline of what has no figure, and a heavy one
        assert picture.svg().count("<path") > 200


def test_the_outlines_are_kept_by_a_browser_and_change_their_address_with_their_content() -> None:
    with TestClient(Starlette(routes=[Route(outlines.PATH, outlines.outlines)])) as client:
        named = client.get(outlines.address())
        assert named.json() == outlines.topology()
        assert "immutable" in named.headers["Cache-Control"]
        assert client.get(outlines.PATH).headers["Cache-Control"] == "no-cache"
        tag = {"If-None-Match": named.headers["ETag"]}
        assert client.get(outlines.address(), headers=tag).status_code == 304


# Charts are made once


def test_a_chart_is_made_once_for_the_same_rows_and_anew_for_others_or_another_appearance() -> None:
    frame = pl.DataFrame(
        {"calendar_year": [2001], "accidents": [5], "is_open": [False], "words": [""]}
    )
    other = frame.with_columns(accidents=pl.lit(6, dtype=pl.Int64))
    with charts.looking("light"):
        first = charts.accidents(frame)
        assert charts.accidents(frame.clone()) is first
        assert charts.accidents(other) is not first
        light = charts.specification(first)
        assert charts.specification(first) is light
        (name,) = light["datasets"]
        assert light["datasets"][name].equals(frame)
        funding = pl.DataFrame(
            {"fiscal_year": [2001], "account": ["DoD"], "amount_usd": [5.0], "edition": ["E"]}
        )
        nominal, constant = (
            charts.funding_by_account(funding, dollars=name) for name in ("nominal", "constant")
        )
        assert "nominal" in json.dumps(nominal.to_dict())
        assert "constant" in json.dumps(constant.to_dict())
    with charts.looking("dark"):
        assert charts.accidents(frame) is not first
        assert charts.specification(first) != light


def test_a_page_that_is_run_again_makes_no_chart_anew(
    visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = visit("coverage")
    drawn = [chart.proto.spec for chart in app.get("vega_lite_chart")]

    def made(*_: object, **__: object) -> None:
        raise AssertionError("a chart was made anew")

    monkeypatch.setattr("altair.Chart", made)
    again = app.run()
    assert not again.exception
    assert [chart.proto.spec for chart in again.get("vega_lite_chart")] == drawn


def test_what_a_chart_is_made_of_is_told_apart_by_content() -> None:
    pieces = [
        None, "", 0, 0.0, False, "0", [], ["a", "b"], ["ab"], [["a"], "b"], {"a": 1}, {"a": 2},
        pl.DataFrame({"a": [1]}), pl.DataFrame({"b": [1]}), pl.DataFrame({"a": [1.0]}),
        pl.DataFrame({"a": [None]}, schema={"a": pl.Int64}),
    ]  # fmt: skip
    assert len({draw.digest(piece) for piece in pieces}) == len(pieces)
    with pytest.raises(TypeError, match="object"):
        draw.digest(object())


# Countries beside each other


def test_countries_beside_each_other_show_one_series_and_the_table_is_what_is_drawn(
    built_folders: Folders, visit: Open
) -> None:
    app = visit("compare", compare="KHM,COL")
    assert app.query_params["series"] == "tweis_country_table"
    alts = [chart.proto.alt for chart in app.get("vega_lite_chart")]
    for area, alt in (("KHM", alts[0]), ("COL", alts[1])):
        sums = ask(
            built_folders,
            "SELECT fiscal_year, sum(amount_usd) FROM coverage WHERE area = ? GROUP BY ALL ORDER BY 1", area,
        )  # fmt: skip
        for year, total in (sums[0], sums[-1]):
            assert f"${total:,.0f} in FY{year}" in alt
    rows = cells(app, "Money by area, year and payer in nominal U.S. dollars")
    printed = ask(built_folders, "SELECT count(*) FROM coverage WHERE area IN ('KHM', 'COL')")
    assert len(rows) == printed[0][0]
    # Colombia had a table for 2013 and Cambodia had none: a cross stands there, not a zero
    assert [r"\u00d7" in chart.proto.spec for chart in app.get("vega_lite_chart")] == [True, False]


def test_countries_to_compare_may_be_given_by_any_of_their_names(visit: Open) -> None:
    app = visit("compare", compare="Lao PDR,vietnam")
    assert not app.warning
    drawn = [chart.proto.alt for chart in app.get("vega_lite_chart")]
    assert [alt.partition("dollars. ")[2].split(":")[0] for alt in drawn] == ["Laos", "Vietnam"]


def test_each_of_the_charts_beside_each_other_can_be_taken_away(visit: Open) -> None:
    app = visit("compare", compare="KHM,COL")
    labels = [str(getattr(button, "label", "")) for button in app.get("download_button")]
    assert labels.count("Picture (SVG)") == labels.count("Picture (PNG)") == 2
    assert sum(label.startswith("Rows drawn (CSV") for label in labels) == 2


def test_comparing_in_constant_dollars_says_so_on_each_chart(
    built_folders: Folders, visit: Open
) -> None:
    app = visit("compare", compare="COL", dollars="constant", scale="same")
    (chart,) = app.get("vega_lite_chart")
    ((year, total),) = ask(
        built_folders,
        "SELECT year, round(sum(amount_2024_usd)) FROM funding_constant JOIN coverage USING (entry_id) "
        "WHERE coverage.area = 'COL' GROUP BY year ORDER BY year DESC LIMIT 1",
    )
    assert "constant U.S. dollars of FY2024. Colombia: " in chart.proto.alt
    assert f"${total:,.0f} in FY{year}" in chart.proto.alt
    assert '"title": "constant U.S. dollars of FY2024"' in chart.proto.spec
    assert "all charts have the same scale" in said(app)


def test_at_most_six_are_compared_and_an_unknown_series_is_said(visit: Open) -> None:
    seven = visit("compare", compare="KHM,COL,VNM,LAO,AFG,IRQ,AGO")
    assert len(seven.get("vega_lite_chart")) == 6
    assert seven.warning[0].value.startswith("The first 6 of 7 are shown")
    unknown = visit("compare", series="x")
    assert unknown.warning[0].value == "There is no series x here."


@pytest.mark.parametrize(
    ("series", "areas"),
    [("monitor_recipient_tables", "LAO,KHM,AFG,COL,AGO,IRQ"), ("tweis_country_table", "COL,VNM")],
)
def test_every_sum_of_the_table_leads_to_the_figures_that_it_adds_and_no_others(
    visit: Open, series: str, areas: str
) -> None:
    app = visit("compare", compare=areas, series=series)
    (table,) = [one for one in app.table if "Money by area, year and payer" in one.proto.alt]
    several = 0
    for row in table.value.to_dict("records"):
        words, _, link = row["Nominal U.S. dollars"].partition("](/rows?of=funding&")
        if not link or row["Figures added"] == "0":
            continue
        several += int(row["Figures added"]) > 1
        with TestClient(api) as client:
            answer = client.get(f"/funding.csv?{link.removesuffix(')')}")
        figures = list(csv.DictReader(io.StringIO(answer.text)))
        assert len(figures) == int(row["Figures added"]), link
        assert sum(float(one["amount_usd"]) for one in figures) == pytest.approx(
            float(re.sub(r"[^0-9.]", "", words)), abs=0.005
        )
    assert several or series == "tweis_country_table"
    (button,) = [
        one for one in app.get("download_button") if "Download this table" in one.proto.label
    ]
    assert f"{len(table.value)} rows" in button.proto.label
