"""The page's first picture, and the gradient by depth, as a minimal script in plain PyTorch."""

from __future__ import annotations

from .depth import INPUTS, seeds
from .neuron import SAMPLES
from .result import Result
from .settings import BY_DEPTH, Settings

FUNCTIONS = {
    "Sigmoid": "torch.sigmoid(z)",
    "Tanh": "torch.tanh(z)",
    "ReLU": "torch.relu(z)",
    "Leaky ReLU": "F.leaky_relu(z, {parameter!r})",
    "PReLU": "F.prelu(z, torch.tensor({parameter!r}))",
    "ELU": "F.elu(z, {parameter!r})",
    "SELU": "F.selu(z)",
    "GELU": "F.gelu(z)",
    "Swish": "z * torch.sigmoid({parameter!r} * z)",
    "Softplus": "F.softplus(z, {parameter!r})",
}


def code(result: Result) -> str:
    """A script that prints the saturated share, the mean output and the mean squared slope, and, where the panel
    stands on the page, the gradient in the first layer as a multiple of the last layer's, the median of all seeds.
    """
    s = result.settings
    lines: list[str] = []
    body = _function(s)
    deep = bool(set(BY_DEPTH) & set(s.panels)) and s.function in FUNCTIONS
    lines += ["import numpy as np"] if deep else []
    lines += ["import torch"]
    lines += ["import torch.nn.functional as F"] if "F." in "".join(body) else []
    lines += ["from sklearn.datasets import load_digits"] if deep else []
    lines += ["", "torch.set_default_dtype(torch.float64)", *body]
    lines += [
        "",
        f"generator = torch.Generator().manual_seed({s.seed})",
        f"z = {s.mean!r} + {s.std!r} * torch.randn({SAMPLES}, generator=generator)",
        "z.requires_grad_()",
        "outputs = f(z)",
        "(slopes,) = torch.autograd.grad(outputs.sum(), z)",
        f'print("saturated:", (slopes.abs() < {s.epsilon!r}).double().mean().item())',
        'print("mean output:", outputs.mean().item())',
        'print("mean squared slope:", (slopes**2).mean().item())',
    ]
    if deep:
        shape = {"depth": s.depth, "width": s.width, "scale": s.weight_scale, "seeds": seeds(s.seed)}
        lines += _DEEP.format(**shape, each=INPUTS // 10).splitlines()
    return "\n".join(lines) + "\n"


def _function(s: Settings) -> list[str]:
    if s.function == "Maxout":
        return [
            f"w, b = torch.randn(2, {s.maxout_pieces}, generator=torch.Generator().manual_seed({s.seed}))",
            "",
            "",
            "def f(z):",
            "    return (z[..., None] * w + b).amax(dim=-1)",
            "",
        ]
    return ["", "", "def f(z):", f"    return {FUNCTIONS[s.function].format(parameter=s.parameter(s.function))}", ""]


_DEEP = """
# Centred digits of mean square 1; ten of every class.
data = load_digits()
x = data.data / 16
x = x - x.mean(axis=0)
x = x / np.sqrt((x**2).mean())
rng = np.random.default_rng(0)
rows = np.concatenate([rng.choice(np.flatnonzero(data.target == c), {each}, replace=False) for c in range(10)])
rows = rng.permutation(rows)
x, y = torch.tensor(x[rows]), torch.tensor(data.target[rows])


def draw(rows, columns, seed):
    base = torch.empty(rows, columns, dtype=torch.float32).normal_(generator=torch.Generator().manual_seed(seed))
    return base.double() / columns**0.5


# Networks of {depth} layers of {width} units and a linear head; weights N(0, σ_w²/fan_in), no biases.
left = []
for seed in {seeds}:
    h, pre = x, []
    for layer in range(1, {depth} + 1):
        z = {scale!r} * h @ draw({width}, h.shape[1], 1000 * seed + layer).T
        z = z.requires_grad_() if layer == 1 else z
        z.retain_grad()
        pre.append(z)
        h = f(z)
    logits = h @ draw(10, {width}, 1000 * seed).T
    torch.nn.functional.cross_entropy(logits, y, reduction="sum").backward()
    left.append((pre[0].grad.norm() / pre[-1].grad.norm()).item())
print("first layer's gradient, median:", np.median(left))
"""
