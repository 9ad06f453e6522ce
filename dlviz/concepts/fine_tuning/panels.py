"""The panels of the page "What should stay frozen?"."""

from __future__ import annotations

from typing import Any

from dlviz.contract import Figure, Panel


def _without_source(reason: str) -> Any:
    return lambda settings: reason if settings.source == "No source" else None


def _without_labels(settings: Any) -> str | None:
    return None if settings.labels else "Choose at least one number of labels."


PANELS = (
    Panel("", "sweep", {"hero": Figure("Accuracy against what is frozen")}, "sweep", 1.5, _without_labels),
    Panel("Network", "network", {"network": Figure("What is trained", click={"frozen": "freeze"})}, "blocks", 0.2),
    Panel(
        "Curves", "curves", {"accuracy": Figure("Accuracy while it learns"), "loss": Figure("Loss while it learns")},
        "curves", 1.0,
    ),
    Panel(
        "Holding on", "holding", {"holding": Figure("Target learned against source forgotten")}, "holding", 2.0,
        _without_source("Without a source there is nothing to hold on to."),
    ),
    Panel(
        "What moved", "moved",
        {
            "drift": Figure("How far the weights moved"),
            "cka": Figure("How alike the features stayed"),
            "features": Figure("One layer's features before and after"),
        },
        "moved", 1.0, _without_source("Without a source there is nothing to move away from."),
    ),
    Panel("Gain by labels", "gains", {"gain": Figure("When transfer stops paying")}, "gains", 2.0),
    Panel(
        "Gradual unfreezing", "gradual", {"gradual": Figure("Gradual unfreezing")}, "gradual", 1.0,
        _without_source("Without a source there is nothing to unfreeze."),
    ),
    Panel(
        "Transfer map", "pairs",
        {"pairs": Figure("Every source on every target", click={"source": "source", "target": "target"}, wide=True)},
        "pairs", 25.0, _without_labels,
    ),
)  # fmt: skip
