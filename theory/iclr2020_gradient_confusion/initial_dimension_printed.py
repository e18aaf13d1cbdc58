r"""Theorem 4.2's use of Lemma E.1 with l^2 beta dimensions needs at least that many. Refuted: there are fewer weights.

Assumptions
-----------
W_1, ..., W_beta of a network with hidden widths l and one output.

Source
------
"Gradient Confusion" (2020), proof of Theorem 4.2: "the dimension used to invoke theorem E.1 is at most l^2 beta".

Idea of the refutation
----------------------
exp(-c n t^2) gets larger as n falls: an upper bound on the dimension n is of no use, one needs n >= l^2 beta. But
n = (beta - 1) l^2 + l: at beta = 1 it is l, not l^2.

Deviations from the paper
-------------------------
The printed "at most" is true of l by l matrices; refuted is what its use in the exponent asks for. What the weights do
give: `initial_kernel_fluctuation`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, infer, show_equal, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion.initial_kernel_mean import DEPTH
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.operator_norm import WIDTH

COUNT = sp.Symbol("n", positive=True)


def at_least(count: sp.Expr) -> Claim:
    """Return the claim that W_1, ..., W_beta have at least `count` entries."""
    return Claim(
        "The matrices W_1, ..., W_beta have at least l^2 beta entries, as the exponent of Theorem 4.2 needs.",
        sp.Ge(COUNT, count, evaluate=False),
        ("hidden widths l, one output",),
        {COUNT: "number of entries of W_1, ..., W_beta", WIDTH: "width", DEPTH: "depth"},
    )


CLAIM = at_least(WIDTH**2 * DEPTH)


def counterexample(claim: Claim) -> Derivation:
    """Count the weights."""
    entries = (DEPTH - 1) * WIDTH**2 + WIDTH
    at = {WIDTH: sp.Integer(100), DEPTH: sp.Integer(1)}
    return Derivation(
        (
            define("W_1, ..., W_{beta-1} are l by l, W_beta is 1 by l"),
            infer(
                "2 exp(-c n t^2/rho^2) of (22) falls with n: the bound holds with a smaller n, not with a larger one"
            ),
            show_equal("beta = 1, l = 100: entries", entries.xreplace(at), sp.Integer(100), name="number of entries"),
            show_violated("100 is less than 10000", claim.formula, {COUNT: entries.xreplace(at), **at}),
        )
    )


FALSE_TWINS = (FalseTwin("at least l^2 beta/2", {"claim": at_least(WIDTH**2 * DEPTH / 2)}),)

THEOREM = Theorem(
    name="initial_dimension_printed",
    source=Source(PAPER, "Theorem 4.2, proof (dimension)", "the inequality goes the wrong way"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=at_least((DEPTH - 1) * WIDTH**2 + WIDTH),
    twins=FALSE_TWINS,
    related=("initial_kernel_fluctuation", "initial_kernel_fluctuation_printed"),
)
