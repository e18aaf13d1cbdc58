r"""Theorem 3.2 with a first term rho (F(w_1) - F*)/T, not divided by alpha. Refuted: small steps are slow.

Assumptions
-----------
Those of Theorem 3.2: A1, alpha < 2/(N L), the confusion bound eta along the path.

Source
------
"Gradient Confusion" (2020), Theorem 3.2: in the text we hold the first term may be read without 1/alpha.

Idea of the refutation
----------------------
N = 1, f = w^2/2, alpha = 1/1000, T = 10: ten small steps from w_1 = 1 leave |w| above 0.99; rho/(2T) is about
1/20.

Deviations from the paper
-------------------------
If the paper's term does carry 1/alpha, as its proof does, it is right: `sgd_stationary`. This reading is not held
against the paper; it is refuted so that nobody takes it up.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, infer, show_equal, show_less, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import sgd_stationary
from theory.iclr2020_gradient_confusion._sgd import ALPHA, ETA, FIRST_GAP, LEAST_GRADIENT, SAMPLES, SMOOTH, STEPS
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.sgd_stationary import RHO, stationary

CLAIM = stationary(RHO * FIRST_GAP / STEPS, RHO * ETA)


def counterexample(claim: Claim) -> Derivation:
    """Take ten steps of length 1/1000 on w^2/2."""
    alpha, count = sp.Rational(1, 1000), 10
    w, iterates = sp.Symbol("w", real=True), [sp.Integer(1)]
    for _ in range(count - 1):
        iterates.append(iterates[-1] - alpha * sp.diff(w**2 / 2, w).subs(w, iterates[-1]))
    at = {
        SAMPLES: sp.Integer(1),
        SMOOTH: sp.Integer(1),
        ALPHA: alpha,
        ETA: sp.Integer(0),
        STEPS: sp.Integer(count),
        FIRST_GAP: sp.Rational(1, 2),
        LEAST_GRADIENT: iterates[-1] ** 2,
    }
    return Derivation(
        (
            define("f = w^2/2 alone (N = 1, no pair, eta = 0), w_1 = 1, alpha = 1/1000, T = 10"),
            show_less("alpha is below 2/(N L) = 2", alpha, sp.Integer(2)),
            show_equal("w_10 = (1 - alpha)^9", iterates[-1], (1 - alpha) ** (count - 1), name="w_10"),
            infer("|w_k| falls with k: the least squared gradient is the last"),
            show_violated("after ten steps", claim.formula, at),
        )
    )


FALSE_TWINS = (
    FalseTwin("over sqrt(alpha)", {"claim": stationary(RHO / sp.sqrt(10 * ALPHA) * FIRST_GAP / STEPS, RHO * ETA)}),
)

THEOREM = Theorem(
    name="sgd_stationary_without_step",
    source=Source(PAPER, "Theorem 3.2", "read without 1/alpha in the first term; corrected in sgd_stationary"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=sgd_stationary.CLAIM,
    twins=FALSE_TWINS,
    related=("sgd_stationary", "sgd_stationary_printed"),
)
