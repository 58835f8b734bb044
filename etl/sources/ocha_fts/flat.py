"""Rescued copies of FTS: the flows of one year, one row a flow, as their holders flattened them.

Columns are ``sourceObjects_<Kind>.<field>`` and ``destinationObjects_<Kind>.<field>`` beside the
flow's own; how many there are differs by year. Several objects of one kind share a cell, joined by
``; ``. Names can hold ``; `` themselves, so ``behavior``, whose words cannot, says how many there
are. Missing is an empty cell, ``NA`` or ``NULL``. Some copies are Latin-1.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Final

from etl.fts_flows import Flow, Thing, plain
from etl.reading import Finding, Reading, SourceError

MISSING: Final = frozenset({"", "NA", "NULL"})
JOINT: Final = "; "
# What a copy must have; the others of the flow's own columns may be missing.
REQUIRED: Final = (
    "id", "amountUSD", "boundary", "onBoundary", "status", "flowType", "versionId", "updatedAt",
    "date", "description", "keywords", "childFlowIds", "parentFlowId", "originalAmount",
    "originalCurrency",
    *(
        f"{end}Objects_{kind}.{field}"
        for end, kind in (
            ("source", "Organization"), ("source", "Location"), ("destination", "Organization"),
            ("destination", "Location"), ("destination", "UsageYear"),
            ("destination", "GlobalCluster"),
        )
        for field in ("id", "name", "behavior")
    ),
)  # fmt: skip
KNOWN: Final = frozenset(
    {
        *REQUIRED, "budgetYear", "contributionType", "createdAt", "decisionDate", "exchangeRate",
        "firstReportedDate", "fullParkedAmountUSD", "grandBargainEarmarkingType", "method",
        "newMoney", "refCode",
    }
)  # fmt: skip
_OBJECT: Final = re.compile(
    r"(?P<end>source|destination)Objects_(?P<kind>[A-Za-z]+)\."
    r"(id|name|behavior|code|organizationTypes|organizationSubTypes|organizationLevels)"
)
_DETAILS: Final = "reportDetails_"


def flows(reading: Reading, file: str, content: bytes, year: int) -> Iterator[Flow]:
    """Each flow of a copy; counts the rows read.

    A row with too many or too few cells, or whose objects cannot be told apart, is a reject.

    Raises:
        SourceError: the copy is no CSV, or lacks a column.
    """
    lines = csv.reader(io.StringIO(_text(reading, file, content), newline=""), strict=True)
    try:
        header = next(lines, [])
        kinds = _look_at_header(reading, file, header)
        for number, cells in enumerate(filter(None, lines), 2):  # an empty line has no number
            reading.rows_read[file] = reading.rows_read.get(file, 0) + 1
            place = f"{file} row {number}"
            if len(cells) != len(header):
                fix = f"{len(cells)} cells where the header has {len(header)}; find a whole copy"
                reading.reject(Finding(place, None, "wrong number of cells", None, fix))
                continue
            row = {
                name: None if cell in MISSING else cell
                for name, cell in zip(header, cells, strict=True)
            }
            try:
                yield _flow(file, place, row, kinds, year)
            except _MixedError as error:
                fix = "find another copy of the flow; its names and numbers do not pair"
                reading.reject(Finding(place, str(error), "objects not told apart", None, fix))
    except csv.Error as error:
        raise SourceError(f"{file} is not valid CSV ({error}); find a whole copy") from error


class _MixedError(Exception):
    """The objects in a cell cannot be told apart; the message is the column."""


def _text(reading: Reading, file: str, content: bytes) -> str:
    """The text of a copy; one that is not UTF-8 is taken as Latin-1, and that is an issue."""
    if not content.endswith((b"\n", b"\r")):
        reading.doubt(
            Finding(
                f"{file} line 1", None, "the file does not end with a line break", None,
                "it may have been cut short; find a whole copy, or accept it",
            )
        )  # fmt: skip
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reading.issue(
            Finding(
                f"{file} line {content.count(bytes([10]), 0, error.start) + 1}", None,
                "not UTF-8, read as Latin-1", None, "names with accents may be spelt wrongly",
            )
        )  # fmt: skip
        return content.decode("latin-1")


def _look_at_header(reading: Reading, file: str, header: list[str]) -> dict[str, set[str]]:
    """The kinds of objects at each end.

    Raises:
        SourceError: a column is missing.
    """
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise SourceError(
            f"{file} line 1 lacks the column {', '.join(missing[:6])}; it has {', '.join(header[:40])}. "
            "Is it a copy of FTS flows, one row a flow?"
        )
    kinds: dict[str, set[str]] = {"source": set(), "destination": set()}
    for name in header:
        found = _OBJECT.fullmatch(name)
        if found:
            kinds[found["end"]].add(found["kind"])
        elif name not in KNOWN and not name.startswith(_DETAILS):
            fix = "name it in flat.py"
            reading.issue(Finding(f"{file} line 1", name, "unknown column", name, fix))
    return kinds


def _flow(
    file: str, place: str, row: Mapping[str, str | None], kinds: Mapping[str, set[str]], year: int
) -> Flow:
    children = row["childFlowIds"]
    keywords = row["keywords"]
    date = row["date"]
    return Flow(
        file, place, row["id"] or "", row["boundary"] or "", row["onBoundary"] or "",
        row["status"] or "", row["flowType"] or "", plain(row["amountUSD"]),
        question=f"all flows of {year}", asked_year=year,
        version=row["versionId"], updated=row["updatedAt"] or "",
        amount=plain(row["originalAmount"]), currency=row["originalCurrency"],
        rate=plain(row.get("exchangeRate")), parked_usd=plain(row.get("fullParkedAmountUSD")),
        contribution=row.get("contributionType"), date=date[:10] if date else None,
        description=row["description"], ref_code=row.get("refCode"),
        keywords=tuple(keywords.split("|")) if keywords else (), parent=row["parentFlowId"],
        children=tuple(children.split("|")) if children else (),
        source=_things(row, "source", kinds), destination=_things(row, "destination", kinds),
    )  # fmt: skip


def _things(
    row: Mapping[str, str | None], end: str, kinds: Mapping[str, set[str]]
) -> tuple[Thing, ...]:
    """The objects at one end of a flow, taken apart.

    Raises:
        _MixedError: a cell holds more or fewer of them than its neighbours.
    """
    things = []
    for kind in sorted(kinds[end]):
        column = f"{end}Objects_{kind}"
        behavior = row.get(f"{column}.behavior")
        if behavior is None:
            continue
        behaviors = behavior.split(JOINT)
        count = len(behaviors)
        names = _parts(row, f"{column}.name", count)
        keys = _parts(row, f"{column}.id", count)
        types = row.get(f"{column}.organizationTypes")
        for each, key, name in zip(behaviors, keys, names, strict=True):
            kind_of = tuple(types.split(JOINT)) if types and count == 1 else ()
            things.append(Thing(kind, key, name, each, kind_of))
    return tuple(things)


def _parts(row: Mapping[str, str | None], column: str, count: int) -> list[str]:
    cell = row.get(column) or ""
    parts = [cell] if count == 1 else cell.split(JOINT)
    if len(parts) != count:
        raise _MixedError(column)
    return parts
