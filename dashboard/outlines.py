"""``/world.topo.json``: the outlines of the world map, as a file that a browser keeps.

A page with the map names the file instead of holding it: half a megabyte that never changes would go
through every rerun. The address carries the hash of the content, so a browser need never ask again.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from itertools import accumulate
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from etl.settings import folders

PATH: Final = "/world.topo.json"
MEDIA_TYPE: Final = "application/json"
DIGITS: Final = 16


@cache
def _content() -> bytes:
    return (folders().reference / "world.topo.json").read_bytes()


@cache
def version() -> str:
    """The first digits of the content's hash."""
    return hashlib.sha256(_content()).hexdigest()[:DIGITS]


def address() -> str:
    """Where a browser finds this very content."""
    return f"{PATH}?v={version()}"


@cache
def topology() -> dict[str, Any]:
    """The outlines as TopoJSON: one object ``countries``, whose features have ``properties.area``."""
    read: dict[str, Any] = json.loads(_content())
    return read


@cache
def middles() -> dict[str, tuple[float, float, float]]:
    """By area: longitude and latitude of the middle of its largest part, and how many degrees that spans."""
    found: dict[str, tuple[float, float, float]] = {}
    (scale_x, scale_y), (move_x, move_y) = (
        topology()["transform"][key] for key in ("scale", "translate")
    )
    for outline in topology()["objects"]["countries"]["geometries"]:
        area = outline["properties"]["area"]
        parts = outline["arcs"] if outline["type"] == "MultiPolygon" else [outline["arcs"]]
        for part in parts if area else ():
            points = [point for arc in part[0] for point in _arcs()[arc if arc >= 0 else ~arc]]
            west, east = (end(x for x, _ in points) * scale_x + move_x for end in (min, max))
            south, north = (end(y for _, y in points) * scale_y + move_y for end in (min, max))
            span = max(east - west, north - south)
            if span > found.get(area, (0, 0, 0))[2]:
                found[area] = ((west + east) / 2, (south + north) / 2, span)
    return found


@cache
def _arcs() -> list[list[tuple[int, int]]]:
    """The lines of the outlines as points on their grid; in the file each is told by its steps."""
    return [
        list(
            accumulate(
                ((x, y) for x, y in arc), lambda here, step: (here[0] + step[0], here[1] + step[1])
            )
        )
        for arc in topology()["arcs"]
    ]


def filled_in(specification: Any) -> Any:  # noqa: ANN401 - any part of a specification
    """A copy of a chart's specification that holds the outlines where it names their address."""
    if isinstance(specification, dict):
        if specification.get("url") == address():
            rest = {key: value for key, value in specification.items() if key != "url"}
            return {**rest, "values": topology()}
        return {key: filled_in(value) for key, value in specification.items()}
    if isinstance(specification, list):
        return [filled_in(part) for part in specification]
    return specification


def outlines(request: Request) -> Response:
    """The file; kept for good by whoever asked for the version that there is."""
    tag = f'"{version()}"'
    is_named = request.query_params.get("v") == version()
    headers = {
        "ETag": tag,
        "Cache-Control": "public, max-age=31536000, immutable" if is_named else "no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    if request.headers.get("If-None-Match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(_content(), headers=headers, media_type=MEDIA_TYPE)
