"""What the OECD and OCHA could say of who pays, given to the real readers; the amounts are made up.

Vietnam and Laos stand for what a share needs: a recipient with the United States alone, one with
several donors, one that they left after 2024, one whose donor took money back, a regional line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from etl.refresh import refresh
from etl.retrieve import Given
from etl.settings import Folders
from tests.helpers import Row
from tests.sources.fts_api import CLUSTER_15, Record, flow, government, line, places, spec_of, to
from tests.sources.fts_api import years as of_years
from tests.sources.test_oecd_crs import PROJECT, yearly

DONORS: Final = {
    "USA": ("302", "United States"), "DEU": ("5", "Germany"), "NOR": ("8", "Norway"),
    "DAC": ("20001", "DAC Countries, Total"),
}  # fmt: skip
RECIPIENTS: Final = {
    "LAO": ("745", "Lao People's Democratic Republic"), "VNM": ("769", "Viet Nam"),
    "AGO": ("225", "Angola"), "QOC": ("798", "Asia, regional"), "COL": ("437", "Colombia"),
}  # fmt: skip


def activity(
    donor: str, area: str, year: int, disbursed: str, committed: str = "", number: str = "1"
) -> Row:
    """A row of the CRS's files; amounts are millions, as printed."""
    (donor_code, donor_name), (code, name) = DONORS[donor], RECIPIENTS[area]
    return PROJECT | {
        "DonorCode": donor_code, "DonorName": donor_name, "RecipientCode": code,
        "RecipientName": name, "Year": str(year), "USD_Disbursement": disbursed,
        "USD_Commitment": committed, "CrsID": f"{year}{number}", "AgencyName": "", "ProjectNumber": number,
    }  # fmt: skip


ACTIVITIES: Final = [
    # Laos: three donors in 2024, one of them with two activities; no U.S. money in 2025
    activity("USA", "LAO", 2024, "6", "9"),
    activity("USA", "LAO", 2024, "2", number="2"),
    activity("DEU", "LAO", 2024, "1.5"),
    activity("NOR", "LAO", 2024, ".5"),
    activity("NOR", "LAO", 2025, "1"),
    # Vietnam: the United States alone, then less
    activity("USA", "VNM", 2023, "4"),
    activity("USA", "VNM", 2024, "4"),
    activity("USA", "VNM", 2025, "1"),
    # Angola: only disbursements of the United States, while Germany has committed money
    activity("USA", "AGO", 2024, "3"),
    activity("DEU", "AGO", 2024, "", "2"),
    # Colombia: Germany took back more than it gave
    activity("USA", "COL", 2024, "3"),
    activity("DEU", "COL", 2024, "-1"),
    # A region is a line of its own; in 2022 the copy holds the United States alone
    activity("USA", "QOC", 2024, "7"),
    activity("DEU", "QOC", 2024, "7"),
    activity("USA", "LAO", 2022, "5"),
]


def give(number: int, donor: str, area: str, year: int, dollars: int, **fields: Any) -> Record:
    """A flow to the mine action sector, paid unless ``fields`` say otherwise."""
    return flow(
        id=str(number), amountUSD=dollars, originalAmount=dollars, originalCurrency="USD",
        sourceObjects=[government(f"{donor}, Government of"), *places(donor), *of_years(year)],
        destinationObjects=to(CLUSTER_15, *places(area), *of_years(year)),
        **{"status": "paid", "parentFlowId": None, "date": f"{year}-07-02T00:00:00Z", **fields},
    )  # fmt: skip


def flows(year: int) -> list[Record]:
    """The flows of one year."""
    us = "United States"
    first = year * 100
    of_2024 = [
        give(first + 1, us, "Viet Nam", 2024, 600),
        give(first + 2, "Germany", "Viet Nam", 2024, 400, status="commitment"),
        give(first + 3, us, "Lao People's Democratic Republic", 2024, 900),
        give(first + 4, "Norway", "Lao People's Democratic Republic", 2024, 100),
        # a part of the flow above, a pledge and what leaves: counted nowhere
        give(first + 5, us, "Lao People's Democratic Republic", 2024, 50, parentFlowId=first + 3),
        give(first + 6, us, "Lao People's Democratic Republic", 2024, 7000, status="pledge"),
        # the date tells that the copy was taken when the year was over
        give(
            first + 7,
            us,
            "Lao People's Democratic Republic",
            2024,
            80,
            boundary="outgoing",
            date="2025-01-15T00:00:00Z",
        ),
    ]
    running = [
        give(first + 1, us, "Lao People's Democratic Republic", year, 10),
        give(first + 2, "Norway", "Lao People's Democratic Republic", year, 90),
    ]
    return of_2024 if year == 2024 else running


def add_crs(folders: Folders, folder: Path, rows: list[Row] | None = None) -> None:
    """Hand the activities over as a copy of one of the OECD's files."""
    _add(folders, folder, "oecd_crs", {"CRS_2024_data.txt": yearly(*(rows or ACTIVITIES))})


def add_fts(folders: Folders, folder: Path, *years: int) -> None:
    """Hand the flows of some years over as the interface's answers."""
    files = {f"flows_cluster_{year}.json": line(*flows(year)) for year in years}
    _add(folders, folder, "ocha_fts", files)


def _add(folders: Folders, folder: Path, source_id: str, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    given = {source_id: [Given(str(folder / name)) for name in files]}
    outcome = refresh(folders, [spec_of(source_id)], given=given)
    assert outcome.published, [source.failure for source in outcome.sources]
    assert not outcome.sources[0].rejects, outcome.sources[0].rejects
