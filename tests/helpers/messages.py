"""Collects every message id of the project: from the sources, and from what concepts define at run time."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from runs import run

from dlviz import catalog
from dlviz.contract import SWITCHED_OFF
from dlviz.drawing.export import files
from dlviz.engine.surfaces import expressions

PACKAGE = Path(__file__).parents[2] / "dlviz"
SOURCES = [PACKAGE.parent / "app.py", *PACKAGE.rglob("*.py"), *(PACKAGE.parent / "pages").glob("*.py")]

# Which arguments of which calls are message ids: positions and keywords. A position counts from 0;
# `tr` and `translate` are told apart by where they stand, see `_positions`.
CALLS: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {
    "translate": ((0,), ()),
    "knob": ((1,), ("label", "group", "help")),
    "Knob": ((0, 1, 2), ("label", "group", "help")),
    "Readout": ((0, 3), ("label", "help")),
}


def collected() -> set[str]:
    """Every message id."""
    found = {message for path in SOURCES for message in in_source(path)}
    found |= (
        {SWITCHED_OFF} | set(catalog.SYLLABUS) | set(expressions.MESSAGES) | set(files.MESSAGES) | set(files.HEADERS)
    )
    for concept in catalog.concepts().values():
        for preset in concept.experiment.PRESETS:
            # Labels that are put together; the short run has the same.
            result = run(concept.stem, preset.settings.coarse())
            for readout in concept.experiment.readouts(result):
                found |= {text for text in (readout.label, readout.help) if text}
        settings = concept.experiment.Settings
        for name, knob in settings.knobs().items():
            found |= {text for text in (knob.label, knob.group, knob.help) if text}
            found |= set(settings.options(name)) if knob.words else set()
            # Symbols are the same in every language.
            found |= {knob.said} if re.search("[A-Za-z]{2}", knob.said or "") else set()
        found |= {figure.label for figure in concept.figures.FIGURES.values()}
        found |= {panel.empty.reason for panel in settings.PANELS if panel.empty is not None}
        found |= {panel.nothing for panel in settings.PANELS}
    return found


def in_source(path: Path) -> Iterator[str]:
    """The message ids that are written in a file, as literals or as names of literals."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    named.setdefault(target.id, set()).update(_literals(node.value, {}))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        positions, keywords = _positions(name, path)
        arguments = [node.args[i] for i in positions if i < len(node.args)]
        arguments += [item.value for item in node.keywords if item.arg in keywords]
        for argument in arguments:
            yield from _literals(argument, named)


def _positions(name: str, path: Path) -> tuple[tuple[int, ...], tuple[str, ...]]:
    if name == "tr":  # tr(message) in the app, tr(look, message) where figures are drawn
        app = {"ui", "pages", "app.py"} & set(path.relative_to(PACKAGE.parent).parts)
        return ((0,) if app else (1,)), ()
    return CALLS.get(name, ((), ()))


def _literals(node: ast.expr, named: dict[str, set[str]]) -> set[str]:
    if isinstance(node, ast.Constant):
        return {node.value} if isinstance(node.value, str) and node.value else set()
    if isinstance(node, ast.IfExp):
        return _literals(node.body, named) | _literals(node.orelse, named)
    if isinstance(node, ast.BoolOp):
        return set().union(*(_literals(value, named) for value in node.values))
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Tuple):
        return set().union(*(_literals(value, named) for value in node.value.elts))
    return named.get(node.id, set()) if isinstance(node, ast.Name) else set()
