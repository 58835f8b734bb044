"""What many tests do: make a CSV in a source's shape, read it, change a file, look into a ledger."""

from __future__ import annotations

import atexit
import csv
import io
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from etl.archive import Archive, Contents
from etl.areas import Resolver, load_areas
from etl.check import check
from etl.reading import Reading
from etl.refresh import Outcome, refresh
from etl.settings import Folders
from etl.sources import GuardLimits, all_sources
from etl.store import home, open_read_only
from etl.tables import FACT_TABLES, VIEWS

NOT_EMBEDDED = frozenset(
    {"casualty_events", "partners", "exchange_rates", "population", "gdp", "iati_usd"}
)  # filled by sources whose files do not come with the project

DATA = Path(__file__).resolve().parents[1] / "data"
TRANSCRIBED = DATA / "transcribed"

EMBEDDED = tuple(name for name, spec in all_sources().items() if spec.status == "transcribed")
NO_LIMITS = GuardLimits.model_validate(dict.fromkeys(GuardLimits.model_fields, 1e9))

SCRATCH = Path(tempfile.mkdtemp(prefix="hma-tests-"))
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)

Row = dict[str, str]
Change = Callable[[list[Row]], list[Row]]


def rows_of(path: Path) -> tuple[list[str], list[Row]]:
    """Header and rows of a CSV, read by Python's own module, not by ours."""
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        rows = [{name: cell or "" for name, cell in row.items()} for row in reader]
        return list(reader.fieldnames or ()), rows


def csv_text(header: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    """The rows as CSV; a cell that a row leaves out is empty."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, header, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def rewrite(folders: Folders, file: str, change: Change) -> None:
    """Change the rows of one embedded file of a workspace."""
    path = folders.transcribed / file
    header, rows = rows_of(path)
    path.write_text(csv_text(header, change(rows)), encoding="utf-8")


def run(folders: Folders, *sources: str, least: int | None = None) -> Outcome:
    """A refresh of the named sources, or of all.

    ``least`` stands in for their ``min_entries`` and lets the guard's other limits go.
    """
    specs = all_sources()
    update = {} if least is None else {"min_entries": least, "guard": NO_LIMITS}
    chosen = [specs[name].model_copy(update=update) for name in sources or specs]
    return refresh(folders, chosen)


@contextmanager
def ledger(folders: Folders) -> Iterator[duckdb.DuckDBPyConnection]:
    """The ledger in use, open for reading."""
    con = open_read_only(home(folders).current())
    try:
        yield con
    finally:
        con.close()


def select(con: duckdb.DuckDBPyConnection, query: str, *values: object) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    return con.execute(query, list(values)).fetchall()


def ask(folders: Folders, query: str, *values: object) -> list[tuple[Any, ...]]:
    """All rows of a query against the ledger in use."""
    with ledger(folders) as con:
        return select(con, query, *values)


def figures(folders: Folders) -> dict[str, str]:
    """A digest of every current table and view: equal digests, equal published figures."""
    tables = (*FACT_TABLES, *VIEWS, "splits")
    digest = "SELECT sha256(string_agg(t::VARCHAR, chr(10) ORDER BY t::VARCHAR)) FROM {} AS t"
    with ledger(folders) as con:
        return {table: str(select(con, digest.format(table))[0][0]) for table in tables}


def contents(files: Mapping[str, bytes]) -> Contents:
    """The files as a reader gets them, from an archive of the tests' own."""
    archive = Archive(SCRATCH)
    return Contents(archive, [archive.put("test", name, each, "") for name, each in files.items()])


def read_source(
    source_id: str, files: Mapping[str, Sequence[Row]]
) -> tuple[Reading, dict[str, pl.DataFrame]]:
    """What a source's reader makes of a few rows in its files' own shape; other files are empty."""
    spec = all_sources()[source_id].model_copy(update={"min_entries": 0})
    content = {
        file: csv_text(rows_of(TRANSCRIBED / file)[0], files.get(file, ())).encode()
        for file in spec.files
    }
    reading = Reading()
    spec.reader()(contents(content), reading, Resolver(load_areas(DATA / "reference")))
    return reading, check(spec, reading).tables


def only(frame: pl.DataFrame, **expected: object) -> None:
    """The frame has one row, and it holds what is expected."""
    assert frame.height == 1, frame
    row = frame.row(0, named=True)
    assert {name: row[name] for name in expected} == expected


def notes_table(folder: str, first_columns: str) -> list[Row]:
    """The table of a NOTES.md whose heading starts with ``first_columns``, such as '| year | rows'."""
    lines = (TRANSCRIBED / folder / "NOTES.md").read_text(encoding="utf-8").splitlines()
    start = next(
        index for index, line in enumerate(lines) if line.strip().startswith(first_columns)
    )
    header = _cells(lines[start])
    table = []
    for line in lines[start + 2 :]:
        if not line.strip().startswith("|"):
            break
        table.append(dict(zip(header, _cells(line), strict=True)))
    return table


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def number(text: str) -> int:
    """A printed whole number without its thousands separators."""
    assert re.fullmatch(r"[\d,]+", text), text
    return int(text.replace(",", ""))
