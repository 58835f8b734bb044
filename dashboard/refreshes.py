"""What each refresh changed, in numbers and in words: for the page of changes and for the feed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import duckdb
import polars as pl

from etl import sql
from etl.tables import CHANGES, FACT_TABLES

_COUNTS: Final = (Path(__file__).parent / "sql" / "refresh_counts.sql").read_text(encoding="utf-8")


def counts(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """``refresh``, ``source_id``, ``change``, ``entries``: every refresh that changed an entry."""
    query = "\nUNION ALL\n".join(
        _COUNTS.format(table=sql.identifier(table)) for table in FACT_TABLES
    )
    answer: pl.DataFrame = con.execute(query).pl()
    return (
        answer.group_by("refresh", "source_id", "change")
        .agg(pl.col("entries").sum())
        .sort("refresh", "source_id", "change", descending=[True, False, False])
    )


def words(changed: Mapping[str, int] | Iterable[tuple[str, int]]) -> str:
    """'2 figures revised, 1 withdrawn'; nothing for no change."""
    numbers = dict(changed)
    parts = [(kind, numbers[kind]) for kind in CHANGES if numbers.get(kind)]
    return ", ".join(
        f"{number:,}{('' if place else ' figure' if number == 1 else ' figures')} {kind}"
        for place, (kind, number) in enumerate(parts)
    )
