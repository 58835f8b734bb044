"""Filtered rows as CSV: the printed figures with their sources, safely, in constant memory."""

from __future__ import annotations

import asyncio
import csv
import io
import shutil
import threading
import tracemalloc
from collections.abc import Callable, Generator, MutableMapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import polars as pl
import pytest
from starlette.testclient import TestClient

from dashboard.answer import BATCH_ROWS, Answer
from dashboard.api import api
from dashboard.current import ledgers
from etl.settings import Folders
from etl.store import current_path
from etl.tables import ALL_TABLES, FACT_TABLES, VIEWS, polars_schema
from tests.helpers import DATA, Row, rewrite, run, select

EMPTY = {
    "rejects",
    "holds",
    "decisions",
    "casualty_events",
    "partners",
    "exchange_rates",
    "population",
    "gdp",
    "iati_usd",
}  # with the embedded figures alone
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
VIETNAM = "/coverage.csv?area=VNM&fiscal_year.gte=2015&fiscal_year.lte=2017"

HOSTILE = {
    "plain": "a quiet text",
    "equals": '=HYPERLINK("http://x","y")',
    "plus": "+1+1",
    "minus": "-2+3",
    "at": "@SUM(A1)",
    "full-width equals": "\uff1d1+1",
    "full-width plus": "\uff0b1",
    "full-width minus": "\uff0d1",
    "full-width at": "\uff20SUM(A1)",
    "inside": 'a = b, "quoted"\nand a second line',
    "apostrophe": "'quoted'",
}
# Cells of a transcribed file are stripped, so white space in front comes only from elsewhere.
SPACED = [
    " =1+1",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  \t @x",
    "\u00a0=1+1",
    "\u3000=1+1",
    "\u2003-1",
    "\u200b=1",
    "\ufeff=1",
    "\u202e=1",
]


def rows(client: TestClient, path: str) -> list[Row]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def refusal(client: TestClient, path: str) -> tuple[int, str]:
    answer = client.get(path)
    return answer.status_code, answer.json()["error"]


def leases() -> int:
    return sum(held.leases for held in ledgers()._open.values())


# The printed figures


def test_vietnam_has_states_printed_figures_with_edition_place_and_address(
    client: TestClient,
) -> None:
    printed = rows(client, VIETNAM)
    amounts = {(row["fiscal_year"], row["account"]): row["amount_usd"] for row in printed}
    assert amounts == {
        ("2015", "State NADR-CWD"): "12548000",
        ("2016", "State NADR-CWD"): "10709000",
        ("2017", "State NADR-CWD"): "12500000",
        ("2015", "DoD"): "340000",
        ("2016", "DoD"): "722000",
        ("2017", "DoD"): "1168000",
        **{(str(year), other): "0" for year in (2015, 2016, 2017) for other in ("USAID", "CDC")},
    }
    for row in printed:
        assert row["edition"] == "17th edition"
        assert row["report"] == "To Walk the Earth in Safety 2018 (calendar year 2017)"
        assert row["place"] == "funding table at top of the country page"
        assert row["locator"].startswith("us_funding/us_cwd_country_fy.csv line ")
        assert row["source_url"] == "https://www.state.gov/t/pm/rls/rpt/walkearth/2018/287829.htm"
        assert row["vintage_sha256"]


def test_the_fact_table_gives_the_same_figure_in_the_words_of_the_issue(client: TestClient) -> None:
    (row,) = rows(
        client, "/funding.csv?area=VNM&year=2015&account=State NADR-CWD&series=tweis_country_table"
    )
    assert row["amount_usd"] == "12548000"
    assert row["amount_as_printed"] == "12,548"
    assert row["entry_id"] in {other["entry_id"] for other in rows(client, VIETNAM)}


@pytest.mark.parametrize("table", ALL_TABLES)
def test_every_table_streams_whole_with_exactly_its_declared_columns(
    client: TestClient, ledger_con: duckdb.DuckDBPyConnection, table: str
) -> None:
    answer = client.get(f"/{table}.csv?raw=1")
    lines = csv.reader(io.StringIO(answer.text))
    assert next(lines) == ALL_TABLES[table].column_names()
    count = select(ledger_con, f'SELECT count(*) FROM "{table}"')[0][0]
    assert sum(1 for _ in lines) == count
    assert count > 0 or table in EMPTY


def test_the_list_of_tables_says_what_a_row_of_each_is(client: TestClient) -> None:
    listed = client.get("/").json()["tables"]
    assert listed.keys() == {f"/api/v1/{table}.csv" for table in ALL_TABLES}
    assert listed["/api/v1/funding.csv"].startswith("One printed sum of money")


def test_a_download_is_the_same_bytes_whenever_it_is_made(client: TestClient) -> None:
    first, second = (client.get("/casualties.csv?year.gte=2015").content for _ in range(2))
    assert first == second
    assert first.count(b"\n") > 100


# Cells


@pytest.mark.parametrize("table", [name for name in ALL_TABLES if name != "rejects"])
def test_every_cell_reads_back_as_the_ledgers_value(
    client: TestClient, ledger_con: duckdb.DuckDBPyConnection, table: str
) -> None:
    """Nulls are empty, whole dollars have no decimals, cents have two, numbers no separators."""
    schema = polars_schema(ALL_TABLES[table])
    times = {name for name, dtype in schema.items() if dtype.is_temporal()}
    reals = {name for name, dtype in schema.items() if dtype.is_float()}
    asked = ", ".join(f'epoch_us("{name}")' if name in times else f'"{name}"' for name in schema)

    def written(value: object) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return str(value).lower()
        return str(value).removesuffix(".00") if isinstance(value, Decimal) else str(value)

    def read(column: str, cell: str) -> str:
        if cell and column in times:
            return str((datetime.fromisoformat(cell) - EPOCH) // timedelta(microseconds=1))
        return str(float(cell)) if cell and column in reals else cell

    held = select(ledger_con, f"SELECT {asked} FROM {table}")
    sent = rows(client, f"/{table}.csv?raw=1")
    assert sorted([read(*cell) for cell in row.items()] for row in sent) == sorted(
        [written(value) for value in row] for row in held
    )


@pytest.fixture(scope="module")
def formulas(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """A ledger of events whose notes hold formulas."""
    folders = Folders(tmp_path_factory.mktemp("formulas") / "data")
    shutil.copytree(DATA / "reference", folders.reference)
    (folders.transcribed / "us_funding").mkdir(parents=True)
    file = "us_funding/program_events.csv"
    shutil.copyfile(DATA / "transcribed" / file, folders.transcribed / file)

    def with_formulas(events: list[Row]) -> list[Row]:
        hostile = zip(HOSTILE.items(), events, strict=False)
        return [
            *({**event, "event": name, "note": text} for (name, text), event in hostile),
            *events[len(HOSTILE) :],
        ]

    rewrite(folders, file, with_formulas)
    outcome = run(folders, "program_events")
    assert not outcome.failed
    assert not outcome.sources[0].rejects
    return folders


@pytest.fixture
def hostile(formulas: Folders, reader: TestClient, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A reader of the ledger with formulas."""
    monkeypatch.setenv("HMA_DATA", str(formulas.data))
    return reader


def notes(client: TestClient, path: str) -> dict[str, str]:
    return {row["event"]: row["note"] for row in rows(client, path) if row["event"] in HOSTILE}


def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe_and_no_other_text(
    hostile: TestClient,
) -> None:
    quiet = ("plain", "inside", "apostrophe")
    assert notes(hostile, "/program_events.csv") == {
        name: text if name in quiet else f"'{text}" for name, text in HOSTILE.items()
    }


@pytest.mark.parametrize("yes", ["1", "yes", "TRUE"])
def test_raw_leaves_every_text_as_it_is(hostile: TestClient, yes: str) -> None:
    assert notes(hostile, f"/program_events.csv?raw={yes}") == HOSTILE


def test_white_space_in_front_does_not_hide_a_formula(
    published: Folders, reader: TestClient
) -> None:
    with duckdb.connect(current_path(published.ledger)) as con:
        areas = [area for (area,) in select(con, "SELECT area FROM areas LIMIT ?", len(SPACED))]
        con.executemany(
            "UPDATE areas SET note = ? WHERE area = ?",
            [list(pair) for pair in zip(SPACED, areas, strict=True)],
        )
    listed = rows(reader, f"/areas.csv?area={','.join(areas)}")
    assert {row["area"]: row["note"] for row in listed} == {
        area: f"'{text}" for area, text in zip(areas, SPACED, strict=True)
    }


def test_negative_numbers_are_numbers_and_stay_untouched(
    published: Folders, reader: TestClient
) -> None:
    with duckdb.connect(current_path(published.ledger)) as con:
        con.execute("UPDATE coverage SET amount_usd = -1.5 WHERE area = 'VNM'")
    assert {row["amount_usd"] for row in rows(reader, VIETNAM)} == {"-1.50"}
    assert len(rows(reader, f"{VIETNAM}&amount_usd.lt=0")) == 12


# What cannot be answered


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/fundings.csv", 404, ["no table 'fundings'", "funding, funding_shares"]),
        ("/duckdb_tables.csv", 404, ["no table 'duckdb_tables'", f"{list(VIEWS)[-1]}."]),
        ("/funding.xls", 400, ["'xls' is no known format", "Allowed: csv, xlsx, parquet, json, "]),
        ("/funding.csv?countri=KHM", 400, ["funding has no column 'countri'", "area_as_printed"]),
        (
            "/funding.csv?area=Vietnan",
            400,
            [
                "'Vietnan' is no code or name of an area. Did you mean Vietnam (VNM)?",
                "/api/v1/areas.csv",
            ],
        ),
        ("/funding.csv?area=", 400, ["'' is no code or name of an area. Codes are"]),
        ("/funding.csv?year=next", 400, ["year is a number, not 'next'."]),
        ("/funding.csv?year.about=2015", 400, ["'about' is no comparison", "gte, lte, gt, lt"]),
        ("/funding.csv?account=Army", 400, ["'Army' is no account", "DoD, DoD other"]),
        ("/funding.csv?raw=perhaps", 400, ["raw takes 1 or 0, not 'perhaps'."]),
        ("/funding.csv?amount_usd.gte=1e9999999", 400, ["is not a number the ledger can hold"]),
        ("/funding.csv?note=%00&note.contains=" + "x" * 10_000, 400, ["at most 500 characters"]),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_with_what_is_allowed(
    client: TestClient, path: str, status: int, words: list[str]
) -> None:
    answer = refusal(client, path)
    assert answer[0] == status
    for word in words:
        assert word in answer[1]
    assert answer[1].endswith(".")
    assert leases() == 0


def test_a_readers_sql_is_a_text_like_any_other(client: TestClient) -> None:
    everything = len(rows(client, "/program_events.csv"))
    assert rows(client, "/program_events.csv?event=x' OR 1=1 --") == []
    others = rows(client, "/program_events.csv?event.ne=');DROP TABLE funding;--")
    assert len(others) == everything > 0


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_the_api_only_answers_questions(client: TestClient, method: str) -> None:
    assert client.request(method, "/funding.csv").status_code == 405


def test_without_a_ledger_the_answer_says_what_to_run(
    workspace: Folders, reader: TestClient
) -> None:
    status, sentence = refusal(reader, "/funding.csv")
    assert status == 503
    assert "hma refresh" in sentence


# What comes with the rows


def test_a_download_names_the_ledger_it_came_from(
    client: TestClient, built_folders: Folders
) -> None:
    ledger = current_path(built_folders.ledger).stem
    headers = client.get(VIETNAM).headers
    assert headers["X-HMA-Ledger"] == ledger
    assert headers["Content-Disposition"] == f'attachment; filename="coverage-{ledger}.csv"'
    assert headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert headers["X-Content-Type-Options"] == "nosniff"


# The stream

Chunk = Callable[[bytes], bool]


async def drive(path: str, query: str, take: Chunk, *, gone: bool = False) -> None:
    """Ask the application as a server does; ``take`` says whether the reader wants more."""
    left = asyncio.Event()
    asked = False
    if gone:
        left.set()

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.body" and not take(message["body"]):
            left.set()
            await asyncio.sleep(0)

    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
        "method": "GET", "scheme": "http", "path": path, "raw_path": path.encode(),
        "root_path": "", "query_string": query.encode(), "headers": [],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    await api(scope, receive, send)


LARGE_ROWS = 300_000


@pytest.fixture
def large(published: Folders, pool: None) -> Folders:
    """A ledger with many splits."""
    with duckdb.connect(current_path(published.ledger)) as con:
        con.execute(
            "INSERT INTO present.splits SELECT few.* REPLACE (few.entry_id || n AS entry_id) "
            "FROM (SELECT * FROM splits LIMIT 100) AS few, range(?) AS more(n)",
            [LARGE_ROWS // 100],
        )
    return published


def test_a_large_answer_streams_in_pieces_and_memory_does_not_grow_with_it(large: Folders) -> None:
    sizes: list[int] = []
    lines = 0

    def take(piece: bytes) -> bool:
        nonlocal lines
        sizes.append(len(piece))
        lines += piece.count(b"\n")
        return True

    asyncio.run(drive("/areas.csv", "", take))  # what the first request of a process loads
    sizes.clear()
    lines = 0
    tracemalloc.start()
    asyncio.run(drive("/splits.csv", "", take))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert lines > LARGE_ROWS
    assert len(sizes) > LARGE_ROWS / BATCH_ROWS
    assert max(sizes) < sum(sizes) / 10
    assert peak < sum(sizes) / 3
    assert leases() == 0


def test_the_ledger_is_given_back_when_the_reader_leaves_early(large: Folders) -> None:
    pieces: list[int] = []

    def take(piece: bytes) -> bool:
        pieces.append(leases())
        return len(pieces) < 2

    asyncio.run(drive("/splits.csv", "", take))
    assert pieces[:2] == [1, 1]
    assert len(pieces) < LARGE_ROWS / BATCH_ROWS
    assert leases() == 0


def test_others_are_answered_while_a_piece_for_a_reader_who_left_is_still_in_the_making(
    large: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    others, sent, had_to_wait, given_back = threading.Event(), [], [], []

    def take(piece: bytes) -> bool:
        sent.append(piece)
        return len(sent) < 2

    def batches(answer: Answer, *_: object) -> Generator[pl.DataFrame, None, None]:
        try:
            yield pl.DataFrame({"area": ["VNM"]})
            while True:
                had_to_wait.append(not others.wait(10))
                yield pl.DataFrame({"area": ["VNM"]})
        finally:
            given_back.append(leases())

    monkeypatch.setattr(Answer, "batches", batches)

    async def answer_others() -> None:
        await asyncio.sleep(0.3)
        others.set()

    async def both() -> None:
        await asyncio.gather(drive("/areas.csv", "", take), answer_others())

    asyncio.run(both())
    # the header and the first rows were sent, and meanwhile the next ones were in the making
    assert set(had_to_wait) == {False}, "the loop of all readers stood still"
    assert given_back == [1], "the rows were closed after the ledger was given back"
    assert leases() == 0


def test_the_ledger_is_given_back_when_the_reader_left_before_the_first_row(large: Folders) -> None:
    asyncio.run(drive("/splits.csv", "", lambda _: True, gone=True))
    assert leases() == 0


def test_every_answer_gives_the_ledger_back(client: TestClient) -> None:
    for path in (VIETNAM, "/funding.csv?area=nowhere", "/nothing.csv", "/areas.csv"):
        client.get(path)
        assert leases() == 0


def test_fact_tables_carry_their_provenance_in_every_download() -> None:
    for table in FACT_TABLES:
        columns = set(ALL_TABLES[table].column_names())
        assert columns >= {"entry_id", "source_id", "report", "edition", "locator", "source_url"}
