"""Organisations that do the work, under one name each.

A source prints the same charity as "Halo Trust" and "THE HALO TRUST USA, INC". Entries keep what is
printed; ``data/reference/implementers.csv`` is a reviewed table of spellings, and the view
``partners`` reads the name there. A name that is not in the table stays as printed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from etl import spellings
from etl.tables import Implementers

FILE: Final = "implementers.csv"
LEAST: Final = 30  # fewer is a cut file


def load_implementers(reference: Path) -> pl.DataFrame:
    """The rows of implementers.csv, all columns text (see :class:`etl.tables.Implementers`).

    Raises:
        SourceError: the file is missing or not the table it should be, or two rows claim one name.
    """
    rows = spellings.load(reference / FILE, Implementers, "implementer", LEAST)
    spellings.spellings(rows, FILE, "implementer")
    return rows
