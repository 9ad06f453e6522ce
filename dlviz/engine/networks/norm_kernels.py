"""The compiled kernels of :mod:`dlviz.engine.networks.cnn_norms` on the CPU: one model after another.

At mini-batches of a few examples a pass in torch spends its time in some thirty calls a layer, not in arithmetic; here
it is one, and what belongs to a model stays in the nearest cache. The kernels release the GIL.
"""

from __future__ import annotations

import numpy as np

from dlviz.engine.runtime.jit import compiled

NONE, BATCH, EXAMPLE, SWITCHABLE = range(4)
"""What the statistics of a model are taken over. EXAMPLE: over groups of channels of an example, ``size`` each."""


@compiled
def _average(values, over_batch, size):
    """Replace instance values (N, C) by their means over all examples, or over groups of ``size`` channels."""
    examples, channels = values.shape
    if over_batch:
        for c in range(channels):
            total = values[0, c]
            for n in range(1, examples):
                total += values[n, c]
            values[:, c] = total / examples
    elif size > 1:
        for n in range(examples):
            for first in range(0, channels, size):
                total = values[n, first]
                for c in range(first + 1, first + size):
                    total += values[n, c]
                values[n, first : first + size] = total / size


@compiled
def forward(
    x, kinds, sizes, centred, gamma, beta, shares, eps, momentum,
    out, centre, inverse, set_mean, set_var, average_mean, average_var,
):  # fmt: skip
    """Outputs max(0, γ x̂ + β) of ``x`` (M, N, P, C) into ``out``; centre and 1/σ into (M, N, C).

    ``shares`` (S, 2, 3) of the S Switchable models, ``set_mean``, ``set_var`` (S, 3, N, C) what their sets give.
    ``average_mean``, ``average_var`` (B, C), of the B models with BatchNorm or of none, move towards the batch's
    statistics by ``momentum``, the variance without bias, as torch does.
    """
    models, examples, positions, channels = x.shape
    at_switchable, at_batch = 0, 0
    zero, one = x.dtype.type(0), x.dtype.type(1)
    scale, shift = np.empty(channels, x.dtype), np.empty(channels, x.dtype)
    for m in range(models):
        mean, var = centre[m], inverse[m]
        for n in range(examples):
            for c in range(channels):
                mean[n, c] = x[m, n, 0, c]
                var[n, c] = x[m, n, 0, c] * x[m, n, 0, c]
            sums, squares = mean[n], var[n]
            for p in range(1, positions):
                read = x[m, n, p]
                for c in range(channels):
                    sums[c] += read[c]
                    squares[c] += read[c] * read[c]
            if positions > 1:
                for c in range(channels):
                    mean[n, c] /= positions
                    var[n, c] /= positions
        kind = kinds[m]
        if kind == SWITCHABLE:
            share = shares[at_switchable]
            for k in range(3):
                a, b = set_mean[at_switchable, k], set_var[at_switchable, k]
                a[:], b[:] = mean, var
                size = channels if k == 1 else 1
                _average(a, k == 2, size)
                _average(b, k == 2, size)
                for n in range(examples):
                    for c in range(channels):
                        spread = b[n, c] - a[n, c] * a[n, c]
                        b[n, c] = zero if spread < zero else spread
            a, b = set_mean[at_switchable], set_var[at_switchable]
            for n in range(examples):
                for c in range(channels):
                    mean[n, c] = share[0, 0] * a[0, n, c] + share[0, 1] * a[1, n, c] + share[0, 2] * a[2, n, c]
                    var[n, c] = share[1, 0] * b[0, n, c] + share[1, 1] * b[1, n, c] + share[1, 2] * b[2, n, c]
            at_switchable += 1
        elif kind == NONE:
            mean[:], var[:] = 0, 1
        else:
            _average(var, kind == BATCH, sizes[m])
            if centred[m]:
                _average(mean, kind == BATCH, sizes[m])
            else:
                mean[:] = 0
            for n in range(examples):
                for c in range(channels):
                    spread = var[n, c] - mean[n, c] * mean[n, c]
                    var[n, c] = zero if spread < zero else spread
            if kind == BATCH and at_batch < len(average_mean):
                a, b, cells = average_mean[at_batch], average_var[at_batch], examples * positions
                for c in range(channels):
                    a[c] += momentum * (mean[0, c] - a[c])
                    b[c] += momentum * (var[0, c] * cells / (cells - 1) - b[c])
                at_batch += 1
        if kind != NONE:
            for n in range(examples):
                for c in range(channels):
                    var[n, c] = one / np.sqrt(var[n, c] + eps)
        for n in range(examples):
            for c in range(channels):
                scale[c] = var[n, c] * gamma[m, c]
                shift[c] = beta[m, c] - mean[n, c] * scale[c]
            for p in range(positions):
                read, write = x[m, n, p], out[m, n, p]
                for c in range(channels):
                    value = read[c] * scale[c] + shift[c]
                    write[c] = zero if value < zero else value


@compiled
def backward(
    gradient, x, out, kinds, sizes, centred, gamma, shares, centre, inverse, set_mean, set_var,
    by_x, by_gamma, by_beta, by_shares, sums,
):  # fmt: skip
    """The gradients by x, γ, β and Switchable's shares, from that by the outputs; ``sums`` (6, N, C) is room.

    All arrays are contiguous.
    """
    models, examples, positions, channels = x.shape
    by_scale, by_shift, to_mean, to_var = sums[0], sums[1], sums[2], sums[3]
    part_mean, part_var = sums[4], sums[5]
    at_switchable = 0
    zero = x.dtype.type(0)
    for m in range(models):
        kind, mean = kinds[m], centre[m]
        for n in range(examples):
            scales, shifts = by_scale[n], by_shift[n]
            scales[:], shifts[:] = 0, 0
            for p in range(positions):
                read, seen, given, write = x[m, n, p], out[m, n, p], gradient[m, n, p], by_x[m, n, p]
                for c in range(channels):
                    g = zero if seen[c] <= zero else given[c]
                    write[c] = g
                    shifts[c] += g
                    scales[c] += g * read[c]
        by_gamma[m], by_beta[m] = 0, 0
        for n in range(examples):
            for c in range(channels):
                over = inverse[m, n, c]
                scale = gamma[m, c] * over
                found = by_scale[n, c] - mean[n, c] * by_shift[n, c]
                by_gamma[m, c] += found * over
                by_beta[m, c] += by_shift[n, c]
                # The gradient by the mean, and −2 times that by the variance.
                to_mean[n, c] = -scale * by_shift[n, c]
                to_var[n, c] = found * scale * over * over
        if kind == NONE:
            to_mean[:], to_var[:] = 0, 0
        elif kind == SWITCHABLE:
            share = shares[at_switchable]
            by_shift[:], by_scale[:] = 0, 0
            for k in range(3):
                a, b = set_mean[at_switchable, k], set_var[at_switchable, k]
                of_mean, of_var = 0.0, 0.0
                for n in range(examples):
                    for c in range(channels):
                        of_mean += to_mean[n, c] * a[n, c]
                        of_var -= 0.5 * to_var[n, c] * b[n, c]
                        part_var[n, c] = share[1, k] * to_var[n, c]
                        part_mean[n, c] = share[0, k] * to_mean[n, c] + a[n, c] * part_var[n, c]
                by_shares[at_switchable, 0, k], by_shares[at_switchable, 1, k] = of_mean, of_var
                size = channels if k == 1 else 1
                _average(part_mean, k == 2, size)
                _average(part_var, k == 2, size)
                for n in range(examples):
                    for c in range(channels):
                        by_shift[n, c] += part_mean[n, c]
                        by_scale[n, c] += part_var[n, c]
            to_mean[:], to_var[:] = by_shift, by_scale
            at_switchable += 1
        else:
            if centred[m]:
                for n in range(examples):
                    for c in range(channels):
                        to_mean[n, c] += mean[n, c] * to_var[n, c]
                _average(to_mean, kind == BATCH, sizes[m])
            else:
                to_mean[:] = 0
            _average(to_var, kind == BATCH, sizes[m])
        for n in range(examples):
            for c in range(channels):
                to_mean[n, c] /= positions
                to_var[n, c] /= positions
                part_mean[n, c] = gamma[m, c] * inverse[m, n, c]
            scales, means, variances = part_mean[n], to_mean[n], to_var[n]
            for p in range(positions):
                read, write = x[m, n, p], by_x[m, n, p]
                for c in range(channels):
                    write[c] = write[c] * scales[c] + means[c] - read[c] * variances[c]


def prepare() -> None:
    """Compile the kernels for float32, or load them from numba's cache on disk."""
    maps, rows, one = np.ones((1, 1, 1, 1), np.float32), np.ones((1, 1), np.float32), np.ones((1, 1, 1), np.float32)
    tables = np.array([EXAMPLE]), np.array([1]), np.array([True])
    shares, sets = (np.ones((0, *shape), np.float32) for shape in ((2, 3), (3, 1, 1)))
    numbers, out = (np.float32(1), np.float32(1)), (maps.copy(), one, one.copy())
    forward(maps, *tables, rows, rows, shares, *numbers, *out, sets, sets, rows.copy(), rows.copy())
    sums = np.ones((6, 1, 1), np.float32)
    backward(
        maps, maps, maps, *tables, rows, shares, one, one, sets, sets, maps.copy(), rows, rows.copy(), shares, sums
    )
