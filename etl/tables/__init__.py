"""Every table and column of the ledger, declared once.

A table is a dataframely schema: its class docstring says what a row is, each column carries its
type, meaning, unit and constraint. The DuckDB schema, the checks, the data dictionary, the API's
allow-list and the exports are all derived from here, so a column that is not declared does not
exist.

Three kinds of schema stand below. *Fact tables* (:mod:`etl.tables.facts`) inherit :class:`Spine`: a
row is one published figure with its provenance. *Log tables* (:mod:`etl.tables.log`) stand beside
them. *Views* (:mod:`etl.tables.views`, with their SQL in ``etl/views/<name>.sql``) are what readers
see; their columns are declared here too, and a test compares the declaration with what the SQL
returns. What categories allow stands in :mod:`etl.tables.words`. Other code imports from
``etl.tables``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

import dataframely as dy
import polars as pl

from etl.tables.facts import (
    FACT_TABLES,
    NATURAL_KEYS,
    OWN_KEYS,
    RECORDED_COLUMNS,
    CasualtyEvents,
    Funding,
    Spine,
)
from etl.tables.log import LOG_TABLES, Areas, Implementers, Sources
from etl.tables.order import FACT_ORDER, READING_ORDER
from etl.tables.views import VIEWS
from etl.tables.views.funding import FundingConstant
from etl.tables.words import (
    ACCOUNTS,
    CASUALTY_CHECKS,
    CASUALTY_MEASURES,
    CHANGES,
    CONSTANT_YEAR,
    DEVICES,
    FLOWS,
    NEVER_CHOSEN,
    PRECISIONS,
    STATUSES,
    YEAR_BASES,
)

__all__ = [
    "ACCOUNTS",
    "ALL_TABLES",
    "CASUALTY_CHECKS",
    "CASUALTY_MEASURES",
    "CHANGES",
    "CONSTANT_YEAR",
    "DEVICES",
    "FACT_TABLES",
    "FLOWS",
    "LOG_TABLES",
    "NATURAL_KEYS",
    "NEVER_CHOSEN",
    "OWN_KEYS",
    "PRECISIONS",
    "RECORDED_COLUMNS",
    "STATUSES",
    "VIEWS",
    "YEAR_BASES",
    "Areas",
    "CasualtyEvents",
    "Funding",
    "FundingConstant",
    "Implementers",
    "Sources",
    "Spine",
    "categories",
    "measures",
    "polars_schema",
    "reading_order",
]

ALL_TABLES: Final[Mapping[str, type[dy.Schema]]] = MappingProxyType(
    {**FACT_TABLES, **LOG_TABLES, **VIEWS}
)


def reading_order(name: str) -> tuple[str, ...]:
    """The columns by which the rows of a table are ordered for readers."""
    columns = ALL_TABLES[name].columns()
    return tuple(column for column in READING_ORDER.get(name, FACT_ORDER) if column in columns)


@cache
def measures(name: str) -> Mapping[str, str]:
    """The columns of a fact table that hold figures, with their units; years are none."""
    units = {
        column: str((declared.metadata or {}).get("unit", ""))
        for column, declared in FACT_TABLES[name].columns().items()
        if column not in Spine.columns()
    }
    return MappingProxyType(
        {column: unit for column, unit in units.items() if unit and unit != "year"}
    )


def categories(name: str) -> tuple[str, ...]:
    """The columns of a fact table whose values are declared words; what the pipeline fills is none."""
    return tuple(
        column
        for column, declared in FACT_TABLES[name].columns().items()
        if column not in Spine.columns() and (declared.metadata or {}).get("allowed")
    )


def polars_schema(table: type[dy.Schema]) -> dict[str, pl.DataType]:
    """The declared columns of a table with their polars types, in order."""
    return dict(_types(table))


@cache
def _types(table: type[dy.Schema]) -> tuple[tuple[str, pl.DataType], ...]:
    return tuple((name, column.dtype) for name, column in table.columns().items())
