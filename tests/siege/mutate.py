"""Spoiling a file: its bytes, or its structure, so that what is spoiled still reaches the reader.

A :class:`Blow` is four things that Hypothesis draws and can make smaller: a kind, two numbers that
say where, and what is put there. The same blows on the same file give the same bytes.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any, Final, Literal, NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from hypothesis import strategies as st
from lxml import etree

from tests.siege.values import ODD, SHORT

TOKENS: Final = (*ODD, *SHORT)
RAW: Final = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\r\n", b"\n\n", b'"', b"'", b",", b"<", b">", b"&", b"]]>", b"{", b"}",
    b"[", b"\\ud800", b"\\u0000", b"\xed\xa0\x80", b"\xc3", b"\xf4\x90\x80\x80", b"NaN", b"1e999", b"<!DOCTYPE a [",
    b"<!ENTITY e 'e'>", b"&e;", b"PK\x03\x04", b"PAR1", b"\x1f\x8b", b"<html>", b"-" * 70, b"[" * 200, b"9" * 400,
)  # fmt: skip
# What may stand in place of a value of JSON or YAML.
STRANGE: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1.5, 10**30, 1e300, -(10**18), [], {}, [[]], [None], {"": None}, [1, "a"], "\ud800", "\x00",
)  # fmt: skip
NUMBER: Final = st.integers(0, 2**24)


class Blow(NamedTuple):
    """One thing done to a file."""

    kind: str
    where: int
    other: int
    token: str


BYTES: Final = (
    "flip",
    "cut out",
    "twice",
    "insert",
    "cut off",
    "exchange",
    "from another",
    "recode",
)
SHAPES: Final = (
    "value",
    "value",
    "value",
    "remove",
    "repeat",
    "rename",
    "strange",
    "swap",
    "ragged",
)
blows: Final = st.lists(
    st.builds(Blow, st.sampled_from((*SHAPES, *SHAPES, *BYTES)), NUMBER, NUMBER, st.sampled_from(TOKENS)),
    min_size=1, max_size=4,
)  # fmt: skip


def struck(name: str, content: bytes, blow: Blow, another: bytes) -> bytes:
    """The file after one blow; one that its structure cannot take goes to its bytes."""
    change = _STRUCTURES.get(PurePath(name).suffix) if blow.kind in SHAPES else None
    if change:
        try:
            return change(content, blow)
        except (ValueError, LookupError, TypeError, SyntaxError, RecursionError, csv.Error, yaml.YAMLError,
                zipfile.BadZipFile, pl.exceptions.PolarsError, pl.exceptions.PanicException, pa.ArrowException,
                NotImplementedError, ArithmeticError, zlib.error, OSError):  # fmt: skip
            pass  # an earlier blow has broken the form: what is left are bytes
    return _bytes(content, blow, another)


def _bytes(  # noqa: PLR0911 - one line a kind
    content: bytes, blow: Blow, another: bytes
) -> bytes:
    size = len(content) or 1
    start = blow.where % size
    end = start + 1 + blow.other % 60
    raw = RAW[blow.other % len(RAW)]
    match blow.kind:
        case "flip":
            flipped = bytearray(content or b"\0")
            flipped[start % len(flipped)] ^= 1 << blow.other % 8
            return bytes(flipped)
        case "cut out" | "remove":
            return content[:start] + content[end:]
        case "twice" | "repeat":
            return content[:end] + content[start:]
        case "cut off":
            return content[:start]
        case "exchange" | "swap":
            return content[:start] + raw + content[end:]
        case "from another":
            return content[:start] + another[blow.other % (len(another) or 1) :][:400]
        case "recode":
            text = content.decode("latin-1")
            return text.encode(("utf-16", "utf-8", "utf-32", "utf-8-sig")[blow.other % 4])
        case _:
            return (
                content[:start] + (raw if blow.where % 2 else blow.token.encode()) + content[start:]
            )


# ---- tables of text


def _separator(text: str) -> str:
    first = text.partition("\n")[0]
    return max(",|;\t", key=first.count)


def _table(content: bytes, blow: Blow) -> bytes:
    text = content.decode("utf-8-sig")
    separator = _separator(text)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    out = io.StringIO(newline="")
    quoting: Literal[0, 1] = csv.QUOTE_ALL if text.startswith('"') else csv.QUOTE_MINIMAL
    writer = csv.writer(out, delimiter=separator, lineterminator="\n", quoting=quoting)
    writer.writerows(_rows(rows, blow))
    return out.getvalue().encode()


def _rows(rows: list[list[str]], blow: Blow) -> list[list[str]]:
    """A grid after a blow; the first row is its heading."""
    line = 1 + blow.where % max(1, len(rows) - 1)
    width = len(rows[0])
    place, next_place = blow.other % width, (blow.other // width) % width
    match blow.kind:
        case "value" | "strange":
            rows[line][place] = blow.token
        case "remove":
            for row in rows if blow.where % 2 else rows[line : line + 1]:
                del row[place]
        case "rename":
            rows[0][place] = blow.token
        case "repeat":
            rows.insert(line, list(rows[line]))
            rows[line][place] += blow.token[:20]
        case "swap":
            for row in rows:
                row[place], row[next_place] = row[next_place], row[place]
        case _:
            rows[line].insert(place, blow.token)
    return rows


# ---- trees: JSON, YAML


def _places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401
    """Where every value of a tree stands."""
    inside = (
        tree.items()
        if isinstance(tree, dict)
        else enumerate(tree)
        if isinstance(tree, list)
        else ()
    )
    return [path, *(place for key, value in inside for place in _places(value, (*path, key)))]


def _at(tree: Any, path: tuple[Any, ...]) -> Any:  # noqa: ANN401
    for key in path:
        tree = tree[key]
    return tree


def _tree(tree: Any, blow: Blow) -> Any:  # noqa: ANN401
    places = _places(tree)[1:]
    *way, key = places[blow.where % len(places)]
    around = _at(tree, tuple(way))
    strange = STRANGE[blow.other % len(STRANGE)]
    match blow.kind:
        case "remove":
            del around[key]
        case "rename" if isinstance(around, dict):
            around[blow.token] = around.pop(key)
        case "repeat" if isinstance(around, list):
            around.insert(key, around[key])
        case "swap":
            around[key] = _at(tree, places[blow.other % len(places)])
        case "value":
            around[key] = blow.token
        case "ragged":
            around[key] = [around[key]] if blow.other % 2 else {blow.token: around[key]}
        case _:
            around[key] = strange
    return tree


def _json(content: bytes, blow: Blow) -> bytes:
    """Pages of JSON, one a line: a blow hits one of them."""
    lines = content.splitlines()
    number = blow.other % len(lines)
    tree = _tree([json.loads(lines[number])], blow)[0]
    lines[number] = json.dumps(tree).encode()  # halves of characters are written as escapes
    return b"\n".join(lines) + b"\n"


def _yaml(content: bytes, blow: Blow) -> bytes:
    tree = yaml.load(content, Loader=yaml.BaseLoader)  # noqa: S506 - text only
    return yaml.safe_dump(_tree([tree], blow)[0], allow_unicode=True, sort_keys=False).encode()


# ---- XML


def _xml(content: bytes, blow: Blow) -> bytes:
    root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
    found = [each for each in root.iter() if isinstance(each.tag, str)]
    element = found[blow.where % len(found)]
    above = element.getparent()
    names = list(element.attrib)
    match blow.kind:
        case "remove" if above is not None:
            above.remove(element)
        case "repeat" if above is not None:
            above.insert(0, etree.fromstring(etree.tostring(element, with_tail=False)))
        case "rename":
            element.tag = found[blow.other % len(found)].tag
        case "swap" if above is not None:
            above.append(element)
        case "ragged" if names:
            del element.attrib[names[blow.other % len(names)]]
        case "strange":
            etree.SubElement(element, "sector").set("percentage", blow.token)
        case _ if names and blow.other % 3:
            element.set(names[blow.other % len(names)], blow.token)
        case _:
            element.text = blow.token
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


# ---- workbooks and Parquet


def _workbook(content: bytes, blow: Blow) -> bytes:
    """A workbook with one of its parts spoiled, and whole as a zip."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        names = old.namelist()
        telling = [
            name
            for name in names
            if re.search(r"sheet\d|sharedStrings|workbook\.xml$|styles", name)
        ]
        hit = telling[blow.where % len(telling)]
        for name in names:
            part = old.read(name)
            if name == hit and blow.kind == "remove" and blow.other % 3 == 0:
                continue
            new.writestr(name, _part(part, blow) if name == hit else part)
    return out.getvalue()


_TEXT: Final = re.compile(rb"(?<=>)[^<>]+(?=<)|(?<==\")[^\"<>]*(?=\")")


def _part(part: bytes, blow: Blow) -> bytes:
    found = list(_TEXT.finditer(part))
    if blow.kind in {"ragged", "repeat"} or not found:
        return _bytes(
            part, blow._replace(kind="cut out" if blow.kind == "ragged" else "twice"), b""
        )
    match = found[blow.other % len(found)]
    token = blow.token.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;").encode()
    return part[: match.start()] + token + part[match.end() :]


def _parquet(content: bytes, blow: Blow) -> bytes:
    frame = pl.DataFrame(
        pq.read_table(io.BytesIO(content))
    )  # polars' own reader may end the process
    name = frame.columns[blow.other % frame.width]
    match blow.kind:
        case "remove":
            frame = frame.drop(name)
        case "rename":
            frame = frame.rename({name: blow.token})
        case "repeat":
            frame = pl.concat([frame, frame])
        case "strange":
            kinds = (pl.Int64, pl.Float64, pl.Boolean, pl.Date, pl.Binary, pl.List(pl.String))
            frame = frame.with_columns(
                pl.lit(None, dtype=kinds[blow.where % len(kinds)]).alias(name)
            )
        case _:
            frame = frame.with_columns(pl.lit(blow.token).alias(name))
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


_STRUCTURES: Final[Mapping[str, Callable[[bytes, Blow], bytes]]] = {
    ".csv": _table, ".txt": _table, ".json": _json, ".yml": _yaml, ".xml": _xml, ".xlsx": _workbook,
    ".parquet": _parquet,
}  # fmt: skip
