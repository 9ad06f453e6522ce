"""Every concept's engine beside what one would otherwise write: ``python benchmarks/compute.py [CONCEPT ...]``.

Same work, same run, by turns, one thread. The limit is what this machine would need for the arithmetic that the task
cannot do without, at rates measured in the same run: products of matrices at their best, tanh and exp as fast as in the
cache, and nothing for memory, calls and Python. The other files of this folder look at one concept each, and check that
both sides give the same numbers; those that are new here are checked here.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import bptt  # noqa: E402
import fine_tuning  # noqa: E402
import initialization  # noqa: E402
from limits import by_turns, duration, elementwise, flops, machine  # noqa: E402

from dlviz.concepts.activations import dying  # noqa: E402
from dlviz.concepts.activations.digits import standardised_digits  # noqa: E402
from dlviz.engine import cells, convolution, landscape, norm_depth, recurrent_start, refine, sequences  # noqa: E402
from dlviz.engine import training as stacks  # noqa: E402
from dlviz.engine.activations import ACTIVATIONS  # noqa: E402
from dlviz.engine.datasets import digits  # noqa: E402
from dlviz.engine.propagation import Variant, propagate  # noqa: E402

CPU = torch.device("cpu")
SINGLE, DOUBLE = torch.float32, torch.float64


@dataclass(frozen=True)
class Row:
    """One comparison: seconds of both sides, and the least that the arithmetic takes."""

    work: str
    rival: str
    theirs: float
    ours: float
    limit: float | None = None


class Rates:
    """Rates of this machine, each measured when it is first asked for."""

    def __init__(self) -> None:
        self._known: dict = {}

    def _of(self, key: tuple, measure: Callable[[], float]) -> float:
        if key not in self._known:
            self._known[key] = measure()
        return self._known[key]

    def products(self, count: float, dtype: torch.dtype) -> float:
        """Seconds of so many multiplications and additions."""
        return count / self._of(("product", dtype), lambda: flops(CPU, dtype))

    def each(self, count: float, function: Callable, dtype: torch.dtype) -> float:
        """Seconds of so many values of a function."""
        return count / self._of((function, dtype), lambda: elementwise(function, CPU, dtype))

    def __str__(self) -> str:
        names = {SINGLE: "float32", DOUBLE: "float64"}
        called = {key: key[0] if key[0] == "product" else key[0].__name__ for key in self._known}
        return ", ".join(f"{called[key]} {names[key[1]]} {rate / 1e9:.3g} G/s" for key, rate in self._known.items())


def same(theirs: np.ndarray, ours: np.ndarray, tolerance: float, what: str) -> None:
    """Both sides gave the same, in parts of the largest number; else the benchmark ends."""
    apart = np.abs(np.asarray(theirs) - ours).max() / np.abs(ours).max()
    if not apart <= tolerance:
        raise SystemExit(f"{what}: not the same, {apart:.1e} apart")


# -- loss surfaces -----------------------------------------------------------------------------------------


def loss_surfaces(rates: Rates) -> Iterator[Row]:
    import trajectories

    start = np.array([[-1.0, 2.0]])
    torch.set_default_dtype(DOUBLE)  # torch.optim.NAdam computes its factors in the default dtype
    loop, ours = by_turns(lambda: trajectories.loop(start), lambda: trajectories.ours(start))
    torch.set_default_dtype(SINGLE)
    limit, steps = trajectories.limits(), trajectories.STEPS
    least = steps * sum(trajectories.arithmetic_seconds(limit, name, True) for name in trajectories.RULES)
    count = len(trajectories.RULES)
    yield Row(f"paths of {count} optimizers, {steps} steps", "loop over torch.optim", loop, ours, least)
    yield from _slice(rates, 61)


def _slice(rates: Rates, side: int) -> Iterator[Row]:
    """The loss of the digits network in a plane, by the package that is made for it, and as the page has it."""
    try:
        import loss_landscapes
        from loss_landscapes.metrics import Loss
    except ImportError:
        print("loss-landscapes is not installed; for the landscape: pip install --no-deps loss-landscapes==3.0.6\n")
        return
    ground = landscape.build(0)

    def network(a: float, b: float) -> nn.Sequential:
        net = nn.Sequential(nn.Linear(64, landscape.HIDDEN), nn.Tanh(), nn.Linear(landscape.HIDDEN, 10)).double()
        net.load_state_dict({name: at[0] + a * at[1] + b * at[2] for name, at in ground.plane.items()})
        return net

    def theirs() -> np.ndarray:
        ends = network(-1, -1), network(1, -1), network(-1, 1)
        with torch.no_grad():
            return loss_landscapes.planar_interpolation(
                *ends, Loss(nn.functional.cross_entropy, ground.inputs, ground.targets), side
            )

    # The package begins every other column one step later.
    i, j = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    points = -1 + 2 * i / side, -1 + 2 * (j + (i % 2 == 0)) / side
    same(theirs(), ground.value(*points), 1e-9, "landscape")
    line = np.linspace(-1, 1, 161)
    package, every, few = by_turns(
        theirs, lambda: ground.value(*points), lambda: refine.sample(ground.value, line, line, 4, 0.005)
    )
    n, hidden = len(ground.targets), landscape.HIDDEN
    least = rates.products(2 * n * hidden * (3 + 10), DOUBLE) + rates.each(n * hidden, torch.tanh, DOUBLE)
    least += rates.each(n * 10, torch.exp, DOUBLE)
    yield Row(f"landscape of the digits network, {side}² points", "loss-landscapes", package, every, side**2 * least)
    found = refine.sample(ground.value, line, line, 4, 0.005)
    computed = found.computed + found.held_out
    what = f"landscape as shown, 161², {computed} of the points computed ({found.error:.1%} off at most)"
    yield Row(what, f"loss-landscapes, {side}²", package, few, computed * least)


# -- activations -------------------------------------------------------------------------------------------


def activations(rates: Rates) -> Iterator[Row]:
    x = torch.randn(1_000_000, generator=torch.Generator().manual_seed(0), dtype=DOUBLE)
    names = list(initialization.MODULES)
    modules = [initialization.MODULES[name]().double().requires_grad_(False) for name in names]

    def by_autograd() -> list:
        z = x.clone().requires_grad_()
        return [torch.autograd.grad(module(z).sum(), z)[0] for module in modules]

    def by_hand() -> list:
        return [(ACTIVATIONS[name](x), ACTIVATIONS[name].slope(x))[1] for name in names]

    for name, one, other in zip(names, by_autograd(), by_hand(), strict=True):
        same(one.numpy(), other.numpy(), 1e-9, name)
    theirs, ours = by_turns(by_autograd, by_hand)
    yield Row(f"{len(names)} functions and their slopes at a million points", "torch.nn and autograd", theirs, ours)

    count, every = len(dying.RATES) * len(dying.BIASES), 7
    inputs, labels = (torch.tensor(part) for part in standardised_digits(dying.SAMPLES))
    inputs = inputs.float()
    order = stacks.mini_batches(dying.SAMPLES, dying.BATCH, dying.STEPS, 0)

    def one_by_one() -> None:
        for rate in [rate for rate in dying.RATES for _ in dying.BIASES][::every]:
            sizes = list(zip(dying.LAYERS[:-1], dying.LAYERS[1:], strict=True))
            layers = [part for size in sizes for part in (nn.Linear(*size), nn.ReLU())][:-1]
            _train(nn.Sequential(*layers), inputs, labels, order, rate)

    def at_once() -> None:
        dying.grid.forget()
        dying.grid(0)

    theirs, ours = by_turns(one_by_one, at_once)
    weights = sum(a * b for a, b in zip(dying.LAYERS[:-1], dying.LAYERS[1:], strict=True))
    least = rates.products(6 * weights * dying.BATCH * dying.STEPS * count, SINGLE)
    what = f"dying ReLU: {count} networks, {dying.STEPS} steps of SGD"
    yield Row(what, "one after another ¹", theirs * every, ours, least)
    yield _by_depth(rates)


def _by_depth(rates: Rates) -> Row:
    """The panel with which the page opens: gradients of three functions layer by layer, three networks each."""
    functions, depth, width, seeds, count = ("Sigmoid", "Tanh", "ReLU"), 20, 100, (0, 1000, 2000), 100
    x, y = standardised_digits(count)
    tensors = torch.tensor(x), torch.tensor(y)
    variants = [Variant(name, 1.0) for name in functions]
    theirs, ours = by_turns(
        lambda: [
            initialization.loop(functions, ("LeCun normal",), depth, width, *tensors, weight_gradients=False)
            for _ in seeds
        ],
        lambda: propagate(variants, depth, width, seeds, x, y),
    )
    networks = len(functions) * len(seeds)
    least = rates.products(4 * networks * count * depth * width**2, DOUBLE)
    return Row(f"{networks} networks of {depth} × {width}, forward and back", "loop with hooks", theirs, ours, least)


def _train(net: nn.Module, x: torch.Tensor, y: torch.Tensor, order: torch.Tensor, rate: float, momentum=0.0) -> None:
    """As one writes it."""
    optimizer = torch.optim.SGD(net.parameters(), rate, momentum=momentum)
    for chosen in order:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x[chosen]), y[chosen]).backward()
        optimizer.step()


# -- initialization, normalization -------------------------------------------------------------------------


def initializations(rates: Rates) -> Iterator[Row]:
    _, functions, schemes, depth, width = initialization.SIZES[0]
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((initialization.INPUTS, 64)), rng.integers(0, 10, initialization.INPUTS)
    tensors, shape = (torch.tensor(x), torch.tensor(y)), (functions, schemes, depth, width)
    theirs, ours = by_turns(
        lambda: initialization.loop(*shape, *tensors, weight_gradients=False),
        lambda: initialization.shared(*shape, x, y),
    )
    count = len(functions) * len(schemes)
    least = rates.products(2 * 2 * count * len(x) * depth * width**2, DOUBLE)
    yield Row(f"{count} networks of {depth} × {width}, forward and back", "loop with hooks", theirs, ours, least)


def normalization(rates: Rates) -> Iterator[Row]:
    norms, seeds, batch, steps = ("None", "BatchNorm", "LayerNorm", "GroupNorm"), 3, 8, 60
    pixels, labels = digits()
    x, y = torch.tensor((pixels - pixels.mean()) / pixels.std()).float(), torch.tensor(labels)
    x, y = x[: batch * steps], y[: batch * steps]

    def module(norm: str) -> nn.Sequential:
        layers: list[nn.Module] = [nn.Unflatten(1, (1, 8, 8))]
        inputs = 1
        for channels, stride in zip(convolution.CHANNELS, convolution.STRIDES[1], strict=True):
            layer = {"BatchNorm": partial(nn.BatchNorm2d), "LayerNorm": partial(nn.GroupNorm, 1),
                     "GroupNorm": partial(nn.GroupNorm, 4), "None": nn.Identity}[norm]  # fmt: skip
            layers += [nn.Conv2d(inputs, channels, 3, stride, 1, bias=norm == "None"), layer(channels), nn.ReLU()]
            inputs = channels
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(inputs, 10))

    def one_by_one() -> None:
        for norm in norms:
            for seed in range(seeds):
                order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed)).view(steps, batch)
                _train(module(norm), x, y, order, 0.01, momentum=0.9)

    def at_once() -> None:
        nets = convolution.networks(norms, seeds)
        with torch.no_grad():
            convolution.train(nets, x, y, batch=batch, epochs=1, rate=0.01)

    theirs, ours = by_turns(one_by_one, at_once)
    work = sum(9 * a * b * s * s for a, b, s in ((1, 8, 4), (8, 16, 2), (16, 32, 1))) + 320
    least = rates.products(6 * work * batch * steps * len(norms) * seeds, SINGLE)
    what = f"{len(norms) * seeds} small CNNs with {len(norms)} norms, {steps} steps of {batch}"
    yield Row(what, "torch.nn, one after another", theirs, ours, least)
    yield _deep(rates)


def _deep(rates: Rates) -> Row:
    """Gradients at every layer of deep networks with norms."""
    norms, depth, width, seeds, batch = ("None", "BatchNorm", "LayerNorm"), 30, 64, 3, 128
    rng = np.random.default_rng(0)
    x, y = torch.tensor(rng.standard_normal((batch, 64))), torch.tensor(rng.integers(0, 10, batch))
    made = {"None": nn.Identity, "BatchNorm": nn.BatchNorm1d, "LayerNorm": nn.LayerNorm}

    def hooks() -> None:
        for norm in norms:
            for _seed in range(seeds):
                h, kept = x, []
                for _layer in range(depth):
                    linear = nn.Linear(64, width, bias=False).double()
                    h = torch.relu(made[norm](width).double()(linear(h)))
                    h.retain_grad()
                    kept.append(h)
                nn.functional.cross_entropy(nn.Linear(width, 10).double()(h), y).backward()
                [float(h.grad.norm()) for h in kept]

    def ours() -> None:
        norm_depth.gradient_norms.forget()
        norm_depth.gradient_norms(
            norms, depth=depth, width=width, activation="ReLU", gain=1.0, groups=4, seeds=seeds, batch=batch, seed=0
        )

    theirs, fast = by_turns(hooks, ours)
    least = rates.products(4 * len(norms) * seeds * batch * depth * width**2, DOUBLE)
    what = f"gradients in {len(norms) * seeds} networks of {depth} × {width} with norms"
    return Row(what, "retained gradients", theirs, fast, least)


# -- sequences and transfer --------------------------------------------------------------------------------


def sequences_(rates: Rates) -> Iterator[Row]:
    for kind in ("RNN tanh", "LSTM"):
        drawn = recurrent_start.draw(kind, bptt.HIDDEN, 1, [0], bias=1.0)
        x = sequences.draw("Digit by pixels", bptt.STEPS, 1, recurrent_start.generator(0, 6))[0]
        cell, targets = bptt.module(drawn, kind), list(range(2, bptt.STEPS + 1, 2))
        with torch.no_grad():
            ours = partial(cells.products, cells.forward(drawn, x), targets, None)
            logs = ours()
        mine = np.where(np.isfinite(logs), 10**logs * drawn.state**0.5, 0.0)
        below = np.tri(bptt.STEPS, bptt.STEPS, -1, dtype=bool)[np.array(targets) - 1]
        same(bptt.batched(cell, x, targets), np.where(below, mine, 0), 1e-9, kind)
        some = targets[3::8]
        hooks, lean, fast = by_turns(
            partial(bptt.hooks, cell, x, some), partial(bptt.batched, cell, x, targets), ours, turns=1
        )
        gates = drawn.weight_hh.shape[1] // bptt.HIDDEN
        least = rates.products(2 * gates * bptt.HIDDEN**2 * drawn.state * sum(targets), DOUBLE)
        work = f"{kind}: all pairs of {bptt.STEPS} steps"
        yield Row(work, "retained gradients ¹", hooks * sum(targets) / sum(some), fast, least)
        yield Row(work, "autograd, is_grads_batched", lean, fast, least)
    for kind in bptt.FUSED:
        slow, fast, apart = bptt.training(kind, 30, turns=3)
        if apart > 1e-3:
            raise SystemExit(f"{kind}: losses {apart:.1e} apart")
        yield Row(f"{kind}: 12 networks, 30 steps of Adam", "torch's fused layer, one after another", slow, fast)


def transfer(rates: Rates) -> Iterator[Row]:
    data = fine_tuning.Data("MLP")
    begin = time.perf_counter()
    fine_tuning.batched(data)  # once for warming up
    print(f"(fine-tuning: one run of dlviz takes {time.perf_counter() - begin:.1f} s)\n")
    theirs, ours = by_turns(lambda: fine_tuning.loop(data, 4), lambda: fine_tuning.batched(data), turns=1)
    runs = len(fine_tuning.COUNTS) * (fine_tuning.LAYERS + 1) * fine_tuning.SEEDS
    first, rest = 144 * 64, (64 * 64, 64 * 64, 64 * 64, 64 * 5)
    sizes = (first, *rest)
    # Forward from the first trained layer, and back to it: what is frozen costs nothing.
    each = sum(6 * sum(sizes[frozen:]) for frozen in (0, *range(fine_tuning.LAYERS)))
    both = zip(data.train, data.order, strict=True)
    images = sum(x.shape[1] if order is None else order.shape[2] for (x, _), order in both)
    least = rates.products(each * images * fine_tuning.SEEDS * fine_tuning.STEPS, SINGLE)
    yield Row(f"freeze sweep, {runs} runs of {fine_tuning.STEPS} steps", "plain loop ¹", 4 * theirs, ours, least)


CONCEPTS: dict[str, Callable[[Rates], Iterator[Row]]] = {
    "loss_surfaces": loss_surfaces,
    "activations": activations,
    "initialization": initializations,
    "normalization": normalization,
    "bptt": sequences_,
    "fine_tuning": transfer,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("concepts", nargs="*", choices=[[], *CONCEPTS], help="These alone.")
    chosen = parser.parse_args().concepts or list(CONCEPTS)
    # One thread: threads that wait for each other are slow on a busy computer, and both sides gain alike.
    torch.set_num_threads(1)
    print(machine(CPU) + "\n")
    rates = Rates()
    rows = [(name, row) for name in chosen for row in CONCEPTS[name](rates)]
    print("| Concept | Work | What one would otherwise run | that | dlviz | times faster | limit | times the limit |")
    print("|---|---|---|---:|---:|---:|---:|---:|")
    for name, row in rows:
        near = "| |" if row.limit is None else f"{duration(row.limit)} | {row.ours / row.limit:.1f} |"
        print(f"| {name} | {row.work} | {row.rival} | {duration(row.theirs)} | {duration(row.ours)} | "
              f"**{row.theirs / row.ours:.1f}** | {near}")  # fmt: skip
    print("\n¹ A part was timed, and extrapolated by its share of the work.")
    print(f"\nRates: {rates}.")
    slower = [row.work for _, row in rows if row.ours > row.theirs]
    print("\nNothing is slower than its rival." if not slower else f"\nSlower than the rival: {'; '.join(slower)}.")


if __name__ == "__main__":
    main()
