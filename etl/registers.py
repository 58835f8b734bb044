"""Registers that the user of an installation adds: a file, and a mapping that says what is in it.

A mapping ``data/registers/<name>.yml`` stands beside its CSV, Excel or Parquet file and makes the
source ``tabular_<name>``, with a series, limits and a licence of its own. Mapping and file are
archived together, so what a vintage says follows from archived bytes alone.

Everything in a mapping is taken as it is written: ``No`` is a word and ``01`` has two digits. What is
wrong with it is said with the line. A mapping that cannot be read stops its own source and no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from etl.reading import SourceError
from etl.settings import Folders
from etl.sheets import EXCEL
from etl.sources import GuardLimits, Reader, SeriesSpec, SourceSpec, all_sources, reader_of
from etl.tables import FACT_TABLES, Spine

PREFIX: Final = "tabular_"
ENDING: Final = ".yml"
READER: Final = "tabular"
NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
BINARIES: Final = {f"*{EXCEL}": "zip"}
SHOWN: Final = 5
# What a mapping calls otherwise than the table does.
AREA, ID, DATE = "area", "id", "date"
_NOT_MAPPED: Final = {"unit", "area_as_printed", "occurrence", *Spine.columns()} - {"note"}
PERSON: Final = ("outcome", "condition", "age_group", "sex", "ethnic_group_as_printed")
COUNTS: Final = ("killed", "injured")


class Column(BaseModel):
    """Where a column of the ledger comes from: a column of the file, or the same value in each row."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str | None = None
    value: str | None = None
    values: dict[str, str] | None = None  # the file's word → the ledger's
    missing: str | None = None  # what an empty cell says
    format: str | None = None  # of a date, as for strptime


class Register(BaseModel):
    """A mapping."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(min_length=1)
    publisher: str = Field(min_length=1)
    url: str = Field(pattern=r"^https?://\S+$")
    licence: str = Field(min_length=1)
    coverage: str = Field(min_length=1)
    citation: str | None = None
    cadence: str = "not stated"
    caveats: str = "none stated by whoever added the register"
    caution: str = "Rows of this register alone; never added to another source's figures."
    edition: str = "register"
    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.(csv|xlsx|parquet)$")
    sheet: str | None = None
    separator: str = Field(default=",", min_length=1, max_length=1)
    decimal: Literal[".", ","] = "."
    missing: tuple[str, ...] = ()
    table: Literal["casualty_events", "casualties"] = "casualty_events"
    unit: Literal["person", "event"] | None = None
    columns: dict[str, Column]
    unused: tuple[str, ...] = ()
    min_entries: int = Field(default=1, ge=0)
    max_rejects: int = Field(default=0, ge=0)
    guard: GuardLimits = GuardLimits()

    def targets(self) -> dict[str, Any]:
        """The columns of the ledger that may be mapped, as declared; and ``id``."""
        declared = FACT_TABLES[self.table].columns()
        return {name: one for name, one in declared.items() if name not in _NOT_MAPPED} | {ID: None}


Place = tuple[str | int, ...]


class Mapped:
    """A mapping that was read, and where in its file each of its parts stands."""

    def __init__(self, file: str, content: bytes) -> None:
        """Read ``content``.

        Raises:
            SourceError: it is no mapping; the message names the line of each thing that is wrong.
        """
        self.file = file
        self._lines: dict[Place, int] = {(): 1}
        document = self._document(content)
        if isinstance(document, dict) and isinstance(document.get("columns"), dict):
            document["columns"] = {
                name: {"column": one} if isinstance(one, str) else one
                for name, one in document["columns"].items()
            }
        try:
            self.register = Register.model_validate(document)
        except ValidationError as error:
            raise self._refusal(self._said(error)) from error
        wrong = list(self._wrong())
        if wrong:
            raise self._refusal(wrong)

    def at(self, *place: str | int) -> str:
        """File and line of a part of the mapping, or of the nearest part that it stands in."""
        while place not in self._lines:
            place = place[:-1]
        return f"{self.file} line {self._lines[place]}"

    def _refusal(self, wrong: list[tuple[Place, str]]) -> SourceError:
        said = [
            f"{self.at(*place)}: {'.'.join(map(str, place)) or 'the mapping'} {words}"
            for place, words in wrong
        ]
        more = [f"and {len(said) - SHOWN} more"] if len(said) > SHOWN else []
        return SourceError("; ".join(said[:SHOWN] + more), "broken mapping")

    def _document(self, content: bytes) -> Any:  # noqa: ANN401 - YAML
        try:
            root = yaml.compose(content.decode("utf-8-sig"), Loader=yaml.BaseLoader)
        except UnicodeDecodeError as error:
            raise SourceError(f"{self.file} is not UTF-8; save it so", "broken mapping") from error
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = mark.line + 1 if mark else 1
            problem = getattr(error, "problem", None) or str(error)
            raise SourceError(
                f"{self.file} line {line}: this is no YAML: {problem}; look at colons, quotation marks and "
                "indents", "broken mapping",
            ) from error  # fmt: skip
        if root is None:
            raise SourceError(f"{self.file} line 1: the mapping is empty", "broken mapping")
        return self._value(root, (), set())

    def _value(self, node: yaml.Node, place: Place, above: set[int]) -> Any:  # noqa: ANN401 - YAML
        """The text, list or dictionary of a node; a part that is meant twice (an alias) is refused."""
        self._lines.setdefault(place, node.start_mark.line + 1)
        if id(node) in above:
            raise self._refusal([(place, "is an alias (*); write the part out")])
        above.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            return str(node.value)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(one, (*place, i), above) for i, one in enumerate(node.value)]
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = str(key.value)
            inner = (*place, name)
            if name in found:
                self._lines[inner] = key.start_mark.line + 1
                raise self._refusal([(inner, "stands here a second time; keep one")])
            self._lines[inner] = key.start_mark.line + 1
            found[name] = self._value(value, inner, above)
        return found

    def _said(self, error: ValidationError) -> list[tuple[Place, str]]:
        """What pydantic found, in words for people."""
        found = []
        for one in error.errors():
            place, kind = one["loc"], one["type"]
            if kind == "extra_forbidden":
                known = Column if place[:1] == ("columns",) else Register
                words = f"is no setting; there are {', '.join(known.model_fields)}"
                if place[:1] == ("guard",):
                    words = f"is no limit; there are {', '.join(GuardLimits.model_fields)}"
            elif kind == "missing":
                words = "is missing"
            else:
                words = f"is not right: {one['msg']}"
            found.append((place, words))
        return found

    def _wrong(self) -> Iterator[tuple[Place, str]]:
        """What pydantic cannot see: columns that do not go with the table or with one another."""
        register = self.register
        columns, targets = register.columns, register.targets()
        for name, one in columns.items():
            place = ("columns", name)
            if name not in targets:
                yield place, f"is no column of {register.table}{_nearest(name, targets)}"
                continue
            if (one.column is None) == (one.value is None):
                yield place, "needs either column (of the file) or value (the same in each row)"
            if one.format is not None and name != DATE:
                yield (*place, "format"), "goes with date alone"
            yield from self._wrong_words(name, one)
        yield from self._wrong_together()

    def _wrong_words(self, name: str, one: Column) -> Iterator[tuple[Place, str]]:
        declared = self.register.targets()[name]
        allowed = _words(declared)
        if one.values is not None and not allowed:
            yield ("columns", name, "values"), "goes with columns of set words; this one has none"
            return
        given: dict[Place, str] = {
            ("values", said): word for said, word in (one.values or {}).items()
        }
        given |= {("missing",): one.missing} if one.missing is not None else {}
        given |= {("value",): one.value} if one.value is not None and allowed else {}
        for inside, word in given.items():
            if allowed and word not in allowed:
                yield (
                    ("columns", name, *inside),
                    f"gives {word!r}, which is no {name}: use {', '.join(allowed)}",
                )

    def _wrong_together(self) -> Iterator[tuple[Place, str]]:
        register, columns = self.register, self.register.columns
        if AREA not in columns:
            yield (
                ("columns",),
                "names no area: write 'area: <column>' or 'area: {value: <country>}'",
            )
        if register.table == "casualties":
            if register.unit:
                yield ("unit",), "goes with the table casualty_events alone"
            if "year" not in columns:
                yield ("columns",), "names no year"
            return
        if register.unit is None:
            yield (
                ("unit",),
                "is missing: person if a row is one person, event if it is one accident",
            )
        if DATE in columns and not {"year", "month"}.isdisjoint(columns):
            yield ("columns", DATE), "goes without year and month, which follow from it"
        elif DATE not in columns and "year" not in columns:
            yield ("columns",), "names neither date nor year"
        astray = PERSON if register.unit == "event" else COUNTS if register.unit == "person" else ()
        for name in astray:
            if name in columns:
                yield ("columns", name), f"does not go with unit: {register.unit}"
        if register.unit == "person" and "outcome" not in columns:
            yield ("columns",), "names no outcome: who was killed and who injured"
        if register.sheet is not None and not register.file.endswith(EXCEL):
            yield ("sheet",), "goes with an Excel file alone"


def _words(declared: Any) -> tuple[str, ...]:  # noqa: ANN401 - a column, or nothing
    """The words that may stand in a column of the ledger; empty if any may."""
    if declared is None:
        return ()
    if type(declared).__name__ == "Bool":
        return ("yes", "no")
    return tuple((declared.metadata or {}).get("allowed", ()))


def words_of(register: Register, name: str) -> tuple[str, ...]:
    """The words that may stand in a mapped column; empty if any may."""
    return _words(register.targets()[name])


def _nearest(name: str, known: Mapping[str, object]) -> str:
    """A hint at what was meant, and what there is."""
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"


class RegisterSpec(SourceSpec):
    """The source that a mapping makes."""

    problem: str | None = None

    @property
    def is_broken(self) -> bool:
        """The mapping could not be read."""
        return self.problem is not None

    def refuse_if_broken(self) -> None:
        """Raise SourceError if the mapping could not be read."""
        if self.problem is not None:
            raise SourceError(self.problem, "broken mapping")

    def reader(self) -> Reader:
        """The reader that all registers share."""
        return reader_of(READER)


def every_source(folders: Folders) -> dict[str, SourceSpec]:
    """Every source by its id: those that come with the project, and the registers of ``folders``."""
    return {**all_sources(), **registers(folders)}


def registers(folders: Folders) -> dict[str, RegisterSpec]:
    """The sources that the mappings in ``data/registers`` make, by their ids."""
    paths = sorted([*folders.registers.glob("*.yml"), *folders.registers.glob("*.yaml")])
    specs = [_spec(path) for path in paths]
    return {spec.source_id: spec for spec in specs}


def _spec(path: Path) -> RegisterSpec:
    source_id = PREFIX + re.sub(r"[^a-z0-9_]+", "_", path.stem.lower())
    try:
        _refuse_name(path)
        register = Mapped(path.name, path.read_bytes()).register
    except (SourceError, OSError) as error:
        return _broken(source_id, path, str(error))
    return RegisterSpec(
        source_id=source_id,
        **{name: getattr(register, name) for name in (
            "title", "publisher", "url", "licence", "cadence", "coverage", "caveats", "min_entries",
            "max_rejects", "guard",
        )},
        citation=register.citation or f"{register.publisher}, {register.title}, {register.url}",
        status="local",
        files=(path.name, register.file),
        binaries=BINARIES,
        series={
            source_id: SeriesSpec(
                title=register.title,
                is_additive=register.table == "casualty_events",  # rows, which are counted
                caution=register.caution,
            )
        },
    )  # fmt: skip


def _refuse_name(path: Path) -> None:
    if not NAME.fullmatch(path.stem) or path.suffix != ENDING:
        raise SourceError(
            f"{path.name}: call a mapping by small letters, digits and underscores, beginning with a letter "
            f"and ending in {ENDING}"
        )


def _broken(source_id: str, path: Path, problem: str) -> RegisterSpec:
    """Stands for a register whose mapping cannot be read, so that the reason is shown."""
    unknown = "not known: the mapping cannot be read"
    return RegisterSpec(
        source_id=source_id, title=path.name, publisher=unknown, url="", licence=unknown,
        citation=unknown, cadence=unknown, coverage=unknown, caveats=problem, status="local",
        files=(path.name,), min_entries=0, series={}, problem=problem,
    )  # fmt: skip
