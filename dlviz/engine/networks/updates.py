"""Steps of gradient descent for M stacked models, each with rates of its own, by layer and by step where wanted.

An :class:`Update` is a pair: :meth:`Update.init` makes the accumulators, :meth:`Update.update` takes a step, in place.
The rules are those of :mod:`dlviz.engine.optimizers`, with the conventions of ``torch.optim``. Where all models of a
layer have one rate, torch's fused kernels of the same rules take the step; tests hold both against ``torch.optim``.

A layer whose rate is 0 takes no part in a step, as with ``requires_grad_(False)``: it stays as it is bit by bit, and
its accumulators begin when it is thawed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.engine.networks.clipping import each
from dlviz.engine.optimizers import RULES

if TYPE_CHECKING:
    from torch import Tensor

Rate = float | np.ndarray | Callable[[int], Any]
"""A number, (M,), (T, M) or (T, M, L), or a function of the step that gives a number, (M,) or (M, L).

The last entry of a schedule that is shorter than the run stays; a constant rate by layer is (1, M, L).
"""


@dataclass(frozen=True)
class Update:
    """A rule of ``RULES`` with its rates and hyperparameters.

    ``weight_decay``, a number or (M,), times the weights is added to the gradient (L2 regularisation). It is AdamW's
    own, decoupled from the gradient, where the rule has one (Loshchilov and Hutter 2019).
    """

    rule: str
    rate: Rate
    hyper: Mapping[str, float] = field(default_factory=dict)
    weight_decay: Any = 0.0

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ValueError(f"unknown update rule {self.rule!r}; allowed: {', '.join(RULES)}")

    def schedule(self, models: int, layers: int, steps: int) -> np.ndarray:
        """The rates (T, M, L), T being 1 where they are constant. ``ValueError`` if they do not fit the models."""
        rate = self.rate
        values = np.stack([np.asarray(rate(t), float) for t in range(steps)]) if callable(rate) else np.asarray(rate)
        values = values.astype(float)
        if callable(rate):
            values = values.reshape(steps, *values.shape[1:] or (1,))
        elif values.ndim < 2:
            values = values.reshape(1, -1)
        try:
            return np.broadcast_to(values if values.ndim == 3 else values[..., None], (len(values), models, layers))
        except ValueError as error:
            raise ValueError(f"rates of shape {values.shape} for {models} models of {layers} layers") from error

    def init(self, parameters: Sequence[Tensor], layers: Sequence[int], models: int, steps: int) -> State:
        """Accumulators for parameters (m, ...), each of the first m of M ``models``; ``layers`` says of which layer."""
        schedule = self.schedule(models, max(layers) + 1, steps)
        return State(_parts(self.rule, parameters, layers, schedule))

    def update(self, state: State, gradients: Sequence[Tensor], step: int) -> None:
        """Take step number ``step`` (from 0) along the gradients, in the order of the parameters, in place."""
        together: dict[float, list[tuple[_Part, Tensor]]] = {}
        for part in state.parts:
            lr = part.rates[min(step, len(part.rates) - 1)]
            if lr is None:
                continue
            gradient = gradients[part.parameter]
            gradient = self._decayed(part, gradient if part.whole else gradient[part.models], lr)
            if isinstance(lr, float) and self.rule in _FUSED:
                together.setdefault(lr, []).append((part, gradient.contiguous()))
            else:
                self._by_rule(part, gradient, lr)
        for rate, both in together.items():
            parts, own = zip(*both, strict=True)
            _FUSED[self.rule](parts, list(own), rate, self._all_hyper())

    def _decayed(self, part: _Part, gradient: Tensor, lr: Any) -> Tensor:
        decay = self.weight_decay
        if isinstance(decay, int | float):
            if decay == 0:
                return gradient
        else:
            decay = each(decay[part.models], part.tensor)
        if self.rule == "AdamW":
            part.tensor.mul_(1 - lr * decay)
            return gradient
        return gradient + decay * part.tensor

    def _all_hyper(self) -> dict[str, float]:
        hyper = {**RULES[self.rule].hyper, **self.hyper}
        return hyper | {"weight_decay": 0.0} if "weight_decay" in hyper else hyper

    def _by_rule(self, part: _Part, gradient: Tensor, lr: Any) -> None:
        if self.rule in ("GD", "SGD"):  # the rule itself, without a copy of the weights
            part.tensor.addcmul_(gradient, lr, value=-1)
            return
        hyper = SimpleNamespace(lr=lr, **self._all_hyper())
        after, part.state = RULES[self.rule].update(part.tensor, gradient, part.state, hyper)
        part.tensor.copy_(after)


@dataclass
class _Part:
    """Models one after another of one parameter, whose rates are alike."""

    tensor: Tensor
    parameter: int
    models: slice
    whole: bool  # all models of the parameter
    rates: list[float | Tensor | None]  # (T,): one for all, or (m, 1, ...); None where they take no part
    state: tuple[Any, ...]  # the accumulators, as they go
    taken: Tensor  # how many steps it has taken


@dataclass
class State:
    """What an update remembers between two steps."""

    parts: list[_Part]


def _parts(rule: str, parameters: Sequence[Tensor], layers: Sequence[int], schedule: np.ndarray) -> list[_Part]:
    """Cut every parameter where the rates change: models that step at the same steps, and, if fused, at one rate."""
    import torch

    initial = RULES[rule].initial
    found = []
    for index, (tensor, layer) in enumerate(zip(parameters, layers, strict=True)):
        rates = schedule[:, : len(tensor), layer]
        # The fused kernels of Adam take one rate, and are so much faster that even single models gain.
        alike = rates if rule in ("Adam", "AdamW") else rates != 0
        cuts = [0, *(np.flatnonzero((alike[:, 1:] != alike[:, :-1]).any(axis=0)) + 1).tolist(), len(tensor)]
        for first, stop in zip(cuts[:-1], cuts[1:], strict=True):
            own = rates[:, first:stop]
            if not own.any():
                continue
            part = tensor[first:stop]
            state = tuple(1.0 if begin else torch.zeros_like(part) for begin in initial)
            taken, whole = torch.zeros((), device=part.device), stop - first == len(tensor)
            found.append(_Part(part, index, slice(first, stop), whole, _rates(own, part), state, taken))
    return found


def _rates(own: np.ndarray, like: Tensor) -> list[float | Tensor | None]:
    """The rates (T, m) of some models at each step, as numbers where they are one, else as tensors for ``like``."""
    import torch

    if (own == own[:, :1]).all():
        return [float(rate) or None for rate in own[:, 0]]
    tensors = torch.tensor(own, dtype=like.dtype, device=like.device).view(*own.shape, *[1] * (like.dim() - 1))
    return [tensor if rates.any() else None for tensor, rates in zip(tensors, own, strict=True)]


def _adam(parts: Sequence[_Part], gradients: list[Tensor], rate: float, hyper: Mapping[str, float]) -> None:
    """By the function behind torch's class, which would load torch's compiler, for seconds, when it is first made."""
    from torch.optim.adam import adam

    adam(
        [part.tensor for part in parts], gradients, [part.state[0] for part in parts],
        [part.state[1] for part in parts], [], [part.taken for part in parts], fused=True, amsgrad=False,
        beta1=hyper["beta1"], beta2=hyper["beta2"], lr=rate, weight_decay=0, eps=hyper["eps"], maximize=False,
    )  # fmt: skip


def _sgd(parts: Sequence[_Part], gradients: list[Tensor], rate: float, hyper: Mapping[str, float]) -> None:
    from torch.optim.sgd import sgd

    momentum = hyper.get("momentum", 0.0)
    sgd(
        [part.tensor for part in parts], gradients, [part.state[0] if momentum else None for part in parts],
        fused=True, weight_decay=0, momentum=momentum, lr=rate, dampening=0, nesterov=False, maximize=False,
    )  # fmt: skip


_FUSED: dict[str, Callable[..., None]] = {
    "GD": _sgd, "SGD": _sgd, "Momentum": _sgd, "Adam": _adam, "AdamW": _adam,
}  # fmt: skip


def sgd(rate: Rate, *, momentum: float = 0.0, nesterov: bool = False, weight_decay: Any = 0.0) -> Update:
    """Gradient descent; with ``momentum`` Polyak's, or Nesterov's in the form of Sutskever et al. (2013)."""
    if not momentum:
        return Update("SGD", rate, weight_decay=weight_decay)
    return Update("Nesterov" if nesterov else "Momentum", rate, {"momentum": momentum}, weight_decay)


def adagrad(rate: Rate, *, eps: float = 1e-10, weight_decay: Any = 0.0) -> Update:
    """AdaGrad (Duchi, Hazan and Singer 2011)."""
    return Update("AdaGrad", rate, {"eps": eps}, weight_decay)


def rmsprop(rate: Rate, *, alpha: float = 0.99, eps: float = 1e-8, weight_decay: Any = 0.0) -> Update:
    """RMSprop (Tieleman and Hinton 2012)."""
    return Update("RMSprop", rate, {"alpha": alpha, "eps": eps}, weight_decay)


def adam(rate: Rate, *, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, weight_decay: Any = 0.0) -> Update:
    """Adam (Kingma and Ba 2015, algorithm 1)."""
    return Update("Adam", rate, {"beta1": beta1, "beta2": beta2, "eps": eps}, weight_decay)


def adamw(
    rate: Rate, *, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, weight_decay: Any = 0.01
) -> Update:
    """AdamW (Loshchilov and Hutter 2019, algorithm 2)."""
    return Update("AdamW", rate, {"beta1": beta1, "beta2": beta2, "eps": eps}, weight_decay)
