"""Cell for cell: a page's tables are its downloads in every format, whatever a reader chose on the page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from dashboard import depends, show
from dashboard.answer import asked_by
from dashboard.downloads import FORMATS
from etl.settings import Folders
from tests.api.reading import READ, to_the_millisecond
from tests.dashboard.pages import Address, Offer, holds, visit

AREAS = ["VNM", "KHM", "COL", "LAO", "AGO", "JOR", "BIH"]
FEW = 200  # rows, of a download that is read in every format


def some(values: list[str], most: int = 3) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), max_size=most, unique=True)


def asked(page: str, **parameters: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """An address of a page; what is drawn empty is left out."""
    return st.fixed_dictionaries(parameters).map(
        lambda drawn: (page, {key: value for key, value in drawn.items() if value})
    )


one_area = st.sampled_from(AREAS)
bases = st.sampled_from(["monitor", "crs_disbursements", "crs_commitments", "fts_paid"])
CHOICES = {
    "coverage": asked("coverage", all_areas=st.sampled_from(["", "true"]), scope=st.sampled_from(["dod", "all"])),
    "country": asked("country", area=one_area, dollars=st.sampled_from(["", "constant"])),
    "timeline": asked("timeline", kinds=some(["program", "withdrawal", "signed", "in_force"]),
                      area=st.sampled_from(["", "VNM", "FIN"]), page=st.sampled_from(["", "2"])),
    "casualties": asked("casualties", areas=some(AREAS), count=st.sampled_from(["", "rate"])),
    "clearance": asked("clearance", area=one_area),
    "funding": asked(
        "funding", areas=some(AREAS), accounts=some(["DoD", "State NADR-CWD"]), flows=some(["obligation", "contribution"]),
        years=st.sampled_from([[], ["2015", "2017"], ["2010", "2024"]]), page=st.sampled_from(["", "2"]),
    ),
    "who_else_pays": asked("who_else_pays", basis=bases, scope=st.sampled_from(["dod", "all"]), page=st.sampled_from(["", "2"])),
    "partners": asked("partners", series=st.sampled_from(["fa_obligations", "usaspending_awards", "crs_disbursements"]),
                      area=st.sampled_from(["", "VNM"]), partner=st.sampled_from(["", "HALO Trust"])),
    "reconciliation": asked("reconciliation", areas=some(AREAS), page=st.sampled_from(["", "2"])),
    "changes": asked("changes", b=st.sampled_from(["", "2", "3"])),
    "sources": asked("sources"),
    "findings": asked("findings", source=st.sampled_from(["", "state_tweis", "treaties"])),
    "about": asked("about"),
    "entry": asked("entry", entry=st.just("state_tweis-d60fc92beeb9b42a")),
}  # fmt: skip


@pytest.fixture
def reader(pool: None, full: Folders) -> Iterator[TestClient]:
    from dashboard.api import api  # noqa: PLC0415

    with TestClient(api) as client:
        yield client
