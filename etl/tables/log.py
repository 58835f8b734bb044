"""The tables beside the facts: what was refreshed, held, rejected and decided, and what names mean."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import dataframely as dy

from etl.tables.columns import AREA_CODE, category, flag, real, text, whole, year_of
from etl.tables.words import COUNTED, FLOWS, IMPLEMENTER_KINDS


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
    vintage_sha256 = text(
        "SHA-256 of the bytes archived last; null where there are none", optional=True
    )
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
