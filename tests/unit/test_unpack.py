"""A packed file gives its bytes, and whatever an archive can do to us is refused by name."""

from __future__ import annotations

import bz2
import errno
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
from etl.unpack import HARMLESS_BYTES, UnpackError, unpacked, unpacking
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
@settings(max_examples=100)
def test_any_bytes_come_out_as_they_went_in(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, pack: Callable[[bytes], bytes]
) -> None:
    assume(magic.archive_kind(content) is None)
    assert unpack(tmp_path_factory.mktemp("unpack"), pack(content)) == content


@given(st.binary(max_size=5000))
@settings(max_examples=50)
def test_a_plain_file_is_handed_on_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    assume(magic.archive_kind(content) is None)
    folder = tmp_path_factory.mktemp("plain")
    path = lay(folder, content)
    assert unpacked(path, folder, max_bytes=len(content)) == path
    if content:
        with pytest.raises(UnpackError, match=rf"^data\.csv has {len(content):,} bytes") as refused:
            unpacked(path, folder, max_bytes=len(content) - 1, name="data.csv")
        assert refused.value.rule == "too large"
    assert list(folder.iterdir()) == [path]


@given(st.data(), st.sampled_from([gzipped, in_zip]))
@settings(max_examples=60)
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


def zipped_by(method: int, content: bytes = TABLE) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr("data.csv", content)
    return packed.getvalue()


def changed(whole: bytes, signature: bytes, at: int, to: bytes) -> bytes:
    """With other bytes ``at`` so far behind a signature, as damage or malice leaves them."""
    start = whole.index(signature) + at
    return whole[:start] + to + whole[start + len(to) :]


ODD = zipped({"data\x1b[2J.csv": TABLE})
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
    "a zip packed by bzip2": (zipped_by(zipfile.ZIP_BZIP2), "unknown packing", r"\(method 12\)"),
    "a zip packed by LZMA": (zipped_by(zipfile.ZIP_LZMA), "unknown packing", r"\(method 14\)"),
    "damage in bzip2 in zip": (
        changed(zipped_by(zipfile.ZIP_BZIP2), b"BZh", 0, b"\0" * 20), "unknown packing", "method 12",
    ),
    "a directory before the file": (
        changed(in_zip(TABLE), b"PK\x05\x06", 16, b"\xff\xff\xff\x7f"), "damaged archive", "cannot be read",
    ),
    "a file behind the end": (
        changed(in_zip(TABLE), b"PK\x01\x02", 42, b"\xf0\xff\xff\x7f"), "damaged archive", "cannot be read",
    ),
    "a name that is no UTF-8": (
        changed(changed(in_zip(TABLE), b"PK\x01\x02", 8, b"\0\x08"), b"PK\x01\x02", 46, b"\xff"),
        "damaged archive", "cannot be read",
    ),
    "a name that commands the terminal": (
        changed(ODD, b"PK\x03\x04", 30, b"x"), "damaged archive", r"data\\x1b\[2J",
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
    assert str(refused.value).isprintable()
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


@given(st.data(), st.sampled_from([gzipped(TABLE), in_zip(TABLE), zipped_by(zipfile.ZIP_STORED)]))
@settings(max_examples=300)
def test_damage_anywhere_is_refused_by_name_or_does_none(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, whole: bytes
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    start = data.draw(st.integers(min_value=4, max_value=len(whole) - 1))
    harm = data.draw(st.one_of(st.binary(min_size=1, max_size=9), st.just(b"\xff" * 8)))
    try:
        unpack(folder, whole[:start] + harm + whole[start + len(harm) :])
    except UnpackError:
        assert [path.name for path in folder.iterdir()] == ["fetched"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_fault_of_the_disk_is_not_called_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(*_: object) -> bytes:
        raise OSError(number, "no")

    monkeypatch.setattr(gzip.GzipFile, "read", fail)
    with pytest.raises(OSError, match="no") as failed:
        unpack(tmp_path, gzipped(TABLE))
    assert failed.value.errno == number


def test_messages_call_the_file_as_the_caller_does(tmp_path: Path) -> None:
    path = lay(tmp_path, REFUSED["two files"][0])
    with (
        pytest.raises(UnpackError, match=r"^Amounts\.zip holds 2 files"),
        unpacking(path, LARGE, name="Amounts.zip"),
    ):
        pass


PAGES = {
    "a comment first": b"<!-- saved --><html>",
    "two comments and blanks": b"\n<!-- a --> <!-- b -->\r\n<!DOCTYPE html>",
    "a comment of many lines": b"<!--\n <data>\n-->\n<HEAD>",
    "UTF-16 of a small end": b"\xff\xfe" + "<html>é".encode("utf-16-le"),
    "UTF-16 of a big end": b"\xfe\xff" + "\n<!DOCTYPE html>".encode("utf-16-be"),
    "UTF-16 cut in a sign": b"\xff\xfe" + "<html>".encode("utf-16-le") + b"x",
    "XHTML": b'<?xml version="1.0"?>\n<!-- a --><!DOCTYPE html PUBLIC "x">',
    "XHTML without a type": b'<?xml version="1.0"?><html xmlns="x">',
}
DATA = {
    "XML": b'<?xml version="1.0"?><!-- <html> --><iati-activities>',
    "XML with a type": b'<?xml version="1.0"?><!DOCTYPE iati>',
    "an error of a store, which is for who wants no XML": b'<?xml version="1.0"?><Error><Code>AccessDenied',
    "a comment without end": b"<!-- <html>",
    "a table of UTF-16": b"\xff\xfe" + "a,b\n<html>".encode("utf-16-le"),
    "a table that quotes markup": b"text\n<html>",
    "many comments": b"<!-- a -->" * 400,
}


@pytest.mark.parametrize("content", PAGES.values(), ids=PAGES)
def test_a_page_is_known_behind_what_may_stand_before_it(content: bytes) -> None:
    assert magic.is_page(content)


@pytest.mark.parametrize("content", DATA.values(), ids=DATA)
def test_what_only_looks_like_a_page_is_none(content: bytes) -> None:
    assert not magic.is_page(content)


@given(st.text(), st.integers(min_value=10, max_value=50))
@example("\x1b[2J\r\n\u202e", 50)
@example("\ud800", 50)
@example("a" * 100 + "end", 20)
def test_a_strangers_words_are_shown_short_and_harmless(text: str, most: int) -> None:
    seen = magic.legible(text, most)
    assert seen.isprintable()
    assert len(seen) <= most
    if text.isprintable():
        assert seen == text if len(text) <= most else (seen[0], seen[-1]) == (text[0], text[-1])
