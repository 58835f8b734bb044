"""USAspending.gov's interface as its contracts describe it, served from this machine.

Shapes of requests and answers are those of the service's published contracts; what the answers
hold is for each test to say, mostly real awards from the shared samples. A test can make the
service miscount, repeat a page, leave a job hanging or let it fail.
"""

from __future__ import annotations

import csv
import fnmatch
import io
import json
import threading
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from etl.sources.usaspending.copies import CHANGED, COLUMNS, KEY

Record = dict[str, Any]
GROUPS = {"02": "grants", "06": "direct_payments", "09": "other"}
LIMIT = 500_000


@dataclass
class Service:
    """What the service holds, and how it misbehaves."""

    transactions: list[dict[str, str]] = field(default_factory=list)
    awards: list[Record] = field(default_factory=list)
    subawards: list[Record] = field(default_factory=list)
    balances: dict[tuple[str, int], str] = field(default_factory=dict)
    activities: dict[tuple[str, int], list[Record]] = field(default_factory=dict)
    job_states: list[str] = field(default_factory=lambda: ["ready", "running", "finished"])
    miscount: int = 0
    lose_rows: int = 0
    repeat_pages: int = 0  # so many searches give their first page again instead of the second
    asked: list[tuple[str, Record]] = field(default_factory=list)
    jobs: dict[str, tuple[str, bytes, int]] = field(default_factory=dict)
    polls: dict[str, int] = field(default_factory=dict)

    def paths(self, ending: str) -> list[Record]:
        """The bodies sent to addresses with this ending."""
        return [body for path, body in self.asked if path.endswith(ending)]

    def answer(self, path: str, body: Record) -> Any:  # noqa: ANN401
        """The answer to one request; bytes are a file."""
        self.asked.append((path, body))
        plain = urlsplit(path).path
        routes: dict[str, Callable[[], Any]] = {
            "/api/v2/download/count/": lambda: self._count_transactions(body),
            "/api/v2/download/transactions/": lambda: self._start_transactions(body),
            "/api/v2/download/accounts/": lambda: self._start_balances(body),
            "/api/v2/search/spending_by_award_count/": lambda: self._count(body),
            "/api/v2/search/spending_by_award/": lambda: self._page(body),
        }
        if plain in routes:
            return routes[plain]()
        if plain == "/api/v2/download/status/":
            return self._status(parse_qs(urlsplit(path).query)["file_name"][0])
        if plain.startswith("/files/"):
            return self.jobs[plain.removeprefix("/files/")][1]
        account = plain.split("/")[4]
        if plain.endswith("/program_activities/total"):
            return self._activities(account, body)
        return {"id": 5000 + int(account[:3]), "federal_account_code": account}

    def matching(self, filters: Record) -> list[dict[str, str]]:
        """The transactions that a download would hold."""
        period = filters["time_period"][0]
        column = period["date_type"]
        return [
            row
            for row in self.transactions
            if period["start_date"] <= row[column][:10] <= period["end_date"]
            and row["assistance_type_code"] in filters["award_type_codes"]
            and _matches(
                filters, row["cfda_number"], (row["award_id_fain"], row["transaction_description"])
            )
        ]

    def _count_transactions(self, body: Record) -> Record:
        count = len(self.matching(body["filters"])) + self.miscount
        return {
            "calculated_transaction_count": count,
            "maximum_transaction_limit": LIMIT,
            "transaction_rows_gt_limit": count > LIMIT,
            "messages": [],
        }

    def _start_transactions(self, body: Record) -> Record:
        rows = self.matching(body["filters"])[self.lose_rows :]
        header = body.get("columns") or list(COLUMNS)
        members = {
            "Assistance_PrimeTransactions_2026-11-26_H06M40S00_1.csv": table(header, rows),
            "Assistance_Subawards_2026-11-26_H06M40S00_1.csv": "",
        }
        return self._start("PrimeTransactionsAndSubawards", members, len(rows))

    def _start_balances(self, body: Record) -> Record:
        filters = body["filters"]
        account = {"5011": "011-1075", "5097": "097-0819"}[filters["federal_account"]]
        text = self.balances[account, int(filters["fy"])]
        name = f"FY{filters['fy']}P01-P{filters['period']}_All_TAS_AccountBalances_2026-11-26_1.csv"
        return self._start("AccountBalances", {name: text}, text.count("\n") - 1)

    def _start(self, name: str, members: Mapping[str, str], rows: int) -> Record:
        file = f"{name}_{len(self.jobs)}.zip"
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, text in members.items():
                archive.writestr(member, text.encode("utf-8-sig") if text else b"")
        self.jobs[file] = (name, packed.getvalue(), rows)
        return {
            "status_url": f"/api/v2/download/status?file_name={file}", "file_name": file,
            "file_url": f"/files/{file}", "download_request": {},
        }  # fmt: skip

    def _status(self, file: str) -> Record:
        poll = self.polls.get(file, 0)
        self.polls[file] = poll + 1
        status = self.job_states[min(poll, len(self.job_states) - 1)]
        ended = status == "finished"
        return {
            "status": status, "message": "out of memory" if status == "failed" else None,
            "file_name": file, "file_url": f"/files/{file}", "total_size": 3.1 if ended else None,
            "total_columns": len(COLUMNS) if ended else None,
            "total_rows": self.jobs[file][2] if ended else None, "seconds_elapsed": "4.1",
        }  # fmt: skip

    def _found(self, body: Record) -> list[Record]:
        filters, period = body["filters"], body["filters"]["time_period"][0]
        held = self.subawards if body["subawards"] else self.awards
        day = "Sub-Award Date" if body["subawards"] else "Base Obligation Date"
        listing = "Assistance Listing" if body["subawards"] else "Assistance Listings"
        return [
            record
            for record in held
            if record.get("_type", "04") in filters["award_type_codes"]
            and period["start_date"] <= record[day] <= period["end_date"]
            and _matches(
                filters,
                json.dumps(record[listing]),
                (str(record.get("Award ID")), str(record.get("Description"))),
            )
        ]

    def _count(self, body: Record) -> Record:
        count = len(self._found(body)) + self.miscount
        if body["subawards"]:
            return {"results": {"subgrants": count, "subcontracts": 0}, "messages": []}
        group = GROUPS[body["filters"]["award_type_codes"][0]]
        return {"results": {**dict.fromkeys(GROUPS.values(), 0), group: count}, "messages": []}

    def _page(self, body: Record) -> Record:
        found = sorted(self._found(body), key=lambda record: str(record[body["sort"]]))
        number, limit = body["page"], body["limit"]
        first = (number - 1) * limit
        if number == 2 and self.repeat_pages:
            self.repeat_pages -= 1
            first = 0
        results = [
            {"internal_id": index, **{name: record.get(name) for name in body["fields"]}}
            for index, record in enumerate(found[first : first + limit])
        ]
        return {
            "limit": limit, "results": results, "spending_level": body["spending_level"],
            "page_metadata": {"page": number, "hasNext": number * limit < len(found)},
            "messages": [],
        }  # fmt: skip

    def _activities(self, account: str, body: Record) -> Record:
        year = int(body["filters"]["time_period"][0]["end_date"][:4])
        held = self.activities.get((account, year), [])
        first = (body["page"] - 1) * body["limit"]
        return {
            "results": held[first : first + body["limit"]],
            "page_metadata": {
                "page": body["page"], "total": len(held) + self.miscount, "limit": body["limit"],
                "hasNext": first + body["limit"] < len(held), "hasPrevious": first > 0,
            },
        }  # fmt: skip


def _matches(filters: Record, listing: str, texts: tuple[str, ...]) -> bool:
    if "program_numbers" in filters:
        return any(number in listing for number in filters["program_numbers"])
    return any(
        word.startswith(keyword)
        for keyword in filters["keywords"]
        for text in texts
        for word in text.split()
    )


def table(header: list[str], rows: list[dict[str, str]]) -> str:
    """Rows as the download writes them."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, header, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def transaction(key: str, **cells: str) -> dict[str, str]:
    """A transaction: a modification of SPMWRA19GR0060 unless ``cells`` say otherwise."""
    return {
        KEY: key, "assistance_award_unique_key": "ASST_NON_SPMWRA19GR0060_019",
        "award_id_fain": "SPMWRA19GR0060", "modification_number": "0",
        "federal_action_obligation": "1562957.00", "total_obligated_amount": "9903485.14",
        "action_date": "2019-09-30", "action_date_fiscal_year": "2019",
        "awarding_agency_code": "019", "awarding_agency_name": "Department of State",
        "awarding_sub_agency_name": "Department of State",
        "awarding_office_name": "WEAPONS REMOVAL AND ABATEMENT",
        "federal_accounts_funding_this_award": "011-1075",
        "treasury_accounts_funding_this_award": "019-011-2018/2019-1075-000",
        "recipient_name": "THE HALO TRUST USA, INC", "cfda_number": "19.800",
        "primary_place_of_performance_country_code": "COL",
        "primary_place_of_performance_country_name": "COLOMBIA",
        "assistance_type_code": "04", "transaction_description": "NADR CWD COLOMBIA",
        CHANGED: "2019-10-07 22:07:09+00", **cells,
    }  # fmt: skip


@contextmanager
def serving(service: Service) -> Iterator[str]:
    """The service on a loopback address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply({})

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            self._reply(json.loads(self.rfile.read(length)))

        def _reply(self, body: Record) -> None:
            answer = service.answer(self.path, body)
            content = answer if isinstance(answer, bytes) else json.dumps(answer, indent=1).encode()
            self.send_response(200)
            kind = "application/zip" if isinstance(answer, bytes) else "application/json"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class PlainSession:
    """A session that asks plainly and keeps the newest file of each name in memory."""

    base_url: str
    options: Mapping[str, Any]
    today: date
    held: dict[str, bytes] = field(default_factory=dict)
    made: date = date(2026, 11, 1)  # the day on which files at hand were archived

    def ask_bytes(
        self, method: str, address: str, *, params: object = None, json: object = None
    ) -> bytes:
        return _asked(f"{self.base_url}{address}", method, params, json)

    def ask(self, method: str, address: str, *, params: object = None, json: object = None) -> Any:  # noqa: ANN401
        return _parsed(self.ask_bytes(method, address, params=params, json=json))

    def download(self, file: str, address: str, *, member: str | None = None) -> None:
        packed = _asked(f"{self.base_url}{address.removeprefix('/')}", "GET", None, None)
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            (name,) = fnmatch.filter(archive.namelist(), member or "*.csv")
            self.held[file] = archive.read(name)

    @contextmanager
    def collect(self, file: str, origin: str) -> Iterator[Callable[[bytes], None]]:
        pages: list[bytes] = []
        yield pages.append
        self.held[file] = b"".join(page.replace(b"\n", b" ") + b"\n" for page in pages)

    def latest(self, file: str) -> bytes | None:
        return self.held.get(file)

    def files(self) -> list[str]:
        return list(self.held)

    def retrieved(self, file: str) -> date | None:
        return self.made if file in self.held else None


def _parsed(content: bytes) -> Any:  # noqa: ANN401
    return json.loads(content)


def _asked(address: str, method: str, params: object, body: object) -> bytes:
    if isinstance(params, Mapping):
        address += "?" + "&".join(f"{name}={value}" for name, value in params.items())
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})  # noqa: S310
    request.method = method
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        content: bytes = answer.read()
    return content
