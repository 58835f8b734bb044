"""The OECD's Creditor Reporting System: who else pays, and what must not be added."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl import record
from etl.archive import Archive, Contents
from etl.areas import Resolver, load_areas
from etl.check import Checked, check
from etl.config import Config
from etl.guard import look_at_bytes
from etl.locate import find
from etl.reading import Reading, SourceError
from etl.refresh import Outcome, refresh
from etl.retrieve import Given
from etl.settings import Folders
from etl.sources import SourceSpec, all_sources
from etl.sources.oecd_crs.fetch import DIMENSIONS
from etl.sources.oecd_crs.read import ENOUGH, REPLACED
from etl.tables import NATURAL_KEYS
from etl.verify import verify
from tests.helpers import DATA, NO_LIMITS, TRANSCRIBED, Row, ask, contents, csv_text, only
from tests.replay import File, Replay, Route, Status, html, rate_limited, serving, zipped

SOURCE = "oecd_crs"
SAMPLES = TRANSCRIBED.parents[2] / "shared" / "samples" / SOURCE
TABLES = Path(__file__).parents[2] / "etl" / "sources" / SOURCE
AREAS_TABLE = load_areas(DATA / "reference")
AREAS = Resolver(AREAS_TABLE)
KEY = list(NATURAL_KEYS["funding"])
YEARLY, PARQUET, ACTIVITIES, TOTALS = (
    "CRS_2022_data.txt", "CRS.parquet", "crs_activities_2021-2030.csv", "crs_totals_2021-2030.csv",
)  # fmt: skip
LAND_MINES = "Removal of land mines and explosive remnants of war"

# A made-up activity in the shape of the files; of the names in it only those of lists are real.
PROJECT: Row = {
    "Year": "2022", "DonorCode": "302", "DEDonorcode": "USA", "DonorName": "United States",
    "AgencyCode": "11", "AgencyName": "State Department", "CrsID": "2022000123",
    "ProjectNumber": "SPMWRA22GR0001", "InitialReport": "1", "RecipientCode": "745",
    "DERecipientcode": "LAO", "RecipientName": "Lao People's Democratic Republic",
    "RegionName": "Far East Asia", "FlowCode": "11", "FlowName": "ODA Grants", "Bi_Multi": "1",
    "Finance_T": "110", "Aid_T": "C01", "USD_Commitment": "1.5", "USD_Disbursement": ".0542973",
    "USD_Received": "", "USD_Commitment_Defl": "1.61", "USD_Disbursement_Defl": ".0581",
    "CurrencyCode": "302", "ShortDescription": "CLEARANCE", "ProjectTitle": "Survey and clearance",
    "PurposeCode": "15250", "PurposeName": LAND_MINES, "SectorCode": "152", "ChannelCode": "41126",
    "ChannelName": "United Nations Mine Action Service", "ChannelReportedName": "UNMAS",
    "LongDescription": "Clearance in two districts",
}  # fmt: skip
# The same activity in the shape of the query's answer: one flow a row.
ANSWER: Row = {
    "STRUCTURE": "DATAFLOW", "STRUCTURE_ID": "OECD.DCD.FSD:DSD_CRS@DF_CRS(1.6)", "ACTION": "I",
    "DONOR": "USA", "Donor": "United States", "RECIPIENT": "LAO",
    "Recipient": "Lao People's Democratic Republic", "SECTOR": "15250", "Sector": LAND_MINES,
    "MEASURE": "11", "Measure": "ODA Grants", "CHANNEL": "40000", "Channel": "Multilateral",
    "MODALITY": "C01", "Modality": "Projects", "FLOW_TYPE": "D", "Flow type": "Disbursements",
    "PRICE_BASE": "V", "Price base": "Current prices", "MD_DIM": "DD", "MD_ID": "900001",
    "UNIT_MEASURE": "USD", "TIME_PERIOD": "2022", "OBS_VALUE": "0.0542973", "BASE_PER": "",
    "OBS_STATUS": "A", "UNIT_MULT": "6", "DONOR_AGENCY": "302_11", "Donor agency": "State Department",
    "OECD_ID": "2022000123", "DONOR_PROJECT_ID": "SPMWRA22GR0001", "CHANNELDELIVERY_CODE": "41126",
    "CHANNELDELIVERY_NAME": "UNMAS", "FINANCETYPE_CODE": "110", "PROJECT_TITLE": "Survey and clearance",
    "SHORT_DESCRIPTION": "CLEARANCE",
}  # fmt: skip
TOTAL = ANSWER | {
    "MEASURE": "100", "Measure": "Official Development Assistance", "CHANNEL": "_T", "MODALITY": "_T",
    "MD_DIM": "_T", "MD_ID": "0", "DONOR_AGENCY": "", "Donor agency": "", "OECD_ID": "",
    "DONOR_PROJECT_ID": "", "CHANNELDELIVERY_CODE": "", "CHANNELDELIVERY_NAME": "",
    "FINANCETYPE_CODE": "", "PROJECT_TITLE": "", "SHORT_DESCRIPTION": "",
}  # fmt: skip


def yearly(*rows: Row, header: Sequence[str] = tuple(PROJECT)) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, header, restval="", delimiter="|", quoting=csv.QUOTE_ALL,
                            lineterminator="\n", extrasaction="ignore")  # fmt: skip
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def parquet(*rows: Row) -> bytes:
    """As a database writes it: numbers are floating-point, also those of codes."""
    numbers = [name for name in PROJECT if name.startswith("USD_") or name.endswith("Code")]
    whole = io.BytesIO()
    pl.DataFrame(rows).with_columns(
        pl.col(numbers).replace({"": None}).cast(pl.Float64), pl.col("Year").cast(pl.Int64)
    ).write_parquet(whole)
    return whole.getvalue()


def answer(*rows: Row) -> bytes:
    return csv_text(list(ANSWER), rows).encode()


def read_files(files: Mapping[str, bytes] | Contents) -> tuple[Reading, pl.DataFrame]:
    spec, reading = all_sources()[SOURCE], Reading()
    found = files if isinstance(files, Contents) else contents(files)
    look_at_bytes(found)
    spec.reader()(found, reading, AREAS)
    checked: Checked = check(spec, reading)
    funding = checked.tables["funding"]
    for file in found:  # every row is accounted for, in every test that reads
        entries = funding.filter(pl.col("file") == file).height
        rejected = {each.locator for each in reading.rejects if each.locator.startswith(file)}
        rows = entries + len(rejected) + reading.deselected.get(file, 0)
        assert reading.rows_read.get(file, 0) == rows, file
    return reading, funding


def of_file(*rows: Row) -> tuple[Reading, pl.DataFrame]:
    return read_files({YEARLY: yearly(*rows)})


def of_query(*rows: Row) -> tuple[Reading, pl.DataFrame]:
    return read_files({ACTIVITIES: answer(*rows)})


def quiet(reading: Reading) -> bool:
    return not (reading.rejects or reading.issues or reading.doubts)


def series(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    return frame.filter(pl.col("series") == f"crs_{name}")


# What a row becomes


def test_a_row_of_the_files_is_a_commitment_and_a_disbursement_that_are_never_added() -> None:
    reading, rows = of_file(PROJECT)
    assert quiet(reading)
    alike = {
        "donor": "United States", "donor_area": "USA", "agency": "State Department", "area": "LAO",
        "area_as_printed": "Lao People's Democratic Republic", "implementer": "UNMAS",
        "award_id": "SPMWRA22GR0001", "title": "Survey and clearance", "year": 2022,
        "year_basis": "calendar", "currency": "USD", "account": "Not stated", "status": "actual",
        "purpose_code": "15250", "selection_rule": "purpose 15250", "sector_as_printed": LAND_MINES,
        "unit_as_printed": "current U.S. dollars, times 10 to the power of 6", "precision": "exact",
        "is_printed_total": False, "note": "flow 11 ODA Grants; finance type 110; aid type C01; channel "
        "41126 United Nations Mine Action Service",
        "place": "agency 11; OECD number 2022000123; project SPMWRA22GR0001; channel 41126; flow 11; "
        "finance type 110; aid type C01; bi/multi 1; no. 1",
    }  # fmt: skip
    only(
        series(rows, "commitments"), flow="commitment", amount=Decimal(1_500_000),
        amount_usd=Decimal(1_500_000), amount_as_printed="1.5",
        locator=f"{YEARLY} row 2 /USD_Commitment", **alike,
    )  # fmt: skip
    only(
        series(rows, "disbursements"), flow="disbursement", amount=Decimal("54297.30"),
        amount_as_printed=".0542973", locator=f"{YEARLY} row 2 /USD_Disbursement", **alike,
    )  # fmt: skip


def test_a_row_of_the_query_is_one_flow_of_one_activity() -> None:
    reading, rows = of_query(ANSWER, ANSWER | {"FLOW_TYPE": "C", "OBS_VALUE": "1.5"})
    assert quiet(reading)
    only(
        series(rows, "disbursements"), flow="disbursement", amount_usd=Decimal("54297.30"),
        amount_as_printed="0.0542973", donor="United States", donor_area="USA", area="LAO",
        agency="State Department", implementer="UNMAS", award_id="SPMWRA22GR0001", year=2022,
        title="Survey and clearance", selection_rule="purpose 15250", purpose_code="15250",
        note="flow 11 ODA Grants; finance type 110; aid type C01; channel 41126 United Nations Mine "
        "Action Service", locator=f"{ACTIVITIES} row 2",
    )  # fmt: skip
    only(series(rows, "commitments"), flow="commitment", amount_usd=Decimal(1_500_000))


def test_a_printed_total_is_a_series_of_its_own_and_says_that_it_is_one() -> None:
    reading, rows = read_files({ACTIVITIES: answer(ANSWER), TOTALS: answer(TOTAL)})
    assert quiet(reading)
    only(series(rows, "disbursements"), is_printed_total=False)
    only(series(rows, "disbursement_totals"), is_printed_total=True, implementer=None, title=None,
         amount_usd=Decimal("54297.30"), place="total; flow 100; no. 1")  # fmt: skip
    additive = {name for name, each in all_sources()[SOURCE].series.items() if each.is_additive}
    assert additive == {"crs_commitments", "crs_disbursements"}


def test_another_purpose_is_left_whatever_its_words() -> None:
    others = ["15240", "15230", "15210", "152", "152501", "15251", ""]
    reading, rows = of_file(
        PROJECT, *(PROJECT | {"ProjectTitle": "Demining", "PurposeCode": code} for code in others)
    )
    assert (rows.height, reading.deselected) == (2, {YEARLY: len(others)})
    reading, rows = of_query(
        ANSWER, *(ANSWER | {"PROJECT_TITLE": "Demining", "SECTOR": code} for code in others)
    )
    assert (rows.height, reading.deselected) == (1, {ACTIVITIES: len(others)})


def test_constant_prices_are_neither_a_figure_nor_a_value() -> None:
    reading, rows = of_query(
        ANSWER, ANSWER | {"PRICE_BASE": "Q", "BASE_PER": "2023", "OBS_VALUE": "9"}
    )
    assert quiet(reading)
    only(rows, amount_usd=Decimal("54297.30"))
    assert reading.deselected == {ACTIVITIES: 1}
    _, before = of_file(PROJECT)
    _, rebased = of_file(PROJECT | {"USD_Commitment_Defl": "2", "USD_Disbursement_Defl": ".07"})
    assert before.equals(rebased)


PRINTED = [
    ("0.472444", "472444.00", "exact"),
    ("1.15797612", "1157976.12", "exact"),
    (".0542973", "54297.30", "exact"),
    ("12.", "12000000.00", "exact"),
    ("-0.25", "-250000.00", "exact"),
    ("1e-05", "10.00", "exact"),
    ("0", "0.00", "exact"),
    ("0.123456789", "123456.79", "rounded"),
    ("0.000000005", "0.00", "rounded"),  # half a cent goes to the even cent
    ("0.000000015", "0.02", "rounded"),
    ("999999999.99", "999999999990000.00", "exact"),
]


def test_millions_become_dollars_exactly_and_what_is_below_the_cent_is_said() -> None:
    reading, rows = of_query(
        *(ANSWER | {"OBS_VALUE": each[0], "MD_ID": str(at)} for at, each in enumerate(PRINTED))
    )
    assert quiet(reading)
    assert rows["amount"].equals(rows["amount_usd"])
    found = rows.select("amount_as_printed", pl.col("amount").cast(pl.String), "precision")
    assert sorted(found.iter_rows()) == sorted(PRINTED)


def test_the_unit_that_is_printed_counts() -> None:
    _, rows = of_query(ANSWER | {"OBS_VALUE": "1234.5", "UNIT_MULT": "3"})
    only(rows, amount_usd=Decimal("1234500.00"))
    reading, rows = of_query(
        ANSWER | {"UNIT_MULT": "5"}, ANSWER | {"UNIT_MULT": ""}, ANSWER | {"UNIT_MEASURE": "EUR"}
    )
    assert rows.height == 0
    assert [(reject.column, reject.raw_value) for reject in reading.rejects] == [
        ("unit", "EUR"), ("multiplier", "5"), ("multiplier", None),
    ]  # fmt: skip


def test_a_row_that_is_not_as_documented_is_a_reject() -> None:
    odd = [
        ("OBS_VALUE", "1,5"), ("OBS_VALUE", "n.a."), ("OBS_VALUE", "1e3"), ("TIME_PERIOD", "2022-Q1"),
        ("FLOW_TYPE", "R"), ("MD_DIM", "XX"), ("MEASURE", "99"),
    ]  # fmt: skip
    reading, rows = of_query(*(ANSWER | {column: value} for column, value in odd))
    assert rows.height == 0
    assert Counter(str(reject.raw_value) for reject in reading.rejects) == Counter(
        value for _, value in odd
    )


def test_a_missing_amount_is_no_figure_and_never_zero_and_money_received_is_not_read() -> None:
    reading, rows = of_file(
        PROJECT | {"USD_Commitment": ""},
        PROJECT | {"USD_Commitment": "", "USD_Disbursement": "", "USD_Received": "3"},
        PROJECT | {"USD_Commitment": "0", "USD_Disbursement": "", "CrsID": "2022000999"},
    )
    assert quiet(reading)
    assert sorted(rows["amount_usd"]) == [Decimal(0), Decimal("54297.30")]
    assert reading.deselected == {YEARLY: 1}
    reading, rows = of_query(ANSWER | {"OBS_VALUE": ""})
    assert (rows.height, reading.deselected) == (0, {ACTIVITIES: 1})


def test_money_returned_stays_negative_and_is_part_of_the_sum() -> None:
    reading, rows = of_file(PROJECT, PROJECT | {"USD_Commitment": "-.5", "USD_Disbursement": ""})
    assert quiet(reading)
    assert series(rows, "commitments")["amount_usd"].sum() == Decimal(1_000_000)
    assert "money returned" in "".join(rows["place"])


@pytest.mark.parametrize(
    ("cells", "implementer"),
    [
        ({}, "UNMAS"),
        ({"ChannelReportedName": ""}, "United Nations Mine Action Service"),
        ({"ChannelReportedName": "", "ChannelName": ""}, "United Nations Mine Action Service"),
        ({"ChannelReportedName": "", "ChannelName": "", "ChannelCode": "21063"}, None),
        ({"ChannelReportedName": "", "ChannelName": "", "ChannelCode": ""}, None),
    ],
)
def test_the_implementer_is_the_channel_as_reported_else_as_listed(
    cells: Row, implementer: str | None
) -> None:
    listed = dict(pl.read_csv(TABLES / "channels.csv", infer_schema=False).iter_rows())
    _, rows = of_file(PROJECT | cells | {"USD_Disbursement": ""})
    expected = implementer or listed.get(cells.get("ChannelCode", "41126"))
    only(rows, implementer=expected)


def test_the_reduced_file_lacks_names_which_come_from_the_lists() -> None:
    text_columns = {
        "AgencyName", "ChannelName", "ChannelReportedName", "ProjectTitle", "ShortDescription",
        "LongDescription", "PurposeName", "FlowName",
    }  # fmt: skip
    header = [name for name in PROJECT if name not in text_columns]
    reading, rows = read_files({YEARLY: yearly(PROJECT, header=header)})
    assert quiet(reading)
    only(series(rows, "commitments"), agency="State Department", title=None,
         implementer="United Nations Mine Action Service")  # fmt: skip


# Donors and recipients

GROUPS = ("ALLD", "ALLM", "DAC", "DAC_EC", "DACEU", "DACEU_EC", "EU00", "G7", "WXDAC", "1UN0", "9OTH0",
          "5WB0", "9PRIV0")  # fmt: skip


def test_a_group_of_donors_is_never_added_to_single_donors() -> None:
    groups = [ANSWER | {"DONOR": code, "Donor": "a group", "OBS_VALUE": "9"} for code in GROUPS]
    reading, rows = of_query(ANSWER, *groups)
    assert quiet(reading)
    only(rows, donor="United States", amount_usd=Decimal("54297.30"))
    assert reading.deselected == {ACTIVITIES: len(GROUPS)}


def test_the_united_nations_stand_beside_their_members_and_are_left() -> None:
    members = [
        ANSWER | {"DONOR": code, "Donor": name, "MD_ID": code, "OBS_VALUE": "1"}
        for code, name in (("1UN014", "UNDP"), ("1UN019", "UNICEF"), ("1UN011", "UN Peacebuilding Fund"))
    ]  # fmt: skip
    parent = ANSWER | {"DONOR": "1UN0", "Donor": "United Nations", "MD_ID": "0", "OBS_VALUE": "3"}
    reading, rows = of_query(*members, parent)
    assert quiet(reading)
    assert rows["amount_usd"].sum() == Decimal(3_000_000)
    assert dict(rows.select("donor", "donor_area").iter_rows()) == {
        "UNDP": "XUD", "UNICEF": "XUI", "UN Peacebuilding Fund": None,
    }  # fmt: skip


def test_a_group_of_recipients_is_left_and_its_money_not_spread() -> None:
    groups = ["F", "S97", "DPGC", "LDC", "LMIC", "INC_X", "ALLR", "E"]
    reading, rows = of_query(
        ANSWER, *(ANSWER | {"RECIPIENT": code, "Recipient": "a group"} for code in groups)
    )
    assert quiet(reading)
    assert (rows["area"].to_list(), reading.deselected) == (["LAO"], {ACTIVITIES: len(groups)})


REGIONS = [
    ("298", "F_X", "Africa, regional", "QOA"),
    ("9998", "DPGC_X", "Bilateral, unspecified", "QOY"),
    ("998", "DPGC_X", "Developing countries, unspecified", "QOY"),
    ("57", "XKV", "Kosovo", "XKX"),
    ("55", "TUR", "Türkiye", "TUR"),
    ("550", "PSE", "West Bank and Gaza Strip", "PSE"),
    ("10280", "F5_X", "Middle Africa, regional", "QOM"),
]


def test_regional_and_unspecified_recipients_are_kept_as_single_lines() -> None:
    for reading, rows in (
        of_file(*(PROJECT | {"RecipientCode": number, "RecipientName": name, "USD_Disbursement": ""}
                  for number, _, name, _ in REGIONS)),
        of_query(*(ANSWER | {"RECIPIENT": code, "Recipient": name, "MD_ID": number}
                   for number, code, name, _ in REGIONS)),
    ):  # fmt: skip
        assert quiet(reading)
        assert list(rows.select("area_as_printed", "area").iter_rows()) == [
            (name, area) for _, _, name, area in REGIONS
        ]


def test_an_unknown_donor_or_recipient_is_a_reject_for_it_may_be_a_group() -> None:
    reading, rows = of_query(ANSWER | {"DONOR": "9NEW0"}, ANSWER | {"RECIPIENT": "NEW_X"}, ANSWER)
    assert rows.height == 1
    assert [(each.locator, each.raw_value) for each in reading.rejects] == [
        (f"{ACTIVITIES} row 2", "9NEW0"), (f"{ACTIVITIES} row 3", "NEW_X"),
    ]  # fmt: skip
    assert "parties.csv" in str(reading.rejects[0])
    reading, rows = of_file(PROJECT | {"DonorCode": "20005"}, PROJECT | {"DonorCode": "4711"})
    assert (rows.height, reading.deselected) == (0, {YEARLY: 1})
    assert [reject.raw_value for reject in reading.rejects] == ["4711"]


def test_a_name_that_contradicts_its_code_is_an_issue_and_the_code_is_used() -> None:
    reading, rows = of_query(ANSWER | {"Recipient": "Cambodia"})
    only(rows, area="LAO", area_as_printed="Cambodia")
    assert [(issue.rule, issue.raw_value) for issue in reading.issues] == [
        ("the code and the name disagree", "LAO: Cambodia")
    ]


def test_an_answer_without_labels_takes_its_names_from_the_list() -> None:
    header = [name for name in ANSWER if name == name.upper()]
    reading, rows = read_files(
        {ACTIVITIES: csv_text(header, [{k: ANSWER[k] for k in header}]).encode()}
    )
    assert quiet(reading)
    only(rows, donor="United States", area="LAO", agency="302_11", implementer="UNMAS")


# What would count twice


def test_a_part_of_a_printed_total_is_left() -> None:
    parts = [{"CHANNEL": "40000"}, {"MODALITY": "C01"}, {"MEASURE": "11"}, {"MEASURE": "14"}]
    reading, rows = of_query(TOTAL, *(TOTAL | cells for cells in parts))
    assert quiet(reading)
    assert (rows.height, reading.deselected) == (1, {ACTIVITIES: len(parts)})


def test_an_activity_in_its_measure_and_in_their_sum_counts_once() -> None:
    reading, rows = of_query(ANSWER, ANSWER | {"MEASURE": "100"})
    assert quiet(reading)
    only(rows, amount_usd=Decimal("54297.30"))
    assert reading.deselected == {ACTIVITIES: 1}
    reading, rows = of_query(ANSWER | {"MEASURE": "100"})
    assert (rows.height, quiet(reading)) == (1, True)


def test_an_activity_number_that_stands_twice_is_doubted() -> None:
    reading, _ = of_query(ANSWER, ANSWER | {"CHANNEL": "_T"})
    assert [doubt.raw_value for doubt in reading.doubts] == ["900001"]
    reading, _ = of_query(ANSWER, ANSWER | {"MD_ID": "900002"})
    assert quiet(reading)


def test_two_files_with_the_same_donor_and_year_are_doubted() -> None:
    reading, _ = read_files({YEARLY: yearly(PROJECT), ACTIVITIES: answer(ANSWER)})
    assert [doubt.raw_value for doubt in reading.doubts] == [f"USA 2022 in {YEARLY}, {ACTIVITIES}"]
    other = yearly(PROJECT | {"Year": "2020"})
    assert quiet(read_files({YEARLY: other, ACTIVITIES: answer(ANSWER)})[0])


def test_a_file_that_newer_ones_replace_holds_nothing_any_more() -> None:
    reading, rows = read_files({YEARLY: REPLACED + b"\n", ACTIVITIES: answer(ANSWER)})
    assert quiet(reading)
    assert rows.height == 1
    assert read_files({YEARLY: REPLACED + b"\n"})[1].height == 0


def test_totals_that_differ_from_their_activities_are_shown_and_not_mended() -> None:
    wider = TOTAL | {"OBS_VALUE": "0.5"}
    reading, rows = read_files({ACTIVITIES: answer(ANSWER), TOTALS: answer(wider)})
    [issue] = reading.issues
    assert issue.locator == f"{TOTALS} row 2"
    assert issue.raw_value == (
        "disbursements of USA to LAO in 2022: 500,000.00 printed, 54,297.30 by activity"
    )
    assert sorted(rows["amount_usd"]) == [Decimal("54297.30"), Decimal(500_000)]
    near = TOTAL | {"OBS_VALUE": f"{(54_297 + ENOUGH) / 1e6:.6f}"}
    assert quiet(read_files({ACTIVITIES: answer(ANSWER), TOTALS: answer(near)})[0])
    foundation = ANSWER | {"MEASURE": "30", "MD_ID": "2", "OBS_VALUE": "7"}
    assert quiet(read_files({ACTIVITIES: answer(ANSWER, foundation), TOTALS: answer(TOTAL)})[0])


# Forms of the files


def test_text_and_parquet_hold_the_same_figures(tmp_path: Path) -> None:
    rows = [PROJECT, PROJECT | {"PurposeCode": "12110"}, PROJECT | {"CrsID": "2022000124",
            "USD_Commitment": "-0.000125", "USD_Disbursement": "", "ChannelCode": ""}]  # fmt: skip
    _, text = of_file(*rows)
    (tmp_path / "copy").write_bytes(parquet(*rows))
    archive = Archive(tmp_path / "archive")
    vintage = archive.take(SOURCE, PARQUET, tmp_path / "copy", "")  # packed, as what is fetched
    reading, packed = read_files(Contents(archive, [vintage]))
    assert quiet(reading)
    printed = ["file", "locator", "amount_as_printed"]
    assert packed.drop(printed).equals(text.drop(printed))
    assert [locator.partition(" ")[2] for locator in packed["locator"]] == [
        locator.partition(" ")[2] for locator in text["locator"]
    ]
    for locator in packed["locator"]:
        heading, found = find(archive, vintage.sha256, locator)
        assert heading == ""
        assert f"CrsID: {2022000123 if ' row 2 ' in locator else 2022000124}" in found
    assert not list((tmp_path / "archive").glob("*.part")), "the unpacked copy is removed"


def test_a_row_of_a_text_with_vertical_bars_is_found_again(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    content = yearly(PROJECT | {"LongDescription": 'two\nlines, "quoted" | barred'}, PROJECT)
    vintage = archive.put(SOURCE, YEARLY, content, "")
    reading, rows = read_files(Contents(archive, [vintage]))
    assert quiet(reading)
    assert rows["locator"].str.contains(" row 3 ").sum() == 2
    _, found = find(archive, vintage.sha256, f"{YEARLY} row 2 /USD_Disbursement")
    assert "USD_Disbursement: .0542973\n" in found
    assert 'LongDescription: two\nlines, "quoted" | barred' in found


@pytest.mark.parametrize(
    "change", [str.lower, lambda text: text.replace("USD_", "usd_"),
               lambda text: text.replace("Finance_T", "FinanceType").replace("Bi_Multi", "BiMulti")],
)  # fmt: skip
def test_the_case_of_a_files_column_names_does_not_matter(change: object) -> None:
    assert callable(change)
    header, _, rest = yearly(PROJECT).decode().partition("\n")
    reading, rows = read_files({YEARLY: f"{change(header)}\n{rest}".encode()})
    assert quiet(reading)
    assert rows.equals(of_file(PROJECT)[1])


def test_an_unknown_column_is_an_issue_and_a_missing_one_stops_the_source_with_those_found() -> (
    None
):
    reading, rows = read_files({YEARLY: yearly(PROJECT, header=[*PROJECT, "Novelty"])})
    assert ([issue.column for issue in reading.issues], rows.height) == (["Novelty"], 2)
    header = [name for name in PROJECT if name != "PurposeCode"]
    with pytest.raises(SourceError, match=r"lacks the column PurposeCode; it has Year, DonorCode"):
        read_files({YEARLY: yearly(PROJECT, header=header)})
    header = [name for name in ANSWER if name != "PRICE_BASE"]
    with pytest.raises(SourceError, match="lacks the column PRICE_BASE; it has STRUCTURE"):
        read_files({ACTIVITIES: csv_text(header, [{k: ANSWER[k] for k in header}]).encode()})


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        (PARQUET, b"<!DOCTYPE html><title>Just a moment...</title>", "is an HTML page"),
        (PARQUET, b'{"challenge": "managed"}', "is no Parquet file"),
        (PARQUET, parquet(PROJECT)[:-9], "CRS.parquet cannot be read"),
        (YEARLY, parquet(PROJECT), "is Parquet, not the text"),
        (YEARLY, yearly(PROJECT).replace(b"Survey", b"Surv\xe9y"), "line 2 is not UTF-8"),
        (YEARLY, yearly(PROJECT, PROJECT)[:-40] + b"\n", "cells where|not closed"),
    ],
)
def test_what_is_no_file_of_the_oecd_is_refused(file: str, content: bytes, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        read_files({file: content})


# Two vintages of one file

RELEASE = [
    PROJECT,
    PROJECT | {"USD_Commitment": "2", "ProjectTitle": "Risk education"},
    PROJECT | {"CrsID": "2022000200", "USD_Commitment": "", "USD_Disbursement": ".4"},
    PROJECT | {"USD_Commitment": "-.1", "USD_Disbursement": ""},
    PROJECT | {"ChannelCode": "21063", "USD_Disbursement": ""},
    PROJECT | {"DonorCode": "701", "DonorName": "Japan", "AgencyCode": "1", "USD_Disbursement": ""},
    PROJECT | {"PurposeCode": "11110"},
]  # fmt: skip


def changes(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Counter[str]:
    """What recording the second copy does to the entries of the first."""
    spec = all_sources()[SOURCE]
    with duckdb.connect() as con:
        record.create_tables(con)
        found: Counter[str] = Counter()
        for number, files in enumerate((before, after), 1):
            reading = Reading()
            spec.reader()(contents(files), reading, AREAS)
            checked = check(spec, reading)
            found = record.record(con, number, record.compare(con, SOURCE, checked))
        return found


def rebased(rows: Sequence[Row]) -> list[Row]:
    """The rows as the next release has them: another base year, another order."""
    fresh = [row | {"USD_Commitment_Defl": "7", "USD_Disbursement_Defl": "8", "InitialReport": "3"}
             for row in rows]  # fmt: skip
    random.Random(7).shuffle(fresh)  # noqa: S311 (an order, not a secret)
    return fresh


def test_a_release_that_only_rebases_and_shuffles_changes_nothing() -> None:
    before, after = {YEARLY: yearly(*RELEASE)}, {YEARLY: yearly(*rebased(RELEASE))}
    assert changes(before, after) == Counter()
    answers = [ANSWER, ANSWER | {"MD_ID": "900002", "OBS_VALUE": "2"}, TOTAL]
    renumbered = [row | {"MD_ID": f"1{row['MD_ID']}"} for row in reversed(answers)]
    assert changes({ACTIVITIES: answer(*answers)}, {ACTIVITIES: answer(*renumbered)}) == Counter()


@pytest.mark.parametrize("index", [0, 2, 5])
def test_a_corrected_amount_is_one_revision_and_a_row_that_goes_or_comes_is_one_too(
    index: int,
) -> None:
    column = "USD_Commitment" if RELEASE[index]["USD_Commitment"] else "USD_Disbursement"
    corrected = [dict(row) for row in RELEASE]
    corrected[index][column] += "1" if "." in corrected[index][column] else ".1"
    release = {YEARLY: yearly(*RELEASE)}
    assert changes(release, {YEARLY: yearly(*rebased(corrected))}) == Counter(revised=1)
    fewer = {YEARLY: yearly(*rebased([row for at, row in enumerate(RELEASE) if at != index]))}
    figures = sum(bool(RELEASE[index][f"USD_{flow}"]) for flow in ("Commitment", "Disbursement"))
    gone, came = changes(release, fewer), changes(fewer, release)
    assert (gone["withdrawn"], gone["added"]) == (figures, 0)
    assert (came["added"], came["withdrawn"]) == (figures, 0)


@given(st.permutations(RELEASE))
@settings(max_examples=5)
def test_whatever_the_order_of_the_rows_each_key_holds_the_same(rows: list[Row]) -> None:
    first, second = (of_file(*each)[1].drop("locator").sort(KEY) for each in (RELEASE, rows))
    assert first.equals(second)
    assert not first.select(KEY).is_duplicated().any()


# The tables beside the reader, and the real samples


def sample(name: str) -> bytes:
    path = SAMPLES / name
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def parties() -> list[Row]:
    with (TABLES / "parties.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_table_of_donors_and_recipients_is_sound() -> None:
    rows = parties()
    codes = [row["code"] for row in rows if row["code"]]
    numbers = [code for row in rows if row["crs_codes"] for code in row["crs_codes"].split(" ; ")]
    assert len(set(codes)) == len(codes)
    assert len(set(numbers)) == len(numbers)
    assert {row["kind"] for row in rows} == {"one", "group"}
    assert {row["area"] for row in rows if row["area"]} <= set(AREAS_TABLE["area"])
    assert not [row for row in rows if row["kind"] == "group" and row["area"]]
    assert {row["code"] for row in rows if row["kind"] == "group"} >= set(GROUPS)
    countries = AREAS_TABLE.filter(pl.col("kind") == "country")["area"]
    assert set(countries) <= {row["area"] for row in rows}


def test_every_donor_and_recipient_of_the_oecds_lists_is_known_under_its_name() -> None:
    names = json.loads(sample("crs_code_names.json"))
    listed = {**names["donor_code"], **names["recipient_code"]}
    listed |= {row["code"]: row["name_en"] for row in csv.DictReader(
        io.StringIO(sample("codelist_recipients.csv").decode()))}  # fmt: skip
    rows = []
    for code, name in listed.items():
        side = "Donor" if code in names["donor_code"] else "Recipient"
        rows.append(PROJECT | {f"{side}Code": code, f"{side}Name": name, "CrsID": code})
    reading, funding = of_file(*rows)
    assert quiet(reading)
    assert funding.height == 2 * len(listed)
    assert funding["area"].null_count() == 0


def test_the_channels_and_agencies_are_those_of_the_oecds_lists() -> None:
    for name, table, columns in (
        ("codelist_channel_codes.csv", "channels.csv", ("code", "name_en")),
        ("codelist_agencies.csv", "agencies.csv", ("code", "agency_code", "agency_name_en")),
    ):
        theirs = csv.DictReader(io.StringIO(sample(name).decode()))
        ours = pl.read_csv(TABLES / table, infer_schema=False)
        assert list(ours.iter_rows()) == [
            tuple(row[column].strip() for column in columns) for row in theirs
        ]


ISO3 = {
    "AU": "AUS", "BE": "BEL", "CA": "CAN", "CZ": "CZE", "DE": "DEU", "GB": "GBR", "JP": "JPN",
    "NZ": "NZL", "US": "USA", "CK": "COK", "FJ": "FJI", "KI": "KIR", "MH": "MHL", "PW": "PLW",
    "SB": "SLB", "TO": "TON", "TV": "TUV", "VU": "VUT",
}  # fmt: skip


def pacific(price_base: str) -> tuple[list[Row], list[Row]]:
    """The rows of the holder's extract, and what the query had answered: totals in millions."""
    rows = list(csv.DictReader(io.StringIO(sample("pacific_152xx_by_provider_year.csv").decode())))
    mines = [row for row in rows if row["sector_code"] == "15250"]
    return mines, [
        TOTAL | {
            "DONOR": ISO3[row["counterpart_code"]], "Donor": row["counterpart_name"],
            "RECIPIENT": ISO3[row["pacific_code"]], "Recipient": row["pacific_name"],
            "TIME_PERIOD": row["year"], "PRICE_BASE": price_base, "BASE_PER": "2024",
            "OBS_VALUE": f"{Decimal(row['value_usd']).scaleb(-6).normalize():f}",
        }
        for row in mines
    ]  # fmt: skip


def test_the_real_extract_is_in_constant_prices_and_gives_no_figure() -> None:
    mines, rows = pacific("Q")
    reading, funding = of_query(*rows)
    assert quiet(reading)
    assert (len(mines), funding.height, reading.deselected) == (61, 0, {ACTIVITIES: 61})


def test_the_real_extract_were_it_in_current_prices_gives_each_amount_to_the_dollar() -> None:
    mines, rows = pacific("V")  # a test of the shape: these amounts are constant dollars
    reading, funding = of_query(*rows)
    assert quiet(reading)
    printed = {
        (ISO3[row["counterpart_code"]], ISO3[row["pacific_code"]], int(row["year"])):
        Decimal(row["value_usd"]) for row in mines
    }  # fmt: skip
    found = funding.select("donor_area", "area", "year", "amount_usd")
    assert {row[:3]: row[3] for row in found.iter_rows()} == printed
    assert Counter(funding["donor_area"])["USA"] == 19
    for donor, area, year, dollars in (
        ("USA", "FJI", 2023, 472_444), ("USA", "PLW", 2024, 1_157_976), ("AUS", "COK", 2013, 7_801),
        ("USA", "SLB", 2024, 1_066_607), ("JPN", "PLW", 2022, 670_633), ("AUS", "PLW", 2012, 1_236_713),
        ("CAN", "PLW", 2013, 141), ("DEU", "MHL", 2015, 70_369), ("NZL", "SLB", 2013, 112_147),
        ("BEL", "PLW", 2018, 24_163), ("CZE", "PLW", 2017, 18_390), ("GBR", "PLW", 2010, 22_057),
    ):  # fmt: skip
        assert printed[donor, area, year] == dollars


def test_an_older_compilation_by_others_is_refused_with_the_columns_it_has() -> None:
    with pytest.raises(SourceError, match="it has date, donor, recipient, sum_amount_usd_constant"):
        read_files({YEARLY: sample("aiddata_flows_sample.csv.gz")})


# Fetching, against a replay on this machine

DATA_PATH = "/dcd-public/rest/data/OECD.DCD.FSD,DSD_CRS@DF_CRS,/"
ACTIVITIES_AT = f"{DATA_PATH}..15250....C+D.V.DD.."
TOTALS_AT = f"{DATA_PATH}..15250.100._T._T.C+D.V._T.."
FLOW_AT = "/public/rest/dataflow/OECD.DCD.FSD/DSD_CRS@DF_CRS/latest"
ONE, TWO = answer(ANSWER), answer(ANSWER, ANSWER | {"MD_ID": "900002", "TIME_PERIOD": "2023"})
NONE_FOUND = Status(404, b"NoRecordsFound")


@pytest.fixture
def replay(monkeypatch: pytest.MonkeyPatch) -> Iterator[Replay]:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with serving() as served:
        yield served


def spec_of(**options: object) -> SourceSpec:
    spec = all_sources()[SOURCE]
    assert spec.fetch
    asked = {"first_year": 2021, "years_per_question": 10, "questions": {
        "activities": spec.fetch.options["questions"]["activities"]}}  # fmt: skip
    rules = spec.fetch.model_copy(
        update={
            "min_interval_seconds": 0, "attempts": 2, "options": {**spec.fetch.options, **asked, **options},
        }
    )  # fmt: skip
    return spec.model_copy(update={"fetch": rules, "guard": NO_LIMITS, "min_entries": 0})


def fetch(folders: Folders, replay: Replay, **options: object) -> Outcome:
    config = Config.model_validate(
        {
            "fetch": {"allow_loopback": True, "contact": "tests@example.org"},
            "sources": {SOURCE: {"base_url": replay.url("/")}},
        }
    )
    return refresh(folders, [spec_of(**options)], settings=config)


def years(folders: Folders) -> list[int]:
    return [row[0] for row in ask(folders, "SELECT year FROM funding ORDER BY year")]


def said(outcome: Outcome) -> str:
    return str(outcome.sources[0].failure)


def test_both_questions_are_asked_for_current_prices_and_all_donors(
    workspace: Folders, replay: Replay
) -> None:
    questions = all_sources()[SOURCE].fetch.options["questions"]  # type: ignore[union-attr]
    assert {key.count(".") for key in questions.values()} == {DIMENSIONS - 1}
    replay.on(ACTIVITIES_AT, NONE_FOUND, File(ONE))
    replay.on(TOTALS_AT, NONE_FOUND, File(answer(TOTAL), etag='"t"'))
    outcome = fetch(workspace, replay, questions=questions, first_year=2001, years_per_question=20)
    assert outcome.failed == []
    assert [seen.query["startPeriod"] for seen in replay.requests(TOTALS_AT)] == ["2001", "2021"]
    assert replay.requests(ACTIVITIES_AT)[0].query == {
        "startPeriod": "2001", "endPeriod": "2020", "dimensionAtObservation": "AllDimensions",
        "format": "csvfilewithlabels",
    }  # fmt: skip


NEWER = File(TWO, etag='"2"')
PASSING: dict[str, list[Route]] = {
    "500": [Status(500), NEWER],
    "429 with Retry-After": [rate_limited(0), NEWER],
    "a cut body": [File(TWO, etag='"2"', cut=90), NEWER],
}


@pytest.mark.parametrize("routes", PASSING.values(), ids=PASSING)
def test_what_the_service_does_wrong_for_a_moment_is_borne(
    workspace: Folders, replay: Replay, routes: list[Route]
) -> None:
    replay.on(ACTIVITIES_AT, *routes)
    assert fetch(workspace, replay).failed == []
    assert years(workspace) == [2022, 2023]


LASTING: dict[str, tuple[Route, str, str]] = {
    "a challenge page": (html("<!DOCTYPE html><title>Just a moment...</title>"), "stale", "browser check"),
    "403 with a challenge": (Status(403, b"<html>Attention Required!"), "stale", "browser check"),
    "500 always": (Status(500), "stale", "answered 500"),
    "no records at all": (NONE_FOUND, "stale", "name the version before"),
    "no such dataflow": (Status(404, b"Could not find Dataflow"), "stale", "Could not find Dataflow"),
    "a changed header": (
        File(TWO.replace(b"PRICE_BASE", b"PRICES"), etag='"3"'), "unreadable", "lacks the column PRICE_BASE",
    ),
}  # fmt: skip


def test_what_lasts_makes_the_source_stale_with_the_reason_and_no_figure_is_lost(
    workspace: Folders, replay: Replay
) -> None:
    replay.on(ACTIVITIES_AT, File(ONE))
    assert fetch(workspace, replay).failed == []
    unchanged = fetch(workspace, replay)
    assert (unchanged.sources[0].is_unread, unchanged.published) == (True, None)
    assert replay.conditional(ACTIVITIES_AT) == 1
    for name, (route, rule, words) in LASTING.items():
        replay.on(ACTIVITIES_AT, route)
        assert words in said(fetch(workspace, replay)), name
        assert years(workspace) == [2022], name
        assert ask(workspace, "SELECT rule FROM holds") == [(rule,)], name
    replay.on(ACTIVITIES_AT, NEWER)
    assert fetch(workspace, replay).failed == []
    assert (years(workspace), ask(workspace, "SELECT rule FROM holds")) == ([2022, 2023], [])


def dataflow(replay: Replay, label: str, place: str) -> None:
    """The document that names the files, as far as it matters here."""
    text = (
        '<common:Annotation><common:AnnotationType>EXT_RESOURCE</common:AnnotationType>'
        f'<common:AnnotationText xml:lang="en">CRS-reduced-parquet-v20260803|{place}x</common:AnnotationText>'
        f'<common:AnnotationText xml:lang="en">{label}|{place}</common:AnnotationText></common:Annotation>'
    )  # fmt: skip
    replay.on(FLOW_AT, Status(200, text.encode(), {"Content-Type": "application/xml"}))


def test_going_from_the_query_to_the_files_counts_no_money_twice(
    workspace: Folders, replay: Replay
) -> None:
    replay.on(ACTIVITIES_AT, File(ONE))
    assert fetch(workspace, replay).failed == []
    dataflow(replay, "CRS-Parquet-v20260803-1", replay.url("/files/CRS.parquet"))
    replay.on("/files/CRS.parquet", html("<!DOCTYPE html><title>Just a moment...</title>"))
    outcome = fetch(workspace, replay, way="files")
    assert "save the file in a browser and give it as a copy named CRS.parquet" in said(outcome)
    assert years(workspace) == [2022]
    replay.on("/files/CRS.parquet", File(parquet(PROJECT, PROJECT | {"PurposeCode": "11110"})))
    assert fetch(workspace, replay, way="files").failed == []
    assert ask(workspace, "SELECT series, amount_usd FROM funding ORDER BY series") == [
        ("crs_commitments", Decimal(1_500_000)), ("crs_disbursements", Decimal("54297.30")),
    ]  # fmt: skip
    assert fetch(workspace, replay, way="files").sources[0].is_unread
    assert verify(workspace).differences == []


def test_a_yearly_file_comes_packed_and_by_its_label(workspace: Folders, replay: Replay) -> None:
    label = "CRS 2022 (dotStat format)"
    dataflow(replay, label, replay.url("/files/CRS 2022 data.zip"))
    replay.on("/files/CRS%202022%20data.zip", File(zipped({"CRS 2022 data.txt": yearly(PROJECT)})))
    assert fetch(workspace, replay, way="files", labels=[label]).failed == []
    assert ask(workspace, "SELECT DISTINCT file FROM vintages") == [(YEARLY,)]
    assert years(workspace) == [2022, 2022]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"way": "guess"}, "way: 'guess' in source.yml is none of query, files"),
        ({"questions": {"activities": "USA.15250"}}, "has 2 dimensions, 11 are needed"),
        ({"questions": {}}, "asks no questions"),
        ({"way": "files", "labels": ["CRS-2099"]}, "names no file 'CRS-2099'; it names 'CRS-reduced-parquet"),
    ],
)  # fmt: skip
def test_an_option_that_is_none_is_said_with_what_is_possible(
    workspace: Folders, replay: Replay, options: dict[str, object], words: str
) -> None:
    dataflow(replay, "CRS-Parquet", replay.url("/files/CRS.parquet"))
    assert words in said(fetch(workspace, replay, **options))


def test_a_copy_saved_in_a_browser_is_taken_under_its_own_name(
    workspace: Folders, tmp_path: Path
) -> None:
    (tmp_path / "CRS 2022 data.txt").write_bytes(yearly(PROJECT))
    given_copies = {SOURCE: [Given(str(tmp_path / "CRS 2022 data.txt"), "saved in a browser")]}
    assert refresh(workspace, [spec_of()], given=given_copies).failed == []
    assert years(workspace) == [2022, 2022]
