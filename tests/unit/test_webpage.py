"""What of a watched page counts, and what does not."""

from __future__ import annotations

from collections.abc import Sequence
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from etl.sources import PageSpec
from etl.webpage import Essence, PageError, changes, essence, numbers_of

ROWS = [
    ("Albania", "8 Sep 1998", "29 Feb 2000"),
    ("Poland", "4 Dec 1997", "27 Dec 2012"),
    ("Tonga", "", "3 Mar 2025 a"),
]


def page_of(**said: object) -> PageSpec:
    return PageSpec.model_validate(
        {
            "title": "Status", "address": "status", "must_contain": "Mine Ban",
            "instruction": "Transcribe it.", **said,
        }
    )  # fmt: skip


TABLE = page_of(table=["Participant", "Accession"])
EDITION = page_of(must_contain="Monitor", edition=r"Monitor (20\d\d)", edition_read="2023")
TEXT = page_of()
MOST_SECONDS = 10  # of one processor; quadratic time takes minutes


def status(rows: Sequence[tuple[str, ...]], *, session: str = "a1", around: str = "") -> bytes:
    """A page of the depositary's form: tables within tables, a session's number, a time stamp."""
    body = "".join(
        f"<tr>{''.join(f'<td><span> {cell}</span></td>' for cell in row)}</tr>" for row in rows
    )
    return f"""<!DOCTYPE html><html><head><title>Mine Ban</title><script>var s="{session}"</script></head>
    <body><form action="?sid={session}"><input type="hidden" value="{session}">
    <p>Status as at {session}</p>{around}
    <table><tr><td><table><tr><th>Participant</th><th>Signature</th><th>Acceptance(A), Accession(a)</th></tr>
    {body}</table></td></tr></table></form></body></html>""".encode()


def test_a_session_number_a_style_and_the_order_of_rows_are_no_change() -> None:
    before = essence(TABLE, status(ROWS))
    after = essence(TABLE, status(ROWS[::-1], session="b2", around="<p>News of today</p>"))
    assert before == after
    assert before.lines == (
        "Albania | 8 Sep 1998 | 29 Feb 2000",
        "Poland | 4 Dec 1997 | 27 Dec 2012",
        "Tonga | | 3 Mar 2025 a".replace("| |", "|  |"),
    )


def test_a_date_a_joiner_and_one_who_left_are_told_row_by_row() -> None:
    before = essence(TABLE, status(ROWS))
    rows = [ROWS[0], ("Poland", "4 Dec 1997", "28 Dec 2012"), ("Sudan", "", "13 Oct 2003")]
    said = changes(before, essence(TABLE, status(rows)))
    assert said == (
        "Poland | 4 Dec 1997 | 27 Dec 2012 → Poland | 4 Dec 1997 | 28 Dec 2012; "
        "gone: Tonga |  | 3 Mar 2025 a; new: Sudan |  | 13 Oct 2003"
    )


@pytest.mark.parametrize("note", ["<sup>7</sup>", "<sup><a href='#7'>7</a></sup>", " 7", " 7, 8"])
def test_a_new_footnote_counts_and_another_number_for_it_does_not(note: str) -> None:
    def noted(said: str) -> Essence:
        return essence(TABLE, status([ROWS[0], (f"Poland{said}", *ROWS[1][1:]), ROWS[2]]))

    assert changes(essence(TABLE, status(ROWS)), noted(note)) == (
        "Poland | 4 Dec 1997 | 27 Dec 2012 → Poland * | 4 Dec 1997 | 27 Dec 2012"
    )
    assert noted(note) == noted("<sup>9</sup>")


@pytest.mark.parametrize(
    ("said", "newest"),
    [
        ("Monitor 2023. Monitor 2025, Monitor 2024", (2025,)),
        ("<b>Monitor</b>\n 2024", (2024,)),
    ],
)
def test_the_highest_edition_that_a_page_names_is_its_edition(
    said: str, newest: tuple[int, ...]
) -> None:
    assert essence(EDITION, f"<p>{said}</p>".encode()).edition == newest


@pytest.mark.parametrize(
    ("page", "content", "message"),
    [
        (TABLE, b"<title>Sign in</title><form>Password</form>", "does not contain 'Mine Ban'"),
        (TABLE, b"<p>Mine Ban</p><table><tr><td>Participant</td></tr></table>", "no table with rows"),
        (TABLE, status([]), "no table with rows"),
        (EDITION, b"<p>The Monitor is being redesigned", "names no edition"),
        (page_of(marks=[r"Parties: \d+"]), b"<p>Mine Ban", "does not say"),
        (TEXT, b"", "it is empty"),
        (TEXT, b"\x00\x00", "cannot be read|does not contain"),
        (TEXT, b"<script>Mine Ban</script><p>Error 500</p>", "does not contain"),
    ],
)  # fmt: skip
def test_a_page_that_is_not_the_one_is_an_error_and_no_change(
    page: PageSpec, content: bytes, message: str
) -> None:
    with pytest.raises(PageError, match=message):
        essence(page, content)


def test_of_a_text_what_is_declared_to_change_is_left_out() -> None:
    page = page_of(ignore=[r"Status as at \w+"])
    assert essence(page, status(ROWS)) == essence(page, status(ROWS, session="b2"))
    assert essence(TEXT, status(ROWS)) != essence(TEXT, status(ROWS, session="b2"))


def test_a_number_beside_the_table_counts_if_it_is_named() -> None:
    page = page_of(table=["Participant"], marks=[r"Parties ?: ?\d+"])
    before = essence(page, status(ROWS, around="<p>Parties : 164</p>"))
    after = essence(page, status(ROWS, around="<p>Parties : 161</p>"))
    assert changes(before, after) == "gone: Parties : 164; new: Parties : 161"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_whatever_bytes_come_they_are_a_page_or_an_error(content: bytes) -> None:
    for page in (TABLE, EDITION, TEXT):
        try:
            found = essence(page, b"<p>Mine Ban Monitor 2024 " + content)
        except PageError:
            continue
        assert all(isinstance(line, str) for line in found.lines)


@pytest.mark.parametrize(
    "said",
    [
        {"edition": r"Monitor 20\d\d", "edition_read": "2023"},
        {"edition": r"Monitor (20\d\d)"},
        {"edition": r"(\d+)", "edition_read": "1", "table": ["Participant"]},
        {"must_contain": "("},
        {"table": ["Participant"], "ignore": ["x"]},
    ],
)
def test_a_declaration_that_compares_no_one_thing_is_refused(said: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        page_of(**said)


def test_a_date_is_an_edition_too() -> None:
    assert numbers_of("2026-01-02") > numbers_of("2025-12-31")


@pytest.mark.parametrize(
    "rows",
    [
        [("," * 200_000 + "x", "1 Jan 2000")],
        [("1, " * 60_000, "1 Jan 2000")],
        [(f"Land {number}", "") for number in range(30_000)],
    ],
    ids=["commas", "numbers", "rows"],
)
def test_a_hostile_page_costs_no_more_than_its_size(rows: list[tuple[str, ...]]) -> None:
    clock = process_time()
    found = essence(TABLE, status(rows))
    said = changes(found, essence(TABLE, status([(f"{name} x", day) for name, day in rows])))
    assert said
    assert process_time() - clock < MOST_SECONDS


def test_tables_within_tables_are_read_as_far_as_any_layout_goes() -> None:
    few, many = (b"Mine Ban" + b"<table><tr><td>" * depth + status(ROWS) for depth in (10, 60))
    assert essence(TABLE, few) == essence(TABLE, status(ROWS))
    with pytest.raises(PageError, match="tables lie within one another"):
        essence(TABLE, many)
