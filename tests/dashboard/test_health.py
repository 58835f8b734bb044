"""What watches the server: alive, ready, and the figures that Prometheus reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from typer.testing import CliRunner

from dashboard import health as served
from dashboard.api import api
from dashboard.current import ledgers
from etl.cli import app
from etl.diary import Diary, Run, SourceDiary
from etl.health import Health
from etl.memory import Memory
from etl.settings import Folders
from etl.sources import all_sources
from tests.helpers import ask, rewrite, run


def breaking(_: Request) -> PlainTextResponse:
    raise RuntimeError("a fault")


@pytest.fixture
def client() -> Iterator[TestClient]:
    routes = [Mount("/api/v1", app=api), Route("/broken", breaking), *served.ROUTES]
    application = Starlette(routes=routes, middleware=[Middleware(served.Timed)])
    ledgers.cache_clear()
    with TestClient(application, raise_server_exceptions=False) as client:
        yield client
    ledgers().close()
    ledgers.cache_clear()


def figures(client: TestClient) -> dict[tuple[str, ...], float]:
    """Every figure of /metrics by its name and the values of its labels."""
    text = client.get("/metrics").text
    return {
        (one.name, *one.labels.values()): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def status() -> Health:
    result = CliRunner().invoke(app, ["status", "--json"])
    assert result.exit_code == 0, result.output
    return Health.model_validate_json(result.stdout)


def test_without_a_ledger_the_server_lives_and_is_not_ready(
    workspace: Folders, client: TestClient
) -> None:
    assert (client.get("/healthz").status_code, client.get("/readyz").status_code) == (200, 503)
    assert figures(client)["hma_ready",] == 0


def test_with_a_ledger_it_is_ready_and_names_it(published: Folders, client: TestClient) -> None:
    name = next(published.ledger.glob("ledger-*.duckdb")).stem
    assert client.get("/readyz").json() == {"ready": True, "ledger": name}
    assert client.get("/healthz").json() == {"ledger": name}
    found = figures(client)
    assert (found["hma_ready",], found["hma_open_ledgers",]) == (1, 1)
    (count,) = ask(published, "SELECT count(*) FROM funding")[0]
    assert found["hma_rows", "funding"] == count


def test_a_silent_publisher_grows_old_without_anything_running(
    published: Folders, client: TestClient
) -> None:
    spec = all_sources()["hdx"]
    assert spec.fetch
    memory = Memory.of(published.archive, "hdx")
    for days, level in ((0, 0), (spec.fetch.every_days, 0), (spec.fetch.every_days + 1, 1),
                        (spec.fetch.dark_after_days + 1, 2)):  # fmt: skip
        memory.last_good = (datetime.now(UTC).date() - timedelta(days=days)).isoformat()
        memory.keep()
        found = figures(client)
        assert found["hma_contact_level", "hdx"] == level
        assert found["hma_contact_due", "hdx"] == int(days >= spec.fetch.every_days)
        assert days * 86400 <= found["hma_contact_age_seconds", "hdx"] < (days + 1) * 86400
    assert "hdx dark: no contact for 61 days" in CliRunner().invoke(app, ["status"]).stdout


def test_holds_rejects_and_the_last_run_are_there(published: Folders, client: TestClient) -> None:
    rewrite(published, "world/treaty_status.csv", lambda rows: rows[:100])
    run(published, "treaties")
    began = datetime.now(UTC) - timedelta(minutes=5)
    diary = Diary.of(published.state)
    diary.runs.append(
        Run(run="r", by="due", process=1, sources=["hdx"], began_at=began,
            ended_at=began + timedelta(seconds=90), end="failed", reason="full")
    )  # fmt: skip
    diary.sources["hdx"] = SourceDiary(tried_at=began, failures=2, state="failed", seconds=7.5)
    diary.keep()
    found = figures(client)
    assert (found["hma_source_hold", "treaties"], found["hma_source_hold", "hdx"]) == (1, 0)
    assert (found["hma_run_seconds",], found["hma_run_failed",]) == (90, 1)
    assert found["hma_contact_seconds", "hdx"] == 7.5
    said = status()
    treaties = next(one for one in said.sources if one.source_id == "treaties")
    (hdx,) = next(one.asked for one in said.sources if one.source_id == "hdx")
    assert treaties.hold is not None
    assert (treaties.hold.rule, treaties.hold.since_refresh) == ("fewer entries", 2)
    assert (hdx.failures, hdx.is_due, hdx.next_due) == (2, False, began + timedelta(hours=2))
    assert said.last_run is not None
    assert (said.last_run.end, said.last_run.seconds) == ("failed", 90)


def test_answers_are_timed_and_counted_by_kind_and_not_by_address(
    published: Folders, client: TestClient
) -> None:
    before = figures(client)
    assert client.get("/api/v1/areas.csv").status_code == 200
    assert client.get("/api/v1/nothing.csv").status_code == 404
    assert client.get("/broken").status_code == 500
    assert client.get("/a/very/odd/<address>").status_code == 404
    after = figures(client)

    def more(*key: str) -> float:
        return after[key] - before.get(key, 0)

    assert more("hma_answers_total", "api", "2xx") == 1
    assert more("hma_answers_total", "api", "4xx") == 1
    assert more("hma_answers_total", "pages", "5xx") == 1
    assert more("hma_answers_total", "pages", "4xx") == 1
    assert more("hma_request_seconds_count", "api") == 2
    assert not any("odd" in part for key in after for part in key)


def test_status_in_json_says_what_its_fields_are_described_to_say(published: Folders) -> None:
    said = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)
    assert set(said) == set(Health.model_fields)
    assert said["format"] == 1
    assert said["rows"]["funding"] == ask(published, "SELECT count(*) FROM funding")[0][0]
    assert [one["source_id"] for one in said["sources"]] == list(all_sources())
    assert all(field["description"] for field in _fields(Health.model_json_schema()))


def _fields(schema: dict[str, object]) -> Iterator[dict[str, str]]:
    """Every field of a model and of those within it."""
    for name, part in schema.items():
        if name == "properties" and isinstance(part, dict):
            yield from part.values()
        elif isinstance(part, dict):
            yield from _fields(part)
