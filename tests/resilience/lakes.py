"""What is left in a lake's folder that no snapshot names."""

from __future__ import annotations

from pathlib import Path

from etl import ducklake
from etl.settings import Lake

NAMED = "SELECT path FROM ducklake_data_file UNION ALL SELECT path FROM ducklake_delete_file"


def orphans(lake: Lake) -> list[str]:
    """The Parquet files of a lake in a folder that its catalog does not know, asked without DuckLake."""
    with ducklake.connect(extensions=[ducklake.POSTGRES]) as con:
        ducklake.attach_catalog(con, lake, read_only=True)
        named = {Path(str(path)).name for (path,) in ducklake.ask(con, NAMED)}
    return sorted(
        path.name
        for path in Path(lake.data).rglob("*")
        if path.is_file() and path.name not in named
    )
