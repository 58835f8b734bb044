"""Spoiled input, by the hundred thousand: readers, packed files, watched pages, and what is asked of the API.

Whatever comes in, only named errors may come out: a source's own (:class:`SourceError`,
:class:`ArchiveError`, :class:`UnpackError`, :class:`PageError`), or an answer that says what is wrong
with the question (400, 404, 413). What is read is also checked and recorded in a ledger, in batches of
one source, for a value that no reader minds may break the recording. Anything else is a
:class:`Crash`, with the input that caused it.

Hypothesis draws the blows and makes them smaller in the tests (``test_fuzz.py``); the full run counts
crashes and goes on.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import shutil
import tempfile
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Final

import duckdb
import polars as pl
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from etl import elements, guard, record, sheets
from etl.archive import Archive, ArchiveError, Contents, Vintage
from etl.areas import Resolver, load_areas
from etl.check import check
from etl.elements import XmlError
from etl.json_text import json_of
from etl.locate import find, separator_of
from etl.pages import as_line
from etl.reading import Finding, Reading, SourceError, read_csv
from etl.registers import Mapped
from etl.sheets import SheetError
from etl.sources import SourceSpec, all_sources
from etl.unpack import UnpackError, unpacked
from etl.webpage import PageError, essence
from tests.helpers import DATA
from tests.siege.mutate import NUMBER, Blow, blows, struck
from tests.siege.seeds import Seed, seeds
from tests.unit import test_webpage as pages

# A panic of polars is no Exception.
ANY: Final[tuple[type[BaseException], ...]] = (Exception, pl.exceptions.PanicException)
NAMED: Final = (SourceError, ArchiveError)
BATCH: Final = 40  # inputs of one source that are checked and recorded together
CHUNK: Final = 2_000  # inputs to one run of Hypothesis, which remembers them all
MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder in memory, where there is one
LOOKED_UP: Final = 8  # one input in so many has its first row found again


@dataclass(frozen=True)
class Crash:
    """An error that no reader names: where it rose, what it said, and the input."""

    place: str
    message: str
    given: str


@dataclass
class Tally:
    """What came of the inputs to one target."""

    tried: int = 0
    results: Counter[str] = field(default_factory=Counter)
    crashes: dict[str, Crash] = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)

    def crash(self, target: str, error: BaseException, given: object) -> None:
        """Count a crash; of those that rise at one place the first is kept."""
        frames = traceback.extract_tb(error.__traceback__)
        ours = [
            frame
            for frame in frames
            if "/etl/" in frame.filename or "/dashboard/" in frame.filename
        ]
        frame = (ours or list(frames))[-1]
        place = (
            f"{target}: {type(error).__name__} at {Path(frame.filename).name} line {frame.lineno}"
        )
        self.times[place] += 1
        self.crashes.setdefault(place, Crash(place, str(error)[:300], repr(given)[:4000]))


@contextmanager
def folder() -> Iterator[Path]:
    """A folder in memory, or on the disk where memory has none."""
    made = Path(tempfile.mkdtemp(prefix="hma-siege-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


class Readers:
    """Every reader, the checks behind it, and a ledger that records what they let through."""

    strategy = st.tuples(NUMBER, NUMBER, blows)

    def __init__(self, root: Path, tally: Tally) -> None:
        """Work in the folder ``root``."""
        self.root = root
        self.tally = tally
        self.resolver = Resolver(load_areas(DATA / "reference"))
        self.waiting: dict[str, list[tuple[Reading, object]]] = {}
        self.con = duckdb.connect(config={"threads": 1})
        record.create_tables(self.con)

    def close(self) -> None:
        """Record what waits, and let go of the ledger."""
        for source_id in list(self.waiting):
            self.flush(source_id)
        self.con.close()

    def one(self, drawn: tuple[int, int, list[Blow]]) -> None:
        """Read one source's files after some blows."""
        which, other, hits = drawn
        chosen = seeds()[which % len(seeds())]
        another = next(iter(seeds()[other % len(seeds())].files.values()))
        files = dict(chosen.files)
        names = list(files)
        for hit in hits:
            name = names[(hit.where + hit.other) % len(names)]
            files[name] = struck(name, files[name], hit, another)
        self.read(chosen, files, (chosen.spec.source_id, which, other, hits))

    def read(self, chosen: Seed, files: dict[str, bytes], said: object) -> None:
        """Read some files; what comes of them waits to be checked and recorded."""
        source_id = chosen.spec.source_id
        self.tally.tried += 1
        archive = Archive(self.root)
        vintages = [self._hold(source_id, name, content) for name, content in files.items()]
        reading = Reading()
        try:
            contents = Contents(archive, vintages)
            guard.look_at_bytes(contents, chosen.spec.binaries)
            chosen.spec.reader()(contents, reading, self.resolver)
            if self.tally.tried % LOOKED_UP == 0:
                self._look_up(archive, vintages, reading)
        except NAMED as error:
            str(Finding("", None, "", str(error), "")).encode()  # fit for the record
            self.tally.results["refused, and the source keeps its last good figures"] += 1
            return
        except ANY as error:  # this is what is looked for
            self.tally.crash(source_id, error, said)
            return
        finally:
            for vintage in vintages:
                archive.path(vintage.sha256).unlink(missing_ok=True)
        is_clean = not (reading.rejects or reading.issues or reading.doubts)
        self.tally.results[
            "read without complaint" if is_clean else "read with rejects, issues or doubts"
        ] += 1
        waiting = self.waiting.setdefault(source_id, [])
        waiting.append((reading, said))
        if len(waiting) >= BATCH:
            self.flush(source_id)

    def _hold(self, source_id: str, name: str, content: bytes) -> Vintage:
        sha256 = hashlib.sha256(content).hexdigest()
        path = Archive(self.root).path(sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return Vintage(source_id, name, sha256, len(content), "2026-11-26T00:00:00+00:00", "")

    @staticmethod
    def _look_up(archive: Archive, vintages: list[Vintage], reading: Reading) -> None:
        """Find the first row of what was read again, as its page would."""
        hashes = {vintage.file: vintage.sha256 for vintage in vintages}
        for frame in (
            frame for frames in reading.tables.values() for frame in frames if frame.height
        ):
            place, file = frame.select("locator", "file").row(0)
            find(archive, hashes[file], place)
            return

    def flush(self, source_id: str) -> None:
        """Check and record what waits of a source; if that crashes, find out by whose fault."""
        waiting = self.waiting.pop(source_id, [])
        spec = next(each.spec for each in seeds() if each.spec.source_id == source_id)
        try:
            self._record(spec, [reading for reading, _ in waiting])
        except ANY:  # this is what is looked for
            for reading, said in waiting:
                try:
                    self._record(spec, [reading])
                except NAMED:
                    continue
                except ANY as error:  # the same
                    self.tally.crash(f"{source_id}, checking and recording", error, said)

    def _record(self, spec: SourceSpec, readings: list[Reading]) -> None:
        """What the pipeline does with a reading, in a transaction that is taken back."""
        together = Reading()
        for number, reading in enumerate(readings):
            for finding in (*reading.rejects, *reading.issues, *reading.doubts):
                str(finding).encode()
            ours = pl.col("locator") + f" #{number}"  # one input's rows are not another's
            for mine, theirs in (
                (together.tables, reading.tables),
                (together.splits, reading.splits),
            ):
                for table, frames in theirs.items():
                    mine.setdefault(table, []).extend(frame.with_columns(ours) for frame in frames)
        if not together.tables:
            return
        checked = check(spec, together)
        for table in checked.tables:
            checked.tables[table] = checked.tables[table].with_columns(
                vintage_sha256=pl.lit("0" * 64)
            )
        self.con.execute("BEGIN")
        try:
            record.record(self.con, 1, record.compare(self.con, spec.source_id, checked))
        finally:
            self.con.execute("ROLLBACK")


class Parts:
    """What all readers share below them: text, CSV, JSON, XML, workbooks, Parquet, mappings, locators."""

    strategy = st.tuples(NUMBER, NUMBER, blows)

    def __init__(self, root: Path, tally: Tally) -> None:
        """Work in the folder ``root``."""
        self.archive = Archive(root)
        self.tally = tally
        self.files = [(name, content) for each in seeds() for name, content in each.files.items()]

    def close(self) -> None:
        """Nothing is left behind."""

    def one(self, drawn: tuple[int, int, list[Blow]]) -> None:
        """Read one file after some blows, by its form alone."""
        which, other, hits = drawn
        name, content = self.files[which % len(self.files)]
        spoiled = content
        for hit in hits:
            spoiled = struck(name, spoiled, hit, self.files[other % len(self.files)][1])
        self.tally.tried += 1
        try:
            _READ[PurePath(name).suffix](name, content, spoiled)
            self.tally.results["read"] += 1
        except (*NAMED, SheetError, XmlError) as error:
            str(Finding("", None, "", str(error), "")).encode()
            self.tally.results["refused"] += 1
        except ANY as error:  # this is what is looked for
            self.tally.crash("form " + PurePath(name).suffix, error, drawn)
        self._find(name, spoiled, hits[0])

    def _find(self, name: str, content: bytes, hit: Blow) -> None:
        """Find a row in the spoiled file, as the page of an entry would."""
        kind = ("line", "row", "element iati-activity", "sheet Cases row")[hit.where % 4]
        pointer = ("", " /data/0", " /results/0", "/" + hit.token, " /title/1")[hit.other % 5]
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.archive.path(sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        try:
            if (
                hit.where % 8 and kind != "row"
            ):  # a row of a CSV opens a database: one in eight will do
                for text in find(
                    self.archive, sha256, f"{name} {kind} {1 + hit.other % 9}{pointer}"
                ):
                    text.encode()
        except (ArchiveError, ValueError):
            pass
        except ANY as error:  # this is what is looked for
            self.tally.crash("finding a row again", error, (name, kind, pointer, hit))
        finally:
            path.unlink(missing_ok=True)


def _csv(name: str, whole: bytes, content: bytes) -> None:
    separator = separator_of(whole.partition(b"\n")[0]).strip()
    header = next(csv.reader([whole.decode("utf-8-sig").partition("\n")[0]], delimiter=separator))
    read_csv(Reading(), name, content, header, separator=separator)


def _json_lines(name: str, _: bytes, content: bytes) -> None:
    for number, line in enumerate(content.splitlines()):
        json_of(as_line(line), name, is_exact=bool(number % 2))


def _xml(name: str, _: bytes, content: bytes) -> None:
    elements.refuse_declarations(name, io.BytesIO(content))
    for _number, element in elements.elements(name, io.BytesIO(content), "iati-activity"):
        "".join(map(str, element.itertext())).encode()


def _parquet(name: str, _: bytes, content: bytes) -> None:
    sheets.parquet(name, content)


def _workbook(name: str, _: bytes, content: bytes) -> None:
    sheets.workbook(name, content, None)


def _mapping(name: str, _: bytes, content: bytes) -> None:
    Mapped(name, content)


_READ: Final[Mapping[str, Callable[[str, bytes, bytes], None]]] = {
    ".csv": _csv, ".txt": _csv, ".json": _json_lines, ".xml": _xml, ".parquet": _parquet, ".xlsx": _workbook,
    ".yml": _mapping,
}  # fmt: skip


class Packed:
    """Fetched files in their packing: gzip and zip."""

    strategy = st.tuples(NUMBER, NUMBER, blows)

    def __init__(self, root: Path, tally: Tally) -> None:
        """Work in the folder ``root``."""
        self.root = root
        self.tally = tally
        self.seeds = [
            packed
            for each in seeds()
            for content in each.files.values()
            for packed in _packed(content)
        ]

    def close(self) -> None:
        """Nothing is left behind."""

    def one(self, drawn: tuple[int, int, list[Blow]]) -> None:
        """Unpack one file after some blows."""
        which, other, hits = drawn
        content = self.seeds[which % len(self.seeds)]
        for hit in hits:
            content = struck("packed", content, hit, self.seeds[other % len(self.seeds)])
        path = self.root / "packed"
        path.write_bytes(content)
        self.tally.tried += 1
        try:
            out = unpacked(
                path, self.root, max_bytes=1 << 22, member="*.csv" if other % 2 else None
            )
            self.tally.results["unpacked"] += 1
            if out != path:
                out.unlink()
        except UnpackError as error:
            str(error).encode()
            self.tally.results["refused"] += 1
        except ANY as error:  # this is what is looked for
            self.tally.crash("packed", error, drawn)
        if left := [each.name for each in self.root.iterdir() if each != path and each.is_file()]:
            self.tally.crash("packed", AssertionError(f"left behind: {left}"), drawn)


def _packed(content: bytes) -> Iterator[bytes]:
    yield gzip.compress(content, 1, mtime=0)
    for names in (("a.csv",), ("a.csv", "b.txt")):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packing:
            for name in names:
                packing.writestr(zipfile.ZipInfo(name), content)
        yield out.getvalue()


class Pages:
    """Watched pages of publishers, as HTML."""

    strategy = st.tuples(NUMBER, NUMBER, blows)

    def __init__(self, _root: Path, tally: Tally) -> None:
        """Watch the pages that the sources declare, and those of the tests."""
        self.tally = tally
        declared = [
            page
            for spec in all_sources().values()
            if spec.watch
            for page in spec.watch.pages.values()
        ]
        self.specs = [pages.TABLE, pages.EDITION, pages.TEXT, *declared]
        said = "".join(
            f"<p>{page.title} {page.must_contain} {page.edition_read or ''}</p>"
            for page in declared
        )
        self.seed = pages.status(pages.ROWS, around=f"<p>Landmine Monitor 2023</p>{said}")

    def close(self) -> None:
        """Nothing is left behind."""

    def one(self, drawn: tuple[int, int, list[Blow]]) -> None:
        """Look at one page after some blows."""
        which, _, hits = drawn
        content = self.seed
        for hit in hits:
            content = struck("page", content, hit, self.seed)
        self.tally.tried += 1
        try:
            found = essence(self.specs[which % len(self.specs)], content)
            "\n".join(found.lines).encode()
            self.tally.results["looked at"] += 1
        except PageError as error:
            str(error).encode()
            self.tally.results["refused"] += 1
        except ANY as error:  # this is what is looked for
            self.tally.crash("watched page", error, drawn)


def besiege(
    strategy: st.SearchStrategy[Any], one: Callable[[Any], None], count: int, first: int = 0
) -> None:
    """Hand ``count`` drawn inputs to ``one``; the same number ``first`` draws the same ones again."""
    for number, start in enumerate(range(0, count, CHUNK)):

        @seed(first + number)
        @settings(
            max_examples=min(CHUNK, count - start),
            database=None,
            phases=[Phase.generate],
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def draw(drawn: Any) -> None:  # noqa: ANN401
            one(drawn)

        draw()
