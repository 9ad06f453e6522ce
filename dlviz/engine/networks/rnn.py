"""Many recurrent networks on mini-batches as one tensor program, with backpropagation through time written out.

M networks of one cell stand in stacked weights. Sequences end together: a shorter one starts later, so that the
networks at work at any time are the first few of the stack, and none computes on padding. The loss is at the last
step. A step of all networks is one batched product; the gradient by each weight matrix is one long product over all
steps at the end, while :mod:`dlviz.engine.signals.cells` keeps what every single step contributes.

Cells and gate order are torch's (RNN; LSTM: i, f, g, o; GRU: r, z, n), but with one bias in place of torch's two, which
are always added up (the GRU's candidate: ``bias_ih``; its ``bias_hh`` is 0 and is not trained).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from dlviz.engine.networks.fit import Loss
from dlviz.engine.networks.losses import cross_entropy, with_gradient
from dlviz.engine.networks.model import Alive, nothing

if TYPE_CHECKING:
    from torch import Tensor

GATES = {"RNN tanh": 1, "RNN ReLU": 1, "LSTM": 4, "GRU": 3}
NAMES = ("weight_ih", "weight_hh", "bias", "weight_out", "bias_out")
BEAT = 16  # time steps between two calls of ``alive``


@dataclass
class RNN:
    """M networks of one cell with n units, G gates, d inputs and K outputs read off the last hidden state.

    The tensors are changed in place by training.
    """

    cell: str
    weight_ih: Tensor  # (M, G·n, d)
    weight_hh: Tensor  # (M, G·n, n)
    bias: Tensor  # (M, G·n)
    weight_out: Tensor  # (M, K, n)
    bias_out: Tensor  # (M, K)

    def __post_init__(self) -> None:
        if self.cell not in GATES:
            raise ValueError(f"unknown cell {self.cell!r}; allowed: {', '.join(GATES)}")

    def parameters(self) -> Mapping[str, Tensor]:
        """By name, in the order of ``NAMES``."""
        return {name: getattr(self, name) for name in NAMES}

    def one(self, m: int) -> RNN:
        """Network m alone; its tensors are views."""
        return RNN(self.cell, *[parameter[m : m + 1] for parameter in self.parameters().values()])

    @property
    def hidden(self) -> int:
        return self.weight_hh.shape[2]


@dataclass(frozen=True)
class Unrolled:
    """Networks that read sequences, as a model for ``fit``: mini-batches are x (M, T, B, d), or (1, T, B, d) for all.

    The last ``lengths[m]`` steps of ``x`` are real, and gradients go back through the last ``truncation`` of them, as
    in :func:`gradients`.
    """

    networks: RNN
    lengths: Sequence[int]
    truncation: int | None = None

    def parameters(self) -> Mapping[str, Tensor]:
        """By name, in the order of ``NAMES``."""
        return self.networks.parameters()

    def layers(self) -> Sequence[int]:
        """Layer 0 is the cell, layer 1 the readout."""
        return [int(name.endswith("out")) for name in NAMES]

    def forward(self, x: Tensor, alive: Alive = nothing) -> Tensor:
        """Outputs (M, B, K) after the last step."""
        return forward(self.networks, x, self.lengths, alive).outputs

    def gradients(self, x: Tensor, y: Tensor, loss: Loss, alive: Alive = nothing) -> tuple[Tensor, list[Tensor]]:
        """As :func:`gradients`."""
        return gradients(self.networks, x, y, self.lengths, loss=loss, truncation=self.truncation, alive=alive)


class Passed(NamedTuple):
    """What a forward pass leaves: outputs, and what the backward pass needs."""

    outputs: Tensor  # (M, B, K) after the last step
    states: Tensor  # (M, T+1, B, n) hidden states; 0 is the start, zeros
    gates: Tensor  # (M, T, B, G·n) after their nonlinearities
    extra: tuple[Tensor, ...]  # LSTM: cells (M, T+1, B, n) and their tanh (M, T, B, n); GRU: W_hh h (M, T, B, 3n)
    active: list[int]  # how many of the networks are at work at each of the T steps


def forward(networks: RNN, x: Tensor, lengths: Sequence[int], alive: Alive = nothing) -> Passed:
    """Run the networks over ``x`` (M, T, B, d), or (1, T, B, d) for all, whose last ``lengths[m]`` steps are real.

    ``lengths`` must not increase. Raises ``ValueError`` if they do or are not within 1 ... T.
    """
    import torch

    models, n, steps, batch = len(lengths), networks.hidden, x.shape[1], x.shape[2]
    if list(lengths) != sorted(lengths, reverse=True) or not 1 <= lengths[-1] <= lengths[0] <= steps:
        raise ValueError(f"lengths must fall from at most {steps} to at least 1, got {list(lengths)}")
    active = [sum(steps - length <= t for length in lengths) for t in range(steps)]
    inputs = x.expand(models, -1, -1, -1).reshape(models, steps * batch, -1)
    a = networks.bias.unsqueeze(1).baddbmm(inputs, networks.weight_ih.transpose(1, 2)).view(models, steps, batch, -1)
    w = networks.weight_hh.transpose(1, 2)
    h = a.new_zeros(models, steps + 1, batch, n)
    extra: tuple[Tensor, ...] = ()
    if networks.cell == "LSTM":
        extra = a.new_zeros(models, steps + 1, batch, n), a.new_zeros(models, steps, batch, n)
    elif networks.cell == "GRU":
        extra = (torch.zeros_like(a),)
    for t in range(steps):
        k = active[t]
        if not k:
            continue
        z, before, after = a[:k, t], h[:k, t], h[:k, t + 1]
        if networks.cell == "LSTM":
            z.baddbmm_(before, w[:k])
            z[..., : 2 * n].sigmoid_()
            z[..., 2 * n : 3 * n].tanh_()
            z[..., 3 * n :].sigmoid_()
            i, f, g, o = z.chunk(4, -1)
            c, squashed = extra[0][:k, t + 1], extra[1][:k, t]
            torch.mul(f, extra[0][:k, t], out=c)
            c.addcmul_(i, g)
            torch.tanh(c, out=squashed)
            torch.mul(o, squashed, out=after)
        elif networks.cell == "GRU":
            q = torch.bmm(before, w[:k], out=extra[0][:k, t])
            z[..., : 2 * n].add_(q[..., : 2 * n]).sigmoid_()
            r, u, candidate = z.chunk(3, -1)
            candidate.addcmul_(r, q[..., 2 * n :]).tanh_()
            torch.lerp(candidate, before, u, out=after)
        else:
            z.baddbmm_(before, w[:k])
            torch.tanh(z, out=after) if networks.cell == "RNN tanh" else torch.clamp(z, min=0, out=after)
        if t % BEAT == 0:
            alive()
    outputs = networks.bias_out.unsqueeze(1).baddbmm(h[:, -1], networks.weight_out.transpose(1, 2))
    return Passed(outputs, h, a, extra, active)


def gradients(
    networks: RNN,
    x: Tensor,
    y: Tensor,
    lengths: Sequence[int],
    *,
    loss: Loss = cross_entropy,
    truncation: int | None = None,
    alive: Alive = nothing,
) -> tuple[Tensor, list[Tensor]]:
    """Loss (M,) and its gradient by every parameter, in the order of ``NAMES``.

    ``y`` (M, B), or (1, B) for all, are the targets of the ``loss``.

    Backpropagation through time (Werbos 1990). With ``truncation`` k it goes through the last k steps only: what
    stood in the hidden state before them counts as given (``detach`` in torch; Williams and Peng 1990).
    """
    passed = forward(networks, x, lengths, alive)
    values, error = with_gradient(loss, passed.outputs, y)
    by_out = error.transpose(1, 2) @ passed.states[:, -1]
    back = error @ networks.weight_out
    stop = 0 if truncation is None else max(x.shape[1] - truncation, 0)
    by_input, by_state = _backward(networks, passed, back, stop, alive)
    steps = x.shape[1]
    by_ih, by_hh = (w.new_empty(w.shape) for w in (networks.weight_ih, networks.weight_hh))
    by_bias = networks.bias.new_empty(networks.bias.shape)
    for length in dict.fromkeys(lengths):
        first = lengths.index(length)
        group, real = slice(first, first + lengths.count(length)), slice(max(steps - length, stop), steps)
        deltas = by_input[group, real].flatten(1, 2)
        shared = slice(None) if len(x) == 1 else group
        by_ih[group] = deltas.transpose(1, 2) @ x[shared, real].flatten(1, 2)
        by_bias[group] = deltas.sum(1)
        deltas = deltas if by_state is by_input else by_state[group, real].flatten(1, 2)
        by_hh[group] = deltas.transpose(1, 2) @ passed.states[group, real].flatten(1, 2)
    return values, [by_ih, by_hh, by_bias, by_out, error.sum(1)]


def _backward(networks: RNN, passed: Passed, back: Tensor, stop: int, alive: Alive) -> tuple[Tensor, Tensor]:
    """Gradients (M, T, B, G·n) by W_ih x + b and by W_hh h, from the last step down to ``stop``.

    They are the same tensor but for the GRU. ``back`` (M, B, n) is the gradient by the last hidden state; it and what
    the forward pass left are overwritten.
    """
    import torch

    w, n, h, a = networks.weight_hh, networks.hidden, passed.states, passed.gates
    carry = torch.zeros_like(back)  # the gradient by the LSTM's cell
    for t in range(a.shape[1] - 1, stop - 1, -1):
        k = passed.active[t]
        if not k:
            break
        z, d = a[:k, t], back[:k]
        if networks.cell == "LSTM":
            cells, squashed, c = passed.extra[0][:k, t], passed.extra[1][:k, t], carry[:k]
            i, f, g, o = z.chunk(4, -1)
            through = d * o
            c += through
            through *= squashed
            c.addcmul_(through, squashed, value=-1)
            by_gate = torch.cat([c * g, c * cells, c * i, d * squashed], -1)
            c *= f
            slope = torch.addcmul(z, z, z, value=-1)
            slope[..., 2 * n : 3 * n] = torch.addcmul(torch.ones_like(g), g, g, value=-1)
            torch.mul(by_gate, slope, out=z)
            torch.bmm(z, w[:k], out=d)
        elif networks.cell == "GRU":
            q, before = passed.extra[0][:k, t], h[:k, t]
            r, u, candidate = z.chunk(3, -1)
            by_candidate = (d - d * u).mul_(torch.addcmul(torch.ones_like(d), candidate, candidate, value=-1))
            by_gates = torch.cat([by_candidate * q[..., 2 * n :], d * (before - candidate)], -1)
            q[..., 2 * n :] = by_candidate * r
            kept_ = d * u
            gates = z[..., : 2 * n]
            by_gates *= torch.addcmul(gates, gates, gates, value=-1)
            gates.copy_(by_gates)
            candidate.copy_(by_candidate)
            q[..., : 2 * n] = by_gates
            torch.baddbmm(kept_, q, w[:k], out=d)
        else:
            after = h[:k, t + 1]
            if networks.cell == "RNN tanh":
                torch.addcmul(d, d * after, after, value=-1, out=z)
            else:
                torch.mul(d, after > 0, out=z)
            torch.bmm(z, w[:k], out=d)
        if t % BEAT == 0:
            alive()
    return a, passed.extra[0] if networks.cell == "GRU" else a
