"""Flows of the UN's Financial Tracking Service: which are about mine action, and what may be added.

The service is read through two doors, its own interface and the files on HDX; both give the same
records, so what a record means stands here, once. A record is one *flow* of money from a source to
a destination. Each end bears objects: organisations, places, years of use, sectors (*global
clusters*), plans, projects.

The money of one dollar can stand in several flows: in a parent and its children, in the flow into a
fund and the one out of it, in this year's carry-over and last year's contribution, in every year or
sector that a flow serves undivided. So each flow goes to one of these kinds, and only the first
three may be added, each for itself:

    incoming   paid or committed to the mine action sector alone, for one year, from outside
    projects   the same for projects named for mine action that bear no mark of the sector
    named      the same for flows that only a keyword or their description connects with mine action
    shared     serves other sectors or several years too; the service prints no shares
    children   a part of a flow that is counted already
    parked     a sum set aside; what is left of it, its children being flows of their own
    carryover  what an organisation kept from an earlier year, when it was counted
    internal   passed on within what was asked about; counted when it came in
    outgoing   left what was asked about
    pledges    announced, not binding

A flow is one entry, whole. The service prints no shares for flows to several countries, sectors or
years, so nothing is split.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

import polars as pl

from etl.areas import Resolver
from etl.reading import DATE, MONEY, Finding, Reading
from etl.transcribed import dollars, funding_defaults, splits_of

REPORT: Final = "Financial Tracking Service"
SITE: Final = "https://fts.unocha.org"
NOT_STATED: Final = "Not stated"
NOWHERE: Final = "QRG"  # no country named, or several: not the code of world totals
MAX_POWER: Final = 30
CENT: Final = Decimal("0.01")

FLOW_OF_STATUS: Final = {"paid": "disbursement", "commitment": "commitment", "pledge": "pledge"}
BOUNDARIES: Final = ("incoming", "internal", "outgoing")
BEHAVIORS: Final = ("single", "shared", "overlap")
STANDARD: Final = "Standard"
PARKED: Final = "Parked"
CARRYOVER: Final = "Carryover"
PASSED_ON: Final = "Pass through"
FLOW_TYPES: Final = (STANDARD, PARKED, PASSED_ON, CARRYOVER)
# Both spellings of the publisher's: the wording changed between 2020 and 2025.
GOVERNMENTS: Final = frozenset({"Government", "Governments"})
GOVERNMENT_OF: Final = ", Government of"
COUNTED: Final = ("incoming", "projects", "named")
PLURALS: Final = {
    "GlobalCluster": "global clusters", "UsageYear": "usage years", "Location": "countries",
    "Organization": "recipients",
}  # fmt: skip


# Which flows are about mine action. The sector was called Mine Action in 2020; its number has stayed.
CLUSTER: Final = "15"
CLUSTER_NAMES: Final = ("Mine Action", "Protection - Mine Action")
KEYWORD: Final = "mine action"
WORDS: Final = re.compile(
    r"""
    \bmine[ -]?action\b | \bde-?min(ing|ers?)\b | \bland[ -]?mines?\b | \bminefields?\b
    | \bmine[ -](clearance|clearing|risk|awareness|victims?|survivors?|contaminated|affected|removal
        |detection|and[ ]uxo)\b
    | \banti-?person(nel|al)\b | \bcluster[ ]munitions?\b | \bunexploded\b
    | \bexplosive[ ](remnants?|ordnance|hazards?|devices?)\b | \b(uxos?|erws?|eore|eod|ieds?)\b
    | \bd[ée]minage\b | \bmines[ ]antipersonnel\b | \bdesminado\b | \bminas[ ](antipersona|terrestres)
    """,
    re.IGNORECASE | re.VERBOSE,
)
TO_CLUSTER: Final = f"destination global cluster {CLUSTER}"
FROM_CLUSTER: Final = f"source global cluster {CLUSTER}"
BY_PROJECT: Final = "project named for mine action"
BY_FIELD_CLUSTER: Final = "field cluster named for mine action"
BY_KEYWORD: Final = "keyword Mine action"
BY_DESCRIPTION: Final = "description names mine action"
BY_CLUSTER: Final = frozenset({TO_CLUSTER, FROM_CLUSTER})


class Thing(NamedTuple):
    """One object at an end of a flow."""

    kind: str
    key: str
    name: str
    behavior: str = "single"
    types: tuple[str, ...] = ()


@dataclass(frozen=True)
class Flow:
    """One record, as printed; amounts are texts of decimal numbers.

    ``question`` is what was asked when the record came: its boundary is that of the question.
    ``tells_parents`` says that ``parent`` is known: what is passed through without telling of what it is
    a part is not counted.
    """

    file: str
    locator: str
    flow_id: str
    boundary: str
    on_boundary: str
    status: str
    flow_type: str
    amount_usd: str | None
    question: str
    asked_year: int | None = None
    version: str | None = None
    updated: str = ""
    amount: str | None = None
    currency: str | None = None
    rate: str | None = None
    parked_usd: str | None = None
    contribution: str | None = None
    date: str | None = None
    description: str | None = None
    ref_code: str | None = None
    keywords: tuple[str, ...] = ()
    parent: str | None = None
    children: tuple[str, ...] = ()
    tells_parents: bool = True
    source: tuple[Thing, ...] = ()
    destination: tuple[Thing, ...] = ()

    def to(self, kind: str) -> tuple[Thing, ...]:
        """The objects of one kind at the destination."""
        return tuple(thing for thing in self.destination if thing.kind == kind)

    def years(self) -> list[str]:
        """The years in which the money is to be used, as printed, in order."""
        return sorted({thing.name for thing in self.to("UsageYear")})


@dataclass(frozen=True)
class Taken:
    """A flow with the rule that took it."""

    flow: Flow
    rule: str


def _names_mine_action(things: Iterable[Thing]) -> bool:
    return any(WORDS.search(thing.name) for thing in things)


def _has_cluster(things: Iterable[Thing]) -> bool:
    return any((thing.kind, thing.key) == ("GlobalCluster", CLUSTER) for thing in things)


# In this order; the first that fits takes a flow.
RULES: Final[Mapping[str, Callable[[Flow], bool]]] = {
    TO_CLUSTER: lambda flow: _has_cluster(flow.destination),
    FROM_CLUSTER: lambda flow: flow.boundary == "outgoing" and _has_cluster(flow.source),
    BY_PROJECT: lambda flow: _names_mine_action(flow.to("Project")),
    BY_FIELD_CLUSTER: lambda flow: _names_mine_action(flow.to("Cluster")),
    BY_KEYWORD: lambda flow: any(word.strip().casefold() == KEYWORD for word in flow.keywords),
    BY_DESCRIPTION: lambda flow: bool(flow.description and WORDS.search(flow.description)),
}


def rule_of(flow: Flow) -> str | None:
    """The first rule that takes ``flow``; None if it is not about mine action."""
    return next((rule for rule, fits in RULES.items() if fits(flow)), None)


def plain(value: object) -> str | None:
    """A printed number as decimal text; what is no number stays as it is, to be rejected.

    >>> plain("1e+07"), plain(95672), plain(Decimal("0.899")), plain("")
    ('10000000', '95672', '0.899', None)
    """
    if value is None or value == "":
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return str(value)
    # written out, 1e999999999 would be a thousand million digits
    is_short = number.is_finite() and abs(number.adjusted()) < MAX_POWER
    return f"{number:f}" if is_short else str(value)


def one_each(
    reading: Reading, taken: Iterable[Taken], rank: Callable[[Flow], Any]
) -> tuple[list[Taken], list[Taken]]:
    """Each flow once, the highest by ``rank``; and the repetitions.

    A flow that serves several years or countries comes in the answer about each of them. Two that
    rank alike and still differ are an issue, and the first stays.
    """
    by_id: dict[str, list[Taken]] = {}
    for each in taken:
        by_id.setdefault(each.flow.flow_id, []).append(each)
    kept, left = [], []
    for same in by_id.values():
        first = max(same, key=lambda each: rank(each.flow))  # the first of equals
        kept.append(first)
        for other in same:
            if other is first:
                continue
            left.append(other)
            if rank(other.flow) == rank(first.flow) and _said(other.flow) != _said(first.flow):
                reading.issue(
                    Finding(
                        other.flow.locator, "id", "a flow comes twice and differs", first.flow.flow_id,
                        f"the one at {first.flow.locator} is read; fetch again",
                    )
                )  # fmt: skip
    return kept, left


def _said(flow: Flow) -> tuple[object, ...]:
    """What a record says, whatever was asked."""
    return (
        flow.status, flow.flow_type, flow.amount_usd, flow.amount, flow.currency, flow.description,
        flow.date, sorted(flow.source), sorted(flow.destination),
    )  # fmt: skip


def kinds(taken: Iterable[Taken]) -> dict[str, str]:
    """The kind of each flow, by its id."""
    by_id = {each.flow.flow_id: each for each in taken}
    found: dict[str, str] = {}

    def kind(flow_id: str, below: frozenset[str]) -> str:
        if flow_id not in found:
            each = by_id[flow_id]
            alone = _kind_alone(each)
            parent = each.flow.parent
            if alone in COUNTED and parent in by_id and parent not in below:
                above = kind(parent, below | {flow_id})
                alone = "children" if above in {*COUNTED, "children", "internal"} else alone
            found[flow_id] = alone
        return found[flow_id]

    return {flow_id: kind(flow_id, frozenset()) for flow_id in by_id}


KIND_OF_TYPE: Final = {CARRYOVER: "carryover", PARKED: "parked"}
KIND_OF_RULE: Final = {
    TO_CLUSTER: "incoming", FROM_CLUSTER: "incoming", BY_PROJECT: "projects",
    BY_FIELD_CLUSTER: "projects", BY_KEYWORD: "named", BY_DESCRIPTION: "named",
}  # fmt: skip


def _kind_alone(each: Taken) -> str:
    """The kind of a flow as far as it does not depend on its parents."""
    flow = each.flow
    if flow.status == "pledge":
        return "pledges"
    if flow.boundary != "incoming":
        return flow.boundary
    if flow.flow_type in KIND_OF_TYPE:
        return KIND_OF_TYPE[flow.flow_type]
    clusters = flow.to("GlobalCluster") if each.rule in BY_CLUSTER else ()
    is_divided = len(clusters) > 1 or any(thing.behavior != "single" for thing in clusters)
    if flow.on_boundary != "single" or is_divided or len(flow.years()) != 1:
        return "shared"
    if flow.flow_type == PASSED_ON and not flow.tells_parents:
        return "children"
    return KIND_OF_RULE[each.rule]


def add(
    reading: Reading,
    resolver: Resolver,
    taken: Iterable[Taken],
    prefix: str,
    edition: str,
    remark: str | None = None,
) -> None:
    """Hand over the flows: one row each, in the series of its kind; ``remark`` ends each note."""
    good = [each for each in taken if _is_whole(reading, each.flow)]
    found = kinds(good)
    if not good:
        return
    rows = [_row(reading, each, f"{prefix}{found[each.flow.flow_id]}", remark) for each in good]
    frame = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
    frame = resolver.resolve(reading, frame, "_place", "area")
    frame = resolver.resolve(reading, frame, "_donor_place", "donor_area")
    frame = frame.with_columns(
        area=pl.when(pl.col("_place").is_null()).then(pl.lit(NOWHERE)).otherwise("area"),
        year=pl.col("year").cast(pl.Int64),
        period_start=pl.col("period_start").cast(pl.Int64),
        period_end=pl.col("period_end").cast(pl.Int64),
        amount=dollars("amount"),
        amount_usd=dollars("amount_usd"),
    )
    constants = {
        **funding_defaults(),
        "report": pl.lit(REPORT),
        # the same at each retrieval: what changes between retrievals is a revision
        "edition": pl.lit(edition),
        "account": pl.lit("Not stated"),
        "year_basis": pl.lit("calendar"),
        "unit_as_printed": pl.lit("US$"),
        "precision": pl.lit("exact"),
        "is_cumulative": pl.col("period_start").is_not_null(),
        "currency": pl.col("currency"),
        "status": pl.col("status"),
    }
    splits = splits_of(
        frame, {"parked_usd": ("parked", "full amount set aside", "US dollars")},
        {"parked_usd": "parked_usd"},
    )  # fmt: skip
    helpers = ("_place", "_donor_place", "parked_usd")
    reading.add("funding", frame.drop(helpers).with_columns(**constants), splits)


_SCHEMA: Final = dict.fromkeys(
    (
        "file", "locator", "series", "place", "source_url", "note", "donor", "_donor_place",
        "area_as_printed", "_place", "implementer", "award_id", "title", "selection_rule",
        "sector_as_printed", "flow", "status", "date", "year", "period_start", "period_end",
        "amount", "currency", "amount_usd", "amount_as_printed",
        "parked_usd",
    ),
    pl.String,
)  # fmt: skip


def _row(reading: Reading, each: Taken, series: str, remark: str | None) -> tuple[str | None, ...]:
    """A flow as the cells of :data:`_SCHEMA`."""
    flow = each.flow
    places = _names(flow.to("Location"))
    years = flow.years()
    several = len(years) > 1
    if not years:
        reading.issue(
            Finding(flow.locator, "UsageYear", "no year of use", None, "the row has no year")
        )
    # what was reported in dollars has no other amount; sometimes the currency is printed all the same
    in_dollars = flow.amount is None and flow.currency in {None, "USD"}
    amount = flow.amount_usd if in_dollars else flow.amount
    return (
        flow.file, flow.locator, series, f"flow {flow.flow_id}", f"{SITE}/flows/{flow.flow_id}",
        _note(flow, remark), "; ".join(_names(_of(flow.source, "Organization"))) or NOT_STATED,
        _government_place(flow), "; ".join(places) or "World",
        places[0] if len(places) == 1 else None,
        "; ".join(_names(flow.to("Organization"))) or None, flow.ref_code,
        flow.description or ", ".join(_names(flow.to("Project"))) or None,
        each.rule, "; ".join(_names(flow.to("GlobalCluster"))) or None,
        FLOW_OF_STATUS[flow.status], "announced" if flow.status == "pledge" else "actual",
        flow.date, years[0] if len(years) == 1 else None,
        years[0] if several else None, years[-1] if several else None,
        _cents(reading, flow, "originalAmount", amount), "USD" if in_dollars else flow.currency,
        _cents(reading, flow, "amountUSD", flow.amount_usd), flow.amount_usd, flow.parked_usd,
    )  # fmt: skip


def _of(things: Iterable[Thing], kind: str) -> tuple[Thing, ...]:
    return tuple(thing for thing in things if thing.kind == kind)


def _names(things: Iterable[Thing]) -> list[str]:
    """Names each once, in an order of our own: the service's is not always the same."""
    return sorted({thing.name for thing in things if thing.name})


def _government_place(flow: Flow) -> str | None:
    """The country of a government that pays.

    A fund or an organisation bears a place, too: where it works or has its seat, and not who pays.
    """
    organisations, places = _of(flow.source, "Organization"), _names(_of(flow.source, "Location"))
    if len(organisations) != 1 or not GOVERNMENTS & set(organisations[0].types):
        return None
    if len(places) == 1:
        return places[0]
    name = organisations[0].name
    return name.removesuffix(GOVERNMENT_OF) if name.endswith(GOVERNMENT_OF) else None


def _note(flow: Flow, remark: str | None) -> str:
    """What else the record says that a reader of the figure must know."""
    words = [f"version {flow.version}" if flow.version else None]
    if flow.flow_type != STANDARD:
        words.append(flow.flow_type.lower())
    if flow.contribution not in {None, "financial"}:
        words.append(flow.contribution)
    words.append(f"{flow.boundary} for {flow.question}")
    if flow.on_boundary != "single":
        words.append("serves more than was asked about")
    if flow.parent:
        words.append(f"part of flow {flow.parent}")
    if flow.children:
        words.append(f"has {len(flow.children)} child flows")
    for kind, called in PLURALS.items():
        names = _names(flow.to(kind))
        if len(names) > 1:
            words.append(f"{called} not split: {', '.join(names)}")
    for kind in ("Plan", "Project"):
        names = _names(flow.to(kind))
        if names:
            words.append(f"{kind.lower()} {', '.join(names)}")
    if flow.rate and flow.currency:
        words.append(f"{flow.rate} {flow.currency} a dollar")
    return "; ".join(word for word in (*words, remark) if word)


def _cents(reading: Reading, flow: Flow, column: str, value: str | None) -> str | None:
    """An amount with at most two decimals; one with more is rounded, and that is an issue."""
    if value is None:
        return None
    exact = Decimal(value)
    rounded = exact.quantize(CENT)
    if rounded != exact:
        reading.issue(
            Finding(
                flow.locator, column, "more than two decimals", value, "rounded to cents in the ledger"
            )
        )  # fmt: skip
    return f"{rounded:f}"


def _is_whole(reading: Reading, flow: Flow) -> bool:
    """The record can be read; if not, it becomes a reject with its first fault."""
    fault = next(_faults(flow), None)
    if fault:
        column, rule, raw = fault
        fix = "look at the record at its source; if the publisher has a new word, name it in fts_flows.py"
        reading.reject(Finding(flow.locator, column, rule, raw, fix))
    return fault is None


def _faults(flow: Flow) -> Iterator[tuple[str, str, str | None]]:
    """Column, rule and what stood there, for each thing wrong with a record."""
    if not re.fullmatch(r"[0-9]+", flow.flow_id):
        yield "id", "not a number of a flow", flow.flow_id
    for column, value, known in (
        ("status", flow.status, FLOW_OF_STATUS),
        ("flowType", flow.flow_type, FLOW_TYPES),
        ("boundary", flow.boundary, BOUNDARIES),
        ("onBoundary", flow.on_boundary, BEHAVIORS),
        *(("behavior", thing.behavior, BEHAVIORS) for thing in (*flow.source, *flow.destination)),
    ):
        if value not in known:
            yield column, "unknown category", value
    if flow.amount_usd is None:
        yield "amountUSD", "a value is missing", None
    for column, amount in (
        ("amountUSD", flow.amount_usd),
        ("originalAmount", flow.amount),
        ("fullParkedAmountUSD", flow.parked_usd),
    ):
        if amount is not None and not re.match(MONEY.pattern, _short(amount)):
            yield column, MONEY.rule, amount
    if flow.date is not None and not re.match(DATE.pattern, flow.date):
        yield "date", DATE.rule, flow.date
    for year in flow.years():
        if not re.fullmatch(r"(19|20)[0-9]{2}", year):
            yield "UsageYear", "not a year", year


def _short(value: str) -> str:
    """The text without decimals beyond two, which are rounded later."""
    return re.sub(r"(\.[0-9]{2})[0-9]+$", r"\1", value)
