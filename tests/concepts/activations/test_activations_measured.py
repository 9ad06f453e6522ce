"""The measurements of the page "Activation functions": one neuron, deep networks, signs, training, softmax, table."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dlviz.concepts.activations import depth, dying, experiment, functions, learned, softmax, zigzag
from dlviz.concepts.activations.digits import standardised_digits
from dlviz.concepts.activations.settings import BY_DEPTH, Elementwise, FunctionName, Settings

PRESETS = {preset.name: preset for preset in experiment.PRESETS}
FUNCTIONS = FunctionName.__args__


def run(**given):
    return experiment.run(Settings(**given))


# ---- the neuron


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_is_measured_is_what_is_predicted_within_sampling_error(function):
    for mean, std in ((0.0, 1.0), (-1.5, 0.5), (2.0, 5.0)):
        n = run(function=function, mean=mean, std=std, panels=()).neuron
        count = n.samples
        assert abs(n.saturated - n.saturated_theory) < 5 * np.sqrt(0.25 / count)
        assert abs(n.mean - n.mean_theory) < 5 * n.spread / np.sqrt(count) + 1e-9
        # Each bin holds its predicted share, as far as a binomial count of so many samples tells.
        share, expected = n.y_density * np.diff(n.y_edges), n.y_theory * np.diff(n.y_edges)
        assert (np.abs(share - expected) < 6 * np.sqrt(np.maximum(expected, 5 / count) / count)).all()
        assert n.atoms[:, 1] == pytest.approx(n.atoms[:, 2], abs=5 * np.sqrt(0.25 / count))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_densities_hold_all_outputs_that_the_window_holds(function):
    n = run(function=function, std=0.8, panels=()).neuron
    assert (n.y_density * np.diff(n.y_edges)).sum() + n.atoms[:, 1].sum() == pytest.approx(1, abs=0.01)
    assert (n.x_density * np.diff(n.x_edges)).sum() == pytest.approx(1)


def test_relu_rests_at_exactly_zero_half_of_the_time():
    n = run(function="ReLU", panels=()).neuron
    ((value, share, probability),) = n.atoms
    assert value == 0 and probability == pytest.approx(0.5, abs=1e-3) and share == pytest.approx(0.5, abs=0.02)


# ---- deep networks


def by_hand(function, parameter, layers, width, scale, seed):
    """∂loss/∂z of every layer, by autograd through an ordinary loop: (L, n, width)."""
    from dlviz.engine.signals.initializers import base

    x, y = (torch.tensor(part) for part in standardised_digits(depth.INPUTS))

    def draw(rows, columns, number):
        return base("normal", rows, columns, torch.Generator().manual_seed(number)) / np.sqrt(columns)

    f, _ = functions.torch_function(function, parameter, 0, 0)
    h, pre = x, []
    for layer in range(1, layers + 1):
        pre.append(scale * h @ draw(width, h.shape[1], 1000 * seed + layer).T)
        pre[-1].requires_grad_()
        pre[-1].retain_grad()
        h = f(pre[-1])
    torch.nn.functional.cross_entropy(h @ draw(10, width, 1000 * seed).T, y, reduction="sum").backward()
    return [z.detach() for z in pre], torch.stack([z.grad for z in pre])


@pytest.mark.parametrize("function", Elementwise.__args__)
def test_gradients_and_shares_by_depth_are_autograd_s(function):
    s = Settings(function=function, compared=(function,), depth=6, width=20, weight_scale=1.3, epsilon=0.1, seed=3,
                 panels=BY_DEPTH)  # fmt: skip
    found = experiment.run(s).depth.functions[function]
    pre, gradients = by_hand(function, s.parameter(function), 6, 20, 1.3, depth.seeds(3)[0])
    assert found.gradient[0] == pytest.approx(gradients.square().mean(dim=(1, 2)).sqrt().numpy(), rel=1e-9)
    _, slope = functions.torch_function(function, s.parameter(function), 0, 0)
    slopes = [slope(z).abs() for z in pre]
    assert found.saturated[0] == pytest.approx([float((f < 0.1).double().mean()) for f in slopes], abs=1e-12)
    assert found.dead[0] == pytest.approx([float((f == 0).all(dim=0).double().mean()) for f in slopes], abs=1e-12)


@pytest.mark.parametrize("function", Elementwise.__args__)
@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0])
def test_no_gradient_exceeds_its_bound(function, scale):
    result = run(function=function, compared=(function,), depth=12, width=30, weight_scale=scale)
    back = result.depth.functions[function].passed_back
    finite = np.isfinite(back)
    assert finite.any()
    assert (np.where(finite, back, 0) <= result.depth.theory.bound * (1 + 1e-9)).all()


def test_spectral_norms_are_torch_s():
    from dlviz.engine.signals.initializers import base

    norms = depth.spectral_norms(3, 20, 5)
    for layer, fan_in in enumerate((64, 20, 20)):
        w = base("normal", 20, fan_in, torch.Generator().manual_seed(1000 * 5 + layer + 1)) / np.sqrt(fan_in)
        assert norms[0, layer] == pytest.approx(torch.linalg.matrix_norm(w, ord=2).item(), rel=1e-9)


def test_wide_networks_follow_the_mean_field():
    result = run(function="Tanh", compared=("Tanh",), depth=10, width=512, weight_scale=1.5, panels=BY_DEPTH)
    found, theory = result.depth.functions["Tanh"], result.depth.theory
    assert np.median(found.saturated, axis=0) == pytest.approx(theory.saturated, abs=0.03)
    assert np.median(found.std, axis=0) == pytest.approx(theory.std, rel=0.05)
    assert np.log(np.median(found.passed_back, axis=0)) == pytest.approx(np.log(theory.gradient), abs=0.3)


# ---- signs and paths


def test_one_sample_has_one_sign_exactly_where_no_input_is_negative():
    for function in ("Sigmoid", "ReLU", "Softplus"):
        assert zigzag.agreement(function, 1.0 if function == "Softplus" else None, 4).mean[0] == 1
    for function in ("Tanh", "GELU", "SELU"):
        assert zigzag.agreement(function, None, 4).mean[0] < 0.75


def test_chance_is_the_mean_of_fair_signs():
    rng = np.random.default_rng(0)
    for count in (1, 2, 9, 100):
        up = rng.binomial(count, 0.5, 400_000)
        assert zigzag.chance(count) == pytest.approx(np.maximum(up, count - up).mean() / count, abs=1e-3)


def test_the_path_is_that_of_autograd():
    found = zigzag.path("Tanh", None, 2)
    a = torch.tensor(zigzag.principal_components()).tanh()
    y = a @ torch.tensor(zigzag.TARGET, dtype=torch.float64)
    order = torch.randperm(len(a), generator=torch.Generator().manual_seed(2))
    w = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=zigzag.PATH_RATE)
    for i in order[: zigzag.PATH_STEPS]:
        optimizer.zero_grad()
        (0.5 * (a[i] @ w - y[i]) ** 2).backward()
        optimizer.step()
    assert found.w[-1] == pytest.approx(w.detach().numpy(), abs=1e-12)


def test_positive_inputs_move_both_weights_alike():
    for seed in range(3):
        assert zigzag.path("Sigmoid", None, seed).one_sign == 1
        assert zigzag.path("Tanh", None, seed).one_sign < 0.8


# ---- training


def test_dead_units_get_no_gradient_from_any_digit():
    """The network of the grid, trained by torch's own modules: as many units have a zero gradient row."""
    rate, bias = 0.7, 1.0
    grid = dying.grid(0)
    column, row = dying.RATES.index(rate), dying.BIASES.index(bias)
    x, y = (torch.tensor(part) for part in standardised_digits(dying.SAMPLES))
    x = x.float()
    generator = torch.Generator().manual_seed(0)
    modules = []
    for inputs, units in zip(dying.LAYERS[:-1], dying.LAYERS[1:], strict=True):
        layer, last = torch.nn.Linear(inputs, units), units == 10
        gain = 1 if last else 2
        with torch.no_grad():
            layer.weight.copy_((gain / inputs) ** 0.5 * torch.randn(units, inputs, generator=generator))
            layer.bias.fill_(0 if last else bias)
        modules += [layer] if last else [layer, torch.nn.ReLU()]
    net = torch.nn.Sequential(*modules)
    from dlviz.engine.networks.batches import mini_batches

    optimizer = torch.optim.SGD(net.parameters(), lr=rate)
    for rows in mini_batches(dying.SAMPLES, dying.BATCH, dying.STEPS, 0):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
        optimizer.step()
    dead = 0
    h = x
    for layer in (net[0], net[2]):
        z = layer(h)
        dead += int((z <= 0).all(dim=0).sum())
        h = z.relu()
    # Float32 and two orders of summation: single units may differ at the edge.
    assert grid.dead[row, column] == pytest.approx(dead / 128, abs=0.03)
    assert dead / 128 > 0.15


def test_lines_and_grid_tell_the_same():
    """ReLU's first seed in the lines is the network of the grid."""
    for rate, bias in ((0.7, 1.0), (0.1, -2.0)):
        grid = dying.grid(0)
        cell = grid.dead[dying.BIASES.index(bias), dying.RATES.index(rate)]
        assert dying.lines(rate, bias, 0.01, 1.0, 3, 0)["ReLU"].dead[0, -1] == pytest.approx(cell, abs=0.03)


def test_a_cure_with_slope_zero_is_no_cure():
    found = dying.lines(0.7, 1.0, 0.0, 1.0, 3, 0)
    assert np.array_equal(found["Leaky ReLU"].dead, found["ReLU"].dead)


def test_learned_slopes_are_those_of_torch_s_prelu():
    found = learned.slopes(0.25, 0.05, 1)
    assert found.slopes.shape == (3, learned.SEEDS, learned.STEPS + 1) and (found.slopes[..., 0] == 0.25).all()
    x, y = (torch.tensor(part) for part in standardised_digits(learned.SAMPLES))
    x = x.float()
    generator = torch.Generator().manual_seed(1)
    modules = []
    for inputs, units in zip(learned.LAYERS[:-1], learned.LAYERS[1:], strict=True):
        layer = torch.nn.Linear(inputs, units)
        with torch.no_grad():
            gain = (2 / (1 + 0.25**2) / inputs) ** 0.5
            layer.weight.copy_(gain * torch.randn(units, inputs, generator=generator))
            layer.bias.zero_()
        modules += [layer] if units == 10 else [layer, torch.nn.PReLU(init=0.25)]
    net = torch.nn.Sequential(*modules)
    from dlviz.engine.networks.batches import mini_batches

    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    for rows in mini_batches(learned.SAMPLES, learned.BATCH, learned.STEPS, 1)[:60]:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
        optimizer.step()
    theirs = [net[i].weight.item() for i in (1, 3, 5)]
    assert found.slopes[:, 0, 60] == pytest.approx(theirs, abs=1e-3)


# ---- softmax


def test_the_norm_of_softmax_s_jacobian_is_autograd_s():
    z = torch.randn(20, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for scale in (0.0, 0.1, 1.0, 10.0, 30.0):
        p = torch.softmax(scale * z, dim=1)
        exact = [torch.autograd.functional.jacobian(lambda u: u.softmax(0), scale * row).norm().item() for row in z]
        assert softmax.jacobian_norm(p.numpy()) == pytest.approx(exact, rel=1e-6)


def test_softmax_at_both_ends():
    found = softmax.softmax(0.02)
    assert found.jacobian[0, 0] == pytest.approx(0.3, rel=0.01), "√(K − 1)/K with K = 10"
    assert found.largest[0, -1] == 1 and found.entropy[0, 0] == pytest.approx(1, abs=1e-3)
    late = (found.scales > 5) & (found.scales < 50)
    assert found.jacobian[0, late] == pytest.approx(2 * np.exp(-found.scales[late] * np.median(found.gap)), rel=0.02)
    for temperature in (10.0, 0.5, 0.02):
        here = softmax.softmax(temperature)
        at = np.interp(np.log(1 / temperature), np.log(here.scales), np.log(here.jacobian[0]))
        assert here.here[2] == pytest.approx(np.exp(at), rel=0.02)
        assert temperature < 0.1 or here.by_autograd == pytest.approx(here.here[2], rel=1e-9)


# ---- the table


def test_the_table_s_ranges_and_slopes():
    rows = {row.name: row for row in run(panels=("Table",)).table.properties}
    assert rows.keys() == set(FUNCTIONS)
    assert (rows["Sigmoid"].low, rows["Sigmoid"].high, rows["Sigmoid"].steepest) == (0, 1, 0.25)
    assert (rows["Tanh"].low, rows["Tanh"].high, rows["Tanh"].at_zero) == (-1, 1, 1)
    assert (rows["ReLU"].low, rows["ReLU"].high, rows["ReLU"].at_zero) == (0, np.inf, 0)
    assert rows["Swish"].low == pytest.approx(-0.2784645, abs=1e-6)
    assert rows["GELU"].low == pytest.approx(-0.16997, abs=1e-5)
    assert rows["SELU"].low == pytest.approx(-1.0507009873554805 * 1.6732632423543772)
    assert (rows["Leaky ReLU"].low, rows["Leaky ReLU"].saturates_left) == (-np.inf, False)
    assert rows["ELU"].saturates_left and not rows["ELU"].saturates_right
    linear = {row.name: row for row in run(panels=("Table",), swish_beta=0.0, leaky_slope=1.0).table.properties}
    assert (linear["Swish"].low, linear["Swish"].high, linear["Swish"].steepest) == (-np.inf, np.inf, 0.5)
    assert not linear["Swish"].saturates_left


def test_costs_are_measured_once_and_relu_is_the_measure():
    first, second = run(panels=("Table",)).table.costs, run(panels=("Table",), std=2.0).table.costs
    assert first is second
    at = first.names.index("ReLU")
    assert first.ratio[at] == 1 and first.low[at] == first.high[at] == 1 and first.seconds > 0
    assert (first.low <= first.ratio).all() and (first.ratio <= first.high).all()
