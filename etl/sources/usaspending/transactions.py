"""Transactions: one obligation each, of its own amount and date.

``account`` follows the federal accounts that the award names. Listing 19.800 is run by the office
that spends the conventional weapons destruction line of NADR, so an award paid from NADR alone
(011-1075) is that line; one paid from other accounts alone is State's other money; where both are
named, or none, the line is not named for the transaction at hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import polars as pl

from etl.archive import Contents
from etl.areas import Resolver
from etl.asking import shown
from etl.json_text import json_of
from etl.reading import DATE, MONEY, Finding, Reading, SourceError, mapped, shaped
from etl.sources.usaspending.accounts import NADR, federal_accounts
from etl.sources.usaspending.copies import (
    CHANGED,
    COUNT,
    FULL,
    INCREMENT,
    KEY,
    QUESTIONS,
    at_hand,
    newest,
    table,
)
from etl.sources.usaspending.figures import (
    AGENCY_CODE,
    BY_PREFIX,
    FUNDING,
    PLACE_NOTE,
    TIMESTAMP,
    TYPE_NAMES,
    add_areas,
    add_type,
    award_page,
    constants,
    fiscal_year,
    leave,
    look_at_replaced,
    required,
    rule,
)
from etl.transcribed import dollars

# Obligations of the listing by fiscal year as USAspending gave them to the program inventory
# (EOP-OMB/federal-program-inventory, website/_program/19.800.md at 142b89d). They are revised.
INVENTORY: Final = {
    2023: Decimal("146121597.47"),
    2024: Decimal("228015539.42"),
    2025: Decimal("36473892.78"),
}
INVENTORY_TOLERANCE_PERCENT: Final = 5
COUNT_TOLERANCE_PERCENT: Final = 1


def read_transactions(files: Contents, reading: Reading, resolver: Resolver) -> None:
    """One row a transaction, in the version that counts; the sums are set beside what others printed."""
    tables = {file: table(reading, file, files[file]) for file in at_hand(files)}
    if not tables:
        return
    current, superseded = newest(list(tables.values()))
    leave(reading, superseded)
    _compare_counts(files, reading, tables, current)
    taken = current.with_columns(rule(pl.col("cfda_number")))
    leave(reading, taken.filter(pl.col("selection_rule").is_null()))
    frame = taken.filter(pl.col("selection_rule").is_not_null())
    frame = shaped(
        reading, frame,
        {"federal_action_obligation": MONEY, "action_date": DATE, CHANGED: TIMESTAMP},
    )  # fmt: skip
    frame = required(
        reading, frame, (KEY, "award_id_fain", "federal_action_obligation", "action_date")
    )
    frame = mapped(reading, add_type(frame, "assistance_type_code"), "_type", TYPE_NAMES, "kind")
    frame = frame.with_columns(
        year=fiscal_year("action_date"),
        area_code=pl.col("primary_place_of_performance_country_code"),
        area_name=pl.col("primary_place_of_performance_country_name"),
        title=pl.col("transaction_description"),
    )
    frame = _accounts(add_areas(reading, resolver, frame))
    _look_at_years(reading, frame)
    look_at_replaced(reading, frame, "transaction_description")
    _look_at_inventory(reading, frame)
    rows = frame.with_columns(
        **constants("usaspending_transactions", "obligation"),
        place=pl.col(KEY),
        source_url=award_page("assistance_award_unique_key"),
        note=pl.concat_str(
            pl.col("kind"),
            pl.lit(PLACE_NOTE),
            pl.concat_str(pl.lit("accounts that pay for the award: "), "accounts"),
            separator="; ",
            ignore_nulls=True,
        ),
        account_as_printed=pl.lit(None, dtype=pl.String),
        agency=pl.col("awarding_agency_name"),
        bureau=pl.coalesce("awarding_office_name", "awarding_sub_agency_name"),
        implementer=pl.col("recipient_name"),
        award_id=pl.col("award_id_fain"),
        purpose_code=pl.col("cfda_number"),
        date=pl.col("action_date"),
        amount=dollars("federal_action_obligation"),
        amount_usd=dollars("federal_action_obligation"),
        amount_as_printed=pl.col("federal_action_obligation"),
    )
    reading.add("funding", rows.select(FUNDING))


def _compare_counts(
    files: Contents, reading: Reading, tables: Mapping[str, pl.DataFrame], current: pl.DataFrame
) -> None:
    """Set the copy beside the service's own count of the same question.

    Fewer rows mean that something is lost, and a person must look; more mean that transactions were
    taken away since the last full copy, and the next refresh makes a full one.
    """
    for name in QUESTIONS:
        if COUNT[name] not in files or FULL[name] not in tables:
            continue
        counted = _counted(COUNT[name], files[COUNT[name]])
        keys = [
            tables[file].get_column(KEY) for file in (FULL[name], INCREMENT[name]) if file in tables
        ]
        found = current.filter(pl.col(KEY).is_in(pl.concat(keys).unique().implode())).height
        finding = Finding(
            f"{COUNT[name]} line 1", "calculated_transaction_count",
            f"{found:,} transactions are at hand, the service counts {counted:,}", str(counted),
            "refresh again" if found < counted
            else "the next refresh makes a full copy, which leaves out what was taken away",
        )  # fmt: skip
        if found * 100 < counted * (100 - COUNT_TOLERANCE_PERCENT):
            reading.doubt(finding)
        elif found != counted:
            reading.issue(finding)


def _counted(file: str, content: bytes) -> int:
    answer = json_of(content, file)
    count = answer.get("calculated_transaction_count") if isinstance(answer, dict) else None
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise SourceError(f"{file} holds no count: {shown(answer)}; fetch the source again")
    return count


def _look_at_years(reading: Reading, frame: pl.DataFrame) -> None:
    other = frame.filter(
        pl.col("action_date_fiscal_year").ne_missing(pl.col("year").cast(pl.String))
    )
    for place, printed, year in other.select("locator", "action_date_fiscal_year", "year").rows():
        reading.issue(
            Finding(
                place, "action_date_fiscal_year", "not the fiscal year of the action date", printed,
                f"the row counts in {year}, the year of its date",
            )
        )  # fmt: skip


def _look_at_inventory(reading: Reading, frame: pl.DataFrame) -> None:
    """Compare yearly sums of the listing with those that were published elsewhere."""
    listed = frame.filter(pl.col("selection_rule") != BY_PREFIX)
    sums = dict(listed.group_by("year").agg(dollars("federal_action_obligation").sum()).iter_rows())
    if not sums:
        return
    for year, printed in INVENTORY.items():
        found = sums.get(year, Decimal(0))
        within = min(sums) <= year <= max(sums)
        if within and abs(found - printed) * 100 > printed * INVENTORY_TOLERANCE_PERCENT:
            reading.issue(
                Finding(
                    f"{FULL['listing']} line 1", "federal_action_obligation",
                    f"the sum of fiscal year {year} is {found:,} dollars, the program inventory printed "
                    f"{printed:,}", str(found),
                    "old years are revised; look for missing transactions if the difference is large",
                )
            )  # fmt: skip


def _accounts(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the U.S. budget line, and the award's federal accounts for the note.

    ``account_as_printed`` is part of what makes an entry the same figure, and an award is linked to
    its accounts months after its first transaction. So the accounts stand in the note, where a
    change is a revision. Federal accounts and not Treasury accounts: an award gains one of the
    latter with each year's money.
    """
    printed = pl.coalesce(
        "federal_accounts_funding_this_award", "treasury_accounts_funding_this_award"
    )
    pairs = frame.select("awarding_agency_code", printed.alias("printed")).unique()
    lines = pairs.with_columns(
        account=pl.Series(
            [_line(code, accounts) for code, accounts in pairs.iter_rows()], dtype=pl.String
        ),
        accounts=pl.Series(
            [", ".join(federal_accounts(accounts)) or None for _, accounts in pairs.iter_rows()],
            dtype=pl.String,
        ),
    )
    return frame.with_columns(printed=printed).join(
        lines, on=("awarding_agency_code", "printed"), how="left", nulls_equal=True,
        maintain_order="left",
    )  # fmt: skip


def _line(agency_code: str | None, printed: str | None) -> str:
    """The budget line of a transaction; see the module docstring."""
    if agency_code != AGENCY_CODE:
        return "Not stated"
    accounts = federal_accounts(printed)
    if accounts == [NADR]:
        return "State NADR-CWD"
    if accounts and NADR not in accounts:
        return "State other"
    return "State"
