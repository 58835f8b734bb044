"""Tables of names: one row a thing, with every spelling under which the sources print it.

``data/reference/areas.csv`` and ``implementers.csv`` are such tables. Printed names are compared
after folding case and white space, and a spelling belongs to one row only. Nothing is guessed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import dataframely as dy
import polars as pl

from etl.reading import Reading, SourceError, read_csv

SEPARATOR: Final = " ; "


def fold(column: pl.Expr) -> pl.Expr:
    """A name as it is compared: trimmed, lower case, single spaces."""
    return column.str.strip_chars().str.to_lowercase().str.replace_all(r"\s+", " ")


def load(path: Path, schema: type[dy.Schema], key: str, least: int) -> pl.DataFrame:
    """The rows of a table of names, all columns text.

    ``key`` is the column that names a row; ``least`` rows must be there, or the file was cut.

    Raises:
        SourceError: the file is missing, or is not the table it should be.
    """
    if not path.is_file():
        raise SourceError(f"{path} is missing; restore it from version control")
    reading = Reading()
    rows = read_csv(reading, path.name, path.read_bytes(), schema.column_names())
    if reading.rejects:
        raise SourceError(str(reading.rejects[0]))
    for place, name in rows.filter(pl.col(key).is_duplicated()).select("locator", key).rows():
        raise SourceError(
            f"{place} repeats the {key} {name}; every {key} stands once, or sums double"
        )
    if rows.height < least:
        raise SourceError(
            f"{path.name} has {rows.height} {key}s, at least {least} expected; restore the file"
        )
    table, failure = schema.filter(rows.drop("file", "locator"))
    if len(failure):
        raise SourceError(
            f"{path.name} breaks these rules, with how many rows each: {failure.counts()}"
        )
    return table


def spellings(table: pl.DataFrame, file: str, key: str, *also: str) -> pl.DataFrame:
    """One row a spelling: ``folded`` name and ``key``; the columns ``also`` hold spellings, too.

    Raises:
        SourceError: two rows of ``file`` claim one spelling.
    """
    names = (
        table.select(
            key,
            pl.concat_list(key, *also, pl.col("spellings").fill_null("").str.split(SEPARATOR))
            .list.unique()
            .alias("spelling"),
        )
        .explode("spelling", empty_as_null=True)
        .filter(pl.col("spelling") != "")
        .select(fold(pl.col("spelling")).alias("folded"), key)
        .unique()
    )
    shared = names.group_by("folded").len().filter(pl.col("len") > 1)["folded"].sort().to_list()
    if shared:
        raise SourceError(f"{file} gives the same spelling to two {key}s: {', '.join(shared)}")
    return names
