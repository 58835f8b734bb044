"""Exporting: the ledger as files that any program reads, and that a ledger can be rebuilt from.

    data/       every table and view as readers see it, as CSV and as Parquet
    history/    every revision, and every row ever published, as Parquet: what a rebuild needs
    manifests/  the chain of manifests up to the exported refresh
    SHA256SUMS  every file above and beside them: ``sha256sum -c SHA256SUMS``

The folder is built beside its place under a hidden name, flushed to disk and renamed, so it is
either whole or absent; a killed run leaves the hidden folder, which may be removed. The same ledger
and refresh give the same bytes of CSV and of ``datapackage.json``: nothing in them says when or
where they were written. Rows that may not be passed on are in none of the files (:mod:`etl.withheld`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import duckdb

from etl import asof, homes, log, manifest, sql, withheld
from etl.archive import ArchiveError, file_sha256, fsync_folder
from etl.datapackage import ABSTRACT, Exported, citation, datapackage
from etl.dictionary import as_markdown
from etl.record import APPENDED, ENTRIES, KEPT, KEPT_COLUMNS
from etl.settings import Folders
from etl.store import MEMORY_LIMIT, home, require_format
from etl.tables import ALL_TABLES, FACT_TABLES, reading_order

Progress = Callable[[str], None]

DATA: Final = "data"
HISTORY: Final = "history"
MANIFESTS: Final = "manifests"
SUMS: Final = "SHA256SUMS"
README: Final = """\
# HMA Ledger, {name}

{abstract}

This folder holds the ledger as it stood right after refresh {refresh}, finished {finished}, made by
code {code}. To check that no file was changed or lost:

```sh
sha256sum -c SHA256SUMS
```

| file | what it is |
|---|---|
| `data/` | every table and view, as CSV and as Parquet |
| `DICTIONARY.md`, `datapackage.json` | what each table and column means: for people, and for programs (Frictionless Data Package) |
| `history/` | every revision and every row ever published; `hma rebuild` makes a ledger of them |
| `manifests/` | the chain of manifests: SHA-256 of every table after every refresh |
| `CITATION.cff` | how to cite the ledger |

- An empty cell is a missing figure, never zero. Times are UTC.
- Figures may be added only within one series, and only where `data/series.csv` says so.
- The CSV holds plain values, for programs. A text in it may start with a sign that a spreadsheet runs
  as a formula: for a spreadsheet, take the API's CSV (`/api/v1/<table>.csv`), whose texts are guarded.
- The archived bytes that the figures were read from are not in here.
{withheld}"""
WITHHELD: Final = (
    "- The terms of {source_id} forbid passing its rows on. {revisions:,} revisions of its entries were "
    "recorded up to this refresh and are left out, and so is what was noted about them.\n"
)


class ExportError(ValueError):
    """The folder cannot be used; the message says why."""


def export(
    folders: Folders, to: Path, as_of: str | None = None, progress: Progress = lambda _: None
) -> Exported:
    """Write the ledger in use, as it stood ``as_of`` an earlier refresh, into the folder ``to``.

    Raises:
        ExportError: ``to`` is there already, and not empty.
        NoLedgerError: there is no published ledger.
        AsOfError: ``as_of`` names no refresh of it.
        ArchiveError: a manifest is missing or altered.
    """
    to = to.resolve()
    _require_room(to)
    path = home(folders).current()
    with _building(to) as new:
        with _open(path, new) as con:
            refresh = asof.find(con, as_of) if as_of else log.last_refresh(con)
            if as_of:
                asof.look_back(con, refresh)
            progress("manifests")
            homes.catch_up(folders)
            exported = _manifests(folders.archive, path, refresh, new)
            _tables(con, new, progress)
            _histories(con, refresh, new, progress)
            sources = con.execute("FROM sources ORDER BY source_id").pl().to_dicts()
        progress("checksums")
        _describe(exported, sources, new)
        progress("rename")
        _flush(new)
        _require_room(to)
        new.rename(to)
        fsync_folder(to.parent)
    return exported


def _require_room(to: Path) -> None:
    if to == Path.cwd():
        raise ExportError(f"{to} is the current folder, which cannot be replaced; name another")
    if to.exists() and not to.is_dir():
        raise ExportError(f"{to} is a file; name a new or empty folder")
    if to.is_dir() and any(to.iterdir()):
        raise ExportError(f"{to} is not empty; name a new or empty folder")


@contextmanager
def _building(to: Path) -> Iterator[Path]:
    """A hidden folder beside ``to``; removed unless it was renamed."""
    new = to.with_name(f".{to.name}.{os.getpid()}.part")
    shutil.rmtree(new, ignore_errors=True)
    try:
        for part in (DATA, HISTORY, MANIFESTS):
            (new / part).mkdir(parents=True)
        yield new
    finally:
        shutil.rmtree(new, ignore_errors=True)


@contextmanager
def _open(path: Path, new: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that may write files; what does not fit in memory goes below ``new``.

    It shows nothing that may not be passed on.
    """
    spill = new / ".spill"
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY_LIMIT, "temp_directory": str(spill),
    }  # fmt: skip
    with ExitStack() as stack:
        con = stack.enter_context(duckdb.connect(path, read_only=True, config=settings))
        require_format(con, path)
        sources = withheld.in_ledger(con)
        if sources:
            con.close()
            con = stack.enter_context(duckdb.connect(config=settings))
            withheld.attach(con, path, sources)
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET enable_progress_bar = false")
        yield con
    shutil.rmtree(spill, ignore_errors=True)


def _manifests(archive: Path, ledger: Path, refresh: int, new: Path) -> Exported:
    """Copy the chain up to ``refresh``; returns its last link."""
    where = manifest.folder(archive)
    sha256, link = manifest.of_ledger(archive, ledger)
    exported = None
    while True:
        if link.refresh == refresh:
            exported = Exported(sha256, link)
        if exported:
            name = manifest.file_name(link.refresh, sha256)
            shutil.copyfile(where / name, new / MANIFESTS / name)
        if not link.parent:
            break
        sha256, link = link.parent, manifest.load(where, link.refresh - 1, link.parent)
    if exported is None:
        raise ArchiveError(f"the chain of manifests in {where} lacks refresh {refresh}")
    return exported


def _tables(con: duckdb.DuckDBPyConnection, new: Path, progress: Progress) -> None:
    """Every table and view as the connection sees it."""
    for name, schema in ALL_TABLES.items():
        progress(name)
        names = _names(name, list(schema.columns()), sql.identifier(name))
        for ending in ("csv", "parquet"):
            path = new / DATA / f"{name}.{ending}"
            con.execute(sql.text(f"export_{ending}").format(**names), {"path": str(path)})


def _histories(con: duckdb.DuckDBPyConnection, refresh: int, new: Path, progress: Progress) -> None:
    """Everything that was known right after ``refresh``, as it was known then."""
    con.execute("SET VARIABLE as_of = $refresh", {"refresh": refresh})
    for name in (*ENTRIES, *APPENDED, *KEPT):
        progress(f"history of {name}")
        columns = list(ALL_TABLES[name].columns())
        if name in APPENDED:
            rows = asof.rows(name)
        else:
            rows = sql.text("revisions_as_of").format(table=sql.identifier(name))
        if name in KEPT:
            columns += [column for column in KEPT_COLUMNS if column not in columns]
        path = new / HISTORY / f"{name}.parquet"
        names = _names(name, columns, f"({rows})")
        con.execute(sql.text("export_parquet").format(**names), {"path": str(path)})


def _names(name: str, columns: list[str], rows: str) -> dict[str, str]:
    """What is written, and in an order that leaves no choice: the same rows, the same bytes."""
    first = reading_order(name)
    rest = ["revision"] if name in FACT_TABLES else columns
    order = [*first, *(column for column in rest if column not in first)]
    return {
        "columns": ", ".join(sql.identifier(column) for column in columns),
        "rows": rows,
        "order": ", ".join(sql.identifier(column) for column in order),
    }


def _describe(exported: Exported, sources: list[dict[str, Any]], new: Path) -> None:
    """Write what the export says of itself, and the checksums of every file."""
    sums = _sums(new)
    files = {
        name: ((new / csv).stat().st_size, sums[csv])
        for name, csv in ((name, f"{DATA}/{name}.csv") for name in ALL_TABLES)
    }
    link = exported.manifest
    readme = README.format(
        name=exported.name, abstract=ABSTRACT, refresh=link.refresh, code=link.code_version,
        finished=f"{link.finished_at[:10]} {link.finished_at[11:19]} UTC",
        withheld="".join(
            WITHHELD.format(source_id=source_id, revisions=count)
            for source_id, count in exported.withheld.items()
        ),
    )  # fmt: skip
    (new / "datapackage.json").write_bytes(datapackage(exported, sources, files))
    (new / "CITATION.cff").write_bytes(citation(exported))
    (new / "DICTIONARY.md").write_text(as_markdown(), encoding="utf-8")
    (new / "README.md").write_text(readme, encoding="utf-8")
    sums |= {path.name: file_sha256(path) for path in new.iterdir() if path.is_file()}
    lines = [f"{sha256}  {name}\n" for name, sha256 in sorted(sums.items())]
    (new / SUMS).write_text("".join(lines), encoding="utf-8")


def _sums(new: Path) -> dict[str, str]:
    """The SHA-256 of every file so far."""
    files = [path for path in new.rglob("*") if path.is_file()]
    return {path.relative_to(new).as_posix(): file_sha256(path) for path in files}


def _flush(new: Path) -> None:
    """Flush every file and folder to disk."""
    for path in (*new.rglob("*"), new):
        if path.is_dir():
            fsync_folder(path)
        else:
            with path.open("rb") as file:
                os.fsync(file.fileno())
