"""What is left in a lake's folder that no snapshot names."""

from __future__ import annotations

from pathlib import Path

from etl import ducklake
from etl.lake_place import MARK
from etl.settings import Lake

# A file of deletions that a later one took in stays known, until ``hma prune`` removes it.
NAMED = " UNION ALL ".join(
    f"SELECT path FROM ducklake_{kind}"
    for kind in ("data_file", "delete_file", "files_scheduled_for_deletion")
)


def orphans(lake: Lake) -> list[str]:
    """The Parquet files of a lake in a folder that its catalog does not know, asked without DuckLake."""
    with ducklake.connect(extensions=[ducklake.POSTGRES]) as con:
        ducklake.attach_catalog(con, lake, read_only=True)
        named = {Path(str(path)).name for (path,) in ducklake.ask(con, NAMED)}
    return sorted(
        path.name
        for path in Path(lake.data).rglob("*")
        if path.is_file() and path.name not in named and path.name != MARK
    )
