"""Awards, transactions, sub-awards and account balances of USAspending.gov.

What may be added stands apart from what may not. A transaction carries its own amount
(``federal_action_obligation``) and its own date, so transactions add up by fiscal year. The total
of an award is printed on each of its transactions and hung on its first year by the service's own
charts; here it is a sum over the award's life without a year, in a series of its own. So are
outlays, sub-awards and the balances of whole accounts.

A row is taken when its Assistance Listing is one of ``program_numbers``, or when its number begins
with the prefix of State's office for weapons removal, whatever the listing. Which rule it was
stands in ``selection_rule``; other rows, found because a description mentions the prefix, are left.

``account`` follows the federal accounts that the award names. Listing 19.800 is run by the office
that spends the conventional weapons destruction line of NADR, so an award paid from NADR alone
(011-1075) is that line; one paid from other accounts alone is State's other money; where both are
named, or none, the line is not named for the transaction at hand.

What the publisher changes in the life of an award (its accounts, its dates, its recipient's name)
is kept out of what makes a figure the same figure, so that a change is a revision.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import polars as pl
import yaml

from etl.archive import Contents
from etl.areas import Resolver
from etl.pages import records
from etl.reading import DATE, MONEY, Finding, Reading, Shape, SourceError, mapped, shaped
from etl.sources.usaspending.transactions import (
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
from etl.spellings import fold
from etl.transcribed import dollars, funding_defaults

OPTIONS: Final = yaml.safe_load(Path(__file__).with_name("source.yml").read_text(encoding="utf-8"))[
    "fetch"
]["options"]
LISTINGS: Final = tuple(OPTIONS["program_numbers"])
PREFIX: Final = OPTIONS["award_number_prefix"]
AGENCY_CODE: Final = OPTIONS["awarding_agency_code"]
AGENCY: Final = OPTIONS["awarding_agency"]
BY_PREFIX: Final = f"award number {PREFIX} under another listing"

REPORT: Final = "USAspending.gov"
EDITION: Final = "api.usaspending.gov v2"
SITE: Final = "https://www.usaspending.gov"
PLACE_NOTE: Final = "place of performance, one country at best"

# Codes of assistance types and their printed names, folded. Complete as the service publishes them.
AWARD_TYPES: Final[dict[str | None, str | None]] = {
    "02": "block grant (a)",
    "03": "formula grant (a)",
    "04": "project grant (b)",
    "05": "cooperative agreement (b)",
    "06": "direct payment for specified use, as a subsidy or other non-reimbursable direct financial aid (c)",
    "07": "direct loan (e)",
    "08": "guaranteed/insured loan (f)",
    "09": "insurance (g)",
    "10": "direct payment with unrestricted use (retirement, pension, veterans benefits, etc.) (d)",
    "11": "other reimbursable, contingent, intangible, or indirect financial assistance",
    "-1": "not specified",
}
# The names that the service itself gives to the codes in its own lists.
SHORT_NAMES: Final[dict[str | None, str | None]] = {
    "block grant": AWARD_TYPES["02"],
    "formula grant": AWARD_TYPES["03"],
    "project grant": AWARD_TYPES["04"],
    "cooperative agreement": AWARD_TYPES["05"],
    "direct payment for specified use": AWARD_TYPES["06"],
    "direct loan": AWARD_TYPES["07"],
    "guaranteed/insured loan": AWARD_TYPES["08"],
    "insurance": AWARD_TYPES["09"],
    "direct payment with unrestricted use": AWARD_TYPES["10"],
    "other financial assistance": AWARD_TYPES["11"],
}
TYPE_NAMES: Final[dict[str | None, str | None]] = {
    **AWARD_TYPES,
    **{name: name for name in AWARD_TYPES.values()},
    **SHORT_NAMES,
}
# Money for which no country is named; not the code of world totals.
NOWHERE: Final = "QRG"
# Codes of places that are not those of ISO 3166: the U.S. Government's own, for Kosovo, the West
# Bank and Gaza. Not seen in the sample; a code that is not known is an issue and never a guess.
PLACE_CODES: Final = {"XKS": "XKX", "XWB": "PSE", "XGZ": "PSE"}

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
TIMESTAMP: Final = Shape(
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9:.]+([+-][0-9:]+|Z)?)?$",
    "not a time",
    "the service writes 2020-02-27 16:07:21+00",
)

# Obligations of the listing by fiscal year as USAspending gave them to the program inventory
# (EOP-OMB/federal-program-inventory, website/_program/19.800.md at 142b89d). They are revised.
INVENTORY: Final = {
    2023: Decimal("146121597.47"),
    2024: Decimal("228015539.42"),
    2025: Decimal("36473892.78"),
}
INVENTORY_TOLERANCE_PERCENT: Final = 5
COUNT_TOLERANCE_PERCENT: Final = 1

REPLACES: Final = r"PREVIOUSLY ([A-Z0-9-]+) - SAMS ERROR"

_FUNDING: Final = (
    "file", "locator", "series", "report", "edition", "place", "source_url", "note", "donor",
    "donor_area", "agency", "bureau", "account", "account_as_printed", "area", "area_as_printed",
    "implementer", "award_id", "title", "selection_rule", "purpose_code", "sector", "flow",
    "status", "date", "year", "year_basis", "period_start", "period_end", "is_printed_total",
    "is_cumulative", "is_secondary", "amount", "currency", "amount_usd", "amount_as_printed",
    "unit_as_printed", "precision",
)  # fmt: skip


def read(files: Contents, reading: Reading, resolver: Resolver) -> None:
    """Hand over one row a transaction, award, sub-award and account figure."""
    _read_transactions(files, reading, resolver)
    if "awards.json" in files:
        _read_awards(files, reading, resolver)
    if "subawards.json" in files:
        _read_subawards(files, reading, resolver)
    for file in sorted(files):
        if at := BALANCES_FILE.fullmatch(file):
            _read_balances(reading, file, files[file], at["account"], int(at["year"]))
        elif at := ACTIVITIES_FILE.fullmatch(file):
            _read_activities(files, reading, file, at["account"], int(at["year"]))


# Transactions


def _read_transactions(files: Contents, reading: Reading, resolver: Resolver) -> None:
    tables = [table(reading, file, files[file]) for file in at_hand(files)]
    if not tables:
        return
    current, superseded = newest(tables)
    _leave(reading, superseded)
    _compare_counts(files, reading, current)
    taken = current.with_columns(_rule(pl.col("cfda_number")))
    _leave(reading, taken.filter(pl.col("selection_rule").is_null()))
    frame = taken.filter(pl.col("selection_rule").is_not_null())
    frame = shaped(
        reading, frame,
        {"federal_action_obligation": MONEY, "action_date": DATE, CHANGED: TIMESTAMP},
    )  # fmt: skip
    frame = _present(
        reading, frame, (KEY, "award_id_fain", "federal_action_obligation", "action_date")
    )
    frame = mapped(reading, _as_type(frame, "assistance_type_code"), "_type", TYPE_NAMES, "kind")
    frame = frame.with_columns(
        year=_fiscal_year("action_date"),
        area_code=pl.col("primary_place_of_performance_country_code"),
        area_name=pl.col("primary_place_of_performance_country_name"),
        title=pl.col("transaction_description"),
    )
    frame = _accounts(_places(reading, resolver, frame))
    _look_at_years(reading, frame)
    _look_at_replaced(reading, frame, "transaction_description")
    _look_at_inventory(reading, frame)
    rows = frame.with_columns(
        **_constants("usaspending_transactions", "obligation"),
        place=pl.col(KEY),
        source_url=_award_page("assistance_award_unique_key"),
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
    reading.add("funding", rows.select(_FUNDING))


def _rule(listing: pl.Expr) -> pl.Expr:
    """Which rule takes the row; null if none does."""
    by_listing = listing.is_in(LISTINGS)
    by_prefix = pl.col("award_id_fain").str.starts_with(PREFIX) & (
        pl.col("awarding_agency_code") == AGENCY_CODE
    )
    return (
        pl.when(by_listing)
        .then(pl.concat_str(pl.lit("Assistance Listing "), listing))
        .when(by_prefix)
        .then(pl.lit(BY_PREFIX))
        .alias("selection_rule")
    )


def _leave(reading: Reading, frame: pl.DataFrame) -> None:
    """Say of each file how many of its rows do not count, or belong to no rule."""
    for file, rows in frame.group_by("file").len().sort("file").iter_rows():
        reading.leave(file, rows)


def _compare_counts(files: Contents, reading: Reading, current: pl.DataFrame) -> None:
    """Set the copy beside the service's own count of the same question.

    Fewer rows mean that something is lost, and a person must look; more mean that transactions were
    taken away since the last full copy, and the next refresh makes a full one.
    """
    for name in QUESTIONS:
        if COUNT[name] not in files or FULL[name] not in files:
            continue
        counted = _counted(COUNT[name], files[COUNT[name]])
        keys = [
            table(Reading(), file, files[file]).get_column(KEY)
            for file in (FULL[name], INCREMENT[name])
            if file in files
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
    try:
        return int(json.loads(content)["calculated_transaction_count"])
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{file} holds no count ({error}); fetch the source again") from error


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


# Awards


_AWARD_FIELDS: Final = {
    "generated_internal_id": "key", "Award ID": "award_id_fain", "Recipient Name": "implementer",
    "Base Obligation Date": "first", "Start Date": "start", "End Date": "end",
    "Award Amount": "obligated",
    "Total Outlays": "outlays", "Award Type": "award_type",
    "Awarding Agency": "agency", "Awarding Agency Code": "awarding_agency_code",
    "Awarding Sub Agency": "bureau", "Description": "title", "Last Modified Date": "changed",
    "Place of Performance Country Code": "area_code",
}  # fmt: skip


def _read_awards(files: Contents, reading: Reading, resolver: Resolver) -> None:
    """Two figures an award: what was obligated and what was paid over its life."""
    file = "awards.json"
    frame = _fields(reading, files, file, {**_AWARD_FIELDS, "Assistance Listings": "listings"})
    frame = _once(reading, frame)
    # an agency that is named and not coded, as in flattened copies
    frame = frame.with_columns(
        awarding_agency_code=pl.coalesce(
            "awarding_agency_code",
            pl.when(pl.col("agency") == AGENCY).then(pl.lit(AGENCY_CODE)),
        )
    )
    first = (
        pl.col("listings").str.split("; ").list.filter(pl.element().is_in(LISTINGS)).list.first()
    )
    taken = frame.with_columns(_rule(first))
    _leave(reading, taken.filter(pl.col("selection_rule").is_null()))
    frame = taken.filter(pl.col("selection_rule").is_not_null())
    frame = shaped(
        reading, frame,
        {"obligated": MONEY, "outlays": MONEY, "first": DATE, "changed": TIMESTAMP},
    )  # fmt: skip
    frame = _present(reading, frame, ("key", "award_id_fain", "obligated"))
    frame = mapped(reading, _as_type(frame, "award_type"), "_type", TYPE_NAMES, "kind")
    frame = frame.with_columns(area_name=pl.lit(None, dtype=pl.String))
    frame = _places(reading, resolver, frame)
    _look_at_replaced(reading, frame, "title")
    frame = frame.with_columns(
        account=pl.when(pl.col("awarding_agency_code") == AGENCY_CODE)
        .then(pl.lit("State"))
        .otherwise(pl.lit("Not stated")),
        account_as_printed=pl.lit(None, dtype=pl.String),
        purpose_code=pl.col("listings"),
        place=pl.col("key"),
        source_url=_award_page("key"),
        award_id=pl.col("award_id_fain"),
        year=pl.lit(None, dtype=pl.Int64),
        date=pl.lit(None, dtype=pl.String),
    )
    obligated = _lifetime(frame, "usaspending_awards", "obligation", "obligated")
    reading.add("funding", obligated.select(_FUNDING))
    paid = _lifetime(
        frame.filter(pl.col("outlays").is_not_null()),
        "usaspending_award_outlays", "disbursement", "outlays",
    )  # fmt: skip
    nothing = pl.col("outlays").cast(pl.Decimal(18, 2)) == 0
    paid = paid.with_columns(
        locator=pl.concat_str(pl.col("locator"), pl.lit("/Total Outlays")),
        amount=pl.when(~nothing).then("amount"),
        amount_usd=pl.when(~nothing).then("amount_usd"),
        precision=pl.when(~nothing).then("precision"),
        note=pl.when(nothing)
        .then(pl.concat_str(pl.col("note"), pl.lit("; outlays of 0 are taken as not reported")))
        .otherwise("note"),
    )
    _more_figures(reading, paid)
    reading.add("funding", paid.select(_FUNDING))


def _lifetime(frame: pl.DataFrame, series: str, flow: str, column: str) -> pl.DataFrame:
    """One figure an award, from the fiscal year of its first action and open at the end.

    The dates of performance say when work is done and not when money is obligated. They stand in
    the note, for an award is extended again and again, and stays the same figure.
    """
    return frame.with_columns(
        **{
            **_constants(series, flow),
            "note": pl.concat_str(
                pl.col("kind"),
                pl.lit(PLACE_NOTE),
                pl.concat_str(pl.lit("performed from "), "start"),
                pl.concat_str(pl.lit("performed until "), "end"),
                separator="; ",
                ignore_nulls=True,
            ),
            "period_start": _fiscal_year("first"),
            "is_cumulative": pl.lit(value=True),
            "amount": dollars(column),
            "amount_usd": dollars(column),
            "amount_as_printed": pl.col(column),
        }
    )


def _once(reading: Reading, frame: pl.DataFrame) -> pl.DataFrame:
    """Each award once: both questions can find it, and so can the searches of two periods."""
    ranked = frame.with_row_index("_row").sort(
        pl.col("changed").fill_null(""), "_row", descending=True
    )
    kept = pl.col("key").is_null() | pl.col("key").is_first_distinct()
    ranked = ranked.with_columns(_kept=kept).sort("_row")
    _leave(reading, ranked.filter(~pl.col("_kept")))
    return ranked.filter("_kept").drop("_row", "_kept")


# Sub-awards


_SUBAWARD_FIELDS: Final = {
    "Sub-Award ID": "number", "Sub-Awardee Name": "implementer", "Sub-Award Date": "date",
    "Sub-Award Amount": "passed_on", "Sub-Award Description": "title",
    "Awarding Agency": "agency", "Awarding Sub Agency": "bureau", "Prime Award ID": "prime",
    "Prime Recipient Name": "prime_name", "prime_award_generated_internal_id": "prime_key",
}  # fmt: skip


def _read_subawards(files: Contents, reading: Reading, resolver: Resolver) -> None:
    """One row a report of a sub-award; the place is that of the sub-award, where one is named."""
    file = "subawards.json"
    fields = {
        **_SUBAWARD_FIELDS,
        "Sub-Award Primary Place of Performance": "performed",
        "Assistance Listing": "listings",
    }
    frame = _fields(reading, files, file, fields)
    frame = shaped(reading, frame, {"passed_on": MONEY, "date": DATE})
    frame = _present(reading, frame, ("number", "prime", "passed_on", "date"))
    frame = frame.with_columns(
        area_code=pl.col("performed").str.split("; ").list.first(),
        area_name=pl.col("performed").str.split("; ").list.get(1, null_on_oob=True),
    )
    frame = _places(reading, resolver, frame)
    # the same report twice is two rows; a number tells them apart, whatever their order
    key = ("prime", "number", "date")
    frame = (
        frame.with_row_index("_row")
        .sort("passed_on", "implementer", "title", "_row", nulls_last=True)
        .with_columns(_nth=(pl.int_range(pl.len()) + 1).over(key))
        .sort("_row")
    )
    rows = frame.with_columns(
        **_constants("usaspending_subawards", "obligation"),
        place=pl.concat_str(
            pl.coalesce("prime_key", "prime"), "number", "date", pl.col("_nth").cast(pl.String),
            separator="; ",
        ),
        source_url=_award_page("prime_key"),
        note=pl.concat_str(
            pl.lit("passed on by "), pl.col("prime_name").fill_null("the recipient"),
            pl.lit(f"; {PLACE_NOTE}"),
        ),
        account=pl.when(pl.col("agency") == AGENCY)
        .then(pl.lit("State"))
        .otherwise(pl.lit("Not stated")),
        account_as_printed=pl.lit(None, dtype=pl.String),
        award_id=pl.col("prime"),
        selection_rule=pl.lit("sub-award of an award under the listing"),
        purpose_code=pl.col("listings"),
        year=_fiscal_year("date"),
        amount=dollars("passed_on"),
        amount_usd=dollars("passed_on"),
        amount_as_printed=pl.col("passed_on"),
    )  # fmt: skip
    reading.add("funding", rows.select(_FUNDING))


# Accounts


def _read_balances(reading: Reading, file: str, content: bytes, account: str, year: int) -> None:
    """Three figures a Treasury account: budget authority, obligations and outlays of one year."""
    frame = table(reading, file, content, BALANCES)
    frame = frame.with_columns(
        locator=pl.concat_str(
            pl.lit(f"{file} row "),
            (pl.int_range(pl.len()) + 2).cast(pl.String),
        )
    )
    other = pl.col("federal_account_symbol").ne_missing(account)
    _leave(reading, frame.filter(other))
    frame = shaped(
        reading, frame.filter(~other),
        {"submission_period": PERIOD, **dict.fromkeys(ACCOUNT_FLOWS, MONEY)},
    )  # fmt: skip
    frame = _present(
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
                **_constants("usaspending_accounts", flow),
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
        reading.add("funding", rows.select(_FUNDING))
    for _flow in list(ACCOUNT_FLOWS)[1:]:
        _more_figures(reading, frame)


def _read_activities(files: Contents, reading: Reading, file: str, account: str, year: int) -> None:
    """The obligations of one account and year by program activity."""
    frame = _fields(
        reading, files, file,
        {"obligations": "spent", "code": "code", "name": "name", "type": "kind"},
    )  # fmt: skip
    frame = shaped(reading, frame, {"spent": MONEY})
    frame = _present(reading, frame, ("spent", "code", "kind"))
    rows = frame.with_columns(
        **{
            **_constants("usaspending_program_activities", "obligation"),
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
    reading.add("funding", rows.select(_FUNDING))


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


# What they share


def _constants(series: str, flow: str) -> dict[str, pl.Expr]:
    """Columns that are the same in every row of a series."""
    nothing = pl.lit(None, dtype=pl.Int64)
    return {
        **funding_defaults(),
        "series": pl.lit(series),
        "report": pl.lit(REPORT),
        # the same at each retrieval: what changes between retrievals is a revision
        "edition": pl.lit(EDITION),
        "donor": pl.lit("United States"),
        "donor_area": pl.lit("USA"),
        "flow": pl.lit(flow),
        "year_basis": pl.lit("fiscal"),
        "period_start": nothing,
        "period_end": nothing,
        "unit_as_printed": pl.lit("US$"),
        "precision": pl.lit("exact"),
    }


def _award_page(key: str) -> pl.Expr:
    """The award's own page, or the site where no key is printed."""
    good = pl.col(key).str.contains(r"^[A-Za-z0-9_.-]+$")
    page = pl.concat_str(pl.lit(f"{SITE}/award/"), pl.col(key))
    return pl.when(good).then(page).otherwise(pl.lit(SITE))


def _fiscal_year(column: str) -> pl.Expr:
    day = pl.col(column).str.to_date("%Y-%m-%d", strict=False)
    return (day.dt.year() + (day.dt.month() >= 10)).cast(pl.Int64)  # noqa: PLR2004 - October


def _places(reading: Reading, resolver: Resolver, frame: pl.DataFrame) -> pl.DataFrame:
    """Add ``area`` by code, else by name, and ``area_as_printed``; what is unknown is an issue."""
    frame = frame.with_columns(_code=pl.col("area_code").replace(PLACE_CODES))
    frame = resolver.resolve(reading, frame, "_code", "_by_code", quiet=True)
    frame = resolver.resolve(reading, frame, "area_name", "_by_name", quiet=True)
    frame = frame.with_columns(
        area=pl.coalesce(
            "_by_code", "_by_name",
            pl.when(pl.col("area_code").is_null() & pl.col("area_name").is_null()).then(
                pl.lit(NOWHERE)
            ),
        ),
        area_as_printed=pl.coalesce("area_name", "area_code", pl.lit("World")),
    )  # fmt: skip
    unknown = frame.filter(pl.col("area").is_null())
    for place, printed in unknown.select("locator", "area_as_printed").iter_rows():
        reading.issue(
            Finding(
                place, "place of performance", "unknown area", printed,
                "add the spelling to data/reference/areas.csv, or the code to PLACE_CODES in read.py",
            )
        )  # fmt: skip
    return frame


def _as_type(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """Add the award type as it is looked up: a code, or a name folded; nothing is 'not specified'."""
    return frame.with_columns(_type=fold(pl.col(column)).fill_null("-1"))


def _present(reading: Reading, frame: pl.DataFrame, columns: Iterable[str]) -> pl.DataFrame:
    """Keep the rows that have all of ``columns``; the others are rejects."""
    for column in columns:
        for (place,) in frame.filter(pl.col(column).is_null()).select("locator").iter_rows():
            reading.reject(
                Finding(place, column, "a value is missing", None, "fetch again; the row needs it")
            )
        frame = frame.filter(pl.col(column).is_not_null())
    return frame


def _look_at_replaced(reading: Reading, frame: pl.DataFrame, column: str) -> None:
    """Awards that stand in for another: the money may stand under both numbers."""
    named = frame.with_columns(_earlier=pl.col(column).str.extract(REPLACES)).filter(
        pl.col("_earlier").is_not_null()
    )
    for place, number, earlier in named.select("locator", "award_id_fain", "_earlier").iter_rows():
        reading.issue(
            Finding(
                place, column, "an award entered again under a new number after an error",
                f"{number}, previously {earlier}",
                f"the money may stand twice: see whether {earlier} was de-obligated before adding both",
            )
        )  # fmt: skip


def _more_figures(reading: Reading, frame: pl.DataFrame) -> None:
    """A row that gives a second figure is counted again, so that rows and figures still agree."""
    for file, rows in frame.group_by("file").len().iter_rows():
        reading.rows_read[file] += rows


def _fields(
    reading: Reading, files: Contents, file: str, fields: Mapping[str, str]
) -> pl.DataFrame:
    """The records of a paged answer as text columns; raises SourceError if one lacks a field."""
    rows = []
    for place, record in records(reading, files, file):
        missing = [name for name in fields if name not in record]
        if missing:
            raise SourceError(
                f"{place} lacks the field {', '.join(missing)}; it has {', '.join(record)}"
            )
        cells = {into: _cell(record[name]) for name, into in fields.items()}
        rows.append({"file": file, "locator": place, **cells})
    schema = dict.fromkeys(("file", "locator", *fields.values()), pl.String)
    return pl.DataFrame(rows, schema=schema)


def _cell(value: Any) -> str | None:  # noqa: ANN401 - JSON
    """A JSON value as the text that a CSV would hold; lists and objects as their first values.

    >>> _cell(1704275.0), _cell("1500000"), _cell([{"cfda_number": "19.800", "title": "x"}])
    ('1704275.00', '1500000', '19.800')
    """
    if isinstance(value, bool) or value is None:
        return None if value is None else str(value).lower()
    if isinstance(value, int | float):
        return _decimal(value)
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, dict):
        codes = [text for name in _CODES if (text := _cell(value.get(name)))]
        return "; ".join(codes) or None
    return "; ".join(text for item in value if (text := _cell(item))) or None


# What is read of a listing or a place that is printed as an object.
_CODES: Final = ("cfda_number", "location_country_code", "country_name")


def _decimal(value: float) -> str:
    """A JSON number as exact decimal text, as it stands in the answer."""
    try:
        exact = Decimal(repr(value))
    except InvalidOperation:  # NaN and infinity are no JSON, but Python reads them
        return repr(value)
    if not exact.is_finite():
        return repr(value)
    cents = exact.quantize(Decimal("0.01"))
    return f"{cents if cents == exact else exact.normalize():f}"
