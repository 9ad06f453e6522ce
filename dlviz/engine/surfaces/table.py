"""The names, domains and usual starts of the loss surfaces: plain data, cheap to import.

Settings validate against this table without importing SymPy, torch or scikit-learn; the surfaces
themselves (formula, gradient, minima) are built by :func:`dlviz.engine.surfaces.surfaces.surface`.
"""

from __future__ import annotations

from typing import NamedTuple

CUSTOM_EXPRESSION = "(x^2 + y^2)/10 + sin(2*x)*cos(2*y)"
"""What the surface "Custom" shows until something else is typed: an egg box in a bowl."""


class Row(NamedTuple):
    """What is known of a surface before it is built.

    ``domain`` is (x_min, x_max, y_min, y_max), the part that is drawn; ``start`` a start from which
    something can be seen; ``axes`` the names of the coordinates; ``samples`` the number of training
    examples behind a surface that is made from data, else None.
    """

    domain: tuple[float, float, float, float]
    start: tuple[float, float]
    axes: tuple[str, str] = ("x", "y")
    samples: int | None = None


TABLE: dict[str, Row] = {
    "Quadratic": Row((-4.0, 4.0, -3.0, 3.0), (-3.4, 2.2)),
    "Ravine": Row((-4.0, 1.0, -1.2, 1.2), (-3.5, 0.9)),
    "Rosenbrock": Row((-2.0, 2.0, -1.0, 3.0), (-1.2, 1.0)),
    "Himmelblau": Row((-5.5, 5.5, -5.5, 5.5), (0.0, -1.0)),
    "Beale": Row((-1.0, 4.5, -2.0, 2.0), (1.0, 1.5)),
    "Styblinski-Tang": Row((-5.0, 5.0, -5.0, 5.0), (0.8, 4.5)),
    "Rastrigin": Row((-2.5, 2.5, -2.5, 2.5), (-1.8, 1.3)),
    "Ackley": Row((-3.0, 3.0, -3.0, 3.0), (-2.4, 1.7)),
    "Six-hump camel": Row((-2.1, 2.1, -1.25, 1.25), (-1.2, 1.1)),
    "Saddle": Row((-2.0, 2.0, -1.5, 1.5), (-1.7, 0.01)),
    "Monkey saddle": Row((-1.6, 1.6, -1.2, 1.2), (1.3, 0.02)),
    "Plateau and cliff": Row((-4.0, 4.0, -3.0, 3.0), (3.2, 1.6)),
    "Diabetes raw": Row((-20.0, 80.0, -120.0, 180.0), (0.0, 0.0), ("w", "b"), 442),
    "Diabetes standardised": Row((-120.0, 180.0, -20.0, 280.0), (0.0, 0.0), ("w", "b"), 442),
    "Breast cancer": Row((-2.0, 8.0, -3.0, 5.0), (-1.0, -2.0), ("w1", "w2"), 569),
    "Digits network": Row((-1.0, 1.0, -1.0, 1.0), (-0.8, 0.7), ("a", "b"), 500),
    "Custom": Row((-4.0, 4.0, -3.0, 3.0), (-3.2, 2.4)),
}

NAMES: tuple[str, ...] = tuple(TABLE)
"""Every surface, in the order in which it is offered."""

DOMAINS: dict[str, tuple[float, float, float, float]] = {name: row.domain for name, row in TABLE.items()}
STARTS: dict[str, tuple[float, float]] = {name: row.start for name, row in TABLE.items()}
AXES: dict[str, tuple[str, str]] = {name: row.axes for name, row in TABLE.items()}
SAMPLES: dict[str, int] = {name: row.samples for name, row in TABLE.items() if row.samples is not None}
