"""A ledger of a million entries: the embedded figures, and made-up ones of live sources beside them.

Made as a refresh makes one: rows laid out, views stored, histories kept. The made-up rows have the series,
areas and years of real ones, so that pages show them where they would show those.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb

from etl import log, record
from etl.publish import build_views, keep_histories
from etl.refresh import refresh
from etl.settings import Folders
from etl.sources import all_sources
from etl.store import CURRENT, current_path
from tests.helpers import DATA

HERE: Final = Path(__file__).parent
SHARE_OF_MONEY: Final = 0.7  # of the made-up entries; the others are people and accidents
REFRESH: Final = 2


def make(data: Path, entries: int) -> Folders:
    """A data folder whose ledger has so many entries made up beside the embedded ones."""
    for name in ("transcribed", "reference"):
        shutil.copytree(DATA / name, data / name)
    folders = Folders(data)
    os.environ["HMA_DATA"] = str(data)
    specs = [spec for spec in all_sources().values() if spec.status == "transcribed"]
    embedded = refresh(folders, specs).published
    if embedded is None:
        raise RuntimeError("the embedded figures made no ledger")
    _add(embedded, folders.ledger / "ledger-000002-bench.duckdb", entries)
    embedded.unlink()
    return folders


def _add(base: Path, path: Path, entries: int) -> None:
    shutil.copyfile(base, path)
    money = round(entries * SHARE_OF_MONEY)
    with duckdb.connect(path) as con:
        con.execute("SET TimeZone = 'UTC'")
        for name, count in (("funding", money), ("events", entries - money)):
            query = (HERE / f"million_{name}.sql").read_text(encoding="utf-8")
            con.execute(query, {"refresh": REFRESH, "entries": count})
        record.lay_out(con, {"funding", "casualty_events"})
        build_views(con)
        keep_histories(con, REFRESH)
        log.refresh(
            con, REFRESH, datetime.now(UTC), "bench", None, Counter({"added": entries})
        )  # fmt: skip
        con.execute("CHECKPOINT")
    (path.parent / CURRENT).write_text(f"{path.name}\n", encoding="utf-8")


def count(folders: Folders) -> int:
    """How many entries the pages will say are in use."""
    with duckdb.connect(current_path(folders.ledger), read_only=True) as con:
        tables = ("funding", "casualty_events")
        query = " UNION ALL ".join(f"SELECT count(*) AS n FROM present.{name}" for name in tables)
        found = con.execute(f"SELECT sum(n) FROM ({query})").fetchone()
    return int(found[0]) if found else 0
