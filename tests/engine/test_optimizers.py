"""Every update rule against torch.optim, or where torch has none against the paper's rule written out."""

import math

import numpy as np
import pytest
import torch

from dlviz.engine.descent import descent
from dlviz.engine.descent.lanes import Lanes
from dlviz.engine.optimizers import RULES, sign
from dlviz.engine.surfaces.named import surface

STEPS = 300

# A learning rate at which gradient descent neither leaves nor bounces: rounding must not be amplified.
RATES = {
    "Quadratic": 0.03,
    "Ravine": 0.01,
    "Rosenbrock": 0.0005,
    "Himmelblau": 0.002,
    "Beale": 0.001,
    "Styblinski-Tang": 0.005,
    "Six-hump camel": 0.005,
}
DATA_RATES = {"Diabetes standardised": 0.05, "Breast cancer": 0.1}

# Far from the defaults, so that a misplaced ε or a swapped β shows.
UNUSUAL = {
    "Momentum": {"momentum": 0.7},
    "Averaged momentum": {"momentum": 0.7},
    "Nesterov": {"momentum": 0.7},
    "AdaGrad": {"eps": 0.1},
    "RMSprop": {"alpha": 0.8, "eps": 0.1},
    "AdaDelta": {"rho": 0.95, "eps": 1e-3},
    "Adam": {"beta1": 0.7, "beta2": 0.95, "eps": 0.1},
    "AdamW": {"beta1": 0.7, "beta2": 0.95, "eps": 0.1, "weight_decay": 0.3},
    "NAdam": {"beta1": 0.7, "beta2": 0.95, "eps": 0.1, "momentum_decay": 0.05},
    "Lion": {"beta1": 0.7, "beta2": 0.95, "weight_decay": 0.3},
}


@pytest.fixture(autouse=True)
def _double():
    """torch.optim.NAdam keeps its product of μ in the default dtype; in float32 it is off by 5e-10."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def torch_optimizer(name, parameters, lr, h):
    """The optimizer of torch.optim that a rule must equal; None if there is none."""
    betas = (h.get("beta1"), h.get("beta2"))
    match name:
        case "GD" | "SGD":
            return torch.optim.SGD(parameters, lr=lr)
        case "Momentum":
            return torch.optim.SGD(parameters, lr=lr, momentum=h["momentum"])
        case "Nesterov":
            return torch.optim.SGD(parameters, lr=lr, momentum=h["momentum"], nesterov=True)
        case "AdaGrad":
            return torch.optim.Adagrad(parameters, lr=lr, eps=h["eps"])
        case "RMSprop":
            return torch.optim.RMSprop(parameters, lr=lr, alpha=h["alpha"], eps=h["eps"])
        case "AdaDelta":
            return torch.optim.Adadelta(parameters, lr=lr, rho=h["rho"], eps=h["eps"])
        case "Adam" if h["bias_correction"]:
            return torch.optim.Adam(parameters, lr=lr, betas=betas, eps=h["eps"])
        case "AdamW":
            return torch.optim.AdamW(parameters, lr=lr, betas=betas, eps=h["eps"], weight_decay=h["weight_decay"])
        case "NAdam":
            decay = h["momentum_decay"]
            return torch.optim.NAdam(parameters, lr=lr, betas=betas, eps=h["eps"], momentum_decay=decay)
    return None


class ByThePaper:
    """The rules that torch does not have, one coordinate after the other in plain floats."""

    def __init__(self, name, w, lr, h):
        self.name, self.w, self.lr, self.h = name, w, lr, h
        self.m, self.v = [0.0, 0.0], [0.0, 0.0]

    def zero_grad(self):
        self.w.grad = None

    def step(self):
        h, lr, new = self.h, self.lr, []
        for i, (w, g) in enumerate(zip(self.w.tolist(), self.w.grad.tolist(), strict=True)):
            match self.name:
                case "Averaged momentum":
                    self.m[i] = h["momentum"] * self.m[i] + (1 - h["momentum"]) * g
                    new.append(w - lr * self.m[i])
                case "Adam":  # Kingma & Ba, algorithm 1, without the two lines that correct the bias
                    self.m[i] = h["beta1"] * self.m[i] + (1 - h["beta1"]) * g
                    self.v[i] = h["beta2"] * self.v[i] + (1 - h["beta2"]) * g**2
                    new.append(w - lr * self.m[i] / (math.sqrt(self.v[i]) + h["eps"]))
                case "Lion":  # Chen et al., algorithm 2
                    c = h["beta1"] * self.m[i] + (1 - h["beta1"]) * g
                    new.append(w - lr * ((c > 0) - (c < 0) + h["weight_decay"] * w))
                    self.m[i] = h["beta2"] * self.m[i] + (1 - h["beta2"]) * g
        with torch.no_grad():
            self.w.copy_(torch.tensor(new, dtype=torch.float64))


def reference(ground, name, lr, hyper, steps=STEPS):
    """The path (steps+1, 2) of an ordinary training loop; its gradients come from backward()."""
    h = {**RULES[name].hyper, **hyper}
    w = torch.nn.Parameter(torch.tensor(ground.start, dtype=torch.float64))
    optimizer = torch_optimizer(name, [w], lr, h) or ByThePaper(name, w, lr, h)
    path = [w.detach().clone()]
    for _ in range(steps):
        optimizer.zero_grad()
        ground.value(w[0], w[1]).backward()
        optimizer.step()
        path.append(w.detach().clone())
    return torch.stack(path).numpy()


CASES = [(name, {}) for name in RULES] + [("Adam", {"bias_correction": 0.0})]
UNUSUAL_CASES = [*UNUSUAL.items(), ("Adam", {**UNUSUAL["Adam"], "bias_correction": 0.0})]


def rate(name, ground_name):
    # AdaDelta's steps have the unit of w already, so one rate suits all; near the paper's 1 it bounces.
    return 0.02 if name == "AdaDelta" else (RATES | DATA_RATES)[ground_name]


def assert_same_path(ground, cases, executors):
    lanes = [Lanes(RULES[n], *ground.start, rate(n, ground.name), hyper) for n, hyper in cases]
    traces = {executor: descent.descend(ground, lanes, STEPS, executor=executor) for executor in executors}
    for i, (name, hyper) in enumerate(cases):
        expected = reference(ground, name, rate(name, ground.name), hyper)
        # Any real error of a rule is of the order of a step; this guards against a run that does nothing.
        assert np.abs(expected[-1] - expected[0]).max() > 1e-3
        for executor, trace in traces.items():
            worst = np.abs(trace[i].w[:, 0] - expected).max()
            assert worst < 1e-10, f"{name} {hyper} on {ground.name} in {executor}: off by {worst:.1e}"


@pytest.mark.parametrize("ground_name", RATES)
def test_paths_equal_torch_on_formulas(ground_name):
    assert_same_path(surface(ground_name), CASES, ("compiled", "torch"))


@pytest.mark.parametrize("ground_name", ["Ravine", "Rosenbrock", "Beale"])
def test_paths_equal_torch_with_unusual_hyperparameters(ground_name):
    assert_same_path(surface(ground_name), UNUSUAL_CASES, ("compiled", "torch"))


@pytest.mark.parametrize("ground_name", DATA_RATES)
def test_paths_equal_torch_on_data(ground_name):
    assert_same_path(surface(ground_name), CASES, ("torch",))


@pytest.mark.parametrize("name", RULES)
def test_a_rule_runs_on_floats_and_arrays_alike(name):
    rule = RULES[name]
    values = {key: float(value) for key, value in rule.complete(0.1, {}).items()}
    h = type("Hyper", (), values)
    w, g = np.array([0.3, -2.0]), np.array([1.5, 0.0])
    # lr = 0.1, g = 0 with no accumulated past leaves every undecayed rule where it is.
    whole, _ = rule.update(w, g, tuple(np.full(2, value) for value in rule.initial), h)
    for i in range(2):
        alone, state = rule.update(float(w[i]), float(g[i]), rule.initial, h)
        assert alone == whole[i]
        assert len(state) == len(rule.state)
    assert whole[1] == pytest.approx(-2.0 * (1 - 0.1 * values.get("weight_decay", 0.0)), abs=1e-15)


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_what_is_told_about_a_rule(rule):
    assert rule.source
    assert rule.equation.count("{") == rule.equation.count("}")
    for moment in (rule.first_moment, rule.second_moment):
        assert moment is None or moment in rule.state


def test_sign_keeps_nan_everywhere():
    # torch.sign(nan) is 0, which would let a run with an undefined gradient stand still for ever.
    given = [-2.0, 0.0, 3.0, math.inf, math.nan]
    for made in (np.array, lambda values: torch.tensor(values, dtype=torch.float64)):
        np.testing.assert_array_equal(np.asarray(sign(made(given))), [-1, 0, 1, 1, math.nan])


def test_an_unknown_hyperparameter_is_named():
    with pytest.raises(ValueError, match="Adam has no hyperparameter rho; allowed are beta1, beta2, eps"):
        RULES["Adam"].complete(0.1, {"rho": 0.9})
