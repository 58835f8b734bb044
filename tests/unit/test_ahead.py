"""The next piece is made while the last one is used, and an answer's rows are never held all at once."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.ahead import ahead
from dashboard.answer import Answer, CutShortError, Question
from etl.store import Lease

ROWS = 400_000  # many more than the database makes beforehand


def numbers(count: int, made: list[int], closed: list[str]) -> Generator[int, None, None]:
    """Notes what is made, and that it is over."""
    try:
        for number in range(count):
            made.append(number)
            yield number
    finally:
        closed.append(threading.current_thread().name)


@given(st.integers(0, 20), st.integers(0, 25))
def test_the_same_items_come_in_order_and_at_most_one_is_made_for_nobody(
    count: int, wanted: int
) -> None:
    made: list[int] = []
    closed: list[str] = []
    items = ahead(numbers(count, made, closed))
    taken = [item for _, item in zip(range(wanted), items, strict=False)]
    assert taken == list(range(min(count, wanted)))
    items.close()
    assert len(made) <= len(taken) + 1
    assert len(closed) == (1 if made or wanted else 0)
    assert [one.name for one in threading.enumerate() if one.name.startswith("ThreadPool")] == []


def test_the_next_one_is_made_while_the_last_one_is_used() -> None:
    second = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        second.set()
        yield 2

    made = ahead(item for item in items())
    assert next(made) == 1
    assert second.wait(10), "nothing is made before it is asked for"
    assert list(made) == [2]


def test_what_goes_wrong_is_raised_where_it_would_have_come() -> None:
    def items() -> Generator[int, None, None]:
        yield 1
        raise duckdb.InterruptException("too long")

    made = ahead(items())
    assert next(made) == 1
    with pytest.raises(duckdb.InterruptException, match="too long"):
        next(made)


@contextmanager
def asked(limit: int | None) -> Iterator[tuple[Answer, list[int]]]:
    """An answer with many rows, and which of them the database has made so far."""
    made: list[int] = []

    def note(number: int) -> int:
        assert len(made) < ROWS / 2, "all rows are made before the first is given out"
        made.append(number)
        return number

    with duckdb.connect() as con:
        con.create_function("note", note, [duckdb.sqltypes.BIGINT], duckdb.sqltypes.BIGINT)
        con.execute(
            "CREATE VIEW funding AS SELECT note(range) AS n, repeat('x', 1000) AS title, 'a' AS source_id "
            f"FROM range({ROWS})"
        )
        yield Answer(Question("funding", limit=limit), Lease("ledger", con)), made


@pytest.mark.parametrize("limit", [None, ROWS])
def test_the_first_rows_leave_before_the_last_are_made(limit: int | None) -> None:
    with asked(limit) as (answer, made), closing(answer.batches(["t.n", "t.title"])) as batches:
        assert next(batches).num_rows > 0
        assert len(made) < ROWS / 2


def test_rows_that_another_question_has_cut_short_are_not_taken_for_all() -> None:
    with asked(None) as (answer, _):
        assert answer.rows == ROWS
        batches = answer._batches(["t.n", "t.title"], 5_000)
        next(batches)
        answer.lease.con.execute("SELECT 1").fetchall()
        with pytest.raises(CutShortError, match=f"rows came of {ROWS}"):
            list(batches)
