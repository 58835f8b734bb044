"""dlt doing the ledger's work, as its documentation says it is done. Runs in the peers' environment only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import duckdb

from tests.bench.measuring import Cost, clock

BATCH_ROWS: Final = 500_000
# As tests/bench/entries.py has it, which needs more than is installed here.
DIGEST: Final = "count(*), sum(hash(source_id, place, amount_usd::DECIMAL(18, 2)))::VARCHAR"


def _pipeline(folder: Path, name: str) -> Any:  # noqa: ANN401
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID"] = "false"
    import dlt

    return dlt.pipeline(
        name, destination=dlt.destinations.duckdb(str(folder / f"{name}.duckdb")),
        dataset_name="ledger", pipelines_dir=str(folder / "pipelines"),
    )  # fmt: skip


def scd2(where: str, source: str, other: str) -> Cost:
    """Two sources loaded, and then the second vintage of one merged, which is timed."""
    import dlt
    import pyarrow as pa
    import pyarrow.parquet as pq
    from dlt.sources.helpers.transform import add_row_hash_to_table

    folder = Path(where)
    pipeline = _pipeline(folder, "scd2")

    def rows(*paths: Path) -> Any:  # noqa: ANN401
        def read() -> Iterator[pa.Table]:
            for path in paths:
                for batch in pq.ParquetFile(path).iter_batches(BATCH_ROWS):
                    yield pa.Table.from_batches([batch])

        disposition = {
            "disposition": "merge",
            "strategy": "scd2",
            "row_version_column_name": "row_hash",
        }
        made = dlt.resource(
            read, name="funding", write_disposition=disposition, merge_key="source_id"
        )
        return made.add_map(add_row_hash_to_table("row_hash"))

    pipeline.run(rows(folder / f"before-{source}.parquet", folder / f"before-{other}.parquet"))
    with clock() as cost:
        pipeline.run(rows(folder / f"after-{source}.parquet"))
    with duckdb.connect(str(folder / "scd2.duckdb")) as con:
        now = con.execute(
            f"SELECT {DIGEST} FROM ledger.funding WHERE _dlt_valid_to IS NULL"
        ).fetchone()
    cost.found = {"now": list(now or ())}
    return cost


def load(url: str, where: str) -> Cost:
    """Fetch a file, read it by dlt's own source for CSV, and load its rows on mine action into DuckDB."""
    from urllib.request import urlretrieve

    from dlt.sources.filesystem import filesystem, read_csv

    folder = Path(where)
    path = folder / "fetched" / "dlt.csv"
    path.parent.mkdir()
    pipeline = _pipeline(folder, "load")
    with clock() as cost:
        urlretrieve(url, path)  # noqa: S310 - of this machine
        rows = filesystem(str(path.parent), file_glob="*.csv") | read_csv(
            chunksize=50_000, dtype=str
        )
        rows.add_filter(lambda row: row["International Purpose Code"] == "15250")
        pipeline.run(rows.with_name("funding"), write_disposition="replace")
    with duckdb.connect(str(folder / "load.duckdb")) as con:
        found = con.execute(
            "SELECT count(*), sum(current_dollar_amount::BIGINT) FROM ledger.funding"
        ).fetchone() or (0, 0)
    cost.found = {"rows": int(found[0]), "amount": int(found[1])}
    path.unlink()
    return cost
