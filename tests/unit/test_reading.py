"""Strict reading: every row of a transcribed file becomes a row, a named reject or an error."""

from __future__ import annotations

import csv
import io

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.reading import (
    DATE,
    MONEY,
    REAL,
    WHOLE,
    Finding,
    Reading,
    Shape,
    SourceError,
    decode,
    mapped,
    read_csv,
    shaped,
)

FILE = "us_funding/some.csv"


def read(content: bytes | str, *columns: str) -> tuple[Reading, pl.DataFrame]:
    reading = Reading()
    raw = content.encode() if isinstance(content, str) else content
    return reading, read_csv(reading, FILE, raw, columns or ("a", "b"))


def test_a_file_in_latin_1_is_refused_with_its_line_and_byte() -> None:
    with pytest.raises(
        SourceError, match=r"some.csv line 3 is not UTF-8 \(byte 9, 0xf4\); save the"
    ):
        decode(FILE, "a,b\n1,2\nC\xf4te,4\n".encode("latin-1"))


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_an_empty_file_is_refused_even_if_it_holds_a_byte_order_mark(content: bytes) -> None:
    with pytest.raises(SourceError, match=r"some\.csv is empty; restore it"):
        read(content)


def test_a_nul_character_is_refused_with_its_line() -> None:
    with pytest.raises(SourceError, match="line 2 holds a NUL character; remove it"):
        read("a,b\n1,\x00\n")


def test_a_byte_order_mark_is_no_part_of_the_first_column() -> None:
    _, frame = read("\ufeffa,b\n1,2\n")
    assert frame["a"].to_list() == ["1"]


def test_a_missing_column_is_named_beside_those_that_are_there() -> None:
    with pytest.raises(
        SourceError, match=r"some.csv line 1 lacks the column b; it has a, c\. Restore"
    ):
        read("a,c\n1,2\n")


def test_a_repeated_column_is_refused() -> None:
    with pytest.raises(SourceError, match=r"some\.csv line 1 repeats the column b; keep one"):
        read("a,b,b\n1,2,3\n")


def test_an_unknown_column_is_an_issue_and_its_rows_are_kept() -> None:
    reading, frame = read("a,b,extra\n1,2,3\n")
    assert frame.select("a", "b").rows() == [("1", "2")]
    assert [(issue.locator, issue.column, issue.rule) for issue in reading.issues] == [
        (f"{FILE} line 1", "extra", "unknown column")
    ]


@pytest.mark.parametrize(("row", "count"), [("1", 1), ("1,2,3", 3)])
def test_a_row_with_too_few_or_too_many_cells_is_a_reject_and_the_others_stay(
    row: str, count: int
) -> None:
    reading, frame = read(f"a,b\n{row}\n4,5\n")
    assert frame["a"].to_list() == ["4"]
    (reject,) = reading.rejects
    assert reject.locator == f"{FILE} line 2"
    assert reject.rule == "wrong number of cells"
    assert reject.fix.startswith(f"{count} cells where the header has 2")
    assert reading.rows_read == {FILE: 2}


def test_line_numbers_are_those_of_the_file_when_a_cell_holds_line_breaks() -> None:
    _, frame = read('a,b\n"one\ntwo",2\n\n3,4\r\n5,6\n')
    assert frame.select("a", "locator").rows() == [
        ("one\ntwo", f"{FILE} line 2"),
        ("3", f"{FILE} line 5"),
        ("5", f"{FILE} line 6"),
    ]


def test_an_unfinished_quotation_is_refused() -> None:
    with pytest.raises(SourceError, match=r"line 3 is not valid CSV .*check its quotation marks"):
        read('a,b\n1,2\n3,"four\n')


def test_cells_are_stripped_and_empty_ones_are_null_not_zero() -> None:
    _, frame = read("a,b\n  1 , \n")
    assert frame.select("a", "b").rows() == [("1", None)]


def test_the_place_in_the_publication_is_kept_apart_from_the_line_in_the_file() -> None:
    _, frame = read("a,locator\n1,page 7\n", "a", "locator")
    assert frame.select("place", "locator").rows() == [("page 7", f"{FILE} line 2")]


def test_rows_left_to_another_source_are_not_counted_as_taken() -> None:
    reading, _ = read("a,b\n1,2\n3,4\n5,6\n")
    reading.leave(FILE, 1)
    reading.leave(FILE, 1)
    assert reading.rows_taken() == 1


@pytest.mark.parametrize(
    ("shape", "good", "bad"),
    [
        (WHOLE, ["0", "-3", "12548000"], ["1.0", "1,000", "12O", "٣", "", "9" * 19]),
        (REAL, ["1", "0.5", "-2.25"], ["1.", ".5", "1e3", "NaN", "1,5"]),
        (MONEY, ["12548000", "0.10", "36473892.78"], ["$5", "5.123", "12 548", "\u200f5", "5-"]),
        (DATE, ["1997", "2026-02", "2025-12-02"], ["2025-13", "12/2/2025", "2025-12-32", "2025-1"]),
    ],
)
def test_a_cell_that_lacks_its_shape_is_a_reject_that_names_column_value_and_fix(
    shape: Shape, good: list[str], bad: list[str]
) -> None:
    cells = [*good, None, *bad]
    frame = pl.DataFrame({"locator": [f"line {i}" for i in range(len(cells))], "x": cells})
    reading = Reading()
    assert shaped(reading, frame, {"x": shape})["x"].to_list() == [*good, None]
    assert reading.rejects == [
        Finding(f"line {len(good) + 1 + i}", "x", shape.rule, cell, shape.fix)
        for i, cell in enumerate(bad)
    ]


@given(st.text())
def test_whatever_passes_as_money_can_be_cast(text: str) -> None:
    frame = pl.DataFrame({"locator": ["f line 2"], "x": [text]})
    kept = shaped(Reading(), frame, {"x": MONEY})
    assert kept.select(pl.col("x").cast(pl.Decimal(18, 2))).height == kept.height


def test_a_value_outside_its_table_is_a_reject_and_never_defaulted() -> None:
    frame = pl.DataFrame(
        {"locator": ["f line 2", "f line 3", "f line 4"], "x": ["in", "out", None]}
    )
    reading = Reading()
    kept = mapped(reading, frame, "x", {"in": "inside"}, "y")
    assert kept.select("x", "y").rows() == [("in", "inside")]
    assert [(r.locator, r.column, r.rule, r.raw_value) for r in reading.rejects] == [
        ("f line 3", "x", "unknown category", "out"),
        ("f line 4", "x", "unknown category", None),
    ]


def test_an_empty_cell_passes_where_the_table_has_an_entry_for_it() -> None:
    frame = pl.DataFrame({"locator": ["f line 2"], "x": [None]}, schema_overrides={"x": pl.String})
    assert mapped(Reading(), frame, "x", {None: "nothing said"}, "y")["y"].to_list() == [
        "nothing said"
    ]


def test_a_finding_reads_as_a_sentence_with_place_value_and_fix() -> None:
    finding = Finding("f.csv line 2", "amount_usd", "not an amount of money", "5x", "write digits")
    assert (
        str(finding)
        == "f.csv line 2, column amount_usd: not an amount of money: '5x'; write digits"
    )


CELL = st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=12)


@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width))
    )
)
def test_any_table_of_text_comes_back_cell_for_cell_with_its_line_numbers(
    rows: list[list[str]],
) -> None:
    width = len(rows[0]) if rows else 1
    header = [f"column {index}" for index in range(width)]
    lines_before = []
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        written = out.getvalue()
        lines_before.append(len(list(io.StringIO(written, newline=""))))
        writer.writerow(row)
    reading, frame = read(out.getvalue(), *header)
    assert frame.select(header).rows() == [
        tuple(cell.strip() or None for cell in row) for row in rows
    ]
    assert frame["locator"].to_list() == [f"{FILE} line {before + 1}" for before in lines_before]
    assert not reading.rejects
    assert sum(reading.rows_read.values()) == len(rows)
