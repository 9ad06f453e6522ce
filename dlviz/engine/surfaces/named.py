"""Every loss surface by its name: test functions, typed formulas, and losses on real data."""

from __future__ import annotations

from functools import lru_cache

from dlviz.engine.surfaces.analytic import FORMULAS, analytic, quadratic
from dlviz.engine.surfaces.expressions import parse
from dlviz.engine.surfaces.surface import Surface
from dlviz.engine.surfaces.symbolic import to_sympy
from dlviz.engine.surfaces.table import CUSTOM_EXPRESSION, NAMES


@lru_cache(maxsize=64)
def surface(
    name: str,
    *,
    condition: float = 10.0,
    rotation: float = 0.0,
    expression: str = CUSTOM_EXPRESSION,
    seed: int = 0,
) -> Surface:
    """The surface of a name in ``table.NAMES``; equal arguments give the same object (of the last 64).

    ``condition`` and ``rotation`` (degrees) belong to "Quadratic", ``expression`` to "Custom", ``seed``
    (initial weights and directions) to "Digits network". Raises ``KeyError`` for an unknown name and
    ``ExpressionError`` for a formula that cannot be read.
    """
    if name == "Quadratic":
        return quadratic(condition, rotation)
    if name == "Custom":
        return analytic(name, to_sympy(parse(expression)))
    if name in FORMULAS:
        return analytic(name, to_sympy(parse(FORMULAS[name])))
    if name in ("Diabetes raw", "Diabetes standardised", "Breast cancer"):
        from dlviz.engine.surfaces import data_surfaces

        return data_surfaces.build(name)
    if name == "Digits network":
        from dlviz.engine.surfaces import network_slice

        return network_slice.build(seed)
    raise KeyError(f"unknown surface {name!r}; allowed: {', '.join(NAMES)}")
