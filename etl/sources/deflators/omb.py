"""Table 10.1 of the Historical Tables of the U.S. budget: a chained price index of GDP by fiscal year.

No real workbook was available when this was written, so it is unverified. It follows the layout in
which the table is published as text: a title, the base in brackets ("Fiscal Year 1996 = 1.000"),
headings over several rows, then one row a fiscal year. The transition quarter of 1976 has a row of its
own, "TQ": it is no year, so it is left. Years to come are marked "estimate". Anything else stops the
source with what was found, because a column that has moved gives wrong dollars without a word.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import polars as pl

from etl.areas import Resolver
from etl.reading import Finding, Reading, Shape, SourceError, shaped
from etl.sheets import Grid, SheetError, row_of, workbook

TITLE: Final = re.compile(r"table 10\.1\b.*deflators", re.IGNORECASE | re.DOTALL)
BASE: Final = re.compile(r"fiscal year ([12][0-9]{3})\s*=\s*1(\.0+)?\b", re.IGNORECASE)
YEAR: Final = re.compile(r"([12][0-9]{3})(?:\.0)?\s*(estimate)?", re.IGNORECASE)
TRANSITION: Final = re.compile(r"TQ\b.*", re.IGNORECASE)
# What the first columns must be called, all rows of the heading read from top to bottom.
HEADINGS: Final = (
    re.compile(r"(fiscal )?year", re.IGNORECASE),
    re.compile(r"gdp \(in billions of dollars\)", re.IGNORECASE),
    re.compile(r"gdp \(chained\) price index", re.IGNORECASE),
)
INDEX: Final = Shape(
    r"^[0-9]{1,3}(\.[0-9]{1,20})?$", "not an index", "the table prints a number near 1"
)
WITHIN: Final = 0.0005  # of 1, in the base year


class Row(NamedTuple):
    """One fiscal year as printed."""

    locator: str
    year: int
    printed: str | None
    is_estimate: bool


def table_10_1(reading: Reading, file: str, content: bytes, resolver: Resolver) -> pl.DataFrame:
    """One row a fiscal year of the column "GDP (Chained) Price Index".

    Raises:
        SourceError: it is no workbook, or its title, base or headings are not those of the table.
    """
    del resolver
    try:
        grid, sheet = workbook(file, content, None)
    except SheetError as error:
        raise SourceError(str(error)) from error
    lines: list[list[str | None]] = [
        [*grid.names],
        *grid.rows,
    ]  # the first row with anything in it serves as names elsewhere
    numbers = [0, *grid.numbers]  # the number of that first row is not needed
    first = next((at for at, cells in enumerate(lines) if YEAR.fullmatch(cells[0] or "")), None)
    if first is None:
        raise SourceError(f"{file}, sheet {sheet}: no row begins with a year")
    base = _look_at_head(file, sheet, lines[:first])
    rows = _years(reading, file, sheet, lines[first:], numbers[first:], grid)
    frame = pl.DataFrame(rows, schema=["locator", "year", "printed", "is_estimate"], orient="row",
                         schema_overrides={"printed": pl.String, "year": pl.Int64})  # fmt: skip
    frame = shaped(reading, frame.with_columns(file=pl.lit(file)), {"printed": INDEX})
    frame = frame.with_columns(value=pl.col("printed").cast(pl.Float64))
    _look_at_base(reading, file, sheet, frame, base)
    return frame.select(
        "file", "locator", "year", "value",
        series=pl.lit("omb_table_10_1"),
        report=pl.lit("Historical Tables, Budget of the U.S. Government, table 10.1"),
        edition=pl.lit(file),
        source_url=pl.lit(
            "https://www.whitehouse.gov/omb/information-resources/budget/historical-tables/"
        ),
        note=pl.when("is_estimate").then(pl.lit("the table marks the year as an estimate")),
        area=pl.lit("USA"),
        year_basis=pl.lit("fiscal"),
        price_index=pl.lit("us_gdp_chained_price_index"),
        unit=pl.lit(f"index, FY{base} = 1"),
        base_period=pl.lit(f"FY{base}"),
        base_value=1.0,
        periods_averaged=pl.lit(1, dtype=pl.Int64),
        publisher=pl.lit("U.S. Office of Management and Budget"),
    )  # fmt: skip


def _look_at_head(file: str, sheet: str, head: list[list[str | None]]) -> int:
    """The base year, if the rows above the first year are those of the table."""
    cells = [" ".join(cell.split()) for row in head for cell in row if cell]
    if not any(TITLE.search(cell) for cell in cells):
        raise SourceError(
            f"{file}, sheet {sheet}: no title of Table 10.1 with its deflators stands above the years; it has "
            f"{_shown(cells)}"
        )
    bases = [found[1] for cell in cells if (found := BASE.search(cell))]
    if len(bases) != 1:
        raise SourceError(
            f"{file}, sheet {sheet}: above the years should stand once which fiscal year is 1.000; it has "
            f"{_shown(cells)}"
        )
    at = next(
        number for number, row in enumerate(head) if any(cell and BASE.search(cell) for cell in row)
    )
    for column, wanted in enumerate(HEADINGS):
        parts = [row[column] for row in head[at + 1 :] if column < len(row)]
        heading = " ".join(" ".join(part.split()) for part in parts if part)
        if not wanted.fullmatch(heading):
            raise SourceError(
                f"{file}, sheet {sheet}: column {column + 1} is headed {heading!r}, not "
                f"{wanted.pattern!r}; has the layout changed?"
            )
    return int(bases[0])


def _years(
    reading: Reading,
    file: str,
    sheet: str,
    lines: list[list[str | None]],
    numbers: list[int],
    grid: Grid,
) -> list[Row]:
    """The rows that are years; TQ and notes without figures are left, anything else is a reject."""
    reading.rows_read[file] = len(lines)
    years, left = [], 0
    for number, cells in zip(numbers, lines, strict=True):
        place, name = row_of(file, sheet, number), cells[0] or ""
        year = YEAR.fullmatch(name.strip())
        if year and cells[2] and number not in grid.errors:
            years.append(Row(place, int(year[1]), cells[2], bool(year[2])))
        elif not year and (TRANSITION.fullmatch(name) or not any(cells[1:])):
            left += 1
        else:
            reading.reject(
                Finding(
                    place, None, "neither a year with its index, nor TQ, nor a note", name,
                    "look at the workbook",
                )
            )  # fmt: skip
    reading.leave(file, left)
    return years


def _look_at_base(reading: Reading, file: str, sheet: str, frame: pl.DataFrame, base: int) -> None:
    """Doubt a table that is not 1 in its base year."""
    index = frame.filter(pl.col("year") == base)
    if index.is_empty() or abs(index["value"][0] - 1) > WITHIN:
        where = index["locator"][0] if not index.is_empty() else row_of(file, sheet, 1)
        reading.doubt(
            Finding(
                where, None, f"the index is not 1 in fiscal year {base}, its base",
                None if index.is_empty() else index["printed"][0], "is it the right column?",
            )
        )  # fmt: skip


def _shown(cells: list[str]) -> str:
    return "; ".join(cells[:6])[:300] or "nothing"
