"""Colombia's register of mine victims: one row is one person.

Copies of the register differ in form: some write thousands commas in years and codes, the activity
came later, words change their capitals, and the portal's interface calls columns otherwise than its
file copies do. The copy of October 2025 has outcome and sex exchanged
and a kind of place in the column of the device. The exchange is mended and put to a person as a
doubt; the lost device is an issue, because nothing brings it back.

No identifier is published, so a person is found again in the next copy by place, month and
attributes, and people alike in all of these by a number. The copies of 2017 and 2025 decided which
attributes belong to the key. A key without outcome, sex, age and hamlet numbers more people who
differ, and one person entered or dropped then shifts the values of the others: it showed 24 changed
outcomes where the copies, laid line beside line, have six. A key with the point as well loses people
whenever the publisher moves a point.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from etl.areas import Resolver
from etl.colombia_files import (
    DEGREES,
    DEPARTMENT,
    MISSING,
    MONTH,
    MUNICIPALITY,
    PLACE_KINDS,
    YEAR,
    Table,
    digits,
    look_at_points,
    present,
    read_rows,
    spellings,
)
from etl.locate import line_of
from etl.reading import Finding, Reading, mapped, numbered, shaped
from etl.spellings import fold
from etl.tables import NATURAL_KEYS

FILE: Final = "colombia_victims.csv"
COLUMNS: Final = (
    "departamento", "codigodanedepartamento", "municipio", "codigodanemunicipio", "tipoarea",
    "sitio", "ano", "mes", "rangoedad", "grupoetnico", "condicion", "estado", "genero",
    "latitudcabecera", "longitudcabecera", "tipoevento",
)  # fmt: skip
ACTIVITY: Final = "actividad"
SHAPES: Final = {
    "ano": YEAR,
    "mes": MONTH,
    "codigodanedepartamento": DEPARTMENT,
    "codigodanemunicipio": MUNICIPALITY,
    "latitudcabecera": DEGREES,
    "longitudcabecera": DEGREES,
}

# Printed words, folded, and what they say. Together with MISSING the tables are complete.
UNKNOWN: Final[Table] = dict.fromkeys(MISSING, "unknown")
OUTCOMES: Final[Table] = {"herido": "injured", "muerto": "killed"}
SEXES: Final[Table] = {
    "masculino": "male",
    "hombre": "male",
    "femenino": "female",
    "mujer": "female",
}
CONDITIONS: Final[Table] = {"civil": "civilian", "fuerza pública": "public force"}
AGE_GROUPS: Final[Table] = {"mayor de 18 años": "adult", "menor de 18 años": "minor"}
ETHNIC_GROUPS: Final[Table] = {
    "indigena": "Indigena",
    "afrodescendiente": "Afrodescendiente",
    "no": None,
}
DEVICES: Final[Table] = {
    "accidente por map": "antipersonnel mine",
    "accidente por muse": "unexploded ordnance",
}
# What the copy of October 2025 prints in the column of the device.
PLACES_AS_DEVICES: Final = (
    "borde de la carretera", "caminos", "campamentos ilegales", "campo", "canos", "carretera",
    "centro de salud", "centros deportivos recreacion", "cerros", "en cerca a edificio residencial",
    "en cerca edificio gubernamental", "en cerca instalacion militar",
    "en sobre cerca rivera de un rio", "escuelas", "fincas", "infra gaseoducto",
    "infra torres electricas", "infraestructura de comunicaciones", "oleoductos", "puentes",
    "quebradas", "sendero", "viviendas abandonadas",
)  # fmt: skip

CATEGORIES: Final[Mapping[str, tuple[str, Table]]] = {
    "outcome": ("estado", OUTCOMES),
    "sex": ("genero", {**SEXES, **UNKNOWN}),
    "condition": ("condicion", CONDITIONS),
    "age_group": ("rangoedad", {**AGE_GROUPS, **UNKNOWN}),
    "place_kind": ("tipoarea", {**PLACE_KINDS, **UNKNOWN}),
    "ethnic_group_as_printed": ("grupoetnico", {**ETHNIC_GROUPS, **dict.fromkeys(MISSING)}),
    "device": ("tipoevento", {**DEVICES, **UNKNOWN, **dict.fromkeys(PLACES_AS_DEVICES, "unknown")}),
}

KEY: Final = tuple(name for name in NATURAL_KEYS["casualty_events"] if name != "occurrence")
# What orders the rows of one key: all other values. Activity and device come late, for one copy lacks
# the former and another the latter.
ORDER: Final = (
    "latitude", "longitude", "place_kind", "ethnic_group_as_printed", "activity_as_printed",
    "device", "device_as_printed", "admin1_code", "admin1", "admin2", "row",
)  # fmt: skip


def read(files: Mapping[str, bytes], reading: Reading, resolver: Resolver) -> None:
    """Hand over one row a person, and say what is odd about the copy."""
    frame = read_rows(reading, FILE, files[FILE], COLUMNS, (ACTIVITY,), {})
    frame = _right_way_round(reading, frame)
    _name_places_as_devices(reading, frame)
    frame = shaped(reading, frame, SHAPES)
    for into, (column, table) in CATEGORIES.items():
        frame = mapped(reading, frame, column, spellings(frame, column, table), into)
    frame = resolver.resolve(
        reading, frame.with_columns(area_as_printed=pl.lit("Colombia")), "area_as_printed", "area"
    )
    year, month = digits("ano"), pl.col("mes").str.zfill(2)
    people = frame.select(
        "file", "locator", "row", "area", "area_as_printed", *CATEGORIES,
        unit=pl.lit("person"),
        series=pl.lit("colombia_victims"),
        report=pl.lit("Situación Víctimas Minas Antipersonal en Colombia"),
        # The same in each copy: a copy's date is its vintage's, and what it changes is a revision.
        edition=pl.lit("datos.gov.co yhxn-eqqw"),
        source_url=pl.lit("https://www.datos.gov.co/d/yhxn-eqqw"),
        date=pl.coalesce(pl.concat_str(year, month, separator="-"), year),
        year=year.cast(pl.Int64),
        month=month.cast(pl.Int64),
        admin1="departamento",
        admin1_code=pl.col("codigodanedepartamento").str.zfill(2),
        admin2="municipio",
        admin2_code=digits("codigodanemunicipio").str.zfill(5),
        place_as_printed=present("sitio"),
        latitude=pl.col("latitudcabecera").cast(pl.Float64),
        longitude=pl.col("longitudcabecera").cast(pl.Float64),
        activity_as_printed=present(ACTIVITY),
        device_as_printed=present("tipoevento"),
    )  # fmt: skip
    look_at_points(reading, people, "latitudcabecera and longitudcabecera")
    reading.add("casualty_events", numbered(people, KEY, ORDER).drop("row"))


def _right_way_round(reading: Reading, frame: pl.DataFrame) -> pl.DataFrame:
    """Exchange ``estado`` and ``genero`` where each holds the other's words, with a doubt.

    Where only some rows do, they stay as they are and become rejects.
    """
    estado, genero = _words(frame, "estado"), _words(frame, "genero")
    if estado.isdisjoint(SEXES) and genero.isdisjoint(OUTCOMES):
        return frame
    whole = estado <= set(SEXES) and genero <= set(OUTCOMES)
    examples = "; ".join(
        f"{column}: {', '.join(frame[column].drop_nulls().unique().sort().head(5))}"
        for column in ("estado", "genero")
    )
    reading.doubt(
        Finding(
            line_of(FILE, 1),
            "estado and genero",
            "the columns are exchanged: estado holds the sex and genero the outcome"
            if whole
            else "in some rows, not in all, estado holds the sex or genero the outcome",
            examples,
            "compare with an earlier copy; accepting the vintage means that the outcome is read from "
            "genero and the sex from estado"
            if whole
            else "compare with an earlier copy; such rows are rejects, and accepting the vintage means "
            "to do without them",
        )
    )
    return frame.rename({"estado": "genero", "genero": "estado"}) if whole else frame


def _name_places_as_devices(reading: Reading, frame: pl.DataFrame) -> None:
    rows = frame.filter(fold(pl.col("tipoevento")).is_in(PLACES_AS_DEVICES))
    if rows.height:
        places = rows["tipoevento"].unique().sort()
        reading.issue(
            Finding(
                line_of(FILE, 1), "tipoevento", f"a kind of place instead of the device in {rows.height} rows",
                ", ".join(places), "the device is unknown in this copy; earlier vintages may hold it",
            )
        )  # fmt: skip


def _words(frame: pl.DataFrame, column: str) -> set[str]:
    """The folded words of a column, those for a missing value left out."""
    return set(frame.select(fold(pl.col(column)).unique()).to_series()) - set(MISSING)
