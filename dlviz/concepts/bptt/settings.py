"""Every knob of the page "How far back does a gradient reach?"."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from dlviz import contract
from dlviz.contract import Panel, also_shown, knob, log_ticks, on_panel

from .panels import PANELS

CellName = Literal["RNN tanh", "RNN ReLU", "LSTM", "GRU"]
Data = Literal["Digit by pixels", "Digit by rows", "Adding", "Copy", "Noise"]

DIGIT_LENGTHS = {"Digit by pixels": 64, "Digit by rows": 8}
"""Steps of the sequences whose length is given by the data."""


def uses(cell: str) -> Any:
    """Show a knob only while a cell is among those compared, or the one looked at."""
    return lambda values: cell in (*values.cells, values.cell)


class Settings(contract.Settings):
    """The cells, their recurrent matrix, what they read, and what each panel needs."""

    PANELS: ClassVar[tuple[Panel, ...]] = PANELS

    panels: tuple[str, ...] = also_shown(("All pairs",))

    cells: tuple[CellName, ...] = knob(
        ("RNN tanh", "RNN ReLU", "LSTM", "GRU"), "Cells", said="{}", group="Network", widget="pills"
    )
    cell: CellName = knob(
        "RNN tanh", "Cell looked at", said="", group="Network", widget="pills",
        when=on_panel("All pairs", "Step Jacobian", "Weight gradient", "Gates", "Exploding", "Sequence tasks"),
    )  # fmt: skip
    hidden: int = knob(
        64, "Hidden units", said="{} hidden units", ge=2, le=256, ticks=(2, 4, 8, 16, 32, 64, 128, 256), group="Network"
    )
    matrix: Literal["Gaussian", "Orthogonal", "Identity"] = knob(
        "Gaussian", "Recurrent matrix", said="recurrent matrix: {}", group="Network", words=True,
        help="Each gate of an LSTM or GRU has a matrix of this kind, with a draw of its own.",
    )  # fmt: skip
    radius: float = knob(1.0, "Spectral radius ρ(W)", said="ρ = {}", ge=0.1, le=2, step=0.05, group="Network")
    input_gain: float = knob(
        1.0, "Gain of the inputs",
        said="input gain {}", ge=0, le=5, ticks=(0, 0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
        group="Network",
        help="Standard deviation of the input weights, in units of 1/√inputs.",
    )  # fmt: skip
    forget_bias: float = knob(
        1.0,
        "Forget-gate bias (LSTM)",
        said="forget-gate bias {}",
        ge=-3,
        le=5,
        step=0.5,
        group="Network",
        when=uses("LSTM"),
    )
    update_bias: float = knob(
        0.0, "Update-gate bias (GRU)", ge=-3, le=5, step=0.5, group="Network", when=uses("GRU"),
        help="As in torch, z = 1 keeps the old state.",
    )  # fmt: skip

    data: Data = knob("Digit by pixels", "Sequence", said="{}", group="Sequence", words=True)
    length: int = knob(
        100, "Length T", said="T = {}", ge=5, le=500, step=5, group="Sequence",
        when=lambda values: values.data not in DIGIT_LENGTHS,
    )  # fmt: skip
    seeds: int = knob(8, "Networks (seeds)", said="{} networks", ge=1, le=20, step=1, group="Sequence")
    seed: int = knob(0, "Seed", said="seed {}", ge=0, le=999, step=1, group="Sequence")

    truncation: int = knob(
        10, "Steps that truncated BPTT goes back, k", said="k = {}", ge=1, le=500, group="Truncation",
        ticks=(1, 2, 3, 5, 10, 15, 20, 30, 50, 100, 200, 500), when=on_panel("Weight gradient", "Remembering"),
    )  # fmt: skip

    trained_hidden: int = knob(
        32, "Hidden units of the trained networks",
        said="{} hidden units when trained", ge=8, le=64, ticks=(8, 16, 32, 64), group="Training",
        when=on_panel("Exploding", "Remembering"),
    )  # fmt: skip

    rate: float = knob(
        0.1, "Learning rate", said="η = {}", ge=1e-4, le=10, ticks=log_ticks(-4, 1, (1, 2, 5)), group="Exploding",
        when=on_panel("Exploding"),
    )  # fmt: skip
    clip_norm: float = knob(
        1.0, "Threshold of the norm",
        said="norm clipped at {}", ge=1e-3, le=100, ticks=log_ticks(-3, 2, (1, 2, 5)), group="Exploding",
        when=on_panel("Exploding"),
    )  # fmt: skip
    clip_value: float = knob(
        0.02, "Threshold of each value",
        said="values clipped at {}", ge=1e-4, le=10, ticks=log_ticks(-4, 1, (1, 2, 5)), group="Exploding",
        when=on_panel("Exploding"),
    )  # fmt: skip
    weight_decay: float = knob(
        0.1, "Weight decay",
        said="weight decay {}", ge=1e-4, le=10, ticks=log_ticks(-4, 1, (1, 2, 5)), group="Exploding",
        when=on_panel("Exploding"),
    )  # fmt: skip
    lower_rate: float = knob(
        0.001, "Lower learning rate",
        said="lower η = {}", ge=1e-6, le=1, ticks=log_ticks(-6, 0, (1, 2, 5)), group="Exploding",
        when=on_panel("Exploding"),
    )  # fmt: skip
    steps: int = knob(
        200, "Training steps", said="{} steps", ge=20, le=500, ticks=(20, 50, 100, 200, 300, 500), group="Exploding",
        when=on_panel("Exploding"),
    )  # fmt: skip

    task: Literal["Copy", "Adding"] = knob(
        "Copy", "Task", said="{}", group="Remembering", words=True, when=on_panel("Remembering")
    )
    blank_noise: float = knob(
        0.2, "Noise on the blanks", said="noise {}", ge=0, le=1, step=0.05, group="Remembering",
        help="Standard deviation of normal noise that is added after the symbol (copy task).",
        when=lambda values: "Remembering" in values.panels and values.task == "Copy",
    )  # fmt: skip
    longest: int = knob(
        40, "Longest lag",
        said="lags up to {}", ge=16, le=80, ticks=(16, 24, 40, 80), group="Remembering", when=on_panel("Remembering")
    )  # fmt: skip
    truncated: bool = knob(
        False, "Truncate to k steps", said="truncated to k steps", group="Remembering", when=on_panel("Remembering")
    )
    adam_rate: float = knob(
        0.005, "Learning rate of Adam",
        said="Adam, η = {}", ge=1e-4, le=0.1, ticks=log_ticks(-4, -1, (1, 2, 5)), group="Remembering",
        when=on_panel("Remembering"),
    )  # fmt: skip
    training_steps: int = knob(
        200, "Training steps of each network", said="{} steps", ge=20, le=300, ticks=(20, 50, 100, 200, 300),
        group="Remembering", when=on_panel("Remembering"),
    )  # fmt: skip
    trained_seeds: int = knob(
        3, "Networks trained (seeds)",
        said="{} networks a lag", ge=1, le=5, step=1, group="Remembering", when=on_panel("Remembering")
    )  # fmt: skip

    def coarse(self) -> Self:
        """The training is short, of one network a lag and for the shortest lags alone."""
        quick = self.less(steps=50) if "Exploding" in self.panels else self
        return quick.less(trained_seeds=1, training_steps=20, longest=16) if "Remembering" in self.panels else quick

    @property
    def steps_read(self) -> int:
        """T: the length of the sequence that is read."""
        return DIGIT_LENGTHS.get(self.data, self.length)
