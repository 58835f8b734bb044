"""Zip: the rows as CSV and Parquet, what they are, and how to cite them.

``manifest.json`` names the question, the ledger and its hash, the number of rows, the SHA-256 of each
file beside it, the citation, and the terms of every source in the rows; ``dictionary.md`` says what
the columns mean. The archive is sent while it is written: hashes are taken on the way, so the manifest
comes last.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from typing import Any, Final

from dashboard.answer import Answer
from dashboard.downloads import csv_text, parquet
from dashboard.downloads.format import Pieces, Sink
from etl.datapackage import LICENCE
from etl.dictionary import of_table

DAY: Final = (1980, 1, 1, 0, 0, 0)  # the same answer gives the same bytes
CONTENT: Final = {"data.csv": csv_text.pieces, "data.parquet": parquet.pieces}


def pieces(answer: Answer) -> Pieces:
    """The file, some rows at a time."""
    sink = Sink()
    files: dict[str, dict[str, Any]] = {}
    with zipfile.ZipFile(sink, "w") as archive:
        for name, write in CONTENT.items():
            for _ in _member(archive, name, write(answer), files):
                yield sink.take()
        dictionary = of_table(answer.table).encode()
        for _ in _member(archive, "dictionary.md", iter([dictionary]), files):
            yield sink.take()
        manifest = json.dumps(_manifest(answer, files), ensure_ascii=False, indent=1)
        archive.writestr(_named("manifest.json"), f"{manifest}\n")
    yield sink.take()


def _named(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, DAY)
    info.compress_type = zipfile.ZIP_STORED if name.endswith(".parquet") else zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    return info


def _member(
    archive: zipfile.ZipFile,
    name: str,
    content: Iterator[bytes],
    files: dict[str, dict[str, Any]],
) -> Iterator[None]:
    """Write one file piece by piece, and note its size and hash when it is done."""
    digest, size = hashlib.sha256(), 0
    with archive.open(_named(name), "w", force_zip64=True) as file:
        for piece in content:
            file.write(piece)
            digest.update(piece)
            size += len(piece)
            yield
    files[name] = {"bytes": size, "sha256": digest.hexdigest()}


def _manifest(answer: Answer, files: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {**answer.provenance("zip"), "licence_of_the_transcription": LICENCE, "files": files}
