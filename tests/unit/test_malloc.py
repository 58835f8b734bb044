"""What is freed between blocks that stay goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# Frees a large block, which raises the allocator's own threshold, and then every other one of many.
HOLES = """
import ctypes, sys
from pathlib import Path
from etl import malloc
if sys.argv[1] == "given back":
    assert malloc.give_back()
lib = ctypes.CDLL(None)
lib.malloc.restype, lib.malloc.argtypes, lib.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
resident = lambda: int(Path("/proc/self/statm").read_text().split()[1]) * 4096
lib.free(lib.malloc(16 << 20))
before = resident()
blocks = []
for _ in range(100):
    block = lib.malloc(1 << 20)
    ctypes.memset(block, 1, 1 << 20)
    blocks.append(block)
    lib.malloc(60_000)  # stays between them, and is not touched
for block in blocks:
    lib.free(block)
print((resident() - before) >> 20)
"""


def held(how: str) -> int:
    """Megabytes of a hundred that the process still has after it freed them."""
    done = subprocess.run(
        [sys.executable, "-c", HOLES, how], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is not GNU's")
def test_freed_blocks_between_others_go_back() -> None:
    assert held("given back") < 5
    assert held("as it is") > 50  # or the setting is no longer needed
