"""Phenomena worth a minute of lecture, each with a claim that is computed from the run shown."""

from __future__ import annotations

import numpy as np

from dlviz.contract import Check, Preset

from . import measure
from .measure import Result
from .settings import Settings


def zigzag(result: Result) -> Check:
    """GD alternates along the steep axis; momentum is faster, at nearly Goh's √κ rate."""
    plain, heavy = result.run_of("GD"), result.run_of("Momentum")
    changes = measure.steep_sign_changes(result, plain)
    plain_steps, heavy_steps = (measure.steps_to_tolerance(result, run) for run in (plain, heavy))
    measured = measure.contraction(result, heavy)
    root = np.sqrt(measure.condition(result.scene))
    theory = (root - 1) / (root + 1)
    holds = changes >= 0.99 and heavy_steps < plain_steps and abs(measured - theory) < 0.05 * theory
    return Check(
        bool(holds),
        {"share": changes, "plain": plain_steps, "heavy": heavy_steps, "measured": measured, "theory": theory},
    )


def converges(result: Result) -> Check:
    """A rate below 2/λ_max: GD converges."""
    run = result.run_of("GD")
    share = float(measure.excess(result, run)[-1, 0])
    limit = measure.stability_limit(result.scene)
    return Check(run.rate < limit and share < 1e-3, {"rate": run.rate, "limit": limit, "share": share})


def diverges(result: Result) -> Check:
    """A rate above 2/λ_max: GD leaves, by the factor |1 − ηλ_max| a step."""
    run = result.run_of("GD")
    limit = measure.stability_limit(result.scene)
    factor = abs(1 - run.rate * measure.eigenvalues(result.scene)[1])
    return Check(
        run.rate > limit and run.left_at is not None,
        {"rate": run.rate, "limit": limit, "factor": factor, "step": run.left_at},
    )


def escape_steps(result: Result, level: float = 1.0) -> tuple[int | None, float]:
    """First step at which GD's |y| exceeds `level` on x² − y², and the time log(level/|y₀|)/log(1 + 2η)."""
    run = result.run_of("GD")
    beyond = np.flatnonzero(~(np.abs(run.w[:, 0, 1]) < level))
    theory = np.log(level / abs(result.start[1])) / np.log1p(2 * run.rate)
    return (int(beyond[0]) if beyond.size else None), float(theory)


def saddle_escape(result: Result) -> Check:
    """GD leaves the saddle after log(1/|y₀|)/log(1 + 2η) steps, rounded up."""
    measured, theory = escape_steps(result)
    return Check(measured == int(np.ceil(theory)), {"measured": measured, "theory": theory, "offset": result.start[1]})


def no_bias_correction(result: Result) -> Check:
    """Adam's first step without bias correction is (1 − β₁)/√(1 − β₂) learning rates long."""
    run = result.run_of("Adam")
    first = float(np.abs(run.w[1, 0] - run.w[0, 0]).max() / run.rate)
    theory = (1 - run.hyper["beta1"]) / np.sqrt(1 - run.hyper["beta2"])
    return Check(bool(abs(first / theory - 1) < 0.01), {"first": first, "theory": float(theory)})


def shrinking_step(result: Result) -> Check:
    """AdaGrad's rate η/√Σg² has shrunk by the end; RMSprop, which forgets, is nearer to the minimum."""
    inside = result.inside
    effective = inside.rate / inside.root_second_moment[[0, -1], 0]
    adagrad, rmsprop = (measure.steps_to_tolerance(result, result.run_of(name)) for name in ("AdaGrad", "RMSprop"))
    return Check(
        bool(effective[1] < effective[0] / 2 and rmsprop is not None and (adagrad is None or rmsprop < adagrad)),
        {"ratio": float(effective[0] / effective[1]), "rmsprop": rmsprop, "steps": len(inside.step)},
    )


def raw_regression(result: Result) -> Check:
    """Unscaled inputs: an ill-conditioned Hessian, and hundreds of steps even near the greatest stable rate."""
    values = _conditioning(result)
    return Check(values["condition"] > 100 and values["steps"] is not None and values["steps"] > 50, values)


def standardised_regression(result: Result) -> Check:
    """Standardised inputs: condition number one, and a handful of steps."""
    values = _conditioning(result)
    return Check(values["condition"] < 1.01 and values["steps"] is not None and values["steps"] <= 10, values)


def _conditioning(result: Result) -> dict[str, float | int | None]:
    run = result.run_of("GD")
    return {
        "condition": measure.condition(result.scene),
        "steps": measure.steps_to_tolerance(result, run),
        "rate": run.rate,
        "limit": measure.stability_limit(result.scene),
    }


def four_basins(result: Result) -> Check:
    """Every start reaches one of Himmelblau's four minima, and each minimum is reached."""
    labels = result.basins.minimum
    shares = [float(np.mean(labels == index)) for index in range(4)]
    return Check(
        min(shares) > 0.05 and sum(shares) > 0.98,
        {"least": min(shares), "greatest": max(shares), "reached": sum(shares)},
    )


def noise_ball(result: Result) -> Check:
    """SGD hovers at the excess loss of the stationary state, which grows with η/B."""
    measured, theory = measure.noise_floor(result)
    values = {"measured": measured, "theory": theory, "batch": result.settings.batch()}
    return Check(abs(measured / theory - 1) < 0.1, values)


def same_up_to_scale(result: Result) -> Check:
    """Averaged momentum with η/(1 − β) walks heavy-ball momentum's path."""
    heavy, averaged = result.run_of("Momentum"), result.run_of("Averaged momentum")
    gap = float(np.abs(heavy.w - averaged.w).max())
    return Check(gap < 1e-9, {"gap": gap, "heavy": heavy.rate, "averaged": averaged.rate})


def fair_race(result: Result) -> Check:
    """No optimizer's tuned rate does worse than any other rate of the grid."""
    best = {run.optimizer: run.final_loss for run in result.runs}
    scan = result.sensitivity
    holds = all(loss <= np.nanmin(scan.loss[name]) * (1 + 1e-12) for name, loss in best.items())
    rates = [run.rate for run in result.runs]
    return Check(holds, {"low": min(rates), "high": max(rates), "winner": min(best, key=best.get)})


PRESETS: tuple[Preset, ...] = (
    Preset(
        "ravine",
        Settings(
            surface="Ravine",
            optimizers=("GD", "Momentum"),
            own_rates=True,
            gd_learning_rate=0.06,
            momentum_learning_rate=0.09,
            momentum_momentum=0.65,
            steps=150,
            inside=True,
            inside_optimizer="Momentum",
        ),
        zigzag,
    ),
    Preset(
        "below_limit",
        Settings(surface="Quadratic", optimizers=("GD",), learning_rate=0.18),
        converges,
    ),
    Preset(
        "above_limit",
        Settings(surface="Quadratic", optimizers=("GD",), learning_rate=0.22),
        diverges,
    ),
    Preset(
        "saddle",
        Settings(
            surface="Saddle",
            optimizers=("GD", "Momentum", "Adam"),
            start_y=0.001,
            learning_rate=0.05,
        ),
        saddle_escape,
    ),
    Preset(
        "bias_correction",
        Settings(
            surface="Himmelblau", optimizers=("Adam",), learning_rate=0.3, adam_bias_correction=False, inside=True
        ),
        no_bias_correction,
        pin=Settings(surface="Himmelblau", optimizers=("Adam",), learning_rate=0.3, inside=True),
    ),
    Preset(
        "adagrad",
        Settings(
            surface="Ravine",
            optimizers=("AdaGrad", "RMSprop"),
            learning_rate=0.02,
            steps=500,
            inside=True,
            inside_optimizer="AdaGrad",
        ),
        shrinking_step,
    ),
    Preset(
        "raw",
        Settings(surface="Diabetes raw", optimizers=("GD",), learning_rate=0.05, steps=500),
        raw_regression,
    ),
    Preset(
        "standardised",
        Settings(surface="Diabetes standardised", optimizers=("GD",), learning_rate=0.4, steps=20),
        standardised_regression,
    ),
    Preset(
        "basins",
        Settings(
            surface="Himmelblau",
            optimizers=("GD", "Momentum"),
            learning_rate=0.005,
            basins=True,
            basin_resolution=256,
        ),
        four_basins,
    ),
    Preset(
        "noise_ball",
        Settings(
            surface="Diabetes standardised",
            optimizers=("GD", "SGD"),
            learning_rate=0.2,
            batch_size=8,
            repeats=50,
            steps=200,
        ),
        noise_ball,
    ),
    Preset(
        "averaged_momentum",
        Settings(
            surface="Himmelblau",
            optimizers=("Momentum", "Averaged momentum"),
            own_rates=True,
            momentum_learning_rate=0.005,
            averaged_momentum_learning_rate=0.05,
        ),
        same_up_to_scale,
    ),
    Preset(
        "fair_race",
        Settings(
            surface="Rosenbrock",
            optimizers=("GD", "Momentum", "Nesterov", "RMSprop", "Adam"),
            tuned=True,
            sensitivity=True,
            steps=200,
        ),
        fair_race,
    ),
)
