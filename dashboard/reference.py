"""``/api/v1/docs``: the OpenAPI document as a page that loads nothing else, with or without scripts.

The page is written by the server from the very document that programs read. It folds: a path opens to
its parameters and answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(document: Mapping[str, Any]) -> str:
    """The page of an OpenAPI document."""
    return _TEMPLATES.get_template("reference.html").render(
        info=document["info"],
        server=document["servers"][0]["url"],
        groups=_groups(document),
        schemas=document["components"]["schemas"],
        kind=kind,
    )


def _groups(document: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The paths under headings: what there is, then rows, then counts."""
    groups: dict[str, list[dict[str, Any]]] = {"": [], "rows": [], "counts": []}
    for path, operation in _operations(document):
        tag = next(iter(operation.get("tags", [])), "")
        groups[tag].append({"path": path, **operation})
    return groups


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, {"parameters": [], "description": "", **operation}


def kind(schema: Mapping[str, Any]) -> str:
    """A schema in a few words: 'integer', 'text', 'one of DoD, State', 'several of integer'."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if schema.get("enum"):
        return f"one of {', '.join(map(str, schema['enum']))}"
    named = schema.get("type", "any")
    if named == "array":
        return kind(schema["items"])
    words = [one for one in ([named] if isinstance(named, str) else named) if one != "null"]
    text = " or ".join({"string": "text", "boolean": "yes or no"}.get(one, one) for one in words)
    return f"{text}, may be missing" if "null" in named and not isinstance(named, str) else text
