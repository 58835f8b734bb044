"""Whole federal accounts, as context: their balances and their obligations by program activity.

They are far wider than demining, so every figure is a printed total of the account and never part of
a sum about mine action.
"""

from __future__ import annotations

import csv
import io
import re
from typing import Final

import polars as pl

from etl.archive import Contents
from etl.locate import line_of
from etl.reading import MONEY, Finding, Reading, Shape, decode, shaped
from etl.sources.usaspending.answers import read_fields
from etl.sources.usaspending.copies import table
from etl.sources.usaspending.figures import (
    FUNDING,
    NOWHERE,
    SITE,
    constants,
    count_again,
    leave,
    required,
)
from etl.transcribed import dollars

NADR: Final = "011-1075"
ALLOCATED: Final = {"019-1075": NADR}  # State's allocation account, as some lists write it
ACCOUNT_LINES: Final = {NADR: "State other", "097-0819": "DoD other"}
ACCOUNT_FLOWS: Final = {
    "budget_authority_appropriated_amount": "appropriation",
    "obligations_incurred": "obligation",
    "gross_outlay_amount": "disbursement",
}
BALANCES: Final = (
    "owning_agency_name", "reporting_agency_name", "submission_period", "treasury_account_symbol",
    "treasury_account_name", "federal_account_symbol", *ACCOUNT_FLOWS, "last_modified_date",
)  # fmt: skip
BALANCES_FILE: Final = re.compile(
    r"account_balances_(?P<account>[0-9]{3}-[0-9]{4})_(?P<year>[0-9]{4})\.csv"
)
ACTIVITIES_FILE: Final = re.compile(
    r"program_activities_(?P<account>[0-9]{3}-[0-9]{4})_(?P<year>[0-9]{4})\.json"
)
TREASURY_SYMBOL: Final = re.compile(
    r"(?:[0-9]{3}-)?(?P<agency>[0-9]{3})-(?:X|[0-9]{4}/[0-9]{4})-(?P<main>[0-9]{4})-[0-9]{3}"
)
PERIOD: Final = Shape(
    r"^FY[0-9]{4}(P(0[1-9]|1[0-2])|Q[1-4])$", "not a period", "the service writes FY2025P12"
)


def federal_accounts(printed: str | None) -> list[str]:
    """The federal accounts in a printed list of federal or Treasury accounts, each once, in order.

    >>> federal_accounts("019-011-2018/2019-1075-000;011-1082")
    ['011-1075', '011-1082']
    """
    found = []
    for part in re.split(r"[;,]\s*", printed or ""):
        symbol = TREASURY_SYMBOL.fullmatch(part.strip())
        account = f"{symbol['agency']}-{symbol['main']}" if symbol else part.strip()
        found.append(ALLOCATED.get(account, account))
    return sorted({account for account in found if account})


def read_balances(reading: Reading, file: str, content: bytes, account: str, year: int) -> None:
    """Three figures a Treasury account: budget authority, obligations and outlays of one year."""
    frame = table(reading, file, content, BALANCES)
    frame = frame.with_columns(
        locator=pl.col("locator").replace_strict(_row_of_line(file, content))
    )
    other = pl.col("federal_account_symbol").ne_missing(account)
    leave(reading, frame.filter(other))
    frame = shaped(
        reading, frame.filter(~other),
        {"submission_period": PERIOD, **dict.fromkeys(ACCOUNT_FLOWS, MONEY)},
    )  # fmt: skip
    frame = required(
        reading, frame, ("treasury_account_symbol", "submission_period", *ACCOUNT_FLOWS)
    )
    for place, symbol in frame.select("locator", "treasury_account_symbol").iter_rows():
        if federal_accounts(symbol) != [account]:
            reading.issue(
                Finding(
                    place, "treasury_account_symbol", f"not a Treasury account of {account}", symbol,
                    "it is counted as the file says",
                )
            )  # fmt: skip
    for place, printed in frame.select("locator", "submission_period").iter_rows():
        if printed[2:6] != str(year):
            reading.issue(
                Finding(
                    place, "submission_period", f"not a period of fiscal year {year}", printed,
                    "the row counts in the year that was asked for",
                )
            )  # fmt: skip
    for column, flow in ACCOUNT_FLOWS.items():
        rows = frame.with_columns(
            **{
                **constants("usaspending_accounts", flow),
                **_whole_account(account, year),
                "locator": pl.concat_str(pl.col("locator"), pl.lit(f" /{column}")),
                "place": pl.concat_str(
                    "treasury_account_symbol",
                    pl.col("reporting_agency_name").fill_null("no agency"),
                    pl.lit(column), separator="; ",
                ),
                "note": pl.concat_str(
                    pl.lit("up to the end of "), "submission_period",
                    pl.lit("; the whole account, far wider than demining"),
                ),
                "agency": pl.coalesce("reporting_agency_name", "owning_agency_name"),
                "account_as_printed": pl.concat_str(
                    "treasury_account_symbol", "treasury_account_name",
                    separator=" ", ignore_nulls=True,
                ),
                "amount": dollars(column),
                "amount_usd": dollars(column),
                "amount_as_printed": pl.col(column),
            }
        )  # fmt: skip
        reading.add("funding", rows.select(FUNDING))
    for _flow in list(ACCOUNT_FLOWS)[1:]:
        count_again(reading, frame)


def _row_of_line(file: str, content: bytes) -> dict[str, str]:
    """The locator as a row for each locator as a line, whether the row can be read or not.

    Empty lines are no rows, as :mod:`etl.records` counts them.
    """
    lines = csv.reader(io.StringIO(decode(file, content), newline=""), strict=True)
    found: dict[str, str] = {}
    start = 1
    for cells in lines:
        if cells:
            found[line_of(file, start)] = f"{file} row {len(found) + 1}"
        start = lines.line_num + 1
    return found


def read_activities(files: Contents, reading: Reading, file: str, account: str, year: int) -> None:
    """The obligations of one account and year by program activity."""
    frame = read_fields(
        reading, files, file,
        {"obligations": "spent", "code": "code", "name": "name", "type": "kind"},
    )  # fmt: skip
    frame = shaped(reading, frame, {"spent": MONEY})
    frame = required(reading, frame, ("spent", "code", "kind"))
    rows = frame.with_columns(
        **{
            **constants("usaspending_program_activities", "obligation"),
            **_whole_account(account, year),
            "place": pl.concat_str("kind", "code", separator=" "),
            "note": pl.lit("a part of the whole account, far wider than demining"),
            "agency": pl.lit(None, dtype=pl.String),
            "account_as_printed": pl.concat_str(
                pl.lit(f"{account} program activity"), "code", "name",
                separator=" ", ignore_nulls=True,
            ),
            "amount": dollars("spent"),
            "amount_usd": dollars("spent"),
            "amount_as_printed": pl.col("spent"),
        }
    )  # fmt: skip
    reading.add("funding", rows.select(FUNDING))


def _whole_account(account: str, year: int) -> dict[str, pl.Expr]:
    nothing = pl.lit(None, dtype=pl.String)
    return {
        "source_url": pl.lit(f"{SITE}/federal_account/{account}"),
        "bureau": nothing,
        "account": pl.lit(ACCOUNT_LINES.get(account, "Other")),
        "area": pl.lit(NOWHERE),
        "area_as_printed": pl.lit("World"),
        "implementer": nothing,
        "award_id": nothing,
        "title": nothing,
        "selection_rule": pl.lit(f"federal account {account}"),
        "purpose_code": nothing,
        "date": nothing,
        "year": pl.lit(year, dtype=pl.Int64),
        "is_printed_total": pl.lit(value=True),
    }
