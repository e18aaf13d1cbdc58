r"""Section 2 and Appendix C, the other reading: the last coefficient is L_H/4. Refuted for L_H > 1.

Assumptions
-----------
As in `hessian_product_bound`.

Source
------
"Gradient Confusion" (2020), section 2 and Appendix C, read with the last coefficient L_H/4. The text that we hold has
lost its superscripts. The line before, |e| <= (L_H/2)|w|^2 squared, gives L_H^2: this reading is not held against the
paper, it is refuted so that nobody takes it up.

Idea of the refutation
----------------------
f_1 = f_2 = |w|^3/3 on the line: L_H = 2, H(0) = 0, gradients w|w|; at w = 1 the product is 1, the bound 1/2.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, show_equal, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import hessian_product_bound as right
from theory.iclr2020_gradient_confusion.hessian_product_bound import (
    FIRST,
    LIPSCHITZ,
    PRODUCT,
    RADIUS,
    SECOND,
    product_at_most,
)
from theory.iclr2020_gradient_confusion.notation import PAPER

CLAIM = product_at_most(LIPSCHITZ / 4)


def counterexample(claim: Claim) -> Derivation:
    """Two equal cubics |w|^3/3 at w = 1."""
    w = sp.Symbol("w", positive=True)
    gradient = sp.diff(w**3 / 3, w)
    at = {PRODUCT: sp.Integer(1), RADIUS: sp.Integer(1), FIRST: sp.Integer(0), SECOND: sp.Integer(0)}
    return Derivation(
        (
            assume("f_1 = f_2 = |w|^3/3 on the line: an odd gradient w|w|, the Hessian 2|w| with Lipschitz constant 2"),
            show_equal("for w > 0 the gradient is w^2", gradient, w**2, name="gradient"),
            show_equal("the Hessian is 2 w", sp.Derivative(gradient, w), 2 * w),
            show_equal("so H(0) = 0", sp.diff(gradient, w).subs(w, 0), sp.Integer(0), name="H(0)"),
            show_equal("the slope of the Hessian, L_H", sp.Derivative(gradient, w, 2), sp.Integer(2)),
            show_equal(
                "the product of the gradients at w = 1",
                (gradient**2).subs(w, 1),
                sp.Integer(1),
                name="product of the gradients at w = 1",
            ),
            show_violated("against the bound", claim.formula, {**at, LIPSCHITZ: sp.Integer(2)}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Hold the 2000 pairs of `hessian_product_bound` against this reading."""
    return right.simulate(claim, seed)


FALSE_TWINS = (FalseTwin("L_H/8", {"claim": product_at_most(LIPSCHITZ / 8)}),)

THEOREM = Theorem(
    name="hessian_product_bound_unsquared",
    source=Source(PAPER, "Section 2 and Appendix C, Hessians", "read with L_H/4; hessian_product_bound has L_H^2/4"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=right.CLAIM,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("hessian_product_bound",),
)
