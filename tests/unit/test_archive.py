"""The archive keeps every vintage under the hash of its bytes, and notices when they change."""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.archive import Archive, ArchiveError, Contents


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


def put(archive: Archive, content: bytes, source: str = "treaties", file: str = "a.csv") -> str:
    return archive.put(source, file, content, f"transcribed/{file}").sha256


@given(st.binary())
@settings(max_examples=25)
def test_any_bytes_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    archive = Archive(tmp_path_factory.mktemp("archive"))
    sha256 = put(archive, content)
    assert sha256 == hashlib.sha256(content).hexdigest()
    assert archive.get(sha256) == content


def test_a_tampered_byte_is_noticed(archive: Archive) -> None:
    sha256 = put(archive, b"12548000")
    archive.path(sha256).write_bytes(b"12548001")
    with pytest.raises(ArchiveError, match=r"no longer has its SHA-256; restore it from a backup"):
        archive.get(sha256)


def test_a_missing_object_is_named(archive: Archive) -> None:
    with pytest.raises(ArchiveError, match="00 is missing; restore the archive"):
        archive.get("00")


def test_a_half_written_object_is_written_again(archive: Archive) -> None:
    sha256 = put(archive, b"whole")
    archive.path(sha256).write_bytes(b"who")
    put(archive, b"whole")
    assert archive.get(sha256) == b"whole"


def test_the_same_bytes_are_neither_rewritten_nor_listed_twice(archive: Archive) -> None:
    first = archive.put("treaties", "a.csv", b"same", "transcribed/a.csv")
    inode = archive.path(first.sha256).stat().st_ino
    assert archive.put("treaties", "a.csv", b"same", "transcribed/a.csv") == first
    assert archive.path(first.sha256).stat().st_ino == inode
    assert list(archive.vintages()) == [first]


def test_two_sources_may_share_bytes_and_each_has_its_line(archive: Archive) -> None:
    assert put(archive, b"shared", "state_tweis") == put(archive, b"shared", "landmine_monitor")
    assert [vintage.source_id for vintage in archive.vintages()] == [
        "state_tweis",
        "landmine_monitor",
    ]


def test_a_new_vintage_leaves_the_earlier_one_in_place(archive: Archive) -> None:
    earlier, later = put(archive, b"one"), put(archive, b"two")
    assert (archive.get(earlier), archive.get(later)) == (b"one", b"two")
    assert [vintage.size_bytes for vintage in archive.vintages()] == [3, 3]


def test_a_torn_last_line_of_the_manifest_is_not_read_and_is_cut_at_the_next_write(
    archive: Archive,
) -> None:
    put(archive, b"one")
    with archive.manifest.open("ab") as file:
        file.write(b'{"source_id": "trea')
    assert len(list(archive.vintages())) == 1
    put(archive, b"two")
    assert [vintage.sha256 for vintage in archive.vintages()] == [
        hashlib.sha256(content).hexdigest() for content in (b"one", b"two")
    ]


def test_nothing_is_left_beside_the_objects(archive: Archive) -> None:
    put(archive, b"one")
    assert list(archive.root.rglob("*.part")) == []


@given(st.binary(max_size=5000))
@settings(max_examples=25)
def test_a_file_from_outside_is_kept_packed_under_the_hash_of_what_it_unpacks_to(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("archive")
    (folder / "copy.csv").write_bytes(content)
    archive = Archive(folder / "archive")
    vintage = archive.take("treaties", "a.csv", folder / "copy.csv", "given")
    assert (vintage.sha256, vintage.size_bytes) == (
        hashlib.sha256(content).hexdigest(),
        len(content),
    )
    path = archive.path(vintage.sha256)
    assert path.suffix == ".zst"
    assert vintage.packed_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert archive.get(vintage.sha256) == content
    assert list(archive.vintages()) == [vintage]
    assert [left.packed_sha256 for left in archive.vintages()] == [vintage.packed_sha256]


def take(archive: Archive, content: bytes) -> str:
    archive.root.mkdir(parents=True, exist_ok=True)
    copy = archive.root.parent / "copy"
    copy.write_bytes(content)
    return archive.take("treaties", "a.csv", copy, "given").sha256


@pytest.mark.parametrize("first", ["plain", "packed"])
def test_bytes_that_came_both_ways_lie_there_once(archive: Archive, first: str) -> None:
    ways = [put, take] if first == "plain" else [take, put]
    assert len({way(archive, b"same") for way in ways}) == 1
    assert len(list(archive.root.glob("sha256/*/*"))) == 1
    assert archive.get(hashlib.sha256(b"same").hexdigest()) == b"same"


@pytest.mark.parametrize(
    "spoil", [lambda b: b[: len(b) // 2], lambda b: b[:-1] + b"\0", lambda b: b""]
)
def test_a_damaged_packed_object_is_noticed_however_it_is_read(
    archive: Archive, spoil: Callable[[bytes], bytes]
) -> None:
    sha256 = take(archive, b"a,b\n" * 1000)
    archive.path(sha256).write_bytes(spoil(archive.path(sha256).read_bytes()))
    fresh = Archive(archive.root)
    for read in (fresh.get, fresh.prove):
        with pytest.raises(ArchiveError, match="restore it from a backup"):
            read(sha256)


def test_what_was_just_taken_is_not_read_again_to_know_its_hash_and_end(archive: Archive) -> None:
    sha256 = take(archive, b"a,b\n1,2")
    archive.path(sha256).unlink()
    assert archive.prove(sha256) == b"2"
    with pytest.raises(ArchiveError, match="missing"):
        Archive(archive.root).prove(sha256)


def test_a_large_file_is_read_piece_by_piece_and_never_whole(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("etl.archive.WHOLE_BYTES", 1000)
    sha256 = take(archive, b"x" * 1001)
    with pytest.raises(ArchiveError, match="more than 1,000 bytes; read it piece by piece"):
        archive.get(sha256)
    contents = Contents(archive, archive.vintages())
    with contents.open("a.csv") as stream:
        assert stream.read(3) == b"xxx"
    assert contents.start("a.csv", 2) == b"xx"
    assert list(contents) == ["a.csv"]


def fetched_copy(archive: Archive, content: bytes) -> Path:
    copy = archive.root / "incoming" / "copy.csv"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(content)
    return copy


def test_the_file_that_was_taken_is_scanned_in_place_of_the_packed_object_until_let_go(
    archive: Archive,
) -> None:
    copy = fetched_copy(archive, b"a,b\n1,2\n")
    vintage = archive.take("treaties", "a.csv", copy, "given")
    contents = Contents(archive, [vintage])
    with contents.scannable("a.csv") as found:
        assert found == (copy, "none")
    archive.leave(copy)
    archive.let_go()
    assert not copy.exists()
    with contents.scannable("a.csv") as found:
        assert found == (archive.path(vintage.sha256), "zstd")


def test_what_is_written_to_a_file_of_others_while_it_is_read_never_counts(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("etl.unwritten.WORTH_BYTES", 1)
    copy = tmp_path / "copy.csv"
    copy.write_bytes(b"a,b\n1,2\n")
    with copy.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped[0:1] = b"a"  # from here on the file's times stay as they are
        vintage = archive.take("treaties", "a.csv", copy, "given")
        mapped[6:7] = b"9"
        assert copy.read_bytes() == b"a,b\n1,9\n"
        with Contents(archive, [vintage]).scannable("a.csv") as found:
            assert found == (archive.path(vintage.sha256), "zstd")


def test_a_file_that_somebody_writes_to_is_not_scanned_and_no_scan_of_it_counts(
    archive: Archive,
) -> None:
    copy = fetched_copy(archive, b"a,b\n1,2\n")
    vintage = archive.take("treaties", "a.csv", copy, "given")
    contents = Contents(archive, [vintage])
    with (
        pytest.raises(ArchiveError, match="was written to while it was read"),
        contents.scannable("a.csv") as (path, _),
    ):
        path.write_bytes(b"a,b\n1,9\n")
    with contents.scannable("a.csv") as (path, compression):
        assert (path, compression) == (archive.path(vintage.sha256), "zstd")


leases = pytest.mark.skipif(not hasattr(fcntl, "F_SETLEASE"), reason="leases are Linux's")


@leases
def test_a_file_of_others_is_scanned_where_it_lies_while_nobody_can_write_to_it(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("etl.unwritten.WORTH_BYTES", 1)
    copy = tmp_path / "copy.csv"
    copy.write_bytes(b"a,b\n1,2\n")
    vintage = archive.take("treaties", "a.csv", copy, "given")
    contents = Contents(archive, [vintage])
    with contents.scannable("a.csv") as (path, compression):
        assert (path.read_bytes(), compression) == (b"a,b\n1,2\n", "none")
    archive.let_go()
    with contents.scannable("a.csv") as (path, compression):
        assert (path, compression) == (archive.path(vintage.sha256), "zstd")


@leases
def test_a_writer_who_comes_while_a_file_of_others_is_read_spoils_what_was_read(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("etl.unwritten.WORTH_BYTES", 1)
    copy = tmp_path / "copy.csv"
    copy.write_bytes(b"a,b\n1,2\n")
    vintage = archive.take("treaties", "a.csv", copy, "given")
    contents = Contents(archive, [vintage])
    with (
        pytest.raises(ArchiveError, match="was written to while it was read"),
        contents.scannable("a.csv"),
        pytest.raises(BlockingIOError),
    ):
        os.open(copy, os.O_WRONLY | os.O_NONBLOCK)  # would wait until it is let go
    with contents.scannable("a.csv") as found:
        assert found == (archive.path(vintage.sha256), "zstd")
    archive.let_go()
    os.close(os.open(copy, os.O_WRONLY | os.O_NONBLOCK))


def test_a_small_file_of_others_keeps_no_writer_waiting(archive: Archive, tmp_path: Path) -> None:
    copy = tmp_path / "copy.csv"
    copy.write_bytes(b"a,b\n1,2\n")
    vintage = archive.take("treaties", "a.csv", copy, "given")
    os.close(os.open(copy, os.O_WRONLY | os.O_NONBLOCK))
    with Contents(archive, [vintage]).scannable("a.csv") as found:
        assert found == (archive.path(vintage.sha256), "zstd")


def test_a_damaged_object_is_made_anew_when_its_bytes_come_again(archive: Archive) -> None:
    sha256 = take(archive, b"a,b\n1,2\n")
    other = archive.path(take(archive, b"a,b\n1,9\n"))
    archive.path(sha256).write_bytes(other.read_bytes())
    fresh = Archive(archive.root)
    copy = archive.root.parent / "copy"
    copy.write_bytes(b"a,b\n1,2\n")
    vintage = fresh.take("treaties", "a.csv", copy, "given")
    assert fresh.get(vintage.sha256) == b"a,b\n1,2\n"
    assert Archive(archive.root).get(sha256) == b"a,b\n1,2\n"


@pytest.mark.parametrize(
    "line",
    [
        b'{"sha256": 5}', b"[" * 50_000, b"\xff", b"{}",
        b'{"source_id": "s", "file": "f", "sha256": "../../etc/passwd", "size_bytes": 1, '
        b'"retrieved_at": "2026", "origin": "o"}',
        b'{"source_id": "s", "file": "f", "sha256": 5, "size_bytes": 1, "retrieved_at": "2026", '
        b'"origin": "o"}',
    ],
)  # fmt: skip
def test_a_line_of_the_list_that_nobody_wrote_is_named(archive: Archive, line: bytes) -> None:
    put(archive, b"one")
    with archive.manifest.open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(ArchiveError, match="line 2 is not what was written"):
        list(archive.vintages())
