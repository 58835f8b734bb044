"""Colombia's register of events: accidents alone, one row each, never counted with people."""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.areas import Resolver, load_areas
from etl.check import Checked, check
from etl.config import Config
from etl.diff import diff
from etl.guard import before_comparing
from etl.reading import Reading, SourceError
from etl.refresh import refresh
from etl.retrieve import Given
from etl.settings import Folders
from etl.sources import SourceSpec, all_sources
from etl.sources.colombia_events.read import COLUMNS, NO_ACCIDENTS
from etl.verify import verify
from tests.helpers import (
    DATA,
    NO_LIMITS,
    TRANSCRIBED,
    Row,
    ask,
    contents,
    csv_text,
    ledger,
    only,
)
from tests.replay import serving
from tests.sources.soda_api import Dataset

SOURCE = "colombia_events"
FILE = f"{SOURCE}.csv"
SAMPLE = (
    TRANSCRIBED.parents[2]
    / "shared/samples/casualty_events/colombia_events_2019-09.csv.gz"
)  # fmt: skip
AREAS = Resolver(load_areas(DATA / "reference"))
MINE = "Accidente por MAP (Minas Antipersonal)"
ORDNANCE = "Accidente por MUSE (Municiones sin explotar)"
ACCIDENT: Row = {
    "ano": "1990", "tipo_evento": MINE, "departamento": "ANTIOQUIA", "municipio": "NECHÍ",
    "tipo_area": "Rural", "longitud": "-74.776599", "latitud": "8.095854",
}  # fmt: skip
CLEARANCE: Row = ACCIDENT | {"tipo_evento": "Desminado militar en operaciones"}


def spec() -> SourceSpec:
    return all_sources()[SOURCE].model_copy(update={"min_entries": 0, "guard": NO_LIMITS})


def read_bytes(content: bytes) -> tuple[Reading, Checked]:
    reading = Reading()
    spec().reader()(contents({FILE: content}), reading, AREAS)
    return reading, check(spec(), reading)


def read_rows(*rows: Row, header: Sequence[str] = COLUMNS) -> tuple[Reading, pl.DataFrame]:
    given = [{name: row.get(name, "") for name in header} for row in rows]
    reading, checked = read_bytes(csv_text(header, given).encode())
    return reading, checked.tables["casualty_events"]


def test_a_row_is_one_accident_and_says_nothing_of_a_person() -> None:
    reading, events = read_rows(ACCIDENT)
    assert (reading.rejects, reading.issues, reading.doubts) == ([], [], [])
    only(
        events, unit="event", area="COL", date="1990", year=1990, month=None, admin1="ANTIOQUIA",
        admin2="NECHÍ", admin2_code=None, place_kind="rural", latitude=8.095854,
        longitude=-74.776599, device="antipersonnel mine", device_as_printed=MINE,
        outcome=None, condition=None, age_group=None, sex=None, killed=None, injured=None,
        place="1990, ANTIOQUIA, NECHÍ, 1", occurrence=1, series=SOURCE, locator=f"{FILE} line 2",
    )  # fmt: skip


@pytest.mark.parametrize("kind", NO_ACCIDENTS)
def test_an_event_that_hurt_nobody_is_left_out_and_counted(kind: str) -> None:
    reading, events = read_rows(ACCIDENT, CLEARANCE | {"tipo_evento": kind.upper()})
    assert events.height == 1
    assert (reading.rows_read, reading.deselected) == ({FILE: 2}, {FILE: 1})


def test_what_an_interface_or_an_export_calls_its_columns_does_not_change_what_is_read() -> None:
    _, plain = read_rows(ACCIDENT)
    for heads in (
        {"ano": "a_o", "tipo_evento": "tipoevento", "latitud": "latitudcabecera",
         "longitud": "longitudcabecera", "tipo_area": "tipoarea"},
        {"ano": "AÑO", "tipo_evento": "TIPO_EVENTO", "latitud": "LATITUD_CABECERA",
         "longitud": "LONGITUD_CABECERA", "departamento": "DEPARTAMENTO"},
    ):  # fmt: skip
        header = [heads.get(name, name) for name in COLUMNS]
        row = {heads.get(name, name): cell for name, cell in ACCIDENT.items()}
        reading, events = read_rows(row, header=header)
        assert (reading.rejects, reading.issues) == ([], [])
        assert events.equals(plain)


def test_month_hamlet_and_code_are_read_where_they_are_and_leave_the_name_as_it_is() -> None:
    more = {"mes": "3", "sitio": "Vereda Cuturu", "codigo_dane_municipio": "5,495"}
    _, events = read_rows(ACCIDENT | more, header=[*COLUMNS, *more])
    only(events, date="1990-03", month=3, place_as_printed="Vereda Cuturu", admin2_code="05495",
         place="1990, ANTIOQUIA, NECHÍ, 1")  # fmt: skip


@pytest.mark.parametrize(
    ("column", "value"),
    [("tipo_evento", "Accidente"), ("tipo_evento", ""), ("ano", "90"), ("latitud", "8,09"),
     ("tipo_area", "Marina")],
)  # fmt: skip
def test_what_is_not_declared_is_a_reject_and_holds_the_copy(column: str, value: str) -> None:
    reading, checked = read_bytes(
        csv_text(COLUMNS, [ACCIDENT, ACCIDENT | {column: value}]).encode()
    )
    assert [(one.locator, one.column) for one in reading.rejects] == [(f"{FILE} line 3", column)]
    assert [hold.rule for hold in before_comparing(spec(), reading, checked)] == ["rejects"]


def test_a_missing_column_stops_the_source_with_those_found() -> None:
    with pytest.raises(SourceError, match=r"lacks the column tipo_evento; it has ano, departament"):
        read_rows(ACCIDENT, header=[name for name in COLUMNS if name != "tipo_evento"])


def test_an_accident_outside_colombia_is_an_issue_and_other_events_are_not_looked_at() -> None:
    east = {"longitud": "74.23416667"}
    reading, _ = read_rows(ACCIDENT | east, CLEARANCE | east)
    assert [(one.locator, one.rule) for one in reading.issues] == [
        (f"{FILE} line 2", "a point outside Colombia")
    ]


EVENT = st.fixed_dictionaries(
    {
        "municipio": st.sampled_from(["NECHÍ", "Nechí", "ANZÁ"]),
        "tipo_evento": st.sampled_from([MINE, ORDNANCE]),
        "latitud": st.sampled_from(["8.1", "8.2"]),
    }
)


@given(
    st.lists(EVENT, min_size=1, max_size=8).flatmap(
        lambda rows: st.tuples(st.just(rows), st.permutations(rows))
    )
)
@settings(max_examples=10)
def test_whatever_the_order_of_the_rows_each_name_holds_the_same_values(
    orders: tuple[list[Row], list[Row]],
) -> None:
    first, second = (
        read_rows(*(ACCIDENT | row for row in order))[1].drop("locator", "admin2").sort("place")
        for order in orders
    )
    assert first.equals(second)
    assert first["place"].n_unique() == len(orders[0])


def test_the_real_copy_gives_every_accident_once_and_leaves_the_rest() -> None:
    if not SAMPLE.is_file():
        pytest.skip(f"{SAMPLE} is not here")
    content = gzip.decompress(SAMPLE.read_bytes())
    printed = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    accidents = Counter(
        (int(row["ano"]), row["municipio"], row["tipo_evento"])
        for row in printed
        if row["tipo_evento_codigo"] in {"1", "2"}
    )
    reading, checked = read_bytes(content)
    events = checked.tables["casualty_events"]
    assert (
        Counter(events.select("year", "admin2", "device_as_printed").iter_rows()) == accidents
    )  # fmt: skip
    assert events.height == 6_667 + 242, "as its README counts"
    assert reading.deselected == {FILE: len(printed) - events.height}
    assert (reading.rejects, reading.issues) == ([], [])
    assert events.height >= all_sources()[SOURCE].min_entries


def take(folders: Folders, path: Path, *rows: Row) -> Counter[str]:
    path.write_text(csv_text(COLUMNS, rows), encoding="utf-8")
    outcome = refresh(folders, [spec()], given={SOURCE: [Given(str(path))]}).sources[0]
    assert outcome.failure is None
    return outcome.changes


def test_two_vintages_revise_add_withdraw_and_a_shuffled_one_does_nothing(
    workspace: Folders, tmp_path: Path
) -> None:
    copy = tmp_path / FILE
    other = ACCIDENT | {"municipio": "ANZÁ"}
    later = ACCIDENT | {"ano": "1991"}
    assert take(workspace, copy, ACCIDENT, other, CLEARANCE) == {"added": 2}
    assert take(workspace, copy, CLEARANCE, other, ACCIDENT) == {}
    changes = take(workspace, copy, ACCIDENT | {"tipo_evento": ORDNANCE}, later, CLEARANCE)
    assert changes == {"revised": 1, "added": 1, "withdrawn": 1}
    with ledger(workspace) as con:
        changed = diff(con, 1, con.execute("SELECT max(refresh) FROM refreshes").fetchall()[0][0])
    assert changed.rows.select("added", "revised", "withdrawn").rows() == [(1, 1, 1)]
    assert changed.editions.is_empty(), "accidents are never summed as people"
    assert ask(workspace, "SELECT DISTINCT unit FROM casualty_events") == [("event",)]
    assert verify(workspace).differences == []


def test_it_is_fetched_from_the_portal(workspace: Folders) -> None:
    with serving() as replay:
        rows: dict[str, Mapping[str, str]] = {
            "row-a": ACCIDENT,
            "row-b": CLEARANCE,
            "row-c": ACCIDENT,
        }
        Dataset(COLUMNS, rows).serve(replay, "sgp4-3e6k")
        base = {
            "fetch": {"allow_loopback": True},
            "sources": {SOURCE: {"base_url": replay.url("/")}},
        }
        rules = spec().fetch
        assert rules
        fast = rules.model_copy(update={"min_interval_seconds": 0})
        outcome = refresh(
            workspace, [spec().model_copy(update={"fetch": fast})],
            settings=Config.model_validate(base),
        )  # fmt: skip
    assert outcome.failed == []
    assert (outcome.sources[0].changes, outcome.sources[0].rows_read) == ({"added": 2}, 2)
