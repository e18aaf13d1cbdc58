r"""Section 3, Cauchy-Schwarz: at a minimiser with mean|g_i|^2 = sigma^2 the confusion bound is at most N sigma^2/2.

Assumptions
-----------
g_1, ..., g_N any gradients, N >= 2 (at a minimiser w*, where mean|g_i|^2 is the variance of the gradients).

Source
------
"Gradient Confusion" (2020), section 3: "if E|grad f_i(w*)|^2 = O(eps), then E|<grad f_i(w*), grad f_j(w*)>| = O(eps)",
hence "the gradient confusion at the minimizer is small".

Idea of the proof
-----------------
-<g_1, g_2> = (|g_1|^2 + |g_2|^2 - |g_1 + g_2|^2)/2 for the worst pair, whose squares are part of N mean|g_i|^2.

Deviations from the paper
-------------------------
The bound on expectations becomes a bound on the worst pair only with the factor N/2, which is attained by g_1 = -g_2
and N - 2 zero gradients: eta = O(eps) for fixed N, not uniformly in N.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, define, infer, show_equal
from odeflow.symbolic.inner_products import Vector, inner, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._gradient_sets import (
    ROUNDING,
    WHERE,
    drawn_sets,
    integer_sets,
    outside,
    set_evidence,
)
from theory.iclr2020_gradient_confusion._sgd import ETA, SAMPLES
from theory.iclr2020_gradient_confusion._steps import conclude
from theory.iclr2020_gradient_confusion.confusion_bounds_second_moment import MEAN_SQUARE
from theory.iclr2020_gradient_confusion.notation import PAPER


def confusion_at_most(bound: sp.Expr) -> Claim:
    """Return the claim eta <= bound."""
    return Claim(
        "Confusion is at most N/2 times the mean squared gradient.",
        sp.Le(ETA, bound, evaluate=False),
        ("g_1, ..., g_N any gradients, N >= 2",),
        {s: WHERE[s] for s in (ETA, SAMPLES, MEAN_SQUARE)},
    )


CLAIM = confusion_at_most(SAMPLES * MEAN_SQUARE / 2)


def derive(claim: Claim) -> Derivation:
    """Complete the square for the worst pair."""
    a, b = Vector.base("a"), Vector.base("b")
    steps = [
        define("a, b: the two gradients with the smallest inner product; if that is >= 0 then eta = 0"),
        show_equal(
            "complete the square", (norm2(a) + norm2(b) - norm2(a + b)) / 2, -inner(a, b),
            name="(|a|^2 + |b|^2 - |a + b|^2)/2",
        ),
        infer("|a + b|^2 >= 0, so eta <= (|a|^2 + |b|^2)/2, and |a|^2 + |b|^2 is part of the sum N mean|g_i|^2"),
    ]  # fmt: skip
    return Derivation((*steps, conclude("put together", claim.formula, ETA, SAMPLES * MEAN_SQUARE / 2, from_=steps)))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw sets of gradients; an opposite pair among zeros attains the bound."""
    return set_evidence(claim, drawn_sets(seed), seed=seed, observed=" (0: attained by opposite pairs)")


def domain() -> st.SearchStrategy[Any]:
    """Two to five integer vectors of the plane."""
    return integer_sets()


def holds(claim: Claim, case: Any) -> bool:
    """Check the bound on one set."""
    return outside(claim, case) <= ROUNDING


FALSE_TWINS = (
    FalseTwin("without the factor N/2", {"claim": confusion_at_most(MEAN_SQUARE)}),
    FalseTwin("N - 1 in place of N", {"claim": confusion_at_most((SAMPLES - 1) * MEAN_SQUARE / 2)}),
)

THEOREM = Theorem(
    name="confusion_from_variance",
    source=Source(PAPER, "Section 3, Cauchy-Schwarz", "with the constant N/2, for the worst pair"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("stationary_confusion", "confusion_from_gradient_variance"),
)
