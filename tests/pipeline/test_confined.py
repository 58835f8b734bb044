"""A file that eats memory, never ends or crashes its reader ends its own source, and nothing else."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from etl import confined, spare
from etl.archive import Archive, ArchiveError, Vintage
from etl.areas import Resolver, load_areas
from etl.config import ReadingConfig
from etl.reading import Reading, SourceError
from etl.refresh import refresh
from etl.retrieve import Given
from etl.settings import Folders
from tests import live, misbehaving
from tests.helpers import DATA, Row, ask, csv_text

LIMITS = ReadingConfig(memory_mb=1024, cpu_seconds=60, wall_seconds=120)


def rows(*given: Row) -> bytes:
    numbered = [{**live.USUAL, "place": str(number), **row} for number, row in enumerate(given, 1)]
    return csv_text(live.COLUMNS, numbered).encode()


ROWS = rows(*live.GRANTS)


@pytest.fixture(autouse=True)
def _misbehaving(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spare, "CHILD", misbehaving.CHILD)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """A data folder with nothing but the reference, by a link."""
    (tmp_path / "reference").symlink_to(DATA / "reference")
    return Folders(tmp_path)


def kept(folders: Folders, content: bytes = ROWS) -> tuple[Archive, list[Vintage]]:
    archive = Archive(folders.archive)
    return archive, [archive.put("a test", live.FILE, content, "")]


def read(folders: Folders, name: str, content: bytes = ROWS, **limits: Any) -> Reading:
    archive, vintages = kept(folders, content)
    changed = ReadingConfig.model_validate(LIMITS.model_dump() | limits)
    with confined.Children(folders, changed) as children:
        return children.read(archive, misbehaving.spec_of(name), vintages)


def left_over(folders: Folders) -> list[Path]:
    return [path for path in folders.archive.rglob("*") if path.name.startswith((".", "tmp"))]


def test_what_the_child_reads_is_what_would_be_read_here(folders: Folders) -> None:
    content = rows(*live.GRANTS, live.VIETNAM | {"area_as_printed": "Atlantis"})
    archive, vintages = kept(folders, content)
    resolver = Resolver(load_areas(folders.reference))
    here = confined.read_here(archive, resolver, misbehaving.spec_of("reads"), vintages)
    there = read(folders, "babbles", content)
    assert list(there.tables) == list(here.tables) == ["funding"]
    for ours, theirs in zip(here.tables["funding"], there.tables["funding"], strict=True):
        assert ours.equals(theirs)
        assert ours.schema == theirs.schema
    assert (there.rows_read, there.issues) == (here.rows_read, here.issues)
    assert here.issues, "Atlantis is no area"
    assert left_over(folders) == []


@pytest.mark.parametrize(
    ("name", "limits", "rule", "said"),
    [
        ("eats", {}, "too costly to read", "needs more than 1,024 MB of memory"),
        ("loops", {"cpu_seconds": 2}, "too costly to read", "more than 2 seconds of processor time"),
        ("sleeps", {"wall_seconds": 2}, "too costly to read", "longer than 2 seconds"),
        ("writes", {"memory_mb": 512}, "too costly to read", "writes more than 512 MB"),
        ("aborts", {}, "reader crashed", "ended by SIGABRT"),
        ("crashes", {}, "reader crashed", "ended by SIGSEGV"),
        ("lies", {}, "reader crashed", "gave no proper answer"),
        ("complains", {}, "upside down", "the file is upside down"),
        ("stumbles", {}, "unreadable", "KeyError: 'no such key' (misbehaving.py line"),
    ],
)  # fmt: skip
def test_a_reader_that_misbehaves_ends_with_a_sentence(
    folders: Folders, name: str, limits: dict[str, Any], rule: str, said: str
) -> None:
    with pytest.raises(SourceError) as caught:
        read(folders, name, **limits)
    assert caught.value.rule == rule
    assert said in str(caught.value)
    assert left_over(folders) == []


def answered(frame: bytes, **head: Any) -> BytesIO:
    """An answer with one frame, as a child that is not its own master any more may give it."""
    lists = {
        "rejects": [],
        "issues": [],
        "doubts": [],
        "rows_read": {},
        "deselected": {},
        "splits": {},
    }
    text = json.dumps({**lists, "tables": {"funding": [len(frame)]}, **head}).encode()
    return BytesIO(struct.pack("<Q", len(text)) + text + frame)


FRAME = confined._packed(pl.DataFrame({"a": ["x", None, "yy"] * 50, "b": [1.5, 2, None] * 50}))


@pytest.mark.parametrize(
    "head",
    [
        {"issues": [{"locator": ["x"], "column": None, "rule": "r", "raw_value": None, "fix": "f"}]},
        {"issues": [{"locator": "x"}]},
        {"rows_read": {"file": float("inf")}},
        {"rows_read": [1]},
        {"tables": {"funding": [-1]}},
        {"error": "no mapping"},
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_refused(head: dict[str, Any]) -> None:
    assert confined._reading(answered(FRAME)).tables["funding"][0].height == 150
    with pytest.raises(SourceError, match="gave no proper answer"):
        confined._reading(answered(FRAME, **head))


def test_an_answer_nested_without_end_is_refused() -> None:
    text = b"[" * 200_000
    with pytest.raises(SourceError, match="gave no proper answer"):
        confined._reading(BytesIO(struct.pack("<Q", len(text)) + text))


def test_a_frame_with_wrong_bytes_is_read_or_refused_and_raises_nothing_else() -> None:
    chance, refused = Random(1), 0  # noqa: S311 - no secret
    for _ in range(300):
        damaged = bytearray(FRAME)
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            confined._reading(answered(bytes(damaged)))
        except SourceError:
            refused += 1
    assert refused > 30


def test_a_data_folder_that_cannot_be_is_no_affair_of_the_early_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    spare.start_early(tmp_path / "file" / "archive")
    spare.dismiss()
    assert spare._early == []


def test_bytes_that_were_altered_are_refused_in_the_child_too(folders: Folders) -> None:
    archive, vintages = kept(folders)
    archive.path(vintages[0].sha256).write_bytes(ROWS + b"more\n")
    with (
        confined.Children(folders, LIMITS) as children,
        pytest.raises(ArchiveError, match="no longer has its SHA-256"),
    ):
        children.read(archive, misbehaving.spec_of("reads"), vintages)


def test_a_child_that_was_started_ahead_and_not_wanted_is_ended(folders: Folders) -> None:
    with confined.Children(folders, LIMITS) as children:
        children.prepare()
        children.prepare()
        waiting = children._waiting
        assert waiting is not None
        assert waiting._process.poll() is None
    assert waiting._process.returncode is not None
    assert left_over(folders) == []


def test_the_child_sees_no_secret(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HMA_SOURCES__ACLED__SECRETS__PASSWORD", "hunter2")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    seen = {issue.raw_value for issue in read(folders, "looks_about").issues}
    assert "PATH" in seen
    assert not {name for name in seen if name and name.startswith(("HMA_", "AWS_"))}


PARENT = """
import json, sys
from pathlib import Path
from etl import confined, spare
from etl.archive import Archive, Vintage
from etl.settings import Folders
from tests import misbehaving
spare.CHILD = misbehaving.CHILD
folders = Folders(Path(sys.argv[1]))
vintage = Vintage(**json.loads(sys.argv[2]))
with confined.Children(folders, confined.ReadingConfig()) as children:
    children.read(Archive(folders.archive), misbehaving.spec_of(sys.argv[3]), [vintage])
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
@pytest.mark.parametrize("name", ["tells", "broods"])
def test_a_child_ends_when_who_called_it_is_killed(folders: Folders, name: str) -> None:
    _, [vintage] = kept(folders)
    said = json.dumps(asdict(vintage))
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(folders.data), said, name], cwd=DATA.parent
    ) as parent:
        pid = told(folders.data / "pid")
        assert Path(f"/proc/{pid}").exists()
        parent.kill()
    wait_until(lambda: is_gone(pid))


def told(path: Path) -> int:
    """The number of a process, once it has written it down."""
    wait_until(lambda: path.is_file() and path.read_text().endswith("."))
    return int(path.read_text().rstrip("."))


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"  # ended, and nobody has asked how


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_crash_ends_one_source_and_its_last_good_figures_stay(
    workspace: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("etl.refresh.every_source", misbehaving.every_source)
    good, other = tmp_path / "good.csv", tmp_path / "other.csv"
    good.write_bytes(ROWS)
    other.write_bytes(ROWS.replace(b"4000000", b"4000001"))
    crasher = misbehaving.spec_of("reads")
    assert not refresh(
        workspace, [crasher], reading=LIMITS, given={"reads": [Given(str(good))]}
    ).failed
    before = ask(workspace, "SELECT count(*) FROM funding WHERE source_id = 'reads'")
    assert before == [(len(live.GRANTS),)]
    monkeypatch.setitem(misbehaving.READERS, "reads", misbehaving.aborts)
    monkeypatch.setattr(
        spare, "CHILD",
        "from tests import misbehaving; "
        "misbehaving.READERS['reads'] = misbehaving.aborts; misbehaving.child()",
    )  # fmt: skip
    outcome = refresh(
        workspace,
        [crasher, misbehaving.spec_of("babbles")],
        reading=LIMITS,
        given={"reads": [Given(str(other))], "babbles": [Given(str(other))]},
    )
    assert [(one.source_id, one.hold.rule) for one in outcome.sources if one.hold] == [
        ("reads", "reader crashed")
    ]
    counts = dict(ask(workspace, "SELECT source_id, count(*) FROM funding GROUP BY ALL"))
    assert counts == {"reads": len(live.GRANTS), "babbles": len(live.GRANTS)}
    assert ask(workspace, "SELECT rule FROM holds") == [("reader crashed",)]
