"""Texts that a spreadsheet would run: the quick look in front of the pattern changes nothing of its verdict."""

from __future__ import annotations

import duckdb
import polars as pl

from dashboard.downloads import csv_text


def test_the_quick_look_at_the_first_letter_never_overrules_the_pattern_of_formulas() -> None:
    """Every character there is, in front of a formula, after a space and alone, is guarded as the pattern alone would."""
    cell = csv_text._cell("title", pl.String(), raw=False)
    every = """
        SELECT unnest([chr(i::INTEGER) || '=1', ' ' || chr(i::INTEGER), chr(i::INTEGER)]) AS title
        FROM range(1, 1114112) AS r(i) WHERE i NOT BETWEEN 55296 AND 57343
    """
    query = f"""
        SELECT count(*), count(*) FILTER (guarded <> plain), count(*) FILTER (guarded <> expected)
        FROM (
            SELECT
                t.title AS plain, {cell.removesuffix(' AS "title"')} AS guarded,
                if(regexp_matches(t.title, '{csv_text.FORMULA}'), chr(39) || t.title, t.title) AS expected
            FROM ({every} UNION ALL SELECT '') AS t
        )
    """
    with duckdb.connect() as con:
        row = con.execute(query).fetchone()
    assert row is not None
    asked, guarded, wrong = row
    assert asked == 3 * (1114111 - 2048) + 1
    assert guarded > 1000
    assert wrong == 0
