"""Every knob of the page "Loss surfaces and optimizers"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import TypeAdapter, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from dlviz import contract, hardware
from dlviz.contract import Panel, also_shown, knob, log_ticks, on_panel
from dlviz.engine.surfaces import expressions
from dlviz.engine.surfaces.table import CUSTOM_EXPRESSION, DOMAINS, SAMPLES, STARTS

from .panels import PANELS

SurfaceName = Literal[
    "Ravine", "Quadratic", "Rosenbrock", "Himmelblau", "Beale", "Styblinski-Tang", "Rastrigin", "Ackley",
    "Six-hump camel", "Saddle", "Monkey saddle", "Plateau and cliff",
    "Diabetes raw", "Diabetes standardised", "Breast cancer", "Digits network", "Custom",
]  # fmt: skip
OptimizerName = Literal[
    "GD", "SGD", "Momentum", "Averaged momentum", "Nesterov", "AdaGrad", "RMSprop", "AdaDelta",
    "Adam", "AdamW", "NAdam", "Lion",
]  # fmt: skip

RATES = log_ticks(-5, 2, (1, 1.2, 1.5, 1.8, 2, 2.2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9))
EPSILONS = (1e-16, 1e-12, 1e-10, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
BETAS = (
    0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.92, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999, 0.9999,
)  # fmt: skip
NOISES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)

SWITCHES = {
    "inside": "Inside the rule",
    "sensitivity": "Learning-rate sensitivity",
    "basins": "Basins of attraction",
}
"""What were settings of their own, true or false, in old links and files: the panels that they are today."""
BOOLEAN: TypeAdapter[bool] = TypeAdapter(bool)


def slug(optimizer: str) -> str:
    """The prefix of an optimizer's settings: ``"Averaged momentum" -> "averaged_momentum"``."""
    return optimizer.lower().replace(" ", "_")


def on(*surfaces: str) -> Any:
    """Show a knob only on these surfaces."""
    return lambda values: values.surface in surfaces


def races(*optimizers: str) -> Any:
    """Show a knob only while one of these optimizers races or draws the basins."""

    def runs(values: Any) -> bool:
        mapped = [values.basin_optimizer] if "Basins of attraction" in values.panels else []
        return bool(set(optimizers) & {*values.optimizers, *mapped})

    return runs


def samples(values: Any) -> int | None:
    """How many examples the surface's data set holds; None on a test function."""
    return SAMPLES.get(values.surface)


def noisy(values: Any) -> bool:
    """Whether some racing optimizer may see a stochastic gradient."""
    return "SGD" in values.optimizers or (values.stochastic_all and set(values.optimizers) != {"GD"})


# Least, greatest and usual starts per side of a basin map, and the greatest where a GPU is: a gradient over 500
# images costs some 10,000 times one of a formula.
BASIN_SIDES = {"formula": (16, 256, 128, 1024), "regression": (16, 64, 32, 256), "network": (16, 32, 16, 128)}


def _basin_cost(values: Any) -> str:
    return {"Breast cancer": "regression", "Digits network": "network"}.get(values.surface, "formula")


def _basin_span(values: Any) -> tuple[int, int, int]:
    least, greatest, usual, on_gpu = BASIN_SIDES[_basin_cost(values)]
    return least, on_gpu if hardware.accelerated() else greatest, usual


def _rate(optimizer: str) -> Any:
    return knob(
        0.1, optimizer + " learning rate", ge=1e-8, le=1e3, ticks=RATES, group="Hyperparameters",
        when=lambda values: values.own_rates and not values.tuned and races(optimizer)(values),
    )  # fmt: skip


def _beta(optimizer: str, default: float, label: str) -> Any:
    return knob(
        default, f"{optimizer} {label}", ge=0, le=0.9999, ticks=BETAS, group="Hyperparameters", when=races(optimizer),
        said="β = {}" if optimizer == "Momentum" else None,
    )  # fmt: skip


def _epsilon(optimizer: str, default: float = 1e-8) -> Any:
    return knob(
        default, f"{optimizer} ε", ge=1e-30, le=1.0, ticks=EPSILONS, group="Hyperparameters", when=races(optimizer)
    )


def _start(axis: int) -> Any:
    def span(values: Any) -> tuple[float, float, float]:
        domain = DOMAINS[values.surface]
        return domain[2 * axis], domain[2 * axis + 1], STARTS[values.surface][axis]

    return knob(None, ("Start, first coordinate", "Start, second coordinate")[axis], group="Start and steps", span=span)


class Settings(contract.Settings):
    """Surface, start, racing optimizers with their hyperparameters, gradient noise, and what is drawn."""

    PANELS: ClassVar[tuple[Panel, ...]] = PANELS
    panels: tuple[str, ...] = also_shown(())

    surface: SurfaceName = knob("Ravine", "Surface", said="{}", group="Surface", widget="select", words=True)
    condition: float = knob(
        10.0, "Condition number", said="κ = {}", ge=1, le=1e4, group="Surface", when=on("Quadratic"),
        ticks=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000),
        help="Largest over smallest eigenvalue of the Hessian.",
    )  # fmt: skip
    rotation: float = knob(
        30.0, "Rotation in degrees", said="rotated by {}°", ge=0, le=90, step=5, group="Surface", when=on("Quadratic")
    )
    expression: str = knob(
        CUSTOM_EXPRESSION, "Your own f(x, y)",
        said="f(x, y) = {}", max_length=200, group="Surface", widget="formula", when=on("Custom"),
        help="Numbers, x, y, pi, e, `+ - * / ^` and sin, cos, tan, sinh, cosh, tanh, exp, log, sqrt, abs.",
    )  # fmt: skip
    surface_3d: bool = knob(False, "Rotatable 3-D view", said="", group="Surface")

    optimizers: tuple[OptimizerName, ...] = knob(
        ("GD", "Momentum", "RMSprop", "Adam"), "Optimizers", said="{}", group="Optimizers", widget="pills"
    )
    tuned: bool = knob(
        False, "Tune each learning rate", said="each learning rate tuned", group="Optimizers",
        help="Each optimizer gets the rate with the lowest final loss on a logarithmic grid from this start.",
    )  # fmt: skip
    own_rates: bool = knob(
        False, "Set each learning rate", said="", group="Optimizers", when=lambda values: not values.tuned
    )
    learning_rate: float = knob(
        0.06, "Learning rate", said="η = {}", ge=1e-8, le=1e3, ticks=RATES, group="Optimizers",
        when=lambda values: not values.tuned and not values.own_rates,
    )  # fmt: skip

    start_x: float | None = _start(0)
    start_y: float | None = _start(1)
    steps: int = knob(
        100, "Steps",
        said="{} steps", ge=1, le=1000, ticks=(10, 20, 50, 100, 150, 200, 300, 500, 1000), group="Start and steps"
    )  # fmt: skip

    per_evaluation: bool = knob(
        False, "Loss against gradient evaluations", said="", group="Figures",
        help="One evaluation is the gradient of one example; on a test function, of the function.",
    )  # fmt: skip

    inside_optimizer: OptimizerName = knob(
        "Adam", "Rule to look inside",
        said="inside {}", group="Inside the rule", widget="select", when=on_panel("Inside the rule")
    )  # fmt: skip

    basin_optimizer: OptimizerName = knob(
        "Momentum", "Optimizer of the basins", said="basins of {}", group="Basins of attraction", widget="select",
        when=on_panel("Basins of attraction"),
    )  # fmt: skip
    basin_resolution: int | None = knob(
        None, "Starts per side", said="{} starts a side", group="Basins of attraction", span=_basin_span, step=16,
        when=on_panel("Basins of attraction"),
    )  # fmt: skip
    basin_steps: int = knob(
        500, "Most steps from a start",
        said="at most {} steps", ge=10, le=1000, ticks=(100, 200, 500, 1000), group="Basins of attraction",
        when=on_panel("Basins of attraction"),
    )  # fmt: skip

    gd_learning_rate: float = _rate("GD")
    sgd_learning_rate: float = _rate("SGD")
    momentum_learning_rate: float = _rate("Momentum")
    momentum_momentum: float = _beta("Momentum", 0.9, "β")
    averaged_momentum_learning_rate: float = _rate("Averaged momentum")
    averaged_momentum_momentum: float = _beta("Averaged momentum", 0.9, "β")
    nesterov_learning_rate: float = _rate("Nesterov")
    nesterov_momentum: float = _beta("Nesterov", 0.9, "β")
    adagrad_learning_rate: float = _rate("AdaGrad")
    adagrad_eps: float = _epsilon("AdaGrad", 1e-10)
    rmsprop_learning_rate: float = _rate("RMSprop")
    rmsprop_alpha: float = _beta("RMSprop", 0.99, "α")
    rmsprop_eps: float = _epsilon("RMSprop")
    adadelta_learning_rate: float = _rate("AdaDelta")
    adadelta_rho: float = _beta("AdaDelta", 0.9, "ρ")
    adadelta_eps: float = _epsilon("AdaDelta", 1e-6)
    adam_learning_rate: float = _rate("Adam")
    adam_beta1: float = _beta("Adam", 0.9, "β₁")
    adam_beta2: float = _beta("Adam", 0.999, "β₂")
    adam_eps: float = _epsilon("Adam")
    adam_bias_correction: bool = knob(True, "Adam bias correction", group="Hyperparameters", when=races("Adam"))
    adamw_learning_rate: float = _rate("AdamW")
    adamw_beta1: float = _beta("AdamW", 0.9, "β₁")
    adamw_beta2: float = _beta("AdamW", 0.999, "β₂")
    adamw_eps: float = _epsilon("AdamW")
    adamw_weight_decay: float = knob(
        0.01, "AdamW weight decay", ge=0, le=10, group="Hyperparameters", when=races("AdamW"),
        ticks=(0.0, 0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
    )  # fmt: skip
    nadam_learning_rate: float = _rate("NAdam")
    nadam_beta1: float = _beta("NAdam", 0.9, "β₁")
    nadam_beta2: float = _beta("NAdam", 0.999, "β₂")
    nadam_eps: float = _epsilon("NAdam")
    nadam_momentum_decay: float = knob(
        0.004, "NAdam momentum decay ψ", ge=0, le=1, group="Hyperparameters", when=races("NAdam"),
        ticks=(0.0, 0.001, 0.004, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0),
    )  # fmt: skip
    lion_learning_rate: float = _rate("Lion")
    lion_beta1: float = _beta("Lion", 0.9, "β₁")
    lion_beta2: float = _beta("Lion", 0.99, "β₂")
    lion_weight_decay: float = knob(
        0.0, "Lion weight decay", ge=0, le=10, group="Hyperparameters", when=races("Lion"),
        ticks=(0.0, 0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
    )  # fmt: skip

    stochastic_all: bool = knob(
        False, "All but GD see stochastic gradients", group="Stochastic gradients",
        when=lambda values: bool(set(values.optimizers) - {"GD", "SGD"}),
    )  # fmt: skip
    noise: float = knob(
        0.0, "Gradient noise σ", said="noise σ = {}", ge=0, le=100, ticks=NOISES, group="Stochastic gradients",
        when=lambda values: noisy(values) and not samples(values),
        help="Standard deviation of the Gaussian added to each coordinate of the gradient at every step.",
    )  # fmt: skip
    batch_size: int | None = knob(
        None, "Batch size",
        said="batches of {}", group="Stochastic gradients", when=lambda values: noisy(values) and bool(samples(values)),
        span=lambda values: (1, samples(values) or 1, min(32, samples(values) or 1)),
        help="Examples in each mini-batch; at the greatest value every gradient is exact.",
    )  # fmt: skip
    repeats: int = knob(
        1, "Repeats of the noise",
        said="{} repeats", ge=1, le=50, ticks=(1, 5, 10, 20, 50), group="Stochastic gradients", when=noisy,
        help="Independent draws; lines show their median, bands their middle 80%.",
    )  # fmt: skip
    seed: int = knob(
        0, "Seed", said="seed {}", ge=0, le=999, step=1, group="Stochastic gradients",
        when=lambda values: noisy(values) or values.surface == "Digits network",
    )  # fmt: skip

    @field_validator("expression")
    @classmethod
    def _expression_parses(cls, value: str) -> str:
        try:
            expressions.parse(value)
        except expressions.ExpressionError as error:
            raise PydanticCustomError("allowed", "a formula: {reason}", {"reason": str(error)}) from error
        return value

    @classmethod
    def renamed(cls, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """The switches of old links and files become the panels that they switched on, beside those that are given.

        What is no boolean stays, to be reported.
        """
        values = dict(given)
        on = []
        for name, panel in SWITCHES.items():
            try:
                if name in values and BOOLEAN.validate_python(values[name]):
                    on.append(panel)
            except ValidationError:
                continue
            values.pop(name, None)
        named = cls.split("panels", values.get("panels", ()))
        if on and isinstance(named, list | tuple):
            values["panels"] = [*named, *on]
        return values

    def start(self) -> tuple[float, float]:
        """Where every optimizer starts, in the surface's coordinates."""
        usual = STARTS[self.surface]
        return (
            usual[0] if self.start_x is None else self.start_x,
            usual[1] if self.start_y is None else self.start_y,
        )

    def batch(self) -> int | None:
        """Examples a mini-batch; None on a test function."""
        count = samples(self)
        return None if count is None else self.batch_size or min(32, count)

    def basin_side(self) -> int:
        """Starts per side of the basin map."""
        return self.basin_resolution or BASIN_SIDES[_basin_cost(self)][2]

    def stochastic(self, optimizer: str) -> bool:
        """Whether an optimizer sees stochastic gradients under these settings."""
        if optimizer == "GD" or not (optimizer == "SGD" or self.stochastic_all):
            return False
        count, size = samples(self), self.batch()
        return size < count if count and size else self.noise > 0

    def hyper(self, optimizer: str) -> dict[str, float]:
        """An optimizer's hyperparameters without the learning rate, named as in torch."""
        prefix = slug(optimizer) + "_"
        given = {name.removeprefix(prefix): float(value) for name, value in self if name.startswith(prefix)}
        given.pop("learning_rate", None)
        return given

    def rate(self, optimizer: str) -> float:
        """The learning rate set for an optimizer (before any tuning)."""
        return getattr(self, slug(optimizer) + "_learning_rate") if self.own_rates else self.learning_rate
