"""The API: every table and view of the ledger as a stream of CSV.

``GET /api/v1/funding.csv?area=KHM&year.gte=2015&account=DoD``. What can be asked is declared in
:mod:`etl.tables`; the grammar of filters is :mod:`dashboard.filters`. Rows come from DuckDB batch
by batch, so memory does not grow with the answer.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Final

import polars as pl
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from dashboard import filters
from dashboard.current import ledgers
from etl import sql
from etl.store import Lease, NoLedgerError
from etl.tables import ALL_TABLES, polars_schema

_SQL: Final = Path(__file__).parent / "sql"
FORMATS: Final = ("csv",)
BATCH_ROWS: Final = 20_000
# A spreadsheet runs a text that starts with one of these as a formula; full-width signs count, and
# white space or signs without a shape in front do not hide one.
FORMULA: Final = "^[\\s\\p{Z}\\p{C}]*[=+\\-@\uff1d\uff0b\uff0d\uff20]"

api = FastAPI(
    title="HMA Ledger",
    version="1",
    description="Figures of U.S. humanitarian mine action, each with its source.",
    docs_url=None,  # its pages would load scripts from another host
    redoc_url=None,
)


class AnswerError(Exception):
    """A request that cannot be answered, with the status to answer it by."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@api.exception_handler(AnswerError)
async def _refuse(_request: Request, error: Exception) -> JSONResponse:
    status = error.status if isinstance(error, AnswerError) else 500
    return JSONResponse({"error": str(error)}, status)


@api.get("/")
def tables() -> dict[str, dict[str, str]]:
    """Every table and what one row of it is."""
    return {
        "tables": {
            f"/api/v1/{name}.csv": (schema.__doc__ or "").splitlines()[0]
            for name, schema in ALL_TABLES.items()
        }
    }


@api.get("/{table}.{ending}")
async def rows(request: Request, table: str, ending: str) -> StreamingResponse:
    """The rows of a table that pass the filters, with their provenance.

    ``raw=1`` leaves texts as they are; otherwise those that a spreadsheet would run as a formula
    start with an apostrophe.
    """
    if table not in ALL_TABLES:
        raise AnswerError(
            404, f"there is no table {table[:80]!r}. The tables are: {', '.join(ALL_TABLES)}."
        )
    if ending not in FORMATS:
        raise AnswerError(
            400, f"{ending[:80]!r} is no known format. Allowed: {', '.join(FORMATS)}."
        )
    return await run_in_threadpool(_answer, request, table)


def _answer(request: Request, table: str) -> StreamingResponse:
    pairs = [pair for pair in request.query_params.multi_items() if pair[0] != "raw"]
    raw = request.query_params.get("raw", "0").lower()
    if raw not in filters.YES:
        raise AnswerError(400, f"raw takes 1 or 0, not {raw[:80]!r}.")
    with ExitStack() as stack:
        try:
            lease = stack.enter_context(ledgers().lease())
        except NoLedgerError as error:
            raise AnswerError(503, f"{error}.") from error
        areas = [row[0] for row in lease.con.execute(_sql("area_codes")).fetchall()]
        try:
            conditions = filters.parse(table, pairs, areas)
        except filters.FilterError as error:
            raise AnswerError(400, str(error)) from error
        pieces = _csv(lease, table, conditions, raw=filters.YES[raw])
        release = stack.pop_all()
    return _Rows(
        pieces,
        release,
        media_type="text/csv; charset=utf-8; header=present",
        headers={
            "Content-Disposition": f'attachment; filename="{table}-{lease.ledger}.csv"',
            "X-HMA-Ledger": lease.ledger,
            "X-Content-Type-Options": "nosniff",
        },
    )


class _Rows(StreamingResponse):
    """A stream that gives its ledger back when it ends, also when the reader leaves early."""

    def __init__(
        self, pieces: Iterator[bytes], release: ExitStack, media_type: str, headers: dict[str, str]
    ) -> None:
        super().__init__(pieces, media_type=media_type, headers=headers)
        self._release = release

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces."""
        with self._release:
            await super().__call__(scope, receive, send)


@cache
def _sql(name: str) -> str:
    return (_SQL / f"{name}.sql").read_text(encoding="utf-8")


def _csv(
    lease: Lease, table: str, conditions: Sequence[filters.Condition], *, raw: bool
) -> Iterator[bytes]:
    """The answer in pieces, the header first."""
    condition, parameters = filters.where(conditions)
    schema = polars_schema(ALL_TABLES[table])
    query = _sql("rows").format(
        columns=", ".join(_cell(name, dtype, raw=raw) for name, dtype in schema.items()),
        table=sql.identifier(table),
        condition=condition,
    )
    batches = lease.con.sql(query, params=parameters).to_arrow_reader(BATCH_ROWS)
    yield _lines(pl.DataFrame(schema=dict.fromkeys(schema, pl.String)), header=True)
    for batch in batches:
        yield _lines(pl.DataFrame(batch), header=False)


def _lines(frame: pl.DataFrame, *, header: bool) -> bytes:
    buffer = io.BytesIO()
    frame.write_csv(buffer, include_header=header)
    return buffer.getvalue()


def _cell(name: str, dtype: pl.DataType, *, raw: bool) -> str:
    """The SQL of one cell: whole dollars without decimals, texts without live formulas."""
    column = f"t.{sql.identifier(name)}"
    text = f"CAST({column} AS VARCHAR)"
    if isinstance(dtype, pl.Decimal):
        text = f"regexp_replace({text}, '\\.00$', '')"
    elif isinstance(dtype, pl.String) and not raw:
        text = (
            f"CASE WHEN regexp_matches({column}, '{FORMULA}') "
            f"THEN chr(39) || {column} ELSE {column} END"
        )
    return f"{text} AS {sql.identifier(name)}"
