"""FTS's interface, served from this machine: flows by year in pages, and what goes wrong between two.

Records have the shape of the answers in the shared samples; what they hold is for each test to say,
unless it says nothing: then it is flow 194878 of Afghanistan 2020.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from etl.archive import Archive, Vintage
from etl.fetch import Fetcher
from etl.session import Session
from etl.sources import SourceSpec, all_sources
from tests.helpers import NO_LIMITS
from tests.replay import Computed, Replay, Route, Seen, Status, answer_json

Record = dict[str, Any]
PATH = "/v1/public/fts/flow"
CLUSTER_15 = {"type": "GlobalCluster", "id": "15", "name": "Mine Action", "behavior": "single"}
HEALTH = {"type": "GlobalCluster", "id": "7", "name": "Health", "behavior": "single"}
PROTECTION = {"type": "GlobalCluster", "id": "10", "name": "Protection", "behavior": "single"}


def government(name: str = "Germany, Government of") -> Record:
    return {
        "type": "Organization", "id": "4306", "name": name, "behavior": "single",
        "organizationTypes": ["Government"], "organizationSubTypes": ["National government"],
    }  # fmt: skip


def organisation(name: str, kind: str = "NGO") -> Record:
    return {
        "type": "Organization", "id": "1", "name": name, "behavior": "single",
        "organizationTypes": [kind],
    }  # fmt: skip


def places(*names: str) -> list[Record]:
    behavior = "single" if len(names) == 1 else "shared"
    return [
        {"type": "Location", "id": str(number), "name": name, "behavior": behavior}
        for number, name in enumerate(names)
    ]


def years(*names: int) -> list[Record]:
    behavior = "single" if len(names) == 1 else "shared"
    return [
        {"type": "UsageYear", "id": str(name - 1979), "name": str(name), "behavior": behavior}
        for name in names
    ]


def shared(*objects: Record) -> list[Record]:
    """The objects, each bearing its part of what is not split."""
    return [each | {"behavior": "shared"} for each in objects]


def to(*objects: Record) -> list[Record]:
    """A destination: Afghanistan in 2020, but for the kinds of objects that are given."""
    given = {each["type"] for each in objects}
    usual = [
        organisation("Geneva International Centre for Humanitarian Demining"), CLUSTER_15,
        *places("Afghanistan"), *years(2020),
    ]  # fmt: skip
    return [*objects, *(each for each in usual if each["type"] not in given)]


def flow(**fields: Any) -> Record:
    """A flow as the interface answers it: 194878 of the sample, unless said otherwise."""
    return {
        "id": "194878", "amountUSD": 106420, "budgetYear": "2020", "childFlowIds": None,
        "contributionType": "financial", "createdAt": "2019-07-15T02:22:10.218Z",
        "date": "2019-07-02T00:00:00Z", "decisionDate": "2019-07-02T00:00:00Z",
        "description": "Support Capacity Building in 10 priority countries",
        "grandBargainEarmarkingType": None, "exchangeRate": 0.899,
        "firstReportedDate": "2019-07-02T00:00:00Z", "flowType": "Standard",
        "keywords": ["Mine action", "Multiyear"], "newMoney": True, "originalAmount": 95672,
        "originalCurrency": "EUR", "method": "Traditional aid", "parentFlowId": 194866,
        "status": "commitment", "updatedAt": "2019-07-15T02:22:10.218Z", "versionId": 1,
        "sourceObjects": [government(), *places("Germany"), *years(2020)],
        "destinationObjects": to(), "boundary": "incoming", "onBoundary": "single",
        "reportDetails": [], "refCode": "AA-S09 440.70 ALL 01/19", **fields,
    }  # fmt: skip


def totals(flows: list[Record]) -> Record:
    """What the service prints with each page: pledges and what is shared are not in fundingTotal."""

    def of(boundary: str) -> Record:
        inside = [each for each in flows if each["boundary"] == boundary]
        funding = [
            each["amountUSD"]
            for each in inside
            if (each["onBoundary"], each["status"] == "pledge") == ("single", False)
        ]
        return {"flowCount": len(inside), "fundingTotal": sum(funding), "pledgeTotal": 0}

    return {"incoming": of("incoming"), "outgoing": of("outgoing"),
            "internal": {"flowCount": of("internal")["flowCount"]}}  # fmt: skip


def page(*flows: Record, count: int | None = None, **meta: Any) -> Record:
    """One page with all the flows of its question."""
    listed = list(flows)
    number = len(listed) if count is None else count
    return {
        "status": "ok", "data": {**totals(listed), "flows": listed},
        "meta": {"language": "en", "count": number, **meta},
    }  # fmt: skip


def line(*flows: Record, **meta: Any) -> bytes:
    """The same as it lies in the archive."""
    return json.dumps(page(*flows, **meta)).encode() + b"\n"


@dataclass
class Service:
    """What the service holds by year, and what happens after each answer.

    ``largest`` is the most flows that a page has, whatever was asked for. ``moving`` is called with
    the number of answers given so far. ``knows`` says for which years there are answers.
    """

    flows: dict[int, list[Record]] = field(default_factory=dict)
    largest: int = 1000
    moving: Callable[[int], None] = lambda _: None
    knows: Callable[[int], bool] = lambda _: True
    answers: int = 0

    def answer(self, seen: Seen) -> Route:
        asked = seen.query
        year, number = int(asked["year"]), int(asked["page"])
        if not self.knows(year):
            return Status(404, b'{"status": "error"}')
        flows = [each for each in self.flows.get(year, []) if _fits(each, asked)]
        size = min(int(asked["limit"]), self.largest)
        part = flows[(number - 1) * size : number * size]
        more = {}
        if len(flows) > number * size:
            query = "&".join(
                f"{name}={value}" for name, value in {**asked, "page": str(number + 1)}.items()
            )
            more = {"nextLink": f"https://api.hpc.tools{PATH}?{query}"}
        said = {
            "status": "ok", "data": {**totals(flows), "flows": part},
            "meta": {"language": "en", "count": len(flows), **more},
        }  # fmt: skip
        self.answers += 1
        self.moving(self.answers)
        return answer_json(said)

    def on(self, replay: Replay) -> None:
        replay.on(PATH, Computed(self.answer))


def _fits(record: Record, asked: Mapping[str, str]) -> bool:
    cluster = asked.get("globalclusterid")
    if cluster is None:
        return True
    ends = [*record["sourceObjects"], *record["destinationObjects"]]
    return any((each["type"], each["id"]) == ("GlobalCluster", cluster) for each in ends)


def spec_of(source_id: str, **options: object) -> SourceSpec:
    """The source, without pauses and limits, with other ``options``."""
    spec = all_sources()[source_id]
    assert spec.fetch
    rules = spec.fetch.model_copy(
        update={
            "min_interval_seconds": 0, "attempts": 2, "max_bytes": 1 << 22,
            "options": {**spec.fetch.options, **options},
        }
    )  # fmt: skip
    return spec.model_copy(update={"fetch": rules, "min_entries": 0, "guard": NO_LIMITS})


@contextmanager
def session_to(
    replay: Replay, archive: Archive, spec: SourceSpec, in_use: list[Vintage] | None = None
) -> Iterator[Session]:
    """What the source's fetch gets, speaking to this machine."""
    incoming = Path(archive.root) / "incoming"
    with Fetcher(incoming, contact="tests@example.org", allow_loopback=True) as fetcher:
        yield Session(spec, archive, fetcher, in_use or [], base_url=replay.url("/"))
