r"""What Observation 1 neglects: exactly eta^2 <w_1, g> w_2 g.

Assumptions
-----------
One step of gradient descent on L(w_1, w_2) = L(w_1 w_2); w_2 is not 0. Any differentiable L.

Source
------
Arora, Cohen and Hazan (2018), section 3: "eta is assumed to be small, thus we neglect O(eta^2)".

Idea of the proof
-----------------
Multiply out and collect: w^+ = w - rho g - gamma w + eta^2 <w_1, g> w_2 g with rho = eta w_2^2 and
gamma = eta <w_1, g>/w_2.

Deviations from the paper
-------------------------
The remainder is one term of order eta^2 a step. The momentum coefficients are of order eta^2 each as well; they count
because there are 1/eta of them (`observation1_momentum`).
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, assume, define, equate
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration import observation1_identity
from theory.arora2018_implicit_acceleration._warmup import (
    END,
    GRADIENT,
    NOW,
    SECOND,
    SLOPE,
    STEP,
    after_one_step,
    show_words,
)
from theory.arora2018_implicit_acceleration.notation import PAPER

RHO, GAMMA = STEP * SECOND**2, STEP * SLOPE / SECOND


def remainder_is(factor: sp.Expr) -> Claim:
    """Return the claim w^+ = w - rho g - gamma w + factor g."""
    return Claim(
        "The term that Observation 1 neglects is eta^2 <w_1, g> w_2 g, and nothing else.",
        equate(END, ((1 - GAMMA) * NOW).as_expr() - ((RHO - factor) * GRADIENT).as_expr()),
        ("one step of gradient descent on L(w_1 w_2)", "w_2 is not 0"),
        observation1_identity.WHERE,
    )


CLAIM = remainder_is(STEP**2 * SLOPE * SECOND)


def derive(claim: Claim) -> Derivation:
    """Multiply the two updates and collect."""
    return Derivation(
        (
            assume("w_1^+ = w_1 - eta w_2 g, w_2^+ = w_2 - eta <w_1, g>, w_2 not 0"),
            define("the paper's learning rate rho", equate(sp.Symbol("rho"), RHO)),
            define("and its factor gamma", equate(sp.Symbol("gamma"), GAMMA)),
            show_words("multiplied out", claim.formula, {END: after_one_step().as_expr()}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Take 30 large steps on an l_4 problem and compare w after each."""
    return observation1_identity.simulate(claim, seed)


def domain() -> st.SearchStrategy[Any]:
    """Rational w_1, w_2, g and eta."""
    return observation1_identity.domain()


def holds(claim: Claim, case: Any) -> bool:
    """Take one step in rational numbers."""
    return observation1_identity.holds(claim, case)


FALSE_TWINS = (
    FalseTwin("nothing is neglected", {"claim": remainder_is(sp.Integer(0))}),
    FalseTwin("with the other sign", {"claim": remainder_is(-(STEP**2) * SLOPE * SECOND)}),
)

THEOREM = Theorem(
    name="observation1_remainder",
    source=Source(PAPER, "Observation 1, the neglected term", "exact"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("observation1_identity", "observation1_momentum"),
)
