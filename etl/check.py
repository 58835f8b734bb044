"""Checking canonical rows against the declared tables, before anything is recorded.

A row that breaks a declared constraint, or shares its natural key with another row, is a reject.
Whether a vintage with rejects may be used at all is for :mod:`etl.guard` to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from etl.reading import Finding, Reading, SourceError
from etl.sources import SourceSpec
from etl.tables import FACT_TABLES, NATURAL_KEYS, OWN_KEYS, polars_schema

HELPERS = ("file",)
LONGEST_TEXT = 32_767  # letters, of one value: as many as a cell of a workbook holds


@dataclass(frozen=True)
class Checked:
    """What may be recorded: rows by fact table, splits by fact table, and how many entries."""

    tables: dict[str, pl.DataFrame]
    splits: dict[str, pl.DataFrame]
    entries: int


def check(spec: SourceSpec, reading: Reading) -> Checked:
    """Apply the declared constraints and the natural keys to ``reading``.

    Rejects are added to ``reading.rejects``.
    """
    tables = {}
    for table, frames in reading.tables.items():
        frame = _complete(spec, table, pl.concat(frames, how="diagonal"))
        good = _constraints(reading, table, _short_enough(reading, table, frame))
        tables[table] = _unique(reading, table, good)
    splits = {table: pl.concat(frames) for table, frames in reading.splits.items()}
    entries = sum(frame.height for frame in tables.values())
    return Checked(tables, splits, entries)


def _complete(spec: SourceSpec, table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The columns of the table in their order; those that the reader leaves out are null."""
    declared = polars_schema(FACT_TABLES[table])
    unknown = set(frame.columns) - set(declared) - set(HELPERS)
    if unknown:
        raise SourceError(
            f"{spec.source_id}: read.py gives {table} undeclared columns {sorted(unknown)}"
        )
    undeclared = set(frame["series"].unique()) - set(spec.series)
    if undeclared:
        raise SourceError(
            f"{spec.source_id}: source.yml does not declare the series {sorted(undeclared)}"
        )
    absent = [
        pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in declared.items()
        if name not in frame.columns
    ]
    return frame.with_columns(absent).with_columns(source_id=pl.lit(spec.source_id))


def _short_enough(reading: Reading, table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Keep the rows whose texts people can read: a longer one would stop every workbook and page it stands in."""
    is_long = pl.any_horizontal(
        pl.col(pl.String).str.len_bytes() > LONGEST_TEXT  # quickly told; letters are counted below
    ).fill_null(value=False)
    places = set()
    for row in frame.filter(is_long).iter_rows(named=True):
        for column, value in row.items():
            if isinstance(value, str) and len(value) > LONGEST_TEXT:
                places.add(row["locator"])
                reading.reject(
                    Finding(
                        row["locator"], column, f"text too long in {table}", value,
                        f"it has {len(value):,} letters, and at most {LONGEST_TEXT:,} are kept; look at it in "
                        "the archived file",
                    )
                )  # fmt: skip
    return frame.filter(~pl.col("locator").is_in(sorted(places))) if places else frame


def _constraints(reading: Reading, table: str, frame: pl.DataFrame) -> pl.DataFrame:
    good, failure = FACT_TABLES[table].filter(frame, cast=True)
    columns = list(polars_schema(FACT_TABLES[table]))
    for row in failure.details().iter_rows(named=True):
        broken = [name for name, verdict in row.items() if verdict == "invalid"]
        for name in broken:
            column, _, rule = name.rpartition("|")
            raw = row.get(column) if column in columns else None
            reading.reject(
                Finding(
                    row["locator"], column or None, f"breaks the rule {rule} of {table}",
                    None if raw is None else str(raw), "see the data dictionary for what is allowed",
                )
            )  # fmt: skip
    # dataframely drops what it does not know; the file is needed to name the vintage
    return good.join(frame.select("locator", *HELPERS), on="locator", how="left").select(
        *columns, *HELPERS
    )


def _unique(reading: Reading, table: str, frame: pl.DataFrame) -> pl.DataFrame:
    own = OWN_KEYS.get(table)
    has_own = pl.col(own[-1]).is_not_null() if own else pl.lit(value=False)
    good = []
    for key, rows in ((NATURAL_KEYS[table], frame.filter(~has_own)), (own, frame.filter(has_own))):
        if key and rows.height:
            is_repeated = rows.select(key).is_duplicated()
            good.append(rows.filter(~is_repeated))
            _reject_repeated(reading, table, key, rows.filter(is_repeated))
    return pl.concat(good) if good else frame


def _reject_repeated(
    reading: Reading, table: str, key: Sequence[str], repeated: pl.DataFrame
) -> None:
    for row in repeated.sort("locator").iter_rows(named=True):
        value = "; ".join(str(row[name]) for name in key if row[name] is not None)
        reading.reject(
            Finding(
                row["locator"], None, f"duplicate key in {table}", value,
                "two rows say they are the same figure; remove one or tell them apart",
            )
        )  # fmt: skip
