"""What stands beside a chart or figure for readers who use it elsewhere: Cite, Copy link, Download.

Every text has its own button that copies it. Pictures are drawn only when they are asked for.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import polars as pl
import streamlit as st

from dashboard import cite
from dashboard.charts import Figure
from dashboard.cite import Citation
from dashboard.pictures import MEDIA_TYPES, Picture, csv_of, drawn_rows, largest


def beside_chart(
    figure: Figure, title: str, source_line: str, rows: pl.DataFrame | None = None
) -> None:
    """Cite, Copy link and Download of one chart."""
    citation = cite.figure(title, source_line)
    with st.container(horizontal=True, gap="small"):
        _cite(citation)
        _link(citation)
        with st.popover("Download chart", type="tertiary"):
            _pictures(figure, citation, rows)


def picture(figure: Figure, title: str, source_line: str) -> None:
    """Download of one of several charts that are cited together."""
    with st.popover("Download chart", type="tertiary"):
        _pictures(figure, cite.figure(title, source_line), None)


def beside_figure(title: str, source_line: str) -> None:
    """Cite and Copy link of a figure in words; ``title`` says what it is and how much, in Markdown."""
    beside(cite.figure(title, source_line))


def beside(citation: Citation) -> None:
    """Cite and Copy link of what is cited."""
    with st.container(horizontal=True, gap="small"):
        _cite(citation)
        _link(citation)


def _cite(citation: Citation) -> None:
    with st.popover("Cite", type="tertiary"):
        for name, text in (
            ("In words", citation.text), ("BibTeX", citation.bibtex), ("CSL-JSON", citation.csl),
        ):  # fmt: skip
            st.markdown(name)
            st.code(text, language=None, wrap_lines=True)


def _link(citation: Citation) -> None:
    with st.popover("Copy link", type="tertiary"):
        st.markdown(
            f"Shows the figures of refresh {citation.edition.refresh}, also when newer ones are published:"
        )
        st.code(citation.url, language=None, wrap_lines=True)


def _pictures(figure: Figure, citation: Citation, rows: pl.DataFrame | None) -> None:
    """Buttons that make the picture or the table when they are pressed."""
    source = "; ".join(citation.sources)
    words = ". ".join(
        [f"Source: {source}", *citation.notes, f"{cite.NAME}, {citation.edition.words}."]
    )
    picture = Picture(figure, citation.title, words)
    height = (largest(figure) if rows is None else rows).height
    edition = citation.edition
    files: dict[str, tuple[str, Callable[[], str | bytes]]] = {
        "svg": ("Picture (SVG)", picture.svg),
        "png": ("Picture (PNG)", picture.png),
        "csv": (
            f"Rows drawn (CSV, {height:,})",
            lambda: csv_of(
                drawn_rows(figure) if rows is None else rows, edition.ledger, edition.refresh
            ),
        ),
    }
    for ending, (label, made) in files.items():
        st.download_button(
            label, made, file_name=f"{_file_name(citation)}.{ending}", mime=MEDIA_TYPES[ending],
            key=f"{ending}-{citation.key}", on_click="ignore",
        )  # fmt: skip


def _file_name(citation: Citation) -> str:
    """The title in small letters, and what tells two charts of one title apart."""
    words = re.sub(r"[^a-z0-9]+", "-", citation.title.lower()).strip("-")[:60].strip("-")
    return f"{words}-{hashlib.sha256(citation.key.encode()).hexdigest()[:6]}"
