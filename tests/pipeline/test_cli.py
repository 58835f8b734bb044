"""The ``hma`` command: what it prints, and the exit codes that a script may rely on."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest
from typer.main import get_group
from typer.testing import CliRunner, Result

from etl import start
from etl.cli import COMMANDS, app, main
from etl.publish import writer
from etl.settings import Folders
from etl.sources import all_sources
from etl.tables import FACT_TABLES
from tests.helpers import EMBEDDED, ask, rewrite


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")


def hma(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def said(result: Result) -> str:
    return " ".join((result.stdout + " " + result.stderr).split())


def test_a_first_refresh_shows_each_source_and_what_was_published(workspace: Folders) -> None:
    result = hma("refresh", "--embedded")
    assert result.exit_code == 0, result.output
    lines = {line.split()[0]: line.split() for line in result.stdout.splitlines() if line.strip()}
    assert {"source", "Published", *EMBEDDED} <= set(lines)
    # source, rows, added, revised, withdrawn, rejects, seconds, state
    assert lines["treaties"][:6] == ["treaties", "391", "391", "0", "0", "0"]
    assert lines["state_tweis"][1] == lines["state_tweis"][2]
    assert lines["treaties"][-1] == "ok"
    assert list(workspace.ledger.glob("ledger-000001-*.duckdb"))


def test_a_refresh_without_news_says_so(published: Folders) -> None:
    result = hma("refresh", "treaties", "program_events")
    assert result.exit_code == 0
    assert "Nothing changed; the published ledger stays in use." in said(result)
    assert "landmine_monitor" not in result.stdout


def test_an_unknown_source_is_wrong_usage_and_the_known_ones_are_named(published: Folders) -> None:
    result = hma("refresh", "treatys")
    assert result.exit_code == 2
    assert f"no source is called treatys; the sources are {', '.join(all_sources())}" in said(
        result
    )


@pytest.mark.parametrize("arguments", [["entry"], ["refresh", "--no-such-option"], ["nonsense"]])
def test_wrong_usage_has_exit_code_2(arguments: list[str]) -> None:
    assert hma(*arguments).exit_code == 2


def test_a_source_that_kept_its_last_good_figures_has_exit_code_3(published: Folders) -> None:
    (published.transcribed / "world/treaty_status.csv").write_bytes(b"")
    result = hma("refresh", "treaties", "program_events")
    assert result.exit_code == 3
    assert (
        "treaties kept its last good figures (empty body): world/treaty_status.csv is empty"
        in said(result)
    )
    assert "hma accept" not in said(result), "nobody can accept what cannot be read"


def test_another_refresh_that_is_running_has_exit_code_4(published: Folders) -> None:
    with writer(published.ledger):
        result = hma("refresh", "treaties")
    assert result.exit_code == 4
    assert "another refresh is running" in said(result)


@pytest.mark.parametrize("arguments", [["status"], ["entry", "treaties-0000000000000000"]])
def test_without_a_ledger_the_exit_code_is_5_and_the_message_says_what_to_run(
    workspace: Folders, arguments: list[str]
) -> None:
    result = hma(*arguments)
    assert result.exit_code == 5
    assert "no ledger has been published yet; run: hma refresh" in said(result)


def test_status_counts_every_table_as_the_ledger_does(published: Folders) -> None:
    result = hma("status")
    assert result.exit_code == 0
    assert "refresh 1, finished" in said(result)
    for table in FACT_TABLES:
        (count,) = ask(published, f"SELECT count(*) FROM {table}")[0]
        assert f"{table} {count:,}" in said(result)


def test_status_shows_what_is_on_hold_and_why(published: Folders) -> None:
    rewrite(published, "world/treaty_status.csv", lambda rows: rows[:100])
    assert hma("refresh", "treaties").exit_code == 3
    assert "on hold treaties since refresh 2 (fewer entries): 100 entries, at least 391" in said(
        hma("status")
    )


def test_sources_lists_every_source() -> None:
    result = hma("sources")
    assert result.exit_code == 0
    for source_id, spec in all_sources().items():
        assert source_id in result.stdout
        assert spec.title.split()[0] in result.stdout


def vietnam(published: Folders) -> str:
    rows = ask(
        published,
        """SELECT entry_id FROM coverage
        WHERE area = 'VNM' AND fiscal_year = 2015 AND account = 'State NADR-CWD'""",
    )
    return str(rows[0][0])


def test_an_entry_shows_its_values_and_its_row_in_the_archive(published: Folders) -> None:
    result = hma("entry", vietnam(published))
    assert result.exit_code == 0
    for part in (
        "funding, revision 1", "12548000.00", "17th edition", "line 2",
        "https://www.state.gov/t/pm/rls/rpt/walkearth/2018/287829.htm",
        "Row in the archive", "fiscal_year,period_start,period_end,country",
        '2015,,,Vietnam,East Asia and Pacific,DOS NADR - CWD,State NADR,12548000,"12,548"',
    ):  # fmt: skip
        assert part in said(result)


def test_an_entry_shows_all_its_revisions_and_the_row_of_the_newest(published: Folders) -> None:
    rewrite(
        published,
        "us_funding/us_cwd_country_fy.csv",
        lambda rows: [rows[0] | {"amount_usd": "12549000"}, *rows[1:]],
    )
    assert hma("refresh", "state_tweis").exit_code == 0
    text = said(hma("entry", vietnam(published)))
    for part in ("revision 1", "12548000.00", "revision 2", "12549000.00", "State NADR,12549000"):
        assert part in text


def test_a_line_separator_in_a_note_does_not_shift_the_row_that_is_shown(
    published: Folders,
) -> None:
    rewrite(
        published,
        "us_funding/us_cwd_country_fy.csv",
        lambda rows: [rows[0] | {"note": "one\u2028two\x0cthree"}, *rows[1:]],
    )
    assert hma("refresh", "state_tweis").exit_code == 0
    (entry, place, amount) = ask(
        published,
        """SELECT entry_id, area_as_printed, amount_usd::BIGINT FROM funding
        WHERE locator = 'us_funding/us_cwd_country_fy.csv line 2'
        UNION ALL
        SELECT entry_id, area_as_printed, amount_usd::BIGINT FROM funding
        WHERE locator = 'us_funding/us_cwd_country_fy.csv line 9'""",
    )[1]
    rewrite(
        published,
        "us_funding/us_cwd_country_fy.csv",
        lambda rows: [*rows[:7], rows[7] | {"note": "mended"}, *rows[8:]],
    )
    assert hma("refresh", "state_tweis").exit_code == 0
    shown = said(hma("entry", entry)).partition("Row in the archive")[2]
    assert f"{place}," in shown
    assert f",{amount}," in shown


def test_an_unknown_entry_has_exit_code_5(published: Folders) -> None:
    result = hma("entry", "treaties-0000000000000000")
    assert result.exit_code == 5
    assert "the ledger holds no entry treaties-0000000000000000" in said(result)


def test_a_missing_archive_is_said_and_not_a_traceback(published: Folders) -> None:
    entry = vietnam(published)
    for path in (published.archive / "sha256").rglob("*"):
        if path.is_file():
            path.unlink()
    result = hma("entry", entry)
    assert result.exit_code == 5
    assert "is missing; restore the archive from a backup" in said(result)


def test_every_command_explains_itself() -> None:
    for command in ("refresh", "status", "sources", "entry", "serve"):
        result = hma(command, "--help")
        assert result.exit_code == 0
        assert len(said(result)) > 80


# ---- names and help without the modules


@pytest.mark.parametrize("module", COMMANDS)
def test_the_help_says_of_each_command_what_its_module_says(module: str) -> None:
    own = get_group(import_module(module).app).commands
    assert {name: command.help for name, command in own.items()} == dict(COMMANDS[module])


def test_no_two_modules_have_a_command_of_one_name() -> None:
    names = [name for names in COMMANDS.values() for name in names]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("arguments", [["--help"], ["refrsh"]])
def test_help_and_a_slip_of_the_pen_wait_for_no_library(arguments: list[str]) -> None:
    code = f"""
import sys
sys.argv = ["hma", *{arguments!r}]
from etl.start import main
try:
    main()
finally:
    slow = {{"duckdb", "polars", "httpx", "structlog", "etl.console"}}
    sys.exit(f"imported {{slow & set(sys.modules)}}" if slow & set(sys.modules) else 0)
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert "Fetch and read the sources" in ran.stdout or "Did you mean 'refresh'?" in ran.stderr, (
        ran
    )


def test_an_error_that_no_command_foresees_is_told_in_a_sentence(
    workspace: Folders, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.ledger.write_text("no folder", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["hma", "prune"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("hma: ")


def test_a_folder_whose_ledger_is_in_a_lake_is_no_place_for_files(
    workspace: Folders, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.ledger.mkdir()
    (workspace.ledger / "HOME").write_text("ducklake:postgres:dbname=ledger\n", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["hma", "refresh", "--embedded"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "hma migrate file" in capsys.readouterr().err
    assert [path.name for path in workspace.ledger.iterdir()] == ["HOME"]


def test_a_home_that_is_none_is_told_in_a_sentence_before_a_copy_is_read(
    workspace: Folders, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HMA_STORE", "x")
    monkeypatch.setattr(sys, "argv", ["hma", "refresh", "hdx", "--from", str(workspace.data)])
    with pytest.raises(SystemExit) as ended:
        start.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("hma: HMA_STORE takes file or")


def test_an_error_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("etl.looking.as_markdown", lambda: int("nothing"))
    monkeypatch.setattr(sys, "argv", ["hma", "dictionary"])
    with pytest.raises(ValueError, match="nothing"):
        main()
