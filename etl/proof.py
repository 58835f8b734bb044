"""What verification looks at: the ledger as its home keeps it, and whether it is the one its manifest names.

A file is known by its hash. A lake, and a file that was made from one, is known by its fingerprint
(:mod:`etl.fingerprint`), which the manifest of a refresh that was recorded in a lake names. A ledger that
was moved from one home to the other goes by the manifest of its last refresh, which names the home it came
from; ``moved-000007-<sha256>.json`` beside the manifests names the fingerprint that it had then.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from etl import fingerprint, manifest
from etl.archive import ArchiveError, write_safely
from etl.lake import Replicas
from etl.manifest import Manifest
from etl.report import Report
from etl.settings import Folders
from etl.store import NoLedgerError, current_path


@contextmanager
def kept(folders: Folders) -> Iterator[Path]:
    """The ledger in use as its home keeps it: the file itself, or a file made of all that the lake holds.

    Raises:
        NoLedgerError: there is no published ledger.
    """
    if folders.lake is None:
        yield current_path(folders.ledger)
        return
    lake = Replicas(folders.ledger, folders.lake)
    found = lake.chain()
    if not found:
        raise NoLedgerError("no ledger has been published yet; run: hma refresh")
    lake.close()
    lake.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".whole-", dir=lake.folder) as aside:
        path = Path(aside) / found[-1].file
        lake.whole(path, found[-1])
        yield path


def is_moved(archive: Path, path: Path, link: Manifest, report: Report) -> bool:
    """Whether the ledger at ``path`` is known by its fingerprint, and has it."""
    sha256 = manifest.sha256_of(link)
    known = set(_marks(archive, link.refresh, sha256, report))
    if link.ledger_size_bytes is None:
        known.add(link.ledger_sha256)
    if not known:
        return False
    try:
        return fingerprint.sha256(fingerprint.of_file(path)) in known
    except (duckdb.Error, KeyError) as error:
        report.differs(path.name, f"cannot be read: {error}")
        return False


def is_another_file(archive: Path, link: Manifest) -> bool:
    """The ledger of this manifest came from a lake, or may have: its file need not have the hash that is named."""
    moved = manifest.folder(archive).glob(f"moved-{link.refresh:06d}-*.json")
    return link.ledger_size_bytes is None or any(moved)


def write_moved(
    archive: Path, link: Manifest, mark: str, keep: manifest.Keep | None = None
) -> None:
    """Keep which fingerprint a ledger had when it was moved to the home where it is now; ``keep`` as of a manifest."""
    said = {
        "refresh": link.refresh,
        "manifest_sha256": manifest.sha256_of(link),
        "fingerprint": mark,
    }
    name, content = (
        f"moved-{link.refresh:06d}-{mark}.json",
        f"{json.dumps(said, indent=1)}\n".encode(),
    )
    if keep:
        keep(name, content)
    write_safely(manifest.folder(archive) / name, content)


def _marks(archive: Path, refresh: int, sha256: str, report: Report) -> Iterator[str]:
    """The fingerprints with which the ledger of this manifest was moved."""
    for path in sorted(manifest.folder(archive).glob(f"moved-{refresh:06d}-*.json")):
        try:
            said = json.loads(path.read_bytes())
            if said["manifest_sha256"] == sha256:
                yield str(said["fingerprint"])
        except (OSError, ValueError, KeyError, TypeError, ArchiveError) as error:
            report.differs(path.name, f"cannot be read: {error}")
