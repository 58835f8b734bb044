"""Entry point of the pages: navigation, the ledger a run is pinned to, and what every page shares."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dashboard import address, cite, filters, queries, show
from etl.asof import AsOfError
from etl.guard import NOT_FETCHED
from etl.store import Lease, NoLedgerError, TooLongError

st.set_page_config(page_title="HMA Ledger", layout="wide", initial_sidebar_state="auto")

sections = {
    "Program": [
        st.Page("app_pages/coverage.py", title="What it covered", default=True),
        st.Page("app_pages/country.py", title="Country", url_path="country"),
        st.Page("app_pages/timeline.py", title="Timeline", url_path="timeline"),
    ],
    "People": [
        st.Page("app_pages/casualties.py", title="Casualties", url_path="casualties"),
        st.Page(
            "app_pages/clearance.py", title="Clearance and contamination", url_path="clearance"
        ),
    ],
    "Money": [
        st.Page("app_pages/funding.py", title="Funding", url_path="funding"),
        st.Page("app_pages/compare.py", title="Compare countries", url_path="compare"),
        st.Page("app_pages/who_else_pays.py", title="Who else pays", url_path="who_else_pays"),
        st.Page("app_pages/partners.py", title="Partners", url_path="partners"),
        st.Page("app_pages/reconciliation.py", title="Reconciliation", url_path="reconciliation"),
    ],
    "Ledger": [
        st.Page("app_pages/changes.py", title="Changes", url_path="changes"),
        st.Page("app_pages/sources.py", title="Sources", url_path="sources"),
        st.Page("app_pages/findings.py", title="Rejects and issues", url_path="findings"),
        st.Page("app_pages/about.py", title="About", url_path="about"),
    ],
}
entry = st.Page(
    "app_pages/entry.py", title="Source row", url_path="entry", visibility="hidden"
)  # fmt: skip
rows = st.Page(
    "app_pages/rows.py", title="Rows behind a figure", url_path="rows", visibility="hidden"
)  # fmt: skip
search = st.Page("app_pages/search.py", title="Search", url_path="search", visibility="hidden")
# Hidden, because Streamlit's own links to pages lose what the address says of the refresh.
SHOWN: Final = "page that was shown"
page = st.navigation({**sections, "": [entry, rows, search]}, position="hidden")
show.tab(page.title)


def navigation() -> None:
    """Links to the pages, as of the refresh that this one shows."""
    refresh = address.page("").partition("as_of=")[2]
    for title, pages in sections.items():
        show.small(title)
        for other in pages:
            st.page_link(other, query_params={"as_of": refresh} if refresh else None)


def search_field() -> None:
    """A field that leads to the page of results, which has one of its own."""
    if page == search:
        return
    words = st.text_input(
        "Search", key="search_field", type="search", placeholder="Laos, HALO, 19.800"
    )
    if words:
        refresh = address.page("").partition("as_of=")[2]
        st.switch_page(search, query_params={"q": words, **({"as_of": refresh} if refresh else {})})


def picker(chosen: int | None) -> None:
    """Which refresh the figures are of: now, or any earlier one."""
    refreshes = queries.ask("refreshes")
    newest = refreshes.row(0, named=True)
    labels = {"": f"now (refresh {newest['refresh']}, {newest['finished']} UTC)"} | {
        str(row["refresh"]): f"refresh {row['refresh']}, {row['finished']} UTC"
        for row in refreshes.iter_rows(named=True)
    }
    address.choose(
        "Ledger as of", labels, str(chosen or ""), key="as_of",
        hint="A refresh that is chosen here stands in the address: the link shows the same figures "
        "later, also when newer ones have been published.",
    )  # fmt: skip


def side(lease: Lease) -> None:
    """What stands beside every page."""
    about = queries.ask("log").row(0, named=True)
    entries = sum(queries.entries_by_source().values())
    with st.sidebar:
        search_field()
        navigation()
        picker(lease.as_of)
        show.small(
            f"Refresh {about['refresh']} of {show.plain(about['finished'])} UTC, {entries:,} figures; "
            f"read from {show.plain(lease.ledger)}."
        )


def on_hold() -> None:
    """What a reader must know of sources that are not at their newest, before any figure: a line for each, or for many one."""
    titles = dict(queries.ask("sources").select("source_id", "title").iter_rows())
    figures = queries.entries_by_source()
    why = f"[Why]({address.page('/sources')})"
    never: list[str] = []
    behind: dict[str, list[str]] = {}
    for held in queries.held().iter_rows(named=True):
        title = show.plain(titles.get(held["source_id"], held["source_id"]))
        if held["rule"] not in NOT_FETCHED:
            st.warning(
                f"On hold: {title}. A newer copy was not taken over ({show.plain(held['rule'])}); the figures "
                f"are those of the copy before it. {why}"
            )
        elif figures.get(held["source_id"]):
            behind.setdefault(held["rule"], []).append(title)
        else:
            never.append(title)
    for rule, named in behind.items():
        could = "Its publisher" if len(named) == 1 else "Their publishers"
        st.warning(
            f"{rule.capitalize()}: {'; '.join(named)}. {could} could not be asked; the figures are those of "
            f"the last good copy. {why}"
        )
    if never:
        st.warning(
            f"Not read: {never[0] if len(never) == 1 else f'{len(never)} sources whose publishers could not be asked'}. "
            f"No figure of {'it' if len(never) == 1 else 'them'} is in this ledger, which is not zero. {why}"
        )


def past(as_of: int) -> None:
    """One line that nobody misses: these are not the newest figures."""
    if st.query_params["as_of"] != str(as_of):  # a day may still get a later refresh
        st.query_params["as_of"] = str(as_of)
    refreshes = queries.ask("refreshes")
    shown = refreshes.filter(refresh=as_of).row(0, named=True)
    newest = refreshes.row(0, named=True)
    now = address.other_refresh(f"/{page.url_path}")
    if shown == newest:
        st.info(
            f"You see the ledger as of refresh {as_of} ({shown['finished']} UTC). It is the newest, and "
            f"this address will go on showing it. [Show always the newest]({now})"
        )
    else:
        st.info(
            f"You see the ledger as of refresh {as_of} ({shown['finished']} UTC). The newest is "
            f"{newest['refresh']} ({newest['finished']} UTC). [Show the newest]({now})"
        )


def another_ledger() -> None:
    """One line where a link was made of a ledger whose refresh has another manifest than the one shown."""
    given = st.query_params.get(address.LEDGER_KEY, "")
    shown = cite.edition()
    if shown.manifest.startswith(given) or given.startswith(shown.manifest):
        return
    st.warning(
        f"This link was made of another ledger: the manifest of its refresh {shown.refresh} begins with "
        f"{show.plain(given[:64])}, that of the one shown here with {show.plain(shown.manifest[:64])}. The figures may be "
        "others than those that the link showed."
    )


def unknown(error: AsOfError, ledger: str) -> None:
    """What there is, where the address names a refresh that there is not."""
    st.title("No such refresh")
    st.warning(show.plain(error))
    st.markdown(
        f"The link needs a ledger that holds this refresh; the one served here is {show.plain(ledger)}. It can be "
        "read as of:"
    )
    here = f"/{page.url_path}"
    links = [f"- [now]({address.other_refresh(here)})"] + [
        f"- [refresh {row['refresh']}]({address.other_refresh(here, row['refresh'])}), "
        f"{row['finished']} UTC"
        for row in queries.ask("refreshes").head(50).iter_rows(named=True)
    ]
    st.markdown("\n".join(links))


def other_grammar(error: filters.FilterError) -> None:
    """What a link asks for that was written in another version of the grammar; no figure stands for another."""
    st.title("A link of another version")
    st.warning(show.plain(error))
    st.markdown(
        "Nothing was left out or read in another way: no figure is shown. The link asks for:"
    )
    st.markdown(
        "\n".join(
            f"- {show.plain(key[:80])}: {show.plain(', '.join(st.query_params.get_all(key))[:500])}"
            for key in st.query_params
        )
    )
    here = f"/{page.url_path}"
    st.markdown(
        f"[Read it as this server means it]({address.in_this_grammar(here)}), or open [the page]({here}) alone."
    )


def leave_the_last_page() -> None:
    """Let each page begin with what its own address says.

    Two pages may have a choice of the same name and another kind, such as one area and several; what was chosen on
    the first must not be taken for a choice on the second.
    """
    if st.session_state.get(SHOWN) not in {None, page.url_path}:
        for key in list(st.session_state):
            del st.session_state[key]
    st.session_state[SHOWN] = page.url_path


def run() -> None:
    """The page, of the refresh that its address asks for."""
    leave_the_last_page()
    address.begin()
    try:
        filters.require_grammar(st.query_params.get(filters.GRAMMAR_KEY))
    except filters.FilterError as error:
        with queries.pinned() as lease:
            side(lease)
            other_grammar(error)
        return
    try:
        with queries.pinned(st.query_params.get("as_of")) as lease:
            side(lease)  # before the page, which may stop its run early
            if lease.as_of is not None:
                past(lease.as_of)
            another_ledger()
            on_hold()
            page.run()
    except AsOfError as error:
        with queries.pinned() as lease:
            side(lease)
            unknown(error, lease.ledger)
    except TooLongError as error:
        st.error(
            f"{show.plain(error)}. Nothing is shown instead of a part. Choose less, or reload the page."
        )


try:
    run()
except NoLedgerError:
    st.title("No ledger yet")
    st.info(
        "Nothing has been published on this machine. Run `hma refresh --embedded`, which builds the "
        "ledger from the figures that come with the project, and reload this page."
    )
