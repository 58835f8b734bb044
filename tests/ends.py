"""Ledgers at the ends of what a page may meet: with something on every page, with nothing, with one figure, and of
a publisher that went dark."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from etl.config import Config
from etl.memory import Memory
from etl.refresh import refresh
from etl.retrieve import Given
from etl.settings import Folders
from etl.sources import SourceSpec, all_sources
from etl.tables import FACT_TABLES
from tests import live, payers
from tests.helpers import NO_LIMITS, Row, ask, csv_text, rewrite
from tests.replay import serving
from tests.sources.fts_api import line, spec_of
from tests.sources.test_colombia_events import ACCIDENT
from tests.sources.test_colombia_victims import FARMER, HEADER, SOLDIER
from tests.sources.test_oecd_crs import yearly

POPULATION = (
    "Country Name,Country Code,Year,Value\nColombia,COL,2016,47437512\nJordan,JOR,2011,7000000\n"
    "Cambodia,KHM,2016,15700000\nCambodia,KHM,2017,16000000\n"
)
ONE = "state_tweis-d60fc92beeb9b42a"  # Vietnam, DoD, FY2016: $722,000
PEOPLE = [FARMER, SOLDIER, FARMER | {"sitio": "Otra"}, FARMER | {"ano": "2007"}]
ACCIDENTS = [ACCIDENT | {"ano": "2006"}, ACCIDENT | {"ano": "2008"}]


def fill(folders: Folders, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add in one refresh a few rows of what live sources could say: the CRS, FTS, Colombia's registers, a population, and grants by organisation."""
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


def nothing(folders: Folders) -> None:
    """A ledger that was published and holds no figure: its one source has no row."""
    spec = all_sources()["program_events"].model_copy(update={"min_entries": 0, "guard": NO_LIMITS})
    for file in spec.files:
        rewrite(folders, file, lambda _: [])
    assert refresh(folders, [spec]).published
    assert ask(folders, "SELECT count(*) FROM program_events") == [(0,)]


def one_row(folders: Folders) -> None:
    """A ledger of one figure: Defense lines for Vietnam in fiscal year 2016, $722,000."""
    spec = all_sources()["state_tweis"].model_copy(update={"min_entries": 0, "guard": NO_LIMITS})
    for file in spec.files:
        rewrite(folders, file, lambda rows: [row for row in rows if _is_the_one(row)])
    assert refresh(folders, [spec]).published
    tables = " UNION ALL ".join(f"SELECT entry_id FROM {table}" for table in FACT_TABLES)
    assert ask(folders, tables) == [(ONE,)]


def _is_the_one(row: Row) -> bool:
    """Whether a row of State's file prints that figure, in the newest edition that was read."""
    expected = {
        "country": "Vietnam", "account_group": "DoD", "fiscal_year": "2016", "latest_edition": "yes",
    }  # fmt: skip
    return all(row.get(column) == value for column, value in expected.items())


def gone_dark(folders: Folders) -> None:
    """A ledger of OCHA's flows alone, whose publisher was last reached a day longer ago than may be."""
    spec = spec_of("ocha_fts")
    assert spec.fetch
    files = {f"flows_cluster_{year}.json": line(*payers.flows(year)) for year in (2024, 2026)}
    copies = [_written(folders.data.parent, *each) for each in files.items()]
    assert refresh(folders, [spec], given={spec.source_id: copies}).published
    memory = Memory.of(folders.archive, spec.source_id)
    last = datetime.now(UTC).date() - timedelta(days=spec.fetch.dark_after_days + 1)
    memory.last_good = last.isoformat()
    memory.keep()
    with serving() as publisher:  # that knows no address
        asked = {
            "fetch": {"allow_loopback": True, "contact": "tests@example.org"},
            "sources": {spec.source_id: {"base_url": publisher.url("/")}},
        }
        outcome = refresh(folders, [spec], settings=Config.model_validate(asked))
    assert outcome.published
    assert ask(folders, "SELECT source_id, rule FROM holds") == [(spec.source_id, "dark")]
