"""Recurrent cells and their gradients against torch's own cells, autograd, finite differences and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from dlviz.engine.data import sequences
from dlviz.engine.signals import cells, recurrent_init

N, M, S, T = 6, 3, 2, 9
KINDS = ("RNN tanh", "RNN ReLU", "LSTM", "GRU")
EXACT = {"rtol": 1e-10, "atol": 1e-10}


def networks(kind, keys=(3, 4), **given):
    given = {"radius": 1.2, "bias": 0.7, **given}
    return recurrent_init.draw(kind, N, M, list(keys), **given)


def inputs(seed=0):
    return torch.randn(S, T, M, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def torch_cell(of, s):
    """torch's own cell with the weights of network s."""
    made = {
        "RNN tanh": lambda: nn.RNNCell(M, N, nonlinearity="tanh"),
        "RNN ReLU": lambda: nn.RNNCell(M, N, nonlinearity="relu"),
        "LSTM": lambda: nn.LSTMCell(M, N),
        "GRU": lambda: nn.GRUCell(M, N),
    }[of.kind]().double()
    fill(made, of, s, "")
    return made


def fill(module, of, s, suffix):
    with torch.no_grad():
        for name, value in (("weight_ih", of.weight_ih), ("weight_hh", of.weight_hh), ("bias_ih", of.bias)):
            getattr(module, name + suffix).copy_(value[s])
        getattr(module, "bias_hh" + suffix).zero_()


def unrolled(cell, kind, x, state=None):
    """States after each step as leaves of their own: copies that are handed on, with their gradients kept."""
    state = state or [torch.zeros(1, N, dtype=torch.float64) for _ in range(2 if kind == "LSTM" else 1)]
    states = []
    for t in range(len(x)):
        out = cell(x[t][None], tuple(state) if kind == "LSTM" else state[0])
        state = [part.clone() for part in (out if kind == "LSTM" else (out,))]
        for part in state:
            part.retain_grad()
        states.append(state)
    return states


@pytest.mark.parametrize("kind", KINDS)
def test_forward_equals_torch_s_fused_network(kind):
    of, x = networks(kind), inputs()
    trace = cells.forward(of, x)
    for s in range(S):
        fused = {"LSTM": nn.LSTM, "GRU": nn.GRU}.get(kind, nn.RNN)
        options = {"nonlinearity": kind.split()[1].lower()} if kind.startswith("RNN") else {}
        network = fused(M, N, **options).double()
        fill(network, of, s, "_l0")
        with torch.no_grad():
            h, last = network(x[s])
        torch.testing.assert_close(trace.h[1:, s], h, **EXACT)
        if kind == "LSTM":
            torch.testing.assert_close(trace.c[-1, s], last[1][0], **EXACT)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_states_and_weights_equal_autograd_s(kind):
    of, x = networks(kind), inputs()
    trace = cells.forward(of, x)
    last = torch.randn(S, of.state, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    by_state, by_sum = cells.backward(trace, last)
    for s in range(S):
        cell = torch_cell(of, s)
        states = unrolled(cell, kind, x[s])
        torch.cat(states[-1], 1)[0].dot(last[s]).backward()
        for t in range(1, T + 1):
            expected = torch.cat([part.grad for part in states[t - 1]], 1)[0]
            torch.testing.assert_close(by_state[t, s], expected, **EXACT)
        # The sum over steps of outer products is the gradient by the recurrent weights.
        parts = by_sum[:, s, :, None] * trace.h[:-1, s, None, :]
        torch.testing.assert_close(parts.sum(0), cell.weight_hh.grad, **EXACT)


@pytest.mark.parametrize("kind", ["RNN tanh", "LSTM", "GRU"])
def test_the_gradient_by_the_first_state_equals_that_of_the_fused_network(kind):
    of, x = networks(kind), inputs()
    trace = cells.forward(of, x)
    last = torch.randn(S, of.state, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    by_state, _ = cells.backward(trace, last)
    fused = {"LSTM": nn.LSTM, "GRU": nn.GRU}.get(kind, nn.RNN)(M, N).double()
    fill(fused, of, 0, "_l0")
    start = [torch.zeros(1, N, dtype=torch.float64, requires_grad=True) for _ in range(of.state // N)]
    _, end = fused(x[0], tuple(start) if kind == "LSTM" else start[0])
    end = end if kind == "LSTM" else (end,)
    torch.cat(end, 1)[0].dot(last[0]).backward()
    torch.testing.assert_close(by_state[0, 0], torch.cat([part.grad for part in start], 1)[0], **EXACT)


@pytest.mark.parametrize("kind", KINDS)
def test_jacobian_of_a_step_against_finite_differences(kind):
    of, x, step = networks(kind), inputs(), 5
    trace = cells.forward(of, x)
    cell = torch_cell(of, 1)

    def forward(state):
        parts = state.view(-1, N)
        out = cell(x[1, step - 1][None], (parts[:1], parts[1:]) if kind == "LSTM" else parts)
        return torch.cat(out if kind == "LSTM" else (out,), 1)[0]

    parts = [trace.h[step - 1, 1]] + ([trace.c[step - 1, 1]] if kind == "LSTM" else [])
    here, eps = torch.cat(parts), 1e-6
    with torch.no_grad():
        unit = torch.eye(of.state, dtype=torch.float64)
        found = torch.stack([(forward(here + eps * e) - forward(here - eps * e)) / (2 * eps) for e in unit], 1)
    torch.testing.assert_close(cells.jacobian(trace, step)[1], found, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_products_are_the_norms_of_the_multiplied_jacobians(kind):
    of, x = networks(kind, keys=[3]), inputs()[:1]
    trace = cells.forward(of, x)
    targets = [2, 4, 5, 6, 7, 8, 9]  # from all but two of them, gated cells go by the Jacobian
    logs = cells.products(trace, targets, None)
    for r, t in enumerate(targets):
        product = torch.eye(of.state, dtype=torch.float64)
        for s in range(t, 0, -1):
            expected = math.log10(float(torch.linalg.matrix_norm(product)) / of.state**0.5)
            assert logs[r, s - 1] == pytest.approx(expected, abs=1e-10)
            product = product @ cells.jacobian(trace, s)[0]
        assert np.isnan(logs[r, t:]).all()


def test_products_do_not_leave_the_range_of_numbers():
    """A linear network shrinks by 10 at every step, over more powers of ten than float64 has."""
    steps = 700
    for radius, sign in ((0.1, -1), (10.0, 1)):
        of = recurrent_init.draw("Linear", 4, 1, [0], matrix="Orthogonal", radius=radius, input_gain=0.0)
        trace = cells.forward(of, torch.zeros(1, steps, 1, dtype=torch.float64))
        logs = cells.products(trace, [steps], None)[0]
        assert np.allclose(logs, sign * np.arange(steps - 1, -1, -1), atol=1e-9)


def test_the_spectral_radius_is_that_of_the_eigenvalues():
    generator = torch.Generator().manual_seed(0)
    for n, scale in ((2, 1.0), (7, 1e-200), (40, 1e200)):
        matrix = scale * torch.randn(n, n, generator=generator, dtype=torch.float64)
        expected = float(torch.linalg.eigvals(matrix).abs().max())
        assert cells.spectral_radius(matrix) == pytest.approx(expected, rel=1e-7, abs=0)
    rotated = torch.tensor([[0.0, -0.9], [0.9, 0.0]], dtype=torch.float64)
    assert cells.spectral_radius(rotated) == pytest.approx(0.9, rel=1e-8)
    assert cells.spectral_radius(torch.ones(3, 3, dtype=torch.float64).triu(1)) == 0
    shares = []
    cells.spectral_radius(rotated, shares.append)
    assert len(shares) > 20 and shares == sorted(shares) and shares[-1] == 1


def test_probes_estimate_the_square_of_the_norm():
    of, x = networks("LSTM", keys=[3]), inputs()[:1]
    trace = cells.forward(of, x)
    exact = cells.products(trace, [T], None)[0]
    probes = torch.randn(20_000, of.state, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = cells.products(trace, [T], probes)[0]
    assert np.allclose(found, exact, atol=0.02)


@pytest.mark.parametrize("radius", [0.9, 1.0, 1.1])
@pytest.mark.parametrize("matrix", ["Orthogonal", "Identity"])
def test_a_linear_network_with_a_normal_matrix_has_the_slope_log_rho(radius, matrix):
    of = recurrent_init.draw("Linear", 16, 1, [1, 2, 3], matrix=matrix, radius=radius)
    trace = cells.forward(of, torch.randn(3, 60, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
    by_state, _ = cells.backward(trace, torch.ones(3, 16, dtype=torch.float64))
    norms = cells.norm(by_state)
    torch.testing.assert_close(norms[:-1] / norms[1:], torch.full((60, 3), radius, dtype=torch.float64), **EXACT)


@pytest.mark.parametrize("matrix", ["Gaussian", "Orthogonal", "Identity"])
def test_recurrent_blocks_have_the_radius_that_was_asked_for(matrix):
    of = recurrent_init.draw("LSTM", 20, 1, [5], matrix=matrix, radius=0.7)
    for part in of.weight_hh[0].split(20):
        values = np.linalg.eigvals(part.numpy())
        assert np.abs(values).max() == pytest.approx(0.7, rel=1e-10)
    sigma = recurrent_init.largest_singular_value(20, matrix, 0.7, 5)
    assert sigma == pytest.approx(np.linalg.norm(of.weight_hh[0, :20].numpy(), 2), rel=1e-10)
    vanilla = recurrent_init.draw("RNN tanh", 20, 1, [5], matrix=matrix, radius=0.7)
    assert torch.equal(vanilla.weight_hh[0], of.weight_hh[0, :20])  # cells of one key share their draws


def test_only_the_gate_that_keeps_has_a_bias():
    for kind in ("LSTM", "GRU"):
        bias = networks(kind).bias.view(S, -1, N)
        assert (bias[:, 1] == 0.7).all() and bias.abs().sum() == pytest.approx(0.7 * S * N)
    with pytest.raises(ValueError, match="kinds"):
        cells.Cells("RNN", torch.zeros(1, 2, 1), torch.zeros(1, 2, 2), torch.zeros(1, 2))


def test_norms_of_very_small_and_large_rows():
    rows = torch.tensor([[3e-200, 4e-200], [3e200, 4e200], [0, 0]], dtype=torch.float64)
    assert cells.norm(rows).tolist() == pytest.approx([5e-200, 5e200, 0], rel=1e-12, abs=0)
    assert torch.isinf(cells.norm(torch.tensor([math.inf, 1.0])))


# ---- what they read


def test_digits_are_real_and_standardised():
    from sklearn.datasets import load_digits

    data = load_digits()
    x, y = sequences.draw("Digit by pixels", 64, 5, torch.Generator().manual_seed(0))
    rows, same = sequences.draw("Digit by rows", 8, 5, torch.Generator().manual_seed(0))
    assert torch.equal(x.view(5, 8, 8), rows) and torch.equal(y, same)
    standard = (data.data / 16 - (data.data / 16).mean()) / (data.data / 16).std()
    for image, label in zip(x.view(5, 64).numpy(), y.numpy(), strict=True):
        (at,) = np.flatnonzero(np.abs(standard - image).max(axis=1) < 1e-12)
        assert data.target[at] == label
    with pytest.raises(ValueError, match="steps"):
        sequences.draw("Digit by rows", 64, 1, torch.Generator())


def test_adding_copy_and_noise_are_what_they_say():
    made = torch.Generator().manual_seed(1)
    x, y = sequences.draw("Adding", 11, 4000, made)
    assert ((x[..., 1] == 1).sum(1) == 2).all()
    assert ((x[:, :5, 1] == 1).sum(1) == 1).all() and (x[..., 0] >= 0).all() and (x[..., 0] < 1).all()
    assert torch.allclose((x[..., 0] * x[..., 1]).sum(1), y)
    assert float(((y - 1) ** 2).mean()) == pytest.approx(1 / 6, rel=0.05)
    x, y = sequences.draw("Copy", 7, 50, made)
    assert torch.equal(x[:, 0].argmax(1), y) and (x[:, 1:].argmax(2) == sequences.SYMBOLS).all()
    assert torch.equal(x.sum(2), torch.ones(50, 7).double()) and set(y.tolist()) == set(range(8))
    x, _ = sequences.draw("Noise", 100, 100, made)
    assert float(x.std()) == pytest.approx(1, rel=0.03)


@pytest.mark.parametrize("kind", sequences.KINDS)
def test_final_loss_and_its_gradient(kind):
    outputs = sequences.KINDS[kind].outputs
    h = torch.randn(S, N, generator=torch.Generator().manual_seed(3), dtype=torch.float64, requires_grad=True)
    readout = recurrent_init.readout(N, outputs, [0, 1])
    target = torch.tensor([3, 5]) if outputs > 1 else torch.tensor([0.3, 1.2])
    with torch.no_grad():
        value, by_h = sequences.final_loss(kind, h, readout, target)
    out = (readout @ h[..., None])[..., 0]
    if sequences.KINDS[kind].loss == "cross-entropy":
        expected = nn.functional.cross_entropy(out, target, reduction="none")
    elif kind == "Adding":
        expected = nn.functional.mse_loss(out[:, 0], target.double(), reduction="none")
    else:
        expected = out[:, 0]
    torch.testing.assert_close(value, expected.detach(), **EXACT)
    (gradient,) = torch.autograd.grad(expected.sum(), h)
    torch.testing.assert_close(by_h, gradient, **EXACT)
