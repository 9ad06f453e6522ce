"""What the panels compute: the whole grid, the plane of order and chaos, products, and two kinds of training.

Each is kept by the arguments that matter to it, so that a knob of another panel repeats no work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dlviz.engine.networks.batches import MiniBatches, mini_batches
from dlviz.engine.networks.fit import fit
from dlviz.engine.networks.mlp import MLP
from dlviz.engine.networks.recording import Every
from dlviz.engine.networks.updates import sgd
from dlviz.engine.runtime.cache import cached
from dlviz.engine.runtime.device import device
from dlviz.engine.signals import initializers, mean_field, propagation, spectra
from dlviz.engine.signals.initializers import INITIALIZERS, Free
from dlviz.engine.signals.propagation import Variant
from dlviz.progress import Progress, silent, split

from .measure import RANK, Chaos, Grid, Spectra, Symmetry, Training, digits_as, inputs, random, sigma_w
from .settings import CLASSES, ActivationName, SchemeName, Settings

WIDEST = 256  # units a layer of the grid and of the products at most
GRID_SAMPLES = 20
PLANE = (81, 61)  # points along σ_w and σ_b
PLANE_ENDS = (3.0, 5.0, 8.0, 12.0, 20.0, 40.0, 80.0, 200.0, 400.0)
UNITS = 16  # hidden units a layer of the network whose symmetry is watched
SYMMETRY_RATE = 1.0
LOOKS = 30  # how often a training is looked at
TRAINED_WIDTH = 64
TRAINED_DRAWS = 3  # of the weights at most
BATCH = 64
TESTED = 360
SHUFFLE = 999  # offset of the generator that shuffles; layers have 1 ... 600


def grid(settings: Settings, progress: Progress) -> Grid:
    own = settings.own_parameter()
    parameter = None if own is None else (settings.activation, own)
    return _grid(
        settings.depth, settings.width, settings.free(), settings.sigma_b, parameter, settings.data, settings.seed,
        progress=progress,
    )  # fmt: skip


@cached(maxsize=16)
def _grid(
    depth: int, width: int, free: Free, sigma_b: float, parameter: tuple[str, float] | None, data: str, seed: int,
    *, progress: Progress = silent,
) -> Grid:  # fmt: skip
    x, labels = inputs(data, GRID_SAMPLES, seed)
    activations, schemes = ActivationName.__args__, SchemeName.__args__
    own = dict([parameter] if parameter else [])
    variants = []
    for activation in activations:
        for name in schemes:
            scheme = INITIALIZERS[name]
            # Of the network's own width, where the grid's layers are narrower too.
            sigmas = [scheme.rms(n, width, free) * float(np.sqrt(n)) for n in (width, x.shape[1])]
            variants.append(Variant(activation, sigmas[0], sigma_b, own.get(activation), scheme.draw, sigmas[1]))
    used = min(width, WIDEST)
    found = propagation.propagate(
        variants, depth, used, (100 * seed,), x, labels, want=("std", "gradient_std"), progress=progress
    )
    shape = len(activations), len(schemes)
    forward = _decades(found.std[:, 0, 0], found.std[:, 0, -1]).reshape(shape)
    backward = _decades(found.gradient_std[:, 0, -1], found.gradient_std[:, 0, 0]).reshape(shape)
    return Grid(activations, schemes, forward, backward, used, GRID_SAMPLES)


def _decades(begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """log10(end/begin): -inf where nothing is left, inf where numbers overflowed, NaN where nothing ever was."""
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.log10(end) - np.log10(begin)
    return np.where(begin == 0, np.nan, np.where(np.isnan(end) | np.isnan(begin), np.inf, change))


def chaos(settings: Settings, progress: Progress) -> Chaos:
    here = sigma_w(settings) if random(settings.scheme) else 0.0
    # A function that needs large weights to let gradients through (the sigmoid) shows them.
    flat = float(mean_field.edge(settings.activation, np.zeros(1), 0.05, 12.0, settings.own_parameter())[0])
    needed = 1.3 * max(here, 0.0 if np.isnan(flat) else flat)
    end = next((e for e in PLANE_ENDS if e >= needed), PLANE_ENDS[-1])
    top = 2.0 if settings.sigma_b <= 2 else 5.0
    field = _field(settings.activation, settings.own_parameter(), end, top)
    progress(1.0)
    if not random(settings.scheme):
        return Chaos(*field, None, None, None)
    q = mean_field.fixed_points(settings.activation, here, settings.sigma_b, settings.own_parameter())
    chi = mean_field.fixed_chi(settings.activation, q, here, settings.own_parameter())
    return Chaos(*field, (here, settings.sigma_b), float(chi), float(q))


@cached(maxsize=16)
def _field(
    activation: str, parameter: float | None, end: float, top: float, *, progress: Progress = silent
) -> tuple[np.ndarray, ...]:
    across, up = np.linspace(0, end, PLANE[0]), np.linspace(0, top, PLANE[1])
    q = mean_field.fixed_points(activation, across, up[:, None], parameter)
    with np.errstate(divide="ignore"):
        log_chi = np.log(mean_field.fixed_chi(activation, q, across, parameter))
    return across, up, log_chi, mean_field.edge(activation, up, 1e-3, end, parameter)


def products(settings: Settings, progress: Progress) -> Spectra:
    width = min(settings.width, WIDEST)
    seeds = tuple(100 * settings.seed + i for i in range(min(settings.repeats, 5)))
    return _products(settings.depth, width, settings.product_gain, seeds, progress=progress)


@cached(maxsize=16)
def _products(depth: int, width: int, gain: float, seeds: tuple[int, ...], *, progress: Progress = silent) -> Spectra:
    found = [
        spectra.product_singular_values(draw, width, depth, gain, seeds, watch)
        for draw, watch in zip(("normal", "orthogonal"), split(progress, [1.0, 1.0]), strict=True)
    ]
    shares = (np.arange(width) + 0.5) / width
    theory = spectra.product_theory(depth, shares) + depth * np.log10(gain)
    return Spectra(depth, width, gain, *found, shares, theory)


def _split(data: str, seed: int, dtype: Any) -> tuple[Any, ...]:
    """Training inputs and classes, test inputs and classes, as tensors."""
    import torch

    # In Gaussian noise there is nothing to learn: digits stand in.
    x, y = digits_as("Digits, standardised" if data == "Gaussian" else data)
    order = np.random.default_rng([seed, 1]).permutation(len(y))
    test, train = order[:TESTED], order[TESTED:]
    where = device(double=dtype == torch.float64)
    parts = [(torch.tensor(x[at], dtype=dtype).to(where), torch.tensor(y[at]).to(where)) for at in (train, test)]
    return *parts[0], *parts[1]


def symmetry(settings: Settings, progress: Progress) -> Symmetry:
    return _symmetry(
        settings.activation, settings.own_parameter(), settings.symmetry_constant, settings.symmetry_noise,
        settings.symmetry_steps, settings.seed, progress=progress,
    )  # fmt: skip


@cached(maxsize=16)
def _symmetry(
    activation: str, parameter: float | None, constant: float, noise: float, steps: int, seed: int,
    *, progress: Progress = silent,
) -> Symmetry:  # fmt: skip
    import torch

    x, y, x_test, y_test = _split("Digits, raw", seed, torch.float64)
    x, x_test = x / 16, x_test / 16
    sizes = (64, UNITS, UNITS, CLASSES)
    weights = []
    for layer, (fan_in, fan_out) in enumerate(zip(sizes[:-1], sizes[1:], strict=True), 1):
        drawn = initializers.base("normal", fan_out, fan_in, propagation.generator(100 * seed, layer))
        weights.append(torch.stack([torch.full_like(drawn, constant), constant + noise * drawn]))
    biases = [torch.zeros(2, size, dtype=torch.float64) for size in sizes[1:]]
    networks = MLP(weights, biases, [activation] * 2, [parameter] * 2).to(x.device)
    first = networks.weights[0]
    start = _cosines(first)
    every = max(1, steps // LOOKS)

    def look(of: MLP, _alive: object) -> dict[str, Any]:
        return {"rank": _rank(first), "accuracy": of.accuracy(x_test, y_test)}

    order = mini_batches(len(y), BATCH, steps, 1000 * seed + SHUFFLE)
    run = fit(networks, MiniBatches(x, y, order), sgd(SYMMETRY_RATE), record=[Every(every, look)], progress=progress)
    return Symmetry(UNITS, start, _cosines(first), run["steps"], run["rank"].T, run["accuracy"].T)


def _cosines(weights: Any) -> np.ndarray:
    """(M, U, U) cosines between the rows of (M, U, d); NaN where they are not finite."""
    unit = weights / weights.norm(dim=2, keepdim=True)
    return (unit @ unit.transpose(1, 2)).cpu().numpy().copy()


def _rank(weights: Any) -> np.ndarray:
    """(M,) how many singular values of (M, U, d) exceed RANK of the largest; NaN where they are not finite."""
    import torch

    finite = weights.isfinite().flatten(1).all(dim=1)
    values = torch.linalg.svdvals(torch.where(finite[:, None, None], weights, 0.0))
    found = (values > RANK * values[:, :1]).sum(dim=1).double()
    return torch.where(finite, found, float("nan")).cpu().numpy()


def trained(settings: Settings, progress: Progress) -> Training:
    return _trained(
        settings.activation, settings.own_parameter(), settings.free(), settings.sigma_b, settings.train_depth,
        settings.train_rate, settings.train_steps, settings.data, settings.seed, min(settings.repeats, TRAINED_DRAWS),
        progress=progress,
    )  # fmt: skip


@cached(maxsize=16)
def _trained(
    activation: str, parameter: float | None, free: Free, sigma_b: float, depth: int, rate: float, steps: int,
    data: str, seed: int, draws: int, *, progress: Progress = silent,
) -> Training:  # fmt: skip
    import torch

    x, y, x_test, y_test = _split(data, seed, torch.float32)
    schemes = SchemeName.__args__
    sizes = (64, *[TRAINED_WIDTH] * depth, CLASSES)
    seeds = [100 * seed + i for i in range(draws)]
    models = [(INITIALIZERS[name], of) for of in seeds for name in schemes]
    # Constant weights with random biases would not be symmetric, and Zeros would not be zeros.
    sigmas_b = torch.tensor([sigma_b if scheme.draw != "constant" else 0.0 for scheme, _ in models])[:, None]
    weights, biases = [], []
    for layer, (fan_in, fan_out) in enumerate(zip(sizes[:-1], sizes[1:], strict=True), 1):
        drawn = [scheme.weights(fan_in, fan_out, propagation.generator(of, layer), free) for scheme, of in models]
        weights.append(torch.stack(drawn).float())
        shift = {of: initializers.base("normal", 1, fan_out, propagation.generator(of, 500 + layer)) for of in seeds}
        biases.append((sigmas_b * torch.cat([shift[of] for _, of in models])).float())
    networks = MLP(weights, biases, [activation] * len(models), [parameter] * len(models)).to(x.device)
    every = max(1, steps // LOOKS)

    def look(of: MLP, _alive: object) -> dict[str, Any]:
        return dict(zip(("loss", "accuracy"), of.score(x_test, y_test), strict=True))

    order = mini_batches(len(y), BATCH, steps, 1000 * seed + SHUFFLE)
    run = fit(networks, MiniBatches(x, y, order), sgd(rate), record=[Every(every, look)], progress=progress)
    shape = len(run["steps"]), draws, len(schemes)
    loss, accuracy = (run[name].reshape(shape).transpose(1, 2, 0) for name in ("loss", "accuracy"))
    return Training(schemes, run["steps"], loss, accuracy, TRAINED_WIDTH, TESTED)


PARTS: dict[str, tuple[str, float, Callable[[Settings, Progress], Any]]] = {
    "Grid": ("grid", 8.0, grid),
    "Order and chaos": ("chaos", 1.0, chaos),
    "Singular values": ("spectra", 1.0, products),
    "Symmetry": ("symmetry", 3.0, symmetry),
    "Training": ("training", 12.0, trained),
}
"""Panel -> its field in the result, about how long it takes (the hero takes 1), and what computes it."""
