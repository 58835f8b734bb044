"""The API: every table and view of the ledger, in every format of :mod:`dashboard.downloads`.

``GET /api/v1/funding.csv?area=KHM&year.gte=2015&account=DoD``. What can be asked is declared in
:mod:`etl.tables` and described by :mod:`dashboard.openapi`; the grammar of filters is
:mod:`dashboard.filters`. Rows come from DuckDB batch by batch, so memory does not grow with the
answer. ``as_of=3`` asks how the ledger stood right after an earlier refresh, and
``/api/v1/changes.json?a=2&b=3`` what changed between two.
"""

from __future__ import annotations

import logging
from asyncio import CancelledError, Future, ensure_future, get_running_loop, shield, timeout
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import Annotated, Any, Final, cast

from fastapi import FastAPI, Path, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.types import Receive, Scope, Send

from dashboard import catalogue, filters, openapi, reference, sizes, slots, versions
from dashboard.ahead import ahead
from dashboard.answer import Answer, CutShortError, question, text
from dashboard.current import ledgers, limits
from dashboard.downloads import FORMATS, TooLargeError
from etl import asof
from etl.asof import AsOfError
from etl.dictionary import docstring
from etl.diff import diff, json_pieces
from etl.store import Lease, NoLedgerError, TooLongError
from etl.tables import ALL_TABLES

_LOG: Final = logging.getLogger(__name__)

# What is packed already; CSV and JSON are packed by a quarter of their size at little cost.
PACKED: Final = ("application/vnd.apache.parquet", FORMATS["xlsx"].media)
LEAST_PACKED: Final = 1000
PACKING: Final = 5
VARIES: Final = {"Vary": "Accept-Encoding"}  # the middleware says so of whole answers

api = FastAPI(
    title="HMA Ledger",
    version="1",
    description="Figures of U.S. humanitarian mine action, each with its source.",
    docs_url=None,  # its pages would load scripts from another host; see dashboard/reference.py
    redoc_url=None,
)
api.add_middleware(
    GZipMiddleware,
    minimum_size=LEAST_PACKED,
    compresslevel=PACKING,
    exclude_content_types=(*DEFAULT_EXCLUDED_CONTENT_TYPES, *PACKED),
)


class AnswerError(Exception):
    """A request that cannot be answered, with the status to answer it by."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@api.exception_handler(AnswerError)
async def _refuse(_request: Request, error: Exception) -> JSONResponse:
    status = error.status if isinstance(error, AnswerError) else 500
    headers = {"Retry-After": str(slots.RETRY_SECONDS)} if status == 503 else None  # noqa: PLR2004
    return JSONResponse({"error": str(error)}, status, headers)


@contextmanager
def _refusals() -> Iterator[None]:
    """What goes wrong while an answer is found, as the status that says so."""
    try:
        yield
    except (filters.FilterError, AsOfError) as error:
        raise AnswerError(400, str(error)) from error
    except TooLargeError as error:
        raise AnswerError(413, str(error)) from error
    except (NoLedgerError, TooLongError) as error:
        raise AnswerError(503, f"{error}.") from error


# ---- what there is


@api.get("/", responses={"200": {"description": "Every table and what one row of it is."}})
def tables() -> dict[str, dict[str, str]]:
    """Every table and what one row of it is."""
    return {
        "tables": {
            f"/api/v1/{name}.csv": (schema.__doc__ or "").splitlines()[0]
            for name, schema in ALL_TABLES.items()
        }
    }


@api.get("/docs", include_in_schema=False)
def docs() -> HTMLResponse:
    """The document as a page."""
    return HTMLResponse(
        reference.page(api.openapi()), headers={"Content-Security-Policy": reference.POLICY}
    )


def _whole(request: Request, find: Callable[[Lease], Any], *named: str) -> Response:
    """A small answer as JSON, of the ledger as it stood as of the refresh that the address asks for."""
    unknown = sorted(request.query_params.keys() - {"as_of", filters.GRAMMAR_KEY, *named})
    if unknown:
        raise AnswerError(400, f"there is no parameter {unknown[0][:80]!r} here.")
    with _refusals(), ExitStack() as stack:
        filters.require_grammar(request.query_params.get(filters.GRAMMAR_KEY))
        lease = _lease(stack, request.query_params.get("as_of"))
        tag = versions.etag(lease.ledger, lease.as_of, request.url.path, request.url.query)
        if versions.has_it(request.headers.get("If-None-Match"), tag):
            return _unchanged(lease, tag)
        _question(stack)
        with lease.limited(limits().statement_seconds):
            return JSONResponse(find(lease), headers={**_headers(lease), **_kept(tag)})


def _described(schema: dict[str, Any], *more: str) -> dict[int | str, dict[str, Any]]:
    return cast(
        dict[int | str, dict[str, Any]],
        {
            "200": {
                "description": "What was asked for.",
                "content": {"application/json": {"schema": schema}},
            },
            "304": {"description": "What If-None-Match names is still what there is."},
            **openapi.refusals("400", *more, "503"),
        },
    )


AS_OF: Final = {"parameters": [openapi.AS_OF, openapi.GRAMMAR]}


@api.get("/datasets", responses=_described(catalogue.DATASETS), openapi_extra=AS_OF)
def datasets(request: Request) -> Response:
    """Every table with its columns, its number of rows, and where to get it."""
    return _whole(request, catalogue.datasets)


@api.get("/sources", responses=_described(catalogue.listed("sources")), openapi_extra=AS_OF)
def sources(request: Request) -> Response:
    """Every source: publisher, licence, citation, rhythm, caveats."""
    return _whole(request, catalogue.sources)


@api.get("/refreshes", responses=_described(catalogue.listed("refreshes")), openapi_extra=AS_OF)
def refreshes(request: Request) -> Response:
    """Every refresh with what it changed, oldest first."""
    return _whole(request, catalogue.refreshes)


@api.get("/entries/{entry_id}", responses=_described(catalogue.ENTRY, "404"), openapi_extra=AS_OF)
def entry(
    request: Request,
    entry_id: Annotated[str, Path(description="stable name of the figure", max_length=200)],
) -> Response:
    """One figure: its values, every revision, and how to cite it."""

    def find(lease: Lease) -> dict[str, Any]:
        found = catalogue.entry(lease, entry_id)
        if found is None:
            raise AnswerError(404, f"there is no entry {entry_id[:80]!r} in {lease.ledger}.")
        return found

    return _whole(request, find)


# ---- what changed


@api.get(
    "/changes.json",
    responses=_described(catalogue.CHANGES),
    openapi_extra={"parameters": catalogue.CHANGES_ASKED},
)
async def changes(request: Request) -> Response:
    """What changed between the refreshes ``a`` and ``b``: sums, and every entry before and after.

    Each is a number, a day or a time; ``a=0`` is the empty ledger. ``source`` keeps one source.
    """
    return await _found(_changes, request)


def _changes(request: Request) -> Response:
    asked = request.query_params
    unknown = sorted(asked.keys() - {"a", "b", "source", filters.GRAMMAR_KEY})
    if unknown or not (asked.get("a") and asked.get("b")):
        raise AnswerError(
            400,
            "changes.json takes a and b, each the number of a refresh, a day or a time, and source"
            + (f"; not {unknown[0][:80]!r}." if unknown else "."),
        )
    source = asked.get("source")
    with _refusals(), ExitStack() as stack:
        filters.require_grammar(asked.get(filters.GRAMMAR_KEY))
        _slot(stack)
        lease = _lease(stack, None)
        known = [row[0] for row in lease.con.execute(text("source_ids")).fetchall()]
        if source is not None and source not in known:
            raise AnswerError(
                400, f"there is no source {source[:80]!r}. Sources: {', '.join(known)}."
            )
        a, b = (
            0 if given == "0" else asof.find(lease.con, given) for given in (asked["a"], asked["b"])
        )
        tag = versions.etag(lease.ledger, a, b, source)
        if versions.has_it(request.headers.get("If-None-Match"), tag):
            return _unchanged(lease, tag)
        headers = {**_headers(lease), **_kept(tag)}
        with lease.limited(limits().statement_seconds):
            found = diff(lease.con, a, b, source)
        pieces = (piece.encode() for piece in json_pieces(lease.con, found))
        return _Rows(pieces, stack.pop_all(), media_type="application/json", headers=headers)


# ---- rows


def _answer(request: Request, table: str, ending: str) -> Response:
    form = FORMATS.get(ending)
    if form is None:
        raise AnswerError(
            400, f"{ending[:80]!r} is no known format. Allowed: {', '.join(FORMATS)}."
        )
    with _refusals(), ExitStack() as stack:
        answer = _ask(request, table, stack)
        asked = answer.question.address(ending, answer.lease.as_of)
        tag = versions.etag(answer.lease.ledger, asked, limits().max_rows_xlsx)
        if versions.has_it(request.headers.get("If-None-Match"), tag):
            return _unchanged(answer.lease, tag)
        if request.method == "HEAD":
            _question(stack)
        else:
            _slot(stack)
        headers = {
            "Content-Disposition": f'attachment; filename="{answer.name}.{ending}"',
            "X-HMA-Rows": str(answer.rows),
            **_headers(answer.lease),
            **_kept(tag),
        }
        if request.method == "HEAD":
            return _head(form.media_type, headers)
        pieces = ahead(form.pieces(answer))
        stack.callback(pieces.close)  # before the lease is given back, and soon:
        stack.callback(answer.lease.con.interrupt)
        with ExitStack() as writing:
            if ending == "xlsx":
                _workbook(writing)
            first = next(pieces, b"")  # before the answer begins: it may still be refused
        return _Rows(
            chain([first], _watched(answer, pieces)),
            stack.pop_all(),
            media_type=form.media_type,
            headers=headers,
        )


def _watched(answer: Answer, pieces: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from pieces
    except (TooLongError, CutShortError) as error:
        # the status is long sent: a stream that breaks off is not taken for a whole one
        _LOG.warning("the rows of %s were broken off: %s", answer.table, error)
        raise


def _count(request: Request, table: str) -> Response:
    def find(lease: Lease) -> dict[str, Any]:
        answer = Answer(question(table, request.query_params.multi_items(), lease), lease)
        return {
            "table": table,
            "ledger": lease.ledger,
            "as_of": lease.as_of,
            "row_count": answer.rows,
            "approximate_bytes": sizes.estimates(answer),
        }

    return _whole(request, find, *request.query_params.keys())


def _ask(request: Request, table: str, stack: ExitStack) -> Answer:
    lease = _lease(stack, request.query_params.get("as_of"))
    return Answer(question(table, request.query_params.multi_items(), lease), lease)


def _slot(stack: ExitStack) -> None:
    """One of the answers that may be under way at once, until ``stack`` is closed."""
    _take(stack, slots.rows, limits().streams, "answers are under way")


def _question(stack: ExitStack) -> None:
    """One of the small questions that may be answered at once; they wait for no answer with rows."""
    _take(stack, slots.questions, limits().questions, "questions are being answered")


def _workbook(stack: ExitStack) -> None:
    """One of the workbooks that may be written at once; it is given back when the file is written, not when it is sent."""
    _take(
        stack, slots.workbooks, limits().workbooks,
        "workbooks are being written", "; or ask for csv or parquet",
    )  # fmt: skip


def _take(stack: ExitStack, kind: slots.Slots, most: int, what: str, instead: str = "") -> None:
    if not kind.take(most):
        raise AnswerError(503, f"{most} {what}, as many as may be. Try again soon{instead}.")
    stack.callback(kind.give_back)


def _lease(stack: ExitStack, as_of: str | None) -> Lease:
    """The ledger in use until ``stack`` is closed, as it stood ``as_of`` an earlier refresh."""
    if as_of == "":
        raise AnswerError(400, "as_of takes the number of a refresh, a day or a time.")
    return stack.enter_context(ledgers().lease(as_of))


def _headers(lease: Lease) -> Mapping[str, str]:
    """Which ledger an answer came from, and how many entries are in none, since they may not be passed on."""
    headers = {"X-HMA-Ledger": lease.ledger, "X-Content-Type-Options": "nosniff"}
    if lease.withheld:
        headers["X-HMA-Withheld"] = ", ".join(f"{name}={n}" for name, n in lease.withheld.items())
    return headers if lease.as_of is None else {**headers, "X-HMA-As-Of": str(lease.as_of)}


def _kept(tag: str) -> Mapping[str, str]:
    """How an answer may be kept: by its tag, asked for again each time."""
    return {"ETag": tag, "Cache-Control": "no-cache"}


def _unchanged(lease: Lease, tag: str) -> Response:
    """What the reader has is still what there is."""
    return Response(status_code=304, headers={**_headers(lease), **_kept(tag), **VARIES})


def _head(media_type: str, headers: Mapping[str, str]) -> Response:
    """The head of an answer whose length nobody knows before it is written."""
    head = Response(headers={**headers, **VARIES}, media_type=media_type)
    del head.headers["Content-Length"]
    return head


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

    def let_go(self) -> None:
        """Give back what it would have been sent from."""
        self._release.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces; break off where that takes too long.

        A reader who leaves is noticed as a server of ASGI 2.3 tells it: later ones are told by an error while
        a piece is in the making, whose thread Starlette then leaves alone with a ledger that is given back.
        """
        scope = {**scope, "asgi": {**scope.get("asgi", {}), "spec_version": "2.3"}}
        try:
            async with timeout(limits().stream_seconds):
                await super().__call__(scope, receive, send)
        finally:
            # in a thread: it waits for the piece that is in the making, and other readers need not
            await shield(run_in_threadpool(self.let_go))


async def _found(find: Callable[..., Response], *asked: object) -> Response:
    """What ``find`` gives in a thread; if nobody waits for it any more, it gives back what it has taken."""
    work = ensure_future(run_in_threadpool(find, *asked))
    try:
        return await shield(work)
    except CancelledError:
        work.add_done_callback(_let_go)
        raise


def _let_go(work: Future[Response]) -> None:
    if not work.cancelled() and work.exception() is None and isinstance(work.result(), _Rows):
        get_running_loop().run_in_executor(None, cast(_Rows, work.result()).let_go)


def _table_routes(table: str) -> None:
    """The addresses of one table."""
    what = docstring(ALL_TABLES[table])

    async def rows(
        request: Request,
        ending: Annotated[
            str, Path(description="the format", json_schema_extra={"enum": list(FORMATS)})
        ],
    ) -> Response:
        return await _found(_answer, request, table, ending)

    async def count(request: Request) -> Response:
        return await run_in_threadpool(_count, request, table)

    asked = {"parameters": openapi.parameters(table)}
    api.add_api_route(
        f"/{table}.{{ending}}", rows, methods=["GET"], tags=["rows"], openapi_extra=asked,
        operation_id=f"rows_of_{table}", summary=what, responses=openapi.responses(table),
    )  # fmt: skip
    api.add_api_route(f"/{table}.{{ending}}", rows, methods=["HEAD"], include_in_schema=False)
    api.add_api_route(
        f"/{table}/count", count, methods=["GET"], tags=["counts"], openapi_extra=asked,
        operation_id=f"count_of_{table}", responses=_described(catalogue.COUNT),
        summary=f"How many rows of {table} pass the filters, and about how large each format is.",
    )  # fmt: skip


for _name in ALL_TABLES:
    _table_routes(_name)


@api.get("/{table}.{ending}", include_in_schema=False)
@api.get("/{table}/count", include_in_schema=False)
def unknown_table(table: str, ending: str = "") -> Response:
    """Say which tables there are."""
    del ending
    raise AnswerError(
        404, f"there is no table {table[:80]!r}. The tables are: {', '.join(ALL_TABLES)}."
    )


def _openapi() -> dict[str, Any]:
    """The document, made once."""
    if api.openapi_schema is None:
        made = get_openapi(
            title=api.title, version=api.version, description=api.description, routes=api.routes,
            servers=[{"url": "/api/v1"}],
        )  # fmt: skip
        made.setdefault("components", {}).setdefault("schemas", {}).update(openapi.schemas())
        api.openapi_schema = made
    return api.openapi_schema


api.openapi = _openapi  # type: ignore[method-assign]
