"""SECURITY.md is true to the code: each defence has its tests, and what it names is there."""

from __future__ import annotations

import ast
import re

import pytest

from etl.config import ApiConfig, ReadingConfig
from etl.configcheck import ELSEWHERE
from tests.helpers import DATA

ROOT = DATA.parent
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
PROOFS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))
DEFENCES = [
    line
    for part in re.split(r"^### ", TEXT, flags=re.MULTILINE)[1:]
    for line in part.splitlines()
    if line.startswith("|") and not line.startswith(("| threat", "|---"))
]


@pytest.mark.parametrize(("path", "name"), PROOFS)
def test_the_test_that_proves_a_defence_is_there(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("line", DEFENCES, ids=lambda line: line[2:42])
def test_every_defence_names_its_proof(line: str) -> None:
    threat, defence, proof = (cell.strip() for cell in line.strip("|").split(" | "))
    assert threat
    assert defence
    assert re.fullmatch(r"(`tests/[\w/]+\.py::test_\w+` ?)+", proof)


def test_there_are_defences_for_every_way_in() -> None:
    assert len(DEFENCES) > 20
    assert len(PROOFS) > 30


def test_every_setting_and_file_that_it_names_is_there() -> None:
    settings = {f"HMA_API__{name.upper()}" for name in ApiConfig.model_fields}
    settings |= {f"reading.{name}" for name in ReadingConfig.model_fields}
    settings |= set(ELSEWHERE)
    named = set(re.findall(r"`(HMA_[A-Z_]+|reading\.\w+)`", TEXT))
    assert named
    assert named - settings == set()
    for path in re.findall(r"`((?:etl|tests|data)/[\w./]+)`", TEXT):
        assert (ROOT / path).exists(), path
