"""What a lake has to do beside what :mod:`tests.pipeline.test_ledger_homes` asks of every home."""

from __future__ import annotations

import gc
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import httpx
import pytest
from typer.testing import CliRunner

from dashboard.current import ledgers
from etl import ducklake, fingerprint, lake_place, lake_writer, manifest, writers
from etl.archive import ArchiveError
from etl.cli import app
from etl.export import MANIFESTS, export
from etl.lake import Replicas
from etl.lake_writer import DamagedLakeError
from etl.migrate import MigrateError, migrate
from etl.move import move
from etl.publish import BusyError, MovedOnError
from etl.rebuild import rebuild
from etl.refresh import refresh
from etl.serving import _needs_building
from etl.settings import Folders, Lake, StoreError, lake_of
from etl.sources import all_sources
from etl.store import Ledgers, NoLedgerError, home
from etl.verify import verify
from tests import lakes
from tests import s3 as servers
from tests.helpers import ask, run
from tests.resilience import children, lab, workers
from tests.s3 import Server

FIRST, OTHER = lab.SOURCES
FULL_DISK = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'no space left'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON ducklake_snapshot EXECUTE FUNCTION full_disk()
"""


@pytest.fixture(scope="module")
def lake(postgres: lakes.Server, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """A lake with one refresh; a test may add some, and leaves it sound."""
    data = lab.small_data(tmp_path_factory.mktemp("lake") / "data").data
    folders = Folders(data, postgres.lake(data / "lake"))
    lab.refresh_small(folders)
    return folders


@pytest.fixture
def chosen(lake: Folders, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folders]:
    """The same as an installation chooses it."""
    assert lake.lake
    monkeypatch.setenv("HMA_DATA", str(lake.data))
    monkeypatch.setenv("HMA_STORE", f"ducklake:postgres:{lake.lake.catalog}")
    monkeypatch.setenv("COLUMNS", "300")
    ledgers.cache_clear()
    yield lake
    ledgers().close()
    ledgers.cache_clear()


def hma(*words: str) -> tuple[int, str]:
    """The exit code of a command, and what it printed or raised."""
    done = CliRunner().invoke(app, list(words))
    gc.collect()  # a command ends its process, and with it what it held open
    return done.exit_code, f"{done.output}{done.exception or ''}"


def test_a_refresh_overtaken_by_another_begins_again_on_it(lake: Folders) -> None:
    before = ask(lake, "SELECT max(refresh) FROM refreshes")[0][0]
    told: list[str] = []

    def progress(source_id: str, step: str) -> None:
        if step == "record" and f"{FIRST} record" not in told:
            code, published = lab.in_child(children.refresh_of, lake, [OTHER], None)
            assert (code, bool(published)) == (0, True)
        told.append(f"{source_id} {step}")

    lab.change(lake, "overtaken")
    workers.change(lake, OTHER, 1)
    assert refresh(lake, [all_sources()[FIRST]], progress).published
    assert told.count(f"{FIRST} record") == 2, "what was recorded on the older ledger was kept"
    rows = ask(lake, "SELECT refresh, code_version FROM refreshes WHERE refresh > ?", before)
    assert len(rows) == 2
    assert ask(lake, "SELECT count(*) FROM program_events WHERE summary = 'overtaken'") == [(1,)]
    assert workers.newest(lake, OTHER) == 1
    assert verify(lake).differences == []


def test_a_commit_over_another_one_fails_even_without_locks(
    postgres: lakes.Server, tmp_path: Path
) -> None:
    bare = postgres.lake(tmp_path)
    with ducklake.connect() as one, ducklake.connect() as other:
        for number, con in enumerate((one, other)):
            ducklake.attach_to_write(con, bare)
            con.execute("BEGIN")
            con.execute(f"CREATE TABLE lake.main.t{number} (i INTEGER)")
        one.execute("COMMIT")
        with pytest.raises(duckdb.TransactionException, match="commit"):
            other.execute("COMMIT")


def test_a_commit_that_fails_by_itself_ends_the_refresh_with_what_went_wrong(
    lake: Folders,
) -> None:
    assert lake.lake
    before = Replicas(lake.ledger, lake.lake).chain()
    told: list[str] = []

    def progress(source_id: str, step: str) -> None:
        told.append(step)
        assert told.count("rename") < 2, "what failed by itself was tried again"

    _run_in_catalog(lake.lake, FULL_DISK)
    lab.change(lake, "on a full disk")
    try:
        with pytest.raises(duckdb.Error, match="no space left"):
            refresh(lake, [all_sources()[FIRST]], progress)
    finally:
        _run_in_catalog(lake.lake, "DROP FUNCTION full_disk() CASCADE")
    assert Replicas(lake.ledger, lake.lake).chain() == before
    assert verify(lake).differences == []
    assert refresh(lake, [all_sources()[FIRST]]).published


def test_a_refresh_that_is_always_overtaken_ends(
    lake: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def overtaken(*_: object) -> None:
        tried.append(1)
        if len(tried) > 99:
            pytest.fail("it has no end")
        raise MovedOnError

    monkeypatch.setattr("etl.refresh._attempt", overtaken)
    with pytest.raises(BusyError, match="run it again"):
        refresh(lake, [all_sources()[FIRST]])


def test_a_name_that_stands_twice_is_not_committed(lake: Folders) -> None:
    assert lake.lake
    found = Replicas(lake.ledger, lake.lake).chain()
    with (
        lake_writer.writer(lake, lake.lake, [FIRST]) as writer,
        writer.building() as (built, _, con),
    ):
        con.execute("INSERT INTO present.program_events FROM present.program_events LIMIT 1")
        link = manifest.of_ledger(lake.archive, home(lake).current())[1]
        with pytest.raises(DamagedLakeError, match="would be there 2 times"):
            writer.publish(built, con, lambda *_: link)
    assert Replicas(lake.ledger, lake.lake).chain() == found
    assert verify(lake).differences == []


def test_what_others_write_into_a_lake_is_no_ledger_and_damage_is_found(
    postgres: lakes.Server, tmp_path: Path
) -> None:
    data = lab.small_data(tmp_path / "data").data
    folders = Folders(data, postgres.lake(data / "lake"))
    lab.refresh_small(folders)
    assert folders.lake
    with ducklake.connect() as con:
        ducklake.attach_to_write(con, folders.lake)
        con.execute("UPDATE lake.present.program_events SET summary = 'forged'")
    assert ask(folders, "SELECT count(*) FROM program_events WHERE summary = 'forged'") == [(0,)]
    assert verify(folders).differences == []
    lab.change(folders, "change 1")
    with pytest.raises(DamagedLakeError, match="something else than hma has written"):
        lab.refresh_small(folders)
    assert len(list(manifest.folder(folders.archive).glob("0*.json"))) == 1
    assert verify(folders).differences == []
    for path in Path(folders.lake.data).rglob("*.parquet"):
        if path.parent.name == "program_events":
            path.write_bytes(bytes(len(path.read_bytes())))
    assert "cannot be read" in str(verify(folders).differences[0])


def test_readers_go_on_while_the_catalog_cannot_be_reached(
    lake: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = Ledgers(home(lake))
    with pool.lease() as lease:
        name = lease.ledger

    def gone(*_: object, **__: object) -> None:
        raise duckdb.IOException("the server is gone")

    monkeypatch.setattr(ducklake, "ask", gone)
    monkeypatch.setattr(ducklake, "attach_catalog", gone)
    with pool.lease() as lease:
        assert lease.ledger == name
        assert lease.con.execute("SELECT count(*) FROM program_events").fetchall() != [(0,)]
    pool.close()


def test_who_begins_while_postgresql_is_stopped_serves_the_newest_replica(tmp_path: Path) -> None:
    lakes.require()
    data = lab.small_data(tmp_path / "data").data
    with lakes.serving() as server:
        folders = Folders(data, server.lake(data / "lake"))
        lab.refresh_small(folders)
        name = home(folders).current().stem
        empty = replace(folders, lake=server.lake(data / "empty"))
        with pytest.raises(NoLedgerError, match="been published yet"):
            Ledgers(home(empty)).lease().__enter__()  # another lake's replica is none of this one's
    pool = Ledgers(home(folders))
    for _ in range(2):
        with pool.lease() as lease:
            assert lease.ledger == name
    pool.close()
    with pytest.raises(NoLedgerError, match="cannot be reached"):
        home(folders).current()  # nobody builds on what is only at hand


def test_a_catalog_that_cannot_be_reached_is_asked_again_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def gone(*_: object, **__: object) -> None:
        asked.append("")
        raise duckdb.IOException("the server is gone")

    monkeypatch.setattr(ducklake, "connect", gone)
    replicas = Replicas(tmp_path, Lake("host=/nowhere", str(tmp_path)))
    for seconds, times in ((100.0, 1), (101.0, 1), (200.0, 2)):
        monkeypatch.setattr("etl.lake.time.monotonic", lambda now=seconds: now)
        with pytest.raises(NoLedgerError, match="cannot be reached"):
            replicas.chain()
        assert len(asked) == times


def test_a_server_that_never_answers_is_waited_for_a_few_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PGCONNECT_TIMEOUT", raising=False)
    for said, meant in (
        ("host=db", "host=db connect_timeout=5 tcp_user_timeout=5000"),
        ("host=db connect_timeout=9", "host=db connect_timeout=9 tcp_user_timeout=5000"),
        ("postgresql://db/x", "postgresql://db/x?connect_timeout=5&tcp_user_timeout=5000"),
        ("postgres://db/x?a=b", "postgres://db/x?a=b&connect_timeout=5&tcp_user_timeout=5000"),
    ):
        assert ducklake.words(Lake(said, "")) == meant
    if lakes.why_not():
        return
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        silent_lake = Lake(f"host=127.0.0.1 port={port} user=x connect_timeout=2", "")
        began = time.monotonic()
        with pytest.raises(NoLedgerError, match="cannot be reached"):
            Replicas(Path("none"), silent_lake).chain()
        assert time.monotonic() - began < 10


def test_only_signed_extensions_from_their_packages_are_loaded() -> None:
    lakes.require()
    with ducklake.connect() as con:
        settings = dict(
            con.execute(
                "SELECT name, value FROM duckdb_settings() WHERE name LIKE '%extension%'"
            ).fetchall()
        )
        loaded = con.execute(
            "SELECT extension_name, install_path FROM duckdb_extensions() "
            "WHERE loaded AND extension_name IN ('ducklake', 'postgres_scanner') ORDER BY ALL"
        ).fetchall()
    assert settings["allow_unsigned_extensions"] == "false"
    assert settings["autoinstall_known_extensions"] == "false"
    assert settings["autoload_known_extensions"] == "false"
    assert [name for name, _ in loaded] == ["ducklake", "postgres_scanner"]


def test_the_rows_may_lie_in_object_storage(
    postgres: lakes.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = lab.small_data(tmp_path / "data").data
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with lakes.bucket() as (address, place):
        folders = Folders(data, replace(postgres.lake(data), data=place))
        with pytest.raises(NoLedgerError, match="AWS_ACCESS_KEY_ID"):
            lab.refresh_small(folders)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "something-secret")
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        lab.refresh_small(folders)
        rows = len(lakes.objects(address))
        with pytest.raises(StoreError, match="HMA_STORE_DATA"):
            lab.refresh_small(replace(folders, lake=replace(postgres.lake(data), data=place)))
        assert lake_place.MARK in lakes.objects(address)
        assert rows > len(lab.SOURCES)
        httpx.put(f"{address}/rows/main/issues/left.parquet", content=b"x").raise_for_status()
        lab.change(folders, "change 1")
        lab.refresh_small(folders)
        assert "main/issues/left.parquet" not in lakes.objects(address)
        assert len(lakes.objects(address)) > rows
        assert verify(folders).differences == []
    assert not (data / "lake").exists()


def test_what_killed_readers_left_is_swept_and_what_is_being_made_stays(lake: Folders) -> None:
    folder = lake.ledger / "lake"
    old = [folder / ".whole-old" / "ledger.duckdb", folder / ".ledger-1.old.part"]
    young = [folder / ".whole-young" / "ledger.duckdb", folder / ".ledger-1.young.part"]
    for path in (*old, *young):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    for path in (*old, old[0].parent, young[0].parent):
        os.utime(path, (0, 0))
    vanished = folder / ".ledger-1.vanished.part"
    vanished.symlink_to(folder / "nowhere")  # as a file that goes between the list and the look
    try:
        with writers.writer(lake, ()) as writer, writer.alone():
            assert [path for path in (*old, old[0].parent) if path.exists()] == []
            assert [path for path in young if not path.exists()] == []
    finally:
        shutil.rmtree(young[0].parent)
        young[1].unlink()
        vanished.unlink(missing_ok=True)


# --- whose rows lie in a place ---


def test_a_second_lake_in_the_same_place_is_refused_and_takes_nothing(
    postgres: lakes.Server, lake: Folders
) -> None:
    assert lake.lake
    before = sorted(Path(lake.lake.data).rglob("*"))
    second = replace(lake, lake=postgres.lake(Path(lake.lake.data)))
    with pytest.raises(StoreError, match="HMA_STORE_DATA") as refused:
        lab.refresh_small(second)
    assert lake.lake.data in str(refused.value)
    with pytest.raises(NoLedgerError):
        home(second).current()
    assert sorted(Path(lake.lake.data).rglob("*")) == before


def test_who_was_killed_while_marking_a_place_goes_on_and_no_other_does(
    postgres: lakes.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = postgres.lake(tmp_path / "rows"), postgres.lake(tmp_path / "rows")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(lake_place, "write_safely", killed)
        for lake in (first, second):
            with pytest.raises(KeyboardInterrupt):
                lake_place.claim(lake)
    lake_place.claim(first)
    lake_place.claim(first)
    with pytest.raises(StoreError, match="HMA_STORE_DATA"):
        lake_place.claim(second)
    assert len(_in_catalog(first, "SELECT * FROM hma_lake")) == 1


def test_a_catalog_in_another_database_removes_nothing_until_told(
    postgres: lakes.Server, lake: Folders, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert lake.lake
    if len(Replicas(lake.ledger, lake.lake).chain()) < 2:
        lab.change(lake, "one to prune")
        lab.refresh_small(lake)
    made_in = str(_in_catalog(lake.lake, "SELECT current_database()")[0][0])
    postgres.run("createdb", "--template", made_in, f"{made_in}_again")
    copied = Lake(lake.lake.catalog.replace(made_in, f"{made_in}_again"), lake.lake.data)
    again = replace(lake, lake=copied)
    left = Path(copied.data) / "main" / "issues" / "left.parquet"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"the other one's")
    assert verify(again).differences == []
    with writers.writer(again, ()) as writer, writer.alone():
        pass
    assert left.exists()
    assert "not swept" in caplog.text
    with pytest.raises(StoreError, match="none is removed"):
        writers.prune(again, 1)
    with (
        pytest.raises(StoreError, match="UPDATE hma_lake"),
        writers.writer(again, ()) as writer,
        writer.building(),
    ):
        pass
    with ducklake.connect() as con:
        ducklake.attach_to_write(con, copied)
        why = lake_place.why_not(con, copied, ducklake.OWN_CATALOG)
        assert why
        # as it says
        mark, statement = re.findall(r"write ({.*}) into .* (UPDATE .*')\.", why)[0]
        place = Path(copied.data) / lake_place.MARK
        before = place.read_bytes()
        place.write_text(mark, encoding="utf-8")
        con.execute(
            f"CALL postgres_execute('{ducklake.OWN_CATALOG}', {ducklake.literal(statement)})"
        )
    try:
        with writers.writer(lake, ()) as writer, writer.alone():
            assert left.exists(), "who has handed over its rows removes none"
        with writers.writer(again, ()) as writer, writer.alone():
            assert not left.exists()
    finally:
        place.write_bytes(before)
    with ducklake.connect() as con:
        ducklake.attach_to_write(con, lake.lake)
        assert lake_place.why_not(con, lake.lake, ducklake.OWN_CATALOG) is None


def _in_catalog(lake: Lake, query: str) -> list[tuple[object, ...]]:
    with ducklake.connect(extensions=[ducklake.POSTGRES]) as con:
        ducklake.attach_catalog(con, lake, read_only=True)
        return ducklake.ask(con, query)


def _run_in_catalog(lake: Lake, statements: str) -> None:
    with ducklake.connect(extensions=[ducklake.POSTGRES]) as con:
        ducklake.attach_catalog(con, lake, read_only=False)
        con.execute(f"CALL postgres_execute('catalog', {ducklake.literal(statements)})")


# --- moving between homes ---


def test_a_ledger_moves_into_a_lake_and_back_with_every_row_and_time(
    postgres: lakes.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = lab.small_data(tmp_path / "data")
    lab.refresh_small(files)
    before = fingerprint.of_file(home(files).current())
    lake = Folders(files.data, postgres.lake(files.data / "lake"))
    assert lake.lake
    moved = migrate(files, lake.lake)
    assert moved.tables == before
    assert fingerprint.of_file(home(lake).current()) == before
    assert verify(lake).differences == []
    (files.ledger / "HOME").unlink()  # which would refuse it before
    with pytest.raises(MigrateError, match="holds a ledger already"):
        migrate(files, lake.lake)

    def overtaken(*_: object) -> None:
        raise MovedOnError

    with monkeypatch.context() as patched:
        patched.setattr(lake_writer.LakeWriter, "publish", overtaken)
        with pytest.raises(MigrateError, match="meanwhile"):
            migrate(files, postgres.lake(files.data / "another"))
    lab.change(lake, "change 2")
    lab.refresh_small(lake)
    assert verify(lake).differences == []
    with pytest.raises(MigrateError, match="holds a ledger already"):
        migrate(lake, None)
    files.ledger.rename(files.data / "old")
    back = migrate(lake, None)
    assert back.ledger.startswith("ledger-000002-")
    assert fingerprint.of_file(home(files).current()) == back.tables
    assert verify(files).differences == []
    with pytest.raises(MigrateError, match="there already"):
        migrate(files, None)
    # and the file that came back is watched like any other
    with duckdb.connect(home(files).current()) as con:
        con.execute("UPDATE present.program_events SET summary = 'forged'")
    assert verify(files).differences != []


def test_a_data_folder_remembers_its_lake_and_begins_no_second_history(
    postgres: lakes.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = lab.small_data(tmp_path / "data")
    lake = Folders(files.data, postgres.lake(tmp_path / "rows"))
    assert lake.lake
    mark = files.ledger / "HOME"
    lab.refresh_small(lake)
    assert mark.read_text() == f"ducklake:postgres:{lake.lake.catalog}\n"
    mark.unlink()
    lab.refresh_small(lake)  # publishes nothing
    assert mark.is_file()
    monkeypatch.setenv("HMA_DATA", str(files.data))
    for refused in (
        lambda: lab.refresh_small(files),
        lambda: migrate(files, postgres.lake(tmp_path / "other")),
        lambda: rebuild(files, tmp_path),
    ):
        with pytest.raises(StoreError, match=r"set it to what .*HOME says.*hma migrate file"):
            refused()
    assert "HMA_STORE names none" in hma("config", "check")[1].replace("\n", " ")
    assert not (files.ledger / "CURRENT").exists()
    migrate(lake, None)
    lab.change(files, lab.LAST_CHANGE)
    assert lab.refresh_small(files).published
    again = postgres.lake(tmp_path / "again")
    migrate(files, again)
    with pytest.raises(StoreError):
        lab.refresh_small(files)


# --- the command, and the settings ---


def test_the_command_reads_and_checks_a_lake(chosen: Folders, tmp_path: Path) -> None:
    name = home(chosen).current().stem
    code, said = hma("status")
    assert (code, name in said) == (0, True)
    code, said = hma("verify", "--json")
    assert (code, json.loads(said)["ledger"]) == (0, name)
    code, said = hma("export", str(tmp_path / "out"))
    assert (code, (tmp_path / "out" / "SHA256SUMS").is_file()) == (0, True), said
    assert hma("backup", str(tmp_path / "backup"))[0] == 2
    code, said = hma("rebuild", str(tmp_path / "out"))
    assert (code, "hma migrate" in said) == (2, True)
    with ledgers().lease() as lease:  # what the pages and the API read from
        assert lease.ledger == name


def test_a_password_in_the_setting_is_refused_and_never_repeated(
    workspace: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in (
        "host=db password=hunter2-hunter2",
        "postgresql://hma:hunter2-hunter2@db/lake",
        "host=db PASSWORD = 'hunter2-hunter2'",
        "postgresql://hma:hunter2/hunter2@db/lake",
        "postgresql://hma:hunter2@hunter2@db/lake",
    ):
        with pytest.raises(StoreError, match="PGPASSWORD") as refused:
            lake_of(f"ducklake:postgres:{words}", workspace.data)
        assert "hunter2" not in str(refused.value)
        monkeypatch.setenv("HMA_STORE", f"ducklake:postgres:{words}")
        code, said = hma("config", "check")
        assert (code, "hunter2" in said) == (2, False)
        assert "PGPASSWORD" in said
    for other in ("ducklake:sqlite:x", "ducklake:postgres:", "files"):
        with pytest.raises(StoreError, match="HMA_STORE takes file or"):
            lake_of(other, workspace.data)
    assert lake_of("file", workspace.data) is None
    assert lake_of("ducklake:postgres:postgresql://hma@db:5432/lake", workspace.data)


def test_serving_begins_an_empty_lake_and_writes_to_no_other(
    postgres: lakes.Server, lake: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("etl.serving.definitions", lambda _: "another version")
    assert not _needs_building(lake)
    assert _needs_building(Folders(tmp_path, postgres.lake(tmp_path / "lake")))
    assert not _needs_building(Folders(tmp_path, Lake("host=/nowhere", str(tmp_path))))


def test_paths_in_the_setting_hold_in_every_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for rows, meant in (
        ("rows", f"{tmp_path}/rows"), ("s3://bucket/rows", "s3://bucket/rows"), ("/rows", "/rows"),
        ("", f"{tmp_path}/data/lake"),
    ):  # fmt: skip
        monkeypatch.setenv("HMA_STORE_DATA", rows)
        found = lake_of("ducklake:postgres:host=db", Path("data"))
        assert found
        assert found.data == meant
    for words, meant in (
        ("passfile=own/pass host=db", f"passfile={tmp_path}/own/pass host=db"),
        ("host=db passfile = 'my pass'", f"host=db passfile = '{tmp_path}/my pass'"),
        ("host=db passfile=/own/pass", "host=db passfile=/own/pass"),
        ("postgresql://db/x?passfile=my%20pass&a=b", f"postgresql://db/x?passfile={tmp_path}/my%20pass&a=b"),
    ):  # fmt: skip
        found = lake_of(f"ducklake:postgres:{words}", Path("data"))
        assert found
        assert found.catalog == meant


def test_machines_of_a_lake_find_each_others_manifests_in_a_bucket(
    postgres: lakes.Server, s3: Server, tmp_path: Path
) -> None:
    """Two data folders that share nothing but the lake and the bucket."""
    rows = postgres.lake(tmp_path / "rows")
    address = s3.address()
    machines = [
        Folders(lab.small_data(tmp_path / name / "data").data, rows, address)
        for name in ("first", "second")
    ]
    for number, machine in enumerate((*machines, *machines), 1):
        for other in machines:
            lab.change(other, f"change {number}")
        assert not run(machine, FIRST).failed
    for machine in machines:
        assert len(list(manifest.folder(machine.archive).glob("*.json"))) == 3 + (
            machine is machines[1]
        )
        assert verify(machine).differences == []
        assert len(list(manifest.folder(machine.archive).glob("*.json"))) == 4
    with_nothing = Folders(lab.small_data(tmp_path / "third" / "data").data, rows, address)
    first = next(key for key in servers.keys(s3, address) if key.startswith("refreshes/000001-"))
    whole = servers.read(s3, address, first)
    servers.write(s3, address, first, whole.replace(b'"refresh": 1', b'"refresh": 9'))
    with pytest.raises(ArchiveError, match=r"refreshes/000001-.* no longer has its SHA-256"):
        export(with_nothing, tmp_path / "export")
    assert not (manifest.folder(with_nothing.archive) / Path(first).name).exists()
    servers.write(s3, address, first, whole)
    export(with_nothing, tmp_path / "export")
    assert len(list((tmp_path / "export" / MANIFESTS).iterdir())) == 4


def test_a_lake_moves_its_archive_into_a_bucket_and_its_history_with_it(
    postgres: lakes.Server, s3: Server, tmp_path: Path
) -> None:
    here = lab.small_data(tmp_path / "data")
    lab.refresh_small(here)
    rows = postgres.lake(tmp_path / "rows")
    migrate(here, rows)
    there = replace(here, lake=rows)
    address = s3.address()
    move(there, address)
    assert verify(there).differences == []
    other = Folders(lab.small_data(tmp_path / "other" / "data").data, rows, address)
    assert verify(other).differences == []  # which has to know that the ledger was moved
    lab.change(other, "change 1")
    assert not run(other, FIRST).failed
    assert verify(there).differences == []


def test_a_wrong_password_is_not_shown(
    postgres: lakes.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = lab.small_data(tmp_path / "data").data
    monkeypatch.setenv("PGPASSWORD", "wrong-wrong-wrong")
    monkeypatch.setenv("HMA_DATA", str(data))
    monkeypatch.setenv(
        "HMA_STORE", f"ducklake:postgres:{postgres.words('postgres', passfile=False)}"
    )
    code, said = hma("status")
    assert code == 5
    assert "cannot be reached" in said
    assert "wrong-wrong" not in said


def test_readers_are_not_told_how_the_catalog_is_reached(
    postgres: lakes.Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = Lake("host=/nowhere-at-all user=somebody dbname=x", str(tmp_path))
    for call in (
        lambda: Ledgers(home(Folders(tmp_path, nowhere))).lease().__enter__(),
        lambda: writers.writer(Folders(tmp_path, nowhere), ()).__enter__(),
    ):
        with pytest.raises(NoLedgerError, match=r"catalog cannot be reached$") as told:
            call()
        assert "nowhere" not in str(told.value)
    assert "nowhere-at-all" in caplog.text
    # nor, when its rows are gone, where the replica is to be made
    data = lab.small_data(tmp_path / "data").data
    emptied = Folders(data, postgres.lake(data / "lake"))
    lab.refresh_small(emptied)
    assert emptied.lake
    shutil.rmtree(emptied.lake.data)
    shutil.rmtree(emptied.ledger)
    with pytest.raises(NoLedgerError, match=r"the log says why$"):
        Ledgers(home(emptied)).lease().__enter__()


def test_workers_of_different_sources_lose_nothing_and_leave_nothing(
    postgres: lakes.Server, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    result = workers.experiment(data, postgres.lake(data / "lake"), lab.SOURCES, 1, 2)
    assert result.failures == []
    assert result.figures["ledgers"] == 1 + result.tried
