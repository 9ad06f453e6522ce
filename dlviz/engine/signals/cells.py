"""Recurrent cells with backpropagation through time written out: gradients, Jacobians, and their products.

S networks of one shape are one tensor program. Weights have torch's layout and order of the gates (LSTM: i, f, g,
o; GRU: r, z, n), with one bias, torch's ``bias_ih``.

The *state* is what a network carries from one step to the next, and all that a gradient can travel on: h of an RNN
and a GRU, (h, c) of an LSTM, 2n numbers, which are independent coordinates here. So the gradient by the
state after step t is what autograd gives for the ``hx`` that is handed to step t + 1.

A gradient is a row and is pulled back by one step after the other, ``pull``: Werbos (1990), "Backpropagation through
time"; Goodfellow, Bengio and Courville (2016), section 10.2.2. Everything is float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.progress import Progress, silent

if TYPE_CHECKING:
    from torch import Tensor

BLOCKS = {"Linear": 1, "RNN tanh": 1, "RNN ReLU": 1, "LSTM": 4, "GRU": 3}
"""Rows of blocks in the weights of each cell. "Linear" is an RNN without activation."""
GATES = {"LSTM": ("i", "f", "g", "o"), "GRU": ("r", "z", "n")}
VANILLA = ("Linear", "RNN tanh", "RNN ReLU")


@dataclass
class Cells:
    """S networks of one kind with n units and m inputs. The bias of ``weight_hh`` is zero."""

    kind: str
    weight_ih: Tensor  # (S, G·n, m)
    weight_hh: Tensor  # (S, G·n, n)
    bias: Tensor  # (S, G·n)

    def __post_init__(self) -> None:
        self.hidden = self.weight_hh.shape[2]
        if self.kind not in BLOCKS or self.weight_hh.shape[1] != BLOCKS[self.kind] * self.hidden:
            raise ValueError(f"{self.kind!r} with weights {tuple(self.weight_hh.shape)}; kinds: {', '.join(BLOCKS)}")
        self.state = self.hidden * (2 if self.kind == "LSTM" else 1)


@dataclass
class Trace:
    """A forward pass of T steps, with what the backward pass needs."""

    cells: Cells
    h: Tensor  # (T+1, S, n) from the initial state, zero
    c: Tensor | None  # (T+1, S, n) of an LSTM
    gates: Tensor | None  # (T, S, G, n): i, f, g, o or r, z, n after their activations
    local: tuple[Tensor, ...]  # local derivatives, see _slope, _lstm_slopes and _gru_slopes

    @property
    def steps(self) -> int:
        return len(self.h) - 1


def forward(cells: Cells, x: Tensor, progress: Progress = silent) -> Trace:
    """Read ``x`` (S, T, m) from the state zero."""
    import torch

    networks, steps, n = x.shape[0], x.shape[1], cells.hidden
    blocks = BLOCKS[cells.kind]
    # A row times a transposed matrix is three times as fast as a matrix times a column.
    across = cells.weight_hh.mT.contiguous()
    given = torch.baddbmm(cells.bias[:, None], x, cells.weight_ih.mT).transpose(0, 1).unsqueeze(2).contiguous()
    h = x.new_zeros(steps + 1, networks, 1, n)
    if cells.kind in VANILLA:
        for t in range(steps):
            torch.baddbmm(given[t], h[t], across, out=h[t + 1])
            if cells.kind == "RNN tanh":
                h[t + 1].tanh_()
            elif cells.kind == "RNN ReLU":
                h[t + 1].relu_()
            progress((t + 1) / steps)
        h = h.squeeze(2)
        return _traced(cells, h, None, None, (_slope(cells.kind, h),))
    gates = given.view(steps, networks, blocks, n)
    if cells.kind == "LSTM":
        c, squashed = x.new_zeros(steps + 1, networks, 1, n), x.new_empty(steps, networks, 1, n)
        for t in range(steps):
            given[t].baddbmm_(h[t], across)
            now = gates[t]
            now[:, :2].sigmoid_(), now[:, 2].tanh_(), now[:, 3].sigmoid_()
            torch.mul(now[:, 1:2], c[t], out=c[t + 1])
            c[t + 1].addcmul_(now[:, :1], now[:, 2:3])
            torch.tanh(c[t + 1], out=squashed[t])
            torch.mul(now[:, 3:], squashed[t], out=h[t + 1])
            progress((t + 1) / steps)
        h, c = h.squeeze(2), c.squeeze(2)
        return _traced(cells, h, c, gates, _lstm_slopes(c, gates, squashed.squeeze(2)))
    recurrent = x.new_empty(steps, networks, 1, n)  # W_hn h, before the reset gate
    for t in range(steps):
        now, product = gates[t], torch.bmm(h[t], across).view(networks, blocks, n)
        now[:, :2].add_(product[:, :2]).sigmoid_()
        recurrent[t].copy_(product[:, 2:])
        now[:, 2:].addcmul_(now[:, :1], recurrent[t]).tanh_()
        torch.lerp(now[:, 2:], h[t], now[:, 1:2], out=h[t + 1])
        progress((t + 1) / steps)
    h = h.squeeze(2)
    return _traced(cells, h, None, gates, _gru_slopes(h, gates, recurrent.squeeze(2)))


def _traced(cells: Cells, h: Tensor, c: Tensor | None, gates: Tensor | None, slopes: tuple[Tensor, ...]) -> Trace:
    return Trace(cells, h, c, gates, tuple(part.unsqueeze(2) for part in slopes))


# What one step of the backward pass multiplies by, for all steps at once.


def _slope(kind: str, h: Tensor) -> Tensor:
    import torch

    if kind == "Linear":
        return torch.ones_like(h[1:])
    return 1 - h[1:] ** 2 if kind == "RNN tanh" else (h[1:] > 0).to(h.dtype)


def _lstm_slopes(c: Tensor, gates: Tensor, squashed: Tensor) -> tuple[Tensor, ...]:
    import torch

    i, f, g, o = gates.unbind(2)
    through = o * (1 - squashed**2)  # ∂h/∂c within a step
    inner = torch.stack([g * i * (1 - i), c[:-1] * f * (1 - f), i * (1 - g**2)], 2)
    return through, inner, squashed * o * (1 - o), f


def _gru_slopes(h: Tensor, gates: Tensor, recurrent: Tensor) -> tuple[Tensor, ...]:
    import torch

    r, z, n = gates.unbind(2)
    candidate = (1 - z) * (1 - n**2)
    return torch.stack([candidate * recurrent * r * (1 - r), (h[:-1] - n) * z * (1 - z), candidate * r], 2), z


def pull(trace: Trace, t: int, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients by the state after step t (1 ... T) -> by the state after step t - 1, and by ``weight_hh h`` at t.

    ``rows`` (S, R, state) for R functions of each network; gives (S, R, state) and (S, R, G·n). The gradient by
    ``weight_hh`` through step t is the outer product of the second with h after step t - 1.
    """
    import torch

    cells, n = trace.cells, trace.cells.hidden
    weight = cells.weight_hh
    if cells.kind in VANILLA:
        by_sum = rows * trace.local[0][t - 1]
        return torch.bmm(by_sum, weight), by_sum
    networks, count = rows.shape[:2]
    by_sum = rows.new_empty(networks, count, BLOCKS[cells.kind], n)
    if cells.kind == "LSTM":
        through, inner, output, forget = (part[t - 1] for part in trace.local)
        by_h, by_c = rows[..., :n], rows[..., n:]
        by_c = torch.addcmul(by_c, by_h, through)
        # ``inner`` came with an axis for the rows in the place of the gates'.
        torch.mul(by_c[:, :, None], inner, out=by_sum[:, :, :3])
        torch.mul(by_h, output, out=by_sum[:, :, 3])
        by_sum = by_sum.flatten(2)
        before = rows.new_empty(networks, count, 2 * n)
        torch.mul(by_c, forget, out=before[..., n:])
        before[..., :n] = torch.bmm(by_sum, weight)
        return before, by_sum
    inner, update = (part[t - 1] for part in trace.local)
    torch.mul(rows[:, :, None], inner, out=by_sum)
    by_sum = by_sum.flatten(2)
    return torch.baddbmm(rows * update, by_sum, weight), by_sum


def jacobian(trace: Trace, t: int) -> Tensor:
    """∂(state after step t) / ∂(state after step t - 1), (S, state, state); t from 1 to T."""
    import torch

    weight = trace.cells.weight_hh
    unit = torch.eye(trace.cells.state, dtype=weight.dtype, device=weight.device)
    return pull(trace, t, unit.expand(weight.shape[0], -1, -1))[0]


def spectral_radius(matrix: Tensor, progress: Progress = silent) -> float:
    """The largest absolute eigenvalue, by Gelfand's formula lim ‖A^m‖^(1/m) with m = 2^30; relative error about 1e-8.

    No slower than ``torch.linalg.eigvals``, which for an LSTM of 256 units says nothing for up to half a second.
    """
    power, log = matrix, 0.0
    for squared in range(31):
        size = float(norm(power.flatten()))
        if size == 0:
            return 0.0
        log += math.log(size) / 2**squared
        power = power / size
        power = power @ power
        progress((squared + 1) / 31)
    return math.exp(log)


def backward(trace: Trace, last: Tensor, progress: Progress = silent) -> tuple[Tensor, Tensor]:
    """The gradient of one function of the last state, all the way back.

    ``last`` (S, state) is its gradient by the state after step T. Gives the gradients by the states after steps
    0 ... T, (T+1, S, state), and those by ``weight_hh h`` at steps 1 ... T, (T, S, G·n).
    """
    steps, rows = trace.steps, last[:, None]
    by_state = last.new_empty(steps + 1, *last.shape)
    by_sum = last.new_empty(steps, last.shape[0], trace.cells.weight_hh.shape[1])
    by_state[steps] = last
    for t in range(steps, 0, -1):
        rows, sums = pull(trace, t, rows)
        by_state[t - 1], by_sum[t - 1] = rows[:, 0], sums[:, 0]
        progress(1 - (t - 1) / steps)
    return by_state, by_sum


def norm(x: Tensor) -> Tensor:
    """Euclidean norm over the last axis, where squares would leave float64's range too."""
    peak = x.abs().amax(-1, keepdim=True)
    safe = peak.where((peak > 0) & peak.isfinite(), peak.new_ones(()))
    return (x / safe).square_().sum(-1).sqrt_() * safe[..., 0]


def products(trace: Trace, targets: Sequence[int], probes: Tensor | None, progress: Progress = silent) -> np.ndarray:
    """‖∂(state after t)/∂(state after s)‖_F / √state of a trace of one network, for ``targets`` t and s = 1 ... t.

    Gives log10 of it, (targets, T), NaN for s > t and -inf for zero: as a logarithm it does not leave the range of
    float64. 1 for s = t. With ``probes`` (k, state), standard normal, ‖vᵀ∂/∂‖ over k rows v is an unbiased estimate
    of the square (Hutchinson 1990; k times cheaper than state rows); without, it is exact.
    """
    import torch

    steps, state = trace.steps, trace.cells.state
    weight = trace.cells.weight_hh
    unit = torch.eye(state, dtype=weight.dtype, device=weight.device) if probes is None else probes / len(probes) ** 0.5
    # With probes, the square sums to the state's size on average, as with the unit vectors.
    count, scale = len(unit), state**-0.5
    order = sorted(targets, reverse=True)
    gated = trace.cells.kind in GATES
    rows, other = weight.new_empty(2, 1, len(order) * count, state)
    logs = np.full((len(order), steps), np.nan)
    shift = weight.new_zeros(len(order))
    active = 0
    for s in range(order[0], 0, -1):
        while active < len(order) and order[active] == s:
            rows[0, active * count : (active + 1) * count] = unit
            active += 1
        pulled = rows[:, : active * count]
        block = pulled.view(active, -1)
        size = torch.linalg.vector_norm(block, dim=1)
        extreme = ~((size > 1e-100) & (size < 1e100))
        if extreme.any():
            size[extreme] = norm(block[extreme])
        logs[:active, s - 1] = (size.mul(scale).log10_() + shift[:active]).cpu().numpy()
        extreme &= (size > 0) & size.isfinite()
        if extreme.any():
            block[extreme] /= size[extreme, None]
            shift[:active][extreme] += size[extreme].log10()
        if s > 1:
            # With gates a step's Jacobian is dear, and a product with it cheap: it pays for many rows.
            if gated and active * count > 4 * state:
                torch.bmm(pulled, jacobian(trace, s), out=other[:, : active * count])
            else:
                other[:, : active * count] = pull(trace, s, pulled)[0]
            rows, other = other, rows
        progress(1 - (s - 1) / order[0])
    found = np.full_like(logs, np.nan)
    found[[sorted(targets).index(t) for t in order]] = logs
    return found
