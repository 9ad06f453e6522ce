"""What a GPU makes of the engine, beside the card's own limits: ``python benchmarks/gpu.py [--device cpu]``.

Runs unchanged on any machine with CUDA, and says so where there is none. Every figure is the page's own work at the
size that a GPU opens, on the device and, for the ratio, on the CPU with all its cores, in the same run. The limit is
what the card needs for the arithmetic or for the bytes that have to be moved, at rates that it is measured at here.
``--device cpu`` runs the same code on the CPU at a small size, to see that it works.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from limits import bandwidth, by_turns, duration, elementwise, flops, machine  # noqa: E402

from dlviz.concepts.activations import dying  # noqa: E402
from dlviz.engine.data import sequences  # noqa: E402
from dlviz.engine.data.datasets import digits  # noqa: E402
from dlviz.engine.descent import descent  # noqa: E402
from dlviz.engine.networks import cnn  # noqa: E402
from dlviz.engine.networks.batches import MiniBatches, epochs  # noqa: E402
from dlviz.engine.networks.fit import fit  # noqa: E402
from dlviz.engine.networks.updates import sgd  # noqa: E402
from dlviz.engine.optimizers import RULES  # noqa: E402
from dlviz.engine.runtime import device  # noqa: E402
from dlviz.engine.signals import cells, recurrent_init  # noqa: E402
from dlviz.engine.signals.propagation import Variant, propagate  # noqa: E402
from dlviz.engine.surfaces import network_slice  # noqa: E402
from dlviz.engine.surfaces.named import surface  # noqa: E402

SINGLE, DOUBLE = torch.float32, torch.float64


@dataclass(frozen=True)
class Figure:
    """One piece of work, and the least seconds that it takes the device: by arithmetic, or by moving data."""

    work: str
    call: Callable[[], object]
    limit: float
    by: str


class Card:
    """The rates of the device."""

    def __init__(self, where: torch.device) -> None:
        self.products = {dtype: flops(where, dtype) for dtype in (SINGLE, DOUBLE)}
        self.bytes = bandwidth(where)
        self.tanh = elementwise(torch.tanh, where, DOUBLE)

    def __str__(self) -> str:
        one, two = (self.products[dtype] / 1e12 for dtype in (SINGLE, DOUBLE))
        return (f"Measured: {one:.3g} Tflop/s in float32, {two:.3g} in float64, {self.bytes / 1e9:.0f} GB/s, "
                f"{self.tanh / 1e9:.3g} G tanh/s in float64.")  # fmt: skip


def figures(card: Card, small: bool) -> Iterator[Figure]:
    """The work of every page that has some for a GPU, at the size that it opens (or a small one)."""
    ground, side = surface("Himmelblau"), 64 if small else 1024
    steps, line = 50 if small else 500, np.linspace(-5.5, 5.5, side)
    x, y = (part.ravel() for part in np.meshgrid(line, line))
    basins = partial(descent.basins, ground, RULES["Adam"], {}, 0.1, x, y, steps=steps, tolerance=0.05)
    # A step reads and writes the point and Adam's two accumulators, of two coordinates each.
    least = steps * len(x) * 2 * 2 * 3 * 8 / card.bytes
    yield Figure(f"basins, {side}² starts × {steps} Adam steps", partial(basins, executor="torch"), least, "bytes")
    yield Figure("the same in the page's own executor, on the CPU", basins, least, "bytes")

    slice_, side = network_slice.build(0), 21 if small else 201
    points = np.meshgrid(*[np.linspace(-1, 1, side)] * 2)
    n, hidden = len(slice_.targets), network_slice.HIDDEN
    each = 2 * n * hidden * (3 + network_slice.CLASSES) / card.products[DOUBLE] + n * hidden / card.tanh
    work = f"landscape of the digits network, {side}² points"
    yield Figure(work, partial(slice_.value, *points), side**2 * each, "flops")

    width, depth, inputs = (64, 4, 20) if small else (4096, 20, 50)
    rng = np.random.default_rng(0)
    data = rng.standard_normal((inputs, 64)), rng.integers(0, 10, inputs)
    variants = [Variant(name, 1.4) for name in ("Sigmoid", "Tanh", "ReLU")]
    least = 4 * len(variants) * inputs * depth * width**2 / card.products[DOUBLE]
    work = f"{len(variants)} networks of {depth} × {width}, forward and back (weights drawn on the CPU)"
    yield Figure(work, partial(propagate, variants, depth, width, [0], *data), least, "flops")

    def died() -> None:
        dying.grid.forget()
        dying.grid(0)

    weights = sum(a * b for a, b in zip(dying.LAYERS[:-1], dying.LAYERS[1:], strict=True))
    count = len(dying.RATES) * len(dying.BIASES)
    least = 6 * weights * dying.BATCH * dying.STEPS * count / card.products[SINGLE]
    yield Figure(f"dying ReLU: {count} networks × {dying.STEPS} steps of SGD", died, least, "flops")

    pixels, labels = digits()
    images = torch.tensor((pixels - pixels.mean()) / pixels.std()).float().to(device.device())
    classes = torch.tensor(labels).to(device.device())

    def normed(count: int = 64 if small else 1024) -> None:
        nets = cnn.draw(("None", "BatchNorm", "LayerNorm", "GroupNorm"), 3)
        owner = torch.arange(3, device=images.device).repeat(4)
        batches = MiniBatches(images[:count], classes[:count], epochs(count, 32, 1, 3, 0), owner)
        fit(nets, batches, sgd(0.05, momentum=0.9))

    kernels = sum(9 * a * b * s * s for a, b, s in ((1, 8, 4), (8, 16, 2), (16, 32, 1))) + 320
    least = 6 * kernels * (64 if small else 1024) * 12 / card.products[SINGLE]
    yield Figure("12 small CNNs with norms, an epoch of batches of 32", normed, least, "flops")

    hidden, length = (16, 16) if small else (256, 64)
    drawn = recurrent_init.draw("LSTM", hidden, 1, [0], bias=1.0)
    read = sequences.draw("Digit by pixels", 64, 1, recurrent_init.generator(0, 6))[0][:, :length]
    targets = list(range(2, length + 1, 2))

    def pairs() -> None:
        with torch.no_grad():
            cells.products(cells.forward(drawn, read.to(drawn.bias)), targets, None)

    least = 2 * 4 * hidden**2 * drawn.state * sum(targets) / card.products[DOUBLE]
    yield Figure(f"LSTM of {hidden} units: all pairs of {length} steps", pairs, least, "flops")


def timed(where: str, small: bool, turns: int) -> tuple[list[Figure], list[float], Card]:
    """Every figure on one device."""
    os.environ["DLVIZ_DEVICE"] = where
    card = Card(device.device())
    found = list(figures(card, small))
    return found, [by_turns(figure.call, turns=turns, device=device.device())[0] for figure in found], card


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=device.DEVICES, default="cuda")
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    os.environ["DLVIZ_DEVICE"] = given.device
    try:
        where = device.device()
    except ValueError as error:
        print(f"Nothing was measured: {error}.")
        return
    small = where.type == "cpu"
    print(machine(where) + "\n")
    if not small:
        torch.set_num_threads(device.threads())
        print(f"Beside it the CPU with {torch.get_num_threads()} threads.\n")
    on_cpu = None if small else timed("cpu", False, 1)[1]
    found, seconds, card = timed(given.device, small, given.turns)
    print(f"{card}\n")
    print("| Work | CPU | device | times faster | limit | times the limit | limited by |")
    print("|---|---:|---:|---:|---:|---:|---|")
    for i, (figure, taken) in enumerate(zip(found, seconds, strict=True)):
        beside = f"{duration(on_cpu[i])}" if on_cpu else ""
        faster = f"**{on_cpu[i] / taken:.1f}**" if on_cpu else ""
        print(f"| {figure.work} | {beside} | {duration(taken)} | {faster} | {duration(figure.limit)} | "
              f"{taken / figure.limit:.1f} | {figure.by} |")  # fmt: skip


if __name__ == "__main__":
    main()
