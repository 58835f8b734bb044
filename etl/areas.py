"""Names of countries, other areas and regions, resolved to one code.

A printed name is compared after folding case and white space; it either is in
``data/reference/areas.csv`` or it is unknown. Nothing is guessed: an unknown name leaves the code
empty and an issue on the record.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from etl.reading import Finding, Reading, SourceError, read_csv
from etl.tables import Areas

SEPARATOR = " ; "
LEAST_AREAS = 350  # the ISO countries and about a hundred other lines; fewer is a cut file


def fold(column: pl.Expr) -> pl.Expr:
    """A name as it is compared: trimmed, lower case, single spaces."""
    return column.str.strip_chars().str.to_lowercase().str.replace_all(r"\s+", " ")


def load_areas(reference: Path) -> pl.DataFrame:
    """The rows of areas.csv, all columns text (see :class:`etl.tables.Areas`).

    Raises:
        SourceError: the file is missing, or is not the table it should be.
    """
    path = reference / "areas.csv"
    if not path.is_file():
        raise SourceError(f"{path} is missing; restore it from version control")
    reading = Reading()
    rows = read_csv(reading, "areas.csv", path.read_bytes(), Areas.column_names())
    if reading.rejects:
        raise SourceError(str(reading.rejects[0]))
    for place, area in rows.filter(pl.col("area").is_duplicated()).select("locator", "area").rows():
        raise SourceError(
            f"{place} repeats the area {area}; every area stands once, or sums double"
        )
    if rows.height < LEAST_AREAS:
        raise SourceError(
            f"areas.csv has {rows.height} areas, at least {LEAST_AREAS} expected; restore the file"
        )
    areas, failure = Areas.filter(rows.drop("file", "locator"))
    if len(failure):
        raise SourceError(
            f"areas.csv breaks these rules, with how many rows each: {failure.counts()}"
        )
    return areas


def spellings(areas: pl.DataFrame) -> pl.DataFrame:
    """One row a spelling: ``folded`` name and ``area``; raises SourceError if two areas share one.

    The code itself counts as a spelling.
    """
    names = (
        areas.select(
            "area",
            pl.concat_list("area", "name", pl.col("spellings").fill_null("").str.split(SEPARATOR))
            .list.unique()
            .alias("spelling"),
        )
        .explode("spelling", empty_as_null=True)
        .filter(pl.col("spelling") != "")
        .select(fold(pl.col("spelling")).alias("folded"), "area")
        .unique()
    )
    shared = names.group_by("folded").len().filter(pl.col("len") > 1)["folded"].to_list()
    if shared:
        raise SourceError(f"areas.csv gives the same spelling to two areas: {', '.join(shared)}")
    return names


class Resolver:
    """Adds area codes to frames, and records the names it does not know."""

    def __init__(self, areas: pl.DataFrame) -> None:
        """Take the rows of areas.csv."""
        self.names = spellings(areas)

    def resolve(
        self, reading: Reading, frame: pl.DataFrame, column: str, into: str, *, quiet: bool = False
    ) -> pl.DataFrame:
        """Add ``into``, the code of the name in ``column``; unknown names become issues.

        ``quiet`` is for names that need not be areas at all, such as a fund among donors.
        """
        resolved = (
            frame.with_columns(fold(pl.col(column)).alias("_folded"))
            .join(
                self.names.rename({"area": into, "folded": "_folded"}),
                on="_folded",
                how="left",
                maintain_order="left",
            )
            .drop("_folded")
        )
        if not quiet:
            unknown = resolved.filter(pl.col(into).is_null() & pl.col(column).is_not_null())
            for row in unknown.select("locator", column).iter_rows():
                reading.issue(
                    Finding(
                        row[0], column, "unknown area", row[1],
                        "add the spelling to data/reference/areas.csv, or mend it in the file",
                    )
                )  # fmt: skip
        return resolved
