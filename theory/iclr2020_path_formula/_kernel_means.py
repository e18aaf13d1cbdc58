"""Mean kernels of random two-layer networks: symbols, and Monte Carlo with standard errors, for several pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import sympy as sp
from jaxtyping import Float

from odeflow.panels import against_claim
from odeflow.theorem import Claim, Evidence

__all__ = [
    "DEVIATIONS",
    "FIRST",
    "MEAN",
    "SECOND",
    "WHERE",
    "WIDTH",
    "drawn_neurons",
    "identity",
    "mean_kernel_evidence",
    "relu",
    "smallest_means",
]

MEAN = sp.Symbol("E[H_ij]", real=True)
WIDTH = sp.Symbol("m", positive=True, integer=True)
FIRST, SECOND = sp.symbols("sigma_w sigma_v", positive=True)
WHERE: Mapping[sp.Basic, str] = {
    MEAN: "expected entry of the kernel at initialisation",
    WIDTH: "hidden neurons",
    FIRST: "deviation of a first-layer weight, the same for every m",
    SECOND: "deviation of a second-layer weight, the same for every m",
}

Activation = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""z -> (sigma(z), sigma'(z))."""

SIGMAS = 5.0
"""An entry counts as different beyond this many standard errors: chance 6e-7 for each entry."""
NEURONS = 60_000
DEVIATIONS = (0.8, 1.1)
"""sigma_w and sigma_v of the Monte Carlo runs."""


def drawn_neurons(
    X: Float[np.ndarray, "n d"], activation: Activation, count: int, deviations: tuple[float, float], seed: int
) -> Float[np.ndarray, "c n n"]:
    """Return the shares Z_l of `count` random neurons in the kernel."""
    rng = np.random.default_rng(seed)
    values, slopes = activation(deviations[0] * rng.standard_normal((count, X.shape[1])) @ X.T)
    slopes = slopes * (deviations[1] * rng.standard_normal((count, 1)))
    share = values[:, :, None] * values[:, None, :] + slopes[:, :, None] * slopes[:, None, :] * (X @ X.T)
    return np.asarray(share)


def mean_kernel_evidence(
    claim: Claim,
    activation: Activation,
    values: Callable[[Float[np.ndarray, "n d"]], Mapping[sp.Basic, np.ndarray]],
    seed: int,
) -> Evidence:
    """Hold the claimed mean of an entry against networks of 3 neurons on 4 inputs."""
    rng = np.random.default_rng(seed)
    X, width, deviations = rng.standard_normal((4, 3)), 3, DEVIATIONS
    neurons = drawn_neurons(X, activation, NEURONS, deviations, seed + 1)
    kernels = neurons.reshape(-1, width, 4, 4).sum(axis=1)
    means, error = kernels.mean(axis=0), kernels.std(axis=0, ddof=1) / np.sqrt(len(kernels))
    fixed = {WIDTH: float(width), FIRST: deviations[0], SECOND: deviations[1]}
    claimed = np.broadcast_to(claim.bound({**fixed, **values(X)}), means.shape)
    off = np.abs(means - claimed) / error
    entries = np.triu_indices(4)
    return Evidence.measured(
        claim,
        f"the worst of 10 entries is off by {float(off.max()):.2g} standard errors with {len(kernels)} networks",
        contradicted=bool(off.max() > SIGMAS),
        error_bar=f"standard error of an entry at most {float((error / np.abs(kernels).mean(axis=0)).max()):.1%} of it",
        cases=len(kernels),
        seed=seed,
        picture=against_claim(
            claimed[entries],
            means[entries],
            what="E[H_ij]",
            title=f"The mean kernel of {len(kernels)} networks is the claimed one",
            interval=((means - error)[entries], (means + error)[entries]),
        ),
    )


def smallest_means(
    X: Float[np.ndarray, "n d"], activation: Activation, widths: tuple[int, ...], networks: int, seed: int
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Return E lambda_min(H_m) for several widths, and the standard errors; unit deviations."""
    means, errors = [], []
    for k, width in enumerate(widths):
        neurons = drawn_neurons(X, activation, networks * width, (1.0, 1.0), seed + k)
        kernels = neurons.reshape(networks, width, len(X), len(X)).sum(axis=1)
        lowest = np.maximum(np.linalg.eigvalsh(kernels)[:, 0], 0.0)
        means.append(lowest.mean())
        errors.append(lowest.std(ddof=1) / np.sqrt(networks))
    return np.array(means), np.array(errors)


def relu(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return max(z, 0) and its derivative."""
    return np.maximum(z, 0.0), (z > 0.0).astype(np.float64)


def identity(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return z and 1."""
    return z, np.ones_like(z)
