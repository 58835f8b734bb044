"""Tampering: single bytes, single cells, whole files; verification must find each.

What verification finds is put right again after each try, so one folder serves for all.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import duckdb

from etl.settings import Folders
from etl.store import CURRENT, current_path
from tests.resilience import lab

SET_BACK: Final = "CURRENT set back"
NOT_FOUND: Final = "verification finds nothing"


class Tampering(NamedTuple):
    """What is done to which file; ``edit`` gives the new content, or None to remove it."""

    what: str
    path: Path
    edit: Callable[[bytes], bytes | None]


@contextmanager
def restored(path: Path) -> Iterator[None]:
    """Put the file back as it was."""
    with tempfile.TemporaryDirectory() as aside:
        shutil.copy2(path, aside)
        try:
            yield
        finally:
            shutil.copy2(Path(aside) / path.name, path)


def found(folders: Folders, *, note: bool = False) -> list[str]:
    """Nothing if verification finds the tampering; it must not raise either.

    A pointer set back looks like a run that was killed before it moved it: a ``note`` must do.
    """
    try:
        remarks = lab.remarks(folders) if note else lab.differences(folders)
    except Exception as error:  # verification must report, not fail
        return [f"verification raises {type(error).__name__}: {error}"]
    return [] if remarks else [NOT_FOUND]


def guarded_files(folders: Folders) -> dict[str, list[Path]]:
    """The files whose every byte counts, by what they are."""
    return {
        "archived object": sorted(folders.archive.glob("sha256/*/*")),
        "list of vintages": [folders.archive / "manifest.jsonl"],
        "manifest of a refresh": sorted(folders.archive.glob("refreshes/*.json")),
        "ledger in use": [current_path(folders.ledger)],
    }


def flips(folders: Folders, count: int, seed: int = 1) -> Iterator[Tampering]:
    """``count`` single flipped bits, a quarter in each kind of file."""
    chance = random.Random(seed)  # noqa: S311 - a sample, not a secret
    files = {kind: paths for kind, paths in guarded_files(folders).items() if paths}
    for number in range(count):
        kind = list(files)[number % len(files)]
        path = chance.choice(files[kind])
        at, bit = chance.randrange(path.stat().st_size), chance.randrange(8)
        yield Tampering(f"{kind}: byte {at}, bit {bit}", path, _flip(at, bit))


def _flip(at: int, bit: int) -> Callable[[bytes], bytes]:
    def flip(content: bytes) -> bytes:
        return content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]

    return flip


def whole_files(folders: Folders) -> Iterator[Tampering]:
    """Files removed, emptied, cut, lengthened or put in another's place."""
    for kind, paths in guarded_files(folders).items():
        for place, path in {"first": paths[0], "last": paths[-1]}.items() if paths else ():
            name = f"{place} {kind}"
            yield Tampering(f"{name} removed", path, lambda _: None)
            yield Tampering(f"{name} emptied", path, lambda _: b"")
            yield Tampering(f"{name} cut short", path, lambda content: content[: len(content) // 2])
            yield Tampering(f"{name} lengthened", path, lambda content: content + b"\n")
            if len(paths) > 1:
                other = paths[-1] if path == paths[0] else paths[0]
                yield Tampering(f"{name} replaced by another", path, _as(other.read_bytes()))
    vintages = folders.archive / "manifest.jsonl"
    yield Tampering("a vintage left out", vintages, lambda content: content.split(b"\n", 1)[1])
    yield Tampering(
        "a vintage retold",
        vintages,
        lambda content: content.replace(b"transcribed/", b"elsewhere/", 1),
    )
    ledgers = sorted(folders.ledger.glob("ledger-*.duckdb"))
    if len(ledgers) > 1:
        older = f"{ledgers[-2].name}\n".encode()
        yield Tampering(SET_BACK, folders.ledger / CURRENT, _as(older))
        yield Tampering(
            "an older ledger under the newest name", ledgers[-1], _as(ledgers[-2].read_bytes())
        )


def _as(content: bytes) -> Callable[[bytes], bytes]:
    return lambda _: content


def try_file(folders: Folders, tampering: Tampering) -> list[str]:
    """Tamper, verify, put back."""
    with restored(tampering.path):
        edited = tampering.edit(tampering.path.read_bytes())
        if edited is None:
            tampering.path.unlink()
        else:
            tampering.path.write_bytes(edited)
        return found(folders, note=tampering.what == SET_BACK)


# --- Cells, through DuckDB itself ---

OTHER_VALUE: Final = {
    "VARCHAR": "coalesce({0}, '') || 'x'",
    "BOOLEAN": "NOT coalesce({0}, false)",
    "DATE": "coalesce({0}, DATE '2000-01-01') + INTERVAL 1 DAY",
    "TIMESTAMP WITH TIME ZONE": "coalesce({0}, TIMESTAMPTZ '2000-01-01') + INTERVAL 1 DAY",
}
NUMBER: Final = "coalesce({0}, 0) + 1"


class Edit(NamedTuple):
    """One statement upon one table of the ledger in use."""

    what: str
    statement: str


def edits(ledger: Path, columns_each: int | None = None) -> list[Edit]:
    """Of every table that has rows: columns altered in one row, a row removed, a row repeated."""
    chosen = []
    with duckdb.connect(ledger, read_only=True) as con:
        tables = con.execute(
            """SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal
                ORDER BY schema_name, table_name"""
        ).fetchall()
        for schema, name in tables:
            table = f'{schema}."{name}"'
            count, last = con.execute(f"SELECT count(*), max(rowid) FROM {table}").fetchall()[0]
            if not count:
                continue
            columns = con.execute(
                """SELECT column_name, data_type FROM duckdb_columns()
                    WHERE schema_name = ? AND table_name = ? ORDER BY column_index""",
                [schema, name],
            ).fetchall()
            for column, kind in lab.sample(columns, columns_each):
                value = OTHER_VALUE.get(kind, NUMBER).format(f'"{column}"')
                chosen.append(
                    Edit(
                        f"{schema}.{name}, column {column}",
                        f'UPDATE {table} SET "{column}" = {value} WHERE rowid = {last // 2}',
                    )
                )
            chosen += [
                Edit(
                    f"{schema}.{name}, a row removed",
                    f"DELETE FROM {table} WHERE rowid = {last // 2}",
                ),
                Edit(
                    f"{schema}.{name}, a row repeated",
                    f"INSERT INTO {table} SELECT * FROM {table} WHERE rowid = {last // 2}",
                ),
            ]
    return chosen


def try_edit(folders: Folders, edit: Edit) -> list[str]:
    """Alter the ledger in use as somebody with DuckDB at hand would."""
    path = current_path(folders.ledger)
    with restored(path):
        with duckdb.connect(path) as con:
            con.execute(edit.statement)
        return found(folders)


def run(
    folders: Folders, flipped: int, columns_each: int | None = None, statements: int | None = None
) -> lab.Result:
    """All of it upon one folder, which must verify to begin with and in the end; ``statements`` takes a sample of edits."""
    result = lab.Result()
    result.add("before anything is touched", lab.remarks(folders))
    for tampering in [*flips(folders, flipped), *whole_files(folders)]:
        result.add(tampering.what, try_file(folders, tampering))
    of_bytes = result.tried - 1
    for edit in lab.sample(edits(current_path(folders.ledger), columns_each), statements):
        result.add(edit.what, try_edit(folders, edit))
    result.add("after all is put back", lab.remarks(folders))
    result.figures = {
        "single bits": flipped,
        "whole files": of_bytes - flipped,
        "cells and rows": result.tried - 2 - of_bytes,
    }
    return result
