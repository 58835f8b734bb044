"""Names of organisations: one row each, no name claimed twice, everything the samples print found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl import sql
from etl.areas import load_areas
from etl.implementers import FILE, load_implementers
from etl.reading import SourceError
from etl.spellings import SEPARATOR, fold, spellings
from tests.helpers import DATA, csv_text, rows_of

REFERENCE = DATA / "reference"
TABLE = load_implementers(REFERENCE)
NAMES = dict(spellings(TABLE, FILE, "implementer").iter_rows())

# As ForeignAssistance.gov and USAspending print them in the copies that were read.
PRINTED = {
    "Halo Trust": "HALO Trust",
    "THE HALO TRUST USA, INC": "HALO Trust",
    "Mines Advisory Group": "MAG",
    "MAG AMERICA INC": "MAG",
    "NORSK FOLKEHJELP": "Norwegian People's Aid",
    "DANSK FLYGTNINGEHJAELP": "Danish Refugee Council",
    "Danish Refugee Council": "Danish Refugee Council",
    "FONDATION SUISSE DE DEMINAGE (FSD)": "FSD",
    "GOLDEN WEST HUMANITARIAN FOUNDATION": "Golden West Humanitarian Foundation",
    "JAMES MADISON UNIVERSITY": "James Madison University",
    "THE INTERNATIONAL CENTER": "The International Center",
    "Marshall Legacy Institute": "Marshall Legacy Institute",
    "DynCorp International LLC": "DynCorp International",
    "Tetra Tech, Inc.": "Tetra Tech",
    "United Nations Development Programme": "United Nations Development Programme",
    "United Nations Children's Fund": "United Nations Children's Fund",
    "United Nations Office for Project Services": "United Nations Office for Project Services",
    "UNITED NATIONS": "United Nations (body not named)",
    "Organisation of American States": "Organization of American States",
    "Geneva International Centre for Humanitarian Demining": (
        "Geneva International Centre for Humanitarian Demining"
    ),
    "CATHOLIC RELIEF SERVICES - UNITED STATES CONFERENCE OF CATHOLIC BISHOPS": (
        "Catholic Relief Services"
    ),
    "TAJIKISTAN NATIONAL MINE ACTION CENTER": "Tajikistan National Mine Action Center",
    "REGIONAL CENTRE ON SMALL ARMS RECSA": "Regional Centre on Small Arms",
    "U.S. Government - Department of Health and Human Services": (
        "U.S. Department of Health and Human Services"
    ),
    "U.S. Government - Department of State": "U.S. Department of State",
}


def folded(name: str) -> str:
    return str(pl.select(fold(pl.lit(name))).item())


@pytest.mark.parametrize(("printed", "name"), PRINTED.items())
def test_every_partner_of_the_copies_read_has_one_name(printed: str, name: str) -> None:
    assert NAMES[folded(printed)] == name


@pytest.mark.parametrize(
    "printed",
    ["Multilateral - United Nations Organization Redacted", "MISCELLANEOUS FOREIGN AWARDEES",
     "International Center for Journalists", "Afghan Landmine Survivors' Organization", "G4S"],
)  # fmt: skip
def test_a_redacted_name_or_another_organisation_is_joined_with_none(printed: str) -> None:
    assert folded(printed) not in NAMES


def test_every_row_with_other_spellings_says_why_they_are_joined() -> None:
    assert TABLE.filter(pl.col("spellings").is_not_null() & pl.col("note").is_null()).is_empty()
    assert TABLE["implementer"].to_list() == sorted(TABLE["implementer"], key=str.casefold)


def test_every_home_is_a_country_of_the_table_of_areas() -> None:
    countries = load_areas(REFERENCE).filter(kind="country")["area"]
    assert TABLE["home_area"].drop_nulls().is_in(countries.to_list()).all()


def test_every_spelling_is_written_once_and_without_stray_space() -> None:
    for row in TABLE.iter_rows(named=True):
        listed = (row["spellings"] or "").split(SEPARATOR) if row["spellings"] else []
        assert all(spelling == " ".join(spelling.split()) for spelling in listed)
        seen = [folded(name) for name in (row["implementer"], *listed)]
        assert len(seen) - len(set(seen)) <= 1, row  # "HALO Trust" beside "The HALO Trust"


def _claim_halo(text: str) -> str:
    return text.replace("Mines Advisory Group ;", "halo  trust ; Mines Advisory Group ;", 1)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_claim_halo, "implementers.csv gives the same spelling to two implementers: halo trust"),
        (lambda text: text.replace(",NGO,", ",charity,", 1), "breaks these rules"),
        (lambda text: text + "MAG,NGO,GBR,,\n", r"line \d+ repeats the implementer MAG"),
        (lambda text: text.splitlines(keepends=True)[0], "0 implementers, at least 30 expected"),
        (lambda text: text.replace("spellings", "names", 1), "lacks the column spellings"),
    ],
    ids=["claimed twice", "unknown kind", "repeated", "header only", "renamed column"],
)
def test_a_damaged_table_of_implementers_is_refused(
    tmp_path: Path, damage: Callable[[str], str], message: str
) -> None:
    text = (REFERENCE / FILE).read_text(encoding="utf-8")
    assert damage(text) != text
    (tmp_path / FILE).write_text(damage(text), encoding="utf-8")
    with pytest.raises(SourceError, match=message):
        load_implementers(tmp_path)


def test_a_missing_table_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="restore it from version control"):
        load_implementers(tmp_path)


def test_the_table_is_written_as_a_spreadsheet_would_read_it() -> None:
    header, rows = rows_of(REFERENCE / FILE)
    assert csv_text(header, rows) == (REFERENCE / FILE).read_text(encoding="utf-8")


CON = duckdb.connect()
CON.execute(sql.text("macros"))


@given(st.text(alphabet=st.sampled_from("aZé ÄÖ\t\u00a0\u2003-,.'’"), max_size=12))
@settings(deadline=None)
def test_a_view_folds_a_name_as_the_table_does(name: str) -> None:
    assert CON.execute("SELECT folded(?)", [name]).fetchone() == (folded(name),)
