"""The server: Streamlit's pages, the API, the feed and ``/healthz``, in one process."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Mount, Route

from dashboard.api import api
from dashboard.current import ledgers
from dashboard.feed import feed
from etl.store import NoLedgerError


def healthz(_request: Request) -> JSONResponse:
    """Say which ledger is served; 503 while there is none."""
    try:
        with ledgers().lease() as lease:
            return JSONResponse({"ledger": lease.ledger})
    except NoLedgerError as error:
        return JSONResponse({"error": str(error)}, 503)


def brief(request: Request) -> HTMLResponse:
    """One area on two printed pages; imported late, since Streamlit's caches want its runtime first."""
    answer: HTMLResponse = import_module("dashboard.brief").brief(request)
    return answer


app = st.App(
    Path(__file__).with_name("streamlit_app.py"),
    routes=[
        Mount("/api/v1", app=api),
        Route("/brief", brief),
        Route("/feed.atom", feed),
        Route("/healthz", healthz),
    ],
)
