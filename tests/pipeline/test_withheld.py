"""What may not be passed on stays on the machine: no page, answer, feed or export holds a byte of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import pytest
import streamlit as st
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner, Result

from dashboard.api import api
from dashboard.app import app as server
from dashboard.current import ledgers
from etl import withheld
from etl.asof import TABLES
from etl.cli import app
from etl.export import export
from etl.fetch import Fetcher, Outside
from etl.manifest import Manifest, of_ledger
from etl.rebuild import rebuild
from etl.refresh import refresh
from etl.settings import Folders
from etl.sources import all_sources
from etl.store import Ledgers, current_path
from etl.tables import ALL_TABLES, VIEWS
from etl.verify import verify
from tests.dashboard.serving import REPOSITORY
from tests.helpers import DATA, ask, run
from tests.replay import serving
from tests.sources.acled_api import MARK, MINE, PASSWORD, SOURCE, USER, Acled, settings, spec

# What tells an event: its words, its name, its point. The last stands in a row that is no entry.
TELLTALES = (MARK.encode(), b"IRQ101", b"IRQ202", b"36.32090001", b"41.86560002", b"deathsmany")


@dataclass(frozen=True)
class Kept:
    """A ledger with entries, revisions, a withdrawal, a reject and a hold of the source."""

    folders: Folders
    entry_id: str


@pytest.fixture(scope="module")
def kept(built_folders: Folders, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    root = tmp_path_factory.mktemp("kept")
    shutil.copytree(built_folders.data, root / "data")
    folders = Folders(root / "data")
    gone = MINE | {"event_id_cnty": "IRQ202", "latitude": "36.1"}
    with pytest.MonkeyPatch.context() as patch, serving() as replay:
        patch.setattr(
            "etl.retrieve.Fetcher", partial(Fetcher, outside=Outside(sleep=lambda _: None))
        )
        patch.setenv("HMA_SOURCES__ACLED__SECRETS__USERNAME", USER)
        patch.setenv("HMA_SOURCES__ACLED__SECRETS__PASSWORD", PASSWORD)
        served = Acled([MINE, gone])
        served.serve(replay)
        for events in (
            [MINE, gone],
            [MINE | {"fatalities": 5}],
            [MINE | {"fatalities": 5}, gone | {"fatalities": "deathsmany"}],
        ):
            served.events = events
            refresh(folders, [spec()], settings=settings(replay))
    (entry_id,) = ask(folders, "SELECT entry_id FROM casualty_events")[0]
    return Kept(folders, entry_id)


@pytest.fixture
def shown(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    """The same, named by HMA_DATA, for readers that find their ledgers anew."""
    monkeypatch.setenv("HMA_DATA", str(kept.folders.data))
    ledgers.cache_clear()
    st.cache_data.clear()
    st.cache_resource.clear()
    yield kept
    if ledgers.cache_info().currsize:
        ledgers().close()
    ledgers.cache_clear()
    st.cache_data.clear()
    st.cache_resource.clear()


def found_in(content: bytes) -> list[bytes]:
    return [telltale for telltale in TELLTALES if telltale in content]


def hma(folders: Folders, *arguments: str) -> Result:
    environment = {"HMA_DATA": str(folders.data), "COLUMNS": "300"}
    return CliRunner().invoke(app, list(arguments), env=environment)


def head(folders: Folders) -> Manifest:
    return of_ledger(folders.archive, current_path(folders.ledger))[1]


def test_the_ledger_of_the_machine_itself_holds_every_telltale(kept: Kept) -> None:
    with duckdb.connect(current_path(kept.folders.ledger), read_only=True) as con:
        rows = con.execute("FROM history.casualty_events WHERE source_id = 'acled'").fetchall()
        said = f"{rows} {con.execute('FROM rejects').fetchall()}".encode()
    assert found_in(said) == list(TELLTALES), "or the tests below could not fail"
    assert len(rows) == 4, "two added, one revised, one withdrawn"


def test_whoever_runs_hma_on_the_machine_sees_an_entry_and_what_changed(kept: Kept) -> None:
    assert MARK in hma(kept.folders, "entry", kept.entry_id).stdout
    assert MARK in hma(kept.folders, "diff", "1", "3", "--json").stdout
    assert hma(kept.folders, "verify").exit_code == 0


@pytest.mark.parametrize("as_of", ["", "2", "3"])
def test_no_table_of_the_api_holds_a_byte_of_it_now_or_then(shown: Kept, as_of: str) -> None:
    past = f"?raw=1&as_of={as_of}" if as_of else "?raw=1"
    with TestClient(api) as reader:
        for table in ALL_TABLES:
            answer = reader.get(f"/{table}.csv{past}")
            assert answer.status_code == 200, table
            assert found_in(answer.content) == [], table
            assert answer.headers["X-HMA-Withheld"] == "acled=1"
        named = reader.get(f"/casualty_events.csv?source_id=acled&as_of={as_of or 3}")
        assert named.text.count("\n") == 1, "the heading alone"


def test_what_changed_and_the_feed_say_nothing_of_it(shown: Kept) -> None:
    with TestClient(server, base_url="http://localhost") as reader:
        for a, b in ((0, 2), (1, 3), (3, 1)):
            answer = reader.get(f"/api/v1/changes.json?a={a}&b={b}")
            assert answer.status_code == 200
            assert found_in(answer.content) == []
            assert not [row for row in answer.json()["rows"] if row["source_id"] == SOURCE]
        assert found_in(reader.get("/feed.atom").content) == []


PAGES = sorted(path.stem for path in (REPOSITORY / "dashboard/app_pages").glob("*.py"))


def page_bytes(page: str, entry_id: str) -> bytes:
    """Everything that a page sends to the browser, tables and charts included."""
    app = AppTest.from_file(REPOSITORY / "dashboard/streamlit_app.py", default_timeout=60)
    for name, value in {
        "area": "IRQ",
        "id": entry_id,
        "entry": entry_id,
        "a": "1",
        "b": "3",
    }.items():
        app.query_params[name] = value
    app.switch_page(f"app_pages/{page}.py").run()
    assert not app.exception, [error.message for error in app.exception]
    return b"".join(_sent(app._tree))


def _sent(node: object) -> Iterator[bytes]:
    proto = getattr(node, "proto", None)
    if proto is not None:
        yield proto.SerializeToString()
    for child in getattr(node, "children", {}).values():
        yield from _sent(child)


@pytest.mark.parametrize("page", PAGES)
def test_no_page_shows_a_byte_of_it(shown: Kept, page: str) -> None:
    sent = page_bytes(page, shown.entry_id)
    assert len(sent) > 100
    assert found_in(sent) == []


@pytest.mark.parametrize("page", ["entry", "findings", "changes"])
def test_the_same_pages_would_show_it_without_the_screen(
    shown: Kept, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.current.Ledgers", partial(Ledgers, whole=True))
    assert found_in(page_bytes(page, shown.entry_id)), "or the test above could not fail"


def test_the_sources_page_says_how_many_there_are_and_how_to_turn_a_source_on(shown: Kept) -> None:
    app = AppTest.from_file(REPOSITORY / "dashboard/streamlit_app.py", default_timeout=60)
    app.switch_page("app_pages/sources.py").run()
    said = "\n".join(str(box.value) for box in app.markdown)
    assert "This ledger holds 1 of its entries" in said
    assert "HMA_SOURCES__UCDP_GED__ENABLED=true" in said.replace("\\", "")


@pytest.mark.parametrize("as_of", [None, "2"])
def test_an_export_holds_no_byte_of_it_says_so_and_makes_the_rest_of_the_ledger_again(
    kept: Kept, tmp_path: Path, as_of: str | None
) -> None:
    exported = export(kept.folders, tmp_path / "export", as_of)
    for path in (tmp_path / "export").rglob("*"):
        if path.suffix == ".parquet":
            with duckdb.connect() as con:
                query = "SELECT string_agg(rows::VARCHAR) FROM read_parquet(?) AS rows"
                rows = con.execute(query, [str(path)]).fetchall()
            assert found_in(str(rows).encode()) == [], path
        elif path.is_file():
            assert found_in(path.read_bytes()) == [], path
    revisions = 4 if as_of is None else 2
    assert exported.withheld == {SOURCE: revisions}
    described = json.loads((tmp_path / "export/datapackage.json").read_bytes())
    assert described["ledger"]["withheld_revisions"] == {SOURCE: revisions}
    readme = (tmp_path / "export/README.md").read_text(encoding="utf-8")
    assert f"The terms of acled forbid passing its rows on. {revisions} revisions" in readme

    for name in ("transcribed", "reference"):
        shutil.copytree(DATA / name, tmp_path / "new" / name)
    elsewhere = Folders(tmp_path / "new")
    rebuild(elsewhere, tmp_path / "export")
    report = verify(elsewhere)
    assert report.differences == []
    assert "acled as of refresh 2 is not whole: no export holds it" in report.reservations
    assert ask(elsewhere, "SELECT count(*) FROM history.casualty_events") == [(0,)]
    first, second = (
        ask(folders, "SELECT count(*) FROM history.funding WHERE recorded_in <= 2")
        for folders in (kept.folders, elsewhere)
    )
    assert first == second


def test_the_command_says_what_it_left_out(kept: Kept, tmp_path: Path) -> None:
    said = hma(kept.folders, "export", str(tmp_path / "export")).stdout
    assert "left out 4 revisions of acled, whose terms forbid passing them on" in said


def test_a_tampered_row_that_may_not_be_passed_on_is_noticed(kept: Kept, tmp_path: Path) -> None:
    shutil.copytree(kept.folders.data, tmp_path / "data")
    folders = Folders(tmp_path / "data")
    link = head(folders)
    assert set(link.withheld[SOURCE]) >= {"casualty_events", "vintages", "rejects"}
    with duckdb.connect(current_path(folders.ledger)) as con:
        con.execute("UPDATE present.casualty_events SET killed = 1 WHERE source_id = 'acled'")
    assert "its bytes are not those that were published" in str(verify(folders).differences[0])


def test_every_table_that_names_a_source_is_screened_and_the_others_hold_no_rows_of_one() -> None:
    unscreened = {name for name in TABLES if withheld.condition(name, [SOURCE]) == "True"}
    assert unscreened == {
        "refreshes", "areas", "implementers", "measures", "sources", "series", "area_profile",
        "bases", "casualty_measures", "series_breaks",  # what is declared in files, no rows of a source
    }  # fmt: skip
    assert not [
        name for name in unscreened
        if {"locator", "vintage_sha256", "raw_value"} & set(ALL_TABLES[name].columns())
    ]  # fmt: skip


def test_no_view_is_worked_out_from_it(kept: Kept, built_folders: Folders) -> None:
    digest = "SELECT sha256(string_agg(t::VARCHAR, chr(10) ORDER BY t::VARCHAR)) FROM {} AS t"
    for view in VIEWS:
        query = digest.format(view)
        assert ask(kept.folders, query) == ask(built_folders, query), view
    with duckdb.connect(current_path(kept.folders.ledger), read_only=True) as con:
        con.execute("CREATE TEMP TABLE before AS SELECT count(*) AS n FROM casualty_events")
        with withheld.hidden(con, withheld.in_ledger(con)):
            assert con.execute("SELECT count(*) FROM casualty_events").fetchall() == [(0,)]
            assert con.execute(
                "SELECT count(*) FROM rejects WHERE source_id = 'acled'"
            ).fetchall() == [(0,)]
        assert con.execute("SELECT count(*) FROM casualty_events").fetchall() == [(1,)]


def test_a_lease_for_others_sees_none_in_any_schema_and_reaches_no_file(kept: Kept) -> None:
    pool = Ledgers(kept.folders.ledger)
    with pool.lease() as lease:
        assert lease.withheld == {SOURCE: 1}
        for schema in ("main", "present", "history", "past"):
            query = f"SELECT count(*) FROM {schema}.casualty_events WHERE source_id = 'acled'"
            assert lease.con.execute(query).fetchall() == [(0,)]
        assert lease.con.execute("SELECT count(*) FROM history.funding").fetchall() > [(0,)]
        with pytest.raises(duckdb.Error):
            lease.con.execute("ATTACH 'elsewhere.duckdb'")
    pool.close()


def test_a_ledger_without_such_rows_is_opened_and_hashed_as_ever(built_folders: Folders) -> None:
    link = head(built_folders)
    assert link.withheld == {}
    assert b"withheld" not in link.as_bytes()
    with Ledgers(built_folders.ledger).lease() as lease:
        assert lease.withheld == {}
        assert lease.con.execute("SELECT current_database()").fetchall() != [("memory",)]


def test_a_later_refresh_of_another_source_keeps_the_hashes_apart(
    kept: Kept, tmp_path: Path
) -> None:
    shutil.copytree(kept.folders.data, tmp_path / "data")
    folders = Folders(tmp_path / "data")
    path = folders.transcribed / "us_funding/program_events.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("2025", "2026", 1), encoding="utf-8")
    run(folders, "program_events", least=0)
    assert verify(folders).differences == []
    assert set(head(folders).withheld) == {SOURCE}


def test_of_the_sources_only_those_with_such_terms_are_kept_here() -> None:
    assert withheld.declared() == [SOURCE]
    assert all_sources()["ucdp_ged"].is_exportable
