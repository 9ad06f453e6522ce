"""Many networks trained at once: gradients against autograd, steps against torch.optim, one by one."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dlviz.engine.networks.batches import MiniBatches, mini_batches
from dlviz.engine.networks.fit import fit
from dlviz.engine.networks.losses import cross_entropy
from dlviz.engine.networks.mlp import MAXOUT, MLP
from dlviz.engine.networks.recording import Every, Record
from dlviz.engine.networks.updates import sgd
from dlviz.engine.signals.activations import ACTIVATIONS, maxout

NAMES = [*ACTIVATIONS, "ReLU", "Swish", MAXOUT]
PARAMETERS = [None] * len(ACTIVATIONS) + [None, 3.0, None]


def networks(names=NAMES, parameters=PARAMETERS, pieces=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = [(7 * pieces, 5), (6 * pieces, 7), (4, 6)]

    def draw(*shape):
        return torch.randn(len(names), *shape, generator=generator, dtype=torch.float64) * 0.5

    return MLP([draw(*shape) for shape in shapes], [draw(shape[0]) for shape in shapes], names, parameters)


def data(n=12, seed=1):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 5, generator=generator, dtype=torch.float64)
    return x, torch.randint(4, (n,), generator=generator)


def train(nets, x, y, rates, order):
    """Plain SGD; the losses (T, M)."""
    return fit(nets, MiniBatches(x, y, order), sgd(rates), record=[Record("loss")])["loss"]


def by_autograd(nets, m, x, y, pieces):
    """Loss and gradients of network m, written with torch's own functions."""
    own = {"Linear": lambda z: z, "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "ReLU": F.relu,
           "Leaky ReLU": F.leaky_relu, "PReLU": lambda z: F.leaky_relu(z, 0.25), "ELU": F.elu, "SELU": F.selu,
           "GELU": F.gelu, "Swish": F.silu, "Softplus": F.softplus,
           MAXOUT: lambda z: z.unflatten(-1, (-1, pieces)).amax(-1)}  # fmt: skip
    name, parameter = nets.activations[m], (nets.arguments or [None] * 99)[m]
    act = own[name] if parameter is None else lambda z: z * torch.sigmoid(parameter * z)
    leaves = [t[m].clone().requires_grad_() for t in (*nets.weights, *nets.biases)]
    h = x
    for layer in range(3):
        z = F.linear(h, leaves[layer], leaves[3 + layer])
        h = act(z) if layer < 2 else z
    loss = F.cross_entropy(h, y)
    return loss, torch.autograd.grad(loss, leaves)


@pytest.mark.parametrize(("names", "parameters", "pieces"), [
    (NAMES[:-1], PARAMETERS[:-1], 1), ([MAXOUT, MAXOUT], None, 3), (["ReLU"] * 3, None, 1), (NAMES, PARAMETERS, 1),
])  # fmt: skip
def test_gradients_are_autograds(names, parameters, pieces):
    nets = networks(names, parameters, pieces)
    x, y = data()
    parameters = list(nets.parameters().values())
    for parameter in parameters:
        parameter.requires_grad_()
    loss = cross_entropy(nets.forward(x), y)
    found = torch.autograd.grad(loss.sum(), parameters)
    for m in range(len(names)):
        expected, gradients = by_autograd(nets, m, x, y, pieces)
        assert loss[m].item() == pytest.approx(expected.item(), rel=1e-12)
        # The softplus of torch gives up at 20, where it is off by 2e-9.
        for mine, theirs in zip(found, gradients, strict=True):
            torch.testing.assert_close(mine[m], theirs, rtol=1e-7, atol=1e-10)


def test_training_is_torch_optim_one_by_one():
    names = ["ReLU", "Tanh", "Tanh"]
    rates = torch.tensor([0.5, 0.1, 1.0])
    x, y = data(40)
    order = mini_batches(40, 8, 12, seed=3)
    nets, start = networks(names, None), networks(names, None)
    losses = train(nets, x, y, rates.numpy(), order)
    for m, act in enumerate([torch.nn.ReLU, torch.nn.Tanh, torch.nn.Tanh]):
        sizes = [(5, 7), (7, 6), (6, 4)]
        layers = [torch.nn.Linear(*size, dtype=torch.float64) for size in sizes]
        for layer, w, b in zip(layers, start.weights, start.biases, strict=True):
            layer.load_state_dict({"weight": w[m], "bias": b[m]})
        model = torch.nn.Sequential(layers[0], act(), layers[1], act(), layers[2])
        optimizer = torch.optim.SGD(model.parameters(), lr=rates[m].item())
        for step, chosen in enumerate(order):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x[chosen]), y[chosen])
            assert losses[step, m] == pytest.approx(loss.item(), rel=1e-5)
            loss.backward()
            optimizer.step()
        torch.testing.assert_close(nets.weights[1][m], layers[1].weight.detach(), rtol=1e-5, atol=1e-8)


def test_one_that_overflows_does_not_touch_the_others():
    x, y = data(40)
    order = mini_batches(40, 8, 60, seed=3)
    alone = networks(["Linear"], None)
    both = networks(["Linear"], None)
    pair = MLP([w.repeat(2, 1, 1) for w in both.weights], [b.repeat(2, 1) for b in both.biases], ["Linear"] * 2)
    one = train(alone, x, y, np.array([0.1]), order)
    two = train(pair, x, y, np.array([0.1, 1e6]), order)
    assert np.allclose(one[:, 0], two[:, 0], rtol=1e-12)
    assert not np.isfinite(two[-1, 1])
    assert pair.accuracy(x, y)[1].isnan()
    assert pair.accuracy(x, y)[0].isfinite()


def test_probe_and_progress_are_called_in_order():
    x, y = data(40)
    seen, shares = [], []
    look = Every(3, lambda nets, alive: seen.append(nets) or {"first": nets.biases[0][0, 0]})
    run = fit(networks(["ReLU"], None), MiniBatches(x, y, mini_batches(40, 8, 7, seed=0)), sgd(0.1),
              record=[look], progress=shares.append)  # fmt: skip
    assert run["steps"].tolist() == [0, 3, 6, 7]
    assert len(set(run["first"].tolist())) == len(seen) == 4
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_mini_batches_are_epochs_without_repeats():
    order = mini_batches(10, 3, 7, seed=0)
    assert order.shape == (7, 3)
    for epoch in (order[:3], order[3:6]):
        assert len(set(epoch.flatten().tolist())) == 9
    with pytest.raises(ValueError, match="as many examples"):
        mini_batches(3, 4, 1, seed=0)


def test_unknown_activation_and_unequal_numbers_are_refused():
    with pytest.raises(ValueError, match="unknown activation 'Relu'"):
        networks(["Relu"], None)
    nets = networks(["ReLU"], None)
    with pytest.raises(ValueError, match="every weight and bias"):
        MLP(nets.weights, nets.biases, ["ReLU", "Tanh"])
    with pytest.raises(ValueError, match="PReLU"):
        MLP(nets.weights, nets.biases, ["ReLU"], slopes=[torch.zeros(1)] * 2)


def test_maxout_is_the_largest_piece():
    torch.testing.assert_close(maxout(torch.tensor([[1.0, 3.0], [2.0, -1.0]])), torch.tensor([3.0, 2.0]))
