r"""Equation (22) as printed: dL/du_j = p (y_j - u_j)^{p-1} for L = sum (y - u)^p. Refuted: the sign.

Assumptions
-----------
L = sum_i (y_i - u_i)^p as section 3 defines it, p even.

Source
------
Path formula paper (ICLR 2020), Appendix A, equation (22).

Idea of the refutation
----------------------
p = 2, y = 1, u = 0: L = (1 - u)^2 has the derivative -2 there; printed is +2.

Deviations from the paper
-------------------------
A lost minus sign in the text we hold cannot be excluded; (23), which the paper derives from it, has the right sign.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, show_value, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import lp_gradient
from theory.iclr2020_path_formula.lp_gradient import GRADIENT, OUTPUT, POWER, TARGET, gradient_is
from theory.iclr2020_path_formula.notation import PAPER

CLAIM = gradient_is(POWER * (TARGET - OUTPUT) ** (POWER - 1))


def counterexample(claim: Claim) -> Derivation:
    """Differentiate (1 - u)^2 at u = 0."""
    slope = sp.diff((TARGET - OUTPUT) ** 2, OUTPUT).xreplace({TARGET: sp.S.One, OUTPUT: sp.S.Zero})
    return Derivation(
        (
            assume("one sample, p = 2, y = 1, u = 0"),
            show_value("d(y - u)^2/du there", slope, sp.Integer(-2)),
            show_violated(
                "there",
                claim.formula,
                {GRADIENT: slope, TARGET: sp.S.One, OUTPUT: sp.S.Zero, POWER: sp.Integer(2)},
            ),
        )
    )


FALSE_TWINS = (FalseTwin("zero", {"claim": gradient_is(sp.S.Zero)}),)

THEOREM = Theorem(
    name="lp_gradient_printed",
    source=Source(PAPER, "(22)", "as printed; corrected in lp_gradient"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=lp_gradient.CLAIM,
    twins=FALSE_TWINS,
    related=("lp_gradient",),
)
