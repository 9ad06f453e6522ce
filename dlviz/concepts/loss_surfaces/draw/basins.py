"""Basins of attraction: every start by the minimum that it reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.grammar.axes import Plane, frame
from dlviz.drawing.grammar.finish import finish
from dlviz.drawing.grammar.theme import Look
from dlviz.drawing.surfaces import heat

if TYPE_CHECKING:
    from ..result import Result

HEIGHT = 440


def basins(runs: Sequence[Run], look: Look) -> Any:
    """Every start coloured by the minimum it reaches, the brighter the sooner."""
    result: Result = runs[0].result
    found, scene = result.basins, result.race.scene
    plane = Plane(scene.domain, scene.axes)
    minimum = np.where(found.minimum < 0, -1, found.minimum)
    picture = heat.basins(minimum, found.steps, found.minimum == -2, plane, look, minima=scene.minima)
    return finish(frame(plane.x, plane.y, look) + picture, look, height=HEIGHT)


def basins_numbers(result: Result, _look: Look) -> Mapping[str, object]:
    """What its text alternative tells."""
    return {"optimizer": result.basins.optimizer, "share": result.basins.share}


DRAWINGS = {"basins": Drawing(basins, basins_numbers, HEIGHT)}
