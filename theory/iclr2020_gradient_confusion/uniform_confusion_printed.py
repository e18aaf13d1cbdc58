r"""Corollary 4.1, first branch, for ReLU: on a small ball the bound holds with probability tending to 1. Refuted.

Assumptions
-----------
Those of Corollary 4.1: W satisfies Assumption 1, ball B_r around W with r <= eta/(4 zeta_0^2), unit-sphere data.

Source
------
"Gradient Confusion" (2020), Corollary 4.1, first branch.

Idea of the refutation
----------------------
W itself lies in the ball. At the network of `confusion_probability_relu_printed` the bound eta = 1/40 alone holds with
probability tending to 1/2.

Deviations from the paper
-------------------------
The proof also takes the maximum over pairs for the minimum (`uniform_confusion_maximum_printed`), the gradient of a
linear model (grad f = zeta x), and a net in too few dimensions (`uniform_confusion_net_printed`). For sigma(0) = 0 with
bounded sigma'' a corrected corollary would rest on `confusion_probability` and `lipschitz_product`; it is not proved
here.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, by, define, infer, negation, show_equal, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import confusion_probability_relu_printed as relu
from theory.iclr2020_gradient_confusion.notation import PAPER

UNIFORM = sp.Symbol("lim_{d} Pr[h > -1/40 on B_r]", nonnegative=True)
CENTRE = relu.LIMIT


def limit_at_least(value: sp.Expr) -> Claim:
    """Return the claim that the probability of the uniform bound has a limit of at least `value`."""
    return Claim(
        "Around every W of Assumption 1 the confusion bound 1/40 holds uniformly, with probability tending to 1.",
        sp.Ge(UNIFORM, value, evaluate=False),
        ("|W_p| <= 1, P1 and P2 (ReLU)", "unit-sphere data", "r <= eta/(4 zeta_0^2)"),
        {UNIFORM: "limit of the probability that the bound 1/40 holds at every point of the ball"},
    )


CLAIM = limit_at_least(sp.Integer(1))
CORRECTED = Claim(
    "The bound holds uniformly on the ball with at most the probability that it holds at the centre.",
    sp.Le(UNIFORM, 1 - CENTRE, evaluate=False),
    CLAIM.assumptions,
    {**CLAIM.where, CENTRE: "limit of the probability that the bound is violated at the centre of the ball"},
)


def counterexample(claim: Claim) -> Derivation:
    """Look at the centre of the ball."""
    half = sp.Rational(1, 2)
    return Derivation(
        (
            define("the network and the labels of confusion_probability_relu_printed at the centre of B_r, any r"),
            by("confusion_probability_relu_printed", relu.counterexample(relu.CLAIM), negation(relu.CLAIM.formula)),
            infer("there h <= -1/40 has a probability that tends to 1/2; the uniform bound excludes it"),
            show_equal(
                "so the uniform bound's probability tends to at most", 1 - half, half, name="limit of the probability"
            ),
            show_violated("so", claim.formula, {UNIFORM: half, CENTRE: half}),
        )
    )


FALSE_TWINS = (FalseTwin("at least 3/4", {"claim": limit_at_least(sp.Rational(3, 4))}),)

THEOREM = Theorem(
    name="uniform_confusion_printed",
    source=Source(PAPER, "Corollary 4.1, first branch", "for ReLU; nothing corrected is proved here"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("confusion_probability", "uniform_confusion_maximum_printed", "uniform_confusion_net_printed"),
)
