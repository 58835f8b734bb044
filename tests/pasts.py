"""A ledger with a past: what five refreshes made of the embedded data."""

from __future__ import annotations

from etl.log import Decision
from etl.refresh import refresh
from etl.settings import Folders
from etl.sources import all_sources
from tests.helpers import Row, ask, rewrite, run

FUNDING = "us_funding/us_cwd_country_fy.csv"
EVENTS = "us_funding/program_events.csv"
NEWEST = 6


def corrected(printed: list[Row]) -> list[Row]:
    """State's line of Vietnam in fiscal year 2015 becomes $12,549,000."""
    return [
        {**row, "amount_usd": "12549000", "amount_as_printed": "12,549"}
        if row["country"] == "Vietnam" and row["amount_as_printed"] == "12,548"
        else row
        for row in printed
    ]


def correct(folders: Folders) -> None:
    """Refresh 2: one figure revised."""
    rewrite(folders, FUNDING, corrected)
    assert run(folders, "state_tweis").published


def add_past(folders: Folders) -> None:
    """1: 4,569 figures; 2: one revised; 3: two withdrawn, one added; 4, 5: two holds; 6: a rejection."""
    correct(folders)
    rewrite(folders, EVENTS, lambda rows: [*rows[:-2], {**rows[-1], "event": "Found later"}])
    assert run(folders, "program_events", least=1).published
    rewrite(folders, FUNDING, lambda rows: rows[:3])
    assert run(folders, "state_tweis").published
    spec = all_sources()["us_price_indexes"]
    rewrite(folders, spec.files[0], lambda rows: rows[:3])
    assert run(folders, spec.source_id).published
    ((vintages, files, reason),) = ask(
        folders,
        "SELECT vintages_sha256, files, reason FROM holds WHERE source_id = ?",
        spec.source_id,
    )
    because = Decision(
        spec.source_id, vintages, files, "rejected", "an archivist", "Cut *short*.", reason
    )
    assert refresh(folders, [spec], decision=because).published
