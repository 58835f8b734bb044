"""The guard holds a vintage that moves too far; a person lets it in or drops it, and that is kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from typer.testing import CliRunner, Result

from etl.cli import app
from etl.refresh import Outcome, refresh
from etl.settings import Folders
from etl.sources import GuardLimits, all_sources
from etl.store import current_path
from tests.helpers import Change, Row, ask, figures, rewrite, run

COUNTRY = "us_funding/us_cwd_country_fy.csv"
CASUALTIES = "casualties/monitor_country_year.csv"
EVENTS = "us_funding/program_events.csv"
PRICES = "context/us_price_indexes.csv"
DOD = "us_funding/dod_hma.csv"


def each(change: Callable[[Row], Row]) -> Change:
    return lambda rows: [change(row) for row in rows]


def every(step: int, change: Callable[[Row], Row]) -> Change:
    """Change every ``step``-th row."""
    return lambda rows: [
        change(row) if index % step == 0 else row for index, row in enumerate(rows)
    ]


def times(column: str, factor: float) -> Callable[[Row], Row]:
    return lambda row: row | {column: f"{float(row[column]) * factor:g}"} if row[column] else row


def exchanged(first: str, second: str) -> Callable[[Row], Row]:
    return lambda row: row | {first: row[second], second: row[first]}


class Move(NamedTuple):
    """A vintage whose every row is well formed, and the check that holds it all the same."""

    source: str
    file: str
    change: Change
    rule: str
    says: str


MOVES = {
    "one price index in a hundred, and another": Move(
        "us_price_indexes", PRICES, every(60, times("value", 1000)), "unit jump",
        r"3 values of deflators\.value .*us_price_indexes\.csv line 2, [\d.]+ became [\d,]+",
    ),
    "killed and injured exchanged": Move(
        "landmine_monitor", CASUALTIES, each(exchanged("killed", "injured")), "exchanged columns",
        r"killed and injured have changed places in \d+ entries of casualties",
    ),
    "an event of next year": Move(
        "program_events", EVENTS,
        lambda rows: [rows[0] | {"date": f"{datetime.now(UTC).year + 1}-01-01"}, *rows[1:]],
        "future date", r"line 2, column date: a date after \d{4}-\d{2}-\d{2}",
    ),
    "one row under another name": Move(
        "program_events", EVENTS,
        lambda rows: [rows[0] | {"event": "another event"}, *rows[1:]],
        "withdrawn", r"1 of 31 entries in program_events would be withdrawn, at most 0 %",
    ),
    "every value a tenth more": Move(
        "us_price_indexes", PRICES, each(times("value", 1.1)), "revised",
        r"1\d\d of 129 entries in deflators would be revised, at most 25 %",
    ),
    "every fifth value doubled and more": Move(
        "us_price_indexes", PRICES, every(5, times("value", 3)), "total changed",
        r"the sum of deflators\.value over the entries that stay goes from",
    ),
    "values that go missing": Move(
        "landmine_monitor", CASUALTIES, every(20, lambda row: row | {"children": "", "women": ""}),
        "values blanked", r"\d+ of \d+ values of casualties\.(children|women) would become missing",
    ),
    "amounts that slip against their words": Move(
        "state_tweis", COUNTRY,
        lambda rows: [
            row | {"amount_usd": rows[index - 1]["amount_usd"]} if 20 <= index < 60 else row
            for index, row in enumerate(rows)
        ],
        "words unchanged", r"\d+ values of amount_usd change though amount_as_printed stays",
    ),
    "more rows added than there were": Move(
        "program_events", EVENTS,
        lambda rows: [*rows, *(row | {"event": f"{row['event']} {n}"} for row in rows for n in "ab")],
        "added", r"62 of 31 entries in program_events would be added",
    ),
}  # fmt: skip


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_a_vintage_that_moves_too_far_is_held_by_the_check_that_names_it(
    published: Folders, move: Move
) -> None:
    before, digests = current_path(published.ledger), figures(published)
    rewrite(published, move.file, move.change)
    outcome = run(published, move.source).sources[0]
    assert outcome.hold
    assert outcome.hold.rule == move.rule, outcome.hold
    assert re.search(move.says, outcome.hold.message), outcome.hold.message
    assert current_path(published.ledger) != before, "the hold itself is published"
    assert figures(published) == digests
    held = ask(published, "SELECT source_id, rule FROM holds")
    assert held == [(move.source, move.rule)]
    assert run(published, move.source).published is None, "the same hold is not news twice"


def test_what_is_held_is_in_the_archive(published: Folders) -> None:
    rewrite(published, EVENTS, MOVES["one row under another name"].change)
    run(published, "program_events")
    content = (published.transcribed / EVENTS).read_bytes()
    sha256 = ask(published, "SELECT vintage_sha256 FROM vintages WHERE status = 'held'")[0][0]
    assert (published.archive / "sha256" / sha256[:2] / sha256).read_bytes() == content


def test_the_first_vintage_of_a_source_is_not_compared_with_nothing(workspace: Folders) -> None:
    assert not run(workspace, "program_events").failed


def hma(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def held_event(published: Folders) -> str:
    """Put the source of events on hold; gives the first digits of the held file."""
    rewrite(published, EVENTS, MOVES["one row under another name"].change)
    outcome: Outcome = run(published, "program_events")
    return outcome.sources[0].vintages[0].sha256[:12]


NAMES = "SELECT count(*) FROM program_events WHERE event = 'another event'"


def test_an_accepted_vintage_is_used_and_who_and_why_are_kept(published: Folders) -> None:
    digits = held_event(published)
    answer = hma(
        "accept", "program_events", digits, "--because", "renamed on purpose", "--who", "Ada"
    )
    assert answer.exit_code == 0, answer.output
    assert ask(published, NAMES) == [(1,)]
    assert ask(published, "SELECT verdict, who, because FROM decisions") == [
        ("accepted", "Ada", "renamed on purpose")
    ]
    assert ask(published, "SELECT overruled FROM decisions")[0][0].startswith("1 of 31 entries")
    assert ask(published, "SELECT * FROM holds") == []
    again = run(published, "program_events")
    assert (again.failed, again.published) == ([], None), "the same bytes are not held again"


def test_a_rejected_vintage_is_not_used_and_no_longer_a_failure(published: Folders) -> None:
    digits, before = held_event(published), figures(published)
    answer = hma("reject", "program_events", digits, "--because", "a slip of the pen")
    assert answer.exit_code == 0, answer.output
    assert figures(published) == before
    assert ask(published, "SELECT * FROM holds") == []
    again = run(published, "program_events")
    assert (again.failed, again.published) == ([], None)
    assert again.sources[0].status == "rejected"
    thought_again = hma("accept", "program_events", digits, "--because", "it was right after all")
    assert thought_again.exit_code == 0, thought_again.output
    assert ask(published, NAMES) == [(1,)]


def test_other_code_that_reads_the_same_bytes_otherwise_is_not_held(published: Folders) -> None:
    areas = published.reference / "areas.csv"
    text = areas.read_text(encoding="utf-8")
    moved = re.sub(r"(?m)^VNM,Vietnam,", "VNM,Nowhere,", text)
    assert moved != text
    areas.write_text(moved.replace("COL,Colombia,", "COL,Elsewhere,"), encoding="utf-8")
    limits = {"guard": GuardLimits(max_revised_percent=0)}
    spec = all_sources()["state_tweis"].model_copy(update=limits)
    outcome = refresh(published, [spec]).sources[0]
    assert outcome.changes["revised"] > 5
    assert outcome.hold is None


def test_an_old_vintage_brought_back_over_a_newer_one_is_looked_at_again(
    published: Folders,
) -> None:
    digits = held_event(published)
    renamed = (published.transcribed / EVENTS).read_bytes()
    hma("accept", "program_events", digits, "--because", "renamed on purpose")
    rewrite(published, EVENTS, lambda rows: [rows[0] | {"event": "a third name"}, *rows[1:]])
    third = run(published, "program_events").sources[0].vintages[0].sha256[:12]
    hma("accept", "program_events", third, "--because", "renamed again")
    (published.transcribed / EVENTS).write_bytes(renamed)
    assert run(published, "program_events").sources[0].hold


def test_a_person_can_think_again(published: Folders) -> None:
    digits = held_event(published)
    hma("accept", "program_events", digits, "--because", "renamed on purpose")
    (published.transcribed / EVENTS).write_bytes(
        (published.archive / "sha256" / _first(published)[:2] / _first(published)).read_bytes()
    )
    back = run(published, "program_events")
    assert back.sources[0].hold, "going back withdraws the renamed row, so it is held as well"
    assert (
        hma("accept", "program_events", _first(published)[:12], "--because", "back").exit_code == 0
    )
    assert ask(published, NAMES) == [(0,)]
    changes = ask(
        published, "SELECT added, revised, withdrawn, restored FROM refreshes ORDER BY refresh"
    )
    assert changes[-1] == (0, 0, 1, 1)


def _first(published: Folders) -> str:
    query = "SELECT vintage_sha256 FROM vintages WHERE file = ? ORDER BY recorded_in LIMIT 1"
    return str(ask(published, query, EVENTS)[0][0])


@pytest.mark.parametrize("verdict", ["accept", "reject"])
def test_a_decision_needs_a_hold_a_vintage_and_a_reason(published: Folders, verdict: str) -> None:
    nothing = hma(verdict, "program_events", "0" * 12, "--because", "x")
    assert (nothing.exit_code, "no vintage on hold" in nothing.output) == (5, True)
    digits = held_event(published)
    other = hma(verdict, "program_events", "0" * 12, "--because", "x")
    assert other.exit_code == 5
    assert digits in other.output, "the message names the vintage that is on hold"
    assert hma(verdict, "program_events", digits, "--because", " ").exit_code == 2
    assert hma(verdict, "program_events", digits).exit_code == 2
    assert ask(published, "SELECT * FROM decisions") == []


def test_what_cannot_be_read_cannot_be_accepted(published: Folders) -> None:
    (published.transcribed / EVENTS).write_bytes(b"\xff\xfe not a table\n")
    digits = run(published, "program_events").sources[0].vintages[0].sha256[:12]
    before = current_path(published.ledger)
    answer = hma("accept", "program_events", digits, "--because", "let it in")
    assert answer.exit_code == 3
    assert "not UTF-8" in " ".join(answer.output.split())
    assert current_path(published.ledger) == before
    assert ask(published, "SELECT * FROM decisions") == []


def test_accepting_leaves_rejected_rows_out_and_keeps_their_reasons(published: Folders) -> None:
    rewrite(published, DOD, lambda rows: [rows[0] | {"amount_usd": "67O8000"}, *rows[1:]])
    digits = run(published, "dod_hma").sources[0].vintages[0].sha256[:12]
    assert hma("accept", "dod_hma", digits, "--because", "one row is unreadable").exit_code == 0
    assert ask(published, 'SELECT "column", raw_value FROM rejects') == [("amount_usd", "67O8000")]
    assert ask(published, "SELECT count(*) FROM funding WHERE source_id = 'dod_hma'") == [(27,)]


def test_a_missing_file_is_on_hold_and_in_the_status(published: Folders) -> None:
    (published.transcribed / EVENTS).unlink()
    outcome = run(published, "program_events")
    assert outcome.published
    assert outcome.sources[0].hold
    assert outcome.sources[0].hold.rule == "missing file"
    answer = hma("status")
    assert "on hold program_events since refresh 2 (missing file)" in " ".join(
        answer.output.split()
    )
    assert hma("accept", "program_events", "0" * 12, "--because", "x").exit_code == 5


def test_findings_of_earlier_vintages_are_remembered(published: Folders) -> None:
    rewrite(published, DOD, lambda rows: [rows[0] | {"amount_usd": "67O8000"}, *rows[1:]])
    run(published, "dod_hma")
    rewrite(published, DOD, lambda rows: [rows[0] | {"amount_usd": "6708000"}, *rows[1:]])
    run(published, "dod_hma")
    assert ask(published, "SELECT count(*) FROM rejects") == [(0,)]
    kept = ask(published, "SELECT raw_value, recorded_in, ended_in FROM history.rejects")
    assert kept == [("67O8000", 2, 3)]
