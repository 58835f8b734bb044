"""Making the next piece while the last one is used: the database, the format and the network each work on one."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Generator[Item, None, None]) -> Generator[Item, None, None]:
    """The ``items``; each after the first is made in a thread while whoever asked works on the one before.

    At most one is made that nobody takes. Closing waits for it and closes ``items``, so that what they
    are made from may be let go afterwards.
    """
    with closing(items), ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = thread.submit(next, items, None)
            yield item
