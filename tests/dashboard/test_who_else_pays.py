"""The page of who else pays: one basis at a time, ranks with what they cannot show, donors of an area."""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Callable
from decimal import Decimal

import pytest
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from dashboard.api import api
from dashboard.show import rows_link
from etl.settings import Folders
from tests.dashboard.reading import rows_asked
from tests.dashboard.serving import REPOSITORY
from tests.helpers import ask
from tests.payers import add_crs, add_fts

Open = Callable[..., AppTest]
Cells = list[dict[str, str]]


@pytest.fixture
def visit(pool: None) -> Open:
    def opened(**address: str) -> AppTest:
        app = AppTest.from_file(REPOSITORY / "dashboard/streamlit_app.py", default_timeout=60)
        for key, value in address.items():
            app.query_params[key] = value
        app.switch_page("app_pages/who_else_pays.py").run()
        assert not app.exception, [error.message for error in app.exception]
        return app

    return opened


@pytest.fixture
def whole(built_folders: Folders, monkeypatch: pytest.MonkeyPatch) -> Folders:
    monkeypatch.setenv("HMA_DATA", str(built_folders.data))
    return built_folders


@pytest.fixture(scope="module")
def paid_folders(built_folders: Folders, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """The embedded ledger, then a few rows of the CRS, then of FTS: only read it."""
    folder = tmp_path_factory.mktemp("paid")
    shutil.copytree(built_folders.data, folder / "data")
    folders = Folders(folder / "data")
    add_crs(folders, folder)
    add_fts(folders, folder, 2024, 2026)
    return folders


@pytest.fixture
def paid(paid_folders: Folders, monkeypatch: pytest.MonkeyPatch) -> Folders:
    monkeypatch.setenv("HMA_DATA", str(paid_folders.data))
    return paid_folders


def words(app: AppTest) -> str:
    boxes = [*app.markdown, *app.info, *app.warning, *app.header]
    return "\n".join(str(box.value) for box in boxes).replace("\\", "").replace("\u00a0", " ")


def cells(app: AppTest, alt: str) -> Cells:
    (table,) = [table for table in app.table if alt in table.proto.alt]
    return [
        {
            str(name): str(cell).replace("\\", "").replace("\u00a0", " ")
            for name, cell in row.items()
        }
        for row in table.value.to_dict("records")
    ]


def behind(cell: str) -> list[dict[str, str]]:
    """The rows to which a figure leads, from the API."""
    with TestClient(api) as client:
        answer = client.get(rows_asked(cell))
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def label(cell: str) -> str:
    """What a reader sees of a link."""
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", cell)


def row_of(rows: Cells, area: str) -> dict[str, str]:
    (row,) = [row for row in rows if row["Country or area"].startswith(f"[{area}]")]
    return row


def test_the_share_leads_to_its_row_its_dollars_and_its_donors(whole: Folders, visit: Open) -> None:
    app = visit()
    vietnam = row_of(cells(app, "U.S. share, donors and years"), "Vietnam")
    share = vietnam["U.S. share, latest known year to 2024"]
    assert share.startswith("[90.7 %]")
    assert share.endswith("(2017)")
    (row,) = behind(share)
    assert (row["us_usd"], row["all_donors_usd"]) == ("12500000", "13778167")
    assert "/entry?entry=landmine_monitor-" in vietnam["United States"]
    donors = behind(vietnam["All donors"])
    assert sum(Decimal(each["amount_usd"]) for each in donors) == Decimal(13778167)
    assert (vietnam["Donors"], vietnam["Herfindahl index"]) == ("5", "0.83")
    assert app.query_params["basis"] == "monitor", "a link keeps its meaning"


def test_who_is_not_listed_has_no_zero_and_what_is_missing_comes_first(
    whole: Folders, visit: Open
) -> None:
    app = visit(basis="monitor")
    myanmar = row_of(cells(app, "U.S. share, donors and years"), "Myanmar")
    assert myanmar["U.S. share, latest known year to 2024"].startswith("[U.S. not listed]")
    assert myanmar["United States"] == "not listed"
    said = words(app)
    assert "A country that is not shown here is not one that depends on nobody." in said
    assert (
        "Of the 34 countries and areas whose table in State’s report was read, 12 have no" in said
    )
    assert "no change since then is known: it is not nought" in said
    assert not any("Change after" in heading for heading in myanmar)


@pytest.mark.parametrize(("scope", "ranked", "of"), [("all", 17, 34), ("dod", 13, 26)])
def test_the_ranking_says_what_it_cannot_show_and_who_is_not_in_it(
    whole: Folders, visit: Open, scope: str, ranked: int, of: int
) -> None:
    app = visit(basis="monitor", scope=scope)
    [(cannot_show,)] = ask(whole, "SELECT DISTINCT cannot_show FROM orphaned")
    assert cannot_show in words(app)
    assert (
        "An area that is not ranked, or has no row, is not one that depends on nobody"
        in cannot_show
    )
    assert ("The share is of all U.S. money" in words(app)) == (scope == "dod")
    rows, others = cells(app, "covered areas with casualties"), cells(app, "without a rank")
    assert (len(rows), len(rows) + len(others)) == (ranked, of)
    assert [label(row["Rank"]) for row in rows] == [str(number) for number in range(1, ranked + 1)]
    column = "rank_defense" if scope == "dod" else "rank_whole_effort"
    names = [
        name
        for (name,) in ask(
            whole,
            f"SELECT area_name FROM orphaned WHERE {column} IS NOT NULL ORDER BY {column}",
        )
    ]
    assert [re.findall(r"\[([^]]+)\]", row["Country or area"])[0] for row in rows] == names
    assert ("Syria" in names) == (scope == "all")
    assert all(row["Why not"] for row in others)
    mali = row_of(others, "Mali")
    assert (label(mali["Why not"]), mali["U.S. share"]) == ("Donors not read from this source", "not known")  # fmt: skip


@pytest.mark.parametrize(
    ("basis", "command"),
    [
        ("crs_disbursements", "hma refresh oecd_crs"),
        ("crs_commitments", "hma refresh oecd_crs"),
        ("fts_paid", "hma refresh ocha_fts"),
        ("fts_committed", "hma refresh ocha_fts"),
    ],
)
def test_a_source_without_figures_says_what_fetches_it(
    whole: Folders, visit: Open, basis: str, command: str
) -> None:
    app = visit(basis=basis)
    assert f"`{command}`" in app.info[0].value
    assert "not read is not nothing paid" in app.info[0].value
    assert not app.table


@pytest.mark.parametrize("address", [{"basis": "*x*"}, {"area": "ZZZ"}, {"scope": "state"}])
def test_an_address_that_means_nothing_is_said_to_mean_nothing(
    whole: Folders, visit: Open, address: dict[str, str]
) -> None:
    app = visit(**address)
    assert any(box.value.startswith("There is no ") for box in app.main.warning)
    assert app.table


def test_a_page_does_not_warn_of_an_area_that_it_chose_by_itself(
    paid: Folders, visit: Open
) -> None:
    app = visit(basis="monitor")
    (itself,) = [app.query_params["area"]]
    assert itself
    app.selectbox(key="basis_chosen").select("fts_committed").run()
    assert app.query_params["basis"] == "fts_committed"
    assert not [box for box in app.main.warning if "There is no area" in box.value]
    chosen = visit(basis="fts_committed", area="IRQ")
    assert "There is no area IRQ here. Its donors were not read on this basis." in words(chosen)


def test_the_switch_changes_every_figure_to_the_other_source(paid: Folders, visit: Open) -> None:
    laos = row_of(cells(visit(basis="crs_disbursements"), "U.S. share, donors and years"), "Laos")
    assert laos["U.S. share, latest known year to 2024"].startswith("[80.0 %]")
    assert sum(Decimal(row["amount_usd"]) for row in behind(laos["United States"])) == 8_000_000
    assert {row["basis"] for row in behind(laos["All donors"])} == {"crs_disbursements"}
    paid_laos = row_of(cells(visit(basis="fts_paid"), "U.S. share, donors and years"), "Laos")
    assert paid_laos["U.S. share, latest known year to 2024"].startswith("[90.0 %]")
    assert "/entry?entry=ocha_fts-" in paid_laos["United States"]


def test_what_changed_after_2024_is_said_and_silence_is_no_nought(
    paid: Folders, visit: Open
) -> None:
    rows = cells(visit(basis="crs_disbursements"), "U.S. share, donors and years")
    assert row_of(rows, "Vietnam")["Change after 2024"] == "−\u2060$3,000,000, −75.0 % to 2025"
    assert row_of(rows, "Laos")["Change after 2024"] == "U.S. not listed in 2025"
    assert row_of(rows, "Angola")["Change after 2024"] == "no year after 2024 read"
    assert row_of(rows, "Vietnam")["Years as only donor"] == "2 of 2 known"
    share = row_of(rows, "Colombia")["U.S. share, latest known year to 2024"]
    assert label(share) == "not known"
    (known,) = behind(share)
    assert known["why_no_share"]


def test_the_donors_of_an_area_lead_to_their_figures_and_add_up(paid: Folders, visit: Open) -> None:
    app = visit(basis="crs_disbursements", area="LAO")
    rows = [row for row in cells(app, "Donors of Laos by year") if row["Year"].startswith("[2024]")]
    assert [row["Donor"] for row in rows] == ["United States", "Germany", "Norway"]
    assert [row["Share"] for row in rows] == ["80.0 %", "15.0 %", "5.0 %"]
    assert sum(Decimal(row["amount_usd"]) for row in behind(rows[0]["Nominal dollars"])) == (
        8_000_000
    )
    said = words(app)
    assert "Laos: the list of donors of 2025" not in said, "the latest known share is told"
    assert "Laos: U.S. money was 80.0 % of what donors gave in 2024; donors were read until 2025" in said  # fmt: skip
    assert "2025, the source lists no U.S. money" in said


def test_a_year_that_was_not_over_is_marked(paid: Folders, visit: Open) -> None:
    said = words(visit(basis="fts_paid", area="LAO"))
    assert "in 2026, which was not over yet" in said
    assert "Not over when the source was read: 2026." in said


def test_an_earlier_refresh_shows_the_sources_of_then(paid: Folders, visit: Open) -> None:
    app = visit(basis="crs_disbursements", as_of="1")
    assert "`hma refresh oecd_crs`" in "".join(box.value for box in app.info)
    assert visit(basis="monitor", as_of="1").table
    assert visit(basis="crs_disbursements", as_of="2").table


def test_a_small_share_is_no_nought_and_what_was_not_read_has_a_bar(
    whole: Folders, visit: Open
) -> None:
    app = visit(basis="monitor", area="IRQ")
    small = [row for row in cells(app, "Donors of Iraq by year") if row["Donor"] == "Estonia"]
    assert {row["Share"] for row in small} == {"under 0.1 %"}
    # the table of 2019 was read in part; its total is printed
    (chart,) = [
        chart
        for chart in app.get("vega_lite_chart")
        if "what each donor gave for Iraq" in chart.proto.alt
    ]
    assert "donors not read" in chart.proto.spec
    assert "Not all donors were read for 20" in words(app)


def test_the_country_page_offers_the_shares_that_it_shows_and_those_of_no_other_source(
    paid: Folders, visit: Open
) -> None:
    app = visit()
    app.query_params["area"] = "LAO"
    app.switch_page("app_pages/country.py").run()
    assert not app.exception, [error.message for error in app.exception]
    shown = cells(app, "U.S. share of international support for Laos")
    (offered,) = [box.value for box in app.markdown if "Download the shares" in str(box.value)]
    (link,) = re.findall(r"\((/api/v1/dependency\.csv[^)]*)\)", offered.replace("\\", ""))
    rows = behind(rows_link("CSV", link))
    assert {row["basis"] for row in rows} == {"monitor"}
    assert [row["calendar_year"] for row in rows] == [row["Year"] for row in shown]


def test_the_shares_of_one_year_stand_beside_the_casualties_of_that_year(
    whole: Folders, visit: Open
) -> None:
    app = visit(basis="monitor", year="2022")
    rows = cells(app, "U.S. share and casualties of 2022")
    assert [label(row["Country or area"]) for row in rows][:3] == ["Laos", "Angola", "Colombia"]
    colombia, laos = row_of(rows, "Colombia"), row_of(rows, "Laos")
    # casualties/national_country_year.csv, the copy with data to 2023-10: 6 killed and 133 injured
    assert [label(colombia[f"{what} in 2022"]) for what in ("Killed", "Injured", "Casualties")] == [
        "6", "133", "139",
    ]  # fmt: skip
    assert laos["Casualties in 2022"] == "not read"
    (share,) = behind(colombia["U.S. share in 2022"])
    assert (share["us_usd"], share["all_donors_usd"]) == ("24587000", "35401900")
    assert app.query_params["year"] == "2022"
    assert (
        cells(visit(basis="monitor"), "U.S. share and casualties of 2022") == rows
    )  # 2023 has one


def test_a_year_without_a_known_share_is_told_and_another_is_shown(
    whole: Folders, visit: Open
) -> None:
    app = visit(basis="monitor", year="1990")
    assert "There is no year 1990 here." in [box.value for box in app.main.warning]
    assert cells(app, "U.S. share and casualties of 2022")
