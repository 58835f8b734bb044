"""USAspending.gov: what is asked, what is refused, and what each answer becomes."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import IO, Any, cast

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.archive import Archive, Contents
from etl.areas import Resolver, load_areas
from etl.check import Checked, check
from etl.config import Config, FetchConfig, SourceConfig
from etl.fetch import FetchError
from etl.locate import find
from etl.log import SourceOutcome
from etl.reading import Reading, SourceError
from etl.refresh import refresh
from etl.session import Session
from etl.settings import Folders
from etl.sources import all_sources
from etl.sources.usaspending import accounts, figures
from etl.sources.usaspending.copies import CHANGED, COLUMNS, FILES, KEY, newest, table
from etl.sources.usaspending.fetch import fetch
from etl.sources.usaspending.read import read
from etl.tables import NATURAL_KEYS
from etl.verify import verify
from tests.helpers import DATA, NO_LIMITS, TRANSCRIBED, ask, only
from tests.sources.usaspending_api import (
    PlainSession,
    Record,
    Service,
    serving,
    transaction,
)
from tests.sources.usaspending_api import table as written

SAMPLES = TRANSCRIBED.parents[2] / "shared" / "samples" / "usaspending"
AREAS = Resolver(load_areas(DATA / "reference"))
TODAY = date(2026, 11, 26)
OPTIONS = figures.OPTIONS | {"poll_seconds": 0, "accounts": [], "page_size": 2}


class Files(dict[str, bytes]):
    """Archived files, in memory."""

    @contextmanager
    def open(self, file: str) -> Iterator[IO[bytes]]:
        yield BytesIO(self[file])


def read_files(files: Mapping[str, bytes]) -> tuple[Reading, Checked]:
    reading = Reading()
    read(cast("Contents", Files(files)), reading, AREAS)
    spec = all_sources()["usaspending"]
    checked = check(spec, reading) if reading.tables else Checked({}, {}, 0)
    rejected = len({reject.locator for reject in reading.rejects})
    left = sum(reading.deselected.values())
    assert sum(reading.rows_read.values()) == checked.entries + rejected + left
    return reading, checked


def funding(files: Mapping[str, bytes]) -> tuple[Reading, pl.DataFrame]:
    reading, checked = read_files(files)
    return reading, checked.tables["funding"]


def transactions(*rows: dict[str, str], file: str = FILES[0]) -> tuple[Reading, pl.DataFrame]:
    return funding({file: written(list(COLUMNS), list(rows)).encode("utf-8-sig")})


def award(**fields: Any) -> Record:
    """An award as a search answers it: SPMWRA19GR0060 of the sample, unless said otherwise."""
    return {
        "internal_id": 1, "Award ID": "SPMWRA19GR0060",
        "Recipient Name": "THE HALO TRUST USA, INC", "Recipient UEI": "PGYCBU47CU44",
        "Start Date": "2019-10-01", "End Date": "2020-09-30", "Award Amount": 9903485.14,
        "Total Outlays": 5346998.0, "Award Type": "PROJECT GRANT (B)",
        "Assistance Listings": [
            {"cfda_number": "19.800", "cfda_program_title": "Weapons Removal and Abatement"}
        ],
        "Awarding Agency": "Department of State", "Awarding Agency Code": "019",
        "Awarding Sub Agency": "Department of State", "Funding Agency": "Department of State",
        "Funding Sub Agency": "Department of State", "Description": "NADR CWD COLOMBIA",
        "Base Obligation Date": "2019-09-30", "Last Modified Date": "2019-10-07 22:07:09.683763+00",
        "Place of Performance Country Code": "COL",
        "generated_internal_id": "ASST_NON_SPMWRA19GR0060_019", **fields,
    }  # fmt: skip


def subaward(**fields: Any) -> Record:
    """A made-up sub-award of that award, in the documented shape."""
    return {
        "internal_id": 7, "Sub-Award ID": "S-1", "Sub-Award Type": "sub-grant",
        "Sub-Awardee Name": "A LOCAL PARTNER", "Sub-Recipient UEI": None,
        "Sub-Award Date": "2019-11-04", "Sub-Award Amount": "45000.5",
        "Sub-Award Description": "SURVEY",
        "Sub-Award Primary Place of Performance": {
            "location_country_code": "COL", "country_name": "COLOMBIA", "city_name": "BOGOTA"
        },
        "Assistance Listing": {"cfda_number": "19.800", "cfda_program_title": "..."},
        "Awarding Agency": "Department of State", "Awarding Sub Agency": "Department of State",
        "Prime Award ID": "SPMWRA19GR0060", "Prime Recipient Name": "THE HALO TRUST USA, INC",
        "prime_award_generated_internal_id": "ASST_NON_SPMWRA19GR0060_019", **fields,
    }  # fmt: skip


def page(*records: Record) -> bytes:
    answer = {"results": records, "page_metadata": {"page": 1, "hasNext": False}}
    return json.dumps(answer).encode() + b"\n"


def awards(*records: Record) -> tuple[Reading, pl.DataFrame]:
    return funding({"awards.json": page(*records)})


def series(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    return frame.filter(pl.col("series") == f"usaspending_{name}")


def rules(reading: Reading) -> list[str]:
    return [issue.rule for issue in reading.issues]


@contextmanager
def session_with(
    service: Service, held: Mapping[str, bytes] | None = None, **options: object
) -> Iterator[PlainSession]:
    with serving(service) as address:
        yield PlainSession(address, OPTIONS | options, TODAY, dict(held or {}))


def fetched(
    service: Service, held: Mapping[str, bytes] | None = None, **options: object
) -> dict[str, bytes]:
    """What is in the archive after a fetch."""
    with session_with(service, held, **options) as session:
        fetch(cast("Session", session))
        return session.held


# Transactions


def test_a_transaction_is_an_obligation_of_its_own_amount_in_the_fiscal_year_of_its_date() -> None:
    reading, frame = transactions(transaction("K1"))
    assert reading.issues == []
    only(
        frame, series="usaspending_transactions", flow="obligation", year=2019,
        year_basis="fiscal", date="2019-09-30", amount_usd=Decimal("1562957.00"),
        amount_as_printed="1562957.00", place="K1", award_id="SPMWRA19GR0060",
        implementer="THE HALO TRUST USA, INC", agency="Department of State",
        bureau="WEAPONS REMOVAL AND ABATEMENT", title="NADR CWD COLOMBIA", purpose_code="19.800",
        area="COL", area_as_printed="COLOMBIA", account="State NADR-CWD",
        account_as_printed=None, selection_rule="Assistance Listing 19.800",
        is_cumulative=False, is_printed_total=False,
        note="project grant (b); place of performance, one country at best; accounts that pay for the "
        "award: 011-1075",
        source_url="https://www.usaspending.gov/award/ASST_NON_SPMWRA19GR0060_019",
        locator=f"{FILES[0]} line 2",
    )  # fmt: skip


def test_a_de_obligation_stays_negative_and_the_total_of_the_award_is_never_an_amount() -> None:
    _, frame = transactions(
        transaction("K1"), transaction("K2", federal_action_obligation="-2948782.74")
    )
    assert frame["amount_usd"].to_list() == [Decimal("1562957.00"), Decimal("-2948782.74")]
    assert Decimal("9903485.14") not in frame["amount_usd"].to_list()


@pytest.mark.parametrize(
    ("day", "year"), [("2019-09-30", 2019), ("2019-10-01", 2020), ("2019-12-31", 2020), ("2020-01-01", 2020)]
)  # fmt: skip
def test_the_fiscal_year_begins_in_october(day: str, year: int) -> None:
    reading, frame = transactions(
        transaction("K1", action_date=day, action_date_fiscal_year=str(year))
    )
    only(frame, year=year)
    assert reading.issues == []


def test_a_printed_fiscal_year_that_is_not_that_of_the_date_is_an_issue() -> None:
    reading, frame = transactions(transaction("K1", action_date_fiscal_year="2020"))
    only(frame, year=2019)
    assert rules(reading) == ["not the fiscal year of the action date"]


@pytest.mark.parametrize(
    ("federal", "treasury", "line"),
    [
        ("011-1075", "", "State NADR-CWD"),
        ("019-1075", "", "State NADR-CWD"),
        ("", "019-011-2018/2019-1075-000;011-X-1075-000", "State NADR-CWD"),
        ("011-1075;011-1082", "", "State"),
        ("011-1082", "", "State other"),
        ("", "", "State"),
    ],
)
def test_the_line_follows_the_accounts_that_the_award_names(
    federal: str, treasury: str, line: str
) -> None:
    _, frame = transactions(
        transaction(
            "K1", federal_accounts_funding_this_award=federal,
            treasury_accounts_funding_this_award=treasury,
        )
    )  # fmt: skip
    only(frame, account=line)


def test_the_line_of_another_agency_is_not_named() -> None:
    _, frame = transactions(
        transaction("K1", awarding_agency_code="072", awarding_agency_name="USAID")
    )
    only(frame, account="Not stated", agency="USAID")


def test_an_award_number_of_the_office_is_taken_under_another_listing_and_says_so() -> None:
    other = transaction("K1", cfda_number="19.026", award_id_fain="SPMWRA19GR0059")
    reading, frame = transactions(other, file=FILES[1])
    only(frame, selection_rule="award number SPMWRA under another listing", purpose_code="19.026")
    assert reading.deselected == {}


@pytest.mark.parametrize(
    "cells",
    [
        {"award_id_fain": "SNEAAC19GR0066", "transaction_description": "SEE SPMWRA19GR0059"},
        {"awarding_agency_code": "097", "award_id_fain": "SPMWRA19GR0059"},
        {"award_id_fain": ""},
    ],
)
def test_a_row_that_no_rule_takes_is_left_and_counted(cells: dict[str, str]) -> None:
    reading, checked = read_files(
        {
            FILES[1]: written(
                list(COLUMNS), [transaction("K1", cfda_number="19.026", **cells)]
            ).encode()
        }
    )
    assert checked.entries == 0
    assert reading.deselected == {FILES[1]: 1}


def test_a_transaction_that_both_questions_find_counts_once() -> None:
    row = written(list(COLUMNS), [transaction("K1")]).encode()
    reading, frame = funding({FILES[0]: row, FILES[1]: row})
    only(frame, place="K1")
    assert reading.deselected == {FILES[0]: 1}


@pytest.mark.parametrize(
    ("code", "name", "area", "printed"),
    [
        ("XKS", "KOSOVO", "XKX", "KOSOVO"), ("XWB", "", "PSE", "XWB"), ("COD", "", "COD", "COD"),
        ("", "COLOMBIA", "COL", "COLOMBIA"), ("", "", "QRG", "World"),
    ],
)  # fmt: skip
def test_the_area_is_the_code_of_the_place_else_its_name_else_nowhere(
    code: str, name: str, area: str, printed: str
) -> None:
    reading, frame = transactions(
        transaction(
            "K1", primary_place_of_performance_country_code=code,
            primary_place_of_performance_country_name=name,
        )
    )  # fmt: skip
    only(frame, area=area, area_as_printed=printed)
    assert reading.issues == []


def test_an_unknown_place_is_an_issue_and_never_a_guess() -> None:
    reading, frame = transactions(
        transaction(
            "K1", primary_place_of_performance_country_code="QQQ",
            primary_place_of_performance_country_name="ATLANTIS",
        )
    )  # fmt: skip
    only(frame, area=None, area_as_printed="ATLANTIS")
    assert [(issue.rule, issue.raw_value) for issue in reading.issues] == [
        ("unknown area", "ATLANTIS")
    ]


@pytest.mark.parametrize("printed", ["04", "PROJECT GRANT (B)", "Project Grant"])
def test_a_type_is_known_as_a_code_and_as_a_name(printed: str) -> None:
    _, frame = transactions(transaction("K1", assistance_type_code=printed))
    assert frame["note"][0].startswith("project grant (b); ")


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("assistance_type_code", "F001", "unknown category"),
        ("federal_action_obligation", "1,562,957.00", "not an amount of money"),
        ("federal_action_obligation", "1562957.005", "not an amount of money"),
        ("federal_action_obligation", "", "a value is missing"),
        ("action_date", "09/30/2019", "not a date"),
        ("action_date", "2019-02-30", "not a date"),
        ("action_date", "", "a value is missing"),
        (KEY, "", "a value is missing"),
        (CHANGED, "yesterday", "not a time"),
    ],
)
def test_a_row_that_is_not_as_documented_is_a_reject(column: str, value: str, rule: str) -> None:
    reading, frame = transactions(transaction("K1"), transaction("K2", **{column: value}))
    only(frame, place="K1")
    assert [(r.locator, r.rule) for r in reading.rejects] == [(f"{FILES[0]} line 3", rule)]


def test_two_rows_of_one_key_in_one_file_are_rejects_for_nothing_tells_which_is_right() -> None:
    reading, checked = read_files(
        {
            FILES[0]: written(
                list(COLUMNS), [transaction("K1"), transaction("K1"), transaction("K2")]
            ).encode()
        }
    )
    assert checked.tables["funding"]["place"].to_list() == ["K2"]
    assert len(reading.rejects) == 2


def test_a_missing_column_stops_the_source_and_columns_that_are_not_read_are_one_issue() -> None:
    header = [name for name in COLUMNS if name != "action_date"]
    with pytest.raises(SourceError, match="lacks the column action_date"):
        read_files({FILES[0]: written(header, [transaction("K1")]).encode()})
    more = written([*COLUMNS, "sai_number", "recipient_duns"], [transaction("K1")]).encode()
    reading, frame = funding({FILES[0]: more})
    only(frame, place="K1")
    assert rules(reading) == ["2 columns are not read"]
    assert reading.issues[0].raw_value == "sai_number, recipient_duns"


def test_every_column_that_is_asked_for_is_one_of_the_documented_download() -> None:
    rows = sample("download_columns_assistance.csv")
    documented = {row["column"] for row in rows if row["download_type"] == "transaction"}
    assert set(COLUMNS) <= documented
    # a column that the sub-awards have too would make the job count their rows with the transactions
    assert not set(COLUMNS) & {row["column"] for row in rows if row["download_type"] == "subaward"}


def test_a_download_with_all_documented_columns_is_read_alike() -> None:
    rows = sample("download_columns_assistance.csv")
    header = [row["column"] for row in rows if row["download_type"] == "transaction"]
    assert len(header) == 112
    _, whole = funding({FILES[0]: written(header, [transaction("K1")]).encode("utf-8-sig")})
    _, narrow = transactions(transaction("K1"))
    assert whole.equals(narrow)


def test_an_award_entered_again_under_a_new_number_is_an_issue() -> None:
    text = (
        "NEW AWARD OBLIGATING $840,000 (PREVIOUSLY SPMWRA16GR1015 - SAMS ERROR). POP OF 17 MONTHS."
    )
    reading, _ = transactions(
        transaction("K1", award_id_fain="SPMWRA19GR0057", transaction_description=text)
    )
    assert [(i.raw_value, "SPMWRA16GR1015 was de-obligated" in i.fix) for i in reading.issues] == [
        ("SPMWRA19GR0057, previously SPMWRA16GR1015", True)
    ]


def yearly(amounts: Mapping[int, str]) -> Reading:
    return transactions(
        *(
            transaction(
                f"K{year}", action_date=f"{year}-01-31", action_date_fiscal_year=str(year),
                federal_action_obligation=amount,
            )
            for year, amount in amounts.items()
        )
    )[0]  # fmt: skip


def test_yearly_sums_are_set_beside_those_printed_elsewhere() -> None:
    good = {2023: "146121597.47", 2024: "228035539.42", 2025: "36473892.78"}
    assert rules(yearly(good)) == [], "a revision of 20,000 dollars is no issue"
    assert len(rules(yearly(good | {2024: "200000000.00"}))) == 1
    lost = yearly({2023: "146121597.47", 2025: "36473892.78"})
    assert "the sum of fiscal year 2024 is 0" in rules(lost)[0]
    assert rules(yearly({2022: "5.00"})) == [], "years outside the copy are not missed"


# Awards


def test_an_award_is_a_sum_over_its_life_and_outlays_are_a_figure_of_their_own() -> None:
    reading, frame = awards(award())
    assert reading.issues == []
    only(
        series(frame, "awards"), flow="obligation", year=None, period_start=2019, period_end=None,
        note="project grant (b); place of performance, one country at best; "
        "performed from 2019-10-01; performed until 2020-09-30",
        is_cumulative=True, amount_usd=Decimal("9903485.14"), amount_as_printed="9903485.14",
        award_id="SPMWRA19GR0060", place="ASST_NON_SPMWRA19GR0060_019", area="COL",
        account="State", selection_rule="Assistance Listing 19.800",
        locator="awards.json line 1 /results/0",
    )  # fmt: skip
    only(
        series(frame, "award_outlays"), flow="disbursement", year=None, is_cumulative=True,
        amount_usd=Decimal("5346998.00"), locator="awards.json line 1 /results/0/Total Outlays",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("printed", "read"),
    [(-3.0, Decimal("-3.00")), (-2948782.74, Decimal("-2948782.74")), (0.0, None), (0, None)],
)
def test_outlays_can_be_negative_and_zero_is_not_reported(
    printed: float, read: Decimal | None
) -> None:
    _, frame = awards(award(**{"Total Outlays": printed}))
    only(series(frame, "award_outlays"), amount_usd=read, amount=read)
    _, without = awards(award(**{"Total Outlays": None}))
    assert series(without, "award_outlays").is_empty()


@pytest.mark.parametrize("printed", ["9903485.14", 9903485.14])
def test_an_amount_is_exact_as_a_number_and_as_a_text(printed: str | float) -> None:
    _, frame = awards(award(**{"Award Amount": printed}))
    only(series(frame, "awards"), amount_usd=Decimal("9903485.14"))


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("Award Amount", "9,903,485.14", "not an amount of money"),
        ("Award Amount", None, "a value is missing"),
        ("Award Amount", 1e300, "not an amount of money"),
        ("Award Amount", 10**40, "not an amount of money"),
        ("Award Amount", 1e-300, "not an amount of money"),
        ("Total Outlays", True, "not an amount of money"),
        ("Award Type", "GIFT", "unknown category"),
        ("Base Obligation Date", "30 September 2019", "not a date"),
        ("generated_internal_id", None, "a value is missing"),
    ],
)
def test_an_award_that_is_not_as_documented_is_a_reject(
    field: str, value: object, rule: str
) -> None:
    reading, _ = awards(award(**{field: value}), award(generated_internal_id="A2"))
    assert [reject.rule for reject in reading.rejects] == [rule]


def test_empty_dates_and_an_empty_funding_agency_are_no_reason_to_reject() -> None:
    empty = {"Start Date": None, "End Date": "", "Funding Agency": None, "Funding Sub Agency": None}
    reading, frame = awards(award(**empty))
    assert reading.rejects == reading.issues == []
    only(series(frame, "awards"), period_start=2019, period_end=None, is_cumulative=True)


def test_what_changes_in_the_life_of_an_award_does_not_make_another_figure_of_it() -> None:
    key = list(NATURAL_KEYS["funding"])
    later = {"End Date": "2023-12-31", "Award Amount": 12e6, "Recipient Name": "HALO USA"}
    _, before = awards(award())
    _, after = awards(award(**later))
    assert before.select(key).equals(after.select(key))
    linked = {"federal_accounts_funding_this_award": "011-1075;011-1082"}
    _, before = transactions(
        transaction(
            "K1", federal_accounts_funding_this_award="", treasury_accounts_funding_this_award=""
        )
    )
    _, after = transactions(transaction("K1", recipient_name="HALO USA", **linked))
    assert before.select(key).equals(after.select(key))


def test_an_award_that_came_twice_counts_once_in_its_newest_form() -> None:
    later = award(**{"Last Modified Date": "2020-01-01 00:00:00+00", "Award Amount": 1.0})
    for order in ((award(), later), (later, award())):
        reading, frame = awards(*order)
        only(series(frame, "awards"), amount_usd=Decimal("1.00"))
        assert reading.deselected == {"awards.json": 1}


def test_a_field_that_is_not_answered_stops_the_source() -> None:
    record = award()
    del record["Award Amount"]
    with pytest.raises(SourceError, match="lacks the field Award Amount"):
        awards(record)


def test_a_recipient_that_hides_others_is_kept_as_printed() -> None:
    _, frame = awards(award(**{"Recipient Name": "MISCELLANEOUS FOREIGN AWARDEES"}))
    assert set(frame["implementer"]) == {"MISCELLANEOUS FOREIGN AWARDEES"}


# The real samples


def sample(file: str) -> list[dict[str, str]]:
    path = SAMPLES / file
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def unflattened(row: Mapping[str, str]) -> Record:
    """A row of the excerpt as the search answers it; an empty cell is null there."""
    return {
        "internal_id": 1, "Award ID": row["award_id"], "Recipient Name": row["recipient"],
        "Recipient UEI": row["recipient_uei"] or None, "Start Date": row["start_date"] or None,
        "End Date": row["end_date"] or None, "Award Amount": float(row["amount"]),
        "Total Outlays": float(row["outlays"]), "Award Type": row["award_type"],
        "Assistance Listings": [{"cfda_number": row["assistance_listing"]}],
        "Awarding Agency": row["awarding_agency"], "Awarding Agency Code": None,
        "Awarding Sub Agency": row["awarding_subagency"],
        "Funding Agency": row["funding_agency"] or None,
        "Funding Sub Agency": row["funding_subagency"] or None,
        "Description": row["description"], "Base Obligation Date": row["base_date"],
        "Last Modified Date": row["last_modified"], "Place of Performance Country Code": None,
        "generated_internal_id": row["id"],
    }  # fmt: skip


def test_the_22_sample_awards_are_read_and_each_figure_is_that_of_the_file() -> None:
    rows = sample("awards_19.800_excerpt.csv")
    reading, frame = awards(*map(unflattened, rows))
    obligated, paid = series(frame, "awards"), series(frame, "award_outlays")
    assert (obligated.height, paid.height, reading.rejects, reading.deselected) == (22, 22, [], {})
    assert reading.rows_read == {"awards.json": 44}, "each award gives two figures"
    found = {row["award_id"]: row for row in obligated.iter_rows(named=True)}
    for row in rows:
        assert found[row["award_id"]]["amount_usd"] == Decimal(row["amount"])
        assert found[row["award_id"]]["implementer"] == row["recipient"]
        assert found[row["award_id"]]["title"] == row["description"]
    # added by hand from the file
    assert obligated["amount_usd"].sum() == sum(Decimal(row["amount"]) for row in rows)
    assert found["SPMWRA19GR0059"]["selection_rule"] == figures.BY_PREFIX
    assert obligated["selection_rule"].value_counts().sort("count")["count"].to_list() == [1, 21]
    outlays = dict(paid.select("award_id", "amount_usd").iter_rows())
    assert outlays["SPMWRA15GR1086"] == Decimal("-3.00")
    assert outlays["SPMWRA19GR0051"] == Decimal("1060902.47")
    assert outlays["SPMWRA14CA1027"] is None
    assert {i.raw_value for i in reading.issues} == {
        "SPMWRA19GR0057, previously SPMWRA16GR1015", "SPMWRA19GR0058, previously SPMWRA15GR1023",
    }  # fmt: skip


def test_the_four_awards_of_other_listings_are_left_by_the_rule() -> None:
    rows = sample("awards_other_listings_excerpt.csv")
    reading, checked = read_files({"awards.json": page(*map(unflattened, rows))})
    assert (checked.entries, reading.deselected) == (0, {"awards.json": 4})


def balances(rows: list[dict[str, str]]) -> bytes:
    """The excerpt of File A in the shape of the download."""
    shaped = [
        {
            **row, "owning_agency_name": "Department of State",
            "submission_period": f"FY{row['reporting_fy']}P{row['reporting_period'].zfill(2)}",
            "treasury_account_name": "", "federal_account_symbol": "011-1075",
        }
        for row in rows
    ]  # fmt: skip
    return written(list(accounts.BALANCES), shaped).encode("utf-8-sig")


def test_the_sample_of_file_a_gives_three_figures_a_treasury_account() -> None:
    rows = sample("file_a_nadr_excerpt.csv")
    files = {
        f"account_balances_011-1075_{year}.csv": balances(
            [row for row in rows if row["reporting_fy"] == year]
        )
        for year in ("2025", "2026")
    }
    reading, frame = funding(files)
    assert reading.issues == []
    assert reading.rejects == []
    assert frame.height == 12
    assert set(frame["is_printed_total"]) == {True}
    assert set(frame["account"]) == {"State other"}
    assert set(frame["series"]) == {"usaspending_accounts"}
    printed = {
        (row["year"], row["account_as_printed"], row["flow"]): row["amount_usd"]
        for row in frame.iter_rows(named=True)
    }
    at = "019-011-2025/2026-1075-000"
    assert printed[2025, at, "obligation"] == Decimal("43314688.61")
    assert printed[2025, at, "disbursement"] == Decimal("819283.14")
    assert printed[2025, "011-2025/2026-1075-000", "appropriation"] == Decimal("796482146.00")
    assert printed[2026, at, "obligation"] == Decimal("271891032.30")
    assert "up to the end of FY2026P09" in frame.filter(pl.col("year") == 2026)["note"][0]


def test_the_sample_of_treasury_accounts_belongs_to_nadr_and_ohdaca() -> None:
    rows = sample("treasury_accounts_nadr_ohdaca.csv")
    assert len(rows) == 62
    found = []
    for row in rows:
        years = "X" if row["A"] == "X" else f"{row['BPOA']}/{row['EPOA']}"
        parts = [row["ATA"], row["AID"], years, row["MAIN"], row["SUB"]]
        found += accounts.federal_accounts("-".join(part for part in parts if part))
    assert len(found) == 62
    assert set(found) == {"011-1075", "097-0819"}


def test_balances_of_other_accounts_are_left_and_a_wrong_symbol_is_an_issue() -> None:
    rows = [dict.fromkeys(accounts.BALANCES, "1.00") | {
        "submission_period": "FY2025P12", "federal_account_symbol": account,
        "treasury_account_symbol": symbol, "treasury_account_name": "NADR",
    } for account, symbol in (
        ("011-1075", "011-X-1075-000"), ("011-1075", "072-X-1021-000"), ("072-1021", "072-X-1021-000"),
    )]  # fmt: skip
    file = "account_balances_011-1075_2025.csv"
    reading, frame = funding({file: written(list(accounts.BALANCES), rows).encode()})
    assert frame.height == 6
    assert reading.deselected == {file: 1}
    assert rules(reading) == ["not a Treasury account of 011-1075"]


def test_each_figure_of_a_file_with_ragged_rows_leads_to_its_own_row(tmp_path: Path) -> None:
    columns = list(accounts.BALANCES)
    rows = [dict.fromkeys(columns, f"{number}.00") | {
        "submission_period": "FY2025P12", "federal_account_symbol": "011-1075",
        "treasury_account_symbol": f"011-{year}/{year}-1075-000",
    } for number, year in ((11, 2023), (22, 2024), (33, 2025))]  # fmt: skip
    header, first, *others = written(columns, rows).splitlines(keepends=True)
    content = "".join([header, "too,few\n", first, "\n", "x," * 20 + "many\n", *others]).encode()
    file = "account_balances_011-1075_2025.csv"
    reading, frame = funding({file: content})
    assert [reject.rule for reject in reading.rejects] == ["wrong number of cells"] * 2
    assert frame.height == 9
    archive = Archive(tmp_path)
    sha256 = archive.put("usaspending", file, content, "").sha256
    for locator, printed in frame.select("locator", "amount_as_printed").iter_rows():
        column = locator.rpartition("/")[2]
        assert f"{column}: {printed}" in find(archive, sha256, locator)[1].splitlines()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Award Amount", [5]), ("Award Amount", {"cfda_number": "5"}), ("Recipient Name", ["a"]),
        ("generated_internal_id", {"country_name": "A"}), ("Description", []),
    ],
)  # fmt: skip
def test_a_list_where_a_number_or_text_belongs_stops_the_source(field: str, value: object) -> None:
    with pytest.raises(SourceError, match=f"awards.json line 1 /results/0 .*'{field}'"):
        awards(award(**{field: value}))


@pytest.mark.parametrize("column", ["file", "locator", "place"])
def test_a_column_named_as_one_of_ours_stops_the_source(column: str) -> None:
    text = written([*COLUMNS, column], [transaction("K1")])
    with pytest.raises(SourceError, match=f"line 1 has the column {column}"):
        funding({FILES[0]: text.encode()})


@pytest.mark.parametrize("count", [b"{}", b"OK, ready", b'{"calculated_transaction_count": "1"}'])
def test_a_count_that_cannot_be_read_is_not_used(count: bytes) -> None:
    service = Service(transactions=[transaction("K1")])
    held = fetched(service)
    held["transactions_listing_count.json"] = count
    with pytest.raises(SourceError, match=r"transactions_listing_count\.json"):
        read_files(held)
    service.asked.clear()
    mended = fetched(service, held)
    period = service.paths("/download/transactions/")[0]["filters"]["time_period"][0]
    assert period["date_type"] == "action_date"
    assert mended["transactions_listing_count.json"] != count


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_a_change_of_no_possible_day_makes_a_full_copy_due(day: str) -> None:
    service = Service(transactions=[transaction("K1", **{CHANGED: f"{day} 00:00:00+00"})])
    held = fetched(service)
    service.asked.clear()
    fetched(service, held)
    period = service.paths("/download/transactions/")[0]["filters"]["time_period"][0]
    assert period["date_type"] == "action_date"


# Sub-awards and program activities


def test_a_sub_award_is_passed_on_money_in_a_series_of_its_own() -> None:
    reading, frame = funding(
        {"subawards.json": page(subaward(), subaward(), subaward(**{"Sub-Award ID": "S-2"}))}
    )
    assert reading.issues == []
    assert frame.height == 3
    assert set(frame["series"]) == {"usaspending_subawards"}
    first = frame.row(0, named=True)
    assert first["amount_usd"] == Decimal("45000.50")
    assert (first["year"], first["area"], first["purpose_code"]) == (2020, "COL", "19.800")
    assert first["note"].startswith("passed on by THE HALO TRUST USA, INC")
    assert not all_sources()["usaspending"].series["usaspending_subawards"].is_additive


def test_program_activities_are_parts_of_the_whole_account() -> None:
    record = {"obligations": 44112.0, "code": "0001", "name": "DEMINING", "type": "PAC/PAN"}
    _, frame = funding({"program_activities_011-1075_2025.json": page(record)})
    only(
        frame, series="usaspending_program_activities", year=2025, amount_usd=Decimal("44112.00"),
        account="State other", account_as_printed="011-1075 program activity 0001 DEMINING",
        area="QRG", is_printed_total=True,
    )  # fmt: skip


def test_only_transactions_may_be_added() -> None:
    additive = {
        name for name, one in all_sources()["usaspending"].series.items() if one.is_additive
    }
    assert additive == {"usaspending_transactions"}


# Fetching, and the whole way into a ledger


def refreshed(workspace: Folders, service: Service) -> SourceOutcome:
    """One refresh that asks the service on this machine as it would ask USAspending.gov."""
    spec = all_sources()["usaspending"]
    assert spec.fetch
    options = OPTIONS | {"accounts": ["011-1075"], "accounts_first_year": 2025}
    rules = spec.fetch.model_copy(update={"options": options, "min_interval_seconds": 0})
    small = {"fetch": rules, "min_entries": 1, "guard": NO_LIMITS}
    with serving(service) as address:
        settings = Config.model_construct(
            fetch=FetchConfig(allow_loopback=True),
            sources={"usaspending": SourceConfig(base_url=address)},
        )
        (outcome,) = refresh(workspace, [spec.model_copy(update=small)], settings=settings).sources
    return outcome


def test_what_the_service_holds_goes_into_a_ledger_and_every_change_is_a_revision(
    workspace: Folders,
) -> None:
    service = accounts_service()
    service.subawards = [subaward()]
    service.transactions = [
        transaction(f"K{n}", **{CHANGED: "2026-01-01 00:00:00+00"}) for n in range(3)
    ]
    first = refreshed(workspace, service)
    assert not first.failure, first.failure
    # 3 transactions, 2 figures of the award, 1 sub-award; 2 years of 3 balances and 3 activities
    assert first.changes == {"added": 18}
    again = refreshed(workspace, service)
    assert again.changes == {}
    service.transactions[1] = transaction(
        "K1", federal_action_obligation="5.00", **{CHANGED: "2026-02-01 00:00:00+00"}
    )
    service.awards = [award(**{"End Date": "2023-12-31", "Award Amount": 9903480.14})]
    changed = refreshed(workspace, service)
    # the transaction, and both figures of the award, for its performance stands in their note
    assert changed.changes == {"revised": 3}
    sums = ask(
        workspace,
        "SELECT sum(amount_usd), count(*) FROM funding WHERE series = 'usaspending_transactions'",
    )
    assert sums == [(Decimal("3125919.00"), 3)]
    assert verify(workspace).differences == []
    archive = Archive(workspace.archive)
    printed = "SELECT vintage_sha256, locator, amount_as_printed FROM funding WHERE source_id = ?"
    for sha256, place, amount in ask(workspace, printed, "usaspending"):
        # the row that a figure names holds the figure, as a JSON number or as a decimal text
        assert amount.removesuffix("0").removesuffix(".0") in find(archive, sha256, place)[1]


def test_a_job_that_fails_leaves_the_figures_of_the_last_copy_in_use(workspace: Folders) -> None:
    service = accounts_service()
    refreshed(workspace, service)
    service.job_states = ["failed"]
    failed = refreshed(workspace, service)
    assert failed.failure
    assert "failed: 'out of memory'" in failed.failure
    assert ask(workspace, "SELECT count(*) FROM funding WHERE source_id = 'usaspending'") != [(0,)]


def many_awards(count: int) -> list[Record]:
    return [
        award(**{
            "Award ID": f"SPMWRA{index:04}", "generated_internal_id": f"ASST_NON_{index}_019",
            "Base Obligation Date": f"{2010 + index % 5}-01-15",
        })
        for index in range(count)
    ]  # fmt: skip


def keys(content: bytes) -> set[str]:
    return {row[KEY] for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig")))}


def test_a_first_fetch_brings_everything_and_an_empty_increment() -> None:
    service = Service(
        transactions=[
            transaction("K1"),
            transaction("K2", cfda_number="19.026", award_id_fain="SPMWRA19GR0059"),
            transaction("K3", cfda_number="19.600", award_id_fain="SNEAAC19GR0066"),
        ],
        awards=[*many_awards(5), award(**{"Assistance Listings": [{"cfda_number": "19.026"}]})],
        subawards=[subaward()],
    )
    held = fetched(service)
    assert keys(held["transactions_listing.csv"]) == {"K1"}
    assert keys(held["transactions_prefix.csv"]) == {"K1", "K2"}
    assert held["transactions_listing_increment.csv"] == ",".join(COLUMNS).encode() + b"\n"
    _, frame = funding(held)
    assert series(frame, "transactions")["place"].sort().to_list() == ["K1", "K2"]
    assert series(frame, "awards").height == 6
    assert series(frame, "subawards").height == 1
    body = service.paths("/download/transactions/")[0]
    assert body["columns"] == list(COLUMNS)
    assert body["filters"]["program_numbers"] == ["19.800"]
    assert body["filters"]["time_period"] == [
        {"start_date": "2000-10-01", "end_date": "2026-11-26", "date_type": "action_date"}
    ]


def test_pages_are_followed_until_there_is_no_next() -> None:
    service = Service(awards=many_awards(7), transactions=[transaction("K1")])
    held = fetched(service)
    listing = [
        body["page"] for body in service.paths("/spending_by_award/")
        if "program_numbers" in body["filters"] and not body["subawards"]
        and "04" in body["filters"]["award_type_codes"]
    ]  # fmt: skip
    assert listing == [1, 2, 3, 4]
    _, frame = funding(held)
    assert series(frame, "awards").height == 7


def test_a_search_that_is_too_large_is_split_by_fiscal_years_and_loses_nothing() -> None:
    service = Service(awards=many_awards(20), transactions=[transaction("K1")])
    held = fetched(service, search_window=8)
    _, frame = funding(held)
    assert series(frame, "awards").height == 20
    periods = {
        (p["start_date"], p["end_date"])
        for body in service.paths("/spending_by_award/") if not body["subawards"]
        for p in body["filters"]["time_period"]
    }  # fmt: skip
    assert len(periods) > 1
    assert all(body["page"] * body["limit"] <= 8 for body in service.paths("/spending_by_award/"))


def test_a_fiscal_year_that_is_too_large_alone_is_refused() -> None:
    service = Service(awards=many_awards(20), transactions=[transaction("K1")])
    with pytest.raises(FetchError, match="in fiscal year 2010 alone") as refused:
        fetched(service, search_window=2)
    assert refused.value.rule == "too large"


def test_a_repeated_page_is_noticed_and_the_search_asked_again() -> None:
    service = Service(awards=many_awards(5), transactions=[transaction("K1")], repeat_pages=1)
    _, frame = funding(fetched(service))
    assert series(frame, "awards").height == 5


def test_pages_that_never_agree_with_the_count_are_not_archived() -> None:
    service = Service(awards=many_awards(5), transactions=[transaction("K1")], repeat_pages=99)
    with session_with(service) as session:
        with pytest.raises(FetchError, match="3 different records, 5 are counted") as refused:
            fetch(cast("Session", session))
        assert "awards.json" not in session.held
    assert refused.value.rule == "cut short"


def test_a_job_that_wrote_fewer_rows_than_are_counted_is_not_archived() -> None:
    service = Service(transactions=[transaction("K1"), transaction("K2")], lose_rows=1)
    with session_with(service) as session:
        with pytest.raises(FetchError, match="1 rows, 2 transactions match"):
            fetch(cast("Session", session))
        assert session.held == {}


def test_more_transactions_than_a_download_holds_are_refused() -> None:
    with pytest.raises(FetchError, match="narrow program_numbers") as refused:
        fetched(Service(miscount=500_001))
    assert refused.value.rule == "too large"


@pytest.mark.parametrize(
    ("states", "words"),
    [
        (["ready", "running", "failed"], "failed: 'out of memory'"),
        (["ready", "running"], "is still running after"),
        (["cancelled"], "unknown state 'cancelled'"),
    ],
)
def test_a_job_that_fails_or_never_ends_stops_the_source(states: list[str], words: str) -> None:
    with pytest.raises(FetchError, match=words) as failed:
        fetched(Service(transactions=[transaction("K1")], job_states=states), max_polls=5)
    assert failed.value.rule == "job failed"


def test_a_job_is_polled_until_it_is_finished_and_not_oftener() -> None:
    service = Service(transactions=[transaction("K1")])
    fetched(service)
    assert set(service.polls.values()) == {3}


def test_a_later_fetch_asks_only_for_what_changed_since_the_full_copy() -> None:
    recent = {CHANGED: "2026-11-01 03:00:00+00"}
    service = Service(transactions=[transaction("K1", **recent), transaction("K2")])
    held = fetched(service)
    full = held["transactions_listing.csv"]
    service.transactions[1] = transaction(
        "K2", federal_action_obligation="5.00", **{CHANGED: "2026-11-20 03:00:00+00"}
    )
    service.transactions.append(transaction("K3", **{CHANGED: "2026-11-20 03:00:00+00"}))
    held = fetched(service, held)
    assert held["transactions_listing.csv"] == full
    assert keys(held["transactions_listing_increment.csv"]) == {"K1", "K2", "K3"}
    period = service.paths("/download/transactions/")[2]["filters"]["time_period"][0]
    assert period == {
        "start_date": "2026-10-25", "end_date": "2026-11-26", "date_type": "last_modified_date",
    }  # fmt: skip
    reading, frame = funding(held)
    amounts = dict(series(frame, "transactions").select("place", "amount_as_printed").iter_rows())
    assert amounts == {"K1": "1562957.00", "K2": "5.00", "K3": "1562957.00"}
    assert reading.issues == []


def test_a_full_copy_is_fetched_again_when_it_is_old_or_the_counts_differed() -> None:
    old = Service(transactions=[transaction("K1")])
    fetched(old, fetched(old), full_every_days=24)
    assert all(b["filters"]["time_period"][0]["date_type"] == "action_date" for b in old.paths("/download/transactions/"))  # fmt: skip
    recent = {CHANGED: "2026-11-01 03:00:00+00"}
    service = Service(transactions=[transaction("K1", **recent), transaction("K2", **recent)])
    held = fetched(service)
    del service.transactions[1]
    held = fetched(service, held)  # an increment: it cannot show what was taken away
    reading, frame = funding(held)
    assert series(frame, "transactions").height == 2
    assert any(
        "2 transactions are at hand, the service counts 1" in rule for rule in rules(reading)
    )
    held = fetched(service, held)  # the counts differed, so everything is fetched
    reading, frame = funding(held)
    assert series(frame, "transactions")["place"].to_list() == ["K1"]
    assert reading.issues == []


def test_a_copy_with_far_fewer_transactions_than_counted_is_doubted() -> None:
    held = fetched(Service(transactions=[transaction(f"K{index}") for index in range(5)]))
    lines = held["transactions_listing.csv"].splitlines(keepends=True)
    held["transactions_listing.csv"] = b"".join(lines[:3])
    held["transactions_prefix.csv"] = b"".join(lines[:3])
    reading, _ = read_files(held)
    assert [doubt.raw_value for doubt in reading.doubts] == ["5", "5"]


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["change", "add", "delete", "D"]), st.integers(0, 9), st.integers(-99, 99)
    ),
    max_size=12,
)


@given(st.integers(1, 8), CHANGES, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_a_full_copy_and_its_increment_give_what_a_full_fetch_would(
    start: int, changes: list[tuple[str, int, int]], shuffled: random.Random
) -> None:
    """Whatever was changed, added or marked as deleted since, in whatever order the rows come."""
    before = {f"K{index}": transaction(f"K{index}") for index in range(start)}
    now = dict(before)
    touched: dict[str, dict[str, str]] = {}
    for second, (kind, index, amount) in enumerate(changes):
        key = f"K{index}"
        stamp = {CHANGED: f"2020-03-01 00:00:{second:02}+00"}
        if kind in {"change", "add"}:
            now[key] = touched[key] = transaction(
                key, federal_action_obligation=f"{amount}.00", **stamp
            )
        elif key in now:
            touched[key] = transaction(key, correction_delete_indicator_code="D", **stamp)
            del now[key]
    changed = list(touched.values())
    shuffled.shuffle(changed)
    tables = [
        table(Reading(), file, written(list(COLUMNS), rows).encode())
        for file, rows in ((FILES[0], list(before.values())), (FILES[2], changed))
    ]
    merged, left = newest(tables)
    assert merged.height + left.height == len(before) + len(changed)
    found = dict(merged.select(KEY, "federal_action_obligation").iter_rows())
    assert found == {key: row["federal_action_obligation"] for key, row in now.items()}


def test_of_two_equally_new_versions_the_one_of_the_later_file_counts() -> None:
    tables = [
        table(Reading(), file, written(list(COLUMNS), [transaction("K1", federal_action_obligation=amount)]).encode())
        for file, amount in ((FILES[0], "1.00"), (FILES[2], "2.00"))
    ]  # fmt: skip
    merged, left = newest(tables)
    assert merged["federal_action_obligation"].to_list() == ["2.00"]
    assert left["file"].to_list() == [FILES[0]]


def test_an_older_version_in_the_increment_does_not_replace_a_newer_one() -> None:
    older = transaction("K1", federal_action_obligation="2.00", **{CHANGED: "2018-01-01"})
    tables = [
        table(Reading(), file, written(list(COLUMNS), [row]).encode())
        for file, row in ((FILES[0], transaction("K1")), (FILES[2], older))
    ]
    assert newest(tables)[0]["federal_action_obligation"].to_list() == ["1562957.00"]


def accounts_service() -> Service:
    row = dict.fromkeys(accounts.BALANCES, "1.00") | {
        "treasury_account_symbol": "011-X-1075-000", "federal_account_symbol": "011-1075",
    }  # fmt: skip
    years = range(2023, 2028)
    return Service(
        transactions=[transaction("K1")],
        awards=[award()],
        balances={
            ("011-1075", year): written(list(accounts.BALANCES), [row | {"submission_period": f"FY{year}P12"}])
            for year in years
        },
        activities={
            ("011-1075", year): [
                {"obligations": 1.0, "code": f"{n:04}", "name": f"PART {n}", "type": "PAC/PAN"}
                for n in range(3)
            ]
            for year in years
        },
    )  # fmt: skip


def test_balances_are_fetched_by_year_and_settled_years_only_once() -> None:
    service = accounts_service()
    options: dict[str, Any] = {"accounts": ["011-1075"], "accounts_first_year": 2023}
    held = fetched(service, **options)
    _, frame = funding(held)
    assert series(frame, "accounts")["year"].unique().sort().to_list() == [2023, 2024, 2025, 2026]
    assert series(frame, "program_activities").height == 12
    asked = [
        (b["filters"]["fy"], b["filters"]["period"]) for b in service.paths("/download/accounts/")
    ]
    assert asked == [("2023", "12"), ("2024", "12"), ("2025", "12"), ("2026", "11")]
    service.asked.clear()
    fetched(service, held, **options)
    assert [b["filters"]["fy"] for b in service.paths("/download/accounts/")] == ["2025", "2026"]


def test_program_activities_that_do_not_add_up_to_their_count_are_not_archived() -> None:
    service = accounts_service()
    with session_with(service, accounts=["011-1075"], accounts_first_year=2026) as session:
        service.miscount = 0
        original = service._activities
        service._activities = lambda account, body: {  # type: ignore[method-assign]
            **original(account, body),
            "page_metadata": {"total": 4, "hasNext": False},
        }
        with pytest.raises(FetchError, match="2 program activities came, 4 are counted"):
            fetch(cast("Session", session))
        assert "program_activities_011-1075_2026.json" not in session.held


META = {"page": 1, "hasNext": False}
COUNTED = {
    "calculated_transaction_count": 1, "maximum_transaction_limit": 500_000,
    "transaction_rows_gt_limit": False,
}  # fmt: skip
JOB = {"status": "finished", "file_name": "a.zip", "file_url": "/files/a.zip", "total_rows": 1}


def answering(path: str, answer: object, *, after: int = 0) -> Service:
    """A service that gives another answer at one address, after so many right ones."""
    service = accounts_service()
    service.subawards = [subaward()]
    right, asked = service.answer, 0

    def odd(at: str, body: Record) -> Any:  # noqa: ANN401
        nonlocal asked
        if path in at:
            asked += 1
            if asked > after:
                return answer
        return right(at, body)

    service.answer = odd  # type: ignore[method-assign, assignment]
    return service


@pytest.mark.parametrize(
    ("path", "answer", "words"),
    [
        ("download/count/", {}, "calculated_transaction_count"),
        ("download/count/", [], "calculated_transaction_count"),
        ("download/count/", COUNTED | {"calculated_transaction_count": True}, "_count"),
        ("download/count/", COUNTED | {"calculated_transaction_count": -1}, "_count"),
        ("download/count/", COUNTED | {"maximum_transaction_limit": "many"}, "_limit"),
        ("download/transactions/", {}, "file_name"),
        ("download/transactions/", {"file_name": {"a": 1}}, "file_name"),
        ("download/transactions/", {"file_name": "a\r\nb"}, "file_name"),
        ("download/transactions/", {"file_name": "a" * 301}, "file_name"),
        ("download/status/", {}, "status"),
        ("download/status/", JOB | {"total_rows": None}, "total_rows"),
        ("download/status/", JOB | {"file_url": None}, "file_url"),
        ("download/status/", JOB | {"file_url": "//["}, "file_url"),
        ("download/status/", JOB | {"file_url": "http://a:99999/"}, "file_url"),
        ("download/status/", JOB | {"file_url": "/a\nb"}, "file_url"),
        ("download/status/", JOB | {"file_url": "http://xn--a-.example/"}, "file_url"),
        ("download/status/", JOB | {"file_url": "file:///etc/passwd"}, "file_url"),
        ("_award_count/", {"results": "many"}, "results"),
        ("_award_count/", {"results": {}}, "results"),
        ("_award_count/", {"results": {"grants": "5"}}, "grants"),
        ("_award_count/", [], "results"),
        ("spending_by_award/", {"page_metadata": META}, "results"),
        ("spending_by_award/", {"results": "none", "page_metadata": META}, "results"),
        ("spending_by_award/", {"results": ["a"], "page_metadata": META}, "results"),
        ("spending_by_award/", {"results": []}, "page_metadata"),
        ("spending_by_award/", {"results": [], "page_metadata": {"page": 1}}, "hasNext"),
        ("spending_by_award/", {"results": [], "page_metadata": META | {"page": True}}, "page"),
        ("spending_by_award/", {"results": [], "page_metadata": META | {"page": 2}}, "page 1"),
        (
            "spending_by_award/",
            {"results": [{"generated_internal_id": {"a": 1}}], "page_metadata": META},
            "generated_internal_id",
        ),
        ("federal_accounts/011-1075/", {"id": "one"}, "id"),
        ("federal_accounts/011-1075/", [], "id"),
        ("program_activities/total", {"page_metadata": META | {"total": 0}}, "results"),
        ("program_activities/total", {"results": []}, "page_metadata"),
        ("program_activities/total", {"results": [], "page_metadata": META}, "total"),
        ("program_activities/total", {"results": [], "page_metadata": {"total": 9}}, "hasNext"),
    ],
)  # fmt: skip
def test_an_answer_that_lacks_a_field_is_refused_with_address_and_field(
    path: str, answer: object, words: str
) -> None:
    with pytest.raises(FetchError, match=words) as refused:
        fetched(answering(path, answer), accounts=["011-1075"], accounts_first_year=2026)
    assert refused.value.rule == "wrong content"
    assert path.strip("/") in str(refused.value)
    assert len(str(refused.value)) < 600


def test_the_second_count_is_looked_at_before_it_is_archived() -> None:
    with session_with(answering("download/count/", {}, after=1)) as session:
        with pytest.raises(FetchError, match="calculated_transaction_count"):
            fetch(cast("Session", session))
        assert "transactions_listing_count.json" not in session.held


@pytest.mark.parametrize("total", [1, 10**9])
def test_program_activities_without_an_end_are_refused(total: int) -> None:
    answer = {"results": [{}], "page_metadata": {"total": total, "hasNext": True}}
    service = answering("program_activities/total", answer)
    with pytest.raises(FetchError, match="more pages are said to follow"):
        fetched(service, accounts=["011-1075"], accounts_first_year=2026, max_pages=5)
    assert len(service.asked) < 40


def test_more_bytes_than_one_question_may_have_are_refused_and_not_archived() -> None:
    service = Service(transactions=[transaction("K1")], awards=many_awards(5))
    with session_with(service, max_question_bytes=5000) as session:
        with pytest.raises(FetchError, match="max_question_bytes") as refused:
            fetch(cast("Session", session))
        assert "awards.json" not in session.held
    assert refused.value.rule == "too large"


def test_what_a_failed_job_says_is_shortened() -> None:
    answer = JOB | {"status": "failed", "message": "\x1b[31m" + "a" * 10_000}
    with pytest.raises(FetchError, match=r"failed: '\\x1b") as failed:
        fetched(answering("download/status/", answer))
    assert len(str(failed.value)) < 400
