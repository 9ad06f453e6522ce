"""What the page "Initialization" can show. The unit of the costs is the time that the hero takes."""

from __future__ import annotations

from dlviz.contract import Figure, Panel

PANELS: tuple[Panel, ...] = (
    Panel("", "signals", {"hero": Figure("Activations, layer by layer")}, fills="signals", cost=1.0),
    Panel("Forward and backward", "forward_backward", {"forward_backward": Figure("Forward and backward")}),
    Panel(
        "Grid",
        "grid",
        {"grid": Figure("Every activation with every scheme", click={"activation": "row", "scheme": "column"})},
        fills="grid",
        cost=8.0,
    ),
    Panel("Order and chaos", "chaos", {"chaos": Figure("Order and chaos")}, fills="chaos", cost=1.0),
    Panel(
        "Singular values",
        "spectra",
        {"spectra": Figure("Singular values of the product of all layers")},
        fills="spectra",
        cost=1.0,
    ),
    Panel(
        "Symmetry",
        "symmetry",
        {
            "rank": Figure("Rank of the first layer during training"),
            "units_same": Figure("Similarity of hidden units, without noise"),
            "units_noisy": Figure("Similarity of hidden units, with noise"),
        },
        fills="symmetry",
        cost=3.0,
    ),
    Panel(
        "Training",
        "training",
        {
            "train_loss": Figure("Test loss during training"),
            "train_accuracy": Figure("Test accuracy during training"),
        },
        fills="training",
        cost=12.0,
    ),
)
