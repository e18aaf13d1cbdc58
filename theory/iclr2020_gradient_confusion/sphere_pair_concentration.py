r"""Corollary E.1 with its constant: for two independent points Pr[|l - E l| >= t] <= 2 exp(-(d-1) t^2/(2 rho^2)).

Assumptions
-----------
x, y independent, uniform on the unit sphere of R^d, d >= 2; |grad_{(x,y)} l| <= rho.

Source
------
"Gradient Confusion" (2020), Corollary E.1 and (23), with a constant c left open.

Idea of the proof
-----------------
A log-Sobolev inequality with constant d - 1 on each factor holds with d - 1 on the product; then Herbst's argument.

Deviations from the paper
-------------------------
The paper's proof conditions on y and applies Lemma E.1, which concentrates around E_x l(x, y) and not around E l
(`sphere_pair_conditioning_printed`). The statement is right.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, assume, cite, infer, show_equal
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import sphere_concentration
from theory.iclr2020_gradient_confusion._spheres import DEVIATION, DIMENSION, LIPSCHITZ, cap, herbst
from theory.iclr2020_gradient_confusion._steps import conclude
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.sphere_concentration import LOG_SOBOLEV, TAIL, tail_at_most

PRODUCT = "entropy is subadditive over independent factors (Boucheron, Lugosi and Massart 2013, Theorem 4.22)"


def of_pairs(bound: sp.Expr) -> Claim:
    """Return the claim for a function of two independent points."""
    claim = tail_at_most(bound)
    return Claim(
        "A rho-Lipschitz function of two independent points of the unit sphere concentrates around its mean.",
        claim.formula,
        ("x, y independent, uniform on the unit sphere of R^d, d >= 2", "|grad_{(x,y)} l| <= rho"),
        claim.where,
    )


CLAIM = of_pairs(sphere_concentration.CLAIM.formula.rhs)


def derive(claim: Claim) -> Derivation:
    """Tensorise, then apply Herbst's argument."""
    argument, tail = herbst(LOG_SOBOLEV, DIMENSION - 1)
    first, second = sp.symbols("g_x g_y", nonnegative=True)
    steps = [
        assume("x, y independent, uniform on the unit sphere, |grad_x l|^2 + |grad_y l|^2 <= rho^2"),
        cite(PRODUCT),
        show_equal(
            "the two factors' gradients add up to that of the pair",
            2 / (DIMENSION - 1) * first**2 + 2 / (DIMENSION - 1) * second**2,
            2 / (DIMENSION - 1) * (first**2 + second**2),
        ),
        *argument,
        infer("two sides"),
    ]
    return Derivation((*steps, conclude("put together", claim.formula, TAIL, 2 * tail, from_=steps)))


def ratio(claim: Claim, dimension: Any, deviation: Any) -> np.ndarray:
    """Return probability / bound for l = x.y, whose law is known; its gradient (y, x) has norm sqrt(2)."""
    bound = claim.bound({DIMENSION: dimension, DEVIATION: deviation, LIPSCHITZ: np.sqrt(2.0)})
    exact = cap(dimension, deviation)
    return np.where(exact > 1e-280, exact / np.maximum(bound, 1e-290), 0.0)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Hold the bound against the exact law of l = x.y in 60 dimensions, at 400 deviations."""
    dimensions = np.unique(np.geomspace(2, 5000, 60).astype(int))[:, None].astype(float)
    deviations = np.linspace(0.0025, 0.9975, 400)[None, :]
    found = float(ratio(claim, dimensions, deviations).max())
    return Evidence.measured(
        claim,
        f"l = x.y: largest probability / bound {found:.4g}",
        contradicted=found > 1.0 + 1e-9,
        error_bar="1e-9 (incomplete beta function in floats)",
        cases=dimensions.size * deviations.size,
        seed=seed,
    )


def domain() -> st.SearchStrategy[Any]:
    """Any dimension to 3000 and any deviation."""
    return sphere_concentration.domain()


def holds(claim: Claim, case: tuple[int, float]) -> bool:
    """Compare with the exact law of l = x.y."""
    return float(ratio(claim, float(case[0]), case[1])) <= 1.0 + 1e-9


FALSE_TWINS = (
    FalseTwin(
        "four times the exponent", {"claim": of_pairs(2 * sp.exp(-2 * (DIMENSION - 1) * DEVIATION**2 / LIPSCHITZ**2))}
    ),
)

THEOREM = Theorem(
    name="sphere_pair_concentration",
    source=Source(PAPER, "Corollary E.1", "with an explicit constant, by a proof that holds"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED_MODULO,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("sphere_pair_conditioning_printed", "sphere_concentration"),
)
