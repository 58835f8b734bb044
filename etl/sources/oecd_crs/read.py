"""The OECD's Creditor Reporting System: who else pays for mine action, activity by activity.

One reader takes the query's answers, the yearly texts and Parquet, each by its header. What the rows
mean and which are left out stands in ``source.yml``.

A file's row holds a commitment and a disbursement, which are two figures; an answer's row holds one.
Codes decide, not names: ``parties.csv`` says of every code of a donor or recipient whether it is one
or a group, and which area it is. A code that is not there is a reject, because a group that is taken
for a donor would count money twice.

Neither constant prices nor the numbers of microdata rows stand in a key or a value: each release
would otherwise revise or withdraw everything.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Final

import polars as pl

from etl import scan
from etl.archive import Contents
from etl.areas import Resolver
from etl.locate import separator_of
from etl.magic import PARQUET
from etl.reading import Finding, Reading, Shape, mapped, shaped
from etl.scan import Column, Form

HERE: Final = Path(__file__).parent
# The one line of a file whose place newer files have taken (see fetch.py).
REPLACED: Final = b"replaced by newer files"

FILES: Final = (
    Column("year_as_printed", ("Year",)),
    Column("donor_number", ("DonorCode",)),
    Column("donor_name", ("DonorName",)),
    Column("agency_code", ("AgencyCode",)),
    Column("agency_name", ("AgencyName",), required=False),
    Column("oecd_id", ("CrsID",)),
    Column("project", ("ProjectNumber",), required=False),
    Column("recipient_number", ("RecipientCode",)),
    Column("recipient_name", ("RecipientName",)),
    Column("flow_code", ("FlowCode",)),
    Column("flow_name", ("FlowName",), required=False),
    Column("bi_multi", ("Bi_Multi", "BiMulti"), required=False),
    Column("finance_type", ("Finance_T", "FinanceType"), required=False),
    Column("aid_type", ("Aid_T", "AidType"), required=False),
    Column("commitment", ("USD_Commitment",)),
    Column("disbursement", ("USD_Disbursement",)),
    Column("purpose_code", ("PurposeCode",)),
    Column("purpose_name", ("PurposeName",), required=False),
    Column("channel_code", ("ChannelCode",), required=False),
    Column("channel_name", ("ChannelName",), required=False),
    Column("channel_reported", ("ChannelReportedName",), required=False),
    Column("project_title", ("ProjectTitle",), required=False),
    Column("short_description", ("ShortDescription",), required=False),
)
FILES_IGNORED: Final = frozenset(
    {
        "DEDonorcode", "InitialReport", "DERecipientcode", "RegionCode", "DERegioncode", "RegionName",
        "IncomegroupCode", "DEIncomegroupcode", "IncomegroupName", "Category", "USD_Received",
        "USD_Commitment_Defl", "USD_Disbursement_Defl", "USD_Received_Defl", "USD_Adjustment",
        "USD_Adjustment_Defl", "USD_AmountUntied", "USD_AmountPartialTied", "USD_AmountTied",
        "USD_AmountUntied_Defl", "USD_AmountPartialTied_Defl", "USD_AmountTied_Defl",
        "USD_Amount_Untied", "USD_Amount_Partial_Tied", "USD_Amount_Tied", "USD_Amount_Untied_Defl",
        "USD_Amount_Partial_Tied_Defl", "USD_Amount_Tied_Defl", "USD_IRTC", "USD_Expert_Commitment",
        "USD_Expert_Extended", "USD_Export_Credit", "CurrencyCode", "Commitment_National",
        "Disbursement_National", "GrantEquiv", "USD_GrantEquiv", "SectorCode", "SectorName",
        "ParentChannelCode", "Geography", "LDCflag", "LDCflagName", "ExpectedStartDate",
        "CompletionDate", "LongDescription", "Gender", "Environment", "DIG", "Trade", "Pdgg", "FTC",
        "PBA", "InvestmentProject", "AssocFinance", "Biodiversity", "ClimateMitigation",
        "ClimateAdaptation", "Desertification", "RMNCH", "DRR", "Nutrition", "Disability",
        "CommitmentDate", "TypeRepayment", "NumberRepayment", "Interest1", "Interest2", "Repaydate1",
        "Repaydate2", "GrantElement", "USD_Interest", "USD_Outstanding", "USD_Arrears_Principal",
        "USD_Arrears_Interest", "USD_Future_DS_Principal", "USD_Future_DS_Interest", "BudgetIdent",
        "CapitalExpend", "PSIflag", "PSIAddType", "PSIAddAssess", "PSIAddDevObj", "SDGfocus",
        "Keywords", "USD_PSI_Gr_Eq_Memo",
    }
)  # fmt: skip

ANSWER: Final = (
    Column("donor_code", ("DONOR",)),
    Column("donor_name", ("Donor",), required=False),
    Column("recipient_code", ("RECIPIENT",)),
    Column("recipient_name", ("Recipient",), required=False),
    Column("purpose_code", ("SECTOR",)),
    Column("purpose_name", ("Sector",), required=False),
    Column("measure", ("MEASURE",)),
    Column("flow_name", ("Measure",), required=False),
    Column("channel", ("CHANNEL",)),
    Column("aid_type", ("MODALITY",)),
    Column("flow_type", ("FLOW_TYPE",)),
    Column("price_base", ("PRICE_BASE",)),
    Column("dimension", ("MD_DIM",)),
    Column("microdata_id", ("MD_ID",), required=False),
    Column("unit", ("UNIT_MEASURE",)),
    Column("multiplier", ("UNIT_MULT",)),
    Column("year_as_printed", ("TIME_PERIOD",)),
    Column("printed", ("OBS_VALUE",)),
    Column("agency_code", ("DONOR_AGENCY",), required=False),
    Column("agency_name", ("Donor agency",), required=False),
    Column("oecd_id", ("OECD_ID",), required=False),
    Column("project", ("DONOR_PROJECT_ID",), required=False),
    Column("channel_code", ("CHANNELDELIVERY_CODE", "CHANNEL_DELIVERY_CODE"), required=False),
    Column("channel_reported", ("CHANNELDELIVERY_NAME",), required=False),
    Column("finance_type", ("FINANCETYPE_CODE",), required=False),
    Column("project_title", ("PROJECT_TITLE",), required=False),
    Column("short_description", ("SHORT_DESCRIPTION",), required=False),
)
ANSWER_IGNORED: Final = frozenset(
    {
        "DATAFLOW", "STRUCTURE", "STRUCTURE_ID", "STRUCTURE_NAME", "ACTION", "Channel", "Modality",
        "Flow type", "Price base", "Drilldown dimension", "Microdata ID", "Unit of measure",
        "Time period", "Observation value", "BASE_PER", "Base period", "OBS_STATUS",
        "Observation status", "Unit multiplier", "DECIMALS", "Decimals", "OECD ID", "Donor project ID",
        "REGION", "Region", "INCOME_GROUP", "Income group", "Channel of delivery code",
        "Channel of delivery name", "CATEGORY_CODE", "Category code", "CATEGORY_NAME", "Category name",
        "FinanceType code", "FINANCETYPE_NAME", "FinanceType name", "BIMULTI_CODE", "BiMulti code",
        "Short description", "Project title", "LONG_DESCRIPTION", "Long description", "SDG_FOCUS",
        "SDG focus", "GENDER_EQUALITY", "Gender equality", "ENVIRONMENT", "Environment", "GOVERNANCE",
        "Governance", "RMNCH", "DRR", "NUTRITION", "Nutrition", "DISABILITY", "Disability",
        "BIODIVERSITY", "Biodiversity", "CLIMATE_MITIGATION", "Climate mitigation",
        "CLIMATE_ADAPTATION", "Climate adaptation", "DESERTIFICATION", "Desertification",
        "AMOUNT_TIED", "Amount tied", "AMOUNT_UNTIED", "Amount untied", "AMOUNT_PARTLY_UNTIED",
        "Amount partly untied", "NATURE_OF_SUBMISSION", "Nature of submission",
    }
)  # fmt: skip

YEAR: Final = Shape(
    r"^(19|20)[0-9]{2}$", "not a year", "look at the row: a column may have slipped"
)
# In millions, as a database or a table of floating-point numbers prints them.
MILLIONS: Final = Shape(
    r"^-?([0-9]{1,9}(\.[0-9]*)?|\.[0-9]+)([eE]-[0-9]{1,2})?$",
    "not an amount in millions",
    "look at the row: a column may have slipped",
)
_CENT: Final = Decimal("0.01")
_MILLION: Final = 6

# What the ledger calls the two flows, and the ending of their series.
FLOWS: Final[dict[str | None, str | None]] = {"C": "commitment", "D": "disbursement"}
DIMENSIONS: Final[dict[str | None, str | None]] = {"DD": "activity", "_T": "total"}
DOLLARS: Final[dict[str | None, str | None]] = {"USD": "USD"}
MULTIPLIERS: Final[dict[str | None, str | None]] = {"0": "0", "3": "3", "6": "6"}
ODA: Final = "100"  # the sum of the measures that are official development assistance
_ODA_PARTS: Final = ("11", "13", "19")
MEASURES: Final[dict[str | None, str | None]] = {
    code: code for code in (ODA, *_ODA_PARTS, "14", "30", "60")
}
_TOTAL: Final = "_T"

# What tells the activities of one donor, recipient and year apart, in this order.
_PLACE: Final = {
    "agency_code": "agency ", "oecd_id": "OECD number ", "project": "project ",
    "channel_code": "channel ", "flow_code": "flow ", "finance_type": "finance type ",
    "aid_type": "aid type ", "bi_multi": "bi/multi ",
}  # fmt: skip
_NOTE: Final = {
    "flow_code": "flow ", "finance_type": "finance type ", "aid_type": "aid type ",
    "channel_code": "channel ",
}  # fmt: skip
_KEY: Final = ("series", "donor", "area_as_printed", "year", "place")
_ORDER: Final = ("title", "amount", "implementer", "agency", "row")
_FIGURE: Final = (
    "file", "locator", "row", "series", "selection_rule", "purpose_code", "sector_as_printed", "donor",
    "donor_code", "donor_area", "area", "area_as_printed", "recipient_code", "agency", "implementer",
    "award_id", "title", "flow", "year", "amount", "amount_as_printed", "unit_as_printed", "precision",
    "is_printed_total", "note", "place", "is_oda",
)  # fmt: skip
ENOUGH: Final = 1_000  # dollars by which rounding may part a total from its activities


def read(files: Contents, reading: Reading, resolver: Resolver) -> None:
    """Hand over the figures of every file, and say where money would stand twice."""
    figures = [_figures(reading, files, file, resolver) for file in sorted(files)]
    rows = pl.concat([frame for frame in figures if frame is not None] or [_NOTHING])
    _doubt_overlaps(reading, rows)
    _compare_totals(reading, rows)
    reading.add("funding", _finished(rows))


def _figures(
    reading: Reading, files: Contents, file: str, resolver: Resolver
) -> pl.DataFrame | None:
    """The figures of one file; none of one whose place newer files have taken."""
    start = files.start(file, scan.LONGEST_HEADER).removeprefix(b"\xef\xbb\xbf")
    if start.startswith(REPLACED):
        return None
    line = start.partition(b"\n")[0]
    separator = "," if file.endswith(PARQUET) else separator_of(line)
    names = scan.header(files, file, Form(separator))
    if {"TIME_PERIOD", "OBS_VALUE"} <= set(names):
        query, form = _query("select_answer"), Form(separator)
        frame = scan.select(reading, files, file, ANSWER, ANSWER_IGNORED, query, form)
        rows = _of_answer(reading, _plain(frame))
    else:
        # the files spell their columns in one case or another
        query, form = _query("select_files"), Form(separator, any_case=True)
        frame = scan.select(reading, files, file, FILES, FILES_IGNORED, query, form)
        rows = _of_file(reading, _plain(frame))
    return _named(reading, rows, resolver).select(_FIGURE)


_NUMBERS: Final = (
    "year_as_printed", "donor_number", "recipient_number", "agency_code", "flow_code", "bi_multi",
    "finance_type", "purpose_code", "channel_code", "measure", "multiplier",
)  # fmt: skip


def _query(name: str) -> str:
    return (HERE / f"{name}.sql").read_text(encoding="utf-8")


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Codes without the .0 that a table of floating-point numbers adds, and without "not applicable"."""
    numbers = [name for name in frame.columns if name in _NUMBERS]
    return frame.with_columns(pl.col(pl.String).replace({"_Z": None})).with_columns(
        pl.col(numbers).str.replace(r"^([0-9]+)\.0*$", "${1}")
    )


def _table(name: str) -> pl.DataFrame:
    return pl.read_csv(HERE / name, infer_schema=False)


# Rows of the files


def _of_file(reading: Reading, frame: pl.DataFrame) -> pl.DataFrame:
    """A commitment and a disbursement a row, as far as they are printed."""
    numbers = (
        _table("parties.csv")
        .with_columns(pl.col("crs_codes").str.split(" ; "))
        .explode("crs_codes", empty_as_null=True)
        .filter(pl.col("crs_codes") != "")
        .with_columns(code=pl.coalesce("code", "crs_codes"))
    )
    for party in ("donor", "recipient"):
        codes = numbers.select(
            pl.col("crs_codes").alias(f"{party}_number"), pl.col("code").alias(f"{party}_code")
        )
        frame = frame.join(codes, on=f"{party}_number", how="left", maintain_order="left")
        frame = _known(reading, frame, f"{party}_number", f"{party}_code")
    frame = _single(reading, frame)
    frame = shaped(
        reading, frame,
        {"year_as_printed": YEAR, "commitment": MILLIONS, "disbursement": MILLIONS},
    )  # fmt: skip
    empty = pl.col("commitment").is_null() & pl.col("disbursement").is_null()
    _leave(reading, frame.filter(empty))
    both = frame.filter(pl.col("commitment").is_not_null() & pl.col("disbursement").is_not_null())
    for file, rows in both.group_by("file").len().iter_rows():
        reading.rows_read[file] += rows  # a row that gives a second figure is counted again
    agencies = _table("agencies.csv").rename(
        {"donor_code": "donor_number", "name": "agency_listed"}
    )
    frame = frame.join(agencies, on=["donor_number", "agency_code"], how="left")
    frame = frame.with_columns(agency_name=pl.coalesce("agency_name", "agency_listed"))
    figures = [
        frame.filter(pl.col(flow).is_not_null()).with_columns(
            printed=pl.col(flow),
            multiplier=pl.lit(str(_MILLION)),
            flow=pl.lit(flow),
            series=pl.lit(f"crs_{flow}s"),
            locator=pl.concat_str("locator", pl.lit(f" /USD_{flow.title()}")),
            is_printed_total=pl.lit(value=False),
            is_oda=pl.col("flow_code").is_in(_ODA_PARTS),
        )
        for flow in ("commitment", "disbursement")
    ]
    return pl.concat(figures)


# Rows of the query


def _of_answer(reading: Reading, frame: pl.DataFrame) -> pl.DataFrame:
    """One figure a row: an activity, or the total of a donor, recipient and year."""
    parties = _table("parties.csv").select("code").filter(pl.col("code") != "")
    for party in ("donor", "recipient"):
        column = f"{party}_code"
        known = parties.select(pl.col("code").alias(column), pl.col("code").alias("_known"))
        frame = frame.join(known, on=column, how="left", maintain_order="left")
        frame = _known(reading, frame, column, "_known").drop("_known")
    frame = _single(reading, frame)
    for column, allowed, into in (
        ("flow_type", FLOWS, "flow"), ("dimension", DIMENSIONS, "level"),
        ("measure", MEASURES, "flow_code"), ("unit", DOLLARS, "_unit"),
        ("multiplier", MULTIPLIERS, "_multiplier"),
    ):  # fmt: skip
        frame = mapped(reading, frame, column, allowed, into)
    frame = shaped(reading, frame, {"year_as_printed": YEAR, "printed": MILLIONS})
    is_total = pl.col("level") == "total"
    part_of_total = is_total & (
        (pl.col("channel") != _TOTAL) | (pl.col("aid_type") != _TOTAL) | (pl.col("measure") != ODA)
    )
    nothing = pl.col("printed").is_null()
    left = (part_of_total | nothing).fill_null(value=True)
    _leave(reading, frame.filter(left))
    frame = _without_sums(reading, frame.filter(~left))
    unknown = pl.lit(None, dtype=pl.String)
    return frame.with_columns(
        series=pl.concat_str(
            pl.lit("crs_"), "flow", pl.when(is_total).then(pl.lit("_totals")).otherwise(pl.lit("s"))
        ),
        is_printed_total=is_total,
        is_oda=pl.col("measure").is_in((ODA, *_ODA_PARTS)),
        aid_type=pl.when(~is_total).then("aid_type"),
        agency_name=pl.coalesce("agency_name", "agency_code"),
        channel_name=unknown,
        bi_multi=unknown,
    )


def _without_sums(reading: Reading, frame: pl.DataFrame) -> pl.DataFrame:
    """Leave an activity's sum over measures where its parts stand beside it; doubt other repetitions."""
    one = ("microdata_id", "donor_code", "flow", "year_as_printed")
    activity = (pl.col("level") == "activity") & pl.col("microdata_id").is_not_null()
    in_parts = (pl.col("measure") != ODA).any().over(one)
    is_sum = activity & (pl.col("measure") == ODA) & in_parts
    _leave(reading, frame.filter(is_sum))
    frame = frame.filter(~is_sum)
    twice = frame.filter(activity & (pl.len().over(one) > 1))
    if twice.height:
        first = twice.row(0, named=True)
        reading.doubt(
            Finding(
                first["locator"], "MD_ID",
                f"{twice.height} rows share the number of an activity, flow and year",
                first["microdata_id"],
                "a total over channels or modalities may stand beside its parts: look at them, and narrow "
                "the question in source.yml",
            )
        )  # fmt: skip
    return frame


# Both


def _leave(reading: Reading, rows: pl.DataFrame) -> None:
    for file, count in rows.group_by("file").len().iter_rows():
        reading.leave(file, count)


def _known(reading: Reading, frame: pl.DataFrame, column: str, found: str) -> pl.DataFrame:
    """Reject rows whose donor or recipient is not in parties.csv."""
    for place, code in frame.filter(pl.col(found).is_null()).select("locator", column).iter_rows():
        reading.reject(
            Finding(
                place, column, "unknown donor or recipient", code,
                "see whether it is one or a group of others, and add it to "
                "etl/sources/oecd_crs/parties.csv",
            )
        )  # fmt: skip
    return frame.filter(pl.col(found).is_not_null())


def _single(reading: Reading, frame: pl.DataFrame) -> pl.DataFrame:
    """Leave groups, whose members stand beside them; add the areas of donor and recipient."""
    parties = _table("parties.csv").with_columns(code=pl.coalesce(_filled("code"), "crs_codes"))
    for party, area in (("donor", "donor_area"), ("recipient", "area")):
        facts = parties.select(
            pl.col("code").alias(f"{party}_code"), pl.col("kind").alias(f"{party}_kind"),
            _filled("area").alias(area), pl.col("name").alias(f"{party}_listed"),
        )  # fmt: skip
        frame = frame.join(facts, on=f"{party}_code", how="left", maintain_order="left")
    is_group = (pl.col("donor_kind") == "group") | (pl.col("recipient_kind") == "group")
    _leave(reading, frame.filter(is_group))
    return frame.filter(~is_group)


def _filled(column: str) -> pl.Expr:
    return pl.when(pl.col(column) != "").then(pl.col(column))


def _named(reading: Reading, frame: pl.DataFrame, resolver: Resolver) -> pl.DataFrame:
    """The figures in the ledger's columns."""
    channels = _table("channels.csv").rename({"code": "channel_code", "name": "channel_listed"})
    frame = frame.join(channels, on="channel_code", how="left", maintain_order="left")
    amounts = [
        _dollars(printed, int(power))
        for printed, power in frame.select("printed", "multiplier").iter_rows()
    ]
    back = pl.when(pl.col("printed").str.starts_with("-")).then(pl.lit("money returned"))
    named = [pl.lit(word) + pl.col(name) for name, word in _PLACE.items()]
    totals = pl.when("is_printed_total").then(pl.lit("total"))
    frame = frame.with_columns(
        pl.Series("amount", [amount for amount, _ in amounts], dtype=pl.Decimal(18, 2)),
        pl.Series("precision", ["exact" if exact else "rounded" for _, exact in amounts], pl.String),
        year=pl.col("year_as_printed").cast(pl.Int64),
        donor=pl.coalesce("donor_name", "donor_listed"),
        area_as_printed=pl.coalesce("recipient_name", "recipient_listed"),
        agency="agency_name",
        implementer=pl.coalesce("channel_reported", "channel_name", "channel_listed"),
        award_id="project",
        title=pl.coalesce("project_title", "short_description"),
        sector_as_printed="purpose_name",
        amount_as_printed="printed",
        unit_as_printed=pl.concat_str(
            pl.lit("current U.S. dollars, times 10 to the power of "), "multiplier"
        ),
        place=pl.concat_str(totals, *named, back, separator="; ", ignore_nulls=True),
        note=pl.concat_str(
            *(_described(name, word) for name, word in _NOTE.items()),
            separator="; ", ignore_nulls=True,
        ),
    )  # fmt: skip
    _compare_names(reading, frame, resolver)
    return frame


def _described(name: str, word: str) -> pl.Expr:
    """A code with its name where there is one."""
    names = {"flow_code": "flow_name", "channel_code": "channel_listed"}
    parts = [pl.lit(word) + pl.col(name)]
    if name in names:
        parts.append(pl.when(pl.col(name).is_not_null()).then(pl.col(names[name])))
    joined = pl.concat_str(*parts, separator=" ", ignore_nulls=True)
    return pl.when(pl.col(name).is_not_null()).then(joined)


def _dollars(printed: str, power: int) -> tuple[Decimal, bool]:
    """A printed amount in dollars, and whether nothing was rounded off below the cent.

    >>> _dollars(".0542973", 6), _dollars("0.0000000049", 6)
    ((Decimal('54297.30'), True), (Decimal('0.00'), False))
    """
    exact = Decimal(printed).scaleb(power)
    cents = exact.quantize(_CENT, ROUND_HALF_EVEN)
    return cents, cents == exact


def _compare_names(reading: Reading, frame: pl.DataFrame, resolver: Resolver) -> None:
    """An issue where a name stands for another area than its code; the code is used."""
    for name, area in (("donor", "donor_area"), ("area_as_printed", "area")):
        found = resolver.resolve(reading, frame, name, "_area", quiet=True)
        for place, printed, code in (
            found.filter(pl.col("_area") != pl.col(area)).select("locator", name, area).iter_rows()
        ):
            fix = (
                "the code is used; compare with the OECD's list, and mend parties.csv or areas.csv"
            )
            rule = "the code and the name disagree"
            reading.issue(Finding(place, name, rule, f"{code}: {printed}", fix))


def _doubt_overlaps(reading: Reading, rows: pl.DataFrame) -> None:
    """Two files with figures of one donor, year and series would count its money twice."""
    twice = (
        rows.group_by("series", "donor_code", "year")
        .agg(pl.col("file").unique().sort(), pl.col("locator").sort().first())
        .filter(pl.col("file").list.len() > 1)
        .sort("donor_code", "year", "series")
    )
    if twice.height:
        first = twice.row(0, named=True)
        reading.doubt(
            Finding(
                first["locator"], None,
                f"{twice.height} groups of donor, year and series stand in more than one file",
                f"{first['donor_code']} {first['year']} in {', '.join(first['file'])}",
                "give each donor and year once: money would count twice. A file is put out of use by a copy of "
                f"its name that holds the line {REPLACED.decode()!r}",
            )
        )  # fmt: skip


def _compare_totals(reading: Reading, rows: pl.DataFrame) -> None:
    """An issue where printed totals of official development assistance differ from their activities."""
    by = ("flow", "donor_code", "recipient_code", "year")
    sums = rows.group_by(*by).agg(
        pl.col("amount").filter(pl.col("is_printed_total")).sum().alias("total"),
        pl.col("amount")
        .filter(~pl.col("is_printed_total") & pl.col("is_oda"))
        .sum()
        .alias("parts"),
        pl.col("locator").filter(pl.col("is_printed_total")).first(),
        pl.col("is_printed_total").any().alias("has_total"),
    )
    both = rows.group_by("flow", "year").agg(
        (pl.col("is_printed_total").n_unique() > 1).alias("has_both")
    )
    apart = (pl.col("total") - pl.col("parts")).abs()
    differing = (
        sums.join(both, on=["flow", "year"])
        .filter(pl.col("has_both") & pl.col("has_total"))
        .with_columns(apart=apart)
        .filter(pl.col("apart") > ENOUGH)
        .sort("apart", *by, descending=[True, *[False] * len(by)])
    )
    if differing.height:
        most = differing.row(0, named=True)
        reading.issue(
            Finding(
                most["locator"], "OBS_VALUE",
                f"{differing.height} printed totals differ from the sum of their activities; this one most",
                f"{most['flow']}s of {most['donor_code']} to {most['recipient_code']} in {most['year']}: "
                f"{most['total']:,} printed, {most['parts']:,} by activity",
                "both are kept; compare with the OECD's own page",
            )
        )  # fmt: skip


def _finished(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows numbered within their keys, with what is the same in all of them."""
    numbered = (
        rows.sort(*_ORDER, "file", nulls_last=True)
        .with_columns((pl.int_range(pl.len()) + 1).over(_KEY).alias("occurrence"))
        .sort("file", "row", "series")
    )
    return numbered.with_columns(
        place=pl.concat_str("place", pl.lit("no. ") + pl.col("occurrence").cast(pl.String),
                            separator="; ", ignore_nulls=True),
        report=pl.lit("OECD, Creditor Reporting System"),
        # The same in each release: its date is its vintage's, and what it changes is a revision.
        edition=pl.lit("Creditor Reporting System"),
        source_url=pl.lit("https://data-explorer.oecd.org/"),
        account=pl.lit("Not stated"),
        status=pl.lit("actual"),
        sector=pl.lit("unspecified"),
        year_basis=pl.lit("calendar"),
        is_cumulative=pl.lit(value=False),
        is_secondary=pl.lit(value=False),
        currency=pl.lit("USD"),
        amount_usd=pl.col("amount"),
    ).drop("row", "occurrence", "donor_code", "recipient_code", "is_oda")  # fmt: skip


_TYPES: Final[dict[str, pl.DataType]] = {
    "row": pl.Int64(), "year": pl.Int64(), "amount": pl.Decimal(18, 2),
    "is_printed_total": pl.Boolean(), "is_oda": pl.Boolean(),
}  # fmt: skip
_NOTHING: Final = pl.DataFrame(schema={name: _TYPES.get(name, pl.String()) for name in _FIGURE})
