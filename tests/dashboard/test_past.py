"""The ledger as it stood: the picker, the line at the top, entries of then, and what changed since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard import revisions
from etl.settings import Folders
from etl.sources import all_sources
from etl.store import Lease, current_path
from etl.tables import FACT_TABLES
from tests.dashboard.reading import archived
from tests.dashboard.serving import REPOSITORY
from tests.helpers import ask
from tests.pasts import NEWEST

Open = Callable[..., AppTest]
STATE_2015 = """
    SELECT entry_id FROM history.funding
    WHERE area = 'VNM' AND year = 2015 AND account = 'State NADR-CWD'
        AND series = 'tweis_country_table' AND amount_as_printed = '12,548'
"""


@pytest.fixture
def visit(pool: None) -> Open:
    def opened(name: str, **address: str) -> AppTest:
        app = AppTest.from_file(REPOSITORY / "dashboard/streamlit_app.py", default_timeout=60)
        for key, value in address.items():
            app.query_params[key] = value
        return app.switch_page(f"app_pages/{name}.py").run()

    return opened


def titles(app: AppTest) -> list[str]:
    assert not app.exception, [error.message for error in app.exception]
    return [title.value for title in app.title]


def words(app: AppTest) -> str:
    boxes = [*app.markdown, *app.info, *app.warning, *app.subheader, *app.header, *app.title]
    return "\n".join(str(box.value) for box in boxes).replace("\\", "")


def cells(app: AppTest, alt: str) -> list[dict[str, str]]:
    """The rows of the table whose alt text contains ``alt``, as a reader sees them but for links."""
    (table,) = [table for table in app.table if alt in table.proto.alt]
    return [
        {str(heading): str(cell).replace("\\", "") for heading, cell in row.items()}
        for row in table.value.to_dict("records")
    ]


def state_2015(app: AppTest) -> str:
    (row,) = [
        row
        for row in cells(app, "by fiscal year and account")
        if row["Fiscal year"].endswith("2015")
    ]
    return row["State NADR-CWD"]


# Looking back


def test_a_page_shows_the_figures_of_the_refresh_in_its_address(past: Folders, visit: Open) -> None:
    then, now = visit("country", area="VNM", as_of="1"), visit("country", area="VNM", as_of="3")
    assert titles(then) == titles(now) == ["Vietnam"]
    assert state_2015(then).startswith("[$12,548,000]")
    assert state_2015(now).startswith("[$12,549,000]")


def test_a_page_of_the_past_says_so_in_its_first_line_with_a_link_to_now(
    past: Folders, visit: Open
) -> None:
    said = visit("country", area="VNM", as_of="2").info[0].value.replace("\\", "")
    assert said.startswith("You see the ledger as of refresh 2 (")
    assert f"The newest is {NEWEST} (" in said
    assert said.endswith("[Show the newest](/country?area=Vietnam)")
    assert not [
        box for box in visit("country", area="VNM").info if "You see the ledger" in box.value
    ]


def test_a_pinned_newest_refresh_is_no_past_but_says_that_it_is_pinned(
    past: Folders, visit: Open
) -> None:
    assert "It is the newest" in visit("about", as_of=str(NEWEST)).info[0].value


def test_a_day_in_the_address_becomes_the_refresh_that_it_means(past: Folders, visit: Open) -> None:
    ((day,),) = ask(past, "SELECT strftime(max(finished_at), '%Y-%m-%d') FROM refreshes")
    app = visit("about", as_of=str(day))
    assert titles(app) == ["About"]
    assert app.query_params["as_of"] == str(NEWEST)


@pytest.mark.parametrize("as_of", ["99", "0", "soon", "2001-01-01", "1' OR 1=1"])
@pytest.mark.parametrize("name", ["coverage", "entry"])
def test_a_refresh_that_there_is_not_shows_no_figure_but_what_there_is(
    past: Folders, visit: Open, name: str, as_of: str
) -> None:
    app = visit(name, as_of=as_of)
    assert titles(app) == ["No such refresh"]
    assert app.main.warning[-1].value
    assert not app.table
    assert f"[refresh {NEWEST}](" in words(app)
    assert f"served here is {current_path(past.ledger).stem}." in words(app).replace("\\", "")


def test_the_picker_writes_the_address_and_offers_every_refresh(past: Folders, visit: Open) -> None:
    app = visit("country", area="VNM")
    picker = app.sidebar.selectbox(key="as_of_chosen")
    assert picker.options[0].startswith(f"now (refresh {NEWEST}, ")
    assert [option.split(",")[0] for option in picker.options[1:]] == [
        f"refresh {number}" for number in range(NEWEST, 0, -1)
    ]
    picker.select("1").run()
    assert app.query_params["as_of"] == "1"
    assert state_2015(app).startswith("[$12,548,000]")
    app.sidebar.selectbox(key="as_of_chosen").select("").run()
    assert "as_of" not in app.query_params
    assert titles(app) == ["Vietnam"]


def test_the_answers_of_two_refreshes_are_not_mixed_up_in_the_cache(
    past: Folders, visit: Open
) -> None:
    for _ in range(2):
        assert "4,569 figures" in visit("about", as_of="2").sidebar.markdown[-1].value
        assert "4,568 figures" in visit("about", as_of="3").sidebar.markdown[-1].value


def test_a_hold_is_shown_from_the_refresh_that_found_it(past: Folders, visit: Open) -> None:
    assert not visit("about", as_of="3").main.warning
    (held,) = visit("about", as_of="4").main.warning
    assert "On hold: To Walk the Earth in Safety" in held.value
    why = visit("sources", as_of="4").main.warning[-1].value
    assert "136 entries" in why
    assert "hma accept" not in why, "what was to be settled then is no task for now"


# Entries


def entry_of(past: Folders, query: str) -> str:
    return str(ask(past, query)[0][0])


def test_an_entry_shows_the_revision_of_then_and_what_became_of_it(
    past: Folders, visit: Open
) -> None:
    entry = entry_of(past, STATE_2015)
    then, now = visit("entry", entry=entry, as_of="1"), visit("entry", entry=entry)
    assert '"12,548"' in archived(then)[0]
    assert "since then the entry was revised in refresh 2" in words(then)
    assert '"12,549"' in archived(now)[0]
    for app in (then, now):
        assert [row["What it says"] for row in cells(app, "Revisions of the entry")] == [
            "$12,548,000",
            "$12,549,000",
        ]


def test_a_withdrawn_entry_keeps_its_values_and_was_in_use_before(
    past: Folders, visit: Open
) -> None:
    entry = entry_of(past, "SELECT entry_id FROM history.program_events WHERE change = 'withdrawn'")
    then, now = visit("entry", entry=entry, as_of="2"), visit("entry", entry=entry)
    assert "The source dropped this figure in refresh 3" in words(now)
    assert "The source dropped" not in words(then)
    assert "since then the entry was withdrawn in refresh 3" in words(then)


def test_an_entry_that_came_later_says_that_there_was_none_yet(past: Folders, visit: Open) -> None:
    entry = entry_of(past, "SELECT entry_id FROM program_events WHERE event = 'Found later'")
    then, now = visit("entry", entry=entry, as_of="2"), visit("entry", entry=entry, as_of="3")
    assert titles(then) == titles(now) == ["Source row"]
    assert "not in the ledger as of refresh 2: it was first recorded in refresh 3" in words(then)
    assert not archived(then)
    assert archived(now)


# Changes


def test_the_changes_page_shows_the_last_change_and_an_empty_state(
    past: Folders, visit: Open
) -> None:
    assert "From refresh 2 to refresh 3" in words(visit("changes")), (
        "the last that changed a figure"
    )
    app = visit("changes", a=str(NEWEST - 1), b=str(NEWEST))
    assert titles(app) == ["Changes"]
    assert f"No figure changed between refresh {NEWEST - 1} and refresh {NEWEST}" in words(app)
    assert len(cells(app, "All refreshes")) == NEWEST


def test_a_revision_and_a_withdrawal_are_shown_before_and_after(past: Folders, visit: Open) -> None:
    app = visit("changes", a="1", b="3")
    assert "1 figure added, 1 revised, 2 withdrawn." in words(app)
    revised, *events = cells(app, "Entries that changed")
    assert sorted(row["Change"] for row in events) == ["added", "withdrawn", "withdrawn"]
    withdrawn = next(row for row in events if row["Change"] == "withdrawn")
    assert (revised["Change"], revised["Before"], revised["After"]) == (
        "revised", "$12,548,000", "$12,549,000",
    )  # fmt: skip
    assert revised["Figure"].startswith("[United States, Vietnam, DOS NADR - CWD, FY2015](/entry?")
    assert withdrawn["After"] == "–"
    assert "](/entry?entry=program_events-" in withdrawn["Figure"]
    for alt in ("by area", "by edition"):
        (row,) = cells(app, f"Largest changes in US dollars {alt}")
        assert (row["These before"], row["These after"], row["Difference"]) == (
            "$12,548,000", "$12,549,000", "+$1,000",
        )  # fmt: skip


def test_the_first_refresh_is_counted_and_not_listed(past: Folders, visit: Open) -> None:
    app = visit("changes", a="0", b="1")
    assert "4,569 figures added." in words(app)
    assert not [table for table in app.table if "Entries that changed" in table.proto.alt]
    assert len(app.table) == 2


def test_the_two_refreshes_stand_in_the_address(past: Folders, visit: Open) -> None:
    app = visit("changes")
    app.selectbox(key="a_chosen").select("1").run()
    app.selectbox(key="b_chosen").select("2").run()
    assert app.query_params == {"a": "1", "b": "2"}
    assert "1 figure revised." in words(app)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ({"a": "99"}, "There is no refresh 99"),
        ({"b": "soon"}, "Name a refresh by its number"),
        ({"b": "5", "as_of": "3"}, "later than refresh 3, which you look back to"),
    ],
)
def test_changes_between_refreshes_that_are_not_there_are_refused(
    past: Folders, visit: Open, address: dict[str, str], reason: str
) -> None:
    app = visit("changes", **address)
    assert titles(app) == ["Changes"]
    assert reason in app.main.warning[-1].value.replace("\\", "")
    assert not app.table


def test_every_fact_table_has_a_headline_that_it_declares() -> None:
    assert revisions.HEADLINE.keys() == FACT_TABLES.keys()
    for table, column in revisions.HEADLINE.items():
        assert column in FACT_TABLES[table].columns()


# Sources, rejects and issues


def test_each_source_says_whether_it_is_in_use(past: Folders, visit: Open) -> None:
    app = visit("sources")
    assert titles(app) == ["Sources"]
    states = {row["Source"]: row["State"] for row in cells(app, "Sources with status")}
    named = {title.split("]")[0].lstrip("["): state for title, state in states.items()}
    assert named["To Walk the Earth in Safety"] == "on hold since refresh 4: fewer entries"
    assert named["U.S. price indexes, yearly averages"] == (
        "last vintage rejected by an archivist: Cut *short*."
    )
    others = Counter(named.values())
    assert (
        len(named) - 2 == others["in use"] + others["not read yet"] + others["off unless turned on"]
    )
    assert others["off unless turned on"] == sum(
        not spec.enabled for spec in all_sources().values()
    )
    (decision,) = cells(app, "What people decided")
    assert decision["Who"] == "an archivist"
    assert decision["Why"] == "Cut *short*."


def test_the_hash_of_every_file_is_shown_whole(past: Folders, visit: Open) -> None:
    app = visit("sources", as_of="1")
    shown = "\n".join(str(cell) for table in app.table for cell in table.value.to_numpy().ravel())
    for (sha256,) in ask(past, "SELECT vintage_sha256 FROM vintages WHERE recorded_in = 1"):
        assert sha256 in shown


def test_rejects_and_issues_can_be_kept_to_one_source(past: Folders, visit: Open) -> None:
    app = visit("findings")
    assert titles(app) == ["Rejects and issues"]
    assert len(cells(app, "Issues by source")) == 1
    assert "No row was rejected." in words(app)
    app.selectbox(key="source_chosen").select("treaties").run()
    assert app.query_params == {"source": "treaties"}
    assert not app.table
    assert "No oddity was found." in words(app)


def test_an_unknown_source_in_the_address_is_said_to_be_unknown(past: Folders, visit: Open) -> None:
    app = visit("findings", source="nobody")
    assert "There is no source nobody" in app.main.warning[-1].value
    assert app.table


# What takes too long


def test_a_question_that_takes_too_long_is_stopped_and_said_so(
    past: Folders, visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    st.cache_data.clear()
    st.cache_resource.clear()
    whole = Lease.limited
    monkeypatch.setattr(Lease, "limited", lambda lease: whole(lease, 0.2))
    monkeypatch.setattr(
        "dashboard.queries._text",
        lambda name: (
            "SELECT count(*) AS n FROM range(1_000_000_000) AS t(i) WHERE md5(i::VARCHAR) LIKE 'fff%'"
        ),
    )
    app = visit("funding", as_of="1")
    assert not app.exception
    assert "took longer than 0.2 seconds" in app.error[0].value.replace("\\", "")
