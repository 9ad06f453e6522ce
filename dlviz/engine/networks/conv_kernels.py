"""3x3 convolutions with padding 1 on the CPU, compiled: one model after another, and no table of neighbours in memory.

Feature maps stand as (M, N, P, C), weights as (M, O, 9·C) with the taps outermost; the stride is 1 or 2. The innermost
loops add up a *tile* of sums that stay in the processor's registers: five rows (examples at one position, which meet
the same weights; a few labels of each of five classes make batches of 5, 10 and 25) times two vectors of eight
channels. LLVM vectorises an inner loop of numba's, too, but leaves its sums in memory, for it cannot know that two
arrays are apart; so the vector is a type of its own here, of which LLVM makes what the processor has: two registers of
four numbers, or one of eight.

Taps in the padding are left out, of a 3x3 map 32 of 81. Where there are fewer than five examples or sixteen channels,
or a rest of them, some stand in a tile twice, or in two tiles: the same numbers are then written again.

The kernels release the GIL. All arrays are contiguous, and channels but for those of the images multiples of eight. All
stands in one file, for numba compiles again what it keeps on disk when this file changes, not one that it imports.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, register_model

from dlviz.engine.runtime.jit import compiled

WIDTH = 8


class _Vector(types.Type):
    """Numbers of one type, ``WIDTH`` of them. Below, ``at`` counts the numbers of an array over all its axes."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Vector({dtype})")


@register_model(_Vector)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.VectorType(manager[kind.dtype].get_value_type(), WIDTH))


def _pointer(context: Any, builder: Any, kind: Any, array: Any, at: Any, vector: bool) -> Any:
    """Where number ``at`` of an array stands."""
    found = builder.gep(context.make_array(kind)(context, builder, array).data, [at])
    if not vector:
        return found
    return builder.bitcast(found, ir.PointerType(ir.VectorType(context.get_value_type(kind.dtype), WIDTH)))


@intrinsic
def _zeros(_typing, array):
    """Eight zeros of the type of ``array``."""

    def build(context, builder, signature, _args):
        return context.get_value_type(signature.return_type)(None)

    return _Vector(array.dtype)(array), build


@intrinsic
def _load(_typing, array, at):
    """Eight numbers of ``array`` from ``at`` on."""

    def build(context, builder, signature, args):
        where = _pointer(context, builder, signature.args[0], *args, vector=True)
        return builder.load(where, align=signature.args[0].dtype.bitwidth // 8)

    return _Vector(array.dtype)(array, types.intp), build


@intrinsic
def _store(_typing, array, at, vector):
    """Write eight numbers to ``array`` from ``at`` on."""

    def build(context, builder, signature, args):
        where = _pointer(context, builder, signature.args[0], *args[:2], vector=True)
        builder.store(args[2], where, align=signature.args[0].dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.none(array, types.intp, vector), build


@intrinsic
def _add_scaled(_typing, total, array, at, vector):
    """``total`` plus number ``at`` of ``array`` times ``vector``; rounded once where the processor can."""

    def build(context, builder, signature, args):
        number = builder.load(_pointer(context, builder, signature.args[1], *args[1:3], vector=False))
        kind = args[0].type
        first = builder.insert_element(kind(ir.Undefined), number, ir.IntType(32)(0))
        spread = builder.shuffle_vector(first, kind(ir.Undefined), ir.VectorType(ir.IntType(32), WIDTH)(None))
        name = f"llvm.fmuladd.v{WIDTH}f{signature.args[1].dtype.bitwidth}"
        fused = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind] * 3), name)
        return builder.call(fused, [spread, args[3], args[0]])

    return total(total, array, types.intp, vector), build


@compiled
def _five(start, first, count):
    """Five numbers from ``start + first`` on, and none from ``start + count`` on."""
    first, last = start + max(0, min(first, count - 5)), start + count - 1
    return first, min(first + 1, last), min(first + 2, last), min(first + 3, last), min(first + 4, last)


@compiled
def _two(first, channels):
    """Where two vectors start, the first at ``first`` unless it is the last."""
    return first, min(first + WIDTH, channels - WIDTH)


@compiled
def _filled(left, right):
    """A tile whose rows are alike."""
    return left, right, left, right, left, right, left, right, left, right


@compiled
def _added(tile, numbers, at, i, left, right):
    """A tile plus the outer product of five ``numbers``, those ``i`` after ``at``, and two vectors."""
    a, b, c, d, e, f, g, h, p, q = tile
    one, two, three, four, five = at
    return (
        _add_scaled(a, numbers, one + i, left), _add_scaled(b, numbers, one + i, right),
        _add_scaled(c, numbers, two + i, left), _add_scaled(d, numbers, two + i, right),
        _add_scaled(e, numbers, three + i, left), _add_scaled(f, numbers, three + i, right),
        _add_scaled(g, numbers, four + i, left), _add_scaled(h, numbers, four + i, right),
        _add_scaled(p, numbers, five + i, left), _add_scaled(q, numbers, five + i, right),
    )  # fmt: skip


@compiled
def _write(tile, out, at, left, right):
    """The rows of a tile to ``out``, from ``at`` on, the vectors ``left`` and ``right`` after it."""
    a, b, c, d, e, f, g, h, p, q = tile
    one, two, three, four, five = at
    _store(out, one + left, a)
    _store(out, one + right, b)
    _store(out, two + left, c)
    _store(out, two + right, d)
    _store(out, three + left, e)
    _store(out, three + right, f)
    _store(out, four + left, g)
    _store(out, four + right, h)
    _store(out, five + left, p)
    _store(out, five + right, q)


@compiled
def _scaled(at, by, plus):
    """Five places, in steps ``by``."""
    one, two, three, four, five = at
    return one * by + plus, two * by + plus, three * by + plus, four * by + plus, five * by + plus


@compiled
def _transposed(rows, columns):
    """Write ``rows`` (A, B) as (B, A)."""
    for a in range(rows.shape[0]):
        for b in range(rows.shape[1]):
            columns[b, a] = rows[a, b]


@compiled
def forward(x, weights, biases, side, stride, out):
    """Outputs (M, N, P', O) of ``x`` (M, N, P, C) with ``biases`` (M, O)."""
    models, examples, positions, inputs = x.shape
    places, channels = out.shape[2], out.shape[3]
    size = (side - 1) // stride + 1
    kernel = np.empty((9 * inputs, channels), x.dtype)
    for m in range(models):
        _transposed(weights[m], kernel)
        for place in range(places):
            row, column = place // size * stride - 1, place % size * stride - 1
            for first in range(0, examples, 5):
                rows = _five(m * examples, first, examples)
                at = _scaled(rows, positions * inputs, 0)
                for channel in range(0, channels, 2 * WIDTH):
                    left, right = _two(channel, channels)
                    tile = _filled(_load(biases, m * channels + left), _load(biases, m * channels + right))
                    for down in range(max(0, -row), min(3, side - row)):
                        for over in range(max(0, -column), min(3, side - column)):
                            position = (row + down) * side + column + over
                            tap = (down * 3 + over) * inputs
                            for i in range(inputs):
                                met = (tap + i) * channels
                                one, two = _load(kernel, met + left), _load(kernel, met + right)
                                tile = _added(tile, x, at, position * inputs + i, one, two)
                    _write(tile, out, _scaled(rows, places * channels, place * channels), left, right)


@compiled
def by_inputs(gradient, weights, side, stride, out):
    """The gradient by the inputs, (M, N, P, C), from that by the outputs, (M, N, P', O)."""
    models, examples, places, channels = gradient.shape
    positions, inputs = out.shape[2], out.shape[3]
    size = (side - 1) // stride + 1
    for m in range(models):
        for position in range(positions):
            row, column = position // side + 1, position % side + 1
            for first in range(0, examples, 5):
                rows = _five(m * examples, first, examples)
                for channel in range(0, inputs, 2 * WIDTH):
                    left, right = _two(channel, inputs)
                    tile = _filled(_zeros(gradient), _zeros(gradient))
                    # Taps whose outputs stand at (row − down) / stride, a whole number.
                    for down in range(row % stride, min(3, row + 1), stride):
                        y = (row - down) >> (stride - 1)
                        if y >= size:
                            continue
                        for over in range(column % stride, min(3, column + 1), stride):
                            z = (column - over) >> (stride - 1)
                            if z >= size:
                                continue
                            at = _scaled(rows, places * channels, (y * size + z) * channels)
                            tap = m * channels * 9 * inputs + (down * 3 + over) * inputs
                            for o in range(channels):
                                met = tap + o * 9 * inputs
                                one, two = _load(weights, met + left), _load(weights, met + right)
                                tile = _added(tile, gradient, at, o, one, two)
                    _write(tile, out, _scaled(rows, positions * inputs, position * inputs), left, right)


@compiled
def by_weights(gradient, x, side, stride, out):
    """The gradient by the weights, (M, O, 9·C), from that by the outputs, (M, N, P', O)."""
    models, examples, places, channels = gradient.shape
    positions, inputs = x.shape[2], x.shape[3]
    size = (side - 1) // stride + 1
    found = np.empty((9 * inputs, channels), x.dtype)
    for m in range(models):
        for tap in range(9):
            down, over = tap // 3 - 1, tap % 3 - 1
            # The output rows and columns for which this tap is within the map.
            top, bottom = (1 if down < 0 else 0), min(size, (side - 1 - down) // stride + 1)
            begin, end = (1 if over < 0 else 0), min(size, (side - 1 - over) // stride + 1)
            for first in range(0, inputs, 5):
                rows = _five(0, first, inputs)
                for channel in range(0, channels, 2 * WIDTH):
                    left, right = _two(channel, channels)
                    tile = _filled(_zeros(x), _zeros(x))
                    for y in range(top, bottom):
                        for z in range(begin, end):
                            position, place = (y * stride + down) * side + z * stride + over, y * size + z
                            for n in range(m * examples, (m + 1) * examples):
                                at, met = (n * positions + position) * inputs, (n * places + place) * channels
                                one, two = _load(gradient, met + left), _load(gradient, met + right)
                                tile = _added(tile, x, rows, at, one, two)
                    _write(tile, found, _scaled(rows, channels, tap * inputs * channels), left, right)
        _transposed(found, out[m])


def prepare() -> None:
    """Compile the kernels for float32, or load them from numba's cache on disk."""
    maps, weights, biases = (np.ones(shape, np.float32) for shape in ((1, 1, 1, 8), (1, 8, 72), (1, 8)))
    forward(maps, weights, biases, 1, 1, maps.copy())
    by_inputs(maps, weights, 1, 1, maps.copy())
    by_weights(maps, maps, 1, 1, weights)
