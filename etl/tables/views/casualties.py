"""Views of casualties: of an area and year, of the world, rates and checks."""

from __future__ import annotations

import dataframely as dy

from etl.tables.columns import AREA_CODE, category, date_of, flag, real, text, whole, year_of
from etl.tables.words import CASUALTY_CHECKS, CASUALTY_MEASURES, CHECK_OUTCOMES, COUNTED


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


class CasualtiesLatest(dy.Schema):
    """The latest whole year of one area for which a casualty total of the Monitor was read, all casualties counted."""

    area = text(AREA_CODE, required=True)
    area_name = text("name of the area", required=True)
    calendar_year = year_of("calendar year of the incidents", required=True)
    total = whole("all casualties, as printed", "people", required=True)
    lower_bound = flag("the total is printed as 'at least'")
    series = text("the series", required=True)
    source_id = text("the source", required=True)
    report = text("title of the publication", required=True)
    edition = text("edition of the publication", required=True)
    place = text("where in the publication")
    source_url = text("address of the publication", required=True)
    entry_id = text("the entry in casualties", required=True)


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
