"""Backup and restore: whole while a refresh runs, whole after kill -9, and nothing is overwritten."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from etl import backup as module
from etl.archive import Archive
from etl.backup import (
    BackupError,
    DamagedBackupError,
    Made,
    backup,
    index_of,
    pool_path,
    restore,
)
from etl.cli import app
from etl.migrate import migrate
from etl.publish import prune
from etl.settings import Folders
from etl.store import NoLedgerError, current_path
from tests import lakes
from tests.helpers import Row, figures, rewrite, run


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, built_folders: Folders) -> Folders:
    """A small ledger: two sources; only read it."""
    folders = Folders(tmp_path_factory.mktemp("small") / "data")
    for name in ("transcribed", "reference"):
        shutil.copytree(built_folders.data / name, folders.data / name)
    run(folders, "program_events", "treaties")
    archive = Archive(folders.archive)
    large = folders.data / "large"
    large.write_bytes(b"from outside " * 10_000)
    archive.take("hdx", "large.csv", large, "a test")  # a packed object that no refresh has read
    large.unlink()
    return folders


@pytest.fixture
def mine(small: Folders, tmp_path: Path) -> Folders:
    shutil.copytree(small.data, tmp_path / "data")
    return Folders(tmp_path / "data")


def change(folders: Folders, count: int) -> None:
    def noted(rows: list[Row]) -> list[Row]:
        return [{**rows[0], "note": f"note {count}"}, *rows[1:]]

    rewrite(folders, _file(folders), noted)
    assert run(folders, "program_events", least=0).published


def _file(folders: Folders) -> str:
    from etl.sources import all_sources

    return all_sources()["program_events"].files[0]


def restored(dest: Path, to: Path, name: str | None = None) -> Folders:
    folders = Folders(to)
    _, found = restore(folders, dest, name)
    assert found.differences == []
    return folders


def test_what_is_restored_is_what_was_saved_and_verifies(small: Folders, tmp_path: Path) -> None:
    made = backup(small, tmp_path / "dest")
    back = restored(tmp_path / "dest", tmp_path / "back")
    assert current_path(back.ledger).name == current_path(small.ledger).name == made.ledger
    assert figures(back) == figures(small)
    assert list(Archive(back.archive).vintages()) == list(Archive(small.archive).vintages())
    assert not (back.archive / module.MARK).exists()
    run(back, "treaties")  # and it can go on from there


def test_a_second_backup_copies_only_what_is_new(mine: Folders, tmp_path: Path) -> None:
    first = backup(mine, tmp_path / "dest")
    assert first.copied > 10
    assert backup(mine, tmp_path / "dest").copied == 0
    change(mine, 1)
    # the changed file as it lies here is the object in the archive, too
    assert backup(mine, tmp_path / "dest").copied == len({"object", "list", "manifest", "ledger"})
    old = restored(tmp_path / "dest", tmp_path / "old", first.name)
    new = restored(tmp_path / "dest", tmp_path / "new")
    assert figures(new) == figures(mine) != figures(old)


def test_a_backup_while_refreshes_run_and_old_ledgers_are_pruned_is_always_whole(
    mine: Folders, tmp_path: Path
) -> None:
    ended = threading.Event()
    failures: list[BaseException] = []

    def refreshing() -> None:
        try:
            for count in range(3):
                change(mine, count)
                prune(mine.ledger, 1)
        except BaseException as error:
            failures.append(error)
        finally:
            ended.set()

    thread = threading.Thread(target=refreshing)
    thread.start()
    made: list[Made] = []
    while not ended.is_set():
        made.append(backup(mine, tmp_path / "dest"))
    thread.join()
    assert failures == []
    ledgers = {one.ledger: one.name for one in made}
    assert len(ledgers) > 1
    for ledger, name in ledgers.items():
        back = restored(tmp_path / "dest", tmp_path / ledger, name)
        assert current_path(back.ledger).name == ledger


def _backup_killed_at(data: Path, dest: Path, step: int) -> None:
    """A backup that ends by kill -9 in the middle of writing the content of its file number ``step``."""
    steps = iter(range(10**6))

    def count(_: str) -> None:
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    real = os.fsync

    def killing(descriptor: Any) -> None:  # noqa: ANN401 - as os.fsync has it
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)
        real(descriptor)

    vars(os)["fsync"] = killing
    backup(Folders(data), dest, count)


def killed(data: Path, dest: Path, step: int) -> bool:
    child = multiprocessing.get_context("fork").Process(
        target=_backup_killed_at, args=(data, dest, step)
    )
    child.start()
    child.join()
    return child.exitcode == -signal.SIGKILL


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_kill_9_leaves_the_backup_before_and_the_next_goes_on(
    mine: Folders, tmp_path: Path
) -> None:
    dest = tmp_path / "dest"
    first = backup(mine, dest)
    change(mine, 1)
    step, deaths = 0, 0
    while killed(mine.data, dest, step):
        deaths += 1
        name, index = index_of(dest)
        if name == first.name:  # not named yet: the one before is whole
            assert all(pool_path(dest, kept.sha256).is_file() for kept in index.files)
        step += 13
    assert deaths > 3
    restored(dest, tmp_path / "first", first.name)
    back = restored(dest, tmp_path / "back")
    assert figures(back) == figures(mine)
    assert not list(dest.rglob(".*.part"))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_killed_restore_goes_on(small: Folders, tmp_path: Path) -> None:
    backup(small, tmp_path / "dest")
    back = Folders(tmp_path / "back")

    def killing() -> None:
        steps = iter(range(20))

        def count(_: str) -> None:
            if next(steps, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        restore(back, tmp_path / "dest", None, count)

    child = multiprocessing.get_context("fork").Process(target=killing)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert (back.archive / module.MARK).is_file()
    with pytest.raises(NoLedgerError):
        current_path(back.ledger)
    restored(tmp_path / "dest", back.data)


def test_nothing_is_overwritten(small: Folders, mine: Folders, tmp_path: Path) -> None:
    backup(small, tmp_path / "dest")
    with pytest.raises(BackupError, match="archive is not empty; nothing was overwritten"):
        restore(mine, tmp_path / "dest")


def test_a_register_of_ones_own_is_not_overwritten(mine: Folders, tmp_path: Path) -> None:
    mine.registers.mkdir()
    (mine.registers / "ours.csv").write_text("a\n1\n")
    backup(mine, tmp_path / "dest")
    other = Folders(tmp_path / "other")
    other.registers.mkdir(parents=True)
    (other.registers / "ours.csv").write_text("mine")
    with pytest.raises(BackupError, match=r"ours.csv is here already and differs"):
        restore(other, tmp_path / "dest")
    assert (other.registers / "ours.csv").read_text() == "mine"
    assert not other.ledger.exists()


def test_a_later_version_of_the_project_takes_a_backup_and_keeps_its_own_files(
    small: Folders, tmp_path: Path
) -> None:
    backup(small, tmp_path / "dest")
    later = Folders(tmp_path / "later")
    for name in ("transcribed", "reference"):
        shutil.copytree(small.data / name, later.data / name)
    for name in ("archive", "ledger", "state"):
        (later.data / name).mkdir()  # as mounted volumes are
    changed = later.transcribed / _file(later)
    changed.write_text(changed.read_text() + "\n")
    _, found = restore(later, tmp_path / "dest")
    assert found.differences == []
    assert "1 files of transcribed and reference were here already" in " ".join(found.notes)
    assert changed.read_text().endswith("\n\n")


def test_a_ledger_that_was_in_a_lake_is_saved_and_restored(
    mine: Folders, tmp_path: Path, postgres: lakes.Server
) -> None:
    lake = Folders(mine.data, postgres.lake(tmp_path / "rows"))
    migrate(mine, lake.lake)
    restored(tmp_path / "dest", tmp_path / "there", backup(mine, tmp_path / "dest").name)
    change(lake, 1)  # a refresh whose manifest names no file
    mine.ledger.rename(tmp_path / "moved away")
    migrate(lake, None)
    backup(mine, tmp_path / "dest")
    back = restored(tmp_path / "dest", tmp_path / "back")
    assert figures(back) == figures(mine) == figures(lake)
    change(mine, 2)
    backup(mine, tmp_path / "dest")
    restored(tmp_path / "dest", tmp_path / "on")


def test_a_backup_is_not_made_into_what_it_saves(small: Folders) -> None:
    with pytest.raises(BackupError, match="which is what is to be saved"):
        backup(small, small.archive / "backups")


@pytest.mark.parametrize("harm", ["changed", "missing"])
def test_damage_in_the_pool_is_found(harm: str, small: Folders, tmp_path: Path) -> None:
    backup(small, tmp_path / "dest")
    _, index = index_of(tmp_path / "dest")
    place = pool_path(tmp_path / "dest", index.files[5].sha256)
    if harm == "missing":
        place.unlink()
    else:
        place.write_bytes(b"x" * place.stat().st_size)
    with pytest.raises(DamagedBackupError, match=r"no longer has its SHA-256|is missing"):
        restore(Folders(tmp_path / "back"), tmp_path / "dest")


def test_damage_here_is_not_saved_over_what_was_good(mine: Folders, tmp_path: Path) -> None:
    first = backup(mine, tmp_path / "dest")
    sha256 = next(iter(Archive(mine.archive).vintages())).sha256
    Archive(mine.archive).path(sha256).write_bytes(b"rotten")
    with pytest.raises(DamagedBackupError, match="no longer has its SHA-256"):
        backup(mine, tmp_path / "dest")
    assert index_of(tmp_path / "dest")[0] == first.name


@pytest.mark.parametrize(
    "path",
    ["../etc/passwd", "ledger/../../x", "/etc/passwd", "state/x", "archive", "archive/a\\b", ""],
)
def test_a_path_that_leads_out_of_the_data_folder_is_refused(
    path: str, small: Folders, tmp_path: Path
) -> None:
    made = backup(small, tmp_path / "dest")
    index = tmp_path / "dest" / made.name
    content = json.loads(index.read_text())
    content["files"][0]["path"] = path
    index.write_text(json.dumps(content))
    with pytest.raises(DamagedBackupError, match="outside of the data folder"):
        restore(Folders(tmp_path / "back"), tmp_path / "dest")


def test_a_ledger_that_the_backup_does_not_hold_is_refused_before_anything_is_written(
    small: Folders, tmp_path: Path
) -> None:
    made = backup(small, tmp_path / "dest")
    index = tmp_path / "dest" / made.name
    content = json.loads(index.read_text())
    content["ledger"] = f"ledger-000099-{'0' * 16}.duckdb"
    index.write_text(json.dumps(content))
    with pytest.raises(DamagedBackupError, match="a ledger that it does not hold"):
        restore(Folders(tmp_path / "back"), tmp_path / "dest")
    assert not (tmp_path / "back").exists()


@pytest.fixture
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")


@pytest.mark.usefixtures("_wide")
def test_the_commands_and_their_exit_codes(
    small: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dest = str(tmp_path / "dest")
    monkeypatch.setenv("HMA_DATA", str(tmp_path / "none"))
    assert CliRunner().invoke(app, ["backup", dest]).exit_code == 5
    monkeypatch.setenv("HMA_DATA", str(small.data))
    assert "files; " in CliRunner().invoke(app, ["backup", dest]).stdout
    assert CliRunner().invoke(app, ["restore", dest]).exit_code == 2
    monkeypatch.setenv("HMA_DATA", str(tmp_path / "back"))
    result = CliRunner().invoke(app, ["restore", dest])
    assert (result.exit_code, "sound" in result.stdout) == (0, True)
    assert CliRunner().invoke(app, ["restore", str(tmp_path)]).exit_code == 2
