"""JSON that came from elsewhere, read strictly.

Python's parser takes more than JSON allows and more than the ledger can keep: NaN, a number that is
too large for a float, the same key twice (the last wins), half a character. What is archived is
read again at every rebuild, so all of this is refused before it comes that far.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from decimal import Decimal
from typing import Any, Final

from etl.reading import SourceError

MAX_DEPTH: Final = 64  # what can be read can also be printed and compared without end of the stack
_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")
_SHOWN: Final = 60


def json_of(content: bytes, what: str, *, is_exact: bool = False) -> Any:  # noqa: ANN401 - JSON
    """The value of a JSON text in UTF-8; ``what`` names it in the error.

    ``is_exact``: numbers with a fraction or exponent come as Decimal.

    Raises:
        SourceError: it is no JSON, is nested too deep, repeats a key, or holds half a character, NaN
            or a number beyond those of a float.
    """
    try:
        text = content.decode("utf-8-sig")
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_exact if is_exact else _number,
            parse_constant=_constant,
        )
        _measure(value)
        if _HALF.search(text):
            json.dumps(value, ensure_ascii=False, default=str).encode()
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{what} is no JSON ({error}); fetch the source again") from error
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {twice[:_SHOWN]!a} stands twice in one object")
    return found


def _number(text: str) -> float:
    """A number, unless a float cannot hold it: too large, or so small that it would be nought."""
    number = float(text)
    mantissa = text.lower().partition("e")[0]
    if math.isinf(number) or (number == 0 and mantissa.strip("-0.")):
        raise ValueError(f"the number {text[:_SHOWN]} is beyond those that can be read")
    return number


def _exact(text: str) -> Decimal:
    _number(text)
    return Decimal(text)


def _constant(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _measure(value: object) -> None:
    """Refuse what is nested deeper than anything that is read here."""
    level: list[Any] = [value]
    for _depth in range(MAX_DEPTH):
        level = [
            part
            for each in level
            if isinstance(each, dict | list)
            for part in (each.values() if isinstance(each, dict) else each)
            if isinstance(part, dict | list)
        ]
        if not level:
            return
    raise ValueError(f"it is nested more than {MAX_DEPTH} deep")
