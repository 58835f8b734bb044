"""One direction, no way back: the pipeline knows no dashboard, the dashboard no source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from etl.settings import PACKAGE
from etl.sources import all_sources

ROOT = PACKAGE.parent
PIPELINE = sorted(PACKAGE.rglob("*.py"))
ENGINE = sorted([*PACKAGE.glob("*.py"), *(PACKAGE / "sql").glob("*.py")])
DASHBOARD = sorted((ROOT / "dashboard").rglob("*.py"))
WRITERS = {
    "refresh", "retrieve", "session", "fetch", "partial", "unpack", "record", "publish", "check",
    "schedule", "log", "cli", "rebuild",
}  # fmt: skip


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it, and every name imported from a module."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("path", PIPELINE, ids=name)
def test_the_pipeline_never_imports_the_dashboard(path: Path) -> None:
    assert [module for module in imports(path) if module.split(".")[0] == "dashboard"] == []


@pytest.mark.parametrize("path", DASHBOARD, ids=name)
def test_the_dashboard_imports_neither_readers_nor_the_pipeline(path: Path) -> None:
    forbidden = {f"etl.{module}" for module in WRITERS}
    astray = {
        module
        for module in imports(path)
        if module in forbidden or (module.startswith("etl.sources.") and module.endswith(".read"))
    }
    assert astray == set()


@pytest.mark.parametrize("path", ENGINE, ids=name)
def test_the_engine_names_no_source(path: Path) -> None:
    strings = {
        node.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert strings & set(all_sources()) - set(tables_of_the_same_name()) == set()


def tables_of_the_same_name() -> list[str]:
    """These are sources, and the tables their rows go to."""
    return ["program_events", "exchange_rates", "deflators"]


@pytest.mark.parametrize("source_id", all_sources())
def test_no_source_knows_another(source_id: str) -> None:
    folder = PACKAGE / "sources" / source_id
    others = {f"etl.sources.{other}" for other in all_sources() if other != source_id}
    for path in folder.glob("*.py"):
        assert not any(module.startswith(other) for module in imports(path) for other in others)


READERS = sorted(
    {*(PACKAGE / "sources").glob("*/*.py")} - {*(PACKAGE / "sources").glob("*/fetch.py")}
)


@pytest.mark.parametrize("path", READERS, ids=name)
def test_readers_touch_no_network_and_no_ledger(path: Path) -> None:
    packages = {"socket", "urllib", "requests", "httpx", "httpcore", "http", "duckdb"}
    modules = {f"etl.{module}" for module in ("addresses", "fetch", "retrieve", "session", "store")}
    found = imports(path)
    assert {module.split(".")[0] for module in found} & packages == set()
    assert found & modules == set()
