"""Charts: one colour means one thing everywhere, and every axis has its unit.

Colours are those of ``.streamlit/config.toml``, named here once. U.S. accounts are four strengths
of one ink with Defense the strongest, since it is the program that the memo names; other donors are
grey; killed and injured are two steps of one warm hue; clearance is green-blue.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

import altair as alt
import polars as pl
import streamlit as st

from dashboard import draw, outlines

Figure = draw.Figure  # every chart here is made once for the same rows, words and appearance

ACCOUNT_ORDER: Final = ("DoD", "State NADR-CWD", "State other", "USAID", "CDC")
PALETTE: Final = {
    "light": {
        "DoD": "#17324f", "State NADR-CWD": "#2c5d8b", "State other": "#5778a9",
        "USAID": "#8fa9c9", "CDC": "#b9cbdd", "United States": "#17324f",
        "other donors": "#8c8a84", "killed": "#7d2f1f", "injured": "#c4704f",
        "unknown outcome": "#d9b8a6", "not split": "#a3705c", "clearance": "#2b7a72", "clearance, about": "#94bcb8",
        "rule": "#5f5e59", "no figure": "#e6e3da", "outline": "#fdfcf8", "ink": "#4c4e52",
        "series 1": "#5f4b80", "series 2": "#5f5e59", "series 3": "#b5701f", "series 4": "#80661a",
        "donor 1": "#55534e", "donor 2": "#807e77", "donor 3": "#a7a59d", "donor 4": "#c9c7be",
    },
    "dark": {
        "DoD": "#dbe8f6", "State NADR-CWD": "#9cc3e8", "State other": "#6f97cc",
        "USAID": "#5776a8", "CDC": "#40597f", "United States": "#dbe8f6",
        "other donors": "#98968f", "killed": "#f0b59b", "injured": "#c96f4e",
        "unknown outcome": "#8a5340", "not split": "#b98a76", "clearance": "#5bb5aa", "clearance, about": "#386661",
        "rule": "#a8a69e", "no figure": "#2b3138", "outline": "#14171b", "ink": "#c4c1b9",
        "series 1": "#bcaadb", "series 2": "#a8a69e", "series 3": "#dfa877", "series 4": "#d6bf77",
        "donor 1": "#a8a69e", "donor 2": "#85837d", "donor 3": "#65645f", "donor 4": "#484846",
    },
}  # fmt: skip
# Classes of a map, the first of them zero: money, people and land in the hues that they have elsewhere.
RAMPS: Final = {
    "light": {
        "money": ["#d3deea", "#9db6d0", "#6388b0", "#335a85", "#17324f"],
        "people": ["#efdbcf", "#dcae95", "#c4704f", "#a04a32", "#6a2416"],
        "land": ["#d2e6e3", "#9fc9c4", "#62a49c", "#2b7a72", "#134842"],
    },
    "dark": {
        "money": ["#2a4766", "#40709d", "#6f9fca", "#a9c9e8", "#dfebf7"],
        "people": ["#55301f", "#8a4a30", "#c96f4e", "#e3a284", "#f8dccc"],
        "land": ["#21403d", "#357069", "#5bb5aa", "#97d3cb", "#d6eeeb"],
    },
}


_FEW_YEARS: Final = 12  # labels of more lie on their side
_SHAPES: Final = (
    "circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right",
    "triangle-left", "stroke", "arrow", "wedge",
)  # fmt: skip


_LOOK: Final[ContextVar[str | None]] = ContextVar("look", default=None)


@contextmanager
def looking(mode: str) -> Iterator[None]:
    """Draw for a ``light`` or ``dark`` page where no reader's page is at hand: on paper, in a file."""
    token = _LOOK.set(mode)
    try:
        yield
    finally:
        _LOOK.reset(token)


def mode() -> str:
    """The appearance that is drawn for, ``light`` or ``dark``: the reader's, unless :func:`looking` says."""
    return _LOOK.get() or ("dark" if st.context.theme.type == "dark" else "light")


_once: Final = draw.once(mode)


def specification(figure: Figure) -> draw.Specification:
    """A chart as a page shows it, in the reader's appearance."""
    return draw.specification(figure, mode(), dressed)


def colour(name: str) -> str:
    """The colour that means ``name`` in the reader's appearance."""
    return PALETTE[mode()][name]


def dressed(figure: Figure) -> Figure:
    """The figure with axis and legend texts in readable ink."""
    ink = colour("ink")
    inked: Figure = figure.configure_axis(labelColor=ink, titleColor=ink).configure_legend(
        labelColor=ink, titleColor=ink
    )
    return inked


def opening(marks: alt.Chart, frame: pl.DataFrame) -> alt.Chart:
    """The marks, each opening the address in ``href``, if the frame has such a column.

    The address is that of the entry, or of the rows, behind the mark; the table below a chart has the same links.
    """
    if "href" not in frame.columns:
        return marks
    linked: alt.Chart = marks.encode(href=alt.Href("href:N", title="Opens"))
    return linked


def _scale(names: Sequence[str]) -> alt.Scale:
    return alt.Scale(domain=list(names), range=[colour(name) for name in names])


def _legend(title: str | None = None, columns: int = 3) -> alt.Legend:
    return alt.Legend(title=title, orient="top", columns=columns, labelLimit=220)


def _span(years: pl.Series, at_least: int = 1) -> list[int]:
    """Every year from the first to the last, and earlier ones to make ``at_least`` of them.

    A year without a figure keeps its place on the axis, so that a gap is seen as a gap.
    """
    present = years.cast(pl.Int64).to_list()
    first, last = min(present), max(present)
    return list(range(min(first, last - at_least + 1), last + 1))


@_once
def funding_by_account(
    frame: pl.DataFrame,
    events: pl.DataFrame | None = None,
    *,
    dollars: str = "nominal U.S. dollars",
) -> Figure:
    """Stacked bars: ``fiscal_year``, ``account``, ``amount_usd``; ``dollars`` says which these are.

    ``events`` (``year``, ``event``, ``date``) are marked by a rule over their year.
    """
    present = [name for name in ACCOUNT_ORDER if name in frame["account"].unique()]
    years = _span(frame["fiscal_year"])
    bars = (
        alt.Chart(frame.with_columns(order=pl.col("account").replace_strict(
            {name: place for place, name in enumerate(ACCOUNT_ORDER)}, default=99)))
        .mark_bar(size=34)
        .encode(
            x=alt.X("fiscal_year:O", title="U.S. fiscal year", scale=alt.Scale(domain=years),
                    axis=alt.Axis(labelAngle=0)),
            y=alt.Y("sum(amount_usd):Q", title=dollars, stack=True,
                    axis=alt.Axis(format="$~s")),
            color=alt.Color("account:N", scale=_scale(present), legend=_legend("Account")),
            order=alt.Order("order:Q"),
            tooltip=[
                alt.Tooltip("fiscal_year:O", title="Fiscal year"),
                alt.Tooltip("account:N", title="Account"),
                alt.Tooltip("sum(amount_usd):Q", title="Dollars", format="$,.0f"),
            ],
        )
    )  # fmt: skip
    layers: list[alt.Chart] = [opening(bars, frame)]
    if events is not None and not events.is_empty():
        within = events.filter(pl.col("year").is_in(years)).rename({"year": "fiscal_year"})
        marks = alt.Chart(within).encode(x=alt.X("fiscal_year:O"))
        told = marks.mark_text(dy=-6, fontSize=15, color=colour("rule"), text="▾").encode(
            y=alt.value(0), tooltip=["date:N", "event:N"]
        )
        layers.append(opening(told, within))
    return alt.layer(*layers).properties(height=300)


PAYERS: Final = (
    "DoD", "DoD other", "State NADR-CWD", "State other", "State", "USAID", "CDC", "Other", "United States",
    "other donors",
)  # fmt: skip
# U.S. lines without a colour of their own have that of the nearest one that has.
_PAYER_INKS: Final = {"DoD other": "DoD", "State": "State NADR-CWD", "Other": "State other"}


@_once
def money_by_year(
    frame: pl.DataFrame,
    events: pl.DataFrame,
    span: Sequence[int],
    *,
    unit: str,
    basis: str,
    top: float | None = None,
    height: int = 250,
) -> Figure:
    """Stacked bars by ``year`` and ``payer`` of an ``amount``, with rules at the years of ``events``.

    ``payer`` is an Enum, and the legend has all its words, so that charts side by side are alike.

    ``span`` are the first and last year of the axis, ``top`` the end of the other where charts share it. A year
    without a row gets a ×, one whose figures add to zero a 0.
    """
    present = frame.schema["payer"].categories.to_list()  # type: ignore[attr-defined]
    frame = frame.with_columns(pl.col("payer").cast(pl.String))
    years = list(range(span[0], span[-1] + 1))
    across = alt.X("year:O", title=f"{basis} year" if basis != "not stated" else "year",
                   scale=alt.Scale(domain=years),
                   axis=alt.Axis(labelAngle=-90 if len(years) > _FEW_YEARS else 0, labelOverlap="greedy"))  # fmt: skip
    inks = [colour(_PAYER_INKS.get(name, name)) for name in present]
    bars = (
        alt.Chart(frame.with_columns(order=pl.col("payer").replace_strict(
            {name: place for place, name in enumerate(PAYERS)})))
        .mark_bar(stroke=colour("outline"), strokeWidth=0.5)
        .encode(
            x=across,
            y=alt.Y("amount:Q", title=unit, stack=True, axis=alt.Axis(format="$~s", tickCount=5),
                    scale=alt.Scale(domainMax=top) if top else alt.Undefined),
            color=alt.Color("payer:N", scale=alt.Scale(domain=present, range=inks),
                            legend=_legend(None, columns=2)),
            order=alt.Order("order:Q"),
            tooltip=[
                alt.Tooltip("year:O", title="Year"),
                alt.Tooltip("payer:N", title="Paid by"),
                alt.Tooltip("amount:Q", title="Dollars", format="$,.0f"),
                alt.Tooltip("edition:N", title="Edition"),
            ],
        )
    )  # fmt: skip
    layers = [opening(bars, frame)]
    if not events.is_empty():
        told = [alt.Tooltip("year:O", title="Year"), alt.Tooltip("words:N", title="Events")]
        layers.append(
            alt.Chart(events)
            .mark_rule(color=colour("rule"), strokeDash=[3, 3], opacity=0.7)
            .encode(x=across, tooltip=told)
        )
    sums = frame.group_by("year").agg(pl.col("amount").sum()).filter(pl.col("amount") == 0)
    unread = [year for year in years if year not in set(frame["year"])]
    for letter, there in (("×", unread), ("0", sorted(sums["year"].to_list()))):
        if there:  # a layer without rows would be a picture without a name to a screen reader
            layers.append(
                alt.Chart(pl.DataFrame({"year": there}))
                .mark_text(text=letter, dy=-6, fontSize=12, color=colour("ink"))
                .encode(x=across, y=alt.datum(0))
            )
    return alt.layer(*layers).properties(height=height)


OUTCOMES: Final = ("killed", "injured", "unknown outcome", "not split")
# What the signs of a chart of casualties mean; stands under each of them.
SIGNS: Final = (
    "Hollow: at least so many, part of the year, or another scope. Dashed rule: the years on its two sides are not "
    "counted alike. × no figure. 0 zero printed."
)


TOLD: Final = {"no figure": "×", "zero": "0"}  # by a letter where a bar would stand


@_once
def casualties(
    frame: pl.DataFrame,
    signs: pl.DataFrame,
    *,
    unit: str = "people",
    years: Sequence[int] = (),
    top: float | None = None,
    height: int = 340,
) -> Figure:
    """Stacked bars of people by ``calendar_year`` and ``outcome``, hollow where ``is_open``.

    ``signs`` (``calendar_year``, ``sign``, ``words``) mark what is no bar or no change: a ``break`` with
    the year before, a ``zero``, a year with ``no figure``. ``years`` widen the axis, ``top`` fixes the other;
    with ``years`` the legend has every outcome, so that charts side by side are alike.
    """
    present = [name for name in OUTCOMES if years or name in frame["outcome"].unique()]
    title = None if years else "calendar year"
    # a rate has no parts to tell apart; two columns fit a narrow window
    legend = _legend(None if years else "Outcome", columns=2) if unit == "people" else None
    span = _span(pl.concat([frame["calendar_year"], signs["calendar_year"],
                            pl.Series(years, dtype=pl.Int64)]), at_least=12)  # fmt: skip
    axis = alt.Axis(labelAngle=-90, labelOverlap="greedy")
    across = alt.X("calendar_year:O", title=title, scale=alt.Scale(domain=span), axis=axis)
    bars = (
        alt.Chart(frame.with_columns(order=pl.col("outcome").replace_strict(
            {name: place for place, name in enumerate(OUTCOMES)})))
        .mark_bar(strokeWidth=1)
        .encode(
            x=across,
            y=alt.Y("people:Q", title=unit, stack=True,
                    scale=alt.Scale(domainMax=top) if top else alt.Undefined),
            color=alt.Color("outcome:N", scale=_scale(present),
                            legend=legend),
            stroke=alt.Stroke("outcome:N", scale=_scale(present), legend=None),
            fillOpacity=alt.condition("datum.is_open", alt.value(0.12), alt.value(1)),
            order=alt.Order("order:Q"),
            tooltip=[
                alt.Tooltip("calendar_year:O", title="Year"),
                alt.Tooltip("outcome:N", title="Outcome"),
                alt.Tooltip("people:Q", title=unit.capitalize(), format=",.6~g"),
                alt.Tooltip("counted_by:N", title="Counted by"),
                alt.Tooltip("edition:N", title="Edition"),
            ],
        )
    )  # fmt: skip
    told = [
        alt.Tooltip("calendar_year:O", title="Year"),
        alt.Tooltip("words:N", title="What it is"),
    ]
    rules = (
        alt.Chart(signs.filter(sign="break"))
        .mark_rule(color=colour("rule"), strokeDash=[4, 3], strokeWidth=1.5)
        .encode(
            x=alt.X("calendar_year:O", bandPosition=0, scale=alt.Scale(domain=span)), tooltip=told
        )
    )
    texts = [
        alt.Chart(signs.filter(sign=sign))
        .mark_text(text=letter, dy=-6, fontSize=12, color=colour("ink"))
        .encode(x=across, y=alt.datum(0), tooltip=told)
        for sign, letter in TOLD.items()
    ]
    # a layer without rows would be a picture without a name to a screen reader
    bars = opening(bars, frame)
    layers = [(bars, frame), (rules, signs.filter(sign="break"))]
    layers += [(text, signs.filter(sign=name)) for text, name in zip(texts, TOLD, strict=True)]
    filled = [layer for layer, rows in layers if not rows.is_empty()]
    return alt.layer(*(filled or [bars])).properties(height=height)


@_once
def counts_side_by_side(frame: pl.DataFrame) -> Figure:
    """Points: what each ``measure`` says of a ``calendar_year``, in ``people``; hollow where ``is_open``.

    No line joins them: measures are counted differently, and years of one measure may be too.
    """
    names = frame["measure"].unique(maintain_order=True).to_list()
    inks = ("killed", "series 1", "series 3", "series 4")
    shapes = ("circle", "diamond", "square", "triangle-up")
    scale = alt.Scale(domain=names, range=[colour(ink) for ink in inks[: len(names)]])
    legend = alt.Legend(title="Counted by", orient="top", columns=1, labelLimit=420)
    figure: alt.Chart = (
        alt.Chart(frame)
        .mark_point(size=55, strokeWidth=1.6)
        .encode(
            x=alt.X("calendar_year:O", title="calendar year",
                    scale=alt.Scale(domain=_span(frame["calendar_year"], at_least=12)),
                    axis=alt.Axis(labelAngle=-90, labelOverlap="greedy")),
            y=alt.Y("people:Q", title="people", scale=alt.Scale(zero=True)),
            xOffset=alt.XOffset("measure:N", scale=alt.Scale(domain=names)),
            color=alt.Color("measure:N", scale=scale, legend=legend),
            fill=alt.Fill("measure:N", scale=scale, legend=legend),
            shape=alt.Shape("measure:N", legend=legend,
                            scale=alt.Scale(domain=names, range=list(shapes[: len(names)]))),
            fillOpacity=alt.condition("datum.is_open", alt.value(0), alt.value(0.85)),
            tooltip=[
                alt.Tooltip("calendar_year:O", title="Year"),
                alt.Tooltip("measure:N", title="Counted by"),
                alt.Tooltip("people:Q", title="People", format=","),
                alt.Tooltip("edition:N", title="Edition"),
                alt.Tooltip("words:N", title="Note"),
            ],
        )
        .properties(height=400)
    )  # fmt: skip
    return opening(figure, frame)


@_once
def accidents(frame: pl.DataFrame) -> Figure:
    """Bars of accidents by ``calendar_year``, hollow where ``is_open``; never on one scale with people."""
    figure: alt.Chart = (
        alt.Chart(frame)
        .mark_bar(color=colour("rule"), stroke=colour("rule"), strokeWidth=1)
        .encode(
            x=alt.X("calendar_year:O", title="calendar year",
                    scale=alt.Scale(domain=_span(frame["calendar_year"], at_least=12)),
                    axis=alt.Axis(labelAngle=-90, labelOverlap="greedy")),
            y=alt.Y("accidents:Q", title="accidents"),
            fillOpacity=alt.condition("datum.is_open", alt.value(0.12), alt.value(1)),
            tooltip=[
                alt.Tooltip("calendar_year:O", title="Year"),
                alt.Tooltip("accidents:Q", title="Accidents", format=","),
                alt.Tooltip("words:N", title="Note"),
            ],
        )
        .properties(height=220)
    )  # fmt: skip
    return opening(figure, frame)


@_once
def printed_shares(frame: pl.DataFrame) -> Figure:
    """Points: printed ``percent`` by ``calendar_year`` of ``what``; years without one have none."""
    names = frame["what"].unique(maintain_order=True).to_list()
    scale = alt.Scale(domain=names, range=[colour(ink) for ink in ("series 1", "series 3")])
    legend = alt.Legend(title="Share of", orient="top", columns=1, labelLimit=420)
    figure: alt.Chart = (
        alt.Chart(frame)
        .mark_point(size=60, filled=True, opacity=1)
        .encode(
            x=alt.X("calendar_year:O", title="calendar year",
                    scale=alt.Scale(domain=_span(frame["calendar_year"], at_least=12)),
                    axis=alt.Axis(labelAngle=-90, labelOverlap="greedy")),
            y=alt.Y("percent:Q", title="percent", scale=alt.Scale(domain=[0, 100])),
            color=alt.Color("what:N", scale=scale, legend=legend),
            shape=alt.Shape("what:N", legend=legend,
                            scale=alt.Scale(domain=names, range=["circle", "diamond"])),
            tooltip=[
                alt.Tooltip("calendar_year:O", title="Year"),
                alt.Tooltip("what:N", title="Share of"),
                alt.Tooltip("percent:Q", title="Percent"),
                alt.Tooltip("edition:N", title="Edition"),
            ],
        )
        .properties(height=320)
    )  # fmt: skip
    return opening(figure, frame)


@_once
def dependency(frame: pl.DataFrame) -> Figure:
    """Stacked bars of contributions by ``calendar_year`` and ``payer`` (nominal dollars)."""
    years = _span(frame["calendar_year"], at_least=12)
    figure: alt.Chart = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X("calendar_year:O", title="calendar year (no bar: zero or not read)",
                    scale=alt.Scale(domain=years), axis=alt.Axis(labelAngle=0)),
            y=alt.Y("amount_usd:Q", title="nominal U.S. dollars", stack=True,
                    axis=alt.Axis(format="$~s")),
            color=alt.Color("payer:N", scale=_scale(["United States", "other donors"]),
                            legend=_legend("Paid by")),
            order=alt.Order("payer:N", sort="descending"),
            tooltip=[
                alt.Tooltip("calendar_year:O", title="Year"),
                alt.Tooltip("payer:N", title="Paid by"),
                alt.Tooltip("amount_usd:Q", title="Dollars", format="$,.0f"),
                alt.Tooltip("us_share_percent:Q", title="U.S. share, %", format=".1f"),
            ],
        )
        .properties(height=260)
    )  # fmt: skip
    return opening(figure, frame)


@_once
def shares_by_area(frame: pl.DataFrame) -> Figure:
    """One bar an area: ``label``, ``us_share_percent``, ``words``, the longest first; the rest is grey."""
    said = [name for name in ("label", "words", "href") if name in frame.columns]
    both = pl.concat(
        [
            frame.select(
                *said, payer=pl.lit("United States"), part="us_share_percent", place=pl.lit(0)
            ),
            frame.select(
                *said, payer=pl.lit("other donors"), part=100 - pl.col("us_share_percent"), place=pl.lit(1)
            ),
        ]
    )  # fmt: skip
    figure: alt.Chart = (
        alt.Chart(both)
        .mark_bar()
        .encode(
            y=alt.Y("label:N", title=None, sort=frame["label"].to_list(),
                    axis=alt.Axis(labelLimit=170, labelFlush=False, labelOverlap=False)),
            x=alt.X("part:Q", title="per cent", stack=True,
                    scale=alt.Scale(domain=[0, 100], nice=False), axis=alt.Axis(tickCount=5)),
            color=alt.Color("payer:N", scale=_scale(["United States", "other donors"]),
                            legend=alt.Legend(title=None, orient="top", columns=1)),
            order=alt.Order("place:Q"),
            tooltip=[alt.Tooltip("label:N", title="Year and area"), alt.Tooltip("words:N", title="U.S. share")],
        )
        .properties(height=alt.Step(20))
    )  # fmt: skip
    return opening(figure, both)


OTHERS: Final = "all other donors"
REST: Final = "donors not read"
NAMED_DONORS: Final = 3  # beside the United States; more greys could not be told apart


@_once
def payers(frame: pl.DataFrame, donors: Sequence[str]) -> Figure:
    """Stacked bars by ``calendar_year`` and ``payer``: the United States, ``donors``, then the others."""
    years = _span(frame["calendar_year"], at_least=8)
    inks = {
        "United States": "United States",
        **{donor: f"donor {place}" for place, donor in enumerate(donors, 1)},
        OTHERS: f"donor {NAMED_DONORS + 1}",
        REST: "no figure",
    }
    present = [name for name in inks if name in frame["payer"]]
    order = {name: place for place, name in enumerate(inks)}
    figure: alt.Chart = (
        alt.Chart(frame.with_columns(order=pl.col("payer").replace_strict(order)))
        .mark_bar(stroke=colour("outline"), strokeWidth=0.6)
        .encode(
            x=alt.X("calendar_year:O", title="calendar year (no bar: not read)",
                    scale=alt.Scale(domain=years),
                    axis=alt.Axis(labelAngle=-90 if len(years) > _FEW_YEARS else 0)),
            y=alt.Y("amount_usd:Q", title="nominal U.S. dollars", stack=True,
                    axis=alt.Axis(format="$~s")),
            color=alt.Color(
                "payer:N",
                scale=alt.Scale(domain=present, range=[colour(inks[name]) for name in present]),
                legend=alt.Legend(title="Paid by", orient="top", columns=2, labelLimit=180),
            ),
            order=alt.Order("order:Q"),
            tooltip=[
                alt.Tooltip("calendar_year:O", title="Year"),
                alt.Tooltip("payer:N", title="Paid by"),
                alt.Tooltip("amount_usd:Q", title="Dollars", format="$,.0f"),
            ],
        )
        .properties(height=380)
    )  # fmt: skip
    return opening(figure, frame)


@_once
def world_totals(frame: pl.DataFrame, events: pl.DataFrame, *, order: Sequence[str] = ()) -> Figure:
    """Printed yearly world totals as points, by ``series_title``; bounds have a shape of their own.

    ``frame``: ``year``, ``amount_usd``, ``series_title``, ``bound``; ``events``: ``when``, ``label``
    and ``at``, the height of the label in dollars. ``order`` of all series keeps the colour of one that is
    drawn alone.
    """
    across = alt.X(
        "year:Q",
        title="year, fiscal or calendar",
        scale=alt.Scale(domain=[1992, 2028], nice=False, zero=False),
        axis=alt.Axis(format="d", grid=False),
    )
    up = alt.Y(
        "amount_usd:Q",
        title="nominal U.S. dollars",
        axis=alt.Axis(format="$~s"),
        scale=alt.Scale(domain=[0, 1.45 * max(frame["amount_usd"].to_list())]),
    )
    names = frame["series_title"].unique(maintain_order=True).to_list()
    inks = {name: colour(f"series {place}") for place, name in enumerate(order or names, 1)}
    points = (
        alt.Chart(frame)
        .mark_point(filled=True, size=70, opacity=1)
        .encode(
            x=across,
            y=up,
            color=alt.Color(
                "series_title:N",
                scale=alt.Scale(domain=names, range=[inks[name] for name in names]),
                legend=alt.Legend(title="Series", orient="top", columns=1, labelLimit=520),
            ),
            shape=alt.Shape(
                "bound:N",
                scale=alt.Scale(
                    domain=["a number", "more than", "nearly or about"],
                    range=["circle", "triangle-up", "diamond"],
                ),
                legend=alt.Legend(
                    title="Printed as", orient="bottom", columns=2, symbolFillColor=colour("ink")
                ),
            ),
            tooltip=[
                alt.Tooltip("year:Q", title="Year", format="d"),
                alt.Tooltip("amount_as_printed:N", title="As printed"),
                alt.Tooltip("series_title:N", title="Series"),
                alt.Tooltip("report:N", title="Report"),
            ],
        )
    )
    marked = alt.Chart(events.rename({"when": "year", "at": "amount_usd"}))
    rules = marked.mark_rule(color=colour("rule"), strokeDash=[3, 3]).encode(
        x=across, tooltip=["date:N", "event:N"],
        opacity=alt.condition("datum.label", alt.value(1), alt.value(0.4)),
    )  # fmt: skip
    labels = marked.mark_text(align="right", dx=-4, color=colour("rule"), fontSize=12).encode(
        x=across, y=up, text="label:N"
    )
    return alt.layer(opening(rules, events), labels, opening(points, frame)).properties(height=500)


BOUND_FILL: Final = {
    "a number": "clearance", "nearly or about": "clearance, about", "at least": "outline",
}  # fmt: skip


@_once
def land(frame: pl.DataFrame, unit: str) -> Figure:
    """One mark a printed figure: ``year``, ``value``, ``hazard``, ``bound``, ``words``, ``edition``.

    Lower bounds are hollow. A year between the first and the last without a figure is a grey column, so that it
    can't be taken for a zero, whose mark stands on the axis.
    """
    years = _span(frame["year"], at_least=5)
    gaps = sorted(set(years) - set(frame["year"].to_list()))
    hazards = frame["hazard"].unique().sort().to_list()
    bounds = [name for name in BOUND_FILL if name in frame["bound"].unique()]
    across = alt.X(
        "year:O",
        title="calendar year (grey: no figure read)",
        scale=alt.Scale(domain=years),
        axis=alt.Axis(labelAngle=-90 if len(years) > _FEW_YEARS else 0, grid=False),
    )
    missing = (
        alt.Chart(pl.DataFrame({"year": gaps}, schema={"year": pl.Int64}))
        .mark_bar(color=colour("no figure"))
        .encode(x=across, y=alt.value(0), y2=alt.value("height"))
    )
    marks = (
        alt.Chart(frame)
        .mark_point(
            size=90, opacity=1, filled=False, stroke=colour("clearance"), strokeWidth=1.6,
        )
        .encode(
            x=across,
            y=alt.Y("value:Q", title=unit, scale=alt.Scale(zero=True)),
            shape=alt.Shape(
                "hazard:N",
                scale=alt.Scale(domain=hazards, range=list(_SHAPES[: len(hazards)])),
                legend=alt.Legend(
                    title="Kind of hazard, as printed", orient="top", columns=2, labelLimit=240,
                    symbolFillColor=colour("clearance"), symbolStrokeColor=colour("clearance"),
                ),
            ),
            fill=alt.Fill(
                "bound:N",
                scale=alt.Scale(domain=bounds, range=[colour(BOUND_FILL[name]) for name in bounds]),
                legend=alt.Legend(
                    title="Printed as", orient="bottom", columns=3, symbolType="circle",
                    symbolStrokeColor=colour("clearance"),
                ),
            ),
            tooltip=[
                alt.Tooltip("year:O", title="Year"),
                alt.Tooltip("words:N", title=unit),
                alt.Tooltip("hazard:N", title="Hazard"),
                alt.Tooltip("edition:N", title="Edition"),
            ],
        )
    )  # fmt: skip
    return alt.layer(missing, opening(marks, frame)).properties(height=420)


MONEY_CLASSES: Final = (
    "zero printed", "under $1 million", "$1 to 10 million", "$10 to 50 million", "over $50 million",
)  # fmt: skip
MONEY_STEPS: Final = (0, 1_000_000, 10_000_000, 50_000_000)  # upper ends of the first four


def money_class(column: str) -> pl.Expr:
    """The map's class of an amount in dollars."""
    found = pl.lit(MONEY_CLASSES[-1])
    for name, upper in reversed(list(zip(MONEY_CLASSES, MONEY_STEPS, strict=False))):
        found = pl.when(pl.col(column) <= upper).then(pl.lit(name)).otherwise(found)
    return pl.when(pl.col(column).is_not_null()).then(found)


NO_FIGURE: Final = "no figure read"
SMALL: Final = 3.5  # degrees; an outline of fewer can hardly be seen on a map of the world


def _too_small_to_see(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of a map whose areas are small, each with the middle of its outline."""
    small = [(area, x, y) for area, (x, y, span) in outlines.middles().items() if span < SMALL]
    places = pl.DataFrame(
        small,
        schema={"area": pl.String, "longitude": pl.Float64, "latitude": pl.Float64},
        orient="row",
    )
    return frame.join(places, on="area", maintain_order="left")


@_once
def world_map(frame: pl.DataFrame, title: str, classes: Sequence[str], ink: str) -> Figure:
    """The world by class; ``frame``: ``area``, ``area_name``, ``shade`` (a class), ``is_open``, ``words``.

    Areas without a row stay empty, with a dashed outline; small ones get a dot; one that ``is_open`` (a bound or
    a part) gets a heavy one. ``ink`` names the ramp. A click chooses an area: the parameter ``picked``.
    """
    countries = alt.UrlData(
        url=outlines.address(), format=alt.TopoDataFormat(type="topojson", feature="countries")
    )
    land = alt.Chart(countries).mark_geoshape(
        fill=colour("outline"),
        stroke=colour("rule"),
        strokeWidth=0.5,
        strokeDash=[1.5, 1.5],
        aria=False,
    )
    inks = [*RAMPS[mode()][ink], colour("outline")]
    legend = alt.Legend(
        title=title, titleLimit=330, orient="bottom", columns=2, labelLimit=200, symbolType="square",
        symbolSize=160, symbolStrokeColor=colour("rule"), symbolStrokeWidth=0.5,
    )  # fmt: skip
    shade = alt.Color(
        "shade:N", scale=alt.Scale(domain=[*classes, NO_FIGURE], range=inks), legend=legend
    )
    stroke = alt.condition("datum.is_open", alt.value(colour("ink")), alt.value(colour("outline")))
    width = alt.condition("datum.is_open", alt.value(1.8), alt.value(0.4))
    told = [alt.Tooltip("area_name:N", title="Area"), alt.Tooltip("words:N", title=title)]
    drawn = (
        alt.Chart(countries)
        .transform_calculate(area="datum.properties.area")
        .transform_lookup(
            lookup="area",
            from_=alt.LookupData(frame, "area", ["area_name", "shade", "is_open", "words"]),
        )
        .transform_filter("isValid(datum.shade)")
        .mark_geoshape(cursor="pointer")
        .encode(color=shade, stroke=stroke, strokeWidth=width, tooltip=told)
        .add_params(alt.selection_point(name="picked", fields=["area"], on="click"))
    )
    layers = [land, drawn]
    dots = _too_small_to_see(frame)
    if (
        not dots.is_empty()
    ):  # a layer without rows would be a picture without a name to a screen reader
        layers.append(
            alt.Chart(dots).mark_circle(size=80, opacity=1).encode(
                longitude="longitude:Q", latitude="latitude:Q", color=shade, stroke=stroke,
                strokeWidth=width, tooltip=told,
            )
        )  # fmt: skip
    return alt.layer(*layers).project("equalEarth").properties(height=400)
