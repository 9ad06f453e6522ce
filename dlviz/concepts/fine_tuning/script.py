"""The run of one number of labels as a plain PyTorch script, seed by seed, which prints the page's accuracies."""

from __future__ import annotations

from dlviz.engine.data import digit_tasks
from dlviz.engine.networks import layered, transfer

from .result import Result
from .settings import Settings
from .tasks import SOURCE_RATE, Tasks


def code(result: Result) -> str:
    """A script that trains what the page shows at one number of labels and one frozen depth."""
    return _script(result.settings)


def shown_label(s: Settings) -> str:
    """The number of labels that the script uses: that of the panels, if the hero shows it or shows none."""
    return s.amount if s.amount in s.labels or not s.labels else s.labels[0]


def _script(s: Settings) -> str:
    tasks = Tasks.of(s, shown_label(s))
    task = tasks.task
    names = [s.target] if task is None else [s.target, task]
    parts = [_task(name, role, tasks.noise) for name, role in zip(names, ("target", "source"), strict=False)]
    parts = [_imports(), *parts, _network(s), _training(s, tasks, task)]
    return "\n\n".join(part.strip("\n") + "\n" for part in parts)


def _imports() -> str:
    first, last = digit_tasks.TEST, digit_tasks.TEST + digit_tasks.POOL
    return f'''import copy

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

digits = load_digits()


def choose(part, seed):
    """Which digits are for the test, for the target or for the source task, class by class."""
    rng = np.random.default_rng(seed)
    shuffled = [rng.permutation(np.flatnonzero(digits.target == c)) for c in range(10)]
    ends = {{"test": slice({first}), "target": slice({first}, {last}), "source": slice({last}, None)}}
    return np.concatenate([order[ends[part]] for order in shuffled])


def canvas(chosen, corners):
    """8x8 digits on 12x12 images, the upper left corner of each where it is told."""
    x = np.zeros((len(chosen), 12, 12))
    for i, (digit, (row, column)) in enumerate(zip(digits.images[chosen] / 16, corners)):
        x[i, row : row + 8, column : column + 8] = digit
    return x


def tensors(x, y):
    return torch.tensor(x.reshape(-1, 1, 12, 12).copy(), dtype=torch.float32), torch.tensor(y)
'''


def _task(name: str, role: str, noise: float) -> str:
    """The function that gives the images and classes of a task."""
    kind = digit_tasks.SHUFFLED.get(name, name)
    lines = [f"def {role}_task(part, seed):", f'    """{name}."""', "    chosen = choose(part, seed)"]
    classes = "digits.target[chosen]"
    if name.endswith("0-4"):
        lines.append("    chosen = chosen[digits.target[chosen] < 5]")
    elif name.endswith("5-9"):
        lines.append("    chosen = chosen[digits.target[chosen] > 4]")
        classes += " - 5"
    if kind.startswith("Shifted") or "oisy" in kind:
        lines.append('    stream = ["source", "target", "test"].index(part)')
    if kind.startswith("Shifted"):
        if role == "source":
            lines.append(f'    chosen = np.repeat(chosen, {digit_tasks.COPIES}) if part == "source" else chosen')
        lines.append("    rng = np.random.default_rng((seed, 1, stream))")
        lines.append("    x = canvas(chosen, rng.integers(0, 5, (len(chosen), 2)))")
    else:
        lines.append("    x = canvas(chosen, np.full((len(chosen), 2), 2))")
    if "oisy" in kind:
        lines.append(f"    x = x + {noise} * np.random.default_rng((seed, 2, stream)).standard_normal(x.shape)")
    elif kind == "Inverted":
        lines.append("    x = 1 - x")
    elif kind == "Rotated":
        lines.append("    x = np.rot90(x, axes=(1, 2))")
    lines.append(f"    y = {classes}")
    if name in digit_tasks.SHUFFLED:
        lines.append("    y = np.random.default_rng((seed, 3)).permutation(y)")
    lines.append("    return tensors(x, y)")
    return "\n".join(lines)


def _network(s: Settings) -> str:
    width = layered.WIDTH[s.network]
    if s.network == "MLP":
        body = f"""    parts = [nn.Flatten()]
    for layer in range({s.layers - 1}):
        parts += [nn.Linear(144 if layer == 0 else {width}, {width}), nn.ReLU()]
    return nn.Sequential(*parts, nn.Linear({width}, classes))"""
    else:
        body = f"""    parts = []
    for layer in range({s.layers - 1}):
        inputs, stride = 1 if layer == 0 else {width}, 2 if layer < 2 else 1
        parts += [nn.Conv2d(inputs, {width}, 3, stride=stride, padding=1), nn.ReLU()]
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear({9 * width}, classes))"""
    return f'''def network(classes):
{body}


def layers(net):
    return [part for part in net if hasattr(part, "weight")]


def draw(layer, variance, generator):
    """New weights, and biases of 0."""
    fan_in = layer.weight[0].numel()
    drawn = torch.randn(len(layer.weight), fan_in, generator=generator) * (variance / fan_in) ** 0.5
    layer.weight.data = drawn.view_as(layer.weight)
    layer.bias.data.zero_()


def train(net, x, y, steps, rate, seed):
    """Adam on mini-batches of {transfer.BATCH}, or on everything if that is less."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=rate)
    order = torch.arange(0)
    for step in range(steps):
        chosen = torch.arange(len(x))
        if len(x) > {transfer.BATCH}:
            if len(order) < {transfer.BATCH}:
                order = torch.randperm(len(x), generator=generator)
            chosen, order = order[:{transfer.BATCH}], order[{transfer.BATCH}:]
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x[chosen]), y[chosen]).backward()
        optimizer.step()


def fine_tune(net, frozen, seed):
    """A new head on a copy of the network, some of its first layers frozen; its accuracy on the test images."""
    net = copy.deepcopy(net)
    net[-1] = nn.Linear(net[-1].in_features, CLASSES)
    draw(net[-1], 1, torch.Generator().manual_seed({layered.HEAD_STREAM} + seed))
    for layer in layers(net)[:frozen]:
        layer.requires_grad_(False)
    train(net, *few(*target_task("target", seed)), STEPS, RATE, seed)
    x, y = target_task("test", seed)
    return (net(x).argmax(1) == y).float().mean().item()


def few(x, y):
    """The first LABELS examples of each class."""
    chosen = np.sort(np.concatenate([np.flatnonzero(y == c)[:LABELS] for c in range(CLASSES)]))
    return x[chosen], y[chosen]
'''


def _training(s: Settings, tasks: Tasks, task: str | None) -> str:
    source_classes = 10 if task is None else digit_tasks.classes(task)
    labels = "None" if tasks.labels == "all" else tasks.labels
    learn = f'    train(source, *source_task("source", seed), {s.source_steps}, {SOURCE_RATE}, seed)\n'
    learn = "" if task is None else learn
    return f"""CLASSES, LABELS, STEPS, RATE = {digit_tasks.classes(s.target)}, {labels}, {s.steps}, {s.rate}
FROZEN = {s.frozen_layers}

found = {{"scratch": [], "full": [], "frozen": []}}
for seed in range({s.seed}, {s.seed + s.seeds}):
    source = network({source_classes})
    generator = torch.Generator().manual_seed(seed)
    for layer in layers(source):
        draw(layer, 1 if layer is source[-1] else 2, generator)
    scratch = copy.deepcopy(source)
{learn}    found["scratch"].append(fine_tune(scratch, 0, seed))
    found["full"].append(fine_tune(source, 0, seed))
    found["frozen"].append(fine_tune(source, FROZEN, seed))
for name, accuracies in found.items():
    print(f"{{name}}: {{np.mean(accuracies):.4f}}")
"""
