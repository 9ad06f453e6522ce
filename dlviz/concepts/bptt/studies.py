"""What each figure is measured from. Everything that takes long is kept by the settings it depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dlviz.engine.runtime.cache import cached
from dlviz.progress import Progress, silent, split

from .measure import Gates, Pairs, Reach, Steps, Weight
from .networks import Network, batches, keys, read

if TYPE_CHECKING:
    from torch import Tensor

TARGETS = 40
"""At most so many steps t in the triangle of all pairs."""
EXACT = 6e9
"""Multiplications up to which the triangle is exact; beyond, it is estimated within about PROBED."""
PROBED = 2e10
POWERS = 40


@cached(128)
def reach(of: Network, seeds: int, seed: int, *, progress: Progress = silent) -> Reach:
    """The gradient of the final loss by every state, for all networks of one kind of cell."""
    import torch

    from dlviz.engine.signals import cells, recurrent_init

    gradients, losses, sigmas, slopes = [], [], [], []
    groups = batches(of, seed, seeds)
    with torch.no_grad():
        for chosen, part in zip(groups, split(progress, map(len, groups)), strict=True):
            forward, backward = split(part, (1, 1))
            run = read(of, chosen, forward)
            by_state, _ = cells.backward(run.trace, run.last, backward)
            gradients.append(cells.norm(by_state[1:].flip(0)).T.cpu().numpy())
            losses.append(run.loss.cpu().numpy())
            sigmas += [recurrent_init.largest_singular_value(of.hidden, of.matrix, of.radius, key) for key in chosen]
            if of.cell in cells.VANILLA:
                slopes.append(run.trace.local[0].mean((0, 2, 3)).cpu().numpy())
    slope = np.concatenate(slopes) if slopes else np.full(seeds, np.nan)
    return Reach(np.concatenate(gradients), np.concatenate(losses), np.array(sigmas), slope)


@cached(128)
def pairs(of: Network, seed: int, *, progress: Progress = silent) -> Pairs:
    """‖∂s_t/∂s_s‖ for pairs of steps of the first network, exact or by random rows."""
    import torch

    from dlviz.engine.signals import cells, recurrent_init

    stride = -(-of.length // TARGETS)
    targets = list(range(of.length, 0, -stride))[::-1]
    with torch.no_grad():
        trace = read(of, keys(seed, 1)).trace
        each = 2 * trace.cells.weight_hh[0].numel() * sum(targets)
        state, probes = trace.cells.state, None
        if each * state > EXACT:
            count = int(np.clip(PROBED / each, 8, min(64, state)))
            generator = recurrent_init.generator(keys(seed, 1)[0], 7)
            probes = torch.randn(count, state, generator=generator, dtype=torch.float64).to(trace.h.device)
        logs = cells.products(trace, targets, probes, progress)
    return Pairs(np.array(targets), logs, 0 if probes is None else len(probes))


@cached(16)
def steps(of: Network, seed: int, *, progress: Progress = silent) -> Steps:
    """Singular values and spectral radius of the Jacobian of single steps, and the powers of W."""
    import torch

    from dlviz.engine.signals import cells

    with torch.no_grad():
        trace = read(of, keys(seed, 1)).trace
        state = trace.cells.state
        most = int(np.clip(64 * (64 / state) ** 1.5, 10, 64))
        at = np.unique(np.linspace(1, of.length, min(most, of.length)).round().astype(int))
        singular, rho = np.full((len(at), 3), np.nan), np.full(len(at), np.nan)
        *single, multiplied = split(progress, (*(9 / len(at) for _ in at), 1))
        for i, (t, part) in enumerate(zip(at, single, strict=True)):
            jacobian = cells.jacobian(trace, int(t))[0].cpu()
            values, radius = split(part, (3, 7))
            values(0.0)
            if jacobian.isfinite().all():
                found = torch.linalg.svdvals(jacobian)
                singular[i] = [float(found[0]), float(found.median()), float(found[-1])]
                rho[i] = cells.spectral_radius(jacobian, radius)
            radius(1.0)
        w = trace.cells.weight_hh[0, : of.hidden].cpu()
        power, powers = torch.eye(of.hidden, dtype=w.dtype), [1.0]
        for k in range(POWERS):
            power = power @ w
            powers.append(float(torch.linalg.matrix_norm(power, 2)))
            multiplied((k + 1) / POWERS)
    return Steps(at, singular, rho, np.array(powers), float(of.radius), powers[1])


@cached(16)
def weight(of: Network, seeds: int, seed: int, *, progress: Progress = silent) -> Weight:
    """The gradient by the recurrent weights as a sum over steps, and what truncation leaves of it."""
    import torch

    from dlviz.engine.signals import cells

    errors, angles, norms, first = [], [], [], None
    groups = batches(of, seed, seeds)
    with torch.no_grad():
        for chosen, part in zip(groups, split(progress, map(len, groups)), strict=True):
            forward, backward, *each = split(part, (2, 2, *(1 / len(chosen) for _ in chosen)))
            run = read(of, chosen, forward)
            _, by_sum = cells.backward(run.trace, run.last, backward)
            for s in range(len(chosen)):
                gram, peak = _gram(by_sum[:, s].flip(0), run.trace.h[:-1, s].flip(0))
                parts = _truncated(gram)
                errors.append(parts.error), angles.append(parts.angle), norms.append(parts.norm * peak)
                first = first or parts
                each[s](1.0)
    return Weight(first.share, first.size, np.array(errors), np.array(angles), np.array(norms))


def _gram(by_sum: Tensor, before: Tensor) -> tuple[np.ndarray, float]:
    """⟨g_t, g_u⟩ (T, T) of the outer products g_t = by_sum_t ⊗ before_t, and by what they were divided."""
    peak = float(by_sum.abs().amax() * before.abs().amax())
    if not (np.isfinite(peak) and peak > 0):
        return np.full((len(by_sum), len(by_sum)), np.nan if not np.isfinite(peak) else 0.0), peak
    by_sum, before = by_sum / by_sum.abs().amax(), before / before.abs().amax()
    # The inner product of two outer products is the product of two inner products.
    return ((by_sum @ by_sum.T) * (before @ before.T)).cpu().numpy(), peak


class _Parts(NamedTuple):
    share: np.ndarray
    size: np.ndarray
    error: np.ndarray
    angle: np.ndarray
    norm: float


def _truncated(gram: np.ndarray) -> _Parts:
    """Of the first k = 1 ... T parts of a sum: error and angle against the whole, from the parts' inner products."""
    count = len(gram)
    # Products of its numbers are formed below: of 1e−170, they would be zero.
    scale = float(np.abs(gram).max())
    gram = gram / scale if 0 < scale < np.inf else gram
    whole = float(gram.sum())
    if not whole > 0:
        nothing = np.full(count, np.nan)
        return _Parts(nothing, nothing, nothing, nothing, 0.0 if whole == 0 else np.nan)
    corner = gram.cumsum(0).cumsum(1).diagonal()  # ‖g_k‖²
    rest = gram[::-1, ::-1].cumsum(0).cumsum(1).diagonal()[::-1]  # ‖g − g_{k−1}‖²
    left = np.append(rest[1:], 0.0)
    to_whole = gram.sum(axis=1)
    along = to_whole.cumsum()
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = np.where(corner > 0, along / np.sqrt(np.maximum(corner, 0) * whole), np.nan)
    # From the sine where the angle is small: there the cosine has lost it.
    across = np.sqrt(np.maximum(left - (whole - along) ** 2 / whole, 0))
    angle = np.degrees(np.arctan2(across, along / np.sqrt(whole)))
    angle[~np.isfinite(cosine)] = np.nan
    size = np.sqrt(np.maximum(gram.diagonal(), 0) / whole)
    return _Parts(to_whole / whole, size, np.sqrt(np.maximum(left, 0) / whole), angle, (whole * scale) ** 0.5)


@cached(16)
def gates(of: Network, seed: int, *, progress: Progress = silent) -> Gates:
    """The gates of the first network step by step, and ∂c_T/∂c_t (∂h_T/∂h_t of a GRU) beside the gates' product."""
    import torch

    from dlviz.engine.signals import cells

    n = of.hidden
    with torch.no_grad():
        run = read(of, keys(seed, 1))
        trace = run.trace
        of_step = trace.gates[:, 0]  # (T, G, n)
        lstm = of.cell == "LSTM"
        names = ("i", "f", "o") if lstm else ("r", "z")
        chosen = of_step[:, [cells.GATES[of.cell].index(name) for name in names]].cpu().numpy()
        low, high = np.quantile(chosen, [0.1, 0.9], axis=2)
        keep = of_step[:, 1]  # f, or z
        # Rows: every unit's memory after the last step.
        rows = torch.zeros(1, n, trace.cells.state, dtype=torch.float64, device=keep.device)
        rows[0, :, -n:] = torch.eye(n, dtype=torch.float64, device=keep.device)
        total, direct = np.empty(trace.steps), np.empty(trace.steps)
        path = torch.ones(n, dtype=torch.float64, device=keep.device)
        for lag, t in enumerate(range(trace.steps, 0, -1)):
            memory = rows[0, :, -n:]
            if lstm and lag:
                # c_t also acts through h_t = o_t tanh(c_t), which is another coordinate of the state.
                memory = memory + rows[0, :, :n] * trace.local[0][t - 1, 0]
            total[lag] = float(cells.norm(memory.reshape(-1))) / n**0.5
            direct[lag] = float(cells.norm(path)) / n**0.5
            rows, _ = cells.pull(trace, t, rows)
            path = path * keep[t - 1]
            progress((lag + 1) / trace.steps)
    return Gates(names, chosen.mean(axis=2).T, low.T, high.T, run.inputs[0].cpu().numpy(), total, direct)
