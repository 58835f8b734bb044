"""What the readers of transcribed files share: above all, which edition is the newer one."""

from __future__ import annotations

import datetime
import doctest

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl import transcribed
from etl.tables import PRECISIONS, STATUSES
from etl.transcribed import FIRMNESS, edition_order, splits_of


def test_the_examples_in_the_docstrings_hold() -> None:
    results = doctest.testmod(transcribed)
    assert results.attempted > 0
    assert results.failed == 0


@given(st.lists(st.dates(datetime.date(1990, 1, 1), datetime.date(2099, 12, 31)), min_size=2))
def test_profiles_with_a_date_sort_by_it_however_the_date_is_written(
    dates: list[datetime.date],
) -> None:
    iso = [f"Monitor country profile {date.isoformat()}" for date in dates]
    long = [f"Monitor country profile updated {date.day} {date:%B} {date.year}" for date in dates]
    assert sorted(iso, key=lambda text: edition_order(text) or "") == sorted(iso)
    assert [edition_order(text) for text in long] == [date.isoformat() for date in dates]


@given(st.integers(1, 99), st.integers(1, 99))
def test_numbered_editions_sort_by_their_number(first: int, second: int) -> None:
    orders = [edition_order(f"{number}th edition") for number in (first, second)]
    assert (str(orders[0]) < str(orders[1])) == (first < second)


@pytest.mark.parametrize("edition", ["undated", "not stated", "17th of May", "page 1888"])
def test_an_edition_without_number_or_year_has_no_order(edition: str) -> None:
    assert edition_order(edition) is None


def test_the_year_of_the_data_is_not_the_year_of_the_edition() -> None:
    assert edition_order("Monitor country profile (2012 data)") is None
    assert edition_order("Monitor country profile 2013 (2012 data)") == "2013-12-31"


def test_every_word_of_firmness_leads_to_declared_words() -> None:
    for status, precision in FIRMNESS.values():
        assert status in STATUSES
        assert precision is None or precision in PRECISIONS


def test_a_part_that_is_not_printed_is_no_split() -> None:
    frame = pl.DataFrame(
        {"locator": ["f line 2", "f line 3"], "boys": ["3", None], "girls": ["0", None]}
    )
    parts = splits_of(
        frame, {"boys": ("sex", "boys", "people"), "girls": ("sex", "girls", "people")}
    )
    assert parts.select("locator", "category", "value").rows() == [
        ("f line 2", "boys", 3.0),
        ("f line 2", "girls", 0.0),
    ]
