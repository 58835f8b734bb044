"""The table of areas and the world map: every printed place name finds exactly one area."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pycountry
import pytest

DATA = Path(__file__).resolve().parents[2] / "data"
REFERENCE = DATA / "reference"
TRANSCRIBED = sorted((DATA / "transcribed").glob("**/*.csv"))

COLUMNS = [
    "area",
    "name",
    "kind",
    "iso3166_alpha2",
    "iso3166_numeric",
    "m49_region",
    "m49_subregion",
    "state_region",
    "spellings",
    "note",
]
KINDS = ["country", "other area", "historic", "region", "world", "organisation"]
NAME_COLUMNS = ("country", "recipient", "donor", "region")
NOT_AREAS = {"(recipient name missing from the text read)", "All donors (printed total)"}
STATE_REGIONS = {
    "Africa",
    "East Asia and Pacific",
    "Europe",
    "Middle East and North Africa",
    "South and Central Asia",
    "Western Hemisphere",
}
STATE_FILES = ("us_cwd_country_fy.csv", "us_nadr_country_fy.csv", "us_cwd_country_share.csv")


def read(path: Path) -> pl.DataFrame:
    """Read a CSV file with every column as text."""
    return pl.read_csv(path, infer_schema=False)


def key(name: str) -> str:
    """Fold a name the way matching does: trimmed, one space between words, no case."""
    return " ".join(name.split()).casefold()


AREAS = read(REFERENCE / "areas.csv")
ROWS: dict[str, dict[str, Any]] = {row["area"]: row for row in AREAS.iter_rows(named=True)}


def spellings(row: dict[str, Any]) -> list[str]:
    """Give every spelling of an area, its name first."""
    return [row["name"], *(row["spellings"].split(" ; ") if row["spellings"] else [])]


AREA_OF = {key(spelling): row["area"] for row in ROWS.values() for spelling in spellings(row)}


def outlines() -> dict[str | None, list[dict[str, Any]]]:
    """Group the outlines of the map by their area code."""
    topology = json.loads((REFERENCE / "world.topo.json").read_text(encoding="utf-8"))
    assert list(topology["objects"]) == ["countries"]
    found: dict[str | None, list[dict[str, Any]]] = {}
    for outline in topology["objects"]["countries"]["geometries"]:
        found.setdefault(outline["properties"]["area"], []).append(outline)
    return found


def test_the_table_has_the_agreed_columns_and_kinds_in_order() -> None:
    """The header, the kinds and the order of the rows are fixed."""
    assert AREAS.columns == COLUMNS
    assert set(AREAS["kind"]) == set(KINDS)
    order = [(KINDS.index(kind), area) for area, kind in AREAS.select("area", "kind").iter_rows()]
    assert order == sorted(order)


def test_codes_are_unique_and_three_capitals() -> None:
    """A code names one area and looks like an alpha-3 code."""
    assert AREAS["area"].is_unique().all()
    assert AREAS["area"].str.contains("^[A-Z]{3}$").all()


def test_own_codes_cannot_clash_with_iso_3166() -> None:
    """Codes that are not ISO's lie in the ranges ISO leaves to users."""
    iso = {c.alpha_3 for c in [*pycountry.countries, *pycountry.historic_countries]}
    own = AREAS.filter(~pl.col("area").is_in(sorted(iso)))
    assert own["area"].str.contains("^(X[A-Z]{2}|Q[M-Z][A-Z])$").all()
    assert own["note"].is_not_null().all()


def test_each_spelling_belongs_to_one_area() -> None:
    """No name could be read as two places."""
    owners: dict[str, list[str]] = {}
    for row in ROWS.values():
        for spelling in spellings(row):
            assert spelling == " ".join(spelling.split())
            owners.setdefault(key(spelling), []).append(row["area"])
    assert {name: found for name, found in owners.items() if len(found) > 1} == {}


def test_no_spelling_is_the_code_of_another_area() -> None:
    """A spelling such as CAR or EU is not the ISO code of some other country."""
    codes = {key(row["area"]): row["area"] for row in ROWS.values()}
    codes |= {key(r["iso3166_alpha2"]): r["area"] for r in ROWS.values() if r["iso3166_alpha2"]}
    clashes = {
        name: area for name, area in AREA_OF.items() if name in codes and codes[name] != area
    }
    assert clashes == {}


def test_every_iso_country_is_present_with_its_codes() -> None:
    """The table holds all of ISO 3166-1 under its own codes and finds its names."""
    for country in pycountry.countries:
        row = ROWS[country.alpha_3]
        assert row["kind"] == ("other area" if country.alpha_3 in {"ESH", "PSE"} else "country")
        assert (row["iso3166_alpha2"], row["iso3166_numeric"]) == (country.alpha_2, country.numeric)
        for attribute in ("name", "official_name", "common_name"):
            if name := getattr(country, attribute, None):
                assert AREA_OF[key(name)] == country.alpha_3
    iso = {country.alpha_3 for country in pycountry.countries}
    coded = AREAS.filter(pl.col("iso3166_numeric").is_not_null())
    assert set(coded["area"]) == iso


def test_names_that_libraries_get_wrong_stay_apart() -> None:
    """Neighbouring, former and combined names are not folded into today's countries."""
    wanted = {
        "Congo": "COG",
        "DRC": "COD",
        "Somaliland": "XSL",
        "Sudan (former)": "XFS",
        "Kosovo": "XKX",
        "Abkhazia": "XAB",
        "Nagorno-Karabakh": "XNK",
        "Serbia & Montenegro": "SCG",
        "Iraq, Kurdistan Region": "XKR",
        "Morocco and Moroccan-controlled Western Sahara": "XMW",
        "Armenia and Azerbaijan": "QRB",
        "Sudan Humanitarian Fund": "XSH",
        "World": "XWD",
        "Global (no country named)": "QRG",
    }
    assert {name: AREA_OF[key(name)] for name in wanted} == wanted


def test_the_transcribed_files_are_there() -> None:
    """The checks below have something to read."""
    assert len(TRANSCRIBED) > 10


@pytest.mark.parametrize("path", TRANSCRIBED, ids=lambda path: path.stem)
def test_every_printed_name_resolves(path: Path) -> None:
    """Each country, recipient, donor and region printed in the file has an area."""
    table = read(path)
    for column in NAME_COLUMNS:
        if column in table.columns:
            names = set(table[column].drop_nulls()) - NOT_AREAS - {""}
            assert {name for name in names if key(name) not in AREA_OF} == set()


@pytest.mark.parametrize("path", TRANSCRIBED, ids=lambda path: path.stem)
def test_printed_codes_agree_with_the_names(path: Path) -> None:
    """Where the file gives an ISO code beside a name, both lead to one area."""
    table = read(path)
    for code, name in (("iso3", "country"), ("recipient_iso3", "recipient")):
        if code in table.columns:
            pairs = table.select(code, name).drop_nulls().unique()
            wrong = [p for p in pairs.iter_rows() if p[0] and AREA_OF.get(key(p[1])) != p[0]]
            assert wrong == []


@pytest.mark.parametrize("file", STATE_FILES)
def test_state_regions_agree_with_the_transcribed_pairs(file: str) -> None:
    """A country stands in the region under which State printed it."""
    pairs = read(DATA / "transcribed" / "us_funding" / file).select("country", "region").unique()
    pairs = pairs.drop_nulls().filter(pl.col("region").is_in(sorted(STATE_REGIONS)))
    assert len(pairs) > 0
    wrong = [p for p in pairs.iter_rows() if ROWS[AREA_OF[key(p[0])]]["state_region"] != p[1]]
    assert wrong == []


def test_state_regions_use_the_six_printed_names() -> None:
    """The column holds State's six regions and nothing for the United States."""
    assert set(AREAS["state_region"].drop_nulls()) == STATE_REGIONS
    assert ROWS["USA"]["state_region"] is None


def test_every_outline_has_an_area_and_its_name() -> None:
    """A shape on the map leads to one row of the table, and each area has one shape."""
    found = outlines()
    unassigned = {shape["properties"]["name"] for shape in found.pop(None)}
    assert unassigned == {"Ashmore and Cartier Is.", "Indian Ocean Ter.", "Siachen Glacier"}
    for area, shapes in found.items():
        assert area is not None
        assert [s["properties"]["name"] for s in shapes] == [ROWS[area]["name"]]
        assert shapes[0].get("id") == ROWS[area]["iso3166_numeric"]


def test_the_map_draws_small_recipients_and_the_other_areas() -> None:
    """Pacific recipients and the other areas with an outline are on the map; Antarctica is not."""
    drawn = set(outlines())
    assert {"PLW", "MHL", "SLB", "KIR", "VUT"} <= drawn
    assert {"XKX", "XSL", "XNC", "PSE", "ESH"} <= drawn
    assert "ATA" not in drawn


def test_the_map_stays_light() -> None:
    """The map is sent with the page, so it stays under 800 kB."""
    assert (REFERENCE / "world.topo.json").stat().st_size < 800_000
