"""Names of countries, other areas and regions, resolved to one code.

A printed name is compared after folding case and white space; it either is in
``data/reference/areas.csv`` or it is unknown. Nothing is guessed: an unknown name leaves the code
empty and an issue on the record.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from etl import spellings
from etl.reading import Finding, Reading
from etl.spellings import fold
from etl.tables import Areas

FILE: Final = "areas.csv"
LEAST_AREAS: Final = 350  # the ISO countries and about a hundred other lines; fewer is a cut file


def load_areas(reference: Path) -> pl.DataFrame:
    """The rows of areas.csv, all columns text (see :class:`etl.tables.Areas`).

    Raises:
        SourceError: the file is missing, or is not the table it should be.
    """
    return spellings.load(reference / FILE, Areas, "area", LEAST_AREAS)


class Resolver:
    """Adds area codes to frames, and records the names it does not know."""

    def __init__(self, areas: pl.DataFrame) -> None:
        """Take the rows of areas.csv; raises SourceError if two areas share a spelling.

        The code itself counts as a spelling.
        """
        self.names = spellings.spellings(areas, FILE, "area", "name")

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
