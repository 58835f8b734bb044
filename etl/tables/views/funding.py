"""Views of money: who got it, what several sources say of it, in dollars of one year, and a person."""

from __future__ import annotations

import dataframely as dy

from etl.tables.columns import AREA_CODE, category, date_of, flag, money, real, text, whole, year_of
from etl.tables.words import (
    ACCOUNTS,
    CONVERSIONS,
    DEFLATIONS,
    FLOWS,
    IMPLEMENTER_KINDS,
    PAYERS,
    PRECISIONS,
    RATE_BASES,
    STATUSES,
    YEAR_BASES,
)


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
