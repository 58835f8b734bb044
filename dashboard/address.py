"""Codes in a page's address: ``/country?area=KHM`` beside ``/country?area=Cambodia``.

Streamlit keeps a widget's *label* in the address. Links made by the project carry the ledger's codes,
which do not change when a label does; they are turned into the widget's value before it is drawn.
"""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st


def accept_code(key: str, codes: Collection[str]) -> None:
    """Let the address choose the widget ``key`` by a code as well as by its label."""
    given = st.query_params.get(key)
    if given in codes and key not in st.session_state:
        st.session_state[key] = given


def accept_codes(key: str, codes: Collection[str]) -> None:
    """The same for a widget of several values, repeated in the address or joined by commas."""
    given = [code for text in st.query_params.get_all(key) for code in text.split(",")]
    if given and key not in st.session_state and all(code in codes for code in given):
        st.session_state[key] = given
