"""The compiled kernels: an interpreter of register programs over blocks of runs ("lanes").

A program is a short list of operations on rows of a small table, one column a lane; see
:mod:`dlviz.engine.descent.tracer`. Each operation is a loop over the lanes of a block, which the compiler turns
into vector instructions and which stays in the nearest cache. So one machine-code kernel, compiled once
and cached on disk, serves every surface and every update rule at nearly the speed of code of its own.

The kernels release the GIL. They report finished work in ``done`` and end early when ``stop`` is set.
Importing this module imports numba; the first call ever compiles, later processes load from the cache.
"""

from __future__ import annotations

import math

import numpy as np

from dlviz.engine.runtime.jit import compiled

BLOCK = 128
"""Lanes a block: enough to amortise the dispatch of an operation, few enough to stay in the L1 cache."""

STRIDE = BLOCK + 8
"""Columns from row to row: rows start on cache lines, but not all at the same address modulo 4096."""

POLL = 32
"""Steps between two looks at ``stop``."""

# The opcodes and rows of dlviz.engine.descent.tracer, literally: numba's cache notices changes of this file only.
ADD, SUB, MUL, DIV, MULADD, NEG, SQRT, ABS, SIGN, MOVE, POW, EXP, LOG, SIN, COS, TAN, SINH, COSH, TANH = range(19)
X_ROW, Y_ROW, NOISE_X_ROW, NOISE_Y_ROW = range(4)


@compiled
def _execute(code, first, last, rows, n):
    """Run operations first..last-1 on the first n lanes. Nothing is reordered or fused: IEEE float64."""
    for k in range(first, last):
        op = code[k, 0]
        d, a, b, c = rows[code[k, 1]], rows[code[k, 2]], rows[code[k, 3]], rows[code[k, 4]]
        if op == ADD:
            for i in range(n):
                d[i] = a[i] + b[i]
        elif op == SUB:
            for i in range(n):
                d[i] = a[i] - b[i]
        elif op == MUL:
            for i in range(n):
                d[i] = a[i] * b[i]
        elif op == DIV:
            for i in range(n):
                d[i] = a[i] / b[i]
        elif op == MULADD:
            for i in range(n):
                d[i] = a[i] * b[i] + c[i]
        elif op == NEG:
            for i in range(n):
                d[i] = -a[i]
        elif op == SQRT:
            for i in range(n):
                d[i] = math.sqrt(a[i])
        elif op == ABS:
            for i in range(n):
                d[i] = abs(a[i])
        elif op == SIGN:
            for i in range(n):
                d[i] = np.sign(a[i])
        elif op == MOVE:
            for i in range(n):
                d[i] = a[i]
        elif op == POW:
            for i in range(n):
                d[i] = a[i] ** b[i]
        elif op == EXP:
            for i in range(n):
                d[i] = math.exp(a[i])
        elif op == LOG:
            for i in range(n):
                d[i] = math.log(a[i])
        elif op == SIN:
            for i in range(n):
                d[i] = math.sin(a[i])
        elif op == COS:
            for i in range(n):
                d[i] = math.cos(a[i])
        elif op == TAN:
            for i in range(n):
                d[i] = math.tan(a[i])
        elif op == SINH:
            for i in range(n):
                d[i] = math.sinh(a[i])
        elif op == COSH:
            for i in range(n):
                d[i] = math.cosh(a[i])
        elif op == TANH:
            for i in range(n):
                d[i] = math.tanh(a[i])


@compiled
def _table(rows, constants, constant_rows):
    """A zeroed table of rows, each on a cache line of its own, with the constants filled in."""
    buffer = np.zeros(rows * STRIDE + 8)
    shift = (-(buffer.ctypes.data // 8)) % 8
    table = buffer[shift : shift + rows * STRIDE].reshape(rows, STRIDE)
    for k in range(len(constants)):
        for i in range(STRIDE):
            table[constant_rows[k], i] = constants[k]
    return table


@compiled
def trace(
    code, setup, row_count, constants, constant_rows, hyper_rows, state_rows, outputs,  # the program
    hyper, initial, x, y, noise, seed, box, steps,  # the runs
    path, loss, state, gradient, end, left,  # the results
    low, high, done, stop,
):  # fmt: skip
    """Run lanes low..high-1 for a number of steps; all arrays hold all L lanes.

    hyper (H, L); initial (S,); x, y (L,); noise (seeds, steps, 2) or (0, 0, 0) for none, seed (L,) its rows;
    box (x, y, reach_x, reach_y): centre and distances beyond which a lane has diverged.

    Results: path (steps+1, L, 2), loss (steps+1, L), state (steps+1, S, 2, L), gradient (steps, L, 2), each of
    length 0 to leave it out; end (L, 2) the last coordinates; left (L,) the step at which a lane diverged, -1
    if it did not. Values after divergence are NaN. `done[0]` counts finished lane-steps; `stop[0]` ends the
    work early.
    """
    rows = _table(row_count, constants, constant_rows)
    px, py = rows[X_ROW], rows[Y_ROW]
    box_x, box_y, reach_x, reach_y = box
    alive, age = np.empty(BLOCK), np.empty(BLOCK)
    for first in range(low, high, BLOCK):
        n = min(BLOCK, high - first)
        for i in range(n):
            px[i], py[i] = x[first + i], y[first + i]
            alive[i], age[i] = 1.0, 0.0
            for k in range(len(hyper_rows)):
                rows[hyper_rows[k], i] = hyper[k, first + i]
            for k in range(len(state_rows)):
                rows[state_rows[k, 0], i] = rows[state_rows[k, 1], i] = initial[k]
        for t in range(steps + 1):
            for i in range(n):
                alive[i] = alive[i] if abs(px[i] - box_x) <= reach_x else 0.0
            for i in range(n):
                alive[i] = alive[i] if abs(py[i] - box_y) <= reach_y else 0.0
            for i in range(n):
                age[i] += alive[i]
            if len(path):
                for i in range(n):
                    path[t, first + i, 0], path[t, first + i, 1] = px[i], py[i]
            if len(state):
                for k in range(len(state_rows)):
                    for i in range(n):
                        state[t, k, 0, first + i] = rows[state_rows[k, 0], i]
                        state[t, k, 1, first + i] = rows[state_rows[k, 1], i]
            if t == steps:
                for i in range(n):
                    end[first + i, 0], end[first + i, 1] = px[i], py[i]
                if len(loss) == 0:
                    break
            elif len(noise):
                for i in range(n):
                    rows[NOISE_X_ROW, i] = noise[seed[first + i], t, 0]
                    rows[NOISE_Y_ROW, i] = noise[seed[first + i], t, 1]
            # After the last step once more, only for the loss at its end.
            _execute(code, setup if t else 0, len(code), rows, n)
            if len(loss):
                for i in range(n):
                    loss[t, first + i] = rows[outputs[0], i]
            if len(gradient) and t < steps:
                for i in range(n):
                    gradient[t, first + i, 0] = rows[outputs[1], i]
                    gradient[t, first + i, 1] = rows[outputs[2], i]
            if t % POLL == 0:
                running = 0.0
                for i in range(n):
                    running += alive[i]
                if running == 0.0 or stop[0]:
                    break
        if stop[0]:
            return
        for i in range(n):
            left[first + i] = int(age[i]) if alive[i] == 0.0 else -1
            if alive[i] == 0.0:
                _erase(first + i, int(age[i]), path, loss, state, gradient, end)
        done[0] += n * steps


@compiled
def _erase(lane, gone, path, loss, state, gradient, end):
    """NaN for everything after the step at which a lane left; the point where it left stays if finite."""
    end[lane, 0] = end[lane, 1] = np.nan
    finite = len(path) > 0 and np.isfinite(path[gone, lane, 0]) and np.isfinite(path[gone, lane, 1])
    for t in range(gone + 1 if finite else gone, len(path)):
        path[t, lane, 0] = path[t, lane, 1] = loss[t, lane] = np.nan
    for t in range(gone, len(gradient)):
        gradient[t, lane, 0] = gradient[t, lane, 1] = np.nan
    for t in range(gone + 1, len(state)):
        for k in range(state.shape[1]):
            state[t, k, 0, lane] = state[t, k, 1, lane] = np.nan


@compiled
def _nearest(x, y, minima, tolerance):
    """Index of the nearest minimum within the tolerance, -1 if there is none."""
    found, least = -1, tolerance * tolerance
    for k in range(len(minima)):
        distance = (x - minima[k, 0]) ** 2 + (y - minima[k, 1]) ** 2
        if distance <= least:
            found, least = k, distance
    return found


@compiled
def arrive(
    code, setup, row_count, constants, constant_rows, hyper_rows, state_rows,  # the program
    hyper, initial, x, y, box, minima, tolerance, hold, steps,  # the runs
    reached, taken, left,  # the results
    low, high, done, stop,
):  # fmt: skip
    """Run lanes low..high-1 until each has arrived at a minimum, has diverged, or is out of steps.

    Like `trace`, with hyper (H,) for all lanes; minima (K, 2). Results, each (L,): `reached` minimum or -1;
    `taken` steps until then (the step it diverged at, or `steps`); `left` the step it diverged at or -1.

    Steps are taken `hold` at a time. A stay of `hold` steps contains the end of one such stretch, so only
    lanes near a minimum at an end, or since the last one, are followed step by step. A lane that is through
    hands its column to the next start: accumulators carry a lane's age, so lanes of all ages share a block.
    """
    rows = _table(row_count, constants, constant_rows)
    px, py = rows[X_ROW], rows[Y_ROW]
    lane, age = np.empty(BLOCK, np.int64), np.empty(BLOCK, np.int64)
    streak, near = np.empty(BLOCK, np.int64), np.empty(BLOCK, np.int64)
    box_x, box_y, reach_x, reach_y = box
    distance, far_x, far_y = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    path_x, path_y = np.empty((hold, BLOCK)), np.empty((hold, BLOCK))
    for k in range(len(hyper_rows)):
        for i in range(BLOCK):
            rows[hyper_rows[k], i] = hyper[k]

    waiting, n, begin = low, 0, 0
    while True:
        while n < BLOCK and waiting < high:
            here = _nearest(x[waiting], y[waiting], minima, tolerance)
            inside = abs(x[waiting] - box_x) <= reach_x and abs(y[waiting] - box_y) <= reach_y
            if not inside or (here >= 0 and hold == 1):
                reached[waiting] = here if inside else -1
                taken[waiting], left[waiting] = 0, -1 if inside else 0
            else:
                px[n], py[n] = x[waiting], y[waiting]
                for k in range(len(state_rows)):
                    rows[state_rows[k, 0], n] = rows[state_rows[k, 1], n] = initial[k]
                lane[n], age[n], near[n], streak[n] = waiting, 0, here, 1 if here >= 0 else 0
                n += 1
            waiting += 1
        if n == 0 or stop[0]:
            return

        for i in range(n):
            distance[i], far_x[i], far_y[i] = np.inf, 0.0, 0.0
        for j in range(hold):
            _execute(code, begin, len(code), rows, n)
            begin = setup
            along_x, along_y = path_x[j], path_y[j]
            for i in range(n):
                along_x[i] = px[i]
            for i in range(n):
                along_y[i] = py[i]
            # Not max(): a comparison with NaN is false, so that NaN is kept, and counts as far.
            for i in range(n):
                away = abs(px[i] - box_x)
                far_x[i] = far_x[i] if away <= far_x[i] else away
            for i in range(n):
                away = abs(py[i] - box_y)
                far_y[i] = far_y[i] if away <= far_y[i] else away
        for k in range(len(minima)):
            for i in range(n):
                here = (px[i] - minima[k, 0]) ** 2 + (py[i] - minima[k, 1]) ** 2
                distance[i] = min(distance[i], here)

        for i in range(n - 1, -1, -1):  # from the end, so that the last column can fill a gap
            through = False
            strayed = not (far_x[i] <= reach_x and far_y[i] <= reach_y)
            if strayed or streak[i] > 0 or distance[i] <= tolerance * tolerance:
                for j in range(hold):
                    step = age[i] + j + 1
                    if step > steps:
                        break
                    vx, vy = path_x[j, i], path_y[j, i]
                    if not (abs(vx - box_x) <= reach_x and abs(vy - box_y) <= reach_y):
                        reached[lane[i]], taken[lane[i]], left[lane[i]] = -1, step, step
                        through = True
                        break
                    here = _nearest(vx, vy, minima, tolerance)
                    streak[i] = 0 if here < 0 else streak[i] + 1 if here == near[i] else 1
                    near[i] = here
                    if streak[i] >= hold:
                        reached[lane[i]], taken[lane[i]], left[lane[i]] = here, step - hold + 1, -1
                        through = True
                        break
            age[i] += hold
            if not through and age[i] >= steps:
                reached[lane[i]], taken[lane[i]], left[lane[i]] = -1, steps, -1
                through = True
            if through:
                done[0] += 1
                n -= 1
                px[i], py[i] = px[n], py[n]
                for k in range(len(state_rows)):
                    rows[state_rows[k, 0], i] = rows[state_rows[k, 0], n]
                    rows[state_rows[k, 1], i] = rows[state_rows[k, 1], n]
                lane[i], age[i], near[i], streak[i] = lane[n], age[n], near[n], streak[n]
