"""A file in the shape of IATI's XML, of any size, and what a bare pass over it costs beside our reader.

    python -m tests.bench.iati FILE [GIGABYTES]

Writes about that many gigabytes (2) and prints, as JSON, for each of three passes, each in a process of
its own: megabytes a second, also of processor time, and the most memory used. ``bare`` is lxml's own ``iterparse`` over
the activities, each cleared, nothing read; ``reader`` is the whole reader on the plain file; ``packed`` is
the reader on the file as it lies in the archive, under Zstandard. The reader's share of mine action, rows
and percentages is checked against what was written.

Every figure in the file is made up. Activities have the length of real ones of version 2.03; one in
two hundred is about mines, one in forty of those has percentages that do not add to 100.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import IO, Final, NamedTuple, cast

import zstandard
from lxml import etree

from etl.archive import Contents
from etl.areas import Resolver, load_areas
from etl.packing import PACKED
from etl.reading import Reading
from etl.sources.iati.read import NAME, read
from tests.bench.foreignassistance import OneFile
from tests.helpers import DATA

GIGABYTE: Final = 1_000_000_000
MINES_EVERY: Final = 200
WRONG_EVERY: Final = 40  # of those about mines
TRANSACTIONS: Final = 12
COUNTRIES: Final = ("AF", "KH", "LA", "VN", "IQ", "CO", "AO", "UA")
WORDS: Final = (
    "Support to partner institutions, communities and services in the areas of the programme. "
)
ACTIVITY: Final = """
 <iati-activity default-currency="USD" hierarchy="1" last-updated-datetime="2025-04-03T20:52:13.509Z" xml:lang="en">
  <iati-identifier>XX-TEST-{number}</iati-identifier>
  <reporting-org ref="XX-TEST" type="10"><narrative>A publisher made up for a measurement</narrative></reporting-org>
  <title><narrative>Activity {number}</narrative><narrative xml:lang="fr">Activité {number}</narrative></title>
  <description type="1"><narrative>{words}</narrative></description>
  <participating-org ref="XX-TEST" role="1" type="10"><narrative>A publisher made up for a measurement</narrative></participating-org>
  <participating-org role="4" type="22"><narrative>Implementer {implementer}</narrative></participating-org>
  <activity-status code="2"/><activity-date iso-date="2014-10-01" type="2"/>
  <recipient-country code="{country}" percentage="60"/><recipient-country code="{other}" percentage="40"/>
  {sectors}
  <policy-marker code="1" significance="0" vocabulary="1"><narrative>Gender Equality</narrative></policy-marker>
  <budget type="1"><period-start iso-date="2014-10-01"/><period-end iso-date="2015-09-30"/><value value-date="2014-10-01">1000</value></budget>
{transactions}  <document-link url="https://example.org/{number}" format="application/pdf"><title><narrative>Report</narrative></title></document-link>
 </iati-activity>"""
TRANSACTION: Final = """  <transaction ref="{number}-{index}"><transaction-type code="{type}"/><transaction-date iso-date="{year}-0{month}-28"/>
   <value value-date="{year}-0{month}-28" currency="EUR">{amount}.25</value>
   <description><narrative>Instalment {index} of activity {number}</narrative></description>
   <provider-org ref="XX-TEST" type="10"><narrative>A publisher made up for a measurement</narrative></provider-org>
   <receiver-org type="22"><narrative>Implementer {implementer}</narrative></receiver-org>
   <disbursement-channel code="2"/><flow-type code="10"/><finance-type code="110"/><aid-type code="C01"/>
  </transaction>
"""
MINES: Final = '<sector code="15250" vocabulary="1" percentage="{percent}"/><sector code="15230" vocabulary="1" percentage="40"/>'
OTHER: Final = '<sector code="72010" vocabulary="1" percentage="100"/>'


class Pass(NamedTuple):
    """What one pass found and what it cost."""

    activities: int
    entries: int
    issues: int
    seconds: float
    cpu_seconds: float
    megabytes_a_second: float
    megabytes_a_cpu_second: float
    peak_megabytes: float


def make(path: Path, size_bytes: int) -> dict[str, int]:
    """Write a file of at least that size; returns how many activities, entries and issues are in it."""
    number = mines = wrong = written = 0
    with path.open("wb") as file:
        written += file.write(
            b'<?xml version="1.0" encoding="UTF-8"?>\n<iati-activities version="2.03">'
        )
        while written < size_bytes:
            number += 1
            is_mines = number % MINES_EVERY == 0
            is_wrong = is_mines and number // MINES_EVERY % WRONG_EVERY == 0
            mines, wrong = mines + is_mines, wrong + is_wrong
            written += file.write(_activity(number, is_mines=is_mines, is_wrong=is_wrong))
        file.write(b"\n</iati-activities>\n")
    return {"activities": number, "entries": mines * TRANSACTIONS, "issues": wrong}


def _activity(number: int, *, is_mines: bool, is_wrong: bool) -> bytes:
    transactions = "".join(
        TRANSACTION.format(
            number=number, index=index, type=2 if index == 0 else 3, year=2010 + number % 14,
            month=1 + index % 9, amount=(number * 37 + index * 1009) % 900_000 - 4000,
            implementer=number % 500,
        )
        for index in range(TRANSACTIONS)
    )  # fmt: skip
    return ACTIVITY.format(
        number=number, words=WORDS * (4 + number % 12), implementer=number % 500,
        country=COUNTRIES[number % 8], other=COUNTRIES[(number + 1) % 8],
        sectors=MINES.format(percent=50 if is_wrong else 60) if is_mines else OTHER,
        transactions=transactions,
    ).encode()  # fmt: skip


def pack(path: Path) -> Path:
    """The same file as the archive keeps it."""
    packed = path.with_name(f"{path.name}{PACKED}")
    with path.open("rb") as plain, packed.open("wb") as file:
        zstandard.ZstdCompressor(1, threads=-1, write_checksum=True).copy_stream(plain, file)
    return packed


def bare(stream: IO[bytes]) -> int:
    """Go over the activities and forget each; returns how many there are."""
    count = 0
    for _, element in etree.iterparse(stream, events=("end",), tag=NAME):
        count += 1
        activity = cast("etree._Element", element)
        activity.clear()
        while activity.getprevious() is not None:
            del cast("etree._Element", activity.getparent())[0]
    return count


def measured(what: str, path: Path, size_bytes: int) -> Pass:
    """One pass, in a fresh process."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.bench.iati", f"--{what}", path, str(size_bytes)],
        check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    return Pass(**json.loads(run.stdout))


def _pass(what: str, path: Path, size_bytes: int) -> Pass:
    resolver = Resolver(load_areas(DATA / "reference"))
    reading = Reading()
    clock, cpu = perf_counter(), process_time()
    if what == "--bare":
        with path.open("rb") as stream:
            activities = bare(stream)
    else:
        activities = 0
        read(cast("Contents", _Named(path)), reading, resolver)
    seconds, cpu_seconds = perf_counter() - clock, process_time() - cpu
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Pass(
        activities=activities,
        entries=sum(frame.height for frame in reading.tables.get("funding", [])),
        issues=len(reading.issues),
        seconds=round(seconds, 2),
        cpu_seconds=round(cpu_seconds, 2),
        megabytes_a_second=round(size_bytes / seconds / 1e6, 1),
        megabytes_a_cpu_second=round(size_bytes / cpu_seconds / 1e6, 1),
        peak_megabytes=round(used.ru_maxrss * 1024 / 1e6, 1),  # Linux counts kilobytes
    )


class _Named(OneFile):
    """One file that also says its name."""

    def __iter__(self) -> Iterator[str]:
        return iter([self._path.name])

    def __len__(self) -> int:
        return 1


def main(arguments: Sequence[str]) -> None:
    """Make a file and measure, or be one measured pass: see the module's docstring."""
    path = Path(arguments[1] if arguments[0].startswith("--") else arguments[0])
    if arguments[0].startswith("--"):
        sys.stdout.write(json.dumps(_pass(arguments[0], path, int(arguments[2]))._asdict()))
        return
    expected = make(path, int(float(arguments[1] if arguments[1:] else 2) * GIGABYTE))
    size_bytes = path.stat().st_size
    packed = pack(path)
    passes = {
        "bare": measured("bare", path, size_bytes),
        "reader": measured("reader", path, size_bytes),
        "packed": measured("packed", packed, size_bytes),
    }
    assert passes["bare"].activities == expected["activities"]
    for name in ("reader", "packed"):
        assert passes[name].entries == expected["entries"], name
        assert passes[name].issues == expected["issues"], name
    said = {
        "bytes": size_bytes,
        **expected,
        **{name: each._asdict() for name, each in passes.items()},
    }
    sys.stdout.write(f"{json.dumps(said, indent=1)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
