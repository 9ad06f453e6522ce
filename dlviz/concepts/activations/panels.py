"""What the page "Activation functions" can show, a row each."""

from __future__ import annotations

from dlviz.contract import Empty, Figure, Panel

NO_FUNCTION = Empty("Choose at least one function.", lambda settings: not settings.deep())

PANELS = (
    Panel("", "neuron", {"hero": Figure("Function, slope and what goes through")}, fills="neuron"),
    Panel(
        "Gradient by depth", "depth", {"gradients": Figure("Gradient by depth")}, fills="depth", cost=1.5,
        empty=NO_FUNCTION,
    ),
    Panel(
        "Saturation by depth", "depth",
        {
            "saturation": Figure("Saturated share by depth"),
            "dead": Figure("Dead units by depth"),
            "spread": Figure("Size of the activations by depth"),
        },
        fills="depth", cost=1.5, empty=NO_FUNCTION,
    ),
    Panel(
        "Zigzag", "zigzag",
        {"path": Figure("Path of two weights"), "agreement": Figure("Signs of one neuron's weight gradients")},
        fills="zigzag", cost=0.4,
    ),
    Panel(
        "Dying ReLU", "dying",
        {
            "dead_lines": Figure("Dead units during training"),
            "dead_grid": Figure("Dead ReLUs after training", click={"dying_rate": "column", "dying_bias": "row"}),
            "dead_accuracy": Figure("Accuracy during training"),
        },
        fills="dying", cost=14.0,
    ),
    Panel("Learned slope", "learned", {"learned": Figure("Slopes that PReLU learns")}, fills="learned", cost=5.0),
    Panel(
        "Softmax", "softmax",
        {"probabilities": Figure("Softmax against its scale"), "jacobian": Figure("What softmax lets through")},
        fills="softmax", cost=0.5,
    ),
    Panel(
        "Table", "table",
        {"cost": Figure("What a function costs"), "table": Figure("Properties of the functions")},
        fills="table", cost=2.1,
    ),
)  # fmt: skip
