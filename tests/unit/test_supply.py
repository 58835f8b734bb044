"""What is installed: every package pinned by hash, from no named place, and checked for common holes."""

from __future__ import annotations

import re
import tomllib

import pytest

from etl.settings import PACKAGE

ROOT = PACKAGE.parent
LOCKS = ("requirements.lock", "etl/deploy/lake.lock", "tests/requirements.lock")
PIN = re.compile(r"([a-z0-9][a-z0-9._-]*)(?:\[[a-z0-9,-]+\])?==[A-Za-z0-9.+!]+(?: ; [^\\]+)?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def pins(lock: str) -> dict[str, list[str]]:
    """The hashes of each package in a lock; a line that is neither fails."""
    found: dict[str, list[str]] = {}
    text = re.sub(r"^ *#.*\n", "", (ROOT / lock).read_text(encoding="utf-8"), flags=re.MULTILINE)
    for statement in text.replace("\\\n", " ").splitlines():
        pin, *hashes = re.split(r"\s+(?=--)", statement.strip())
        named = PIN.fullmatch(pin.strip())
        assert named, f"{lock}: {statement[:80]!r} pins no package"
        assert all(HASH.fullmatch(one) for one in hashes), f"{lock}: {statement[:80]!r}"
        found[named[1]] = hashes
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_its_hashes(lock: str) -> None:
    found = pins(lock)
    assert len(found) > 50
    assert [name for name, hashes in found.items() if not hashes] == []


def test_what_the_project_needs_is_locked() -> None:
    needed = {
        re.split(r"[^A-Za-z0-9._-]", one)[0].lower() for one in PROJECT["project"]["dependencies"]
    }
    assert needed - set(pins(LOCKS[0])) == set()


def test_the_tests_run_with_what_is_served() -> None:
    served, with_lake, tested = (pins(lock) for lock in LOCKS)
    assert {name: with_lake.get(name) for name in served} == served
    assert {name: tested.get(name) for name in with_lake} == with_lake


def test_the_extra_for_lakes_is_locked_and_nothing_else_is_beside_it() -> None:
    served, with_lake, _ = (pins(lock) for lock in LOCKS)
    extra = PROJECT["project"]["optional-dependencies"]["lake"]
    assert with_lake.keys() - served.keys() == {re.split(r"[=>]", one)[0] for one in extra}


def test_the_rules_about_security_are_on() -> None:
    lint = PROJECT["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    assert not [rule for rule in lint["ignore"] if rule.startswith("S")]
    outside = {
        where
        for where, rules in lint["per-file-ignores"].items()
        for rule in rules
        if rule.startswith("S1") or rule.startswith("S6")
    }
    assert outside <= {"tests/**"}


def test_installing_asks_for_hashes_and_runs_no_strangers_setup() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "--only-binary :all: --require-hashes -r $(1)" in makefile
    assert "pip-audit --disable-pip --require-hashes" in makefile
