"""SymPy as the one source of an analytic surface: its formula, value, gradient and Hessian.

An expression over :data:`X` and :data:`Y` is printed with :func:`latex` and compiled with
:func:`compile_many` into Python source that uses only ``+ - * / **`` and the functions of
:data:`FUNCTIONS`, taken from a namespace that the caller gives. The same source therefore runs on
NumPy arrays, torch tensors, and whatever else brings these names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import sympy
from sympy.codegen.rewriting import create_expand_pow_optimization
from sympy.printing.latex import LatexPrinter
from sympy.printing.pycode import PythonCodePrinter

from dlviz.engine.surfaces.expressions import NOT_FINITE, Expression, ExpressionError, Node, fold

X, Y = sympy.symbols("x y", real=True)

FUNCTIONS = ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sqrt", "abs", "sign")
"""What a namespace for :func:`compile_many` must have, as elementwise functions of one argument."""


def _inert(name: str, derivative: Callable[[Any], sympy.Expr]) -> type[sympy.Function]:
    """A real function that SymPy differentiates and otherwise leaves as it stands."""

    def fdiff(self: sympy.Function, argindex: int = 1) -> sympy.Expr:
        return derivative(self.args[0])

    return type(name, (sympy.Function,), {"fdiff": fdiff, "is_real": True, "nargs": 1})


# SymPy's own functions rewrite: sqrt(-x^2) becomes complex, exp(12 log x) becomes a power that is then
# multiplied out, and the second derivative of abs is a DiracDelta. For typed formulas none is wanted:
# functions are real where defined, and the derivative of sign is 0 everywhere.
INERT: dict[str, type[sympy.Function]] = {}
INERT |= {
    "exp": _inert("exp", lambda u: INERT["exp"](u)),
    "log": _inert("log", lambda u: 1 / u),
    "sin": _inert("sin", lambda u: INERT["cos"](u)),
    "cos": _inert("cos", lambda u: -INERT["sin"](u)),
    "tan": _inert("tan", lambda u: 1 + INERT["tan"](u) ** 2),
    "sinh": _inert("sinh", lambda u: INERT["cosh"](u)),
    "cosh": _inert("cosh", lambda u: INERT["sinh"](u)),
    "tanh": _inert("tanh", lambda u: 1 - INERT["tanh"](u) ** 2),
    "sqrt": _inert("sqrt", lambda u: 1 / (2 * INERT["sqrt"](u))),
    "abs": _inert("abs", lambda u: INERT["sign"](u)),
    "sign": _inert("sign", lambda _u: sympy.S.Zero),
}


def _number(value: float) -> sympy.Expr:
    """A constant as an integer, a short decimal, a fraction, a fraction of pi; else as a float."""
    if value == math.e:
        return sympy.E
    if value != int(value) and float(f"{value:.4g}") == value:
        return sympy.Float(value)
    for unit, unit_value, most in ((sympy.S.One, 1.0, 10_000), (sympy.pi, math.pi, 100)):
        ratio = value / unit_value
        if abs(ratio) <= most:
            near = Fraction(ratio).limit_denominator(100)
            if float(near) * unit_value == value:
                return sympy.Rational(near.numerator, near.denominator) * unit
    return sympy.Float(value)


def to_sympy(expression: Expression) -> sympy.Expr:
    """The expression over the real symbols x and y.

    Functions become the inert ones above, which SymPy can differentiate but never rewrites:
    sqrt(-x^2) stays undefined on the reals instead of turning complex, and no power is multiplied out.
    Raises :class:`ExpressionError` where a part is nowhere finite, as 1/(x - x).
    """

    def convert(node: Node) -> sympy.Expr:
        if node.kind == "number":
            return _number(node.value)
        if node.kind in ("x", "y"):
            return X if node.kind == "x" else Y
        result = _combine(node.kind, [convert(arg) for arg in node.args])
        overflown = any(not math.isfinite(float(number)) for number in result.atoms(sympy.Float))
        if overflown or result.has(sympy.nan, sympy.oo, sympy.zoo):
            raise ExpressionError(NOT_FINITE, 0)
        return result

    return convert(expression.tree)


def _combine(kind: str, args: list[sympy.Expr]) -> sympy.Expr:
    """One operation or function on converted parts; NaN for a constant without a finite real value."""
    match kind:
        case "+":
            return args[0] + args[1]
        case "-":
            return args[0] - args[1]
        case "*":
            return args[0] * args[1]
        case "/":
            return args[0] / args[1]
        case "neg":
            return -args[0]
        case "^" if args[1].is_Integer:
            return args[0] ** args[1]
    if args[0].is_number:  # as in sin(x - x), which parsing could not fold
        value = fold(kind, [float(arg) for arg in args])
        return sympy.nan if math.isnan(value) else _number(value)
    if kind != "^":
        return INERT[kind](args[0])
    if float(2 * args[1]).is_integer():
        return INERT["sqrt"](args[0]) ** int(2 * args[1])
    return INERT["exp"](args[1] * INERT["log"](args[0]))


class _Latex(LatexPrinter):
    """Short numbers, and the usual notation for the inert functions."""

    def _print_Float(self, number: sympy.Float) -> str:
        mantissa, _, exponent = f"{float(number):.4g}".partition("e")
        return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa

    def _print_exp(self, call: sympy.Expr, exp: Any = None) -> str:
        text = f"e^{{{self._print(call.args[0])}}}"
        return text if exp is None else rf"\left({text}\right)^{{{exp}}}"

    def _print_sqrt(self, call: sympy.Expr, exp: Any = None) -> str:
        text = rf"\sqrt{{{self._print(call.args[0])}}}"
        return text if exp is None else rf"{{{text}}}^{{{exp}}}"

    def _print_abs(self, call: sympy.Expr, exp: Any = None) -> str:
        text = rf"\left|{{{self._print(call.args[0])}}}\right|"
        return text if exp is None else f"{text}^{{{exp}}}"


def latex(expression: sympy.Expr) -> str:
    """LaTeX of an expression; floats to four significant digits."""
    return _Latex().doprint(expression)


class _Code(PythonCodePrinter):
    """Python source with the names of :data:`FUNCTIONS` as they stand, and floats that read back equal."""

    def __init__(self) -> None:
        functions = {name: name for name in (*FUNCTIONS, "Abs")} | {"Abs": "abs"}
        super().__init__({"fully_qualified_modules": False, "inline": True, "user_functions": functions})

    def _print_Float(self, number: sympy.Float) -> str:
        value = float(number)
        return repr(value) if np.isfinite(value) else "1e999" if value > 0 else "(-1e999)"

    def _print_NaN(self, _number: sympy.Expr) -> str:
        return "(1e999 - 1e999)"

    _print_ComplexInfinity = _print_NaN

    def _print_Infinity(self, _number: sympy.Expr) -> str:
        return "1e999"

    def _print_NegativeInfinity(self, _number: sympy.Expr) -> str:
        return "(-1e999)"

    def _print_sign(self, call: sympy.Expr) -> str:
        return f"sign({self._print(call.args[0])})"

    def _print_Pow(self, power: sympy.Pow, rational: bool = False) -> str:
        if power.exp == -1:
            return f"(1/({self._print(power.base)}))"
        return super()._print_Pow(power, rational)


def _machine(expression: sympy.Expr) -> sympy.Expr:
    """Constants as the machine will hold them: no symbols such as pi, no integer beyond float's reach."""

    def inexact(part: sympy.Basic) -> bool:
        if part.is_Rational:
            return max(abs(part.p), part.q) > 2**53
        return part.is_number and not part.is_Float

    # Largest parts first, so that sqrt(2)*pi becomes one number.
    return expression.replace(inexact, lambda part: part.evalf(20))


# x**3 as x*x*x: several times faster in NumPy and torch than a general power, and rounded alike everywhere.
_expand_powers = create_expand_pow_optimization(12)


def _share(expressions: Sequence[sympy.Expr]) -> tuple[list, list]:
    """Common subexpressions once, then powers as products (SymPy would collect them again before)."""
    shared, rest = sympy.cse(expressions, list=False)
    rest = rest if isinstance(rest, list | tuple) else [rest]
    return [(symbol, _expand_powers(part)) for symbol, part in shared], [_expand_powers(part) for part in rest]


def compile_many(expressions: Sequence[sympy.Expr], namespace: Mapping[str, Callable]) -> Callable[..., list]:
    """A function (x, y) -> list with one value an expression, built on the functions of a namespace.

    ``namespace`` maps each name of :data:`FUNCTIONS` to an elementwise function. A constant expression
    comes back as a plain number.
    """
    missing = [name for name in FUNCTIONS if name not in namespace]
    if missing:
        raise KeyError(f"the namespace lacks {', '.join(missing)}; it needs {', '.join(FUNCTIONS)}")
    machine = tuple(_machine(expression) for expression in expressions)
    return sympy.lambdify((X, Y), machine, modules=[dict(namespace)], printer=_Code, cse=_share)


def numpy_namespace() -> dict[str, Callable]:
    """The functions of :data:`FUNCTIONS` on NumPy arrays."""
    return {name: getattr(np, name) for name in FUNCTIONS}


@cache
def torch_namespace() -> dict[str, Callable]:
    """The functions of :data:`FUNCTIONS` on torch tensors."""
    import torch

    return {name: getattr(torch, name) for name in FUNCTIONS}


def is_tensor(value: object) -> bool:
    """Whether a value is a torch tensor, without importing torch for the question."""
    return type(value).__module__.partition(".")[0] == "torch"
