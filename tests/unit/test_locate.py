"""A locator finds its row again in archived bytes, whatever their form."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl import scan
from etl.archive import Archive, ArchiveError, Contents, Vintage
from etl.locate import file_of, find, line_of
from etl.pages import as_line
from etl.reading import Reading, SourceError
from etl.scan import Column, Form
from tests.helpers import SCRATCH

ARCHIVE = Archive(SCRATCH / "locate")


def kept(content: bytes, *, packed: bool = False) -> str:
    if not packed:
        return ARCHIVE.put("test", "a.csv", content, "").sha256
    copy = Path(SCRATCH / "copy")
    copy.write_bytes(content)
    return ARCHIVE.take("test", "a.csv", copy, "").sha256


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_comes_with_the_header_of_its_file(end: str, packed: bool) -> None:
    sha256 = kept(f"\ufeffa,b{end}1,2{end}3,4{end}".encode(), packed=packed)
    assert find(ARCHIVE, sha256, "a.csv line 3") == ("a,b", "3,4")
    assert find(ARCHIVE, sha256, "a.csv line 1") == ("a,b", "a,b")


CELLS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=12
).filter(lambda cell: cell.strip() != "")


@settings(deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6), st.data())
def test_a_row_is_found_even_where_cells_hold_line_breaks(
    rows: list[tuple[str, str]], data: st.DataObject
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([("x", "y"), *rows])
    at = data.draw(st.integers(0, len(rows) - 1))
    sha256 = kept(out.getvalue().encode(), packed=data.draw(st.booleans()))
    first, second = rows[at]
    assert find(ARCHIVE, sha256, f"a.csv row {at + 2}") == ("", f"x: {first}\ny: {second}")


def test_a_row_of_a_copy_that_is_not_utf_8_is_found_and_its_odd_letters_stand_in() -> None:
    sha256 = kept("x,y\n1,café\n2,b\n".encode("latin-1"), packed=True)
    assert find(ARCHIVE, sha256, "a.csv row 2") == ("", "x: 1\ny: caf\ufffd")
    assert find(ARCHIVE, sha256, "a.csv row 3") == ("", "x: 2\ny: b")


COLUMNS = (Column("kind", ("Kind",)), Column("name", ("Name",)))
TAKE_NAMED = "SELECT *, CASE WHEN kind <> 'x' THEN 'taken' END AS selection_rule FROM records"
ODD_CELLS = st.one_of(
    st.sampled_from(
        [
            b"",
            b"x",
            b'a"b',
            b' "b" ',
            b'"a""b"',
            b'"c\nd"',
            b'"\n\n"',
            b'"e\r\nf"',
            b"NULL",
            b"\x01",
        ]
    ),
    st.text('ab ,\n"|é', max_size=6).map(
        lambda text: b'"' + text.replace('"', '""').encode() + b'"'
    ),
)
UNREAD_CELLS = ODD_CELLS | st.sampled_from([b"caf\xe9", b'"\xff\n\xfe"', b"\x80"])


@settings(max_examples=40)
@given(
    st.lists(st.tuples(ODD_CELLS, ODD_CELLS, UNREAD_CELLS, st.integers(0, 2)), max_size=8),
    st.sampled_from([b"\n", b"\r\n"]),
    st.sampled_from([0, 0, 0, 1, 3]),
    st.sampled_from([",", "|"]),
    st.booleans(),
)
def test_each_row_that_a_scan_takes_is_found_again_with_the_same_cells(
    rows: list[tuple[bytes, bytes, bytes, int]],
    end: bytes,
    odd_end: int,
    separator: str,
    packed: bool,
) -> None:
    sign = separator.encode()
    content = b"\xef\xbb\xbf" + sign.join([b"Kind", b"Name", b"Note"]) + end
    for number, (*cells, empty_lines) in enumerate(rows, 1):
        content += sign.join(cells) + (b"\r" if number == odd_end else end) * (1 + empty_lines)
    sha256 = kept(content, packed=packed)
    files = Contents(ARCHIVE, [Vintage("test", "a.csv", sha256, len(content), "", "")])
    try:
        taken = scan.select(
            Reading(), files, "a.csv", COLUMNS, ["Note"], TAKE_NAMED, Form(separator)
        )
    except SourceError:  # what is no valid CSV is never taken
        return
    for row in taken.iter_rows(named=True):
        found = find(ARCHIVE, sha256, row["locator"])[1]
        kind, rest = found.removeprefix("Kind: ").split("\nName: ")
        name, _ = rest.split("\nNote: ")
        for cell, text in ((row["kind"], kind), (row["name"], name)):
            assert (cell or "") in {text.strip(), "" if text in {"NULL", "\x01"} else text.strip()}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_an_empty_line_has_no_number_and_shows_no_other_row(end: str, packed: bool) -> None:
    text = "Kind,Name,Note\na,1,\n\n\nb,2,\n\nc,3,\n".replace("\n", end)
    sha256 = kept(text.encode(), packed=packed)
    files = Contents(ARCHIVE, [Vintage("test", "a.csv", sha256, len(text), "", "")])
    taken = scan.select(Reading(), files, "a.csv", COLUMNS, ["Note"], TAKE_NAMED)
    for locator, kind, name in taken.select("locator", "kind", "name").iter_rows():
        assert find(ARCHIVE, sha256, locator) == ("", f"Kind: {kind}\nName: {name}\nNote: ")
    assert taken["name"].to_list() == ["1", "2", "3"]


def test_a_row_of_a_copy_that_no_scan_would_take_is_found_as_the_csv_module_tells_rows_apart() -> (
    None
):
    sha256 = kept("x,y\n1\n2,é,z\n3,c\n".encode("latin-1"))
    assert find(ARCHIVE, sha256, "a.csv row 4") == ("", "x: 3\ny: c")
    assert find(ARCHIVE, sha256, "a.csv row 3") == ("", "x: 2\ny: \ufffd\n: z")


def test_a_pointer_finds_a_value_within_the_page_on_a_line() -> None:
    page = json.dumps({"results": [{"a/b": 1}, {"a~b": ["x", "ü"]}]}, indent=2).encode()
    sha256 = kept(as_line(b'{"results": []}') + as_line(page))
    assert find(ARCHIVE, sha256, "a.csv line 2 /results/0") == ("", '{\n "a/b": 1\n}')
    assert find(ARCHIVE, sha256, "a.csv line 2 /results/0/a~1b") == ("", "1")
    assert find(ARCHIVE, sha256, "a.csv line 2 /results/1/a~0b/1") == ("", '"ü"')


@pytest.mark.parametrize(
    "locator",
    ["a.csv line 9", "a.csv row 9", "a.csv row 1", "a.csv line 2 /results/7", "a.csv line 1 /x"],
)
def test_what_is_not_there_is_said_with_the_locator(locator: str) -> None:
    sha256 = kept(b'a,b\n{"results":[]}\n')
    with pytest.raises(ArchiveError, match=f"hold no {locator}"):
        find(ARCHIVE, sha256, locator)


def test_a_locator_names_its_file() -> None:
    assert file_of(line_of("us_funding/dod_hma.csv", 3)) == "us_funding/dod_hma.csv"
    assert file_of("awards.jsonl line 2 /results/7") == "awards.jsonl"
    assert file_of("complete.csv row 41") == "complete.csv"
    with pytest.raises(ValueError, match="is no locator"):
        file_of("complete.csv")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_a_page_on_one_line_says_what_the_page_said(value: object) -> None:
    page = json.dumps({"results": value}, indent=3).encode()
    line = as_line(page)
    assert line.count(b"\n") == 1
    assert json.loads(line) == json.loads(page)
