"""A source's bytes are read in a process of their own, which may take only so much and can do little harm.

What parses a stranger's workbook, XML or CSV is code in C and Rust as well as Python. A file made for
the purpose may make it eat all memory, run for ever or crash. So what comes from outside the project is
read in a child: a fresh Python, without the secrets of this one's environment, with limits on memory,
processor time, wall time and the size of what it writes. Whatever becomes of it, its source alone fails.

The child is told what to read in JSON and answers with JSON and Arrow frames, never with anything that
could run here. It only reads: the declared constraints are checked by whoever called it. It ends itself
when the one who called is no longer there.
"""

from __future__ import annotations

import ctypes
import errno
import io
import json
import os
import signal
import struct
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import IO, Any, Final, Self

import polars as pl

from etl import guard, spare
from etl.archive import Archive, ArchiveError, Contents, Vintage
from etl.areas import Resolver, load_areas
from etl.config import ReadingConfig
from etl.reading import Finding, Reading, SourceError, tame, unforeseen
from etl.registers import every_source
from etl.settings import Folders
from etl.sources import SourceSpec

if sys.platform != "win32":
    import resource

MEGABYTE: Final = 1 << 20
PR_SET_PDEATHSIG: Final = 1  # of Linux's prctl.h
LAST_WORDS_BYTES: Final = 2000
MOST_HEAD_BYTES: Final = 256 * MEGABYTE  # findings of a file in which every row is wrong
_LENGTH: Final = struct.Struct("<Q")
_FINDINGS: Final = ("rejects", "issues", "doubts")
_FRAMES: Final = ("tables", "splits")
_COUNTS: Final = ("rows_read", "deselected")


class Children:
    """The children of one refresh, one after the other.

    A child takes a second to begin. It can be started ahead, while its file is still on the way, and
    waits then; if it is not wanted, it waits for the next source.
    """

    def __init__(self, folders: Folders, limits: ReadingConfig) -> None:
        self._folders = folders
        self._limits = limits
        self._waiting: spare.Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._waiting:
            self._waiting.end()

    def prepare(self) -> None:
        """Start one ahead, unless one waits."""
        if self._waiting is None:
            self._waiting = spare.take(self._folders.archive)

    def read(self, archive: Archive, spec: SourceSpec, vintages: Sequence[Vintage]) -> Reading:
        """What a source's reader makes of archived bytes, in a process of its own.

        Raises:
            SourceError: the bytes cannot be read as what they should be, or not within the limits.
            ArchiveError: they are missing or altered.
        """
        copies = archive.copies(vintage.sha256 for vintage in vintages)
        child, self._waiting = self._waiting or spare.take(self._folders.archive), None
        request = {
            "data": str(self._folders.data),
            "archive": str(
                archive.lend(one.sha256 for one in vintages if one.sha256 not in copies)
            ),
            "source": spec.source_id,
            "vintages": [asdict(vintage) for vintage in vintages],
            "proven": {name: last.hex() for name, last in archive.proven().items()},
            "copies": {sha256: str(copy.path_for_others) for sha256, copy in copies.items()},
            "limits": self._limits.model_dump(),
        }
        try:
            code = child.ask(request, self._limits.wall_seconds)
            if code:
                raise SourceError(
                    _why(code, _last_words(child.complaints), self._limits), _rule(code)
                )
            if not all(copy.holds() for copy in copies.values()):
                raise ArchiveError(
                    "the file was written to while it was read; refresh again when it stays as it is"
                )
            child.answer.seek(0)
            return _reading(child.answer)
        finally:
            child.end()


@contextmanager
def children(folders: Folders, limits: ReadingConfig | None) -> Iterator[Children | None]:
    """The children of one refresh; none where there are no limits, and all is read in this process."""
    if limits is None:
        yield None
        return
    with Children(folders, limits) as found:
        yield found


def _last_words(complaints: IO[bytes]) -> str:
    """The last line that the child wrote on standard error."""
    size = complaints.seek(0, os.SEEK_END)
    complaints.seek(max(0, size - LAST_WORDS_BYTES))
    lines = complaints.read(LAST_WORDS_BYTES).decode(errors="replace").strip().splitlines()
    return tame(lines[-1][:200]) if lines else ""


OVER_MEMORY: Final = 3  # the child's own exit codes
OVER_SIZE: Final = 4
DISK_FULL: Final = 5
_NO_ROOM: Final = {errno.EFBIG: OVER_SIZE, errno.ENOSPC: DISK_FULL, errno.EDQUOT: DISK_FULL}
OVER_CPU: Final = -int(getattr(signal, "SIGXCPU", 0))  # Unix ends it
_MEMORY_SIGNS: Final = ("memory allocation", "MemoryError", "out of memory", "bad_alloc")


def _rule(code: int) -> str:
    if code == DISK_FULL:
        return "unreadable"
    return "reader crashed" if _is_crash(code) else "too costly to read"


def _is_crash(code: int) -> bool:
    return code not in {spare.TOO_LONG, OVER_MEMORY, OVER_SIZE, OVER_CPU, -int(signal.SIGKILL)}


def _why(code: int, last_words: str, limits: ReadingConfig) -> str:
    """Why the child did not answer, as a sentence, and what to do."""
    said = f" ({last_words})" if last_words else ""
    if code == DISK_FULL:
        return "the disk of the data folder is full; make room and refresh again"
    hint = "look at the file by hand; if it is right, raise"
    if code == spare.TOO_LONG:
        return f"reading it took longer than {limits.wall_seconds:g} seconds; {hint} reading.wall_seconds"
    if code == OVER_MEMORY or any(sign in last_words for sign in _MEMORY_SIGNS):
        return f"reading it needs more than {limits.memory_mb:,} MB of memory; {hint} reading.memory_mb"
    if code == OVER_CPU:
        return (
            f"reading it took more than {limits.cpu_seconds:,} seconds of processor time; {hint} "
            "reading.cpu_seconds"
        )
    if code == OVER_SIZE:
        return f"reading it writes more than {limits.memory_mb:,} MB; {hint} reading.memory_mb"
    try:
        by = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    except ValueError:
        by = f"signal {-code}"
    return (
        f"the process that read it ended by {by}{said}; the file may be damaged, or made to do this. Look "
        "at it by hand, and report it"
    )


# ---- the answer: a length and JSON, then each frame as an Arrow file of the length that the JSON says


def _reading(answer: IO[bytes]) -> Reading:
    """What the child has read.

    Raises:
        SourceError, ArchiveError: what it says instead.
    """
    try:
        head = json.loads(_exactly(answer, min(_length(answer), MOST_HEAD_BYTES)))
        if "error" in head:
            raise _error(head["error"])
        reading = Reading()
        for name in _FINDINGS:
            setattr(reading, name, [_finding(each) for each in head[name]])
        for name in _COUNTS:
            setattr(reading, name, {str(file): int(count) for file, count in head[name].items()})
        for name in _FRAMES:
            frames = {
                str(table): [
                    pl.read_ipc(io.BytesIO(_exactly(answer, int(size))), use_pyarrow=False)
                    for size in sizes
                ]
                for table, sizes in head[name].items()
            }
            setattr(reading, name, frames)
    except _NO_ANSWER as error:
        raise SourceError(
            f"the process that read it gave no proper answer ({type(error).__name__}); report it",
            "reader crashed",
        ) from error
    return reading


# What bytes can end in that should be JSON and Arrow and are not; a panic of polars is no Exception.
_NO_ANSWER: Final[tuple[type[BaseException], ...]] = (
    ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, MemoryError, OSError,
    pl.exceptions.PolarsError, pl.exceptions.PanicException,
)  # fmt: skip


def _finding(said: Mapping[str, Any]) -> Finding:
    """A finding, all of texts."""
    if not all(isinstance(value, str | None) for value in said.values()):
        raise TypeError("a finding holds what is no text")
    return Finding(**said)


def _length(answer: IO[bytes]) -> int:
    return int(_LENGTH.unpack(_exactly(answer, _LENGTH.size))[0])


def _exactly(answer: IO[bytes], size: int) -> bytes:
    content = answer.read(size)
    if len(content) != size:
        raise ValueError("it ends too early")
    return content


def _error(said: Mapping[str, str]) -> Exception:
    if said["kind"] == "archive":
        return ArchiveError(said["message"])
    return SourceError(str(said["message"]), str(said["rule"]))


# ---- the child


def child() -> None:
    """Read what standard input asks for, answer on standard output, and end."""
    sys.modules["pandas"] = None  # type: ignore[assignment]  # see etl.cli.without_pandas
    _die_with_parent()
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    line = _line(0)
    if not line:
        os._exit(0)  # nothing was to be read
    request = json.loads(line)
    _confine(ReadingConfig(**request["limits"]))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _answer(answer, _carry_out(request))
        answer.flush()
    except MemoryError:
        os._exit(OVER_MEMORY)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        os._exit(_NO_ROOM[error.errno])
    os._exit(0)  # nothing is left to do, and a thread still waits


def _line(descriptor: int) -> bytes:
    line = b""
    while not line.endswith(b"\n") and (more := os.read(descriptor, 1 << 16)):
        line += more
    return line


def _die_with_parent() -> None:
    """On Linux the kernel ends it, also while a library lets no other thread run (``_end_with_parent``)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_with_parent() -> None:
    os.read(0, 1)  # nothing comes any more; it ends when the one who called does
    os._exit(1)


def _confine(limits: ReadingConfig) -> None:
    """Take the limits on; what this system doesn't know is left out."""
    if sys.platform == "win32":
        return
    memory = limits.memory_mb * MEGABYTE
    for kind, soft, hard in (
        # private memory; the address space holds beside it files that are mapped, and what is only reserved
        (resource.RLIMIT_DATA, memory, memory),
        (resource.RLIMIT_AS, 4 * memory, 4 * memory),
        (resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 5),
        (resource.RLIMIT_FSIZE, memory, memory),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        most = resource.getrlimit(kind)[1]
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)  # noqa: PLW2901 - the system's own is lower
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (soft, hard))


def _carry_out(request: Mapping[str, Any]) -> Reading | dict[str, str]:
    """What the source's reader gives, or the error that it ends with."""
    folders = Folders(Path(request["data"]))
    try:
        archive = Archive.told(
            Path(request["archive"]),
            {name: bytes.fromhex(last) for name, last in request["proven"].items()},
            {name: Path(path) for name, path in request["copies"].items()},
        )
        vintages = [Vintage(**each) for each in request["vintages"]]
        spec = every_source(folders)[request["source"]]
        return read_here(archive, Resolver(load_areas(folders.reference)), spec, vintages)
    except SourceError as error:
        return {"kind": "source", "rule": error.rule, "message": str(error)}
    except ArchiveError as error:
        return {"kind": "archive", "rule": "unreadable", "message": str(error)}
    except (OSError, pl.exceptions.PolarsError) as error:
        if isinstance(error, OSError) and error.errno == errno.EFBIG:
            raise
        return {"kind": "source", "rule": "unreadable", "message": str(error)}
    except MemoryError:
        raise
    except Exception as error:
        return {"kind": "source", "rule": "unreadable", "message": unforeseen(error)}


def read_here(
    archive: Archive, resolver: Resolver, spec: SourceSpec, vintages: Sequence[Vintage]
) -> Reading:
    """What a source's reader makes of archived bytes, in this process.

    Raises:
        SourceError: the bytes cannot be read as what they should be.
        ArchiveError: they are missing or altered.
    """
    files = Contents(archive, vintages)
    guard.look_at_bytes(files, spec.binaries)
    reading = Reading()
    spec.reader()(files, reading, resolver)
    return reading


def _answer(out: IO[bytes], found: Reading | dict[str, str]) -> None:
    if isinstance(found, dict):
        _put(out, {"error": {**found, "message": tame(found["message"])}})
        return
    columns = [each.name for each in fields(Finding)]
    frames: list[bytes] = []
    head: dict[str, Any] = {name: getattr(found, name) for name in _COUNTS}
    for name in _FINDINGS:
        head[name] = [{key: getattr(each, key) for key in columns} for each in getattr(found, name)]
    for name in _FRAMES:
        packed = {
            table: [_packed(frame) for frame in each]
            for table, each in getattr(found, name).items()
        }
        head[name] = {table: [len(frame) for frame in each] for table, each in packed.items()}
        frames += [frame for each in packed.values() for frame in each]
    _put(out, head)
    for frame in frames:
        out.write(frame)


def _put(out: IO[bytes], head: Mapping[str, Any]) -> None:
    text = json.dumps(head).encode()
    out.write(_LENGTH.pack(len(text)) + text)


def _packed(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.write_ipc(out)
    return out.getvalue()
