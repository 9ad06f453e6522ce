"""The panels of the page "What should stay frozen?"."""

from __future__ import annotations

from dlviz.contract import Empty, Figure, Panel


def _without_source(reason: str) -> Empty:
    return Empty(reason, lambda settings: settings.source == "No source")


WITHOUT_LABELS = Empty("Choose at least one number of labels.", lambda settings: not settings.labels)

PANELS = (
    Panel(
        "", "sweep", {"hero": Figure("Accuracy against what is frozen")}, fills="sweep", cost=1.5, empty=WITHOUT_LABELS
    ),
    Panel(
        "Network", "network", {"network": Figure("What is trained", click={"frozen": "freeze"})},
        fills="network", cost=0.2,
    ),
    Panel(
        "Curves", "curves", {"accuracy": Figure("Accuracy while it learns"), "loss": Figure("Loss while it learns")},
        fills="curves", cost=1.0,
    ),
    Panel(
        "Holding on", "holding", {"holding": Figure("Target learned against source forgotten")},
        fills="holding", cost=2.0, empty=_without_source("Without a source there is nothing to hold on to."),
    ),
    Panel(
        "What moved", "moved",
        {
            "drift": Figure("How far the weights moved"),
            "cka": Figure("How alike the features stayed"),
            "features": Figure("One layer's features before and after"),
        },
        fills="moved", cost=1.0, empty=_without_source("Without a source there is nothing to move away from."),
    ),
    Panel("Gain by labels", "gains", {"gain": Figure("When transfer stops paying")}, fills="gains", cost=2.0),
    Panel(
        "Gradual unfreezing", "gradual", {"gradual": Figure("Gradual unfreezing")},
        fills="gradual", cost=1.0, empty=_without_source("Without a source there is nothing to unfreeze."),
    ),
    Panel(
        "Transfer map", "pairs",
        {"pairs": Figure("Every source on every target", click={"source": "source", "target": "target"}, wide=True)},
        fills="pairs", cost=25.0, empty=WITHOUT_LABELS,
    ),
)  # fmt: skip
