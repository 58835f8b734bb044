"""Asking the OECD for purpose 15250: its query service, or the bulk files if it lets us.

The query is the way that is used. It answers with the few rows that are wanted, and programs may ask
it; the bulk files hold the whole of the CRS and stand behind a browser check, which is not gone
around. A refusal says so: the file can be saved in a browser and handed over.

Each question is asked period by period, since a long answer takes minutes. A period without records
is normal at both ends; no records at all means that the version of the dataflow is the wrong one.
Files of an earlier way or other periods would hold the same money twice, so they are replaced by a
line that says so.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Final

from etl.asking import address_of, shown
from etl.fetch import FetchError
from etl.session import Session
from etl.sources.oecd_crs.read import REPLACED

DATA: Final = "dcd-public/rest/data/OECD.DCD.FSD,DSD_CRS@DF_CRS"
DIMENSIONS: Final = 11
_NO_RECORDS: Final = re.compile(r"No(Records|Results)Found", re.IGNORECASE)
_OLD_FILE: Final = "https://stats.oecd.org/wbos/fileview2.aspx?IDFile="
_BROWSER_CHECK: Final = {"HTML page", "forbidden"}


def fetch(session: Session) -> None:
    """Bring everything up to date.

    Raises:
        FetchError: nothing was answered, an answer is a page for people, or an option is none.
    """
    way = session.options["way"]
    ways = {"query": _ask, "files": _take_files}
    if way not in ways:
        raise FetchError(
            f"way: {way!r} in source.yml is none of {', '.join(ways)}", "wrong content"
        )
    ways[way](session)
    _replace_others(session)


# The query


def _ask(session: Session) -> None:
    """Every question for every period."""
    questions = session.options["questions"]
    if not questions:
        raise FetchError("source.yml asks no questions; name one", "wrong content")
    for name, key in questions.items():
        if key.count(".") != DIMENSIONS - 1:
            raise FetchError(
                f"question {name!r} in source.yml has {key.count('.') + 1} dimensions, {DIMENSIONS} are "
                "needed",
                "wrong content",
            )
        answered = [_period(session, name, key, period) for period in _periods(session)]
        if not any(answered):
            raise FetchError(
                f"the OECD has no records for {name} ({key}) in any year of dataflow version "
                f"{session.options['version'] or 'newest'}; while it prepares a release the newest is "
                "empty. Try later, or name the version before in source.yml",
                "wrong content",
            )


def _periods(session: Session) -> Iterator[tuple[int, int]]:
    """First and last years of the periods; they begin in the same years whenever it is asked."""
    length = session.options["years_per_question"]
    for first in range(session.options["first_year"], session.today.year + 1, length):
        yield first, first + length - 1


def _period(session: Session, name: str, key: str, years: tuple[int, int]) -> bool:
    """One question for one period; False if there are no records."""
    address = (
        f"{DATA},{session.options['version']}/{key}?startPeriod={years[0]}&endPeriod={years[1]}"
        "&dimensionAtObservation=AllDimensions&format=csvfilewithlabels"
    )
    try:
        _download(session, f"crs_{name}_{years[0]}-{years[1]}.csv", address)
    except FetchError as error:
        if error.rule == "not found" and _NO_RECORDS.search(str(error)):
            return False
        raise
    return True


# The files


def _take_files(session: Session) -> None:
    """The files that the dataflow names under the wanted labels."""
    answer = session.ask_bytes("GET", session.options["files_at"]).decode("utf-8", "replace")
    named = {label.strip(): place.strip() for label, place in _named(html.unescape(answer))}
    for label in session.options["labels"]:
        place = named.get(label)
        if place is None:
            raise FetchError(
                f"the OECD's dataflow names no file {label!r}; it names {shown(', '.join(named)) if named else 'none'}. "
                "Correct labels in source.yml",
                "not found",
            )
        is_address = place.startswith(("http://", "https://"))
        address = place.replace(" ", "%20") if is_address else f"{_OLD_FILE}{place}"
        address = address_of(session, address, f"{session.options['files_at']} ({label})")
        _download(session, _file_name(label), address)


def _named(text: str) -> list[tuple[str, str]]:
    """Label and place of every file in the document, whatever its markup.

    >>> _named('<T>CRS-Parquet-v20260803-1|https://a.example/CRS.parquet</T>')
    [('CRS-Parquet', 'https://a.example/CRS.parquet')]
    """
    found = []
    for piece in re.split(r'[<>"\n]', text):
        label, _, rest = piece.partition("|")
        place = rest.partition("|")[0]
        if label and place:
            found.append((re.sub(r"-v[0-9]{8}(-[0-9]+)?$", "", label), place))
    return found


def _file_name(label: str) -> str:
    """How a file is called here.

    >>> _file_name("CRS-Parquet"), _file_name("CRS 2004-05 (dotStat format)")
    ('CRS.parquet', 'CRS_2004-05_data.txt')
    """
    if label.lower().endswith("-parquet"):
        return f"{label[: -len('-parquet')]}.parquet"
    name = label.replace("(dotStat format)", "data")
    return f"{re.sub(r'[^A-Za-z0-9.-]+', '_', name).strip('_')}.txt"


# Both


def _download(session: Session, file: str, address: str) -> None:
    try:
        session.download(file, address)
    except FetchError as error:
        if error.rule not in _BROWSER_CHECK:
            raise
        raise FetchError(
            f"{error}. The OECD puts a browser check (a challenge page) before its files, which is not "
            f"gone around: save the file in a browser and give it as a copy named {file}, or set way: "
            "query in source.yml",
            error.rule,
        ) from error


def _replace_others(session: Session) -> None:
    """Files in use that were not fetched now hold the same money: a line takes their place."""
    for file in session.files():
        if file not in session.fetched:
            with session.collect(file, "made here: newer files hold what it held") as add:
                add(REPLACED)
