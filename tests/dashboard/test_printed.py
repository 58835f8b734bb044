"""Every amount that State's 17th edition prints for an area stands on the area's page."""

from __future__ import annotations

import re

import pytest

from etl.settings import Folders
from tests.dashboard import pages
from tests.helpers import TRANSCRIBED, ask, rows_of

TABLE = "by fiscal year and account"


def printed_amounts(folders: Folders) -> dict[str, dict[tuple[str, str], str]]:
    """By area: what the newest edition prints for each fiscal year from 2015 to 2017 and account."""
    codes = dict(ask(folders, "SELECT DISTINCT area_as_printed, area FROM funding"))
    _, rows = rows_of(TRANSCRIBED / "us_funding/us_cwd_country_fy.csv")
    names = {"State NADR": "State NADR-CWD"}
    amounts: dict[str, dict[tuple[str, str], str]] = {}
    for row in rows:
        if (
            row["source_family"] == "TWEIS country table"
            and row["latest_edition"] == "yes"
            and row["is_total"] == "no"
            and row["fiscal_year"] in ("2015", "2016", "2017")
        ):
            account = names.get(row["account_group"], row["account_group"])
            of_area = amounts.setdefault(codes[row["country"]], {})
            key = (row["fiscal_year"], account)
            assert key not in of_area, (row["country"], key)
            of_area[key] = f"${int(row['amount_usd']):,}"
    return amounts


@pytest.mark.usefixtures("pool")
def test_every_area_of_the_17th_edition_shows_every_printed_amount(
    built_folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HMA_DATA", str(built_folders.data))
    expected = printed_amounts(built_folders)
    assert len(expected) == 34
    wrong = {}
    for area, amounts in expected.items():
        app = pages.visit(monkeypatch, "country", {"area": area}).app
        (table,) = [table for table in app.table if TABLE in table.proto.alt]
        rows = {
            row["Fiscal year"].removeprefix("FY"): {name: seen(cell) for name, cell in row.items()}
            for row in table.value.to_dict("records")
        }
        shown = {
            (year, account): rows.get(year, {}).get(account, "no cell") for year, account in amounts
        }
        if shown != amounts:
            wrong[area] = {key: (amounts[key], shown[key]) for key in amounts}
    assert not wrong


def seen(cell: str) -> str:
    """What a reader sees of a cell."""
    return re.sub(r"\]\([^)]*\)|[\[\]\\*]", "", cell)
