"""Codes in a page's address: ``/country?area=KHM`` beside ``/country?area=Cambodia``.

Streamlit keeps a widget's *label* in the address. Links made by the project carry the ledger's codes,
which do not change when a label does; they are written as labels before the widget is drawn, so that
the widget takes them up and the address still says what the page shows.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st


def accept_code(key: str, labels: Mapping[str, str]) -> None:
    """Let the address choose the widget ``key`` by a code as well as by its label."""
    given = st.query_params.get(key)
    if given is not None and given in labels:
        _rewrite(key, [given], [labels[given]])


def accept_codes(key: str, labels: Mapping[str, str]) -> None:
    """The same for a widget of several values, repeated in the address or joined by commas."""
    given = st.query_params.get_all(key)
    codes = [code for text in given for code in text.split(",")]
    if all(code in labels for code in codes):
        _rewrite(key, given, [labels[code] for code in codes])


def _rewrite(key: str, given: list[str], meant: list[str]) -> None:
    """Write what is meant into the address and begin again; a widget reads it only at the start.

    A reader who goes back to an address with a code finds the widget drawn, and Streamlit then lets
    no one but the widget write: it drops the code and shows the page without a choice.
    """
    if meant != given and key not in st.session_state:
        st.query_params[key] = meant
        st.rerun()
