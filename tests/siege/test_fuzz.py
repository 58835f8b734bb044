"""A sample of the hundred thousand spoiled inputs: what comes in may be refused, but only by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl.settings import Folders
from tests.siege.asking import Api
from tests.siege.fuzz import Packed, Pages, Parts, Readers, Tally, besiege
from tests.siege.seeds import seeds

FIRST = 20261126  # the full run draws others


@pytest.mark.parametrize(
    ("target", "count"), [(Readers, 120), (Parts, 150), (Packed, 150), (Pages, 150)],
    ids=lambda value: getattr(value, "__name__", None),
)  # fmt: skip
def test_spoiled_files_are_read_or_refused_by_name(
    target: type[Readers | Parts | Packed | Pages], count: int, tmp_path: Path
) -> None:
    tally = Tally()
    made = target(tmp_path, tally)
    besiege(target.strategy, made.one, count, FIRST)
    made.close()
    assert tally.crashes == {}
    assert tally.tried == count
    assert len(tally.results) > 1, "some are read, and some refused"
    assert min(tally.results.values()) > count / 20


def test_no_question_to_the_api_ends_in_anything_but_an_answer_or_a_reason(
    past: Folders, pool: None, tmp_path: Path
) -> None:
    tally = Tally()
    api = Api(tmp_path, tally)
    besiege(Api.strategy, api.one, 150, FIRST)
    api.close()
    assert tally.crashes == {}
    assert tally.tried == 150
    assert min(tally.results["200"], tally.results["400"]) > 10


def test_what_is_spoiled_was_whole_before(tmp_path: Path) -> None:
    tally = Tally()
    readers = Readers(tmp_path, tally)
    for each in seeds():
        readers.read(each, dict(each.files), each.spec.source_id)
    readers.close()
    assert tally.crashes == {}
    refused = tally.results["refused, and the source keeps its last good figures"]
    assert refused == 0
