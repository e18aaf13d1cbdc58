r"""The proof of Corollary 4.1: an epsilon-net of the weights' ball has at most (2r/eps + 1)^d points. Refuted.

Assumptions
-----------
d is the dimension of the data; the ball B_r lies in the space of the weights, of dimension P >= l d + l for beta >= 1.

Source
------
"Gradient Confusion" (2020), (11) and (12).

Idea of the refutation
----------------------
By volume an eps-net of a ball of radius r in R^P has at least (r/eps)^P points. d = 3, l = 2, beta = 1: P = 8, and at
r = 6 eps at least 6^8 points are needed, (2 * 6 + 1)^3 are allowed.

Deviations from the paper
-------------------------
Vershynin's corollary has the dimension of the space in which the ball lies. A net in P > d dimensions takes the
factor d in the exponent's second term to P.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, infer, show_equal, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._spheres import DIMENSION
from theory.iclr2020_gradient_confusion.notation import PAPER

NET, RATIO = sp.Symbol("|net|", positive=True), sp.Symbol("r/eps", positive=True)
WEIGHTS = sp.Symbol("P", positive=True, integer=True)


def net_at_most(count: sp.Expr) -> Claim:
    """Return the claim that an eps-net of the ball needs at most `count` points."""
    return Claim(
        "The ball of weights has an epsilon-net of (2r/eps + 1)^d points, d the dimension of the data.",
        sp.Le(NET, count, evaluate=False),
        ("weights of a network with beta >= 1", "data in R^d"),
        {NET: "least number of points of an eps-net", RATIO: "radius over eps", DIMENSION: "dimension of the data"},
    )


CLAIM = net_at_most((2 * RATIO + 1) ** DIMENSION)
CORRECTED = Claim(
    "The ball of weights has an epsilon-net of (2r/eps + 1)^P points, P the number of weights.",
    sp.Le(NET, (2 * RATIO + 1) ** WEIGHTS, evaluate=False),
    CLAIM.assumptions,
    {**CLAIM.where, WEIGHTS: "number of weights"},
)


def counterexample(claim: Claim) -> Derivation:
    """Count weights and compare volumes."""
    d, width, ratio = sp.Integer(3), sp.Integer(2), sp.Integer(6)
    weights = width * d + width
    needed = ratio**weights
    return Derivation(
        (
            define("d = 3, beta = 1, l = 2: W_0 is 2 by 3, W_1 is 1 by 2; r = 6 eps"),
            show_equal("weights", weights, sp.Integer(8), name="number of weights"),
            infer("the balls of radius eps around the net's points cover B_r: |net| eps^8 >= r^8"),
            show_equal("at least 6^8 points", needed, sp.Integer(1679616), name="number of points"),
            show_violated(
                "13^3 = 2197 are allowed", claim.formula, {NET: needed, RATIO: ratio, DIMENSION: d, WEIGHTS: weights}
            ),
        )
    )


FALSE_TWINS = (FalseTwin("with 3r/eps + 1", {"claim": net_at_most((3 * RATIO + 1) ** DIMENSION)}),)

THEOREM = Theorem(
    name="uniform_confusion_net_printed",
    source=Source(PAPER, "Corollary 4.1, proof, (11)", "the net lies in the space of the weights"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("lipschitz_product", "uniform_confusion_printed"),
)
