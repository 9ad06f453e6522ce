"""Formulas f(x, y) typed by a user: parsed by a whitelist, never evaluated as code.

The grammar is the one of a pocket calculator: numbers, ``x``, ``y``, ``pi``, ``e``, the functions of
:data:`FUNCTIONS`, ``+ - * /``, and ``^`` or ``**`` with a constant exponent. A product sign may be left
out before a name or a bracket (``2x``, ``x sin(y)``, ``(x+1)(y-1)``); it binds like ``*``, so ``1/2x``
is x/2. Python's own ``ast`` is not used because it reads neither ``^`` nor ``2x`` that way, counts
positions in bytes, and reports errors about Python rather than about the formula.

Every text gives either an :class:`Expression` or an :class:`ExpressionError` that points at a
character, in time bounded by the limits below. :func:`dlviz.engine.surfaces.symbolic.to_sympy` takes it on from
there; this module needs the standard library only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

MAX_LENGTH = 200
MAX_NODES = 120
MAX_DEPTH = 12
MAX_EXPONENT = 12
MAX_NESTED_EXPONENT = 24
"""Largest product of exponents in powers of powers, as (x^2)^12."""

FUNCTIONS: dict[str, Callable[[float], float]] = {
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "abs": abs,
}
CONSTANTS = {"pi": math.pi, "e": math.e}
ALLOWED = ", ".join(["x", "y", *CONSTANTS, *FUNCTIONS])

# The message ids of every error, so that a test can ask for all translations.
EMPTY = "type a formula in x and y"
TOO_LONG = "at most {limit} characters are allowed, this has {length}"
TOO_COMPLEX = "this formula is too long or too deeply nested"
CHARACTER = "the character {character} is not allowed"
UNKNOWN = "{name} is not known; allowed are {allowed}"
UNCLOSED = "this bracket is never closed"
UNOPENED = "this bracket was never opened"
OPERAND = "a number, x, y or a bracket is missing after this"
OPERATOR = "an operator such as + or * is missing here"
CALL = "write {name}( ... ) with brackets"
EXPONENT = "an exponent must be a constant from {least} to {greatest}"
NESTED = "powers of powers may multiply to at most {limit}"
NOT_FINITE = "this part has no finite real value"
MESSAGES = (
    EMPTY, TOO_LONG, TOO_COMPLEX, CHARACTER, UNKNOWN, UNCLOSED, UNOPENED, OPERAND, OPERATOR, CALL, EXPONENT, NESTED,
    NOT_FINITE,
)  # fmt: skip


class ExpressionError(ValueError):
    """What is wrong with a typed formula, and where.

    ``message`` is a template for translation, ``values`` fill its placeholders, ``position`` is the
    0-based index of the character it is about: less than the length of the text, or 0 if it is empty.
    """

    def __init__(self, message: str, position: int, **values: object) -> None:
        self.message, self.position, self.values = message, position, values
        super().__init__(f"{message.format(**values)} (character {position + 1})")


@dataclass(frozen=True, slots=True)
class Node:
    """One node of the tree: ``kind`` is "number", "x", "y", "neg", an operator or a function name.

    ``height`` is the largest product of exponents on a path down to a leaf.
    """

    kind: str
    args: tuple[Node, ...] = ()
    value: float = math.nan
    height: float = 1.0


@dataclass(frozen=True)
class Expression:
    """A formula that passed: the text as typed, and its tree with constant parts folded to floats."""

    text: str
    tree: Node


@dataclass(frozen=True, slots=True)
class Token:
    kind: str  # "number", "name", an operator, a bracket, or "end"
    text: str
    position: int


TOKEN = re.compile(
    r"(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<sign>\*\*|[-+*/^()])|(?P<space>\s+)"
)
# What phones, word processors and Chinese keyboards put where ASCII is meant; one character for one.
LOOKALIKES = str.maketrans("−–×·⋅∗÷（）＋－＊／＾　", "--****/()+-*/^ ")


def _tokens(text: str) -> list[Token]:
    """The text cut into tokens; ``xy`` is cut into ``x`` and ``y``."""
    plain = text.translate(LOOKALIKES)
    found: list[Token] = []
    position = 0
    while position < len(plain):
        match = TOKEN.match(plain, position)
        if match is None:
            raise ExpressionError(CHARACTER, position, character=text[position])
        word, kind = match.group(), match.lastgroup
        if kind == "name" and set(word.lower()) <= {"x", "y"}:
            found += [Token("name", letter.lower(), position + i) for i, letter in enumerate(word)]
        elif kind == "name":
            found.append(Token("name", {"ln": "log"}.get(word.lower(), word.lower()), position))
        elif kind == "number":
            found.append(Token("number", word, position))
        elif kind == "sign":
            word = "^" if word == "**" else word
            found.append(Token(word, word, position))
        position = match.end()
    found.append(Token("end", "", found[-1].position if found else 0))
    return found


def fold(kind: str, numbers: list[float]) -> float:
    """The value of an operation on constants; NaN where it has no finite real one."""
    try:
        match kind:
            case "+" | "-":
                value = numbers[0] + numbers[1] if kind == "+" else numbers[0] - numbers[1]
            case "*" | "/":
                value = numbers[0] * numbers[1] if kind == "*" else numbers[0] / numbers[1]
            case "^":
                value = math.pow(*numbers)
            case "neg":
                value = -numbers[0]
            case _:
                value = FUNCTIONS[kind](numbers[0])
    except (ArithmeticError, ValueError):
        return math.nan
    return value if math.isfinite(value) else math.nan


class _Parser:
    """Recursive descent; one method a level of precedence. Its depth is bounded by :data:`MAX_DEPTH`."""

    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.index = self.nodes = self.depth = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.index]

    def take(self) -> Token:
        self.index += 1
        return self.tokens[self.index - 1]

    def node(self, kind: str, at: int, *args: Node) -> Node:
        """A new inner node, folded to a number if all its parts are numbers."""
        if all(arg.kind == "number" for arg in args):
            value = fold(kind, [arg.value for arg in args])
            if math.isnan(value):
                raise ExpressionError(NOT_FINITE, at)
            return Node("number", value=value)
        if kind == "/" and args[1].kind == "number" and args[1].value == 0:
            raise ExpressionError(NOT_FINITE, at)
        self.count(at)
        return Node(kind, args, height=max(arg.height for arg in args))

    def count(self, at: int) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise ExpressionError(TOO_COMPLEX, at)

    def parse(self) -> Node:
        tree = self.sum()
        if self.next.kind == ")":
            raise ExpressionError(UNOPENED, self.next.position)
        if self.next.kind != "end":
            raise ExpressionError(OPERATOR, self.next.position)
        return tree

    def sum(self) -> Node:
        left = self.product()
        while self.next.kind in ("+", "-"):
            sign = self.take()
            left = self.node(sign.kind, sign.position, left, self.product())
        return left

    def product(self) -> Node:
        left = self.signed()
        while self.next.kind in ("*", "/", "name", "("):
            sign = self.take() if self.next.kind in ("*", "/") else Token("*", "", self.next.position)
            left = self.node(sign.kind, sign.position, left, self.signed())
        return left

    def signed(self) -> Node:
        """Signs bind weaker than powers: -x^2 is -(x^2)."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(TOO_COMPLEX, self.next.position)
        if self.next.kind in ("+", "-"):
            sign = self.take()
            inner = self.signed()
            result = self.node("neg", sign.position, inner) if sign.kind == "-" else inner
        else:
            result = self.power()
        self.depth -= 1
        return result

    def power(self) -> Node:
        base = self.atom()
        if self.next.kind != "^":
            return base
        at = self.take().position
        place = self.next.position
        exponent = self.signed()
        if base.kind == "number" and exponent.kind != "number":
            # c^u with a constant c: e^(u log c), which folds to exp(u) for c = e.
            if not base.value > 0:
                raise ExpressionError(NOT_FINITE, at)
            factor = Node("number", value=math.log(base.value))
            return self.node("exp", at, exponent if factor.value == 1 else self.node("*", at, factor, exponent))
        if base.kind == "number":
            return self.node("^", at, base, exponent)
        if exponent.kind != "number" or abs(exponent.value) > MAX_EXPONENT:
            raise ExpressionError(EXPONENT, place, least=-MAX_EXPONENT, greatest=MAX_EXPONENT)
        height = base.height * max(1.0, abs(exponent.value))
        if height > MAX_NESTED_EXPONENT:
            raise ExpressionError(NESTED, place, limit=MAX_NESTED_EXPONENT)
        return Node("^", self.node("^", at, base, exponent).args, height=height)

    def atom(self) -> Node:
        before = self.tokens[max(self.index - 1, 0)].position
        token = self.take()
        if token.kind == "number":
            value = float(token.text)
            if not math.isfinite(value):
                raise ExpressionError(NOT_FINITE, token.position)
            return Node("number", value=value)
        if token.kind == "(":
            return self.bracket(token)
        if token.kind == "name" and token.text in ("x", "y"):
            self.count(token.position)
            return Node(token.text)
        if token.kind == "name" and token.text in CONSTANTS:
            return Node("number", value=CONSTANTS[token.text])
        if token.kind == "name" and token.text in FUNCTIONS:
            if self.next.kind != "(":
                raise ExpressionError(CALL, token.position, name=token.text)
            return self.node(token.text, token.position, self.bracket(self.take()))
        if token.kind == "name":
            raise ExpressionError(UNKNOWN, token.position, name=token.text[:20], allowed=ALLOWED)
        raise ExpressionError(OPERAND, before)

    def bracket(self, opening: Token) -> Node:
        inner = self.sum()
        if self.next.kind == "end":
            raise ExpressionError(UNCLOSED, opening.position)
        if self.next.kind != ")":
            raise ExpressionError(OPERATOR, self.next.position)
        self.take()
        return inner


def parse(text: str) -> Expression:
    """The expression that a text means.

    Raises :class:`ExpressionError` for everything outside the grammar or the limits: at most
    ``MAX_LENGTH`` characters, ``MAX_NODES`` nodes, ``MAX_DEPTH`` nested brackets and signs, constant
    exponents of at most ``MAX_EXPONENT`` in size, constants that are finite real numbers.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(TOO_LONG, MAX_LENGTH, limit=MAX_LENGTH, length=len(text))
    if not text.strip():
        raise ExpressionError(EMPTY, 0)
    return Expression(text, _Parser(text).parse())
