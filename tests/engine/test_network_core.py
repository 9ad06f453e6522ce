"""The parts of the training core: losses, clipping and updates against torch's own, batches, recording, scores."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dlviz.engine.networks import losses, scores
from dlviz.engine.networks.batches import MiniBatches, Repeated, epochs, for_seeds, mini_batches
from dlviz.engine.networks.clipping import Clip, change, clip, norms
from dlviz.engine.networks.fit import fit
from dlviz.engine.networks.mlp import MLP
from dlviz.engine.networks.recording import Every, Record
from dlviz.engine.networks.updates import Update, adagrad, adam, adamw, rmsprop, sgd

M, B, K = 3, 7, 4


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# ---- losses

OUTPUTS, CLASSES = 2 * numbers(M, B, K), torch.arange(M * B).view(M, B) % K
SIGNS = torch.where(CLASSES % 2 == 0, 1.0, -1.0).double()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_torch_s(smoothing):
    found = losses.cross_entropy(OUTPUTS, CLASSES, smoothing)
    expected = [F.cross_entropy(OUTPUTS[m], CLASSES[m], label_smoothing=smoothing) for m in range(M)]
    torch.testing.assert_close(found, torch.stack(expected))
    shared = losses.cross_entropy(OUTPUTS, CLASSES[0], smoothing)
    torch.testing.assert_close(shared[0], found[0])


@pytest.mark.parametrize(("ours", "theirs"), [
    (losses.squared, F.mse_loss), (losses.absolute, F.l1_loss), (losses.huber, F.huber_loss),
    (lambda o, y: losses.huber(o, y, 0.3), lambda o, y: F.huber_loss(o, y, delta=0.3)),
])  # fmt: skip
def test_losses_of_regression_are_torch_s(ours, theirs):
    f, y = numbers(M, B, seed=1), numbers(M, B, seed=2)
    expected = torch.stack([theirs(f[m], y[m]) for m in range(M)])
    torch.testing.assert_close(ours(f, y), expected)
    torch.testing.assert_close(ours(f.unsqueeze(-1), y), expected)


def test_losses_of_the_margin_are_their_formulas():
    f = numbers(M, B, seed=1)
    margin = SIGNS * f
    torch.testing.assert_close(losses.hinge(f, SIGNS), torch.relu(1 - margin).mean(1))
    torch.testing.assert_close(losses.exponential(f.unsqueeze(-1), SIGNS), torch.exp(-margin).mean(1))


def test_focal_loss_is_its_formula_and_cross_entropy_at_zero():
    p = OUTPUTS.softmax(-1).gather(-1, CLASSES[..., None])[..., 0]
    torch.testing.assert_close(losses.focal(OUTPUTS, CLASSES, 2.0), (-((1 - p) ** 2) * p.log()).mean(1))
    torch.testing.assert_close(losses.focal(OUTPUTS, CLASSES, 0.0), losses.cross_entropy(OUTPUTS, CLASSES))


@pytest.mark.parametrize("loss", [losses.cross_entropy, losses.squared, losses.huber, losses.focal])
def test_gradients_by_the_outputs_are_autograd_s(loss):
    numbers_ = loss in (losses.squared, losses.huber)
    outputs = (numbers(M, B, 1) if numbers_ else OUTPUTS.clone()).requires_grad_()
    y = numbers(M, B, seed=3) if numbers_ else CLASSES
    expected = loss(outputs, y)
    (gradient,) = torch.autograd.grad(expected.sum(), outputs)
    values, found = losses.with_gradient(loss, outputs.detach().clone(), y)
    torch.testing.assert_close(values, expected.detach())
    torch.testing.assert_close(found, gradient)


# ---- clipping


def test_clipping_is_torch_s_model_by_model():
    gradients = [numbers(M, 5, 2), numbers(M, 3, seed=1)]
    limits = Clip(np.array([math.inf, 0.5, 2.0]), torch.tensor([0.4, math.inf, 0.3]))
    norm = norms(gradients, M)
    after = clip(gradients, limits, norm)
    angle, share = change(gradients, after, norm)
    for m in range(M):
        leaves = [torch.zeros(g[m].shape, dtype=g.dtype, requires_grad=True) for g in gradients]
        for leaf, g in zip(leaves, gradients, strict=True):
            leaf.grad = g[m].clone()
        expected = torch.nn.utils.clip_grad_norm_(leaves, float(limits.norm[m]))
        torch.nn.utils.clip_grad_value_(leaves, float(limits.value[m]))
        assert float(norm[m]) == pytest.approx(float(expected), rel=1e-12)
        for leaf, g in zip(leaves, after, strict=True):
            torch.testing.assert_close(g[m], leaf.grad)
        before, now = (torch.cat([g[m].flatten() for g in parts]) for parts in (gradients, after))
        cosine = float(F.cosine_similarity(before, now, 0))
        assert float(angle[m]) == pytest.approx(math.degrees(math.acos(min(cosine, 1))), abs=1e-5)
        assert float(share[m]) == pytest.approx(float((before != now).double().mean()))


def test_a_parameter_of_the_first_models_counts_for_them_alone():
    gradients = [numbers(3, 4), numbers(2, 5, seed=1)]
    expected = [torch.cat([g[m] for g in gradients if m < len(g)]).norm() for m in range(3)]
    torch.testing.assert_close(norms(gradients, 3), torch.stack(expected))


def test_norms_hold_where_squares_of_float32_overflow():
    gradients = [torch.full((1, 10), 1e30)]
    norm = norms(gradients, 1)
    assert float(norm) == pytest.approx(1e30 * 10**0.5, rel=1e-6)
    assert float(clip(gradients, Clip(1.0), norm)[0].norm()) == pytest.approx(1, rel=1e-5)


# ---- updates

RULES = {
    "sgd": (lambda rate, decay: sgd(rate, weight_decay=decay), lambda p, **g: torch.optim.SGD(p, **g)),
    "momentum": (
        lambda rate, decay: sgd(rate, momentum=0.9, weight_decay=decay),
        lambda p, **g: torch.optim.SGD(p, momentum=0.9, **g),
    ),
    "nesterov": (
        lambda rate, decay: sgd(rate, momentum=0.8, nesterov=True, weight_decay=decay),
        lambda p, **g: torch.optim.SGD(p, momentum=0.8, nesterov=True, **g),
    ),
    "adagrad": (lambda rate, decay: adagrad(rate, weight_decay=decay), lambda p, **g: torch.optim.Adagrad(p, **g)),
    "rmsprop": (
        lambda rate, decay: rmsprop(rate, alpha=0.9, weight_decay=decay),
        lambda p, **g: torch.optim.RMSprop(p, alpha=0.9, **g),
    ),
    "adam": (lambda rate, decay: adam(rate, weight_decay=decay), lambda p, **g: torch.optim.Adam(p, **g)),
    "adamw": (lambda rate, decay: adamw(rate, weight_decay=decay), lambda p, **g: torch.optim.AdamW(p, **g)),
}


def run(update, parameters, layers, steps=8, models=M):
    """The parameters after some steps along gradients that depend on them."""
    own = [p.clone() for p in parameters]
    state = update.init(own, layers, models, steps)
    for step in range(steps):
        # Not contiguous: as autograd may give them.
        update.update(state, [(p + torch.sin(p + step)).mT.contiguous().mT for p in own], step)
    return own


def alone(make, parameters, m, rates, decay, steps=8):
    """Model m by torch.optim, a parameter group for each layer; ``rates(step, layer)``."""
    leaves = [p[m].clone().requires_grad_() for p in parameters]
    optimizer = make([{"params": [leaf]} for leaf in leaves], lr=1.0, weight_decay=decay)
    for step in range(steps):
        for layer, (group, leaf) in enumerate(zip(optimizer.param_groups, leaves, strict=True)):
            group["lr"] = rates(step, layer)
            leaf.grad = (leaf + torch.sin(leaf + step)).detach() if rates(step, layer) else None
        optimizer.step()
    return [leaf.detach() for leaf in leaves]


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("way", ["one rate", "a rate a model", "a rate a layer", "schedule", "function"])
def test_updates_are_torch_s(name, way):
    ours, theirs = RULES[name]
    parameters = [numbers(M, 4, 3), numbers(M, 5, 2, seed=1)]
    by_model, by_layer = np.array([0.01, 0.02, 0.05]), np.array([0.01, 0.03])
    # Layer 0 of model 1 is frozen, that of model 2 is thawed at step 3; the last rates stay.
    schedule = np.full((5, M, 2), 0.02) * np.linspace(1, 0.5, 5)[:, None, None]
    schedule[:, 1, 0] = schedule[:3, 2, 0] = 0
    rate, of = {
        "one rate": (0.02, lambda t, m, k: 0.02),
        "a rate a model": (by_model, lambda t, m, k: by_model[m]),
        "a rate a layer": (np.tile(by_layer, (1, M, 1)), lambda t, m, k: by_layer[k]),
        "schedule": (schedule, lambda t, m, k: schedule[min(t, 4), m, k]),
        "function": (lambda t: 0.1 / (t + 1), lambda t, m, k: 0.1 / (t + 1)),
    }[way]
    decays = np.array([0.0, 0.1, 0.3])
    found = run(ours(rate, decays), parameters, [0, 1])
    for m in range(M):
        expected = alone(theirs, parameters, m, lambda t, k, m=m: float(of(t, m, k)), decays[m])
        for mine, other in zip(found, expected, strict=True):
            torch.testing.assert_close(mine[m], other, rtol=1e-9, atol=1e-12)


def test_a_parameter_of_the_first_models_alone():
    parameters = [numbers(2, 4, 3), numbers(M, 5, 2, seed=1)]
    found = run(adam(np.array([0.01, 0.02, 0.03])), parameters, [0, 1])
    whole = run(adam(np.array([0.01, 0.02])), [p[:2] for p in parameters], [0, 1], models=2)
    assert all(torch.equal(a[:2], b) for a, b in zip(found, whole, strict=True))


def test_rules_and_rates_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="unknown update rule"):
        Update("Adamm", 0.1)
    with pytest.raises(ValueError, match="rates of shape"):
        run(sgd(np.array([0.1, 0.2])), [numbers(M, 4, 3)], [0])


# ---- batches


def test_batches_of_seeds_are_each_seed_s_own():
    assert for_seeds(32, 32, 5, (0,)) is None
    order = for_seeds(50, 32, 4, (0, 1))
    assert order.shape == (4, 2, 32)
    assert torch.equal(order[:, 1], mini_batches(50, 32, 4, 1))


def test_epochs_are_permutations():
    order = epochs(10, 3, 2, 4, seed=0)
    assert order.shape == (6, 4, 3)
    for first in (0, 3):
        assert all(len(set(order[first : first + 3, run].flatten().tolist())) == 9 for run in range(4))
    # The first epoch's permutations are drawn one after another.
    generator = torch.Generator().manual_seed(0)
    assert torch.equal(order[:3, 0].flatten(), torch.randperm(10, generator=generator)[:9])


def test_models_see_the_examples_of_their_owner():
    x, y = torch.arange(10.0)[:, None], torch.arange(10)
    order = epochs(10, 3, 1, 2, seed=0)
    batches = MiniBatches(x, y, order, torch.tensor([0, 1, 0]))
    assert len(batches) == 3
    for rows, (inputs, targets) in zip(order, batches, strict=True):
        assert torch.equal(targets, rows[[0, 1, 0]]) and torch.equal(inputs[..., 0].long(), targets)


# ---- fit


def networks(rows=1, seed=0):
    w = [numbers(1, 5, 6, seed=seed), numbers(1, K, 5, seed=seed + 1)]
    return MLP([p.repeat(rows, 1, 1) for p in w], [torch.zeros(rows, n).double() for n in (5, K)], ["Tanh"] * rows)


def data():
    return numbers(B, 6, seed=5), torch.arange(B) % K


def test_what_is_recorded_is_said_by_the_argument():
    x, y = data()
    look = Every(2, lambda nets, alive: {"bias": nets.biases[1][:, 0], "count": np.arange(2)}, "seen")
    wanted = [Record("loss"), Record("grad_norm"), Record("clip_angle"), Record("clip_share"), look]
    limits = Clip(np.array([math.inf, 0.01]), np.array([0.001, math.inf]))
    found = fit(networks(2), Repeated(x, y, 5), sgd(0.1), clip=limits, record=wanted)
    assert found["loss"].shape == found["grad_norm"].shape == (5, 2)
    assert found["seen"].tolist() == [0, 2, 4, 5] and found["bias"].shape == (4, 2)
    assert found["count"].dtype.kind == "i" and found["loss"].dtype == float
    assert (found["clip_angle"][:, 0] > 1).all() and (found["clip_angle"][:, 1] < 1e-6).all()
    assert (found["clip_share"] > 0).all()
    # Without clipping nothing is turned.
    found = fit(networks(2), Repeated(x, y, 3), sgd(0.1), record=[Record("grad_norm"), Record("clip_share")])
    assert (found["clip_share"] == 0).all()


def test_nothing_requires_gradients_afterwards_and_a_stopped_run_lets_the_exception_through():
    class Stop(Exception):
        pass

    seen = []

    def stop(share):
        seen.append(share)
        if share > 0.5:
            raise Stop

    nets = networks(2)
    with pytest.raises(Stop):
        fit(nets, Repeated(*data(), 10), sgd(0.1), progress=stop)
    assert not any(p.requires_grad for p in nets.parameters().values())
    assert seen == sorted(seen) and len(seen) > 10  # within the steps, too


# ---- numbers that overflow


def test_a_network_whose_numbers_are_not_finite_has_no_accuracy_and_no_right_answer():
    outputs = torch.eye(K).expand(3, -1, -1).clone()
    outputs[1, 2, 0], outputs[2, 0, 0] = float("inf"), float("nan")
    y = torch.arange(K)
    found = scores.accuracy(outputs, y)
    assert found[0] == 1 and found[1:].isnan().all()
    assert scores.right_answers(outputs, y).sum(1).tolist() == [K, K - 1, K - 1]


def test_one_that_overflows_leaves_the_others_alone():
    x, y = data()
    alone_, beside = networks(1), networks(2)
    beside.weights[1][1] = float("inf")
    for nets in (alone_, beside):
        fit(nets, Repeated(x, y, 6), adam(0.1), clip=Clip(1.0))
    assert beside.accuracy(x, y)[1].isnan() and beside.accuracy(x, y)[0] == alone_.accuracy(x, y)[0]
    assert all(torch.allclose(a[0], b[0], rtol=0, atol=1e-15) for a, b in
               zip(alone_.parameters().values(), beside.parameters().values(), strict=True))  # fmt: skip
