"""Every knob of the page "Normalization"."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from dlviz import contract
from dlviz.contract import also_shown, knob, on_panel

from .panels import PANELS

Kind = Literal["Feature maps", "MLP", "Sequence"]
NormName = Literal["None", "BatchNorm", "LayerNorm", "InstanceNorm", "GroupNorm", "RMSNorm", "Switchable"]
DepthNorm = Literal["None", "BatchNorm", "LayerNorm", "GroupNorm", "RMSNorm"]


def of(kind: str) -> Any:
    """Show a knob only for one kind of tensor."""
    return lambda values: values.kind == kind


def positions(values: Any) -> int:
    """P: how many positions each channel has."""
    return {"Feature maps": values.side**2, "MLP": 1, "Sequence": values.length}[values.kind]


class Settings(contract.Settings):
    """The tensor, the cell that is looked at, and what each panel needs."""

    PANELS: ClassVar[tuple[contract.Panel, ...]] = PANELS

    panels: tuple[str, ...] = also_shown(("One cell",))

    kind: Kind = knob("Feature maps", "Tensor", said="{}", group="Tensor", words=True)
    source: Literal["Digits", "Photographs"] = knob(
        "Digits", "Images", said="{}", group="Tensor", words=True, when=of("Feature maps")
    )
    examples: int = knob(4, "Examples N", said="N = {}", ge=1, le=6, group="Tensor")
    channels: int = knob(6, "Channels or features C", said="C = {}", ge=1, le=8, group="Tensor")
    side: int = knob(
        3, "Height and width of a map", said="H = W = {}", ge=1, le=4, group="Tensor", when=of("Feature maps")
    )
    length: int = knob(
        5, "Length of the longest sequence T", said="T = {}", ge=2, le=8, group="Tensor", when=of("Sequence")
    )
    groups: int = knob(
        2, "Groups G", said="G = {}", ge=1, le=8, group="Tensor",
        help="Of GroupNorm. G must divide C: the greatest divisor of C not above this is taken.",
    )  # fmt: skip
    norms: tuple[NormName, ...] = knob(
        ("BatchNorm", "LayerNorm", "InstanceNorm", "GroupNorm"), "Norms", said="{}", group="Tensor", widget="pills"
    )

    example: int | None = knob(
        None, "Cell: example n", group="Cell", step=1, when=lambda values: values.examples > 1,
        span=lambda values: (0, values.examples - 1, (values.examples - 1) // 2),
    )  # fmt: skip
    channel: int | None = knob(
        None, "Cell: channel c", group="Cell", step=1, when=lambda values: values.channels > 1,
        span=lambda values: (0, values.channels - 1, (values.channels - 1) // 2),
    )  # fmt: skip
    position: int | None = knob(
        None, "Cell: position p", group="Cell", step=1, when=lambda values: positions(values) > 1,
        span=lambda values: (0, positions(values) - 1, 0),
    )  # fmt: skip
    gamma: float = knob(1.0, "Scale γ", said="γ = {}", ge=-3, le=3, step=0.1, group="Cell")
    beta: float = knob(0.0, "Shift β", said="β = {}", ge=-3, le=3, step=0.1, group="Cell")
    seed: int = knob(0, "Seed", said="seed {}", ge=0, le=999, step=1, group="Cell")

    activation: Literal["ReLU", "Tanh", "Sigmoid"] = knob(
        "ReLU", "Activation", said="{}", group="Steps", when=on_panel("Steps")
    )
    step_batch: int = knob(
        256, "Examples in the batch",
        said="batches of {}", ge=2, le=1024, ticks=(2, 4, 8, 16, 32, 64, 128, 256, 512, 1024), group="Steps",
        when=on_panel("Steps"),
    )  # fmt: skip

    batches: int = knob(
        2000, "Batches drawn",
        said="{} batches", ge=100, le=10_000, ticks=(100, 200, 500, 1000, 2000, 5000, 10_000), group="Batch size",
        when=on_panel("Batch size"),
    )  # fmt: skip

    trained: tuple[NormName, ...] = knob(
        ("None", "BatchNorm", "LayerNorm", "GroupNorm"), "Networks", said="{}", group="Training", widget="pills",
        when=on_panel("Training"),
    )  # fmt: skip
    last_side: Literal["1", "2", "4"] = knob(
        "1", "Side of the last feature map", group="Training", when=on_panel("Training"),
        help="BatchNorm's statistics there are over N·H·W values a channel.",
    )  # fmt: skip
    epochs: int = knob(2, "Epochs", said="{} epochs", ge=1, le=10, step=1, group="Training", when=on_panel("Training"))
    training_seeds: int = knob(
        3, "Seeds of the training", said="{} seeds", ge=1, le=10, step=1, group="Training", when=on_panel("Training")
    )
    rate: float = knob(
        0.05, "Learning rate at a batch of 32",
        said="η = {} at a batch of 32", ge=1e-4, le=1, group="Training", when=on_panel("Training"),
        ticks=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
        help="It is proportional to the batch size, as in Wu and He (2018).",
    )  # fmt: skip

    deep: tuple[DepthNorm, ...] = knob(
        ("None", "BatchNorm", "LayerNorm"), "Networks", said="{}", group="Depth", widget="pills", when=on_panel("Depth")
    )
    depth: int = knob(30, "Layers", said="{} layers", ge=2, le=60, step=1, group="Depth", when=on_panel("Depth"))
    gain: float = knob(
        0.8, "Weights, in units of He's",
        said="weights of {} times He's", ge=0.1, le=2, step=0.05, group="Depth", when=on_panel("Depth"),
        help="Standard deviation of the weights over √(2/inputs).",
    )  # fmt: skip
    deep_activation: Literal["ReLU", "Tanh", "Linear"] = knob(
        "ReLU", "Activation", said="{}", group="Depth", when=on_panel("Depth")
    )

    content: Literal["China", "Flower"] = knob(
        "China", "Photograph", said="{}", group="Style", words=True, when=on_panel("Style")
    )
    contrast: float = knob(
        0.4, "Contrast of the copy", said="contrast {}", ge=0.05, le=2, step=0.05, group="Style", when=on_panel("Style")
    )
    brightness: float = knob(
        0.3, "Brightness added to the copy",
        said="brightness {}", ge=-0.5, le=0.5, step=0.05, group="Style", when=on_panel("Style")
    )  # fmt: skip
    strength: float = knob(
        1.0, "Share of the other's style α", said="α = {}", ge=0, le=1, step=0.05, group="Style", when=on_panel("Style")
    )

    def coarse(self) -> Settings:
        """Without the panel that trains for seconds."""
        return self.less(without=("Training",))

    def divisor(self) -> int:
        """G as used: the greatest divisor of C that is not above the one that is set."""
        return max(g for g in range(1, self.groups + 1) if self.channels % g == 0)

    def cell(self) -> tuple[int, int, int]:
        """Example, channel and position of the cell that is looked at, counted from 0."""
        usual = (self.examples - 1) // 2, (self.channels - 1) // 2, 0
        given = self.example, self.channel, self.position
        return tuple(u if g is None else g for g, u in zip(given, usual, strict=True))  # type: ignore[return-value]
