"""Broken vintages: each must be stopped by the check that is named here, and change no figure."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections.abc import Callable
from typing import Final, NamedTuple

from etl.settings import Folders
from tests.helpers import TRANSCRIBED, Row, csv_text, figures, run
from tests.resilience import lab

Break = Callable[[bytes], bytes | None]
Rows = list[Row]

DOD: Final = "us_funding/dod_hma.csv"
EVENTS: Final = "us_funding/program_events.csv"
COUNTRY: Final = "us_funding/us_cwd_country_fy.csv"
CASUALTIES: Final = "casualties/monitor_country_year.csv"
NATIONAL: Final = "casualties/national_country_year.csv"
DONORS: Final = "world/donor_recipient_year.csv"
TREATIES: Final = "world/treaty_status.csv"
CONTAMINATION: Final = "world/contamination.csv"
PRICES: Final = "context/us_price_indexes.csv"


class Kind(NamedTuple):
    """One way in which a vintage is broken, and the check (or checks) that must stop it."""

    source: str
    file: str
    change: Break
    rule: str


# --- Ways to break ---


def becomes(content: bytes) -> Break:
    """Something else came in the file's place."""
    return lambda _: content


def gone(_: bytes) -> None:
    """The file is not there."""


def rows(change: Callable[[Rows], Rows]) -> Break:
    """Change the rows, in the file's own shape."""

    def changed(content: bytes) -> bytes:
        header, before = _parse(content)
        return csv_text(header, change(before)).encode()

    return changed


def _parse(content: bytes) -> tuple[list[str], Rows]:
    reader = csv.DictReader(io.StringIO(content.decode(), newline=""))
    return list(reader.fieldnames or ()), [dict(row) for row in reader]


def cells(column: str, change: Callable[[str], str], first: int | None = None) -> Break:
    """Change the filled cells of a column, or only the ``first`` of them."""

    def changed(before: Rows) -> Rows:
        filled = [index for index, row in enumerate(before) if row[column]][:first]
        return [
            row | {column: change(row[column])} if index in filled else row
            for index, row in enumerate(before)
        ]

    return rows(changed)


def times(factor: float, column: str = "amount_usd", first: int | None = None) -> Break:
    """Multiply figures."""

    def multiplied(text: str) -> str:
        return f"{float(text) * factor:.2f}".rstrip("0").rstrip(".")

    return cells(column, multiplied, first)


def one(column: str, text: str) -> Break:
    """Write ``text`` into the first filled cell of a column."""
    return cells(column, lambda _: text, first=1)


def exchange_headings(first: str, second: str) -> Break:
    """Two columns bear each other's name."""

    def changed(content: bytes) -> bytes:
        heading, rest = content.split(b"\n", 1)
        swap = {first.encode(): second.encode(), second.encode(): first.encode()}
        end = b"\r" if heading.endswith(b"\r") else b""
        names = heading.removesuffix(b"\r").split(b",")
        return b",".join(swap.get(name, name) for name in names) + end + b"\n" + rest

    return changed


def exchange_values(first: str, second: str, count: int | None = None) -> Break:
    """Two columns hold each other's values, in all rows that have both or in ``count`` of them."""

    def changed(before: Rows) -> Rows:
        differ = [i for i, row in enumerate(before) if row[first] and row[second]]
        differ = [i for i in differ if before[i][first] != before[i][second]][:count]
        return [
            row | {first: row[second], second: row[first]} if i in differ else row
            for i, row in enumerate(before)
        ]

    return rows(changed)


def exchange_names(column: str, first: str, second: str) -> Break:
    """Two countries are taken for each other."""
    swap = {first: second, second: first}
    return cells(column, lambda text: swap.get(text, text))


def shift_down(column: str) -> Break:
    """A column slipped down by one row."""

    def changed(before: Rows) -> Rows:
        moved = [before[-1][column], *(row[column] for row in before[:-1])]
        return [row | {column: text} for row, text in zip(before, moved, strict=True)]

    return rows(changed)


def cut(share: float, *, mended: bool = False) -> Break:
    """Only the start came; ``mended`` ends the torn line."""

    def changed(content: bytes) -> bytes:
        start = content[: int(len(content) * share)]
        while start.endswith(b"\n"):
            start = start[:-1]
        return start + (b"\n" if mended else b"")

    return changed


def replaced(old: bytes, new: bytes, count: int = 1) -> Break:
    """Exchange bytes that must be there."""

    def changed(content: bytes) -> bytes:
        assert old in content, old
        return content.replace(old, new, count)

    return changed


def gzipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("data.csv", content)
    return packed.getvalue()


def mojibake(text: str) -> str:
    """UTF-8 read as Latin-1; names of plain letters get a wrong one."""
    return text.replace("a", "á").encode().decode("latin-1")


def next_year(text: str) -> str:
    return str(int(text) + 1)


def without_column(name: str) -> Break:
    def changed(content: bytes) -> bytes:
        header, before = _parse(content)
        kept = [column for column in header if column != name]
        return csv_text(kept, [{column: row[column] for column in kept} for row in before]).encode()

    return changed


def repeat_header(content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    middle = len(lines) // 2
    return b"".join([*lines[:middle], lines[0], *lines[middle:]])


def of_file(name: str) -> Break:
    """Another file came in this one's place."""
    return lambda _: (TRANSCRIBED / name).read_bytes()


HTML: Final = (
    b"<!DOCTYPE html>\n<html><head><title>503</title></head><body>Try later</body></html>\n"
)
LFS: Final = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 13092\n"

KINDS: Final[dict[str, Kind]] = {
    # not the data at all
    "an HTML error page": Kind("dod_hma", DOD, becomes(HTML), "HTML page"),
    "an HTML page after a byte order mark and blank lines": Kind("treaties", TREATIES, becomes(b"\xef\xbb\xbf\r\n\r\n" + HTML), "HTML page"),
    "a JSON error": Kind("dod_hma", DOD, becomes(b'{"error": "rate limit exceeded"}\n'), "unreadable"),
    "an XML error": Kind("dod_hma", DOD, becomes(b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>\n'), "unreadable"),
    "a PDF": Kind("dod_hma", DOD, becomes(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"), "binary file"),
    "gzip": Kind("dod_hma", DOD, gzipped, "binary file"),
    "a zip archive": Kind("treaties", TREATIES, zipped, "binary file"),
    "a Git LFS pointer": Kind("dod_hma", DOD, becomes(LFS), "unreadable"),
    "another source's file": Kind("dod_hma", DOD, of_file(TREATIES), "unreadable"),
    "the sister file of the same shape": Kind("landmine_monitor", CASUALTIES, of_file(NATIONAL), "fewer entries"),
    "no file": Kind("dod_hma", DOD, gone, "missing file"),
    "an empty file": Kind("dod_hma", DOD, becomes(b""), "empty body"),
    "a byte order mark alone": Kind("dod_hma", DOD, becomes(b"\xef\xbb\xbf"), "empty body"),
    "blank lines alone": Kind("dod_hma", DOD, becomes(b"\r\n \r\n\t\r\n"), "empty body"),
    # encodings and characters
    "UTF-16": Kind("dod_hma", DOD, lambda content: content.decode().encode("utf-16"), "unreadable"),
    "UTF-16 without a mark": Kind("dod_hma", DOD, lambda content: content.decode().encode("utf-16-le"), "unreadable"),
    "Latin-1": Kind("dod_hma", DOD, replaced(b"Chad,", "Côte d'Ivoire,".encode("latin-1")), "unreadable"),
    "a NUL": Kind("dod_hma", DOD, replaced(b"Chad,", b"Ch\x00ad,"), "unreadable"),
    "a cell of 10 MB": Kind("dod_hma", DOD, one("note", "x" * 10_000_000), "unreadable"),
    "garbled names of countries": Kind("state_tweis", COUNTRY, cells("country", mojibake), "withdrawn"),
    "one garbled name of a country": Kind("state_tweis", COUNTRY, cells("country", mojibake, 1), "withdrawn"),
    "a right-to-left mark in an amount": Kind("dod_hma", DOD, one("amount_usd", "\u200f6708000"), "rejects"),
    "a right-to-left mark in a name": Kind("state_tweis", COUNTRY, one("country", "\u202eVietnam"), "withdrawn"),
    "full-width digits": Kind("dod_hma", DOD, one("amount_usd", "\uff16\uff17\uff10\uff18\uff10\uff10\uff10"), "rejects"),
    # cut short, repeated, in pieces
    "all rows gone": Kind("treaties", TREATIES, rows(lambda _: []), "fewer entries"),
    "half the rows gone": Kind("treaties", TREATIES, rows(lambda all_rows: all_rows[::2]), "fewer entries"),
    "rows gone from the middle": Kind("treaties", TREATIES, rows(lambda all_rows: all_rows[:100] + all_rows[110:]), "fewer entries"),
    "the last row gone": Kind("us_price_indexes", PRICES, rows(lambda all_rows: all_rows[:-1]), "fewer entries"),
    "a row in another's place": Kind("program_events", EVENTS, rows(lambda all_rows: [*all_rows[:-1], all_rows[0] | {"event": "Something else"}]), "withdrawn"),
    "all rows twice": Kind("treaties", TREATIES, lambda content: content + content.split(b"\n", 1)[1], "rejects"),
    "one row twice": Kind("program_events", EVENTS, rows(lambda all_rows: [*all_rows, all_rows[3]]), "rejects"),
    "one key twice with two values": Kind("state_tweis", COUNTRY, rows(lambda all_rows: [*all_rows, all_rows[0] | {"amount_usd": "1"}]), "rejects"),
    "the heading again in the middle": Kind("dod_hma", DOD, repeat_header, "rejects"),
    "no heading": Kind("dod_hma", DOD, lambda content: content.split(b"\n", 1)[1], "unreadable"),
    "marks of a merge": Kind("dod_hma", DOD, replaced(b"\n2003", b"\n<<<<<<< HEAD\n2003"), "rejects"),
    # columns
    "a column missing": Kind("dod_hma", DOD, without_column("amount_usd"), "unreadable"),
    "a column renamed": Kind("dod_hma", DOD, replaced(b",amount_usd,", b",amount,"), "unreadable"),
    "a column repeated": Kind("dod_hma", DOD, replaced(b",note\r\n", b",note,note\r\n"), "unreadable"),
    "a cell too many": Kind("treaties", TREATIES, replaced(b"\nAFG,", b"\nAFG,AFG,"), "rejects"),
    "a cell too few": Kind("treaties", TREATIES, replaced(b"\nAFG,", b"\n"), "rejects"),
    "semicolons for commas": Kind("us_price_indexes", PRICES, replaced(b",", b";", -1), "unreadable"),
    "tabs for commas": Kind("us_price_indexes", PRICES, replaced(b",", b"\t", -1), "unreadable"),
    "a quotation mark left open": Kind("dod_hma", DOD, replaced(b'"Defense', b'""Defense'), "unreadable"),
    "killed and injured exchanged by heading": Kind("landmine_monitor", CASUALTIES, exchange_headings("killed", "injured"), "exchanged columns"),
    "killed and injured exchanged by value": Kind("landmine_monitor", CASUALTIES, exchange_values("killed", "injured"), "exchanged columns"),
    "killed and injured exchanged in one row": Kind("landmine_monitor", CASUALTIES, exchange_values("killed", "injured", 1), "exchanged columns"),
    "children and women exchanged": Kind("landmine_monitor", CASUALTIES, exchange_headings("children", "women"), "exchanged columns"),
    "civilian and military exchanged": Kind("landmine_monitor", CASUALTIES, exchange_headings("civilian", "military"), "exchanged columns"),
    "donor and recipient exchanged": Kind("landmine_monitor", DONORS, exchange_headings("donor", "recipient"), "withdrawn"),
    "country and region exchanged": Kind("state_tweis", COUNTRY, exchange_headings("country", "region"), "rejects"),
    "two countries taken for each other": Kind("state_tweis", COUNTRY, exchange_names("country", "Vietnam", "Angola"), "withdrawn"),
    "amounts slipped down by a row": Kind("state_tweis", COUNTRY, shift_down("amount_usd"), "words unchanged"),
    "years slipped down by a row": Kind("state_tweis", COUNTRY, shift_down("fiscal_year"), "rejects or withdrawn"),
    # amounts
    "amounts times 1,000": Kind("state_tweis", COUNTRY, times(1000), "unit jump"),
    "amounts times 100": Kind("dod_hma", DOD, times(100), "unit jump"),
    "amounts through 1,000": Kind("landmine_monitor", DONORS, times(0.001), "unit jump"),
    "one amount times 1,000": Kind("state_tweis", COUNTRY, times(1000, first=1), "unit jump"),
    "one amount through 1,000": Kind("landmine_monitor", DONORS, times(0.001, first=1), "unit jump"),
    "amounts in another currency": Kind("state_tweis", COUNTRY, times(0.86), "words unchanged"),
    "amounts doubled": Kind("dod_hma", DOD, times(2), "words unchanged"),
    "amounts rounded to millions": Kind("state_tweis", COUNTRY, cells("amount_usd", lambda text: f"{round(float(text), -6):.0f}"), "words unchanged"),
    "amounts all nought": Kind("dod_hma", DOD, cells("amount_usd", lambda _: "0"), "words unchanged"),
    "amounts blanked": Kind("state_tweis", COUNTRY, cells("amount_usd", lambda _: ""), "values blanked"),
    "amounts of the Defense file blanked": Kind("dod_hma", DOD, cells("amount_usd", lambda _: ""), "values blanked"),
    "one amount blanked": Kind("dod_hma", DOD, one("amount_usd", ""), "values blanked"),
    "casualties blanked": Kind("landmine_monitor", CASUALTIES, cells("total", lambda _: ""), "values blanked"),
    "areas of land blanked": Kind("landmine_monitor", CONTAMINATION, cells("contamination_km2", lambda _: ""), "values blanked"),
    "index values times 100": Kind("us_price_indexes", PRICES, times(100, "value"), "unit jump"),
    "casualties of one row times 1,000": Kind("national_registers", NATIONAL, times(1000, "total", 1), "unit jump"),
    "negative amounts": Kind("state_tweis", COUNTRY, cells("amount_usd", lambda text: f"-{text}"), "sign changed"),
    "one negative amount": Kind("state_tweis", COUNTRY, one("amount_usd", "-12548000"), "sign changed"),
    "thousands commas": Kind("state_tweis", COUNTRY, cells("amount_usd", lambda text: f"{int(float(text)):,}"), "rejects"),
    "thousands points": Kind("state_tweis", COUNTRY, cells("amount_usd", lambda text: f"{int(float(text)):,}".replace(",", ".")), "rejects"),
    "decimal commas": Kind("us_price_indexes", PRICES, cells("value", lambda text: text.replace(".", ",")), "rejects"),
    "NaN": Kind("us_price_indexes", PRICES, one("value", "NaN"), "rejects"),
    "infinity": Kind("us_price_indexes", PRICES, one("value", "inf"), "rejects"),
    "an exponent": Kind("dod_hma", DOD, one("amount_usd", "6.708e6"), "rejects"),
    "a currency sign": Kind("dod_hma", DOD, one("amount_usd", "$6708000"), "rejects"),
    "a word for a missing figure": Kind("dod_hma", DOD, one("amount_usd", "n/a"), "rejects"),
    "a formula for a number": Kind("dod_hma", DOD, one("amount_usd", '=HYPERLINK("http://evil.example")'), "rejects"),
    "a script for a number": Kind("dod_hma", DOD, one("amount_usd", "<script>alert(1)</script>"), "rejects"),
    "a link for a number": Kind("dod_hma", DOD, one("amount_usd", "[1](javascript:alert(1))"), "rejects"),
    "the minus sign of typographers": Kind("dod_hma", DOD, one("amount_usd", "−6708000"), "rejects"),
    "an unknown category": Kind("dod_hma", DOD, one("status", "guessed"), "rejects"),
    # time
    "an event in the future": Kind("program_events", EVENTS, one("date", "2099-01-01"), "future date"),
    "casualties of a year to come": Kind("landmine_monitor", CASUALTIES, one("year", "2099"), "future date"),
    "a year beyond all bounds": Kind("state_tweis", COUNTRY, one("fiscal_year", "20155"), "rejects"),
    "fiscal years all one later": Kind("state_tweis", COUNTRY, cells("fiscal_year", next_year), "withdrawn"),
    "calendar years all one later": Kind("landmine_monitor", CASUALTIES, cells("year", next_year), "withdrawn"),
    "one year one later": Kind("state_tweis", COUNTRY, cells("fiscal_year", next_year, 1), "rejects"),
    "index years all one later": Kind("us_price_indexes", PRICES, cells("year", next_year), "withdrawn"),
    "day and month exchanged": Kind("program_events", EVENTS, one("date", "2025-31-12"), "rejects"),
    "a date as Americans write it": Kind("program_events", EVENTS, one("date", "12/02/2025"), "rejects"),
    "a date that no calendar has": Kind("program_events", EVENTS, one("date", "2025-02-30"), "rejects or withdrawn"),
    "a treaty date that no calendar has": Kind(
        "treaties", TREATIES, one("signed", "2008-02-30"), "rejects"
    ),
    "treaty dates blanked": Kind("treaties", TREATIES, cells("signed", lambda _: ""), "revised"),
}  # fmt: skip

MENDED: Final = "rejects or fewer entries or unreadable"  # as the cut falls
CUTS: Final = {
    f"cut after {percent} %{', its line ended' if mended else ''}": Kind(
        "treaties",
        TREATIES,
        cut(percent / 100, mended=mended),
        MENDED if mended else "unreadable",
    )
    for percent in (1, *range(4, 100, 8), 99)
    for mended in (False, True)
}


def try_kind(folders: Folders, name: str, kind: Kind) -> list[str]:
    """Refresh with the broken file; what is wrong with the outcome. The file is put back."""
    path = folders.transcribed / kind.file
    good, before = path.read_bytes(), figures(folders)
    broken = kind.change(good)
    assert broken != good, f"{name} breaks nothing"
    if broken is None:
        path.unlink()
    else:
        path.write_bytes(broken)
    try:
        rule = str(lab.rule_of(run(folders, kind.source).sources[0]))
        wrong = (
            [] if rule in kind.rule.split(" or ") else [f"stopped by {rule}, not by {kind.rule}"]
        )
        after = figures(folders)
    except Exception as error:  # a refresh must not raise for a broken file
        return [f"raised {type(error).__name__}: {error}"]
    finally:
        path.write_bytes(good)
    changed = [table for table, digest in after.items() if digest != before[table]]
    return wrong + ([f"changed figures in {', '.join(changed)}"] if changed else [])


def experiment(folders: Folders, chosen: list[str], every: dict[str, Kind]) -> lab.Result:
    """Each of ``chosen`` upon ``folders``, which must hold a ledger of all sources."""
    result = lab.Result()
    rules: dict[str, int] = {}
    for name in chosen:
        wrong = try_kind(folders, name, every[name])
        result.add(name, wrong)
        if wrong:  # go on from the good figures
            run(folders, every[name].source)
        else:
            rules[every[name].rule] = rules.get(every[name].rule, 0) + 1
    result.figures["stopped by rule"] = dict(sorted(rules.items()))
    return result
