"""Every knob of the page "Activation functions"."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from dlviz import contract
from dlviz.contract import Panel, also_shown, knob, log_ticks, on_panel
from dlviz.engine.signals.activations import ACTIVATIONS, Parameter

from .panels import PANELS

Elementwise = Literal[
    "Sigmoid", "Tanh", "ReLU", "Leaky ReLU", "PReLU", "ELU", "SELU", "GELU", "Swish", "Softplus"
]  # fmt: skip
FunctionName = Literal[
    "Sigmoid", "Tanh", "ReLU", "Leaky ReLU", "PReLU", "ELU", "SELU", "GELU", "Swish", "Softplus", "Maxout"
]  # fmt: skip

BY_DEPTH = ("Gradient by depth", "Saturation by depth")
RACING = ("ReLU", "Leaky ReLU", "ELU", "Maxout")
"""Functions whose dead units are counted during training: ReLU, and what is compared with it."""


def uses(name: str) -> Any:
    """Show the parameter of a function only where something on the page depends on it."""

    def used(values: Any) -> bool:
        found = {values.function}
        found |= set(values.compared) if set(BY_DEPTH) & set(values.panels) else set()
        found |= set(RACING) if "Dying ReLU" in values.panels else set()
        found |= {"PReLU"} if "Learned slope" in values.panels else set()
        return name in found or "Table" in values.panels

    return used


def _free(function: str) -> Parameter:
    parameter = ACTIVATIONS[function].parameter
    if parameter is None:
        raise ValueError(f"{function} has no parameter")
    return parameter


def _parameter(function: str, slug: str, ticks: tuple[float, ...]) -> Any:
    parameter = _free(function)
    return knob(
        parameter.default, f"{slug} {parameter.symbol}", ge=parameter.low, le=parameter.high, ticks=ticks,
        group="Function", when=uses(function), said=f"{slug} {parameter.symbol} = {{}}",
    )  # fmt: skip


class Settings(contract.Settings):
    """The function with its parameters, what arrives at it, and what each panel needs."""

    PANELS: ClassVar[tuple[Panel, ...]] = PANELS

    panels: tuple[str, ...] = also_shown(("Gradient by depth",))

    function: FunctionName = knob("Sigmoid", "Activation function", said="{}", group="Function", widget="select")
    mean: float = knob(
        0.0, "Mean μ",
        said="μ = {}", ge=-5, le=5, step=0.1, group="Pre-activations", help="Of the Gaussian pre-activations z."
    )  # fmt: skip
    std: float = knob(
        2.0, "Standard deviation σ", said="σ = {}", ge=0.1, le=10, group="Pre-activations",
        ticks=(0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0),
    )  # fmt: skip
    epsilon: float = knob(
        0.05, "Saturated below |f′| = ε", said="ε = {}", ge=1e-4, le=0.5, group="Pre-activations",
        ticks=(1e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
        help="A neuron counts as saturated where its slope is smaller than this.",
    )  # fmt: skip

    compared: tuple[Elementwise, ...] = knob(
        ("Sigmoid", "Tanh", "ReLU"), "Functions in the deep network",
        said="{}", group="Deep network", when=on_panel(*BY_DEPTH)
    )  # fmt: skip
    depth: int = knob(
        20, "Depth", said="{} layers", ge=2, le=50, step=1, group="Deep network", when=on_panel(*BY_DEPTH)
    )
    width: int = knob(
        100, "Width",
        said="{} units a layer", ge=10, le=512, gpu_le=4096, group="Deep network", when=on_panel(*BY_DEPTH),
        ticks=(10, 20, 50, 100, 200, 300, 512, 1024, 2048, 4096),
    )  # fmt: skip
    weight_scale: float = knob(
        1.0, r"Weight scale $\sigma_w$", said="weight scale {}", ge=0.05, le=10, group="Deep network",
        when=on_panel(*BY_DEPTH),
        ticks=(0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.2, 1.4142, 1.7, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0),
        help=r"Weights are Gaussian with standard deviation $\sigma_w$/√(inputs of the neuron); biases are zero.",
    )  # fmt: skip

    dying_rate: float = knob(
        0.7, "Learning rate",
        said="η = {}", ge=1e-4, le=100, group="Dying ReLU", when=on_panel("Dying ReLU"), ticks=log_ticks(-4, 2)
    )  # fmt: skip
    dying_bias: float = knob(
        1.0, "Initial bias",
        said="initial bias {}", ge=-5, le=5, step=0.5, group="Dying ReLU", when=on_panel("Dying ReLU"),
        help="Of every hidden unit.",
    )  # fmt: skip

    learned_rate: float = knob(
        0.1, "Learning rate of the PReLU network",
        said="η = {}", ge=1e-4, le=10, group="Learned slope", ticks=log_ticks(-4, 1),
        when=on_panel("Learned slope"),
    )  # fmt: skip

    temperature: float = knob(
        1.0, "Temperature T",
        said="T = {}", ge=0.01, le=100, group="Softmax", when=on_panel("Softmax"), ticks=log_ticks(-2, 2),
        help="The logits are divided by it: scale s = 1/T.",
    )  # fmt: skip

    leaky_slope: float = _parameter("Leaky ReLU", "Leaky ReLU", (0.0, 0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0))
    prelu_slope: float = _parameter(
        "PReLU", "PReLU", (-1.0, -0.5, -0.25, -0.1, 0.0, 0.01, 0.05, 0.1, 0.2, 0.25, 0.3, 0.5, 0.7, 1.0)
    )
    elu_alpha: float = _parameter("ELU", "ELU", (0.1, 0.2, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0))
    swish_beta: float = _parameter(
        "Swish", "Swish", (0.0, 0.1, 0.2, 0.5, 0.7, 1.0, 1.5, 1.702, 2.0, 5.0, 10.0, 20.0, 50.0)
    )
    softplus_beta: float = _parameter("Softplus", "Softplus", (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0))
    maxout_pieces: int = knob(
        3, "Maxout pieces k", said="k = {}", ge=1, le=8, step=1, group="Function", when=uses("Maxout"),
        help="In the picture, k lines w z + b with w and b drawn from N(0, 1) by the seed.",
    )  # fmt: skip

    seed: int = knob(0, "Seed", said="seed {}", ge=0, le=999, step=1, group="Pre-activations")

    def coarse(self) -> Settings:
        """Without the panels that train."""
        return self.less(without=("Dying ReLU", "Learned slope"))

    def parameter(self, function: str) -> float | None:
        """The free number of an elementwise function, None if it has none."""
        slugs = {
            "Leaky ReLU": "leaky_slope", "PReLU": "prelu_slope", "ELU": "elu_alpha",
            "Swish": "swish_beta", "Softplus": "softplus_beta",
        }  # fmt: skip
        return getattr(self, slugs[function]) if function in slugs else None

    def deep(self) -> tuple[str, ...]:
        """The functions of the deep networks: the chosen ones, and the one above where it is elementwise."""
        wanted = {*self.compared, self.function}
        return tuple(name for name in self.options("compared") if name in wanted)


def titled(function: str, settings: Settings) -> str:
    """A function with its parameter: ``"Swish (β = 10)"``; nothing is translated in it."""
    value = settings.parameter(function)
    if function == "Maxout":
        return f"Maxout (k = {settings.maxout_pieces})"
    return function if value is None else f"{function} ({_free(function).symbol} = {value:g})"
