"""What the page says about a run: readouts, what to notice, and the facts of the function.

Every sentence is chosen and filled from the result, so that none can be false for what is on the screen.
"""

from __future__ import annotations

import numpy as np

from dlviz.contract import Note, Readout
from dlviz.engine.signals.activations import ACTIVATIONS
from dlviz.numbers import above, fixed, percent, small

from . import zigzag
from .measure import GONE, NEAR, Result
from .presets import swish_gap
from .settings import titled


def readouts(result: Result) -> list[Readout]:
    """The page's metrics, measured beside theory."""
    n = result.neuron
    found = [
        Readout(
            "Saturated share", percent(n.saturated), percent(n.saturated_theory),
            help="Of 20,000 pre-activations; in theory the normal probability of the shaded zone.",
        ),
        Readout("Mean output", fixed(n.mean, 3), fixed(n.mean_theory, 3)),
        Readout(
            "Mean squared slope", small(n.squared_slope), small(n.squared_slope_theory),
            help="E[f′(z)²]: a layer multiplies the mean square of the gradient by σ_w² times this.",
        ),
    ]  # fmt: skip
    if result.theory is not None:
        back = result.deep[n.name].passed_back[:, 0]
        if np.isfinite(back).all():
            said = [above(float(left), GONE) for left in (np.median(back), result.theory.gradient[0])]
            found.append(Readout("Gradient left in the first layer", *said))
    one = next((a for a in result.agreement or () if a.name == n.name), None)
    if one is not None and np.isfinite(one.mean[0]):
        found.append(
            Readout(
                "Gradients of one sign", percent(float(one.mean[0])), percent(zigzag.chance(one.inputs)),
                help="Of one neuron on one sample, the share with the more frequent sign; theory: fair signs.",
            )
        )  # fmt: skip
    if result.dying is not None:
        end = float(np.median(result.dying["ReLU"].dead[:, -1]))
        if np.isfinite(end):
            found.append(Readout("Dead ReLUs at the end", percent(end)))
    if result.softmax is not None:
        found.append(Readout("Largest probability", probability(result.softmax.here[0])))
    return found[:6]


def probability(largest: float) -> str:
    """Softmax's largest probability, which is never all of 1, even where float64 has it so."""
    return percent(min(largest, float(np.nextafter(1, 0))))


def notice(result: Result) -> list[Note]:
    """Sentences that are true of this very run, by key, with their numbers."""
    notes = _of_the_neuron(result)
    notes += _of_depth(result)
    notes += _of_signs(result)
    notes += _of_training(result)
    if result.softmax is not None:
        found = result.softmax
        largest, entropy, jacobian = found.here
        key = "softmax_hot" if largest > 0.99 else "softmax_flat" if largest < 2 / found.classes else "softmax_between"
        values = {"temperature": found.temperature, "largest": probability(largest), "entropy": percent(entropy)}
        notes.append(Note(key, {**values, "jacobian": above(jacobian, GONE), "count": len(found.gap)}))
    if result.costs is not None:
        c = result.costs
        others = [i for i, name in enumerate(c.names) if name != "ReLU"]
        cheap, dear = min(others, key=lambda i: c.ratio[i]), max(others, key=lambda i: c.ratio[i])
        notes.append(
            Note(
                "cost",
                {
                    "cheap": c.names[cheap], "cheap_ratio": float(c.ratio[cheap]), "dear": c.names[dear],
                    "dear_ratio": float(c.ratio[dear]), "device": c.device, "count": c.elements,
                },
            )
        )  # fmt: skip
    return notes


def _of_the_neuron(result: Result) -> list[Note]:
    n, s = result.neuron, result.settings
    name = titled(n.name, s)
    notes = []
    if not len(n.intervals):
        notes.append(Note("nowhere_flat", {"name": name, "epsilon": s.epsilon}))
    else:
        values = {"measured": percent(n.saturated), "theory": percent(n.saturated_theory), "epsilon": s.epsilon}
        notes.append(Note("flat", {**values, "name": name, "zone": _listed(n.intervals)}))
    if n.spread < 1e-12:
        notes.append(Note("constant", {"name": name, "count": n.samples, "value": fixed(n.mean, 3)}))
    elif abs(n.mean_theory) < 0.01 * n.spread:
        notes.append(Note("centred", {"name": name, "mean": fixed(n.mean, 3)}))
    elif n.lowest >= 0:
        notes.append(Note("positive", {"name": name, "mean": fixed(n.mean, 3)}))
    else:
        share = small(abs(n.mean) / n.spread)
        notes.append(Note("shifted", {"name": name, "mean": fixed(n.mean, 3), "share": share}))
    if n.name == "Swish" and n.parameter == 0:
        notes.append(Note("swish_linear"))
    elif n.name == "Swish" and n.parameter * n.half > 5:
        gap, theory = swish_gap(result)
        notes.append(Note("swish_gap", {"beta": n.parameter, "gap": gap, "theory": theory}))
    return notes


def _listed(intervals: np.ndarray) -> str:
    """The saturated zone in words: ``z < −2.89, z > 2.89``."""
    said = []
    for low, high in intervals:
        if np.isinf(low) and np.isinf(high):
            said.append("z ∈ ℝ")
        elif np.isinf(low):
            said.append(f"z < {fixed(high, 2)}")
        elif np.isinf(high):
            said.append(f"z > {fixed(low, 2)}")
        else:
            # As many decimals as tell the ends of a narrow interval apart.
            digits = next((d for d in range(2, 12) if round(low, d) != round(high, d)), 12)
            said.append(f"{fixed(low, digits)} < z < {fixed(high, digits)}")
    return ", ".join(said)


def _of_depth(result: Result) -> list[Note]:
    if not result.deep:
        return []
    notes = []
    layers = result.settings.depth
    for name, d in result.deep.items():
        if not np.isfinite(d.passed_back[:, 0]).all():
            whole = np.isfinite(d.std).all(axis=0)
            if not whole.all():
                layer = int(np.flatnonzero(~whole)[0]) + 1
                notes.append(Note("overflow", {"name": name, "layer": layer}))
            else:
                notes.append(Note("no_gradient", {"name": name}))
            continue
        left = float(np.median(d.passed_back[:, 0]))
        if name == result.neuron.name or left < 1e-3 or left > 1e3:
            values = {"name": name, "layers": layers}
            if left == 0:
                notes.append(Note("gone", values))
            else:
                key = "vanishes" if left < 0.1 else "explodes" if left > 10 else "survives"
                factor = left ** (1 / (layers - 1))
                notes.append(Note(key, {**values, "left": small(left), "factor": factor}))
    for name, d in result.deep.items():
        dead = d.dead[:, -1]
        if np.isfinite(dead).all() and np.median(dead) > 0.01:
            share = percent(float(np.median(dead)))
            notes.append(Note("dead_by_depth", {"name": name, "share": share, "layers": layers}))
    return notes


def _of_signs(result: Result) -> list[Note]:
    notes = []
    for a in result.agreement or ():
        if np.isfinite(a.mean[0]):
            key = "one_sign" if a.mean[0] == 1 else "mixed_signs"
            values = {"name": a.name, "share": percent(float(a.mean[0])), "mean": fixed(a.inputs_mean, 2)}
            notes.append(Note(key, {**values, "chance": percent(zigzag.chance(a.inputs)), "inputs": a.inputs}))
    for p in result.paths or ():
        steps = p.steps_within(NEAR)
        if p.left >= 0:
            notes.append(Note("path_left", {"name": p.name, "step": p.left}))
        elif steps is not None:
            notes.append(Note("path", {"name": p.name, "near": NEAR, "step": steps}))
        else:
            notes.append(Note("path_not", {"name": p.name, "near": NEAR, "steps": zigzag.PATH_STEPS}))
    return notes


def _of_training(result: Result) -> list[Note]:
    notes = []
    if result.dying is not None:
        s = result.settings
        for name, d in result.dying.items():
            lost = d.lost >= 0
            values = {"name": name, "rate": s.dying_rate, "bias": s.dying_bias}
            if lost.any():
                notes.append(Note("overflowed", {**values, "count": int(lost.sum()), "seeds": len(lost)}))
                continue
            start, end = float(np.median(d.dead[:, 0])), float(np.median(d.dead[:, -1]))
            right = float(np.median(d.accuracy[:, -1]))
            shares = {"start": percent(start), "end": percent(end), "accuracy": percent(right)}
            key = "died" if end > 0 else "few_dead" if d.dead[:, -1].any() else "none_dead"
            notes.append(Note(key, {**values, **shares}))
    if result.learned is not None:
        found = result.learned
        if np.isfinite(found.accuracy).all() and found.lost < 0:
            ends = np.median(found.slopes[:, :, -1], axis=1)
            listed = ", ".join(fixed(float(end), 2) for end in ends)
            values = {"start": found.start, "listed": listed, "accuracy": percent(float(np.median(found.accuracy)))}
            notes.append(Note("learned", values))
        else:
            notes.append(Note("learned_overflowed", {"rate": result.settings.learned_rate}))
    return notes


def facts(result: Result) -> list[Note]:
    """What heads the explanation: the function on the screen with its derivative."""
    n, s = result.neuron, result.settings
    if n.name == "Maxout":
        return [Note("maxout", {"pieces": s.maxout_pieces, "seed": s.seed})]
    function = ACTIVATIONS[n.name]
    values = {"name": titled(n.name, s), "formula": function.formula, "slope": function.slope_formula}
    return [Note("function", {**values, "steepest": small(n.steepest), "source": function.source})]
