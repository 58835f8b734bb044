"""Large XML is read element by element; what could unfold or reach out is refused before it is read."""

from __future__ import annotations

import io
import resource
from collections.abc import Iterator
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl import elements
from etl.archive import Archive, ArchiveError
from etl.elements import XmlError, refuse_declarations
from etl.locate import element_of, file_of, find
from tests.helpers import SCRATCH

BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<all><one>&c;</one></all>"""
EXTERNAL = b"""<!DOCTYPE all [<!ENTITY x SYSTEM "file:///etc/passwd">]><all><one>&x;</one></all>"""
PARAMETER = b"""<?xml version="1.0"?><!-- <all> --><?pi <all>?>
<!DOCTYPE all [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x.dtd"> %x;]><all/>"""
PUBLIC = b"""<!DOCTYPE all PUBLIC "-//X//Y" "http://127.0.0.1:9/all.dtd"><all><one/></all>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("content", [BOMB, EXTERNAL, PARAMETER, PUBLIC])
def test_a_document_type_is_refused_before_anything_is_unfolded(
    content: bytes, encoding: str
) -> None:
    with pytest.raises(XmlError, match=r"^x\.xml has a document type declaration") as caught:
        refuse_declarations("x.xml", io.BytesIO(content.decode().encode(encoding)))
    assert caught.value.rule == "document type refused"


@pytest.mark.parametrize("content", [BOMB, EXTERNAL, PUBLIC])
def test_the_second_parser_refuses_it_as_well(content: bytes) -> None:
    with pytest.raises(XmlError, match="document type declaration"):
        list(elements.elements("x.xml", io.BytesIO(content), "one"))


def test_an_entity_without_a_declaration_is_an_error_and_not_an_empty_text() -> None:
    with pytest.raises(XmlError, match=r"^x\.xml line 1 is no well-formed XML \(Entity 'x'"):
        list(elements.elements("x.xml", io.BytesIO(b"<all><one>&x;</one></all>"), "one"))


@pytest.mark.parametrize(
    ("content", "said"),
    [(b'{"a": 1}', "not well-formed"), (b"", "not XML"), (b"  ", "not XML"),
     (b'<?xml version="1.0" encoding="klingon"?><a/>', "not well-formed"),
     (b"<!-- " + b"x" * (1 << 21), "not XML")],
)  # fmt: skip
def test_what_begins_as_no_xml_does_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(XmlError) as caught:
        refuse_declarations("x.xml", io.BytesIO(content))
    assert caught.value.rule == said


def test_a_comment_may_speak_of_a_document_type() -> None:
    refuse_declarations("x.xml", io.BytesIO(b"<!-- <!DOCTYPE a> --><all/>"))


@pytest.mark.parametrize("end", [1, 20, 21, 22, 40])
def test_a_file_that_is_cut_short_is_an_error(end: int) -> None:
    content = b"<all><one>1</one><one>2</one></all>"
    assert len(list(elements.elements("x.xml", io.BytesIO(content), "one"))) == 2
    if end < len(content):
        with pytest.raises(XmlError, match="it may be cut short"):
            list(elements.elements("x.xml", io.BytesIO(content[:end]), "one"))


@given(st.lists(st.sampled_from(["one", "other"]), max_size=8), st.booleans())
def test_elements_are_counted_by_name_wherever_they_stand(
    names: list[str], is_wrapped: bool
) -> None:
    body = "".join(f"<{name} n='{index}'/>\n<!-- c -->" for index, name in enumerate(names))
    text = f"<all>{body}</all>"
    content = (f"<result><ok>True</ok>{text}</result>" if is_wrapped else text).encode()
    found = [
        (number, int(str(element.get("n"))))
        for number, element in elements.elements("x.xml", io.BytesIO(content), "one")
    ]
    expected = [index for index, name in enumerate(names) if name == "one"]
    assert found == list(enumerate(expected, 1))


class Endless(io.RawIOBase):
    """A file that is made while it is read."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self.parts = parts

    def read(self, _: int = -1) -> bytes:
        return next(self.parts, b"")


def stream(start: bytes, part: bytes, times: int, end: bytes = b"") -> IO[bytes]:
    def parts() -> Iterator[bytes]:
        yield start
        yield from (part for _ in range(times))
        yield end

    return Endless(parts())  # type: ignore[return-value]


def test_memory_does_not_grow_with_the_file() -> None:
    part = b"<one>" + b"<a>text</a>" * 2000 + b"</one>\n" + b"<registry-record/>" * 100

    def read(times: int) -> int:
        for _ in elements.elements("x.xml", stream(b"<all>", part, times, b"</all>"), "one"):
            continue
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = read(200)
    assert read(1500) - before < 8 * 1024, "kilobytes; the file has 36 megabytes"


def test_an_element_without_an_end_is_refused_before_it_fills_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(elements, "MOST_BYTES", 1 << 16)
    with pytest.raises(XmlError, match="goes on for") as caught:
        list(elements.elements("x.xml", stream(b"<all><one>", b"<a>text</a>" * 1000, 99), "one"))
    assert caught.value.rule == "too large"


def test_a_text_or_a_depth_beyond_the_parsers_limits_is_refused() -> None:
    for content in (b"<all><one>" + b"x" * 10_100_000, b"<all><one>" + b"<a>" * 3000):
        with pytest.raises(XmlError, match="is no well-formed XML"):
            list(elements.elements("x.xml", io.BytesIO(content), "one"))


def test_a_locator_finds_an_element_and_what_lies_within_it() -> None:
    archive = Archive(SCRATCH / "elements")
    content = b"<all><x/><one><part>1</part></one> <one><b/><part>2</part>\n<part>3&amp;</part></one></all>"
    sha256 = archive.put("test", "a.xml", content, "").sha256
    place = element_of("a.xml", "one", 2)
    assert place == "a.xml element one 2"
    assert file_of(f"{place} /part/2") == "a.xml"
    assert find(archive, sha256, f"{place} /part/2") == ("", "<part>3&amp;</part>")
    assert find(archive, sha256, place)[1].startswith("<one><b/><part>2</part>")
    for missing in ("a.xml element one 3", f"{place} /part/3", "a.xml element two 1"):
        with pytest.raises(ArchiveError, match=f"hold no {missing}"):
            find(archive, sha256, missing)
