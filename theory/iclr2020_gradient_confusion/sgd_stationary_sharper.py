r"""A1 alone: min_k E|grad F(w_k)|^2 <= (2/(alpha q))(F(w_1) - F*)/T + L alpha (N-1) eta/q, q = 2 - N L alpha. New.

Assumptions
-----------
A1, alpha < 2/(N L), the confusion bound eta along the path, F bounded below.

Source
------
Sharper than "Gradient Confusion" (2020), Theorem 3.2; against section 6 ("the noise term does not depend on the
learning rate").

Idea of the proof
-----------------
E[F(w+)] <= F - alpha |grad F|^2 + (L alpha^2/2) mean|g_i|^2, and `confusion_bounds_second_moment` for the last term.

Deviations from the paper
-------------------------
The first term is N times smaller than in Theorem 3.2 and the noise term carries a factor alpha.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, Step, assume, by, define, infer, show_equal, show_value
from odeflow.symbolic.inner_products import Vector, inner, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import confusion_bounds_second_moment as moment
from theory.iclr2020_gradient_confusion._sgd import (
    ALPHA,
    ETA,
    FIRST_GAP,
    LEAST_GRADIENT,
    SAMPLES,
    SMOOTH,
    STEPS,
    TreeCase,
    tree_cases,
    tree_evidence,
    tree_holds,
)
from theory.iclr2020_gradient_confusion._steps import conclude
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.sgd_stationary import IN_CURVED, stationary

Q = 2 - SAMPLES * SMOOTH * ALPHA
CLAIM = stationary(2 / (ALPHA * Q) * FIRST_GAP / STEPS, SMOOTH * ALPHA * (SAMPLES - 1) * ETA / Q)


def descent_in_mean() -> list[Step]:
    """Return the steps to E[F(w+)] <= F - (alpha q/2)|grad F|^2 + L alpha^2 (N-1) eta/2."""
    mean, g = Vector.base("gradF"), Vector.base("g_i")
    full = moment.FULL
    return [
        assume("A1 for every f_i; <g_i, g_j> >= -eta along the path; alpha < 2/(N L)"),
        define("one step with f_i: w+ = w - alpha g_i, and A1 at w+"),
        show_value(
            "the two terms of A1",
            inner(mean, -ALPHA * g) + SMOOTH / 2 * norm2(-ALPHA * g),
            -ALPHA * inner(mean, g) + SMOOTH * ALPHA**2 / 2 * norm2(g),
        ),
        infer("mean over i: <grad F, mean g_i> = |grad F|^2"),
        by("confusion_bounds_second_moment", moment.derive(moment.CLAIM), moment.CLAIM.formula),
        show_equal(
            "so E[F(w+)] - F is at most",
            -ALPHA * full + SMOOTH * ALPHA**2 / 2 * moment.CLAIM.formula.rhs,
            -ALPHA * Q / 2 * full + SMOOTH * ALPHA**2 * (SAMPLES - 1) * ETA / 2,
        ),
    ]


def derive(claim: Claim) -> Derivation:
    """Sum the descent in mean and divide by alpha q/2."""
    steps = [
        *descent_in_mean(),
        infer("sum over k = 1, ..., T; F never falls below F*; the least of T numbers is at most their mean"),
    ]
    derived = 2 / (ALPHA * Q) * (FIRST_GAP / STEPS + SMOOTH * ALPHA**2 * (SAMPLES - 1) * ETA / 2)
    return Derivation(
        (*steps, conclude("put together", claim.formula, LEAST_GRADIENT, derived, from_=steps, at=IN_CURVED))
    )


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
    FalseTwin(
        "T replaced by its square",
        {"claim": stationary(2 / (ALPHA * Q) * FIRST_GAP / STEPS**2, SMOOTH * ALPHA * (SAMPLES - 1) * ETA / Q)},
    ),
    FalseTwin(
        "without the half-step q",
        {"claim": stationary(ALPHA * Q * FIRST_GAP / STEPS, SMOOTH * ALPHA * (SAMPLES - 1) * ETA / Q)},
    ),
)

THEOREM = Theorem(
    name="sgd_stationary_sharper",
    source=Source(PAPER, "Theorem 3.2", "sharper: the first term N times smaller, the noise proportional to alpha"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("sgd_stationary", "confusion_bounds_second_moment", "sgd_linear_neighbourhood_pl"),
)
