"""The archive keeps every vintage under the hash of its bytes, and notices when they change."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.archive import Archive, ArchiveError


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
