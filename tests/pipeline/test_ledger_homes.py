"""What must hold in either home of the ledger, in files and in a lake: the same tests, over both."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from etl import manifest, writers
from etl.asof import AsOfError
from etl.diff import diff
from etl.export import export
from etl.manifest import Manifest
from etl.publish import BusyError
from etl.settings import Folders
from etl.store import Ledgers, NoLedgerError, home
from etl.verify import verify, verify_entry
from etl.writers import prune
from tests.helpers import ask, rewrite, run
from tests.resilience import children, lab
from tests.resilience.children import Spot
from tests.resilience.lakes import orphans

HOMES = ("files", "lake")
TEXTS = ["change 1", "change 2", "change 3"]
OF_CHANGED = "SELECT entry_id FROM program_events WHERE summary LIKE 'change %'"
Make = Callable[[Path], Folders]


@pytest.fixture(scope="session", params=HOMES)
def make(request: pytest.FixtureRequest) -> Make:
    """Makes small data folders whose ledger has its home in files, or in a lake; none has a ledger yet."""
    if request.param == "files":
        return lab.small_data
    server = request.getfixturevalue("postgres")

    def with_lake(to: Path) -> Folders:
        return Folders(lab.small_data(to).data, server.lake(to / "lake"))

    return with_lake


@pytest.fixture(scope="session")
def past(make: Make, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """Three refreshes: one entry is revised twice, and by the third another one is withdrawn."""
    return past_in(make(tmp_path_factory.mktemp("homes") / "data"))


def past_in(folders: Folders) -> Folders:
    """The same in a folder without a ledger."""
    for text in TEXTS:
        if text == TEXTS[-1]:
            rewrite(folders, lab.EVENTS, lambda rows: rows[:-1])
        lab.change(folders, text)
        assert run(folders, *lab.SOURCES, least=1).published
    return folders


def head(folders: Folders) -> Manifest:
    """The manifest of the ledger in use."""
    return manifest.of_ledger(folders.archive, home(folders).current())[1]


def test_every_revision_stays_readable_with_the_refresh_that_replaced_it(past: Folders) -> None:
    ((entry_id,),) = ask(past, OF_CHANGED)
    query = (
        "SELECT revision, change, summary, recorded_in, ended_in FROM history.program_events "
        "WHERE entry_id = ? ORDER BY revision"
    )
    assert ask(past, query, entry_id) == [
        (1, "added", "change 1", 1, 2),
        (2, "revised", "change 2", 2, 3),
        (3, "revised", "change 3", 3, None),
    ]
    withdrawn = (
        "SELECT revision, recorded_in FROM history.program_events WHERE change = 'withdrawn'"
    )
    assert ask(past, withdrawn) == [(2, 3)]


def test_a_reader_sees_an_earlier_refresh_as_it_was(past: Folders) -> None:
    ledgers = Ledgers(home(past))
    counts: list[int] = []
    for number, text in enumerate(TEXTS, 1):
        with ledgers.lease(str(number)) as lease:
            query = "SELECT summary FROM program_events WHERE summary LIKE 'change %'"
            assert lease.con.execute(query).fetchall() == [(text,)]
            counts += lease.con.execute("SELECT count(*) FROM program_events").fetchall()[0]
    assert counts[0] == counts[1] == counts[2] + 1
    with pytest.raises(AsOfError, match="knows 1 to 3"), ledgers.lease("4"):
        pass
    ledgers.close()


def test_the_difference_between_two_refreshes_is_told(past: Folders) -> None:
    with Ledgers(home(past)).lease() as lease:
        (row,) = diff(lease.con, 1, 3).rows.iter_rows(named=True)
    assert (row["source_id"], row["revised"], row["withdrawn"]) == ("program_events", 1, 1)


def test_verification_finds_it_sound_and_derives_one_entry_again(past: Folders) -> None:
    found = verify(past)
    assert (found.differences, found.notes, found.reservations) == ([], [], [])
    assert found.checked["manifests"] == len(TEXTS)
    ((entry_id,),) = ask(past, OF_CHANGED)
    assert verify_entry(past, entry_id).differences == []


def test_an_export_holds_every_table_and_its_manifests(past: Folders, tmp_path: Path) -> None:
    exported = export(past, tmp_path / "out")
    assert exported.manifest.content_sha256 == head(past).content_sha256
    assert len(list((tmp_path / "out" / "manifests").iterdir())) == len(TEXTS)
    with duckdb.connect() as con:
        con.read_parquet(str(tmp_path / "out/history/program_events.parquet")).create("history")
        assert con.execute("SELECT max(recorded_in), max(ended_in) FROM history").fetchall() == [
            (3, 3)
        ]


def test_a_reader_reaches_nothing_but_its_ledger(past: Folders, tmp_path: Path) -> None:
    with Ledgers(home(past)).lease() as lease:
        databases = lease.con.execute(
            "SELECT count(*) FROM duckdb_databases() WHERE NOT internal"
        ).fetchall()
        assert databases == [(1,)]
        for statement in (
            "ATTACH 'dbname=postgres' AS other (TYPE postgres)",
            f"COPY (SELECT 1) TO '{tmp_path / 'x.csv'}'",
            f"FROM read_csv('{past.transcribed / lab.EVENTS}')",
            "SET enable_external_access = true",
            "INSERT INTO present.program_events SELECT * FROM present.program_events",
        ):
            with pytest.raises(duckdb.Error):
                lease.con.execute(statement)


def test_a_refresh_that_changes_nothing_publishes_nothing(past: Folders) -> None:
    before = home(past).current()
    assert run(past, *lab.SOURCES, least=1).published is None
    assert home(past).current() == before


def test_who_works_on_a_source_keeps_others_from_it(past: Folders) -> None:
    with (
        writers.writer(past, ["program_events"]),
        pytest.raises(BusyError, match="another refresh is"),
        writers.writer(past, ["program_events"]),
    ):
        pass


def test_there_is_no_ledger_before_the_first_refresh(make: Make, tmp_path: Path) -> None:
    folders = make(tmp_path / "data")
    with pytest.raises(NoLedgerError, match="no ledger has been published yet"):
        home(folders).current()
    with pytest.raises(NoLedgerError, match="no ledger"):
        verify(folders)
    with pytest.raises(NoLedgerError, match="no ledger"):
        prune(folders, 1)


KILLED = [Spot(step, "step", "before") for step in ("record", "manifest", "rename", "CURRENT")]
KILLED_LAKE = [
    KILLED[1],
    *(Spot("rename", "execute COMMIT", when) for when in ("before", "middle")),
    KILLED[3],  # after the commit, before its replica has its name
]
NEWEST = "SELECT max(summary) FROM program_events WHERE summary LIKE 'change %'"


def test_a_killed_refresh_loses_nothing_and_the_next_one_goes_on(
    make: Make, tmp_path: Path
) -> None:
    folders = make(tmp_path / "data")
    lab.change(folders, "change 0")
    lab.refresh_small(folders)
    spots = KILLED_LAKE if folders.lake else KILLED
    last = "change 0"
    for number, spot in enumerate(spots, 1):
        lab.change(folders, f"change {number}")
        code, _ = lab.in_child(children.refresh_of, folders, lab.SOURCES, spot)
        assert code == -signal.SIGKILL, spot
        ((seen,),) = ask(folders, NEWEST)
        assert seen in (last, f"change {number}"), spot
        last = seen
    if folders.lake:  # a reader that was killed while it made a replica, long ago
        part = folders.ledger / "lake" / ".ledger-000001-0123456789abcdef.1-2.part"
        part.touch()
        os.utime(part, (0, 0))
        assert lab.leftovers(folders) != []
    lab.change(folders, lab.LAST_CHANGE)
    lab.refresh_small(folders)
    assert lab.is_published(folders)
    assert verify(folders).differences == []
    assert lab.leftovers(folders) == []
    if folders.lake:
        assert orphans(folders.lake) == []


def test_readers_never_meet_an_error_or_two_ledgers_at_once(make: Make, tmp_path: Path) -> None:
    folders = make(tmp_path / "data")
    lab.change(folders, "change 1")
    lab.refresh_small(folders)
    stop, errors, seen = threading.Event(), [], set()
    ledgers = Ledgers(home(folders))
    query = (
        "SELECT max(regexp_extract(summary, '^change ([0-9]+)$', 1)::INT) FROM program_events "
        "WHERE summary LIKE 'change %'"
    )

    def read() -> None:
        while not stop.is_set():
            try:
                with ledgers.lease() as lease:
                    (first,) = lease.con.execute("SELECT max(refresh) FROM refreshes").fetchall()[0]
                    time.sleep(0.02)
                    (then,) = lease.con.execute(query).fetchall()[0]
                    seen.add(then)
                    if not first == then == int(lease.ledger.split("-")[1]):
                        errors.append(f"mixed: {lease.ledger}, {first}, {then}")
            except Exception as error:  # whatever a reader meets is a finding
                errors.append(f"{type(error).__name__}: {error}")

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in (2, 3):
        lab.change(folders, f"change {number}")
        code, _ = lab.in_child(children.refresh_of, folders, lab.SOURCES, None)
        assert code == 0
    until = time.monotonic() + 30
    while 3 not in seen and time.monotonic() < until:
        time.sleep(0.05)
    stop.set()
    for reader in readers:
        reader.join()
    assert errors == []
    assert {1, 3} <= seen
    assert ledgers.open_count <= 2
    ledgers.close()


def test_pruning_keeps_every_revision(make: Make, tmp_path: Path) -> None:
    folders = make(tmp_path / "data")
    for number in (1, 2):
        lab.change(folders, f"change {number}")
        lab.refresh_small(folders)
    assert [name.split("-")[1] for name in prune(folders, 1)] == ["000001"]
    assert prune(folders, 1) == []
    found = verify(folders)
    assert found.differences == []
    with Ledgers(home(folders)).lease("1") as lease:
        assert lease.con.execute(
            "SELECT summary FROM program_events WHERE summary LIKE 'change %'"
        ).fetchall() == [("change 1",)]


def test_both_homes_say_the_same_of_the_same_bytes(past: Folders, tmp_path: Path) -> None:
    files = past_in(lab.small_data(tmp_path / "data"))
    assert head(past).content_sha256 == head(files).content_sha256
    # a lake has no file whose size could be said
    assert (head(past).ledger_size_bytes is None) == (past.lake is not None)
