"""The arithmetic of the chosen cell as a minimal script in plain PyTorch, which prints the page's numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .result import Result
    from .settings import Settings

HEAD = """import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_default_dtype(torch.float64)
N, C, G = {examples}, {channels}, {groups}
generator = torch.Generator().manual_seed({seed})
"""

DIGITS = """
pixels = torch.tensor(load_digits().data / 16)
pixels = (pixels - pixels.mean()) / pixels.std(correction=0)
digits = pixels[torch.randperm(len(pixels), generator=generator)[:N]].view(N, 8, 8)
"""

PATCHES = """
names = ("china.jpg", "flower.jpg")
small = [Image.fromarray(load_sample_image(name)).resize((160, 107), Image.Resampling.BOX) for name in names]
photos = torch.tensor(np.stack([np.asarray(photo) for photo in small])).permute(0, 3, 1, 2) / 255
photos = (photos - photos.mean()) / photos.std(correction=0)
patches = []
for n in range(N):
    top = int(torch.randint(107 - 7, (), generator=generator))
    left = int(torch.randint(160 - 7, (), generator=generator))
    patches.append(photos[n % 2, :, top:top + 8, left:left + 8])
"""

MAPS = """
images = {images}
kernel = torch.randn(C, {inputs}, 3, 3, generator=generator) * (2 / {fan}) ** 0.5
maps = torch.conv2d(images, kernel, padding=1)
x = nn.functional.adaptive_avg_pool2d(maps, {side}).flatten(2)  # (N, C, H·W)
"""

FEATURES = """
weight = torch.randn(C, 64, generator=generator) * (2 / 64) ** 0.5
x = (digits.flatten(1) @ weight.T)[..., None]  # (N, C, 1)
"""

SEQUENCES = """
T = {length}
weight = torch.randn(C, 8, generator=generator) * (2 / 8) ** 0.5
lengths = torch.randint((T + 1) // 2, T, (N,), generator=generator)
lengths[0] = T
x = (digits[:, :T] @ weight.T).transpose(1, 2)  # (N, C, T)
x = x * (torch.arange(T) < lengths[:, None])[:, None]  # padded with zeros
"""

SETS = {
    "BatchNorm": "x.transpose(0, 1).reshape(C, -1)[c]",
    "LayerNorm": "x[n].flatten()",
    "InstanceNorm": "x[n, c]",
    "GroupNorm": "x[n].reshape(G, -1)[c // (C // G)]",
}
POSITION = "x[n, :, p]"

TAIL = """
n, c, p = {cell}
gamma, beta, eps = {gamma}, {beta}, 1e-5


def show(name, mean, var):
    x_hat = (x[n, c, p] - mean) / (var + eps).sqrt()
    print(f"{{name}}: {{mean:.12g}} {{var:.12g}} {{x_hat:.12g}} {{gamma * x_hat + beta:.12g}}")


sets = {{
{sets}
}}
print(f"x: {{x[n, c, p]:.12g}}")
statistics = {{name: (cells.mean(), cells.var(correction=0)) for name, cells in sets.items()}}
for name, (mean, var) in statistics.items():
    show(name, mean, var)
show("RMSNorm", torch.tensor(0.0), sets["LayerNorm"].square().mean())
thirds = [statistics[name] for name in ("InstanceNorm", "LayerNorm", "BatchNorm")]
show("Switchable", *(sum(values) / 3 for values in zip(*thirds)))  # as at the start of training

# The same from torch's own layers:
{layers}
"""


def code(result: Result) -> str:
    """A script that prints x, and μ, σ², x̂ and y of the chosen cell under every norm."""
    settings, block = result.settings, result.block
    names = {
        "seed": settings.seed,
        "examples": settings.examples,
        "channels": settings.channels,
        "groups": block.groups,
    }
    parts = [HEAD.format(**names), _tensor(settings)]
    sets = SETS | ({"LayerNorm": POSITION} if block.token else {})
    listed = "\n".join(f'    "{name}": {cells},' for name, cells in sets.items())
    parts.append(
        TAIL.format(cell=block.cell, gamma=settings.gamma, beta=settings.beta, sets=listed, layers=_layers(result))
    )
    script = "".join(parts)
    if "photos" in script:
        script = script.replace(
            "import torch\nfrom sklearn.datasets import load_digits\n",
            "import numpy as np\nimport torch\nfrom PIL import Image\nfrom sklearn.datasets import load_sample_image\n",
        )
    return script


def _tensor(settings: Settings) -> str:
    if settings.kind == "MLP":
        return DIGITS + FEATURES
    if settings.kind == "Sequence":
        return DIGITS + SEQUENCES.format(length=settings.length)
    digits = settings.source == "Digits"
    images, inputs = ("digits[:, None]", 1) if digits else ("torch.stack(patches)", 3)
    maps = MAPS.format(images=images, inputs=inputs, fan=9 * inputs, side=settings.side)
    return (DIGITS if digits else PATCHES) + maps


def _layers(result: Result) -> str:
    """Lines that print x̂ from torch.nn, without those that refuse a single value."""
    examples, channels, positions = result.block.x.shape
    layer = (
        "nn.LayerNorm(C)(x.transpose(1, 2)).transpose(1, 2)"
        if result.block.token
        else f"nn.LayerNorm([C, {positions}])(x)"
    )
    found = {
        "BatchNorm": "nn.BatchNorm1d(C)(x)" if examples * positions > 1 else None,
        "LayerNorm": layer,
        "InstanceNorm": "nn.InstanceNorm1d(C)(x)" if positions > 1 else None,
        "GroupNorm": "nn.GroupNorm(G, C)(x)" if examples * channels // result.block.groups * positions > 1 else None,
    }
    return "\n".join(
        f'print(f"nn {name}: {{{call}[n, c, p].item():.12g}}")'
        if call
        else f"# nn.{name} refuses a single value in training"
        for name, call in found.items()
    )
