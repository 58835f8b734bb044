"""Charts as files: SVG and PNG with title and source in the picture, and the rows that are drawn as CSV.

A picture travels without its page, so it carries its finding, its source and the ledger. It is made on the
server when a reader asks for it; nothing is fetched from elsewhere, also not by a chart's own wish.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import Any, Final

import altair as alt
import polars as pl
import vl_convert

from dashboard.charts import Figure, colour, dressed, looking, mode
from dashboard.downloads.csv_text import FORMULA
from dashboard.draw import inline
from dashboard.xml_text import legible_throughout

WIDTH: Final = 900
LINE: Final = 118  # characters that fit into the width in the picture's small type
HEADING: Final = 92  # and in its title's
SHARPNESS: Final = 2.0
VEGA_LITE: Final = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
MEDIA_TYPES: Final = {"svg": "image/svg+xml", "png": "image/png", "csv": "text/csv"}


@dataclass(frozen=True)
class Picture:
    """A chart with the words that go with it into a file."""

    figure: Figure
    title: str
    source: str
    mode: str = field(
        default_factory=mode
    )  # of the page, for a file that is asked for after its run

    def specification(self) -> dict[str, Any]:
        """The chart in Vega-Lite: as wide as a page, under its title, over its source."""
        wide = self.figure
        if not isinstance(wide, alt.FacetChart):
            wide = wide.properties(width=WIDTH)
        with looking(self.mode):
            specification: dict[str, Any] = without_links(
                legible_throughout(inline(self._titled(wide)))
            )
        specification["config"]["font"] = "serif"
        return specification

    def _titled(self, figure: Figure) -> Figure:
        titled: Figure = dressed(figure).properties(
            title=alt.TitleParams(
                text=textwrap.wrap(self.title, HEADING),
                subtitle=textwrap.wrap(self.source, LINE),
                anchor="start", fontSize=17, subtitleFontSize=12, offset=14,
                color=colour("ink"), subtitleColor=colour("ink"),
            ),
            padding=16, background=colour("outline"),
        )  # fmt: skip
        return titled

    def svg(self) -> str:
        """The picture as SVG text, whose words stay text."""
        drawn: str = vl_convert.vegalite_to_svg(
            self.specification(), vl_version=VEGA_LITE, allowed_base_urls=[]
        )
        return drawn

    def png(self) -> bytes:
        """The picture in pixels, twice as sharp as its size."""
        drawn: bytes = vl_convert.vegalite_to_png(
            self.specification(), vl_version=VEGA_LITE, scale=SHARPNESS, allowed_base_urls=[]
        )
        return drawn


def bare_svg(figure: Figure, width: int, height: int) -> str:
    """A chart alone, for a page that writes title and source itself; ``width`` and ``height`` in pixels."""
    sized: Figure = dressed(figure).properties(
        width=width, height=height, background="transparent", padding=0
    )
    specification = without_links(legible_throughout(inline(sized)))
    specification["config"]["font"] = "serif"
    drawn: str = vl_convert.vegalite_to_svg(
        specification, vl_version=VEGA_LITE, allowed_base_urls=[]
    )
    return drawn


def without_links(part: Any) -> Any:  # noqa: ANN401 (any part of a specification)
    """A Vega-Lite specification whose marks open nothing: in a file an address of a page leads nowhere."""
    if isinstance(part, dict):
        return {key: without_links(value) for key, value in part.items() if key != "href"}
    return [without_links(one) for one in part] if isinstance(part, list) else part


def drawn_rows(figure: Figure) -> pl.DataFrame:
    """The rows that a chart draws, without where its marks lead."""
    drawn = largest(figure)
    return drawn.drop("href") if "href" in drawn.columns else drawn


def largest(figure: Figure) -> pl.DataFrame:
    """The largest table of a chart's layers."""
    tables = [
        part.data
        for part in (figure, *getattr(figure, "layer", ()))
        if isinstance(part.data, pl.DataFrame)
    ]
    return max(tables, key=lambda table: table.height, default=pl.DataFrame())


def csv_of(rows: pl.DataFrame, ledger: str, refresh: int) -> str:
    """The rows with the ledger and refresh they are of; texts that a spreadsheet would run get a quote."""
    texts = [name for name, dtype in rows.schema.items() if dtype == pl.String]
    guarded = [
        pl.when(pl.col(name).str.contains(FORMULA))
        .then(pl.concat_str(pl.lit("'"), name))
        .otherwise(pl.col(name))
        .alias(name)
        for name in texts
    ]
    return rows.with_columns(
        *guarded, ledger=pl.lit(ledger), as_of_refresh=pl.lit(refresh)
    ).write_csv()
