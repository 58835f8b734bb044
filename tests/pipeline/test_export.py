"""An export says all that the ledger says, checks itself, and is enough to make the ledger again."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from typer.testing import CliRunner, Result

from etl import export as exporting
from etl import manifest, sql
from etl.asof import TABLES
from etl.cli import app
from etl.export import export
from etl.publish import writer
from etl.rebuild import DamagedError, rebuild
from etl.report import Report
from etl.settings import Folders
from etl.store import current_path
from etl.tables import ALL_TABLES, polars_schema
from etl.verify import verify
from tests.helpers import DATA, TRANSCRIBED, ask, figures, rewrite, run, select

COUNTRY = "us_funding/us_cwd_country_fy.csv"
EVENTS = "us_funding/program_events.csv"
WORLD = "casualties/monitor_global_year.csv"
REFRESHES = (1, 2, 3, 4)


@dataclass(frozen=True)
class Past:
    """A ledger of four refreshes; what it said, and what was exported, right after each of them."""

    folders: Folders
    figures: list[dict[str, str]]
    exports: list[Path]


@pytest.fixture(scope="module")
def past(built_folders: Folders, tmp_path_factory: pytest.TempPathFactory) -> Past:
    root = tmp_path_factory.mktemp("past")
    shutil.copytree(built_folders.data, root / "data")
    folders = Folders(root / "data")
    past = Past(folders, [], [])

    def remember() -> None:
        past.figures.append(figures(folders))
        past.exports.append(root / f"export-{len(past.figures)}")
        export(folders, past.exports[-1])

    remember()
    rewrite(folders, COUNTRY, lambda rows: [rows[0] | {"note": "read again"}, *rows[1:]])
    assert run(folders, "state_tweis").sources[0].changes["revised"]
    remember()
    rewrite(folders, WORLD, lambda rows: rows[:20])  # many of these rows have splits
    assert run(folders, "landmine_monitor", least=0).sources[0].changes["withdrawn"]
    remember()
    (folders.transcribed / WORLD).write_bytes((TRANSCRIBED / WORLD).read_bytes())
    rewrite(folders, EVENTS, lambda rows: rows[:-1])
    outcome = run(folders, "landmine_monitor", "program_events")
    assert outcome.sources[0].changes["restored"]
    assert outcome.failed, "a lost row puts its source on hold"
    remember()
    return past


@pytest.fixture
def empty(tmp_path: Path) -> Folders:
    """A data folder without ledger and archive, as on another machine."""
    for name in ("transcribed", "reference"):
        shutil.copytree(DATA / name, tmp_path / "new" / name)
    return Folders(tmp_path / "new")


@pytest.fixture
def copy(past: Past, tmp_path: Path) -> Path:
    """An export to damage."""
    return Path(shutil.copytree(past.exports[-1], tmp_path / "copy"))


def hma(folders: Folders, *arguments: str) -> Result:
    environment = {"HMA_DATA": str(folders.data), "COLUMNS": "300"}
    return CliRunner().invoke(app, list(arguments), env=environment)


def said(result: Result) -> str:
    return " ".join((result.stdout + " " + result.stderr).split())


def sums(folder: Path) -> dict[str, str]:
    lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    return {name: sha256 for sha256, name in (line.split("  ", 1) for line in lines)}


def data(folder: Path) -> dict[str, str]:
    """The checksums of everything but Parquet, whose bytes DuckDB lays as it likes."""
    return {name: sum_ for name, sum_ in sums(folder).items() if not name.endswith(".parquet")}


def sign_again(folder: Path) -> None:
    """Write SHA256SUMS for what lies there now, as whoever tampers with an export would."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.*")}
    (folder / "SHA256SUMS").write_text(
        "".join(
            f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n"
            for name, path in sorted(files.items())
        )
    )


def tampered(folder: Path, table: str, change: str) -> None:
    """Change the rows of one exported history, and the checksums with it."""
    path = folder / f"history/{table}.parquet"
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE rows AS FROM read_parquet('{path}')")
        con.execute(f"UPDATE rows SET {change}")
        con.execute(f"COPY rows TO '{path}' (FORMAT parquet)")
    sign_again(folder)


def table_hashes(folders: Folders) -> dict[str, Any]:
    with duckdb.connect(current_path(folders.ledger), read_only=True) as con:
        con.execute("SET TimeZone = 'UTC'")
        return {name: manifest.hash_published(con, name) for name in TABLES}


def frictionless(folder: Path) -> dict[str, Any]:
    """What the Frictionless framework says; apart, since its own warnings are not ours to mend."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "frictionless", "validate", "datapackage.json",
         "--json"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    report: dict[str, Any] = json.loads(done.stdout)
    return report


# ---- what an export holds


def test_the_data_package_validates_and_a_changed_cell_does_not(past: Past, copy: Path) -> None:
    report = frictionless(past.exports[-1])
    assert report["valid"], report
    assert report["stats"]["tasks"] == len(ALL_TABLES)
    coverage = copy / "data/coverage.csv"
    coverage.write_text(coverage.read_text(encoding="utf-8").replace(",DoD,", ",Navy,", 1))
    found = [error["type"] for task in frictionless(copy)["tasks"] for error in task["errors"]]
    assert {"hash-count", "constraint-error"} <= set(found)


def test_every_table_is_there_twice_with_every_value_of_the_ledger(past: Past) -> None:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute(f"ATTACH '{current_path(past.folders.ledger)}' AS ledger (READ_ONLY)")
        for name, schema in ALL_TABLES.items():
            path = past.exports[-1] / "data" / name
            types = {column: sql.sql_type(dtype) for column, dtype in polars_schema(schema).items()}
            columns = ", ".join(f'"{column}"::VARCHAR' for column in types)
            rows = select(con, f"SELECT {columns} FROM ledger.main.{name} ORDER BY ALL")
            read_csv = f"read_csv('{path}.csv', columns = {types}, header = true, nullstr = '')"
            for read in (read_csv, f"read_parquet('{path}.parquet')"):
                assert select(con, f"SELECT {columns} FROM {read} ORDER BY ALL") == rows, name


def test_the_history_holds_every_revision_that_the_ledger_holds(past: Past) -> None:
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{current_path(past.folders.ledger)}' AS ledger (READ_ONLY)")
        for name in TABLES:
            exported = f"read_parquet('{past.exports[-1]}/history/{name}.parquet')"
            held = f"ledger.history.{name}"
            for a, b in ((exported, held), (held, exported)):
                assert select(con, f"FROM {a} EXCEPT ALL FROM {b} LIMIT 1") == [], name


def test_the_checksums_name_every_file_and_each_is_right(past: Past) -> None:
    folder = past.exports[-1]
    listed = sums(folder)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files - set(listed) == {"SHA256SUMS"}
    for name, sha256 in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256
    assert len(list((folder / "manifests").iterdir())) == len(REFRESHES)


@pytest.mark.parametrize("refresh", REFRESHES)
def test_as_of_a_refresh_an_export_is_what_it_was_right_after_it_to_the_byte(
    past: Past, refresh: int, tmp_path: Path
) -> None:
    export(past.folders, tmp_path / "then", str(refresh))
    assert data(tmp_path / "then") == data(past.exports[refresh - 1])


def test_the_citation_names_the_ledger_and_its_content_and_no_doi(past: Past) -> None:
    said = yaml.safe_load((past.exports[-1] / "CITATION.cff").read_text(encoding="utf-8"))
    sha256, link = manifest.of_ledger(past.folders.archive, current_path(past.folders.ledger))
    assert {"authors", "cff-version", "message", "title", "abstract"} < set(said)
    assert said["version"] == f"ledger-000004-{sha256[:16]}"
    assert said["date-released"] == link.finished_at[:10]
    assert said["license"] == "Apache-2.0"
    assert [one["value"] for one in said["identifiers"]] == [f"sha256:{link.content_sha256}"]
    assert "doi" not in said


# ---- where it goes


def test_a_folder_that_is_not_empty_is_refused_and_left_alone(past: Past, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    result = hma(past.folders, "export", str(tmp_path))
    assert result.exit_code == 2
    assert f"{tmp_path} is not empty; name a new or empty folder" in said(result)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_an_empty_folder_is_filled(past: Past, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    result = hma(past.folders, "export", str(tmp_path / "out"), "--as-of", "1")
    assert result.exit_code == 0, result.output
    assert "Exported ledger-000001-" in said(result)
    assert sums(tmp_path / "out")


def test_an_export_that_breaks_off_leaves_nothing(
    past: Past, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> bytes:
        raise OSError("no space left on device")

    monkeypatch.setattr(exporting, "citation", full)
    with pytest.raises(OSError, match="no space left"):
        export(past.folders, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("as_of", "message"),
    [("9", "There is no refresh 9"), ("1999-01-01", "Nothing was published by 1999-01-01")],
)
def test_an_unknown_refresh_is_wrong_usage(
    past: Past, tmp_path: Path, as_of: str, message: str
) -> None:
    result = hma(past.folders, "export", str(tmp_path / "out"), "--as-of", as_of)
    assert result.exit_code == 2
    assert message in said(result)
    assert list(tmp_path.iterdir()) == []


def test_without_a_ledger_there_is_nothing_to_export(empty: Folders, tmp_path: Path) -> None:
    assert hma(empty, "export", str(tmp_path / "out")).exit_code == 5


def test_an_export_without_its_manifests_is_refused(published: Folders, tmp_path: Path) -> None:
    shutil.rmtree(published.archive / "refreshes")
    result = hma(published, "export", str(tmp_path / "out"))
    assert result.exit_code == 6
    assert "restore the archive from a backup" in said(result)


# ---- made again


@pytest.mark.parametrize("refresh", [1, 3, 4])
def test_a_rebuilt_ledger_is_the_one_that_was_published(
    past: Past, empty: Folders, refresh: int
) -> None:
    rebuild(empty, past.exports[refresh - 1])
    assert figures(empty) == past.figures[refresh - 1]
    _, head = manifest.of_ledger(empty.archive, current_path(empty.ledger))
    assert head.refresh == refresh
    assert table_hashes(empty) == head.tables


def test_a_ledger_is_rebuilt_as_of_an_earlier_refresh_from_a_folder_of_any_name(
    past: Past, empty: Folders, tmp_path: Path
) -> None:
    folder = tmp_path / "it's [2]*? {a} ü"
    export(past.folders, folder, "2")
    result = hma(empty, "rebuild", str(folder))
    assert result.exit_code == 0, result.output
    assert "Published ledger-000002-" in said(result)
    assert figures(empty) == past.figures[1]
    assert ask(empty, "SELECT max(refresh) FROM refreshes") == [(2,)]
    export(empty, tmp_path / "again")
    assert data(tmp_path / "again") == data(folder), "and gives the same export"


def test_verify_says_that_a_ledger_was_rebuilt_and_what_is_not_there(
    past: Past, empty: Folders
) -> None:
    rebuild(empty, past.exports[-1])
    assert hma(empty, "verify").exit_code == 6, "absent bytes are excused for those who know of it"
    result = hma(empty, "verify", "--rebuilt")
    assert result.exit_code == 0, result.output
    files = len({one["vintage_sha256"] for link in chain(empty) for one in link.vintages})
    verdict = next(line for line in result.stdout.splitlines() if line.startswith("ledger-000004-"))
    assert "sound; rebuilt from an export of refresh 4" in verdict
    assert f"{files} archived files are not there" in verdict
    entry = ask(empty, "SELECT entry_id FROM treaty_status LIMIT 1")[0][0]
    derived = hma(empty, "verify", "--entry", entry)
    assert derived.exit_code == 5
    assert "the archive lacks world/treaty_status.csv" in said(derived)


def chain(folders: Folders) -> list[manifest.Manifest]:
    where = manifest.folder(folders.archive)
    return [
        manifest.load(where, int(path.name[:6]), path.stem[7:]) for path in where.glob("0*.json")
    ]


def test_a_refresh_goes_on_from_a_rebuilt_ledger(past: Past, empty: Folders) -> None:
    rebuild(empty, past.exports[0])
    outcome = run(empty, "treaties")
    assert outcome.published is None, "the same bytes are no news"
    rewrite(empty, EVENTS, lambda rows: [rows[0] | {"event": "An earlier event"}, *rows])
    outcome = run(empty, "program_events")
    assert outcome.sources[0].changes == {"added": 1}
    report = verify(empty)
    assert report.differences == []
    assert report.checked["manifests"] == 2
    assert "rebuilt from an export of refresh 1" in report.reservations
    # the bytes of two sources are in the archive again
    assert report.checked["archived files"] == 2
    assert report.checked["entries derived again"] > 391


def test_with_the_archive_kept_a_rebuilt_ledger_is_derived_again(published: Folders) -> None:
    export(published, published.data / "out")
    shutil.rmtree(published.ledger)
    rebuild(published, published.data / "out")
    report = verify(published)
    assert report.differences == []
    assert report.reservations == ["rebuilt from an export of refresh 1"]
    assert report.checked["entries derived again"] > 4000
    lost = next(published.archive.glob("sha256/*/*"))
    lost.unlink()
    assert lost.name in what_differs(verify(published)), "it was there at the rebuild"


# ---- what is refused, and what cannot hide


def refused(folders: Folders, folder: Path, *words: str) -> None:
    result = hma(folders, "rebuild", str(folder))
    assert result.exit_code == 6, result.output
    for word in words:
        assert word in said(result)
    assert list(folders.ledger.glob("*.duckdb")) == []


@pytest.mark.parametrize(
    "name", ["data/coverage.csv", "history/funding.parquet", "README.md", "datapackage.json"]
)
def test_a_file_that_was_changed_or_lost_is_named(empty: Folders, copy: Path, name: str) -> None:
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    refused(empty, copy, f"{copy / name} does not have the SHA-256")
    (copy / name).unlink()
    refused(empty, copy, f"{copy / name} cannot be read: No such file")


def test_an_export_without_checksums_or_with_one_left_out_is_refused(
    empty: Folders, copy: Path
) -> None:
    lines = (copy / "SHA256SUMS").read_text().splitlines(keepends=True)
    (copy / "SHA256SUMS").write_text("".join(x for x in lines if "history/splits" not in x))
    refused(empty, copy, "SHA256SUMS does not list history/splits.parquet")
    (copy / "SHA256SUMS").write_text(f"{'0' * 64}  ../secret\n")
    refused(empty, copy, "a line that is no checksum")
    (copy / "SHA256SUMS").unlink()
    refused(empty, copy, "SHA256SUMS cannot be read")


@pytest.mark.parametrize(
    ("table", "change", "what"),
    [
        ("funding", "amount_usd = amount_usd + 1 WHERE revision = 1", "table funding"),
        ("coverage", "amount_usd = 0 WHERE ended_in = 2", "table coverage as of refresh 1"),
        ("refreshes", "finished_at = started_at WHERE refresh = 1", "refresh 1: its times"),
    ],
)
def test_figures_that_were_changed_with_their_checksums_differ_from_the_manifests(
    empty: Folders, copy: Path, table: str, change: str, what: str
) -> None:
    tampered(copy, table, change)
    refused(empty, copy, what)


def test_a_manifest_that_was_changed_breaks_the_chain(empty: Folders, copy: Path) -> None:
    first = next((copy / "manifests").glob("000001-*.json"))
    first.write_bytes(first.read_bytes().replace(b'"added": ', b'"added": 1'))
    sign_again(copy)
    refused(empty, copy, first.name, "no longer has its SHA-256")
    with pytest.raises(DamagedError, match="000001"):
        rebuild(empty, copy)


def test_a_ledger_in_use_is_not_replaced(published: Folders, past: Past) -> None:
    before = current_path(published.ledger)
    result = hma(published, "rebuild", str(past.exports[0]))
    assert result.exit_code == 2
    assert f"holds a ledger already ({before.name})" in said(result)
    assert current_path(published.ledger) == before


def test_no_two_write_at_once(empty: Folders, past: Past) -> None:
    with writer(empty.ledger):
        assert hma(empty, "rebuild", str(past.exports[0])).exit_code == 4


def test_a_folder_that_is_not_there_is_wrong_usage(empty: Folders) -> None:
    assert hma(empty, "rebuild", str(empty.data / "nowhere")).exit_code == 2


def what_differs(report: Report) -> str:
    return "; ".join(map(str, report.differences))


def test_a_rebuilt_file_that_was_changed_differs(past: Past, empty: Folders) -> None:
    rebuild(empty, past.exports[0])
    with duckdb.connect(current_path(empty.ledger)) as con:
        con.execute("UPDATE present.funding SET amount_usd = 1")
    assert "its bytes are not those that were published" in what_differs(verify(empty))
    forge_record(empty)
    assert "table funding" in what_differs(verify(empty)), "the figures give it away all the same"


def forge_record(folders: Folders) -> None:
    """Name the changed file in a record of its own, as whoever changed it might."""
    path = current_path(folders.ledger)
    sha256, head = manifest.of_ledger(folders.archive, path)
    changed = hashlib.sha256(path.read_bytes()).hexdigest()
    forged = manifest.Rebuilt(head.refresh, sha256, changed, [])
    manifest.write_rebuilt(folders.archive, forged)
