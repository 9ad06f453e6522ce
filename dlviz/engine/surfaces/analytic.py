"""Surfaces that are given by a formula: the well-known test functions, and formulas typed by a user.

Every analytic surface is one typed formula (:data:`FORMULAS`). Its LaTeX, value, gradient and Hessian
all come from that one expression, so the formula that is shown is the formula that is computed.
Surfaces made from data live in :mod:`.data_surfaces` and :mod:`.network_slice`.

Sources. Rosenbrock 1960; Himmelblau 1972; Beale 1958; Styblinski & Tang 1990; Rastrigin 1974 in the
form of Muehlenbein et al. 1991; Ackley 1987; six-hump camel: Dixon & Szegoe 1978. "Plateau and cliff"
is our own function after the picture of the loss of a recurrent unit in Pascanu, Mikolov & Bengio 2013
(figure 6) and Goodfellow, Bengio & Courville 2016 (figure 8.3).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import sympy

from dlviz.engine.surfaces.expressions import parse
from dlviz.engine.surfaces.surface import Surface
from dlviz.engine.surfaces.symbolic import (
    INERT,
    X,
    Y,
    compile_many,
    is_tensor,
    latex,
    numpy_namespace,
    to_sympy,
    torch_namespace,
)
from dlviz.engine.surfaces.table import TABLE
from dlviz.progress import Progress, silent

FORMULAS: dict[str, str] = {
    "Ravine": "x^2/4 + 16y^2",
    "Rosenbrock": "(1 - x)^2 + 100(y - x^2)^2",
    "Himmelblau": "(x^2 + y - 11)^2 + (x + y^2 - 7)^2",
    "Beale": "(1.5 - x + xy)^2 + (2.25 - x + xy^2)^2 + (2.625 - x + xy^3)^2",
    "Styblinski-Tang": "(x^4 - 16x^2 + 5x + y^4 - 16y^2 + 5y)/2",
    "Rastrigin": "20 + x^2 - 10cos(2pi x) + y^2 - 10cos(2pi y)",
    "Ackley": "20 - 20exp(-0.2sqrt((x^2 + y^2)/2)) + e - exp((cos(2pi x) + cos(2pi y))/2)",
    "Six-hump camel": "(4 - 2.1x^2 + x^4/3)x^2 + xy + (4y^2 - 4)y^2",
    "Saddle": "x^2 - y^2",
    "Monkey saddle": "x^3 - 3xy^2",
    "Plateau and cliff": "tanh(10(x - y^2/8)) + x^2/40 + y^2/20",
}


@dataclass(frozen=True, eq=False, kw_only=True)
class AnalyticSurface(Surface):
    """A surface given by one SymPy expression over the real symbols X and Y."""

    expression: sympy.Expr
    program: ClassVar[bool] = True

    @cached_property
    def second_derivatives(self) -> tuple[sympy.Expr, sympy.Expr, sympy.Expr]:
        """The symbolic Hessian: d2/dx2, d2/dxdy, d2/dy2."""
        # One derivative after the other: SymPy would factor the result of diff(X, X), which takes long.
        first, second = self.expression.diff(X), self.expression.diff(Y)
        return first.diff(X), first.diff(Y), second.diff(Y)

    @cached_property
    def derivatives(self) -> tuple[sympy.Expr, sympy.Expr]:
        """The symbolic gradient: d/dx, d/dy.

        Where u >= 0 touches 0, its gradient vanishes and that of sqrt(u) is 0/0, as at the tip of a cone.
        There the subgradient 0 is taken: 1/sqrt(u) is written 1/(sqrt(u) + |1 - sign(u)|), which is the
        same number for every u > 0.
        """
        root = INERT["sqrt"]

        def cone(part: sympy.Basic) -> bool:
            if not (part.is_Pow and isinstance(part.base, root) and part.exp.is_negative):
                return False
            u = part.base.args[0]
            return bool(u.is_nonnegative) and not u.is_positive

        def safe(part: sympy.Pow) -> sympy.Expr:
            u = part.base.args[0]
            return (root(u) + INERT["abs"](1 - INERT["sign"](u))) ** part.exp

        return tuple(self.expression.diff(symbol).replace(cone, safe) for symbol in (X, Y))

    def bind(self, namespace: Mapping[str, Callable]) -> tuple[Callable, Callable]:
        """(value, gradient) built on the functions of a namespace, see ``symbolic.compile_many``.

        ``value(x, y)`` gives f, ``gradient(x, y)`` gives [df/dx, df/dy]; constants are plain numbers.
        """
        value = compile_many([self.expression], namespace)
        return lambda x, y: value(x, y)[0], compile_many(self.derivatives, namespace)

    @cached_property
    def _compiled(self) -> dict[bool, dict[str, Callable]]:
        return {}

    def _call(self, which: str, x: Any, y: Any) -> list:
        """Evaluate with NumPy or torch and give constants the shape of the points."""
        tensor = is_tensor(x)
        compiled = self._compiled.setdefault(tensor, {})
        if which not in compiled:
            expressions: tuple[sympy.Expr, ...]
            if which == "value":
                expressions = (self.expression,)
            else:
                expressions = self.derivatives if which == "gradient" else self.second_derivatives
            compiled[which] = compile_many(expressions, torch_namespace() if tensor else numpy_namespace())
        if tensor:
            return [r if is_tensor(r) else x.new_full(x.shape, float(r)) for r in compiled[which](x, y)]
        x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        with np.errstate(all="ignore"):
            return [r if np.ndim(r) == x.ndim else np.full(x.shape, float(r)) for r in compiled[which](x, y)]

    def value(self, x: Any, y: Any, progress: Progress = silent) -> Any:
        return self._call("value", x, y)[0]

    def gradient(self, x: Any, y: Any) -> tuple[Any, Any]:
        return tuple(self._call("gradient", x, y))

    def hessian(self, x: Any, y: Any) -> tuple[Any, Any, Any]:
        return tuple(self._call("hessian", x, y))


def analytic(name: str, expression: sympy.Expr) -> AnalyticSurface:
    """The surface of an expression under the domain and start that the table gives for a name."""
    row = TABLE[name]
    return AnalyticSurface(name, latex(expression), row.domain, row.start, row.axes, expression=expression)


def quadratic(condition: float, rotation_degrees: float) -> AnalyticSurface:
    """The bowl (u^2 + condition v^2) / 2, its axes u, v turned counterclockwise against x, y.

    Its Hessian has the eigenvalues 1 and ``condition`` >= 1 everywhere; the minimum is at the origin.
    """
    if not (1 <= condition < math.inf and math.isfinite(rotation_degrees)):
        raise ValueError(f"condition must be at least 1 and both finite, got {condition} and {rotation_degrees}")
    angle = math.radians(rotation_degrees)
    c, s = round(math.cos(angle), 15), round(math.sin(angle), 15)
    return analytic("Quadratic", to_sympy(parse(f"({c}x + {s}y)^2/2 + {condition}({c}y - {s}x)^2/2")))
