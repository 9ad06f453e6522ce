"""Surface gradient and update rule as one short register program, found by tracing.

A surface's value and gradient (``bind``) and a rule's ``update`` are ordinary Python functions of
arithmetic. Calling them once with :class:`Value` objects in place of numbers records what they compute;
equal subexpressions are recorded once. The record becomes a list of operations on numbered rows, one
column a run, that :mod:`dlviz.engine.descent.interpreter` interprets in machine code. Each operation rounds as IEEE
float64 does and none is reordered, so a program gives what NumPy gives for the same functions.

A program does not depend on the hyperparameters' values, so there is one for each surface and rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.engine.optimizers import Rule

if TYPE_CHECKING:
    from dlviz.engine.surfaces.surface import Surface

ARITHMETIC: dict[str, Callable] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
    "neg": np.negative,
}
FUNCTIONS = ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sqrt", "abs", "sign")

OPERATIONS = (
    "add", "sub", "mul", "div", "muladd", "neg", "sqrt", "abs", "sign", "move", "pow",
    "exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh",
)  # fmt: skip
"""Operations by opcode. ``muladd`` is a·b + c, rounded twice; ``move`` copies."""

X_ROW, Y_ROW, NOISE_X_ROW, NOISE_Y_ROW = range(4)
"""Rows that every program has: the coordinates, and the noise added to the gradient."""

GREATEST_POWER = 64
"""Whole powers up to this one become products."""


@dataclass
class Graph:
    """The operations recorded so far: ``nodes[i]`` is (operation, indices of operands), equal ones shared."""

    nodes: list[tuple] = field(default_factory=list)
    index: dict[tuple, int] = field(default_factory=dict)

    def add(self, operation: str, *args: Any) -> Value:
        """The value of an operation on values or numbers, computed now if all of them are constants."""
        values = [arg if isinstance(arg, Value) else self.constant(arg) for arg in args]
        if all(value.constant is not None for value in values):
            with np.errstate(all="ignore"):
                function = ARITHMETIC.get(operation) or getattr(np, operation)
                return self.constant(function(*(value.constant for value in values)))
        places = [value.place for value in values]
        return self.node(operation, *(sorted(places) if operation in ("add", "mul") else places))

    def node(self, *key: Any) -> Value:
        if key not in self.index:
            self.index[key] = len(self.nodes)
            self.nodes.append(key)
        return Value(self, self.index[key])

    def constant(self, number: Any) -> Value:
        """A constant; told apart by its bits, because -0.0 == 0.0 and NaN != NaN."""
        return self.node("constant", float(number).hex())

    def input(self, name: str) -> Value:
        return self.node("input", name)


@dataclass(frozen=True, eq=False)
class Value:
    """A number of a graph that is not known yet. Arithmetic on it is recorded."""

    graph: Graph
    place: int

    @property
    def constant(self) -> float | None:
        operation, *args = self.graph.nodes[self.place]
        return float.fromhex(args[0]) if operation == "constant" else None

    def __add__(self, other: Any) -> Value:
        return self.graph.add("add", self, other)

    def __sub__(self, other: Any) -> Value:
        return self.graph.add("sub", self, other)

    def __rsub__(self, other: Any) -> Value:
        return self.graph.add("sub", other, self)

    def __mul__(self, other: Any) -> Value:
        return self.graph.add("mul", self, other)

    def __truediv__(self, other: Any) -> Value:
        return self.graph.add("div", self, other)

    def __rtruediv__(self, other: Any) -> Value:
        return self.graph.add("div", other, self)

    def __neg__(self) -> Value:
        return self.graph.add("neg", self)

    def __abs__(self) -> Value:
        return self.graph.add("abs", self)

    def sign(self) -> Value:
        return self.graph.add("sign", self)

    def __pow__(self, exponent: Any) -> Value:
        if isinstance(exponent, Value):
            return self.graph.add("pow", self, exponent)
        if exponent < 0:
            return 1.0 / self**-exponent
        if exponent == 0.5:
            return self.graph.add("sqrt", self)
        if exponent != int(exponent) or not 0 < exponent <= GREATEST_POWER:
            return self.graph.add("pow", self, exponent)
        half = self ** (exponent // 2) if exponent > 1 else None
        return self if half is None else half * half * self if exponent % 2 else half * half

    def __rpow__(self, base: Any) -> Value:
        return self.graph.add("pow", base, self)

    __radd__ = __add__
    __rmul__ = __mul__

    def __bool__(self) -> bool:
        raise TypeError("a rule or a surface must not branch on a value that is still being traced")


@dataclass(frozen=True, eq=False)
class Program:
    """What a kernel runs. ``code`` rows are (opcode, result row, operand rows a, b, c).

    The first ``setup`` operations depend on hyperparameters only and run once; the others are one step:
    they end with the new coordinates and accumulators in the rows of the old ones.
    """

    code: np.ndarray  # (N, 5) int32
    setup: int
    rows: int
    constants: np.ndarray  # (K,) float64
    constant_rows: np.ndarray  # (K,) int32
    hyper: tuple[str, ...]  # names of the hyperparameters that are read
    hyper_rows: np.ndarray  # (H,) int32
    state_rows: np.ndarray  # (S, 2) int32, per accumulator and coordinate; equal where both share one
    outputs: np.ndarray  # (3,) int32, rows of the loss and the gradient; empty unless recorded


@lru_cache(maxsize=256)
def compile_program(surface: Surface, rule: Rule, noisy: bool, record: bool) -> Program:
    """The program of one step of `rule` on `surface`; with `record` it also keeps loss and gradient.

    Accumulators that advance alike for both coordinates, such as β₁ᵗ, share a row. They are found by
    assuming it of all and dropping those whose next values then differ, until none does.
    """
    shared = set(rule.state)
    while True:
        graph, outputs, updates = _trace(surface, rule, noisy, shared)
        differing = {name for name in shared if updates[name, 0].place != updates[name, 1].place}
        if not differing:
            break
        shared -= differing
    return _Assembler(graph, rule, shared).assemble(outputs if record else (), updates)


def _trace(
    surface: Surface, rule: Rule, noisy: bool, shared: set[str]
) -> tuple[Graph, tuple[Value, ...], dict[tuple[str, int], Value]]:
    """The graph, (loss, g_x, g_y), and the next value of ("w" or an accumulator, coordinate)."""
    graph = Graph()

    def recorded(number: Any) -> Value:
        return number if isinstance(number, Value) else graph.constant(number)

    namespace = {name: lambda value, name=name: graph.add(name, value) for name in FUNCTIONS}
    value, gradient = surface.bind(namespace)
    w = graph.input("w0"), graph.input("w1")
    h = SimpleNamespace(**{name: graph.input("h." + name) for name in rule.complete(0.0, {})})
    loss, slopes = recorded(value(*w)), [recorded(slope) for slope in gradient(*w)]
    if noisy:
        slopes = [slope + graph.input(f"noise{axis}") for axis, slope in enumerate(slopes)]
    updates = {}
    for axis in (0, 1):
        state = tuple(graph.input(_state_name(name, axis, shared)) for name in rule.state)
        updates["w", axis], state = rule.update(w[axis], slopes[axis], state, h)
        updates |= {(name, axis): recorded(new) for name, new in zip(rule.state, state, strict=True)}
    return graph, (loss, *slopes), updates


def _state_name(name: str, axis: int, shared: set[str]) -> str:
    return f"s.{name}" if name in shared else f"s.{name}{axis}"


class _Assembler:
    """Gives every value a row: fixed for what lives through a step, reused for what does not.

    A result never gets the row of one of its operands: the kernel's loops are vectorised only if rows
    do not overlap.
    """

    def __init__(self, graph: Graph, rule: Rule, shared: set[str]) -> None:
        self.graph, self.rule, self.shared = graph, rule, shared
        self.rows: dict[int, int] = {}
        self.count = 4
        for row, name in ((X_ROW, "w0"), (Y_ROW, "w1"), (NOISE_X_ROW, "noise0"), (NOISE_Y_ROW, "noise1")):
            self.rows[graph.input(name).place] = row

    def fresh(self) -> int:
        self.count += 1
        return self.count - 1

    def assemble(self, outputs: Iterable[Value], updates: dict[tuple[str, int], Value]) -> Program:
        graph = self.graph
        targets = self._targets(updates)
        kept = [self._own(value).place for value in outputs]
        order = self._needed([*kept, *targets.values()])
        fixed = [place for place in order if graph.nodes[place][0] in ("constant", "input")]
        for place in fixed:
            if place not in self.rows:
                self.rows[place] = self.fresh()
        invariant = self._invariant(order)
        steps = self._fuse([place for place in order if place not in fixed], {*kept, *targets.values()}, invariant)
        code = []
        for place, (operation, args) in steps.items():
            if place in invariant:
                self.rows[place] = self.fresh()
                code.append(self._line(operation, place, args))
        setup = len(code)
        body = {place: step for place, step in steps.items() if place not in invariant}
        code += self._body(body, kept, targets)
        constants = [place for place in fixed if graph.nodes[place][0] == "constant"]
        hyper = [place for place in fixed if str(graph.nodes[place][1]).startswith("h.")]
        return Program(
            code=np.array(code, dtype=np.int32).reshape(-1, 5),
            setup=setup,
            rows=self.count,
            constants=np.array([float.fromhex(graph.nodes[place][1]) for place in constants]),
            constant_rows=np.array([self.rows[place] for place in constants], dtype=np.int32),
            hyper=tuple(graph.nodes[place][1].removeprefix("h.") for place in hyper),
            hyper_rows=np.array([self.rows[place] for place in hyper], dtype=np.int32),
            state_rows=np.array(
                [
                    [self.rows[graph.input(_state_name(name, axis, self.shared)).place] for axis in (0, 1)]
                    for name in self.rule.state
                ],
                dtype=np.int32,
            ).reshape(-1, 2),
            outputs=np.array([self.rows[place] for place in kept], dtype=np.int32),
        )

    def _targets(self, updates: dict[tuple[str, int], Value]) -> dict[int, int]:
        """The place of each input that lives on -> the place of its next value (never itself an input)."""
        targets = {}
        for (name, axis), new in updates.items():
            old = self.graph.input(f"w{axis}" if name == "w" else _state_name(name, axis, self.shared)).place
            if old not in self.rows:
                self.rows[old] = self.fresh()
            targets[old] = self._own(new).place
        return targets

    def _own(self, value: Value) -> Value:
        """A result that is an input or a constant itself, copied: a step overwrites the rows of its inputs."""
        plain = self.graph.nodes[value.place][0] in ("constant", "input")
        return self.graph.node("move", value.place) if plain else value

    def _needed(self, wanted: Iterable[int]) -> list[int]:
        """All places that the wanted ones depend on, in an order in which they can be computed."""
        needed, waiting = set(), list(wanted)
        while waiting:
            place = waiting.pop()
            if place not in needed:
                needed.add(place)
                operation, *args = self.graph.nodes[place]
                waiting += [] if operation in ("constant", "input") else args
        return sorted(needed)

    def _invariant(self, order: list[int]) -> set[int]:
        """The operations on constants and hyperparameters only."""
        found: set[int] = set()
        known: set[int] = set()
        for place in order:
            operation, *args = self.graph.nodes[place]
            if operation == "constant" or (operation == "input" and args[0].startswith("h.")):
                known.add(place)
            elif operation not in ("input", "move") and known.issuperset(args):
                known.add(place)
                found.add(place)
        return found

    def _fuse(self, order: list[int], kept: set[int], invariant: set[int]) -> dict[int, tuple[str, tuple]]:
        """(operation, operands) by place, with a product that only one sum reads drawn into that sum."""
        steps = {place: (self.graph.nodes[place][0], self.graph.nodes[place][1:]) for place in order}
        uses: dict[int, int] = {}
        for _operation, args in steps.values():
            for arg in args:
                uses[arg] = uses.get(arg, 0) + 1
        for place in order:
            operation, args = steps[place]
            if operation != "add":
                continue
            for product, other in (args, args[::-1]):
                single = uses[product] == 1 and product not in kept and (product in invariant) == (place in invariant)
                if single and steps.get(product, ("",))[0] == "mul":
                    steps[place] = ("muladd", (*steps.pop(product)[1], other))
                    break
        return steps

    def _body(self, steps: dict[int, tuple[str, tuple]], kept: list[int], targets: dict[int, int]) -> list[list[int]]:
        """One step: operations, then copies of next values that could not be computed in place."""
        last = {arg: place for place, (_operation, args) in steps.items() for arg in args}
        forever = {*kept, *targets.values()}
        home: dict[int, list[int]] = {}
        for old, new in targets.items():
            home.setdefault(new, []).append(old)
        code: list[list[int]] = []
        free: list[int] = []
        for place, (operation, args) in steps.items():
            # In place if the old value was read for the last time before this operation.
            in_place = [old for old in home.get(place, ()) if last.get(old, -1) < place]
            if in_place:
                self.rows[place] = self.rows[in_place[0]]
            else:
                self.rows[place] = free.pop() if free else self.fresh()
            code.append(self._line(operation, place, args))
            free += [self.rows[arg] for arg in set(args) if arg in steps and last[arg] == place and arg not in forever]
        for old, new in targets.items():
            if self.rows[old] != self.rows[new]:
                code.append([OPERATIONS.index("move"), self.rows[old], *[self.rows[new]] * 3])
        return code

    def _line(self, operation: str, place: int, args: tuple) -> list[int]:
        rows = [self.rows[arg] for arg in args]
        return [OPERATIONS.index(operation), self.rows[place], *(rows + rows[:1] * 3)[:3]]
