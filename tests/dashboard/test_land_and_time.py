"""The pages of clearance and contamination and of the timeline: whole, past, thin, and by their addresses."""

from __future__ import annotations

import re
from collections.abc import Callable

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import charts
from dashboard.show import MISSING
from etl.settings import Folders
from tests.dashboard.serving import REPOSITORY
from tests.helpers import ask, run

Open = Callable[..., AppTest]


@pytest.fixture
def visit(pool: None) -> Open:
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


def words(app: AppTest) -> str:
    assert not app.exception, [error.message for error in app.exception]
    boxes = [*app.markdown, *app.info, *app.warning, *app.title]
    return "\n".join(str(box.value) for box in boxes).replace("\\", "")


def cells(app: AppTest, alt: str) -> list[dict[str, str]]:
    (table,) = [table for table in app.table if alt in table.proto.alt]
    return [
        {str(heading): str(cell).replace("\\", "") for heading, cell in row.items()}
        for row in table.value.to_dict("records")
    ]


def label(cell: str) -> str:
    """The text of a linked cell."""
    found = re.fullmatch(r"\[(.*)\]\(/entry\?entry=[a-z_]+-[0-9a-f]{16}[^)]*\)", cell)
    assert found, cell
    return found[1]


# Clearance and contamination


def test_the_worlds_printed_figures_stand_with_bounds_and_open_their_rows(
    whole: Folders, visit: Open
) -> None:
    app = visit("clearance")
    rows = cells(app, "Land released and items destroyed in World")
    by_year = {(label(row["Year"]), row["Hazard"]): row for row in rows}
    assert label(by_year["2021", "AP mines"]["Cleared, km²"]) == "at least 152"
    assert label(by_year["2022", "AP mines"]["Cleared, km²"]) == "nearly 189"
    assert by_year["2023", "AP mines"]["Cleared, km²"] == MISSING
    assert "Which part of this the United States paid for is not known" in words(app)


def test_two_editions_of_one_year_stand_side_by_side(whole: Folders, visit: Open) -> None:
    rows = cells(visit("clearance", area="XWD"), "Land released")
    of_2016 = [
        label(row["Cleared, km²"])
        for row in rows
        if label(row["Year"]) == "2016" and row["Hazard"] == "mines"
    ]
    assert of_2016 == ["145", "about 170"]


def test_each_row_of_an_area_is_there_and_its_estimates_have_dates(
    whole: Folders, visit: Open
) -> None:
    app = visit("clearance", area="BIH")
    ((cleared, left),) = ask(
        whole,
        "SELECT (SELECT count(*) FROM clearance WHERE area = 'BIH'), "
        "(SELECT count(*) FROM contamination WHERE area = 'BIH')",
    )
    assert len(cells(app, "Land released and items destroyed in Bosnia")) == cleared == 10
    estimates = cells(app, "Estimates of contamination in Bosnia")
    assert len(estimates) == left == 13
    assert all(row["Date of the estimate"] != MISSING for row in estimates)


def test_the_measure_and_the_estimate_are_chosen_by_the_address(
    whole: Folders, visit: Open
) -> None:
    said = words(visit("clearance", area="BIH", measure="ap_mines", estimate="confirmed"))
    assert "antipersonnel mines destroyed in" in said
    assert "km² of confirmed hazardous area" in said


def test_a_lower_bound_is_hollow_a_gap_is_grey_and_a_zero_is_a_mark() -> None:
    frame = pl.DataFrame(
        {
            "year": [2001, 2002, 2004], "value": [5.0, 0.0, 7.0], "hazard": ["mines"] * 3,
            "bound": ["at least", "a number", "a number"], "words": ["at least 5", "0", "7"],
            "edition": ["e"] * 3,
        }
    )  # fmt: skip
    with charts.looking("light"):
        drawn = charts.land(frame, "km²").to_dict()
        paper, ink = charts.colour("outline"), charts.colour("clearance")
    gaps, marks = drawn["layer"]
    data = drawn["datasets"]
    assert [row["year"] for row in data[gaps["data"]["name"]]] == [2000, 2003]
    fill = marks["encoding"]["fill"]["scale"]
    assert dict(zip(fill["domain"], fill["range"], strict=True)) == {
        "a number": ink,
        "at least": paper,
    }
    assert 0.0 in [row["value"] for row in data[marks["data"]["name"]]]


def test_an_unknown_area_is_said_to_be_unknown(whole: Folders, visit: Open) -> None:
    assert "There is no area XYZ here." in words(visit("clearance", area="XYZ"))


# Timeline


def test_the_stop_the_memo_the_funding_and_the_withdrawals_stand_with_their_rows(
    whole: Folders, visit: Open
) -> None:
    app = visit("timeline")
    rows = cells(app, "Events of the U.S. program and of three treaties")
    dates = {row["Date"] for row in rows}
    assert {
        "2025-01-25",
        "2025-12-02",
        "2026-02-03",
        "2025-12-27",
        "2026-01-10",
        "2026-02-20",
    } <= dates
    assert all(label(row["Event"]) for row in rows)
    ((events, dated),) = ask(
        whole,
        "SELECT (SELECT count(*) FROM program_events), "
        "(SELECT count(withdrawal_notified) + count(withdrawal_effective) FROM treaty_status)",
    )
    assert len(rows) == events + dated == 31 + 10


def test_a_withdrawal_is_reported_with_what_the_row_says_and_ukraine_is_none(
    whole: Folders, visit: Open
) -> None:
    rows = cells(visit("timeline"), "States that leave a treaty")
    by_state = {(row["State"], row["Treaty"]): row for row in rows}
    assert len(rows) == 7
    finland = by_state["Finland", "Mine Ban Treaty"]
    assert (finland["Notified"], label(finland["Status"])) == (
        "2025-07-10",
        "reported in effect 2026-01-10",
    ) or (label(finland["Status"]) == "reported, takes effect 2026-01-10")
    assert by_state["Poland", "Mine Ban Treaty"]["Notified"] == MISSING
    assert label(by_state["Ukraine", "Mine Ban Treaty"]["Status"]) == "no withdrawal: see the note"
    assert "not a withdrawal" in by_state["Ukraine", "Mine Ban Treaty"]["What the row says"]
    # the depositary's table is of 2014: what came later stands in reports, and each of them can be opened
    assert "also [censor.net](https://censor.net/en/news/" in finland["Read in"]
    assert "[hrw.org](" in by_state["Ukraine", "Mine Ban Treaty"]["Read in"]
    events = cells(visit("timeline"), "Events of the U.S. program and of three treaties")
    withdrawals = [row for row in events if row["Kind"].startswith("Withdrawal")]
    assert len(withdrawals) == 10
    for row in withdrawals:
        assert row["Source"].startswith("["), row
        assert "2014" not in row["Source"], row
        assert "untreaties" not in row["Source"], row


def test_kinds_and_area_are_chosen_by_the_address(whole: Folders, visit: Open) -> None:
    app = visit("timeline", kinds=["withdrawal", "joined"], area="FIN")
    rows = cells(app, "Events of the U.S. program and of three treaties")
    assert [row["Date"] for row in rows if "Mine Ban" in row["Event"]] == [
        "2026-01-10",
        "2012-01-09",
    ]
    assert {row["Kind"] for row in rows} == {"Withdrawal in effect", "Treaty ratified or joined"}


def test_one_named_series_is_drawn_and_none_if_none_is_wanted(whole: Folders, visit: Open) -> None:
    state = visit("timeline", series="state")
    (chart,) = state.get("vega_lite_chart")
    assert "one printed series" in chart.proto.alt
    assert "“State alone: all CWD (fiscal years)”" in words(state)
    assert len(visit("timeline", series="none").get("vega_lite_chart")) == 0


def test_an_event_of_the_program_names_the_country_that_is_chosen(
    whole: Folders, visit: Open
) -> None:
    rows = cells(visit("timeline", area="COL", kinds="program"), "Events of the U.S. program")
    assert [label(row["Event"]) for row in rows] == ["Colombia demining initiative"]


# Past, and little in the ledger


@pytest.mark.parametrize("name", ["clearance", "timeline"])
def test_every_link_of_a_past_page_keeps_the_refresh(past: Folders, visit: Open, name: str) -> None:
    app = visit(name, as_of="1")
    texts = [box.value for box in app.main.markdown]
    texts += [box.value for box in app.main.info if "You see the ledger" not in box.value]
    texts += [str(cell) for table in app.table for cell in table.value.to_numpy().ravel()]
    links = [part.split(")")[0] for text in texts for part in text.split("](/")[1:]]
    assert links
    assert [link for link in links if "as_of=1" not in link] == []


@pytest.mark.parametrize(
    ("source", "name", "reason"),
    [
        ("state_tweis", "clearance", "No figure of clearance or contamination is in this ledger"),
        ("state_tweis", "timeline", "No source of events or treaties is in this ledger"),
        ("treaties", "timeline", ""),
        ("program_events", "timeline", ""),
    ],
)
def test_a_page_without_its_source_says_so_and_one_with_half_of_it_opens(
    workspace: Folders, visit: Open, source: str, name: str, reason: str
) -> None:
    assert not run(workspace, source).failed
    said = words(visit(name))
    assert reason in said
