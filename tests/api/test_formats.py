"""Every format holds the same cells in the same order: those of the ledger, and those that a page shows."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from time import monotonic
from urllib.parse import urlencode

import duckdb
import fastexcel
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from dashboard import answer, filters, queries
from dashboard.answer import RESERVED
from dashboard.current import limits
from dashboard.downloads import FORMATS
from etl.archive import UnreachableError
from etl.settings import Folders
from etl.store import current_path
from etl.tables import ALL_TABLES, polars_schema
from tests.api.reading import READ, Rows, to_the_millisecond
from tests.helpers import select

TABLES = (
    "funding", "casualties", "coverage", "dependency", "reconciliation", "areas", "sources",
    "refreshes", "splits", "vintages",
)  # fmt: skip
FUNDING_ORDER = "area_as_printed,year,series,account,-edition_order,entry_id"


def download(client: TestClient, table: str, ending: str, pairs: list[tuple[str, str]]) -> bytes:
    query = urlencode([*pairs, ("raw", "1")])
    answer = client.get(f"/{table}.{ending}?{query}")
    assert answer.status_code == 200, answer.text
    return answer.content


def asked(con: duckdb.DuckDBPyConnection, table: str, pairs: list[tuple[str, str]]) -> Rows:
    """The rows in the ledger, by a query that shares nothing with the API's but the filters."""
    plain = [pair for pair in pairs if pair[0] not in RESERVED]
    condition, parameters = filters.where(filters.parse(table, plain))
    sort = next((text for key, text in pairs if key == "sort"), "")
    chosen = [
        f'"{one.removeprefix("-")}"{" DESC" if one.startswith("-") else ""} NULLS LAST'
        for one in sort.split(",") if one
    ]  # fmt: skip
    columns = ", ".join(f't."{name}"' for name in polars_schema(ALL_TABLES[table]))
    order = ", ".join(chosen) or "ALL"
    found = con.execute(
        f'SELECT {columns} FROM "{table}" AS t WHERE {condition} ORDER BY {order}', parameters
    )
    return found.pl().to_dicts()


class Frames(dict[str, pl.DataFrame]):
    """Tables that a failing example does not print out."""

    def __repr__(self) -> str:
        return f"Frames of {', '.join(self)}"


@pytest.fixture(scope="module")
def values(built_folders: Folders) -> Frames:
    with duckdb.connect(current_path(built_folders.ledger), read_only=True) as con:
        return Frames((name, con.sql(f'FROM "{name}"').pl()) for name in TABLES)


def question_of(
    frame: pl.DataFrame, at: int, kept: list[int], word: str, sort: list[int]
) -> list[tuple[str, str]]:
    """Filters made of values that stand in one row of the table, so that most answers have rows."""
    row = frame.row(at % frame.height, named=True)
    names = frame.columns
    pairs = []
    for column in dict.fromkeys(names[place % len(names)] for place in kept):
        value = row[column]
        if value is None or len(str(value)) > filters.MAX_LENGTH:
            pairs.append((f"{column}.null", "yes" if value is None else "no"))
        elif frame.schema[column].is_numeric():
            pairs.append((f"{column}{word}", str(value)))
        else:
            text = value.isoformat() if isinstance(value, datetime) else str(value)
            pairs.append((column, text.lower() if isinstance(value, bool) else text))
    if sort:
        chosen = dict.fromkeys(names[abs(place) % len(names)] for place in sort)
        signs = ["-" if place < 0 else "" for place in sort]
        order = [sign + name for sign, name in zip(signs, chosen, strict=False)]
        # the rest at the end, so that the order is one
        pairs.append(("sort", ",".join([*order, *(name for name in names if name not in chosen)])))
    return pairs


def sorted_rows(rows: Rows) -> list[str]:
    def plain(value: object) -> str:
        return str(value.astimezone(UTC) if isinstance(value, datetime) else value)

    return sorted(json.dumps(row, default=plain, sort_keys=True) for row in rows)


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    table=st.sampled_from(TABLES),
    at=st.integers(0, 10**4),
    kept=st.lists(st.integers(0, 99), min_size=1, max_size=2),
    word=st.sampled_from(["", ".gte", ".lte", ".ne"]),
    sort=st.lists(st.integers(-99, 99), max_size=2),
)
def test_every_format_holds_the_ledgers_cells_in_one_order(
    client: TestClient,
    ledger_con: duckdb.DuckDBPyConnection,
    values: Frames,
    table: str,
    at: int,
    kept: list[int],
    word: str,
    sort: list[int],
) -> None:
    pairs = question_of(values[table], at, kept, word, sort)
    held = asked(ledger_con, table, pairs)
    found = {
        ending: read(table, download(client, table, ending, pairs)) for ending, read in READ.items()
    }
    assert found.keys() == FORMATS.keys()
    if any(key == "sort" for key, _ in pairs):
        assert found["csv"] == held
    assert sorted_rows(found["csv"]) == sorted_rows(held)
    for ending, rows in found.items():
        assert rows == (to_the_millisecond(found["csv"]) if ending == "xlsx" else found["csv"])


@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    area=st.lists(
        st.sampled_from(["VNM", "KHM", "COL", "LAO", "AGO"]), min_size=1, max_size=2, unique=True
    ),
    first=st.integers(1995, 2020) | st.none(),
    account=st.lists(st.sampled_from(["DoD", "State NADR-CWD"]), max_size=1),
)
def test_the_funding_pages_table_is_its_download_in_every_format(
    client: TestClient, area: list[str], first: int | None, account: list[str]
) -> None:
    wanted = {"area": area, "year.gte": first, "account": account, "sort": FUNDING_ORDER}
    pairs = filters.pairs_of(wanted)
    conditions = filters.parse("funding", [pair for pair in pairs if pair[0] != "sort"])
    with queries.pinned():
        page = queries.ask_filtered("funding_rows", conditions, 10**6, 0)
    shown = page.select("entry_id", "amount_usd", "year").to_dicts()
    for ending, read in READ.items():
        rows = read("funding", download(client, "funding", ending, pairs))
        assert [
            {
                "entry_id": row["entry_id"],
                "amount_usd": row["amount_usd"] and float(row["amount_usd"]),
                "year": row["year"],
            }
            for row in rows
        ] == [
            {**row, "amount_usd": row["amount_usd"] or (None if row["amount_usd"] is None else 0)}
            for row in shown
        ]


# Cells that are easily spoiled

HOSTILE = [
    "=1+1", "@SUM(A1)", "-2", "'quoted'", 'a "b", c', "two\nlines", "tab\there", "_x0041_",
    "\u202eright to left", "\U0001f30d", "007", "1e5", "true", "NaN", "http://example.org/",
    "{=1}", " spaced ", "{", "null",
]  # fmt: skip


@pytest.fixture
def hostile(published: Folders, reader: TestClient) -> TestClient:
    """A reader of a ledger with texts, numbers and times that a format might spoil."""
    with duckdb.connect(current_path(published.ledger)) as con:
        con.execute("SET TimeZone = 'UTC'")
        areas = [area for (area,) in select(con, "SELECT area FROM areas LIMIT ?", len(HOSTILE))]
        con.executemany(
            "UPDATE areas SET note = ? WHERE area = ?",
            [list(pair) for pair in zip(HOSTILE, areas, strict=True)],
        )
        con.execute("UPDATE coverage SET amount_usd = 9999999999999999.99 WHERE area = 'VNM'")
        con.execute("UPDATE coverage SET amount_usd = -0.01 WHERE area = 'KHM'")
        con.execute("UPDATE coverage SET amount_usd = 12345678901234.56 WHERE area = 'COL'")
        con.execute("UPDATE dependency SET us_share_percent = 1.0 / 3 + calendar_year / 7")
    return reader


@pytest.mark.parametrize("ending", READ)
def test_no_format_spoils_a_text(hostile: TestClient, ending: str) -> None:
    rows = READ[ending]("areas", download(hostile, "areas", ending, [("note.null", "no")]))
    assert set(HOSTILE) <= {row["note"] for row in rows}


@pytest.mark.parametrize("ending", READ)
def test_no_format_loses_a_digit(hostile: TestClient, ending: str) -> None:
    amounts = {"KHM": Decimal("-0.01"), "COL": Decimal("12345678901234.56")}
    if ending != "xlsx":  # where this one is a text, which the reader of numbers leaves out
        amounts["VNM"] = Decimal("9999999999999999.99")
    for area, amount in amounts.items():
        pairs = [("area", area)]
        rows = READ[ending]("coverage", download(hostile, "coverage", ending, pairs))
        assert {row["amount_usd"] for row in rows} == {amount}
    shares = [
        {row["us_share_percent"] for row in READ[one]("dependency", download(hostile, "dependency", one, []))}
        for one in ("csv", ending)
    ]  # fmt: skip
    assert shares[0] == shares[1]
    assert len(shares[0]) > 3


def test_a_number_with_more_digits_than_excel_keeps_is_a_text(hostile: TestClient) -> None:
    content = download(hostile, "coverage", "xlsx", [("area", "VNM")])
    sheet = fastexcel.read_excel(content).load_sheet("rows", dtypes={"amount_usd": "string"})
    assert set(pl.DataFrame(sheet)["amount_usd"]) == {"9999999999999999.99"}


def test_a_formula_in_a_workbook_is_a_text(hostile: TestClient) -> None:
    content = download(hostile, "areas", "xlsx", [])
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        sheets = [parts.read(name) for name in parts.namelist() if "worksheets/sheet" in name]
        assert not any("externalLink" in name for name in parts.namelist())
    assert sheets
    assert not any(b"<f>" in sheet or b"<hyperlink" in sheet for sheet in sheets)


def test_a_text_longer_than_a_cell_is_refused_with_what_to_ask_instead(
    published: Folders, reader: TestClient
) -> None:
    with duckdb.connect(current_path(published.ledger)) as con:
        con.execute("UPDATE areas SET note = repeat('x', 40000) WHERE area = 'VNM'")
    answer = reader.get("/areas.xlsx")
    assert answer.status_code == 413
    assert "32,767 letters" in answer.json()["error"]
    assert reader.get("/areas.csv").status_code == 200


def test_a_workbook_has_a_largest_number_of_rows(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HMA_API__MAX_ROWS_XLSX", "10")
    limits.cache_clear()
    answer = client.get("/funding.xlsx")
    assert answer.status_code == 413
    assert "at most 10 rows" in answer.json()["error"]
    assert client.get("/funding.xlsx?limit=10").status_code == 200
    counted = client.get("/funding/count").json()
    assert "xlsx" not in counted["approximate_bytes"]


# What comes with the rows


def test_json_says_where_its_rows_are_from(client: TestClient, built_folders: Folders) -> None:
    found = client.get("/coverage.json?area=VNM&fiscal_year=2016&grammar=1").json()
    ledger = current_path(built_folders.ledger).stem
    assert found["ledger"] == ledger
    assert found["manifest_sha256"].startswith(ledger.rpartition("-")[2])
    assert found["query"] == "/api/v1/coverage.json?area=VNM&fiscal_year=2016&grammar=1"
    assert found["row_count"] == len(found["rows"]) == 4
    assert [source["source_id"] for source in found["sources"]] == ["state_tweis"]
    assert found["citation"].endswith(
        f"Through: HMA Ledger, {ledger}, /api/v1/coverage.csv?area=VNM&fiscal_year=2016&grammar=1, 4 rows."
    )
    (defense,) = [row for row in found["rows"] if row["account"] == "DoD"]
    assert defense["amount_usd"] == 722000


def test_a_manifest_that_was_not_at_hand_is_looked_for_again_after_a_minute(
    client: TestClient, built_folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = current_path(built_folders.ledger).stem
    asked: list[str] = []

    def away(*_: object) -> None:
        asked.append(ledger)
        raise UnreachableError("the bucket does not answer")

    answer._manifest_sha256.cache_clear()
    monkeypatch.setattr(answer, "_ABSENT", {})
    with monkeypatch.context() as gone:
        gone.setattr(answer, "of_ledger", away)
        gone.setattr("etl.homes.catch_up", away)
        assert [answer.manifest_sha256(ledger) for _ in range(3)] == [None] * 3
    assert len(asked) == 2, "who is away is asked by every reader"
    assert answer.manifest_sha256(ledger) is None
    later = monotonic() + answer.ABSENT_SECONDS
    monkeypatch.setattr(answer, "monotonic", lambda: later)
    found = answer.manifest_sha256(ledger)
    assert found
    assert found.startswith(ledger.rpartition("-")[2])


def test_a_zip_holds_the_rows_their_meaning_and_how_to_cite_them(client: TestClient) -> None:
    content = client.get("/funding.zip?area=VNM,LAO&year=2016").content
    with zipfile.ZipFile(io.BytesIO(content)) as files:
        assert files.namelist() == ["data.csv", "data.parquet", "dictionary.md", "manifest.json"]
        manifest = json.loads(files.read("manifest.json"))
        for name, about in manifest["files"].items():
            data = files.read(name)
            assert about == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        dictionary = files.read("dictionary.md").decode()
        rows = files.read("data.csv").decode().count("\n") - 1
    assert set(manifest["files"]) == {"data.csv", "data.parquet", "dictionary.md"}
    assert manifest["row_count"] == rows > 3
    assert manifest["query"] == "/api/v1/funding.zip?area=VNM%2CLAO&year=2016&grammar=1"
    cited = {source["source_id"]: source for source in manifest["sources"]}
    assert set(cited) == {"landmine_monitor", "state_tweis"}
    assert all(source["licence"] and source["citation"] for source in cited.values())
    assert manifest["licence_of_the_transcription"]["name"] == "Apache-2.0"
    assert all(f"`{name}`" in dictionary for name in ALL_TABLES["funding"].column_names())


def test_parquet_says_what_its_columns_mean(client: TestClient) -> None:
    found = pq.read_schema(io.BytesIO(client.get("/clearance.parquet").content))
    assert found.field("area_cleared_km2").metadata[b"unit"] == b"km2"
    assert json.loads(found.metadata[b"hma_ledger"])["table"] == "clearance"


@pytest.mark.parametrize("ending", FORMATS)
def test_an_answer_without_rows_is_a_whole_file(client: TestClient, ending: str) -> None:
    answer = client.get(f"/funding.{ending}?raw=1&entry_id=nothing")
    assert answer.headers["X-HMA-Rows"] == "0"
    assert READ[ending]("funding", answer.content) == []


@pytest.mark.parametrize("ending", FORMATS)
def test_the_same_question_gets_the_same_bytes(client: TestClient, ending: str) -> None:
    path = f"/casualties.{ending}?area=COL"
    assert client.get(path).content == client.get(path).content


def test_sort_and_limit_give_the_largest_first(client: TestClient) -> None:
    path = "/coverage.json?account=DoD&fiscal_year=2017&sort=-amount_usd&limit=3"
    found = client.get(path).json()
    assert [(row["area"], row["amount_usd"]) for row in found["rows"]] == [
        ("COL", 3338000),
        ("KHM", 1969000),
        ("VNM", 1168000),
    ]
    assert found["row_count"] == 3


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("sort=amount", "sort takes columns of coverage"),
        ("sort=area,-area", "each once, not '-area'"),
        ("limit=1&limit=3", "limit stands there 2 times"),
        ("sort=year&sort=-year", "sort stands there 2 times"),
        ("raw=1&raw=0", "raw stands there 2 times"),
        ("as_of=1&as_of=1", "as_of stands there 2 times"),
        ("limit=-1", "limit is a number of rows, not '-1'"),
        ("limit=ten", "limit is a number of rows"),
        ("limit=" + "9" * 40, "limit is a number of rows"),
    ],
)
def test_an_order_or_limit_that_means_nothing_is_refused(
    client: TestClient, query: str, words: str
) -> None:
    answer = client.get(f"/coverage.csv?{query}")
    assert answer.status_code == 400
    assert words in answer.json()["error"]
