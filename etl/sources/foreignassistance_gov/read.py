"""ForeignAssistance.gov: transactions and budget lines of U.S. foreign assistance for mine action.

One reader takes the complete file, the query tool's exports of single countries and the budget file,
each by its header, whatever its name. Which records are about mine action stands in ``select.sql``,
and why in ``source.yml``.

The publisher's identifiers are no names of a row: each load of its database numbers anew. In the
copy of December 2022 the Activity IDs of one Submission ID lie in one unbroken block, blocks follow
one another in the order of the Submission IDs, and one Submission ID covers an agency's twenty years;
the copy of May 2025 has other numbers for the same agencies (submission 999 went from 860,000 and
more to 314,548). So neither they nor ``submission_activity_id`` stand in the key or among the values:
each release would otherwise withdraw and add everything. Nor do texts that are edited or redacted
later, nor the constant dollars, which are re-based every year. A row is found again by country,
fiscal year, account, agency, bureau, purpose, award number, partner's number and day, money given and
money taken back apart, and rows alike in all of these by a number.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from etl import scan
from etl.archive import Contents
from etl.areas import Resolver
from etl.reading import MONEY, Finding, Reading, Shape, mapped, shaped
from etl.scan import Column

HERE: Final = Path(__file__).parent
SELECTION: Final = (HERE / "select.sql").read_text(encoding="utf-8")

# What both files have.
_COMMON: Final = (
    Column("country_code", ("Country Code",)),
    Column("area_as_printed", ("Country Name",)),
    Column("bureau_id", ("Managing Sub-agency or Bureau ID",)),
    Column("bureau_acronym", ("Managing Sub-agency or Bureau Acronym",), required=False),
    Column("bureau_name", ("Managing Sub-agency or Bureau Name",)),
    Column("funding_agency_name", ("Funding Agency Name",)),
    Column("funding_agency_acronym", ("Funding Agency Acronym",)),
    Column("account_id", ("Funding Account ID", "Funding Acount ID")),
    Column("account_name", ("Funding Account Name",)),
    Column("purpose_code", ("International Purpose Code",)),
    Column("purpose_name", ("International Purpose Name",)),
    Column("activity_name", ("Activity Name",)),
    Column("type_id", ("Transaction Type ID",)),
    Column("type_name", ("Transaction Type Name",)),
    Column("fiscal_year", ("Fiscal Year",)),
)
TRANSACTIONS: Final = (
    *_COMMON,
    Column("managing_agency_acronym", ("Managing Agency Acronym",)),
    Column("managing_agency_name", ("Managing Agency Name",)),
    Column("partner_id", ("Implementing Partner ID",)),
    Column("partner_name", ("Implementing Partner Name",)),
    Column("objective", ("Foreign Assistance Objective Name",)),
    Column("project_number", ("Activity Project Number",)),
    Column("start_date", ("Activity Start Date",)),
    Column("end_date", ("Activity End Date",)),
    Column("transaction_date", ("Transaction Date",), required=False),  # exports have none
    Column("amount_as_printed", ("Current Dollar Amount",)),
)
BUDGET: Final = (
    *_COMMON,
    Column("managing_agency_acronym", (), required=False),
    Column("operating_unit", ("Operating Unit",)),
    Column("oco_flag", ("OCO Flag",)),
    Column("amount_as_printed", ("current_amount",)),
)
# Columns that are known and not read. The exports of 2022 have the partner's sub-category exchanged.
IGNORED: Final = frozenset(
    {
        "Country ID", "Region ID", "Region Name", "Income Group ID", "Income Group Name",
        "Income Group Acronym", "Managing Agency ID", "Implementing Partner Category ID",
        "Implementing Partner Category Name", "Implementing Partner Sub-category ID",
        "Implementing Partner Sub-category Name", "International Category ID",
        "International Category Name", "International Sector Code", "International Sector Name",
        "US Category ID", "US Category Name", "US Sector ID", "US Sector Name", "Funding Agency ID",
        "Foreign Assistance Objective ID", "Aid Type Group ID", "Aid Type Group Name", "Activity ID",
        "Submission ID", "Activity Description", "Constant Dollar Amount", "constant_amount",
        "aid_type_id", "aid_type_name", "activity_budget_amount", "submission_activity_id",
    }
)  # fmt: skip

FISCAL_YEAR: Final = Shape(
    r"^([0-9]{4}|1976[Tt][Qq])$", "not a fiscal year", "look at the row: a column may have slipped"
)
# Transaction Type ID and Name. What the budget file has is left to it.
STAGES: Final[dict[str | None, str | None]] = {
    "2 Obligations": "obligations",
    "3 Disbursements": "disbursements",
    "1 Appropriated and Planned": "budget",
    "18 President's Budget Requests": "budget",
    "19 Initial Allocations": "budget",
}
FLOWS: Final = {"obligations": "obligation", "disbursements": "disbursement"}
BUDGET_STATUS: Final[dict[str | None, str | None]] = {
    "18 President's Budget Requests": "request",
    # one type for both, so the weaker word
    "1 Appropriated and Planned": "planned",
    "19 Initial Allocations": "planned",
}
SERIES_OF_RULE: Final = {
    "purpose 15250": "fa",
    "weapons destruction": "fa_cwd",
    "Defense account": "fa_dod",
}
DEFENSE: Final = ("DOD", "ARMY", "NAVY", "AF")
_NO_BUREAU: Final = "not applicable"
_REDACTED: Final = "(?i)redacted"
_REDACTABLE: Final = {
    "activity_name": "title",
    "project_number": "award number",
    "partner_name": "implementer",
}

# The key beside series, area, account and year: what the place says of a row, in this order.
_TRANSACTION_PLACE: Final = {
    "managing_agency_acronym": "agency ",
    "bureau": "bureau ",
    "purpose_code": "purpose ",
    "project_number": "award ",
    "partner_id": "partner ",
    "transaction_date": "date ",
}
_BUDGET_PLACE: Final = {
    "type": "type ",
    "funding_agency_acronym": "agency ",
    "bureau": "bureau ",
    "operating_unit": "operating unit ",
    "purpose_code": "purpose ",
    "oco_flag": "OCO flag ",
}
_KEY: Final = ("series", "area_as_printed", "account_as_printed", "status", "year", "place")
# What orders the rows of one key: their values, none of which a release numbers anew or re-bases.
_ORDER: Final = (
    "title", "amount", "date", "implementer", "area", "agency", "bureau", "sector_as_printed", "note",
    "row",
)  # fmt: skip
_FUNDING: Final = (
    "file", "locator", "row", "series", "area", "area_as_printed", "account", "account_as_printed",
    "agency", "bureau", "implementer", "award_id", "title", "selection_rule", "purpose_code",
    "sector_as_printed", "flow", "status", "date", "year", "amount", "amount_as_printed", "note",
    "place", "objective",
)  # fmt: skip


def read(files: Contents, reading: Reading, resolver: Resolver) -> None:
    """Hand over the selected rows of every file, and say where two files hold the same."""
    frames = [_rows(reading, files, file, resolver) for file in sorted(files)]
    rows = pl.concat(frames, how="diagonal")
    _doubt_overlaps(reading, rows)
    reading.add("funding", _finished(rows))


def _rows(reading: Reading, files: Contents, file: str, resolver: Resolver) -> pl.DataFrame:
    """The selected rows of one file, transactions or budget lines."""
    names = scan.header(files, file)
    is_budget = "current_amount" in names and "Current Dollar Amount" not in names
    columns = BUDGET if is_budget else TRANSACTIONS
    frame = scan.select(reading, files, file, columns, IGNORED, SELECTION)
    frame = frame.with_columns(pl.concat_str("type_id", "type_name", separator=" ").alias("type"))
    frame = _budget_lines(reading, frame) if is_budget else _transactions(reading, frame)
    frame = shaped(reading, frame, {"fiscal_year": FISCAL_YEAR, "amount_as_printed": MONEY})
    frame = resolver.resolve(reading, frame, "area_as_printed", "area")
    _compare_country_codes(reading, frame, resolver)
    frame = frame.with_columns(
        year=pl.col("fiscal_year").str.extract(r"^([0-9]{4})$").cast(pl.Int64)
    )
    _look_at_values(reading, frame)
    return frame.with_columns(
        amount=pl.col("amount_as_printed").cast(pl.Decimal(18, 2)),
        account_as_printed=_joined("account_id", "account_name"),
        title="activity_name",
        sector_as_printed="purpose_name",
        bureau=pl.when(pl.col("bureau_name") != _NO_BUREAU).then(pl.col("bureau_name")),
    ).select(*_FUNDING)


def _transactions(reading: Reading, frame: pl.DataFrame) -> pl.DataFrame:
    """Obligations and disbursements; budget lines among them are left to the budget file."""
    file_of = frame.select("file").head(1)
    frame = mapped(reading, frame, "type", STAGES, "stage")
    kept = frame.filter(pl.col("stage") != "budget")
    if kept.height < frame.height:
        reading.leave(file_of.item(), frame.height - kept.height)
    redacted = pl.concat_list(
        pl.when(pl.col(column).str.contains(_REDACTED)).then(pl.lit(word))
        for column, word in _REDACTABLE.items()
    ).list.drop_nulls()
    return kept.with_columns(
        series=pl.concat_str(
            pl.col("selection_rule").replace_strict(SERIES_OF_RULE, return_dtype=pl.String),
            "stage",
            separator="_",
        ),
        flow=pl.col("stage").replace_strict(FLOWS, return_dtype=pl.String),
        status=pl.lit("actual"),
        account=_account("managing_agency_acronym"),
        agency="managing_agency_name",
        implementer="partner_name",
        award_id=pl.when(pl.col("project_number").str.contains(_REDACTED).not_()).then(
            pl.col("project_number")
        ),
        date=_day("transaction_date"),
        note=pl.when(redacted.list.len() > 0).then(
            pl.lit("redacted by the publisher: ") + redacted.list.join(", ")
        ),
        place=_place(_TRANSACTION_PLACE),
    )


def _budget_lines(reading: Reading, frame: pl.DataFrame) -> pl.DataFrame:
    """Requests and plans for purpose 15250; rows of the wider rules are left."""
    file_of = frame.select("file").head(1)
    kept = frame.filter(pl.col("selection_rule") == "purpose 15250")
    if kept.height < frame.height:
        reading.leave(file_of.item(), frame.height - kept.height)
    kept = mapped(reading, kept, "type", BUDGET_STATUS, "status")
    nothing = pl.lit(None, dtype=pl.String)
    return kept.with_columns(
        series=pl.lit("fa_budget"),
        flow=pl.lit("appropriation"),
        account=_account("funding_agency_acronym"),
        agency="funding_agency_name",
        implementer=nothing,
        award_id=nothing,
        date=nothing,
        note=pl.when(pl.col("activity_name").str.contains(_REDACTED)).then(
            pl.lit("redacted by the publisher: title")
        ),
        objective=nothing,
        place=_place(_BUDGET_PLACE),
    )


def _account(agency: str) -> pl.Expr:
    """The ledger's account: by the treasury account where it tells, else by the agency.

    11x1075 (NADR) is wider than conventional weapons destruction, so it is no more than "State".
    """
    account, who = pl.col("account_id"), pl.col(agency)
    return (
        pl.when(account == "97x0819")
        .then(pl.lit("DoD"))
        .when(account.str.starts_with("97x") | who.is_in(DEFENSE))
        .then(pl.lit("DoD other"))
        .when((account == "75x0943") | (pl.col("bureau_acronym") == "CDC"))
        .then(pl.lit("CDC"))
        .when(who == "USAID")
        .then(pl.lit("USAID"))
        .when((who == "STATE") & (account.is_null() | (account == "11x1075")))
        .then(pl.lit("State"))
        .when(who == "STATE")
        .then(pl.lit("State other"))
        .when(account.is_null())
        .then(pl.lit("Not stated"))
        .otherwise(pl.lit("Other"))
    )


def _joined(*columns: str) -> pl.Expr:
    """The columns with a space between; null where all are."""
    joined = pl.concat_str(*columns, separator=" ", ignore_nulls=True)
    return pl.when(joined != "").then(joined)


def _day(column: str) -> pl.Expr:
    """A day such as 01SEP2024 in ISO 8601; null where it is none."""
    return pl.col(column).str.to_date("%d%b%Y", strict=False).cast(pl.String)


def _place(parts: dict[str, str]) -> pl.Expr:
    """What the row says of itself beside series, area, account and year; what it lacks is left out."""
    bureau = pl.coalesce("bureau_acronym", "bureau_id")
    quarter = pl.when(pl.col("fiscal_year").str.contains("(?i)tq")).then(
        pl.lit("fiscal year 1976 transition quarter")
    )
    back = pl.when(pl.col("amount_as_printed").str.starts_with("-")).then(pl.lit("taken back"))
    named = [
        pl.lit(word) + (bureau if name == "bureau" else pl.col(name))
        for name, word in parts.items()
    ]
    return pl.concat_str(*named, quarter, back, separator="; ", ignore_nulls=True)


def _compare_country_codes(reading: Reading, frame: pl.DataFrame, resolver: Resolver) -> None:
    """An issue where the country's code stands for another area than its name; the name is kept."""
    own = pl.read_csv(HERE / "country_codes.csv", infer_schema=False)
    codes = dict(own.select("country_code", "area").iter_rows())
    coded = resolver.resolve(
        reading, frame.with_columns(_code=pl.col("country_code").replace(codes)), "_code", "_area",
        quiet=True,
    )  # fmt: skip
    for place, code, name in (
        coded.filter(pl.col("_area") != pl.col("area"))
        .select("locator", "country_code", "area_as_printed")
        .iter_rows()
    ):
        fix = "the name is used; compare with the publisher's list of countries"
        rule = "the code and the name of the country disagree"
        reading.issue(Finding(place, "Country Code", rule, f"{code}: {name}", fix))


def _look_at_values(reading: Reading, frame: pl.DataFrame) -> None:
    """Issues for what is kept though it is odd: no amount, no whole year, a day that is none."""
    no_day = pl.lit(value=False)
    if "transaction_date" in frame.columns:
        no_day = pl.col("transaction_date").is_not_null() & pl.col("date").is_null()
    odd = (
        ("Current Dollar Amount", "no amount", "amount_as_printed", pl.col("amount_as_printed").is_null()),
        ("Fiscal Year", "not a whole fiscal year", "fiscal_year", pl.col("year").is_null()),
        ("Transaction Date", "not a day", "transaction_date", no_day),
    )  # fmt: skip
    for column, rule, name, which in odd:
        rows = frame.filter(which)
        for place, raw in rows.select("locator", name).iter_rows() if rows.height else ():
            fix = "the row is kept without it; look it up in the publisher's file"
            reading.issue(Finding(place, column, rule, raw, fix))


def _doubt_overlaps(reading: Reading, rows: pl.DataFrame) -> None:
    """Two files that hold the same country, year and stage would count its money twice."""
    twice = (
        rows.group_by("series", "area_as_printed", "year", "objective")
        .agg(pl.col("file").unique().sort(), pl.col("locator").first())
        .filter(pl.col("file").list.len() > 1)
        .sort("area_as_printed", "year", "series")
    )
    if twice.height:
        first = twice.row(0, named=True)
        reading.doubt(
            Finding(
                first["locator"], None,
                f"{twice.height} groups of country, fiscal year and stage stand in more than one file",
                f"{first['area_as_printed']} {first['year']} in {', '.join(first['file'])}",
                "give each country and year once, or the complete file alone: money would count twice",
            )
        )  # fmt: skip


def _finished(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows numbered within their keys, with what is the same in all of them."""
    numbered = (
        rows.sort(*_ORDER, "file", nulls_last=True)
        .with_columns((pl.int_range(pl.len()) + 1).over(_KEY).alias("occurrence"))
        .sort("file", "row")
    )
    return numbered.with_columns(
        place=pl.concat_str("place", pl.lit("; no. "), "occurrence"),
        # the bytes may be the complete file or a country's export: their origin stands with the vintage
        report=pl.lit("ForeignAssistance.gov"),
        # The same in each release: its date is its vintage's, and what it changes is a revision.
        edition=pl.lit("ForeignAssistance.gov"),
        source_url=pl.lit("https://foreignassistance.gov/data"),
        donor=pl.lit("United States"),
        donor_area=pl.lit("USA"),
        sector=pl.lit("unspecified"),
        year_basis=pl.lit("fiscal"),
        is_printed_total=pl.lit(value=False),
        is_cumulative=pl.lit(value=False),
        is_secondary=pl.lit(value=False),
        currency=pl.lit("USD"),
        amount_usd=pl.col("amount"),
        unit_as_printed=pl.lit("current U.S. dollars"),
        precision=pl.lit("exact"),
    ).drop("row", "occurrence", "objective")
