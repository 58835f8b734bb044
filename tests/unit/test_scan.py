"""Few rows out of a large CSV: each with its place, none lost, and what is broken is named."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import Phase, assume, given, reject, settings
from hypothesis import strategies as st

from etl import scan
from etl.archive import Archive, Contents
from etl.locate import find
from etl.reading import Reading, SourceError
from etl.scan import Column, Form, header, select
from tests.helpers import contents

FILE = "large.csv"
COLUMNS = (
    Column("name", ("Name", "Nmae")),
    Column("kind", ("Kind",)),
    Column("more", ("More",), required=False),
)
TAKE_MINES = "SELECT *, CASE WHEN kind = 'mine' THEN 'is a mine' END AS selection_rule FROM records"


def packed(folder: Path, content: bytes) -> Contents:
    (folder / "given").write_bytes(content)
    archive = Archive(folder / "archive")
    return Contents(archive, [archive.take("test", FILE, folder / "given", "")])


def scanned(files: Contents) -> tuple[Reading, pl.DataFrame]:
    reading = Reading()
    return reading, select(reading, files, FILE, COLUMNS, ("Note",), TAKE_MINES)


def both_ways(folder: Path, content: bytes) -> list[Contents]:
    return [contents({FILE: content}), packed(folder, content)]


GOOD = b'Kind,Name,Note\nmine,first,\nother,second,x\nmine,"a, ""b""\nc",\nmine,NULL,"NULL"\n'


def test_the_selected_rows_come_with_their_number_and_the_others_are_counted(
    tmp_path: Path,
) -> None:
    for files in both_ways(tmp_path, GOOD):
        reading, rows = scanned(files)
        assert rows.columns == ["row", "name", "kind", "more", "selection_rule", "file", "locator"]
        assert rows["row"].to_list() == [2, 4, 5]
        assert rows["name"].to_list() == ["first", 'a, "b"\nc', None]
        assert rows["locator"].to_list() == [f"{FILE} row {row}" for row in (2, 4, 5)]
        assert rows["more"].to_list() == [None] * 3
        assert set(rows["selection_rule"]) == {"is a mine"}
        assert (reading.rows_read, reading.deselected) == ({FILE: 4}, {FILE: 1})
        assert (reading.rejects, reading.issues, reading.doubts) == ([], [], [])


CELLS = st.text(alphabet='abcdefgh ,"\n', max_size=40)


def csv_of(rows: list[tuple[str, str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [("Kind", "Name", "Note"), *((kind, name, "") for kind, name in rows)]
    )
    return text.getvalue().encode()


def small_pieces(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("etl.records.LONGEST_LINE", 4_000)
    patch.setattr("etl.records.BUFFERS", (9_000, 7_000))
    patch.setattr("etl.records.THREADS", 4)


# no shrinking: each example may fill many pieces, and the one that is found tells enough
@settings(max_examples=40, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    rows=st.lists(st.tuples(st.sampled_from(["mine", "other", "other"]), CELLS), max_size=60),
    times=st.integers(1, 40),
)
def test_several_threads_number_the_records_as_python_does_or_refuse_the_file(
    rows: list[tuple[str, str]], times: int
) -> None:
    """The borders of small pieces fall into cells, many of them with line breaks and quotation marks."""
    rows = rows * times
    with pytest.MonkeyPatch.context() as patch:
        small_pieces(patch)
        try:
            reading, found = scanned(contents({FILE: csv_of(rows)}))
        except SourceError as error:
            assume(error.rule in {"line too long", "wrong number of cells", "not valid CSV"})
            reject()
    taken = [(number, name) for number, (kind, name) in enumerate(rows, 2) if kind == "mine"]
    assert reading.rows_read == {FILE: len(rows)}
    assert found["row"].to_list() == [number for number, _ in taken]
    # an empty cell, or one of blanks or that says NULL, is null
    assert [name or "" for name in found["name"]] == [name.strip() for _, name in taken]


def test_a_file_of_many_pieces_is_read_whole_where_few_cells_hold_line_breaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small_pieces(monkeypatch)
    rows = [
        ("mine" if n % 7 == 0 else "other", f'a "word"\nin {n}' if n % 50 == 0 else f"number {n}")
        for n in range(20_000)
    ]
    reading, found = scanned(contents({FILE: csv_of(rows)}))
    assert reading.rows_read == {FILE: 20_000}
    assert found["row"].to_list() == list(range(2, 20_002, 7))


def test_what_several_threads_stumble_over_one_reads_in_other_pieces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[tuple[int, bool]] = []
    whole = scan._taken

    def taken(
        path: Path, query: str, values: dict[str, str], threads: int
    ) -> tuple[int, pl.DataFrame]:
        tried.append((threads, "buffer_size = 22000000" in query))
        if len(tried) == 1:
            raise duckdb.NotImplementedException("The Parallel CSV Reader")
        return whole(path, query, values, threads)

    monkeypatch.setattr("etl.records.THREADS", 4)
    monkeypatch.setattr("etl.scan._taken", taken)
    _, found = scanned(contents({FILE: GOOD}))
    assert found["row"].to_list() == [2, 4, 5]
    assert tried == [(4, False), (1, True)]


def test_a_row_is_found_again_by_its_locator_also_below_a_line_break_in_a_cell(
    tmp_path: Path,
) -> None:
    (tmp_path / "given").write_bytes(GOOD + b"mine,last,\n")
    archive = Archive(tmp_path / "archive")
    vintage = archive.take("test", FILE, tmp_path / "given", "")
    _, rows = scanned(Contents(archive, [vintage]))
    last = rows.row(-1, named=True)
    assert "Name: last" in find(archive, vintage.sha256, last["locator"])[1].splitlines()


@pytest.mark.parametrize(
    "content",
    [
        GOOD.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + GOOD,
        GOOD.replace(b"Name", b"Nmae"),
        GOOD.replace(b"Kind,Name", b' Kind ,"Name"'),
    ],
)
def test_the_form_of_a_file_does_not_change_what_is_read(content: bytes) -> None:
    _, rows = scanned(contents({FILE: content}))
    assert [name and name.replace("\r", "") for name in rows["name"]] == [
        "first",
        'a, "b"\nc',
        None,
    ]


def test_a_file_whose_rows_are_all_left_gives_an_empty_frame_with_its_columns() -> None:
    for content, read in ((b"Kind,Name,Note\n", 0), (b"Kind,Name,Note\nother,x,\n", 1)):
        reading, rows = scanned(contents({FILE: content}))
        assert rows.is_empty()
        assert rows.schema["row"] == pl.Int64
        assert rows.schema["name"] == pl.String
        assert (reading.rows_read, reading.deselected) == ({FILE: read}, {FILE: read})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"Kind,Name,Note\nmine,a,\nmine,b\nmine,c,\n", ["line 3", "has 2 cells where the header has 3"]),
        (b"Kind,Name,Note\nmine,a,,,x\n", ["line 2", "has more cells where the header has 3"]),
        (b"Kind,Name,Note\nmine,a,b,NULL\n", ["line 2", "has more cells"]),
        (b'Kind,Name,Note\nmine,"a"b,\n', ["line 2", "quotation mark"]),
        (b'Kind,Name,Note\nmine,a,\nmine,b,"x\nmine,c,\n', ["line 3", "quotation mark"]),
        (b"Kind,Name,Note\nmine,a,\nmine,\xff,\n", ["line 3", "not UTF-8"]),
        (b"Kind,Name,Note\nmine,a,x\r\nmine,b,x\r\n", ["not valid CSV", "line ends"]),
        (b"Kind,Name,Note\nmine,a,\nmi", ["line 3", "has 1 cells", "cut short"]),
        (b"Kind,Name,Note\nmine,a\x00b,\n", ["row 2", "NUL"]),
        (b"Kind,Name,Note\rmine,a,\rmine,b,\r", ["line 1 ends with a carriage return alone"]),
        (b"Kind,Name,Note\rmine,a,\nmine,b,\n", ["line 1 ends with a carriage return alone"]),
        (b"Kind,Name,Note\nmine,a,x\rmine,b,y\n", ["not valid CSV", "line ends"]),
        (b"\nKind,Name,Note\nmine,a,\n", ["line 1 is empty"]),
        (b'\xef\xbb\xbf"Ki\nnd",Name,Note\nmine,a,\n', ["line 1", "holds a line break"]),
        (b"Kind,Note\nmine,\n", ["line 1 lacks the column Name", "it has Kind, Note"]),
        (b"Kind,Name,Nmae\nmine,a,b\n", ["line 1", "more than once", "Name, Nmae"]),
        (b"Kind,Name,Name\nmine,a,b\n", ["line 1", "more than once"]),
        (b" \n", ["is empty"]),
        (b'"Kind\n' + b"x" * 200_000, ["line 1 is no CSV header"]),
    ],
)  # fmt: skip
def test_what_is_broken_stops_the_source_with_file_and_line(
    tmp_path: Path, content: bytes, words: list[str]
) -> None:
    for files in both_ways(tmp_path, content):
        with pytest.raises(SourceError) as stopped:
            scanned(files)
        for word in (FILE, *words):
            assert word in str(stopped.value)


def test_a_broken_row_stops_the_source_even_if_no_rule_would_take_it() -> None:
    with pytest.raises(SourceError, match="line 40002 has 1 cells"):
        scanned(
            contents(
                {FILE: b"Kind,Name,Note\n" + b"other,a,b\n" * 40_000 + b"broken\n" + b"other,a,b\n"}
            )
        )


def test_a_file_that_may_be_cut_in_its_last_cell_is_doubted(tmp_path: Path) -> None:
    for files in both_ways(tmp_path, GOOD + b"mine,last,not"):
        reading, rows = scanned(files)
        assert rows.height == 4
        assert [(doubt.locator, doubt.rule) for doubt in reading.doubts] == [
            (f"{FILE} row 6", "no line break at the end of the file")
        ]


def test_a_column_that_nobody_knows_is_one_issue() -> None:
    reading, _ = scanned(contents({FILE: b"Kind,Name,Colour\nmine,a,red\nmine,b,blue\n"}))
    assert [(issue.locator, issue.column, issue.rule) for issue in reading.issues] == [
        (f"{FILE} line 1", "Colour", "unknown column")
    ]


def test_many_columns_that_nobody_knows_are_counted_and_too_many_are_no_header() -> None:
    def wide(more: int) -> Contents:
        names = ["Kind", "Name", *(f"New{number}" for number in range(more))]
        return contents({FILE: f"{','.join(names)}\nmine,a{',' * more}\n".encode()})

    reading, rows = scanned(wide(1998))
    assert rows.height == 1
    assert [issue.raw_value for issue in reading.issues[49:]] == ["New49", "1948 more"]
    assert {issue.rule for issue in reading.issues} == {"unknown column"}
    assert len(scanned(wide(50))[0].issues) == 50
    with pytest.raises(SourceError, match="line 1 has 2,001 columns, and more than 2,000 are no"):
        scanned(wide(1999))
    with pytest.raises(SourceError, match=r"it has Kind, Name, New0, .*, New97 and 1900 more\. If"):
        select(Reading(), wide(1998), FILE, (Column("x", ("Nowhere",)),), (), TAKE_MINES)


@pytest.mark.parametrize("size", [2_000_001, 33_000_000])
def test_a_line_that_is_too_long_is_named_with_the_limit(size: int) -> None:
    content = b"Kind,Name,Note\nmine,a,\nmine,b," + b"z" * size + b"\nmine,c,\n"
    with pytest.raises(SourceError, match="line 3 is longer than 2,000,000 bytes") as stopped:
        scanned(contents({FILE: content}))
    assert stopped.value.rule == "line too long"
    assert len(str(stopped.value)) < 400


@pytest.mark.parametrize("size", [1_000_001, 17_000_000])
def test_a_cell_of_many_lines_that_is_too_long_is_refused_with_the_limit(size: int) -> None:
    content = b'Kind,Name,Note\nmine,a,\nmine,b,"' + b"z\n" * size + b'"\nmine,c,\n'
    with pytest.raises(SourceError, match=r"line 3 .* 2,000,000 bytes"):
        scanned(contents({FILE: content}))


def test_a_selection_can_read_nothing_but_the_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a")
    secret = f"SELECT content FROM read_text('{tmp_path / 'secret'}')"
    query = f"SELECT *, ({secret}) AS selection_rule FROM records"
    with pytest.raises(duckdb.PermissionException, match="disabled by configuration"):
        select(Reading(), contents({FILE: GOOD}), FILE, COLUMNS, (), query)


def test_a_name_that_is_no_identifier_never_gets_into_a_query() -> None:
    with pytest.raises(ValueError, match="cannot be the name of a column"):
        select(
            Reading(),
            contents({FILE: GOOD}),
            FILE,
            (Column('a" , 1 AS "b', ("Kind",)),),
            (),
            TAKE_MINES,
        )


def test_text_that_is_not_utf8_in_a_late_column_is_named_with_its_line(tmp_path: Path) -> None:
    # DuckDB 1.5.5 fails within itself here, because fewer columns are read than stand before it
    columns = [f"C{number}" for number in range(20)]
    lines = [",".join(columns), ",".join(columns), ",".join(columns[:-1]) + ",\xe9"]
    content = ("\n".join(lines) + "\n").encode("latin-1")
    late = (Column("kind", ("C0",)), Column("last", ("C19",)))
    for files in both_ways(tmp_path, content):
        with pytest.raises(SourceError, match=f"{FILE} line 3 is not UTF-8"):
            select(Reading(), files, FILE, late, columns, TAKE_MINES)


@pytest.mark.parametrize(
    ("separator", "bad", "places"),
    [
        (",", b"caf\xe9", (0, 2, 3, 4, 19, 20, 21, 39, 40, 41, 48, 54, 55)),
        ("|", b'"\xe9 ""\n\xf0\x9f"', (0, 3, 20, 24, 40, 55)),
    ],
)
def test_a_bad_byte_in_one_of_56_columns_is_refused_with_its_line_or_found_again(
    tmp_path: Path, separator: str, bad: bytes, places: Iterable[int]
) -> None:
    names = [f"C{number}" for number in range(56)]
    read = (Column("kind", ("C3",)), Column("name", ("C20",)), Column("more", ("C40",)))
    archive, refused = Archive(tmp_path), {}
    for place in places:
        cells = [b"mine"] * 56
        cells[place] = bad
        rows = [[name.encode() for name in names], cells, [b"mine"] * 55 + [b"last"]]
        content = b"".join(separator.encode().join(row) + b"\n" for row in rows)
        vintage = archive.put("test", FILE, content, "")
        files, form = Contents(archive, [vintage]), Form(separator)
        try:
            frame = select(Reading(), files, FILE, read, names, TAKE_MINES, form)
        except SourceError as error:
            refused[place] = str(error)
            continue
        first, last = (find(archive, vintage.sha256, at)[1] for at in frame["locator"])
        shown = bad.decode(errors="replace").strip('"').replace('""', '"')
        assert f"C{place}: {shown}\n" in f"{first}\n"
        assert last.endswith("C54: mine\nC55: last")
    assert refused.keys() >= {3, 20, 40}
    assert all("line 2 is not UTF-8" in message for message in refused.values())
    assert not list(tmp_path.glob(".*.part"))


def test_cells_may_be_separated_by_vertical_bars_and_names_compared_in_any_case(
    tmp_path: Path,
) -> None:
    content = b'"KIND"|"name"|NOTE\nmine|"a|b, c"|x\nother|second|\n'
    form = Form("|", any_case=True)
    for files in both_ways(tmp_path, content):
        reading = Reading()
        rows = select(reading, files, FILE, COLUMNS, ("Note",), TAKE_MINES, form)
        assert header(files, FILE, form) == ["KIND", "name", "NOTE"]
        assert rows.select("row", "name").rows() == [(2, "a|b, c")]
        assert (reading.rows_read, reading.issues) == ({FILE: 2}, [])
    with pytest.raises(ValueError, match="cannot separate cells"):
        Form("\t")


def test_parquet_is_scanned_as_text_is_and_its_rows_are_found_again(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {"Kind": ["other", "mine", None], "Name": [1, 2, 3], "Note": [0.5, None, 1e-5]}
    )
    table.write_parquet(tmp_path / "given")
    archive = Archive(tmp_path / "archive")
    vintage = archive.take("test", "large.parquet", tmp_path / "given", "")
    files, reading = Contents(archive, [vintage]), Reading()
    rows = select(reading, files, "large.parquet", COLUMNS, ("Note",), TAKE_MINES)
    assert rows.select("row", "name", "more").rows() == [(3, "2", None)]
    assert (reading.rows_read, reading.deselected) == ({"large.parquet": 3}, {"large.parquet": 2})
    assert find(archive, vintage.sha256, rows["locator"][0]) == ("", "Kind: mine\nName: 2\nNote: ")
    assert not list((tmp_path / "archive").glob(".*.part"))
    pl.DataFrame({"X": [1]}).write_parquet(tmp_path / "given")
    other = archive.take("test", "large.parquet", tmp_path / "given", "")
    with pytest.raises(SourceError, match="lacks the column Name, Kind; it has X"):
        select(Reading(), Contents(archive, [other]), "large.parquet", COLUMNS, (), TAKE_MINES)
