"""The numbers of the text alternatives: one set for all figures of a run."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import above, percent, small

from . import zigzag
from .measure import GONE, Result
from .sentences import probability
from .settings import titled


def values(result: Result, look: Look) -> dict[str, Any]:
    """Everything that a sentence under ``## Alt`` may quote; a dash where the run does not hold it."""
    n, s = result.neuron, result.settings
    off = "–"
    deep = result.deep or {}
    return {
        "function": titled(n.name, s),
        "mean": small(s.mean),
        "std": f"{s.std:g}",
        "saturated": percent(n.saturated),
        "epsilon": f"{s.epsilon:g}",
        "output": small(n.mean),
        "depth": s.depth,
        "gradients": _each(deep, lambda d: d.passed_back[:, 0]) or off,
        "flat": _each(deep, lambda d: d.saturated[:, -1], share=True) or off,
        "dead": _each(deep, lambda d: d.dead[:, -1], share=True) or off,
        "spread": _each(deep, lambda d: d.std[:, -1]) or off,
        "agreement": ", ".join(f"{a.name} {percent(float(a.mean[0]))}" for a in result.agreement or ()) or off,
        "chance": percent(zigzag.chance(zigzag.WIDTH)),
        "paths": ", ".join(f"{p.name} {small(float(p.distance[-1]))}" for p in result.paths or ()) or off,
        "steps": zigzag.PATH_STEPS,
        "died": _each(result.dying or {}, lambda d: d.dead[:, -1], share=True) or off,
        "learned_well": _each(result.dying or {}, lambda d: d.accuracy[:, -1], share=True) or off,
        "rate": f"{s.dying_rate:g}",
        "bias": small(s.dying_bias),
        "worst": _greatest(result, look),
        "slopes": _slopes(result) or off,
        "temperature": f"{s.temperature:g}",
        "largest": probability(result.softmax.here[0]) if result.softmax else off,
        "entropy": percent(result.softmax.here[1]) if result.softmax else off,
        "jacobian": above(result.softmax.here[2], GONE) if result.softmax else off,
        "costs": _costs(result) or off,
        "functions": len(result.table or ()),
    }


def _each(found: dict[str, Any], pick: Any, share: bool = False) -> str:
    said = []
    for name, one in found.items():
        picked = pick(one)
        middle = float(np.median(picked))  # NaN where a seed's numbers have overflowed
        said.append(f"{name} {percent(middle) if share else above(middle, GONE)}")
    return ", ".join(said)


def _greatest(result: Result, look: Look) -> str:
    if result.grid is None or not np.isfinite(result.grid.dead).any():
        return "–"
    b, r = np.unravel_index(np.nanargmax(result.grid.dead), result.grid.dead.shape)
    share, rate, bias = result.grid.dead[b, r], result.grid.rates[r], result.grid.biases[b]
    return tr(
        look, "{share} at learning rate {rate} and bias {bias}", share=percent(float(share)), rate=f"{rate:g}",
        bias=small(bias),
    )  # fmt: skip


def _slopes(result: Result) -> str:
    if result.learned is None:
        return ""
    ends = np.median(result.learned.slopes[:, :, -1], axis=1)
    return ", ".join(small(float(end)) for end in ends)


def _costs(result: Result) -> str:
    if result.costs is None:
        return ""
    c = result.costs
    return ", ".join(f"{name} {ratio:.1f}" for name, ratio in zip(c.names, c.ratio, strict=True))
