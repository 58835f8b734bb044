"""Every source: publisher, rhythm, terms, the files in use, and whether any is on hold or rejected."""

from __future__ import annotations

from typing import Any, Final

import polars as pl
import streamlit as st

from dashboard import address, contacts, depends, queries, show
from etl.guard import NOT_FETCHED
from etl.tables import Sources

STATUSES: Final[dict[str, str]] = (Sources.columns()["status"].metadata or {})["allowed"]
LOOKS_FOR: Final = {"edition": "its edition", "table": "its table", "text": "its text"}

sources = queries.ask("sources")
series = queries.ask("series")
entries = queries.entries_by_source()
holds = queries.held()
files = queries.ask("latest_files").filter(pl.col("status") != "watched")
good = queries.ask("good_vintages")
watches = queries.ask("watches")
decisions = queries.ask("decisions")
measures = queries.ask("measures")
rejected = set(files.filter(status="rejected")["source_id"])
views_on, pages_on = queries.resting()
is_now = queries.as_of() is None


def last_good(row: dict[str, Any]) -> str:
    """When the figures in use came, and the hash of their newest file; a copy may have come by hand."""
    of_it = good.filter(source_id=row["source_id"])
    if of_it.is_empty():
        return show.MISSING
    newest = of_it.row(0, named=True)
    by_hand = "given by hand, " if str(newest["origin"]).startswith(contacts.BY_HAND) else ""
    more = f" and {of_it.height - 1} more" if of_it.height > 1 else ""
    files_of = show.rows_link(
        f"{newest['retrieved'][:10]}, {newest['vintage_sha256'][:8]}",
        address.rows("vintages", {"source_id": row["source_id"], "status": "accepted"}),
    )
    return f"{by_hand}{files_of}{more}"


def contact(row: dict[str, Any]) -> contacts.Contact:
    """When its publisher was last reached; looking back, only what the ledger said then."""
    name = row["source_id"]
    said = next(
        (one for one in holds.filter(source_id=name)["rule"].to_list() if one in NOT_FETCHED), None
    )
    said = "dark" if row["status"] == "dark" else said
    if not is_now:
        return contacts.judged(None, None, None, said)
    last = contacts.last_of(name, files.filter(source_id=name).iter_rows(named=True))
    return contacts.judged(last, row["every_days"], row["dark_after_days"], said)


def state(row: dict[str, Any]) -> str:
    """Whether the last vintage is in use, and beside it whether the publisher can be reached."""
    name = row["source_id"]
    held = [
        show.plain(f"on hold since refresh {hold['recorded_in']}: {hold['rule']}")
        for hold in holds.filter(source_id=name).iter_rows(named=True)
        if hold["rule"] not in NOT_FETCHED
    ]
    if not held and name in rejected:
        last = decisions.filter(source_id=name, verdict="rejected").row(0, named=True)
        held = [show.plain(f"last vintage rejected by {last['who']}: {last['because']}")]
    if not held:
        held = [use(row)]
    return " ".join([*held, contacts.badge(contact(row))]).strip()


def use(row: dict[str, Any]) -> str:
    """Whether its figures are used, where nothing stands against its last vintage."""
    if row["source_id"] in queries.withheld():
        return "kept on this machine, not shown"
    if row["source_id"] in files["source_id"]:
        return "in use"
    return "off unless turned on" if row.get("enable") else "not read yet"


def used_on(row: dict[str, Any]) -> str:
    """The pages that rest on it, in the order of the navigation."""
    on = [
        f"[{show.plain(title)}]({address.page(where)})"
        for script, (title, where) in depends.titles().items()
        if script in pages_on.get(row["source_id"], ())
    ]
    return ", ".join(on) or show.MISSING


def settle(hold: dict[str, Any]) -> str:
    """How a person settles a hold that still stands; nothing when looking back, or if nobody can."""
    if queries.as_of() is not None or not hold["can_be_accepted"]:
        return ""
    digits = str(hold["files"]).split()[1][:12]
    accept = f'`hma accept {hold["source_id"]} {digits} --because "…"`'
    return f" {accept} takes it over all the same; `hma reject` with the same words drops it."


st.title("Sources")
st.markdown(
    f"{sources.height} public datasets and report series. The bytes of every file are kept under their "
    "SHA-256 and never changed; a file whose figures look wrong is put on hold until a person decides, "
    "and the last good figures stay in use."
)
show.table(
    sources,
    {
        "Source": lambda row: show.link(row["title"], row["url"]),
        "Status": lambda row: show.rows_link(
            row["status"], address.rows("sources", {"source_id": row["source_id"]})
        ),
        "Last good vintage": last_good,
        "Figures in use": lambda row: show.number(entries.get(row["source_id"], 0)),
        "State": state,
        "Used on": used_on,
    },
    alt="Sources with status, last good vintage, number of figures, state, and pages that rest on them",
)
show.small(
    "Status: "
    + "; ".join(f"{name}, {meaning}" for name, meaning in STATUSES.items())
    + ". Every figure "
    "also stands on the pages of the source rows, of changes and of rejects, which list all sources."
)
show.download(address.rows("sources", {"sort": "title"}), sources)


def warn(row: dict[str, Any], hold: dict[str, Any]) -> None:
    """Why a source is on hold, or was not fetched."""
    title, why = show.plain(row["title"]), show.plain(hold["reason"].rstrip("."))
    if hold["rule"] in NOT_FETCHED:
        say = st.error if hold["rule"] == "dark" else st.warning
        say(
            f"The publisher could not be asked: {why}. The last good figures stay in use.",
            title=f"{hold['rule'].capitalize()}: {title}",
        )
        return
    st.warning(
        f"Since refresh {hold['recorded_in']}, by the rule “{show.plain(hold['rule'])}”: {why}. The last good "
        f"figures stay in use.{settle(hold)}",
        title=f"On hold: {title}",
    )


def limits(row: dict[str, Any]) -> str:
    """How to turn on a source that is off by itself, and that the rows of one may not be passed on."""
    said = f"\n\n**Turned on by hand.** {show.plain(row['enable'])}" if row.get("enable") else ""
    if row.get("is_exportable") is False:
        count = queries.withheld().get(row["source_id"], 0)
        said += (
            "\n\n**Not shown.** Its terms forbid passing rows on: no page, answer of the API, download or "
            f"export holds any. This ledger holds {show.number(count)} of its entries."
        )
    return said


for row in sources.iter_rows(named=True):
    for hold in holds.filter(source_id=row["source_id"]).iter_rows(named=True):
        warn(row, hold)
    stands = contact(row)
    if stands.words and not any(
        one in NOT_FETCHED for one in holds.filter(source_id=row["source_id"])["rule"]
    ):
        since = f" since {stands.last}" if stands.last else ""
        st.warning(
            f"Its publisher was not reached{since}. Nothing here says that the figures are wrong; they may no "
            "longer be the newest.",
            title=f"{stands.words.partition(':')[0].capitalize()}: {show.plain(row['title'])}",
        )


def seen(row: dict[str, Any]) -> contacts.Contact:
    """When a watched page was last reached."""
    said = row["state"] if row["state"] in NOT_FETCHED else None
    if not is_now:
        return contacts.judged(None, None, None, said)
    had = [row] if row["retrieved"] else []
    last = contacts.last_of(f"{row['source_id']}.{row['page']}", had)
    return contacts.judged(last, row["every_days"], None, said)


def to_do(row: dict[str, Any]) -> str:
    """What a person has to read, and where it says so."""
    if row["to_read"]:
        return (
            f"[{show.plain(row['to_read'])}]({address.page('/findings', source=row['source_id'])})"
        )
    return "nothing" if row["vintage_sha256"] else show.MISSING


def pages() -> None:
    """The publishers' pages that are looked at for new editions, and what came of it."""
    st.header("Watched pages")
    st.markdown(
        "Transcribed figures are read by people. These pages tell when there is something to read; no figure "
        "is taken from them by a program, and one that cannot be reached says nothing about the figures."
    )
    show.table(
        watches,
        {
            "Page": lambda row: show.link(row["title"], row["url"]),
            "Of": show.text_of("source_title"),
            "What counts": lambda row: LOOKS_FOR[row["looks_for"]],
            "State": lambda row: contacts.badge(seen(row)) or show.plain(row["state"]),
            "Last reached": lambda row: str(seen(row).last or show.MISSING),
            "Archived": lambda row: (
                f"`{row['vintage_sha256'][:8]}`" if row["vintage_sha256"] else show.MISSING
            ),
            "To read": to_do,
        },
        alt="Watched pages with what counts of them, their state, and what a person has to read",
    )
    for row in watches.drop_nulls("reason").iter_rows(named=True):
        show.small(f"{show.plain(row['title'])}: {show.plain(row['reason'])}")
    show.download(address.rows("watches", {}), watches)


def rests(name: str) -> str:
    """The views, measures and pages that rest on a source, and how many figures."""
    views = [f"[{view}]({address.rows(view, {})})" for view in views_on.get(name, ())]
    of_it = measures.filter(source_id=name)["title"].to_list()
    on = [depends.titles()[script][0] for script in pages_on.get(name, ())]
    parts = [
        f"{show.number(entries.get(name, 0))} figures in use",
        f"views: {', '.join(views)}" if views else "no view",
        *([f"measures: {'; '.join(map(show.plain, of_it))}"] if of_it else []),
        f"pages: {', '.join(map(show.plain, on))}" if on else "no page of its own",
    ]
    return "; ".join(parts) + "."


def describe(row: dict[str, Any]) -> None:
    """What a source covers, its terms, its files and series."""
    name = row["source_id"]
    st.markdown(
        f"**Publisher.** {show.plain(row['publisher'])}\n\n**Updated.** {show.plain(row['cadence'])}\n\n"
        f"**Covers.** {show.plain(row['coverage'])}\n\n**Caveats.** {show.plain(row['caveats'])}\n\n"
        f"**Licence.** {show.plain(row['licence'])}\n\n**Cite as.** {show.plain(row['citation'])}\n\n"
        f"**What depends on it.** {rests(name)}\n\n**Name in downloads.** `{name}`{limits(row)}"
    )
    of_it = files.filter(source_id=name)
    if not of_it.is_empty():
        show.table(
            of_it,
            {
                "File": lambda file: show.rows_link(
                    file["file"],
                    address.rows("vintages", {"source_id": name, "file": file["file"]}),
                ),
                "Bytes": show.number_of("size_bytes"),
                "Origin": show.text_of("origin"),
                "Archived (UTC)": show.text_of("retrieved"),
                "Vintage": show.text_of("status"),
                "SHA-256": lambda file: f"`{file['vintage_sha256']}`",
            },
            alt=f"Files of {row['title']} with their hashes",
        )
        show.download(address.rows("vintages", {"source_id": name}), label="All vintages")
    show.table(
        series.filter(source_id=name),
        {
            "Series": show.text_of("title"),
            "May be added": lambda one: "yes" if one["is_additive"] else "no",
            "Caution": show.text_of("caution"),
        },
        alt=f"Series of {row['title']} and what may not be added",
    )


for row in sources.iter_rows(named=True):
    with st.expander(
        show.plain(row["title"]), expanded=row["source_id"] == st.query_params.get("source")
    ):
        describe(row)

if not watches.is_empty():
    pages()

st.header("Decisions")
if decisions.is_empty():
    st.markdown(
        "No vintage on hold has been accepted or rejected by a person, and no watched page was said to be read."
    )
else:
    titles = dict(sources.select("source_id", "title").iter_rows())
    show.table(
        decisions,
        {
            "Source": lambda one: show.plain(titles.get(one["source_id"], one["source_id"])),
            "Verdict": lambda one: show.plain(f"{one['verdict']} {one['decided']}"),
            "Who": show.text_of("who"),
            "Why": show.text_of("because"),
            "Why it was on hold": show.text_of("overruled"),
            "Refresh": show.text_of("recorded_in"),
            "Files": lambda one: show.plain(one["files"]),
        },
        alt="What people decided about vintages on hold and said of watched pages, newest first",
    )
    order = "-recorded_in,source_id,vintages_sha256,verdict"
    show.download(address.rows("decisions", {"sort": order}), decisions)
