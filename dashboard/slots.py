"""How many answers are under way: numbers that are raised and lowered by many threads.

Answers with rows, workbooks and small questions are counted apart, so that none of them keeps the others from
being answered: whoever asks for a count is not behind eight downloads, and two workbooks leave processors free.
"""

from __future__ import annotations

import threading
from typing import Final


class Slots:
    """A counter with a limit that is named by whoever asks, because a setting is read late."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.taken = 0

    def take(self, most: int) -> bool:
        """Take one, unless ``most`` are taken."""
        with self._lock:
            if self.taken >= most:
                return False
            self.taken += 1
            return True

    def give_back(self) -> None:
        """Give one back."""
        with self._lock:
            self.taken -= 1


RETRY_SECONDS: Final = 10  # after which whoever found none may ask again
rows: Final = Slots()
workbooks: Final = Slots()
questions: Final = Slots()
