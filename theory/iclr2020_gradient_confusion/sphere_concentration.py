r"""Lemma E.1 with its constant: Pr[|l(x) - E l| >= t] <= 2 exp(-(d-1) t^2/(2 rho^2)) on the unit sphere.

Assumptions
-----------
x uniform on the **unit** sphere of R^d, d >= 2; l differentiable, |grad l| <= rho.

Source
------
"Gradient Confusion" (2020), Lemma E.1 and (22): 2 exp(-c d t^2/rho^2) with "some fixed constant c".

Idea of the proof
-----------------
The log-Sobolev inequality of the sphere has constant d - 1 (cited); Herbst's argument turns it into the tail.

Deviations from the paper
-------------------------
The paper leaves c open and does not say that the sphere has radius one. As (d-1)/2 >= d/4, this is c = 1/4. For
l = x_1 the exponent (d-1)/2 is right to leading order: c = 1/2 is the limit as d grows.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, assume, infer, show_less
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
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

TAIL = sp.Symbol("Pr[|l - E l| >= t]", nonnegative=True)
LOG_SOBOLEV = "Mueller and Weissler (1982): Ent(f^2) <= (2/(d-1)) E|grad f|^2 on the unit sphere of R^d, d >= 2"


def tail_at_most(bound: sp.Expr) -> Claim:
    """Return the claim Pr[|l - E l| >= t] <= bound."""
    return Claim(
        "A rho-Lipschitz function of a uniform point of the unit sphere concentrates around its mean.",
        sp.Le(TAIL, bound, evaluate=False),
        ("x uniform on the unit sphere of R^d, d >= 2", "|grad l| <= rho"),
        {
            TAIL: "probability of a deviation t from the mean",
            DEVIATION: "deviation",
            DIMENSION: "dimension",
            LIPSCHITZ: "Lipschitz constant of l",
        },
    )


CLAIM = tail_at_most(2 * sp.exp(-(DIMENSION - 1) * DEVIATION**2 / (2 * LIPSCHITZ**2)))


def derive(claim: Claim) -> Derivation:
    """Apply Herbst's argument on both sides of the mean."""
    argument, tail = herbst(LOG_SOBOLEV, DIMENSION - 1)
    steps = [
        assume("x uniform on the unit sphere, |grad l| <= rho"),
        *argument,
        infer("two sides"),
        show_less(
            "c = 1/4 of the printed form will do", DIMENSION / 4, (DIMENSION - 1) / 2, {DIMENSION: sp.Integer(2)}
        ),
    ]
    return Derivation((*steps, conclude("put together", claim.formula, TAIL, 2 * tail, from_=steps)))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Hold the bound against the exact law of l = x_1 in 60 dimensions, at 400 deviations."""
    return tail_evidence(claim, seed, "l = x_1", lipschitz=1.0)


def domain() -> st.SearchStrategy[Any]:
    """Any dimension to 3000 and any deviation."""
    return st.tuples(st.integers(2, 3000), st.floats(1e-3, 0.999))


def holds(claim: Claim, case: tuple[int, float]) -> bool:
    """Compare with the exact law of l = x_1."""
    return float(tail_ratio(claim, float(case[0]), case[1], lipschitz=1.0)) <= 1.0 + 1e-9


FALSE_TWINS = (
    FalseTwin(
        "twice the exponent", {"claim": tail_at_most(2 * sp.exp(-(DIMENSION - 1) * DEVIATION**2 / LIPSCHITZ**2))}
    ),
    FalseTwin(
        "the square of the dimension",
        {"claim": tail_at_most(2 * sp.exp(-(DIMENSION**2) * DEVIATION**2 / (2 * LIPSCHITZ**2)))},
    ),
)

THEOREM = Theorem(
    name="sphere_concentration",
    source=Source(PAPER, "Lemma E.1", "with an explicit constant, on the unit sphere"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED_MODULO,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("sphere_pair_concentration", "gaussian_concentration"),
)
