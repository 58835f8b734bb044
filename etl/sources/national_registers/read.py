"""National programmes, UN bodies and others: casualties, clearance, contamination."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import polars as pl

from etl import monitor_files as world
from etl.areas import Resolver
from etl.reading import Reading

CASUALTY_FILE: Final = "casualties/national_country_year.csv"


def read(files: Mapping[str, bytes], reading: Reading, resolver: Resolver) -> None:
    """Hand over every row of the world files that the Monitor did not print."""
    world.read_casualties(
        reading, CASUALTY_FILE, files[CASUALTY_FILE], resolver, "national_casualties",
        pl.col("edition"),
    )  # fmt: skip
    bounds = pl.read_csv(Path(__file__).with_name("clearance_bounds.csv"), infer_schema=False)
    world.read_clearance(
        reading, files[world.CLEARANCE_FILE], resolver, "other_clearance", bounds, monitor=False
    )
    world.read_contamination(
        reading, files[world.CONTAMINATION_FILE], resolver, "other_contamination", monitor=False
    )
