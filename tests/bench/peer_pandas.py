"""The script that somebody who knows pandas writes for the same file. Runs in the peers' environment only."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.request import urlretrieve

from tests.bench.measuring import Cost, clock

CHUNK_ROWS: Final = 100_000
PURPOSE: Final = "International Purpose Code"
AMOUNT: Final = "Current Dollar Amount"
CODE: Final = "15250"


def load(url: str, where: str) -> Cost:
    """Fetch the file, keep its rows on mine action, and write them as Parquet."""
    import pandas as pd

    path, kept = Path(where) / "pandas.csv", Path(where) / "pandas.parquet"
    with clock() as cost:
        urlretrieve(url, path)  # noqa: S310 - of this machine
        chunks = pd.read_csv(path, chunksize=CHUNK_ROWS, dtype=str)
        rows = pd.concat(chunk[chunk[PURPOSE] == CODE] for chunk in chunks)
        rows.to_parquet(kept)
    cost.found = {"rows": len(rows), "amount": int(rows[AMOUNT].astype("int64").sum())}
    path.unlink()
    kept.unlink()
    return cost
