"""Questions to the API and its neighbours, by the ten thousand: parameters that nobody foresaw.

A question is drawn from what there is (tables, columns, comparisons, values of the ledger) and from what
there is not. It may be answered, or refused with a status that says why (400, 404, 413); an answer
that says 500, or an error out of the application, is a crash. The ledger has a past, so that
``as_of`` has something to name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from dashboard.answer import RESERVED
from dashboard.api import api
from dashboard.brief import brief
from dashboard.card import card
from dashboard.downloads import FORMATS
from dashboard.feed import feed
from dashboard.filters import OPERATORS
from dashboard.sitemap import sitemap
from etl.tables import ALL_TABLES
from tests.siege.fuzz import ANY, Tally
from tests.siege.values import ODD, SHORT

# 307: a slash was forgotten; 422: an entry_id longer than any
ALLOWED: Final = frozenset({200, 304, 307, 400, 404, 405, 413, 422})
FEW_ROWS: Final = "20"  # an answer of all rows takes a second, and shows no more
COLUMNS: Final = tuple(
    sorted({name for schema in ALL_TABLES.values() for name in schema.columns()})
)
REAL: Final = (
    "VNM", "KHM", "us_cwd_country_fy", "state_tweis", "2017", "2017-01-01", "2026-11-22T18:00", "DoD", "yes", "no",
    "722000", "1e3", "0x10", "1_000", "-", "year", "-year,area", "year,year", "Vietnam,Laos", "1", "2", "3", "6", "99", "0",
)  # fmt: skip
TEXT: Final = st.one_of(
    st.sampled_from(REAL), st.sampled_from(REAL), st.sampled_from((*ODD, *SHORT)),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.integers(-(10**20), 10**20).map(str), st.floats().map(str), st.datetimes().map(str),
)  # fmt: skip
KEY: Final = st.one_of(
    st.sampled_from(COLUMNS),
    st.tuples(st.sampled_from(COLUMNS), st.sampled_from((*OPERATORS, "", "like", "eq.ne"))).map(".".join),
    st.sampled_from((*RESERVED, "a", "b", "source", "area", "q", "text", "fields", "page")),
    *[st.sampled_from((*RESERVED, "area", "year", "year.gte", "amount_usd.lte", "note.contains", "source_id"))] * 4,
    TEXT,
)  # fmt: skip
PAIRS: Final = st.lists(st.tuples(KEY, TEXT), max_size=3)
TABLE: Final = st.one_of(
    st.sampled_from(tuple(ALL_TABLES)), st.sampled_from(tuple(ALL_TABLES)), TEXT
)
ENDING: Final = st.one_of(
    st.sampled_from(("csv", "json", "ndjson", *FORMATS)),
    st.sampled_from(("", "exe", "csv.gz", "CSV")),
)
PATHS: Final = st.one_of(
    st.tuples(TABLE, ENDING).map(lambda pair: f"/api/v1/{quote(pair[0], safe='')}.{pair[1]}"),
    st.tuples(st.sampled_from(tuple(ALL_TABLES)), ENDING).map(lambda pair: f"/api/v1/{pair[0]}.{pair[1]}"),
    st.sampled_from(tuple(f"/api/v1/{table}/count" for table in ALL_TABLES)),
    TEXT.map(lambda text: "/api/v1/entries/" + quote(text, safe="")),
    st.sampled_from(("/api/v1/changes.json", "/api/v1/datasets", "/api/v1/sources", "/api/v1/refreshes", "/api/v1/")),
    st.sampled_from(("/brief", "/feed.atom", "/sitemap.xml")),
)  # fmt: skip
METHOD: Final = st.sampled_from(
    (
        "GET",
        "GET",
        "GET",
        "GET",
        "GET",
        "GET",
        "GET",
        "GET",
        "GET",
        "GET",
        "GET",
        "GET",
        "HEAD",
        "HEAD",
        "POST",
    )
)
TAG: Final = st.sampled_from(("", "", "", "*", '"x"', 'W/"x", "y"', '"', ","))
RAW: Final = st.sampled_from(
    ("", "", "", "&%ff=%00", "&area=%c3", "&=&&", "&%", "&as_of=%E2%80%AE1", "&sort=%0d%0aX: y")
)


class Api:
    """The API, the brief, the feed, the card and the sitemap, without a server around them."""

    strategy = st.tuples(METHOD, PATHS, PAIRS, RAW, TAG)

    def __init__(self, _root: Path, tally: Tally) -> None:
        """Ask the ledger that HMA_DATA names."""
        self.tally = tally
        routes = [Mount("/api/v1", app=api), Route("/brief", brief), Route("/feed.atom", feed),
                  Route("/sitemap.xml", sitemap), Route("/card.png", card)]  # fmt: skip
        self.client = TestClient(Starlette(routes=routes))

    def close(self) -> None:
        """Let the client go."""
        self.client.close()

    def one(self, drawn: tuple[str, str, list[tuple[str, str]], str, str]) -> None:
        """Ask one question."""
        method, path, pairs, raw, tag = drawn
        if path.startswith("/api/") and "limit" not in dict(pairs) and "/entries/" not in path:
            pairs = [*pairs, ("limit", FEW_ROWS)]
        self.tally.tried += 1
        address = f"{path}?{urlencode(pairs, errors='surrogatepass')}{raw}"
        headers = {"If-None-Match": tag} if tag else {}
        self.ask(method, address, headers, drawn)

    def ask(self, method: str, address: str, headers: dict[str, str], drawn: Any) -> None:  # noqa: ANN401
        """Ask an address, and count what comes."""
        try:
            answer = self.client.request(method, address, headers=headers, follow_redirects=False)
            if answer.status_code == 503 and "Retry-After" in answer.headers:
                self.tally.results["503, come again later"] += 1
            elif answer.status_code not in ALLOWED:
                raise AssertionError(f"{answer.status_code}: {answer.text[:200]}")
            else:
                self.tally.results[f"{answer.status_code}"] += 1
        except ANY as error:  # this is what is looked for
            self.tally.crash("API", error, (method, address, headers, drawn))
