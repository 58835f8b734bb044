"""Figures as the live sources will give them, from a source made by hand for a test.

The source has one file, a CSV whose columns are those of ``funding``; what a row leaves out is what
a U.S. transaction has. It stands among the real sources while a test runs, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl
import pytest

from etl.archive import Contents
from etl.areas import Resolver
from etl.reading import Reading, read_csv
from etl.refresh import refresh
from etl.retrieve import Given
from etl.settings import Folders
from etl.sources import Reader, SourceSpec, all_sources
from etl.tables import Funding, polars_schema
from etl.transcribed import funding_defaults
from tests.helpers import NO_LIMITS, Row, csv_text

FILE: Final = "made_by_hand.csv"
COLUMNS: Final = (
    "series", "area_as_printed", "implementer", "agency", "account", "flow", "year", "amount_usd",
    "place", "is_printed_total", "is_cumulative", "status", "year_basis", "precision",
)  # fmt: skip
USUAL: Final[Row] = {
    "agency": "Department of State", "account": "State NADR-CWD", "flow": "obligation",
    "is_printed_total": "false", "is_cumulative": "false", "status": "actual",
    "year_basis": "fiscal", "precision": "exact",
}  # fmt: skip
ADDITIVE: Final = {
    "fa_obligations": True, "fa_disbursements": True, "fa_cwd_obligations": True,
    "usaspending_transactions": True, "usaspending_awards": False,
}  # fmt: skip


def read(files: Contents, reading: Reading, resolver: Resolver) -> None:
    """One entry a row."""
    frame = read_csv(reading, FILE, files[FILE], COLUMNS)
    frame = resolver.resolve(reading, frame, "area_as_printed", "area")
    types = polars_schema(Funding)
    cast = {
        name: pl.col(name) == "true"
        if types[name] == pl.Boolean
        else pl.col(name).cast(types[name])
        for name in COLUMNS
    }
    given = {
        **funding_defaults(), "report": pl.lit("Made by hand"), "edition": pl.lit("Made by hand"),
        "source_url": pl.lit("https://example.org/"), "donor": pl.lit("United States"),
        "donor_area": pl.lit("USA"), "amount": cast["amount_usd"], **cast,
    }  # fmt: skip
    reading.add("funding", frame.select("file", "locator", "area", **given))


class MadeByHand(SourceSpec):
    """A source whose reader stands in this module."""

    def reader(self) -> Reader:
        """The reader above."""
        return read


SOURCE: Final = MadeByHand.model_validate(
    {
        "source_id": "made_by_hand", "title": "Made by hand", "publisher": "a test",
        "url": "https://example.org/", "licence": "none", "citation": "none", "cadence": "never",
        "status": "live", "coverage": "what a test says", "caveats": "none", "files": [FILE],
        "min_entries": 0, "guard": NO_LIMITS,
        "series": {
            name: {"title": f"Title of {name}", "caution": "Only among themselves.",
                   "is_additive": additive}
            for name, additive in ADDITIVE.items()
        },
    }
)  # fmt: skip


def with_made_by_hand() -> dict[str, SourceSpec]:
    """The declared sources and this one."""
    return {**all_sources(), SOURCE.source_id: SOURCE}


def csv_of(rows: Sequence[Row]) -> str:
    """Its file with ``rows``."""
    lines = [{**USUAL, "place": str(number), **row} for number, row in enumerate(rows, 1)]
    return csv_text(COLUMNS, lines)


def add_live(
    folders: Folders, rows: Sequence[Row], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Put ``rows`` into the ledger as a live source would."""
    monkeypatch.setattr("etl.refresh.every_source", lambda _: with_made_by_hand())
    path = folder / FILE
    path.write_text(csv_of(rows), encoding="utf-8")
    outcome = refresh(folders, [SOURCE], given={SOURCE.source_id: [Given(str(path))]})
    assert outcome.published, [source.failure for source in outcome.sources]
    assert not outcome.sources[0].rejects, outcome.sources[0].rejects


# What ForeignAssistance.gov and USAspending could say of Vietnam and Colombia.
VIETNAM: Final[Row] = {"area_as_printed": "Vietnam", "year": "2016", "series": "fa_obligations"}
GRANTS: Final[list[Row]] = [
    VIETNAM | {"implementer": "Halo Trust", "amount_usd": "4000000"},
    VIETNAM | {"implementer": "THE HALO TRUST  USA, INC", "amount_usd": "1500000.50"},
    VIETNAM | {"implementer": "Halo Trust", "amount_usd": "-250000"},
    VIETNAM | {"implementer": "A Charity Nobody Knows", "amount_usd": "1000"},
    VIETNAM | {"implementer": "", "amount_usd": "70000"},
    VIETNAM | {"implementer": "Halo Trust", "amount_usd": "900000", "year": "2015"},
    VIETNAM | {"implementer": "Norsk Folkehjelp", "amount_usd": "", "year": "2015"},
    VIETNAM | {"implementer": "MAG America Inc", "amount_usd": "-5", "year": "2014"},
    VIETNAM | {"series": "fa_disbursements", "flow": "disbursement", "implementer": "Halo Trust",
               "amount_usd": "3000000"},
    VIETNAM | {"series": "usaspending_transactions", "implementer": "THE HALO TRUST USA, INC",
               "amount_usd": "5250000"},
    VIETNAM | {"series": "usaspending_awards", "implementer": "THE HALO TRUST USA, INC",
               "amount_usd": "9000000"},
    VIETNAM | {"series": "usaspending_awards", "implementer": "THE HALO TRUST USA, INC",
               "amount_usd": "8000000"},
    {"series": "fa_obligations", "area_as_printed": "Colombia", "year": "2017",
     "implementer": "Halo Trust", "amount_usd": "2000000"},
    {"series": "fa_obligations", "area_as_printed": "Colombia", "year": "2017",
     "implementer": "Norsk Folkehjelp", "amount_usd": "500000"},
]  # fmt: skip
