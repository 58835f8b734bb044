"""What changed between two refreshes: how many figures, how much in dollars and people, and which."""

from __future__ import annotations

from urllib.parse import urlencode

import polars as pl
import streamlit as st

from dashboard import address, queries, refreshes, revisions, show
from etl.asof import AsOfError
from etl.diff import COUNTS

FIRST = 200  # changed entries that are listed
LARGEST = 10  # sums that are listed, of each kind
LOG = 100  # refreshes that are listed
NOTHING = "nothing, before the first refresh"

log = queries.ask("log")
times = {str(row["refresh"]): row["finished"] for row in log.iter_rows(named=True)}
newest = log["refresh"].to_list()[0]
source_titles = dict(queries.ask("sources").select("source_id", "title").iter_rows())
series_titles = dict(queries.ask("series").select("series", "title").iter_rows())
sources_of = dict(queries.ask("series").select("series", "source_id").iter_rows())

st.title("Changes")
st.markdown(
    "Every refresh reads the sources again and records what they say otherwise than before. An earlier "
    "figure stays in the ledger with the refresh that ended it; what a source drops is kept as withdrawn. "
    "[The feed](/feed.atom) (Atom) names every refresh that changes a figure."
)


def asked(key: str, default: int) -> int:
    """The refresh that the address names; the page ends with what there is if there is none."""
    given = st.query_params.get(key)
    if given is None:
        return default
    try:
        number = queries.refresh_number(given)
    except AsOfError as error:
        st.warning(f"{key}: {show.plain(error)} [The last change]({address.page('/changes')})")
        st.stop()
    if number > newest:
        st.warning(
            f"Refresh {number} is later than refresh {newest}, which you look back to. "
            f"[Look from now]({address.other_refresh('/changes')})"
        )
        st.stop()
    return number


# a refresh that only put a source on hold changed no figure
telling = log.filter(pl.sum_horizontal(COUNTS) > 0)["refresh"]
b = asked("b", telling[0] if telling.len() else newest)
a = asked("a", max(b - 1, 0))
labels = {number: f"refresh {number}, {finished} UTC" for number, finished in times.items()}
first, second = st.columns(2)
with first:
    address.choose("From", {**labels, "0": NOTHING}, str(a), key="a")
with second:
    address.choose("To", {**labels, "0": NOTHING}, str(b), key="b")


def json_of(label: object, source_id: str | None) -> str:
    """A link to every changed entry of a source, before and after, as JSON."""
    query = urlencode({"a": a, "b": b, **({"source": source_id} if source_id else {})})
    return f"[{show.plain(label)}](/api/v1/changes.json?{query})"


found, changed = queries.changes(a, b, 0 if a == 0 or b == 0 else FIRST)
numbers = {kind: found.total(kind) for kind in COUNTS}
if a == 0:
    st.header(f"Up to refresh {b}")
else:
    st.header(f"From refresh {a} to refresh {b}")
if not any(numbers.values()):
    st.info(
        f"No figure changed between refresh {a} and refresh {b}. A refresh is also recorded when a "
        "source is put on hold, or when bytes, a reject or an issue are new."
        if a != b
        else "From and to are the same refresh; choose two."
    )
else:
    st.markdown(f"{show.plain(refreshes.words(numbers))}.")
    show.table(
        found.rows,
        {
            "Source": lambda row: json_of(
                source_titles.get(row["source_id"], row["source_id"]), row["source_id"]
            ),
            "Table": show.text_of("table"),
            "Added": show.number_of("added"),
            "Revised": show.number_of("revised"),
            "Withdrawn": show.number_of("withdrawn"),
            "Restored": show.number_of("restored"),
        },
        alt=f"How many figures of each source and table changed from refresh {a} to {b}",
    )
    st.markdown(f"[Every changed entry, before and after (JSON)](/api/v1/changes.json?a={a}&b={b})")


def sums(frame: pl.DataFrame, unit: str, by: str) -> None:
    """The largest differences of one unit; every row is one series and one edition."""
    part = frame.filter(unit=unit)
    if part.is_empty():
        return
    write = show.usd if unit == "US dollars" else show.number
    names = dict(queries.ask("area_names").iter_rows())
    area = {"Area": lambda row: show.plain(names.get(row["area"], row["area"]))}
    show.table(
        part.head(LARGEST),
        {
            **(area if by == "area" else {}),
            "Series": lambda row: show.plain(series_titles.get(row["series"], row["series"])),
            "Edition": show.text_of("edition"),
            "Figures that changed": lambda row: json_of(
                show.number(row["entries"]), sources_of.get(row["series"])
            ),
            "These before": lambda row: show.plain(write(row["before"])),
            "These after": lambda row: show.plain(write(row["after"])),
            "Difference": lambda row: show.plain(
                ("+" if row["difference"] > 0 else "") + write(row["difference"])
            ),
        },
        alt=f"Largest changes in {unit} by {by} from refresh {a} to {b}",
    )
    if part.height > LARGEST:
        show.small(f"The {LARGEST} largest of {part.height:,}; the JSON has all.")


if a == 0 and b:
    st.markdown(
        "Everything that the ledger holds was added since there was nothing; the figures themselves "
        "stand on the other pages."
    )
else:
    for unit, title in (("US dollars", "In dollars"), ("people", "In casualties")):
        if unit in found.editions["unit"] or unit in found.areas["unit"]:
            st.header(title)
            st.subheader("By area")
            sums(found.areas, unit, "area")
            st.subheader("By edition")
            sums(found.editions, unit, "edition")
    if not found.editions.is_empty() or not found.areas.is_empty():
        show.small(
            "“These” are the figures that changed, of whatever years, not the whole edition; dollars are "
            "nominal. Only figures of one series and one edition are added. Printed totals, sums over "
            "years, parts of a year, estimates, requests and bounds are left out; they stand among the "
            "changed entries below. Rows of these tables are not to be added: the same dollar and the "
            "same person stand in several. A new edition is added figures, not more money."
        )

if changed:
    st.header("Changed entries")
    total = sum(numbers.values())
    if total > len(changed):
        show.small(f"The first {len(changed):,} of {total:,}; the JSON has all.")
    rows = []
    for entry in changed:
        before, after, more = revisions.change(entry["table"], entry["before"], entry["after"])
        rows.append(
            {
                **{key: entry[key] for key in ("entry_id", "change", "table")},
                "name": revisions.name(entry["table"], entry["after"] or entry["before"]),
                "edition": (entry["after"] or entry["before"])["edition"],
                "before": before,
                "after": after,
                "more": ", ".join(more) or None,
            }
        )
    show.table(
        pl.DataFrame(rows, schema_overrides={"more": pl.String}),
        {
            "Change": show.text_of("change"),
            "Table": show.text_of("table"),
            "Figure": lambda row: show.entry_link(row["name"], row["entry_id"]),
            "Edition": show.text_of("edition"),
            "Before": show.text_of("before"),
            "After": show.text_of("after"),
            "Also changed": show.text_of("more"),
        },
        alt=f"Entries that changed from refresh {a} to {b}, before and after",
    )

st.header("All refreshes")
listed = log.head(LOG)
show.table(
    listed,
    {
        "Refresh": lambda row: (
            f"[{row['refresh']}]({address.page('/changes', a=row['refresh'] - 1, b=row['refresh'])})"
        ),
        "Finished (UTC)": show.text_of("finished"),
        "Added": show.number_of("added"),
        "Revised": show.number_of("revised"),
        "Withdrawn": show.number_of("withdrawn"),
        "Restored": show.number_of("restored"),
        "Code": show.text_of("code_version"),
    },
    alt="All refreshes with how many figures each changed, newest first",
)
if log.height > listed.height:
    show.small(f"The newest {listed.height} of {log.height:,}; the download has all.")
show.download(address.rows("refreshes", {"sort": "-refresh"}), listed, of=log.height)
