"""Pages run as scripts, with what they showed in tables and offered for download, to hold one against the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import polars.selectors as cs
import pytest
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from dashboard import show
from dashboard.answer import asked_by
from tests.dashboard.serving import REPOSITORY

Rows = list[dict[str, Any]]
Address = Mapping[str, str | list[str]]

# Tables with one row for several rows of the download, and what these have in common.
PIVOTS = {
    "coverage": ("area", "fiscal_year"),
    "reconciliation": ("area", "area_name", "year"),
}
LINK = re.compile(r"\]\((/api/v1/[^)]+)\)")


@dataclass
class Offer:
    """One download: its address, the rows that the page says it shows, and the tables above or around it."""

    address: str
    rows: pl.DataFrame | int | None
    of: int | None
    label: str
    tables: list[pl.DataFrame] = field(default_factory=list)


@dataclass
class Visit:
    """A page, and what it showed and offered."""

    app: AppTest
    offers: list[Offer]
    tables: list[pl.DataFrame]

    @property
    def is_paged(self) -> bool:
        """Whether a table is shown fifty rows at a time."""
        return bool(self.app.get("pagination"))

    @property
    def words(self) -> str:
        """Every text of the page without the signs that keep Markdown from reading it; cells too."""
        app = self.app
        boxes = [
            *app.title, *app.header, *app.subheader, *app.main.markdown, *app.main.info,
            *app.main.warning, *app.main.error,
        ]  # fmt: skip
        texts = [str(box.value) for box in boxes]
        texts += [f"{box.label}: {box.value}" for box in app.metric]
        texts += [str(cell) for table in app.table for cell in table.value.to_numpy().ravel()]
        return "\n".join(texts).replace("\\", "").replace("\u00a0", " ")


@contextmanager
def _listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[Visit]:
    """Note what pages give to ``show.table`` and ``show.download``, which go on doing their work."""
    heard = Visit(None, [], [])  # type: ignore[arg-type]
    fresh: list[pl.DataFrame] = []
    table, download = show.table, show.download

    def shown(frame: pl.DataFrame, *args: Any, **more: Any) -> None:
        heard.tables.append(frame)
        fresh.append(frame)
        if heard.offers and heard.offers[-1].of is not None and not heard.offers[-1].tables:
            heard.offers[-1].tables.append(frame)  # a long table may stand below its download
        table(frame, *args, **more)

    def offered(
        address: str,
        rows: pl.DataFrame | int | None = None,
        *,
        of: int | None = None,
        label: str = "Download",
    ) -> None:
        heard.offers.append(Offer(address, rows, of, label, fresh.copy()))
        fresh.clear()
        download(address, rows, of=of, label=label)

    with monkeypatch.context() as patched:
        patched.setattr(show, "table", shown)
        patched.setattr(show, "download", offered)
        yield heard


def visit(monkeypatch: pytest.MonkeyPatch, name: str, address: Address) -> Visit:
    """Open a page as a reader does who follows a link."""
    with _listening(monkeypatch) as heard:
        app = AppTest.from_file(REPOSITORY / "dashboard/streamlit_app.py", default_timeout=60)
        for key, value in address.items():
            app.query_params[key] = value
        heard.app = app.switch_page(f"app_pages/{name}.py").run()
    assert not heard.app.exception, (name, address, [one.message for one in heard.app.exception])
    return heard


def rows_of(client: TestClient, address: str) -> Rows:
    """The rows at the address of a CSV, from the JSON of the same question."""
    answer = client.get(address.removeprefix("/api/v1").replace(".csv", ".json", 1))
    assert answer.status_code == 200, answer.text
    return list(answer.json()["rows"])


def holds(client: TestClient, offer: Offer, *, is_paged: bool = False) -> None:
    """The download has the rows that the page shows, in its order, cell for cell.

    Where the page is one of several (``is_paged``), its tables show only some of them.
    """
    have = rows_of(client, offer.address)
    about = (offer.address, offer.label)
    if isinstance(offer.rows, int):
        assert len(have) == offer.rows, about
    if isinstance(offer.rows, pl.DataFrame):
        shared = _shared(offer.rows, have)
        want = _rows(offer.rows, shared)
        found = _only(shared, have)
        assert len(shared) > 2 or not have, about
        if offer.of is None:
            assert found == want, about
        else:
            assert len(have) == offer.of, about
            _stand_together(want, found, about)
    if offer.rows is None:  # other rows than those shown, as its label says
        return
    tables = [frame for frame in offer.tables if have and _is_of(frame, have)]
    for frame in tables:
        shared = _shared(frame, have)
        _stand_in_order(_rows(frame, shared), _only(shared, have), about)
    if offer.of is None and not is_paged and not offer.label.startswith("Download all"):
        _are_all(asked_by(offer.address)[0], tables, offer, have)


def _are_all(table: str, tables: Sequence[pl.DataFrame], offer: Offer, have: Rows) -> None:
    """No row of the download is missing from the tables above it."""
    if not tables:
        return
    key = PIVOTS.get(table)
    if key is None:
        assert sum(frame.height for frame in tables) == len(have), (offer.address, offer.label)
    else:
        shown = {row for frame in tables for row in frame.select(key).iter_rows()}
        assert shown == {tuple(row[name] for name in key) for row in have}, offer.address


def _is_of(frame: pl.DataFrame, rows: Rows) -> bool:
    """Whether the table has nearly all columns of the download, so that it shows its rows."""
    return len(set(frame.columns) & rows[0].keys()) > 0.8 * len(rows[0])


def _shared(frame: pl.DataFrame, rows: Rows) -> list[str]:
    names = rows[0].keys() if rows else frame.columns
    return [
        name for name in frame.columns if name in names and not frame.schema[name].is_temporal()
    ]


def _rows(frame: pl.DataFrame, names: Sequence[str]) -> Rows:
    """Some columns of the rows, with numbers as JSON has them."""
    return frame.select(names).with_columns(cs.decimal().cast(pl.Float64)).to_dicts()


def _only(names: Sequence[str], rows: Rows) -> Rows:
    return [{name: row[name] for name in names} for row in rows]


def _stand_together(want: Rows, have: Rows, about: object) -> None:
    """The rows stand in the download one after the other."""
    begin = have.index(want[0])
    assert have[begin : begin + len(want)] == want, about


def _stand_in_order(want: Rows, have: Rows, about: object) -> None:
    """The rows stand in the download in the same order, with others between them."""
    rest = iter(have)
    for row in want:
        assert any(row == one for one in rest), (about, row)
