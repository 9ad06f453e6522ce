"""Basins of attraction: which minimum one optimizer reaches from every start of a grid, and how soon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Check, Note, Preset, Study
from dlviz.engine.descent import descent
from dlviz.engine.optimizers import RULES
from dlviz.progress import Progress, split

from .rates import in_use
from .scene import scene_of, surface_of
from .settings import Settings

if TYPE_CHECKING:
    from .result import Result


@dataclass(frozen=True)
class Basins:
    """Which minimum each start reaches, and after how many steps."""

    optimizer: str
    rate: float
    minimum: np.ndarray  # (H, W) index into Scene.minima; -1: none within the steps; -2: diverged
    steps: np.ndarray  # (H, W) steps until it stayed within `radius` of that minimum
    radius: float

    @property
    def share(self) -> float:
        """Of the starts, how many arrive."""
        return float(np.mean(self.minimum >= 0))


def compute(settings: Settings, progress: Progress) -> Basins | None:
    """At the rate that the optimizer has in the race; None where no minimum of the surface is known."""
    ground = surface_of(settings)
    scene = scene_of(ground)
    if not len(scene.minima):
        return None
    scanning, mapping = split(progress, [0.05, 0.95])
    name = settings.basin_optimizer
    rate = in_use(settings, (name,), scanning)[name]
    x_min, x_max, y_min, y_max = scene.domain
    side = settings.basin_side()
    radius = 0.01 * min(x_max - x_min, y_max - y_min)
    # Pixel centres, so that the picture's edge is the domain's edge.
    middle = (np.arange(side) + 0.5) / side
    arrival = descent.basins(
        ground,
        RULES[name],
        settings.hyper(name),
        rate,
        *np.meshgrid(x_min + middle * (x_max - x_min), y_min + middle * (y_max - y_min)),
        minima=scene.minima,
        steps=settings.basin_steps,
        tolerance=radius,
        hold=10,
        progress=mapping,
    )
    label = np.where(arrival.diverged >= 0, -2, arrival.minimum)
    return Basins(name, rate, label, arrival.steps, radius)


def four_basins(result: Result) -> Check:
    """Every start reaches one of Himmelblau's four minima, and each minimum is reached."""
    shares = [float(np.mean(result.basins.minimum == index)) for index in range(4)]
    return Check(
        min(shares) > 0.05 and sum(shares) > 0.98,
        {"least": min(shares), "greatest": max(shares), "reached": sum(shares)},
    )


PRESETS = (
    Preset(
        "basins",
        Settings(
            surface="Himmelblau",
            optimizers=("GD", "Momentum"),
            learning_rate=0.005,
            panels=("Basins of attraction",),
            basin_resolution=256,
        ),
        four_basins,
    ),
)


def notice(result: Result) -> list[Note]:
    """How many starts arrive, and what counts as arriving."""
    found = result.basins
    values = {"share": found.share, "optimizer": found.optimizer, "radius": found.radius, "rate": found.rate}
    return [Note("basins", values)]


STUDY = Study(compute, PRESETS, notice=notice)
