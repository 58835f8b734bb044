"""Views of what the program covered, and of one area in one row."""

from __future__ import annotations

import dataframely as dy

from etl.tables.columns import AREA_CODE, category, flag, money, real, text, whole, year_of
from etl.tables.words import ACCOUNTS


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
