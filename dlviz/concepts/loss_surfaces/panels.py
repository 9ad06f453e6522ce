"""What the page shows: the race always, and three panels that look closer at it."""

from __future__ import annotations

from typing import Any

from dlviz.contract import Figure, Panel


def _no_optimizer(settings: Any) -> str | None:
    return None if settings.optimizers else "Choose at least one optimizer."


# Costs: a scan of learning rates takes as long as a race, and whoever needs it first pays; basins take most by far.
PANELS = (
    Panel(
        "", "race",
        {
            "hero": Figure("Surface and paths", click={"start_x": "x", "start_y": "y"}),
            "loss": Figure("Loss"),
        },
        fills="race", cost=lambda settings: 1.0 if settings.tuned else 0.5,
    ),
    Panel(
        "Inside the rule", "inside",
        {
            "inside_first": Figure("Inside the rule, first coordinate"),
            "inside_second": Figure("Inside the rule, second coordinate"),
        },
        fills="inside", cost=0.0, empty=_no_optimizer,
    ),
    Panel(
        "Learning-rate sensitivity", "sensitivity", {"sensitivity": Figure("Learning-rate sensitivity")},
        fills="sensitivity", cost=lambda settings: 0.0 if settings.tuned else 0.5, empty=_no_optimizer,
    ),
    Panel("Basins of attraction", "basins", {"basins": Figure("Basins of attraction")}, fills="basins", cost=9.0),
)  # fmt: skip
