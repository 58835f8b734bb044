"""What Colombia's datasets of mine victims and mine events have in common: their form on datos.gov.co.

Copies differ in how they head their columns, in thousands commas and in the words for a missing
value. A source says which columns it reads and what its words mean; how they are found is here.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from etl.locate import line_of
from etl.pages import field_name, is_system_field
from etl.reading import Finding, Reading, Shape, decode, read_csv
from etl.spellings import fold

YEAR: Final = Shape(r"^([0-9]{4}|[0-9],[0-9]{3})$", "not a year", "write four digits")
MONTH: Final = Shape(r"^(0?[1-9]|1[0-2])$", "not a month", "write 1 to 12, or leave the cell empty")
DEPARTMENT: Final = Shape(r"^[0-9]{1,2}$", "not a department code", "write DANE's digits")
MUNICIPALITY: Final = Shape(
    r"^([0-9]{4,5}|[0-9]{1,2},[0-9]{3})$", "not a municipality code", "write DANE's digits"
)
DEGREES: Final = Shape(
    r"^-?[0-9]{1,3}(\.[0-9]{1,20})?$", "not a coordinate", "write degrees with a decimal point"
)
# Degrees between which Colombia lies, islands and sea included.
LATITUDES: Final = (-4.5, 16.5)
LONGITUDES: Final = (-82.5, -66.5)
# Repeats latitude and longitude; the interface may give it in several columns (ubicaci_n_city, …).
POINT: Final = "ubicaci_n"
# Words that say that nothing is known, folded.
MISSING: Final = (None, "sin información", "sin informacion")

# Printed words, folded, and what they say. Together with MISSING a source's tables are complete.
Table = Mapping[str | None, str | None]
PLACE_KINDS: Final[Table] = {"rural": "rural", "urbana": "urban"}


def read_rows(
    reading: Reading,
    file: str,
    content: bytes,
    columns: Sequence[str],
    optional: Sequence[str],
    other_names: Mapping[str, str],
) -> pl.DataFrame:
    """The rows as text with all ``columns`` and ``optional`` ones, and ``row`` counting them.

    ``other_names`` gives the one name of a column that some copies call otherwise.
    """

    def named(heading: str) -> str:
        name = heading if is_system_field(heading) else field_name(heading)
        return other_names.get(name, name)

    header = next(csv.reader(decode(file, content).splitlines()[:1]))
    present = [name for name in map(named, header) if name in optional or _is_not_read(name)]
    if not content.endswith((b"\n", b"\r")):
        # A cut row is a reject or stops the source; a cut between rows or in the last cell shows only here.
        last = content.count(b"\n") + 1
        reading.issue(
            Finding(
                line_of(file, last), None, "no line break at the end of the file", None,
                "compare the last row with the publisher's: the copy may be cut short",
            )
        )  # fmt: skip
        content += b"\n"
    frame = read_csv(reading, file, content, (*columns, *present), named=named)
    absent = [pl.lit(None, dtype=pl.String).alias(name) for name in optional if name not in present]
    return frame.with_columns(absent).with_row_index("row")


def _is_not_read(name: str) -> bool:
    return name.startswith(POINT) or is_system_field(name)


def look_at_points(reading: Reading, frame: pl.DataFrame, columns: str) -> None:
    """Name the points outside Colombia; ``columns`` are those that the source prints them in."""
    within = pl.col("latitude").is_between(*LATITUDES) & pl.col("longitude").is_between(*LONGITUDES)
    nowhere = pl.col("latitude").is_null() & pl.col("longitude").is_null()
    odd = frame.filter(~within.fill_null(value=False) & ~nowhere)
    for place, latitude, longitude in odd.select("locator", "latitude", "longitude").iter_rows():
        reading.issue(
            Finding(
                place, columns, "a point outside Colombia", f"{latitude}, {longitude}",
                "do not draw it; the publisher must mend it",
            )
        )  # fmt: skip


def spellings(frame: pl.DataFrame, column: str, table: Table) -> Table:
    """``table`` for the words of ``column`` as this copy writes them."""
    seen = frame.select(column, folded=fold(pl.col(column))).unique().rows()
    return {printed: table[folded] for printed, folded in seen if folded in table}


def digits(column: str) -> pl.Expr:
    """A number without its thousands comma."""
    return pl.col(column).str.replace_all(",", "", literal=True)


def present(column: str) -> pl.Expr:
    """The text as printed; null where it only says that nothing is known."""
    missing = fold(pl.col(column)).is_in([word for word in MISSING if word])
    return pl.when(missing.not_()).then(pl.col(column))
