"""A damaged areas.csv is refused with its line: a repeated area would double every sum over it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from etl.reading import SourceError
from etl.settings import Folders
from tests.helpers import figures, run


def _repeat_vietnam(text: str) -> str:
    return text + next(line for line in text.splitlines(keepends=True) if line.startswith("VNM,"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_repeat_vietnam, r"areas.csv line \d+ repeats the area VNM"),
        (lambda text: text.splitlines(keepends=True)[0], "0 areas, at least 350 expected"),
        (lambda text: text[: len(text) // 2], "does not end with a line break"),
        (lambda text: text.replace("spellings", "spelling", 1), "lacks the column spellings"),
        (lambda text: text + "a,b\n", "areas.csv line 378: wrong number of cells"),
        (lambda text: "", "areas.csv is empty"),
    ],
    ids=["repeated", "header only", "cut", "renamed column", "ragged", "empty"],
)
def test_a_damaged_table_of_areas_publishes_nothing(
    published: Folders, damage: Callable[[str], str], message: str
) -> None:
    before = figures(published)
    path = published.reference / "areas.csv"
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(SourceError, match=message):
        run(published, "treaties")
    assert figures(published) == before
