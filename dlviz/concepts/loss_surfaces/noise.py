"""SGD's noise ball: how its gradient scatters on a quadratic, and the excess loss at which it then hovers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from dlviz.engine.surfaces.surface import Surface

from .scene import Scene
from .settings import Settings, samples

if TYPE_CHECKING:
    from dlviz.engine.surfaces.data_surfaces import RegressionSurface

    from .race import Race


@dataclass(frozen=True)
class GradientNoise:
    """Second moments of SGD's gradient on a quadratic, as if every batch were drawn afresh."""

    covariance: np.ndarray  # (2, 2) of the gradient at the minimum
    curvature: np.ndarray  # (4, 4) of the Hessian, E[h⊗h] - H⊗H, flattened row by row


def gradient_noise(settings: Settings, ground: Surface, scene: Scene) -> GradientNoise | None:
    """How SGD's gradient scatters on a quadratic: by the noise, or from one mini-batch to the next."""
    hessian = scene.hessian
    if hessian is None or not scene.quadratic or "SGD" not in settings.optimizers or not settings.stochastic("SGD"):
        return None
    count, batch = samples(settings), settings.batch()
    if not count or not batch:
        return GradientNoise(settings.noise**2 * np.eye(2), np.zeros((4, 4)))
    import torch

    regression = cast("RegressionSurface", ground)  # the one quadratic over examples

    def each(offset: np.ndarray) -> np.ndarray:
        """The gradient of every single example near the minimum, (N, 2)."""
        w = torch.tensor(scene.minima[0] + offset).expand(count, 2)
        return torch.stack(regression.batch_gradient(w[:, 0], w[:, 1], torch.arange(count)[:, None]), dim=1).numpy()

    gradient = each(np.zeros(2))
    curvature = np.stack([each(unit) - gradient for unit in np.eye(2)], axis=2).reshape(count, 4)
    products = np.einsum("nij,nkl->ikjl", curvature.reshape(count, 2, 2), curvature.reshape(count, 2, 2)) / count
    # A batch is drawn without replacement from a finite set (Cochran 1977, theorem 2.2).
    share = (count - batch) / (count - 1) / batch
    return GradientNoise(
        share * np.cov(gradient.T, bias=True),
        share * (products.reshape(4, 4) - np.kron(hessian, hessian)),
    )


def stationary_excess(hessian: np.ndarray, rate: float, noise: GradientNoise) -> float:
    """Expected stationary excess loss of SGD on a quadratic.

    With independent batches the stationary covariance S of w solves, in discrete time and with the noise
    in the curvature, S = (I - ηH) S (I - ηH) + η² (E[hSh] - HSH) + η² C (cf. Mandt et al. 2017, eq. 12);
    the excess loss is ½ tr(H S). Raises ``ValueError`` where the second moments have no stationary state.
    """
    step = np.eye(2) - rate * hessian
    moments = np.kron(step, step) + rate**2 * noise.curvature
    if np.abs(np.linalg.eigvals(moments)).max() >= 1:
        raise ValueError(f"at a learning rate of {rate:g} the variance grows without bound: no stationary state")
    flat = np.linalg.solve(np.eye(4) - moments, rate**2 * noise.covariance.ravel())
    return float(0.5 * np.trace(hessian @ flat.reshape(2, 2)))


def noise_floor(race: Race) -> tuple[float, float] | None:
    """SGD's mean excess loss over its second half and all repeats, and the theory's; None where none applies."""
    descent, noise = race.of("SGD"), race.gradient_noise
    lowest, hessian = race.scene.lowest, race.scene.hessian
    if descent is None or noise is None or lowest is None or hessian is None or descent.diverged_repeats:
        return None
    try:
        theory = stationary_excess(hessian, descent.rate, noise)
    except ValueError:
        return None
    half = len(descent.loss) // 2
    return float(np.mean(descent.loss[half:]) - lowest), theory
