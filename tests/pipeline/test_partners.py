"""Who got the money: organisations under one name, each series by itself."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from etl.settings import Folders
from tests.helpers import ask
from tests.live import GRANTS, VIETNAM, add_live


@pytest.fixture
def live(published: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """The embedded ledger and a few rows as a live source gives them."""
    add_live(published, GRANTS, tmp_path, monkeypatch)
    return published


def test_the_embedded_figures_name_no_partner(built_folders: Folders) -> None:
    assert ask(built_folders, "SELECT count(*) FROM funding WHERE implementer IS NOT NULL") == [
        (0,)
    ]
    assert ask(built_folders, "SELECT count(*) FROM partners") == [(0,)]


def test_what_halo_got_from_state_by_year_and_country_from_one_source(live: Folders) -> None:
    rows = ask(
        live,
        """SELECT year, area, agency, amount_usd, entries_count, spellings_seen FROM partners
        WHERE implementer = 'HALO Trust' AND series = 'fa_obligations' ORDER BY year""",
    )
    state, halo = "Department of State", "Halo Trust"
    assert rows == [
        (2015, "VNM", state, Decimal(900000), 1, halo),
        (2016, "VNM", state, Decimal("5250000.50"), 3, "Halo Trust ; THE HALO TRUST  USA, INC"),
        (2017, "COL", state, Decimal(2000000), 1, halo),
    ]


def test_the_same_grant_in_two_series_stands_in_two_rows(live: Folders) -> None:
    rows = ask(
        live,
        """SELECT series, flow, amount_usd FROM partners
        WHERE implementer = 'HALO Trust' AND year = 2016 ORDER BY series""",
    )
    assert rows == [
        ("fa_disbursements", "disbursement", Decimal(3000000)),
        ("fa_obligations", "obligation", Decimal("5250000.50")),
        ("usaspending_awards", "obligation", None),
        ("usaspending_transactions", "obligation", Decimal(5250000)),
    ]


def test_a_name_outside_the_table_stays_as_printed_and_no_name_stays_none(live: Folders) -> None:
    rows = ask(
        live,
        """SELECT implementer, is_matched, implementer_kind, amount_usd FROM partners
        WHERE NOT is_matched ORDER BY implementer""",
    )
    assert rows == [
        ("A Charity Nobody Knows", False, None, Decimal(1000)), (None, False, None, Decimal(70000)),
    ]  # fmt: skip


def test_money_taken_back_stays_negative_and_a_missing_amount_stays_missing(live: Folders) -> None:
    rows = ask(
        live,
        """SELECT implementer, amount_usd, is_incomplete FROM partners
        WHERE implementer IN ('MAG', 'Norwegian People''s Aid') AND year < 2016 ORDER BY implementer""",
    )
    assert rows == [("MAG", Decimal(-5), False), ("Norwegian People's Aid", None, True)]


def test_sums_over_years_and_printed_totals_are_no_partners_year(
    published: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    halo = VIETNAM | {"implementer": "Halo Trust", "amount_usd": "1"}
    others = [
        halo | {"is_printed_total": "true"},
        halo | {"is_cumulative": "true", "year": ""},
        halo | {"status": "request"},
    ]
    add_live(published, [halo, *others], tmp_path, monkeypatch)
    assert ask(published, "SELECT sum(entries_count), sum(amount_usd) FROM partners") == [
        (1, Decimal(1))
    ]


def test_a_new_spelling_joins_a_name_and_changes_no_entry(
    live: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ask(live, "SELECT entry_id, revision, implementer FROM funding ORDER BY entry_id")
    path = live.reference / "implementers.csv"
    path.write_text(
        path.read_text(encoding="utf-8") + "Zz Known,NGO,,A Charity Nobody Knows,A test.\n",
        encoding="utf-8",
    )
    add_live(live, GRANTS, tmp_path, monkeypatch)
    assert ask(live, "SELECT implementer, is_matched FROM partners WHERE amount_usd = 1000") == [
        ("Zz Known", True)
    ]
    after = ask(live, "SELECT entry_id, revision, implementer FROM funding ORDER BY entry_id")
    assert after == before
