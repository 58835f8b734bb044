"""Finding the events that name mines, explosive remnants or improvised devices in what a source writes.

Conflict datasets are about violence, not about weapons: a mine is named in a headline or a note, if it
is named at all. Which words count stands in ``etl/mine_words.yml``, once for all such sources, and is
made into one query here. What it finds is a search result in the languages of the rules: it misses what
is said otherwise, so it is never a count of all events with mines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import duckdb
import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict

from etl import sql

FILE: Final = Path(__file__).with_name("mine_words.yml")


class Rule(BaseModel):
    """Words that name a kind of device; a text with a word of ``unless`` is not taken by them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: str
    patterns: tuple[str, ...]
    unless: str | None = None


class Words(BaseModel):
    """The contents of ``mine_words.yml``; see its comment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    aside: tuple[str, ...]
    rules: dict[str, Rule]


@cache
def words() -> Words:
    """The declared words."""
    return Words.model_validate(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def devices() -> Mapping[str, str]:
    """The device that each rule names, in the words of ``casualty_events``."""
    return {name: rule.device for name, rule in words().rules.items()}


def selection(columns: Sequence[str]) -> str:
    """The query that adds ``selection_rule`` and ``words_found`` to ``records``, by their texts.

    ``columns`` are the columns of ``records`` that are searched.
    """
    declared = words()
    cases = []
    for name, rule in declared.rules.items():
        condition = f"regexp_matches(searched_text, {_any(rule.patterns)})"
        if rule.unless:
            condition += f" AND NOT regexp_matches(whole_text, {_literal(rule.unless)})"
        found = f"regexp_extract(searched_text, {_any(rule.patterns)})"
        cases.append((condition, _literal(name), found))
    return sql.text("mine_words").format(
        rules=" ".join(f"WHEN {condition} THEN {name}" for condition, name, _ in cases),
        words=" ".join(f"WHEN {condition} THEN {found}" for condition, _, found in cases),
        aside=_any(declared.aside),
        columns=", ".join(_name(column) for column in columns),
    )


def find(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """``frame`` with ``selection_rule`` and ``words_found``, null where no rule takes the row."""
    with duckdb.connect(config={"threads": 1}) as con:
        con.execute("SET enable_external_access = false")
        con.register("records", frame.with_row_index("_row"))
        return con.execute(f"{selection(columns)} ORDER BY _row").pl().drop("_row")


def _any(patterns: Sequence[str]) -> str:
    return _literal("|".join(f"(?:{pattern})" for pattern in patterns))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _name(column: str) -> str:
    if not column.isidentifier():
        raise ValueError(f"{column!r} cannot be the name of a column in a query")
    return f'"{column}"'
