"""The whole pipeline with its archive in a bucket: refresh, verify, backup, rebuild, and the move there and back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from etl import bucket, confined, homes, object_archive, spare
from etl import move as moving
from etl.archive import Archive, ArchiveError, UnreachableError, Vintage
from etl.backup import BackupError, backup, restore
from etl.cli import app
from etl.config import ReadingConfig
from etl.configcheck import check
from etl.export import export
from etl.move import MoveError, move
from etl.rebuild import rebuild
from etl.settings import Folders
from etl.sources import all_sources
from etl.store import NoLedgerError, current_path
from etl.verify import verify
from tests import live, misbehaving
from tests import s3 as servers
from tests.helpers import DATA, Row, ask, figures, rewrite, run
from tests.s3 import Server


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "RETRIES", 2)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, built_folders: Folders) -> Folders:
    """A small ledger of two refreshes with its archive in the data folder: only read it."""
    folders = data(tmp_path_factory.mktemp("kept") / "data", built_folders)
    run(folders, "program_events", "treaties")
    archive = Archive(folders.archive)
    large = folders.data / "large"
    large.write_bytes(b"from outside " * 10_000)
    archive.take("hdx", "large.csv", large, "a test")
    large.unlink()
    change(folders, 1)
    return folders


def data(to: Path, built: Folders, home: str | None = None) -> Folders:
    for name in ("transcribed", "reference"):
        shutil.copytree(built.data / name, to / name)
    return Folders(to, archive_home=home)


@pytest.fixture
def mine(kept: Folders, tmp_path: Path) -> Folders:
    shutil.copytree(kept.data, tmp_path / "data")
    return Folders(tmp_path / "data")


@pytest.fixture
def remote(mine: Folders, s3: Server) -> tuple[Folders, str]:
    """The same with its archive in a bucket; nothing but what a machine needs is left of the old one."""
    address = s3.address()
    move(mine, address)
    shutil.rmtree(mine.archive / "sha256")
    (mine.archive / "manifest.jsonl").unlink()
    return mine, address


def change(folders: Folders, count: int) -> None:
    def noted(rows: list[Row]) -> list[Row]:
        return [{**rows[0], "note": f"note {count}"}, *rows[1:]]

    rewrite(folders, all_sources()["program_events"].files[0], noted)
    assert run(folders, "program_events", least=0).published


def lines(folders: Folders) -> set[bytes]:
    """What a folder's list says; a bucket orders the vintages of one second by their hashes."""
    found = Archive(folders.archive).listing().splitlines()
    assert len(set(found)) == len(found)
    return set(found)


def sound(folders: Folders) -> int:
    found = verify(folders)
    assert (found.differences, found.reservations) == ([], [])
    return found.checked["archived files"]


def differences(folders: Folders) -> str:
    return "\n".join(str(each) for each in verify(folders).differences)


def test_a_refresh_keeps_everything_in_the_bucket_and_gives_the_figures_that_a_folder_gives(
    tmp_path: Path, built_folders: Folders, kept: Folders, s3: Server
) -> None:
    address = s3.address()
    folders = data(tmp_path / "data", built_folders, address)
    with pytest.raises(UnreachableError, match=r"there is no such bucket"):
        run(Folders(folders.data, archive_home="s3://mistyped"), "treaties")
    run(folders, "program_events", "treaties")  # what was mistyped is not remembered
    change(folders, 1)
    assert figures(folders) == figures(kept)
    keys = servers.keys(s3, address)
    assert {each.partition("/")[0] for each in keys} == {"sha256", "vintages", "refreshes"}
    links = sorted(path.name for path in (folders.archive / "refreshes").iterdir())
    assert sorted(each.partition("/")[2] for each in keys if each.startswith("refreshes")) == links
    assert len(links) == 2
    assert not (folders.archive / "sha256").exists()
    remembered = Folders(folders.data)  # no setting any more
    change(remembered, 2)
    assert sound(remembered) == len([each for each in keys if each.startswith("sha256")]) + 1


def test_verify_reads_what_is_kept_and_believes_no_copy(
    remote: tuple[Folders, str], s3: Server
) -> None:
    folders, address = remote
    assert sound(folders) == 4
    objects = [each for each in servers.keys(s3, address) if each.startswith("sha256/")]
    old = {each: servers.read(s3, address, each) for each in objects}
    for name, content in old.items():
        servers.write(s3, address, name, content[:-1] + b"!")
    found = differences(folders)
    assert [name for name in old if f"{address}/{name} " not in found] == []
    for name, content in old.items():
        servers.write(s3, address, name, content)
    s3.client().delete_object(**servers.split(address, objects[0]))
    assert f"{address}/{objects[0]} is missing; restore" in differences(folders)
    servers.write(s3, address, objects[0], old[objects[0]])
    (first, _) = [each for each in servers.keys(s3, address) if each.startswith("refreshes/")]
    servers.write(s3, address, first, b"{}")
    assert f"{address}/{first} no longer has its SHA-256" in differences(folders)


def test_an_object_that_a_killed_refresh_left_unlisted_is_no_difference(
    mine: Folders, tmp_path: Path
) -> None:
    came = tmp_path / "came"
    came.write_bytes(b"never listed")
    elsewhere = Archive(tmp_path / "archive")
    stray = elsewhere.path(elsewhere.take("hdx", "a.csv", came, "").sha256)
    Archive(mine.archive).adopt(stray.stem, stray.name, stray)
    assert sound(mine) == 5


def test_a_list_that_lacks_what_a_refresh_read_is_a_difference(
    remote: tuple[Folders, str], s3: Server
) -> None:
    folders, address = remote
    for each in servers.keys(s3, address):
        if each.startswith("vintages/") and b"treaties" in servers.read(s3, address, each):
            s3.client().delete_object(**servers.split(address, each))
    assert "vintages does not list" in differences(folders).replace(":", "")


def test_a_verification_or_a_backup_that_cannot_ask_says_so_and_finds_no_difference(
    remote: tuple[Folders, str], s3: Server
) -> None:
    s3.fail("GET .*/sha256/", 503)
    for asks in (verify, lambda folders: backup(folders, folders.data.parent / "dest")):
        with pytest.raises(UnreachableError, match=r"answers 503"):
            asks(remote[0])


def test_a_refresh_whose_bucket_fails_publishes_nothing_and_blames_no_source(
    remote: tuple[Folders, str], s3: Server
) -> None:
    folders, _ = remote
    before = current_path(folders.ledger), figures(folders)
    for number, what in enumerate(("HEAD", "PUT .*/sha256/", "PUT .*/vintages/", "PUT .*/refre")):
        s3.fail(what, 503)
        with pytest.raises(UnreachableError, match=r"503"):
            change(folders, 10 + number)
        s3.faults.clear()
    assert (current_path(folders.ledger), figures(folders)) == before
    change(folders, 10)
    sound(folders)


def test_two_machines_refresh_into_one_bucket_at_once(
    tmp_path: Path, built_folders: Folders, s3: Server
) -> None:
    address = s3.address()
    machines = [data(tmp_path / f"{each}" / "data", built_folders, address) for each in range(2)]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(change, machines, range(2)))
    assert [sound(folders) for folders in machines] == [2, 2], "each sees what both have added"


def test_a_child_gets_files_of_this_machine_and_neither_address_nor_secret(
    tmp_path: Path, s3: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "reference").symlink_to(DATA / "reference")
    folders = Folders(tmp_path, archive_home=s3.address())
    came = tmp_path / "came"
    came.write_text(live.csv_of(live.GRANTS), encoding="utf-8")
    vintage = homes.archive_of(folders).take("a test", live.FILE, came, "")
    shutil.rmtree(folders.archive / "borrowed")
    monkeypatch.setattr(spare, "CHILD", misbehaving.CHILD)
    asked: list[Any] = []

    def ask(child: spare.Child, request: Mapping[str, Any], seconds: float) -> int:
        environment = Path(f"/proc/{child._process.pid}/environ").read_bytes()
        asked.append((json.dumps(request), environment.decode()))
        return was(child, request, seconds)

    was = spare.Child.ask
    monkeypatch.setattr(spare.Child, "ask", ask)
    archive = homes.archive_of(folders)
    with confined.Children(folders, ReadingConfig(memory_mb=1024)) as children:
        reading = children.read(archive, misbehaving.spec_of("reads"), [vintage])
    assert sum(frame.height for frame in reading.tables["funding"]) == len(live.GRANTS)
    told = " ".join(asked[0])
    assert "PATH=" in told
    for private in (servers.SECRET, servers.KEY, s3.url, "s3://", "AWS_"):
        assert private not in told


# ---- beside the refresh


def test_a_backup_of_a_bucket_is_restored_into_a_folder_and_moved_back(
    remote: tuple[Folders, str], kept: Folders, tmp_path: Path, s3: Server
) -> None:
    folders, address = remote
    made = backup(folders, tmp_path / "dest")
    s3.asked.clear()
    assert backup(folders, tmp_path / "dest").copied == 0
    assert [each for each in s3.asked if each.startswith("GET") and "/sha256/" in each] == []
    with pytest.raises(BackupError, match=rf"names {address}; take it away, and move what was"):
        restore(Folders(tmp_path / "new", archive_home=address), tmp_path / "dest")
    back = Folders(tmp_path / "back" / "data")
    assert restore(back, tmp_path / "dest")[1].differences == []
    assert made.ledger == current_path(back.ledger).name
    assert lines(back) == lines(kept)
    move(back, address + "/second")
    sound(Folders(back.data))


def test_an_export_is_rebuilt_beside_an_archive_in_a_bucket(
    remote: tuple[Folders, str], tmp_path: Path
) -> None:
    folders, address = remote
    export(folders, tmp_path / "export")
    shutil.copytree(folders.data / "reference", tmp_path / "new" / "reference")
    new = Folders(tmp_path / "new", archive_home=address)
    rebuild(new, tmp_path / "export")
    found = verify(Folders(new.data))
    assert found.differences == []
    assert found.reservations == ["rebuilt from an export of refresh 2"], "no bytes are lacking"


def hma(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_status_entry_and_config_check_say_where_the_archive_is(
    remote: tuple[Folders, str], s3: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders, address = remote
    monkeypatch.setenv("HMA_DATA", str(folders.data))
    monkeypatch.setenv("HMA_CONFIG", str(folders.data / "hma.toml"))
    monkeypatch.delenv("HMA_CONFIG")
    monkeypatch.setenv("HMA_ARCHIVE", address)
    assert f"archive {address}" in hma("status").stdout
    ((entry_id,),) = ask(folders, "SELECT entry_id FROM program_events WHERE note = 'note 1'")
    shown = hma("entry", entry_id)
    assert shown.exit_code == 0, shown.output
    assert "note 1" in shown.stdout.partition("Row in the archive")[2]
    assert f"archive: {address}/sha256/" in hma("verify", "--entry", entry_id).stdout.replace(
        "\n", ""
    )
    assert ("HMA_ARCHIVE", address) in [(one.name, one.value) for one in check().settings]
    assert check().problems == []
    s3.fail("GET", 403)
    (problem,) = check().problems
    assert "is refused (403" in problem
    assert isinstance(hma("verify").exception, UnreachableError)
    monkeypatch.setenv("HMA_ARCHIVE", "s3://user:hunter2-hunter2@bucket")
    found = check()
    assert ("HMA_ARCHIVE", "***") in [(one.name, one.value) for one in found.settings]
    assert "hunter2" not in " ".join(found.problems)


# ---- the move


def test_a_move_takes_everything_there_and_back_to_the_byte(
    mine: Folders, kept: Folders, s3: Server
) -> None:
    address = s3.address()
    moved = move(mine, address)
    assert (moved.objects, moved.copied, moved.vintages, moved.links) == (4, 4, 4, 2)
    change(mine, 2)  # and it goes on
    sound(mine)
    shutil.rmtree(mine.archive / "sha256")
    shutil.rmtree(mine.archive / "refreshes")
    (mine.archive / "manifest.jsonl").unlink()
    back = move(mine, "folder")
    assert (back.objects, back.vintages, back.links) == (5, 5, 3)
    assert homes.home_of(mine) is None
    sound(mine)
    assert lines(mine) > lines(kept)
    for path in (kept.archive / "sha256").rglob("*/*"):
        assert (mine.archive / path.relative_to(kept.archive)).read_bytes() == path.read_bytes()


def test_a_move_that_broke_off_goes_on_and_copies_nothing_twice(mine: Folders, s3: Server) -> None:
    address = s3.address()
    s3.fail("PUT .*[.]zst", 503)
    with pytest.raises(UnreachableError):
        move(mine, address)
    assert homes.home_of(mine) is None
    there = len([each for each in servers.keys(s3, address) if each.startswith("sha256/")])
    s3.faults.clear()
    assert move(mine, address).copied == 4 - there
    sound(mine)
    with pytest.raises(MoveError, match=r"is at s3://.* already"):
        move(mine, address)


def test_a_move_mends_what_is_damaged_there_and_stops_at_what_is_damaged_here(
    mine: Folders, s3: Server
) -> None:
    address = s3.address()
    archive = Archive(mine.archive)
    sha256 = next(each.sha256 for each in archive.vintages())
    path = archive.path(sha256)
    key = path.relative_to(mine.archive).as_posix()
    servers.write(s3, address, key, bytes(path.stat().st_size))
    assert move(mine, address).copied == 4, "three, and one over what was damaged there"
    assert servers.read(s3, address, key) == path.read_bytes()
    sound(mine)
    homes.settle(mine, None)
    path.write_bytes(b"spoiled")
    with pytest.raises(ArchiveError, match=r"no longer has its SHA-256; restore it from a backup"):
        move(mine, f"{address}/other")
    assert homes.home_of(mine) is None


def test_what_another_machine_adds_during_a_move_is_moved_too(
    remote: tuple[Folders, str], s3: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders, address = remote
    other = homes.archive_at(replace(folders, data=folders.data.parent / "other"), address)
    added: list[Vintage] = []
    was: Callable[..., None] = vars(moving)["_copy"]

    def meanwhile(*arguments: Any) -> None:
        was(*arguments)
        if not added:
            added.append(other.put("treaties", "late.csv", b"late", "a test"))

    monkeypatch.setattr(moving, "_copy", meanwhile)
    move(folders, f"{address}/second")
    assert added[0] in set(homes.archive_of(folders).vintages())
    assert homes.archive_of(folders).get(added[0].sha256) == b"late"


def test_the_command_moves_an_archive_and_says_what_it_did(
    mine: Folders, s3: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HMA_DATA", str(mine.data))
    address = s3.address()
    done = hma("migrate-archive", address)
    assert done.exit_code == 0, done.output
    assert f"4 objects are at {address} and have their SHA-256; 4 copied now" in done.stdout
    assert hma("migrate-archive", address).exit_code == 2
    assert hma("migrate-archive", "ftp://x").exit_code == 2
    monkeypatch.setenv("HMA_ARCHIVE", "s3://another-bucket")
    assert hma("migrate-archive", "folder").exit_code == 2
    with pytest.raises(ArchiveError, match=rf"the archive of .* is at {address}"):
        run(Folders(mine.data, archive_home="s3://another-bucket"), "treaties")


def test_a_move_without_a_ledger_is_a_move_of_nothing(tmp_path: Path, s3: Server) -> None:
    moved = move(Folders(tmp_path / "data"), s3.address())
    assert (moved.objects, moved.vintages, moved.links) == (0, 0, 0)
    with pytest.raises(NoLedgerError):
        verify(Folders(tmp_path / "data"))
    assert isinstance(homes.archive_of(Folders(tmp_path / "data")), object_archive.ObjectArchive)
