"""The grid of activations and initializers: one shared draw for all cells against a loop with hooks.

    python benchmarks/initialization.py

Both sides send the same inputs through networks of the same depth and width in float64 and back, and measure the
standard deviation of activations and of gradients in every layer of every cell. The loop is what one would
otherwise write: for each cell an nn.Sequential with weights from torch.nn.init, forward hooks, and gradients retained
on the pre-activations. It comes in two forms, with weight gradients, as backward() gives them by default, and without,
which is the least it can do. Then the cells of both sides are compared: the shared draw has to lie within the
scatter of the loop's independent draws.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from limits import by_turns  # noqa: E402

from dlviz.engine.signals.initializers import INITIALIZERS, Free  # noqa: E402
from dlviz.engine.signals.propagation import Variant, propagate  # noqa: E402

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
MODULES = {
    "Linear": nn.Identity, "Sigmoid": nn.Sigmoid, "Tanh": nn.Tanh, "ReLU": nn.ReLU, "Leaky ReLU": nn.LeakyReLU,
    "PReLU": nn.PReLU, "ELU": nn.ELU, "SELU": nn.SELU, "GELU": nn.GELU, "Swish": nn.SiLU, "Softplus": nn.Softplus,
}  # fmt: skip
SCHEMES: dict[str, Callable[[torch.Tensor], object]] = {
    "Normal": lambda w: nn.init.normal_(w, 0, 0.07),
    "Uniform": lambda w: nn.init.uniform_(w, -0.1, 0.1),
    "Xavier normal": nn.init.xavier_normal_,
    "Xavier uniform": nn.init.xavier_uniform_,
    "He normal": lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"),
    "He uniform": lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu"),
    "LeCun normal": lambda w: nn.init.normal_(w, 0, math.sqrt(1 / w.shape[1])),
    "Variance scaling": lambda w: nn.init.normal_(w, 0, math.sqrt(1 / w.shape[1])),
    "Zeros": nn.init.zeros_,
    "Constant": lambda w: nn.init.constant_(w, 0.01),
    "Orthogonal": nn.init.orthogonal_,
}
FREE = Free(std=0.07)
INPUTS = 20  # as the page's grid has them
SIZES = (
    ("the page's grid as it opens", tuple(MODULES), tuple(SCHEMES), 20, 128),
    ("at its greatest width, only scales of two draws", tuple(MODULES), tuple(SCHEMES)[:8], 20, 256),
    ("deeper and wider", ("Sigmoid", "Tanh", "ReLU", "ELU", "SELU", "GELU"), tuple(SCHEMES)[:6], 50, 512),
)


def loop(activations, schemes, depth, width, x, y, *, weight_gradients: bool) -> tuple[np.ndarray, np.ndarray]:
    """log10 of std(h_L)/std(h_1) and of std(δ_1)/std(δ_L), each (A, C), one network after another."""
    forward, backward = np.empty((2, len(activations), len(schemes)))
    for a, activation in enumerate(activations):
        for c, scheme in enumerate(schemes):
            sizes, pre, layers = [], [], []
            for layer in range(depth):
                linear = nn.Linear(width if layer else x.shape[1], width, bias=False, dtype=torch.float64)
                with torch.no_grad():
                    SCHEMES[scheme](linear.weight)
                linear.weight.requires_grad_(weight_gradients)
                phi = MODULES[activation]()

                def retain(_module, _inputs, z, pre=pre):
                    if not z.requires_grad:
                        z.requires_grad_()
                    z.retain_grad()
                    pre.append(z)

                linear.register_forward_hook(retain)
                phi.register_forward_hook(lambda _module, _inputs, h, sizes=sizes: sizes.append(h.detach().std()))
                layers += [linear, phi.double()]
            head = nn.Linear(width, 10, bias=False, dtype=torch.float64)
            nn.init.normal_(head.weight, 0, width**-0.5)
            head.weight.requires_grad_(weight_gradients)
            net = nn.Sequential(*layers, head)
            nn.functional.cross_entropy(net(x), y, reduction="sum").backward()
            slopes = [z.grad.std() for z in pre]
            forward[a, c] = torch.log10(sizes[-1] / sizes[0])
            backward[a, c] = torch.log10(slopes[0] / slopes[-1])
    return forward, backward


def shared(activations, schemes, depth, width, x, y, seed=0) -> tuple[np.ndarray, np.ndarray]:
    """The same by one draw a layer of each kind (Gaussian, uniform, orthogonal, constant)."""
    variants = []
    for activation in activations:
        for name in schemes:
            scheme = INITIALIZERS[name]
            first, others = (scheme.rms(n, width, FREE) * math.sqrt(n) for n in (x.shape[1], width))
            variants.append(Variant(activation, others, draw=scheme.draw, first_sigma_w=first))
    found = propagate(variants, depth, width, [seed], x, y, want=("std", "gradient_std"))
    shape = len(activations), len(schemes)
    with np.errstate(divide="ignore", invalid="ignore"):
        forward = np.log10(found.std[:, 0, -1] / found.std[:, 0, 0])
        backward = np.log10(found.gradient_std[:, 0, 0] / found.gradient_std[:, 0, -1])
    return forward.reshape(shape), backward.reshape(shape)


def agreement(activations, schemes, draws: int = 12) -> tuple[int, int, float]:
    """Cells whose mean over draws of the shared method agrees with the loop's within 4 standard errors.

    Small networks, for the loop is slow: (agreeing, all, largest distance in standard errors).
    """
    depth, width = 15, 64
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((20, 64)), rng.integers(0, 10, 20)
    tensors = torch.tensor(x), torch.tensor(y)
    torch.manual_seed(0)
    theirs = np.array([
        loop(activations, schemes, depth, width, *tensors, weight_gradients=False) for _ in range(draws)
    ])  # fmt: skip
    ours = np.array([shared(activations, schemes, depth, width, x, y, seed) for seed in range(draws)])
    error = np.sqrt((theirs.var(axis=0, ddof=1) + ours.var(axis=0, ddof=1)) / draws)
    distance = np.abs(theirs.mean(axis=0) - ours.mean(axis=0)) / error
    return int((distance < 4).sum()), distance.size, float(distance.max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=INPUTS, help="Inputs that go through every network.")
    inputs = parser.parse_args().inputs
    # One thread: threads that wait for each other are slow on a busy computer, and both sides gain alike.
    torch.set_num_threads(1)
    print(f"{platform.machine()}, {CORES} cores, torch {torch.__version__} with {torch.get_num_threads()} threads.\n")
    print("| What | loop | loop without weight gradients | dlviz | times faster | than the lean loop |")
    print("|---|---:|---:|---:|---:|---:|")
    for what, activations, schemes, depth, width in SIZES:
        rng = np.random.default_rng(0)
        x, y = rng.standard_normal((inputs, 64)), rng.integers(0, 10, inputs)
        tensors = torch.tensor(x), torch.tensor(y)
        cells = activations, schemes, depth, width
        full, lean, ours = by_turns(
            lambda cells=cells, tensors=tensors: loop(*cells, *tensors, weight_gradients=True),
            lambda cells=cells, tensors=tensors: loop(*cells, *tensors, weight_gradients=False),
            lambda cells=cells, x=x, y=y: shared(*cells, x, y),
            turns=3,
        )  # fmt: skip
        count = len(activations) * len(schemes)
        print(f"| {what}: {count} cells, {depth} layers of {width}, {inputs} inputs | {full:.2f} s | {lean:.2f} s | "
              f"{ours:.2f} s | {full / ours:.1f} | {lean / ours:.1f} |")  # fmt: skip
    agreeing, all_, worst = agreement(("Tanh", "ReLU", "GELU"), ("Xavier normal", "He normal", "He uniform"))
    print(f"\nMeans over 12 draws, shared against independent: {agreeing} of {all_} agree within 4 standard errors, "
          f"the largest distance is {worst:.1f}.")  # fmt: skip


if __name__ == "__main__":
    main()
