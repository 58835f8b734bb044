"""Entry point of the pages: navigation, the ledger a run is pinned to, and what every page shares."""

from __future__ import annotations

import streamlit as st

from dashboard import queries, show
from etl.store import NoLedgerError

st.set_page_config(page_title="HMA Ledger", layout="wide", initial_sidebar_state="auto")

page = st.navigation(
    [
        st.Page("app_pages/coverage.py", title="What it covered", default=True),
        st.Page("app_pages/country.py", title="Country", url_path="country"),
        st.Page("app_pages/funding.py", title="Funding", url_path="funding"),
        st.Page("app_pages/about.py", title="About", url_path="about"),
        st.Page("app_pages/entry.py", title="Source row", url_path="entry", visibility="hidden"),
    ]
)

try:
    with queries.pinned() as ledger:
        # before the page, which may stop its run early
        about = queries.ask("ledger").row(0, named=True)
        with st.sidebar:
            show.small(
                f"Ledger {show.plain(ledger)}: refresh {about['refresh']} of "
                f"{show.plain(about['finished'])} UTC, {about['entries']:,} figures."
            )
            for held in queries.held().iter_rows(named=True):
                st.warning(
                    f"{show.plain(held['file'])}: {show.plain(held['reason'])}",
                    title=f"On hold: {show.plain(held['source_id'])}",
                )
        page.run()
except NoLedgerError:
    st.title("No ledger yet")
    st.info(
        "Nothing has been published on this machine. Run `hma refresh --embedded`, which builds the "
        "ledger from the figures that come with the project, and reload this page."
    )
