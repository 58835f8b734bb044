"""A disk that fails or fills up: the command says so in a sentence, and nothing is lost.

Python's own calls are made to fail one by one. DuckDB writes by itself: its files are kept from
growing (RLIMIT_FSIZE), and where strace works, its system calls fail one by one, too.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from etl.settings import Folders
from tests.helpers import DATA
from tests.resilience import children, lab
from tests.resilience.traps import STEP, Aim, Call

ERRORS: Final = (errno.EIO, errno.ENOSPC)
SYSTEM_CALLS: Final = ("write", "pwrite64", "fsync", "fdatasync", "rename", "ftruncate", "sendfile")
HMA: Final = "from etl.cli import main; main()"


def _verdict(
    folders: Folders, before: lab.State, code: int | None, printed: str, *, must_fail: bool
) -> list[str]:
    """What is wrong with how the command ended, and what does not hold afterwards."""
    wrong = []
    if "Traceback" in printed:
        wrong.append(f"a traceback: {printed.strip().splitlines()[-1]}")
    elif code and "hma:" not in printed and "kept its last good figures" not in printed:
        wrong.append(f"no sentence: {printed!r}")
    if code is None or code < 0:
        wrong.append(f"the command died with {code}")
    if code == 0 and must_fail:
        wrong.append("exit code 0")
    if code == 0 and not lab.is_published(folders):
        wrong.append("exit code 0, but the change is not published")
    return wrong + lab.broken_promises(folders, before)


def fallible(calls: list[Call]) -> list[tuple[int, Call]]:
    """The calls that a disk can fail, with their index."""
    return [(i, call) for i, call in enumerate(calls) if call.name not in {STEP, "execute"}]


def fail_call(folders: Folders, index: int, call: Call, error: int) -> list[str]:
    """The command with one failing call.

    It may do without a ``sendfile`` that fails: ``shutil`` then copies by reading and writing, unless
    the disk is full.
    """
    before = lab.state(folders)
    aim = Aim(index, "before", error)
    code, sent = lab.in_child(children.command_trapped, folders.data, aim, None)
    if sent is None:
        return [f"the command died with {code}"]
    spared = call.name == "sendfile" and error != errno.ENOSPC
    return _verdict(folders, before, sent[0], sent[1], must_fail=not spared)


def limit_files(folders: Folders, most_bytes: int) -> list[str]:
    """The command with files that cannot grow beyond ``most_bytes``."""
    before = lab.state(folders)
    code, sent = lab.in_child(children.command_trapped, folders.data, None, most_bytes)
    if sent is None:
        return [f"the command died with {code}"]
    return _verdict(folders, before, sent[0], sent[1], must_fail=False)


def run_calls(folders: Folders, scratch: Path, count: int | None = None) -> lab.Result:
    """Each call fails once with each error; ``count`` takes a sample."""
    code, sent = lab.in_child(
        children.command_trapped, lab.copy(folders, scratch).data, Aim(-1, "never"), None
    )
    assert code == 0, "the command fails even undisturbed"
    chosen = [(i, call, error) for error in ERRORS for i, call in fallible(sent[2])]
    result = lab.Result()
    for index, call, error in lab.sample(chosen, count):
        wrong = fail_call(lab.copy(folders, scratch), index, call, error)
        result.add(f"{errno.errorcode[error]} at {call} (call {index})", wrong)
    return result


def run_limits(folders: Folders, scratch: Path, count: int) -> lab.Result:
    """``count`` limits from no byte at all to more than the ledger needs."""
    largest = max(path.stat().st_size for path in folders.ledger.glob("*.duckdb"))
    small = [0, 1, 4096, 10_000, 12_288, 65_536]
    rest = count - len(small)
    result = lab.Result()
    for most in [*small, *(round(largest * 1.2 * (i + 1) / rest) for i in range(rest))][:count]:
        result.add(f"files of at most {most} bytes", limit_files(lab.copy(folders, scratch), most))
    return result


# --- strace ---


class Injection(NamedTuple):
    """The ``number``-th call of one system call, counted in each thread."""

    system_call: str
    number: int


def _hma(folders: Folders, log: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["strace", "-f", "-qq", "-y", "-o", str(log), *options, sys.executable, "-c", HMA,
         "refresh", *lab.SOURCES],
        env=os.environ | {"HMA_DATA": str(folders.data), "COLUMNS": "300",
                          "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, check=False, timeout=300, cwd=DATA.parent,
    )  # fmt: skip


def why_no_strace(scratch: Path) -> str | None:
    """Why strace cannot be used here, or None."""
    if not shutil.which("strace"):
        return "strace is not installed"
    log = scratch.with_name("strace.log")
    tried = subprocess.run(
        ["strace", "-o", str(log), "-e", "inject=getppid:error=EIO", "true"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return f"strace may not trace here: {tried.stderr.strip()}" if tried.returncode else None


def injections(folders: Folders, log: Path) -> list[Injection]:
    """The system calls by which an undisturbed command writes below the data folder."""
    done = _hma(folders, log, "-e", f"trace={','.join(SYSTEM_CALLS)}")
    assert done.returncode == 0, done.stderr
    return sorted(set(_ours(log.read_text(errors="replace"), str(folders.data))))


def _ours(log: str, folder: str) -> Iterator[Injection]:
    counted: Counter[tuple[str, str]] = Counter()
    for line in log.splitlines():
        found = re.match(r"(\d+) +(\w+)\(", line)
        if not found:
            continue
        thread, call = found.groups()
        counted[thread, call] += 1
        if folder in line:
            yield Injection(call, counted[thread, call])


def inject(folders: Folders, log: Path, at: Injection, what: str) -> list[str]:
    """The command under strace; ``what`` is ``error=ENOSPC`` or ``signal=SIGKILL``."""
    before = lab.state(folders)
    option = f"inject={at.system_call}:{what}:when={at.number}"
    done = _hma(folders, log, "-e", f"trace={at.system_call}", "-e", option)
    if what == "signal=SIGKILL":
        return lab.broken_promises(folders, before)
    printed = done.stdout + done.stderr
    return _verdict(folders, before, done.returncode, printed, must_fail=False)


def run_strace(folders: Folders, scratch: Path, count: int) -> lab.Result:
    """``count`` system calls fail, and as many are the last thing the command does."""
    log = scratch.with_name("strace.log")
    result = lab.Result()
    every = injections(lab.copy(folders, scratch), log)
    for what in ("error=ENOSPC", "error=EIO", "signal=SIGKILL"):
        for at in lab.sample(every, count // 3):
            wrong = inject(lab.copy(folders, scratch), log, at, what)
            result.add(f"{what} at {at.system_call} number {at.number}", wrong)
    result.figures["system calls that write"] = len(every)
    return result
