"""A dataset on a Socrata portal as its documents describe it, for the replay server.

Rows may be entered and taken away between two pages: ``between`` is called after each page with its
number, counted over the whole life of the dataset.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.replay import Computed, Replay, Route, Seen, Status, answer_json

Row = Mapping[str, str]


@dataclass
class Dataset:
    """Rows by ``:id``, in the order of their ids."""

    columns: Sequence[str]
    rows: dict[str, Row]
    newest_change: str = "2026-01-15T10:00:00.000Z"
    between: Callable[[int], None] = lambda _: None
    pages: int = 0
    entered: int = 0
    odd: dict[int, Route] = field(default_factory=dict)  # instead of the page of that number

    def serve(self, replay: Replay, dataset: str) -> None:
        replay.on(f"/resource/{dataset}.json", Computed(self._state))
        replay.on(f"/resource/{dataset}.csv", Computed(self._page))

    def enter(self, row_id: str, row: Row) -> None:
        self.rows[row_id] = row
        self.entered += 1
        self.newest_change = f"2026-01-16T10:00:00.{self.entered:03}Z"

    def _state(self, seen: Seen) -> Route:
        select = seen.query["$select"]
        assert select == "count(*) as row_count, max(:updated_at) as newest_change"
        return answer_json(
            [{"row_count": str(len(self.rows)), "newest_change": self.newest_change}]
        )

    def _page(self, seen: Seen) -> Route:
        asked = seen.query
        assert (asked["$select"], asked["$order"]) == (":id, *", ":id"), "no order, no pages"
        start, size = int(asked["$offset"]), int(asked["$limit"])
        self.pages += 1
        ids = sorted(self.rows)[start : start + size]
        out = io.StringIO(newline="")
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([":id", *self.columns])
        writer.writerows(
            [one, *(self.rows[one].get(name, "") for name in self.columns)] for one in ids
        )
        self.between(self.pages)
        return self.odd.pop(self.pages, None) or Status(
            200, out.getvalue().encode(), {"Content-Type": "text/csv; charset=utf-8"}
        )
