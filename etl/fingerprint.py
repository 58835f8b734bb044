"""The fingerprint of a ledger: a hash of every table of it, of every row and column, times too.

Two ledgers with one fingerprint hold the same rows, wherever they lie and in whatever order: in a file,
or in a lake. The manifest's hashes leave times out and look at tables as readers do; this one leaves out
nothing. It is how a ledger in a lake is known, as one in a file is by the hash of the file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import duckdb

from etl import sql
from etl.ducklake import file_tables, named
from etl.manifest import BATCH_ROWS, TableHash

FILE: Final = "built"  # of the attached file
Fingerprint = dict[str, TableHash]


def of(
    con: duckdb.DuckDBPyConnection, database: str, tables: Mapping[str, Sequence[str]]
) -> Fingerprint:
    """The hash of each of the ``tables`` of an attached database, which have these columns."""
    return {
        table: _of_table(con, named(database, table), sorted(tables[table]))
        for table in sorted(tables)
    }


def of_file(path: Path) -> Fingerprint:
    """The same of a ledger's file."""
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute(sql.text("attach_file").format(path=str(path).replace("'", "''")))
        return of(con, FILE, file_tables(con, FILE))


def sha256(fingerprint: Fingerprint) -> str:
    """One hash for them all; tables without rows don't count, so a version may declare more of them."""
    filled = {table: asdict(found) for table, found in fingerprint.items() if found.rows}
    return hashlib.sha256(json.dumps(filled, sort_keys=True).encode()).hexdigest()


def _of_table(con: duckdb.DuckDBPyConnection, table: str, columns: list[str]) -> TableHash:
    query = sql.text("hash_rows").format(content=sql.named_values(columns), rows=f"FROM {table}")
    digest, count = hashlib.sha256(), 0
    for batch in con.execute(query).to_arrow_reader(BATCH_ROWS):
        digest.update("".join(batch.column(0).to_pylist()).encode())
        count += batch.num_rows
    return TableHash(count, digest.hexdigest())
