"""What the ledger remembers of its own making: refreshes, vintages, rejects, issues, reference rows.

Vintages, refreshes and decisions are only ever added. Holds, rejects and issues are those of each
source's latest vintage; :func:`etl.record.keep` remembers the earlier ones.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

import duckdb
import polars as pl

from etl import sql
from etl.archive import Vintage
from etl.guard import Hold
from etl.locate import file_of
from etl.reading import Finding
from etl.record import APPENDED
from etl.sources import SourceSpec
from etl.tables import CASUALTY_MEASURES, CHANGES, LOG_TABLES, NEVER_CHOSEN, polars_schema
from etl.watch import RULES, Sight, address_of
from etl.watch import file_of as watch_file

ANY_STATUS: Final = ("accepted", "held", "rejected")  # of a vintage of figures
WATCHED: Final = "watched"  # of a page that no figure is read from
FEW_ROWS: Final = 50  # go in one by one: what DuckDB imports to read a frame takes 0.2 seconds


@dataclass
class SourceOutcome:
    """What one source gave in one refresh; ``hold`` says why it kept its last good figures."""

    source_id: str
    vintages: list[Vintage] = field(default_factory=list)
    rows_read: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    changed_tables: set[str] = field(default_factory=set)
    rejects: list[Finding] = field(default_factory=list)
    issues: list[Finding] = field(default_factory=list)
    seconds: float = 0.0
    hold: Hold | None = None
    stale: Hold | None = None  # why it could not be fetched; what is in use stays
    is_asked: bool = False  # its publisher was asked
    is_unread: bool = False  # its bytes have not changed since the same code read them
    is_rejected: bool = False
    may_be_stale: bool = True  # its publisher is asked at all
    sights: list[Sight] = field(default_factory=list)  # of its watched pages that were looked at
    unread: list[Finding] = field(default_factory=list)  # what of them a person has to read
    is_news: bool = False

    @property
    def status(self) -> Literal["accepted", "held", "rejected"]:
        """What became of the vintage."""
        if self.is_rejected:
            return "rejected"
        return "held" if self.hold else "accepted"

    @property
    def failure(self) -> str | None:
        """Why a person must look, or None."""
        stopped = self.hold if self.hold and not self.is_rejected else self.stale
        return stopped.message if stopped else None


@contextmanager
def _rows(
    con: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, object]]
) -> Iterator[None]:
    """Offer ``rows`` to SQL as ``new_rows``, with the declared columns of ``table``."""
    columns = polars_schema(LOG_TABLES[table])
    if len(rows) > FEW_ROWS:
        con.register("new_rows", pl.DataFrame(rows, schema=columns))
        try:
            yield
        finally:
            con.unregister("new_rows")
        return
    con.execute(sql.create_offer(columns))
    if rows:
        insert = sql.text("offer_row").format(marks=", ".join("?" for _ in columns))
        con.executemany(insert, [[row.get(column) for column in columns] for row in rows])
    yield
    con.execute("DROP TABLE new_rows")


@dataclass(frozen=True)
class Decision:
    """What a person decided about one vintage of a source on hold."""

    source_id: str
    vintages_sha256: str
    files: str
    verdict: Literal["accepted", "rejected", "read"]
    who: str
    because: str
    overruled: str | None = None

    @property
    def is_about_figures(self) -> bool:
        """It is about a vintage on hold, and not about a watched page."""
        return self.verdict != "read"


def vintages_sha256(vintages: Iterable[Vintage]) -> str:
    """One name for the files of a source that are read together."""
    lines = sorted(f"{vintage.file} {vintage.sha256}\n" for vintage in vintages)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def listed(vintages: Iterable[Vintage]) -> str:
    """The files of a vintage with their hashes, for people."""
    return "; ".join(sorted(f"{vintage.file} {vintage.sha256}" for vintage in vintages))


def last_refresh(con: duckdb.DuckDBPyConnection) -> int:
    """Number of the last refresh; 0 for an empty ledger."""
    row = con.execute(sql.text("status")).fetchone()
    return int(row[0]) if row else 0


def refresh(
    con: duckdb.DuckDBPyConnection,
    number: int,
    started: datetime,
    code_version: str,
    parent: str | None,
    changes: Counter[str],
) -> datetime:
    """Write down a refresh and what it changed; returns its end."""
    finished = datetime.now(UTC)
    row: dict[str, object] = {
        "refresh": number,
        "started_at": started,
        "finished_at": finished,
        "code_version": code_version,
        "parent_manifest_sha256": parent,
        **{kind: changes[kind] for kind in CHANGES},
    }
    _insert(con, "refreshes", [row])
    return finished


def _insert(con: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, object]]) -> None:
    with _rows(con, table, rows):
        schema = "history" if table in APPENDED else "main"
        con.execute(sql.text("insert").format(schema=schema, table=sql.identifier(table)))


def decide(con: duckdb.DuckDBPyConnection, number: int, decision: Decision) -> None:
    """Write down what a person decided."""
    row = {**asdict(decision), "decided_at": datetime.now(UTC), "recorded_in": number}
    _insert(con, "decisions", [row])


def decided(
    con: duckdb.DuckDBPyConnection, source_id: str, vintages: Iterable[Vintage]
) -> tuple[str, str, str] | None:
    """The last decision about these files: verdict, who, because; None if there is none."""
    found = con.execute(
        sql.text("decision"),
        {"source_id": source_id, "vintages_sha256": vintages_sha256(vintages)},
    ).fetchone()
    return found if found is None else (found[0], found[1], found[2])


def latest(con: duckdb.DuckDBPyConnection, source_id: str, *statuses: str) -> list[Vintage]:
    """The newest vintage of each file of a source, of those with one of ``statuses``."""
    rows = con.execute(
        sql.text("latest_vintages"), {"source_id": source_id, "statuses": list(statuses)}
    ).pl()
    return [
        Vintage(source_id, file, sha256, size, retrieved.isoformat(), origin)
        for file, sha256, size, retrieved, origin, *_ in rows.iter_rows()
    ]


def _newest(con: duckdb.DuckDBPyConnection, source_id: str) -> pl.DataFrame:
    """The last word on each file of a source."""
    return con.execute(
        sql.text("latest_vintages"), {"source_id": source_id, "statuses": list(ANY_STATUS)}
    ).pl()


def read_by(
    con: duckdb.DuckDBPyConnection, source_id: str, vintages: Iterable[Vintage]
) -> set[tuple[str, str]]:
    """What became of these files when they were last read, and the code that read them."""
    rows = _newest(con, source_id).filter(pl.col("file").is_in([one.file for one in vintages]))
    return set(rows.select("status", "code_version").iter_rows())


def undecided_or_in_use(con: duckdb.DuckDBPyConnection, source_id: str) -> list[Vintage]:
    """The newest vintage of each file; of a file whose newest one was rejected, the one in use."""
    rejected = set(_newest(con, source_id).filter(pl.col("status") == "rejected")["file"])
    newest = latest(con, source_id, *ANY_STATUS)
    in_use = latest(con, source_id, "accepted")
    kept = [one for one in newest if one.file not in rejected]
    return kept + [one for one in in_use if one.file in rejected]


def undecided(con: duckdb.DuckDBPyConnection, source_id: str) -> bool:
    """A file of the source's newest vintage is on hold or was rejected, so that it can be accepted."""
    return bool(_newest(con, source_id)["status"].is_in(["held", "rejected"]).any())


def source(
    con: duckdb.DuckDBPyConnection,
    number: int,
    code_version: str,
    spec: SourceSpec,
    outcome: SourceOutcome,
) -> bool:
    """Write down the vintages, holds, rejects, issues and watches of one source; True if any is news."""
    source_id = outcome.source_id
    reason = outcome.hold.message if outcome.hold else None
    rows = [
        *(_vintage(number, code_version, one, outcome.status, reason) for one in outcome.vintages),
        *(
            _vintage(number, code_version, sight.vintage, WATCHED, None)
            for sight in outcome.sights
            if sight.vintage
        ),
    ]
    with _rows(con, "vintages", rows):
        inserted = con.execute(sql.text("log_vintages")).fetchone()
    news = bool(inserted and inserted[0])
    is_asked = outcome.is_asked or not outcome.may_be_stale
    stale = outcome.stale if is_asked else _still_stale(con, source_id)
    news |= _replace(con, source_id, "holds", _holds(number, outcome, stale))
    news |= _replace(con, source_id, "watches", _watches(con, number, spec, outcome))
    is_read = bool(outcome.vintages) and not outcome.is_unread
    pages = seen_pages(con, source_id)
    hashes = {one.file: one.sha256 for one in (*pages.values(), *outcome.vintages)}
    if is_read:
        found = [_finding(number, source_id, hashes, one) for one in outcome.rejects]
        news |= _replace(con, source_id, "rejects", found)
    # what was found in the last vintage still stands if none was read
    standing = [] if is_read else _issues_of_the_reader(con, source_id)
    told = [*(outcome.issues if is_read else ()), *outcome.unread]
    found = [_finding(number, source_id, hashes, one) for one in told]
    return news | _replace(con, source_id, "issues", standing + found)


def _vintage(
    number: int, code_version: str, vintage: Vintage, status: str, reason: str | None
) -> dict[str, object]:
    return {
        "source_id": vintage.source_id,
        "file": vintage.file,
        "vintage_sha256": vintage.sha256,
        "size_bytes": vintage.size_bytes,
        "retrieved_at": datetime.fromisoformat(vintage.retrieved_at),
        "origin": vintage.origin,
        "status": status,
        "reason": reason,
        "code_version": code_version,
        "recorded_in": number,
    }


def _issues_of_the_reader(
    con: duckdb.DuckDBPyConnection, source_id: str
) -> list[dict[str, object]]:
    return [row for row in _rows_of(con, "issues", {source_id}) if row["rule"] not in RULES]


def seen_pages(con: duckdb.DuckDBPyConnection, source_id: str) -> dict[str, Vintage]:
    """The newest vintage of each watched page of a source, by file."""
    return {vintage.file: vintage for vintage in latest(con, source_id, WATCHED)}


def read_pages(con: duckdb.DuckDBPyConnection, source_id: str) -> list[Vintage]:
    """The watched pages of a source that a person has said to have read, in that order."""
    rows = con.execute(sql.text("read_pages"), {"source_id": source_id}).pl()
    return [
        Vintage(source_id, file, sha256, size, retrieved.isoformat(), origin)
        for file, sha256, size, retrieved, origin in rows.iter_rows()
    ]


def _watches(
    con: duckdb.DuckDBPyConnection, number: int, spec: SourceSpec, outcome: SourceOutcome
) -> list[dict[str, object]]:
    """What is known of each watched page; of one that was not looked at, what was known before."""
    if spec.watch is None:
        return []
    before = {row["page"]: row for row in _rows_of(con, "watches", {spec.source_id})}
    now = {sight.page: sight for sight in outcome.sights}
    seen = seen_pages(con, spec.source_id)
    rows: list[dict[str, object]] = []
    for name, page in spec.watch.pages.items():
        sight, known, vintage = now.get(name), before.get(name, {}), seen.get(watch_file(name))
        rows.append(
            {
                "source_id": spec.source_id,
                "page": name,
                "title": page.title,
                "url": address_of(spec.watch, name),
                "looks_for": page.looks_for,
                "state": sight.state if sight else known.get("state", "not seen yet"),
                "reason": sight.reason if sight else known.get("reason"),
                "vintage_sha256": vintage.sha256 if vintage else None,
                "every_days": spec.watch.every_days,
                "recorded_in": number,
            }
        )
    return rows


def _still_stale(con: duckdb.DuckDBPyConnection, source_id: str) -> Hold | None:
    """What the ledger says of a publisher that could not be reached; nobody has asked it since."""
    row = con.execute(sql.text("not_fetched"), {"source_id": source_id}).fetchone()
    return Hold(row[1], row[0], is_readable=False) if row else None


def _holds(number: int, outcome: SourceOutcome, stale: Hold | None) -> list[dict[str, object]]:
    """Why the newest vintage is not in use, and beside it why there is no newer one."""
    held = outcome.hold if outcome.status == "held" else None
    reasons = [(held, outcome.vintages if held else []), (stale, [])]
    return [
        {
            "source_id": outcome.source_id,
            "rule": hold.rule,
            "reason": hold.message,
            "vintages_sha256": vintages_sha256(vintages) if vintages else None,
            "files": listed(vintages) or None,
            "can_be_accepted": hold.is_readable and bool(vintages),
            "recorded_in": number,
        }
        for hold, vintages in reasons
        if hold
    ]


def _finding(
    number: int, source_id: str, hashes: dict[str, str], finding: Finding
) -> dict[str, object]:
    return {
        "source_id": source_id,
        "vintage_sha256": hashes[file_of(finding.locator)],
        "locator": finding.locator,
        "column": finding.column,
        "rule": finding.rule,
        "raw_value": finding.raw_value,
        "fix": finding.fix,
        "recorded_in": number,
    }


def _replace(
    con: duckdb.DuckDBPyConnection, source_id: str, table: str, rows: list[dict[str, object]]
) -> bool:
    """Bring one source's rows of a log table up to ``rows``; True if that changed any."""
    columns = [name for name in LOG_TABLES[table].column_names() if name != "recorded_in"]
    query = sql.text("replace_rows").format(
        table=sql.identifier(table), content=sql.named_values(columns)
    )
    changed = 0
    with _rows(con, table, rows):
        for statement in con.extract_statements(query):
            count = con.execute(statement, {"source_id": source_id}).fetchone()
            changed += count[0] if count else 0
    return bool(changed)


def replace_reference(
    con: duckdb.DuckDBPyConnection,
    areas: pl.DataFrame,
    implementers: pl.DataFrame,
    declared: Mapping[str, SourceSpec],
) -> None:
    """Bring what is declared in files up to it in the ledger: areas, implementers, sources, series and theirs.

    A register of this installation whose mapping is gone or broken stays as it was last declared, for
    its figures stay too.
    """
    lost = _lost_registers(con, declared)
    specs = [spec for spec in declared.values() if spec.source_id not in lost]
    tables: dict[str, list[dict[str, object]]] = {
        "areas": areas.rows(named=True),
        "implementers": implementers.rows(named=True),
        "measures": [
            {
                "measure": series.measure.name,
                "series": name,
                **series.measure.model_dump(exclude={"name"}),
            }
            for spec in specs
            for name, series in spec.series.items()
            if series.measure
        ],
        "bases": [
            {"series": name, **basis.model_dump()}
            for spec in specs
            for name, series in spec.series.items()
            for basis in series.bases
        ],
        "casualty_measures": [
            {
                "measure": name,
                "choice_order": order,
                "can_be_chosen": name not in NEVER_CHOSEN,
                "unit": unit,
                "title": title,
                "why": why,
            }
            for order, (name, (title, unit, why)) in enumerate(CASUALTY_MEASURES.items(), 1)
        ],
        "series_breaks": [
            {"series": name, **one.model_dump()}
            for spec in specs
            for name, series in spec.series.items()
            for one in series.breaks
        ],
        "sources": [
            {
                **spec.model_dump(include=set(LOG_TABLES["sources"].column_names())),
                "every_days": spec.expected and spec.expected.every_days,
                "dark_after_days": spec.expected and spec.expected.dark_after_days,
            }
            for spec in specs
        ],
        "series": [
            {
                "series": name,
                "source_id": spec.source_id,
                **series.model_dump(exclude={"measure", "bases", "breaks"}),
            }
            for spec in specs
            for name, series in spec.series.items()
        ],
    }
    for table, rows in tables.items():
        kept = _rows_of(con, table, lost) if table in {"sources", "series"} else []
        con.execute(sql.text("truncate").format(table=sql.identifier(table)))
        _insert(con, table, rows + kept)


def _lost_registers(con: duckdb.DuckDBPyConnection, declared: Mapping[str, SourceSpec]) -> set[str]:
    known = con.execute("SELECT source_id FROM sources WHERE status = 'local'").fetchall()
    whole = {spec.source_id for spec in declared.values() if not spec.is_broken}
    return {source_id for (source_id,) in known} - whole


def _rows_of(
    con: duckdb.DuckDBPyConnection, table: str, sources: set[str]
) -> list[dict[str, object]]:
    frame = con.table(table).pl()
    return frame.filter(pl.col("source_id").is_in(list(sources))).to_dicts()


def recorded_vintages(con: duckdb.DuckDBPyConnection, refresh: int) -> list[dict[str, str]]:
    """The vintages that one refresh put on the record, with what became of them."""
    rows: list[dict[str, str]] = (
        con.execute(sql.text("recorded_vintages"), {"refresh": refresh}).pl().to_dicts()
    )
    return rows
