"""One question to one ledger, and its answer, whatever the format.

A :class:`Question` is a table, filters and an order; an :class:`Answer` is a question put to a lease.
Pages and API make both the same way, and every encoder in :mod:`dashboard.downloads` reads the rows of
an answer, so a page's table and its downloads cannot differ in rows or order. Rows come from DuckDB
batch by batch: memory does not grow with the answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from time import monotonic
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import polars as pl
import pyarrow as pa

from dashboard import filters, names
from dashboard.ahead import ahead
from dashboard.current import limits
from etl import homes, sql
from etl.archive import ArchiveError
from etl.manifest import of_ledger
from etl.settings import folders
from etl.store import Lease
from etl.tables import ALL_TABLES, LOG_TABLES, polars_schema, reading_order

_SQL: Final = Path(__file__).parent / "sql"
# Parameters that are no columns and stand in an address once.
RESERVED: Final = ("raw", "as_of", "sort", "limit", filters.GRAMMAR_KEY)
MOST_ROWS: Final = 10**12
# So few that a processor's cache holds them and the first leave at once; four of DuckDB's vectors, so that none is
# cut in two. Measured of five million rows as CSV, MB/s: with 5,000 rows 130, 8,192 160, 10,240 145, 20,000 150.
BATCH_ROWS: Final = 8_192

ABSENT_SECONDS: Final = 60  # until a manifest that was not at hand is looked for again
_ABSENT: Final[dict[str, float]] = {}


@cache
def text(name: str) -> str:
    """``dashboard/sql/<name>.sql``."""
    return (_SQL / f"{name}.sql").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Question:
    """Which rows of which table, in which order."""

    table: str
    conditions: tuple[filters.Condition, ...] = ()
    sort: tuple[tuple[str, bool], ...] = ()
    limit: int | None = None
    raw: bool = False
    asked: tuple[tuple[str, str], ...] = ()

    def address(self, ending: str, as_of: int | None) -> str:
        """The address that asks this again, as of the same refresh and in the same grammar."""
        pairs = [*self.asked, *([("as_of", str(as_of))] if as_of is not None else [])]
        pairs.append((filters.GRAMMAR_KEY, str(filters.GRAMMAR)))
        return f"/api/v1/{self.table}.{ending}?{urlencode(pairs)}"


def question(table: str, pairs: Iterable[tuple[str, str]], lease: Lease) -> Question:
    """The question that an address asks; ``as_of`` is the lease's affair and is passed over.

    Raises:
        FilterError: a column, comparison, value, order, number or version of the grammar is not allowed.
        TooLongError: the codes of the ledger took too long to find.
    """
    given = list(pairs)
    _refuse_twice(key for key, _ in given if key in RESERVED)
    others = dict(pair for pair in given if pair[0] in RESERVED)
    filters.require_grammar(others.get(filters.GRAMMAR_KEY))
    with lease.limited(limits().statement_seconds):
        known = names.of(lease)
        sources, series = (
            [row[0] for row in lease.con.execute(text(name)).fetchall()]
            for name in ("source_ids", "series_names")
        )
    conditions = filters.parse(
        table,
        [pair for pair in given if pair[0] not in RESERVED],
        known,
        {"source_id": sources, "series": series},
    )
    return Question(
        table,
        tuple(conditions),
        tuple(filters.order(table, others.get("sort", ""))),
        _limit(others.get("limit")),
        _raw(others.get("raw", "0")),
        tuple(
            sorted(
                pair
                for pair in filters.coded(given, known)
                if pair[0] not in {"as_of", filters.GRAMMAR_KEY}
            )
        ),
    )


def _refuse_twice(keys: Iterable[str]) -> None:
    """Of two limits or orders one would be passed over, and an answer could not be asked for again by its tag."""
    for key, times in Counter(keys).items():
        if times > 1:
            raise filters.FilterError(f"{key} stands there {times} times; give it once.")


def _limit(given: str | None) -> int | None:
    if given is None:
        return None
    if not (given.isascii() and given.isdigit() and 0 < len(given) <= len(str(MOST_ROWS)) - 1):
        raise filters.FilterError(f"limit is a number of rows, not {given[:80]!r}.")
    return int(given)


def _raw(given: str) -> bool:
    if given.lower() not in filters.YES:
        raise filters.FilterError(f"raw takes 1 or 0, not {given[:80]!r}.")
    return filters.YES[given.lower()]


class CutShortError(RuntimeError):
    """Other rows came than were counted, so what was sent is not the answer."""


@dataclass(frozen=True)
class Answer:
    """A question put to a ledger.

    Every property and method raises TooLongError where the ledger takes too long.
    """

    question: Question
    lease: Lease

    @property
    def table(self) -> str:
        """The table asked."""
        return self.question.table

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """Its columns."""
        return polars_schema(ALL_TABLES[self.question.table])

    @property
    def name(self) -> str:
        """What a file with the answer is called, without its ending."""
        as_of = "" if self.lease.as_of is None else f"-as-of-{self.lease.as_of}"
        return f"{self.table}-{self.lease.ledger}{as_of}"

    def batches(
        self, select: Sequence[str], rows: int = BATCH_ROWS
    ) -> Generator[pa.RecordBatch, None, None]:
        """The rows, at most ``rows`` at a time, as the SQL expressions ``select`` (of the table ``t``) write them.

        The database works on the next ones meanwhile; nothing is asked before the first is wanted. Until the
        last is taken or it is closed, nothing else may be asked of this lease: DuckDB would end the rows there
        without a word, which is found out where they were counted before.

        Raises:
            CutShortError: there were fewer or more than were counted.
        """
        return ahead(self._batches(select, rows))

    def _batches(self, select: Sequence[str], rows: int) -> Generator[pa.RecordBatch, None, None]:
        query, parameters = self._query(select, is_sorted=True)
        seconds, taken = limits().statement_seconds, 0
        with self.lease.limited(seconds):
            # not con.sql(), which with parameters holds all rows and gives them out ten times slower
            batches = self.lease.con.execute(query, parameters).to_arrow_reader(rows)
        while True:
            with self.lease.limited(seconds):
                batch = next(batches, None)
            if batch is None:
                break
            taken += batch.num_rows
            yield batch
        if "_counted" in vars(self) and taken != self.rows:
            raise CutShortError(f"{self.table}: {taken} rows came of {self.rows}")

    def _query(self, select: Sequence[str], *, is_sorted: bool) -> tuple[str, list[Any]]:
        """The SQL and its parameters; the order only where it is not the one that the table lies in."""
        asked = self.question
        condition, parameters = filters.where(asked.conditions)
        lies_sorted = self.lease.as_of is None and (
            asked.table not in LOG_TABLES or asked.table == "splits"
        )
        must_sort = is_sorted and (asked.sort or not lies_sorted)
        query = text("rows_sorted" if must_sort else "rows").format(
            columns=", ".join(select),
            table=sql.identifier(asked.table),
            condition=condition,
            order=", ".join(self._order()),
            limit="LIMIT ?" if asked.limit is not None else "",
        )
        return query, [*parameters, *([asked.limit] if asked.limit is not None else [])]

    def _order(self) -> list[str]:
        chosen = dict(self.question.sort)
        columns = [*chosen, *(name for name in reading_order(self.table) if name not in chosen)]
        return [
            f"t.{sql.identifier(name)}{' DESC' if chosen.get(name) else ''} NULLS LAST"
            for name in columns
        ]

    @cached_property
    def _counted(self) -> tuple[int, list[str] | None]:
        has_source = "source_id" in self.schema
        source = "t.source_id" if has_source else "NULL::VARCHAR AS source_id"
        query, parameters = self._query([source], is_sorted=self.question.limit is not None)
        with self.lease.limited(limits().statement_seconds):
            found = self.lease.con.execute(text("rows_counted").format(rows=query), parameters)
            (row,) = found.fetchall()
        return int(row[0]), (list(row[1] or []) if has_source else None)

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self._counted[0]

    @cached_property
    def sources(self) -> list[dict[str, str]]:
        """The sources of its rows with their terms; all of the ledger where the table does not name them."""
        parameters = {"sources": self._counted[1]}
        with self.lease.limited(limits().statement_seconds):
            found: pl.DataFrame = self.lease.con.execute(text("sources_of"), parameters).pl()
        return found.to_dicts()

    @property
    def citation(self) -> str:
        """How to cite it: the publications first, then the ledger and the question."""
        named = self.sources if self._counted[1] is not None else []
        cited = " ".join(_sentence(source["citation"]) for source in named)
        as_of = "" if self.lease.as_of is None else f", as of refresh {self.lease.as_of}"
        return (
            f"{cited} Through: HMA Ledger, {self.lease.ledger}{as_of}, "
            f"{self.question.address('csv', self.lease.as_of)}, {self.rows:,} rows."
        ).strip()

    def provenance(self, ending: str) -> dict[str, Any]:
        """What a file with the answer says of itself."""
        return {
            "title": "HMA Ledger",
            "table": self.table,
            "ledger": self.lease.ledger,
            "manifest_sha256": manifest_sha256(self.lease.ledger),
            "as_of": self.lease.as_of,
            "query": self.question.address(ending, self.lease.as_of),
            "row_count": self.rows,
            "citation": self.citation,
            "sources": self.sources,
        }


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def manifest_sha256(ledger: str) -> str | None:
    """The hash that the ledger goes by, in full; None while the archive with its manifest is not at hand."""
    if monotonic() < _ABSENT.get(ledger, 0):
        return None
    try:
        return _manifest_sha256(ledger)
    except (ArchiveError, ValueError):  # a ledger that was named by hand has no manifest
        _ABSENT[ledger] = monotonic() + ABSENT_SECONDS
        return None


@cache
def _manifest_sha256(ledger: str) -> str:
    where = folders()
    path = where.ledger / f"{ledger}.duckdb"
    try:
        return of_ledger(where.archive, path)[0]
    except (ArchiveError, ValueError):
        homes.catch_up(where)  # another machine of a lake may have written it into the bucket
        return of_ledger(where.archive, path)[0]


def asked_by(address: str) -> tuple[str, list[tuple[str, str]]]:
    """The table and the parameters of an address of the API, such as pages write into links."""
    parts = urlsplit(address)
    return Path(parts.path).stem, parse_qsl(parts.query, keep_blank_values=True)
