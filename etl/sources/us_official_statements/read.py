"""Official statements, budget lines and award totals outside State's annual report."""

from __future__ import annotations

from collections.abc import Mapping

from etl.areas import Resolver
from etl.reading import Reading
from etl.us_files import (
    COUNTRY_FILE,
    NADR_FILE,
    TOTALS_FILE,
    read_country_file,
    read_nadr_file,
    read_totals_file,
)


def read(files: Mapping[str, bytes], reading: Reading, resolver: Resolver) -> None:
    """Hand over every row that is neither State's report nor the Landmine Monitor."""
    read_country_file(reading, files[COUNTRY_FILE], resolver, {"us_country_statements"})
    read_totals_file(
        reading, files[TOTALS_FILE], resolver,
        {
            "us_total_statements", "us_budget_1993_2001", "state_appropriation",
            "assistance_listing_19_800",
        },
    )  # fmt: skip
    read_nadr_file(
        reading, files[NADR_FILE], resolver,
        {"state_nadr_line", "us_country_statements", "us_total_statements"},
    )  # fmt: skip
