"""Every table and column of the ledger, declared once.

A table is a dataframely schema: its class docstring says what a row is, each column carries its
type, meaning, unit and constraint. The DuckDB schema, the checks, the data dictionary, the API's
allow-list and the exports are all derived from here, so a column that is not declared does not
exist.

Two kinds of schema stand below. *Fact tables* inherit :class:`Spine`: a row is one published
figure with its provenance. *Views* (``etl/views/<name>.sql``) are what readers see; their columns
are declared here too, and a test compares the declaration with what the SQL returns.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import dataframely as dy
import polars as pl

ACCOUNTS: Final = {
    "DoD": "Department of Defense humanitarian mine action (OHDACA, 10 U.S.C. 407)",
    "DoD other": "other Defense lines: demining research, humanitarian assistance, all of OHDACA",
    "State NADR-CWD": "Department of State, conventional weapons destruction line of NADR",
    "State other": "Department of State, other lines",
    "State": "Department of State, line not named",
    "USAID": "USAID, mainly the Leahy War Victims Fund",
    "CDC": "Centers for Disease Control and Prevention",
    "Other": "another U.S. line, named in account_as_printed",
    "All accounts": "a printed total over several accounts, never added to its parts",
    "Not stated": "the source does not name the account, or it is not a U.S. account",
}
FLOWS: Final = {
    "appropriation": "money that Congress provided or a budget document lists",
    "obligation": "money the government has committed itself to pay",
    "disbursement": "money paid out",
    "commitment": "a donor's firm written promise",
    "pledge": "a donor's announcement that binds nobody yet: not money",
    "contribution": "what a donor reports to have given, as counted by the Landmine Monitor",
    "limit": "a ceiling set by law, not money given",
    "expenditure": "money spent on goods and services, where the source counts it apart from disbursements",
    "reimbursement": "money paid for what the recipient had spent before",
    "incoming funds": "money that the publisher received: whoever gave it reports the same money",
    "incoming commitment": "money firmly promised to the publisher: whoever promised it reports it too",
    "incoming pledge": "money promised to the publisher, not firmly yet",
    "other financing": "interest, repayment of a loan, equity or a guarantee; the note says which",
    "unspecified": "the source does not say which stage of spending it counts",
}
STATUSES: Final = {
    "actual": "reported after the year",
    "estimate": "expected while the year ran",
    "request": "asked for, not given",
    "planned": "announced as a plan",
    "announced": "said to be coming, by an embassy or agency",
    "enacted": "directed or provided by Congress",
    "limit": "a legal ceiling",
}
PRECISIONS: Final = {
    "exact": "printed as a number without a qualifying word",
    "rounded": "printed as a rounded number",
    "approximate": "printed as about, approximately or some",
    "floor": "printed as more than, over or at least: a lower bound",
    "ceiling": "printed as nearly or almost: an upper bound",
}
YEAR_BASES: Final = {
    "fiscal": "U.S. fiscal year, October to September, named by the year in which it ends",
    "calendar": "calendar year",
    "not stated": "the source does not say which",
}
SECTORS: Final = {
    "clearance": "survey and clearance",
    "risk education": "explosive ordnance risk education",
    "victim assistance": "help for survivors",
    "stockpile": "stockpile destruction and management",
    "advocacy": "advocacy for the treaties",
    "capacity": "capacity building of national bodies",
    "several": "more than one sector, not split by the source",
    "unspecified": "the source names no sector",
}
COUNTED: Final = {
    "person": "one person killed or injured; people of one accident are rows of their own",
    "event": "one accident, however many people it hurt; never added to people",
}
OUTCOMES: Final = {
    "killed": "registered as dead",
    "injured": "registered as hurt, and not as dead",
    "unknown": "the source does not say",
}
CONDITIONS: Final = {
    "civilian": "not a member of the armed forces or the police",
    "public force": "a member of the armed forces or the police",
    "unknown": "the source does not say",
}
AGE_GROUPS: Final = {
    "adult": "18 years or older",
    "minor": "younger than 18",
    "unknown": "the source does not say",
}
RATE_BASES: Final = {
    "average": "average over the days of the period",
    "end": "at the end of the period",
}
RATE_PERIODS: Final = {"month": "a month", "year": "a calendar year"}
CONVERSIONS: Final = {
    "in U.S. dollars": "the source prints U.S. dollars; nothing was converted",
    "converted": "converted with the rate of the month of the value date that stands beside it",
    "no rate": "no source here has a rate of the currency for the month of the value date",
    "rates disagree": "countries with the currency have different rates in that month, so none is taken",
    "no value date": "the source names no value date, so it is not known which rate applies",
    "no currency": "the source names no currency",
}
# The year whose dollars `funding_constant` gives. The embedded deflator ends with fiscal and calendar year 2024,
# so this is the last base that every ledger can have. It is part of a column's name: a new base is a new column.
CONSTANT_YEAR: Final = 2024
DEFLATIONS: Final = {
    "deflated": "amount_usd times the index of 2024, divided by the index of the figure's own year",
    "no index": "the index has no such year; no other year's stands in for it",
    "year basis not stated": "the source does not say whether the year is fiscal or calendar",
    "constant already": "the source prints constant dollars, which are never deflated again",
}
PAYERS: Final = {
    "United States": "the donor is the United States",
    "other donors": "any other donor, or one whose area is not known",
}
SEXES: Final = {"male": "male", "female": "female", "unknown": "the source does not say"}
PLACE_KINDS: Final = {
    "rural": "in the countryside",
    "urban": "in a town",
    "unknown": "the source does not say",
}
DEVICES: Final = {
    "antipersonnel mine": "a mine set off by a person; improvised mines are counted with them",
    "unexploded ordnance": "munitions that were used and did not go off",
    "mine": "a mine whose kind the source does not say: set off by a person, a vehicle, or from afar",
    "improvised device": "a device made by hand; some are mines, and how it was set off is not said",
    "unknown": "the source does not say, or no longer says",
}
IMPLEMENTER_KINDS: Final = {
    "NGO": "charity, foundation or other body that is neither a state's nor run for profit",
    "contractor": "company",
    "university": "university",
    "UN": "body of the United Nations",
    "international organisation": "another organisation of states, or with a mandate from them",
    "government": "body of a state",
}
# What the view `casualties_side_by_side` sets side by side, in the order of choice: where several have a
# whole year of an area, the first is the one that `casualties_by_area_year` takes. Each with its title, what
# one counts, and why it may differ from the first.
CASUALTY_MEASURES: Final = {
    "monitor": (
        "Landmine Monitor, newest edition",
        "person",
        "The reference, for it covers most areas and years by one definition: people killed or injured by mines "
        "(antipersonnel, antivehicle, improvised and set off by the victim), unexploded submunitions and other "
        "explosive remnants of war. People hit during an attack with cluster munitions are not in it, nor, where "
        "the source tells them apart, those hurt by devices set off by remote control. An edition knows what "
        "had been reported when it was closed; later ones revise it.",
    ),
    "register_counts": (
        "Registers and others, as printed",
        "person",
        "Counted by a national programme, a body of the United Nations or another, by its own definition and to "
        "its own date: some count civilians alone, one kind of device, or more devices than the Monitor. "
        "A register may be revised backwards, and then each copy has other figures for the same year; the "
        "newest copy stands first, the earlier ones beside it.",
    ),
    "register_rows": (
        "Register of victims, its rows counted",
        "person",
        "The rows of a published register counted, one row a person, by the register's own definition. A "
        "register that is revised backwards goes on changing after the Monitor has printed a year, so the count "
        "depends on the copy. The newest year of a copy is taken for incomplete.",
    ),
    "event_counts": (
        "Register of accidents",
        "event",
        "Accidents, not people: one accident can hurt several, and stands in the register of victims once for "
        "each of them. They have a scale of their own and are never added to people. Numbers of people stand "
        "here only where the source prints them for every event of the year.",
    ),
    "monitor_other": (
        "Landmine Monitor, other editions",
        "person",
        "What earlier editions printed for the same year, or the newest one in another place. The Monitor revises "
        "earlier years; these are shown beside the newest and never chosen.",
    ),
}
NEVER_CHOSEN: Final = frozenset({"monitor_other"})
CASUALTY_CHECKS: Final = {
    "parts and total": "killed, injured and unknown of one printed figure against its total",
    "countries and world": "the Monitor's newest country totals of a year against a printed world total",
    "register and Monitor": "people counted by another against the Monitor's newest figure of the year",
    "accidents and people": "people in a register of victims against accidents in a register of events",
}
CHECK_OUTCOMES: Final = {
    "equal": "both are the same",
    "above": "the value is higher than its reference",
    "below": "the value is lower than its reference",
    "not compared": "one of them counts only part of the year",
}
CHANGES: Final = {
    "added": "first time this entry was seen",
    "revised": "the source printed another value; the earlier revision is kept",
    "withdrawn": "the source dropped the entry; its last values are kept",
    "restored": "a withdrawn entry came back",
}


def text(meaning: str, *, required: bool = False, **kwargs: Any) -> dy.String:
    """A text column; ``required`` forbids null and the empty string.

    ``optional`` says that a view may lack what the pipeline fills in everywhere else, such as ``entry_id``.
    """
    return dy.String(
        nullable=not required, min_length=1, description=meaning, metadata=kwargs or None
    )


def category(meaning: str, allowed: Mapping[str, str], *, required: bool = True) -> dy.String:
    """A text column whose values are the keys of ``allowed``."""
    values = list(allowed)
    return dy.String(
        nullable=not required,
        description=meaning,
        check={"allowed": lambda column: column.is_in(values)},
        metadata={"allowed": dict(allowed)},
    )


def whole(meaning: str, unit: str, *, required: bool = False, low: int = 0) -> dy.Int64:
    """A whole number of ``unit``, not below ``low``."""
    return dy.Int64(nullable=not required, min=low, description=meaning, metadata={"unit": unit})


def year_of(meaning: str, *, required: bool = False, past: bool = False) -> dy.Int64:
    """A year between 1900 and 2100; ``past`` says that it has begun when a source is retrieved."""
    return dy.Int64(
        nullable=not required,
        min=1900,
        max=2100,
        description=meaning,
        metadata={"unit": "year", "past": past},
    )


def date_of(meaning: str, *, required: bool = True, past: bool = False) -> dy.String:
    """A date as far as it is known: YYYY, YYYY-MM or YYYY-MM-DD."""
    return dy.String(
        nullable=not required,
        regex=r"^\d{4}(-\d{2}(-\d{2})?)?$",
        description=meaning,
        metadata={"past": past},
    )


def real(meaning: str, unit: str, *, required: bool = False, low: float | None = 0) -> dy.Float64:
    """A real number of ``unit``; no NaN, no infinity."""
    return dy.Float64(nullable=not required, min=low, description=meaning, metadata={"unit": unit})


def money(meaning: str, unit: str = "US dollars") -> dy.Decimal:
    """An amount with two decimals; exact, so that sums do not depend on their order."""
    return dy.Decimal(18, 2, nullable=True, description=meaning, metadata={"unit": unit})


def flag(meaning: str) -> dy.Bool:
    """A yes/no column, never null."""
    return dy.Bool(nullable=False, description=meaning)


AREA_CODE: Final = (
    "code of the area in data/reference/areas.csv: ISO 3166-1 alpha-3, or one of the project's "
    "own codes for other areas, regions and the world; null where the printed name is unknown"
)


class Spine(dy.Schema):
    """The columns with which every fact table starts: identity, provenance, revision."""

    entry_id = text("stable name of the figure: source id and hash of its natural key")
    revision = whole("1 for the first value of the entry, then counting", "revisions", low=1)
    change = category("what this revision did", CHANGES, required=False)
    source_id = text("the source, a folder under etl/sources", required=True)
    series = text("set of figures of one source that are counted alike", required=True)
    report = text("title of the publication the figure was read in", required=True)
    edition = text("edition or date of that publication, as it calls itself", required=True)
    edition_order = text("sorts the editions of one source: a date, or an edition number")
    place = text("where in the publication the figure stands")
    vintage_sha256 = text("SHA-256 of the archived bytes the entry was read from")
    content_sha256 = text("SHA-256 of the entry's values; differs between revisions")
    locator = text("file and line within the archived bytes", required=True)
    source_url = dy.String(
        regex=r"^https?://", description="address of the publication", metadata=None
    )
    note = text("what the compiler noted about the figure")
    recorded_in = whole("refresh that recorded this revision", "refresh number", low=1)
    ended_in = whole("refresh that ended it; null while it is current", "refresh number", low=1)


class Funding(Spine):
    """One printed sum of money: a donor, a recipient, a period, an account."""

    donor = text("who pays, as printed", required=True)
    donor_area = text(f"donor's area; {AREA_CODE}")
    agency = text("department or agency of the donor, where the source names it")
    bureau = text("bureau, office or sub-agency of the agency, where the source names it")
    account = category("U.S. budget line, in one spelling", ACCOUNTS)
    account_as_printed = text("U.S. budget line or measure, as printed")
    area = text(f"recipient; {AREA_CODE}")
    area_as_printed = text(
        "recipient, as printed; 'World' where the source names none", required=True
    )
    implementer = text("organisation that does the work, where the source names it")
    reported_by = text(
        "organisation that reported the figure, where a source gathers the reports of many: figures of two "
        "are never added, for each link of a chain reports the same money"
    )
    award_id = text("award or grant number, where the source names it")
    title = text("title of the grant, where the source names it")
    selection_rule = text(
        "rule of the source's source.yml that took the row; null where the whole source is about mine "
        "action"
    )
    purpose_code = text(
        "purpose code of the source: OECD DAC five digits, or the Assistance Listing"
    )
    sector = category("sector of mine action", SECTORS)
    sector_as_printed = text("sector or sectors, as printed")
    flow = category("stage of spending that the figure counts", FLOWS)
    status = category("how firm the figure was when printed", STATUSES)
    date = date_of("date of the transaction, where the source names it", required=False)
    value_date = date_of(
        "date whose exchange rate applies to the amount, where the source names it", required=False
    )
    year = year_of("year of the figure; null for a sum over years")
    year_basis = category("what the year means", YEAR_BASES)
    period_start = year_of("first year of a printed sum over years")
    period_end = year_of("last year of a printed sum over years; null where the source names none")
    is_printed_total = flag("a total printed by the source; not to be added to its parts")
    is_cumulative = flag("a sum over several years; not a yearly figure")
    is_secondary = flag(
        "read in a publication that quotes the source, or reported by another than the one whose money it is"
    )
    amount = money("amount in the currency printed", "units of currency")
    currency = text("ISO 4217 code of the currency printed")
    amount_usd = money("amount in nominal U.S. dollars, as printed or as the source converted it")
    amount_as_printed = text("amount as the source prints it")
    unit_as_printed = text("unit as the source prints it")
    precision = category("how the figure bounds the truth", PRECISIONS, required=False)
    sum_check = text("how the table that the row comes from adds up")


class FundingShares(Spine):
    """One area's printed share of its region's U.S. money over a period."""

    area = text(AREA_CODE)
    area_as_printed = text("recipient, as printed", required=True)
    region_area = text(f"region; {AREA_CODE}")
    region_as_printed = text("region, as printed", required=True)
    share_percent = real("share of the region's money", "percent", required=True)
    share_as_printed = text("share as the source prints it", required=True)
    region_total_usd_floor = money("the region's printed total, a lower bound")
    region_total_as_printed = text("the region's total as printed")
    period_start = year_of("first year of the period", required=True)
    period_end = year_of("last year of the period", required=True)
    derived_amount_usd = money("share times the rounded lower bound: for comparison only")


class ProgramActivities(Spine):
    """One printed count of what the Defense program did: missions, people trained."""

    area = text(AREA_CODE)
    area_as_printed = text("country, as printed", required=True)
    year = year_of("fiscal year", required=True)
    year_basis = category("what the year means", YEAR_BASES)
    measure = text("what is counted", required=True)
    value = whole("count", "as in unit", required=True)
    unit = text("what one counts", required=True)
    value_as_printed = text("the words of the source", required=True)


class Casualties(Spine):
    """People killed and injured by mines and explosive remnants in one area and year."""

    area = text(AREA_CODE)
    area_as_printed = text("country or area, as printed", required=True)
    year = year_of("calendar year of the incidents", required=True, past=True)
    killed = whole("people killed", "people")
    injured = whole("people injured", "people")
    unknown = whole("people hurt whose outcome is not known", "people")
    total = whole("all casualties, as printed", "people")
    civilian = whole("civilians among them", "people")
    military = whole("soldiers, police and armed-group members among them", "people")
    deminer = whole("deminers among them", "people")
    children = whole("children among them", "people")
    women = whole("women among them", "people")
    lower_bound = flag("the total is printed as 'at least'")
    is_partial_year = flag("only the months named in the note are counted")
    is_prior_year = flag("printed in an edition about the following year, for comparison")
    is_secondary = flag("read in a publication that quotes the source")


class CasualtyEvents(Spine):
    """One person killed or injured by a mine or explosive remnant, or one accident: ``unit`` says which.

    Registers of victims and registers of events lie side by side here and are never counted together: one
    accident can hurt several people, and the same accident stands in both. A person has an outcome,
    condition, age group and sex. An event has none of these, and numbers of people only where its source
    prints them.
    """

    unit = category("what the row is one of", COUNTED)
    area = text(AREA_CODE)
    area_as_printed = text("country or area, as the register names it", required=True)
    date = date_of("date of the accident: year, month or day, as far as published", past=True)
    date_end = date_of(
        "last day of the span in which the event lies, where the source prints a span",
        required=False,
    )
    date_precision_as_printed = text(
        "how exactly the date is known, in the source's own numbers: the higher, the less exactly"
    )
    year = year_of("calendar year of the accident", required=True, past=True)
    month = dy.Int64(
        nullable=True,
        min=1,
        max=12,
        description="month of the accident",
        metadata={"unit": "month"},
    )
    admin1 = text("first-level division (department, province), as printed")
    admin1_code = text("its official code; in Colombia DANE's two digits")
    admin2 = text("second-level division (municipality, district), as printed")
    admin2_code = text("its official code; in Colombia DANE's five digits")
    place_as_printed = text("hamlet or other place of the accident, as printed")
    place_kind = category("countryside or town", PLACE_KINDS)
    latitude = real(
        "latitude of the point as published; in Colombia's register of victims that is not the accident's but "
        "the seat of the municipality, by the column's name, though many municipalities have several points",
        "degrees north",
        low=None,
    )
    longitude = real("longitude of that point; negative in the west", "degrees east", low=None)
    place_precision_as_printed = text(
        "how exactly the point is known, in the source's own numbers: the higher, the less exactly"
    )
    outcome = category("what happened to the person; null for an event", OUTCOMES, required=False)
    condition = category(
        "civilian or not, when the accident happened; null for an event", CONDITIONS, required=False
    )
    age_group = category("age group of the person; null for an event", AGE_GROUPS, required=False)
    sex = category("sex of the person; null for an event", SEXES, required=False)
    killed = whole("people killed in the event, where the source says; null for a person", "people")
    killed_low = whole("lowest number of people killed that the source prints", "people")
    killed_high = whole("highest number of people killed that the source prints", "people")
    injured = whole(
        "people injured in the event, where the source says; null for a person", "people"
    )
    ethnic_group_as_printed = text(
        "ethnic group in the source's word, in one spelling; null where it names none"
    )
    activity_as_printed = text("what the person was doing, as printed")
    device = category("kind of device", DEVICES)
    device_as_printed = text(
        "what the source prints in the column of the device; of a source without one, the words of its text "
        "by which the row was taken, in small letters"
    )
    selection_rule = text(
        "rule of etl/mine_words.yml that took the row; null where the whole source is about mines"
    )
    occurrence = whole(
        "number of the row among those that share the rest of the key, for no identifier is published: "
        "it tells them apart and says nothing about them",
        "ordinal",
        required=True,
        low=1,
    )

    @dy.rule()
    def person_has_attributes(cls) -> pl.Expr:  # noqa: N805 - dataframely calls it on the class
        """A person has an outcome, condition, age group and sex, even if unknown; an event has none."""
        return pl.all_horizontal(
            pl.col(name).is_not_null() == (pl.col("unit") == "person")
            for name in ("outcome", "condition", "age_group", "sex")
        )

    @dy.rule()
    def event_alone_has_counts(cls) -> pl.Expr:  # noqa: N805 - dataframely calls it on the class
        """Numbers of people stand in rows that are events."""
        return (pl.col("unit") == "event") | pl.all_horizontal(
            pl.col("killed", "killed_low", "killed_high", "injured").is_null()
        )


class Clearance(Spine):
    """Land released and items destroyed in one area and year, for one kind of hazard."""

    area = text(AREA_CODE)
    area_as_printed = text("country or area, as printed", required=True)
    year = year_of("calendar year", required=True, past=True)
    hazard = text("kind of contamination, as printed", required=True)
    area_cleared_km2 = real("land cleared", "km2")
    area_cleared_precision = category("bound of area_cleared_km2", PRECISIONS, required=False)
    area_reduced_km2 = real("land released by technical survey", "km2")
    area_reduced_precision = category("bound of area_reduced_km2", PRECISIONS, required=False)
    area_cancelled_km2 = real("land released by non-technical survey", "km2")
    ap_mines_destroyed = whole("antipersonnel mines destroyed", "mines")
    ap_mines_precision = category("bound of ap_mines_destroyed", PRECISIONS, required=False)
    av_mines_destroyed = whole("antivehicle mines destroyed", "mines")
    av_mines_precision = category("bound of av_mines_destroyed", PRECISIONS, required=False)
    erw_destroyed = whole(
        "explosive remnants destroyed; submunitions where the hazard is cluster munitions", "items"
    )
    erw_precision = category("bound of erw_destroyed", PRECISIONS, required=False)


class Contamination(Spine):
    """What was left in the ground of one area at a date, for one kind of hazard."""

    area = text(AREA_CODE)
    area_as_printed = text("country or area, as printed", required=True)
    estimate_date = date_of("date of the estimate: year, month or day", past=True)
    estimate_year = year_of("year of the estimate", required=True, past=True)
    hazard = text("kind of contamination, as printed", required=True)
    contamination_class = text("size class in the words of the source")
    contamination_as_printed = text("the estimate in the words of the source", required=True)
    contamination_km2 = real("contaminated land, where the source prints one figure", "km2")
    confirmed_km2 = real("confirmed hazardous area, where printed apart", "km2")
    suspected_km2 = real("suspected hazardous area, where printed apart", "km2")


class TreatyStatus(Spine):
    """One state and one treaty: signature, consent to be bound, withdrawal."""

    area = text(AREA_CODE)
    area_as_printed = text("state, as printed", required=True)
    treaty = category(
        "the treaty",
        {
            "MBT": "Mine Ban Treaty, 1997",
            "CCM": "Convention on Cluster Munitions, 2008",
            "CCW-AP2": "Amended Protocol II of the Convention on Certain Conventional Weapons",
        },
    )
    signed = text("date of signature (ISO 8601, as far as printed)")
    bound_date = text("date of ratification, accession or the like (ISO 8601, as far as printed)")
    bound_kind = text("how the state became bound")
    entry_into_force = text("date of entry into force for the state (ISO 8601)")
    entry_into_force_basis = text("whether that date is printed or follows from the treaty's rule")
    withdrawal_notified = text("date of the notification of withdrawal (ISO 8601)")
    withdrawal_effective = text("date on which the withdrawal takes effect (ISO 8601)")


class ProgramEvents(Spine):
    """One dated event in the life of the U.S. program or of U.S. mine policy."""

    date = date_of("date: year, month or day, as far as known", past=True)
    date_precision = category(
        "how far the date is known", {"year": "year", "month": "month", "day": "day"}
    )
    year = year_of("year of the event", required=True, past=True)
    event = text("name of the event", required=True)
    body = text("who acted", required=True)
    summary = text("what happened, in a sentence", required=True)


class Deflators(Spine):
    """What one price index says of one year: an average of quarters or months, or a yearly figure as printed."""

    area = text(f"area whose prices the index measures; {AREA_CODE}")
    area_as_printed = text("the same, as printed; null where the source is about one country alone")
    year = year_of("year", required=True)
    year_basis = category("what the year means", YEAR_BASES)
    price_index = text("name of the index", required=True)
    value = real("value of the index", "as in unit", required=True)
    unit = text("unit of the index", required=True)
    base_period = text(
        "what the index is measured against: a calendar year (2017), calendar years (1982-84) or a fiscal "
        "year (FY2017)",
        required=True,
    )
    base_value = real("value of the index in its base period", "as in unit", required=True)
    periods_averaged = whole("quarters or months in the average", "periods", required=True)
    publisher = text("who publishes the index", required=True)


class ExchangeRates(Spine):
    """What one U.S. dollar cost in one currency in one period, as one source prints it."""

    currency = dy.String(nullable=False, regex=r"^[A-Z]{3}$", description="ISO 4217 code")
    country_as_printed = text(
        "country or area whose rate it is, as printed: a name or a code", required=True
    )
    date = date_of("the period: a year or a month", past=True)
    year = year_of("year of the period", required=True, past=True)
    period = category("how long the period is", RATE_PERIODS)
    basis = category("what of the period the rate is", RATE_BASES)
    rate = real(
        "units of the currency for one U.S. dollar", "units of currency per US dollar",
        required=True, low=1e-15,
    )  # fmt: skip
    rate_as_printed = text("the rate as the source prints it", required=True)


class Population(Spine):
    """People living in one area in the middle of one year, as one source estimates it."""

    area = text(AREA_CODE)
    area_as_printed = text("country or area, as printed", required=True)
    code_as_printed = text("the source's code of it", required=True)
    year = year_of("calendar year", required=True, past=True)
    people = whole("people", "people", required=True)


class Gdp(Spine):
    """What the economy of one area produced in one year, as one source estimates it."""

    area = text(AREA_CODE)
    area_as_printed = text("country or area, as printed", required=True)
    code_as_printed = text("the source's code of it", required=True)
    year = year_of(
        "year, as the source counts it: mostly the calendar year", required=True, past=True
    )
    gdp_usd = money("gross domestic product in U.S. dollars of that very year")
    gdp_as_printed = text("the same, as printed", required=True)


FACT_TABLES: Final[Mapping[str, type[Spine]]] = MappingProxyType(
    {
        "funding": Funding,
        "funding_shares": FundingShares,
        "program_activities": ProgramActivities,
        "casualties": Casualties,
        "casualty_events": CasualtyEvents,
        "clearance": Clearance,
        "contamination": Contamination,
        "treaty_status": TreatyStatus,
        "program_events": ProgramEvents,
        "deflators": Deflators,
        "exchange_rates": ExchangeRates,
        "population": Population,
        "gdp": Gdp,
    }
)

# The columns that make two source rows the same figure. The address, the place and the value are
# left out wherever the rest suffices, so that mending a link does not make a new entry.
NATURAL_KEYS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "funding": (
            "series", "report", "edition", "donor", "area_as_printed", "account_as_printed",
            "status", "year", "year_basis", "period_start", "period_end", "place",
        ),
        "funding_shares": (
            "series", "edition", "region_as_printed", "area_as_printed", "period_start",
            "period_end",
        ),
        "program_activities": ("series", "report", "area_as_printed", "year", "measure"),
        "casualties": ("series", "edition", "area_as_printed", "year", "place", "source_url"),
        "casualty_events": (
            "series", "area_as_printed", "admin2_code", "place_as_printed", "date", "condition",
            "outcome", "age_group", "sex", "occurrence",
        ),
        "clearance": ("series", "edition", "area_as_printed", "year", "hazard"),
        "contamination": ("series", "edition", "area_as_printed", "estimate_date", "hazard"),
        "treaty_status": ("series", "area_as_printed", "treaty"),
        "program_events": ("series", "date", "event"),
        "deflators": ("series", "price_index", "year", "year_basis"),
        "exchange_rates": ("series", "currency", "country_as_printed", "date"),
        "population": ("series", "code_as_printed", "year"),
        "gdp": ("series", "code_as_printed", "year"),
    }
)  # fmt: skip

# Where a publisher gives a row a key of its own (in ``place``), that alone names it, so that whatever it
# says can be revised. A row without one is named by the natural key above.
OWN_KEYS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"casualty_events": ("series", "place")}
)

# How rows lie in a published ledger and in a download.
FACT_ORDER: Final = ("area", "year", "series", "entry_id")
READING_ORDER: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "splits": ("entry_id", "dimension", "category"),
        "areas": ("area",),
        "implementers": ("implementer",),
        "measures": ("measure",),
        "bases": ("basis",),
        "casualty_measures": ("choice_order",),
        "series_breaks": ("series", "area", "year"),
        "sources": ("source_id",),
        "series": ("series",),
        "vintages": ("recorded_in", "source_id", "file"),
        "refreshes": ("refresh",),
        "holds": ("source_id", "rule"),
        "decisions": ("recorded_in", "source_id"),
        "rejects": ("source_id", "locator", "column", "rule"),
        "issues": ("source_id", "locator", "column", "rule"),
        "watches": ("source_id", "page"),
        "coverage": ("area_name", "fiscal_year", "account", "entry_id"),
        "casualties_side_by_side": (
            "area_name",
            "calendar_year",
            "choice_order",
            "series",
            "edition_order",
            "edition",
            "place",
            "locator",
        ),
        "casualties_by_area_year": ("area_name", "calendar_year"),
        "donors": (
            "basis",
            "area_name",
            "calendar_year",
            "edition",
            "source_url",
            "donor",
            "donor_area",
            "only_entry_id",
        ),
        "dependency": (
            "basis",
            "area_name",
            "calendar_year",
            "edition",
            "source_url",
            "us_entry_id",
        ),
        "dependency_summary": ("basis", "area_name", "area"),
        "orphaned": ("basis", "rank_whole_effort", "area_name", "area"),
        "casualties_world": ("calendar_year", "edition_order"),
        "casualty_rates": ("area_name", "calendar_year"),
        "casualty_checks": (
            "check",
            "area_name",
            "calendar_year",
            "series",
            "edition",
            "reference_edition",
            "entry_id",
        ),
        "area_profile": ("area_name",),
        "partners": (
            "series",
            "implementer",
            "year",
            "area_name",
            "flow",
            "year_basis",
            "agency",
            "account",
        ),
        "reconciliation": ("area_name", "year", "measure", "flow", "year_basis"),
        "iati_usd": ("activity_id", "date", "flow", "entry_id"),
        "funding_constant": ("area_name", "year", "series", "entry_id"),
        "funding_per_capita": ("area_name", "year", "series", "flow", "year_basis", "payer"),
    }
)

# Filled by the pipeline, not by a reader.
RECORDED_COLUMNS: Final = (
    "entry_id", "revision", "change", "source_id", "vintage_sha256", "content_sha256",
    "recorded_in", "ended_in",
)  # fmt: skip


class Splits(dy.Schema):
    """A part that a source prints beside a total: one dimension, one category, one value."""

    entry_id = text("the entry it belongs to", required=True)
    revision = whole("the revision of that entry", "revisions", required=True, low=1)
    dimension = text(
        "what the total is split by: device, age, sex, status, countries", required=True
    )
    category = text("the part", required=True)
    value = real("value of the part", "as in unit", required=True)
    unit = text("people, percent, countries ...", required=True)
    value_as_printed = text("the words of the source, where they say more than the number")
    recorded_in = whole("refresh that recorded it", "refresh number", required=True, low=1)
    ended_in = whole("refresh that ended it; null while current", "refresh number", low=1)


class Areas(dy.Schema):
    """A country, other area, region or the world, under one code."""

    area = text("code; see data/reference/README.md", required=True)
    name = text("plain English name", required=True)
    kind = text("country, other area, historic, region, world or organisation", required=True)
    iso3166_alpha2 = text("ISO 3166-1 alpha-2")
    iso3166_numeric = text("ISO 3166-1 numeric, three digits")
    m49_region = text("UN M49 region")
    m49_subregion = text("UN M49 sub-region")
    state_region = text("region of the U.S. Department of State")
    spellings = text("other spellings met in the sources, separated by ' ; '")
    note = text("what the code stands for, where that needs saying")


class Implementers(dy.Schema):
    """An organisation that does the work, under one name; reviewed by hand."""

    implementer = text("name in plain words", required=True)
    kind = category("what kind of organisation it is", IMPLEMENTER_KINDS)
    home_area = text("code of the country it is at home in; null where it has none, or several")
    spellings = text("other spellings of the name, separated by ' ; '")
    note = text("why the spellings are joined, or what is not joined")


class Measures(dy.Schema):
    """One of the counts of U.S. money that the view reconciliation sets side by side."""

    measure = text("name of the measure", required=True)
    title = text("what readers see", required=True)
    series = text("the series whose figures it adds", required=True)
    why = text("why it may differ from State's report", required=True)
    place = whole("its place among the measures, for readers; State's report is the first", "place")


class Bases(dy.Schema):
    """One way to count who pays: a series and a flow of one source; two are never added."""

    basis = text("name of the basis", required=True)
    title = text("what readers see", required=True)
    series = text("the series whose figures it adds", required=True)
    flow = category("stage of spending whose figures it adds", FLOWS)
    is_printed_table = flag(
        "each area and year is a table that a page prints, and may have been read in part; if not, it is what "
        "the source lists"
    )
    totals_series = text("series of the totals printed beside such tables; never added to them")
    cannot_show = text("what shares and ranks on this basis cannot show", required=True)
    place = whole("its place among the bases, for readers", "place", required=True)


class CasualtyMeasures(dy.Schema):
    """One of the counts of casualties that the view casualties_side_by_side sets side by side."""

    measure = text("name of the measure", required=True)
    choice_order = whole(
        "where several have a whole year of an area, the lowest number is chosen", "ordinal",
        required=True, low=1,
    )  # fmt: skip
    can_be_chosen = flag("a figure of this measure can stand for its area and year")
    unit = category("what one counts", COUNTED)
    title = text("what readers see", required=True)
    why = text("why it may differ from the Monitor's newest figure", required=True)


class SeriesBreaks(dy.Schema):
    """A year from which one area's figures of a series are counted otherwise, as its source.yml says."""

    series = text("the series", required=True)
    area = text(AREA_CODE, required=True)
    year = year_of("first year that is counted otherwise", required=True)
    reason = text("what changed", required=True)


class Sources(dy.Schema):
    """One public dataset or report series."""

    source_id = text("name of the source", required=True)
    title = text("title", required=True)
    publisher = text("who publishes it", required=True)
    url = text("where it is published", required=True)
    licence = text("terms of use, as stated", required=True)
    citation = text("how to cite it", required=True)
    cadence = text("how often it is updated", required=True)
    status = category(
        "how the source is read",
        {
            "transcribed": "figures copied by hand from published reports",
            "live": "fetched from its publisher at every refresh with the network",
            "frozen": "no longer updated by its publisher; fetched once",
            "dark": "taken away by its publisher and not asked for; the last vintage stays in use",
            "local": "a file of this installation, read as its own mapping says",
        },
    )
    coverage = text("what it covers", required=True)
    caveats = text("what a reader must know before using it", required=True)
    enable = text("how to turn it on; null for a source that is fetched without being asked to")
    is_exportable = dy.Bool(
        nullable=True,
        description="its rows may be shown and passed on; those of others stay on the machine that fetched "
        "them, and are in no page, answer, download or export. Null in ledgers older than the column",
    )
    every_days = whole(
        "days without a contact with its publisher after which it is overdue; null where nobody is asked",
        "days",
    )
    dark_after_days = whole(
        "days without a contact after which it counts as dark; null where nobody is asked", "days"
    )


class Series(dy.Schema):
    """A set of figures of one source that are counted alike, and whether they may be added."""

    series = text("name of the series", required=True)
    source_id = text("its source", required=True)
    title = text("title", required=True)
    is_additive = flag("single-year parts of this series may be added to one another")
    page_of = category(
        "whose page a table of the series stands on: its newest edition replaces earlier ones whole",
        {"area": "the recipient's", "donor": "the donor's"},
    )
    caution = text("what may not be added or compared", required=True)
    is_by_partner = flag("its rows name the organisation that got the money")


class Vintages(dy.Schema):
    """The exact bytes of a source's file at one retrieval, and what became of them."""

    source_id = text("the source", required=True)
    file = text("name of the file within the source", required=True)
    vintage_sha256 = text("SHA-256 of the bytes", required=True)
    size_bytes = whole("size", "bytes", required=True)
    retrieved_at = dy.Datetime(time_unit="us", time_zone="UTC", description="when it was archived")
    origin = text("where the bytes came from", required=True)
    status = category(
        "whether its figures are in use",
        {
            "accepted": "its entries are in the ledger",
            "held": "put aside until a person decides; see reason",
            "rejected": "put aside for good by a person; see decisions",
            "watched": "a page that is looked at for changes; no figure is read from it",
        },
    )
    reason = text("why it is held")
    code_version = text("the code that read it", required=True)
    recorded_in = whole("refresh that recorded this", "refresh number", required=True, low=1)


class Refreshes(dy.Schema):
    """One run of the pipeline that changed the ledger."""

    refresh = whole("number of the refresh, counting from 1", "refresh number", required=True)
    started_at = dy.Datetime(time_unit="us", time_zone="UTC", description="start")
    finished_at = dy.Datetime(time_unit="us", time_zone="UTC", description="end of recording")
    code_version = text("version of the package and hash of its definitions", required=True)
    parent_manifest_sha256 = text("SHA-256 of the manifest of the refresh before it")
    added = whole("entries added", "entries", required=True)
    revised = whole("entries revised", "entries", required=True)
    withdrawn = whole("entries withdrawn", "entries", required=True)
    restored = whole("entries restored", "entries", required=True)


class Holds(dy.Schema):
    """A source whose latest vintage is not in use or that could not be fetched, and why; its last good figures are in use."""

    source_id = text("the source", required=True)
    rule = text("the check that stopped it", required=True)
    reason = text("what is wrong and what to do about it", required=True)
    vintages_sha256 = text("names the files of the vintage together; null where a file is missing")
    files = text("the files of the vintage, each with its SHA-256")
    can_be_accepted = flag("a person can accept it; what cannot be read can not")
    recorded_in = whole("refresh that recorded it", "refresh number", required=True, low=1)


class Decisions(dy.Schema):
    """What a person decided about a vintage on hold, or that they have read a watched page."""

    source_id = text("the source", required=True)
    vintages_sha256 = text("names the files of the vintage together", required=True)
    files = text("the files of the vintage, each with its SHA-256", required=True)
    verdict = category(
        "what was decided",
        {
            "accepted": "its figures are used",
            "rejected": "its figures are not used",
            "read": "a watched page was read, and what is new in it transcribed",
        },
    )
    who = text("who decided", required=True)
    because = text("why", required=True)
    overruled = text("the reason of the hold, where there was one")
    decided_at = dy.Datetime(time_unit="us", time_zone="UTC", description="when it was decided")
    recorded_in = whole("refresh that recorded it", "refresh number", required=True, low=1)


class Rejects(dy.Schema):
    """A source row that broke a rule; it is not an entry."""

    source_id = text("the source", required=True)
    vintage_sha256 = text("the vintage", required=True)
    locator = text("file and line", required=True)
    column = text("the column that broke the rule")
    rule = text("the rule", required=True)
    raw_value = text("what stood there")
    fix = text("what to do about it", required=True)
    recorded_in = whole("refresh that recorded it", "refresh number", required=True, low=1)


class Issues(dy.Schema):
    """Something odd in a source row that is an entry all the same, or a watched page that a person must read."""

    source_id = text("the source", required=True)
    vintage_sha256 = text("the vintage", required=True)
    locator = text("file and line", required=True)
    column = text("the column")
    rule = text("what is odd", required=True)
    raw_value = text("what stands there")
    fix = text("what to do about it", required=True)
    recorded_in = whole("refresh that recorded it", "refresh number", required=True, low=1)


class Watches(dy.Schema):
    """A page of a source's publisher that is looked at for changes; no figure is read from it."""

    source_id = text("the source", required=True)
    page = text("name of the page in source.yml", required=True)
    title = text("title", required=True)
    url = text("address of the page", required=True)
    looks_for = category(
        "what of it counts",
        {
            "edition": "the highest edition that it names",
            "table": "the rows of its table, and named sentences",
            "text": "its visible text",
        },
    )
    state = category(
        "what came of looking at it last",
        {
            "not seen yet": "nobody has looked at it from here",
            "seen": "it was there; whether a person must read it stands in issues",
            "stale": "it could not be had, or is not the page that is watched",
            "dark": "it could not be had for so long that it may be gone",
        },
    )
    reason = text("why it could not be had")
    vintage_sha256 = text("SHA-256 of the bytes archived last; null where there are none")
    every_days = whole("days without a contact after which it is overdue", "days", required=True)
    recorded_in = whole("refresh that recorded it", "refresh number", required=True, low=1)


LOG_TABLES: Final[Mapping[str, type[dy.Schema]]] = MappingProxyType(
    {
        "splits": Splits,
        "areas": Areas,
        "implementers": Implementers,
        "measures": Measures,
        "bases": Bases,
        "casualty_measures": CasualtyMeasures,
        "series_breaks": SeriesBreaks,
        "sources": Sources,
        "series": Series,
        "vintages": Vintages,
        "refreshes": Refreshes,
        "holds": Holds,
        "decisions": Decisions,
        "rejects": Rejects,
        "issues": Issues,
        "watches": Watches,
    }
)


class Coverage(dy.Schema):
    """One account of one area and fiscal year in State's report; the newest edition wins."""

    entry_id = text("the entry in funding", required=True)
    area = text(AREA_CODE)
    area_name = text("name of the area", required=True)
    state_region = text("region of the U.S. Department of State")
    fiscal_year = year_of("fiscal year", required=True)
    account = category("U.S. budget line, in one spelling", ACCOUNTS)
    program_scope = category(
        "which reading of 'the program' the row belongs to",
        {
            "Defense program": "the program that the memo of 2 December 2025 is reported to drop",
            "rest of the U.S. effort": "State, USAID and CDC money in the same table",
        },
    )
    amount_usd = money("amount in nominal U.S. dollars")
    amount_as_printed = text("amount as the source prints it")
    unit_as_printed = text("unit as the source prints it")
    printed_total_usd = money("the country total printed for the year")
    accounts_sum_usd = money("sum of the printed accounts of the year")
    is_total_confirmed = dy.Bool(
        nullable=True, description="the accounts add up to the printed total"
    )
    editions_count = whole("editions that print this figure", "editions", required=True)
    is_restated = flag("editions print different amounts; earlier ones are kept in funding")
    source_id = text("the source", required=True)
    series = text("the series", required=True)
    report = text("title of the publication", required=True)
    edition = text("edition of the publication", required=True)
    place = text("where in the publication")
    locator = text("file and line within the archived bytes", required=True)
    vintage_sha256 = text("SHA-256 of the archived bytes", required=True)
    source_url = text("address of the publication", required=True)
    note = text("what the compiler noted")


class CasualtiesOfAYear(dy.Schema):
    """What one measure says of one area and year; the columns that several views share."""

    entry_id = text(
        "the entry in casualties; null where rows of casualty_events were counted", optional=True
    )
    area = text(AREA_CODE)
    area_name = text("name of the area; as printed where it has no code", required=True)
    calendar_year = year_of("calendar year of the incidents", required=True)
    measure = category(
        "whose count it is", {name: title for name, (title, _, _) in CASUALTY_MEASURES.items()}
    )
    killed = whole("people killed", "people")
    injured = whole("people injured", "people")
    unknown = whole("people hurt whose outcome is not known", "people")
    total = whole("all casualties, as printed or as counted", "people")
    civilian = whole("civilians among them", "people")
    military = whole("soldiers, police and armed-group members among them", "people")
    deminer = whole("deminers among them", "people")
    children = whole("children among them", "people")
    women = whole("women among them; of all ages in a register of people", "people")
    lower_bound = flag("the total is printed as 'at least'")
    is_partial_year = flag(
        "only part of the year is counted; so is the newest year of any register whose rows are counted"
    )
    is_other_scope = flag(
        "the note says that fewer people are counted than all those hurt by mines and remnants in the area, or more"
    )
    is_total_confirmed = dy.Bool(
        nullable=True,
        description="killed, injured and unknown add up to the total; null where one of them is missing, also where "
        "the others fall short of the total and how many outcomes are unknown is not printed",
    )
    editions_count = whole(
        "editions of the same body that print the year", "editions", required=True
    )
    lowest_total = whole("lowest total of that body for the whole year", "people")
    highest_total = whole("highest total of that body for the whole year", "people")
    is_disputed = flag("the edition is quoted with more than one total")
    is_secondary = flag("read in a publication that quotes the source")
    entries_count = whole(
        "figures or rows behind it; 0 where the publisher dropped all of them", "entries", required=True
    )  # fmt: skip
    withdrawn_count = whole(
        "rows that the register's publisher dropped from the year and that are not counted", "rows",
        required=True,
    )  # fmt: skip
    last_date = date_of("date of the newest row of the register", required=False)
    source_id = text("the source", required=True)
    series = text("the series", required=True)
    report = text("title of the publication", required=True)
    edition = text("edition of the publication", required=True)
    place = text("where in the publication")
    locator = text("file and line within the archived bytes; null where rows were counted")
    vintage_sha256 = text(
        "SHA-256 of the archived bytes; null where rows were counted", optional=True
    )
    source_url = text("address of the publication", required=True)
    note = text("what the compiler noted, or what is odd about the count")


class CasualtiesSideBySide(CasualtiesOfAYear):
    """What one measure says of the casualties of one area and calendar year, beside the other measures."""

    unit = category("what one of it is: a person, or an accident", COUNTED)
    events_count = whole("accidents, where the rows are accidents; never added to people", "events")
    edition_order = text("sorts the editions of one series")
    is_newest_edition = flag("no newer edition of the same body prints the area and year")
    choice_order = whole("place of the measure in the order of choice", "ordinal", required=True)
    is_chosen = flag("the row that casualties_by_area_year takes for the area and year")


class CasualtiesByAreaYear(CasualtiesOfAYear):
    """Casualties of one area and calendar year: one measure, chosen by the declared order; never a sum."""

    years_missing = whole(
        "years before this one without any figure, since the last that has one", "years", required=True
    )  # fmt: skip
    is_break = flag(
        "the figure cannot be read as a change from the one before; break_reason says why"
    )
    break_reason = text("why the figure and the one before it are not counted alike")


class CasualtiesWorld(dy.Schema):
    """One edition's printed casualties of the world in one year, beside the sum of the Monitor's countries."""

    calendar_year = year_of("calendar year of the incidents", required=True)
    edition = text("edition that prints it; null where no world total of the year was read")
    edition_order = text("sorts the editions")
    is_newest_edition = flag("no newer edition prints a total of the year")
    killed = whole("people killed", "people")
    injured = whole("people injured", "people")
    unknown = whole("people hurt whose outcome is not known", "people")
    total = whole("all casualties, as printed", "people")
    lower_bound = flag("the total is printed as 'at least'")
    is_total_confirmed = dy.Bool(
        nullable=True,
        description="killed, injured and unknown add up to the total; null where one of them is missing, also where "
        "the others fall short of the total and how many outcomes are unknown is not printed",
    )
    antipersonnel_mine = whole("by antipersonnel mines", "people")
    improvised_mine = whole("by improvised mines", "people")
    antivehicle_mine = whole("by antivehicle mines", "people")
    cluster_munition_remnant = whole("by remnants of cluster munitions", "people")
    other_erw = whole("by other explosive remnants of war", "people")
    unspecified_mine = whole("by mines of a kind not stated", "people")
    not_told_apart = whole("by mines or remnants not told apart", "people")
    civilian_percent = real("civilians among those whose status was known", "percent")
    children = whole("children among them", "people")
    children_percent = real("children; among civilians where the note says so", "percent")
    men_and_boys = whole("men and boys among those whose sex was known", "people")
    women_and_girls = whole("women and girls among those whose sex was known", "people")
    countries_count = whole("countries with casualties, as printed", "countries")
    other_areas_count = whole("other areas with casualties, as printed", "areas")
    areas_read_count = whole(
        "areas of which a total of the Monitor was read", "areas", required=True
    )
    areas_sum = whole("their newest totals added: a check, not a count of the world", "people")
    areas_first_sum = whole("their totals as first printed, added", "people")
    by_then_count = whole("areas of which this or an earlier edition prints a total", "areas")
    by_then_sum = whole("the newest of those totals added", "people")
    difference = whole(
        "total less areas_sum: people of areas that were not read", "people", low=-(10**9)
    )
    coverage_percent = real(
        "areas_sum of the total; above 100 where a later edition raised an area", "percent"
    )
    is_secondary = flag("the total was read in a publication that quotes the Monitor")
    is_break = flag(
        "the newest total cannot be read as a change from the year before; break_reason says why"
    )
    break_reason = text("why the total and the one before it are not printed alike")
    entry_id = text(
        "the entry in casualties that prints the total, or else the parts", optional=True
    )
    split_entry_id = text("the entry that prints device, status, age or sex")
    entries_count = whole("entries of the edition for the year", "entries", required=True)
    source_id = text("the source", required=True)
    report = text("title of the publication", required=True)
    source_url = text("address of the publication")
    note = text("what the compiler noted")


class CasualtyRates(dy.Schema):
    """The chosen casualties of one area and year, per 100,000 people living there."""

    area = text(AREA_CODE, required=True)
    area_name = text("name of the area", required=True)
    calendar_year = year_of("calendar year", required=True)
    measure = category(
        "whose count it is", {name: title for name, (title, _, _) in CASUALTY_MEASURES.items()}
    )
    total = whole("all casualties", "people", required=True)
    lower_bound = flag("the total is printed as 'at least', so the rate is one as well")
    is_partial_year = flag("only part of the year is counted, so there is no rate of the year")
    is_break = flag("the figure cannot be read as a change from the one before")
    people = whole("people living in the area in the middle of the year", "people")
    rate = real(
        "total per 100,000 people, with 3 decimals; null without a population, or for part of a year",
        "casualties per 100,000 people",
    )  # fmt: skip
    small_number_note = text("what to bear in mind where fewer than 20 people are counted")
    entry_id = text(
        "the entry in casualties; null where rows of casualty_events were counted", optional=True
    )
    source_id = text("the source of the casualties", required=True)
    series = text("the series of the casualties", required=True)
    report = text("title of the publication of the casualties", required=True)
    edition = text("edition of the casualties", required=True)
    source_url = text("address of that publication", required=True)
    population_entry_id = text("the entry in population")
    population_source_id = text("the source of the population")
    population_report = text("title of the publication of the population")
    population_edition = text("edition of the population")
    population_source_url = text("address of that publication")


class CasualtyChecks(dy.Schema):
    """One check of casualty figures: a value, what it is held against, and how they compare."""

    check = category("what is checked", CASUALTY_CHECKS)
    area = text(AREA_CODE)
    area_name = text("name of the area", required=True)
    calendar_year = year_of("calendar year", required=True)
    outcome = category("how the two compare", CHECK_OUTCOMES)
    words = text("the outcome in words", required=True)
    value = whole("the value", "people", required=True)
    reference = whole("what it is held against", "people; accidents in 'accidents and people'",
                      required=True)  # fmt: skip
    difference = whole("value less reference; null between people and accidents, and where not compared",
                       "people", low=-10**9)  # fmt: skip
    ratio = real("value divided by reference, with 4 decimals; null where the reference is 0",
                 "times the reference")  # fmt: skip
    series = text("series of the value", required=True)
    edition = text("edition of the value; null where it is made of many")
    entry_id = text("the value's entry in casualties; null where it is made of many", optional=True)
    source_url = text("address of its publication; null where it is made of many")
    reference_series = text("series of the reference", required=True)
    reference_edition = text("edition of the reference", required=True)
    reference_entry_id = text("the reference's entry; null where rows were counted")


class Donors(dy.Schema):
    """What one donor gave one area in one year, as one basis counts it."""

    basis = text(
        "on what the row stands, by its name in bases; rows of two are never added", required=True
    )
    area = text(f"recipient; {AREA_CODE}")
    area_name = text("name of the recipient; as printed where it has no code", required=True)
    calendar_year = year_of("calendar year", required=True)
    donor = text("who pays, as printed", required=True)
    donor_area = text(f"donor's area; {AREA_CODE}")
    is_us = flag("the donor is the United States' government")
    is_one_donor = flag("the source names one donor; not none, nor several for one figure")
    flow = category("stage of spending that the figures count", FLOWS)
    amount_usd = money(
        "sum of the donor's figures in nominal U.S. dollars, negative where more was taken back than given; null "
        "where none has an amount"
    )
    share_percent = real(
        "amount_usd divided by all_donors_usd; null where why_no_share says why, or an amount is missing",
        "percent", low=None,
    )  # fmt: skip
    is_incomplete = flag("a figure without an amount is missing from the sum")
    is_bound = flag("a figure is printed as a bound or an approximation")
    entries_count = whole("figures behind the sum, with and without an amount", "entries", required=True, low=1)  # fmt: skip
    only_entry_id = text("the entry in funding, where there is just one")
    all_donors_usd = money("what all donors of the area and year gave, on the same basis and page")
    denominator = text("what all_donors_usd is; null where it is not known")
    why_no_share = text("why no share of the area and year is given; null where it is known")
    is_read_whole = flag("all donors that the page prints, or the source lists, stand here")
    is_newest_edition = flag("no newer edition prints the same area and year")
    total_entry_id = text("the printed total's row in funding")
    sum_check = text("how the printed table adds up")
    source_id = text("the source", required=True)
    series = text("the series", required=True)
    report = text("title of the publication", required=True)
    edition = text("edition of the publication", required=True)
    edition_order = text("sorts the editions of one source")
    place = text("where on the page, where the figures share one place")
    source_url = text("address of the page, or of the source where there are several", required=True)  # fmt: skip


class Dependency(dy.Schema):
    """The U.S. share of one area's international funding in one year, on one basis and in one edition."""

    basis = text(
        "on what the row stands, by its name in bases; rows of two are never added. Rows published before there "
        "was another have none",
        required=True,
    )
    area = text(AREA_CODE)
    area_name = text("name of the area; as printed where it has no code", required=True)
    calendar_year = year_of("calendar year", required=True)
    us_usd = money(
        "what the United States gave; 0 where a printed table was read whole and does not list them, null where "
        "a source that gathers reports lists no U.S. money, or a figure has no amount"
    )
    is_us_listed = flag("the United States stands among the donors")
    all_donors_usd = money("what all donors gave")
    denominator = text("what all_donors_usd is; null where it is not known")
    us_share_percent = real(
        "us_usd divided by all_donors_usd; null where why_no_share says why", "percent", low=None
    )
    why_no_share = text("why no share is given")
    donors_count = whole("donors with an amount above zero, where all stand here and are named", "donors")  # fmt: skip
    herfindahl_index = real(
        "sum of the squared shares of the donors, as parts of 1: 1 is a single donor, 0.25 is four equal ones; "
        "null where not all donors stand here by name, or an amount is missing or negative",
        "index from 0 to 1",
    )
    is_us_only_donor = dy.Bool(
        nullable=True,
        description="no other donor stands here, nor on another basis of the same source; null where that is not "
        "known",
    )
    is_approximate = dy.Bool(
        nullable=True,
        description="all_donors_usd is a total that the page prints rounded, or a donor's figure is a bound",
    )
    is_year_over = flag(
        "the year had ended when the source was last retrieved; of a source whose figures bear dates and of which a "
        "copy was given by hand, only where one of that year is dated after it, for a copy is older than the day "
        "on which it was given"
    )
    printed_total_usd = money("total printed on the same page")
    printed_total_precision = category("bound of the printed total", PRECISIONS, required=False)
    sum_check = text("how the table adds up")
    is_newest_edition = flag("no newer edition prints the same area and year")
    us_entry_id = text("the United States' row in funding, where there is just one")
    total_entry_id = text("the printed total's row in funding")
    source_id = text("the source", required=True)
    series = text("the series", required=True)
    report = text("title of the publication", required=True)
    edition = text("edition of the publication", required=True)
    place = text("where on the page")
    source_url = text("address of the page, or of the source where there are several", required=True)  # fmt: skip


class DependencySummary(dy.Schema):
    """How much one area depended on U.S. money, on one basis; years are those that the ledger holds."""

    basis = text("on what the row stands, by its name in bases", required=True)
    area = text(AREA_CODE)
    area_name = text("name of the area; as printed where it has no code", required=True)
    first_year = year_of("first year with donors read", required=True)
    last_year = year_of("last year with donors read", required=True)
    years_count = whole("years with donors read", "years", required=True, low=1)
    first_us_year = year_of("first of them in which the United States gave")
    last_us_year = year_of("last of them in which the United States gave")
    us_years_count = whole("years read in which the United States gave", "years", required=True)
    us_only_years_count = whole("years read in which the United States was the only donor", "years")
    us_only_years = text("those years")
    known_years_count = whole("years read of which that is known", "years")
    share_year = year_of("latest year up to 2024 whose U.S. share is known: before grants were stopped")  # fmt: skip
    us_share_percent = real("U.S. share in that year", "percent", low=None)
    is_us_listed = dy.Bool(nullable=True, description="the United States stands among its donors")
    is_approximate = dy.Bool(nullable=True, description="the share rests on a rounded total or a bound")  # fmt: skip
    us_usd = money("what the United States gave in that year")
    all_donors_usd = money("what all donors gave in that year")
    donors_count = whole("donors in that year", "donors")
    herfindahl_index = real("sum of the donors' squared shares in that year", "index from 0 to 1")
    us_entry_id = text("the United States' row in funding, where there is just one")
    edition = text("edition that the share was read in")
    source_url = text("address of the page, or of the source")
    latest_year = year_of("latest year read that had ended when the source was retrieved")
    latest_us_usd = money(
        "what the United States gave in that year; null where they are not listed"
    )
    latest_us_share_percent = real("U.S. share in that year", "percent", low=None)
    is_us_listed_latest = dy.Bool(nullable=True, description="the United States stands among its donors")  # fmt: skip
    why_no_share = text(
        "why no share up to 2024 is known: what is in the way in latest_year; null where one is"
    )
    us_change_usd = money(
        "U.S. money of latest_year less that of 2024; null where the source has no year after 2024 that had "
        "ended, or does not list the United States in both"
    )
    us_change_percent = real("that change in per cent of 2024", "percent", low=None)
    source_id = text("the source", required=True)
    series = text("the series", required=True)


class Orphaned(dy.Schema):
    """One area that the program covered, on one basis: its rank by dependency, or why it has none."""

    basis = text("on what the row stands, by its name in bases", required=True)
    rank_whole_effort = whole(
        "rank by us_share_percent, then by casualties, among all areas with U.S. money; null where "
        "unranked_because says why", "rank", low=1,
    )  # fmt: skip
    rank_defense = whole(
        "the same among areas with Defense money; the share is still that of all U.S. money",
        "rank",
        low=1,
    )
    area = text("code of the area", required=True)
    area_name = text("name of the area", required=True)
    is_whole_effort = flag("State's table prints U.S. money of any account")
    is_defense_program = flag("State's table prints Defense money")
    last_fiscal_year = year_of("last fiscal year of State's table with U.S. money")
    last_defense_fiscal_year = year_of("last fiscal year of it with Defense money")
    casualties_year = year_of("latest year with a casualty total of the Monitor")
    casualties_total = whole("casualties in that year", "people")
    is_casualties_lower_bound = dy.Bool(nullable=True, description="printed as 'at least'")
    casualties_edition = text("edition that prints them")
    casualties_source_url = text("address of the page that prints them")
    casualties_entry_id = text("its entry in casualties")
    share_year = year_of("latest year up to 2024 whose U.S. share is known: before grants were stopped")  # fmt: skip
    us_share_percent = real("U.S. share in that year", "percent", low=None)
    is_us_listed = dy.Bool(nullable=True, description="the United States stands among its donors")
    is_approximate = dy.Bool(nullable=True, description="the share rests on a rounded total or a bound")  # fmt: skip
    us_usd = money("what the United States gave in that year")
    all_donors_usd = money("what all donors gave in that year")
    donors_count = whole("donors in that year", "donors")
    herfindahl_index = real("sum of the donors' squared shares in that year", "index from 0 to 1")
    us_entry_id = text("the United States' row in funding, where there is just one")
    us_only_years_count = whole("years read in which the United States was the only donor", "years")
    known_years_count = whole("years read of which that is known", "years")
    us_years_count = whole("years read in which the United States gave", "years")
    last_us_year = year_of("last year read in which the United States gave")
    latest_year = year_of("latest year read that had ended when the source was retrieved")
    is_us_listed_latest = dy.Bool(nullable=True, description="the United States stands among its donors")  # fmt: skip
    us_change_usd = money("U.S. money of latest_year less that of 2024; null where either is not known")  # fmt: skip
    us_change_percent = real("that change in per cent of 2024", "percent", low=None)
    unranked_because = text("what is missing for a rank; null where there is one")
    cannot_show = text("what the ranking cannot show", required=True)
    source_id = text("source of the basis", required=True)
    edition = text("edition that the share was read in")
    source_url = text("address of that page, or of the source")


class AreaProfile(dy.Schema):
    """One area in one row: U.S. money, casualties, dependency, treaties."""

    area = text("code of the area", required=True)
    area_name = text("name of the area", required=True)
    kind = text("country, other area or historic", required=True)
    state_region = text("region of the U.S. Department of State")
    first_fiscal_year = year_of("first fiscal year of State's table")
    last_fiscal_year = year_of("last fiscal year of State's table")
    dod_fy2015_2017_usd = money("Defense money, fiscal years 2015 to 2017 added")
    all_fy2015_2017_usd = money("money of all accounts, fiscal years 2015 to 2017 added")
    dod_years_count = whole("fiscal years with Defense money above zero", "years")
    since_year = year_of("first year of the printed sum since the start")
    until_year = year_of("last year of that sum")
    dod_since_start_usd = money("Defense money since the start, as printed")
    dod_since_start_entry_id = text("its entry in funding")
    all_since_start_usd = money("money of all accounts since the start, as printed")
    all_since_start_entry_id = text("its entry in funding")
    funding_edition = text("edition of State's report that prints the sums")
    funding_source_url = text("address of the page that prints them")
    casualties_year = year_of("latest year with a casualty total of the Monitor")
    casualties_total = whole("casualties in that year", "people")
    is_casualties_lower_bound = dy.Bool(nullable=True, description="printed as 'at least'")
    casualties_edition = text("edition that prints them")
    casualties_source_url = text("address of the page that prints them")
    casualties_entry_id = text("its entry in casualties")
    dependency_year = year_of("latest year with a known U.S. share")
    us_share_percent = real("U.S. share of international contributions in that year", "percent")
    is_us_listed = dy.Bool(
        nullable=True, description="the United States stands among the donors of that year"
    )
    is_share_approximate = dy.Bool(
        nullable=True, description="the share rests on a total that the page prints rounded"
    )
    dependency_edition = text("edition of the Monitor that prints both figures")
    dependency_source_url = text("address of that page")
    mine_ban_treaty = text("status under the Mine Ban Treaty")
    cluster_convention = text("status under the Convention on Cluster Munitions")


class Partners(dy.Schema):
    """What one series says that one organisation got for one area in one year, from one agency's account."""

    source_id = text("the source", required=True)
    series = text("the series; rows of two series are never added", required=True)
    flow = category("stage of spending that the figures count", FLOWS)
    implementer = text(
        "the organisation, under its name in implementers, else as printed; null where no one is named"
    )
    implementer_kind = category("what kind of organisation", IMPLEMENTER_KINDS, required=False)
    home_area = text("code of the country it is at home in")
    is_matched = flag("the printed name stands in the table implementers")
    spellings_seen = text("the names as printed, separated by ' ; '")
    agency = text("department or agency of the donor, where the source names it")
    account = category("U.S. budget line, in one spelling", ACCOUNTS)
    area = text(f"recipient; {AREA_CODE}")
    area_name = text("name of the recipient; as printed where it has no code", required=True)
    year = year_of("year of the figures", required=True)
    year_basis = category("what the year means", YEAR_BASES)
    amount_usd = money(
        "sum of the figures in nominal U.S. dollars, negative where more was taken back than given; null "
        "where none has an amount, or where several may not be added"
    )
    is_incomplete = flag("a figure without an amount is missing from the sum")
    entries_count = whole("figures behind the sum, with and without an amount", "entries")
    is_additive = flag("figures of the series may be added")


class Reconciliation(dy.Schema):
    """What one measure says that the United States gave one area in one year, beside State's report."""

    area = text(f"recipient; {AREA_CODE}")
    area_name = text("name of the recipient; as printed where it has no code", required=True)
    year = year_of("year as the measure counts it", required=True)
    year_basis = category("what the year means", YEAR_BASES)
    measure = text("whose count it is, by its name in measures", required=True)
    flow = category("stage of spending that it counts", FLOWS)
    amount_usd = money(
        "sum of the measure's own figures in nominal U.S. dollars; null where none has an amount, or where "
        "several may not be added"
    )
    precision = category(
        "how the figures bound the truth; null where they do so in different ways", PRECISIONS,
        required=False,
    )  # fmt: skip
    is_incomplete = flag("a figure without an amount is missing from the sum")
    entries_count = whole("figures behind the sum; 0 where a table was read whole and lists none",
                          "entries", required=True)  # fmt: skip
    sources_count = whole(
        "sources with an amount for this area and year, however many measures each gives", "sources",
        required=True,
    )  # fmt: skip
    reference_usd = money(
        "what State's report says for the area and the fiscal year of that number"
    )
    difference_usd = money("amount_usd less reference_usd; null for State's report itself")
    ratio = real(
        "amount_usd divided by reference_usd, rounded to 4 decimals; null where there is no reference, or it "
        "is 0", "times State's report", low=None,
    )  # fmt: skip
    is_same_year_basis = flag(
        "the year means what it means in State's report; if not, the difference compares two periods"
    )
    only_entry_id = text("the entry in funding, where there is just one")
    source_id = text("the source", required=True)
    series = text("the series", required=True)
    remark = text("what a reader must know about this very row")
    why = text("why the measure may differ from State's report", required=True)


class IatiUsd(dy.Schema):
    """One IATI transaction in its own currency and in nominal U.S. dollars, with the rate that was used."""

    entry_id = text("the entry in funding", required=True)
    activity_id = text("IATI identifier of the activity", required=True)
    title = text("title of the activity")
    reported_by = text("organisation that published it", required=True)
    is_secondary = flag("another than the one whose money it is reported it")
    is_printed_total = flag("the activity is split into others that may report the same money")
    donor = text("who pays, as printed", required=True)
    implementer = text("who receives it, or does the work, as printed")
    area = text(f"recipient; {AREA_CODE}")
    area_name = text("name of the recipient; as printed where it has no code", required=True)
    flow = category("stage of spending", FLOWS)
    date = date_of("date of the transaction")
    calendar_year = year_of("year of that date", required=True)
    amount = money("amount of the whole transaction in the currency printed", "units of currency")
    currency = text("ISO 4217 code of the currency printed")
    value_date = date_of("date whose exchange rate applies", required=False)
    conversion = category("how amount_usd came about, or why it is missing", CONVERSIONS)
    rate = real("the rate used", "units of currency per US dollar")
    rate_period = date_of("the month whose rate was used", required=False)
    rate_basis = category("what of the month the rate is", RATE_BASES, required=False)
    rate_series = text("the series of exchange_rates that prints it")
    rate_entry_id = text("its entry in exchange_rates")
    amount_usd = money("the whole transaction in nominal U.S. dollars; null where it has no rate")
    mine_action_percent = real(
        "share of sector 15250 as printed, or 100 where no other sector is named; null where the source "
        "names several without their shares",
        "percent",
    )
    mine_action_usd = money("amount_usd times that share")
    source_id = text("the source", required=True)
    series = text("the series", required=True)
    source_url = text("address of the activity", required=True)
    note = text("what the source says beside the figure")


class FundingConstant(dy.Schema):
    """One funding figure of one year in nominal dollars and in dollars of 2024, with the index that was used."""

    entry_id = text("the entry in funding", required=True)
    source_id = text("the source", required=True)
    series = text("the series; rows of two series are never added", required=True)
    donor = text("who pays, as printed", required=True)
    account = category("U.S. budget line, in one spelling", ACCOUNTS)
    area = text(f"recipient; {AREA_CODE}")
    area_name = text("name of the recipient; as printed where it has no code", required=True)
    flow = category("stage of spending", FLOWS)
    status = category("how firm the figure was when printed", STATUSES)
    is_printed_total = flag("a total printed by the source; not to be added to its parts")
    year = year_of("year of the figure", required=True)
    year_basis = category("what the year means; the index is of the same kind of year", YEAR_BASES)
    precision = category(
        "how the figure bounds the truth, in either kind of dollars", PRECISIONS, required=False
    )
    amount_usd = money("amount in nominal U.S. dollars")
    amount_2024_usd = money(
        "the same in constant U.S. dollars of 2024: fiscal year 2024 where the year is fiscal, calendar year 2024 "
        "where it is calendar; null where deflation says why"
    )
    deflation = category("how amount_2024_usd came about, or why it is missing", DEFLATIONS)
    price_index = text("the index: U.S. prices, whoever pays and wherever the money is spent")
    index_value = real("the index in the figure's year", "as index_unit says", low=1e-9)
    base_index_value = real(
        "the same index, of the same vintage, in 2024", "as index_unit says", low=1e-9
    )
    index_unit = text("unit of the index as its source gives it, with its own base period")
    index_entry_id = text("entry in deflators of the figure's year")
    base_index_entry_id = text("entry in deflators of 2024")
    index_source_id = text("source of the index")
    index_series = text("series of the index")
    index_publisher = text("who publishes the index")
    index_edition = text("edition of the index")
    index_source_url = text("address of the index")
    report = text("title of the publication that prints the figure", required=True)
    edition = text("edition of that publication", required=True)
    source_url = text("address of that publication")


class FundingPerCapita(dy.Schema):
    """One series' money for one area and year, beside the people who live there and the area's GDP."""

    source_id = text("the source of the money", required=True)
    series = text("the series; rows of two series are never added", required=True)
    flow = category("stage of spending that the figures count", FLOWS)
    payer = category("whose money it is", PAYERS)
    area = text("recipient; code of the country or other area", required=True)
    area_name = text("name of the recipient", required=True)
    year = year_of("year of the figures", required=True)
    year_basis = category("what the year means", YEAR_BASES)
    amount_usd = money("sum of the figures in nominal U.S. dollars; can be negative")
    is_incomplete = flag(
        "a figure without an amount, a bound, or a table read in part is missing from the sum"
    )
    entries_count = whole("figures in the sum", "entries", required=True)
    people = whole(
        "people living there in the middle of the calendar year of that number", "people"
    )
    usd_per_person = real(
        "amount_usd divided by people, rounded to 6 decimals; null without a population", "US dollars a person",
        low=None,
    )  # fmt: skip
    gdp_usd = money("gross domestic product of the year of that number, in dollars of that year")
    percent_of_gdp = real(
        "amount_usd in per cent of gdp_usd, rounded to 8 decimals; null without a GDP",
        "percent",
        low=None,
    )
    is_same_year_basis = flag(
        "the year is a calendar year, as those of people and GDP are; a fiscal year begins three months earlier"
    )
    population_entry_id = text("entry in population")
    population_source_id = text("source of the population")
    population_report = text("publication of the population")
    population_edition = text("its edition")
    population_vintage_sha256 = text("SHA-256 of the archived bytes the population was read from")
    gdp_entry_id = text("entry in gdp")
    gdp_source_id = text("source of the GDP")
    gdp_edition = text("its edition")
    gdp_vintage_sha256 = text("SHA-256 of the archived bytes the GDP was read from")


# In the order in which they are built: a view may read those before it.
VIEWS: Final[Mapping[str, type[dy.Schema]]] = MappingProxyType(
    {
        "coverage": Coverage,
        "casualties_side_by_side": CasualtiesSideBySide,
        "casualties_by_area_year": CasualtiesByAreaYear,
        "donors": Donors,
        "casualties_world": CasualtiesWorld,
        "casualty_rates": CasualtyRates,
        "casualty_checks": CasualtyChecks,
        "dependency": Dependency,
        "dependency_summary": DependencySummary,
        "orphaned": Orphaned,
        "area_profile": AreaProfile,
        "iati_usd": IatiUsd,
        "partners": Partners,
        "reconciliation": Reconciliation,
        "funding_constant": FundingConstant,
        "funding_per_capita": FundingPerCapita,
    }
)

ALL_TABLES: Final[Mapping[str, type[dy.Schema]]] = MappingProxyType(
    {**FACT_TABLES, **LOG_TABLES, **VIEWS}
)


def reading_order(name: str) -> tuple[str, ...]:
    """The columns by which the rows of a table are ordered for readers."""
    columns = ALL_TABLES[name].columns()
    return tuple(column for column in READING_ORDER.get(name, FACT_ORDER) if column in columns)


def measures(name: str) -> dict[str, str]:
    """The columns of a fact table that hold figures, with their units; years are none."""
    units = {
        column: str((declared.metadata or {}).get("unit", ""))
        for column, declared in FACT_TABLES[name].columns().items()
        if column not in Spine.columns()
    }
    return {column: unit for column, unit in units.items() if unit and unit != "year"}


def categories(name: str) -> tuple[str, ...]:
    """The columns of a fact table whose values are declared words; what the pipeline fills is none."""
    return tuple(
        column
        for column, declared in FACT_TABLES[name].columns().items()
        if column not in Spine.columns() and (declared.metadata or {}).get("allowed")
    )


def polars_schema(table: type[dy.Schema]) -> dict[str, pl.DataType]:
    """The declared columns of a table with their polars types, in order."""
    return dict(_types(table))


@cache
def _types(table: type[dy.Schema]) -> tuple[tuple[str, pl.DataType], ...]:
    return tuple((name, column.dtype) for name, column in table.columns().items())
