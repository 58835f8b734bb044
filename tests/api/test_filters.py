"""The grammar of filters: what it allows, what it refuses and in which words, and that it only binds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dashboard.filters import (
    COMPARISONS,
    MAX_LENGTH,
    MAX_VALUES,
    OPERATORS,
    YES,
    Condition,
    FilterError,
    address,
    parse,
    where,
)
from dashboard.names import Names
from etl.tables import ACCOUNTS, ALL_TABLES, polars_schema

HOSTILE = (
    "x' OR 1=1 --", '"; DROP TABLE funding; --', "?", "$1", "{condition}", "%s", "NULL", "a\x00b",
    "\x00", "Côte d’Ivoire", "\u202eleft", "\U0001d518nicode", "100%", "under_score", "\\", "a,b", " padded ",
    "=1+1", "ÉCOLE", "école", "",
)  # fmt: skip

# One column of each kind: text, whole number, money, flag.
SAMPLE = pl.DataFrame(
    {
        "row": range(len(HOSTILE) + 1),
        "note": [*HOSTILE, None],
        "year": [*(2000 + row % 5 if row % 4 else None for row in range(len(HOSTILE))), 2017],
        "amount_usd": [
            *(Decimal(row * 1_000_000) / 4 if row % 3 else None for row in range(len(HOSTILE))),
            Decimal("12548000"),
        ],
        "is_cumulative": [*(row % 2 == 0 for row in range(len(HOSTILE))), False],
    },
    schema_overrides={"amount_usd": pl.Decimal(18, 2), "year": pl.Int64},
)


@pytest.fixture(scope="module")
def sample() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.register("frame", SAMPLE.to_arrow())
        con.execute("CREATE TABLE sample AS SELECT * FROM frame")
        yield con


def answered(con: duckdb.DuckDBPyConnection, conditions: list[Condition]) -> set[int]:
    condition, parameters = where(conditions)
    query = f"SELECT row FROM sample AS t WHERE {condition}"
    return {row for (row,) in con.execute(query, parameters).fetchall()}


def parsed(key: str, *texts: str) -> Condition:
    (condition,) = parse("funding", [(key, text) for text in texts])
    return condition


def refused(table: str, key: str, text: str, names: Names | None = None) -> str:
    with pytest.raises(FilterError) as refusal:
        parse(table, [(key, text)], names)
    return str(refusal.value)


# What is allowed


def test_values_joined_by_commas_or_given_twice_mean_any_of_them() -> None:
    assert parsed("area", "KHM,VNM").values == ("KHM", "VNM")
    assert parsed("area", "KHM", " VNM ").values == ("KHM", "VNM")
    assert where([parsed("area", "KHM", "VNM")]) == ('"area" IN (?, ?)', ["KHM", "VNM"])


def test_different_columns_and_comparisons_must_all_hold() -> None:
    pairs = [("area", "KHM"), ("year.gte", "2015"), ("year.lt", "2018"), ("account.ne", "CDC")]
    condition, parameters = where(parse("funding", pairs))
    assert condition == (
        '"area" IN (?) AND "year" >= ? AND "year" < ? '
        'AND ("account" IS NULL OR "account" NOT IN (?))'
    )
    assert parameters == ["KHM", 2015, 2018, "CDC"]


def test_without_filters_every_row_is_asked_for() -> None:
    assert where(parse("funding", [])) == ("TRUE", [])


@pytest.mark.parametrize("word", YES)
def test_null_asks_whether_there_is_a_value(word: str) -> None:
    expected = f'"year" IS {"" if YES[word] else "NOT "}NULL'
    assert where([parsed("year.null", word.upper())]) == (expected, [])


def test_commas_join_codes_words_and_numbers_but_belong_to_any_other_text() -> None:
    assert parsed("account", "DoD,CDC").values == ("DoD", "CDC")
    assert parsed("year", "2015,2016").values == (2015, 2016)
    for key in ("note", "edition.gte", "note.contains", "report.ne"):
        assert parsed(key, "a,b").values == ("a,b",)


def test_series_sources_and_entries_are_lists_and_an_unknown_one_is_named_with_the_known() -> None:
    codes = {"series": ["a_series", "b_series"], "source_id": ["a_source"]}
    for key in ("series", "source_id", "entry_id"):
        assert parsed(key, "a,b").values == ("a", "b")
    assert parse("funding", [("series", "a_series,b_series")], None, codes)[0].values == (
        "a_series", "b_series",
    )  # fmt: skip
    for key, text, known in (
        ("series", "a_series,nothing", "there is no series 'nothing'. Known: a_series, b_series."),
        ("source_id.ne", "nobody", "there is no source 'nobody'. Known: a_source."),
    ):
        with pytest.raises(FilterError, match=known):
            parse("funding", [(key, text)], None, codes)


def test_a_time_is_bound_as_a_time() -> None:
    (value,) = parse("vintages", [("retrieved_at.gte", "2026-11-22T18:00:00+00:00")])[0].values
    assert value == datetime(2026, 11, 22, 18, tzinfo=UTC)
    assert "is a time such as" in refused("vintages", "retrieved_at", "yesterday")


@pytest.mark.parametrize(
    ("text", "dollars"),
    [("1e6", "1000000.00"), ("12548000", "12548000.00"), ("-1.5", "-1.50"), ("1E+15", "1E+15")],
)
def test_money_is_bound_written_out_because_duckdb_misreads_exponents(
    text: str, dollars: str, sample: duckdb.DuckDBPyConnection
) -> None:
    (value,) = parsed("amount_usd", text).values
    assert value == Decimal(dollars)
    assert sample.execute("SELECT CAST(? AS DECIMAL(18, 2))", [value]).fetchall() == [(value,)]


def test_a_number_is_bound_as_its_column_is_declared() -> None:
    assert parsed("year", "2015.0").values == (2015,)
    assert isinstance(parsed("year", "2015.0").values[0], int)
    (share,) = parse("funding_shares", [("share_percent.gte", "1.59")])[0].values
    assert share == pytest.approx(1.59)
    assert isinstance(share, float)
    assert parsed("is_cumulative", "Yes").values == (True,)


def test_every_declared_column_can_be_filtered_by_null() -> None:
    for table, schema in ALL_TABLES.items():
        for column in schema.column_names():
            assert where(parse(table, [(f"{column}.null", "no")])) == (
                f'"{column}" IS NOT NULL',
                [],
            )


# What is refused, and in which words


def test_an_unknown_column_is_refused_and_the_columns_are_named() -> None:
    message = refused("funding", "amout_usd", "1")
    assert message.startswith("funding has no column 'amout_usd'. Its columns are: entry_id, ")
    assert "amount_usd" in message


def test_an_unknown_comparison_is_refused_and_the_comparisons_are_named() -> None:
    message = refused("funding", "year.above", "2015")
    assert message.startswith("'above' is no comparison. Write year=value or year. followed by")
    assert message.endswith(f"{', '.join(OPERATORS)}.")


def test_a_word_outside_a_category_is_refused_and_the_words_are_named() -> None:
    assert (
        refused("funding", "account", "Defence")
        == f"'Defence' is no account. Allowed: {', '.join(ACCOUNTS)}."
    )


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("year", "MMXV", "year is a number, not 'MMXV'."),
        ("year", "", "year is a number, not ''."),
        ("year", "2015.5", "year is a whole number, not '2015.5'."),
        ("year", "nan", "year: 'nan' is not a number the ledger can hold."),
        ("year", "-Infinity", "year: '-Infinity' is not a number the ledger can hold."),
        ("year", "1e16", "year: '1e16' is not a number the ledger can hold."),
        ("year", "1e9999999", "year: '1e9999999' is not a number the ledger can hold."),
        ("year", "1e-9999999", "year is a whole number, not '1e-9999999'."),
        ("amount_usd", "0.001", "amount_usd has 2 decimals; '0.001' has more."),
        ("amount_usd", "1e-9999999", "amount_usd has 2 decimals; '1e-9999999' has more."),
        ("is_cumulative", "maybe", "is_cumulative is yes or no, not 'maybe'."),
        ("year.null", "2015", "year.null takes yes or no, not '2015'."),
        ("year.contains", "20", "year is not a text; year.contains does not apply."),
        (
            "note",
            "x" * (MAX_LENGTH + 1),
            f"note: a value may have at most {MAX_LENGTH} characters.",
        ),
        ("year", ",".join(["2015"] * (MAX_LENGTH // 5)), None),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_in_a_sentence(
    key: str, text: str, message: str | None
) -> None:
    if message is None:
        assert len(parsed(key, text).values) == MAX_LENGTH // 5
    else:
        assert refused("funding", key, text) == message


def test_more_values_than_a_reader_could_mean_are_refused() -> None:
    assert len(parsed("year", *["2015"] * MAX_VALUES).values) == MAX_VALUES
    with pytest.raises(FilterError, match=f"year: at most {MAX_VALUES} values are allowed"):
        parse("funding", [("year", "2015")] * (MAX_VALUES + 1))


@given(st.text(max_size=600), st.text(max_size=40))
def test_no_key_that_a_reader_may_type_reaches_the_sql(key: str, text: str) -> None:
    name, _, operator = key.partition(".")
    known = name in ALL_TABLES["funding"].column_names() and operator in ("", *OPERATORS)
    refusal = ""
    try:
        parse("funding", [(key, text)])
    except FilterError as error:
        refusal = str(error)
    assert known or refusal
    assert len(refusal) < 2_000


# What is bound

READ: dict[str, Callable[[str], object]] = {
    "note": str,
    "year": lambda text: int(Decimal(text)),
    "amount_usd": Decimal,
    "is_cumulative": lambda text: YES[text.lower()],
}


def expected(column: str, operator: str, text: str) -> set[int]:
    """What polars finds, from the words of the grammar alone."""
    values = pl.col(column)
    if operator == "null":
        kept = values.is_null() if YES[text.lower()] else values.is_not_null()
    elif operator == "contains":
        lowered = [None if note is None else note.lower() for note in SAMPLE["note"]]
        found = [note is not None and text.lower() in note for note in lowered]
        return set(SAMPLE.filter(pl.Series(found))["row"])
    elif operator in COMPARISONS:
        limit = pl.lit(READ[column](text.strip()), dtype=SAMPLE.schema[column])
        kept = {
            "gte": values >= limit, "lte": values <= limit, "gt": values > limit,
            "lt": values < limit,
        }[operator]  # fmt: skip
    else:
        parts = [text] if column == "note" else text.split(",")
        listed = pl.Series(
            [READ[column](part.strip()) for part in parts], dtype=SAMPLE.schema[column]
        ).implode()
        kept = (
            ~values.is_in(listed).fill_null(value=False)
            if operator == "ne"
            else values.is_in(listed)
        )
    return set(SAMPLE.filter(kept)["row"])


# Letters beyond U+2000 and the dotted İ have no single small letter that all libraries agree on.
LETTERS = st.characters(max_codepoint=0x1FFF, exclude_characters="İ", exclude_categories=["Cs"])
TEXTS = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(LETTERS, max_size=30),
    st.sampled_from(["école", "yes", "NO", "2015", "2015,2016", "1e6", "12548000", "-0", "2e3"]),
    st.decimals(-(10**17), 10**17, places=2).map(str),
    st.integers(-(10**6), 10**6).map(lambda power: f"1e{power}"),
)


@settings(
    max_examples=400,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sampled_from(list(READ)), st.sampled_from(("", *OPERATORS)), TEXTS)
@example("note", "", "x' OR 1=1 --")
@example("note", "", "a\x00b")
@example("note", "contains", "\x00")
@example("note", "contains", "%")
@example("note", "contains", "x" * 10_000)
@example("note", "gte", "")
@example("amount_usd", "gte", "1e6")
@example("amount_usd", "lt", "1E+15")
@example("amount_usd", "", "1e999999999")
def test_any_value_is_either_refused_or_answered_as_polars_would(
    sample: duckdb.DuckDBPyConnection, column: str, operator: str, text: str
) -> None:
    key = f"{column}.{operator}" if operator else column
    refusal = ""
    conditions: list[Condition] = []
    try:
        conditions = parse("funding", [(key, text)])
    except FilterError as error:
        refusal = str(error)
    if refusal:
        assert refusal.endswith(".")
        assert "\n" not in refusal
        return
    assert answered(sample, conditions) == expected(column, operator, text)


@given(st.sampled_from(list(READ)), st.sampled_from(("", *OPERATORS)), TEXTS)
def test_the_condition_is_made_of_declared_names_and_marks_never_of_a_readers_text(
    column: str, operator: str, text: str
) -> None:
    key = f"{column}.{operator}" if operator else column
    try:
        condition, parameters = where(parse("funding", [(key, text)]))
    except FilterError:
        return
    made_of = condition.replace(f'"{column}"', "")
    for word in (
        "contains(lower(), lower(?))",
        " IS NULL OR ",
        " NOT IN ",
        " IN ",
        " IS NOT NULL",
        " IS NULL",
    ):
        made_of = made_of.replace(word, "")
    assert set(made_of) <= set("?,() <>="), condition
    assert condition.count("?") == len(parameters)


def test_numbers_with_digits_of_other_scripts_mean_the_same_number() -> None:
    assert parsed("year", "٢٠١٥").values == (2015,)
    assert parsed("amount_usd", "\uff11\uff12").values == (Decimal("12.00"),)


# The pages' links


def test_a_pages_link_says_the_same_as_its_filters() -> None:
    filters = {
        "area": ["KHM", "VNM"],
        "year.gte": 2015,
        "series": [],
        "flow": "",
        "note": "a&b=c,d",
    }
    link = address("funding", filters)
    assert urlsplit(link).path == "/api/v1/funding.csv"
    assert parse_qsl(urlsplit(link).query) == [
        ("area", "KHM"), ("area", "VNM"), ("year.gte", "2015"), ("note", "a&b=c,d"),
    ]  # fmt: skip
    assert address("areas", {}) == "/api/v1/areas.csv"
    assert set(polars_schema(ALL_TABLES["funding"])) > {"area", "year", "series", "flow", "note"}
