"""Charts made once: what is drawn of the same rows is the same, so it is kept by what it is made of.

Building a chart and its specification takes Altair some fifty milliseconds, a hundred times what the rows
take. So both are kept in memory, by the content of the rows and words and by the appearance: never by a
name, so that nothing can be stale. A page hands Streamlit the finished specification.

Altair's way to take data out of a chart is a setting of the whole process. Whatever makes a specification
goes through here, one thread at a time.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, Final, Generic, ParamSpec, TypeVar

import altair as alt
import polars as pl

from dashboard import outlines

Figure = alt.Chart | alt.LayerChart | alt.FacetChart
Specification = dict[str, Any]
P = ParamSpec("P")
V = TypeVar("V")
MOST_KEPT: Final = 512
_BY_NAME: Final = "tables by the name of their content"
_altair: Final = threading.Lock()


class Kept(Generic[V]):
    """What was made, by what it was made of; the longest unused goes first."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        """Keep so many."""
        self._most = most
        self._lock = threading.Lock()
        self._made: OrderedDict[Hashable, V] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """What is kept under the key; made now where there is nothing."""
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
        made = make()  # two threads may make the same; either will do
        with self._lock:
            self._made[key] = made
            if len(self._made) > self._most:
                self._made.popitem(last=False)
        return made


_figures: Final = Kept[Figure]()
_specifications: Final = Kept[tuple[Figure, Specification]]()


def once(look: Callable[[], str]) -> Callable[[Callable[P, Figure]], Callable[P, Figure]]:
    """A decorator: the function's chart of the same arguments, for the same ``look``, is made once."""

    def remembered(make: Callable[P, Figure]) -> Callable[P, Figure]:
        @wraps(make)
        def chart(*args: P.args, **kwargs: P.kwargs) -> Figure:
            key = (make.__name__, look(), digest(args), digest(kwargs))
            return _figures.get(key, lambda: make(*args, **kwargs))

        return chart

    return remembered


def digest(value: object) -> str:
    """A hash of rows, words and numbers, and of lists and mappings of them.

    Raises:
        TypeError: of something else, whose content is not known.
    """
    found = hashlib.sha256()
    _feed(found.update, value)
    return found.hexdigest()


def _feed(into: Callable[[bytes], None], value: object) -> None:
    if isinstance(value, pl.DataFrame | pl.Series):
        frame = value.to_frame() if isinstance(value, pl.Series) else value
        written = io.BytesIO()
        frame.write_ipc(written)
        into(b"frame")
        into(written.getvalue())
    elif isinstance(value, dict):
        _feed(into, [part for pair in value.items() for part in pair])
    elif isinstance(value, list | tuple | range):
        into(f"{len(value)} parts".encode())
        for part in value:
            _feed(into, part)
    elif value is None or isinstance(value, str | int | float):
        into(f"{type(value).__name__} {value!r}\0".encode())
    else:
        raise TypeError(f"the content of a {type(value).__name__} is not known")


def specification(figure: Figure, look: str, dress: Callable[[Figure], Figure]) -> Specification:
    """The chart in Vega-Lite as ``dress`` leaves it for a ``look``, its tables apart; not to be changed."""

    def make() -> tuple[Figure, Specification]:
        tables: dict[str, pl.DataFrame] = {}
        with _altair, alt.data_transformers.enable(_BY_NAME, tables=tables):
            made = dress(figure).to_dict()
        # with the figure, so that no other gets its number
        return figure, {**made, "datasets": {**made.get("datasets", {}), **tables}}

    return _specifications.get((id(figure), look), make)[1]


def inline(figure: Figure) -> Specification:
    """The chart in Vega-Lite with its rows and outlines in it, for a drawing that asks for nothing."""
    with _altair:
        made: Specification = figure.to_dict()
    filled: Specification = outlines.filled_in(made)
    return filled


def _apart(data: Any, *, tables: dict[str, pl.DataFrame]) -> Any:  # noqa: ANN401 - Altair's own kinds of data
    """Put a table aside under the name of its content; other data stay where they are."""
    if not isinstance(data, pl.DataFrame):
        return data
    name = f"rows-{digest(data)[:16]}"
    tables[name] = data
    return {"name": name}


alt.data_transformers.register(_BY_NAME, _apart)
