r"""Theorem 3.2, corrected: min_k E|grad F(w_k)|^2 <= (rho/alpha)(F(w_1) - F*)/T + rho eta.

Assumptions
-----------
A1 (every f_i is L-smooth, not necessarily convex), alpha < 2/(N L), rho = 2N/(2 - N L alpha), the confusion bound eta
along the path, F bounded below.

Source
------
"Gradient Confusion" (2020), Theorem 3.2 and its proof in Appendix D.1.

Idea of the proof
-----------------
Sum the one-step descent over k, use E|g_k|^2 >= |grad F(w_k)|^2 (the mean of squares is at least the square of the
mean) and that F never falls below F*.

Deviations from the paper
-------------------------
The theorem prints F(w_T) in place of F(w_1); its proof has F(w_1) (`sgd_stationary_printed`). Whether the first term
carries 1/alpha cannot be read in the text we hold; without it the bound is false (`sgd_stationary_without_step`).
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, Step, infer, show_equal
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._sgd import (
    ALPHA,
    CURVED,
    ETA,
    FIRST_GAP,
    LEAST_GRADIENT,
    SAMPLES,
    SMOOTH,
    STEPS,
    SYMBOLS,
    TreeCase,
    descent,
    tree_cases,
    tree_evidence,
    tree_holds,
)
from theory.iclr2020_gradient_confusion._steps import conclude
from theory.iclr2020_gradient_confusion.notation import PAPER

RHO = 2 * SAMPLES / (2 - SAMPLES * SMOOTH * ALPHA)
IN_CURVED = {SMOOTH: (2 - CURVED) / (SAMPLES * ALPHA)}


def stationary(first: sp.Expr, noise: sp.Expr) -> Claim:
    """Return the claim min_k E|grad F(w_k)|^2 <= first + noise."""
    return Claim(
        "SGD on smooth functions with confusion eta comes near a stationary point at rate 1/T.",
        sp.Le(LEAST_GRADIENT, first + noise, evaluate=False),
        ("A1 for every f_i, F bounded below", "alpha < 2/(N L)", "confusion eta at every point of the path"),
        {s: SYMBOLS[s] for s in (LEAST_GRADIENT, FIRST_GAP, STEPS, SAMPLES, SMOOTH, ALPHA, ETA)},
    )


CLAIM = stationary(RHO / ALPHA * FIRST_GAP / STEPS, RHO * ETA)


def summed() -> list[Step]:
    """Return the steps to the sum over k = 1, ..., T of (alpha q/(2N)) E|grad F(w_k)|^2."""
    return [
        *descent(),
        infer("mean over i: mean|g_i|^2 >= |grad F|^2, the mean of squares is at least the square of the mean"),
        infer("sum over k = 1, ..., T: (alpha q/(2N)) sum E|grad F(w_k)|^2 <= F(w_1) - F* + T alpha (N-1) eta/N"),
        infer("the least of T numbers is at most their mean"),
        show_equal(
            "rho/alpha is one over alpha q/(2N)",
            (RHO / ALPHA).xreplace(IN_CURVED) * ALPHA * CURVED / (2 * SAMPLES),
            sp.Integer(1),
            name="(rho/alpha) alpha q/(2N)",
        ),
    ]


def derive(claim: Claim) -> Derivation:
    """Sum the descent and divide."""
    steps = summed()
    derived = RHO / ALPHA * (FIRST_GAP / STEPS + ALPHA * (SAMPLES - 1) * ETA / SAMPLES)
    last = conclude(
        "put together",
        claim.formula,
        LEAST_GRADIENT,
        derived,
        from_=steps,
        at=IN_CURVED,
        lower={SAMPLES: sp.Integer(1)},
    )
    return Derivation((*steps, last))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Enumerate 28 trees and hold the least expected squared gradient against the bound."""
    return tree_evidence(claim, seed, TreeCase.least_gradient, "least E|grad F|^2")


def domain() -> st.SearchStrategy[tuple[Any, ...]]:
    """Separable quadratics with small trees."""
    return tree_cases()


def holds(claim: Claim, case: tuple[Any, ...]) -> bool:
    """Check the bound exactly on one tree."""
    return tree_holds(claim, case, TreeCase.least_gradient)


FALSE_TWINS = (
    FalseTwin("T replaced by its cube", {"claim": stationary(RHO / ALPHA * FIRST_GAP / STEPS**3, RHO * ETA)}),
    FalseTwin("alpha in the place of 1/alpha", {"claim": stationary(RHO * ALPHA * FIRST_GAP / STEPS, RHO * ETA)}),
)

THEOREM = Theorem(
    name="sgd_stationary",
    source=Source(PAPER, "Theorem 3.2", "with F(w_1) for F(w_T), and 1/alpha in the first term"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("sgd_stationary_printed", "sgd_stationary_without_step", "sgd_stationary_sharper"),
)
