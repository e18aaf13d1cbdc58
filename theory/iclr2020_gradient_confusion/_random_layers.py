"""Random layers: moments of normal and chi-square variables, and signals through layers of normal weights."""

from __future__ import annotations

import numpy as np
import sympy as sp
from jaxtyping import Float

__all__ = ["chi_square_moment", "largest_singular_values", "normal_moment"]


def normal_moment(power: int, *, half: bool = False) -> sp.Expr:
    """Return E z^power for z ~ N(0, 1), or E max(z, 0)^power with `half`, by integration."""
    z = sp.Symbol("z", real=True)
    density = sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi)
    return sp.integrate(z**power * density, (z, 0 if half else -sp.oo, sp.oo))


def chi_square_moment(power: int, n: sp.Symbol) -> sp.Expr:
    """Return the central moment E (chi^2_n - n)^power for symbolic n, from n (n+2) ... (n + 2k - 2) = E (chi^2_n)^k.

    Examples
    --------
    >>> chi_square_moment(2, sp.Symbol("n", positive=True))
    2*n
    """
    raw = [sp.prod([n + 2 * j for j in range(k)]) for k in range(power + 1)]
    return sp.factor(sp.expand(sum(sp.binomial(power, k) * raw[k] * (-n) ** (power - k) for k in range(power + 1))))


def largest_singular_values(
    outputs: int, inputs: int, variance: float, *, count: int, seed: int
) -> Float[np.ndarray, " c"]:
    """Return |W| for `count` matrices with independent N(0, variance) entries."""
    rng = np.random.default_rng((seed, outputs, inputs))
    drawn = np.sqrt(variance) * rng.standard_normal((count, outputs, inputs))
    return np.asarray(np.linalg.svd(drawn, compute_uv=False)[:, 0])
