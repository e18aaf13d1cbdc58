"""Two independent uniform points of the unit sphere: the exact law of their inner product, and Herbst's argument."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float
from scipy.special import betainc

from odeflow.panels import along
from odeflow.symbolic.derivations import Step, cite, define, infer, show_equal
from odeflow.theorem import Claim, Evidence

__all__ = [
    "DEVIATION",
    "DIMENSION",
    "LEVEL",
    "LIPSCHITZ",
    "SAMPLES",
    "cap",
    "herbst",
    "tail_evidence",
    "tail_ratio",
    "uniform_points",
]

DIMENSION, SAMPLES = sp.symbols("d N", positive=True, integer=True)
LEVEL, DEVIATION, LIPSCHITZ = sp.symbols("nu t rho", positive=True)


def cap(dimension: Any, level: Any) -> Any:
    """Return P(|x.y| >= level) for independent uniform points of the unit sphere in R^d, d >= 2.

    (x.y)^2 has the beta law with parameters 1/2 and (d-1)/2.
    """
    return betainc((np.asarray(dimension) - 1.0) / 2.0, 0.5, 1.0 - np.asarray(level) ** 2)


def tail_ratio(claim: Claim, dimension: Any, deviation: Any, *, lipschitz: float) -> np.ndarray:
    """Return probability / bound for l = x_1 (|grad l| = 1) or l = x.y (sqrt(2)), which have one law, that of `cap`."""
    bound = claim.bound({DIMENSION: dimension, DEVIATION: deviation, LIPSCHITZ: lipschitz})
    exact = cap(dimension, deviation)
    return np.where(exact > 1e-280, exact / np.maximum(bound, 1e-290), 0.0)


def tail_evidence(claim: Claim, seed: int, observable: str, *, lipschitz: float) -> Evidence:
    """Hold a tail bound against the exact law in 60 dimensions, at 400 deviations."""
    dimensions = np.unique(np.geomspace(2, 5000, 60).astype(int))[:, None].astype(float)
    deviations = np.linspace(0.0025, 0.9975, 400)[None, :]
    ratios = tail_ratio(claim, dimensions, deviations, lipschitz=lipschitz)
    found, one = float(ratios.max()), dimensions[dimensions.size // 4, 0]
    return Evidence.measured(
        claim,
        f"{observable}: largest probability / bound {found:.4g}",
        contradicted=found > 1.0 + 1e-9,
        error_bar="1e-9 (incomplete beta function in floats)",
        cases=dimensions.size * deviations.size,
        seed=seed,
        picture=along(
            deviations[0],
            {"exact probability": cap(one, deviations[0])},
            {"claimed bound": claim.bound({DIMENSION: one, DEVIATION: deviations[0], LIPSCHITZ: lipschitz})},
            title=f"{observable} in dimension {one:g}: below the bound",
            xlabel="deviation t from the mean",
            ylabel="P(|l - E l| >= t)",
            yscale="log",
            line=True,
        ),
    )


def uniform_points(count: int, dimension: int, rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
    """Return `count` independent uniform points of the unit sphere, one a row."""
    points = rng.standard_normal((count, dimension))
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True))


def herbst(inequality: str, constant: sp.Expr, lipschitz: sp.Expr = LIPSCHITZ) -> tuple[list[Step], sp.Expr]:
    """Return Herbst's argument from a log-Sobolev inequality Ent(f^2) <= (2/constant) E|grad f|^2, and the tail.

    The tail is exp(-constant t^2/(2 lipschitz^2)), on either side of the mean.
    """
    s = sp.Symbol("s", positive=True)
    moment = sp.Function("M", positive=True)(s)
    entropy = s * moment.diff(s) - moment * sp.log(moment)
    exponent = -s * DEVIATION + s**2 * lipschitz**2 / (2 * constant)
    best = constant * DEVIATION / lipschitz**2
    steps = [
        cite(inequality),
        define("M(s) = E exp(s (l - E l)); Ent(exp(s l)) = s M' - M log M"),
        show_equal(
            "(log M/s)' = Ent/(s^2 M)",
            sp.expand((sp.log(moment) / s).diff(s) * s**2 * moment),
            sp.expand(entropy),
            name="s^2 M (log M/s)'",
        ),
        show_equal(
            "with f = exp(s l/2): |grad f|^2 <= (s rho/2)^2 exp(s l), so Ent <= (s^2 rho^2/(2 constant)) M",
            2 / constant * (s * lipschitz / 2) ** 2,
            s**2 * lipschitz**2 / (2 * constant),
            name="factor of M",
        ),
        infer("integrate from s = 0, where log M/s is E(l - E l) = 0: log M <= s^2 rho^2/(2 constant)"),
        infer("Chernoff: P(l - E l >= t) <= exp(-s t) M(s) for every s > 0; the same for -l"),
        show_equal(
            "the best s is constant t/rho^2",
            exponent.subs(s, best),
            -constant * DEVIATION**2 / (2 * lipschitz**2),
            name="exponent at this s",
        ),
    ]
    return steps, sp.exp(-constant * DEVIATION**2 / (2 * lipschitz**2))
