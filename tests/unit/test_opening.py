"""A ledger's file that many threads open at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from etl.settings import Folders
from etl.store import home, open_read_only

THREADS = 8
TIMES = 8


def test_threads_that_open_one_file_at_once_all_have_it_locked(built_folders: Folders) -> None:
    path = home(built_folders).current()

    def opened(path: Path) -> tuple[object, ...] | None:
        con = open_read_only(path)
        try:
            return con.execute(
                "SELECT current_setting('TimeZone'), current_setting('enable_external_access')::VARCHAR"
            ).fetchone()
        finally:
            con.close()

    for _ in range(TIMES):  # each time the last one closes it, and the next begin anew
        with ThreadPoolExecutor(THREADS) as threads:
            found = set(threads.map(opened, [path] * THREADS))
        assert found == {("UTC", "false")}
