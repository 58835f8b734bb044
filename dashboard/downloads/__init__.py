"""An answer as a file: one small module a format, each giving the file piece by piece.

A :class:`Format` turns a :class:`dashboard.answer.Answer` into bytes. All read the same rows in the
same order and keep their types as far as the format has them. A format asks for its first rows before it
gives its first piece, so that what cannot be answered is refused while a refusal can still be sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from dashboard.downloads import bundle, csv_text, json_text, parquet, workbook
from dashboard.downloads.format import Format, TooLargeError

__all__ = ["FORMATS", "Format", "TooLargeError"]

FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        one.ending: one
        for one in (
            Format("csv", "CSV", "text/csv; charset=utf-8; header=present", csv_text.pieces),
            Format("xlsx", "Excel", workbook.MEDIA_TYPE, workbook.pieces),
            Format("parquet", "Parquet", "application/vnd.apache.parquet", parquet.pieces),
            Format("json", "JSON", "application/json", json_text.document),
            Format("ndjson", "NDJSON", "application/x-ndjson", json_text.lines),
            Format("zip", "Zip with citation and licences", "application/zip", bundle.pieces),
        )
    }
)
