"""What the page says about a run: readouts, what to notice, and the facts of the surface.

Every sentence is chosen and filled from the result, so that none can be false for what is on the screen.
"""

from __future__ import annotations

import numpy as np

from dlviz.contract import Note, Readout
from dlviz.numbers import percent, signed

from . import measure
from .measure import RATE_GRID, Result

LONGEST = 2000
"""Characters of a gradient, as LaTeX, beyond which it is not printed."""
LISTED = 6
"""Minima beyond these are counted, not listed."""


def readouts(result: Result) -> list[Readout]:
    """The page's metrics, measured beside theory."""
    found: list[Readout] = []
    reached = [(run, measure.steps_to_tolerance(result, run)) for run in result.runs]
    reached = [(run, steps) for run, steps in reached if steps is not None]
    if reached:
        run_, steps = min(reached, key=lambda pair: pair[1])
        found.append(
            Readout(
                "First within 0.1% of the way",
                f"{run_.optimizer} · {steps}",
                help="Steps until the loss has covered 99.9% of the way to the minimum, and stays there.",
            )
        )
    for name in ("GD", "Momentum"):
        run_ = result.run_of(name)
        theory = run_ and measure.theoretical_contraction(result, run_)
        measured = run_ and measure.contraction(result, run_)
        if theory and measured:
            found.append(Readout(f"{name}: factor per step", f"{measured:.3f}", f"{theory:.3f}"))
    floor = measure.noise_floor(result)
    if floor is not None:
        found.append(Readout("SGD: mean excess loss, second half", f"{floor[0]:.3g}", f"{floor[1]:.3g}"))
    condition = measure.condition(result.scene)
    if condition is not None:
        found.append(Readout("Condition number at the minimum", f"{condition:,.4g}"))
    limit = measure.stability_limit(result.scene)
    if limit is not None:
        found.append(Readout("GD's limit 2/λ_max", f"{limit:.3g}"))
    return found[:4]


def notice(result: Result) -> list[Note]:
    """Sentences that are true of this very run, by key, with their numbers."""
    notes: list[Note] = []
    limit = measure.stability_limit(result.scene)
    descent_run = result.run_of("GD")
    condition = measure.condition(result.scene)
    if descent_run is not None and result.scene.quadratic:
        changes = measure.steep_sign_changes(result, descent_run)
        steep = condition is not None and condition > 2
        if steep and changes is not None and changes > 0.5 and descent_run.left_at is None:
            notes.append(Note("zigzag", {"share": changes}))
        if limit is not None and not descent_run.stochastic:
            distance = descent_run.rate / limit - 1
            key = "at_limit" if abs(distance) < 1e-9 else "above_limit" if distance > 0 else "below_limit"
            notes.append(Note(key, {"rate": descent_run.rate, "limit": limit}))
    for run_ in result.runs:
        values = {
            "optimizer": run_.optimizer,
            "rate": run_.rate,
            "step": int(run_.diverged[run_.diverged >= 0].min(initial=10**9)),
        }
        if run_.diverged_repeats and len(run_.diverged) > 1:
            counts = {"count": run_.diverged_repeats, "repeats": len(run_.diverged)}
            notes.append(Note("repeats_diverged", {**values, **counts}))
        elif run_.diverged_repeats:
            notes.append(Note("diverged", values))
    reached = {run_.optimizer: measure.steps_to_tolerance(result, run_) for run_ in result.runs}
    arrived = {name: steps for name, steps in reached.items() if steps is not None}
    if len(arrived) > 1:
        first, last = min(arrived, key=arrived.get), max(arrived, key=arrived.get)
        if arrived[first] < arrived[last]:
            values = {"first": first, "first_steps": arrived[first], "last": last, "last_steps": arrived[last]}
            notes.append(Note("race", values))
    if result.settings.tuned and result.runs:
        # The grid was searched with the draws of the first repeat: it diverges only where every rate did.
        found = [run_ for run_ in result.runs if run_.left_at is None]
        if found:
            rates = ", ".join(f"{run_.optimizer} {run_.rate:.2g}" for run_ in found)
            notes.append(Note("tuned", {"rates": rates, "count": len(RATE_GRID)}))
        for run_ in result.runs:
            if run_.left_at is not None:
                notes.append(Note("not_tuned", {"optimizer": run_.optimizer, "rate": run_.rate}))
    if result.basins is not None:
        share = float(np.mean(result.basins.minimum >= 0))
        notes.append(
            Note(
                "basins",
                {
                    "share": share,
                    "optimizer": result.basins.optimizer,
                    "radius": result.basins.radius,
                    "rate": result.basins.rate,
                },
            )
        )
    return notes


def facts(result: Result) -> list[Note]:
    """What is on the screen before anything moves: the surface's formula, gradient, domain and minima."""
    scene = result.scene
    domain = dict(zip(("x_min", "x_max", "y_min", "y_max"), map(signed, scene.domain), strict=True))
    values = {"name": scene.name, "formula": scene.formula, "first": scene.axes[0], "second": scene.axes[1], **domain}
    if scene.gradient is not None:
        x, y = scene.gradient
        gradient = rf"\left({x},\ {y}\right)"
        # Of a long formula it has thousands of terms, which nobody reads and the browser takes long to typeset.
        short = len(gradient) < LONGEST
        found = [Note("surface", {**values, "gradient": gradient}) if short else Note("long_surface", values)]
    else:
        found = [Note("data_surface", {**values, "samples": scene.samples})]
    if (sampled := scene.sampled) is not None:
        numbers = {"computed": sampled.computed, "points": sampled.z.size, "held_out": sampled.held_out}
        found.append(Note("interpolated", {**numbers, "error": percent(sampled.error)}))
    if not len(scene.minima):
        return [*found, Note("no_minimum")]
    listed = ", ".join(f"({signed(x)}, {signed(y)})" for x, y in scene.minima[:LISTED])
    return [*found, Note("minima", {"count": len(scene.minima), "listed": listed, "lowest": scene.lowest + 0.0})]
