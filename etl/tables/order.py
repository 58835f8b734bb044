"""How the rows of each table lie in a published ledger and in a download."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# How rows lie in a published ledger and in a download.
FACT_ORDER: Final = ("area", "year", "series", "entry_id")
READING_ORDER: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "splits": ("entry_id", "dimension", "category"),
        "areas": ("area",),
        "implementers": ("implementer",),
        "measures": ("measure",),
        "bases": ("basis",),
        "casualty_measures": ("choice_order",),
        "series_breaks": ("series", "area", "year"),
        "sources": ("source_id",),
        "series": ("series",),
        "vintages": ("recorded_in", "source_id", "file"),
        "refreshes": ("refresh",),
        "holds": ("source_id", "rule"),
        "decisions": ("recorded_in", "source_id"),
        "rejects": ("source_id", "locator", "column", "rule"),
        "issues": ("source_id", "locator", "column", "rule"),
        "watches": ("source_id", "page"),
        "coverage": ("area_name", "fiscal_year", "account", "entry_id"),
        "casualties_side_by_side": (
            "area_name",
            "calendar_year",
            "choice_order",
            "series",
            "edition_order",
            "edition",
            "place",
            "locator",
        ),
        "casualties_by_area_year": ("area_name", "calendar_year"),
        "casualties_latest": ("area_name", "area"),
        "donors": (
            "basis",
            "area_name",
            "calendar_year",
            "edition",
            "source_url",
            "donor",
            "donor_area",
            "only_entry_id",
        ),
        "dependency": (
            "basis",
            "area_name",
            "calendar_year",
            "edition",
            "source_url",
            "us_entry_id",
        ),
        "dependency_summary": ("basis", "area_name", "area"),
        "orphaned": ("basis", "rank_whole_effort", "area_name", "area"),
        "casualties_world": ("calendar_year", "edition_order"),
        "casualty_rates": ("area_name", "calendar_year"),
        "casualty_checks": (
            "check",
            "area_name",
            "calendar_year",
            "series",
            "edition",
            "reference_edition",
            "entry_id",
        ),
        "area_profile": ("area_name",),
        "partners": (
            "series",
            "implementer",
            "year",
            "area_name",
            "flow",
            "year_basis",
            "agency",
            "account",
        ),
        "reconciliation": ("area_name", "year", "measure", "flow", "year_basis"),
        "iati_usd": ("activity_id", "date", "flow", "entry_id"),
        "funding_constant": ("area_name", "year", "series", "entry_id"),
        "funding_per_capita": ("area_name", "year", "series", "flow", "year_basis", "payer"),
    }
)
