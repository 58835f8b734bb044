"""Every headline, table row and chart mark opens its lineage; what a computed row is made of adds up to it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import charts, lineage, queries, show
from dashboard.answer import Answer, question
from dashboard.filters import pairs_of
from etl import sql
from etl.settings import Folders
from etl.store import Lease
from etl.tables import ALL_TABLES, VIEWS
from tests.dashboard.serving import REPOSITORY
from tests.live import GRANTS, add_live

Visit = Callable[..., AppTest]

# To an entry, to rows with their meaning, to the changed entries, or to what one refresh changed.
LINEAGE = re.compile(r"\]\((?:/entry\?entry=|/rows\?of=|/api/v1/changes\.json\?|/changes\?)")
# Tables that hold no figure, by the beginning of their alt text, and why.
NO_FIGURES = {
    "Accounts: words": "words and their meaning",
    "Flows: words": "words and their meaning",
    "Years: words": "words and their meaning",
    "Bounds: words": "words and their meaning",
    "Series of ": "what may not be added, in words; the figures of a series stand on the other pages",
    "Watched pages": "pages that a person reads; no figure is taken from them by a program",
    "What people decided": "decisions; the vintages that they are about stand beside them by their digits",
}
# Charts whose marks open nothing, by the beginning of their alt text, and why.
NO_LINKS = {"World map": "a click on the map chooses the country"}
# Small charts beside each other, which have one table and download for all; each name leads to the country.
TOGETHER = ("Stacked bars of casualties by year.", "Stacked bars of money by year")
IN_BOXES = {
    "coverage": 4,
    "funding": 1,
    "rows": 1,
    "compare": 1,
}  # figures outside charts that a reader may cite
BESIDE_BOXES = (
    r"^:small\[Source:.*(?:\[source row\]|\[Rows\])|\[The figures, each with its source row\]"
)
PAGES: tuple[tuple[str, dict[str, str]], ...] = (
    ("coverage", {"scope": "all", "all_areas": "true"}),
    ("country", {"area": "COL"}),
    ("casualties", {}),
    ("compare", {}),
    ("search", {"q": "Laos"}),
    ("clearance", {"area": "KHM"}),
    ("timeline", {}),
    ("funding", {"series": "tweis_country_table"}),
    ("who_else_pays", {}),
    ("reconciliation", {}),
    ("changes", {}),
    ("sources", {}),
    ("findings", {}),
    ("about", {}),
    ("rows", {"of": "dependency", "basis": "monitor", "area": "LAO"}),
)


@pytest.fixture
def visit(pool: None) -> Visit:
    """Opens a page with an address."""

    def opened(name: str, **address: str) -> AppTest:
        app = AppTest.from_file(REPOSITORY / "dashboard/streamlit_app.py", default_timeout=60)
        for key, value in address.items():
            app.query_params[key] = value
        app.switch_page(f"app_pages/{name}.py").run()
        assert not app.exception, [error.message for error in app.exception]
        return app

    return opened


@pytest.fixture
def whole(built_folders: Folders, monkeypatch: pytest.MonkeyPatch) -> Folders:
    monkeypatch.setenv("HMA_DATA", str(built_folders.data))
    return built_folders


@pytest.fixture
def lease(whole: Folders, pool: None) -> Iterator[Lease]:
    with queries.pinned() as lease:
        yield lease


def unlinked(app: AppTest) -> dict[str, list[dict[str, str]]]:
    """By alt text: the rows of tables of figures that lead nowhere."""
    found: dict[str, list[dict[str, str]]] = {}
    for table in app.table:
        alt = table.proto.alt
        if alt.startswith(tuple(NO_FIGURES)) or alt.startswith("Every value of the row"):
            continue
        rows = [
            row
            for row in table.value.to_dict("records")
            if not any(LINEAGE.search(str(cell)) for cell in row.values())
            and any(
                cell != show.MISSING for cell in list(row.values())[1:]
            )  # a name alone is no figure
        ]
        if rows:
            found[alt] = rows
    return found


def marks_without_links(app: AppTest) -> list[str]:
    """The alt texts of charts whose marks open nothing."""
    return [
        chart.proto.alt
        for chart in app.get("vega_lite_chart")
        if "href" not in json.dumps(json.loads(chart.proto.spec)) and not chart.proto.alt.startswith(tuple(NO_LINKS))
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "address"), PAGES)
def test_every_row_of_a_table_and_every_chart_leads_to_what_is_behind_it(
    whole: Folders, visit: Visit, name: str, address: dict[str, str]
) -> None:
    app = visit(name, **address)
    assert unlinked(app) == {}
    assert marks_without_links(app) == []
    assert len(app.table) > 0 or name == "findings"
    # Cite and Copy link beside each chart and each figure in a box
    alone = [
        chart for chart in app.get("vega_lite_chart") if not chart.proto.alt.startswith(TOGETHER)
    ]
    texts = [str(block.value) for block in app.code]
    beside = len(alone) + IN_BOXES.get(name, 0)
    assert sum(text.startswith("@misc{") for text in texts) == beside
    assert sum(text.startswith("/") and "as_of=1" in text for text in texts) == beside
    # the figures in boxes: their source row, or the rows that are added
    said = [str(box.value) for box in app.main.markdown]
    leading = [words for words in said if re.search(BESIDE_BOXES, words) and LINEAGE.search(words)]
    assert name in {"rows", "compare"} or len(leading) == IN_BOXES.get(name, 0)


def test_every_page_of_the_navigation_is_looked_at() -> None:
    scripts = {path.stem for path in (REPOSITORY / "dashboard/app_pages").glob("*.py")}
    # partners has its own test below: it needs figures of a live source; an entry is a source row itself
    assert scripts - {name for name, _ in PAGES} == {"partners", "entry"}


def test_partners_and_their_sums_lead_to_the_figures(
    published: Folders, visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_live(published, GRANTS, tmp_path, monkeypatch)
    app = visit("partners")
    assert len(app.table) == 1
    assert unlinked(app) == {}
    with queries.pinned() as lease:
        rows = lease.con.execute("FROM partners").pl()
        assert rows.height > 5
        for row in rows.iter_rows(named=True):
            (part,) = lineage.BEHIND["partners"](row)
            found = amounts(lease, part)
            assert len(found) == row["entries_count"]
            if row["amount_usd"] is not None:
                assert sum(one for one in found if one is not None) == row["amount_usd"]


# What a row is made of


def asked(lease: Lease, table: str, filters: lineage.Filters) -> Answer:
    return Answer(question(table, pairs_of(filters), lease), lease)


def amounts(lease: Lease, part: lineage.Behind, column: str = "amount_usd") -> list[Decimal | None]:
    found: list[Decimal | None] = []
    for batch in asked(lease, part.table, part.filters).batches([sql.identifier(column)]):
        found += batch.column(0).to_pylist()
    return found


def some(lease: Lease, view: str, most: int) -> list[dict[str, Any]]:
    """Rows of a view, spread over all of it."""
    rows = lease.con.execute(f"FROM {sql.identifier(view)}").pl()
    return list(rows[:: max(1, rows.height // most)].iter_rows(named=True))


def test_every_view_says_what_its_rows_are_made_of() -> None:
    assert lineage.BEHIND.keys() == VIEWS.keys()
    for view in VIEWS:
        words, query = lineage.sql_of(view)
        assert words.endswith(".")
        assert not query.startswith("--")
        assert set(lineage.made_from(view)) <= ALL_TABLES.keys()


@pytest.mark.parametrize("view", VIEWS)
def test_a_row_of_a_view_names_itself_and_leads_to_rows_that_there_are(
    lease: Lease, view: str
) -> None:
    empty = {"iati_usd", "partners"}  # of live sources alone
    rows = some(lease, view, 5)
    assert bool(rows) is (view not in empty)
    for row in rows:
        assert asked(lease, view, lineage.itself(view, row)).rows == 1
        parts = lineage.BEHIND[view](row)
        for part in parts:
            assert asked(lease, part.table, part.filters).rows > 0, (part, row)
        for entry_id in lineage.entries(view, row).values():
            assert queries.entry(entry_id) is not None
        if (
            view != "area_profile"
        ):  # an area may be known by figures that are in none of its columns
            assert parts or lineage.entries(view, row), row


def test_the_figures_behind_a_donor_and_a_share_add_up_to_them(lease: Lease) -> None:
    for row in some(lease, "donors", 12):
        (part,) = lineage.BEHIND["donors"](row)
        found = [one for one in amounts(lease, part) if one is not None]
        assert sum(found) == (row["amount_usd"] or 0), row
    read_whole = 0
    for row in some(lease, "dependency", 14):
        (part,) = lineage.BEHIND["dependency"](row)
        if str(row["denominator"]).startswith("sum of"):
            read_whole += 1
            found = [one for one in amounts(lease, part) if one is not None]
            assert sum(found) == row["all_donors_usd"], row
    assert read_whole > 5


def test_the_accounts_behind_a_year_and_the_countries_behind_a_sum_add_up(lease: Lease) -> None:
    for row in some(lease, "coverage", 8):
        (part,) = lineage.BEHIND["coverage"](row)
        assert (
            sum(one for one in amounts(lease, part) if one is not None) == row["accounts_sum_usd"]
        )
    for row in some(lease, "casualties_world", 6):
        for part in lineage.BEHIND["casualties_world"](row):
            if part.table == "casualties_side_by_side":
                assert sum(amounts(lease, part, "total")) == row["areas_sum"]  # type: ignore[arg-type]


# The page of rows


def said(app: AppTest) -> str:
    return "\n".join(str(box.value) for box in [*app.markdown, *app.header]).replace("\\", "")


def test_a_computed_row_says_what_it_means_how_it_is_computed_and_what_it_is_made_of(
    whole: Folders, visit: Visit
) -> None:
    app = visit(
        "rows", of="dependency", basis="monitor", area="LAO", calendar_year="2023", is_newest_edition="yes"
    )  # fmt: skip
    words = said(app)
    assert "1 row of dependency" in words
    assert "Numerator and denominator come from the same basis" in words
    assert "[9 rows of donors](/rows?of=donors&basis=monitor&area=LAO" in words
    (table,) = app.table
    cells = {row["Column"].replace("\\", ""): row for row in table.value.to_dict("records")}
    assert cells["us_share_percent"]["Value"] == "73.1"  # README: 36,000,000 of 49,253,453
    assert "us_usd divided by all_donors_usd" in cells["us_share_percent"]["What it means"].replace(
        "\\", ""
    )
    assert cells["us_entry_id"]["Value"].count("/entry?entry=landmine_monitor-") == 1
    assert any("SELECT" in str(block.value) for block in app.code)


def test_the_rows_of_an_address_of_the_api_are_those_of_the_page(
    whole: Folders, visit: Visit, lease: Lease
) -> None:
    app = visit("rows", of="coverage", area="VNM", **{"fiscal_year.gte": "2016"})
    (table,) = app.table
    shown = [row["amount_usd"] for row in table.value.to_dict("records")]
    part = lineage.Behind("", "coverage", {"area": "VNM", "fiscal_year.gte": 2016})
    assert shown == [f"{amount:,.0f}" for amount in amounts(lease, part) if amount is not None]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ({}, "look at a whole table"),
        ({"of": "nothing"}, "There is no table nothing here."),
        ({"of": "coverage", "colour": "red"}, "coverage has no column"),
        ({"of": "coverage", "area": "Atlantis"}, "for other areas, such as XKX"),
        ({"of": "coverage", "fiscal_year": "1990"}, "No row passes these filters"),
    ],
)
def test_an_address_that_gives_no_rows_says_why(
    whole: Folders, visit: Visit, address: dict[str, str], told: str
) -> None:
    app = visit("rows", **address)
    boxes = "\n".join(str(box.value) for box in [*app.main.warning, *app.main.info])
    assert told in f"{said(app)}\n{boxes}".replace("\\", "")
    assert not app.table


def test_a_mark_that_leads_nowhere_has_no_link(lease: Lease) -> None:
    """Charts are also drawn on paper, from frames that have no addresses."""
    frame = pl.DataFrame(
        {"calendar_year": [2023], "payer": ["United States"], "amount_usd": [1.0], "us_share_percent": [1.0]}
    )  # fmt: skip
    with charts.looking("light"):
        assert "href" not in charts.dependency(frame).to_dict()["encoding"]
        linked = charts.dependency(frame.with_columns(href=pl.lit("/entry?entry=x"))).to_dict()
    assert linked["encoding"]["href"]["field"] == "href"
