"""The freeze sweep: every label count, frozen depth and seed as one batched program against a plain loop.

    python benchmarks/fine_tuning.py [--network CNN]

Both sides fine-tune the same source networks on the same images in the same mini-batches from the same new heads: 6
label counts x 5 frozen depths x 8 seeds (depth 0 is full fine-tuning), and for every count and seed a network from
scratch, 288 runs in all. The loop is what one would otherwise write: for each run an nn.Sequential, requires_grad_
(False) on the frozen layers, torch.optim.Adam and backward(). The two are timed by turns, in one process with one
thread, and then compared: the accuracies of all runs, and the weights of all runs.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from dlviz.engine.data import digit_tasks  # noqa: E402
from dlviz.engine.networks import layered, transfer  # noqa: E402

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
SOURCE, TARGET = "Shifted 0-4", "Shifted 5-9"
COUNTS = (1, 2, 5, 10, 50, None)  # labels a class
LAYERS, SEEDS, STEPS, SOURCE_STEPS, RATE = 5, 8, 100, 200, 0.003


class Data:
    """The source networks, the target's images by label count, the mini-batches and the new heads."""

    def __init__(self, kind: layered.Kind) -> None:
        self.kind, self.seeds = kind, range(SEEDS)
        x, y = stacked([digit_tasks.task(SOURCE, "source", seed) for seed in self.seeds])
        self.source = layered.draw(kind, LAYERS, digit_tasks.classes(SOURCE), self.seeds)
        rates = np.full((SEEDS, LAYERS), RATE)
        order = transfer.batches(x.shape[1], SOURCE_STEPS, self.seeds)
        transfer.tune(self.source, x, y, rates, SOURCE_STEPS, order=order)
        self.classes = digit_tasks.classes(TARGET)
        self.head = layered.new_head(kind, LAYERS, self.classes, self.seeds)
        self.scratch = layered.draw(kind, LAYERS, self.classes, self.seeds).with_head(*self.head)
        self.train, self.order = [], []
        for count in COUNTS:
            parts = [digit_tasks.task(TARGET, "target", seed) for seed in self.seeds]
            self.train.append(stacked([(x[kept], y[kept]) for x, y in parts for kept in [digit_tasks.few(y, count)]]))
            self.order.append(transfer.batches(self.train[-1][0].shape[1], STEPS, self.seeds))
        self.test = stacked([digit_tasks.task(TARGET, "test", seed) for seed in self.seeds])

    def starts(self) -> layered.Networks:
        """The networks of one label count: from scratch, and the source's under a new head for every depth."""
        pre = self.source.with_head(*self.head)
        pairs = zip((self.scratch.weights, self.scratch.biases), (pre.weights, pre.biases), strict=True)
        weights, biases = ([torch.cat([a, *[b] * LAYERS]) for a, b in zip(*pair, strict=True)] for pair in pairs)
        return layered.Networks(pre.layers, weights, biases)


def stacked(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[torch.Tensor, torch.Tensor]:
    xs, ys = zip(*parts, strict=True)
    return torch.from_numpy(np.stack(xs)), torch.from_numpy(np.stack(ys))


def batched(data: Data) -> tuple[np.ndarray, list[torch.Tensor]]:
    """Accuracies (6, 6, 8): counts, scratch and depths, seeds; and the weights of the last count."""
    owner = torch.arange(SEEDS).repeat(LAYERS + 1)
    rates = np.full((LAYERS + 1, SEEDS, LAYERS), RATE)
    for depth in range(LAYERS):
        rates[1 + depth, :, :depth] = 0
    found = []
    for (x, y), order in zip(data.train, data.order, strict=True):
        networks = data.starts()
        transfer.tune(networks, x, y, rates.reshape(-1, LAYERS), STEPS, order=order, owner=owner)
        found.append(networks.accuracy(*data.test, owner).reshape(LAYERS + 1, SEEDS))
    return np.array(found), networks.weights


def module(networks: layered.Networks, m: int, kind: layered.Kind) -> nn.Sequential:
    """One of the networks as torch's own modules."""
    modules: list[nn.Module] = [] if kind == "MLP" else [nn.Unflatten(1, (1, digit_tasks.SIDE, digit_tasks.SIDE))]
    for at, (layer, w, b) in enumerate(zip(networks.layers, networks.weights, networks.biases, strict=True)):
        last = at == len(networks.layers) - 1
        if layer.stride:
            inputs = layer.fan_in // 9
            linear = nn.Conv2d(inputs, layer.units, 3, layer.stride, padding=1)
            weight = w[m].view(layer.units, 9, inputs).transpose(1, 2).reshape(linear.weight.shape)
        else:
            linear = nn.Linear(layer.fan_in, layer.units)
            weight = w[m]
            if last and kind == "CNN":
                channels = layered.WIDTH[kind]
                weight = weight.view(layer.units, -1, channels).transpose(1, 2).flatten(1)
                modules.append(nn.Flatten())
        linear.load_state_dict({"weight": weight, "bias": b[m]})
        modules += [linear] if last else [linear, nn.ReLU()]
    return nn.Sequential(*modules)


def loop(data: Data, each: int = 1) -> tuple[np.ndarray, list[nn.Sequential]]:
    """The same, one run after another; ``each`` > 1 takes only every so many of the seeds."""
    found = np.full((len(COUNTS), LAYERS + 1, SEEDS), np.nan)
    for count, ((x, y), order) in enumerate(zip(data.train, data.order, strict=True)):
        starts, last = data.starts(), []
        for run in range(LAYERS + 1):
            for seed in range(0, SEEDS, each):
                net = module(starts, run * SEEDS + seed, data.kind)
                linear = [part for part in net if isinstance(part, nn.Linear | nn.Conv2d)]
                for part in linear[: max(run - 1, 0)]:
                    part.requires_grad_(False)
                trained = [p for p in net.parameters() if p.requires_grad]
                optimizer = torch.optim.Adam(trained, lr=RATE)
                for step in range(STEPS):
                    chosen = slice(None) if order is None else order[step, seed]
                    optimizer.zero_grad()
                    nn.functional.cross_entropy(net(x[seed, chosen]), y[seed, chosen]).backward()
                    optimizer.step()
                with torch.no_grad():
                    right = net(data.test[0][seed]).argmax(1) == data.test[1][seed]
                found[count, run, seed] = right.double().mean()
                last.append(net)
    return found, last


def by_turns(*calls: Callable[[], object], turns: int) -> list[list[float]]:
    """Seconds of each call at every turn, all called in turn, so that a busy moment meets all of them."""
    times: list[list[float]] = [[] for _ in calls]
    for _turn in range(turns):
        for taken, call in zip(times, calls, strict=True):
            begin = time.perf_counter()
            call()
            taken.append(time.perf_counter() - begin)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=("MLP", "CNN"), default="MLP")
    parser.add_argument("--turns", type=int, default=3, help="How often both are run, by turns.")
    parser.add_argument("--every", type=int, default=1, help="The loop takes every so many of the seeds, extrapolated.")
    given = parser.parse_args()
    # One thread: threads that wait for each other are slow on a busy computer, and the small products gain nothing.
    torch.set_num_threads(1)
    print(f"{platform.machine()}, {CORES} cores, torch {torch.__version__} with {torch.get_num_threads()} thread.")
    data = Data(given.network)
    transfer_result, weights = batched(data)  # once for warming up, and to compare
    loop_result, nets = loop(data, given.every)
    share = len(range(0, SEEDS, given.every)) / SEEDS
    ours, theirs = by_turns(lambda: batched(data), lambda: loop(data, given.every), turns=given.turns)
    theirs = [seconds / share for seconds in theirs]
    runs = transfer_result.size
    how = "" if share == 1 else f", extrapolated from {share:.0%} of the runs"
    print(f"\n{given.network}: {runs} runs of {STEPS} steps ({len(COUNTS)} label counts x ({LAYERS} frozen depths + "
          f"scratch) x {SEEDS} seeds)\n")  # fmt: skip
    print(f"| turn | loop{how} | dlviz | times faster |\n| ---: | ---: | ---: | ---: |")
    for turn, (slow, fast) in enumerate(zip(theirs, ours, strict=True), start=1):
        print(f"| {turn} | {slow:.1f} s | {fast:.2f} s | {slow / fast:.1f} |")
    ratios = [slow / fast for slow, fast in zip(theirs, ours, strict=True)]
    print(f"| median | {statistics.median(theirs):.1f} s | {statistics.median(ours):.2f} s | "
          f"**{statistics.median(ratios):.1f}** |")  # fmt: skip
    both = np.isfinite(loop_result)
    apart = np.abs(transfer_result - loop_result)[both]
    tested = data.test[0].shape[1]
    print(f"\nAccuracies: {np.mean(apart < 0.5 / tested):.1%} of {both.sum()} runs give the same number of right "
          f"answers, the largest difference is {round(apart.max() * tested)} of {tested} images.")  # fmt: skip
    print(f"Means over seeds differ by at most {np.abs(np.nanmean(transfer_result - loop_result, 2)).max():.4f}.")
    moved = []
    models = [run * SEEDS + seed for run in range(LAYERS + 1) for seed in range(0, SEEDS, given.every)]
    for net, m in zip(nets, models, strict=True):
        first = next(part for part in net if isinstance(part, nn.Linear | nn.Conv2d)).weight.detach()
        if isinstance(net[1], nn.Conv2d):
            first = first.view(len(first), -1, 9).transpose(1, 2).flatten(1)
        moved.append(float((first - weights[0][m]).norm() / first.norm()))
    trained = moved[: len(moved) // (LAYERS + 1) * 2]  # from scratch and full fine-tuning
    print(f"First layers after {STEPS} steps on all labels: relative difference at most {max(trained):.1e}, median "
          f"{statistics.median(trained):.1e}; where they are frozen {max(moved[len(trained) :]):.0e}.")  # fmt: skip
    if not math.isclose(np.nanmean(transfer_result[both]), np.nanmean(loop_result), abs_tol=0.01):
        raise SystemExit("the two do not agree")


if __name__ == "__main__":
    main()
