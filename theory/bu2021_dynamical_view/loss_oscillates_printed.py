r"""Section 4 as printed: heavy ball has "non-monotone loss dynamics". Refuted at critical damping.

Assumptions
-----------
H constant, symmetric, H >= r^2 I; Delta'' + 2r Delta' + H Delta = 0; Delta'(0) = 0.

Source
------
Bu, Xu and Chen (2021), section 4: "NAG and HB are well-known to have non-monotone loss dynamics, which is different
than GD."

Idea of the refutation
----------------------
At H = r^2 I, which the paper's hypothesis lambda_min(H) >= lambda_0/2 allows, the loss is (1 + rt)^2 e^{-2rt} L(0): it
falls for ever.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, infer, show_equal, show_less, show_violated
from odeflow.symbolic.modes import heavy_ball_modes
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.loss_oscillates import RISE
from theory.bu2021_dynamical_view.notation import LAMBDA, PAPER, RATE, T


def rises(formula: sp.Basic) -> Claim:
    """Return the claim about the largest rise of the loss."""
    return Claim(
        "With a frozen kernel heavy ball's loss rises somewhere.",
        formula,
        ("H is constant and symmetric with H >= r^2 I", "b = 2r", "Delta'(0) = 0"),
        {RISE: "largest rise of the loss over all pairs of times", LAMBDA: "largest eigenvalue of H"},
    )


CLAIM = rises(sp.Gt(RISE, 0, evaluate=False))
CORRECTED = rises(sp.Implies(sp.Gt(LAMBDA, RATE**2, evaluate=False), sp.Gt(RISE, 0, evaluate=False)))


def counterexample(claim: Claim) -> Derivation:
    """H = r^2 I at r = 1: the loss is (1 + t)^2 e^{-2t} L(0)."""
    _, critical, _ = heavy_ball_modes(RATE)
    x = critical.response.subs(RATE, 1)
    slope = sp.diff(x**2, T)
    return Derivation(
        (
            assume("H = r^2 I, r = 1"),
            *critical.verify().steps,
            show_equal("the loss changes at the rate -2t (1 + t) e^{-2t}", slope, -2 * T * (1 + T) * sp.exp(-2 * T)),
            show_less("which is <= 0", sp.expand(slope * sp.exp(2 * T)), sp.Integer(0)),
            infer("so the loss never rises"),
            show_violated(
                "the largest rise is 0",
                claim.formula,
                {RISE: sp.Integer(0), LAMBDA: sp.Integer(1), RATE: sp.Integer(1)},
            ),
        )
    )


FALSE_TWINS = (
    FalseTwin(
        "whenever lambda_max >= r^2",
        {"claim": rises(sp.Implies(sp.Ge(LAMBDA, RATE**2, evaluate=False), sp.Gt(RISE, 0, evaluate=False)))},
    ),
)

THEOREM = Theorem(
    name="loss_oscillates_printed",
    source=Source(PAPER, "Section 4, after Theorem 3", "as printed, about heavy ball"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("loss_oscillates", "nesterov_loss_oscillates"),
)
