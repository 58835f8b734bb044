"""Price indexes: the U.S. GDP deflator and CPI-U, the OECD's deflators of donors, OMB's Table 10.1.

Whatever the file, a row of the ledger is one index and one year, with what the index is measured
against. An index as published is kept as it is; of quarters and months the average of a whole year is
kept, fiscal and calendar years apart. Nothing is re-based here: dividing by the year that a reader
wants is for a view, which says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import polars as pl

from etl.archive import Contents
from etl.areas import Resolver
from etl.reading import Reading, SourceError
from etl.sheets import EXCEL
from etl.sources.deflators import averages, dac, omb

Read = Callable[[Reading, str, bytes, Resolver], pl.DataFrame]

READERS: Final[dict[str, Read]] = {
    "us_gdp_quarter.csv": averages.gdp_deflator,
    "us_cpi_u_monthly.csv": averages.consumer_prices,
    "dac_deflators.csv": dac.deflators,
}


def read(files: Contents, reading: Reading, resolver: Resolver) -> None:
    """Hand over one row an index and year.

    Raises:
        SourceError: a file is not what it should be, or none is there.
    """
    readers = {file: reader for file, reader in READERS.items() if file in files}
    workbooks = sorted(file for file in files if file.endswith(EXCEL))
    if workbooks:
        readers[workbooks[-1]] = omb.table_10_1
    if not readers:
        raise SourceError(f"none of the files is there: {', '.join(READERS)}", "missing file")
    for file in workbooks[:-1]:
        reading.rows_read[file] = 0  # an older edition, not opened
    for file, reader in readers.items():
        reading.add("deflators", reader(reading, file, files[file], resolver))
