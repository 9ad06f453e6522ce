"""Every knob of the page "Initialization"."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import field_validator

from dlviz import contract
from dlviz.contract import Panel, also_shown, knob, on_panel
from dlviz.engine.signals.activations import ACTIVATIONS
from dlviz.engine.signals.initializers import INITIALIZERS, Free

from .panels import PANELS

SchemeName = Literal[
    "Zeros", "Constant", "Normal", "Uniform", "Xavier normal", "Xavier uniform", "He normal", "He uniform",
    "LeCun normal", "Variance scaling", "Orthogonal",
]  # fmt: skip
ActivationName = Literal[
    "Linear", "Sigmoid", "Tanh", "ReLU", "Leaky ReLU", "PReLU", "ELU", "SELU", "GELU", "Swish", "Softplus",
]  # fmt: skip
DataName = Literal["Digits, standardised", "Digits, raw", "Gaussian"]

SIZES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0)
WIDTHS = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
CLASSES = 10
WIDEST = 256  # units a layer of the grid and of the products at most


def uses(*names: str) -> Any:
    """Show a knob while one of these schemes is chosen, or the panels that show all of them are open."""
    return lambda values: values.scheme in names or bool({"Grid", "Training"} & set(values.panels))


def _parameter_span(values: Any) -> tuple[float, float, float]:
    given = ACTIVATIONS[values.activation].parameter
    return (given.low, given.high, given.default) if given else (0.0, 1.0, 0.0)


class Settings(contract.Settings):
    """A random network, what goes in, and which panels look at it."""

    PANELS: ClassVar[tuple[Panel, ...]] = PANELS
    panels: tuple[str, ...] = also_shown(("Forward and backward",))

    scheme: SchemeName = knob("Normal", "Scheme", said="{}", group="Initialization", widget="select", words=True)
    std: float = knob(
        0.07, "Standard deviation",
        said="standard deviation {}", ge=1e-6, le=10, ticks=SIZES, group="Initialization", when=uses("Normal")
    )  # fmt: skip
    bound: float = knob(
        0.1, "Bound a of the uniform distribution", said="a = {}", ge=1e-6, le=10, ticks=SIZES, group="Initialization",
        when=uses("Uniform"),
    )  # fmt: skip
    constant: float = knob(
        0.01, "Constant c", said="c = {}", ge=1e-6, le=10, ticks=SIZES, group="Initialization", when=uses("Constant")
    )
    mode: Literal["fan-in", "fan-out"] = knob(
        "fan-in", "He: n counts", group="Initialization", when=uses("He normal", "He uniform"),
        help="Fan-in keeps the size of activations, fan-out that of gradients; they differ where the width changes.",
    )  # fmt: skip
    scale: float = knob(
        1.0, "Scale s of the variance",
        said="s = {}", ge=0.01, le=10, group="Initialization", when=uses("Variance scaling"),
        ticks=(0.1, 0.2, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 4.0, 5.0, 10.0),
    )  # fmt: skip
    average: Literal["fan-in", "fan-out", "fan average"] = knob(
        "fan-in", "Variance scaling: n counts", group="Initialization", when=uses("Variance scaling")
    )
    gain: float = knob(
        1.0, "Gain g", said="g = {}", ge=0.1, le=10, group="Initialization", when=uses("Orthogonal"),
        ticks=(0.5, 0.7, 0.9, 1.0, 1.1, 1.2, 1.414, 1.7, 2.0, 3.0, 5.0),
    )  # fmt: skip
    sigma_b: float = knob(
        0.0, r"Standard deviation of the biases $\sigma_b$", ge=0, le=5, group="Initialization",
        ticks=(0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0),
    )  # fmt: skip

    activation: ActivationName = knob("Tanh", "Activation", said="{}", group="Network", widget="select", words=True)
    parameter: float | None = knob(
        None, "Parameter of the activation", group="Network", span=_parameter_span,
        when=lambda values: ACTIVATIONS[values.activation].parameter is not None,
        help="α of Leaky ReLU and ELU, a of PReLU, β of Swish and Softplus.",
    )  # fmt: skip
    depth: int = knob(
        20, "Layers", said="{} layers", ge=1, le=100, ticks=(1, 2, 5, 10, 20, 30, 40, 50, 70, 100), group="Network"
    )
    width: int = knob(
        128, "Units per layer", said="{} units a layer", ge=8, le=1024, gpu_le=4096, ticks=WIDTHS, group="Network"
    )

    data: DataName = knob(
        "Digits, standardised", "Data", said="{}", group="Data and seeds", widget="select", words=True
    )
    samples: int = knob(
        50, "Inputs", said="{} inputs", ge=10, le=500, ticks=(10, 20, 50, 100, 200, 500), group="Data and seeds"
    )
    repeats: int = knob(
        3, "Draws of the weights", said="{} draws", ge=1, le=30, ticks=(1, 2, 3, 5, 10, 20, 30), group="Data and seeds",
        help="Independent draws: lines show their median, bands reach from the least to the greatest.",
    )  # fmt: skip
    seed: int = knob(0, "Seed", said="seed {}", ge=0, le=999, step=1, group="Data and seeds")

    density: Literal["Linear", "Logarithmic"] = knob(
        "Linear", "Density of the hero", said="", group="Figures", words=True
    )

    grid_shows: Literal["Activations", "Gradients"] = knob(
        "Activations", "The grid shows", said="", group="Grid", words=True, when=on_panel("Grid")
    )
    product_gain: float = knob(
        1.0, "Scale of the multiplied matrices", said="scale {}", ge=0.5, le=2, step=0.05, group="Singular values",
        when=on_panel("Singular values"),
        help="Gaussian entries have the variance g²/n, orthogonal matrices are multiplied by g.",
    )  # fmt: skip
    symmetry_constant: float = knob(
        0.05, "Every weight starts at",
        said="weights start at {}", ge=1e-3, le=1, group="Symmetry", when=on_panel("Symmetry"),
        ticks=(0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
    )  # fmt: skip
    symmetry_noise: float = knob(
        0.001, "Noise added to the weights",
        said="noise {}", ge=1e-8, le=0.1, group="Symmetry", when=on_panel("Symmetry"),
        ticks=(1e-8, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1),
    )  # fmt: skip
    symmetry_steps: int = knob(
        400, "Steps of training", said="{} steps", ge=10, le=1000, ticks=(50, 100, 200, 400, 1000), group="Symmetry",
        when=on_panel("Symmetry"),
    )  # fmt: skip
    train_depth: int = knob(
        10, "Hidden layers that are trained",
        said="{} hidden layers", ge=1, le=30, ticks=(1, 2, 3, 5, 10, 20, 30), group="Training",
        when=on_panel("Training"),
    )  # fmt: skip
    train_rate: float = knob(
        0.1, "Learning rate", said="η = {}", ge=1e-4, le=10, group="Training", when=on_panel("Training"),
        ticks=(0.001, 0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
    )  # fmt: skip
    train_steps: int = knob(
        150, "Steps of SGD",
        said="{} steps", ge=10, le=1000, ticks=(50, 100, 150, 200, 300, 500, 1000), group="Training",
        when=on_panel("Training"),
    )  # fmt: skip

    @field_validator("samples")
    @classmethod
    def _every_class_alike(cls, value: int) -> int:
        return value // CLASSES * CLASSES

    def coarse(self) -> Settings:
        """Few networks, and without the panel that trains for seconds."""
        return self.less(without=("Training",), repeats=2)

    def own_parameter(self) -> float | None:
        """The activation's parameter; None for its default, and where it has none."""
        return self.parameter if ACTIVATIONS[self.activation].parameter is not None else None

    def free(self) -> Free:
        """The numbers that some schemes leave free."""
        return Free(self.std, self.bound, self.constant, self.mode, self.scale, self.average, self.gain)

    def rms(self, fan_in: int, fan_out: int) -> float:
        """Root mean square of a weight under the chosen scheme."""
        return INITIALIZERS[self.scheme].rms(fan_in, fan_out, self.free())
