"""A file that is packed while it comes is packed as it would be afterwards, or not at all."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from etl import magic
from etl.archive import Archive
from etl.fetch import Fetcher, FetchError, Limits, Outside
from etl.packing import CHUNK_BYTES, Along, pack
from etl.unpack import UnpackError, unpacking
from tests.replay import File, Replay, Route, Silent, Status, serving

ROOT = Path(__file__).resolve().parents[2]
ROWS = b"".join(b"Colombia,%d\n" % number for number in range(400_000))  # 6 MB
LIMITS = Limits(max_bytes=1 << 26, min_interval_seconds=0, attempts=3)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


@pytest.fixture
def replay() -> Iterator[Replay]:
    with serving() as served:
        yield served


@pytest.fixture
def fetcher(archive: Archive) -> Iterator[Fetcher]:
    outside = Outside(sleep=lambda _: None)
    incoming = archive.root / "incoming"
    with Fetcher(
        incoming, contact="tests@example.org", allow_loopback=True, limits=LIMITS, outside=outside
    ) as speaking:
        yield speaking


def unpacked(path: Path) -> bytes:
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as stream:
        return stream.read()


def left(archive: Archive) -> list[str]:
    """What lies in the archive's folder beside what belongs there."""
    return [path.name for path in archive.root.glob(".*")]


def grow(along: Along, path: Path, content: bytes, step: int) -> None:
    """Write a file as a download does, piece by piece."""
    path.touch()
    along.begin(path)
    with path.open("ab", buffering=0) as file:
        for start in range(0, len(content), step):
            file.write(content[start : start + step])
            along.grown(file.tell())
    along.grown(len(content))


@given(content=st.binary(max_size=300), step=st.integers(1, 120))
@settings(max_examples=30, deadline=None)
def test_what_is_packed_while_it_comes_is_what_is_packed_afterwards(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, step: int
) -> None:
    folder = tmp_path_factory.mktemp("packing")
    with Along(folder / "along") as along:
        grow(along, folder / "file", content, step)
        found = along.packed(folder / "file")
        if found is None:
            assert magic.archive_kind(content)
            return
        assert unpacked(found.path) == content
        with (folder / "file").open("rb") as plain:
            after = pack(plain, folder / "after")
        assert (found.sha256, found.size_bytes, found.last_byte, found.packed_sha256) == (
            after.sha256, after.size_bytes, after.last_byte, after.packed_sha256,
        )  # fmt: skip
        assert found.sha256 == hashlib.sha256(content).hexdigest()
        assert found.packed_sha256 == hashlib.sha256(found.path.read_bytes()).hexdigest()


def test_pieces_larger_than_what_is_read_at_once_are_packed_whole(tmp_path: Path) -> None:
    content = os.urandom(3 * CHUNK_BYTES + 7)
    with Along(tmp_path / "along") as along:
        grow(along, tmp_path / "file", content, 2 * CHUNK_BYTES + 1)
        found = along.packed(tmp_path / "file")
        assert found
        assert unpacked(found.path) == content


def test_a_file_that_somebody_wrote_to_since_is_not_what_was_packed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with Along(tmp_path / "along") as along:
        grow(along, path, b"a,b\n1,2\n", 8)
        os.utime(path, ns=(0, 0))  # the clock of a file system may stand still for a moment
        path.write_bytes(b"a,b\n1,3\n")
        assert along.packed(path) is None


def test_another_file_in_its_place_is_not_what_was_packed(tmp_path: Path) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    with Along(tmp_path / "along") as along:
        grow(along, path, b"a,b\n1,2\n", 8)
        other.write_bytes(b"a,b\n1,3\n")
        other.replace(path)
        assert along.packed(path) is None


def test_a_file_of_which_not_all_was_announced_is_not_packed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a,b\n1,2\n")
    with Along(tmp_path / "along") as along:
        along.begin(path)
        along.grown(4)
        assert along.packed(path) is None


def test_a_file_that_is_cut_while_it_is_read_along_is_not_packed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a,b\n")
    with Along(tmp_path / "along") as along:
        along.begin(path)
        along.grown(8)  # which the disk does not have
        assert along.packed(path) is None


def test_a_full_disk_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "file"
    monkeypatch.setattr("etl.packing.os.fsync", full)
    with Along(tmp_path / "along") as along:
        grow(along, path, ROWS, CHUNK_BYTES)
        with pytest.raises(OSError, match="No space left"):
            along.packed(path)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_nothing_is_left_and_no_thread_waits_where_nobody_takes_it(tmp_path: Path) -> None:
    before = threading.active_count()
    path = tmp_path / "file"
    path.write_bytes(ROWS)
    with Along(tmp_path / "along") as along:
        along.begin(path)
        along.grown(2 * CHUNK_BYTES)
        assert threading.active_count() > before
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert threading.active_count() == before


# ---- with a publisher


COMING: dict[str, list[Route]] = {
    "at once": [File(ROWS)],
    "cut in the middle, then the rest": [File(ROWS, cut=len(ROWS) // 2), File(ROWS)],
    "cut twice": [File(ROWS, cut=len(ROWS) // 3), File(ROWS, cut=len(ROWS) // 3), File(ROWS)],
    "cut, then the whole again": [File(ROWS, cut=99_999, has_ranges=False), File(ROWS)],
    "another version after the cut": [
        File(ROWS[::-1], etag='"old"', cut=len(ROWS) // 2),
        File(ROWS, etag='"new"'),
    ],
}


@pytest.mark.parametrize("routes", COMING.values(), ids=list(COMING))
def test_however_it_comes_the_object_is_whole_and_ready_when_the_last_byte_is_there(
    archive: Archive, fetcher: Fetcher, replay: Replay, routes: list[Route],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    url = replay.on("/rows.csv", *routes)
    with archive.along() as along:
        download = fetcher.download(url, hosts=[replay.host], along=along)
        assert download
        path = download.moved()
        monkeypatch.setattr("etl.archive.pack", None)  # it need not be packed again
        vintage = archive.take("a", "rows.csv", path, "there", along)
    assert vintage.sha256 == hashlib.sha256(ROWS).hexdigest()
    assert vintage.size_bytes == len(ROWS)
    assert archive.get(vintage.sha256) == ROWS
    held = archive.path(vintage.sha256).read_bytes()
    assert vintage.packed_sha256 == hashlib.sha256(held).hexdigest()
    with archive.scannable(vintage.sha256) as (place, packed):
        assert (place, packed) == (path, "none")
    archive.let_go()
    assert left(archive) == []


def test_what_an_earlier_run_left_is_gone_on_with_and_packed_from_its_beginning(
    archive: Archive, fetcher: Fetcher, replay: Replay
) -> None:
    url = replay.on(
        "/rows.csv", *[File(ROWS, cut=len(ROWS) // 4)] * 3, File(ROWS, lies={"X-Last": "yes"})
    )
    with archive.along() as along, pytest.raises(FetchError, match="ended too early"):
        fetcher.download(url, hosts=[replay.host], along=along)
    assert left(archive) == []
    with archive.along() as along:
        download = fetcher.download(url, hosts=[replay.host], along=along)
        assert download
        vintage = archive.take("a", "rows.csv", download.path, "there", along)
    assert replay.requests("/rows.csv")[-1].headers["range"].startswith("bytes=")
    assert archive.get(vintage.sha256) == ROWS


NEVER: dict[str, list[Route]] = {
    "always cut": [File(ROWS, cut=len(ROWS) // 2, has_ranges=False)],
    "too large": [File(b"x" * (LIMITS.max_bytes + 1))],
    "a page for people": [File(b"<!DOCTYPE html><title>Sign in</title>")],
    "nothing": [File(b"")],
    "an error after a part": [File(ROWS, cut=len(ROWS) // 2), Status(404)],
}


@pytest.mark.parametrize("routes", NEVER.values(), ids=list(NEVER))
def test_what_does_not_come_leaves_nothing_in_the_archive(
    archive: Archive, fetcher: Fetcher, replay: Replay, routes: list[Route]
) -> None:
    url = replay.on("/rows.csv", *routes)
    before = threading.active_count()
    with archive.along() as along, pytest.raises(FetchError):
        fetcher.download(url, hosts=[replay.host], along=along)
    assert left(archive) == []
    assert not (archive.root / "sha256").exists()
    assert threading.active_count() <= before + 1  # the server's, for this connection


def test_a_file_that_comes_packed_is_unpacked_first_and_not_packed_along(
    archive: Archive, fetcher: Fetcher, replay: Replay
) -> None:
    url = replay.on("/rows.csv.gz", File(gzip.compress(ROWS)))
    with archive.along() as along:
        download = fetcher.download(url, hosts=[replay.host], along=along)
        assert download
        assert along.packed(download.path) is None
        assert left(archive) == []


def test_what_is_unpacked_is_packed_along_and_a_bomb_leaves_nothing(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(ROWS))
    with archive.along() as along, unpacking(path, len(ROWS), along=along) as plain:
        monkeypatch.setattr("etl.archive.pack", None)  # it need not be packed again
        vintage = archive.take("a", "rows.csv", plain, "there", along)
    assert archive.get(vintage.sha256) == ROWS
    with (
        archive.along() as along,
        pytest.raises(UnpackError, match="unpacks to more than"),
        unpacking(path, len(ROWS) - 1, along=along),
    ):
        pass
    assert left(archive) == []
    assert {*tmp_path.iterdir()} == {archive.root, path}


def test_a_file_that_is_here_already_stays_as_it_is(
    archive: Archive, fetcher: Fetcher, replay: Replay, tmp_path: Path
) -> None:
    (tmp_path / "rows.csv").write_bytes(ROWS)
    first = archive.take("a", "rows.csv", tmp_path / "rows.csv", "by hand")
    inode = archive.path(first.sha256).stat().st_ino
    with archive.along() as along:
        download = fetcher.download(
            replay.on("/rows.csv", File(ROWS)), hosts=[replay.host], along=along
        )
        assert download
        assert archive.take("a", "rows.csv", download.path, "there", along) == first
    assert archive.path(first.sha256).stat().st_ino == inode
    assert len(list(archive.vintages())) == 1
    assert left(archive) == []


KILLED = """
import sys
from pathlib import Path
from etl import magic
from etl.archive import Archive
from etl.fetch import Fetcher, Limits
archive = Archive(Path(sys.argv[1]))
def progress(done, total):
    if any(path.stat().st_size for path in archive.root.glob(".*.part")):
        print("packing", flush=True)
speaking = Fetcher(archive.root / "incoming", contact="t", allow_loopback=True,
                   limits=Limits(max_bytes=1 << 30), progress=progress)
with archive.along() as along:
    speaking.download(sys.argv[2], hosts=["127.0.0.1"], along=along)
"""


def test_a_run_that_is_killed_while_it_packs_leaves_nothing_once_the_next_begins(
    archive: Archive, replay: Replay
) -> None:
    noise = os.urandom(8 * CHUNK_BYTES)  # so that something is written before the end
    url = replay.on("/rows.csv", Silent(noise, size=len(noise) + 4 * CHUNK_BYTES))
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(archive.root), url], stdout=subprocess.PIPE, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as killed:  # fmt: skip
        assert killed.stdout
        assert killed.stdout.readline() == b"packing\n"
        killed.send_signal(signal.SIGKILL)
    assert left(archive) != []
    assert not archive.manifest.exists()
    assert not (archive.root / "sha256").exists()
    archive.sweep()
    assert left(archive) == []
