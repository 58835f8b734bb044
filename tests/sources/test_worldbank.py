"""The World Bank's population and GDP: pages that fit together, aggregates apart, no figure where none is printed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any

import polars as pl
import pytest

from etl.areas import Resolver, load_areas
from etl.check import check
from etl.config import Config
from etl.fetch import Fetcher, Outside
from etl.reading import Reading, SourceError
from etl.refresh import refresh
from etl.settings import Folders
from etl.sources import FetchSpec, all_sources
from tests.helpers import DATA, NO_LIMITS, TRANSCRIBED, ask, contents, only
from tests.replay import Paged, Route, Status, answer_json, html, rate_limited, serving

SAMPLES = TRANSCRIBED.parents[2] / "shared" / "samples" / "worldbank"
AREAS = Resolver(load_areas(DATA / "reference"))
FILE, COPY, GDP = "population.json", "population.csv", "gdp.json"
PATH = "/v2/country/all/indicator/SP.POP.TOTL"
GDP_PATH = "/v2/country/all/indicator/NY.GDP.MKTP.CD"
Record = dict[str, Any]


def record(
    code: str = "AFG", year: str = "2024", value: object = 42647492, name: str = "Afghanistan"
) -> Record:
    """A record in the documented shape."""
    return {
        "indicator": {"id": "SP.POP.TOTL", "value": "Population, total"},
        "country": {"id": code[:2] or "1A", "value": name}, "countryiso3code": code, "date": year,
        "value": value, "unit": "", "obs_status": "", "decimal": 0,
    }  # fmt: skip


def output(code: str = "AFG", year: str = "2023", value: object = 17152234636.9) -> Record:
    """A record of the GDP in the same shape."""
    indicator = {"id": "NY.GDP.MKTP.CD", "value": "GDP (current US$)"}
    return {**record(code, year, value), "indicator": indicator}


def page(*records: Record, number: int = 1, pages: int = 1, total: int | None = None) -> list[Any]:
    about = {
        "page": number, "pages": pages, "per_page": 10000, "sourceid": "2",
        "total": len(records) if total is None else total, "lastupdated": "2026-02-24",
    }  # fmt: skip
    return [about, list(records)]


def read_files(
    files: Mapping[str, bytes], table: str = "population"
) -> tuple[Reading, pl.DataFrame]:
    spec = all_sources()["worldbank"]
    reading = Reading()
    spec.reader()(contents(files), reading, AREAS)
    checked = check(spec, reading)
    rejected = len({reject.locator for reject in reading.rejects})
    left = sum(reading.deselected.values())
    assert sum(reading.rows_read.values()) == checked.entries + rejected + left
    return reading, checked.tables[table]


def population(*records: Record) -> tuple[Reading, pl.DataFrame]:
    return read_files({FILE: json.dumps(page(*records)).encode() + b"\n"})


def test_a_record_is_the_people_of_one_area_in_one_year() -> None:
    reading, frame = population(record())
    only(
        frame, area="AFG", area_as_printed="Afghanistan", code_as_printed="AFG", year=2024,
        people=42647492, locator=f"{FILE} line 1 /1/0",
    )  # fmt: skip
    assert reading.issues == []


def test_aggregates_and_missing_figures_are_left_and_counted() -> None:
    reading, frame = population(
        record(value=None), record("", name="Arab World"), record("SSF", name="Sub-Saharan Africa"),
        record("XKX", value=1594353.0, name="Kosovo"),
    )  # fmt: skip
    only(frame, area="XKX", people=1594353)
    assert (reading.deselected, reading.issues) == ({FILE: 3}, [])


def test_the_world_is_an_area_and_what_is_not_known_an_issue() -> None:
    reading, frame = population(record("WLD", name="World"), record("", name="A new group"))
    assert frame["area"].to_list() == ["XWD", None]
    assert [issue.rule for issue in reading.issues] == [
        "neither a country nor a known aggregate", "unknown area",
    ]  # fmt: skip


@pytest.mark.parametrize(("year", "value"), [("20244", 1), ("2024", "many"), ("2024", 1.5)])
def test_a_record_that_is_not_as_it_should_be_is_a_reject(year: str, value: object) -> None:
    reading, frame = population(record(), record(year=year, value=value))
    assert (frame.height, len(reading.rejects)) == (1, 1)


@pytest.mark.parametrize("content", [b"[1]", b"[1, 2]", b'[1, [{"a": 1}]]', b"{}", b"x", b'{"a": 1, "b": 2}',
    json.dumps(page(record(), {**record(), "date": [2024]})).encode(),
    json.dumps(page({**record(), "country": {"id": "AF", "value": {}}})).encode(),
])  # fmt: skip
def test_an_answer_of_another_shape_stops_the_source(content: bytes) -> None:
    with pytest.raises(SourceError, match=f"{FILE} line 1"):
        read_files({FILE: content})


def test_a_copy_is_read_where_the_banks_answer_is_not_there() -> None:
    copy = b"Country Name,Country Code,Year,Value\nAfghanistan,AFG,2024,1\nWorld,WLD,2024,2\n"
    _, frame = read_files({COPY: copy})
    assert frame["area"].to_list() == ["AFG", "XWD"]
    both = {COPY: copy, FILE: json.dumps(page(record())).encode()}
    reading, frame = read_files(both)
    only(frame, people=42647492)
    assert reading.deselected == {COPY: 2}


def gdp(*records: Record) -> tuple[Reading, pl.DataFrame]:
    return read_files({GDP: json.dumps(page(*records)).encode() + b"\n"}, "gdp")


def test_the_gdp_is_in_dollars_of_its_year_to_the_cent_and_in_a_table_of_its_own() -> None:
    reading, frame = gdp(output(), output("WLD", value=106171668107894.55))
    assert frame["area"].to_list() == ["AFG", "XWD"]
    assert frame["gdp_usd"].to_list() == [
        Decimal("17152234636.90"), Decimal("106171668107894.55"),
    ]  # fmt: skip
    only(
        frame.filter(area="AFG"), series="wb_gdp", year=2023, gdp_as_printed="17152234636.9",
        locator=f"{GDP} line 1 /1/0", source_url="https://data.worldbank.org/indicator/NY.GDP.MKTP.CD",
    )  # fmt: skip
    assert (reading.issues, reading.rejects) == ([], [])


def test_a_missing_gdp_is_left_and_a_group_of_countries_too() -> None:
    reading, frame = gdp(output(), output("ERI", value=None), output("SSF"))
    only(frame, area="AFG")
    assert reading.deselected == {GDP: 2}


@pytest.mark.parametrize("value", [-1.5, "1 billion", 1e17])
def test_a_gdp_that_is_no_amount_is_a_reject(value: object) -> None:
    reading, frame = gdp(output(), output(year="2022", value=value))
    assert (frame.height, len(reading.rejects)) == (1, 1)


def test_two_files_that_were_exchanged_stop_the_source() -> None:
    with pytest.raises(
        SourceError, match=r"is about the indicator 'SP[.]POP[.]TOTL', not NY[.]GDP"
    ):
        gdp(record())


def test_population_is_the_same_with_or_without_the_gdp() -> None:
    people = {FILE: json.dumps(page(record())).encode()}
    both = {**people, GDP: json.dumps(page(output())).encode()}
    assert read_files(people)[1].equals(read_files(both)[1])
    assert read_files(both, "gdp")[1].height == 1


@pytest.mark.skipif(not SAMPLES.exists(), reason="the shared samples are not here")
def test_the_real_copy_loads_with_every_row_accounted_for() -> None:
    reading, frame = read_files(
        {COPY: (SAMPLES / "population_SP.POP.TOTL_2026-03.csv").read_bytes()}
    )
    assert reading.rows_read == {COPY: 17195}
    assert reading.deselected == {COPY: 48 * 65}, "48 aggregates, 1960 to 2024"
    assert (frame.height, reading.rejects, reading.issues) == (14075, [], [])
    assert not set(frame["area"]) & {"ESH", "TWN"}


FIRST = [page(record(), number=1, pages=2, total=2), page(record(year="2023"), number=2, pages=2, total=2)]  # fmt: skip
SECOND = [page(record(value=42647493), record(year="2023"))]
# updated on another day than the population
OUTPUT = [[{**page(output())[0], "lastupdated": "2025-12-19"}, [output()]]]
ERROR = [{"message": [{"id": "120", "key": "Invalid value", "value": "..."}]}]
# One after the other on one ledger: what the Bank does, and what becomes of the source.
CASES: dict[str, tuple[list[Route], str]] = {
    "unchanged pages": ([Paged(FIRST)], "unread"),
    "an error that comes as an answer": ([answer_json(ERROR)], "is no page of records"),
    "more pages than can be": ([answer_json(page(record(), pages=10**9))], "more than 500"),
    "pages that are no number": ([answer_json([{**page()[0], "pages": True}, []])], "no page of records"),
    "a record that is none": ([answer_json([page(record())[0], [7]])], "is no page of records"),
    "NaN": ([answer_json(page(record(value=float("nan"))))], "NaN is no number"),
    "a page for people": ([html()], "is an HTML page"),
    "another edition on page 2": (
        [Paged([FIRST[0], [{**FIRST[1][0], "lastupdated": "2026-03-01"}, FIRST[1][1]]])],
        "page 2 says lastupdated 2026-03-01, page 1 said 2026-02-24",
    ),
    "a record fewer than counted": ([answer_json(page(record(), total=2))], "1 records came, 2 are"),
    "the same page again": ([answer_json(FIRST[0])], "page 1 came for page 2"),
    "429, 500, then the pages": ([rate_limited(0), Status(500), Paged(SECOND)], "changed"),
}  # fmt: skip


def test_what_the_bank_does_is_borne(workspace: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    hurried = partial(Fetcher, outside=Outside(sleep=lambda _: None))
    monkeypatch.setattr("etl.retrieve.Fetcher", hurried)
    spec = all_sources()["worldbank"]
    rules = FetchSpec.model_validate(
        dict(spec.fetch or {}) | {"min_interval_seconds": 0, "attempts": 3}
    )
    spec = spec.model_copy(update={"fetch": rules, "min_entries": 0, "guard": NO_LIMITS})
    with serving() as replay:
        settings = Config.model_validate(
            {
                "fetch": {"allow_loopback": True},
                "sources": {"worldbank": {"base_url": replay.url("/")}},
            }
        )
        replay.on(PATH, Paged(FIRST))
        replay.on(GDP_PATH, Paged(OUTPUT))
        assert refresh(workspace, [spec], settings=settings).failed == []
        assert replay.requests(PATH)[1].query["page"] == "2"
        assert ask(workspace, "SELECT gdp_usd FROM gdp") == [(Decimal("17152234636.90"),)]
        for case, (routes, end) in CASES.items():
            replay.on(PATH, *routes)
            [source] = refresh(workspace, [spec], settings=settings).sources
            newest = ask(workspace, "SELECT people FROM population WHERE year = 2024")
            assert newest == [(42647493 if end == "changed" else 42647492,)], case
            assert source.is_unread == (end != "changed"), case
            if end in {"unread", "changed"}:
                assert source.failure is None, case
            else:
                assert end in str(source.failure), case
        replay.on(GDP_PATH, Paged([page(output(value=17152234637))]))
        [source] = refresh(workspace, [spec], settings=settings).sources
        assert source.changes == {"revised": 1}, "the population has its own last update"
