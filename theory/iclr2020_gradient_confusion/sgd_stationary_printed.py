r"""Theorem 3.2 as printed, with F(w_T) - F* on the right. Refuted: the last iterate may be too good.

Assumptions
-----------
Those of Theorem 3.2: A1, alpha < 2/(N L), the confusion bound eta along the path.

Source
------
"Gradient Confusion" (2020), Theorem 3.2 (section 3 and Appendix D.1): the statement has F(w_T), the proof F(w_1).

Idea of the refutation
----------------------
N = 2 equal functions w^2/2, alpha = 1/2: no confusion, w_k = 2^{1-k}. The least squared gradient is w_T^2, and the
printed bound is (4/T) w_T^2.

Deviations from the paper
-------------------------
The corrected theorem is `sgd_stationary`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, infer, show_equal, show_less, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import sgd_stationary
from theory.iclr2020_gradient_confusion._sgd import ALPHA, ETA, FIRST_GAP, LEAST_GRADIENT, SAMPLES, SMOOTH, STEPS
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.sgd_stationary import RHO, stationary

REACHED_GAP = sp.Symbol("F(w_T) - F*", nonnegative=True)
COUNT = sp.Integer(8)


def with_last(factor: sp.Expr) -> Claim:
    """Return the claim with F(w_T) - F*, its first term times `factor`."""
    claim = stationary(factor * RHO / ALPHA * REACHED_GAP / STEPS, RHO * ETA)
    return Claim(
        "min_k E|grad F(w_k)|^2 <= (rho/alpha)(F(w_T) - F*)/T + rho eta.",
        claim.formula,
        claim.assumptions,
        {**claim.where, REACHED_GAP: "suboptimality of the last iterate"},
    )


CLAIM = with_last(sp.Integer(1))


def counterexample(claim: Claim) -> Derivation:
    """Halve w at every step: w_8 = 1/128."""
    half, w, k = sp.Rational(1, 2), sp.Symbol("w", real=True), sp.Symbol("k", integer=True, positive=True)
    function, iterate = w**2 / 2, half ** (k - 1)
    last = iterate.subs(k, COUNT)
    at = {
        SAMPLES: sp.Integer(2),
        SMOOTH: sp.Integer(1),
        ALPHA: half,
        ETA: sp.Integer(0),
        STEPS: COUNT,
        LEAST_GRADIENT: last**2,
        REACHED_GAP: function.subs(w, last),
        FIRST_GAP: function.subs(w, 1),
    }
    return Derivation(
        (
            define("f_1 = f_2 = w^2/2, w_1 = 1, alpha = 1/2, T = 8; whichever function is drawn, the step is the same"),
            show_equal(
                "L = 1: the second derivative", sp.diff(function, w, 2), sp.Integer(1), name="second derivative"
            ),
            show_less("alpha = 1/2 is below 2/(N L) = 1", half, sp.Integer(1)),
            show_less("the inner product of the two gradients is w^2 >= 0: eta = 0 will do", sp.Integer(0), last**2),
            show_equal(
                "w_{k+1} = w_k - alpha w_k",
                iterate.subs(k, k + 1),
                iterate - half * sp.diff(function, w).subs(w, iterate),
            ),
            infer("|w_k| falls with k: the least squared gradient is the last, w_8^2, and nothing is random"),
            show_violated("w_8 = 1/128", claim.formula, at),
        )
    )


FALSE_TWINS = (FalseTwin("half of the first term", {"claim": with_last(sp.Rational(1, 2))}),)

THEOREM = Theorem(
    name="sgd_stationary_printed",
    source=Source(PAPER, "Theorem 3.2", "as printed, with F(w_T); corrected in sgd_stationary"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=sgd_stationary.CLAIM,
    twins=FALSE_TWINS,
    related=("sgd_stationary", "sgd_stationary_without_step"),
)
