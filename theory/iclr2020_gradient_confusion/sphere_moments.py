r"""Lemma E.2: a coordinate of a uniform point of the unit sphere has E x_p = 0 and E x_p^2 = 1/d.

Assumptions
-----------
x uniform on the unit sphere of R^d.

Source
------
"Gradient Confusion" (2020), Lemma E.2.

Idea of the proof
-----------------
x and its mirror image have the same law; the d squares have one law and add up to 1. Second route, d >= 2: x_p^2 has
the beta law with parameters 1/2 and (d-1)/2.

Deviations from the paper
-------------------------
None.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, equate, infer, show_equal, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._spheres import DIMENSION, uniform_points
from theory.iclr2020_gradient_confusion.notation import PAPER

FIRST, SECOND = sp.Symbol("E[x_p]", real=True), sp.Symbol("E[x_p^2]", nonnegative=True)


def moments(first: sp.Expr, second: sp.Expr) -> Claim:
    """Return the claim about the first two moments of a coordinate."""
    return Claim(
        "A coordinate of a uniform point of the unit sphere of R^d has mean 0 and second moment 1/d.",
        sp.And(equate(FIRST, first), equate(SECOND, second), evaluate=False),
        ("x uniform on the unit sphere of R^d",),
        {FIRST: "mean of a coordinate", SECOND: "second moment of a coordinate", DIMENSION: "dimension"},
    )


CLAIM = moments(sp.Integer(0), 1 / DIMENSION)


def derive(claim: Claim) -> Derivation:
    """Use the symmetries; check by the beta law."""
    half = sp.Rational(1, 2)
    other = (DIMENSION - 1) * half
    mean_of_beta = sp.gamma(half + 1) * sp.gamma(half + other) / (sp.gamma(half) * sp.gamma(half + other + 1))
    return Derivation(
        (
            assume("x uniform on the unit sphere"),
            infer("-x has the law of x: E x_p = E[-x_p], so E x_p = 0"),
            infer("x_1, ..., x_d have one law, and x_1^2 + ... + x_d^2 = 1: d E x_p^2 = 1"),
            show_equal("the mean of the beta law gives 1/d too", mean_of_beta, 1 / DIMENSION),
            show_with("so", claim.formula, {FIRST: sp.Integer(0), SECOND: 1 / DIMENSION}),
        )
    )


def claimed(claim: Claim, dimension: int) -> tuple[float, float]:
    """Return the claimed moments in floats."""
    parts = {part.lhs: part.rhs for part in claim.formula.args}
    return tuple(float(parts[s].subs(DIMENSION, dimension)) for s in (FIRST, SECOND))  # type: ignore[return-value]


def sampled(claim: Claim, dimension: int, rng: np.random.Generator, count: int) -> np.ndarray:
    """Return the two moments, each as claimed, of a sample, and with its standard error."""
    first, second = claimed(claim, dimension)
    x = uniform_points(count, dimension, rng)[:, 0]
    return np.array(
        [(value, m.mean(), max(float(m.std()) / np.sqrt(count), 1e-12)) for m, value in ((x, first), (x**2, second))]
    )


def deviation(samples: np.ndarray) -> float:
    """Return the largest distance of sample moments from the claimed ones, in standard errors."""
    claimed, seen, errors = samples.T
    return float((np.abs(seen - claimed) / errors).max())


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw 20000 points in five dimensions."""
    rng = np.random.default_rng(seed)
    dimensions = (1, 2, 3, 10, 40)
    samples = [sampled(claim, d, rng, 20_000) for d in dimensions]
    found = max(map(deviation, samples))
    claimed, seen, errors = np.array([second for _, second in samples]).T
    return Evidence.measured(
        claim,
        f"largest distance from the sample moments {found:.2f} standard errors",
        contradicted=found > 6.0,
        error_bar="6 standard errors",
        cases=100_000,
        seed=seed,
        picture=along(
            dimensions,
            seen,
            claimed,
            title="The second moment of a coordinate is 1/d",
            xlabel="dimension d",
            ylabel="mean of x_1^2",
            xscale="log",
            yscale="log",
            interval=(seen - errors, seen + errors),
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Dimension and seed."""
    return st.tuples(st.integers(1, 30), st.integers(0, 2**32 - 1))


def holds(claim: Claim, case: tuple[int, int]) -> bool:
    """Compare with 2000 points, at 7 standard errors."""
    return deviation(sampled(claim, case[0], np.random.default_rng(case[1]), 2_000)) < 7.0


FALSE_TWINS = (
    FalseTwin("1/(d+1)", {"claim": moments(sp.Integer(0), 1 / (DIMENSION + 1))}),
    FalseTwin("mean 1/d", {"claim": moments(1 / DIMENSION, 1 / DIMENSION)}),
)

THEOREM = Theorem(
    name="sphere_moments",
    source=Source(PAPER, "Lemma E.2"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("sphere_concentration",),
)
