"""For what watches the server: ``/healthz``, ``/readyz`` and ``/metrics``, and how long answers take.

``/healthz`` says that the process answers, ``/readyz`` that a ledger is served. ``/metrics`` is in
Prometheus's text form; the ages in it are worked out when it is asked. None of them is for readers: a
proxy in front should keep ``/metrics`` to itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.current import ledgers
from etl.config import config
from etl.diary import Diary
from etl.health import AskedHealth, Health, health
from etl.settings import folders
from etl.store import NoLedgerError

REGISTRY: Final = CollectorRegistry()
KINDS: Final = {
    "api": "api",
    "feed.atom": "feed",
    "healthz": "health",
    "readyz": "health",
    "metrics": "metrics",
}
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

_SECONDS: Final = Histogram(
    "hma_request_seconds", "Time from a request to the end of its answer.", ("kind",),
    buckets=BUCKETS, registry=REGISTRY,
)  # fmt: skip
_ANSWERS: Final = Counter(
    "hma_answers", "Answers by kind and class of status; 5xx also if it broke off.",
    ("kind", "status"), registry=REGISTRY,
)  # fmt: skip


def _asked(found: Health) -> Iterator[AskedHealth]:
    return (one for source in found.sources for one in source.asked)


Row = tuple[tuple[str, ...], float]
# name, what it says, labels, and where it comes from
GAUGES: Final[tuple[tuple[str, str, tuple[str, ...], Callable[[Health], Iterator[Row]]], ...]] = (
    ("hma_rows", "Rows of the ledger in use, by table.", ("table",),
     lambda found: (((name,), count) for name, count in found.rows.items())),
    ("hma_refresh", "Number of the refresh that published the ledger in use.", (),
     lambda found: iter([((), found.refresh)])),
    ("hma_ledger_age_seconds", "Time since that refresh ended.", (),
     lambda found: iter([((), (found.asked_at - found.finished_at).total_seconds())])),
    ("hma_contact_age_seconds", "Time since a publisher last answered, by what is asked for.", ("asked",),
     lambda found: (((one.name,), (found.asked_at - one.last_contact).total_seconds())
                    for one in _asked(found) if one.last_contact)),
    ("hma_contact_level", "0 calm, 1 overdue or stale, 2 dark.", ("asked",),
     lambda found: (((one.name,), ("calm", "amber", "red").index(one.level))
                    for one in _asked(found))),
    ("hma_contact_due", "1 if it is due and was not asked for yet.", ("asked",),
     lambda found: (((one.name,), int(one.is_due)) for one in _asked(found))),
    ("hma_source_hold", "1 if a source's newest vintage is on hold.", ("source",),
     lambda found: (((one.source_id,), int(one.hold is not None)) for one in found.sources)),
    ("hma_source_rejects", "Rows of a source's vintage that broke the schema.", ("source",),
     lambda found: (((one.source_id,), one.rejects) for one in found.sources)),
    ("hma_run_seconds", "How long the last run that asked publishers took.", (),
     lambda found: (((), run.seconds) for run in [found.last_run] if run and run.seconds is not None)),
    ("hma_run_age_seconds", "Time since the last run that asked publishers began.", (),
     lambda found: (((), (found.asked_at - run.began_at).total_seconds())
                    for run in [found.last_run] if run)),
    ("hma_run_failed", "1 if the last run failed or was interrupted.", (),
     lambda found: (((), int(run.end in {"failed", "interrupted"}))
                    for run in [found.last_run] if run)),
)  # fmt: skip


class _Standing(Collector):
    """How it stands with ledger and sources, asked anew at every look."""

    def collect(self) -> Iterator[Metric]:
        """The gauges; without a ledger only that there is none."""
        pool = ledgers()
        yield GaugeMetricFamily(
            "hma_open_ledgers", "Ledger files held open.", value=pool.open_count
        )
        try:
            with pool.lease() as lease, lease.limited():
                found = health(lease, folders(), config(), datetime.now(UTC))
        except NoLedgerError:
            yield GaugeMetricFamily("hma_ready", "1 if a ledger is served.", value=0)
            return
        yield GaugeMetricFamily("hma_ready", "1 if a ledger is served.", value=1)
        for name, said, labels, rows in GAUGES:
            family = GaugeMetricFamily(name, said, labels=labels)
            for values, value in rows(found):
                family.add_metric(values, value)
            yield family
        family = GaugeMetricFamily(
            "hma_contact_seconds", "How long the last run took for it.", labels=("asked",)
        )
        for source_id, said_last in Diary.of(folders().state).sources.items():
            family.add_metric([source_id], said_last.seconds)
        yield family

    def describe(self) -> list[Metric]:
        """Nothing before it is asked: the first look need not find a ledger."""
        return []


REGISTRY.register(_Standing())


def healthz(_request: Request) -> JSONResponse:
    """Say that the process answers, and which ledger it serves, if any."""
    try:
        with ledgers().lease() as lease:
            return JSONResponse({"ledger": lease.ledger})
    except NoLedgerError:
        return JSONResponse({"ledger": None})


def readyz(_request: Request) -> JSONResponse:
    """Say that a ledger is served; 503 while there is none."""
    try:
        with ledgers().lease() as lease:
            return JSONResponse({"ready": True, "ledger": lease.ledger})
    except NoLedgerError as error:
        return JSONResponse({"ready": False, "error": str(error)}, 503)


def metrics(_request: Request) -> Response:
    """All figures about the server and its ledger, in Prometheus's text form."""
    return Response(generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})


ROUTES: Final = [
    Route("/healthz", healthz),
    Route("/readyz", readyz),
    Route("/metrics", metrics),
]


class Timed:
    """Middleware: takes the time of every request, and counts answers by their status."""

    def __init__(self, app: ASGIApp) -> None:
        """Measure ``app``."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, is_whole = 500, False

        async def watched(message: Message) -> None:
            nonlocal status, is_whole
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                is_whole = True

        kind = KINDS.get(scope["path"].strip("/").partition("/")[0], "pages")
        began = time.perf_counter()
        is_broken = True
        try:
            await self._app(scope, receive, watched)
            is_broken = False
        finally:
            if is_broken and not is_whole:
                status = 500
            _SECONDS.labels(kind).observe(time.perf_counter() - began)
            _ANSWERS.labels(kind, f"{status // 100}xx").inc()
