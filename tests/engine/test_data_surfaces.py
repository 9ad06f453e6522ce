"""Surfaces made from data: against torch's own losses, torch.nn modules, and scikit-learn's fits."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dlviz.engine.data import datasets
from dlviz.engine.surfaces import data_surfaces, network_slice
from dlviz.engine.surfaces.named import surface
from dlviz.engine.surfaces.table import SAMPLES

REGRESSIONS = ["Diabetes raw", "Diabetes standardised"]


def points(name, count=40, seed=0):
    x_min, x_max, y_min, y_max = surface(name).domain
    share = np.random.default_rng(seed).uniform(size=(2, count))
    return torch.tensor(x_min + share[0] * (x_max - x_min)), torch.tensor(y_min + share[1] * (y_max - y_min))


def regression_data(name):
    """The data, loaded here a second time without the code under test."""
    from sklearn.datasets import load_diabetes

    data = load_diabetes(scaled=False)
    feature = data.data[:, 7]
    assert data.feature_names[7] == "s4"
    if name == "Diabetes standardised":
        feature = (feature - feature.mean()) / feature.std()
    return torch.tensor(feature), torch.tensor(data.target)


def logistic_data():
    from sklearn.datasets import load_breast_cancer
    from sklearn.preprocessing import StandardScaler

    data = load_breast_cancer()
    columns = [list(data.feature_names).index(f) for f in ("worst radius", "worst concave points")]
    return torch.tensor(StandardScaler().fit_transform(data.data[:, columns])), torch.tensor(1.0 - data.target)


def torch_losses(name, w1, w2):
    """The loss at each point as torch.nn.functional writes it, with a graph for autograd."""
    losses = []
    for p, q in zip(w1, w2, strict=True):
        if name in REGRESSIONS:
            x, y = regression_data(name)
            losses.append(F.mse_loss(p * x + q, y))
        else:
            x, t = logistic_data()
            losses.append(F.binary_cross_entropy_with_logits(x @ torch.stack([p, q]), t))
    return torch.stack(losses)


@pytest.mark.parametrize("name", [*REGRESSIONS, "Breast cancer"])
def test_value_and_derivatives_are_those_of_torch(name):
    s = surface(name)
    x, y = (v.requires_grad_() for v in points(name, 15))
    losses = torch_losses(name, x, y)
    gx, gy = torch.autograd.grad(losses.sum(), (x, y), create_graph=True)
    hxx, hxy = torch.autograd.grad(gx.sum(), (x, y), retain_graph=True)
    (hyy,) = torch.autograd.grad(gy.sum(), (y,))
    x, y = x.detach(), y.detach()
    torch.testing.assert_close(s.value(x, y), losses.detach(), rtol=1e-11, atol=0)
    for own, theirs in ((s.gradient(x, y), (gx, gy)), (s.hessian(x, y), (hxx, hxy, hyy))):
        theirs = torch.stack(theirs).detach()
        torch.testing.assert_close(torch.stack(own), theirs, rtol=1e-9, atol=1e-10 * float(theirs.max()))


def test_regression_minima_are_the_least_squares_fit():
    for name in REGRESSIONS:
        x, y = regression_data(name)
        slope, intercept = np.polyfit(x.numpy(), y.numpy(), 1)
        np.testing.assert_allclose(surface(name).minima, [[slope, intercept]], rtol=1e-9)
    lowest = [surface(name).value(*surface(name).minima.T)[0] for name in REGRESSIONS]
    np.testing.assert_allclose(lowest[0], lowest[1], rtol=1e-12, err_msg="the same model, so the same best loss")


def test_condition_numbers_of_raw_and_standardised_regression():
    raw, standardised = (surface(name) for name in REGRESSIONS)
    for s in (raw, standardised):
        x, _ = regression_data(s.name)
        design = np.stack([x.numpy(), np.ones(len(x))], axis=1)
        eigenvalues = np.linalg.eigvalsh(2 * design.T @ design / len(x))
        np.testing.assert_allclose([s.curvatures[0], s.lambda_max], eigenvalues, rtol=1e-9)
        np.testing.assert_allclose(s.condition, eigenvalues[1] / eigenvalues[0], rtol=1e-9)
    assert 220 < raw.condition < 221
    np.testing.assert_allclose(standardised.condition, 1.0, rtol=1e-9)


def test_logistic_minimum_is_scikit_learns_without_penalty():
    from sklearn.linear_model import LogisticRegression

    x, t = logistic_data()
    # C is the inverse penalty; at 1e10 it moves the weights by less than the tolerance below.
    fit = LogisticRegression(C=1e10, fit_intercept=False, tol=1e-12, max_iter=1000).fit(x.numpy(), t.numpy())
    s = surface("Breast cancer")
    assert len(s.minima) == 1
    np.testing.assert_allclose(s.minima, fit.coef_, rtol=1e-5)
    assert s.curvatures[0] > 0


def test_logistic_loss_does_not_overflow():
    s = surface("Breast cancer")
    far = np.array([1e4, -1e4, 1e8])
    assert np.isfinite(s.value(far, far)).all()
    assert all(np.isfinite(g).all() for g in s.gradient(far, far))


@pytest.mark.parametrize("name", SAMPLES)
def test_batch_gradient_of_all_examples_is_the_gradient(name):
    s = surface(name)
    x, y = points(name, 6)
    everything = torch.arange(s.samples)[None]
    for batch, full in zip(s.batch_gradient(x, y, everything), s.gradient(x, y), strict=True):
        torch.testing.assert_close(batch, full, rtol=1e-9, atol=1e-9 * float(full.abs().max()))


@pytest.mark.parametrize("name", SAMPLES)
def test_batch_gradients_average_over_an_epoch_to_the_gradient(name):
    s = surface(name)
    x, y = points(name, 3)
    size = {442: 34, 569: 1, 500: 20}[s.samples]  # divides the data set: 442 = 13 x 34; 569 is a prime
    generator = torch.Generator().manual_seed(1)
    orders = torch.stack([torch.randperm(s.samples, generator=generator) for _ in x])  # another order for every run
    batches = [s.batch_gradient(x, y, index) for index in orders.split(size, dim=1)]
    for i, full in enumerate(s.gradient(x, y)):
        mean = torch.stack([batch[i] for batch in batches]).mean(dim=0)
        torch.testing.assert_close(mean, full, rtol=1e-9, atol=1e-9 * float(full.abs().max()))
    assert float((batches[0][0] - batches[1][0]).abs().max()) > 0, "batches differ"


@pytest.mark.parametrize("name", [*REGRESSIONS, "Breast cancer"])
def test_batch_gradient_is_autograd_of_the_loss_of_the_batch(name):
    x, y = points(name, 4)
    index = torch.randint(0, SAMPLES[name], (4, 8), generator=torch.Generator().manual_seed(2))
    features, targets = regression_data(name) if name in REGRESSIONS else logistic_data()
    own = surface(name).batch_gradient(x, y, index)
    for lane in range(4):
        p, q = x[lane].clone().requires_grad_(), y[lane].clone().requires_grad_()
        rows = index[lane]
        if name in REGRESSIONS:
            loss = F.mse_loss(p * features[rows] + q, targets[rows])
        else:
            loss = F.binary_cross_entropy_with_logits(features[rows] @ torch.stack([p, q]), targets[rows])
        expected = torch.autograd.grad(loss, (p, q))
        torch.testing.assert_close(torch.stack([g[lane] for g in own]), torch.stack(expected), rtol=1e-9, atol=1e-9)


def perturbed(s, a, b):
    """theta + a delta + b eta as a torch module with its own forward pass."""
    module = nn.Sequential(nn.Linear(64, network_slice.HIDDEN), nn.Tanh(), nn.Linear(network_slice.HIDDEN, 10)).double()
    module.load_state_dict({name: part[0] + a * part[1] + b * part[2] for name, part in s.plane.items()})
    return module


def test_slice_is_the_loss_of_the_network_with_moved_parameters():
    s = surface("Digits network")
    x, y = points("Digits network", 12)
    expected = [F.cross_entropy(perturbed(s, a, b)(s.inputs), s.targets).detach() for a, b in zip(x, y, strict=True)]
    torch.testing.assert_close(s.value(x, y), torch.stack(expected), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("batch", [None, 7])
def test_slope_of_the_slice_is_the_networks_gradient_along_the_directions(batch):
    s = surface("Digits network")
    x, y = points("Digits network", 6)
    index = torch.randint(0, s.samples, (6, batch or 1), generator=torch.Generator().manual_seed(3))
    own = s.gradient(x, y) if batch is None else s.batch_gradient(x, y, index)
    for lane in range(6):
        module = perturbed(s, x[lane], y[lane])
        rows = slice(None) if batch is None else index[lane]
        F.cross_entropy(module(s.inputs[rows]), s.targets[rows]).backward()
        for axis in (0, 1):
            along = sum((p.grad * s.plane[name][axis + 1]).sum() for name, p in module.named_parameters())
            torch.testing.assert_close(own[axis][lane], along, rtol=1e-9, atol=1e-11)


def test_directions_are_filter_normalised_and_leave_biases_alone():
    s = surface("Digits network")
    for name, (theta, *directions) in s.plane.items():
        for direction in directions:
            if name.endswith("bias"):
                assert (direction == 0).all()
            else:
                # Li et al. 2018, section 4: d_ij <- d_ij / |d_ij| |theta_ij|, a filter = the weights into a neuron.
                torch.testing.assert_close(direction.norm(dim=1), theta.norm(dim=1), rtol=1e-12, atol=0)
    delta, eta = (torch.cat([part[i].flatten() for part in s.plane.values()]) for i in (1, 2))
    cosine = float(delta @ eta / delta.norm() / eta.norm())
    assert abs(cosine) < 0.15, "random directions in 1,210 dimensions are nearly orthogonal"


def test_network_is_trained_for_real_and_generalises():
    images, labels = datasets.digits()
    for seed in (0, 1):
        s = surface("Digits network", seed=seed)
        zero = torch.zeros(1, dtype=torch.float64)
        assert float(s.value(zero, zero)) < 0.02
        network = perturbed(s, 0.0, 0.0)
        with torch.no_grad():
            right = (network(torch.tensor(images)).argmax(1).numpy() == labels).sum()
            seen = int((network(s.inputs).argmax(1) == s.targets).sum())
        np.testing.assert_allclose(s.accuracy, (right - seen) / (len(labels) - s.samples), rtol=1e-12)
        assert s.accuracy > 0.9
        assert np.bincount(s.targets.numpy()).tolist() == [50] * 10
        assert len(s.minima) >= 1 and np.abs(s.minima[0]).max() < 0.1, "training ends at the bottom of the slice"


def test_equal_seeds_give_equal_slices_and_other_seeds_others():
    a, again, other = network_slice.build(3), network_slice.build(3), network_slice.build(4)
    x, y = points("Digits network", 5)
    torch.testing.assert_close(a.value(x, y), again.value(x, y), rtol=0, atol=0)
    assert float((a.value(x, y) - other.value(x, y)).abs().min()) > 0


def test_building_leaves_the_global_random_state_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    network_slice.build(9)
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("name", ["Breast cancer", "Digits network"])
def test_progress_reaches_one_and_may_stop_the_work(name):
    s = surface(name)
    x = np.zeros((80, 80)) if name == "Breast cancer" else np.zeros(100)
    shares = []
    s.value(x, x, shares.append)
    assert len(shares) > 1 and shares == sorted(shares) and shares[-1] == 1.0

    def stop(_share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        s.value(x, x, stop)


def test_balanced_subset_refuses_what_it_cannot_balance():
    _, labels = datasets.digits()
    rng = np.random.default_rng(0)
    for samples in (0, 15, 1790):
        with pytest.raises(ValueError, match="multiple of 10"):
            datasets.balanced(labels, samples, rng)


def test_unknown_features_and_names_say_what_is_allowed():
    with pytest.raises(KeyError, match="allowed: age"):
        datasets.diabetes("height")
    with pytest.raises(KeyError, match="mean radius"):
        datasets.breast_cancer(("mean radius", "colour"))
    with pytest.raises(KeyError, match="Breast cancer"):
        data_surfaces.build("Iris")


def test_arrays_of_a_data_set_cannot_be_changed():
    for array in (*datasets.diabetes("bmi"), *datasets.digits(), *datasets.breast_cancer(("mean radius",))):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
