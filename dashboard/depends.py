"""Which pages rest on which sources: from the questions that a page's script asks, never typed in.

A page asks by the name of a file in ``dashboard/sql``, itself or through a module of this package that
it imports; :mod:`etl.depends` says what such a question reads. What every page shows of every source,
such as a single source row or the list of changes, is no dependence.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from etl.depends import Reads, reads
from etl.tables import FACT_TABLES, VIEWS

HERE: Final = Path(__file__).parent
ASKING: Final = {"ask", "ask_filtered"}
SHARED: Final = {
    "queries",
    "filters",
    "address",
    "show",
    "charts",
    "current",
    "search",
}  # ask for no page


@cache
def titles() -> Mapping[str, tuple[str, str]]:
    """Title and address of each page by the name of its script, as the navigation declares them."""
    tree = ast.parse((HERE / "streamlit_app.py").read_text(encoding="utf-8"))
    found = {}
    for call in _calls(tree, {"Page"}):
        said = {
            one.arg: str(one.value.value)
            for one in call.keywords
            if isinstance(one.value, ast.Constant)
        }
        script = Path(str(getattr(call.args[0], "value", ""))).stem
        found[script] = (said["title"], "/" + said.get("url_path", ""))
    return found


@cache
def page_reads() -> Mapping[str, tuple[Reads, ...]]:
    """What each page's questions read of the figures, by the name of its script."""
    found = {}
    for script in sorted((HERE / "app_pages").glob("*.py")):
        asked = [
            reads((HERE / "sql" / f"{name}.sql").read_text(encoding="utf-8"))
            for name in sorted(_asked(script, set()))
        ]
        figures = [one for one in asked if one.tables & {*FACT_TABLES, *VIEWS}]
        if figures:
            found[script.stem] = tuple(figures)
    return found


def _asked(path: Path, seen: set[Path]) -> set[str]:
    """The questions that a script asks, and the modules of this package that it imports."""
    if path in seen:
        return set()
    seen.add(path)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {
        call.args[0].value
        for call in _calls(tree, ASKING)
        if call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "dashboard":
            for alias in node.names:
                module = HERE / f"{alias.name}.py"
                if alias.name not in SHARED and module.is_file():
                    names |= _asked(module, seen)
    return names


def _calls(tree: ast.AST, names: set[str]) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in names:
            yield node
