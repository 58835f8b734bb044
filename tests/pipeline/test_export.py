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
from etl.settings import Folders
from etl.store import current_path
from etl.tables import ALL_TABLES, polars_schema
from tests.helpers import DATA, TRANSCRIBED, figures, rewrite, run, select

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
    [("9", "there is no refresh 9"), ("1999-01-01", "nothing was published by 1999-01-01")],
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
