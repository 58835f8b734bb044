"""What the server frees goes back to the system, also when other blocks lie around it.

GNU's allocator keeps an area for every thread and raises by itself the size from which a block has pages of its
own: after fifty readers at once a quarter more than before stayed with the process, in holes between small
blocks. With these fixed, a seventh stays (``make siege PARTS=load``). See mallopt(3) for the numbers.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Final

TRIM_THRESHOLD: Final = -1  # M_TRIM_THRESHOLD: so many free bytes at an area's end are given back
MMAP_THRESHOLD: Final = -3  # M_MMAP_THRESHOLD: blocks from this size have pages of their own
ARENA_MAX: Final = -8  # M_ARENA_MAX: how many areas there are
SETTINGS: Final = ((TRIM_THRESHOLD, 128 << 10), (MMAP_THRESHOLD, 128 << 10), (ARENA_MAX, 2))


def give_back() -> bool:
    """Set it for this process, before it has threads; False where the allocator is another one."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    return mallopt is not None and all(mallopt(name, value) == 1 for name, value in SETTINGS)
