r"""Section 3, corrected: b = sqrt(2 lambda_0) is twice the square root of the strong convexity of the pseudo-loss.

Assumptions
-----------
H >= (lambda_0/2) I, the paper's hypothesis: Lhat = <H Delta, Delta>/2 is mu-strongly convex in Delta with mu =
lambda_0/2.

Source
------
Bu, Xu and Chen (2021), section 3, before (3.5): "when b = sqrt(2 lambda_0), i.e. twice the strongly convexity of
Lhat".

Idea of the proof
-----------------
Lhat - (mu/2) |Delta|^2 is positive semidefinite on every mode with lambda >= mu, and mu is the largest such number.
2 sqrt(lambda_0/2) = sqrt(2 lambda_0).

Deviations from the paper
-------------------------
"The square root of" is missing in the paper (`damping_twice_the_root_printed`); damping and eigenvalues differ in
unit.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, equate, infer, show_equal, show_with
from odeflow.symbolic.flows import heavy_ball
from odeflow.symbolic.inner_products import norm2
from odeflow.symbolic.lyapunov import mode_matrix, show_energy_positive
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import ERROR, LAMBDA, LAMBDA0, MU, PAPER, PSEUDO_LOSS_FORM, SYMBOLS

DAMPING = sp.Symbol("b", positive=True)


def equals(value: sp.Expr) -> Claim:
    """Return the claim that the paper's damping b = sqrt(2 lambda_0) is `value`."""
    return Claim(
        "The paper's damping is twice the square root of the strong convexity of the pseudo-loss.",
        equate(DAMPING, value),
        ("H >= (lambda_0/2) I", "b = sqrt(2 lambda_0)"),
        {DAMPING: "damping, 1/time", MU: "strong convexity of Lhat in Delta, lambda_0/2", LAMBDA0: SYMBOLS[LAMBDA0]},
    )


CLAIM = equals(2 * sp.sqrt(MU))
SETTING = {DAMPING: sp.sqrt(2 * LAMBDA0), MU: LAMBDA0 / 2}


def derive(claim: Claim) -> Derivation:
    """Find the strong convexity, and compare."""
    flow = heavy_ball(DAMPING)
    excess = sp.Symbol("d", positive=True)
    at_lowest = mode_matrix(PSEUDO_LOSS_FORM - (MU + excess) / 2 * norm2(ERROR), flow, LAMBDA)[0, 0].subs(LAMBDA, MU)
    convex = show_energy_positive(
        "Lhat >= (mu/2) |Delta|^2 when H >= mu I: Lhat is mu-strongly convex",
        PSEUDO_LOSS_FORM,
        MU / 2 * norm2(ERROR),
        flow,
        eigenvalue=LAMBDA,
        lower={LAMBDA: MU},
    )
    return Derivation(
        (
            assume("H >= (lambda_0/2) I = mu I, b = sqrt(2 lambda_0)"),
            convex,
            show_equal(
                "and no more: with mu + d it fails at lambda = mu", at_lowest, -excess / 2, name="the form's value"
            ),
            infer("so the strong convexity of Lhat is mu = lambda_0/2"),
            show_with("put both in", claim.formula, SETTING),
        )
    )


FALSE_TWINS = (
    FalseTwin("the root itself, not twice", {"claim": equals(sp.sqrt(MU))}),
    FalseTwin("twice the strong convexity, as printed", {"claim": equals(2 * MU)}),
)

THEOREM = Theorem(
    name="damping_twice_the_root",
    source=Source(PAPER, "Section 3, before (3.5)", "corrected: twice the square root"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    twins=FALSE_TWINS,
    related=("damping_twice_the_root_printed", "nag_sc_limit"),
)
