"""Anyone can check what was published: the chain, the tables as of each refresh, and each figure."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner, Result

from etl import homes, manifest, record, refresh
from etl.archive import Archive
from etl.asof import TABLES
from etl.cli import app
from etl.retrieve import Given
from etl.settings import Folders
from etl.sources import all_sources
from etl.store import current_path
from etl.verify import verify
from tests.helpers import ask, rewrite, run

EVENTS = "us_funding/program_events.csv"
DOD = "us_funding/dod_hma.csv"


def hma(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def said(result: Result) -> str:
    return " ".join((result.stdout + " " + result.stderr).split())


@pytest.fixture(scope="session")
def one_history(built_folders: Folders, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """Four refreshes: a figure revised, one withdrawn, and one that comes back."""
    made = Folders(tmp_path_factory.mktemp("history") / "data")
    shutil.copytree(built_folders.data, made.data)
    original = (made.transcribed / EVENTS).read_bytes()
    rewrite(made, EVENTS, lambda rows: [rows[0] | {"summary": "put otherwise"}, *rows[1:]])
    run(made, "program_events")
    rewrite(made, EVENTS, lambda rows: rows[1:])
    run(made, "program_events", least=0)
    (made.transcribed / EVENTS).write_bytes(original)
    run(made, "program_events")
    return made


@pytest.fixture
def history(one_history: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """A copy of that, to change at will."""
    shutil.copytree(one_history.data, tmp_path / "data")
    monkeypatch.setenv("HMA_DATA", str(tmp_path / "data"))
    return Folders(tmp_path / "data")


def test_a_ledger_with_a_history_is_sound(history: Folders) -> None:
    report = verify(history)
    assert report.differences == []
    assert report.notes == []
    assert report.checked["manifests"] == 4
    assert report.checked["tables"] == 4 * len(TABLES)
    assert report.checked["entries derived again"] == 4569 + 31 + 30 + 31


def test_the_manifests_are_a_chain_and_the_ledgers_are_named_by_them(history: Folders) -> None:
    path = current_path(history.ledger)
    sha256, link = manifest.of_ledger(history.archive, path)
    assert path.stem == f"ledger-000004-{sha256[:16]}"
    numbers = [link.refresh]
    while link.parent:
        link = manifest.load(manifest.folder(history.archive), link.refresh - 1, link.parent)
        numbers.append(link.refresh)
    assert numbers == [4, 3, 2, 1]
    parents = ask(history, "SELECT parent_manifest_sha256 FROM refreshes ORDER BY refresh")
    assert parents[0] == (None,)
    assert parents[3][0] == manifest.of_ledger(history.archive, path)[1].parent


def test_the_same_bytes_and_code_give_the_same_content_on_another_machine(
    built_folders: Folders, workspace: Folders
) -> None:
    run(workspace)
    mine, theirs = (
        manifest.of_ledger(folders.archive, current_path(folders.ledger))[1]
        for folders in (workspace, built_folders)
    )
    assert mine.content_sha256 == theirs.content_sha256
    assert mine.started_at != theirs.started_at


def test_an_unchanged_table_keeps_its_hash_and_a_changed_one_does_not(history: Folders) -> None:
    last = manifest.of_ledger(history.archive, current_path(history.ledger))[1]
    assert last.parent
    before = manifest.load(manifest.folder(history.archive), 3, last.parent)
    changed = {name for name in last.tables if last.tables[name] != before.tables[name]}
    assert changed == {"program_events", "vintages", "refreshes"}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_broken_chain_is_named(history: Folders, number: int) -> None:
    link = next(manifest.folder(history.archive).glob(f"{number:06d}-*"))
    link.write_bytes(link.read_bytes().replace(b'"code_version": "', b'"code_version": "x', 1))
    found = verify(history).differences
    assert found[0].where == "chain of manifests"
    assert "no longer has its SHA-256" in found[0].what
    answer = hma("verify")
    assert (answer.exit_code, "NOT as published" in answer.stdout) == (6, True)


def test_a_vintage_that_is_gone_is_named(history: Folders) -> None:
    sha256 = ask(history, "SELECT vintage_sha256 FROM vintages WHERE file = ?", DOD)[0][0]
    (history.archive / "sha256" / sha256[:2] / sha256).unlink()
    found = [str(difference) for difference in verify(history).differences]
    assert any(f"archive/{sha256}: the bytes of {DOD}: " in text for text in found), found
    assert any("is missing; restore the archive" in text for text in found)


def test_rows_that_other_code_read_are_named_as_such_and_not_called_wrong(
    history: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("etl.derive.code_version", lambda _: "0.2.0+other")
    report = verify(history)
    assert report.differences == []
    assert "states of sources were read by code 0.1.0+" in report.notes[0]
    assert report.checked["entries derived again"] == 0


def test_a_change_of_code_that_changes_a_figure_is_found_while_it_claims_to_be_the_same(
    history: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = refresh.code_version(history)
    monkeypatch.setattr("etl.derive.code_version", lambda _: version)
    # the same name, but Vietnam is no longer known by it
    areas = history.reference / "areas.csv"
    text = areas.read_text(encoding="utf-8")
    areas.write_text(text.replace("VNM,Vietnam,", "VNM,Another name,"), encoding="utf-8")
    found = [str(difference) for difference in verify(history).differences]
    assert any("has other values than the archived bytes" in text for text in found), found[:3]


def test_one_figure_is_derived_again_with_its_path(history: Folders) -> None:
    entry_id = "state_tweis-d60fc92beeb9b42a"
    answer = hma("verify", "--entry", entry_id)
    assert answer.exit_code == 0, answer.output
    for word in ("us_cwd_country_fy.csv line 11", "722000", "read.py", "sound", entry_id):
        assert word in said(answer)
    sha256 = ask(history, "SELECT vintage_sha256 FROM funding WHERE entry_id = ?", entry_id)[0][0]
    path = history.archive / "sha256" / sha256[:2] / sha256
    path.write_bytes(path.read_bytes().replace(b"722000", b"723000", 1))
    altered = hma("verify", "--entry", entry_id)
    assert (altered.exit_code, "no longer has its SHA-256" in said(altered)) == (6, True)
    assert hma("verify", "--entry", "nothing-0123456789abcdef").exit_code == 5


def test_the_log_lists_the_refreshes_and_the_diff_what_they_changed(history: Folders) -> None:
    rows = json.loads(hma("log", "--json").stdout)
    assert [(row["refresh"], row["added"], row["revised"], row["withdrawn"], row["restored"])
            for row in rows] == [(4, 0, 0, 0, 1), (3, 0, 0, 1, 0), (2, 0, 1, 0, 0), (1, 4569, 0, 0, 0)]  # fmt: skip
    assert "program_events program_events 0 1 0" in said(hma("diff", "1", "2"))
    assert "program_events program_events 0 0 1" in said(hma("diff", "2", "3"))
    assert "Nothing changed between refresh 1 and refresh 4" in said(hma("diff", "1", "4"))
    told = json.loads(hma("diff", "1", "2", "--json").stdout)
    assert [entry["change"] for entry in told["entries"]] == ["revised"]
    assert told["entries"][0]["after"]["summary"] == "put otherwise"
    assert told["entries"][0]["before"]["summary"] != "put otherwise"
    assert "Nothing changed" in said(hma("diff", "1", "2", "--source", "treaties"))


def test_the_diff_gives_dollars_by_edition_and_area(published: Folders) -> None:
    rewrite(
        published, "us_funding/us_cwd_country_fy.csv",
        lambda rows: [
            row | {"amount_usd": "723000"}
            if (row["country"], row["fiscal_year"], row["account"], row["source_edition"])
            == ("Vietnam", "2016", "DoD", "17th edition")
            else row
            for row in rows
        ],
    )  # fmt: skip
    run(published, "state_tweis")
    told = json.loads(hma("diff", "1", "2", "--json").stdout)
    expected = {"source_id": "state_tweis", "series": "tweis_country_table", "edition": "17th edition",
                "unit": "US dollars", "entries": 1, "before": 722_000.0, "after": 723_000.0,
                "difference": 1000.0}  # fmt: skip
    assert told["editions"] == [expected]
    assert told["areas"] == [{**expected, "area": "VNM"}]


def test_the_content_hash_covers_every_table_every_vintage_and_the_changes(
    history: Folders,
) -> None:
    link = manifest.of_ledger(history.archive, current_path(history.ledger))[1]
    other = manifest.TableHash(0, "0" * 64)
    for name in link.tables:
        altered = replace(link, tables={**link.tables, name: other})
        assert altered.content_sha256 != link.content_sha256, name
    for altered in (
        replace(link, vintages=[]), replace(link, changes={}), replace(link, code_version="x"),
        replace(link, refresh=9), replace(link, parent_content_sha256="x"),
    ):  # fmt: skip
        assert altered.content_sha256 != link.content_sha256
    assert replace(link, started_at="x", ledger_sha256="x").content_sha256 == link.content_sha256


def test_a_view_that_shows_other_rows_is_found_though_its_file_is_excused(history: Folders) -> None:
    path = current_path(history.ledger)
    with duckdb.connect(path) as con:
        con.execute(
            "CREATE OR REPLACE VIEW main.funding AS SELECT * REPLACE (amount_usd * 10 AS amount_usd) "
            "FROM present.funding"
        )
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    claim = {"refresh": 4, "manifest_sha256": manifest.of_ledger(history.archive, path)[0],
              "ledger_sha256": sha256, "absent_vintages": []}  # fmt: skip
    forged = manifest.folder(history.archive) / f"rebuilt-000004-{sha256}.json"
    forged.write_text(json.dumps(claim), encoding="utf-8")
    found = [str(difference) for difference in verify(history).differences]
    assert "view main.funding: is not defined as the code defines it" in found


def test_a_column_that_is_declared_later_changes_no_hash(history: Folders) -> None:
    expected = manifest.of_ledger(history.archive, current_path(history.ledger))[1].tables
    with duckdb.connect(current_path(history.ledger)) as con:
        assert con.execute("SELECT count(award_id) FROM history.funding").fetchone() == (0,)
        for schema in ("present", "past"):  # as a version would have made it that knew no award
            con.execute(f"ALTER TABLE {schema}.funding DROP COLUMN award_id")
        assert manifest.hash_published(con, "funding") == expected["funding"]
        record.create_tables(con)  # the next refresh adds the column
        assert manifest.hash_published(con, "funding") == expected["funding"]


@pytest.mark.parametrize(("a", "b"), [("1", "9"), ("x", "1"), ("1", "1999-01-01")])
def test_a_diff_of_what_does_not_exist_is_wrong_usage(published: Folders, a: str, b: str) -> None:
    answer = hma("diff", a, b)
    assert (answer.exit_code, "efresh" in said(answer)) == (2, True)


def test_a_file_that_cannot_be_read_is_not_called_a_lake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "CURRENT").write_text("ledger-000001-0.duckdb")
    (tmp_path / "ledger" / "ledger-000001-0.duckdb").touch()

    def unreadable(_: Path) -> None:
        raise duckdb.IOException("torn")

    monkeypatch.setattr(homes, "archive_of", unreadable)
    (found,) = verify(Folders(tmp_path)).differences
    assert "lake" not in str(found)
    assert "the file of the ledger" in str(found)


def test_pruning_leaves_every_earlier_refresh_readable_and_the_ledger_sound(
    history: Folders,
) -> None:
    assert len(list(history.ledger.glob("ledger-*"))) == 4
    answer = hma("prune", "--keep", "1")
    assert (answer.exit_code, "3 removed" in answer.stdout) == (0, True)
    assert list(history.ledger.glob("ledger-*")) == [current_path(history.ledger)]
    assert verify(history).differences == []
    assert "0 1 0" in said(hma("diff", "1", "2"))


def test_a_lost_manifest_stops_a_refresh_before_it_changes_anything(history: Folders) -> None:
    before = current_path(history.ledger)
    for link in manifest.folder(history.archive).glob("000004-*"):
        link.unlink()
    rewrite(history, EVENTS, lambda rows: [rows[0] | {"summary": "again"}, *rows[1:]])
    answer = CliRunner().invoke(app, ["refresh", "program_events"])
    assert answer.exit_code != 0
    assert "is missing from" in str(answer.exception)
    assert current_path(history.ledger) == before


def packed_ledger(workspace: Folders, tmp_path: Path) -> Path:
    """A ledger whose one source was handed over, and the packed object of it."""
    spec = all_sources()["program_events"]
    copy = tmp_path / "copy.csv"
    copy.write_bytes((workspace.transcribed / spec.files[0]).read_bytes())
    spec = spec.model_copy(update={"status": "live"})
    refresh.refresh(workspace, [spec], given={spec.source_id: [Given(str(copy))]})
    assert verify(workspace).differences == []
    return next(workspace.archive.glob("sha256/*/*.zst"))


def test_every_byte_of_a_packed_object_is_vouched_for(workspace: Folders, tmp_path: Path) -> None:
    packed = packed_ledger(workspace, tmp_path)
    skippable = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"  # a frame that unpacks to nothing
    whole = packed.read_bytes()
    packed.write_bytes(whole + skippable)
    assert any("packed form" in str(found) for found in verify(workspace).differences)
    listed = workspace.archive / "manifest.jsonl"
    lines = [json.loads(line) for line in listed.read_text().splitlines()]
    without = [{k: v for k, v in line.items() if k != "packed_sha256"} for line in lines]
    listed.write_text("".join(f"{json.dumps(line)}\n" for line in without))
    assert any("packed form" in str(found) for found in verify(workspace).differences)


def test_a_second_form_of_an_object_is_found(workspace: Folders, tmp_path: Path) -> None:
    packed = packed_ledger(workspace, tmp_path)
    sha256 = packed.name.removesuffix(".zst")
    packed.with_name(sha256).write_bytes(Archive(workspace.archive).get(sha256))
    packed.write_bytes(b"junk")
    assert any("lies beside" in str(found) for found in verify(workspace).differences)
