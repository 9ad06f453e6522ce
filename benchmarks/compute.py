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
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import bptt  # noqa: E402
import fine_tuning  # noqa: E402
import networks  # noqa: E402
from comparison import CPU, DOUBLE, SINGLE, Rates, Row, same  # noqa: E402
from limits import by_turns, duration, machine  # noqa: E402

from dlviz.engine.data import sequences  # noqa: E402
from dlviz.engine.signals import cells, recurrent_init  # noqa: E402
from dlviz.engine.surfaces import adaptive_grid, network_slice  # noqa: E402

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
    ground = network_slice.build(0)

    def network(a: float, b: float) -> nn.Sequential:
        net = nn.Sequential(
            nn.Linear(64, network_slice.HIDDEN), nn.Tanh(), nn.Linear(network_slice.HIDDEN, 10)
        ).double()
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
        theirs, lambda: ground.value(*points), lambda: adaptive_grid.sample(ground.value, line, line, 4, 0.005)
    )
    n, hidden = len(ground.targets), network_slice.HIDDEN
    least = rates.products(2 * n * hidden * (3 + 10), DOUBLE) + rates.each(n * hidden, torch.tanh, DOUBLE)
    least += rates.each(n * 10, torch.exp, DOUBLE)
    yield Row(f"landscape of the digits network, {side}² points", "loss-landscapes", package, every, side**2 * least)
    found = adaptive_grid.sample(ground.value, line, line, 4, 0.005)
    computed = found.computed + found.held_out
    what = f"landscape as shown, 161², {computed} of the points computed ({found.error:.1%} off at most)"
    yield Row(what, f"loss-landscapes, {side}²", package, few, computed * least)


# -- sequences and transfer --------------------------------------------------------------------------------


def sequences_(rates: Rates) -> Iterator[Row]:
    for kind in ("RNN tanh", "LSTM"):
        drawn = recurrent_init.draw(kind, bptt.HIDDEN, 1, [0], bias=1.0)
        x = sequences.draw("Digit by pixels", bptt.STEPS, 1, recurrent_init.generator(0, 6))[0]
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
    "activations": networks.activations,
    "initialization": networks.initializations,
    "normalization": networks.normalization,
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
