"""Whoever alters a byte, a cell or a file of what was kept is found out."""

from __future__ import annotations

from pathlib import Path

from etl.settings import Folders
from tests.resilience import lab, tampering


def test_every_tampering_is_found(pristine: Folders, scratch: Path) -> None:
    folders = lab.copy(pristine, scratch)
    result = tampering.run(folders, flipped=8, columns_each=1, statements=25)
    assert result.failures == []
    assert result.tried > 50
