"""The fact tables: a row is one published figure with its provenance, under the spine."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import dataframely as dy
import polars as pl

from etl.tables.columns import AREA_CODE, category, date_of, flag, money, real, text, whole, year_of
from etl.tables.words import (
    ACCOUNTS,
    AGE_GROUPS,
    CHANGES,
    CONDITIONS,
    COUNTED,
    DEVICES,
    FLOWS,
    OUTCOMES,
    PLACE_KINDS,
    PRECISIONS,
    RATE_BASES,
    RATE_PERIODS,
    SECTORS,
    SEXES,
    STATUSES,
    YEAR_BASES,
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

# Filled by the pipeline, not by a reader.
RECORDED_COLUMNS: Final = (
    "entry_id", "revision", "change", "source_id", "vintage_sha256", "content_sha256",
    "recorded_in", "ended_in",
)  # fmt: skip
