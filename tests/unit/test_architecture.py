"""One direction, no way back: the pipeline knows no dashboard, the dashboard no source."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from etl.settings import PACKAGE
from etl.sources import all_sources

ROOT = PACKAGE.parent
PIPELINE = sorted(PACKAGE.rglob("*.py"))
ENGINE = sorted(
    [*PACKAGE.glob("*.py"), *(PACKAGE / "sql").glob("*.py"), *(PACKAGE / "tables").rglob("*.py")]
)
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


# Adding a source touches its own folder, its test and the CHANGELOG

LIVE = {name: spec for name, spec in all_sources().items() if spec.fetch or spec.status == "live"}
LIVE_WORDS = set(LIVE) | {series for spec in LIVE.values() for series in spec.series}
# What names a live source or one of its series all the same, and why it must.
NAMED_WITH_REASON: dict[str, tuple[set[str], str]] = {
    "etl/views/iati_usd.sql": (
        {"iati", "fed_monthly", "imf_monthly"},
        "the view is about one source: it converts what IATI prints with the rates of two series, by name, "
        "because rates of other series have another basis",
    )
}


def words_of(path: Path) -> set[str]:
    """The words of a file's code: of Python its strings but for docstrings, of SQL all but comments."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".sql":
        said = re.sub(r"--.*", "", text)
        return set(re.findall(r"'(\w+)'", said))
    tree = ast.parse(text)
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    strings = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
    ]
    return {word for string in strings for word in re.findall(r"\w+", string)}


SHARED_CODE = sorted(
    path
    for folder in ("etl", "dashboard")
    for ending in ("*.py", "*.sql")
    for path in (ROOT / folder).rglob(ending)
    if not path.is_relative_to(PACKAGE / "sources") or path.parent == PACKAGE / "sources"
)


@pytest.mark.parametrize("path", SHARED_CODE, ids=name)
def test_nothing_outside_its_folder_names_a_live_source_or_its_series(path: Path) -> None:
    excused, _ = NAMED_WITH_REASON.get(name(path), (set(), ""))
    named = words_of(path) & LIVE_WORDS - set(tables_of_the_same_name())
    assert named == excused


def test_every_excuse_is_of_a_file_that_is_there_and_gives_its_reason() -> None:
    files = {name(path) for path in SHARED_CODE}
    for file, (words, why) in NAMED_WITH_REASON.items():
        assert (file in files, words <= LIVE_WORDS, len(why) > 40) == (True, True, True), file


@pytest.mark.parametrize("source_id", LIVE)
def test_a_source_is_whole_within_its_folder(source_id: str) -> None:
    """What declares, fetches, reads and tests it lies where it belongs, under its name."""
    folder = PACKAGE / "sources" / source_id
    spec = LIVE[source_id]
    assert {"source.yml", "read.py"} <= {path.name for path in folder.iterdir()}
    assert spec.fetch is None or spec.fetch.urls or (folder / "fetch.py").is_file()
    assert (ROOT / "tests" / "sources" / f"test_{source_id}.py").is_file()
