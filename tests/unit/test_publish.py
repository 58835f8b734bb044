"""Publishing moves CURRENT last: a failure or a second writer leaves the ledger in use as it was."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from etl import publish as publishing
from etl import refresh as pipeline
from etl.manifest import Manifest
from etl.publish import BusyError, building, prune, publish, writer
from etl.settings import Folders
from etl.store import CURRENT, NoLedgerError, current_path
from tests.helpers import figures, rewrite, run


def publish_number(folder: Path, number: int) -> Path:
    with building(folder) as (built, _, con):
        con.execute("CREATE TABLE IF NOT EXISTS marks (number BIGINT)")
        con.execute("INSERT INTO marks VALUES (?)", [number])
        return publish(
            _Flat(folder), built, con,
            lambda sha256, size: Manifest(
                number, "", "", "", {}, [], {}, None, None, sha256, size
            ),
        )  # fmt: skip


class _Flat(Folders):
    """An installation whose ledgers lie in the folder itself."""

    @property
    def ledger(self) -> Path:
        return self.data


def numbers(path: Path) -> list[int]:
    with duckdb.connect(path, read_only=True) as con:
        return [
            row[0] for row in con.execute("SELECT number FROM marks ORDER BY number").fetchall()
        ]


def test_a_ledger_is_built_on_the_one_before_it_and_never_reuses_a_name(tmp_path: Path) -> None:
    first, second = publish_number(tmp_path, 1), publish_number(tmp_path, 2)
    assert current_path(tmp_path) == second
    assert (numbers(first), numbers(second)) == ([1], [1, 2])


def test_what_a_killed_run_left_is_swept_and_published_ledgers_stay(tmp_path: Path) -> None:
    first, second = publish_number(tmp_path, 1), publish_number(tmp_path, 2)
    left = [
        tmp_path / name
        for name in ("building-77.duckdb", "building-77.duckdb.wal", ".CURRENT.77.part")
    ]
    for path in left:
        path.write_bytes(b"half")
    with writer(tmp_path):
        assert [path for path in left if path.exists()] == []
    assert first.exists()
    assert current_path(tmp_path) == second


@pytest.mark.parametrize("pointer", [None, "ledger-000009-gone.duckdb", "../elsewhere"])
def test_a_lost_pointer_never_starts_a_history_afresh(tmp_path: Path, pointer: str | None) -> None:
    publish_number(tmp_path, 1)
    newest = publish_number(tmp_path, 2)
    (tmp_path / CURRENT).unlink()
    if pointer:
        (tmp_path / CURRENT).write_text(pointer)
    with pytest.raises(NoLedgerError, match=f"write the name .*the newest is {newest.name}"):
        publish_number(tmp_path, 3)
    (tmp_path / CURRENT).write_text(newest.name)
    assert numbers(publish_number(tmp_path, 3)) == [1, 2, 3]


def test_the_first_ledger_is_used_though_its_run_was_killed_before_naming_it(
    tmp_path: Path,
) -> None:
    publish_number(tmp_path, 1)
    (tmp_path / CURRENT).unlink()
    assert numbers(publish_number(tmp_path, 2)) == [1, 2]


def test_a_pointer_to_a_ledger_that_is_lost_altogether_stops_the_writer(tmp_path: Path) -> None:
    publish_number(tmp_path, 1).unlink()
    with pytest.raises(NoLedgerError, match="restore it from a backup"):
        publish_number(tmp_path, 2)


def test_a_second_writer_is_told_that_another_refresh_is_running(tmp_path: Path) -> None:
    with (
        writer(tmp_path),
        pytest.raises(BusyError, match=rf"process {os.getpid()} on .* since \d{{4}}-"),
        writer(tmp_path),
    ):
        pass
    with writer(tmp_path):
        assert (tmp_path / ".lock").exists()


def test_pruning_keeps_the_ledger_in_use_and_as_many_of_the_others_as_are_asked_for(
    tmp_path: Path,
) -> None:
    paths = [publish_number(tmp_path, number) for number in range(1, 6)]
    (tmp_path / CURRENT).write_text(paths[1].name)
    assert set(prune(tmp_path, keep=2)) == {paths[0], paths[2], paths[3]}
    assert current_path(tmp_path) == paths[1]
    assert sorted(tmp_path.glob("ledger-*")) == [paths[1], paths[4]]
    assert prune(tmp_path, keep=2) == []


def test_nothing_is_pruned_while_it_is_not_known_what_is_in_use(tmp_path: Path) -> None:
    publish_number(tmp_path, 1)
    (tmp_path / CURRENT).unlink()
    with pytest.raises(NoLedgerError):
        prune(tmp_path, keep=1)
    assert len(list(tmp_path.glob("ledger-*"))) == 1


def test_current_is_untouched_when_building_fails(
    published: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    pointer, before = (published.ledger / CURRENT).read_bytes(), figures(published)
    rewrite(
        published,
        "us_funding/program_events.csv",
        lambda rows: [{**rows[0], "summary": "changed"}, *rows[1:]],
    )

    def fail(con: duckdb.DuckDBPyConnection) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(pipeline, "build_views", fail)
    with pytest.raises(RuntimeError, match="disk is full"):
        run(published, "program_events")
    assert (published.ledger / CURRENT).read_bytes() == pointer
    assert figures(published) == before
    assert list(published.ledger.glob("building-*")) == []


def test_the_run_after_a_failed_one_mends_it(
    published: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewrite(
        published,
        "us_funding/program_events.csv",
        lambda rows: [{**rows[0], "summary": "changed"}, *rows[1:]],
    )
    with monkeypatch.context() as patch:
        patch.setattr(publishing, "publish", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            run(published, "program_events")
    outcome = run(published, "program_events")
    assert outcome.published
    assert outcome.sources[0].changes == {"revised": 1}
