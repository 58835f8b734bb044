"""The reader of registers that a user adds: what a row says is what its mapping says it does.

No code stands behind a register, so nothing is guessed for it: a word that the mapping does not give a
meaning makes the row a reject, and a column of the file that it does not name stops the source. For
the row is shown whole beside its figures, and a column may have come that is nobody's business.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePath
from typing import Any, Final

import polars as pl

from etl import sheets
from etl.archive import Contents
from etl.areas import Resolver
from etl.reading import (
    DATE,
    WHOLE,
    Finding,
    Reading,
    Shape,
    SourceError,
    decode,
    numbered,
    read_csv,
    shaped,
)
from etl.registers import ENDING, PERSON, PREFIX, Column, Mapped, Register, words_of
from etl.spellings import fold
from etl.tables import FACT_TABLES, NATURAL_KEYS

REAL: Final = Shape(
    r"^-?[0-9]{1,15}(\.[0-9]{1,20})?$",
    "not a number",
    "write digits with the mapping's decimal sign",
)
MONTH: Final = Shape(r"^(0?[1-9]|1[0-2])$", "not a month", "write 1 to 12, or leave the cell empty")
MIDNIGHT: Final = r"[ T]00:00:00(\.0+)?$"  # what a spreadsheet adds to a day
UNKNOWN: Final = "unknown"
# Filled where the mapping names no column: the register does not say.
UNSAID: Final = {
    "person": (*PERSON[:-1], "device", "place_kind"),
    "event": ("device", "place_kind"),
}
FLAGS: Final = ("lower_bound", "is_partial_year", "is_prior_year", "is_secondary")


def read(files: Contents, reading: Reading, resolver: Resolver) -> None:
    """Hand over the rows of the one register among ``files``, as its mapping says."""
    name = next(file for file in files if file.endswith(ENDING))
    mapped = Mapped(name, files[name])
    register = mapped.register
    if register.file not in files:
        raise SourceError(
            f"{mapped.at('file')}: there is no file {register.file} beside the mapping",
            "missing file",
        )
    frame = _table(reading, mapped, files[register.file])
    frame = _known(frame, register)
    frame, given = _cells(reading, mapped, frame)
    frame = _area(reading, mapped, frame, resolver)
    source_id = PREFIX + PurePath(name).stem
    frame = frame.with_columns(
        series=pl.lit(source_id),
        report=pl.lit(register.title),
        edition=pl.lit(register.edition),
        source_url=pl.lit(register.url),
        **_unsaid(register, given),
    ).with_row_index("row")
    if register.table == "casualty_events":
        frame = _numbered(frame)
    columns = [one for one in FACT_TABLES[register.table].columns() if one in frame.columns]
    reading.add(register.table, frame.select("file", *columns))


def _table(reading: Reading, mapped: Mapped, content: bytes) -> pl.DataFrame:
    """The file's cells as text; each column under :func:`_cell`, so that it is never taken for one of ours.

    Raises:
        SourceError: it cannot be read, lacks a column that the mapping names, or has one that it doesn't.
    """
    register = mapped.register
    file = register.file
    if file.endswith(sheets.CSV):
        first = decode(file, content).splitlines()[:1]
        header = next(csv.reader(first, delimiter=register.separator))
        _compare(mapped, header)
        return read_csv(
            reading, file, content, [_cell(one.strip()) for one in header], named=_cell,
            separator=register.separator,
        )  # fmt: skip
    try:
        if file.endswith(sheets.EXCEL):
            grid, sheet = sheets.workbook(file, content, register.sheet)
        else:
            grid, sheet = sheets.parquet(file, content), None
    except sheets.SheetError as error:
        raise SourceError(f"{error} ({mapped.at('sheet')})") from error
    _compare(mapped, grid.names)
    reading.rows_read[file] = reading.rows_read.get(file, 0) + len(grid.rows)
    places = [sheets.row_of(file, sheet, number) for number in grid.numbers]
    for number, came in grid.errors.items():
        reading.reject(
            Finding(
                sheets.row_of(file, sheet, number), None, "an error in a formula", came,
                "mend the formula in the worksheet, or empty the cell",
            )
        )  # fmt: skip
    frame = pl.DataFrame(
        grid.rows, schema=dict.fromkeys(map(_cell, grid.names), pl.String), orient="row"
    ).with_columns(pl.lit(file).alias("file"), pl.Series("locator", places, dtype=pl.String))
    bad = [sheets.row_of(file, sheet, number) for number in grid.errors]
    return frame.filter(~pl.col("locator").is_in(bad))


def _cell(name: str) -> str:
    return f"cell {name}"


def _compare(mapped: Mapped, header: Sequence[str]) -> None:
    """Refuse a file whose columns are not those that the mapping names."""
    register, names = mapped.register, [name.strip() for name in header]
    has = ", ".join(names)
    if "" in names:
        raise SourceError(
            f"{register.file}: column {names.index('') + 1} has no name in the first row; name or remove it"
        )
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise SourceError(f"{register.file} has two columns {', '.join(repeated)}; rename one")
    for target, one in register.columns.items():
        if one.column is not None and one.column not in names:
            raise SourceError(
                f"{mapped.at('columns', target, 'column')}: columns.{target} names the column {one.column!r}, "
                f"which {register.file} has not; it has {has}"
            )
    for index, name in enumerate(register.unused):
        if name not in names:
            raise SourceError(
                f"{mapped.at('unused', index)}: unused names the column {name!r}, which {register.file} has "
                f"not; it has {has}"
            )
    used = {one.column for one in register.columns.values()}
    unnamed = [name for name in names if name not in used and name not in register.unused]
    if unnamed:
        raise SourceError(
            f"{mapped.at('columns')}: the mapping does not name the column {', '.join(unnamed)} of "
            f"{register.file}. A row is shown whole beside its figures: take out of the file what must not be "
            "shown, such as names of people, and list the others under 'unused'"
        )


def _known(frame: pl.DataFrame, register: Register) -> pl.DataFrame:
    """Empty the cells that say in words that nothing is known."""
    words = [" ".join(word.lower().split()) for word in register.missing]
    cells = [name for name in frame.columns if name.startswith(_cell(""))]
    return frame.with_columns(
        pl.when(~fold(pl.col(name)).is_in(words)).then(pl.col(name)).alias(name) for name in cells
    )


def _cells(reading: Reading, mapped: Mapped, frame: pl.DataFrame) -> tuple[pl.DataFrame, set[str]]:
    """Add the columns of the ledger that the mapping names; gives their names too."""
    register = mapped.register
    given = set()
    for target, one in register.columns.items():
        into = {"area": "area_as_printed", "id": "place"}.get(target, target)
        given.add(into)
        source = (
            pl.lit(one.value, dtype=pl.String) if one.column is None else pl.col(_cell(one.column))
        )
        frame = frame.with_columns(source.alias(into))
        frame = _typed(reading, mapped, frame, target, into)
        if target in {"id", "area"}:
            frame = _filled(reading, frame, into, one)
    if "date" in given:
        frame = frame.with_columns(
            year=pl.col("date").str.head(4).cast(pl.Int64),
            month=pl.col("date").str.slice(5, 2).cast(pl.Int64, strict=False),
        )
        given |= {"year", "month"}
    elif register.table == "casualty_events":
        frame = _dated_by_year(reading, frame, register)
    return frame, given


def _typed(
    reading: Reading, mapped: Mapped, frame: pl.DataFrame, target: str, into: str
) -> pl.DataFrame:
    """Check the text of one column and give it its type."""
    register = mapped.register
    one, kind = register.columns[target], register.targets()[target]
    if words_of(register, target):
        return _worded(reading, mapped, frame, target)
    if target == "date":
        return _dated(reading, mapped, frame)
    dtype = pl.String() if kind is None else kind.dtype
    if dtype.is_float():
        if register.decimal == ",":
            frame = frame.with_columns(pl.col(into).str.replace(",", ".", literal=True))
        return _shaped(reading, frame, into, one, REAL).with_columns(pl.col(into).cast(pl.Float64))
    if dtype.is_integer():
        shape = MONTH if target == "month" else WHOLE
        return _shaped(reading, frame, into, one, shape).with_columns(pl.col(into).cast(pl.Int64))
    return frame


def _shaped(
    reading: Reading, frame: pl.DataFrame, into: str, one: Column, shape: Shape
) -> pl.DataFrame:
    """As :func:`etl.reading.shaped`, with rejects that name the column of the file."""
    found = Reading()
    kept = shaped(found, frame, {into: shape})
    for reject in found.rejects:
        reading.reject(
            Finding(reject.locator, one.column or into, reject.rule, reject.raw_value, reject.fix)
        )
    return kept


def _worded(reading: Reading, mapped: Mapped, frame: pl.DataFrame, target: str) -> pl.DataFrame:
    """A column of set words: each as the mapping gives it; another one makes the row a reject."""
    register = mapped.register
    one = register.columns[target]
    allowed = words_of(register, target)
    if one.value is None:
        words: dict[str | None, str] = {word: word for word in allowed if one.values is None}
        words.update((one.values or {}).items())
        if one.missing is not None:
            words[None] = one.missing
        good = pl.col(target).is_in([word for word in words if word is not None])
        good = good.fill_null(value=None in words or not _is_required(register, target))
        for place, raw in frame.filter(~good).select("locator", target).iter_rows():
            inside = "missing" if raw is None else "values"
            reading.reject(
                Finding(
                    place, one.column, "unknown category" if raw else "no category", raw,
                    f"say what it means under columns.{target}.{inside} ({mapped.at('columns', target, inside)})",
                )
            )  # fmt: skip
        frame = frame.filter(good).with_columns(
            pl.col(target).replace_strict(words, default=None, return_dtype=pl.String)
        )
    if target in FLAGS:
        return frame.with_columns(pl.col(target) == "yes")
    return frame


def _is_required(register: Register, target: str) -> bool:
    return (
        not register.targets()[target].nullable
        or (register.unit == "person" and target in PERSON[:-1])
    )  # fmt: skip


def _dated(reading: Reading, mapped: Mapped, frame: pl.DataFrame) -> pl.DataFrame:
    """The date as YYYY, YYYY-MM or YYYY-MM-DD, as far as its format goes."""
    one = mapped.register.columns["date"]
    frame = frame.with_columns(pl.col("date").str.replace(MIDNIGHT, ""))
    if one.format is None:
        frame = _shaped(reading, frame, "date", one, DATE)
    else:
        said = frame["date"].drop_nulls().unique().to_list()
        found = {text: _parsed(text, one.format) for text in said}
        wrong = [text for text, day in found.items() if day is None]
        for place, raw in (
            frame.filter(pl.col("date").is_in(wrong)).select("locator", "date").iter_rows()
        ):
            reading.reject(
                Finding(
                    place, one.column, "not a date", raw,
                    f"write it as {one.format}, or mend {mapped.at('columns', 'date', 'format')}",
                )
            )  # fmt: skip
        frame = frame.filter(~pl.col("date").is_in(wrong).fill_null(value=False)).with_columns(
            pl.col("date").replace_strict(found, default=None, return_dtype=pl.String)
        )
    return _filled(reading, frame, "date", one)


def _parsed(text: str, form: str) -> str | None:
    """A date of that form, no finer than the form is; a date that a worksheet knows as one stays."""
    for one in (form, "%Y-%m-%d"):
        try:
            day = datetime.strptime(text, one)  # noqa: DTZ007 - a date
        except ValueError:
            continue
        has_month = any(sign in one for sign in ("%m", "%b", "%B", "%j"))
        has_day = has_month and any(sign in one for sign in ("%d", "%j"))
        return day.strftime("%Y-%m-%d" if has_day else "%Y-%m" if has_month else "%Y")
    return None


def _dated_by_year(reading: Reading, frame: pl.DataFrame, register: Register) -> pl.DataFrame:
    frame = _filled(reading, frame, "year", register.columns["year"])
    year = pl.col("year").cast(pl.String)
    if "month" not in register.columns:
        return frame.with_columns(date=year, month=pl.lit(None, dtype=pl.Int64))
    month = pl.col("month").cast(pl.String).str.zfill(2)
    return frame.with_columns(date=pl.coalesce(pl.concat_str(year, month, separator="-"), year))


def _filled(reading: Reading, frame: pl.DataFrame, into: str, one: Column) -> pl.DataFrame:
    """Keep the rows that say something there."""
    for (place,) in frame.filter(pl.col(into).is_null()).select("locator").iter_rows():
        reading.reject(
            Finding(place, one.column or into, "empty cell", None, "fill it in, or remove the row")
        )
    return frame.filter(pl.col(into).is_not_null())


def _area(
    reading: Reading, mapped: Mapped, frame: pl.DataFrame, resolver: Resolver
) -> pl.DataFrame:
    """Add the code of the area; one that is the same in each row must be known."""
    one = mapped.register.columns["area"]
    if one.value is not None:
        alone = pl.DataFrame({"locator": [mapped.at("columns", "area")], "name": [one.value]})
        known = resolver.resolve(reading, alone, "name", "area", quiet=True)
        if known["area"][0] is None:
            raise SourceError(
                f"{mapped.at('columns', 'area', 'value')}: columns.area gives {one.value!r}, which is no area of "
                "data/reference/areas.csv; write its name or code",
                "broken mapping",
            )
    return resolver.resolve(reading, frame, "area_as_printed", "area")


def _unsaid(register: Register, given: set[str]) -> dict[str, pl.Expr]:
    """Values of the columns that the mapping does not name and the table wants."""
    if register.table == "casualties":
        values: dict[str, Any] = {name: False for name in FLAGS if name not in given}
    else:
        unit = str(register.unit)
        values = {name: UNKNOWN for name in UNSAID[unit] if name not in given} | {"unit": unit}
    return {name: pl.lit(value) for name, value in values.items()}


def _numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """Add ``occurrence``: rows alike in the whole key are different people, or different accidents."""
    declared = FACT_TABLES["casualty_events"].columns()
    absent = {
        name: pl.lit(None, dtype=declared[name].dtype)
        for name in (*NATURAL_KEYS["casualty_events"], "place")
        if name not in frame.columns
    }
    frame = frame.with_columns(**absent)
    key = [name for name in NATURAL_KEYS["casualty_events"] if name != "occurrence"]
    others = [
        name for name in declared
        if name in frame.columns and name not in {*key, "locator", "occurrence"}
    ]  # fmt: skip
    # rows with a key of their own are told apart by it
    return numbered(frame, [*key, "place"], [*others, "row"])
