"""Names and words that readers type: any spelling of an area or organisation, and words in the texts."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
import zipfile
from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from dashboard import filters, names
from dashboard.filters import GRAMMAR, MAX_LENGTH, MAX_WORDS, FilterError, holding, parse, where
from dashboard.names import Names, folded, spaced
from etl.settings import Folders
from etl.store import Lease
from etl.tables import ALL_TABLES
from tests.helpers import DATA, rows_of
from tests.live import GRANTS

AREAS = rows_of(DATA / "reference/areas.csv")[1]
ORGANISATIONS = rows_of(DATA / "reference/implementers.csv")[1]
NAMES = Names.made(
    ((row["area"], row["name"], row["spellings"]) for row in AREAS),
    ((row["implementer"], row["spellings"]) for row in ORGANISATIONS),
)
SPELLED = [
    (spelling, row["area"])
    for row in AREAS
    for spelling in (row["area"], row["name"], *filter(None, row["spellings"].split(" ; ")))
]


def rows(client: TestClient, address: str) -> list[dict[str, str]]:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def refused(table: str, *pairs: tuple[str, str]) -> str:
    with pytest.raises(FilterError) as refusal:
        parse(table, pairs, NAMES)
    return str(refusal.value)


def bare(text: str) -> str:
    """A text without accents, by another way than the code's."""
    return "".join(
        one for one in unicodedata.normalize("NFD", text) if unicodedata.category(one) != "Mn"
    )


# Areas


@given(st.sampled_from(SPELLED), st.sampled_from((str, str.upper, str.lower, bare)), st.booleans())
@settings(max_examples=60)
@example(("Lao PDR", "LAO"), str, False)
@example(("Laos", "LAO"), str, False)
@example(("LAO", "LAO"), str.lower, False)
@example(("Côte d’Ivoire", "CIV"), bare, True)
def test_every_spelling_means_its_area_whatever_its_case_accents_and_marks(
    spelled: tuple[str, str], change: type[str], is_unmarked: bool
) -> None:
    text, code = change(spelled[0]), spelled[1]
    if is_unmarked:
        text = text.replace("-", " ").replace("’", "'").replace(".", "")
    assert NAMES.area(text) == code
    assert parse("funding", [("donor_area", text)], NAMES)[0].values == (code,)
    assert filters.coded([("area.ne", text)], NAMES) == [("area.ne", code)]


@given(st.sampled_from(SPELLED), st.integers(0, 30), st.sampled_from("xqz"))
@settings(max_examples=40)
def test_a_misspelled_name_is_refused_or_a_spelling_itself_and_never_a_guess(
    spelled: tuple[str, str], place: int, letter: str
) -> None:
    text = spelled[0][:place] + letter + spelled[0][place:]
    codes = {code for spelling, code in SPELLED if folded(spelling) == folded(text)}
    if codes:
        assert {NAMES.area(text)} == codes
    else:
        assert "is no code or name of an area." in refused("funding", ("area", text))


def test_the_nearest_names_are_offered_the_most_like_first() -> None:
    assert refused("funding", ("area", "Vietnan")) == (
        "'Vietnan' is no code or name of an area. Did you mean Vietnam (VNM)? Codes are ISO 3166-1 alpha-3, such as "
        "KHM or VNM, and the project's own for other areas, such as XKX; /api/v1/areas.csv lists them all with their "
        "spellings."
    )
    for text, code in (("Camboda", "KHM"), ("azerbaidjan", "AZE"), ("Bosnien Herzegovina", "BIH")):
        assert NAMES.near(text)[0] == code
    for text in ("", "!", "漢字", "x" * 500, "qqqqqq"):
        assert NAMES.near(text) == []
        assert "Did you mean" not in refused("funding", ("area", text))


def test_a_name_with_commas_is_one_name_also_in_a_list() -> None:
    (condition,) = parse(
        "funding", [("area", "Laos,Congo, Democratic Republic of the, viet nam")], NAMES
    )
    assert condition.values == ("LAO", "COD", "VNM")
    assert "'Bissau'" in refused("funding", ("area", "Guinea,Bissau"))
    assert "'ia'" in refused("funding", ("area", "Niger,ia"))


def test_a_spelling_that_two_areas_share_means_neither() -> None:
    names = Names.made([("AAA", "One", "Both ; First"), ("BBB", "Two", "both")])
    assert (names.area("Both"), names.area("first"), names.area("BBB")) == (None, "AAA", "BBB")


def test_the_api_answers_a_name_as_it_answers_the_code(client: TestClient) -> None:
    code = client.get("/funding.csv?area=LAO")
    assert code.text.count("\n") > 20
    for name in ("Laos", "Lao%20PDR", "lao"):
        answer = client.get(f"/funding.csv?area={name}")
        assert (answer.text, answer.headers["ETag"]) == (code.text, code.headers["ETag"])
    assert client.get("/funding/count?area=laos").json()["row_count"] == int(
        code.headers["X-HMA-Rows"]
    )
    assert "area=LAO&" in client.get("/funding.json?area=laos&limit=1").json()["query"]
    assert rows(client, "/funding.csv?donor_area=japan") == rows(
        client, "/funding.csv?donor_area=JPN"
    )
    assert rows(client, "/funding_shares.csv?region_area.ne=africa") != []


# Organisations


@pytest.fixture
def granted(
    granted_folders: Folders, reader: TestClient, monkeypatch: pytest.MonkeyPatch
) -> TestClient:
    monkeypatch.setenv("HMA_DATA", str(granted_folders.data))
    return reader


def test_an_organisation_is_found_by_any_of_its_spellings_and_exactly_by_its_letters(
    granted: TestClient,
) -> None:
    halo = [row for row in GRANTS if "HALO" in row["implementer"].upper()]
    for name in ("HALO", "halo trust", "The HALO Trust USA, Inc.", "HALO USA"):
        found = rows(granted, f"/funding.csv?implementer={name}")
        assert len(found) == len(halo)
        assert {row["implementer"] for row in found} == {row["implementer"] for row in halo}
    exact = rows(granted, "/funding.csv?implementer.exact=Halo Trust")
    assert len(exact) == sum(row["implementer"] == "Halo Trust" for row in GRANTS) < len(halo)
    assert len(rows(granted, "/funding.csv?implementer=a charity NOBODY knows")) == 1
    assert rows(granted, "/funding.csv?implementer.exact=a charity nobody knows") == []
    others = rows(granted, "/funding.csv?series=fa_obligations&implementer.ne=halo")
    named = {row["implementer"] for row in others}
    assert named == {"", "A Charity Nobody Knows", "Norsk Folkehjelp", "MAG America Inc"}


def test_an_agency_is_found_in_any_case(client: TestClient) -> None:
    found = rows(client, "/funding.csv?agency=department OF defense")
    assert {row["agency"] for row in found} == {"Department of Defense"}
    assert found == rows(client, "/funding.csv?agency.exact=Department of Defense")
    assert rows(client, "/funding.csv?agency.exact=department of defense") == []


def test_one_organisation_in_all_its_spellings_is_one_value(client: TestClient) -> None:
    every = NAMES.organisation("halo")
    assert len(every) > 5
    (condition,) = parse("funding", [("implementer", one) for one in every * 40], NAMES)
    assert sorted(condition.values) == sorted(every)
    assert spaced("  The  HALO\tTrust ") == "the halo trust"


# Words


@pytest.fixture(scope="module")
def notes() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("CREATE TABLE notes (note VARCHAR, title VARCHAR)")
        yield con


TEXTS = st.text("aàÀbBcçÉéñ '-,.1%_\\", max_size=12)


@given(st.lists(st.tuples(TEXTS, st.none() | TEXTS), max_size=5), TEXTS)
@settings(max_examples=80)
@example([("100 % Côte", None)], "cote %")
@example([("Côte", None), (None, "COTE")], "cote")
@example([("Cote", None)], "CÔTE")
@example([("École", "halo"), (None, "ecole")], "ÉCOLE HALO")
def test_a_search_finds_the_rows_that_hold_every_word_and_no_other(
    notes: duckdb.DuckDBPyConnection, texts: list[tuple[str | None, str | None]], asked: str
) -> None:
    try:
        words = filters.words(asked)
    except FilterError:
        assert not asked.split() or any(not bare(word).strip("'-,.%_\\") for word in asked.split())
        return
    notes.execute("DELETE FROM notes")
    for row in texts:
        notes.execute("INSERT INTO notes VALUES (?, ?)", list(row))
    condition, parameters = where([holding(words, ("note", "title"))])
    found = notes.execute(f"SELECT note, title FROM notes WHERE {condition}", parameters).fetchall()
    assert sorted(found, key=str) == sorted(
        (
            row
            for row in texts
            if all(
                any(bare(word).lower() in bare(text or "").lower() for text in row if text)
                for word in words
            )
        ),
        key=str,
    )


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([""], "q takes words to search for; leave it out to have all rows."),
        (["  \t "], "q takes words to search for; leave it out to have all rows."),
        (["halo %"], "q takes words, and '%' holds no letter or digit."),
        (["x" * (MAX_LENGTH + 1)], f"q: at most {MAX_LENGTH} characters are allowed."),
        ([" ".join(map(str, range(MAX_WORDS + 1)))], f"q: at most {MAX_WORDS} words are allowed."),
        (["1 2 3 4 5 6", "7 8 9 10 11"], f"q: at most {MAX_WORDS} words are allowed."),
    ],
)
def test_words_that_cannot_be_meant_are_refused(texts: list[str], message: str) -> None:
    assert refused("funding", *(("q", text) for text in texts)) == message


def test_a_table_without_texts_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "searched", lambda _table: ())
    assert refused("gdp", ("q", "halo")) == "gdp has no texts to search; leave q out."


def test_only_free_texts_are_searched_so_that_no_hash_or_address_answers() -> None:
    for table, declared in ALL_TABLES.items():
        searched = filters.searched(table)
        assert searched, table
        assert set(searched) < set(declared.column_names())
        hidden = {
            "entry_id",
            "vintage_sha256",
            "content_sha256",
            "locator",
            "source_url",
            "area",
            "flow",
        }
        assert not hidden & set(searched)
    assert {"title", "note", "amount_as_printed", "implementer"} <= set(filters.searched("funding"))


def test_words_are_found_alike_in_every_format_and_counted(client: TestClient) -> None:
    query = "q=Clearance%20support&area=world"
    found = rows(client, f"/funding.csv?{query}")
    every = rows(client, "/funding.csv?area=XWD")
    columns = filters.searched("funding")
    expected = [
        row
        for row in every
        if all(
            any(word in row[name].lower() for name in columns) for word in ("clearance", "support")
        )
    ]
    assert found == expected
    assert 0 < len(found) < len(every)
    assert client.get(f"/funding/count?{query}").json()["row_count"] == len(found)
    in_json = client.get(f"/funding.json?{query}").json()["rows"]
    assert [row["entry_id"] for row in in_json] == [row["entry_id"] for row in found]
    with zipfile.ZipFile(io.BytesIO(client.get(f"/funding.zip?{query}").content)) as files:
        manifest = json.loads(files.read("manifest.json"))
    assert manifest["row_count"] == len(found)
    assert manifest["query"].endswith(f"&grammar={GRAMMAR}")
    assert rows(client, "/funding.csv?q=clearance&q=support&area=XWD") == found


def test_words_are_found_without_regard_to_accents(client: TestClient) -> None:
    assert [row["area"] for row in rows(client, "/areas.csv?q=cote%20IVOIRE")] == ["CIV"]
    assert [row["area"] for row in rows(client, "/areas.csv?q=C%C3%94TE")] == ["CIV"]


def test_names_are_those_of_the_ledger_and_refresh_that_is_looked_at() -> None:
    for ledger, as_of, name in (("one", None, "Old"), ("two", None, "New"), ("one", 1, "Older")):
        with duckdb.connect() as con:
            con.execute(
                "CREATE TABLE areas AS SELECT 'AAA' AS area, $name AS name, NULL AS spellings",
                {"name": name},
            )
            con.execute(
                "CREATE TABLE implementers AS FROM areas SELECT name AS implementer, spellings"
            )
            found = names.of(Lease(f"test-{ledger}", con, as_of))
            assert found.areas == {"AAA": name}
            assert found.organisation(name.upper()) == (name,)
            assert names.of(Lease(f"test-{ledger}", con, as_of)) is found


# The version of the grammar


@pytest.mark.parametrize(
    "path",
    [
        "/funding.csv?area=LAO&limit=3", "/funding/count?area=LAO", "/datasets?", "/sources?", "/refreshes?",
        "/changes.json?a=0&b=1&source=treaties",
    ],
)  # fmt: skip
def test_another_version_of_the_grammar_is_refused_in_words(client: TestClient, path: str) -> None:
    plain = client.get(path)
    assert plain.status_code == 200
    assert client.get(f"{path}&grammar={GRAMMAR}").content == plain.content
    for other in ("2", "01", "", "x"):
        answer = client.get(f"{path}&grammar={other}")
        assert answer.status_code == 400
        assert f"grammar={other} is a version of these filters" in answer.json()["error"]
        assert f"it knows grammar={GRAMMAR}." in answer.json()["error"]


def test_a_version_given_twice_is_refused(client: TestClient) -> None:
    assert (
        "grammar stands there 2 times"
        in client.get("/funding.csv?grammar=1&grammar=1").json()["error"]
    )


def test_every_address_that_the_api_gives_carries_the_version(client: TestClient) -> None:
    for dataset in client.get("/datasets").json()["datasets"]:
        assert all(link.endswith(f"?grammar={GRAMMAR}") for link in dataset["formats"].values())
