"""How many answers are under way: a number that is raised and lowered by many threads."""

from __future__ import annotations

import threading


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
