"""Flows of OCHA's Financial Tracking Service that are about mine action.

There are three forms of the same records, told apart by the name of the file:

    flows_cluster_2020.json     the answer to: mine action cluster, year 2020
    flows_all_2020.json         the answer to: year 2020; has also what bears no mark of the sector
    flows_flat_fts_2020.csv     a rescued copy of all flows of a year, flattened by its holder

Answers lie one page a line. For each year the sector's flows are read from the question about the
sector, if it was asked: then the boundary printed with each flow is the sector's. A copy steps in
where there is no answer, or where it holds a newer change than the answer does. What is found by
words is read from the answer or copy about the whole year.

A flow that serves several years comes in the answers about each; it is read once, from the newest
version, and of equals from a year in which its money is to be used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from etl.archive import Contents
from etl.areas import Resolver
from etl.asking import shown
from etl.fts_flows import (
    BY_CLUSTER,
    CLUSTER,
    Flow,
    Taken,
    Thing,
    add,
    one_each,
    plain,
    rule_of,
)
from etl.json_text import json_of
from etl.locate import line_of
from etl.reading import Finding, Reading, SourceError
from etl.sources.ocha_fts import flat

PREFIX: Final = "fts_"
EDITION: Final = "FTS flows"
NAME: Final = re.compile(
    r"flows_(?P<kind>cluster|all)_(?P<year>[0-9]{4})\.json"
    r"|flows_flat\w*_(?P<flat>[0-9]{4})\.csv"
)

NEEDED: Final = (
    "id", "amountUSD", "boundary", "onBoundary", "status", "flowType", "versionId", "updatedAt",
    "date", "description", "keywords", "childFlowIds", "parentFlowId", "sourceObjects",
    "destinationObjects",
)  # fmt: skip
# Some flows have no original amount, currency or code. What is not read is named, too.
KNOWN: Final = frozenset(
    {
        *NEEDED, "originalAmount", "originalCurrency", "fullParkedAmountUSD", "refCode",
        "exchangeRate", "contributionType", "budgetYear", "createdAt", "decisionDate",
        "firstReportedDate", "grandBargainEarmarkingType", "method", "newMoney", "reportDetails",
    }
)  # fmt: skip
_PLAIN: Final = (
    "id", "boundary", "onBoundary", "status", "flowType", "versionId", "updatedAt", "date",
    "description", "parentFlowId", "originalCurrency", "contributionType", "refCode",
)  # fmt: skip
_LISTS: Final = ("keywords", "childFlowIds")
_SHOWN: Final = 300
_MAX_DIGITS: Final = 19


@dataclass
class Answer:
    """The flows of one file that a rule takes."""

    file: str
    kind: str  # cluster, all or flat
    year: int
    by_cluster: list[Taken] = field(default_factory=list)
    by_words: list[Taken] = field(default_factory=list)

    def take(self, flow: Flow) -> bool:
        """Keep the flow if a rule takes it; says whether one does."""
        rule = rule_of(flow)
        if rule is None:
            return False
        (self.by_cluster if rule in BY_CLUSTER else self.by_words).append(Taken(flow, rule))
        return True


def read(files: Contents, reading: Reading, resolver: Resolver) -> None:
    """Hand over one row a flow."""
    answers = [_answer(files, reading, file) for file in sorted(files)]
    taken: list[Taken] = []
    for year in sorted({answer.year for answer in answers}):
        of_year = [answer for answer in answers if answer.year == year]
        taken += _from_newest(reading, _of_kind(of_year, "cluster", "all"), "by_cluster")
        taken += _from_newest(reading, _of_kind(of_year, "all"), "by_words")
    kept, repeated = one_each(reading, taken, _rank)
    for each in repeated:
        reading.leave(each.flow.file, 1)
    add(reading, resolver, kept, PREFIX, EDITION)


def _of_kind(answers: Iterable[Answer], *kinds: str) -> list[Answer]:
    """The answer of the first of ``kinds`` that there is, then the copies; and those passed over."""
    there = list(answers)
    ordered = [answer for kind in (*kinds, "flat") for answer in there if answer.kind == kind]
    answered = [answer for answer in ordered if answer.kind != "flat"][:1]
    copies = [answer for answer in ordered if answer.kind == "flat"]
    passed = [answer for answer in ordered if answer not in (*answered, *copies)]
    return [*answered, *copies, *passed]


def _from_newest(reading: Reading, answers: list[Answer], which: str) -> list[Taken]:
    """The flows of the answer that is to be read; those of the others are left."""
    if not answers:
        return []
    rivals = answers[:1] + [answer for answer in answers[1:] if answer.kind == "flat"]
    newest = max(rivals, key=lambda answer: _newest_change(getattr(answer, which)))
    for answer in answers:
        flows: list[Taken] = getattr(answer, which)
        if answer is newest or not flows:
            continue
        reading.leave(answer.file, len(flows))
        if answer in rivals:
            reading.issue(
                Finding(
                    f"{answer.file} line 1", None,
                    f"{len(flows)} flows of {answer.year} are read from {newest.file}", None,
                    "nothing, if that is the newer one",
                )
            )  # fmt: skip
    found: list[Taken] = getattr(newest, which)
    return found


def _newest_change(taken: Iterable[Taken]) -> str:
    return max((each.flow.updated for each in taken), default="")


def _rank(flow: Flow) -> tuple[int, str, bool, int]:
    """The newest version of a flow, from the first year in which its money is to be used."""
    digits = flow.version or ""
    version = int(digits) if digits.isdecimal() and len(digits) < _MAX_DIGITS else 0
    asked = flow.asked_year or 0
    return version, flow.updated, str(asked) in flow.years(), -asked


def _answer(files: Contents, reading: Reading, file: str) -> Answer:
    """What a rule takes of one file; the rest is left."""
    name = NAME.fullmatch(file)
    if not name:
        raise SourceError(
            f"{file} is none of this source's files; name it flows_flat_fts_<year>.csv, "
            "flows_cluster_<year>.json or flows_all_<year>.json"
        )
    answer = Answer(file, name["kind"] or "flat", int(name["year"] or name["flat"]))
    if answer.kind == "flat":
        flows = flat.flows(reading, file, files[file], answer.year)
    else:
        flows = _flows(files, reading, answer)
    left = sum(not answer.take(flow) for flow in flows)
    if answer.kind == "cluster":
        left += len(answer.by_words)
        answer.by_words = []
        if left:
            reading.doubt(
                Finding(
                    f"{file} line 1", None, f"{left} flows are not of global cluster {CLUSTER}",
                    None, "only these were asked for: see whether the interface has changed",
                )
            )  # fmt: skip
    reading.leave(file, left)
    return answer


# Answers of the interface


def _flows(files: Contents, reading: Reading, answer: Answer) -> Iterator[Flow]:
    """Each flow of the pages of one question; counts them, and adds up what the service added up."""
    file, pages, found, funding = answer.file, 0, 0, Decimal(0)
    printed: dict[str, Any] = {}
    with files.open(file) as lines:
        for number, line in enumerate(lines, 1):
            where = line_of(file, number)
            page = _page(where, line)
            pages, printed = number, page
            for index, record in enumerate(page["data"]["flows"]):
                reading.rows_read[file] = reading.rows_read.get(file, 0) + 1
                found += 1
                flow = _flow(reading, answer, f"{where} /data/flows/{index}", record)
                if (flow.boundary, flow.on_boundary) == ("incoming", "single"):
                    funding += _funding(flow)
                yield flow
    if not pages:
        raise SourceError(f"{file} holds no page; fetch the source again", "empty body")
    _compare(reading, file, printed, found, funding)


def _page(where: str, line: bytes) -> dict[str, Any]:
    """A page of flows; raises SourceError if it is none."""
    page = json_of(line, where, is_exact=True)
    data = page.get("data") if isinstance(page, dict) else None
    flows = data.get("flows") if isinstance(data, dict) else None
    count = page["meta"].get("count") if data and isinstance(page.get("meta"), dict) else None
    if not isinstance(flows, list) or type(count) is not int:
        raise SourceError(f"{where} holds no list of flows with its count; fetch the source again")
    return dict(page)


def _funding(flow: Flow) -> Decimal:
    """What a flow adds to the service's own total: pledges are not in it."""
    amount = flow.amount_usd or ""
    is_number = re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", amount)
    return Decimal(amount) if is_number and flow.status != "pledge" else Decimal(0)


def _compare(
    reading: Reading, file: str, page: dict[str, Any], found: int, funding: Decimal
) -> None:
    """Set the flows beside the service's own count and total of the same question."""
    count = page["meta"]["count"]
    if found != count:
        reading.doubt(
            Finding(
                f"{file} line 1", "count", f"{found} flows are at hand, the service counts {count}",
                str(count), "fetch the source again",
            )
        )  # fmt: skip
        return
    incoming = page["data"].get("incoming")
    total = incoming.get("fundingTotal") if isinstance(incoming, dict) else None
    if _total(total) != funding:
        reading.issue(
            Finding(
                f"{file} line 1", "fundingTotal",
                f"what comes in adds up to {funding:,} dollars, the service prints {shown(total)}",
                shown(total),
                "the totals of this service leave out pledges and what serves more than was asked",
            )
        )  # fmt: skip


def _total(printed: object) -> Decimal | None:
    try:
        return Decimal(printed) if isinstance(printed, int | str | Decimal) else None
    except InvalidOperation:
        return None


def _flow(reading: Reading, answer: Answer, place: str, record: Any) -> Flow:  # noqa: ANN401 - JSON
    """A record of an answer; raises SourceError if it lacks a field."""
    if not isinstance(record, dict):
        raise SourceError(f"{place} is no record; fetch the source again")
    missing = [name for name in NEEDED if name not in record]
    if missing:
        raise SourceError(
            f"{place} lacks the field {', '.join(missing)}; it has {', '.join(record)[:_SHOWN]}"
        )
    for name in record.keys() - KNOWN:
        _new_field(reading, answer.file, place, name)
    _look_at_kinds(place, record, _PLAIN, _LISTS)
    date = _text(record["date"])
    about = f"global cluster {CLUSTER} in " if answer.kind == "cluster" else "all flows of "
    return Flow(
        answer.file, place, str(record["id"]), str(record["boundary"]), str(record["onBoundary"]),
        str(record["status"]), str(record["flowType"]), plain(record["amountUSD"]),
        question=f"{about}{answer.year}", asked_year=answer.year,
        version=_text(record["versionId"]), updated=_text(record["updatedAt"]) or "",
        amount=plain(record.get("originalAmount")), currency=_text(record.get("originalCurrency")),
        rate=plain(record.get("exchangeRate")),
        parked_usd=plain(record.get("fullParkedAmountUSD")),
        contribution=_text(record.get("contributionType")), date=date[:10] if date else None,
        description=_text(record["description"]), ref_code=_text(record.get("refCode")),
        keywords=tuple(str(word) for word in record["keywords"] or ()),
        parent=_text(record["parentFlowId"]),
        children=tuple(str(child) for child in record["childFlowIds"] or ()),
        source=_things(place, record["sourceObjects"]),
        destination=_things(place, record["destinationObjects"]),
    )  # fmt: skip


def _look_at_kinds(
    place: str, record: Mapping[str, Any], plain_fields: Iterable[str], lists: Iterable[str]
) -> None:
    """Refuse a list or an object where a text or number belongs, and what is no list where one does."""
    for name in plain_fields:
        if isinstance(record.get(name), dict | list):
            raise SourceError(
                f"{place} has no text or number as {name}: {shown(record[name])}; has the answer changed?"
            )
    for name in lists:
        held = record.get(name) or []
        if not isinstance(held, list) or any(isinstance(each, dict | list) for each in held):
            raise SourceError(
                f"{place} has no list of texts or numbers as {name}: {shown(held)}; has the answer "
                "changed?"
            )


def _new_field(reading: Reading, file: str, place: str, name: str) -> None:
    """A field that is not known is an issue, once a file."""
    rule = f"unknown field {name}"
    if not any(issue.rule == rule and issue.locator.startswith(file) for issue in reading.issues):
        reading.issue(Finding(place, name, rule, name, "name it in read.py"))


def _things(place: str, objects: Any) -> tuple[Thing, ...]:  # noqa: ANN401 - JSON
    """The objects at one end of a flow; raises SourceError if one is not what it should be."""
    if not isinstance(objects, list) or not all(
        isinstance(each, dict) and {"type", "id", "name"} <= each.keys() for each in objects
    ):
        raise SourceError(f"{place} holds no list of objects with type, id and name")
    for each in objects:
        _look_at_kinds(place, each, ("type", "id", "name", "behavior"), ("organizationTypes",))
    return tuple(
        Thing(
            str(each["type"]), str(each["id"]), " ".join(str(each["name"] or "").split()),
            str(each.get("behavior", "")),
            tuple(str(kind) for kind in each.get("organizationTypes") or ()),
        )
        for each in objects
    )  # fmt: skip


def _text(value: Any) -> str | None:  # noqa: ANN401 - JSON
    """A JSON value as text; nothing, or white space alone, is None."""
    text = "" if value is None else str(value).strip()
    return text or None
