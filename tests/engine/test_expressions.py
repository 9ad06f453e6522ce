"""Typed formulas: each text is a surface or an error that points at a character, and quickly."""

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlviz.engine.surfaces import expressions
from dlviz.engine.surfaces.analytic import FORMULAS
from dlviz.engine.surfaces.expressions import MAX_LENGTH, ExpressionError, parse
from dlviz.engine.surfaces.named import surface
from dlviz.engine.surfaces.symbolic import to_sympy
from dlviz.engine.surfaces.table import CUSTOM_EXPRESSION

X = np.array([0.3, 1.7, -0.6])
Y = np.array([0.9, -1.1, 0.4])


def value(text):
    return surface("Custom", expression=text).value(X, Y)


def error(text):
    with pytest.raises(ExpressionError) as caught:
        to_sympy(parse(text))
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x^2 + y**2", X**2 + Y**2),
        ("2x y", 2 * X * Y),
        ("xy", X * Y),
        ("xyx", X * Y * X),
        ("2(x + 1)(y - 1)", 2 * (X + 1) * (Y - 1)),
        ("x sin(y)", X * np.sin(Y)),
        ("sin(x)cos(y)", np.sin(X) * np.cos(Y)),
        ("-x^2", -(X**2)),
        ("2^-x^2", 2 ** -(X**2)),
        ("e^(-x^2 - y^2)", np.exp(-(X**2) - Y**2)),
        ("1/2x", X / 2),
        ("x - y - 1", X - Y - 1),
        ("x/y/2", X / Y / 2),
        ("2^3^2 x", 512 * X),
        ("+x --y", X + Y),
        ("2e3x", 2000 * X),
        ("2e x", 2 * math.e * X),
        (".5x + 1.", 0.5 * X + 1),
        ("sin(2pi x)", np.sin(2 * np.pi * X)),
        ("ln(x^2)", np.log(X**2)),
        ("SQRT(X^2)", np.abs(X)),
        ("abs(x)^1.5", np.abs(X) ** 1.5),
        ("abs(y)^0.3", np.abs(Y) ** 0.3),
        ("sinh(x) + cosh(y) + tanh(x) + tan(y)", np.sinh(X) + np.cosh(Y) + np.tanh(X) + np.tan(Y)),
        ("x × y − 3 ÷ y", X * Y - 3 / Y),
        ("（x ＋ 1）＊y", (X + 1) * Y),
        ("x^-2", X**-2.0),
        ("7", np.full(3, 7.0)),
        ("0x", np.zeros(3)),
        ("123456.789x", 123456.789 * X),
        ("0.1234567890123456x", 0.1234567890123456 * X),
    ],
)
def test_a_formula_means_what_it_says(text, expected):
    np.testing.assert_allclose(value(text), expected, rtol=1e-14, atol=1e-15)


def test_functions_are_real_where_defined_and_nan_elsewhere():
    np.testing.assert_array_equal(np.isnan(value("sqrt(x)")), X < 0)
    np.testing.assert_array_equal(np.isnan(value("log(y)")), Y < 0)
    np.testing.assert_array_equal(np.isnan(value("x^0.5")), X < 0)
    assert np.isnan(value("sqrt(-x^2 - 1)")).all()


def test_typed_text_of_the_named_surfaces_is_within_the_limits():
    for text in (*FORMULAS.values(), CUSTOM_EXPRESSION):
        assert parse(text).text == text


@pytest.mark.parametrize(
    ("text", "message", "position"),
    [
        ("", expressions.EMPTY, 0),
        ("   ", expressions.EMPTY, 0),
        ("x +", expressions.OPERAND, 2),
        ("x + * y", expressions.OPERAND, 2),
        ("x $ y", expressions.CHARACTER, 2),
        ("<script>alert(1)</script>", expressions.CHARACTER, 0),
        ("x; import os", expressions.CHARACTER, 1),
        ("x.__class__", expressions.CHARACTER, 1),
        ("__import__('os')", expressions.CHARACTER, 11),
        ("exec(x)", expressions.UNKNOWN, 0),
        ("x + z", expressions.UNKNOWN, 4),
        ("x + foo(y)", expressions.UNKNOWN, 4),
        ("nan", expressions.UNKNOWN, 0),
        ("x + inf", expressions.UNKNOWN, 4),
        ("(x + (y)", expressions.UNCLOSED, 0),
        ("sin(x", expressions.UNCLOSED, 3),
        ("x + y)", expressions.UNOPENED, 5),
        ("2 3", expressions.OPERATOR, 2),
        ("(x 2)", expressions.OPERATOR, 3),
        ("sin x", expressions.CALL, 0),
        ("sin", expressions.CALL, 0),
        ("sin()", expressions.OPERAND, 3),
        ("x^y", expressions.EXPONENT, 2),
        ("x^13", expressions.EXPONENT, 2),
        ("x^-12.5", expressions.EXPONENT, 2),
        ("(x^12)^12", expressions.NESTED, 7),
        ("x + 1e309", expressions.NOT_FINITE, 4),
        ("9^9^9", expressions.NOT_FINITE, 1),
        ("x + 9**9**9", expressions.NOT_FINITE, 5),
        ("x/0", expressions.NOT_FINITE, 1),
        ("x + log(-1)", expressions.NOT_FINITE, 4),
        ("(-2)^x", expressions.NOT_FINITE, 4),
        ("0^-1", expressions.NOT_FINITE, 1),
        ("exp(1000)x", expressions.NOT_FINITE, 0),
        ("1/(x - x)", expressions.NOT_FINITE, 0),
        ("1e308x*1e308", expressions.NOT_FINITE, 0),
        ("(" * 90 + "x" + ")" * 90, expressions.TOO_COMPLEX, 12),
        ("-" * 199 + "x", expressions.TOO_COMPLEX, 12),
        ("x" * 200, expressions.TOO_COMPLEX, None),
        ("x" * 201, expressions.TOO_LONG, MAX_LENGTH),
        ("9" * 100_000, expressions.TOO_LONG, MAX_LENGTH),
        ("(" * 100_000, expressions.TOO_LONG, MAX_LENGTH),
    ],
)
def test_errors_say_what_is_wrong_and_where(text, message, position):
    caught = error(text)
    assert caught.message == message
    assert message in expressions.MESSAGES
    if position is not None:
        assert caught.position == position
    assert "{" not in str(caught)


def answer(text):
    """Build the whole surface, or check the error; in either case it must not take long to compute."""
    begin = time.process_time()
    try:
        s = surface("Custom", expression=text)
        results = [s.value(X, Y), *s.gradient(X, Y), *s.hessian(X, Y)]
        assert all(r.shape == (3,) and r.dtype == float for r in results)
        assert isinstance(s.formula, str) and s.formula
    except ExpressionError as caught:
        assert 0 <= caught.position < max(len(text), 1)
        assert caught.message in expressions.MESSAGES
        assert str(caught)
    assert time.process_time() - begin < 5.0


@settings(max_examples=300)
@given(st.text(max_size=250))
def test_any_text(text):
    answer(text)


@settings(max_examples=300)
@given(st.text(alphabet="xye0123456789.+-*/^() sincotaplgqrbh", max_size=60))
def test_text_from_the_right_characters(text):
    answer(text)


@settings(max_examples=20)
@given(st.text(min_size=1, max_size=20), st.integers(1, 100_000))
def test_very_long_text(text, length):
    answer((text * length)[:length])


TOKENS = ["x", "y", "pi", "e", "2", "0.5", "3", "1e308", "1e-308", "12", "+", "-", "*", "/", "^", "(", ")"]
TOKENS += ["<script>", "nan", "inf", "1e309", "z", *(f"{name}(" for name in expressions.FUNCTIONS)]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(TOKENS), max_size=30))
def test_sequences_of_tokens(tokens):
    answer(" ".join(tokens))


def trees():
    """Texts that follow the grammar, deep and wide enough to meet every limit."""
    leaves = st.sampled_from(["x", "y", "pi", "2", "0.1", "1e300", "7"])

    def extend(inner):
        binary = st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]}{t[1]}{t[2]})")
        exponents = st.sampled_from(["2", "3", "-1", "0.5", "12", "-2.5"])
        power = st.tuples(inner, exponents).map(lambda t: f"({t[0]})^{t[1]}")
        call = st.tuples(st.sampled_from(sorted(expressions.FUNCTIONS)), inner).map(lambda t: f"{t[0]}({t[1]})")
        return binary | power | call

    return st.recursive(leaves, extend, max_leaves=12)


@settings(max_examples=200)
@given(trees())
def test_grammatical_formulas(text):
    answer(text)


@pytest.mark.parametrize(
    "text",
    [
        "tan(" * 11 + "x" + ")" * 11,
        "sqrt(" * 11 + "x*y" + ")" * 11,
        "exp(12log(" * 5 + "2x" + "))" * 5,
        "(x+1/y)^12*(y+1/x)^12*(x+2/y)^12*(y+2/x)^12*(x+3/y)^12",
        "((9000x)^12)^2*((9000y)^12)^2*((9000x)^12)^2*((9000y)^12)^2",
        "+".join(["sin(x y)^2"] * 15),
        "tan(tan(x)/tan(y))/tan(tan(y)/tan(x))*tan(tan(x)/tan(y))/tan(tan(y)/tan(x))",
    ],
)
def test_the_slowest_known_formulas_stay_quick(text):
    answer(text)


@settings(max_examples=60)
@given(trees())
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # inf - inf, where the formula overflows
def test_gradient_of_a_formula_is_its_central_difference(text):
    try:
        s = surface("Custom", expression=text)
    except ExpressionError:
        return
    h = 1e-5
    x, y = X[:1] + 0.01234, Y[:1] + 0.04321  # away from the kinks of abs at round numbers
    differences = (
        (s.value(x + h, y) - s.value(x - h, y)) / (2 * h),
        (s.value(x, y + h) - s.value(x, y - h)) / (2 * h),
    )
    coarse = (
        (s.value(x + 2 * h, y) - s.value(x - 2 * h, y)) / (4 * h),
        (s.value(x, y + 2 * h) - s.value(x, y - 2 * h)) / (4 * h),
    )
    size = 1 + float(np.abs(s.value(x, y))[0])
    for exact, fine, rough in zip(s.gradient(x, y), differences, coarse, strict=True):
        # Where two step sizes disagree, the function bends too much for a difference to tell anything.
        if np.isfinite(fine) and np.isfinite(rough) and abs(fine - rough)[0] < 1e-6 * size:
            assert abs(exact - fine)[0] < 1e-4 * (size + abs(fine[0]))


def test_minima_of_typed_formulas():
    def minima(text):
        return surface("Custom", expression=text).minima

    np.testing.assert_allclose(minima("(x - 1)^2 + 3(y + 0.5)^2"), [[1, -0.5]], atol=1e-12)
    np.testing.assert_allclose(minima("sqrt((x-1)^2 + y^2)"), [[1, 0]], atol=1e-10)
    np.testing.assert_allclose(minima("abs(x) + abs(y - 0.3)"), [[0, 0.3]], atol=1e-10)
    np.testing.assert_allclose(minima("(x^2 - 1)^2 + y^2"), [[-1, 0], [1, 0]], atol=1e-12)
    lines_and_none = ["x^2", "x y", "(x^2 + y^2 - 4)^2", "sin(x y)^2", "abs(x)", "3", "x + y", "sqrt(-x^2 - 1)"]
    for text in lines_and_none:
        assert minima(text).shape == (0, 2), text


def test_formula_is_latex_of_what_was_typed():
    assert surface("Custom", expression="x^2/10 + sin(2 pi x)").formula == (
        r"\frac{x^{2}}{10} + \sin{\left(2 \pi x \right)}"
    )
    assert surface("Custom", expression="0.25exp(-x) + sqrt(y)").formula == r"0.25 e^{- x} + \sqrt{y}"
