"""Addresses: what a page reads from its own, and where its links and downloads lead.

``/country?area=KHM`` beside ``/country?area=Cambodia``: Streamlit keeps a widget's *label* in the
address. Links made by the project carry the ledger's codes, which do not change when a label does;
they are written as labels before the widget is drawn, so that the widget takes them up and the
address still says what the page shows.

A page that looks back to an earlier refresh says so by ``as_of=`` in its address, and every link
and download of it says the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import Final

import streamlit as st

from dashboard import current, filters, names

AREAS: Final = frozenset({"area", "areas", "compare"})  # parameters whose codes are those of areas
LEDGER_KEY: Final = (
    "ledger"  # the first digits of the manifest of the refresh that a link was made of
)
DIGITS: Final = 16
ORGANISATIONS: Final = frozenset({*filters.SPELLED, "partner"})  # whose names have spellings
_CODES: Final[ContextVar[dict[str, Mapping[str, str]] | None]] = ContextVar("codes", default=None)


def accept_code(key: str, labels: Mapping[str, str]) -> list[str]:
    """Let the address choose the widget ``key`` by a code as well as by its label, an area by any spelling.

    Returns what the address gives that is neither; the widget would drop it without a word.
    """
    _codes()[key] = labels
    given = st.query_params.get(key)
    if given is None or given in labels.values():
        return []
    code = meant(key, given, labels)
    if code not in labels:
        return [given]
    _rewrite(key, [given], [labels[code]])
    return []


def accept_codes(key: str, labels: Mapping[str, str]) -> list[str]:
    """The same for a widget of several values, repeated in the address or joined by commas.

    What is known is kept beside what is not.
    """
    _codes()[key] = labels
    given = st.query_params.get_all(key)
    whole = {*labels, *labels.values()}
    codes = [
        code
        for one in given
        for part in ([one] if meant(key, one, labels) in whole else one.split(","))
        if (code := meant(key, part, labels))
    ]
    unknown = [code for code in codes if code not in whole]
    dropped = f"{key}_dropped"
    if len(unknown) < len(codes):
        if unknown:
            st.session_state[dropped] = unknown  # the page begins again with the known ones
        _rewrite(key, given, [labels.get(code, code) for code in codes if code not in unknown])
    return unknown or st.session_state.pop(dropped, [])


def meant(key: str, text: str, labels: Mapping[str, str]) -> str:
    """The code that ``text`` means: of an area or organisation, by any spelling; ``text`` itself if it means none."""
    if text in labels or text in labels.values():
        return text
    known = names.of(current.LEASE.get())
    if key in AREAS:
        code = known.area(text)
        return code if code in labels and code is not None else text
    if key in ORGANISATIONS:
        spelled = {names.spaced(code): code for code in reversed(list(labels))}
        return next(
            (
                found
                for one in known.organisation(text)
                if (found := spelled.get(names.spaced(one)))
            ),
            text,
        )
    return text


def rename(other: str, key: str) -> None:
    """Take the parameter ``other`` for the widget ``key``, which the address does not name itself."""
    given = st.query_params.get_all(other)
    if not given:
        return
    del st.query_params[other]
    if not st.query_params.get(key) and key not in st.session_state:
        st.query_params[key] = given if len(given) > 1 else given[0]
    st.rerun()


def _rewrite(key: str, given: list[str], meant: list[str]) -> None:
    """Write what is meant into the address and begin again; a widget reads it only at the start.

    A reader who goes back to an address with a code finds the widget drawn, and Streamlit then lets
    no one but the widget write: it drops the code and shows the page without a choice.
    """
    if meant != given and key not in st.session_state:
        st.query_params[key] = meant
        st.rerun()


def choose(
    label: str, labels: Mapping[str, str], chosen: str, *, key: str, hint: str | None = None
) -> str:
    """A selectbox whose choice stands in the address as its code; an empty code is left out.

    ``chosen`` is the code that the address means now, worked out by the caller.
    """
    widget = f"{key}_chosen"
    st.session_state[widget] = chosen

    def say() -> None:
        code: str = st.session_state[widget]
        if code:
            st.query_params[key] = code
        else:
            st.query_params.pop(key, None)
        if key == "as_of":
            st.query_params.pop(LEDGER_KEY, None)  # which is that of another refresh

    return st.selectbox(
        label, list(labels), format_func=labels.__getitem__, key=widget, on_change=say, help=hint
    )


def choose_span(
    label: str, first: int, last: int, *, keys: tuple[str, str], earlier: str
) -> tuple[int, int, list[str]]:
    """A slider over whole numbers, whose ends stand in the address under two names; the widest are left out.

    ``earlier`` is a name under which both once stood. Gives the ends, and what the address has instead of numbers.
    """
    both = st.query_params.get_all(earlier)
    if both:
        del st.query_params[earlier]
        for key, text in zip(keys, (both[0], both[-1]), strict=True):
            st.query_params.setdefault(key, text)
    given = [
        st.query_params.get(key, str(end)) for key, end in zip(keys, (first, last), strict=True)
    ]
    unknown = [text for text in given if not re.fullmatch("[0-9]{1,9}", text)]
    ends = [
        end if text in unknown else int(text)
        for text, end in zip(given, (first, last), strict=True)
    ]
    low, high = sorted(min(max(end, first), last) for end in ends)
    if first == last:
        return low, high, unknown
    widget = f"{keys[0]}_to_{keys[1]}"
    st.session_state[widget] = (low, high)

    def say() -> None:
        for key, end, widest in zip(keys, st.session_state[widget], (first, last), strict=True):
            if end == widest:
                st.query_params.pop(key, None)
            else:
                st.query_params[key] = str(end)

    st.slider(label, first, last, key=widget, on_change=say)
    return low, high, unknown


def page(path: str, **query: object) -> str:
    """The address of one of the pages, of the same refresh as the page that links to it."""
    return _with_query(path, {**query, "as_of": current.as_of()})


def other_refresh(path: str, as_of: int | None = None) -> str:
    """The address of this very page, with all that was chosen on it, as of another refresh or now."""
    chosen = {
        key: st.query_params.get_all(key)
        for key in st.query_params
        if key not in {"as_of", LEDGER_KEY}
    }
    return _with_query(path, {**chosen, "as_of": as_of})


def in_this_grammar(path: str) -> str:
    """The address of this very page, read in the grammar that the server knows."""
    chosen = {
        key: st.query_params.get_all(key) for key in st.query_params if key != filters.GRAMMAR_KEY
    }
    return _with_query(path, {**chosen, filters.GRAMMAR_KEY: filters.GRAMMAR})


def begin() -> None:
    """Forget the widgets of the page before; a thread may run one page after another."""
    _CODES.set({})


def lasting(path: str, as_of: int, manifest: str) -> str:
    """An address to keep: with what is chosen also where it is the default, in codes that outlive labels.

    It names the refresh by its number and by its manifest, since another ledger numbers its own in the same way.
    """
    chosen: dict[str, object] = {
        key: st.query_params.get_all(key)
        for key in st.query_params
        if key not in {"as_of", LEDGER_KEY, filters.GRAMMAR_KEY}
    }
    for key, codes in _codes().items():
        value = st.session_state.get(key)
        values = value if isinstance(value, list) else [] if value is None else [value]
        if values and all(one in codes for one in values):
            chosen[key] = values
    return _with_query(
        path,
        {
            **chosen,
            "as_of": as_of,
            LEDGER_KEY: manifest[:DIGITS],
            filters.GRAMMAR_KEY: filters.GRAMMAR,
        },
    )


def _codes() -> dict[str, Mapping[str, str]]:
    """By widget that this run has drawn: its codes and their labels."""
    codes = _CODES.get()
    if codes is None:
        codes = {}
        _CODES.set(codes)
    return codes


def rows(table: str, wanted: Mapping[str, object]) -> str:
    """The API address of a table with filters, of the same refresh as the page and in its grammar."""
    return filters.address(
        table, {**wanted, "as_of": current.as_of(), filters.GRAMMAR_KEY: filters.GRAMMAR}
    )


def filters_of(given: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The other way: keys and values of an address as filters."""
    found: dict[str, list[str]] = {}
    for key, value in given:
        found.setdefault(key, []).append(value)
    return found


def behind(table: str, wanted: Mapping[str, object]) -> str:
    """The page that shows these rows, what they mean, how they are computed and the entries behind them."""
    return _with_query("/rows", {"of": table, **wanted, "as_of": current.as_of()})


def behind_of(rows_address: str) -> str:
    """The same page for an address that :func:`rows` made."""
    path, _, query = rows_address.partition("?")
    table = path.rpartition("/")[2].partition(".")[0]
    return f"/rows?of={table}{'&' if query else ''}{query}"


def _with_query(path: str, query: Mapping[str, object]) -> str:
    pairs = filters.encoded(filters.pairs_of(query))
    return f"{path}?{pairs}" if pairs else path
