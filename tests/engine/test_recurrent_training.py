"""Stacked recurrent networks: against torch's own cells, clipping functions and optimizers, in float64."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from dlviz.engine.networks import losses as all_losses
from dlviz.engine.networks import rnn
from dlviz.engine.networks.batches import Generated
from dlviz.engine.networks.clipping import Clip, change, clip, norms
from dlviz.engine.networks.failures import Failures
from dlviz.engine.networks.fit import fit
from dlviz.engine.networks.recording import Record
from dlviz.engine.networks.rnn import GATES, NAMES, RNN, Unrolled
from dlviz.engine.networks.updates import adam, sgd

INF = math.inf
UNITS, INPUTS, OUTPUTS, BATCH = 5, 3, 4, 6


def networks(cell, models, seed=0, scale=0.6, outputs=OUTPUTS):
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return scale * torch.randn(models, *shape, generator=generator, dtype=torch.float64)

    rows = GATES[cell] * UNITS
    return RNN(cell, normal(rows, INPUTS), normal(rows, UNITS), normal(rows), normal(outputs, UNITS), normal(outputs))


def data(models, steps, seed=1, numbers=False):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(models, steps, BATCH, INPUTS, generator=generator, dtype=torch.float64)
    y = torch.randint(OUTPUTS, (models, BATCH), generator=generator)
    return x, y.double() if numbers else y


class Plain(nn.Module):
    """One of the networks as one would write it: a cell of torch's, unrolled; its hidden bias is zero and stays so."""

    def __init__(self, stacked, m):
        super().__init__()
        cell = stacked.cell
        given = {"dtype": torch.float64}
        self.cell = {
            "RNN tanh": lambda: nn.RNNCell(INPUTS, UNITS, **given),
            "RNN ReLU": lambda: nn.RNNCell(INPUTS, UNITS, nonlinearity="relu", **given),
            "LSTM": lambda: nn.LSTMCell(INPUTS, UNITS, **given),
            "GRU": lambda: nn.GRUCell(INPUTS, UNITS, **given),
        }[cell]()
        self.out = nn.Linear(UNITS, stacked.weight_out.shape[1], **given)
        with torch.no_grad():
            self.cell.bias_hh.zero_()
            for mine, theirs in zip(self.trained(), stacked.parameters().values(), strict=True):
                mine.copy_(theirs[m])

    def trained(self):
        return [self.cell.weight_ih, self.cell.weight_hh, self.cell.bias_ih, self.out.weight, self.out.bias]

    def forward(self, x, truncation=None):
        state = torch.zeros(x.shape[1], UNITS, dtype=x.dtype)
        state = (state, state) if isinstance(self.cell, nn.LSTMCell) else state
        for t, now in enumerate(x):
            if truncation is not None and t == len(x) - truncation:
                state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
            state = self.cell(now, state)
        return self.out(state[0] if isinstance(state, tuple) else state)

    def loss(self, x, y, truncation=None):
        out = self(x, truncation)
        return nn.functional.mse_loss(out[:, 0], y) if y.is_floating_point() else nn.functional.cross_entropy(out, y)


@pytest.mark.parametrize("numbers", [False, True])
@pytest.mark.parametrize("truncation", [None, 1, 4, 50])
@pytest.mark.parametrize("cell", GATES)
def test_gradients_are_those_of_torch_s_cells(cell, truncation, numbers):
    """Three lengths at once; a shorter sequence is the end of the tensor."""
    lengths = [9, 9, 6, 2]
    stacked, (x, y) = networks(cell, 4, outputs=1 if numbers else OUTPUTS), data(4, 9, numbers=numbers)
    used = all_losses.squared if numbers else all_losses.cross_entropy
    loss, grads = rnn.gradients(stacked, x, y, lengths, loss=used, truncation=truncation)
    for m, length in enumerate(lengths):
        plain = Plain(stacked, m)
        expected = plain.loss(x[m, 9 - length :], y[m], truncation)
        assert float(loss[m]) == pytest.approx(expected.item(), abs=1e-12)
        for name, ours, theirs in zip(NAMES, grads, torch.autograd.grad(expected, plain.trained()), strict=True):
            assert torch.allclose(ours[m], theirs, rtol=0, atol=1e-12), name


def test_one_batch_may_serve_all_networks():
    stacked, (x, y) = networks("GRU", 3), data(1, 5)
    shared = rnn.gradients(stacked, x, y, [5, 5, 4])
    apart = rnn.gradients(stacked, x.repeat(3, 1, 1, 1), y.repeat(3, 1), [5, 5, 4])
    assert torch.allclose(shared[0], apart[0], atol=1e-14)
    assert all(torch.allclose(a, b, atol=1e-14) for a, b in zip(shared[1], apart[1], strict=True))


def test_lengths_and_cells_that_cannot_be_are_refused():
    x, _ = data(2, 5)
    for lengths in ([3, 4], [6, 2], [3, 0]):
        with pytest.raises(ValueError, match="lengths"):
            rnn.forward(networks("LSTM", 2), x, lengths)
    with pytest.raises(ValueError, match="allowed"):
        RNN("MLP", *networks("LSTM", 2).parameters().values())


def descend(stacked, batches, lengths, steps, *, rate=0.2, clip_norm=INF, clip_value=INF, weight_decay=0.0, **given):
    """Plain gradient descent, every network with its own cure: what was recorded, and the failures."""
    limits, failures = Clip(as_array(clip_norm), as_array(clip_value)), Failures()
    update = sgd(as_array(rate), weight_decay=as_array(weight_decay))
    quantities = ("loss", "grad_norm", "clip_angle", "clip_share")
    found = fit(
        Unrolled(stacked, lengths), Generated(batches, steps), update, clip=limits,
        record=[*map(Record, quantities), failures], **given,
    )  # fmt: skip
    return Descent(*(failures.until(found[name]) for name in quantities), failures.found_by_model)


class Descent(NamedTuple):
    loss: np.ndarray
    norm: np.ndarray
    turned: np.ndarray
    clipped: np.ndarray
    failures: list


def as_array(value):
    return np.array(value, dtype=float) if isinstance(value, list) else value


def test_descent_is_torch_s_sgd_with_torch_s_clipping():
    """Every cure in a network of its own, beside loops with torch.optim.SGD and the functions of torch.nn.utils."""
    steps, given = 12, {"clip_norm": [INF, 0.3, INF, INF, INF], "clip_value": [INF, INF, 0.02, INF, INF]}
    given |= {"rate": [0.2, 0.2, 0.2, 0.2, 0.01], "weight_decay": [0, 0, 0, 0.3, 0]}
    stacked = networks("RNN tanh", 1)
    stacked = RNN(stacked.cell, *[p.repeat(5, *[1] * (p.dim() - 1)) for p in stacked.parameters().values()])
    plains = [Plain(stacked, m) for m in range(5)]
    many = [data(1, 7, seed=step) for step in range(steps)]
    found = descend(stacked, lambda step: many[step], [7] * 5, steps, **given)
    for m, plain in enumerate(plains):
        optimizer = torch.optim.SGD(plain.trained(), lr=given["rate"][m], weight_decay=given["weight_decay"][m])
        for step, (x, y) in enumerate(many):
            plain.zero_grad()
            loss = plain.loss(x[0], y[0])
            loss.backward()
            before = torch.cat([p.grad.flatten() for p in plain.trained()]).clone()
            norm = nn.utils.clip_grad_norm_(plain.trained(), given["clip_norm"][m])
            nn.utils.clip_grad_value_(plain.trained(), given["clip_value"][m])
            after = torch.cat([p.grad.flatten() for p in plain.trained()])
            optimizer.step()
            assert found.loss[step, m] == pytest.approx(loss.item(), abs=1e-10)
            assert found.norm[step, m] == pytest.approx(float(norm), rel=1e-9)
            turned = math.degrees(math.acos(min(float(nn.functional.cosine_similarity(before, after, 0)), 1)))
            assert found.turned[step, m] == pytest.approx(turned, abs=1e-5)
            assert found.clipped[step, m] == pytest.approx(float((before != after).double().mean()), abs=1e-12)
        for name, ours, theirs in zip(NAMES, stacked.parameters().values(), plain.trained(), strict=True):
            assert torch.allclose(ours[m], theirs, rtol=0, atol=1e-10), (m, name)
    assert found.turned[:, 2].max() > 1 > 1e-6 > found.turned[:, 1].max()
    assert (found.clipped[:, 1] == 1).any() and 0 < found.clipped[:, 2].mean() < 1
    assert found.failures == [None] * 5


def test_adam_is_torch_s():
    steps, lengths = 15, [6, 6, 3]
    for truncation, threshold in ((None, INF), (2, 0.05)):
        stacked = networks("LSTM", 3)
        plains = [Plain(stacked, m) for m in range(3)]
        many = [data(3, 6, seed=step) for step in range(steps)]
        losses = fit(
            Unrolled(stacked, lengths, truncation), Generated(lambda step, many=many: many[step], steps), adam(0.03),
            clip=Clip(threshold), record=[Record("loss")],
        )["loss"]  # fmt: skip
        for m, plain in enumerate(plains):
            optimizer = torch.optim.Adam(plain.trained(), lr=0.03)
            for step, (x, y) in enumerate(many):
                optimizer.zero_grad()
                loss = plain.loss(x[m, 6 - lengths[m] :], y[m], truncation)
                loss.backward()
                nn.utils.clip_grad_norm_(plain.trained(), threshold)
                optimizer.step()
                assert losses[step, m] == pytest.approx(loss.item(), abs=1e-8)
            for ours, theirs in zip(stacked.parameters().values(), plain.trained(), strict=True):
                assert torch.allclose(ours[m], theirs, rtol=0, atol=1e-8)


# ---- what is not finite


def explode(change, steps=5, **given):
    """A run of two equal networks of which the second is changed first."""
    stacked = networks("RNN ReLU", 2)
    for parameter in stacked.parameters().values():
        parameter[1] = parameter[0]
    stacked = RNN(stacked.cell, *[p.float() for p in stacked.parameters().values()])
    change(stacked)
    many = [tuple(part.float() if part.is_floating_point() else part for part in data(1, 8, seed=s)) for s in range(5)]
    return stacked, descend(stacked, lambda step: many[step], [8, 8], steps, **given)


def test_the_first_number_that_is_not_finite_is_named():
    def large_recurrent(stacked):
        stacked.weight_hh[1] = 1e12

    _, found = explode(large_recurrent)
    failure = found.failures[1]
    assert (failure.step, failure.tensor) == (0, "hidden state") and 3 <= failure.time <= 5
    assert np.isnan(found.loss[1:, 1]).all()

    def large_readout(stacked):
        stacked.weight_out[1] = 3e38

    assert explode(large_readout)[1].failures[1].tensor == "output"

    # Finite outputs, and a gradient that overflows on its way back.
    def large_back(stacked):
        stacked.weight_ih[1], stacked.bias[1] = 0, 1e-35
        stacked.weight_hh[1] = 1e4
        stacked.weight_out[1] = torch.eye(OUTPUTS, UNITS) * 1e20

    _, found = explode(large_back)
    assert found.failures[1].tensor.startswith("gradient of weight_")
    assert np.isfinite(found.loss[0, 1]) and np.isnan(found.clipped[0, 1]) and np.isnan(found.turned[0, 1])


def test_an_update_that_overflows_is_named_too():
    _, found = explode(lambda stacked: None, rate=1e38, weight_decay=1e5)
    assert found.failures[0].step == 0 and found.failures[0].tensor in NAMES
    assert np.isfinite(found.loss[0]).all() and np.isnan(found.loss[1:]).all()


def test_a_network_that_overflows_does_not_touch_the_others():
    def broken(stacked):
        stacked.weight_hh[1] = 1e30

    sound, alone = explode(lambda stacked: None)
    beside, found = explode(broken)
    assert np.array_equal(alone.loss[:, 0], found.loss[:, 0]) and found.failures[0] is None
    pairs = zip(sound.parameters().values(), beside.parameters().values(), strict=True)
    assert all(torch.equal(a[0], b[0]) for a, b in pairs)


def test_norm_clipping_holds_where_float32_squares_overflow():
    grads = [torch.full((1, 3, 2), 1e30), torch.full((1, 4), -1e30)]
    norm = norms(grads, 1)
    clipped = clip(grads, Clip(1.0), norm)
    angle, changed = change(grads, clipped, norm)
    assert float(norm) == pytest.approx(1e30 * 10**0.5, rel=1e-6) and float(angle) < 1e-4 and float(changed) == 1
    assert float(torch.cat([part.flatten() for part in clipped]).norm()) == pytest.approx(1, rel=1e-5)


def test_progress_is_called_within_a_step_and_may_stop_it():
    stacked, (x, y) = networks("LSTM", 2), data(2, 100)
    calls = []
    fit(Unrolled(stacked, [100, 100]), Generated(lambda _: (x, y), 1), adam(0.01), progress=calls.append)
    assert len(calls) > 10 and calls == sorted(calls) and calls[-1] == 1

    class Stopped(Exception):
        pass

    def stop(share):
        raise Stopped

    with pytest.raises(Stopped):
        descend(stacked, lambda _: (x, y), [100, 100], 3, progress=stop)
