"""The API: every table and view of the ledger as a stream of CSV.

``GET /api/v1/funding.csv?area=KHM&year.gte=2015&account=DoD``. What can be asked is declared in
:mod:`etl.tables`; the grammar of filters is :mod:`dashboard.filters`. Rows come from DuckDB batch
by batch, so memory does not grow with the answer. ``as_of=3`` asks how the ledger stood right after
an earlier refresh, and ``/api/v1/changes.json?a=2&b=3`` what changed between two.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Mapping, Sequence
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
from etl import asof, sql
from etl.asof import AsOfError
from etl.diff import diff, json_pieces
from etl.store import Lease, NoLedgerError, TooLongError
from etl.tables import ALL_TABLES, LOG_TABLES, polars_schema, reading_order

_LOG: Final = logging.getLogger(__name__)

_SQL: Final = Path(__file__).parent / "sql"
FORMATS: Final = ("csv",)
RESERVED: Final = ("raw", "as_of")  # parameters that are no columns
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


@api.get("/changes.json")
async def changes(request: Request) -> StreamingResponse:
    """What changed between the refreshes ``a`` and ``b``: sums, and every entry before and after.

    Each is a number, a day or a time; ``a=0`` is the empty ledger. ``source`` keeps one source.
    """
    return await run_in_threadpool(_changes, request)


def _changes(request: Request) -> StreamingResponse:
    asked = request.query_params
    unknown = sorted(asked.keys() - {"a", "b", "source"})
    if unknown or not (asked.get("a") and asked.get("b")):
        raise AnswerError(
            400,
            "changes.json takes a and b, each the number of a refresh, a day or a time, and source"
            + (f"; not {unknown[0][:80]!r}." if unknown else "."),
        )
    source = asked.get("source")
    with ExitStack() as stack:
        lease = _lease(stack, None)
        sources = [row[0] for row in lease.con.execute(_sql("source_ids")).fetchall()]
        if source is not None and source not in sources:
            raise AnswerError(
                400, f"there is no source {source[:80]!r}. Sources: {', '.join(sources)}."
            )
        try:
            a, b = (
                0 if text == "0" else asof.find(lease.con, text)
                for text in (asked["a"], asked["b"])
            )
            with lease.limited():
                found = diff(lease.con, a, b, source)
        except AsOfError as error:
            raise AnswerError(400, str(error)) from error
        except TooLongError as error:
            raise AnswerError(503, f"{error}.") from error
        return _Rows(
            (piece.encode() for piece in json_pieces(lease.con, found)),
            stack.pop_all(),
            media_type="application/json",
            headers=_headers(lease),
        )


@api.get("/{table}.{ending}")
async def rows(request: Request, table: str, ending: str) -> StreamingResponse:
    """The rows of a table that pass the filters, with their provenance.

    ``as_of`` is the number of an earlier refresh, a day or a time: the rows are those of then.
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
    pairs = [pair for pair in request.query_params.multi_items() if pair[0] not in RESERVED]
    raw = request.query_params.get("raw", "0").lower()
    if raw not in filters.YES:
        raise AnswerError(400, f"raw takes 1 or 0, not {raw[:80]!r}.")
    with ExitStack() as stack:
        lease = _lease(stack, request.query_params.get("as_of"))
        areas, sources, series = (
            [row[0] for row in lease.con.execute(_sql(name)).fetchall()]
            for name in ("area_codes", "source_ids", "series_names")
        )
        codes = {"source_id": sources, "series": series}
        try:
            conditions = filters.parse(table, pairs, areas, codes)
        except filters.FilterError as error:
            raise AnswerError(400, str(error)) from error
        batches = _batches(lease, table, conditions, raw=filters.YES[raw])
        try:
            first = next(batches, None)  # before the answer begins: it may still be refused
        except TooLongError as error:
            raise AnswerError(503, f"{error}.") from error
        as_of = "" if lease.as_of is None else f"-as-of-{lease.as_of}"
        return _Rows(
            _csv(table, first, batches),
            stack.pop_all(),
            media_type="text/csv; charset=utf-8; header=present",
            headers={
                "Content-Disposition": f'attachment; filename="{table}-{lease.ledger}{as_of}.csv"',
                **_headers(lease),
            },
        )


def _lease(stack: ExitStack, as_of: str | None) -> Lease:
    """The ledger in use until ``stack`` is closed, as it stood ``as_of`` an earlier refresh."""
    if as_of == "":
        raise AnswerError(400, "as_of takes the number of a refresh, a day or a time.")
    try:
        return stack.enter_context(ledgers().lease(as_of))
    except NoLedgerError as error:
        raise AnswerError(503, f"{error}.") from error
    except AsOfError as error:
        raise AnswerError(400, str(error)) from error


def _headers(lease: Lease) -> Mapping[str, str]:
    """Which ledger an answer came from, and how many entries are in none, since they may not be passed on."""
    headers = {"X-HMA-Ledger": lease.ledger, "X-Content-Type-Options": "nosniff"}
    if lease.withheld:
        headers["X-HMA-Withheld"] = ", ".join(f"{name}={n}" for name, n in lease.withheld.items())
    return headers if lease.as_of is None else {**headers, "X-HMA-As-Of": str(lease.as_of)}


class _Rows(StreamingResponse):
    """A stream that gives its ledger back when it ends, also when the reader leaves early."""

    def __init__(
        self,
        pieces: Iterator[bytes],
        release: ExitStack,
        media_type: str,
        headers: Mapping[str, str],
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


def _batches(
    lease: Lease, table: str, conditions: Sequence[filters.Condition], *, raw: bool
) -> Iterator[pl.DataFrame]:
    """The rows, some at a time.

    Raises:
        TooLongError: the next of them took too long to find.
    """
    condition, parameters = filters.where(conditions)
    schema = polars_schema(ALL_TABLES[table])
    is_sorted = lease.as_of is None and (table not in LOG_TABLES or table == "splits")
    query = _sql("rows" if is_sorted else "rows_sorted").format(
        columns=", ".join(_cell(name, dtype, raw=raw) for name, dtype in schema.items()),
        table=sql.identifier(table),
        condition=condition,
        order=", ".join(f"t.{sql.identifier(column)}" for column in reading_order(table)),
    )
    with lease.limited():
        batches = lease.con.sql(query, params=parameters).to_arrow_reader(BATCH_ROWS)
    while True:
        with lease.limited():
            batch = next(batches, None)
        if batch is None:
            return
        yield pl.DataFrame(batch)


def _csv(table: str, first: pl.DataFrame | None, more: Iterator[pl.DataFrame]) -> Iterator[bytes]:
    """The answer in pieces, the header first."""
    columns = ALL_TABLES[table].column_names()
    yield _lines(pl.DataFrame(schema=dict.fromkeys(columns, pl.String)), header=True)
    if first is None:
        return
    yield _lines(first, header=False)
    try:
        for batch in more:
            yield _lines(batch, header=False)
    except TooLongError:
        # the status is long sent: a stream that breaks off is not taken for a whole one
        _LOG.warning("the rows of %s took too long; the answer was broken off", table)
        raise


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
