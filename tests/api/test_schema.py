"""The API answers what its own description allows, and nothing that it sends breaks it.

Schemathesis reads the OpenAPI document, makes questions that it allows and questions that it does not,
and checks each answer: no 5xx, no undocumented status or media type, no row that breaks its schema.
"""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from dashboard.api import api
from etl.settings import Folders
from etl.tables import ALL_TABLES

CONFIG = SchemathesisConfig.from_dict(
    {"generation": {"deterministic": True}, "phases": {"coverage": {"enabled": False}}}
)
MOST_VALUES = 2  # of a parameter; the API takes more, but making them up takes long


@schemathesis.hook
def before_load_schema(_context: schemathesis.HookContext, described: dict[str, Any]) -> None:
    for operations in described["paths"].values():
        for parameter in operations["get"].get("parameters", []):
            if parameter["schema"].get("type") == "array":
                parameter["schema"]["maxItems"] = MOST_VALUES


DESCRIBED = schemathesis.openapi.from_asgi(
    "/api/v1/openapi.json", Starlette(routes=[Mount("/api/v1", app=api)]), config=CONFIG
)


@pytest.fixture(autouse=True)
def ledger(pool: None, built_folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HMA_DATA", str(built_folders.data))


@DESCRIBED.exclude(path_regex=r"/(?!funding/)\w+/count").parametrize()  # all count alike
@settings(
    max_examples=2, phases=[Phase.explicit, Phase.generate], deadline=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_every_answer_is_one_that_the_description_allows(case: schemathesis.Case[Any]) -> None:
    # What is allowed may still be refused: an area code that the ledger does not know. And what breaks the
    # description may still be an answerable address: an object is written there like a list. Refusals have
    # tests of their own.
    case.call_and_validate(excluded_checks=[positive_data_acceptance, negative_data_rejection])


@pytest.mark.parametrize("table", ALL_TABLES)
def test_every_row_of_every_table_keeps_to_its_schema(client: TestClient, table: str) -> None:
    document = client.get("/openapi.json").json()
    described = document["paths"][f"/{table}.{{ending}}"]["get"]["responses"]["200"]["content"]
    keeps = jsonschema_rs.Draft202012Validator(
        {**described["application/json"]["schema"], "components": document["components"]}
    )
    answer = client.get(f"/{table}.json").json()
    assert [error.message for error in keeps.iter_errors(answer)] == []
    assert answer["row_count"] == len(answer["rows"])
    assert list(answer["rows"][0] if answer["rows"] else {}) in (
        [],
        ALL_TABLES[table].column_names(),
    )


def test_the_document_names_every_column_as_a_parameter(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    for table, declared in ALL_TABLES.items():
        named = [one["name"] for one in paths[f"/{table}.{{ending}}"]["get"]["parameters"]]
        assert set(declared.column_names()) < set(named)
        assert {"ending", "comparisons", "q", "grammar", "as_of", "limit", "raw", "sort"} < set(
            named
        )


def test_the_documents_page_lists_every_address_and_loads_nothing(client: TestClient) -> None:
    answer = client.get("/docs")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    for path in client.get("/openapi.json").json()["paths"]:
        assert f"<code>/api/v1{path}</code>" in answer.text
    assert not re.search(r"<script|<link|<img|src=|@import|url\(", answer.text)
    links = re.findall(r'href="([^"]+)"', answer.text)
    assert links
    assert all(link.startswith("/") for link in links)
