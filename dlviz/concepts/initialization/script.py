"""The network of the page as a minimal script in plain PyTorch, which prints the page's numbers."""

from __future__ import annotations

from dlviz.engine.signals.activations import ACTIVATIONS
from dlviz.engine.signals.initializers import INITIALIZERS

from .result import Result
from .settings import CLASSES, Settings

FUNCTIONS = {
    "Linear": "z",
    "Sigmoid": "z.sigmoid()",
    "Tanh": "z.tanh()",
    "ReLU": "F.relu(z)",
    "Leaky ReLU": "F.leaky_relu(z, {p})",
    "PReLU": "F.prelu(z, torch.tensor({p}))",
    "ELU": "F.elu(z, {p})",
    "SELU": "F.selu(z)",
    "GELU": "F.gelu(z)",
    "Swish": "z * ({p} * z).sigmoid()",
    "Softplus": "F.softplus(z, {p})",
}
"""Each activation as torch has it, of a tensor z and a parameter p."""

DRAWS = {
    "normal": "torch.empty(n_out, n_in).normal_(generator=g)",
    "uniform": "torch.empty(n_out, n_in).uniform_(-(3**0.5), 3**0.5, generator=g)",
    "orthogonal": "torch.nn.init.orthogonal_(torch.empty(n_out, n_in), gain=max(n_in, n_out) ** 0.5, generator=g)",
    "constant": "torch.ones(n_out, n_in)",
}
"""The base draws: matrices whose entries have mean square one."""


def code(result: Result) -> str:
    """A script that prints ``layer std(h) std(gradient)`` for every layer, from the page's first draw."""
    settings = result.settings
    scheme = INITIALIZERS[settings.scheme]
    first = 100 * settings.seed
    activation = ACTIVATIONS[settings.activation]
    parameter = settings.own_parameter()
    if parameter is None and activation.parameter is not None:
        parameter = activation.parameter.default
    known = f"  # in float32: torch.nn.init.{scheme.torch}" if scheme.torch else ""
    std = _std(settings)
    return "\n".join(
        [
            "import numpy as np",
            "import torch",
            "import torch.nn.functional as F",
            "",
            "torch.set_default_dtype(torch.float64)",
            f"DEPTH, WIDTH = {settings.depth}, {settings.width}",
            *_data(settings),
            "",
            "",
            "def phi(z):",
            f"    return {FUNCTIONS[settings.activation].format(p=repr(parameter))}",
            "",
            "",
            "def weights(layer, n_in, n_out):",
            f"    g = torch.Generator().manual_seed({1000 * first} + layer)",
            "    with torch.no_grad():",
            f"        base = {_float32(DRAWS[scheme.draw])}",
            f"    return {std} * base.double(){known}",
            "",
            "",
            "h, pre = x, []",
            "sizes = []",
            "for layer in range(1, DEPTH + 1):",
            "    w = weights(layer, h.shape[1], WIDTH)",
            *_bias(settings, first),
            "    z.requires_grad_() if layer == 1 else z.retain_grad()",
            "    pre.append(z)",
            "    h = phi(z)",
            "    sizes.append(h.std(correction=0).item())",
            f"g = torch.Generator().manual_seed({1000 * first})",
            f"head = torch.empty({CLASSES}, WIDTH, dtype=torch.float32).normal_(generator=g).double() / WIDTH**0.5",
            "loss = F.cross_entropy(h @ head.T, y, reduction='sum')",
            "loss.backward()",
            "for layer, (size, z) in enumerate(zip(sizes, pre), 1):",
            "    print(layer, size, z.grad.std(correction=0).item())",
            "",
        ]
    )


def _float32(draw: str) -> str:
    return draw.replace("(n_out, n_in)", "(n_out, n_in, dtype=torch.float32)")


def _std(settings: Settings) -> str:
    """The root mean square of the weights, as an expression of n_in and n_out."""
    count = {"fan-in": "n_in", "fan-out": "n_out", "fan average": "((n_in + n_out) / 2)"}
    return {
        "Zeros": "0.0",
        "Constant": repr(settings.constant),
        "Normal": repr(settings.std),
        "Uniform": f"({settings.bound!r} / 3**0.5)",
        "Xavier normal": "(2 / (n_in + n_out)) ** 0.5",
        "Xavier uniform": "(2 / (n_in + n_out)) ** 0.5",
        "He normal": f"(2 / {count[settings.mode]}) ** 0.5",
        "He uniform": f"(2 / {count[settings.mode]}) ** 0.5",
        "LeCun normal": "(1 / n_in) ** 0.5",
        "Variance scaling": f"({settings.scale!r} / {count[settings.average]}) ** 0.5",
        "Orthogonal": f"{settings.gain!r} / max(n_in, n_out) ** 0.5",
    }[settings.scheme]


def _bias(settings: Settings, first: int) -> list[str]:
    if settings.sigma_b == 0:
        return ["    z = h @ w.T"]
    return [
        f"    g = torch.Generator().manual_seed({1000 * first} + 500 + layer)",
        "    b = torch.empty(WIDTH, dtype=torch.float32).normal_(generator=g).double()",
        f"    z = h @ w.T + {settings.sigma_b!r} * b",
    ]


def _data(settings: Settings) -> list[str]:
    lines = [f"rng = np.random.default_rng([{settings.seed}, 0])"]
    if settings.data == "Gaussian":
        return [
            *lines,
            f"x = torch.tensor(rng.standard_normal(({settings.samples}, 64)))",
            f"y = torch.tensor(rng.integers(0, {CLASSES}, {settings.samples}))",
        ]
    scaled = ["spread = x.std(axis=0)", "x = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)"]
    return [
        "from sklearn.datasets import load_digits",
        "",
        *lines,
        "x, y = load_digits(return_X_y=True)",
        *(scaled if settings.data == "Digits, standardised" else []),
        f"each = {settings.samples // CLASSES}",
        f"rows = [rng.choice(np.flatnonzero(y == c), each, replace=False) for c in range({CLASSES})]",
        "rows = rng.permutation(np.concatenate(rows))",
        "x, y = torch.tensor(x[rows]), torch.tensor(y[rows])",
    ]
