"""Bad input: the message names file, line, column and a fix; what was published stays published."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import NamedTuple

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from etl.cli import app
from etl.settings import Folders
from etl.store import current_path
from tests.helpers import Row, ask, csv_text, figures, ledger, rewrite, rows_of, run

DOD = "us_funding/dod_hma.csv"
COUNTRY = "us_funding/us_cwd_country_fy.csv"
TREATIES = "world/treaty_status.csv"
CONTAMINATION = "world/contamination.csv"

Bytes = Callable[[bytes], bytes]


def hma(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def said(result: Result) -> str:
    """Everything that was printed, with line breaks as spaces."""
    return " ".join((result.stdout + " " + result.stderr).split())


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")


def cell(line: int, column: str, text: str) -> Bytes:
    """Write ``text`` into one cell of the row that starts on ``line`` (rows of one line each)."""

    def change(content: bytes) -> bytes:
        header, *lines = content.decode().split("\n")
        names, rows = _parse(header, lines)
        rows[line - 2][column] = text
        return csv_text(names, rows).encode()

    return change


def _parse(header: str, lines: list[str]) -> tuple[list[str], list[Row]]:
    reader = csv.DictReader([header, *filter(None, lines)])
    return list(reader.fieldnames or ()), [dict(row) for row in reader]


def replace(old: bytes, new: bytes) -> Bytes:
    def change(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new, 1)

    return change


class Slip(NamedTuple):
    """One way to spoil a file, and what the message must say."""

    source: str
    file: str
    change: Bytes
    message: tuple[str, ...]


SLIPS = {
    "a missing column": Slip(
        "dod_hma", DOD, replace(b",amount_usd,", b",dollars,"),
        (f"{DOD} line 1 lacks the column amount_usd", "it has fiscal_year", "Restore the column"),
    ),
    "a repeated column": Slip(
        "dod_hma", DOD, replace(b",note\r\n", b",note,status\r\n"),
        (f"{DOD} line 1 repeats the column status", "keep one"),
    ),
    "swapped headings": Slip(
        "state_tweis", COUNTRY,
        replace(b"amount_usd,amount_as_printed", b"amount_as_printed,amount_usd"),
        (f"{COUNTRY} line 2, column amount_usd: not an amount of money: '12,548'", "write dollars"),
    ),
    "a letter in a number": Slip(
        "dod_hma", DOD, cell(2, "amount_usd", "67O8000"),
        (f"{DOD} line 2, column amount_usd: not an amount of money: '67O8000'", "write dollars as digits"),
    ),
    "digits of another script": Slip(
        "dod_hma", DOD, cell(2, "amount_usd", "٦٧٠٨"),
        (f"{DOD} line 2, column amount_usd: not an amount of money", "write dollars as digits"),
    ),
    "a negative count": Slip(
        "landmine_monitor", "casualties/monitor_country_year.csv", cell(2, "total", "-848"),
        ("casualties/monitor_country_year.csv line 2, column total: breaks the rule min", "data dictionary"),
    ),
    "a year out of range": Slip(
        "state_tweis", COUNTRY, cell(2, "fiscal_year", "20155"),
        (f"{COUNTRY} line 2, column year: breaks the rule max", "'20155'", "data dictionary"),
    ),
    "half a mission": Slip(
        "dod_hma", DOD, cell(31, "value", "2.5"),
        (f"{DOD} line 31, column value: not a whole number: '2.5'", "write digits only"),
    ),
    "a date in words": Slip(
        "landmine_monitor", CONTAMINATION, cell(2, "as_of", "about 2004"),
        (f"{CONTAMINATION} line 2, column as_of: not a date: 'about 2004'", "write YYYY-MM-DD"),
    ),
    "an unknown category": Slip(
        "dod_hma", DOD, cell(2, "status", "reportedly"),
        (f"{DOD} line 2, column status: unknown category: 'reportedly'", "add it to the table"),
    ),
    "an unknown treaty": Slip(
        "treaties", TREATIES, cell(2, "treaty", "NPT"),
        (f"{TREATIES} line 2, column treaty: breaks the rule", "data dictionary"),
    ),
    "an empty obligatory cell": Slip(
        "treaties", TREATIES, cell(2, "source_url", ""),
        (f"{TREATIES} line 2, column source_url: breaks the rule nullability", "data dictionary"),
    ),
    "a duplicate key": Slip(
        "dod_hma", DOD, lambda content: content + content.splitlines(keepends=True)[1],
        (f"{DOD} line 2: duplicate key in funding", f"{DOD} line 36: duplicate key", "remove one or tell"),
    ),
    "doubled rows": Slip(
        "treaties", TREATIES, lambda content: content + content.split(b"\n", 1)[1],
        ("duplicate key in treaty_status: 'treaty_status; ", "remove one", "and 762 more"),
    ),
    "a file in Latin-1": Slip(
        "dod_hma", DOD, replace(b"Chad,", "Côte d'Ivoire,".encode("latin-1")),
        (f"{DOD} line 33 is not UTF-8", "0xf4", "save the file as UTF-8"),
    ),
    "a file in UTF-16": Slip(
        "dod_hma", DOD, lambda content: content.decode().encode("utf-16"),
        (f"{DOD} line 1 is not UTF-8", "save the file as UTF-8"),
    ),
    "an empty file": Slip(
        "dod_hma", DOD, lambda _: b"", (f"{DOD} is empty", "restore it from version control"),
    ),
    "a file of one byte order mark": Slip(
        "dod_hma", DOD, lambda _: b"\xef\xbb\xbf", (f"{DOD} is empty", "restore it"),
    ),
    "a heading without rows": Slip(
        "dod_hma", DOD, lambda content: content.split(b"\n")[0] + b"\n",
        ("0 entries, at least 34 expected", "was a file cut short?"),
    ),
    "a cut in the middle of a row": Slip(
        "dod_hma", DOD, lambda content: content[: content.index(b"Chad,")],
        (f"{DOD} line 33 does not end with a line break", "cut short", "restore the file"),
    ),
    "a row cut and its line ended": Slip(
        "dod_hma", DOD, lambda content: content[: content.index(b"Chad,")] + b"\n",
        (f"{DOD} line 33: wrong number of cells", "where the header has 14", "check commas and quotes"),
    ),
    "a last row dropped whole": Slip(
        "dod_hma", DOD, lambda content: content[: content.rstrip(b"\n").rindex(b"\n") + 1],
        ("33 entries, at least 34 expected", "change min_entries in etl/sources/dod_hma/source.yml"),
    ),
    "a quotation mark left open": Slip(
        "dod_hma", DOD, lambda content: content[: content.index(b", Disaster, and")] + b"\n",
        (f"{DOD} line 2 is not valid CSV", "check its quotation marks"),
    ),
    "one comma too many": Slip(
        "dod_hma", DOD, replace(b"2002,OHDACA Humanitarian Mine", b"2002,,OHDACA Humanitarian Mine"),
        (f"{DOD} line 2: wrong number of cells", "15 cells where the header has 14"),
    ),
    "a formula for a number": Slip(
        "dod_hma", DOD, cell(2, "amount_usd", '=HYPERLINK("http://evil.example")'),
        (f"{DOD} line 2, column amount_usd: not an amount of money: '=HYPERLINK", "write dollars"),
    ),
    "a script for a number": Slip(
        "dod_hma", DOD, cell(2, "amount_usd", "<script>alert(1)</script>"),
        (f"{DOD} line 2, column amount_usd: not an amount of money: '<script>", "write dollars"),
    ),
    "markup of the terminal for a number": Slip(
        "dod_hma", DOD, cell(2, "amount_usd", "[bold]6708000[/bold]"),
        (f"{DOD} line 2, column amount_usd: not an amount of money: '[bold]6708000[/bold]'",),
    ),
    "a right-to-left mark in a number": Slip(
        "dod_hma", DOD, cell(2, "amount_usd", "\u200f6708000"),
        (f"{DOD} line 2, column amount_usd: not an amount of money", "write dollars"),
    ),
    "a NUL in a cell": Slip(
        "dod_hma", DOD, cell(3, "note", "a\x00b"),
        (f"{DOD} line 3 holds a NUL character", "remove it"),
    ),
    "a megabyte in a cell": Slip(
        "dod_hma", DOD, cell(3, "note", "x" * 1_000_000),
        (f"{DOD} line 3 is not valid CSV (field larger than field limit",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS)
def test_a_slip_is_named_with_its_place_and_fix_and_the_published_figures_stay(
    published: Folders, slip: Slip
) -> None:
    before, path = figures(published), published.transcribed / slip.file
    path.write_bytes(slip.change(path.read_bytes()))
    result = hma("refresh", slip.source)
    assert result.exit_code == 3, result.output
    for part in (*slip.message, f"{slip.source} kept its last good figures"):
        assert part in said(result)
    assert figures(published) == before

    in_use = current_path(published.ledger)
    again = hma("refresh", slip.source)
    assert again.exit_code == 3
    assert "Nothing changed" in again.stdout
    assert current_path(published.ledger) == in_use


def test_a_held_file_is_on_the_record_until_it_is_mended(published: Folders) -> None:
    path, good = published.transcribed / DOD, (published.transcribed / DOD).read_bytes()
    path.write_bytes(cell(2, "amount_usd", "67O8000")(good))
    hma("refresh", "dod_hma")
    assert "on hold dod_hma" in said(hma("status"))
    assert ask(published, 'SELECT "column", raw_value FROM rejects') == [("amount_usd", "67O8000")]
    path.write_bytes(good)
    mended = hma("refresh", "dod_hma")
    assert mended.exit_code == 0
    assert "on hold" not in said(hma("status"))
    assert ask(published, "SELECT count(*) FROM rejects") == [(0,)]


def test_a_missing_file_is_named_and_its_figures_and_findings_stay(published: Folders) -> None:
    before = figures(published)
    issues = ask(published, "SELECT * FROM issues")
    assert issues
    (published.transcribed / CONTAMINATION).unlink()
    result = hma("refresh", "landmine_monitor")
    assert result.exit_code == 3
    assert f"{CONTAMINATION} is missing from" in said(result)
    assert "restore the file" in said(result)
    assert figures(published) == before
    assert ask(published, "SELECT * FROM issues") == issues
    again = hma("refresh", "landmine_monitor")
    assert (again.exit_code, "Nothing changed" in again.stdout) == (3, True)


def test_an_unknown_country_is_an_entry_without_an_area_and_an_issue(published: Folders) -> None:
    def add(rows: list[Row]) -> list[Row]:
        return [*rows, rows[0] | {"country": "Vietnamia"}]

    last = len(rows_of(published.transcribed / COUNTRY)[1]) + 2
    rewrite(published, COUNTRY, add)
    result = hma("refresh", "state_tweis")
    assert result.exit_code == 0
    assert f"{COUNTRY} line {last}, column area_as_printed: unknown area: 'Vietnamia'" in said(
        result
    )
    assert "add the spelling to data/reference/areas.csv" in said(result)
    assert ask(
        published,
        "SELECT area, amount_usd::BIGINT FROM funding WHERE area_as_printed = 'Vietnamia'",
    ) == [(None, 12_548_000)]
    assert ask(
        published, "SELECT locator, rule FROM issues WHERE source_id = 'state_tweis'"
    ) == [(f"{COUNTRY} line {last}", "unknown area")]  # fmt: skip
    assert "Nothing changed" in hma("refresh", "state_tweis").stdout


def test_text_that_looks_like_code_is_kept_as_text(published: Folders) -> None:
    texts = [
        '=HYPERLINK("http://evil.example","x")', "<script>alert(1)</script>",
        "[x](javascript:alert(1))", "\u202egnp.exe", "'; DROP TABLE funding; --", "{table}",
    ]  # fmt: skip
    noted = [{"note": text} for text in texts]

    def note(rows: list[Row]) -> list[Row]:
        return [row | one for row, one in zip(rows, noted, strict=False)] + rows[len(noted) :]

    rewrite(published, DOD, note)
    result = hma("refresh", "dod_hma")
    assert result.exit_code == 0, result.output
    query = "SELECT note FROM funding WHERE source_id = 'dod_hma' AND revision = 2 ORDER BY locator"
    assert sorted(ask(published, query)) == sorted((text,) for text in texts)


def test_whole_columns_in_another_order_change_no_figure(published: Folders) -> None:
    before, path = figures(published), published.transcribed / DOD
    header, rows = rows_of(path)
    path.write_text(csv_text(header[::-1], rows), encoding="utf-8")
    result = hma("refresh", "dod_hma")
    assert result.exit_code == 0
    assert figures(published) == before


def test_windows_line_ends_and_a_byte_order_mark_change_no_figure(published: Folders) -> None:
    before, path = figures(published), published.transcribed / DOD
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert hma("refresh", "dod_hma").exit_code == 0
    assert figures(published) == before


def test_a_tampered_archive_stops_its_source_and_keeps_its_figures(published: Folders) -> None:
    before = figures(published)
    with ledger(published) as con:
        sha256 = con.execute(
            "SELECT vintage_sha256 FROM vintages WHERE file = ?", [DOD]
        ).fetchall()[0][0]
    path = published.archive / "sha256" / sha256[:2] / sha256
    path.write_bytes(path.read_bytes().replace(b"6.708", b"9.708"))
    result = hma("refresh", "dod_hma")
    assert result.exit_code == 3
    assert "no longer has its SHA-256" in said(result)
    assert figures(published) == before


def test_areas_that_share_a_spelling_stop_the_refresh(published: Folders) -> None:
    before, path = figures(published), published.reference / "areas.csv"
    header, rows = rows_of(path)
    for row in rows:
        if row["area"] in {"VNM", "LAO"}:
            row["spellings"] = "Indochina"
    path.write_text(csv_text(header, rows), encoding="utf-8")
    result = hma("refresh")
    assert result.exit_code == 3
    assert "areas.csv gives the same spelling to two areas: indochina" in said(result)
    assert figures(published) == before


def test_a_panic_of_a_library_puts_its_own_source_on_hold_and_ends_nothing_else(
    workspace: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def panic(*_: object) -> None:
        raise pl.exceptions.PanicException("a bit is wrong")

    assert not issubclass(pl.exceptions.PanicException, Exception)
    monkeypatch.setattr("etl.sources.program_events.read.read", panic)
    outcome = run(workspace, "program_events", "treaties")
    assert [source.source_id for source in outcome.failed] == ["program_events"]
    assert "a bit is wrong" in str(outcome.failed[0].failure)
    assert ask(workspace, "SELECT count(*) > 0 FROM treaty_status") == [(True,)]
