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

import csv
from collections.abc import Mapping
from typing import Final

import polars as pl

from etl.areas import Resolver, fold
from etl.locate import line_of
from etl.pages import field_name, is_system_field
from etl.reading import Finding, Reading, Shape, decode, mapped, read_csv, shaped
from etl.tables import NATURAL_KEYS

FILE: Final = "colombia_victims.csv"
COLUMNS: Final = (
    "departamento", "codigodanedepartamento", "municipio", "codigodanemunicipio", "tipoarea",
    "sitio", "ano", "mes", "rangoedad", "grupoetnico", "condicion", "estado", "genero",
    "latitudcabecera", "longitudcabecera", "tipoevento",
)  # fmt: skip
ACTIVITY: Final = "actividad"
# Repeats latitude and longitude; the interface may give it in several columns (ubicaci_n_city, …).
POINT: Final = "ubicaci_n"

YEAR: Final = Shape(r"^([0-9]{4}|[0-9],[0-9]{3})$", "not a year", "write four digits")
MONTH: Final = Shape(r"^(0?[1-9]|1[0-2])$", "not a month", "write 1 to 12, or leave the cell empty")
DEPARTMENT: Final = Shape(r"^[0-9]{1,2}$", "not a department code", "write DANE's digits")
MUNICIPALITY: Final = Shape(
    r"^([0-9]{4,5}|[0-9]{1,2},[0-9]{3})$", "not a municipality code", "write DANE's digits"
)
DEGREES: Final = Shape(
    r"^-?[0-9]{1,3}(\.[0-9]{1,20})?$", "not a coordinate", "write degrees with a decimal point"
)
SHAPES: Final = {
    "ano": YEAR,
    "mes": MONTH,
    "codigodanedepartamento": DEPARTMENT,
    "codigodanemunicipio": MUNICIPALITY,
    "latitudcabecera": DEGREES,
    "longitudcabecera": DEGREES,
}
# Degrees between which Colombia lies, islands and sea included.
LATITUDES: Final = (-4.5, 16.5)
LONGITUDES: Final = (-82.5, -66.5)

# Printed words, folded, and what they say. Together with MISSING the tables are complete.
Table = Mapping[str | None, str | None]
MISSING: Final = (None, "sin información", "sin informacion")
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
PLACE_KINDS: Final[Table] = {"rural": "rural", "urbana": "urban"}
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
    frame = _rows(reading, files[FILE])
    frame = _right_way_round(reading, frame)
    _name_places_as_devices(reading, frame)
    frame = shaped(reading, frame, SHAPES)
    for into, (column, table) in CATEGORIES.items():
        frame = mapped(reading, frame, column, _spellings(frame, column, table), into)
    frame = resolver.resolve(
        reading, frame.with_columns(area_as_printed=pl.lit("Colombia")), "area_as_printed", "area"
    )
    year, month = _digits("ano"), pl.col("mes").str.zfill(2)
    people = frame.select(
        "file", "locator", "row", "area", "area_as_printed", *CATEGORIES,
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
        admin2_code=_digits("codigodanemunicipio").str.zfill(5),
        place_as_printed=_present("sitio"),
        latitude=pl.col("latitudcabecera").cast(pl.Float64),
        longitude=pl.col("longitudcabecera").cast(pl.Float64),
        activity_as_printed=_present(ACTIVITY),
        device_as_printed=_present("tipoevento"),
    )  # fmt: skip
    _look_at_points(reading, people)
    reading.add("casualty_events", _numbered(people).drop("row"))


def _rows(reading: Reading, content: bytes) -> pl.DataFrame:
    """The rows as text, with all optional columns, and ``row`` counting them."""
    header = next(csv.reader(decode(FILE, content).splitlines()[:1]))
    present = [name for name in map(_named, header) if _is_optional(name)]
    if not content.endswith((b"\n", b"\r")):
        # A cut row is a reject or stops the source; a cut between rows or in the last cell shows only here.
        last = content.count(b"\n") + 1
        reading.issue(
            Finding(
                line_of(FILE, last), None, "no line break at the end of the file", None,
                "compare the last row with the publisher's: the copy may be cut short",
            )
        )  # fmt: skip
        content += b"\n"
    frame = read_csv(reading, FILE, content, (*COLUMNS, *present), named=_named)
    if ACTIVITY not in present:
        frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(ACTIVITY))
    return frame.with_row_index("row")


def _named(heading: str) -> str:
    """A column's one name, whether a file copy or the portal's interface heads it."""
    return heading if is_system_field(heading) else field_name(heading)


def _is_optional(name: str) -> bool:
    """A column that some copies have: the activity, and what is not read."""
    return name == ACTIVITY or name.startswith(POINT) or is_system_field(name)


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


def _look_at_points(reading: Reading, people: pl.DataFrame) -> None:
    within = pl.col("latitude").is_between(*LATITUDES) & pl.col("longitude").is_between(*LONGITUDES)
    nowhere = pl.col("latitude").is_null() & pl.col("longitude").is_null()
    odd = people.filter(~within.fill_null(value=False) & ~nowhere)
    for place, latitude, longitude in odd.select("locator", "latitude", "longitude").iter_rows():
        reading.issue(
            Finding(
                place, "latitudcabecera and longitudcabecera", "a point outside Colombia",
                f"{latitude}, {longitude}", "do not draw it; the publisher must mend it",
            )
        )  # fmt: skip


def _numbered(people: pl.DataFrame) -> pl.DataFrame:
    """Add ``occurrence``: 1, 2, ... among the rows of one key, whatever their order in the file."""
    return (
        people.sort(*ORDER, nulls_last=True)
        .with_columns((pl.int_range(pl.len(), dtype=pl.Int64) + 1).over(KEY).alias("occurrence"))
        .sort("row")
    )


def _words(frame: pl.DataFrame, column: str) -> set[str]:
    """The folded words of a column, those for a missing value left out."""
    return set(frame.select(fold(pl.col(column)).unique()).to_series()) - set(MISSING)


def _spellings(frame: pl.DataFrame, column: str, table: Table) -> Table:
    """``table`` for the words of ``column`` as this copy writes them."""
    seen = frame.select(column, folded=fold(pl.col(column))).unique().rows()
    return {printed: table[folded] for printed, folded in seen if folded in table}


def _digits(column: str) -> pl.Expr:
    return pl.col(column).str.replace_all(",", "", literal=True)


def _present(column: str) -> pl.Expr:
    """The text as printed; null where it only says that nothing is known."""
    missing = fold(pl.col(column)).is_in([word for word in MISSING if word])
    return pl.when(missing.not_()).then(pl.col(column))
