"""The race of the page as a minimal script in plain PyTorch, which prints the page's numbers."""

from __future__ import annotations

import re
from typing import cast

import sympy

from dlviz.engine.surfaces import data_surfaces, network_slice
from dlviz.engine.surfaces.analytic import AnalyticSurface
from dlviz.engine.surfaces.table import SAMPLES

from .result import Result
from .scene import surface_of
from .settings import Settings, samples

CUSTOM = {
    "Averaged momentum": (
        "averaged_momentum(w, g, s, lr, beta)",
        "s['m'] = beta * s.get('m', 0) + (1 - beta) * g\nreturn w - lr * s['m']",
    ),
    "Lion": (
        "lion(w, g, s, lr, beta1, beta2, weight_decay)",
        "m = s.get('m', torch.zeros(2))\n"
        "direction = torch.sign(beta1 * m + (1 - beta1) * g)\n"
        "s['m'] = beta2 * m + (1 - beta2) * g\n"
        "return w * (1 - lr * weight_decay) - lr * direction",
    ),
    "Adam": (
        "adam_without_bias_correction(w, g, s, lr, beta1, beta2, eps)",
        "s['m'] = beta1 * s.get('m', 0) + (1 - beta1) * g\n"
        "s['v'] = beta2 * s.get('v', 0) + (1 - beta2) * g * g\n"
        "return w - lr * s['m'] / (s['v'].sqrt() + eps)",
    ),
}
"""Rules that torch.optim does not have: signature, and body of a function of weights, gradient and state."""


def code(result: Result) -> str:
    """A script that runs the race and prints ``name: x y loss`` for each optimizer, at the rates it had."""
    settings = result.settings
    lines = ["import torch"]
    body = _function(settings)
    stochastic = [name for name in settings.optimizers if settings.stochastic(name)]
    lines += [
        *_imports(settings, "\n".join(body)),
        "",
        "torch.set_default_dtype(torch.float64)",
        f"STEPS = {settings.steps}",
        "",
    ]
    lines += body
    if stochastic:
        lines += _draws(settings)
    lines += ["", *_race(settings, bool(stochastic))]
    custom = [name for name in settings.optimizers if _is_custom(settings, name)]
    for name in custom:
        signature, rule = CUSTOM[name]
        lines += ["", "", f"def {signature}:", *("    " + line for line in rule.splitlines())]
    if custom:
        lines += ["", "", *_STEPPER.splitlines()]
    lines += ["", ""]
    lines += [_call(settings, run.optimizer, run.rate) for run in result.race.descents]
    return "\n".join(lines) + "\n"


def _is_custom(settings: Settings, name: str) -> bool:
    return name in ("Averaged momentum", "Lion") or (name == "Adam" and not settings.adam_bias_correction)


def _imports(settings: Settings, body: str) -> list[str]:
    found = []
    if "np." in body or settings.surface == "Digits network" or any(map(settings.stochastic, settings.optimizers)):
        found.append("import numpy as np")
    if constants := [
        name for name in ("e", "pi") if re.search(rf"\b{name}\b", body) and settings.surface not in SAMPLES
    ]:
        found.append(f"from math import {', '.join(constants)}")
    functions = ("abs", "cos", "cosh", "exp", "log", "sin", "sinh", "sqrt", "tan", "tanh")
    if settings.surface not in SAMPLES and (used := [name for name in functions if re.search(rf"\b{name}\(", body)]):
        found.append(f"from torch import {', '.join(used)}")
    return found


def _function(settings: Settings) -> list[str]:
    """The loss as a function f(x, y) of two tensors, and for data of the rows to use."""
    if settings.surface.startswith("Diabetes"):
        standardise = ["x = (x - x.mean()) / x.std(correction=0)"] if settings.surface.endswith("standardised") else []
        return [
            "from sklearn.datasets import load_diabetes",
            "",
            "data = load_diabetes(scaled=False)",
            f'x = torch.tensor(data.data[:, data.feature_names.index("{data_surfaces.DIABETES_FEATURE}")])',
            *standardise,
            "y = torch.tensor(data.target)",
            "",
            "",
            "def f(w, b, rows=slice(None)):",
            "    return torch.nn.functional.mse_loss(w * x[rows] + b, y[rows])",
        ]
    if settings.surface == "Breast cancer":
        first, second = data_surfaces.BREAST_CANCER_FEATURES
        return [
            "from sklearn.datasets import load_breast_cancer",
            "",
            "data = load_breast_cancer()",
            f'columns = [list(data.feature_names).index(name) for name in ("{first}", "{second}")]',
            "x = torch.tensor(data.data[:, columns])",
            "x = (x - x.mean(0)) / x.std(0, correction=0)",
            "malignant = torch.tensor(data.target == 0).double()",
            "",
            "",
            "def f(w1, w2, rows=slice(None)):",
            "    logits = x[rows] @ torch.stack([w1, w2])",
            "    return torch.nn.functional.binary_cross_entropy_with_logits(logits, malignant[rows])",
        ]
    if settings.surface == "Digits network":
        return _NETWORK.format(
            seed=settings.seed,
            each=SAMPLES[settings.surface] // network_slice.CLASSES,
            hidden=network_slice.HIDDEN,
            steps=network_slice.TRAINING_STEPS,
            rate=network_slice.TRAINING_RATE,
        ).splitlines()
    expression = cast(AnalyticSurface, surface_of(settings)).expression  # all others are above
    formula = sympy.pycode(expression, fully_qualified_modules=False, allow_unknown_functions=True)
    if not expression.free_symbols:
        formula += " + 0 * x"  # a constant has no gradient graph of its own
    return ["", "def f(x, y):", f"    return {formula}"]


_NETWORK = """\
from sklearn.datasets import load_digits

# 64-16-10 tanh network, trained on {each} digits a class.
rng = np.random.default_rng({seed})
data = load_digits()
rows = np.concatenate([rng.choice(np.flatnonzero(data.target == c), {each}, replace=False) for c in range(10)])
rows = rng.permutation(rows)
images, labels = torch.tensor(data.data[rows] / 16), torch.tensor(data.target[rows])
generator = torch.Generator().manual_seed({seed})
net = torch.nn.Sequential(torch.nn.Linear(64, {hidden}), torch.nn.Tanh(), torch.nn.Linear({hidden}, 10))
for layer in (net[0], net[2]):
    torch.nn.init.xavier_uniform_(layer.weight, generator=generator)
    torch.nn.init.zeros_(layer.bias)
optimizer = torch.optim.Adam(net.parameters(), lr={rate})
for _ in range({steps}):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(net(images), labels).backward()
    optimizer.step()

# Two random directions, each filter scaled to the norm of the trained one (Li et al. 2018).
theta = {{name: p.detach() for name, p in net.named_parameters()}}
plane = {{}}
for name in ("0.weight", "2.weight"):
    plane[name] = [torch.randn(theta[name].shape, generator=generator) for _ in range(2)]
    plane[name] = [d * theta[name].norm(dim=1, keepdim=True) / d.norm(dim=1, keepdim=True) for d in plane[name]]


def f(a, b, rows=slice(None)):
    moved = {{name: theta[name] + a * d + b * e for name, (d, e) in plane.items()}}
    logits = torch.func.functional_call(net, theta | moved, images[rows])
    return torch.nn.functional.cross_entropy(logits, labels[rows])"""


def _draws(settings: Settings) -> list[str]:
    """The noise, or the order of the examples, as ``dlviz.engine.descent.descent`` draws them."""
    lines = ["", "", f"rng = np.random.default_rng([{settings.seed}, 0])"]
    count, size = samples(settings), settings.batch()
    if count is None or size is None:
        return [*lines, f"noise = {settings.noise!r} * torch.tensor(rng.standard_normal((STEPS, 2)))"]
    return [
        *lines,
        "batches = []",
        "while len(batches) < STEPS:  # one epoch: a permutation, cut into whole batches",
        f"    batches += list(torch.tensor(rng.permutation({count})[: {count // size * size}]).split({size}))",
    ]


def _race(settings: Settings, stochastic: bool) -> list[str]:
    x, y = settings.start()
    batch = "f(*w, batches[step]) if stochastic else f(*w)" if settings.surface in SAMPLES else "f(*w)"
    lines = [
        "",
        "def race(name, make, stochastic=False):" if stochastic else "def race(name, make):",
        f"    w = torch.tensor([{x!r}, {y!r}], requires_grad=True)",
        "    optimizer = make([w])",
        "    for step in range(STEPS):",
        "        optimizer.zero_grad()",
        f"        ({batch}).backward()" if stochastic else "        f(*w).backward()",
    ]
    if stochastic and settings.surface not in SAMPLES:
        lines += ["        if stochastic:", "            w.grad += noise[step]"]
    return [
        *lines,
        "        optimizer.step()",
        '    print(f"{name}: {w[0].item()!r} {w[1].item()!r} {f(*w).item()!r}")',
    ]


_STEPPER = """\
class Stepper(torch.optim.Optimizer):
    def __init__(self, params, rule, **hyper):
        super().__init__(params, {})
        self.rule, self.hyper = rule, hyper

    @torch.no_grad()
    def step(self):
        for w in self.param_groups[0]["params"]:
            w.copy_(self.rule(w, w.grad, self.state[w], **self.hyper))
"""


def _call(settings: Settings, name: str, rate: float) -> str:
    h = settings.hyper(name)
    betas = f"betas=({h.get('beta1')!r}, {h.get('beta2')!r})"
    eps = f"eps={h.get('eps')!r}"
    if _is_custom(settings, name):
        h.pop("bias_correction", None)
        if name == "Averaged momentum":
            h = {"beta": h["momentum"]}
        rule = CUSTOM[name][0].partition("(")[0]
        given = ", ".join([f"lr={rate!r}", *(f"{key}={value!r}" for key, value in h.items())])
        made = f"Stepper(p, {rule}, {given})"
    else:
        arguments: tuple[str, ...]
        kind, arguments = {
            "GD": ("SGD", ()),
            "SGD": ("SGD", ()),
            "Momentum": ("SGD", (f"momentum={h.get('momentum')!r}",)),
            "Nesterov": ("SGD", (f"momentum={h.get('momentum')!r}", "nesterov=True")),
            "AdaGrad": ("Adagrad", (eps,)),
            "RMSprop": ("RMSprop", (f"alpha={h.get('alpha')!r}", eps)),
            "AdaDelta": ("Adadelta", (f"rho={h.get('rho')!r}", eps)),
            "Adam": ("Adam", (betas, eps)),
            "AdamW": ("AdamW", (betas, eps, f"weight_decay={h.get('weight_decay')!r}")),
            "NAdam": ("NAdam", (betas, eps, f"momentum_decay={h.get('momentum_decay')!r}")),
        }[name]
        if name == "Nesterov" and not h["momentum"]:
            arguments = ()  # torch refuses Nesterov without momentum; with β = 0 it is gradient descent
        made = f"torch.optim.{kind}(p, {', '.join([f'lr={rate!r}', *arguments])})"
    last = ", stochastic=True" if settings.stochastic(name) else ""
    return f'race("{name}", lambda p: {made}{last})'
