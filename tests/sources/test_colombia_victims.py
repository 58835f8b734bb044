"""The victims of mines and unexploded ordnance in Colombia, one row a person."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from etl.areas import Resolver, load_areas
from etl.check import Checked, check
from etl.cli import app
from etl.guard import Hold, before_comparing, together
from etl.reading import Reading, SourceError
from etl.refresh import refresh
from etl.retrieve import Given
from etl.settings import Folders
from etl.sources import all_sources
from etl.sources.colombia_victims.read import COLUMNS
from etl.tables import NATURAL_KEYS
from etl.verify import verify
from tests.helpers import DATA, TRANSCRIBED, Row, ask, contents, csv_text, only

FILE = "colombia_victims.csv"
HEADER = (*COLUMNS, "Ubicación", "Actividad")
SAMPLES = TRANSCRIBED.parents[2] / "shared" / "samples" / "casualty_events"
# The copy, and its columns of outcome and sex.
COPIES = {
    "colombia_victims_2017-10.csv": ("estado", "genero"),
    "colombia_victims_2025-10.csv": ("genero", "estado"),
}
HELD_BY = {"colombia_victims_2025-10.csv": "doubt"}
KEY = list(NATURAL_KEYS["casualty_events"])
AREAS = Resolver(load_areas(DATA / "reference"))

FARMER: Row = {
    "departamento": "ANTIOQUIA", "codigodanedepartamento": "5", "municipio": "GRANADA",
    "codigodanemunicipio": "5313", "tipoarea": "Rural", "sitio": "Vereda Minitas", "ano": "2006",
    "mes": "1", "rangoedad": "Mayor de 18 años", "grupoetnico": "No", "condicion": "Civil",
    "estado": "Herido", "genero": "Masculino", "latitudcabecera": "6.143703",
    "longitudcabecera": "-75.185183", "tipoevento": "Accidente por MAP",
    "Ubicación": "(6.143703, -75.185183)", "Actividad": "Agricultura",
}  # fmt: skip
SOLDIER: Row = FARMER | {
    "condicion": "Fuerza pública", "estado": "Muerto", "Actividad": "Fuerza pública",
}  # fmt: skip
EXCHANGED = {"estado": "Hombre", "genero": "Herido"}


def hold(reading: Reading, checked: Checked, least: int = 0) -> Hold | None:
    spec = all_sources()["colombia_victims"].model_copy(update={"min_entries": least})
    return together(list(before_comparing(spec, reading, checked)))


def read_bytes(content: bytes) -> tuple[Reading, Checked]:
    spec = all_sources()["colombia_victims"]
    reading = Reading()
    spec.reader()(contents({FILE: content}), reading, AREAS)
    return reading, check(spec, reading)


def read_rows(
    *rows: Row, header: Sequence[str] = HEADER, bom: bool = False
) -> tuple[Reading, pl.DataFrame]:
    text = csv_text(header, [{name: row.get(name, "") for name in header} for row in rows])
    reading, checked = read_bytes(text.encode("utf-8-sig" if bom else "utf-8"))
    return reading, checked.tables["casualty_events"]


def findings(reading: Reading) -> tuple[int, int, int]:
    return len(reading.doubts), len(reading.rejects), len(reading.issues)


def test_a_row_is_one_person_with_place_month_and_attributes() -> None:
    reading, people = read_rows(FARMER)
    assert findings(reading) == (0, 0, 0)
    only(
        people, area="COL", area_as_printed="Colombia", date="2006-01", year=2006, month=1,
        admin1="ANTIOQUIA", admin1_code="05", admin2="GRANADA", admin2_code="05313",
        place_as_printed="Vereda Minitas", place_kind="rural", latitude=6.143703,
        longitude=-75.185183, outcome="injured", condition="civilian", age_group="adult",
        sex="male", ethnic_group_as_printed=None, activity_as_printed="Agricultura",
        device="antipersonnel mine", device_as_printed="Accidente por MAP", occurrence=1,
        locator=f"{FILE} line 2", series="colombia_victims",
    )  # fmt: skip


def test_the_form_of_a_copy_does_not_change_who_is_read() -> None:
    _, plain = read_rows(FARMER)
    commas = FARMER | {"ano": "2,006", "codigodanemunicipio": "5,313", "grupoetnico": "no"}
    for rows, bom in ((commas, False), (FARMER, True), (commas | {"tipoarea": "RURAL"}, True)):
        reading, people = read_rows(rows, bom=bom)
        assert findings(reading) == (0, 0, 0)
        assert people.equals(plain)


def test_a_copy_without_activity_gives_none() -> None:
    reading, people = read_rows(FARMER, header=COLUMNS)
    assert findings(reading) == (0, 0, 0)
    only(people, activity_as_printed=None)


@pytest.mark.parametrize("word", ["", "Sin información", "SIN INFORMACIÓN", "Sin informacion"])
def test_a_word_for_missing_is_unknown_and_never_a_guess(word: str) -> None:
    columns = ("sitio", "rangoedad", "genero", "grupoetnico", "tipoevento", "Actividad", "tipoarea")
    reading, people = read_rows(FARMER | dict.fromkeys(columns, word))
    assert findings(reading) == (0, 0, 0)
    only(people, place_as_printed=None, age_group="unknown", sex="unknown", place_kind="unknown",
         ethnic_group_as_printed=None, device="unknown", device_as_printed=None,
         activity_as_printed=None)  # fmt: skip


def test_a_person_whose_month_is_not_published_is_dated_by_the_year() -> None:
    _, people = read_rows(FARMER | {"mes": ""})
    only(people, date="2006", year=2006, month=None)


def test_people_alike_in_all_are_different_people() -> None:
    _, people = read_rows(FARMER, SOLDIER, FARMER, FARMER | {"mes": "2"})
    assert people["occurrence"].to_list() == [1, 1, 2, 1]
    assert people["locator"].to_list() == [f"{FILE} line {line}" for line in (2, 3, 4, 5)]
    assert not people.select(KEY).is_duplicated().any()


def test_people_of_one_key_are_numbered_by_their_values_and_not_by_their_lines() -> None:
    north = FARMER | {"latitudcabecera": "6.5"}
    for rows in ((FARMER, north), (north, FARMER)):
        _, people = read_rows(*rows)
        assert people.sort("occurrence")["latitude"].to_list() == [6.143703, 6.5]


PERSON = st.fixed_dictionaries(
    {
        "sitio": st.sampled_from(["", "Vereda Minitas"]),
        "estado": st.sampled_from(["Herido", "Muerto"]),
        "genero": st.sampled_from(["Masculino", "Femenino"]),
        "mes": st.sampled_from(["1", "2"]),
        "latitudcabecera": st.sampled_from(["6.1", "6.2", ""]),
        "tipoevento": st.sampled_from(["Accidente por MAP", "Accidente por MUSE"]),
    }
)


@given(
    st.lists(PERSON, min_size=1, max_size=12).flatmap(
        lambda p: st.tuples(st.just(p), st.permutations(p))
    )
)
@settings(max_examples=15)
def test_whatever_the_order_of_the_rows_each_key_holds_the_same_values(
    orders: tuple[list[Row], list[Row]],
) -> None:
    first, second = (
        read_rows(*(FARMER | person for person in order))[1].drop("locator").sort(KEY)
        for order in orders
    )
    assert first.equals(second)
    assert first.height == len(orders[0])
    assert not first.select(KEY).is_duplicated().any()


def test_exchanged_columns_are_doubted_and_read_the_right_way_round() -> None:
    woman = SOLDIER | {"estado": "Mujer", "genero": "MUERTO"}
    unsaid = FARMER | {"estado": "Sin Información", "genero": "Herido"}
    reading, people = read_rows(FARMER | EXCHANGED, woman, unsaid)
    assert findings(reading) == (1, 0, 0)
    assert people["outcome"].to_list() == ["injured", "killed", "injured"]
    assert people["sex"].to_list() == ["male", "female", "unknown"]
    doubt = str(reading.doubts[0])
    for words in ("estado and genero", "exchanged", "Hombre, Mujer", "Herido, MUERTO", "accepting"):
        assert words in doubt


def test_an_exchange_in_some_rows_is_doubted_and_those_rows_are_rejects() -> None:
    reading, people = read_rows(FARMER, FARMER | EXCHANGED, SOLDIER)
    assert findings(reading) == (1, 1, 0)
    assert [(r.locator, r.column, r.rule, r.raw_value) for r in reading.rejects] == [
        (f"{FILE} line 3", "estado", "unknown category", "Hombre")
    ]
    assert people["outcome"].to_list() == ["injured", "killed"]
    assert "not in all" in reading.doubts[0].rule


def test_a_place_in_the_column_of_the_device_is_one_issue_for_the_file() -> None:
    reading, people = read_rows(
        FARMER | {"tipoevento": "Caminos"}, FARMER | {"tipoevento": "Campo"}, SOLDIER
    )
    assert [(i.column, i.raw_value) for i in reading.issues] == [("tipoevento", "Caminos, Campo")]
    assert "2 rows" in reading.issues[0].rule
    assert people["device"].to_list() == ["unknown", "unknown", "antipersonnel mine"]
    assert people["device_as_printed"].to_list() == ["Caminos", "Campo", "Accidente por MAP"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("estado", "Ileso"), ("estado", ""), ("genero", "Otro"), ("condicion", "Turista"),
        ("rangoedad", "30"), ("tipoarea", "Marina"), ("grupoetnico", "Otra"),
        ("tipoevento", "Granada"), ("ano", "06"), ("ano", "20,06"), ("ano", ""), ("mes", "13"),
        ("mes", "enero"), ("codigodanemunicipio", "53,13"), ("latitudcabecera", "6,14"),
    ],
)  # fmt: skip
def test_what_is_not_declared_is_a_reject_and_holds_the_copy(column: str, value: str) -> None:
    text = csv_text(HEADER, [FARMER, FARMER | {column: value}])
    reading, checked = read_bytes(text.encode())
    assert {reject.locator for reject in reading.rejects} == {f"{FILE} line 3"}
    assert hold(reading, checked)
    assert checked.tables["casualty_events"].height == 1


def test_a_point_outside_colombia_is_kept_with_an_issue() -> None:
    reading, people = read_rows(FARMER | {"longitudcabecera": "75.185183"})
    only(people, longitude=75.185183)
    assert [(i.rule, i.raw_value) for i in reading.issues] == [
        ("a point outside Colombia", "6.143703, 75.185183")
    ]


def test_an_unknown_column_is_an_issue_and_a_missing_one_stops_the_source() -> None:
    reading, _ = read_rows(FARMER, header=(*HEADER, "nombre"))
    assert [(i.column, i.rule) for i in reading.issues] == [("nombre", "unknown column")]
    with pytest.raises(SourceError, match=r"lacks the column condicion; it has departamento, "):
        read_rows(FARMER, header=[name for name in HEADER if name != "condicion"])


def test_a_file_without_its_last_line_break_is_read_with_an_issue_and_a_cut_row_is_a_reject() -> (
    None
):
    text = csv_text(HEADER, [FARMER, SOLDIER]).rstrip("\n")
    reading, checked = read_bytes(text.encode())
    assert findings(reading) == (0, 0, 1)
    assert checked.entries == 2
    reading, checked = read_bytes(text[: text.rindex(",")].encode())
    assert findings(reading) == (0, 1, 1)
    assert checked.entries == 1


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf \n"])
def test_an_empty_file_stops_the_source(content: bytes) -> None:
    with pytest.raises(SourceError, match="is empty"):
        read_bytes(content)


def test_a_copy_without_people_is_held_by_the_guard() -> None:
    assert hold(*read_bytes(csv_text(HEADER, []).encode()), least=1)


def sample(copy: str) -> bytes:
    path = SAMPLES / copy
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    return path.read_bytes()


@pytest.mark.parametrize("copy", COPIES)
def test_a_real_copy_gives_every_person_once_by_year_outcome_and_sex(copy: str) -> None:
    content = sample(copy)
    outcome, sex = COPIES[copy]
    words = {"Herido": "injured", "Muerto": "killed", "Masculino": "male", "Hombre": "male",
             "Femenino": "female", "Mujer": "female", "Sin Información": "unknown"}  # fmt: skip
    printed = Counter(
        (int(row["ano"].replace(",", "")), words[row[outcome]], words[row[sex]])
        for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    )
    reading, checked = read_bytes(content)
    people = checked.tables["casualty_events"]
    assert Counter(people.select("year", "outcome", "sex").iter_rows()) == printed
    least = all_sources()["colombia_victims"].min_entries
    found = hold(reading, checked, least)
    assert (found.rule if found else None) == HELD_BY.get(copy)
    assert reading.rejects == []
    assert not people.select(KEY).is_duplicated().any()


def test_only_the_copy_of_2025_is_doubted() -> None:
    doubts = {copy: read_bytes(sample(copy))[0].doubts for copy in COPIES}
    assert [len(found) for found in doubts.values()] == [0, 1]


def test_most_people_of_the_copy_of_2017_are_found_again_in_that_of_2025() -> None:
    before, after = (
        set(read_bytes(sample(copy))[1].tables["casualty_events"].select(KEY).iter_rows())
        for copy in COPIES
    )
    assert (len(after - before), len(before - after)) == (1226, 334)


def test_the_copies_of_2017_and_2025_read_in_order_give_one_register_with_its_revisions(
    workspace: Folders,
) -> None:
    early, late = (SAMPLES / copy for copy in COPIES)
    sample(early.name)
    spec = all_sources()["colombia_victims"]
    first = refresh(workspace, [spec], given={spec.source_id: [Given(str(early))]}).sources[0]
    assert (first.changes, first.hold) == ({"added": 11_498}, None)
    second = refresh(workspace, [spec], given={spec.source_id: [Given(str(late))]}).sources[0]
    assert second.hold
    assert second.hold.rule == "doubt", "the exchanged columns are noticed"
    assert ask(workspace, "SELECT count(*) FROM casualty_events") == [(11_498,)]
    vintage = second.vintages[0].sha256[:12]
    answer = CliRunner().invoke(
        app, ["accept", spec.source_id, vintage, "--because", "the two columns are read in place"]
    )
    assert answer.exit_code == 0, answer.output
    changes = ask(workspace, "SELECT added, revised, withdrawn FROM refreshes ORDER BY refresh")
    assert changes == [(11_498, 0, 0), (0, 0, 0), (1_226, 11_164, 334)]
    assert ask(workspace, "SELECT count(*) FROM casualty_events") == [(12_390,)]
    outcomes = ask(
        workspace, "SELECT outcome, count(*) FROM casualty_events GROUP BY outcome ORDER BY outcome"
    )
    assert dict(outcomes) == {"injured": 10_038, "killed": 2_352}, (
        "as Herido and Muerto are counted in the file"
    )
    assert verify(workspace).differences == []


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda body: [*body, *body], "added"),
        (lambda body: [*body, *body[-1:] * 1_000], "shifted"),
        (lambda body: [line.replace(b",Herido,", b",Muerto,") if number % 16 == 0 else line
                       for number, line in enumerate(body)], "shifted"),
        (lambda body: [line for line in body if b'"2,016"' not in line], "shifted"),
    ],
)  # fmt: skip
def test_a_register_that_grows_shifts_or_loses_a_year_is_held(
    workspace: Folders, tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], rule: str
) -> None:
    content = sample("colombia_victims_2017-10.csv")
    spec = all_sources()["colombia_victims"]
    (tmp_path / "good.csv").write_bytes(content)
    refresh(workspace, [spec], given={spec.source_id: [Given(str(tmp_path / "good.csv"))]})
    header, *body = content.splitlines(keepends=True)
    (tmp_path / "bad.csv").write_bytes(b"".join([header, *change(body)]))
    outcome = refresh(
        workspace, [spec], given={spec.source_id: [Given(str(tmp_path / "bad.csv"))]}
    ).sources[0]
    assert outcome.hold
    assert outcome.hold.rule == rule, outcome.hold
