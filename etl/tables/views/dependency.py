"""Views of who else pays: donors, the U.S. share, and the areas the program leaves."""

from __future__ import annotations

import dataframely as dy

from etl.tables.columns import AREA_CODE, category, flag, money, real, text, whole, year_of
from etl.tables.words import FLOWS, PRECISIONS


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
