"""Large XML files, element by element: in bounded memory, and trusting nothing of what they hold.

A file is fed to libxml2 piece by piece, and each element of one name is handed over when it is
complete and forgotten afterwards. So memory depends on the largest such element, and that is
bounded: a file that goes on for longer than :data:`MOST_BYTES` without completing one is refused.

A document type declaration is refused before anything else is looked at. It is where entities come
from, those that unfold into billions and those that fetch other files, and no data that is read
here needs one. Expat reads up to the first element for that, because it stops at the declaration;
the parser that follows resolves no entity, loads no DTD and knows no network either, and its own
limits on depth and on the length of a text stay in force.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Final, NoReturn
from xml.parsers import expat

from lxml import etree

PIECE_BYTES: Final = 1 << 17  # larger pieces do not stay in the processor's cache, and are slower
MOST_BYTES: Final = 1 << 26  # of one element, with what stands between it and the one before
PROLOG_BYTES: Final = 1 << 20  # before the first element


class XmlError(ValueError):
    """The file cannot be read, or must not be; ``rule`` names the check that stopped it."""

    def __init__(self, message: str, rule: str) -> None:
        super().__init__(message)
        self.rule = rule


class _Started(Exception):  # noqa: N818 - a signal, no error
    """The first element begins: there is no document type declaration."""


def refuse_declarations(file: str, stream: IO[bytes]) -> None:
    """Read ``stream`` up to its first element.

    Raises:
        XmlError: it has a document type declaration, or begins as no XML does.
    """

    def declared(name: str, *_: object) -> NoReturn:
        raise XmlError(
            f"{file} has a document type declaration ({name}): entities could unfold without end or "
            "fetch other files, so none is read. Ask the publisher for the file without it",
            "document type refused",
        )

    def started(*_: object) -> NoReturn:
        raise _Started

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = declared
    parser.StartElementHandler = started
    read = 0
    try:
        while (piece := stream.read(1 << 14)) and read < PROLOG_BYTES:
            read += len(piece)
            parser.Parse(piece)
    except _Started:
        return
    except XmlError:
        raise
    except (expat.ExpatError, ValueError, LookupError) as error:  # the latter two: its encoding
        raise _broken(file, None, str(error)) from error
    raise XmlError(
        f"{file} holds no XML element in its first {read:,} bytes; fetch it again", "not XML"
    )


def elements(file: str, stream: IO[bytes], name: str) -> Iterator[tuple[int, etree._Element]]:
    """Each element called ``name`` of an XML file whose beginning was looked at, counted from 1.

    An element is emptied when the next one is asked for. Comments and processing instructions are
    left out.

    Raises:
        XmlError: it is not well-formed, or one element is larger than is read.
    """
    parser = etree.XMLPullParser(
        events=("end",), tag=name, resolve_entities=False, no_network=True, load_dtd=False,
        huge_tree=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    number, since = 0, 0
    try:
        while piece := stream.read(PIECE_BYTES):
            since += len(piece)
            parser.feed(piece)
            for element in _completed(file, parser):
                number, since = number + 1, 0
                yield number, element
                _forget(element)
            if since > MOST_BYTES:
                raise XmlError(
                    f"{file} goes on for {since:,} bytes after element {name} {number} without another "
                    "one that is complete; this is not the file that is read here, or it is damaged",
                    "too large",
                )
        parser.close()
    except etree.XMLSyntaxError as error:
        first = next(iter(parser.feed_error_log), None)  # what came first; the rest follows from it
        line, why = (first.line, first.message) if first else (error.lineno, error.msg or "")
        raise _broken(file, line, why) from error


def _completed(file: str, parser: etree.XMLPullParser) -> Iterator[etree._Element]:
    for _, element in parser.read_events():
        if not isinstance(element, etree._Element):  # only namespaces come as anything else
            raise TypeError(f"{file}: {element!r} is no element")
        if element.getroottree().docinfo.internalDTD is not None:
            raise XmlError(f"{file} has a document type declaration", "document type refused")
        yield element


def _forget(element: etree._Element) -> None:
    """Free an element, and all that stands before it below the same parent."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def within(element: etree._Element, pointer: str) -> etree._Element:
    """The element to which ``/name/3/other/1`` leads: the third child of that name, and so on.

    Raises:
        LookupError: there is none.
    """
    steps = pointer.split("/")[1:]
    for name, number in zip(steps[::2], steps[1::2], strict=True):
        element = element.findall(name)[int(number) - 1]
    return element


def _broken(file: str, line: int | None, why: str) -> XmlError:
    place = f"{file} line {line}" if line else file
    return XmlError(
        f"{place} is no well-formed XML ({why}); it may be cut short or damaged: fetch it again",
        "not well-formed",
    )
