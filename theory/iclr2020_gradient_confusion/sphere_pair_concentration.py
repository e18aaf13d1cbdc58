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
from theory.iclr2020_gradient_confusion._spheres import (
    DEVIATION,
    DIMENSION,
    LIPSCHITZ,
    herbst,
    tail_evidence,
    tail_ratio,
)
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


def simulate(claim: Claim, seed: int) -> Evidence:
    """Hold the bound against the exact law of l = x.y in 60 dimensions, at 400 deviations."""
    return tail_evidence(claim, seed, "l = x.y", lipschitz=float(np.sqrt(2.0)))


def domain() -> st.SearchStrategy[Any]:
    """Any dimension to 3000 and any deviation."""
    return sphere_concentration.domain()


def holds(claim: Claim, case: tuple[int, float]) -> bool:
    """Compare with the exact law of l = x.y."""
    return float(tail_ratio(claim, float(case[0]), case[1], lipschitz=float(np.sqrt(2.0)))) <= 1.0 + 1e-9


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
