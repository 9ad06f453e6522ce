"""The panels of the page "Normalization"."""

from __future__ import annotations

from typing import Any

from dlviz.contract import SWITCHED_OFF, Figure, Panel


def _no_norm(settings: Any) -> str | None:
    return None if settings.norms else "Choose at least one norm."


def _no_network(chosen: tuple[str, ...]) -> str | None:
    return None if chosen else "Choose at least one network."


PANELS = (
    Panel(
        "",
        "block",
        {"hero": Figure("Who is averaged with whom", {"example": "n", "channel": "c", "position": "p"})},
        fills="block",
        empty=_no_norm,
    ),
    Panel("One cell", "cell", {"cell": Figure("Arithmetic of one cell")}, empty=_no_norm),
    Panel("Axes", "axes", {"axes": Figure("Mean and deviation along each axis")}, empty=_no_norm),
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
        empty=lambda settings: _no_network(settings.trained),
    ),
    Panel(
        "Depth",
        "depth",
        {"depth": Figure("Gradient norm through depth")},
        fills="depth",
        cost=2.0,
        empty=lambda settings: _no_network(settings.deep),
    ),
    Panel("Groups", "groups", {"groups": Figure("From LayerNorm to InstanceNorm")}, fills="groups"),
    Panel(
        "Padding",
        "padding",
        # Only sequences are padded.
        {"padding": Figure("What padding does to the real cells", when=lambda settings: settings.kind == "Sequence")},
        fills="padding",
        empty=lambda settings: None if settings.kind == "Sequence" else SWITCHED_OFF,
    ),
    Panel(
        "Style",
        "style",
        {"contrast": Figure("Contrast is an instance's statistic"), "swap": Figure("Statistics exchanged")},
        fills="style",
        cost=0.2,
    ),
)
