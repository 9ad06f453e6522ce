"""Where a run ended, as the page writes it."""

from __future__ import annotations

from .trained import End


def ended(end: End) -> str:
    """Where a run ended: the tensor, in symbols that are the same in every language, and the training step."""
    return f"{tensor(end)} ({end.step})"


def tensor(end: End) -> str:
    """The tensor in which a run ended."""
    if end.tensor == "hidden state":
        return f"h_{end.time}"
    if end.tensor.startswith("gradient of "):
        return "∂L/∂" + end.tensor.removeprefix("gradient of ")
    return {"loss": "L", "output": "y", "gradient norm": "‖∂L/∂θ‖"}.get(end.tensor, end.tensor)
