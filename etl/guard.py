"""The guard: why a vintage must not replace the one in use without a person looking at it.

It never mends and never drops anything. A vintage that it holds is archived, the last good one
stays in use, and ``hma accept`` or ``hma reject`` settles the matter. Limits stand in each
source's ``source.yml``. What compares with the vintage in use is asked only when the bytes are new: code
that reads the same bytes otherwise is a change of ours, and the diff shows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import combinations
from types import MappingProxyType
from typing import Any, Final

import duckdb

from etl import magic, record, sql
from etl.archive import Contents
from etl.check import Checked
from etl.reading import Finding, Reading, SourceError, tame
from etl.sources import SourceSpec
from etl.tables import FACT_TABLES, NATURAL_KEYS, categories, measures

AS_PRINTED: Final = {
    "amount_usd": "amount_as_printed", "value": "value_as_printed",
    "share_percent": "share_as_printed", "contamination_km2": "contamination_as_printed",
}  # fmt: skip
NOT_FETCHED: Final = ("stale", "dark")  # not a vintage is at fault, but the way to the publisher
FEW: Final = 5  # so many entries may be added or revised in a table of any size
NO_BINARIES: Final[Mapping[str, str]] = MappingProxyType({})
SLIP_SHARE: Final = 0.2  # of the changed values; one in five is no coincidence


@dataclass(frozen=True)
class Hold:
    """The check that stopped a vintage, and what is wrong in words."""

    rule: str
    message: str
    is_readable: bool = True  # if not, nobody can accept it

    def __post_init__(self) -> None:
        """Tame what may have come from outside."""
        object.__setattr__(self, "message", tame(self.message))


def look_at_bytes(files: Contents, binaries: Mapping[str, str] = NO_BINARIES) -> None:
    """Refuse what cannot be data before anything parses it.

    ``binaries`` are the forms of names of files that are no text, with what they must be.

    Raises:
        SourceError: a file is empty, an HTML page, no Parquet under that name, or a binary that is not
            declared.
    """
    for file in files:
        first = files.start(file, magic.START_BYTES)
        start = magic.text_start(first)
        if not start and not files[file].strip():
            raise SourceError(
                f"{file} is empty; fetch it again, or restore it from version control", "empty body"
            )
        if magic.is_page(first):
            raise SourceError(
                f"{file} is an HTML page, not data: {start[:80]!r}; the address may show an error or a "
                "sign-in page. Fetch it again",
                "HTML page",
            )
        name = magic.binary_kind(first)
        declared = next((kind for form, kind in binaries.items() if fnmatchcase(file, form)), None)
        if file.endswith(magic.PARQUET):
            if name != "Parquet":
                raise SourceError(
                    f"{file} is no Parquet file: {start[:80]!r}; the address may show something else to "
                    "programs than to people. Fetch it again, or save it in a browser",
                    "wrong content",
                )
        elif declared:
            if name != declared:
                raise SourceError(
                    f"{file} is {name or 'text'} inside, which does not go with its name; save it again in "
                    "that form",
                    "binary file",
                )
        elif name:
            raise SourceError(
                f"{file} is {name}, not the text that is read here; unpack or export it first",
                "binary file",
            )


def together(holds: Sequence[Hold]) -> Hold | None:
    """All reasons as one, the most telling first; None if there is none.

    Whoever accepts a vintage accepts all that stands against it, so all of it is said.
    """
    if not holds:
        return None
    first, *others = holds
    also = "".join(f" Also ({hold.rule}): {hold.message.rstrip('.')}." for hold in others)
    return Hold(first.rule, first.message.rstrip(".") + "." + also if also else first.message)


def before_comparing(spec: SourceSpec, reading: Reading, checked: Checked) -> Iterator[Hold]:
    """What stands against the vintage as it is, whatever came before it."""
    rejected = len({reject.locator for reject in reading.rejects})
    if rejected > spec.max_rejects:
        yield Hold(
            "rejects",
            f"{rejected} rejected rows, {spec.max_rejects} allowed; first: {reading.rejects[0]}",
        )
    if reading.doubts:
        yield Hold("doubt", "; ".join(str(doubt) for doubt in reading.doubts[:3]))
    if checked.entries < spec.min_entries:
        yield Hold(
            "fewer entries",
            f"{checked.entries} entries, at least {spec.min_entries} expected: was a file cut short? "
            "Restore it. If rows were meant to go, accept the vintage, or change min_entries in "
            f"etl/sources/{spec.source_id}/source.yml",
        )


def compared(
    con: duckdb.DuckDBPyConnection,
    spec: SourceSpec,
    changes: Mapping[str, Counter[str]],
    today: str,
) -> list[Hold]:
    """In what the vintage moves too far from the one in use, the most telling first.

    Reads what :func:`etl.record.compare` left in temporary tables. ``today`` is the day of retrieval
    (ISO 8601).
    """
    holds: list[Hold] = []
    for table, counts in changes.items():
        holds += _future(con, table, today)
        held = record.held(con, spec.source_id, table)
        if held:
            holds += _moved(con, spec, table, held, counts)
        if counts["revised"]:
            holds += _values(con, spec, table)
            holds += _words(con, spec, table)
        if held and "occurrence" in NATURAL_KEYS[table]:
            holds += _register(con, spec, table)
    return sorted(holds, key=lambda hold: _ORDER.index(hold.rule))


# The most telling reason first: a slip of units is also a changed total.
_ORDER: Final = (
    "exchanged columns", "unit jump", "sign changed", "future date", "words unchanged", "withdrawn",
    "added", "shifted", "values blanked", "total changed", "revised",
)  # fmt: skip


def _one(
    con: duckdb.DuckDBPyConnection,
    name: str,
    names: dict[str, str],
    spec: SourceSpec,
    **more: float,
) -> dict[str, Any]:
    query = sql.text(name).format(**names)
    return con.execute(query, {"source_id": spec.source_id, **more}).pl().row(0, named=True)


def _moved(
    con: duckdb.DuckDBPyConnection,
    spec: SourceSpec,
    table: str,
    held: int,
    counts: Counter[str],
) -> Iterator[Hold]:
    """Too many entries withdrawn, added or revised."""
    limits = spec.guard
    for change, limit in (
        ("withdrawn", limits.max_withdrawn_percent),
        ("added", limits.max_added_percent),
        ("revised", limits.max_revised_percent),
    ):
        small = change != "withdrawn" and counts[change] <= FEW
        if counts[change] * 100 > held * limit and not small:
            first = con.execute(
                sql.text("guard_first").format(**record.names_of(table)), {"change": change}
            ).fetchone()
            yield Hold(
                change,
                f"{counts[change]:,} of {held:,} entries in {table} would be {change}, "
                f"at most {limit:g} % may be; first: {first[0] if first else ''}. "
                "Correct the file, or accept the vintage if it is right",
            )


def _values(con: duckdb.DuckDBPyConnection, spec: SourceSpec, table: str) -> Iterator[Hold]:
    """Values that were blanked, multiplied, moved too far or exchanged."""
    changed: dict[str, str] = {}
    names = {"table": sql.identifier(table), "incoming": sql.temporary("incoming", table)}
    for column, unit in measures(table).items():
        row = _one(con, "guard_measure", {**names, "column": sql.identifier(column)}, spec)
        if row["changed"]:
            changed[column] = unit
            yield from _measure(spec, f"{table}.{column}", row)
    for first, second in combinations(changed, 2):
        if changed[first] == changed[second]:
            pair = {"first": sql.identifier(first), "second": sql.identifier(second)}
            row = _one(con, "guard_exchange", {**names, **pair}, spec)
            if row["exchanged"] > SLIP_SHARE * row["changed"]:
                yield Hold(
                    "exchanged columns",
                    f"{first} and {second} have changed places in {row['exchanged']:,} entries of "
                    f"{table}; the first stands in {row['first_at']}. Were two headings exchanged?",
                )


def _measure(spec: SourceSpec, name: str, row: dict[str, Any]) -> Iterator[Hold]:
    limits = spec.guard
    if row["slips"] > SLIP_SHARE * row["changed"]:
        yield Hold(
            "unit jump",
            f"{row['slips']:,} values of {name} are multiplied or divided by a power of ten; first: "
            f"{row['slip_at']}, {row['slip_old']:,.6g} became {row['slip_new']:,.6g}. Did the unit change?",
        )
    if row["signs"]:
        yield Hold(
            "sign changed",
            f"{row['signs']:,} values of {name} change their sign; first: {row['sign_at']}. "
            "Correct it, or accept the vintage if it is right",
        )
    if row["blanked"] * 100 > row["held"] * limits.max_blanked_percent:
        yield Hold(
            "values blanked",
            f"{row['blanked']:,} of {row['held']:,} values of {name} would become missing, at most "
            f"{limits.max_blanked_percent:g} % may",
        )
    moved = abs(row["after"] - row["before"])
    if moved * 100 > row["weight"] * limits.max_total_change_percent:
        yield Hold(
            "total changed",
            f"the sum of {name} over the entries that stay goes from {row['before']:,.6g} to "
            f"{row['after']:,.6g}, at most {limits.max_total_change_percent:g} % may change",
        )


def _words(con: duckdb.DuckDBPyConnection, spec: SourceSpec, table: str) -> Iterator[Hold]:
    """Figures that change while the words of the source beside them stay: a column that slipped."""
    for column, printed in AS_PRINTED.items():
        if not {column, printed} <= FACT_TABLES[table].columns().keys():
            continue
        pair = {"column": sql.identifier(column), "printed": sql.identifier(printed)}
        row = _one(con, "guard_words", {**record.names_of(table), **pair}, spec)
        if row["changed"] > FEW:
            yield Hold(
                "words unchanged",
                f"{row['changed']:,} values of {column} change though {printed} stays as it was; first: "
                f"{row['first_at']}. Did a column slip against the others?",
            )


def _register(con: duckdb.DuckDBPyConnection, spec: SourceSpec, table: str) -> Iterator[Hold]:
    """A register of people or events whose years or categories shift, though its total does not."""
    for column, limit in (
        ("year", spec.guard.max_year_percent),
        *((name, spec.guard.max_total_change_percent) for name in categories(table)),
    ):
        names = {**record.names_of(table), "column": sql.identifier(column)}
        row = _one(con, "guard_groups", names, spec, few=FEW, limit=limit, grows=column == "year")
        if row["groups"]:
            yield Hold(
                "shifted",
                f"{table}.{column}: {row['worst']} goes from {row['before']:,} entries to "
                f"{row['after']:,}, at most {limit:g} % may come or go in one of its values",
            )


def _future(con: duckdb.DuckDBPyConnection, table: str, today: str) -> Iterator[Hold]:
    """Rows about the past that bear a date to come."""
    for column, declared in FACT_TABLES[table].columns().items():
        if not (declared.metadata or {}).get("past"):
            continue
        query = sql.text("guard_future").format(
            column=sql.identifier(column), incoming=sql.temporary("incoming", table)
        )
        row = con.execute(query, {"today": today}).fetchone()
        if row:
            found = Finding(
                row[0], column, f"a date after {today}, the day of retrieval", row[1],
                "correct it, or accept the vintage if it is right",
            )  # fmt: skip
            yield Hold("future date", str(found))
