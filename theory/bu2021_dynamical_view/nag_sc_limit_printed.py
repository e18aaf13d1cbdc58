r"""Footnote 2 as printed: "assume L is sqrt(lambda_0/2)-strongly convex and b = sqrt(2 lambda_0)". Refuted.

Assumptions
-----------
NAG-SC with the constant mu of strong convexity has the flow with b = 2 sqrt(mu) (`nag_sc_limit`).

Source
------
Bu, Xu and Chen (2021), footnote 2.

Idea of the refutation
----------------------
At lambda_0 = 1/8 the printed constant is mu = 1/4 and gives b = 1; sqrt(2 lambda_0) is 1/2.

Deviations from the paper
-------------------------
A typographical slip: the algorithm below the sentence uses sqrt(lambda_0 eta/2), which is sqrt(mu eta) for mu =
lambda_0/2.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, by, equate, show_less, show_violated
from odeflow.symbolic.flows import nesterov_strongly_convex
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view import nag_sc_limit
from theory.bu2021_dynamical_view.notation import LAMBDA0, MU, PAPER, SYMBOLS

DAMPING = sp.Function("b", positive=True)


def has_damping(mu: sp.Expr) -> Claim:
    """Return the claim that NAG-SC with the constant `mu` has b = sqrt(2 lambda_0)."""
    return Claim(
        "NAG-SC for a sqrt(lambda_0/2)-strongly convex loss has the flow with b = sqrt(2 lambda_0).",
        equate(DAMPING(mu), sp.sqrt(2 * LAMBDA0)),
        ("learning rate to 0, t = k sqrt(eta)",),
        {DAMPING(mu): "damping of the flow of NAG-SC with this constant", LAMBDA0: SYMBOLS[LAMBDA0]},
    )


CLAIM = has_damping(sp.sqrt(LAMBDA0 / 2))
CORRECTED = has_damping(LAMBDA0 / 2)


def counterexample(claim: Claim) -> Derivation:
    """lambda_0 = 1/8, which unit-norm data allow."""
    at = {LAMBDA0: sp.Rational(1, 8)}
    mu = claim.formula.lhs.args[0]
    damping = nesterov_strongly_convex(MU).coefficients[0].subs(MU, mu.subs(at))
    limit = nag_sc_limit
    return Derivation(
        (
            assume("lambda_0 = 1/8"),
            show_less("lambda_0 <= 1/2", at[LAMBDA0], sp.Rational(1, 2)),
            by("nag_sc_limit: b = 2 sqrt(mu)", limit.derive(limit.CLAIM), limit.CLAIM.formula),
            show_violated("it is not sqrt(2 lambda_0) = 1/2", claim.formula, {claim.formula.lhs: damping, **at}),
        )
    )


FALSE_TWINS = (FalseTwin("mu = lambda_0", {"claim": has_damping(LAMBDA0)}),)

THEOREM = Theorem(
    name="nag_sc_limit_printed",
    source=Source(PAPER, "Footnote 2", "as printed"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("nag_sc_limit", "damping_twice_the_root_printed"),
)
