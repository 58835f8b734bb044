"""An archive keeps the same promises in a folder and in a bucket, and a bucket's own faults lose nothing."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from etl import bucket as bucket_module
from etl import homes
from etl.archive import Archive, ArchiveError, Contents, UnreachableError, Vintage, file_sha256
from etl.borrowed import Borrowed
from etl.bucket import Bucket
from etl.logs import blotted
from etl.object_archive import ObjectArchive
from etl.settings import Folders
from tests import s3 as servers
from tests.s3 import Server

PLAIN, PACKED = b"area,killed\nVietnam,7\n", b"grant,usd\nHALO,1000000\n" * 500


@dataclass
class Home:
    """One home; each call of :meth:`machine` is another machine's view of it."""

    folder: Path
    server: Server | None = None
    address: str = ""
    machines: int = field(default=0)

    def machine(self, **options: int) -> Archive:
        self.machines += 1
        if self.server is None:
            return Archive(self.folder / "archive")
        return ObjectArchive(
            self.folder / f"machine{self.machines}" / "archive", Bucket(self.address), **options
        )

    def change(self, key: str, change: Callable[[bytes], bytes]) -> None:
        """Alter an object behind the archive's back."""
        if self.server is None:
            path = self.folder / "archive" / key
            path.write_bytes(change(path.read_bytes()))
        else:
            old = servers.read(self.server, self.address, key)
            servers.write(self.server, self.address, key, change(old))

    def lose(self, key: str) -> None:
        if self.server is None:
            (self.folder / "archive" / key).unlink()
        else:
            self.server.client().delete_object(**servers.split(self.address, key))

    def all_keys(self) -> list[str]:
        if self.server:
            return servers.keys(self.server, self.address)
        root = self.folder / "archive"
        return [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]


@pytest.fixture(params=["folder", "bucket"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    if request.param == "folder":
        return Home(tmp_path)
    server: Server = request.getfixturevalue("s3")
    return Home(tmp_path, server, server.address())


@pytest.fixture
def remote(s3: Server, tmp_path: Path) -> Home:
    return Home(tmp_path, s3, s3.address())


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_module, "RETRIES", 3)


def put(archive: Archive, content: bytes = PLAIN, file: str = "a.csv") -> Vintage:
    return archive.put("treaties", file, content, f"transcribed/{file}")


def take(archive: Archive, content: bytes = PACKED, file: str = "b.csv") -> Vintage:
    archive.root.mkdir(parents=True, exist_ok=True)
    path = archive.root / "came"
    path.write_bytes(content)
    return archive.take("hdx", file, path, "https://example.org/b.csv")


def in_order(archive: Archive) -> list[Vintage]:
    """Its vintages; a bucket orders those of one second by their hashes."""
    return sorted(archive.vintages(), key=lambda vintage: vintage.file)


def key(vintage: Vintage, packed: str = "") -> str:
    return f"sha256/{vintage.sha256[:2]}/{vintage.sha256}{packed}"


# ---- both homes


def test_what_one_machine_keeps_another_reads_as_it_was_under_the_same_names(home: Home) -> None:
    one = home.machine()
    plain, packed = put(one), take(one)
    assert plain.sha256 == hashlib.sha256(PLAIN).hexdigest()
    assert {key(plain), key(packed, ".zst")} <= set(home.all_keys())
    other = home.machine()
    assert in_order(other) == [plain, packed]
    assert [one.packed_sha256 for one in in_order(other)] == [None, packed.packed_sha256]
    assert (other.get(plain.sha256), other.get(packed.sha256)) == (PLAIN, PACKED)
    assert other.names() == {plain.sha256, packed.sha256}
    assert other.has(plain.sha256)
    assert not other.has("0" * 64)
    files = Contents(other, [plain, packed])
    with files.open("b.csv") as stream:
        assert stream.read() == PACKED
    with files.plain("b.csv") as path:
        assert path.read_bytes() == PACKED
    with files.scannable("b.csv") as (path, form):
        assert (form, file_sha256(path)) == ("zstd", packed.packed_sha256)
    assert files.last_byte("a.csv") == b"\n"
    assert other.vouched() == {packed.sha256: {packed.packed_sha256}}
    lines = other.listing().splitlines()
    assert {line.partition(b'"file": ')[2][:7] for line in lines} == {b'"a.csv"', b'"b.csv"'}


def test_the_same_bytes_are_neither_put_nor_listed_twice(home: Home) -> None:
    one = home.machine()
    first, packed = put(one), take(one)
    before = sorted(home.all_keys())
    other = home.machine()
    assert (put(other), take(other)) == (first, packed)
    assert sorted(home.all_keys()) == before


@pytest.mark.parametrize("packed", [False, True])
def test_an_altered_object_is_noticed_and_mended_by_whoever_has_the_bytes(
    home: Home, *, packed: bool
) -> None:
    vintage = take(home.machine()) if packed else put(home.machine())
    home.change(key(vintage, ".zst" if packed else ""), lambda old: old[:-4] + b"\0\0\0\1")
    said = r"(no longer has its SHA-256|cannot be unpacked.*); restore"
    for look in (Archive.get, Archive.prove, Archive.examine):
        with pytest.raises(ArchiveError, match=said):
            look(home.machine(), vintage.sha256)
    if not packed:
        return
    assert take(home.machine()).sha256 == vintage.sha256
    assert home.machine().examine(vintage.sha256).packed_sha256 == vintage.packed_sha256
    assert home.machine().get(vintage.sha256) == PACKED


def test_an_object_that_is_cut_short_is_put_again(home: Home) -> None:
    vintage = put(home.machine())
    home.change(key(vintage), lambda old: old[:5])
    put(home.machine())
    assert home.machine().get(vintage.sha256) == PLAIN


def test_bytes_behind_a_packed_object_are_noticed(home: Home) -> None:
    vintage = take(home.machine())
    home.change(key(vintage, ".zst"), lambda old: old + b"more")
    try:
        found = home.machine().examine(vintage.sha256).packed_sha256
    except ArchiveError as error:
        assert "cannot be unpacked" in str(error)  # noqa: PT017 - either will do
    else:
        assert found != vintage.packed_sha256


def test_a_missing_object_is_named(home: Home) -> None:
    vintage = take(home.machine())
    home.lose(key(vintage, ".zst"))
    for look in (Archive.get, Archive.examine):
        with pytest.raises(ArchiveError, match=rf"{vintage.sha256} is missing; restore the arch"):
            look(home.machine(), vintage.sha256)


def test_an_object_in_both_forms_is_told(home: Home) -> None:
    archive = home.machine()
    vintage = put(archive, PACKED)
    came = archive.root / "packed"
    assert archive.examine(vintage.sha256).is_twice is False
    came.write_bytes(b"whatever")
    archive.adopt(vintage.sha256, f"{vintage.sha256}.zst", came)
    assert home.machine().examine(vintage.sha256).is_twice is True


def test_another_process_is_lent_files_in_the_layout_of_a_folder(home: Home) -> None:
    vintages = [put(home.machine()), take(home.machine())]
    archive = home.machine()
    root = archive.lend(vintage.sha256 for vintage in vintages)
    child = Archive.told(root, archive.proven(), {})
    assert [child.get(vintage.sha256) for vintage in vintages] == [PLAIN, PACKED]
    archive.let_go()


# ---- a bucket's list


def test_two_machines_that_add_at_once_lose_nothing(remote: Home) -> None:
    def add(machine: int) -> list[Vintage]:
        archive = remote.machine()
        mine = [put(archive, b"%d %d" % (machine, each), f"{each}.csv") for each in range(6)]
        return [*mine, take(archive, PACKED, "shared.csv")]

    with ThreadPoolExecutor(4) as machines:
        added = [vintage for each in machines.map(add, range(4)) for vintage in each]
    listed = list(remote.machine().vintages())
    assert set(added) <= set(listed)
    assert {each.sha256 for each in listed} == {each.sha256 for each in added}
    assert [each.retrieved_at for each in listed] == sorted(each.retrieved_at for each in listed)
    archive = remote.machine()
    vouched = archive.vouched()
    for sha256 in archive.names():
        assert (archive.examine(sha256).packed_sha256 or sha256) in vouched.get(sha256, {sha256})


def test_a_record_that_was_altered_or_renamed_is_named(remote: Home) -> None:
    put(remote.machine())
    (record,) = [each for each in remote.all_keys() if each.startswith("vintages/")]
    remote.change(record, lambda old: old.replace(b"transcribed", b"transcriben"))
    with pytest.raises(ArchiveError, match=rf"{remote.address}/{record} no longer has its SHA-256"):
        list(remote.machine().vintages())
    remote.change(record, lambda old: old.replace(b"transcriben", b"transcribed"))
    assert remote.server
    content = servers.read(remote.server, remote.address, record)
    earlier = f"vintages/19990101T000000Z-{record.partition('Z-')[2]}"
    servers.write(remote.server, remote.address, earlier, content)
    with pytest.raises(ArchiveError, match=r"19990101T000000Z-.*no longer has its SHA-256"):
        list(remote.machine().vintages())
    remote.lose(earlier)
    servers.write(remote.server, remote.address, "vintages/notes.txt", b"hello")
    with pytest.raises(ArchiveError, match=r"vintages/notes.txt is no record of a vintage"):
        list(remote.machine().vintages())


def test_records_are_asked_for_once_and_what_is_remembered_is_believed_only_by_its_hash(
    remote: Home,
) -> None:
    first = put(remote.machine())
    archive = remote.machine()
    assert list(archive.vintages()) == [first]
    assert remote.server
    remote.server.asked.clear()
    assert list(ObjectArchive(archive.root, Bucket(remote.address)).vintages()) == [first]
    assert [each for each in remote.server.asked if "/vintages/" in each] == []
    memory = archive.root / "borrowed" / "vintages.jsonl"
    memory.write_bytes(memory.read_bytes().replace(b"treaties", b"treatiez") + b"{torn")
    assert list(ObjectArchive(archive.root, Bucket(remote.address)).vintages()) == [first]


def test_the_list_is_read_also_where_it_cannot_be_remembered(remote: Home) -> None:
    vintage = put(remote.machine())
    archive = remote.machine()
    archive.root.parent.mkdir()
    archive.root.write_text("a file where the folder should be")
    assert list(archive.vintages()) == [vintage]
    assert archive.examine(vintage.sha256).packed_sha256 is None


# ---- copies on this machine


def test_a_damaged_copy_is_fetched_again(remote: Home) -> None:
    vintage = take(remote.machine())
    archive = remote.machine()
    copy = archive.path(vintage.sha256)
    archive.let_go()
    copy.write_bytes(b"spoiled")
    again = ObjectArchive(archive.root, Bucket(remote.address))
    assert again.get(vintage.sha256) == PACKED
    assert file_sha256(copy) == vintage.packed_sha256


def test_copies_stay_below_their_limit_and_none_goes_that_is_read(
    remote: Home, tmp_path: Path
) -> None:
    writer = remote.machine()
    contents = [os.urandom(3000) for _ in range(4)]
    hashes = [put(writer, content, f"{n}.csv").sha256 for n, content in enumerate(contents)]
    archive = remote.machine(most_bytes=7000)
    with archive.open(hashes[0]) as stream:
        for sha256 in hashes[1:]:
            archive.path(sha256)
        other = Borrowed(archive.root / "borrowed", 0)
        other.make_room()  # another process that wants all the room
        assert stream.read() == contents[0]
        assert all(archive.path(sha256).is_file() for sha256 in hashes)
    archive.let_go()
    left = [path for path in (archive.root / "borrowed").rglob("*") if len(path.name) == 64]
    assert len(left) == 2
    other.make_room()
    assert [path for path in left if path.exists()] == []
    assert archive.get(hashes[0]) == contents[0]


def test_a_copy_that_cannot_be_written_is_said(remote: Home) -> None:
    vintage = put(remote.machine())
    archive = remote.machine()
    archive.root.parent.mkdir()
    archive.root.write_text("a file where the folder should be")
    with pytest.raises(ArchiveError, match=r"borrowed cannot be written to \(Not a directory\)"):
        archive.get(vintage.sha256)


# ---- a server's faults


@pytest.mark.parametrize("method", ["HEAD", "PUT", "GET"])
def test_a_server_that_fails_twice_and_then_works_is_no_matter(remote: Home, method: str) -> None:
    assert remote.server
    remote.server.fail(method, 500, 2)
    vintage = put(remote.machine())
    assert remote.machine().get(vintage.sha256) == PLAIN
    assert list(remote.machine().vintages()) == [vintage]
    assert all(fault.times == 0 for fault in remote.server.faults)


def test_a_record_whose_put_was_refused_for_anothers_sake_is_there_all_the_same(
    remote: Home,
) -> None:
    assert remote.server
    remote.server.fail("PUT .*/vintages/", 409, 1)
    vintage = put(remote.machine())
    assert list(remote.machine().vintages()) == [vintage]
    assert remote.server.faults[0].times == 0


def test_an_answer_that_breaks_off_is_gone_on_with(remote: Home) -> None:
    vintage = put(remote.machine(), os.urandom(300_000))
    assert remote.server
    remote.server.fail(r"GET .*/sha256/", 200, 1, cut=True)
    assert len(remote.machine().get(vintage.sha256)) == 300_000


def test_a_server_that_is_busy_for_ever_is_named_and_nothing_is_listed(remote: Home) -> None:
    archive = remote.machine()
    vintage = put(archive)
    assert remote.server
    remote.server.fail("PUT .*/sha256/", 503)
    with pytest.raises(UnreachableError, match=rf"{remote.address}/sha256/.*answers 503 SlowDown"):
        put(archive, b"another")
    with pytest.raises(UnreachableError, match=r"Nothing is lost; try again later"):
        take(archive)
    remote.server.faults.clear()
    assert list(remote.machine().vintages()) == [vintage]
    assert len(remote.all_keys()) == 2


def test_a_server_that_is_not_there_is_said(remote: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(UnreachableError, match=r"does not answer.*AWS_ENDPOINT_URL"):
        put(remote.machine())


def test_refused_credentials_are_said_and_none_is_shown(remote: Home) -> None:
    vintage = put(remote.machine())
    assert remote.server
    remote.server.fail("GET", 403)
    archive = remote.machine()
    with pytest.raises(
        UnreachableError, match=r"is refused \(403 Sig.*AWS_ACCESS_KEY_ID"
    ) as caught:
        archive.get(vintage.sha256)
    told = "".join(traceback.format_exception(caught.value))
    for secret in (servers.KEY, servers.SECRET):
        assert secret not in told
        assert blotted(f"it is {secret}") == "it is ***"


def test_a_bucket_that_is_not_there_is_no_missing_object(remote: Home) -> None:
    archive = ObjectArchive(remote.folder / "archive", Bucket("s3://no-such-bucket-here/archive"))
    for asks in (lambda: put(archive), lambda: list(archive.vintages())):
        with pytest.raises(UnreachableError, match=r"there is no such bucket; make it"):
            asks()


TAKES = """
import re, sys
from pathlib import Path
from etl.bucket import Bucket
from etl.object_archive import ObjectArchive
root, url, path = sys.argv[1:]
archive = ObjectArchive(Path(root), Bucket(url))
def most():  # kB; what getrusage says may be of the process before this one
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = most()
vintage = archive.take("hdx", "big.csv", Path(path), "a test")
archive.let_go()
for copy in Path(root).glob("borrowed/sha256/*/*"):
    copy.unlink()
again = ObjectArchive(Path(root), Bucket(url))
again.examine(vintage.sha256)
again.prove(vintage.sha256)
print(most() - before)
"""


def process(remote: Home, path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", TAKES, remote.folder / "theirs" / "archive", remote.address, path],
        stdout=subprocess.PIPE,
    )


def test_an_object_is_never_held_in_memory(remote: Home, tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(os.urandom(4 << 20) * 25)  # further apart than the packing looks back
    with process(remote, big) as child:
        grown, _ = child.communicate()
    assert child.returncode == 0
    assert int(grown) < 80_000, "kB, of 105 MB: four parts of 8 MB are under way at once"


def test_a_writer_that_is_killed_in_an_upload_leaves_no_object_and_no_vintage(
    remote: Home, tmp_path: Path
) -> None:
    big = tmp_path / "big"
    big.write_bytes(os.urandom(20 << 20))
    assert remote.server
    came: threading.Event = remote.server.hold(r"PUT .*/sha256/")
    with process(remote, big) as child:
        assert came.wait(30)
        child.send_signal(signal.SIGKILL)
    remote.server.faults.clear()
    assert remote.all_keys() == []
    mine = remote.machine()
    vintage = mine.take("hdx", "big.csv", big, "a test")
    assert remote.machine().examine(vintage.sha256).packed_sha256 == vintage.packed_sha256
    (left,) = (remote.folder / "theirs" / "archive" / "borrowed").iterdir()
    os.utime(left, (0, 0))
    Borrowed(left.parent).make_room()
    assert not left.exists()


# ---- which home


def at(folder: Path, home: str | None = None) -> Folders:
    return Folders(folder, archive_home=home)


@pytest.mark.parametrize(
    "said", ["s3://", "s3://b", "s3://key:secret@bucket/p", "gs://bucket/p", "s3://bucket/../p", "/mnt/a"]
)  # fmt: skip
def test_what_is_no_address_of_a_bucket_is_refused_without_being_repeated(
    tmp_path: Path, said: str
) -> None:
    with pytest.raises(ArchiveError, match=r"HMA_ARCHIVE takes s3://BUCKET") as caught:
        homes.home_of(at(tmp_path, said))
    assert "secret" not in str(caught.value)


def test_a_data_folder_remembers_the_home_of_its_archive_and_refuses_another(
    tmp_path: Path,
) -> None:
    assert homes.home_of(at(tmp_path)) is None
    folders = at(tmp_path, "s3://bucket/archive/")
    homes.settle(folders, homes.home_of(folders))
    assert homes.home_of(at(tmp_path)) == homes.home_of(folders) == "s3://bucket/archive"
    with pytest.raises(ArchiveError, match=r"names s3://other, .* is at s3://bucket/archive"):
        homes.home_of(at(tmp_path, "s3://other"))
    (tmp_path / "archive" / "HOME").write_text("somewhere")
    with pytest.raises(ArchiveError, match=r"HOME should name where the archive is"):
        homes.home_of(at(tmp_path))


def test_an_archive_in_the_data_folder_is_not_left_behind_by_a_setting(tmp_path: Path) -> None:
    put(Archive(tmp_path / "archive"))
    with pytest.raises(ArchiveError, match=r"holds an archive; .* hma migrate-archive s3://bucket"):
        homes.home_of(at(tmp_path, "s3://bucket"))


def test_without_the_extra_the_setting_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "etl.bucket", None)
    with pytest.raises(ArchiveError, match=r"make lake.*etl/deploy/lake.lock"):
        homes.archive_of(at(tmp_path, "s3://bucket"))
    assert type(homes.archive_of(at(tmp_path))) is Archive
