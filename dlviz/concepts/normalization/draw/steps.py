"""One unit step by step as histograms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves.strips import Strip, strips
from dlviz.drawing.grammar.axes import Axis
from dlviz.drawing.grammar.finish import finish
from dlviz.drawing.grammar.interaction import slider
from dlviz.drawing.grammar.palette import colour
from dlviz.drawing.grammar.piece import rows
from dlviz.drawing.grammar.theme import Look, tr

if TYPE_CHECKING:
    from ..result import Result


HEIGHT = 460
ACTIVATED = {
    "ReLU": "max(0, {})",
    # Vega's expressions have no hyperbolic tangent.
    "Tanh": "(1 - 2 / (1 + exp(2 * ({}))))",
    "Sigmoid": "(1 / (1 + exp(-({}))))",
}


def steps(runs: Sequence[Run], look: Look) -> Any:
    """x, s1 = w·x, s2 standardised, s3 scaled and shifted, and the activation, as histograms under γ and β."""
    result = runs[0].result
    found, settings = result.steps, result.settings
    name = settings.activation
    scaled = "(bn_gamma * datum.s2 + bn_beta)"
    hue, quiet = colour("BatchNorm", look), look.inks.ghost
    drawn = [
        Strip(tr(look, "x: pixels"), "pixels", "datum.x", quiet, "datum.share"),
        Strip(r"$s_1 = w \cdot x$", "unit", "datum.s1", quiet),
        Strip(r"$s_2 = (s_1 - \mu)/\sqrt{\sigma^2 + \varepsilon}$", "unit", "datum.s2", hue),
        Strip(r"$s_3 = \gamma s_2 + \beta$", "unit", scaled, hue),
        Strip(rf"{name}$(s_3)$", "unit", ACTIVATED[name].format(scaled), colour(name, look)),
    ]
    data = {
        "pixels": rows(x=found.pixels, share=found.shares),
        "unit": rows(s1=found.sums, s2=found.x_hat),
    }
    sliders = (
        slider("bn_gamma", settings.gamma, -3, 3, 0.05, "γ"),
        slider("bn_beta", settings.beta, -3, 3, 0.05, "β"),
    )
    x = Axis(tr(look, "Value, in {count} examples", count=len(found.sums)), -8, 8)
    piece = strips(
        drawn,
        data,
        x,
        look,
        bin_width=0.25,
        outside=tr(look, "beyond"),
        highest=tr(look, "highest bar"),
        sliders=sliders,
    )
    return finish(piece, look, height=HEIGHT)


def steps_numbers(result: Result, _look: Look) -> dict[str, object]:
    """The weighted sums' mean and deviation."""
    sums = result.steps.sums
    return {"batch": len(sums), "middle": float(sums.mean()), "deviation": float(sums.std())}


DRAWINGS = {"steps": Drawing(steps, steps_numbers, 340)}
