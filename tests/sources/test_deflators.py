"""Price indexes: whole years alone, fiscal and calendar apart, each with what it is measured against."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from etl.areas import Resolver, load_areas
from etl.check import check
from etl.config import Config
from etl.fetch import Fetcher, Outside
from etl.reading import Reading, SourceError
from etl.refresh import refresh
from etl.retrieve import Given
from etl.settings import Folders
from etl.sources import FetchSpec, all_sources
from etl.verify import verify
from tests.helpers import DATA, NO_LIMITS, TRANSCRIBED, ask, contents, only, rows_of
from tests.replay import Chunked, File, Route, Status, html, rate_limited, serving

SAMPLES = TRANSCRIBED.parents[2] / "shared" / "samples" / "deflators_fx"
AREAS = Resolver(load_areas(DATA / "reference"))
GDP, CPI, DAC = "us_gdp_quarter.csv", "us_cpi_u_monthly.csv", "dac_deflators.csv"
OMB = "hist10z1_fy2027.xlsx"
DAC_HEADER = "ISO,year,base_year,currency,source,ver,gdp_defl"
Cells = Sequence[Sequence[str | float | None]]


def read(files: Mapping[str, bytes]) -> tuple[Reading, pl.DataFrame]:
    spec = all_sources()["deflators"]
    reading = Reading()
    spec.reader()(contents(files), reading, AREAS)
    checked = check(spec, reading)
    rejected = len({reject.locator for reject in reading.rejects})
    left = sum(reading.deselected.values())
    assert sum(reading.rows_read.values()) == checked.entries + rejected + left
    return reading, checked.tables["deflators"]


def doubts(reading: Reading) -> list[str]:
    return [doubt.rule for doubt in reading.doubts]


# The U.S. deflator and CPI-U


def quarters(*rows: str) -> bytes:
    """The quarters of 2017, in which 200 current are 200 chained dollars, and more."""
    base = (f"2017-{month:02}-01,200,200,1,1" for month in (1, 4, 7, 10))
    header = "date,level-current,level-chained,change-current,change-chained"
    return "\n".join((header, *base, *rows, "")).encode()


YEAR_2018 = [f"2018-{month:02}-01,{220 + month},200,1,1" for month in (1, 4, 7, 10)]


def test_a_fiscal_year_is_the_four_quarters_from_october_to_september() -> None:
    reading, frame = read({GDP: quarters(*YEAR_2018)})
    fiscal = frame.filter(year_basis="fiscal")
    # 200/200, 221/200, 224/200, 227/200
    only(
        fiscal, year=2018, value=1.09, price_index="us_gdp_implicit_price_deflator", area="USA",
        base_period="2017", base_value=1.0, unit="ratio of current to chained 2017 dollars",
        periods_averaged=4, series="us_gdp_deflator", locator=f"{GDP} line 8",
    )  # fmt: skip
    calendar = frame.filter(year_basis="calendar").sort("year")
    assert calendar["value"].to_list() == [1.0, 1.1275]
    assert (reading.issues, doubts(reading)) == ([], [])


def test_a_year_with_a_quarter_missing_is_left_out_and_named_where_it_was_expected() -> None:
    reading, frame = read(
        {GDP: quarters(*YEAR_2018[:3], *(row.replace("2018", "2019") for row in YEAR_2018))}
    )
    found = sorted(frame.select("year_basis", "year").iter_rows())
    assert found == [("calendar", 2017), ("calendar", 2019), ("fiscal", 2018)]
    assert [issue.rule for issue in reading.issues] == [
        "fiscal year 2019 has 3 of 4 periods", "calendar year 2018 has 3 of 4 periods",
    ]  # fmt: skip


def test_the_base_is_the_year_in_which_current_and_chained_dollars_are_equal() -> None:
    rebased = quarters().replace(b"2017-", b"2023-")
    reading, frame = read({GDP: rebased})
    assert frame["base_period"].to_list() == ["2023"]
    assert doubts(reading) == ["chained to dollars of 2023, so far of 2017"]
    with pytest.raises(SourceError, match="in no whole year are current and chained dollars equal"):
        read({GDP: quarters().replace(b",200,200,", b",300,200,")})


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ("2018-02-01,221,200,1,1", "not the first day of a quarter"),
        ("2018-Q1,221,200,1,1", "not the first day of a quarter"),
        ("2018-01-01,n/a,200,1,1", "not a number"),
        ("2018-01-01,221,0,1,1", "a value is missing or zero"),
        ("2018-01-01,,200,1,1", "a value is missing or zero"),
        ("2018-01-01,221,200", "wrong number of cells"),
    ],
)
def test_a_quarter_that_is_not_as_it_should_be_is_a_reject(row: str, rule: str) -> None:
    reading, frame = read({GDP: quarters(row)})
    only(frame, year=2017)
    assert [reject.rule for reject in reading.rejects] == [rule]


def test_a_quarter_that_stands_there_twice_is_none() -> None:
    reading, frame = read({GDP: quarters(YEAR_2018[0], YEAR_2018[0].replace("221", "222"))})
    only(frame, year=2017)
    assert [reject.rule for reject in reading.rejects] == ["a period stands there twice"] * 2


def test_cpi_u_is_the_average_of_twelve_months_against_1982_to_84() -> None:
    months = [f"2020-{month:02}-01,{250 + month},0.1" for month in range(1, 13)]
    _, frame = read({CPI: "\n".join(("Date,Index,Inflation", *months, "")).encode()})
    only(
        frame, year=2020, year_basis="calendar", value=256.5, base_period="1982-84", base_value=100.0,
        price_index="us_cpi_u_all_items", periods_averaged=12,
    )  # fmt: skip


@pytest.mark.parametrize("file", [GDP, CPI, DAC])
def test_a_file_without_its_columns_stops_the_source(file: str) -> None:
    with pytest.raises(SourceError, match=f"{file} line 1 lacks the column"):
        read({file: b"a,b\n1,2\n"})


def test_no_file_at_all_stops_the_source() -> None:
    with pytest.raises(SourceError, match="none of the files is there"):
        read({})


# The OECD's deflators


def donors(*rows: str, header: str = DAC_HEADER) -> bytes:
    return "\n".join((header, *rows, "")).encode()


def test_a_donors_deflator_names_its_donor_and_its_base_year() -> None:
    _, frame = read({DAC: donors("USA,2024,2023,USD,OECD,Apr2025,1.0239069")})
    only(
        frame, area="USA", area_as_printed="USA", year=2024, year_basis="calendar", value=1.0239069,
        base_period="2023", base_value=1.0, price_index="dac_deflator_usd_USA", edition="Apr2025",
        publisher="OECD", unit="index in U.S. dollars, 2023 = 1",
    )  # fmt: skip


def test_the_imfs_rows_and_copies_of_another_donors_are_left_and_counted() -> None:
    reading, frame = read(
        {DAC: donors(
            "DAC,2024,2023,USD,OECD,Apr2025,1.02176784", "AFG,2024,2023,USD,OECD,Apr2025,1.02176784",
            "USA,2025,2023,USD,WEO,Apr2024,1.04", "ABW,1980,2023,USD,WEO_est,Apr2024,0.48",
            "EUI,2024,2023,USD,OECD,Apr2025,1.03", "CZE,1960,2023,USD,OECD,Apr2025,0",
        )}
    )  # fmt: skip
    assert frame.select("area", "area_as_printed").rows() == [(None, "DAC"), ("XEU", "EUI")]
    assert (reading.deselected, reading.issues) == ({DAC: 4}, [])


def test_the_base_year_stands_in_the_file_or_is_declared() -> None:
    _, frame = read({DAC: donors(
        "USA,2024,USD,OECD,Apr2025,1.02", header="ISO,year,currency,source,ver,gdp_defl"
    )})  # fmt: skip
    only(frame, base_period="2023")
    reading, frame = read({DAC: donors("USA,2022,2022,USD,OECD,Apr2024,1")})
    only(frame, base_period="2022")
    assert doubts(reading) == ["a base year that is not 2023"]
    reading, _ = read({DAC: donors("USA,2023,2023,USD,OECD,Apr2025,1.2")})
    assert doubts(reading) == ["not 1 in its base year"]


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ("USA,2024,2023,EUR,OECD,Apr2025,1.02", "unknown category"),
        ("USA,2024,2023,USD,BEA,Apr2025,1.02", "unknown category"),
        ("USA,24,2023,USD,OECD,Apr2025,1.02", "not a year"),
        ("USA,2024,2023,USD,OECD,Apr2025,NA", "not an index"),
        ("USA,2024,2023,USD,OECD,Apr2025,", "a value is missing"),
    ],
)
def test_a_deflator_that_is_not_as_it_should_be_is_a_reject(row: str, rule: str) -> None:
    reading, frame = read({DAC: donors("USA,2023,2023,USD,OECD,Apr2025,1", row)})
    only(frame, year=2023)
    assert [reject.rule for reject in reading.rejects] == [rule]


# OMB's table: made up in the layout of the published pages, for no real workbook was available

TITLE = "Table 10.1—GROSS DOMESTIC PRODUCT AND DEFLATORS USED IN THE HISTORICAL TABLES: 1940–2031"
TABLE: Cells = [
    [TITLE],
    ["(Fiscal Year 2017 = 1.000)"],
    ["Fiscal Year", "GDP (in billions of dollars)", "GDP (Chained) Price Index", "Composite Outlay Deflators"],
    [None, None, None, "Total", "Total Defense"],
    [1976, 1790.3, 0.2987, 0.27, 0.26],
    ["TQ", 470.5, 0.3051, 0.28, 0.27],
    [1977, 2028.4, 0.3206, 0.29, 0.28],
    [2017, 19280.1, 1.0, 1.0, 1.0],
    ["2026 estimate", 31234.5, 1.2999, 1.31, 1.3],
    ["Note: the base year changes with the edition."],
]  # fmt: skip


def book(rows: Cells, **others: Cells) -> bytes:
    out = io.BytesIO()
    made = xlsxwriter.Workbook(out, {"in_memory": True})
    for name, lines in {"hist10z1": rows, **others}.items():
        sheet = made.add_worksheet(name)
        for number, line in enumerate(lines):
            sheet.write_row(number, 0, line)
    made.close()
    return out.getvalue()


def changed(row: int, column: int, value: str | float) -> Cells:
    lines = [list(line) for line in TABLE]
    lines[row][column] = value
    return lines


def test_table_10_1_gives_its_index_by_fiscal_year_without_the_transition_quarter() -> None:
    reading, frame = read({OMB: book(TABLE)})
    assert frame["year"].to_list() == [1976, 1977, 2017, 2026]
    assert reading.deselected == {OMB: 2}, "TQ and the note"
    only(
        frame.filter(year=1976), value=0.2987, year_basis="fiscal", base_period="FY2017", base_value=1.0,
        price_index="us_gdp_chained_price_index", note=None, locator=f"{OMB} sheet hist10z1 row 5",
    )  # fmt: skip
    assert frame["note"].drop_nulls().to_list() == ["the table marks the year as an estimate"]
    assert (doubts(reading), reading.issues) == ([], [])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (changed(0, 0, "Table 1.1"), "no title of Table 10.1"),
        (changed(1, 0, "(2017 dollars)"), "which fiscal year is 1.000"),
        (changed(2, 2, "GDP Deflator"), "column 3 is headed 'GDP Deflator'"),
        (changed(2, 1, "GDP (in millions of dollars)"), "column 2 is headed"),
        (TABLE[:4], "no row begins with a year"),
        (TABLE[4:], "no title of Table 10.1"),
    ],
)
def test_a_workbook_of_another_layout_stops_the_source_and_says_what_it_has(
    rows: Cells, message: str
) -> None:
    with pytest.raises(SourceError) as raised:
        read({OMB: book(rows)})
    assert message in str(raised.value)


def test_a_workbook_of_several_sheets_or_none_at_all_stops_the_source() -> None:
    with pytest.raises(SourceError, match="has the sheets hist10z1, other"):
        read({OMB: book(TABLE, other=TABLE)})
    with pytest.raises(SourceError, match="is no Excel workbook"):
        read({OMB: b"PK\x03\x04 cut"})


def test_a_row_that_is_no_year_and_a_base_that_is_not_1_are_seen() -> None:
    reading, _ = read({OMB: book(changed(6, 0, "1976 and 1977"))})
    assert [reject.raw_value for reject in reading.rejects] == ["1976 and 1977"]
    reading, _ = read({OMB: book(changed(7, 2, 1.2))})
    assert doubts(reading) == ["the index is not 1 in fiscal year 2017, its base"]


def test_of_two_editions_the_later_is_read() -> None:
    older = book(changed(4, 2, 0.9))
    _, frame = read({"hist10z1_fy2026.xlsx": older, OMB: book(TABLE)})
    only(frame.filter(year=1976), value=0.2987, edition=OMB)


def test_a_workbook_is_handed_over_as_it_is_and_its_figures_lead_back_to_its_rows(
    workspace: Folders, tmp_path: Path
) -> None:
    path = tmp_path / OMB
    path.write_bytes(book(TABLE))
    spec = all_sources()["deflators"].model_copy(update={"min_entries": 0})
    copies = {spec.source_id: [Given(str(path), "the budget of fiscal year 2027")]}
    assert refresh(workspace, [spec], given=copies).failed == []
    assert ask(workspace, "SELECT count(*) FROM deflators") == [(4,)]
    assert verify(workspace).differences == []
    small = FetchSpec.model_validate(dict(spec.fetch or {}) | {"max_bytes": 100})
    [source] = refresh(workspace, [spec.model_copy(update={"fetch": small})], given=copies).sources
    assert "more than the 100 bytes allowed" in str(source.failure)
    path.write_bytes(b"<!doctype html><title>Moved</title>")
    [source] = refresh(workspace, [spec], given=copies).sources
    assert "is an HTML page" in str(source.failure)


# The samples


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


@pytest.mark.skipif(not SAMPLES.exists(), reason="the shared samples are not here")
def test_the_real_us_files_give_what_was_transcribed_from_them() -> None:
    reading, frame = read(
        {GDP: sample("us_gdp_quarter_bea_2025-06.csv"), CPI: sample("us_cpi_u_monthly_2026-07.csv")}
    )
    assert reading.rows_read == {GDP: 312, CPI: 1360}
    assert (reading.rejects, doubts(reading)) == ([], [])
    # the government was shut down when the index of October 2025 should have been collected
    assert [issue.rule for issue in reading.issues] == ["calendar year 2025 has 11 of 12 periods"]
    ours = {
        (row["price_index"], row["year_basis"], row["year"]): row
        for row in frame.iter_rows(named=True)
    }
    _, transcribed = rows_of(TRANSCRIBED / "context" / "us_price_indexes.csv")
    assert len(transcribed) == 129
    for row in transcribed:
        found = ours[row["series"], row["year_basis"], int(row["year"])]
        # one mean, 236.74175, lies halfway between two roundings
        last_digit = 1e-6 if "deflator" in row["series"] else 1e-4
        assert found["value"] == pytest.approx(float(row["value"]), abs=1.01 * last_digit), row
        assert found["unit"] == row["unit"]
    gdp = frame.filter(series="us_gdp_deflator")
    assert gdp.group_by("year_basis").agg(pl.col("year").min(), pl.len()).sort("year").rows() == [
        ("calendar", 1947, 78), ("fiscal", 1948, 77),
    ]  # fmt: skip


@pytest.mark.skipif(not SAMPLES.exists(), reason="the shared samples are not here")
def test_the_real_compilation_of_dac_deflators_loads_with_every_row_accounted_for() -> None:
    reading, frame = read({DAC: sample("gdp_deflators_2023usd_weo_apr2024.csv")})
    assert reading.rows_read == {DAC: 11360}
    assert (reading.rejects, reading.issues, doubts(reading)) == ([], [], [])
    usa = frame.filter(area_as_printed="USA").sort("year")
    assert (usa["year"].min(), usa["year"].max()) == (1960, 2024)
    assert usa.filter(pl.col("year").is_in([2017, 2023, 2024]))["value"].to_list() == [
        0.81783969, 1.0, 1.0239069,
    ]  # fmt: skip
    assert frame.filter(area_as_printed="DAC").height == 65
    assert not set(frame["area_as_printed"]) & {"AFG", "SYR", "LBN", "ABW"}
    assert frame.filter(pl.col("area").is_null())["area_as_printed"].unique().to_list() == ["DAC"]


# What a publisher does, and what becomes of the source


def test_what_the_publishers_do_is_borne(
    workspace: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "etl.retrieve.Fetcher", partial(Fetcher, outside=Outside(sleep=lambda _: None))
    )
    spec = all_sources()["deflators"]
    urls = {GDP: "/quarter.csv"}
    rules = FetchSpec.model_validate(
        dict(spec.fetch or {}) | {"min_interval_seconds": 0, "attempts": 3, "urls": urls}
    )
    spec = spec.model_copy(update={"fetch": rules, "min_entries": 0, "guard": NO_LIMITS})
    good, longer = quarters(), quarters(*YEAR_2018)
    cases: dict[str, tuple[list[Route], str]] = {
        "304": ([File(good, etag='"1"')], "unread"),
        "cut short": ([Chunked([longer[:-40], longer[-40:]], is_cut=True)], "ended too early"),
        "a page for people": ([html()], "is an HTML page"),
        "a changed header": ([File(good.replace(b"level-chained", b"chained"), etag='"2"')], "lacks the column"),
        "another base": ([File(good.replace(b"2017-", b"2018-"), etag='"3"')], "so far of 2017"),
        "429, 500, then the file": ([rate_limited(0), Status(500), File(longer, etag='"4"')], "changed"),
    }  # fmt: skip
    with serving() as replay:
        settings = Config.model_validate(
            {
                "fetch": {"allow_loopback": True},
                "sources": {"deflators": {"base_url": replay.url("/")}},
            }
        )
        replay.on("/quarter.csv", File(good, etag='"1"'))
        assert refresh(workspace, [spec], settings=settings).failed == []
        for case, (routes, end) in cases.items():
            replay.on("/quarter.csv", *routes)
            [source] = refresh(workspace, [spec], settings=settings).sources
            if end in {"unread", "changed"}:
                assert source.failure is None, (case, source.failure)
            else:
                assert end in str(source.failure), case
            (count,) = ask(workspace, "SELECT count(*) FROM deflators")[0]
            assert count == (3 if end == "changed" else 1), case
