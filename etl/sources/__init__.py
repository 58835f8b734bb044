"""The sources: one folder each, holding ``source.yml`` (what it is) and ``read.py`` (how to read it).

Adding a source touches no other file. Only what several sources share stands in one place: the
splitting of compiled files in :mod:`etl.us_files` and :mod:`etl.monitor_files`, and what a flow of FTS
means, which two sources give, in :mod:`etl.fts_flows`. A reader is a
function ``read(files, reading, resolver)``: it takes the archived bytes of the files named in
``source.yml`` and hands canonical frames to ``reading``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from etl.archive import Contents
from etl.areas import Resolver
from etl.reading import Reading, SourceError

Reader = Callable[[Contents, Reading, Resolver], None]

HERE = Path(__file__).parent


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
    caution: str
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


class FetchSpec(BaseModel):
    """How a source is fetched: from where, how often, and within which limits.

    ``urls`` are files to be downloaded as they are; where there are none, the source's ``fetch.py``
    asks for them. ``options`` are that module's; what the publisher's documents leave open stands
    there, to be set right without code.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str
    hosts: tuple[str, ...]
    urls: dict[str, str] = {}
    every_days: int = 30
    dark_after_days: int = 120
    max_bytes: int = 1 << 30
    max_seconds: float = 7200
    attempts: int = 5
    min_interval_seconds: float = 1
    options: dict[str, Any] = {}


class SourceSpec(BaseModel):
    """The contents of a ``source.yml``.

    ``min_entries``, ``max_rejects`` and ``guard`` are the guard's limits. For transcribed files the
    first two are exact: a row that goes missing puts the source on hold, and whoever means it changes
    the number with it, or accepts the vintage by name. ``accepts`` is the form of the names of further
    files, which only come as copies that a person hands over. ``binaries`` are the forms of names of
    files that are no text, with the kind that they must be (as in :mod:`etl.magic`).
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
    files: tuple[str, ...]
    accepts: str | None = None
    binaries: dict[str, str] = {}
    fetch: FetchSpec | None = None
    min_entries: int
    max_rejects: int = 0
    guard: GuardLimits = GuardLimits()
    series: dict[str, SeriesSpec]

    @property
    def is_at_hand(self) -> bool:
        """Its files lie in the data folder of this installation."""
        return self.status in {"transcribed", "local"}

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
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        spec = SourceSpec(source_id=path.parent.name, **content)
    except (ValidationError, TypeError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SourceError(f"sources/{path.parent.name}/source.yml: {error}") from error
    return spec


@cache
def all_sources() -> Mapping[str, SourceSpec]:
    """Every source by its id, in alphabetical order."""
    specs = [_load(path) for path in sorted(HERE.glob("*/source.yml"))]
    return {spec.source_id: spec for spec in specs}
