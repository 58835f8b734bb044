"""``hma serve`` as a process: its address, its health, its end, and a ledger that moves on under it."""

from __future__ import annotations

import csv
import io
import re
import signal
import socket
import sys
import time
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from etl.settings import Folders
from etl.store import current_path
from tests.dashboard.serving import serving
from tests.helpers import Row, rewrite, run

QUESTION = "/api/v1/coverage.csv?area=VNM&fiscal_year=2015&account=State NADR-CWD"


def test_ctrl_c_stops_the_server_cleanly_after_it_told_its_address_and_nothing_else(
    published: Folders,
) -> None:
    with serving(published) as (address, process):
        shared = httpx.get(f"{address}/country?area=VNM", trust_env=False)
        assert "Casualties in" in shared.text  # the head's words with figures, outside any page
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=10)
        assert time.monotonic() - began < 10
    assert process.returncode == 0, said
    # Streamlit would warn of each cache that is made before its runtime
    assert said.splitlines() == [f"HMA Ledger is at {address} (Ctrl-C stops it)"]


def is_guarded(address: str) -> None:
    """The door stands before the site, and a head without end is not gathered."""
    script = re.search(r"<script>(.*?)</script>", httpx.get(address, trust_env=False).text, re.S)
    assert script
    assert "server" not in httpx.get(address, trust_env=False).headers
    digest = b64encode(sha256(script[1].encode()).digest()).decode()
    for path in ("/", "/api/v1/", "/static/none.js"):
        headers = httpx.get(address + path, trust_env=False).headers
        assert headers["X-Frame-Options"] == "DENY"
        assert (f"'sha256-{digest}'" in headers["Content-Security-Policy"]) == (path[:4] != "/api")
    for name, value, status in (("Host", "evil.example", 400), ("X", "a" * 20_000, 431)):
        answer = httpx.get(address, headers={name: value}, trust_env=False)
        assert answer.status_code == status
    place = urlsplit(address)
    with socket.create_connection((str(place.hostname), place.port or 0)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX: " + b"a" * 40_000)
        assert connection.recv(100).startswith(b"HTTP/1.1 400")
    assert httpx.get(f"{address}/_stcore/agent/openapi.json", trust_env=False).status_code == 404
    assert httpx.post(address, content=b"x", trust_env=False).status_code == 405


def corrected(printed: list[Row]) -> list[Row]:
    return [
        {**row, "amount_usd": "12549000", "amount_as_printed": "12,549"}
        if row["country"] == "Vietnam" and row["amount_as_printed"] == "12,548"
        else row
        for row in printed
    ]


def open_ledgers(pid: int) -> set[str]:
    """Names of the ledgers that a process holds open."""
    targets = [file.readlink() for file in Path(f"/proc/{pid}/fd").iterdir()]
    return {target.stem for target in targets if target.suffix == ".duckdb"}


def test_a_reader_gets_the_new_figure_without_a_restart_and_the_old_ledger_is_closed(
    published: Folders,
) -> None:
    with (
        serving(published) as (address, process),
        httpx.Client(base_url=address, trust_env=False, timeout=30) as client,
    ):

        def answer() -> tuple[str, str, str]:
            health = client.get("/healthz").json()["ledger"]
            rows = client.get(QUESTION)
            (row,) = csv.DictReader(io.StringIO(rows.text))
            return health, rows.headers["X-HMA-Ledger"], row["amount_usd"]

        is_guarded(address)
        before = current_path(published.ledger).stem
        assert answer() == (before, before, "12548000")
        for _ in range(5):  # readers who leave early must not keep the ledger open
            with client.stream("GET", "/api/v1/funding.csv") as download:
                next(download.iter_raw())
        rewrite(published, "us_funding/us_cwd_country_fy.csv", corrected)
        assert run(published, "state_tweis").published
        after = current_path(published.ledger).stem
        assert after != before
        assert answer() == (after, after, "12549000")
        if sys.platform == "linux":
            assert open_ledgers(process.pid) == {after}
