"""The server: Streamlit's pages, the API, the feed, the sitemap, cards and what watches it, in one process.

The pages are mounted last, so that what is not a page does not pass through Streamlit: it would pack every
answer a second time, at its own pace.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import streamlit as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from dashboard import health, locked
from dashboard.api import api
from dashboard.card import card
from dashboard.door import Door
from dashboard.feed import feed
from dashboard.front import Head
from dashboard.outlines import PATH as OUTLINES
from dashboard.outlines import outlines
from dashboard.sitemap import sitemap

locked.lock()
pages = st.App(Path(__file__).with_name("streamlit_app.py"))


def brief(request: Request) -> HTMLResponse:
    """One area on two printed pages; imported late, since Streamlit's caches want its runtime first."""
    answer: HTMLResponse = import_module("dashboard.brief").brief(request)
    return answer


app = Starlette(
    routes=[
        Mount("/api/v1", app=api),
        Route("/brief", brief),
        Route("/feed.atom", feed),
        Route("/sitemap.xml", sitemap),
        Route("/card.png", card),
        Route(OUTLINES, outlines),
        *health.ROUTES,
        Mount("/", app=Head(pages)),
    ],
    middleware=[Middleware(health.Timed), Middleware(Door)],
    lifespan=pages.lifespan(),
)
