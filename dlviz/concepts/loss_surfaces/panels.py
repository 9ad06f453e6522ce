"""What the page shows: the race always, and three panels that look closer at it."""

from __future__ import annotations

from dlviz.contract import Empty, Figure, Panel

NO_OPTIMIZER = Empty("Choose at least one optimizer.", lambda settings: not settings.optimizers)

# A scan of learning rates takes as long as a race, and is part of the first study that needs it; basins take most.
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
        fills="inside", cost=0.0, empty=NO_OPTIMIZER,
    ),
    Panel(
        "Learning-rate sensitivity", "sensitivity", {"sensitivity": Figure("Learning-rate sensitivity")},
        fills="sensitivity", cost=lambda settings: 0.0 if settings.tuned else 0.5, empty=NO_OPTIMIZER,
    ),
    Panel(
        "Basins of attraction", "basins", {"basins": Figure("Basins of attraction")}, fills="basins", cost=9.0,
        nothing="No minimum of this surface is known.",
    ),
)  # fmt: skip
