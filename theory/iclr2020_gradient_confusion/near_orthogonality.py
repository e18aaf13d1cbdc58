r"""Lemma B.1: Pr[|x_i.x_j| > nu for some i != j] <= N^2 sqrt(pi/8) exp(-(d-1) nu^2/2).

Assumptions
-----------
x_1, ..., x_N independent and uniform on the unit sphere of R^d, d >= 2, 0 < nu < 1.

Source
------
"Gradient Confusion" (2020), Lemma B.1 and (5), ascribed to Milman and Schechtman.

Idea of the proof
-----------------
t = x.y has density c (1 - t^2)^{(d-3)/2}. G = (1 - nu^2)^{(d-1)/2} - Pr[|t| >= nu] vanishes at 0 and at 1, and
G' = (1 - nu^2)^{(d-3)/2} (2c - (d-1) nu) changes sign once, from + to -: so G >= 0. Then 1 - nu^2 <= exp(-nu^2), and a
union over N(N-1)/2 pairs.

Deviations from the paper
-------------------------
An elementary proof instead of the citation. The classical cap bound has d - 2 in the exponent; the paper's d - 1 is
right. The prefactor is loose by sqrt(pi/2): `near_orthogonality_sharper`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, Step, assume, define, infer, show_equal, show_less
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._spheres import DIMENSION, LEVEL, SAMPLES, cap
from theory.iclr2020_gradient_confusion._steps import conclude
from theory.iclr2020_gradient_confusion.notation import PAPER

SOME_PAIR = sp.Symbol("Pr[max |x_i.x_j| > nu]", nonnegative=True)


def at_most(bound: sp.Expr, statement: str) -> Claim:
    """Return the claim that some pair exceeds nu with probability at most `bound`."""
    return Claim(
        statement,
        sp.Le(SOME_PAIR, bound, evaluate=False),
        ("x_1, ..., x_N independent, uniform on the unit sphere of R^d, d >= 2", "0 < nu < 1"),
        {
            SOME_PAIR: "probability that some pair has |x_i.x_j| > nu",
            SAMPLES: "number of points",
            DIMENSION: "dimension",
            LEVEL: "level of the inner product",
        },
    )


EXPONENTIAL = sp.exp(-(DIMENSION - 1) * LEVEL**2 / 2)
CLAIM = at_most(
    SAMPLES**2 * sp.sqrt(sp.pi / 8) * EXPONENTIAL, "Uniform points of a high-dimensional sphere are nearly orthogonal."
)
PAIRS = SAMPLES * (SAMPLES - 1) / 2


def caps() -> list[Step]:
    """Return the steps to Pr[|x.y| >= nu] <= (1 - nu^2)^{(d-1)/2}."""
    density = sp.Symbol("c", positive=True)
    power = (1 - LEVEL**2) ** ((DIMENSION - 1) / 2)
    slope = power.diff(LEVEL) + 2 * density * (1 - LEVEL**2) ** ((DIMENSION - 3) / 2)
    return [
        assume("x, y independent and uniform on the unit sphere of R^d, d >= 2"),
        define("t = x.y has density c (1 - t^2)^{(d-3)/2} on (-1, 1); G = (1 - nu^2)^{(d-1)/2} - Pr[|t| >= nu]"),
        show_equal(
            "G' over (1 - nu^2)^{(d-3)/2} is 2c - (d-1) nu, which falls",
            sp.powsimp(sp.expand(slope / (1 - LEVEL**2) ** ((DIMENSION - 3) / 2)), force=True),
            2 * density - (DIMENSION - 1) * LEVEL,
        ),
        show_equal("G(0) = 1 - Pr[|t| >= 0] = 0", power.subs(LEVEL, 0), sp.Integer(1), name="Pr[|t| >= 0]"),
        infer("G(1) = 0 - 0; G rises, then falls (or only one of these) between two zeros: G >= 0"),
    ]


def exponential() -> list[Step]:
    """Return the step (1 - nu^2)^{(d-1)/2} <= exp(-(d-1) nu^2/2)."""
    u = sp.Symbol("u", positive=True)
    gap = sp.exp(-u) - (1 - u)
    grown = sp.Symbol("e", nonnegative=True)  # e^u - 1 > 0
    return [
        show_equal("exp(-u) - (1 - u) vanishes at 0", sp.Subs(gap, u, 0), sp.Integer(0)),
        show_equal("its derivative is 1 - exp(-u)", sp.Derivative(gap, u), 1 - sp.exp(-u)),
        show_less("which is (e^u - 1)/e^u >= 0", sp.Integer(0), 1 - 1 / (1 + grown)),
        infer("so 1 - nu^2 <= exp(-nu^2); raise both to the power (d-1)/2"),
    ]


def derive(claim: Claim) -> Derivation:
    """Bound one pair, then sum over N(N-1)/2 of them."""
    steps = [
        *caps(),
        *exponential(),
        infer("union over the N(N-1)/2 pairs"),
        show_less("1/2 <= sqrt(pi/8), that is 1/4 <= pi/8", sp.Rational(1, 4), sp.pi / 8),
    ]
    last = conclude(
        "put together", claim.formula, SOME_PAIR, PAIRS * EXPONENTIAL, from_=steps, lower={SAMPLES: sp.Integer(1)}
    )
    return Derivation((*steps, last))


def ratio(claim: Claim, dimension: Any, level: Any, count: int) -> np.ndarray:
    """Return a lower bound on the probability over the claimed bound; exact for two points.

    The events of the M pairs are pairwise independent, so their union has probability at least M p - M(M-1)p^2/2.
    """
    pairs = count * (count - 1) / 2
    p = cap(dimension, level)
    least = pairs * p - pairs * (pairs - 1) / 2 * p**2
    bound = claim.bound({DIMENSION: dimension, LEVEL: level, SAMPLES: float(count)})
    return np.where(bound > 1e-280, least / np.maximum(bound, 1e-280), 0.0)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Hold the bound against the exact law on a grid: 60 dimensions to 5000, 400 levels, N = 2, 3 and 10."""
    dimensions = np.unique(np.geomspace(2, 5000, 60).astype(int))[:, None].astype(float)
    levels = np.linspace(0.0025, 0.9975, 400)[None, :]
    ratios = {n: ratio(claim, dimensions, levels, n) for n in (2, 3, 10)}
    found, one = float(max(r.max() for r in ratios.values())), dimensions[dimensions.size // 4, 0]
    return Evidence.measured(
        claim,
        f"largest probability / bound {found:.4g}",
        contradicted=found > 1.0 + 1e-9,
        error_bar="1e-9 (incomplete beta function in floats)",
        cases=3 * dimensions.size * levels.size,
        seed=seed,
        picture=along(
            levels[0],
            {"exact probability": cap(one, levels[0])},
            {"claimed bound": claim.bound({DIMENSION: one, LEVEL: levels[0], SAMPLES: 2.0})},
            title=f"Two points in dimension {one:g}: below the bound",
            xlabel="level nu",
            ylabel="P(|x.y| > nu)",
            yscale="log",
            line=True,
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Any dimension to 3000, any level, 2 to 20 points."""
    return st.tuples(st.integers(2, 3000), st.floats(1e-3, 0.999), st.integers(2, 20))


def holds(claim: Claim, case: tuple[int, float, int]) -> bool:
    """Compare with the exact law."""
    dimension, level, count = case
    return float(ratio(claim, float(dimension), level, count)) <= 1.0 + 1e-9


FALSE_TWINS = (
    FalseTwin(
        "a quarter of the prefactor",
        {"claim": at_most(SAMPLES**2 * sp.sqrt(sp.pi / 128) * EXPONENTIAL, CLAIM.statement)},
    ),
    FalseTwin(
        "twice the exponent", {"claim": at_most(SAMPLES**2 * sp.sqrt(sp.pi / 8) * EXPONENTIAL**2, CLAIM.statement)}
    ),
)

THEOREM = Theorem(
    name="near_orthogonality",
    source=Source(PAPER, "Lemma B.1"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("near_orthogonality_sharper",),
)
