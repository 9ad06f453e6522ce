"""Every knob of the page "What should stay frozen?"."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlviz import contract
from dlviz.contract import Panel, also_shown, knob, log_ticks, on_panel

from .panels import PANELS

Source = Literal["Clean", "Clean 0-4", "Shifted", "Shifted 0-4", "Shuffled labels", "No source"]
Target = Literal["Noisy", "Inverted", "Rotated", "Clean 5-9", "Shifted", "Shifted noisy", "Shifted 5-9"]
Labels = Literal["1", "2", "5", "10", "50", "all"]

RUNS = ("Curves", "Holding on", "What moved", "Gradual unfreezing")
"""The panels that look at one number of labels and one number of frozen layers."""


class Settings(contract.Settings):
    """Source and target, the network, how it is trained, and what each panel needs."""

    PANELS: ClassVar[tuple[Panel, ...]] = PANELS

    panels: tuple[str, ...] = also_shown(("Network",))

    source: Source = knob("Shifted", "Source task", said="source: {}", group="Task", words=True)
    target: Target = knob("Shifted noisy", "Target task", said="target: {}", group="Task", words=True)
    noise: float = knob(
        0.2, "Standard deviation of the noise", said="noise {}", ge=0, le=1, step=0.05, group="Task",
        when=lambda values: "oisy" in values.target,
    )  # fmt: skip
    labels: tuple[Labels, ...] = knob(
        ("1", "5", "all"), "Labels a class", said="labels per class: {}", group="Task", widget="pills", words=True
    )

    network: Literal["MLP", "CNN"] = knob("MLP", "Network", said="{}", group="Network")
    layers: int = knob(
        5, "Layers", said="{} layers", ge=4, le=8, step=1, group="Network", help="The last one is the head. It is new."
    )
    frozen: int | None = knob(
        None, "Frozen layers",
        said="{} frozen", group="Network", step=1, span=lambda values: (0, values.layers - 1, values.layers // 2)
    )  # fmt: skip

    steps: int = knob(
        100, "Steps on the target",
        said="{} steps", ge=10, le=400, ticks=(10, 20, 50, 100, 150, 200, 300, 400), group="Training"
    )  # fmt: skip
    rate: float = knob(
        0.003, "Learning rate (Adam)",
        said="Adam, η = {}", ge=1e-5, le=0.1, ticks=log_ticks(-5, -1, (1, 2, 3, 5)), group="Training"
    )  # fmt: skip
    source_steps: int = knob(
        300, "Steps on the source",
        said="{} steps on the source", ge=10, le=1000, ticks=(10, 20, 50, 100, 200, 300, 500, 1000), group="Training"
    )  # fmt: skip
    seeds: int = knob(8, "Seeds", said="{} seeds", ge=1, le=16, step=1, group="Training")
    seed: int = knob(0, "Seed", said="seed {}", ge=0, le=999, step=1, group="Training")

    amount: Labels = knob(
        "5",
        "Labels a class in the panels",
        said="labels per class in the panel: {}",
        group="One run",
        words=True,
        when=on_panel(*RUNS),
    )
    decay: float = knob(
        0.5, "Factor γ per layer of layer-wise rates", said="γ = {}", ge=0, le=1, step=0.05, group="Holding on",
        when=on_panel("Holding on"),
    )  # fmt: skip
    l2sp: float = knob(
        0.1, "Strength α of L2-SP",
        said="α = {}", ge=0, le=100, ticks=(0.0, *log_ticks(-4, 2, (1, 2, 5))), group="Holding on",
        when=on_panel("Holding on"),
    )  # fmt: skip
    distillation: float = knob(
        1.0, "Strength λ of the distillation", said="λ = {}", ge=0, le=100, ticks=(0.0, *log_ticks(-3, 2, (1, 2, 5))),
        group="Holding on", when=on_panel("Holding on"),
    )  # fmt: skip
    looked_at: int | None = knob(
        None, "Layer whose features are drawn", group="What moved", step=1, when=on_panel("What moved"),
        span=lambda values: (1, values.layers - 1, values.layers - 1),
    )  # fmt: skip
    every: int = knob(
        10, "Steps between two unfreezings",
        said="one more layer every {} steps", ge=1, le=100, ticks=(1, 2, 5, 10, 20, 50, 100),
        group="Gradual unfreezing", when=on_panel("Gradual unfreezing"),
    )  # fmt: skip

    def coarse(self) -> Settings:
        """One seed, one number of labels, fewer steps, without the panels that train for seconds even so.

        Not fewer than these: a source that has seen less is worth less to the target, and the picture another one.
        """
        labels = (self.amount,) if self.amount in self.labels else self.labels[:1]
        less = self.less(without=("Gain by labels", "Transfer map"), seeds=1, source_steps=200, steps=50)
        return less.model_copy(update={"labels": labels})

    @property
    def frozen_layers(self) -> int:
        """The number of frozen layers, the usual one where none is set."""
        return self.layers // 2 if self.frozen is None else self.frozen

    @property
    def feature_layer(self) -> int:
        """The layer whose features are drawn, counted from 1."""
        return self.layers - 1 if self.looked_at is None else self.looked_at
