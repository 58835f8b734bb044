"""Registers that a user adds: the documented example runs, and what is wrong is said with its line."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter
import yaml
from typer.testing import CliRunner

from etl import sheets
from etl.archive import Archive
from etl.areas import Resolver, load_areas
from etl.check import Checked, check
from etl.cli import app
from etl.guard import look_at_bytes
from etl.locate import find
from etl.reading import Reading, SourceError
from etl.refresh import Outcome, refresh
from etl.registers import Mapped, Register, RegisterSpec, registers
from etl.retrieve import Given
from etl.settings import Folders
from etl.sources import SeriesSpec
from etl.verify import verify
from tests.helpers import DATA, ask, contents, csv_text, only

DOCUMENT = (DATA / "registers" / "README.md").read_text(encoding="utf-8")
NAME = "border_district"
SOURCE = f"tabular_{NAME}"
AREAS = Resolver(load_areas(DATA / "reference"))
Cells = Sequence[Sequence[Any]]


def example_mapping() -> str:
    found = re.search(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found
    return found[1]


def example_rows() -> Cells:
    table = [line for line in DOCUMENT.splitlines() if line.startswith(("| Case", "| B-"))]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


MAPPING, ROWS = example_mapping(), example_rows()
HEADER = [str(name) for name in ROWS[0]]


def workbook(sheets: Mapping[str, Cells]) -> bytes:
    """An Excel file; a date is written as one, a text that begins with = as a formula."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    as_date = book.add_format({"num_format": "dd/mm/yyyy"})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                if isinstance(value, datetime):
                    sheet.write_datetime(number, column, value, as_date)
                elif isinstance(value, str) and value.startswith("="):
                    sheet.write_formula(number, column, value, None, "#DIV/0!")
                else:
                    sheet.write(number, column, value)
    book.close()
    return out.getvalue()


def as_csv(rows: Cells, separator: str = ",") -> bytes:
    text = csv_text(HEADER, [dict(zip(HEADER, map(str, row), strict=True)) for row in rows[1:]])
    return text.replace(",", separator).encode()


def as_parquet(rows: Cells) -> bytes:
    frame = pl.DataFrame([list(row) for row in rows[1:]], schema=HEADER, orient="row").with_columns(
        pl.col("Lat", "Lon").cast(pl.Float64, strict=False),
        pl.col("Date of accident").str.to_date("%d/%m/%Y"),
    )
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


def changed(**changes: Any) -> str:
    """The example's mapping with other settings; None takes one out."""
    document = yaml.load(MAPPING, Loader=yaml.BaseLoader) | changes  # noqa: S506 - text only
    kept = {name: one for name, one in document.items() if one is not None}
    return yaml.safe_dump(kept, sort_keys=False, allow_unicode=True)


def columns(**changes: Any) -> dict[str, Any]:
    """The example's columns with other ones; None takes one out."""
    own = yaml.load(MAPPING, Loader=yaml.BaseLoader)["columns"] | changes  # noqa: S506 - text only
    return {name: one for name, one in own.items() if one is not None}


def read(mapping: str, content: bytes, file: str = f"{NAME}.xlsx") -> tuple[Reading, Checked]:
    from etl.sources.tabular.read import read as reader

    reading = Reading()
    reader(contents({f"{NAME}.yml": mapping.encode(), file: content}), reading, AREAS)
    mapped = Mapped("x.yml", mapping.encode()).register
    series = {SOURCE: SeriesSpec(title=mapped.title, caution=mapped.caution)}
    spec = RegisterSpec(
        source_id=SOURCE, title="t", publisher="p", url="u", licence="l", citation="c", cadence="c",
        status="local", coverage="c", caveats="c", files=(), min_entries=0, series=series,
    )  # fmt: skip
    checked = check(spec, reading)
    rows = sum(reading.rows_read.values())
    assert rows == checked.entries + len({one.locator for one in reading.rejects}), "accounted for"
    return reading, checked


def people(mapping: str = MAPPING, rows: Cells = ROWS) -> pl.DataFrame:
    return read(mapping, workbook({"Cases": rows}))[1].tables["casualty_events"]


# ---- the documented example


def put(folders: Folders, mapping: str = MAPPING, content: bytes | None = None) -> None:
    folders.registers.mkdir(exist_ok=True)
    (folders.registers / f"{NAME}.yml").write_text(mapping, encoding="utf-8")
    if content is not None:
        (folders.registers / f"{NAME}.xlsx").write_bytes(content)


def run(folders: Folders) -> Outcome:
    return refresh(folders, registers(folders).values())


def test_the_documented_example_goes_in_and_every_entry_leads_back_to_its_row(
    workspace: Folders,
) -> None:
    put(workspace, content=workbook({"Cases": ROWS}))
    answer = CliRunner().invoke(app, ["refresh", SOURCE])
    assert answer.exit_code == 0, answer.output
    assert ask(
        workspace,
        "SELECT place, area, date, admin1, outcome, sex, condition, latitude, unit, locator "
        "FROM casualty_events ORDER BY place",
    ) == [
        ("B-1", "LAO", "2022-05-03", "Attapeu", "killed", "male", "unknown", 14.81, "person",
         "border_district.xlsx sheet Cases row 2"),
        ("B-2", "LAO", "2023-01-02", "Attapeu", "injured", "unknown", "unknown", 14.9, "person",
         "border_district.xlsx sheet Cases row 3"),
        ("B-3", "LAO", "2023-11-17", "Xekong", "injured", "female", "unknown", None, "person",
         "border_district.xlsx sheet Cases row 4"),
    ]  # fmt: skip
    [(sha256, locator)] = ask(
        workspace, "SELECT vintage_sha256, locator FROM casualty_events WHERE place = 'B-3'"
    )
    row = find(Archive(workspace.archive), sha256, locator)[1]
    assert "Case no: B-3\nDate of accident: 17/11/2023\nProvince: Xekong\nResult: Hurt" in row
    [(licence, status)] = ask(
        workspace, "SELECT licence, status FROM sources WHERE source_id = ?", SOURCE
    )
    assert (licence, status) == ("CC BY 4.0", "local")
    assert ask(workspace, "SELECT series FROM series WHERE source_id = ?", SOURCE) == [(SOURCE,)]
    assert run(workspace).sources[0].is_unread, "nothing changed, nothing is read"
    assert verify(workspace).differences == []


def test_the_next_file_revises_by_the_registers_own_number_and_a_broken_mapping_keeps_all(
    workspace: Folders,
) -> None:
    put(workspace, content=workbook({"Cases": ROWS}))
    assert run(workspace).sources[0].changes == {"added": 3}
    died = [
        *ROWS[:2],
        ["B-2", "02/01/2023", "Attapeu", "Died", "n/a", "14.90", "106.90", ""],
        ROWS[3],
    ]
    put(workspace, changed(guard={"max_revised_percent": "50"}), workbook({"Cases": died}))
    assert run(workspace).sources[0].changes == {"revised": 1}
    put(workspace, changed(guard={"max_revised_percent": "50"}), workbook({"Cases": died[:3]}))
    held = run(workspace).sources[0]
    assert held.hold
    assert held.hold.rule == "withdrawn"
    put(workspace, MAPPING.replace("killed", "dead"))
    broken = run(workspace).sources[0]
    assert broken.hold
    assert broken.hold.rule == "broken mapping"
    assert not broken.hold.is_readable
    (workspace.registers / f"{NAME}.yml").unlink()
    refresh(workspace, [])
    assert ask(workspace, "SELECT count(*), max(source_id) FROM casualty_events") == [(3, SOURCE)]
    told = "SELECT title FROM sources WHERE source_id = ?"
    assert ask(workspace, told, SOURCE) == [("Accidents in the border district",)], "not its ruin"
    kinds = ask(workspace, "SELECT outcome FROM casualty_events ORDER BY place")
    assert kinds == [("killed",), ("killed",), ("injured",)]


def test_a_broken_mapping_stops_no_other_source_and_its_reason_is_on_the_record(
    workspace: Folders,
) -> None:
    put(workspace, changed(licence=None))
    from etl.registers import every_source

    sources = every_source(workspace)
    outcome = refresh(workspace, [sources[SOURCE], sources["program_events"]])
    assert [one.source_id for one in outcome.failed] == [SOURCE]
    assert ask(workspace, "SELECT count(*) > 0 FROM program_events") == [(True,)]
    [(rule, reason)] = ask(workspace, "SELECT rule, reason FROM holds")
    assert rule == "broken mapping"
    assert "border_district.yml line 1: licence is missing" in reason
    assert ask(workspace, "SELECT title FROM sources WHERE status = 'local'") == [
        (f"{NAME}.yml",)
    ]  # fmt: skip


# ---- forms of files


@pytest.mark.parametrize(
    ("file", "content", "locator"),
    [
        (f"{NAME}.csv", as_csv(ROWS), f"{NAME}.csv line 2"),
        (f"{NAME}.parquet", as_parquet(ROWS), f"{NAME}.parquet row 2"),
    ],
)
def test_csv_and_parquet_say_the_same_as_the_workbook(
    file: str, content: bytes, locator: str, tmp_path: Path
) -> None:
    excel = people()
    reading, checked = read(changed(file=file), content, file)
    assert (reading.rejects, reading.issues) == ([], [])
    same = checked.tables["casualty_events"]
    assert same.drop("locator", "file").equals(excel.drop("locator", "file"))
    assert same["locator"][0] == locator
    archive = Archive(tmp_path)
    vintage = archive.put("x", file, content, "")
    assert "B-1" in find(archive, vintage.sha256, locator)[1]


def test_a_csv_may_have_other_separators_and_decimal_signs() -> None:
    mapping = changed(file=f"{NAME}.csv", separator=";", decimal=",")
    rows = [[str(cell).replace(".", "§") for cell in row] for row in ROWS]
    content = as_csv(rows, ";").replace("§".encode(), b",")
    _, checked = read(mapping, content, f"{NAME}.csv")
    assert checked.tables["casualty_events"]["latitude"].to_list() == [14.81, 14.9, None]


def test_rows_are_numbered_as_the_spreadsheet_numbers_them_and_real_dates_are_dates() -> None:
    late = [*ROWS[1][:1], datetime(2022, 5, 3), *ROWS[1][2:]]  # noqa: DTZ001 - a day
    frame = people(rows=[[], ROWS[0], [], late, [], ROWS[2]])
    assert frame["locator"].str.extract(r"row (\d+)").to_list() == ["4", "6"]
    assert frame["date"].to_list() == ["2022-05-03", "2023-01-02"]


def test_an_error_in_a_formula_is_a_reject_and_no_missing_figure() -> None:
    rows = [*ROWS[:2], [*ROWS[2][:5], "=1/0", *ROWS[2][6:]]]
    reading, checked = read(MAPPING, workbook({"Cases": rows}))
    assert [(one.locator, one.rule) for one in reading.rejects] == [
        (f"{NAME}.xlsx sheet Cases row 3", "an error in a formula")
    ]
    assert checked.entries == 1


@pytest.mark.parametrize(
    ("date", "form", "read_as"),
    [("05/2022", "%m/%Y", "2022-05"), ("2022", "%Y", "2022"), ("3 May 2022", "%d %B %Y", "2022-05-03")],
)  # fmt: skip
def test_a_date_is_no_finer_than_its_form(date: str, form: str, read_as: str) -> None:
    mapping = changed(columns=columns(date={"column": "Date of accident", "format": form}))
    only(people(mapping, [ROWS[0], [*ROWS[1][:1], date, *ROWS[1][2:]]]), date=read_as, year=2022)


def test_rows_alike_without_a_number_of_their_own_are_different_people() -> None:
    mapping = changed(columns=columns(id=None), unused=["Remarks", "Case no"])
    frame = people(mapping, [ROWS[0], ROWS[1], ROWS[1]])
    assert frame["occurrence"].to_list() == [1, 2]
    assert frame["place"].null_count() == 2


def test_a_number_that_comes_twice_makes_both_rows_rejects() -> None:
    reading, checked = read(MAPPING, workbook({"Cases": [*ROWS, ROWS[1]]}))
    assert {one.rule for one in reading.rejects} == {"duplicate key in casualty_events"}
    assert checked.entries == 2


def test_a_register_of_events_has_numbers_of_people_and_nobody_in_particular() -> None:
    mapping = changed(
        unit="event",
        columns=columns(outcome=None, sex=None, killed="Result", injured="Sex"),
    )
    rows = [ROWS[0], [*ROWS[1][:3], 2, 5, *ROWS[1][5:]]]
    only(people(mapping, rows), unit="event", killed=2, injured=5, outcome=None, sex=None)


def test_yearly_counts_go_into_casualties() -> None:
    mapping = changed(
        table="casualties", unit=None, missing=[], unused=[],
        columns={
            "area": "Country", "year": "Year", "killed": "Killed", "total": "All",
            "lower_bound": {"column": "At least", "values": {"x": "yes"}, "missing": "no"},
        },
    )  # fmt: skip
    rows: Cells = [["Country", "Year", "Killed", "All", "At least"], ["Laos", 2022, 3, 9, "x"],
                   ["Vietnam", 2022, None, 4, None]]  # fmt: skip
    frame = read(mapping, workbook({"Counts": rows}))[1].tables["casualties"]
    assert frame.select("area", "year", "killed", "total", "lower_bound").rows() == [
        ("LAO", 2022, 3, 9, True), ("VNM", 2022, None, 4, False),
    ]  # fmt: skip


# ---- what is wrong, and where


WRONG: dict[str, tuple[str, str]] = {
    "no YAML": (MAPPING.replace("unit: person", "unit: [person"), r"line 8: this is no YAML"),
    "empty": ("", "line 1: the mapping is empty"),
    "a setting that is none": (MAPPING.replace("licence:", "license:"), "line 4: license is no setting"),
    "nothing said of the licence": (changed(licence=None), "line 1: licence is missing"),
    "a column that is none": (
        MAPPING.replace("  outcome:", "  outcme:"),
        r"line 14: columns.outcme is no column of casualty_events; did you mean outcome\?",
    ),
    "a word that is none": (
        MAPPING.replace("Died: killed", "Died: dead"),
        r"line 14: columns.outcome.values.Died gives 'dead', which is no outcome: use killed, injured",
    ),
    "an option that is none": (
        MAPPING.replace("values: {M", "vals: {M"), r"line 15: columns.sex.vals is no setting; there are column,"
    ),
    "a key twice": (MAPPING + "unit: event\n", "line 19: unit stands here a second time"),
    "an alias": (
        MAPPING.replace("missing: [n/a]", "missing: &a [n/a]").replace("[Remarks]", "*a"),
        "unused is an alias",
    ),
    "a file elsewhere": (changed(file="../../etc/passwd.csv"), "line 6: file is not right"),
    "a limit that is none": (changed(guard={"max_lost": "1"}), r"guard.max_lost is no limit; there are max_"),
    "a limit that is no number": (changed(guard={"max_added_percent": "few"}), "max_added_percent is not right"),
    "no unit": (changed(unit=None), "line 1: unit is missing"),
    "no date": (changed(columns=columns(date=None)), "columns names neither date nor year"),
    "no area": (changed(columns=columns(area=None)), "columns names no area"),
    "no outcome": (changed(columns=columns(outcome=None)), "columns names no outcome"),
    "an event with an outcome": (changed(unit="event"), r"columns.outcome does not go with unit: event"),
    "value and column": (
        changed(columns=columns(sex={"column": "Sex", "value": "male"})), "columns.sex needs either column"
    ),
    "provenance": (changed(columns=columns(locator="Lat")), "columns.locator is no column"),
}  # fmt: skip


@pytest.mark.parametrize(("mapping", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_mapping_is_said_with_its_line(mapping: str, said: str) -> None:
    with pytest.raises(SourceError, match=said) as refused:
        Mapped(f"{NAME}.yml", mapping.encode())
    assert str(refused.value).startswith(f"{NAME}.yml line ")
    assert refused.value.rule == "broken mapping"


ASTRAY: dict[str, tuple[str, Cells, str]] = {
    "a column that the file has not": (
        MAPPING.replace("column: Result", "column: Resultt"), ROWS,
        r"yml line 14: columns.outcome names the column 'Resultt', which border_district.xlsx has not; it has Case",
    ),
    "an unused column that the file has not": (
        MAPPING.replace("[Remarks]", "[Notes, Remarks]"), ROWS, r"yml line 18: unused names the column 'Notes'"
    ),
    "a column that the mapping does not name": (
        MAPPING, [[*row, "Name" if row is ROWS[0] else "x"] for row in ROWS],
        r"line 9: the mapping does not name the column Name of border_district.xlsx",
    ),
    "no such sheet": (changed(sheet="Other"), ROWS, r"has no sheet Other; it has Cases \(border_district.yml line 33\)"),
    "an area that is none": (
        MAPPING.replace("value: Laos", "value: Loas"), ROWS, r"line 11: columns.area gives 'Loas', which is no area"
    ),
    "a column twice": (MAPPING, [[*ROWS[0][:7], "Lat"], *ROWS[1:]], "has two columns Lat"),
    "a column without a name": (MAPPING, [[*ROWS[0][:7], ""], *ROWS[1:]], "column 8 has no name"),
    "an empty sheet": (MAPPING, [], "the sheet Cases is empty"),
}  # fmt: skip


@pytest.mark.parametrize(("mapping", "rows", "said"), ASTRAY.values(), ids=ASTRAY)
def test_a_mapping_and_a_file_that_do_not_fit_are_told_apart_by_line_and_column(
    mapping: str, rows: Cells, said: str
) -> None:
    with pytest.raises(SourceError, match=said):
        read(mapping, workbook({"Cases": rows}))


def test_of_several_sheets_one_must_be_named() -> None:
    book = workbook({"Notes": [["hello"]], "Cases": ROWS})
    with pytest.raises(SourceError, match="has the sheets Notes, Cases; name one with 'sheet'"):
        read(MAPPING, book)
    assert read(changed(sheet="Cases"), book)[1].entries == 3


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("Result", "Dead", "unknown category"), ("Result", "", "no category"), ("Sex", "X", "unknown category"),
        ("Lat", "14,81", "not a number"), ("Lat", "north", "not a number"),
        ("Date of accident", "2022/05/03", "not a date"), ("Date of accident", "31/02/2022", "not a date"),
        ("Date of accident", "", "empty cell"), ("Case no", "", "empty cell"),
    ],
)  # fmt: skip
def test_a_cell_that_the_mapping_gives_no_meaning_makes_its_row_a_reject(
    column: str, value: str, rule: str
) -> None:
    row = [value if name == column else cell for name, cell in zip(HEADER, ROWS[1], strict=True)]
    reading, checked = read(MAPPING, workbook({"Cases": [ROWS[0], row, ROWS[2]]}))
    assert [(one.locator, one.column, one.rule) for one in reading.rejects] == [
        (f"{NAME}.xlsx sheet Cases row 2", column, rule)
    ]
    assert checked.entries == 1
    if "category" in rule:
        assert f"{NAME}.yml line 1" in reading.rejects[0].fix


def test_a_country_that_is_unknown_in_a_row_is_an_issue_and_no_guess() -> None:
    mapping = changed(columns=columns(area="Province", admin1=None))
    reading, checked = read(mapping, workbook({"Cases": ROWS}))
    assert {one.rule for one in reading.issues} == {"unknown area"}
    assert checked.tables["casualty_events"]["area"].null_count() == 3


# ---- binary files, names, copies


def test_a_binary_file_passes_only_where_its_name_is_declared() -> None:
    book = workbook({"Cases": ROWS})
    files = contents({"a.xlsx": book})
    look_at_bytes(files, {"*.xlsx": "zip"})
    with pytest.raises(SourceError, match=r"a.xlsx is zip, not the text"):
        look_at_bytes(files)
    with pytest.raises(
        SourceError, match=r"a.xlsx is text inside, which does not go with its name"
    ):
        look_at_bytes(contents({"a.xlsx": b"a,b\n1,2\n"}), {"*.xlsx": "zip"})


@pytest.mark.parametrize("content", [b"PK\x03\x04 and no more", b""])
def test_a_workbook_that_is_none_is_named(content: bytes) -> None:
    with pytest.raises(SourceError, match=rf"{NAME}.xlsx is no Excel workbook"):
        read(MAPPING, content)


SHEET = "xl/worksheets/sheet1.xml"


def with_sheet(change: Callable[[bytes], bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A workbook whose first sheet somebody has changed."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook({"Cases": ROWS}))) as before,
        zipfile.ZipFile(out, "w", method) as after,
    ):
        for name in before.namelist():
            part = before.read(name)
            after.writestr(name, change(part) if name == SHEET else part)
    return out.getvalue()


def ending(rows: bytes) -> Callable[[bytes], bytes]:
    return lambda sheet: sheet.replace(b"</sheetData>", rows + b"</sheetData>")


@pytest.mark.parametrize(
    "rows",
    [
        b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        b"<row r = '1048576'><c r = 'XFD1048576'><v>1</v></c></row>",
        b'<row r="1048576">' + b"<c><v>1</v></c>" * 3 + b"</row>",
    ],
)
def test_a_cell_far_out_is_refused_before_all_up_to_it_are_held(rows: bytes) -> None:
    with pytest.raises(SourceError, match=r"spans [\d,]+ cells, [\d,]+ of them in a row"):
        read(MAPPING, with_sheet(ending(rows)))


def test_the_last_row_that_an_office_writes_without_cells_does_no_harm() -> None:
    reading, checked = read(MAPPING, with_sheet(ending(b'<row r="1048576" ht="12.8"/>')))
    expected = read(MAPPING, workbook({"Cases": ROWS}))
    assert reading.rows_read == expected[0].rows_read
    assert checked.entries == expected[1].entries


def test_what_a_workbook_says_of_its_size_is_not_believed() -> None:
    honest = with_sheet(ending(b" " * 3_000_000))
    size = len(zipfile.ZipFile(io.BytesIO(honest)).read(SHEET)).to_bytes(4, "little")
    lying = honest.replace(size, (1000).to_bytes(4, "little"))
    assert lying != honest
    with pytest.raises(SourceError, match=r"is no Excel workbook \(Bad CRC-32"):
        read(MAPPING, lying)
    with pytest.raises(SourceError, match=r"is no Excel workbook \(packed by method 12"):
        read(MAPPING, with_sheet(bytes, zipfile.ZIP_BZIP2))


def test_a_workbook_that_lost_bytes_in_its_middle_is_named() -> None:
    whole = workbook({"Cases": ROWS})
    with pytest.raises(SourceError, match=r"is no Excel workbook \(negative seek"):
        read(MAPPING, whole[:40] + whole[80:])


def test_a_parquet_file_with_one_wrong_bit_is_read_or_named_and_ends_nothing() -> None:
    whole = as_parquet(ROWS)
    named = 0
    for place in range(0, len(whole), 5):
        spoiled = bytearray(whole)
        spoiled[place] ^= 1 << place % 8
        try:
            sheets.parquet("a.parquet", bytes(spoiled))
        except sheets.SheetError as error:
            named += str(error).startswith("a.parquet")
    assert named > len(whole) / 50


def test_a_day_that_no_calendar_has_is_named() -> None:
    out = io.BytesIO()
    pl.DataFrame({"Day": pl.Series([2**31 - 1], dtype=pl.Int32).cast(pl.Date)}).write_parquet(out)
    with pytest.raises(sheets.SheetError, match=r"no Parquet file that can be read: .*date"):
        sheets.parquet("a.parquet", out.getvalue())


def test_a_workbook_without_a_sheet_is_named() -> None:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook({"Cases": ROWS}))) as before,
        zipfile.ZipFile(out, "w") as after,
    ):
        for name in before.namelist():
            part = re.sub(rb"<sheets>.*</sheets>", b"<sheets/>", before.read(name))
            after.writestr(name, part)
    with pytest.raises(SourceError, match="has no sheet"):
        read(MAPPING, out.getvalue())


@pytest.mark.parametrize("name", ["Border 2022.yml", "2022.yml", "border.yaml"])
def test_a_mapping_must_be_called_so_that_its_source_has_a_name(tmp_path: Path, name: str) -> None:
    folders = Folders(tmp_path)
    folders.registers.mkdir()
    (folders.registers / name).write_text(MAPPING, encoding="utf-8")
    [spec] = registers(folders).values()
    assert "call a mapping by small letters" in str(spec.problem)


def test_a_register_is_not_taken_by_from(workspace: Folders) -> None:
    put(workspace, content=workbook({"Cases": ROWS}))
    copy = str(workspace.registers / f"{NAME}.xlsx")
    outcome = refresh(workspace, registers(workspace).values(), given={SOURCE: [Given(copy)]})
    assert "put the new file into the folder registers" in str(outcome.sources[0].failure)


def test_a_register_whose_file_is_gone_says_so(workspace: Folders) -> None:
    put(workspace)
    assert f"{NAME}.xlsx is missing from" in str(run(workspace).sources[0].failure)


def test_every_setting_of_a_mapping_is_documented_and_no_other() -> None:
    cells = re.findall(r"^\| (`.*?) \|", DOCUMENT, re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert named == set(Register.model_fields)
