"""The panels of the page "Normalization"."""

from __future__ import annotations

from dlviz.contract import Empty, Figure, Panel

NO_NORM = Empty("Choose at least one norm.", lambda settings: not settings.norms)
NO_NETWORK = "Choose at least one network."

PANELS = (
    Panel(
        "",
        "block",
        {"hero": Figure("Who is averaged with whom", {"example": "n", "channel": "c", "position": "p"})},
        fills="block",
        empty=NO_NORM,
    ),
    Panel("One cell", "cell", {"cell": Figure("Arithmetic of one cell")}, empty=NO_NORM),
    Panel("Axes", "axes", {"axes": Figure("Mean and deviation along each axis")}, empty=NO_NORM),
    Panel("Steps", "steps", {"steps": Figure("BatchNorm step by step")}, fills="steps"),
    Panel(
        "Batch size",
        "batches",
        {
            "spread": Figure("How a batch's statistics scatter"),
            "gap": Figure("Training mode against evaluation mode"),
        },
        fills="batches",
        cost=1.0,
    ),
    Panel(
        "Training",
        "training",
        {
            "error": Figure("Test error against batch size"),
            "mixing": Figure("What Switchable learned", when=lambda settings: "Switchable" in settings.trained),
        },
        fills="training",
        cost=12.0,
        empty=Empty(NO_NETWORK, lambda settings: not settings.trained),
    ),
    Panel(
        "Depth",
        "depth",
        {"depth": Figure("Gradient norm through depth")},
        fills="depth",
        cost=2.0,
        empty=Empty(NO_NETWORK, lambda settings: not settings.deep),
    ),
    Panel("Groups", "groups", {"groups": Figure("From LayerNorm to InstanceNorm")}, fills="groups"),
    Panel(
        "Padding",
        "padding",
        {"padding": Figure("What padding does to the real cells", when=lambda settings: settings.kind == "Sequence")},
        fills="padding",
        empty=Empty("Only sequences are padded.", lambda settings: settings.kind != "Sequence"),
    ),
    Panel(
        "Style",
        "style",
        {"contrast": Figure("Contrast is an instance's statistic"), "swap": Figure("Statistics exchanged")},
        fills="style",
        cost=0.2,
    ),
)
