r"""Observation 1 and Claim 2 agree: gamma w is the gradient's projection, and balance gives (12) with N = 2.

Assumptions
-----------
w = w_2 w_1 is not 0.

Source
------
Arora, Cohen and Hazan (2018), section 3 (gamma) beside equation (12).

Idea of the proof
-----------------
gamma w = eta <w_1, g> w_1 = eta |w_1|^2 Pr_w g. With |w_1|^2 = w_2^2 = |w| the step of Observation 1 is
w - eta |w| (g + Pr_w g): (12) for N = 2.

Deviations from the paper
-------------------------
The paper does not connect the two.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, assume, by, define, equate, show_equal
from odeflow.symbolic.inner_products import inner, linear_in_words, norm2
from odeflow.symbolic.preconditioners import DEPTH
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration import observation1_identity
from theory.arora2018_implicit_acceleration import single_output_rule as rule
from theory.arora2018_implicit_acceleration._warmup import (
    END,
    FIRST,
    GRADIENT,
    NOW,
    SECOND,
    SLOPE,
    STEP,
    after_one_step,
    show_words,
    word,
)
from theory.arora2018_implicit_acceleration.notation import PAPER

PROJECTED = inner(NOW, GRADIENT) / norm2(NOW) * NOW


def step_is(radial: sp.Expr) -> Claim:
    """Return the claim w^+ = w - eta w_2^2 g - eta radial Pr_w g + eta^2 <w_1, g> w_2 g."""
    right = NOW - (STEP * SECOND**2 - STEP**2 * SLOPE * SECOND) * GRADIENT - STEP * radial * PROJECTED
    return Claim(
        "The momentum-like term gamma w of Observation 1 is eta |w_1|^2 times the projection of the gradient onto w.",
        equate(END, right.as_expr()),
        ("one step of gradient descent on L(w_1 w_2)", "w is not 0"),
        observation1_identity.WHERE,
    )


CLAIM = step_is(norm2(FIRST))


def derive(claim: Claim) -> Derivation:
    """Multiply out; then put balance in."""
    two = linear_in_words(rule.CLAIM.formula.rhs.subs(DEPTH, 2))
    along = inner(NOW, GRADIENT)
    of_g, of_w = two[word("g")], two[word("w")] * norm2(NOW)

    def balanced(value: sp.Expr) -> sp.Expr:
        known = {norm2(NOW): SECOND**2 * norm2(FIRST)}
        return sp.powdenest(value.xreplace(known).xreplace({norm2(FIRST): SECOND**2}))

    return Derivation(
        (
            assume("w_1^+ = w_1 - eta w_2 g, w_2^+ = w_2 - eta <w_1, g>, w not 0"),
            define("Pr_w g = (<w, g>/|w|^2) w"),
            show_equal(
                "|w|^2 = w_2^2 |w_1|^2, balanced |w_1|^2 = w_2^2: so |w| = w_2^2",
                balanced(norm2(NOW)),
                SECOND**4,
                name="|w|^2",
            ),
            by("single_output_rule, (12)", rule.derive(rule.CLAIM), rule.CLAIM.formula),
            show_equal("its factor of g at N = 2 is w_2^2", balanced(of_g), SECOND**2, name="factor of g"),
            show_equal(
                "its factor of w/|w|^2 at N = 2 is |w_1|^2 <w, g>",
                balanced(of_w),
                balanced(norm2(FIRST) * along),
                name="factor of w/|w|^2",
            ),
            show_words("multiplied out", claim.formula, {END: after_one_step().as_expr()}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Take 30 large steps on an l_4 problem and compare w after each."""
    return observation1_identity.simulate(claim, seed)


def domain() -> st.SearchStrategy[Any]:
    """Rational w_1 != 0, w_2, g and eta."""
    return observation1_identity.domain().filter(lambda case: any(case[0]))


def holds(claim: Claim, case: Any) -> bool:
    """Take one step in rational numbers."""
    return observation1_identity.holds(claim, case)


FALSE_TWINS = (
    FalseTwin("w_2^2 in place of |w_1|^2, without balance", {"claim": step_is(SECOND**2)}),
    FalseTwin("twice the projection", {"claim": step_is(2 * norm2(FIRST))}),
)

THEOREM = Theorem(
    name="observation1_claim2",
    source=Source(PAPER, "Observation 1, gamma", "what gamma is in terms of (12)"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("observation1_identity", "observation1_remainder"),
)
