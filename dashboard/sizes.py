"""How large a download will be, said before it is begun.

The rows are counted. The bytes follow from a few hundred rows of the table, written once a ledger in
each format, so they are near and not exact: pages say "about".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dashboard.answer import Answer, Question
from dashboard.current import limits
from dashboard.downloads import FORMATS, TooLargeError

SAMPLE_ROWS: Final = 300
MOST_KNOWN: Final = 500
THOUSAND: Final = 1000
FEW: Final = 10  # below it a decimal says something
Weight = tuple[int, float]  # bytes of a file without rows, and of each row

_known: dict[tuple[str, int | None, str], Mapping[str, Weight]] = {}


def estimates(answer: Answer) -> dict[str, int]:
    """About how many bytes the answer takes in each format that can hold it.

    Raises:
        TooLongError: counting took too long.
    """
    rows = answer.rows
    return {
        ending: round(empty + each * rows)
        for ending, (empty, each) in _weights(answer).items()
        if ending != "xlsx" or rows <= limits().max_rows_xlsx
    }


def _weights(answer: Answer) -> Mapping[str, Weight]:
    key = (answer.lease.ledger, answer.lease.as_of, answer.table)
    if key not in _known:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[key] = _weigh(answer)
    return _known[key]


def _weigh(answer: Answer) -> dict[str, Weight]:
    sample = min(SAMPLE_ROWS, limits().max_rows_xlsx)
    empty, few = (Answer(Question(answer.table, limit=rows), answer.lease) for rows in (0, sample))
    found = {}
    for ending, one in FORMATS.items():
        try:
            least, more = (sum(map(len, one.pieces(part))) for part in (empty, few))
        except TooLargeError:  # a text longer than a cell; the API says so to whoever asks
            continue
        found[ending] = (least, (more - least) / few.rows if few.rows else 0.0)
    return found


def words(size: int) -> str:
    """A size as people say it: '850 bytes', '12 KB', '3.4 MB'."""
    number, unit = float(size), "bytes"
    for larger in ("KB", "MB", "GB"):
        if number < THOUSAND:
            break
        number, unit = number / THOUSAND, larger
    return f"{number:.1f} {unit}" if unit != "bytes" and number < FEW else f"{number:.0f} {unit}"
