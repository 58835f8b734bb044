"""Exchange rates: one direction of quoting, one currency a rate, and doubt where either is not sure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

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
from etl.sources.exchange_rates.read import COUNTRIES, KNOWN
from tests.helpers import DATA, NO_LIMITS, TRANSCRIBED, ask, contents, only
from tests.replay import Chunked, File, Route, Status, html, rate_limited, serving

SAMPLES = TRANSCRIBED.parents[2] / "shared" / "samples" / "deflators_fx"
AREAS = Resolver(load_areas(DATA / "reference"))
MONTHLY, ANNUAL = "federal_reserve_monthly.csv", "federal_reserve_annual.csv"
IMF_MONTHLY, IMF_ANNUAL = "imf_monthly.csv", "imf_annual.csv"
IMF_HEADER = "Date,Rate,Currency,Frequency,Source,Country code,Country"


def rates(files: Mapping[str, bytes]) -> tuple[Reading, pl.DataFrame]:
    spec = all_sources()["exchange_rates"]
    reading = Reading()
    spec.reader()(contents(files), reading, AREAS)
    checked = check(spec, reading)
    rejected = len({reject.locator for reject in reading.rejects})
    left = sum(reading.deselected.values())
    assert sum(reading.rows_read.values()) == checked.entries + rejected + left
    return reading, checked.tables["exchange_rates"]


def fed(*rows: str, value: str = "Exchange rate") -> bytes:
    return "\n".join((f"Date,Country,{value}", *rows, "")).encode()


def imf(*rows: str) -> bytes:
    return "\n".join((IMF_HEADER, *rows, "")).encode()


def doubts(reading: Reading) -> list[str]:
    return [doubt.rule for doubt in reading.doubts]


def test_a_rate_is_units_of_the_currency_for_one_dollar_and_names_what_of_the_month_it_is() -> None:
    reading, frame = rates({MONTHLY: fed("2013-04-01,United Kingdom,0.6535")})
    only(
        frame, series="fed_monthly", currency="GBP", country_as_printed="United Kingdom",
        date="2013-04", year=2013, period="month", basis="average", rate=0.6535,
        rate_as_printed="0.6535", locator=f"{MONTHLY} line 2",
    )  # fmt: skip
    assert (reading.issues, reading.doubts) == ([], [])


def test_the_imfs_rate_is_that_of_the_end_of_the_month_and_goes_by_the_countrys_code() -> None:
    _, frame = rates({IMF_MONTHLY: imf('2013-04-30,0.644,GBP,M,IMF,GB,"United Kingdom, the"')})
    only(frame, series="imf_monthly", date="2013-04", basis="end", country_as_printed="GB")


@pytest.mark.parametrize("value", ["Exchange rate", "Value"])
def test_the_column_of_the_rate_has_two_names(value: str) -> None:
    _, frame = rates({ANNUAL: fed("2017-01-01,Euro,0.8854", value=value)})
    only(frame, series="fed_annual", currency="EUR", date="2017", period="year", rate=0.8854)


def test_venezuela_missing_rates_old_rates_and_lands_without_a_currency_are_left_and_counted() -> (
    None
):
    files = {
        MONTHLY: fed("2018-08-01,Venezuela,2495016.1501", "2018-08-01,Japan,", "1989-12-01,Japan,144"),
        IMF_MONTHLY: imf("2018-08-31,1.5,,M,IMF,7A,A group", "2018-09-30,1.5,,M,IMF,7A,A group",
                         "2018-09-30,110,JPY,M,IMF,JP,Japan"),
    }  # fmt: skip
    reading, frame = rates(files)
    only(frame, currency="JPY", date="2018-09")
    assert reading.deselected == {MONTHLY: 3, IMF_MONTHLY: 2}
    assert [issue.rule for issue in reading.issues] == ["a country without a currency"]


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ("2013-04-01,Atlantis,1.5", "unknown category"),
        ("2013-04-01,Japan,ND", "not a rate"),
        ("2013-04-01,Japan,-98.1", "not a rate"),
        ("2013-04-01,Japan,0", "breaks the rule"),
        ("2013-13-01,Japan,98.1", "not a date"),
        (",Japan,98.1", "a value is missing"),
        ("2013-04-01,Japan", "wrong number of cells"),
    ],
)
def test_a_row_that_is_not_as_it_should_be_is_a_reject(row: str, rule: str) -> None:
    reading, frame = rates({MONTHLY: fed("2013-03-01,Japan,94.7", row)})
    only(frame, date="2013-03")
    assert [reject.rule.startswith(rule) for reject in reading.rejects] == [True]


def test_a_file_without_its_column_stops_the_source_and_so_do_exchanged_files() -> None:
    with pytest.raises(SourceError, match="line 1 lacks the column Exchange rate"):
        rates({MONTHLY: fed("2013-03-01,Japan,94.7", value="Rate")})
    with pytest.raises(SourceError, match="frequency A, the file should hold one rate a month"):
        rates({IMF_MONTHLY: imf("2013-12-31,97.6,JPY,A,IMF,JP,Japan")})
    with pytest.raises(SourceError, match="none of the files"):
        rates({})


def test_every_country_of_the_file_has_a_currency_whose_direction_was_looked_at() -> None:
    assert {currency for currency in COUNTRIES.values() if currency} == set(KNOWN)


@pytest.mark.parametrize(
    ("country", "currency"), [(name, code) for name, code in COUNTRIES.items() if code]
)
def test_a_currency_that_stands_on_its_head_in_a_known_month_is_doubted(
    country: str, currency: str
) -> None:
    right = KNOWN[currency]
    reading, _ = rates({MONTHLY: fed(f"2000-01-01,{country},{right}")})
    assert reading.doubts == []
    wrong = 1 / right if abs(right - 1) > 0.1 else 2 * right
    reading, _ = rates({MONTHLY: fed(f"2000-01-01,{country},{wrong:.4f}")})
    assert doubts(reading) == [f"a dollar cost {right:g} {currency} in 2000-01"]


def test_two_sources_far_from_each_other_are_doubted() -> None:
    files = {MONTHLY: fed("2013-04-01,United Kingdom,0.6535")}
    near, _ = rates({**files, IMF_MONTHLY: imf("2013-04-30,0.644,GBP,M,IMF,GB,UK")})
    assert near.doubts == []
    apart, _ = rates({**files, IMF_MONTHLY: imf("2013-04-30,1.5527,GBP,M,IMF,GB,UK")})
    assert doubts(apart) == ["more than 2 times or less than half of the IMF's rate, 1.5527"]


def test_a_year_far_from_its_months_is_doubted_and_an_incomplete_year_is_not_compared() -> None:
    months = [f"2013-{month:02}-01,Euro,0.75" for month in range(1, 13)]
    annual = fed("2013-01-01,Euro,1.5281")
    reading, _ = rates({MONTHLY: fed(*months), ANNUAL: annual})
    assert doubts(reading) == [
        "more than 2 times or less than half of the mean of its months, 0.75"
    ]
    reading, _ = rates({MONTHLY: fed(*months[1:]), ANNUAL: annual})
    assert reading.doubts == []


def test_a_leap_from_one_month_to_the_next_is_an_issue() -> None:
    reading, frame = rates(
        {IMF_MONTHLY: imf("2024-03-31,22055.4738,ZWG,M,IMF,ZW,Zimbabwe",
                          "2024-04-30,13.4301,ZWG,M,IMF,ZW,Zimbabwe")}
    )  # fmt: skip
    assert frame.height == 2
    assert [issue.rule for issue in reading.issues] == ["changes more than 3-fold, from 22055.5"]


@pytest.mark.skipif(not SAMPLES.exists(), reason="the shared samples are not here")
def test_the_real_files_load_with_every_row_accounted_for() -> None:
    reading, frame = rates(
        {
            MONTHLY: (SAMPLES / "fx_monthly_fred_2026-07.csv").read_bytes(),
            ANNUAL: (SAMPLES / "fx_annual_fred_2026-07.csv").read_bytes(),
            IMF_MONTHLY: (SAMPLES / "imf_exchange_rates_codeforiati_fixture.csv").read_bytes(),
        }
    )
    assert reading.rows_read == {MONTHLY: 17237, ANNUAL: 993, IMF_MONTHLY: 6035}
    assert (frame.height, reading.rejects, reading.doubts) == (14960, [], [])
    assert len(reading.issues) == 3, "Angola 1992 and 1993, Argentina 1990: new currencies"
    _, older = rates({ANNUAL: (SAMPLES / "fx_yearly_fred.csv").read_bytes()})
    newer = frame.filter(pl.col("series") == "fed_annual")
    assert older.drop("vintage_sha256", "locator").equals(newer.drop("vintage_sha256", "locator"))


FIRST = fed("2013-03-01,Japan,94.7")
SECOND = fed("2013-04-01,Japan,97.7", "2013-03-01,Japan,94.8")
# One after the other on one ledger: what the publisher does, and what becomes of the source.
CASES: dict[str, tuple[list[Route], str]] = {
    "unchanged": ([File(FIRST)], "unread"),
    "a page": ([html()], "stale"),
    "cut for ever": ([Chunked([SECOND[:9]], is_cut=True)], "stale"),
    "a changed header": ([File(fed(value="Rate"), etag='"2"')], "held"),
    "429, 500, cut, and the rest": (
        [rate_limited(0), Status(500), File(SECOND, etag='"3"', cut=9), File(SECOND, etag='"3"')],
        "changed",
    ),
}


def test_what_a_publisher_does_is_borne(
    workspace: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurried = partial(Fetcher, outside=Outside(sleep=lambda _: None))
    monkeypatch.setattr("etl.retrieve.Fetcher", hurried)
    rules = FetchSpec(
        base_url="https://data.example/", hosts=("data.example",), urls={MONTHLY: "monthly.csv"},
        min_interval_seconds=0, attempts=4,
    )  # fmt: skip
    update = {"fetch": rules, "min_entries": 0, "guard": NO_LIMITS}
    spec = all_sources()["exchange_rates"].model_copy(update=update)
    held, changed = [("2013-03", 94.7)], [("2013-03", 94.8), ("2013-04", 97.7)]
    with serving() as replay:
        settings = Config.model_validate(
            {
                "fetch": {"allow_loopback": True},
                "sources": {"exchange_rates": {"base_url": replay.url("/")}},
            }
        )
        replay.on("/monthly.csv", File(FIRST))
        assert refresh(workspace, [spec], settings=settings).failed == []
        for case, (routes, end) in CASES.items():
            replay.on("/monthly.csv", *routes)
            [source] = refresh(workspace, [spec], settings=settings).sources
            found = ask(workspace, "SELECT date, rate FROM exchange_rates ORDER BY date")
            assert found == (changed if end == "changed" else held), case
            assert source.is_unread == (end in {"unread", "stale"}), case
            assert (source.failure is None) == (end in {"changed", "unread"}), case
