"""The sources: one folder each, holding ``source.yml`` (what it is) and ``read.py`` (how to read it).

Adding a source touches no other file. Only what several sources share stands in one place: the
splitting of compiled files in :mod:`etl.us_files` and :mod:`etl.monitor_files`, and what a flow of FTS
means, which two sources give, in :mod:`etl.fts_flows`. A reader is a
function ``read(files, reading, resolver)``: it takes the archived bytes of the files named in
``source.yml`` and hands canonical frames to ``reading``.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from etl.archive import Contents
from etl.areas import Resolver
from etl.limits import Limits
from etl.reading import Reading, SourceError

Reader = Callable[[Contents, Reading, Resolver], None]

HERE = Path(__file__).parent
# Five fields, UTC. Days of the week are names: as numbers, programs disagree on which day is 0.
CRON: Final = r"^([\d*,/-]+ ){4}[a-z*,-]+$"


class MeasureSpec(BaseModel):
    """What a series counts in the view ``reconciliation``, and why it may differ from State's report.

    A measure is one series, so no figure counts in two. ``place`` orders the columns that readers see.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    why: str
    place: int


class BasisSpec(BaseModel):
    """A way to count who pays: one flow of a series whose figures may be added.

    ``is_printed_table`` says that each area and year is a table that a page prints, read whole or in part;
    ``totals_series`` is the series of the totals printed beside them. ``place`` orders the bases for readers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    basis: str
    title: str
    flow: str
    is_printed_table: bool = False
    totals_series: str | None = None
    cannot_show: str
    place: int


class BreakSpec(BaseModel):
    """A year from which one area's figures of a series are counted otherwise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    area: str
    year: int
    reason: str


class SeriesSpec(BaseModel):
    """A set of figures that are counted alike, but for its ``breaks``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    is_additive: bool = False
    page_of: Literal["area", "donor"] = "area"
    is_by_partner: bool = False
    caution: str
    measure: MeasureSpec | None = None
    bases: tuple[BasisSpec, ...] = ()
    breaks: tuple[BreakSpec, ...] = ()


class GuardLimits(BaseModel):
    """How far a new vintage may move from the one in use before a person must look at it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_withdrawn_percent: float = 0
    max_added_percent: float = 50
    max_revised_percent: float = 25
    max_blanked_percent: float = 0
    max_total_change_percent: float = 20
    max_year_percent: float = 20


class AskSpec(BaseModel):
    """Whom a source asks, how often, and within which limits.

    ``every_days`` without a contact make it overdue, ``dark_after_days`` dark. What is not set keeps
    the defaults of :class:`etl.limits.Limits`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str
    hosts: tuple[str, ...]
    every_days: int = 30
    dark_after_days: int = 120
    max_bytes: int = Limits.max_bytes
    max_seconds: float = Limits.max_seconds
    idle_seconds: float = Limits.idle_seconds
    attempts: int = Limits.attempts
    min_interval_seconds: float = Limits.min_interval_seconds

    def limits(self) -> Limits:
        """The limits of one request."""
        declared = {field.name for field in fields(Limits)} & set(AskSpec.model_fields)
        return Limits(**{name: getattr(self, name) for name in declared})


class FetchSpec(AskSpec):
    """How a source is fetched.

    ``urls`` are files to be downloaded as they are; where there are none, the source's ``fetch.py``
    asks for them. ``options`` are that module's; what the publisher's documents leave open stands
    there, to be set right without code. ``secrets`` are the names of what an account of the user's is
    needed for (a token, a password): see :mod:`etl.config`. ``cron`` says when it is asked where
    ``every_days`` is too coarse (:mod:`etl.due`).
    """

    urls: dict[str, str] = {}
    secrets: tuple[str, ...] = ()
    options: dict[str, Any] = {}
    cron: str | None = Field(default=None, pattern=CRON)


class PageSpec(BaseModel):
    """A page that a person must look at when it changes, and what a change is.

    ``must_contain`` tells the page from an error or a sign-in page that stands in its place. What is
    compared is one of three: the highest ``edition`` that the page names (a regular expression with one
    group of numbers), against ``edition_read``, the last that a person has read for this ledger; the rows
    of the ``table`` whose heading has these words, and what each of ``marks`` finds; or the visible text,
    without what ``ignore`` finds. ``instruction`` says what to do about a change.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    address: str
    must_contain: str
    instruction: str
    edition: str | None = None
    edition_read: str | None = None
    table: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    @field_validator("must_contain", "edition", "marks", "ignore")
    @classmethod
    def _can_be_matched(cls, forms: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for form in (forms,) if isinstance(forms, str) else forms or ():
            try:
                re.compile(form)
            except re.error as error:
                raise ValueError(f"{form!r} is no regular expression: {error}") from error
        return forms

    @model_validator(mode="after")
    def _compares_one_thing(self) -> PageSpec:
        if self.edition and (re.compile(self.edition).groups != 1 or self.edition_read is None):
            raise ValueError("edition needs one group, and edition_read beside it")
        if self.edition and (self.table or self.marks or self.ignore):
            raise ValueError("edition is compared alone, without table, marks or ignore")
        if self.ignore and (self.table or self.marks):
            raise ValueError("ignore goes with the whole text, not with table or marks")
        return self

    @property
    def looks_for(self) -> Literal["edition", "table", "text"]:
        """What is compared."""
        if self.edition:
            return "edition"
        return "table" if self.table or self.marks else "text"


class WatchSpec(AskSpec):
    """Pages of a source's publisher that are watched, because its figures are transcribed by people.

    A change raises an issue; nothing of a page becomes a figure.
    """

    every_days: int = 7
    max_bytes: int = 20_000_000
    max_seconds: float = 120
    attempts: int = 2
    pages: dict[Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$")], PageSpec]


class SourceSpec(BaseModel):
    """The contents of a ``source.yml``.

    ``status`` says how it is read: ``transcribed`` from files of the project; ``live`` from its publisher at
    every refresh with the network; ``frozen``, which its publisher no longer updates, until its files are
    here; ``dark``, which its publisher took away, not at all unless ``hma.toml`` names a mirror; ``local``
    from a file of this installation. Whatever the status but the first, a copy can be handed over.
    ``min_entries``, ``max_rejects`` and ``guard`` are the guard's limits. For transcribed files the
    first two are exact: a row that goes missing puts the source on hold, and whoever means it changes
    the number with it, or accepts the vintage by name. ``accepts`` is the form of the names of further
    files, which only come as copies that a person hands over. ``binaries`` are the forms of names of
    files that are no text, with the kind that they must be (as in :mod:`etl.magic`).

    A source that is not ``enabled`` is not fetched before this installation turns it on; ``enable`` says
    in a line how. One that is not ``is_exportable`` never leaves this machine: see :mod:`etl.withheld`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source_id: str
    title: str
    publisher: str
    url: str
    licence: str
    citation: str
    cadence: str
    status: Literal["transcribed", "live", "frozen", "dark", "local"]
    coverage: str
    caveats: str
    enabled: bool = True
    enable: str | None = None
    is_exportable: bool = True
    files: tuple[str, ...]
    accepts: str | None = None
    binaries: dict[str, str] = {}
    fetch: FetchSpec | None = None
    watch: WatchSpec | None = None
    min_entries: int
    max_rejects: int = 0
    guard: GuardLimits = GuardLimits()
    series: dict[str, SeriesSpec]

    @model_validator(mode="after")
    def _says_how(self) -> Self:
        if self.enabled == (self.enable is not None):
            raise ValueError(
                "enable says how to turn on a source that is not enabled, and no other"
            )
        return self

    @property
    def is_at_hand(self) -> bool:
        """Its files lie in the data folder of this installation."""
        return self.status in {"transcribed", "local"}

    @property
    def expected(self) -> FetchSpec | None:
        """How it is fetched again and again; None where nobody expects anything new of a publisher."""
        return self.fetch if self.status == "live" else None

    @property
    def is_broken(self) -> bool:
        """Its declaration could not be read; only a register of this installation can be so."""
        return False

    def refuse_if_broken(self) -> None:
        """Raise SourceError if the source's declaration could not be read."""

    def reader(self) -> Reader:
        """The ``read`` function of the source's folder."""
        return reader_of(self.source_id)


def reader_of(folder: str) -> Reader:
    """The ``read`` function of a folder of :mod:`etl.sources`."""
    reader: Reader = importlib.import_module(f"etl.sources.{folder}.read").read
    return reader


def _load(path: Path) -> SourceSpec:
    try:
        # as safe as safe_load, by libyaml: the Python parser takes 0.2 s for all of them
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        spec = SourceSpec(source_id=path.parent.name, **content)
    except (ValidationError, TypeError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SourceError(f"sources/{path.parent.name}/source.yml: {error}") from error
    return spec


@cache
def all_sources() -> Mapping[str, SourceSpec]:
    """Every source by its id, in alphabetical order."""
    specs = [_load(path) for path in sorted(HERE.glob("*/source.yml"))]
    return {spec.source_id: spec for spec in specs}
