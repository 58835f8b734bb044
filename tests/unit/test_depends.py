"""What depends on a source is worked out from the queries, and leaves nothing out."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from dashboard import depends as pages
from etl import depends
from etl.depends import Held, Reads
from etl.tables import VIEWS

THERE = Held(
    {"funding": {"a_grants": "a", "b_grants": "b"}, "population": {"people": "c"}},
    frozenset({"a", "b"}),
    {},
)


def sources(query: str, rows_of: set[str] | None = None) -> set[str]:
    found = None if rows_of is None else frozenset(rows_of)
    return set(depends.sources_of(depends.reads(query), THERE, {"seen": frozenset({"d"})}, found))


@pytest.mark.parametrize(
    ("query", "rows_of", "expected"),
    [
        ("SELECT 1 FROM funding WHERE series = 'a_grants'", None, {"a"}),
        ("SELECT 1 FROM funding WHERE source_id = 'b'", None, {"b"}),
        ("SELECT 1 FROM funding WHERE series = $series", None, {"a", "b"}),
        ("SELECT 1 FROM funding WHERE series <> 'a_grants'", None, {"a", "b"}),
        ("SELECT 1 FROM funding WHERE series NOT IN ('a_grants')", None, {"a", "b"}),
        ("SELECT 1 FROM funding WHERE NOT (source_id = 'a')", None, {"a", "b"}),
        ("SELECT CASE series WHEN 'a_grants' THEN 1 END FROM funding", {"b"}, {"a", "b"}),
        ("SELECT 1 FROM funding JOIN population USING (area)", {"a"}, {"a", "c"}),
        ("SELECT 1 FROM seen JOIN areas USING (area)", None, {"d"}),
        ("WITH funding_now AS (SELECT * FROM funding) SELECT 1 FROM funding_now", None, {"a", "b"}),
        ("SELECT why FROM measures", None, set()),
        ("SELECT 1 FROM measures", {"a"}, {"a"}),
        ("SELECT 1 FROM areas WHERE name = 'a_grants'", None, set()),
    ],
)
def test_a_query_rests_on_the_series_it_names_or_on_every_one(
    query: str, rows_of: set[str] | None, expected: set[str]
) -> None:
    assert sources(query, rows_of) == expected


def test_a_query_that_cannot_be_parsed_is_said() -> None:
    with pytest.raises(ValueError, match="syntax error"):
        depends.reads("SELECT FROM WHERE")


def test_no_source_whose_rows_a_view_has_is_left_out(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    there = depends.held(ledger_con)
    found = depends.views_of(there)
    assert set(found) == set(VIEWS)
    for view, rows_of in there.rows_of.items():
        assert rows_of <= found[view], view
    assert found["coverage"] == {"state_tweis"}
    assert found["dependency"] == {"landmine_monitor"}
    assert found["reconciliation"] == {"state_tweis", "landmine_monitor"}
    assert "treaties" in found["area_profile"]
    assert found["partners"] == frozenset()  # nothing embedded names who got the money


def test_every_page_of_figures_is_known_with_its_title() -> None:
    asked = pages.page_reads()
    scripts = {path.stem for path in (Path(pages.__file__).parent / "app_pages").glob("*.py")}
    assert set(pages.titles()) == scripts
    assert {"coverage", "country", "funding", "partners", "reconciliation"} <= set(asked)
    assert not {"sources", "findings", "changes"} & set(asked)
    assert any("reconciliation" in one.tables for one in asked["country"])
    assert all(isinstance(one, Reads) for questions in asked.values() for one in questions)
