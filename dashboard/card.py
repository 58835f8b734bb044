"""``/card.png``: the picture that a shared link is shown with, drawn here and nowhere else.

It says what the page's head says, in the type of the pages: Streamlit brings Source Serif along, and where a
later version doesn't, Pillow's own type takes its place. A card is drawn once a ledger.
"""

from __future__ import annotations

import io
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

import streamlit as st
from PIL import Image, ImageDraw, ImageFont
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from dashboard import slots, versions
from dashboard.current import limits
from dashboard.sharing import Shared, shared
from dashboard.site import NAME, PAGES

WIDTH: Final = 1200
HEIGHT: Final = 630
MARGIN: Final = 72
PAPER: Final = "#fdfcf8"  # the colours of .streamlit/config.toml
INK: Final = "#23262b"
ACCENT: Final = "#24496e"
BAR: Final = 12
REGULAR: Final = 400
BOLD: Final = 600
LEADING: Final = 1.3
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def card(request: Request) -> Response:
    """The card of the address that ``page`` and the rest of the query name."""
    query = request.query_params
    page = query.get("page", "")
    if page not in PAGES:
        return PlainTextResponse("There is no such page.\n", 404)
    most = limits().questions
    if not slots.questions.take(most):
        return PlainTextResponse(
            f"{most} questions are being answered, as many as may be. Try again soon.\n", 503,
            {"Retry-After": str(slots.RETRY_SECONDS)},
        )  # fmt: skip
    try:
        words = shared(page, query)
        tag = versions.etag("card", words)
        headers = {"ETag": tag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        if versions.has_it(request.headers.get("If-None-Match"), tag):
            return Response(status_code=304, headers=headers)
        return Response(draw(words), headers=headers, media_type="image/png")
    finally:
        slots.questions.give_back()


def draw(words: Shared) -> bytes:
    """The picture as PNG."""
    as_of = "" if words.as_of is None else f", as of refresh {words.as_of}"
    foot = f"{words.ledger}{as_of}" if words.ledger else "no ledger yet"
    return _drawn(words.title, words.finding, foot)


@lru_cache(maxsize=128)
def _drawn(title: str, finding: str, foot: str) -> bytes:
    """Drawing takes a tenth of a second: addresses of any wording that say the same share one picture."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 0, WIDTH, BAR), fill=ACCENT)
    pen.text((MARGIN, 56), NAME, font=_font(30, BOLD), fill=ACCENT)
    below = _paragraph(pen, title, _font(58, BOLD), top=116, lines=3)
    _paragraph(pen, finding, _font(34, REGULAR), top=below + 24, lines=6)
    pen.text((MARGIN, HEIGHT - 64), foot, font=_font(24, REGULAR), fill=INK)
    held = io.BytesIO()
    picture.save(held, "PNG")
    return held.getvalue()


def _paragraph(pen: ImageDraw.ImageDraw, text: str, font: Font, *, top: int, lines: int) -> int:
    """Write ``text`` within the margins; returns where it ends. What has no room ends in '…'."""
    wrapped = _wrapped(text, font)
    if len(wrapped) > lines:
        wrapped = [*wrapped[: lines - 1], f"{wrapped[lines - 1]} …"]
    height = round(_height(font) * LEADING)
    for number, line in enumerate(wrapped):
        pen.text((MARGIN, top + number * height), line, font=font, fill=INK)
    return top + len(wrapped) * height


def _height(font: Font) -> float:
    return font.size if isinstance(font, ImageFont.FreeTypeFont) else BAR


def _wrapped(text: str, font: Font) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > WIDTH - 2 * MARGIN:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


@cache
def _font(size: int, weight: int) -> Font:
    media = Path(str(st.__file__)).parent / "static" / "static" / "media"
    found = sorted(media.glob("SourceSerifVariable-Roman*.woff2"))
    if not found:
        return ImageFont.load_default(size)
    font = ImageFont.truetype(found[0], size)
    font.set_variation_by_axes([weight, min(size, 60)])
    return font
