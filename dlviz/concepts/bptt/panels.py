"""The panels of the page "How far back does a gradient reach?"."""

from __future__ import annotations

from dlviz.contract import Empty, Figure, Panel

NO_CELLS = Empty("Choose at least one cell.", lambda settings: not settings.cells)

PANELS = (
    Panel(
        "",
        "reach",
        {"hero": Figure("How far the gradient reaches")},
        fills="reach",
        cost=1.0,
        empty=NO_CELLS,
    ),
    Panel("All pairs", "pairs", {"pairs": Figure("From every step to every other")}, fills="pairs", cost=1.5),
    Panel(
        "Step Jacobian",
        "steps",
        {"jacobian": Figure("Singular values of one step"), "powers": Figure("Norm against radius: powers of W")},
        fills="steps",
        cost=3.0,
    ),
    Panel(
        "Weight gradient",
        "weight",
        {
            "contributions": Figure("Where the weight gradient comes from"),
            "truncation": Figure("What truncation leaves out"),
            "angle": Figure("How truncation turns the gradient"),
        },
        fills="weight",
        cost=0.5,
    ),
    Panel(
        "Gates",
        "gates",
        {"gates": Figure("Gates over a sequence"), "highway": Figure("The highway through the gates")},
        fills="gates",
        cost=0.5,
        empty=Empty(
            "A vanilla RNN has no gates. Look at an LSTM or a GRU.",
            lambda settings: settings.cell not in ("LSTM", "GRU"),
        ),
    ),
    Panel(
        "Exploding",
        "exploding",
        {
            "losses": Figure("One run, five treatments"),
            "norms": Figure("Norm of the gradient by step"),
            "turned": Figure("How clipping turns the gradient"),
        },
        fills="exploding",
        cost=25.0,
        empty=Empty(
            "Noise has no answer to learn. Choose another sequence.", lambda settings: settings.data == "Noise"
        ),
    ),
    Panel(
        "Remembering",
        "remembering",
        {"remembering": Figure("Does it remember?")},
        fills="remembering",
        cost=60.0,
        empty=NO_CELLS,
    ),
    Panel("Sequence tasks", "tasks", {"tasks": Figure("Shapes of sequence tasks")}, fills="tasks", cost=0.2),
)
