"""JSON is read strictly: what Python's parser lets pass and the ledger cannot keep is refused."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.fetch import FetchError
from etl.json_text import json_of
from etl.reading import SourceError
from etl.session import parsed

REFUSED = {
    "nothing": b"", "words": b"OK, ready", "cut": b'{"a": ', "two values": b"{} {}",
    "not UTF-8": b'"\xff"', "UTF-16": '{"a": 1}'.encode("utf-16"), "half in bytes": b'"\xed\xa0\x80"',
    "half a character": b'{"a": "x\\ud800"}', "the other half": b'{"a": ["\\uDC00"]}',
    "half in a key": b'{"\\ud83d": 1}', "halves apart": b'["\\ud83d-\\ude00"]',
    "not a number": b'{"a": NaN}', "infinity": b"[Infinity]", "less than that": b"[-Infinity]",
    "too large": b"[1e400]", "too small": b"[1e-400]", "very large": b"[1e999999999999999999999]",
    "too long": b"9" * 5000, "one key twice": b'{"a": {"b": 1, "b": 1}}',
    "one key spelt twice": b'{"a": 1, "\\u0061": 2}', "deep": b"[" * 65 + b"]" * 65,
    "very deep": b"[" * 200_000, "deep objects": b'{"a":' * 5000,
}  # fmt: skip


@pytest.mark.parametrize("is_exact", [False, True])
@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_json_is_refused(content: bytes, is_exact: bool) -> None:
    with pytest.raises(SourceError, match=r"^a\.json line 1 is no JSON") as refused:
        json_of(content, "a.json line 1", is_exact=is_exact)
    assert len(str(refused.value)) < 300
    with pytest.raises(FetchError, match="v2/count answered what is no JSON") as answered:
        parsed(content, "v2/count")
    assert answered.value.rule == "wrong content"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(st.characters(codec="utf-8"))
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(JSON, st.booleans())
@settings(deadline=None)
def test_all_other_json_is_read_as_it_is(value: object, is_ascii: bool) -> None:
    content = json.dumps(value, ensure_ascii=is_ascii).encode()
    assert json_of(content, "x") == value
    assert json_of(b"\xef\xbb\xbf" + content, "x") == value


def test_fractions_can_come_exactly() -> None:
    assert json_of(b"[0.10, 1, 1e3]", "x", is_exact=True) == [Decimal("0.10"), 1, Decimal(1000)]
    assert json_of(b"[" * 64 + b"]" * 64, "x")
