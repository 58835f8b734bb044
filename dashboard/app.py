"""The server: Streamlit's pages, the API, the feed, the sitemap, cards and ``/healthz``, in one process.

The pages are mounted last, so that what is not a page does not pass through Streamlit: it would pack every
answer a second time, at its own pace.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from dashboard.api import api
from dashboard.card import card
from dashboard.current import ledgers
from dashboard.feed import feed
from dashboard.front import Head
from dashboard.sitemap import sitemap
from etl.store import NoLedgerError


def healthz(_request: Request) -> JSONResponse:
    """Say which ledger is served; 503 while there is none."""
    try:
        with ledgers().lease() as lease:
            return JSONResponse({"ledger": lease.ledger})
    except NoLedgerError as error:
        return JSONResponse({"error": str(error)}, 503)


pages = st.App(Path(__file__).with_name("streamlit_app.py"))

app = Starlette(
    routes=[
        Mount("/api/v1", app=api),
        Route("/feed.atom", feed),
        Route("/sitemap.xml", sitemap),
        Route("/card.png", card),
        Route("/healthz", healthz),
        Mount("/", app=Head(pages)),
    ],
    lifespan=pages.lifespan(),
)
