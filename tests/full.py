"""A ledger in which no page is empty: the past, then in one refresh a few rows of what live sources could say."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl.refresh import refresh
from etl.retrieve import Given
from etl.settings import Folders
from etl.sources import SourceSpec
from tests import live, payers
from tests.helpers import NO_LIMITS, csv_text
from tests.sources.fts_api import line, spec_of
from tests.sources.test_colombia_events import ACCIDENT
from tests.sources.test_colombia_victims import FARMER, HEADER, SOLDIER
from tests.sources.test_oecd_crs import yearly

POPULATION = (
    "Country Name,Country Code,Year,Value\nColombia,COL,2016,47437512\nJordan,JOR,2011,7000000\n"
    "Cambodia,KHM,2016,15700000\nCambodia,KHM,2017,16000000\n"
)
PEOPLE = [FARMER, SOLDIER, FARMER | {"sitio": "Otra"}, FARMER | {"ano": "2007"}]
ACCIDENTS = [ACCIDENT | {"ano": "2006"}, ACCIDENT | {"ano": "2008"}]


def fill(folders: Folders, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the CRS, FTS, Colombia's registers, a population, and grants by organisation."""
    files: dict[str, dict[str, str | bytes]] = {
        "oecd_crs": {"CRS_2024_data.txt": yearly(*payers.ACTIVITIES)},
        "ocha_fts": {
            f"flows_cluster_{year}.json": line(*payers.flows(year)) for year in (2024, 2026)
        },
        "colombia_victims": {"victims.csv": csv_text(list(HEADER), PEOPLE)},
        "colombia_events": {"events.csv": csv_text(list(ACCIDENT), ACCIDENTS)},
        "worldbank": {"population_test.csv": POPULATION},
        live.SOURCE.source_id: {live.FILE: live.csv_of(live.GRANTS)},
    }
    monkeypatch.setattr("etl.refresh.every_source", lambda _: live.with_made_by_hand())
    given = {
        source: [_written(folder, *each) for each in of_it.items()]
        for source, of_it in files.items()
    }
    outcome = refresh(folders, [_spec(source) for source in files], given=given)
    assert outcome.published, [source.failure for source in outcome.sources]
    assert not any(source.failure or source.rejects for source in outcome.sources)


def _spec(source: str) -> SourceSpec:
    if source in {"oecd_crs", "ocha_fts"}:
        return spec_of(source)
    spec = live.with_made_by_hand()[source]
    return spec.model_copy(update={"min_entries": 0, "guard": NO_LIMITS})


def _written(folder: Path, name: str, content: str | bytes) -> Given:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Given(str(path), "a test")
