r"""The update rules of gradient descent, each written once.

A rule maps ``(w, g, state, h)`` to the next ``(w, state)``: the weights, their gradient, a tuple of
accumulators, and the hyperparameters as attributes (``h.lr`` and those of ``Rule.hyper``). It uses only
``+ - * /``, ``** 0.5`` and :func:`sign`, elementwise. So the same function runs on floats, NumPy arrays,
torch tensors on any device, and on the tracer of :mod:`dlviz.engine.descent.tracer`, which compiles it; a
hyperparameter may be one number or one for every run.

Conventions are those of ``torch.optim``, down to where ε stands: every rule that torch has equals
torch's with the same hyperparameters. Powers such as β₁ᵗ are accumulators (a running product), so a rule
needs no step number, and runs of different age can share one array.

One thing to know when comparing with torch: ``torch.optim.NAdam`` keeps its product of μ in the default
dtype, so under torch's float32 default even float64 weights are off by some 1e-10 of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Update = Callable[[Any, Any, tuple, Any], tuple[Any, tuple]]


@dataclass(frozen=True, eq=False)
class Rule:
    """An optimizer: ``update`` and what is to be known about it.

    ``state`` names the accumulators in the order of the tuple; each starts at 0, those whose name ends in
    ``_power`` at 1. ``hyper`` gives every hyperparameter but the learning rate with torch's default.
    ``derive`` adds constants that follow from the hyperparameters but need more than arithmetic.
    ``first_moment`` and ``second_moment`` name the accumulators shown as m and V, if the rule has them.
    """

    name: str
    update: Update
    equation: str  # LaTeX
    source: str
    hyper: Mapping[str, float] = field(default_factory=dict)
    state: tuple[str, ...] = ()
    first_moment: str | None = None
    second_moment: str | None = None
    derive: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]] = field(default=lambda hyper: {})

    @property
    def initial(self) -> tuple[float, ...]:
        """The value that each accumulator starts from."""
        return tuple(1.0 if name.endswith("_power") else 0.0 for name in self.state)

    def complete(self, lr: Any, hyper: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """All hyperparameters by name: `lr`, the given ones, torch's defaults for the rest, derived constants.

        Values are float64 arrays of the shapes given. Raises ``ValueError`` for a name the rule does not have.
        """
        if unknown := sorted(set(hyper) - set(self.hyper)):
            allowed = ", ".join(self.hyper) or "none besides lr"
            raise ValueError(f"{self.name} has no hyperparameter {', '.join(unknown)}; allowed are {allowed}")
        values = {"lr": lr, **self.hyper, **hyper}
        values = {name: np.asarray(value, dtype=np.float64) for name, value in values.items()}
        return values | self.derive(values)


def sign(value: Any) -> Any:
    """The sign of a number: -1, 0 or 1, and NaN of NaN, for whatever a rule may run on."""
    if hasattr(value, "where"):  # a tensor, for which torch makes 0 of NaN
        return value.sign().where(~value.isnan(), value)
    return value.sign() if hasattr(value, "sign") else np.sign(value)


def gradient_descent(w, g, state, h):
    return w - h.lr * g, ()


def heavy_ball(w, g, state, h):
    (m,) = state
    m = h.momentum * m + g
    return w - h.lr * m, (m,)


def averaged_momentum(w, g, state, h):
    (m,) = state
    m = h.momentum * m + (1 - h.momentum) * g
    return w - h.lr * m, (m,)


def nesterov(w, g, state, h):
    (m,) = state
    m = h.momentum * m + g
    return w - h.lr * (g + h.momentum * m), (m,)


def adagrad(w, g, state, h):
    (v,) = state
    v = v + g * g
    return w - h.lr * g / (v**0.5 + h.eps), (v,)


def rmsprop(w, g, state, h):
    (v,) = state
    v = h.alpha * v + (1 - h.alpha) * (g * g)
    return w - h.lr * g / (v**0.5 + h.eps), (v,)


def adadelta(w, g, state, h):
    v, u = state
    v = h.rho * v + (1 - h.rho) * (g * g)
    step = (u + h.eps) ** 0.5 / (v + h.eps) ** 0.5 * g
    u = h.rho * u + (1 - h.rho) * (step * step)
    return w - h.lr * step, (v, u)


def adam(w, g, state, h):
    # bias_correction is 1 or 0; at 0 both corrections are 1.
    m, v, beta1_power, beta2_power = state
    m = h.beta1 * m + (1 - h.beta1) * g
    v = h.beta2 * v + (1 - h.beta2) * (g * g)
    beta1_power, beta2_power = beta1_power * h.beta1, beta2_power * h.beta2
    correction1, correction2 = 1 - h.bias_correction * beta1_power, 1 - h.bias_correction * beta2_power
    w = w - h.lr / correction1 * m / (v**0.5 / correction2**0.5 + h.eps)
    return w, (m, v, beta1_power, beta2_power)


def adamw(w, g, state, h):
    return adam(w * (1 - h.lr * h.weight_decay), g, state, h)


def nadam(w, g, state, h):
    # μ_t = β₁(1 − ½·0.96^{tψ}); decay_power is 0.96^{tψ}, mu_power the product of all μ so far.
    m, v, beta2_power, decay_power, mu_power = state
    m = h.beta1 * m + (1 - h.beta1) * g
    v = h.beta2 * v + (1 - h.beta2) * (g * g)
    beta2_power, decay_power = beta2_power * h.beta2, decay_power * h.decay
    mu, mu_next = h.beta1 * (1 - 0.5 * decay_power), h.beta1 * (1 - 0.5 * (decay_power * h.decay))
    mu_power = mu_power * mu
    denominator = (v / (1 - beta2_power)) ** 0.5 + h.eps
    gradient_step = h.lr * (1 - mu) / (1 - mu_power) * g / denominator
    momentum_step = h.lr * mu_next / (1 - mu_power * mu_next) * m / denominator
    return w - gradient_step - momentum_step, (m, v, beta2_power, decay_power, mu_power)


def lion(w, g, state, h):
    (m,) = state
    direction = sign(h.beta1 * m + (1 - h.beta1) * g)
    return w * (1 - h.lr * h.weight_decay) - h.lr * direction, (h.beta2 * m + (1 - h.beta2) * g,)


_V = r"V_t = {b} V_{{t-1}} + (1-{b})\, g_t^2"
_M = r"m_t = \beta_1 m_{t-1} + (1-\beta_1)\, g_t"
_POWERS = ("beta1_power", "beta2_power")
_ADAM = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8}


def _lines(*lines: str) -> str:
    return r"\begin{aligned} " + r" \\ ".join(line.replace("=", "&=", 1) for line in lines) + r" \end{aligned}"


_RULES = (
    Rule(
        "GD", gradient_descent, r"w_{t+1} = w_t - \eta\, g_t",
        "Cauchy (1847), Méthode générale pour la résolution des systèmes d'équations simultanées",
    ),
    Rule(
        "SGD", gradient_descent, r"w_{t+1} = w_t - \eta\, \hat g_t, \quad \mathbb{E}[\hat g_t] = g_t",
        "Robbins & Monro (1951), A stochastic approximation method",
    ),
    Rule(
        "Momentum", heavy_ball, _lines(r"m_t = \beta m_{t-1} + g_t", r"w_{t+1} = w_t - \eta\, m_t"),
        "Polyak (1964), Some methods of speeding up the convergence of iteration methods; as in torch.optim.SGD",
        {"momentum": 0.9}, ("m",), "m",
    ),
    Rule(
        "Averaged momentum", averaged_momentum,
        _lines(r"m_t = \beta m_{t-1} + (1-\beta)\, g_t", r"w_{t+1} = w_t - \eta\, m_t"),
        "Momentum as an exponential average of gradients: Polyak's rule with the learning rate scaled by 1 - β",
        {"momentum": 0.9}, ("m",), "m",
    ),
    Rule(
        "Nesterov", nesterov, _lines(r"m_t = \beta m_{t-1} + g_t", r"w_{t+1} = w_t - \eta\,(g_t + \beta m_t)"),
        "Nesterov (1983); in the form of Sutskever et al. (2013), On the importance of initialization and momentum",
        {"momentum": 0.9}, ("m",), "m",
    ),
    Rule(
        "AdaGrad", adagrad,
        _lines(r"V_t = V_{t-1} + g_t^2", r"w_{t+1} = w_t - \eta\, \frac{g_t}{\sqrt{V_t} + \varepsilon}"),
        "Duchi, Hazan & Singer (2011), Adaptive subgradient methods",
        {"eps": 1e-10}, ("v",), None, "v",
    ),
    Rule(
        "RMSprop", rmsprop,
        _lines(_V.format(b=r"\alpha"), r"w_{t+1} = w_t - \eta\, \frac{g_t}{\sqrt{V_t} + \varepsilon}"),
        "Tieleman & Hinton (2012), Lecture 6.5 of Neural networks for machine learning",
        {"alpha": 0.99, "eps": 1e-8}, ("v",), None, "v",
    ),
    Rule(
        "AdaDelta", adadelta,
        _lines(
            _V.format(b=r"\rho"), r"\Delta_t = \frac{\sqrt{U_{t-1} + \varepsilon}}{\sqrt{V_t + \varepsilon}}\, g_t",
            r"U_t = \rho U_{t-1} + (1-\rho)\, \Delta_t^2", r"w_{t+1} = w_t - \eta\, \Delta_t",
        ),
        "Zeiler (2012), ADADELTA: an adaptive learning rate method",
        {"rho": 0.9, "eps": 1e-6}, ("v", "u"), None, "v",
    ),
    Rule(
        "Adam", adam,
        _lines(
            _M, _V.format(b=r"\beta_2"),
            r"w_{t+1} = w_t - \eta\, \frac{m_t/(1-\beta_1^t)}{\sqrt{V_t/(1-\beta_2^t)} + \varepsilon}",
        ),
        "Kingma & Ba (2015), Adam: a method for stochastic optimization",
        {**_ADAM, "bias_correction": 1.0}, ("m", "v", *_POWERS), "m", "v",
    ),
    Rule(
        "AdamW", adamw,
        _lines(
            _M, _V.format(b=r"\beta_2"),
            r"w_{t+1} = (1-\eta\lambda)\, w_t"
            r" - \eta\, \frac{m_t/(1-\beta_1^t)}{\sqrt{V_t/(1-\beta_2^t)} + \varepsilon}",
        ),
        "Loshchilov & Hutter (2019), Decoupled weight decay regularization",
        {**_ADAM, "weight_decay": 0.01, "bias_correction": 1.0}, ("m", "v", *_POWERS), "m", "v",
    ),
    Rule(
        "NAdam", nadam,
        _lines(
            _M, _V.format(b=r"\beta_2"), r"\mu_t = \beta_1 \left(1 - \tfrac12\, 0.96^{\,t\psi}\right)",
            r"w_{t+1} = w_t - \eta\, \frac{\mu_{t+1}\, m_t/(1-\prod_{i=1}^{t+1}\mu_i)"
            r" + (1-\mu_t)\, g_t/(1-\prod_{i=1}^{t}\mu_i)}{\sqrt{V_t/(1-\beta_2^t)} + \varepsilon}",
        ),
        "Dozat (2016), Incorporating Nesterov momentum into Adam",
        {**_ADAM, "momentum_decay": 0.004}, ("m", "v", "beta2_power", "decay_power", "mu_power"), "m", "v",
        lambda hyper: {"decay": 0.96 ** hyper["momentum_decay"]},
    ),
    Rule(
        "Lion", lion,
        _lines(
            r"c_t = \beta_1 m_{t-1} + (1-\beta_1)\, g_t",
            r"w_{t+1} = (1-\eta\lambda)\, w_t - \eta\, \mathrm{sign}(c_t)",
            r"m_t = \beta_2 m_{t-1} + (1-\beta_2)\, g_t",
        ),
        "Chen et al. (2023), Symbolic discovery of optimization algorithms",
        {"beta1": 0.9, "beta2": 0.99, "weight_decay": 0.0}, ("m",), "m",
    ),
)  # fmt: skip

RULES: dict[str, Rule] = {rule.name: rule for rule in _RULES}
"""Every optimizer by name, in the order in which it is offered."""
