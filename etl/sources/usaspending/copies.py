"""The transactions at hand: a full copy and what changed since, put together.

For each transaction the version with the newest ``last_modified_date`` counts, and of two equally
new ones the one in the file named later in :data:`FILES`. A version marked as deleted takes the
transaction away. Whole versions are taken, never single cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from etl.reading import Finding, Reading, SourceError, decode, read_csv

KEY: Final = "assistance_transaction_unique_key"
CHANGED: Final = "last_modified_date"
DELETED: Final = "D"
# What the download job is asked for and what is read. No column of the sub-awards is among them (such
# as the permalink, or the description of the award's first transaction), or the job would add their rows
# to its count.
COLUMNS: Final = (
    KEY, "assistance_award_unique_key", "award_id_fain", "modification_number",
    "federal_action_obligation", "total_obligated_amount", "action_date", "action_date_fiscal_year",
    "period_of_performance_start_date", "period_of_performance_current_end_date",
    "awarding_agency_code", "awarding_agency_name", "awarding_sub_agency_name",
    "awarding_office_name", "funding_agency_code", "funding_agency_name",
    "treasury_accounts_funding_this_award", "federal_accounts_funding_this_award",
    "recipient_uei", "recipient_name", "recipient_country_code",
    "primary_place_of_performance_country_code", "primary_place_of_performance_country_name",
    "cfda_number", "cfda_title", "assistance_type_code", "assistance_type_description",
    "transaction_description",
    "correction_delete_indicator_code", "action_type_code", "initial_report_date", CHANGED,
)  # fmt: skip
# In the order in which they were asked for, full copies first: of two versions that are equally new
# the later one counts.
QUESTIONS: Final = ("listing", "prefix")
FULL: Final = {name: f"transactions_{name}.csv" for name in QUESTIONS}
INCREMENT: Final = {name: f"transactions_{name}_increment.csv" for name in QUESTIONS}
COUNT: Final = {name: f"transactions_{name}_count.json" for name in QUESTIONS}
FILES: Final = (*FULL.values(), *INCREMENT.values())


def table(
    reading: Reading, file: str, content: bytes, columns: Sequence[str] = COLUMNS
) -> pl.DataFrame:
    """The rows of one download as text; columns that are not read are one issue for the file.

    Raises:
        SourceError: a column is missing, or the file is none.
    """
    lines = decode(file, content).splitlines()
    header = [name.strip(' "') for name in lines[0].split(",")]
    more = [name for name in dict.fromkeys(header) if name not in columns]
    ours = [name for name in ("file", "locator", "place") if name in more]
    if ours:
        raise SourceError(
            f"{file} line 1 has the column {', '.join(ours)}, which the service does not print; fetch the "
            "source again"
        )
    frame = read_csv(reading, file, content, (*columns, *more)).drop(more)
    if more:
        reading.issue(
            Finding(
                f"{file} line 1", None, f"{len(more)} columns are not read", ", ".join(more),
                "nothing, if the file was downloaded by hand with all columns; else name them in copies.py",
            )
        )  # fmt: skip
    return frame


def newest(tables: Sequence[pl.DataFrame]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that count, and those that do not: superseded or deleted.

    ``tables`` come in the order of :data:`FILES`. Two rows of one key in one file, equally new, are
    both kept, for nothing tells which is right: the check of keys rejects them.
    """
    ranked = pl.concat(
        [frame.with_columns(_rank=pl.lit(rank)) for rank, frame in enumerate(tables)]
    ).with_columns(_age=pl.col(CHANGED).fill_null(""))
    newest_age = pl.col("_age") == pl.col("_age").max().over(KEY)
    # a key that is missing is no key: such rows are rejects, and do not stand for one another
    ranked = ranked.with_columns(_newest=newest_age | pl.col(KEY).is_null())
    last_file = pl.col("_rank") == pl.col("_rank").filter("_newest").max().over(KEY)
    counts = pl.col("_newest") & (last_file | pl.col(KEY).is_null())
    is_deleted = (pl.col("correction_delete_indicator_code") == DELETED).fill_null(value=False)
    ranked = ranked.with_columns(_counts=counts & ~is_deleted)
    helpers = ("_rank", "_age", "_newest", "_counts")
    return (
        ranked.filter("_counts").drop(helpers),
        ranked.filter(~pl.col("_counts")).drop(helpers),
    )


@dataclass(frozen=True)
class Copy:
    """What the copy of one question holds."""

    count: int
    newest_change_of_full_copy: date


def copy_of_last_time(file: str, full: bytes | None, increment: bytes | None) -> Copy | None:
    """What the last copy of a question holds; None if there is none that can be continued."""
    if full is None or increment is None:
        return None
    try:
        tables = [table(Reading(), name, content) for name, content in
                  ((file, full), (f"increment of {file}", increment))]  # fmt: skip
    except SourceError:
        return None  # asked for with other columns: a full copy mends that
    current, _ = newest(tables)
    day = tables[0].select(pl.col(CHANGED).str.head(10).str.to_date(strict=False).max()).item()
    return Copy(current.height, day) if isinstance(day, date) else None


def at_hand(files: Mapping[str, bytes]) -> list[str]:
    """The transaction files that there are, in the order of :data:`FILES`."""
    return [file for file in FILES if file in files]
