"""A locator finds its row again in archived bytes, whatever their form."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.archive import Archive, ArchiveError
from etl.locate import file_of, find, line_of
from etl.pages import as_line
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


def test_a_pointer_finds_a_value_within_the_page_on_a_line() -> None:
    page = json.dumps({"results": [{"a/b": 1}, {"a~b": ["x", "ü"]}]}, indent=2).encode()
    sha256 = kept(as_line(b'{"results": []}') + as_line(page))
    assert find(ARCHIVE, sha256, "a.csv line 2 /results/0") == ("", '{\n "a/b": 1\n}')
    assert find(ARCHIVE, sha256, "a.csv line 2 /results/0/a~1b") == ("", "1")
    assert find(ARCHIVE, sha256, "a.csv line 2 /results/1/a~0b/1") == ("", '"ü"')


@pytest.mark.parametrize(
    "locator", ["a.csv line 9", "a.csv row 9", "a.csv line 2 /results/7", "a.csv line 1 /x"]
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
