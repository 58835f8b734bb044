"""A packed file gives its bytes, and whatever an archive can do to us is refused by name."""

from __future__ import annotations

import bz2
import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from etl import magic
from etl.unpack import HARMLESS_BYTES, UnpackError, unpacked
from tests.replay import gzipped, zipped

LARGE = 1 << 30
TABLE = b"country,amount\nColombia,12\n" * 200


def lay(folder: Path, content: bytes) -> Path:
    path = folder / "fetched"
    path.write_bytes(content)
    return path


def unpack(folder: Path, content: bytes, max_bytes: int = LARGE, max_ratio: float = 200) -> bytes:
    out = unpacked(lay(folder, content), folder, max_bytes=max_bytes, max_ratio=max_ratio)
    return out.read_bytes()


def in_zip(content: bytes) -> bytes:
    return zipped({"data.csv": content})


@given(st.binary(max_size=5000), st.sampled_from([gzipped, in_zip]))
@example(b"", gzipped)
@example(b"\0" * 5000, in_zip)
@settings(max_examples=100, deadline=None)
def test_any_bytes_come_out_as_they_went_in(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, pack: Callable[[bytes], bytes]
) -> None:
    assume(magic.archive_kind(content) is None)
    assert unpack(tmp_path_factory.mktemp("unpack"), pack(content)) == content


@given(st.binary(max_size=5000))
@settings(max_examples=50, deadline=None)
def test_a_plain_file_is_handed_on_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    assume(magic.archive_kind(content) is None)
    folder = tmp_path_factory.mktemp("plain")
    path = lay(folder, content)
    assert unpacked(path, folder, max_bytes=1) == path
    assert list(folder.iterdir()) == [path]


@given(st.data(), st.sampled_from([gzipped, in_zip]))
@settings(max_examples=60, deadline=None)
def test_an_archive_that_is_cut_anywhere_is_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, pack: Callable[[bytes], bytes]
) -> None:
    whole = pack(TABLE)
    cut = data.draw(st.integers(min_value=6, max_value=len(whole) - 1))
    folder = tmp_path_factory.mktemp("cut")
    with pytest.raises(UnpackError) as refused:
        unpack(folder, whole[:cut])
    assert refused.value.rule in {"cut archive", "damaged archive"}
    assert [path.name for path in folder.iterdir()] == ["fetched"], "nothing half is left"


def test_gzip_parts_one_after_the_other_are_one_file(tmp_path: Path) -> None:
    assert unpack(tmp_path, gzipped(b"one,") + gzipped(b"two\n")) == b"one,two\n"


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/b/c.csv", "C:\\x.csv"])
def test_the_name_inside_is_never_used(tmp_path: Path, name: str) -> None:
    into = tmp_path / "into"
    into.mkdir()
    path = lay(tmp_path, zipped({name: TABLE}))
    out = unpacked(path, into, max_bytes=LARGE)
    assert (out.parent, out.name, out.read_bytes()) == (into, "fetched.unpacked", TABLE)
    assert sorted(file.name for file in tmp_path.rglob("*")) == [
        "fetched",
        "fetched.unpacked",
        "into",
    ]


def with_folder() -> bytes:
    return zipped({"folder/": b"", "folder/data.csv": TABLE})


def test_a_folder_in_a_zip_is_no_second_file(tmp_path: Path) -> None:
    assert unpack(tmp_path, with_folder()) == TABLE


def encrypted() -> bytes:
    """A zip whose header says that its member is encrypted, in both places where it is said."""
    whole = bytearray(zipped({"data.csv": TABLE}))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        whole[whole.index(signature) + flags] |= 1
    return bytes(whole)


def tarred() -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        member = tarfile.TarInfo("data.csv")
        member.size = len(TABLE)
        archive.addfile(member, io.BytesIO(TABLE))
    return whole.getvalue()


def altered(whole: bytes) -> bytes:
    """Stored plainly, so that only the checksum can tell."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("data.csv", whole)
    return packed.getvalue().replace(b"Colombia,12", b"Colombia,13", 1)


REFUSED = {
    "two files": (zipped({"a.csv": TABLE, "b.csv": TABLE}), "several members", "holds 2 files"),
    "no file": (zipped({}), "no member", "a zip without a file"),
    "encrypted": (encrypted(), "encrypted", "is encrypted"),
    "a bomb in gzip": (gzipped(b"\0" * (HARMLESS_BYTES + 1)), "bomb", "more than 200 times"),
    "a bomb in zip": (in_zip(b"\0" * (HARMLESS_BYTES + 1)), "bomb", "more than 200 times"),
    "gzip in gzip": (gzipped(gzipped(TABLE)), "nested archive", "gzip with gzip inside"),
    "zip in zip": (in_zip(in_zip(TABLE)), "nested archive", "zip with zip inside"),
    "tar in gzip": (gzipped(tarred()), "nested archive", "gzip with tar inside"),
    "tar": (tarred(), "unknown packing", "is tar"),
    "bzip2": (bz2.compress(TABLE), "unknown packing", "is bzip2"),
    "an altered byte in zip": (altered(TABLE), "damaged archive", "Bad CRC-32"),
    "an altered sum in gzip": (
        gzipped(TABLE)[:-8] + b"\0" * 4 + gzipped(TABLE)[-4:], "damaged archive", "CRC",
    ),
    "something behind gzip": (gzipped(TABLE) + b"and more", "damaged archive", "Not a gzipped"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "rule", "says"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_single_sound_file_is_refused_by_name(
    tmp_path: Path, content: bytes, rule: str, says: str
) -> None:
    with pytest.raises(UnpackError, match=says) as refused:
        unpack(tmp_path, content)
    assert refused.value.rule == rule
    assert [path.name for path in tmp_path.iterdir()] == ["fetched"]


@pytest.mark.parametrize("pack", [gzipped, in_zip])
def test_no_more_comes_out_than_is_allowed(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    assert unpack(tmp_path, pack(TABLE), max_bytes=len(TABLE)) == TABLE
    with pytest.raises(UnpackError, match="unpacks to more than") as refused:
        unpack(tmp_path, pack(TABLE), max_bytes=len(TABLE) - 1)
    assert refused.value.rule == "archive too large"


def test_a_zip_that_understates_its_size_gives_no_more_for_it(tmp_path: Path) -> None:
    whole = bytearray(in_zip(TABLE))
    entry = whole.index(b"PK\x01\x02")
    whole[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
    with pytest.raises(UnpackError, match="cannot be read") as refused:
        unpack(tmp_path, bytes(whole))
    assert refused.value.rule == "damaged archive"


def test_the_ratio_counts_from_a_size_that_could_do_harm(tmp_path: Path) -> None:
    content = b"\0" * HARMLESS_BYTES
    assert unpack(tmp_path, gzip.compress(content), max_ratio=2) == content
