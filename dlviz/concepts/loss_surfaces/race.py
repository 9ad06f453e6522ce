"""The race: every optimizer from one start, and what is measured of it beside theory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from dlviz.contract import Check, Note, Preset, Readout, Study
from dlviz.progress import Progress

from . import convergence
from .descents import Descent, descents
from .noise import GradientNoise, gradient_noise, noise_floor
from .rates import RATE_GRID
from .scene import Scene, condition, eigenvalues, scene_of, stability_limit, surface_of
from .settings import Settings

if TYPE_CHECKING:
    from .result import Result

T = TypeVar("T")


@dataclass(frozen=True)
class Race:
    """The surface, and the descents of the racing optimizers on it."""

    scene: Scene
    start: tuple[float, float]
    start_loss: float
    descents: tuple[Descent, ...]
    gradient_noise: GradientNoise | None  # where SGD races on a quadratic

    def of(self, optimizer: str) -> Descent | None:
        """The descent of an optimizer, or None if it does not race."""
        return next((descent for descent in self.descents if descent.optimizer == optimizer), None)


def compute(settings: Settings, progress: Progress) -> Race:
    """Raises ``ValueError`` if the typed expression has no finite value on its domain."""
    ground = surface_of(settings)
    scene = scene_of(ground)
    start = settings.start()
    return Race(
        scene,
        start,
        float(ground.value(np.array(start[0]), np.array(start[1]))),
        descents(settings, progress),
        gradient_noise(settings, ground, scene),
    )


def known(value: T | None) -> T:
    """``value``, which the run of a preset has and other runs may lack. Raises ``ValueError`` where it is None."""
    if value is None:
        raise ValueError("this run does not have what the claim is about")
    return value


def zigzag(result: Result) -> Check:
    """GD alternates along the steep axis; momentum is faster, at nearly Goh's √κ rate."""
    race = result.race
    plain, heavy = known(race.of("GD")), known(race.of("Momentum"))
    changes = known(convergence.steep_sign_changes(race, plain))
    plain_steps, heavy_steps = (known(convergence.steps_to_tolerance(race, descent)) for descent in (plain, heavy))
    measured = known(convergence.contraction(race, heavy))
    root = np.sqrt(known(condition(race.scene)))
    theory = (root - 1) / (root + 1)
    holds = changes >= 0.99 and heavy_steps < plain_steps and abs(measured - theory) < 0.05 * theory
    return Check(
        bool(holds),
        {"share": changes, "plain": plain_steps, "heavy": heavy_steps, "measured": measured, "theory": theory},
    )


def converges(result: Result) -> Check:
    """A rate below 2/λ_max: GD converges."""
    plain = known(result.race.of("GD"))
    share = float(known(convergence.excess(result.race, plain))[-1, 0])
    limit = known(stability_limit(result.race.scene))
    return Check(plain.rate < limit and share < 1e-3, {"rate": plain.rate, "limit": limit, "share": share})


def diverges(result: Result) -> Check:
    """A rate above 2/λ_max: GD leaves, by the factor |1 − ηλ_max| a step."""
    plain = known(result.race.of("GD"))
    limit = known(stability_limit(result.race.scene))
    factor = abs(1 - plain.rate * known(eigenvalues(result.race.scene))[1])
    return Check(
        plain.rate > limit and plain.left_at is not None,
        {"rate": plain.rate, "limit": limit, "factor": factor, "step": plain.left_at},
    )


def escape_steps(race: Race, level: float = 1.0) -> tuple[int | None, float]:
    """First step at which GD's |y| exceeds `level` on x² − y², and the time log(level/|y₀|)/log(1 + 2η)."""
    plain = known(race.of("GD"))
    beyond = np.flatnonzero(~(np.abs(plain.w[:, 0, 1]) < level))
    theory = np.log(level / abs(race.start[1])) / np.log1p(2 * plain.rate)
    return (int(beyond[0]) if beyond.size else None), float(theory)


def saddle_escape(result: Result) -> Check:
    """GD leaves the saddle after log(1/|y₀|)/log(1 + 2η) steps, rounded up."""
    measured, theory = escape_steps(result.race)
    values = {"measured": measured, "theory": theory, "offset": result.race.start[1]}
    return Check(measured == int(np.ceil(theory)), values)


def raw_regression(result: Result) -> Check:
    """Unscaled inputs: an ill-conditioned Hessian, and hundreds of steps even near the greatest stable rate."""
    ratio, steps, values = _conditioning(result.race)
    return Check(ratio > 100 and steps is not None and steps > 50, values)


def standardised_regression(result: Result) -> Check:
    """Standardised inputs: condition number one, and a handful of steps."""
    ratio, steps, values = _conditioning(result.race)
    return Check(ratio < 1.01 and steps is not None and steps <= 10, values)


def _conditioning(race: Race) -> tuple[float, int | None, dict[str, float | int | None]]:
    plain = known(race.of("GD"))
    ratio, steps = known(condition(race.scene)), convergence.steps_to_tolerance(race, plain)
    limit = stability_limit(race.scene)
    return ratio, steps, {"condition": ratio, "steps": steps, "rate": plain.rate, "limit": limit}


def noise_ball(result: Result) -> Check:
    """SGD hovers at the excess loss of the stationary state, which grows with η/B."""
    measured, theory = known(noise_floor(result.race))
    values = {"measured": measured, "theory": theory, "batch": result.settings.batch()}
    return Check(abs(measured / theory - 1) < 0.1, values)


def same_up_to_scale(result: Result) -> Check:
    """Averaged momentum with η/(1 − β) walks heavy-ball momentum's path."""
    heavy, averaged = known(result.race.of("Momentum")), known(result.race.of("Averaged momentum"))
    gap = float(np.abs(heavy.w - averaged.w).max())
    return Check(gap < 1e-9, {"gap": gap, "heavy": heavy.rate, "averaged": averaged.rate})


PRESETS = (
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
            panels=("Inside the rule",),
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
)


def readouts(result: Result) -> list[Readout]:
    """The page's metrics, measured beside theory."""
    race = result.race
    found: list[Readout] = []
    arrived = _arrived(race)
    if arrived:
        first = min(arrived, key=arrived.__getitem__)
        found.append(
            Readout(
                "First within 0.1% of the way",
                f"{first} · {arrived[first]}",
                help="Steps until the loss has covered 99.9% of the way to the minimum, and stays there.",
            )
        )
    for name in ("GD", "Momentum"):
        descent = race.of(name)
        theory = descent and convergence.theoretical_contraction(race, descent)
        measured = descent and convergence.contraction(race, descent)
        if theory and measured:
            found.append(Readout(f"{name}: factor per step", f"{measured:.3f}", f"{theory:.3f}"))
    floor = noise_floor(race)
    if floor is not None:
        found.append(Readout("SGD: mean excess loss, second half", f"{floor[0]:.3g}", f"{floor[1]:.3g}"))
    ratio = condition(race.scene)
    if ratio is not None:
        found.append(Readout("Condition number at the minimum", f"{ratio:,.4g}"))
    limit = stability_limit(race.scene)
    if limit is not None:
        found.append(Readout(r"GD's limit $2/\lambda_{\max}$", f"{limit:.3g}"))
    return found


def notice(result: Result) -> list[Note]:
    """How GD goes on a quadratic, what diverged, who was first, and the rates that were found."""
    race = result.race
    notes = [*_plain_descent(race), *_diverged(race)]
    arrived = _arrived(race)
    if len(arrived) > 1:
        first, last = min(arrived, key=arrived.__getitem__), max(arrived, key=arrived.__getitem__)
        if arrived[first] < arrived[last]:
            values = {"first": first, "first_steps": arrived[first], "last": last, "last_steps": arrived[last]}
            notes.append(Note("race", values))
    return notes + _tuned(race) if result.settings.tuned else notes


def _arrived(race: Race) -> dict[str, int]:
    """Steps to the tolerance, of those that stay within it."""
    steps = {descent.optimizer: convergence.steps_to_tolerance(race, descent) for descent in race.descents}
    return {name: count for name, count in steps.items() if count is not None}


def _plain_descent(race: Race) -> list[Note]:
    """What the theory of quadratics says of GD."""
    plain = race.of("GD")
    if plain is None or not race.scene.quadratic:
        return []
    notes: list[Note] = []
    ratio, limit = condition(race.scene), stability_limit(race.scene)
    changes = convergence.steep_sign_changes(race, plain)
    steep = ratio is not None and ratio > 2
    if steep and changes is not None and changes > 0.5 and plain.left_at is None:
        notes.append(Note("zigzag", {"share": changes}))
    if limit is not None and not plain.stochastic:
        distance = plain.rate / limit - 1
        key = "at_limit" if abs(distance) < 1e-9 else "above_limit" if distance > 0 else "below_limit"
        notes.append(Note(key, {"rate": plain.rate, "limit": limit}))
    return notes


def _diverged(race: Race) -> list[Note]:
    notes: list[Note] = []
    for descent in race.descents:
        values = {
            "optimizer": descent.optimizer,
            "rate": descent.rate,
            "step": int(descent.diverged[descent.diverged >= 0].min(initial=10**9)),
        }
        if descent.diverged_repeats and len(descent.diverged) > 1:
            counts = {"count": descent.diverged_repeats, "repeats": len(descent.diverged)}
            notes.append(Note("repeats_diverged", {**values, **counts}))
        elif descent.diverged_repeats:
            notes.append(Note("diverged", values))
    return notes


def _tuned(race: Race) -> list[Note]:
    """The rates that were found, and for whom there was none."""
    # The grid was searched with the draws of the first repeat: it diverges only where every rate did.
    found = [f"{descent.optimizer} {descent.rate:.2g}" for descent in race.descents if descent.left_at is None]
    notes = [Note("tuned", {"rates": ", ".join(found), "count": len(RATE_GRID)})] if found else []
    return notes + [
        Note("not_tuned", {"optimizer": descent.optimizer, "rate": descent.rate})
        for descent in race.descents
        if descent.left_at is not None
    ]


STUDY = Study(compute, PRESETS, readouts, notice)
