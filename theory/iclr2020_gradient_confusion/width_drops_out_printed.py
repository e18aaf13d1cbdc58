r"""Section 4: with |W_p| <= 1 "the dependence of gradient confusion on the layer width goes away in general". Refuted.

Assumptions
-----------
Assumption 1 (|W_p| <= 1), P1, P2.

Source
------
"Gradient Confusion" (2020), section 4 (b), first paragraph, with the example of matrices of one entry 1.

Idea of the refutation
----------------------
Sigmoid with all weights 0: h = x_{i1} x_{j1} l/256 (`confusion_probability_sigmoid_printed`) doubles when the width l
doubles, though every |W_p| = 0.

Deviations from the paper
-------------------------
True when sigma(0) = 0, in the sense that the guarantee of `confusion_probability` names no width; and for the paper's
example with sigma(0) = 0.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, equate, show_equal, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion.layer_gradient_printed import AT_ZERO
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.output_gradient import DEPTH

NARROW, WIDE = sp.symbols("eta(l) eta(2l)", nonnegative=True)


def grows_by(factor: sp.Expr) -> Claim:
    """Return the claim that doubling the width multiplies the confusion by `factor`."""
    return Claim(
        "With operator norms at most 1 the confusion does not depend on the width.",
        equate(WIDE, factor * NARROW),
        ("|W_p| <= 1", "P1 and P2"),
        {NARROW: "confusion at width l", WIDE: "confusion at width 2l, same operator norms"},
    )


CLAIM = grows_by(sp.Integer(1))
CORRECTED = Claim(
    "With sigma(0) = 0 the confusion stays below 4 (beta + 1), whatever the width.",
    sp.Implies(sp.Le(AT_ZERO, 0), sp.Le(WIDE, 4 * (DEPTH + 1), evaluate=False), evaluate=False),
    ("|W_p| <= 1, |sigma'| <= 1 on [-1, 1]", "unit-sphere data, |C| <= 1, square or logistic loss"),
    {WIDE: "confusion", AT_ZERO: "value of the activation at 0", DEPTH: "depth"},
)


def counterexample(claim: Claim) -> Derivation:
    """Double the width of a sigmoid network whose weights are zero."""
    half, quarter, width = sp.Rational(1, 2), sp.Rational(1, 4), sp.Symbol("l", positive=True)
    x, other = sp.Rational(1, 2), -sp.Rational(1, 2)
    h = (-x / 2) * (-other / 2) * quarter**2 * width * half**2
    narrow, wide = (-h.subs(width, size) for size in (1024, 2048))
    return Derivation(
        (
            define("beta = 1, weights 0, sigmoid, C(x) = 1/2 + x_1/2, two samples with x_1 = 1/2 and -1/2"),
            show_equal("h = zeta zeta~ sigma'(0)^2 |H_0|^2 = -l/1024", h, -width / 1024, name="h"),
            show_equal("at width 1024 the confusion is 1", narrow, sp.Integer(1), name="confusion at width 1024"),
            show_equal("at width 2048 it is 2", wide, sp.Integer(2), name="confusion at width 2048"),
            show_violated("it doubles", claim.formula, {NARROW: narrow, WIDE: wide, AT_ZERO: half}),
        )
    )


FALSE_TWINS = (FalseTwin("it grows like the square root", {"claim": grows_by(sp.sqrt(2))}),)

THEOREM = Theorem(
    name="width_drops_out_printed",
    source=Source(PAPER, "Section 4 (b), width", "for sigmoid; true for sigma(0) = 0, see confusion_probability"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("confusion_probability", "confusion_probability_sigmoid_printed"),
)
