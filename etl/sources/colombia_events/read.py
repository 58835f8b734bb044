"""Colombia's register of mine events: one row is one event, and only accidents are read.

Most events of the register hurt nobody: mines found and destroyed in military operations, seizures,
suspected land. Those rows are left out and counted. An accident is an event in which somebody was
hurt; how many, the register does not say. So an accident is never counted with the people of the
register of victims, in which it stands once more for each of them.

No identifier is published. An accident is found again in the next copy by its year, department and
municipality and a number, which goes by device and point: month, hamlet and the official codes are in
some copies only, and a key that holds them would name every accident anew when they come.

Which columns the portal's interface gives has not been seen. The names below are those of the copy of
2019, of an export and of the register of victims; other names stop the source with the columns found.
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
from etl.reading import Reading, mapped, numbered, shaped
from etl.spellings import fold

FILE: Final = "colombia_events.csv"
COLUMNS: Final = (
    "ano", "tipo_evento", "departamento", "municipio", "tipo_area", "longitud", "latitud",
)  # fmt: skip
OPTIONAL: Final = (
    "mes", "codigodanedepartamento", "codigodanemunicipio", "sitio",
    # not read: the number of the kind of event, and which of thirty files the copy of 2019 had it from
    "tipo_evento_codigo", "archivo",
)  # fmt: skip
OTHER_NAMES: Final = {
    "a_o": "ano",
    "tipoevento": "tipo_evento",
    "tipoarea": "tipo_area",
    "longitudcabecera": "longitud",
    "longitud_cabecera": "longitud",
    "latitudcabecera": "latitud",
    "latitud_cabecera": "latitud",
    "codigo_dane_departamento": "codigodanedepartamento",
    "codigo_dane_municipio": "codigodanemunicipio",
}
SHAPES: Final = {
    "ano": YEAR,
    "mes": MONTH,
    "codigodanedepartamento": DEPARTMENT,
    "codigodanemunicipio": MUNICIPALITY,
    "latitud": DEGREES,
    "longitud": DEGREES,
}
# Kinds of event, folded. The copy of 2019 prints the longer names.
ACCIDENTS: Final[Table] = {
    "accidente por map (minas antipersonal)": "antipersonnel mine",
    "accidente por map": "antipersonnel mine",
    "accidente por muse (municiones sin explotar)": "unexploded ordnance",
    "accidente por muse": "unexploded ordnance",
}
NO_ACCIDENTS: Final = (
    "arsenal almacenada", "arsenal almacenado", "desminado militar en operaciones", "incautaciones",
    "municiones sin explotar", "producción de minas (fábrica)", "sospecha de campo minado",
)  # fmt: skip
PLACES: Final[Table] = {**PLACE_KINDS, **dict.fromkeys(MISSING, "unknown")}
ORDER: Final = ("device", "latitude", "longitude", "place_kind", "date", "place_as_printed", "row")


def read(files: Mapping[str, bytes], reading: Reading, resolver: Resolver) -> None:
    """Hand over one row an accident; leave the other events out."""
    frame = read_rows(reading, FILE, files[FILE], COLUMNS, OPTIONAL, OTHER_NAMES)
    others = fold(pl.col("tipo_evento")).is_in(NO_ACCIDENTS).fill_null(value=False)
    reading.leave(FILE, frame.filter(others).height)
    frame = shaped(reading, frame.filter(~others), SHAPES)
    for into, (column, table) in {
        "device": ("tipo_evento", ACCIDENTS),
        "place_kind": ("tipo_area", PLACES),
    }.items():
        frame = mapped(reading, frame, column, spellings(frame, column, table), into)
    frame = resolver.resolve(
        reading, frame.with_columns(area_as_printed=pl.lit("Colombia")), "area_as_printed", "area"
    )
    year, month = digits("ano"), pl.col("mes").str.zfill(2)
    events = frame.select(
        "file", "locator", "row", "area", "area_as_printed", "device", "place_kind",
        unit=pl.lit("event"),
        series=pl.lit("colombia_events"),
        report=pl.lit("Eventos Minas Antipersonal en Colombia"),
        # The same in each copy: a copy's date is its vintage's, and what it changes is a revision.
        edition=pl.lit("datos.gov.co sgp4-3e6k"),
        source_url=pl.lit("https://www.datos.gov.co/d/sgp4-3e6k"),
        date=pl.coalesce(pl.concat_str(year, month, separator="-"), year),
        year=year.cast(pl.Int64),
        month=month.cast(pl.Int64),
        admin1="departamento",
        admin1_code=pl.col("codigodanedepartamento").str.zfill(2),
        admin2="municipio",
        admin2_code=digits("codigodanemunicipio").str.zfill(5),
        place_as_printed=present("sitio"),
        latitude=pl.col("latitud").cast(pl.Float64),
        longitude=pl.col("longitud").cast(pl.Float64),
        device_as_printed="tipo_evento",
        where=pl.concat_str(
            year, pl.col("departamento", "municipio").str.to_uppercase(), separator=", ",
            ignore_nulls=True,
        ),
    )  # fmt: skip
    look_at_points(reading, events, "latitud and longitud")
    events = numbered(events, ("where",), ORDER)
    reading.add(
        "casualty_events",
        events.with_columns(
            place=pl.concat_str("where", pl.col("occurrence").cast(pl.String), separator=", ")
        ).drop("row", "where"),
    )
