r"""P2 for ReLU: |sigma''| <= 1 on [-1, 1], that is |sigma'(a) - sigma'(b)| <= |a - b|. Refuted: the slope jumps.

Assumptions
-----------
sigma = ReLU, a, b in [-1, 1], no one zero.

Source
------
"Gradient Confusion" (2020), section 4: "sigmoid, tanh, softmax and ReLU satisfy these requirements".

Idea of the refutation
----------------------
a = 1/4, b = -1/4: the slopes are 1 and 0, the distance is 1/2. As a and b approach 0 no constant will do. The proof of
Theorem 4.1 uses exactly this Lipschitz property of sigma' (grad_x g_p).

Deviations from the paper
-------------------------
Sigmoid and tanh do satisfy P2: `activation_bounds`. If "second sub-differential" is read almost everywhere, ReLU's is 0
and P2 holds; then it is Theorem 4.1 that is false for ReLU (`confusion_probability_relu_printed`).
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, show_less, show_value, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion.notation import PAPER

CHANGE, DISTANCE = sp.symbols("|sigma'(a)-sigma'(b)| |a-b|", nonnegative=True)
PRODUCT = sp.Symbol("a b", real=True)


def lipschitz(constant: sp.Expr) -> Claim:
    """Return the claim |sigma'(a) - sigma'(b)| <= constant |a - b|."""
    return Claim(
        "ReLU has bounded second differentials on [-1, 1]: its slope changes no faster than its argument.",
        sp.Le(CHANGE, constant * DISTANCE, evaluate=False),
        ("sigma = ReLU", "a, b in [-1, 1], neither zero"),
        {CHANGE: "change of the slope", DISTANCE: "distance of the arguments"},
    )


CLAIM = lipschitz(sp.Integer(1))
CORRECTED = Claim(
    "On one side of its kink the slope of ReLU does not change.",
    sp.Implies(sp.Gt(PRODUCT, 0), sp.Le(CHANGE, DISTANCE, evaluate=False), evaluate=False),
    ("sigma = ReLU", "a and b of one sign"),
    {CHANGE: "change of the slope", DISTANCE: "distance of the arguments", PRODUCT: "product of the arguments"},
)


def counterexample(claim: Claim) -> Derivation:
    """Take a = 1/4 and b = -1/4."""
    a, b, z = sp.Rational(1, 4), sp.Rational(-1, 4), sp.Symbol("z", real=True)
    relu = sp.Max(z, 0)
    slopes = [sp.diff(relu, z).subs(z, place) for place in (a, b)]
    return Derivation(
        (
            define("a = 1/4, b = -1/4"),
            show_less("|a| <= 1 (and b = -a)", sp.Abs(a), sp.Integer(1)),
            show_value("the slope at 1/4", slopes[0], sp.Integer(1)),
            show_value("the slope at -1/4", slopes[1], sp.Integer(0)),
            show_violated("so", claim.formula, {CHANGE: slopes[0] - slopes[1], DISTANCE: a - b, PRODUCT: a * b}),
        )
    )


FALSE_TWINS = (FalseTwin("with the constant 3/2", {"claim": lipschitz(sp.Rational(3, 2))}),)

THEOREM = Theorem(
    name="relu_curvature_printed",
    source=Source(PAPER, "Section 4, P2", "for ReLU"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("activation_bounds", "confusion_probability_relu_printed"),
)
