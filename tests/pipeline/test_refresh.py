"""What a refresh adds, revises, withdraws and restores; what it leaves alone; what it never loses."""

from __future__ import annotations

import gc
import tempfile
import weakref
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl import refresh as pipeline
from etl.areas import load_areas
from etl.publish import MovedOnError
from etl.refresh import refresh
from etl.settings import Folders
from etl.sources import all_sources
from etl.store import current_path
from etl.writers import FileWriter
from tests.helpers import (
    DATA,
    NO_LIMITS,
    TRANSCRIBED,
    Change,
    Row,
    ask,
    csv_text,
    figures,
    read_source,
    rewrite,
    rows_of,
    run,
)
from tests.resilience import lab

COUNTRY = "us_funding/us_cwd_country_fy.csv"
EVENTS = "us_funding/program_events.csv"
WORLD = "casualties/monitor_global_year.csv"


def is_vietnam_2015(row: Row) -> bool:
    return (row["country"], row["fiscal_year"], row["account"]) == (
        "Vietnam",
        "2015",
        "DOS NADR - CWD",
    )


def with_amount(amount: str) -> Change:
    """A change of one printed amount: Vietnam, fiscal year 2015, State's line."""
    return lambda rows: [
        row | {"amount_usd": amount} if is_vietnam_2015(row) else row for row in rows
    ]


HISTORY = """
    SELECT revision, change, amount_usd::BIGINT, recorded_in, ended_in FROM history.funding
    WHERE series = 'tweis_country_table' AND area = 'VNM' AND year = 2015
        AND account = 'State NADR-CWD' ORDER BY revision"""
CURRENT = """
    SELECT amount_usd::BIGINT FROM coverage
    WHERE area = 'VNM' AND fiscal_year = 2015 AND account = 'State NADR-CWD'"""


def test_a_second_refresh_adds_nothing_and_publishes_nothing(published: Folders) -> None:
    before = current_path(published.ledger)
    outcome = run(published)
    assert outcome.published is None
    assert not any(source.changes for source in outcome.sources)
    assert current_path(published.ledger) == before
    assert sorted(published.ledger.glob("*.duckdb")) == [before]


def test_a_changed_amount_is_one_revision_and_the_old_value_stays(published: Folders) -> None:
    rewrite(published, COUNTRY, with_amount("12549000"))
    outcome = run(published, "state_tweis")
    assert outcome.sources[0].changes == {"revised": 1}
    assert ask(published, HISTORY) == [
        (1, "added", 12_548_000, 1, 2),
        (2, "revised", 12_549_000, 2, None),
    ]
    assert ask(published, CURRENT) == [(12_549_000,)]


def test_a_dropped_row_is_withdrawn_and_stays_readable_with_the_refresh_that_dropped_it(
    published: Folders,
) -> None:
    before = ask(published, "SELECT count(*) FROM funding")[0][0]
    rewrite(published, COUNTRY, lambda rows: [row for row in rows if not is_vietnam_2015(row)])
    outcome = run(published, "state_tweis", least=0)
    assert outcome.sources[0].changes == {"withdrawn": 1}
    assert ask(published, CURRENT) == []
    assert ask(published, "SELECT count(*) FROM funding") == [(before - 1,)]
    assert ask(published, HISTORY) == [
        (1, "added", 12_548_000, 1, 2),
        (2, "withdrawn", 12_548_000, 2, None),
    ]


def test_a_row_that_comes_back_is_restored_under_its_old_name(published: Folders) -> None:
    names = ask(published, "SELECT entry_id FROM funding ORDER BY entry_id")
    rewrite(published, COUNTRY, lambda rows: [row for row in rows if not is_vietnam_2015(row)])
    run(published, "state_tweis", least=0)
    again = run(published, "state_tweis", least=0)
    assert again.published is None, "a withdrawal is not news twice"
    (published.transcribed / COUNTRY).write_bytes((TRANSCRIBED / COUNTRY).read_bytes())
    assert run(published, "state_tweis").sources[0].changes == {"restored": 1}
    assert [row[:3] for row in ask(published, HISTORY)] == [
        (1, "added", 12_548_000), (2, "withdrawn", 12_548_000), (3, "restored", 12_548_000),
    ]  # fmt: skip
    assert ask(published, "SELECT entry_id FROM funding ORDER BY entry_id") == names


def test_a_row_put_above_the_others_revises_none_of_them(published: Folders) -> None:
    rewrite(published, EVENTS, lambda rows: [rows[0] | {"event": "An earlier event"}, *rows])
    outcome = run(published, "program_events")
    assert outcome.sources[0].changes == {"added": 1}
    stale = ask(
        published,
        "SELECT DISTINCT locator FROM program_events WHERE event = 'An earlier event'",
    )
    assert stale == [(f"{EVENTS} line 2",)]


def test_the_line_of_every_entry_is_right_for_the_vintage_that_it_names(published: Folders) -> None:
    rewrite(published, EVENTS, lambda rows: [rows[0] | {"event": "An earlier event"}, *rows])
    run(published, "program_events")
    for sha256, locator, event in ask(
        published, "SELECT vintage_sha256, locator, event FROM program_events"
    ):
        _, rows = rows_of(published.archive / "sha256" / sha256[:2] / sha256)
        assert rows[int(locator.rpartition(" line ")[2]) - 2]["event"] == event


@pytest.mark.parametrize(
    ("column", "text"),
    [("note", "a new note"), ("source_url", "https://example.org/moved"), ("amount_usd", "1"),
     ("precision", "floor")],
)  # fmt: skip
def test_a_new_note_address_or_value_leaves_the_name_of_the_entry(
    published: Folders, column: str, text: str
) -> None:
    names = ask(published, "SELECT entry_id FROM funding ORDER BY entry_id")
    rewrite(
        published, COUNTRY,
        lambda rows: [row | {column: text} if is_vietnam_2015(row) else row for row in rows],
    )  # fmt: skip
    assert run(published, "state_tweis").sources[0].changes == {"revised": 1}
    assert ask(published, "SELECT entry_id FROM funding ORDER BY entry_id") == names


def test_a_new_spelling_in_the_areas_changes_no_entry_and_is_published(published: Folders) -> None:
    names = ask(published, "SELECT entry_id, revision FROM funding ORDER BY entry_id")
    path = published.reference / "areas.csv"
    header, rows = rows_of(path)
    for row in rows:
        if row["area"] == "VNM":
            row["spellings"] = " ; ".join(filter(None, [row["spellings"], "Viêt-nam du Sud"]))
    path.write_text(csv_text(header, rows), encoding="utf-8")
    assert load_areas(published.reference).filter(area="VNM")["spellings"][0].endswith("du Sud")
    outcome = run(published)
    assert outcome.published
    assert not any(source.changes for source in outcome.sources)
    assert ask(published, "SELECT entry_id, revision FROM funding ORDER BY entry_id") == names


def _world_2016(rows: list[Row], **changed: str) -> list[Row]:
    return [
        row | changed if (row["year"], row["edition"]) == ("2016", "Landmine Monitor 2017") else row
        for row in rows
    ]


SPLITS = """
    SELECT splits.revision, value FROM splits JOIN casualties USING (entry_id)
    WHERE series = 'monitor_world_casualties' AND year = 2016
        AND edition = 'Landmine Monitor 2017' AND category = 'improvised mine'"""


def test_splits_follow_their_entry(published: Folders) -> None:
    assert (1, 1805.0) in ask(published, SPLITS)
    rewrite(published, WORLD, lambda rows: _world_2016(rows, improvised_mine="1806"))
    changes = run(published, "landmine_monitor").sources[0].changes
    assert set(changes) == {"revised"}
    assert ask(published, SPLITS) == [(2, 1806.0)] * changes["revised"]
    rewrite(published, WORLD, lambda rows: [row for row in rows if row["year"] != "2016"])
    run(published, "landmine_monitor", least=0)
    assert ask(published, SPLITS) == []
    kept = "SELECT count(*) FROM history.splits WHERE value = 1805 AND ended_in = 2"
    assert ask(published, kept) == [(1,)]
    orphans = """
        SELECT count(*) FROM splits ANTI JOIN (
            SELECT entry_id, revision FROM funding UNION ALL SELECT entry_id, revision FROM casualties
        ) USING (entry_id, revision)"""
    assert ask(published, orphans) == [(0,)]


def test_one_broken_source_does_not_stop_the_others(published: Folders) -> None:
    (published.transcribed / EVENTS).write_bytes(b"")
    rewrite(published, COUNTRY, with_amount("12549000"))
    outcome = run(published)
    assert [source.source_id for source in outcome.failed] == ["program_events"]
    assert outcome.published
    assert ask(published, CURRENT) == [(12_549_000,)]
    assert ask(published, "SELECT count(*) FROM program_events") == [(31,)]


def test_the_same_files_give_the_same_figures_in_another_folder(
    built_folders: Folders, workspace: Folders
) -> None:
    run(workspace)
    assert figures(workspace) == figures(built_folders)


def test_a_natural_key_names_one_row_even_where_parts_are_empty() -> None:
    row: Row = {"year": "1993", "year_basis": "fiscal", "series": "a", "value": "1", "unit": "ratio",
                "periods_averaged": "4", "publisher": "BEA", "source_title": "NIPA",
                "source_url": "https://example.org", "vintage": "2025-06"}  # fmt: skip
    reading, tables = read_source("us_price_indexes", {PRICES: [row, row | {"value": "2"}]})
    assert tables["deflators"].is_empty(), "neither of two rows with one key is chosen"
    assert [reject.locator for reject in reading.rejects] == [
        f"{PRICES} line 2",
        f"{PRICES} line 3",
    ]


PRICES = "context/us_price_indexes.csv"
VINTAGE = st.dictionaries(st.sampled_from(["1993", "1994", "1995"]), st.integers(1, 3))


def _price_file(vintage: dict[str, int]) -> str:
    header, rows = rows_of(TRANSCRIBED / PRICES)
    return csv_text(
        header, [rows[0] | {"year": year, "value": str(value)} for year, value in vintage.items()]
    )


@given(st.lists(VINTAGE, min_size=2, max_size=4))
@settings(max_examples=5)
def test_whatever_the_vintages_the_ledger_shows_the_last_and_remembers_each(
    vintages: list[dict[str, int]],
) -> None:
    spec = all_sources()["us_price_indexes"].model_copy(
        update={"min_entries": 0, "guard": NO_LIMITS}
    )
    with tempfile.TemporaryDirectory() as folder:
        folders = Folders(Path(folder))
        (folders.transcribed / "context").mkdir(parents=True)
        folders.reference.mkdir()
        for file in ("areas.csv", "implementers.csv"):
            (folders.reference / file).write_bytes((DATA / "reference" / file).read_bytes())
        right_after: dict[int, dict[str, int]] = {}
        for vintage in vintages:
            (folders.transcribed / PRICES).write_text(_price_file(vintage), encoding="utf-8")
            outcome = refresh(folders, [spec])
            assert not outcome.failed
            shown = ask(folders, "SELECT year::VARCHAR, value::BIGINT FROM deflators")
            assert dict(shown) == vintage
            assert len(shown) == len(vintage)
            number = ask(folders, "SELECT max(refresh) FROM refreshes")[0][0]
            right_after[number] = vintage
        as_of = """
            SELECT year::VARCHAR, value::BIGINT FROM history.deflators
            WHERE recorded_in <= $1 AND (ended_in IS NULL OR ended_in > $1)
                AND change <> 'withdrawn'"""
        for number, vintage in right_after.items():
            assert dict(ask(folders, as_of, number)) == vintage
        counted = ask(
            folders,
            """SELECT sum(added), sum(revised), sum(withdrawn), sum(restored),
                (SELECT count(*) FROM history.deflators) FROM refreshes""",
        )[0]
        assert sum(counted[:4]) == counted[4], "every revision is counted once"


def test_of_a_fetch_that_failed_nothing_but_the_reason_is_kept_for_the_next_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Content:
        """What was fetched."""

    fetched: list[weakref.ref[Content]] = []
    kept: list[bool] = []

    def fails(*_: object) -> None:
        content = Content()
        fetched.append(weakref.ref(content))
        raise ValueError("odd")

    def claim(_: object) -> None:
        kept.append(fetched[0]() is not None)
        if len(kept) == 1:
            raise MovedOnError

    monkeypatch.setattr(pipeline, "_vintages", fails)
    monkeypatch.setattr(FileWriter, "claim", claim)
    gc.disable()
    try:
        outcome = run(lab.small_data(tmp_path / "data"), lab.SOURCES[0])
    finally:
        gc.enable()
    assert (len(fetched), kept) == (1, [False, False])
    (source,) = outcome.sources
    assert source.hold
    assert f"ValueError: odd ({Path(__file__).name} line " in source.hold.message
