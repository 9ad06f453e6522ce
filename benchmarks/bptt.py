"""Backpropagation through time: the triangle of all pairs of steps, and the training of many networks.

    python benchmarks/bptt.py

The triangle: ‖∂(state after t)/∂(state after s)‖ (Frobenius) for every second t and all s < t, of one network in
float64, from the page's own engine and from what one would otherwise write, on the same weights and the same sequence:

- hooks: unroll torch's cell, retain the gradient of every state, and one backward() for every number of every state t;
- autograd.grad: the same with torch.autograd.grad by the states alone, so that no weight gradient is computed;
- batched: one torch.autograd.grad for each t with all its numbers at once (is_grads_batched, torch's vmap);
- Jacobians: torch.autograd.functional.jacobian at every step, and the running products of the matrices.

The first two are timed on a part of the targets and extrapolated by the number of steps that they go back; the numbers
of that part are compared. Training: the page's networks of one cell (4 lags x 3 seeds) as one tensor program
against torch's fused nn.RNN, nn.LSTM or nn.GRU with backward(), clip_grad_norm_ and Adam, one network after another.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from dlviz.concepts.bptt import remembering, starts  # noqa: E402
from dlviz.concepts.bptt.mini_batches import Drawn  # noqa: E402
from dlviz.engine.data import sequences  # noqa: E402
from dlviz.engine.networks.batches import Generated  # noqa: E402
from dlviz.engine.networks.clipping import Clip  # noqa: E402
from dlviz.engine.networks.fit import fit  # noqa: E402
from dlviz.engine.networks.recording import Record  # noqa: E402
from dlviz.engine.networks.rnn import Unrolled  # noqa: E402
from dlviz.engine.networks.updates import adam  # noqa: E402
from dlviz.engine.signals import cells, recurrent_init  # noqa: E402
from dlviz.engine.signals.recurrent_init import generator  # noqa: E402

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
STEPS, HIDDEN = 64, 64  # as the page opens
CELLS = {"RNN tanh": nn.RNNCell, "LSTM": nn.LSTMCell, "GRU": nn.GRUCell}
FUSED = {"RNN tanh": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU}


def timed(call):
    begin = time.perf_counter()
    return call(), time.perf_counter() - begin


def usual(call, turns: int = 3):
    """What it gives, and the median of its times."""
    found = [timed(call) for _ in range(turns)]
    return found[0][0], statistics.median(seconds for _, seconds in found)


def module(drawn, kind: str):
    """torch's cell with the same weights."""
    cell = CELLS[kind](drawn.weight_ih.shape[2], HIDDEN, dtype=torch.float64)
    with torch.no_grad():
        cell.weight_ih.copy_(drawn.weight_ih[0])
        cell.weight_hh.copy_(drawn.weight_hh[0])
        cell.bias_ih.copy_(drawn.bias[0])
        cell.bias_hh.zero_()
    return cell


def unroll(cell, x):
    """The states after every step, each a tuple that is handed on; copies, so that c of an LSTM is not a part of h."""
    state = torch.zeros(1, HIDDEN, dtype=x.dtype)
    lstm = isinstance(cell, nn.LSTMCell)
    state, states = (state, state) if lstm else state, []
    for now in x[0]:
        state = cell(now[None], state)
        parts = tuple(part.clone() for part in (state if lstm else (state,)))
        state = parts if lstm else parts[0]
        states.append(parts)
    return states


def hooks(cell, x, targets):
    """(targets, T): one backward pass for every number of a state, gradients retained on all states."""
    states = unroll(cell, x)
    for parts in states:
        for part in parts:
            part.retain_grad()
    found = np.zeros((len(targets), STEPS))
    for r, t in enumerate(targets):
        for part in states[t - 1]:
            for unit in range(HIDDEN):
                for held in states[:t]:
                    for p in held:
                        p.grad = None
                part[0, unit].backward(retain_graph=True)
                for s in range(t - 1):
                    found[r, s] += sum(float(p.grad.square().sum()) for p in states[s] if p.grad is not None)
    return np.sqrt(found)


def lean(cell, x, targets):
    """The same with torch.autograd.grad by the states alone."""
    states = unroll(cell, x)
    found = np.zeros((len(targets), STEPS))
    for r, t in enumerate(targets):
        before = [p for held in states[: t - 1] for p in held]
        for part in states[t - 1]:
            for unit in range(HIDDEN):
                grads = torch.autograd.grad(part[0, unit], before, retain_graph=True, allow_unused=True)
                squares = torch.stack([before[0].new_zeros(()) if g is None else g.square().sum() for g in grads])
                found[r, : t - 1] += squares.view(t - 1, -1).sum(1).numpy()
    return np.sqrt(found)


def batched(cell, x, targets):
    """All numbers of a state at once, by torch's vmap."""
    states = unroll(cell, x)
    found = np.zeros((len(targets), STEPS))
    unit = torch.eye(HIDDEN, dtype=torch.float64)[:, None]
    for r, t in enumerate(targets):
        if t == 1:
            continue
        before = [p for held in states[: t - 1] for p in held]
        for part in states[t - 1]:
            grads = torch.autograd.grad(part, before, unit, retain_graph=True, is_grads_batched=True, allow_unused=True)
            squares = torch.stack([before[0].new_zeros(()) if g is None else g.square().sum() for g in grads])
            found[r, : t - 1] += squares.view(t - 1, -1).sum(1).numpy()
    return np.sqrt(found)


def jacobians(cell, x, targets):
    """A Jacobian of every step by torch.autograd.functional.jacobian, and their products."""
    with torch.no_grad():
        states = unroll(cell, x)
    lstm, steps = isinstance(cell, nn.LSTMCell), []
    for t in range(1, STEPS):

        def step(*parts, now=x[0, t : t + 1]):
            return cell(now, parts if lstm else parts[0])

        blocks = torch.autograd.functional.jacobian(step, states[t - 1])
        rows = blocks if lstm else (blocks,)
        steps.append(torch.cat([torch.cat([b[0, :, 0] for b in row], 1) for row in rows]))
    found = np.zeros((len(targets), STEPS))
    for r, t in enumerate(targets):
        product = None
        for s in range(t - 1, 0, -1):
            product = steps[s - 1] if product is None else product @ steps[s - 1]
            found[r, s - 1] = float(product.norm())
    return found


def triangle(kind: str) -> None:
    drawn = recurrent_init.draw(kind, HIDDEN, 1, [0], bias=1.0)
    x = sequences.draw("Digit by pixels", STEPS, 1, generator(0, 6))[0]
    cell = module(drawn, kind)
    targets = list(range(2, STEPS + 1, 2))
    some = targets[3::8]  # of all lengths
    part = sum(targets) / sum(some)

    def ours():
        with torch.no_grad():
            return cells.products(cells.forward(drawn, x), targets, None)

    ours()
    logs, fast = usual(ours, 5)
    mine = np.where(np.tri(STEPS, STEPS, -1, dtype=bool)[np.array(targets) - 1], 10**logs * drawn.state**0.5, 0.0)
    chosen = [targets.index(t) for t in some]
    shown, apart = [], 0.0
    for rival in (hooks, lean):
        theirs, seconds = timed(lambda rival=rival: rival(cell, x, some))
        apart = max(apart, difference(theirs, mine[chosen]))
        shown.append(part * seconds)
    for rival in (batched, jacobians):
        theirs, seconds = usual(lambda rival=rival: rival(cell, x, targets))
        apart = max(apart, difference(theirs, mine))
        shown.append(seconds)
    rivals = " | ".join(f"{seconds:.2f} s ({seconds / fast:.0f}×)" for seconds in shown)
    print(f"| {kind} | {rivals} | {1000 * fast:.0f} ms | {apart:.0e} |", flush=True)


def difference(theirs: np.ndarray, ours: np.ndarray) -> float:
    """The largest relative one."""
    return float((np.abs(theirs - ours) / np.maximum(ours, 1e-300)).max())


def training(kind: str, steps: int, turns: int = 3) -> tuple[float, float, float]:
    """The page's networks of one kind one after another and as one program: seconds of both, and how far apart."""
    task, own, hidden = sequences.KINDS["Copy"], [0, 1, 2], 32
    lengths = [lag + 1 for lag in remembering.lags(40)[::-1]]
    each = [length for length in lengths for _ in own]
    start = starts.Start(kind, hidden, "Gaussian", 1.0, 1.0, 1.0)
    drawn = Drawn("Copy", lengths, [generator(key, 8) for key in own], 0.2, remembering.BATCH, "cpu")
    many = [drawn(step) for step in range(steps)]
    nets, rivals = starts.networks(start, task, own, 4), []
    for m in range(len(each)):
        net, out = FUSED[kind](task.inputs, hidden), nn.Linear(hidden, task.outputs)
        net.bias_hh_l0.requires_grad_(False)
        alone = nets.one(m).parameters().values()
        with torch.no_grad():
            net.bias_hh_l0.zero_()
            mine = [net.weight_ih_l0, net.weight_hh_l0, net.bias_ih_l0, out.weight, out.bias]
            for theirs, ours in zip(mine, alone, strict=True):
                theirs.copy_(ours[0])
        rivals.append((net, out, mine))

    def one_after_another():
        found = np.empty((steps, len(each)))
        for m, (net, out, weights) in enumerate(rivals):
            optimizer = torch.optim.Adam(weights, lr=0.005)
            for step, (x, y) in enumerate(many):
                optimizer.zero_grad()
                states, _ = net(x[m, -each[m] :])
                loss = nn.functional.cross_entropy(out(states[-1]), y[m])
                loss.backward()
                nn.utils.clip_grad_norm_(weights, 1.0)
                optimizer.step()
                found[step, m] = loss.item()
        return found

    def together():
        with torch.no_grad():
            model, batches = Unrolled(nets, each), Generated(lambda s: many[s], steps)
            return fit(model, batches, adam(0.005), clip=Clip(1.0), record=[Record("loss")])["loss"]

    theirs, slow = timed(one_after_another)
    ours, fast = timed(together)
    apart = np.abs(theirs - ours).max()
    # Again for the time alone, by turns: the weights have moved, the work is the same.
    times = [(timed(one_after_another)[1], timed(together)[1]) for _ in range(turns - 1)]
    slow, fast = (statistics.median(pair) for pair in zip((slow, fast), *times, strict=True))
    return slow, fast, apart


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=50, help="Training steps.")
    steps = parser.parse_args().steps
    # One thread: threads that wait for each other are slow on a busy computer, and both sides gain alike.
    torch.set_num_threads(1)
    print(f"{platform.machine()}, {CORES} cores, torch {torch.__version__} with {torch.get_num_threads()} threads.\n")
    print(f"All pairs: {STEPS // 2} × {STEPS} steps, {HIDDEN} units.\n")
    print("| Cell | hooks | autograd.grad | batched | Jacobians | dlviz | largest relative difference |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for kind in CELLS:
        triangle(kind)
    print(f"\nTraining: 4 lags × 3 seeds, {steps} steps of 16 sequences.\n")
    print("| Cell | one after another | dlviz | times faster | largest difference of losses |")
    print("|---|---:|---:|---:|---:|")
    for kind in FUSED:
        slow, fast, apart = training(kind, steps)
        print(f"| {kind} | {slow:.2f} s | {fast:.2f} s | {slow / fast:.1f} | {apart:.0e} |", flush=True)


if __name__ == "__main__":
    main()
