"""The rules that questions share (``etl/sql/macros.sql``)."""

from __future__ import annotations

import duckdb
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from etl import sql
from etl.spellings import fold


@given(st.text("aBÉñ \t\n\u00a0\u2009\u3000", max_size=12))
def test_a_name_is_folded_as_the_reviewed_tables_fold_it(name: str) -> None:
    with duckdb.connect() as con:
        con.execute(sql.text("macros"))
        assert con.execute("SELECT folded(?)", [name]).fetchone() == (
            pl.select(fold(pl.lit(name))).item(),
        )
