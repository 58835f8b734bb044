"""Answers of paged programming interfaces, as they lie in the archive: one JSON page a line.

A page is written as it was received; only line breaks between its tokens become spaces, which JSON
allows and which carry nothing, and a mark of the byte order goes. So a page is found again by its
line, and a record by its JSON Pointer within the page. CSV pages lie one after the other under one
heading (:mod:`etl.soda`); what their columns are called is known here.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Any

from etl.archive import Contents
from etl.json_text import json_of
from etl.locate import line_of
from etl.reading import Reading, SourceError


def as_line(page: bytes) -> bytes:
    """A JSON page as one line."""
    return (
        page.removeprefix(codecs.BOM_UTF8).replace(b"\r", b" ").replace(b"\n", b" ").strip() + b"\n"
    )


def records(
    reading: Reading, files: Contents, file: str, key: str = "results"
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each record of each page of ``file`` with its locator; a page holds its records under ``key``.

    Counts them as rows read.

    Raises:
        SourceError: a page is no JSON, or does not hold a list of objects under ``key``.
    """
    with files.open(file) as lines:
        for number, line in enumerate(lines, 1):
            where = line_of(file, number)
            for index, record in enumerate(_listed(where, line, key)):
                reading.rows_read[file] = reading.rows_read.get(file, 0) + 1
                yield f"{where} /{key}/{index}", record


def _listed(where: str, line: bytes, key: str) -> list[dict[str, Any]]:
    page = json_of(line, where)
    found = page.get(key) if isinstance(page, dict) else None
    if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
        has = ", ".join(page)[:200] if isinstance(page, dict) else type(page).__name__
        raise SourceError(f"{where} holds no list of records under {key!r}; it has {has}")
    return found


def field_name(heading: str) -> str:
    """A column's name as the interface writes it, from its heading in a file copy.

    >>> field_name("Ubicación"), field_name("AÑO"), field_name("codigodanemunicipio")
    ('ubicaci_n', 'a_o', 'codigodanemunicipio')
    """
    return re.sub(r"[^a-z0-9]+", "_", heading.strip().lower()).strip("_")


def is_system_field(heading: str) -> bool:
    """A column that the portal adds, not the publisher: ``:id``, ``:@computed_region_…``."""
    return heading.startswith(":")
